//! How cryptograms are made and answered, by scheme and cryptogram version: a table, so that a version is
//! added by a row and not by code.
//!
//! Sources: EMV Book 2 section 8; for each row public implementations (pyemv, jPOS, emv-utils) that agree.
//! **Mir has no row**: nothing of it is public, so its cryptograms are refused until its documents are
//! at hand. Versions without a row are refused, never guessed at.

use crate::request::Chip;
use arrayvec::ArrayVec;
use card::Scheme;

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Scheme and version as people say it.
    pub name: &'static str,
    /// Whose card it is; the BIN says so, the chip data alone cannot, but for [`IadLayout::CommonCore`], which any
    /// scheme may have.
    pub scheme: Scheme,
    /// The byte of the issuer application data that names the version.
    pub version: u8,
    /// Where that byte stands.
    pub layout: IadLayout,
    /// Which key makes the cryptogram, and which its answer.
    pub keys: CryptogramKeys,
    /// What the cryptogram covers behind the usual 33 bytes.
    pub tail: Tail,
    /// Whether one byte `80` follows the data (padding method 2); the HSM fills up with zeros.
    pub marked: bool,
    /// What the answer is made from.
    pub answer: ArpcBy,
    /// Why the row is not used, for those about which a fact is missing.
    pub off: Option<&'static str>,
}

/// How issuer application data (tag 9F10) is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IadLayout {
    /// Visa formats 0, 1 and 3: `06`, key index, version, `03`, CVR of three bytes, then more.
    Visa,
    /// Visa formats 2 and 4, 32 bytes: `1F`, version, key index, CVR of five bytes, then more.
    VisaLong,
    /// M/Chip, 18, 20, 26 or 28 bytes: key index, version, CVR of six bytes, two bytes, counters.
    MChip,
    /// UnionPay: `07`, key index, version, `03`, CVR of three bytes, algorithm `01` for TDES, then more.
    UnionPay,
    /// Common core definitions of EMV, 32 bytes: `0F`, version (common core identifier), key index, CVR of five bytes,
    /// counters of eight, `0F`, issuer's data of 15. The data say so themselves, whatever the scheme.
    CommonCore,
}

/// Which keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptogramKeys {
    /// The card's own key for both (payShield KQ, scheme 0).
    Card,
    /// A session key of counter and unpredictable number; the answer by the card's own key (KQ, scheme 1).
    MastercardSession,
    /// The common session key of EMV for both; the card's key by option A (KW, scheme 2).
    CommonSession,
    /// The same with the card's key by option B, which is option A up to 16 digits (KW, schemes 2 and 3).
    CommonSessionOptionB,
    /// The session key of PBOC for both (JS, which adds the padding itself).
    UnionPaySession,
}

/// What a cryptogram covers behind amount to counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// The card verification results, with their length byte where the layout has one.
    VerificationResults,
    /// The same and the counters.
    VerificationResultsAndCounters,
    /// All of the issuer application data.
    Everything,
}

/// What an ARPC is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpcBy {
    /// An authorization response code, method 1: eight bytes.
    Arc,
    /// A card status update, method 2: four bytes.
    Csu,
}

use ArpcBy::{Arc, Csu};
use CryptogramKeys::{Card, CommonSession, CommonSessionOptionB, MastercardSession, UnionPaySession};
use Tail::{Everything, VerificationResults, VerificationResultsAndCounters};

/// Every row.
#[rustfmt::skip]
pub static RECIPES: [Recipe; 10] = [
    row("Visa CVN 10", Scheme::Visa, 0x0A, IadLayout::Visa, Card, VerificationResults, false, Arc),
    Recipe {
        off: Some("what it covers is not confirmed by any open source"),
        ..row("Visa CVN 17", Scheme::Visa, 0x11, IadLayout::Visa, Card, VerificationResults, false, Arc)
    },
    row("Visa CVN 18", Scheme::Visa, 0x12, IadLayout::Visa, CommonSessionOptionB, Everything, true, Csu),
    row("Visa CVN 22", Scheme::Visa, 0x22, IadLayout::VisaLong, CommonSessionOptionB, Everything, true, Csu),
    row("Mastercard CVN 16", Scheme::Mastercard, 0x10, IadLayout::MChip, MastercardSession, VerificationResults, true, Arc),
    row("Mastercard CVN 17", Scheme::Mastercard, 0x11, IadLayout::MChip, MastercardSession, VerificationResultsAndCounters, true, Arc),
    row("Mastercard CVN 20", Scheme::Mastercard, 0x14, IadLayout::MChip, CommonSession, VerificationResults, true, Arc),
    row("Mastercard CVN 21", Scheme::Mastercard, 0x15, IadLayout::MChip, CommonSession, VerificationResultsAndCounters, true, Arc),
    row("UnionPay CVN 01", Scheme::UnionPay, 0x01, IadLayout::UnionPay, UnionPaySession, VerificationResults, false, Arc),
    row("Common core", Scheme::Private, 0xA5, IadLayout::CommonCore, CommonSession, Everything, true, Csu),
];

#[expect(clippy::too_many_arguments, reason = "the columns of a table")]
const fn row(
    name: &'static str,
    scheme: Scheme,
    version: u8,
    layout: IadLayout,
    keys: CryptogramKeys,
    tail: Tail,
    marked: bool,
    answer: ArpcBy,
) -> Recipe {
    Recipe { name, scheme, version, layout, keys, tail, marked, answer, off: None }
}

/// What issuer application data says of the cryptogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) recipe: &'static Recipe,
    /// Which of the issuer's master keys the card's key comes from.
    pub(crate) derivation_key_index: u8,
}

impl Recipe {
    /// The row of this name, such as `Visa CVN 18`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Recipe> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }

    /// The row and key index of a card's data; `None` when no row that is used fits.
    pub(crate) fn find(scheme: Scheme, issuer_application_data: &[u8]) -> Option<Version> {
        RECIPES.iter().filter(|recipe| recipe.is_of(scheme) && recipe.off.is_none()).find_map(|recipe| {
            let (version, derivation_key_index) = recipe.layout.read(issuer_application_data)?;
            (version == recipe.version).then_some(Version { recipe, derivation_key_index })
        })
    }

    fn is_of(&self, scheme: Scheme) -> bool {
        self.scheme == scheme || self.layout == IadLayout::CommonCore
    }

    /// The version that a card's data names where it is laid out as a row of the scheme says, whether or not there is
    /// a row of that version.
    pub(crate) fn version_byte(scheme: Scheme, issuer_application_data: &[u8]) -> Option<u8> {
        let of_scheme = RECIPES.iter().filter(|recipe| recipe.is_of(scheme));
        let mut versions = of_scheme.filter_map(|recipe| recipe.layout.read(issuer_application_data));
        versions.next().map(|(version, _)| version)
    }

    /// The bytes under the cryptogram, up to the zeros that the HSM adds.
    pub(crate) fn transaction_bytes(&self, chip: &Chip) -> ArrayVec<u8, 96> {
        let mut bytes = ArrayVec::new();
        let mut add = |part: &[u8]| bytes.try_extend_from_slice(part).expect("33 + 32 + 1 bytes fit in 96");
        add(&chip.amount_authorised);
        add(&chip.amount_other);
        add(&chip.terminal_country);
        add(&chip.tvr);
        add(&chip.currency);
        add(&chip.date);
        add(&[chip.transaction_type]);
        add(&chip.unpredictable_number);
        add(&chip.aip);
        add(&chip.atc.to_be_bytes());
        let data = chip.issuer_application_data.as_slice();
        match self.tail {
            Everything => add(data),
            VerificationResults => add(self.layout.verification_results(data)),
            VerificationResultsAndCounters => {
                add(self.layout.verification_results(data));
                add(self.layout.counters(data));
            }
        }
        if self.marked {
            add(&[0x80]);
        }
        bytes
    }
}

impl IadLayout {
    /// Version and key index; `None` when the data is laid out in another way.
    fn read(self, data: &[u8]) -> Option<(u8, u8)> {
        match (self, data) {
            (IadLayout::Visa, [0x06, index, version, 0x03, _, _, _, ..]) => Some((*version, *index)),
            (IadLayout::VisaLong, [0x1F, version, index, ..]) if data.len() == 32 => Some((*version, *index)),
            (IadLayout::MChip, [index, version, ..]) if matches!(data.len(), 18 | 20 | 26 | 28) => {
                Some((*version, *index))
            }
            (IadLayout::UnionPay, [0x07, index, version, 0x03, _, _, _, 0x01, ..]) => {
                Some((*version, *index))
            }
            (IadLayout::CommonCore, [0x0F, version, index, ..]) if data.len() == 32 && data[16] == 0x0F => {
                Some((*version, *index))
            }
            _ => None,
        }
    }

    fn verification_results(self, data: &[u8]) -> &[u8] {
        let place = match self {
            IadLayout::Visa | IadLayout::UnionPay => 3..7,
            IadLayout::VisaLong | IadLayout::CommonCore => 3..8,
            IadLayout::MChip => 2..8,
        };
        data.get(place).unwrap_or_default()
    }

    /// Eight bytes of M/Chip, or 16 in M/Chip Advance.
    fn counters(self, data: &[u8]) -> &[u8] {
        let end = match (self, data.len()) {
            (IadLayout::MChip, 18 | 20) => 18,
            (IadLayout::MChip, 26 | 28) => 26,
            _ => return &[],
        };
        data.get(10..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chip(issuer_application_data: &[u8]) -> Chip {
        Chip {
            amount_authorised: [0, 0, 0, 0, 0x99, 0x99],
            amount_other: [0; 6],
            terminal_country: [0x08, 0x40],
            tvr: [0x80, 0, 0x04, 0x80, 0],
            currency: [0x08, 0x40],
            date: [0x99, 0x12, 0x31],
            transaction_type: 1,
            unpredictable_number: [0x52, 0xBF, 0x45, 0x85],
            aip: [0x18, 0],
            atc: 0x0FFF,
            issuer_application_data: issuer_application_data.iter().copied().collect(),
            cryptogram: [0; 8],
            cryptogram_information: 0x80,
            cvm_results: None,
            terminal_qualifiers: None,
            card_qualifiers: None,
            script_results: ArrayVec::new(),
        }
    }

    #[test]
    fn cryptogram_covers_what_the_row_says() {
        let check = |scheme, name, iad: &str, index, tail: &str| {
            let iad = bytes(iad);
            let found = Recipe::find(scheme, &iad).unwrap_or_else(|| panic!("no row for {name}"));
            assert_eq!((found.recipe.name, found.derivation_key_index), (name, index));
            let covered = found.recipe.transaction_bytes(&chip(&iad));
            assert_eq!(covered[29..33], [0x18, 0, 0x0F, 0xFF]);
            assert_eq!(covered[33..], bytes(tail), "{name}");
        };
        let visa = Scheme::Visa;
        check(visa, "Visa CVN 10", "06010A03A0B800", 1, "03A0B800");
        check(visa, "Visa CVN 18", "06011203A0B800", 1, "06011203A0B80080");
        let long = format!("1F2207{}", "A5".repeat(29));
        check(visa, "Visa CVN 22", &long, 7, &format!("{long}80"));
        let mastercard = Scheme::Mastercard;
        let (cvr, rest) = ("608003220000", "B6A4");
        let counters = "1122334455667788";
        check(mastercard, "Mastercard CVN 16", &format!("0110{cvr}{rest}{counters}"), 1, &format!("{cvr}80"));
        check(
            mastercard,
            "Mastercard CVN 17",
            &format!("0211{cvr}{rest}{counters}0000"),
            2,
            &format!("{cvr}{counters}80"),
        );
        check(mastercard, "Mastercard CVN 20", &format!("0614{cvr}{rest}{counters}"), 6, &format!("{cvr}80"));
        check(
            mastercard,
            "Mastercard CVN 21",
            &format!("0115{cvr}{rest}{counters}{counters}"),
            1,
            &format!("{cvr}{counters}{counters}80"),
        );
        check(Scheme::UnionPay, "UnionPay CVN 01", "07010103A0A00001", 1, "03A0A000");
        let core = format!("0FA503A00000000011223344556677880F{}", "00".repeat(15));
        for scheme in [Scheme::Private, Scheme::Humo, Scheme::Visa] {
            check(scheme, "Common core", &core, 3, &format!("{core}80"));
        }
    }

    #[test]
    fn what_has_no_row_is_not_guessed() {
        let none = |scheme, iad: &str| assert_eq!(Recipe::find(scheme, &bytes(iad)), None, "{iad}");
        // CVN 17 is off, and the wrong length, layout or scheme is no row.
        for iad in ["06011103000000", "06010A030000", "", "07010103A0A00001", "06011603A0B800"] {
            none(Scheme::Visa, iad);
        }
        none(Scheme::Mastercard, "06010A03A0B800");
        none(Scheme::Mastercard, &format!("0112{}", "00".repeat(16)));
        none(Scheme::Mastercard, &format!("0110{}", "00".repeat(15)));
        none(Scheme::UnionPay, "07010103A0A00004");
        none(Scheme::Private, "06010A03A0B800");
        // AES, another length, and no mark in the middle.
        let rest = "00".repeat(15);
        none(Scheme::Private, &format!("0FA603A00000000011223344556677880F{rest}"));
        none(Scheme::Private, "0FA503A0000000001122334455667788");
        none(Scheme::Private, &format!("0FA503A000000000112233445566778800{rest}"));
    }

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}
