//! Whatever comes in whatever order, the money, the limits and the counters stay right. A slow and
//! simple model (`support/ledger.rs`) says what right is.

#[path = "support/bank.rs"]
mod bank;
#[path = "support/ledger.rs"]
mod ledger;
#[path = "support/traffic.rs"]
mod traffic;

use proptest::prelude::*;
use traffic::{Dispense, Draw, Event, Finding, Reading, Traffic};

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_keeps_money_limits_and_counters_right(events in prop::collection::vec(event(), 1..90)) {
        let mut traffic = Traffic::new();
        for event in events {
            traffic.play(event)?;
        }
        traffic.finish()?;
    }

    /// The same for one card whose PIN is guessed, so that the limit of tries is reached every time.
    #[test]
    fn guesses_never_exceed_the_pin_tries(guesses in prop::collection::vec(guess(), 10..60)) {
        let mut traffic = Traffic::new();
        for event in guesses {
            traffic.play(event)?;
        }
        traffic.finish()?;
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => draw().prop_map(Event::Request),
        8 => (any::<usize>(), findings()).prop_map(|(which, [cvv, arqc, pin])| Event::HsmReply { which, cvv, arqc, pin }),
        3 => any::<usize>().prop_map(|which| Event::Repeat { which }),
        1 => (any::<usize>(), amount()).prop_map(|(which, amount_minor)| Event::OtherContent { which, amount_minor }),
        3 => (any::<usize>(), prop::option::of(amount()), any::<bool>())
            .prop_map(|(which, stands_minor, says_time)| Event::Reversal { which, stands_minor, says_time }),
        1 => draw().prop_map(Event::EarlyReversal),
        3 => (any::<usize>(), dispense()).prop_map(|(which, dispense)| Event::Completion { which, dispense }),
        3 => pause_ms().prop_map(|pause_ms| Event::Tick { pause_ms }),
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

fn draw() -> impl Strategy<Value = Draw> {
    let kind = (0..traffic::CARDS + 1, 0..traffic::TERMINALS, 1..5u32, 0..4u8);
    (kind, reading(), any::<bool>(), amount()).prop_map(
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

/// Mostly within the balances and limits, sometimes absurd.
fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![12 => 1..4_000i64, 2 => 4_000..30_000i64, 1 => prop::sample::select(vec![0, -1, i64::MIN, i64::MAX])]
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        6 => (0..3u16).prop_map(|atc_step| Reading::Chip { atc_step }),
        1 => Just(Reading::Chip { atc_step: 60_000 }),
        3 => Just(Reading::Stripe),
        1 => Just(Reading::Manual),
    ]
}

fn findings() -> impl Strategy<Value = [Finding; 3]> {
    let finding = || {
        prop_oneof![
            12 => Just(Finding::Right),
            2 => Just(Finding::Wrong),
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
    prop_oneof![4 => 0..50i64, 3 => 1_000..3_000i64, 2 => Just(6 * HOUR_MS), 1 => Just(80 * HOUR_MS)]
}
