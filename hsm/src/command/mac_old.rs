use super::mac::MacMessage;
use crate::reader::Reader;
use crate::{ErrorCode, KeyField, Mac, writer};

/// `MS`, ANSI X9.19 MAC of a message in blocks: block 1N, key type 1N (0 TAK, 1 ZAK), key length 1N
/// (0 single, 1 double), message type 1N (0 binary, 1 hexadecimal), key, [IV 16H], length 4H **in bytes**,
/// message. The reply holds 16 digits: the MAC, or after a first or middle block the IV to go on with.
#[derive(Clone, Debug)]
pub struct MacBlock<'a> {
    /// Which block of the message, and the IV after a first one.
    pub part: super::mac::MacPart,
    /// Whether the key is a ZAK; else it is a TAK.
    pub zone: bool,
    /// The key, under the LMK: single length without a letter, or double length.
    pub key: KeyField<'a>,
    /// The message: [`MacMessage::Binary`] or [`MacMessage::Hex`].
    pub message: MacMessage<'a>,
}

/// `MQ`, the MAC of a message in blocks under a ZAK: block 1N, ZAK, [IV 16H], length 3H, message. The
/// reply is as that of [`MacBlock`]. **Unconfirmed**: one simulator, no capture.
#[derive(Clone, Debug)]
pub struct MacBlockZone<'a> {
    /// Which block of the message, and the IV after a first one.
    pub part: super::mac::MacPart,
    /// The key, under the LMK.
    pub zak: KeyField<'a>,
    /// The message: binary.
    pub message: MacMessage<'a>,
}

/// `MA`: TAK, data up to the end, so no LMK identifier or trailer can follow. The reply holds a MAC of
/// four bytes: the left half of a single-DES CBC-MAC. **Unconfirmed**: one simulator, no capture.
#[derive(Clone, Debug)]
pub struct GenerateTerminalMac<'a> {
    /// Terminal authentication key of single length, under the LMK.
    pub tak: KeyField<'a>,
    /// What the MAC covers.
    pub message: MacMessage<'a>,
}

/// `MC`: TAK, MAC 8H, data up to the end. The reply is 00 or 01. As [`GenerateTerminalMac`] otherwise.
#[derive(Clone, Debug)]
pub struct VerifyTerminalMac<'a> {
    /// Terminal authentication key of single length, under the LMK.
    pub tak: KeyField<'a>,
    /// The MAC received, four bytes.
    pub mac: Mac,
    /// What the MAC covers.
    pub message: MacMessage<'a>,
}

/// `ME`: source TAK, destination TAK, MAC 8H, data up to the end. The reply holds the MAC under the
/// destination key, or is 01. As [`GenerateTerminalMac`] otherwise.
#[derive(Clone, Debug)]
pub struct TranslateTerminalMac<'a> {
    /// Key of the MAC received, under the LMK.
    pub source_tak: KeyField<'a>,
    /// Key of the MAC wanted, under the LMK.
    pub destination_tak: KeyField<'a>,
    /// The MAC received, four bytes.
    pub mac: Mac,
    /// What the MAC covers.
    pub message: MacMessage<'a>,
}

impl<'a> MacBlock<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let digit = |flag| if flag { b'1' } else { b'0' };
        out.push(self.part.code());
        out.push(digit(self.zone));
        out.push(digit(self.key.scheme() != crate::KeyScheme::Z || self.key.reveal().len() == 32));
        out.push(digit(matches!(self.message, MacMessage::Hex(_))));
        writer::key(out, &self.key);
        self.part.encode_iv(out);
        let sent = self.message.as_sent();
        let bytes = if matches!(self.message, MacMessage::Hex(_)) { sent.len() / 2 } else { sent.len() };
        writer::hex_length(out, bytes, 4);
        out.extend_from_slice(sent);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<MacBlock<'a>, ErrorCode> {
        let [block, zone, key_length, message_type] = reader.array()?;
        let flag = |digit| match digit {
            b'0' => Ok(false),
            b'1' => Ok(true),
            _ => Err(ErrorCode::INPUT),
        };
        let (zone, double, hex) = (flag(zone)?, flag(key_length)?, flag(message_type)?);
        let key = reader.key(if double { 32 } else { 16 })?;
        let part = super::mac::MacPart::parse(block, reader)?;
        let bytes = reader.hex_length::<4>()?;
        let message = if hex {
            MacMessage::Hex(reader.take(2 * bytes).map_err(|_| ErrorCode::LENGTH)?)
        } else {
            MacMessage::Binary(reader.take(bytes).map_err(|_| ErrorCode::LENGTH)?)
        };
        Ok(MacBlock { part, zone, key, message })
    }
}

impl<'a> MacBlockZone<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.part.code());
        writer::key(out, &self.zak);
        self.part.encode_iv(out);
        writer::hex_length(out, self.message.as_sent().len(), 3);
        out.extend_from_slice(self.message.as_sent());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<MacBlockZone<'a>, ErrorCode> {
        let [block] = reader.array()?;
        let zak = reader.key(16)?;
        let part = super::mac::MacPart::parse(block, reader)?;
        let length = reader.hex_length::<3>()?;
        let message = MacMessage::Binary(reader.take(length).map_err(|_| ErrorCode::LENGTH)?);
        Ok(MacBlockZone { part, zak, message })
    }
}

impl<'a> GenerateTerminalMac<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.tak);
        out.extend_from_slice(self.message.as_sent());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<GenerateTerminalMac<'a>, ErrorCode> {
        Ok(GenerateTerminalMac { tak: reader.key(16)?, message: parse_rest(reader)? })
    }
}

impl<'a> VerifyTerminalMac<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.tak);
        writer::hex(out, self.mac.as_bytes());
        out.extend_from_slice(self.message.as_sent());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyTerminalMac<'a>, ErrorCode> {
        Ok(VerifyTerminalMac { tak: reader.key(16)?, mac: parse_mac(reader)?, message: parse_rest(reader)? })
    }
}

impl<'a> TranslateTerminalMac<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.source_tak);
        writer::key(out, &self.destination_tak);
        writer::hex(out, self.mac.as_bytes());
        out.extend_from_slice(self.message.as_sent());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<TranslateTerminalMac<'a>, ErrorCode> {
        Ok(TranslateTerminalMac {
            source_tak: reader.key(16)?,
            destination_tak: reader.key(16)?,
            mac: parse_mac(reader)?,
            message: parse_rest(reader)?,
        })
    }
}

fn parse_mac(reader: &mut Reader<'_>) -> Result<Mac, ErrorCode> {
    Mac::new(&reader.hex_bytes::<4>()?).ok_or(ErrorCode::INPUT)
}

fn parse_rest<'a>(reader: &mut Reader<'a>) -> Result<MacMessage<'a>, ErrorCode> {
    if reader.is_empty() { Err(ErrorCode::INPUT) } else { Ok(MacMessage::Text(reader.take_rest())) }
}
