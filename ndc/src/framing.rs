//! Messages on a byte stream: a length in front of each body (reference §1).
//!
//! The free functions [`next_frame`] and [`fn@write`] speak the common form, two bytes big-endian that do
//! not count themselves; [`Framing`] has the variants that sites use.

use std::fmt;
use std::ops::Range;

/// How messages are delimited on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    /// The length in front of the body.
    pub length: Length,
    /// Take off an STX before and an ETX behind the body, which some gateways leave there. They are not
    /// added when writing.
    pub strip_stx_etx: bool,
}

/// Form of the length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// Two bytes, big-endian, not counting themselves.
    #[default]
    TwoBytes,
    /// Two bytes, big-endian, counting themselves.
    TwoBytesInclusive,
    /// Four ASCII digits, not counting themselves.
    FourDigits,
}

/// Where a complete message lies in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The body. Empty for a length of zero, which is no message and is to be ignored.
    pub body: Range<usize>,
    /// How many bytes of the buffer the frame took, length included.
    pub consumed: usize,
}

/// Why the stream cannot be cut into messages any further: the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The body is longer than allowed, on reading, or than its length can say, on writing.
    TooLong,
    /// The length is no number, or is smaller than itself.
    Length,
}

/// Finds the first frame of the buffer: two-byte length, nothing stripped. `None` means that more bytes
/// are needed; what is buffered then never exceeds `max` and the length.
///
/// # Errors
/// [`FrameError::TooLong`] as soon as the length is known to exceed `max`.
///
/// ```
/// let buffer = b"\x00\x0522\x1c9x\x00";
/// let frame = ndc::framing::next_frame(buffer, 1024).unwrap().unwrap();
/// assert_eq!((&buffer[frame.body], frame.consumed), (&b"22\x1c9x"[..], 7));
/// assert_eq!(ndc::framing::next_frame(&buffer[7..], 1024), Ok(None));
/// ```
pub fn next_frame(buffer: &[u8], max: usize) -> Result<Option<Frame>, FrameError> {
    Framing::default().next_frame(buffer, max)
}

/// Appends the two-byte length and the body.
///
/// # Errors
/// [`FrameError::TooLong`] for more than 65 535 bytes; nothing is written then.
pub fn write(body: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    Framing::default().write(body, out)
}

impl Framing {
    /// As the function [`next_frame`], in this form.
    ///
    /// # Errors
    /// When the length exceeds `max` or is no length.
    pub fn next_frame(&self, buffer: &[u8], max: usize) -> Result<Option<Frame>, FrameError> {
        let Some((header, length)) = self.length.read(buffer)? else { return Ok(None) };
        if length > max {
            return Err(FrameError::TooLong);
        }
        let consumed = header + length;
        if buffer.len() < consumed {
            return Ok(None);
        }
        let body = header..consumed;
        let body = if self.strip_stx_etx { stripped(buffer, body) } else { body };
        Ok(Some(Frame { body, consumed }))
    }

    /// As the free function of this name, in this form.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when the length cannot say the size of the body.
    pub fn write(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self.length {
            Length::TwoBytes => out.extend(two_bytes(body.len())?),
            Length::TwoBytesInclusive => out.extend(two_bytes(body.len() + 2)?),
            Length::FourDigits if body.len() > 9999 => return Err(FrameError::TooLong),
            Length::FourDigits => out.extend(format!("{:04}", body.len()).into_bytes()),
        }
        out.extend_from_slice(body);
        Ok(())
    }
}

impl Length {
    /// Size of the length and of the body behind it.
    fn read(self, buffer: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
        if self == Length::FourDigits {
            let Some(digits) = buffer.first_chunk::<4>() else { return Ok(None) };
            let length = crate::token::number(digits).ok_or(FrameError::Length)?;
            return Ok(Some((4, length as usize)));
        }
        let Some(bytes) = buffer.first_chunk::<2>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*bytes));
        if self == Length::TwoBytes || length == 0 {
            return Ok(Some((2, length)));
        }
        length.checked_sub(2).map(|length| Some((2, length))).ok_or(FrameError::Length)
    }
}

fn stripped(buffer: &[u8], body: Range<usize>) -> Range<usize> {
    const STX: u8 = 0x02;
    const ETX: u8 = 0x03;
    let start = body.start + usize::from(buffer[body.clone()].first() == Some(&STX));
    let end = body.end - usize::from(buffer[start..body.end].last() == Some(&ETX));
    start..end
}

fn two_bytes(length: usize) -> Result<[u8; 2], FrameError> {
    u16::try_from(length).map(u16::to_be_bytes).map_err(|_| FrameError::TooLong)
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameError::TooLong => "the message is longer than allowed",
            FrameError::Length => "the bytes before the message are no length",
        })
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(framing: Framing, buffer: &[u8], expect: Result<Option<(&[u8], usize)>, FrameError>) {
        let frame = framing.next_frame(buffer, 16);
        let found = frame.map(|frame| frame.map(|frame| (&buffer[frame.body], frame.consumed)));
        assert_eq!(found, expect, "{framing:?} {buffer:?}");
    }

    #[test]
    fn waits_for_the_whole_frame() {
        let framing = Framing::default();
        check(framing, b"", Ok(None));
        check(framing, b"\x00", Ok(None));
        check(framing, b"\x00\x03ab", Ok(None));
        check(framing, b"\x00\x03abc", Ok(Some((b"abc", 5))));
        check(framing, b"\x00\x03abc\x00\x01d", Ok(Some((b"abc", 5))));
        check(framing, b"\x00\x00", Ok(Some((b"", 2))));
        check(framing, b"\x00\x11", Err(FrameError::TooLong));
    }

    #[test]
    fn variants() {
        let inclusive = Framing { length: Length::TwoBytesInclusive, strip_stx_etx: false };
        check(inclusive, b"\x00\x05abc", Ok(Some((b"abc", 5))));
        check(inclusive, b"\x00\x00", Ok(Some((b"", 2))));
        check(inclusive, b"\x00\x01", Err(FrameError::Length));
        let digits = Framing { length: Length::FourDigits, strip_stx_etx: false };
        check(digits, b"0003abc", Ok(Some((b"abc", 7))));
        check(digits, b"00x3abc", Err(FrameError::Length));
        let stripping = Framing { length: Length::TwoBytes, strip_stx_etx: true };
        check(stripping, b"\x00\x05\x02abc\x03", Ok(Some((b"abc", 7))));
        check(stripping, b"\x00\x01\x03", Ok(Some((b"", 3))));
        check(stripping, b"\x00\x01\x02", Ok(Some((b"", 3))));
        check(stripping, b"\x00\x00", Ok(Some((b"", 2))));
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [Length::TwoBytes, Length::TwoBytesInclusive, Length::FourDigits] {
            let framing = Framing { length, strip_stx_etx: false };
            let mut out = Vec::new();
            framing.write(b"22\x1c9", &mut out).unwrap();
            check(framing, &out, Ok(Some((b"22\x1c9", out.len()))));
            assert_eq!(framing.write(&vec![0; 65_536], &mut Vec::new()), Err(FrameError::TooLong));
        }
    }
}
