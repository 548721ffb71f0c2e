use crate::names::{AccountId, TransmissionTime};
use crate::request::AccountType;
use card::{Pan, ResponseCode, Rrn, Stan};

/// What a request says about accounts and amounts beyond the account that it draws on and its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Account type that the money goes to (DE 3, positions 5 and 6).
    pub to_account_type: AccountType,
    /// Cash part of a purchase with cashback (DE 54, amount type 40), minor units.
    pub cash_minor: i64,
    /// The earlier transaction that it is about, where it names one.
    pub original: Option<Reference>,
    /// Where a transfer goes, where the account type does not say.
    pub destination: Option<Destination>,
    /// Whether the terminal can take less than it asks for.
    pub takes_partial: bool,
}

/// How a message names an earlier one. What it leaves out is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reference {
    /// STAN of the original at the same terminal (DE 90).
    pub stan: Option<Stan>,
    /// Its transmission time (DE 90); 0 when the message does not say.
    pub transmission: TransmissionTime,
    /// Its approval code (DE 38).
    pub authorization_id: Option<[u8; 6]>,
    /// Its retrieval reference number (DE 37).
    pub rrn: Option<Rrn>,
}

/// Where a transfer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The account that another card of ours draws on by default.
    Card(Pan),
    /// An account of ours.
    Account(AccountId),
    /// An account of another shard, which has said that it takes the money. No message says this: it stands in the
    /// place of what the message said once that shard was asked.
    Elsewhere(AccountId),
    /// Likewise: what the other shard has refused it with.
    Refused(ResponseCode),
}

impl Default for Instruction {
    fn default() -> Instruction {
        Instruction {
            to_account_type: AccountType::Default,
            cash_minor: 0,
            original: None,
            destination: None,
            takes_partial: false,
        }
    }
}
