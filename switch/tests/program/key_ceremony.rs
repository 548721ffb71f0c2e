//! `turnout key` beyond import: keys made, given out, replaced, revoked, formed of parts; and the trail of it.

use crate::Site;
use std::fs;

impl Site {
    fn deed(&self, arguments: &[&str]) -> (i32, String, String) {
        self.turnout("key", arguments, "")
    }

    fn trail(&self) -> Vec<serde_json::Value> {
        let (code, out, errors) = self.deed(&["audit"]);
        assert_eq!((code, errors.as_str()), (0, ""));
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn listed(&self, name: &str) -> serde_json::Value {
        let (_, out, _) = self.deed(&["list", "--format", "json"]);
        let mut lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.rfind(|key: &serde_json::Value| key["name"] == name).unwrap_or_default()
    }
}

#[test]
fn the_hsm_makes_a_key_and_gives_it_out() {
    let site = Site::new(0);
    let (code, out, errors) = site.deed(&["generate", "--name", "zmk-a", "--type", "ZMK"]);
    assert_eq!(code, 0, "{errors}");
    assert!(out.starts_with("zmk-a ZMK ") && out.len() == "zmk-a ZMK 123456\n".len(), "{out}");
    assert_eq!(site.deed(&["generate", "--name", "zmk-a", "--type", "ZMK"]).0, 65);
    let (_, out, _) = site.deed(&["generate", "--name", "zpk-a", "--type", "ZPK", "--format", "json"]);
    let made: serde_json::Value = serde_json::from_str(&out).unwrap();
    let (code, out, errors) = site.deed(&["export", "--name", "zpk-a", "--zmk", "zmk-a"]);
    assert_eq!(code, 0, "{errors}");
    let (cryptogram, kcv) = out.trim().split_once(' ').unwrap();
    assert!(cryptogram.starts_with('X') && cryptogram.len() == 33);
    assert_eq!(made["kcv"], kcv);
    // It comes back as the same key.
    let arguments = ["import", "--name", "zpk-b", "--type", "ZPK", "--zmk", "zmk-a", "--kcv", kcv];
    let (code, _, errors) = site.turnout("key", &arguments, cryptogram);
    assert_eq!(code, 0, "{errors}");
    let actions: Vec<_> = site.trail().iter().map(|deed| deed["action"].clone()).collect();
    assert_eq!(actions, ["generate", "generate", "export", "import"]);
    assert_eq!(site.trail()[2]["detail"], "under zmk-a");
}

#[test]
fn a_key_is_replaced_and_the_one_before_cannot_be_used() {
    let site = Site::new(0);
    site.deed(&["generate", "--name", "zpk-a", "--type", "ZPK"]);
    let before = site.listed("zpk-a")["kcv"].clone();
    let (code, _, errors) = site.deed(&["rotate", "--name", "zpk-a", "--generate"]);
    assert_eq!(code, 0, "{errors}");
    assert_ne!(site.listed("zpk-a")["kcv"], before);
    let aside = site.listed("zpk-a.1");
    assert_eq!(aside["kcv"], before);
    assert!(aside["revoked"].as_str().unwrap().ends_with(" rotated"), "{aside}");
    assert_eq!(site.deed(&["rotate", "--name", "zpk-a", "--generate"]).0, 0);
    assert!(site.listed("zpk-a.2")["revoked"].is_string());
    let (code, _, errors) = site.deed(&["export", "--name", "zpk-a.1", "--zmk", "zmk-a"]);
    assert!(code == 65 && errors.contains("\"zpk-a.1\" is revoked"), "{errors}");
    let (code, _, errors) = site.deed(&["rotate", "--name", "zpk-test", "--generate"]);
    assert!(code == 65 && errors.contains("stands in") && errors.contains("turnout.toml"), "{errors}");
    assert_eq!(site.deed(&["rotate", "--name", "nobody", "--generate"]).0, 65);
}

#[test]
fn a_key_in_use_is_revoked_by_force_only() {
    let site = Site::new(0);
    site.deed(&["generate", "--name", "pvk-2", "--type", "PVK"]);
    site.deed(&["generate", "--name", "pvk-3", "--type", "PVK"]);
    site.change("pvk = \"pvk-test\"", "pvk = \"pvk-2\"");
    let revoke = |name, more: &[&str]| {
        site.deed(&[&["revoke", "--name", name, "--reason", "lost an envelope"], more].concat())
    };
    assert_eq!(revoke("pvk-3", &[]).0, 0);
    assert!(site.listed("pvk-3")["revoked"].as_str().unwrap().ends_with(" lost an envelope"));
    let (code, _, errors) = revoke("pvk-2", &[]);
    assert!(code == 65 && errors.contains("uses the key") && errors.contains("pvk"), "{errors}");
    assert!(site.listed("pvk-2")["revoked"].is_null());
    let (code, _, errors) = revoke("pvk-2", &["--force"]);
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("the key \"pvk-2\" is revoked"), "{errors}");
    let (code, out, errors) = site.turnout("check", &[], "");
    assert!(code == 78 && (out + &errors).contains("the key \"pvk-2\" is revoked"), "{code} {errors}");
}

#[test]
fn a_trail_that_was_changed_is_told() {
    let site = Site::new(0);
    for name in ["zpk-a", "zpk-b", "zpk-c"] {
        site.deed(&["generate", "--name", name, "--type", "ZPK"]);
    }
    let (code, out, _) = site.deed(&["audit", "--last", "1"]);
    assert_eq!((code, out.lines().count()), (0, 1));
    assert!(out.contains("zpk-c"));
    let file = site.folder.path().join("turnout-data/key-audit.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("zpk-b", "zpk-x")).unwrap();
    let (code, _, errors) = site.deed(&["audit"]);
    assert!(code == 65 && errors.contains("line 2"), "{errors}");
    // Nothing is done that cannot be written down.
    let (code, _, errors) = site.deed(&["generate", "--name", "zpk-d", "--type", "ZPK"]);
    assert!(code == 1 && errors.contains("broken at line 2"), "{errors}");
    assert!(site.listed("zpk-d").is_null());
}

/// Two parts in clear.
const PARTS: [&str; 2] = ["0123456789ABCDEFFEDCBA9876543210", "1C1C1C1C1C1C1C1C2A2A2A2A2A2A2A2A"];
/// By psec: `generate_kcv` of the parts' exclusive or, with its parity made odd.
const FORMED_KCV: &str = "39183F";

#[test]
fn people_who_know_one_part_each_form_a_key() {
    let site = Site::new(0);
    let bring = |custodian: &str, part: &str| {
        let arguments = ["component", "--name", "zmk-x", "--type", "ZMK", "--of", "2", "--clear"];
        site.turnout("key", &[&arguments[..], &["--custodian", custodian]].concat(), part)
    };
    assert_eq!(site.deed(&["form", "--name", "zmk-x"]).0, 65);
    let (code, out, errors) = bring("anna", PARTS[0]);
    assert_eq!((code, out.as_str()), (0, "zmk-x part 1 of 2 by anna: 08D7B4\n"), "{errors}");
    let (code, _, errors) = bring("anna", PARTS[1]);
    assert!(code == 65 && errors.contains("each person one"), "{errors}");
    let (code, _, errors) = site.deed(&["form", "--name", "zmk-x"]);
    assert!(code == 65 && errors.contains("1 of 2 parts"), "{errors}");
    assert_eq!(bring("bo", PARTS[1]).0, 0);
    let (code, _, errors) = bring("chen", PARTS[1]);
    assert!(code == 65 && errors.contains("all parts are there"), "{errors}");
    let wrong = site.deed(&["form", "--name", "zmk-x", "--kcv", "000000"]);
    assert!(wrong.0 == 65 && wrong.2.contains("and not 000000"), "{}", wrong.2);
    let (code, out, errors) = site.deed(&["form", "--name", "zmk-x", "--kcv", FORMED_KCV]);
    assert_eq!((code, out), (0, format!("zmk-x ZMK {FORMED_KCV}\n")), "{errors}");
    assert_eq!(site.trail().last().unwrap()["detail"], "formed of 2 parts by anna, bo");
    let ceremonies = site.folder.path().join("turnout-data/key-ceremonies");
    assert_eq!(fs::read_dir(ceremonies).unwrap().count(), 0);
    // Neither parts nor key are written anywhere.
    for folder in ["turnout-data", "."] {
        for entry in fs::read_dir(site.folder.path().join(folder)).unwrap() {
            let Ok(bytes) = fs::read(entry.unwrap().path()) else { continue };
            let text = String::from_utf8_lossy(&bytes).to_uppercase();
            assert!(PARTS.iter().all(|part| !text.contains(part)));
        }
    }
}
