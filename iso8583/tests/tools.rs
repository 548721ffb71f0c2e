//! What every tool keeps to, whatever the message: no byte is left out of a view, a redacted message is
//! sound, nothing differs from itself.

#![allow(dead_code, reason = "of the support each test uses its part")]

mod support;

use iso8583::annotate::{annotate, annotate_leading};
use iso8583::difference::differences;
use iso8583::dump::{Show, fields_as_text};
use iso8583::lint::lint;
use iso8583::redact::redact;
use iso8583::{Dialect, Message, parse, parse_leading};
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;
use support::{drafts, random_dialects};

fn compiled_in() -> impl Strategy<Value = Arc<Dialect>> {
    select(Dialect::names().filter_map(Dialect::by_name).map(Arc::clone).collect::<Vec<_>>())
}

/// All bytes that stand in a view.
fn bytes_of(view: &str) -> String {
    view.lines().flat_map(|line| line.chars().skip(7).take(48)).filter(|digit| *digit != ' ').collect()
}

fn check_tools(message: &Message<'_>) {
    assert_eq!(bytes_of(&annotate(message, Show::Unmasked)), hex::encode_upper(message.frame()));
    let masked = annotate(message, Show::Masked);
    assert_eq!(masked.lines().count() > 1, !message.frame().is_empty());
    assert!(differences(message, message, Show::Masked).is_empty());
    let _ = lint(message);
}

fn check_redacted(message: &Message<'_>) {
    let redacted = redact(message);
    let after = parse(&redacted, message.dialect()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(after.bitmap(), message.bitmap());
    assert_eq!(redact(&after), redacted);
    for (field, text) in fields_as_text(message, Show::Masked) {
        let [before, after] = [message, &after].map(|message| message.wire(field).unwrap());
        assert_eq!(before.len(), after.len(), "DE {field}");
        assert!(text.contains('*') || before == after, "DE {field} is open and was changed");
    }
    check_tools(&after);
    let _ = differences(message, &after, Show::Masked);
}

fn check_leading(frame: &[u8], dialect: &Dialect) {
    let (message, Some(error)) = parse_leading(frame, dialect) else { return };
    let view = annotate_leading(&message, &error, Show::Unmasked);
    assert_eq!(bytes_of(&view), hex::encode_upper(frame), "{view}");
    let _ = annotate_leading(&message, &error, Show::Masked);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn messages_of_the_dialects_here(draft in drafts(compiled_in())) {
        let frame = draft.encode();
        let message = parse(&frame, &draft.dialect).unwrap();
        check_tools(&message);
        check_redacted(&message);
    }

    #[test]
    fn messages_of_any_dialect(draft in drafts(random_dialects())) {
        let frame = draft.encode();
        let message = parse(&frame, &draft.dialect).unwrap();
        check_tools(&message);
        prop_assert_eq!(redact(&message), frame);
    }

    #[test]
    fn frames_that_are_broken(
        draft in drafts(prop_oneof![compiled_in(), random_dialects()]),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut frame = draft.encode();
        let at = at.index(frame.len());
        frame[at] = byte;
        if cut {
            frame.truncate(at);
        }
        check_leading(&frame, &draft.dialect);
        if let Ok(message) = parse(&frame, &draft.dialect) {
            check_tools(&message);
            check_redacted(&message);
        }
    }
}
