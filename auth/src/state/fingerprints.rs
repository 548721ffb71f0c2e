use card::Time;
use hashbrown::HashSet;
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

/// Which transactions have left memory, as 64 bits of each: enough to know which requests may repeat one of them. What is
/// found here is asked of the transaction store.
///
/// Kept in pages in the order of leaving. A page is never changed once it is full, so that a snapshot takes
/// a reference to it.
#[derive(Debug)]
pub(super) struct Fingerprints {
    capacity: usize,
    known: HashSet<u64>,
    pages: VecDeque<Page>,
    /// The page being filled, and the time of the newest transaction in it.
    open: Vec<u64>,
    newest: Time,
    /// Up to when some were dropped for want of room.
    forgotten: Option<Time>,
}

#[derive(Clone, Debug)]
struct Page {
    newest: Time,
    prints: Arc<[u64]>,
}

const PAGE: usize = 4096;

impl Fingerprints {
    /// Room for so many, rounded up to whole pages; the oldest page goes for a new one.
    pub(super) fn new(capacity: usize) -> Fingerprints {
        Fingerprints {
            capacity,
            known: HashSet::new(),
            pages: VecDeque::new(),
            open: Vec::new(),
            newest: Time::from_unix_ms(i64::MIN),
            forgotten: None,
        }
    }

    pub(super) fn reserve(&mut self) {
        // One page more is known for a moment.
        self.known.reserve((self.capacity + PAGE).saturating_sub(self.known.len()));
    }

    pub(super) fn contains(&self, print: u64) -> bool {
        self.known.contains(&print)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Up to when some transactions have left that are not known here, for want of room.
    pub(super) fn forgotten(&self) -> Option<Time> {
        self.forgotten
    }

    /// Takes note that some of up to this time are not known.
    pub(super) fn forget_some(&mut self, until: Time) {
        self.forgotten = self.forgotten.max(Some(until));
    }

    pub(super) fn insert(&mut self, time: Time, print: u64) {
        if self.capacity == 0 {
            return self.forget_some(time);
        }
        // A page that several shards had comes several times: once is enough, or it would push others out.
        if !self.known.insert(print) {
            return;
        }
        self.open.push(print);
        self.newest = self.newest.max(time);
        if self.open.len() >= PAGE {
            let page = Page { newest: self.newest, prints: self.open.drain(..).collect() };
            self.pages.push_back(page);
        }
        while self.pages.len() * PAGE + self.open.len() > self.capacity.max(PAGE) {
            let Some(newest) = self.drop_oldest() else { return };
            self.forget_some(newest);
        }
    }

    /// Drops the pages all of which are older.
    pub(super) fn forget_before(&mut self, horizon: Time) {
        while self.pages.front().is_some_and(|page| page.newest < horizon) {
            self.drop_oldest();
        }
        self.forgotten = self.forgotten.filter(|until| *until >= horizon);
    }

    /// Says how new they were at most.
    fn drop_oldest(&mut self) -> Option<Time> {
        let page = self.pages.pop_front()?;
        self.look_ahead(&page.prints);
        for print in page.prints.iter() {
            self.known.remove(print);
        }
        Some(page.newest)
    }

    /// Asks memory for all of them together: one at a time each would wait for it.
    pub(super) fn look_ahead(&self, prints: &[u64]) {
        black_box(prints.iter().filter(|print| self.known.contains(*print)).count());
    }

    /// All of them, oldest first, each with a time that it is not newer than.
    pub(super) fn freeze(&self) -> Vec<(Time, Arc<[u64]>)> {
        let pages = self.pages.iter().map(|page| (page.newest, Arc::clone(&page.prints)));
        pages.chain([(self.newest, self.open.as_slice().into())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_newest_and_forgets_the_oldest() {
        let mut prints = Fingerprints::new(3 * PAGE);
        for number in 0..10 * PAGE as u64 {
            prints.insert(Time::from_unix_ms(number as i64), number);
            assert!(prints.known.len() <= 3 * PAGE);
            assert!(prints.contains(number));
        }
        assert!(!prints.contains(PAGE as u64));
        assert!(prints.contains(9 * PAGE as u64));
        let forgotten = prints.forgotten().unwrap().unix_ms as u64;
        assert!(!prints.contains(forgotten) && prints.contains(forgotten + 1));
        prints.forget_before(Time::from_unix_ms(9 * PAGE as i64));
        assert!(!prints.contains(9 * PAGE as u64 - 1));
        assert!(prints.contains(9 * PAGE as u64));
        let frozen: usize = prints.freeze().iter().map(|(_, page)| page.len()).sum();
        assert_eq!(frozen, prints.known.len());
    }

    #[test]
    fn what_is_known_takes_no_second_place() {
        let mut prints = Fingerprints::new(3 * PAGE);
        for _ in 0..20 {
            for number in 0..2 * PAGE as u64 {
                prints.insert(Time::from_unix_ms(0), number);
            }
        }
        assert!((0..2 * PAGE as u64).all(|number| prints.contains(number)));
        assert_eq!(prints.known.len(), 2 * PAGE);
    }

    #[test]
    fn without_room_nothing_is_known() {
        let mut prints = Fingerprints::new(0);
        prints.insert(Time::from_unix_ms(5), 7);
        assert!(!prints.contains(7));
        assert_eq!(prints.forgotten(), Some(Time::from_unix_ms(5)));
        prints.forget_before(Time::from_unix_ms(6));
        assert_eq!(prints.forgotten(), None);
    }
}
