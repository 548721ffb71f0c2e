//! The bank of the tests: one product with all its keys, and what its cards put into a request.

use arrayvec::ArrayVec;
use auth::{
    Chip, ChipFinding, ChipRules, EntryMode, Key, LinkName, MessageClass, OnlinePin, PinKey, PinKeyKind,
    PinMethod, PointOfService, Product, Reaction, ReplyTo, Request, Terminal, TransactionType,
    TransmissionTime,
};
use card::{Expiry, Pan, PinBlock, Scheme, Stan, TerminalId, Track2};
use std::sync::Arc;

/// Cards of the tests are valid up to this month.
pub(crate) const EXPIRY: &[u8; 4] = b"2912";

/// Visa cards with PVV, CVV and chip, without limits; three wrong PINs lock the PIN. Whether a stripe was
/// copied from a chip is not asked, so that a scenario about something else is not about this.
pub(crate) fn product(name: &str, prefix: &str) -> Product {
    Product {
        cvk: Some(key("cvk")),
        pin: Some(PinMethod::Pvv(key("pvk"))),
        issuer_master_keys: vec![(1, key("imk-1"))],
        chip_rules: ChipRules::default().with(ChipFinding::ChipTrackOnStripe, Reaction::Ignore),
        ..Product::plain(name, vec![prefix.to_owned()], Scheme::Visa)
    }
}

/// A terminal with a PIN key.
pub(crate) fn terminal(allowed: &[TransactionType]) -> Terminal {
    let pin_key = PinKey { key: key("tpk"), kind: PinKeyKind::Tpk, format: *b"01" };
    Terminal {
        active: true,
        allowed: allowed.to_vec(),
        merchant: None,
        pin_key: Some(pin_key),
        reads_chip: None,
        attended: None,
        unreferenced_refunds: false,
    }
}

pub(crate) fn key(name: &str) -> Arc<Key> {
    Arc::new(Key { name: name.to_owned(), cryptogram: "U0123456789ABCDEF0123456789ABCDEF".to_owned() })
}

/// A purchase in EUR, keyed in: it proves nothing until a chip, a track or a PIN is added.
pub(crate) fn purchase(link: &str, terminal: &[u8], pan: Pan, stan: u32, amount_minor: i64) -> Request {
    Request {
        reply_to: ReplyTo { connection: 1, slot: 0 },
        link: LinkName::new(link).expect("a link name"),
        class: MessageClass::Authorization,
        transaction: TransactionType::Purchase,
        account_type: auth::AccountType::Default,
        pan,
        expiry: None,
        card_sequence: None,
        amount_minor,
        currency: 978,
        stan: Stan::new(stan).expect("six digits"),
        rrn: None,
        transmission: TransmissionTime::default(),
        terminal: TerminalId::new(terminal).expect("a terminal identification"),
        merchant: None,
        mcc: 5999,
        country: 276,
        entry: EntryMode::Manual,
        point_of_service: PointOfService::default(),
        stated: auth::Stated::default(),
        track2: None,
        token: None,
        particulars: None,
        pin_block: None,
        new_pin: None,
        chip: None,
        cash: None,
        instruction: auth::Instruction::default(),
        one_time_code: None,
    }
}

/// What the chip signs, under cryptogram version `cvn` of derivation key index 1.
pub(crate) fn chip(cvn: u8, atc: u16, amount_minor: i64) -> Box<Chip> {
    let issuer_application_data: ArrayVec<u8, 32> = [6, 1, cvn, 3, 0xA0, 0, 0].into_iter().collect();
    Box::new(Chip {
        amount_authorised: bcd(amount_minor),
        amount_other: [0; 6],
        terminal_country: [0x02, 0x76],
        tvr: [0; 5],
        currency: [0x09, 0x78],
        date: [0x26, 0x06, 0x15],
        transaction_type: 0,
        unpredictable_number: [0xDE, 0xAD, 0xBE, 0xEF],
        aip: [0x18, 0],
        atc,
        issuer_application_data,
        cryptogram: [0x5A; 8],
        cryptogram_information: 0x80,
        cvm_results: None,
        terminal_qualifiers: None,
        card_qualifiers: None,
        script_results: ArrayVec::new(),
    })
}

/// Track 2 with service code 201, PVKI 1, a PVV of zeros and this CVV.
pub(crate) fn track2(pan: &Pan, cvv: &str) -> Track2 {
    let expiry = Expiry::parse_yymm(EXPIRY).expect("a month").to_yymm();
    let expiry = std::str::from_utf8(&expiry).expect("digits");
    let text = format!("{}={expiry}20110000{cvv}00", pan.reveal().as_str());
    Track2::parse(text.as_bytes()).expect("the layout of ISO/IEC 7813")
}

pub(crate) fn pin_block() -> OnlinePin {
    OnlinePin::from(PinBlock::new([0xC0, 0xFF, 0xEE, 0x12, 0x34, 0x56, 0x78, 0x9A]))
}

pub(crate) fn bcd<const N: usize>(minor: i64) -> [u8; N] {
    let mut bytes = [0; N];
    let mut rest = minor.unsigned_abs();
    for byte in bytes.iter_mut().rev() {
        *byte = (rest % 10 + rest / 10 % 10 * 16) as u8;
        rest /= 100;
    }
    bytes
}
