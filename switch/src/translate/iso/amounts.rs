//! Amounts beside DE 4: settlement (DE 5, 9, 50), cardholder billing (DE 6, 10, 51) and the acquirer's surcharge (DE 28).

use super::Refusal;
use auth::{Billing, Rate, Stated};
use card::Currency;
use iso8583::{Edition, Message, field};

/// What the acquirer states. An amount without its currency says nothing, and neither does one of zero. Rates (DE 9,
/// 10) are not read: what counts is the amount, and it is held against our own rate.
pub(super) fn stated(message: &Message<'_>) -> Result<Stated, Refusal> {
    Ok(Stated {
        settlement: amount(message, field::AMOUNT_SETTLEMENT, field::CURRENCY_SETTLEMENT),
        billing: amount(message, field::AMOUNT_BILLING, field::CURRENCY_BILLING),
        surcharge_minor: surcharge(message)?,
    })
}

fn amount(message: &Message<'_>, amount: u8, currency: u8) -> Option<(i64, u16)> {
    let minor = message.number(amount).and_then(|minor| i64::try_from(minor).ok())?;
    let text = message.value(currency)?;
    let number = match text.number() {
        Some(number) => u16::try_from(number).ok()?,
        None => Currency::parse(text.as_str()?).ok()?.numeric(),
    };
    (minor > 0).then_some((minor, number))
}

/// DE 28 of 1987, `x+n8`: `D` takes from the cardholder, `C` gives. In later editions the element is a date.
fn surcharge(message: &Message<'_>) -> Result<i64, Refusal> {
    if message.dialect().edition() != Edition::Iso1987 {
        return Ok(0);
    }
    let Some(text) = message.value(field::FEE) else { return Ok(0) };
    let illegal = || Refusal::illegal(field::FEE, "not C or D and eight digits");
    let (sign, digits) = text.split_first().ok_or_else(illegal)?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(illegal());
    }
    let minor = digits.iter().fold(0, |minor, digit| minor * 10 + i64::from(digit - b'0'));
    match sign {
        b'D' => Ok(minor),
        b'C' => Ok(-minor),
        _ if minor == 0 => Ok(0),
        _ => Err(illegal()),
    }
}

/// DE 5, 6, 9 and 10 of an answer, of what was converted and the dialect has: with a rate that its form has no room
/// for, the amount goes alone.
pub(super) fn of_response(request: &Message<'_>, billing: Option<&Billing>) -> Vec<(u8, Vec<u8>)> {
    let Some(billing) = billing else { return Vec::new() };
    let settlement = &billing.settlement;
    let amount = |field, rate: Option<Rate>, minor| rate.map(|_| (field, digits(minor)));
    let rate = |field, rate: Option<Rate>| Some((field, rate?.to_conversion_rate()?.to_vec()));
    let fields = [
        amount(field::AMOUNT_SETTLEMENT, settlement.rate, settlement.minor),
        amount(field::AMOUNT_BILLING, billing.rate, billing.amount_minor),
        rate(field::CONVERSION_RATE_SETTLEMENT, settlement.rate),
        rate(field::CONVERSION_RATE_BILLING, billing.rate),
    ];
    of_dialect(request, fields)
}

/// DE 50 and 51 of the same answer.
pub(super) fn currencies_of_response(request: &Message<'_>, billing: Option<&Billing>) -> Vec<(u8, Vec<u8>)> {
    let Some(billing) = billing else { return Vec::new() };
    let settlement = &billing.settlement;
    let currency = |field, rate: Option<Rate>, currency: Currency| {
        rate.map(|_| (field, format!("{:03}", currency.numeric()).into_bytes()))
    };
    let fields = [
        currency(field::CURRENCY_SETTLEMENT, settlement.rate, settlement.currency),
        currency(field::CURRENCY_BILLING, billing.rate, billing.currency),
    ];
    of_dialect(request, fields)
}

fn of_dialect<const N: usize>(
    request: &Message<'_>,
    fields: [Option<(u8, Vec<u8>)>; N],
) -> Vec<(u8, Vec<u8>)> {
    let dialect = request.dialect();
    let there = |(field, value): &(u8, Vec<u8>)| dialect.field(*field).is_some() && value.len() <= 12;
    fields.into_iter().flatten().filter(there).collect()
}

/// Twelve digits; more of an amount that has no place in twelve.
fn digits(minor: i64) -> Vec<u8> {
    format!("{minor:012}").into_bytes()
}
