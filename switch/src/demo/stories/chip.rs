//! What chip and terminal tell, and cards read by another way than their chip.

use crate::demo::site::CHIP_TERMINAL;
use crate::demo::stage::{Played, Stage, money};
use card::TerminalId;
use terminal::{ChipTransaction, CryptogramVersion, Presentment};

/// The stripe after the chip failed: goods, then cash.
pub(super) fn fallback(stage: &mut Stage) -> Played {
    let (mut line, card) = (stage.pos()?, stage.card());
    let presentment = Presentment { entry_mode: 80, ..Presentment::stripe(&card) };
    let goods = stage.buy_with(&mut line, 10_00, &presentment)?.code;
    let presentment = presentment.with_pin(stage.pos_pin(&card, card.pin()));
    let message = line.pos.withdrawal(10_00, &presentment, &stage.trace())?;
    Ok(format!("goods {goods}, cash {}", line.ask(&message)?.code))
}

/// A terminal that reads chips, by its configuration, and reads the stripe all the same.
pub(super) fn stripe_at_chip_terminal(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    line.pos.terminal = TerminalId::new(CHIP_TERMINAL.as_bytes()).ok_or("eight letters")?;
    let stripe = stage.buy_with(&mut line, 10_00, &Presentment::stripe(&card))?.code;
    let chip = stage.buy(&mut line, &mut card, 10_00)?.code;
    Ok(format!("stripe {stripe}, chip {chip}"))
}

/// The chip has declined, and the terminal asks all the same.
pub(super) fn declined_by_chip(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let chip = stage.chip(10_00, ChipTransaction::PURCHASE);
    let icc = card.decline(&chip, CryptogramVersion::Visa18);
    let presentment = Presentment { icc: Some(icc), ..stage.chip_and_pin(&mut card, 10_00) };
    Ok(stage.buy_with(&mut line, 10_00, &presentment)?.code.to_string())
}

/// The chip has approved by itself; the advice of it comes twice, by another number the second time.
pub(super) fn approved_by_chip(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let chip = stage.chip(7_50, ChipTransaction::PURCHASE);
    let icc = card.approve(&chip, CryptogramVersion::Visa18);
    let presentment = Presentment { icc: Some(icc), pin_block: None, ..Presentment::stripe(&card) };
    let presentment = Presentment { entry_mode: 5, card_sequence: Some(card.sequence()), ..presentment };
    let mut codes = Vec::new();
    for _ in 0..2 {
        let message = line.pos.advice(7_50, &presentment, &stage.trace())?;
        let response = line.ask(&message)?;
        codes.push(format!("{} {}", response.mti, response.code));
    }
    let after = stage.balance(&mut line, &mut card)?;
    let debited = money(before.ledger_minor - after.ledger_minor);
    Ok(format!("{}, debited once: {debited}", codes.join(", ")))
}
