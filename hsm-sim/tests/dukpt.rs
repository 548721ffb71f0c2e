//! DUKPT, PIN blocks and PINs under the LMK against `fixtures/crypto/dukpt.json`, made by pydukpt, psec and an AES
//! DUKPT of its own.

use card::Pan;
use hsm::{Account, LmkPin, PinBlockFormat};
use hsm_sim::dukpt::{self, AesUsage, TdesUsage, WorkingKeyType};
use hsm_sim::lmk_pin::PinLmk;
use hsm_sim::{AesKey, ClearKey, Engine, Lmk, Pin, Settings, pin};
use serde_json::Value;

#[test]
fn tdes_keys_of_a_transaction() {
    for case in cases("tdes_dukpt") {
        let bdk = ClearKey::new(&case.hex("bdk")).unwrap();
        let ksn = case.bytes("ksn");
        let initial = dukpt::initial_key(&bdk, ksn);
        assert_eq!(initial.reveal(), case.hex("initial_key"));
        for (name, usage) in [
            ("Pin", TdesUsage::Pin),
            ("MacRequest", TdesUsage::MacRequest),
            ("MacResponse", TdesUsage::MacResponse),
            ("DataRequest", TdesUsage::DataRequest),
            ("DataResponse", TdesUsage::DataResponse),
        ] {
            let made = dukpt::working_key(&bdk, ksn, usage);
            assert_eq!(made.reveal(), case.hex(name), "{name}");
            let by_device = dukpt::working_key_of_device(&initial, ksn, usage);
            assert_eq!(by_device.reveal(), made.reveal(), "{name}");
        }
    }
}

#[test]
fn aes_keys_of_a_transaction() {
    for case in cases("aes_dukpt") {
        let bdk = AesKey::new(&case.hex("bdk")).unwrap();
        let ksn: [u8; 12] = case.bytes("ksn");
        let initial = dukpt::aes_initial_key(&bdk, ksn[..8].try_into().unwrap());
        assert_eq!(initial.reveal(), case.hex("initial_key"));
        let usage = match case.text("usage") {
            "KeyEncryption" => AesUsage::KeyEncryption,
            "Pin" => AesUsage::Pin,
            "MacGeneration" => AesUsage::MacGeneration,
            "MacVerification" => AesUsage::MacVerification,
            "MacBoth" => AesUsage::MacBoth,
            "DataEncryption" => AesUsage::DataEncryption,
            "DataDecryption" => AesUsage::DataDecryption,
            "DataBoth" => AesUsage::DataBoth,
            "KeyDerivation" => AesUsage::KeyDerivation,
            other => panic!("{other}"),
        };
        let key_type = match case.text("key_type") {
            "TwoKeyTdes" => WorkingKeyType::TwoKeyTdes,
            "ThreeKeyTdes" => WorkingKeyType::ThreeKeyTdes,
            "Aes128" => WorkingKeyType::Aes128,
            "Aes192" => WorkingKeyType::Aes192,
            "Aes256" => WorkingKeyType::Aes256,
            other => panic!("{other}"),
        };
        assert_eq!(*dukpt::aes_working_key(&bdk, ksn, usage, key_type), case.hex("working_key"));
        assert_eq!(dukpt::aes_pin_key(&bdk, ksn).reveal(), case.hex("pin_key"));
    }
}

#[test]
fn pin_blocks_of_formats_2_and_4() {
    let no_account = Account::parse(b"000000000000").unwrap();
    for case in cases("pin_block_iso_2") {
        let pin = case.pin();
        let block = case.bytes("block");
        assert_eq!(pin::build(PinBlockFormat::Iso2, &pin, &no_account, [7; 8]), block);
        let opened = pin::extract(PinBlockFormat::Iso2, block, &no_account).unwrap();
        assert_eq!(opened.reveal(), pin.reveal());
    }
    for case in cases("pin_block_iso_4") {
        let key = AesKey::new(&case.hex("key")).unwrap();
        let pan = Pan::parse(case.text("pan").as_bytes()).unwrap();
        let block = case.bytes("block");
        assert_eq!(pin::encrypt_iso4(&key, &case.pin(), &pan, case.bytes("filling")), block);
        assert_eq!(pin::decrypt_iso4(&key, block, &pan).unwrap().reveal(), case.pin().reveal());
    }
}

#[test]
fn pins_under_the_lmk() {
    for case in cases("pin_under_lmk") {
        let lmk = PinLmk::digits(&case.hex("lmk")).unwrap();
        let account = Account::parse(case.text("account").as_bytes()).unwrap();
        let longest = case.0["longest"].as_u64().unwrap() as u8;
        let protected = LmkPin::parse(case.text("protected").as_bytes()).unwrap();
        let made = lmk.protect(&case.pin(), &account, longest, [0; 8]).unwrap();
        assert_eq!(made.reveal(), protected.reveal());
        assert_eq!(lmk.open(&protected, &account, longest).unwrap().reveal(), case.pin().reveal());
    }
}

/// `BA`, which the golden frames cannot show: their engine is not in authorised state.
#[test]
fn clear_pins_in_authorised_state() {
    let settings = Settings { authorised: true, ..Settings::default() };
    let engine = Engine::new(Lmk::public_test(), settings);
    let frames = read("authorised");
    assert_eq!(frames.len(), 5);
    for case in frames {
        let mut reply = Vec::new();
        engine.execute(&case.hex("request"), &mut reply);
        assert_eq!(reply.escape_ascii().to_string(), case.hex("response").escape_ascii().to_string());
    }
}

struct Case(Value);

impl Case {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    fn hex(&self, name: &str) -> Vec<u8> {
        hex::decode(self.text(name)).unwrap()
    }

    fn bytes<const N: usize>(&self, name: &str) -> [u8; N] {
        self.hex(name).try_into().unwrap()
    }

    fn pin(&self) -> Pin {
        Pin::parse(self.text("pin").as_bytes()).unwrap()
    }
}

fn cases(kind: &str) -> Vec<Case> {
    let cases = read(kind);
    assert!(cases.len() >= 20, "{kind}");
    cases
}

fn read(kind: &str) -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/crypto/dukpt.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    vectors[kind].as_array().unwrap().iter().cloned().map(Case).collect()
}
