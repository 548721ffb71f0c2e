use super::Command;
use crate::reader::Reader;
use crate::{ErrorCode, writer};
use std::fmt;

/// `B2`: length 4H, data. The reply holds the same data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Echo<'a> {
    /// The bytes to send back.
    pub message: &'a [u8],
}

/// `N0`: length 3N. The reply holds as many random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random {
    /// How many bytes: 1 to 999.
    pub length: u16,
}

impl<'a> Echo<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::hex_length(out, self.message.len(), 4);
        out.extend_from_slice(self.message);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Echo<'a>, ErrorCode> {
        let length = reader.hex_length::<4>()?;
        let message = reader.take(length).map_err(|_| ErrorCode::LENGTH)?;
        Ok(Echo { message })
    }
}

impl Random {
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        writer::decimal(out, self.length, 3);
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Random, ErrorCode> {
        match reader.decimal::<3>()? {
            // The unit calls a length it cannot serve 01 and not 15.
            0 => Err(ErrorCode::VERIFICATION_FAILED),
            length => Ok(Random { length }),
        }
    }
}

/// Of the modes of `NO` only 00 is answered; the others report settings of the real unit.
pub(super) fn parse_status<'a>(reader: &mut Reader<'a>) -> Result<Command<'a>, ErrorCode> {
    match reader.take(2)? {
        b"00" => Ok(Command::Status),
        _ => Err(ErrorCode::INPUT),
    }
}

/// An echo may hold anything, so only its length is shown.
impl fmt::Debug for Echo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Echo({} bytes)", self.message.len())
    }
}
