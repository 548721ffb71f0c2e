//! Card verification values that change with each transaction.

use crate::cipher::ClearKey;
use hsm::{MacAlgorithm, MacPadding};

/// Mastercard's CVC3 of magnetic stripe contactless: a number of up to five digits. `master` is the
/// card's key for it, `static_track` the track as personalised, with zeros where the terminal puts
/// dynamic digits; the card sends only the last few digits.
#[must_use]
pub fn cvc3(master: &ClearKey, static_track: &[u8], unpredictable_number: [u8; 4], atc: [u8; 2]) -> u16 {
    let [.., a, b] = crate::mac::mac(master, MacAlgorithm::Three, MacPadding::Marked, static_track)
        .expect("marked padding pads any length");
    let [c, d, e, f] = unpredictable_number;
    let [.., high, low] = master.encrypt([a, b, c, d, e, f, atc[0], atc[1]]);
    u16::from_be_bytes([high, low])
}
