use crate::Charset;
use std::fmt;
use wide::u8x16;

/// The character classes of ISO 8583, by the standard's own letters.
///
/// Spaces are allowed in `a` and `an`, because the standard fills these classes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `n`: decimal digits.
    N,
    /// `a`: letters, filled with spaces.
    A,
    /// `an`: letters and digits, filled with spaces.
    An,
    /// `ns`: digits and punctuation, spaces among it.
    Ns,
    /// `as`: letters and punctuation, spaces among it.
    As,
    /// `ans`: printable ASCII, 0x20 to 0x7E; in larger character sets what else they print.
    Ans,
    /// `z`: the code set of tracks 2 and 3 (ISO/IEC 7813), that is 0x30 to 0x3F with `=` as
    /// separator; `D`, the separator's nibble written as a letter, stands for it as well.
    Z,
    /// `x+n`: `C` or `D` for credit or debit, then digits. A zero in place of the letter is read
    /// too, because widely used software (jPOS) sends these fields as plain digits.
    Xn,
    /// `h`: hexadecimal digits as text.
    H,
    /// `any`: whatever characters of the character set, control characters among them.
    Any,
    /// `b`: binary.
    B,
}

/// What kind of character was found where another class belongs. All that an error says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A decimal digit.
    Digit,
    /// A letter.
    Letter,
    /// A space.
    Space,
    /// A printable character that is none of these.
    Punctuation,
    /// A control character.
    Control,
    /// A byte that is no ASCII character in the field's character set.
    NotAscii,
}

/// The classes that one byte belongs to, a bit for each.
pub(crate) type ClassBits = u16;

/// Control characters of a larger character set.
pub(crate) const CONTROL_HIGH: ClassBits = Class::Any.bit();

/// `ans`, `as` and `any` hold what a larger character set prints.
pub(crate) const PRINTABLE_HIGH: ClassBits = Class::Ans.bit() | Class::As.bit() | Class::Any.bit();

/// The classes of a code point by the rules above; `x+n` is the digits, its sign is looked at apart.
pub(crate) const fn of_ascii(code: u8) -> ClassBits {
    let digit = code.is_ascii_digit();
    let letter = code.is_ascii_alphabetic();
    let space = code == b' ';
    let special = space || code.is_ascii_punctuation();
    let mut bits = Class::B.bit();
    if code.is_ascii() {
        bits |= Class::Any.bit();
    }
    if digit {
        bits |= Class::N.bit() | Class::Xn.bit();
    }
    if letter || space {
        bits |= Class::A.bit();
    }
    if letter || digit || space {
        bits |= Class::An.bit();
    }
    if digit || special {
        bits |= Class::Ns.bit();
    }
    if letter || special {
        bits |= Class::As.bit();
    }
    if letter || digit || special {
        bits |= Class::Ans.bit();
    }
    if matches!(code, 0x30..=0x3F | b'D') {
        bits |= Class::Z.bit();
    }
    if code.is_ascii_hexdigit() {
        bits |= Class::H.bit();
    }
    bits
}

impl Class {
    /// Every class with its letters in dialect files and in the standard.
    pub const NAMES: [(&'static str, Class); 11] = [
        ("n", Class::N),
        ("a", Class::A),
        ("an", Class::An),
        ("ns", Class::Ns),
        ("as", Class::As),
        ("ans", Class::Ans),
        ("z", Class::Z),
        ("x+n", Class::Xn),
        ("h", Class::H),
        ("any", Class::Any),
        ("b", Class::B),
    ];

    const fn bit(self) -> ClassBits {
        1 << self as u16
    }

    /// Position of the first byte outside the class, or `None` when all belong to it.
    pub(crate) fn first_outside(self, text: &[u8], charset: Charset) -> Option<usize> {
        match (self, charset) {
            (Class::B, _) => None,
            (Class::N, Charset::Ascii) if Digits::all(text) => None,
            (Class::Ans, Charset::Ascii) if Printable::all(text) => None,
            (Class::An, Charset::Ascii) if Alphanumeric::all(text) => None,
            _ => self.scan(text, charset),
        }
    }

    /// The same byte by byte.
    fn scan(self, text: &[u8], charset: Charset) -> Option<usize> {
        let classes = charset.classes();
        let digits = match (self, text) {
            (Class::Xn, [sign, digits @ ..]) => {
                if !matches!(charset.ascii(*sign), Some(b'C' | b'D' | b'0')) {
                    return Some(0);
                }
                digits
            }
            _ => text,
        };
        let outside = digits.iter().position(|byte| classes[usize::from(*byte)] & self.bit() == 0);
        match outside {
            Some(position) => Some(position + text.len() - digits.len()),
            // Where exactly a two-byte character goes wrong is not worth a decoder of our own.
            None => (!charset.is_well_formed(text)).then_some(0),
        }
    }
}

impl Found {
    /// What kind of character a byte is in its character set.
    pub(crate) fn of(byte: u8, charset: Charset) -> Found {
        match charset.ascii(byte) {
            None => Found::NotAscii,
            Some(code) if code.is_ascii_digit() => Found::Digit,
            Some(code) if code.is_ascii_alphabetic() => Found::Letter,
            Some(b' ') => Found::Space,
            Some(code) if code.is_ascii_control() => Found::Control,
            Some(_) => Found::Punctuation,
        }
    }
}

/// What several bytes must be.
pub(crate) trait Lanes {
    /// A byte that is such.
    const FILL: u8;
    /// Zero in every lane whose byte is such.
    fn bad(lanes: u8x16) -> u8x16;

    /// Whether all bytes are such.
    #[inline]
    fn all(bytes: &[u8]) -> bool
    where
        Self: Sized,
    {
        all::<Self>(bytes)
    }
}

macro_rules! lanes {
    ($($(#[doc = $doc:literal])+ $name:ident, $fill:literal, |$lanes:ident| $bad:expr;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl Lanes for $name {
            const FILL: u8 = $fill;

            #[inline]
            fn bad($lanes: u8x16) -> u8x16 {
                $bad
            }
        }
    )+};
}

lanes! {
    /// ASCII `0` to `9`.
    Digits, b'0', |lanes| beyond(lanes, b'0', b'9');
    /// ASCII 0x20 to 0x7E.
    Printable, b' ', |lanes| beyond(lanes, b' ', b'~');
    /// ASCII letters, digits and spaces.
    Alphanumeric, b' ', |lanes| {
        let space = u8x16::splat(b' ');
        beyond(lanes, b'0', b'9').min(beyond(lanes | space, b'a', b'z')).min(lanes ^ space)
    };
    /// The code set of track 2 in ASCII.
    Track, b'0', |lanes| beyond(lanes, b'0', b'?').min(lanes ^ u8x16::splat(b'D'));
    /// Hexadecimal digits in ASCII, upper or lower case.
    Hex, b'0', |lanes| {
        beyond(lanes, b'0', b'9').min(beyond(lanes | u8x16::splat(0x20), b'a', b'f'))
    };
    /// Packed decimal digits, two a byte.
    Bcd, 0, |lanes| beyond(lanes, 0, 0x99) | beyond(lanes & u8x16::splat(0x0F), 0, 9);
}

/// Zero in every lane whose byte is one of `first` to `last`.
#[inline]
fn beyond(lanes: u8x16, first: u8, last: u8) -> u8x16 {
    (lanes - u8x16::splat(first)).saturating_sub(u8x16::splat(last - first))
}

/// Whether all bytes are such: the question of every field of every message, asked of sixteen at once.
/// Bytes at the end are looked at twice rather than one by one.
#[inline]
fn all<L: Lanes>(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<16>() {
        let (chunks, _) = bytes.as_chunks::<16>();
        let mut found = L::bad(u8x16::new(*last));
        for chunk in chunks {
            found |= L::bad(u8x16::new(*chunk));
        }
        return found == u8x16::ZERO;
    }
    // Joined in a register: through memory the halves would have to settle before they are read.
    let fill = u128::from_le_bytes([L::FILL; 16]);
    let short = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << 64
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u128::from(u32::from_le_bytes(*first)) | u128::from(u32::from_le_bytes(*last)) << 32 | fill << 64
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u128::from(u16::from_le_bytes(*first)) | u128::from(u16::from_le_bytes(*last)) << 16 | fill << 32
    } else if let Some(only) = bytes.first() {
        u128::from(*only) | fill << 8
    } else {
        return true;
    };
    L::bad(u8x16::new(short.to_le_bytes())) == u8x16::ZERO
}

/// By the standard's letters: `ans`.
impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.into_iter().find(|(_, class)| class == self).map_or("?", |(name, _)| name);
        f.write_str(name)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Found::Digit => "a digit",
            Found::Letter => "a letter",
            Found::Space => "a space",
            Found::Punctuation => "a punctuation mark",
            Found::Control => "a control character",
            Found::NotAscii => "a byte that is no ASCII character",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&[u8]) -> bool;

    /// Every byte value at every position of every length: sixteen at once agree with one by one.
    #[test]
    fn vectors_agree_with_the_scan() {
        let fast: [(Class, Check); 5] = [
            (Class::N, Digits::all),
            (Class::Ans, Printable::all),
            (Class::An, Alphanumeric::all),
            (Class::Z, Track::all),
            (Class::H, Hex::all),
        ];
        for (class, check) in fast {
            for length in 0..=40 {
                for position in 0..length {
                    for byte in 0..=255 {
                        let mut text = vec![b'0'; length];
                        text[position] = byte;
                        let expect = class.scan(&text, Charset::Ascii);
                        assert_eq!(check(&text), expect.is_none(), "{class} {byte:02X} at {position}");
                        assert_eq!(class.first_outside(&text, Charset::Ascii), expect);
                    }
                }
            }
        }
    }

    #[test]
    fn packed_digits() {
        for length in 1..=40 {
            for position in 0..length {
                for byte in 0..=255 {
                    let mut bytes = vec![0x99; length];
                    bytes[position] = byte;
                    assert_eq!(Bcd::all(&bytes), byte >> 4 < 10 && byte & 15 < 10, "{byte:02X}");
                }
            }
        }
    }

    #[test]
    fn names_the_first_offender() {
        let check = |class: Class, text: &[u8], expect| {
            assert_eq!(class.first_outside(text, Charset::Ascii), expect, "{class}");
        };
        check(Class::N, b"0000000+9000", Some(7));
        check(Class::N, b"12 4x", Some(2));
        check(Class::An, b"AB 12-", Some(5));
        check(Class::Ns, b"12-3 A", Some(5));
        check(Class::As, b"A-b 1", Some(4));
        check(Class::Ans, b"caf\xC3\xA9", Some(3));
        check(Class::Z, b";4000001234567899=2812?", None);
        check(Class::H, b"01aFg", Some(4));
        check(Class::Xn, b"C00000011", None);
        check(Class::Xn, b"X00000011", Some(0));
        check(Class::Xn, b"DD0000011", Some(1));
        check(Class::B, b"\x00\xFF", None);
        check(Class::Any, b"\x00\x7F", None);
        check(Class::Any, b"\x00\xFF", Some(1));
    }

    #[test]
    fn other_character_sets_have_the_same_classes() {
        let check = |class: Class, charset: Charset, text: &[u8], expect| {
            assert_eq!(class.first_outside(text, charset), expect, "{class} in {charset:?}");
        };
        check(Class::N, Charset::Cp500, b"\xF0\xF9", None);
        check(Class::N, Charset::Cp500, b"\xF09", Some(1));
        check(Class::Xn, Charset::Cp500, b"\xC3\xF0\xF1", None);
        check(Class::Ans, Charset::Cp037, b"\xC1\x51", None);
        check(Class::Ans, Charset::Cp037, b"\xC1\x05", Some(1));
        check(Class::Ans, Charset::Latin1, b"Zo\xEB\x85", Some(3));
        check(Class::Ans, Charset::Cp1251, b"\xCC\x01", Some(1));
        check(Class::Ans, Charset::Gbk, b"\xD2\xF8", None);
        check(Class::Ans, Charset::Gbk, b"A\xD2", Some(0));
        check(Class::N, Charset::Gbk, b"12\xD2", Some(2));
    }
}
