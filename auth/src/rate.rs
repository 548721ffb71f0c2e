//! Rates of exchange as configuration, and the arithmetic of a conversion: integers throughout, one rounding.

use card::{CivilDay, Currency};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Significant digits of a rate, whether it was stated, inverted or made of two others.
pub const RATE_DIGITS: u32 = 12;

/// Most decimals a rate can have: the inverse of the largest one stated needs so many.
pub const RATE_DECIMALS: u8 = 23;

/// Largest amount that a conversion may give, minor units: 15 digits, as accounts have.
const LARGEST_MINOR: i128 = 999_999_999_999_999;

/// How many major units of one currency one major unit of another is: a decimal number above zero of up to
/// [`RATE_DIGITS`] digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    mantissa: u64,
    decimals: u8,
}

impl Rate {
    /// `mantissa` / 10^`decimals`, written with as few digits as it needs. `None` for zero and for what has too many
    /// digits or decimals.
    #[must_use]
    pub fn new(mantissa: u64, decimals: u8) -> Option<Rate> {
        let (mut mantissa, mut decimals) = (mantissa, decimals);
        while decimals > 0 && mantissa != 0 && mantissa.is_multiple_of(10) {
            (mantissa, decimals) = (mantissa / 10, decimals - 1);
        }
        let fits = (1..=10u64.pow(RATE_DIGITS)).contains(&mantissa) && decimals <= RATE_DECIMALS;
        fits.then_some(Rate { mantissa, decimals })
    }

    /// Reads a decimal number as people write it: `1.0837`, `0.0000795`, `12650`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Rate> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let pointed = text.contains('.');
        if whole.is_empty() || pointed == fraction.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let decimals = u8::try_from(fraction.len()).ok().filter(|decimals| *decimals <= RATE_DECIMALS)?;
        Rate::new(format!("{whole}{fraction}").parse().ok()?, decimals)
    }

    /// The rate nearest to a quotient, half up. `None` when that is zero or out of bounds.
    #[must_use]
    pub fn of_quotient(dividend: u128, divisor: u128) -> Option<Rate> {
        // Room for one more digit.
        if divisor == 0 || divisor > u128::MAX / 20 {
            return None;
        }
        let (mut mantissa, mut rest) = (dividend / divisor, dividend % divisor);
        let mut decimals = 0;
        let full = 10u128.pow(RATE_DIGITS - 1);
        while mantissa < full && rest != 0 && decimals < RATE_DECIMALS {
            rest *= 10;
            mantissa = mantissa * 10 + rest / divisor;
            rest %= divisor;
            decimals += 1;
        }
        mantissa += u128::from(rest * 2 >= divisor);
        Rate::new(u64::try_from(mantissa).ok()?, decimals)
    }

    /// Digits without the decimal point.
    #[must_use]
    pub fn mantissa(self) -> u64 {
        self.mantissa
    }

    /// How many of them stand behind the point.
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.decimals
    }

    /// An amount of `from` in `to`, minor units each, rounded once. Never nothing for something: what is above zero
    /// stays above zero. `None` when it does not fit into 15 digits.
    #[must_use]
    pub fn convert(self, minor: i64, from: Currency, to: Currency, rounding: Rounding) -> Option<i64> {
        let magnitude = i128::from(minor.unsigned_abs());
        let dividend = magnitude
            .checked_mul(i128::from(self.mantissa))?
            .checked_mul(10i128.pow(u32::from(to.exponent())))?;
        let divisor = 10i128.pow(u32::from(self.decimals) + u32::from(from.exponent()));
        let converted = rounding.quotient(dividend, divisor).max(i128::from(minor != 0));
        if converted > LARGEST_MINOR {
            return None;
        }
        let converted = i64::try_from(converted).ok()?;
        Some(if minor < 0 { -converted } else { converted })
    }

    /// DE 9 and DE 10 of ISO 8583:1987: how many of seven digits stand behind the point, then the digits. `None` for
    /// a rate that this form has no room for.
    #[must_use]
    pub fn to_conversion_rate(self) -> Option<[u8; 8]> {
        let (mut digits, mut decimals) = (u128::from(self.mantissa), u32::from(self.decimals));
        let mut cut = 0;
        while digits / 10u128.pow(cut) >= 10_000_000 || decimals - cut.min(decimals) > 9 {
            cut += 1;
            if cut > decimals {
                return None;
            }
        }
        let unit = 10u128.pow(cut);
        digits = (digits + unit / 2) / unit;
        decimals -= cut;
        if digits == 10_000_000 {
            (digits, decimals) = (1_000_000, decimals.checked_sub(1)?);
        }
        if digits == 0 {
            return None;
        }
        let text = format!("{decimals}{digits:07}");
        text.as_bytes().try_into().ok()
    }
}

/// `1.0837`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10u128.pow(u32::from(self.decimals));
        let (whole, fraction) = (u128::from(self.mantissa) / unit, u128::from(self.mantissa) % unit);
        match usize::from(self.decimals) {
            0 => write!(f, "{whole}"),
            decimals => write!(f, "{whole}.{fraction:0decimals$}"),
        }
    }
}

/// What becomes of the part of a minor unit that a conversion leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// A half and more counts as one.
    #[default]
    HalfUp,
    /// Anything counts as one.
    Up,
}

impl Rounding {
    /// A quotient of numbers not below zero.
    pub(crate) fn quotient(self, dividend: i128, divisor: i128) -> i128 {
        let (whole, rest) = (dividend / divisor, dividend % divisor);
        let up = match self {
            Rounding::HalfUp => rest >= divisor - rest,
            Rounding::Up => rest != 0,
        };
        whole + i128::from(up)
    }
}

/// A rate of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotation {
    /// One major unit of this currency
    pub from: Currency,
    /// is so much of this one.
    pub to: Currency,
    /// How much.
    pub rate: Rate,
    /// What cardholders pay on top, basis points.
    pub markup: u16,
    /// First business day it holds for; earliest of all when `None`.
    pub valid_from: Option<CivilDay>,
    /// Whether its inverse holds where nothing is said of the other direction.
    pub both_ways: bool,
}

/// Rates of exchange.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RateTable {
    /// By currencies, then by day.
    quotations: Vec<Quotation>,
    base: Option<Currency>,
    rounding: Rounding,
}

/// Whether a conversion is with the cardholder's markup: the account's is, settlement is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// What cardholders pay.
    With,
    /// What the currencies are worth.
    Without,
}

impl RateTable {
    /// These rates. Two currencies that have no rate are converted through `base`.
    #[must_use]
    pub fn new(mut quotations: Vec<Quotation>, base: Option<Currency>, rounding: Rounding) -> RateTable {
        quotations.sort_by_key(Quotation::key);
        RateTable { quotations, base, rounding }
    }

    /// How its conversions are rounded.
    #[must_use]
    pub fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// How many rates it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.quotations.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.quotations.is_empty()
    }

    /// The rate of a day: the one stated, else the inverse of the other direction where that holds both ways, else
    /// through the base currency. Of several, the newest that has begun.
    #[must_use]
    pub fn find(&self, from: Currency, to: Currency, day: CivilDay, markup: Markup) -> Option<Rate> {
        let leg = self.leg(from, to, day).or_else(|| {
            let base = self.base.filter(|base| *base != from && *base != to)?;
            let (first, second) = (self.leg(from, base, day)?, self.leg(base, to, day)?);
            first.then(second)
        })?;
        match markup {
            Markup::With => Rate::of_quotient(
                leg.dividend.checked_mul(leg.markup)?,
                leg.divisor.checked_mul(leg.markup_divisor)?,
            ),
            Markup::Without => Rate::of_quotient(leg.dividend, leg.divisor),
        }
    }

    fn leg(&self, from: Currency, to: Currency, day: CivilDay) -> Option<Leg> {
        let power = |decimals: u8| 10u128.pow(u32::from(decimals));
        let leg = |quotation: &Quotation, dividend, divisor| Leg {
            dividend,
            divisor,
            markup: 10_000 + u128::from(quotation.markup),
            markup_divisor: 10_000,
        };
        if let Some(stated) = self.stated(from, to, day) {
            let Rate { mantissa, decimals } = stated.rate;
            return Some(leg(stated, u128::from(mantissa), power(decimals)));
        }
        let other = self.stated(to, from, day).filter(|other| other.both_ways)?;
        let Rate { mantissa, decimals } = other.rate;
        Some(leg(other, power(decimals), u128::from(mantissa)))
    }

    fn stated(&self, from: Currency, to: Currency, day: CivilDay) -> Option<&Quotation> {
        let last = (from, to, Some(day));
        let begun = self.quotations.partition_point(|quotation| quotation.key() <= last);
        let newest = begun.checked_sub(1).map(|place| &self.quotations[place])?;
        ((newest.from, newest.to) == (from, to)).then_some(newest)
    }
}

impl Quotation {
    fn key(&self) -> (Currency, Currency, Option<CivilDay>) {
        (self.from, self.to, self.valid_from)
    }
}

/// A rate as an exact quotient, with what cardholders pay on top.
#[derive(Clone, Copy)]
struct Leg {
    dividend: u128,
    divisor: u128,
    markup: u128,
    markup_divisor: u128,
}

impl Leg {
    fn then(self, second: Leg) -> Option<Leg> {
        Some(Leg {
            dividend: self.dividend.checked_mul(second.dividend)?,
            divisor: self.divisor.checked_mul(second.divisor)?,
            markup: self.markup * second.markup,
            markup_divisor: self.markup_divisor * second.markup_divisor,
        })
    }
}
