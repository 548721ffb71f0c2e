//! Records as format 2 had them, until 2026-11-27: an account named no customer, a transaction had no details, and
//! what a record said of the transaction before it named no counters.

use super::head::Head;
use auth::{
    Account, AccountId, AccountKind, AccountRemoved, Balance, Card, CardRemoved, CardStatus, Cash, Completed,
    Counted, Funds, HoldExpired, IssuerAuthentication, LinkName, MessageClass, Origin, PinReference, Receipt,
    Record, RememberedReversal, Reversed, StoredTransaction, Told, TransactionId, TransactionStatus,
    TransactionType, TransmissionTime,
};
use card::{CivilDay, Currency, Expiry, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) enum RecordV2 {
    CardStored(CardV2),
    AccountStored(AccountV2),
    Decided(Box<TransactionV2>),
    Reversed(ReversedV2),
    ReversalRemembered(RememberedReversal),
    Completed(CompletedV2),
    HoldExpired(HoldExpiredV2),
    CardRemoved(CardRemoved),
    AccountRemoved(AccountRemoved),
    Recalled(Box<StoredV2>),
}

#[derive(Deserialize)]
pub(super) struct CardV2 {
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    expiry: Expiry,
    start: Option<Expiry>,
    status: CardStatus,
    card_sequence: Option<u8>,
    account: AccountId,
    pin: Option<PinReference>,
}

#[derive(Deserialize)]
pub(super) struct AccountV2 {
    id: AccountId,
    currency: Currency,
    kind: AccountKind,
    opening_minor: i64,
    credit_line_minor: i64,
}

#[derive(Deserialize)]
pub(super) struct TransactionV2 {
    head: Head,
    tables_version: u32,
    receipt: Receipt,
}

#[derive(Deserialize)]
pub(super) struct ReversedV2 {
    transaction: TransactionId,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    time: Time,
    remaining_minor: i64,
    origin: Option<OriginV2>,
}

#[derive(Deserialize)]
pub(super) struct CompletedV2 {
    transaction: TransactionId,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    time: Time,
    dispensed_minor: Option<i64>,
    origin: Option<OriginV2>,
}

#[derive(Deserialize)]
pub(super) struct HoldExpiredV2 {
    transaction: TransactionId,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    time: Time,
    origin: Option<OriginV2>,
}

#[derive(Deserialize)]
pub(super) struct OriginV2 {
    link: LinkName,
    account: AccountId,
    transaction: TransactionType,
    business_day: CivilDay,
    standing_minor: i64,
    posted: bool,
}

#[derive(Deserialize)]
pub(super) struct StoredV2 {
    id: TransactionId,
    time: Time,
    business_day: CivilDay,
    link: LinkName,
    terminal: TerminalId,
    class: MessageClass,
    transaction: TransactionType,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    stan: Stan,
    rrn: Option<Rrn>,
    transmission: TransmissionTime,
    amount_minor: i64,
    currency: u16,
    code: ResponseCode,
    authorization_id: Option<[u8; 6]>,
    issuer_authentication: Option<IssuerAuthentication>,
    balance: Option<Balance>,
    account: Option<AccountId>,
    funds: Funds,
    cash: Option<Cash>,
    status: TransactionStatus,
    standing_minor: i64,
    reported: bool,
}

impl From<CardV2> for Card {
    fn from(old: CardV2) -> Card {
        let CardV2 { pan, expiry, start, status, card_sequence, account, pin } = old;
        Card { pan, expiry, start, status, card_sequence, account, pin, further: Box::default() }
    }
}

impl From<AccountV2> for Account {
    fn from(old: AccountV2) -> Account {
        let AccountV2 { id, currency, kind, opening_minor, credit_line_minor } = old;
        Account {
            id,
            currency,
            kind,
            opening_minor,
            credit_line_minor,
            customer: None,
            home: None,
            customer_home: None,
        }
    }
}

impl OriginV2 {
    /// Its day alone says what counted it, so any moment will do, and any terminal.
    fn into_origin(self, time: Time) -> Origin {
        Origin {
            link: self.link,
            account: self.account,
            transaction: self.transaction,
            business_day: self.business_day,
            standing_minor: self.standing_minor,
            posted: self.posted,
            time,
            terminal: TerminalId::new(b"-").expect("one character"),
            merchant: None,
            customer: None,
            counted: Counted::of_day(self.transaction),
            shares: None,
            refunds: None,
            traces: auth::Traces::default(),
        }
    }
}

impl From<StoredV2> for StoredTransaction {
    fn from(old: StoredV2) -> StoredTransaction {
        let counted = match old.funds {
            Funds::None => Counted::default(),
            Funds::Held { .. } | Funds::Posted { .. } => Counted::of_day(old.transaction),
        };
        StoredTransaction {
            id: old.id,
            time: old.time,
            business_day: old.business_day,
            link: old.link,
            terminal: old.terminal,
            merchant: None,
            class: old.class,
            transaction: old.transaction,
            pan: old.pan,
            stan: old.stan,
            rrn: old.rrn,
            transmission: old.transmission,
            amount_minor: old.amount_minor,
            currency: old.currency,
            code: old.code,
            authorization_id: old.authorization_id,
            issuer_authentication: old.issuer_authentication,
            balance: old.balance,
            account: old.account,
            funds: old.funds,
            cash: old.cash,
            status: old.status,
            standing_minor: old.standing_minor,
            reported: old.reported,
            customer: None,
            counted,
            billed: None,
            booking: None,
            life: None,
            told: Told::default(),
            traces: None,
            script: None,
        }
    }
}

impl From<RecordV2> for Record {
    fn from(record: RecordV2) -> Record {
        match record {
            RecordV2::CardStored(card) => Record::CardStored(card.into()),
            RecordV2::AccountStored(account) => Record::AccountStored(account.into()),
            RecordV2::Decided(transaction) => {
                let TransactionV2 { head, tables_version, receipt } = *transaction;
                Record::Decided(Box::new(head.with_day(tables_version, receipt)))
            }
            RecordV2::Reversed(ReversedV2 { transaction, pan, time, remaining_minor, origin }) => {
                let origin = origin.map(|origin| origin.into_origin(time));
                Record::Reversed(Reversed { transaction, pan, time, remaining_minor, origin, shares: None })
            }
            RecordV2::ReversalRemembered(remembered) => Record::ReversalRemembered(remembered),
            RecordV2::Completed(CompletedV2 { transaction, pan, time, dispensed_minor, origin }) => {
                let origin = origin.map(|origin| origin.into_origin(time));
                Record::Completed(Completed { transaction, pan, time, dispensed_minor, origin, shares: None })
            }
            RecordV2::HoldExpired(HoldExpiredV2 { transaction, pan, time, origin }) => {
                let origin = origin.map(|origin| origin.into_origin(time));
                Record::HoldExpired(HoldExpired { transaction, pan, time, origin })
            }
            RecordV2::CardRemoved(removed) => Record::CardRemoved(removed),
            RecordV2::AccountRemoved(removed) => Record::AccountRemoved(removed),
            RecordV2::Recalled(stored) => Record::Recalled(Box::new((*stored).into())),
        }
    }
}
