use crate::between_shards::{self, Serials};
use crate::card_answer::{self, Answering};
use crate::confirmation::Confirmations;
use crate::effect::{Effect, Response};
use crate::enquiry::{self, Enquiries};
use crate::indexed::LOOK_AHEAD;
use crate::input::Input;
use crate::keyed_hash::CodeKey;
use crate::limits::SHARDS;
use crate::names::{ReplyTo, ShardIndex, TransactionId};
use crate::recall::Recalls;
use crate::record::{HoldExpired, Record};
use crate::remittance::{self, Remitting};
use crate::spare::Spare;
use crate::state::{Element, Memory, Sought, State};
use crate::suspended::Suspended;
use crate::tables::Tables;
use crate::{completion, confirmation, linked_account, pipeline, provision, recall, reversal, token};
use arrayvec::ArrayVec;
use card::{CivilDay, Time, UtcOffset};
use std::sync::Arc;

/// The decision maker of one shard.
#[derive(Debug)]
pub struct Core {
    pub(crate) shard: ShardIndex,
    pub(crate) tables: Arc<Tables>,
    pub(crate) state: State,
    pub(crate) suspended: Suspended,
    pub(crate) confirmations: Confirmations,
    pub(crate) answering: Answering,
    pub(crate) recalls: Recalls,
    pub(crate) enquiries: Enquiries,
    pub(crate) remitting: Remitting,
    pub(crate) serials: Serials,
    pub(crate) spare: Spare,
    /// Of one-time codes and passwords; without it none is right.
    pub(crate) code_key: Option<CodeKey>,
    next_counter: u64,
    /// The business day of the newest step, and its number: nearly every step is on the day of the one before.
    pub(crate) today: CivilDay,
    day_number: i64,
}

impl Core {
    /// A core with nothing on file.
    #[must_use]
    pub fn new(shard: ShardIndex, tables: Arc<Tables>) -> Core {
        Core::with_memory(shard, tables, Memory::default())
    }

    /// The same, remembering so much.
    #[must_use]
    pub fn with_memory(shard: ShardIndex, tables: Arc<Tables>, memory: Memory) -> Core {
        let epoch = Time::from_unix_ms(0);
        Core {
            shard,
            tables,
            state: State::new(memory),
            suspended: Suspended::default(),
            confirmations: Confirmations::default(),
            answering: Answering::default(),
            recalls: Recalls::default(),
            enquiries: Enquiries::default(),
            remitting: Remitting::default(),
            serials: Serials::default(),
            spare: Spare::default(),
            code_key: None,
            next_counter: 1,
            today: epoch.day(UtcOffset::default()),
            day_number: epoch.day_number(UtcOffset::default()),
        }
    }

    /// Compares one-time codes and passwords of cardholders under this key, which stays the same over restarts.
    pub fn keep_codes_under(&mut self, key: CodeKey) {
        self.code_key = Some(key);
    }

    /// Puts back an element of a snapshot, at start and before the records behind it.
    pub fn restore(&mut self, element: Element) {
        self.state.restore(element);
    }

    /// Applies a record of the journal, at start.
    pub fn replay(&mut self, record: &Record) {
        self.state.apply(record);
    }

    /// Ends the replay. `last_counter` is the highest [`State::last_counter`] of all shards, so that
    /// transaction numbers stay unique when the number of shards changes.
    pub fn resume(&mut self, last_counter: u64) {
        self.next_counter = last_counter + 1;
    }

    /// Takes the room for a full memory at once, before the first request: a table that grows later lets everybody wait
    /// while it moves.
    pub fn reserve(&mut self) {
        self.state.reserve();
    }

    /// Durable state, to look at.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The configuration that the next input meets.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Asks memory for what these inputs will look for, [`LOOK_AHEAD`] of them at most, before the first of them
    /// is taken. Changes nothing but the time they take.
    pub fn look_ahead<'a>(&self, inputs: impl Iterator<Item = &'a Input>) {
        let sought = inputs.filter_map(|input| match input {
            Input::Request(request) => Some(Sought::by_request(request)),
            Input::HsmReply { ticket, .. } => {
                self.suspended.get(*ticket).map(|suspended| Sought::by_decision(&suspended.request))
            }
            _ => None,
        });
        let sought: ArrayVec<Sought, LOOK_AHEAD> = sought.take(LOOK_AHEAD).collect();
        self.state.seek(&sought);
    }

    /// Takes one input and appends what follows from it.
    pub fn step(&mut self, now: Time, input: Input, effects: &mut Vec<Effect>) {
        self.turn_day(now);
        match input {
            Input::Request(mut request) => {
                token::resolve(&self.state, &mut request);
                pipeline::admit(self, now, request, effects);
            }
            Input::HsmReply { ticket, reply } => pipeline::dispatch(self, now, ticket, &reply, effects),
            Input::Reversal(mut reversal) => {
                if let Some(card) = self.state.card_of_token(&reversal.pan) {
                    reversal.pan = card;
                }
                reversal::reverse(self, now, reversal, effects);
            }
            Input::Recalled { ticket, found } => {
                recall::answered(self, now, ticket, found, effects);
            }
            Input::Completion(completion) => completion::complete(self, now, &completion, effects),
            Input::FromShard(message) => between_shards::hear(self, now, *message, effects),
            Input::Provision(provision) => provision::provision(self, now, *provision, effects),
            Input::Tables(tables) => self.tables = tables,
            Input::Tick => self.tick(now, effects),
        }
    }

    /// Takes back a record that has been carried out. Without it every decision asks for new memory.
    pub fn reuse(&mut self, record: Record) {
        self.spare.keep(record);
    }

    fn turn_day(&mut self, now: Time) {
        let offset = self.tables.business_offset;
        let number = now.day_number(offset);
        if number != self.day_number {
            (self.day_number, self.today) = (number, now.day(offset));
        }
    }

    fn tick(&mut self, now: Time, effects: &mut Vec<Effect>) {
        for ticket in self.suspended.overdue(now) {
            if !enquiry::overdue(self, now, ticket, effects) {
                pipeline::hsm_overdue(self, now, ticket, effects);
            }
        }
        card_answer::overdue(self, now, effects);
        confirmation::overdue(self, now, effects);
        recall::overdue(self, now, effects);
        remittance::tick(self, now, effects);
        linked_account::settle_due(self, now, effects);
        for id in self.state.expired_holds(now) {
            let stored = self.state.transaction(id).expect("a hold belongs to a stored transaction");
            let (pan, origin) = (stored.pan, stored.origin());
            self.commit(
                Record::HoldExpired(HoldExpired { transaction: id, pan, time: now, origin }),
                effects,
            );
        }
    }

    /// Decide, then apply: the one way from a decision to durable state.
    pub(crate) fn commit(&mut self, record: Record, effects: &mut Vec<Effect>) {
        self.state.apply(&record);
        effects.push(Effect::Record(record));
    }

    pub(crate) fn next_transaction_id(&mut self) -> TransactionId {
        let id = self.next_counter * SHARDS as u64 + u64::from(self.shard.0);
        self.next_counter += 1;
        TransactionId::new(id).expect("counters begin at 1")
    }
}

pub(crate) fn respond(reply_to: ReplyTo, response: Response, effects: &mut Vec<Effect>) {
    effects.push(Effect::Respond { reply_to, response });
}

/// Answers a request and what repeated it meanwhile.
pub(crate) fn respond_all(
    first: ReplyTo,
    repeats: Vec<ReplyTo>,
    response: &Response,
    effects: &mut Vec<Effect>,
) {
    for reply_to in std::iter::once(first).chain(repeats) {
        respond(reply_to, response.clone(), effects);
    }
}
