//! Cutting messages out of a byte stream and writing them into one.
//!
//! Both directions: two bytes of big-endian length of everything after them, a message header of an
//! agreed length, then command or reply.

use std::fmt;
use std::ops::Range;

/// Longest message, header included, that a current payShield takes: 32 KiB.
pub const MAX_MESSAGE: usize = 32 * 1024;

/// Header length that units are usually set to.
pub const DEFAULT_HEADER_LENGTH: usize = 4;

const LENGTH_BYTES: usize = 2;

/// One message within a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where header and command lie in the buffer.
    pub body: Range<usize>,
    /// How many bytes of the buffer the message took, length included.
    pub consumed: usize,
}

/// The stream cannot be followed any further, or a message cannot be sent in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A message of this many bytes is longer than allowed.
    TooLong(usize),
}

/// Finds the first message of `buffer`: `None` while more bytes are needed.
///
/// # Errors
/// [`FrameError::TooLong`] when the announced length exceeds `max`. There is no way to find the next
/// message after that; the connection has to be closed.
pub fn next_frame(buffer: &[u8], max: usize) -> Result<Option<Frame>, FrameError> {
    let Some((prefix, rest)) = buffer.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*prefix));
    if length > max {
        return Err(FrameError::TooLong(length));
    }
    if rest.len() < length {
        return Ok(None);
    }
    let consumed = LENGTH_BYTES + length;
    Ok(Some(Frame { body: LENGTH_BYTES..consumed, consumed }))
}

/// Splits a message into its header and what follows; `None` when it is shorter than the header.
#[must_use]
pub fn split_header(message: &[u8], header_length: usize) -> Option<(&[u8], &[u8])> {
    message.split_at_checked(header_length)
}

/// Appends one message to `out`: length, `header`, then what `write_body` appends.
///
/// # Errors
/// [`FrameError::TooLong`] when header and body do not fit a two-byte length; `out` is then as before.
pub fn write_frame(
    out: &mut Vec<u8>,
    header: &[u8],
    write_body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    out.extend_from_slice(header);
    write_body(out);
    let length = out.len() - start - LENGTH_BYTES;
    let Ok(prefix) = u16::try_from(length) else {
        out.truncate(start);
        return Err(FrameError::TooLong(length));
    };
    out[start..start + LENGTH_BYTES].copy_from_slice(&prefix.to_be_bytes());
    Ok(())
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FrameError::TooLong(length) = self;
        write!(f, "a message of {length} bytes is too long")
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_until_a_message_is_complete() {
        let stream = b"\x00\x060001NC\x00";
        for seen in 0..8 {
            assert_eq!(next_frame(&stream[..seen], MAX_MESSAGE), Ok(None));
        }
        let frame = next_frame(stream, MAX_MESSAGE).unwrap().unwrap();
        assert_eq!(&stream[frame.body.clone()], b"0001NC");
        assert_eq!(frame.consumed, 8);
        assert_eq!(split_header(&stream[frame.body], 4), Some((&b"0001"[..], &b"NC"[..])));
    }

    #[test]
    fn refuses_a_length_above_the_limit() {
        assert_eq!(next_frame(b"\x00\x07", 6), Err(FrameError::TooLong(7)));
        assert_eq!(next_frame(b"\x00\x00", 6), Ok(Some(Frame { body: 2..2, consumed: 2 })));
    }

    #[test]
    fn a_message_that_does_not_fit_leaves_the_buffer_alone() {
        let mut out = b"before".to_vec();
        let long = |out: &mut Vec<u8>| out.resize(out.len() + 0xFFFF, 0);
        assert_eq!(write_frame(&mut out, b"0001", long), Err(FrameError::TooLong(0x10003)));
        assert_eq!(out, b"before");
        write_frame(&mut out, b"0001", |out| out.extend_from_slice(b"NC")).unwrap();
        assert_eq!(out, b"before\x00\x060001NC");
    }
}
