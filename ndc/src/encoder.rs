use crate::sequence::hex_pair;
use crate::token::{FS, GS};
use crate::{EncodeError, EncodeErrorKind, Field, Luno};

/// Appends one message to a buffer, or nothing when the message cannot be written.
pub(crate) struct Encoder<'o> {
    out: &'o mut Vec<u8>,
}

/// Runs `write` and takes back what it appended if it fails, so that no half message can be sent.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let result = write(&mut Encoder { out });
    if result.is_err() {
        out.truncate(start);
    }
    result
}

impl Encoder<'_> {
    pub(crate) fn fs(&mut self) {
        self.out.push(FS);
    }

    pub(crate) fn gs(&mut self) {
        self.out.push(GS);
    }

    /// Bytes that cannot be separators by their type.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn luno(&mut self, luno: Option<&Luno>) {
        self.raw(luno.map(Luno::as_bytes).unwrap_or_default());
    }

    /// Free text of one field or group: no separator may be in it.
    pub(crate) fn text(&mut self, field: Field, text: &[u8]) -> Result<(), EncodeError> {
        if text.iter().any(|byte| matches!(*byte, FS | GS)) {
            return Err(EncodeError { field, kind: EncodeErrorKind::Separator });
        }
        self.raw(text);
        Ok(())
    }

    /// Text of at most `longest` bytes in a field without groups, where only FS would break the message.
    pub(crate) fn at_most(&mut self, field: Field, text: &[u8], longest: usize) -> Result<(), EncodeError> {
        if text.len() > longest {
            return Err(EncodeError { field, kind: EncodeErrorKind::Length });
        }
        self.groups(field, text)
    }

    /// What is read back as one piece, groups and all.
    pub(crate) fn groups(&mut self, field: Field, text: &[u8]) -> Result<(), EncodeError> {
        if text.contains(&FS) {
            return Err(EncodeError { field, kind: EncodeErrorKind::Separator });
        }
        self.raw(text);
        Ok(())
    }

    /// A number in `width` digits, filled with zeros on the left.
    pub(crate) fn digits(&mut self, field: Field, number: u64, width: usize) -> Result<(), EncodeError> {
        let digits = format!("{number:0width$}");
        if digits.len() > width {
            return Err(EncodeError { field, kind: EncodeErrorKind::TooLarge });
        }
        self.raw(digits.as_bytes());
        Ok(())
    }

    /// Bytes as upper-case hexadecimal characters.
    pub(crate) fn hex(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.raw(&hex_pair(*byte));
        }
    }
}
