mod ebcdic;

use crate::class::{self, ClassBits};

/// How the characters of text are written as bytes. Decoded, all text is UTF-8; lengths count the
/// bytes written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// 0x00 to 0x7F; a byte above is no character.
    Ascii,
    /// ISO 8859-1.
    Latin1,
    /// Windows code page 1251, Cyrillic.
    Cp1251,
    /// GBK, simplified Chinese; one or two bytes a character.
    Gbk,
    /// EBCDIC code page 037: USA, Canada.
    Cp037,
    /// EBCDIC code page 500: international.
    Cp500,
    /// EBCDIC code page 1047: open systems.
    Cp1047,
}

impl Charset {
    /// Every character set with its name in dialect files.
    pub const NAMES: [(&'static str, Charset); 8] = [
        ("ascii", Charset::Ascii),
        ("latin1", Charset::Latin1),
        ("cp1251", Charset::Cp1251),
        ("gbk", Charset::Gbk),
        ("cp037", Charset::Cp037),
        ("cp500", Charset::Cp500),
        ("cp1047", Charset::Cp1047),
        // The digits, letters and most of the punctuation are the same in all three code pages.
        ("ebcdic", Charset::Cp500),
    ];

    /// The name in dialect files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, charset)| *charset == self).map_or("?", |(name, _)| name)
    }

    /// The classes that each byte belongs to.
    pub(crate) fn classes(self) -> &'static [ClassBits; 256] {
        match self {
            Charset::Ascii => &ASCII_CLASSES,
            Charset::Latin1 => &LATIN1_CLASSES,
            Charset::Cp1251 | Charset::Gbk => &HIGH_CLASSES,
            Charset::Cp037 => &CP037_CLASSES,
            Charset::Cp500 => &CP500_CLASSES,
            Charset::Cp1047 => &CP1047_CLASSES,
        }
    }

    /// Whether ASCII text is written as it is.
    pub(crate) fn extends_ascii(self) -> bool {
        matches!(self, Charset::Ascii | Charset::Latin1 | Charset::Cp1251 | Charset::Gbk)
    }

    /// The code point below 256 of a byte, or `None` in sets that go beyond.
    fn latin1(self) -> Option<&'static [u8; 256]> {
        match self {
            Charset::Cp037 => Some(&ebcdic::CP037),
            Charset::Cp500 => Some(&ebcdic::CP500),
            Charset::Cp1047 => Some(&ebcdic::CP1047),
            Charset::Latin1 => Some(&IDENTITY),
            Charset::Ascii | Charset::Cp1251 | Charset::Gbk => None,
        }
    }

    /// Most bytes of UTF-8 that so many bytes can become.
    pub(crate) const fn longest_decoded(self, wire: usize) -> usize {
        match self {
            Charset::Ascii => wire,
            Charset::Latin1 | Charset::Cp037 | Charset::Cp500 | Charset::Cp1047 => 2 * wire,
            Charset::Cp1251 | Charset::Gbk => 3 * wire,
        }
    }

    /// Whether the bytes make sense together, and are what would be written: only two-byte characters can
    /// fail to be.
    pub(crate) fn is_well_formed(self, wire: &[u8]) -> bool {
        if self != Charset::Gbk {
            return true;
        }
        // The decoder knows the longer GB 18030 too, which cannot be written as GBK.
        let text = encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(wire);
        text.is_some_and(|text| {
            let (again, _, lost) = encoding_rs::GBK.encode(&text);
            !lost && *again == *wire
        })
    }

    /// Writes the UTF-8 of `wire` to the front of `out`, which has room for [`Charset::longest_decoded`],
    /// and answers how many bytes that took. What is no character becomes U+FFFD.
    pub(crate) fn decode(self, wire: &[u8], out: &mut [u8]) -> usize {
        if let Some(table) = self.latin1() {
            return decode_latin1(wire.iter().map(|byte| table[usize::from(*byte)]), out);
        }
        let text = match self {
            Charset::Cp1251 => encoding_rs::WINDOWS_1251.decode_without_bom_handling(wire).0,
            Charset::Gbk => encoding_rs::GBK.decode_without_bom_handling(wire).0,
            _ => String::from_utf8_lossy(wire),
        };
        let length = text.len().min(out.len());
        out[..length].copy_from_slice(&text.as_bytes()[..length]);
        length
    }

    /// Writes text in this character set to the front of `out`, which has as many bytes as the text in
    /// UTF-8, and answers how many that took; `None` when it cannot say a character of it.
    pub(crate) fn encode(self, text: &str, out: &mut [u8]) -> Option<usize> {
        if self.extends_ascii() && text.is_ascii() {
            out.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
            return Some(text.len());
        }
        if let Some(table) = self.latin1() {
            let mut length = 0;
            for character in text.chars() {
                let code = u8::try_from(u32::from(character)).ok()?;
                *out.get_mut(length)? = table.iter().position(|byte| *byte == code)? as u8;
                length += 1;
            }
            return Some(length);
        }
        let encoding = match self {
            Charset::Cp1251 => encoding_rs::WINDOWS_1251,
            Charset::Gbk => encoding_rs::GBK,
            _ => return None,
        };
        let (bytes, _, lost) = encoding.encode(text);
        out.get_mut(..bytes.len())?.copy_from_slice(&bytes);
        (!lost).then_some(bytes.len())
    }

    /// The byte of an ASCII digit, letter or sign. Every character set here has them.
    pub(crate) fn byte(self, ascii: u8) -> u8 {
        match self.latin1() {
            Some(table) => table.iter().position(|code| *code == ascii).unwrap_or_default() as u8,
            None => ascii,
        }
    }

    /// The ASCII character that a byte stands for, or `None` of all others.
    pub(crate) fn ascii(self, byte: u8) -> Option<u8> {
        let code = self.latin1().map_or(byte, |table| table[usize::from(byte)]);
        code.is_ascii().then_some(code)
    }
}

fn decode_latin1(codes: impl Iterator<Item = u8>, out: &mut [u8]) -> usize {
    let mut length = 0;
    for code in codes {
        let text = char::from(code);
        if let Some(slot) = out.get_mut(length..length + text.len_utf8()) {
            text.encode_utf8(slot);
            length += slot.len();
        }
    }
    length
}

static IDENTITY: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte as u8;
        byte += 1;
    }
    table
};

static ASCII_CLASSES: [ClassBits; 256] = class_table(&IDENTITY, High::Nothing);
static LATIN1_CLASSES: [ClassBits; 256] = class_table(&IDENTITY, High::Latin1);
static HIGH_CLASSES: [ClassBits; 256] = class_table(&IDENTITY, High::Printable);
static CP037_CLASSES: [ClassBits; 256] = class_table(&ebcdic::CP037, High::Latin1);
static CP500_CLASSES: [ClassBits; 256] = class_table(&ebcdic::CP500, High::Latin1);
static CP1047_CLASSES: [ClassBits; 256] = class_table(&ebcdic::CP1047, High::Latin1);

/// What code points above 0x7F are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum High {
    /// No characters.
    Nothing,
    /// Printable from 0xA0 on.
    Latin1,
    /// Printable from 0x80 on.
    Printable,
}

const fn class_table(codes: &[u8; 256], high: High) -> [ClassBits; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = codes[byte];
        table[byte] = match high {
            High::Latin1 if code >= 0xA0 => class::PRINTABLE_HIGH,
            High::Latin1 if code >= 0x80 => class::CONTROL_HIGH,
            High::Printable if code >= 0x80 => class::PRINTABLE_HIGH,
            _ => class::of_ascii(code),
        };
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(charset: Charset, text: &str) -> Option<Vec<u8>> {
        let mut out = vec![0; text.len()];
        let length = charset.encode(text, &mut out)?;
        out.truncate(length);
        Some(out)
    }

    fn decoded(charset: Charset, wire: &[u8]) -> String {
        let mut out = vec![0; charset.longest_decoded(wire.len())];
        let length = charset.decode(wire, &mut out);
        String::from_utf8(out[..length].to_vec()).unwrap()
    }

    /// Bytes by the codecs of Python 3.11 and, for 1047, of iconv.
    #[test]
    fn there_and_back() {
        let check = |charset: Charset, text: &str, wire: &str| {
            let wire = hex::decode(wire).unwrap();
            assert_eq!(encoded(charset, text).as_ref(), Some(&wire), "{text} in {charset:?}");
            assert_eq!(decoded(charset, &wire), text, "{text} in {charset:?}");
        };
        check(Charset::Ascii, "AZ az 09 ~", "415A20617A203039207E");
        check(Charset::Latin1, "Zoë", "5A6FEB");
        check(Charset::Cp1251, "Молоко 5", "CCEEEBEEEAEE2035");
        check(Charset::Gbk, "银行A", "D2F8D0D041");
        check(Charset::Cp037, "AZ az 09 [é]", "C1E94081A940F0F940BA51BB");
        check(Charset::Cp500, "AZ az 09 [é]", "C1E94081A940F0F9404A515A");
        check(Charset::Cp1047, "AZ az 09 [é]", "C1E94081A940F0F940AD51BD");
    }

    #[test]
    fn what_a_set_lacks_is_not_written() {
        assert_eq!(encoded(Charset::Ascii, "é"), None);
        assert_eq!(encoded(Charset::Latin1, "€"), None);
        assert_eq!(encoded(Charset::Cp500, "Ж"), None);
        assert_eq!(encoded(Charset::Cp1251, "银"), None);
        assert_eq!(encoded(Charset::Gbk, "🎉"), None);
    }

    #[test]
    fn half_a_character_is_told() {
        assert!(!Charset::Gbk.is_well_formed(&[0x41, 0xD2]));
        assert!(Charset::Gbk.is_well_formed(&[0xD2, 0xF8]));
        // Four bytes of GB 18030.
        assert!(!Charset::Gbk.is_well_formed(&[0xC0, 0x30, 0xD0, 0x30]));
    }

    #[test]
    fn digits_in_every_set() {
        for (_, charset) in Charset::NAMES {
            for digit in b'0'..=b'9' {
                assert_eq!(charset.ascii(charset.byte(digit)), Some(digit), "{charset:?}");
            }
        }
        assert_eq!(Charset::Cp500.byte(b'7'), 0xF7);
        assert_eq!(Charset::Cp500.name(), "cp500");
    }
}
