use super::*;
use crate::chip::{ChipTransaction, CryptogramVersion};
use crate::issuing::tests::issuer;
use card::ResponseCode;
use iso8583::emv::{self, tag};

const DIALECTS: [&str; 3] = ["iso87_ascii", "iso87_ascii_binary", "iso87_bcd"];

fn pos(dialect: &str) -> Pos {
    Pos::new(Dialect::by_name(dialect).unwrap(), b"TERM0001", Currency::parse("USD").unwrap())
}

fn trace(stan: u32) -> Trace {
    Trace {
        stan: Stan::new(stan).unwrap(),
        rrn: Rrn::parse(format!("6327{stan:08}").as_bytes()).unwrap(),
        time: Time::from_unix_ms(1_795_471_199_123),
    }
}

fn chip_and_pin() -> Presentment {
    let issuer = issuer();
    let mut card = issuer.card(7);
    let chip =
        ChipTransaction::purchase(12_50, Currency::parse("USD").unwrap(), 840, trace(1).time, [1, 2, 3, 4]);
    let block = card.pin_block(card.pin(), &issuer.keys.zpk);
    Presentment::chip(&mut card, &chip, CryptogramVersion::Visa18).with_pin(block)
}

#[test]
fn a_purchase_in_every_dialect() {
    for name in DIALECTS {
        let pos = pos(name);
        let message = pos.purchase(Intent::Post, 12_50, &chip_and_pin(), &trace(42)).unwrap();
        let read = parse(&message, pos.dialect).unwrap();
        assert_eq!(read.mti(), Mti::FINANCIAL_REQUEST);
        let check = |number: u8, expect: &[u8]| {
            assert_eq!(&*read.value(number).unwrap(), expect, "{name} DE {number}");
        };
        check(field::PROCESSING_CODE, b"000000");
        check(field::AMOUNT, b"000000001250");
        check(field::TRANSMISSION_TIME, b"1123215959");
        check(field::STAN, b"000042");
        check(field::LOCAL_TIME, b"215959");
        check(field::LOCAL_DATE, b"1123");
        check(field::POS_ENTRY_MODE, b"051");
        check(field::CARD_SEQUENCE, b"001");
        check(field::RRN, b"632700000042");
        check(field::TERMINAL_ID, b"TERM0001");
        check(field::CURRENCY, b"840");
        assert!(!read.has(field::PAN));
        assert_eq!(read.value(field::PIN_BLOCK).unwrap().len(), 8);
        assert!(read.value(field::TRACK_2).unwrap().starts_with(b"4000000000000077"));
        let icc = read.value(field::ICC).unwrap();
        assert_eq!(emv::find(&icc, tag::AMOUNT).unwrap().unwrap(), [0, 0, 0, 0, 0x12, 0x50]);
        assert_eq!(emv::find(&icc, tag::DATE).unwrap().unwrap(), [0x26, 0x11, 0x23]);
    }
}

#[test]
fn a_repeat_differs_by_its_type_alone() {
    for name in DIALECTS {
        let pos = pos(name);
        let message = pos.purchase(Intent::Post, 12_50, &chip_and_pin(), &trace(42)).unwrap();
        let repeat = pos.repeat(&message).unwrap();
        let differing: Vec<usize> = (0..message.len()).filter(|at| message[*at] != repeat[*at]).collect();
        assert_eq!((repeat.len(), differing.len()), (message.len(), 1), "{name}");
        assert_eq!(parse(&repeat, pos.dialect).unwrap().mti().to_string(), "0201");
    }
}

#[test]
fn a_reversal_names_its_original_and_carries_no_secret() {
    for name in DIALECTS {
        let pos = pos(name);
        let original = pos.purchase(Intent::Authorize, 12_50, &chip_and_pin(), &trace(42)).unwrap();
        let reversal = pos.reversal(Mti::REVERSAL_ADVICE, &original, Some(4_00), &trace(43)).unwrap();
        let read = parse(&reversal, pos.dialect).unwrap();
        assert_eq!(read.mti().to_string(), "0420");
        let check = |number: u8, expect: &[u8]| {
            assert_eq!(&*read.value(number).unwrap(), expect, "{name} DE {number}");
        };
        check(field::PAN, b"4000000000000077");
        check(field::STAN, b"000043");
        check(field::AMOUNT, b"000000001250");
        check(field::ORIGINAL_DATA, b"010000004211232159590000000000000000000000");
        assert!(read.value(field::REPLACEMENT_AMOUNTS).unwrap().starts_with(b"000000000400"));
        for number in [field::TRACK_2, field::PIN_BLOCK, field::ICC] {
            assert!(!read.has(number), "{name} DE {number}");
        }
        let whole = pos.reversal(Mti::REVERSAL_REQUEST, &original, None, &trace(43)).unwrap();
        assert!(!parse(&whole, pos.dialect).unwrap().has(field::REPLACEMENT_AMOUNTS));
    }
}

#[test]
fn keyed_cards_and_inquiries() {
    let pos = pos("iso87_ascii");
    let issuer = issuer();
    let keyed = Presentment::keyed(issuer.pan(3), issuer.expiry);
    let message = pos.balance_inquiry(&keyed, &trace(1)).unwrap();
    let read = parse(&message, pos.dialect).unwrap();
    assert_eq!(read.mti(), Mti::AUTHORIZATION_REQUEST);
    assert_eq!(&*read.value(field::PAN).unwrap(), &*issuer.pan(3).reveal());
    assert_eq!(&*read.value(field::EXPIRY).unwrap(), b"3012");
    assert_eq!(&*read.value(field::PROCESSING_CODE).unwrap(), b"310000");
    assert!(!read.has(field::AMOUNT));
    let reversal = pos.reversal(Mti::REVERSAL_REQUEST, &message, None, &trace(2)).unwrap();
    assert_eq!(parse(&reversal, pos.dialect).unwrap().value(field::PAN).unwrap().len(), 16);
    let stripe = Presentment::stripe(&issuer.card(3));
    let message = pos.withdrawal(20_00, &stripe, &trace(3)).unwrap();
    let read = parse(&message, pos.dialect).unwrap();
    assert_eq!(&*read.value(field::PROCESSING_CODE).unwrap(), b"010000");
    assert_eq!(&*read.value(field::POS_ENTRY_MODE).unwrap(), b"901");
}

#[test]
fn an_echo() {
    let pos = pos("iso87_bcd");
    let message = pos.network(301, &trace(9)).unwrap();
    assert!(message.starts_with(&[0x60, 0x00, 0x01, 0x00, 0x02, 0x08, 0x00]));
    assert_eq!(parse(&message, pos.dialect).unwrap().number(field::NETWORK_MANAGEMENT_CODE), Some(301));
}

#[test]
fn what_does_not_fit_is_named() {
    let pos = pos("iso87_ascii");
    let refused = pos.purchase(Intent::Post, 1_000_000_000_000, &chip_and_pin(), &trace(1)).unwrap_err();
    assert_eq!(refused.field, field::AMOUNT);
    assert!(matches!(pos.repeat(b"0200"), Err(PosError::Parse(_))));
}

fn answer(edit: impl FnOnce(&mut MessageWriter<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let dialect = Dialect::by_name("iso87_ascii").unwrap();
    let mut writer = MessageWriter::begin(&mut out, dialect, &[], Mti::FINANCIAL_RESPONSE).unwrap();
    writer.field(field::STAN, b"000042").unwrap();
    writer.field(field::RRN, b"632700000042").unwrap();
    edit(&mut writer);
    writer.finish().unwrap();
    out
}

#[test]
fn reads_an_answer() {
    let message = answer(|writer| {
        writer.field(field::AUTHORIZATION_ID, b"A00017").unwrap();
        writer.field(field::RESPONSE_CODE, b"00").unwrap();
        writer.field(field::ADDITIONAL_AMOUNTS, b"0001840C0000000100000002840D000000000250").unwrap();
        writer.field(field::ICC, &[0x91, 0x02, 0xAB, 0xCD]).unwrap();
    });
    let read = PosResponse::parse(&message, pos("iso87_ascii").dialect).unwrap();
    let expect = PosResponse {
        mti: Mti::FINANCIAL_RESPONSE,
        stan: Some(Stan::new(42).unwrap()),
        rrn: Some(Rrn::parse(b"632700000042").unwrap()),
        code: ResponseCode::APPROVED,
        authorization_id: Some(*b"A00017"),
        issuer_authentication: Some(vec![0xAB, 0xCD]),
        script: None,
        ledger_minor: Some(10_000),
        available_minor: Some(-250),
        amount_minor: None,
        additional: None,
    };
    assert_eq!(read, expect);
}

#[test]
fn names_what_is_wrong_with_an_answer() {
    let dialect = pos("iso87_ascii").dialect;
    let check =
        |message: &[u8], expect| assert_eq!(PosResponse::parse(message, dialect).unwrap_err(), expect);
    check(&answer(|_| {}), PosError::Element(field::RESPONSE_CODE));
    let with = |number: u8, value: &'static [u8]| {
        answer(|writer| {
            writer.field(field::RESPONSE_CODE, b"00").unwrap();
            writer.field(number, value).unwrap();
        })
    };
    check(
        &with(field::ADDITIONAL_AMOUNTS, b"0001840C00000001"),
        PosError::Element(field::ADDITIONAL_AMOUNTS),
    );
    check(
        &with(field::ADDITIONAL_AMOUNTS, b"0001840X000000010000"),
        PosError::Element(field::ADDITIONAL_AMOUNTS),
    );
    check(
        &with(field::ADDITIONAL_AMOUNTS, b"0001000C000000010000"),
        PosError::Element(field::ADDITIONAL_AMOUNTS),
    );
    check(&with(field::ICC, &[0x91, 0x02, 0xAB]), PosError::Element(field::ICC));
    let request = pos("iso87_ascii").network(301, &trace(1)).unwrap();
    check(&request, PosError::NotAResponse(Mti::NETWORK_REQUEST));
}

#[test]
fn no_mutation_of_an_answer_panics() {
    let message = answer(|writer| {
        writer.field(field::RESPONSE_CODE, b"00").unwrap();
        writer.field(field::ADDITIONAL_AMOUNTS, b"0001840C000000010000").unwrap();
        writer.field(field::ICC, &[0x91, 0x02, 0xAB, 0xCD]).unwrap();
    });
    let dialect = pos("iso87_ascii").dialect;
    for at in 0..message.len() {
        for byte in [0x00, b' ', b'0', b'9', b'D', b'F', 0x7F, 0xFF] {
            let mut mutated = message.clone();
            mutated[at] = byte;
            let _ = PosResponse::parse(&mutated, dialect);
            let _ = pos("iso87_ascii").reversal(Mti::REVERSAL_REQUEST, &mutated, None, &trace(1));
        }
    }
}
