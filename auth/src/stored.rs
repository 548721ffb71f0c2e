use crate::counters::Counted;
use crate::effect::{Balance, IssuerAuthentication, Response};
use crate::names::{AccountId, CustomerId, LinkName, OriginalKey, TransactionId, TransmissionTime};
use crate::record::{Funds, Origin, Transaction, TransactionStatus};
use crate::request::{Cash, MessageClass, TransactionType};
use crate::script::IssuerScript;
use card::{CivilDay, MerchantId, Pan, ResponseCode, Rrn, Stan, TerminalId, Time};
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
    /// Command for the chip that its answer had.
    pub script: Option<Box<IssuerScript>>,
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
            script: None,
        }
    }

    /// What was answered; a repeat gets the same.
    pub(crate) fn response(&self) -> Response {
        Response {
            code: self.code,
            transaction: Some(self.id),
            authorization_id: self.authorization_id,
            issuer_authentication: self.issuer_authentication.clone(),
            balance: self.balance,
            script: self.script.clone(),
        }
    }

    /// What a record about it has to know. `None` when it names no account, and so moved no money.
    pub(crate) fn origin(&self) -> Option<Origin> {
        Some(Origin {
            link: self.link,
            account: self.account?,
            transaction: self.transaction,
            business_day: self.business_day,
            standing_minor: self.standing_minor,
            posted: matches!(self.funds, Funds::Posted { .. }),
            time: self.time,
            terminal: self.terminal,
            merchant: self.merchant,
            customer: self.customer,
            counted: self.counted.clone(),
        })
    }

    pub(crate) fn key(&self) -> OriginalKey {
        OriginalKey { link: self.link, terminal: self.terminal, stan: self.stan }
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
