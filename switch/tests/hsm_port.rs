//! The HSM port: the same checks through the simulator in process, the simulator over TCP, and units
//! of our own making that answer late, out of order, twice, wrongly or not at all.

use auth::{
    Checks, ChecksReply, CryptogramAnswer, CryptogramCheck, CryptogramResult, CvvCheck, CvvResult, Input,
    Key, PinCheck, PinKey, PinKeyKind, PinResult, PinVerification, Recipe, Ticket,
};
use card::{Cvv, Expiry, Pan, PinBlock, ServiceCode};
use hsm::{KeyScheme, KeyType};
use hsm_sim::{ClearKey, Engine, Lmk, cvv};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use switch::directory::Directory;
use switch::edge::hsm::{HsmJob, HsmPort};
use switch::inbox::{Inbox, Message};
use switch::metrics::Metrics;
use switch::settings::{HsmSettings, PayShieldSettings, UnitSettings};
use switch::shards::Shards;
use tokio::runtime::Runtime;

const PAN: &[u8] = b"4000001234567899";
const DEADLINE: Duration = Duration::from_secs(1);
/// Far more than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port with one shard behind it.
struct Bench {
    port: Option<HsmPort>,
    inbox: Arc<Inbox>,
    metrics: Arc<Metrics>,
    _runtime: Runtime,
}

impl Bench {
    fn new(settings: &HsmSettings) -> Bench {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let inbox = Arc::new(Inbox::default());
        let shards = Arc::new(Shards::new(vec![Arc::clone(&inbox)], Arc::new(Directory::new(1))));
        let metrics = Arc::new(Metrics::new());
        let port = HsmPort::start(settings, shards, Arc::clone(&metrics)).unwrap();
        drop(guard);
        Bench { port: Some(port), inbox, metrics, _runtime: runtime }
    }

    fn over_tcp(units: Vec<SocketAddr>, connections: usize) -> Bench {
        Bench::pay_shield(PayShieldSettings { connections, ..settings(units) })
    }

    fn pay_shield(settings: PayShieldSettings) -> Bench {
        Bench::new(&HsmSettings::PayShield(settings))
    }

    fn ask(&self, ticket: u64, checks: Checks) {
        let job = HsmJob { shard: 0, ticket: Ticket(ticket), checks };
        assert!(self.port.as_ref().unwrap().ask(job).is_ok());
    }

    /// The next findings, with their ticket.
    fn next(&self) -> (u64, ChecksReply) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.inbox.pop() {
                Some(Message::Input(Input::HsmReply { ticket: Ticket(ticket), reply })) => {
                    return (ticket, reply);
                }
                Some(_) => panic!("only HSM replies are expected"),
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
        panic!("no findings came");
    }

    fn wait_until_connected(&self, connections: usize) {
        let until = Instant::now() + PATIENCE;
        while self.port.as_ref().unwrap().connected() != connections {
            assert!(Instant::now() < until, "no unit connected");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn counted(&self, command: &str, error: &str) -> bool {
        let text = self.metrics.render();
        text.lines()
            .any(|line| line.contains(&format!("\"{command}\"")) && line.contains(&format!("\"{error}\"")))
    }
}

fn settings(units: Vec<SocketAddr>) -> PayShieldSettings {
    let units = units.into_iter().map(UnitSettings::new).collect();
    PayShieldSettings { connections: 1, deadline: DEADLINE, ..PayShieldSettings::new(units) }
}

/// The value that our own units call right; everything else is wrong.
const RIGHT_CVV: &[u8; 3] = b"561";

fn key(kind: KeyType, byte: u8) -> Arc<Key> {
    let clear = ClearKey::double(&[byte; 16]);
    let cryptogram = Lmk::public_test().encrypt_key(kind, KeyScheme::U, &clear).unwrap().to_text();
    Arc::new(Key { name: "test".into(), cryptogram })
}

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

fn cvv_check(value: &[u8; 3]) -> Checks {
    let check = CvvCheck {
        cvk: key(KeyType::CVK, 0x31),
        pan: pan(),
        expiry: Expiry::parse_yymm(b"3012").unwrap(),
        service_code: ServiceCode(*b"201"),
        cvv: Cvv::parse(value).unwrap(),
    };
    Checks { cvv: Some(check), ..Checks::default() }
}

fn pin_check(pvv: [u8; 4]) -> PinCheck {
    PinCheck {
        key: PinKey { key: key(KeyType::TPK, 0x32), kind: PinKeyKind::Tpk, format: *b"01" },
        block: PinBlock::new([0xA5; 8]),
        pan: pan(),
        method: PinVerification::Pvv { pvk: key(KeyType::PVK, 0x34), pvki: 1, pvv },
    }
}

/// The example that pyemv documents for CVN 18, whose clear key is sixteen bytes AA. With odd
/// parity, which DES ignores and an HSM insists on, these are AB.
fn cryptogram_check(last: u8) -> CryptogramCheck {
    let bytes = "00000000999900000000000008408000048000084099123101\
                 52BF458518000FFF06011203A0B80080";
    CryptogramCheck {
        recipe: Recipe::VisaCvn18,
        issuer_master_key: key(KeyType::MK_AC, 0xAB),
        pan: Pan::parse(b"1234567890123456").unwrap(),
        card_sequence: 0,
        atc: 0x0FFF,
        unpredictable_number: [0x52, 0xBF, 0x45, 0x85],
        transaction_bytes: hex::decode(bytes).unwrap().into_iter().collect(),
        cryptogram: [0x76, 0x95, 0x77, 0xB5, 0xAB, 0xE9, 0xFE, last],
        answer: CryptogramAnswer::Csu([0; 4]),
    }
}

fn all_checks(cvv: &[u8; 3], arqc_last: u8) -> Checks {
    Checks {
        pin: Some(pin_check(*b"0000")),
        cryptogram: Some(Box::new(cryptogram_check(arqc_last))),
        ..cvv_check(cvv)
    }
}

/// The CVV by the simulator's own function, without any command.
fn right_cvv() -> [u8; 3] {
    *cvv::cvv(&ClearKey::double(&[0x31; 16]), &pan(), b"3012", b"201").reveal()
}

fn checks_real_cryptography(bench: &Bench) {
    let right = right_cvv();
    let mut wrong = right;
    wrong[0] = if wrong[0] == b'9' { b'0' } else { wrong[0] + 1 };
    bench.ask(1, all_checks(&right, 0x62));
    let (ticket, findings) = bench.next();
    assert_eq!(ticket, 1);
    assert_eq!(findings.cvv, Some(CvvResult::Right));
    // Random bytes under a key are no PIN block.
    assert_eq!(findings.pin, Some(PinResult::BadBlock));
    let arpc = [0x76, 0x50, 0x3F, 0x48, 0, 0, 0, 0];
    assert_eq!(findings.cryptogram, Some(CryptogramResult::Right { arpc }));

    bench.ask(2, all_checks(&wrong, 0x63));
    let (ticket, findings) = bench.next();
    assert_eq!(ticket, 2);
    assert_eq!(findings.cvv, Some(CvvResult::Wrong));
    assert_eq!(findings.cryptogram, Some(CryptogramResult::Wrong));

    bench.ask(3, cvv_check(&right));
    let (_, findings) = bench.next();
    assert!(findings.pin.is_none() && findings.cryptogram.is_none());
    bench.ask(4, Checks::default());
    let (ticket, findings) = bench.next();
    assert!(ticket == 4 && findings.cvv.is_none());
    assert!(bench.counted("CY", "00") && bench.counted("CY", "01") && bench.counted("KW", "00"));
}

#[test]
fn in_process() {
    checks_real_cryptography(&Bench::new(&HsmSettings::Embedded { workers: 2 }));
}

#[test]
fn over_tcp_to_the_simulator() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let engine = Arc::new(Engine::new(Lmk::public_test(), hsm_sim::Settings::default()));
    thread::spawn(move || hsm_sim::server::serve(&listener, &engine, hsm_sim::server::Limits::default()));
    let bench = Bench::over_tcp(vec![address], 2);
    bench.wait_until_connected(2);
    checks_real_cryptography(&bench);
}

#[test]
fn dropping_the_port_answers_what_was_handed_in() {
    let mut bench = Bench::new(&HsmSettings::Embedded { workers: 2 });
    for ticket in 0..200 {
        bench.ask(ticket, cvv_check(&right_cvv()));
    }
    bench.port = None;
    let mut answered: Vec<u64> = (0..200).map(|_| bench.next().0).collect();
    answered.sort_unstable();
    assert_eq!(answered, (0..200).collect::<Vec<_>>());
}

#[test]
fn a_key_that_is_none_fails_alone() {
    let bench = Bench::new(&HsmSettings::Embedded { workers: 1 });
    let mut checks = cvv_check(&right_cvv());
    let mut pin = pin_check(*b"0000");
    pin.key.key = Arc::new(Key { name: "bad".into(), cryptogram: "no key".into() });
    checks.pin = Some(pin);
    bench.ask(1, checks);
    let (_, findings) = bench.next();
    assert_eq!((findings.pin, findings.cvv), (Some(PinResult::Failed), Some(CvvResult::Right)));
}

/// How a unit of ours treats the commands of one connection, after the health check.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers each at once.
    Prompt,
    /// Waits for this many, then answers the last one first.
    Backwards(usize),
    /// Answers none.
    Silent,
    /// Closes the connection at the first command.
    Dying,
    /// Answers the second of each pair only.
    Forgetful,
    /// Answers with what is no reply.
    Babbling,
    /// Answers with another header first, then as it should.
    Mumbling,
}

/// A unit of ours, and what it has seen.
struct Unit {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    commands: Arc<AtomicUsize>,
}

/// Starts a unit. Each connection takes the next manner; the last one stays.
fn unit(manners: &'static [Manner]) -> Unit {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let unit = Unit { address, connections: Arc::default(), commands: Arc::default() };
    let (connections, commands) = (Arc::clone(&unit.connections), Arc::clone(&unit.commands));
    thread::spawn(move || {
        for stream in listener.incoming().take(64) {
            let index = connections.fetch_add(1, Ordering::SeqCst);
            let manner = manners[index.min(manners.len() - 1)];
            let commands = Arc::clone(&commands);
            thread::spawn(move || serve(stream.unwrap(), manner, &commands));
        }
    });
    unit
}

fn serve(mut stream: TcpStream, manner: Manner, commands: &AtomicUsize) {
    let mut held: Vec<([u8; 4], Vec<u8>)> = Vec::new();
    let mut count = 0;
    while let Some((header, command)) = receive(&mut stream) {
        if command.starts_with(b"NC") {
            send(&mut stream, header, b"ND0026860400000000009999-1234");
            continue;
        }
        commands.fetch_add(1, Ordering::SeqCst);
        count += 1;
        let reply = judge(&command);
        match manner {
            Manner::Prompt => send(&mut stream, header, &reply),
            Manner::Backwards(size) => {
                held.push((header, reply));
                if held.len() == size {
                    held.drain(..).rev().for_each(|(header, reply)| send(&mut stream, header, &reply));
                }
            }
            Manner::Silent => {}
            Manner::Dying => return,
            Manner::Forgetful if count % 2 == 1 => {}
            Manner::Forgetful => send(&mut stream, header, &reply),
            Manner::Babbling => send(&mut stream, header, b"QQ00"),
            Manner::Mumbling => {
                send(&mut stream, *b"zzzz", b"CZ00");
                send(&mut stream, header, &reply);
                send(&mut stream, header, b"CZ00");
            }
        }
    }
}

/// 00 for the value 561, else 01; the value follows command code and key field.
fn judge(command: &[u8]) -> Vec<u8> {
    assert!(command.starts_with(b"CYU"), "only CVVs are asked here");
    if &command[35..38] == RIGHT_CVV { b"CZ00".to_vec() } else { b"CZ01".to_vec() }
}

fn receive(stream: &mut TcpStream) -> Option<([u8; 4], Vec<u8>)> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    let command = message.split_off(4);
    Some((message.try_into().unwrap(), command))
}

/// The other side may be gone, which is none of the unit's business.
fn send(stream: &mut TcpStream, header: [u8; 4], reply: &[u8]) {
    let mut message = ((reply.len() + 4) as u16).to_be_bytes().to_vec();
    message.extend_from_slice(&header);
    message.extend_from_slice(reply);
    let _ = stream.write_all(&message);
}

/// Odd tickets ask for a wrong value.
fn ask_many(bench: &Bench, count: u64) {
    for ticket in 0..count {
        bench.ask(ticket, cvv_check(if ticket % 2 == 0 { RIGHT_CVV } else { b"999" }));
    }
}

fn findings(bench: &Bench, count: u64) -> BTreeMap<u64, CvvResult> {
    (0..count).map(|_| bench.next()).map(|(ticket, findings)| (ticket, findings.cvv.unwrap())).collect()
}

fn as_asked(count: u64) -> BTreeMap<u64, CvvResult> {
    (0..count)
        .map(|ticket| (ticket, if ticket % 2 == 0 { CvvResult::Right } else { CvvResult::Wrong }))
        .collect()
}

#[test]
fn replies_out_of_order_find_their_commands() {
    let unit = unit(&[Manner::Backwards(50)]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    ask_many(&bench, 50);
    assert_eq!(findings(&bench, 50), as_asked(50));
}

#[test]
fn foreign_and_doubled_replies_are_passed_over() {
    let unit = unit(&[Manner::Mumbling]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    ask_many(&bench, 50);
    assert_eq!(findings(&bench, 50), as_asked(50));
    assert_eq!(unit.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn commands_of_a_dying_connection_go_to_another() {
    let (dying, prompt) = (unit(&[Manner::Dying]), unit(&[Manner::Prompt]));
    let bench = Bench::over_tcp(vec![dying.address, prompt.address], 1);
    bench.wait_until_connected(2);
    ask_many(&bench, 40);
    assert_eq!(findings(&bench, 40), as_asked(40));
    assert!(dying.commands.load(Ordering::SeqCst) > 0);
    assert_eq!(prompt.commands.load(Ordering::SeqCst), 40);
}

#[test]
fn a_command_goes_to_another_connection_once() {
    let units = [unit(&[Manner::Dying]), unit(&[Manner::Dying]), unit(&[Manner::Dying])];
    let bench = Bench::over_tcp(units.iter().map(|unit| unit.address).collect(), 1);
    bench.wait_until_connected(3);
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    let sent: usize = units.iter().map(|unit| unit.commands.load(Ordering::SeqCst)).sum();
    assert_eq!(sent, 2);
    assert!(bench.counted("CY", "disconnected"));
}

#[test]
fn a_broken_connection_is_made_again() {
    let unit = unit(&[Manner::Dying, Manner::Prompt]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    bench.ask(1, cvv_check(RIGHT_CVV));
    // The only unit there is has just died.
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    bench.wait_until_connected(1);
    ask_many(&bench, 10);
    assert_eq!(findings(&bench, 10), as_asked(10));
}

#[test]
fn without_a_unit_nobody_waits() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for units in [vec![], vec![closed]] {
        let bench = Bench::over_tcp(units, 1);
        let begun = Instant::now();
        bench.ask(1, all_checks(RIGHT_CVV, 0));
        let (_, findings) = bench.next();
        assert!(begun.elapsed() < DEADLINE);
        assert_eq!((findings.pin, findings.cvv), (Some(PinResult::Failed), Some(CvvResult::Failed)));
        assert_eq!(findings.cryptogram, Some(CryptogramResult::Failed));
        assert!(bench.counted("DC", "unconnected"));
    }
}

#[test]
fn silence_ends_at_the_deadline_and_the_connection_with_it() {
    let unit = unit(&[Manner::Silent, Manner::Prompt]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    let begun = Instant::now();
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    assert!(begun.elapsed() >= DEADLINE);
    assert!(bench.counted("CY", "deadline"));
    let until = Instant::now() + PATIENCE;
    while unit.connections.load(Ordering::SeqCst) < 2 {
        assert!(Instant::now() < until, "the silent connection was kept");
        thread::sleep(Duration::from_millis(1));
    }
    bench.wait_until_connected(1);
    ask_many(&bench, 10);
    assert_eq!(findings(&bench, 10), as_asked(10));
}

#[test]
fn one_forgotten_command_does_not_cost_the_connection() {
    let unit = unit(&[Manner::Forgetful]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    bench.ask(0, cvv_check(RIGHT_CVV));
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!((bench.next().0, bench.next().0), (1, 0));
    bench.ask(2, cvv_check(RIGHT_CVV));
    bench.ask(3, cvv_check(RIGHT_CVV));
    assert_eq!((bench.next().0, bench.next().0), (3, 2));
    assert_eq!(unit.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_reply_that_is_none_fails_its_command() {
    let unit = unit(&[Manner::Babbling]);
    let bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    bench.ask(1, cvv_check(RIGHT_CVV));
    assert_eq!(bench.next().1.cvv, Some(CvvResult::Failed));
    assert!(bench.counted("CY", "unreadable"));
}

#[test]
fn dropping_the_port_waits_for_the_units_answers() {
    let unit = unit(&[Manner::Backwards(25)]);
    let mut bench = Bench::over_tcp(vec![unit.address], 1);
    bench.wait_until_connected(1);
    ask_many(&bench, 100);
    bench.port = None;
    assert_eq!(findings(&bench, 100), as_asked(100));
}

#[test]
fn a_full_queue_refuses_at_once() {
    let unit = unit(&[Manner::Silent]);
    let bench = Bench::pay_shield(PayShieldSettings {
        in_flight: 20,
        queue: 100,
        deadline: PATIENCE,
        ..settings(vec![unit.address])
    });
    bench.wait_until_connected(1);
    let port = bench.port.as_ref().unwrap();
    let taken = || port.ask(HsmJob { shard: 0, ticket: Ticket(0), checks: cvv_check(RIGHT_CVV) }).is_ok();
    for number in 0..120 {
        assert!(taken(), "{number}");
    }
    assert!(!taken());
    let text = bench.metrics.render();
    assert!(text.contains("turnout_hsm_queue{lane=\"authorization\"} 100\n"), "{text}");
    assert!(text.contains(&format!("turnout_hsm_outstanding{{unit=\"{}\"}} 20\n", unit.address)), "{text}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let settings =
        |header_length| HsmSettings::PayShield(PayShieldSettings { header_length, ..settings(Vec::new()) });
    let start = |settings: &HsmSettings| {
        let shards = Arc::new(Shards::new(Vec::new(), Arc::new(Directory::new(1))));
        HsmPort::start(settings, shards, Arc::new(Metrics::new())).map(|_| ())
    };
    // Outside of a runtime, whatever the header.
    assert!(start(&settings(4)).is_err());
    let runtime = Runtime::new().unwrap();
    let _guard = runtime.enter();
    assert!(start(&settings(4)).is_ok());
    assert!(start(&settings(0)).is_err());
}
