use arrayvec::ArrayVec;
use card::{AesPinBlock, PinBlock};

/// An encrypted PIN as it came (DE 52). Never stored.
#[derive(Clone, Debug)]
pub struct OnlinePin {
    /// The block.
    pub block: EncryptedBlock,
    /// Under DUKPT, which of the device's keys it is under.
    pub serial: Option<KeySerial>,
}

/// An encrypted PIN block; its key decides the length.
#[derive(Clone, Debug)]
pub enum EncryptedBlock {
    /// Eight bytes under a TDES key.
    Tdes(PinBlock),
    /// Sixteen bytes under an AES key, which is ISO 9564-1 format 4.
    Aes(AesPinBlock),
}

/// Key serial number of DUKPT: ten bytes of a TDES key (ANSI X9.24-1), twelve of an AES key (X9.24-3). No
/// secret.
pub type KeySerial = ArrayVec<u8, 12>;

impl OnlinePin {
    /// Eight or sixteen bytes, without a serial number; `None` for any other length.
    #[must_use]
    pub fn new(block: &[u8]) -> Option<OnlinePin> {
        let block = match block.len() {
            8 => EncryptedBlock::Tdes(PinBlock::new(block.try_into().ok()?)),
            16 => EncryptedBlock::Aes(AesPinBlock::new(block.try_into().ok()?)),
            _ => return None,
        };
        Some(OnlinePin { block, serial: None })
    }

    /// The block, for the HSM command that verifies it.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        match &self.block {
            EncryptedBlock::Tdes(block) => block.reveal(),
            EncryptedBlock::Aes(block) => block.reveal(),
        }
    }

    /// Whether it can be what a key of this kind and format makes: sixteen bytes are format 4, and no key of
    /// DUKPT is found without its serial number.
    pub(crate) fn suits(&self, key: &crate::tables::PinKey) -> bool {
        let aes = matches!(self.block, EncryptedBlock::Aes(_));
        let length = if aes { 12 } else { 10 };
        let serial = self.serial.as_ref().map(ArrayVec::len);
        aes == (key.format == *b"48") && (!key.kind.is_dukpt() || serial == Some(length))
    }
}

impl From<PinBlock> for OnlinePin {
    fn from(block: PinBlock) -> OnlinePin {
        OnlinePin { block: EncryptedBlock::Tdes(block), serial: None }
    }
}
