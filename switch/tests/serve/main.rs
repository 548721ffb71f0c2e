//! `turnout serve` as a process of its own, under load, while things die: itself, or its HSM units.

mod at_rest;
mod backup;
mod card_base;
#[path = "../../../store/tests/support/card_number_scan.rs"]
mod card_number_scan;
mod disk_full;
#[path = "../hsm_port/gate.rs"]
mod gate;
mod hsm_units;
mod listed;
mod modes;
mod pin_formats;
mod recovery;
mod reload;
mod town;
mod transactions;
mod transfers;
mod webhook;

use card::{Currency, Rrn, Stan, Time};
use iso8583::Dialect;
use iso8583::framing::Framing;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use switch::command::init::{self, InitOptions, Ports};
use terminal::{
    CardSimulator, ChipTransaction, CryptogramVersion, Intent, Pos, Presentment, TestIssuer, Trace,
};

/// Terminals at the same time, each with cards of its own.
const TERMINALS: usize = 4;

/// Messages that one terminal sends before it waits for answers.
const PIPELINE: usize = 8;

/// Lines that `serve` prints: five listeners and the administration.
const LISTENERS: usize = 6;

/// Test cards.
const CARDS: u32 = 40;

struct Site {
    config: PathBuf,
    issuer: TestIssuer,
}

impl Site {
    fn new(folder: &Path) -> Site {
        Site::with(folder, CARDS, |text| text, |cards| cards)
    }

    /// What `init` makes, with its configuration and its card file changed before anything reads them.
    fn with(
        folder: &Path,
        cards: u32,
        configuration: impl FnOnce(String) -> String,
        card_file: impl FnOnce(String) -> String,
    ) -> Site {
        let report = init::create(folder, &InitOptions { cards, ports: Ports::EPHEMERAL }).unwrap();
        let issuer = serde_json::from_str(&fs::read_to_string(&report.test_cards).unwrap()).unwrap();
        rewrite(&report.config, configuration);
        rewrite(&report.cards, card_file);
        let import =
            turnout().args(["card", "import", "--config"]).arg(&report.config).arg(&report.cards).output();
        let import = import.unwrap();
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        Site { config: report.config, issuer }
    }
}

fn rewrite(file: &Path, change: impl FnOnce(String) -> String) {
    fs::write(file, change(fs::read_to_string(file).unwrap())).unwrap();
}

/// `turnout serve` as a process of its own; dropped, it is killed.
struct Running {
    child: Child,
    /// Where `integration` listens, without TLS.
    address: SocketAddr,
    /// Where `atm` listens.
    atm: SocketAddr,
}

impl Running {
    fn start(config: &Path) -> Running {
        Running::started(serve(config).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// With a log of these levels, to go there.
    fn start_logging(config: &Path, levels: &str, log: Stdio) -> Running {
        Running::started(
            serve(config).env("RUST_LOG", levels).stdout(Stdio::piped()).stderr(log).spawn().unwrap(),
        )
    }

    /// Waits until a process that was just begun listens.
    fn started(mut child: Child) -> Running {
        let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .take(LISTENERS)
            .map(Result::unwrap)
            .collect();
        let address = |name: &str| {
            let listening = lines.iter().find_map(|line| line.strip_prefix(&format!("listening {name} ")));
            listening.expect("serve says where it listens").parse().unwrap()
        };
        Running { address: address("integration"), atm: address("atm"), child }
    }

    fn kill(&mut self) {
        // SIGKILL, on Unix.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `turnout serve`, not begun yet.
fn serve(config: &Path) -> Command {
    let mut command = turnout();
    command.args(["serve", "--config"]).arg(config).env("RUST_LOG", "warn,switch::edge::hsm=error");
    command
}

/// The program under test: another build of it, by its path in `TURNOUT_BIN`, or the one just built.
fn turnout() -> Command {
    match std::env::var_os("TURNOUT_BIN") {
        Some(path) => Command::new(path),
        None => Command::new(env!("CARGO_BIN_EXE_turnout")),
    }
}

struct LoadTerminal {
    pos: Pos,
    cards: Vec<CardSimulator>,
    zpk: hsm_sim::ClearKey,
    number: usize,
    sent: u32,
}

impl LoadTerminal {
    fn new(number: usize, issuer: &TestIssuer) -> LoadTerminal {
        let dialect = Dialect::by_name("iso87_ascii").unwrap();
        let pos = Pos::new(dialect, format!("KILL{number:04}").as_bytes(), Currency::parse("USD").unwrap());
        let cards = (0..CARDS)
            .filter(|serial| *serial as usize % TERMINALS == number)
            .map(|serial| issuer.card(serial));
        LoadTerminal { pos, cards: cards.collect(), zpk: issuer.keys.zpk.clone(), number, sent: 0 }
    }

    fn purchase(&mut self) -> Vec<u8> {
        self.sent += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = Time::from_unix_ms(now.as_millis() as i64);
        let which = self.sent as usize % self.cards.len();
        let card = &mut self.cards[which];
        let amount = 1 + i64::from(self.sent % 7);
        let chip = ChipTransaction::purchase(amount, self.pos.currency, 840, time, self.sent.to_be_bytes());
        let version =
            if self.sent.is_multiple_of(2) { CryptogramVersion::Visa10 } else { CryptogramVersion::Visa18 };
        let pin_block = card.pin_block(card.pin(), &self.zpk);
        let presentment = Presentment::chip(card, &chip, version).with_pin(pin_block);
        let rrn = Rrn::parse(format!("{:04}{:08}", self.number, self.sent).as_bytes()).unwrap();
        let trace = Trace { stan: Stan::new(self.sent).unwrap(), rrn, time };
        self.pos.purchase(Intent::Post, amount as u64, &presentment, &trace).unwrap()
    }
}

fn rrn_of(request: &[u8], dialect: &'static Dialect) -> Rrn {
    let message = iso8583::parse(request, dialect).unwrap();
    Rrn::parse(&message.value(iso8583::field::RRN).unwrap()).unwrap()
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Connection { stream, received: Vec::new() })
    }

    fn send(&mut self, message: &[u8]) -> std::io::Result<()> {
        let mut frame = Vec::new();
        let start = Framing::TWO_BYTES.begin(&mut frame);
        frame.extend_from_slice(message);
        Framing::TWO_BYTES.finish(&mut frame, start).unwrap();
        self.stream.write_all(&frame)
    }

    /// The next message; `None` once the connection is gone. Half a message is no message.
    fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = Framing::TWO_BYTES.next_frame(&self.received, 65_535).unwrap() {
                let message = self.received[frame.body].to_vec();
                self.received.drain(..frame.consumed);
                return Some(message);
            }
            let mut part = [0; 4096];
            match self.stream.read(&mut part) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.received.extend_from_slice(&part[..count]),
            }
        }
    }
}

/// Waits for other threads, for a minute at most.
fn wait_until(done: impl Fn() -> bool, what: &str) {
    for _ in 0..60_000 {
        if done() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("not within a minute: {what}");
}
