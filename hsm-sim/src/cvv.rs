//! Card verification values: CVV and CVC on the stripe, iCVV in the chip, CVV2 printed.

use crate::cipher::{ClearKey, xor};
use crate::decimalise::decimalise;
use card::{Cvv, Pan};

/// The value of three digits. `expiry` has four digits in the order that the card carries them (`YYMM`
/// on the track; some issuers make CVV2 from `MMYY`); `service_code` is the track's for CVV, `999` for
/// iCVV, `000` for CVV2.
///
/// Characters of `expiry` and `service_code` that are no digits count by their low half byte.
#[must_use]
pub fn cvv(cvk: &ClearKey, pan: &Pan, expiry: &[u8; 4], service_code: &[u8; 3]) -> Cvv {
    let mut digits = [0; 32];
    let pan = pan.reveal();
    for (slot, digit) in digits.iter_mut().zip(pan.iter().chain(expiry).chain(service_code)) {
        *slot = digit & 0x0F;
    }
    let mut blocks = [[0; 8]; 2];
    for (block, half) in blocks.iter_mut().zip(digits.chunks_exact(16)) {
        for (byte, pair) in block.iter_mut().zip(half.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
    }
    let [left, right] = blocks;
    let value: [u8; 3] = decimalise(cvk.encrypt(xor(cvk.encrypt_by_left_part(left), right)));
    Cvv::parse(&value).expect("decimalised digits are digits")
}
