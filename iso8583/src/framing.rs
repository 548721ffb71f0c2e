//! Cuts a byte stream into frames: two bytes of big-endian length, not counting themselves, then
//! the message. A length of zero is a keep-alive.
//!
//! ```
//! use iso8583::framing;
//! let mut out = Vec::new();
//! let start = framing::begin(&mut out);
//! out.extend_from_slice(b"0800");
//! framing::finish(&mut out, start).unwrap();
//! assert_eq!(out, b"\x00\x040800");
//! let frame = framing::next_frame(&out, 1024).unwrap().unwrap();
//! assert_eq!((&out[frame.body], frame.consumed), (&b"0800"[..], 6));
//! ```

use std::fmt;
use std::ops::Range;

/// Bytes of the length header.
pub const HEADER_LENGTH: usize = 2;

/// A whole frame at the beginning of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where the message lies; empty for a keep-alive.
    pub body: Range<usize>,
    /// Bytes of the buffer to drop before looking for the next frame.
    pub consumed: usize,
}

/// A frame longer than allowed. Reading it cannot go on from here: the link is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// Bytes the message has.
    pub length: usize,
    /// Bytes it may have.
    pub max: usize,
}

/// Where a frame being written began.
#[derive(Clone, Copy, Debug)]
#[must_use = "the length is written by `finish`"]
pub struct FrameStart(usize);

/// Finds the frame at the beginning of `buffer`, or `None` when more bytes are needed.
///
/// # Errors
/// When the message is longer than `max` bytes; known from the length header alone.
pub fn next_frame(buffer: &[u8], max: usize) -> Result<Option<Frame>, FrameError> {
    let Some((header, rest)) = buffer.split_first_chunk::<HEADER_LENGTH>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*header));
    if length > max {
        return Err(FrameError { length, max });
    }
    if rest.len() < length {
        return Ok(None);
    }
    let consumed = HEADER_LENGTH + length;
    Ok(Some(Frame { body: HEADER_LENGTH..consumed, consumed }))
}

/// Begins a frame at the end of `out`: the message is to be appended, then [`finish`] called.
pub fn begin(out: &mut Vec<u8>) -> FrameStart {
    let start = FrameStart(out.len());
    out.extend([0; HEADER_LENGTH]);
    start
}

/// Writes the length of what was appended since [`begin`].
///
/// # Errors
/// When that is more than 65,535 bytes; the frame is taken back.
pub fn finish(out: &mut Vec<u8>, start: FrameStart) -> Result<(), FrameError> {
    let FrameStart(start) = start;
    let length = out.len().saturating_sub(start + HEADER_LENGTH);
    let Ok(header) = u16::try_from(length) else {
        out.truncate(start);
        return Err(FrameError { length, max: usize::from(u16::MAX) });
    };
    if let Some(slot) = out.get_mut(start..start + HEADER_LENGTH) {
        slot.copy_from_slice(&header.to_be_bytes());
    }
    Ok(())
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a frame of {} bytes, at most {} are allowed", self.length, self.max)
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_frames() {
        let check = |buffer: &[u8], expect: Option<(Range<usize>, usize)>| {
            let expect = expect.map(|(body, consumed)| Frame { body, consumed });
            assert_eq!(next_frame(buffer, 4), Ok(expect));
        };
        check(b"", None);
        check(b"\x00", None);
        check(b"\x00\x04", None);
        check(b"\x00\x04080", None);
        check(b"\x00\x040800", Some((2..6, 6)));
        check(b"\x00\x040800\x00", Some((2..6, 6)));
        check(b"\x00\x00", Some((2..2, 2)));
        check(b"\x00\x00\x00\x01x", Some((2..2, 2)));
    }

    #[test]
    fn refuses_long_frames_before_they_arrive() {
        assert_eq!(next_frame(b"\x00\x05", 4), Err(FrameError { length: 5, max: 4 }));
        assert_eq!(next_frame(b"HTTP", 4096), Err(FrameError { length: 0x4854, max: 4096 }));
        assert_eq!(
            next_frame(&[0xFF; 65_537], 65_535),
            Ok(Some(Frame { body: 2..65_537, consumed: 65_537 }))
        );
    }

    #[test]
    fn writes_one_after_the_other() {
        let mut out = Vec::new();
        for body in [&b"ab"[..], b"", b"cde"] {
            let start = begin(&mut out);
            out.extend_from_slice(body);
            finish(&mut out, start).unwrap();
        }
        assert_eq!(out, b"\x00\x02ab\x00\x00\x00\x03cde");
        let start = begin(&mut out);
        out.resize(out.len() + 65_536, 0);
        assert_eq!(finish(&mut out, start), Err(FrameError { length: 65_536, max: 65_535 }));
        assert_eq!(out.len(), 11);
    }
}
