use crate::names::{AccountId, TransactionId};
use crate::request::TransactionType;
use arrayvec::ArrayVec;
use card::{CivilDay, Time};
use serde::{Deserialize, Serialize};

/// What a transaction did to the ledger beyond a hold or a posting of its own amount. Boxed, since most have none.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Booking {
    /// What it is to the transaction that it is about.
    pub role: Role,
    /// That transaction.
    pub original: Option<TransactionId>,
    /// The account that a transfer gives to.
    pub to: Option<AccountId>,
    /// Cash part of a purchase with cashback, minor units.
    pub cash_minor: i64,
    /// What was approved of the amount, where it was less; minor units.
    pub approved_minor: Option<i64>,
    /// When what it posts was counted against limits, where that was before: with the authorization that it completes.
    pub counted_at: Option<(CivilDay, Time)>,
    /// Lines of a mini statement, newest first.
    pub statement: Vec<StatementLine>,
}

impl Booking {
    /// The mini statement, where there is one.
    pub(crate) fn statement(&self) -> Option<Box<Statement>> {
        (!self.statement.is_empty())
            .then(|| Box::new(self.statement.iter().copied().take(STATEMENT_LINES).collect()))
    }
}

/// What a transaction is to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is about none.
    #[default]
    Own,
    /// It holds more for it.
    Increment,
    /// It posts what was held for it.
    Completion,
    /// It gives back what was paid with it.
    Refund,
}

/// One line of a mini statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// Business day.
    pub day: CivilDay,
    /// What it was.
    pub transaction: TransactionType,
    /// What it changed on the account and still does, minor units: negative where it took.
    pub change_minor: i64,
    /// Whether that is held rather than posted.
    pub held: bool,
}

/// Lines of a mini statement.
pub const STATEMENT_LINES: usize = 10;

/// A mini statement, newest first.
pub type Statement = ArrayVec<StatementLine, STATEMENT_LINES>;

/// What became of a transaction by later ones that are about it. Follows from the records of those, and is kept as long
/// as the transaction is in memory.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Life {
    /// Authorizations that hold more for it.
    pub increments: Vec<TransactionId>,
    /// What has completed it.
    pub completed_by: Option<TransactionId>,
    /// What refunds have given back of it, minor units of the transaction; of a hold that is over, what partial
    /// reversals had.
    pub refunded_minor: i64,
}
