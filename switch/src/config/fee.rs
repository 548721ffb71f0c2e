//! `[[fee]]`: what transactions cost the account.

use super::error::Complaint;
use super::limit::{filter, of_product};
use super::product::Products;
use super::section::Section;
use super::value::{amount, list, number, one_of, percent, text};
use auth::{Fee, FeeName, LimitId, PartialFee};
use card::Currency;
use std::collections::BTreeMap;
use toml::de::DeValue;

/// Fees that one product may have.
const FEES: usize = 64;

/// Reads all fees and gives them to their products, in the order of the file.
pub(super) fn take(top: &mut Section<'_>, products: &mut Products, country: u16) {
    let mut names: BTreeMap<LimitId, FeeName> = BTreeMap::new();
    for section in top.tables("fee") {
        take_one(section, products, &mut names, country);
    }
}

fn take_one(
    mut section: Section<'_>,
    products: &mut Products,
    names: &mut BTreeMap<LimitId, FeeName>,
    country: u16,
) {
    let name = section.required("name", fee_name);
    let counter = name.map_or(LimitId(0), |name| Fee::counter_of(name.as_str()));
    if let Some(taken) = name.and_then(|name| names.insert(counter, name)) {
        let same = Some(taken) == name;
        let reason = if same { "is taken".to_owned() } else { format!("has the same number as \"{taken}\"") };
        section.complain("name", Complaint::new(reason, "give it another name"));
    }
    let chosen = section.optional("products", |value| list(value, |item| of_product(item, products)));
    let places = chosen.unwrap_or_else(|| (0..products.products.len()).collect());
    let currency = currency(&section, &places, products);
    let money = |section: &mut Section<'_>, key: &'static str| {
        // Without a currency the amount cannot be read; that mistake has been noted already.
        match currency {
            Some(currency) => section.optional(key, amount(currency)),
            None => section.optional(key, |_| Err(Complaint::bare("is in no currency that is known"))),
        }
    };
    let flat_minor = money(&mut section, "flat").unwrap_or(0);
    let minimum_minor = money(&mut section, "minimum").unwrap_or(0);
    let maximum_minor = money(&mut section, "maximum");
    let from = money(&mut section, "amount_from");
    let to = money(&mut section, "amount_to");
    let basis_points = section.or("share", 0, percent(100));
    let free = section.or("free_per_month", 0, number(0..=1_000_000));
    let partial = section.or(
        "partial_reversal",
        PartialFee::Kept,
        one_of(&[("kept", PartialFee::Kept), ("shared", PartialFee::Shared)]),
    );
    let own_terminal = section.optional("terminals", one_of(&[("own", true), ("other", false)]));
    let filter = filter(&mut section, country);
    if !["flat", "share", "minimum"].iter().any(|key| section.has(key)) && free == 0 {
        // A fee of nothing is an exception from those behind it, and says so.
        section.complain(
            "",
            Complaint::new("costs nothing", "add `flat`, `share` or both; `flat = \"0\"` if it is meant"),
        );
    }
    if maximum_minor.is_some_and(|maximum| maximum < minimum_minor) {
        section.complain("maximum", Complaint::new("is below `minimum`", "raise it, or lower `minimum`"));
    }
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        section.complain(
            "amount_to",
            Complaint::new("is below `amount_from`", "raise it, or lower `amount_from`"),
        );
    }
    for product in places.iter().map(|place| &products.products[*place]) {
        if product.fees.len() >= FEES {
            let reason = format!("is one too many: product {:?} has {FEES} already", product.name);
            section.complain("", Complaint::new(reason, "name in `products` those that need it"));
        }
    }
    section.finish();
    let (Some(name), Some(currency)) = (name, currency) else { return };
    let fee = Fee {
        name,
        counter,
        currency,
        filter,
        own_terminal,
        band: (from.is_some() || to.is_some()).then(|| from.unwrap_or(0)..=to.unwrap_or(i64::MAX)),
        flat_minor,
        basis_points,
        minimum_minor,
        maximum_minor,
        free: u32::try_from(free).unwrap_or(u32::MAX),
        partial,
    };
    for place in places {
        products.products[place].fees.push(fee.clone());
    }
}

/// The currency of the accounts behind these products, which has to be one.
fn currency(section: &Section<'_>, places: &[usize], products: &Products) -> Option<Currency> {
    let of = |place: &usize| products.currencies.get(&products.products[*place].name).copied();
    let mut currencies = places.iter().filter_map(of);
    let first = currencies.next();
    match first {
        None => section.complain("", Complaint::bare("is of no product whose currency is known")),
        Some(first) if currencies.any(|other| other != first) => {
            let mend = "name in `products` those of one currency, and make a fee for each currency";
            section.complain(
                "",
                Complaint::new("is of products whose accounts have different currencies", mend),
            );
        }
        Some(_) => {}
    }
    first
}

fn fee_name(value: &DeValue<'_>) -> Result<FeeName, Complaint> {
    let mend = format!("1 to {} letters, digits and signs without spaces", FeeName::CAPACITY);
    FeeName::new(text(value)?).ok_or_else(|| Complaint::new("is no name of a fee", mend))
}
