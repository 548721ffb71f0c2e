//! What a message may tell beside the usual, mostly about a purchase without the card: who the holder is and where,
//! the value printed on the card, what an authentication of the holder said, where the order comes from.

use crate::counters::Scope;
use arrayvec::{ArrayString, ArrayVec};
use card::{AuthenticationValue, Cvv};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the message tells. Nothing of it enters a record but what [`Traces`] and
/// [`Told`](crate::Told) say.
#[derive(Clone, Debug, Default)]
pub struct Particulars {
    /// The value printed on the card (CVV2, CVC2).
    pub cvv2: Option<Cvv2>,
    /// The holder's name.
    pub holder_name: Option<HolderName>,
    /// The number that the chip (5A, else 57) or track 1 gives, where it is another one than the message's.
    pub chip_pan: Option<card::Pan>,
    /// Whether an address or a postal code came, even one that cannot be compared.
    pub asks_address: bool,
    /// Digits of the billing address.
    pub address: Option<AddressDigits>,
    /// Postal code of the billing address.
    pub postal_code: Option<PostalCode>,
    /// What 3-D Secure said.
    pub authentication: Option<Authentication>,
    /// The value that it gave out, where it is one of the usual length.
    pub authentication_value: Option<AuthenticationValue>,
    /// Where the order comes from.
    pub traces: Traces,
    /// The order and its signature.
    pub order: Option<Box<Order>>,
}

/// What came in the place of the printed value.
#[derive(Clone, Debug)]
pub enum Cvv2 {
    /// The value.
    Value(Cvv),
    /// Four digits, which are a value on cards of American Express alone (4DBC, CID). How to verify it is in no
    /// public document, so they are not kept.
    FourDigits,
    /// Something that is no value.
    Illegible,
}

impl Cvv2 {
    /// Reads what stands in the place of the printed value.
    #[must_use]
    pub fn read(text: &[u8]) -> Cvv2 {
        match Cvv::parse(text) {
            Ok(cvv) => Cvv2::Value(cvv),
            Err(_) if text.len() == 4 && text.iter().all(u8::is_ascii_digit) => Cvv2::FourDigits,
            Err(_) => Cvv2::Illegible,
        }
    }
}

/// What 3-D Secure said, as the message carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    /// Electronic commerce indicator: two digits as sent.
    pub indicator: Option<u8>,
    /// Whether an authentication value (CAVV, AAV) came with it.
    pub has_value: bool,
    /// Whether something came in its place that is none, which proves nothing.
    pub malformed: bool,
}

/// Keyed hashes of where an order comes from: equal ones come from the same place, and nobody finds the place by
/// them. A record keeps those that a limit counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traces {
    /// IP address of whoever orders.
    pub ip: Option<u64>,
    /// Domain of the e-mail address.
    pub email: Option<u64>,
    /// Address where the goods go.
    pub address: Option<u64>,
}

impl Traces {
    /// The hash that a scope of limits goes by.
    pub(crate) fn of(&self, scope: Scope) -> Option<u64> {
        match scope {
            Scope::Ip => self.ip,
            Scope::Email => self.email,
            Scope::Address => self.address,
            _ => None,
        }
    }

    /// Three hashes of nine bytes: whether there is one, and which.
    #[must_use]
    pub fn to_bytes(&self) -> Option<[u8; 27]> {
        let all = [self.ip, self.email, self.address];
        if all == [None; 3] {
            return None;
        }
        let mut bytes = [0; 27];
        for (slot, trace) in bytes.chunks_exact_mut(9).zip(all) {
            slot[0] = u8::from(trace.is_some());
            slot[1..].copy_from_slice(&trace.unwrap_or(0).to_le_bytes());
        }
        Some(bytes)
    }

    /// Reads what [`to_bytes`](Traces::to_bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Traces> {
        let ([ip, email, address], []) = bytes.as_chunks::<9>() else { return None };
        let trace = |[there, hash @ ..]: &[u8; 9]| (*there == 1).then(|| u64::from_le_bytes(*hash));
        Some(Traces { ip: trace(ip), email: trace(email), address: trace(address) })
    }
}

/// An order and the code that signs it (PIN-2).
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    /// What is ordered, in the words of the merchant's system.
    pub text: ArrayVec<u8, 256>,
    /// The code: sixteen hexadecimal digits.
    pub code: [u8; 8],
}

/// The code is as good as a signature.
impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order({} bytes, ****)", self.text.len())
    }
}

macro_rules! holder_text {
    ($(#[$doc:meta])* $name:ident, $capacity:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name(ArrayString<$capacity>);

        impl $name {
            /// The text as it is compared.
            #[must_use]
            pub fn reveal(&self) -> &str {
                &self.0
            }
        }

        /// Who somebody is and where has no place in a log.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(****)"))
            }
        }
    };
}

holder_text! {
    /// A holder's name as it is compared: its words in capital letters `A` to `Z`, in alphabetical order, with a blank
    /// between them; titles of track 1 behind a full stop are left out. So `MUSTER/ERIKA.MS` of a track, and
    /// `Erika Muster` of a form, are the same.
    HolderName, 40
}

holder_text! {
    /// The first eight digits of an address line: `Flat 3, 12 High St` is `312`.
    AddressDigits, 8
}

holder_text! {
    /// Letters and digits of a postal code, in capitals: `sw1a-1aa` is `SW1A1AA`.
    PostalCode, 10
}

impl HolderName {
    /// Reads a name; `None` when it has no letter that can be compared.
    #[must_use]
    pub fn read(text: &str) -> Option<HolderName> {
        // Track 1: surname, slash, first name, full stop, title.
        let named = if text.contains('/') { text.split('.').next().unwrap_or_default() } else { text };
        let mut letters = ArrayString::<80>::new();
        for letter in named.chars() {
            let plain = plain(letter);
            let written = if plain.is_empty() { " " } else { plain };
            if letters.try_push_str(written).is_err() {
                break;
            }
        }
        let mut words: ArrayVec<&str, 16> =
            letters.split(' ').filter(|word| !word.is_empty()).take(16).collect();
        words.sort_unstable();
        let mut name = ArrayString::new();
        for word in words {
            if !name.is_empty() && name.try_push(' ').is_err() {
                break;
            }
            let fits = word.len().min(name.remaining_capacity());
            name.push_str(&word[..fits]);
        }
        let name: ArrayString<40> = name;
        (!name.trim_end().is_empty()).then_some(HolderName(name))
    }
}

/// The capital letters of `A` to `Z` that a letter is written with where there are no others; nothing for what is no
/// letter. Latin letters with marks lose them; other alphabets cannot be compared.
fn plain(letter: char) -> &'static str {
    const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let upper = letter.to_ascii_uppercase();
    if upper.is_ascii_uppercase() {
        let place = upper as usize - 'A' as usize;
        return &CAPITALS[place..=place];
    }
    match letter {
        'À'..='Å' | 'à'..='å' | 'Ā' | 'ā' | 'Ă' | 'ă' | 'Ą' | 'ą' => "A",
        'Æ' | 'æ' => "AE",
        'Ç' | 'ç' | 'Ć' | 'ć' | 'Č' | 'č' => "C",
        'Ð' | 'ð' | 'Ď' | 'ď' | 'Đ' | 'đ' => "D",
        'È'..='Ë' | 'è'..='ë' | 'Ē' | 'ē' | 'Ė' | 'ė' | 'Ę' | 'ę' | 'Ě' | 'ě' => "E",
        'Ğ' | 'ğ' => "G",
        'Ì'..='Ï' | 'ì'..='ï' | 'Ī' | 'ī' | 'İ' | 'ı' => "I",
        'Ł' | 'ł' => "L",
        'Ñ' | 'ñ' | 'Ń' | 'ń' | 'Ň' | 'ň' => "N",
        'Ò'..='Ö' | 'ò'..='ö' | 'Ø' | 'ø' | 'Ő' | 'ő' => "O",
        'Œ' | 'œ' => "OE",
        'Ř' | 'ř' => "R",
        'Ś' | 'ś' | 'Š' | 'š' | 'Ş' | 'ş' => "S",
        'ß' => "SS",
        'Ť' | 'ť' | 'Ţ' | 'ţ' => "T",
        'Þ' | 'þ' => "TH",
        'Ù'..='Ü' | 'ù'..='ü' | 'Ū' | 'ū' | 'Ů' | 'ů' | 'Ű' | 'ű' => "U",
        'Ý' | 'ý' | 'ÿ' => "Y",
        'Ź' | 'ź' | 'Ż' | 'ż' | 'Ž' | 'ž' => "Z",
        _ => "",
    }
}

impl AddressDigits {
    /// Reads an address line, or what of it a message carries; `None` without a digit.
    #[must_use]
    pub fn read(text: &str) -> Option<AddressDigits> {
        let mut digits = ArrayString::new();
        text.chars().filter(char::is_ascii_digit).take(8).for_each(|digit| digits.push(digit));
        (!digits.is_empty()).then_some(AddressDigits(digits))
    }
}

impl PostalCode {
    /// Reads a postal code; `None` without a letter or digit.
    #[must_use]
    pub fn read(text: &str) -> Option<PostalCode> {
        let mut code = ArrayString::new();
        let letters = text.chars().filter(char::is_ascii_alphanumeric).take(10);
        letters.for_each(|letter| code.push(letter.to_ascii_uppercase()));
        (!code.is_empty()).then_some(PostalCode(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_words() {
        let check = |text: &str, expect: Option<&str>| {
            let name = HolderName::read(text);
            assert_eq!(name.as_ref().map(HolderName::reveal), expect, "{text}");
            assert!(!format!("{name:?}").contains("MUSTER"));
        };
        check("MUSTER/ERIKA.MS", Some("ERIKA MUSTER"));
        check("Erika Muster", Some("ERIKA MUSTER"));
        check("  müster,  ERIKA-maria ", Some("ERIKA MARIA MUSTER"));
        check("O'Brien Seán", Some("BRIEN O SEAN"));
        check("Straße Jürgen", Some("JURGEN STRASSE"));
        check("J. P. Muster", Some("J MUSTER P"));
        check("", None);
        check("  /", None);
        check("Иванов", None);
        let long = "ABCDEFGHIJ ".repeat(9);
        assert_eq!(HolderName::read(&long).unwrap().reveal().len(), 40);
    }

    #[test]
    fn addresses_are_compared_by_digits_and_postal_codes_by_letters_and_digits() {
        let address = |text: &str| AddressDigits::read(text).map(|digits| digits.reveal().to_owned());
        assert_eq!(address("Flat 3, 12 High St").as_deref(), Some("312"));
        assert_eq!(address("1234567890").as_deref(), Some("12345678"));
        assert_eq!(address("High Street"), None);
        let postal = |text: &str| PostalCode::read(text).map(|code| code.reveal().to_owned());
        assert_eq!(postal("sw1a 1aa").as_deref(), Some("SW1A1AA"));
        assert_eq!(postal("94105-1804").as_deref(), Some("941051804"));
        assert_eq!(postal(" - "), None);
    }
}
