//! The way back to a connection: shards put responses in, the connection's task takes them out.

use auth::Response;
use crossbeam::queue::ArrayQueue;
use tokio::sync::Notify;

/// Responses on their way to one connection. It has room for one response per slot of the in-flight
/// window, and a slot gets one response, so it cannot overflow.
pub struct Outbox {
    queue: ArrayQueue<(u32, Response)>,
    ready: Notify,
}

impl Outbox {
    /// For a window of this many requests.
    #[must_use]
    pub fn new(window: usize) -> Outbox {
        Outbox { queue: ArrayQueue::new(window.max(1)), ready: Notify::new() }
    }

    /// Puts a response in and wakes the connection.
    pub fn deliver(&self, slot: u32, response: Response) {
        // force_push would drop the oldest; a full queue means a second answer for some slot, which
        // the connection would ignore anyway.
        if self.queue.push((slot, response)).is_err() {
            tracing::error!(slot, "a response found its outbox full and was dropped");
        }
        self.ready.notify_one();
    }

    /// Takes the next response.
    pub fn take(&self) -> Option<(u32, Response)> {
        self.queue.pop()
    }

    /// Waits until a response may be there.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }
}
