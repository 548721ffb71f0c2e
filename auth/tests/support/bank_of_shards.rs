//! A bank whose accounts live in several shards: its cores, the journal that they share, and the words between them, which
//! get lost, come twice, and in any order. A crash takes what is not in the journal, and whatever is on its way.

use crate::bank;
use auth::{
    Account, AccountId, AccountKind, Card, CardChange, CardStatus, Checks, ChecksReply, Core,
    CryptogramResult, Destination, Effect, Element, EntryMode, Fee, Home, Input, InternalAccount,
    LedgerRules, Link, LinkName, Memory, MessageClass, PinReference, PinResult, Product, Provision,
    ProvisionTask, ProvisionTicket, Recall, Record, ReplyTo, Request, Response, Reversal, Route, ShardIndex,
    ShardMessage, State, StoredTransaction, Tables, TerminalSet, TransactionType, Transfers,
    TransmissionTime,
};
use card::{Currency, Expiry, Pan, TerminalId, Time};
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU64;
use std::sync::Arc;

/// Cards, each with an account of its own number.
pub(crate) const CARDS: usize = 6;
/// What each of those opens with.
pub(crate) const OPENING: i64 = 5_000;
/// An account without a card and without money, which may be closed.
pub(crate) const PURSE: &str = "purse";
const LINK: &str = "pos";
const TERMINAL: &[u8] = b"POS00001";

pub(crate) struct Bank {
    pub(crate) now: Time,
    pub(crate) cores: Vec<Core>,
    /// What is durable, in the order in which it came to be.
    pub(crate) journal: Vec<Record>,
    /// Of each shard, what waits for the journal, in order.
    waiting: Vec<VecDeque<Effect>>,
    /// Words that have left their shard.
    pub(crate) words: Vec<ShardMessage>,
    /// Answers that have left the bank, by the slot of the message.
    pub(crate) answers: BTreeMap<u32, Response>,
    next_slot: u32,
    /// Homes of accounts that were opened for a customer.
    customers: BTreeMap<AccountId, u64>,
    memory: Memory,
    rules: LedgerRules,
    fees: Vec<Fee>,
    snapshot: Option<(Vec<Vec<Element>>, usize)>,
}

impl Bank {
    pub(crate) fn new(shards: usize) -> Bank {
        Bank::with(shards, Memory::default(), LedgerRules::default(), Vec::new())
    }

    pub(crate) fn with(shards: usize, memory: Memory, rules: LedgerRules, fees: Vec<Fee>) -> Bank {
        let mut bank = Bank {
            now: Time::from_unix_ms(1_781_524_800_000),
            cores: Vec::new(),
            journal: on_file(),
            waiting: Vec::new(),
            words: Vec::new(),
            answers: BTreeMap::new(),
            next_slot: 0,
            customers: BTreeMap::new(),
            memory,
            rules,
            fees,
            snapshot: None,
        };
        bank.restart(shards);
        bank
    }

    fn tables(&self, shards: usize) -> Tables {
        let product = Product {
            ledger: LedgerRules { transfers: Transfers::Cards, ..self.rules.clone() },
            fees: self.fees.clone(),
            ..bank::product("classic", "400000")
        };
        let mut terminals = TerminalSet::default();
        let id = TerminalId::new(TERMINAL).expect("a terminal identification");
        terminals.listed.insert(id, bank::terminal(&TransactionType::SERVED));
        let mut tables = Tables { products: vec![product], shards: shards as u32, ..Tables::default() };
        tables.links.insert(link(), Link::plain(terminals, None, true));
        tables
    }

    /// The process dies, and starts again with so many shards, from the newest snapshot if there is one.
    pub(crate) fn restart(&mut self, shards: usize) {
        let tables = Arc::new(self.tables(shards));
        let core = |shard| Core::with_memory(ShardIndex(shard as u8), Arc::clone(&tables), self.memory);
        let mut cores: Vec<Core> = (0..shards).map(core).collect();
        let mut begin = 0;
        self.customers.clear();
        let snapshot = self.snapshot.take();
        if let Some((elements, before)) = &snapshot {
            begin = *before;
            let same = elements.len() == shards;
            for (shard, element) in
                elements.iter().enumerate().flat_map(|(shard, of)| of.iter().map(move |it| (shard, it)))
            {
                if let Some(account) = element.account() {
                    self.settle(account);
                }
                let home = match element.route() {
                    Route::Account(account) => self.home(account, shards),
                    Route::Card(pan, _) => self.home(account_of(&pan), shards),
                    Route::Any => 0,
                    Route::Unknown if !same => {
                        cores.iter_mut().for_each(|core| core.restore(element.clone()));
                        continue;
                    }
                    _ if same => shard,
                    _ => 0,
                };
                cores[home].restore(element.clone());
            }
        }
        self.snapshot = snapshot;
        for record in self.journal.clone().iter().skip(begin) {
            let home = self.home_of_record(record, shards);
            cores[home].replay(record);
        }
        let last = cores.iter().map(|core| core.state().last_counter()).max().expect("a shard");
        cores.iter_mut().for_each(|core| core.resume(last));
        self.cores = cores;
        self.waiting = vec![VecDeque::new(); shards];
        self.words.clear();
    }

    /// Of what is durable, as the switch takes one in the background.
    pub(crate) fn snapshot(&mut self) {
        self.sync_all();
        let frozen = self.cores.iter().map(|core| {
            let mut elements = Vec::new();
            core.state().freeze().into_each(|element| elements.push(element.clone()));
            elements
        });
        self.snapshot = Some((frozen.collect(), self.journal.len()));
    }

    fn settle(&mut self, account: &Account) {
        if let Some(customer) = account.customer_home {
            self.customers.insert(account.id, customer.get());
        }
    }

    fn home_of_record(&mut self, record: &Record, shards: usize) -> usize {
        let account = match record {
            Record::AccountStored(account) => {
                self.settle(account);
                account.id
            }
            Record::AccountRemoved(removed) => {
                let home = self.home(removed.account, shards);
                self.customers.remove(&removed.account);
                return home;
            }
            Record::Reversed(reversed) => reversed.origin.as_ref().expect("of today").account,
            Record::Credited(credited) => credited.account,
            Record::RemittanceSent(sent) => sent.remittance.payer,
            Record::RemittanceTaken(outcome) => outcome.remittance.account,
            Record::RemittanceSettled(outcome) => outcome.remittance.payer,
            Record::RemittanceForgotten(forgotten) => forgotten.account,
            other => account_of(&other.pan().expect("of a card")),
        };
        self.home(account, shards)
    }

    fn home(&self, account: AccountId, shards: usize) -> usize {
        let own = || account.as_str().bytes().map(usize::from).sum();
        let number = self.customers.get(&account).map_or_else(own, |customer| *customer as usize);
        number % shards
    }

    pub(crate) fn home_of(&self, account: AccountId) -> usize {
        self.home(account, self.cores.len())
    }

    pub(crate) fn step(&mut self, shard: usize, input: Input) {
        let mut effects = Vec::new();
        self.cores[shard].step(self.now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::AskHsm { ticket, checks } => {
                    self.step(shard, Input::HsmReply { ticket, reply: right(&checks) });
                }
                Effect::Recall { ticket, recall } => {
                    self.sync(shard);
                    let found = Some(self.recalled(&recall));
                    self.step(shard, Input::Recalled { ticket, found });
                }
                other => self.waiting[shard].push_back(other),
            }
        }
    }

    /// The transaction store knows everything that is durable.
    fn recalled(&self, recall: &Recall) -> Vec<StoredTransaction> {
        let mut found = Vec::new();
        self.merged().freeze().into_each(|element| match element {
            Element::Transaction(stored)
                if (stored.link, stored.terminal, stored.stan)
                    == (recall.link, recall.terminal, recall.stan) =>
            {
                found.push((**stored).clone());
            }
            _ => {}
        });
        found.reverse();
        found
    }

    /// The journal is durable up to the newest record of this shard.
    pub(crate) fn sync(&mut self, shard: usize) {
        for effect in std::mem::take(&mut self.waiting[shard]) {
            match effect {
                Effect::Record(record) => {
                    self.home_of_record(&record, self.cores.len());
                    self.journal.push(record);
                }
                Effect::TellShard(message) => self.words.push(*message),
                Effect::Respond { reply_to, response } => {
                    assert!(self.answers.insert(reply_to.slot, response).is_none(), "answered twice");
                }
                Effect::Provisioned { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn sync_all(&mut self) {
        (0..self.cores.len()).for_each(|shard| self.sync(shard));
    }

    /// A word arrives; another copy of it may stay on its way.
    pub(crate) fn hear(&mut self, which: usize, stays: bool) {
        let message = if stays { self.words[which].clone() } else { self.words.remove(which) };
        let shard = match message.to {
            Home::Card(pan) => self.home_of(account_of(&pan)),
            Home::Account(account) => self.home_of(account),
            Home::Shard(shard) => usize::from(shard.0),
        };
        self.step(shard, Input::FromShard(Box::new(message)));
    }

    pub(crate) fn tick(&mut self, pause_ms: i64) {
        self.now = Time::from_unix_ms(self.now.unix_ms + pause_ms);
        (0..self.cores.len()).for_each(|shard| self.step(shard, Input::Tick));
    }

    /// Everything that is on its way arrives, in the order in which it was said.
    pub(crate) fn settle_words(&mut self) {
        self.sync_all();
        while !self.words.is_empty() {
            self.hear(0, false);
            self.sync_all();
        }
    }

    /// Time passes, and nothing gets lost any more.
    pub(crate) fn come_to_rest(&mut self) {
        for _ in 0..200 {
            self.settle_words();
            if self.open() == 0 {
                return;
            }
            self.tick(5_000);
        }
        panic!("{} remittances never end", self.open());
    }

    pub(crate) fn open(&self) -> usize {
        let open = |core: &Core| core.state().open_remittances() + core.state().taken_remittances().len();
        self.cores.iter().map(open).sum()
    }

    /// Slot of a transfer of this card, which its terminal sends with this STAN.
    pub(crate) fn transfer(&mut self, from: usize, to: Destination, stan: u32, amount_minor: i64) -> u32 {
        let slot = self.slot();
        let mut request = bank::purchase(LINK, TERMINAL, pan(from), stan, amount_minor);
        request.reply_to = reply_to(slot);
        request.class = MessageClass::Financial;
        request.transaction = TransactionType::Transfer;
        request.transmission = TransmissionTime(stan);
        request.entry = EntryMode::Chip;
        request.chip = Some(bank::chip(18, u16::try_from(stan).expect("a small number"), amount_minor));
        request.pin_block = Some(bank::pin_block());
        request.instruction.destination = Some(to);
        self.request(from, request);
        slot
    }

    fn request(&mut self, from: usize, request: Request) {
        self.step(self.home_of(account(from)), Input::Request(Box::new(request)));
    }

    /// Slot of a reversal of it.
    pub(crate) fn reverse(&mut self, from: usize, stan: u32, stands_minor: Option<i64>) -> u32 {
        let slot = self.slot();
        let request = bank::purchase(LINK, TERMINAL, pan(from), stan, 0);
        let reversal = Reversal {
            reply_to: reply_to(slot),
            link: request.link,
            terminal: request.terminal,
            pan: pan(from),
            original_stan: request.stan,
            original_transmission: TransmissionTime(stan),
            replacement_minor: stands_minor,
        };
        self.step(self.home_of(account(from)), Input::Reversal(Box::new(reversal)));
        slot
    }

    fn slot(&mut self) -> u32 {
        self.next_slot += 1;
        self.next_slot
    }

    pub(crate) fn change(&mut self, shard: usize, change: CardChange) {
        let task = ProvisionTask::Apply(vec![change]);
        self.step(shard, Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task })));
    }

    pub(crate) fn is_open(&self, account: AccountId) -> bool {
        self.cores[self.home_of(account)].state().account_on_file(&account).is_some()
    }

    /// Opens the purse for a customer whose number is this.
    pub(crate) fn open_purse(&mut self, customer: u64) {
        let purse = Account { customer_home: NonZeroU64::new(customer), ..new_account(purse(), 0) };
        self.settle(&purse);
        let shard = self.home_of(purse.id);
        let record = Record::AccountStored(purse);
        self.cores[shard].replay(&record);
        self.waiting[shard].push_back(Effect::Record(record));
    }

    /// Posted balance of an account.
    pub(crate) fn balance(&self, account: AccountId) -> i64 {
        let balance = self.cores[self.home_of(account)].state().balance(&account);
        balance.map_or(0, |balance| balance.ledger_minor)
    }

    pub(crate) fn in_transit(&self) -> i128 {
        let of = |core: &Core| core.state().internal_balance(InternalAccount::InTransit, euro());
        self.cores.iter().map(of).sum()
    }

    pub(crate) fn owed_to_link(&self) -> i128 {
        self.cores.iter().map(|core| core.state().owed_to(link(), euro())).sum()
    }

    /// All of the journal in one state, as tools have it.
    pub(crate) fn merged(&self) -> State {
        let mut merged = State::default();
        self.journal.iter().for_each(|record| merged.apply(record));
        merged
    }

    /// What holds at any moment.
    pub(crate) fn check_books(&self) -> Result<(), String> {
        let sum: i128 = self.cores.iter().map(|core| core.state().trial_balance(euro())).sum();
        if sum != 0 || self.merged().trial_balance(euro()) != 0 {
            return Err(format!("the books are off by {sum} minor units"));
        }
        if self.snapshot.is_none() {
            for (shard, core) in self.cores.iter().enumerate() {
                let sum = core.state().trial_balance(euro());
                if sum != 0 {
                    return Err(format!("the books of shard {shard} are off by {sum} minor units"));
                }
            }
        }
        Ok(())
    }
}

fn right(checks: &Checks) -> ChecksReply {
    ChecksReply {
        cryptogram: checks.cryptogram.as_ref().map(|_| CryptogramResult::Right { arpc: [0x11; 8] }),
        pin: checks.pin.as_ref().map(|_| PinResult::Right),
        ..ChecksReply::default()
    }
}

fn on_file() -> Vec<Record> {
    let accounts = (0..CARDS).map(|card| Record::AccountStored(new_account(account(card), OPENING)));
    let cards = (0..CARDS).map(|card| {
        Record::CardStored(Card {
            pan: pan(card),
            expiry: Expiry::parse_yymm(bank::EXPIRY).expect("a month"),
            start: None,
            status: CardStatus::Active,
            card_sequence: Some(1),
            account: account(card),
            pin: Some(PinReference::Pvv { pvki: 1, pvv: *b"4321" }),
            further: Box::default(),
        })
    });
    accounts.chain(cards).chain([Record::AccountStored(new_account(purse(), 0))]).collect()
}

fn new_account(id: AccountId, opening_minor: i64) -> Account {
    Account {
        id,
        currency: euro(),
        kind: AccountKind::Default,
        opening_minor,
        credit_line_minor: 0,
        customer: None,
        home: None,
        customer_home: None,
    }
}

fn reply_to(slot: u32) -> ReplyTo {
    ReplyTo { connection: 1, slot }
}

fn link() -> LinkName {
    LinkName::new(LINK).expect("a link name")
}

pub(crate) fn pan(card: usize) -> Pan {
    Pan::with_check_digit(format!("40000012345678{card}").as_bytes()).expect("16 digits")
}

pub(crate) fn account(card: usize) -> AccountId {
    AccountId::new(&format!("account-{card}")).expect("an account")
}

pub(crate) fn purse() -> AccountId {
    AccountId::new(PURSE).expect("an account")
}

fn account_of(pan: &Pan) -> AccountId {
    let card = (0..CARDS).find(|card| self::pan(*card) == *pan);
    account(card.unwrap_or(CARDS))
}

pub(crate) fn euro() -> Currency {
    Currency::parse("EUR").expect("ISO 4217")
}
