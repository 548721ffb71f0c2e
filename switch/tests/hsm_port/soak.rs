//! Units that die, fall silent and come back at random under load. Every request gets one answer, the
//! right one or a clean failure, by its deadline; and the right one as long as one unit lives.
//!
//! `TURNOUT_SOAK_SECONDS` says how long, `TURNOUT_SOAK_SEED` in which order.

use crate::bench::{Bench, all_checks, cryptogram_check, key, pan, right_cvv, settings};
use crate::gate::{Gate, Mood};
use auth::{Checks, ChecksReply, CryptogramResult, CvvResult, PinCheck, PinResult, PinVerification};
use card::PinBlock;
use hsm::{Account, KeyType};
use hsm_sim::{ClearKey, Engine, Lmk, Pin, pin, pvv};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use switch::settings::PayShieldSettings;

/// Of one command. Silence costs half of it.
const DEADLINE: Duration = Duration::from_secs(1);

/// What the machine may take on top before an answer counts as late. Other tests run beside this one.
const SLACK: Duration = Duration::from_millis(500);

/// Requests in one go, and the pause between goes: some 2,500 requests a second, of a PIN and a
/// cryptogram each.
const BURST: u64 = 10;
const PAUSE: Duration = Duration::from_millis(4);

/// Connections to each unit.
const CONNECTIONS: usize = 2;

#[test]
fn units_die_and_come_back_under_load() {
    let seconds = from_environment("TURNOUT_SOAK_SECONDS", 6);
    let seed = from_environment("TURNOUT_SOAK_SEED", 1);
    println!("TURNOUT_SOAK_SECONDS={seconds} TURNOUT_SOAK_SEED={seed}");
    let gates = [Gate::before(simulator()), Gate::before(simulator())];
    let bench = Bench::pay_shield(PayShieldSettings {
        connections: CONNECTIONS,
        deadline: DEADLINE,
        health_interval: Duration::from_millis(200),
        ..settings(gates.iter().map(|gate| gate.address).collect())
    });
    let mut soak = Soak::new(&bench);
    bench.wait_until_connected(2 * CONNECTIONS);

    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random(seed);
    while Instant::now() < end {
        let gate = &gates[random.below(2) as usize];
        let mood = if random.below(3) == 0 { Mood::Silent } else { Mood::Dead };
        soak.load_for(Duration::from_millis(random.below(100)));
        gate.set(mood);
        soak.load_for(Duration::from_millis(random.below(700)));
        gate.set(Mood::Open);
        soak.load_until(|| bench.port.as_ref().unwrap().connected() == 2 * CONNECTIONS);
    }
    soak.wait_for_answers();
    let (asked, failed) = (soak.asked, soak.failed);
    assert!(asked > 100, "the load was real: {asked}");
    assert_eq!(failed, 0, "of {asked} requests with a unit alive");

    // Both die at once: no request hangs, and none is judged wrongly.
    gates.iter().for_each(|gate| gate.set(Mood::Dead));
    soak.load_for(Duration::from_millis(300));
    soak.wait_for_answers();
    assert!(soak.failed > 0);
    assert_eq!(bench.port.as_ref().unwrap().connected(), 0);
    let begun = Instant::now();
    let before = soak.failed;
    soak.ask(20);
    soak.wait_for_answers();
    assert_eq!(soak.failed, before + 20);
    assert!(begun.elapsed() < SLACK, "nobody waits for units that are known to be away");

    // And by itself everything is as before.
    gates.iter().for_each(|gate| gate.set(Mood::Open));
    bench.wait_until_connected(2 * CONNECTIONS);
    let before = soak.failed;
    soak.load_for(Duration::from_millis(300));
    soak.wait_for_answers();
    assert_eq!(soak.failed, before);
    println!(
        "{asked} requests while units came and went, {} answered in all, slowest {:?}",
        soak.asked, soak.slowest
    );
}

/// Load, and what came of it.
struct Soak<'a> {
    bench: &'a Bench,
    questions: Vec<(Checks, Expected)>,
    asked: u64,
    failed: u64,
    slowest: Duration,
    /// By ticket: which question, and when it was asked.
    open: BTreeMap<u64, (usize, Instant)>,
}

/// The right answer to a request's checks.
#[derive(Clone, Copy)]
struct Expected {
    pin: Option<PinResult>,
    cvv: Option<CvvResult>,
    cryptogram: Option<CryptogramResult>,
}

impl Soak<'_> {
    fn new(bench: &Bench) -> Soak<'_> {
        let mut questions = Vec::new();
        let arpc = [0x76, 0x50, 0x3F, 0x48, 0, 0, 0, 0];
        for (right, result) in [(true, PinResult::Right), (false, PinResult::Wrong)] {
            for (last, cryptogram) in
                [(0x62, CryptogramResult::Right { arpc }), (0x63, CryptogramResult::Wrong)]
            {
                let checks = Checks {
                    pin: Some(pin_check(right)),
                    cryptogram: Some(cryptogram_check(last)),
                    ..Checks::default()
                };
                let (pin, cryptogram) = (Some(result), Some(cryptogram));
                questions.push((checks, Expected { pin, cvv: None, cryptogram }));
            }
        }
        let (pin, cvv) = (Some(PinResult::BadBlock), Some(CvvResult::Right));
        let cryptogram = Some(CryptogramResult::Wrong);
        questions.push((all_checks(&right_cvv(), 0x63), Expected { pin, cvv, cryptogram }));
        let (asked, failed, slowest) = (0, 0, Duration::ZERO);
        Soak { bench, questions, asked, failed, slowest, open: BTreeMap::new() }
    }

    fn ask(&mut self, count: u64) {
        for _ in 0..count {
            let question = self.asked as usize % self.questions.len();
            self.open.insert(self.asked, (question, Instant::now()));
            self.bench.ask(self.asked, self.questions[question].0.clone());
            self.asked += 1;
        }
    }

    fn load_for(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        self.load_until(|| Instant::now() >= end);
    }

    fn load_until(&mut self, done: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !done() {
            assert!(Instant::now() < patience, "a unit did not come back");
            self.ask(BURST);
            thread::sleep(PAUSE);
            self.take_answers();
        }
    }

    fn wait_for_answers(&mut self) {
        while !self.open.is_empty() {
            thread::sleep(Duration::from_millis(1));
            self.take_answers();
        }
    }

    fn take_answers(&mut self) {
        while let Some((ticket, reply)) = self.bench.poll() {
            let (question, asked) = self.open.remove(&ticket).expect("each request is answered once");
            self.slowest = self.slowest.max(asked.elapsed());
            self.failed += u64::from(has_failed(&reply));
            let expected = self.questions[question].1;
            let pin = reply.pin.filter(|result| *result != PinResult::Failed);
            let cvv = reply.cvv.filter(|result| *result != CvvResult::Failed);
            let cryptogram = reply.cryptogram.filter(|result| *result != CryptogramResult::Failed);
            assert!(pin.is_none() || pin == expected.pin, "{pin:?}");
            assert!(cvv.is_none() || cvv == expected.cvv, "{cvv:?}");
            assert!(cryptogram.is_none() || cryptogram == expected.cryptogram, "{cryptogram:?}");
            let answered = (reply.pin.is_some(), reply.cvv.is_some(), reply.cryptogram.is_some());
            let wanted = (expected.pin.is_some(), expected.cvv.is_some(), expected.cryptogram.is_some());
            assert_eq!(answered, wanted, "what was asked is answered");
        }
        if let Some((ticket, (_, asked))) = self.open.first_key_value() {
            assert!(asked.elapsed() < DEADLINE + SLACK, "{ticket} was not answered by its deadline");
        }
    }
}

fn has_failed(reply: &ChecksReply) -> bool {
    reply.pin == Some(PinResult::Failed)
        || reply.cvv == Some(CvvResult::Failed)
        || reply.cryptogram == Some(CryptogramResult::Failed)
}

/// A PIN under the key of the bench, and its PVV, or one that is not.
fn pin_check(right: bool) -> PinCheck {
    let clear = |byte: u8| ClearKey::double(&[byte; 16]);
    let typed = Pin::parse(b"1234").unwrap();
    let block = clear(0x32).encrypt(pin::iso0_block(&typed, &pan()));
    let mut made = *pvv::pvv(&clear(0x34), &Account::from(&pan()), 1, &typed).reveal();
    if !right {
        made[0] = if made[0] == b'9' { b'0' } else { made[0] + 1 };
    }
    PinCheck {
        block: PinBlock::new(block).into(),
        method: PinVerification::Pvv { pvk: key(KeyType::PVK, 0x34), pvki: 1, pvv: made },
        ..crate::bench::pin_check(made)
    }
}

/// A unit with real cryptography.
fn simulator() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let engine = Arc::new(Engine::new(Lmk::public_test(), hsm_sim::Settings::default()));
    thread::spawn(move || hsm_sim::server::serve(&listener, &engine, hsm_sim::server::Limits::default()));
    address
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Numbers that a seed repeats: xorshift by Marsaglia.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
