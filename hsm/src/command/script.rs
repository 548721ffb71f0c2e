use super::emv;
use crate::reader::Reader;
use crate::{ArqcTask, ErrorCode, KeyField, PanSequence, writer};
use std::fmt;

/// `KU` mode 0, the MAC of an issuer script command: mode 1N, scheme 1N, MK-SMI, PAN and PSN 8B, session
/// key data 8B, [length 4H in scheme 5], message, `;`. The reply holds the MAC, eight bytes.
///
/// **Unconfirmed**: one loose source, no capture. Where the layout has no length, the message ends at
/// the last `;` of the body, after which at most an LMK identifier may follow and no trailer. Modes 1 to
/// 4, which also encrypt or change a PIN, have no known layout.
#[derive(Clone, Debug)]
pub struct ScriptMac<'a> {
    /// How the session key comes from the card's master key.
    pub scheme: ScriptScheme,
    /// Issuer master key for secure messaging with integrity, under the LMK.
    pub mk_smi: KeyField<'a>,
    /// PAN and sequence number, as [`PanSequence::option_a`]: eight bytes.
    pub pan_sequence: PanSequence,
    /// What the session key is made from: the transaction counter in the last two bytes, or the
    /// cryptogram of the request.
    pub session_data: [u8; 8],
    /// What the MAC covers; the unit pads it with `80` and zeros.
    pub message: ScriptMessage<'a>,
}

/// How `KU` makes its session key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScriptScheme {
    /// Scheme 0: Visa's, from the transaction counter.
    Visa,
    /// Scheme 1: Mastercard's, from the cryptogram of the request.
    Mastercard,
    /// Scheme 5: the EMV common session key from the cryptogram of the request (JCB CVN 04). The one
    /// scheme whose message has a length in front.
    Common,
}

/// `JU` mode 0, the MAC of a UnionPay script command: mode 1N, scheme `1`, MK-SMI, PAN and PSN 8B,
/// ATC 2B, padding flag 1N, length 4H, message, `;`. The reply holds the MAC, eight bytes.
///
/// **Unconfirmed**: one loose source, no capture.
#[derive(Clone, Debug)]
pub struct UnionPayScriptMac<'a> {
    /// Issuer master key for secure messaging with integrity, under the LMK.
    pub mk_smi: KeyField<'a>,
    /// PAN and sequence number, as [`PanSequence::option_a`]: eight bytes.
    pub pan_sequence: PanSequence,
    /// Application transaction counter (tag 9F36).
    pub atc: [u8; 2],
    /// Whether the host has padded the message already (`1`); else (`0`) the unit adds `80` and zeros.
    pub padded: bool,
    /// What the MAC covers.
    pub message: ScriptMessage<'a>,
}

/// `JS`: verify a UnionPay ARQC, make its ARPC: mode 1N, scheme `1`, MK-AC, PAN and PSN 8B, ATC 2B,
/// padding flag 1N, [length 2H, transaction data, `;`], ARQC 8B, [ARC 2B]. The reply is 00, with an ARPC
/// of eight bytes where asked for, or 01.
///
/// **Unconfirmed**: one loose source, no capture.
#[derive(Clone, Debug)]
pub struct VerifyUnionPayArqc<'a> {
    /// Issuer master key for application cryptograms, under the LMK.
    pub mk_ac: KeyField<'a>,
    /// PAN and sequence number, as [`PanSequence::option_a`]: eight bytes.
    pub pan_sequence: PanSequence,
    /// Application transaction counter (tag 9F36).
    pub atc: [u8; 2],
    /// Whether the host has padded the transaction data already (`1`); else (`0`) the unit adds `80` and
    /// zeros.
    pub padded: bool,
    /// The cryptogram of the request (tag 9F26).
    pub arqc: [u8; 8],
    /// What to do with it; an ARPC is by method 1, from the authorisation response code.
    pub task: ArqcTask<'a, [u8; 2]>,
}

/// A command for the card, or what of it a MAC covers. `Debug` shows its length only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ScriptMessage<'a>(&'a [u8]);

impl<'a> ScriptMessage<'a> {
    /// `None` when empty or longer than 65,535 bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<ScriptMessage<'a>> {
        (1..=0xFFFF).contains(&bytes.len()).then_some(ScriptMessage(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> ScriptMac<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'0');
        out.push(match self.scheme {
            ScriptScheme::Visa => b'0',
            ScriptScheme::Mastercard => b'1',
            ScriptScheme::Common => b'5',
        });
        writer::key(out, &self.mk_smi);
        out.extend_from_slice(&self.pan_sequence.rightmost());
        out.extend_from_slice(&self.session_data);
        if self.scheme == ScriptScheme::Common {
            writer::hex_length(out, self.message.0.len(), 4);
        }
        out.extend_from_slice(self.message.0);
        out.push(b';');
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<ScriptMac<'a>, ErrorCode> {
        integrity_only(reader)?;
        let scheme = match reader.array()? {
            [b'0'] => ScriptScheme::Visa,
            [b'1'] => ScriptScheme::Mastercard,
            [b'5'] => ScriptScheme::Common,
            // Amex, JCB and UnionPay: no recipe known.
            [b'2'..=b'4' | b'6'] => return Err(ErrorCode::COMMAND_DISABLED),
            _ => return Err(ErrorCode::KEY_LENGTH_FLAG),
        };
        let mk_smi = reader.key(32)?;
        let pan_sequence = emv::packed_pan(reader.take(8)?)?;
        let session_data = reader.array()?;
        let length = match scheme {
            ScriptScheme::Common => reader.hex_length::<4>()?,
            ScriptScheme::Visa | ScriptScheme::Mastercard => length_before_end(reader)?,
        };
        let message = parse_message(reader, length)?;
        Ok(ScriptMac { scheme, mk_smi, pan_sequence, session_data, message })
    }
}

impl<'a> UnionPayScriptMac<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"01");
        writer::key(out, &self.mk_smi);
        out.extend_from_slice(&self.pan_sequence.rightmost());
        out.extend_from_slice(&self.atc);
        out.push(if self.padded { b'1' } else { b'0' });
        writer::hex_length(out, self.message.0.len(), 4);
        out.extend_from_slice(self.message.0);
        out.push(b';');
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<UnionPayScriptMac<'a>, ErrorCode> {
        integrity_only(reader)?;
        union_pay_scheme(reader)?;
        let mk_smi = reader.key(32)?;
        let pan_sequence = emv::packed_pan(reader.take(8)?)?;
        let atc = reader.array()?;
        let padded = parse_padded(reader)?;
        let length = reader.hex_length::<4>()?;
        let message = parse_message(reader, length)?;
        Ok(UnionPayScriptMac { mk_smi, pan_sequence, atc, padded, message })
    }
}

impl<'a> VerifyUnionPayArqc<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.task {
            ArqcTask::Verify { .. } => b'0',
            ArqcTask::VerifyAndRespond { .. } => b'1',
            ArqcTask::Respond { .. } => b'2',
        });
        out.push(b'1');
        writer::key(out, &self.mk_ac);
        out.extend_from_slice(&self.pan_sequence.rightmost());
        out.extend_from_slice(&self.atc);
        out.push(if self.padded { b'1' } else { b'0' });
        emv::encode_transaction(out, self.task.transaction());
        out.extend_from_slice(&self.arqc);
        if let Some(arc) = self.task.arpc() {
            out.extend_from_slice(&arc);
        }
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyUnionPayArqc<'a>, ErrorCode> {
        let [mode @ b'0'..=b'2'] = reader.array()? else { return Err(ErrorCode::KEY_TYPE_CODE) };
        union_pay_scheme(reader)?;
        let mk_ac = reader.key(32)?;
        let pan_sequence = emv::packed_pan(reader.take(8)?)?;
        let atc = reader.array()?;
        let padded = parse_padded(reader)?;
        let transaction = if mode == b'2' { None } else { Some(emv::parse_transaction(reader)?) };
        let arqc = reader.array()?;
        let arc = if mode == b'0' { None } else { Some(reader.array()?) };
        let task = emv::task(transaction, arc)?;
        Ok(VerifyUnionPayArqc { mk_ac, pan_sequence, atc, padded, arqc, task })
    }
}

fn integrity_only(reader: &mut Reader<'_>) -> Result<(), ErrorCode> {
    match reader.array()? {
        [b'0'] => Ok(()),
        [b'1'..=b'4'] => Err(ErrorCode::COMMAND_DISABLED),
        _ => Err(ErrorCode::KEY_TYPE_CODE),
    }
}

fn union_pay_scheme(reader: &mut Reader<'_>) -> Result<(), ErrorCode> {
    if reader.array()? == *b"1" { Ok(()) } else { Err(ErrorCode::KEY_LENGTH_FLAG) }
}

fn parse_padded(reader: &mut Reader<'_>) -> Result<bool, ErrorCode> {
    match reader.array()? {
        [b'0'] => Ok(false),
        [b'1'] => Ok(true),
        _ => Err(ErrorCode::INPUT),
    }
}

/// A message without a length reaches to the `;` that ends the body, counted from the end: it may hold
/// that byte itself.
fn length_before_end(reader: &Reader<'_>) -> Result<usize, ErrorCode> {
    let after = match reader.rest() {
        [.., b';'] => 1,
        [.., b';', b'%', b'0'..=b'9', b'0'..=b'9'] => 4,
        _ => return Err(ErrorCode::INPUT),
    };
    Ok(reader.remaining() - after)
}

fn parse_message<'a>(reader: &mut Reader<'a>, length: usize) -> Result<ScriptMessage<'a>, ErrorCode> {
    let message = reader.take(length).map_err(|_| ErrorCode::LENGTH)?;
    reader.expect(b';').map_err(|_| ErrorCode::LENGTH)?;
    ScriptMessage::new(message).ok_or(ErrorCode::EMPTY)
}

impl fmt::Debug for ScriptMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptMessage({} bytes)", self.0.len())
    }
}
