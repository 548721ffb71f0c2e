use super::block_options::{FormedAttributes, write_key_type, write_scheme};
use super::keys::{length_flag, plain_digits};
use crate::reader::Reader;
use crate::{ErrorCode, KcvLength, KeyField, KeyScheme, KeyType, writer};

/// `A4`: count 1N, key type 3H, scheme 1A, components, [`#` key version 2A, optional blocks]. The reply holds
/// the key that the components exclusive-or to, under the LMK, and its check value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormKey<'a> {
    /// The type of the key.
    pub key_type: KeyType,
    /// The scheme under the LMK.
    pub scheme: KeyScheme,
    /// The components, under the LMK: two to nine.
    pub components: Vec<KeyField<'a>>,
    /// What the key block says beyond what the components say.
    pub attributes: Option<FormedAttributes<'a>>,
}

/// `B0`: key type 3H, key, scheme 1A. The reply holds the same key in that scheme. [1: TS]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeScheme<'a> {
    /// The type of the key.
    pub key_type: KeyType,
    /// The key, under the LMK.
    pub key: KeyField<'a>,
    /// The scheme wanted.
    pub scheme: KeyScheme,
}

/// `KA`: key, pair code 2H, [`;ZZ` and the check value's form]. The older form of `BU`; the reply holds the
/// check value, of 16 digits unless asked otherwise. [1: TS]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairCheckValue<'a> {
    /// The key, under the LMK.
    pub key: KeyField<'a>,
    /// Its type, of variant 0.
    pub key_type: KeyType,
    /// How many digits to answer.
    pub length: KcvLength,
}

/// `BW`: pair code 2H, length flag 1H, key, [`;` key type 3H, when the pair code is FF], [`;0`, scheme 1A,
/// `0`]. The reply holds the key, taken from under the old LMK, under the new one. [2: UT TS]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateKey<'a> {
    /// The type of the key.
    pub key_type: KeyType,
    /// The key, under the LMK in the key change storage.
    pub key: KeyField<'a>,
    /// The scheme under the new LMK; that of the key when absent.
    pub scheme: Option<KeyScheme>,
}

impl<'a> FormKey<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::decimal(out, self.components.len() as u16, 1);
        write_key_type(out, self.key_type);
        write_scheme(out, self.scheme);
        for component in &self.components {
            writer::key(out, component);
        }
    }

    pub(super) fn encode_options(&self, out: &mut Vec<u8>) {
        if let Some(attributes) = &self.attributes {
            attributes.encode(out);
        }
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<FormKey<'a>, ErrorCode> {
        let count = reader.small_decimal::<1>()?;
        let (key_type, scheme) = (reader.key_type()?, reader.key_scheme()?);
        if count < 2 {
            return Err(ErrorCode::COMPONENTS);
        }
        let components = (0..count).map(|_| reader.key(16)).collect::<Result<_, _>>()?;
        Ok(FormKey { key_type, scheme, components, attributes: None })
    }

    pub(super) fn parse_options(&mut self, reader: &mut Reader<'a>) -> Result<(), ErrorCode> {
        self.attributes = FormedAttributes::parse(reader)?;
        Ok(())
    }
}

impl<'a> ChangeScheme<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        write_key_type(out, self.key_type);
        writer::key(out, &self.key);
        write_scheme(out, self.scheme);
    }

    /// A key without a letter has 32 digits: one of 16 has no other scheme to change to.
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<ChangeScheme<'a>, ErrorCode> {
        Ok(ChangeScheme { key_type: reader.key_type()?, key: reader.key(32)?, scheme: reader.key_scheme()? })
    }
}

impl<'a> PairCheckValue<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        writer::key(out, &self.key);
        writer::hex(out, &[self.key_type.pair()]);
        if self.length == KcvLength::Six {
            out.extend_from_slice(b";ZZ1");
        }
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<PairCheckValue<'a>, ErrorCode> {
        let key = reader.key(16)?;
        let [high, low] = reader.array()?;
        let key_type = KeyType::parse(&[b'0', high, low]).ok_or(ErrorCode::KEY_TYPE_CODE)?;
        if !reader.accept(b';') {
            return Ok(PairCheckValue { key, key_type, length: KcvLength::Sixteen });
        }
        // The schemes do not matter to a check value.
        let (_, _) = (reader.key_scheme()?, reader.key_scheme()?);
        let length = match &reader.array()? {
            b"0" => KcvLength::Sixteen,
            b"1" => KcvLength::Six,
            _ => return Err(ErrorCode::INPUT),
        };
        Ok(PairCheckValue { key, key_type, length })
    }
}

impl<'a> MigrateKey<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let by_pair = self.key_type.variant() == 0;
        match by_pair {
            true => writer::hex(out, &[self.key_type.pair()]),
            false => out.extend_from_slice(b"FF"),
        }
        out.push(length_flag(&self.key));
        writer::key(out, &self.key);
        if !by_pair {
            out.push(b';');
            write_key_type(out, self.key_type);
        }
        if let Some(scheme) = self.scheme {
            out.extend([b';', b'0', scheme.letter() as u8, b'0']);
        }
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<MigrateKey<'a>, ErrorCode> {
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
        let mut scheme = None;
        if reader.accept(b';') {
            // The scheme under a ZMK and the check value's form, both reserved here.
            reader.expect(b'0')?;
            scheme = Some(reader.key_scheme()?);
            reader.expect(b'0')?;
        }
        Ok(MigrateKey { key_type, key, scheme })
    }
}
