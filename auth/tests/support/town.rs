//! What the random traffic runs on: accounts, cards, terminals and limits.

use crate::bank;
use auth::{
    Account, AccountId, AccountKind, Card, CardStatus, LedgerRules, Limits, Link, LinkName, PinReference,
    Product, Record, Tables, Terminal, TerminalSet, TransactionType,
};
use card::{Currency, Expiry, Pan, TerminalId};

/// Cards on file; the one after them is not.
pub(crate) const CARDS: usize = 3;
/// Two shops and an ATM.
pub(crate) const TERMINALS: usize = 3;

pub(crate) const TRIES: u8 = 3;
pub(crate) const LIMITS: Limits =
    Limits { per_transaction_minor: Some(4_000), daily_minor: Some(6_000), daily_count: Some(4) };
/// Opening balance and credit line of the two accounts. Cards 0 and 1 share the first.
pub(crate) const ACCOUNTS: [(&str, i64, i64); 3] =
    [("main", 12_000, 0), ("credit", 2_000, 4_000), (SAVINGS, 3_000, 0)];
/// A further account of the cards of the first.
const SAVINGS: &str = "savings";
/// How much more than was authorized may be completed, percent.
pub(crate) const TOLERANCE: u8 = 20;

pub(crate) fn tables() -> Tables {
    let product = Product {
        pin_try_limit: TRIES,
        limits: LIMITS.of(TransactionType::Purchase).chain(LIMITS.of(TransactionType::Withdrawal)).collect(),
        ledger: LedgerRules {
            cashback_up_to_minor: Some(500),
            partial_approval: true,
            tolerance_percent: TOLERANCE,
            ..LedgerRules::default()
        },
        ..bank::product("classic", "400000")
    };
    let mut tables = Tables { products: vec![product], ..Tables::default() };
    for terminal in 0..TERMINALS {
        let link = LinkName::new(link(terminal)).expect("a link name");
        let id = TerminalId::new(&id(terminal)).expect("a terminal identification");
        let link =
            tables.links.entry(link).or_insert_with(|| Link::plain(TerminalSet::default(), None, true));
        let allowed = bank::terminal(&TransactionType::SERVED);
        link.terminals.listed.insert(id, Terminal { unreferenced_refunds: terminal == 0, ..allowed });
    }
    tables
}

pub(crate) fn on_file() -> Vec<Record> {
    let accounts = ACCOUNTS.map(|(name, opening_minor, credit_line_minor)| {
        let beside = (name == SAVINGS).then(|| Box::new(account("main")));
        let kind = if beside.is_some() { AccountKind::Savings } else { AccountKind::Default };
        Record::AccountStored(Account {
            id: account(name),
            currency: euro(),
            kind,
            opening_minor,
            credit_line_minor,
            customer: None,
            home: beside,
            customer_home: None,
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
            further: if index / 2 == 0 { Box::new([account(SAVINGS)]) } else { Box::default() },
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
