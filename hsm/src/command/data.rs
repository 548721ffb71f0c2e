use crate::reader::Reader;
use crate::{ErrorCode, KeyField, KeyScheme, KeyType, writer};
use std::fmt;

/// `M0` (encrypt) or `M2` (decrypt): mode 2N, input format 1N, output format 1N, key type 3H, key, [KSN
/// descriptor 3H, KSN 20H for a BDK], [IV 16H, 32H for an AES key, except in mode 00], length 4H,
/// message. The reply holds IV (except in mode 00), length 4H and message: see [`DataReply`].
///
/// Mode 00 is recorded from a real unit. Which feedback width modes 02 and 03 have, and that the IV of
/// the reply is the one to go on with, is unconfirmed.
#[derive(Clone, Debug)]
pub struct CipherData<'a> {
    /// Encrypt or decrypt.
    pub direction: CipherDirection,
    /// Mode of operation, with its IV.
    pub mode: CipherMode,
    /// The key.
    pub key: DataKey<'a>,
    /// How the result is to be sent.
    pub output: DataFormat,
    /// What is to be encrypted or decrypted.
    pub message: DataMessage<'a>,
}

/// `M4`, from one key to another: source mode 2N, destination mode 2N, input format 1N, output format 1N,
/// source key type 3H, key, [its KSN], destination key type 3H, key, [its KSN], [source IV], [destination
/// IV], length 4H, message. The reply holds the IVs of modes other than 00, length 4H and message.
///
/// Mode 00 is recorded from a real unit; for the others see [`CipherData`].
#[derive(Clone, Debug)]
pub struct TranslateData<'a> {
    /// Mode of the message received.
    pub source_mode: CipherMode,
    /// Mode of the message wanted.
    pub destination_mode: CipherMode,
    /// The key that the message is under.
    pub source_key: DataKey<'a>,
    /// The key that it is to be under.
    pub destination_key: DataKey<'a>,
    /// How the result is to be sent.
    pub output: DataFormat,
    /// The message, encrypted.
    pub message: DataMessage<'a>,
}

/// Which way [`CipherData`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CipherDirection {
    /// `M0`.
    Encrypt,
    /// `M2`.
    Decrypt,
}

/// Mode of operation of a block cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CipherMode {
    /// `00`: each block by itself.
    Ecb,
    /// `01`: each block chained to the one before.
    Cbc(Iv),
    /// `02`: feedback of eight bits; the message may have any length. The width is unconfirmed.
    Cfb8(Iv),
    /// `03`: feedback of 64 bits; the message may have any length. The width is unconfirmed.
    Cfb64(Iv),
}

/// An initialisation vector: one block, eight bytes for TDES and 16 for AES.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Iv {
    bytes: [u8; 16],
    length: u8,
}

/// A key for data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKey<'a> {
    /// Its type: [`KeyType::ZEK`], [`KeyType::DEK`], [`KeyType::TEK`] or a BDK; `None` (`FFF`) for "as
    /// the key block says".
    pub key_type: Option<KeyType>,
    /// The key, under the LMK.
    pub key: KeyField<'a>,
    /// The key serial number, where `key` is a base derivation key.
    pub ksn: Option<DataKsn>,
}

/// KSN descriptor and key serial number of a TDES DUKPT key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataKsn {
    /// Digit counts of key set, sub-key and device identifier; nothing needs them.
    pub descriptor: [u8; 3],
    /// The serial number, filled with zeros or `F` in front as the terminal sends it.
    pub ksn: [u8; 10],
}

/// How bytes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataFormat {
    /// `0`: as they are.
    Binary,
    /// `1`: two hexadecimal digits for each.
    Hex,
    /// `2`: as characters.
    Text,
}

/// Data in the form in which it is sent. `Debug` shows its length only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DataMessage<'a> {
    /// The form.
    pub format: DataFormat,
    /// What is sent: for [`DataFormat::Hex`] the digits.
    pub sent: &'a [u8],
}

/// The fields of a reply to `M0`, `M2` or `M4`, which only the asking side can tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DataReply<'a> {
    /// The IVs to go on with, in the order of their modes; those of mode 00 are missing.
    pub ivs: [Option<Iv>; 2],
    /// The message as sent.
    pub sent: &'a [u8],
}

impl Iv {
    /// Of eight or 16 bytes; `None` for any other number.
    #[must_use]
    pub fn new(iv: &[u8]) -> Option<Iv> {
        let mut bytes = [0; 16];
        if !matches!(iv.len(), 8 | 16) {
            return None;
        }
        bytes[..iv.len()].copy_from_slice(iv);
        Some(Iv { bytes, length: iv.len() as u8 })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl CipherMode {
    /// The IV, if the mode has one.
    #[must_use]
    pub fn iv(self) -> Option<Iv> {
        match self {
            CipherMode::Ecb => None,
            CipherMode::Cbc(iv) | CipherMode::Cfb8(iv) | CipherMode::Cfb64(iv) => Some(iv),
        }
    }

    fn code(self) -> &'static [u8; 2] {
        match self {
            CipherMode::Ecb => b"00",
            CipherMode::Cbc(_) => b"01",
            CipherMode::Cfb8(_) => b"02",
            CipherMode::Cfb64(_) => b"03",
        }
    }
}

impl DataKey<'_> {
    /// Whether the type is one of a base derivation key: `009`, `609` or `809`.
    #[must_use]
    pub fn is_base_derivation_key(&self) -> bool {
        self.key_type.is_some_and(is_bdk)
    }
}

impl<'a> DataReply<'a> {
    /// Cuts the reply to a command of these modes under these keys.
    ///
    /// # Errors
    /// 15 when the fields are not there, 80 when the length is not that of what follows it.
    pub fn parse(reply: &'a [u8], modes: &[(CipherMode, bool)]) -> Result<DataReply<'a>, ErrorCode> {
        let mut reader = Reader::new(reply);
        let mut ivs = [None; 2];
        for (slot, (mode, aes)) in ivs.iter_mut().zip(modes) {
            if mode.iv().is_some() {
                *slot = Some(parse_iv(&mut reader, *aes)?);
            }
        }
        let length = reader.hex_length::<4>()?;
        let sent = reader.take_rest();
        if sent.len() == length { Ok(DataReply { ivs, sent }) } else { Err(ErrorCode::LENGTH) }
    }

    /// The reply as sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for iv in self.ivs.iter().flatten() {
            writer::hex(&mut out, iv.as_bytes());
        }
        encode_message(&mut out, self.sent);
        out
    }
}

impl<'a> CipherData<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.mode.code());
        out.extend_from_slice(&[self.message.format.code(), self.output.code()]);
        encode_key(out, &self.key);
        encode_iv(out, self.mode);
        encode_message(out, self.message.sent);
    }

    pub(super) fn parse(
        direction: CipherDirection,
        reader: &mut Reader<'a>,
    ) -> Result<CipherData<'a>, ErrorCode> {
        let mode = reader.array()?;
        let input = DataFormat::parse(reader)?;
        let output = DataFormat::parse(reader)?;
        let key = parse_key(reader)?;
        let mode = parse_mode(mode, reader, &key)?;
        let message = parse_message(reader, input)?;
        Ok(CipherData { direction, mode, key, output, message })
    }
}

impl<'a> TranslateData<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.source_mode.code());
        out.extend_from_slice(self.destination_mode.code());
        out.extend_from_slice(&[self.message.format.code(), self.output.code()]);
        encode_key(out, &self.source_key);
        encode_key(out, &self.destination_key);
        encode_iv(out, self.source_mode);
        encode_iv(out, self.destination_mode);
        encode_message(out, self.message.sent);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<TranslateData<'a>, ErrorCode> {
        let (source_mode, destination_mode) = (reader.array()?, reader.array()?);
        let input = DataFormat::parse(reader)?;
        let output = DataFormat::parse(reader)?;
        let source_key = parse_key(reader)?;
        let destination_key = parse_key(reader)?;
        let source_mode = parse_mode(source_mode, reader, &source_key)?;
        let destination_mode = parse_mode(destination_mode, reader, &destination_key)?;
        let message = parse_message(reader, input)?;
        Ok(TranslateData { source_mode, destination_mode, source_key, destination_key, output, message })
    }
}

impl DataFormat {
    fn code(self) -> u8 {
        match self {
            DataFormat::Binary => b'0',
            DataFormat::Hex => b'1',
            DataFormat::Text => b'2',
        }
    }

    fn parse(reader: &mut Reader<'_>) -> Result<DataFormat, ErrorCode> {
        match reader.array()? {
            [b'0'] => Ok(DataFormat::Binary),
            [b'1'] => Ok(DataFormat::Hex),
            [b'2'] => Ok(DataFormat::Text),
            _ => Err(ErrorCode::INPUT),
        }
    }
}

fn is_bdk(key_type: KeyType) -> bool {
    key_type.pair() == KeyType::BDK.pair() && matches!(key_type.variant(), 0 | 6 | 8)
}

fn encode_key(out: &mut Vec<u8>, key: &DataKey<'_>) {
    writer::key_type(out, key.key_type);
    writer::key(out, &key.key);
    if let Some(DataKsn { descriptor, ksn }) = key.ksn {
        out.extend_from_slice(&descriptor);
        writer::hex(out, &ksn);
    }
}

/// Under `FFF` only the key block knows whether a KSN follows; its header does say so.
fn parse_key<'a>(reader: &mut Reader<'a>) -> Result<DataKey<'a>, ErrorCode> {
    let key_type = reader.key_type_or_any()?;
    let key = reader.key(if key_type.is_some_and(is_bdk) { 32 } else { 16 })?;
    let derives = match key_type {
        Some(key_type) => is_bdk(key_type),
        None => {
            matches!(key.scheme(), KeyScheme::S | KeyScheme::R)
                && matches!(key.reveal().as_bytes().get(5..7), Some(b"B0" | b"41" | b"42" | b"43" | b"44"))
        }
    };
    let ksn =
        if derives { Some(DataKsn { descriptor: reader.array()?, ksn: reader.hex_bytes()? }) } else { None };
    Ok(DataKey { key_type, key, ksn })
}

fn encode_iv(out: &mut Vec<u8>, mode: CipherMode) {
    if let Some(iv) = mode.iv() {
        writer::hex(out, iv.as_bytes());
    }
}

fn parse_mode(code: [u8; 2], reader: &mut Reader<'_>, key: &DataKey<'_>) -> Result<CipherMode, ErrorCode> {
    let aes = key.key.is_aes();
    match &code {
        b"00" => Ok(CipherMode::Ecb),
        b"01" => parse_iv(reader, aes).map(CipherMode::Cbc),
        b"02" => parse_iv(reader, aes).map(CipherMode::Cfb8),
        b"03" => parse_iv(reader, aes).map(CipherMode::Cfb64),
        _ => Err(ErrorCode::INPUT),
    }
}

fn parse_iv(reader: &mut Reader<'_>, aes: bool) -> Result<Iv, ErrorCode> {
    let iv = if aes { Iv::new(&reader.hex_bytes::<16>()?) } else { Iv::new(&reader.hex_bytes::<8>()?) };
    iv.ok_or(ErrorCode::INPUT)
}

fn encode_message(out: &mut Vec<u8>, sent: &[u8]) {
    writer::hex_length(out, sent.len(), 4);
    out.extend_from_slice(sent);
}

fn parse_message<'a>(reader: &mut Reader<'a>, format: DataFormat) -> Result<DataMessage<'a>, ErrorCode> {
    let length = reader.hex_length::<4>()?;
    let sent = reader.take(length).map_err(|_| ErrorCode::LENGTH)?;
    Ok(DataMessage { format, sent })
}

impl fmt::Debug for Iv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Iv(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))?;
        f.write_str(")")
    }
}

impl fmt::Debug for DataMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataMessage({:?}, {} bytes as sent)", self.format, self.sent.len())
    }
}

impl fmt::Debug for DataReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataReply({} bytes as sent)", self.sent.len())
    }
}
