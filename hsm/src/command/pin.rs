use super::pin_dukpt::DukptDestination;
use crate::pin_field::{parse_account, parse_block, parse_format, write_account};
use crate::reader::Reader;
use crate::{
    Account, DecimalisationTable, ErrorCode, KeyField, PinBlockField, PinBlockFormat, PinOffset, Pvv,
    ValidationData, writer,
};

/// The kind of key that a PIN block arrives under, which decides the command code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinKeyType {
    /// Terminal PIN key: `CA`, `DC`, `DA`.
    Tpk,
    /// Zone PIN key: `CC`, `EC`, `EA`.
    Zpk,
}

/// `CA` (TPK) or `CC` (ZPK) to ZPK or BDK: source key, [`*` BDK-1 or `~` BDK-2], destination key, [KSN
/// descriptor 3H, KSN 20H, under a BDK], longest PIN 2N, block 16H (32H under AES), source format 2N,
/// destination format 2N, account 12N (PAN and `;` when a format is 48). The reply holds PIN length, block
/// and format.
///
/// In a key block the usage says that the destination is a BDK, and no letter stands before it. A BDK in
/// `CC` is unconfirmed.
#[derive(Clone, Debug)]
pub struct TranslatePin<'a> {
    /// The kind of the source key.
    pub source: PinKeyType,
    /// The key that the block is under, itself under the LMK.
    pub source_key: KeyField<'a>,
    /// The key to put it under, itself under the LMK.
    pub destination_key: KeyField<'a>,
    /// What more to know of a destination key that is a BDK; `None` for a ZPK.
    pub destination_bdk: Option<DukptDestination>,
    /// Longest PIN accepted, in digits: 4 to 12.
    pub max_pin_length: u8,
    /// The block as received.
    pub pin_block: PinBlockField,
    /// Its format.
    pub source_format: PinBlockFormat,
    /// The format wanted.
    pub destination_format: PinBlockFormat,
    /// The account that both blocks are bound to.
    pub account: Account,
}

/// `DC` (TPK) or `EC` (ZPK): PIN key, PVK pair, block 16H (32H under AES), format 2N, account 12N (PAN and
/// `;` when the format is 48), [`EC`: `;` and another account 12N], PVKI 1N, PVV 4N. The reply is 00 or 01.
#[derive(Clone, Debug)]
pub struct VerifyPvv<'a> {
    /// The kind of the PIN key.
    pub source: PinKeyType,
    /// The key that the block is under, itself under the LMK.
    pub pin_key: KeyField<'a>,
    /// The PIN verification key pair, under the LMK.
    pub pvk: KeyField<'a>,
    /// The block as received.
    pub pin_block: PinBlockField,
    /// Its format.
    pub format: PinBlockFormat,
    /// The account that block and PVV are bound to.
    pub account: Account,
    /// The account that the PVV is bound to, where it is another one; `EC` only.
    pub verification_account: Option<Account>,
    /// PIN verification key index, one digit.
    pub pvki: u8,
    /// The value on file.
    pub pvv: Pvv,
}

/// `DA` (TPK) or `EA` (ZPK): PIN key, PVK, longest PIN 2N, block 16H (32H under AES), format 2N, check
/// length 2N, account 12N (PAN and `;` when the format is 48), decimalisation table 16, validation data 12A,
/// offset 12. The reply is 00 or 01.
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
    pub pin_block: PinBlockField,
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
        DukptDestination::encode_flag(self.destination_bdk.as_ref(), &self.destination_key, out);
        writer::key(out, &self.destination_key);
        if let Some(bdk) = &self.destination_bdk {
            bdk.ksn.encode(out);
        }
        writer::decimal(out, self.max_pin_length.into(), 2);
        writer::hex(out, self.pin_block.reveal());
        out.extend_from_slice(self.source_format.code());
        out.extend_from_slice(self.destination_format.code());
        write_account(out, &self.account, self.has_whole_pan());
    }

    pub(super) fn parse(source: PinKeyType, reader: &mut Reader<'a>) -> Result<TranslatePin<'a>, ErrorCode> {
        let source_key = reader.key(16)?;
        let flag = DukptDestination::parse_flag(reader);
        let destination_key = reader.key(if flag.is_some() { 32 } else { 16 })?;
        let destination_bdk = DukptDestination::parse_rest(flag, &destination_key, reader)?;
        let max_pin_length = pin_length(reader)?;
        let pin_block = parse_block(reader, &source_key)?;
        let source_format = parse_format(reader, &pin_block)?;
        let destination_format = reader.pin_block_format()?;
        let whole_pan = [source_format, destination_format].contains(&PinBlockFormat::Iso4);
        let account = parse_account(reader, whole_pan)?;
        Ok(TranslatePin {
            source,
            source_key,
            destination_key,
            destination_bdk,
            max_pin_length,
            pin_block,
            source_format,
            destination_format,
            account,
        })
    }

    fn has_whole_pan(&self) -> bool {
        [self.source_format, self.destination_format].contains(&PinBlockFormat::Iso4)
    }
}

impl<'a> VerifyPvv<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.pin_key);
        writer::key(out, &self.pvk);
        writer::hex(out, self.pin_block.reveal());
        out.extend_from_slice(self.format.code());
        write_account(out, &self.account, self.format == PinBlockFormat::Iso4);
        if let Some(account) = &self.verification_account {
            out.push(b';');
            out.extend_from_slice(account.reveal());
        }
        writer::decimal(out, self.pvki.into(), 1);
        out.extend_from_slice(self.pvv.reveal());
    }

    pub(super) fn parse(source: PinKeyType, reader: &mut Reader<'a>) -> Result<VerifyPvv<'a>, ErrorCode> {
        let pin_key = reader.key(16)?;
        let pvk = reader.key(32)?;
        let pin_block = parse_block(reader, &pin_key)?;
        let format = parse_format(reader, &pin_block)?;
        let account = parse_account(reader, format == PinBlockFormat::Iso4)?;
        let another = source == PinKeyType::Zpk && reader.accept(b';');
        Ok(VerifyPvv {
            source,
            pin_key,
            pvk,
            pin_block,
            format,
            account,
            verification_account: if another { Some(reader.account()?) } else { None },
            pvki: reader.small_decimal::<1>()?,
            pvv: parse_pvv(reader)?,
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
        write_account(out, &self.account, self.format == PinBlockFormat::Iso4);
        out.extend_from_slice(self.decimalisation_table.reveal());
        out.extend_from_slice(self.validation_data.reveal());
        out.extend_from_slice(self.offset.reveal());
    }

    pub(super) fn parse(source: PinKeyType, reader: &mut Reader<'a>) -> Result<VerifyIbm<'a>, ErrorCode> {
        let pin_key = reader.key(16)?;
        let pvk = reader.key(16)?;
        let max_pin_length = pin_length(reader)?;
        let pin_block = parse_block(reader, &pin_key)?;
        let format = parse_format(reader, &pin_block)?;
        Ok(VerifyIbm {
            source,
            pin_key,
            pvk,
            max_pin_length,
            pin_block,
            format,
            check_length: pin_length(reader)?,
            account: parse_account(reader, format == PinBlockFormat::Iso4)?,
            decimalisation_table: parse_table(reader)?,
            validation_data: parse_validation(reader)?,
            offset: parse_offset(reader)?,
        })
    }
}

/// Two digits, 4 to 12 (ISO 9564-1).
pub(super) fn pin_length(reader: &mut Reader<'_>) -> Result<u8, ErrorCode> {
    match reader.small_decimal::<2>()? {
        length @ 4..=12 => Ok(length),
        _ => Err(ErrorCode::PIN_LENGTH),
    }
}

pub(super) fn parse_table(reader: &mut Reader<'_>) -> Result<DecimalisationTable, ErrorCode> {
    DecimalisationTable::parse(reader.take(16)?).ok_or(ErrorCode::DECIMALISATION_TABLE)
}

pub(super) fn parse_validation(reader: &mut Reader<'_>) -> Result<ValidationData, ErrorCode> {
    ValidationData::parse(reader.take(12)?).ok_or(ErrorCode::INPUT)
}

pub(super) fn parse_offset(reader: &mut Reader<'_>) -> Result<PinOffset, ErrorCode> {
    PinOffset::parse(reader.take(12)?).ok_or(ErrorCode::INPUT)
}

pub(super) fn parse_pvv(reader: &mut Reader<'_>) -> Result<Pvv, ErrorCode> {
    Pvv::parse(reader.take(4)?).ok_or(ErrorCode::INPUT)
}
