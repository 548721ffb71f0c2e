//! What does the core cost per authorization, without wire, HSM and disk?
//!
//! A purchase with chip and PIN from request to record: admission, checks for the HSM, its answer, limits,
//! funds, receipt, the state change and the response; the record is given back for the next one. 1,000 cards, one purchase of each; a fresh core each
//! time, so that what the core remembers does not grow with the length of the measurement.

use benches::Bank;
use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group, criterion_main};

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
    bencher.iter_batched_ref(
        || {
            let mut bank = bank(CARDS);
            // One round before: cards have counters, and tables of transactions have room.
            bank.serve(bank.purchases(1));
            let requests = bank.purchases(2);
            (bank, Some(requests))
        },
        |(bank, requests)| bank.serve(requests.take().unwrap_or_default()),
        BatchSize::LargeInput,
    );
}

const CARDS: u32 = 1000;

criterion_group!(benches, authorize);
criterion_main!(benches);
