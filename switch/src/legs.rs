//! How long a decision took, in its legs: the core has no clock, so the shard around it looks at its own.

use auth::{Input, Receipt, Step, Ticket};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Longest that the first leg of a request is remembered. Whoever waits longer was answered without the HSM.
const FORGET: Duration = Duration::from_secs(60);

/// First legs of requests that wait for the HSM, or for another shard.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    waiting: HashMap<Ticket, Legged>,
}

/// What is known of a decision when a leg of it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Legged {
    queued: Duration,
    hsm: Option<Duration>,
    deciding: Duration,
    begun: Instant,
}

impl Legs {
    /// A leg begins now, with an input that came then.
    pub(crate) fn begin(&mut self, input: &Input, came: Instant) -> Legged {
        let begun = Instant::now();
        let first = match input {
            Input::HsmReply { ticket, .. } => self.waiting.remove(ticket),
            // Of the time that another shard takes nothing is said.
            Input::FromShard(message) => {
                let first = message.answers().and_then(|ticket| self.waiting.remove(&ticket));
                if let Some(first) = first {
                    return Legged { begun, ..first };
                }
                None
            }
            _ => None,
        };
        match first {
            Some(first) => Legged { hsm: Some(begun - first.begun), begun, ..first },
            None => Legged { queued: begun - came, hsm: None, deciding: Duration::ZERO, begun },
        }
    }

    /// The leg ends with a question to the HSM, or to another shard.
    pub(crate) fn asked(&mut self, ticket: Ticket, leg: Legged) {
        self.waiting.insert(ticket, leg);
    }

    /// Lets go of those whose answer nobody waits for any more.
    pub(crate) fn forget(&mut self) {
        self.waiting.retain(|_, leg| leg.begun.elapsed() < FORGET);
    }
}

impl Legged {
    /// The leg ends: what follows from it comes now.
    #[must_use]
    pub(crate) fn end(self) -> Legged {
        let ended = Instant::now();
        Legged { deciding: self.deciding + (ended - self.begun), begun: ended, ..self }
    }

    /// Writes down how long each leg took.
    pub(crate) fn note(&self, receipt: &mut Receipt) {
        let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        receipt.note(Step::QueueTime, nanoseconds(self.queued), 0);
        if let Some(hsm) = self.hsm {
            receipt.note(Step::HsmTime, nanoseconds(hsm), 0);
        }
        receipt.note(Step::DecisionTime, nanoseconds(self.deciding), 0);
    }
}
