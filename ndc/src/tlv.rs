//! BER-TLV objects (EMV Book 3, annex B) as far as NDC carries them: the outer sequence of chip data in
//! requests and replies. Templates are not opened; their value is one object.

use zeroize::Zeroizing;

/// The bytes are no sequence of BER-TLV objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlvError;

/// One object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    /// The tag: one to three bytes as a number, for example `0x9F26`.
    pub tag: u32,
    /// The value in clear.
    pub value: &'a [u8],
    /// Where the value begins in the sequence.
    pub offset: usize,
}

/// The objects of a sequence from left to right; ends after the first error.
#[derive(Clone)]
pub struct Objects<'a> {
    sequence: &'a [u8],
    position: usize,
}

/// Walks over the objects of `sequence`.
#[must_use]
pub fn objects(sequence: &[u8]) -> Objects<'_> {
    Objects { sequence, position: 0 }
}

/// The value of the first object with this tag, if there is one before any damage.
#[must_use]
pub fn find(sequence: &[u8], tag: u32) -> Option<&[u8]> {
    objects(sequence).map_while(Result::ok).find(|object| object.tag == tag).map(|object| object.value)
}

/// The objects with which a reply answers a chip: issuer authentication data (tag `91`, 8 to 16 bytes:
/// ARPC and response code or status) unless empty, the authorization response code (tag `8A`), and
/// issuer scripts (`71`, `72`) appended as they are.
///
/// A decline sends the response code too, so that the card can finish (reference §11.4).
///
/// ```
/// let answer = ndc::tlv::issuer_response(&[1, 2, 3, 4, 5, 6, 7, 8, 0x30, 0x30], *b"00", &[]);
/// assert_eq!(ndc::tlv::find(&answer, 0x8A), Some(&b"00"[..]));
/// ```
#[must_use]
pub fn issuer_response(authentication: &[u8], response_code: [u8; 2], scripts: &[u8]) -> Vec<u8> {
    let mut sequence = Vec::with_capacity(authentication.len() + scripts.len() + 6);
    if let Ok(length @ 1..=16) = u8::try_from(authentication.len()) {
        sequence.extend([0x91, length]);
        sequence.extend(authentication);
    }
    sequence.extend([0x8A, 2]);
    sequence.extend(response_code);
    sequence.extend(scripts);
    sequence
}

/// Decodes hexadecimal text; `None` when its length is odd or a character is no digit. The bytes may be
/// card data, so they are wiped on drop.
pub(crate) fn from_hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.chunks_exact(2) {
        bytes.push(nibble(pair[0])? << 4 | nibble(pair[1])?);
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Object<'a>, TlvError>;

    fn next(&mut self) -> Option<Result<Object<'a>, TlvError>> {
        if self.position == self.sequence.len() {
            return None;
        }
        let Some(object) = self.object() else {
            self.position = self.sequence.len();
            return Some(Err(TlvError));
        };
        self.position = object.offset + object.value.len();
        Some(Ok(object))
    }
}

impl<'a> Objects<'a> {
    fn object(&self) -> Option<Object<'a>> {
        let mut offset = self.position;
        let mut byte = || {
            let byte = *self.sequence.get(offset)?;
            offset += 1;
            Some(byte)
        };
        let mut tag = u32::from(byte()?);
        if tag & 0x1F == 0x1F {
            // Continued while bit 8 is set; EMV has tags of at most three bytes.
            let second = byte()?;
            tag = tag << 8 | u32::from(second);
            if second & 0x80 != 0 {
                let third = byte()?;
                if third & 0x80 != 0 {
                    return None;
                }
                tag = tag << 8 | u32::from(third);
            }
        }
        let length = match byte()? {
            short @ ..=0x7F => usize::from(short),
            0x81 => usize::from(byte()?),
            0x82 => usize::from(byte()?) << 8 | usize::from(byte()?),
            _ => return None,
        };
        let value = self.sequence.get(offset..offset.checked_add(length)?)?;
        Some(Object { tag, value, offset })
    }
}

impl std::fmt::Display for TlvError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a sequence of BER-TLV objects")
    }
}

impl std::error::Error for TlvError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sequence: &[u8], expect: Result<&[(u32, usize)], TlvError>) {
        let found: Result<Vec<_>, _> =
            objects(sequence).map(|object| object.map(|object| (object.tag, object.value.len()))).collect();
        assert_eq!(found.as_deref().map_err(|error| *error), expect, "{sequence:02X?}");
    }

    #[test]
    fn tags_and_lengths() {
        check(&[], Ok(&[]));
        check(&[0x9B, 2, 0x60, 0], Ok(&[(0x9B, 2)]));
        check(&[0x9F, 0x26, 1, 9, 0x82, 0], Ok(&[(0x9F26, 1), (0x82, 0)]));
        check(&[0xDF, 0x81, 0x29, 1, 0], Ok(&[(0xDF_8129, 1)]));
        check(&[0x71, 0x81, 1, 0], Ok(&[(0x71, 1)]));
        check(&[0x71, 0x82, 0, 1, 0], Ok(&[(0x71, 1)]));
        check(&[0x9F], Err(TlvError));
        check(&[0xDF, 0x81, 0x81, 1, 0], Err(TlvError));
        check(&[0x9B], Err(TlvError));
        check(&[0x9B, 3, 0, 0], Err(TlvError));
        check(&[0x9B, 0x80, 0, 0], Err(TlvError));
        check(&[0x9B, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], Err(TlvError));
    }

    #[test]
    fn hexadecimal_text() {
        assert_eq!(from_hex(b"9b02").unwrap().as_slice(), [0x9B, 2]);
        assert!(from_hex(b"9B0").is_none());
        assert!(from_hex(b"9G").is_none());
    }

    #[test]
    fn an_answer_without_authentication_data_has_the_code_alone() {
        assert_eq!(issuer_response(&[], *b"05", &[]), [0x8A, 2, b'0', b'5']);
        assert_eq!(issuer_response(&[7; 4], *b"00", &[0x72, 0])[..6], [0x91, 4, 7, 7, 7, 7]);
    }
}
