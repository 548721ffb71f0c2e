//! Limits under any interleaving of approvals, reversals, completions and lapsing holds: what they let pass never adds up
//! to more than they say, what they refuse would have, and what is given back is given back whole. A list of
//! transactions says what right is.

#[expect(dead_code, reason = "no stripe is read here")]
#[path = "support/bank.rs"]
mod bank;

use auth::{
    Account, AccountId, AccountKind, Bound, Card, CardStatus, CardView, Cash, ChecksReply, Completion, Core,
    CryptogramResult, CustomerId, Dispensed, Effect, EntryMode, Filter, Input, Limit, LimitId, Link,
    LinkName, MessageClass, PinReference, PinResult, Product, Record, Request, Reversal, Scope, ShardIndex,
    Tables, TerminalSet, Transaction, TransactionType, TransmissionTime, Window,
};
use card::{Currency, Expiry, MerchantId, Pan, ResponseCode, TerminalId, Time, UtcOffset};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
enum Event {
    Buy { card: usize, terminal: usize, minor: i64, how: How },
    Reverse { which: usize, stands_minor: Option<i64> },
    Complete { which: usize, dispensed: Option<i64> },
    Pass { minutes: i64 },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Hold,
    Post,
    Cash,
}

/// What the list knows of an approval.
#[derive(Clone, Debug)]
struct Approved {
    made: Transaction,
    /// What of it counts.
    minor: i64,
    /// Whether it counts as one.
    counts: bool,
}

/// Name, scope, most by amount and by number.
type Line = (&'static str, Scope, Option<i64>, Option<u32>);

/// Windows follow from the names. Amounts are tight enough to be reached by most runs.
const LIMITS: [Line; 6] = [
    ("day", Scope::Card, Some(6_000), Some(5)),
    ("hour", Scope::Account, Some(7_000), None),
    ("minutes", Scope::Terminal, None, Some(4)),
    ("month", Scope::Merchant, Some(15_000), None),
    ("week", Scope::Customer, None, Some(9)),
    ("year", Scope::Product, Some(60_000), None),
];

fn window(name: &str) -> Window {
    match name {
        "day" => Window::DAY,
        "week" => Window::WEEK,
        "month" => Window::MONTH,
        "year" => Window::YEAR,
        "hour" => Window::sliding(Duration::from_hours(1)).expect("an hour"),
        _ => Window::sliding(Duration::from_mins(12)).expect("12 minutes"),
    }
}

struct Run {
    core: Core,
    replayed: Core,
    now: Time,
    number: u32,
    approved: Vec<Approved>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn limits_are_never_exceeded_and_reversals_in_any_order_restore(
        events in prop::collection::vec(event(), 1..120),
        order in any::<u64>(),
    ) {
        let mut run = Run::new();
        for event in events {
            run.play(event)?;
            run.check()?;
        }
        run.reverse_all(order)?;
    }
}

fn event() -> impl Strategy<Value = Event> {
    let how = prop_oneof![Just(How::Hold), Just(How::Post), Just(How::Cash)];
    prop_oneof![
        8 => (0..3usize, 0..2usize, 1..3_000i64, how)
            .prop_map(|(card, terminal, minor, how)| Event::Buy { card, terminal, minor, how }),
        2 => (any::<usize>(), prop::option::of(0..3_000i64))
            .prop_map(|(which, stands_minor)| Event::Reverse { which, stands_minor }),
        2 => (any::<usize>(), prop::option::of(0..3_000i64))
            .prop_map(|(which, dispensed)| Event::Complete { which, dispensed }),
        3 => prop_oneof![0..4i64, 0..90i64, 0..3_000i64, Just(44_640i64)].prop_map(|minutes| Event::Pass { minutes }),
    ]
}

impl Run {
    fn new() -> Run {
        let tables = Arc::new(tables());
        let mut cores = [(); 2].map(|()| Core::new(ShardIndex(0), Arc::clone(&tables)));
        for core in &mut cores {
            on_file().iter().for_each(|record| core.replay(record));
        }
        let [core, replayed] = cores;
        // Monday 2026-06-15, 12:00 UTC.
        Run { core, replayed, now: Time::from_unix_ms(1_781_524_800_000), number: 0, approved: Vec::new() }
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.core.step(self.now, input, &mut effects);
        for effect in &effects {
            if let Effect::Record(record) = effect {
                self.replayed.replay(record);
                self.learn(record);
            }
        }
        effects
    }

    fn learn(&mut self, record: &Record) {
        match record {
            Record::Decided(made) if made.code.is_approval() => {
                let minor = made.amount_minor;
                self.approved.push(Approved { made: (**made).clone(), minor, counts: true });
            }
            Record::Reversed(reversed) => self.correct(reversed.transaction, reversed.remaining_minor),
            Record::Completed(completed) => {
                let Some(minor) = completed.dispensed_minor else { return };
                self.correct(completed.transaction, minor);
            }
            _ => {}
        }
    }

    fn correct(&mut self, id: auth::TransactionId, minor: i64) {
        let entry = self.approved.iter_mut().find(|entry| entry.made.id == id).expect("it was approved");
        entry.minor = minor;
        entry.counts = minor != 0;
    }

    fn play(&mut self, event: Event) -> Result<(), TestCaseError> {
        // Transmission times have seconds.
        self.now = self.now.plus(Duration::from_secs(1));
        match event {
            Event::Buy { card, terminal, minor, how } => return self.buy(card, terminal, minor, how),
            Event::Reverse { which, stands_minor } => {
                let Some(made) = self.pick(which) else { return Ok(()) };
                self.reverse(&made, stands_minor);
            }
            Event::Complete { which, dispensed } => {
                let Some(made) = self.pick(which) else { return Ok(()) };
                let dispensed = dispensed.map_or(Dispensed::All, |minor| Dispensed::Part { minor });
                let completion = Completion { transaction: made.id, pan: made.pan, dispensed };
                self.step(Input::Completion(completion));
            }
            Event::Pass { minutes } => {
                self.now = self.now.plus(Duration::from_secs(minutes.unsigned_abs() * 60));
                self.step(Input::Tick);
            }
        }
        Ok(())
    }

    fn pick(&self, which: usize) -> Option<Transaction> {
        let place = which.checked_rem(self.approved.len())?;
        Some(self.approved[place].made.clone())
    }

    fn reverse(&mut self, made: &Transaction, replacement_minor: Option<i64>) {
        self.step(Input::Reversal(Box::new(Reversal {
            reply_to: auth::ReplyTo { connection: 1, slot: 0 },
            link: made.link,
            terminal: made.terminal,
            pan: made.pan,
            original_stan: made.stan,
            original_transmission: made.transmission,
            replacement_minor,
        })));
    }

    fn buy(&mut self, card: usize, terminal: usize, minor: i64, how: How) -> Result<(), TestCaseError> {
        self.number += 1;
        let atc = u16::try_from(self.number).expect("a short run");
        let digits = self.now.month_day_time(UtcOffset::default());
        let transmission = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        let cash = matches!(how, How::Cash);
        let request = Request {
            class: if matches!(how, How::Hold) {
                MessageClass::Authorization
            } else {
                MessageClass::Financial
            },
            transaction: if cash { TransactionType::Withdrawal } else { TransactionType::Purchase },
            transmission: TransmissionTime(transmission),
            merchant: MerchantId::new(MERCHANTS[terminal]),
            entry: EntryMode::Chip,
            chip: Some(bank::chip(18, atc, minor)),
            pin_block: cash.then(bank::pin_block),
            cash: cash.then_some(Cash { tsn: 1, notes: Some([1, 0, 0, 0]) }),
            ..bank::purchase("pos", TERMINALS[terminal], pan(card), self.number, minor)
        };
        let effects = self.step(Input::Request(Box::new(request.clone())));
        let [Effect::AskHsm { ticket, .. }] = effects[..] else { panic!("{effects:?}") };
        let reply = ChecksReply {
            cvv2: None,
            order: None,
            cryptogram: Some(CryptogramResult::Right { arpc: [0x11; 8] }),
            cvv: None,
            icvv: None,
            pin: cash.then_some(PinResult::Right),
            ..ChecksReply::default()
        };
        // What the limits know before, and what they may hold against it at most.
        let refused_by = self.refusal(&request);
        let effects = self.step(Input::HsmReply { ticket, reply });
        let [Effect::Record(Record::Decided(made)), ..] = &effects[..] else { panic!("{effects:?}") };
        match made.code {
            ResponseCode::APPROVED => {}
            ResponseCode::OVER_AMOUNT_LIMIT | ResponseCode::OVER_COUNT_LIMIT => {
                prop_assert!(refused_by, "refused without a reason: {:?}", made.receipt);
            }
            code => panic!("declined with {code}: {:?}", made.receipt),
        }
        Ok(())
    }

    /// Whether a limit has a reason to refuse this, with sliding windows as long as they may be.
    fn refusal(&self, request: &Request) -> bool {
        LIMITS.iter().any(|(name, scope, amount, count)| {
            let same = |entry: &Approved| {
                same_subject(
                    *scope,
                    (&entry.made.pan, &entry.made.terminal),
                    (&request.pan, &request.terminal),
                )
            };
            let (minor, number) = self.sum(name, 13, same);
            amount.is_some_and(|most| minor + request.amount_minor > most)
                || count.is_some_and(|most| number + 1 > most)
        })
    }

    /// Minor units and number in the window that ends now; a sliding one is as many twelfths long as is said.
    fn sum(&self, name: &str, twelfths: u64, of: impl Fn(&Approved) -> bool) -> (i64, u32) {
        let window = window(name);
        let within = |entry: &&Approved| {
            let (then, today) = (entry.made.business_day, self.now.day(UtcOffset::default()));
            match window.sliding_seconds() {
                Some(seconds) => {
                    let length = Duration::from_secs(u64::from(seconds) * twelfths / 12);
                    entry.made.time > self.now.minus(length)
                }
                None if window == Window::DAY => then == today,
                // Monday 2026-06-15 is the first day of a week, and nothing is older.
                None if window == Window::WEEK => week(entry.made.time) == week(self.now),
                None if window == Window::MONTH => (then.year, then.month) == (today.year, today.month),
                None => then.year == today.year,
            }
        };
        let entries = self.approved.iter().filter(|entry| entry.counts && of(entry)).filter(within);
        entries.fold((0, 0), |(minor, number), entry| (minor + entry.minor, number + 1))
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (name, scope, amount, count) in LIMITS {
            for (card, terminal) in [(0, 0), (1, 1), (2, 1)] {
                let terminal = TerminalId::new(TERMINALS[terminal]).expect("a terminal");
                let subject = (&pan(card), &terminal);
                let same =
                    |entry: &Approved| same_subject(scope, (&entry.made.pan, &entry.made.terminal), subject);
                let (minor, number) = self.sum(name, 12, same);
                prop_assert!(amount.is_none_or(|most| minor <= most), "{name} holds {minor}");
                prop_assert!(count.is_none_or(|most| number <= most), "{name} holds {number}");
            }
        }
        for card in 0..3 {
            let of_card = |entry: &Approved| entry.made.pan == pan(card);
            let [live, replayed] = [&self.core, &self.replayed].map(|core| {
                let tables = tables();
                CardView::of(core.state(), &tables, &pan(card), self.now).expect("on file").limits
            });
            prop_assert_eq!(&live, &replayed, "replay counts otherwise");
            let day = live.iter().find(|limit| limit.name == "day").expect("a limit");
            prop_assert_eq!(day.used, Some(self.sum("day", 12, of_card)));
        }
        Ok(())
    }

    /// Whatever the order, when all is given back nothing is counted.
    fn reverse_all(&mut self, order: u64) -> Result<(), TestCaseError> {
        let mut all: Vec<Transaction> = self.approved.iter().map(|entry| entry.made.clone()).collect();
        all.sort_by_key(|made| (made.id.number().wrapping_mul(order | 1)) >> 7);
        // Those that are too old, or whose hold has lapsed, have nothing left to give back, but also no window.
        let horizon = self.now.minus(Duration::from_hours(24));
        for made in &all {
            self.reverse(made, None);
        }
        self.check()?;
        let lapsed = |entry: &Approved| entry.counts && entry.made.time >= horizon;
        let left = self.approved.iter().filter(|entry| lapsed(entry)).count();
        prop_assert_eq!(left, 0, "something of the last day was not given back");
        Ok(())
    }
}

fn week(time: Time) -> i64 {
    (time.unix_ms - 1_781_481_600_000) / (7 * 86_400_000)
}

/// Cards 0 and 1 share an account, and all three a customer and the product.
fn same_subject(scope: Scope, one: (&Pan, &TerminalId), other: (&Pan, &TerminalId)) -> bool {
    match scope {
        Scope::Card => one.0 == other.0,
        Scope::Account => (*one.0 == pan(2)) == (*other.0 == pan(2)),
        Scope::Terminal | Scope::Merchant => one.1 == other.1,
        Scope::Customer | Scope::Product => true,
        Scope::Ip | Scope::Email | Scope::Address => unreachable!("these cards are there"),
    }
}

const TERMINALS: [&[u8]; 2] = [b"POS00001", b"POS00002"];
const MERCHANTS: [&[u8]; 2] = [b"BAKER", b"BUTCHER"];

fn pan(card: usize) -> Pan {
    Pan::with_check_digit(format!("400000{card:09}").as_bytes()).expect("16 digits")
}

fn on_file() -> Vec<Record> {
    let account = |name: &str| {
        Record::AccountStored(Account {
            id: AccountId::new(name).expect("an account"),
            currency: Currency::parse("EUR").expect("ISO 4217"),
            kind: AccountKind::Default,
            opening_minor: 100_000_000,
            credit_line_minor: 0,
            customer: CustomerId::new("CUSTOMER"),
            home: None,
            customer_home: None,
        })
    };
    let card = |(card, account): (usize, &str)| {
        Record::CardStored(Card {
            pan: pan(card),
            expiry: Expiry::parse_yymm(bank::EXPIRY).expect("a month"),
            start: None,
            status: CardStatus::Active,
            card_sequence: None,
            account: AccountId::new(account).expect("an account"),
            pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"1234" }),
            further: Box::default(),
        })
    };
    let accounts = ["main", "other"].map(account);
    accounts.into_iter().chain([(0, "main"), (1, "main"), (2, "other")].map(card)).collect()
}

fn tables() -> Tables {
    let limit = |(place, (name, scope, amount_minor, count)): (usize, &Line)| {
        let id = LimitId::of(name);
        Limit {
            name: (*name).to_owned(),
            id,
            counter: id,
            number: place as u16 + 1,
            scope: *scope,
            window: window(name),
            bound: Bound { amount_minor: *amount_minor, count: *count },
            filter: Filter::default(),
        }
    };
    let limits = LIMITS.iter().enumerate().map(limit).collect();
    let product = Product { limits, ..bank::product("classic", "400000") };
    let mut terminals = TerminalSet::default();
    for id in TERMINALS {
        let terminal = bank::terminal(&[TransactionType::Purchase, TransactionType::Withdrawal]);
        terminals.listed.insert(TerminalId::new(id).expect("a terminal"), terminal);
    }
    let link = Link::plain(terminals, None, true);
    // Holds lapse within a run.
    Tables {
        products: vec![product],
        links: [(LinkName::new("pos").expect("a link"), link)].into(),
        hold_period: Duration::from_hours(30),
        ..Tables::default()
    }
}
