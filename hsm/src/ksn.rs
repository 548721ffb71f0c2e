use crate::reader::Reader;
use crate::{ErrorCode, KeyField, writer};

/// Key serial number of DUKPT with its descriptor: which device, and which of its transactions.
///
/// No secret: it travels in clear beside each block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySerialNumber {
    /// Digit counts of key set, sub-key and device, three characters such as `A05`. The counter is where
    /// the standard puts it whatever they say, so they are carried and not used.
    pub descriptor: [u8; 3],
    /// The number.
    pub number: KsnNumber,
}

/// The number itself, whose length the kind of the BDK decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KsnNumber {
    /// Under a TDES key: ten bytes, the counter in the 21 lowest bits (ANSI X9.24-1).
    Tdes([u8; 10]),
    /// Under an AES key: initial key identifier of eight bytes and counter of four (ANSI X9.24-3).
    Aes([u8; 12]),
}

impl KeySerialNumber {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.descriptor);
        match &self.number {
            KsnNumber::Tdes(number) => writer::hex(out, number),
            KsnNumber::Aes(number) => writer::hex(out, number),
        }
    }

    pub(crate) fn parse(reader: &mut Reader<'_>, bdk: &KeyField<'_>) -> Result<KeySerialNumber, ErrorCode> {
        let descriptor: [u8; 3] = reader.array()?;
        if !descriptor.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')) {
            return Err(ErrorCode::INPUT);
        }
        let number = match bdk.is_aes() {
            true => KsnNumber::Aes(reader.hex_bytes()?),
            false => KsnNumber::Tdes(reader.hex_bytes()?),
        };
        Ok(KeySerialNumber { descriptor, number })
    }
}
