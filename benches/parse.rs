//! How long does it take to find and check every field of a request?
//!
//! And how much more to take out all values, or the twelve that an authorization looks at. The counter of
//! instructions is `instructions.sh`.

use benches::FIXTURES;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use iso8583::{field, parse};
use std::hint::black_box;

fn parse_request(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for fixture in FIXTURES {
        let (frame, dialect) = (fixture.frame(), fixture.table());
        parse(&frame, &dialect).expect("a fixture is sound");
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(format!("{}, locate", fixture.name), |bencher| {
            bencher.iter(|| black_box(parse(black_box(&frame), &dialect)).is_ok());
        });
        group.bench_function(format!("{}, decode all", fixture.name), |bencher| {
            bencher.iter(|| {
                let message = parse(black_box(&frame), &dialect).expect("a fixture is sound");
                for (_, value) in message.fields() {
                    black_box(&*value);
                }
            });
        });
        group.bench_function(format!("{}, 12 fields taken out", fixture.name), |bencher| {
            bencher.iter(|| {
                let message = parse(black_box(&frame), &dialect).expect("a fixture is sound");
                for field in TAKEN {
                    black_box(message.value(field));
                }
            });
        });
    }
    group.finish();
}

/// What becomes part of an `auth::Request`.
const TAKEN: [u8; 12] = [
    field::PAN,
    field::PROCESSING_CODE,
    field::AMOUNT,
    field::STAN,
    field::EXPIRY,
    field::MCC,
    field::POS_ENTRY_MODE,
    field::CARD_SEQUENCE,
    field::RRN,
    field::TERMINAL_ID,
    field::PIN_BLOCK,
    field::ICC,
];

criterion_group!(benches, parse_request);
criterion_main!(benches);
