//! ISO 8583 to the core's terms and back, on messages written by the `iso8583` crate's own writer.

use auth::{
    AccountType, AddressResult, Authentication, Balance, Billing, Cvv2, Cvv2Result, Destination, EntryMode,
    LinkName, MessageClass, Particulars, Rate, ReplyTo, Request, Response, Reversal, RewardCode, Rounding,
    Settlement, Stated, Told, Traces, TransactionId, TransactionType, TransmissionTime,
};
use card::{AuthenticationValue, Currency, Expiry, Pan, ResponseCode, Stan};
use iso8583::{Dialect, Message, MessageWriter, Mti, field, parse};
use std::collections::BTreeMap;
use switch::settings::PinElements;
use switch::translate::iso::{
    self, AnswerText, Datum, Extras, FieldPath, Incoming, NetworkManagement, Refusal, refusal_response,
    response, unreadable_response,
};

const PAN: &str = "4000001234567899";
const TPDU: [u8; 5] = [0x60, 0x00, 0x01, 0x80, 0x02];
/// The compiled-in dialects of the edition that the switch speaks, as the standard has them.
const SPOKEN: [&str; 4] = ["iso87_ascii", "iso87_ascii_binary", "iso87_bcd", "iso87_ebcdic"];
const REPLY_TO: ReplyTo = ReplyTo { connection: 7, slot: 3 };

/// A message to be written: type and data elements by number.
#[derive(Clone)]
struct Draft {
    mti: &'static str,
    fields: BTreeMap<u8, Vec<u8>>,
}

impl Draft {
    fn new(mti: &'static str, fields: &[(u8, &str)]) -> Draft {
        let fields = fields.iter().map(|(number, text)| (*number, text.as_bytes().to_vec()));
        Draft { mti, fields: fields.collect() }
    }

    fn with(mut self, number: u8, value: impl AsRef<[u8]>) -> Draft {
        self.fields.insert(number, value.as_ref().to_vec());
        self
    }

    fn without(mut self, number: u8) -> Draft {
        self.fields.remove(&number);
        self
    }

    fn mti(mut self, mti: &'static str) -> Draft {
        self.mti = mti;
        self
    }

    fn write(&self, dialect: &str) -> Vec<u8> {
        let dialect = Dialect::by_name(dialect).unwrap();
        let header = match dialect.header().length {
            // It begins with its own length.
            22 => [&[22, 1][..], &[0; 20]].concat(),
            length => TPDU[..length].to_vec(),
        };
        let mut out = Vec::new();
        let mti = Mti::parse(self.mti.as_bytes()).unwrap();
        let mut writer = MessageWriter::begin(&mut out, dialect, &header, mti).unwrap();
        for (number, value) in &self.fields {
            writer.field(*number, value).unwrap_or_else(|error| panic!("{error}"));
        }
        writer.finish().unwrap();
        out
    }

    fn read(&self) -> Incoming {
        let frame = self.write("iso87_ascii");
        incoming(&parse(&frame, Dialect::by_name("iso87_ascii").unwrap()).unwrap())
    }

    fn request(&self) -> Request {
        match self.read() {
            Incoming::Request(request) => *request,
            other => panic!("{other:?}"),
        }
    }

    fn reversal(&self) -> Reversal {
        match self.read() {
            Incoming::Reversal(reversal) => *reversal,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&self) -> Refusal {
        match self.read() {
            Incoming::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }
}

fn incoming(message: &Message<'_>) -> Incoming {
    iso::incoming(message, LinkName::new("pos").unwrap(), PinElements::default(), REPLY_TO)
}

/// Data objects of a Visa CVN 10 request, by tag.
fn chip_objects() -> Vec<(u32, &'static str)> {
    vec![
        (0x9F02, "000000001250"),
        (0x9F03, "000000000100"),
        (0x9F1A, "0840"),
        (0x95, "8000048000"),
        (0x5F2A, "0978"),
        (0x9A, "261123"),
        (0x9C, "00"),
        (0x9F37, "52BF4585"),
        (0x82, "3900"),
        (0x9F36, "002A"),
        (0x9F10, "06010A03A0B800"),
        (0x9F26, "769577B5ABE9FE62"),
        (0x9F27, "80"),
        (0x5F34, "01"),
        (0x57, "4000001234567899D28122011000012345"),
    ]
}

fn icc(objects: &[(u32, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, value) in objects {
        iso8583::emv::write_tlv(*tag, &hex::decode(value).unwrap(), &mut out);
    }
    out
}

fn purchase() -> Draft {
    let fields = [
        (2, PAN),
        (3, "002000"),
        (4, "000000001250"),
        (7, "1123155959"),
        (11, "000123"),
        (12, "205959"),
        (13, "1123"),
        (14, "2812"),
        (18, "5411"),
        (19, "840"),
        (22, "051"),
        (23, "001"),
        (25, "00"),
        (32, "123456"),
        (35, "4000001234567899=28122011000012345"),
        (37, "632715000123"),
        (41, "TERM0001"),
        (42, "MERCHANT0000001"),
        (49, "978"),
    ];
    Draft::new("0200", &fields).with(52, [0xA5; 8]).with(55, icc(&chip_objects()))
}

fn reversal() -> Draft {
    let original = format!("0200000123112315595900000123456{}", "0".repeat(11));
    Draft::new("0400", &[(2, PAN), (3, "000000"), (4, "000000001250"), (7, "1123160500"), (11, "000124")])
        .with(41, "TERM0001")
        .with(49, "978")
        .with(90, original)
}

#[test]
fn every_dialect_gives_the_same_request() {
    for name in SPOKEN {
        let frame = purchase().write(name);
        let message = parse(&frame, Dialect::by_name(name).unwrap()).unwrap();
        let Incoming::Request(request) = incoming(&message) else { panic!("{name}") };
        assert_eq!(request.reply_to, REPLY_TO);
        assert_eq!(request.link.as_str(), "pos");
        assert_eq!(request.class, MessageClass::Financial);
        assert_eq!(request.transaction, TransactionType::Purchase);
        assert_eq!(request.account_type, AccountType::Cheque);
        assert_eq!(request.pan, Pan::parse(PAN.as_bytes()).unwrap());
        assert_eq!(request.expiry, Some(Expiry::parse_yymm(b"2812").unwrap()));
        assert_eq!(request.card_sequence, Some(1));
        assert_eq!((request.amount_minor, request.currency), (1250, 978));
        assert_eq!(request.stan, Stan::new(123).unwrap());
        assert_eq!(request.rrn.unwrap().as_str(), "632715000123");
        assert_eq!(request.transmission, TransmissionTime(1_123_155_959));
        assert_eq!(request.terminal.as_str(), "TERM0001");
        assert_eq!(request.merchant.unwrap().as_str(), "MERCHANT0000001");
        assert_eq!((request.mcc, request.country), (5411, 840));
        assert_eq!(request.entry, EntryMode::Chip);
        assert_eq!(request.track2.unwrap().reveal(), b"4000001234567899=28122011000012345");
        assert_eq!(request.pin_block.unwrap().reveal(), [0xA5; 8]);
        assert!(request.cash.is_none());
        let chip = request.chip.unwrap();
        assert_eq!(chip.amount_authorised, [0, 0, 0, 0, 0x12, 0x50]);
        assert_eq!(chip.amount_other, [0, 0, 0, 0, 0x01, 0x00]);
        assert_eq!(chip.terminal_country, [0x08, 0x40]);
        assert_eq!(chip.tvr, [0x80, 0x00, 0x04, 0x80, 0x00]);
        assert_eq!(chip.currency, [0x09, 0x78]);
        assert_eq!(chip.date, [0x26, 0x11, 0x23]);
        assert_eq!(chip.transaction_type, 0);
        assert_eq!(chip.unpredictable_number, [0x52, 0xBF, 0x45, 0x85]);
        assert_eq!(chip.aip, [0x39, 0x00]);
        assert_eq!(chip.atc, 42);
        assert_eq!(chip.issuer_application_data.as_slice(), &[6, 1, 0x0A, 3, 0xA0, 0xB8, 0]);
        assert_eq!(chip.cryptogram, [0x76, 0x95, 0x77, 0xB5, 0xAB, 0xE9, 0xFE, 0x62]);
        assert_eq!(chip.cryptogram_information, 0x80);
    }
}

/// A network that says in a place of its own how the card was read.
#[test]
fn entry_modes_of_a_link() {
    let known = |place: &str, code: &str, mode| iso::EntryCode {
        place: FieldPath::parse(place).unwrap(),
        code: code.to_owned(),
        mode,
    };
    let conventions = iso::Conventions {
        entry_modes: vec![
            known("61:10", "6", EntryMode::Ecommerce),
            known("61:10", "4", EntryMode::Recurring),
            known("22:1-2", "04", EntryMode::ContactlessStripe),
        ],
        ..iso::Conventions::default()
    };
    let read = |draft: Draft| {
        let frame = draft.write("iso87_ascii");
        let message = parse(&frame, Dialect::by_name("iso87_ascii").unwrap()).unwrap();
        let (link, pins) = (LinkName::new("pos").unwrap(), PinElements::default());
        match iso::incoming_by(&conventions, pins, &message, link, REPLY_TO) {
            Incoming::Request(request) => request.entry,
            other => panic!("{other:?}"),
        }
    };
    let keyed = || purchase().with(22, "010").without(55);
    assert_eq!(read(keyed().with(61, "0000000006")), EntryMode::Ecommerce);
    assert_eq!(read(keyed().with(61, "0000000004")), EntryMode::Recurring);
    assert_eq!(read(keyed().with(61, "0000000001")), EntryMode::Manual);
    assert_eq!(read(keyed().with(61, "000")), EntryMode::Manual);
    assert_eq!(read(keyed().with(22, "041")), EntryMode::ContactlessStripe);
    assert_eq!(read(purchase()), EntryMode::Chip);
}

/// The network's layout: chip data in a data set, and a fourth digit in DE 22.
#[test]
fn chip_data_in_a_data_set() {
    let dialect = Dialect::by_name("visa_base1").unwrap();
    let within = |icc: &[u8]| [&[0x01][..], &(icc.len() as u16).to_be_bytes(), icc].concat();
    let icc = icc(&chip_objects());
    let tapped = purchase().mti("0100").with(22, "0710").with(55, within(&icc)).without(64);
    let read = |draft: &Draft| {
        let frame = draft.write("visa_base1");
        incoming(&parse(&frame, dialect).unwrap())
    };
    let Incoming::Request(request) = read(&tapped) else { panic!("{:?}", read(&tapped)) };
    assert_eq!((request.entry, request.chip.unwrap().atc), (EntryMode::Contactless, 42));
    assert_eq!(request.point_of_service.takes_pin, Some(true));
    let Incoming::Request(request) = read(&tapped.clone().with(22, "8020")) else { panic!() };
    assert_eq!((request.entry, request.point_of_service.takes_pin), (EntryMode::Fallback, Some(false)));
    // Another data set alone is no chip data, and one that is cut off is illegible.
    let Incoming::Request(request) = read(&tapped.clone().with(55, [0x02, 0, 1, 7])) else { panic!() };
    assert!(request.chip.is_none());
    let Incoming::Refused(refusal) = read(&tapped.clone().with(55, &within(&icc)[..20])) else { panic!() };
    assert_eq!((refusal.code, refusal.field), (ResponseCode::FORMAT_ERROR, field::ICC));

    let frame = tapped.write("visa_base1");
    let approval = Response {
        issuer_authentication: Some([1, 2, 3, 4, 5, 6, 7, 8, 0x30, 0x30].into_iter().collect()),
        ..Response::bare(ResponseCode::APPROVED)
    };
    let mut out = Vec::new();
    response(&parse(&frame, dialect).unwrap(), &approval, &mut out).unwrap();
    let answer = parse(&out, dialect).unwrap();
    assert_eq!(answer.value(field::ICC).unwrap()[..], hex::decode("01000C910A01020304050607083030").unwrap());
}

#[test]
fn message_types() {
    let class = |mti| purchase().mti(mti).request().class;
    assert_eq!(class("0100"), MessageClass::Authorization);
    assert_eq!(class("0101"), MessageClass::Authorization);
    assert_eq!(class("0201"), MessageClass::Financial);
    assert_eq!(class("0220"), MessageClass::Advice);
    assert_eq!(class("0221"), MessageClass::Advice);
    assert_eq!(class("0120"), MessageClass::AuthorizationAdvice);
    assert_eq!(class("0121"), MessageClass::AuthorizationAdvice);
    for mti in ["0400", "0401", "0420", "0421"] {
        reversal().mti(mti).reversal();
    }
    for mti in ["0320", "0300", "0500", "0600", "0102", "0203", "1200", "2100", "0000"] {
        let refusal = purchase().mti(mti).refusal();
        assert_eq!((refusal.code, refusal.field), (ResponseCode::NOT_SUPPORTED, 0), "{mti}");
    }
    for mti in ["0110", "0210", "0230", "0430", "0810", "0240", "0190", "1210"] {
        assert!(matches!(purchase().mti(mti).read(), Incoming::Unanswerable { .. }), "{mti}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let check = |draft: Draft, number| {
        let refusal = draft.refusal();
        assert_eq!(
            (refusal.code, refusal.field, refusal.reason),
            (ResponseCode::FORMAT_ERROR, number, "missing")
        );
    };
    for number in [3, 4, 11, 41, 49] {
        check(purchase().without(number), number);
    }
    check(purchase().without(2).without(35).without(55), 2);
    for number in [11, 41] {
        check(reversal().without(number), number);
    }
    check(reversal().without(2), 2);
    let echo = Draft::new("0800", &[(7, "1123155959"), (11, "000001"), (70, "301")]);
    for number in [11, 70] {
        check(echo.clone().without(number), number);
    }
}

#[test]
fn what_is_illegal_is_named() {
    let check = |draft: Draft, number| {
        let refusal = draft.refusal();
        assert_eq!((refusal.code, refusal.field), (ResponseCode::FORMAT_ERROR, number), "{refusal}");
        assert_ne!(refusal.reason, "missing");
    };
    check(purchase().with(2, ""), 2);
    check(purchase().with(7, "1323155959"), 7);
    check(purchase().without(7).with(12, "246060"), 13);
    check(purchase().with(14, "2813"), 14);
    check(purchase().with(23, "100"), 23);
    check(purchase().with(35, "4000001234567899"), 35);
    check(purchase().with(35, "4000001234567899=2812"), 35);
    check(purchase().with(49, "U5D"), 49);
    check(purchase().with(49, "usd"), 49);
    check(purchase().with(55, ""), 55);
    check(purchase().with(3, "090000").with(54, "0040392D000000002000"), 54);
    check(reversal().with(90, format!("0200000123{}{}", "1323155959", "0".repeat(22))), 90);
    check(reversal().with(95, format!("C00000001250{}", "0".repeat(30))), 95);
}

#[test]
fn processing_codes() {
    let check = |code: &str, transaction, account_type| {
        let request = purchase().with(3, code).request();
        assert_eq!((request.transaction, request.account_type), (transaction, account_type), "{code}");
    };
    check("000000", TransactionType::Purchase, AccountType::Default);
    check("011000", TransactionType::Withdrawal, AccountType::Savings);
    check("302000", TransactionType::BalanceInquiry, AccountType::Cheque);
    check("313000", TransactionType::BalanceInquiry, AccountType::Credit);
    check("003010", TransactionType::Purchase, AccountType::Credit);
    check("200000", TransactionType::Refund, AccountType::Default);
    check("090000", TransactionType::Cashback, AccountType::Default);
    check("170000", TransactionType::CashAdvance, AccountType::Default);
    check("210010", TransactionType::Deposit, AccountType::Default);
    check("330000", TransactionType::Verification, AccountType::Default);
    check("381000", TransactionType::MiniStatement, AccountType::Savings);
    check("401020", TransactionType::Transfer, AccountType::Savings);
    check("500000", TransactionType::Payment, AccountType::Default);
    check("510000", TransactionType::Unsupported, AccountType::Default);
    check("009900", TransactionType::Purchase, AccountType::Unknown);
    // Only an inquiry may go without an amount.
    assert_eq!(purchase().with(3, "310000").without(4).request().amount_minor, 0);
}

#[test]
fn what_a_message_says_of_an_earlier_one() {
    let original = |message: Draft| message.request().instruction.original;
    assert_eq!(original(purchase()), None);
    // DE 90 names by STAN and time, DE 38 by approval code; spaces are none.
    let told =
        original(purchase().with(90, format!("0100000123{}{}", "1123155959", "0".repeat(22)))).unwrap();
    assert_eq!(told.stan, Some(Stan::new(123).unwrap()));
    assert_eq!((told.transmission.0, told.authorization_id, told.rrn), (1_123_155_959, None, None));
    let told = original(purchase().with(38, "A00017")).unwrap();
    assert_eq!((told.stan, told.authorization_id), (None, Some(*b"A00017")));
    assert_eq!(original(purchase().with(38, "      ")), None);
    assert_eq!(original(purchase().with(90, "0".repeat(42))), None);
}

#[test]
fn cash_parts_destinations_and_parts_that_are_taken() {
    let instruction = |message: Draft| message.request().instruction;
    let amounts = "0001978C0000000000010040978D000000002000";
    assert_eq!(instruction(purchase().with(3, "090000").with(54, amounts)).cash_minor, 2_000);
    // Of no other kind is there a cash part.
    assert_eq!(instruction(purchase().with(54, amounts)).cash_minor, 0);
    let to = |account: &str| instruction(purchase().with(3, "400000").with(103, account)).destination;
    assert!(matches!(to("4000001234567899"), Some(Destination::Card(_))));
    assert!(
        matches!(to("4000001234567890"), Some(Destination::Account(_))),
        "a wrong check digit is no card"
    );
    assert!(matches!(to("S-1"), Some(Destination::Account(_))));
    assert!(instruction(purchase().with(60, "PA1 more")).takes_partial);
    assert!(!instruction(purchase().with(60, " PA1")).takes_partial);
}

#[test]
fn entry_modes() {
    let check = |mode: &str, expect| assert_eq!(purchase().with(22, mode).request().entry, expect, "{mode}");
    check("051", EntryMode::Chip);
    check("950", EntryMode::Chip);
    check("071", EntryMode::Contactless);
    check("021", EntryMode::Stripe);
    check("901", EntryMode::Stripe);
    check("910", EntryMode::ContactlessStripe);
    check("801", EntryMode::Fallback);
    check("011", EntryMode::Manual);
    check("790", EntryMode::Manual);
    check("060", EntryMode::Manual);
    check("812", EntryMode::Ecommerce);
    check("102", EntryMode::CredentialOnFile);
    // Not stated, and not known: the chip data says more.
    check("000", EntryMode::Chip);
    check("991", EntryMode::Chip);
    let unsaid = purchase().without(22);
    assert_eq!(unsaid.request().entry, EntryMode::Chip);
    assert_eq!(unsaid.clone().without(55).request().entry, EntryMode::Stripe);
    assert_eq!(unsaid.without(55).without(35).request().entry, EntryMode::Unknown);
}

#[test]
fn places() {
    let place = |draft: Draft| draft.without(55).request().point_of_service;
    assert_eq!(place(purchase().with(22, "051")).takes_pin, Some(true));
    assert_eq!(place(purchase().with(22, "052")).takes_pin, Some(false));
    assert_eq!(place(purchase().with(22, "050")).takes_pin, None);
    let condition = |code: &str| {
        let place = place(purchase().with(25, code));
        (place.attended, place.card_present, place.holder_present)
    };
    assert_eq!(condition("00"), (None, Some(true), Some(true)));
    assert_eq!(condition("02"), (Some(false), None, None));
    assert_eq!(condition("05"), (None, Some(false), Some(true)));
    assert_eq!(condition("08"), (None, Some(false), Some(false)));
    assert_eq!(condition("27"), (Some(false), None, None));
    assert_eq!(condition("59"), (None, None, None));
    assert_eq!(place(purchase()).reads_chip, None);
}

#[test]
fn times() {
    let check = |draft: Draft, expect| assert_eq!(draft.request().transmission, TransmissionTime(expect));
    check(purchase(), 1_123_155_959);
    check(purchase().without(7), 1_123_205_959);
    check(purchase().without(7).without(12), 0);
    check(purchase().without(7).without(13), 0);
}

#[test]
fn currencies() {
    let check = |text: &str, expect| assert_eq!(purchase().with(49, text).request().currency, expect);
    check("840", 840);
    check("EUR", 978);
    // The core declines it, and records why.
    check("001", 1);
    let refusal = purchase().with(49, "QQQ").refusal();
    assert_eq!((refusal.code, refusal.field), (ResponseCode::INVALID_TRANSACTION, 49));
}

/// DE 5 with 50, DE 6 with 51, DE 28.
#[test]
fn amounts_beside_the_amount() {
    let check = |fields: &[(u8, &str)], expect: Stated| {
        let draft = fields.iter().fold(purchase(), |draft, (number, text)| draft.with(*number, text));
        assert_eq!(draft.request().stated, expect, "{fields:?}");
    };
    let none = Stated::default();
    check(&[], none);
    check(&[(6, "000000001150"), (51, "978")], Stated { billing: Some((1_150, 978)), ..none });
    check(&[(6, "000000001150"), (51, "EUR")], Stated { billing: Some((1_150, 978)), ..none });
    check(&[(5, "000000001355"), (50, "840")], Stated { settlement: Some((1_355, 840)), ..none });
    check(&[(28, "D00000300")], Stated { surcharge_minor: 300, ..none });
    check(&[(28, "C00000300")], Stated { surcharge_minor: -300, ..none });
    check(&[(28, "D00000000")], none);
    // Without its currency an amount says nothing, and nothing is no amount.
    check(&[(6, "000000001150")], none);
    check(&[(51, "978")], none);
    check(&[(6, "000000000000"), (51, "978")], none);
    check(&[(5, "000000001150"), (51, "978")], none);
    for dialect in SPOKEN {
        let draft = purchase().with(6, "000000001150").with(51, "978").with(28, "D00000300");
        let frame = draft.write(dialect);
        let message = parse(&frame, Dialect::by_name(dialect).unwrap()).unwrap();
        let Incoming::Request(request) = incoming(&message) else { panic!("{dialect}") };
        let expect = Stated { billing: Some((1_150, 978)), surcharge_minor: 300, ..none };
        assert_eq!(request.stated, expect, "{dialect}");
    }
}

#[test]
fn the_card_in_each_place_it_may_stand() {
    let pan = |draft: Draft| draft.request().pan.reveal().as_str().to_owned();
    let other = "5500000000000004";
    assert_eq!(pan(purchase().with(2, other)), other);
    assert_eq!(pan(purchase().without(2)), PAN);
    assert_eq!(pan(purchase().without(2).without(35)), PAN);
    let mut objects = chip_objects();
    objects.retain(|(tag, _)| *tag != 0x57);
    objects.push((0x5A, other));
    let keyed = purchase().without(2).without(35).with(55, icc(&objects));
    assert_eq!(pan(keyed.clone()), other);
    assert!(keyed.request().track2.is_none());
    // Expiry and sequence number have a second place as well.
    let bare = purchase().without(14).without(23).without(35).request();
    assert_eq!(bare.expiry, Some(Expiry::parse_yymm(b"2812").unwrap()));
    assert_eq!(bare.card_sequence, Some(1));
    assert_eq!(bare.track2.unwrap().reveal(), b"4000001234567899=28122011000012345");
}

#[test]
fn chip_data_is_read_strictly() {
    let check = |objects: &[(u32, &str)], reason: &str| {
        let refusal = purchase().with(55, icc(objects)).refusal();
        assert_eq!((refusal.code, refusal.field), (ResponseCode::FORMAT_ERROR, 55));
        assert!(refusal.reason.contains(reason), "{refusal} lacks {reason}");
    };
    for tag in [0x9F02, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36, 0x9F10, 0x9F26] {
        let mut objects = chip_objects();
        objects.retain(|(present, _)| *present != tag);
        check(&objects, &format!("tag {tag:X} "));
    }
    for tag in
        [0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36, 0x9F10, 0x9F26, 0x9F27]
    {
        let mut objects = chip_objects();
        objects.retain(|(present, _)| *present != tag);
        let long = "00".repeat(33);
        objects.push((tag, &long));
        check(&objects, &format!("tag {tag:X} "));
    }
    let mut twice = chip_objects();
    twice.push((0x9F36, "002B"));
    check(&twice, "a tag occurs twice");
    let mut unknown_twice = chip_objects();
    unknown_twice.extend([(0xDF01, "00"), (0xDF01, "01")]);
    check(&unknown_twice, "a tag occurs twice");
    let mut letters = chip_objects();
    letters.retain(|(tag, _)| *tag != 0x5F34);
    letters.push((0x5F34, "0A"));
    assert_eq!(purchase().without(23).with(55, icc(&letters)).refusal().field, 55);
    let mut cut = icc(&chip_objects());
    cut.pop();
    assert_eq!(purchase().with(55, cut).refusal().reason, "the data ends inside an object");

    let mut sparse = chip_objects();
    sparse.retain(|(tag, _)| !matches!(*tag, 0x9F03 | 0x9F27));
    let chip = purchase().with(55, icc(&sparse)).request().chip.unwrap();
    assert_eq!((chip.amount_other, chip.cryptogram_information), ([0; 6], 0x80));
}

#[test]
fn reversals_name_their_original() {
    let found = reversal().reversal();
    assert_eq!(found.original_stan, Stan::new(123).unwrap());
    assert_eq!(found.original_transmission, TransmissionTime(1_123_155_959));
    assert_eq!(found.replacement_minor, None);
    assert_eq!((found.reply_to, found.link.as_str(), found.terminal.as_str()), (REPLY_TO, "pos", "TERM0001"));
    assert_eq!(found.pan, Pan::parse(PAN.as_bytes()).unwrap());

    let own = reversal().without(90).reversal();
    assert_eq!(own.original_stan, Stan::new(124).unwrap());
    assert_eq!(own.original_transmission, TransmissionTime(0));

    let zeros = reversal().with(90, "0".repeat(42)).reversal();
    assert_eq!(zeros.original_stan, Stan::new(124).unwrap());
    assert_eq!(zeros.original_transmission, TransmissionTime(0));

    let partial = reversal().with(95, format!("000000000250{}", "0".repeat(30))).reversal();
    assert_eq!(partial.replacement_minor, Some(250));
    // A chip reversal may carry its objects without a cryptogram.
    let chip = icc(&[(0x95, "8000048000"), (0x5A, PAN)]);
    assert_eq!(reversal().without(2).with(55, chip).reversal().pan, Pan::parse(PAN.as_bytes()).unwrap());
}

#[test]
fn network_management() {
    let echo = Draft::new("0800", &[(7, "1123155959"), (11, "000001"), (70, "301")]);
    let code = |text: &str| match echo.clone().with(70, text).read() {
        Incoming::Network(network) => network,
        other => panic!("{other:?}"),
    };
    assert_eq!(code("001"), NetworkManagement::SignOn);
    assert_eq!(code("002"), NetworkManagement::SignOff);
    assert_eq!(code("301"), NetworkManagement::Echo);
    assert_eq!([1, 2, 301], ["001", "002", "301"].map(|text| code(text).code()));
    let refusal = echo.clone().with(70, "161").refusal();
    assert_eq!((refusal.code, refusal.field), (ResponseCode::NOT_SUPPORTED, 70));

    let frame = echo.write("iso87_ascii");
    let message = parse(&frame, Dialect::by_name("iso87_ascii").unwrap()).unwrap();
    let mut out = Vec::new();
    iso::network_response(&message, &mut out).unwrap();
    assert_eq!(out, b"081082200000020000000400000000000000112315595900000100301");
    out.clear();
    refusal_response(&message, &refusal, &mut out).unwrap();
    assert_eq!(out, b"081082200000020000000400000000000000112315595900000140301");
}

fn approval() -> Response {
    Response {
        script: None,
        code: ResponseCode::APPROVED,
        transaction: Some(TransactionId::new(64).unwrap()),
        authorization_id: Some(*b"000042"),
        issuer_authentication: Some(
            [0xC3, 0xA5, 0xC3, 0xA5, 0xC3, 0xA5, 0xC3, 0xA5, b'0', b'0'].into_iter().collect(),
        ),
        balance: Some(Balance {
            ledger_minor: 12_345,
            available_minor: -50,
            currency: Currency::parse("EUR").unwrap(),
        }),
        billing: None,
        approved_minor: None,
        statement: None,
        told: Told::default(),
    }
}

#[test]
fn a_response_echoes_and_decides() {
    let dialect = Dialect::by_name("iso87_ascii").unwrap();
    let frame = purchase().write("iso87_ascii");
    let request = parse(&frame, dialect).unwrap();
    let mut out = b"before".to_vec();
    response(&request, &approval(), &mut out).unwrap();
    let expect = concat!(
        "0210723802810EC08600",
        "164000001234567899",
        "002000",
        "000000001250",
        "1123155959",
        "000123",
        "205959",
        "1123",
        "001",
        "00",
        "06123456",
        "632715000123",
        "000042",
        "00",
        "TERM0001",
        "MERCHANT0000001",
        "978",
        "0400001978C0000000123450002978D000000000050",
        "024910AC3A5C3A5C3A5C3A53030",
    );
    assert_eq!(String::from_utf8(out).unwrap(), format!("before{expect}"));
}

/// DE 5, 6, 9, 10, 50 and 51 of what was converted, in their places, whatever the request had there.
#[test]
fn an_answer_says_what_was_converted() {
    let billing = Billing {
        currency: Currency::parse("EUR").unwrap(),
        amount_minor: 1_150,
        rate: Rate::parse("0.92"),
        rounding: Rounding::HalfUp,
        by_network: false,
        surcharge_minor: 0,
        charge: None,
        settlement: Settlement {
            currency: Currency::parse("GBP").unwrap(),
            minor: 988,
            rate: Rate::parse("0.79045123"),
        },
    };
    let answer = |dialect: &'static str, billing: Option<Billing>| {
        let dialect = Dialect::by_name(dialect).unwrap();
        let frame = purchase().with(6, "000000009999").with(51, "978").write(dialect.name());
        let request = parse(&frame, dialect).unwrap();
        let mut out = Vec::new();
        response(&request, &Response { billing: billing.map(Box::new), ..approval() }, &mut out).unwrap();
        let answer = parse(&out, dialect).unwrap();
        [5, 6, 9, 10, 50, 51]
            .map(|field| answer.value(field).map(|value| String::from_utf8_lossy(&value).into_owned()))
    };
    for dialect in SPOKEN {
        let expect = ["000000000988", "000000001150", "77904512", "20000092", "826", "978"];
        assert_eq!(
            answer(dialect, Some(billing.clone())),
            expect.map(|text| Some(text.to_owned())),
            "{dialect}"
        );
        // A fee alone is no conversion.
        let same = Billing {
            rate: None,
            settlement: Settlement { rate: None, ..billing.settlement },
            ..billing.clone()
        };
        let without = answer(dialect, None);
        assert_eq!(answer(dialect, Some(same)), without, "{dialect}");
        assert_eq!(
            (&without[0], &without[2], &without[3], &without[4]),
            (&None, &None, &None, &None),
            "{dialect}"
        );
    }
}

#[test]
fn a_decline_carries_no_more_than_its_code() {
    for (name, header) in [("iso87_ascii", &[][..]), ("iso87_bcd", &[0x60, 0x80, 0x02, 0x00, 0x01])] {
        let dialect = Dialect::by_name(name).unwrap();
        for (draft, mti) in
            [(purchase(), "0210"), (purchase().mti("0101"), "0110"), (reversal().mti("0421"), "0430")]
        {
            let frame = draft.write(name);
            let request = parse(&frame, dialect).unwrap();
            let mut out = Vec::new();
            response(&request, &Response::bare(ResponseCode::LOST), &mut out).unwrap();
            let answer = parse(&out, dialect).unwrap();
            assert_eq!(answer.header(), header);
            assert_eq!(answer.mti().to_string(), mti);
            for (number, value) in answer.fields() {
                let expect = if number == 39 { b"41".to_vec() } else { draft.fields[&number].clone() };
                assert_eq!(&*value, expect, "DE {number}");
            }
            let echoed = [2, 3, 4, 7, 11, 12, 13, 15, 23, 24, 25, 32, 33, 37, 41, 42, 49, 70, 90];
            for number in 2..=128 {
                let expect = number == 39 || (echoed.contains(&number) && request.has(number));
                assert_eq!(answer.has(number), expect, "DE {number}");
            }
        }
    }
}

#[test]
fn unreadable_frames_are_answered_by_their_leading_fields() {
    for name in SPOKEN {
        let dialect = Dialect::by_name(name).unwrap();
        // A reversal has a secondary bitmap, a purchase has none.
        for draft in [purchase(), reversal()] {
            let frame = draft.write(name);
            let whole = parse(&frame, dialect).unwrap();
            for length in 0..frame.len() {
                let cut = &frame[..length];
                let error = parse(cut, dialect).unwrap_err();
                let mut out = Vec::new();
                let answered = unreadable_response(cut, dialect, &error, &mut out).unwrap();
                assert_eq!(answered, error.mti.is_some(), "{name} {length}");
                if !answered {
                    assert!(out.is_empty());
                    continue;
                }
                let answer = parse(&out, dialect).unwrap();
                assert_eq!(answer.value(39).unwrap().as_str(), Some("30"));
                for number in [2, 7, 11, 41, 49, 90] {
                    let expect = whole.has(number) && error.field > number;
                    assert_eq!(answer.has(number), expect, "{name} cut at {length}, DE {number}");
                    assert!(!expect || answer.raw(number) == whole.raw(number));
                }
            }
        }
    }
}

#[test]
fn unreadable_frames_of_other_kinds() {
    let dialect = Dialect::by_name("iso87_ascii").unwrap();
    let answer = |frame: &[u8]| {
        let error = parse(frame, dialect).unwrap_err();
        let mut out = Vec::new();
        let answered = unreadable_response(frame, dialect, &error, &mut out).unwrap();
        answered.then(|| String::from_utf8(out).unwrap())
    };
    let mut bad_amount = purchase().write("iso87_ascii");
    let at = bad_amount.windows(12).position(|window| window == b"000000001250").unwrap();
    bad_amount[at + 5] = b'x';
    let only_two = format!("0210600000000200000016{PAN}00200030");
    assert_eq!(answer(&bad_amount), Some(only_two));
    let mut trailing = Draft::new("0800", &[(11, "000001"), (70, "301")]).write("iso87_ascii");
    trailing.push(b'!');
    assert_eq!(answer(&trailing), Some("08108020000002000000040000000000000000000130301".to_owned()));
    assert_eq!(answer(b"02007G00000000000000"), Some("0210000000000200000030".to_owned()));
    assert_eq!(answer(b"0210"), None);
    assert_eq!(answer(b"02"), None);
    assert_eq!(answer(b"GET / HTTP/1.1"), None);
}

/// Nothing that comes over the wire makes the translation panic, and whatever asks for an answer gets
/// one that can be read.
#[test]
fn mutations_are_answered_or_dropped() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for name in SPOKEN {
        let dialect = Dialect::by_name(name).unwrap();
        let frames = [purchase().write(name), reversal().write(name)];
        for round in 0..20_000 {
            let mut frame = frames[round % 2].clone();
            for _ in 0..=random(3) {
                let at = random(frame.len());
                frame[at] = random(256) as u8;
            }
            if random(4) == 0 {
                frame.truncate(random(frame.len() + 1));
            }
            let mut out = Vec::new();
            let answered = match parse(&frame, dialect) {
                Ok(message) => match incoming(&message) {
                    Incoming::Request(_) | Incoming::Reversal(_) => {
                        response(&message, &approval(), &mut out).is_ok()
                    }
                    Incoming::Network(_) => iso::network_response(&message, &mut out).is_ok(),
                    Incoming::Refused(refusal) => refusal_response(&message, &refusal, &mut out).is_ok(),
                    Incoming::Unanswerable { .. } => continue,
                },
                Err(error) => unreadable_response(&frame, dialect, &error, &mut out).unwrap(),
            };
            if answered {
                assert!(parse(&out, dialect).is_ok_and(|answer| answer.has(field::RESPONSE_CODE)));
            } else {
                assert!(out.is_empty());
            }
        }
    }
}

#[test]
fn nothing_of_the_card_is_printed() {
    for draft in [purchase(), reversal(), purchase().with(35, "4000001234567899")] {
        let shown = format!("{:?}", draft.read());
        for secret in [PAN, "28122011000012345", "A5A5", "165, 165", "1234567899"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let refusal = purchase().with(35, "4000001234567899").refusal();
    assert_eq!(refusal.to_string(), "answered 30, DE 35: not in the layout of track 2");
}

/// Places as a listener's configuration gives them: whole elements, characters, parts of an inner structure.
fn extras() -> Extras {
    let place = |text: &str| FieldPath::parse(text).unwrap();
    Extras {
        request: vec![
            (Datum::Cvv2, place("48:1-3")),
            (Datum::Eci, place("48:4-5")),
            (Datum::AuthenticationValue, place("48:6-9")),
            (Datum::Address, place("60:1-20")),
            (Datum::PostalCode, place("60:21-30")),
            (Datum::Ip, place("61")),
            (Datum::Email, place("62")),
            (Datum::OrderCode, place("63:1-16")),
            (Datum::Order, place("63:17-99")),
            (Datum::DeliveryAddress, place("3.1")),
        ],
        answers: vec![
            AnswerText::parse(44, " {address}{cvv2}").unwrap(),
            AnswerText::parse(60, "{reward}").unwrap(),
        ],
    }
}

fn told(draft: &Draft) -> Option<Box<Particulars>> {
    let frame = draft.write("iso87_ascii");
    let message = parse(&frame, Dialect::by_name("iso87_ascii").unwrap()).unwrap();
    let mut request = draft.request();
    let trace = |kind: &str, text: &str| (kind.len() * 1000 + text.len()) as u64;
    extras().read(&message, &mut request, &trace);
    request.particulars
}

#[test]
fn what_a_listener_says_where_to_find() {
    let draft = purchase()
        .with(48, "12305AVAV")
        .with(60, "12 High St          SW1A 1AA  ")
        .with(61, "2001:DB8:0::7")
        .with(62, "Erika@Example.com")
        .with(63, "0123456789ABCDEF2 books");
    let told = told(&draft).unwrap();
    assert!(matches!(&told.cvv2, Some(Cvv2::Value(cvv)) if cvv.reveal() == b"123"));
    assert_eq!(
        told.authentication,
        Some(Authentication { indicator: Some(5), has_value: false, malformed: true })
    );
    assert_eq!(told.address.unwrap().reveal(), "12");
    assert_eq!(told.postal_code.unwrap().reveal(), "SW1A1AA");
    // By kind and the one form of the text: 2001:db8::7, example.com, and the part of DE 3.
    assert_eq!(told.traces, Traces { ip: Some(2_011), email: Some(5_011), address: Some(7_002) });
    let order = told.order.as_ref().unwrap();
    assert_eq!((&order.text[..], order.code), (&b"2 books"[..], [1, 35, 69, 103, 137, 171, 205, 239]));
    let shown = format!("{told:?}");
    assert!(!shown.contains("SW1A") && !shown.contains("books") && !shown.contains("\"12\""), "{shown}");
}

/// Twenty bytes in a binary element, which may look like blanks, or their digits in a text.
#[test]
fn an_authentication_value_is_bytes_or_digits() {
    let read = |field: u8, value: &[u8]| {
        let frame = Draft::new("0100", &[]).with(field, value).write("iso87_ascii");
        let message = parse(&frame, Dialect::by_name("iso87_ascii").unwrap()).unwrap();
        let path = FieldPath::parse(&field.to_string()).unwrap();
        let extras = Extras { request: vec![(Datum::AuthenticationValue, path)], answers: Vec::new() };
        let mut request = purchase().request();
        extras.read(&message, &mut request, &|_, _| 0);
        request.particulars.and_then(|told| told.authentication_value)
    };
    let digits = "2087315001230000000000000000000000000020";
    let value = AuthenticationValue::read(digits.as_bytes()).unwrap();
    assert_eq!(read(48, digits.as_bytes()), Some(value.clone()));
    assert_eq!(read(55, &hex::decode(digits).unwrap()), Some(value));
    assert_eq!(read(48, &digits.as_bytes()[1..]), None);
}

#[test]
fn what_is_absent_or_no_value_is_told_from_each_other() {
    let cvv2 = |value: &str| told(&purchase().with(48, value)).unwrap().cvv2;
    assert!(matches!(cvv2("12 05"), Some(Cvv2::Illegible)));
    assert!(cvv2("   05").is_none());
    let authentication = |value: &str| told(&purchase().with(48, value)).unwrap().authentication.unwrap();
    assert_eq!(
        authentication("   X50000"),
        Authentication { indicator: None, has_value: false, malformed: false }
    );
    assert_eq!(
        authentication("   06"),
        Authentication { indicator: Some(6), has_value: false, malformed: false }
    );
    // A code that is none is wrong, and there all the same.
    assert_eq!(told(&purchase().with(63, "not a code at all")).unwrap().order.unwrap().code, [0; 8]);
}

#[test]
fn names_and_numbers_that_need_no_configuration() {
    let name = |request: &Request| {
        let name = request.particulars.as_ref().and_then(|told| told.holder_name);
        name.map(|name| name.reveal().to_owned())
    };
    let plain = purchase().without(55);
    assert_eq!(name(&plain.request()), None);
    let track = plain.clone().with(45, "B4000001234567899^MUSTER/ERIKA.MS^28122011000012345");
    assert_eq!(name(&track.request()).as_deref(), Some("ERIKA MUSTER"));
    let mut objects = chip_objects();
    objects.push((0x5F20, "4D55535445522F4D4158"));
    let chip = purchase().with(55, icc(&objects)).request();
    assert_eq!(name(&chip).as_deref(), Some("MAX MUSTER"));
    assert_eq!(chip.particulars.as_ref().unwrap().chip_pan, None);
    // 5A and 57 of another card than DE 2 and 35.
    objects.retain(|(tag, _)| *tag != 0x57);
    objects.push((0x5A, "4000009876543219"));
    let chip = purchase().with(55, icc(&objects)).request();
    assert_eq!(chip.particulars.unwrap().chip_pan, Pan::parse(b"4000009876543219").ok());
}

#[test]
fn answers_carry_what_there_is_to_tell_at_its_place() {
    let frame = purchase().write("iso87_ascii");
    let message = parse(&frame, Dialect::by_name("iso87_ascii").unwrap()).unwrap();
    let fields = |told: Told| {
        let mut out = Vec::new();
        let conventions = iso::Conventions::default();
        iso::response_with(&conventions, &message, &Response { told, ..approval() }, &extras(), &mut out)
            .unwrap();
        let answer = parse(&out, Dialect::by_name("iso87_ascii").unwrap()).unwrap();
        [38, 39, 44, 54, 60]
            .map(|number| answer.value(number).map(|value| String::from_utf8_lossy(&value).into_owned()))
    };
    let nothing = fields(Told::default());
    assert!(nothing[2].is_none() && nothing[4].is_none() && nothing[0].is_some() && nothing[3].is_some());
    let told = Told {
        reward: RewardCode::parse("R50"),
        address: Some(AddressResult::Address),
        cvv2: Some(Cvv2Result::Match),
    };
    assert_eq!(fields(told)[2].as_deref(), Some(" AM"));
    assert_eq!(fields(told)[4].as_deref(), Some("R50"));
}
