//! Other currencies than the account's, and fees.

use super::money::{approved, debited, purchase, reverse};
use crate::demo::site::CASH_LIKE_MCC;
use crate::demo::stage::{Played, Stage, money};
use card::Currency;
use iso8583::{Mti, field, parse};
use terminal::{Pos, PosResponse};

/// 100.00 pounds: the answer says what the cardholder pays (DE 6, 10, 51). 40.00 of them stand after all, at the same
/// rate. For a currency without a rate there is no answer but 12.
pub(super) fn foreign_currency(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let dollars = line.pos.clone();
    let before = stage.balance(&mut line, &mut card)?;
    line.pos = Pos { currency: Currency::parse("GBP")?, ..dollars.clone() };
    let message = purchase(stage, &line, &mut card, 10_000)?;
    let answer = line.connection.ask(&message)?;
    approved(&line, &answer)?;
    let answer = parse(&answer, line.pos.dialect)?;
    let billed = answer.number(field::AMOUNT_BILLING).and_then(|minor| i64::try_from(minor).ok());
    let rate = answer.value(field::CONVERSION_RATE_BILLING);
    let currency = answer.value(field::CURRENCY_BILLING);
    let told = format!(
        "billed {} of {} at {}",
        billed.map_or("-".to_owned(), money),
        currency.as_ref().and_then(|code| code.as_str()).unwrap_or("-"),
        rate.as_ref().and_then(|rate| rate.as_str()).unwrap_or("-"),
    );
    let spent = debited(stage, &mut line, &mut card, before)?;
    let undone = reverse(stage, &mut line, Mti::REVERSAL_ADVICE, &message, Some(40_00))?.code;
    let stands = debited(stage, &mut line, &mut card, before)?;
    line.pos = Pos { currency: Currency::parse("JPY")?, ..dollars };
    let without_rate = stage.buy(&mut line, &mut card, 1_000)?.code;
    Ok(format!("{told}, debited {spent}, 40.00 stand {undone}: {stands}; yen {without_rate}"))
}

/// The rate changes while the switch runs. What was bought before is given back at the rate it was bought at.
pub(super) fn rates_change(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos = Pos { currency: Currency::parse("GBP")?, ..line.pos };
    let before = stage.balance(&mut line, &mut card)?;
    let message = purchase(stage, &line, &mut card, 10_00)?;
    let answer = line.connection.ask(&message)?;
    approved(&line, &answer)?;
    let old = debited(stage, &mut line, &mut card, before)?;
    stage.site().change_tables("\"1.265\"", "\"1.3\"")?;
    let between = stage.balance(&mut line, &mut card)?;
    let second = purchase(stage, &line, &mut card, 10_00)?;
    let answer = line.connection.ask(&second)?;
    approved(&line, &answer)?;
    let new = debited(stage, &mut line, &mut card, between)?;
    reverse(stage, &mut line, Mti::REVERSAL_REQUEST, &second, None)?;
    reverse(stage, &mut line, Mti::REVERSAL_ADVICE, &message, Some(5_00))?;
    let stands = debited(stage, &mut line, &mut card, before)?;
    stage.site().change_tables("\"1.3\"", "\"1.265\"")?;
    Ok(format!("billed {old}, then at the new rate {new}; what stands of the first {stands}"))
}

/// Quasi cash costs one and a half percent, one dollar at least. With the whole purchase the fee is given back.
pub(super) fn fees(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos = Pos { mcc: CASH_LIKE_MCC, ..line.pos };
    let before = stage.balance(&mut line, &mut card)?;
    let message = purchase(stage, &line, &mut card, 10_00)?;
    let answer = line.connection.ask(&message)?;
    approved(&line, &answer)?;
    let small = debited(stage, &mut line, &mut card, before)?;
    let undone = reverse(stage, &mut line, Mti::REVERSAL_REQUEST, &message, None)?.code;
    let back = debited(stage, &mut line, &mut card, before)?;
    let message = purchase(stage, &line, &mut card, 20_000)?;
    let answer = line.connection.ask(&message)?;
    let code = PosResponse::parse(&answer, line.pos.dialect)?.code;
    let large = debited(stage, &mut line, &mut card, before)?;
    Ok(format!("10.00 debited {small}, reversed {undone}: {back}; 200.00 {code} debited {large}"))
}
