use crate::reader::Reader;
use crate::{ErrorCode, KeyField, KeyType, Mac, writer};
use std::fmt;

/// `M6`: mode 1N, input format 1N, MAC size 1N, algorithm 1N, padding 1N, key type 3H, key, length 4H,
/// message. The reply holds the MAC in hexadecimal. Only mode 0, the whole message at once.
#[derive(Clone, Debug)]
pub struct GenerateMac<'a> {
    /// Key, algorithm and message.
    pub input: MacInput<'a>,
    /// How much of the MAC is wanted.
    pub size: MacSize,
}

/// `M8`: as [`GenerateMac`], then the MAC in hexadecimal. The reply is 00 or 01.
#[derive(Clone, Debug)]
pub struct VerifyMac<'a> {
    /// Key, algorithm and message.
    pub input: MacInput<'a>,
    /// The MAC received, whose length is the MAC size.
    pub mac: Mac,
}

/// What a MAC is computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacInput<'a> {
    /// The algorithm.
    pub algorithm: MacAlgorithm,
    /// How the message is brought to a multiple of eight bytes.
    pub padding: MacPadding,
    /// The type of the key, [`KeyType::TAK`] or [`KeyType::ZAK`].
    pub key_type: KeyType,
    /// The key, under the LMK.
    pub key: KeyField<'a>,
    /// The message.
    pub message: MacMessage<'a>,
}

/// MAC algorithm, by its number in ISO/IEC 9797-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// Algorithm 1: CBC-MAC with the whole key in every block.
    One,
    /// Algorithm 3: CBC-MAC with the left half of the key, the whole key in the last block (retail MAC).
    Three,
}

/// Padding of ISO/IEC 9797-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacPadding {
    /// None: the message has to be a multiple of eight bytes.
    None,
    /// Method 1: zeros, none where the message is a multiple of eight bytes already.
    Zeros,
    /// Method 2: one byte `80`, then zeros.
    Marked,
}

/// How much of a MAC is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacSize {
    /// The left four bytes.
    Four,
    /// All eight bytes.
    Eight,
}

/// The message under a MAC, in the form in which it is sent to the HSM. `Debug` shows its length only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MacMessage<'a> {
    /// Format 0: bytes as they are.
    Binary(&'a [u8]),
    /// Format 1: upper-case hexadecimal digits, two for each byte.
    Hex(&'a [u8]),
    /// Format 2: characters, taken as their ASCII bytes.
    Text(&'a [u8]),
}

impl MacSize {
    /// Number of bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            MacSize::Four => 4,
            MacSize::Eight => 8,
        }
    }
}

impl<'a> MacMessage<'a> {
    /// What is sent: for [`MacMessage::Hex`] the digits.
    #[must_use]
    pub fn as_sent(&self) -> &'a [u8] {
        match self {
            MacMessage::Binary(sent) | MacMessage::Hex(sent) | MacMessage::Text(sent) => sent,
        }
    }
}

impl<'a> GenerateMac<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_input(out, &self.input, self.size);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<GenerateMac<'a>, ErrorCode> {
        let (input, size) = parse_input(reader)?;
        Ok(GenerateMac { input, size })
    }
}

impl<'a> VerifyMac<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let size = if self.mac.as_bytes().len() == 4 { MacSize::Four } else { MacSize::Eight };
        encode_input(out, &self.input, size);
        writer::hex(out, self.mac.as_bytes());
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyMac<'a>, ErrorCode> {
        let (input, size) = parse_input(reader)?;
        let mac = match size {
            MacSize::Four => Mac::new(&reader.hex_bytes::<4>()?),
            MacSize::Eight => Mac::new(&reader.hex_bytes::<8>()?),
        };
        Ok(VerifyMac { input, mac: mac.ok_or(ErrorCode::INPUT)? })
    }
}

fn encode_input(out: &mut Vec<u8>, input: &MacInput<'_>, size: MacSize) {
    let format = match input.message {
        MacMessage::Binary(_) => b'0',
        MacMessage::Hex(_) => b'1',
        MacMessage::Text(_) => b'2',
    };
    let size = match size {
        MacSize::Four => b'0',
        MacSize::Eight => b'1',
    };
    let algorithm = match input.algorithm {
        MacAlgorithm::One => b'1',
        MacAlgorithm::Three => b'3',
    };
    let padding = match input.padding {
        MacPadding::None => b'0',
        MacPadding::Zeros => b'1',
        MacPadding::Marked => b'2',
    };
    out.extend_from_slice(&[b'0', format, size, algorithm, padding]);
    out.extend_from_slice(input.key_type.to_string().as_bytes());
    writer::key(out, &input.key);
    let message = input.message.as_sent();
    writer::hex_length(out, message.len(), 4);
    out.extend_from_slice(message);
}

fn parse_input<'a>(reader: &mut Reader<'a>) -> Result<(MacInput<'a>, MacSize), ErrorCode> {
    let [mode, format, size, algorithm, padding] = reader.array()?;
    if mode != b'0' {
        return Err(ErrorCode::INPUT);
    }
    let size = match size {
        b'0' => MacSize::Four,
        b'1' => MacSize::Eight,
        _ => return Err(ErrorCode::INPUT),
    };
    let algorithm = match algorithm {
        b'1' => MacAlgorithm::One,
        b'3' => MacAlgorithm::Three,
        _ => return Err(ErrorCode::INPUT),
    };
    let padding = match padding {
        b'0' => MacPadding::None,
        b'1' => MacPadding::Zeros,
        b'2' => MacPadding::Marked,
        _ => return Err(ErrorCode::INPUT),
    };
    let key_type = reader.key_type()?;
    let key = reader.key(16)?;
    let length = reader.hex_length::<4>()?;
    let sent = reader.take(length).map_err(|_| ErrorCode::LENGTH)?;
    let message = match format {
        b'0' => MacMessage::Binary(sent),
        b'1' => MacMessage::Hex(sent),
        b'2' => MacMessage::Text(sent),
        _ => return Err(ErrorCode::INPUT),
    };
    Ok((MacInput { algorithm, padding, key_type, key, message }, size))
}

impl fmt::Debug for MacMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacMessage({} bytes as sent)", self.as_sent().len())
    }
}
