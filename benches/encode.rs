//! How long does it take to write a message into a reused buffer?
//!
//! The request is written anew, every field from its value and checked; the response repeats what the
//! dialect's rules say and adds what was decided.

use benches::FIXTURES;
use criterion::{Criterion, criterion_group, criterion_main};
use iso8583::{EncodeError, Message, MessageWriter, field, parse};
use std::hint::black_box;

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for fixture in FIXTURES {
        let (frame, dialect) = (fixture.frame(), fixture.table());
        let request = parse(&frame, &dialect).expect("a fixture is sound");
        let mut out = Vec::with_capacity(2048);
        let values: Vec<(u8, Vec<u8>)> =
            request.fields().map(|(number, value)| (number, value.to_vec())).collect();
        group.bench_function(format!("{}, request", fixture.name), |bencher| {
            bencher.iter(|| {
                out.clear();
                write(black_box(&request), black_box(&values), &mut out).expect("it was read by its dialect");
                black_box(&out);
            });
        });
        assert_eq!(out, frame, "the request is written as it was read");
        group.bench_function(format!("{}, response", fixture.name), |bencher| {
            bencher.iter(|| {
                out.clear();
                respond(black_box(&request), &mut out).expect("the response fits its dialect");
                black_box(&out);
            });
        });
    }
    group.finish();
}

/// An approval with authorization id and ARPC, as the switch answers.
fn respond(request: &Message<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut writer = MessageWriter::respond(out, request)?;
    writer.field(field::AUTHORIZATION_ID, b"000731")?;
    writer.field(field::RESPONSE_CODE, b"00")?;
    writer.field(field::ICC, &ISSUER_AUTHENTICATION)?;
    writer.finish()
}

fn write(request: &Message<'_>, values: &[(u8, Vec<u8>)], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut writer = MessageWriter::begin(out, request.dialect(), request.header(), request.mti())?;
    writer.fields(values.iter().map(|(number, value)| (*number, value.as_slice())))?;
    writer.finish()
}

/// Tag 91 with an ARPC of method 1.
const ISSUER_AUTHENTICATION: [u8; 12] = [0x91, 10, 1, 2, 3, 4, 5, 6, 7, 8, b'0', b'0'];

criterion_group!(benches, encode);
criterion_main!(benches);
