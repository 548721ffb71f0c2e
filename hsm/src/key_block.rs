//! Headers of key blocks: Thales (scheme S, fact sheet section 3) and TR-31 / ANSI X9.143 (scheme R) lay
//! theirs out alike.

use crate::reader::Reader;
use crate::{ErrorCode, writer};
use std::fmt;

/// The header of a key block: 16 characters and the optional blocks after them. It travels in clear, bound
/// to the key by the block's authenticator, so it says something only of a block that was unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBlockHeader<'a> {
    /// How the block is wrapped: `0` by 3DES and `1` by AES (Thales), `A`, `B`, `C` by 3DES and `D` by AES
    /// (TR-31).
    pub version: u8,
    /// What the key is for, by whom and until when.
    pub attributes: KeyAttributes<'a>,
    /// Two characters at the end: in a Thales block the LMK identifier, or `FF` under a ZMK or TMK; `00` in
    /// a TR-31 block.
    pub context: [u8; 2],
}

/// What a key block says of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAttributes<'a> {
    /// What for.
    pub usage: KeyUsage,
    /// For which algorithm.
    pub algorithm: KeyAlgorithm,
    /// For which operations.
    pub mode: ModeOfUse,
    /// Key version number of two characters: `00` when not used, `c1` to `c9` for a component.
    pub key_version: [u8; 2],
    /// Under what the key may leave.
    pub exportability: Exportability,
    /// What else it says.
    pub optional_blocks: OptionalBlocks<'a>,
}

/// Usage of a key, two characters such as `P0` for a PIN key. Thales has numbers of its own beside the codes
/// of TR-31, such as `72` for a ZPK.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyUsage([u8; 2]);

/// Algorithm that a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// `T`: TDES of one to three parts.
    Tdes,
    /// `A`: AES.
    Aes,
    /// `D`: single DES.
    Des,
    /// `H`: HMAC.
    Hmac,
    /// `R`: RSA.
    Rsa,
}

/// Operations that a key is for, one character.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModeOfUse(u8);

/// Under what a key may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exportability {
    /// `E`: under a trusted key only, one that stands in a key block, and in a key block.
    Trusted,
    /// `N`: never.
    Never,
    /// `S`: in other schemes too.
    Sensitive,
}

/// Optional blocks of a header: each an identifier of two characters, a length of two hexadecimal digits
/// that counts all of it, and text. Longer ones say `00`, how many bytes the length has, and the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalBlocks<'a> {
    count: u8,
    text: &'a str,
}

/// A key block header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyBlockError {
    /// Too short, or a character that it may not have.
    Format,
    /// An algorithm that is not known.
    Algorithm,
    /// An exportability that is not known.
    Exportability,
    /// The number of optional blocks.
    OptionalCount,
    /// An optional block is not laid out as one.
    OptionalBlock,
}

impl<'a> KeyBlockHeader<'a> {
    /// Characters before the optional blocks.
    pub const LENGTH: usize = 16;

    /// Reads the header of `block`, which is everything after the letter of the scheme, and gives what
    /// comes after it.
    ///
    /// # Errors
    /// When it is cut short, holds characters it may not, or says another length than it has.
    pub fn parse(block: &'a str) -> Result<(KeyBlockHeader<'a>, &'a str), KeyBlockError> {
        if !block.is_ascii() {
            return Err(KeyBlockError::Format);
        }
        let bytes = block.as_bytes().first_chunk::<16>().ok_or(KeyBlockError::Format)?;
        if !bytes[1..5].iter().all(u8::is_ascii_digit) || block[1..5].parse() != Ok(block.len()) {
            return Err(KeyBlockError::Format);
        }
        let count = decimal(&bytes[12..14]).ok_or(KeyBlockError::OptionalCount)?;
        let (optional_blocks, rest) = OptionalBlocks::split(count, &block[16..])?;
        let attributes = KeyAttributes {
            usage: KeyUsage::new([bytes[5], bytes[6]]).ok_or(KeyBlockError::Format)?,
            algorithm: KeyAlgorithm::from_letter(bytes[7]).ok_or(KeyBlockError::Algorithm)?,
            mode: ModeOfUse::from_letter(bytes[8]).ok_or(KeyBlockError::Format)?,
            key_version: [bytes[9], bytes[10]],
            exportability: Exportability::from_letter(bytes[11]).ok_or(KeyBlockError::Exportability)?,
            optional_blocks,
        };
        let header = KeyBlockHeader { version: bytes[0], attributes, context: [bytes[14], bytes[15]] };
        Ok((header, rest))
    }

    /// The header of a block that has `body` characters after it, optional blocks included. `None` when the
    /// length does not fit its four digits or a field is not ASCII.
    #[must_use]
    pub fn to_text(&self, body: usize) -> Option<String> {
        let length = KeyBlockHeader::LENGTH + self.attributes.optional_blocks.text.len() + body;
        let KeyAttributes { usage, algorithm, mode, key_version, exportability, optional_blocks } =
            self.attributes;
        let mut text = vec![self.version];
        text.extend_from_slice(format!("{length:04}").as_bytes());
        text.extend_from_slice(usage.as_bytes());
        text.extend([algorithm.letter(), mode.letter(), key_version[0], key_version[1]]);
        text.push(exportability.letter());
        text.extend_from_slice(format!("{:02}", optional_blocks.count).as_bytes());
        text.extend_from_slice(&self.context);
        text.extend_from_slice(optional_blocks.text.as_bytes());
        String::from_utf8(text).ok().filter(|text| text.is_ascii() && length <= 9999)
    }
}

impl KeyUsage {
    /// Takes two letters or digits.
    #[must_use]
    pub fn new(code: [u8; 2]) -> Option<KeyUsage> {
        code.iter().all(u8::is_ascii_alphanumeric).then_some(KeyUsage(code))
    }

    /// From its characters, for constants.
    ///
    /// # Panics
    /// When they are no letters or digits; at compile time, in a constant.
    #[must_use]
    pub const fn literal(code: &[u8; 2]) -> KeyUsage {
        assert!(code[0].is_ascii_alphanumeric() && code[1].is_ascii_alphanumeric());
        KeyUsage(*code)
    }

    /// The characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }

    /// Whether the fact sheet (section 3) names this usage.
    #[must_use]
    pub fn is_known(self) -> bool {
        matches!(
            &self.0,
            b"B0"
                | b"B1"
                | b"41"
                | b"42"
                | b"43"
                | b"44"
                | b"C0"
                | b"11"
                | b"12"
                | b"13"
                | b"D0"
                | b"21"
                | b"22"
                | b"23"
                | b"E0"
                | b"E1"
                | b"E2"
                | b"E3"
                | b"E4"
                | b"E5"
                | b"E6"
                | b"32"
                | b"K0"
                | b"51"
                | b"52"
                | b"M0"
                | b"M1"
                | b"M2"
                | b"M3"
                | b"M4"
                | b"M5"
                | b"M6"
                | b"61"
                | b"62"
                | b"63"
                | b"64"
                | b"65"
                | b"P0"
                | b"71"
                | b"72"
                | b"73"
                | b"V0"
                | b"V1"
                | b"V2"
                | b"01"
                | b"02"
                | b"03"
        )
    }

    /// The code that TR-31 has for this usage, for blocks that leave. `None` where no such code is known
    /// (`01` to `03`, `61` to `65`). Which code a unit writes for `32` and `73` is unconfirmed.
    #[must_use]
    pub fn to_tr31(self) -> Option<KeyUsage> {
        Some(KeyUsage(match &self.0 {
            b"41" | b"42" | b"43" | b"44" => *b"B0",
            b"11" | b"12" | b"13" => *b"C0",
            b"21" | b"22" | b"23" => *b"D0",
            b"32" => *b"E6",
            b"51" | b"52" | b"73" => *b"K0",
            b"71" | b"72" => *b"P0",
            [b'0'..=b'9', _] => return None,
            code => *code,
        }))
    }
}

impl KeyAlgorithm {
    /// The algorithm of this letter.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<KeyAlgorithm> {
        Some(match letter {
            b'T' => KeyAlgorithm::Tdes,
            b'A' => KeyAlgorithm::Aes,
            b'D' => KeyAlgorithm::Des,
            b'H' => KeyAlgorithm::Hmac,
            b'R' => KeyAlgorithm::Rsa,
            _ => return None,
        })
    }

    /// The letter.
    #[must_use]
    pub fn letter(self) -> u8 {
        match self {
            KeyAlgorithm::Tdes => b'T',
            KeyAlgorithm::Aes => b'A',
            KeyAlgorithm::Des => b'D',
            KeyAlgorithm::Hmac => b'H',
            KeyAlgorithm::Rsa => b'R',
        }
    }
}

impl ModeOfUse {
    /// `N`: any operation that the usage allows.
    pub const ANY: ModeOfUse = ModeOfUse(b'N');

    /// Reads `N` any, `B` both ways, `E` encrypt, `D` decrypt, `G` generate, `V` verify, `C` generate and
    /// verify, `X` derive, `S` sign, `T` sign and decrypt, `Y` make variants. `None` for other letters.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<ModeOfUse> {
        b"NBEDGVCXSTY".contains(&letter).then_some(ModeOfUse(letter))
    }

    /// The letter.
    #[must_use]
    pub fn letter(self) -> u8 {
        self.0
    }
}

impl Exportability {
    /// The exportability of this letter.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<Exportability> {
        Some(match letter {
            b'E' => Exportability::Trusted,
            b'N' => Exportability::Never,
            b'S' => Exportability::Sensitive,
            _ => return None,
        })
    }

    /// The letter.
    #[must_use]
    pub fn letter(self) -> u8 {
        match self {
            Exportability::Trusted => b'E',
            Exportability::Never => b'N',
            Exportability::Sensitive => b'S',
        }
    }

    /// Whether a key of this exportability may go where one of `other` may not.
    #[must_use]
    pub fn is_wider_than(self, other: Exportability) -> bool {
        let width = |exportability| match exportability {
            Exportability::Never => 0,
            Exportability::Trusted => 1,
            Exportability::Sensitive => 2,
        };
        width(self) > width(other)
    }
}

impl<'a> OptionalBlocks<'a> {
    /// No optional blocks.
    pub const NONE: OptionalBlocks<'static> = OptionalBlocks { count: 0, text: "" };

    /// Reads `count` optional blocks that fill `text`.
    ///
    /// # Errors
    /// When there are fewer or more, or one is not laid out as one.
    pub fn parse(count: u8, text: &'a str) -> Result<OptionalBlocks<'a>, KeyBlockError> {
        match OptionalBlocks::split(count, text)? {
            (blocks, "") => Ok(blocks),
            _ => Err(KeyBlockError::OptionalCount),
        }
    }

    /// Cuts `count` optional blocks off the front of `text`.
    pub(crate) fn split(count: u8, text: &'a str) -> Result<(OptionalBlocks<'a>, &'a str), KeyBlockError> {
        let mut length = 0;
        for _ in 0..count {
            length += block_length(&text[length..])?;
        }
        let (text, rest) = text.split_at(length);
        Ok((OptionalBlocks { count, text }, rest))
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u8 {
        self.count
    }

    /// Their text, as it stands in the header.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Each block, with its identifier in front.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            let (block, after) = rest.split_at(block_length(rest).ok()?);
            rest = after;
            Some(block)
        })
    }
}

/// Length of the optional block at the front; every character of the text is ASCII.
fn block_length(text: &str) -> Result<usize, KeyBlockError> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        usize::from_str_radix(digits.unwrap_or("-"), 16).map_err(|_| KeyBlockError::OptionalBlock)
    };
    let (length, shortest) = match number(2..4)? {
        // Zero says that the length stands behind, in so many bytes of two digits.
        0 => match number(4..6)? {
            width @ 1..=2 => (number(6..6 + 2 * width)?, 6 + 2 * width),
            _ => return Err(KeyBlockError::OptionalBlock),
        },
        length => (length, 4),
    };
    if length < shortest || length > text.len() || !text.as_bytes()[..length].iter().all(is_printable) {
        return Err(KeyBlockError::OptionalBlock);
    }
    Ok(length)
}

fn is_printable(byte: &u8) -> bool {
    matches!(byte, b' '..=b'~')
}

fn decimal(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0u8, |number, digit| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(digit - b'0'),
        _ => None,
    })
}

impl Reader<'_> {
    /// Usage of a key: any two letters or digits; whether it is known decides who makes a block of it.
    pub(crate) fn key_usage(&mut self) -> Result<KeyUsage, ErrorCode> {
        KeyUsage::new(self.array()?).ok_or(ErrorCode::KEY_BLOCK_USAGE)
    }

    pub(crate) fn mode_of_use(&mut self) -> Result<ModeOfUse, ErrorCode> {
        let [letter] = self.array()?;
        ModeOfUse::from_letter(letter).ok_or(ErrorCode::KEY_BLOCK_MODE)
    }

    /// A key version number: two letters or digits.
    pub(crate) fn key_version(&mut self) -> Result<[u8; 2], ErrorCode> {
        let version = self.array::<2>()?;
        let legal = version.iter().all(u8::is_ascii_alphanumeric);
        if legal { Ok(version) } else { Err(ErrorCode::KEY_BLOCK_VERSION) }
    }

    pub(crate) fn exportability(&mut self) -> Result<Exportability, ErrorCode> {
        let [letter] = self.array()?;
        Exportability::from_letter(letter).ok_or(ErrorCode::KEY_BLOCK_EXPORTABILITY)
    }
}

impl<'a> Reader<'a> {
    /// Count 2N and as many optional blocks.
    pub(crate) fn optional_blocks(&mut self) -> Result<OptionalBlocks<'a>, ErrorCode> {
        let count = self.small_decimal::<2>()?;
        // Blocks are ASCII; what comes after them, a trailer, need not be.
        let rest = self.peek_rest();
        let ascii = rest.iter().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let text = std::str::from_utf8(&rest[..ascii]).map_err(|_| ErrorCode::INPUT)?;
        let (blocks, _) = OptionalBlocks::split(count, text).map_err(|_| ErrorCode::OPTIONAL_BLOCK)?;
        self.take(blocks.text.len())?;
        Ok(blocks)
    }
}

/// Appends count and optional blocks.
pub(crate) fn write_optional(out: &mut Vec<u8>, blocks: &OptionalBlocks<'_>) {
    writer::decimal(out, blocks.count.into(), 2);
    out.extend_from_slice(blocks.text.as_bytes());
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUsage({self})")
    }
}

impl fmt::Debug for ModeOfUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModeOfUse({})", char::from(self.0))
    }
}

impl fmt::Display for KeyBlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyBlockError::Format => "the key block header cannot be read",
            KeyBlockError::Algorithm => "the key block names an unknown algorithm",
            KeyBlockError::Exportability => "the key block names an unknown exportability",
            KeyBlockError::OptionalCount => "the key block has another number of optional blocks",
            KeyBlockError::OptionalBlock => "an optional block of the key block cannot be read",
        })
    }
}

impl std::error::Error for KeyBlockError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_as_it_was_read() {
        let check = |block: &str, optional: &[&str], rest: &str| {
            let (header, found) = KeyBlockHeader::parse(block).unwrap();
            assert_eq!(found, rest);
            assert_eq!(header.attributes.optional_blocks.iter().collect::<Vec<_>>(), optional);
            assert_eq!(header.to_text(rest.len()).unwrap(), block[..block.len() - rest.len()]);
        };
        check("00020P0TB00E0001ABCD", &[], "ABCD");
        check("D0040V1AN00N0200KS08ABCDPB0Azzzzzz012345", &["KS08ABCD", "PB0Azzzzzz"], "012345");
        // A length of its own width.
        check("D0036P0AE00E0100CT0002000Fxyzzy-rest", &["CT0002000Fxyzzy"], "-rest");
    }

    #[test]
    fn headers_that_contradict_themselves_are_refused() {
        let check = |block: &str, expect| {
            assert_eq!(KeyBlockHeader::parse(block).unwrap_err(), expect, "{block}");
        };
        check("00021P0TB00E0001ABCD", KeyBlockError::Format);
        check("0+020P0TB00E0001ABCD", KeyBlockError::Format);
        check("00014P0TB00E00", KeyBlockError::Format);
        check("00018P0TB00E0001é", KeyBlockError::Format);
        check("00020P-TB00E0001ABCD", KeyBlockError::Format);
        check("00020P0QB00E0001ABCD", KeyBlockError::Algorithm);
        check("00020P0TQ00E0001ABCD", KeyBlockError::Format);
        check("00020P0TB00Q0001ABCD", KeyBlockError::Exportability);
        check("00020P0TB00E0x01ABCD", KeyBlockError::OptionalCount);
        check("00020P0TB00E0101ABCD", KeyBlockError::OptionalBlock);
        check("00020P0TB00E0101KS03", KeyBlockError::OptionalBlock);
        check("00020P0TB00E0101KS05", KeyBlockError::OptionalBlock);
        check("00024P0TB00E0101KS000304", KeyBlockError::OptionalBlock);
        assert_eq!(OptionalBlocks::parse(1, "KS04KS04"), Err(KeyBlockError::OptionalCount));
    }

    #[test]
    fn usages_that_leave_are_those_of_tr_31() {
        let check = |from: &[u8; 2], to: Option<&[u8; 2]>| {
            assert_eq!(KeyUsage::literal(from).to_tr31(), to.map(KeyUsage::literal));
        };
        check(b"72", Some(b"P0"));
        check(b"52", Some(b"K0"));
        check(b"12", Some(b"C0"));
        check(b"V2", Some(b"V2"));
        check(b"41", Some(b"B0"));
        check(b"01", None);
        assert!(KeyUsage::literal(b"72").is_known() && !KeyUsage::literal(b"Z9").is_known());
    }
}
