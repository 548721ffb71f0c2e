//! Shows that no text makes the reader of dialect files panic, that a refusal says why, and that a dialect
//! which is accepted works: each of its data elements can be written and is read back, and its frames are
//! messages as the target `parse` asks for.
//!
//! Input: the text of a file.
#![no_main]

use iso8583::{Dialect, EncodeErrorKind, Mti, parse};
use libfuzzer_sys::fuzz_target;
use turnout_fuzz::samples::{self, Size};
use turnout_fuzz::{dialects, messages, seeds};

fuzz_target!(init: seeds::write(seeds::dialect), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains("based_on") {
        // A file may stand on files that are not compiled in, on itself even.
        let _ = Dialect::from_toml_with(text, |_| Some(text.to_owned()));
    }
    match Dialect::from_toml(text) {
        Ok(dialect) => works(&dialect),
        Err(error) => {
            let lines = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
            assert!(!error.faults.is_empty());
            for fault in &error.faults {
                assert!(!fault.reason.is_empty());
                assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "{fault}");
            }
            assert!(!error.to_string().is_empty());
        }
    }
});

fn works(dialect: &Dialect) {
    for size in [Size::Empty, Size::Usual, Size::Long] {
        for (field, spec) in dialect.fields() {
            let _ = spec.notation();
            let frame =
                match samples::message(dialect, Mti::FINANCIAL_REQUEST, size, |wanted| wanted == field) {
                    Ok(frame) => frame,
                    Err(error) if matches!(error.kind, EncodeErrorKind::FrameTooLong { .. }) => continue,
                    Err(error) => panic!("{error}"),
                };
            let message = parse(&frame, dialect).unwrap_or_else(|error| panic!("{error}"));
            assert!(message.has(field));
        }
    }
    let other = &dialects::all()[0];
    for size in [Size::Empty, Size::Usual] {
        let Ok(mut frame) = samples::message(dialect, Mti::FINANCIAL_REQUEST, size, |_| true) else {
            continue;
        };
        messages::check(&frame, dialect, other);
        frame.truncate(frame.len() - frame.len() / 3);
        messages::check(&frame, dialect, other);
        in_a_stream(&frame, dialect);
    }
}

/// A message can be sent and received by the dialect's own framing.
fn in_a_stream(message: &[u8], dialect: &Dialect) {
    let framing = dialect.framing();
    let mut out = Vec::new();
    let start = framing.begin(&mut out);
    out.extend_from_slice(message);
    if framing.finish(&mut out, start).is_err() {
        return;
    }
    let frame = framing.next_frame(&out, dialect.max_frame()).unwrap().unwrap();
    let body = &out[frame.body];
    assert!(body == message || framing.prefix.is_none() && message.starts_with(body));
}
