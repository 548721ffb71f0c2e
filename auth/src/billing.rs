//! What a transaction takes from the account in the account's own currency, and what its link is owed for it.
//! A conversion is made once, when the transaction is decided: what happens to it later goes by the rate it was
//! decided with, which stands in its record.

use crate::booking::Role;
use crate::counters::Count;
use crate::original;
use crate::rate::{Markup, Rate, RateTable, Rounding};
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::tables::Link;
use crate::tariff::{self, Charge, Tariff};
use crate::velocity::Held;
use card::{CivilDay, Currency, ResponseCode};
use serde::{Deserialize, Serialize};

/// Amounts that the acquirer states beside DE 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// DE 5: minor units of the ISO 4217 number in DE 50.
    pub settlement: Option<(i64, u16)>,
    /// DE 6: minor units of the ISO 4217 number in DE 51.
    pub billing: Option<(i64, u16)>,
    /// DE 28: what the acquirer takes of the cardholder, minor units of the transaction currency; below zero where
    /// it gives.
    pub surcharge_minor: i64,
}

/// What was decided about the money of a transaction that is more than one amount in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    /// The account's currency.
    pub currency: Currency,
    /// What the transaction takes, minor units of it, without the fee.
    pub amount_minor: i64,
    /// From the transaction's currency, what cardholders pay on top included; `None` where both are the same.
    pub rate: Option<Rate>,
    /// How its conversions are rounded.
    pub rounding: Rounding,
    /// Whether the network has said the amount, and not our own rates.
    pub by_network: bool,
    /// What the acquirer takes on top of DE 4, minor units of the transaction currency.
    pub surcharge_minor: i64,
    /// The fee.
    pub charge: Option<Charge>,
    /// What the link is owed.
    pub settlement: Settlement,
}

/// What a link is owed for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// In which currency.
    pub currency: Currency,
    /// Minor units of it.
    pub minor: i64,
    /// From the transaction's currency; `None` where both are the same.
    pub rate: Option<Rate>,
}

/// Of a transaction with a [`Billing`]: what stands, beside the sum that the account pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// Minor units of the transaction currency.
    pub amount_minor: i64,
    /// The fee within the sum, minor units of the account's currency.
    pub fee_minor: i64,
    /// What the link is owed, minor units of the settlement currency.
    pub settlement_minor: i64,
    /// That currency.
    pub settlement_currency: Currency,
}

/// What a transaction is to take.
pub(crate) struct Quote {
    /// Without the fee, minor units of the account's currency: what limits see.
    pub(crate) amount_minor: i64,
    /// With the fee.
    pub(crate) total_minor: i64,
    /// `None` where the account pays the amount of DE 4 to the link, in its currency, and nothing else.
    pub(crate) billing: Option<Box<Billing>>,
    /// Counter of transactions that are free of a fee.
    pub(crate) count: Option<Count>,
}

/// A part of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// What the account pays, minor units of its currency.
    pub(crate) minor: i64,
    pub(crate) shares: Option<Shares>,
}

impl Quote {
    /// The largest part of a request, up to so much of it, that an account with so much available bears with its fee:
    /// the part, in the transaction's currency, and what it takes.
    pub(crate) fn affordable(
        &self,
        request: &Request,
        most: i64,
        available: i64,
    ) -> Option<(i64, i64, Option<Box<Billing>>)> {
        let Some(billing) = self.billing.as_deref() else {
            let part = available.min(most);
            return (part > 0).then_some((part, part, None));
        };
        let currency = Currency::from_numeric(request.currency).ok()?;
        let of = |part: i64| billing.of_amount(request.amount_minor, part, currency);
        let bears = |part: i64| of(part).is_some_and(|billing| billing.total_minor() <= available);
        // All below is borne, nothing above.
        let (mut below, mut above) = (0, most.saturating_add(1));
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if bears(middle) { below = middle } else { above = middle }
        }
        let billing = of(below).filter(|_| below > 0)?;
        Some((below, billing.total_minor(), Some(Box::new(billing))))
    }
}

impl Part {
    /// Money that was given instead of taken.
    pub(crate) fn given(self) -> Part {
        let shares = self.shares.map(|shares| Shares {
            amount_minor: -shares.amount_minor,
            fee_minor: -shares.fee_minor,
            settlement_minor: -shares.settlement_minor,
            ..shares
        });
        Part { minor: -self.minor, shares }
    }

    /// What the account pays beside the fee.
    pub(crate) fn without_fee(&self) -> i64 {
        self.minor - self.shares.map_or(0, |shares| shares.fee_minor)
    }

    /// Whether anything is given back when this stands in the place of what stood before.
    pub(crate) fn gives_back(&self, before: &Part) -> bool {
        let amount = |part: &Part| part.shares.map_or(0, |shares| shares.amount_minor.abs());
        let (now, then) = (self.minor.abs(), before.minor.abs());
        now < then || now == then && amount(self) < amount(before)
    }
}

/// Step 5 for what needs the account: the amount in its currency, the fee, and what the link is owed.
pub(crate) fn quote(held: &Held<'_>, receipt: &mut Receipt) -> Result<Quote, Decline> {
    let Held { tables, request, account, .. } = *held;
    let own = account.account.currency;
    let seen = i64::from(request.currency);
    let known =
        if request.currency == own.numeric() { Ok(own) } else { Currency::from_numeric(request.currency) };
    let currency =
        known.map_err(|_| receipt.fail(Step::Currency, ResponseCode::INVALID_TRANSACTION, seen, 0))?;
    let link = tables.links.get(&request.link);
    let surcharge_minor = surcharge(link, request, receipt);
    let asked = if request.transaction.moves_money() { request.amount_minor } else { 0 };
    let gross = asked.checked_add(surcharge_minor).filter(|gross| *gross >= 0 && (*gross > 0 || asked == 0));
    let gross = gross
        .ok_or_else(|| receipt.fail(Step::Surcharge, ResponseCode::INVALID_AMOUNT, surcharge_minor, asked))?;

    let day = held.moment.day;
    let mut exchange = Exchange { rates: &tables.rates, link, currency, gross, day, receipt };
    let billed = exchange.billing(own, request)?;
    // What goes from one of our accounts to another is settled with nobody.
    let agreed = link.and_then(|link| link.settlement);
    let agreed = agreed.filter(|_| request.transaction != TransactionType::Transfer);
    let settlement = exchange.settlement(agreed, request)?;

    // Money that is given costs nothing, and what raises an authorization has paid with it.
    let gives = request.transaction.gives_money();
    let tariff = if gives || original::role(request) == Role::Increment {
        Tariff::default()
    } else {
        tariff::apply(&Held { amount_minor: billed.minor, ..*held }, receipt)
    };
    let fee_minor = tariff.charge.as_ref().map_or(0, |charge| charge.minor);
    let total_minor = billed
        .minor
        .checked_add(fee_minor)
        .ok_or_else(|| receipt.fail(Step::Fee, ResponseCode::INVALID_AMOUNT, fee_minor, billed.minor))?;
    let plain =
        billed.rate.is_none() && settlement.rate.is_none() && surcharge_minor == 0 && tariff.charge.is_none();
    let billing = (!plain).then(|| {
        Box::new(Billing {
            currency: own,
            amount_minor: billed.minor,
            rate: billed.rate,
            rounding: tables.rates.rounding(),
            by_network: billed.by_network,
            surcharge_minor,
            charge: tariff.charge,
            settlement,
        })
    });
    Ok(Quote { amount_minor: billed.minor, total_minor, billing, count: tariff.count })
}

/// What the acquirer takes on top of DE 4. Where DE 4 has it already, that is only noted.
fn surcharge(link: Option<&Link>, request: &Request, receipt: &mut Receipt) -> i64 {
    let minor = request.stated.surcharge_minor;
    if minor == 0 {
        return 0;
    }
    let on_top = link.is_some_and(|link| link.surcharge_on_top);
    receipt.note(Step::Surcharge, minor, request.amount_minor);
    if on_top { minor } else { 0 }
}

/// One amount in the currency of its transaction, and what it becomes.
struct Exchange<'a> {
    rates: &'a RateTable,
    link: Option<&'a Link>,
    currency: Currency,
    gross: i64,
    day: CivilDay,
    receipt: &'a mut Receipt,
}

struct Billed {
    minor: i64,
    rate: Option<Rate>,
    by_network: bool,
}

impl Exchange<'_> {
    /// The amount in the account's currency: by our own rates, or as the network says where it is trusted.
    fn billing(&mut self, own: Currency, request: &Request) -> Result<Billed, Decline> {
        if own == self.currency || self.gross == 0 {
            return Ok(Billed { minor: self.gross, rate: None, by_network: false });
        }
        let markup = if request.transaction.gives_money() { Markup::Without } else { Markup::With };
        let (minor, rate) = self.converted(own, markup)?;
        let numbers = [self.currency, own].map(|currency| i64::from(currency.numeric()));
        self.receipt.pass(Step::Currency, numbers[0], numbers[1]);
        self.receipt.pass(Step::Rate, rate.mantissa().cast_signed(), i64::from(rate.decimals()));
        let Some(stated) = self.trusted(request.stated.billing, own) else {
            self.receipt.pass(Step::BillingAmount, minor, 0);
            return Ok(Billed { minor, rate: Some(rate), by_network: false });
        };
        let rate = self.believed(Step::BillingAmount, stated, minor, own)?;
        Ok(Billed { minor: stated, rate: Some(rate), by_network: true })
    }

    /// What the link is owed: in its settlement currency, else in that of the transaction.
    fn settlement(&mut self, agreed: Option<Currency>, request: &Request) -> Result<Settlement, Decline> {
        let currency = agreed.unwrap_or(self.currency);
        if currency == self.currency || self.gross == 0 {
            return Ok(Settlement { currency, minor: self.gross, rate: None });
        }
        let (minor, rate) = self.converted(currency, Markup::Without)?;
        let Some(stated) = self.trusted(request.stated.settlement, currency) else {
            return Ok(Settlement { currency, minor, rate: Some(rate) });
        };
        let rate = self.believed(Step::SettlementAmount, stated, minor, currency)?;
        Ok(Settlement { currency, minor: stated, rate: Some(rate) })
    }

    /// No rate: 12. An amount that does not fit: 13.
    fn converted(&mut self, to: Currency, markup: Markup) -> Result<(i64, Rate), Decline> {
        let pair = [i64::from(self.currency.numeric()), i64::from(to.numeric())];
        let Some(rate) = self.rates.find(self.currency, to, self.day, markup) else {
            return Err(self.receipt.fail(
                Step::Currency,
                ResponseCode::INVALID_TRANSACTION,
                pair[0],
                pair[1],
            ));
        };
        match rate.convert(self.gross, self.currency, to, self.rates.rounding()) {
            Some(minor) => Ok((minor, rate)),
            None => Err(self.receipt.fail(Step::Amount, ResponseCode::INVALID_AMOUNT, self.gross, 0)),
        }
    }

    /// What the message says in this currency, where the link may say it.
    fn trusted(&self, stated: Option<(i64, u16)>, currency: Currency) -> Option<i64> {
        self.link?.amount_tolerance?;
        stated.filter(|(_, number)| *number == currency.numeric()).map(|(minor, _)| minor)
    }

    /// The rate behind a stated amount that is near enough to our own; otherwise 13.
    fn believed(&mut self, step: Step, stated: i64, own: i64, to: Currency) -> Result<Rate, Decline> {
        let tolerance = self.link.and_then(|link| link.amount_tolerance).unwrap_or(0);
        let apart = (i128::from(stated) - i128::from(own)).unsigned_abs() * 10_000;
        let near = stated > 0 && apart <= i128::from(own).unsigned_abs() * u128::from(tolerance);
        let unit = |currency: Currency| 10u128.pow(u32::from(currency.exponent()));
        let rate = || {
            let (dividend, divisor) = (u128::try_from(stated).ok()?, u128::try_from(self.gross).ok()?);
            Rate::of_quotient(dividend * unit(self.currency), divisor * unit(to))
        };
        match rate().filter(|_| near) {
            Some(rate) => {
                self.receipt.pass(step, stated, own);
                Ok(rate)
            }
            None => Err(self.receipt.fail(step, ResponseCode::INVALID_AMOUNT, stated, own)),
        }
    }
}

impl Billing {
    /// What stands when all of the transaction amount does.
    pub(crate) fn whole(&self, amount_minor: i64) -> Part {
        let fee_minor = self.charge.as_ref().map_or(0, |charge| charge.minor);
        self.standing(amount_minor, self.amount_minor, fee_minor, self.settlement.minor)
    }

    /// The same of another amount of the transaction, which may be more: what a completion posts of it, or what is
    /// approved of a request. `None` when that does not fit.
    pub(crate) fn of_amount(
        &self,
        whole_minor: i64,
        amount_minor: i64,
        currency: Currency,
    ) -> Option<Billing> {
        if amount_minor == whole_minor {
            return Some(self.clone());
        }
        let gross = amount_minor.checked_add(self.surcharge_minor)?.max(0);
        let of = |rate: Option<Rate>, to: Currency| match rate {
            None => Some(gross),
            Some(rate) => rate.convert(gross, currency, to, self.rounding),
        };
        let settlement =
            Settlement { minor: of(self.settlement.rate, self.settlement.currency)?, ..self.settlement };
        let charge = self.charge.map(|charge| charge.of_amount(whole_minor, amount_minor));
        let amount_minor = of(self.rate, self.currency)?;
        Some(Billing { amount_minor, settlement, charge, ..self.clone() })
    }

    /// What a refund of a part gives: minor units of the account and of the settlement currency.
    pub(crate) fn given_back(&self, amount_minor: i64, settlement_minor: i64) -> Billing {
        let settlement = Settlement { minor: settlement_minor, ..self.settlement };
        Billing { amount_minor, settlement, charge: None, surcharge_minor: 0, ..self.clone() }
    }

    /// Amount and fee, minor units of the account.
    pub(crate) fn total_minor(&self) -> i64 {
        self.amount_minor.saturating_add(self.charge.map_or(0, |charge| charge.minor))
    }

    /// What stands when `stands_minor` of `amount_minor` do, both in the transaction currency: by the rates that the
    /// transaction was decided with. Never more than the whole, and never nothing of something.
    pub(crate) fn part(&self, amount_minor: i64, stands_minor: i64, currency: Currency) -> Part {
        if stands_minor <= 0 {
            return self.standing(0, 0, 0, 0);
        }
        if stands_minor >= amount_minor {
            return self.whole(amount_minor);
        }
        let gross = stands_minor.saturating_add(self.surcharge_minor).max(0);
        let of = |rate: Option<Rate>, to: Currency, whole: i64| match rate {
            None => gross.min(whole),
            Some(rate) => {
                rate.convert(gross, currency, to, self.rounding).map_or(whole, |minor| minor.min(whole))
            }
        };
        let billed = of(self.rate, self.currency, self.amount_minor);
        let settled = of(self.settlement.rate, self.settlement.currency, self.settlement.minor);
        let fee_minor = self.charge.as_ref().map_or(0, |charge| charge.standing(amount_minor, stands_minor));
        self.standing(stands_minor, billed, fee_minor, settled)
    }

    fn standing(&self, amount_minor: i64, billed: i64, fee_minor: i64, settlement_minor: i64) -> Part {
        let settlement_currency = self.settlement.currency;
        let shares = Shares { amount_minor, fee_minor, settlement_minor, settlement_currency };
        Part { minor: billed + fee_minor, shares: Some(shares) }
    }
}

impl Shares {
    /// What stands when nothing does.
    pub(crate) fn none_of(before: Option<Shares>) -> Option<Shares> {
        before.map(|shares| Shares { amount_minor: 0, fee_minor: 0, settlement_minor: 0, ..shares })
    }

    /// From what stood before to what stands after.
    pub(crate) fn change(before: Option<Shares>, after: Option<Shares>) -> Option<Shares> {
        let currency = before.or(after)?.settlement_currency;
        let of = |shares: Option<Shares>, part: fn(&Shares) -> i64| shares.as_ref().map_or(0, part);
        let change = |part: fn(&Shares) -> i64| of(after, part) - of(before, part);
        Some(Shares {
            amount_minor: change(|shares| shares.amount_minor),
            fee_minor: change(|shares| shares.fee_minor),
            settlement_minor: change(|shares| shares.settlement_minor),
            settlement_currency: currency,
        })
    }
}
