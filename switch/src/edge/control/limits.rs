//! `POST /v1/limits`: a card, an account or a customer gets a limit of its own, or an override for a while.

use crate::clock;
use crate::config::parse_duration;
use crate::settings::Settings;
use auth::{AccountId, Bound, CustomerId, LimitChange, LimitHolder, Override};
use card::{Amount, Currency, Pan};
use serde::Deserialize;
use std::time::Duration;

/// Longest override.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// The body. A limit of one's own without `for`, an override with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    pan: Option<String>,
    account: Option<String>,
    customer: Option<String>,
    limit: String,
    /// Major units of the account's currency.
    amount: Option<String>,
    count: Option<u32>,
    /// How long the override holds, such as `2h`.
    r#for: Option<String>,
    /// Whether the first approval that needs the override ends it.
    #[serde(default)]
    once: bool,
    /// `own` or `override`: which of them ends.
    end: Option<String>,
}

/// Whose limit, which one and how it changes.
pub(super) type Change = (LimitHolder, String, LimitChange);

/// Reads a body.
///
/// # Errors
/// What is wrong with it, without card data.
pub(super) fn read(body: &[u8], settings: &Settings) -> Result<Change, String> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|_| {
        "the body must be {\"pan\", \"account\" or \"customer\":\"…\",\"limit\":\"…\"} with amount, count, for, once, or end".to_owned()
    })?;
    let holder = match (&wanted.pan, &wanted.account, &wanted.customer) {
        (Some(pan), None, None) => {
            LimitHolder::Card(Pan::parse(pan.as_bytes()).map_err(|error| format!("pan: {error}"))?)
        }
        (None, Some(account), None) => {
            LimitHolder::Account(AccountId::new(account).ok_or("account: is no account number")?)
        }
        (None, None, Some(customer)) => LimitHolder::Customer(
            CustomerId::new(customer).ok_or("customer: is no identification of a customer")?,
        ),
        _ => return Err("name a pan, an account or a customer, and one of them alone".to_owned()),
    };
    let says_bound = wanted.amount.is_some() || wanted.count.is_some();
    let change = match wanted.end.as_deref() {
        Some(_) if says_bound || wanted.r#for.is_some() || wanted.once => {
            return Err("end: takes neither amount, count, for nor once".to_owned());
        }
        Some("own") => LimitChange::Own(Bound::default()),
        Some("override") => LimitChange::Override(None),
        Some(_) => return Err("end: is one of own, override".to_owned()),
        None => {
            let currency = currency(&holder, &wanted.limit, settings)?;
            let amount_minor = wanted.amount.as_deref().map(|text| minor(text, currency)).transpose()?;
            let bound = Bound { amount_minor, count: wanted.count };
            match wanted.r#for.as_deref() {
                Some(length) => LimitChange::Override(Some(Override {
                    bound,
                    until: clock::now().plus(duration(length)?),
                    once: wanted.once,
                })),
                None if wanted.once => return Err("once: belongs to an override, which needs for".to_owned()),
                None if !says_bound => return Err("amount, count: one of them is needed".to_owned()),
                None => LimitChange::Own(bound),
            }
        }
    };
    Ok((holder, wanted.limit, change))
}

/// The currency in which the limit counts: that of the card's product, or of a product that has the limit.
fn currency(holder: &LimitHolder, limit: &str, settings: &Settings) -> Result<Currency, String> {
    let tables = &settings.tables;
    let product = match holder {
        LimitHolder::Card(pan) => tables.product(pan),
        LimitHolder::Account(_) | LimitHolder::Customer(_) => tables.products.iter().find(|product| {
            product.limits.iter().chain(&product.stand_in_limits).any(|known| known.name == limit)
        }),
    };
    let currency = product.and_then(|product| settings.currencies.get(&product.name));
    currency.copied().ok_or_else(|| "limit: no product of ours has a limit of this name".to_owned())
}

fn minor(text: &str, currency: Currency) -> Result<i64, String> {
    let amount = Amount::parse_major(text, currency).ok().filter(|amount| amount.minor >= 0);
    let amount = amount.filter(|amount| amount.minor <= crate::config::LARGEST_MINOR);
    amount.map(|amount| amount.minor).ok_or_else(|| format!("amount: is no amount of {currency}"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let length = parse_duration(text).filter(|length| !length.is_zero() && *length <= LONGEST);
    length.ok_or_else(|| "for: is a number and its unit, at most a year: 30m, 2h, 7d".to_owned())
}
