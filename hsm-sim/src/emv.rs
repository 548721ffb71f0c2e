//! Application cryptograms of chip cards (EMV 4.4 Book 2, Visa VIS, M/Chip, PBOC): master keys, session
//! keys, ARQC and ARPC, issuer scripts and dynamic card verification values.
//!
//! Visa CVN 10 computes its cryptogram under the master key itself; CVN 18 under the common session key
//! of the transaction.

mod dynamic;
mod script;
mod session;

use crate::cipher::{ClearKey, set_odd_parity, xor};
use card::Pan;
use hsm::{MacAlgorithm, MacPadding, PanSequence};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

pub use dynamic::cvc3;
pub use hsm::DerivationOption as DeriveOption;
pub use hsm::TreeShape;
pub use script::{
    ScriptEncryption, encrypt_script_data, iso2_pin_change_block, script_mac, script_message,
    visa_pin_change_block,
};
pub use session::{
    common_messaging_key, common_session_key, mastercard_session_key, tree_session_key,
    union_pay_session_key, visa_messaging_key,
};

/// The card's master key (annex A1.4). `psn` is the PAN sequence number (tag 5F34), 0 when the card has
/// none.
///
/// Option B differs from A only for a PAN of more than 16 digits.
#[must_use]
pub fn derive_master_key(imk: &ClearKey, pan: &Pan, psn: u8, option: DeriveOption) -> ClearKey {
    let sequence = match option {
        DeriveOption::A => PanSequence::option_a(pan, psn),
        DeriveOption::B => PanSequence::option_b(pan, psn),
    };
    master_key(imk, &sequence, option)
}

/// The card's master key from PAN and sequence number as an HSM command carries them.
#[must_use]
pub fn master_key(imk: &ClearKey, sequence: &PanSequence, option: DeriveOption) -> ClearKey {
    let left =
        if is_hashed(sequence, option) { hashed_sequence(sequence.reveal()) } else { sequence.rightmost() };
    derive(imk, left, left.map(|byte| !byte))
}

/// Whether option B applies: nine bytes are a PAN of 16 digits and its sequence number.
pub(crate) fn is_hashed(sequence: &PanSequence, option: DeriveOption) -> bool {
    option == DeriveOption::B && sequence.reveal().len() > 9
}

/// The cryptogram over `data`, filled with zeros to a multiple of eight bytes: an ARQC, TC or AAC alike.
///
/// A recipe with `80` padding (CVN 18, M/Chip) has that byte appended by the caller, as for the HSM.
#[must_use]
pub fn application_cryptogram(key: &ClearKey, data: &[u8]) -> [u8; 8] {
    crate::mac::mac(key, MacAlgorithm::Three, MacPadding::Zeros, data).expect("zeros pad any length")
}

/// The ARPC of method 1, from the authorisation response code.
#[must_use]
pub fn arpc_method_1(key: &ClearKey, arqc: [u8; 8], arc: [u8; 2]) -> [u8; 8] {
    key.encrypt(xor(arqc, [arc[0], arc[1], 0, 0, 0, 0, 0, 0]))
}

/// The ARPC of method 2, from card status update and up to eight bytes of proprietary data; of more,
/// the first eight count.
#[must_use]
pub fn arpc_method_2(key: &ClearKey, arqc: [u8; 8], csu: [u8; 4], proprietary: &[u8]) -> [u8; 4] {
    let mut message = [0; 20];
    let proprietary = &proprietary[..proprietary.len().min(8)];
    message[..8].copy_from_slice(&arqc);
    message[8..12].copy_from_slice(&csu);
    message[12..12 + proprietary.len()].copy_from_slice(proprietary);
    let message = &message[..12 + proprietary.len()];
    let mac = crate::mac::mac(key, MacAlgorithm::Three, MacPadding::Marked, message);
    let [a, b, c, d, ..] = mac.expect("marked padding pads any length");
    [a, b, c, d]
}

/// Both halves encrypted under the parent key, with odd parity.
fn derive(parent: &ClearKey, left: [u8; 8], right: [u8; 8]) -> ClearKey {
    let mut key = Zeroizing::new([0; 16]);
    key[..8].copy_from_slice(&parent.encrypt(left));
    key[8..].copy_from_slice(&parent.encrypt(right));
    set_odd_parity(key.as_mut_slice());
    ClearKey::double(&key)
}

/// The first 16 decimal digits of the hash; where it has fewer, its letters follow as 0 to 5.
fn hashed_sequence(packed: &[u8]) -> [u8; 8] {
    let hash = Sha1::digest(packed);
    let nibbles = || hash.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    let decimal = nibbles().filter(|nibble| *nibble <= 9);
    let letters = nibbles().filter(|nibble| *nibble > 9).map(|nibble| nibble - 10);
    let mut digits = decimal.chain(letters);
    let mut block = [0; 8];
    for byte in &mut block {
        // A hash has 40 half bytes, so 16 are always there.
        *byte = digits.next().unwrap_or(0) << 4 | digits.next().unwrap_or(0);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The CVN 18 example of the pyemv documentation.
    #[test]
    fn published_cvn_18_example() {
        let imk = ClearKey::double(&[0xAA; 16]);
        let pan = Pan::parse(b"1234567890123456").unwrap();
        let master = derive_master_key(&imk, &pan, 0, DeriveOption::B);
        assert_eq!(hex::encode_upper(master.reveal()), "2A92983429409197E59194151398C22C");
        let session = common_session_key(&master, [0x0F, 0xFF]);
        assert_eq!(hex::encode_upper(session.reveal()), "02B04654322589DF5B6BF4C8135BD326");
        let data = hex::decode(concat!(
            "000000009999",
            "000000000000",
            "0840",
            "8000048000",
            "0840",
            "991231",
            "01",
            "52BF4585",
            "1800",
            "0FFF",
            "06011203A0B800",
            "80"
        ));
        let arqc = application_cryptogram(&session, &data.unwrap());
        assert_eq!(hex::encode_upper(arqc), "769577B5ABE9FE62");
        assert_eq!(hex::encode_upper(arpc_method_2(&session, arqc, [0; 4], &[])), "76503F48");
    }
}
