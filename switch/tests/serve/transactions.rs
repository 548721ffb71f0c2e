//! What was answered is found at once, beside a running `serve` and without it, projected or not.

use crate::{
    CARDS, Connection, LoadTerminal, PIPELINE, Running, Site, TERMINALS, rrn_of, turnout, wait_until,
};
use card::{Pan, Rrn, Stan, Time};
use iso8583::{Dialect, Mti};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use switch::settings::Settings;
use switch::{config, history};
use terminal::{Particulars, Presentment, Trace};
use transaction_store::{Filter, Reader};

/// Rounds of purchases, each searched for as soon as it is answered.
const ROUNDS: usize = 4;

#[test]
fn what_was_answered_is_found_with_the_store_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&folder.path().join("site"));
    let settings = config::load(&site.config).unwrap();
    let mut terminal = LoadTerminal::new(0, &site.issuer);
    let mut server = Running::start(&site.config);
    let mut connection = Connection::open(server.address).unwrap();
    for _ in 0..ROUNDS {
        let requests: Vec<Vec<u8>> = (0..PIPELINE).map(|_| terminal.purchase()).collect();
        requests.iter().for_each(|request| connection.send(request).unwrap());
        requests.iter().for_each(|_| drop(connection.receive().unwrap()));
        // The store has these at some moment soon; the search does not wait for it.
        let rrn = rrn_of(&requests[0], terminal.pos.dialect).to_string();
        let found = search(&site, &["--rrn", &rrn]);
        assert_eq!(found.len(), 1, "{rrn}");
        assert_eq!(found[0]["rrn"], rrn.as_str());
    }
    let count = ROUNDS * PIPELINE;
    wait_until(|| stored(&settings) == Some(count), "the store follows the journal");
    let behind = history::read(&settings, &Filter::default()).unwrap();
    assert_eq!(behind.len(), count);
    server.kill();

    let pan = site.issuer.card(TERMINALS as u32).pan();
    assert!(!by_pan(&site, &pan).is_empty());
    let amounts = search(&site, &["--amount-min", "2", "--amount-max", "3"]);
    assert!(!amounts.is_empty());
    assert!(amounts.iter().all(|entry| matches!(entry["amount_minor"].as_i64(), Some(2 | 3))));
    assert_eq!(search(&site, &["--limit", "3"]).len(), 3);
    assert!(search(&site, &["--to", "2020"]).is_empty());

    let id = behind[0].id.to_string();
    let why = run(&site, &["why", &id]);
    let archived = run(&site, &["archive"]);
    assert_eq!(String::from_utf8_lossy(&archived.stdout), "", "no day is over");

    fs::remove_file(&settings.transactions.file).unwrap();
    assert_eq!(history::read(&settings, &Filter::default()).unwrap(), behind, "from the journal alone");
    assert_eq!(run(&site, &["why", &id]).stdout, why.stdout);
    run(&site, &["rebuild"]);
    assert_eq!(stored(&settings), Some(count));
    assert_eq!(history::read(&settings, &Filter::default()).unwrap(), behind, "from a rebuilt store");
}

#[test]
fn a_rebuild_beside_a_running_switch_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&folder.path().join("site"));
    let settings = config::load(&site.config).unwrap();
    let _server = Running::start(&site.config);
    wait_until(|| stored(&settings).is_some(), "the store is made");
    let refused = turnout().args(["tran", "rebuild", "--config"]).arg(&site.config).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another process"));
}

/// Transactions in the store; `None` while there is no store.
/// A refund of what left memory long ago finds its purchase in the transaction store, once; so does what is asked
/// while the store is being asked.
#[test]
fn a_purchase_that_left_memory_is_refunded_once() {
    let folder = tempfile::tempdir().unwrap();
    let few = |text: String| text.replace("\n[hsm]\n", "\n[memory]\ntransactions = 20\n\n[hsm]\n");
    let site = Site::with(&folder.path().join("site"), CARDS, few, |cards| cards);
    let mut terminal = LoadTerminal::new(0, &site.issuer);
    let server = Running::start(&site.config);
    let mut connection = Connection::open(server.address).unwrap();
    let dialect = terminal.pos.dialect;
    let bought = terminal.purchase();
    let mut ask = |messages: &[&[u8]]| {
        messages.iter().for_each(|message| connection.send(message).unwrap());
        let answers = messages.iter().map(|_| connection.receive().expect("every message is answered"));
        let mut codes: Vec<String> = answers.map(|answer| code(&answer, dialect)).collect();
        codes.sort();
        codes.join(" ")
    };
    assert_eq!(ask(&[&bought]), "00");
    for _ in 0..60 {
        assert_eq!(ask(&[&terminal.purchase()]), "00");
    }
    let mut refund = |minor: u64| {
        terminal.sent += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = Time::from_unix_ms(now.as_millis() as i64);
        let rrn = Rrn::parse(format!("{:012}", terminal.sent).as_bytes()).unwrap();
        let trace = Trace { stan: Stan::new(terminal.sent).unwrap(), rrn, time };
        let card = &terminal.cards[1];
        let presentment = Presentment::keyed(card.pan(), card.expiry());
        let about = Particulars::about(&bought);
        let request = Mti::FINANCIAL_REQUEST;
        terminal.pos.message(request, b"200000", Some(minor), &presentment, &about, &trace).unwrap()
    };
    // The first purchase of a terminal is of 0.02.
    let (first, second, third) = (refund(1), refund(1), refund(1));
    assert_eq!(ask(&[&first, &first, &first]), "00 00 00", "given once, and answered alike");
    assert_eq!(ask(&[&second]), "00");
    assert_eq!(ask(&[&third]), "13", "nothing is left of it");
}

fn code(answer: &[u8], dialect: &'static Dialect) -> String {
    let message = iso8583::parse(answer, dialect).unwrap();
    String::from_utf8(message.value(iso8583::field::RESPONSE_CODE).unwrap().to_vec()).unwrap()
}

fn stored(settings: &Settings) -> Option<usize> {
    let reader = Reader::open(&settings.transactions.file).ok()??;
    Some(reader.search(&Filter::default()).unwrap().len())
}

fn run(site: &Site, arguments: &[&str]) -> Output {
    let mut command = turnout();
    command.arg("tran").arg(arguments[0]).arg("--config").arg(&site.config).args(&arguments[1..]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn search(site: &Site, arguments: &[&str]) -> Vec<Value> {
    json_lines(&run(site, &[&["search", "--format", "json"], arguments].concat()))
}

fn by_pan(site: &Site, pan: &Pan) -> Vec<Value> {
    let mut child = turnout()
        .args(["tran", "search", "--format", "json", "--pan", "-", "--config"])
        .arg(&site.config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&pan.reveal()).unwrap();
    json_lines(&child.wait_with_output().unwrap())
}

fn json_lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
