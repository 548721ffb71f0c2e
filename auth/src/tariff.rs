//! Fees as configuration: for which transactions of a product, and how much. The first that matches is taken, so the
//! most specific ones stand first.

use crate::counters::{Count, Scope, Window};
use crate::limit::Filter;
use crate::names::{FeeName, LimitId};
use crate::rate::Rounding;
use crate::receipt::{Receipt, Step};
use crate::velocity::Held;
use card::Currency;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// A fee of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    /// Name in the configuration.
    pub name: FeeName,
    /// Under which the transactions of a month are counted: made from the name.
    pub counter: LimitId,
    /// Currency of its amounts. It is for accounts in this currency alone.
    pub currency: Currency,
    /// For which transactions.
    pub filter: Filter,
    /// Whether at terminals of our own, or at others; `None` for both.
    pub own_terminal: Option<bool>,
    /// For which amounts, minor units of the account; every one when `None`.
    pub band: Option<RangeInclusive<i64>>,
    /// Taken each time, minor units.
    pub flat_minor: i64,
    /// Share of the amount, basis points.
    pub basis_points: u32,
    /// At least, minor units.
    pub minimum_minor: i64,
    /// At most, minor units.
    pub maximum_minor: Option<i64>,
    /// How many of a card are free in a calendar month.
    pub free: u32,
    /// What becomes of it when a part of the transaction is given back.
    pub partial: PartialFee,
}

/// What becomes of a fee when a part of its transaction is given back. With the whole of it the fee always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialFee {
    /// It stays.
    #[default]
    Kept,
    /// The same part of it is given back.
    Shared,
}

/// A fee that a transaction pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Whose.
    pub fee: FeeName,
    /// How much, minor units of the account's currency.
    pub minor: i64,
    /// What becomes of it when a part is given back.
    pub partial: PartialFee,
}

/// What a tariff says of a transaction: the charge, and the counter of those that are free.
#[derive(Default)]
pub(crate) struct Tariff {
    pub(crate) charge: Option<Charge>,
    pub(crate) count: Option<Count>,
}

impl Fee {
    /// The counter of a fee of this name: apart from those of limits, whose names cannot have the sign.
    #[must_use]
    pub fn counter_of(name: &str) -> LimitId {
        LimitId::of(&format!("fee:{name}"))
    }

    /// What it is for an amount, both in minor units of its currency: share and flat part, within its bounds.
    #[must_use]
    pub fn of(&self, amount_minor: i64) -> i64 {
        let share = i128::from(amount_minor.max(0)) * i128::from(self.basis_points);
        let share = Rounding::HalfUp.quotient(share, 10_000);
        let sum = share + i128::from(self.flat_minor);
        let most = self.maximum_minor.map_or(i128::from(i64::MAX), i128::from);
        let bounded = sum.max(i128::from(self.minimum_minor)).min(most).max(0);
        i64::try_from(bounded).unwrap_or(i64::MAX)
    }

    fn is_for(&self, held: &Held<'_>) -> bool {
        let own = held.tables.links.get(&held.request.link).is_some_and(|link| link.own);
        self.currency == held.account.account.currency
            && self.own_terminal.is_none_or(|wanted| wanted == own)
            && self.band.as_ref().is_none_or(|band| band.contains(&held.amount_minor))
            && self.filter.matches(held.request, held.tables)
    }
}

/// The fee of a transaction whose amount is known.
pub(crate) fn apply(held: &Held<'_>, receipt: &mut Receipt) -> Tariff {
    let Some(fee) = held.product.fees.iter().find(|fee| fee.is_for(held)) else { return Tariff::default() };
    let mut count = None;
    if fee.free > 0 {
        count = Some(Count { scope: Scope::Card, limit: fee.counter, window: Window::MONTH });
        let (_, before) = held.file.counters.used(fee.counter, Window::MONTH, held.moment);
        let (number, free) = (i64::from(before) + 1, i64::from(fee.free));
        if number <= free {
            receipt.pass(Step::FeeFree, number, free);
            return Tariff { charge: None, count };
        }
        receipt.note(Step::FeeFree, number, free);
    }
    let minor = fee.of(held.amount_minor);
    receipt.pass(Step::Fee, minor, held.amount_minor);
    let charge = (minor != 0).then_some(Charge { fee: fee.name, minor, partial: fee.partial });
    Tariff { charge, count }
}

impl Charge {
    /// What it is for another amount than the one it was taken for.
    pub(crate) fn of_amount(self, whole_minor: i64, amount_minor: i64) -> Charge {
        if self.partial == PartialFee::Kept || whole_minor <= 0 {
            return self;
        }
        let share = i128::from(self.minor) * i128::from(amount_minor.max(0));
        let share = Rounding::HalfUp.quotient(share, i128::from(whole_minor));
        Charge { minor: i64::try_from(share).unwrap_or(self.minor), ..self }
    }

    /// What of it stands when so much of the amount does.
    pub(crate) fn standing(&self, amount_minor: i64, stands_minor: i64) -> i64 {
        match self.partial {
            _ if stands_minor <= 0 => 0,
            PartialFee::Shared if stands_minor < amount_minor => {
                let share = i128::from(self.minor) * i128::from(stands_minor);
                let share = Rounding::HalfUp.quotient(share, i128::from(amount_minor));
                i64::try_from(share).unwrap_or(self.minor)
            }
            PartialFee::Kept | PartialFee::Shared => self.minor,
        }
    }
}
