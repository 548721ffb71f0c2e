//! The model: what balances, limits and counters must be, worked out from the records alone with
//! plain sums. Slow, and too simple to be wrong in the same way as the core.

use auth::{
    AccountId, Booking, Funds, MessageClass, Recall, Record, Role, StoredTransaction, Transaction,
    TransactionId, TransactionStatus, TransactionType,
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
    /// What transfers have given to accounts, minor units.
    credited: BTreeMap<AccountId, i64>,
}

pub(crate) struct Entry {
    pub(crate) transaction: Transaction,
    pub(crate) status: TransactionStatus,
    pub(crate) posted_minor: i64,
    pub(crate) held_minor: i64,
    /// What counts against the limits of its day, and whether it counts as one.
    used_minor: i64,
    counts: bool,
    /// Day and type under which it counts.
    counted_as: (CivilDay, TransactionType),
}

impl Ledger {
    /// Takes a record, and says what is wrong with it.
    pub(crate) fn take(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::Decided(transaction) => self.decided(transaction),
            Record::Reversed(reversed) => {
                let entry = self.entry(reversed.transaction)?;
                let standing = entry.standing();
                let left = reversed.remaining_minor;
                let less = left.abs() < standing.abs() && left * standing.signum() >= 0;
                if !less {
                    return Err(format!("a reversal leaves {left} of {standing}"));
                }
                let back = standing - reversed.remaining_minor;
                if entry.held_minor > 0 {
                    entry.held_minor -= back;
                } else {
                    entry.posted_minor -= back;
                }
                if entry.counts {
                    entry.used_minor -= back.abs();
                    entry.counts = reversed.remaining_minor != 0;
                }
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
            Record::HoldReleased(released) => {
                let completion = self.entry(released.by)?;
                if completion.transaction.details.booking.as_ref().map(|it| it.role) != Some(Role::Completion)
                {
                    return Err("a hold was released by what completes nothing".to_owned());
                }
                let entry = self.entry(released.transaction)?;
                // Of what lapsed, all stays counted; of what was held, what the completion counts.
                if entry.held_minor != 0 {
                    (entry.held_minor, entry.used_minor, entry.counts) = (0, 0, false);
                }
                entry.status = TransactionStatus::Completed;
                Ok(())
            }
            Record::Credited(credited) => {
                *self.credited.entry(credited.account).or_default() += credited.minor;
                Ok(())
            }
            Record::CardStored(_)
            | Record::AccountStored(_)
            | Record::ReversalRemembered(_)
            | Record::CardRemoved(_)
            | Record::Recalled(_)
            | Record::LimitChanged(_)
            | Record::HotListChanged(_)
            | Record::TokenStored(_)
            | Record::HolderStored(_)
            | Record::TokenRemoved(_)
            | Record::ModeChanged(_)
            | Record::ModeUsed(_)
            | Record::OwnTransfer(_)
            | Record::ConfirmationAsked(_)
            | Record::Alarm(_)
            | Record::CardBlocked(_)
            | Record::CardAnswered(_)
            | Record::ScriptQueued(_)
            | Record::ScriptSent(_)
            | Record::ScriptConfirmed(_)
            | Record::PinTriesCleared(_)
            | Record::RemittanceSent(_)
            | Record::RemittanceTaken(_)
            | Record::RemittanceSettled(_)
            | Record::RemittanceForgotten(_)
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
        let moved_minor = held_minor + posted_minor;
        let booking = transaction.details.booking.clone().unwrap_or_default();
        if transaction.code.is_approval() {
            let asked = booking.approved_minor.unwrap_or(transaction.amount_minor);
            let moves = match (transaction.transaction, transaction.class) {
                (TransactionType::BalanceInquiry | TransactionType::MiniStatement, _) => 0,
                (TransactionType::Refund | TransactionType::Deposit, MessageClass::Financial) => -asked,
                (TransactionType::Refund | TransactionType::Deposit, _) => 0,
                _ => asked,
            };
            // What was posted already is only confirmed.
            let confirms = transaction.class == MessageClass::Advice && moved_minor == 0;
            if moved_minor != moves && !confirms {
                return Err(format!("an approval moves {moved_minor} in the place of {moves}"));
            }
        }
        self.check_original(transaction, &booking, moved_minor)?;
        let kind = transaction.transaction;
        let late = booking.role == Role::Completion && booking.counted_at.is_none();
        let counts = moved_minor > 0 && kind != TransactionType::Transfer && !late;
        let used_minor = if counts { moved_minor } else { 0 };
        let day = booking.counted_at.map_or(transaction.business_day, |(day, _)| day);
        let transaction = transaction.clone();
        let id = transaction.id;
        let counted_as = (day, kind);
        let entry = Entry { transaction, status, posted_minor, held_minor, used_minor, counts, counted_as };
        match self.entries.insert(id, entry) {
            None => Ok(()),
            Some(_) => Err(format!("transaction {id} was decided twice")),
        }
    }

    /// What is about an earlier transaction stays within it.
    fn check_original(&self, decided: &Transaction, booking: &Booking, minor: i64) -> Result<(), String> {
        let Some(original) = booking.original.filter(|_| minor != 0) else { return Ok(()) };
        let Some(original) = self.entries.get(&original) else {
            return Err("an original is unknown".to_owned());
        };
        if original.transaction.pan != decided.pan {
            return Err("an original is of another card".to_owned());
        }
        match booking.role {
            Role::Own => Err("it is about something, and nothing to it".to_owned()),
            Role::Increment if original.held_minor == 0 => Err("more is held for nothing".to_owned()),
            Role::Increment => Ok(()),
            Role::Completion => {
                let about = |entry: &&Entry| {
                    let of = entry.transaction.details.booking.as_ref();
                    of.is_some_and(|of| of.original == Some(original.transaction.id))
                };
                let others = || self.entries.values().filter(about);
                let completed = |entry: &Entry| entry.posted_minor > 0;
                if others().any(completed) {
                    return Err("completed a second time".to_owned());
                }
                let raised: i64 = others().map(|entry| entry.transaction.funds.minor()).sum();
                let authorized = original.transaction.funds.minor() + raised;
                let most = authorized + authorized * i64::from(crate::town::TOLERANCE) / 100;
                if minor > most { Err(format!("completed {minor} of {most}")) } else { Ok(()) }
            }
            Role::Refund => {
                let refunds = self.entries.values().filter(|entry| {
                    let of = entry.transaction.details.booking.as_ref();
                    of.is_some_and(|of| {
                        of.role == Role::Refund && of.original == Some(original.transaction.id)
                    })
                });
                let given: i64 = refunds.map(|entry| -entry.posted_minor).sum();
                if given - minor > original.posted_minor {
                    return Err(format!("{} refunded of {}", given - minor, original.posted_minor));
                }
                Ok(())
            }
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
        let (posted, held) = of_account
            .fold((0, 0), |(posted, held), entry| (posted + entry.posted_minor, held + entry.held_minor));
        (posted - self.credited.get(account).copied().unwrap_or(0), held)
    }

    /// What a card has used of its limits for this type on this day: minor units and number.
    pub(crate) fn used(&self, pan: &Pan, transaction: TransactionType, day: CivilDay) -> (i64, u32) {
        let of_day = self.entries.values().filter(|entry| {
            let (counted_day, counted_type) = entry.counted_as;
            let same_type = match transaction {
                TransactionType::Withdrawal => counted_type == TransactionType::Withdrawal,
                _ => matches!(counted_type, TransactionType::Purchase | TransactionType::Cashback),
            };
            entry.transaction.pan == *pan && same_type && counted_day == day
        });
        of_day
            .fold((0, 0), |(minor, count), entry| (minor + entry.used_minor, count + u32::from(entry.counts)))
    }
}

impl Entry {
    fn stored(&self) -> StoredTransaction {
        let mut stored = StoredTransaction::of(&self.transaction);
        (stored.status, stored.standing_minor) = (self.status, self.standing());
        if self.posted_minor != 0 {
            stored.funds = Funds::Posted { minor: self.posted_minor };
        }
        stored
    }

    pub(crate) fn standing(&self) -> i64 {
        self.held_minor + self.posted_minor
    }
}
