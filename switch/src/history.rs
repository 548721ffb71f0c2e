//! Transactions as the journal tells them, for the tools: each decision with what came after it.

use crate::recovery::{self, RecoveryError};
use crate::settings::Settings;
use auth::{Funds, Record, Transaction, TransactionId, TransactionStatus};
use card::{Amount, Currency, Time};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One transaction with its later events.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The decision.
    pub transaction: Transaction,
    /// What came after, oldest first.
    pub events: Vec<Event>,
    /// Where it stands now.
    pub status: TransactionStatus,
    /// What of it stands now, minor units: held or posted.
    pub standing_minor: i64,
}

/// Something that happened to a decided transaction.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When.
    pub time: Time,
    /// What.
    pub kind: EventKind,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Given back, down to this many minor units.
    Reversed(i64),
    /// The ATM dispensed this many minor units.
    Dispensed(i64),
    /// The ATM could not say what it dispensed.
    Suspect,
    /// The hold ran out.
    HoldExpired,
}

/// Reads the transactions that `wanted` accepts, oldest first, with their events.
///
/// # Errors
/// When the journal cannot be read.
pub fn read(settings: &Settings, wanted: impl Fn(&Transaction) -> bool) -> Result<Vec<Entry>, RecoveryError> {
    let mut entries: BTreeMap<TransactionId, Entry> = BTreeMap::new();
    recovery::read_records(settings, |record| {
        let (id, event) = match record {
            Record::Decided(transaction) => {
                if wanted(&transaction) {
                    entries.insert(transaction.id, Entry::new(*transaction));
                }
                return Ok(());
            }
            Record::Reversed(reversed) => {
                let kind = EventKind::Reversed(reversed.remaining_minor);
                (reversed.transaction, Event { time: reversed.time, kind })
            }
            Record::Completed(completed) => {
                let kind = completed.dispensed_minor.map_or(EventKind::Suspect, EventKind::Dispensed);
                (completed.transaction, Event { time: completed.time, kind })
            }
            Record::HoldExpired(expired) => {
                (expired.transaction, Event { time: expired.time, kind: EventKind::HoldExpired })
            }
            Record::CardStored(_)
            | Record::AccountStored(_)
            | Record::ReversalRemembered(_)
            | Record::CardRemoved(_)
            | Record::Recalled(_)
            | Record::AccountRemoved(_) => return Ok(()),
        };
        if let Some(entry) = entries.get_mut(&id) {
            entry.add(event);
        }
        Ok(())
    })?;
    let mut entries: Vec<Entry> = entries.into_values().collect();
    entries.sort_by_key(|entry| (entry.transaction.time, entry.transaction.id));
    Ok(entries)
}

impl Entry {
    fn new(transaction: Transaction) -> Entry {
        let status = if transaction.code.is_approval() {
            TransactionStatus::Approved
        } else {
            TransactionStatus::Declined
        };
        let standing_minor = match transaction.funds {
            Funds::None => 0,
            Funds::Held { minor, .. } | Funds::Posted { minor } => minor,
        };
        Entry { transaction, events: Vec::new(), status, standing_minor }
    }

    fn add(&mut self, event: Event) {
        self.events.push(event);
        (self.status, self.standing_minor) = match event.kind {
            EventKind::Reversed(0) | EventKind::Dispensed(0) => (TransactionStatus::Reversed, 0),
            EventKind::Reversed(remaining) => (TransactionStatus::PartlyReversed, remaining),
            EventKind::Dispensed(minor) => (TransactionStatus::Completed, minor),
            EventKind::Suspect => (TransactionStatus::Suspect, self.standing_minor),
            EventKind::HoldExpired => (TransactionStatus::Expired, 0),
        };
    }

    /// An amount of this transaction for people; the bare number when the currency does not exist.
    #[must_use]
    pub fn amount(&self, minor: i64) -> String {
        match Currency::from_numeric(self.transaction.currency) {
            Ok(currency) => Amount::new(minor, currency).to_string(),
            Err(_) => format!("{minor} (minor units of {:03})", self.transaction.currency),
        }
    }

    /// The entry without its receipt, PAN masked.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let transaction = &self.transaction;
        let text =
            |digits: &Option<[u8; 6]>| digits.map(|digits| String::from_utf8_lossy(&digits).into_owned());
        json!({
            "id": transaction.id.0,
            "time": transaction.time.to_string(),
            "link": transaction.link.as_str(),
            "terminal": transaction.terminal.as_str(),
            "merchant": transaction.merchant.as_ref().map(card::MerchantId::as_str),
            "pan": transaction.pan.to_string(),
            "stan": transaction.stan.to_string(),
            "rrn": transaction.rrn.as_ref().map(card::Rrn::as_str),
            "transaction": transaction.transaction.as_str(),
            "class": transaction.class,
            "entry_mode": transaction.entry.as_str(),
            "amount_minor": transaction.amount_minor,
            "currency": format!("{:03}", transaction.currency),
            "approved": transaction.code.is_approval(),
            "code": transaction.code.as_str(),
            "meaning": transaction.code.meaning(),
            "capture": transaction.code.is_capture(),
            "authorization_id": text(&transaction.authorization_id),
            "status": self.status.as_str(),
            "standing_minor": self.standing_minor,
            "notes": transaction.cash.and_then(|cash| cash.notes),
            "account": transaction.account.map(|account| account.as_str().to_owned()),
        })
    }
}
