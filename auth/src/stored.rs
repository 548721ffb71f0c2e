use crate::billing::{Billing, Part, Shares};
use crate::booking::{Booking, Life, Role};
use crate::counters::Counted;
use crate::effect::{Balance, IssuerAuthentication, Response};
use crate::names::{AccountId, CustomerId, LinkName, OriginalKey, TransactionId, TransmissionTime};
use crate::particulars::Traces;
use crate::record::{Funds, Origin, Transaction, TransactionStatus};
use crate::request::{Cash, MessageClass, TransactionType};
use crate::script::IssuerScript;
use crate::told::Told;
use card::{CivilDay, Currency, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};
use serde::{Deserialize, Serialize};

/// What memory keeps of a decided transaction: enough to answer a repeat of it, to undo it and to complete
/// it. Why it was decided so is in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredTransaction {
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
    /// What it did to the account; posted, once an ATM has reported.
    pub funds: Funds,
    /// The ATM's part.
    pub cash: Option<Cash>,
    /// Where it stands now.
    pub status: TransactionStatus,
    /// What it holds or posted and has not been given back, minor units.
    pub standing_minor: i64,
    /// Whether its ATM has said what it dispensed, or that it cannot say.
    pub reported: bool,
    /// Whose account it was.
    pub customer: Option<CustomerId>,
    /// Counters of limits that it moved.
    pub counted: Counted,
    /// What it did to the ledger beyond its own hold or posting.
    pub booking: Option<Box<Booking>>,
    /// What became of it by later transactions that are about it.
    pub life: Option<Box<Life>>,
    /// Conversion, fee and settlement, and what of them stands.
    pub billed: Option<Box<Billed>>,
    /// What the answer tells beside its code.
    pub told: Told,
    /// Where the order came from, as far as limits counted it.
    pub traces: Option<Box<Traces>>,
    /// Command for the chip that its answer had.
    pub script: Option<Box<IssuerScript>>,
}

/// What a transaction with a [`Billing`] was decided to take, and what of that stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// As it was decided.
    pub billing: Billing,
    /// What stands.
    pub shares: Shares,
}

impl StoredTransaction {
    /// A transaction as it is decided.
    #[must_use]
    pub fn of(transaction: &Transaction) -> StoredTransaction {
        let (status, standing_minor) = match transaction.funds {
            Funds::None if transaction.code.is_approval() => (TransactionStatus::Approved, 0),
            Funds::None => (TransactionStatus::Declined, 0),
            Funds::Held { minor, .. } | Funds::Posted { minor } => (TransactionStatus::Approved, minor),
        };
        StoredTransaction {
            id: transaction.id,
            time: transaction.time,
            business_day: transaction.business_day,
            link: transaction.link,
            terminal: transaction.terminal,
            merchant: transaction.merchant,
            class: transaction.class,
            transaction: transaction.transaction,
            pan: transaction.pan,
            stan: transaction.stan,
            rrn: transaction.rrn,
            transmission: transaction.transmission,
            amount_minor: transaction.amount_minor,
            currency: transaction.currency,
            code: transaction.code,
            authorization_id: transaction.authorization_id,
            issuer_authentication: transaction.issuer_authentication.clone(),
            balance: transaction.balance,
            account: transaction.account,
            funds: transaction.funds,
            cash: transaction.cash,
            status,
            standing_minor,
            reported: false,
            customer: transaction.details.customer,
            counted: transaction.details.counted.clone(),
            booking: transaction.details.booking.clone(),
            life: None,
            billed: transaction.details.billing.as_deref().and_then(|billing| {
                let approved =
                    transaction.details.booking.as_ref().and_then(|booking| booking.approved_minor);
                let whole = billing.whole(approved.unwrap_or(transaction.amount_minor));
                let whole = if transaction.funds.minor() < 0 { whole.given() } else { whole };
                Some(Box::new(Billed { billing: billing.clone(), shares: whole.shares? }))
            }),
            told: transaction.details.told,
            traces: Some(transaction.details.traces)
                .filter(|traces| *traces != Traces::default())
                .map(Box::new),
            script: None,
        }
    }

    /// What the account pays when so much of the transaction amount stands, minor units of the transaction.
    pub(crate) fn part(&self, stands_minor: i64) -> Part {
        let currency = Currency::from_numeric(self.currency).ok();
        let part = match (self.billed.as_deref(), currency) {
            (Some(Billed { billing, .. }), Some(currency)) => {
                billing.part(self.approved_amount(), stands_minor, currency)
            }
            _ => Part { minor: stands_minor, shares: None },
        };
        if self.funds.minor() < 0 { part.given() } else { part }
    }

    /// What was approved of its amount, minor units of the transaction.
    pub(crate) fn approved_amount(&self) -> i64 {
        let part = self.booking.as_ref().and_then(|booking| booking.approved_minor);
        part.unwrap_or(self.amount_minor)
    }

    /// What of its amount stands, minor units of the transaction, whichever way it went.
    pub(crate) fn standing_amount(&self) -> i64 {
        self.shares().map_or(self.standing_minor, |shares| shares.amount_minor).saturating_abs()
    }

    /// What stands of it now.
    pub(crate) fn standing(&self) -> Part {
        Part { minor: self.standing_minor, shares: self.shares() }
    }

    pub(crate) fn shares(&self) -> Option<Shares> {
        self.billed.as_deref().map(|billed| billed.shares)
    }

    /// What of it counts against limits, minor units of the account, whichever way it went: all but the fee.
    pub(crate) fn counted_minor(&self) -> i64 {
        (self.standing_minor - self.shares().map_or(0, |shares| shares.fee_minor)).abs()
    }

    /// ISO 4217 number of the account's currency.
    pub(crate) fn account_currency(&self) -> u16 {
        self.billed.as_deref().map_or(self.currency, |billed| billed.billing.currency.numeric())
    }

    /// What was answered; a repeat gets the same.
    pub(crate) fn response(&self) -> Response {
        Response {
            code: self.code,
            transaction: Some(self.id),
            authorization_id: self.authorization_id,
            issuer_authentication: self.issuer_authentication.clone(),
            balance: self.balance,
            billing: self.billed.as_deref().map(|billed| Box::new(billed.billing.clone())),
            approved_minor: self.booking.as_ref().and_then(|booking| booking.approved_minor),
            statement: self.booking.as_ref().and_then(|booking| booking.statement()),
            told: self.told,
            script: self.script.clone(),
        }
    }

    /// What a record about it has to know. `None` when it names no account, and so moved no money.
    pub(crate) fn origin(&self) -> Option<Origin> {
        let counted_at = self.booking.as_ref().and_then(|booking| booking.counted_at);
        let (business_day, time) = counted_at.unwrap_or((self.business_day, self.time));
        Some(Origin {
            link: self.link,
            account: self.account?,
            transaction: self.transaction,
            business_day,
            standing_minor: self.standing_minor,
            posted: matches!(self.funds, Funds::Posted { .. }),
            time,
            terminal: self.terminal,
            merchant: self.merchant,
            customer: self.customer,
            counted: self.counted.clone(),
            shares: self.shares(),
            refunds: self.original().filter(|_| self.role() == Role::Refund),
            traces: self.traces.as_deref().copied().unwrap_or_default(),
        })
    }

    pub(crate) fn key(&self) -> OriginalKey {
        OriginalKey { link: self.link, terminal: self.terminal, stan: self.stan }
    }

    /// What it is to an earlier transaction.
    pub(crate) fn role(&self) -> Role {
        self.booking.as_ref().map_or(Role::Own, |booking| booking.role)
    }

    /// The transaction that it is about.
    pub(crate) fn original(&self) -> Option<TransactionId> {
        self.booking.as_ref().and_then(|booking| booking.original)
    }

    /// Whether it has posted.
    pub(crate) fn is_posted(&self) -> bool {
        matches!(self.funds, Funds::Posted { .. })
    }

    /// What refunds have given back of it, minor units of the transaction; of a hold that is over, what partial
    /// reversals had.
    pub(crate) fn refunded_minor(&self) -> i64 {
        self.life.as_ref().map_or(0, |life| life.refunded_minor)
    }

    pub(crate) fn holds_money(&self) -> bool {
        matches!(self.funds, Funds::Held { .. }) && self.standing_minor != 0
    }

    /// When its hold runs out by itself, as long as it does.
    pub(crate) fn expires(&self) -> Option<Time> {
        let open = matches!(self.status, TransactionStatus::Approved | TransactionStatus::PartlyReversed);
        match self.funds {
            Funds::Held { expires, .. } if open => expires,
            _ => None,
        }
    }

    /// Whether its ATM has yet to say what it dispensed.
    pub(crate) fn awaits_completion(&self) -> bool {
        let open = matches!(self.status, TransactionStatus::Approved | TransactionStatus::PartlyReversed);
        open && !self.reported && matches!(self.funds, Funds::Held { expires: None, .. })
    }
}
