use crate::ErrorCode;
use crate::reader::Reader;
use std::fmt;

/// `GM`: algorithm 2N, length 5N, message. The reply holds the hash as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashMessage<'a> {
    /// The algorithm.
    pub algorithm: HashAlgorithm,
    /// The message as it is: up to 99999 bytes on the wire, and no more than fits a frame.
    pub message: &'a [u8],
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// `01`: SHA-1, 20 bytes.
    Sha1,
    /// `02`: MD5, 16 bytes.
    Md5,
    /// `05`: SHA-224, 28 bytes.
    Sha224,
    /// `06`: SHA-256, 32 bytes.
    Sha256,
    /// `07`: SHA-384, 48 bytes.
    Sha384,
    /// `08`: SHA-512, 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    fn code(self) -> &'static [u8; 2] {
        match self {
            HashAlgorithm::Sha1 => b"01",
            HashAlgorithm::Md5 => b"02",
            HashAlgorithm::Sha224 => b"05",
            HashAlgorithm::Sha256 => b"06",
            HashAlgorithm::Sha384 => b"07",
            HashAlgorithm::Sha512 => b"08",
        }
    }

    fn from_code(code: [u8; 2]) -> Option<HashAlgorithm> {
        match &code {
            b"01" => Some(HashAlgorithm::Sha1),
            b"02" => Some(HashAlgorithm::Md5),
            b"05" => Some(HashAlgorithm::Sha224),
            b"06" => Some(HashAlgorithm::Sha256),
            b"07" => Some(HashAlgorithm::Sha384),
            b"08" => Some(HashAlgorithm::Sha512),
            _ => None,
        }
    }
}

impl<'a> HashMessage<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.algorithm.code());
        out.extend_from_slice(format!("{:05}", self.message.len()).as_bytes());
        out.extend_from_slice(self.message);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<HashMessage<'a>, ErrorCode> {
        // The unit calls an algorithm that it does not know 05.
        let algorithm = HashAlgorithm::from_code(reader.array()?).ok_or(ErrorCode::KEY_LENGTH_FLAG)?;
        let length = reader.digits::<5>()?;
        let length = length.iter().fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        let message = reader.take(length).map_err(|_| ErrorCode::LENGTH)?;
        Ok(HashMessage { algorithm, message })
    }
}

/// The message may hold anything, so only its length is shown.
impl fmt::Debug for HashMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashMessage({:?}, {} bytes)", self.algorithm, self.message.len())
    }
}
