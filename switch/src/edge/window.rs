//! The in-flight window of one connection: numbered slots for what waits for its response.

/// A fixed number of slots. A slot is free until [`put`](Window::put) and again after
/// [`take`](Window::take).
pub struct Window<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Window<T> {
    /// With this many slots, at least one.
    #[must_use]
    pub fn new(size: usize) -> Window<T> {
        let size = u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        Window { slots: (0..size).map(|_| None).collect(), free: (0..size).rev().collect() }
    }

    /// Whether every slot is taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Whether every slot is free.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// The slot that the next [`put`](Window::put) must name.
    ///
    /// # Panics
    /// When the window is full, which the caller has asked before.
    #[must_use]
    pub fn next_slot(&self) -> u32 {
        *self.free.last().expect("the caller has seen that the window is not full")
    }

    /// Fills the slot that [`next_slot`](Window::next_slot) named.
    pub fn put(&mut self, slot: u32, waiting: T) {
        debug_assert_eq!(self.free.last(), Some(&slot));
        self.free.pop();
        self.slots[slot as usize] = Some(waiting);
    }

    /// Empties a slot; `None` when nothing waited there.
    pub fn take(&mut self, slot: u32) -> Option<T> {
        let waiting = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_given_out_and_come_back() {
        let mut window = Window::new(2);
        for value in ["first", "second"] {
            let slot = window.next_slot();
            window.put(slot, value);
        }
        assert!(window.is_full());
        assert_eq!(window.take(0), Some("first"));
        assert_eq!(window.take(0), None);
        assert_eq!(window.take(9), None);
        assert_eq!(window.next_slot(), 0);
        assert_eq!(window.take(1), Some("second"));
        assert!(window.is_empty());
    }
}
