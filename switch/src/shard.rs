//! One thread that owns one core. A turn takes everything that waits in the inbox, steps the core
//! with each input, hands the records of the turn to the journal as one batch, and lets responses go
//! once the journal is durable up to them. It never waits for the disk: the next turn runs while the
//! journal syncs.

use crate::clock;
use crate::edge::control::Answers;
use crate::edge::hsm::{HsmJob, HsmPort};
use crate::edge::outbox::Outbox;
use crate::inbox::{Inbox, Message};
use crate::legs::{Legged, Legs};
use crate::metrics::Metrics;
use crate::recalls::{Question, RecallPort};
use crate::shards::Shards;
use crate::snapshots::FrozenShard;
use crate::translate;
use auth::{
    Checks, Core, Effect, Input, LOOK_AHEAD, ProvisionAnswer, ProvisionTicket, Recall, Record, ReplyTo,
    Response, RuleMark, ShardMessage, Ticket, Transaction,
};
use crossbeam::channel::Sender;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Batch, CommitHandle, Refused, Sequence, Stream};

/// Inputs taken in one turn. Enough to make good batches, few enough that the first of them is not
/// kept long from the journal.
const TURN: usize = 256;

/// How often deadlines and holds are looked at.
const TICK: Duration = Duration::from_millis(50);

/// What one shard works with.
pub struct Shard {
    core: Core,
    inbox: Arc<Inbox>,
    hsm: Arc<HsmPort>,
    recalls: RecallPort,
    journal: CommitHandle,
    metrics: Arc<Metrics>,
    answers: Arc<Answers>,
    shards: Arc<Shards>,
    stream: Stream,
    /// Next record of our stream.
    sequence: Sequence,
    /// Records of this turn, or of an earlier one that the journal had no room for.
    batch: Batch,
    /// What waits for the records before it, in order.
    held: VecDeque<Held>,
    outboxes: HashMap<u64, Arc<Outbox>>,
    /// Taken from the inbox together.
    messages: Vec<Message>,
    effects: Vec<Effect>,
    next_tick: Instant,
    legs: Legs,
    draining: bool,
}

struct Held {
    after: Sequence,
    what: Outgoing,
}

enum Outgoing {
    Response(ReplyTo, Response),
    Answer(ProvisionTicket, ProvisionAnswer),
    Message(Box<ShardMessage>),
}

/// What a shard needs besides its core.
pub struct Surroundings {
    /// Where its inputs come from.
    pub inbox: Arc<Inbox>,
    /// Where its checks go.
    pub hsm: Arc<HsmPort>,
    /// Where it asks for transactions that have left its memory.
    pub recalls: RecallPort,
    /// Where its records go.
    pub journal: CommitHandle,
    /// Where events are counted.
    pub metrics: Arc<Metrics>,
    /// Who waits for changes of the card base.
    pub answers: Arc<Answers>,
    /// All shards, which it talks to.
    pub shards: Arc<Shards>,
}

impl Shard {
    /// A shard that continues its stream at the durable position.
    #[must_use]
    pub fn new(number: u16, core: Core, surroundings: Surroundings) -> Shard {
        let Surroundings { inbox, hsm, recalls, journal, metrics, answers, shards } = surroundings;
        let stream = Stream(number);
        let sequence = journal.durable().position(stream);
        let batch = journal.batch();
        Shard {
            core,
            inbox,
            hsm,
            recalls,
            journal,
            metrics,
            answers,
            shards,
            stream,
            sequence,
            batch,
            held: VecDeque::new(),
            outboxes: HashMap::new(),
            messages: Vec::with_capacity(LOOK_AHEAD),
            effects: Vec::new(),
            next_tick: Instant::now(),
            legs: Legs::default(),
            draining: false,
        }
    }

    /// Runs until drained: the inbox is empty and every response that was promised has left. What still
    /// waits for the HSM then has nobody left to answer to, since its connection is gone. Gives the
    /// core back.
    pub fn run(mut self) -> Core {
        self.inbox.own();
        while !self.finished() {
            self.turn();
            let wake_at = self.held.front().map(|held| held.after);
            let (durable, stream) = (Arc::clone(self.journal.durable()), self.stream);
            let released = || wake_at.is_some_and(|after| durable.position(stream) >= after);
            self.inbox.sleep(TICK, released);
        }
        self.core
    }

    fn finished(&self) -> bool {
        self.draining && self.held.is_empty() && self.batch.is_empty() && self.inbox.is_empty()
    }

    fn turn(&mut self) {
        // While the journal has no room, nothing new is decided: the inbox fills up and the edge
        // answers 96.
        if self.batch.is_empty() {
            self.take_inputs();
        }
        self.submit();
        self.release();
    }

    fn take_inputs(&mut self) {
        let now = clock::now();
        if Instant::now() >= self.next_tick {
            self.next_tick = Instant::now() + TICK;
            self.step(now, Input::Tick, Instant::now());
            self.legs.forget();
        }
        let mut messages = std::mem::take(&mut self.messages);
        for _ in 0..TURN / LOOK_AHEAD {
            messages.extend(std::iter::from_fn(|| self.inbox.pop()).take(LOOK_AHEAD));
            self.core.look_ahead(messages.iter().filter_map(Message::input));
            messages.drain(..).for_each(|message| self.take(now, message));
        }
        self.messages = messages;
    }

    fn take(&mut self, now: card::Time, message: Message) {
        match message {
            Message::Input(input, came) => self.step(now, input, came),
            Message::Attach(connection, outbox) => {
                self.outboxes.insert(connection, outbox);
            }
            Message::Detach(connection) => {
                self.outboxes.remove(&connection);
            }
            Message::Freeze(frozen) => self.freeze(&frozen),
            Message::Drain => self.draining = true,
        }
    }

    /// As everything up to here has left it, what is still to be recorded included.
    fn freeze(&self, frozen: &Sender<FrozenShard>) {
        let begun = Instant::now();
        let state = self.core.state().freeze();
        let position = self.sequence.after(self.batch.count());
        let shard = FrozenShard { shard: self.stream.0, state, position, pause: begun.elapsed() };
        // Whoever asked may have given up.
        let _ = frozen.try_send(shard);
    }

    fn step(&mut self, now: card::Time, input: Input, came: Instant) {
        let mut effects = std::mem::take(&mut self.effects);
        let leg = self.legs.begin(&input, came);
        self.core.step(now, input, &mut effects);
        let leg = leg.end();
        for effect in effects.drain(..) {
            self.carry_out(effect, leg);
        }
        self.effects = effects;
    }

    fn carry_out(&mut self, effect: Effect, leg: Legged) {
        match effect {
            Effect::Record(mut record) => {
                if let Record::Decided(transaction) = &mut record {
                    leg.note(&mut transaction.receipt);
                    self.count_rules(transaction);
                }
                self.batch.push_with(|out| store::encode_record(&record, out));
                self.core.reuse(record);
            }
            Effect::AskHsm { ticket, checks } => {
                self.legs.asked(ticket, leg);
                self.ask_hsm(ticket, checks);
            }
            Effect::Recall { ticket, recall } => self.recall(ticket, recall),
            // What another shard does about it must not be on disk before what it rests on.
            Effect::TellShard(message) => {
                if let Some(ticket) = message.asks_for() {
                    self.legs.asked(ticket, leg);
                }
                self.hold(Outgoing::Message(message));
            }
            // Even a response that recorded nothing may tell of a record that is not durable yet, as
            // a repeat does, so every response waits for all records before it.
            Effect::Respond { reply_to, response } => self.hold(Outgoing::Response(reply_to, response)),
            Effect::Provisioned { ticket, answer } => self.hold(Outgoing::Answer(ticket, answer)),
        }
    }

    /// Made under the tables that the core has, since no step changes them and decides.
    fn count_rules(&self, transaction: &Transaction) {
        let rules = self.core.tables().rules.rules();
        for (rule, mark) in auth::rule_marks(transaction) {
            let Some(rule) = rules.get(rule) else { continue };
            match mark {
                RuleMark::Failed => self.metrics.rule_failed(&rule.name, rule.mode.as_str()),
                RuleMark::Live | RuleMark::Shadow => {
                    self.metrics.rule_matched(&rule.name, rule.mode.as_str());
                }
            }
        }
    }

    fn hold(&mut self, what: Outgoing) {
        let after = self.sequence.after(self.batch.count());
        self.held.push_back(Held { after, what });
    }

    fn recall(&mut self, ticket: Ticket, recall: Recall) {
        let after = self.sequence.after(self.batch.count());
        let question = Question { shard: self.stream.0, ticket, recall, after };
        if self.recalls.ask(question).is_err() {
            self.step(clock::now(), Input::Recalled { ticket, found: None }, Instant::now());
        }
    }

    fn ask_hsm(&mut self, ticket: Ticket, checks: Checks) {
        let shard = self.stream.0 as u8;
        if let Err(job) = self.hsm.ask(HsmJob { shard, ticket, checks }) {
            self.metrics.hsm().refused();
            let reply = translate::hsm::all_failed(&job.checks);
            self.step(clock::now(), Input::HsmReply { ticket, reply }, Instant::now());
        }
    }

    fn submit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let count = self.batch.count();
        let batch = std::mem::take(&mut self.batch);
        match self.journal.submit(self.stream, self.sequence, batch) {
            Ok(()) => {
                self.sequence = self.sequence.after(count);
                self.batch = self.journal.batch();
            }
            Err(Refused::Full(batch)) => self.batch = batch,
            // The failure callback is ending the process; until it does, nothing may be answered.
            Err(Refused::Stopped(_) | Refused::UnknownStream(_)) => {
                self.held.clear();
                self.draining = true;
            }
        }
    }

    fn release(&mut self) {
        let durable = self.journal.durable().position(self.stream);
        while self.held.front().is_some_and(|held| held.after <= durable) {
            let Some(held) = self.held.pop_front() else { return };
            match held.what {
                Outgoing::Response(reply_to, response) => {
                    if let Some(outbox) = self.outboxes.get(&reply_to.connection) {
                        outbox.deliver(reply_to.slot, response);
                    }
                }
                Outgoing::Answer(ticket, answer) => self.answers.deliver(ticket, answer),
                Outgoing::Message(message) => {
                    // The core says it again, or answers 96 at its deadline.
                    if self.shards.tell(message).is_err() {
                        tracing::debug!(
                            shard = self.stream.0,
                            "a shard's inbox has no room for another shard"
                        );
                    }
                }
            }
        }
    }
}
