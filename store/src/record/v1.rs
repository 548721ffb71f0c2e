//! Records as format 1 had them, until 2026-11-26: those about a transaction did not say what it was before,
//! and a receipt stood before the version of the tables.

use auth::{
    Account, AccountId, Balance, Card, Cash, Completed, EntryMode, Funds, HoldExpired, IssuerAuthentication,
    LinkName, MessageClass, Receipt, Record, RememberedReversal, Reversed, Transaction, TransactionId,
    TransactionType, TransmissionTime,
};
use card::{CivilDay, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) enum RecordV1 {
    CardStored(Card),
    AccountStored(Account),
    Decided(Box<TransactionV1>),
    Reversed(ReversedV1),
    ReversalRemembered(RememberedReversal),
    Completed(CompletedV1),
    HoldExpired(HoldExpiredV1),
}

#[derive(Deserialize)]
pub(super) struct TransactionV1 {
    id: TransactionId,
    time: Time,
    business_day: CivilDay,
    link: LinkName,
    terminal: TerminalId,
    merchant: Option<MerchantId>,
    mcc: u16,
    class: MessageClass,
    transaction: TransactionType,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    stan: Stan,
    rrn: Option<Rrn>,
    transmission: TransmissionTime,
    amount_minor: i64,
    currency: u16,
    entry: EntryMode,
    code: ResponseCode,
    authorization_id: Option<[u8; 6]>,
    issuer_authentication: Option<IssuerAuthentication>,
    balance: Option<Balance>,
    account: Option<AccountId>,
    funds: Funds,
    pin_tries_used: Option<u8>,
    atc: Option<u16>,
    cash: Option<Cash>,
    flags: u64,
    receipt: Receipt,
    tables_version: u32,
}

#[derive(Deserialize)]
pub(super) struct ReversedV1 {
    transaction: TransactionId,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    time: Time,
    remaining_minor: i64,
}

#[derive(Deserialize)]
pub(super) struct CompletedV1 {
    transaction: TransactionId,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    time: Time,
    dispensed_minor: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct HoldExpiredV1 {
    transaction: TransactionId,
    #[serde(with = "card::sealed_pan")]
    pan: Pan,
    time: Time,
}

impl From<RecordV1> for Record {
    fn from(record: RecordV1) -> Record {
        match record {
            RecordV1::CardStored(card) => Record::CardStored(card),
            RecordV1::AccountStored(account) => Record::AccountStored(account),
            RecordV1::Decided(transaction) => Record::Decided(Box::new((*transaction).into())),
            RecordV1::Reversed(ReversedV1 { transaction, pan, time, remaining_minor }) => {
                Record::Reversed(Reversed { transaction, pan, time, remaining_minor, origin: None })
            }
            RecordV1::ReversalRemembered(remembered) => Record::ReversalRemembered(remembered),
            RecordV1::Completed(CompletedV1 { transaction, pan, time, dispensed_minor }) => {
                Record::Completed(Completed { transaction, pan, time, dispensed_minor, origin: None })
            }
            RecordV1::HoldExpired(HoldExpiredV1 { transaction, pan, time }) => {
                Record::HoldExpired(HoldExpired { transaction, pan, time, origin: None })
            }
        }
    }
}

impl From<TransactionV1> for Transaction {
    fn from(old: TransactionV1) -> Transaction {
        Transaction {
            id: old.id,
            time: old.time,
            business_day: old.business_day,
            link: old.link,
            terminal: old.terminal,
            merchant: old.merchant,
            mcc: old.mcc,
            class: old.class,
            transaction: old.transaction,
            pan: old.pan,
            stan: old.stan,
            rrn: old.rrn,
            transmission: old.transmission,
            amount_minor: old.amount_minor,
            currency: old.currency,
            entry: old.entry,
            code: old.code,
            authorization_id: old.authorization_id,
            issuer_authentication: old.issuer_authentication,
            balance: old.balance,
            account: old.account,
            funds: old.funds,
            pin_tries_used: old.pin_tries_used,
            atc: old.atc,
            cash: old.cash,
            flags: old.flags,
            tables_version: old.tables_version,
            receipt: old.receipt,
        }
    }
}
