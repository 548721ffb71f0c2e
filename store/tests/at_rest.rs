//! What lies on disk shows no card number, in whatever form, and to nobody but its owner.

use auth::{Account, AccountId, AccountKind, Card, CardStatus, PinReference, Record};
use card::{Currency, Expiry, Pan};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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

    let files = files_below(&data);
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    assert!(names.iter().filter(|name| name.ends_with(".journal")).count() >= 3, "{names:?}");
    assert!(names.contains(&DataKeys::FILE_NAME) && names.contains(&"master.key"), "{names:?}");
    for file in &files {
        let content = fs::read(file).unwrap();
        if let Some((pan, form)) = found(&content, &pans) {
            panic!("{} shows {pan} as {form}", file.display());
        }
    }
    drop(journal);
}

/// The search finds what it is there to find.
#[test]
fn a_card_number_is_found_in_every_form() {
    let pans = pans();
    let pan = pans[777];
    let number: u64 = pan.reveal().as_str().parse().unwrap();
    let digits = pan.reveal();
    let packed = hex::decode(digits.as_str()).unwrap();
    let shifted = hex::decode(format!("f{}f", digits.as_str())).unwrap();
    for hidden in [
        digits.as_str().as_bytes().to_vec(),
        packed,
        shifted,
        number.to_le_bytes().to_vec(),
        number.to_be_bytes().to_vec(),
        postcard::to_stdvec(&number).unwrap(),
    ] {
        let content = [&[0x20; 100][..], &hidden, &[0x00; 100]].concat();
        assert_eq!(found(&content, &pans).map(|(pan, _)| pan), Some(pan), "{hidden:?}");
    }
    assert_eq!(found(&[0x40; 10_000], &pans), None);
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

/// The first card number in these bytes, and its form.
fn found(content: &[u8], pans: &[Pan]) -> Option<(Pan, &'static str)> {
    let mut forms: Vec<(Vec<u8>, Pan, &'static str)> = Vec::new();
    for pan in pans {
        let digits = pan.reveal();
        let number: u64 = digits.as_str().parse().expect("16 digits");
        // In the middle of a byte only the digits that fill bytes are looked for.
        let shifted = hex::decode(&digits.as_str()[1..15]).expect("digits");
        forms.push((digits.as_str().as_bytes().to_vec(), *pan, "text"));
        forms.push((hex::decode(digits.as_str()).expect("digits"), *pan, "packed digits"));
        forms.push((shifted, *pan, "packed digits, shifted"));
        forms.push((number.to_le_bytes()[..7].to_vec(), *pan, "a little-endian number"));
        forms.push((number.to_be_bytes()[1..].to_vec(), *pan, "a big-endian number"));
        forms.push((postcard::to_stdvec(&number).expect("a number"), *pan, "a variable-length number"));
    }
    // All forms have seven bytes at least: those are looked up first, which is one look for each place.
    forms.sort();
    for (at, place) in content.windows(7).enumerate() {
        let first = forms.partition_point(|(form, ..)| &form[..7] < place);
        let candidates = forms[first..].iter().take_while(|(form, ..)| &form[..7] == place);
        for (form, pan, name) in candidates {
            if content[at..].starts_with(form) {
                return Some((*pan, name));
            }
        }
    }
    None
}

/// All files below a folder; asserts the rights of each and of the folders.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(dir), 0o700, "{}", dir.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            files.push(path);
        }
    }
    files
}
