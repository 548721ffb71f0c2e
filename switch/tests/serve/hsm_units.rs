//! Two HSM units behind the switch, of which one and then both are killed under load: the killing of one
//! fails no authorization, that of both gives clean declines, and everything recovers by itself.

use crate::gate::{Gate, Mood};
use crate::{Connection, LoadTerminal, PIPELINE, Running, Site, TERMINALS, wait_until};
use card::ResponseCode;
use hsm_sim::{Engine, Lmk, server};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use terminal::PosResponse;

/// Of an HSM command, and of a request that waits for the HSM.
const DEADLINE: Duration = Duration::from_secs(1);

/// What the machine may take on top: journal, network, and the switch's looking at deadlines.
const SLACK: Duration = Duration::from_millis(700);

/// Between the goes of a terminal, so that the cards' daily counts last.
const PAUSE: Duration = Duration::from_millis(40);

/// Connections to each unit, as configured.
const CONNECTIONS: usize = 2;

type Answer = (ResponseCode, Duration);

#[test]
fn units_are_killed_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&folder.path().join("site"));
    let gates = [Gate::before(simulator()), Gate::before(simulator())];
    use_units(&site, &gates);
    let server = Running::start(&site.config);
    let mut terminals: Vec<LoadTerminal> =
        (0..TERMINALS).map(|number| LoadTerminal::new(number, &site.issuer)).collect();
    let back = |gate: &Gate| {
        wait_until(|| gate.connections() >= CONNECTIONS, "the switch connects to its units");
        // And asks who is there.
        thread::sleep(Duration::from_millis(200));
    };
    gates.iter().for_each(back);

    let answers = under_load(&mut terminals, server.address, || {
        for (gate, mood) in [(0, Mood::Dead), (1, Mood::Dead), (0, Mood::Silent), (1, Mood::Dead)] {
            let gate = &gates[gate];
            gate.set(mood);
            thread::sleep(DEADLINE * 7 / 10);
            gate.set(Mood::Open);
            back(gate);
        }
    });
    assert!(answers.len() > 100, "the load was real: {}", answers.len());
    for (code, elapsed) in &answers {
        assert_eq!(*code, ResponseCode::APPROVED, "with a unit alive");
        assert!(*elapsed < DEADLINE + SLACK, "{elapsed:?}");
    }

    let declined =
        |answers: &[Answer]| answers.iter().filter(|(code, _)| *code == ResponseCode::MALFUNCTION).count();
    let answers = under_load(&mut terminals, server.address, || {
        gates.iter().for_each(|gate| gate.set(Mood::Dead));
        thread::sleep(Duration::from_millis(300));
    });
    let approved = answers.iter().filter(|(code, _)| *code == ResponseCode::APPROVED).count();
    assert_eq!(declined(&answers) + approved, answers.len(), "nothing else comes of dead units");
    assert!(answers.iter().all(|(_, elapsed)| *elapsed < DEADLINE + SLACK));
    let mut connection = Connection::open(server.address).unwrap();
    let answers = burst(&mut terminals[0], &mut connection);
    assert_eq!(declined(&answers), PIPELINE);
    assert!(answers.iter().all(|(_, elapsed)| *elapsed < SLACK), "nobody waits for what is known to be away");

    gates.iter().for_each(|gate| gate.set(Mood::Open));
    gates.iter().for_each(back);
    let answers = under_load(&mut terminals, server.address, || thread::sleep(Duration::from_millis(300)));
    assert!(answers.iter().all(|(code, _)| *code == ResponseCode::APPROVED), "{answers:?}");
}

/// What the terminals are answered while `act` goes on; all that was asked is answered in the end.
fn under_load(terminals: &mut [LoadTerminal], address: SocketAddr, act: impl FnOnce()) -> Vec<Answer> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = terminals
            .iter_mut()
            .map(|terminal| scope.spawn(|| load_until(&over, terminal, address)))
            .collect();
        act();
        over.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn load_until(over: &AtomicBool, terminal: &mut LoadTerminal, address: SocketAddr) -> Vec<Answer> {
    let mut connection = Connection::open(address).unwrap();
    let mut answers = Vec::new();
    while !over.load(Ordering::Relaxed) {
        answers.extend(burst(terminal, &mut connection));
        thread::sleep(PAUSE);
    }
    answers
}

/// Purchases in one go, and their answers.
fn burst(terminal: &mut LoadTerminal, connection: &mut Connection) -> Vec<Answer> {
    let begun = Instant::now();
    for _ in 0..PIPELINE {
        let request = terminal.purchase();
        connection.send(&request).unwrap();
    }
    let mut answer = || {
        let response = connection.receive().expect("every request is answered");
        (PosResponse::parse(&response, terminal.pos.dialect).unwrap().code, begun.elapsed())
    };
    (0..PIPELINE).map(|_| answer()).collect()
}

/// The configuration of `init`, with units instead of the embedded HSM.
fn use_units(site: &Site, gates: &[Gate; 2]) {
    let [one, two] = gates.each_ref().map(|gate| gate.address);
    let units = format!(
        "mode = \"payshield\"\nconnections = {CONNECTIONS}\n\
         units = [{{ address = \"{one}\", weight = 2, licence_rate = 1000 }}, \"{two}\"]"
    );
    let mut text = fs::read_to_string(&site.config).unwrap();
    for (from, to) in [
        ("mode = \"embedded\"", units.as_str()),
        ("workers = 1\n", ""),
        ("deadline = \"2s\"", "deadline = \"1s\""),
    ] {
        assert!(text.contains(from), "the configuration of `init` has no {from:?}");
        text = text.replacen(from, to, 1);
    }
    fs::write(&site.config, text).unwrap();
}

/// A unit under the LMK of `init`.
fn simulator() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let engine = Arc::new(Engine::new(Lmk::public_test(), hsm_sim::Settings::default()));
    thread::spawn(move || server::serve(&listener, &engine, server::Limits::default()));
    address
}
