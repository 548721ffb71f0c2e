//! What lies on disk shows no card number, in whatever form, and to nobody but its owner.

#[path = "support/card_number_scan.rs"]
mod card_number_scan;

use auth::{Account, AccountId, AccountKind, Card, CardStatus, PinReference, Record};
use card::{Currency, Expiry, Pan};
use card_number_scan::CardNumberScan;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use store::{Batch, DataKeys, FileJournal, Journal, MasterKey, Settings, Stream};

#[test]
fn no_file_holds_a_card_number_in_clear_and_all_are_private() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let master = MasterKey::generate().unwrap();
    master.create_file(&data.join("master.key")).unwrap();
    let keys = DataKeys::create(&data.join(DataKeys::FILE_NAME), &master).unwrap();
    let pans = pans();

    // Journal: several segments, under more than one data key. The files stay as a crash leaves them.
    let settings = Settings { segment_bytes: 1 << 15 };
    let (mut journal, _) =
        FileJournal::open(&data.join("journal"), &keys, settings, &mut |_, _, _| Ok(())).unwrap();
    for (index, group) in pans.chunks(50).enumerate() {
        if index == 10 {
            keys.rotate().unwrap();
        }
        let mut batch = Batch::new();
        for record in group.iter().flat_map(records) {
            batch.push_with(|out| store::encode_record(&record, out));
        }
        journal.append(Stream(0), journal.position(Stream(0)), &batch).unwrap();
        journal.sync().unwrap();
    }

    // What a table of cards would hold.
    let mut sealed = Vec::new();
    for pan in &pans {
        sealed.extend_from_slice(&keys.pan_lookup(pan));
        sealed.extend_from_slice(keys.seal_pan(pan).as_bytes());
    }
    store::create_private_file(&data.join("table"), &sealed).unwrap();
    keys.rewrap(&MasterKey::generate().unwrap()).unwrap();

    let files = CardNumberScan::new(&pans).finds_none_below(&data);
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    assert!(names.iter().filter(|name| name.ends_with(".journal")).count() >= 3, "{names:?}");
    assert!(names.contains(&DataKeys::FILE_NAME) && names.contains(&"master.key"), "{names:?}");
    for file in &files {
        assert_private(file);
        assert_private(file.parent().unwrap());
    }
    drop(journal);
}

/// The search finds what it is there to find, in files of its kind and wherever they lie.
#[test]
fn a_card_number_is_found_in_every_form() {
    let mut pans = pans();
    // Of an odd number of digits, and the longest there are.
    pans.extend([&b"40000012345678"[..], b"400000123456789018", b"37828224631000"].map(with_check_digit));
    let scan = CardNumberScan::new(&pans);
    for pan in [pans[777], pans[1000], pans[1001], pans[1002]] {
        for (form, hidden) in forms(&pan) {
            let content = [&[0x20; 100][..], &hidden, &[0x00; 100]].concat();
            let (found, found_form, at) = scan.find(&content).unwrap_or_else(|| panic!("{pan} as {form}"));
            assert_eq!((found, found_form, at), (pan, form, 100));
            let folder = tempfile::tempdir().unwrap();
            let deep = folder.path().join("one/two");
            fs::create_dir_all(&deep).unwrap();
            fs::write(deep.join("clean"), [0x40; 10_000]).unwrap();
            assert_eq!(scan.finds_none_below(folder.path()), [deep.join("clean")]);
            fs::write(deep.join("planted"), &content).unwrap();
            let scanned = std::panic::catch_unwind(|| scan.finds_none_below(folder.path()));
            let words = scanned.unwrap_err().downcast::<String>().unwrap();
            assert!(words.contains("planted shows") && words.contains(form), "{words}");
            assert!(!words.contains(pan.reveal().as_str()), "the finding is masked");
            // One bit more or less is another number.
            let mut other = content.clone();
            other[103] ^= 1;
            assert_eq!(scan.find(&other), None, "{pan} as {form}");
        }
        let named = tempfile::tempdir().unwrap();
        fs::write(named.path().join(format!("card-{}.txt", pan.reveal().as_str())), "").unwrap();
        assert!(std::panic::catch_unwind(|| scan.finds_none_below(named.path())).is_err());
    }
    for quiet in [[0u8; 10_000], [0x40; 10_000], [0xff; 10_000]] {
        assert_eq!(scan.find(&quiet), None);
    }
}

/// A number as programs write it, by means that the search does not use.
fn forms(pan: &Pan) -> Vec<(&'static str, Vec<u8>)> {
    let digits = pan.reveal();
    let digits = digits.as_str();
    let number: u64 = digits.parse().unwrap();
    let is_odd = digits.len() % 2 == 1;
    let packed = if is_odd { format!("{digits}7") } else { digits.to_owned() };
    let shifted = if is_odd { format!("7{digits}") } else { format!("7{digits}f") };
    let significant = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
    let big = significant(number.to_be_bytes().to_vec());
    let little = big.iter().rev().copied().collect();
    vec![
        ("text", digits.as_bytes().to_vec()),
        ("packed digits", hex::decode(packed).unwrap()),
        ("packed digits from the middle of a byte", hex::decode(shifted).unwrap()),
        ("a little-endian number", little),
        ("a big-endian number", big),
        ("a variable-length number", postcard::to_stdvec(&number).unwrap()),
    ]
}

fn with_check_digit(payload: &[u8]) -> Pan {
    Pan::with_check_digit(payload).unwrap()
}

/// A thousand cards of a test range.
fn pans() -> Vec<Pan> {
    let payload = |number: u32| format!("400000{:09}", u64::from(number) * 7_654_321 % 1_000_000_000);
    (1..=1000).map(|number| Pan::with_check_digit(payload(number).as_bytes()).unwrap()).collect()
}

fn records(pan: &Pan) -> [Record; 2] {
    // An account number that holds no part of the card number.
    let account = format!("A{:08X}", crc32c::crc32c(pan.reveal().as_str().as_bytes()));
    let account = AccountId::new(&account).unwrap();
    [
        Record::AccountStored(Account {
            id: account,
            currency: Currency::parse("USD").unwrap(),
            kind: AccountKind::Cheque,
            opening_minor: 100_000,
            credit_line_minor: 0,
            customer: None,
            home: None,
            customer_home: None,
        }),
        Record::CardStored(Card {
            pan: *pan,
            expiry: Expiry::parse_yymm(b"4912").unwrap(),
            start: None,
            status: CardStatus::Active,
            card_sequence: Some(1),
            account,
            pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"1234" }),
            further: Box::default(),
        }),
    ]
}

/// Only its owner reads it.
fn assert_private(path: &Path) {
    let expected = if path.is_dir() { 0o700 } else { 0o600 };
    let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, expected, "{}", path.display());
}
