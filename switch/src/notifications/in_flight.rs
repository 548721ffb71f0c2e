use card::Time;
use std::collections::VecDeque;
use store::Place;

/// Number of an event among those of one run of a webhook, in the order of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// What was read and is not settled yet, that is delivered or quarantined; and how far everything is settled.
///
/// Events are settled in any order, and the place moves over those that are settled without a gap.
#[derive(Debug)]
pub struct InFlight {
    /// Ticket of the first of `events`.
    first: u64,
    events: VecDeque<Waiting>,
    /// Places behind what was read, with the ticket of the first event behind each.
    places: VecDeque<(u64, Place)>,
    settled: Place,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    time: Option<Time>,
    is_settled: bool,
}

impl InFlight {
    /// Everything before this place is settled, and nothing was read.
    #[must_use]
    pub fn new(settled: Place) -> InFlight {
        InFlight { first: 0, events: VecDeque::new(), places: VecDeque::new(), settled }
    }

    /// An event was read; `time` is when it happened.
    pub fn read(&mut self, time: Option<Time>) -> Ticket {
        self.events.push_back(Waiting { time, is_settled: false });
        Ticket(self.first + self.events.len() as u64 - 1)
    }

    /// Everything before this place was read.
    pub fn reached(&mut self, place: &Place) {
        let next = self.first + self.events.len() as u64;
        if self.events.is_empty() {
            self.places.clear();
            self.settled.clone_from(place);
            return;
        }
        // Frames without events of ours only move the last place on.
        match self.places.back_mut() {
            Some((ticket, last)) if *ticket == next => last.clone_from(place),
            _ => self.places.push_back((next, place.clone())),
        }
    }

    /// An event was delivered or quarantined.
    pub fn settle(&mut self, Ticket(ticket): Ticket) {
        let index = ticket.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(waiting) = index.and_then(|index| self.events.get_mut(index)) {
            waiting.is_settled = true;
        }
        while self.events.front().is_some_and(|waiting| waiting.is_settled) {
            self.events.pop_front();
            self.first += 1;
        }
        while self.places.front().is_some_and(|(next, _)| *next <= self.first) {
            self.settled = self.places.pop_front().expect("it is there").1;
        }
    }

    /// Everything before this place is settled: a restart goes on here.
    #[must_use]
    pub fn settled(&self) -> &Place {
        &self.settled
    }

    /// Events that wait, from the oldest that is not settled on.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.events.len()
    }

    /// When the oldest event that waits happened, as far as one of them says.
    #[must_use]
    pub fn oldest(&self) -> Option<Time> {
        self.events.iter().find_map(|waiting| waiting.time.filter(|_| !waiting.is_settled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Sequence;

    fn place(offset: u64) -> Place {
        Place { segment: 1, offset, positions: vec![Sequence(offset)] }
    }

    #[test]
    fn the_place_moves_over_what_is_settled_without_a_gap() {
        let mut flight = InFlight::new(place(0));
        let now = Time::from_unix_ms(5);
        let (first, second) = (flight.read(Some(now)), flight.read(None));
        flight.reached(&place(10));
        let third = flight.read(None);
        flight.reached(&place(20));
        flight.reached(&place(25));
        assert_eq!((flight.waiting(), flight.oldest()), (3, Some(now)));
        flight.settle(third);
        flight.settle(second);
        assert_eq!(flight.settled(), &place(0), "the first still waits");
        assert_eq!(flight.waiting(), 3);
        flight.settle(first);
        assert_eq!(flight.settled(), &place(25));
        assert_eq!((flight.waiting(), flight.oldest()), (0, None));
        flight.settle(first);
        flight.reached(&place(30));
        assert_eq!(flight.settled(), &place(30), "nothing waits, so nothing holds it");
    }

    #[test]
    fn half_a_frame_does_not_move_the_place() {
        let mut flight = InFlight::new(place(0));
        let first = flight.read(None);
        flight.settle(first);
        assert_eq!(flight.settled(), &place(0), "the frame is not read to its end");
        let second = flight.read(None);
        flight.reached(&place(10));
        flight.settle(second);
        assert_eq!(flight.settled(), &place(10));
    }
}
