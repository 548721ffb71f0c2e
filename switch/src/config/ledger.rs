//! `[product.ledger]`: what a product allows beyond plain purchases, and how long it holds money.

use super::error::Complaint;
use super::limit::mcc;
use super::section::Section;
use super::value::{amount, duration_up_to, list, number, one_of, switch};
use auth::{LedgerRules, Transfers};
use card::Currency;
use std::time::Duration;

const LONGEST_HOLD: Duration = Duration::from_hours(365 * 24);

/// Reads the table. Without a valid currency amounts cannot be read; that mistake has been noted already.
pub(super) fn read(section: Option<Section<'_>>, currency: Option<Currency>) -> LedgerRules {
    let usual = LedgerRules::default();
    let Some(mut section) = section else { return usual };
    let mut hold_periods = Vec::new();
    for mut hold in section.tables("hold") {
        let categories = hold.required("mcc", |value| list(value, mcc)).unwrap_or_default();
        let period = hold.required("period", duration_up_to(LONGEST_HOLD));
        if hold.has("mcc") && categories.is_empty() {
            hold.complain("mcc", Complaint::new("is empty", "name categories or ranges: [\"7011\"]"));
        }
        hold_periods.extend(
            categories
                .into_iter()
                .zip(std::iter::repeat(period))
                .filter_map(|(range, period)| Some((range, period?))),
        );
        hold.finish();
    }
    let cashback = currency.and_then(|currency| section.optional("cashback_up_to", amount(currency)));
    if currency.is_none() {
        section.optional("cashback_up_to", |_| Ok(()));
    }
    let rules = LedgerRules {
        cashback_up_to_minor: cashback,
        partial_approval: section.or("partial_approval", usual.partial_approval, switch),
        transfers: section.or("transfers", usual.transfers, one_of(&TRANSFERS)),
        hold_period: section.optional("hold_period", duration_up_to(LONGEST_HOLD)),
        hold_periods,
        tolerance_percent: section.or("completion_tolerance", 0, number(0..=100)) as u8,
        force_post: section.or("force_post", usual.force_post, switch),
    };
    section.finish();
    rules
}

const TRANSFERS: [(&str, Transfers); 3] =
    [("none", Transfers::None), ("own", Transfers::Own), ("cards", Transfers::Cards)];
