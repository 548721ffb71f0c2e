//! Visa PIN verification value.

use crate::cipher::ClearKey;
use crate::decimalise::decimalise;
use crate::pin::Pin;
use hsm::{Account, Pvv};
use zeroize::Zeroizing;

/// The PVV of a PIN: eleven account digits, key index and the first four PIN digits, encrypted and
/// decimalised.
///
/// `account` is the account field of the card's PAN (`Account::from(&pan)`), `pvki` the key index of one
/// digit.
#[must_use]
pub fn pvv(pvk: &ClearKey, account: &Account, pvki: u8, pin: &Pin) -> Pvv {
    let mut digits = Zeroizing::new([0; 16]);
    digits[..11].copy_from_slice(&account.reveal()[1..]);
    digits[11] = b'0' + pvki % 10;
    digits[12..].copy_from_slice(&pin.reveal()[..4]);
    let mut block = Zeroizing::new([0; 8]);
    for (byte, pair) in block.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (pair[0] - b'0') << 4 | (pair[1] - b'0');
    }
    let value: [u8; 4] = decimalise(pvk.encrypt(*block));
    Pvv::parse(&value).expect("decimalised digits are digits")
}
