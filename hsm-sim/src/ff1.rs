//! Format-preserving encryption of decimal digits: FF1 of NIST SP 800-38G over AES.

use crate::aes_key::{AesKey, xor};
use zeroize::{Zeroize, Zeroizing};

/// Longest string of digits: each half of it fits a `u64`.
const LONGEST: usize = 20;

/// Encrypts 2 to 20 decimal digits, given as numbers from 0 to 9, in place.
pub(crate) fn encrypt(key: &AesKey, tweak: &[u8], digits: &mut [u8]) {
    let halves = Halves::new(digits.len());
    let (mut a, mut b) = halves.numbers(digits);
    for round in 0..ROUNDS {
        let mask = halves.round(key, tweak, round, b);
        let modulus = halves.modulus(round);
        let next = ((u128::from(a) + mask % u128::from(modulus)) % u128::from(modulus)) as u64;
        a = b;
        b = next;
    }
    halves.write(a, b, digits);
}

/// Decrypts what [`encrypt`] made, in place.
pub(crate) fn decrypt(key: &AesKey, tweak: &[u8], digits: &mut [u8]) {
    let halves = Halves::new(digits.len());
    let (mut a, mut b) = halves.numbers(digits);
    for round in (0..ROUNDS).rev() {
        let mask = halves.round(key, tweak, round, a);
        let modulus = u128::from(halves.modulus(round));
        let previous = ((u128::from(b) + modulus - mask % modulus) % modulus) as u64;
        b = a;
        a = previous;
    }
    halves.write(a, b, digits);
}

const ROUNDS: u8 = 10;

/// How many digits each half has.
struct Halves {
    left: usize,
    right: usize,
}

impl Halves {
    fn new(length: usize) -> Halves {
        assert!((2..=LONGEST).contains(&length), "2 to 20 digits");
        Halves { left: length / 2, right: length - length / 2 }
    }

    fn numbers(&self, digits: &[u8]) -> (u64, u64) {
        let number = |digits: &[u8]| digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit));
        (number(&digits[..self.left]), number(&digits[self.left..]))
    }

    fn write(&self, a: u64, b: u64, digits: &mut [u8]) {
        let (left, right) = digits.split_at_mut(self.left);
        for (half, mut number) in [(left, a), (right, b)] {
            for digit in half.iter_mut().rev() {
                *digit = (number % 10) as u8;
                number /= 10;
            }
        }
    }

    /// Ten to the number of digits of the half that this round changes.
    fn modulus(&self, round: u8) -> u64 {
        10u64.pow(if round.is_multiple_of(2) { self.left } else { self.right } as u32)
    }

    /// The round function: a CBC-MAC over lengths, tweak, number of the round and the other half.
    fn round(&self, key: &AesKey, tweak: &[u8], round: u8, half: u64) -> u128 {
        let length = self.left + self.right;
        let largest = 10u64.pow(self.right as u32) - 1;
        let width = (u64::BITS - largest.leading_zeros()).div_ceil(8) as usize;
        let taken = 4 * width.div_ceil(4) + 4;
        let mut message = Zeroizing::new(Vec::with_capacity(48 + tweak.len()));
        message.extend_from_slice(&[1, 2, 1, 0, 0, 10, ROUNDS, self.left as u8]);
        message.extend_from_slice(&(length as u32).to_be_bytes());
        message.extend_from_slice(&(tweak.len() as u32).to_be_bytes());
        message.extend_from_slice(tweak);
        let zeros = (16 - (tweak.len() + width + 1) % 16) % 16;
        message.extend(std::iter::repeat_n(0, zeros));
        message.push(round);
        message.extend_from_slice(&half.to_be_bytes()[8 - width..]);
        let blocks = message.as_chunks::<16>().0;
        let mut mac = blocks.iter().fold([0; 16], |state, block| key.encrypt(xor(state, *block)));
        let mask = mac[..taken].iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
        mac.zeroize();
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples 1 and 2 of the examples that NIST publishes with SP 800-38G.
    #[test]
    fn published_samples() {
        let key = AesKey::new(&hex::decode("2B7E151628AED2A6ABF7158809CF4F3C").unwrap()).unwrap();
        let tweak = hex::decode("39383736353433323130").unwrap();
        for (tweak, expect) in
            [(&[][..], [2, 4, 3, 3, 4, 7, 7, 4, 8, 4]), (&tweak[..], [6, 1, 2, 4, 2, 0, 0, 7, 7, 3])]
        {
            let mut digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
            encrypt(&key, tweak, &mut digits);
            assert_eq!(digits, expect);
            decrypt(&key, tweak, &mut digits);
            assert_eq!(digits, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
    }

    #[test]
    fn every_length_comes_back() {
        let key = AesKey::new(&[7; 16]).unwrap();
        for length in 2..=LONGEST {
            let clear: Vec<u8> = (0..length as u8).map(|digit| digit * 7 % 10).collect();
            let mut digits = clear.clone();
            encrypt(&key, b"tweak", &mut digits);
            assert!(digits.iter().all(|digit| *digit <= 9));
            decrypt(&key, b"tweak", &mut digits);
            assert_eq!(digits, clear);
        }
    }
}
