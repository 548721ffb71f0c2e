use super::emv;
use crate::reader::Reader;
use crate::{ArpcMethod, ArqcTask, DerivationOption, ErrorCode, KeyField, PanSequence, writer};

/// `KW` schemes 0 and 1, the EMV2000 key tree of old cards: mode 1N, scheme 1N, MK-AC, IV 16B, PAN and
/// PSN (8B, or length 2N, packed digits and `;` for option B), shape 1N, ATC 2B, [length 2H, transaction
/// data, `;`], ARQC 8B, [ARC 2B] or [CSU 4B, length 1N, proprietary data]. The reply is that of
/// [`crate::VerifyArqcSessionKey`].
#[derive(Clone, Debug)]
pub struct VerifyArqcTree<'a> {
    /// How the card's master key comes from the issuer's: scheme 0 for A, 1 for B.
    pub option: DerivationOption,
    /// Issuer master key for application cryptograms, under the LMK.
    pub mk_ac: KeyField<'a>,
    /// What stands for the parent of the card's master key, usually zeros.
    pub iv: [u8; 16],
    /// PAN and sequence number: eight bytes as [`PanSequence::option_a`], or [`PanSequence::option_b`].
    pub pan_sequence: PanSequence,
    /// The tree.
    pub shape: TreeShape,
    /// Application transaction counter (tag 9F36), which numbers the leaf.
    pub atc: [u8; 2],
    /// The cryptogram of the request (tag 9F26).
    pub arqc: [u8; 8],
    /// What to do with it.
    pub task: ArqcTask<'a, ArpcMethod>,
}

/// How an EMV2000 key tree branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TreeShape {
    /// `0`: two branches, height 16. The digit is known by elimination only.
    Branch2Height16,
    /// `1`: four branches, height 8.
    Branch4Height8,
}

impl<'a> VerifyArqcTree<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(emv::session_key_mode(&self.task));
        out.push(match self.option {
            DerivationOption::A => b'0',
            DerivationOption::B => b'1',
        });
        writer::key(out, &self.mk_ac);
        out.extend_from_slice(&self.iv);
        emv::encode_pan(out, self.option, &self.pan_sequence);
        out.push(match self.shape {
            TreeShape::Branch2Height16 => b'0',
            TreeShape::Branch4Height8 => b'1',
        });
        emv::encode_session_key_task(out, self.atc, self.arqc, &self.task);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyArqcTree<'a>, ErrorCode> {
        let [mode @ b'0'..=b'4'] = reader.array()? else { return Err(ErrorCode::KEY_TYPE_CODE) };
        let option = match reader.array()? {
            [b'0'] => DerivationOption::A,
            [b'1'] => DerivationOption::B,
            _ => return Err(ErrorCode::KEY_LENGTH_FLAG),
        };
        let mk_ac = reader.key(32)?;
        let iv = reader.array()?;
        let pan_sequence = emv::parse_pan(reader, option)?;
        let shape = match reader.array()? {
            [b'0'] => TreeShape::Branch2Height16,
            [b'1'] => TreeShape::Branch4Height8,
            _ => return Err(ErrorCode::INPUT),
        };
        let (atc, arqc, task) = emv::parse_session_key_task(reader, mode)?;
        Ok(VerifyArqcTree { option, mk_ac, iv, pan_sequence, shape, atc, arqc, task })
    }
}
