//! ATM money across broken connections and restarts: what the ATM did is what the account shows.

use card::Pan;
use ndc::{Luno, framing};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use switch::command::init::{self, InitOptions, Ports};
use switch::edge::serve::Server;
use switch::{config, recovery};
use terminal::{Atm, AtmAsk, AtmReply, CardSimulator, TestIssuer, TrackSource};

const OPENING_MINOR: i64 = 100_000;

/// The connection dies with the reply on its way; the ATM's next request says that nothing was done.
#[test]
fn a_lost_reply_is_given_back_by_the_next_request() {
    let site = Site::new();
    let server = site.serve();
    let (mut atm, card) = (site.atm(), site.issuer.card(1));
    let mut wire = Wire::open(server.address("atm").unwrap());
    wire.withdraw_well(&mut atm, &site);
    wire.send(&withdrawal(&mut atm, &card, &site, 5000));
    // A copy of the ATM reads it, so that the ATM itself never gets it.
    let reply = wire.reply(&mut atm.clone());
    assert_eq!(reply.notes, [0, 0, 1, 0]);
    drop(wire);
    assert_eq!(site.available(&card), OPENING_MINOR - 5000, "held, since cash may be out");

    // The ATM itself never saw the reply.
    let mut wire = Wire::open(server.address("atm").unwrap());
    wire.send(&withdrawal(&mut atm, &card, &site, 2000));
    let reply = wire.reply(&mut atm);
    assert_eq!(reply.notes, [0, 1, 0, 0]);
    wire.send(&atm.ready().unwrap());
    site.wait_for(&card, OPENING_MINOR - 2000, 0);
    server.drain();
}

/// The connection dies before the core has decided: the approval must not become a hold that nobody
/// ever looks at.
#[test]
fn a_wire_that_breaks_while_the_core_decides_leaves_no_orphan() {
    let site = Site::new();
    let server = site.serve();
    let (mut atm, card) = (site.atm(), site.issuer.card(2));
    Wire::open(server.address("atm").unwrap()).withdraw_well(&mut atm, &site);
    for _ in 0..20 {
        let mut wire = Wire::open(server.address("atm").unwrap());
        wire.send(&withdrawal(&mut atm, &card, &site, 1000));
        // Gone at once, with the request still in the socket, at the core, or answered.
        drop(wire);
    }
    let mut settled = None;
    // The ATM is served again as soon as nothing of it is being decided, which takes as long as the disk
    // takes to sync; ten seconds at most.
    for _ in 0..200 {
        let mut wire = Wire::open(server.address("atm").unwrap());
        wire.send(&withdrawal(&mut atm, &card, &site, 2000));
        let reply = wire.reply(&mut atm);
        if reply.dispenses() {
            wire.send(&atm.ready().unwrap());
            settled = Some(reply);
            site.wait_for(&card, OPENING_MINOR - 2000, 0);
            break;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert!(settled.is_some(), "the ATM is not locked out");
    server.drain();
}

/// Serial numbers go on after a restart, so that an old status cannot be taken for a new one's.
#[test]
fn serial_numbers_and_open_dispenses_survive_a_restart() {
    let site = Site::new();
    let server = site.serve();
    let (mut atm, card) = (site.atm(), site.issuer.card(3));
    let mut wire = Wire::open(server.address("atm").unwrap());
    wire.send(&withdrawal(&mut atm, &card, &site, 1000));
    let first = wire.reply(&mut atm);
    wire.send(&atm.ready().unwrap());
    site.wait_for(&card, OPENING_MINOR - 1000, 0);
    // This one's outcome is still open when the process ends.
    wire.send(&withdrawal(&mut atm, &card, &site, 2000));
    let second = wire.reply(&mut atm);
    let nothing_came_out = atm.cash_handler_fault(b'2', [0; 4]).unwrap();
    drop(wire);
    server.drain();
    assert_eq!(second.tsn, first.tsn.next());
    assert_eq!(site.available(&card), OPENING_MINOR - 3000);

    let server = site.serve();
    let mut wire = Wire::open(server.address("atm").unwrap());
    wire.send(&nothing_came_out);
    site.wait_for(&card, OPENING_MINOR - 1000, 0);
    wire.send(&withdrawal(&mut atm, &card, &site, 5000));
    let third = wire.reply(&mut atm);
    assert_eq!(third.tsn, second.tsn.next(), "numbers do not begin anew");
    wire.send(&atm.ready().unwrap());
    site.wait_for(&card, OPENING_MINOR - 6000, 0);
    server.drain();
}

fn withdrawal(atm: &mut Atm, card: &CardSimulator, site: &Site, amount_minor: u64) -> Vec<u8> {
    let track2 = card.track2(TrackSource::Stripe);
    let pin_block = card.pin_block(card.pin(), &site.issuer.keys.tpk);
    let ask = AtmAsk {
        operation_code: b"A      A",
        amount_minor: Some(amount_minor),
        track2: &track2,
        pin_block: Some(&pin_block),
        icc: None,
    };
    atm.request(&ask).unwrap()
}

struct Site {
    _folder: tempfile::TempDir,
    config: PathBuf,
    issuer: TestIssuer,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let made = init::create(folder.path(), &InitOptions { cards: 10, ports: Ports::EPHEMERAL }).unwrap();
        let text = fs::read_to_string(&made.config).unwrap();
        // Plain TCP keeps the test about ATMs; the demo plays them over TLS.
        let (head, atm) = text.split_once("name = \"atm\"").unwrap();
        let atm = atm.replacen("tls = \"required\"", "tls = \"off\"", 1);
        let bound = |line: &&str| line.contains("certificate = ");
        let atm: Vec<&str> = atm.lines().filter(|line| !bound(line)).collect();
        fs::write(&made.config, format!("{head}name = \"atm\"{}", atm.join("\n"))).unwrap();
        let mut import = Command::new(env!("CARGO_BIN_EXE_turnout"));
        let import =
            import.args(["card", "import", "--config"]).arg(&made.config).arg(&made.cards).output().unwrap();
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        let issuer = serde_json::from_str(&fs::read_to_string(&made.test_cards).unwrap()).unwrap();
        Site { _folder: folder, config: made.config, issuer }
    }

    fn serve(&self) -> Server {
        Server::start(config::load(&self.config).unwrap()).unwrap()
    }

    fn atm(&self) -> Atm {
        Atm::new(Luno::new(b"001").unwrap())
    }

    fn balance(&self, card: &CardSimulator) -> auth::Balance {
        let state = recovery::load_state(&config::load(&self.config).unwrap()).unwrap();
        let pan: Pan = card.pan();
        state.balance(&state.card_on_file(&pan).unwrap().account).unwrap()
    }

    fn available(&self, card: &CardSimulator) -> i64 {
        self.balance(card).available_minor
    }

    /// A report has no answer, so the books are looked at until they show it; for ten seconds at most.
    fn wait_for(&self, card: &CardSimulator, ledger_minor: i64, held_minor: i64) {
        for _ in 0..200 {
            let balance = self.balance(card);
            if (balance.ledger_minor, balance.ledger_minor - balance.available_minor)
                == (ledger_minor, held_minor)
            {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!("the books show {:?}, not {ledger_minor} with {held_minor} held", self.balance(card));
    }
}

struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    fn open(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Wire { stream, received: Vec::new() }
    }

    fn send(&mut self, body: &[u8]) {
        let mut frame = Vec::new();
        framing::write(body, &mut frame).unwrap();
        self.stream.write_all(&frame).unwrap();
    }

    /// A withdrawal of another customer, after which the ATM has a last status to tell.
    fn withdraw_well(&mut self, atm: &mut Atm, site: &Site) {
        let card = site.issuer.card(0);
        self.send(&withdrawal(atm, &card, site, 1000));
        assert!(self.reply(atm).dispenses());
        self.send(&atm.ready().unwrap());
        site.wait_for(&card, OPENING_MINOR - 1000, 0);
    }

    fn reply(&mut self, atm: &mut Atm) -> AtmReply {
        loop {
            if let Some(frame) = framing::next_frame(&self.received, 65_535).unwrap() {
                let reply = atm.take_reply(&self.received[frame.body.clone()]).unwrap();
                self.received.drain(..frame.consumed);
                return reply;
            }
            let mut part = [0; 4096];
            let count = self.stream.read(&mut part).unwrap();
            assert!(count > 0, "the switch has closed the connection");
            self.received.extend_from_slice(&part[..count]);
        }
    }
}
