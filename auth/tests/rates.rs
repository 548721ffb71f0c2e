//! Rates and conversions: as Python's `decimal` makes them, and what must hold of all of them.

use auth::{Markup, Quotation, Rate, RateTable, Rounding};
use card::{CivilDay, Currency};
use proptest::prelude::*;

/// Made by `rates/cases.py`, which says what the columns are.
const CASES: &str = include_str!("rates/cases.txt");

const DAY: CivilDay = CivilDay { year: 2026, month: 11, day: 27 };

#[test]
fn conversions_are_those_of_decimal_arithmetic() {
    for line in CASES.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [how, from, to, stated, second, markup, rounding, minor, rate, de, converted] = words[..] else {
            panic!("{line}");
        };
        let (from, to) = (currency(from), currency(to));
        let rounding = if rounding == "up" { Rounding::Up } else { Rounding::HalfUp };
        let quotation = |from, to, rate: &str, markup: &str| Quotation {
            from,
            to,
            rate: Rate::parse(rate).unwrap_or_else(|| panic!("{line}")),
            markup: markup.parse().unwrap(),
            valid_from: None,
            both_ways: how == "inverse",
        };
        // A currency that no case has.
        let base = currency("CHF");
        let quotations = match how {
            "direct" => vec![quotation(from, to, stated, markup)],
            "inverse" => vec![quotation(to, from, stated, markup)],
            _ => vec![quotation(from, base, stated, markup), quotation(base, to, second, "0")],
        };
        let table = RateTable::new(quotations, Some(base), rounding);
        let found = table.find(from, to, DAY, Markup::With).unwrap_or_else(|| panic!("no rate: {line}"));
        assert_eq!(found.to_string(), rate, "{line}");
        let shown = found.to_conversion_rate();
        let shown = shown.as_ref().map_or("-", |digits| std::str::from_utf8(digits).unwrap());
        assert_eq!(shown, de, "{line}");
        let minor = minor.parse().unwrap();
        assert_eq!(found.convert(minor, from, to, rounding), converted.parse().ok(), "{line}");
        if markup == "0" {
            assert_eq!(table.find(from, to, DAY, Markup::Without), Some(found), "{line}");
        }
    }
    assert_eq!(CASES.lines().count(), 600);
}

#[test]
fn rates_are_read_as_people_write_them() {
    for (text, shown) in [
        ("1", "1"),
        ("1.0837", "1.0837"),
        ("12650", "12650"),
        ("0.000079500", "0.0000795"),
        ("007.50", "7.5"),
        ("999999999999", "999999999999"),
    ] {
        assert_eq!(Rate::parse(text).map(|rate| rate.to_string()).as_deref(), Some(shown), "{text}");
    }
    for bad in ["", "0", "0.00", ".5", "5.", "1,5", "-1", "+1", "1e3", " 1", "1.2.3", "9999999999999", "١"] {
        assert_eq!(Rate::parse(bad), None, "{bad}");
    }
}

#[test]
fn what_is_too_large_has_no_conversion() {
    let (yen, dinar) = (currency("JPY"), currency("KWD"));
    let rate = Rate::parse("999999999999").unwrap();
    assert_eq!(rate.convert(1, yen, dinar, Rounding::HalfUp), Some(999_999_999_999_000));
    assert_eq!(rate.convert(2, yen, dinar, Rounding::HalfUp), None);
    assert_eq!(rate.convert(i64::MAX, yen, dinar, Rounding::HalfUp), None);
    assert_eq!(rate.convert(i64::MIN, yen, dinar, Rounding::HalfUp), None);
    // A cross of two such rates is no rate that anybody has.
    let leg = |from: &str, to: &str| Quotation {
        from: currency(from),
        to: currency(to),
        rate,
        markup: 5_000,
        valid_from: None,
        both_ways: true,
    };
    let table =
        RateTable::new(vec![leg("JPY", "CHF"), leg("CHF", "KWD")], Some(currency("CHF")), Rounding::Up);
    assert_eq!(table.find(yen, dinar, DAY, Markup::With), None);
    assert_eq!(table.find(dinar, yen, DAY, Markup::Without), None);
}

#[test]
fn the_newest_rate_that_has_begun_holds() {
    let (from, to) = (currency("USD"), currency("EUR"));
    let rate = |text: &str, valid_from| Quotation {
        from,
        to,
        rate: Rate::parse(text).unwrap(),
        markup: 0,
        valid_from,
        both_ways: false,
    };
    let day = |year, month, day| CivilDay { year, month, day };
    let quotations = vec![
        rate("0.95", Some(day(2027, 1, 1))),
        rate("0.90", None),
        rate("0.92", Some(day(2026, 11, 27))),
        rate("0.91", Some(day(2026, 2, 28))),
    ];
    let table = RateTable::new(quotations, None, Rounding::HalfUp);
    let check = |on: CivilDay, expect: &str| {
        let found = table.find(from, to, on, Markup::With).map(|rate| rate.to_string());
        assert_eq!(found.as_deref(), Some(expect), "{on:?}");
    };
    check(day(1970, 1, 1), "0.9");
    check(day(2026, 2, 27), "0.9");
    check(day(2026, 2, 28), "0.91");
    check(day(2026, 11, 26), "0.91");
    check(day(2026, 11, 27), "0.92");
    check(day(2026, 12, 31), "0.92");
    check(day(2030, 1, 1), "0.95");
    assert_eq!(table.find(to, from, DAY, Markup::With), None);
}

proptest! {
    /// A part is never worth more than the whole, and parts of one amount are in the order of their worth.
    #[test]
    fn a_larger_amount_is_never_worth_less(rate in rate(), small in 0i64..1_000_000, more in 0i64..1_000_000, up: bool) {
        let rounding = if up { Rounding::Up } else { Rounding::HalfUp };
        let [from, to] = ["KWD", "JPY"].map(currency);
        let of = |minor| rate.convert(minor, from, to, rounding);
        if let (Some(less), Some(rest)) = (of(small), of(small + more)) {
            prop_assert!(less <= rest);
            prop_assert_eq!(of(-small), Some(-less));
        }
    }

    /// Rounding gives or takes less than one unit, but for what would have become nothing.
    #[test]
    fn a_conversion_is_off_by_less_than_a_unit(rate in rate(), minor in 1i64..1_000_000_000_000) {
        let [from, to] = ["USD", "EUR"].map(currency);
        let unit = 10i128.pow(u32::from(rate.decimals()));
        let exact = i128::from(minor) * i128::from(rate.mantissa());
        if let Some(nearest) = rate.convert(minor, from, to, Rounding::HalfUp) {
            let off = i128::from(nearest) * unit - exact;
            prop_assert!(off.abs() * 2 <= unit || nearest == 1 && exact < unit);
        }
        if let Some(above) = rate.convert(minor, from, to, Rounding::Up) {
            let off = i128::from(above) * unit - exact;
            prop_assert!((0..unit).contains(&off));
        }
    }

    /// There by a rate and back by its inverse: what comes back is what went, give or take what the two roundings do.
    #[test]
    fn there_and_back_is_off_by_what_was_rounded(rate in rate(), minor in 1i64..1_000_000_000) {
        let [from, to] = ["USD", "EUR"].map(currency);
        let quotation = Quotation { from, to, rate, markup: 0, valid_from: None, both_ways: true };
        let table = RateTable::new(vec![quotation], None, Rounding::HalfUp);
        let there = table.find(from, to, DAY, Markup::With).and_then(|rate| rate.convert(minor, from, to, table.rounding()));
        let inverse = table.find(to, from, DAY, Markup::With);
        if let Some((there, inverse)) = there.zip(inverse).filter(|(there, _)| *there < 1_000_000_000_000) {
            let back = inverse.convert(there, to, from, table.rounding()).unwrap_or(i64::MAX);
            // A unit there is worth `1 / rate` here.
            let unit = 10i128.pow(u32::from(rate.decimals())) / i128::from(rate.mantissa()) + 1;
            let digits = i128::from(minor) / 10_000_000_000 + 2;
            prop_assert!(i128::from(back - minor).abs() <= unit + digits, "{} becomes {} becomes {}", minor, there, back);
        }
    }
}

fn rate() -> impl Strategy<Value = Rate> {
    (1u64..1_000_000_000, 0u8..=9)
        .prop_filter_map("a rate", |(mantissa, decimals)| Rate::new(mantissa, decimals))
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("ISO 4217")
}
