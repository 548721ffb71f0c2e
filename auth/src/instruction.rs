use crate::request::AccountType;

/// What a request says about accounts and amounts beyond the account that it draws on and its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Account type that the money goes to (DE 3, positions 5 and 6).
    pub to_account_type: AccountType,
}

impl Default for Instruction {
    fn default() -> Instruction {
        Instruction { to_account_type: AccountType::Default }
    }
}
