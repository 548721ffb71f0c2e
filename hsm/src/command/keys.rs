use crate::reader::Reader;
use crate::{ErrorCode, KcvLength, KeyField, KeyScheme, KeyType, writer};

/// `BU`: pair code 2H, length flag 1H, key, [`;` key type 3H, when the pair code is FF], [`;00` and the
/// check value's form]. The reply holds the check value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckValue<'a> {
    /// The type of the key.
    pub key_type: KeyType,
    /// The key, under the LMK.
    pub key: KeyField<'a>,
    /// How many digits to answer; 16 unless asked otherwise.
    pub length: KcvLength,
}

/// `A0` mode 0: key type 3H, scheme 1A. The reply holds the new key under the LMK and its check value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerateKey {
    /// The type of the key.
    pub key_type: KeyType,
    /// The scheme under the LMK, which also says how long the key is.
    pub scheme: KeyScheme,
}

/// `A6`: key type 3H, ZMK, key, scheme 1A. The reply holds the key under the LMK and its check value.
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
}

/// `A8`: key type 3H, ZMK, key, scheme 1A. The reply holds the key under the ZMK and its check value.
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
}

impl<'a> CheckValue<'a> {
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
        if self.length == KcvLength::Six {
            out.extend_from_slice(b";001");
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
        let length = if reader.accept(b';') { check_value_form(reader)? } else { KcvLength::Sixteen };
        Ok(CheckValue { key_type, key, length })
    }
}

impl GenerateKey {
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("0{}{}", self.key_type, self.scheme.letter()).as_bytes());
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<GenerateKey, ErrorCode> {
        // Other modes derive or export as well; they are not offered.
        if reader.array()? != *b"0" {
            return Err(ErrorCode::INPUT);
        }
        Ok(GenerateKey { key_type: reader.key_type()?, scheme: reader.key_scheme()? })
    }
}

impl<'a> ImportKey<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_exchange(out, self.key_type, &self.zmk, &self.key, self.scheme);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<ImportKey<'a>, ErrorCode> {
        let (key_type, zmk, key, scheme) = parse_exchange(reader)?;
        Ok(ImportKey { key_type, zmk, key, scheme })
    }
}

impl<'a> ExportKey<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_exchange(out, self.key_type, &self.zmk, &self.key, self.scheme);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<ExportKey<'a>, ErrorCode> {
        let (key_type, zmk, key, scheme) = parse_exchange(reader)?;
        Ok(ExportKey { key_type, zmk, key, scheme })
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
    out.extend_from_slice(key_type.to_string().as_bytes());
    writer::key(out, zmk);
    writer::key(out, key);
    out.push(scheme.letter() as u8);
}

type Exchange<'a> = (KeyType, KeyField<'a>, KeyField<'a>, KeyScheme);

fn parse_exchange<'a>(reader: &mut Reader<'a>) -> Result<Exchange<'a>, ErrorCode> {
    Ok((reader.key_type()?, reader.key(16)?, reader.key(16)?, reader.key_scheme()?))
}

fn length_flag(key: &KeyField<'_>) -> u8 {
    match key.scheme() {
        KeyScheme::Z if key.reveal().len() == 16 => b'0',
        KeyScheme::Z | KeyScheme::U | KeyScheme::X => b'1',
        KeyScheme::T | KeyScheme::Y => b'2',
        KeyScheme::S | KeyScheme::R => b'F',
    }
}

fn plain_digits(flag: u8) -> Result<usize, ErrorCode> {
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
