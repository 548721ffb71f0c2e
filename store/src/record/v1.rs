//! Records as format 1 had them, until 2026-11-26: those about a transaction did not say what it was before,
//! and a receipt stood before the version of the tables.

use super::head::Head;
use super::v2::{AccountV2, CardV2};
use auth::{Completed, HoldExpired, Receipt, Record, RememberedReversal, Reversed, TransactionId};
use card::{Pan, Time};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) enum RecordV1 {
    CardStored(CardV2),
    AccountStored(AccountV2),
    Decided(Box<TransactionV1>),
    Reversed(ReversedV1),
    ReversalRemembered(RememberedReversal),
    Completed(CompletedV1),
    HoldExpired(HoldExpiredV1),
}

#[derive(Deserialize)]
pub(super) struct TransactionV1 {
    head: Head,
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
            RecordV1::CardStored(card) => Record::CardStored(card.into()),
            RecordV1::AccountStored(account) => Record::AccountStored(account.into()),
            RecordV1::Decided(transaction) => {
                let TransactionV1 { head, receipt, tables_version } = *transaction;
                Record::Decided(Box::new(head.with_day(tables_version, receipt)))
            }
            RecordV1::Reversed(ReversedV1 { transaction, pan, time, remaining_minor }) => {
                Record::Reversed(Reversed {
                    transaction,
                    pan,
                    time,
                    remaining_minor,
                    origin: None,
                    shares: None,
                })
            }
            RecordV1::ReversalRemembered(remembered) => Record::ReversalRemembered(remembered),
            RecordV1::Completed(CompletedV1 { transaction, pan, time, dispensed_minor }) => {
                Record::Completed(Completed {
                    transaction,
                    pan,
                    time,
                    dispensed_minor,
                    origin: None,
                    shares: None,
                })
            }
            RecordV1::HoldExpired(HoldExpiredV1 { transaction, pan, time }) => {
                Record::HoldExpired(HoldExpired { transaction, pan, time, origin: None })
            }
        }
    }
}
