//! `turnout card update`, `remove` and `export`; an import that dies in the middle; a large one.

use crate::Site;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FIRST: &str = "4000000000000101";
const SECOND: &str = "4000000000000119";
const THIRD: &str = "4000000000000127";

const HEADER: &str = "pan,expiry,account,balance,credit_line,pvki,pvv\n";

impl Site {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Card file of so many lines, each with an account of its own.
    fn write_cards(&self, name: &str, count: u32) -> PathBuf {
        let mut text = HEADER.to_owned();
        for serial in 0..count {
            let pan = card::Pan::with_check_digit(format!("400000{serial:09}").as_bytes()).unwrap();
            let pan = pan.reveal();
            writeln!(text, "{},4912,ACC-{serial:09},{serial}.00,,1,1234", pan.as_str()).unwrap();
        }
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }
}

#[test]
fn an_export_is_taken_back() {
    let site = Site::new(1);
    let text = format!(
        "{HEADER}{FIRST},4912,JOINT,12.50,100.00,1,0123\n{SECOND},5001,JOINT,,,,\n,,\"SPARE,\"\"1\",-3.00,7.00,,\n"
    );
    // A line without a card number is about an account, and has to name its currency.
    let (code, _, errors) = site.import_cards(&[], &text);
    assert_eq!(code, 65);
    assert!(errors.contains("-:4: (no card number): currency: is missing"), "{errors}");
    let text = text
        .replace("expiry,", "expiry,currency,")
        .replace(",4912,", ",4912,USD,")
        .replace(",5001,", ",5001,,");
    let text = text.replace("\n,,\"SPARE", "\n,,USD,\"SPARE");
    let (code, out, errors) = site.import_cards(&[], &text);
    assert_eq!(code, 0, "{errors}");
    assert!(out.contains("accounts: 2 opened"), "{out}");

    for format in ["csv", "json"] {
        let file = site.path(&format!("all.{format}"));
        let name = file.to_str().unwrap();
        let (code, out, errors) =
            site.card(&["export", "--unmask", "--output", name, "--format", format], "");
        assert_eq!((code, out.as_str()), (0, ""), "{errors}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let exported = fs::read_to_string(&file).unwrap();
        assert!(exported.contains(FIRST) && exported.contains("0123"), "{exported}");

        // Into the same folder it changes nothing, into another one it makes the same.
        let (code, out, errors) = site.card(&["import", name], "");
        assert_eq!(code, 0, "{errors}");
        assert!(
            out.contains("0 added, 0 updated, 2 unchanged") && out.contains("0 opened, 0 updated, 2"),
            "{out}"
        );
        let other = Site::new(1);
        let (code, _, errors) = other.card(&["import", name], "");
        assert_eq!(code, 0, "{errors}");
        assert_eq!(other.on_file(), site.on_file());
        let again = other.path("again");
        let again = again.to_str().unwrap();
        assert_eq!(other.card(&["export", "--unmask", "--output", again, "--format", format], "").0, 0);
        assert_eq!(fs::read_to_string(again).unwrap(), exported);
        // A file that is there stays.
        let (code, _, errors) = site.card(&["export", "--unmask", "--output", name], "");
        assert_eq!(code, 1);
        assert!(errors.contains("not overwritten"), "{errors}");
    }
}

#[test]
fn without_unmask_nothing_secret_is_exported() {
    let site = Site::new(1);
    let text = format!("{HEADER}{FIRST},4912,A1,12.50,,1,0123\n");
    assert_eq!(site.import_cards(&[], &text).0, 0);
    for format in ["csv", "json"] {
        let (code, out, _) = site.card(&["export", "--format", format], "");
        assert_eq!(code, 0);
        assert!(out.contains("400000******0101") && out.contains("12.50"), "{out}");
        assert!(!out.contains(FIRST) && !out.contains("0123") && !out.contains("pvv"), "{out}");
    }
}

#[test]
fn update_changes_what_it_names() {
    let site = Site::new(1);
    assert_eq!(site.import_cards(&[], &format!("{HEADER}{FIRST},4912,A1,12.50,,1,0123\n")).0, 0);
    let (code, out, errors) = site.card(&["update", "-"], &format!("pan,status\n{FIRST},lost\n"));
    assert_eq!(code, 0, "{errors}");
    assert!(out.starts_with("cards: 0 added, 1 updated"), "{out}");
    assert_eq!((&site.show(FIRST)["status"], &site.show(FIRST)["pin"]), (&"lost".into(), &true.into()));
}

#[test]
fn cards_and_accounts_are_removed() {
    let site = Site::new(1);
    let text =
        format!("{HEADER}{FIRST},4912,JOINT,0,9.00,,\n{SECOND},4912,JOINT,,,,\n{THIRD},4912,RICH,1.00,,,\n");
    assert_eq!(site.import_cards(&[], &text).0, 0);

    let (code, out, errors) = site.card(&["remove", "-"], "4000000000000102\n");
    assert_eq!((code, out.as_str()), (65, ""));
    assert!(errors.starts_with("-:1: 400000******0102: pan: its check digit is wrong"), "{errors}");

    // Money keeps an account, and one bad line keeps everything.
    let (code, out, errors) = site.card(&["remove", "--accounts", "-"], &format!("{FIRST}\n{THIRD}\n"));
    assert_eq!((code, out.as_str()), (65, ""));
    assert!(errors.starts_with("-:2: 400000******0127: account: has a balance or holds"), "{errors}");
    assert!(!errors.contains(THIRD) && errors.contains("nothing was done: 1 line is bad"), "{errors}");
    assert_eq!(site.on_file().len(), 3);

    let (code, out, errors) =
        site.card(&["remove", "--accounts", "-"], &format!("{FIRST}\n{SECOND}\n{SECOND}\n"));
    assert_eq!(code, 0, "{errors}");
    assert_eq!(out, "cards: 2 removed, 1 not on file\naccounts: 1 closed, 0 not on file\n");
    // Without --accounts a card goes and its account stays.
    let (code, out, errors) = site.card(&["remove", "-"], &format!("pan\n{THIRD}\n"));
    assert_eq!(code, 0, "{errors}");
    assert_eq!(out, "cards: 1 removed, 0 not on file\naccounts: 0 closed, 0 not on file\n");
    assert!(site.on_file().is_empty());
    let (_, out, _) = site.card(&["export"], "");
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(out.contains(",RICH,USD,default,1.00,0.00"), "{out}");
    let (code, _, errors) = site.card(&["remove", "--accounts", "-"], "{\"account\":\"RICH\"}\n");
    assert_eq!(code, 65);
    assert!(errors.contains("has a balance or holds"), "{errors}");
}

/// Two hundred thousand lines, with a kill in the middle and a bad line at the end.
#[test]
fn a_large_import_dies_and_is_run_again() {
    const CARDS: u32 = 200_000;
    let site = Site::new(1);
    let file = site.write_cards("many.csv", CARDS);
    let good = fs::read_to_string(&file).unwrap();

    let bad = site.path("bad.csv");
    fs::write(&bad, format!("{good}{FIRST},4912,A1,,,,\n")).unwrap();
    let (code, out, errors) = site.card(&["import", bad.to_str().unwrap()], "");
    assert_eq!((code, out.as_str()), (65, ""));
    assert!(
        errors.contains(&format!("bad.csv:{}: 400000******0101: is the same card as line", CARDS + 2)),
        "{errors}"
    );
    assert!(site.on_file().is_empty());

    // Killed once the journal has something of it: a beginning of the file is there.
    let mut import = Command::new(env!("CARGO_BIN_EXE_turnout"))
        .args(["card", "import", "--config"])
        .arg(&site.config)
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let journal = site.path("turnout-data/journal/00000000000000000001.journal");
    while import.try_wait().unwrap().is_none() && !has_frames(&journal, 4) {
        std::thread::yield_now();
    }
    let _ = import.kill();
    import.wait().unwrap();
    let before = site.on_file().len() as u64;

    let (code, out, errors) = site.card(&["import", file.to_str().unwrap(), "--format", "json"], "");
    assert_eq!(code, 0, "{errors}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["cards_unchanged"], before);
    assert_eq!(report["cards_added"], u64::from(CARDS) - before);
    assert_eq!(report["accounts_unchanged"], before);

    // What the file says is on file, as after an import that nothing befell.
    let (_, exported, _) = site.card(&["export", "--unmask"], "");
    let mut lines = exported.lines().skip(1);
    for line in good.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let (pan, account, balance) = (cells[0], cells[2], cells[3]);
        let expect = format!("{pan},4912,,active,,{account},USD,default,{balance},0.00,1,1234,,,,");
        assert!(lines.next() == Some(&expect), "the line of {account}");
    }
    assert_eq!(lines.next(), None);
}

/// Whether the first segment holds so many MiB, behind its header.
fn has_frames(segment: &std::path::Path, mebibytes: u64) -> bool {
    use std::os::unix::fs::FileExt;
    let Ok(file) = fs::File::open(segment) else { return false };
    let mut some = [0; 64];
    let at = mebibytes << 20;
    file.read_exact_at(&mut some, at).is_ok() && some.iter().any(|byte| *byte != 0)
}
