//! What may follow a command for the sake of key blocks: `#` and attributes, `&` and exportability, `!` and
//! the version of the block, after the LMK identifier.

use crate::key_block::{self, Exportability, KeyAlgorithm, KeyUsage, ModeOfUse, OptionalBlocks};
use crate::reader::Reader;
use crate::{ErrorCode, KeyAttributes};

/// The attributes and version that a command asks for in the key blocks it makes. Empty unless asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyBlockOptions<'a> {
    /// `#`: what the key block under the LMK, or under the ZMK where only that is one, says of the key.
    pub attributes: Option<AskedAttributes<'a>>,
    /// `&`: exportability of the key as it leaves, when another than it has here.
    pub exportability: Option<Exportability>,
    /// `!`: version of the block that leaves, such as `B`; by the algorithm of the ZMK when absent.
    pub version: Option<u8>,
}

/// Attributes as a command writes them. [`KeyAttributes`] is what comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedAttributes<'a> {
    /// Usage.
    pub usage: KeyUsage,
    /// Algorithm and length. Asked only where a new key comes into a key block (`A0` under scheme S);
    /// elsewhere the key is there already.
    pub algorithm: Option<AskedAlgorithm>,
    /// Mode of use.
    pub mode: ModeOfUse,
    /// Key version number.
    pub key_version: [u8; 2],
    /// Exportability.
    pub exportability: Exportability,
    /// Optional blocks.
    pub optional_blocks: OptionalBlocks<'a>,
}

/// Algorithm and length of a new key, two characters on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AskedAlgorithm {
    /// `D1`: DES, 8 bytes.
    Des,
    /// `T1`: TDES of single length, 8 bytes.
    TdesSingle,
    /// `T2`: TDES of double length, 16 bytes.
    TdesDouble,
    /// `T3`: TDES of triple length, 24 bytes.
    TdesTriple,
    /// `A1`: AES-128.
    Aes128,
    /// `A2`: AES-192.
    Aes192,
    /// `A3`: AES-256.
    Aes256,
}

impl<'a> KeyBlockOptions<'a> {
    /// Nothing asked.
    pub const NONE: KeyBlockOptions<'static> =
        KeyBlockOptions { attributes: None, exportability: None, version: None };

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        if let Some(attributes) = &self.attributes {
            out.push(b'#');
            out.extend_from_slice(attributes.usage.as_bytes());
            if let Some(algorithm) = attributes.algorithm {
                out.extend_from_slice(algorithm.code());
            }
            out.push(attributes.mode.letter());
            out.extend_from_slice(&attributes.key_version);
            out.push(attributes.exportability.letter());
            key_block::write_optional(out, &attributes.optional_blocks);
        }
        if let Some(exportability) = self.exportability {
            out.extend([b'&', exportability.letter()]);
        }
        if let Some(version) = self.version {
            out.extend([b'!', version]);
        }
    }

    /// `names_algorithm` tells which of the two forms of the attributes it is.
    pub(super) fn parse(
        names_algorithm: bool,
        reader: &mut Reader<'a>,
    ) -> Result<KeyBlockOptions<'a>, ErrorCode> {
        let mut options = KeyBlockOptions::NONE;
        if reader.accept(b'#') {
            options.attributes = Some(AskedAttributes::parse(names_algorithm, reader)?);
        }
        if reader.accept(b'&') {
            options.exportability = Some(reader.exportability()?);
        }
        if reader.accept(b'!') {
            let [version] = reader.array()?;
            // What is no letter or digit is no version, but may well be a trailer.
            if !version.is_ascii_alphanumeric() {
                return Err(ErrorCode::INPUT);
            }
            options.version = Some(version);
        }
        Ok(options)
    }
}

impl<'a> AskedAttributes<'a> {
    fn parse(names_algorithm: bool, reader: &mut Reader<'a>) -> Result<AskedAttributes<'a>, ErrorCode> {
        Ok(AskedAttributes {
            usage: reader.key_usage()?,
            algorithm: if names_algorithm { Some(AskedAlgorithm::parse(reader)?) } else { None },
            mode: reader.mode_of_use()?,
            key_version: reader.key_version()?,
            exportability: reader.exportability()?,
            optional_blocks: reader.optional_blocks()?,
        })
    }

    /// The attributes of a key of this algorithm.
    #[must_use]
    pub fn of(&self, algorithm: KeyAlgorithm) -> KeyAttributes<'a> {
        KeyAttributes {
            usage: self.usage,
            algorithm,
            mode: self.mode,
            key_version: self.key_version,
            exportability: self.exportability,
            optional_blocks: self.optional_blocks,
        }
    }
}

impl AskedAlgorithm {
    fn parse(reader: &mut Reader<'_>) -> Result<AskedAlgorithm, ErrorCode> {
        Ok(match &reader.array()? {
            b"D1" => AskedAlgorithm::Des,
            b"T1" => AskedAlgorithm::TdesSingle,
            b"T2" => AskedAlgorithm::TdesDouble,
            b"T3" => AskedAlgorithm::TdesTriple,
            b"A1" => AskedAlgorithm::Aes128,
            b"A2" => AskedAlgorithm::Aes192,
            b"A3" => AskedAlgorithm::Aes256,
            _ => return Err(ErrorCode::KEY_BLOCK_ALGORITHM),
        })
    }

    fn code(self) -> &'static [u8; 2] {
        match self {
            AskedAlgorithm::Des => b"D1",
            AskedAlgorithm::TdesSingle => b"T1",
            AskedAlgorithm::TdesDouble => b"T2",
            AskedAlgorithm::TdesTriple => b"T3",
            AskedAlgorithm::Aes128 => b"A1",
            AskedAlgorithm::Aes192 => b"A2",
            AskedAlgorithm::Aes256 => b"A3",
        }
    }

    /// The algorithm, as a key block names it.
    #[must_use]
    pub fn algorithm(self) -> KeyAlgorithm {
        match self {
            AskedAlgorithm::Des => KeyAlgorithm::Des,
            AskedAlgorithm::TdesSingle | AskedAlgorithm::TdesDouble | AskedAlgorithm::TdesTriple => {
                KeyAlgorithm::Tdes
            }
            _ => KeyAlgorithm::Aes,
        }
    }

    /// Number of bytes of the key.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            AskedAlgorithm::Des | AskedAlgorithm::TdesSingle => 8,
            AskedAlgorithm::TdesDouble | AskedAlgorithm::Aes128 => 16,
            AskedAlgorithm::TdesTriple | AskedAlgorithm::Aes192 => 24,
            AskedAlgorithm::Aes256 => 32,
        }
    }
}

/// What `A4` may say for the sake of key blocks: `#`, key version number and optional blocks. The rest comes
/// from the components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormedAttributes<'a> {
    /// Key version number.
    pub key_version: [u8; 2],
    /// Optional blocks.
    pub optional_blocks: OptionalBlocks<'a>,
}

impl<'a> FormedAttributes<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'#');
        out.extend_from_slice(&self.key_version);
        key_block::write_optional(out, &self.optional_blocks);
    }

    /// `None` when there are none.
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Option<FormedAttributes<'a>>, ErrorCode> {
        if !reader.accept(b'#') {
            return Ok(None);
        }
        Ok(Some(FormedAttributes {
            key_version: reader.key_version()?,
            optional_blocks: reader.optional_blocks()?,
        }))
    }
}

/// Appends a letter as it stands, `Z` included: a scheme that a command asks for.
pub(super) fn write_scheme(out: &mut Vec<u8>, scheme: crate::KeyScheme) {
    out.push(scheme.letter() as u8);
}

/// Appends a key type.
pub(super) fn write_key_type(out: &mut Vec<u8>, key_type: crate::KeyType) {
    out.extend_from_slice(key_type.to_string().as_bytes());
}
