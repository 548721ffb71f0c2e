//! `turnout journal`: what is in the journal, and where it is damaged, without a card number in what is
//! printed.

use crate::Site;
use auth::{
    Check, Details, EntryMode, Funds, LinkName, MessageClass, Receipt, Record, Reversed, Step, Transaction,
    TransactionId, TransactionType, TransmissionTime, Verdict,
};
use card::{Pan, ResponseCode, Stan, TerminalId, Time, UtcOffset};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use store::{Batch, FileJournal, Journal, Settings, Stream};
use switch::{config, recovery};

const PAN: &str = "4000001234567899";
const NOW: Time = Time { unix_ms: 1_795_444_215_000 };

impl Site {
    fn journal(&self, arguments: &[&str]) -> (i32, String, String) {
        let ran = self.turnout("journal", arguments, "");
        assert!(!ran.1.contains("4000001234") && !ran.2.contains("4000001234"), "a card number in clear");
        ran
    }

    fn json(&self, arguments: &[&str], expect: i32) -> Value {
        let (code, out, errors) = self.journal(&[arguments, &["--format", "json"]].concat());
        assert_eq!(code, expect, "{errors}");
        serde_json::from_str(&out).unwrap()
    }

    fn folder(&self) -> PathBuf {
        recovery::journal_folder(&config::load(&self.config).unwrap())
    }

    fn segment(&self, number: u64) -> PathBuf {
        store::segment_file(&self.folder(), number)
    }

    /// Appends records as the shard of this stream would, a batch for each.
    fn append(&self, stream: u16, records: &[Record]) {
        let settings = config::load(&self.config).unwrap();
        let keys = recovery::data_keys(&settings).unwrap();
        // So small that a few records fill a segment.
        let sizes = Settings { segment_bytes: 8192 };
        let (mut journal, _) =
            FileJournal::open(&recovery::journal_folder(&settings), &keys, sizes, &mut |_, _, _| Ok(()))
                .unwrap();
        for record in records {
            let mut batch = Batch::new();
            batch.push_with(|out| store::encode_record(record, out));
            journal.append(Stream(stream), journal.position(Stream(stream)), &batch).unwrap();
            journal.sync().unwrap();
        }
    }
}

/// A decline, without its receipt.
pub(crate) fn transaction(number: u64, time: Time) -> Transaction {
    Transaction {
        id: TransactionId::new(number).unwrap(),
        time,
        business_day: time.day(UtcOffset::default()),
        link: LinkName::new("pos").unwrap(),
        terminal: TerminalId::new(b"TERM0001").unwrap(),
        merchant: None,
        mcc: 5411,
        class: MessageClass::Financial,
        transaction: TransactionType::Purchase,
        pan: Pan::parse(PAN.as_bytes()).unwrap(),
        stan: Stan::new(42).unwrap(),
        rrn: None,
        transmission: TransmissionTime(1_123_143_015),
        amount_minor: 1999,
        currency: 840,
        entry: EntryMode::Chip,
        code: ResponseCode::parse(b"51").unwrap(),
        authorization_id: None,
        issuer_authentication: None,
        balance: None,
        account: None,
        funds: Funds::None,
        pin_tries_used: None,
        atc: Some(7),
        cash: None,
        flags: 0,
        details: Details::default(),
        tables_version: 1,
        receipt: Receipt::default(),
    }
}

fn declined(number: u64) -> Record {
    let check = |step, verdict| Check { step, verdict, seen: 1999, limit: 1000 };
    // Many, so that the records of a test fill several segments.
    let checks = [
        check(Step::Amount, Verdict::Passed),
        check(Step::Funds, Verdict::Failed(ResponseCode::parse(b"51").unwrap())),
    ];
    let checks = checks.into_iter().chain(std::iter::repeat_n(check(Step::Pin, Verdict::Skipped), 30));
    let time = Time { unix_ms: NOW.unix_ms + number as i64 * 1000 };
    let receipt = Receipt { checks: checks.collect() };
    Record::Decided(Box::new(Transaction { receipt, ..transaction(number, time) }))
}

fn reversed(number: u64) -> Record {
    let pan = Pan::parse(PAN.as_bytes()).unwrap();
    let transaction = TransactionId::new(number).unwrap();
    Record::Reversed(Reversed { transaction, pan, time: NOW, remaining_minor: 0, origin: None, shares: None })
}

/// Two streams over several segments.
fn filled() -> Site {
    let site = Site::new(1);
    site.append(3, &[reversed(1), reversed(2)]);
    site.append(0, &(1..=60).map(declined).collect::<Vec<_>>());
    site
}

#[test]
fn a_sound_journal_is_verified_and_counted() {
    let site = filled();
    let found = site.json(&["verify"], 0);
    assert_eq!(
        (&found["sound"], &found["records"], &found["frames"]),
        (&true.into(), &62.into(), &62.into())
    );
    assert_eq!((&found["torn"], &found["damage"]), (&Value::Null, &Value::Array(Vec::new())));
    let (code, out, _) = site.journal(&["verify"]);
    assert!(code == 0 && out.ends_with("sound\n"), "{out}");

    let counts = site.json(&["stat"], 0);
    assert_eq!(counts["kinds"]["decided"], 60);
    assert_eq!(counts["kinds"]["reversed"], 2);
    assert_eq!(counts["segments"], found["segments"]);
    assert_eq!(
        (&counts["from"], &counts["to"]),
        (&"2026-11-23T14:30:15.000Z".into(), &"2026-11-23T14:31:15.000Z".into())
    );
    let streams: Vec<_> =
        counts["streams"].as_array().unwrap().iter().map(|of| (&of["stream"], &of["next"])).collect();
    assert_eq!(streams, [(&0.into(), &60.into()), (&3.into(), &2.into())]);
    assert!(counts["by_segment"].as_array().unwrap().iter().all(|segment| segment["data_key"] == 1));
    let (code, out, _) = site.journal(&["stat"]);
    assert!(code == 0 && out.contains("decided"), "{out}");
}

#[test]
fn a_dump_shows_the_range_asked_for_with_receipts_and_masked_cards() {
    let site = filled();
    let dump = |arguments: &[&str]| {
        let (code, out, errors) = site.journal(&[&["dump"], arguments].concat());
        assert_eq!((code, errors.as_str()), (0, ""));
        out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(dump(&[]).len(), 62);
    assert_eq!(dump(&["--stream", "3"]).len(), 2);
    let lines = dump(&["--stream", "0", "--from", "10", "--to", "12"]);
    assert_eq!(lines.iter().map(|line| &line["sequence"]).collect::<Vec<_>>(), [10, 11, 12]);
    let record = &lines[0]["record"];
    assert_eq!(
        (&lines[0]["kind"], &record["transaction"], &record["pan"]),
        (&"decided".into(), &11.into(), &"400000******7899".into())
    );
    assert_eq!((&record["code"], &record["receipt"][1]["verdict"]), (&"51".into(), &"failed".into()));
    assert_eq!((&record["receipt"][1]["seen"], &record["receipt"][1]["limit"]), (&1999.into(), &1000.into()));
    let first = dump(&["--limit", "1"]);
    assert_eq!((first.len(), &first[0]["kind"], &first[0]["offset"]), (1, &"reversed".into(), &4096.into()));
    let second = dump(&["--segment", "2"]);
    assert!(!second.is_empty() && second.iter().all(|line| line["segment"] == 2));
}

#[test]
fn all_damage_is_named_by_its_place_and_the_exit_code_says_so() {
    let site = filled();
    let sound = site.json(&["verify"], 0);
    let segments = sound["segments"].as_u64().unwrap();
    assert!(segments > 4);
    let damage = |number: u64, place: usize| {
        let file = site.segment(number);
        let mut content = fs::read(&file).unwrap();
        content[place] ^= 0x40;
        fs::write(file, content).unwrap();
    };
    // The payload of the first frame of segment 2, and the header of segment 4.
    damage(2, 4096 + 60);
    damage(4, 20);
    let found = site.json(&["verify"], 65);
    assert_eq!(found["sound"], false);
    let [frame, header] = &found["damage"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(frame["file"], site.segment(2).to_str().unwrap());
    assert_eq!((&frame["offset"], &frame["frame"], &frame["stream"]), (&4096.into(), &0.into(), &0.into()));
    assert!(frame["sequence"].as_u64().unwrap() > 0);
    assert_eq!(header["file"], site.segment(4).to_str().unwrap());
    assert_eq!((&header["offset"], &header["frame"]), (&0.into(), &Value::Null));
    let (code, out, _) = site.journal(&["verify"]);
    assert!(code == 65 && out.contains("DAMAGED in 2 places") && out.contains("frame 0"), "{out}");

    for command in ["stat", "dump"] {
        let (code, _, errors) = site.journal(&[command]);
        assert!(code == 65 && errors.contains("turnout journal verify"), "{errors}");
    }

    // Segments elsewhere; a whole one missing between.
    let copy = site.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for number in [1, 3] {
        fs::copy(site.segment(number), store::segment_file(&copy, number)).unwrap();
    }
    let found = site.json(&["verify", "--folder", copy.to_str().unwrap()], 65);
    let [missing] = &found["damage"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(missing["file"], store::segment_file(&copy, 2).to_str().unwrap());
}

#[test]
fn a_torn_end_is_told_and_is_no_damage() {
    let site = filled();
    let newest = *store::segments(&site.folder()).unwrap().last().unwrap();
    let file = site.segment(newest);
    let mut content = fs::read(&file).unwrap();
    let end = content.iter().rposition(|byte| *byte != 0).unwrap();
    content[end - 3] ^= 1;
    fs::write(&file, content).unwrap();
    let found = site.json(&["verify"], 0);
    assert_eq!((&found["sound"], &found["records"]), (&true.into(), &61.into()));
    assert_eq!(found["torn"]["file"], file.to_str().unwrap());
}

#[test]
fn a_journal_that_is_not_there_yet_is_empty_or_not_to_be_read() {
    let site = Site::new(1);
    for command in ["verify", "stat", "dump"] {
        let (code, _, errors) = site.journal(&[command]);
        assert!(code == 1 && errors.contains("journal"), "{command}: {errors}");
    }
}
