//! A second account of the same records, in plain collections and without SQL.

use auth::{Funds, Record, Transaction};
use std::collections::BTreeMap;
use transaction_store::{Entry, Event};

/// Everything the records say.
#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) transactions: BTreeMap<u64, Transaction>,
    pub(crate) entries: BTreeMap<u64, Entry>,
    /// Change of each ledger account, by side and name.
    pub(crate) ledger: BTreeMap<(String, String), i64>,
    /// Number and amount by day, link, terminal, type, result.
    pub(crate) totals: BTreeMap<[String; 5], (i64, i64)>,
    pub(crate) card_events: BTreeMap<String, u64>,
    posted: BTreeMap<u64, bool>,
}

impl Oracle {
    pub(crate) fn of(records: &[Record]) -> Oracle {
        let mut oracle = Oracle::default();
        records.iter().for_each(|record| oracle.apply(record));
        oracle
    }

    fn apply(&mut self, record: &Record) {
        let card_event = match record {
            Record::CardStored(_) => Some("stored"),
            Record::CardRemoved(_) => Some("removed"),
            Record::Decided(transaction) => transaction.pin_tries_used.map(|_| "pin_tries"),
            _ => None,
        };
        if let Some(word) = card_event {
            *self.card_events.entry(word.to_owned()).or_default() += 1;
        }
        match record {
            Record::Decided(transaction) => self.decided(transaction),
            Record::Reversed(reversed) => {
                let (before, id) = (self.standing(record), reversed.transaction.number());
                let given_back = before - reversed.remaining_minor;
                if self.posted[&id] {
                    self.post(id, -given_back);
                }
                self.later(record, given_back, "reversed");
            }
            Record::Completed(completed) => {
                let before = self.standing(record);
                if let Some(minor) = completed.dispensed_minor {
                    self.post(completed.transaction.number(), minor);
                    self.posted.insert(completed.transaction.number(), true);
                    self.later(record, before - minor, "reversed");
                } else {
                    self.later(record, 0, "");
                }
            }
            Record::HoldReleased(_) => self.later(record, self.standing(record), "reversed"),
            Record::Credited(credited) => {
                let (link, account) = (credited.link.as_str(), credited.account.as_str());
                *self.ledger.entry(("account".to_owned(), account.to_owned())).or_default() += credited.minor;
                *self.ledger.entry(("settlement".to_owned(), link.to_owned())).or_default() -= credited.minor;
                self.later(record, 0, "");
            }
            // What is on its way is nobody's yet.
            Record::RemittanceSent(_) => self.later(record, 0, ""),
            Record::RemittanceTaken(outcome) => {
                let (link, account) = (outcome.remittance.link.as_str(), outcome.remittance.account.as_str());
                let minor = outcome.moved_minor();
                *self.ledger.entry(("account".to_owned(), account.to_owned())).or_default() += minor;
                *self.ledger.entry(("settlement".to_owned(), link.to_owned())).or_default() -= minor;
                self.later(record, 0, "");
            }
            Record::HoldExpired(_) => self.later(record, self.standing(record), "expired"),
            _ => {}
        }
    }

    fn decided(&mut self, transaction: &Transaction) {
        let id = transaction.id.number();
        self.transactions.insert(id, transaction.clone());
        self.entries.insert(id, Entry::new(transaction));
        self.posted.insert(id, matches!(transaction.funds, Funds::Posted { .. }));
        if let Funds::Posted { minor } = transaction.funds {
            self.post(id, minor);
        }
        let result = if transaction.code.is_approval() { "approved" } else { "declined" };
        self.count(id, transaction.time, result, transaction.amount_minor);
    }

    fn later(&mut self, record: &Record, given_back: i64, result: &str) {
        let (id, event) = Event::of(record).unwrap();
        self.entries.get_mut(&id.number()).unwrap().add(event);
        if given_back != 0 {
            self.count(id.number(), event.time, result, given_back);
        }
    }

    fn standing(&self, record: &Record) -> i64 {
        let (id, _) = Event::of(record).unwrap();
        self.entries[&id.number()].standing_minor
    }

    fn post(&mut self, id: u64, minor: i64) {
        if minor == 0 {
            return;
        }
        let transaction = &self.transactions[&id];
        let account = transaction.account.unwrap().as_str().to_owned();
        *self.ledger.entry(("account".to_owned(), account)).or_default() -= minor;
        let link = transaction.link.as_str().to_owned();
        *self.ledger.entry(("settlement".to_owned(), link)).or_default() += minor;
    }

    fn count(&mut self, id: u64, time: card::Time, result: &str, minor: i64) {
        let transaction = &self.transactions[&id];
        let key = [
            time.to_string()[..10].to_owned(),
            transaction.link.as_str().to_owned(),
            transaction.terminal.as_str().to_owned(),
            transaction.transaction.as_str().to_owned(),
            result.to_owned(),
        ];
        let total = self.totals.entry(key).or_default();
        *total = (total.0 + 1, total.1 + minor);
    }
}
