use crate::request::Request;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What a product allows beyond plain purchases, and how long it holds money. The default allows refunds, deposits and
/// transfers between the card's own accounts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LedgerRules {
    /// Most cash with a purchase, minor units of the transaction; `None` allows no cashback.
    pub cashback_up_to_minor: Option<i64>,
    /// Whether a purchase may be approved in part where the money does not suffice.
    pub partial_approval: bool,
    /// Where transfers may go.
    pub transfers: Transfers,
    /// How long an authorization holds money; `None` as [`Tables::hold_period`](crate::Tables::hold_period).
    pub hold_period: Option<Duration>,
    /// The same for merchant categories; the first range that matches counts.
    pub hold_periods: Vec<(RangeInclusive<u16>, Duration)>,
    /// How much more than was authorized a completion may post, percent.
    pub tolerance_percent: u8,
    /// Whether what has happened already posts even where the money does not suffice: late completions, completions above
    /// the hold, and reversals of credits.
    pub force_post: bool,
}

/// Where transfers may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Transfers {
    /// Nowhere.
    None,
    /// To another account of the card.
    #[default]
    Own,
    /// To any card of ours, too.
    Cards,
}

impl LedgerRules {
    /// How long money is held for this request, where the product says.
    pub(crate) fn hold_period(&self, request: &Request) -> Option<Duration> {
        let of_category = self.hold_periods.iter().find(|(range, _)| range.contains(&request.mcc));
        of_category.map(|(_, period)| *period).or(self.hold_period)
    }

    /// The most that may be posted where this much was authorized, minor units.
    pub(crate) fn most_completed(&self, authorized_minor: i64) -> i64 {
        let more = i128::from(authorized_minor) * i128::from(self.tolerance_percent) / 100;
        i64::try_from(i128::from(authorized_minor) + more).unwrap_or(authorized_minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_is_rounded_down() {
        let check = |percent, authorized, most| {
            let rules = LedgerRules { tolerance_percent: percent, ..LedgerRules::default() };
            assert_eq!(rules.most_completed(authorized), most);
        };
        check(0, 100, 100);
        check(15, 100, 115);
        check(15, 99, 113);
        check(100, i64::MAX, i64::MAX);
    }
}
