//! What do policy rules cost per authorization?
//!
//! A rule of five comparisons that all hold, asked alone; 20 rules of which one holds, as a usual institution
//! has; and 3 and 30 of which none does.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rules::{Facts, Program, RuleSource};
use std::hint::black_box;

fn evaluate(criterion: &mut Criterion) {
    let facts = Facts {
        transaction: "purchase",
        message: "financial",
        amount: 1999,
        currency: "USD",
        mcc: Some(5411),
        entry_mode: "chip",
        pin_present: true,
        chip_present: true,
        hour: 14,
        weekday: 3,
        country: Some(840),
        terminal_country: Some(840),
        link: "bench",
        terminal: "LOAD0001",
        merchant: Some("CORNERSHOP00042"),
        bin: "40000012",
        product: "debit",
        scheme: "visa",
        months_to_expiry: 20,
        atc: Some(77),
        account_kind: "default",
        balance_available: 1_000_000,
        daily_amount: 5_000,
        daily_count: 3,
        ..Facts::default()
    };
    let mut group = criterion.benchmark_group("evaluate");
    let five = RuleSource { name: "five", when: FIVE, action: "flag", ..RuleSource::default() };
    let five = Program::compile(&[five]).expect("the rule is sound");
    assert_eq!(five.evaluate(&facts).flags, 1, "all five comparisons hold");
    group.bench_function("five comparisons", |bencher| bencher.iter(|| five.evaluate(black_box(&facts))));
    let sums = RuleSource { name: "sums", when: SUMS, action: "flag", ..RuleSource::default() };
    let sums = Program::compile(&[sums]).expect("the rule is sound");
    assert_eq!(sums.evaluate(&facts).flags, 1, "the sum holds");
    group.bench_function("arithmetic", |bencher| bencher.iter(|| sums.evaluate(black_box(&facts))));
    let none = Program::default();
    group.bench_function("no rules", |bencher| bencher.iter(|| none.evaluate(black_box(&facts))));
    for (count, matching) in [(20, true), (3, false), (30, false)] {
        let program = program(count, matching);
        let outcome = program.evaluate(&facts);
        assert_eq!((outcome.decision, outcome.errors), (None, 0));
        assert_eq!(outcome.flags.count_ones(), u32::from(matching));
        group.throughput(Throughput::Elements(count as u64));
        let name = format!("{count} rules, {}", if matching { "one holds" } else { "none holds" });
        group.bench_function(name, |bencher| bencher.iter(|| program.evaluate(black_box(&facts))));
    }
    group.finish();
}

/// The conditions in turn, as often as needed; in the middle one that holds, when there is to be one.
fn program(count: usize, matching: bool) -> Program {
    let names: Vec<String> = (0..count).map(|index| format!("rule {index}")).collect();
    let mut sources: Vec<RuleSource<'_>> = names
        .iter()
        .zip(CONDITIONS.iter().cycle())
        .map(|(name, when)| RuleSource { name, when, action: "decline", ..RuleSource::default() })
        .collect();
    if matching {
        sources[count / 2] = RuleSource { when: FIVE, action: "flag", ..sources[count / 2] };
    }
    Program::compile(&sources).expect("the rules are sound")
}

const FIVE: &str =
    r#"amount > 1000 && hour >= 8 && daily_count < 5 && entry_mode == "chip" && country == 840"#;

const SUMS: &str = "daily_amount + amount > balance_available / 1000";

const CONDITIONS: [&str; 3] = [
    r#"transaction == "withdrawal" && entry_mode in ["stripe", "fallback"] && amount > 50000"#,
    r#"country in [408, 364] || (mcc in [7995, 6051] && daily_count >= 5)"#,
    "(hour < 5 || hour >= 23) && amount * 2 > balance_available && !pin_present",
];

criterion_group!(benches, evaluate);
criterion_main!(benches);
