//! Session keys: from a card's master key, for one transaction.

use super::derive;
use crate::cipher::{ClearKey, set_odd_parity, xor};
use hsm::TreeShape;
use zeroize::Zeroizing;

/// The common session key for application cryptograms (annex A1.3.1), from the transaction counter.
#[must_use]
pub fn common_session_key(master: &ClearKey, atc: [u8; 2]) -> ClearKey {
    common_key(master, [atc[0], atc[1], 0, 0, 0, 0, 0, 0])
}

/// The common session key for secure messaging, from the cryptogram of the request (tag 9F26): CVN 22,
/// M/Chip and CCD. `master` is the card's key for integrity or for confidentiality.
#[must_use]
pub fn common_messaging_key(master: &ClearKey, arqc: [u8; 8]) -> ClearKey {
    common_key(master, arqc)
}

/// Mastercard's session key for application cryptograms, from transaction counter and unpredictable
/// number.
#[must_use]
pub fn mastercard_session_key(master: &ClearKey, atc: [u8; 2], unpredictable_number: [u8; 4]) -> ClearKey {
    let [a, b, c, d] = unpredictable_number;
    common_key(master, [atc[0], atc[1], 0, 0, a, b, c, d])
}

/// Visa's session key for secure messaging (CVN 10 and 18): the master key with the transaction counter
/// exclusive-ored into the end of its left half and the inverted counter into the end of its right half.
#[must_use]
pub fn visa_messaging_key(master: &ClearKey, atc: [u8; 2]) -> ClearKey {
    let mut key = Zeroizing::new([0; 16]);
    for (slot, byte) in key.iter_mut().zip(master.reveal()) {
        *slot = *byte;
    }
    for (at, byte) in [(6, atc[0]), (7, atc[1]), (14, !atc[0]), (15, !atc[1])] {
        key[at] ^= byte;
    }
    set_odd_parity(key.as_mut_slice());
    ClearKey::double(&key)
}

/// UnionPay's session key (PBOC), from the transaction counter; the parity of its bytes is left as it
/// comes out.
#[must_use]
pub fn union_pay_session_key(master: &ClearKey, atc: [u8; 2]) -> ClearKey {
    let mut key = Zeroizing::new([0; 16]);
    key[..8].copy_from_slice(&master.encrypt([0, 0, 0, 0, 0, 0, atc[0], atc[1]]));
    key[8..].copy_from_slice(&master.encrypt([0, 0, 0, 0, 0, 0, !atc[0], !atc[1]]));
    ClearKey::double(&key)
}

/// The session key of the EMV2000 tree (EMV 2000 Book 2 annex A1.3), which old cards use: intermediate
/// keys down to the leaf that the transaction counter numbers, each from its parent and grandparent.
/// `iv` stands for the parent of the master key.
#[must_use]
pub fn tree_session_key(master: &ClearKey, atc: [u8; 2], shape: TreeShape, iv: &[u8; 16]) -> ClearKey {
    let branch_bits = match shape {
        TreeShape::Branch2Height16 => 1,
        TreeShape::Branch4Height8 => 2,
    };
    let leaf = u16::from_be_bytes(atc);
    let mut grandparent = Zeroizing::new(*iv);
    let mut parent = master.clone();
    // Both shapes number 65,536 leaves, so the counter holds one digit for each level.
    for digits_below in (1..16 / branch_bits).rev() {
        let digit = (leaf >> (digits_below * branch_bits)) & ((1 << branch_bits) - 1);
        let child = child(&parent, &grandparent, digit);
        for (slot, byte) in grandparent.iter_mut().zip(parent.reveal()) {
            *slot = *byte;
        }
        parent = ClearKey::double(&child);
    }
    let mut key = child(&parent, &grandparent, leaf & ((1 << branch_bits) - 1));
    for (byte, above) in key.iter_mut().zip(grandparent.iter()) {
        *byte ^= above;
    }
    set_odd_parity(key.as_mut_slice());
    ClearKey::double(&key)
}

/// The child of this number of `parent`.
fn child(parent: &ClearKey, grandparent: &[u8; 16], digit: u16) -> Zeroizing<[u8; 16]> {
    let block = |from: usize| std::array::from_fn(|at| grandparent[from + at]);
    let (left, right) = (block(0), block(8));
    let digit = digit as u8;
    let mut child = Zeroizing::new([0; 16]);
    child[..8].copy_from_slice(&parent.encrypt(xor(left, [0, 0, 0, 0, 0, 0, 0, digit])));
    child[8..].copy_from_slice(&parent.encrypt(xor(right, [0, 0, 0, 0, 0, 0, 0, digit ^ 0xF0])));
    child
}

fn common_key(master: &ClearKey, diversifier: [u8; 8]) -> ClearKey {
    let with = |byte| {
        let mut block = diversifier;
        block[2] = byte;
        block
    };
    derive(master, with(0xF0), with(0x0F))
}
