use crate::between_shards::ShardMessage;
use crate::billing::Billing;
use crate::booking::Statement;
use crate::hsm_checks::Checks;
use crate::names::{ReplyTo, Ticket, TransactionId};
use crate::provision::{ProvisionAnswer, ProvisionTicket};
use crate::recall::Recall;
use crate::record::{Record, Transaction};
use crate::script::IssuerScript;
use crate::told::Told;
use arrayvec::ArrayVec;
use card::{Currency, ResponseCode};
use serde::{Deserialize, Serialize};

/// Something the core wants done, in the order of the list. A response leaves the process only after
/// every record before it is on disk.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Make this record durable.
    Record(Record),
    /// Ask the HSM; it answers with [`Input::HsmReply`](crate::Input::HsmReply) and the same ticket.
    AskHsm {
        /// Names the suspended request.
        ticket: Ticket,
        /// What to verify.
        checks: Checks,
    },
    /// Ask the transaction store, up to all records before this; it answers with
    /// [`Input::Recalled`](crate::Input::Recalled) and the same ticket.
    Recall {
        /// Names who waits.
        ticket: Ticket,
        /// What to look for.
        recall: Recall,
    },
    /// Tell another shard, once every record before this is on disk; it hears it as
    /// [`Input::FromShard`](crate::Input::FromShard). It may be lost.
    TellShard(Box<ShardMessage>),
    /// Send this response.
    Respond {
        /// To whom.
        reply_to: ReplyTo,
        /// What to say.
        response: Response,
    },
    /// Give this answer to [`Input::Provision`](crate::Input::Provision).
    Provisioned {
        /// Its ticket.
        ticket: ProvisionTicket,
        /// What was done or found.
        answer: ProvisionAnswer,
    },
}

/// The protocol-neutral answer to a request or reversal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// DE 39.
    pub code: ResponseCode,
    /// The recorded transaction, unless the answer is about none.
    pub transaction: Option<TransactionId>,
    /// DE 38 of an approval: six digits.
    pub authorization_id: Option<[u8; 6]>,
    /// Value of tag 91.
    pub issuer_authentication: Option<IssuerAuthentication>,
    /// DE 54.
    pub balance: Option<Balance>,
    /// DE 5, 6, 9, 10, 50 and 51, where the link is told.
    pub billing: Option<Box<Billing>>,
    /// DE 4 of an approval of less than was asked for, minor units.
    pub approved_minor: Option<i64>,
    /// Lines of a mini statement.
    pub statement: Option<Box<Statement>>,
    /// What else there is to tell, where the link has a field for it.
    pub told: Told,
    /// Command for the chip: template 71 or 72, tag and length included.
    pub script: Option<Box<IssuerScript>>,
}

/// Issuer authentication data, the value of tag 91: 8 to 16 bytes.
pub type IssuerAuthentication = ArrayVec<u8, 16>;

/// What the account holds, after this transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Posted balance, minor units.
    pub ledger_minor: i64,
    /// Posted balance plus credit line less holds, minor units.
    pub available_minor: i64,
    /// The account's currency.
    pub currency: Currency,
}

impl Response {
    /// An answer that carries a code and nothing else.
    #[must_use]
    pub fn bare(code: ResponseCode) -> Response {
        Response {
            code,
            transaction: None,
            authorization_id: None,
            issuer_authentication: None,
            balance: None,
            billing: None,
            approved_minor: None,
            statement: None,
            told: Told::default(),
            script: None,
        }
    }

    /// The stored answer of a recorded transaction; a repeat gets the same.
    #[must_use]
    pub fn of(transaction: &Transaction) -> Response {
        Response {
            code: transaction.code,
            transaction: Some(transaction.id),
            authorization_id: transaction.authorization_id,
            issuer_authentication: transaction.issuer_authentication.clone(),
            balance: transaction.balance,
            billing: transaction.details.billing.clone(),
            approved_minor: transaction.details.booking.as_ref().and_then(|booking| booking.approved_minor),
            statement: transaction.details.booking.as_ref().and_then(|booking| booking.statement()),
            told: transaction.details.told,
            script: None,
        }
    }
}
