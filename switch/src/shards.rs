//! All shards as the edge sees them: where to hand an input, and how to get its response.

use crate::directory::Directory;
use crate::edge::outbox::Outbox;
use crate::inbox::{Inbox, Message};
use auth::{Completion, Input, Provision, ShardMessage};
use card::Pan;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Handles to every shard.
pub struct Shards {
    inboxes: Vec<Arc<Inbox>>,
    directory: Arc<Directory>,
    last_connection: AtomicU64,
}

/// The shard's inbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded;

impl Shards {
    /// Over these inboxes, one per shard.
    #[must_use]
    pub fn new(inboxes: Vec<Arc<Inbox>>, directory: Arc<Directory>) -> Shards {
        Shards { inboxes, directory, last_connection: AtomicU64::new(0) }
    }

    /// Announces a connection to every shard and gives it its number, the `connection` of
    /// [`auth::ReplyTo`].
    ///
    /// # Errors
    /// When a shard is overloaded; the connection must then be refused.
    pub fn attach(&self, outbox: &Arc<Outbox>) -> Result<u64, Overloaded> {
        let connection = self.last_connection.fetch_add(1, Ordering::Relaxed) + 1;
        for inbox in &self.inboxes {
            if inbox.push_request(Message::Attach(connection, Arc::clone(outbox))).is_err() {
                self.detach(connection);
                return Err(Overloaded);
            }
        }
        Ok(connection)
    }

    /// Takes a connection away. Responses to it are dropped from then on.
    pub fn detach(&self, connection: u64) {
        for inbox in &self.inboxes {
            // Requests leave room for this, so it fails only where the shard stands still for good; the
            // process is then lost anyway.
            if inbox.push(Message::Detach(connection)).is_err() {
                tracing::error!(connection, "a shard's inbox has no room for a connection's end");
            }
        }
    }

    /// Hands a request or reversal to the shard of this card.
    ///
    /// # Errors
    /// When that shard takes no new work.
    pub fn submit(&self, pan: &Pan, input: Input) -> Result<(), Overloaded> {
        let inbox = &self.inboxes[self.directory.home(pan)];
        inbox.push_request(Message::Input(input, Instant::now())).map_err(|_| Overloaded)
    }

    /// Hands what an ATM says about a dispense to the shard of its card.
    ///
    /// # Errors
    /// When that shard's inbox is full.
    pub fn complete(&self, completion: &Completion) -> Result<(), Overloaded> {
        self.submit_to(self.directory.home(&completion.pan), Input::Completion(*completion))
    }

    /// Hands an input to a shard by number, as for HSM replies.
    ///
    /// # Errors
    /// When that shard's inbox is full.
    pub fn submit_to(&self, shard: usize, input: Input) -> Result<(), Overloaded> {
        self.inboxes[shard].push(Message::Input(input, Instant::now())).map_err(|_| Overloaded)
    }

    /// Hands what one shard says to another. What begins something has to leave room for what ends something.
    ///
    /// # Errors
    /// When that shard takes no more: the message is lost, and whoever needs an answer says it again.
    pub fn tell(&self, message: Box<ShardMessage>) -> Result<(), Overloaded> {
        let inbox = &self.inboxes[self.directory.home_of(&message.to)];
        let begins = message.begins();
        let message = Message::Input(Input::FromShard(message), Instant::now());
        let put = if begins { inbox.push_request(message) } else { inbox.push(message) };
        put.map_err(|_| Overloaded)
    }

    /// Hands a task of the control socket to a shard by number.
    ///
    /// # Errors
    /// When that shard takes no new work.
    pub fn provision(&self, shard: usize, provision: Provision) -> Result<(), Overloaded> {
        let input = Input::Provision(Box::new(provision));
        self.inboxes[shard].push_request(Message::Input(input, Instant::now())).map_err(|_| Overloaded)
    }

    /// Which shard has which card.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The inbox of a shard.
    #[must_use]
    pub fn inbox(&self, shard: usize) -> &Arc<Inbox> {
        &self.inboxes[shard]
    }

    /// How many shards there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inboxes.len()
    }
}
