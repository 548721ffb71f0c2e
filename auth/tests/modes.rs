//! Modes under any interleaving of orders, purchases, reversals, completions, lapsing holds and restarts: they make no
//! money and lose none, take no account below zero, and what is locked, empty or waits for a word is never approved
//! otherwise. A list of what was recorded says what right is.

#[expect(dead_code, reason = "no stripe is read here")]
#[path = "support/bank.rs"]
mod bank;

use auth::{
    Account, AccountId, AccountKind, Card, CardMode, CardStatus, Cash, ChecksReply, CodeKey, Completion,
    ConfirmationTicket, Core, CryptogramResult, CustomerId, Dispensed, Effect, EntryMode, Fee, FeeName,
    Filter, Funds, HolderAnswer, Input, Instruction, Kept, KeyedHash, Lift, LimitId, Link, LinkName,
    MessageClass, ModeChange, ModeOrder, ModeRules, ModeUse, PartialFee, PinReference, PinResult, Product,
    Provision, ProvisionTask, ProvisionTicket, Record, Reference, Request, Reversal, ShardIndex, Tables,
    TerminalSet, Ticket, Transaction, TransactionId, TransactionType, TransmissionTime,
};
use card::{Currency, Expiry, HolderSecret, Pan, TerminalId, Time, UtcOffset};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// The HSM answers at once, or later.
    Buy {
        card: usize,
        minor: i64,
        how: How,
        code: Code,
        at_once: bool,
    },
    HsmReply {
        which: usize,
    },
    /// Raises an authorization, or completes it.
    Follow {
        which: usize,
        minor: i64,
        completes: bool,
    },
    Order {
        card: usize,
        order: Order,
        minor: i64,
        minutes: i64,
    },
    Answer {
        which: usize,
        answer: HolderAnswer,
    },
    Reverse {
        which: usize,
        stands_minor: Option<i64>,
    },
    Complete {
        which: usize,
        dispensed: Option<i64>,
    },
    Pass {
        minutes: i64,
    },
    Restart {
        from_snapshot: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Hold,
    Post,
    Cash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    None,
    Right,
    Wrong,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Standard,
    Locked,
    Empty,
    Kept { automatic: bool },
    SingleLimit,
    OneTimeCode,
    Confirm,
    Unlock,
    TopUp,
    Lift,
    Code,
    End,
}

/// What the list knows of a card's mode.
#[derive(Clone, Debug, Default)]
struct Chosen {
    mode: CardMode,
    /// Until when it is open, and whether that was used.
    open_until: Option<Time>,
    lift: Option<Lift>,
    code_until: Option<Time>,
}

/// What the list knows of an account. Minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Money {
    ledger: i64,
    held: i64,
}

struct Run {
    core: Core,
    records: Vec<Record>,
    now: Time,
    number: u32,
    approved: BTreeMap<TransactionId, Transaction>,
    /// What each holds or has posted.
    standing: BTreeMap<TransactionId, (AccountId, i64, bool)>,
    money: BTreeMap<AccountId, Money>,
    chosen: [Chosen; CARDS],
    waiting: Vec<(Ticket, Code)>,
    tickets: Vec<(ConfirmationTicket, Code)>,
}

/// Cards 0 and 1 draw on the first account, 2 on the second; the third has none.
const CARDS: usize = 3;
const ACCOUNTS: [&str; 3] = ["main", "savings", "third"];
const OPENING_MINOR: i64 = 10_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn modes_make_no_money_and_let_nothing_through(events in prop::collection::vec(event(), 1..160)) {
        let mut run = Run::new();
        for event in events {
            run.play(event)?;
            run.check()?;
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let how = prop_oneof![Just(How::Hold), Just(How::Post), Just(How::Cash)];
    let code = prop_oneof![1 => Just(Code::None), 3 => Just(Code::Right), 1 => Just(Code::Wrong)];
    let answer = prop_oneof![
        4 => Just(HolderAnswer::Confirm),
        1 => Just(HolderAnswer::Cancel),
        1 => Just(HolderAnswer::Block),
    ];
    let orders = prop_oneof![
        1 => Just(Order::Standard),
        1 => Just(Order::Locked),
        1 => Just(Order::Empty),
        1 => any::<bool>().prop_map(|automatic| Order::Kept { automatic }),
        1 => Just(Order::SingleLimit),
        1 => Just(Order::OneTimeCode),
        1 => Just(Order::Confirm),
        3 => Just(Order::Unlock),
        5 => Just(Order::TopUp),
        1 => Just(Order::Lift),
        3 => Just(Order::Code),
        1 => Just(Order::End),
    ];
    prop_oneof![
        8 => (0..CARDS, 1..4_000i64, how, code, prop::bool::weighted(0.8))
            .prop_map(|(card, minor, how, code, at_once)| Event::Buy { card, minor, how, code, at_once }),
        2 => any::<usize>().prop_map(|which| Event::HsmReply { which }),
        3 => (any::<usize>(), 1..4_000i64, any::<bool>())
            .prop_map(|(which, minor, completes)| Event::Follow { which, minor, completes }),
        8 => (0..CARDS, orders, 0..6_000i64, 0..30i64)
            .prop_map(|(card, order, minor, minutes)| Event::Order { card, order, minor, minutes }),
        2 => (any::<usize>(), answer).prop_map(|(which, answer)| Event::Answer { which, answer }),
        3 => (any::<usize>(), prop::option::of(0..3_000i64))
            .prop_map(|(which, stands_minor)| Event::Reverse { which, stands_minor }),
        2 => (any::<usize>(), prop::option::of(0..3_000i64))
            .prop_map(|(which, dispensed)| Event::Complete { which, dispensed }),
        4 => prop_oneof![Just(0i64), 0..4i64, 0..90i64, 0..3_000i64].prop_map(|minutes| Event::Pass { minutes }),
        1 => any::<bool>().prop_map(|from_snapshot| Event::Restart { from_snapshot }),
    ]
}

impl Run {
    fn new() -> Run {
        let records = on_file();
        let mut run = Run {
            core: core(),
            records: Vec::new(),
            // Monday 2026-06-15, 12:00 UTC.
            now: Time::from_unix_ms(1_781_524_800_000),
            number: 0,
            approved: BTreeMap::new(),
            standing: BTreeMap::new(),
            money: ACCOUNTS.map(|name| (account(name), Money { ledger: OPENING_MINOR, held: 0 })).into(),
            chosen: Default::default(),
            waiting: Vec::new(),
            tickets: Vec::new(),
        };
        records.iter().for_each(|record| run.core.replay(record));
        run.records = records;
        run
    }

    fn step(&mut self, input: Input, told: Told) -> Result<Vec<Effect>, TestCaseError> {
        let mut effects = Vec::new();
        self.core.step(self.now, input, &mut effects);
        for effect in &effects {
            if let Effect::Record(record) = effect {
                self.records.push(record.clone());
                self.learn(record, told)?;
            }
        }
        Ok(effects)
    }

    fn learn(&mut self, record: &Record, told: Told) -> Result<(), TestCaseError> {
        match record {
            Record::Decided(made) if made.code.is_approval() => self.approve(made, told)?,
            Record::Reversed(reversed) => self.settle(reversed.transaction, reversed.remaining_minor, None),
            Record::Completed(completed) => {
                if let Some(minor) = completed.dispensed_minor {
                    self.settle(completed.transaction, minor, Some(true));
                }
            }
            Record::HoldExpired(expired) => self.settle(expired.transaction, 0, None),
            Record::HoldReleased(released) => self.settle(released.transaction, 0, None),
            Record::OwnTransfer(transfer) => {
                let from = self.money.get_mut(&transfer.from).expect("an account of ours");
                prop_assert!(transfer.minor > 0 && from.ledger - from.held >= transfer.minor, "{transfer:?}");
                from.ledger -= transfer.minor;
                self.money.get_mut(&transfer.to).expect("an account of ours").ledger += transfer.minor;
            }
            Record::ModeChanged(changed) => self.changed(&changed.pan, &changed.change),
            Record::ConfirmationAsked(asked) => self.tickets.push((asked.ticket, told.code)),
            Record::ModeUsed(used) => {
                if let ModeUse::CodeWrong { void: true, .. } = used.used {
                    self.chosen[card_of(&used.pan)].code_until = None;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What may be approved, by the mode that the list knows of.
    fn approve(&mut self, made: &Transaction, told: Told) -> Result<(), TestCaseError> {
        let now = self.now;
        let chosen = &mut self.chosen[card_of(&made.pan)];
        // With the fee.
        let total_minor = made.funds.minor();
        match &chosen.mode {
            // What was authorized is paid, whatever the holder says by now.
            _ if made.class == MessageClass::Advice => {}
            CardMode::Standard | CardMode::Kept(_) => {}
            CardMode::Locked { .. } => {
                prop_assert!(chosen.open_until.is_some_and(|until| now < until), "locked, and approved");
                chosen.open_until = None;
            }
            CardMode::Empty { .. } => {
                prop_assert!(chosen.open_until.is_some_and(|until| now < until), "empty, and approved");
            }
            CardMode::SingleLimit { most_minor, .. } => {
                let lift = chosen.lift.filter(|lift| now < lift.until);
                let most = lift.map_or(Some(*most_minor), |lift| lift.most_minor);
                prop_assert!(most.is_none_or(|most| total_minor <= most), "more than the holder allows");
            }
            CardMode::OneTimeCode { .. } => {
                prop_assert!(
                    chosen.code_until.is_some_and(|until| now < until),
                    "without a code that is good"
                );
                prop_assert_eq!(told.code, Code::Right);
                chosen.code_until = None;
            }
            CardMode::Confirm { .. } => prop_assert!(told.confirmed, "nobody has confirmed"),
        }
        let account = made.account.expect("an approval has an account");
        let money = self.money.get_mut(&account).expect("an account of ours");
        match made.funds {
            Funds::Posted { minor } => money.ledger -= minor,
            Funds::Held { minor, .. } => money.held += minor,
            Funds::None => {}
        }
        let posted = matches!(made.funds, Funds::Posted { .. });
        self.standing.insert(made.id, (account, total_minor, posted));
        self.approved.insert(made.id, made.clone());
        Ok(())
    }

    /// What a transaction holds or has posted becomes this.
    fn settle(&mut self, id: TransactionId, minor: i64, posts: Option<bool>) {
        let (account, before, posted) = self.standing[&id];
        let money = self.money.get_mut(&account).expect("an account of ours");
        let posts = posts.unwrap_or(posted);
        if posted {
            money.ledger += before;
        } else {
            money.held -= before;
        }
        if posts {
            money.ledger -= minor;
        } else {
            money.held += minor;
        }
        self.standing.insert(id, (account, minor, posts));
    }

    fn changed(&mut self, pan: &Pan, change: &ModeChange) {
        let chosen = &mut self.chosen[card_of(pan)];
        match change {
            ModeChange::Set(mode) => *chosen = Chosen { mode: mode.clone(), ..Chosen::default() },
            ModeChange::Open { until } => chosen.open_until = Some(*until),
            ModeChange::Lift(lift) => chosen.lift = Some(*lift),
            ModeChange::Code { until, .. } => chosen.code_until = Some(*until),
            ModeChange::End => *chosen = Chosen { mode: chosen.mode.clone(), ..Chosen::default() },
        }
    }

    fn play(&mut self, event: Event) -> Result<(), TestCaseError> {
        // Transmission times have seconds.
        self.now = self.now.plus(Duration::from_secs(1));
        match event {
            Event::Buy { card, minor, how, code, at_once } => {
                let request = Box::new(self.request(card, minor, how, code));
                let effects = self.step(Input::Request(request), Told::default())?;
                if let Some(Effect::AskHsm { ticket, .. }) = effects.first() {
                    self.waiting.push((*ticket, code));
                    if at_once {
                        self.hsm_reply(self.waiting.len() - 1)?;
                    }
                }
            }
            Event::HsmReply { which } => self.hsm_reply(which)?,
            Event::Follow { which, minor, completes } => {
                if let Some(made) = self.pick(which) {
                    let request = self.about(&made, minor, completes);
                    self.step(Input::Request(Box::new(request)), Told::default())?;
                }
            }
            Event::Order { card, order, minor, minutes } => {
                let until = self.now.plus(Duration::from_secs(60 * minutes.unsigned_abs()));
                let task = ProvisionTask::ChangeMode { pan: pan(card), order: order.of(card, minor, until) };
                self.provision(task, Told::default())?;
            }
            Event::Answer { which, answer } => {
                let Some(place) = which.checked_rem(self.tickets.len()) else { return Ok(()) };
                let (ticket, code) = self.tickets[place];
                let told = Told { confirmed: answer == HolderAnswer::Confirm, code };
                self.provision(ProvisionTask::Answer { ticket, answer, password: None }, told)?;
            }
            Event::Reverse { which, stands_minor } => {
                if let Some(made) = self.pick(which) {
                    let reversal = reversal(&made, stands_minor);
                    self.step(Input::Reversal(Box::new(reversal)), Told::default())?;
                }
            }
            Event::Complete { which, dispensed } => {
                // Only an ATM says what came out.
                if let Some(made) = self.pick(which).filter(|made| made.cash.is_some()) {
                    let dispensed = dispensed.map_or(Dispensed::All, |minor| Dispensed::Part { minor });
                    let completion = Completion { transaction: made.id, pan: made.pan, dispensed };
                    self.step(Input::Completion(completion), Told::default())?;
                }
            }
            Event::Pass { minutes } => {
                self.now = self.now.plus(Duration::from_secs(minutes.unsigned_abs() * 60));
                // Holds that lapse in one tick give back what the next one moves.
                self.step(Input::Tick, Told::default())?;
                self.step(Input::Tick, Told::default())?;
                self.check_levels()?;
            }
            Event::Restart { from_snapshot } => self.restart(from_snapshot),
        }
        Ok(())
    }

    fn provision(&mut self, task: ProvisionTask, told: Told) -> Result<(), TestCaseError> {
        let provision = Provision { ticket: ProvisionTicket(1), task };
        self.step(Input::Provision(Box::new(provision)), told).map(|_| ())
    }

    fn hsm_reply(&mut self, which: usize) -> Result<(), TestCaseError> {
        let Some(place) = which.checked_rem(self.waiting.len()) else { return Ok(()) };
        let (ticket, code) = self.waiting.swap_remove(place);
        let reply = ChecksReply {
            cvv2: None,
            authentication_value: None,
            order: None,
            cryptogram: Some(CryptogramResult::Right { arpc: [0x11; 8] }),
            cvv: None,
            icvv: None,
            pin: Some(PinResult::Right),
            script: None,
        };
        self.step(Input::HsmReply { ticket, reply }, Told { confirmed: false, code }).map(|_| ())
    }

    /// What waits for the HSM or a holder dies with the process.
    fn restart(&mut self, from_snapshot: bool) {
        let mut next = core();
        if from_snapshot {
            self.core.state().freeze().into_each(|element| next.restore(element.clone()));
        } else {
            self.records.iter().for_each(|record| next.replay(record));
        }
        next.resume(self.core.state().last_counter());
        self.core = next;
        self.waiting.clear();
    }

    fn pick(&self, which: usize) -> Option<Transaction> {
        let place = which.checked_rem(self.approved.len())?;
        self.approved.values().nth(place).cloned()
    }

    fn request(&mut self, card: usize, minor: i64, how: How, code: Code) -> Request {
        self.number += 1;
        let atc = u16::try_from(self.number).expect("a short run");
        let digits = self.now.month_day_time(UtcOffset::default());
        let transmission = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        let cash = matches!(how, How::Cash);
        Request {
            class: if matches!(how, How::Hold) {
                MessageClass::Authorization
            } else {
                MessageClass::Financial
            },
            transaction: if cash { TransactionType::Withdrawal } else { TransactionType::Purchase },
            transmission: TransmissionTime(transmission),
            entry: EntryMode::Chip,
            chip: Some(bank::chip(18, atc, minor)),
            pin_block: Some(bank::pin_block()),
            cash: cash.then_some(Cash { tsn: 1, notes: Some([1, 0, 0, 0]) }),
            one_time_code: match code {
                Code::None => None,
                Code::Right => Some(secret(RIGHT)),
                Code::Wrong => Some(secret(b"000000")),
            },
            ..bank::purchase("pos", b"POS00001", pan(card), self.number, minor)
        }
    }

    /// A message about an earlier transaction.
    fn about(&mut self, made: &Transaction, minor: i64, completes: bool) -> Request {
        let class = if completes { MessageClass::Advice } else { MessageClass::Authorization };
        let request = self.request(card_of(&made.pan), minor, How::Post, Code::None);
        let (stan, transmission) = (Some(made.stan), made.transmission);
        let original = Reference { stan, transmission, authorization_id: None, rrn: None };
        let instruction = Instruction { original: Some(original), ..Instruction::default() };
        Request { class, entry: EntryMode::Manual, chip: None, pin_block: None, instruction, ..request }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let state = self.core.state();
        prop_assert_eq!(state.trial_balance(eur()), 0, "the books are off");
        for (id, money) in &self.money {
            let balance = state.balance(id).expect("on file");
            let own = money.ledger - money.held;
            prop_assert_eq!((balance.ledger_minor, balance.available_minor), (money.ledger, own));
            prop_assert!(own >= 0, "{id} is below zero");
        }
        let posted: i64 =
            self.standing.values().filter(|(_, _, posted)| *posted).map(|(_, minor, _)| minor).sum();
        let ledgers: i64 = self.money.values().map(|money| money.ledger).sum();
        prop_assert_eq!(ledgers + posted, OPENING_MINOR * ACCOUNTS.len() as i64, "money came or went");
        for (card, chosen) in self.chosen.iter().enumerate() {
            prop_assert_eq!(state.card_mode(&pan(card)).map(CardMode::as_str), Some(chosen.mode.as_str()));
        }
        Ok(())
    }

    /// Between ticks an account may be elsewhere; after one it is where the mode keeps it.
    fn check_levels(&self) -> Result<(), TestCaseError> {
        let own = |id: &AccountId| self.money[id].ledger - self.money[id].held;
        for (card, chosen) in self.chosen.iter().enumerate() {
            let account = account(account_of(card));
            match &chosen.mode {
                CardMode::Empty { .. } if chosen.open_until.is_none_or(|until| until <= self.now) => {
                    prop_assert_eq!(own(&account), 0, "something is left on an empty card");
                }
                CardMode::Kept(kept) => {
                    prop_assert!(own(&account) <= kept.maximum_minor, "more than the maximum");
                    if kept.automatic {
                        let enough = own(&account) >= kept.minimum_minor || own(&kept.source) == 0;
                        prop_assert!(enough, "less than the minimum, and the source has some");
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// What the holder of a card contributed to a step.
#[derive(Clone, Copy)]
struct Told {
    confirmed: bool,
    code: Code,
}

impl Default for Told {
    fn default() -> Told {
        Told { confirmed: false, code: Code::None }
    }
}

impl Order {
    fn of(self, card: usize, minor: i64, until: Time) -> ModeOrder {
        // Mostly an account that the card may be linked with.
        let source = account(ACCOUNTS[(minor % 3) as usize]);
        match self {
            Order::Standard => ModeOrder::Set(CardMode::Standard),
            Order::Locked => ModeOrder::Set(CardMode::Locked { open_until: None }),
            Order::Empty => ModeOrder::Set(CardMode::Empty { source, open_until: None }),
            Order::Kept { automatic } => ModeOrder::Set(CardMode::Kept(Kept {
                source,
                minimum_minor: minor / 2,
                maximum_minor: minor,
                automatic,
            })),
            Order::SingleLimit => ModeOrder::Set(CardMode::SingleLimit { most_minor: minor / 2, lift: None }),
            Order::OneTimeCode => ModeOrder::Set(CardMode::OneTimeCode { code: None }),
            Order::Confirm => ModeOrder::Set(CardMode::Confirm { password: None }),
            Order::Unlock => ModeOrder::Unlock { until },
            Order::TopUp => ModeOrder::TopUp { minor, until: (minor % 2 == 0).then_some(until) },
            Order::Lift => ModeOrder::Lift(Lift { most_minor: (minor % 2 == 0).then_some(minor), until }),
            Order::Code => {
                let hash = KeyedHash::new(&key(), &pan(card), [3; 16], &secret(RIGHT));
                ModeOrder::Code { hash, until }
            }
            Order::End => ModeOrder::End,
        }
    }
}

const RIGHT: &[u8] = b"472913";

fn secret(text: &[u8]) -> HolderSecret {
    HolderSecret::parse(text).expect("six digits")
}

fn key() -> CodeKey {
    CodeKey::new(&[7; 32])
}

fn reversal(made: &Transaction, replacement_minor: Option<i64>) -> Reversal {
    Reversal {
        reply_to: auth::ReplyTo { connection: 1, slot: 0 },
        link: made.link,
        terminal: made.terminal,
        pan: made.pan,
        original_stan: made.stan,
        original_transmission: made.transmission,
        replacement_minor,
    }
}

fn eur() -> Currency {
    Currency::parse("EUR").expect("ISO 4217")
}

fn account(name: &str) -> AccountId {
    AccountId::new(name).expect("an account")
}

fn account_of(card: usize) -> &'static str {
    if card == 2 { "savings" } else { "main" }
}

fn pan(card: usize) -> Pan {
    Pan::with_check_digit(format!("400000{card:09}").as_bytes()).expect("16 digits")
}

fn card_of(of: &Pan) -> usize {
    (0..CARDS).find(|card| pan(*card) == *of).expect("a card of ours")
}

fn core() -> Core {
    let mut core = Core::new(ShardIndex(0), Arc::new(tables()));
    core.keep_codes_under(key());
    core
}

fn on_file() -> Vec<Record> {
    let open = |name: &str| {
        Record::AccountStored(Account {
            id: account(name),
            currency: eur(),
            kind: AccountKind::Default,
            opening_minor: OPENING_MINOR,
            credit_line_minor: 0,
            customer: CustomerId::new("CUSTOMER"),
            home: None,
            customer_home: None,
        })
    };
    let issue = |card: usize| {
        Record::CardStored(Card {
            pan: pan(card),
            expiry: Expiry::parse_yymm(bank::EXPIRY).expect("a month"),
            start: None,
            status: CardStatus::Active,
            card_sequence: None,
            account: account(account_of(card)),
            pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"1234" }),
            further: Box::default(),
        })
    };
    ACCOUNTS.map(open).into_iter().chain((0..CARDS).map(issue)).collect()
}

/// One percent of cash, and 0.07 at least.
fn cash_fee() -> Fee {
    Fee {
        name: FeeName::new("cash").expect("a fee"),
        counter: LimitId::of("cash"),
        currency: eur(),
        filter: Filter { types: vec![TransactionType::Withdrawal], ..Filter::default() },
        own_terminal: None,
        band: None,
        flat_minor: 0,
        basis_points: 100,
        minimum_minor: 7,
        maximum_minor: None,
        free: 0,
        partial: PartialFee::Shared,
    }
}

fn tables() -> Tables {
    let mut terminals = TerminalSet::default();
    let terminal = bank::terminal(&[TransactionType::Purchase, TransactionType::Withdrawal]);
    terminals.listed.insert(TerminalId::new(b"POS00001").expect("a terminal"), terminal);
    let link = Link::plain(terminals, None, true);
    Tables {
        products: vec![Product { fees: vec![cash_fee()], ..bank::product("classic", "400000") }],
        links: [(LinkName::new("pos").expect("a link"), link)].into(),
        // Holds lapse within a run; a holder who blocks the card ends what there is to see.
        hold_period: Duration::from_hours(30),
        modes: ModeRules { block_status: CardStatus::Active, ..ModeRules::default() },
        ..Tables::default()
    }
}
