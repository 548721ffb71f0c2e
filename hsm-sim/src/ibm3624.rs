//! IBM 3624 PIN verification: natural PIN and offset.

use crate::cipher::ClearKey;
use crate::pin::Pin;
use hsm::{Account, PinOffset, ValidationData};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// A decimalisation table in clear: the digit for each hexadecimal digit.
pub type Table = [u8; 16];

/// The usual table: `A` to `F` become `0` to `5`.
pub const STANDARD_TABLE: Table = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5];

/// The natural PIN as 16 ASCII digits, of which a PIN of n digits takes the first n: validation data
/// encrypted under the PVK and decimalised by the table.
#[must_use]
pub fn natural_pin(pvk: &ClearKey, table: &Table, validation: [u8; 8]) -> Zeroizing<[u8; 16]> {
    let mut digits = Zeroizing::new([0; 16]);
    for (pair, byte) in digits.chunks_exact_mut(2).zip(pvk.encrypt(validation)) {
        pair[0] = b'0' + table[usize::from(byte >> 4)];
        pair[1] = b'0' + table[usize::from(byte & 0x0F)];
    }
    digits
}

/// The offset of a PIN from its natural PIN, digit by digit modulo ten: what makes a chosen PIN verify.
#[must_use]
pub fn offset(natural: &[u8; 16], pin: &Pin) -> PinOffset {
    let mut digits = [0; Pin::MAX_DIGITS];
    let length = pin.reveal().len();
    for ((slot, pin), natural) in digits.iter_mut().zip(pin.reveal()).zip(natural) {
        *slot = b'0' + (10 + pin - natural) % 10;
    }
    PinOffset::from_digits(&digits[..length]).expect("at most 12 digits")
}

/// Whether the first `check_length` digits of the PIN are natural PIN plus offset, in constant time. A
/// PIN or an offset with fewer digits than that is wrong.
#[must_use]
pub fn verify(natural: &[u8; 16], offset: &PinOffset, check_length: u8, pin: &Pin) -> bool {
    let check_length = usize::from(check_length);
    let offset = offset.reveal();
    let long_enough = pin.reveal().len() >= check_length
        && offset.iter().take_while(|c| **c != b'F').count() >= check_length;
    let mut equal = Choice::from(u8::from(long_enough));
    for ((pin, natural), offset) in pin.reveal().iter().zip(natural).zip(offset).take(check_length) {
        let expected = b'0' + (natural & 0x0F).wrapping_add(offset & 0x0F) % 10;
        equal &= expected.ct_eq(pin);
    }
    equal.into()
}

/// The block to encrypt: the last five digits of the account field take the place of `N`, and `F` fills
/// up to 16 hexadecimal digits; more than 16 are cut.
#[must_use]
pub fn validation_block(validation: &ValidationData, account: &Account) -> [u8; 8] {
    let mut digits = [0xF; 16];
    let mut slots = digits.iter_mut();
    let mut put = |digit: u8| {
        if let Some(slot) = slots.next() {
            *slot = digit;
        }
    };
    for character in validation.reveal() {
        match character {
            b'N' => account.reveal()[7..].iter().for_each(|digit| put(digit - b'0')),
            b'0'..=b'9' => put(character - b'0'),
            _ => put(character - b'A' + 10),
        }
    }
    let mut block = [0; 8];
    for (byte, pair) in block.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_digits_take_the_place_of_n() {
        let account = Account::parse(b"923000000431").unwrap();
        let check = |validation: &[u8; 12], expect: &str| {
            let block = validation_block(&ValidationData::parse(validation).unwrap(), &account);
            assert_eq!(hex::encode_upper(block), expect);
        };
        check(b"9230000N0431", "9230000004310431");
        check(b"12345678901A", "12345678901AFFFF");
        check(b"NNNN12345678", "0043100431004310");
    }

    #[test]
    fn offset_makes_a_chosen_pin_verify() {
        let natural = *b"9071234567890123";
        let pin = Pin::parse(b"123456").unwrap();
        let stored = offset(&natural, &pin);
        assert_eq!(stored.reveal(), b"226333FFFFFF");
        assert!(verify(&natural, &stored, 6, &pin));
        assert!(verify(&natural, &stored, 4, &pin));
        // Neither PIN nor offset reaches seven digits.
        assert!(!verify(&natural, &stored, 7, &pin));
        assert!(!verify(&natural, &stored, 6, &Pin::parse(b"123457").unwrap()));
        // Only the digits under check count.
        assert!(verify(&natural, &stored, 5, &Pin::parse(b"123457").unwrap()));
        assert!(!verify(&natural, &stored, 6, &Pin::parse(b"1234").unwrap()));
    }
}
