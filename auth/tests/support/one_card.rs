//! One card at one terminal, and a request that asks the HSM about everything at once.

use crate::bank;
use auth::{
    Account, AccountId, AccountKind, Card, CardStatus, ChecksReply, Core, CryptogramResult, CvvResult,
    Effect, EntryMode, Input, Link, LinkName, PinReference, PinResult, Product, Record, Request, ShardIndex,
    Tables, TerminalSet, TransactionType,
};
use card::{Currency, Expiry, Pan, TerminalId, Time};
use std::sync::Arc;

/// No group of its digits occurs anywhere else in these tests.
pub(crate) const PAN: &[u8] = b"4000003141592655";
pub(crate) const CVV: &str = "867";
pub(crate) const LINK: &str = "pos";
pub(crate) const TERMINAL: &[u8] = b"POS00001";

/// A core with the card on file and 100.00 EUR on its account.
pub(crate) fn core(product: Product, pin: PinReference) -> Core {
    let mut core = Core::new(ShardIndex(0), Arc::new(tables(product)));
    core.replay(&Record::AccountStored(Account {
        id: account(),
        currency: Currency::parse("EUR").expect("ISO 4217"),
        kind: AccountKind::Default,
        opening_minor: 10_000,
        credit_line_minor: 0,
        customer: None,
        home: None,
        customer_home: None,
    }));
    core.replay(&Record::CardStored(card_on_file(pin)));
    core
}

pub(crate) fn tables(product: Product) -> Tables {
    let mut terminals = TerminalSet::default();
    let id = TerminalId::new(TERMINAL).expect("a terminal identification");
    terminals.listed.insert(id, bank::terminal(&[TransactionType::Purchase]));
    let mut tables = Tables { products: vec![product], ..Tables::default() };
    let link = LinkName::new(LINK).expect("a link name");
    tables.links.insert(link, Link::plain(terminals, None, true));
    tables
}

pub(crate) fn card_on_file(pin: PinReference) -> Card {
    Card {
        pan: pan(),
        expiry: Expiry::parse_yymm(bank::EXPIRY).expect("a month"),
        start: None,
        status: CardStatus::Active,
        card_sequence: None,
        account: account(),
        pin: Some(pin),
        further: Box::default(),
    }
}

/// Chip, track and PIN.
pub(crate) fn full_request(stan: u32) -> Request {
    Request {
        entry: EntryMode::Fallback,
        expiry: Expiry::parse_yymm(bank::EXPIRY).ok(),
        track2: Some(bank::track2(&pan(), CVV)),
        pin_block: Some(bank::pin_block()),
        chip: Some(bank::chip(18, 1, 1_200)),
        ..bank::purchase(LINK, TERMINAL, pan(), stan, 1_200)
    }
}

pub(crate) fn all_right() -> ChecksReply {
    ChecksReply {
        cvv2: None,
        order: None,
        pin: Some(PinResult::Right),
        cvv: Some(CvvResult::Right),
        icvv: None,
        cryptogram: Some(CryptogramResult::Right { arpc: [0x11; 8] }),
        ..ChecksReply::default()
    }
}

pub(crate) fn step(core: &mut Core, input: Input) -> Vec<Effect> {
    let mut effects = Vec::new();
    core.step(Time::from_unix_ms(1_781_524_800_000), input, &mut effects);
    effects
}

pub(crate) fn pan() -> Pan {
    Pan::parse(PAN).expect("16 digits")
}

pub(crate) fn account() -> AccountId {
    AccountId::new("main").expect("an account")
}
