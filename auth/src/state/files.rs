//! What the state keeps of each card, account, terminal and transaction.

use super::counters::Counters;
use super::seldom::Seldom;
use super::terminal_clock::TerminalClock;
use crate::effect::Balance;
use crate::indexed::Entry;
use crate::limits::{ATC_WINDOW, LARGEST_LEDGER_MINOR, SHARDS};
use crate::names::{AccountId, LinkName, TransactionId};
use crate::own_limits::OwnLimits;
use crate::record::{Account, Card};
use crate::stored::StoredTransaction;
use crate::verification::Unverified;
use card::{Pan, Stan, TerminalId, Time};
use hashbrown::DefaultHashBuilder;
use serde::{Deserialize, Serialize};

/// A card with its counters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardFile {
    pub(crate) card: Card,
    pub(crate) pin_tries_used: u8,
    pub(crate) highest_atc: Option<u16>,
    /// Which counters behind the highest one were accepted: bit 0 is the one before it.
    pub(crate) taken_atcs: u64,
    pub(crate) counters: Counters,
    /// How many tokens stand for it.
    pub(crate) tokens: u8,
    /// Contactless transactions since the last verification.
    pub(crate) unverified: Unverified,
    pub(super) seldom: Option<Box<Seldom>>,
}

// A million cards are a million of these, and as many accounts; twice so much while a snapshot is written.
const _: () = assert!(size_of::<CardFile>() <= 168 && size_of::<AccountFile>() <= 144);

/// The chip counters that were accepted of a card or a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChipCounter {
    pub(crate) highest: Option<u16>,
    /// Which ones behind the highest: bit 0 is the one before it.
    pub(super) taken: u64,
}

/// An account with its balance. Minor units of its currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountFile {
    pub(crate) account: Account,
    pub(crate) ledger_minor: i64,
    pub(crate) held_minor: i64,
    /// Only limits by account count here, and most have none.
    pub(crate) counters: Option<Box<Counters>>,
    pub(crate) own_limits: Option<Box<OwnLimits>>,
    /// How many cards draw on it.
    pub(super) cards: u32,
    /// Its newest transaction, behind which are the others that are in memory. It may have left.
    #[serde(skip)]
    pub(super) newest: Option<TransactionId>,
}

/// The newest transaction of a terminal: an ATM's serial numbers go on from its STAN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewestOfTerminal {
    /// Acquiring link.
    pub link: LinkName,
    /// Terminal or ATM.
    pub terminal: TerminalId,
    /// When it was decided.
    pub time: Time,
    /// Its number.
    pub id: TransactionId,
    /// Its STAN.
    pub stan: Stan,
    pub(super) clock: TerminalClock,
}

/// A transaction in memory.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) stored: StoredTransaction,
    /// The one before it under its fingerprint.
    pub(super) previous: Option<TransactionId>,
    /// The ones before it of the account that it draws on, and of the one that it gives to.
    pub(super) before: [Option<TransactionId>; 2],
}

impl Entry for CardFile {
    type Key = Pan;

    fn key(&self) -> Pan {
        self.card.pan
    }

    fn touch(&self) -> u64 {
        let used = self.counters.cells().len() as u64;
        used ^ u64::from(self.highest_atc.unwrap_or(0)) ^ self.card.account.as_str().len() as u64
    }
}

impl Entry for AccountFile {
    type Key = AccountId;

    fn key(&self) -> AccountId {
        self.account.id
    }

    fn touch(&self) -> u64 {
        self.ledger_minor as u64 ^ u64::from(self.cards) ^ self.account.id.as_str().len() as u64
    }
}

impl Entry for Kept {
    type Key = TransactionId;

    fn key(&self) -> TransactionId {
        self.stored.id
    }

    /// Numbers that follow one another lie side by side, for they come and go together; each shard's begin
    /// somewhere else.
    fn hash(id: &TransactionId, _: &DefaultHashBuilder) -> u32 {
        let (counter, shard) = (id.number() / SHARDS as u64, id.number() % SHARDS as u64);
        let place = (counter as u32).wrapping_add((shard as u32).wrapping_mul(0x9E37_79B1));
        place ^ place << 25
    }

    fn touch(&self) -> u64 {
        let StoredTransaction { link, time, pan, code, standing_minor, issuer_authentication, .. } =
            &self.stored;
        let start = time.unix_ms as u64 ^ pan.spread() ^ link.as_str().len() as u64;
        start
            ^ *standing_minor as u64
            ^ u64::from(code.is_approval())
            ^ u64::from(issuer_authentication.is_some())
    }
}

impl Entry for NewestOfTerminal {
    type Key = (LinkName, TerminalId);

    fn key(&self) -> (LinkName, TerminalId) {
        (self.link, self.terminal)
    }

    fn touch(&self) -> u64 {
        self.id.number()
    }
}

impl CardFile {
    pub(super) fn take_atc(&mut self, atc: u16) {
        let mut counter = self.chip_counter();
        counter.take(atc);
        (self.highest_atc, self.taken_atcs) = (counter.highest, counter.taken);
    }

    pub(crate) fn chip_counter(&self) -> ChipCounter {
        ChipCounter { highest: self.highest_atc, taken: self.taken_atcs }
    }
}

impl ChipCounter {
    /// Notes a counter as used. Counters above the highest one make it fall back in the window.
    pub(super) fn take(&mut self, atc: u16) {
        match self.highest {
            Some(highest) if atc <= highest => {
                self.taken |= bit(highest - atc);
            }
            Some(highest) => {
                let jump = atc - highest;
                self.taken = self.taken.checked_shl(jump.into()).unwrap_or(0) | bit(jump);
                self.highest = Some(atc);
            }
            None => self.highest = Some(atc),
        }
    }

    /// Whether the counter so far behind the highest one was used; too far back nobody knows.
    pub(crate) fn has_taken(&self, behind: u16) -> bool {
        behind == 0 || behind > ATC_WINDOW || self.taken & bit(behind) != 0
    }
}

/// The place in the window of a counter so far behind the highest one; none for the highest itself and
/// for what is out of the window.
fn bit(behind: u16) -> u64 {
    if (1..=ATC_WINDOW).contains(&behind) { 1 << (behind - 1) } else { 0 }
}

impl AccountFile {
    /// What may still be spent: posted balance plus credit line less holds.
    pub(crate) fn available_minor(&self) -> i64 {
        self.ledger_minor + self.account.credit_line_minor - self.held_minor
    }

    /// Whether it can hold so much more.
    pub(crate) fn has_room_for(&self, minor: i64) -> bool {
        self.ledger_minor.saturating_add(minor) <= LARGEST_LEDGER_MINOR
    }

    pub(crate) fn balance(&self) -> Balance {
        Balance {
            ledger_minor: self.ledger_minor,
            available_minor: self.available_minor(),
            currency: self.account.currency,
        }
    }
}
