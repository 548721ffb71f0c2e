//! What differs between two messages, also when they are of different dialects: decoded values are
//! compared, inner structures part by part.
//!
//! ```
//! use iso8583::difference::differences;
//! use iso8583::dump::Show;
//! use iso8583::{Dialect, parse};
//! let dialect = Dialect::by_name("iso87_ascii").unwrap();
//! let left = parse(b"02005000000000000000164000001234567899000000001250", dialect).unwrap();
//! let right = parse(b"02015000000000000000164000009876547899000000001250", dialect).unwrap();
//! let found: Vec<String> =
//!     differences(&left, &right, Show::Masked).iter().map(ToString::to_string).collect();
//! assert_eq!(found, ["MTI: 0200 | 0201", "DE 2  Primary account number: differs (hidden)"]);
//! ```

use crate::Message;
use crate::class::Class;
use crate::composite::DEEPEST;
use crate::dialect::{FieldSpec, PartKey};
use crate::dump::{self, Found, Show, printable, walk_parts};
use crate::hex_text;
use std::fmt;

/// One thing that differs. Masked, it holds no card data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub place: Place,
    /// Its name by the dialect of the left message, or of the right one when it is only there.
    pub name: String,
    /// How it is shown on the left; `None` when it is absent.
    pub left: Option<String>,
    /// How it is shown on the right; `None` when it is absent.
    pub right: Option<String>,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// What stands before the message type.
    Header,
    /// The message type.
    Mti,
    /// A data element, or a part of one.
    Field {
        /// Its number.
        field: u8,
        /// The steps from the data element to the part.
        path: Vec<PartKey>,
    },
}

/// Everything that differs between two messages, in their order: header, message type, data elements
/// ascending. Of values with parts on both sides only the parts that differ are told. The separators of
/// a track, `=` and `D`, are the same.
#[must_use]
pub fn differences(left: &Message<'_>, right: &Message<'_>, show: Show) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |place, left: String, right: String| {
        if left != right {
            found.push(Difference { place, name: String::new(), left: Some(left), right: Some(right) });
        }
    };
    tell(Place::Header, hex_text::write(left.header()), hex_text::write(right.header()));
    tell(Place::Mti, left.mti().to_string(), right.mti().to_string());
    for field in 2..=crate::Bitmap::LAST {
        if left.has(field) || right.has(field) {
            compare(field, left, right, show, &mut found);
        }
    }
    found
}

/// A value to be compared.
struct Leaf {
    path: Vec<PartKey>,
    name: String,
    clear: String,
    shown: String,
}

fn compare(field: u8, left: &Message<'_>, right: &Message<'_>, show: Show, found: &mut Vec<Difference>) {
    let [whole_left, whole_right] = [left, right].map(|message| whole(message, field, show));
    if whole_left.as_ref().map(|leaf| &leaf.clear) == whole_right.as_ref().map(|leaf| &leaf.clear) {
        return;
    }
    let before = found.len();
    if let (Some(_), Some(left), Some(right)) =
        (whole_left.as_ref().zip(whole_right.as_ref()), leaves(left, field, show), leaves(right, field, show))
    {
        parts(field, left, right, found);
    }
    // No part differs when they stand in another order, for example.
    if found.len() == before {
        found.extend(difference(field, whole_left, whole_right));
    }
}

/// Compares parts by their paths. Of several with one path the first is compared with the first.
fn parts(field: u8, left: Vec<Leaf>, mut right: Vec<Leaf>, found: &mut Vec<Difference>) {
    for leaf in left {
        let at = right.iter().position(|other| other.path == leaf.path);
        let other = at.map(|at| right.remove(at));
        if other.as_ref().is_none_or(|other| other.clear != leaf.clear) {
            found.extend(difference(field, Some(leaf), other));
        }
    }
    found.extend(right.into_iter().filter_map(|leaf| difference(field, None, Some(leaf))));
}

fn difference(field: u8, left: Option<Leaf>, right: Option<Leaf>) -> Option<Difference> {
    let any = left.as_ref().or(right.as_ref())?;
    let (name, place) = (any.name.clone(), Place::Field { field, path: any.path.clone() });
    Some(Difference { place, name, left: left.map(|leaf| leaf.shown), right: right.map(|leaf| leaf.shown) })
}

/// A data element in one piece.
fn whole(message: &Message<'_>, field: u8, show: Show) -> Option<Leaf> {
    let (spec, value) = (message.dialect().field(field)?, message.value(field)?);
    let clear = comparable(Some(spec), dump::text(spec, &value, Show::Unmasked));
    let shown = dump::text(spec, &value, show);
    Some(Leaf { path: Vec::new(), name: spec.name.clone(), clear, shown })
}

/// The innermost parts of a data element, or `None` when it has none or they cannot all be read.
fn leaves(message: &Message<'_>, field: u8, show: Show) -> Option<Vec<Leaf>> {
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut readable = true;
    walk_parts(message, field, show, |path, found| match found {
        Ok(found) if found.inner().is_none() || path.len() >= DEEPEST => {
            leaves.push(leaf(path, &found, show));
        }
        Ok(_) => {}
        Err(_) => readable = false,
    });
    Some(leaves).filter(|leaves| readable && !leaves.is_empty())
}

fn leaf(path: &[PartKey], found: &Found<'_, '_>, show: Show) -> Leaf {
    Leaf {
        path: path.to_vec(),
        name: found.name().to_owned(),
        clear: comparable(found.part.spec, found.text(Show::Unmasked)),
        shown: found.text(show),
    }
}

/// Text that is the same in all dialects.
fn comparable(spec: Option<&FieldSpec>, text: String) -> String {
    match spec {
        Some(spec) if spec.class == Class::Z => text.replace('D', "="),
        _ => text,
    }
}

impl Difference {
    /// Whether both sides look the same because what differs is hidden.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.left == self.right
    }
}

/// `MTI`, `DE 4`, `DE 55.9F02`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Header => f.write_str("header"),
            Place::Mti => f.write_str("MTI"),
            Place::Field { field, path } => {
                write!(f, "DE {field}")?;
                path.iter().try_for_each(|key| write!(f, ".{key}"))
            }
        }
    }
}

/// `DE 4  Amount, transaction: 000000001250 | 000000001300`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if !self.name.is_empty() {
            write!(f, "  {}", self.name)?;
        }
        if self.is_hidden() {
            return f.write_str(": differs (hidden)");
        }
        let side = |side: &Option<String>| match side.as_deref() {
            None => "absent".to_owned(),
            Some("") => "empty".to_owned(),
            Some(text) => printable(text),
        };
        write!(f, ": {} | {}", side(&self.left), side(&self.right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::frame_of;
    use crate::{Dialect, parse};

    fn found(left: (&str, &str, &[(u8, &str)]), right: (&str, &str, &[(u8, &str)])) -> Vec<String> {
        let dialects = [left.0, right.0].map(|name| Dialect::by_name(name).unwrap());
        let left = frame_of(dialects[0], left.1, left.2);
        let right = frame_of(dialects[1], right.1, right.2);
        let (left, right) = (parse(&left, dialects[0]).unwrap(), parse(&right, dialects[1]).unwrap());
        differences(&left, &right, Show::Masked).iter().map(ToString::to_string).collect()
    }

    fn check(left: &[(u8, &str)], right: &[(u8, &str)], expect: &[&str]) {
        assert_eq!(found(("iso87_ascii", "0200", left), ("iso87_ascii", "0200", right)), expect);
        let ebcdic = found(("iso87_ascii", "0200", left), ("iso87_ebcdic", "0200", right));
        assert_eq!(ebcdic, expect, "across dialects");
    }

    #[test]
    fn values() {
        check(&[(4, "000000001250"), (11, "000001")], &[(4, "000000001250"), (11, "000001")], &[]);
        check(
            &[(4, "000000001250"), (11, "000001")],
            &[(4, "000000001300"), (12, "155959")],
            &[
                "DE 4  Amount, transaction: 000000001250 | 000000001300",
                "DE 11  System trace audit number: 000001 | absent",
                "DE 12  Time, local transaction: absent | 155959",
            ],
        );
        check(
            &[(2, "4000001234567899")],
            &[(2, "4000009876547899")],
            &["DE 2  Primary account number: differs (hidden)"],
        );
        check(
            &[(52, "0123456789ABCDEF")],
            &[(52, "0123456789ABCDE0")],
            &["DE 52  PIN block: differs (hidden)"],
        );
        check(&[(48, "A")], &[(48, "AB")], &["DE 48  Additional data, private: * | **"]);
    }

    #[test]
    fn parts_of_values() {
        check(&[(3, "000000")], &[(3, "010000")], &["DE 3.1  Transaction type: 00 | 01"]);
        check(
            &[(55, "820239005A0440000012")],
            &[(55, "5A044000001382023900950101")],
            &[
                "DE 55.5A  Application PAN: differs (hidden)",
                "DE 55.95  Terminal verification results: absent | 01",
            ],
        );
        // The same in another order, and what cannot be read.
        check(
            &[(55, "82023900950100")],
            &[(55, "95010082023900")],
            &["DE 55  ICC data: 82023900950100 | 95010082023900"],
        );
        check(&[(55, "8202390095")], &[(55, "82023901")], &["DE 55  ICC data: ********** | 82023901"]);
    }

    #[test]
    fn other_dialects() {
        let fields =
            [(2, "4000001234567899"), (35, "4000001234567899=28122011234567890"), (52, "0123456789ABCDEF")];
        assert_eq!(
            found(("iso87_ascii", "0200", &fields), ("iso87_bcd", "0210", &fields)),
            ["header:  | 6000010000", "MTI: 0200 | 0210"].map(|line| line.replace(":  |", ": empty |"))
        );
    }
}
