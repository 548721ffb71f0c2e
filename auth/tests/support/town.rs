//! What the random traffic runs on: accounts, cards, terminals and limits.

use crate::bank;
use auth::{
    Account, AccountId, AccountKind, Card, CardStatus, Limits, Link, LinkName, PinReference, Product, Record,
    Tables, TerminalSet, TransactionType,
};
use card::{Currency, Expiry, Pan, ResponseCode, TerminalId};

/// Cards on file; the one after them is not.
pub(crate) const CARDS: usize = 3;
/// Two shops and an ATM.
pub(crate) const TERMINALS: usize = 3;

pub(crate) const TRIES: u8 = 3;
pub(crate) const LIMITS: Limits =
    Limits { per_transaction_minor: Some(4_000), daily_minor: Some(6_000), daily_count: Some(4) };
/// Opening balance and credit line of the two accounts. Cards 0 and 1 share the first.
pub(crate) const ACCOUNTS: [(&str, i64, i64); 2] = [("main", 12_000, 0), ("credit", 2_000, 4_000)];

pub(crate) fn tables() -> Tables {
    let product = Product {
        pin_try_limit: TRIES,
        limits: LIMITS.of(TransactionType::Purchase).chain(LIMITS.of(TransactionType::Withdrawal)).collect(),
        ..bank::product("classic", "400000")
    };
    let mut tables = Tables { products: vec![product], ..Tables::default() };
    for terminal in 0..TERMINALS {
        let allowed =
            [TransactionType::Purchase, TransactionType::Withdrawal, TransactionType::BalanceInquiry];
        let link = LinkName::new(link(terminal)).expect("a link name");
        let id = TerminalId::new(&id(terminal)).expect("a terminal identification");
        let link = tables.links.entry(link).or_insert_with(|| Link {
            terminals: TerminalSet::default(),
            pin_key: None,
            own: true,
            verification_wanted: ResponseCode::OVER_COUNT_LIMIT,
        });
        link.terminals.listed.insert(id, bank::terminal(&allowed));
    }
    tables
}

pub(crate) fn on_file() -> Vec<Record> {
    let accounts = ACCOUNTS.map(|(name, opening_minor, credit_line_minor)| {
        let kind = AccountKind::Default;
        Record::AccountStored(Account {
            id: account(name),
            currency: euro(),
            kind,
            opening_minor,
            credit_line_minor,
            customer: None,
        })
    });
    let cards = (0..CARDS).map(|index| {
        Record::CardStored(Card {
            pan: pan(index),
            expiry: Expiry::parse_yymm(bank::EXPIRY).expect("a month"),
            start: None,
            status: CardStatus::Active,
            card_sequence: Some(1),
            account: account(ACCOUNTS[index / 2].0),
            pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"4321" }),
        })
    });
    accounts.into_iter().chain(cards).collect()
}

pub(crate) fn pan(card: usize) -> Pan {
    Pan::with_check_digit(format!("40000012345678{card}").as_bytes()).expect("16 digits")
}

pub(crate) fn link(terminal: usize) -> &'static str {
    if terminal == TERMINALS - 1 { "atm" } else { "pos" }
}

pub(crate) fn id(terminal: usize) -> Vec<u8> {
    format!("T{terminal}").into_bytes()
}

pub(crate) fn account(name: &str) -> AccountId {
    AccountId::new(name).expect("an account")
}

pub(crate) fn euro() -> Currency {
    Currency::parse("EUR").expect("ISO 4217")
}
