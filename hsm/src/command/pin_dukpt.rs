use super::pin::{parse_offset, parse_pvv, parse_table, parse_validation, pin_length};
use crate::ksn::KeySerialNumber;
use crate::pin_field::{parse_account, parse_block, parse_format, write_account};
use crate::reader::Reader;
use crate::{
    Account, DecimalisationTable, ErrorCode, KeyField, Mac, PinBlockField, PinBlockFormat, PinOffset, Pvv,
    ValidationData, writer,
};
use std::fmt;

/// The type of a base derivation key, which a variant LMK keeps apart. A key block states its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BdkType {
    /// `*` as a destination, no letter as a source: type 009.
    One,
    /// `~`: type 609.
    Two,
}

/// What a command says of a destination that is a BDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DukptDestination {
    /// Its type under a variant LMK.
    pub bdk_type: BdkType,
    /// The number of the key to derive.
    pub ksn: KeySerialNumber,
}

/// `G0`: `~` or nothing, BDK, `*` or `~` or nothing, ZPK or BDK, KSN descriptor 3H, KSN 20H (24H under AES),
/// [the same of the destination, if a BDK], block 16H (32H under AES), source format 2N, destination format
/// 2N, account 12N (PAN and `;` when a format is 48), [`;` and the account 12N of the destination]. The
/// reply holds PIN length, block and format.
#[derive(Clone, Debug)]
pub struct TranslateDukptPin<'a> {
    /// The type of the source key under a variant LMK.
    pub source_type: BdkType,
    /// The BDK that the block's key is derived from, under the LMK.
    pub source_key: KeyField<'a>,
    /// The number of that key.
    pub source_ksn: KeySerialNumber,
    /// The key to put the block under, itself under the LMK.
    pub destination_key: KeyField<'a>,
    /// What more to know of a destination key that is a BDK; `None` for a ZPK.
    pub destination_bdk: Option<DukptDestination>,
    /// The block as received.
    pub pin_block: PinBlockField,
    /// Its format.
    pub source_format: PinBlockFormat,
    /// The format wanted.
    pub destination_format: PinBlockFormat,
    /// The account that the block is bound to.
    pub account: Account,
    /// The account that the new block is bound to, where it is another one.
    pub destination_account: Option<Account>,
}

/// `CI`, the older form of [`TranslateDukptPin`]: BDK, ZPK, KSN descriptor 3H, KSN 20H, block 16H,
/// destination format 2N, account 12N. The block received has format 01. The reply holds PIN length, block
/// and format.
#[derive(Clone, Debug)]
pub struct TranslateDukptPinToZpk<'a> {
    /// The BDK that the block's key is derived from, under the LMK.
    pub bdk: KeyField<'a>,
    /// The ZPK to put the block under, itself under the LMK.
    pub zpk: KeyField<'a>,
    /// The number of the block's key.
    pub ksn: KeySerialNumber,
    /// The block as received.
    pub pin_block: PinBlockField,
    /// The format wanted.
    pub destination_format: PinBlockFormat,
    /// The account that both blocks are bound to.
    pub account: Account,
}

/// `GO` mode 0: `0`, BDK, PVK, KSN descriptor 3H, KSN, block, format 2N, check length 2N, account, table 16,
/// validation data 12A, offset 12. `CK`, the older form, has no mode and no format, which is 01; its
/// layout is unconfirmed. The reply is 00 or 01.
///
/// The other modes of `GO` treat a MAC as well; their layout is not known well enough, and the error is 68.
#[derive(Clone, Debug)]
pub struct VerifyDukptIbm<'a> {
    /// Which command.
    pub form: DukptForm,
    /// The BDK that the block's key is derived from, under the LMK.
    pub bdk: KeyField<'a>,
    /// The PIN verification key, under the LMK; single length without a scheme letter.
    pub pvk: KeyField<'a>,
    /// The number of the block's key.
    pub ksn: KeySerialNumber,
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

/// `GQ` mode 0: `0`, BDK, PVK pair, KSN descriptor 3H, KSN, block, format 2N, account, [`;` and another account
/// 12N], PVKI 1N, PVV 4N. `CM`, the older form, has no mode, no format, which is 01, and no second account; its
/// layout is unconfirmed. The reply is 00 or 01.
///
/// The other modes of `GQ` treat a MAC as well; their layout is not known well enough, and the error is 68.
#[derive(Clone, Debug)]
pub struct VerifyDukptPvv<'a> {
    /// Which command.
    pub form: DukptForm,
    /// The BDK that the block's key is derived from, under the LMK.
    pub bdk: KeyField<'a>,
    /// The PIN verification key pair, under the LMK.
    pub pvk: KeyField<'a>,
    /// The number of the block's key.
    pub ksn: KeySerialNumber,
    /// The block as received.
    pub pin_block: PinBlockField,
    /// Its format.
    pub format: PinBlockFormat,
    /// The account that block and PVV are bound to.
    pub account: Account,
    /// The account that the PVV is bound to, where it is another one; `GQ` only.
    pub verification_account: Option<Account>,
    /// PIN verification key index, one digit.
    pub pvki: u8,
    /// The value on file.
    pub pvv: Pvv,
}

/// Which of two commands for the same check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DukptForm {
    /// `GO`, `GQ`.
    Current,
    /// `CK`, `CM`.
    Older,
}

/// `GW`: MAC mode 1H (`1` verify, `4` generate, both all eight bytes), method `1`, BDK, KSN descriptor 3H, KSN
/// 20H, [MAC 16H in mode 1], length 4N, message. The reply holds the MAC in mode 4, and is 00 or 01 in mode 1.
///
/// The MAC is by ISO/IEC 9797-1 algorithm 3, padded with zeros, under the request MAC key. Other modes are
/// shorter MACs and other types of BDK; which is which is not known well enough, and the error is 68.
#[derive(Clone)]
pub struct DukptMac<'a> {
    /// The BDK that the MAC key is derived from, under the LMK.
    pub bdk: KeyField<'a>,
    /// The number of that key.
    pub ksn: KeySerialNumber,
    /// The MAC to verify, eight bytes; `None` to make one.
    pub mac: Option<Mac>,
    /// The message as it is: up to 9999 bytes.
    pub message: &'a [u8],
}

impl DukptDestination {
    pub(super) fn encode_flag(bdk: Option<&DukptDestination>, key: &KeyField<'_>, out: &mut Vec<u8>) {
        if !key.is_bdk_block() {
            match bdk.map(|bdk| bdk.bdk_type) {
                None => {}
                Some(BdkType::One) => out.push(b'*'),
                Some(BdkType::Two) => out.push(b'~'),
            }
        }
    }

    pub(super) fn parse_flag(reader: &mut Reader<'_>) -> Option<BdkType> {
        if reader.accept(b'*') {
            Some(BdkType::One)
        } else if reader.accept(b'~') {
            Some(BdkType::Two)
        } else {
            None
        }
    }

    /// The KSN, when the destination is a BDK by its letter or by its key block.
    pub(super) fn parse_rest(
        flag: Option<BdkType>,
        key: &KeyField<'_>,
        reader: &mut Reader<'_>,
    ) -> Result<Option<DukptDestination>, ErrorCode> {
        let bdk_type = if key.is_bdk_block() { Some(BdkType::One) } else { flag };
        let Some(bdk_type) = bdk_type else { return Ok(None) };
        Ok(Some(DukptDestination { bdk_type, ksn: KeySerialNumber::parse(reader, key)? }))
    }
}

impl<'a> TranslateDukptPin<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        if self.source_type == BdkType::Two && !self.source_key.is_bdk_block() {
            out.push(b'~');
        }
        writer::key(out, &self.source_key);
        DukptDestination::encode_flag(self.destination_bdk.as_ref(), &self.destination_key, out);
        writer::key(out, &self.destination_key);
        self.source_ksn.encode(out);
        if let Some(bdk) = &self.destination_bdk {
            bdk.ksn.encode(out);
        }
        writer::hex(out, self.pin_block.reveal());
        out.extend_from_slice(self.source_format.code());
        out.extend_from_slice(self.destination_format.code());
        let whole_pan = [self.source_format, self.destination_format].contains(&PinBlockFormat::Iso4);
        write_account(out, &self.account, whole_pan);
        if let Some(account) = &self.destination_account {
            out.push(b';');
            out.extend_from_slice(account.reveal());
        }
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<TranslateDukptPin<'a>, ErrorCode> {
        let two = reader.accept(b'~');
        let source_key = reader.key(32)?;
        let source_type = if two && !source_key.is_bdk_block() { BdkType::Two } else { BdkType::One };
        let flag = DukptDestination::parse_flag(reader);
        let destination_key = reader.key(if flag.is_some() { 32 } else { 16 })?;
        let source_ksn = KeySerialNumber::parse(reader, &source_key)?;
        let destination_bdk = DukptDestination::parse_rest(flag, &destination_key, reader)?;
        let pin_block = parse_block(reader, &source_key)?;
        let source_format = parse_format(reader, &pin_block)?;
        let destination_format = reader.pin_block_format()?;
        let whole_pan = [source_format, destination_format].contains(&PinBlockFormat::Iso4);
        let account = parse_account(reader, whole_pan)?;
        let destination_account = if reader.accept(b';') { Some(reader.account()?) } else { None };
        Ok(TranslateDukptPin {
            source_type,
            source_key,
            source_ksn,
            destination_key,
            destination_bdk,
            pin_block,
            source_format,
            destination_format,
            account,
            destination_account,
        })
    }
}

impl<'a> TranslateDukptPinToZpk<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.bdk);
        writer::key(out, &self.zpk);
        self.ksn.encode(out);
        writer::hex(out, self.pin_block.reveal());
        out.extend_from_slice(self.destination_format.code());
        out.extend_from_slice(self.account.reveal());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<TranslateDukptPinToZpk<'a>, ErrorCode> {
        let bdk = reader.key(32)?;
        Ok(TranslateDukptPinToZpk {
            zpk: reader.key(16)?,
            ksn: KeySerialNumber::parse(reader, &bdk)?,
            pin_block: reader.pin_block()?.into(),
            destination_format: reader.pin_block_format()?,
            account: reader.account()?,
            bdk,
        })
    }
}

impl DukptForm {
    fn encode_mode(self, out: &mut Vec<u8>) {
        if self == DukptForm::Current {
            out.push(b'0');
        }
    }

    fn parse_mode(self, reader: &mut Reader<'_>) -> Result<(), ErrorCode> {
        if self == DukptForm::Current && reader.array()? != *b"0" {
            return Err(ErrorCode::COMMAND_DISABLED);
        }
        Ok(())
    }

    fn parse_block(
        self,
        reader: &mut Reader<'_>,
        bdk: &KeyField<'_>,
    ) -> Result<(PinBlockField, PinBlockFormat), ErrorCode> {
        match self {
            DukptForm::Current => {
                let block = parse_block(reader, bdk)?;
                let format = parse_format(reader, &block)?;
                Ok((block, format))
            }
            DukptForm::Older => Ok((reader.pin_block()?.into(), PinBlockFormat::Iso0)),
        }
    }

    fn encode_format(self, format: PinBlockFormat, out: &mut Vec<u8>) {
        if self == DukptForm::Current {
            out.extend_from_slice(format.code());
        }
    }
}

impl<'a> VerifyDukptIbm<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.form.encode_mode(out);
        writer::key(out, &self.bdk);
        writer::key(out, &self.pvk);
        self.ksn.encode(out);
        writer::hex(out, self.pin_block.reveal());
        self.form.encode_format(self.format, out);
        writer::decimal(out, self.check_length.into(), 2);
        write_account(out, &self.account, self.format == PinBlockFormat::Iso4);
        out.extend_from_slice(self.decimalisation_table.reveal());
        out.extend_from_slice(self.validation_data.reveal());
        out.extend_from_slice(self.offset.reveal());
    }

    pub(super) fn parse(form: DukptForm, reader: &mut Reader<'a>) -> Result<VerifyDukptIbm<'a>, ErrorCode> {
        form.parse_mode(reader)?;
        let bdk = reader.key(32)?;
        let pvk = reader.key(16)?;
        let ksn = KeySerialNumber::parse(reader, &bdk)?;
        let (pin_block, format) = form.parse_block(reader, &bdk)?;
        Ok(VerifyDukptIbm {
            form,
            bdk,
            pvk,
            ksn,
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

impl<'a> VerifyDukptPvv<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.form.encode_mode(out);
        writer::key(out, &self.bdk);
        writer::key(out, &self.pvk);
        self.ksn.encode(out);
        writer::hex(out, self.pin_block.reveal());
        self.form.encode_format(self.format, out);
        write_account(out, &self.account, self.format == PinBlockFormat::Iso4);
        if let Some(account) = &self.verification_account {
            out.push(b';');
            out.extend_from_slice(account.reveal());
        }
        writer::decimal(out, self.pvki.into(), 1);
        out.extend_from_slice(self.pvv.reveal());
    }

    pub(super) fn parse(form: DukptForm, reader: &mut Reader<'a>) -> Result<VerifyDukptPvv<'a>, ErrorCode> {
        form.parse_mode(reader)?;
        let bdk = reader.key(32)?;
        let pvk = reader.key(32)?;
        let ksn = KeySerialNumber::parse(reader, &bdk)?;
        let (pin_block, format) = form.parse_block(reader, &bdk)?;
        let account = parse_account(reader, format == PinBlockFormat::Iso4)?;
        let another = form == DukptForm::Current && reader.accept(b';');
        Ok(VerifyDukptPvv {
            form,
            bdk,
            pvk,
            ksn,
            pin_block,
            format,
            account,
            verification_account: if another { Some(reader.account()?) } else { None },
            pvki: reader.small_decimal::<1>()?,
            pvv: parse_pvv(reader)?,
        })
    }
}

impl<'a> DukptMac<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.mac.is_some() { b"11" } else { b"41" });
        writer::key(out, &self.bdk);
        self.ksn.encode(out);
        if let Some(mac) = &self.mac {
            writer::hex(out, mac.as_bytes());
        }
        writer::decimal(out, self.message.len().min(9999) as u16, 4);
        out.extend_from_slice(self.message);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<DukptMac<'a>, ErrorCode> {
        let [mode, method] = reader.array()?;
        let (b'1' | b'4', b'1') = (mode, method) else { return Err(ErrorCode::COMMAND_DISABLED) };
        let bdk = reader.key(32)?;
        let ksn = KeySerialNumber::parse(reader, &bdk)?;
        let mac = match mode {
            b'1' => Some(Mac::new(&reader.hex_bytes::<8>()?).ok_or(ErrorCode::INPUT)?),
            _ => None,
        };
        let length = reader.decimal::<4>()?;
        let message = reader.take(length.into()).map_err(|_| ErrorCode::LENGTH)?;
        Ok(DukptMac { bdk, ksn, mac, message })
    }
}

/// The message may hold anything, so only its length is shown.
impl fmt::Debug for DukptMac<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DukptMac")
            .field("bdk", &self.bdk)
            .field("ksn", &self.ksn)
            .field("mac", &self.mac)
            .field("message_length", &self.message.len())
            .finish()
    }
}
