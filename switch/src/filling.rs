//! Bringing states back at start: one thread reads, opens seals and decodes, and each state is filled by a thread
//! of its own, which waits for its tables' memory most of the time.

use auth::{Core, Element, LOOK_AHEAD, Record, State};
use crossbeam::channel::{Receiver, Sender, bounded};
use std::thread;

/// What is put into a state.
enum Piece {
    /// From a snapshot.
    Element(Element),
    /// From the journal.
    Record(Record),
}

/// What can be filled.
pub(crate) trait Fill: Send {
    /// Puts back an element of a snapshot.
    fn restore(&mut self, element: Element);
    /// Applies a record of the journal behind it.
    fn replay(&mut self, record: &Record);
    /// As filled so far.
    fn state(&self) -> &State;
}

impl Fill for Core {
    fn restore(&mut self, element: Element) {
        Core::restore(self, element);
    }

    fn replay(&mut self, record: &Record) {
        Core::replay(self, record);
    }

    fn state(&self) -> &State {
        Core::state(self)
    }
}

impl Fill for State {
    fn restore(&mut self, element: Element) {
        State::restore(self, element);
    }

    fn replay(&mut self, record: &Record) {
        self.apply(record);
    }

    fn state(&self) -> &State {
        self
    }
}

/// Where the reading thread puts pieces, each for one of the states.
pub(crate) struct Filler {
    lanes: Vec<Lane>,
}

struct Lane {
    pieces: Vec<Piece>,
    batches: Sender<Vec<Piece>>,
}

/// Pieces of a batch: enough that handing it over costs nothing beside them.
const BATCH: usize = 1024;

/// Batches that may wait for a state; then the reading waits.
const WAITING: usize = 8;

/// Fills states with what `read` puts into the filler. When this returns, everything is in them.
///
/// # Panics
/// When a state does, about a record that names what no earlier one made.
pub(crate) fn fill<T: Fill, R>(states: &mut [T], read: impl FnOnce(&mut Filler) -> R) -> R {
    thread::scope(|scope| {
        let mut lanes = Vec::with_capacity(states.len());
        for state in states {
            let (batches, received) = bounded(WAITING);
            scope.spawn(move || put_in(state, received));
            lanes.push(Lane { pieces: Vec::with_capacity(BATCH), batches });
        }
        let mut filler = Filler { lanes };
        let result = read(&mut filler);
        filler.lanes.iter_mut().for_each(Lane::hand_over);
        result
    })
}

fn put_in<T: Fill>(state: &mut T, batches: Receiver<Vec<Piece>>) {
    for batch in batches {
        let mut pieces = batch.into_iter();
        while let Some(next) = pieces.as_slice().chunks(LOOK_AHEAD).next() {
            look_ahead(state.state(), next);
            for piece in pieces.by_ref().take(LOOK_AHEAD) {
                put(state, piece);
            }
        }
    }
}

fn put<T: Fill>(state: &mut T, piece: Piece) {
    match piece {
        Piece::Element(element) => state.restore(element),
        Piece::Record(record) => state.replay(&record),
    }
}

fn look_ahead(state: &State, pieces: &[Piece]) {
    let elements = pieces.iter().filter_map(|piece| match piece {
        Piece::Element(element) => Some(element),
        Piece::Record(_) => None,
    });
    let records = pieces.iter().filter_map(|piece| match piece {
        Piece::Element(_) => None,
        Piece::Record(record) => Some(record),
    });
    state.look_ahead_elements(elements);
    state.look_ahead(records);
}

impl Filler {
    /// An element of a snapshot for a state.
    pub(crate) fn restore(&mut self, state: usize, element: Element) {
        self.lanes[state].push(Piece::Element(element));
    }

    /// A record for a state.
    pub(crate) fn replay(&mut self, state: usize, record: Record) {
        self.lanes[state].push(Piece::Record(record));
    }
}

impl Lane {
    fn push(&mut self, piece: Piece) {
        self.pieces.push(piece);
        if self.pieces.len() >= BATCH {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let batch = std::mem::replace(&mut self.pieces, Vec::with_capacity(BATCH));
        // A thread that is gone has panicked, and the scope says so at its end.
        let _ = self.batches.send(batch);
    }
}
