//! What must hold of any bytes that are read as a message.

use crate::samples;
use iso8583::annotate::{annotate, annotate_leading};
use iso8583::difference::differences;
use iso8583::dump::{Show, contents, encode_contents, fields_as_text};
use iso8583::lint::lint;
use iso8583::redact::redact;
use iso8583::{
    Class, Dialect, FieldSpec, Message, MessageWriter, ParseError, Sensitivity, composite, field, parse,
    parse_leading,
};

/// Reads a frame in every way there is. Panics when two ways differ, or a promise of the documentation
/// is broken. `other` is a dialect to translate it into.
pub fn check(frame: &[u8], dialect: &Dialect, other: &Dialect) {
    let (leading, fault) = parse_leading(frame, dialect);
    match parse(frame, dialect) {
        Ok(message) => {
            assert_eq!(fault, None);
            assert_eq!((message.mti(), message.bitmap()), (leading.mti(), leading.bitmap()));
            assert_eq!(message.layout(), leading.layout());
            assert_eq!(values(&message), values(&leading));
            accepted(&message, other);
        }
        Err(error) => {
            assert_eq!(fault, Some(error));
            refused(&leading, &error);
        }
    }
}

/// The same of a short frame with one byte of it changed in every way: chance alone seldom leaves all
/// others as they are. Which byte, the frame says.
pub fn check_neighbours(frame: &[u8], dialect: &Dialect) {
    if frame.len() > 64 || parse(frame, dialect).is_err() {
        return;
    }
    let mut changed = frame.to_vec();
    let place = frame.iter().fold(0usize, |sum, byte| (31 * sum + usize::from(*byte)) % 65_521) % frame.len();
    for byte in 0..=u8::MAX {
        changed[place] = byte;
        let (_, fault) = parse_leading(&changed, dialect);
        match parse(&changed, dialect) {
            Ok(message) => {
                assert_eq!(fault, None);
                written_anew(&message);
            }
            Err(error) => assert_eq!(fault, Some(error)),
        }
    }
}

type Values = Vec<(u8, Vec<u8>)>;

fn values(message: &Message<'_>) -> Values {
    message.fields().map(|(field, value)| (field, value.to_vec())).collect()
}

/// Values without what a dialect may change: which separator a track has.
fn comparable(message: &Message<'_>) -> Values {
    let mut values = values(message);
    for (field, value) in &mut values {
        if message.dialect().field(*field).is_some_and(|spec| spec.class == Class::Z) {
            value.iter_mut().filter(|byte| **byte == b'=').for_each(|byte| *byte = b'D');
        }
    }
    values
}

fn refused(leading: &Message<'_>, error: &ParseError) {
    assert!(error.offset <= leading.frame().len());
    assert!(!error.to_string().is_empty());
    // Showing one costs many times what refusing it does, and most are refused: one in eight is enough.
    if !leading.frame().len().is_multiple_of(8) {
        return;
    }
    let _ = (leading.to_string(), fields_as_text(leading, Show::Masked));
    let _ = annotate_leading(leading, error, Show::Masked);
    covers(&annotate_leading(leading, error, Show::Unmasked), leading.frame());
}

fn accepted(message: &Message<'_>, other: &Dialect) {
    places(message);
    written_anew(message);
    answered(message);
    translated(message, other);
    taken_apart(message);
    shown(message);
    redacted(message);
    covers(&annotate(message, Show::Unmasked), message.frame());
    let _ = (annotate(message, Show::Masked), composite::check(message));
    let _ = message.dialect().rules().check_all(message);
    for finding in lint(message) {
        assert!(!finding.text.is_empty() && !finding.to_string().is_empty());
    }
    assert_eq!(differences(message, message, Show::Unmasked), []);
}

/// The fields lie one after the other up to the end of the frame, and every way to a value leads to the
/// same one.
fn places(message: &Message<'_>) {
    let mut end = message.layout().fields;
    let mut decoded = Vec::new();
    for (number, value) in message.fields() {
        let (start, wire) = (message.offset(number).unwrap(), message.wire(number).unwrap());
        assert!(start >= end && message.frame()[start..].starts_with(wire));
        end = start + wire.len();
        assert!(wire.ends_with(message.raw(number).unwrap()));
        assert_eq!(*message.value(number).unwrap(), *value);
        decoded.clear();
        assert!(message.decode_into(number, &mut decoded));
        assert_eq!(decoded, *value);
        let binary = message.dialect().field(number).is_none_or(FieldSpec::is_binary);
        assert!(binary || value.as_str().is_some(), "text is UTF-8");
        assert_eq!(message.number(number), value.number());
    }
    assert!(end <= message.frame().len());
}

/// Values that were read can be written, in one call, in many or by copying, and are read back.
fn written_anew(message: &Message<'_>) {
    let dialect = message.dialect();
    let mut at_once = Vec::new();
    let mut writer = begin(&mut at_once, message);
    writer.fields(message.fields()).unwrap_or_else(|error| panic!("{error}"));
    writer.finish().unwrap_or_else(|error| panic!("{error}"));
    let again = parse(&at_once, dialect).unwrap_or_else(|error| panic!("{error}"));
    let same = |again: &Message<'_>| {
        assert_eq!((again.mti(), again.bitmap()), (message.mti(), message.bitmap()));
        assert_eq!(again.header().len(), message.header().len());
        assert_eq!(comparable(again), comparable(message));
    };
    same(&again);
    let mut one_by_one = Vec::new();
    let mut writer = begin(&mut one_by_one, message);
    for (field, value) in message.fields() {
        writer.field(field, &value).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(one_by_one, at_once);
    let mut copied = Vec::new();
    let mut writer = begin(&mut copied, message);
    for field in message.bitmap().fields() {
        writer.copy(field, message).unwrap();
    }
    writer.finish().unwrap();
    let again = parse(&copied, dialect).unwrap_or_else(|error| panic!("{error}"));
    same(&again);
    assert_eq!(values(&again), values(message));
}

fn begin<'w>(out: &'w mut Vec<u8>, message: &'w Message<'_>) -> MessageWriter<'w> {
    let writer = MessageWriter::begin(out, message.dialect(), message.header(), message.mti());
    writer.unwrap_or_else(|error| panic!("{error}"))
}

/// A response is a message that repeats fields of its request, or there is none and nothing is left of it.
fn answered(message: &Message<'_>) {
    const KEPT: &[u8] = b"kept";
    for own in [None, Some(field::RESPONSE_CODE)] {
        let mut out = KEPT.to_vec();
        let written = MessageWriter::respond(&mut out, message).and_then(|mut writer| {
            if let Some(own) = own {
                writer.field(own, b"00")?;
            }
            writer.finish()
        });
        let frame = out.strip_prefix(KEPT).expect("what stood in front is kept");
        if written.is_err() {
            assert!(frame.is_empty(), "half a response is left");
            continue;
        }
        let response = parse(frame, message.dialect()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(response.mti(), message.mti().response());
        assert_eq!(response.header().len(), message.header().len());
        for (number, value) in response.fields().filter(|(number, _)| Some(*number) != own) {
            assert_eq!(*message.value(number).unwrap(), *value);
        }
    }
}

/// What another dialect agrees to write, it reads back.
fn translated(message: &Message<'_>, other: &Dialect) {
    let mut out = Vec::new();
    let Ok(mut writer) = MessageWriter::begin(&mut out, other, &samples::header(other), message.mti()) else {
        return;
    };
    let mut written = Vec::new();
    for (number, value) in message.fields() {
        if writer.field(number, &value).is_ok() {
            written.push((number, value.to_vec()));
        }
    }
    if writer.finish().is_err() {
        assert!(out.is_empty());
        return;
    }
    let read = parse(&out, other).unwrap_or_else(|error| panic!("{error}"));
    for (number, value) in &mut written {
        if other.field(*number).is_some_and(|spec| spec.class == Class::Z) {
            value.iter_mut().filter(|byte| **byte == b'=').for_each(|byte| *byte = b'D');
        }
    }
    assert_eq!(comparable(&read), written);
    let _ = differences(message, &read, Show::Masked);
}

/// Put together from its parts it is the same message.
fn taken_apart(message: &Message<'_>) {
    let dialect = message.dialect();
    let whole = contents(message, Show::Unmasked);
    let written = encode_contents(dialect, message.header(), message.mti(), &whole);
    let written = written.unwrap_or_else(|error| panic!("{error}"));
    let again = parse(&written, dialect).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(comparable(&again), comparable(message));
    let _ = contents(message, Show::Masked);
}

/// Masked text is as long as clear text and hides card numbers, tracks and PIN blocks.
fn shown(message: &Message<'_>) {
    let _ = message.to_string();
    let (masked, clear) = (fields_as_text(message, Show::Masked), fields_as_text(message, Show::Unmasked));
    for ((number, masked), (_, clear)) in masked.iter().zip(&clear) {
        let Some(spec) = message.dialect().field(*number) else { continue };
        assert_eq!(masked.chars().count(), clear.chars().count(), "DE {number}");
        let digits = clear.bytes().filter(u8::is_ascii_digit).count();
        let hides = matches!(spec.sensitivity, Sensitivity::Pan | Sensitivity::Track | Sensitivity::Secret);
        if hides && spec.composite.is_none() && digits > 10 {
            assert_ne!(masked, clear, "DE {number}");
        }
        let builtin = Dialect::by_name(message.dialect().name());
        if builtin.is_some_and(|builtin| std::ptr::eq(&**builtin, message.dialect())) {
            assert!(hides || !matches!(number, 2 | 35 | 52), "DE {number} is card data");
        }
        if *number == 2 && spec.sensitivity == Sensitivity::Pan && masked.is_ascii() && masked.len() > 10 {
            assert!(masked[6..masked.len() - 4].bytes().all(|byte| byte == b'*'));
        }
    }
}

/// Without its card data it is a message of the dialect still, shows what a dump shows, and has nothing
/// of what a dump hides.
fn redacted(message: &Message<'_>) {
    let frame = redact(message);
    let after = parse(&frame, message.dialect()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(frame.len(), message.frame().len());
    assert_eq!(
        (after.mti(), after.bitmap(), after.header()),
        (message.mti(), message.bitmap(), message.header())
    );
    assert_eq!(redact(&after), frame, "redacted twice it differs");
    let (masked, clear) = (fields_as_text(message, Show::Masked), fields_as_text(message, Show::Unmasked));
    for (((number, masked), (_, clear)), (_, after)) in
        masked.iter().zip(&clear).zip(&fields_as_text(&after, Show::Unmasked))
    {
        if !clear.is_ascii() {
            continue;
        }
        assert_eq!(after.len(), clear.len(), "DE {number}");
        // Of a card number within chip data six and four digits stay, where a dump has stars only.
        let chip = message
            .dialect()
            .field(*number)
            .is_none_or(|spec| spec.sensitivity == Sensitivity::Chip || spec.composite.is_some());
        for ((masked, clear), after) in masked.bytes().zip(clear.bytes()).zip(after.bytes()) {
            if masked != b'*' {
                assert_eq!(after, clear, "DE {number}: what is shown has changed");
            } else if !chip && clear.is_ascii_alphanumeric() {
                assert!(b"0XDF".contains(&after), "DE {number}: what is hidden is there");
            }
        }
    }
    let _ = differences(message, &after, Show::Masked).iter().map(ToString::to_string).count();
}

/// The bytes beside an unmasked view are those of the frame, each once and at its offset.
fn covers(view: &str, frame: &[u8]) {
    let mut bytes = Vec::new();
    for line in view.lines() {
        let columns = line.get(..line.len().min(55)).unwrap_or_default();
        let Some((offset, pairs)) = columns.split_at_checked(5) else { continue };
        let Ok(offset) = offset.trim_start().parse::<usize>() else { continue };
        let pairs: Vec<&str> = pairs.split_whitespace().collect();
        if !pairs.is_empty() {
            assert_eq!(offset, bytes.len(), "{line}");
        }
        for pair in pairs {
            bytes.push(u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{line}")));
        }
    }
    assert!(bytes == frame, "the view lacks bytes of the frame");
}
