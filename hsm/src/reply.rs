use crate::reader::Reader;
use crate::{
    Arpc, CommandCode, ErrorCode, Kcv, KcvLength, KeyField, LmkPin, Mac, PinBlockField, PinBlockFormat,
    PinOffset, Pvv, ReplyError, ReplyErrorKind, writer,
};
use card::{AesPinBlock, Cvv};
use std::borrow::Cow;
use std::fmt;

/// What the HSM answers.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    /// Whether it worked. A body may come with 00, and with 01 from [`crate::ImportKey`], where it warns
    /// that the parity of the key was mended, or as [`ReplyBody::Expected`].
    pub error: ErrorCode,
    /// The answer.
    pub body: ReplyBody<'a>,
}

/// The fields of a reply after its error code.
#[derive(Clone)]
pub enum ReplyBody<'a> {
    /// Nothing: a verification, or a failure.
    Empty,
    /// Reply to `NC`.
    Diagnostics {
        /// Check value of the LMK, 16 hexadecimal characters.
        lmk_check_value: [u8; 16],
        /// Firmware version.
        firmware: [u8; 9],
    },
    /// Reply to `NO` mode 00.
    Status {
        /// Buffer size code: 0 for 2 KiB, 1 for 8, 2 for 16, 3 for 32.
        buffer: u8,
        /// Whether the host link is TCP.
        tcp: bool,
        /// How many connections the unit takes: 0 to 99.
        sockets: u8,
        /// Firmware version.
        firmware: [u8; 9],
    },
    /// Reply to `B2`: the bytes sent.
    Echo(Cow<'a, [u8]>),
    /// Reply to `N0`: random bytes.
    Random(Cow<'a, [u8]>),
    /// Reply to `BU` and `KA`.
    CheckValue(Kcv),
    /// Reply to `A0` when the key leaves at once: modes 1 and B.
    KeyForTwo {
        /// The key, under the LMK.
        key: KeyField<'a>,
        /// The same, under the ZMK or TMK.
        exported: KeyField<'a>,
        /// Its check value of six digits.
        kcv: Kcv,
    },
    /// Reply to `HC`, `HA`, `IA` and `FI`.
    MadeKey {
        /// The key, under the ZMK or TMK.
        exported: KeyField<'a>,
        /// The same, under the LMK.
        key: KeyField<'a>,
        /// Its check value, which `HC` does not answer.
        kcv: Option<Kcv>,
    },
    /// Reply to `AU` and `AW` when no check value of six digits was asked for.
    CvkPair {
        /// The pair, under the ZMK (`AU`) or the LMK (`AW`).
        key: KeyField<'a>,
        /// The check values of its keys, six digits each.
        kcvs: [Kcv; 2],
    },
    /// Reply to `B0` and `BW`: the key, under the LMK.
    KeyAlone(KeyField<'a>),
    /// Reply to `A0`, `A4`, `A6` and `A8`, and to the older commands that translate a key.
    Key {
        /// The key, under the LMK (`A0`, `A4`, `A6`) or the ZMK (`A8`).
        key: KeyField<'a>,
        /// Its check value of six digits.
        kcv: Kcv,
    },
    /// Reply to `CA`, `CC`, `G0` and `CI`.
    TranslatedPin {
        /// Digits of the PIN.
        pin_length: u8,
        /// The block under the destination key.
        pin_block: PinBlockField,
        /// Its format.
        format: PinBlockFormat,
    },
    /// Reply to `CW`.
    Cvv(Cvv),
    /// Reply to `KQ` and `KW` when an ARPC was asked for.
    Arpc(Arpc),
    /// Reply to `M6`, of modes 1 and 2 of `M8`, and to `GW` when a MAC was asked for: the MAC, or the IV to go
    /// on with.
    Mac(Mac),
    /// Reply to `JG`.
    PinBlock(PinBlockField),
    /// Reply to `JA`, `JC`, `JE`, `BA`, `EE` and `QK`.
    LmkPin(LmkPin),
    /// Reply to `BK`, `DU` and `DE`.
    PinOffset(PinOffset),
    /// Reply to `FW`, `CU` and `DG`.
    Pvv(Pvv),
    /// Reply to `GM`: 16 to 64 bytes.
    Hash(Cow<'a, [u8]>),
    /// What the unit computed, in the authorised state and with error 01: the cryptogram for `KQ`, `KW`
    /// and `JS` (eight bytes), the digits for `PM` (five). A help in setting up; nobody should depend on
    /// it.
    Expected(Cow<'a, [u8]>),
    /// Reply to `KU` and `JU`: the whole MAC, of which the issuer sends the leftmost bytes.
    ScriptMac([u8; 8]),
    /// Reply to `M0`, `M2` and `M4`: [`crate::DataReply`] cuts it.
    Data(Cow<'a, [u8]>),
}

impl<'a> Reply<'a> {
    /// The command did what was asked.
    #[must_use]
    pub fn success(body: ReplyBody<'a>) -> Reply<'a> {
        Reply { error: ErrorCode::NONE, body }
    }

    /// The command did not.
    #[must_use]
    pub fn failure(error: ErrorCode) -> Reply<'static> {
        Reply { error, body: ReplyBody::Empty }
    }

    /// Appends the reply to `command`: reply code, error code and body.
    pub fn encode(&self, command: CommandCode, out: &mut Vec<u8>) {
        out.extend_from_slice(command.reply().as_bytes());
        out.extend_from_slice(self.error.as_bytes());
        self.body.encode(out);
    }

    /// Reads the reply to `command`: everything after the message header. A trailer is not expected,
    /// since only a host that sent one gets one.
    ///
    /// # Errors
    /// When it answers another command, or its fields are not those of this one.
    pub fn parse(command: CommandCode, bytes: &'a [u8]) -> Result<Reply<'a>, ReplyError> {
        let fail = |kind| ReplyError { command, kind };
        let malformed = |_| fail(ReplyErrorKind::Malformed);
        let mut reader = Reader::new(bytes);
        if reader.array().map_err(malformed)? != *command.reply().as_bytes() {
            return Err(fail(ReplyErrorKind::WrongCode));
        }
        let error = ErrorCode::new(reader.array().map_err(malformed)?);
        let body = match (command.as_bytes(), error) {
            (_, ErrorCode::NONE) => ReplyBody::parse(command, &mut reader).map_err(fail)?,
            (b"A6", ErrorCode::VERIFICATION_FAILED) => {
                ReplyBody::parse(command, &mut reader).map_err(fail)?
            }
            (b"KQ" | b"KW" | b"JS", ErrorCode::VERIFICATION_FAILED) if reader.remaining() == 8 => {
                ReplyBody::Expected(Cow::Borrowed(reader.take_rest()))
            }
            (b"PM", ErrorCode::VERIFICATION_FAILED) if reader.remaining() == 5 => {
                ReplyBody::Expected(Cow::Borrowed(reader.take_rest()))
            }
            (b"FA" | b"FC" | b"FK" | b"MI" | b"AW" | b"DW", ErrorCode::VERIFICATION_FAILED)
                if !reader.is_empty() =>
            {
                ReplyBody::parse(command, &mut reader).map_err(fail)?
            }
            _ => ReplyBody::Empty,
        };
        if reader.is_empty() { Ok(Reply { error, body }) } else { Err(fail(ReplyErrorKind::Malformed)) }
    }
}

impl<'a> ReplyBody<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            ReplyBody::Empty => {}
            ReplyBody::Diagnostics { lmk_check_value, firmware } => {
                out.extend_from_slice(lmk_check_value);
                out.extend_from_slice(firmware);
            }
            ReplyBody::Status { buffer, tcp, sockets, firmware } => {
                writer::decimal(out, (*buffer).into(), 1);
                writer::decimal(out, (*tcp).into(), 1);
                writer::decimal(out, (*sockets).into(), 2);
                out.extend_from_slice(firmware);
                out.extend_from_slice(STATUS_RESERVED);
            }
            ReplyBody::Echo(bytes) | ReplyBody::Random(bytes) => out.extend_from_slice(bytes),
            ReplyBody::CheckValue(kcv) => writer::hex(out, kcv.as_bytes()),
            ReplyBody::KeyForTwo { key, exported, kcv } => {
                writer::key(out, key);
                writer::key(out, exported);
                writer::hex(out, kcv.as_bytes());
            }
            ReplyBody::MadeKey { exported, key, kcv } => {
                writer::key(out, exported);
                writer::key(out, key);
                if let Some(kcv) = kcv {
                    writer::hex(out, kcv.as_bytes());
                }
            }
            ReplyBody::CvkPair { key, kcvs } => {
                writer::key(out, key);
                kcvs.iter().for_each(|kcv| writer::hex(out, kcv.as_bytes()));
            }
            ReplyBody::KeyAlone(key) => writer::key(out, key),
            ReplyBody::Key { key, kcv } => {
                writer::key(out, key);
                writer::hex(out, kcv.as_bytes());
            }
            ReplyBody::TranslatedPin { pin_length, pin_block, format } => {
                writer::decimal(out, (*pin_length).into(), 2);
                writer::hex(out, pin_block.reveal());
                out.extend_from_slice(format.code());
            }
            ReplyBody::Cvv(cvv) => out.extend_from_slice(cvv.reveal()),
            ReplyBody::Arpc(arpc) => out.extend_from_slice(arpc.as_bytes()),
            ReplyBody::Mac(mac) => writer::hex(out, mac.as_bytes()),
            ReplyBody::PinBlock(block) => writer::hex(out, block.reveal()),
            ReplyBody::LmkPin(pin) => out.extend_from_slice(pin.reveal()),
            ReplyBody::PinOffset(offset) => out.extend_from_slice(offset.reveal()),
            ReplyBody::Pvv(pvv) => out.extend_from_slice(pvv.reveal()),
            ReplyBody::Hash(hash) => out.extend_from_slice(hash),
            ReplyBody::Expected(bytes) | ReplyBody::Data(bytes) => out.extend_from_slice(bytes),
            ReplyBody::ScriptMac(mac) => out.extend_from_slice(mac),
        }
    }

    fn parse(command: CommandCode, reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ReplyErrorKind> {
        let body = match command.as_bytes() {
            b"NC" => diagnostics(reader),
            b"NO" => status(reader),
            b"B2" => Ok(ReplyBody::Echo(Cow::Borrowed(reader.take_rest()))),
            b"N0" => Ok(ReplyBody::Random(Cow::Borrowed(reader.take_rest()))),
            b"BU" | b"KA" => check_value(reader).map(ReplyBody::CheckValue),
            b"A0" => one_key_or_two(reader),
            b"A4" | b"A6" | b"A8" => key(reader),
            b"FA" | b"GC" | b"FC" | b"FE" | b"FK" | b"FM" | b"MI" | b"MG" | b"AW" | b"AU" | b"DW" | b"DY" => {
                translated_key(reader)
            }
            b"HC" | b"HA" | b"IA" | b"FI" => made_key(reader),
            b"B0" | b"BW" => reader.key(16).map(ReplyBody::KeyAlone),
            b"CA" | b"CC" | b"G0" | b"CI" => translated_pin(reader),
            b"DC" | b"EC" | b"DA" | b"EA" | b"CY" => Ok(ReplyBody::Empty),
            b"CW" => cvv(reader),
            b"KQ" | b"KW" => arpc(reader),
            b"M6" => mac(reader),
            b"GW" if reader.is_empty() => Ok(ReplyBody::Empty),
            b"GW" => mac(reader),
            b"BC" | b"BE" | b"GO" | b"GQ" | b"CK" | b"CM" => Ok(ReplyBody::Empty),
            b"JG" => block(reader, 0).map(ReplyBody::PinBlock),
            b"JA" | b"JC" | b"JE" | b"BA" | b"EE" | b"QK" => {
                LmkPin::parse(reader.take_rest()).map(ReplyBody::LmkPin).ok_or(ErrorCode::INPUT)
            }
            b"BK" | b"DU" | b"DE" => {
                PinOffset::parse(reader.take_rest()).map(ReplyBody::PinOffset).ok_or(ErrorCode::INPUT)
            }
            b"FW" | b"CU" | b"DG" => {
                Pvv::parse(reader.take_rest()).map(ReplyBody::Pvv).ok_or(ErrorCode::INPUT)
            }
            b"GM" => hash(reader),
            b"M8" if reader.is_empty() => Ok(ReplyBody::Empty),
            b"M8" => mac(reader),
            b"MA" | b"ME" | b"MS" | b"MQ" => mac(reader),
            b"MC" | b"PM" => Ok(ReplyBody::Empty),
            b"JS" => arpc(reader),
            b"KU" | b"JU" => reader.array().map(ReplyBody::ScriptMac),
            b"M0" | b"M2" | b"M4" => Ok(ReplyBody::Data(Cow::Borrowed(reader.take_rest()))),
            _ => return Err(ReplyErrorKind::UnknownCommand),
        };
        body.map_err(|_| ReplyErrorKind::Malformed)
    }

    fn name(&self) -> &'static str {
        match self {
            ReplyBody::Empty => "Empty",
            ReplyBody::Diagnostics { .. } => "Diagnostics",
            ReplyBody::Status { .. } => "Status",
            ReplyBody::Echo(_) => "Echo",
            ReplyBody::Random(_) => "Random",
            ReplyBody::CheckValue(_) => "CheckValue",
            ReplyBody::KeyForTwo { .. } => "KeyForTwo",
            ReplyBody::MadeKey { .. } => "MadeKey",
            ReplyBody::CvkPair { .. } => "CvkPair",
            ReplyBody::KeyAlone(_) => "KeyAlone",
            ReplyBody::Key { .. } => "Key",
            ReplyBody::TranslatedPin { .. } => "TranslatedPin",
            ReplyBody::Cvv(_) => "Cvv",
            ReplyBody::Arpc(_) => "Arpc",
            ReplyBody::Mac(_) => "Mac",
            ReplyBody::PinBlock(_) => "PinBlock",
            ReplyBody::LmkPin(_) => "LmkPin",
            ReplyBody::PinOffset(_) => "PinOffset",
            ReplyBody::Pvv(_) => "Pvv",
            ReplyBody::Hash(_) => "Hash",
            ReplyBody::Expected(_) => "Expected",
            ReplyBody::ScriptMac(_) => "ScriptMac",
            ReplyBody::Data(_) => "Data",
        }
    }
}

/// Names the kind of reply and nothing of its contents: even random bytes become somebody's key.
impl fmt::Debug for ReplyBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One digit and four characters that the unit reserves.
const STATUS_RESERVED: &[u8; 5] = b"00000";

fn diagnostics<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    Ok(ReplyBody::Diagnostics { lmk_check_value: reader.array()?, firmware: reader.array()? })
}

fn status<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    let buffer = reader.small_decimal::<1>()?;
    let tcp = reader.small_decimal::<1>()? == 1;
    let sockets = reader.small_decimal::<2>()?;
    let firmware = reader.array()?;
    reader.take(STATUS_RESERVED.len())?;
    Ok(ReplyBody::Status { buffer, tcp, sockets, firmware })
}

fn check_value(reader: &mut Reader<'_>) -> Result<Kcv, ErrorCode> {
    if reader.remaining() == 6 {
        return six_digits(reader);
    }
    Ok(Kcv::new(reader.hex_bytes()?, KcvLength::Sixteen))
}

fn key<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    Ok(ReplyBody::Key { key: reader.key(16)?, kcv: six_digits(reader)? })
}

/// `A0` answers the key under the LMK and, when it leaves at once, the same under the ZMK.
fn one_key_or_two<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    let key = reader.key(16)?;
    if reader.remaining() == KcvLength::Six.digits() {
        return Ok(ReplyBody::Key { key, kcv: six_digits(reader)? });
    }
    Ok(ReplyBody::KeyForTwo { key, exported: reader.key(16)?, kcv: six_digits(reader)? })
}

/// A key without a letter has 16 or 32 digits; the check values after it leave no doubt which.
fn translated_key<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    let key = reader.key(if matches!(reader.remaining(), 22 | 32) { 16 } else { 32 })?;
    if reader.remaining() == 2 * KcvLength::Six.digits() {
        return Ok(ReplyBody::CvkPair { key, kcvs: [six_digits(reader)?, six_digits(reader)?] });
    }
    Ok(ReplyBody::Key { key, kcv: check_value(reader)? })
}

fn made_key<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    let (exported, key) = (reader.key(16)?, reader.key(16)?);
    let kcv = if reader.is_empty() { None } else { Some(check_value(reader)?) };
    Ok(ReplyBody::MadeKey { exported, key, kcv })
}

fn six_digits(reader: &mut Reader<'_>) -> Result<Kcv, ErrorCode> {
    let [a, b, c] = reader.hex_bytes()?;
    Ok(Kcv::new([a, b, c, 0, 0, 0, 0, 0], KcvLength::Six))
}

fn translated_pin<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    Ok(ReplyBody::TranslatedPin {
        pin_length: reader.small_decimal::<2>()?,
        pin_block: block(reader, 2)?,
        format: reader.pin_block_format()?,
    })
}

/// A block with so many characters after it; how many there are tells which block it is.
fn block(reader: &mut Reader<'_>, after: usize) -> Result<PinBlockField, ErrorCode> {
    match reader.remaining().checked_sub(after) {
        Some(32) => reader.hex_bytes().map(AesPinBlock::new).map(PinBlockField::Aes),
        _ => reader.pin_block().map(PinBlockField::Tdes),
    }
}

fn hash<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    match reader.remaining() {
        16 | 20 | 28 | 32 | 48 | 64 => Ok(ReplyBody::Hash(Cow::Borrowed(reader.take_rest()))),
        _ => Err(ErrorCode::INPUT),
    }
}

fn cvv<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    Cvv::parse(reader.take(3)?).map(ReplyBody::Cvv).map_err(|_| ErrorCode::INPUT)
}

/// Nothing when only a verification was asked for. By method 2 some units answer eight bytes, of which
/// the last four are zero; they come out as they are.
fn arpc<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    if reader.is_empty() {
        return Ok(ReplyBody::Empty);
    }
    Arpc::new(reader.take_rest()).map(ReplyBody::Arpc).ok_or(ErrorCode::INPUT)
}

fn mac<'a>(reader: &mut Reader<'a>) -> Result<ReplyBody<'a>, ErrorCode> {
    let mac = match reader.remaining() {
        8 => Mac::new(&reader.hex_bytes::<4>()?),
        _ => Mac::new(&reader.hex_bytes::<8>()?),
    };
    mac.map(ReplyBody::Mac).ok_or(ErrorCode::INPUT)
}
