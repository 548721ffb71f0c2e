use crate::frame::Frame;
use crate::peer::Peer;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What was found out about one peer.
pub(crate) struct Row {
    pub(crate) parse_ns: f64,
    pub(crate) encode_ns: f64,
    pub(crate) parse_allocations: u64,
    pub(crate) encode_allocations: u64,
    pub(crate) truncations: Verdicts,
    pub(crate) faults: Vec<Verdict>,
}

/// Rounds in which every peer has its turn, so that a busy moment of the machine hits all and not one.
const ROUNDS: u32 = 60;

/// How long a turn lasts. The shortest time per call over all rounds is what gets printed.
const TURN: Duration = Duration::from_millis(4);

pub(crate) fn all(peers: &[Box<dyn Bench>]) -> Vec<Row> {
    let mut rows: Vec<Row> = peers.iter().map(|peer| peer.examine()).collect();
    for _ in 0..ROUNDS {
        for (peer, row) in peers.iter().zip(&mut rows) {
            row.parse_ns = row.parse_ns.min(turn(|calls| peer.parse_often(calls)));
            row.encode_ns = row.encode_ns.min(turn(|calls| peer.encode_often(calls)));
        }
    }
    rows
}

/// Nanoseconds per call.
fn turn(work: impl Fn(u32)) -> f64 {
    let probe = time(100, &work);
    let calls = (TURN.as_secs_f64() / probe.as_secs_f64() * 100.0).clamp(100.0, 1e6) as u32;
    time(calls, &work).as_secs_f64() * 1e9 / f64::from(calls)
}

fn time(calls: u32, work: impl Fn(u32)) -> Duration {
    let start = Instant::now();
    work(calls);
    start.elapsed()
}

/// A peer with its loops inside, so that no call through a pointer is measured.
pub(crate) trait Bench {
    fn peer(&self) -> &dyn Peer;
    fn parse_often(&self, calls: u32);
    fn encode_often(&self, calls: u32);
    fn examine(&self) -> Row;
}

impl<P: Peer> Bench for P {
    fn peer(&self) -> &dyn Peer {
        self
    }

    fn parse_often(&self, calls: u32) {
        let frame = &self.frame().bytes[..];
        for _ in 0..calls {
            assert!(self.parse(black_box(frame)));
        }
    }

    fn encode_often(&self, calls: u32) {
        let mut out = Vec::with_capacity(512);
        for _ in 0..calls {
            black_box(self).encode(black_box(&mut out));
        }
    }

    /// Everything but the times. Panics if a peer does not read, or write, what the message says.
    fn examine(&self) -> Row {
        let frame = self.frame();
        for (number, value) in frame.fields() {
            let found = self.value(&frame.bytes, number);
            let same = found.as_ref().is_some_and(|found| self.same(found, value));
            assert!(same, "{} reads DE {number} as {found:?}", self.name());
        }
        let mut out = Vec::with_capacity(512);
        self.encode(&mut out);
        assert!(self.same(&out, &frame.bytes), "{} writes something else", self.name());
        let parse_allocations = allocations(|| {
            self.parse(&frame.bytes);
        });
        let encode_allocations = allocations(|| {
            self.encode(&mut out);
        });
        Row {
            parse_ns: f64::INFINITY,
            encode_ns: f64::INFINITY,
            parse_allocations,
            encode_allocations,
            truncations: truncations(self, frame),
            faults: FAULTS.iter().map(|fault| verdict(self, &(fault.make)(frame))).collect(),
        }
    }
}

/// One way to spoil the message, each of which a parser should refuse.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    make: fn(&Frame) -> Vec<u8>,
}

pub(crate) const FAULTS: [Fault; 4] = [
    Fault { name: "extra byte", make: Frame::with_extra_byte },
    Fault { name: "letter in DE 4", make: Frame::with_letter_in_amount },
    Fault { name: "length +6", make: Frame::with_signed_length },
    Fault { name: "length 0x", make: Frame::with_letter_in_length },
];

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    Refused,
    Accepted,
    Panicked,
}

#[derive(Default)]
pub(crate) struct Verdicts {
    pub(crate) refused: u32,
    pub(crate) accepted: u32,
    pub(crate) panicked: u32,
}

/// Every beginning of the message, from nothing to all but its last byte.
fn truncations(peer: &impl Peer, frame: &Frame) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for size in 0..frame.bytes.len() {
        match verdict(peer, &frame.bytes[..size]) {
            Verdict::Refused => verdicts.refused += 1,
            Verdict::Accepted => verdicts.accepted += 1,
            Verdict::Panicked => verdicts.panicked += 1,
        }
    }
    verdicts
}

fn verdict(peer: &impl Peer, frame: &[u8]) -> Verdict {
    match catch_unwind(AssertUnwindSafe(|| peer.parse(frame))) {
        Ok(true) => Verdict::Accepted,
        Ok(false) => Verdict::Refused,
        Err(_) => Verdict::Panicked,
    }
}

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counted. A plain count of one thread, since an atomic one would cost those who
/// allocate more than it should.
pub(crate) struct Counting;

// Safety: everything is passed on unchanged, and the count neither allocates nor needs a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
