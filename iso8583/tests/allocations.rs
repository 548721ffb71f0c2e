//! Reading a message allocates nothing; nor does taking out its values, nor writing a message or a
//! response into a buffer that is large enough.

mod support;

use allocation_counter::measure;
use iso8583::{Dialect, Message, MessageWriter, field, parse};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::hint::black_box;
use std::sync::Arc;
use support::drafts;

/// Every compiled-in dialect, with fifty messages each that hold up to thirty of its data elements.
#[test]
fn nothing_is_allocated_per_message() {
    let mut runner = TestRunner::deterministic();
    for dialect in Dialect::names().filter_map(Dialect::by_name) {
        for _ in 0..50 {
            let draft = drafts(Just(Arc::clone(dialect))).new_tree(&mut runner).unwrap().current();
            let frame = draft.encode();
            let mut buffer = Vec::with_capacity(65_536);

            let parsing = measure(|| drop(black_box(parse(black_box(&frame), dialect))));
            assert_eq!(parsing.count_total, 0, "{}", dialect.name());

            let message = parse(&frame, dialect).unwrap();
            let decoding = measure(|| decode_all(&message, &mut buffer));
            assert_eq!(decoding.count_total, 0, "{}: {message:?}", dialect.name());

            buffer.clear();
            let writing = measure(|| write(&message, &draft.fields, &mut buffer));
            assert_eq!(writing.count_total, 0, "{}: {message:?}", dialect.name());
            assert_eq!(buffer, frame, "{}", dialect.name());

            buffer.clear();
            let answering = measure(|| answer(&message, &mut buffer));
            assert_eq!(answering.count_total, 0, "{}: {message:?}", dialect.name());
        }
    }
}

/// What cannot be read costs nothing either, however it is broken.
#[test]
fn nor_for_a_message_that_is_refused() {
    let dialect = Dialect::by_name("iso87_ascii").unwrap();
    let frame = b"0200D0200000000000000400000000000000164000001234567899000000001250000001301";
    assert!(parse(frame, dialect).is_ok());
    for length in 0..frame.len() {
        let refusing = measure(|| assert!(black_box(parse(&frame[..length], dialect)).is_err()));
        assert_eq!(refusing.count_total, 0, "{length}");
    }
}

/// The counter counts.
#[test]
fn an_allocation_would_be_seen() {
    let info = measure(|| drop(black_box(vec![1u8; 100])));
    assert_eq!(info.count_total, 1);
}

fn decode_all(message: &Message<'_>, buffer: &mut Vec<u8>) {
    for field in message.bitmap().fields() {
        buffer.clear();
        assert!(message.decode_into(field, buffer));
    }
}

fn write(message: &Message<'_>, fields: &[(u8, Vec<u8>)], buffer: &mut Vec<u8>) {
    let mut writer =
        MessageWriter::begin(buffer, message.dialect(), message.header(), message.mti()).unwrap();
    for (field, value) in fields {
        writer.field(*field, value).unwrap();
    }
    writer.finish().unwrap();
}

fn answer(message: &Message<'_>, buffer: &mut Vec<u8>) {
    let mut writer = MessageWriter::respond(buffer, message).unwrap();
    let code: &[u8] = match message.dialect().edition().year() {
        1987 => b"00",
        1993 => b"000",
        _ => b"0000",
    };
    writer.field(field::RESPONSE_CODE, code).unwrap();
    writer.finish().unwrap();
}
