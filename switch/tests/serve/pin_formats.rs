//! PIN blocks of every key and format that a terminal may send, made by psec and pydukpt, over the wire. Format 4
//! asks for AES keys, which the embedded HSM has not: `tests/pin_blocks.rs` has it.

use crate::{CARDS, Connection, Running, Site};
use card::{Currency, PinBlock, Rrn, Stan, TerminalId, Time};
use hsm::{KeyScheme, KeyType};
use hsm_sim::{ClearKey, Lmk};
use iso8583::Dialect;
use serde::Deserialize;
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
