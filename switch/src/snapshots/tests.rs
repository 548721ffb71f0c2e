use super::*;
use auth::{Account, AccountId, AccountKind, Record};
use card::Currency;
use store::{Batch, FileJournal, Journal, JournalError};

/// A journal of several segments, a snapshot in the midst of it, and what both add up to.
struct Data {
    folder: tempfile::TempDir,
    keys: DataKeys,
}

const ACCOUNTS: usize = 300;

impl Data {
    fn new() -> Data {
        let (folder, keys) = (tempfile::tempdir().unwrap(), DataKeys::in_memory().unwrap());
        let data = Data { folder, keys };
        let sizes = store::Settings { segment_bytes: 8192 };
        let (mut journal, _) =
            FileJournal::open(&data.journal(), &data.keys, sizes, &mut |_, _, _| Ok(())).unwrap();
        let mut state = State::default();
        for number in 0..ACCOUNTS {
            let mut batch = Batch::new();
            let record = opened(number);
            batch.push_with(|out| store::encode_record(&record, out));
            journal.append(Stream(0), journal.position(Stream(0)), &batch).unwrap();
            journal.sync().unwrap();
            state.apply(&record);
            if number == ACCOUNTS / 2 {
                data.take(1, &state, number as u64 + 1);
            }
        }
        assert!(store::segments(&data.journal()).unwrap().len() > 3);
        data
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn snapshots(&self) -> PathBuf {
        self.folder.path().join("snapshots")
    }

    fn take(&self, number: u64, state: &State, records: u64) {
        let segment = *store::segments(&self.journal()).unwrap().last().unwrap();
        let info = SnapshotInfo { number, shards: 1, segment, positions: vec![records] };
        let mut writer = SnapshotWriter::create(&self.snapshots(), &self.keys, &info).unwrap();
        state.freeze().into_each(|element| writer.push(0, element).unwrap());
        writer.finish().unwrap();
    }

    /// Makes the newest snapshot one of another version, as another build would have written it.
    fn of_version(&self, version: u32) -> PathBuf {
        let (_, path) = store::snapshots(&self.snapshots()).unwrap().remove(0);
        let mut content = std::fs::read(&path).unwrap();
        content[8..12].copy_from_slice(&version.to_le_bytes());
        std::fs::write(&path, content).unwrap();
        path
    }

    fn retire_the_first(&self) {
        std::fs::remove_file(store::segment_file(&self.journal(), 1)).unwrap();
    }

    /// Number of accounts of a start.
    fn read(&self) -> Result<usize, RecoveryError> {
        let (mut state, start) = restore_state_from(&self.snapshots(), &self.journal(), &self.keys)?;
        let read = store::read_from(&self.journal(), &self.keys, start, &mut |_, _, bytes| {
            state.apply(&store::decode_record(bytes)?);
            Ok(())
        });
        read.map_err(RecoveryError::Journal)?;
        Ok(state.size().1)
    }
}

fn opened(number: usize) -> Record {
    Record::AccountStored(Account {
        id: AccountId::new(&format!("ACC-{number}")).unwrap(),
        currency: Currency::parse("EUR").unwrap(),
        kind: AccountKind::Default,
        opening_minor: 100,
        credit_line_minor: 0,
        customer: None,
        home: None,
        customer_home: None,
    })
}

#[test]
fn a_snapshot_of_another_version_is_passed_over_while_all_of_the_journal_is_there() {
    for version in [1, 2, u32::MAX] {
        let data = Data::new();
        data.of_version(version);
        assert_eq!(data.read().unwrap(), ACCOUNTS, "version {version}");
    }
}

#[test]
fn where_the_journal_has_lost_its_beginning_the_start_stops_and_says_why() {
    for version in [1, 2, u32::MAX] {
        let data = Data::new();
        data.retire_the_first();
        assert_eq!(data.read().unwrap(), ACCOUNTS, "a snapshot that can be read does");
        let path = data.of_version(version);
        let error = data.read().unwrap_err();
        assert!(matches!(
            error,
            RecoveryError::NoSnapshot { error: SnapshotError::Version(..), missing: 1, .. }
        ));
        let expected = format!(
            "snapshot {} has version {version}, and this build reads version 3; the journal in {} does not tell the \
             same, since its segment 1 is missing: start with the build that wrote the snapshot, or move all segments \
             that were retired back into that folder",
            path.display(),
            data.journal().display()
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn an_older_snapshot_that_can_be_read_does() {
    let data = Data::new();
    let mut state = State::default();
    (0..ACCOUNTS).for_each(|number| state.apply(&opened(number)));
    data.take(2, &state, ACCOUNTS as u64);
    data.of_version(4);
    data.retire_the_first();
    assert_eq!(data.read().unwrap(), ACCOUNTS);
}

#[test]
fn a_damaged_snapshot_is_no_journal_either() {
    let data = Data::new();
    let (_, path) = store::snapshots(&data.snapshots()).unwrap().remove(0);
    let mut content = std::fs::read(&path).unwrap();
    *content.last_mut().unwrap() ^= 1;
    std::fs::write(&path, content).unwrap();
    assert_eq!(data.read().unwrap(), ACCOUNTS);
    data.retire_the_first();
    let error = data.read().unwrap_err().to_string();
    assert!(error.contains("the seal of a frame is broken") && error.contains("from a backup"), "{error}");
    // Without any snapshot the journal says it by itself.
    std::fs::remove_file(&path).unwrap();
    let error = data.read().unwrap_err();
    assert!(matches!(error, RecoveryError::Journal(JournalError::Damaged { .. })), "{error}");
}
