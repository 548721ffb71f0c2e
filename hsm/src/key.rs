use crate::LmkIdentifier;
use std::borrow::Cow;
use std::fmt;

/// A key as it travels: encrypted under an LMK or a ZMK, written as scheme letter and hexadecimal
/// digits (fact sheet section 4). `Debug` shows the scheme only.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyField<'a> {
    scheme: KeyScheme,
    /// What follows the scheme letter.
    digits: Cow<'a, str>,
}

/// How a key is encrypted, by its letter on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyScheme {
    /// No letter in front of a key, `Z` where a scheme is asked for: 16 digits, or 32 where a command
    /// expects a pair, ECB.
    Z,
    /// Double length, each part under its own variant of the encrypting key.
    U,
    /// Triple length, each part under its own variant of the encrypting key.
    T,
    /// Double length, ECB (ANSI X9.17).
    X,
    /// Triple length, ECB (ANSI X9.17).
    Y,
    /// Thales key block.
    S,
    /// TR-31 key block.
    R,
}

/// The type of a key under a variant LMK: a variant digit and the code of an LMK pair, three hexadecimal
/// digits on the wire, such as `402` for a CVK.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyType {
    variant: u8,
    pair: u8,
}

/// The text is not a key field. Says nothing of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFieldError {
    /// The first character is neither a known scheme letter nor a hexadecimal digit.
    Scheme,
    /// More or fewer characters than the scheme asks for.
    Length,
    /// A character that the scheme does not allow, such as a lower-case hexadecimal digit.
    Character,
}

impl<'a> KeyField<'a> {
    /// Reads a whole key field, as written in configuration: `U` and 32 digits, or 16 or 32 digits
    /// without a letter, or a key block.
    ///
    /// # Errors
    /// When the letter is unknown, the length does not fit, or a character is not allowed.
    pub fn parse(text: &'a str) -> Result<KeyField<'a>, KeyFieldError> {
        let plain_digits = if text.len() == 32 { 32 } else { 16 };
        let (key, rest) = KeyField::split(text.as_bytes(), plain_digits)?;
        if rest.is_empty() { Ok(key) } else { Err(KeyFieldError::Length) }
    }

    /// Cuts a key field off the front of `bytes`. A key without a letter has `plain_digits` digits,
    /// which depends on the command.
    pub(crate) fn split(
        bytes: &'a [u8],
        plain_digits: usize,
    ) -> Result<(KeyField<'a>, &'a [u8]), KeyFieldError> {
        let first = *bytes.first().ok_or(KeyFieldError::Length)?;
        let (scheme, rest) = match KeyScheme::from_prefix(first) {
            Some(scheme) => (scheme, &bytes[1..]),
            None if is_hex(&first) => (KeyScheme::Z, bytes),
            None => return Err(KeyFieldError::Scheme),
        };
        let length = match scheme {
            KeyScheme::Z => plain_digits,
            KeyScheme::U | KeyScheme::X => 32,
            KeyScheme::T | KeyScheme::Y => 48,
            KeyScheme::S | KeyScheme::R => key_block_length(rest)?,
        };
        let (digits, rest) = rest.split_at_checked(length).ok_or(KeyFieldError::Length)?;
        let allowed = match scheme {
            // The text of an optional block may have spaces.
            KeyScheme::S | KeyScheme::R => digits.iter().all(|byte| matches!(byte, b' '..=b'~')),
            _ => digits.iter().all(is_hex),
        };
        match std::str::from_utf8(digits) {
            Ok(digits) if allowed => Ok((KeyField { scheme, digits: Cow::Borrowed(digits) }, rest)),
            _ => Err(KeyFieldError::Character),
        }
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> KeyScheme {
        self.scheme
    }

    /// What follows the scheme letter: the cryptogram in hexadecimal, or the key block from its version
    /// character on.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.digits
    }

    /// Whether this is a key block that states an AES key. Says something only of a block that was
    /// authenticated; here it tells how long the fields are that depend on the key.
    #[must_use]
    pub fn is_aes(&self) -> bool {
        self.block_header().get(7) == Some(&b'A')
    }

    /// Whether this is a key block that states a base derivation key. As [`KeyField::is_aes`], it tells
    /// fields apart and proves nothing.
    #[must_use]
    pub fn is_bdk_block(&self) -> bool {
        matches!(self.block_header().get(5..7), Some(b"B0" | b"41" | b"42" | b"43" | b"44"))
    }

    /// The LMK that a Thales key block says it stands under; `None` of any other key, and of a block under a
    /// ZMK or TMK. As [`KeyField::is_aes`], it proves nothing: the HSM compares it.
    #[must_use]
    pub fn lmk_identifier(&self) -> Option<LmkIdentifier> {
        let stated = self.block_header().get(14..16).filter(|_| self.scheme == KeyScheme::S)?;
        match stated {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
                Some(LmkIdentifier(10 * (tens - b'0') + (ones - b'0')))
            }
            _ => None,
        }
    }

    /// The block after its letter; empty for a key that is none.
    fn block_header(&self) -> &[u8] {
        if matches!(self.scheme, KeyScheme::S | KeyScheme::R) { self.digits.as_bytes() } else { b"" }
    }

    /// The field as it stands on the wire: letter, if any, and digits.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self.scheme.prefix() {
            Some(letter) => format!("{letter}{}", self.digits),
            None => self.digits.to_string(),
        }
    }

    /// The same key without the borrow.
    #[must_use]
    pub fn into_owned(self) -> KeyField<'static> {
        KeyField { scheme: self.scheme, digits: Cow::Owned(self.digits.into_owned()) }
    }

    /// The same key for as long as this one lives, without copying.
    #[must_use]
    pub fn borrowed(&self) -> KeyField<'_> {
        KeyField { scheme: self.scheme, digits: Cow::Borrowed(&self.digits) }
    }
}

impl KeyField<'static> {
    /// From its written form, keeping it.
    ///
    /// # Errors
    /// As [`KeyField::parse`].
    pub fn from_text(text: &str) -> Result<KeyField<'static>, KeyFieldError> {
        KeyField::parse(text).map(KeyField::into_owned)
    }
}

impl KeyScheme {
    /// The letter by which a command asks for this scheme; [`KeyScheme::Z`] is `Z`.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            KeyScheme::Z => 'Z',
            KeyScheme::U => 'U',
            KeyScheme::T => 'T',
            KeyScheme::X => 'X',
            KeyScheme::Y => 'Y',
            KeyScheme::S => 'S',
            KeyScheme::R => 'R',
        }
    }

    /// The letter in front of a key of this scheme; [`KeyScheme::Z`] has none.
    #[must_use]
    pub fn prefix(self) -> Option<char> {
        if self == KeyScheme::Z { None } else { Some(self.letter()) }
    }

    /// The scheme that a command asks for by this letter.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<KeyScheme> {
        if letter == b'Z' { Some(KeyScheme::Z) } else { KeyScheme::from_prefix(letter) }
    }

    fn from_prefix(letter: u8) -> Option<KeyScheme> {
        match letter {
            b'U' => Some(KeyScheme::U),
            b'T' => Some(KeyScheme::T),
            b'X' => Some(KeyScheme::X),
            b'Y' => Some(KeyScheme::Y),
            b'S' => Some(KeyScheme::S),
            b'R' => Some(KeyScheme::R),
            _ => None,
        }
    }
}

macro_rules! key_types {
    ($($name:ident = $variant:literal, $pair:literal, $text:literal, $meaning:literal;)*) => {
        impl KeyType {
            $(#[doc = concat!("`", $text, "`: ", $meaning, ".")]
            pub const $name: KeyType = KeyType { variant: $variant, pair: $pair };)*
        }
    };
}

key_types! {
    ZMK = 0, 0x00, "000", "zone master key";
    ZPK = 0, 0x01, "001", "zone PIN key";
    TMK = 0, 0x02, "002", "terminal master key";
    TPK = 0, 0x02, "002", "terminal PIN key, which shares its pair with the TMK";
    PVK = 0, 0x02, "002", "PIN verification key, which shares its pair with the TMK";
    TAK = 0, 0x03, "003", "terminal authentication key";
    DECIMALISATION_TABLE = 1, 0x04, "104", "no key, but what decimalisation tables are encrypted as";
    ZAK = 0, 0x08, "008", "zone authentication key";
    CVK = 4, 0x02, "402", "card verification key";
    BDK = 0, 0x09, "009", "base derivation key of type 1";
    BDK_2 = 6, 0x09, "609", "base derivation key of type 2";
    BDK_3 = 8, 0x09, "809", "base derivation key of type 3";
    IKEY = 3, 0x02, "302", "initial key of DUKPT";
    WWK = 0, 0x06, "006", "Watchword key";
    TPK_PCI = 7, 0x0D, "70D", "terminal PIN key where PIN keys are kept apart from the TMK";
    TMK_PCI = 8, 0x0D, "80D", "terminal master key where PIN keys are kept apart from it";
    TKR = 9, 0x0D, "90D", "terminal key register where PIN keys are kept apart";
    MK_AC = 1, 0x09, "109", "issuer master key for application cryptograms";
    MK_SMI = 2, 0x09, "209", "issuer master key for secure messaging with integrity";
    MK_SMC = 3, 0x09, "309", "issuer master key for secure messaging with confidentiality";
    MK_DAC = 4, 0x09, "409", "issuer master key for data authentication codes";
    MK_DN = 5, 0x09, "509", "issuer master key for dynamic numbers";
    MK_CVC3 = 7, 0x09, "709", "issuer master key for dynamic card verification codes";
    ZEK = 0, 0x0A, "00A", "zone encryption key";
    DEK = 0, 0x0B, "00B", "data encryption key";
    TEK = 3, 0x0B, "30B", "terminal encryption key";
    RSA_PRIVATE = 0, 0x0C, "00C", "RSA private key";
    RSA_PUBLIC = 0, 0x0D, "00D", "RSA public key";
    HMAC = 1, 0x0C, "10C", "HMAC key";
}

impl KeyType {
    /// `FFF`: no type, but "as the key block says". No key stands under a variant LMK by it.
    pub const FROM_KEY_BLOCK: KeyType = KeyType { variant: 0xF, pair: 0xFF };

    /// Reads three characters: variant digit `0` to `9`, pair code `00` to `0E`, or `FFF`. `None` otherwise.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<KeyType> {
        if text == b"FFF" {
            return Some(KeyType::FROM_KEY_BLOCK);
        }
        let [variant @ b'0'..=b'9', b'0', pair] = text else { return None };
        let pair = match pair {
            b'0'..=b'9' => pair - b'0',
            b'A'..=b'E' => pair - b'A' + 10,
            _ => return None,
        };
        Some(KeyType { variant: variant - b'0', pair })
    }

    /// The variant, 0 for the pair as it is, 15 for [`KeyType::FROM_KEY_BLOCK`].
    #[must_use]
    pub fn variant(self) -> u8 {
        self.variant
    }

    /// The pair code, `0x00` to `0x0E`, or `0xFF` for [`KeyType::FROM_KEY_BLOCK`]. Codes 00 and 01 mean LMK pairs 04-05 and 06-07, the others 14-15
    /// and upwards.
    #[must_use]
    pub fn pair(self) -> u8 {
        self.pair
    }
}

/// The three characters of the wire.
impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}{:02X}", self.variant, self.pair)
    }
}

impl fmt::Debug for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyType({self})")
    }
}

impl fmt::Debug for KeyField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyField({}****)", self.scheme.letter())
    }
}

impl fmt::Display for KeyFieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyFieldError::Scheme => "a key begins with U, T, X, Y, S, R or a hexadecimal digit",
            KeyFieldError::Length => "the key has not the length of its scheme",
            KeyFieldError::Character => "the key holds a character that is no upper-case hexadecimal digit",
        })
    }
}

impl std::error::Error for KeyFieldError {}

/// A key block says its own length, in four digits after the version character.
fn key_block_length(block: &[u8]) -> Result<usize, KeyFieldError> {
    const SHORTEST: usize = 16;
    let digits = block.get(1..5).ok_or(KeyFieldError::Length)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(KeyFieldError::Length);
    }
    let length = digits.iter().fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    if length < SHORTEST { Err(KeyFieldError::Length) } else { Ok(length) }
}

/// Upper case only, as the real unit asks for.
fn is_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_follows_from_the_first_character() {
        let check = |text: String, expect: Result<KeyScheme, KeyFieldError>| {
            assert_eq!(KeyField::parse(&text).map(|key| key.scheme()), expect, "{text}");
        };
        check("0".repeat(16), Ok(KeyScheme::Z));
        check("0".repeat(32), Ok(KeyScheme::Z));
        check("0".repeat(17), Err(KeyFieldError::Length));
        check(format!("U{}", "0".repeat(32)), Ok(KeyScheme::U));
        check(format!("T{}", "0".repeat(48)), Ok(KeyScheme::T));
        check(format!("X{}", "0".repeat(31)), Err(KeyFieldError::Length));
        check(format!("U{}", "a".repeat(32)), Err(KeyFieldError::Character));
        check(format!("S00020P0TB00E0001{}", "0".repeat(4)), Ok(KeyScheme::S));
        check("S00120P0TB00E0001".into(), Err(KeyFieldError::Length));
        check("S0".into(), Err(KeyFieldError::Length));
        check("V0".into(), Err(KeyFieldError::Scheme));
        check(String::new(), Err(KeyFieldError::Length));
    }

    #[test]
    fn a_key_block_names_its_lmk() {
        let check = |text: String, expect: Option<u8>| {
            let found = KeyField::parse(&text).unwrap().lmk_identifier();
            assert_eq!(found, expect.map(LmkIdentifier), "{text}");
        };
        check(format!("S00020P0TB00E0002{}", "0".repeat(4)), Some(2));
        check(format!("S00020P0TB00E0019{}", "0".repeat(4)), Some(19));
        check(format!("S00020P0TB00E00FF{}", "0".repeat(4)), None);
        check(format!("RA0020P0TB00E0000{}", "0".repeat(4)), None);
        check(format!("U{}", "02".repeat(16)), None);
    }

    #[test]
    fn debug_shows_the_scheme_only() {
        let text = format!("U{}", "7".repeat(32));
        assert_eq!(format!("{:?}", KeyField::parse(&text).unwrap()), "KeyField(U****)");
    }

    #[test]
    fn key_types() {
        for text in ["000", "402", "00E", "90A", "FFF"] {
            assert_eq!(KeyType::parse(text.as_bytes()).unwrap().to_string(), text);
        }
        assert_eq!(KeyType::parse(b"109"), Some(KeyType::MK_AC));
        for bad in ["0FF", "FF0", "010", "00F", "00", "0000", "A02"] {
            assert_eq!(KeyType::parse(bad.as_bytes()), None);
        }
    }
}
