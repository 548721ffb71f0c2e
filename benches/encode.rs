//! How long does it take to write a message into a reused buffer?
//!
//! The response copies most of its fields out of the request and adds what was decided; the request is
//! written anew, every field from its value.

use benches::FIXTURES;
use criterion::{Criterion, criterion_group, criterion_main};
use iso8583::{EncodeError, Message, MessageWriter, field, parse};
use std::hint::black_box;

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for fixture in FIXTURES {
        let (frame, dialect) = (fixture.frame(), fixture.table());
        let request = parse(&frame, dialect).expect("a fixture is sound");
        let mut out = Vec::with_capacity(1024);
        group.bench_function(format!("{} response", fixture.dialect), |bencher| {
            bencher.iter(|| {
                out.clear();
                respond(black_box(&request), &mut out).expect("the response fits its dialect");
                black_box(&out);
            });
        });

        let values: Vec<(u8, Vec<u8>)> =
            request.fields().map(|(number, value)| (number, value.to_vec())).collect();
        group.bench_function(format!("{} request", fixture.dialect), |bencher| {
            bencher.iter(|| {
                out.clear();
                write(black_box(&request), black_box(&values), &mut out).expect("it was read by its dialect");
                black_box(&out);
            });
        });
        assert_eq!(out, frame, "the request is written as it was read");
    }
    group.finish();
}

/// An approval with authorization id and ARPC, as the switch answers.
fn respond(request: &Message<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let header = request.response_header();
    let mut writer = MessageWriter::begin(out, request.dialect(), &header, request.mti().response())?;
    for field in ECHOED_BEFORE {
        writer.copy(field, request)?;
    }
    writer.field(field::AUTHORIZATION_ID, b"000731")?;
    writer.field(field::RESPONSE_CODE, b"00")?;
    for field in ECHOED_BEHIND {
        writer.copy(field, request)?;
    }
    writer.field(field::ICC, &ISSUER_AUTHENTICATION)?;
    writer.finish();
    Ok(())
}

fn write(request: &Message<'_>, values: &[(u8, Vec<u8>)], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut writer = MessageWriter::begin(out, request.dialect(), request.header(), request.mti())?;
    for (number, value) in values {
        writer.field(*number, value)?;
    }
    writer.finish();
    Ok(())
}

const ECHOED_BEFORE: [u8; 11] = [
    field::PAN,
    field::PROCESSING_CODE,
    field::AMOUNT,
    field::TRANSMISSION_TIME,
    field::STAN,
    field::LOCAL_TIME,
    field::LOCAL_DATE,
    field::CARD_SEQUENCE,
    field::POS_CONDITION,
    field::ACQUIRER_ID,
    field::RRN,
];

const ECHOED_BEHIND: [u8; 3] = [field::TERMINAL_ID, field::MERCHANT_ID, field::CURRENCY];

/// Tag 91 with an ARPC of method 1.
const ISSUER_AUTHENTICATION: [u8; 12] = [0x91, 10, 1, 2, 3, 4, 5, 6, 7, 8, b'0', b'0'];

criterion_group!(benches, encode);
criterion_main!(benches);
