//! What do policy rules cost per authorization?
//!
//! None of the rules holds, so all of them are asked: 3 as a small issuer has, and 30.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rules::{Facts, Program, RuleSource};
use std::hint::black_box;

fn evaluate(criterion: &mut Criterion) {
    let facts = Facts {
        transaction: "purchase",
        amount: 1999,
        currency: "USD",
        mcc: 5411,
        entry_mode: "chip",
        pin_present: true,
        hour: 14,
        country: 840,
        link: "bench",
        terminal: "LOAD0001",
        merchant: "CORNERSHOP00042",
        product: "debit",
        scheme: "visa",
        balance_available: 1_000_000,
        daily_amount: 5_000,
        daily_count: 3,
    };
    let mut group = criterion.benchmark_group("evaluate");
    for count in [3, 30] {
        let program = program(count);
        let outcome = program.evaluate(&facts);
        assert_eq!((outcome.decision, outcome.flags, outcome.errors), (None, 0, 0), "no rule holds");
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} rules"), |bencher| {
            bencher.iter(|| program.evaluate(black_box(&facts)));
        });
    }
    group.finish();
}

/// The conditions in turn, as often as needed.
fn program(count: usize) -> Program {
    let names: Vec<String> = (0..count).map(|index| format!("rule {index}")).collect();
    let sources: Vec<RuleSource<'_>> = names
        .iter()
        .zip(CONDITIONS.iter().cycle())
        .map(|(name, when)| RuleSource { name, when, action: "decline", code: None })
        .collect();
    Program::compile(&sources).expect("the rules are sound")
}

const CONDITIONS: [&str; 3] = [
    r#"transaction == "withdrawal" && entry_mode in ["stripe", "fallback"] && amount > 50000"#,
    r#"country in [408, 364] || (mcc in [7995, 6051] && daily_count >= 5)"#,
    "(hour < 5 || hour >= 23) && amount * 2 > balance_available && !pin_present",
];

criterion_group!(benches, evaluate);
criterion_main!(benches);
