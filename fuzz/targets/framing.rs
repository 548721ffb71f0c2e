//! Shows that a byte stream is cut into the same frames wherever it is cut by the network, that no frame
//! is longer than allowed or takes no bytes, and that what [`Framing::begin`] and [`Framing::finish`]
//! write is read back.
//!
//! Input: thirteen bytes of parameters, then the stream.
#![no_main]

use iso8583::framing::{FrameError, Framing, KeepAlive, LengthPrefix};
use libfuzzer_sys::fuzz_target;
use std::mem::discriminant;
use turnout_fuzz::seeds;

fuzz_target!(init: seeds::write(seeds::framing), |data: &[u8]| {
    let Some((parameters, stream)) = data.split_first_chunk::<13>() else { return };
    let framing = framing(parameters);
    let max = usize::from(u16::from_be_bytes([parameters[9], parameters[10]]));
    let whole = read(&framing, stream, max, usize::MAX);
    for step in [1, 2 + usize::from(parameters[11])] {
        assert_eq!(read(&framing, stream, max, step), whole);
    }
    let cut = usize::from(parameters[12]).min(stream.len());
    for message in [stream, &stream[..cut]] {
        write(&framing, message);
    }
});

/// Within the bounds that a dialect file has to keep to.
fn framing(parameters: &[u8; 13]) -> Framing {
    let [kind, width, flags, reserved, header, trailer, bytes @ .., _, _, _, _] = parameters;
    let prefix = match kind % 5 {
        0 => Some(LengthPrefix::Binary),
        1 => Some(LengthPrefix::Bcd),
        2 => Some(LengthPrefix::Ascii),
        3 => Some(LengthPrefix::Ebcdic),
        _ => None,
    };
    let least = usize::from(prefix.is_none());
    Framing {
        prefix,
        prefix_width: if prefix.is_some() { 1 + usize::from(width % 4) } else { 0 },
        inclusive: flags & 1 != 0,
        reserved: usize::from(reserved % 17),
        uncounted_header: if flags & 2 != 0 { usize::from(*header) } else { 0 },
        trailer: bytes[..usize::from(trailer % 4).max(least)].to_vec(),
        trailer_counted: flags & 4 != 0,
        keep_alive: if flags & 8 != 0 { KeepAlive::Echo } else { KeepAlive::Ignore },
    }
}

/// The messages of a stream that comes in pieces of `step` bytes, and why it could not be read further.
fn read(
    framing: &Framing,
    stream: &[u8],
    max: usize,
    step: usize,
) -> (Vec<Vec<u8>>, Option<std::mem::Discriminant<FrameError>>) {
    let mut messages = Vec::new();
    let (mut start, mut end) = (0, 0);
    loop {
        match framing.next_frame(&stream[start..end], max) {
            Ok(Some(frame)) => {
                assert!(frame.consumed > 0, "a frame of no bytes would be read forever");
                assert!(frame.body.end <= frame.consumed && frame.consumed <= end - start);
                assert!(frame.body.len() <= max);
                messages.push(stream[start..end][frame.body].to_vec());
                start += frame.consumed;
            }
            Ok(None) if end == stream.len() => return (messages, None),
            Ok(None) => end = end.saturating_add(step).min(stream.len()),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return (messages, Some(discriminant(&error)));
            }
        }
    }
}

fn write(framing: &Framing, message: &[u8]) {
    let mut out = b"kept".to_vec();
    let start = framing.begin(&mut out);
    out.extend_from_slice(message);
    let written = framing.finish(&mut out, start);
    let Some(frame) = out.strip_prefix(b"kept") else { panic!("what stood in front is gone") };
    if written.is_err() {
        assert!(frame.is_empty(), "half a frame is left");
        return;
    }
    // Where nothing but the trailer ends a message, the message may contain it.
    let expected = match framing.prefix {
        Some(_) => message.len(),
        None => {
            let body = &frame[framing.reserved..];
            body.windows(framing.trailer.len()).position(|bytes| bytes == framing.trailer).unwrap_or_default()
        }
    };
    let read = framing.next_frame(frame, message.len()).unwrap().unwrap();
    assert_eq!(&frame[read.body], &message[..expected]);
    if expected == message.len() {
        assert_eq!(read.consumed, frame.len());
    }
}
