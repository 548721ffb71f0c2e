use super::rows::{Bytes, Rows};
use crate::body;
use crate::composite::{self, DEEPEST, PartView};
use crate::dialect::{Composite, Encoding, FieldSpec};
use crate::dump::{self, Found, Inner, Show, printable};
use crate::meaning;

/// Writes the rows of one data element.
pub(super) struct ValueView<'f, 'r> {
    pub(super) frame: &'f [u8],
    pub(super) rows: &'r mut Rows,
    pub(super) show: Show,
}

/// Where the bytes of a value are in the frame.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    /// Bytes of the frame for each byte of the value: two in hexadecimal.
    scale: usize,
}

/// A value as it stands in the value around, with all that is said about it.
struct Described<'d> {
    label: String,
    name: &'d str,
    text: String,
    hidden: bool,
    meaning: Option<String>,
    /// `None` when its bytes have no place of their own.
    place: Option<Place>,
    length: usize,
    binary: bool,
}

impl<'f> ValueView<'f, '_> {
    /// A data element: its length prefix, then its value.
    pub(super) fn element(
        &mut self,
        spec: &FieldSpec,
        start: usize,
        wire: &[u8],
        label: &str,
        meaning: impl Fn(&str) -> Option<String>,
    ) {
        // The parser measured it before.
        let Ok(extent) = body::measure(spec, wire) else { return };
        let (prefix, body) = wire.split_at(extent.prefix.min(wire.len()));
        if !prefix.is_empty() {
            self.rows.put(start, Bytes::Clear(prefix), 0, &format!("{label}{}", length(spec, prefix)));
        }
        let value = body::decode(spec, body, extent.units);
        let clear = dump::text(spec, &value, Show::Unmasked);
        let text = dump::text(spec, &value, self.show);
        let hidden = text != clear;
        let place = Place { start: start + extent.prefix, scale: 1 };
        let described = Described {
            label: label.to_owned(),
            name: &spec.name,
            text,
            hidden,
            meaning: if hidden { None } else { meaning(&clear) },
            place: Some(place),
            length: body.len(),
            binary: spec.is_binary(),
        };
        match Inner::of(spec).filter(|_| !body.is_empty()) {
            None => self.leaf(&described, 0),
            Some(inner) => {
                let within = place.within(spec, body.len(), value.len());
                self.structure(&described, inner, &value, within, 0);
            }
        }
    }

    /// A value without parts.
    fn leaf(&mut self, described: &Described<'_>, depth: usize) {
        let text = described.line(true);
        let Some(place) = described.place else { return self.rows.tell_without_place(depth, &text) };
        let bytes = match described.hidden {
            true => Bytes::Hidden(described.length * place.scale),
            false => self.bytes(place, 0, described.length),
        };
        self.rows.put(place.start, bytes, depth, &text);
    }

    /// A value with parts, whose bytes stand beside these where each has a place.
    fn structure(
        &mut self,
        described: &Described<'_>,
        inner: Inner<'_>,
        value: &[u8],
        within: Option<Place>,
        depth: usize,
    ) {
        if let Some(error) = inner.barrier(value, self.show) {
            self.leaf(described, depth);
            let text = format!("at byte {}: {}", error.offset, error.kind);
            return self.rows.tell_without_place(depth + 1, &text);
        }
        match (within, described.place) {
            (Some(place), _) => self.rows.tell(place.start, depth, &described.line(!described.binary)),
            (None, Some(_)) => self.leaf(described, depth),
            (None, None) => self.rows.tell_without_place(depth, &described.line(!described.binary)),
        }
        self.parts(inner, value, within, depth + 1);
    }

    fn parts(&mut self, inner: Inner<'_>, value: &[u8], place: Option<Place>, depth: usize) {
        let mut at = 0;
        for part in composite::parts(inner.composite, value) {
            match part {
                Ok(part) => {
                    if let Some(place) = place {
                        self.heading(inner.composite, value, at, &part, place, depth);
                    }
                    at = part.offset + part.wire().len();
                    self.part(&Found { part, hides: inner.hides }, place, depth);
                }
                Err(error) => {
                    let text = format!("at byte {}: {}", error.offset, error.kind);
                    return self.left_over(value.len(), at, place, depth, &text);
                }
            }
        }
        if at < value.len() {
            self.left_over(value.len(), at, place, depth, "filler");
        }
    }

    fn left_over(&mut self, end: usize, at: usize, place: Option<Place>, depth: usize, text: &str) {
        match place {
            None => self.rows.tell_without_place(depth, text),
            Some(place) => {
                let bytes = self.bytes(place, at, end);
                self.rows.put(place.at(at), bytes, depth, text);
            }
        }
    }

    /// What stands in front of the value of a part: a bitmap before the first, a tag, a length.
    fn heading(
        &mut self,
        composite: &Composite,
        value: &[u8],
        from: usize,
        part: &PartView<'_, '_>,
        place: Place,
        depth: usize,
    ) {
        let heading = value.get(from..part.offset).unwrap_or_default();
        let (first, text) = match composite {
            Composite::Bitmapped { hex, width, .. } if from == 0 => {
                (if *hex { 2 * width } else { *width }, "bitmap")
            }
            Composite::BerTlv => (heading.iter().take_while(|byte| **byte == 0).count(), "filler"),
            _ => (0, ""),
        };
        let (first, rest) = heading.split_at(first.min(heading.len()));
        if !first.is_empty() {
            let bytes = self.bytes(place, from, from + first.len());
            self.rows.put(place.at(from), bytes, depth, text);
        }
        if rest.is_empty() {
            return;
        }
        let text = match part.spec {
            Some(spec) if !matches!(composite, Composite::Tlv { .. }) => length(spec, rest),
            _ => format!("tag, length {}", part.wire().len()),
        };
        let from = from + first.len();
        let bytes = self.bytes(place, from, part.offset);
        self.rows.put(place.at(from), bytes, depth, &format!("{}{text}", label(part)));
    }

    fn part(&mut self, found: &Found<'_, '_>, around: Option<Place>, depth: usize) {
        let part = &found.part;
        let value = part.value();
        let text = found.text(self.show);
        let hidden = text != found.text(Show::Unmasked);
        let described = Described {
            label: label(part),
            name: found.name(),
            text,
            hidden,
            meaning: part.emv_tag().filter(|_| !hidden).and_then(|tag| meaning::of_tag(tag, &value)),
            place: around.map(|around| Place { start: around.at(part.offset), ..around }),
            length: part.wire().len(),
            binary: part.is_binary(),
        };
        match found.inner().filter(|_| depth < DEEPEST) {
            None => self.leaf(&described, depth),
            Some(inner) => {
                let within = described.place.and_then(|place| match part.spec {
                    Some(spec) => place.within(spec, described.length, value.len()),
                    None => Some(place),
                });
                self.structure(&described, inner, &value, within, depth);
            }
        }
    }

    /// Bytes of the frame that hold these bytes of a value.
    fn bytes(&self, place: Place, from: usize, to: usize) -> Bytes<'f> {
        Bytes::Clear(self.frame.get(place.at(from)..place.at(to)).unwrap_or_default())
    }
}

impl Described<'_> {
    fn line(&self, with_value: bool) -> String {
        let mut line = format!("{}{}", self.label, self.name);
        if with_value {
            line = format!("{line}: {}", printable(&self.text));
        }
        match &self.meaning {
            Some(meaning) => format!("{line}  ({meaning})"),
            None => line,
        }
    }
}

impl Place {
    fn at(self, offset: usize) -> usize {
        self.start + offset * self.scale
    }

    /// The place of the decoded value of what is written here, or `None` when its bytes have none.
    fn within(self, spec: &FieldSpec, wire: usize, value: usize) -> Option<Place> {
        match spec.encoding {
            Encoding::Raw => Some(self),
            Encoding::Hex(_) => Some(Place { scale: 2 * self.scale, ..self }),
            Encoding::Text(_) if wire == value => Some(self),
            Encoding::Text(_) | Encoding::Bcd => None,
        }
    }
}

fn label(part: &PartView<'_, '_>) -> String {
    format!("{:<6}  ", part.key.to_string())
}

/// What a length prefix says.
fn length(spec: &FieldSpec, prefix: &[u8]) -> String {
    match composite::count(spec.prefix.encoding, prefix) {
        Some(count) => format!("length {count}"),
        None => "length".to_owned(),
    }
}
