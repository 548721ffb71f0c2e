use super::pin::{parse_offset, parse_pvv, parse_table, parse_validation, pin_length};
use crate::pin_field::{parse_account, parse_block, parse_format, write_account};
use crate::reader::Reader;
use crate::{
    Account, DecimalisationTable, ErrorCode, KeyField, PinBlockField, PinBlockFormat, PinOffset, Pvv,
    ValidationData, writer,
};

/// The type of a PIN key as a command states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinKeyCode {
    /// `001`.
    Zpk,
    /// `002`.
    Tpk,
    /// `70D`: a TPK in a unit that keeps it apart from the TMK.
    TpkPci,
    /// `FFF`: the key block says it.
    KeyBlock,
}

/// An encrypted PIN with all that opens it: key type 3H, key, PVK, block 16H (32H under AES), format 2N, [check
/// length 2N], account 12N (PAN and `;` when the format is 48). So begin the commands that make check values
/// from blocks.
#[derive(Clone, Debug)]
pub struct PinWithKeys<'a> {
    /// The type of the PIN key.
    pub key_type: PinKeyCode,
    /// The key that the block is under, itself under the LMK.
    pub pin_key: KeyField<'a>,
    /// The PIN verification key, under the LMK.
    pub pvk: KeyField<'a>,
    /// The block as received.
    pub pin_block: PinBlockField,
    /// Its format.
    pub format: PinBlockFormat,
    /// The account that the block is bound to.
    pub account: Account,
}

/// How IBM 3624 makes a natural PIN, and how many digits of it count.
#[derive(Clone, Copy, Debug)]
pub struct IbmParameters {
    /// How many digits of the PIN the offset is for: 4 to 12.
    pub check_length: u8,
    /// How hexadecimal digits become decimal.
    pub decimalisation_table: DecimalisationTable,
    /// What the natural PIN is made from.
    pub validation_data: ValidationData,
}

/// `BK`: [`PinWithKeys`] with check length, decimalisation table 16, validation data 12A. The reply holds the
/// offset of the PIN.
#[derive(Clone, Debug)]
pub struct GenerateIbmOffset<'a> {
    /// The PIN.
    pub pin: PinWithKeys<'a>,
    /// The method.
    pub ibm: IbmParameters,
}

/// `DU`: as `BK`, then old offset 12 and the block of the new PIN. The reply holds the offset of the new PIN,
/// or 01 when the old one is wrong.
#[derive(Clone, Debug)]
pub struct ChangeIbmPin<'a> {
    /// The PIN that is to be verified.
    pub pin: PinWithKeys<'a>,
    /// The method.
    pub ibm: IbmParameters,
    /// The offset on file.
    pub offset: PinOffset,
    /// The new PIN, under the same key in the same format.
    pub new_pin_block: PinBlockField,
}

/// `FW`: [`PinWithKeys`] with a PVK pair, PVKI 1N. The reply holds the PVV of the PIN.
#[derive(Clone, Debug)]
pub struct GeneratePvv<'a> {
    /// The PIN.
    pub pin: PinWithKeys<'a>,
    /// PIN verification key index, one digit.
    pub pvki: u8,
}

/// `CU`: as `FW`, then old PVV 4N and the block of the new PIN. The reply holds the PVV of the new PIN, or 01
/// when the old one is wrong.
#[derive(Clone, Debug)]
pub struct ChangePvvPin<'a> {
    /// The PIN that is to be verified.
    pub pin: PinWithKeys<'a>,
    /// PIN verification key index, one digit.
    pub pvki: u8,
    /// The value on file.
    pub pvv: Pvv,
    /// The new PIN, under the same key in the same format.
    pub new_pin_block: PinBlockField,
}

impl PinKeyCode {
    fn code(self) -> &'static [u8; 3] {
        match self {
            PinKeyCode::Zpk => b"001",
            PinKeyCode::Tpk => b"002",
            PinKeyCode::TpkPci => b"70D",
            PinKeyCode::KeyBlock => b"FFF",
        }
    }

    fn parse(reader: &mut Reader<'_>) -> Result<PinKeyCode, ErrorCode> {
        let codes = [PinKeyCode::Zpk, PinKeyCode::Tpk, PinKeyCode::TpkPci, PinKeyCode::KeyBlock];
        let code = reader.array()?;
        codes.into_iter().find(|known| *known.code() == code).ok_or(ErrorCode::KEY_TYPE_CODE)
    }
}

impl<'a> PinWithKeys<'a> {
    fn encode(&self, check_length: Option<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.key_type.code());
        writer::key(out, &self.pin_key);
        writer::key(out, &self.pvk);
        writer::hex(out, self.pin_block.reveal());
        out.extend_from_slice(self.format.code());
        if let Some(length) = check_length {
            writer::decimal(out, length.into(), 2);
        }
        write_account(out, &self.account, self.format == PinBlockFormat::Iso4);
    }

    /// With the check length, which only IBM 3624 has.
    fn parse_ibm(reader: &mut Reader<'a>) -> Result<(PinWithKeys<'a>, IbmParameters), ErrorCode> {
        let (pin, check_length) = PinWithKeys::parse(16, reader, |reader| pin_length(reader))?;
        let ibm = IbmParameters {
            check_length,
            decimalisation_table: parse_table(reader)?,
            validation_data: parse_validation(reader)?,
        };
        Ok((pin, ibm))
    }

    fn parse_pvv(reader: &mut Reader<'a>) -> Result<PinWithKeys<'a>, ErrorCode> {
        PinWithKeys::parse(32, reader, |_| Ok(())).map(|(pin, ())| pin)
    }

    fn parse<T>(
        pvk_digits: usize,
        reader: &mut Reader<'a>,
        before_account: impl FnOnce(&mut Reader<'a>) -> Result<T, ErrorCode>,
    ) -> Result<(PinWithKeys<'a>, T), ErrorCode> {
        let key_type = PinKeyCode::parse(reader)?;
        let pin_key = reader.key(16)?;
        let pvk = reader.key(pvk_digits)?;
        let pin_block = parse_block(reader, &pin_key)?;
        let format = parse_format(reader, &pin_block)?;
        let between = before_account(reader)?;
        let account = parse_account(reader, format == PinBlockFormat::Iso4)?;
        Ok((PinWithKeys { key_type, pin_key, pvk, pin_block, format, account }, between))
    }
}

impl IbmParameters {
    fn encode_rest(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.decimalisation_table.reveal());
        out.extend_from_slice(self.validation_data.reveal());
    }
}

impl<'a> GenerateIbmOffset<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.pin.encode(Some(self.ibm.check_length), out);
        self.ibm.encode_rest(out);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<GenerateIbmOffset<'a>, ErrorCode> {
        let (pin, ibm) = PinWithKeys::parse_ibm(reader)?;
        Ok(GenerateIbmOffset { pin, ibm })
    }
}

impl<'a> ChangeIbmPin<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.pin.encode(Some(self.ibm.check_length), out);
        self.ibm.encode_rest(out);
        out.extend_from_slice(self.offset.reveal());
        writer::hex(out, self.new_pin_block.reveal());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<ChangeIbmPin<'a>, ErrorCode> {
        let (pin, ibm) = PinWithKeys::parse_ibm(reader)?;
        let offset = parse_offset(reader)?;
        let new_pin_block = parse_block(reader, &pin.pin_key)?;
        Ok(ChangeIbmPin { pin, ibm, offset, new_pin_block })
    }
}

impl<'a> GeneratePvv<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.pin.encode(None, out);
        writer::decimal(out, self.pvki.into(), 1);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<GeneratePvv<'a>, ErrorCode> {
        Ok(GeneratePvv { pin: PinWithKeys::parse_pvv(reader)?, pvki: reader.small_decimal::<1>()? })
    }
}

impl<'a> ChangePvvPin<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.pin.encode(None, out);
        writer::decimal(out, self.pvki.into(), 1);
        out.extend_from_slice(self.pvv.reveal());
        writer::hex(out, self.new_pin_block.reveal());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<ChangePvvPin<'a>, ErrorCode> {
        let pin = PinWithKeys::parse_pvv(reader)?;
        let pvki = reader.small_decimal::<1>()?;
        let pvv = parse_pvv(reader)?;
        let new_pin_block = parse_block(reader, &pin.pin_key)?;
        Ok(ChangePvvPin { pin, pvki, pvv, new_pin_block })
    }
}
