//! Runs one operation so many times, for `instructions.sh`, which counts instructions.
//!
//! `instructions parse|decode|encode|respond COUNT NAME`, where NAME is that of a fixture, or
//! `instructions authorize COUNT plain|strict`: so many rounds of one purchase by each of 100 cards.

use benches::{Bank, FIXTURES};
use iso8583::{MessageWriter, field, parse};
use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [operation, count, name] = arguments.as_slice() else { return usage() };
    if operation == "authorize" {
        return authorize(count, name);
    }
    let fixture = FIXTURES.into_iter().find(|fixture| fixture.name == name.as_str());
    let (Ok(count), Some(fixture)) = (count.parse::<usize>(), fixture) else { return usage() };
    let (frame, dialect) = (fixture.frame(), fixture.table());
    let message = parse(&frame, &dialect).expect("a fixture is sound");
    let values: Vec<(u8, Vec<u8>)> =
        message.fields().map(|(number, value)| (number, value.to_vec())).collect();
    let mut out = Vec::with_capacity(2048);
    for _ in 0..count {
        out.clear();
        match operation.as_str() {
            "parse" => drop(black_box(parse(black_box(&frame), &dialect))),
            "decode" => {
                let message = parse(black_box(&frame), &dialect).expect("a fixture is sound");
                for (_, value) in message.fields() {
                    black_box(&*value);
                }
            }
            "encode" => {
                let mut writer = MessageWriter::begin(&mut out, &dialect, message.header(), message.mti())
                    .expect("its own header");
                let fields = black_box(&values).iter().map(|(number, value)| (*number, value.as_slice()));
                writer.fields(fields).and_then(|()| writer.finish()).expect("it was read by its dialect");
            }
            "respond" => {
                let mut writer =
                    MessageWriter::respond(&mut out, black_box(&message)).expect("its own header");
                writer.field(field::AUTHORIZATION_ID, b"000731").expect("six characters");
                writer.field(field::RESPONSE_CODE, b"00").expect("two characters");
                writer.finish().expect("it fits its dialect");
            }
            _ => return usage(),
        }
        black_box(&out);
    }
    ExitCode::SUCCESS
}

/// What belongs to the core is within `Core::step` and `Core::reuse`.
fn authorize(rounds: &str, bank: &str) -> ExitCode {
    let mut bank = match bank {
        "plain" => Bank::new(100),
        "strict" => Bank::strict(100),
        _ => return usage(),
    };
    let Ok(rounds) = rounds.parse::<u16>() else { return usage() };
    for round in 1..=rounds {
        let requests = bank.purchases(round);
        bank.serve(requests);
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    let names: Vec<&str> = FIXTURES.iter().map(|fixture| fixture.name).collect();
    eprintln!("instructions parse|decode|encode|respond COUNT NAME, one of {}", names.join(", "));
    eprintln!("instructions authorize COUNT plain|strict");
    ExitCode::from(2)
}
