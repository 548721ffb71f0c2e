use crate::hsm_checks::Asked;
use crate::limits::SUSPENDED_CAPACITY;
use crate::names::{OriginalKey, ReplyTo, Ticket};
use crate::receipt::Receipt;
use crate::request::Request;
use card::Time;
use hashbrown::HashMap;
use std::collections::VecDeque;

/// Requests that wait for the HSM, or for another shard (`enquiry.rs`). They may die with the process: nothing was promised yet, and the
/// acquirer's repeat starts them again.
#[derive(Debug, Default)]
pub(crate) struct Suspended {
    waiting: HashMap<Ticket, SuspendedRequest>,
    /// In order of tickets; those that were answered stay in here for a while.
    deadlines: VecDeque<(Time, Ticket)>,
    by_key: HashMap<OriginalKey, Ticket>,
    next_ticket: u64,
}

#[derive(Debug)]
pub(crate) struct SuspendedRequest {
    pub(crate) request: Box<Request>,
    pub(crate) receipt: Receipt,
    pub(crate) asked: Asked,
    /// Repeats of the request that came meanwhile; they get the same answer. Each takes a slot of its
    /// connection's in-flight window until then, so the windows bound them, and none may be dropped:
    /// its slot would never be free again.
    pub(crate) repeats: Vec<ReplyTo>,
}

impl Suspended {
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= SUSPENDED_CAPACITY
    }

    pub(crate) fn add(
        &mut self,
        request: Box<Request>,
        receipt: Receipt,
        asked: Asked,
        deadline: Time,
    ) -> Ticket {
        self.put_back(SuspendedRequest { request, receipt, asked, repeats: Vec::new() }, deadline)
    }

    /// Lets a request that was taken wait for something else, with those that repeat it.
    pub(crate) fn put_back(&mut self, suspended: SuspendedRequest, deadline: Time) -> Ticket {
        let ticket = self.ticket();
        self.by_key.insert(suspended.request.key(), ticket);
        if self.deadlines.len() >= 2 * SUSPENDED_CAPACITY {
            self.deadlines.retain(|(_, ticket)| self.waiting.contains_key(ticket));
        }
        self.deadlines.push_back((deadline, ticket));
        self.waiting.insert(ticket, suspended);
        ticket
    }

    /// A ticket that nothing else has.
    pub(crate) fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<SuspendedRequest> {
        let suspended = self.waiting.remove(&ticket)?;
        self.by_key.remove(&suspended.request.key());
        while self.deadlines.front().is_some_and(|(_, ticket)| !self.waiting.contains_key(ticket)) {
            self.deadlines.pop_front();
        }
        Some(suspended)
    }

    pub(crate) fn get(&self, ticket: Ticket) -> Option<&SuspendedRequest> {
        self.waiting.get(&ticket)
    }

    /// The suspended request of this link, terminal and STAN.
    pub(crate) fn find(&self, key: &OriginalKey) -> Option<&SuspendedRequest> {
        self.waiting.get(self.by_key.get(key)?)
    }

    /// As [`find`](Suspended::find), to add a repeat to it.
    pub(crate) fn find_mut(&mut self, key: &OriginalKey) -> Option<&mut SuspendedRequest> {
        let ticket = self.by_key.get(key)?;
        self.waiting.get_mut(ticket)
    }

    /// Tickets whose deadline has passed. Deadlines rise with tickets but for a change of
    /// configuration, which at worst lets an old one wait for those before it.
    pub(crate) fn overdue(&self, now: Time) -> Vec<Ticket> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        due.map(|(_, ticket)| *ticket).filter(|ticket| self.waiting.contains_key(ticket)).collect()
    }
}
