//! All shards as the edge sees them: where to hand an input, and how to get its response.

use crate::directory::Directory;
use crate::edge::outbox::Outbox;
use crate::inbox::{Inbox, Message};
use auth::Input;
use card::Pan;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
            inbox.push(Message::Attach(connection, Arc::clone(outbox))).map_err(|_| Overloaded)?;
        }
        Ok(connection)
    }

    /// Takes a connection away. Responses to it are dropped from then on.
    pub fn detach(&self, connection: u64) {
        for inbox in &self.inboxes {
            // A full inbox keeps the entry until the process ends; its outbox is empty memory.
            let _ = inbox.push(Message::Detach(connection));
        }
    }

    /// Hands an input to the shard of this card.
    ///
    /// # Errors
    /// When that shard's inbox is full.
    pub fn submit(&self, pan: &Pan, input: Input) -> Result<(), Overloaded> {
        let inbox = &self.inboxes[self.directory.home(pan)];
        inbox.push(Message::Input(input)).map_err(|_| Overloaded)
    }

    /// Hands an input to a shard by number, as for HSM replies.
    ///
    /// # Errors
    /// When that shard's inbox is full.
    pub fn submit_to(&self, shard: usize, input: Input) -> Result<(), Overloaded> {
        self.inboxes[shard].push(Message::Input(input)).map_err(|_| Overloaded)
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
