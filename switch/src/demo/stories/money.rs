//! Messages that come twice, too late or too early, and what they do to the money: nothing more than
//! once.

use crate::demo::stage::{Balance, Played, PosLine, Stage, money};
use iso8583::Mti;
use serde_json::json;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};
use terminal::{CardSimulator, Intent, Pos, PosResponse};

/// The same bytes again, and again as a repeat (0201).
pub(super) fn duplicate(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let message = purchase(stage, &line, &mut card, 25_00)?;
    let first = line.connection.ask(&message)?;
    let second = line.connection.ask(&message)?;
    let third = line.connection.ask(&line.pos.repeat(&message)?)?;
    approved(&line, &first)?;
    let same = first == second && first == third;
    let debited = debited(stage, &mut line, &mut card, before)?;
    let same = if same { "same answer to all three" } else { "answers differ" };
    Ok(format!("{same}, debited once: {debited}"))
}

/// STAN, terminal and time of an earlier request with another amount.
pub(super) fn same_key_other_content(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let trace = stage.trace();
    let presentment = stage.chip_and_pin(&mut card, 25_00);
    let first = line.ask(&line.pos.purchase(Intent::Post, 25_00, &presentment, &trace)?)?;
    let presentment = stage.chip_and_pin(&mut card, 26_00);
    let second = line.ask(&line.pos.purchase(Intent::Post, 26_00, &presentment, &trace)?)?;
    let debited = debited(stage, &mut line, &mut card, before)?;
    Ok(format!("{}, then {}, debited {debited}", first.code, second.code))
}

pub(super) fn reversal(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let message = purchase(stage, &line, &mut card, 40_00)?;
    let answer = line.connection.ask(&message)?;
    approved(&line, &answer)?;
    let spent = debited(stage, &mut line, &mut card, before)?;
    let undone = reverse(stage, &mut line, Mti::REVERSAL_REQUEST, &message, None)?;
    let debited = debited(stage, &mut line, &mut card, before)?;
    Ok(format!("{} {}, debited {spent}, then {debited}", undone.mti, undone.code))
}

/// Fuel for 150.00 a week: what a reversal gives back may be spent.
pub(super) fn limits(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos = Pos { mcc: FUEL_MCC, ..line.pos };
    let message = purchase(stage, &line, &mut card, 10_000)?;
    let answer = line.connection.ask(&message)?;
    let first = PosResponse::parse(&answer, line.pos.dialect)?.code;
    let over = stage.buy(&mut line, &mut card, 60_00)?.code;
    let undone = reverse(stage, &mut line, Mti::REVERSAL_REQUEST, &message, None)?.code;
    let last = stage.buy(&mut line, &mut card, 60_00)?.code;
    Ok(format!("100.00: {first}, 60.00: {over}, reversed {undone}, 60.00: {last}"))
}

/// The same limit with another value for a while, which ends by itself.
pub(super) fn limit_override(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos = Pos { mcc: FUEL_MCC, ..line.pos };
    let first = stage.buy(&mut line, &mut card, 10_000)?.code;
    let over = stage.buy(&mut line, &mut card, 60_00)?.code;
    let pan = card.pan().reveal();
    let order = json!({ "pan": pan.as_str(), "limit": "fuel", "amount": "400.00", "for": "2s" });
    let ordered = Instant::now();
    let (status, answer) = stage.site().order("/v1/limits", &order)?;
    if status != 200 {
        return Err(format!("the switch refused the override: {answer}").into());
    }
    let meanwhile = stage.buy(&mut line, &mut card, 60_00)?.code;
    thread::sleep(Duration::from_millis(2_100).saturating_sub(ordered.elapsed()));
    let afterwards = stage.buy(&mut line, &mut card, 60_00)?.code;
    Ok(format!("100.00: {first}, 60.00: {over}, for a while {meanwhile}, afterwards {afterwards}"))
}

/// Service stations, which the demo's configuration limits.
const FUEL_MCC: u16 = 5541;

pub(super) fn reversal_doubled(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let message = purchase(stage, &line, &mut card, 40_00)?;
    let answer = line.connection.ask(&message)?;
    approved(&line, &answer)?;
    let first = reverse(stage, &mut line, Mti::REVERSAL_ADVICE, &message, None)?;
    let second = reverse(stage, &mut line, Mti::REVERSAL_ADVICE, &message, None)?;
    let debited = debited(stage, &mut line, &mut card, before)?;
    Ok(format!("{} {}, debited {debited}", first.code, second.code))
}

/// 40.00 were authorized and posted, 15.00 stand after all.
pub(super) fn reversal_partial(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let message = purchase(stage, &line, &mut card, 40_00)?;
    let answer = line.connection.ask(&message)?;
    approved(&line, &answer)?;
    let undone = reverse(stage, &mut line, Mti::REVERSAL_ADVICE, &message, Some(15_00))?;
    let debited = debited(stage, &mut line, &mut card, before)?;
    Ok(format!("{} {}, debited {debited}", undone.mti, undone.code))
}

/// The terminal gave up before its request arrived.
pub(super) fn reversal_before_original(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let message = purchase(stage, &line, &mut card, 40_00)?;
    let early = reverse(stage, &mut line, Mti::REVERSAL_ADVICE, &message, None)?;
    let late = line.ask(&message)?;
    let debited = debited(stage, &mut line, &mut card, before)?;
    Ok(format!("{}, original {}, debited {debited}", early.code, late.code))
}

/// A request before the switch stops, and again after it started from its journal.
pub(super) fn restart(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let message = purchase(stage, &line, &mut card, 25_00)?;
    let first = line.connection.ask(&message)?;
    approved(&line, &first)?;
    drop(line);
    stage.site().restart()?;
    let mut line = stage.pos()?;
    let again = line.connection.ask(&message)?;
    let debited = debited(stage, &mut line, &mut card, before)?;
    let same = if first == again { "same answer" } else { "another answer" };
    Ok(format!("{same} after the restart, debited once: {debited}"))
}

pub(super) fn purchase(
    stage: &mut Stage,
    line: &PosLine,
    card: &mut CardSimulator,
    amount_minor: u32,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let presentment = stage.chip_and_pin(card, i64::from(amount_minor));
    Ok(line.pos.purchase(Intent::Post, u64::from(amount_minor), &presentment, &stage.trace())?)
}

pub(super) fn reverse(
    stage: &mut Stage,
    line: &mut PosLine,
    mti: Mti,
    original: &[u8],
    replacement_minor: Option<u64>,
) -> Result<PosResponse, Box<dyn Error>> {
    let message = line.pos.reversal(mti, original, replacement_minor, &stage.trace())?;
    line.ask(&message)
}

/// A story about what follows an approval is none without one.
pub(super) fn approved(line: &PosLine, answer: &[u8]) -> Result<(), Box<dyn Error>> {
    let response = PosResponse::parse(answer, line.pos.dialect)?;
    if response.code.is_approval() {
        return Ok(());
    }
    Err(format!("the purchase was answered {}", response.code).into())
}

/// What the account has less than before, posted and free alike.
pub(super) fn debited(
    stage: &mut Stage,
    line: &mut PosLine,
    card: &mut CardSimulator,
    before: Balance,
) -> Result<String, Box<dyn Error>> {
    let after = stage.balance(line, card)?;
    let (posted, free) =
        (before.ledger_minor - after.ledger_minor, before.available_minor - after.available_minor);
    if posted != free {
        return Ok(format!("{} but {} less free", money(posted), money(free)));
    }
    Ok(money(posted))
}
