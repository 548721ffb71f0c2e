//! Chip cryptography, MACs and data encryption against `fixtures/crypto/emv_more.json`, made by pyemv, psec
//! and cryptography.

use card::Pan;
use hsm::{CipherDirection, CipherMode, Iv, MacAlgorithm, MacPadding, TreeShape};
use hsm_sim::data_cipher::{DataCipher, DataLengthError};
use hsm_sim::emv::{self, DeriveOption, ScriptEncryption};
use hsm_sim::{AesKey, ClearKey, Pin, mac};
use serde_json::Value;
use std::sync::Arc;

#[test]
fn session_keys() {
    for case in cases("tree_session_key") {
        let shape = match case.0["branch"].as_u64() {
            Some(2) => TreeShape::Branch2Height16,
            _ => TreeShape::Branch4Height8,
        };
        let key = emv::tree_session_key(&case.key("master_key"), case.array("atc"), shape, &case.array("iv"));
        assert_eq!(key.reveal(), case.bytes("session_key"));
    }
    for case in cases("messaging_keys") {
        let master = case.key("master_key");
        assert_eq!(emv::visa_messaging_key(&master, case.array("atc")).reveal(), case.bytes("visa"));
        assert_eq!(emv::common_messaging_key(&master, case.array("arqc")).reveal(), case.bytes("common"));
    }
    for case in cases("union_pay_session_key") {
        let key = emv::union_pay_session_key(&case.key("master_key"), case.array("atc"));
        assert_eq!(key.reveal(), case.bytes("session_key"));
    }
}

#[test]
fn scripts() {
    for case in cases("script") {
        let (key, data) = (case.key("session_key"), case.bytes("data"));
        let transaction = Some((case.array("atc"), case.array("arqc")));
        let made = emv::script_mac(&key, &emv::script_message(case.array("header"), transaction, &data));
        assert_eq!(made, case.array("mac"));
        let made = emv::script_mac(&key, &emv::script_message(case.array("header"), None, &data));
        assert_eq!(made, case.array("mac_without_transaction"));
        for (way, name) in [
            (ScriptEncryption::Visa, "visa"),
            (ScriptEncryption::Mastercard, "mastercard"),
            (ScriptEncryption::Emv, "emv"),
        ] {
            assert_eq!(emv::encrypt_script_data(&key, way, &data), Some(case.bytes(name)), "{name}");
        }
        assert_eq!(emv::encrypt_script_data(&key, ScriptEncryption::Emv, &[0; 256]), None);
    }
}

#[test]
fn pin_change_blocks() {
    for case in cases("pin_change") {
        let (master, pin, current) = (case.key("master_key"), case.pin("pin"), case.pin("current"));
        assert_eq!(*emv::visa_pin_change_block(&master, &pin, None), case.array("visa"));
        let block = emv::visa_pin_change_block(&master, &pin, Some(&current));
        assert_eq!(*block, case.array("visa_with_current"));
        assert_eq!(*emv::iso2_pin_change_block(&pin), case.array("iso_2"));
    }
}

/// How a cryptogram version makes its keys: what pyemv has a class for.
struct Version {
    kind: &'static str,
    option: DeriveOption,
    session: Session,
    /// Whether the ARPC is made by the master key.
    arpc_by_master: bool,
    messaging: Messaging,
    /// Whether counter and cryptogram are under the script's MAC.
    transaction_in_mac: bool,
}

enum Session {
    None,
    Common,
    Mastercard,
}

enum Messaging {
    Visa,
    Common,
    /// The common session key with Visa's encryption (CVN 22).
    CommonVisa,
}

const VERSIONS: [Version; 8] = [
    version("visa_cvn_10", DeriveOption::A, Session::None, true, Messaging::Visa, true),
    version("visa_cvn_18", DeriveOption::B, Session::Common, false, Messaging::Visa, true),
    version("visa_cvn_22", DeriveOption::B, Session::Common, false, Messaging::CommonVisa, true),
    version("mastercard_cvn_16", DeriveOption::A, Session::Mastercard, true, Messaging::Common, true),
    version("mastercard_cvn_17", DeriveOption::A, Session::Mastercard, true, Messaging::Common, true),
    version("mastercard_cvn_20", DeriveOption::A, Session::Common, false, Messaging::Common, true),
    version("mastercard_cvn_21", DeriveOption::A, Session::Common, false, Messaging::Common, true),
    version("interac_cvn_133", DeriveOption::A, Session::Mastercard, false, Messaging::Common, false),
];

const fn version(
    kind: &'static str,
    option: DeriveOption,
    session: Session,
    arpc_by_master: bool,
    messaging: Messaging,
    transaction_in_mac: bool,
) -> Version {
    Version { kind, option, session, arpc_by_master, messaging, transaction_in_mac }
}

#[test]
fn whole_cards_from_issuer_keys_to_pin_change() {
    for version in VERSIONS {
        for case in cases(version.kind) {
            check_cryptograms(&version, &case);
            check_pin_change(&version, &case);
        }
    }
}

fn check_cryptograms(version: &Version, case: &Case) {
    let master = case.card_key("imk_ac", version.option);
    let atc = case.array("atc");
    let session = match version.session {
        Session::None => master.clone(),
        Session::Common => emv::common_session_key(&master, atc),
        Session::Mastercard => emv::mastercard_session_key(&master, atc, case.array("unpredictable_number")),
    };
    let arqc = emv::application_cryptogram(&session, &case.bytes("data"));
    assert_eq!(arqc, case.array("arqc"), "{}", version.kind);
    let answering = if version.arpc_by_master { &master } else { &session };
    let arpc = match case.bytes("answer")[..] {
        [a, b] => emv::arpc_method_1(answering, arqc, [a, b]).to_vec(),
        [a, b, c, d] => emv::arpc_method_2(answering, arqc, [a, b, c, d], &[]).to_vec(),
        _ => unreachable!(),
    };
    assert_eq!(arpc, case.bytes("arpc"), "{}", version.kind);
}

/// The command `84 24` with encrypted PIN block and MAC.
fn check_pin_change(version: &Version, case: &Case) {
    let (atc, arqc, pin) = (case.array("atc"), case.array("arqc"), case.pin("pin"));
    let key = |issuer| {
        let master = case.card_key(issuer, version.option);
        match version.messaging {
            Messaging::Visa => emv::visa_messaging_key(&master, atc),
            Messaging::Common | Messaging::CommonVisa => emv::common_messaging_key(&master, arqc),
        }
    };
    let block = match version.messaging {
        Messaging::Visa => emv::visa_pin_change_block(&case.card_key("imk_ac", version.option), &pin, None),
        Messaging::Common | Messaging::CommonVisa => emv::iso2_pin_change_block(&pin),
    };
    let way = match version.messaging {
        Messaging::Common => ScriptEncryption::Mastercard,
        Messaging::Visa | Messaging::CommonVisa => ScriptEncryption::Visa,
    };
    let data = emv::encrypt_script_data(&key("imk_smc"), way, &*block).unwrap();
    let header = [0x84, 0x24, 0, 2, data.len() as u8 + 8];
    let transaction = version.transaction_in_mac.then_some((atc, arqc));
    let mac = emv::script_mac(&key("imk_smi"), &emv::script_message(header, transaction, &data));
    let command = [&header[..], &data, &mac].concat();
    assert_eq!(hex::encode_upper(command), case.text("pin_change"), "{}", version.kind);
}

/// The examples of the pyemv documentation.
#[test]
fn published_session_keys() {
    let master = ClearKey::new(&hex::decode("0123456789ABCDEFFEDCBA9876543210").unwrap()).unwrap();
    let check = |key: ClearKey, expect| assert_eq!(hex::encode_upper(key.reveal()), expect);
    check(emv::common_session_key(&master, [0, 0x1C]), "E9FB384AF807B940FEDCEA613461B0C4");
    check(emv::visa_messaging_key(&master, [0, 0x1C]), "0123456789ABCDF2FEDCBA987654CDF2");
}

#[test]
fn cvc3s() {
    for case in cases("cvc3") {
        let track = case.bytes("track");
        let unpredictable = case.array("unpredictable_number");
        let made = emv::cvc3(&case.key("master_key"), &track, unpredictable, case.array("atc"));
        assert_eq!(format!("{made:05}"), case.text("cvc3"));
    }
}

#[test]
fn cmacs_in_one_and_in_parts() {
    for case in cases("cmac") {
        let (key, message) = (case.key("key"), case.bytes("message"));
        let expected = Ok(case.array("mac"));
        assert_eq!(mac::mac(&key, MacAlgorithm::Cmac, MacPadding::None, &message), expected);
        if message.len() > 16 {
            let iv = mac::chain_value(&key, MacAlgorithm::Cmac, [0; 8], &message[..8]).unwrap();
            let iv = mac::chain_value(&key, MacAlgorithm::Cmac, iv, &message[8..16]).unwrap();
            let last = mac::mac_from(&key, MacAlgorithm::Cmac, MacPadding::None, iv, &message[16..]);
            assert_eq!(last, expected);
        }
        assert!(mac::chain_value(&key, MacAlgorithm::Cmac, [0; 8], b"").is_err());
        assert!(mac::chain_value(&key, MacAlgorithm::Cmac, [0; 8], b"seven77").is_err());
    }
}

/// NIST SP 800-38B appendix D.4 and D.5: TDES of three and of two keys.
#[test]
fn published_tdes_cmacs() {
    let message = hex::decode("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51").unwrap();
    let check = |key: &str, length: usize, expect: &str| {
        let key = ClearKey::new(&hex::decode(key).unwrap()).unwrap();
        let made = mac::mac(&key, MacAlgorithm::Cmac, MacPadding::None, &message[..length]).unwrap();
        assert_eq!(hex::encode_upper(made), expect);
    };
    let three = "8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5";
    check(three, 0, "B7A688E122FFAF95");
    check(three, 8, "8E8F293136283797");
    check(three, 20, "743DDBE0CE2DC2ED");
    check(three, 32, "33E6B1092400EAE5");
    let two = "4CF15134A2850DD58A3D10BA80570D38";
    check(two, 0, "BD2EBF9A3BA00361");
    check(two, 32, "31B1E431DABC4EB8");
}

#[test]
fn data_is_encrypted_and_decrypted_in_every_mode() {
    for case in cases("cipher_modes") {
        let iv = Iv::new(&case.bytes("iv")).unwrap();
        let cipher = DataCipher::Tdes(Arc::new(case.key("key")));
        check_mode(&cipher, CipherMode::Ecb, &case.bytes("message"), &case.bytes("ecb"));
        check_mode(&cipher, CipherMode::Cbc(iv), &case.bytes("message"), &case.bytes("cbc"));
        check_mode(&cipher, CipherMode::Cfb8(iv), &case.bytes("cut"), &case.bytes("cfb_8"));
        check_mode(&cipher, CipherMode::Cfb64(iv), &case.bytes("cut"), &case.bytes("cfb_64"));
    }
    for case in cases("aes_modes") {
        let iv = Iv::new(&case.bytes("iv")).unwrap();
        let cipher = DataCipher::Aes(AesKey::new(&case.bytes("key")).unwrap().into());
        let message = case.bytes("message");
        check_mode(&cipher, CipherMode::Ecb, &message, &case.bytes("ecb"));
        check_mode(&cipher, CipherMode::Cbc(iv), &message, &case.bytes("cbc"));
        check_mode(&cipher, CipherMode::Cfb8(iv), &message, &case.bytes("cfb_8"));
        let mut bytes = message;
        let refused = cipher.apply(CipherDirection::Encrypt, CipherMode::Cfb64(iv), &mut bytes);
        assert_eq!(refused, Err(DataLengthError));
    }
}

fn check_mode(cipher: &DataCipher, mode: CipherMode, clear: &[u8], encrypted: &[u8]) {
    let mut bytes = clear.to_vec();
    let after = cipher.apply(CipherDirection::Encrypt, mode, &mut bytes).unwrap();
    assert_eq!(bytes, encrypted, "{mode:?}");
    assert_eq!(cipher.apply(CipherDirection::Decrypt, mode, &mut bytes).unwrap(), after);
    assert_eq!(bytes, clear, "{mode:?}");
    // In two pieces, the second going on with the IV of the first.
    let Some(block) = mode.iv().map(|iv| iv.as_bytes().len()) else { return };
    if let Some((first, second)) = clear.split_at_checked(block).filter(|(_, second)| !second.is_empty()) {
        let (mut first, mut second) = (first.to_vec(), second.to_vec());
        let iv = cipher.apply(CipherDirection::Encrypt, mode, &mut first).unwrap();
        let next = match (mode, iv) {
            (CipherMode::Cbc(_), Some(iv)) => CipherMode::Cbc(iv),
            (CipherMode::Cfb8(_), Some(iv)) => CipherMode::Cfb8(iv),
            (CipherMode::Cfb64(_), Some(iv)) => CipherMode::Cfb64(iv),
            _ => return,
        };
        cipher.apply(CipherDirection::Encrypt, next, &mut second).unwrap();
        assert_eq!([first, second].concat(), encrypted, "{mode:?}");
    }
}

struct Case(Value);

impl Case {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("no {field}"))
    }

    fn bytes(&self, field: &str) -> Vec<u8> {
        hex::decode(self.text(field)).unwrap()
    }

    fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap()
    }

    fn key(&self, field: &str) -> ClearKey {
        ClearKey::new(&self.bytes(field)).unwrap()
    }

    fn pin(&self, field: &str) -> Pin {
        Pin::parse(self.text(field).as_bytes()).unwrap()
    }

    fn card_key(&self, issuer: &str, option: DeriveOption) -> ClearKey {
        let pan = Pan::parse(self.text("pan").as_bytes()).unwrap();
        let psn = self.0["psn"].as_u64().unwrap().try_into().unwrap();
        emv::derive_master_key(&self.key(issuer), &pan, psn, option)
    }
}

fn cases(kind: &str) -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/crypto/emv_more.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases: Vec<_> = vectors[kind].as_array().unwrap().iter().cloned().map(Case).collect();
    assert!(cases.len() >= 20, "{kind}");
    cases
}
