use super::block_options::{KeyBlockOptions, write_key_type, write_scheme};
use crate::reader::Reader;
use crate::{ErrorCode, KcvLength, KeyField, KeyScheme, KeyType, writer};

/// `BU`: pair code 2H, length flag 1H, key, [`;` key type 3H, when the pair code is FF], [`;00` and the
/// check value's form]. The reply holds the check value.
///
/// In a key block the key type is FFF, "as the block says", or any other: it is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckValue<'a> {
    /// The type of the key.
    pub key_type: KeyType,
    /// The key, under the LMK.
    pub key: KeyField<'a>,
    /// How many digits to answer; 16 unless asked otherwise.
    pub length: KcvLength,
    /// Whether the command says how many. Six are always said.
    pub length_stated: bool,
}

/// `A0`: mode 1H, key type 3H, scheme 1A, [modes A and B: what to derive from], [modes 1 and B: what to
/// export under], [`#`, `&`, `!`]. The reply holds the key under the LMK, the same under the ZMK in modes 1
/// and B, and its check value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerateKey<'a> {
    /// The type of the key.
    pub key_type: KeyType,
    /// The scheme under the LMK, which also says how long the key is unless it is a key block.
    pub scheme: KeyScheme,
    /// The base derivation key, when the key is the initial key of a terminal and not random.
    pub derivation: Option<DeriveInitialKey<'a>>,
    /// The ZMK or TMK, when the key is to leave at once.
    pub export: Option<ExportUnder<'a>>,
    /// What the key blocks say.
    pub options: KeyBlockOptions<'a>,
}

/// Modes A and B of `A0`: derive mode `0`, type of the base derivation key 1N, the key, and the leading
/// digits of the key serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeriveInitialKey<'a> {
    /// The number of the base derivation key's type: 1 for BDK-1 and so on.
    pub bdk_number: u8,
    /// The base derivation key, under the LMK.
    pub bdk: KeyField<'a>,
    /// Which terminal.
    pub ksn: InitialKsn,
}

/// Leading digits of a key serial number, those that do not count transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialKsn {
    /// TDES: 15 hexadecimal digits, the last of them half in the counter.
    Tdes([u8; 15]),
    /// AES: 16 hexadecimal digits, the initial key identifier.
    Aes([u8; 16]),
}

/// Modes 1 and B of `A0`: [`;` flag 1N], ZMK or TMK, scheme 1A, [Atalla variant].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportUnder<'a> {
    /// Which of the two it is; a ZMK when nothing says so.
    pub kind: Option<TransportKey>,
    /// The key to export under, itself under the LMK.
    pub key: KeyField<'a>,
    /// The scheme under it.
    pub scheme: KeyScheme,
    /// Atalla variant.
    pub atalla_variant: Option<AtallaVariant>,
}

/// What kind of key another one leaves under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKey {
    /// `0`.
    Zmk,
    /// `1`.
    Tmk,
}

/// Variant of a ZMK as Atalla units make it: one or two digits, 0 for the key as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AtallaVariant(u8);

/// `A6`: key type 3H, ZMK, key, scheme 1A, [Atalla variant], [`#`]. The reply holds the key under the LMK and
/// its check value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportKey<'a> {
    /// The type of the key.
    pub key_type: KeyType,
    /// The ZMK, under the LMK.
    pub zmk: KeyField<'a>,
    /// The key, under the ZMK.
    pub key: KeyField<'a>,
    /// The scheme under the LMK.
    pub scheme: KeyScheme,
    /// Atalla variant.
    pub atalla_variant: Option<AtallaVariant>,
    /// What the key block says.
    pub options: KeyBlockOptions<'a>,
}

/// `A8`: key type 3H, ZMK, key, scheme 1A, [Atalla variant], [`#`, `&`, `!`]. The reply holds the key under
/// the ZMK and its check value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportKey<'a> {
    /// The type of the key.
    pub key_type: KeyType,
    /// The ZMK, under the LMK.
    pub zmk: KeyField<'a>,
    /// The key, under the LMK.
    pub key: KeyField<'a>,
    /// The scheme under the ZMK.
    pub scheme: KeyScheme,
    /// Atalla variant.
    pub atalla_variant: Option<AtallaVariant>,
    /// What the key block says.
    pub options: KeyBlockOptions<'a>,
}

impl<'a> CheckValue<'a> {
    /// A check value of so many digits; 16 by saying nothing of it.
    #[must_use]
    pub fn new(key_type: KeyType, key: KeyField<'a>, length: KcvLength) -> CheckValue<'a> {
        CheckValue { key_type, key, length, length_stated: length == KcvLength::Six }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        // A pair code alone can only name types of variant 0.
        let by_pair = self.key_type.variant() == 0;
        match by_pair {
            true => writer::hex(out, &[self.key_type.pair()]),
            false => out.extend_from_slice(b"FF"),
        }
        out.push(length_flag(&self.key));
        writer::key(out, &self.key);
        if !by_pair {
            out.extend_from_slice(format!(";{}", self.key_type).as_bytes());
        }
        match self.length {
            KcvLength::Six => out.extend_from_slice(b";001"),
            KcvLength::Sixteen if self.length_stated => out.extend_from_slice(b";000"),
            KcvLength::Sixteen => {}
        }
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<CheckValue<'a>, ErrorCode> {
        let [high, low] = reader.array()?;
        let [flag] = reader.array()?;
        let key = reader.key(plain_digits(flag)?)?;
        if length_flag(&key) != flag {
            return Err(ErrorCode::KEY_LENGTH_FLAG);
        }
        let key_type = if [high, low] == *b"FF" {
            reader.expect(b';')?;
            reader.key_type()?
        } else {
            KeyType::parse(&[b'0', high, low]).ok_or(ErrorCode::KEY_TYPE_CODE)?
        };
        let length_stated = reader.accept(b';');
        let length = if length_stated { check_value_form(reader)? } else { KcvLength::Sixteen };
        Ok(CheckValue { key_type, key, length, length_stated })
    }
}

impl<'a> GenerateKey<'a> {
    /// A random key that stays here: mode 0.
    #[must_use]
    pub fn new(key_type: KeyType, scheme: KeyScheme) -> GenerateKey<'static> {
        let options = KeyBlockOptions::NONE;
        GenerateKey { key_type, scheme, derivation: None, export: None, options }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(match (&self.derivation, &self.export) {
            (None, None) => b'0',
            (None, Some(_)) => b'1',
            (Some(_), None) => b'A',
            (Some(_), Some(_)) => b'B',
        });
        write_key_type(out, self.key_type);
        write_scheme(out, self.scheme);
        if let Some(derivation) = &self.derivation {
            derivation.encode(out);
        }
        if let Some(export) = &self.export {
            export.encode(out);
        }
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<GenerateKey<'a>, ErrorCode> {
        let (derives, exports) = match &reader.array()? {
            b"0" => (false, false),
            b"1" => (false, true),
            b"A" => (true, false),
            b"B" => (true, true),
            // Modes of other units, such as those of the German ZKA, are not offered.
            _ => return Err(ErrorCode::INPUT),
        };
        let (key_type, scheme) = (reader.key_type()?, reader.key_scheme()?);
        let derivation = if derives { Some(DeriveInitialKey::parse(reader)?) } else { None };
        let export = if exports { Some(ExportUnder::parse(reader)?) } else { None };
        Ok(GenerateKey { key_type, scheme, derivation, export, options: KeyBlockOptions::NONE })
    }

    /// The algorithm is named only where the key goes into a key block under the LMK.
    pub(super) fn parse_options(&mut self, reader: &mut Reader<'a>) -> Result<(), ErrorCode> {
        self.options = KeyBlockOptions::parse(self.scheme == KeyScheme::S, reader)?;
        Ok(())
    }
}

impl<'a> DeriveInitialKey<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'0');
        writer::decimal(out, self.bdk_number.into(), 1);
        writer::key(out, &self.bdk);
        out.extend_from_slice(self.ksn.digits());
    }

    fn parse(reader: &mut Reader<'a>) -> Result<DeriveInitialKey<'a>, ErrorCode> {
        // Of the derivations only that of DUKPT is offered.
        reader.expect(b'0')?;
        let bdk_number = reader.small_decimal::<1>()?;
        let bdk = reader.key(32)?;
        let ksn = match bdk.is_aes() {
            true => InitialKsn::Aes(reader.hex_digits()?),
            false => InitialKsn::Tdes(reader.hex_digits()?),
        };
        Ok(DeriveInitialKey { bdk_number, bdk, ksn })
    }
}

impl InitialKsn {
    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        match self {
            InitialKsn::Tdes(digits) => digits,
            InitialKsn::Aes(digits) => digits,
        }
    }
}

impl<'a> ExportUnder<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        if let Some(kind) = self.kind {
            out.extend([b';', if kind == TransportKey::Zmk { b'0' } else { b'1' }]);
        }
        writer::key(out, &self.key);
        write_scheme(out, self.scheme);
        write_atalla(out, self.atalla_variant);
    }

    fn parse(reader: &mut Reader<'a>) -> Result<ExportUnder<'a>, ErrorCode> {
        // Recorded requests have `;` and a flag, or a flag alone, or neither. A digit right before the letter
        // of a scheme is a flag, since a key with a letter cannot begin with it.
        let delimited = reader.accept(b';');
        let kind = match reader.peek_rest() {
            [flag @ (b'0' | b'1'), next, ..] if delimited || next.is_ascii_alphabetic() && !hex(*next) => {
                Some(if *flag == b'0' { TransportKey::Zmk } else { TransportKey::Tmk })
            }
            _ if delimited => return Err(ErrorCode::INPUT),
            _ => None,
        };
        if kind.is_some() {
            reader.take(1)?;
        }
        Ok(ExportUnder {
            kind,
            key: reader.key(16)?,
            scheme: reader.key_scheme()?,
            atalla_variant: read_atalla(reader)?,
        })
    }
}

impl AtallaVariant {
    /// Of 0 to 99.
    #[must_use]
    pub fn new(variant: u8) -> Option<AtallaVariant> {
        (variant <= 99).then_some(AtallaVariant(variant))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

impl<'a> ImportKey<'a> {
    /// An import without variant or attributes.
    #[must_use]
    pub fn new(key_type: KeyType, zmk: KeyField<'a>, key: KeyField<'a>, scheme: KeyScheme) -> ImportKey<'a> {
        ImportKey { key_type, zmk, key, scheme, atalla_variant: None, options: KeyBlockOptions::NONE }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_exchange(out, self.key_type, &self.zmk, &self.key, self.scheme);
        write_atalla(out, self.atalla_variant);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<ImportKey<'a>, ErrorCode> {
        let (key_type, zmk, key, scheme) = parse_exchange(reader)?;
        let atalla_variant = read_atalla(reader)?;
        Ok(ImportKey { key_type, zmk, key, scheme, atalla_variant, options: KeyBlockOptions::NONE })
    }

    pub(super) fn parse_options(&mut self, reader: &mut Reader<'a>) -> Result<(), ErrorCode> {
        self.options = KeyBlockOptions::parse(false, reader)?;
        Ok(())
    }
}

impl<'a> ExportKey<'a> {
    /// An export without variant or attributes.
    #[must_use]
    pub fn new(key_type: KeyType, zmk: KeyField<'a>, key: KeyField<'a>, scheme: KeyScheme) -> ExportKey<'a> {
        ExportKey { key_type, zmk, key, scheme, atalla_variant: None, options: KeyBlockOptions::NONE }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_exchange(out, self.key_type, &self.zmk, &self.key, self.scheme);
        write_atalla(out, self.atalla_variant);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<ExportKey<'a>, ErrorCode> {
        let (key_type, zmk, key, scheme) = parse_exchange(reader)?;
        let atalla_variant = read_atalla(reader)?;
        Ok(ExportKey { key_type, zmk, key, scheme, atalla_variant, options: KeyBlockOptions::NONE })
    }

    pub(super) fn parse_options(&mut self, reader: &mut Reader<'a>) -> Result<(), ErrorCode> {
        self.options = KeyBlockOptions::parse(false, reader)?;
        Ok(())
    }
}

/// Import and export have the same layout; only which key is under the LMK differs.
fn encode_exchange(
    out: &mut Vec<u8>,
    key_type: KeyType,
    zmk: &KeyField<'_>,
    key: &KeyField<'_>,
    scheme: KeyScheme,
) {
    write_key_type(out, key_type);
    writer::key(out, zmk);
    writer::key(out, key);
    write_scheme(out, scheme);
}

type Exchange<'a> = (KeyType, KeyField<'a>, KeyField<'a>, KeyScheme);

fn parse_exchange<'a>(reader: &mut Reader<'a>) -> Result<Exchange<'a>, ErrorCode> {
    Ok((reader.key_type()?, reader.key(16)?, reader.key(16)?, reader.key_scheme()?))
}

/// One digit where one is enough.
pub(super) fn write_atalla(out: &mut Vec<u8>, variant: Option<AtallaVariant>) {
    if let Some(AtallaVariant(variant)) = variant {
        writer::decimal(out, variant.into(), if variant > 9 { 2 } else { 1 });
    }
}

pub(super) fn read_atalla(reader: &mut Reader<'_>) -> Result<Option<AtallaVariant>, ErrorCode> {
    let digits = reader.peek_rest().iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    Ok(match digits {
        0 => None,
        1 => Some(AtallaVariant(reader.small_decimal::<1>()?)),
        _ => Some(AtallaVariant(reader.small_decimal::<2>()?)),
    })
}

fn hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

pub(super) fn length_flag(key: &KeyField<'_>) -> u8 {
    match key.scheme() {
        KeyScheme::Z if key.reveal().len() == 16 => b'0',
        KeyScheme::Z | KeyScheme::U | KeyScheme::X => b'1',
        KeyScheme::T | KeyScheme::Y => b'2',
        KeyScheme::S | KeyScheme::R => b'F',
    }
}

pub(super) fn plain_digits(flag: u8) -> Result<usize, ErrorCode> {
    match flag {
        b'0' | b'F' => Ok(16),
        b'1' => Ok(32),
        // A triple-length key always has its letter; the flag is compared afterwards.
        b'2' => Ok(48),
        _ => Err(ErrorCode::KEY_LENGTH_FLAG),
    }
}

fn check_value_form(reader: &mut Reader<'_>) -> Result<KcvLength, ErrorCode> {
    match reader.take(3)? {
        b"000" => Ok(KcvLength::Sixteen),
        b"001" => Ok(KcvLength::Six),
        _ => Err(ErrorCode::INPUT),
    }
}
