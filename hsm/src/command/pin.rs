use crate::reader::Reader;
use crate::{
    Account, DecimalisationTable, ErrorCode, KeyField, PinBlockFormat, PinOffset, Pvv, ValidationData, writer,
};
use card::PinBlock;

/// The kind of key that a PIN block arrives under, which decides the command code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinKeyType {
    /// Terminal PIN key: `CA`, `DC`, `DA`.
    Tpk,
    /// Zone PIN key: `CC`, `EC`, `EA`.
    Zpk,
}

/// `CA` (TPK) or `CC` (ZPK) to ZPK: source key, destination key, longest PIN 2N, block 16H, source format
/// 2N, destination format 2N, account 12N. The reply holds PIN length, block and format.
#[derive(Clone, Debug)]
pub struct TranslatePin<'a> {
    /// The kind of the source key.
    pub source: PinKeyType,
    /// The key that the block is under, itself under the LMK.
    pub source_key: KeyField<'a>,
    /// The ZPK to put it under, itself under the LMK.
    pub destination_key: KeyField<'a>,
    /// Longest PIN accepted, in digits: 4 to 12.
    pub max_pin_length: u8,
    /// The block as received.
    pub pin_block: PinBlock,
    /// Its format.
    pub source_format: PinBlockFormat,
    /// The format wanted.
    pub destination_format: PinBlockFormat,
    /// The account that both blocks are bound to.
    pub account: Account,
}

/// `DC` (TPK) or `EC` (ZPK): PIN key, PVK pair, block 16H, format 2N, account 12N, PVKI 1N, PVV 4N. The
/// reply is 00 or 01.
#[derive(Clone, Debug)]
pub struct VerifyPvv<'a> {
    /// The kind of the PIN key.
    pub source: PinKeyType,
    /// The key that the block is under, itself under the LMK.
    pub pin_key: KeyField<'a>,
    /// The PIN verification key pair, under the LMK.
    pub pvk: KeyField<'a>,
    /// The block as received.
    pub pin_block: PinBlock,
    /// Its format.
    pub format: PinBlockFormat,
    /// The account that block and PVV are bound to.
    pub account: Account,
    /// PIN verification key index, one digit.
    pub pvki: u8,
    /// The value on file.
    pub pvv: Pvv,
}

/// `DA` (TPK) or `EA` (ZPK): PIN key, PVK, longest PIN 2N, block 16H, format 2N, check length 2N, account
/// 12N, decimalisation table 16, validation data 12A, offset 12. The reply is 00 or 01.
#[derive(Clone, Debug)]
pub struct VerifyIbm<'a> {
    /// The kind of the PIN key.
    pub source: PinKeyType,
    /// The key that the block is under, itself under the LMK.
    pub pin_key: KeyField<'a>,
    /// The PIN verification key, under the LMK; single length without a scheme letter.
    pub pvk: KeyField<'a>,
    /// Longest PIN accepted, in digits: 4 to 12.
    pub max_pin_length: u8,
    /// The block as received.
    pub pin_block: PinBlock,
    /// Its format.
    pub format: PinBlockFormat,
    /// How many digits of the PIN are checked: 4 to 12.
    pub check_length: u8,
    /// The account that the block is bound to.
    pub account: Account,
    /// How hexadecimal digits become decimal.
    pub decimalisation_table: DecimalisationTable,
    /// What the natural PIN is made from.
    pub validation_data: ValidationData,
    /// The offset on file.
    pub offset: PinOffset,
}

impl<'a> TranslatePin<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.source_key);
        writer::key(out, &self.destination_key);
        writer::decimal(out, self.max_pin_length.into(), 2);
        writer::hex(out, self.pin_block.reveal());
        out.extend_from_slice(self.source_format.code());
        out.extend_from_slice(self.destination_format.code());
        out.extend_from_slice(self.account.reveal());
    }

    pub(super) fn parse(source: PinKeyType, reader: &mut Reader<'a>) -> Result<TranslatePin<'a>, ErrorCode> {
        Ok(TranslatePin {
            source,
            source_key: reader.key(16)?,
            destination_key: reader.key(16)?,
            max_pin_length: pin_length(reader)?,
            pin_block: reader.pin_block()?,
            source_format: reader.pin_block_format()?,
            destination_format: reader.pin_block_format()?,
            account: reader.account()?,
        })
    }
}

impl<'a> VerifyPvv<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.pin_key);
        writer::key(out, &self.pvk);
        writer::hex(out, self.pin_block.reveal());
        out.extend_from_slice(self.format.code());
        out.extend_from_slice(self.account.reveal());
        writer::decimal(out, self.pvki.into(), 1);
        out.extend_from_slice(self.pvv.reveal());
    }

    pub(super) fn parse(source: PinKeyType, reader: &mut Reader<'a>) -> Result<VerifyPvv<'a>, ErrorCode> {
        Ok(VerifyPvv {
            source,
            pin_key: reader.key(16)?,
            pvk: reader.key(32)?,
            pin_block: reader.pin_block()?,
            format: reader.pin_block_format()?,
            account: reader.account()?,
            pvki: reader.small_decimal::<1>()?,
            pvv: Pvv::parse(reader.take(4)?).ok_or(ErrorCode::INPUT)?,
        })
    }
}

impl<'a> VerifyIbm<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.pin_key);
        writer::key(out, &self.pvk);
        writer::decimal(out, self.max_pin_length.into(), 2);
        writer::hex(out, self.pin_block.reveal());
        out.extend_from_slice(self.format.code());
        writer::decimal(out, self.check_length.into(), 2);
        out.extend_from_slice(self.account.reveal());
        out.extend_from_slice(self.decimalisation_table.reveal());
        out.extend_from_slice(self.validation_data.reveal());
        out.extend_from_slice(self.offset.reveal());
    }

    pub(super) fn parse(source: PinKeyType, reader: &mut Reader<'a>) -> Result<VerifyIbm<'a>, ErrorCode> {
        Ok(VerifyIbm {
            source,
            pin_key: reader.key(16)?,
            pvk: reader.key(16)?,
            max_pin_length: pin_length(reader)?,
            pin_block: reader.pin_block()?,
            format: reader.pin_block_format()?,
            check_length: pin_length(reader)?,
            account: reader.account()?,
            decimalisation_table: DecimalisationTable::parse(reader.take(16)?)
                .ok_or(ErrorCode::DECIMALISATION_TABLE)?,
            validation_data: ValidationData::parse(reader.take(12)?).ok_or(ErrorCode::INPUT)?,
            offset: PinOffset::parse(reader.take(12)?).ok_or(ErrorCode::INPUT)?,
        })
    }
}

/// Two digits, 4 to 12 (ISO 9564-1).
fn pin_length(reader: &mut Reader<'_>) -> Result<u8, ErrorCode> {
    match reader.small_decimal::<2>()? {
        length @ 4..=12 => Ok(length),
        _ => Err(ErrorCode::PIN_LENGTH),
    }
}
