//! What lies on disks out there can be read: fixtures of stored records and elements of snapshots, which today's code
//! must read as what they are, and write in the same bytes.
//!
//! `TURNOUT_WRITE_FIXTURES=1 cargo test -p store formats` adds what the fixtures lack: values at the end of
//! `values.rs` to the journal, another snapshot where the others do not have every variant of an element. What is
//! there already is never written again.

mod coverage;
mod remittances;
mod values;

use crate::element::{self, ELEMENT_VERSION};
use crate::journal::split_record;
use crate::snapshot::{Kind, Reader};
use crate::{
    Batch, DataKeys, FileJournal, Journal, MasterKey, Settings, SnapshotInfo, SnapshotWriter, Stream,
    create_private_file, decode_record, decode_without_receipt, encode_record, read_all, read_snapshot,
    snapshots,
};
use auth::{Element, Memory, Receipt, Record, State};
use coverage::Coverage;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What to do when a form has changed.
const MEND: &str = "Programs out there have written the bytes of the fixture. Take the change back (new variants and \
     new steps go to the end), or raise RECORD_VERSION (store/src/record.rs) or ELEMENT_VERSION \
     (store/src/element.rs), keep the types of version 3 as a reader for it (as store/src/record/v2.rs does), and add \
     a fixture of the new version beside this one";

/// What to do when a fixture does not have everything.
const ADD: &str = "add values at the end of store/src/formats/values.rs, run \
     `TURNOUT_WRITE_FIXTURES=1 cargo test -p store formats`, and commit what it has added";

#[test]
fn records_of_version_3_are_read_and_written_as_in_the_fixture() {
    let values = values::records();
    let folder = fixture("journal_v3");
    if writes() {
        add_records(&folder, &values);
    }
    let stored = stored_records(&folder);
    for (place, (bytes, value)) in stored.iter().zip(&values).enumerate() {
        assert_eq!(bytes[0], 3, "the version of record {place}");
        assert_eq!(decode_record(bytes).as_ref(), Ok(value), "record {place} is read as another. {MEND}");
        let mut short = value.clone();
        if let Record::Decided(made) = &mut short {
            made.receipt = Receipt::default();
        }
        assert_eq!(decode_without_receipt(bytes), Ok(short), "record {place} without its receipt. {MEND}");
        let mut today = Vec::new();
        encode_record(value, &mut today);
        assert!(today == *bytes, "record {place} is written in other bytes: {value:?}. {MEND}");
    }
    assert_eq!(
        stored.len(),
        values.len(),
        "the fixture and store/src/formats/values.rs differ in length: {ADD}"
    );
    let coverage = Coverage::of(&values);
    assert_eq!(coverage.missing::<Record>(), Vec::<String>::new(), "not in the fixture: {ADD}");
}

#[test]
fn snapshots_of_version_3_are_read_and_written_as_in_the_fixture() {
    let folder = fixture("snapshot_v3");
    if writes() {
        add_snapshot(&folder);
    }
    let keys = keys(&folder);
    let mut all = Vec::new();
    for (number, path) in snapshots(&folder.join("snapshots")).unwrap() {
        let (read, stored) = stored_elements(&path, &keys);
        assert_eq!(read, info(number));
        let mut elements = Vec::new();
        let read = read_snapshot(&path, &keys, &mut |shard, element| elements.push((shard, element)));
        assert_eq!(read.unwrap(), info(number), "{MEND}");
        let lines: Vec<String> = elements.iter().map(|(shard, element)| line(*shard, element)).collect();
        let expected = fs::read_to_string(described(&folder, number)).unwrap();
        let expected: Vec<&str> = expected.lines().collect();
        assert_eq!(lines.len(), expected.len());
        for (line, expected) in lines.iter().zip(expected) {
            assert_eq!(line, expected, "an element is read as another. {MEND}");
        }
        for ((_, element), bytes) in elements.iter().zip(&stored) {
            let mut today = Vec::new();
            element::encode(element, &mut today);
            assert!(today == *bytes, "an element is written in other bytes: {element:?}. {MEND}");
        }
        // And states take them.
        let mut states = [State::default(), State::default()];
        for (shard, element) in elements {
            all.push(element.clone());
            states[usize::from(shard)].restore(element);
        }
    }
    assert_eq!(Coverage::of(&all).missing::<Element>(), Vec::<String>::new(), "not in the fixture: {ADD}");
}

/// Later versions have fixtures of their own, and these here stay.
#[test]
fn the_version_of_elements_has_a_fixture() {
    for version in 3..=ELEMENT_VERSION {
        let folder = fixture(&format!("snapshot_v{version}"));
        assert!(
            folder.is_dir(),
            "{} is missing: snapshots of version {version} must stay readable",
            folder.display()
        );
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

fn writes() -> bool {
    std::env::var_os("TURNOUT_WRITE_FIXTURES").is_some()
}

/// The keys of a fixture, from a copy: a repository keeps no modes.
fn keys(folder: &Path) -> DataKeys {
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join(DataKeys::FILE_NAME);
    fs::copy(folder.join(DataKeys::FILE_NAME), &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let master = fs::read_to_string(folder.join("master.key")).unwrap();
    DataKeys::open(&file, &MasterKey::from_hex(&master).unwrap()).unwrap()
}

/// The same, made where there are none yet.
fn made_keys(folder: &Path) -> DataKeys {
    if !folder.join(DataKeys::FILE_NAME).exists() {
        fs::create_dir_all(folder).unwrap();
        let master = MasterKey::generate().unwrap();
        master.create_file(&folder.join("master.key")).unwrap();
        DataKeys::create(&folder.join(DataKeys::FILE_NAME), &master).unwrap();
    }
    keys(folder)
}

fn stored_records(folder: &Path) -> Vec<Vec<u8>> {
    let mut stored = Vec::new();
    let read = read_all(&folder.join("journal"), &keys(folder), &mut |_, _, bytes| {
        stored.push(bytes.to_vec());
        Ok(())
    });
    read.unwrap();
    stored
}

fn add_records(folder: &Path, values: &[Record]) {
    let keys = made_keys(folder);
    let (mut journal, replay) = FileJournal::open(
        &folder.join("journal"),
        &keys,
        Settings { segment_bytes: 1 << 15 },
        &mut |_, _, _| Ok(()),
    )
    .unwrap();
    for group in values[replay.records as usize..].chunks(16) {
        let mut batch = Batch::new();
        group.iter().for_each(|record| batch.push_with(|out| encode_record(record, out)));
        journal.append(Stream(0), journal.position(Stream(0)), &batch).unwrap();
        journal.sync().unwrap();
    }
    let lines: String = values.iter().map(|record| format!("{}\n", words(record))).collect();
    fs::write(folder.join("records.txt"), lines).unwrap();
    fs::remove_file(folder.join("journal/lock")).unwrap();
}

fn add_snapshot(folder: &Path) {
    let keys = made_keys(folder);
    let dir = folder.join("snapshots");
    let found = snapshots(&dir).unwrap();
    let known: Vec<Element> =
        found.iter().flat_map(|(_, path)| elements(path, &keys)).map(|of| of.1).collect();
    if Coverage::of(&known).missing::<Element>().is_empty() {
        return;
    }
    let number = found.first().map_or(1, |(number, _)| number + 1);
    let mut writer = SnapshotWriter::create(&dir, &keys, &info(number)).unwrap();
    // Little memory, so that some transactions have left; in the second shard no fingerprint stands for them.
    for (shard, fingerprints) in [(0, Memory::default().fingerprints), (1, 0)] {
        let mut state = State::new(Memory { transactions: 12, fingerprints });
        values::records().iter().for_each(|record| state.apply(record));
        state.freeze().into_each(|element| writer.push(shard, element).unwrap());
    }
    writer.finish().unwrap();
    let path = snapshots(&dir).unwrap().remove(0).1;
    let lines: String = elements(&path, &keys)
        .iter()
        .map(|(shard, element)| format!("{}\n", line(*shard, element)))
        .collect();
    create_private_file(&described(folder, number), lines.as_bytes()).unwrap();
}

fn elements(path: &Path, keys: &DataKeys) -> Vec<(u16, Element)> {
    let mut elements = Vec::new();
    read_snapshot(path, keys, &mut |shard, element| elements.push((shard, element))).unwrap();
    elements
}

/// What a snapshot says of itself, and its elements as they are stored.
fn stored_elements(path: &Path, keys: &DataKeys) -> (SnapshotInfo, Vec<Vec<u8>>) {
    let (mut reader, info) = Reader::open(path, keys).unwrap();
    let mut stored = Vec::new();
    loop {
        let (header, payload) = reader.frame().unwrap();
        if header.kind != Kind::Elements {
            return (info, stored);
        }
        let mut rest = &payload[..];
        while let Some(bytes) = split_record(&mut rest) {
            stored.push(bytes.to_vec());
        }
    }
}

fn info(number: u64) -> SnapshotInfo {
    SnapshotInfo { number, shards: 2, segment: 3, positions: vec![0, u64::MAX, 300] }
}

fn described(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("elements-{number}.txt"))
}

fn line(shard: u16, element: &Element) -> String {
    format!("{shard} {}", words(element))
}

/// A value as the texts have it: names of fields and what is in them, card numbers masked.
fn words(value: &impl Debug) -> String {
    format!("{value:?}")
}
