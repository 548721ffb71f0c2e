//! An ATM that keeps books of its own: the notes it gave out. Its reports have no answer, so it tells
//! with each request how the one before ended, and that has to be enough.

use super::{OPENING_MINOR, Rng};
use crate::Connection;
use ndc::Luno;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use terminal::{Atm, AtmAsk, AtmReply, CardSimulator, TestIssuer, TrackSource};

pub(crate) struct CashMachine {
    atm: Atm,
    /// Value of one note by cassette, minor units.
    denominations_minor: [i64; 4],
    tpk: hsm_sim::ClearKey,
    cards: Vec<(u32, CardSimulator)>,
    /// Notes that are out, minor units, by the serial number of the card.
    given_minor: BTreeMap<u32, i64>,
    /// Every reply that came, in order.
    replies: Vec<Replied>,
    rng: Rng,
}

/// A reply and what the ATM did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replied {
    pub(crate) serial: u32,
    pub(crate) tsn: u32,
    pub(crate) approved: bool,
    /// What came out, minor units.
    pub(crate) given_minor: i64,
}

impl CashMachine {
    pub(crate) fn new(
        luno: &str,
        denominations_minor: [i64; 4],
        issuer: &TestIssuer,
        cards: &[u32],
        rng: Rng,
    ) -> CashMachine {
        CashMachine {
            atm: Atm::new(Luno::new(luno.as_bytes()).unwrap()),
            denominations_minor,
            tpk: issuer.keys.tpk.clone(),
            cards: cards.iter().map(|&serial| (serial, issuer.card(serial))).collect(),
            given_minor: BTreeMap::new(),
            replies: Vec::new(),
            rng,
        }
    }

    /// LUNO, which is the terminal in the books.
    pub(crate) fn luno(&self) -> String {
        self.atm.luno().as_str().to_owned()
    }

    pub(crate) fn cards(&self) -> impl Iterator<Item = u32> {
        self.cards.iter().map(|(serial, _)| *serial)
    }

    pub(crate) fn replies(&self) -> &[Replied] {
        &self.replies
    }

    /// What the account of a card should show as posted, once every report has been taken in.
    pub(crate) fn ledger_minor(&self, serial: u32) -> i64 {
        OPENING_MINOR - self.given_minor.get(&serial).copied().unwrap_or(0)
    }

    /// Customers, until the connection breaks.
    pub(crate) fn load(&mut self, address: SocketAddr, answered: &AtomicUsize) {
        let Ok(mut connection) = Connection::open(address) else { return };
        while self.serve_customer(&mut connection).is_some() {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An inquiry, with which the ATM tells how its last dispense ended. A first customer is served
    /// well before anything is killed, so that there is always something to tell.
    pub(crate) fn close(&mut self, address: SocketAddr) {
        let mut connection = Connection::open(address).unwrap();
        if self.replies.is_empty() {
            let reply = self.ask(&mut connection, 0, Some(2000)).expect("an idle switch answers");
            assert!(reply.dispenses());
            self.give_all(0, &reply);
            connection.send(&self.atm.ready().unwrap()).unwrap();
        }
        let reply = self.ask(&mut connection, 0, None).expect("an idle switch answers");
        self.replied(0, &reply, true, 0);
        connection.send(&self.atm.ready().unwrap()).unwrap();
    }

    fn serve_customer(&mut self, connection: &mut Connection) -> Option<()> {
        let which = self.rng.below(self.cards.len() as u64) as usize;
        let amount_minor = 2000 * (1 + self.rng.below(5));
        let reply = self.ask(connection, which, Some(amount_minor))?;
        if !reply.dispenses() {
            self.replied(which, &reply, false, 0);
            return connection.send(&self.atm.ready().unwrap()).ok();
        }
        // What came out is out, whether or not the report arrives.
        let report = match self.rng.below(6) {
            0 => {
                self.replied(which, &reply, true, 0);
                self.atm.cash_handler_fault(b'2', [0; 4])
            }
            1 => self.give_less(which, &reply),
            _ => {
                self.give_all(which, &reply);
                self.atm.ready()
            }
        };
        connection.send(&report.unwrap()).ok()
    }

    fn give_all(&mut self, which: usize, reply: &AtmReply) {
        let given_minor = self.value_minor(reply.notes);
        self.replied(which, reply, true, given_minor);
    }

    /// All but the first note.
    fn give_less(&mut self, which: usize, reply: &AtmReply) -> Result<Vec<u8>, terminal::AtmError> {
        let mut given = reply.notes;
        let first = given.iter_mut().find(|count| **count > 0).expect("the reply dispenses");
        *first -= 1;
        let given_minor = self.value_minor(given);
        self.replied(which, reply, true, given_minor);
        // 1: some came out, 2: none.
        self.atm.cash_handler_fault(if given_minor > 0 { b'1' } else { b'2' }, given)
    }

    fn value_minor(&self, notes: [u32; 4]) -> i64 {
        notes.iter().zip(self.denominations_minor).map(|(count, minor)| i64::from(*count) * minor).sum()
    }

    fn replied(&mut self, which: usize, reply: &AtmReply, approved: bool, given_minor: i64) {
        let serial = self.cards[which].0;
        *self.given_minor.entry(serial).or_default() += given_minor;
        self.replies.push(Replied { serial, tsn: u32::from(reply.tsn.number()), approved, given_minor });
    }

    /// `None` once the connection is gone.
    fn ask(
        &mut self,
        connection: &mut Connection,
        which: usize,
        amount_minor: Option<u64>,
    ) -> Option<AtmReply> {
        let card = &self.cards[which].1;
        let track2 = card.track2(TrackSource::Stripe);
        let pin_block = card.pin_block(card.pin(), &self.tpk);
        let ask = AtmAsk {
            operation_code: if amount_minor.is_some() { b"A      A" } else { b"B      B" },
            amount_minor,
            track2: &track2,
            pin_block: Some(&pin_block),
            icc: None,
        };
        let request = self.atm.request(&ask).unwrap();
        connection.send(&request).ok()?;
        Some(self.atm.take_reply(&connection.receive()?).unwrap())
    }
}
