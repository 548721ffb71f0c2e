use crate::particulars::{AddressDigits, HolderName, PostalCode};
use arrayvec::ArrayString;
use card::Pan;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is known of the holder of a card, to compare with what messages tell. All of it is replaced together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// What is known.
    pub facts: HolderFacts,
}

/// The facts about a holder. What is `None` is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderFacts {
    /// Name.
    pub name: Option<HolderName>,
    /// Digits of the address.
    pub address: Option<AddressDigits>,
    /// Postal code.
    pub postal_code: Option<PostalCode>,
    /// The key of the codes that sign orders (PIN-2), as the HSM gave it out: under its LMK.
    pub order_key: Option<OrderKey>,
}

/// A key under the LMK: scheme letter and hexadecimal digits, or a key block.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderKey(ArrayString<128>);

impl OrderKey {
    /// Takes 16 to 128 printable characters; whether they are a key is the HSM's to say.
    #[must_use]
    pub fn new(text: &str) -> Option<OrderKey> {
        let printable = text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if printable { ArrayString::from(text).ok().map(OrderKey) } else { None }
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderKey(****)")
    }
}

/// A change of what is known of a holder, asked for. What it leaves out stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderChange {
    /// The card.
    pub pan: Pan,
    /// What is known from now on; `None` forgets all of it.
    pub facts: Option<HolderFacts>,
}

/// The card of a holder is not on file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchCard;

impl fmt::Display for NoSuchCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pan: the card is not on file")
    }
}
