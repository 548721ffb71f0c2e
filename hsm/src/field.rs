use crate::ErrorCode;
use card::Pan;
use std::fmt;

/// How PIN and account are laid out in a clear PIN block, by payShield format code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PinBlockFormat {
    /// `01`: ISO 9564-1 format 0 (ANSI X9.8), bound to the account.
    Iso0,
    /// `03`: Diebold and IBM ATM: the PIN, filled with `F`.
    Diebold,
    /// `05`: ISO 9564-1 format 1, filled at random, not bound to an account.
    Iso1,
    /// `47`: ISO 9564-1 format 3, as format 0 with a random filling.
    Iso3,
    /// `34`: ISO 9564-1 format 2, which a chip verifies offline: filled with `F`, not bound to an account.
    Iso2,
    /// `48`: ISO 9564-1 format 4: 16 bytes under an AES key, bound to the whole PAN.
    Iso4,
}

/// How many digits of a key check value are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KcvLength {
    /// Six, the form in which check values are usually exchanged.
    Six,
    /// All 16.
    Sixteen,
}

/// A key check value: leading digits of eight zero bytes encrypted under a TDES key, or of the CMAC of 16 zero
/// bytes under an AES key. No secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kcv {
    bytes: [u8; 8],
    length: KcvLength,
}

/// A message authentication code of four or eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac {
    bytes: [u8; 8],
    length: u8,
}

/// An authorisation response cryptogram: eight bytes by method 1, four by method 2.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arpc {
    bytes: [u8; 8],
    length: u8,
}

impl PinBlockFormat {
    /// Reads the two-digit code.
    ///
    /// # Errors
    /// 69 for a format that payShield knows but this crate does not, 23 for anything else.
    pub fn from_code(code: [u8; 2]) -> Result<PinBlockFormat, ErrorCode> {
        match &code {
            b"01" => Ok(PinBlockFormat::Iso0),
            b"03" => Ok(PinBlockFormat::Diebold),
            b"05" => Ok(PinBlockFormat::Iso1),
            b"47" => Ok(PinBlockFormat::Iso3),
            b"34" => Ok(PinBlockFormat::Iso2),
            b"48" => Ok(PinBlockFormat::Iso4),
            // Their layouts are not known well enough to build or open a block.
            b"02" | b"04" | b"35" | b"41" | b"42" => Err(ErrorCode::PIN_BLOCK_FORMAT_DISABLED),
            _ => Err(ErrorCode::PIN_BLOCK_FORMAT),
        }
    }

    /// The two-digit code.
    #[must_use]
    pub fn code(self) -> &'static [u8; 2] {
        match self {
            PinBlockFormat::Iso0 => b"01",
            PinBlockFormat::Diebold => b"03",
            PinBlockFormat::Iso1 => b"05",
            PinBlockFormat::Iso3 => b"47",
            PinBlockFormat::Iso2 => b"34",
            PinBlockFormat::Iso4 => b"48",
        }
    }
}

impl KcvLength {
    /// Number of hexadecimal digits.
    #[must_use]
    pub fn digits(self) -> usize {
        match self {
            KcvLength::Six => 6,
            KcvLength::Sixteen => 16,
        }
    }
}

impl Kcv {
    /// Of the full encrypted block, to be shown in `length` digits.
    #[must_use]
    pub fn new(encrypted_zeros: [u8; 8], length: KcvLength) -> Kcv {
        let mut bytes = [0; 8];
        let kept = length.digits() / 2;
        bytes[..kept].copy_from_slice(&encrypted_zeros[..kept]);
        Kcv { bytes, length }
    }

    /// The bytes shown: three or eight.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length.digits() / 2]
    }
}

impl Mac {
    /// Of four or eight bytes; `None` for any other number.
    #[must_use]
    pub fn new(mac: &[u8]) -> Option<Mac> {
        four_or_eight(mac).map(|(bytes, length)| Mac { bytes, length })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Arpc {
    /// Of four or eight bytes; `None` for any other number.
    #[must_use]
    pub fn new(arpc: &[u8]) -> Option<Arpc> {
        four_or_eight(arpc).map(|(bytes, length)| Arpc { bytes, length })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// A field of fixed length that must not be seen: `Debug` shows its name only.
macro_rules! masked {
    ($(#[$doc:meta])* $name:ident, $width:literal, $legal:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name([u8; $width]);

        impl $name {
            /// Reads the characters of the field; `None` when their number differs or one is not allowed.
            #[must_use]
            pub fn parse(text: &[u8]) -> Option<$name> {
                let legal: fn(&u8) -> bool = $legal;
                let text: [u8; $width] = text.try_into().ok()?;
                text.iter().all(legal).then_some($name(text))
            }

            /// The characters, for the message and for the HSM.
            #[must_use]
            pub fn reveal(&self) -> &[u8; $width] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(****)"))
            }
        }
    };
}

/// Account field of PIN commands: the 12 rightmost digits of the PAN without its check digit. Made from a
/// PAN it keeps that too, which goes to the wire in its place where a block has
/// [`PinBlockFormat::Iso4`]. `Debug` shows its name only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Account {
    digits: [u8; 12],
    pan: Option<Pan>,
}

masked! {
    /// Visa PIN verification value: four digits.
    Pvv, 4, u8::is_ascii_digit
}

masked! {
    /// IBM 3624 offset: digits filled with `F` on the right to 12 characters.
    PinOffset, 12, |byte| byte.is_ascii_digit() || *byte == b'F'
}

masked! {
    /// IBM 3624 validation data of 12 characters. `N` marks where the last five digits of the account
    /// field go; the result is filled with `F` to 16.
    ValidationData, 12, |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F' | b'N')
}

masked! {
    /// Decimalisation table: 16 digits in clear, one for each hexadecimal digit, or the same encrypted
    /// under the LMK and written in hexadecimal.
    DecimalisationTable, 16, |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

impl Account {
    /// Reads the 12 digits of the field; `None` when their number differs or one is none. The PAN behind
    /// them is not known then.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Account> {
        let digits: [u8; 12] = text.try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Account { digits, pan: None })
    }

    /// The 12 digits, for the message and for the HSM.
    #[must_use]
    pub fn reveal(&self) -> &[u8; 12] {
        &self.digits
    }

    /// The PAN that the field was made from, if it was.
    #[must_use]
    pub fn pan(&self) -> Option<Pan> {
        self.pan
    }
}

impl From<&Pan> for Account {
    fn from(pan: &Pan) -> Account {
        Account { digits: pan.account_number(), pan: Some(*pan) }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(****)")
    }
}

impl PinOffset {
    /// From up to 12 digits, filled with `F`; `None` when there are more or one is no digit.
    #[must_use]
    pub fn from_digits(digits: &[u8]) -> Option<PinOffset> {
        let mut offset = [b'F'; 12];
        offset.get_mut(..digits.len())?.copy_from_slice(digits);
        digits.iter().all(u8::is_ascii_digit).then_some(PinOffset(offset))
    }
}

impl DecimalisationTable {
    /// The usual table: `A` to `F` become `0` to `5`.
    pub const STANDARD: DecimalisationTable = DecimalisationTable(*b"0123456789012345");
}

fn four_or_eight(value: &[u8]) -> Option<([u8; 8], u8)> {
    let mut bytes = [0; 8];
    if !matches!(value.len(), 4 | 8) {
        return None;
    }
    bytes[..value.len()].copy_from_slice(value);
    Some((bytes, value.len() as u8))
}

/// The digits, as shown on key mailers.
impl fmt::Display for Kcv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

impl fmt::Debug for Kcv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kcv({self})")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(")?;
        write_hex(f, self.as_bytes())?;
        f.write_str(")")
    }
}

impl fmt::Debug for Arpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arpc(")?;
        write_hex(f, self.as_bytes())?;
        f.write_str(")")
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
}
