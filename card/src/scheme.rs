use crate::Pan;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Whose rules a card follows. Decides how its chip data is read and which cryptogram recipe
/// applies (`EMV` issuer application data has no self-describing form).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// An issuer's own cards without a chip recipe.
    Private,
    /// UnionPay.
    UnionPay,
    /// Mir.
    Mir,
    /// `UzCard`.
    UzCard,
    /// HUMO.
    Humo,
    /// Maestro.
    Maestro,
    /// American Express.
    Amex,
    /// Discover.
    Discover,
    /// JCB.
    Jcb,
    /// Diners Club International.
    Diners,
    /// Union Card. Its ranges are not public: a product has to name its own.
    UnionCard,
}

/// Numbers that a scheme gives to its issuers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemeRange {
    /// The scheme.
    pub scheme: Scheme,
    /// First and last leading digits, both of the same length.
    pub digits: RangeInclusive<&'static str>,
    /// How many digits a whole number may have.
    pub lengths: &'static [u8],
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Scheme; 13] = [
        Scheme::Visa,
        Scheme::Mastercard,
        Scheme::Private,
        Scheme::UnionPay,
        Scheme::Mir,
        Scheme::UzCard,
        Scheme::Humo,
        Scheme::Maestro,
        Scheme::Amex,
        Scheme::Discover,
        Scheme::Jcb,
        Scheme::Diners,
        Scheme::UnionCard,
    ];

    /// The word used in configuration and rules.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Visa => "visa",
            Scheme::Mastercard => "mastercard",
            Scheme::Private => "private",
            Scheme::UnionPay => "unionpay",
            Scheme::Mir => "mir",
            Scheme::UzCard => "uzcard",
            Scheme::Humo => "humo",
            Scheme::Maestro => "maestro",
            Scheme::Amex => "amex",
            Scheme::Discover => "discover",
            Scheme::Jcb => "jcb",
            Scheme::Diners => "diners",
            Scheme::UnionCard => "unioncard",
        }
    }

    /// How many digits the scheme's card numbers with this beginning may have. A beginning that none of the
    /// scheme's public ranges has is an issuer's own affair: any length of a payment card.
    #[must_use]
    pub fn lengths(self, beginning: &str) -> &'static [u8] {
        let known = RANGES.iter().find(|range| range.scheme == self && range.meets(beginning.as_bytes()));
        known.map_or(ANY_LENGTH, |range| range.lengths)
    }

    /// The other scheme in whose public ranges numbers with this beginning are. `None` for schemes that have no
    /// public ranges of their own, whose numbers may be anywhere.
    #[must_use]
    pub fn other_owner(self, beginning: &str) -> Option<Scheme> {
        RANGES.iter().find(|range| range.scheme == self)?;
        let other = |range: &&SchemeRange| range.scheme != self && range.meets(beginning.as_bytes());
        RANGES.iter().find(other).map(|range| range.scheme)
    }
}

impl SchemeRange {
    /// The range of a card number; of several the one with the longest leading digits. `None` where no
    /// scheme's public range has it.
    #[must_use]
    pub fn of(pan: &Pan) -> Option<&'static SchemeRange> {
        let digits = pan.reveal();
        let holding = RANGES.iter().filter(|range| range.holds(&digits));
        holding.max_by_key(|range| range.digits.start().len())
    }

    /// Whether some number with this beginning is in the range.
    fn meets(&self, beginning: &[u8]) -> bool {
        let width = self.digits.start().len().min(beginning.len());
        let [first, last] = [self.digits.start(), self.digits.end()].map(|end| &end.as_bytes()[..width]);
        (first..=last).contains(&&beginning[..width])
    }

    fn holds(&self, digits: &[u8]) -> bool {
        let width = self.digits.start().len();
        digits.get(..width).is_some_and(|leading| {
            (self.digits.start().as_bytes()..=self.digits.end().as_bytes()).contains(&leading)
        })
    }
}

/// ISO/IEC 7812-1 allows 8 to 19 digits; payment cards have at least 12.
const ANY_LENGTH: &[u8] = &[12, 13, 14, 15, 16, 17, 18, 19];
const FROM_16: &[u8] = &[16, 17, 18, 19];
const FROM_14: &[u8] = &[14, 15, 16, 17, 18, 19];

/// Ranges as they are publicly listed (ISO/IEC 7812 issuer identification numbers; the collections of them agree on
/// these). UnionPay's co-branded ranges of Discover are UnionPay's here.
static RANGES: &[SchemeRange] = &[
    range(Scheme::Visa, "4", "4", &[13, 16, 19]),
    range(Scheme::Mastercard, "51", "55", &[16]),
    range(Scheme::Mastercard, "2221", "2720", &[16]),
    range(Scheme::Mir, "2200", "2204", FROM_16),
    range(Scheme::UnionPay, "62", "62", FROM_16),
    range(Scheme::UnionPay, "81", "81", FROM_16),
    range(Scheme::UzCard, "8600", "8600", &[16]),
    range(Scheme::UzCard, "5614", "5614", &[16]),
    range(Scheme::Humo, "9860", "9860", &[16]),
    range(Scheme::Maestro, "5018", "5018", ANY_LENGTH),
    range(Scheme::Maestro, "5020", "5020", ANY_LENGTH),
    range(Scheme::Maestro, "5038", "5038", ANY_LENGTH),
    range(Scheme::Maestro, "5893", "5893", ANY_LENGTH),
    range(Scheme::Maestro, "6304", "6304", ANY_LENGTH),
    range(Scheme::Maestro, "6759", "6759", ANY_LENGTH),
    range(Scheme::Maestro, "6761", "6763", ANY_LENGTH),
    range(Scheme::Amex, "34", "34", &[15]),
    range(Scheme::Amex, "37", "37", &[15]),
    range(Scheme::Discover, "6011", "6011", FROM_16),
    range(Scheme::Discover, "644", "649", FROM_16),
    range(Scheme::Discover, "65", "65", FROM_16),
    range(Scheme::Jcb, "3528", "3589", FROM_16),
    range(Scheme::Diners, "300", "305", FROM_14),
    range(Scheme::Diners, "3095", "3095", FROM_14),
    range(Scheme::Diners, "36", "36", FROM_14),
    range(Scheme::Diners, "38", "39", FROM_14),
];

const fn range(
    scheme: Scheme,
    first: &'static str,
    last: &'static str,
    lengths: &'static [u8],
) -> SchemeRange {
    assert!(first.len() == last.len());
    SchemeRange { scheme, digits: RangeInclusive::new(first, last), lengths }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme(digits: &str) -> Option<Scheme> {
        SchemeRange::of(&Pan::parse(digits.as_bytes()).unwrap()).map(|range| range.scheme)
    }

    #[test]
    fn leading_digits_name_the_scheme() {
        for (digits, expected) in [
            ("4000000000000002", Scheme::Visa),
            ("5100000000000000", Scheme::Mastercard),
            ("5599999999999999", Scheme::Mastercard),
            ("2221000000000000", Scheme::Mastercard),
            ("2720999999999999", Scheme::Mastercard),
            ("2200000000000000", Scheme::Mir),
            ("2204999999999999", Scheme::Mir),
            ("6200000000000000", Scheme::UnionPay),
            ("6221260000000000", Scheme::UnionPay),
            ("8600000000000000", Scheme::UzCard),
            ("5614000000000000", Scheme::UzCard),
            ("9860000000000000", Scheme::Humo),
            ("676100000000", Scheme::Maestro),
            ("340000000000000", Scheme::Amex),
            ("370000000000000", Scheme::Amex),
            ("6011000000000000", Scheme::Discover),
            ("6440000000000000", Scheme::Discover),
            ("6500000000000000", Scheme::Discover),
            ("3528000000000000", Scheme::Jcb),
            ("3589000000000000", Scheme::Jcb),
            ("36000000000000", Scheme::Diners),
            ("30500000000000", Scheme::Diners),
        ] {
            assert_eq!(scheme(digits), Some(expected), "{digits}");
        }
        for unknown in [
            "5000000000000000",
            "2205000000000000",
            "2220999999999999",
            "2721000000000000",
            "3527000000000000",
        ] {
            assert_eq!(scheme(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn ranges_of_two_schemes_do_not_meet() {
        for (index, one) in RANGES.iter().enumerate() {
            for other in &RANGES[index + 1..] {
                let width = one.digits.start().len().min(other.digits.start().len());
                let apart = one.digits.end()[..width] < other.digits.start()[..width]
                    || other.digits.end()[..width] < one.digits.start()[..width];
                assert!(apart || one.scheme == other.scheme, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn lengths_follow_the_beginning() {
        assert_eq!(Scheme::Visa.lengths("400000"), [13, 16, 19]);
        assert_eq!(Scheme::Amex.lengths("37"), [15]);
        // What is no Visa number is the issuer's own affair, whatever the product calls itself.
        assert_eq!(Scheme::Visa.lengths("970000"), ANY_LENGTH);
        assert_eq!(Scheme::Private.lengths("400000"), ANY_LENGTH);
        assert_eq!(Scheme::UnionCard.lengths("600000"), ANY_LENGTH);
        // What is shorter than the ranges stands for those within it.
        assert_eq!(Scheme::Mastercard.lengths("27"), [16]);
        assert_eq!(Scheme::Diners.lengths("3"), FROM_14);
    }

    #[test]
    fn a_beginning_may_be_of_another_scheme() {
        let check = |scheme: Scheme, beginning: &str, expect: Option<Scheme>| {
            assert_eq!(scheme.other_owner(beginning), expect, "{scheme:?} {beginning}");
        };
        check(Scheme::Visa, "400000", None);
        check(Scheme::Visa, "510000", Some(Scheme::Mastercard));
        check(Scheme::Visa, "970000", None);
        check(Scheme::Mastercard, "2221", None);
        check(Scheme::Mastercard, "27", None);
        check(Scheme::Mastercard, "22", Some(Scheme::Mir));
        check(Scheme::Mir, "2200", None);
        check(Scheme::Discover, "622126", Some(Scheme::UnionPay));
        check(Scheme::Diners, "3", Some(Scheme::Amex));
        check(Scheme::Private, "400000", None);
        check(Scheme::UnionCard, "600000", None);
    }
}
