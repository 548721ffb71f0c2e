use crate::billing::{Billing, Shares};
use crate::booking::{Booking, Role};
use crate::card_answer::CardAnswer;
use crate::card_mode::{Alarm, CardBlocked, ConfirmationAsked, ModeChanged, ModeUsed, OwnTransfer};
use crate::counters::Counted;
use crate::effect::{Balance, IssuerAuthentication};
use crate::holder::Holder;
use crate::hot_list::HotListChanged;
use crate::names::{AccountId, CustomerId, LinkName, TransactionId, TransmissionTime};
use crate::own_limits::{LimitChanged, LimitHolder};
use crate::particulars::Traces;
use crate::pin_tries::PinTriesCleared;
use crate::receipt::Receipt;
use crate::remittance::{RemittanceForgotten, RemittanceOutcome, SentRemittance};
use crate::request::{Cash, EntryMode, MessageClass, TransactionType};
use crate::script::{ScriptConfirmed, ScriptQueued, ScriptSent};
use crate::stored::StoredTransaction;
use crate::token::{Token, TokenNumber, TokenRemoved};
use crate::told::Told;
use crate::verification::{ContactlessUse, HolderVerification};
use card::{CivilDay, Currency, Expiry, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;

/// One durable change. State changes only by applying these, so a replay of them gives back the
/// state. Track data, PIN blocks and card verification values have no place here.
///
/// The variant order is part of the stored form: new variants go to the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A card was put on file or replaced. Its counters stay.
    CardStored(Card),
    /// An account was opened, or its terms changed. Balance and currency of an account on file stay.
    AccountStored(Account),
    /// A request was decided.
    Decided(Box<Transaction>),
    /// Money of an approved transaction was given back, in whole or in part.
    Reversed(Reversed),
    /// A reversal came whose original is not known; it cancels the original should that come.
    ReversalRemembered(RememberedReversal),
    /// An ATM reported what it dispensed.
    Completed(Completed),
    /// A hold ran out.
    HoldExpired(HoldExpired),
    /// A card was taken off the file, with its counters.
    CardRemoved(CardRemoved),
    /// An account without cards and money was closed.
    AccountRemoved(AccountRemoved),
    /// A transaction that had left memory was asked of the transaction store, because it is about to change.
    Recalled(Box<StoredTransaction>),
    /// A card or an account got a limit of its own, or an override.
    LimitChanged(LimitChanged),
    /// What was held for a transaction is free: another one has posted it.
    HoldReleased(HoldReleased),
    /// The other side of a transfer, or of its reversal.
    Credited(Credited),
    /// Numbers came onto the hot list, or went off it.
    HotListChanged(HotListChanged),
    /// A token was put on file or changed. Its counter stays.
    TokenStored(Token),
    /// A token was taken off the file, with its counter.
    TokenRemoved(TokenRemoved),
    /// What is known of the holder of a card was replaced, or is forgotten.
    HolderStored(Box<Holder>),
    /// The mode of a card was changed.
    ModeChanged(Box<ModeChanged>),
    /// A transaction made something of the mode of its card.
    ModeUsed(ModeUsed),
    /// Money moved between two accounts of a customer because of a card's mode.
    OwnTransfer(OwnTransfer),
    /// A transaction waits for its holder's word.
    ConfirmationAsked(Box<ConfirmationAsked>),
    /// There were many attempts on a locked or empty card.
    Alarm(Alarm),
    /// A card was blocked by an alarm or its holder.
    CardBlocked(CardBlocked),
    /// An answer told the card more than the decision has: the ARPC of a decline.
    CardAnswered(CardAnswer),
    /// A command for a chip was queued.
    ScriptQueued(ScriptQueued),
    /// It went out with an answer.
    ScriptSent(Box<ScriptSent>),
    /// The card has told of it, or it is over.
    ScriptConfirmed(ScriptConfirmed),
    /// A card's count of wrong PINs began anew.
    PinTriesCleared(PinTriesCleared),
    /// Another shard is asked to take money of a transfer, or to give it back.
    RemittanceSent(Box<SentRemittance>),
    /// A shard has done what another one asked for, or has refused it.
    RemittanceTaken(Box<RemittanceOutcome>),
    /// The shard that has asked knows it.
    RemittanceSettled(Box<RemittanceOutcome>),
    /// The shard that was asked need not remember it any more.
    RemittanceForgotten(Box<RemittanceForgotten>),
}

/// A card on file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its number.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// Last month of validity.
    pub expiry: Expiry,
    /// First month of validity, when there is one.
    pub start: Option<Expiry>,
    /// Status.
    pub status: CardStatus,
    /// PAN sequence number (tag 5F34).
    pub card_sequence: Option<u8>,
    /// The account it draws on.
    pub account: AccountId,
    /// Reference value of the PIN; a card without one cannot be used with a PIN.
    pub pin: Option<PinReference>,
    /// Accounts that it may draw on beside that, by their kind; at most
    /// [`FURTHER_ACCOUNTS`](crate::limits::FURTHER_ACCOUNTS). All live in one shard.
    pub further: Box<[AccountId]>,
}

impl Card {
    /// Its accounts, the one that it draws on by default first.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        std::iter::once(self.account).chain(self.further.iter().copied())
    }
}

/// Status of a card. Lost, stolen and the two pick-up kinds ask the terminal to keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardStatus {
    /// In use.
    Active,
    /// Not activated yet: 78.
    Inactive,
    /// Restricted: 62.
    Restricted,
    /// Reported lost: 41, captured.
    Lost,
    /// Reported stolen: 43, captured.
    Stolen,
    /// To be captured: 04.
    Capture,
    /// To be captured, special conditions: 07.
    CaptureSpecial,
}

impl CardStatus {
    /// Every status.
    pub const ALL: [CardStatus; 7] = [
        CardStatus::Active,
        CardStatus::Inactive,
        CardStatus::Restricted,
        CardStatus::Lost,
        CardStatus::Stolen,
        CardStatus::Capture,
        CardStatus::CaptureSpecial,
    ];

    /// The word used in card files and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CardStatus::Active => "active",
            CardStatus::Inactive => "inactive",
            CardStatus::Restricted => "restricted",
            CardStatus::Lost => "lost",
            CardStatus::Stolen => "stolen",
            CardStatus::Capture => "capture",
            CardStatus::CaptureSpecial => "capture_special",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<CardStatus> {
        CardStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What a PIN is verified against. Reveals no PIN by itself, and is masked in `Debug` all the same.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PinReference {
    /// Visa PIN verification value.
    Pvv {
        /// PIN verification key index, 0 to 9.
        pvki: u8,
        /// Four ASCII digits.
        pvv: [u8; 4],
    },
    /// IBM 3624 offset.
    IbmOffset {
        /// Left-justified ASCII digits, filled with `F`.
        offset: [u8; 12],
    },
}

impl fmt::Debug for PinReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinReference::Pvv { .. } => "Pvv(****)",
            PinReference::IbmOffset { .. } => "IbmOffset(****)",
        })
    }
}

/// An account on file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// Its kind, which a terminal may ask for in DE 3.
    pub kind: AccountKind,
    /// Posted balance at opening, minor units; up to 15 digits.
    pub opening_minor: i64,
    /// How far below zero it may go, minor units, not negative; up to 15 digits.
    pub credit_line_minor: i64,
    /// Whose it is, where somebody counts by customer.
    pub customer: Option<CustomerId>,
    /// The account in whose shard it lives, so that one card may draw on both; `None` where that is its own.
    /// Never changes. Boxed, since few of a million accounts have one.
    pub home: Option<Box<AccountId>>,
    /// [Number](CustomerId::spread) of the customer in whose shard it lives: whose it was when it was opened, or that of
    /// the account beside which it lives. `None` where the shard goes by the account's own number. Never changes.
    pub customer_home: Option<NonZeroU64>,
}

impl Account {
    /// The account that decides in which shard it lives.
    #[must_use]
    pub fn home(&self) -> AccountId {
        self.home.as_deref().copied().unwrap_or(self.id)
    }
}

/// Kind of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Serves any account type of DE 3.
    #[default]
    Default,
    /// Savings (10).
    Savings,
    /// Cheque or debit (20).
    Cheque,
    /// Credit (30).
    Credit,
}

/// A decided request, with everything needed to answer a repeat of it, to undo it and to explain it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its number.
    pub id: TransactionId,
    /// When it was decided.
    pub time: Time,
    /// Business day it counts for.
    pub business_day: CivilDay,
    /// Acquiring link.
    pub link: LinkName,
    /// Terminal or ATM.
    pub terminal: TerminalId,
    /// Merchant.
    pub merchant: Option<MerchantId>,
    /// Merchant category code.
    pub mcc: u16,
    /// Message class.
    pub class: MessageClass,
    /// What was asked.
    pub transaction: TransactionType,
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// STAN.
    pub stan: Stan,
    /// RRN.
    pub rrn: Option<Rrn>,
    /// Transmission date and time.
    pub transmission: TransmissionTime,
    /// Amount, minor units of `currency`.
    pub amount_minor: i64,
    /// ISO 4217 numeric code as sent.
    pub currency: u16,
    /// How the card was read.
    pub entry: EntryMode,
    /// The answer.
    pub code: ResponseCode,
    /// DE 38.
    pub authorization_id: Option<[u8; 6]>,
    /// Value of tag 91.
    pub issuer_authentication: Option<IssuerAuthentication>,
    /// DE 54.
    pub balance: Option<Balance>,
    /// The account, once the card was found.
    pub account: Option<AccountId>,
    /// What it did to the account.
    pub funds: Funds,
    /// Wrong PINs counted on the card after this transaction, where it changed them.
    pub pin_tries_used: Option<u8>,
    /// The ATC, where it was accepted: as a rule the highest of the card so far.
    pub atc: Option<u16>,
    /// The ATM's part.
    pub cash: Option<Cash>,
    /// Policy rules that flagged it, by bit, approved or not.
    pub flags: u64,
    /// What else it rested on and changed.
    pub details: Details,
    /// Version of the tables it was decided under.
    pub tables_version: u32,
    /// Why. Last, so that a replay, which asks for the state and not for reasons, can leave it unread.
    pub receipt: Receipt,
}

/// What else a decision rested on and changed. Applying a record asks no tables, so all that its application
/// needs stands here.
///
/// Records of format 3 hold this as it is: as long as that format is not released, fields may be added, with a
/// default for older records; afterwards they need a new format (`store/src/record.rs`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// Counters of limits that it moved.
    pub counted: Counted,
    /// Whose account it was.
    pub customer: Option<CustomerId>,
    /// Conversion, fee and settlement, where the account does not pay the amount of DE 4 and nothing else.
    pub billing: Option<Box<Billing>>,
    /// What it did to the ledger beyond its own hold or posting.
    pub booking: Option<Box<Booking>>,
    /// What the answer tells beside its code.
    pub told: Told,
    /// The token that came in the place of the card.
    pub token: Option<TokenNumber>,
    /// Wrong printed values (CVV2) of the card on the business day after this transaction, where it changed them.
    pub wrong_cvv2s: Option<u8>,
    /// Where the order came from, as far as limits counted it.
    pub traces: Traces,
    /// How the cardholder was verified, once that was judged: who bears a loss depends on it.
    pub verification: Option<HolderVerification>,
    /// What it did to the card's count of contactless transactions without a verification.
    pub contactless: Option<ContactlessUse>,
    /// Reference value of the PIN that the holder has chosen.
    pub new_pin: Option<PinReference>,
}

impl Details {
    /// Whether it posts what an authorization held.
    pub(crate) fn completes(&self) -> bool {
        self.booking.as_ref().is_some_and(|booking| booking.role == Role::Completion)
    }
}

/// What an approval did to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Funds {
    /// Nothing: declined, or no money moves.
    None,
    /// Holds money until it is completed, reversed or expires.
    Held {
        /// Minor units held.
        minor: i64,
        /// When the hold lapses; `None` when only a completion or reversal ends it.
        expires: Option<Time>,
    },
    /// Posted at once.
    Posted {
        /// Minor units debited; negative where they are credited.
        minor: i64,
    },
}

impl Funds {
    /// Minor units held or posted.
    #[must_use]
    pub fn minor(self) -> i64 {
        match self {
            Funds::None => 0,
            Funds::Held { minor, .. } | Funds::Posted { minor } => minor,
        }
    }

    /// When a hold lapses by itself.
    #[must_use]
    pub fn expires(self) -> Option<Time> {
        match self {
            Funds::Held { expires, .. } => expires,
            Funds::None | Funds::Posted { .. } => None,
        }
    }
}

/// Where a transaction stands now, which follows from the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionStatus {
    /// Declined.
    Declined,
    /// Approved; what it holds or posted stands.
    Approved,
    /// Given back in part.
    PartlyReversed,
    /// Given back in whole.
    Reversed,
    /// The ATM dispensed, or a completion came, and the money is posted.
    Completed,
    /// The ATM could not say what it dispensed; the money stays held until staff decide.
    Suspect,
    /// The hold ran out.
    Expired,
}

impl TransactionStatus {
    /// The word used in searches and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TransactionStatus::Declined => "declined",
            TransactionStatus::Approved => "approved",
            TransactionStatus::PartlyReversed => "partly_reversed",
            TransactionStatus::Reversed => "reversed",
            TransactionStatus::Completed => "completed",
            TransactionStatus::Suspect => "suspect",
            TransactionStatus::Expired => "expired",
        }
    }
}

/// Money given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversed {
    /// The transaction.
    pub transaction: TransactionId,
    /// Its card, which names the shard.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// What of the transaction remains, minor units of the account; 0 for a full reversal.
    pub remaining_minor: i64,
    /// The transaction before this.
    pub origin: Option<Origin>,
    /// How that is made up, where the transaction has a [`Billing`].
    pub shares: Option<Shares>,
}

/// What a record about a transaction needs to know of it, so that it can be applied after the transaction
/// has left memory. Records of format 1 have none: their
/// transactions are in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its link, which is owed what was posted.
    pub link: LinkName,
    /// Its account.
    pub account: AccountId,
    /// What was asked.
    pub transaction: TransactionType,
    /// Business day that counted it.
    pub business_day: CivilDay,
    /// What it held or had posted, minor units.
    pub standing_minor: i64,
    /// Whether that was posted rather than held.
    pub posted: bool,
    /// When it was decided.
    pub time: Time,
    /// Its terminal.
    pub terminal: TerminalId,
    /// Its merchant.
    pub merchant: Option<MerchantId>,
    /// Whose account it was.
    pub customer: Option<CustomerId>,
    /// Counters that it moved.
    pub counted: Counted,
    /// How `standing_minor` is made up, where the transaction has a [`Billing`].
    pub shares: Option<Shares>,
    /// The transaction that it gives back, where it is a refund of one.
    pub refunds: Option<TransactionId>,
    /// Where the order came from, as far as limits counted it.
    pub traces: Traces,
}

/// A reversal that came before its original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedReversal {
    /// Acquiring link.
    pub link: LinkName,
    /// Terminal.
    pub terminal: TerminalId,
    /// STAN of the original.
    pub stan: Stan,
    /// Transmission time of the original; 0 when the reversal does not say.
    pub transmission: TransmissionTime,
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When the reversal came.
    pub time: Time,
}

/// An ATM's report about a dispense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// The transaction.
    pub transaction: TransactionId,
    /// Its card, which names the shard.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// What is posted for that which was dispensed, minor units of the account; `None` when the ATM could not say
    /// (suspect).
    pub dispensed_minor: Option<i64>,
    /// The transaction before this.
    pub origin: Option<Origin>,
    /// How that is made up, where the transaction has a [`Billing`].
    pub shares: Option<Shares>,
}

/// A hold that ran out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExpired {
    /// The transaction.
    pub transaction: TransactionId,
    /// Its card, which names the shard.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// The transaction before this.
    pub origin: Option<Origin>,
}

/// A hold whose money another transaction has posted. Also of one that had lapsed: it is completed then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldReleased {
    /// The transaction that held.
    pub transaction: TransactionId,
    /// Its card, which names the shard.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// What has posted it.
    pub by: TransactionId,
    /// What stays counted against limits, minor units: all that was posted, with one of the holds.
    pub kept_minor: i64,
    /// The transaction before this.
    pub origin: Option<Origin>,
}

/// Money that a transfer gives to an account; negative where a reversal takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credited {
    /// The transfer.
    pub transaction: TransactionId,
    /// Its card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// Its link, whose settlement account is the other side of both its postings.
    pub link: LinkName,
    /// The account, which names the shard.
    pub account: AccountId,
    /// Minor units.
    pub minor: i64,
}

/// A card that is off the file. Its account stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardRemoved {
    /// Its number.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
}

/// An account that is closed. Whoever makes the record has seen that no card draws on it and that its
/// balance and its holds are zero, so that the ledger stays in balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRemoved {
    /// Its number.
    pub account: AccountId,
    /// When.
    pub time: Time,
}

impl Record {
    /// The card this record is about; `None` for an account, and for the hot list, which is of no card on file.
    #[must_use]
    pub fn pan(&self) -> Option<Pan> {
        match self {
            Record::CardStored(card) => Some(card.pan),
            Record::AccountStored(_) | Record::AccountRemoved(_) | Record::HotListChanged(_) => None,
            Record::Decided(transaction) => Some(transaction.pan),
            Record::Reversed(reversed) => Some(reversed.pan),
            Record::ReversalRemembered(remembered) => Some(remembered.pan),
            Record::Completed(completed) => Some(completed.pan),
            Record::HoldExpired(expired) => Some(expired.pan),
            Record::HoldReleased(released) => Some(released.pan),
            Record::Credited(credited) => Some(credited.pan),
            Record::CardRemoved(removed) => Some(removed.pan),
            Record::Recalled(stored) => Some(stored.pan),
            Record::LimitChanged(LimitChanged { holder: LimitHolder::Card(pan), .. }) => Some(*pan),
            Record::LimitChanged(LimitChanged { holder: LimitHolder::Account(_), .. }) => None,
            Record::TokenStored(token) => Some(token.card),
            Record::TokenRemoved(removed) => Some(removed.card),
            Record::HolderStored(holder) => Some(holder.pan),
            Record::LimitChanged(_) => None,
            Record::ModeChanged(changed) => Some(changed.pan),
            Record::ModeUsed(used) => Some(used.pan),
            Record::OwnTransfer(transfer) => Some(transfer.pan),
            Record::ConfirmationAsked(asked) => Some(asked.pan),
            Record::Alarm(alarm) => Some(alarm.pan),
            Record::CardBlocked(blocked) => Some(blocked.pan),
            Record::CardAnswered(answer) => Some(answer.pan),
            Record::ScriptQueued(queued) => Some(queued.pan),
            Record::ScriptSent(sent) => Some(sent.pan),
            Record::ScriptConfirmed(confirmed) => Some(confirmed.pan),
            Record::PinTriesCleared(cleared) => Some(cleared.pan),
            Record::RemittanceSent(sent) => Some(sent.remittance.pan),
            Record::RemittanceTaken(outcome) | Record::RemittanceSettled(outcome) => {
                Some(outcome.remittance.pan)
            }
            Record::RemittanceForgotten(forgotten) => Some(forgotten.pan),
        }
    }

    /// When this happened; `None` for what was put on file or recalled, which does not say.
    #[must_use]
    pub fn time(&self) -> Option<Time> {
        match self {
            // What was recalled happened long before.
            Record::CardStored(_)
            | Record::AccountStored(_)
            | Record::Recalled(_)
            | Record::TokenStored(_)
            | Record::HolderStored(_) => None,
            Record::Decided(transaction) => Some(transaction.time),
            Record::Reversed(reversed) => Some(reversed.time),
            Record::ReversalRemembered(remembered) => Some(remembered.time),
            Record::Completed(completed) => Some(completed.time),
            Record::HoldExpired(expired) => Some(expired.time),
            Record::HoldReleased(released) => Some(released.time),
            Record::Credited(credited) => Some(credited.time),
            Record::CardRemoved(removed) => Some(removed.time),
            Record::AccountRemoved(removed) => Some(removed.time),
            Record::LimitChanged(changed) => Some(changed.time),
            Record::HotListChanged(changed) => Some(changed.time),
            Record::TokenRemoved(removed) => Some(removed.time),
            Record::ModeChanged(changed) => Some(changed.time),
            Record::ModeUsed(used) => Some(used.time),
            Record::OwnTransfer(transfer) => Some(transfer.time),
            Record::ConfirmationAsked(asked) => Some(asked.time),
            Record::Alarm(alarm) => Some(alarm.time),
            Record::CardBlocked(blocked) => Some(blocked.time),
            Record::CardAnswered(answer) => Some(answer.time),
            Record::ScriptQueued(queued) => Some(queued.time),
            Record::ScriptSent(sent) => Some(sent.time),
            Record::ScriptConfirmed(confirmed) => Some(confirmed.time),
            Record::PinTriesCleared(cleared) => Some(cleared.time),
            Record::RemittanceSent(sent) => Some(sent.remittance.time),
            Record::RemittanceTaken(outcome) | Record::RemittanceSettled(outcome) => Some(outcome.time),
            Record::RemittanceForgotten(forgotten) => Some(forgotten.time),
        }
    }
}
