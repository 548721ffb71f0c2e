//! Cryptography against `fixtures/crypto/vectors.json`, made by psec and pyemv: each recipe by itself and,
//! where a command uses it, through the engine.

use card::{Cvv, Pan, PinBlock};
use hsm::{
    Account, ArpcMethod, ArqcScheme, ArqcTask, Command, DerivationOption, ErrorCode, GenerateCvv,
    GenerateMac, KeyField, KeyScheme, KeyType, MacAlgorithm, MacInput, MacMessage, MacPadding, MacPart,
    MacSize, PanSequence, PinBlockFormat, PinKeyType, Proprietary, Pvv, ReplyBody, TransactionData,
    VerifyArqc, VerifyArqcSessionKey, VerifyCvv, VerifyMac, VerifyPvv,
};
use hsm_sim::{ClearKey, Engine, KeyLength, Lmk, Pin, Settings, cvv, emv, ibm3624, kcv, mac, pin, pvv};
use serde_json::Value;

#[test]
fn pin_blocks() {
    for case in cases("pin_block_iso_0") {
        let pin = case.pin();
        let block: [u8; 8] = case.bytes("block");
        assert_eq!(pin::iso0_block(&pin, &case.pan()), block);
        let opened = pin::extract(PinBlockFormat::Iso0, block, &case.account()).unwrap();
        assert_eq!(opened.reveal(), pin.reveal());
    }
    for case in cases("pin_block_iso_3") {
        // The filling is random: the block can be opened, and built again from the filling it has.
        let block: [u8; 8] = case.bytes("block");
        let opened = pin::extract(PinBlockFormat::Iso3, block, &case.account()).unwrap();
        assert_eq!(opened.reveal(), case.pin().reveal());
        let built = pin::iso3_block(&opened, &case.pan(), [0x5E; 8]);
        let again = pin::extract(PinBlockFormat::Iso3, built, &case.account()).unwrap();
        assert_eq!(again.reveal(), opened.reveal());
    }
}

#[test]
fn pvvs() {
    let engine = engine();
    let tpk = ClearKey::double(&[0x57; 16]);
    for case in cases("pvv") {
        let expected = Pvv::parse(case.text("pvv").as_bytes()).unwrap();
        let made = pvv::pvv(&case.key("pvk"), &case.account(), case.number("pvki"), &case.pin());
        assert!(made == expected);
        let verify = |pin: &Pin| {
            let clear = pin::iso0_block(pin, &case.pan());
            engine.run(&Command::VerifyPvv(VerifyPvv {
                source: PinKeyType::Tpk,
                pin_key: wrapped(KeyType::TPK, &tpk),
                pvk: wrapped(KeyType::PVK, &case.key("pvk")),
                pin_block: PinBlock::new(tpk.encrypt(clear)).into(),
                format: PinBlockFormat::Iso0,
                account: case.account(),
                verification_account: None,
                pvki: case.number("pvki"),
                pvv: expected,
            }))
        };
        assert_eq!(verify(&case.pin()).error, ErrorCode::NONE);
        assert_eq!(verify(&next_pin(&case.pin())).error, ErrorCode::VERIFICATION_FAILED);
    }
}

#[test]
fn ibm_3624_natural_pins_and_offsets() {
    for case in cases("ibm_3624") {
        let table = case.text("table").bytes().map(|digit| digit - b'0').collect::<Vec<_>>();
        let table = table.try_into().unwrap();
        let natural = ibm3624::natural_pin(&case.key("pvk"), &table, case.bytes("validation"));
        assert_eq!(natural.as_slice(), case.text("natural_pin").as_bytes());
        let offset = ibm3624::offset(&natural, &case.pin());
        let digits = &offset.reveal()[..case.pin().reveal().len()];
        assert_eq!(digits, case.text("offset").as_bytes());
        let length = digits.len() as u8;
        assert!(ibm3624::verify(&natural, &offset, length, &case.pin()));
        assert!(!ibm3624::verify(&natural, &offset, length, &next_pin(&case.pin())));
    }
}

#[test]
fn cvvs() {
    let engine = engine();
    for case in cases("cvv") {
        let expiry = case.text("expiry").as_bytes().try_into().unwrap();
        let service_code = case.text("service_code").as_bytes().try_into().unwrap();
        let expected = Cvv::parse(case.text("cvv").as_bytes()).unwrap();
        let made = cvv::cvv(&case.key("cvk"), &case.pan(), &expiry, &service_code);
        assert_eq!(made.reveal(), expected.reveal());
        let cvk = wrapped(KeyType::CVK, &case.key("cvk"));
        let generate = GenerateCvv { cvk: cvk.borrowed(), pan: case.pan(), expiry, service_code };
        let ReplyBody::Cvv(made) = engine.run(&Command::GenerateCvv(generate)).body else { panic!() };
        assert_eq!(made.reveal(), expected.reveal());
        let verify = |cvv| {
            let cvk = cvk.borrowed();
            engine
                .run(&Command::VerifyCvv(VerifyCvv { cvk, cvv, pan: case.pan(), expiry, service_code }))
                .error
        };
        assert_eq!(verify(expected), ErrorCode::NONE);
        let [a, b, c] = *made.reveal();
        let wrong = Cvv::parse(&[a, b, (c - b'0' + 1) % 10 + b'0']).unwrap();
        assert_eq!(verify(wrong), ErrorCode::VERIFICATION_FAILED);
    }
}

#[test]
fn check_values() {
    for case in cases("kcv") {
        assert_eq!(kcv::kcv(&case.key("key")), case.bytes("kcv"));
    }
}

#[test]
fn macs() {
    let engine = engine();
    for (kind, algorithm) in
        [("mac_algorithm_1", MacAlgorithm::One), ("mac_algorithm_3", MacAlgorithm::Three)]
    {
        for case in cases(kind) {
            let padding = if case.number("padding") == 1 { MacPadding::Zeros } else { MacPadding::Marked };
            let message = hex::decode(case.text("message")).unwrap();
            let expected: [u8; 8] = case.bytes("mac");
            let key = case.key("key");
            assert_eq!(mac::mac(&key, algorithm, padding, &message), Ok(expected));
            let sent = MacMessage::Hex(case.text("message").as_bytes());
            let input = MacInput {
                part: MacPart::Only,
                algorithm,
                padding,
                key_type: Some(KeyType::ZAK),
                key: wrapped(KeyType::ZAK, &key),
                message: sent,
            };
            for size in [MacSize::Four, MacSize::Eight] {
                let generate = Command::GenerateMac(GenerateMac { input: input.clone(), size });
                let ReplyBody::Mac(made) = engine.run(&generate).body else { panic!() };
                assert_eq!(made.as_bytes(), &expected[..size.bytes()]);
                let verify = |message| {
                    let input = MacInput { message, ..input.clone() };
                    engine.run(&Command::VerifyMac(VerifyMac { input, mac: Some(made) })).error
                };
                assert_eq!(verify(MacMessage::Binary(&message)), ErrorCode::NONE);
                assert_eq!(verify(MacMessage::Text(b"another message")), ErrorCode::VERIFICATION_FAILED);
            }
        }
    }
}

#[test]
fn emv_keys() {
    for (kind, option) in [
        ("master_key_a", DerivationOption::A),
        ("master_key_b", DerivationOption::B),
        ("master_key_b_letters", DerivationOption::B),
    ] {
        for case in cases(kind) {
            let master = emv::derive_master_key(&case.key("imk"), &case.pan(), case.number("psn"), option);
            assert_eq!(master.reveal(), case.bytes::<16>("master_key"), "{kind}");
        }
    }
    for case in cases("session_key") {
        let session = emv::common_session_key(&case.key("master_key"), case.bytes("atc"));
        assert_eq!(session.reveal(), case.bytes::<16>("session_key"));
    }
    for case in cases("mastercard_session_key") {
        let (atc, unpredictable) = (case.bytes("atc"), case.bytes("unpredictable_number"));
        let session = emv::mastercard_session_key(&case.key("master_key"), atc, unpredictable);
        assert_eq!(session.reveal(), case.bytes::<16>("session_key"));
    }
}

#[test]
fn cvn_10() {
    let engine = engine();
    for case in cases("cvn_10") {
        let (arqc, arc) = (case.bytes("arqc"), case.bytes("arc"));
        let arpc: [u8; 8] = case.bytes("arpc");
        let data = hex::decode(case.text("data")).unwrap();
        let master =
            emv::derive_master_key(&case.key("imk"), &case.pan(), case.number("psn"), DerivationOption::A);
        assert_eq!(emv::application_cryptogram(&master, &data), arqc);
        assert_eq!(emv::arpc_method_1(&master, arqc, arc), arpc);

        let run = |arqc, task| {
            engine.run(&Command::VerifyArqc(VerifyArqc {
                scheme: ArqcScheme::Visa,
                mk_ac: wrapped(KeyType::MK_AC, &case.key("imk")),
                pan_sequence: PanSequence::option_a(&case.pan(), case.number("psn")),
                atc: case.bytes("atc"),
                unpredictable_number: [0; 4],
                arqc,
                task,
            }))
        };
        let transaction = TransactionData::new(&data).unwrap();
        assert_eq!(run(arqc, ArqcTask::Verify { transaction }).error, ErrorCode::NONE);
        let both = ArqcTask::VerifyAndRespond { transaction, arpc: arc };
        assert_arpc(&run(arqc, both).body, &arpc);
        assert_arpc(&run(arqc, ArqcTask::Respond { arpc: arc }).body, &arpc);
        assert_eq!(run(flip(arqc), both).error, ErrorCode::VERIFICATION_FAILED);
    }
}

#[test]
fn cvn_18() {
    let engine = engine();
    for case in cases("cvn_18") {
        let (arqc, arc, csu) = (case.bytes("arqc"), case.bytes("arc"), case.bytes("csu"));
        let proprietary = Proprietary::new(&hex::decode(case.text("proprietary")).unwrap()).unwrap();
        // The HSM fills with zeros only, so the mark of the padding is part of the data.
        let data = [hex::decode(case.text("data")).unwrap(), vec![0x80]].concat();
        let session = emv::common_session_key(
            &emv::derive_master_key(&case.key("imk"), &case.pan(), case.number("psn"), DerivationOption::B),
            case.bytes("atc"),
        );
        assert_eq!(emv::application_cryptogram(&session, &data), arqc);

        let run = |option, arqc, task| {
            let psn = case.number("psn");
            engine.run(&Command::VerifyArqcSessionKey(VerifyArqcSessionKey {
                option,
                mk_ac: wrapped(KeyType::MK_AC, &case.key("imk")),
                pan_sequence: match option {
                    DerivationOption::A => PanSequence::option_a(&case.pan(), psn),
                    DerivationOption::B => PanSequence::option_b(&case.pan(), psn),
                },
                atc: case.bytes("atc"),
                arqc,
                task,
            }))
        };
        let transaction = TransactionData::new(&data).unwrap();
        let one = ArpcMethod::One { arc };
        let two = ArpcMethod::Two { csu, proprietary };
        let b = DerivationOption::B;
        assert_eq!(run(b, arqc, ArqcTask::Verify { transaction }).error, ErrorCode::NONE);
        let (arpc_1, arpc_2) = (case.bytes::<8>("arpc_1"), case.bytes::<4>("arpc_2"));
        assert_arpc(&run(b, arqc, ArqcTask::VerifyAndRespond { transaction, arpc: one }).body, &arpc_1);
        assert_arpc(&run(b, arqc, ArqcTask::Respond { arpc: one }).body, &arpc_1);
        assert_arpc(&run(b, arqc, ArqcTask::VerifyAndRespond { transaction, arpc: two }).body, &arpc_2);
        assert_arpc(&run(b, arqc, ArqcTask::Respond { arpc: two }).body, &arpc_2);
        let wrong = run(b, flip(arqc), ArqcTask::VerifyAndRespond { transaction, arpc: two });
        assert_eq!(wrong.error, ErrorCode::VERIFICATION_FAILED);
        assert!(matches!(wrong.body, ReplyBody::Empty));
        // Option A is the same key up to 16 digits, and another for longer numbers.
        let a = run(DerivationOption::A, arqc, ArqcTask::Verify { transaction }).error;
        assert_eq!(a == ErrorCode::NONE, case.pan().len() <= 16);
    }
}

struct Case(Value);

impl Case {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("no {field}"))
    }

    fn number(&self, field: &str) -> u8 {
        self.0[field].as_u64().unwrap().try_into().unwrap()
    }

    fn bytes<const N: usize>(&self, field: &str) -> [u8; N] {
        hex::decode(self.text(field)).unwrap().try_into().unwrap()
    }

    fn key(&self, field: &str) -> ClearKey {
        ClearKey::new(&hex::decode(self.text(field)).unwrap()).unwrap()
    }

    fn pan(&self) -> Pan {
        Pan::parse(self.text("pan").as_bytes()).unwrap()
    }

    fn account(&self) -> Account {
        Account::from(&self.pan())
    }

    fn pin(&self) -> Pin {
        Pin::parse(self.text("pin").as_bytes()).unwrap()
    }
}

fn cases(kind: &str) -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/crypto/vectors.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases: Vec<_> = vectors[kind].as_array().unwrap().iter().cloned().map(Case).collect();
    assert!(cases.len() >= 20, "{kind}");
    cases
}

fn engine() -> Engine {
    Engine::new(Lmk::public_test(), Settings::default())
}

fn wrapped(key_type: KeyType, key: &ClearKey) -> KeyField<'static> {
    let scheme = match key.length() {
        KeyLength::Single => KeyScheme::Z,
        KeyLength::Double => KeyScheme::U,
        KeyLength::Triple => KeyScheme::T,
    };
    Lmk::public_test().encrypt_key(key_type, scheme, key).unwrap()
}

/// The PIN with its first digit one higher.
fn next_pin(pin: &Pin) -> Pin {
    let mut digits = pin.reveal().to_vec();
    digits[0] = (digits[0] - b'0' + 1) % 10 + b'0';
    Pin::parse(&digits).unwrap()
}

fn flip(mut arqc: [u8; 8]) -> [u8; 8] {
    arqc[7] ^= 1;
    arqc
}

fn assert_arpc(body: &ReplyBody<'_>, expect: &[u8]) {
    let ReplyBody::Arpc(arpc) = body else { panic!("{body:?}") };
    assert_eq!(arpc.as_bytes(), expect);
}
