//! Transfers between cards of two shards, over the wire, while the switch is killed between a debit and its credit and
//! comes back with another number of shards. The tellers keep books of what they were answered: each transfer that was
//! approved has left one account and reached the other, once, and each that was reversed has done neither.

use crate::town::{self, Rng};
use crate::{Connection, Running, Site, turnout};
use card::{Currency, ResponseCode, Rrn, Stan, Time};
use iso8583::{Dialect, Mti};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use switch::{config, history, recovery};
use terminal::{
    CardSimulator, ChipTransaction, CryptogramVersion, Particulars, Pos, PosResponse, Presentment,
    TestIssuer, Trace,
};
use transaction_store::{EventKind, Filter};

/// How often the switch is killed.
const KILLS: usize = 5;

/// Answers between two kills, at least.
const ANSWERS: usize = 150;

const TELLERS: u32 = 2;
/// Cards of each, which give to those of all.
const CARDS_EACH: u32 = 8;
const CARDS: u32 = TELLERS * CARDS_EACH;

/// Messages that one teller sends before it waits for answers.
const PIPELINE: usize = 8;

const OPENING_MINOR: i64 = 90_000_000_000;

/// For how long an answer of 96 is asked for again.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn kill_9_between_debit_and_credit_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::with(
        &folder.path().join("site"),
        CARDS,
        |text| {
            let text = text.replace("daily_count = 200\n", "daily_count = 1000000\n");
            let purchases = "[product.purchase]\n";
            assert!(text.contains(purchases));
            text.replacen(purchases, "[product.ledger]\ntransfers = \"cards\"\n\n[product.purchase]\n", 1)
                .replace("deadline = \"2s\"", "deadline = \"30s\"")
                .replace("segment = \"64MiB\"\n", "segment = \"64KiB\"\n")
                .replace("\n[hsm]\n", "\n[snapshots]\njournal = \"64KiB\"\n\n[hsm]\n")
        },
        |cards| cards.replace(",1000.00,", &format!(",{}.00,", OPENING_MINOR / 100)),
    );
    let mut rng = Rng::new(town::seed());
    let mut tellers: Vec<Teller> =
        (0..TELLERS).map(|number| Teller::new(number, &site.issuer, Rng::new(rng.next()))).collect();
    let mut under_way = 0;
    for kill in 0..KILLS {
        // The first two run with two, so that money crosses whatever is drawn.
        let count = if kill < 2 { 2 } else { rng.pick(&[1, 2, 3, 4]) };
        shards(&site.config, count);
        let mut server = Running::start(&site.config);
        let address = server.address;
        let answered = AtomicUsize::new(0);
        let pause = rng.micros(300_000);
        thread::scope(|scope| {
            for teller in &mut tellers {
                scope.spawn(|| teller.load(address, &answered));
            }
            crate::wait_until(|| answered.load(Ordering::Relaxed) >= ANSWERS, "the tellers are served");
            thread::sleep(pause);
            server.kill();
        });
        let left = recovery::load_state(&config::load(&site.config).unwrap()).unwrap();
        println!(
            "{count} shards: {} sent, {} taken",
            left.open_remittances(),
            left.taken_remittances().len()
        );
        under_way += left.open_remittances();
    }
    assert!(under_way > 0, "no kill has fallen between a debit and its credit");
    shards(&site.config, 2);
    let mut server = Running::start(&site.config);
    for teller in &mut tellers {
        teller.finish(server.address);
    }
    // What is open is said again without being asked for.
    let mut state = None;
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(1_500));
        server.kill();
        let read = recovery::load_state(&config::load(&site.config).unwrap()).unwrap();
        if read.open_remittances() == 0 && read.taken_remittances().is_empty() {
            state = Some(read);
            break;
        }
        server = Running::start(&site.config);
    }
    let state = state.expect("whatever was on its way arrives");
    let usd = Currency::parse("USD").unwrap();
    assert_eq!(state.trial_balance(usd), 0);
    assert_eq!(state.internal_balance(auth::InternalAccount::InTransit, usd), 0);

    let mut expected: BTreeMap<u32, i64> = (0..CARDS).map(|serial| (serial, OPENING_MINOR)).collect();
    for entry in tellers.iter().flat_map(|teller| &teller.entries) {
        let stands = entry.standing_minor();
        *expected.get_mut(&entry.from).unwrap() -= stands;
        *expected.get_mut(&entry.to).unwrap() += stands;
    }
    for (serial, minor) in expected {
        let account = state.card_on_file(&site.issuer.pan(serial)).unwrap().account;
        assert_eq!(state.balance(&account).unwrap().ledger_minor, minor, "account {account}");
    }
    check_history(&site, &tellers);
}

/// Each answer has its record, once, which says what became of the money.
fn check_history(site: &Site, tellers: &[Teller]) {
    let settings = config::load(&site.config).unwrap();
    let recorded = history::read(&settings, &Filter::default()).unwrap();
    let mut by_rrn = HashMap::new();
    for entry in &recorded {
        let rrn = entry.rrn.clone().unwrap();
        assert!(by_rrn.insert(rrn, entry).is_none(), "recorded twice");
    }
    let mut crossed = 0;
    for entry in tellers.iter().flat_map(|teller| &teller.entries) {
        let found = by_rrn[&entry.rrn.to_string()];
        assert_eq!(Some(found.code), entry.answer);
        assert_eq!(found.standing_minor, entry.standing_minor(), "{}", entry.rrn);
        let credited: i64 = found.events.iter().map(|event| credited(event.kind)).sum();
        assert_eq!(credited, entry.standing_minor(), "{}", entry.rrn);
        crossed += usize::from(found.events.iter().any(|event| matches!(event.kind, EventKind::Sent(_))));
    }
    assert!(crossed > 20, "only {crossed} of {} have crossed", recorded.len());
    let sent = recorded
        .iter()
        .find(|entry| matches!(entry.events.first().map(|event| event.kind), Some(EventKind::Sent(_))));
    let id = sent.expect("some have crossed").id.number().to_string();
    let shown = turnout().args(["tran", "show", &id, "--config"]).arg(&site.config).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("on the way to an account in another shard"), "{shown}");
    assert!(shown.contains("to the account that it gives to"), "{shown}");
}

fn credited(kind: EventKind) -> i64 {
    if let EventKind::Credited(minor) = kind { minor } else { 0 }
}

fn shards(config: &Path, count: usize) {
    let text = fs::read_to_string(config).unwrap();
    let lines: Vec<String> = text
        .lines()
        .map(|line| if line.starts_with("shards = ") { format!("shards = {count}") } else { line.to_owned() })
        .collect();
    fs::write(config, lines.join("\n") + "\n").unwrap();
}

struct Teller {
    pos: Pos,
    number: u32,
    zpk: hsm_sim::ClearKey,
    cards: Vec<(u32, CardSimulator)>,
    /// Card numbers of everybody.
    pans: Vec<String>,
    entries: Vec<Entry>,
    sent: u32,
    rng: Rng,
}

/// A transfer and what came of it.
struct Entry {
    rrn: Rrn,
    from: u32,
    to: u32,
    amount_minor: i64,
    request: Vec<u8>,
    answer: Option<ResponseCode>,
    /// Its reversal, with the number of that, and whether it was answered.
    reversal: Option<(Rrn, Vec<u8>, bool)>,
}

impl Entry {
    fn standing_minor(&self) -> i64 {
        let approved = self.answer.is_some_and(ResponseCode::is_approval);
        if approved && self.reversal.is_none() { self.amount_minor } else { 0 }
    }

    fn is_settled(&self) -> bool {
        self.answer.is_some() && self.reversal.as_ref().is_none_or(|(.., answered)| *answered)
    }
}

impl Teller {
    fn new(number: u32, issuer: &TestIssuer, rng: Rng) -> Teller {
        let dialect = Dialect::by_name("iso87_ascii").unwrap();
        let pos = Pos::new(dialect, format!("TELL{number:04}").as_bytes(), Currency::parse("USD").unwrap());
        let own = number * CARDS_EACH..(number + 1) * CARDS_EACH;
        Teller {
            pos,
            number,
            zpk: issuer.keys.zpk.clone(),
            cards: own.map(|serial| (serial, issuer.card(serial))).collect(),
            pans: (0..CARDS).map(|serial| issuer.pan(serial).reveal().as_str().to_owned()).collect(),
            entries: Vec::new(),
            sent: 0,
            rng,
        }
    }

    /// Sends this and that until the connection breaks, beginning with what is open.
    fn load(&mut self, address: SocketAddr, answered: &AtomicUsize) {
        let Ok(mut connection) = Connection::open(address) else { return };
        if self.settle(&mut connection).is_none() {
            return;
        }
        loop {
            let burst: Vec<(usize, bool)> = (0..PIPELINE).map(|_| self.next()).collect();
            if self.exchange(&mut connection, &burst).is_none() {
                return;
            }
            answered.fetch_add(PIPELINE, Ordering::Relaxed);
        }
    }

    /// Settles what is open, and asks for the newest answers again.
    fn finish(&mut self, address: SocketAddr) {
        let mut connection = Connection::open(address).unwrap();
        self.settle(&mut connection).expect("an idle switch answers");
        let newest = self.entries.len().saturating_sub(4 * PIPELINE);
        for place in newest..self.entries.len() {
            self.exchange(&mut connection, &[(place, false)]).expect("an idle switch answers");
        }
    }

    fn settle(&mut self, connection: &mut Connection) -> Option<()> {
        let open: Vec<usize> =
            (0..self.entries.len()).filter(|place| !self.entries[*place].is_settled()).collect();
        for place in open {
            self.exchange(connection, &[(place, false)])?;
            if self.entries[place].reversal.is_some() {
                self.exchange(connection, &[(place, true)])?;
            }
        }
        Some(())
    }

    /// An entry to ask for, or to reverse: one that was answered and stands.
    fn next(&mut self) -> (usize, bool) {
        let recent = self.entries.len().min(4 * PIPELINE);
        if recent > 0 && self.rng.one_in(4) {
            let place = self.entries.len() - 1 - self.rng.below(recent as u64) as usize;
            if self.entries[place].standing_minor() > 0 {
                let mti = self.rng.pick(&[Mti::REVERSAL_REQUEST, Mti::REVERSAL_ADVICE]);
                let trace = self.trace();
                let request = self.pos.reversal(mti, &self.entries[place].request, None, &trace).unwrap();
                self.entries[place].reversal = Some((trace.rrn, request, false));
                return (place, true);
            }
        }
        self.transfer();
        (self.entries.len() - 1, false)
    }

    fn transfer(&mut self) {
        // Not one card twice in a row: the counter of its chip would overtake itself while another shard is asked.
        let which = self.entries.len() % self.cards.len();
        let to = loop {
            let to = self.rng.below(CARDS.into()) as u32;
            if to != self.cards[which].0 {
                break to;
            }
        };
        let amount_minor = 1 + self.rng.below(500) as i64;
        let trace = self.trace();
        let (from, card) = &mut self.cards[which];
        let from = *from;
        let unpredictable = trace.stan.number().to_be_bytes();
        let chip = ChipTransaction::purchase(amount_minor, self.pos.currency, 840, trace.time, unpredictable);
        let block = card.pin_block(card.pin(), &self.zpk);
        let presentment = Presentment::chip(card, &chip, CryptogramVersion::Visa18).with_pin(block);
        let particulars =
            Particulars { account_to: Some(self.pans[to as usize].clone()), ..Particulars::default() };
        let financial = Mti::FINANCIAL_REQUEST;
        let amount = Some(amount_minor as u64);
        let request =
            self.pos.message(financial, b"400000", amount, &presentment, &particulars, &trace).unwrap();
        let (rrn, answer, reversal) = (trace.rrn, None, None);
        self.entries.push(Entry { rrn, from, to, amount_minor, request, answer, reversal });
    }

    fn trace(&mut self) -> Trace {
        self.sent += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let rrn = Rrn::parse(format!("{:04}{:08}", self.number, self.sent).as_bytes()).unwrap();
        let time = Time::from_unix_ms(now.as_millis() as i64);
        Trace { stan: Stan::new(self.sent).unwrap(), rrn, time }
    }

    /// Sends all and takes as many answers. What is answered 96 is not decided, or waits too long, and is asked again.
    fn exchange(&mut self, connection: &mut Connection, asks: &[(usize, bool)]) -> Option<()> {
        let patience = Instant::now() + PATIENCE;
        let mut asks = asks.to_vec();
        while !asks.is_empty() {
            let by_rrn: HashMap<String, (usize, bool)> = asks
                .iter()
                .map(|(place, reverses)| {
                    let entry = &self.entries[*place];
                    let rrn = match &entry.reversal {
                        Some((rrn, ..)) if *reverses => rrn,
                        _ => &entry.rrn,
                    };
                    (rrn.to_string(), (*place, *reverses))
                })
                .collect();
            for (place, reverses) in &asks {
                let entry = &self.entries[*place];
                let message = match &entry.reversal {
                    Some((_, message, _)) if *reverses => message,
                    _ => &entry.request,
                };
                connection.send(message).ok()?;
            }
            let mut unsure = Vec::new();
            for _ in &asks {
                let answer = PosResponse::parse(&connection.receive()?, self.pos.dialect).unwrap();
                let (place, reverses) = by_rrn[&answer.rrn.unwrap().to_string()];
                let entry = &mut self.entries[place];
                if reverses {
                    if answer.code == ResponseCode::MALFUNCTION && Instant::now() < patience {
                        unsure.push((place, true));
                        continue;
                    }
                    assert_eq!(answer.code, ResponseCode::APPROVED, "reversal of {}", entry.rrn);
                    entry.reversal.as_mut().unwrap().2 = true;
                } else {
                    let first = *entry.answer.get_or_insert(answer.code);
                    assert_eq!(answer.code, first, "{} is answered as before", entry.rrn);
                    assert_eq!(first, ResponseCode::APPROVED, "{}", entry.rrn);
                }
            }
            if !unsure.is_empty() {
                thread::sleep(Duration::from_millis(50));
            }
            asks = unsure;
        }
        Some(())
    }
}
