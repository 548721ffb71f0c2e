//! The way into a shard: a bounded queue without locks, and a nudge for the sleeping thread.

use crate::edge::outbox::Outbox;
use crate::snapshots::FrozenShard;
use crossbeam::channel::Sender;
use crossbeam::queue::ArrayQueue;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Instant;

/// Inputs that may wait for one shard. Full means overload, which is answered 96 where the frame
/// came in.
pub const INBOX_CAPACITY: usize = 16_384;

/// Requests are refused from here on. The rest is for what belongs to work already taken on: HSM
/// replies, completions, connections that come and go.
pub const REQUEST_CAPACITY: usize = INBOX_CAPACITY / 4 * 3;

/// What a shard is sent.
pub enum Message {
    /// An input for its core, and when it was put here.
    Input(auth::Input, Instant),
    /// A connection opened; it comes before any request of that connection.
    Attach(u64, Arc<Outbox>),
    /// A connection closed.
    Detach(u64),
    /// Freeze the state as it is and hand it over, for a snapshot.
    Freeze(Sender<FrozenShard>),
    /// No more work will come; finish what is there and end.
    Drain,
}

impl Message {
    /// What its core will be given, if anything.
    pub(crate) fn input(&self) -> Option<&auth::Input> {
        match self {
            Message::Input(input, _) => Some(input),
            _ => None,
        }
    }
}

/// One shard's queue. Many threads push, the shard pops.
pub struct Inbox {
    queue: ArrayQueue<Message>,
    owner: OnceLock<Thread>,
    sleeping: AtomicBool,
}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox {
            queue: ArrayQueue::new(INBOX_CAPACITY),
            owner: OnceLock::new(),
            sleeping: AtomicBool::new(false),
        }
    }
}

impl Inbox {
    /// Adds a message that begins new work, while there is room for such.
    ///
    /// # Errors
    /// Gives the message back when [`REQUEST_CAPACITY`] is reached.
    pub fn push_request(&self, message: Message) -> Result<(), Message> {
        if self.queue.len() >= REQUEST_CAPACITY {
            return Err(message);
        }
        self.push(message)
    }

    /// Adds a message and wakes the shard.
    ///
    /// # Errors
    /// Gives the message back when the queue is full.
    pub fn push(&self, message: Message) -> Result<(), Message> {
        self.queue.push(message)?;
        self.wake();
        Ok(())
    }

    /// Wakes the shard, for a message or because records have become durable.
    pub fn wake(&self) {
        if self.sleeping.swap(false, Ordering::SeqCst)
            && let Some(owner) = self.owner.get()
        {
            owner.unpark();
        }
    }

    /// Takes the next message.
    pub fn pop(&self) -> Option<Message> {
        self.queue.pop()
    }

    /// How many messages wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Names the thread to wake; called once by the shard at its start.
    pub fn own(&self) {
        let _ = self.owner.set(std::thread::current());
    }

    /// Sleeps until woken or until `limit`, unless there is something to do already. The flag goes up
    /// before the last look, so that a push after the look finds it up and unparks.
    pub fn sleep(&self, limit: std::time::Duration, anything_to_do: impl Fn() -> bool) {
        self.sleeping.store(true, Ordering::SeqCst);
        if self.queue.is_empty() && !anything_to_do() {
            std::thread::park_timeout(limit);
        }
        self.sleeping.store(false, Ordering::SeqCst);
    }
}
