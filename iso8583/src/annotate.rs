//! A message beside its bytes: every byte once, what it belongs to, and what that says.
//!
//! ```
//! use iso8583::annotate::annotate;
//! use iso8583::dump::Show;
//! use iso8583::{Dialect, parse};
//! let dialect = Dialect::by_name("iso87_ascii").unwrap();
//! let message = parse(b"02004000000000000000134000001234567", dialect).unwrap();
//! let view = annotate(&message, Show::Masked);
//! let lines: Vec<&str> = view.lines().collect();
//! assert_eq!(&lines[2..], [
//!     "   20  31 33                                             DE 2    length 13",
//!     "   22  ** ** ** ** ** ** ** ** ** ** ** ** **            DE 2    Primary account number: 400000***4567",
//! ]);
//! ```

mod rows;
mod value;

use crate::dialect::{BitmapEncoding, Secondary, Tertiary};
use crate::dump::{self, Show};
use crate::{Edition, FieldSpec, Message, Mti, ParseError, field, hex_text, meaning};
use rows::{Bytes, Rows};
use value::ValueView;

/// The message, a row for each part: offset in the frame, bytes, what they are. Headers of parts and
/// length prefixes stand apart from the values they belong to. Masked, the bytes of a value of which
/// anything is hidden are stars, and it has no meaning.
#[must_use]
pub fn annotate(message: &Message<'_>, show: Show) -> String {
    let mut view = View { message, show, distrusts: false, rows: Rows::default() };
    view.envelope(message.mti());
    view.fields();
    view.rows.text
}

/// What [`crate::parse_leading`] could read of a frame, then the place of the fault, then the bytes
/// behind. Masked, these are stars, and so are values in which a card number may have got by a wrong
/// length.
#[must_use]
pub fn annotate_leading(message: &Message<'_>, error: &ParseError, show: Show) -> String {
    let mut view = View { message, show, distrusts: show == Show::Masked, rows: Rows::default() };
    let mti = error.mti.filter(|mti| show == Show::Unmasked || is_plausible(*mti, message));
    if let Some(mti) = mti {
        view.envelope(mti);
        view.fields();
    }
    view.rest(error, mti.is_some());
    view.rows.text
}

struct View<'m, 'a> {
    message: &'m Message<'a>,
    show: Show,
    /// Whether the frame may be of another dialect, so that anything may stand anywhere.
    distrusts: bool,
    rows: Rows,
}

impl<'a> View<'_, 'a> {
    /// Header, message type and the bitmaps in front.
    fn envelope(&mut self, mti: Mti) {
        let (header, layout) = (self.message.header(), self.message.layout());
        if !header.is_empty() {
            self.rows.put(0, Bytes::Clear(header), 0, "header");
        }
        let text = format!("MTI     {mti}  ({})", meaning::of_mti(mti));
        self.rows.put(layout.mti, self.frame(layout.mti, layout.bitmaps), 0, &text);
        let spec = self.message.dialect().bitmap();
        let width = spec.encoding.width();
        // Of a frame whose bitmaps could not be read it is not known where its fields begin.
        let count = layout.fields.saturating_sub(layout.bitmaps) / width;
        for index in 0..count {
            let start = layout.bitmaps + index * width;
            let continues = match index {
                0 => true,
                1 => spec.tertiary != Tertiary::None,
                _ => false,
            };
            let follows = index == 0 && spec.secondary == Secondary::ByBit1 || index == 1;
            self.bitmap(start, width, index, continues.then_some(follows));
        }
    }

    /// One bitmap. `continues` says whether its first bit is no data element, and whether it then says
    /// that a further bitmap follows.
    fn bitmap(&mut self, start: usize, width: usize, index: usize, continues: Option<bool>) {
        let encoding = self.message.dialect().bitmap().encoding;
        let bytes = self.message.frame().get(start..start + width).unwrap_or_default();
        let bits = bits(encoding, bytes);
        let first = index * 64 + 1;
        let listed = if continues.is_some() { bits & !FIRST_BIT } else { bits };
        let fields: Vec<String> = (0..64)
            .filter(|bit| listed << bit & FIRST_BIT != 0)
            .map(|bit| (first + bit).to_string())
            .collect();
        let mut text = format!("bitmap  DE {}", fields.join(", "));
        if fields.is_empty() {
            text = "bitmap  no data element".to_owned();
        }
        if continues == Some(true) && bits & FIRST_BIT != 0 {
            text.push_str("; a further bitmap follows");
        }
        self.rows.put(start, Bytes::Clear(bytes), 0, &text);
    }

    fn fields(&mut self) {
        let mut third = self.third_bitmap();
        for field in self.message.bitmap().fields() {
            if field > 64
                && let Some(start) = third.take()
            {
                self.wide_bitmap(start);
            }
            self.field(field);
        }
        if let Some(start) = third {
            self.wide_bitmap(start);
        }
    }

    /// Where a third bitmap begins that stands among the fields.
    fn third_bitmap(&self) -> Option<usize> {
        let Tertiary::De65 { .. } = self.message.dialect().bitmap().tertiary else { return None };
        let start = usize::from(self.message.starts[1][0]);
        (start != 0 && !self.message.has(65)).then_some(start)
    }

    fn wide_bitmap(&mut self, start: usize) {
        let spec = self.message.dialect().bitmap();
        let width = spec.encoding.width();
        self.bitmap(start, width, 2, None);
        if spec.tertiary == (Tertiary::De65 { width: 16 }) {
            self.bitmap(start + width, width, 3, None);
        }
    }

    fn field(&mut self, field: u8) {
        let (Some(spec), Some(start), Some(wire)) =
            (self.message.dialect().field(field), self.message.offset(field), self.message.wire(field))
        else {
            return;
        };
        let label = format!("DE {field:<3}  ");
        if self.distrusts && self.may_hold_card_number(field, spec) {
            let text = format!("{label}{}: hidden, a card number may have got into it", spec.name);
            return self.rows.put(start, Bytes::Hidden(wire.len()), 0, &text);
        }
        let message = self.message;
        let mut view = ValueView { frame: message.frame(), rows: &mut self.rows, show: self.show };
        view.element(spec, start, wire, &label, |clear| meaning_of(message, field, clear));
    }

    /// Whether so many digits stand in a value that is shown that a card number may be among them.
    fn may_hold_card_number(&self, field: u8, spec: &FieldSpec) -> bool {
        let Some(value) = self.message.value(field) else { return false };
        let shown = dump::text(spec, &value, Show::Masked);
        let runs = shown.as_bytes().split(|byte| !byte.is_ascii_digit());
        runs.map(<[u8]>::len).max().is_some_and(|longest| longest >= SHORTEST_CARD_NUMBER)
    }

    /// The fault and the bytes that were not read.
    fn rest(&mut self, error: &ParseError, begun: bool) {
        let frame = self.message.frame();
        let start = if begun { self.end_of_read() } else { 0 };
        let place = error.offset.clamp(start, frame.len());
        let name = self.message.dialect().field(error.field).map_or("", |spec| spec.name.as_str());
        let label = match error.field {
            // What is not begun with is no data element, whatever it was taken for.
            0 => "not read".to_owned(),
            _ if !begun => "not read".to_owned(),
            field => format!("DE {field:<3}  {name}, not read"),
        };
        if start < place {
            self.rows.put(start, self.unread(start, place), 0, &label);
        }
        self.rows.tell(place, 0, &format!("FAULT   {error}"));
        if place < frame.len() {
            self.rows.put(place, self.unread(place, frame.len()), 0, "not read");
        }
    }

    /// Behind what was read.
    fn end_of_read(&self) -> usize {
        let (message, layout) = (self.message, self.message.layout());
        let spec = message.dialect().bitmap();
        let third = self.third_bitmap().map_or(0, |start| match spec.tertiary {
            Tertiary::De65 { width } => start + spec.encoding.width() * width / 8,
            _ => start,
        });
        layout.bitmaps.max(layout.fields).max(usize::from(message.fields_end)).max(third)
    }

    fn frame(&self, start: usize, end: usize) -> Bytes<'a> {
        Bytes::Clear(self.message.frame().get(start..end).unwrap_or_default())
    }

    fn unread(&self, start: usize, end: usize) -> Bytes<'a> {
        match self.show {
            Show::Masked => Bytes::Hidden(end - start),
            Show::Unmasked => self.frame(start, end),
        }
    }
}

/// Digits of the shortest card number that is in use.
const SHORTEST_CARD_NUMBER: usize = 13;

/// Of each bitmap as it is written; in a message it says that a further one follows.
const FIRST_BIT: u64 = 1 << 63;

/// Whether a message may begin so, and it is not the middle of one that was cut in pieces: a card number
/// must not be taken for a type and a bitmap.
fn is_plausible(mti: Mti, message: &Message<'_>) -> bool {
    let edition = match message.dialect().edition() {
        Edition::Iso1987 => 0,
        Edition::Iso1993 => 1,
        Edition::Iso2003 => 2,
    };
    let known = mti.version() == edition || mti.version() >= 8;
    known && (1..=8).contains(&mti.class()) && mti.function() <= 7 && mti.origin() <= 5
}

/// What a value says, an amount with the currency it is in.
fn meaning_of(message: &Message<'_>, field: u8, clear: &str) -> Option<String> {
    let year = message.dialect().edition().year();
    let currency = match (year, field) {
        (1987 | 1993, field::AMOUNT) => field::CURRENCY,
        (1987 | 1993, field::AMOUNT_SETTLEMENT) => field::CURRENCY_SETTLEMENT,
        (1987 | 1993, field::AMOUNT_BILLING) => field::CURRENCY_BILLING,
        _ => return meaning::of_field(year, field, clear),
    };
    meaning::of_amount(clear, message.value(currency)?.as_str()?)
}

/// The bits of a bitmap that was read.
fn bits(encoding: BitmapEncoding, bytes: &[u8]) -> u64 {
    match encoding.charset() {
        None => bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)),
        Some(charset) => bytes.iter().fold(0, |bits, byte| {
            let digit = charset.ascii(*byte).and_then(hex_text::nibble).unwrap_or_default();
            bits << 4 | u64::from(digit)
        }),
    }
}

#[cfg(test)]
mod tests;
