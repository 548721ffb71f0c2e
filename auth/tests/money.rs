//! Currencies, rates, fees and settlement in any order: every currency's book sums to zero, what was taken is given
//! back by the rate it was taken with, and nobody has more in the end than was there.

#[expect(dead_code, reason = "here every card is read by its chip, without a PIN")]
#[path = "support/bank.rs"]
mod bank;

use auth::{
    Account, AccountId, AccountKind, Billing, Card, CardStatus, Cash, ChecksReply, Completion, Core,
    CryptogramResult, Dispensed, Effect, EntryMode, Fee, FeeName, Filter, Frozen, Funds, Input, Instruction,
    InternalAccount, LedgerRules, Link, LinkName, MessageClass, PartialFee, Quotation, Rate, RateTable,
    Record, Reference, Request, Reversal, Rounding, ShardIndex, Shares, State, Stated, Tables, Terminal,
    TerminalSet, TransactionId, TransactionType,
};
use card::{Currency, Expiry, Pan, TerminalId, Time};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;
use std::sync::Arc;

const CODES: [&str; 5] = ["EUR", "USD", "JPY", "KWD", "GBP"];
const LINKS: [&str; 3] = ["pos", "euro", "network"];
/// Cards with the currency of their account, and what it holds at opening.
const CARDS: [(&[u8], &str, i64); 2] =
    [(b"4000001234567899", "EUR", 500_000), (b"4000009876543219", "KWD", 900_000)];

#[derive(Clone, Debug)]
enum Event {
    Request(Draw),
    Reversal { which: usize, stands: Option<u8> },
    Completion { which: usize, dispensed: Option<u8> },
    Pause { hours: i64 },
    Tables(usize),
    Restart,
    Snapshot,
    Kind { draw: Draw, kind: u8, about: usize, share: i64 },
}

#[derive(Clone, Debug)]
struct Draw {
    card: usize,
    link: usize,
    currency: usize,
    kind: u8,
    amount_minor: i64,
    surcharge_minor: i64,
    /// How far stated amounts are from the transaction's own, in thousandths; nothing is stated when `None`.
    stated: Option<i64>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_currency_sums_to_zero_and_nothing_is_made(events in prop::collection::vec(event(), 1..120)) {
        let mut bank = Bank::new();
        for event in events {
            bank.play(event)?;
        }
        bank.give_everything_back()?;
    }

    /// The same with money that is given, raised, completed, refunded and approved in part.
    #[test]
    fn every_kind_leaves_the_books_right(events in prop::collection::vec(kind(), 1..100)) {
        let mut bank = Bank { strict: false, ..Bank::new() };
        for event in events {
            bank.play(event)?;
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => draw().prop_map(Event::Request),
        5 => (any::<usize>(), prop::option::of(any::<u8>()))
            .prop_map(|(which, stands)| Event::Reversal { which, stands }),
        3 => (any::<usize>(), prop::option::of(any::<u8>()))
            .prop_map(|(which, dispensed)| Event::Completion { which, dispensed }),
        1 => (1i64..200).prop_map(|hours| Event::Pause { hours }),
        2 => (0usize..3).prop_map(Event::Tables),
        1 => Just(Event::Restart),
        1 => Just(Event::Snapshot),
    ]
}

fn kind() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => event(),
        4 => (draw(), 0u8..7, any::<usize>(), 0i64..140)
            .prop_map(|(draw, kind, about, share)| Event::Kind { draw, kind, about, share }),
    ]
}

fn draw() -> impl Strategy<Value = Draw> {
    let amount = prop_oneof![Just(1i64), 1i64..100, 1i64..30_000];
    let surcharge = prop_oneof![3 => Just(0i64), 1 => -50i64..300];
    let who = (0usize..2, 0usize..3, 0usize..5, 0u8..5);
    (who, amount, surcharge, prop::option::of(900i64..1_100)).prop_map(
        |((card, link, currency, kind), amount_minor, surcharge_minor, stated)| Draw {
            card,
            link,
            currency,
            kind,
            amount_minor,
            surcharge_minor,
            stated,
        },
    )
}

/// One core with everything around it, and a model made of its records alone.
struct Bank {
    core: Core,
    tables: Arc<Tables>,
    now: Time,
    stan: u32,
    atcs: [u16; 2],
    records: Vec<Record>,
    sent: Vec<Request>,
    entries: BTreeMap<TransactionId, Entry>,
    /// Whether every amount is worked out anew, or the records are only added up.
    strict: bool,
}

/// A transaction that moved money, as the model has it.
#[derive(Clone)]
struct Entry {
    request: Request,
    account: usize,
    posted: bool,
    stands_minor: i64,
    shares: Shares,
    billing: Option<Box<Billing>>,
    closed: bool,
}

impl Bank {
    fn new() -> Bank {
        let tables = Arc::new(tables(0));
        let mut bank = Bank {
            core: Core::new(ShardIndex(0), Arc::clone(&tables)),
            tables,
            now: Time::from_unix_ms(1_781_524_800_000),
            stan: 0,
            atcs: [0; 2],
            records: Vec::new(),
            sent: Vec::new(),
            entries: BTreeMap::new(),
            strict: true,
        };
        for (number, code, opening_minor) in CARDS {
            let account = Record::AccountStored(Account {
                id: account(code),
                currency: currency(code),
                kind: AccountKind::Default,
                opening_minor,
                credit_line_minor: 0,
                customer: None,
                home: None,
                customer_home: None,
            });
            let card = Record::CardStored(Card {
                pan: Pan::parse(number).unwrap(),
                expiry: Expiry::parse_yymm(bank::EXPIRY).unwrap(),
                start: None,
                status: CardStatus::Active,
                card_sequence: None,
                account: self::account(code),
                pin: None,
                further: Box::default(),
            });
            for record in [account, card] {
                bank.core.replay(&record);
                bank.records.push(record);
            }
        }
        bank
    }

    fn play(&mut self, event: Event) -> Result<(), TestCaseError> {
        self.now = Time::from_unix_ms(self.now.unix_ms + 1_000);
        match event {
            Event::Request(draw) => self.request(&draw)?,
            Event::Kind { draw, kind, about, share } => self.kind(&draw, kind, about, share)?,
            Event::Reversal { which, stands } => {
                let Some(request) = pick(&self.sent, which).cloned() else { return Ok(()) };
                let stands = stands.map(|share| request.amount_minor * i64::from(share) / 255);
                self.reverse(&request, stands)?;
            }
            Event::Completion { which, dispensed } => {
                let open: Vec<TransactionId> = self
                    .entries
                    .iter()
                    .filter(|(_, entry)| entry.request.cash.is_some() && !entry.posted && !entry.closed)
                    .map(|(id, _)| *id)
                    .collect();
                let Some(id) = pick(&open, which).copied() else { return Ok(()) };
                let request = &self.entries[&id].request;
                let dispensed = match dispensed {
                    None => Dispensed::All,
                    Some(255) => Dispensed::Unknown,
                    Some(share) => Dispensed::Part { minor: request.amount_minor * i64::from(share) / 255 },
                };
                let completion = Completion { transaction: id, pan: request.pan, dispensed };
                self.step(Input::Completion(completion), None)?;
            }
            Event::Pause { hours } => {
                self.now = Time::from_unix_ms(self.now.unix_ms + hours * 3_600_000);
                self.step(Input::Tick, None)?;
            }
            Event::Tables(which) => {
                self.tables = Arc::new(tables(which));
                self.step(Input::Tables(Arc::clone(&self.tables)), None)?;
            }
            Event::Restart => self.restart(None),
            Event::Snapshot => {
                let frozen = self.core.state().freeze();
                self.restart(Some(frozen));
            }
        }
        self.check()
    }

    fn restart(&mut self, frozen: Option<Frozen>) {
        let mut core = Core::new(ShardIndex(0), Arc::clone(&self.tables));
        match frozen {
            Some(frozen) => frozen.into_each(|element| core.restore(element.clone())),
            None => self.records.iter().for_each(|record| core.replay(record)),
        }
        core.resume(core.state().last_counter());
        self.core = core;
    }

    fn request(&mut self, draw: &Draw) -> Result<(), TestCaseError> {
        self.stan += 1;
        self.atcs[draw.card] += 1;
        let (number, ..) = CARDS[draw.card];
        let link = LINKS[draw.link];
        let pan = Pan::parse(number).unwrap();
        let base = bank::purchase(link, b"POS00001", pan, self.stan, draw.amount_minor);
        let (class, transaction, cash) = match draw.kind {
            0 => (MessageClass::Authorization, TransactionType::Purchase, false),
            1 => (MessageClass::Financial, TransactionType::BalanceInquiry, false),
            2 => (MessageClass::Financial, TransactionType::Withdrawal, true),
            _ => (MessageClass::Financial, TransactionType::Purchase, false),
        };
        let stated = draw.stated.map(|thousandths| {
            let minor = draw.amount_minor * thousandths / 1_000;
            (minor, currency(CODES[draw.card * 3]).numeric())
        });
        let request = Request {
            class,
            transaction,
            amount_minor: if transaction == TransactionType::BalanceInquiry { 0 } else { draw.amount_minor },
            currency: currency(CODES[draw.currency]).numeric(),
            entry: EntryMode::Chip,
            chip: Some(bank::chip(18, self.atcs[draw.card], draw.amount_minor)),
            cash: cash.then_some(Cash { tsn: 1, notes: Some([1, 0, 0, 0]) }),
            stated: Stated { billing: stated, settlement: stated, surcharge_minor: draw.surcharge_minor },
            ..base
        };
        self.send(&request)
    }

    /// An authorization or purchase that may be approved in part, a deposit, a refund, and what is about an earlier
    /// request: more on hold, a completion, a refund.
    fn kind(&mut self, draw: &Draw, kind: u8, about: usize, share: i64) -> Result<(), TestCaseError> {
        self.stan += 1;
        let earlier = pick(&self.sent, about).cloned();
        let original = earlier.filter(|_| kind > 3);
        let (card, link, currency_of) = match &original {
            Some(earlier) => {
                let card = CARDS.iter().position(|(number, ..)| Pan::parse(number).unwrap() == earlier.pan);
                (card.unwrap(), earlier.link.as_str().to_owned(), earlier.currency)
            }
            None => (draw.card, LINKS[draw.link].to_owned(), currency(CODES[draw.currency]).numeric()),
        };
        self.atcs[card] += 1;
        let amount_minor =
            original.as_ref().map_or(draw.amount_minor, |earlier| earlier.amount_minor * share / 100);
        let pan = Pan::parse(CARDS[card].0).unwrap();
        let base = bank::purchase(&link, b"POS00001", pan, self.stan, amount_minor);
        let (class, transaction) = match kind {
            0 | 4 => (MessageClass::Authorization, TransactionType::Purchase),
            2 => (MessageClass::Financial, TransactionType::Deposit),
            3 | 6 => (MessageClass::Financial, TransactionType::Refund),
            5 => (MessageClass::Advice, TransactionType::Purchase),
            _ => (MessageClass::Financial, TransactionType::Purchase),
        };
        let by_chip = matches!(kind, 0..=2 | 4);
        let reference =
            original.map(|earlier| Reference { stan: Some(earlier.stan), ..Reference::default() });
        self.send(&Request {
            class,
            transaction,
            currency: currency_of,
            entry: if by_chip { EntryMode::Chip } else { EntryMode::Manual },
            chip: by_chip.then(|| bank::chip(18, self.atcs[card], amount_minor)),
            instruction: Instruction { original: reference, takes_partial: true, ..Instruction::default() },
            ..base
        })
    }

    fn send(&mut self, request: &Request) -> Result<(), TestCaseError> {
        self.sent.push(request.clone());
        let effects = self.step(Input::Request(Box::new(request.clone())), Some(request))?;
        if let Some(Effect::AskHsm { ticket, .. }) = effects.first() {
            let reply = ChecksReply {
                cryptogram: Some(CryptogramResult::Right { arpc: [7; 8] }),
                cvv: None,
                icvv: None,
                pin: None,
                ..ChecksReply::default()
            };
            self.step(Input::HsmReply { ticket: *ticket, reply }, Some(request))?;
        }
        Ok(())
    }

    fn reverse(&mut self, request: &Request, stands: Option<i64>) -> Result<(), TestCaseError> {
        let reversal = Reversal {
            reply_to: request.reply_to,
            link: request.link,
            terminal: request.terminal,
            pan: request.pan,
            original_stan: request.stan,
            original_transmission: request.transmission,
            replacement_minor: stands,
        };
        self.step(Input::Reversal(Box::new(reversal)), None).map(|_| ())
    }

    fn step(&mut self, input: Input, request: Option<&Request>) -> Result<Vec<Effect>, TestCaseError> {
        let mut effects = Vec::new();
        self.core.step(self.now, input, &mut effects);
        for effect in &effects {
            if let Effect::Record(record) = effect {
                self.take(record, request)?;
                self.records.push(record.clone());
            }
        }
        Ok(effects)
    }

    /// What the record says, held against what was asked and what stood.
    fn take(&mut self, record: &Record, request: Option<&Request>) -> Result<(), TestCaseError> {
        if !self.strict {
            self.add_up(record, request);
            return Ok(());
        }
        match record {
            Record::Decided(transaction) => {
                let (minor, posted) = match transaction.funds {
                    Funds::None => return Ok(()),
                    Funds::Held { minor, .. } => (minor, false),
                    Funds::Posted { minor } => (minor, true),
                };
                let request = request.expect("only a request is decided").clone();
                let of_card = |(number, ..): &(&[u8], &str, i64)| Pan::parse(number).unwrap() == request.pan;
                let account = CARDS.iter().position(of_card).unwrap();
                let billing = transaction.details.billing.clone();
                let shares = whole(&request, billing.as_deref(), account)?;
                let fee =
                    billing.as_ref().and_then(|billing| billing.charge).map_or(0, |charge| charge.minor);
                let billed = billing.as_ref().map_or(request.amount_minor, |billing| billing.amount_minor);
                prop_assert_eq!(minor, billed + fee);
                prop_assert!(minor > 0);
                let entry =
                    Entry { request, account, posted, stands_minor: minor, shares, billing, closed: false };
                self.entries.insert(transaction.id, entry);
            }
            Record::Reversed(reversed) => {
                let entry = self.entries.get_mut(&reversed.transaction).expect("decided before");
                entry.leave(reversed.remaining_minor, reversed.shares)?;
            }
            Record::Completed(completed) => {
                let entry = self.entries.get_mut(&completed.transaction).expect("decided before");
                if let Some(minor) = completed.dispensed_minor {
                    entry.leave(minor, completed.shares)?;
                    entry.posted = true;
                }
            }
            Record::HoldExpired(expired) => {
                let entry = self.entries.get_mut(&expired.transaction).expect("decided before");
                entry.stands_minor = 0;
                entry.closed = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The record as it stands: what is held or posted, and whose it is.
    fn add_up(&mut self, record: &Record, request: Option<&Request>) {
        let (id, minor, shares, posts) = match record {
            Record::Decided(transaction) => {
                let minor = transaction.funds.minor();
                let request = request.expect("only a request is decided").clone();
                let of_card = |(number, ..): &(&[u8], &str, i64)| Pan::parse(number).unwrap() == request.pan;
                let account = CARDS.iter().position(of_card).unwrap();
                let billing = transaction.details.billing.clone();
                let shares = billing.as_ref().map(|billing| {
                    let sign = minor.signum();
                    Shares {
                        amount_minor: sign * request.amount_minor,
                        fee_minor: sign * billing.charge.map_or(0, |charge| charge.minor),
                        settlement_minor: sign * billing.settlement.minor,
                        settlement_currency: billing.settlement.currency,
                    }
                });
                let shares = shares.unwrap_or(plain(minor, account));
                let posted = matches!(transaction.funds, Funds::Posted { .. });
                let entry =
                    Entry { request, account, posted, stands_minor: minor, shares, billing, closed: false };
                self.entries.insert(transaction.id, entry);
                return;
            }
            Record::Reversed(reversed) => {
                (reversed.transaction, reversed.remaining_minor, reversed.shares, false)
            }
            Record::Completed(completed) => match completed.dispensed_minor {
                Some(minor) => (completed.transaction, minor, completed.shares, true),
                None => return,
            },
            Record::HoldExpired(expired) => (expired.transaction, 0, None, false),
            Record::HoldReleased(released) => (released.transaction, 0, None, false),
            _ => return,
        };
        let entry = self.entries.get_mut(&id).expect("decided before");
        entry.shares = shares.unwrap_or(plain(minor, entry.account));
        entry.stands_minor = minor;
        entry.posted |= posts;
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let mut replayed = State::default();
        self.records.iter().for_each(|record| replayed.apply(record));
        for state in [self.core.state(), &replayed] {
            self.check_state(state)?;
        }
        Ok(())
    }

    fn check_state(&self, state: &State) -> Result<(), TestCaseError> {
        let posted = || self.entries.values().filter(|entry| entry.posted && entry.stands_minor != 0);
        let known: Vec<Currency> = CODES.map(currency).to_vec();
        prop_assert!(state.currencies_of_the_books().iter().all(|of| known.contains(of)));
        for code in CODES {
            let of = currency(code);
            prop_assert_eq!(state.trial_balance(of), 0, "the book of {} is off", code);
            for link in LINKS {
                let name = LinkName::new(link).unwrap();
                let owed: i64 = posted()
                    .filter(|entry| entry.request.link == name && entry.shares.settlement_currency == of)
                    .map(|entry| entry.shares.settlement_minor)
                    .sum();
                prop_assert_eq!(state.owed_to(name, of), i128::from(owed));
            }
            let fees: i64 = posted()
                .filter(|entry| CARDS[entry.account].1 == code)
                .map(|entry| entry.shares.fee_minor)
                .sum();
            prop_assert_eq!(state.internal_balance(InternalAccount::FeeIncome, of), i128::from(fees));
        }
        for (place, (_, code, opening)) in CARDS.iter().enumerate() {
            let of_account = || self.entries.values().filter(|entry| entry.account == place);
            let sum = |posted| -> i64 {
                of_account().filter(|entry| entry.posted == posted).map(|entry| entry.stands_minor).sum()
            };
            let balance = state.balance(&account(code)).unwrap();
            prop_assert_eq!(balance.ledger_minor, opening - sum(true));
            prop_assert_eq!(balance.available_minor, opening - sum(true) - sum(false));
            prop_assert!(balance.available_minor >= 0, "more was spent than is there");
        }
        Ok(())
    }

    /// Every transaction is reversed, at whatever rates there are by now: then all is as it was.
    fn give_everything_back(mut self) -> Result<(), TestCaseError> {
        self.step(Input::Tables(Arc::new(tables(2))), None)?;
        for request in self.sent.clone() {
            self.reverse(&request, None)?;
            self.check()?;
        }
        let horizon = self.now.minus(auth::limits::TRANSACTION_REACH);
        let left =
            |record: &Record| matches!(record, Record::Decided(transaction) if transaction.time < horizon);
        if self.records.iter().any(left) {
            // What is older is beyond reach of a reversal.
            return Ok(());
        }
        let state = self.core.state();
        for (_, code, opening) in CARDS {
            let balance = state.balance(&account(code)).unwrap();
            prop_assert_eq!((balance.ledger_minor, balance.available_minor), (opening, opening));
        }
        for code in CODES {
            let of = currency(code);
            for account in [InternalAccount::Position, InternalAccount::FeeIncome] {
                prop_assert_eq!(state.internal_balance(account, of), 0);
            }
            for link in LINKS {
                prop_assert_eq!(state.owed_to(LinkName::new(link).unwrap(), of), 0);
            }
        }
        Ok(())
    }
}

impl Entry {
    /// What stands after a reversal or a completion: the part of the amount by the rates of the decision.
    fn leave(&mut self, minor: i64, shares: Option<Shares>) -> Result<(), TestCaseError> {
        let Some(billing) = self.billing.clone() else {
            prop_assert_eq!(shares, None);
            prop_assert!((0..=self.stands_minor).contains(&minor));
            let settlement_minor = minor;
            self.shares = Shares { amount_minor: minor, settlement_minor, ..self.shares };
            self.stands_minor = minor;
            return Ok(());
        };
        let shares = shares.expect("what is billed is shared out");
        let asked = self.request.amount_minor;
        prop_assert!(minor <= self.stands_minor && minor >= 0);
        prop_assert!(shares.settlement_minor <= self.shares.settlement_minor);
        prop_assert!((0..=self.shares.fee_minor).contains(&shares.fee_minor));
        let expect = if shares.amount_minor == 0 {
            (0, 0, 0)
        } else if shares.amount_minor == asked {
            let fee = billing.charge.map_or(0, |charge| charge.minor);
            (billing.amount_minor, fee, billing.settlement.minor)
        } else {
            let gross = (shares.amount_minor + billing.surcharge_minor).max(0);
            let from = Currency::from_numeric(self.request.currency).unwrap();
            let of = |rate: Option<Rate>, to, whole: i64| {
                rate.map_or(gross, |rate| exactly(gross, rate, from, to, billing.rounding)).min(whole)
            };
            let billed = of(billing.rate, billing.currency, billing.amount_minor);
            let settled = of(billing.settlement.rate, billing.settlement.currency, billing.settlement.minor);
            let fee = billing.charge.map_or(0, |charge| match charge.partial {
                PartialFee::Kept => charge.minor,
                PartialFee::Shared => (2 * charge.minor * shares.amount_minor + asked) / (2 * asked),
            });
            (billed, fee, settled)
        };
        prop_assert_eq!((minor - shares.fee_minor, shares.fee_minor, shares.settlement_minor), expect);
        (self.stands_minor, self.shares) = (minor, shares);
        Ok(())
    }
}

/// What a decision says of its money, held against the request.
fn whole(request: &Request, billing: Option<&Billing>, account: usize) -> Result<Shares, TestCaseError> {
    let from = Currency::from_numeric(request.currency).unwrap();
    let own = currency(CARDS[account].1);
    let amount_minor = request.amount_minor;
    let Some(billing) = billing else {
        prop_assert_eq!(from, own);
        let settlement_currency = own;
        return Ok(Shares {
            amount_minor,
            fee_minor: 0,
            settlement_minor: amount_minor,
            settlement_currency,
        });
    };
    let gross = amount_minor + billing.surcharge_minor;
    prop_assert_eq!(billing.currency, own);
    match billing.rate {
        None => prop_assert_eq!(billing.amount_minor, gross),
        Some(_) if billing.by_network => {
            prop_assert_eq!(request.stated.billing, Some((billing.amount_minor, own.numeric())));
        }
        Some(rate) => {
            prop_assert_eq!(billing.amount_minor, exactly(gross, rate, from, own, billing.rounding));
        }
    }
    let settlement = &billing.settlement;
    match (settlement.rate, request.stated.settlement) {
        (None, _) => prop_assert_eq!(settlement.minor, gross),
        (Some(_), Some((stated, number)))
            if request.link.as_str() == "network" && number == settlement.currency.numeric() =>
        {
            prop_assert_eq!(settlement.minor, stated);
        }
        (Some(rate), _) => {
            prop_assert_eq!(
                settlement.minor,
                exactly(gross, rate, from, settlement.currency, billing.rounding)
            );
        }
    }
    Ok(Shares {
        amount_minor,
        fee_minor: billing.charge.map_or(0, |charge| charge.minor),
        settlement_minor: settlement.minor,
        settlement_currency: settlement.currency,
    })
}

/// All of it goes to the link, in the account's currency.
fn plain(minor: i64, account: usize) -> Shares {
    let settlement_currency = currency(CARDS[account].1);
    Shares { amount_minor: minor, fee_minor: 0, settlement_minor: minor, settlement_currency }
}

/// The conversion, written down once more in another way.
fn exactly(minor: i64, rate: Rate, from: Currency, to: Currency, rounding: Rounding) -> i64 {
    let dividend = i128::from(minor) * i128::from(rate.mantissa()) * 10i128.pow(to.exponent().into());
    let divisor = 10i128.pow(u32::from(rate.decimals()) + u32::from(from.exponent()));
    let rounded = match rounding {
        Rounding::HalfUp => (2 * dividend + divisor) / (2 * divisor),
        Rounding::Up => (dividend + divisor - 1) / divisor,
    };
    rounded.max(i128::from(minor > 0)).try_into().unwrap()
}

/// Three configurations, between which the bank changes.
fn tables(which: usize) -> Tables {
    let rate = |from: &str, to: &str, rate: &str, markup| Quotation {
        from: currency(from),
        to: currency(to),
        rate: Rate::parse(rate).unwrap(),
        markup,
        valid_from: None,
        both_ways: true,
    };
    let (rates, rounding) = match which {
        0 => (
            vec![
                rate("USD", "EUR", "0.92", 0),
                rate("JPY", "EUR", "0.006175", 150),
                rate("KWD", "EUR", "3.0193", 0),
                rate("GBP", "EUR", "1.1523", 200),
            ],
            Rounding::HalfUp,
        ),
        1 => (
            vec![
                rate("USD", "EUR", "0.99", 175),
                rate("JPY", "EUR", "0.0051", 0),
                rate("KWD", "EUR", "2.5", 100),
            ],
            Rounding::Up,
        ),
        _ => (
            vec![
                rate("EUR", "USD", "1.3333333", 0),
                rate("EUR", "JPY", "161.94", 0),
                rate("EUR", "KWD", "0.33", 0),
            ],
            Rounding::HalfUp,
        ),
    };
    let fee = |name: &str, code: &str, partial| Fee {
        name: FeeName::new(name).unwrap(),
        counter: Fee::counter_of(name),
        currency: currency(code),
        filter: Filter::default(),
        own_terminal: None,
        band: None,
        flat_minor: 25,
        basis_points: 150,
        minimum_minor: 30,
        maximum_minor: Some(900),
        free: 0,
        partial,
    };
    let inquiry = Filter { types: vec![TransactionType::BalanceInquiry], ..Filter::default() };
    let cash = Filter { types: vec![TransactionType::Withdrawal], ..Filter::default() };
    let fees = match which {
        0 => vec![
            Fee { filter: cash, ..fee("cash", "EUR", PartialFee::Shared) },
            Fee { filter: inquiry, ..fee("inquiry", "KWD", PartialFee::Kept) },
        ],
        1 => vec![
            Fee { free: 2, ..fee("each", "EUR", PartialFee::Kept) },
            fee("dinar", "KWD", PartialFee::Shared),
        ],
        _ => Vec::new(),
    };
    let ledger = LedgerRules { partial_approval: true, tolerance_percent: 20, ..LedgerRules::default() };
    let mut tables = Tables {
        products: vec![auth::Product { fees, ledger, ..bank::product("classic", "400000") }],
        rates: RateTable::new(rates, Some(currency("EUR")), rounding),
        ..Tables::default()
    };
    for link in LINKS {
        let mut terminals = TerminalSet::default();
        let terminal = bank::terminal(&TransactionType::SERVED);
        let terminal = Terminal { unreferenced_refunds: true, ..terminal };
        terminals.listed.insert(TerminalId::new(b"POS00001").unwrap(), terminal);
        let plain = Link::plain(terminals, None, true);
        let link_of = match link {
            "euro" => Link { settlement: Some(currency("EUR")), ..plain },
            "network" => Link {
                settlement: Some(currency("USD")),
                surcharge_on_top: true,
                amount_tolerance: Some(500),
                ..plain
            },
            _ => plain,
        };
        tables.links.insert(LinkName::new(link).unwrap(), link_of);
    }
    tables
}

fn pick<T>(of: &[T], which: usize) -> Option<&T> {
    which.checked_rem(of.len()).map(|place| &of[place])
}

fn account(code: &str) -> AccountId {
    AccountId::new(code).unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("ISO 4217")
}
