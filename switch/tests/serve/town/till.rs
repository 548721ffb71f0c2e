//! A point-of-sale terminal that keeps books of its own: every request it sent, what it was answered,
//! and what of the money stands by that. It knows nothing of the switch but its answers.

use super::Rng;
use crate::{Connection, PIPELINE};
use card::{Currency, ResponseCode, Rrn, Stan, Time};
use iso8583::{Dialect, Mti};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use terminal::{
    CardSimulator, ChipTransaction, CryptogramVersion, Intent, Pos, PosResponse, Presentment, TestIssuer,
    Trace,
};

/// Wrong PINs after which the configured product refuses every PIN.
const PIN_TRY_LIMIT: u8 = 3;

/// How far back a reversal looks for something to take back.
const REVERSAL_REACH: u64 = 64;

/// How far back something can be open: a burst, and the reversals for it, of as many kills in a row as
/// there may be.
const OPEN_REACH: usize = 64 * PIPELINE;

/// For how long an answer of 96 is not the last word, and how long each time before it is asked again.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Till {
    pos: Pos,
    number: u32,
    zpk: hsm_sim::ClearKey,
    /// With the serial number of each.
    cards: Vec<(u32, CardSimulator)>,
    /// Of holders who mistype their PIN. One request at a time, so that the tries are known.
    careless: Vec<Careless>,
    entries: Vec<Entry>,
    rng: Rng,
    pub(crate) counts: Counts,
}

struct Careless {
    serial: u32,
    card: CardSimulator,
    tries_used: u8,
}

/// A request and what came of it.
pub(crate) struct Entry {
    pub(crate) rrn: Rrn,
    serial: u32,
    asked: Asked,
    amount_minor: i64,
    request: Vec<u8>,
    /// When it was first about to be sent.
    pub(crate) asked_at: Instant,
    answer: Option<Answer>,
    /// What of it stands, minor units, by the answers so far.
    pub(crate) standing_minor: i64,
    /// A reversal of it was sent.
    taken_back: bool,
}

pub(crate) struct Answer {
    pub(crate) code: ResponseCode,
    /// When it first came.
    pub(crate) came_at: Instant,
    response: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Purchase,
    Authorization,
    /// By the careless holder of this index, with the right PIN or a wrong one.
    Careless {
        index: usize,
        right: bool,
    },
    Balance,
    /// Of this entry, down to so many minor units.
    Reversal {
        of: usize,
        remaining_minor: i64,
    },
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Requests with a number of their own.
    pub(crate) sent: usize,
    /// First answers.
    pub(crate) answered: usize,
    pub(crate) approved: usize,
    pub(crate) wrong_pins: usize,
    pub(crate) reversals: usize,
    /// Answers to something answered before, all alike.
    pub(crate) repeats: usize,
    /// Requests whose answer died with the switch, settled by asking again.
    pub(crate) settled: usize,
    /// Answers of 96, each asked for again.
    pub(crate) unsure: usize,
    pub(crate) balances: usize,
}

/// What an account should show, minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) posted_minor: i64,
    pub(crate) held_minor: i64,
}

/// An entry and the message that asks for it, or asks again.
type Ask = (usize, Vec<u8>);

impl Till {
    pub(crate) fn new(number: u32, issuer: &TestIssuer, cards: &[u32], careless: &[u32], rng: Rng) -> Till {
        let dialect = Dialect::by_name("iso87_ascii").unwrap();
        let pos = Pos::new(dialect, format!("KILL{number:04}").as_bytes(), Currency::parse("USD").unwrap());
        let careless =
            careless.iter().map(|&serial| Careless { serial, card: issuer.card(serial), tries_used: 0 });
        Till {
            pos,
            number,
            zpk: issuer.keys.zpk.clone(),
            cards: cards.iter().map(|&serial| (serial, issuer.card(serial))).collect(),
            careless: careless.collect(),
            entries: Vec::new(),
            rng,
            counts: Counts::default(),
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Wrong PINs that stand on the careless holders' cards.
    pub(crate) fn pin_tries(&self) -> impl Iterator<Item = (u32, u8)> {
        self.careless.iter().map(|careless| (careless.serial, careless.tries_used))
    }

    /// Asks for this and that until the connection breaks, beginning with what was open.
    pub(crate) fn load(&mut self, address: SocketAddr, answered: &AtomicUsize) {
        let Ok(mut connection) = Connection::open(address) else { return };
        if self.settle(&mut connection).is_none() {
            return;
        }
        loop {
            let burst = self.burst();
            let before = self.counts.answered;
            let gone = self.exchange(&mut connection, &burst).is_none();
            answered.fetch_add(self.counts.answered - before, Ordering::Relaxed);
            if gone {
                return;
            }
        }
    }

    /// Settles what is open and looks at `old` answers again, and at the last ones: all on a switch that
    /// nobody kills.
    pub(crate) fn check(&mut self, address: SocketAddr, old: usize) {
        let mut connection = Connection::open(address).unwrap();
        self.settle(&mut connection).expect("an idle switch answers");
        let asks: Vec<Ask> = (0..old).filter_map(|_| self.repeat(u64::MAX)).collect();
        let newest = self.entries.len().saturating_sub(2 * PIPELINE);
        let newest = (newest..self.entries.len()).filter_map(|index| self.again(index));
        let asks = [newest.collect(), asks].concat();
        self.exchange_all(&mut connection, &asks);
        self.check_balances(&mut connection);
    }

    /// Asks for every answer of the run again.
    pub(crate) fn check_all(&mut self, address: SocketAddr) {
        let mut connection = Connection::open(address).unwrap();
        let asks: Vec<Ask> = (0..self.entries.len()).filter_map(|index| self.again(index)).collect();
        self.exchange_all(&mut connection, &asks);
    }

    /// Asks for every answer that came before a moment again.
    pub(crate) fn check_before(&mut self, address: SocketAddr, moment: Instant) {
        let mut connection = Connection::open(address).unwrap();
        let early = |entry: &Entry| entry.answer.as_ref().is_some_and(|answer| answer.came_at < moment);
        let early: Vec<usize> =
            (0..self.entries.len()).filter(|&index| early(&self.entries[index])).collect();
        let asks: Vec<Ask> = early.into_iter().filter_map(|index| self.again(index)).collect();
        assert!(!asks.is_empty(), "the load was real");
        self.exchange_all(&mut connection, &asks);
    }

    /// What the accounts of its cards should show, by serial number.
    pub(crate) fn standing(&self) -> BTreeMap<u32, Standing> {
        let mut standing: BTreeMap<u32, Standing> = BTreeMap::new();
        for entry in &self.entries {
            let of = standing.entry(entry.serial).or_default();
            match entry.asked {
                Asked::Authorization => of.held_minor += entry.standing_minor,
                _ => of.posted_minor += entry.standing_minor,
            }
        }
        standing
    }

    /// The balance of a card's account, as the switch says it: posted, and left to spend.
    pub(crate) fn balance(&mut self, address: SocketAddr, which: usize) -> (i64, i64) {
        let mut connection = Connection::open(address).unwrap();
        let ask = self.ask_balance(which);
        self.exchange(&mut connection, std::slice::from_ref(&ask)).expect("an idle switch answers");
        self.entries[ask.0].balance(&self.pos)
    }

    fn check_balances(&mut self, connection: &mut Connection) {
        let asks: Vec<Ask> = (0..self.cards.len()).map(|which| self.ask_balance(which)).collect();
        self.exchange_all(connection, &asks);
        let standing = self.standing();
        for (index, _) in asks {
            let entry = &self.entries[index];
            let Standing { posted_minor, held_minor } =
                standing.get(&entry.serial).copied().unwrap_or_default();
            let ledger_minor = super::OPENING_MINOR - posted_minor;
            let expected = (ledger_minor, ledger_minor - held_minor);
            assert_eq!(entry.balance(&self.pos), expected, "account {:010} shows its list", entry.serial);
            self.counts.balances += 1;
        }
    }

    /// Asks again for everything that has no answer, in the order it was asked. A third of what moves
    /// money is given up instead, as a terminal does that has waited too long: reversed, and then asked.
    fn settle(&mut self, connection: &mut Connection) -> Option<()> {
        let recent = self.entries.len().saturating_sub(OPEN_REACH);
        let open: Vec<usize> =
            (recent..self.entries.len()).filter(|&index| self.entries[index].answer.is_none()).collect();
        for index in open {
            let asked = self.entries[index].asked;
            let money = matches!(asked, Asked::Purchase | Asked::Authorization);
            if money && !self.entries[index].taken_back && self.rng.one_in(3) {
                let reversal = self.reversal(index, 0);
                self.exchange(connection, &[reversal])?;
            }
            let again = self.asked_again(index);
            self.exchange(connection, &[(index, again)])?;
            self.counts.settled += 1;
        }
        Some(())
    }

    fn burst(&mut self) -> Vec<Ask> {
        let mut asks = Vec::with_capacity(PIPELINE + 1);
        let careless = self.rng.below(PIPELINE as u64 * 2) as usize;
        for place in 0..PIPELINE {
            if place == careless {
                asks.extend(self.careless());
                continue;
            }
            let ask = match self.rng.below(20) {
                0..=2 => self.take_back(),
                3..=4 => self.repeat(REVERSAL_REACH),
                5..=8 => Some(self.buy(Intent::Authorize)),
                9 => {
                    // Twice in one go: the second is a repeat of something that is being decided.
                    let ask = self.buy(Intent::Post);
                    asks.push(ask.clone());
                    Some(ask)
                }
                _ => None,
            };
            let ask = ask.unwrap_or_else(|| self.buy(Intent::Post));
            asks.push(ask);
        }
        asks
    }

    fn buy(&mut self, intent: Intent) -> Ask {
        let which = self.rng.below(self.cards.len() as u64) as usize;
        let amount_minor = 1 + self.rng.below(50) as i64;
        let trace = self.trace();
        let (serial, card) = &mut self.cards[which];
        let pin = card.pin().clone();
        let presentment = present(card, &pin, &self.zpk, amount_minor, &trace, ChipTransaction::PURCHASE);
        let request = self.pos.purchase(intent, amount_minor as u64, &presentment, &trace).unwrap();
        let asked = match intent {
            Intent::Authorize => Asked::Authorization,
            Intent::Post => Asked::Purchase,
        };
        let serial = *serial;
        self.enter(&trace, serial, asked, amount_minor, request)
    }

    /// A holder who mistypes more often than not, but seldom so often that the card is blocked.
    fn careless(&mut self) -> Option<Ask> {
        let index = self.careless.iter().position(|careless| careless.tries_used < PIN_TRY_LIMIT)?;
        let last_try = self.careless[index].tries_used + 1 == PIN_TRY_LIMIT;
        let right = if last_try { !self.rng.one_in(8) } else { self.rng.one_in(3) };
        let trace = self.trace();
        let Careless { serial, card, .. } = &mut self.careless[index];
        let pin = if right { card.pin().clone() } else { card.wrong_pin() };
        let presentment = present(card, &pin, &self.zpk, 1, &trace, ChipTransaction::PURCHASE);
        let request = self.pos.purchase(Intent::Post, 1, &presentment, &trace).unwrap();
        let serial = *serial;
        Some(self.enter(&trace, serial, Asked::Careless { index, right }, 1, request))
    }

    fn ask_balance(&mut self, which: usize) -> Ask {
        let trace = self.trace();
        let (serial, card) = &mut self.cards[which];
        let pin = card.pin().clone();
        let presentment = present(card, &pin, &self.zpk, 0, &trace, ChipTransaction::BALANCE_INQUIRY);
        let request = self.pos.balance_inquiry(&presentment, &trace).unwrap();
        let serial = *serial;
        self.enter(&trace, serial, Asked::Balance, 0, request)
    }

    /// Takes something back that stands, in whole or in part.
    fn take_back(&mut self) -> Option<Ask> {
        let of = self.recent(REVERSAL_REACH)?;
        let entry = &self.entries[of];
        if entry.taken_back || entry.standing_minor == 0 || matches!(entry.asked, Asked::Careless { .. }) {
            return None;
        }
        let partial = self.rng.one_in(4);
        let remaining_minor =
            if partial { self.rng.below(self.entries[of].standing_minor as u64) as i64 } else { 0 };
        Some(self.reversal(of, remaining_minor))
    }

    fn reversal(&mut self, of: usize, remaining_minor: i64) -> Ask {
        let mti = self.rng.pick(&[Mti::REVERSAL_REQUEST, Mti::REVERSAL_ADVICE]);
        let trace = self.trace();
        let replacement = (remaining_minor > 0).then_some(remaining_minor as u64);
        let request = self.pos.reversal(mti, &self.entries[of].request, replacement, &trace).unwrap();
        self.entries[of].taken_back = true;
        let serial = self.entries[of].serial;
        self.enter(&trace, serial, Asked::Reversal { of, remaining_minor }, 0, request)
    }

    /// Something answered among the last `reach`, asked again.
    fn repeat(&mut self, reach: u64) -> Option<Ask> {
        let index = self.recent(reach)?;
        self.again(index)
    }

    fn recent(&mut self, reach: u64) -> Option<usize> {
        let reach = reach.min(self.entries.len() as u64);
        if reach == 0 { None } else { Some(self.entries.len() - 1 - self.rng.below(reach) as usize) }
    }

    /// An entry with an answer, asked again. A reversal that found no original is left out: the original
    /// came later, and the reversal finds it now.
    fn again(&mut self, index: usize) -> Option<Ask> {
        let code = self.entries[index].answer.as_ref()?.code;
        if code == ResponseCode::ORIGINAL_NOT_FOUND {
            return None;
        }
        let again = self.asked_again(index);
        Some((index, again))
    }

    /// The same message, half the time marked as a repeat.
    fn asked_again(&mut self, index: usize) -> Vec<u8> {
        let request = &self.entries[index].request;
        if self.rng.one_in(2) { self.pos.repeat(request).unwrap() } else { request.clone() }
    }

    fn trace(&mut self) -> Trace {
        self.counts.sent += 1;
        let count = self.counts.sent as u32;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = Time::from_unix_ms(now.as_millis() as i64);
        let rrn = Rrn::parse(format!("{:04}{count:08}", self.number).as_bytes()).unwrap();
        Trace { stan: Stan::new(count).unwrap(), rrn, time }
    }

    fn enter(
        &mut self,
        trace: &Trace,
        serial: u32,
        asked: Asked,
        amount_minor: i64,
        request: Vec<u8>,
    ) -> Ask {
        let entry = Entry {
            rrn: trace.rrn,
            serial,
            asked,
            amount_minor,
            request: request.clone(),
            asked_at: Instant::now(),
            answer: None,
            standing_minor: 0,
            taken_back: false,
        };
        self.entries.push(entry);
        (self.entries.len() - 1, request)
    }

    fn exchange_all(&mut self, connection: &mut Connection, asks: &[Ask]) {
        for part in asks.chunks(4 * PIPELINE) {
            self.exchange(connection, part).expect("an idle switch answers");
        }
    }

    /// Sends all and takes as many answers, which come in any order. `None` once the connection is gone. 96 may mean
    /// that the switch cannot say yet, since its transaction store is behind: what was answered so is asked again.
    fn exchange(&mut self, connection: &mut Connection, asks: &[Ask]) -> Option<()> {
        let patience = Instant::now() + PATIENCE;
        let mut unsure = self.exchange_once(connection, asks, false)?;
        while !unsure.is_empty() {
            self.counts.unsure += unsure.len();
            thread::sleep(PAUSE);
            unsure = self.exchange_once(connection, &unsure, Instant::now() >= patience)?;
        }
        Some(())
    }

    /// Gives what was answered 96, unless that is the last word.
    fn exchange_once(&mut self, connection: &mut Connection, asks: &[Ask], last: bool) -> Option<Vec<Ask>> {
        let by_rrn: HashMap<String, usize> =
            asks.iter().map(|(index, _)| (self.entries[*index].rrn.to_string(), *index)).collect();
        for (_, message) in asks {
            connection.send(message).ok()?;
        }
        let mut unsure = Vec::new();
        for _ in asks {
            let response = connection.receive()?;
            let answer = PosResponse::parse(&response, self.pos.dialect).unwrap();
            let index = by_rrn[&answer.rrn.unwrap().to_string()];
            if answer.code == ResponseCode::MALFUNCTION && !last {
                let again = self.asked_again(index);
                unsure.push((index, again));
            } else {
                self.take(index, answer.code, response);
            }
        }
        Some(unsure)
    }

    /// Books an answer. One that was had before must be the same to the byte.
    fn take(&mut self, index: usize, code: ResponseCode, response: Vec<u8>) {
        let Entry { asked, amount_minor, taken_back, rrn, .. } = self.entries[index];
        if let Some(answer) = &self.entries[index].answer {
            assert_eq!(answer.code, code, "{rrn} {asked:?} is answered as before");
            assert_eq!(answer.response, response, "{rrn} {asked:?} is answered as before");
            self.counts.repeats += 1;
            return;
        }
        self.counts.answered += 1;
        self.counts.approved += usize::from(code.is_approval());
        match asked {
            // One that was given up while it was open stands for nothing, whatever its answer.
            Asked::Purchase | Asked::Authorization if code.is_approval() && !taken_back => {
                self.entries[index].standing_minor = amount_minor;
            }
            Asked::Purchase | Asked::Authorization | Asked::Balance => {}
            Asked::Careless { index: which, right } => self.count_try(index, which, right, code),
            Asked::Reversal { of, remaining_minor } => {
                let found = code.is_approval();
                let was_answered = self.entries[of].answer.is_some();
                assert!(found || code == ResponseCode::ORIGINAL_NOT_FOUND && !was_answered, "{rrn}: {code}");
                self.entries[of].standing_minor = remaining_minor.min(self.entries[of].standing_minor);
                self.counts.reversals += 1;
            }
        }
        self.entries[index].answer = Some(Answer { code, came_at: Instant::now(), response });
    }

    fn count_try(&mut self, index: usize, which: usize, right: bool, code: ResponseCode) {
        let careless = &mut self.careless[which];
        if code.is_approval() {
            assert!(right, "a wrong PIN buys nothing");
            assert!(careless.tries_used < PIN_TRY_LIMIT, "a blocked card buys nothing");
            careless.tries_used = 0;
            self.entries[index].standing_minor = self.entries[index].amount_minor;
        } else if code == ResponseCode::WRONG_PIN {
            assert!(!right, "the right PIN is right");
            careless.tries_used += 1;
            self.counts.wrong_pins += 1;
        } else {
            assert_eq!(code, ResponseCode::MALFUNCTION, "neither right nor wrong");
        }
    }
}

impl Entry {
    /// Serial number of the card.
    pub(crate) fn serial(&self) -> u32 {
        self.serial
    }

    /// What was asked for, minor units: what stands of it until it is reversed.
    pub(crate) fn amount_minor(&self) -> i64 {
        self.amount_minor
    }

    /// The answer, with the RRN to look for in the books. `None` for a reversal, which is recorded with
    /// what it takes back.
    pub(crate) fn decided(&self) -> Option<&Answer> {
        match self.asked {
            Asked::Reversal { .. } => None,
            _ => self.answer.as_ref(),
        }
    }

    fn balance(&self, pos: &Pos) -> (i64, i64) {
        let answer = self.answer.as_ref().expect("asked for just now");
        let parsed = PosResponse::parse(&answer.response, pos.dialect).unwrap();
        assert!(parsed.code.is_approval(), "an inquiry was answered {}", parsed.code);
        (parsed.ledger_minor.unwrap(), parsed.available_minor.unwrap())
    }
}

/// The card in the terminal, with this PIN keyed.
fn present(
    card: &mut CardSimulator,
    pin: &hsm_sim::Pin,
    zpk: &hsm_sim::ClearKey,
    amount_minor: i64,
    trace: &Trace,
    transaction_type: u8,
) -> Presentment {
    let unpredictable = trace.stan.number().to_be_bytes();
    let usd = Currency::parse("USD").unwrap();
    let chip = ChipTransaction {
        transaction_type,
        ..ChipTransaction::purchase(amount_minor, usd, 840, trace.time, unpredictable)
    };
    let block = card.pin_block(pin, zpk);
    Presentment::chip(card, &chip, CryptogramVersion::Visa18).with_pin(block)
}
