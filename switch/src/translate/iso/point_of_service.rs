//! How and where the card was read: DE 22, DE 25, and what the terminal says of itself in DE 55.
//!
//! | Place | Form | Read |
//! | --- | --- | --- |
//! | DE 22 | three digits (1987), or four (Visa, the last one of no meaning) | entry mode, whether a PIN can be entered |
//! | DE 22 | twelve positions (1993) | 1 what the terminal reads, 2 and 12 PIN, 4 attendance, 5 cardholder, 6 card, 7 entry mode |
//! | DE 25 | two digits (1987) | cardholder and card present, attendance |
//! | 9F39 | two digits | entry mode, where DE 22 does not say |
//! | 9F33, 9F35 | EMV Book 4, annex A | what the terminal reads, attendance |
//!
//! DE 60 and 61 belong to the networks; their positions are in documents that are not public, so what they say
//! is not guessed at. A link's conventions say where which code means which entry mode, and the terminal's
//! configuration (`reads_chip`, `attended`) the rest.

use super::Conventions;
use crate::translate::chip::Objects;
use auth::{EntryMode, PointOfService};
use iso8583::{Message, field};

/// How the card was read. Where DE 22 is absent, or says nothing known here, the best proof in the message
/// says it: chip data, else track 2, else nothing does.
///
/// 91 (stripe data over the air) counts as a stripe: its CVV is of the moment, so it fails the check of
/// the static one rather than pass unchecked.
pub(super) fn entry(
    message: &Message<'_>,
    objects: Option<&Objects<'_>>,
    conventions: &Conventions,
) -> EntryMode {
    if let Some(mode) = conventions.entry_mode(message) {
        return mode;
    }
    let of_chip = objects.and_then(Objects::entry_mode).and_then(named);
    let said = match positions(message) {
        // The standard of 1993 has one code for both ways to a chip.
        Some(positions) => match by_position(&positions) {
            Some(EntryMode::Chip) if of_chip == Some(EntryMode::Contactless) => of_chip,
            said => said,
        },
        None => digits(message).and_then(|[tens, units, _]| named(tens * 10 + units)),
    };
    said.or(of_chip).unwrap_or(if message.has(field::ICC) {
        EntryMode::Chip
    } else if message.has(field::TRACK_2) {
        EntryMode::Stripe
    } else {
        EntryMode::Unknown
    })
}

/// Where the card was read. DE 22 and DE 25 come from the acquirer, what is in DE 55 from the terminal
/// itself; where they differ the acquirer's word counts.
pub(super) fn place(message: &Message<'_>, objects: Option<&Objects<'_>>) -> PointOfService {
    let said = match positions(message) {
        Some(positions) => place_by_position(&positions),
        None => PointOfService { takes_pin: takes_pin(message), ..condition(message) },
    };
    let terminal = objects.map(Objects::point_of_service).unwrap_or_default();
    PointOfService {
        reads_chip: said.reads_chip.or(terminal.reads_chip),
        takes_pin: said.takes_pin.or(terminal.takes_pin),
        attended: said.attended.or(terminal.attended),
        card_present: said.card_present,
        holder_present: said.holder_present,
    }
}

/// Entry mode of two digits.
fn named(mode: u64) -> Option<EntryMode> {
    match mode {
        5 | 95 => Some(EntryMode::Chip),
        7 => Some(EntryMode::Contactless),
        2 | 90 => Some(EntryMode::Stripe),
        91 => Some(EntryMode::ContactlessStripe),
        80 => Some(EntryMode::Fallback),
        1 | 6 | 79 => Some(EntryMode::Manual),
        10 => Some(EntryMode::CredentialOnFile),
        81 => Some(EntryMode::Ecommerce),
        _ => None,
    }
}

/// The first three digits of DE 22 of 1987.
fn digits(message: &Message<'_>) -> Option<[u64; 3]> {
    let value = message.value(field::POS_ENTRY_MODE)?;
    let digits: &[u8; 3] = value.first_chunk()?;
    (value.len() <= 4 && value.iter().all(u8::is_ascii_digit))
        .then(|| digits.map(|digit| u64::from(digit - b'0')))
}

/// Third digit of DE 22 of 1987.
fn takes_pin(message: &Message<'_>) -> Option<bool> {
    match digits(message)? {
        [.., 1] => Some(true),
        // 8 is a PIN pad out of order.
        [.., 2 | 8] => Some(false),
        _ => None,
    }
}

/// DE 25 of 1987; codes from 28 on are the networks' own.
fn condition(message: &Message<'_>) -> PointOfService {
    let nothing = PointOfService::default();
    match message.number(field::POS_CONDITION) {
        Some(0) => PointOfService { card_present: Some(true), holder_present: Some(true), ..nothing },
        Some(1 | 7 | 8) => {
            PointOfService { card_present: Some(false), holder_present: Some(false), ..nothing }
        }
        Some(2 | 27) => PointOfService { attended: Some(false), ..nothing },
        Some(5) => PointOfService { card_present: Some(false), holder_present: Some(true), ..nothing },
        _ => nothing,
    }
}

/// DE 22 of 1993.
fn positions(message: &Message<'_>) -> Option<[u8; 12]> {
    message.value(field::POS_ENTRY_MODE).and_then(|value| <[u8; 12]>::try_from(&*value).ok())
}

/// Position 7, but for a standing authorization of position 5. Letters are the networks' own.
fn by_position(positions: &[u8; 12]) -> Option<EntryMode> {
    if positions[4] == b'4' {
        return Some(EntryMode::Recurring);
    }
    match positions[6] {
        b'2' => Some(EntryMode::Stripe),
        b'5' => Some(EntryMode::Chip),
        b'1' | b'6' => Some(EntryMode::Manual),
        _ => None,
    }
}

fn place_by_position(positions: &[u8; 12]) -> PointOfService {
    PointOfService {
        reads_chip: match positions[0] {
            b'5' => Some(true),
            b'1'..=b'4' | b'6' => Some(false),
            _ => None,
        },
        takes_pin: match (positions[1], positions[11]) {
            (b'1', _) | (_, b'4'..=b'9' | b'A'..=b'C') => Some(true),
            (b'5', _) | (_, b'0') => Some(false),
            _ => None,
        },
        attended: match positions[3] {
            b'1' | b'3' => Some(true),
            b'2' | b'4' | b'5' => Some(false),
            _ => None,
        },
        card_present: match positions[5] {
            b'0' => Some(false),
            b'1' => Some(true),
            _ => None,
        },
        holder_present: match positions[4] {
            b'0' => Some(true),
            b'1'..=b'4' => Some(false),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_positions() {
        let check = |code: &[u8; 12], mode, expect: [Option<bool>; 5]| {
            assert_eq!(by_position(code), mode, "{}", code.escape_ascii());
            let place = place_by_position(code);
            let PointOfService { reads_chip, takes_pin, attended, card_present, holder_present } = place;
            let found = [reads_chip, takes_pin, attended, card_present, holder_present];
            assert_eq!(found, expect, "{}", code.escape_ascii());
        };
        let (yes, no) = (Some(true), Some(false));
        check(b"51010151334C", Some(EntryMode::Chip), [yes, yes, yes, yes, yes]);
        check(b"51020121334C", Some(EntryMode::Stripe), [yes, yes, no, yes, yes]);
        check(b"600130600000", Some(EntryMode::Manual), [no, no, yes, no, no]);
        check(b"200540100000", Some(EntryMode::Recurring), [no, no, no, no, no]);
        check(b"M00Z5XS0000X", None, [None; 5]);
        check(b"050401511111", Some(EntryMode::Chip), [None, no, no, yes, yes]);
    }
}
