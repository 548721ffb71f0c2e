//! The mode of a card, which its holder chooses: what it is, how it changes and what transactions made of it. A card
//! has one mode at a time.

use crate::keyed_hash::KeyedHash;
use crate::names::{AccountId, LinkName, TransactionId};
use crate::record::CardStatus;
use crate::request::TransactionType;
use card::{MerchantId, Pan, Rrn, Stan, TerminalId, Time};
use serde::{Deserialize, Serialize};

/// How a card may be used, by the will of its holder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardMode {
    /// As its product says.
    #[default]
    Standard,
    /// Declines everything (62) but for the first transaction within a window.
    Locked {
        /// The first moment at which it is locked again.
        open_until: Option<Time>,
    },
    /// Its account holds nothing (51) but for what is topped up for a window; what remains goes back.
    Empty {
        /// Where money comes from and goes back to.
        source: AccountId,
        /// The first moment at which it is empty again.
        open_until: Option<Time>,
    },
    /// Its account is kept between two levels.
    Kept(Kept),
    /// Declines more than this at once (61).
    SingleLimit {
        /// Minor units of the account's currency.
        most_minor: i64,
        /// What holds in its place for a while.
        lift: Option<Lift>,
    },
    /// Wants a code beside the PIN, a new one for each transaction (55).
    OneTimeCode {
        /// The code of the next transaction.
        code: Option<OneTimeCode>,
    },
    /// Asks the holder about each transaction (57 unless it is confirmed).
    Confirm {
        /// Without which nothing is confirmed or cancelled.
        password: Option<KeyedHash>,
    },
}

/// Between which levels an account is kept. Minor units of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where money comes from and goes to.
    pub source: AccountId,
    /// Below this it is topped up, or its holder is told.
    pub minimum_minor: i64,
    /// What is above this goes back; a top-up goes up to this.
    pub maximum_minor: i64,
    /// Whether it is topped up by itself.
    pub automatic: bool,
}

/// What stands in the place of the limit of one transaction for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lift {
    /// Minor units; `None` is without bound.
    pub most_minor: Option<i64>,
    /// The first moment at which it holds no longer.
    pub until: Time,
}

/// The code of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeCode {
    /// What is kept of it.
    pub hash: KeyedHash,
    /// The first moment at which it is good no longer.
    pub until: Time,
    /// Wrong codes since it was set.
    pub wrong: u8,
}

/// The mode of a card as it stands on its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeFile {
    pub(crate) mode: CardMode,
    pub(crate) tries: Tries,
}

/// Attempts on a locked or empty card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// When the first of them was.
    pub since: Time,
    /// How many.
    pub count: u16,
}

/// A change of the mode of a card, by the administration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeChanged {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// How.
    pub change: ModeChange,
    /// When.
    pub time: Time,
}

/// How the mode of a card changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModeChange {
    /// This is its mode from now on.
    Set(CardMode),
    /// A locked or empty card is open.
    Open {
        /// The first moment at which it is no longer.
        until: Time,
    },
    /// The limit of one transaction is another for a while.
    Lift(Lift),
    /// The next transaction needs this code.
    Code {
        /// What is kept of it.
        hash: KeyedHash,
        /// The first moment at which it is good no longer.
        until: Time,
    },
    /// What was opened, lifted or set for a while ends.
    End,
}

/// What a transaction made of the mode of its card. Follows the record of the transaction, in the same frame of the
/// journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeUsed {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// Which transaction.
    pub transaction: TransactionId,
    /// What.
    pub used: ModeUse,
}

/// What a transaction made of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModeUse {
    /// Approved while a locked card was open, which ends that.
    Unlocked,
    /// Approved while an empty card was topped up.
    Filled,
    /// Approved with money of the linked account: minor units.
    ToppedUp(i64),
    /// Approved, and less is left than the minimum.
    BelowMinimum,
    /// Approved by a lift of the limit.
    Lifted,
    /// Approved with the code, which is good no longer.
    CodeRight,
    /// Approved by the holder.
    Confirmed,
    /// Declined: locked or empty. The attempts with this one.
    Refused(Tries),
    /// Declined: more than the holder allows at once.
    OverLimit,
    /// Declined: without a code, or none was set.
    CodeMissing,
    /// Declined: another code. The wrong ones with this one, and whether that voids the code.
    CodeWrong {
        /// Wrong codes so far.
        wrong: u8,
        /// Whether the code is good no longer.
        void: bool,
    },
    /// Declined: the holder did not confirm.
    NotConfirmed(Unconfirmed),
}

/// Why a transaction was not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unconfirmed {
    /// Nobody answered in time.
    Late,
    /// The holder cancelled it.
    Cancelled,
    /// The holder had the card blocked.
    Blocked,
    /// Somebody did not know the password.
    Password,
    /// Another transaction of the card, or too many of others, were waiting for their answers.
    Busy,
}

/// Money moved between two accounts of a customer because of a card's mode. Double entry: one is debited, the other
/// credited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTransfer {
    /// The card whose mode it is.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// The account debited.
    pub from: AccountId,
    /// The account credited.
    pub to: AccountId,
    /// Minor units of both accounts' currency, above zero.
    pub minor: i64,
    /// Which way: to the card's account, or back.
    pub cause: TransferCause,
}

/// Why money moved between two accounts of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferCause {
    /// To the card's account.
    TopUp,
    /// What is not to be there went back.
    Sweep,
}

/// A transaction waits for its holder's word. What waits dies with the process; this tells who is to be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmationAsked {
    /// Names it in the answer.
    pub ticket: ConfirmationTicket,
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// The moment at which it is declined without an answer.
    pub deadline: Time,
    /// Acquiring link.
    pub link: LinkName,
    /// Terminal or ATM.
    pub terminal: TerminalId,
    /// Merchant.
    pub merchant: Option<MerchantId>,
    /// Merchant category code.
    pub mcc: u16,
    /// What was asked.
    pub transaction: TransactionType,
    /// STAN.
    pub stan: Stan,
    /// RRN.
    pub rrn: Option<Rrn>,
    /// Amount, minor units of `currency`.
    pub amount_minor: i64,
    /// ISO 4217 numeric code as sent.
    pub currency: u16,
}

/// Names a transaction that waits for its holder. From the numbers of transactions, so it is unique like them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConfirmationTicket(pub u64);

/// Many attempts on a locked or empty card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// The attempts.
    pub tries: Tries,
    /// Whether it was empty rather than locked.
    pub empty: bool,
}

/// A card was blocked, not by whoever keeps the card base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardBlocked {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// Its status from now on.
    pub status: CardStatus,
    /// Why.
    pub cause: BlockCause,
    /// Whether the card is to be issued anew.
    pub reissue: bool,
}

/// Why a card was blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockCause {
    /// An alarm.
    Alarm,
    /// Its holder answered a question for confirmation so.
    Holder,
}

impl CardMode {
    /// The word used in commands and JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            CardMode::Standard => "standard",
            CardMode::Locked { .. } => "locked",
            CardMode::Empty { .. } => "empty",
            CardMode::Kept(_) => "kept",
            CardMode::SingleLimit { .. } => "single-limit",
            CardMode::OneTimeCode { .. } => "one-time-code",
            CardMode::Confirm { .. } => "confirm",
        }
    }

    /// The linked account, where the mode has one.
    #[must_use]
    pub fn source(&self) -> Option<AccountId> {
        match self {
            CardMode::Empty { source, .. } | CardMode::Kept(Kept { source, .. }) => Some(*source),
            _ => None,
        }
    }

    /// Whether it is open now, locked or empty as it is otherwise.
    pub(crate) fn is_open(&self, now: Time) -> bool {
        match self {
            CardMode::Locked { open_until } | CardMode::Empty { open_until, .. } => {
                open_until.is_some_and(|until| now < until)
            }
            _ => true,
        }
    }

    fn change(&mut self, change: &ModeChange) {
        match (self, change) {
            (mode, ModeChange::Set(other)) => *mode = other.clone(),
            (
                CardMode::Locked { open_until } | CardMode::Empty { open_until, .. },
                ModeChange::Open { until },
            ) => *open_until = Some(*until),
            (CardMode::Locked { open_until } | CardMode::Empty { open_until, .. }, ModeChange::End) => {
                *open_until = None;
            }
            (CardMode::SingleLimit { lift, .. }, ModeChange::Lift(other)) => *lift = Some(*other),
            (CardMode::SingleLimit { lift, .. }, ModeChange::End) => *lift = None,
            (CardMode::OneTimeCode { code }, ModeChange::Code { hash, until }) => {
                *code = Some(OneTimeCode { hash: *hash, until: *until, wrong: 0 });
            }
            (CardMode::OneTimeCode { code }, ModeChange::End) => *code = None,
            // Orders for another mode make no records.
            _ => {}
        }
    }
}

impl ModeFile {
    /// Applies a change. Gives back whether anything is left to keep.
    pub(crate) fn change(&mut self, change: &ModeChange) -> bool {
        if matches!(change, ModeChange::Set(_)) {
            self.tries = Tries::default();
        }
        self.mode.change(change);
        self.mode != CardMode::Standard
    }

    pub(crate) fn used(&mut self, used: ModeUse) {
        match (&mut self.mode, used) {
            (CardMode::Locked { open_until }, ModeUse::Unlocked) => *open_until = None,
            (CardMode::OneTimeCode { code }, ModeUse::CodeRight) => *code = None,
            (CardMode::OneTimeCode { code }, ModeUse::CodeWrong { void: true, .. }) => *code = None,
            (CardMode::OneTimeCode { code: Some(code) }, ModeUse::CodeWrong { wrong, .. }) => {
                code.wrong = wrong;
            }
            (_, ModeUse::Refused(tries)) => self.tries = tries,
            _ => {}
        }
    }
}

impl Default for Tries {
    fn default() -> Tries {
        Tries { since: Time::from_unix_ms(0), count: 0 }
    }
}

impl ModeUse {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ModeUse::Unlocked => "unlocked",
            ModeUse::Filled => "filled",
            ModeUse::ToppedUp(_) => "topped_up",
            ModeUse::BelowMinimum => "below_minimum",
            ModeUse::Lifted => "lifted",
            ModeUse::CodeRight => "code_right",
            ModeUse::Confirmed => "confirmed",
            ModeUse::Refused(_) => "refused",
            ModeUse::OverLimit => "over_limit",
            ModeUse::CodeMissing => "code_missing",
            ModeUse::CodeWrong { .. } => "code_wrong",
            ModeUse::NotConfirmed(why) => why.as_str(),
        }
    }
}

impl Unconfirmed {
    /// Its number in receipts, from 1.
    pub(crate) fn number(self) -> i64 {
        self as i64 + 1
    }

    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Unconfirmed::Late => "not_confirmed",
            Unconfirmed::Cancelled => "cancelled",
            Unconfirmed::Blocked => "blocked",
            Unconfirmed::Password => "wrong_password",
            Unconfirmed::Busy => "busy",
        }
    }
}

impl BlockCause {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BlockCause::Alarm => "alarm",
            BlockCause::Holder => "holder",
        }
    }
}

impl TransferCause {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TransferCause::TopUp => "top_up",
            TransferCause::Sweep => "sweep",
        }
    }
}
