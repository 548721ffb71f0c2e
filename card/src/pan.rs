use std::fmt;

/// A primary account number: 1 to 19 digits (ISO/IEC 7812-1). Whether its length and check digit
/// are acceptable is a decision of the authorization core, so both are questions and not
/// conditions of existence.
///
/// `Debug` and `Display` show the first six and last four digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pan {
    number: u64,
    length: u8,
}

/// What two digits add to the Luhn sum: from the right, every second one counts double, less 9 above 9.
const LUHN_OF_PAIR: [u8; 100] = {
    let mut sums = [0; 100];
    let mut pair = 0;
    while pair < 100 {
        let doubled = pair / 10 * 2;
        sums[pair as usize] = pair % 10 + if doubled > 9 { doubled - 9 } else { doubled };
        pair += 1;
    }
    sums
};

/// By how many digits lie behind a prefix.
const POWERS_OF_TEN: [u64; Pan::MAX_DIGITS + 1] = {
    let mut powers = [1; Pan::MAX_DIGITS + 1];
    let mut place = 1;
    while place < powers.len() {
        powers[place] = powers[place - 1] * 10;
        place += 1;
    }
    powers
};

/// Why text is not a PAN. Holds no digit of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanError {
    /// No digits, or more than 19.
    Length,
    /// A character that is not a decimal digit, at this position (from 0).
    NotADigit(usize),
}

/// The digits of a PAN as ASCII, on the stack.
pub struct PanDigits {
    digits: [u8; Pan::MAX_DIGITS],
    length: u8,
}

impl Pan {
    /// Longest PAN of ISO/IEC 7812-1.
    pub const MAX_DIGITS: usize = 19;

    /// Reads ASCII digits.
    ///
    /// # Errors
    /// When there are none, more than 19, or a character is not a digit.
    pub fn parse(digits: &[u8]) -> Result<Pan, PanError> {
        if digits.is_empty() || digits.len() > Self::MAX_DIGITS {
            return Err(PanError::Length);
        }
        let mut number = 0u64;
        for (position, digit) in digits.iter().enumerate() {
            if !digit.is_ascii_digit() {
                return Err(PanError::NotADigit(position));
            }
            number = number * 10 + u64::from(digit - b'0');
        }
        Ok(Pan { number, length: digits.len() as u8 })
    }

    /// The clear digits. Every place that needs them says so by this word.
    #[must_use]
    pub fn reveal(&self) -> PanDigits {
        let mut digits = [b'0'; Self::MAX_DIGITS];
        let mut rest = self.number;
        for slot in digits[..usize::from(self.length)].iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        PanDigits { digits, length: self.length }
    }

    /// The digits as a number, for tables of very many: with [`len`](Pan::len) it is the whole PAN.
    #[must_use]
    pub fn reveal_number(&self) -> u64 {
        self.number
    }

    /// The PAN of [`reveal_number`](Pan::reveal_number) and [`len`](Pan::len); `None` when the number has more
    /// digits than that, or the length is none of a PAN.
    #[must_use]
    pub fn from_number(number: u64, length: u8) -> Option<Pan> {
        let fits = match length {
            1..=18 => number < 10u64.pow(u32::from(length)),
            19 => number < 10_000_000_000_000_000_000,
            _ => false,
        };
        fits.then_some(Pan { number, length })
    }

    /// Number of digits. A PAN is never empty.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// Whether the last digit is the Luhn check digit of those before it (ISO/IEC 7812-1 annex B).
    #[must_use]
    pub fn has_valid_check_digit(&self) -> bool {
        let (mut sum, mut rest) = (0, self.number);
        while rest != 0 {
            sum += u32::from(LUHN_OF_PAIR[(rest % 100) as usize]);
            rest /= 100;
        }
        sum.is_multiple_of(10)
    }

    /// Appends the Luhn check digit to `payload`, for card simulators and issuing tools.
    ///
    /// # Errors
    /// As [`Pan::parse`], for the number with its check digit.
    pub fn with_check_digit(payload: &[u8]) -> Result<Pan, PanError> {
        let mut digits = payload.to_vec();
        digits.push(b'0');
        let base = Pan::parse(&digits)?;
        (0..10)
            .map(|check| Pan { number: base.number + check, ..base })
            .find(Pan::has_valid_check_digit)
            .ok_or(PanError::Length)
    }

    /// Whether the PAN begins with these digits. A prefix longer than the PAN never matches.
    #[must_use]
    pub fn starts_with(&self, prefix: &str) -> bool {
        let Some(behind) = self.len().checked_sub(prefix.len()) else { return false };
        let mut head = self.number / POWERS_OF_TEN[behind];
        // A decision compares several prefixes: from the end, each digit costs one division by a constant.
        prefix.bytes().rev().all(|digit| {
            let same = u64::from(digit) == u64::from(b'0') + head % 10;
            head /= 10;
            same
        })
    }

    /// The account number field of PIN blocks and PIN commands: the 12 rightmost digits without the
    /// check digit, filled with zeros on the left (ISO 9564-1, payShield "account 12N").
    #[must_use]
    pub fn account_number(&self) -> [u8; 12] {
        let mut account = [b'0'; 12];
        let mut rest = self.number / 10;
        for slot in account.iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        account
    }

    /// A number that spreads PANs evenly, for choosing a shard. Not a secret-keeping hash.
    #[must_use]
    pub fn spread(&self) -> u64 {
        // Fibonacci hashing: neighbours in one BIN range land far apart.
        (self.number ^ u64::from(self.length)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 17
    }
}

impl std::ops::Deref for PanDigits {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }
}

impl PanDigits {
    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self).expect("a PAN holds ASCII digits only")
    }
}

/// First six and last four digits; of numbers too short for that to hide anything, the last four
/// or nothing.
impl fmt::Display for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.reveal();
        let (head, tail) = match digits.len() {
            13.. => (6, 4),
            9..=12 => (0, 4),
            _ => (0, 0),
        };
        for (index, digit) in digits.iter().enumerate() {
            let shown = index < head || index + tail >= digits.len();
            write!(f, "{}", if shown { char::from(*digit) } else { '*' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pan({self})")
    }
}

impl fmt::Display for PanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PanError::Length => write!(f, "a PAN has 1 to 19 digits"),
            PanError::NotADigit(position) => write!(f, "character {} is not a digit", position + 1),
        }
    }
}

impl std::error::Error for PanError {}

/// Serde form of a clear PAN, for records that are encrypted before they reach a disk. `Pan` itself
/// implements no `Serialize`, so that no JSON or log formatter can print it by accident; a field
/// opts in with `#[serde(with = "card::sealed_pan")]`.
pub mod sealed {
    use super::Pan;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    /// Writes number and length.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(pan: &Pan, serializer: S) -> Result<S::Ok, S::Error> {
        (pan.number, pan.length).serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// Those of the deserializer, and a number with more digits than its length.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pan, D::Error> {
        let (number, length) = <(u64, u8)>::deserialize(deserializer)?;
        Pan::from_number(number, length).ok_or_else(|| D::Error::custom("not a sealed PAN"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_with_what_its_digits_begin_with() {
        for digits in ["4", "4000001234567899", "0000001234567890123", "9999999999999999999"] {
            let pan = Pan::parse(digits.as_bytes()).unwrap();
            for end in 0..=digits.len() {
                let prefix = &digits[..end];
                assert!(pan.starts_with(prefix), "{prefix}");
                assert!(!pan.starts_with(&format!("{prefix}x")));
                if let Some(last) = prefix.bytes().last() {
                    let other = if last == b'9' { b'0' } else { last + 1 };
                    assert!(!pan.starts_with(&format!("{}{}", &prefix[..end - 1], char::from(other))));
                }
            }
            assert!(!pan.starts_with(&format!("{digits}0")));
        }
    }

    #[test]
    fn shows_first_six_and_last_four() {
        let check = |digits: &str, expect: &str| {
            let pan = Pan::parse(digits.as_bytes()).unwrap();
            assert_eq!(pan.to_string(), expect);
            assert_eq!(format!("{pan:?}"), format!("Pan({expect})"));
        };
        check("4000001234567899", "400000******7899");
        check("0000000000000000000", "000000*********0000");
        check("9999999999999999999", "999999*********9999");
        check("400000123456", "********3456");
        check("40000012", "********");
    }

    #[test]
    fn keeps_leading_zeros_and_every_length() {
        for length in 1..=19 {
            let digits = &b"0123456789012345678"[..length];
            assert_eq!(&*Pan::parse(digits).unwrap().reveal(), digits);
        }
        assert_eq!(&*Pan::parse(b"9999999999999999999").unwrap().reveal(), b"9999999999999999999");
    }

    #[test]
    fn check_digit() {
        // Test numbers that the schemes publish.
        for digits in ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"] {
            assert!(Pan::parse(digits.as_bytes()).unwrap().has_valid_check_digit(), "{digits}");
        }
        assert!(!Pan::parse(b"4111111111111112").unwrap().has_valid_check_digit());
        assert_eq!(&*Pan::with_check_digit(b"411111111111111").unwrap().reveal(), b"4111111111111111");
    }

    #[test]
    fn account_number_leaves_out_the_check_digit() {
        assert_eq!(&Pan::parse(b"4000001234567899").unwrap().account_number(), b"000123456789");
        assert_eq!(&Pan::parse(b"12345").unwrap().account_number(), b"000000001234");
    }

    #[test]
    fn refuses_what_is_no_number() {
        assert_eq!(Pan::parse(b""), Err(PanError::Length));
        assert_eq!(Pan::parse(&[b'1'; 20]), Err(PanError::Length));
        assert_eq!(Pan::parse(b"40000A"), Err(PanError::NotADigit(5)));
    }
}
