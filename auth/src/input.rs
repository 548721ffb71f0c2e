use crate::between_shards::ShardMessage;
use crate::completion::Completion;
use crate::hsm_checks::ChecksReply;
use crate::names::Ticket;
use crate::provision::Provision;
use crate::request::Request;
use crate::reversal::Reversal;
use crate::stored::StoredTransaction;
use crate::tables::Tables;
use std::sync::Arc;

/// Everything the core can be told.
#[derive(Clone, Debug)]
pub enum Input {
    /// An authorization or financial request.
    Request(Box<Request>),
    /// A reversal.
    Reversal(Box<Reversal>),
    /// An ATM says what became of its dispense.
    Completion(Completion),
    /// The HSM's answer to [`Effect::AskHsm`](crate::Effect::AskHsm).
    HsmReply {
        /// Which request it belongs to.
        ticket: Ticket,
        /// What was found.
        reply: ChecksReply,
    },
    /// The transaction store's answer to [`Effect::Recall`](crate::Effect::Recall).
    Recalled {
        /// Who waits for it.
        ticket: Ticket,
        /// What was found, newest first; `None` when it could not be looked for.
        found: Option<Vec<StoredTransaction>>,
    },
    /// Another shard says something, by [`Effect::TellShard`](crate::Effect::TellShard).
    FromShard(Box<ShardMessage>),
    /// Somebody changes the card base, or looks at a card.
    Provision(Box<Provision>),
    /// New configuration.
    Tables(Arc<Tables>),
    /// Time has passed: deadlines and holds are looked at.
    Tick,
}
