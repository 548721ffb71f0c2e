//! Card number and expiry, each against the others. Nothing of them is told.

use super::chip::Object;
use super::{Findings, Severity};
use crate::dialect::{PartKey, Sensitivity};
use crate::emv::tag;
use crate::{Message, field, hex_text};
use card::Pan;

/// What one place of a message says about the card.
struct Card {
    field: u8,
    path: Vec<PartKey>,
    pan: Option<Pan>,
    /// YYMM.
    expiry: Option<String>,
}

pub(super) fn check(message: &Message<'_>, objects: &[Object], findings: &mut Findings) {
    let cards: Vec<Card> =
        of_fields(message).into_iter().chain(objects.iter().filter_map(of_object)).collect();
    for card in &cards {
        if card.pan.is_some_and(|pan| !pan.has_valid_check_digit()) {
            let text = "the check digit of the card number is wrong";
            findings.tell(Severity::Warning, card.field, &card.path, text);
        }
    }
    let first = |says: fn(&Card) -> bool| cards.iter().find(|card| says(card));
    let (with_pan, with_expiry) = (first(|card| card.pan.is_some()), first(|card| card.expiry.is_some()));
    for card in &cards {
        let differs = |other: Option<&Card>, same: fn(&Card, &Card) -> bool| {
            other.filter(|other| !same(other, card)).map(Card::place)
        };
        let other_pan = differs(with_pan, |a, b| b.pan.is_none() || a.pan == b.pan);
        let other_expiry = differs(with_expiry, |a, b| b.expiry.is_none() || a.expiry == b.expiry);
        for (what, place) in [("card number", other_pan), ("expiry", other_expiry)] {
            if let Some(place) = place {
                let text = format!("another {what} than {place}");
                findings.tell(Severity::Warning, card.field, &card.path, text);
            }
        }
    }
}

impl Card {
    fn place(&self) -> String {
        let path: String = self.path.iter().map(|key| format!(".{key}")).collect();
        format!("DE {}{path}", self.field)
    }
}

/// DE 2, 14 and 35.
fn of_fields(message: &Message<'_>) -> Vec<Card> {
    let card = |field, pan, expiry| Card { field, path: Vec::new(), pan, expiry };
    let pan = message.value(field::PAN).and_then(|value| Pan::parse(&value).ok());
    let expiry = message.value(field::EXPIRY).and_then(|value| year_and_month(&value));
    let is_track = |field| {
        message
            .dialect()
            .field(field)
            .is_some_and(|spec| spec.sensitivity == Sensitivity::Track && !spec.is_binary())
    };
    let track = message.value(field::TRACK_2).filter(|_| is_track(field::TRACK_2));
    let (track_pan, track_expiry) = track.map_or((None, None), |track| of_track(&track));
    vec![
        card(field::PAN, pan, None),
        card(field::EXPIRY, None, expiry),
        card(field::TRACK_2, track_pan, track_expiry),
    ]
}

/// Tags 5A, 57 and 5F24.
fn of_object(object: &Object) -> Option<Card> {
    let digits = hex_text::write(&object.value);
    let digits = digits.trim_end_matches('F').as_bytes();
    let (pan, expiry) = match object.tag {
        tag::PAN => (Pan::parse(digits).ok(), None),
        tag::TRACK_2_EQUIVALENT => of_track(digits),
        tag::EXPIRY => (None, digits.get(..4).and_then(year_and_month)),
        _ => return None,
    };
    Some(Card { field: object.field, path: object.path.clone(), pan, expiry })
}

fn of_track(track: &[u8]) -> (Option<Pan>, Option<String>) {
    let track = track.strip_prefix(b";").unwrap_or(track);
    let Some(separator) = track.iter().position(|byte| matches!(byte, b'=' | b'D')) else {
        return (None, None);
    };
    let (pan, rest) = track.split_at(separator);
    (Pan::parse(pan).ok(), rest.get(1..5).and_then(year_and_month))
}

/// Four digits that are no zeros: those mean that nothing is known.
fn year_and_month(text: &[u8]) -> Option<String> {
    let known = text.len() == 4 && text.iter().all(u8::is_ascii_digit) && text != b"0000";
    known.then(|| String::from_utf8_lossy(text).into_owned())
}
