use crate::reader::Reader;
use crate::{ErrorCode, KeyField, KeyType, Mac, writer};
use std::fmt;

/// `M6`: mode 1N, input format 1N, MAC size 1N, algorithm 1N, padding 1N, key type 3H, key, [IV 16H in
/// modes 2 and 3], length 4H, message. The reply holds the MAC in hexadecimal; in modes 1 and 2 the IV to
/// go on with, eight bytes.
#[derive(Clone, Debug)]
pub struct GenerateMac<'a> {
    /// Key, algorithm and message.
    pub input: MacInput<'a>,
    /// How much of the MAC is wanted.
    pub size: MacSize,
}

/// `M8`: as [`GenerateMac`], then in modes 0 and 3 the MAC in hexadecimal. The reply is 00 or 01; in modes
/// 1 and 2, whose layout is unconfirmed, it holds the IV to go on with.
#[derive(Clone, Debug)]
pub struct VerifyMac<'a> {
    /// Key, algorithm and message.
    pub input: MacInput<'a>,
    /// The MAC received, whose length is the MAC size; `None` with a first or middle part.
    pub mac: Option<Mac>,
}

/// What a MAC is computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacInput<'a> {
    /// Which part of the message this is.
    pub part: MacPart,
    /// The algorithm.
    pub algorithm: MacAlgorithm,
    /// How the message is brought to a multiple of eight bytes.
    pub padding: MacPadding,
    /// The type of the key, [`KeyType::TAK`] or [`KeyType::ZAK`]; `None` (`FFF`) for "as the key block
    /// says".
    pub key_type: Option<KeyType>,
    /// The key, under the LMK.
    pub key: KeyField<'a>,
    /// The message.
    pub message: MacMessage<'a>,
}

/// Which part of a message a command brings. A message of several parts is sent one after the other, each
/// with the IV that the part before came to; all parts but the last are multiples of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacPart {
    /// Mode 0: all of it.
    Only,
    /// Mode 1: the first part.
    First,
    /// Mode 2: a part in the middle.
    Middle {
        /// What the part before came to.
        iv: [u8; 8],
    },
    /// Mode 3: the last part.
    Last {
        /// What the part before came to.
        iv: [u8; 8],
    },
}

/// MAC algorithm, by its number in ISO/IEC 9797-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// Algorithm 1: CBC-MAC with the whole key in every block.
    One,
    /// Algorithm 3: CBC-MAC with the left half of the key, the whole key in the last block (retail MAC).
    Three,
    /// `6`: CMAC (NIST SP 800-38B), of a TDES or an AES key, which pads in its own way.
    Cmac,
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

impl MacPart {
    /// Whether more of the message follows.
    #[must_use]
    pub fn goes_on(self) -> bool {
        matches!(self, MacPart::First | MacPart::Middle { .. })
    }

    /// What the chain begins from: zeros, or what the part before came to.
    #[must_use]
    pub fn iv(self) -> [u8; 8] {
        match self {
            MacPart::Only | MacPart::First => [0; 8],
            MacPart::Middle { iv } | MacPart::Last { iv } => iv,
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            MacPart::Only => b'0',
            MacPart::First => b'1',
            MacPart::Middle { .. } => b'2',
            MacPart::Last { .. } => b'3',
        }
    }

    pub(super) fn encode_iv(self, out: &mut Vec<u8>) {
        if let MacPart::Middle { iv } | MacPart::Last { iv } = self {
            writer::hex(out, &iv);
        }
    }

    /// Reads the IV of a part of this code.
    pub(super) fn parse(code: u8, reader: &mut Reader<'_>) -> Result<MacPart, ErrorCode> {
        match code {
            b'0' => Ok(MacPart::Only),
            b'1' => Ok(MacPart::First),
            b'2' => Ok(MacPart::Middle { iv: reader.hex_bytes()? }),
            b'3' => Ok(MacPart::Last { iv: reader.hex_bytes()? }),
            _ => Err(ErrorCode::INPUT),
        }
    }
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
        let mac = self.mac.as_ref().map_or(&[][..], Mac::as_bytes);
        let size = if mac.len() == 8 { MacSize::Eight } else { MacSize::Four };
        encode_input(out, &self.input, size);
        writer::hex(out, mac);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyMac<'a>, ErrorCode> {
        let (input, size) = parse_input(reader)?;
        let mac = match size {
            _ if input.part.goes_on() => None,
            MacSize::Four => Mac::new(&reader.hex_bytes::<4>()?),
            MacSize::Eight => Mac::new(&reader.hex_bytes::<8>()?),
        };
        Ok(VerifyMac { input, mac })
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
        MacAlgorithm::Cmac => b'6',
    };
    let padding = match input.padding {
        MacPadding::None => b'0',
        MacPadding::Zeros => b'1',
        MacPadding::Marked => b'2',
    };
    out.extend_from_slice(&[input.part.code(), format, size, algorithm, padding]);
    writer::key_type(out, input.key_type);
    writer::key(out, &input.key);
    input.part.encode_iv(out);
    let message = input.message.as_sent();
    writer::hex_length(out, message.len(), 4);
    out.extend_from_slice(message);
}

fn parse_input<'a>(reader: &mut Reader<'a>) -> Result<(MacInput<'a>, MacSize), ErrorCode> {
    let [mode, format, size, algorithm, padding] = reader.array()?;
    let size = match size {
        b'0' => MacSize::Four,
        b'1' => MacSize::Eight,
        _ => return Err(ErrorCode::INPUT),
    };
    let algorithm = match algorithm {
        b'1' => MacAlgorithm::One,
        b'3' => MacAlgorithm::Three,
        b'6' => MacAlgorithm::Cmac,
        _ => return Err(ErrorCode::INPUT),
    };
    let padding = match padding {
        b'0' => MacPadding::None,
        b'1' => MacPadding::Zeros,
        b'2' => MacPadding::Marked,
        _ => return Err(ErrorCode::INPUT),
    };
    let key_type = reader.key_type_or_any()?;
    let key = reader.key(16)?;
    let part = MacPart::parse(mode, reader)?;
    let length = reader.hex_length::<4>()?;
    let sent = reader.take(length).map_err(|_| ErrorCode::LENGTH)?;
    let message = match format {
        b'0' => MacMessage::Binary(sent),
        b'1' => MacMessage::Hex(sent),
        b'2' => MacMessage::Text(sent),
        _ => return Err(ErrorCode::INPUT),
    };
    Ok((MacInput { part, algorithm, padding, key_type, key, message }, size))
}

impl fmt::Debug for MacMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacMessage({} bytes as sent)", self.as_sent().len())
    }
}
