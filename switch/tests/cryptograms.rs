//! The cards of other people's software: cryptograms made by pyemv and values by psec, asked of the HSM in process
//! the way the switch asks, and answered with the ARPC that pyemv makes.

use auth::{
    ArpcBy, Checks, ChecksReply, CryptogramAnswer, CryptogramCheck, CryptogramResult, CvvCheck, CvvResult,
    Key, Recipe, ScriptKeys, ScriptMac,
};
use card::{Cvv, Expiry, Pan, ServiceCode};
use hsm::{KeyScheme, KeyType};
use hsm_sim::{ClearKey, Engine, Lmk, Settings};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use switch::translate::hsm::{Subject, command, note};

#[test]
fn cards_of_each_version_are_verified_and_answered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/crypto/emv_more.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let engine = Engine::new(Lmk::public_test(), Settings::default());
    for (kind, recipe) in [
        ("visa_cvn_10", "Visa CVN 10"),
        ("visa_cvn_18", "Visa CVN 18"),
        ("visa_cvn_22", "Visa CVN 22"),
        ("mastercard_cvn_16", "Mastercard CVN 16"),
        ("mastercard_cvn_17", "Mastercard CVN 17"),
        ("mastercard_cvn_20", "Mastercard CVN 20"),
        ("mastercard_cvn_21", "Mastercard CVN 21"),
    ] {
        let cases = vectors[kind].as_array().unwrap();
        assert!(cases.len() >= 20, "{kind}");
        for case in cases {
            let mut check = check(Recipe::named(recipe).unwrap(), case);
            let arpc = bytes(case, "arpc");
            let right =
                |result| matches!(result, CryptogramResult::Right { arpc: made } if made.starts_with(&arpc));
            assert!(right(ask(&engine, &check)), "{kind} {case}");
            let answered = answer(&engine, &check).unwrap();
            assert!(answered.starts_with(&arpc), "{kind} {case}");
            check.cryptogram[7] ^= 1;
            assert!(matches!(ask(&engine, &check), CryptogramResult::Wrong), "{kind} {case}");
        }
    }
}

fn check(recipe: &'static Recipe, case: &Value) -> CryptogramCheck {
    let key = ClearKey::new(&bytes(case, "imk_ac")).unwrap().with_odd_parity();
    let under_lmk = Lmk::public_test().encrypt_key(KeyType::MK_AC, KeyScheme::U, &key).unwrap();
    let answer = bytes(case, "answer");
    CryptogramCheck {
        recipe,
        issuer_master_key: Arc::new(Key { name: "imk".into(), cryptogram: under_lmk.to_text() }),
        pan: Pan::parse(case["pan"].as_str().unwrap().as_bytes()).unwrap(),
        card_sequence: case["psn"].as_u64().unwrap().try_into().unwrap(),
        atc: u16::from_be_bytes(bytes(case, "atc").try_into().unwrap()),
        unpredictable_number: bytes(case, "unpredictable_number").try_into().unwrap(),
        transaction_bytes: bytes(case, "data").into_iter().collect(),
        cryptogram: bytes(case, "arqc").try_into().unwrap(),
        answer: match recipe.answer {
            ArpcBy::Arc => CryptogramAnswer::Arc(answer.try_into().unwrap()),
            ArpcBy::Csu => CryptogramAnswer::Csu(answer.try_into().unwrap()),
        },
        verified: false,
    }
}

/// CVV, iCVV and CVV2 differ in the service code alone.
#[test]
fn values_of_cards_are_verified_and_altered_ones_are_not() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/crypto/vectors.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let engine = Engine::new(Lmk::public_test(), Settings::default());
    let mut printed = 0;
    for case in vectors["cvv"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let key = ClearKey::new(&bytes(case, "cvk")).unwrap().with_odd_parity();
        let under_lmk = Lmk::public_test().encrypt_key(KeyType::CVK, KeyScheme::U, &key).unwrap();
        let service_code = ServiceCode(text("service_code").as_bytes().try_into().unwrap());
        printed += usize::from(service_code.0 == *b"000");
        let right = CvvCheck {
            cvk: Arc::new(Key { name: "cvk".into(), cryptogram: under_lmk.to_text() }),
            pan: Pan::parse(text("pan").as_bytes()).unwrap(),
            expiry: Expiry::parse_yymm(text("expiry").as_bytes()).unwrap(),
            service_code,
            cvv: Cvv::parse(text("cvv").as_bytes()).unwrap(),
        };
        let found = |check: CvvCheck| {
            let checks = Checks { cvv2: Some(check), ..Checks::default() };
            let reply = engine.run(&command(&checks, Subject::Cvv2).unwrap());
            let mut findings = ChecksReply::default();
            note(&mut findings, &checks, Subject::Cvv2, Some(&reply));
            findings.cvv2.unwrap()
        };
        assert_eq!(found(right.clone()), CvvResult::Right, "{case}");
        let mut digits = *right.cvv.reveal();
        digits[2] = b'0' + (digits[2] - b'0' + 1) % 10;
        let cvv = Cvv::parse(&digits).unwrap();
        assert_eq!(found(CvvCheck { cvv, ..right.clone() }), CvvResult::Wrong, "{case}");
        let mut code = right.service_code.0;
        code[1] = b'0' + (code[1] - b'0' + 5) % 10;
        assert_eq!(found(CvvCheck { service_code: ServiceCode(code), ..right }), CvvResult::Wrong, "{case}");
    }
    assert!(printed >= 4, "{printed} printed values");
}

/// An ARPC alone, as for a decline.
fn answer(engine: &Engine, check: &CryptogramCheck) -> Option<[u8; 8]> {
    let check = CryptogramCheck { verified: true, ..check.clone() };
    let checks = Checks { cryptogram: Some(check), ..Checks::default() };
    let reply = engine.run(&command(&checks, Subject::Cryptogram).unwrap());
    let mut findings = ChecksReply::default();
    note(&mut findings, &checks, Subject::Cryptogram, Some(&reply));
    match findings.cryptogram {
        Some(CryptogramResult::Right { arpc }) => Some(arpc),
        _ => None,
    }
}

/// MACs of PIN changes that pyemv has made: the switch makes other scripts by the same keys.
#[test]
fn scripts_get_the_mac_that_the_card_expects() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/crypto/emv_more.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let engine = Engine::new(Lmk::public_test(), Settings::default());
    for (kind, keys) in [
        ("visa_cvn_10", ScriptKeys::Visa),
        ("visa_cvn_18", ScriptKeys::Visa),
        ("visa_cvn_22", ScriptKeys::Common),
        ("mastercard_cvn_16", ScriptKeys::Mastercard),
        ("mastercard_cvn_17", ScriptKeys::Mastercard),
        ("mastercard_cvn_20", ScriptKeys::Mastercard),
        ("mastercard_cvn_21", ScriptKeys::Mastercard),
    ] {
        // The command takes a PAN by option A, which is the other one up to 16 digits.
        let short = |case: &&Value| case["pan"].as_str().unwrap().len() <= 16;
        let cases: Vec<&Value> = vectors[kind].as_array().unwrap().iter().filter(short).collect();
        assert!(cases.len() >= 8, "{kind}");
        for case in cases {
            let sent = bytes(case, "pin_change");
            let (message, mac) = sent.split_last_chunk::<8>().unwrap();
            assert_eq!(script_mac(&engine, keys, case, message), Some(*mac), "{kind} {case}");
            let mut altered = message.to_vec();
            altered[1] ^= 1;
            assert_ne!(script_mac(&engine, keys, case, &altered), Some(*mac), "{kind} {case}");
        }
    }
}

fn script_mac(engine: &Engine, keys: ScriptKeys, case: &Value, sent: &[u8]) -> Option<[u8; 8]> {
    let key = ClearKey::new(&bytes(case, "imk_smi")).unwrap().with_odd_parity();
    let under_lmk = Lmk::public_test().encrypt_key(KeyType::MK_SMI, KeyScheme::U, &key).unwrap();
    let (header, data) = sent.split_at(5);
    let (atc, cryptogram) = (bytes(case, "atc"), bytes(case, "arqc"));
    let script = ScriptMac {
        keys,
        issuer_master_key: Arc::new(Key { name: "smi".into(), cryptogram: under_lmk.to_text() }),
        pan: Pan::parse(case["pan"].as_str().unwrap().as_bytes()).unwrap(),
        card_sequence: case["psn"].as_u64().unwrap().try_into().unwrap(),
        atc: u16::from_be_bytes(atc.clone().try_into().unwrap()),
        cryptogram: cryptogram.clone().try_into().unwrap(),
        message: [header, &atc, &cryptogram, data].concat().into_iter().collect(),
    };
    let checks = Checks { script: Some(Box::new(script)), ..Checks::default() };
    let reply = engine.run(&command(&checks, Subject::Script).unwrap());
    let mut findings = ChecksReply::default();
    note(&mut findings, &checks, Subject::Script, Some(&reply));
    findings.script.unwrap()
}

fn ask(engine: &Engine, check: &CryptogramCheck) -> CryptogramResult {
    let checks = Checks { cryptogram: Some(check.clone()), ..Checks::default() };
    let reply = engine.run(&command(&checks, Subject::Cryptogram).unwrap());
    let mut findings = ChecksReply::default();
    note(&mut findings, &checks, Subject::Cryptogram, Some(&reply));
    findings.cryptogram.unwrap()
}

fn bytes(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap()).unwrap()
}
