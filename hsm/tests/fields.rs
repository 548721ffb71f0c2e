//! Where each field stands on the wire, and which error answers which mistake.

use card::{Cvv, Pan, PinBlock};
use hsm::*;

#[test]
fn fields_stand_where_the_manual_of_the_wire_puts_them() {
    let pin_key = || KeyField::parse("1111111111111111").unwrap();
    let other_key = || KeyField::parse("U22222222222222222222222222222222").unwrap();
    let pan = Pan::parse(b"4000001234567899").unwrap();
    let pin_block = || PinBlock::new([0xAB; 8]).into();
    let transaction = TransactionData::new(b"%;\x19").unwrap();
    let check = |command: Command<'_>, expect: &[u8]| {
        let mut wire = Vec::new();
        command.encode(&mut wire);
        assert_eq!(wire.escape_ascii().to_string(), expect.escape_ascii().to_string());
        assert_eq!(format!("{:?}", Command::parse(expect).unwrap()), format!("{command:?}"));
    };
    check(
        Command::VerifyPvv(VerifyPvv {
            source: PinKeyType::Zpk,
            pin_key: pin_key(),
            pvk: other_key(),
            pin_block: pin_block(),
            format: PinBlockFormat::Iso3,
            account: Account::from(&pan),
            verification_account: None,
            pvki: 3,
            pvv: Pvv::parse(b"7654").unwrap(),
        }),
        b"EC1111111111111111U22222222222222222222222222222222ABABABABABABABAB4700012345678937654",
    );
    check(
        Command::TranslatePin(TranslatePin {
            source: PinKeyType::Tpk,
            source_key: pin_key(),
            destination_key: other_key(),
            destination_bdk: None,
            max_pin_length: 12,
            pin_block: pin_block(),
            source_format: PinBlockFormat::Iso0,
            destination_format: PinBlockFormat::Iso1,
            account: Account::from(&pan),
        }),
        b"CA1111111111111111U2222222222222222222222222222222212ABABABABABABABAB0105000123456789",
    );
    check(
        Command::VerifyCvv(VerifyCvv {
            cvk: other_key(),
            cvv: Cvv::parse(b"789").unwrap(),
            pan,
            expiry: *b"3012",
            service_code: *b"999",
        }),
        b"CYU222222222222222222222222222222227894000001234567899;3012999",
    );
    check(
        Command::VerifyArqc(VerifyArqc {
            scheme: ArqcScheme::Mastercard,
            mk_ac: other_key(),
            pan_sequence: PanSequence::option_a(&pan, 1),
            atc: [0, 0x2A],
            unpredictable_number: *b"UNUN",
            arqc: *b"CRYPTOGR",
            task: ArqcTask::VerifyAndRespond { transaction, arpc: *b"00" },
        }),
        b"KQ11U22222222222222222222222222222222\x00\x00\x12\x34\x56\x78\x99\x01\x00*UNUN03%;\x19;CRYPTOGR00",
    );
    check(
        Command::VerifyArqcSessionKey(VerifyArqcSessionKey {
            option: DerivationOption::B,
            mk_ac: other_key(),
            pan_sequence: PanSequence::option_b(&Pan::parse(b"12345678901234567").unwrap(), 9),
            atc: [1, 2],
            arqc: *b"CRYPTOGR",
            task: ArqcTask::Respond {
                arpc: ArpcMethod::Two { csu: *b"CSU!", proprietary: Proprietary::new(b"prop").unwrap() },
            },
        }),
        b"KW43U2222222222222222222222222222222210\x01\x23\x45\x67\x89\x01\x23\x45\x67\x09;\x01\x02CRYPTOGRCSU!4prop",
    );
    check(
        Command::VerifyMac(VerifyMac {
            input: MacInput {
                part: MacPart::Only,
                algorithm: MacAlgorithm::Three,
                padding: MacPadding::Marked,
                key_type: Some(KeyType::ZAK),
                key: other_key(),
                message: MacMessage::Text(b"text"),
            },
            mac: Mac::new(&[1, 2, 3, 0xFF]),
        }),
        b"M802032008U222222222222222222222222222222220004text010203FF",
    );
    check(
        Command::CheckValue(CheckValue::new(KeyType::CVK, other_key(), KcvLength::Six)),
        b"BUFF1U22222222222222222222222222222222;402;001",
    );
}

#[test]
fn each_mistake_has_its_error_code() {
    let check = |body: &[u8], expect: ErrorCode| {
        let error = Command::parse(body).unwrap_err();
        assert_eq!(error.error, expect, "{}", body.escape_ascii());
    };
    const ZPK: &str = "1111111111111111";
    let cc = |rest: &str| format!("CC{ZPK}{ZPK}{rest}").into_bytes();
    assert!(Command::parse(&cc("12ABABABABABABABAB0101000123456789")).is_ok());
    check(&cc("03ABABABABABABABAB0101000123456789"), ErrorCode::PIN_LENGTH);
    check(&cc("13ABABABABABABABAB0101000123456789"), ErrorCode::PIN_LENGTH);
    check(&cc("12ABABABABABABABAX0101000123456789"), ErrorCode::INPUT);
    check(&cc("12ABABABABABABABAB9901000123456789"), ErrorCode::PIN_BLOCK_FORMAT);
    check(&cc("12ABABABABABABABAB0141000123456789"), ErrorCode::PIN_BLOCK_FORMAT_DISABLED);
    check(&cc("12ABABABABABABABAB010100012345678X"), ErrorCode::ACCOUNT);
    check(&cc("12ABABABABABABABAB01010001234567890"), ErrorCode::INPUT);
    check(b"CCV111", ErrorCode::KEY_SCHEME);
    check(b"CCU111", ErrorCode::INPUT);
    check(b"B20005abcd", ErrorCode::LENGTH);
    check(b"B20003abcd", ErrorCode::INPUT);
    check(b"N0000", ErrorCode::VERIFICATION_FAILED);
    check(b"A00010U", ErrorCode::KEY_TYPE_CODE);
    check(b"A00001Q", ErrorCode::KEY_SCHEME);
    check(b"A01001U", ErrorCode::INPUT);
    check(b"BU0211111111111111111", ErrorCode::INPUT);
    check(b"BU020U11111111111111111111111111111111", ErrorCode::KEY_LENGTH_FLAG);
    check(b"BU0F01111111111111111", ErrorCode::KEY_TYPE_CODE);
    check(b"KQ", ErrorCode::INPUT);
    check(b"KQ50U", ErrorCode::KEY_TYPE_CODE);
    check(b"KQ07U", ErrorCode::KEY_LENGTH_FLAG);
    check(b"KW04U", ErrorCode::KEY_LENGTH_FLAG);
    let kq = |rest: &[u8]| [b"KQ00U11111111111111111111111111111111", rest].concat();
    check(&kq(b"\x00\x00\x12\x34\x56\x78\x99\x0AAT0000"), ErrorCode::COMPONENTS);
    check(&kq(b"\x00\x00\x12\x34\x56\x78\x99\x01AT000000;ARQCARQC"), ErrorCode::EMPTY);
    check(&kq(b"\x00\x00\x12\x34\x56\x78\x99\x01AT000001XXARQCARQC"), ErrorCode::LENGTH);
    check(b"M610102", ErrorCode::INPUT);
    check(b"XX", ErrorCode::COMMAND_DISABLED);
    check(b"X", ErrorCode::INPUT);
}

#[test]
fn replies_that_belong_to_no_command_are_refused() {
    let check = |command: &[u8; 2], bytes: &[u8], expect| {
        let error = Reply::parse(CommandCode::new(*command), bytes).unwrap_err();
        assert_eq!(error.kind, expect, "{}", bytes.escape_ascii());
    };
    check(b"CY", b"CX00", ReplyErrorKind::WrongCode);
    check(b"CY", b"CZ0", ReplyErrorKind::Malformed);
    check(b"CY", b"CZ00x", ReplyErrorKind::Malformed);
    check(b"CY", b"CZ01x", ReplyErrorKind::Malformed);
    check(b"CW", b"CX0012", ReplyErrorKind::Malformed);
    check(b"KQ", b"KR00seven77", ReplyErrorKind::Malformed);
    check(b"QQ", b"QR00", ReplyErrorKind::UnknownCommand);
    // An error of a command not known here can be read nevertheless.
    let reply = Reply::parse(CommandCode::new(*b"QQ"), b"QR68").unwrap();
    assert_eq!(reply.error, ErrorCode::COMMAND_DISABLED);
    // A unit in authorised state adds the cryptogram it computed.
    let reply = Reply::parse(CommandCode::new(*b"KQ"), b"KR01eightbyt").unwrap();
    assert!(matches!(reply.body, ReplyBody::Expected(_)));
    // The imported key comes with the warning that its parity was mended.
    let reply = Reply::parse(CommandCode::new(*b"A6"), b"A7010406FBB23A5214DF0035BB").unwrap();
    assert!(matches!(reply.body, ReplyBody::Key { .. }));
}
