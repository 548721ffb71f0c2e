//! What does the core cost per authorization, without wire, HSM and disk?
//!
//! A purchase with chip and PIN from request to record: admission, checks for the HSM, its answer, limits,
//! funds, receipt, the state change and the response; the record is given back for the next one. 1,000 cards, one
//! purchase of each at a time. The core remembers ten of each, and lets the oldest go for each new one.

use benches::Bank;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use std::cell::RefCell;

fn authorize(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    group.throughput(Throughput::Elements(u64::from(CARDS)));
    measure(&mut group, "1000 authorizations", Bank::new);
    measure(&mut group, "1000 authorizations, 20 rules and 10 limits", Bank::strict);
    group.finish();
}

/// One bank for all samples: a fresh one meets memory that nobody has used before, page by page.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, bank: fn(u32) -> Bank) {
    let bank = RefCell::new(bank(CARDS));
    let rounds = RefCell::new(1u16..);
    let next =
        || bank.borrow().purchases(rounds.borrow_mut().next().expect("fewer rounds than an ATC counts"));
    // Until cards have counters, what is decided pushes out what was, and memory is in use.
    for _ in 0..WARM_UP {
        let requests = next();
        bank.borrow_mut().serve(requests);
    }
    group.bench_function(name, |bencher| {
        bencher.iter_batched(next, |requests| bank.borrow_mut().serve(requests), BatchSize::LargeInput);
    });
}

const CARDS: u32 = 1000;
const WARM_UP: usize = 200;

criterion_group!(benches, authorize);
criterion_main!(benches);
