//! `turnout card`: all of a file or nothing, every bad line by its number, and no
//! card number in what is printed.

use crate::Site;
use std::path::Path;
use store::FileJournal;
use switch::{config, recovery};

impl Site {
    pub(crate) fn card(&self, arguments: &[&str], input: &str) -> (i32, String, String) {
        self.turnout("card", arguments, input)
    }

    pub(crate) fn import_cards(&self, arguments: &[&str], text: &str) -> (i32, String, String) {
        let arguments = [&["import", "-"], arguments].concat();
        self.card(&arguments, text)
    }

    /// What is on file, one line of JSON for each card.
    pub(crate) fn on_file(&self) -> Vec<serde_json::Value> {
        let (code, out, _) = self.card(&["list", "--format", "json"], "");
        assert_eq!(code, 0);
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn show(&self, pan: &str) -> serde_json::Value {
        let (code, out, errors) = self.card(&["show", "-", "--format", "json"], pan);
        assert_eq!(code, 0, "{errors}");
        serde_json::from_str(&out).unwrap()
    }
}

const HEADER: &str = "pan,expiry,account,currency,balance,pvki,pvv\n";
const FIRST: &str = "4000000000000101";
const SECOND: &str = "4000000000000119";

#[test]
fn the_cards_of_init_are_imported() {
    let site = Site::new(5);
    let file = site.folder.path().join("cards.csv");
    let (code, out, _) = site.card(&["import", file.to_str().unwrap(), "--format", "json"], "");
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        report,
        serde_json::json!({
            "cards_added": 5, "cards_updated": 0, "cards_unchanged": 0, "cards_removed": 0, "cards_absent": 0,
            "accounts_opened": 5, "accounts_updated": 0, "accounts_unchanged": 0, "accounts_removed": 0,
            "accounts_absent": 0,
        })
    );
    assert_eq!(site.on_file().len(), 5);
    let card = site.show("4000000000000002");
    assert_eq!(card["pan"], "400000******0002");
    assert_eq!((&card["ledger"], &card["available"]), (&"1000.00".into(), &"1000.00".into()));
    assert_eq!((&card["status"], &card["pin"]), (&"active".into(), &true.into()));
}

#[test]
fn one_bad_line_and_nothing_is_imported() {
    let site = Site::new(5);
    let bad = [
        ("4000000000000102,4912,A1,USD,1.00,1,1234", "pan: its check digit is wrong"),
        ("5555555555554444,4912,A1,USD,1.00,1,1234", "pan: its BIN belongs to no product"),
        ("400000000000014,4912,A1,USD,1.00,1,1234", "pan: numbers of its product have 13, 16, 19 digits"),
        ("40000000000,4912,A1,USD,1.00,1,1234", "pan: must be 12 to 19 digits"),
        (",4912,A1,USD,1.00,1,1234", "pan: is missing"),
        ("4000000000000101,4913,A1,USD,1.00,1,1234", "expiry: must be YYMM"),
        ("4000000000000101,,A1,USD,1.00,1,1234", "expiry: is missing"),
        ("4000000000000101,4912,,USD,1.00,1,1234", "account: is missing"),
        ("4000000000000101,4912,A 1,USD,1.00,1,1234", "account: must be 1 to 28 characters"),
        ("4000000000000101,4912,A1,EUR,1.00,1,1234", "currency: must be USD"),
        ("4000000000000101,4912,A1,USD,1.001,1,1234", "balance: must be an amount of USD"),
        ("4000000000000101,4912,A1,USD,,1,1234", "balance: is missing"),
        ("4000000000000101,4912,A1,USD,10000000000000.00,1,1234", "at most 9999999999999.99"),
        ("4000000000000101,4912,A1,USD,-10000000000000.00,1,1234", "balance: must be an amount of USD"),
        ("4000000000000101,4912,A1,USD,92233720368547758.07,1,1234", "balance: must be an amount of USD"),
        ("4000000000000101,4912,A1,USD,1.00,10,1234", "pvki: must be 0 to 9"),
        ("4000000000000101,4912,A1,USD,1.00,1,123", "pvv: must be four digits"),
        ("4000000000000101,4912,A1,USD,1.00,,1234", "pvki, pvv: give both or none"),
        ("4000000000000101,4912", "has 2 cells where the header has 7"),
        ("4000000000000119,4912,A2,USD,1.00,1,1234", "is the same card as line 2"),
    ];
    for (line, expect) in bad {
        let text = format!("{HEADER}{SECOND},4912,A2,USD,1.00,1,1234\n{line}\n");
        let (code, out, errors) = site.import_cards(&[], &text);
        assert_eq!((code, out.as_str()), (65, ""), "{line}");
        assert!(errors.starts_with("-:3: ") && errors.contains(expect), "{line}: {errors}");
        assert!(errors.contains("nothing was done: 1 line is bad"), "{errors}");
    }
    assert!(site.on_file().is_empty());
}

#[test]
fn every_bad_line_is_reported_and_no_card_number() {
    let site = Site::new(5);
    let text = format!("{HEADER}{FIRST},4913,A1,USD,1.00,1,1234\n{SECOND},4912,A1,EUR,x,{FIRST},{SECOND}\n");
    let (code, _, errors) = site.import_cards(&[], &text);
    assert_eq!(code, 65);
    assert!(
        errors.contains("-:2: 400000******0101: ") && errors.contains("-:3: 400000******0119: "),
        "{errors}"
    );
    assert!(!errors.contains(FIRST) && !errors.contains(SECOND), "{errors}");
    // A file without a header begins with a card.
    let (code, _, errors) = site.import_cards(&[], &format!("{FIRST},4912,A1\n"));
    assert_eq!(code, 65);
    assert!(!errors.contains(FIRST), "{errors}");
}

#[test]
fn cards_on_file_change_only_with_update() {
    let site = Site::new(5);
    let text = format!("{HEADER}{FIRST},4912,A1,USD,12.50,1,1234\n");
    assert_eq!(site.import_cards(&[], &text).0, 0);
    let (code, _, errors) = site.import_cards(&[], &text.replace("4912", "5012"));
    assert_eq!(code, 65);
    assert!(errors.contains("is on file already with other values; --update"), "{errors}");
    // What is on file like this is no change.
    let (code, out, _) = site.import_cards(&[], &text);
    let same = "cards: 0 added, 0 updated, 1 unchanged\naccounts: 0 opened, 0 updated, 1 unchanged\n";
    assert_eq!((code, out.as_str()), (0, same));
    assert_eq!(site.import_cards(&["--update"], &text).0, 0);

    // An empty or absent cell leaves what is on file.
    assert_eq!(site.import_cards(&["--update"], &format!("pan,status\n{FIRST},lost\n")).0, 0);
    let card = site.show(FIRST);
    assert_eq!(
        (&card["status"], &card["expiry"], &card["pin"]),
        (&"lost".into(), &"4912".into(), &true.into())
    );
    assert_eq!(card["ledger"], "12.50");

    let refused = |text: String, expect: &str| {
        let (code, _, errors) = site.import_cards(&["--update"], &text);
        assert_eq!(code, 65);
        assert!(errors.contains(expect), "{errors}");
    };
    refused(format!("pan,balance\n{FIRST},99.00\n"), "balance: the account is on file");
    refused(format!("pan,account\n{FIRST},A2\n"), "account: a card on file stays with its account");
    assert_eq!(site.show(FIRST)["ledger"], "12.50");
}

#[test]
fn two_cards_share_an_account() {
    let site = Site::new(5);
    let header = "pan,expiry,account,balance,credit_line\n";
    let text = format!("{header}{FIRST},4912,JOINT,100.00,50.00\n{SECOND},4912,JOINT,,\n");
    let (code, out, errors) = site.import_cards(&[], &text);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(out, "cards: 2 added, 0 updated, 0 unchanged\naccounts: 1 opened, 0 updated, 0 unchanged\n");
    assert_eq!(
        (&site.show(SECOND)["ledger"], &site.show(SECOND)["available"]),
        (&"100.00".into(), &"150.00".into())
    );
    let text = format!("{header}4000000000000127,4912,NEW,1.00,\n4000000000000135,4912,NEW,2.00,\n");
    let (code, _, errors) = site.import_cards(&[], &text);
    assert_eq!(code, 65);
    assert!(errors.contains("-:3: 400000******0135: account: disagrees with line 2"), "{errors}");
}

#[test]
fn amounts_have_fifteen_digits_at_most() {
    let site = Site::new(5);
    let header = "pan,expiry,account,balance,credit_line\n";
    let text = format!("{header}{FIRST},4912,A1,1.00,10000000000000.00\n");
    let (code, _, errors) = site.import_cards(&[], &text);
    assert_eq!(code, 65);
    assert!(
        errors.contains("credit_line: must be an amount of USD in major units, at most 9999999999999.99")
    );
    let text = format!("{header}{FIRST},4912,A1,-9999999999999.99,9999999999999.99\n");
    assert_eq!(site.import_cards(&[], &text).0, 0);
    let card = site.show(FIRST);
    assert_eq!((&card["ledger"], &card["available"]), (&"-9999999999999.99".into(), &"0.00".into()));
}

#[test]
fn json_lines() {
    let site = Site::new(5);
    let good = format!(
        "{{\"pan\":\"{FIRST}\",\"expiry\":\"4912\",\"account\":\"A1\",\"balance\":\"5.00\",\"pvki\":1,\"pvv\":\"0123\"}}\n"
    );
    let (code, _, errors) = site.import_cards(&[], &format!("{good}{{\"pan\":\"{SECOND}\"\n"));
    assert_eq!(code, 65);
    assert!(errors.starts_with("-:2: is not JSON"), "{errors}");
    assert_eq!(site.import_cards(&[], &good).0, 0);
    assert_eq!(site.show(FIRST)["ledger"], "5.00");
}

#[test]
fn a_running_switch_is_named_and_the_tools_that_read_go_on() {
    let site = Site::new(5);
    let text = format!("{HEADER}{FIRST},4912,A1,USD,12.50,1,1234\n");
    assert_eq!(site.import_cards(&[], &text).0, 0);
    let journal = open_journal(&site.config);
    let (code, _, errors) = site.import_cards(&["--update"], &text);
    assert_eq!(code, 69);
    let pid = std::process::id();
    assert!(errors.contains(&format!("process {pid} has the journal open")), "{errors}");
    assert!(errors.contains(&format!("kill -TERM {pid}")), "{errors}");
    assert_eq!(site.on_file().len(), 1);
    drop(journal);
    assert_eq!(site.import_cards(&["--update"], &text).0, 0);
}

#[test]
fn a_card_that_is_not_on_file_or_no_card() {
    let site = Site::new(5);
    let (code, out, errors) = site.card(&["show"], FIRST);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(errors.contains("400000******0101 is not on file"), "{errors}");
    assert_eq!(site.card(&["show"], "nothing").0, 65);
    let (code, _, errors) = site.card(&["show", "40000000000001O1"], "");
    assert_eq!(code, 2);
    assert!(errors.contains("is not a digit"), "{errors}");
}

/// Holds the journal as `serve` would.
fn open_journal(file: &Path) -> FileJournal {
    let settings = config::load(file).unwrap();
    let keys = recovery::data_keys(&settings).unwrap();
    let folder = recovery::journal_folder(&settings);
    FileJournal::open(&folder, &keys, store::Settings::default(), &mut |_, _, _| Ok(())).unwrap().0
}
