//! Plays random events to two cores and a model, and compares after each of them.

use crate::bank;
use crate::events::{Dispense, Draw, Event, Finding, Follow, Reading};
use crate::ledger::Ledger;
use crate::town::{ACCOUNTS, CARDS, LIMITS, TERMINALS, TRIES, account, euro, id, link, on_file, pan, tables};
use auth::limits::{TRANSACTION_REACH, TRANSACTION_RETENTION};
use auth::{
    AccountType, Cash, Checks, ChecksReply, Completion, Core, CryptogramResult, CvvResult, Dispensed, Effect,
    EntryMode, Frozen, Funds, Input, Instruction, Memory, MessageClass, PinResult, Record, Reference,
    RememberedReversal, ReplyTo, Request, Response, Reversal, Role, ShardIndex, State, StoredTransaction,
    Ticket, Transaction, TransactionType, TransmissionTime,
};
use card::{CivilDay, Pan, ResponseCode, Rrn, Stan, Time, UtcOffset};
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The core under test and everything known about it.
pub(crate) struct Traffic {
    now: Time,
    memory: Memory,
    /// Questions to the transaction store, which the ledger plays.
    /// What the transaction store was asked, with what it had when it was: it need not have more.
    recalls: Vec<(Ticket, Vec<StoredTransaction>)>,
    core: Core,
    /// Hears the same inputs: it must want the same effects.
    twin: Core,
    /// Hears only the records, like a restart: it must be the same state.
    replayed: State,
    records: Vec<Record>,
    ledger: Ledger,
    sent: Vec<Sent>,
    atc_sent: BTreeMap<usize, u16>,
    asked: Vec<Asked>,
    /// Of those, the ones that the HSM has answered, or too late to. It may do so all the same.
    done: Vec<Asked>,
    /// Answers, by the slot of their `ReplyTo`.
    answers: Vec<Answer>,
    reversed_early: Vec<RememberedReversal>,
    /// With how many records came before it.
    snapshot: Option<([Frozen; 2], usize)>,
}

/// A request with what became of it.
struct Sent {
    request: Request,
    /// What a repeat must be answered, and until when.
    answer: Option<(Response, Time)>,
}

/// A question to the HSM.
#[derive(Clone)]
struct Asked {
    ticket: Ticket,
    checks: Checks,
    at: Time,
}

struct Answer {
    /// Which of `sent` it answers; `None` for what is not repeated.
    sent: Option<usize>,
    count: usize,
    /// A restart came first.
    may_stay_silent: bool,
}

impl Traffic {
    /// Cores that keep this much in memory.
    pub(crate) fn new(memory: Memory) -> Traffic {
        let tables = Arc::new(tables());
        let mut traffic = Traffic {
            now: Time::from_unix_ms(1_781_524_800_000),
            memory,
            recalls: Vec::new(),
            core: Core::with_memory(ShardIndex(0), Arc::clone(&tables), memory),
            twin: Core::with_memory(ShardIndex(0), tables, memory),
            replayed: State::default(),
            records: on_file(),
            ledger: Ledger::default(),
            sent: Vec::new(),
            atc_sent: BTreeMap::new(),
            asked: Vec::new(),
            done: Vec::new(),
            answers: Vec::new(),
            reversed_early: Vec::new(),
            snapshot: None,
        };
        for record in &traffic.records {
            traffic.core.replay(record);
            traffic.twin.replay(record);
            traffic.replayed.apply(record);
        }
        traffic
    }

    pub(crate) fn play(&mut self, event: Event) -> Result<(), TestCaseError> {
        self.now = Time::from_unix_ms(self.now.unix_ms + 1);
        // The transaction store takes its time, and others come meanwhile.
        if !matches!(
            event,
            Event::Request(_) | Event::Repeat { .. } | Event::Reversal { .. } | Event::Restart
        ) {
            self.answer_recalls()?;
        }
        match event {
            Event::Request(draw) => {
                let request = self.request(draw);
                self.send(request)
            }
            Event::HsmReply { which, cvv, arqc, pin } => self.hsm_reply(which, cvv, arqc, pin),
            Event::Repeat { which } => self.repeat(which),
            Event::OtherContent { which, amount_minor } => {
                let Some(sent) = pick(&self.sent, which) else { return Ok(()) };
                let reply_to = self.expect_answer(None);
                let request = Request { reply_to, amount_minor, ..self.sent[sent].request.clone() };
                self.step(Input::Request(Box::new(request)), None)
            }
            Event::Reversal { which, stands_minor, says_time } => {
                let Some(sent) = pick(&self.sent, which) else { return Ok(()) };
                let request = self.sent[sent].request.clone();
                self.reverse(&request, stands_minor, says_time)
            }
            Event::EarlyReversal(draw) => {
                let request = self.request(draw);
                self.reverse(&request, None, true)?;
                self.sent.push(Sent { request, answer: None });
                Ok(())
            }
            Event::Completion { which, dispense } => self.complete(which, dispense),
            Event::Follow { which, follow, stan, amount_minor, named } => {
                let Some(index) = pick(&self.sent, which) else { return Ok(()) };
                let request = self.follow(index, follow, stan, amount_minor, named);
                self.send(request)
            }
            Event::Tick { pause_ms } => {
                self.answer_all_recalls()?;
                self.now = Time::from_unix_ms(self.now.unix_ms + pause_ms);
                self.step(Input::Tick, None)?;
                let deadline = tables().hsm_deadline;
                let (late, waiting) =
                    self.asked.drain(..).partition(|asked| asked.at.plus(deadline) <= self.now);
                self.asked = waiting;
                self.done.extend::<Vec<Asked>>(late);
                Ok(())
            }
            Event::Restart => self.restart(),
            Event::Snapshot => {
                let frozen = [&self.core, &self.twin].map(|core| core.state().freeze());
                self.snapshot = Some((frozen, self.records.len()));
                Ok(())
            }
        }
    }

    fn answer_all_recalls(&mut self) -> Result<(), TestCaseError> {
        while !self.recalls.is_empty() {
            self.answer_recalls()?;
        }
        Ok(())
    }

    /// Those that wait now: an answer may let another one ask.
    fn answer_recalls(&mut self) -> Result<(), TestCaseError> {
        for (ticket, found) in std::mem::take(&mut self.recalls) {
            self.step(Input::Recalled { ticket, found: Some(found) }, None)?;
        }
        Ok(())
    }

    /// What waited for the HSM dies with the process and is never answered; nothing else changes. One core starts
    /// from the newest snapshot and what was recorded since, the other from all records: but in a small memory, where
    /// they would keep other transactions.
    fn restart(&mut self) -> Result<(), TestCaseError> {
        let (snapshot, memory) = (self.snapshot.take(), self.memory);
        let (core, mut twin) = match snapshot {
            Some(([frozen, of_twin], before)) => (
                self.restarted(Some(frozen), before),
                (memory != Memory::default()).then(|| self.restarted(Some(of_twin), before)),
            ),
            None => (self.restarted(None, 0), None),
        };
        self.core = core;
        self.twin = twin.take().unwrap_or_else(|| self.restarted(None, 0));
        self.asked.clear();
        self.done.clear();
        self.recalls.clear();
        self.answers.iter_mut().for_each(|answer| answer.may_stay_silent = true);
        self.check_state()
    }

    fn restarted(&self, frozen: Option<Frozen>, before: usize) -> Core {
        let mut core = Core::with_memory(ShardIndex(0), Arc::new(tables()), self.memory);
        if let Some(frozen) = frozen {
            frozen.into_each(|element| core.restore(element.clone()));
        }
        self.records[before..].iter().for_each(|record| core.replay(record));
        core.resume(core.state().last_counter());
        core
    }

    /// Lets every deadline pass: then nobody waits for an answer any more.
    pub(crate) fn finish(&mut self) -> Result<(), TestCaseError> {
        self.answer_all_recalls()?;
        self.now = Time::from_unix_ms(self.now.unix_ms + 60_000);
        self.step(Input::Tick, None)?;
        for (slot, answer) in self.answers.iter().enumerate() {
            let right = answer.count == 1 || answer.count == 0 && answer.may_stay_silent;
            prop_assert!(right, "message {slot} was answered {} times", answer.count);
        }
        Ok(())
    }

    fn request(&mut self, draw: Draw) -> Request {
        let terminal = draw.terminal % TERMINALS;
        let at_atm = terminal == TERMINALS - 1;
        let (transaction, class) = match draw.kind {
            0 if !at_atm => (TransactionType::Purchase, MessageClass::Authorization),
            1 if !at_atm => (TransactionType::Purchase, MessageClass::Financial),
            2 => (TransactionType::BalanceInquiry, MessageClass::Financial),
            4 if !at_atm => (TransactionType::Cashback, MessageClass::Financial),
            5 => (TransactionType::Deposit, MessageClass::Financial),
            6 => (TransactionType::Transfer, MessageClass::Financial),
            7 if !at_atm => (TransactionType::Refund, MessageClass::Financial),
            8 => (TransactionType::MiniStatement, MessageClass::Financial),
            9 if !at_atm => (TransactionType::Purchase, MessageClass::Authorization),
            _ => (TransactionType::Withdrawal, MessageClass::Financial),
        };
        let pan = pan(draw.card);
        let mut request = bank::purchase(link(terminal), &id(terminal), pan, draw.stan, draw.amount_minor);
        request.transaction = transaction;
        request.class = class;
        request.transmission = sent_at(self.now);
        request.pin_block = draw.has_pin.then(bank::pin_block);
        request.rrn = Rrn::parse(format!("{:012}", draw.stan).as_bytes()).ok();
        match transaction {
            TransactionType::Cashback => request.instruction.cash_minor = (draw.amount_minor / 4).max(0),
            TransactionType::Transfer if draw.stan.is_multiple_of(2) => {
                request.account_type = AccountType::Savings;
            }
            TransactionType::Transfer => request.instruction.to_account_type = AccountType::Savings,
            TransactionType::Deposit if draw.stan.is_multiple_of(2) => {
                request.instruction.to_account_type = AccountType::Savings;
            }
            _ => {}
        }
        request.instruction.takes_partial = draw.kind == 9 || draw.kind == 4;
        if at_atm && transaction == TransactionType::Withdrawal {
            request.cash = Some(Cash { tsn: 1, notes: Some([1, 0, 0, 0]) });
        }
        match draw.reading {
            Reading::Chip { atc_step } => {
                let atc = self.atc_sent.entry(draw.card).or_default();
                *atc = atc.saturating_add(atc_step);
                request.entry = EntryMode::Chip;
                request.chip = Some(bank::chip(18, *atc, draw.amount_minor));
            }
            Reading::Stripe => {
                request.entry = EntryMode::Stripe;
                request.track2 = Some(bank::track2(&pan, "123"));
            }
            Reading::Manual => {}
        }
        request
    }

    /// Reverses everything that was sent, in this order, until nothing changes any more.
    pub(crate) fn reverse_all(&mut self, order: &[usize]) -> Result<(), TestCaseError> {
        let mut places: Vec<usize> = (0..self.sent.len()).collect();
        places.sort_by_key(|place| order.get(*place).copied());
        loop {
            let before = self.records.len();
            for place in &places {
                let request = self.sent[*place].request.clone();
                self.reverse(&request, None, true)?;
                self.answer_recalls()?;
            }
            // The first round remembers reversals of what was never decided; nothing else is new in the end.
            let moved = |record: &Record| matches!(record, Record::Reversed(_));
            if !self.records[before..].iter().any(moved) {
                return Ok(());
            }
        }
    }

    /// Every account has what it had at first, and nothing is counted.
    pub(crate) fn check_restored(&self) -> Result<(), TestCaseError> {
        let state = self.core.state();
        for (name, opening, credit_line) in ACCOUNTS {
            let balance = state.balance(&account(name)).expect("on file");
            prop_assert_eq!(
                (balance.ledger_minor, balance.available_minor),
                (opening, opening + credit_line)
            );
        }
        let today = self.now.day(UtcOffset::default());
        for pan in (0..CARDS).map(pan) {
            prop_assert_eq!(state.card_usage(&pan, today), Some([(0, 0); 2]));
        }
        Ok(())
    }

    /// A message about one that was sent before; it carries no proof.
    fn follow(&self, index: usize, follow: Follow, stan: u32, amount_minor: i64, named: u8) -> Request {
        let earlier = &self.sent[index];
        let about = &earlier.request;
        let (transaction, class) = match follow {
            Follow::Increment => (TransactionType::Purchase, MessageClass::Authorization),
            Follow::Completion => (TransactionType::Purchase, MessageClass::Financial),
            Follow::CompletionAdvice => (TransactionType::Purchase, MessageClass::Advice),
            Follow::Refund => (TransactionType::Refund, MessageClass::Financial),
        };
        let code = earlier.answer.as_ref().and_then(|(answer, _)| answer.authorization_id);
        let original = match named {
            0 => {
                Reference { stan: Some(about.stan), transmission: about.transmission, ..Reference::default() }
            }
            1 => Reference { authorization_id: code, rrn: about.rrn, ..Reference::default() },
            _ => Reference { rrn: about.rrn, ..Reference::default() },
        };
        Request {
            class,
            transaction,
            stan: Stan::new(stan).expect("six digits"),
            amount_minor,
            transmission: sent_at(self.now),
            entry: EntryMode::Manual,
            chip: None,
            track2: None,
            pin_block: None,
            cash: None,
            rrn: None,
            instruction: Instruction { original: Some(original), ..Instruction::default() },
            ..about.clone()
        }
    }

    fn send(&mut self, request: Request) -> Result<(), TestCaseError> {
        self.sent.push(Sent { request, answer: None });
        self.repeat(self.sent.len() - 1)
    }

    fn repeat(&mut self, which: usize) -> Result<(), TestCaseError> {
        let Some(index) = pick(&self.sent, which) else { return Ok(()) };
        let reply_to = self.expect_answer(Some(index));
        let request = Box::new(Request { reply_to, ..self.sent[index].request.clone() });
        self.step(Input::Request(request), None)
    }

    fn hsm_reply(
        &mut self,
        which: usize,
        cvv: Finding,
        arqc: Finding,
        pin: Finding,
    ) -> Result<(), TestCaseError> {
        // Mostly in order; now and then a second time or too late.
        let which_done = pick(&self.done, which).filter(|_| which.is_multiple_of(16));
        let index = if which.is_multiple_of(4) { pick(&self.asked, which) } else { pick(&self.asked, 0) };
        let Asked { ticket, checks, .. } = match (which_done, index) {
            (Some(again), _) => self.done[again].clone(),
            (None, Some(index)) => {
                self.done.push(self.asked.remove(index));
                self.done[self.done.len() - 1].clone()
            }
            (None, None) => return Ok(()),
        };
        let all_right =
            [(checks.cvv.is_some(), cvv), (checks.cryptogram.is_some(), arqc), (checks.pin.is_some(), pin)]
                .iter()
                .all(|(asked, finding)| !asked || *finding == Finding::Right);
        let reply = ChecksReply {
            cvv2: None,
            order: None,
            icvv: None,
            cvv: match cvv {
                Finding::Right => Some(CvvResult::Right),
                Finding::Wrong => Some(CvvResult::Wrong),
                Finding::Unreadable | Finding::Failed => Some(CvvResult::Failed),
                Finding::Missing => None,
            },
            cryptogram: match arqc {
                Finding::Right => Some(CryptogramResult::Right { arpc: [7; 8] }),
                Finding::Wrong => Some(CryptogramResult::Wrong),
                Finding::Unreadable | Finding::Failed => Some(CryptogramResult::Failed),
                Finding::Missing => None,
            },
            pin: match pin {
                Finding::Right => Some(PinResult::Right),
                Finding::Wrong => Some(PinResult::Wrong),
                Finding::Unreadable => Some(PinResult::BadBlock),
                Finding::Failed => Some(PinResult::Failed),
                Finding::Missing => None,
            },
            ..ChecksReply::default()
        };
        self.step(Input::HsmReply { ticket, reply }, Some(all_right))
    }

    fn reverse(
        &mut self,
        request: &Request,
        stands_minor: Option<i64>,
        says_time: bool,
    ) -> Result<(), TestCaseError> {
        let reversal = Reversal {
            reply_to: self.expect_answer(None),
            link: request.link,
            terminal: request.terminal,
            pan: request.pan,
            original_stan: request.stan,
            original_transmission: if says_time { request.transmission } else { TransmissionTime::default() },
            replacement_minor: stands_minor,
        };
        self.step(Input::Reversal(Box::new(reversal)), None)
    }

    fn complete(&mut self, which: usize, dispense: Dispense) -> Result<(), TestCaseError> {
        // As the edge does: an ATM reports about withdrawals that it was told to dispense.
        let at_atm: Vec<&Transaction> = self
            .ledger
            .entries
            .values()
            .map(|entry| &entry.transaction)
            .filter(|transaction| transaction.cash.is_some())
            .collect();
        let Some(index) = pick(&at_atm, which) else { return Ok(()) };
        let (transaction, pan) = (at_atm[index].id, at_atm[index].pan);
        let dispensed = match dispense {
            Dispense::All => Dispensed::All,
            Dispense::Part(minor) => Dispensed::Part { minor },
            Dispense::Unknown => Dispensed::Unknown,
        };
        self.step(Input::Completion(Completion { transaction, pan, dispensed }), None)
    }

    fn expect_answer(&mut self, sent: Option<usize>) -> ReplyTo {
        let slot = u32::try_from(self.answers.len()).expect("a short run");
        self.answers.push(Answer { sent, count: 0, may_stay_silent: false });
        ReplyTo { connection: 1, slot }
    }

    /// One step of the core, and everything that must hold after it. `all_right`: what the HSM found,
    /// where the input is its reply.
    fn step(&mut self, input: Input, all_right: Option<bool>) -> Result<(), TestCaseError> {
        let (mut effects, mut same) = (Vec::new(), Vec::new());
        self.core.step(self.now, input.clone(), &mut effects);
        self.twin.step(self.now, input, &mut same);
        prop_assert_eq!(format!("{:?}", effects), format!("{:?}", same), "the core is not deterministic");
        let mut recorded = None;
        for effect in effects {
            match effect {
                Effect::Record(record) => {
                    self.recorded(&record, all_right)?;
                    if matches!(record, Record::Decided(_)) {
                        recorded = Some(record);
                    }
                }
                Effect::AskHsm { ticket, checks } => {
                    self.asked.push(Asked { ticket, checks, at: self.now });
                }
                Effect::Recall { ticket, recall } => {
                    self.recalls.push((ticket, self.ledger.recall(&recall)));
                }
                Effect::Respond { reply_to, response } => {
                    let told = match &recorded {
                        Some(Record::Decided(transaction)) => Response::of(transaction) == response,
                        _ => true,
                    };
                    prop_assert!(told, "the response differs from the record before it");
                    self.answered(reply_to, response)?;
                }
                Effect::Provisioned { .. } => prop_assert!(false, "nothing was provisioned"),
                Effect::TellShard(_) => prop_assert!(false, "there is one shard"),
            }
        }
        self.check_state()
    }

    fn recorded(&mut self, record: &Record, all_right: Option<bool>) -> Result<(), TestCaseError> {
        if let Record::Decided(transaction) = record {
            let approved = transaction.code.is_approval();
            let role = transaction.details.booking.as_ref().map_or(Role::Own, |booking| booking.role);
            // A message about an earlier one rests on the proof of that; one that gives needs none.
            let needs_proof = role == Role::Own
                && transaction.transaction != TransactionType::Refund
                && transaction.class != MessageClass::Advice;
            prop_assert!(!approved || !needs_proof || all_right == Some(true), "approved without proof");
            if approved {
                self.check_limits(transaction)?;
                let cancelled = self.reversed_early.iter().any(|early| cancels(early, transaction, self.now));
                prop_assert!(!cancelled, "approved though its reversal came first");
            }
        }
        if let Record::ReversalRemembered(remembered) = record {
            self.reversed_early.push(*remembered);
        }
        self.replayed.apply(record);
        self.records.push(record.clone());
        self.ledger.take(record).map_err(TestCaseError::fail)
    }

    /// Against what the day had used before this transaction.
    fn check_limits(&self, transaction: &Transaction) -> Result<(), TestCaseError> {
        let completes = transaction.details.booking.as_ref().is_some_and(|it| it.role == Role::Completion);
        let limited = matches!(
            transaction.transaction,
            TransactionType::Purchase | TransactionType::Cashback | TransactionType::Withdrawal
        );
        if !limited || completes || transaction.funds == Funds::None {
            return Ok(());
        }
        let day = transaction.business_day;
        let (used, count) = self.ledger.used(&transaction.pan, transaction.transaction, day);
        let amount = transaction.funds.minor();
        prop_assert!(amount > 0 && amount <= LIMITS.per_transaction_minor.unwrap_or(i64::MAX));
        prop_assert!(used + amount <= LIMITS.daily_minor.unwrap_or(i64::MAX), "the day's amount is exceeded");
        prop_assert!(count < LIMITS.daily_count.unwrap_or(u32::MAX), "the day's number is exceeded");
        Ok(())
    }

    fn answered(&mut self, reply_to: ReplyTo, response: Response) -> Result<(), TestCaseError> {
        let answer = &mut self.answers[reply_to.slot as usize];
        answer.count += 1;
        prop_assert_eq!(answer.count, 1, "answered twice");
        let Some(index) = answer.sent else { return Ok(()) };
        let sent = &mut self.sent[index];
        if let Some((earlier, until)) = &sent.answer
            && self.now <= *until
        {
            prop_assert_eq!(earlier, &response, "a repeat is answered in another way");
            return Ok(());
        }
        // 94 says that the key belongs to another request: it is not kept as an answer.
        let decided = response.transaction.and_then(|id| self.ledger.entries.get(&id));
        if let Some(entry) = decided.filter(|_| response.code != ResponseCode::DUPLICATE) {
            sent.answer = Some((response, entry.transaction.time.plus(TRANSACTION_REACH)));
        }
        Ok(())
    }

    fn check_state(&self) -> Result<(), TestCaseError> {
        let state = self.core.state();
        for states in [state, &self.replayed] {
            prop_assert_eq!(states.trial_balance(euro()), 0, "the books are off");
        }
        for (name, opening, credit_line) in ACCOUNTS {
            let account = account(name);
            let balance = state.balance(&account).expect("on file");
            let (posted, held) = self.ledger.moved(&account);
            prop_assert_eq!(balance.ledger_minor, opening - posted);
            prop_assert_eq!(balance.available_minor, opening + credit_line - posted - held);
            prop_assert!(balance.available_minor >= 0, "more was spent than is there");
            prop_assert_eq!(self.replayed.balance(&account), Some(balance));
        }
        let today = self.now.day(UtcOffset::default());
        for pan in (0..CARDS).map(pan) {
            self.check_card(&pan, today)?;
        }
        for (id, entry) in &self.ledger.entries {
            let status = state.transaction_status(*id);
            // A hold that is older than that is forgotten the sooner after it has ended the earlier a snapshot was.
            let may_go = self.memory != Memory::default() || self.is_old(&entry.transaction);
            prop_assert!(may_go || self.replayed.transaction_status(*id) == status);
            let forgotten = status.is_none() && entry.held_minor == 0 && may_go;
            prop_assert!(forgotten || status == Some((entry.status, entry.standing())), "{:?}", status);
        }
        prop_assert_eq!(self.replayed.last_counter(), state.last_counter());
        prop_assert_eq!(self.replayed.awaiting_completion(), state.awaiting_completion());
        Ok(())
    }

    fn check_card(&self, pan: &Pan, today: CivilDay) -> Result<(), TestCaseError> {
        let state = self.core.state();
        let (tries, atc) = state.card_counters(pan).expect("on file");
        prop_assert!(tries <= TRIES, "more guesses than allowed");
        prop_assert_eq!(tries, self.ledger.pin_tries.get(pan).copied().unwrap_or(0));
        prop_assert_eq!(atc, self.ledger.highest_atc.get(pan).copied());
        prop_assert_eq!(self.replayed.card_counters(pan), Some((tries, atc)));
        let used = [TransactionType::Purchase, TransactionType::Withdrawal]
            .map(|transaction| self.ledger.used(pan, transaction, today));
        prop_assert_eq!(state.card_usage(pan, today), Some(used));
        prop_assert_eq!(self.replayed.card_usage(pan, today), Some(used));
        Ok(())
    }

    fn is_old(&self, transaction: &Transaction) -> bool {
        transaction.time.plus(TRANSACTION_RETENTION) < self.now
    }
}

/// An early reversal holds against its original for as long as transactions are kept.
fn cancels(early: &RememberedReversal, transaction: &Transaction, now: Time) -> bool {
    let same_key = (early.link, early.terminal, early.stan, early.pan)
        == (transaction.link, transaction.terminal, transaction.stan, transaction.pan);
    let same_time =
        early.transmission == transaction.transmission || early.transmission == TransmissionTime::default();
    same_key && same_time && now <= early.time.plus(TRANSACTION_RETENTION)
}

fn pick<T>(of: &[T], which: usize) -> Option<usize> {
    which.checked_rem(of.len())
}

/// DE 7 to the second: requests of one second share their key where they share their STAN.
fn sent_at(now: Time) -> TransmissionTime {
    let digits = now.month_day_time(UtcOffset::default());
    TransmissionTime(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}
