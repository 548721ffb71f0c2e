//! `[[limit]]`: what transactions of a product may add up to.

use super::error::Complaint;
use super::listener::OF_ACCOUNTS;
use super::product::{ENTRY_MODES, Products};
use super::section::Section;
use super::value::{
    amount, country as country_number, currency, list, number, one_of, parse_duration, switch, text,
};
use auth::limits::LIMITS;
use auth::{Bound, Channel, Filter, Limit, LimitId, Limits, Place, Scope, Window};
use card::Currency;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use toml::de::DeValue;

/// Reads all limits and gives them to their products.
pub(super) fn take(top: &mut Section<'_>, products: &mut Products, country: u16) {
    let mut names: BTreeMap<LimitId, String> =
        Limits::NAMES.iter().map(|name| (LimitId::of(name), (*name).to_owned())).collect();
    for (place, section) in top.tables("limit").into_iter().enumerate() {
        let place = u16::try_from(place + 1).unwrap_or(u16::MAX);
        take_one(section, place, products, &mut names, country);
    }
}

fn take_one(
    mut section: Section<'_>,
    place: u16,
    products: &mut Products,
    names: &mut BTreeMap<LimitId, String>,
    country: u16,
) {
    let name = section.required("name", text).unwrap_or_default();
    let id = LimitId::of(name);
    if let Some(taken) = names.insert(id, name.to_owned()).filter(|_| !name.is_empty()) {
        let same = taken == name;
        let reason = if same { "is taken".to_owned() } else { format!("has the same number as {taken:?}") };
        section.complain("name", Complaint::new(reason, "give it another name"));
    }
    let chosen = section.optional("products", |value| list(value, |item| of_product(item, products)));
    let places = chosen.unwrap_or_else(|| (0..products.products.len()).collect());
    let currencies: Vec<Currency> = places
        .iter()
        .filter_map(|place| products.currencies.get(&products.products[*place].name).copied())
        .collect();
    let amount_minor = section.optional("amount", |value| match currencies.split_first() {
        Some((first, rest)) if rest.iter().any(|other| other != first) => {
            let mend = "name in `products` those of one currency, and make a limit for each currency";
            Err(Complaint::new("is of products whose accounts have different currencies", mend))
        }
        Some((first, _)) => amount(*first)(value),
        None => Err(Complaint::bare("is of no product whose currency is known".to_owned())),
    });
    let count = section.optional("count", number(0..=u64::from(u32::MAX)));
    let bound = Bound { amount_minor, count: count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)) };
    if !section.has("amount") && !section.has("count") {
        section.complain("", Complaint::new("limits nothing", "add `amount`, `count` or both"));
    }
    let scope = section.or("scope", Scope::Card, one_of(SCOPES));
    let window = section.required("window", window).unwrap_or(Window::DAY);
    if window == Window::TRANSACTION && section.has("count") {
        section
            .complain("count", Complaint::new("has no meaning for a single transaction", "remove `count`"));
    }
    let stand_in = section.or("stand_in", false, switch);
    let filter = filter(&mut section, country);
    for product in places.iter().map(|place| &products.products[*place]) {
        let limits = if stand_in { &product.stand_in_limits } else { &product.limits };
        if limits.len() >= LIMITS {
            let reason = format!("is one too many: product {:?} has {LIMITS} already", product.name);
            section.complain("", Complaint::new(reason, "name in `products` those that need it"));
        }
    }
    section.finish();
    for index in places {
        let product = &mut products.products[index];
        // Stand-in has counters of its own, and so has each product of what it is limited as a whole.
        let counter = match (scope, stand_in) {
            (Scope::Product, _) => LimitId::of(&format!("{name}/{}", product.name)),
            _ => id,
        };
        let limit = Limit {
            name: name.to_owned(),
            id,
            counter,
            number: place,
            scope,
            window,
            bound,
            filter: filter.clone(),
        };
        let limits = if stand_in { &mut product.stand_in_limits } else { &mut product.limits };
        limits.push(limit);
    }
}

/// Of which transactions: what limits and fees ask alike.
pub(super) fn filter(section: &mut Section<'_>, country: u16) -> Filter {
    let place = section.optional("place", one_of(&[("domestic", false), ("foreign", true)]));
    if place.is_some() && country == 0 {
        let mend = "set `country` at the top of the file to your country's ISO 3166 number";
        section.complain("place", Complaint::new("cannot be told: our own country is not said", mend));
    }
    let countries = section.optional("countries", |value| list(value, country_number));
    if place.is_some() && countries.is_some() {
        section.refuse("countries", "`place` says where already");
    }
    let countries = countries.map(Place::Countries);
    Filter {
        types: section.or("types", Vec::new(), |value| list(value, one_of(&OF_ACCOUNTS))),
        channels: section.or("channels", Vec::new(), |value| list(value, one_of(CHANNELS))),
        mcc: section.or("mcc", Vec::new(), |value| list(value, mcc)),
        place: place.map(|abroad| if abroad { Place::Foreign } else { Place::Domestic }).or(countries),
        currencies: section
            .or("currencies", Vec::new(), |value| list(value, |item| currency(item).map(Currency::numeric))),
        entry_modes: section.or("entry_modes", Vec::new(), |value| list(value, one_of(&ENTRY_MODES))),
        card_present: section.optional("card_present", switch),
    }
}

const SCOPES: &[(&str, Scope)] = &[
    ("card", Scope::Card),
    ("account", Scope::Account),
    ("customer", Scope::Customer),
    ("terminal", Scope::Terminal),
    ("merchant", Scope::Merchant),
    ("product", Scope::Product),
    ("ip", Scope::Ip),
    ("email", Scope::Email),
    ("address", Scope::Address),
];

const CHANNELS: &[(&str, Channel)] =
    &[("atm", Channel::Atm), ("pos", Channel::Pos), ("remote", Channel::Remote)];

fn window(value: &DeValue<'_>) -> Result<Window, Complaint> {
    let mend = "\"transaction\", \"day\", \"week\", \"month\", \"year\", or the length of a sliding window from \
                \"1m\" to \"366d\"";
    Ok(match text(value)? {
        "transaction" => Window::TRANSACTION,
        "day" => Window::DAY,
        "week" => Window::WEEK,
        "month" => Window::MONTH,
        "year" => Window::YEAR,
        other => parse_duration(other)
            .and_then(Window::sliding)
            .ok_or_else(|| Complaint::new("is no window", mend))?,
    })
}

/// A merchant category code in quotes, or a range of them: `"5411"`, `"7800-7999"`.
pub(super) fn mcc(value: &DeValue<'_>) -> Result<RangeInclusive<u16>, Complaint> {
    let mend = "four digits, or a range of them: \"5411\", \"7800-7999\"";
    let code = |digits: &str| {
        let four = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| four)
    };
    let text = text(value)?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (code(first), code(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(Complaint::new("is no merchant category", mend)),
    }
}

pub(super) fn of_product(value: &DeValue<'_>, products: &Products) -> Result<usize, Complaint> {
    let name = text(value)?;
    let found = products.products.iter().position(|product| product.name == name);
    found.ok_or_else(|| Complaint::new(format!("names {name:?}"), "name a [[product]] of this file"))
}
