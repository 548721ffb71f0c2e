//! How scenarios speak of rates, fees, billing and settlement.

use crate::effects::shown;
use crate::limits;
use crate::script::Words;
use crate::values::minor;
use auth::{
    Billing, Fee, FeeName, InternalAccount, Link, LinkName, PartialFee, Quotation, Rate, Shares, State,
    Stated, TerminalSet,
};
use card::{Amount, CivilDay, Currency, ResponseCode};

/// `link NAME [foreign] [settles=USD] [surcharge-on-top] [believes=BASIS-POINTS]
/// [wants-verification=65|1A]`
pub(crate) fn link(words: &mut Words<'_>) -> Result<Link, String> {
    let mut link = Link::plain(TerminalSet::default(), None, !words.has("foreign"));
    link.settlement = words.value("settles", currency)?;
    link.surcharge_on_top = words.has("surcharge-on-top");
    link.amount_tolerance = words.value("believes", |text| text.parse().ok())?;
    if let Some(code) = words.value("wants-verification", |text| ResponseCode::parse(text.as_bytes()))? {
        link.verification_wanted = code;
    }
    Ok(link)
}

/// `rate FROM TO RATE [markup=] [valid-from=2026-06-15] [both-ways]`
pub(crate) fn rate(words: &mut Words<'_>) -> Result<Quotation, String> {
    Ok(Quotation {
        from: currency(words.next("a currency")?).ok_or("no such currency")?,
        to: currency(words.next("a currency")?).ok_or("no such currency")?,
        rate: Rate::parse(words.next("a rate")?).ok_or("no rate")?,
        markup: words.value("markup", |text| text.parse().ok())?.unwrap_or(0),
        valid_from: words.value("valid-from", day)?,
        both_ways: words.has("both-ways"),
    })
}

/// `fee NAME [flat=] [share=BASIS-POINTS] [minimum=] [maximum=] [free=] [from=] [to=] [own|other] [shared] [currency=]`
/// and the filters of a limit
pub(crate) fn fee(words: &mut Words<'_>) -> Result<Fee, String> {
    let name = words.next("a name")?;
    let (from, to) = (words.value("from", minor)?, words.value("to", minor)?);
    let band = (from.is_some() || to.is_some()).then(|| from.unwrap_or(0)..=to.unwrap_or(i64::MAX));
    let shared = words.has("shared");
    Ok(Fee {
        name: FeeName::new(name).ok_or("a bad name")?,
        counter: Fee::counter_of(name),
        currency: words.value("currency", currency)?.unwrap_or(currency("EUR").expect("ISO 4217")),
        filter: limits::filter(words)?,
        own_terminal: words.one_of(&[("own", true), ("other", false)]),
        band,
        flat_minor: words.value("flat", minor)?.unwrap_or(0),
        basis_points: words.value("share", |text| text.parse().ok())?.unwrap_or(0),
        minimum_minor: words.value("minimum", minor)?.unwrap_or(0),
        maximum_minor: words.value("maximum", minor)?,
        free: words.value("free", |text| text.parse().ok())?.unwrap_or(0),
        partial: if shared { PartialFee::Shared } else { PartialFee::Kept },
    })
}

/// `[billing=AMOUNT,EUR] [settlement=AMOUNT,USD] [surcharge=AMOUNT]` of a request
pub(crate) fn stated(words: &mut Words<'_>) -> Result<Stated, String> {
    let amount = |text: &str| {
        let (amount, code) = text.split_once(',')?;
        let currency = currency(code)?;
        Some((Amount::parse_major(amount, currency).ok()?.minor, currency.numeric()))
    };
    Ok(Stated {
        billing: words.value("billing", amount)?,
        settlement: words.value("settlement", amount)?,
        surcharge_minor: words.value("surcharge", minor)?.unwrap_or(0),
    })
}

/// `books LINK EUR`: what the link is owed, our position, and fees, in one currency.
pub(crate) fn books(words: &mut Words<'_>, state: &State) -> Result<String, String> {
    let link = LinkName::new(words.next("a link")?).ok_or("a bad link name")?;
    let of = currency(words.next("a currency")?).ok_or("no such currency")?;
    let amount = |minor: i128| {
        let minor = i64::try_from(minor).expect("little money in a scenario");
        Amount::new(minor, of).to_string().trim_end_matches(|sign: char| !sign.is_ascii_digit()).to_owned()
    };
    let owed = amount(state.owed_to(link, of));
    let [position, fees] = [InternalAccount::Position, InternalAccount::FeeIncome]
        .map(|account| amount(state.internal_balance(account, of)));
    Ok(shown("books", &format!("{of} owed={owed} position={position} fees={fees}")))
}

/// ` rate=0.92 billed=9.20 EUR fee=1.00 EUR(abroad) owed=10.00 USD`
pub(crate) fn shown_billing(billing: &Billing) -> String {
    let mut text = billing.rate.map_or(String::new(), |rate| format!(" rate={rate}"));
    text += &format!(" billed={}", Amount::new(billing.amount_minor, billing.currency));
    if billing.by_network {
        text += " (as stated)";
    }
    if let Some(charge) = &billing.charge {
        text += &format!(" fee={}({})", Amount::new(charge.minor, billing.currency), charge.fee);
    }
    text + &format!(" owed={}", Amount::new(billing.settlement.minor, billing.settlement.currency))
}

/// ` of-it-fee=1.00 owed=5.00 USD`
pub(crate) fn shown_shares(shares: &Shares) -> String {
    let owed = Amount::new(shares.settlement_minor, shares.settlement_currency);
    format!(" of-it-fee={} owed={owed}", crate::effects::money(shares.fee_minor))
}

pub(crate) fn currency(text: &str) -> Option<Currency> {
    Currency::parse(text).ok()
}

fn day(text: &str) -> Option<CivilDay> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Some(CivilDay { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? })
}
