//! Who waits for which answer of the shards.

use auth::{ProvisionAnswer, ProvisionTicket};
use dashmap::DashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// Requests of the control socket that wait for a shard, by ticket. Bounded by the connections, each of which
/// has one request, which waits for one bundle of each shard.
#[derive(Default)]
pub struct Answers {
    waiting: DashMap<u64, oneshot::Sender<ProvisionAnswer>>,
    last: AtomicU64,
}

/// An answer that is to come. Dropped, it is waited for no more.
pub(super) struct Awaited {
    answers: Arc<Answers>,
    ticket: ProvisionTicket,
    answer: oneshot::Receiver<ProvisionAnswer>,
}

impl Answers {
    /// Gives an answer to whoever waits for it, if somebody still does.
    pub fn deliver(&self, ticket: ProvisionTicket, answer: ProvisionAnswer) {
        if let Some((_, waiting)) = self.waiting.remove(&ticket.0) {
            let _ = waiting.send(answer);
        }
    }

    /// A ticket, and what to wait with.
    pub(super) fn expect(self: &Arc<Answers>) -> (ProvisionTicket, Awaited) {
        let ticket = ProvisionTicket(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let (told, answer) = oneshot::channel();
        self.waiting.insert(ticket.0, told);
        (ticket, Awaited { answers: Arc::clone(self), ticket, answer })
    }
}

impl Awaited {
    /// The answer; `None` when it has not come in time.
    pub(super) async fn wait(mut self, deadline: Duration) -> Option<ProvisionAnswer> {
        tokio::time::timeout(deadline, &mut self.answer).await.ok()?.ok()
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.answers.waiting.remove(&self.ticket.0);
    }
}
