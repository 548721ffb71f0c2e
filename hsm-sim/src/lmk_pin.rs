//! PINs under an LMK, as issuers keep them in their databases.
//!
//! How a real unit encrypts them is not published, so a PIN under the LMK of this simulator opens in this
//! simulator only. It is real protection all the same: FF1 under a key that is derived from the LMK, with the
//! account as the tweak. A PIN moved to another account is refused, or opens as some other PIN (see
//! [`PinLmk::open`]); the same PIN of two accounts looks different.

use crate::aes_key::AesKey;
use crate::cipher::KeyLengthError;
use crate::ff1;
use crate::pin::{self, Pin, PinError};
use card::Pan;
use hsm::{Account, LmkPin};
use zeroize::{Zeroize, Zeroizing};

/// What PINs are encrypted by under one LMK. Masked in `Debug`.
#[derive(Clone, Debug)]
pub struct PinLmk {
    key: AesKey,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Decimal digits, one more than the longest PIN.
    Digits,
    /// `J` and a block of format 4.
    Block,
}

impl PinLmk {
    /// For an LMK of TDES, whose PINs are decimal digits. `lmk` is pair 02-03 of a variant LMK, or a key block
    /// LMK.
    ///
    /// # Errors
    /// When there are not 16, 24 or 32 bytes.
    pub fn digits(lmk: &[u8]) -> Result<PinLmk, KeyLengthError> {
        PinLmk::new(lmk, Form::Digits)
    }

    /// For an AES LMK, whose PINs are `J` and 32 hexadecimal digits: a block of ISO format 4, bound to the
    /// account, of which no two are the same.
    ///
    /// # Errors
    /// When there are not 16, 24 or 32 bytes.
    pub fn block(lmk: &[u8]) -> Result<PinLmk, KeyLengthError> {
        PinLmk::new(lmk, Form::Block)
    }

    fn new(lmk: &[u8], form: Form) -> Result<PinLmk, KeyLengthError> {
        // The LMK encrypts other things too, so PINs get a key of their own.
        let mut key = AesKey::new(lmk)?.cmac(b"hsm-sim PIN under LMK");
        let pin_key = AesKey::new(&key);
        key.zeroize();
        Ok(PinLmk { key: pin_key?, form })
    }

    /// Encrypts a PIN for an account. `longest` is the longest PIN that the unit is set to, 4 to 12, and decides
    /// how many digits there are; `random` serves AES LMKs.
    ///
    /// # Errors
    /// [`PinError::Length`] when the PIN is longer than that.
    pub fn protect(
        &self,
        pin: &Pin,
        account: &Account,
        longest: u8,
        random: [u8; 8],
    ) -> Result<LmkPin, PinError> {
        let longest = usize::from(longest).clamp(Pin::MIN_DIGITS, Pin::MAX_DIGITS);
        let digits = pin.reveal();
        if digits.len() > longest {
            return Err(PinError::Length);
        }
        let text = match self.form {
            Form::Digits => {
                // The length first, then the PIN, then zeros: what another account opens seldom looks so.
                let mut text = vec![0; longest + 1];
                text[0] = (digits.len() - Pin::MIN_DIGITS) as u8;
                for (slot, digit) in text[1..].iter_mut().zip(digits) {
                    *slot = digit - b'0';
                }
                ff1::encrypt(&self.key, account.reveal(), &mut text);
                text.iter_mut().for_each(|digit| *digit += b'0');
                text
            }
            Form::Block => {
                let block = pin::encrypt_iso4(&self.key, pin, &pan_of(account), random);
                format!("J{}", hex::encode_upper(block)).into_bytes()
            }
        };
        Ok(LmkPin::parse(&text).expect("5 to 13 digits, or J and 32"))
    }

    /// Decrypts a PIN for an account. `None` when it is none of this LMK, account and setting.
    ///
    /// As digits it has little room for redundancy: for another account about one in nine opens, as a PIN that is
    /// as good as drawn at random.
    #[must_use]
    pub fn open(&self, protected: &LmkPin, account: &Account, longest: u8) -> Option<Pin> {
        let longest = usize::from(longest).clamp(Pin::MIN_DIGITS, Pin::MAX_DIGITS);
        match (self.form, protected.reveal()) {
            (Form::Digits, text) if text.len() == longest + 1 => {
                let mut digits = Zeroizing::new(text.to_vec());
                digits.iter_mut().for_each(|digit| *digit -= b'0');
                ff1::decrypt(&self.key, account.reveal(), &mut digits);
                let length = usize::from(digits[0]) + Pin::MIN_DIGITS;
                let (pin, filling) = digits[1..].split_at_mut_checked(length)?;
                pin.iter_mut().for_each(|digit| *digit += b'0');
                let filled = filling.iter().all(|digit| *digit == 0);
                Pin::parse(pin).ok().filter(|_| filled)
            }
            (Form::Block, [b'J', block @ ..]) => {
                let mut bytes = [0; 16];
                hex::decode_to_slice(block, &mut bytes).ok()?;
                let pin = pin::decrypt_iso4(&self.key, bytes, &pan_of(account)).ok()?;
                (pin.reveal().len() <= longest).then_some(pin)
            }
            _ => None,
        }
    }
}

/// The account field as a PAN of 12 digits, so that a PIN is bound to the account however much of the PAN a
/// command has.
fn pan_of(account: &Account) -> Pan {
    Pan::parse(account.reveal()).expect("12 digits are a PAN")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u64) -> Account {
        Account::parse(format!("{number:012}").as_bytes()).unwrap()
    }

    fn forms() -> [PinLmk; 2] {
        [PinLmk::digits(&[0x31; 16]).unwrap(), PinLmk::block(&[0x31; 32]).unwrap()]
    }

    #[test]
    fn every_length_comes_back_for_its_account() {
        for lmk in forms() {
            for longest in 4..=12 {
                for length in 4..=usize::from(longest) {
                    let pin = Pin::parse(&b"907856341290"[..length]).unwrap();
                    let protected = lmk.protect(&pin, &account(7), longest, [9; 8]).unwrap();
                    let opened = lmk.open(&protected, &account(7), longest).unwrap();
                    assert_eq!(opened.reveal(), pin.reveal());
                }
            }
        }
    }

    #[test]
    fn a_pin_longer_than_the_setting_is_refused() {
        for lmk in forms() {
            let pin = Pin::parse(b"12345").unwrap();
            assert_eq!(lmk.protect(&pin, &account(7), 4, [9; 8]).unwrap_err(), PinError::Length);
            let protected = lmk.protect(&pin, &account(7), 5, [9; 8]).unwrap();
            assert!(lmk.open(&protected, &account(7), 4).is_none());
        }
    }

    #[test]
    fn another_account_does_not_give_the_pin() {
        let pin = Pin::parse(b"4938").unwrap();
        let [digits, block] = forms();
        let protected = digits.protect(&pin, &account(0), 12, [0; 8]).unwrap();
        let opened = |number| digits.open(&protected, &account(number), 12);
        let opened: Vec<_> = (1..2000).filter_map(opened).collect();
        assert!(opened.iter().all(|other| other.reveal() != pin.reveal()));
        assert!(opened.len() < 400, "most are refused: {}", opened.len());
        let protected = block.protect(&pin, &account(0), 12, [0; 8]).unwrap();
        assert!((1..2000).all(|number| block.open(&protected, &account(number), 12).is_none()));
    }

    #[test]
    fn one_pin_looks_different_for_each_account() {
        let pin = Pin::parse(b"1234").unwrap();
        for lmk in forms() {
            let [one, other] = [1, 2].map(|number| lmk.protect(&pin, &account(number), 12, [0; 8]).unwrap());
            assert!(one != other);
            assert!(!one.reveal().windows(4).any(|digits| digits == b"1234"));
        }
    }
}
