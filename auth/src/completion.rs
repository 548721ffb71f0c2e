//! What an ATM says about its dispense: the hold becomes a posting, is given back, or stays for
//! staff to decide.

use crate::core::Core;
use crate::effect::Effect;
use crate::names::TransactionId;
use crate::record::{Completed, Funds, Record, TransactionStatus};
use card::{Pan, Time};

/// An ATM's report about one approved withdrawal.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// The withdrawal.
    pub transaction: TransactionId,
    /// Its card, which names the shard.
    pub pan: Pan,
    /// What came out.
    pub dispensed: Dispensed,
}

/// What came out of the cash handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispensed {
    /// The whole amount.
    All,
    /// This much, minor units of the transaction; possibly nothing.
    Part {
        /// Minor units.
        minor: i64,
    },
    /// The ATM cannot say: no automatic posting or reversal is right.
    Unknown,
}

/// Settles the hold, once: a doubled or late report finds it settled.
pub(crate) fn complete(core: &mut Core, now: Time, completion: &Completion, effects: &mut Vec<Effect>) {
    let Some(stored) = core.state.transaction(completion.transaction) else { return };
    let held = matches!(stored.funds, Funds::Held { .. });
    let open = matches!(
        stored.status,
        TransactionStatus::Approved | TransactionStatus::PartlyReversed | TransactionStatus::Suspect
    );
    if !held || !open {
        return;
    }
    let dispensed = match completion.dispensed {
        Dispensed::All => Some(stored.standing()),
        // More than was held cannot have come out; such a report is not believed.
        Dispensed::Part { minor } => {
            let part = stored.part(minor);
            let possible = (0..=stored.amount_minor).contains(&minor) && part.minor <= stored.standing_minor;
            possible.then_some(part)
        }
        Dispensed::Unknown => None,
    };
    let dispensed_minor = dispensed.map(|part| part.minor);
    if dispensed_minor.is_none() && stored.status == TransactionStatus::Suspect {
        return;
    }
    let (transaction, pan, origin) = (completion.transaction, stored.pan, stored.origin());
    let shares = dispensed.and_then(|part| part.shares);
    let completed = Completed { transaction, pan, time: now, dispensed_minor, origin, shares };
    core.commit(Record::Completed(completed), effects);
}
