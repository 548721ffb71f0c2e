//! Cutting a byte stream into messages: a length in front, bytes that end each message, or both.
//!
//! ```
//! use iso8583::framing::Framing;
//! let framing = Framing::TWO_BYTES;
//! let buffer = b"\x00\x040800\x00";
//! let frame = framing.next_frame(buffer, 4096).unwrap().unwrap();
//! assert_eq!((&buffer[frame.body.clone()], frame.consumed), (&b"0800"[..], 6));
//! assert_eq!(framing.next_frame(&buffer[frame.consumed..], 4096), Ok(None));
//! ```

use std::fmt;
use std::ops::Range;

/// How messages lie in a byte stream: prefix, reserved bytes, message with its header, trailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    /// How the length in front is written; `None` when only the trailer ends a message.
    pub prefix: Option<LengthPrefix>,
    /// Bytes of it.
    pub prefix_width: usize,
    /// Whether the length counts its own bytes.
    pub inclusive: bool,
    /// Bytes after the length that it does not count and that mean nothing to us: the second half of
    /// Visa's VML. Written as zeros.
    pub reserved: usize,
    /// Bytes of the header that the length does not count although they follow it.
    pub uncounted_header: usize,
    /// Bytes behind the message, ETX for example.
    pub trailer: Vec<u8>,
    /// Whether the length counts the trailer.
    pub trailer_counted: bool,
    /// What to do with a frame of length zero.
    pub keep_alive: KeepAlive,
}

/// How the length in front of a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthPrefix {
    /// Big-endian.
    Binary,
    /// Two digits a byte.
    Bcd,
    /// ASCII digits.
    Ascii,
    /// EBCDIC digits.
    Ebcdic,
}

/// What a frame of length zero asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// Nothing.
    Ignore,
    /// The same back.
    Echo,
}

/// One frame at the beginning of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where its message lies in the buffer. Empty when the peer only keeps the connection alive.
    pub body: Range<usize>,
    /// Bytes of the buffer it takes with all around it.
    pub consumed: usize,
}

/// A stream that cannot be read further: where the next frame begins is unknown from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The frame announces, or already has, more bytes than allowed.
    TooLong {
        /// Bytes announced or there.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The length is not decimal digits.
    NotALength,
    /// The length is less than what it must count.
    TooShort {
        /// Bytes announced.
        length: usize,
        /// Bytes that it counts in any case.
        least: usize,
    },
    /// The trailer does not stand where it should.
    NoTrailer,
}

/// Where a frame begun with [`Framing::begin`] starts.
#[derive(Clone, Copy, Debug)]
#[must_use = "the length is written by `finish`"]
pub struct FrameStart(usize);

impl Framing {
    /// Two bytes, big-endian, counting the message alone: what most hosts use.
    pub const TWO_BYTES: Framing = Framing {
        prefix: Some(LengthPrefix::Binary),
        prefix_width: 2,
        inclusive: false,
        reserved: 0,
        uncounted_header: 0,
        trailer: Vec::new(),
        trailer_counted: true,
        keep_alive: KeepAlive::Ignore,
    };
    /// Most bytes of a trailer.
    pub const LONGEST_TRAILER: usize = 8;
    /// Most reserved bytes.
    pub const LONGEST_RESERVED: usize = 16;

    /// The first frame of a buffer, or `None` when it is not all there. Copies nothing.
    ///
    /// # Errors
    /// When the message is longer than `max` bytes, told as soon as its length is there; when the
    /// length or the trailer is wrong.
    #[inline]
    pub fn next_frame(&self, buffer: &[u8], max: usize) -> Result<Option<Frame>, FrameError> {
        let Some(prefix) = self.prefix else { return self.next_by_trailer(buffer, max) };
        let Some(written) = buffer.get(..self.prefix_width) else { return Ok(None) };
        let length = prefix.read(written).ok_or(FrameError::NotALength)?;
        let start = self.prefix_width + self.reserved;
        let counted = self.counted_around();
        if length == 0 || length == counted && self.uncounted_header == 0 {
            // No message, whatever is or is not around it.
            return Ok(self.empty_frame(buffer, length));
        }
        if length < counted {
            return Err(FrameError::TooShort { length, least: counted });
        }
        let body = length - counted + self.uncounted_header;
        if body > max {
            return Err(FrameError::TooLong { length: body, max });
        }
        let consumed = start + body + self.trailer.len();
        let Some(trailer) = buffer.get(start + body..consumed) else { return Ok(None) };
        if trailer != self.trailer {
            return Err(FrameError::NoTrailer);
        }
        Ok(Some(Frame { body: start..start + body, consumed }))
    }

    /// What the length counts beside the message.
    fn counted_around(&self) -> usize {
        let own = if self.inclusive { self.prefix_width } else { 0 };
        own + if self.trailer_counted { self.trailer.len() } else { 0 }
    }

    /// A keep-alive: a length of nothing. The trailer stands behind it when it was counted.
    fn empty_frame(&self, buffer: &[u8], length: usize) -> Option<Frame> {
        let start = self.prefix_width + self.reserved;
        let trailer = if length > 0 && self.trailer_counted { self.trailer.len() } else { 0 };
        (buffer.len() >= start + trailer).then_some(Frame { body: start..start, consumed: start + trailer })
    }

    fn next_by_trailer(&self, buffer: &[u8], max: usize) -> Result<Option<Frame>, FrameError> {
        let start = self.reserved;
        let trailer = self.trailer.as_slice();
        let rest = buffer.get(start..).unwrap_or_default();
        // What is beyond the longest message is not searched, so a stream without an end stays cheap.
        let searched = rest.len().min(max + trailer.len());
        let found = rest[..searched].windows(trailer.len().max(1)).position(|bytes| bytes == trailer);
        match found {
            Some(length) => {
                let body = start..start + length;
                let consumed = body.end + trailer.len();
                Ok(Some(Frame { body, consumed }))
            }
            None if rest.len() >= max + trailer.len() => Err(FrameError::TooLong { length: rest.len(), max }),
            None => Ok(None),
        }
    }

    /// Begins a frame at the end of `out`: what follows is to be appended, then
    /// [`Framing::finish`] called.
    #[inline]
    pub fn begin(&self, out: &mut Vec<u8>) -> FrameStart {
        let start = FrameStart(out.len());
        out.resize(out.len() + self.prefix_width + self.reserved, 0);
        start
    }

    /// Writes the length of what was appended since [`Framing::begin`], and the trailer.
    ///
    /// # Errors
    /// When the prefix cannot say that length, or the message is shorter than the header that the
    /// length does not count; the frame is taken back. A message of no bytes becomes a keep-alive.
    #[inline]
    pub fn finish(&self, out: &mut Vec<u8>, start: FrameStart) -> Result<(), FrameError> {
        let FrameStart(start) = start;
        let around = self.prefix_width + self.reserved;
        let body = out.len().saturating_sub(start + around);
        let Some(prefix) = self.prefix else {
            out.extend_from_slice(&self.trailer);
            return Ok(());
        };
        let least = self.uncounted_header;
        let length = match body {
            // A header follows any other length, even one that counts no more than what is around.
            0 if least > 0 => Some(0),
            0 => Some(self.counted_around()),
            _ => {
                let length = body.checked_sub(least).map(|counted| counted + self.counted_around());
                // A length of zero says that there is no message at all.
                length.filter(|length| *length > 0)
            }
        };
        let written = match length {
            Some(length) => prefix.write(length, &mut out[start..start + self.prefix_width]),
            None => Err(FrameError::TooShort { length: body, least: least + usize::from(body == least) }),
        };
        match written {
            // Only a trailer that is counted stands behind a keep-alive.
            Ok(()) if body == 0 && (length == Some(0) || !self.trailer_counted) => {}
            Ok(()) => out.extend_from_slice(&self.trailer),
            Err(_) => out.truncate(start),
        }
        written
    }
}

impl LengthPrefix {
    fn read(self, bytes: &[u8]) -> Option<usize> {
        let digit = |value: u8| (value < 10).then_some(usize::from(value));
        bytes.iter().try_fold(0usize, |number, byte| match self {
            LengthPrefix::Binary => Some(number << 8 | usize::from(*byte)),
            LengthPrefix::Ascii => Some(number * 10 + digit(byte.wrapping_sub(b'0'))?),
            LengthPrefix::Ebcdic => Some(number * 10 + digit(byte.wrapping_sub(0xF0))?),
            LengthPrefix::Bcd => Some(number * 100 + digit(byte >> 4)? * 10 + digit(byte & 0x0F)?),
        })
    }

    fn write(self, length: usize, out: &mut [u8]) -> Result<(), FrameError> {
        let base = match self {
            LengthPrefix::Binary => 256,
            LengthPrefix::Bcd => 100,
            LengthPrefix::Ascii | LengthPrefix::Ebcdic => 10,
        };
        let max = (0..out.len()).fold(1usize, |most, _| most * base) - 1;
        if length > max {
            return Err(FrameError::TooLong { length, max });
        }
        let mut rest = length;
        for slot in out.iter_mut().rev() {
            let part = (rest % base) as u8;
            rest /= base;
            *slot = match self {
                LengthPrefix::Binary => part,
                LengthPrefix::Bcd => ((part / 10) << 4) | (part % 10),
                LengthPrefix::Ascii => b'0' + part,
                LengthPrefix::Ebcdic => 0xF0 + part,
            };
        }
        Ok(())
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLong { length, max } => {
                write!(f, "a frame of {length} bytes, at most {max} are allowed")
            }
            FrameError::NotALength => f.write_str("the length in front of the frame is not decimal digits"),
            FrameError::TooShort { length, least } => {
                write!(f, "a frame says it has {length} bytes, and must count at least {least}")
            }
            FrameError::NoTrailer => f.write_str("the bytes behind the frame are not its trailer"),
        }
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests;
