//! Message type, bitmaps, characters of binary.

use super::{Findings, Severity};
use crate::dialect::{BitmapEncoding, Encoding, Secondary, Tertiary};
use crate::{Bitmap, Message};

pub(super) fn check(message: &Message<'_>, findings: &mut Findings) {
    message_type(message, findings);
    bitmaps(message, findings);
    lower_case(message, findings);
}

fn message_type(message: &Message<'_>, findings: &mut Findings) {
    let mti = message.mti();
    let year = message.dialect().edition().year();
    let mut tell = |text: String| findings.tell(Severity::Warning, 0, &[], format!("MTI {mti}: {text}"));
    let of = match mti.version() {
        0 => Some(1987),
        1 => Some(1993),
        2 => Some(2003),
        _ => None,
    };
    match (of, mti.version()) {
        (Some(of), _) if of != year => tell(format!("of the edition of {of}, the dialect is of {year}")),
        (None, 3..=7) => tell("no edition of the standard begins with this digit".to_owned()),
        _ => {}
    }
    // Versions 8 and 9 mean by the other digits what they want.
    if of.is_none() {
        return;
    }
    if !(1..=8).contains(&mti.class()) {
        tell("the second digit is no class of messages".to_owned());
    }
    // 5 to 7 came with the edition of 2003.
    let functions = if mti.version() == 2 { 0..=7 } else { 0..=4 };
    if !functions.contains(&mti.function()) {
        tell("the third digit is no function".to_owned());
    }
    if mti.origin() > 5 {
        tell("the last digit is no origin".to_owned());
    }
}

/// Bitmaps that are there without need.
fn bitmaps(message: &Message<'_>, findings: &mut Findings) {
    let (spec, layout) = (message.dialect().bitmap(), message.layout());
    let count = (layout.fields - layout.bitmaps) / spec.encoding.width();
    let any_above = |field: u8| message.bitmap().fields().any(|present| present > field);
    let third = match spec.tertiary {
        Tertiary::None => false,
        Tertiary::AfterSecondary => count > 2,
        Tertiary::De65 { .. } => message.starts[1][0] != 0,
    };
    if third && !any_above(128) {
        findings.tell(Severity::Note, 0, &[], "the third bitmap is there and empty");
    }
    if spec.secondary == Secondary::ByBit1 && count > 1 && !third && !any_above(64) {
        findings.tell(Severity::Note, 0, &[], "the second bitmap is there and empty");
    }
}

/// Hexadecimal in lower case is read, but hardly anybody writes it.
fn lower_case(message: &Message<'_>, findings: &mut Findings) {
    let (spec, layout) = (message.dialect().bitmap(), message.layout());
    let bitmaps = message.frame().get(layout.bitmaps..layout.fields).unwrap_or_default();
    if spec.encoding == BitmapEncoding::Hex && bitmaps.iter().any(u8::is_ascii_lowercase) {
        findings.tell(Severity::Note, 0, &[], "a bitmap in lower-case hexadecimal");
    }
    for field in Bitmap::fields(message.bitmap()) {
        let encoding = message.dialect().field(field).map(|spec| spec.encoding);
        let (Some(Encoding::Hex(charset)), Some(raw)) = (encoding, message.raw(field)) else { continue };
        if raw.iter().any(|byte| charset.ascii(*byte).is_some_and(|digit| digit.is_ascii_lowercase())) {
            findings.tell(Severity::Note, field, &[], "lower-case hexadecimal");
        }
    }
}
