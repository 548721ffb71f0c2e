//! What the engine answers, command by command, where no outside vector says it.

use card::{Pan, PinBlock};
use hsm::{
    Account, CheckValue, Command, DecimalisationTable, ErrorCode, ExportKey, GenerateKey, ImportKey,
    KcvLength, KeyField, KeyScheme, KeyType, PinBlockFormat, PinKeyType, Random, Reply, ReplyBody, Request,
    TranslatePin, ValidationData, VerifyIbm,
};
use hsm_sim::{ClearKey, Engine, Lmk, Pin, Settings, ibm3624, kcv, pin};
use std::path::Path;

#[test]
fn a_pin_keeps_its_digits_through_every_pair_of_formats() {
    let engine = engine();
    let (tpk, zpk) = (ClearKey::double(&[0x57; 16]), ClearKey::double(&[0x4C; 16]));
    let pin = Pin::parse(b"493817").unwrap();
    for source_format in FORMATS {
        for destination_format in FORMATS {
            let clear = pin::build(source_format, &pin, &account(), [0x2D; 8]);
            let reply = engine.run(&Command::TranslatePin(TranslatePin {
                source: PinKeyType::Tpk,
                source_key: wrapped(KeyType::TPK, &tpk),
                destination_key: wrapped(KeyType::ZPK, &zpk),
                destination_bdk: None,
                max_pin_length: 12,
                pin_block: PinBlock::new(tpk.encrypt(clear)).into(),
                source_format,
                destination_format,
                account: account(),
            }));
            let ReplyBody::TranslatedPin { pin_length, pin_block, format } = reply.body else { panic!() };
            assert_eq!((pin_length, format), (6, destination_format));
            let block = pin_block.reveal().try_into().unwrap();
            let opened = pin::extract(format, zpk.decrypt(block), &account()).unwrap();
            assert_eq!(opened.reveal(), pin.reveal());
        }
    }
}

#[test]
fn a_pin_longer_than_allowed_is_refused() {
    let tpk = ClearKey::double(&[0x57; 16]);
    let clear = pin::build(PinBlockFormat::Iso0, &Pin::parse(b"12345").unwrap(), &account(), [0; 8]);
    let translate = |max_pin_length| {
        engine().run(&Command::TranslatePin(TranslatePin {
            source: PinKeyType::Tpk,
            source_key: wrapped(KeyType::TPK, &tpk),
            destination_key: wrapped(KeyType::ZPK, &tpk),
            destination_bdk: None,
            max_pin_length,
            pin_block: PinBlock::new(tpk.encrypt(clear)).into(),
            source_format: PinBlockFormat::Iso0,
            destination_format: PinBlockFormat::Iso0,
            account: account(),
        }))
    };
    assert_eq!(translate(4).error, ErrorCode::PIN_LENGTH);
    assert_eq!(translate(5).error, ErrorCode::NONE);
}

#[test]
fn ibm_pins_verify_with_clear_and_encrypted_tables() {
    let engine = engine();
    let (zpk, pvk) = (ClearKey::double(&[0x57; 16]), ClearKey::new(&[0x31; 8]).unwrap());
    let validation_data = ValidationData::parse(b"40000012345N").unwrap();
    let table = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 8, 7, 6, 5, 4];
    // Pair 18-19 of the public test LMK with variant 1.
    let pair = hex::decode("A7010101010101010101010101010101").unwrap();
    let mut encrypted = hex::decode("9876543210987654").unwrap();
    ClearKey::new(&pair).unwrap().encrypt_ecb(&mut encrypted);
    let encrypted = hex::encode_upper(encrypted);
    assert!(encrypted.contains(|digit: char| digit.is_ascii_alphabetic()), "or it would pass for clear");
    let natural = ibm3624::natural_pin(&pvk, &table, ibm3624::validation_block(&validation_data, &account()));
    let pin = Pin::parse(b"271828").unwrap();
    let offset = ibm3624::offset(&natural, &pin);
    let verify = |typed: &[u8], table: &str, check_length| {
        let clear = pin::build(PinBlockFormat::Iso3, &Pin::parse(typed).unwrap(), &account(), [0x99; 8]);
        let reply = engine.run(&Command::VerifyIbm(VerifyIbm {
            source: PinKeyType::Zpk,
            pin_key: wrapped(KeyType::ZPK, &zpk),
            pvk: wrapped(KeyType::PVK, &pvk),
            max_pin_length: 12,
            pin_block: PinBlock::new(zpk.encrypt(clear)).into(),
            format: PinBlockFormat::Iso3,
            check_length,
            account: account(),
            decimalisation_table: DecimalisationTable::parse(table.as_bytes()).unwrap(),
            validation_data,
            offset,
        }));
        reply.error
    };
    assert_eq!(verify(b"271828", "9876543210987654", 6), ErrorCode::NONE);
    assert_eq!(verify(b"271828", &encrypted, 6), ErrorCode::NONE);
    assert_eq!(verify(b"271829", &encrypted, 6), ErrorCode::VERIFICATION_FAILED);
    assert_eq!(verify(b"2718", &encrypted, 6), ErrorCode::VERIFICATION_FAILED);
    assert_eq!(verify(b"2718", &encrypted, 4), ErrorCode::NONE);
    assert_eq!(verify(b"271828", "0123456789012345", 6), ErrorCode::VERIFICATION_FAILED);
    assert_eq!(verify(b"271828", "FFFFFFFFFFFFFFFF", 6), ErrorCode::DECIMALISATION_TABLE);
}

#[test]
fn keys_are_made_exported_and_imported() {
    let engine = engine();
    let lmk = Lmk::public_test();
    let zmk = wrapped(KeyType::ZMK, &ClearKey::double(&[0x4F; 16]));
    for (scheme, length) in [(KeyScheme::Z, 8), (KeyScheme::U, 16), (KeyScheme::T, 24)] {
        let made = engine.run(&Command::GenerateKey(GenerateKey::new(KeyType::CVK, scheme)));
        let (key, check_value) = key_reply(&made);
        let clear = lmk.decrypt_key(KeyType::CVK, &key).unwrap();
        assert_eq!(clear.reveal().len(), length);
        assert_eq!(hex::encode_upper(&kcv::kcv(&clear)[..3]), check_value);

        let export = ExportKey::new(KeyType::CVK, zmk.borrowed(), key.borrowed(), scheme);
        let exported = engine.run(&Command::ExportKey(export));
        let (under_zmk, exported_check_value) = key_reply(&exported);
        assert_ne!(under_zmk, key);
        assert_eq!(exported_check_value, check_value);

        let import = ImportKey::new(KeyType::CVK, zmk.borrowed(), under_zmk, scheme);
        let imported = engine.run(&Command::ImportKey(import));
        assert_eq!(imported.error, ErrorCode::NONE);
        assert_eq!(key_reply(&imported), (key.borrowed(), check_value.clone()));

        let ask = CheckValue::new(KeyType::CVK, key, KcvLength::Six);
        let asked = engine.run(&Command::CheckValue(ask));
        let ReplyBody::CheckValue(asked) = asked.body else { panic!("{}", asked.error) };
        assert_eq!(asked.to_string(), check_value);
    }
}

#[test]
fn importing_a_key_of_even_parity_mends_it_and_says_so() {
    let zmk = ClearKey::double(&[0x4F; 16]);
    // Under a ZMK, X is plain ECB.
    let even = ClearKey::double(&[0x30; 16]);
    let mut under_zmk = even.reveal().to_vec();
    zmk.encrypt_ecb(&mut under_zmk);
    let under_zmk = format!("X{}", hex::encode_upper(under_zmk));
    let import = |key| {
        let zmk = wrapped(KeyType::ZMK, &zmk);
        engine().run(&Command::ImportKey(ImportKey::new(KeyType::ZPK, zmk, key, KeyScheme::U)))
    };
    let reply = import(KeyField::parse(&under_zmk).unwrap());
    assert_eq!(reply.error, ErrorCode::VERIFICATION_FAILED);
    let (key, _) = key_reply(&reply);
    let clear = Lmk::public_test().decrypt_key(KeyType::ZPK, &key).unwrap();
    assert_eq!(clear.reveal(), [0x31; 16]);

    let mut zeros = [0; 16];
    zmk.encrypt_ecb(&mut zeros);
    let zeros = format!("X{}", hex::encode_upper(zeros));
    let reply = import(KeyField::parse(&zeros).unwrap());
    assert_eq!(reply.error, ErrorCode::DESTINATION_KEY_PARITY);
}

#[test]
fn random_bytes_differ() {
    let engine = engine();
    let draw = || match engine.run(&Command::Random(Random { length: 16 })).body {
        ReplyBody::Random(bytes) => bytes.into_owned(),
        body => panic!("{body:?}"),
    };
    assert_eq!(draw().len(), 16);
    assert_ne!(draw(), draw());
}

#[test]
fn a_full_key_cache_changes_no_answer() {
    let settings = |key_cache_capacity| Settings { key_cache_capacity, ..Settings::default() };
    let engines = [0, 1, 4096].map(|capacity| Engine::new(Lmk::public_test(), settings(capacity)));
    for (name, request) in requests() {
        let answers = engines.each_ref().map(|engine| {
            let mut reply = Vec::new();
            engine.execute(&request, &mut reply);
            engine.execute(&request, &mut reply);
            reply
        });
        assert_eq!(answers[0], answers[1], "{name}");
        assert_eq!(answers[0], answers[2], "{name}");
    }
}

/// Every request with each of its bytes changed in turn, and cut at each place: always one reply, to the
/// same code, that its reader understands.
#[test]
fn whatever_is_asked_is_answered() {
    let engine = engine();
    let mut reply = Vec::new();
    for (name, request) in requests() {
        for at in 0..request.len() {
            for byte in [b'0', b'F', b';', b'%', 0x19, 0xFF, request[at] ^ 1] {
                let mut changed = request.clone();
                changed[at] = byte;
                check_answered(&engine, &changed, &mut reply, &name);
            }
            check_answered(&engine, &request[..at], &mut reply, &name);
        }
    }
}

fn check_answered(engine: &Engine, request: &[u8], reply: &mut Vec<u8>, name: &str) {
    reply.clear();
    engine.execute(request, reply);
    match Request::parse(request) {
        Ok(Request { command, trailer, .. }) => {
            let body = reply.len() - trailer.map_or(0, |trailer| trailer.len() + 1);
            Reply::parse(command.code(), &reply[..body]).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        Err(error) => {
            assert_eq!(reply[..2], *error.code.reply().as_bytes(), "{name}");
            assert_eq!(reply[2..], *error.error.as_bytes(), "{name}");
        }
    }
}

/// The requests of `fixtures/hsm`, without length and header.
fn requests() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hsm");
    let mut requests: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("request")).unwrap();
            (path.display().to_string(), hex::decode(line.trim()).unwrap()[6..].to_vec())
        })
        .collect();
    requests.sort();
    assert!(requests.len() >= 20);
    requests
}

const FORMATS: [PinBlockFormat; 5] = [
    PinBlockFormat::Iso0,
    PinBlockFormat::Diebold,
    PinBlockFormat::Iso1,
    PinBlockFormat::Iso2,
    PinBlockFormat::Iso3,
];

fn engine() -> Engine {
    Engine::new(Lmk::public_test(), Settings::default())
}

fn account() -> Account {
    Account::from(&Pan::parse(b"4000001234567899").unwrap())
}

fn wrapped(key_type: KeyType, key: &ClearKey) -> KeyField<'static> {
    let scheme = if key.reveal().len() == 8 { KeyScheme::Z } else { KeyScheme::U };
    Lmk::public_test().encrypt_key(key_type, scheme, &key.with_odd_parity()).unwrap()
}

fn key_reply<'a>(reply: &'a Reply<'_>) -> (KeyField<'a>, String) {
    let ReplyBody::Key { key, kcv } = &reply.body else { panic!("{}", reply.error) };
    (key.borrowed(), kcv.to_string())
}
