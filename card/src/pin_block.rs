use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// An encrypted PIN block of 8 bytes (ISO 9564-1 formats 0, 1 and 3 under a TDES key). Masked in
/// `Debug`, wiped on drop, never stored.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PinBlock([u8; 8]);

impl PinBlock {
    /// Takes the block as received.
    #[must_use]
    pub fn new(block: [u8; 8]) -> PinBlock {
        PinBlock(block)
    }

    /// The block, for the HSM command that verifies or translates it.
    #[must_use]
    pub fn reveal(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Debug for PinBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinBlock(****)")
    }
}

/// An encrypted PIN block of 16 bytes (ISO 9564-1 format 4 under an AES key). Masked in `Debug`, wiped
/// on drop, never stored.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AesPinBlock([u8; 16]);

impl AesPinBlock {
    /// Takes the block as received.
    #[must_use]
    pub fn new(block: [u8; 16]) -> AesPinBlock {
        AesPinBlock(block)
    }

    /// The block, for the HSM command that verifies or translates it.
    #[must_use]
    pub fn reveal(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for AesPinBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesPinBlock(****)")
    }
}
