//! What does the core cost per authorization, without wire, HSM and disk?
//!
//! A purchase with chip and PIN from request to record: admission, checks for the HSM, its answer, limits,
//! funds, receipt, the state change and the response; the record is given back for the next one. 1,000 cards, one
//! purchase of each at a time. The core remembers ten of each, and lets the oldest go for each new one.

use benches::Bank;
use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group, criterion_main};
use std::cell::RefCell;

fn authorize(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    group.throughput(Throughput::Elements(u64::from(CARDS)));
    group.bench_function("1000 authorizations", |bencher| measure(bencher, Bank::new));
    group.bench_function("1000 authorizations, 20 rules and 10 limits", |bencher| {
        measure(bencher, Bank::strict);
    });
    group.finish();
}

fn measure(bencher: &mut Bencher<'_>, bank: fn(u32) -> Bank) {
    let bank = RefCell::new(bank(CARDS));
    let mut rounds = 1u16..;
    let mut next = || bank.borrow().purchases(rounds.next().expect("fewer rounds than an ATC counts"));
    // Until cards have counters, and what is decided pushes out what was.
    for _ in 0..12 {
        let requests = next();
        bank.borrow_mut().serve(requests);
    }
    bencher.iter_batched(next, |requests| bank.borrow_mut().serve(requests), BatchSize::LargeInput);
}

const CARDS: u32 = 1000;

criterion_group!(benches, authorize);
criterion_main!(benches);
