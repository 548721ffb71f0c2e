//! Key check values of TDES keys.

use crate::cipher::ClearKey;

/// Eight zero bytes encrypted under the key. Usually the first three bytes are shown.
#[must_use]
pub fn kcv(key: &ClearKey) -> [u8; 8] {
    key.encrypt([0; 8])
}
