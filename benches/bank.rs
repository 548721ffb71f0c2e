use auth::{
    Account, AccountId, AccountKind, AccountType, Bound, Card, CardStatus, ChecksReply, Chip, Core,
    CryptogramResult, Effect, EntryMode, Filter, Input, Key, LOOK_AHEAD, Limit, LimitId, Limits, Link,
    LinkName, Memory, MessageClass, PinKey, PinKeyKind, PinMethod, PinReference, PinResult, PointOfService,
    Product, Record, ReplyTo, Request, Scope, ShardIndex, Tables, Terminal, TerminalSet, TransactionType,
    TransmissionTime, Window,
};
use card::{Currency, Expiry, MerchantId, Pan, PinBlock, Rrn, Scheme, Stan, TerminalId, Time};
use rules::{Program, RuleSource};
use std::sync::Arc;
use std::time::Duration;

/// An issuer of some cards without disk and HSM: a core, told that every PIN and cryptogram is right.
/// Keys are names only, since nobody here uses them.
#[derive(Debug)]
pub struct Bank {
    core: Core,
    cards: u32,
    /// Rounds of purchases that it has decided.
    rounds: u16,
}

impl Bank {
    /// A bank with this many cards, each with an account, a PIN and a chip, within generous limits.
    #[must_use]
    pub fn new(cards: u32) -> Bank {
        Bank::under(tables(), cards)
    }

    /// Remembers ten transactions of each card: those before are let go, as in a process that has run for a while.
    fn under(tables: Tables, cards: u32) -> Bank {
        let memory = Memory { transactions: 10 * cards as usize, ..Memory::default() };
        let mut core = Core::with_memory(ShardIndex(0), Arc::new(tables), memory);
        Bank::on_file(cards).for_each(|record| core.replay(&record));
        core.reserve();
        Bank { core, cards, rounds: 0 }
    }

    /// The same with twenty rules, none of which holds, and ten limits, none of which is reached.
    ///
    /// # Panics
    /// Never: the rules are sound.
    #[must_use]
    pub fn strict(cards: u32) -> Bank {
        let mut tables = tables();
        let names: Vec<String> = (0..20).map(|index| format!("rule {index}")).collect();
        let rule = |(name, when)| RuleSource { name, when, action: "decline", ..RuleSource::default() };
        let sources: Vec<RuleSource<'_>> = names
            .iter()
            .map(String::as_str)
            .zip(["country in [408, 364] || (mcc in [7995, 6051] && daily_count >= 5)"].into_iter().cycle())
            .map(rule)
            .collect();
        tables.rules = Program::compile(&sources).expect("the rules are sound");
        tables.products[0].limits = limits();
        Bank::under(tables, cards)
    }

    /// The records of the cards and accounts of such a bank.
    pub fn on_file(cards: u32) -> impl Iterator<Item = Record> {
        (0..cards).flat_map(|card| [Record::AccountStored(account(card)), Record::CardStored(on_file(card))])
    }

    /// One purchase with chip and PIN by every card. `round` counts from 1, one for each time that the bank is given
    /// them, and is each chip's ATC.
    #[must_use]
    pub fn purchases(&self, round: u16) -> Vec<Box<Request>> {
        (0..self.cards).map(|card| Box::new(purchase(card, round))).collect()
    }

    /// Takes requests from admission to the record, each with the HSM's answer between. Gives the records.
    ///
    /// # Panics
    /// When one is not approved: then something else would be measured.
    pub fn authorize(&mut self, requests: Vec<Box<Request>>) -> Vec<Record> {
        let mut records = Vec::with_capacity(requests.len());
        self.decide(requests, |_, record| records.push(record));
        records
    }

    /// The same, and gives each record back to the core, as the process does once it is durable.
    ///
    /// # Panics
    /// As [`authorize`](Bank::authorize).
    pub fn serve(&mut self, requests: Vec<Box<Request>>) {
        self.decide(requests, Core::reuse);
    }

    #[expect(
        clippy::vec_box,
        reason = "an input holds its request in a box, which is made before the clock runs"
    )]
    fn decide(&mut self, requests: Vec<Box<Request>>, mut record_made: impl FnMut(&mut Core, Record)) {
        self.rounds += 1;
        let now = time(self.rounds);
        let mut requests = requests.into_iter().map(Input::Request);
        let (mut inputs, mut replies) = (Vec::with_capacity(LOOK_AHEAD), Vec::with_capacity(LOOK_AHEAD));
        let mut effects = Vec::with_capacity(4);
        // A shard takes what waits for it, looks ahead for all of it and then steps.
        loop {
            inputs.extend(requests.by_ref().take(LOOK_AHEAD));
            if inputs.is_empty() {
                return;
            }
            self.core.look_ahead(inputs.iter());
            for input in inputs.drain(..) {
                self.core.step(now, input, &mut effects);
                match effects.pop() {
                    Some(Effect::AskHsm { ticket, .. }) => {
                        replies.push(Input::HsmReply { ticket, reply: right() });
                    }
                    other => panic!("not asked: {other:?}"),
                }
            }
            self.core.look_ahead(replies.iter());
            for reply in replies.drain(..) {
                self.core.step(now, reply, &mut effects);
                for effect in effects.drain(..) {
                    match effect {
                        Effect::Record(record) => record_made(&mut self.core, record),
                        Effect::Respond { response, .. } => {
                            assert!(response.code.is_approval(), "{response:?}");
                        }
                        Effect::AskHsm { .. } => panic!("asked twice"),
                        Effect::Recall { .. } => panic!("a first purchase repeats nothing"),
                        Effect::Provisioned { .. } => panic!("nothing was provisioned"),
                        Effect::TellShard(_) => panic!("there is one shard"),
                    }
                }
            }
        }
    }
}

/// Milliseconds from 2026-11-23 14:30:15 UTC on.
const OPENING_MS: i64 = 1_795_444_215_000;

/// A round takes as long as a busy shard needs for a thousand decisions: what has left memory is then as old as there.
const ROUND_MS: i64 = 3;

fn time(round: u16) -> Time {
    Time { unix_ms: OPENING_MS + i64::from(round) * ROUND_MS }
}

const EXPIRY: &[u8; 4] = b"3012";

fn right() -> ChecksReply {
    let arpc = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
    ChecksReply {
        pin: Some(PinResult::Right),
        cryptogram: Some(CryptogramResult::Right { arpc }),
        ..ChecksReply::default()
    }
}

fn tables() -> Tables {
    let limits = Limits {
        per_transaction_minor: Some(1_000_000),
        daily_minor: Some(100_000_000),
        daily_count: Some(10_000),
    };
    let product = Product {
        cvk: Some(key("cvk")),
        pin: Some(PinMethod::Pvv(key("pvk"))),
        issuer_master_keys: vec![(1, key("mk-ac"))],
        limits: limits.of(TransactionType::Purchase).chain(limits.of(TransactionType::Withdrawal)).collect(),
        ..Product::plain("debit", vec!["400000".to_owned()], Scheme::Visa)
    };
    let pin_key = PinKey { key: key("zpk"), kind: PinKeyKind::Zpk, format: *b"01" };
    let terminal = Terminal {
        active: true,
        allowed: vec![TransactionType::Purchase],
        merchant: None,
        pin_key: Some(pin_key),
        reads_chip: None,
        attended: None,
        unreferenced_refunds: false,
    };
    let terminals = TerminalSet { prefixes: vec![("LOAD".to_owned(), terminal)], ..TerminalSet::default() };
    let link = Link::plain(terminals, None, true);
    Tables { links: [(link_name(), link)].into(), products: vec![product], ..Tables::default() }
}

/// Ten limits of every kind of window, by card, account, terminal and merchant.
fn limits() -> Vec<Limit> {
    let sliding = |minutes| Window::sliding(Duration::from_mins(minutes)).expect("minutes");
    let all = [
        (Scope::Card, Window::TRANSACTION),
        (Scope::Card, Window::DAY),
        (Scope::Card, Window::WEEK),
        (Scope::Card, Window::MONTH),
        (Scope::Card, Window::YEAR),
        (Scope::Card, sliding(10)),
        (Scope::Account, Window::DAY),
        (Scope::Account, sliding(24 * 60)),
        (Scope::Terminal, sliding(60)),
        (Scope::Merchant, Window::DAY),
    ];
    let limit = |(place, (scope, window)): (usize, (Scope, Window))| {
        let name = format!("limit-{place}");
        let id = LimitId::of(&name);
        let bound = Bound { amount_minor: Some(1_000_000_000_000), count: None };
        Limit { name, id, counter: id, number: 1, scope, window, bound, filter: Filter::default() }
    };
    all.into_iter().enumerate().map(limit).collect()
}

fn key(name: &str) -> Arc<Key> {
    Arc::new(Key { name: name.to_owned(), cryptogram: "U0123456789ABCDEF0123456789ABCDEF".to_owned() })
}

fn link_name() -> LinkName {
    LinkName::new("bench").expect("a link name")
}

fn pan(card: u32) -> Pan {
    Pan::with_check_digit(format!("400000{card:09}").as_bytes()).expect("16 digits")
}

fn account_id(card: u32) -> AccountId {
    AccountId::new(&format!("ACCOUNT{card:09}")).expect("an account")
}

fn account(card: u32) -> Account {
    Account {
        id: account_id(card),
        currency: Currency::parse("USD").expect("ISO 4217"),
        kind: AccountKind::Default,
        opening_minor: 1_000_000_000,
        credit_line_minor: 0,
        customer: None,
        home: None,
        customer_home: None,
    }
}

fn on_file(card: u32) -> Card {
    Card {
        pan: pan(card),
        expiry: Expiry::parse_yymm(EXPIRY).expect("a month"),
        start: None,
        status: CardStatus::Active,
        card_sequence: Some(1),
        account: account_id(card),
        pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"4321" }),
        further: Box::default(),
    }
}

fn purchase(card: u32, round: u16) -> Request {
    let stan = (u32::from(round) * 1000 + card) % 1_000_000;
    let terminal = format!("LOAD{:04}", card % 1000);
    Request {
        reply_to: ReplyTo { connection: 1, slot: card },
        link: link_name(),
        class: MessageClass::Financial,
        transaction: TransactionType::Purchase,
        account_type: AccountType::Default,
        pan: pan(card),
        expiry: Expiry::parse_yymm(EXPIRY).ok(),
        card_sequence: Some(1),
        amount_minor: 1999,
        currency: 840,
        stan: Stan::new(stan).expect("six digits"),
        rrn: Rrn::parse(format!("632714{stan:06}").as_bytes()).ok(),
        transmission: TransmissionTime(1_123_000_000 + clock(time(round))),
        terminal: TerminalId::new(terminal.as_bytes()).expect("eight characters"),
        merchant: MerchantId::new(b"CORNERSHOP00042"),
        mcc: 5411,
        country: 840,
        entry: EntryMode::Chip,
        point_of_service: PointOfService::default(),
        stated: auth::Stated::default(),
        track2: None,
        token: None,
        particulars: None,
        pin_block: Some(PinBlock::new([0x7D, 0x2A, 0x91, 0xC4, 0x5E, 0x08, 0xB3, 0x6F]).into()),
        new_pin: None,
        chip: Some(Box::new(chip(round))),
        cash: None,
        instruction: auth::Instruction::default(),
        one_time_code: None,
    }
}

/// `hhmmss` of a time of that day.
fn clock(time: Time) -> u32 {
    let second = u32::try_from(time.unix_ms / 1000 % 86_400).expect("seconds of a day");
    second / 3600 * 10_000 + second / 60 % 60 * 100 + second % 60
}

/// CVN 10 and 18 in turn.
fn chip(atc: u16) -> Chip {
    let cvn = if atc.is_multiple_of(2) { 0x0A } else { 0x12 };
    Chip {
        amount_authorised: [0, 0, 0, 0, 0x19, 0x99],
        amount_other: [0; 6],
        terminal_country: [0x08, 0x40],
        tvr: [0, 0, 0, 0x80, 0],
        currency: [0x08, 0x40],
        date: [0x26, 0x11, 0x23],
        transaction_type: 0,
        unpredictable_number: [0x5E, 0xED, 0xF0, 0x0D],
        aip: [0x39, 0],
        atc,
        issuer_application_data: [6, 1, cvn, 3, 0xA0, 0, 0].into_iter().collect(),
        cryptogram: [0x5A; 8],
        cryptogram_information: 0x80,
        cvm_results: None,
        terminal_qualifiers: None,
        card_qualifiers: None,
        script_results: Default::default(),
    }
}
