use crate::field::{Account, PinBlockFormat};
use crate::{ErrorCode, KeyField, KeyFieldError, KeyScheme, KeyType};
use card::PinBlock;

/// Reads the fields of a command or reply from the front. Fields are cut by length, never by searching:
/// a binary field may hold any delimiter. Each refusal is the error code to answer.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Everything that was not read yet, left in place.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// What is not read yet, without taking it.
    pub(crate) fn peek_rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], ErrorCode> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(ErrorCode::INPUT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// How many bytes come before an LMK identifier or a trailer. Only where every field up to there is text
    /// that holds neither `%` nor EM.
    pub(crate) fn text_length(&self) -> usize {
        self.rest.iter().position(|byte| matches!(byte, b'%' | 0x19)).unwrap_or(self.rest.len())
    }

    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ErrorCode> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ErrorCode::INPUT)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Takes the byte when it comes next.
    pub(crate) fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), ErrorCode> {
        if self.accept(byte) { Ok(()) } else { Err(ErrorCode::INPUT) }
    }

    /// The bytes before `delimiter`, which is taken too. For text fields of open length only.
    pub(crate) fn until(&mut self, delimiter: u8) -> Result<&'a [u8], ErrorCode> {
        let length = self.rest.iter().position(|byte| *byte == delimiter).ok_or(ErrorCode::INPUT)?;
        let taken = self.take(length)?;
        self.expect(delimiter)?;
        Ok(taken)
    }

    /// `N` decimal digits, as characters.
    pub(crate) fn digits<const N: usize>(&mut self) -> Result<[u8; N], ErrorCode> {
        let digits = self.array::<N>()?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(digits) } else { Err(ErrorCode::INPUT) }
    }

    /// `N` upper-case hexadecimal digits, as characters.
    pub(crate) fn hex_digits<const N: usize>(&mut self) -> Result<[u8; N], ErrorCode> {
        let digits = self.array::<N>()?;
        if digits.iter().all(|digit| nibble(*digit).is_ok()) { Ok(digits) } else { Err(ErrorCode::INPUT) }
    }

    /// A decimal number of `N` digits.
    pub(crate) fn decimal<const N: usize>(&mut self) -> Result<u16, ErrorCode> {
        const { assert!(N <= 4) };
        Ok(self.digits::<N>()?.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
    }

    /// A decimal number of one or two digits.
    pub(crate) fn small_decimal<const N: usize>(&mut self) -> Result<u8, ErrorCode> {
        const { assert!(N <= 2) };
        Ok(self.digits::<N>()?.iter().fold(0, |number, digit| number * 10 + (digit - b'0')))
    }

    /// A length in `N` hexadecimal digits.
    pub(crate) fn hex_length<const N: usize>(&mut self) -> Result<usize, ErrorCode> {
        const { assert!(N <= 4) };
        let digits = self.array::<N>()?;
        digits.iter().try_fold(0, |length, digit| Ok(length * 16 + usize::from(nibble(*digit)?)))
    }

    /// `N` bytes written as twice as many hexadecimal digits.
    pub(crate) fn hex_bytes<const N: usize>(&mut self) -> Result<[u8; N], ErrorCode> {
        let mut bytes = [0; N];
        let digits = self.take(N * 2)?;
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(bytes)
    }

    pub(crate) fn pin_block(&mut self) -> Result<PinBlock, ErrorCode> {
        self.hex_bytes().map(PinBlock::new)
    }

    pub(crate) fn account(&mut self) -> Result<Account, ErrorCode> {
        Account::parse(&self.array::<12>()?).ok_or(ErrorCode::ACCOUNT)
    }

    pub(crate) fn pin_block_format(&mut self) -> Result<PinBlockFormat, ErrorCode> {
        PinBlockFormat::from_code(self.array()?)
    }

    pub(crate) fn key_type(&mut self) -> Result<KeyType, ErrorCode> {
        KeyType::parse(self.take(3)?).ok_or(ErrorCode::KEY_TYPE_CODE)
    }

    /// A key type, or `None` for `FFF`: "as the key block says".
    pub(crate) fn key_type_or_any(&mut self) -> Result<Option<KeyType>, ErrorCode> {
        if self.rest.starts_with(b"FFF") {
            self.rest = &self.rest[3..];
            return Ok(None);
        }
        self.key_type().map(Some)
    }

    pub(crate) fn key_scheme(&mut self) -> Result<KeyScheme, ErrorCode> {
        let [letter] = self.array()?;
        KeyScheme::from_letter(letter).ok_or(ErrorCode::KEY_SCHEME)
    }

    /// A key; without a scheme letter it has `plain_digits` digits.
    pub(crate) fn key(&mut self, plain_digits: usize) -> Result<KeyField<'a>, ErrorCode> {
        let (key, rest) = KeyField::split(self.rest, plain_digits).map_err(|error| match error {
            KeyFieldError::Scheme => ErrorCode::KEY_SCHEME,
            KeyFieldError::Length | KeyFieldError::Character => ErrorCode::INPUT,
        })?;
        self.rest = rest;
        Ok(key)
    }
}

fn nibble(digit: u8) -> Result<u8, ErrorCode> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ErrorCode::INPUT),
    }
}
