//! Purchases that go well, by every way of reading a card.

use crate::demo::stage::{Played, Stage, arpc, money};
use terminal::{ChipTransaction, CryptogramVersion, Intent, Presentment};

pub(super) fn chip_and_pin(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let presentment = stage.chip_and_pin(&mut card, 12_50);
    let message = line.pos.purchase(Intent::Authorize, 12_50, &presentment, &stage.trace())?;
    let response = line.ask(&message)?;
    let id = if response.authorization_id.is_some() { "authorization id" } else { "no authorization id" };
    let answer = arpc(&card, response.issuer_authentication.as_deref());
    Ok(format!("{} {}, {id}, {answer}", response.mti, response.code))
}

pub(super) fn chip_and_pin_cvn_18(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let block = stage.pos_pin(&card, card.pin());
    let chip = stage.chip(12_50, ChipTransaction::PURCHASE);
    let presentment = Presentment::chip(&mut card, &chip, CryptogramVersion::Visa18).with_pin(block);
    let response = stage.buy_with(&mut line, 12_50, &presentment)?;
    Ok(format!("{}, {}", response.code, arpc(&card, response.issuer_authentication.as_deref())))
}

pub(super) fn contactless(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let chip = stage.chip(8_00, ChipTransaction::PURCHASE);
    let presentment = Presentment::contactless(&mut card, &chip, CryptogramVersion::Visa18);
    let response = stage.buy_with(&mut line, 8_00, &presentment)?;
    Ok(format!("{}, {}", response.code, arpc(&card, response.issuer_authentication.as_deref())))
}

pub(super) fn stripe(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let response = stage.buy_with(&mut line, 19_99, &Presentment::stripe(&card))?;
    Ok(response.code.to_string())
}

pub(super) fn bcd(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos_bcd()?, stage.card());
    let response = stage.buy(&mut line, &mut card, 12_50)?;
    let answer = arpc(&card, response.issuer_authentication.as_deref());
    Ok(format!("{} {}, {answer}", response.mti, response.code))
}

/// 0100 takes from what is free and not from what is posted.
pub(super) fn authorization_holds(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let presentment = stage.chip_and_pin(&mut card, 30_00);
    let message = line.pos.purchase(Intent::Authorize, 30_00, &presentment, &stage.trace())?;
    let response = line.ask(&message)?;
    let after = stage.balance(&mut line, &mut card)?;
    let held = money(before.available_minor - after.available_minor);
    let posted = money(before.ledger_minor - after.ledger_minor);
    Ok(format!("{}, {held} held, {posted} posted", response.code))
}
