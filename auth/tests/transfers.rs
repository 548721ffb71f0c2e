//! Transfers between accounts of several shards: whatever is lost, repeated or comes late, and wherever a crash falls,
//! each is credited once or returned, and its reversal restores what was.

#[expect(dead_code, reason = "no stripe is read here")]
#[path = "support/bank.rs"]
mod bank;
#[path = "support/bank_of_shards.rs"]
mod bank_of_shards;

use auth::{CardChange, Destination, Fee, FeeName, Filter, LedgerRules, LimitId, Memory, PartialFee, Record};
use bank_of_shards::{Bank, CARDS, OPENING, account, euro, pan, purse};
use card::ResponseCode;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;

/// Two cards whose accounts are in different shards.
const FROM: usize = 0;
const TO: usize = 1;

fn card(card: usize) -> Destination {
    Destination::Card(pan(card))
}

fn answer(bank: &Bank, slot: u32) -> ResponseCode {
    bank.answers[&slot].code
}

/// Of the records behind the `before` first, the kinds.
fn kinds(bank: &Bank, before: usize) -> Vec<&'static str> {
    let kind = |record: &Record| match record {
        Record::Decided(_) => "decided",
        Record::Reversed(_) => "reversed",
        Record::Credited(_) => "credited",
        Record::RemittanceSent(_) => "sent",
        Record::RemittanceTaken(_) => "taken",
        Record::RemittanceSettled(_) => "settled",
        Record::RemittanceForgotten(_) => "forgotten",
        _ => "other",
    };
    bank.journal[before..].iter().map(kind).collect()
}

fn balances(bank: &Bank) -> [i64; 2] {
    [FROM, TO].map(|card| bank.balance(account(card)))
}

#[test]
fn a_transfer_to_another_shard_is_answered_before_the_other_side_has_it() {
    let mut bank = Bank::new(2);
    let before = bank.journal.len();
    let slot = bank.transfer(FROM, card(TO), 1, 1_000);
    // Nothing is recorded before the other shard was asked.
    bank.sync_all();
    assert_eq!((bank.journal.len(), bank.words.len(), bank.answers.len()), (before, 1, 0));
    bank.hear(0, false);
    bank.sync_all();
    bank.hear(0, false);
    // Nothing leaves before the debit is durable.
    assert_eq!((bank.words.len(), bank.answers.len()), (0, 0));
    bank.sync_all();
    assert_eq!(answer(&bank, slot), ResponseCode::APPROVED);
    assert_eq!(kinds(&bank, before), ["decided", "sent"]);
    assert_eq!((balances(&bank), bank.in_transit()), ([OPENING - 1_000, OPENING], 1_000));
    bank.settle_words();
    assert_eq!(kinds(&bank, before), ["decided", "sent", "taken", "settled", "forgotten"]);
    assert_eq!((balances(&bank), bank.in_transit()), ([OPENING - 1_000, OPENING + 1_000], 0));
    assert_eq!((bank.open(), bank.owed_to_link()), (0, 0));
    bank.check_books().unwrap();
}

#[test]
fn inside_one_shard_it_is_one_step() {
    for (shards, to) in [(1, TO), (2, 2)] {
        let mut bank = Bank::new(shards);
        let before = bank.journal.len();
        let slot = bank.transfer(FROM, card(to), 1, 1_000);
        bank.sync_all();
        assert_eq!(answer(&bank, slot), ResponseCode::APPROVED);
        assert_eq!(kinds(&bank, before), ["decided", "credited"]);
        let slot = bank.reverse(FROM, 1, None);
        bank.sync_all();
        assert_eq!(answer(&bank, slot), ResponseCode::APPROVED);
        assert_eq!(kinds(&bank, before), ["decided", "credited", "reversed", "credited"]);
        assert!(bank.words.is_empty());
    }
}

#[test]
fn what_no_shard_has_is_declined() {
    let check = |to: Destination, code: ResponseCode| {
        let mut bank = Bank::new(2);
        let slot = bank.transfer(FROM, to, 1, 1_000);
        bank.settle_words();
        assert_eq!(answer(&bank, slot), code, "{to:?}");
        assert_eq!(balances(&bank), [OPENING, OPENING]);
    };
    check(card(CARDS), ResponseCode::INVALID_CARD);
    check(Destination::Account(account(CARDS)), ResponseCode::ROUTE);
    check(Destination::Card(card::Pan::parse(b"5555555555554444").unwrap()), ResponseCode::ROUTE);
    check(Destination::Account(account(FROM)), ResponseCode::INVALID_TRANSACTION);
}

#[test]
fn more_than_there_is_does_not_go_out() {
    let mut bank = Bank::new(2);
    let slot = bank.transfer(FROM, card(TO), 1, OPENING + 1);
    bank.settle_words();
    assert_eq!(answer(&bank, slot), ResponseCode::INSUFFICIENT_FUNDS);
    assert_eq!(balances(&bank), [OPENING, OPENING]);
}

/// The request is declined with 96 like one of which the HSM says nothing; a repeat gets the same, and so does it join
/// one that still waits.
#[test]
fn a_shard_that_says_nothing_is_waited_for_as_the_hsm_is() {
    let mut bank = Bank::new(2);
    let first = bank.transfer(FROM, card(TO), 1, 1_000);
    let joins = bank.transfer(FROM, card(TO), 1, 1_000);
    bank.sync_all();
    bank.words.clear();
    bank.tick(60_000);
    let repeat = bank.transfer(FROM, card(TO), 1, 1_000);
    bank.sync_all();
    for slot in [first, joins, repeat] {
        assert_eq!(answer(&bank, slot), ResponseCode::MALFUNCTION);
    }
    assert_eq!(balances(&bank), [OPENING, OPENING]);
}

/// Reversed while it waits for the other shard, it is refused when its turn comes.
#[test]
fn a_reversal_overtakes_the_question() {
    let mut bank = Bank::new(2);
    let slot = bank.transfer(FROM, card(TO), 1, 1_000);
    let reversal = bank.reverse(FROM, 1, None);
    bank.settle_words();
    assert_eq!(answer(&bank, reversal), ResponseCode::ORIGINAL_NOT_FOUND);
    assert_eq!(answer(&bank, slot), ResponseCode::DO_NOT_HONOUR);
    assert_eq!(balances(&bank), [OPENING, OPENING]);
}

#[test]
fn what_was_not_answered_is_said_again_after_a_restart() {
    // The crash comes after so many words have arrived.
    for heard in 2..5 {
        for shards in [1, 2, 3, 5] {
            let mut bank = Bank::new(2);
            bank.transfer(FROM, card(TO), 1, 1_000);
            for _ in 0..heard {
                bank.sync_all();
                bank.hear(0, false);
            }
            bank.sync_all();
            bank.restart(shards);
            bank.tick(0);
            bank.come_to_rest();
            assert_eq!(balances(&bank), [OPENING - 1_000, OPENING + 1_000], "{heard} {shards}");
            assert_eq!(bank.in_transit(), 0);
            let repeat = bank.transfer(FROM, card(TO), 1, 1_000);
            bank.sync_all();
            assert_eq!(answer(&bank, repeat), ResponseCode::APPROVED);
            assert_eq!(balances(&bank), [OPENING - 1_000, OPENING + 1_000], "{heard} {shards}");
        }
    }
}

/// A word that comes again when everything is over and forgotten finds nobody who takes it for a new one.
#[test]
fn what_is_over_is_not_done_again_by_a_word_that_comes_late() {
    let mut bank = Bank::new(2);
    bank.transfer(FROM, card(TO), 1, 1_000);
    for _ in 0..2 {
        bank.sync_all();
        bank.hear(0, false);
    }
    bank.sync_all();
    bank.hear(0, true);
    bank.sync_all();
    // The answer, and that it is heard of.
    for _ in 0..2 {
        bank.hear(1, false);
        bank.sync_all();
    }
    assert_eq!((bank.open(), bank.words.len()), (0, 1));
    bank.hear(0, false);
    bank.come_to_rest();
    assert_eq!((balances(&bank), bank.in_transit()), ([OPENING - 1_000, OPENING + 1_000], 0));
}

#[test]
fn a_reversal_takes_the_money_back_first() {
    let mut bank = Bank::new(2);
    bank.transfer(FROM, card(TO), 1, 1_000);
    bank.come_to_rest();
    let before = bank.journal.len();
    let slot = bank.reverse(FROM, 1, Some(400));
    let repeat = bank.reverse(FROM, 1, Some(400));
    bank.sync_all();
    assert!(!bank.answers.contains_key(&slot), "nothing is back yet");
    bank.come_to_rest();
    assert_eq!(kinds(&bank, before), ["sent", "taken", "settled", "reversed", "forgotten"]);
    assert_eq!(balances(&bank), [OPENING - 400, OPENING + 400]);
    let all = bank.reverse(FROM, 1, None);
    bank.come_to_rest();
    let again = bank.reverse(FROM, 1, None);
    bank.sync_all();
    for slot in [slot, repeat, all, again] {
        assert_eq!(answer(&bank, slot), ResponseCode::APPROVED);
    }
    assert_eq!((balances(&bank), bank.in_transit(), bank.owed_to_link()), ([OPENING, OPENING], 0, 0));
}

/// It waits for the transfer, whose money is not there yet.
#[test]
fn a_reversal_may_come_before_the_money_has_arrived() {
    let mut bank = Bank::new(2);
    bank.transfer(FROM, card(TO), 1, 1_000);
    for _ in 0..2 {
        bank.sync_all();
        bank.hear(0, false);
    }
    let slot = bank.reverse(FROM, 1, None);
    bank.come_to_rest();
    assert_eq!(answer(&bank, slot), ResponseCode::APPROVED);
    assert_eq!((balances(&bank), bank.in_transit()), ([OPENING, OPENING], 0));
}

#[test]
fn what_was_spent_does_not_come_back_unless_it_is_forced() {
    for (force_post, code, expected) in [
        (false, ResponseCode::INSUFFICIENT_FUNDS, [OPENING - 1_000, 0]),
        (true, ResponseCode::APPROVED, [OPENING, -1_000]),
    ] {
        let rules = LedgerRules { force_post, ..LedgerRules::default() };
        let mut bank = Bank::with(2, Memory::default(), rules, Vec::new());
        bank.transfer(FROM, card(TO), 1, 1_000);
        bank.come_to_rest();
        bank.transfer(TO, card(2), 2, OPENING + 1_000);
        bank.come_to_rest();
        let slots = [bank.reverse(FROM, 1, None), bank.reverse(FROM, 1, None)];
        bank.come_to_rest();
        assert_eq!(slots.map(|slot| answer(&bank, slot)), [code; 2]);
        assert_eq!(balances(&bank), expected);
        bank.check_books().unwrap();
    }
}

/// Who asks for the reversal gives up waiting; the money comes back all the same, once, and a repeat hears so.
#[test]
fn a_reversal_that_waits_too_long_goes_on() {
    for shards in [None, Some(1), Some(3)] {
        let mut bank = Bank::new(2);
        bank.transfer(FROM, card(TO), 1, 1_000);
        bank.come_to_rest();
        let slot = bank.reverse(FROM, 1, None);
        bank.sync_all();
        match shards {
            Some(shards) => bank.restart(shards),
            None => {
                bank.words.clear();
                bank.tick(10_000);
                bank.sync_all();
                assert_eq!(answer(&bank, slot), ResponseCode::MALFUNCTION);
            }
        }
        let repeat = bank.reverse(FROM, 1, None);
        bank.tick(100);
        bank.come_to_rest();
        assert_eq!(answer(&bank, repeat), ResponseCode::APPROVED);
        assert_eq!((balances(&bank), bank.in_transit()), ([OPENING, OPENING], 0));
    }
}

#[test]
fn an_account_that_was_closed_meanwhile_gets_nothing_and_the_money_returns_with_its_fee() {
    let mut bank = Bank::with(2, Memory::default(), LedgerRules::default(), vec![fee()]);
    let away = bank.home_of(purse());
    assert_ne!(away, bank.home_of(account(FROM)));
    let slot = bank.transfer(FROM, Destination::Account(purse()), 1, 1_000);
    for _ in 0..2 {
        bank.sync_all();
        bank.hear(0, false);
    }
    assert_eq!(bank.balance(account(FROM)), OPENING - 1_025);
    bank.change(away, CardChange::RemoveAccount(purse()));
    let before = bank.journal.len();
    bank.come_to_rest();
    assert_eq!(answer(&bank, slot), ResponseCode::APPROVED);
    assert_eq!(kinds(&bank, before)[2..], ["other", "taken", "settled", "reversed", "forgotten"]);
    assert_eq!((bank.balance(account(FROM)), bank.in_transit()), (OPENING, 0));
    let reversal = bank.reverse(FROM, 1, None);
    bank.come_to_rest();
    assert_eq!(answer(&bank, reversal), ResponseCode::APPROVED);
    assert_eq!((bank.balance(account(FROM)), bank.in_transit(), bank.owed_to_link()), (OPENING, 0, 0));
    bank.check_books().unwrap();
}

#[test]
fn a_fee_comes_back_with_the_whole() {
    let mut bank = Bank::with(2, Memory::default(), LedgerRules::default(), vec![fee()]);
    bank.transfer(FROM, card(TO), 1, 1_000);
    bank.come_to_rest();
    assert_eq!(balances(&bank), [OPENING - 1_025, OPENING + 1_000]);
    bank.reverse(FROM, 1, Some(400));
    bank.come_to_rest();
    assert_eq!(balances(&bank), [OPENING - 425, OPENING + 400]);
    bank.reverse(FROM, 1, None);
    bank.come_to_rest();
    assert_eq!((balances(&bank), bank.owed_to_link()), ([OPENING, OPENING], 0));
    bank.check_books().unwrap();
}

/// Until the paying shard knows that it has the money, an account is not closed: opened anew in another shard, it would
/// be asked again.
#[test]
fn an_account_with_money_under_way_is_not_closed() {
    let mut bank = Bank::new(2);
    bank.transfer(FROM, Destination::Account(purse()), 1, 1_000);
    for _ in 0..3 {
        bank.sync_all();
        bank.hear(0, false);
    }
    bank.reverse(FROM, 1, None);
    let away = bank.home_of(purse());
    bank.change(away, CardChange::RemoveAccount(purse()));
    assert!(bank.is_open(purse()));
    bank.come_to_rest();
    bank.change(away, CardChange::RemoveAccount(purse()));
    assert!(!bank.is_open(purse()));
}

/// A transfer inside a shard, whose reversal comes when its accounts are in two.
#[test]
fn a_transfer_is_reversed_whatever_the_number_of_shards_is_by_then() {
    for (before, after) in [(1, 2), (2, 1), (2, 3), (3, 2)] {
        let mut bank = Bank::new(before);
        bank.transfer(FROM, card(TO), 1, 1_000);
        bank.come_to_rest();
        bank.restart(after);
        let slot = bank.reverse(FROM, 1, None);
        bank.come_to_rest();
        assert_eq!(answer(&bank, slot), ResponseCode::APPROVED);
        assert_eq!((balances(&bank), bank.in_transit()), ([OPENING, OPENING], 0), "{before} {after}");
    }
}

fn fee() -> Fee {
    Fee {
        name: FeeName::new("transfer").expect("a name"),
        counter: LimitId::of("transfer"),
        currency: euro(),
        filter: Filter::default(),
        own_terminal: None,
        band: None,
        flat_minor: 25,
        basis_points: 0,
        minimum_minor: 0,
        maximum_minor: None,
        free: 0,
        partial: PartialFee::Kept,
    }
}

/// Something that happens to a bank.
#[derive(Clone, Copy, Debug)]
enum Event {
    Transfer { from: usize, to: usize, amount_minor: i64 },
    Repeat { which: usize },
    Reverse { which: usize, stands_minor: Option<i64> },
    Sync { shard: usize },
    SyncAll,
    Hear { which: usize, stays: bool },
    Lose { which: usize },
    Tick { pause_ms: i64 },
    Restart { shards: usize },
    Snapshot,
    ClosePurse,
    OpenPurse { customer: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..CARDS, 0..=CARDS, 1..3_000i64)
            .prop_map(|(from, to, amount_minor)| Event::Transfer { from, to, amount_minor }),
        2 => any::<usize>().prop_map(|which| Event::Repeat { which }),
        4 => (any::<usize>(), prop::option::of(0..1_500i64))
            .prop_map(|(which, stands_minor)| Event::Reverse { which, stands_minor }),
        6 => any::<usize>().prop_map(|shard| Event::Sync { shard }),
        6 => Just(Event::SyncAll),
        24 => (prop_oneof![3 => Just(0), 1 => any::<usize>()], prop::bool::weighted(0.15))
            .prop_map(|(which, stays)| Event::Hear { which, stays }),
        2 => any::<usize>().prop_map(|which| Event::Lose { which }),
        4 => prop_oneof![4 => 0..400i64, 3 => 1_000..5_000i64, 1 => Just(70_000)].prop_map(|pause_ms| Event::Tick { pause_ms }),
        2 => (1..5usize).prop_map(|shards| Event::Restart { shards }),
        1 => Just(Event::Snapshot),
        2 => Just(Event::ClosePurse),
        2 => (1..5u64).prop_map(|customer| Event::OpenPurse { customer }),
    ]
}

/// A transfer that was asked for, with the slots of it and of its repeats.
struct Asked {
    from: usize,
    to: usize,
    amount_minor: i64,
    slots: Vec<u32>,
}

struct Play {
    bank: Bank,
    asked: Vec<Asked>,
    /// By slot: which transfer, and what is to stand of it.
    reversals: BTreeMap<u32, (usize, i64)>,
}

impl Play {
    fn play(&mut self, event: Event) -> Result<(), TestCaseError> {
        let Play { bank, asked, reversals } = self;
        let pick = |which: usize, of: usize| (of > 0).then(|| which % of);
        match event {
            Event::Transfer { from, to, amount_minor } => {
                asked.push(Asked { from, to, amount_minor, slots: Vec::new() });
                return self.ask(self.asked.len() - 1);
            }
            Event::Repeat { which } => {
                if let Some(which) = pick(which, asked.len()) {
                    return self.ask(which);
                }
            }
            Event::Reverse { which, stands_minor } => {
                if let Some(which) = pick(which, asked.len()) {
                    let slot = bank.reverse(asked[which].from, stan(which), stands_minor);
                    reversals.insert(slot, (which, stands_minor.unwrap_or(0)));
                }
            }
            Event::Sync { shard } => bank.sync(shard % bank.cores.len()),
            Event::SyncAll => bank.sync_all(),
            Event::Hear { which, stays } => {
                if let Some(which) = pick(which, bank.words.len()) {
                    bank.hear(which, stays);
                }
            }
            Event::Lose { which } => {
                if let Some(which) = pick(which, bank.words.len()) {
                    bank.words.remove(which);
                }
            }
            Event::Tick { pause_ms } => bank.tick(pause_ms),
            Event::Restart { shards } => bank.restart(shards),
            Event::Snapshot => bank.snapshot(),
            // As the control socket does: in the shard that the account is in, and answered before the next change.
            Event::ClosePurse => {
                let shard = bank.home_of(purse());
                bank.change(shard, CardChange::RemoveAccount(purse()));
                bank.sync(shard);
            }
            Event::OpenPurse { customer } => {
                if !bank.is_open(purse()) {
                    bank.open_purse(customer);
                    bank.sync_all();
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, which: usize) -> Result<(), TestCaseError> {
        let Asked { from, to, amount_minor, .. } = self.asked[which];
        let destination = if to == CARDS { Destination::Account(purse()) } else { card(to) };
        let slot = self.bank.transfer(from, destination, stan(which), amount_minor);
        self.asked[which].slots.push(slot);
        Ok(())
    }

    /// When all is said and done, every cent is where the transfers that stand have put it.
    fn check(&self) -> Result<(), TestCaseError> {
        let bank = &self.bank;
        bank.check_books().map_err(TestCaseError::fail)?;
        prop_assert_eq!((bank.in_transit(), bank.owed_to_link(), bank.open()), (0, 0, 0));
        let mut expected: BTreeMap<_, i64> = (0..CARDS).map(|card| (account(card), OPENING)).collect();
        expected.insert(purse(), 0);
        let merged = bank.merged();
        let mut standing = BTreeMap::new();
        for record in &bank.journal {
            let Record::Decided(decided) = record else { continue };
            if !decided.code.is_approval() {
                continue;
            }
            let which = decided.stan.number() as usize - 1;
            let stands = merged.transaction_status(decided.id).expect("it was decided").1;
            prop_assert!((0..=decided.amount_minor).contains(&stands));
            prop_assert!(standing.insert(which, stands).is_none(), "a request was decided twice");
            let to = decided.details.booking.as_ref().and_then(|booking| booking.to).expect("a transfer");
            *expected.entry(decided.account.expect("it pays")).or_default() -= stands;
            *expected.entry(to).or_default() += stands;
        }
        for (id, minor) in expected {
            prop_assert_eq!(bank.balance(id), minor, "{}", id);
            if bank.is_open(id) {
                prop_assert_eq!(merged.balance(&id).expect("it is open").ledger_minor, minor);
            }
        }
        for (which, asked) in self.asked.iter().enumerate() {
            let answers = asked.slots.iter().filter_map(|slot| bank.answers.get(slot));
            let codes: Vec<ResponseCode> = answers.map(|answer| answer.code).collect();
            prop_assert!(codes.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", codes);
            prop_assert!(codes.iter().all(|code| code.is_approval() == standing.contains_key(&which)));
        }
        for (slot, (which, stands)) in &self.reversals {
            let Some(answer) = bank.answers.get(slot) else { continue };
            if answer.code == ResponseCode::APPROVED {
                let left = standing.get(which).copied().unwrap_or(0);
                prop_assert!(left <= *stands, "{left} stands of what was reversed down to {stands}");
            }
        }
        Ok(())
    }
}

fn stan(which: usize) -> u32 {
    u32::try_from(which).expect("a few") + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_cent_is_somewhere_and_once(
        events in prop::collection::vec(event(), 1..200),
        shards in 1..5usize,
        transactions in prop::sample::select(vec![1, 3, Memory::default().transactions]),
        force_post in any::<bool>(),
        order in any::<usize>(),
    ) {
        let memory = Memory { transactions, ..Memory::default() };
        let rules = LedgerRules { force_post, ..LedgerRules::default() };
        let bank = Bank::with(shards, memory, rules, Vec::new());
        let mut play = Play { bank, asked: Vec::new(), reversals: BTreeMap::new() };
        for event in events {
            play.play(event)?;
            play.bank.check_books().map_err(TestCaseError::fail)?;
        }
        play.bank.come_to_rest();
        play.check()?;
        // What was spent comes back once what it was spent on does: in the end all of it, in whatever order.
        let mut places: Vec<usize> = (0..play.asked.len()).collect();
        places.sort_by_key(|place| (place + 1).wrapping_mul(order | 1));
        if !play.bank.is_open(purse()) {
            return Ok(());
        }
        loop {
            let before = play.bank.journal.len();
            for which in &places {
                play.play(Event::Reverse { which: *which, stands_minor: None })?;
                play.bank.come_to_rest();
            }
            if !play.bank.journal[before..].iter().any(|record| matches!(record, Record::Reversed(_))) {
                break;
            }
        }
        play.check()?;
        for card in 0..CARDS {
            prop_assert_eq!(play.bank.balance(account(card)), OPENING);
        }
        prop_assert_eq!(play.bank.balance(purse()), 0);
    }
}
