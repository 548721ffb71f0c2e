use crate::reader::Reader;
use crate::{ErrorCode, KeyField, writer};
use card::{Cvv, Pan};

/// `CW`: CVK pair, PAN, `;`, expiry 4N, service code 3N. The reply holds three digits.
#[derive(Clone, Debug)]
pub struct GenerateCvv<'a> {
    /// The card verification key pair, under the LMK.
    pub cvk: KeyField<'a>,
    /// The card.
    pub pan: Pan,
    /// Its expiry as four digits, in the order that the card's track has them: `YYMM`.
    pub expiry: [u8; 4],
    /// Its service code: as on the track for CVV, `999` for iCVV, `000` for CVV2.
    pub service_code: [u8; 3],
}

/// `CY`: CVK pair, CVV 3N, PAN, `;`, expiry 4N, service code 3N. The reply is 00 or 01.
#[derive(Clone, Debug)]
pub struct VerifyCvv<'a> {
    /// The card verification key pair, under the LMK.
    pub cvk: KeyField<'a>,
    /// The value to verify.
    pub cvv: Cvv,
    /// The card.
    pub pan: Pan,
    /// Its expiry as four digits, in the order that the card's track has them: `YYMM`.
    pub expiry: [u8; 4],
    /// Its service code: as on the track for CVV, `999` for iCVV, `000` for CVV2.
    pub service_code: [u8; 3],
}

impl<'a> GenerateCvv<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.cvk);
        encode_card(out, &self.pan, self.expiry, self.service_code);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<GenerateCvv<'a>, ErrorCode> {
        Ok(GenerateCvv {
            cvk: reader.key(32)?,
            pan: parse_pan(reader)?,
            expiry: reader.digits()?,
            service_code: reader.digits()?,
        })
    }
}

impl<'a> VerifyCvv<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.cvk);
        out.extend_from_slice(self.cvv.reveal());
        encode_card(out, &self.pan, self.expiry, self.service_code);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyCvv<'a>, ErrorCode> {
        Ok(VerifyCvv {
            cvk: reader.key(32)?,
            cvv: Cvv::parse(reader.take(3)?).map_err(|_| ErrorCode::INPUT)?,
            pan: parse_pan(reader)?,
            expiry: reader.digits()?,
            service_code: reader.digits()?,
        })
    }
}

fn encode_card(out: &mut Vec<u8>, pan: &Pan, expiry: [u8; 4], service_code: [u8; 3]) {
    out.extend_from_slice(&pan.reveal());
    out.push(b';');
    out.extend_from_slice(&expiry);
    out.extend_from_slice(&service_code);
}

fn parse_pan(reader: &mut Reader<'_>) -> Result<Pan, ErrorCode> {
    Pan::parse(reader.until(b';')?).map_err(|_| ErrorCode::ACCOUNT)
}
