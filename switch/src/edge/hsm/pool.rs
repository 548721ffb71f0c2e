//! The units and their connections, as those who hand out commands see them: which one a command goes
//! to, and where it waits when none has room.

use super::Desk;
use super::errand::Errand;
use super::lmk::LmkValues;
use super::queue::Queue;
use super::shares::Shares;
use crate::metrics::{CommandMeters, UnitMeters};
use crate::settings::PayShieldSettings;
use std::cmp::Ordering as Order;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// All units.
pub(super) struct Pool {
    pub(super) units: Vec<Unit>,
    /// Commands that one connection may have.
    window: usize,
    shares: Shares,
    queue: Queue,
    pub(super) lmks: LmkValues,
    pub(super) desk: Desk,
    /// Counts commands that came to no unit.
    nowhere: CommandMeters,
}

/// One unit.
pub(super) struct Unit {
    pub(super) address: SocketAddr,
    weight: usize,
    pub(super) meters: UnitMeters,
    /// Commands sent so far.
    pub(super) calls: AtomicU64,
    doors: Vec<Door>,
}

/// The near end of one connection.
struct Door {
    /// Has room for as many errands as a connection may have, so it is never full.
    errands: mpsc::Sender<Errand>,
    /// Whether the connection is in service.
    open: AtomicBool,
    /// Whether it is behind with its answers.
    slow: AtomicBool,
    /// Errands in its care, waiting or sent.
    load: AtomicUsize,
}

/// Which connection of which unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) unit: usize,
    pub(super) door: usize,
}

/// Where a command can go.
enum Choice {
    /// This connection has room, and the room is taken.
    Seat(Seat),
    /// No connection has room.
    Full,
    /// No connection is in service.
    Nobody,
}

impl Pool {
    /// The pool, and the far end of each connection.
    pub(super) fn new(
        settings: &PayShieldSettings,
        desk: Desk,
    ) -> (Pool, Vec<(Seat, mpsc::Receiver<Errand>)>) {
        let metrics = desk.metrics.hsm();
        let mut ends = Vec::new();
        let mut units = Vec::with_capacity(settings.units.len());
        for (number, unit) in settings.units.iter().enumerate() {
            let mut doors = Vec::with_capacity(settings.connections);
            for door in 0..settings.connections.max(1) {
                let (errands, end) = mpsc::channel(settings.in_flight.max(1));
                let (open, slow, load) =
                    (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
                doors.push(Door { errands, open, slow, load });
                ends.push((Seat { unit: number, door }, end));
            }
            units.push(Unit {
                address: unit.address,
                weight: unit.weight.max(1) as usize,
                meters: metrics.unit(&unit.address.to_string(), unit.licence_rate),
                calls: AtomicU64::new(0),
                doors,
            });
        }
        let shares = Shares::new(units.iter().map(|unit| unit.weight));
        let lmks = LmkValues::new(units.len(), metrics.clone());
        let queue = Queue::new(settings.queue, metrics);
        let nowhere = metrics.commands("none");
        (Pool { units, window: settings.in_flight.max(1), shares, queue, lmks, desk, nowhere }, ends)
    }

    /// Connections in service.
    pub(super) fn connected(&self) -> usize {
        let doors = self.units.iter().flat_map(|unit| &unit.doors);
        doors.filter(|door| door.open.load(Ordering::Acquire)).count()
    }

    /// Whether a new job has to be refused.
    pub(super) fn is_full(&self, lane: super::policy::Lane) -> bool {
        self.queue.is_full(lane)
    }

    /// Whether nothing waits for room.
    pub(super) fn nothing_waits(&self) -> bool {
        self.queue.is_empty()
    }

    /// Gives an errand to the connection that is best for it, or lets it wait until one has room.
    /// Without any in service it fails at once: a cardholder should not wait for a deadline that is
    /// known to pass.
    pub(super) fn place(&self, errand: Errand) {
        let errand = if self.queue.is_empty() {
            match self.choose(errand.avoid) {
                Choice::Seat(seat) => return self.seat(seat, errand),
                Choice::Nobody => return self.fail(errand, "unconnected"),
                Choice::Full => errand,
            }
        } else {
            errand
        };
        let mut lanes = self.queue.lock();
        lanes.push(errand);
        self.queue.publish(&lanes);
        drop(lanes);
        // Room that came between the look and the push would otherwise go unnoticed.
        self.settle();
    }

    /// Gives what waits to connections that have room. Called whenever there may be some.
    pub(super) fn settle(&self) {
        let mut stranded = Vec::new();
        let mut lanes = self.queue.lock();
        while let Some(next) = lanes.front() {
            match self.choose(next.avoid) {
                Choice::Seat(seat) => {
                    if let Some(errand) = lanes.pop() {
                        self.seat(seat, errand);
                    }
                }
                Choice::Nobody => stranded.extend(lanes.pop()),
                Choice::Full => break,
            }
        }
        self.queue.publish(&lanes);
        drop(lanes);
        // Outside of the lock, since it calls home.
        for errand in stranded {
            self.fail(errand, "unconnected");
        }
    }

    /// Fails what has waited past its deadline.
    pub(super) fn expire(&self, now: Instant) {
        if self.queue.is_empty() {
            return;
        }
        let mut lanes = self.queue.lock();
        let overdue = lanes.take_overdue(now);
        self.queue.publish(&lanes);
        drop(lanes);
        for errand in overdue {
            self.fail(errand, "deadline");
        }
    }

    /// Opens or closes a connection for new errands.
    pub(super) fn set_open(&self, seat: Seat, open: bool) {
        let unit = &self.units[seat.unit];
        let door = &unit.doors[seat.door];
        door.slow.store(false, Ordering::Release);
        door.open.store(open, Ordering::Release);
        if open {
            unit.meters.connections.inc()
        } else {
            unit.meters.connections.dec()
        };
        self.settle();
    }

    /// A connection falls behind with its answers, or has caught up.
    pub(super) fn set_slow(&self, seat: Seat, slow: bool) {
        self.units[seat.unit].doors[seat.door].slow.store(slow, Ordering::Release);
    }

    /// Whether some other unit is there for what this one does not answer.
    pub(super) fn another_unit_is_well(&self, than: usize) -> bool {
        let others = self.units.iter().enumerate().filter(|(number, _)| *number != than);
        others.flat_map(|(_, unit)| &unit.doors).any(Door::is_well)
    }

    /// An errand leaves the care of a connection, for whatever reason. [`settle`](Pool::settle) fills
    /// the room.
    pub(super) fn relieve(&self, seat: Seat) {
        let unit = &self.units[seat.unit];
        unit.doors[seat.door].load.fetch_sub(1, Ordering::AcqRel);
        unit.meters.outstanding.dec();
    }

    /// Ends an errand that is with no unit.
    fn fail(&self, errand: Errand, why: &'static str) {
        errand.fail(&self.desk, &self.nowhere, why, Duration::ZERO);
    }

    fn seat(&self, seat: Seat, errand: Errand) {
        let door = &self.units[seat.unit].doors[seat.door];
        // Closed only while the process stops.
        if let Err(refused) = door.errands.try_send(errand) {
            self.relieve(seat);
            self.fail(refused.into_inner(), "stopping");
        }
    }

    /// Of the units with room, the best: not the one to avoid, not slow, the least to do for its weight;
    /// and among equals the one whose turn it is. Within it the connection with the least to do.
    fn choose(&self, avoid: Option<usize>) -> Choice {
        let turn = self.shares.next();
        let count = self.units.len();
        let (mut nobody, mut best) = (true, None);
        for step in 0..count {
            let number = (turn + step) % count;
            let unit = &self.units[number];
            let mut candidate: Option<Candidate> = None;
            let mut outstanding = 0;
            for (door, state) in unit.doors.iter().enumerate() {
                let load = state.load.load(Ordering::Acquire);
                outstanding += load;
                if !state.open.load(Ordering::Acquire) {
                    continue;
                }
                nobody = false;
                let slow = state.slow.load(Ordering::Acquire);
                let better = candidate.as_ref().is_none_or(|other| (slow, load) < (other.slow, other.load));
                if load < self.window && better {
                    let seat = Seat { unit: number, door };
                    let avoided = avoid == Some(number);
                    candidate =
                        Some(Candidate { seat, avoided, slow, load, outstanding: 0, weight: unit.weight });
                }
            }
            if let Some(candidate) = candidate.map(|candidate| Candidate { outstanding, ..candidate })
                && best.as_ref().is_none_or(|best| candidate.is_better_than(best))
            {
                best = Some(candidate);
            }
        }
        match best {
            Some(Candidate { seat, .. }) if self.take_room(seat) => Choice::Seat(seat),
            None if nobody => Choice::Nobody,
            // Somebody else took the last room in the same moment.
            Some(_) | None => Choice::Full,
        }
    }

    fn take_room(&self, seat: Seat) -> bool {
        let unit = &self.units[seat.unit];
        let door = &unit.doors[seat.door];
        if door.load.fetch_add(1, Ordering::AcqRel) >= self.window {
            door.load.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        unit.meters.outstanding.inc();
        true
    }
}

impl Door {
    fn is_well(&self) -> bool {
        self.open.load(Ordering::Acquire) && !self.slow.load(Ordering::Acquire)
    }
}

/// The best connection of a unit.
struct Candidate {
    seat: Seat,
    avoided: bool,
    slow: bool,
    /// Errands of the connection.
    load: usize,
    /// Errands of the unit.
    outstanding: usize,
    weight: usize,
}

impl Candidate {
    fn is_better_than(&self, other: &Candidate) -> bool {
        // Outstanding by weight, without dividing.
        let (mine, others) = (self.outstanding * other.weight, other.outstanding * self.weight);
        let order = (self.avoided, self.slow, mine).cmp(&(other.avoided, other.slow, others));
        order == Order::Less
    }
}
