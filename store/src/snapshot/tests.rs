use super::*;
use auth::{Account, AccountId, AccountKind, Card, CardStatus, Record, State};
use card::{Currency, Expiry, Pan};

fn info() -> SnapshotInfo {
    SnapshotInfo { number: 7, shards: 2, segment: 3, positions: vec![5, 0, 12] }
}

fn state(cards: u32) -> State {
    let mut state = State::default();
    for number in 0..cards {
        let account = AccountId::new(&format!("ACC-{number}")).unwrap();
        state.apply(&Record::AccountStored(Account {
            id: account,
            currency: Currency::parse("EUR").unwrap(),
            kind: AccountKind::Default,
            opening_minor: i64::from(number) * 100,
            credit_line_minor: 0,
            customer: None,
            home: None,
            customer_home: None,
        }));
        state.apply(&Record::CardStored(Card {
            pan: Pan::with_check_digit(format!("400000{number:09}").as_bytes()).unwrap(),
            expiry: Expiry::parse_yymm(b"3012").unwrap(),
            start: None,
            status: CardStatus::Active,
            card_sequence: Some(1),
            account,
            pin: None,
            further: Box::default(),
        }));
    }
    state
}

fn write(dir: &Path, keys: &DataKeys, info: &SnapshotInfo) -> Vec<(u16, Element)> {
    let mut writer = SnapshotWriter::create(dir, keys, info).unwrap();
    let mut written = Vec::new();
    for (shard, cards) in [(0, 5000), (1, 3)] {
        state(cards).freeze().into_each(|element| {
            writer.push(shard, element).unwrap();
            written.push((shard, element.clone()));
        });
    }
    let bytes = writer.finish().unwrap();
    assert_eq!(bytes, fs::metadata(path(dir, info.number)).unwrap().len());
    written
}

fn read(path: &Path, keys: &DataKeys) -> Result<Vec<(u16, Element)>, SnapshotError> {
    let mut elements = Vec::new();
    assert_eq!(read_snapshot(path, keys, &mut |shard, element| elements.push((shard, element)))?, info());
    Ok(elements)
}

#[test]
fn a_snapshot_gives_back_what_was_frozen() {
    let dir = tempfile::tempdir().unwrap();
    let keys = DataKeys::in_memory().unwrap();
    let written = write(dir.path(), &keys, &info());
    let [(7, path)] = &snapshots(dir.path()).unwrap()[..] else { panic!("one snapshot is there") };
    assert_eq!(snapshot_info(path, &keys).unwrap(), info());
    // As they are stored: how many cards draw on an account is counted anew.
    let stored = |elements: Vec<(u16, Element)>| -> Vec<(u16, Vec<u8>)> {
        let stored = |(shard, element)| {
            let mut bytes = Vec::new();
            element::encode(&element, &mut bytes);
            (shard, bytes)
        };
        elements.into_iter().map(stored).collect()
    };
    assert!(stored(read(path, &keys).unwrap()) == stored(written));
}

#[test]
fn clear_card_numbers_are_nowhere_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let keys = DataKeys::in_memory().unwrap();
    write(dir.path(), &keys, &info());
    let content = fs::read(path(dir.path(), 7)).unwrap();
    assert!(content.len() > 100_000);
    assert!(!content.windows(6).any(|window| window == b"400000" || window == b"ACC-10"));
}

#[test]
fn every_damage_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let keys = DataKeys::in_memory().unwrap();
    let mut writer = SnapshotWriter::create(dir.path(), &keys, &info()).unwrap();
    state(2).freeze().into_each(|element| writer.push(0, element).unwrap());
    writer.finish().unwrap();
    let path = path(dir.path(), 7);
    let whole = fs::read(&path).unwrap();
    assert!(read(&path, &keys).is_ok());
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert!(read(&path, &keys).is_err(), "byte {at} changed");
        fs::write(&path, &whole[..at]).unwrap();
        assert!(read(&path, &keys).is_err(), "cut to {at} bytes");
    }
    assert!(read(&path, &DataKeys::in_memory().unwrap()).is_err(), "another key");
}

#[test]
fn an_unfinished_snapshot_does_not_count_and_old_ones_go() {
    let dir = tempfile::tempdir().unwrap();
    let keys = DataKeys::in_memory().unwrap();
    for number in [1, 2, 10] {
        write(dir.path(), &keys, &SnapshotInfo { number, ..info() });
    }
    drop(SnapshotWriter::create(dir.path(), &keys, &SnapshotInfo { number: 11, ..info() }).unwrap());
    let numbers = || snapshots(dir.path()).unwrap().into_iter().map(|(number, _)| number).collect::<Vec<_>>();
    assert_eq!(numbers(), [10, 2, 1]);
    remove_old_snapshots(dir.path(), 2).unwrap();
    assert_eq!(numbers(), [10, 2]);
    assert!(snapshots(&dir.path().join("none")).unwrap().is_empty());
}
