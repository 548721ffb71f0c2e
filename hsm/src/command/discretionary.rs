use super::emv::{self, ArqcScheme, TransactionData};
use crate::reader::Reader;
use crate::{ErrorCode, KeyField, PanSequence, writer};

/// `KQ` modes 3 and 4, which also verify a MAC over the issuer's discretionary data: mode 1N, scheme 1N,
/// MK-AC, MK-SMI, PAN and PSN 8B, ATC 2B, UN 4B, length 2H, transaction data, `;`, ARQC 8B, [ARC 2B],
/// MAC 4B, length 2H, discretionary data. The reply is that of [`crate::VerifyArqc`].
///
/// The layout is that of a production client; how the MAC is made is not known to us, so `hsm-sim`
/// answers 68.
#[derive(Clone, Debug)]
pub struct VerifyArqcDiscretionary<'a> {
    /// How the key of the cryptogram comes from the card's master key.
    pub scheme: ArqcScheme,
    /// Issuer master key for application cryptograms, under the LMK.
    pub mk_ac: KeyField<'a>,
    /// Issuer master key for secure messaging with integrity, under the LMK.
    pub mk_smi: KeyField<'a>,
    /// PAN and sequence number, as [`PanSequence::option_a`]: eight bytes.
    pub pan_sequence: PanSequence,
    /// Application transaction counter (tag 9F36).
    pub atc: [u8; 2],
    /// Unpredictable number (tag 9F37).
    pub unpredictable_number: [u8; 4],
    /// What the card computed its cryptogram over.
    pub transaction: TransactionData<'a>,
    /// The cryptogram of the request (tag 9F26).
    pub arqc: [u8; 8],
    /// The authorisation response code for an ARPC by method 1, in mode 4.
    pub arc: Option<[u8; 2]>,
    /// The MAC over the discretionary data.
    pub mac: [u8; 4],
    /// The discretionary data.
    pub discretionary: TransactionData<'a>,
}

impl<'a> VerifyArqcDiscretionary<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(if self.arc.is_none() { b'3' } else { b'4' });
        self.scheme.encode(out);
        writer::key(out, &self.mk_ac);
        writer::key(out, &self.mk_smi);
        out.extend_from_slice(&self.pan_sequence.rightmost());
        out.extend_from_slice(&self.atc);
        out.extend_from_slice(&self.unpredictable_number);
        emv::encode_transaction(out, Some(self.transaction));
        out.extend_from_slice(&self.arqc);
        if let Some(arc) = self.arc {
            out.extend_from_slice(&arc);
        }
        out.extend_from_slice(&self.mac);
        writer::hex_length(out, self.discretionary.as_bytes().len(), 2);
        out.extend_from_slice(self.discretionary.as_bytes());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyArqcDiscretionary<'a>, ErrorCode> {
        let [mode @ (b'3' | b'4')] = reader.array()? else { return Err(ErrorCode::KEY_TYPE_CODE) };
        Ok(VerifyArqcDiscretionary {
            scheme: ArqcScheme::parse(reader)?,
            mk_ac: reader.key(32)?,
            mk_smi: reader.key(32)?,
            pan_sequence: emv::packed_pan(reader.take(8)?)?,
            atc: reader.array()?,
            unpredictable_number: reader.array()?,
            transaction: emv::parse_transaction(reader)?,
            arqc: reader.array()?,
            arc: if mode == b'4' { Some(reader.array()?) } else { None },
            mac: reader.array()?,
            discretionary: parse_data(reader)?,
        })
    }
}

fn parse_data<'a>(reader: &mut Reader<'a>) -> Result<TransactionData<'a>, ErrorCode> {
    let length = reader.hex_length::<2>()?;
    let bytes = reader.take(length).map_err(|_| ErrorCode::LENGTH)?;
    TransactionData::new(bytes).ok_or(ErrorCode::EMPTY)
}
