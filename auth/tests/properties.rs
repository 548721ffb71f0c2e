//! Whatever comes in whatever order, the money, the limits and the counters stay right. A slow and
//! simple model (`support/ledger.rs`) says what right is.

#[path = "support/bank.rs"]
mod bank;
#[path = "support/events.rs"]
mod events;
#[path = "support/ledger.rs"]
mod ledger;
#[path = "support/town.rs"]
mod town;
#[path = "support/traffic.rs"]
mod traffic;

use auth::Memory;
use events::{Dispense, Draw, Event, Finding, Follow, Reading};
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence, TestCaseError};
use traffic::Traffic;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_interleaving_keeps_money_limits_and_counters_right(events in prop::collection::vec(event(), 1..240)) {
        run(events, Memory::default())?;
    }

    /// The same in a memory that holds so little that nearly every repeat and reversal is about a transaction that has
    /// left it, even one of which no fingerprint is known.
    #[test]
    fn a_small_memory_changes_nothing(
        events in prop::collection::vec(event(), 1..240),
        transactions in 0..20usize,
        fingerprints in prop::sample::select(vec![0, Memory::default().fingerprints]),
    ) {
        run(events, Memory { transactions, fingerprints })?;
    }

    /// The same for one card whose PIN is guessed, so that the limit of tries is reached every time.
    #[test]
    fn guesses_never_exceed_the_pin_tries(guesses in prop::collection::vec(guess(), 10..60)) {
        run(guesses, Memory::default())?;
    }

    /// And for authorizations with all that can follow them.
    #[test]
    fn authorizations_are_completed_once_and_refunded_once(events in prop::collection::vec(life(), 10..120)) {
        run(events, Memory::default())?;
    }

    /// The same where what they are about has mostly left memory.
    #[test]
    fn what_left_memory_is_completed_once_and_refunded_once(
        events in prop::collection::vec(life(), 10..120),
        transactions in 0..20usize,
    ) {
        run(events, Memory { transactions, ..Memory::default() })?;
    }

    /// Whatever was done, its reversals bring back what was there, in whatever order they come. One that cannot be
    /// honoured yet, because the money went on, can be once the others have come.
    #[test]
    fn reversals_in_any_order_restore(
        events in prop::collection::vec(any_kind(), 10..80),
        order in prop::collection::vec(any::<usize>(), 90),
    ) {
        let mut traffic = Traffic::new(Memory::default());
        for event in events {
            traffic.play(event)?;
        }
        traffic.reverse_all(&order)?;
        traffic.check_restored()?;
    }

    /// And for one card in constant use, so that its limits and its account are.
    #[test]
    fn spending_never_exceeds_the_limits(spending in prop::collection::vec(spend(), 10..80)) {
        run(spending, Memory::default())?;
    }
}

fn run(events: Vec<Event>, memory: Memory) -> Result<(), TestCaseError> {
    let mut traffic = Traffic::new(memory);
    for event in events {
        traffic.play(event)?;
    }
    traffic.finish()
}

/// A failing seed goes into `properties.seeds` with the fix.
fn config() -> ProptestConfig {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/properties.seeds");
    let failure_persistence: Option<Box<dyn FailurePersistence>> =
        Some(Box::new(FileFailurePersistence::Direct(seeds)));
    ProptestConfig { cases: 256, failure_persistence, ..ProptestConfig::default() }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => draw().prop_map(Event::Request),
        14 => (any::<usize>(), findings()).prop_map(|(which, [cvv, arqc, pin])| Event::HsmReply { which, cvv, arqc, pin }),
        3 => any::<usize>().prop_map(|which| Event::Repeat { which }),
        1 => (any::<usize>(), amount()).prop_map(|(which, amount_minor)| Event::OtherContent { which, amount_minor }),
        3 => (any::<usize>(), prop::option::of(amount()), any::<bool>())
            .prop_map(|(which, stands_minor, says_time)| Event::Reversal { which, stands_minor, says_time }),
        1 => draw().prop_map(Event::EarlyReversal),
        3 => (any::<usize>(), dispense()).prop_map(|(which, dispense)| Event::Completion { which, dispense }),
        4 => follow(),
        2 => pause_ms().prop_map(|pause_ms| Event::Tick { pause_ms }),
        1 => Just(Event::Restart),
        1 => Just(Event::Snapshot),
    ]
}

fn follow() -> impl Strategy<Value = Event> {
    let follow = prop::sample::select(vec![
        Follow::Increment,
        Follow::Completion,
        Follow::CompletionAdvice,
        Follow::Refund,
    ]);
    (any::<usize>(), follow, 90..180u32, amount(), 0..3u8).prop_map(
        |(which, follow, stan, amount_minor, named)| Event::Follow {
            which,
            follow,
            stan,
            amount_minor,
            named,
        },
    )
}

/// One card whose authorizations are raised, completed and refunded in every order.
fn life() -> impl Strategy<Value = Event> {
    let one_card = (draw(), 1..2_500i64).prop_map(|(draw, amount_minor)| {
        let reading = Reading::Chip { atc_step: 1 };
        Event::Request(Draw { card: 0, terminal: 0, reading, has_pin: true, amount_minor, ..draw })
    });
    let right = Finding::Right;
    prop_oneof![
        4 => one_card,
        6 => Just(Event::HsmReply { which: 1, cvv: right, arqc: right, pin: right }),
        8 => follow(),
        2 => any::<usize>().prop_map(|which| Event::Repeat { which }),
        3 => (any::<usize>(), prop::option::of(1..2_500i64))
            .prop_map(|(which, stands_minor)| Event::Reversal { which, stands_minor, says_time: true }),
        2 => pause_ms().prop_map(|pause_ms| Event::Tick { pause_ms }),
        1 => Just(Event::Restart),
    ]
}

/// One card and every kind of transaction, within a day.
fn any_kind() -> impl Strategy<Value = Event> {
    let one_card = (draw(), 1..2_500i64).prop_map(|(draw, amount_minor)| {
        let reading = Reading::Chip { atc_step: 1 };
        Event::Request(Draw { card: 0, terminal: 0, reading, has_pin: true, amount_minor, ..draw })
    });
    let right = Finding::Right;
    prop_oneof![
        4 => one_card,
        5 => Just(Event::HsmReply { which: 1, cvv: right, arqc: right, pin: right }),
        4 => follow(),
        1 => any::<usize>().prop_map(|which| Event::Repeat { which }),
        1 => (any::<usize>(), prop::option::of(1..2_500i64))
            .prop_map(|(which, stands_minor)| Event::Reversal { which, stands_minor, says_time: true }),
    ]
}

fn guess() -> impl Strategy<Value = Event> {
    let one_card = draw().prop_map(|draw| {
        let reading = Reading::Chip { atc_step: 1 };
        Event::Request(Draw { card: 0, reading, has_pin: true, amount_minor: 100, ..draw })
    });
    let pin =
        prop_oneof![3 => Just(Finding::Wrong), 1 => Just(Finding::Right), 1 => Just(Finding::Unreadable)];
    prop_oneof![
        4 => one_card,
        4 => (any::<usize>(), pin).prop_map(|(which, pin)| {
            Event::HsmReply { which, cvv: Finding::Right, arqc: Finding::Right, pin }
        }),
        1 => any::<usize>().prop_map(|which| Event::Repeat { which }),
        1 => Just(Event::Tick { pause_ms: 5 }),
    ]
}

fn spend() -> impl Strategy<Value = Event> {
    let one_card = (draw(), 1..2_500i64).prop_map(|(draw, amount_minor)| {
        let reading = Reading::Chip { atc_step: 1 };
        Event::Request(Draw { card: 0, reading, has_pin: true, amount_minor, ..draw })
    });
    let right = Finding::Right;
    prop_oneof![
        8 => one_card,
        8 => Just(Event::HsmReply { which: 1, cvv: right, arqc: right, pin: right }),
        1 => any::<usize>().prop_map(move |which| Event::HsmReply { which, cvv: right, arqc: right, pin: right }),
        1 => (any::<usize>(), prop::option::of(1..2_500i64))
            .prop_map(|(which, stands_minor)| Event::Reversal { which, stands_minor, says_time: true }),
        1 => (any::<usize>(), dispense()).prop_map(|(which, dispense)| Event::Completion { which, dispense }),
        1 => pause_ms().prop_map(|pause_ms| Event::Tick { pause_ms }),
    ]
}

fn draw() -> impl Strategy<Value = Draw> {
    let kind = (card(), 0..town::TERMINALS, stan(), 0..10u8);
    (kind, reading(), prop::bool::weighted(0.9), amount()).prop_map(
        |((card, terminal, stan, kind), reading, has_pin, amount_minor)| Draw {
            card,
            terminal,
            stan,
            kind,
            reading,
            has_pin,
            amount_minor,
        },
    )
}

/// Some STANs come again soon, in the same second even.
fn stan() -> impl Strategy<Value = u32> {
    prop_oneof![1 => 1..4u32, 6 => 4..90u32]
}

/// The last one is not on file.
fn card() -> impl Strategy<Value = usize> {
    prop_oneof![16 => 0..town::CARDS, 1 => Just(town::CARDS)]
}

/// Mostly within the balances and limits, sometimes absurd.
fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![20 => 1..3_000i64, 3 => 3_000..30_000i64, 1 => prop::sample::select(vec![0, -1, i64::MIN, i64::MAX])]
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        12 => (1..3u16).prop_map(|atc_step| Reading::Chip { atc_step }),
        1 => prop::sample::select(vec![0, 999, 1_000, 60_000]).prop_map(|atc_step| Reading::Chip { atc_step }),
        4 => Just(Reading::Stripe),
        1 => Just(Reading::Manual),
    ]
}

fn findings() -> impl Strategy<Value = [Finding; 3]> {
    let finding = || {
        prop_oneof![
            40 => Just(Finding::Right),
            5 => Just(Finding::Wrong),
            1 => Just(Finding::Unreadable),
            1 => Just(Finding::Failed),
            1 => Just(Finding::Missing),
        ]
    };
    [finding(), finding(), finding()]
}

fn dispense() -> impl Strategy<Value = Dispense> {
    prop_oneof![
        4 => Just(Dispense::All),
        1 => Just(Dispense::Unknown),
        3 => amount().prop_map(Dispense::Part),
    ]
}

/// From milliseconds over the deadline of the HSM and midnight to the end of holds and retention.
fn pause_ms() -> impl Strategy<Value = i64> {
    const HOUR_MS: i64 = 3_600_000;
    prop_oneof![8 => 0..50i64, 2 => 1_000..3_000i64, 1 => Just(6 * HOUR_MS), 2 => Just(80 * HOUR_MS)]
}
