//! Kinds of transactions and their lives, over the wire: several accounts, cashback, refunds, deposits, authorizations
//! that are raised and completed, approvals in part.

use crate::demo::site::serial;
use crate::demo::stage::{Played, PosLine, Stage, money, usd};
use iso8583::Mti;
use std::error::Error;
use terminal::{CardSimulator, ChipTransaction, CryptogramVersion, Particulars, PosResponse, Presentment};

/// The card draws on its savings account, gives to it, and shows what moved there.
pub(super) fn accounts(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card_of(serial::SEVERAL_ACCOUNTS));
    let savings = |stage: &mut Stage, line: &mut PosLine, card: &mut CardSimulator| {
        let told = ask(stage, line, card, FINANCIAL, b"311000", None, &Particulars::default())?;
        told.ledger_minor.ok_or_else(|| Box::<dyn Error>::from("an inquiry without a balance"))
    };
    let before = savings(stage, &mut line, &mut card)?;
    let none = Particulars::default();
    let bought = ask(stage, &mut line, &mut card, FINANCIAL, b"001000", Some(10_00), &none)?;
    let less = before - savings(stage, &mut line, &mut card)?;
    let credit = ask(stage, &mut line, &mut card, FINANCIAL, b"003000", Some(10_00), &none)?;
    let moved = ask(stage, &mut line, &mut card, FINANCIAL, b"402010", Some(10_000), &none)?;
    let left = moved.ledger_minor.unwrap_or(0);
    let then = savings(stage, &mut line, &mut card)?;
    let listed = ask(stage, &mut line, &mut card, FINANCIAL, b"381000", None, &none)?;
    let lines = listed.additional.unwrap_or_default();
    let newest = lines.get(4..19).map_or_else(String::new, |line| {
        let minor = line[3..].parse().unwrap_or(0);
        format!("{} {} {}", &line[..2], &line[2..3], money(minor))
    });
    Ok(format!(
        "savings {}, {} less; credit {}; transfer {}, {} and {}; statement of {} lines, the newest {newest}",
        bought.code,
        money(less),
        credit.code,
        moved.code,
        money(left),
        money(then),
        lines.len() / 20,
    ))
}

/// Cash with goods, then more of it than the product gives.
pub(super) fn cashback(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let some = Particulars::cash(20_00, usd());
    let given = ask(stage, &mut line, &mut card, FINANCIAL, b"090000", Some(30_00), &some)?;
    let most = Particulars::cash(10_001, usd());
    let refused = ask(stage, &mut line, &mut card, FINANCIAL, b"090000", Some(15_000), &most)?;
    Ok(format!("30.00 with 20.00 cash {}, with 100.01 {}", given.code, refused.code))
}

/// A bill is paid and given back in parts, never more than was paid.
pub(super) fn refund(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?.ledger_minor;
    let presentment = stage.chip_and_pin(&mut card, 40_00);
    let none = Particulars::default();
    let bill = line.pos.message(FINANCIAL, b"500000", Some(40_00), &presentment, &none, &stage.trace())?;
    let mut told = vec![format!("bill {}", line.ask(&bill)?.code)];
    let about = Particulars::about(&bill);
    for minor in [15_00u32, 25_01, 25_00] {
        let given = keyed(stage, &mut line, &card, FINANCIAL, b"200000", minor, &about)?;
        let word = if minor == 15_00 { "refund " } else { "" };
        told.push(format!("{word}{} {}", money(minor.into()), given.code));
    }
    let alone = keyed(stage, &mut line, &card, FINANCIAL, b"200000", 5_00, &none)?;
    told.push(format!("without a bill {}", alone.code));
    let after = stage.balance(&mut line, &mut card)?.ledger_minor;
    Ok(format!("{}, debited {}", told.join(", "), money(before - after)))
}

/// Cash paid in, and a question about the card that moves nothing.
pub(super) fn deposit(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?.ledger_minor;
    let none = Particulars::default();
    let paid = ask(stage, &mut line, &mut card, FINANCIAL, b"210000", Some(50_00), &none)?;
    let asked = ask(stage, &mut line, &mut card, Mti::AUTHORIZATION_REQUEST, b"330000", None, &none)?;
    let after = stage.balance(&mut line, &mut card)?.ledger_minor;
    Ok(format!("deposit {}, verified {}, debited {}", paid.code, asked.code, money(before - after)))
}

/// A hotel holds, holds more, posts a little more than that, and takes it back.
pub(super) fn preauthorization(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?;
    let presentment = stage.chip_and_pin(&mut card, 10_000);
    let trace = stage.trace();
    let none = Particulars::default();
    let request = Mti::AUTHORIZATION_REQUEST;
    let first = line.pos.message(request, b"000000", Some(10_000), &presentment, &none, &trace)?;
    let held = line.ask(&first)?;
    let about = Particulars::about_approval(held.authorization_id);
    let raised = keyed(stage, &mut line, &card, request, b"000000", 50_00, &about)?;
    let on_hold = stage.balance(&mut line, &mut card)?;
    let presentment = Presentment::keyed(card.pan(), card.expiry());
    let about = Particulars::about(&first);
    let (advice, trace) = (Mti::FINANCIAL_ADVICE, stage.trace());
    let completion = line.pos.message(advice, b"000000", Some(16_000), &presentment, &about, &trace)?;
    let completed = line.ask(&completion)?;
    let posted = stage.balance(&mut line, &mut card)?;
    let again = keyed(stage, &mut line, &card, advice, b"000000", 16_000, &about)?;
    let reversal = line.pos.reversal(Mti::REVERSAL_ADVICE, &completion, None, &stage.trace())?;
    let reversed = line.ask(&reversal)?;
    let after = stage.balance(&mut line, &mut card)?;
    let free = before.available_minor - before.ledger_minor;
    Ok(format!(
        "{}, raised {}, {} held; completed {} {}, posted {}, held {}; again {}; reversed {}, posted {}",
        held.code,
        raised.code,
        money(before.available_minor - on_hold.available_minor),
        completed.mti,
        completed.code,
        money(before.ledger_minor - posted.ledger_minor),
        money(posted.ledger_minor - posted.available_minor + free),
        again.code,
        reversed.code,
        money(before.ledger_minor - after.ledger_minor),
    ))
}

/// A teller holds cash and completes it; nobody refunds it.
pub(super) fn cash_completed(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let before = stage.balance(&mut line, &mut card)?.ledger_minor;
    let presentment = stage.chip_and_pin(&mut card, 50_00);
    let (none, trace) = (Particulars::default(), stage.trace());
    let request = Mti::AUTHORIZATION_REQUEST;
    let held = line.pos.message(request, b"170000", Some(50_00), &presentment, &none, &trace)?;
    let mut told = vec![line.ask(&held)?.code.to_string()];
    let (advice, about) = (Mti::FINANCIAL_ADVICE, Particulars::about(&held));
    told.push(format!(
        "completed {}",
        keyed(stage, &mut line, &card, advice, b"170000", 50_00, &about)?.code
    ));
    told.push(format!("again {}", keyed(stage, &mut line, &card, advice, b"170000", 50_00, &about)?.code));
    told.push(format!(
        "refund {}",
        keyed(stage, &mut line, &card, FINANCIAL, b"200000", 50_00, &about)?.code
    ));
    let after = stage.balance(&mut line, &mut card)?.ledger_minor;
    Ok(format!("{}, debited {}", told.join(", "), money(before - after)))
}

/// 20.00 are there: a terminal that takes a part gets them.
pub(super) fn partial(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card_of(serial::SHORT));
    let whole = stage.buy(&mut line, &mut card, 30_00)?.code;
    let takes = Particulars { private_60: Some("PA1".to_owned()), ..Particulars::default() };
    let part = ask(stage, &mut line, &mut card, FINANCIAL, b"000000", Some(30_00), &takes)?;
    let given = part.amount_minor.unwrap_or(0).cast_signed();
    let nothing = ask(stage, &mut line, &mut card, FINANCIAL, b"000000", Some(30_00), &takes)?.code;
    Ok(format!("30.00: {whole}, where a part will do {} with {}, then {nothing}", part.code, money(given)))
}

const FINANCIAL: Mti = Mti::FINANCIAL_REQUEST;

/// A message by chip and PIN, and its answer.
fn ask(
    stage: &mut Stage,
    line: &mut PosLine,
    card: &mut CardSimulator,
    mti: Mti,
    processing_code: &[u8; 6],
    amount_minor: Option<u32>,
    particulars: &Particulars,
) -> Result<PosResponse, Box<dyn Error>> {
    let block = stage.pos_pin(card, card.pin());
    let chip = stage.chip(i64::from(amount_minor.unwrap_or(0)), ChipTransaction::PURCHASE);
    let presentment = Presentment::chip(card, &chip, CryptogramVersion::Visa10).with_pin(block);
    let (amount, trace) = (amount_minor.map(u64::from), stage.trace());
    let message = line.pos.message(mti, processing_code, amount, &presentment, particulars, &trace)?;
    line.ask(&message)
}

/// A message about an earlier one, which needs no card, and its answer.
fn keyed(
    stage: &mut Stage,
    line: &mut PosLine,
    card: &CardSimulator,
    mti: Mti,
    processing_code: &[u8; 6],
    amount_minor: u32,
    particulars: &Particulars,
) -> Result<PosResponse, Box<dyn Error>> {
    let presentment = Presentment::keyed(card.pan(), card.expiry());
    let (amount, trace) = (Some(u64::from(amount_minor)), stage.trace());
    let message = line.pos.message(mti, processing_code, amount, &presentment, particulars, &trace)?;
    line.ask(&message)
}
