//! A decision on its way: what was judged of a request, before it becomes a record.

use crate::billing::Billing;
use crate::booking::{Booking, Role};
use crate::card_mode::{ModeUse, OwnTransfer};
use crate::counters::Counted;
use crate::effect::IssuerAuthentication;
use crate::names::{AccountId, CustomerId, TransactionId};
use crate::receipt::{Decline, Receipt};
use crate::record::{Credited, PinReference, Transaction};
use crate::remittance::{self, SentRemittance};
use crate::request::{MessageClass, Request};
use crate::state::{AccountFile, State};
use crate::velocity::Counting;
use crate::verification::{ContactlessUse, HolderVerification};
use card::ResponseCode;

pub(crate) struct Decision {
    pub(crate) outcome: Result<Approval, Decline>,
    pub(crate) receipt: Receipt,
    pub(crate) counters: CardCounters,
    /// Policy rules that flagged the request, by bit, approved or not.
    pub(crate) flags: u64,
}

impl Decision {
    /// A decline before the card was judged.
    pub(crate) fn early(decline: Decline, receipt: Receipt) -> Decision {
        Decision { outcome: Err(decline), receipt, counters: CardCounters::default(), flags: 0 }
    }
}

/// What an approval does.
pub(crate) struct Approval {
    pub(crate) code: ResponseCode,
    pub(crate) account: AccountId,
    pub(crate) customer: Option<CustomerId>,
    /// Counters that were moved for it before, in the place of those that it would move.
    pub(crate) counted: Option<Counted>,
    pub(crate) issuer_authentication: Option<IssuerAuthentication>,
    pub(crate) movement: Movement,
    /// How that is made up.
    pub(crate) billing: Option<Box<Billing>>,
    pub(crate) booking: Option<Box<Booking>>,
    /// Who has a word in it before it is recorded.
    pub(crate) asks: Asks,
    /// What it does to the card's count of contactless transactions.
    pub(crate) contactless: Option<ContactlessUse>,
}

impl Approval {
    /// An approval about this account that moves nothing.
    pub(crate) fn plain(account: &AccountFile) -> Approval {
        Approval::about(account.account.id, account.account.customer)
    }

    /// The same of an account that need not be on file.
    pub(crate) fn about(account: AccountId, customer: Option<CustomerId>) -> Approval {
        Approval {
            code: ResponseCode::APPROVED,
            account,
            customer,
            counted: None,
            issuer_authentication: None,
            movement: Movement::Nothing,
            billing: None,
            booking: None,
            asks: Asks::Nobody,
            contactless: None,
        }
    }

    /// The same with money: what moves nothing is not billed.
    pub(crate) fn moving(self, movement: Movement, billing: Option<Box<Billing>>) -> Approval {
        let billing = billing.filter(|_| !matches!(movement, Movement::Nothing));
        Approval { movement, billing, ..self }
    }
}

/// Who is asked before an approval is recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nobody,
    /// The cardholder.
    Holder,
    /// The shard that has the account which a transfer gives to; nothing was judged beyond that.
    Shard,
}

/// What an approval moves on the account, minor units of its currency.
#[derive(Clone, Copy)]
pub(crate) enum Movement {
    Nothing,
    /// Held until it is completed or lapses.
    Hold(i64),
    /// Held until an ATM says what it dispensed.
    Dispense(i64),
    /// Debited; credited where negative.
    Post(i64),
}

impl Movement {
    /// An authorization holds and a financial message posts. What gives money has nothing to hold.
    pub(crate) fn of(request: &Request, minor: i64) -> Movement {
        let authorizes =
            matches!(request.class, MessageClass::Authorization | MessageClass::AuthorizationAdvice);
        match request.transaction {
            transaction if transaction.gives_money() && authorizes => Movement::Nothing,
            transaction if transaction.gives_money() => Movement::Post(-minor),
            // An inquiry moves nothing but its fee.
            transaction if !transaction.takes_money() && minor == 0 => Movement::Nothing,
            transaction if !transaction.takes_money() => Movement::Post(minor),
            _ if request.cash.is_some() => Movement::Dispense(minor),
            _ if authorizes => Movement::Hold(minor),
            _ => Movement::Post(minor),
        }
    }
}

/// What a decision brings about beside its own record.
pub(crate) enum Follows {
    Nothing,
    /// What was held for what it completes is free.
    Release {
        original: TransactionId,
        by: TransactionId,
        posted_minor: i64,
    },
    /// The account that it gives to gets the money.
    Credit(Credited),
    /// The same of an account in another shard.
    Remit(Box<SentRemittance>),
}

impl Follows {
    pub(crate) fn of(transaction: &Transaction, state: &State) -> Follows {
        let Some(booking) = transaction.details.booking.as_deref() else { return Follows::Nothing };
        // The fee stays here.
        let charge = transaction.details.billing.as_deref().and_then(|billing| billing.charge);
        let minor = transaction.funds.minor() - charge.map_or(0, |charge| charge.minor);
        let id = transaction.id;
        match (booking.role, booking.original, booking.to) {
            (Role::Completion, Some(original), _) => {
                Follows::Release { original, by: id, posted_minor: minor }
            }
            (_, _, Some(account)) => {
                let (pan, time, link) = (transaction.pan, transaction.time, transaction.link);
                let credited = Credited { transaction: id, pan, time, link, account, minor };
                match state.account(&account) {
                    Some(_) => Follows::Credit(credited),
                    None => Follows::Remit(Box::new(remittance::of_transfer(transaction, state, &credited))),
                }
            }
            _ => Follows::Nothing,
        }
    }
}

/// Counters of the card that this request moves, approved or not.
#[derive(Default)]
pub(crate) struct CardCounters {
    /// Those of limits, should it be approved.
    pub(crate) counting: Counting,
    pub(crate) pin_tries_used: Option<u8>,
    pub(crate) atc: Option<u16>,
    pub(crate) wrong_cvv2s: Option<u8>,
    /// What it makes of the mode.
    pub(crate) mode: Option<ModeUse>,
    /// What comes from the linked account first, should it be approved.
    pub(crate) top_up: Option<OwnTransfer>,
    /// Reference value of the PIN that the holder has chosen.
    pub(crate) new_pin: Option<PinReference>,
    /// The chip's cryptogram is right.
    pub(crate) proven: bool,
    /// How the cardholder was verified, once that was judged.
    pub(crate) verification: Option<HolderVerification>,
}
