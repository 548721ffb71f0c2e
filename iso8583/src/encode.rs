use crate::body::{self, hex_pair};
use crate::dialect::{BitmapEncoding, Dialect, Length, NumberEncoding};
use crate::{Bitmap, EncodeError, EncodeErrorKind, Message, Mti};

/// Writes one message at the end of a reused buffer, field by field in ascending order.
///
/// A field out of order or repeated is an error and not written. A writer that is dropped without
/// [`MessageWriter::finish`] takes everything back, so that half a message is never sent.
#[derive(Debug)]
#[must_use = "only `finish` completes the message"]
pub struct MessageWriter<'a> {
    out: &'a mut Vec<u8>,
    dialect: &'static Dialect,
    bitmap: Bitmap,
    /// Length of the buffer before this message; it is cut back to here without `finish`.
    start: usize,
    bitmap_start: usize,
    last_field: u8,
    finished: bool,
}

impl<'a> MessageWriter<'a> {
    /// Begins a message after what `out` already holds (a length header, say).
    ///
    /// # Errors
    /// When `header` has not the length that the dialect demands.
    pub fn begin(
        out: &'a mut Vec<u8>,
        dialect: &'static Dialect,
        header: &[u8],
        mti: Mti,
    ) -> Result<MessageWriter<'a>, EncodeError> {
        if header.len() != dialect.header.length() {
            return Err(EncodeError { field: 0, kind: EncodeErrorKind::HeaderLength });
        }
        let start = out.len();
        out.extend_from_slice(header);
        match dialect.mti {
            NumberEncoding::Ascii => out.extend(mti.to_ascii()),
            NumberEncoding::Bcd => out.extend(mti.to_bcd()),
        }
        let bitmap_start = out.len();
        out.resize(bitmap_start + dialect.bitmap.width(), 0);
        let bitmap = Bitmap::default();
        Ok(MessageWriter { out, dialect, bitmap, start, bitmap_start, last_field: 0, finished: false })
    }

    /// Writes a field from its decoded value: ASCII characters, or raw bytes of a binary element.
    ///
    /// # Errors
    /// When the dialect lacks the field, it is not above the one written last, or its value has the
    /// wrong length or a character outside its class. Nothing of the field is written then.
    pub fn field(&mut self, field: u8, value: &[u8]) -> Result<(), EncodeError> {
        let fail = |kind| EncodeError { field, kind };
        let spec = self.dialect.field(field).ok_or(fail(EncodeErrorKind::NotInDialect))?;
        let units = spec.units(value.len());
        let fits = match spec.length {
            Length::Fixed(fixed) => units == usize::from(fixed),
            Length::Variable { max, .. } => units <= usize::from(max),
        };
        if !fits {
            return Err(fail(EncodeErrorKind::Length));
        }
        self.append(field, |out, dialect| {
            write_prefix(out, dialect.lengths, spec.length, units);
            body::write(spec, value, out)
        })
    }

    /// Writes a field of fixed length from a number, with zeros in front; a field of variable length
    /// gets the digits it needs.
    ///
    /// # Errors
    /// As [`MessageWriter::field`]; a number with too many digits is a wrong length.
    pub fn number(&mut self, field: u8, number: u64) -> Result<(), EncodeError> {
        let width = match self.dialect.field(field).map(|spec| spec.length) {
            Some(Length::Fixed(fixed)) => usize::from(fixed),
            _ => 1,
        };
        let mut digits = [b'0'; 64];
        let mut first = digits.len();
        let mut rest = number;
        while rest > 0 || digits.len() - first < width.min(digits.len()) {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.field(field, &digits[first..])
    }

    /// Writes a field as `message` has it, or nothing when it is absent there. Within one dialect the
    /// bytes are copied as they are; from another the value is decoded and written anew.
    ///
    /// # Errors
    /// As [`MessageWriter::field`].
    pub fn copy(&mut self, field: u8, message: &Message<'_>) -> Result<(), EncodeError> {
        let Some((spec, body, units)) = message.body(field) else { return Ok(()) };
        if !std::ptr::eq(self.dialect, message.dialect()) {
            return self.field(field, &body::decode(spec, body, units));
        }
        self.append(field, |out, dialect| {
            write_prefix(out, dialect.lengths, spec.length, units);
            out.extend_from_slice(body);
            Ok(())
        })
    }

    /// Completes the message by writing its bitmaps.
    pub fn finish(mut self) {
        let width = self.dialect.bitmap.width();
        let at = self.bitmap_start;
        write_bitmap(&mut self.out[at..at + width], self.dialect.bitmap, self.bitmap.primary());
        if let Some(secondary) = self.bitmap.secondary() {
            write_bitmap(&mut self.out[at + width..at + 2 * width], self.dialect.bitmap, secondary);
        }
        self.finished = true;
    }

    /// Runs `write` for a field that is in order, and takes back what it wrote when it fails.
    fn append(
        &mut self,
        field: u8,
        write: impl FnOnce(&mut Vec<u8>, &'static Dialect) -> Result<(), EncodeErrorKind>,
    ) -> Result<(), EncodeError> {
        if field <= self.last_field {
            return Err(EncodeError { field, kind: EncodeErrorKind::OutOfOrder });
        }
        let before = self.out.len();
        if let Err(kind) = write(self.out, self.dialect) {
            self.out.truncate(before);
            return Err(EncodeError { field, kind });
        }
        if field > 64 && self.last_field <= 64 {
            self.make_room_for_secondary();
        }
        self.bitmap.insert(field);
        self.last_field = field;
        Ok(())
    }

    /// Moves the fields written so far. Few messages have fields above 64, so most never pay.
    fn make_room_for_secondary(&mut self) {
        let width = self.dialect.bitmap.width();
        let fields = self.bitmap_start + width;
        let end = self.out.len();
        self.out.resize(end + width, 0);
        self.out.copy_within(fields..end, fields + width);
    }
}

impl Drop for MessageWriter<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

fn write_prefix(out: &mut Vec<u8>, encoding: NumberEncoding, length: Length, units: usize) {
    let Length::Variable { digits, .. } = length else { return };
    let base = match encoding {
        NumberEncoding::Ascii => 10,
        NumberEncoding::Bcd => 100,
    };
    let start = out.len();
    out.resize(start + encoding.width(digits), 0);
    let mut rest = units;
    for slot in out[start..].iter_mut().rev() {
        let part = (rest % base) as u8;
        rest /= base;
        *slot = match encoding {
            NumberEncoding::Ascii => b'0' + part,
            NumberEncoding::Bcd => ((part / 10) << 4) | (part % 10),
        };
    }
}

fn write_bitmap(out: &mut [u8], encoding: BitmapEncoding, bits: u64) {
    let bytes = bits.to_be_bytes();
    match encoding {
        BitmapEncoding::Binary => out.copy_from_slice(&bytes),
        BitmapEncoding::Hex => {
            for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
                pair.copy_from_slice(&hex_pair(byte));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, field, parse};

    fn dialect(name: &str) -> &'static Dialect {
        Dialect::by_name(name).unwrap()
    }

    fn write(name: &str, fields: &[(u8, &[u8])]) -> Result<Vec<u8>, EncodeError> {
        let mut out = b"before".to_vec();
        let header: &[u8] = if name == "iso87_bcd" { &[0x60, 0, 1, 0x80, 1] } else { &[] };
        let mut writer = MessageWriter::begin(&mut out, dialect(name), header, Mti::FINANCIAL_REQUEST)?;
        for (number, value) in fields {
            writer.field(*number, value)?;
        }
        writer.finish();
        Ok(out.split_off(6))
    }

    #[test]
    fn same_message_three_ways() {
        let fields: [(u8, &[u8]); 4] =
            [(2, b"400000123456789"), (22, b"051"), (52, &[0xAB; 8]), (70, b"301")];
        let check = |name, expect: &[u8]| assert_eq!(write(name, &fields).unwrap(), expect, "{name}");
        check("iso87_ascii", b"0200C000040000001000040000000000000015400000123456789051ABABABABABABABAB301");
        check(
            "iso87_ascii_binary",
            b"0200\xC0\x00\x04\x00\x00\x00\x10\x00\x04\x00\x00\x00\x00\x00\x00\x00\
              15400000123456789051\xAB\xAB\xAB\xAB\xAB\xAB\xAB\xAB301",
        );
        let packed = "60000180010200C000040000001000040000000000000015400000123456789000510301";
        let packed = packed.replace("0510301", "051ABABABABABABABAB0301");
        check("iso87_bcd", &hex::decode(packed).unwrap());
    }

    #[test]
    fn long_lengths() {
        let check = |name, prefix: &[u8]| {
            let out = write(name, &[(48, &[b'x'; 987])]).unwrap();
            assert_eq!(&out[out.len() - 987 - prefix.len()..out.len() - 987], prefix);
        };
        check("iso87_ascii", b"987");
        check("iso87_bcd", &[0x09, 0x87]);
    }

    #[test]
    fn refuses_by_name() {
        let check = |fields: &[(u8, &[u8])], field, kind| {
            assert_eq!(write("iso87_ascii", fields), Err(EncodeError { field, kind }));
        };
        check(&[(3, b"000000"), (2, b"4000")], 2, EncodeErrorKind::OutOfOrder);
        check(&[(3, b"000000"), (3, b"000000")], 3, EncodeErrorKind::OutOfOrder);
        check(&[(65, b"00000000")], 65, EncodeErrorKind::NotInDialect);
        check(&[(0, b"")], 0, EncodeErrorKind::NotInDialect);
        check(&[(3, b"00000")], 3, EncodeErrorKind::Length);
        check(&[(2, b"40000000000000000000")], 2, EncodeErrorKind::Length);
        check(&[(55, &[0; 500])], 55, EncodeErrorKind::Length);
        check(&[(3, b"00000x")], 3, EncodeErrorKind::NotInClass(Class::N));
        check(&[(43, &[b'\n'; 40])], 43, EncodeErrorKind::NotInClass(Class::Ans));
        let mut out = Vec::new();
        let refused = MessageWriter::begin(&mut out, dialect("iso87_bcd"), &[], Mti::FINANCIAL_REQUEST);
        assert_eq!(refused.unwrap_err(), EncodeError { field: 0, kind: EncodeErrorKind::HeaderLength });
    }

    #[test]
    fn an_error_leaves_the_message_whole() {
        let mut out = Vec::new();
        let mut writer =
            MessageWriter::begin(&mut out, dialect("iso87_ascii"), &[], Mti::FINANCIAL_REQUEST).unwrap();
        writer.field(field::STAN, b"000001").unwrap();
        writer.field(field::TRACK_2, b"4000x").unwrap_err();
        writer.field(field::RESPONSE_CODE, b"30").unwrap();
        writer.finish();
        assert_eq!(out, b"0200002000000200000000000130");
    }

    #[test]
    fn unfinished_takes_itself_back() {
        let mut out = b"before".to_vec();
        let mut writer =
            MessageWriter::begin(&mut out, dialect("iso87_ascii"), &[], Mti::FINANCIAL_REQUEST).unwrap();
        writer.field(field::STAN, b"000001").unwrap();
        drop(writer);
        assert_eq!(out, b"before");
    }

    #[test]
    fn numbers_are_filled_with_zeros() {
        let mut out = Vec::new();
        let mut writer =
            MessageWriter::begin(&mut out, dialect("iso87_ascii"), &[], Mti::FINANCIAL_REQUEST).unwrap();
        writer.number(field::AMOUNT, 12345).unwrap();
        writer.number(field::ACQUIRER_ID, 0).unwrap();
        assert_eq!(writer.number(field::CURRENCY, 1000).unwrap_err().kind, EncodeErrorKind::Length);
        writer.finish();
        assert_eq!(out, b"02001000000100000000000000012345010");
    }

    #[test]
    fn copies_within_and_across_dialects() {
        let fields: [(u8, &[u8]); 3] = [(2, b"400000123456789"), (35, b"4000D2812"), (52, &[0xAB; 8])];
        let packed = write("iso87_bcd", &fields).unwrap();
        let message = parse(&packed, dialect("iso87_bcd")).unwrap();
        let copy = |name, header: &[u8]| {
            let mut out = Vec::new();
            let mut writer = MessageWriter::begin(&mut out, dialect(name), header, message.mti()).unwrap();
            for number in [2, 3, 35, 52] {
                writer.copy(number, &message).unwrap();
            }
            writer.finish();
            out
        };
        assert_eq!(copy("iso87_bcd", message.header()), packed);
        assert_eq!(copy("iso87_ascii", &[]), write("iso87_ascii", &fields).unwrap());
    }
}
