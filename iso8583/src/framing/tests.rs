use super::*;
use FrameError::{NoTrailer, NotALength, TooLong, TooShort};
use LengthPrefix::{Ascii, Bcd, Binary, Ebcdic};

const ETX: u8 = 0x03;

fn framing(prefix: LengthPrefix, prefix_width: usize) -> Framing {
    Framing { prefix: Some(prefix), prefix_width, ..Framing::TWO_BYTES }
}

fn inclusive(mut framing: Framing) -> Framing {
    framing.inclusive = true;
    framing
}

fn with_trailer(mut framing: Framing, trailer_counted: bool) -> Framing {
    framing.trailer = vec![ETX];
    framing.trailer_counted = trailer_counted;
    framing
}

fn with_uncounted_header(framing: Framing, uncounted_header: usize) -> Framing {
    Framing { uncounted_header, ..framing }
}

fn trailer_only(trailer: &[u8]) -> Framing {
    Framing { prefix: None, prefix_width: 0, trailer: trailer.to_vec(), ..Framing::TWO_BYTES }
}

/// A message, and what is left behind its frame.
type Cut<'a> = (&'a [u8], &'a [u8]);

/// The first frame of a buffer.
fn first<'a>(framing: &Framing, buffer: &'a [u8]) -> Result<Option<Cut<'a>>, FrameError> {
    let frame = framing.next_frame(buffer, 20)?;
    Ok(frame.map(|frame| (&buffer[frame.body], &buffer[frame.consumed..])))
}

#[test]
fn cuts_frames() {
    let check = |buffer: &[u8], expect: Option<(Range<usize>, usize)>| {
        let expect = expect.map(|(body, consumed)| Frame { body, consumed });
        assert_eq!(Framing::TWO_BYTES.next_frame(buffer, 4), Ok(expect));
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

/// Each frame is read when it is all there, not before, and written the same.
#[test]
fn there_and_back() {
    let check = |framing: Framing, body: &[u8], wire: &[u8]| {
        assert_eq!(first(&framing, &[wire, b"next"].concat()), Ok(Some((body, &b"next"[..]))), "{framing:?}");
        for cut in 0..wire.len() {
            assert_eq!(first(&framing, &wire[..cut]), Ok(None), "{cut} bytes of {framing:?}");
        }
        let mut out = b"before".to_vec();
        let start = framing.begin(&mut out);
        out.extend_from_slice(body);
        assert_eq!(framing.finish(&mut out, start), Ok(()), "{framing:?}");
        assert_eq!(out, [b"before", wire].concat(), "{framing:?}");
    };
    let message = b"0800message";
    check(framing(Binary, 1), message, b"\x0B0800message");
    check(framing(Binary, 2), message, b"\x00\x0B0800message");
    check(framing(Binary, 3), message, b"\x00\x00\x0B0800message");
    check(framing(Binary, 4), message, b"\x00\x00\x00\x0B0800message");
    check(framing(Bcd, 1), message, b"\x110800message");
    check(framing(Bcd, 2), message, b"\x00\x110800message");
    check(framing(Ascii, 2), message, b"110800message");
    check(framing(Ascii, 4), message, b"00110800message");
    check(framing(Ebcdic, 4), message, b"\xF0\xF0\xF1\xF10800message");
    check(inclusive(framing(Binary, 2)), message, b"\x00\x0D0800message");
    check(inclusive(framing(Ascii, 4)), message, b"00150800message");
    let vml = Framing { reserved: 2, ..framing(Binary, 2) };
    check(vml.clone(), message, b"\x00\x0B\0\x000800message");
    check(inclusive(vml), message, b"\x00\x0D\0\x000800message");
    check(with_uncounted_header(framing(Binary, 2), 4), message, b"\x00\x070800message");
    check(with_uncounted_header(inclusive(framing(Ascii, 4)), 4), message, b"00110800message");
    check(with_trailer(framing(Ascii, 4), true), message, b"00120800message\x03");
    check(with_trailer(framing(Ascii, 4), false), message, b"00110800message\x03");
    check(with_trailer(inclusive(framing(Binary, 2)), true), message, b"\x00\x0E0800message\x03");
    check(
        with_uncounted_header(with_trailer(framing(Binary, 2), true), 4),
        message,
        b"\x00\x080800message\x03",
    );
    check(trailer_only(&[ETX]), message, b"0800message\x03");
    check(trailer_only(b"\r\n"), message, b"0800message\r\n");
    check(Framing { reserved: 1, ..trailer_only(&[ETX]) }, message, b"\x000800message\x03");
    // A trailer within the message is none when a length says where it ends.
    check(with_trailer(framing(Ascii, 4), true), b"08\x0300", b"000608\x0300\x03");
}

#[test]
fn a_frame_of_no_message_keeps_the_connection_alive() {
    let check = |framing: Framing, wire: &[u8]| {
        assert_eq!(
            first(&framing, &[wire, b"next"].concat()),
            Ok(Some((&b""[..], &b"next"[..]))),
            "{framing:?}"
        );
        let mut out = b"before".to_vec();
        let start = framing.begin(&mut out);
        assert_eq!(framing.finish(&mut out, start), Ok(()));
        assert_eq!(out, [b"before", wire].concat(), "{framing:?}");
    };
    check(Framing::TWO_BYTES, b"\0\0");
    check(framing(Binary, 4), b"\0\0\0\0");
    check(framing(Bcd, 2), b"\0\0");
    check(framing(Ascii, 4), b"0000");
    check(framing(Ebcdic, 4), b"\xF0\xF0\xF0\xF0");
    check(inclusive(framing(Binary, 2)), b"\0\x02");
    check(inclusive(framing(Ascii, 4)), b"0004");
    check(Framing { reserved: 2, ..framing(Binary, 2) }, b"\0\0\0\0");
    check(with_uncounted_header(framing(Binary, 2), 5), b"\0\0");
    check(with_uncounted_header(inclusive(framing(Binary, 2)), 5), b"\0\0");
    check(with_trailer(framing(Binary, 2), true), b"\0\x01\x03");
    check(with_trailer(framing(Binary, 2), false), b"\0\0");
    check(with_trailer(inclusive(framing(Binary, 2)), true), b"\0\x03\x03");
    check(with_trailer(inclusive(framing(Binary, 2)), false), b"\0\x02");
    check(trailer_only(&[ETX]), b"\x03");
    // Zero is understood too where the length should count itself.
    assert_eq!(first(&inclusive(framing(Ascii, 4)), b"0000next"), Ok(Some((&b""[..], &b"next"[..]))));
    assert_eq!(first(&with_trailer(framing(Binary, 2), true), b"\0\x01"), Ok(None));
}

#[test]
fn refuses_what_is_no_frame() {
    let check = |framing: Framing, buffer: &[u8], expect| {
        assert_eq!(framing.next_frame(buffer, 20), Err(expect), "{framing:?}");
    };
    let long = |length| TooLong { length, max: 20 };
    // Told as soon as the length is there.
    check(Framing::TWO_BYTES, b"\x00\x15", long(21));
    check(Framing::TWO_BYTES, b"HTTP", long(0x4854));
    check(framing(Binary, 4), b"\xFF\xFF\xFF\xFF", long(0xFFFF_FFFF));
    check(framing(Ascii, 4), b"0021", long(21));
    check(inclusive(framing(Ascii, 4)), b"0025", long(21));
    check(with_trailer(framing(Ascii, 4), true), b"0022", long(21));
    check(with_uncounted_header(framing(Binary, 2), 5), b"\x00\x10", long(21));
    check(framing(Ascii, 4), b"00+1", NotALength);
    check(framing(Ascii, 4), b"GET ", NotALength);
    check(framing(Ascii, 4), b"\0\0\0\x04", NotALength);
    check(framing(Ebcdic, 4), b"0004", NotALength);
    check(framing(Bcd, 2), b"\x00\x0A", NotALength);
    check(framing(Bcd, 2), b"\xA0\x00", NotALength);
    check(inclusive(framing(Binary, 2)), b"\x00\x01", TooShort { length: 1, least: 2 });
    check(inclusive(framing(Ascii, 4)), b"0003", TooShort { length: 3, least: 4 });
    check(with_trailer(inclusive(framing(Binary, 2)), true), b"\x00\x02", TooShort { length: 2, least: 3 });
    check(with_trailer(framing(Ascii, 4), true), b"00050800x", NoTrailer);
    check(with_trailer(framing(Ascii, 4), false), b"00040800x", NoTrailer);
    check(trailer_only(&[ETX]), &[b'0'; 21], long(21));
    check(trailer_only(b"\r\n"), &[b'0'; 22], long(22));
    check(trailer_only(&[ETX]), b"000000000000000000000\x03", long(22));
}

#[test]
fn as_much_as_is_allowed() {
    assert_eq!(
        Framing::TWO_BYTES.next_frame(&[0xFF; 65_537], 65_535),
        Ok(Some(Frame { body: 2..65_537, consumed: 65_537 }))
    );
    let twenty = [b'0'; 20];
    let check = |framing: Framing, prefix: &[u8], trailer: &[u8]| {
        let buffer = [prefix, &twenty, trailer].concat();
        assert_eq!(first(&framing, &buffer), Ok(Some((&twenty[..], &b""[..]))), "{framing:?}");
    };
    check(framing(Ascii, 4), b"0020", b"");
    check(inclusive(framing(Ascii, 4)), b"0024", b"");
    check(with_trailer(framing(Ascii, 4), true), b"0021", b"\x03");
    check(trailer_only(&[ETX]), b"", b"\x03");
    check(trailer_only(b"\r\n"), b"", b"\r\n");
    assert_eq!(first(&trailer_only(b"\r\n"), &[&twenty[..], b"\r"].concat()), Ok(None));
}

#[test]
fn writes_one_after_the_other() {
    let mut out = Vec::new();
    for body in [&b"ab"[..], b"", b"cde"] {
        let start = Framing::TWO_BYTES.begin(&mut out);
        out.extend_from_slice(body);
        Framing::TWO_BYTES.finish(&mut out, start).unwrap();
    }
    assert_eq!(out, b"\x00\x02ab\x00\x00\x00\x03cde");
}

#[test]
fn what_cannot_be_framed_is_taken_back() {
    let check = |framing: Framing, length: usize, expect| {
        let mut out = b"before".to_vec();
        let start = framing.begin(&mut out);
        out.resize(out.len() + length, b'0');
        assert_eq!(framing.finish(&mut out, start), expect, "{framing:?}");
        if expect.is_err() {
            assert_eq!(out, b"before");
        }
    };
    check(framing(Binary, 1), 255, Ok(()));
    check(framing(Binary, 1), 256, Err(TooLong { length: 256, max: 255 }));
    check(framing(Binary, 2), 65_535, Ok(()));
    check(framing(Binary, 2), 65_536, Err(TooLong { length: 65_536, max: 65_535 }));
    check(inclusive(framing(Binary, 2)), 65_534, Err(TooLong { length: 65_536, max: 65_535 }));
    check(framing(Bcd, 2), 9_999, Ok(()));
    check(framing(Bcd, 2), 10_000, Err(TooLong { length: 10_000, max: 9_999 }));
    check(framing(Ascii, 4), 10_000, Err(TooLong { length: 10_000, max: 9_999 }));
    check(inclusive(framing(Ebcdic, 3)), 997, Err(TooLong { length: 1_000, max: 999 }));
    check(with_trailer(framing(Ascii, 2), true), 99, Err(TooLong { length: 100, max: 99 }));
    check(with_trailer(framing(Ascii, 2), false), 99, Ok(()));
    check(with_uncounted_header(framing(Ascii, 2), 5), 104, Ok(()));
    check(with_uncounted_header(framing(Ascii, 2), 5), 4, Err(TooShort { length: 4, least: 5 }));
}
