//! PIN blocks of every key and format that a terminal may send, made by psec and pydukpt, over the wire.

use crate::{CARDS, Connection, Running, Site, rewrite, turnout};
use card::{Currency, PinBlock, Rrn, Stan, TerminalId, Time};
use hsm::{KeyScheme, KeyType};
use hsm_sim::{ClearKey, Lmk};
use iso8583::{Dialect, field};
use serde::Deserialize;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use terminal::{ChipTransaction, CryptogramVersion, Intent, Pos, PosResponse, Presentment, Trace};

/// `fixtures/crypto/generate_pin_wire.py` tells the fields.
#[derive(Deserialize)]
struct Case {
    kind: String,
    code: String,
    key: String,
    ksn: Option<String>,
    serial: u32,
    pan: String,
    pin: String,
    block: String,
    wrong: String,
}

const CASES: &str = include_str!("../../../fixtures/crypto/pin_wire.json");

/// The element with the key serial number.
const KSN_FIELD: u8 = 62;

#[test]
fn pins_of_every_key_and_format_verify_over_the_wire() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    let cases: Vec<Case> = cases.into_iter().filter(|case| case.code != "48").collect();
    assert_eq!(cases.len(), 9);
    let folder = tempfile::tempdir().unwrap();
    let site = Site::with(folder.path(), CARDS, |text| configured(&text, &cases), |cards| cards);
    let running = Running::start(&site.config);
    let mut connection = Connection::open(running.address).unwrap();
    let mut number = 0;
    for (index, case) in cases.iter().enumerate() {
        let mut card = site.issuer.card(case.serial);
        assert_eq!((card.pan().reveal().as_str(), card.pin().reveal()), (&*case.pan, case.pin.as_bytes()));
        let mut pos =
            Pos::new(Dialect::by_name("iso87_ascii").unwrap(), b"", Currency::parse("USD").unwrap());
        pos.terminal = TerminalId::new(terminal(index).as_bytes()).unwrap();
        let altered = format!("{}0", &case.block[..15]);
        for (block, codes) in [
            (&case.block, &["00"][..]),
            (&case.wrong, &["55"]),
            // One bit of the block: another PIN, or none at all.
            (&altered, if case.block.ends_with('0') { &["00"] } else { &["55", "88"] }),
        ] {
            number += 1;
            let time = Time::from_unix_ms(1_795_444_215_000);
            let chip = ChipTransaction::purchase(1_00, pos.currency, 840, time, [0, 0, 0, number]);
            let pin_block = PinBlock::new(hex::decode(block).unwrap().try_into().unwrap());
            let mut presentment =
                Presentment::chip(&mut card, &chip, CryptogramVersion::Visa18).with_pin(pin_block);
            presentment.further.extend(case.ksn.as_ref().map(|ksn| (KSN_FIELD, ksn.clone().into_bytes())));
            let rrn = Rrn::parse(format!("{number:012}").as_bytes()).unwrap();
            let trace = Trace { stan: Stan::new(number.into()).unwrap(), rrn, time };
            connection.send(&pos.purchase(Intent::Post, 1_00, &presentment, &trace).unwrap()).unwrap();
            let response = PosResponse::parse(&connection.receive().unwrap(), pos.dialect).unwrap();
            let (kind, code) = (&case.kind, &case.code);
            assert!(codes.contains(&response.code.as_str()), "{kind} {code}: {}", response.code);
        }
    }
}

/// Without its serial number no key of DUKPT is found; that is no guess of the cardholder.
#[test]
fn a_pin_under_dukpt_without_its_serial_number_is_no_guess() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    let cases: Vec<Case> = cases.into_iter().filter(|case| case.kind == "BDK").collect();
    let folder = tempfile::tempdir().unwrap();
    let site = Site::with(folder.path(), CARDS, |text| configured(&text, &cases), |cards| cards);
    let running = Running::start(&site.config);
    let mut connection = Connection::open(running.address).unwrap();
    let mut card = site.issuer.card(cases[0].serial);
    let mut pos = Pos::new(Dialect::by_name("iso87_ascii").unwrap(), b"", Currency::parse("USD").unwrap());
    pos.terminal = TerminalId::new(terminal(0).as_bytes()).unwrap();
    let time = Time::from_unix_ms(1_795_444_215_000);
    let pin_block = PinBlock::new(hex::decode(&cases[0].block).unwrap().try_into().unwrap());
    let mut ask = |number: u8, others: Vec<(u8, Vec<u8>)>| {
        let chip = ChipTransaction::purchase(1_00, pos.currency, 840, time, [0, 0, 0, number]);
        let presentment =
            Presentment::chip(&mut card, &chip, CryptogramVersion::Visa18).with_pin(pin_block.clone());
        let presentment = Presentment { further: others, ..presentment };
        let rrn = Rrn::parse(format!("{number:012}").as_bytes()).unwrap();
        let trace = Trace { stan: Stan::new(number.into()).unwrap(), rrn, time };
        connection.send(&pos.purchase(Intent::Post, 1_00, &presentment, &trace).unwrap()).unwrap();
        PosResponse::parse(&connection.receive().unwrap(), pos.dialect).unwrap().code
    };
    assert_eq!(ask(1, Vec::new()).as_str(), "88");
    assert_eq!(ask(2, vec![(KSN_FIELD, b"no serial number".to_vec())]).as_str(), "30");
    let ksn = cases[0].ksn.clone().unwrap().into_bytes();
    assert_eq!(ask(3, vec![(KSN_FIELD, ksn)]).as_str(), "00");
}

/// Sixteen bytes in DE 52 under an AES key: a dialect file, and key blocks for the PIN key and the PVK. The keys come in
/// as an engineer brings them.
#[test]
fn format_4_verifies_over_the_wire() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    let case = cases.into_iter().find(|case| case.code == "48").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long-pins.toml"), LONG_PINS).unwrap();
    let site = Site::with(folder.path(), CARDS, |text| text, |cards| cards);
    let pvk = hex::encode_upper(site.issuer.keys.pvk.reveal());
    for (name, kind, algorithm, key) in [("zpk-4", "ZPK", "aes", &case.key), ("pvk-4", "PVK", "tdes", &pvk)] {
        import_clear(&site, &["--name", name, "--type", kind, "--key-block", algorithm], key);
    }
    rewrite(&site.config, |text| with_long_pins(&text));
    let running = Running::start(&site.config);
    let mut connection = Connection::open(running.address).unwrap();
    let mut card = site.issuer.card(case.serial);
    assert_eq!((card.pan().reveal().as_str(), card.pin().reveal()), (&*case.pan, case.pin.as_bytes()));
    let dialect: &Dialect = Box::leak(Box::new(Dialect::from_toml(LONG_PINS).unwrap()));
    let pos = Pos::new(dialect, b"POS00001", Currency::parse("USD").unwrap());
    let last = if case.block.ends_with('0') { "1" } else { "0" };
    let altered = format!("{}{last}", &case.block[..31]);
    let asked = [(1, &case.block, "00"), (2, &case.wrong, "55"), (3, &altered, "88"), (4, &case.block, "00")];
    for (number, block, code) in asked {
        let time = Time::from_unix_ms(1_795_444_215_000);
        let chip = ChipTransaction::purchase(1_00, pos.currency, 840, time, [0, 0, 0, number]);
        let mut presentment = Presentment::chip(&mut card, &chip, CryptogramVersion::Visa18);
        presentment.further = vec![(field::PIN_BLOCK, hex::decode(block).unwrap())];
        let rrn = Rrn::parse(format!("{number:012}").as_bytes()).unwrap();
        let trace = Trace { stan: Stan::new(number.into()).unwrap(), rrn, time };
        connection.send(&pos.purchase(Intent::Post, 1_00, &presentment, &trace).unwrap()).unwrap();
        let response = PosResponse::parse(&connection.receive().unwrap(), dialect).unwrap();
        assert_eq!(response.code.as_str(), code, "message {number}");
    }
}

/// A dialect whose DE 52 has sixteen bytes.
const LONG_PINS: &str = "
name = \"long-pins\"
title = \"PIN blocks of sixteen bytes\"
based_on = \"iso87_ascii\"

[field.52]
name = \"PIN block\"
type = \"b16\"
sensitive = \"secret\"
";

/// The `integration` listener with that dialect and key, and the product with its PVK.
fn with_long_pins(text: &str) -> String {
    let mut file: toml::Table = text.parse().unwrap();
    let listeners = file["listener"].as_array_mut().unwrap().iter_mut().filter_map(toml::Value::as_table_mut);
    let mut integration = listeners.filter(|listener| listener["name"].as_str() == Some("integration"));
    let listener = integration.next().unwrap();
    listener.insert("dialect".to_owned(), "long-pins.toml".into());
    listener.insert("pin_key".to_owned(), "zpk-4".into());
    let product = file["product"].as_array_mut().unwrap()[0].as_table_mut().unwrap();
    product.insert("pvk".to_owned(), "pvk-4".into());
    file.to_string()
}

fn import_clear(site: &Site, arguments: &[&str], key: &str) {
    let mut command = turnout();
    command.args(["key", "import", "--clear", "--config"]).arg(&site.config).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn terminal(index: usize) -> String {
    format!("PSEC{index:04}")
}

/// A terminal for each case at the `integration` listener, with a key of its own.
fn configured(text: &str, cases: &[Case]) -> String {
    let mut file: toml::Table = text.parse().unwrap();
    let listeners = file["listener"].as_array_mut().unwrap();
    let integration = listeners.iter_mut().filter_map(toml::Value::as_table_mut);
    let integration =
        integration.into_iter().find(|listener| listener["name"].as_str() == Some("integration"));
    let listener = integration.unwrap();
    listener.insert("ksn_field".to_owned(), i64::from(KSN_FIELD).into());
    let terminals = listener["terminal"].as_array_mut().unwrap();
    for (index, case) in cases.iter().enumerate() {
        let key = format!("psec-{index}");
        let entry = format!("id = {:?}\npin_key = {key:?}\npin_format = {:?}", terminal(index), case.code);
        terminals.push(entry.parse::<toml::Table>().unwrap().into());
    }
    for (index, case) in cases.iter().enumerate() {
        let key_type = match &*case.kind {
            "ZPK" => KeyType::ZPK,
            "TPK" => KeyType::TPK,
            _ => KeyType::BDK,
        };
        let clear = ClearKey::double(&hex::decode(&case.key).unwrap().try_into().unwrap());
        let cryptogram = Lmk::public_test().encrypt_key(key_type, KeyScheme::U, &clear).unwrap();
        let entry = format!(
            "name = \"psec-{index}\"\ntype = {:?}\ncryptogram = {:?}",
            case.kind,
            cryptogram.to_text()
        );
        file["key"].as_array_mut().unwrap().push(entry.parse::<toml::Table>().unwrap().into());
    }
    file.to_string()
}
