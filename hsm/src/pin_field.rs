use crate::reader::Reader;
use crate::{Account, ErrorCode, KeyField, PinBlockFormat};
use card::{AesPinBlock, Pan, PinBlock};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// An encrypted PIN block as commands and replies carry it. The PIN key decides: 16 hexadecimal digits
/// under TDES, 32 under AES, which is always [`PinBlockFormat::Iso4`].
#[derive(Clone, Debug)]
pub enum PinBlockField {
    /// Eight bytes.
    Tdes(PinBlock),
    /// Sixteen bytes.
    Aes(AesPinBlock),
}

/// A PIN encrypted under an LMK: 5 to 13 digits, one more than the longest PIN that the unit is set to, or
/// `J` and 32 hexadecimal digits under an AES LMK. `Debug` shows its name only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LmkPin {
    characters: [u8; LmkPin::LONGEST],
    length: u8,
}

/// A PIN in clear, as `BA` takes it: digits, filled with `F` to one more than the longest PIN that the
/// unit is set to. Wiped on drop; `Debug` shows its name only.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ClearPinField {
    characters: [u8; ClearPinField::LONGEST],
    length: u8,
}

impl PinBlockField {
    /// The bytes: 8 or 16.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        match self {
            PinBlockField::Tdes(block) => block.reveal(),
            PinBlockField::Aes(block) => block.reveal(),
        }
    }

    /// Whether a block of this length can have this format.
    #[must_use]
    pub fn fits(&self, format: PinBlockFormat) -> bool {
        matches!(self, PinBlockField::Aes(_)) == (format == PinBlockFormat::Iso4)
    }
}

impl From<PinBlock> for PinBlockField {
    fn from(block: PinBlock) -> PinBlockField {
        PinBlockField::Tdes(block)
    }
}

impl From<AesPinBlock> for PinBlockField {
    fn from(block: AesPinBlock) -> PinBlockField {
        PinBlockField::Aes(block)
    }
}

impl LmkPin {
    const LONGEST: usize = 33;

    /// Reads the characters; `None` when they are neither 5 to 13 digits nor `J` and 32 upper-case
    /// hexadecimal digits.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<LmkPin> {
        let legal = match text {
            [b'J', digits @ ..] => digits.len() == 32 && digits.iter().all(is_hex),
            digits => (5..=13).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        };
        let mut characters = [0; LmkPin::LONGEST];
        characters.get_mut(..text.len())?.copy_from_slice(text);
        legal.then_some(LmkPin { characters, length: text.len() as u8 })
    }

    /// The characters, for the message and for the HSM.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.characters[..usize::from(self.length)]
    }
}

impl ClearPinField {
    const LONGEST: usize = 13;

    /// Reads 5 to 13 characters, digits filled with `F` on the right; `None` for anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<ClearPinField> {
        let filling = text.iter().position(|character| *character == b'F')?;
        let (digits, filling) = text.split_at(filling);
        let legal = text.len() >= 5
            && digits.iter().all(u8::is_ascii_digit)
            && filling.iter().all(|character| *character == b'F');
        let mut characters = [0; ClearPinField::LONGEST];
        characters.get_mut(..text.len())?.copy_from_slice(text);
        legal.then_some(ClearPinField { characters, length: text.len() as u8 })
    }

    /// All characters, filling included.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.characters[..usize::from(self.length)]
    }

    /// The digits alone.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        let characters = self.reveal();
        let length = characters.iter().take_while(|character| character.is_ascii_digit()).count();
        &characters[..length]
    }
}

/// The block that arrived under this key: 32 hexadecimal digits under an AES key, which only a key block
/// can hold, otherwise 16.
pub(crate) fn parse_block(reader: &mut Reader<'_>, key: &KeyField<'_>) -> Result<PinBlockField, ErrorCode> {
    if key.is_aes() {
        reader.hex_bytes().map(AesPinBlock::new).map(PinBlockField::Aes)
    } else {
        reader.pin_block().map(PinBlockField::Tdes)
    }
}

/// The format of a block that came before it. Format 4 belongs to AES keys and no other does.
pub(crate) fn parse_format(
    reader: &mut Reader<'_>,
    block: &PinBlockField,
) -> Result<PinBlockFormat, ErrorCode> {
    let format = reader.pin_block_format()?;
    if block.fits(format) { Ok(format) } else { Err(ErrorCode::PIN_BLOCK_FORMAT) }
}

/// The account: 12 digits, or the whole PAN and `;` where a block of format 4 is bound to it.
pub(crate) fn parse_account(reader: &mut Reader<'_>, whole_pan: bool) -> Result<Account, ErrorCode> {
    if !whole_pan {
        return reader.account();
    }
    let pan = Pan::parse(reader.until(b';')?).map_err(|_| ErrorCode::ACCOUNT)?;
    // The block has room for one digit of length, counted from 12.
    if pan.len() < 12 { Err(ErrorCode::ACCOUNT) } else { Ok(Account::from(&pan)) }
}

/// As [`parse_account`]: without a PAN behind it the account stands for one of 12 digits, which opens no
/// block of the card.
pub(crate) fn write_account(out: &mut Vec<u8>, account: &Account, whole_pan: bool) {
    if !whole_pan {
        out.extend_from_slice(account.reveal());
        return;
    }
    match account.pan() {
        Some(pan) => out.extend_from_slice(&pan.reveal()),
        None => out.extend_from_slice(account.reveal()),
    }
    out.push(b';');
}

/// A PIN under the LMK that is followed by `after` characters, then by nothing of the command. Its length is
/// a setting of the unit and not on the wire, but all these fields are text, so that the end of the
/// command can be told: an LMK identifier or a trailer begins with a character that none of them has.
pub(crate) fn parse_lmk_pin(reader: &mut Reader<'_>, after: usize) -> Result<LmkPin, ErrorCode> {
    let length = reader.text_length().checked_sub(after).ok_or(ErrorCode::INPUT)?;
    LmkPin::parse(reader.take(length)?).ok_or(ErrorCode::LMK_PIN)
}

fn is_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

impl fmt::Debug for LmkPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LmkPin(****)")
    }
}

impl fmt::Debug for ClearPinField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClearPinField(****)")
    }
}
