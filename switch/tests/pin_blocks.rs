//! PIN blocks of ISO 9564-1 format 4 by psec, through the commands that the switch writes, at an HSM whose keys
//! are key blocks.

use auth::{Checks, ChecksReply, Key, OnlinePin, PinCheck, PinKey, PinKeyKind, PinResult, PinVerification};
use card::Pan;
use hsm::{
    Account, Exportability, KeyAlgorithm, KeyAttributes, KeyUsage, LmkIdentifier, ModeOfUse, OptionalBlocks,
};
use hsm_sim::{AesKey, ClearKey, Engine, Lmk, Pin, Settings, WorkingKey, pvv};
use serde::Deserialize;
use std::sync::Arc;
use switch::translate::hsm::{Subject, command, note};

#[derive(Deserialize)]
struct Case {
    code: String,
    key: String,
    pan: String,
    pin: String,
    block: String,
    wrong: String,
}

#[test]
fn format_4_verifies_under_an_aes_key() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../fixtures/crypto/pin_wire.json")).unwrap();
    let case = cases.iter().find(|case| case.code == "48").unwrap();
    let identifier = LmkIdentifier(0);
    let lmk = || Lmk::new().with_key_block(identifier, AesKey::new(&[0x5A; 32]).unwrap());
    let engine = Engine::new(lmk(), Settings::default());
    let named = |name: &str, cryptogram: String| Arc::new(Key { name: name.into(), cryptogram });
    let aes = AesKey::new(&hex::decode(&case.key).unwrap()).unwrap();
    let pvk = ClearKey::double(&[0x34; 16]).with_odd_parity();
    let pan = Pan::parse(case.pan.as_bytes()).unwrap();
    let right = Pin::parse(case.pin.as_bytes()).unwrap();
    let value = *pvv::pvv(&pvk, &Account::from(&pan), 1, &right).reveal();
    let wrapped = |usage: &[u8; 2], algorithm, key: WorkingKey| {
        let attributes = KeyAttributes {
            usage: KeyUsage::new(*usage).unwrap(),
            algorithm,
            mode: ModeOfUse::from_letter(b'N').unwrap(),
            key_version: *b"00",
            exportability: Exportability::Sensitive,
            optional_blocks: OptionalBlocks::NONE,
        };
        lmk().wrap_key_block(identifier, attributes, &key, [7; 16]).unwrap().to_text()
    };
    let zpk = named("zpk", wrapped(b"P0", KeyAlgorithm::Aes, aes.into()));
    let pvk = named("pvk", wrapped(b"V2", KeyAlgorithm::Tdes, pvk.into()));
    let find = |block: &str| {
        let check = PinCheck {
            key: PinKey { key: Arc::clone(&zpk), kind: PinKeyKind::Zpk, format: *b"48" },
            block: OnlinePin::new(&hex::decode(block).unwrap()).unwrap(),
            pan,
            method: PinVerification::Pvv { pvk: Arc::clone(&pvk), pvki: 1, pvv: value },
            new_block: None,
        };
        let checks = Checks { pin: Some(check), ..Checks::default() };
        let reply = engine.run(&command(&checks, Subject::Pin).unwrap());
        let mut findings = ChecksReply::default();
        note(&mut findings, &checks, Subject::Pin, Some(&reply));
        findings.pin.unwrap()
    };
    assert_eq!(find(&case.block), PinResult::Right);
    assert_eq!(find(&case.wrong), PinResult::Wrong);
    let altered = format!("{}{}", &case.block[..31], if case.block.ends_with('0') { "1" } else { "0" });
    assert_eq!(find(&altered), PinResult::BadBlock);
}
