//! Issuer scripts: commands for the card in tags 71 and 72, with their MAC, their encipherment and the
//! PIN blocks of a PIN change.

use crate::cipher::ClearKey;
use crate::pin::Pin;
use hsm::{MacAlgorithm, MacPadding};
use zeroize::Zeroizing;

/// How the data of a script command is filled up and encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScriptEncryption {
    /// Visa: its length in one byte in front, `80` padding, ECB.
    Visa,
    /// Mastercard: `80` padding only where it is no multiple of eight bytes, CBC from zeros.
    Mastercard,
    /// EMV: `80` padding always, CBC from zeros.
    Emv,
}

/// What a script command's MAC covers: class, instruction, both parameters and length of the command,
/// transaction counter, cryptogram of the request, and the command's data, encrypted where it is to be
/// sent so.
///
/// Interac leaves counter and cryptogram out: `transaction` is `None` there.
#[must_use]
pub fn script_message(header: [u8; 5], transaction: Option<([u8; 2], [u8; 8])>, data: &[u8]) -> Vec<u8> {
    let mut message = header.to_vec();
    if let Some((atc, arqc)) = transaction {
        message.extend_from_slice(&atc);
        message.extend_from_slice(&arqc);
    }
    message.extend_from_slice(data);
    message
}

/// The MAC of a script command under the session key for integrity; a card is sent its leftmost four to
/// eight bytes. Visa and Mastercard differ in the session key only.
#[must_use]
pub fn script_mac(key: &ClearKey, message: &[u8]) -> [u8; 8] {
    crate::mac::mac(key, MacAlgorithm::Three, MacPadding::Marked, message)
        .expect("marked padding pads any length")
}

/// Data of a script command, encrypted under the session key for confidentiality. `None` when it is
/// longer than 255 bytes, which no command can carry.
#[must_use]
pub fn encrypt_script_data(key: &ClearKey, way: ScriptEncryption, data: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(data.len()).ok()?;
    // Room for all of it at once: a vector that grows leaves clear bytes behind.
    let mut text = Vec::with_capacity(data.len() + 16);
    if way == ScriptEncryption::Visa {
        text.push(length);
    }
    text.extend_from_slice(data);
    if way != ScriptEncryption::Mastercard || text.len() % 8 != 0 {
        text.push(0x80);
        text.resize(text.len().next_multiple_of(8), 0);
    }
    match way {
        ScriptEncryption::Visa => key.encrypt_ecb(&mut text),
        ScriptEncryption::Mastercard | ScriptEncryption::Emv => key.encrypt_cbc([0; 8], &mut text),
    }
    Some(text)
}

/// The clear PIN block of a Visa PIN change (VIS): bound to the card by bytes 4 to 8 of its master key
/// for application cryptograms, and to the current PIN where that is given.
#[must_use]
pub fn visa_pin_change_block(master_ac: &ClearKey, new: &Pin, current: Option<&Pin>) -> Zeroizing<[u8; 8]> {
    let mut block = pin_block(0, new, 0xF);
    for (byte, key) in block[4..].iter_mut().zip(&master_ac.reveal()[4..8]) {
        *byte ^= key;
    }
    if let Some(current) = current {
        for (byte, digits) in block.iter_mut().zip(digits_from(0, current, 0).iter()) {
            *byte ^= digits;
        }
    }
    block
}

/// The clear PIN block of a Mastercard PIN change, and of Visa CVN 22 without the current PIN: ISO 9564-1
/// format 2.
#[must_use]
pub fn iso2_pin_change_block(new: &Pin) -> Zeroizing<[u8; 8]> {
    pin_block(2, new, 0xF)
}

/// Control digit, length and digits of the PIN, then the filling.
fn pin_block(control: u8, pin: &Pin, filling: u8) -> Zeroizing<[u8; 8]> {
    let mut block = digits_from(2, pin, filling);
    block[0] = control << 4 | pin.reveal().len() as u8;
    block
}

/// The digits of the PIN from the half byte `start` on, everything else the filling.
fn digits_from(start: usize, pin: &Pin, filling: u8) -> Zeroizing<[u8; 8]> {
    let mut block = Zeroizing::new([filling << 4 | filling; 8]);
    for (at, digit) in pin.reveal().iter().enumerate() {
        let (at, digit) = (start + at, digit & 0x0F);
        let byte = &mut block[at / 2];
        *byte = if at % 2 == 0 { *byte & 0x0F | digit << 4 } else { *byte & 0xF0 | digit };
    }
    block
}
