//! Records of several shards, replayed into one state: as the card tools do, and a start with fewer
//! shards.

#[path = "support/bank.rs"]
mod bank;
#[path = "support/town.rs"]
mod town;

use auth::{
    ChecksReply, Core, CryptogramResult, CvvResult, Effect, EntryMode, Input, MessageClass, PinResult,
    Record, Request, Response, Reversal, ShardIndex, State,
};
use card::{Pan, ResponseCode, Time};
use std::sync::Arc;
use town::{ACCOUNTS, account, euro, id, link, on_file, pan, tables};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Shard 0 decides nothing for twenty days and so forgets nothing, shard 1 does. What shard 0 then
/// says must make sense to a state that forgot the purchase with the records of shard 1.
#[test]
fn a_purchase_past_the_horizon_is_out_of_reach_even_where_it_is_still_in_memory() {
    let mut town = Town::new();
    town.purchase(0, pan(0), 0);
    town.purchase(1, pan(2), 15 * DAY_MS);

    let (reversed, response) = town.reverse_first(0, pan(0), 20 * DAY_MS);
    assert!(matches!(reversed[..], [Record::ReversalRemembered(_)]), "{reversed:?}");
    assert_eq!(response, Response::bare(ResponseCode::ORIGINAL_NOT_FOUND));
    town.check_merged();
}

/// The clock of shard 1 is most of an hour ahead and lets the merged state forget so much earlier.
#[test]
fn clocks_of_shards_may_differ_by_less_than_an_hour() {
    let hour_ms = DAY_MS / 24;
    let mut town = Town::new();
    town.purchase(0, pan(0), 0);
    town.purchase(1, pan(2), 10 * DAY_MS - 1);

    let (reversed, response) = town.reverse_first(0, pan(0), 10 * DAY_MS - hour_ms);
    assert!(matches!(reversed[..], [Record::Reversed(_)]), "{reversed:?}");
    assert_eq!(response.code, ResponseCode::APPROVED);
    town.check_merged();
}

/// Two shards, and the records of both in the order of their time.
struct Town {
    cores: [Core; 2],
    records: Vec<Record>,
}

impl Town {
    fn new() -> Town {
        let tables = Arc::new(tables());
        let mut cores = [0, 1].map(|shard| Core::new(ShardIndex(shard), Arc::clone(&tables)));
        for record in on_file() {
            cores.iter_mut().for_each(|core| core.replay(&record));
        }
        Town { cores, records: Vec::new() }
    }

    /// An approved purchase of 12.00, posted at once.
    fn purchase(&mut self, shard: usize, pan: Pan, at_ms: i64) {
        let request = Request {
            class: MessageClass::Financial,
            entry: EntryMode::Fallback,
            track2: Some(bank::track2(&pan, "123")),
            chip: Some(bank::chip(18, 1, 1_200)),
            pin_block: Some(bank::pin_block()),
            ..bank::purchase(link(0), &id(0), pan, 1, 1_200)
        };
        let asked = self.step(shard, at_ms, Input::Request(Box::new(request)));
        let [Effect::AskHsm { ticket, .. }] = asked[..] else { panic!("{asked:?}") };
        let reply = ChecksReply {
            cvv2: None,
            order: None,
            pin: Some(PinResult::Right),
            cvv: Some(CvvResult::Right),
            icvv: None,
            cryptogram: Some(CryptogramResult::Right { arpc: [0; 8] }),
            ..ChecksReply::default()
        };
        let decided = self.step(shard, at_ms, Input::HsmReply { ticket, reply });
        let [Effect::Record(_), Effect::Respond { response, .. }] = &decided[..] else {
            panic!("{decided:?}")
        };
        assert_eq!(response.code, ResponseCode::APPROVED);
    }

    /// A reversal of the purchase; what is recorded and answered.
    fn reverse_first(&mut self, shard: usize, pan: Pan, at_ms: i64) -> (Vec<Record>, Response) {
        let Request { reply_to, link, terminal, stan, transmission, .. } =
            bank::purchase(link(0), &id(0), pan, 1, 1_200);
        let reversal = Reversal {
            reply_to,
            link,
            terminal,
            pan,
            original_stan: stan,
            original_transmission: transmission,
            replacement_minor: None,
        };
        let before = self.records.len();
        let effects = self.step(shard, at_ms, Input::Reversal(Box::new(reversal)));
        let Some(Effect::Respond { response, .. }) = effects.last() else { panic!("{effects:?}") };
        (self.records[before..].to_vec(), response.clone())
    }

    fn step(&mut self, shard: usize, at_ms: i64, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let now = Time::from_unix_ms(1_781_524_800_000 + at_ms);
        self.cores[shard].step(now, input, &mut effects);
        let records = effects.iter().filter_map(|effect| match effect {
            Effect::Record(record) => Some(record.clone()),
            _ => None,
        });
        self.records.extend(records);
        effects
    }

    /// One state hears all records and knows the balances that the shards know.
    fn check_merged(&self) {
        let mut merged = State::default();
        on_file().iter().chain(&self.records).for_each(|record| merged.apply(record));
        for (shard, (name, ..)) in ACCOUNTS.into_iter().enumerate().take(self.cores.len()) {
            let account = account(name);
            assert_eq!(merged.balance(&account), self.cores[shard].state().balance(&account), "{name}");
        }
        assert_eq!(merged.trial_balance(euro()), 0);
    }
}
