use crate::body;
use crate::dialect::{BitmapEncoding, Dialect, Length, NumberEncoding};
use crate::message::Span;
use crate::{Bitmap, Message, Mti, ParseError, ParseErrorKind};

/// Reads a message: finds every field named by the bitmap and checks its length and characters. One
/// pass; copies and allocates nothing, the message points into `frame`.
///
/// # Errors
/// The first thing in the frame that the dialect does not allow, with its field and offset.
pub fn parse<'a>(frame: &'a [u8], dialect: &'static Dialect) -> Result<Message<'a>, ParseError> {
    let mut cursor = Cursor { frame, offset: 0, field: 0, mti: None };
    // Spans are 16 bits wide.
    if frame.len() > usize::from(u16::MAX) {
        return Err(cursor.error(ParseErrorKind::FrameTooLong));
    }
    cursor.take(dialect.header.length())?;
    let mti = cursor.mti(dialect.mti)?;
    cursor.mti = Some(mti);
    let bitmap = cursor.bitmaps(dialect.bitmap)?;
    let mut message = Message { frame, dialect, mti, bitmap, spans: [Span::EMPTY; Dialect::FIELDS] };
    for field in bitmap.fields() {
        cursor.field = field;
        message.spans[usize::from(field)] = cursor.field_body(dialect)?;
    }
    // Bytes left over mean that we and the sender disagree about the dialect, so no field read
    // above can be trusted either.
    if cursor.offset < frame.len() {
        cursor.field = 0;
        return Err(cursor.error(ParseErrorKind::TrailingBytes));
    }
    Ok(message)
}

/// The part of the frame not read yet, and what an error would say about it.
struct Cursor<'a> {
    frame: &'a [u8],
    offset: usize,
    field: u8,
    mti: Option<Mti>,
}

impl<'a> Cursor<'a> {
    /// Reads the length of one field, passes over its body and checks it.
    #[inline]
    fn field_body(&mut self, dialect: &'static Dialect) -> Result<Span, ParseError> {
        let Some(spec) = dialect.field(self.field) else {
            return Err(self.error(ParseErrorKind::NotInDialect));
        };
        let units = match spec.length {
            Length::Fixed(units) => units,
            Length::Variable { digits, max } => self.length(dialect.lengths, digits, max)?,
        };
        let start = self.offset as u16;
        let units_long = usize::from(units);
        let body = self.take(spec.wire_length(units_long))?;
        match body::check(spec, body, units_long) {
            Ok(()) => Ok(Span { start, units }),
            Err((position, kind)) => {
                self.offset = usize::from(start) + position;
                Err(self.error(kind))
            }
        }
    }

    /// Reads a length prefix.
    fn length(&mut self, encoding: NumberEncoding, digits: u8, max: u16) -> Result<u16, ParseError> {
        let start = self.offset;
        let prefix = self.take(encoding.width(digits))?;
        let length = match encoding {
            NumberEncoding::Ascii => ascii_number(prefix),
            // An odd number of digits has a filler in front, which must be zero: 1999 is no LLL.
            NumberEncoding::Bcd => bcd_number(prefix).filter(|length| *length < 10u16.pow(u32::from(digits))),
        };
        let kind = match length {
            Some(length) if length <= max => return Ok(length),
            Some(_) => ParseErrorKind::TooLong,
            None => ParseErrorKind::NotALength,
        };
        self.offset = start;
        Err(self.error(kind))
    }

    fn mti(&mut self, encoding: NumberEncoding) -> Result<Mti, ParseError> {
        let start = self.offset;
        let mti = match (encoding, self.take(encoding.width(4))?) {
            (NumberEncoding::Bcd, &[high, low]) => Mti::from_bcd([high, low]),
            (_, text) => Mti::parse(text),
        };
        mti.map_err(|_| {
            self.offset = start;
            self.error(ParseErrorKind::NotAMessageType)
        })
    }

    fn bitmaps(&mut self, encoding: BitmapEncoding) -> Result<Bitmap, ParseError> {
        let primary = self.bitmap(encoding)?;
        let has_secondary = Bitmap::new(primary, 0).secondary().is_some();
        let secondary = if has_secondary { self.bitmap(encoding)? } else { 0 };
        Ok(Bitmap::new(primary, secondary))
    }

    fn bitmap(&mut self, encoding: BitmapEncoding) -> Result<u64, ParseError> {
        let start = self.offset;
        let text = self.take(encoding.width())?;
        match encoding {
            BitmapEncoding::Binary => Ok(text.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))),
            BitmapEncoding::Hex => {
                let mut bits = 0;
                for (position, character) in text.iter().enumerate() {
                    let Some(nibble) = body::nibble(*character) else {
                        self.offset = start + position;
                        return Err(self.error(ParseErrorKind::NotABitmap));
                    };
                    bits = bits << 4 | u64::from(nibble);
                }
                Ok(bits)
            }
        }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], ParseError> {
        let frame = self.frame;
        match frame.get(self.offset..self.offset + length) {
            Some(taken) => {
                self.offset += length;
                Ok(taken)
            }
            None => Err(self.error(ParseErrorKind::Truncated)),
        }
    }

    #[cold]
    fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError { field: self.field, offset: self.offset, kind, mti: self.mti }
    }
}

fn ascii_number(text: &[u8]) -> Option<u16> {
    text.iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')))
}

fn bcd_number(bytes: &[u8]) -> Option<u16> {
    bytes.iter().try_fold(0, |number, byte| {
        let (high, low) = (byte >> 4, byte & 0x0F);
        (high < 10 && low < 10).then(|| number * 100 + u16::from(high * 10 + low))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, field};
    use ParseErrorKind::{
        FrameTooLong, NotABitmap, NotAFiller, NotALength, NotAMessageType, NotHex, NotInClass, NotInDialect,
        OddHex, TooLong, TrailingBytes, Truncated,
    };

    fn dialect(name: &str) -> &'static Dialect {
        Dialect::by_name(name).unwrap()
    }

    #[test]
    fn every_fault_has_its_name_and_place() {
        let check = |name: &str, frame: &[u8], field, offset, kind| {
            let error = parse(frame, dialect(name)).unwrap_err();
            assert_eq!((error.field, error.offset, error.kind), (field, offset, kind), "{error}");
            let mti_was_read = !(field == 0 && matches!(kind, NotAMessageType | FrameTooLong)) && offset >= 4;
            assert_eq!(error.mti.is_some(), mti_was_read, "{error}");
        };
        let ascii = |rest: &str| format!("0200{rest}").into_bytes();
        let text = "iso87_ascii";
        check(text, b"020", 0, 0, Truncated);
        check(text, b"02A0", 0, 0, NotAMessageType);
        check(text, b" 2000000000000000000", 0, 0, NotAMessageType);
        check(text, &ascii("7000000000"), 0, 4, Truncated);
        check(text, &ascii("7000G00000000000"), 0, 8, NotABitmap);
        check(text, &ascii("8000000000000000+000000000000000"), 0, 20, NotABitmap);
        check(text, &ascii("8000000000000000"), 0, 20, Truncated);
        check(text, &ascii("4000000000000000"), 2, 20, Truncated);
        check(text, &ascii("40000000000000001"), 2, 20, Truncated);
        check(text, &ascii("4000000000000000+940000012"), 2, 20, NotALength);
        check(text, &ascii("4000000000000000 940000012"), 2, 20, NotALength);
        check(text, &ascii("40000000000000002040000000000000000000"), 2, 20, TooLong);
        check(text, &ascii("40000000000000001640000012345678"), 2, 22, Truncated);
        check(text, &ascii("4000000000000000084000001X"), 2, 29, NotInClass(Class::N));
        check(text, &ascii("1000000000000000000000 12345"), 4, 26, NotInClass(Class::N));
        check(text, &ascii("000000000000100001234567G9ABCDEF"), 52, 28, NotHex);
        check(text, &ascii("00000000000002000039F0"), 55, 23, OddHex);
        check(text, &ascii("80000000000000008000000000000000"), 65, 36, NotInDialect);
        check(text, &ascii("0000000000000000\0"), 0, 20, TrailingBytes);
        check(text, &vec![b'0'; 65_536], 0, 0, FrameTooLong);
        let bcd = |rest: &str| hex::decode(format!("60000180010200{rest}")).unwrap();
        let packed = "iso87_bcd";
        check(packed, &[0x60, 0, 1], 0, 0, Truncated);
        check(packed, &hex::decode("600001800102F0").unwrap(), 0, 5, NotAMessageType);
        check(packed, &bcd("40000000000000000F"), 2, 15, NotALength);
        check(packed, &bcd("400000000000000020"), 2, 15, TooLong);
        check(packed, &bcd("0000000000000200 1005".replace(' ', "").as_str()), 55, 15, NotALength);
        check(packed, &bcd("40000000000000000312"), 2, 16, Truncated);
        check(packed, &bcd("4000000000000000031234"), 2, 17, NotAFiller);
        check(packed, &bcd("2000000000000000 0000A0".replace(' ', "").as_str()), 3, 17, NotInClass(Class::N));
    }

    #[test]
    fn accepts_lower_case_bitmaps() {
        let message = parse(b"0800000000000000000a63003ABC00", dialect("iso87_ascii"));
        assert_eq!(message.unwrap_err().field, 61);
        let message = parse(b"0800000000000000000a003ABC003DEF", dialect("iso87_ascii")).unwrap();
        assert_eq!(&*message.value(field::PRIVATE_61).unwrap(), b"ABC");
        assert_eq!(message.raw(field::PRIVATE_63), Some(&b"DEF"[..]));
    }

    #[test]
    fn values_and_places_in_packed_form() {
        let frame = hex::decode(
            "6000018001 0800 2020010000800000 990000 000123 0001 3132333435363738".replace(' ', ""),
        );
        let frame = frame.unwrap();
        let message = parse(&frame, dialect("iso87_bcd")).unwrap();
        assert_eq!(message.mti(), Mti::NETWORK_REQUEST);
        assert_eq!(message.header(), [0x60, 0x00, 0x01, 0x80, 0x01]);
        assert_eq!(*message.response_header(), [0x60, 0x80, 0x01, 0x00, 0x01]);
        assert_eq!(message.number(field::STAN), Some(123));
        assert_eq!(&*message.value(field::NETWORK_ID).unwrap(), b"001");
        assert_eq!(message.raw(field::NETWORK_ID), Some(&[0x00, 0x01][..]));
        assert_eq!(message.offset(field::NETWORK_ID), Some(21));
        assert_eq!(&*message.value(field::TERMINAL_ID).unwrap(), b"12345678");
        assert!(
            message.value(field::PAN).is_none() && message.value(0).is_none() && message.value(255).is_none()
        );
        assert_eq!(format!("{message:?}"), "Message(0800 [3, 11, 24, 41])");
    }
}
