//! The model: what balances, limits and counters must be, worked out from the records alone with
//! plain sums. Slow, and too simple to be wrong in the same way as the core.

use auth::{
    AccountId, Funds, Recall, Record, StoredTransaction, Transaction, TransactionId, TransactionStatus,
    TransactionType,
};
use card::{CivilDay, Pan};
use std::collections::BTreeMap;

/// Everything that was recorded, and what follows from it.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) entries: BTreeMap<TransactionId, Entry>,
    /// Wrong PINs since the last right one.
    pub(crate) pin_tries: BTreeMap<Pan, u8>,
    pub(crate) highest_atc: BTreeMap<Pan, u16>,
}

pub(crate) struct Entry {
    pub(crate) transaction: Transaction,
    pub(crate) status: TransactionStatus,
    pub(crate) posted_minor: i64,
    pub(crate) held_minor: i64,
    /// What counts against the limits of its day, and whether it counts as one.
    used_minor: i64,
    counts: bool,
}

impl Ledger {
    /// Takes a record, and says what is wrong with it.
    pub(crate) fn take(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::Decided(transaction) => self.decided(transaction),
            Record::Reversed(reversed) => {
                let entry = self.entry(reversed.transaction)?;
                let standing = entry.standing();
                if !(0..standing).contains(&reversed.remaining_minor) {
                    return Err(format!("a reversal leaves {} of {standing}", reversed.remaining_minor));
                }
                let back = standing - reversed.remaining_minor;
                if entry.held_minor > 0 {
                    entry.held_minor -= back;
                } else {
                    entry.posted_minor -= back;
                }
                entry.used_minor -= back;
                entry.counts = reversed.remaining_minor > 0;
                entry.status = match reversed.remaining_minor {
                    0 => TransactionStatus::Reversed,
                    _ => TransactionStatus::PartlyReversed,
                };
                Ok(())
            }
            Record::Completed(completed) => {
                let entry = self.entry(completed.transaction)?;
                if entry.held_minor == 0 {
                    return Err("a completion of nothing held".to_owned());
                }
                let Some(dispensed) = completed.dispensed_minor else {
                    entry.status = TransactionStatus::Suspect;
                    return Ok(());
                };
                if !(0..=entry.held_minor).contains(&dispensed) {
                    return Err(format!("{dispensed} dispensed of {}", entry.held_minor));
                }
                entry.used_minor -= entry.held_minor - dispensed;
                entry.counts = dispensed > 0;
                (entry.held_minor, entry.posted_minor) = (0, dispensed);
                entry.status = match dispensed {
                    0 => TransactionStatus::Reversed,
                    _ => TransactionStatus::Completed,
                };
                Ok(())
            }
            Record::HoldExpired(expired) => {
                let entry = self.entry(expired.transaction)?;
                let Funds::Held { expires: Some(expires), .. } = entry.transaction.funds else {
                    return Err("a hold without term lapsed".to_owned());
                };
                if expired.time < expires || entry.held_minor == 0 {
                    return Err("a hold lapsed that had no reason to".to_owned());
                }
                entry.held_minor = 0;
                entry.status = TransactionStatus::Expired;
                Ok(())
            }
            Record::CardStored(_)
            | Record::AccountStored(_)
            | Record::ReversalRemembered(_)
            | Record::CardRemoved(_)
            | Record::Recalled(_)
            | Record::LimitChanged(_)
            | Record::CardAnswered(_)
            | Record::ScriptQueued(_)
            | Record::ScriptSent(_)
            | Record::ScriptConfirmed(_)
            | Record::PinTriesCleared(_)
            | Record::AccountRemoved(_) => Ok(()),
        }
    }

    fn decided(&mut self, transaction: &Transaction) -> Result<(), String> {
        if let Some(tries) = transaction.pin_tries_used {
            let counted = self.pin_tries.entry(transaction.pan).or_default();
            let right = if transaction.code == card::ResponseCode::WRONG_PIN { *counted + 1 } else { 0 };
            if tries != right {
                return Err(format!("{tries} wrong PINs are recorded, {right} is right"));
            }
            *counted = right;
        }
        if let Some(atc) = transaction.atc {
            let earlier = self.highest_atc.insert(transaction.pan, atc);
            if earlier.is_some_and(|earlier| earlier >= atc) {
                return Err(format!("the chip's counter went from {earlier:?} to {atc}"));
            }
        }
        let (status, held_minor, posted_minor) = match (transaction.funds, transaction.code.is_approval()) {
            (Funds::None, false) => (TransactionStatus::Declined, 0, 0),
            (Funds::None, true) => (TransactionStatus::Approved, 0, 0),
            (Funds::Held { minor, .. }, true) => (TransactionStatus::Approved, minor, 0),
            (Funds::Posted { minor }, true) => (TransactionStatus::Approved, 0, minor),
            (_, false) => return Err("a declined transaction moves money".to_owned()),
        };
        let used_minor = held_minor + posted_minor;
        let moves_money = transaction.transaction != TransactionType::BalanceInquiry;
        if transaction.code.is_approval() && moves_money && used_minor != transaction.amount_minor {
            return Err("an approval moves another amount than asked for".to_owned());
        }
        let transaction = transaction.clone();
        let counts = used_minor > 0;
        let id = transaction.id;
        let entry = Entry { transaction, status, posted_minor, held_minor, used_minor, counts };
        match self.entries.insert(id, entry) {
            None => Ok(()),
            Some(_) => Err(format!("transaction {id} was decided twice")),
        }
    }

    fn entry(&mut self, id: TransactionId) -> Result<&mut Entry, String> {
        self.entries.get_mut(&id).ok_or_else(|| format!("transaction {id} was never decided"))
    }

    /// What a transaction store would find, newest first.
    pub(crate) fn recall(&self, recall: &Recall) -> Vec<StoredTransaction> {
        let asked = (recall.link, recall.terminal, recall.stan);
        let same = |entry: &&Entry| {
            let decided = &entry.transaction;
            (decided.link, decided.terminal, decided.stan) == asked
        };
        self.entries.values().rev().filter(same).map(Entry::stored).collect()
    }

    /// Posted and held by all transactions of the account, minor units.
    pub(crate) fn moved(&self, account: &AccountId) -> (i64, i64) {
        let of_account = self.entries.values().filter(|entry| entry.transaction.account == Some(*account));
        of_account
            .fold((0, 0), |(posted, held), entry| (posted + entry.posted_minor, held + entry.held_minor))
    }

    /// What a card has used of its limits for this type on this day: minor units and number.
    pub(crate) fn used(&self, pan: &Pan, transaction: TransactionType, day: CivilDay) -> (i64, u32) {
        let of_day = self.entries.values().filter(|entry| {
            let decided = &entry.transaction;
            decided.pan == *pan && decided.transaction == transaction && decided.business_day == day
        });
        of_day
            .fold((0, 0), |(minor, count), entry| (minor + entry.used_minor, count + u32::from(entry.counts)))
    }
}

impl Entry {
    fn stored(&self) -> StoredTransaction {
        let mut stored = StoredTransaction::of(&self.transaction);
        (stored.status, stored.standing_minor) = (self.status, self.standing());
        if self.posted_minor > 0 {
            stored.funds = Funds::Posted { minor: self.posted_minor };
        }
        stored
    }

    pub(crate) fn standing(&self) -> i64 {
        self.held_minor + self.posted_minor
    }
}
