//! Events at a receiver of our own, whose list is the judge: everything that was decided is on it, each card's in
//! order, however often the switch is killed and the receiver is down.

use crate::{Connection, LoadTerminal, Running, Site, wait_until};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use switch::config;
use switch::demo::receiver::{Delivery, Receiver};
use switch::history;
use switch::notifications::quarantine_file;
use switch::settings::Settings;
use transaction_store::Filter;

const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const NEXT_SECRET: &str = "another secret, while one is exchanged for the other";

/// What becomes of segments: small ones go as soon as nobody needs them.
const SMALL_SEGMENTS: &str = "segment = \"64KiB\"\nkeep = \"1ms\"\nthen = \"remove\"\n";

/// As often as they can be.
const OFTEN: &str = "[snapshots]\njournal = \"64KiB\"\nkeep = 1\n";

#[test]
fn each_card_in_order_and_signed() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(0, |_| 204).unwrap();
    let site = site(folder.path(), &receiver, "", "batch = 5\n");
    let mut terminal = LoadTerminal::new(0, &site.issuer);
    let server = Running::start(&site.config);
    purchase(&mut terminal, &server, 60);
    wait_until(|| decided(&receiver.deliveries()).len() == 60, "every event is delivered");
    let deliveries = receiver.deliveries();
    for Delivery { signature, body, .. } in &deliveries {
        let (time, signatures) = signature.split_once(',').unwrap();
        let seconds = time.strip_prefix("t=").unwrap();
        let signed = [seconds.as_bytes(), b".", body].concat();
        let expect: Vec<String> = [SECRET, NEXT_SECRET]
            .iter()
            .map(|secret| format!("v1={}", hex::encode(hmac(secret.as_bytes(), &signed))))
            .collect();
        assert_eq!(signatures, expect.join(","));
        let text = String::from_utf8(body.clone()).unwrap();
        for serial in 0..crate::CARDS {
            let pan = site.issuer.card(serial).pan();
            assert!(!text.contains(pan.reveal().as_str()), "a card number is in clear");
        }
    }
    assert!(deliveries.iter().any(|delivery| events(&delivery.body).len() > 1), "what waits goes together");
    assert_eq!(all_events(&deliveries).len(), 60, "each once");
    in_order(&deliveries);
    drop(server);
    judge(&settings(&site), &deliveries);
}

#[test]
fn nothing_is_lost_while_both_sides_die() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(0, |_| 200).unwrap();
    let port = receiver.address().port();
    let site = site(folder.path(), &receiver, SMALL_SEGMENTS, OFTEN);
    let mut terminal = LoadTerminal::new(0, &site.issuer);
    let mut server = Running::start(&site.config);
    let (mut sent, mut heard) = (0, Vec::new());
    // The receiver dies first, then the switch with what it could not deliver.
    purchase(&mut terminal, &server, 100);
    heard.extend(receiver.stop());
    purchase(&mut terminal, &server, 600);
    sent += 700;
    server.kill();
    let failing = Arc::new(AtomicBool::new(true));
    let fails = Arc::clone(&failing);
    let answer = move |_: &[u8]| if fails.load(Ordering::Relaxed) { 503 } else { 200 };
    let receiver = Receiver::start(port, answer).unwrap();
    for round in 0..6 {
        server = Running::start(&site.config);
        failing.store(round % 2 == 0, Ordering::Relaxed);
        purchase(&mut terminal, &server, 100);
        sent += 100;
        std::thread::sleep(Duration::from_millis(30 * round));
        server.kill();
    }
    failing.store(false, Ordering::Relaxed);
    server = Running::start(&site.config);
    let taken = || -> usize {
        let taken: Vec<Delivery> = heard.iter().cloned().chain(receiver.deliveries()).collect();
        decided(&taken).len()
    };
    wait_until(|| taken() == sent, "what waited is delivered");
    server.kill();
    let all: Vec<Delivery> = heard.iter().cloned().chain(receiver.deliveries()).collect();
    judge(&settings(&site), &all);
}

#[test]
fn a_segment_stays_until_its_events_are_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let receiver = Receiver::start(0, move |_| if down.load(Ordering::Relaxed) { 500 } else { 200 }).unwrap();
    let site = site(folder.path(), &receiver, SMALL_SEGMENTS, OFTEN);
    let settings = settings(&site);
    let mut terminal = LoadTerminal::new(0, &site.issuer);
    let server = Running::start(&site.config);
    let first = oldest_segment(&settings);
    let mut sent = 0;
    let snapshots = || fs::read_dir(settings.data_folder.join("snapshots")).map_or(0, Iterator::count);
    while snapshots() == 0 || store::segments(&journal(&settings)).unwrap().len() < 4 {
        purchase(&mut terminal, &server, 100);
        sent += 100;
        let segments = store::segments(&journal(&settings)).unwrap();
        assert!(sent < 10_000, "{} snapshots, {segments:?}", snapshots());
    }
    assert_eq!(oldest_segment(&settings), first, "nothing goes that was not delivered");
    is_down.store(false, Ordering::Relaxed);
    wait_until(|| decided(&receiver.deliveries()).len() == sent, "the receiver is up again");
    // With the next snapshots the old ones go.
    let mut more = 0;
    while oldest_segment(&settings) == first {
        purchase(&mut terminal, &server, 100);
        more += 100;
        assert!(more < 10_000, "what was delivered goes");
    }
    wait_until(|| decided(&receiver.deliveries()).len() == sent + more, "everything is delivered");
    drop(server);
    in_order(&taken(&receiver.deliveries()));
}

#[test]
fn what_the_receiver_refuses_is_put_aside_and_blocks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // It wants nothing of 0.03, answers 500 to each third request, and is slow.
    let count = AtomicUsize::new(0);
    let receiver = Receiver::start(0, move |body| {
        std::thread::sleep(Duration::from_millis(2));
        if decided_in(body).iter().any(|event| event["transaction"]["amount"]["minor"] == 3) {
            return 422;
        }
        if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) { 500 } else { 200 }
    })
    .unwrap();
    let site = site(folder.path(), &receiver, "", "batch = 4\n");
    let settings = settings(&site);
    let mut terminal = LoadTerminal::new(0, &site.issuer);
    let server = Running::start(&site.config);
    purchase(&mut terminal, &server, 70);
    let file = quarantine_file(&settings.data_folder, "bank");
    let quarantined = || -> Vec<Value> {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let complete = || decided(&taken(&receiver.deliveries())).len() + quarantined().len() == 70;
    wait_until(complete, "each is delivered or put aside");
    let quarantined = quarantined();
    assert_eq!(quarantined.len(), 10, "one in seven is of 0.03");
    for line in &quarantined {
        assert_eq!(line["status"], 422);
        assert_eq!(line["event"]["transaction"]["amount"]["minor"], 3);
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    drop(server);
}

/// A site with one webhook, and what else is to stand in its configuration: in `[journal]` and at the end.
fn site(folder: &Path, receiver: &Receiver, journal: &str, more: &str) -> Site {
    let folder = folder.join("site");
    let webhook = format!(
        "[[webhook]]\nname = \"bank\"\nurl = \"http://{}/events\"\n\
         secret = [\"webhook.key\", \"next.key\"]\ntimeout = \"2s\"\nin_flight = 4\n",
        receiver.address()
    );
    let configuration = |text: String| {
        for (name, secret) in [("webhook.key", SECRET), ("next.key", NEXT_SECRET)] {
            fs::write(folder.join(name), secret).unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let usual = "segment = \"64MiB\"\n";
        assert!(text.contains(usual));
        let text = if journal.is_empty() { text } else { text.replacen(usual, journal, 1) };
        format!("{text}\n{webhook}{more}")
    };
    Site::with(&folder, crate::CARDS, configuration, |cards| cards)
}

fn settings(site: &Site) -> Settings {
    config::load(&site.config).unwrap()
}

/// So many purchases, each answered.
fn purchase(terminal: &mut LoadTerminal, server: &Running, count: usize) {
    let mut connection = Connection::open(server.address).unwrap();
    for _ in 0..count / 10 {
        let requests: Vec<Vec<u8>> = (0..10).map(|_| terminal.purchase()).collect();
        requests.iter().for_each(|request| connection.send(request).unwrap());
        requests.iter().for_each(|_| drop(connection.receive().expect("every purchase is answered")));
    }
}

/// Everything in the switch's books was heard, with the same answer, in the order of each card.
fn judge(settings: &Settings, deliveries: &[Delivery]) {
    let taken = taken(deliveries);
    let heard = decided(&taken);
    let books = history::read(settings, &Filter::default()).unwrap();
    assert_eq!(heard.len(), books.len(), "nothing is heard that is not in the books");
    for entry in &books {
        let event = heard.get(&entry.id.number()).unwrap_or_else(|| panic!("{} was never heard", entry.id));
        let transaction = &event["transaction"];
        assert_eq!(transaction["code"], entry.code.as_str());
        assert_eq!(transaction["amount"]["minor"], entry.amount_minor);
        assert_eq!(transaction["rrn"].as_str(), entry.rrn.as_deref());
        let kind = if entry.code.is_approval() { "approved" } else { "declined" };
        assert_eq!(event["event"], kind);
    }
    in_order(&taken);
}

/// What was acknowledged.
fn taken(deliveries: &[Delivery]) -> Vec<Delivery> {
    deliveries.iter().filter(|delivery| delivery.status < 300).cloned().collect()
}

/// The events of a card come in their order where they come for the first time; a repeat says the same.
fn in_order(deliveries: &[Delivery]) {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    for event in deliveries.iter().flat_map(|delivery| events(&delivery.body)) {
        let id = event["id"].as_str().unwrap().to_owned();
        if let Some(before) = seen.get(&id) {
            assert_eq!(before, &event, "a repeat says the same");
            continue;
        }
        let sequence: u64 = id.split_once('-').unwrap().1.parse().unwrap();
        let card = event["card"]["hash"].as_str().unwrap().to_owned();
        let before = last.insert(card, sequence);
        assert!(before.is_none_or(|before| before < sequence), "{before:?} before {sequence}");
        seen.insert(id, event);
    }
}

/// Approvals and declines, by the number of the transaction.
fn decided(deliveries: &[Delivery]) -> BTreeMap<u64, Value> {
    let taken = deliveries.iter().filter(|delivery| delivery.status < 300);
    let events = taken.flat_map(|delivery| decided_in(&delivery.body));
    events.map(|event| (event["transaction"]["id"].as_u64().unwrap(), event)).collect()
}

fn decided_in(body: &[u8]) -> Vec<Value> {
    let is_decided = |event: &Value| event["event"] == "approved" || event["event"] == "declined";
    events(body).into_iter().filter(is_decided).collect()
}

/// The distinct events of some requests.
fn all_events(deliveries: &[Delivery]) -> Vec<Value> {
    let mut ids = BTreeSet::new();
    let all: Vec<Value> = deliveries.iter().flat_map(|delivery| events(&delivery.body)).collect();
    all.iter().for_each(|event| assert!(ids.insert(event["id"].to_string()), "{event} came twice"));
    all
}

fn events(body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body["webhook"], "bank");
    body["events"].as_array().unwrap().clone()
}

fn journal(settings: &Settings) -> std::path::PathBuf {
    settings.data_folder.join("journal")
}

fn oldest_segment(settings: &Settings) -> u64 {
    store::oldest_segment(&journal(settings)).unwrap().unwrap()
}

/// HMAC-SHA-256 as RFC 2104 writes it, apart from the one under test.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([&padded(0x36)[..], message].concat());
    Sha256::digest([&padded(0x5c)[..], &inner[..]].concat()).to_vec()
}

/// What a webhook takes, and what a dead receiver costs the answers. `TURNOUT_EVENTS` says how many purchases:
///
/// ```sh
/// cargo build --release
/// TURNOUT_BIN=$PWD/target/release/turnout TURNOUT_EVENTS=50000 \
///     cargo test -p switch --test serve webhook::measured -- --ignored --nocapture
/// ```
#[test]
#[ignore = "a measurement"]
fn measured() {
    let purchases = crate::town::number("TURNOUT_EVENTS").unwrap_or(10_000) as usize;
    for batch in [1, 100] {
        let folder = tempfile::tempdir().unwrap();
        // Nobody listens there until what waits is to be delivered.
        let reserved = Receiver::start(0, |_| 200).unwrap();
        let with_webhook = site(folder.path(), &reserved, "", &format!("batch = {batch}\n"));
        let port = reserved.address().port();
        drop(reserved);
        let other = tempfile::tempdir().unwrap();
        let without = Site::new(other.path());
        // In turn, so that what else the machine does falls on both.
        let mut plain =
            (Running::start(&without.config), LoadTerminal::new(0, &without.issuer), Duration::ZERO);
        let mut dead = (
            Running::start(&with_webhook.config),
            LoadTerminal::new(0, &with_webhook.issuer),
            Duration::ZERO,
        );
        for _ in 0..10 {
            for (server, terminal, took) in [&mut plain, &mut dead] {
                let begun = Instant::now();
                purchase(terminal, server, purchases / 10);
                *took += begun.elapsed();
            }
        }
        let rate = |took: Duration| purchases as u128 * 1000 / took.as_millis().max(1);
        println!(
            "purchases a second: {} without a webhook, {} with a dead receiver",
            rate(plain.2),
            rate(dead.2)
        );
        let before = processor_ms(&dead.0);
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let _receiver = Receiver::start(port, move |body| {
            let events = String::from_utf8_lossy(body).matches("\"transaction\":").count();
            counted.fetch_add(events, Ordering::Relaxed);
            200
        })
        .unwrap();
        wait_until(|| count.load(Ordering::Relaxed) > 0, "the receiver is found");
        let begun = Instant::now();
        wait_until(|| count.load(Ordering::Relaxed) >= purchases, "everything is delivered");
        let took = begun.elapsed();
        let spent = processor_ms(&dead.0) - before;
        println!(
            "batch {batch}: {purchases} events in {took:.1?}, {} a second, {} us of processor each",
            rate(took),
            spent as usize * 1000 / purchases
        );
    }
}

/// What the threads of webhooks have had of the processor, in steps of ten milliseconds.
fn processor_ms(server: &Running) -> u64 {
    let mut ticks = 0;
    for task in fs::read_dir(format!("/proc/{}/task", server.child.id())).unwrap() {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        let Some((name, rest)) = stat.split_once(") ") else { continue };
        if name.contains("(webhook-") {
            // The 14th and 15th field, of which the third is the first here.
            ticks += rest.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum::<u64>();
        }
    }
    ticks * 10
}
