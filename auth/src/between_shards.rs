//! What shards say to each other. A word leaves its shard when everything recorded before it is durable, as a response
//! does, and may be lost on the way: whoever needs an answer says it again.

use crate::core::Core;
use crate::effect::Effect;
use crate::enquiry;
use crate::instruction::Destination;
use crate::limits::SHARDS;
use crate::names::{AccountId, ShardIndex, Ticket, TransactionId};
use crate::remittance::{self, Remittance, RemittanceNumber, Report};
use card::{Currency, Pan, ResponseCode, Time};

/// Something that one shard tells another.
#[derive(Clone, Debug)]
pub struct ShardMessage {
    /// Which shard it is for.
    pub to: Home,
    /// Which one says it.
    pub from: ShardIndex,
    /// Rises with each message of a shard, in the life of the process.
    serial: u64,
    word: Word,
}

/// Where something is at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In the shard of this card.
    Card(Pan),
    /// In the shard of this account.
    Account(AccountId),
    /// There.
    Shard(ShardIndex),
}

#[derive(Clone, Debug)]
pub(crate) enum Word {
    /// Does an account of yours take so much?
    Enquire { ticket: Ticket, destination: Destination, currency: Currency, amount_minor: i64 },
    /// This one does, or it does not because of that.
    Found { ticket: Ticket, found: Result<AccountId, ResponseCode> },
    /// Take this money, or give it back. Said again until it is answered.
    Take(Remittance),
    /// What came of it.
    Taken(Report),
    /// Do you still ask? Said again until it is answered, because what was taken is remembered as long.
    Settled { transaction: TransactionId, number: RemittanceNumber },
    /// No: forget it.
    Forget { number: RemittanceNumber },
}

/// Serial numbers. Start anew with the process, as all shards do.
#[derive(Debug)]
pub(crate) struct Serials {
    said: u64,
    /// The newest of each shard that was heard.
    heard: [u64; SHARDS],
}

impl Default for Serials {
    fn default() -> Serials {
        Serials { said: 0, heard: [0; SHARDS] }
    }
}

impl ShardMessage {
    /// Whether it begins something, and may be dropped where there is much to do.
    #[must_use]
    pub fn begins(&self) -> bool {
        matches!(self.word, Word::Enquire { .. } | Word::Take(_) | Word::Settled { .. })
    }

    /// The request that waits for an answer to this, in the shard that says it.
    #[must_use]
    pub fn asks_for(&self) -> Option<Ticket> {
        match self.word {
            Word::Enquire { ticket, .. } => Some(ticket),
            _ => None,
        }
    }

    /// The request that has waited for this, in the shard that hears it.
    #[must_use]
    pub fn answers(&self) -> Option<Ticket> {
        match self.word {
            Word::Found { ticket, .. } => Some(ticket),
            _ => None,
        }
    }
}

/// Says something; gives the serial number.
pub(crate) fn tell(core: &mut Core, to: Home, word: Word, effects: &mut Vec<Effect>) -> u64 {
    core.serials.said += 1;
    let (from, serial) = (core.shard, core.serials.said);
    effects.push(Effect::TellShard(Box::new(ShardMessage { to, from, serial, word })));
    serial
}

/// Hears something. One that comes behind a later one of the same shard counts as lost: so what was said first is never
/// heard last, and a repeat of what is over and forgotten is not taken for something new.
pub(crate) fn hear(core: &mut Core, now: Time, message: ShardMessage, effects: &mut Vec<Effect>) {
    let ShardMessage { from, serial, word, .. } = message;
    let heard = &mut core.serials.heard[usize::from(from.0) % SHARDS];
    if serial <= *heard {
        return;
    }
    *heard = serial;
    let back = Home::Shard(from);
    match word {
        Word::Enquire { ticket, destination, currency, amount_minor } => {
            let found = enquiry::answer(core, &destination, currency, amount_minor);
            tell(core, back, Word::Found { ticket, found }, effects);
        }
        Word::Found { ticket, found } => enquiry::answered(core, now, ticket, found, effects),
        Word::Take(remittance) => remittance::take(core, now, &remittance, from, serial, effects),
        Word::Taken(report) => remittance::taken(core, now, report, from, effects),
        Word::Settled { transaction, number } => {
            if !core.state.remittance_is_open(transaction, number) {
                tell(core, back, Word::Forget { number }, effects);
            }
        }
        Word::Forget { number } => remittance::forget(core, now, number, effects),
    }
}
