use crate::{Expiry, Pan};
use std::fmt;
use zeroize::Zeroize;

/// Track 2 (ISO/IEC 7813) or its chip equivalent (EMV tag 57): PAN, separator, expiry, service
/// code, discretionary digits. Masked in `Debug`, wiped on drop, never stored.
#[derive(Clone)]
pub struct Track2 {
    digits: [u8; Track2::MAX_LENGTH],
    length: u8,
    separator: u8,
}

/// Three digits: where and how the card may be used (ISO/IEC 7813).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceCode(pub [u8; 3]);

/// Why track 2 could not be read. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track2Error {
    /// Longer than 37 characters.
    Length,
    /// No `=` or `D` between PAN and expiry.
    NoSeparator,
    /// The part before the separator is not a PAN.
    Pan,
    /// Expiry or service code missing, or a character that is not a digit.
    Layout,
}

impl Track2 {
    /// Longest track 2 without sentinels.
    pub const MAX_LENGTH: usize = 37;

    /// Reads ASCII track 2. Start and end sentinels (`;`, `?`) and a filler `F` at the end are
    /// taken off; the separator is `=` or `D`.
    ///
    /// # Errors
    /// When the layout of ISO/IEC 7813 is not met.
    pub fn parse(text: &[u8]) -> Result<Track2, Track2Error> {
        let text = text.strip_prefix(b";").unwrap_or(text);
        let text = text.split(|byte| *byte == b'?').next().unwrap_or(text);
        let text = text.strip_suffix(b"F").unwrap_or(text);
        if text.len() > Self::MAX_LENGTH {
            return Err(Track2Error::Length);
        }
        let separator =
            text.iter().position(|byte| matches!(byte, b'=' | b'D')).ok_or(Track2Error::NoSeparator)?;
        Pan::parse(&text[..separator]).map_err(|_| Track2Error::Pan)?;
        let rest = &text[separator + 1..];
        if rest.len() < 7 || !rest.iter().all(u8::is_ascii_digit) {
            return Err(Track2Error::Layout);
        }
        let mut digits = [0; Self::MAX_LENGTH];
        digits[..text.len()].copy_from_slice(text);
        digits[separator] = b'=';
        Ok(Track2 { digits, length: text.len() as u8, separator: separator as u8 })
    }

    fn after_separator(&self) -> &[u8] {
        &self.digits[usize::from(self.separator) + 1..usize::from(self.length)]
    }

    /// The PAN before the separator.
    #[must_use]
    pub fn pan(&self) -> Pan {
        Pan::parse(&self.digits[..usize::from(self.separator)]).expect("parse() read a PAN here")
    }

    /// The expiry after the separator, or `None` when its month is not 01 to 12.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        Expiry::parse_yymm(&self.after_separator()[..4]).ok()
    }

    /// The service code after the expiry.
    #[must_use]
    pub fn service_code(&self) -> ServiceCode {
        let code = self.after_separator();
        ServiceCode([code[4], code[5], code[6]])
    }

    /// The issuer's own digits after the service code, in clear: PVKI, PVV and CVV usually.
    #[must_use]
    pub fn reveal_discretionary(&self) -> &[u8] {
        &self.after_separator()[7..]
    }

    /// The whole track in clear, with `=` as separator and no sentinels.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }
}

impl ServiceCode {
    /// Whether the card carries a chip (first digit 2 or 6, ISO/IEC 7813 table).
    #[must_use]
    pub fn has_chip(self) -> bool {
        matches!(self.0[0], b'2' | b'6')
    }
}

impl fmt::Debug for Track2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Track2({}=…)", self.pan())
    }
}

impl Drop for Track2 {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

impl fmt::Display for Track2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Track2Error::Length => "track 2 has at most 37 characters",
            Track2Error::NoSeparator => "track 2 has no separator (= or D)",
            Track2Error::Pan => "track 2 does not begin with a PAN",
            Track2Error::Layout => {
                "track 2 lacks expiry or service code, or holds a character that is no digit"
            }
        })
    }
}

impl std::error::Error for Track2Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_with_and_without_sentinels() {
        for text in [
            "4000001234567899=28122010000000123",
            ";4000001234567899=28122010000000123?",
            ";4000001234567899=28122010000000123?5",
            "4000001234567899D28122010000000123F",
        ] {
            let track = Track2::parse(text.as_bytes()).unwrap();
            assert_eq!(&*track.pan().reveal(), b"4000001234567899");
            assert_eq!(track.expiry().unwrap().to_yymm(), *b"2812");
            assert_eq!(track.service_code(), ServiceCode(*b"201"));
            assert_eq!(track.reveal_discretionary(), b"0000000123");
            assert_eq!(format!("{track:?}"), "Track2(400000******7899=…)");
        }
    }

    #[test]
    fn refuses_by_name() {
        let check = |text: &str, expect| assert_eq!(Track2::parse(text.as_bytes()).unwrap_err(), expect);
        check("40000012345678992812201", Track2Error::NoSeparator);
        check("4000001234567899=2812", Track2Error::Layout);
        check("4000001234567899=281220X", Track2Error::Layout);
        check("40000X1234567899=2812201", Track2Error::Pan);
        check("=2812201", Track2Error::Pan);
        check(&"4".repeat(38), Track2Error::Length);
    }
}
