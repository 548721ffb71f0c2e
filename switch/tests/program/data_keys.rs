//! `turnout key rotate-data`, `rewrap` and `list-data`, and where the master key may come from.

use crate::{Site, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

impl Site {
    fn data_keys(&self) -> String {
        let (code, out, errors) = self.turnout("key", &["list-data", "--format", "json"], "");
        assert_eq!(code, 0, "{errors}");
        out.lines().map(|line| line.split(",\"created").next().unwrap().to_owned() + "}").collect()
    }

    fn master_key_is(&self, source: &str) {
        self.change("master_key = \"turnout-data/master.key\"", &format!("master_key = {source}"));
    }
}

#[test]
fn rotation_adds_a_version_and_is_written_down() {
    let site = Site::new(3);
    assert_eq!(site.data_keys(), r#"{"version":1,"state":"current"}"#);
    let cards = site.folder.path().join("cards.csv");
    let cards = cards.to_str().unwrap();
    assert_eq!(site.turnout("card", &["import", cards], "").0, 0);
    let (code, out, errors) = site.turnout("key", &["rotate-data"], "");
    assert_eq!((code, out.as_str()), (0, "data key 2 is current\n"), "{errors}");
    let (_, out, _) = site.turnout("key", &["rotate-data", "--format", "json"], "");
    assert_eq!(out, "{\"version\":3,\"before\":2}\n");
    let expected =
        r#"{"version":1,"state":"retired"}{"version":2,"state":"retired"}{"version":3,"state":"current"}"#;
    assert_eq!(site.data_keys(), expected);
    let (code, out, _) = site.turnout("key", &["audit"], "");
    assert_eq!((code, out.lines().count()), (0, 2));
    assert!(out.contains(r#""action":"rotate-data","name":"data.2","type":"DATA""#), "{out}");
    // What was sealed before is read, and goes on.
    let (code, _, errors) = site.turnout("card", &["import", "--update", cards], "");
    assert_eq!(code, 0, "{errors}");
}

#[test]
fn another_master_key_in_a_file_that_is_made() {
    let site = Site::new(1);
    let cards = site.folder.path().join("cards.csv");
    assert_eq!(site.turnout("card", &["import", cards.to_str().unwrap()], "").0, 0);
    let new = site.folder.path().join("new.key");
    let (code, out, errors) = site.turnout("key", &["rewrap", "--file", new.to_str().unwrap()], "");
    assert_eq!(code, 0, "{errors}");
    assert!(
        out.contains("data-keys.json is wrapped") && errors.contains("now write master_key = "),
        "{errors}"
    );
    assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);

    // The old one opens nothing any more, and says so.
    let (code, _, errors) = site.turnout("key", &["list-data"], "");
    assert_eq!(code, 1);
    assert!(errors.contains("wrapped under another master key"), "{errors}");
    site.master_key_is("{ file = \"new.key\" }");
    assert_eq!(site.data_keys(), r#"{"version":1,"state":"current"}"#);
    let (code, out, _) = site.turnout("key", &["audit"], "");
    assert!(code == 0 && out.contains(r#""action":"rewrap""#) && out.contains("new.key"), "{out}");
    let key = fs::read_to_string(&new).unwrap();
    assert!(!out.contains(key.trim()));
    let (code, _, errors) = site.turnout("card", &["import", "--update", cards.to_str().unwrap()], "");
    assert_eq!(code, 0, "{errors}");
}

#[test]
fn a_master_key_that_only_the_hsm_can_decrypt() {
    let site = Site::new(1);
    let file = site.folder.path().join("master.hsm");
    let (code, _, errors) = site.turnout("key", &["rewrap", "--hsm", file.to_str().unwrap()], "");
    assert_eq!(code, 0, "{errors}");
    site.master_key_is("{ hsm = \"master.hsm\" }");
    fs::remove_file(site.folder.path().join("turnout-data/master.key")).unwrap();
    assert_eq!(site.data_keys(), r#"{"version":1,"state":"current"}"#);
    assert_eq!(site.turnout("check", &[], "").0, 0);
    fs::write(&file, "{}").unwrap();
    let (code, out, _) = site.turnout("check", &[], "");
    assert!(code == 78 && out.contains("is not a master key as a cryptogram of the HSM"), "{out}");
}

#[test]
fn a_master_key_from_environment_and_credential() {
    let site = Site::new(1);
    let key = fs::read_to_string(site.folder.path().join("turnout-data/master.key")).unwrap();
    let list = |variable: &str, value: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_turnout"));
        program.args(["key", "list-data", "--config"]).arg(&site.config).env(variable, value);
        run(&mut program, "")
    };
    site.master_key_is("{ environment = \"TURNOUT_TEST_MASTER_KEY\" }");
    assert_eq!(list("TURNOUT_TEST_MASTER_KEY", key.trim()).0, 0);
    let (code, _, errors) = list("TURNOUT_TEST_MASTER_KEY", "not a key");
    assert!(code == 78 && errors.contains("must be 64 hexadecimal digits"), "{errors}");
    let (code, out, _) = site.turnout("check", &[], "");
    assert!(code == 78 && out.contains("the environment has no variable TURNOUT_TEST_MASTER_KEY"), "{out}");

    site.change("{ environment = \"TURNOUT_TEST_MASTER_KEY\" }", "{ credential = \"turnout\" }");
    let credentials = tempfile::tempdir().unwrap();
    let file = credentials.path().join("turnout");
    fs::write(&file, &key).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(list("CREDENTIALS_DIRECTORY", credentials.path().to_str().unwrap()).0, 0);
    let (code, out, _) = site.turnout("check", &[], "");
    assert!(code == 78 && out.contains("CREDENTIALS_DIRECTORY is not set"), "{out}");

    site.change("{ credential = \"turnout\" }", "{ vault = \"turnout\" }");
    let (code, out, _) = site.turnout("check", &[], "");
    assert!(code == 78 && out.contains("no source is called \"vault\""), "{out}");
}

#[test]
fn lost_data_keys_are_not_made_anew() {
    let site = Site::new(1);
    let cards = site.folder.path().join("cards.csv");
    let cards = cards.to_str().unwrap();
    let file = site.folder.path().join("turnout-data/data-keys.json");
    // A folder that holds nothing yet gets new ones.
    fs::remove_file(&file).unwrap();
    assert_eq!(site.turnout("card", &["import", cards], "").0, 0);
    assert!(file.exists());
    fs::remove_file(&file).unwrap();
    let (code, _, errors) = site.turnout("key", &["list-data"], "");
    assert_eq!(code, 1);
    assert!(errors.contains("data-keys.json is missing; bring it back from a backup"), "{errors}");
    assert!(!file.exists());
}
