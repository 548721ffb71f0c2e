//! The commands around PINs where no outside vector says what they answer: random results, settings and refusals.

use card::{Pan, PinBlock};
use hsm::{
    Account, BdkType, Command, ComparePin, DukptDestination, DukptForm, DukptMac, EncryptClearPin, ErrorCode,
    Exportability, GeneratePin, GeneratePvv, KeyAlgorithm, KeyAttributes, KeyField, KeyScheme,
    KeySerialNumber, KeyType, KeyUsage, KsnNumber, LmkIdentifier, LmkPin, ModeOfUse, MovePin, OptionalBlocks,
    PinBlockFormat, PinFromLmk, PinKeyCode, PinKeyType, PinToLmk, PinWithKeys, Pvv, ReplyBody, TranslatePin,
    VerifyDukptPvv,
};
use hsm_sim::{AesKey, ClearKey, Engine, KeyLength, Lmk, Pin, Settings, WorkingKey, pin};

#[test]
fn random_pins_have_the_length_asked_for_and_are_spread() {
    let engine = engine(12);
    let mut seen = [[false; 10]; 12];
    for length in (4..=12).cycle().take(180) {
        for lmk in [Lmk::VARIANT, Lmk::KEY_BLOCK] {
            let under_lmk = generate(&engine, lmk, length).unwrap();
            assert_eq!(under_lmk.reveal().len(), 13);
            let pin = Lmk::public_test().pin_lmk(lmk).unwrap().open(&under_lmk, &account(), 12).unwrap();
            assert_eq!(pin.reveal().len(), usize::from(length));
            for (place, digit) in pin.reveal().iter().enumerate() {
                seen[place][usize::from(digit - b'0')] = true;
            }
        }
    }
    // Any digit is missing from the last place, drawn forty times, with one chance in seven hundred or so; from the
    // first four, drawn 360 times, never.
    assert!(seen[..4].iter().all(|place| place.iter().all(|drawn| *drawn)));
}

#[test]
fn the_longest_pin_is_a_setting() {
    let short = engine(6);
    assert_eq!(generate(&short, Lmk::VARIANT, 6).unwrap().reveal().len(), 7);
    assert_eq!(generate(&short, Lmk::VARIANT, 7).unwrap_err(), ErrorCode::PIN_LENGTH);
    // Also for PINs that come from elsewhere.
    let (zpk, under_lmk) = key(KeyType::ZPK, KeyScheme::U);
    let to_lmk = |pin: &[u8]| {
        let block = zpk.encrypt(pin::build(PinBlockFormat::Iso0, &parse(pin), &account(), [0; 8]));
        short.run(&Command::PinToLmk(PinToLmk {
            source: PinKeyType::Zpk,
            pin_key: under_lmk.borrowed(),
            pin_block: PinBlock::new(block).into(),
            format: PinBlockFormat::Iso0,
            account: account(),
        }))
    };
    assert_eq!(to_lmk(b"123456").error, ErrorCode::NONE);
    assert_eq!(to_lmk(b"1234567").error, ErrorCode::PIN_LENGTH);
    // A PIN of a unit set otherwise has another number of digits.
    let long = generate(&engine(12), Lmk::VARIANT, 6).unwrap();
    let moved =
        short.run(&Command::MovePin(MovePin { pin: long, old_account: account(), new_account: account() }));
    assert_eq!(moved.error, ErrorCode::LMK_PIN);
}

#[test]
fn a_random_pin_goes_to_a_block_and_compares_equal() {
    let engine = engine(12);
    let (zpk, under_lmk) = key(KeyType::ZPK, KeyScheme::U);
    for format in [PinBlockFormat::Iso0, PinBlockFormat::Iso1, PinBlockFormat::Iso2, PinBlockFormat::Iso3] {
        let pin = generate(&engine, Lmk::VARIANT, 5).unwrap();
        let reply = engine.run(&Command::PinFromLmk(PinFromLmk {
            zpk: under_lmk.borrowed(),
            format,
            account: account(),
            pin,
        }));
        let ReplyBody::PinBlock(pin_block) = reply.body else { panic!("{}", reply.error) };
        let clear = zpk.decrypt(pin_block.reveal().try_into().unwrap());
        assert_eq!(pin::extract(format, clear, &account()).unwrap().reveal().len(), 5);
        let compare = |pin| {
            let pin_block = pin_block.clone();
            let pin_key = under_lmk.borrowed();
            let source = PinKeyType::Zpk;
            engine.run(&Command::ComparePin(ComparePin {
                source,
                pin_key,
                pin_block,
                format,
                account: account(),
                pin,
            }))
        };
        assert_eq!(compare(pin).error, ErrorCode::NONE);
        // One of 100 000 draws is the same PIN.
        let others = [4, 6, 7].map(|length| generate(&engine, Lmk::VARIANT, length).unwrap());
        assert!(others.into_iter().all(|other| compare(other).error == ErrorCode::VERIFICATION_FAILED));
    }
}

#[test]
fn format_4_has_no_place_without_aes_keys() {
    let engine = engine(12);
    let (_, zpk) = key(KeyType::ZPK, KeyScheme::U);
    let pin = generate(&engine, Lmk::VARIANT, 4).unwrap();
    let to_block = |lmk, zpk: KeyField<'static>| {
        let command = PinFromLmk { zpk, format: PinBlockFormat::Iso4, account: account(), pin };
        engine.run_under(lmk, &Command::PinFromLmk(command)).error
    };
    assert_eq!(to_block(Lmk::VARIANT, zpk), ErrorCode::PIN_BLOCK_FORMAT);
    assert_eq!(to_block(Lmk::VARIANT, aes_key(b"P0")), ErrorCode::LMK_SCHEME_MISMATCH);
    assert_eq!(to_block(LmkIdentifier(7), aes_key(b"P0")), ErrorCode::LMK_IDENTIFIER);
    // Under the AES LMK the PIN has another form, and the key is looked at first.
    assert_eq!(to_block(Lmk::AES_KEY_BLOCK, aes_key(b"K0")), ErrorCode::KEY_BLOCK_USAGE);
    assert_eq!(to_block(Lmk::AES_KEY_BLOCK, aes_key(b"P0")), ErrorCode::LMK_PIN);
}

#[test]
fn a_pin_goes_round_under_the_aes_lmk() {
    let engine = engine(12);
    let lmk = Lmk::AES_KEY_BLOCK;
    let pin = generate(&engine, lmk, 5).unwrap();
    assert_eq!(pin.reveal().len(), 33);
    assert_eq!(pin.reveal()[0], b'J');
    let zpk = aes_key(b"P0");
    let command = PinFromLmk { zpk: zpk.borrowed(), format: PinBlockFormat::Iso4, account: account(), pin };
    let reply = engine.run_under(lmk, &Command::PinFromLmk(command));
    let ReplyBody::PinBlock(pin_block) = reply.body else { panic!("{}", reply.error) };
    let pan = Pan::parse(b"4000001234567899").unwrap();
    let block = pin_block.reveal().try_into().unwrap();
    let opened = pin::decrypt_iso4(&AesKey::new(&AES_KEY).unwrap(), block, &pan).unwrap();
    assert_eq!(opened.reveal().len(), 5);
    let back = engine.run_under(
        lmk,
        &Command::PinToLmk(PinToLmk {
            source: PinKeyType::Zpk,
            pin_key: zpk,
            pin_block,
            format: PinBlockFormat::Iso4,
            account: account(),
        }),
    );
    let ReplyBody::LmkPin(again) = back.body else { panic!("{}", back.error) };
    assert!(again != pin, "no two are the same");
    let open = |pin| Lmk::public_test().pin_lmk(lmk).unwrap().open(pin, &account(), 12).unwrap();
    assert_eq!(open(&again).reveal(), opened.reveal());
    assert_eq!(open(&pin).reveal(), opened.reveal());
}

#[test]
fn keys_of_the_wrong_length_are_refused() {
    let engine = engine(12);
    let ksn = KeySerialNumber { descriptor: *b"A05", number: KsnNumber::Tdes([0xFF; 10]) };
    for (scheme, expect) in [(KeyScheme::Z, ErrorCode::KEY_LENGTH), (KeyScheme::T, ErrorCode::KEY_LENGTH)] {
        let (_, bdk) = key(KeyType::BDK, scheme);
        let mac = DukptMac { bdk: bdk.borrowed(), ksn, mac: None, message: b"message" };
        assert_eq!(engine.run(&Command::DukptMac(mac)).error, expect);
        let (_, pvk) = key(KeyType::PVK, KeyScheme::U);
        let verify = VerifyDukptPvv {
            form: DukptForm::Current,
            bdk: bdk.borrowed(),
            pvk,
            ksn,
            pin_block: PinBlock::new([0; 8]).into(),
            format: PinBlockFormat::Iso0,
            account: account(),
            verification_account: None,
            pvki: 1,
            pvv: Pvv::parse(b"1234").unwrap(),
        };
        assert_eq!(engine.run(&Command::VerifyDukptPvv(verify)).error, expect);
        let (_, tpk) = key(KeyType::TPK, KeyScheme::U);
        let translate = TranslatePin {
            source: PinKeyType::Tpk,
            source_key: tpk,
            destination_key: bdk,
            destination_bdk: Some(DukptDestination { bdk_type: BdkType::One, ksn }),
            max_pin_length: 12,
            pin_block: PinBlock::new([0; 8]).into(),
            source_format: PinBlockFormat::Iso0,
            destination_format: PinBlockFormat::Iso0,
            account: account(),
        };
        assert_eq!(engine.run(&Command::TranslatePin(translate)).error, expect);
    }
    let (zpk, pin_key) = key(KeyType::ZPK, KeyScheme::U);
    let (_, pvk) = key(KeyType::PVK, KeyScheme::Z);
    let block = zpk.encrypt(pin::build(PinBlockFormat::Iso0, &parse(b"1234"), &account(), [0; 8]));
    let pvv = GeneratePvv {
        pin: PinWithKeys {
            key_type: PinKeyCode::Zpk,
            pin_key,
            pvk,
            pin_block: PinBlock::new(block).into(),
            format: PinBlockFormat::Iso0,
            account: account(),
        },
        pvki: 1,
    };
    assert_eq!(engine.run(&Command::GeneratePvv(pvv)).error, ErrorCode::KEY_LENGTH);
}

#[test]
fn clear_pins_need_authorised_state() {
    let command = Command::EncryptClearPin(EncryptClearPin {
        pin: hsm::ClearPinField::parse(b"1234FFFFFFFFF").unwrap(),
        account: account(),
    });
    assert_eq!(engine(12).run(&command).error, ErrorCode::NOT_AUTHORISED);
    assert!(!Settings::default().authorised, "nobody gets it without asking");
    let settings = Settings { authorised: true, ..Settings::default() };
    assert_eq!(Engine::new(Lmk::public_test(), settings).run(&command).error, ErrorCode::NONE);
}

const AES_KEY: [u8; 16] = *b"an AES key of 16";

/// That key in a block under the AES LMK.
fn aes_key(usage: &[u8; 2]) -> KeyField<'static> {
    let attributes = KeyAttributes {
        usage: KeyUsage::new(*usage).unwrap(),
        algorithm: KeyAlgorithm::Aes,
        mode: ModeOfUse::from_letter(b'B').unwrap(),
        key_version: *b"00",
        exportability: Exportability::Sensitive,
        optional_blocks: OptionalBlocks::NONE,
    };
    let key = WorkingKey::from(AesKey::new(&AES_KEY).unwrap());
    Lmk::public_test().wrap_key_block(Lmk::AES_KEY_BLOCK, attributes, &key, [7; 16]).unwrap()
}

fn generate(engine: &Engine, lmk: LmkIdentifier, length: u8) -> Result<LmkPin, ErrorCode> {
    let command = GeneratePin { account: account(), whole_pan: false, length };
    let reply = engine.run_under(lmk, &Command::GeneratePin(command));
    match reply.body {
        ReplyBody::LmkPin(pin) => Ok(pin),
        _ => Err(reply.error),
    }
}

fn engine(pin_length: u8) -> Engine {
    Engine::new(Lmk::public_test(), Settings { pin_length, ..Settings::default() })
}

fn account() -> Account {
    Account::from(&Pan::parse(b"4000001234567899").unwrap())
}

fn parse(pin: &[u8]) -> Pin {
    Pin::parse(pin).unwrap()
}

fn key(key_type: KeyType, scheme: KeyScheme) -> (ClearKey, KeyField<'static>) {
    let length = match scheme {
        KeyScheme::Z => KeyLength::Single,
        KeyScheme::U => KeyLength::Double,
        _ => KeyLength::Triple,
    };
    let bytes: Vec<u8> = (0..length.bytes() as u8).map(|index| index * 7 + 0x21).collect();
    let clear = ClearKey::new(&bytes).unwrap().with_odd_parity();
    let wrapped = Lmk::public_test().encrypt_key(key_type, scheme, &clear).unwrap();
    (clear, wrapped)
}
