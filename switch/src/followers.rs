//! Who follows the journal, and how far: what one of them has not read yet must not be taken away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Everybody who reads behind the shards: the transaction store and each webhook.
#[derive(Default)]
pub struct Followers {
    joined: Mutex<Vec<(String, Arc<AtomicU64>)>>,
}

/// One of them, which says what it needs.
#[derive(Clone, Debug)]
pub struct Follower {
    segment: Arc<AtomicU64>,
}

impl Followers {
    /// A new follower, by the name that logs give it. Until it says otherwise it needs every segment.
    #[must_use]
    pub fn join(&self, name: &str) -> Follower {
        let segment = Arc::new(AtomicU64::new(0));
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        joined.push((name.to_owned(), Arc::clone(&segment)));
        Follower { segment }
    }

    /// The follower that is farthest behind, and the oldest segment it needs; `None` when nobody follows.
    #[must_use]
    pub fn last(&self) -> Option<(String, u64)> {
        let joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let needs = joined.iter().map(|(name, segment)| (name, segment.load(Ordering::Acquire)));
        needs.min_by_key(|(_, segment)| *segment).map(|(name, segment)| (name.clone(), segment))
    }
}

impl Follower {
    /// Segments before this one are no longer needed.
    pub fn needs_from(&self, segment: u64) {
        self.segment.store(segment, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_decides() {
        let followers = Followers::default();
        assert_eq!(followers.last(), None);
        let (store, webhook) = (followers.join("store"), followers.join("webhook"));
        store.needs_from(7);
        assert_eq!(followers.last(), Some(("webhook".to_owned(), 0)), "who has said nothing needs all");
        webhook.needs_from(9);
        assert_eq!(followers.last(), Some(("store".to_owned(), 7)));
    }
}
