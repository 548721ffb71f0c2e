use super::PinKeyType;
use super::pin::{parse_offset, parse_table, parse_validation, pin_length};
use crate::pin_field::{parse_account, parse_block, parse_format, parse_lmk_pin, write_account};
use crate::reader::Reader;
use crate::{
    Account, ClearPinField, DecimalisationTable, ErrorCode, KeyField, LmkPin, PinBlockField, PinBlockFormat,
    PinOffset, ValidationData, writer,
};

/// `JA`: account 12N (under an AES LMK PAN and `;`), PIN length 2N. The reply holds a random PIN under the
/// LMK.
#[derive(Clone, Debug)]
pub struct GeneratePin {
    /// The account that the PIN is for.
    pub account: Account,
    /// Whether the whole PAN is sent, as an AES LMK asks for.
    pub whole_pan: bool,
    /// How many digits: 4 to 12, and no more than the unit is set to.
    pub length: u8,
}

/// `JC` (TPK) or `JE` (ZPK): key, block 16H (32H under AES), format 2N, account 12N (PAN and `;` when the
/// format is 48). The reply holds the PIN under the LMK.
#[derive(Clone, Debug)]
pub struct PinToLmk<'a> {
    /// The kind of the PIN key.
    pub source: PinKeyType,
    /// The key that the block is under, itself under the LMK.
    pub pin_key: KeyField<'a>,
    /// The block as received.
    pub pin_block: PinBlockField,
    /// Its format.
    pub format: PinBlockFormat,
    /// The account that the block is bound to.
    pub account: Account,
}

/// `JG`: ZPK, format 2N, account 12N (PAN and `;` when the format is 48), PIN under the LMK. The reply holds
/// the block.
#[derive(Clone, Debug)]
pub struct PinFromLmk<'a> {
    /// The ZPK to put the PIN under, itself under the LMK.
    pub zpk: KeyField<'a>,
    /// The format wanted.
    pub format: PinBlockFormat,
    /// The account that the PIN is for.
    pub account: Account,
    /// The PIN.
    pub pin: LmkPin,
}

/// `BA`: PIN in clear, filled with `F` to one more than the longest PIN of the unit, account 12N. The reply
/// holds the PIN under the LMK. Needs authorised state.
#[derive(Clone, Debug)]
pub struct EncryptClearPin {
    /// The PIN.
    pub pin: ClearPinField,
    /// The account that the PIN is for.
    pub account: Account,
}

/// `BC` (TPK) or `BE` (ZPK): key, block 16H (32H under AES), format 2N, account 12N (PAN and `;` when the
/// format is 48), PIN under the LMK. The reply is 00 when both are the same PIN, or 01.
#[derive(Clone, Debug)]
pub struct ComparePin<'a> {
    /// The kind of the PIN key.
    pub source: PinKeyType,
    /// The key that the block is under, itself under the LMK.
    pub pin_key: KeyField<'a>,
    /// The block as received.
    pub pin_block: PinBlockField,
    /// Its format.
    pub format: PinBlockFormat,
    /// The account of block and PIN.
    pub account: Account,
    /// The PIN on file.
    pub pin: LmkPin,
}

/// `DE`: PVK, PIN under the LMK, check length 2N, account 12N, decimalisation table 16, validation data 12A.
/// The reply holds the IBM 3624 offset.
#[derive(Clone, Debug)]
pub struct OffsetOfLmkPin<'a> {
    /// The PIN verification key, under the LMK; single length without a scheme letter.
    pub pvk: KeyField<'a>,
    /// The PIN.
    pub pin: LmkPin,
    /// How many digits of the PIN the offset is for: 4 to 12.
    pub check_length: u8,
    /// The account that the PIN is for.
    pub account: Account,
    /// How hexadecimal digits become decimal.
    pub decimalisation_table: DecimalisationTable,
    /// What the natural PIN is made from.
    pub validation_data: ValidationData,
}

/// `DG`: PVK pair, PIN under the LMK, account 12N, PVKI 1N. The reply holds the PVV.
#[derive(Clone, Debug)]
pub struct PvvOfLmkPin<'a> {
    /// The PIN verification key pair, under the LMK.
    pub pvk: KeyField<'a>,
    /// The PIN.
    pub pin: LmkPin,
    /// The account that the PIN is for.
    pub account: Account,
    /// PIN verification key index, one digit.
    pub pvki: u8,
}

/// `EE`: PVK, offset 12, check length 2N, account 12N, decimalisation table 16, validation data 12A. The
/// reply holds the PIN under the LMK: natural PIN plus offset.
#[derive(Clone, Debug)]
pub struct DeriveIbmPin<'a> {
    /// The PIN verification key, under the LMK; single length without a scheme letter.
    pub pvk: KeyField<'a>,
    /// The offset on file.
    pub offset: PinOffset,
    /// How many digits the PIN has: 4 to 12.
    pub check_length: u8,
    /// The account that the PIN is for.
    pub account: Account,
    /// How hexadecimal digits become decimal.
    pub decimalisation_table: DecimalisationTable,
    /// What the natural PIN is made from.
    pub validation_data: ValidationData,
}

/// `QK`: PIN under the LMK, old account 12N, new account 12N. The reply holds the PIN under the LMK for the
/// new account. The order of the fields has one source only.
#[derive(Clone, Debug)]
pub struct MovePin {
    /// The PIN, for the old account.
    pub pin: LmkPin,
    /// The account that the PIN is for now.
    pub old_account: Account,
    /// The account that it is to be for.
    pub new_account: Account,
}

const ACCOUNT: usize = 12;
const PVKI: usize = 1;
/// Check length, account, decimalisation table and validation data.
const IBM: usize = 2 + ACCOUNT + 16 + 12;

impl GeneratePin {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        write_account(out, &self.account, self.whole_pan);
        writer::decimal(out, self.length.into(), 2);
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<GeneratePin, ErrorCode> {
        // The other form has exactly this length, and a PAN of 12 digits makes it one longer.
        let whole_pan = reader.text_length() > ACCOUNT + 2;
        let account = parse_account(reader, whole_pan)?;
        Ok(GeneratePin { account, whole_pan, length: pin_length(reader)? })
    }
}

impl<'a> PinToLmk<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_block(out, &self.pin_key, &self.pin_block, self.format, &self.account);
    }

    pub(super) fn parse(source: PinKeyType, reader: &mut Reader<'a>) -> Result<PinToLmk<'a>, ErrorCode> {
        let pin_key = reader.key(16)?;
        let pin_block = parse_block(reader, &pin_key)?;
        let format = parse_format(reader, &pin_block)?;
        let account = parse_account(reader, format == PinBlockFormat::Iso4)?;
        Ok(PinToLmk { source, pin_key, pin_block, format, account })
    }
}

impl<'a> PinFromLmk<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.zpk);
        out.extend_from_slice(self.format.code());
        write_account(out, &self.account, self.format == PinBlockFormat::Iso4);
        out.extend_from_slice(self.pin.reveal());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<PinFromLmk<'a>, ErrorCode> {
        let zpk = reader.key(16)?;
        let format = reader.pin_block_format()?;
        let account = parse_account(reader, format == PinBlockFormat::Iso4)?;
        Ok(PinFromLmk { zpk, format, account, pin: parse_lmk_pin(reader, 0)? })
    }
}

impl EncryptClearPin {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.pin.reveal());
        out.extend_from_slice(self.account.reveal());
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<EncryptClearPin, ErrorCode> {
        let length = reader.text_length().checked_sub(ACCOUNT).ok_or(ErrorCode::INPUT)?;
        let pin = ClearPinField::parse(reader.take(length)?).ok_or(ErrorCode::INPUT)?;
        Ok(EncryptClearPin { pin, account: reader.account()? })
    }
}

impl<'a> ComparePin<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_block(out, &self.pin_key, &self.pin_block, self.format, &self.account);
        out.extend_from_slice(self.pin.reveal());
    }

    pub(super) fn parse(source: PinKeyType, reader: &mut Reader<'a>) -> Result<ComparePin<'a>, ErrorCode> {
        let PinToLmk { pin_key, pin_block, format, account, .. } = PinToLmk::parse(source, reader)?;
        let pin = parse_lmk_pin(reader, 0)?;
        Ok(ComparePin { source, pin_key, pin_block, format, account, pin })
    }
}

impl<'a> OffsetOfLmkPin<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.pvk);
        out.extend_from_slice(self.pin.reveal());
        writer::decimal(out, self.check_length.into(), 2);
        out.extend_from_slice(self.account.reveal());
        out.extend_from_slice(self.decimalisation_table.reveal());
        out.extend_from_slice(self.validation_data.reveal());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<OffsetOfLmkPin<'a>, ErrorCode> {
        Ok(OffsetOfLmkPin {
            pvk: reader.key(16)?,
            pin: parse_lmk_pin(reader, IBM)?,
            check_length: pin_length(reader)?,
            account: reader.account()?,
            decimalisation_table: parse_table(reader)?,
            validation_data: parse_validation(reader)?,
        })
    }
}

impl<'a> PvvOfLmkPin<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.pvk);
        out.extend_from_slice(self.pin.reveal());
        out.extend_from_slice(self.account.reveal());
        writer::decimal(out, self.pvki.into(), 1);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<PvvOfLmkPin<'a>, ErrorCode> {
        Ok(PvvOfLmkPin {
            pvk: reader.key(32)?,
            pin: parse_lmk_pin(reader, ACCOUNT + PVKI)?,
            account: reader.account()?,
            pvki: reader.small_decimal::<1>()?,
        })
    }
}

impl<'a> DeriveIbmPin<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.pvk);
        out.extend_from_slice(self.offset.reveal());
        writer::decimal(out, self.check_length.into(), 2);
        out.extend_from_slice(self.account.reveal());
        out.extend_from_slice(self.decimalisation_table.reveal());
        out.extend_from_slice(self.validation_data.reveal());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<DeriveIbmPin<'a>, ErrorCode> {
        Ok(DeriveIbmPin {
            pvk: reader.key(16)?,
            offset: parse_offset(reader)?,
            check_length: pin_length(reader)?,
            account: reader.account()?,
            decimalisation_table: parse_table(reader)?,
            validation_data: parse_validation(reader)?,
        })
    }
}

impl MovePin {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.pin.reveal());
        out.extend_from_slice(self.old_account.reveal());
        out.extend_from_slice(self.new_account.reveal());
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<MovePin, ErrorCode> {
        Ok(MovePin {
            pin: parse_lmk_pin(reader, ACCOUNT + ACCOUNT)?,
            old_account: reader.account()?,
            new_account: reader.account()?,
        })
    }
}

/// Key, block, format and account, with which several commands begin.
fn encode_block(
    out: &mut Vec<u8>,
    key: &KeyField<'_>,
    block: &PinBlockField,
    format: PinBlockFormat,
    account: &Account,
) {
    writer::key(out, key);
    writer::hex(out, block.reveal());
    out.extend_from_slice(format.code());
    write_account(out, account, format == PinBlockFormat::Iso4);
}
