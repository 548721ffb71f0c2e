use super::*;
use card::Pan;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn master() -> MasterKey {
    MasterKey::generate().unwrap()
}

fn made() -> (TempDir, PathBuf, MasterKey, DataKeys) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(DataKeys::FILE_NAME);
    let master = master();
    let keys = DataKeys::create(&file, &master).unwrap();
    (dir, file, master, keys)
}

fn pan(digits: &str) -> Pan {
    Pan::parse(digits.as_bytes()).unwrap()
}

fn versions(keys: &DataKeys) -> Vec<(u32, DataKeyState)> {
    keys.versions().iter().map(|key| (key.version, key.state)).collect()
}

#[test]
fn keys_come_back_from_their_private_file() {
    let (dir, file, master, keys) = made();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    let again = DataKeys::open(&file, &master).unwrap();
    let pan = pan("4000001234567899");
    assert_eq!(again.pan_lookup(&pan), keys.pan_lookup(&pan));
    assert_eq!(again.open_pan(keys.seal_pan(&pan).as_bytes()), Ok(pan));
    assert_eq!(versions(&again), [(1, DataKeyState::Current)]);
    assert_eq!(again.versions(), keys.versions());
    assert!(again.versions()[0].created_ms > 1_700_000_000_000);
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let (_dir, file, master, keys) = made();
    let before = fs::read(&file).unwrap();
    assert!(matches!(DataKeys::create(&file, &master), Err(DataKeysError::Io(..))));
    assert!(matches!(DataKeys::adopt(&file, &master), Err(DataKeysError::Io(..))));
    assert_eq!(fs::read(&file).unwrap(), before);
    assert!(!keys.reload().unwrap());
}

#[test]
fn a_rotation_is_noticed_by_who_has_the_file_open() {
    let (_dir, file, master, keys) = made();
    let other = DataKeys::open(&file, &master).unwrap();
    let (first, second) = (pan("4000001234567899"), pan("5500000000000004"));
    let old = keys.seal_pan(&first);
    assert_eq!(keys.rotate().unwrap(), 2);
    assert_eq!(keys.current_version(), 2);
    assert_eq!(versions(&keys), [(1, DataKeyState::Retired), (2, DataKeyState::Current)]);

    assert_eq!(other.current_version(), 1);
    assert!(other.reload().unwrap());
    assert!(!other.reload().unwrap(), "there is nothing new");
    assert_eq!(other.current_version(), 2);
    assert_eq!(other.open_pan(old.as_bytes()), Ok(first));
    assert_eq!(other.pan_lookup(&second), keys.pan_lookup(&second));

    // A reader that meets a version it does not know looks once more.
    keys.rotate().unwrap();
    let new = keys.seal_pan(&second);
    assert_eq!(new.data_key_version(), 3);
    assert_eq!(other.open_pan(new.as_bytes()), Ok(second));
}

#[test]
fn rotations_of_two_processes_follow_each_other() {
    let (_dir, file, master, keys) = made();
    let other = DataKeys::open(&file, &master).unwrap();
    let pan = pan("4000001234567899");
    assert_eq!(keys.rotate().unwrap(), 2);
    let sealed = keys.seal_pan(&pan);
    assert_eq!(other.rotate().unwrap(), 3);
    assert_eq!(other.open_pan(sealed.as_bytes()), Ok(pan));

    let held = key_file::lock(&file).unwrap();
    assert!(matches!(keys.rotate(), Err(DataKeysError::Busy(_))));
    assert!(matches!(keys.rewrap(&master), Err(DataKeysError::Busy(_))));
    drop(held);
    assert_eq!(keys.rotate().unwrap(), 4);
}

#[test]
fn a_new_master_key_leaves_the_keys_as_they_are() {
    let (_dir, file, old_master, keys) = made();
    keys.rotate().unwrap();
    let running = DataKeys::open(&file, &old_master).unwrap();
    let pan = pan("4000001234567899");
    let (sealed, lookup) = (keys.seal_pan(&pan), keys.pan_lookup(&pan));
    let new_master = master();
    keys.rewrap(&new_master).unwrap();
    assert!(matches!(DataKeys::open(&file, &old_master), Err(DataKeysError::WrongMasterKey(_))));
    let opened = DataKeys::open(&file, &new_master).unwrap();
    assert_eq!(opened.open_pan(sealed.as_bytes()), Ok(pan));
    assert_eq!(opened.pan_lookup(&pan), lookup);
    assert_eq!(opened.versions(), keys.versions());

    // Who has the old master key goes on, and is told once.
    assert!(matches!(running.reload(), Err(DataKeysError::WrongMasterKey(_))));
    assert!(matches!(running.reload(), Ok(false)));
    assert_eq!(running.seal_pan(&pan), sealed);
    assert!(matches!(running.rotate(), Err(DataKeysError::WrongMasterKey(_))));
    assert_eq!(opened.rotate().unwrap(), 3);
}

#[test]
fn the_master_key_of_format_1_is_kept_when_it_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(DataKeys::FILE_NAME);
    let old = master();
    let keys = DataKeys::adopt(&file, &old).unwrap();
    assert_eq!(versions(&keys), [(0, DataKeyState::Retired), (1, DataKeyState::Current)]);
    let new = master();
    keys.rewrap(&new).unwrap();
    let opened = DataKeys::open(&file, &new).unwrap();
    let expected = Secret::copy(old.reveal()).check_value(&[7; 32], b"some use");
    assert_eq!(opened.check_value(DataKeys::FORMAT_1, &[7; 32], b"some use"), Some(expected));
}

#[test]
fn pans_of_every_length_come_back_and_look_alike() {
    let keys = DataKeys::in_memory().unwrap();
    for length in 1..=Pan::MAX_DIGITS {
        for digit in ["0", "9"] {
            let pan = pan(&digit.repeat(length));
            let sealed = keys.seal_pan(&pan);
            assert_eq!(sealed, keys.seal_pan(&pan));
            assert_eq!(keys.open_pan(sealed.as_bytes()), Ok(pan));
        }
    }
    assert_ne!(keys.pan_lookup(&pan("0")), keys.pan_lookup(&pan("00")));
}

#[test]
fn a_sealed_pan_that_was_changed_does_not_open() {
    let keys = DataKeys::in_memory().unwrap();
    let sealed = *keys.seal_pan(&pan("4000001234567899")).as_bytes();
    for position in 0..sealed.len() {
        let mut changed = sealed;
        changed[position] ^= 0x10;
        let error = keys.open_pan(&changed).unwrap_err();
        match position {
            0 => assert_eq!(error, SealedPanError::Form),
            1..5 => assert!(matches!(error, SealedPanError::UnknownDataKey(_))),
            _ => assert_eq!(error, SealedPanError::Seal),
        }
    }
    for length in 0..sealed.len() {
        assert_eq!(keys.open_pan(&sealed[..length]), Err(SealedPanError::Form));
    }
    let other = DataKeys::in_memory().unwrap();
    assert_eq!(other.open_pan(&sealed), Err(SealedPanError::Seal));
    assert_ne!(other.pan_lookup(&pan("4000001234567899")), keys.pan_lookup(&pan("4000001234567899")));
}

#[test]
fn a_file_open_to_others_is_refused() {
    let (_dir, file, master, keys) = made();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        match DataKeys::open(&file, &master) {
            Err(DataKeysError::OpenToOthers(_, found)) => assert_eq!(found, mode),
            other => panic!("mode {mode:o}: {other:?}"),
        }
        assert!(matches!(keys.rotate(), Err(DataKeysError::OpenToOthers(..))));
    }
}

/// The file after `edit`, and why it is refused.
fn check_refused(edit: impl Fn(&str) -> String, expected: &str) {
    let (_dir, file, master, keys) = made();
    keys.rotate().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let edited = edit(&text);
    assert_ne!(edited, text);
    fs::write(&file, edited).unwrap();
    let error = DataKeys::open(&file, &master).unwrap_err().to_string();
    assert!(error.contains(DataKeys::FILE_NAME) && error.contains(expected), "{error}");
}

#[test]
fn a_file_that_was_changed_is_refused_with_a_reason() {
    check_refused(|text| text.replace("\"format\": 1", "\"format\": 2"), "has format 2");
    check_refused(|text| text.replace("\"salt\"", "\"pepper\""), "line 3, column");
    check_refused(|_| String::new(), "line 1, column 0");
    check_refused(
        |text| text.replace("\"wrapped\": \"", "\"wrapped\": \"00"),
        "`wrapped` is not hexadecimal",
    );
    check_refused(|text| text.replace("\"version\": 1", "\"version\": 2"), "do not ascend");
    check_refused(|text| text.replace("\"version\": 1", "\"version\": 0"), "data key 0 does not unwrap");
    check_refused(|text| text.replace("retired", "current"), "must be the current one");
    check_refused(|text| text.replace("\"current\"", "\"retired\""), "must be the current one");
    let first_key = |text: &str| {
        let at = text.find("\"lookup_key\": \"").unwrap() + "\"lookup_key\": \"".len();
        let other = if &text[at..=at] == "0" { "1" } else { "0" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    };
    check_refused(first_key, "the lookup key does not unwrap");
}

#[test]
fn another_master_key_and_a_missing_file_have_errors_of_their_own() {
    let (_dir, file, ..) = made();
    let error = DataKeys::open(&file, &master()).unwrap_err();
    assert!(matches!(&error, DataKeysError::WrongMasterKey(path) if *path == file));
    assert!(error.to_string().contains("another master key"));
    fs::remove_file(&file).unwrap();
    assert!(matches!(DataKeys::open(&file, &master()), Err(DataKeysError::Missing(_))));
}

#[test]
fn nothing_of_the_keys_is_shown() {
    let (_dir, file, master, keys) = made();
    assert_eq!(format!("{keys:?}"), "DataKeys(current version 1)");
    let sealed = keys.seal_pan(&pan("4000001234567899"));
    assert_eq!(format!("{sealed:?}"), "SealedPan(data key 1)");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&hex::encode(master.reveal())));
    assert!(!text.contains(&hex::encode(keys.keys().lookup.reveal())));
    assert!(!text.contains(&hex::encode(keys.keys().current().secret.reveal())));
}
