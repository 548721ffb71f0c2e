use crate::{SMALL, append, keys, open, read, segment, written};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use store::{DataKeys, DataKeysError, FileJournal, Journal, JournalError, MasterKey, Sequence, Stream};

/// The data key that the header of a segment names, by the layout in `docs/journal.md`.
fn data_key(dir: &Path, number: u64) -> u32 {
    let content = fs::read(segment(dir, number)).unwrap();
    u32::from_le_bytes(content[68..72].try_into().unwrap())
}

/// Appends records until the journal has begun another segment.
fn fill_segment(journal: &mut FileJournal, dir: &Path, number: u64) {
    while !segment(dir, number + 1).exists() {
        append(journal, Stream(1), &[&[b'x'; 1500]]);
        journal.sync().unwrap();
    }
}

#[test]
fn a_rotation_takes_effect_at_the_next_segment_and_all_of_them_are_read() {
    let (dir, _) = written(&["first"]);
    let (mut journal, ..) = open(dir.path()).unwrap();
    fill_segment(&mut journal, dir.path(), 1);
    // Another process rotates, twice, while this one writes.
    let other = keys(dir.path());
    assert_eq!(other.rotate().unwrap(), 2);
    fill_segment(&mut journal, dir.path(), 2);
    other.rotate().unwrap();
    fill_segment(&mut journal, dir.path(), 3);
    append(&mut journal, Stream(1), &[b"last"]);
    journal.sync().unwrap();
    let used: Vec<u32> = (1..=4).map(|number| data_key(dir.path(), number)).collect();
    assert_eq!(used, [1, 1, 2, 3]);

    let position = journal.position(Stream(1));
    let (replay, seen) = read(dir.path()).unwrap();
    assert_eq!((replay.records, seen.last().unwrap().2.as_slice()), (position.0, &b"last"[..]));
    drop(journal);
    // A writer goes on in the newest segment under the key of that segment.
    keys(dir.path()).rotate().unwrap();
    let (mut journal, ..) = open(dir.path()).unwrap();
    append(&mut journal, Stream(1), &[b"more"]);
    journal.sync().unwrap();
    assert_eq!(read(dir.path()).unwrap().0.records, position.0 + 1);
    assert_eq!(data_key(dir.path(), 4), 3);
}

#[test]
fn a_writer_goes_on_when_the_keys_cannot_be_taken_up() {
    let (dir, _) = written(&["first"]);
    let (mut journal, ..) = open(dir.path()).unwrap();
    let new_master = MasterKey::generate().unwrap();
    let file = dir.path().join(DataKeys::FILE_NAME);
    keys(dir.path()).rewrap(&new_master).unwrap();
    let rewrapped = DataKeys::open(&file, &new_master).unwrap();
    rewrapped.rotate().unwrap();
    fill_segment(&mut journal, dir.path(), 1);
    fs::remove_file(&file).unwrap();
    fill_segment(&mut journal, dir.path(), 2);
    assert_eq!(data_key(dir.path(), 3), 1);
    let replay = store::read_all(dir.path(), &rewrapped, &mut |_, _, _| Ok(())).unwrap();
    assert_eq!(replay.position(Stream(1)), journal.position(Stream(1)));
}

/// A writable copy of `fixtures/journal_v1`.
fn format_1() -> (tempfile::TempDir, PathBuf, MasterKey) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/journal_v1");
    let copy = tempfile::tempdir().unwrap();
    let journal = copy.path().join("journal");
    fs::create_dir(&journal).unwrap();
    for entry in fs::read_dir(fixture.join("journal")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), journal.join(entry.file_name())).unwrap();
    }
    let master = fs::read_to_string(fixture.join("master.key")).unwrap();
    (copy, journal, MasterKey::from_hex(&master).unwrap())
}

#[test]
fn a_journal_of_format_1_is_read_and_goes_on_in_format_2() {
    let (copy, journal_dir, master) = format_1();
    assert_eq!(store::newest_format(&journal_dir).unwrap(), Some(1));
    let file = copy.path().join(DataKeys::FILE_NAME);
    let keys = DataKeys::adopt(&file, &master).unwrap();
    let mut lines = Vec::new();
    let (mut journal, replay) = FileJournal::open(&journal_dir, &keys, SMALL, &mut |stream, _, bytes| {
        lines.push(format!("{} {}", stream.0, describe(&store::decode_record(bytes)?)));
        Ok(())
    })
    .unwrap();
    let expected = include_str!("../../../fixtures/journal_v1/records.txt");
    assert_eq!(lines.join("\n") + "\n", expected);
    let kinds = ["card-stored", "account-stored", "decided", "reversed", "reversal-remembered", "completed"];
    for kind in kinds.into_iter().chain(["hold-expired"]) {
        assert!(lines.iter().any(|line| line.split(' ').nth(1) == Some(kind)), "no {kind}");
    }

    // The newest segment goes on as it is, and the next one is of format 2.
    let first_new = replay.segments + 1;
    fill_segment(&mut journal, &journal_dir, replay.segments);
    fill_segment(&mut journal, &journal_dir, first_new);
    assert_eq!(store::newest_format(&journal_dir).unwrap(), Some(2));
    assert_eq!(data_key(&journal_dir, first_new), 1);
    let written = journal.position(Stream(1));
    drop(journal);

    // Neither rotation nor another master key takes the old segments away.
    keys.rotate().unwrap();
    let new_master = MasterKey::generate().unwrap();
    keys.rewrap(&new_master).unwrap();
    let opened = DataKeys::open(&file, &new_master).unwrap();
    let again = store::read_all(&journal_dir, &opened, &mut |_, _, _| Ok(())).unwrap();
    assert_eq!(again.position(Stream(1)), written);
    assert!(again.position(Stream(0)) > Sequence(0));
}

#[test]
fn format_1_under_another_master_key_is_told_from_damage() {
    let (copy, journal_dir, master) = format_1();
    let other = DataKeys::adopt(&copy.path().join("other.json"), &MasterKey::generate().unwrap()).unwrap();
    let error = store::read_all(&journal_dir, &other, &mut |_, _, _| Ok(())).unwrap_err();
    assert!(matches!(error, JournalError::WrongKey { .. }), "{error}");

    // Keys that were made for a new folder have no key of format 1.
    let new = DataKeys::create(&copy.path().join("new.json"), &master).unwrap();
    let error = store::read_all(&journal_dir, &new, &mut |_, _, _| Ok(())).unwrap_err();
    assert!(matches!(error, JournalError::UnknownDataKey { version: 0, .. }), "{error}");
    let wrong = DataKeys::open(&copy.path().join("new.json"), &MasterKey::generate().unwrap());
    assert!(matches!(wrong, Err(DataKeysError::WrongMasterKey(_))));
}

/// What a program wrote whose records were of format 2.
#[test]
fn records_of_format_2_are_read() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/journal_v2");
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join(DataKeys::FILE_NAME);
    fs::copy(fixture.join(DataKeys::FILE_NAME), &file).unwrap();
    // A repository keeps no modes.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let master = MasterKey::from_hex(&fs::read_to_string(fixture.join("master.key")).unwrap()).unwrap();
    let keys = DataKeys::open(&file, &master).unwrap();
    let mut lines = Vec::new();
    let mut counted = 0;
    store::read_all(&fixture.join("journal"), &keys, &mut |stream, _, bytes| {
        assert_eq!(bytes[0], 2, "the version of a record");
        let record = store::decode_record(bytes)?;
        // Without its receipt it is the same.
        let mut short = record.clone();
        if let auth::Record::Decided(made) = &mut short {
            // A day counted it, if it moved money, and so it must be given back to that day.
            let moved = made.funds != auth::Funds::None;
            let expected =
                if moved { auth::Counted::of_day(made.transaction) } else { auth::Counted::default() };
            assert_eq!(made.details, auth::Details { counted: expected, ..auth::Details::default() });
            counted += made.details.counted.counts().len();
            made.receipt = auth::Receipt::default();
        }
        let mut read = store::decode_without_receipt(bytes)?;
        if let auth::Record::Decided(made) = &mut read {
            made.receipt = auth::Receipt::default();
        }
        assert_eq!(read, short);
        // Written again it is of today's format, and still the same.
        let mut again = Vec::new();
        store::encode_record(&record, &mut again);
        assert_eq!(store::decode_record(&again)?, record);
        lines.push(format!("{} {}", stream.0, describe(&record)));
        Ok(())
    })
    .unwrap();
    let expected = include_str!("../../../fixtures/journal_v2/records.txt");
    assert_eq!(lines.join("\n") + "\n", expected);
    assert!(counted > 5, "{counted}");
    let kinds = ["card-stored", "account-stored", "decided", "reversed", "reversal-remembered", "completed"];
    for kind in kinds.into_iter().chain(["hold-expired", "card-removed", "account-removed", "recalled"]) {
        assert!(lines.iter().any(|line| line.split(' ').nth(1) == Some(kind)), "no {kind}");
    }
}

/// A record as `records.txt` has it.
fn describe(record: &auth::Record) -> String {
    use auth::Record;
    match record {
        Record::CardStored(card) => format!("card-stored {} {}", card.pan, card.account),
        Record::AccountStored(account) => {
            format!("account-stored {} {}", account.id, account.opening_minor)
        }
        Record::Decided(made) => {
            let (amount, code) = (made.amount_minor, made.code);
            format!("decided {} stan {} amount {amount} code {code}", made.pan, made.stan)
        }
        Record::Reversed(reversed) => {
            format!("reversed {} remaining {}", reversed.pan, reversed.remaining_minor)
        }
        Record::ReversalRemembered(remembered) => {
            format!("reversal-remembered {} stan {}", remembered.pan, remembered.stan)
        }
        Record::Completed(completed) => {
            format!("completed {} dispensed {:?}", completed.pan, completed.dispensed_minor)
        }
        Record::HoldReleased(released) => format!("hold-released {}", released.pan),
        Record::Credited(credited) => format!("credited {} {}", credited.account, credited.minor),
        Record::RemittanceSent(_)
        | Record::RemittanceTaken(_)
        | Record::RemittanceSettled(_)
        | Record::RemittanceForgotten(_) => format!("{record:?}"),
        Record::HoldExpired(expired) => {
            format!("hold-expired {} at {}", expired.pan, expired.time.unix_ms)
        }
        Record::CardRemoved(removed) => format!("card-removed {}", removed.pan),
        Record::AccountRemoved(removed) => format!("account-removed {}", removed.account),
        Record::Recalled(stored) => {
            format!("recalled {} stan {} standing {}", stored.pan, stored.stan, stored.standing_minor)
        }
        Record::LimitChanged(changed) => format!("limit-changed {changed:?}"),
        Record::HolderStored(holder) => format!("holder-stored {holder:?}"),
        Record::TokenStored(token) => format!("token-stored {token:?}"),
        Record::TokenRemoved(removed) => format!("token-removed {removed:?}"),
        Record::HotListChanged(changed) => format!("hot-list-changed {changed:?}"),
        Record::CardAnswered(answer) => format!("card-answered {}", answer.pan),
        Record::ScriptQueued(queued) => format!("script-queued {}", queued.pan),
        Record::ScriptSent(sent) => format!("script-sent {}", sent.pan),
        Record::ScriptConfirmed(confirmed) => format!("script-confirmed {}", confirmed.pan),
        Record::PinTriesCleared(cleared) => format!("pin-tries-cleared {}", cleared.pan),
        other => format!("{other:?}"),
    }
}
