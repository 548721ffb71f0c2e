use crate::{Field, ParseError, ParseErrorKind};
use std::fmt;

/// Reason of a specific command reject, one to three letters and digits such as `B09`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RejectCode {
    chars: [u8; 3],
    length: u8,
}

impl RejectCode {
    /// Reads one to three ASCII letters and digits; anything else is `None`.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<RejectCode> {
        if !matches!(text.len(), 1..=3) || !text.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let mut chars = [0; 3];
        chars[..text.len()].copy_from_slice(text);
        Some(RejectCode { chars, length: text.len() as u8 })
    }

    /// The code with which a terminal refuses a host message that it could not read.
    #[must_use]
    pub fn for_error(error: &ParseError) -> RejectCode {
        let code = match (error.field, error.kind) {
            (Field::Class, _) => "B01",
            (Field::Command, _) => "B04",
            (Field::Function, _) => "B06",
            (Field::MessageCoordinationNumber, _) => "B09",
            (Field::Notes, _) => "A06",
            (Field::Screen, _) => "B18",
            (_, ParseErrorKind::Missing) => "A02",
            (_, ParseErrorKind::Character) => "B07",
            (_, ParseErrorKind::Length) => "A01",
            (_, ParseErrorKind::Unknown | ParseErrorKind::Repeated | ParseErrorKind::Tlv) => "B08",
        };
        RejectCode::new(code.as_bytes()).expect("the codes above have three characters")
    }

    /// The characters as sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.chars[..usize::from(self.length)]
    }

    /// The characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("new() admits ASCII only")
    }

    /// Whether MAC or time variant number failed, so that keys must be loaded anew before more traffic.
    #[must_use]
    pub fn is_key_fault(&self) -> bool {
        matches!(self.as_bytes(), b"1" | b"2" | b"3")
    }

    /// What the code means, for people (reference §5). `None` for a code that it does not list.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        MEANINGS.iter().find(|(code, _)| *code == self.as_str()).map(|(_, meaning)| *meaning)
    }
}

const MEANINGS: &[(&str, &str)] = &[
    ("1", "MAC failure"),
    ("2", "time variant number failure"),
    ("3", "security terminal number mismatch"),
    ("A01", "message length"),
    ("A02", "field separator missing or unexpected"),
    ("A03", "too many print groups"),
    ("A04", "group separator missing or unexpected"),
    ("A06", "dispense field format"),
    ("B01", "message class"),
    ("B02", "message sub-class or identifier"),
    ("B03", "key modifier"),
    ("B04", "command code"),
    ("B05", "command modifier"),
    ("B06", "function identifier"),
    ("B07", "non-decimal digit"),
    ("B08", "value out of range"),
    ("B09", "message co-ordination number"),
    ("B10", "FIT number"),
    ("B11", "dispense mix"),
    ("B13", "document destination"),
    ("B15", "buffer identifier"),
    ("B17", "document name"),
    ("B18", "screen identifier"),
    ("B20", "no endorse data"),
    ("B22", "key size"),
    ("B33", "cassette type"),
    ("B34", "cheque identifier"),
    ("B35", "passbook not allowed"),
    ("C01", "accepted only in service while awaiting a reply"),
    ("C02", "not accepted during diagnostics"),
    ("C03", "not accepted out of service or in supply mode"),
    ("C04", "not accepted in service"),
    ("C10", "not accepted while processing a reply"),
    ("C11", "no cheque"),
    ("C15", "key change during a customer transaction"),
    ("D01", "key change cryptography failure"),
    ("D02", "clock"),
    ("D06", "disk space"),
    ("E01", "function not supported"),
    ("E02", "printer not configured"),
    ("E05", "journal backup inactive"),
    ("E06", "wrong response data"),
];

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RejectCode({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_meanings() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(RejectCode::new(text.as_bytes()).and_then(|code| code.meaning()), expect, "{text}");
        };
        check("1", Some("MAC failure"));
        check("B09", Some("message co-ordination number"));
        check("Z99", None);
        assert_eq!(RejectCode::new(b""), None);
        assert_eq!(RejectCode::new(b"B091"), None);
        assert!(RejectCode::new(b"2").unwrap().is_key_fault());
        for (code, _) in MEANINGS {
            assert!(RejectCode::new(code.as_bytes()).is_some());
        }
    }
}
