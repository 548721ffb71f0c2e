//! `turnout check` and `turnout init`.

use crate::{Site, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn a_good_configuration() {
    let site = Site::new(0);
    let (code, out, errors) = site.turnout("check", &[], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(out, "configuration is good: 5 listeners, 5 keys, 1 product, 1 rule, 1 shard\n");
    let (code, out, _) = site.turnout("check", &["--format", "json"], "");
    assert_eq!(code, 0);
    assert!(out.starts_with("{\"ok\":true,\"mistakes\":[],\"listeners\":5"), "{out}");
}

#[test]
fn every_mistake_is_printed_with_its_line_and_mend() {
    let site = Site::new(0);
    site.change("workers = 1", "wrokers = 1");
    site.change("shards = 1", "shards = 0");
    let (code, out, errors) = site.turnout("check", &[], "");
    assert_eq!(code, 78);
    let file = site.config.display();
    assert!(out.contains(&format!("{file}:9: shards: is out of bounds\n    mend: ")), "{out}");
    assert!(out.contains("hsm.wrokers: is not a known key\n    mend: did you mean `workers`?"), "{out}");
    assert_eq!(errors, "2 mistakes\n");
    let (code, out, _) = site.turnout("check", &["--format", "json"], "");
    assert_eq!(code, 78);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["mistakes"][0]["line"], 9);
    assert_eq!(report["mistakes"][1]["key"], "hsm.wrokers");
}

#[test]
fn a_key_that_the_hsm_does_not_know_is_a_mistake() {
    let site = Site::new(0);
    let text = fs::read_to_string(&site.config).unwrap();
    let kcv = text.split("kcv = \"").nth(1).unwrap().split('"').next().unwrap();
    site.change(kcv, "000000");
    let (code, out, _) = site.turnout("check", &[], "");
    assert_eq!(code, 78);
    assert!(out.contains(&format!("key \"zpk-test\": its check value is {kcv} and not 000000")), "{out}");
}

#[test]
fn init_overwrites_nothing() {
    let site = Site::new(1);
    let init = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_turnout"));
        program.arg("init").arg("--folder").arg(site.folder.path());
        run(&mut program, "")
    };
    let (code, out, errors) = init();
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(errors.contains("is there already"), "{errors}");
    // One file of the earlier run is enough.
    fs::remove_file(&site.config).unwrap();
    assert_eq!(init().0, 1);
    assert!(!site.config.exists());
}

#[test]
fn private_files_are_private() {
    let site = Site::new(1);
    let mut folders = vec![site.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o077;
            assert_eq!(mode, 0, "{}", path.display());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
}
