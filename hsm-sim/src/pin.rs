//! PIN blocks: building and opening the clear block (ISO 9564-1).
//!
//! The clear block exists only here and in a terminal's keypad; everywhere else it is encrypted.

use crate::aes_key::{AesKey, xor};
use card::Pan;
use hsm::{Account, PinBlockFormat};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A PIN of 4 to 12 digits. Wiped on drop, masked in `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Pin {
    digits: [u8; Pin::MAX_DIGITS],
    length: u8,
}

/// Why something is not a PIN, or a clear block holds none. A block that was encrypted under another
/// key, or for another account, mostly shows as [`PinError::Block`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinError {
    /// Fewer than 4 or more than 12 digits.
    Length,
    /// Format nibble, digits or filling are not those of the format.
    Block,
}

impl Pin {
    /// Shortest PIN of ISO 9564-1.
    pub const MIN_DIGITS: usize = 4;

    /// Longest PIN of ISO 9564-1.
    pub const MAX_DIGITS: usize = 12;

    /// Reads ASCII digits.
    ///
    /// # Errors
    /// [`PinError::Length`] for fewer than 4 or more than 12 of them, [`PinError::Block`] when a
    /// character is no digit.
    pub fn parse(digits: &[u8]) -> Result<Pin, PinError> {
        if !(Pin::MIN_DIGITS..=Pin::MAX_DIGITS).contains(&digits.len()) {
            return Err(PinError::Length);
        }
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(PinError::Block);
        }
        let mut pin = Pin { digits: [0; Pin::MAX_DIGITS], length: digits.len() as u8 };
        pin.digits[..digits.len()].copy_from_slice(digits);
        Ok(pin)
    }

    /// The digits as ASCII.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }
}

/// The clear block of ISO format 0 (payShield 01): PIN with its length, filled with `F`, exclusive-ored
/// with the account part of the PAN.
#[must_use]
pub fn iso0_block(pin: &Pin, pan: &Pan) -> [u8; 8] {
    build(PinBlockFormat::Iso0, pin, &Account::from(pan), [0; 8])
}

/// The clear block of ISO format 1 (payShield 05): PIN with its length, filled at random from `filling`,
/// not bound to an account.
#[must_use]
pub fn iso1_block(pin: &Pin, filling: [u8; 8]) -> [u8; 8] {
    // Format 1 leaves the account out, so any will do.
    build(PinBlockFormat::Iso1, pin, &no_account(), filling)
}

/// The clear block of ISO format 3 (payShield 47): as format 0, filled at random from `filling` with
/// digits `A` to `F`.
#[must_use]
pub fn iso3_block(pin: &Pin, pan: &Pan, filling: [u8; 8]) -> [u8; 8] {
    build(PinBlockFormat::Iso3, pin, &Account::from(pan), filling)
}

/// The encrypted block of ISO format 4 (payShield 48): the PIN field with eight bytes of `filling`, encrypted,
/// exclusive-ored with the PAN field and encrypted again.
///
/// A PAN of fewer than 12 digits is filled with zeros on the left.
#[must_use]
pub fn encrypt_iso4(key: &AesKey, pin: &Pin, pan: &Pan, filling: [u8; 8]) -> [u8; 16] {
    let mut field = Zeroizing::new([0; 16]);
    let (digits, random) = field.split_at_mut(8);
    digits.copy_from_slice(&build(PinBlockFormat::Iso4, pin, &no_account(), [0; 8]));
    random.copy_from_slice(&filling);
    key.encrypt(xor(key.encrypt(*field), pan_field(pan)))
}

/// Decrypts a block of ISO format 4. Another PAN, or another key, shows as [`PinError::Block`].
///
/// # Errors
/// As [`extract`].
pub fn decrypt_iso4(key: &AesKey, block: [u8; 16], pan: &Pan) -> Result<Pin, PinError> {
    let field = Zeroizing::new(key.decrypt(xor(key.decrypt(block), pan_field(pan))));
    let mut digits = [0; 8];
    digits.copy_from_slice(&field[..8]);
    let pin = extract(PinBlockFormat::Iso4, digits, &no_account());
    digits.zeroize();
    pin
}

/// The PAN field of ISO format 4: by how many digits the PAN is longer than 12, its digits, zeros.
fn pan_field(pan: &Pan) -> [u8; 16] {
    let digits = pan.reveal();
    let mut nibbles = [0; 32];
    nibbles[0] = digits.len().saturating_sub(12) as u8;
    let start = 1 + 12usize.saturating_sub(digits.len());
    for (nibble, digit) in nibbles[start..].iter_mut().zip(digits.iter()) {
        *nibble = digit - b'0';
    }
    let mut field = [0; 16];
    for (byte, pair) in field.iter_mut().zip(nibbles.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    field
}

/// Builds a clear block; of [`PinBlockFormat::Iso4`] the left half of its PIN field, which alone is no block
/// ([`encrypt_iso4`]). `filling` is 16 half bytes of randomness, of which a format takes what it needs.
#[must_use]
pub fn build(format: PinBlockFormat, pin: &Pin, account: &Account, filling: [u8; 8]) -> [u8; 8] {
    let digits = pin.reveal();
    let start = pin_start(format);
    let mut nibbles = nibbles(filling);
    for nibble in &mut nibbles {
        *nibble = match format {
            PinBlockFormat::Iso0 | PinBlockFormat::Iso2 | PinBlockFormat::Diebold => 0xF,
            PinBlockFormat::Iso4 => 0xA,
            PinBlockFormat::Iso1 => *nibble,
            // 16 values onto six: not even, but the filling only has to differ from block to block.
            PinBlockFormat::Iso3 => 0xA + *nibble % 6,
        };
    }
    if let Some(control) = control_nibble(format) {
        nibbles[0] = control;
        nibbles[1] = digits.len() as u8;
    }
    for (nibble, digit) in nibbles[start..].iter_mut().zip(digits) {
        *nibble = digit - b'0';
    }
    let mut block = pack(&nibbles);
    nibbles.zeroize();
    bind(format, account, &mut block);
    block
}

/// Opens a clear block; of [`PinBlockFormat::Iso4`] the left half of its PIN field ([`decrypt_iso4`]).
///
/// # Errors
/// [`PinError::Block`] when it is none of this format and account, [`PinError::Length`] when it is one
/// with a PIN of fewer than 4 or more than 12 digits.
pub fn extract(format: PinBlockFormat, block: [u8; 8], account: &Account) -> Result<Pin, PinError> {
    let mut block = block;
    bind(format, account, &mut block);
    let mut nibbles = nibbles(block);
    block.zeroize();
    let pin = extract_nibbles(format, &nibbles);
    nibbles.zeroize();
    pin
}

fn extract_nibbles(format: PinBlockFormat, nibbles: &[u8; 16]) -> Result<Pin, PinError> {
    let start = pin_start(format);
    let length = match control_nibble(format) {
        Some(control) if nibbles[0] != control => return Err(PinError::Block),
        Some(_) => usize::from(nibbles[1]),
        None => nibbles.iter().take_while(|nibble| **nibble <= 9).count(),
    };
    // What is filled wrong is no block of this format, whatever length it states.
    let (digits, filling) = nibbles[start..].split_at_checked(length).ok_or(PinError::Block)?;
    let filled = filling.iter().all(|nibble| match format {
        PinBlockFormat::Iso0 | PinBlockFormat::Iso2 | PinBlockFormat::Diebold => *nibble == 0xF,
        PinBlockFormat::Iso4 => *nibble == 0xA,
        PinBlockFormat::Iso1 => true,
        PinBlockFormat::Iso3 => *nibble >= 0xA,
    });
    if !filled || digits.iter().any(|digit| *digit > 9) {
        return Err(PinError::Block);
    }
    if !(Pin::MIN_DIGITS..=Pin::MAX_DIGITS).contains(&length) {
        return Err(PinError::Length);
    }
    let mut pin = Pin { digits: [0; Pin::MAX_DIGITS], length: length as u8 };
    for (slot, digit) in pin.digits.iter_mut().zip(digits) {
        *slot = b'0' + digit;
    }
    Ok(pin)
}

/// Exclusive-ors the account field into the block, or out of it again: `0000` and the 12 digits.
fn bind(format: PinBlockFormat, account: &Account, block: &mut [u8; 8]) {
    if !matches!(format, PinBlockFormat::Iso0 | PinBlockFormat::Iso3) {
        return;
    }
    for (byte, pair) in block[2..].iter_mut().zip(account.reveal().chunks_exact(2)) {
        *byte ^= (pair[0] - b'0') << 4 | (pair[1] - b'0');
    }
}

fn control_nibble(format: PinBlockFormat) -> Option<u8> {
    match format {
        PinBlockFormat::Iso0 => Some(0),
        PinBlockFormat::Iso1 => Some(1),
        PinBlockFormat::Iso2 => Some(2),
        PinBlockFormat::Iso3 => Some(3),
        PinBlockFormat::Iso4 => Some(4),
        PinBlockFormat::Diebold => None,
    }
}

fn pin_start(format: PinBlockFormat) -> usize {
    if format == PinBlockFormat::Diebold { 0 } else { 2 }
}

fn nibbles(block: [u8; 8]) -> [u8; 16] {
    let mut nibbles = [0; 16];
    for (pair, byte) in nibbles.chunks_exact_mut(2).zip(block) {
        pair[0] = byte >> 4;
        pair[1] = byte & 0x0F;
    }
    nibbles
}

fn pack(nibbles: &[u8; 16]) -> [u8; 8] {
    let mut block = [0; 8];
    for (byte, pair) in block.iter_mut().zip(nibbles.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    block
}

fn no_account() -> Account {
    Account::parse(b"000000000000").expect("zeros are digits")
}

/// Compares all digits and the length in constant time.
impl ConstantTimeEq for Pin {
    fn ct_eq(&self, other: &Pin) -> Choice {
        self.digits.ct_eq(&other.digits) & self.length.ct_eq(&other.length)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(****)")
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinError::Length => "a PIN has 4 to 12 digits",
            PinError::Block => "not a PIN block of this format and account",
        })
    }
}

impl std::error::Error for PinError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account::parse(b"401234567890").unwrap()
    }

    const FORMATS: [PinBlockFormat; 6] = [
        PinBlockFormat::Iso0,
        PinBlockFormat::Diebold,
        PinBlockFormat::Iso1,
        PinBlockFormat::Iso2,
        PinBlockFormat::Iso3,
        PinBlockFormat::Iso4,
    ];

    #[test]
    fn every_format_gives_the_pin_back() {
        for format in FORMATS {
            for length in 4..=12 {
                let pin = Pin::parse(&b"907856341290"[..length]).unwrap();
                let block = build(format, &pin, &account(), [0x6B; 8]);
                assert_eq!(extract(format, block, &account()).unwrap().reveal(), pin.reveal());
            }
        }
    }

    #[test]
    fn another_account_does_not_open_the_block() {
        let pin = Pin::parse(b"1234").unwrap();
        let other = Account::parse(b"401234567899").unwrap();
        for format in [PinBlockFormat::Iso0, PinBlockFormat::Iso3] {
            let block = build(format, &pin, &account(), [0; 8]);
            assert_eq!(extract(format, block, &other).unwrap_err(), PinError::Block);
        }
    }

    #[test]
    fn refuses_blocks_of_no_format() {
        let check = |format, block: &str, expect| {
            let block = hex::decode(block).unwrap().try_into().unwrap();
            let none = no_account();
            assert_eq!(extract(format, block, &none).unwrap_err(), expect, "{format:?}");
        };
        check(PinBlockFormat::Iso0, "141234FFFFFFFFFF", PinError::Block);
        check(PinBlockFormat::Iso0, "03123FFFFFFFFFFF", PinError::Length);
        check(PinBlockFormat::Iso0, "0D1234567890123F", PinError::Length);
        check(PinBlockFormat::Iso0, "031234FFFFFFFFFF", PinError::Block);
        check(PinBlockFormat::Iso0, "0D1234FFFFFFFFFF", PinError::Block);
        check(PinBlockFormat::Iso0, "0FE4F1791D546078", PinError::Block);
        check(PinBlockFormat::Iso0, "04123AFFFFFFFFFF", PinError::Block);
        check(PinBlockFormat::Iso0, "041234FFFFFFFFFE", PinError::Block);
        check(PinBlockFormat::Iso3, "341234FFFFFFFFF9", PinError::Block);
        check(PinBlockFormat::Iso1, "1D12345678901234", PinError::Length);
        check(PinBlockFormat::Iso1, "1F12345678901234", PinError::Block);
        check(PinBlockFormat::Iso2, "041234FFFFFFFFFF", PinError::Block);
        check(PinBlockFormat::Iso2, "241234FFFFFFFFAF", PinError::Block);
        check(PinBlockFormat::Iso4, "441234FFFFFFFFFF", PinError::Block);
        check(PinBlockFormat::Iso4, "43123AAAAAAAAAAA", PinError::Length);
        check(PinBlockFormat::Diebold, "123FFFFFFFFFFFFF", PinError::Length);
        check(PinBlockFormat::Diebold, "1234FFFFFFFFFF1F", PinError::Block);
        check(PinBlockFormat::Diebold, "EB92DABE771EC4CA", PinError::Block);
        check(PinBlockFormat::Diebold, "1234567890123456", PinError::Length);
    }

    #[test]
    fn format_4_is_bound_to_the_whole_pan_and_the_key() {
        let key = AesKey::new(&[0x31; 16]).unwrap();
        let pan = Pan::parse(b"4000001234567899").unwrap();
        let pin = Pin::parse(b"123456").unwrap();
        let block = encrypt_iso4(&key, &pin, &pan, [7; 8]);
        assert_eq!(decrypt_iso4(&key, block, &pan).unwrap().reveal(), b"123456");
        // The check digit, and a digit before the account field: format 0 would not see them.
        for other in [&b"4000001234567890"[..], b"5000001234567899", b"400000123456789"] {
            let other = Pan::parse(other).unwrap();
            assert_eq!(decrypt_iso4(&key, block, &other).unwrap_err(), PinError::Block);
        }
        let other = AesKey::new(&[0x32; 16]).unwrap();
        assert_eq!(decrypt_iso4(&other, block, &pan).unwrap_err(), PinError::Block);
        assert_ne!(encrypt_iso4(&key, &pin, &pan, [8; 8]), block);
    }

    #[test]
    fn a_pin_has_four_to_twelve_digits() {
        assert_eq!(Pin::parse(b"123").unwrap_err(), PinError::Length);
        assert_eq!(Pin::parse(b"1234567890123").unwrap_err(), PinError::Length);
        assert_eq!(Pin::parse(b"12x4").unwrap_err(), PinError::Block);
        assert_eq!(format!("{:?}", Pin::parse(b"1234").unwrap()), "Pin(****)");
    }
}
