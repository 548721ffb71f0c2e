//! An ATM over NDC: cash comes out, does not, or only in part, and the account follows.

use crate::demo::site::serial;
use crate::demo::stage::{AtmLine, Balance, Played, Stage, arpc, money};
use std::error::Error;
use terminal::{AtmReply, CardSimulator};

/// The ATM that the configuration of `init` knows as 001: notes of 10, 20, 50 and 100.
const LUNO: &str = "001";
const CERTIFICATE: &str = "atm";

pub(super) fn withdrawal(stage: &mut Stage) -> Played {
    let mut visit = Visit::begin(stage, 18_000)?;
    let answer = arpc(&visit.card, visit.reply.issuer_authentication.as_deref());
    let status = visit.line.atm.ready()?;
    let told = format!("{}, {}, {answer}", visit.notes(), card_flag(&visit.reply));
    let posted = visit.end(stage, &status)?;
    Ok(format!("{told}, posted {posted}"))
}

pub(super) fn failed_dispense(stage: &mut Stage) -> Played {
    let mut visit = Visit::begin(stage, 15_000)?;
    let status = visit.line.atm.cash_handler_fault(b'2', [0; 4])?;
    let notes = visit.notes();
    Ok(format!("{notes}, none came out, debited {}", visit.end(stage, &status)?))
}

pub(super) fn partial_dispense(stage: &mut Stage) -> Played {
    let mut visit = Visit::begin(stage, 18_000)?;
    let status = visit.line.atm.cash_handler_fault(b'1', [1, 1, 0, 0])?;
    let notes = visit.notes();
    Ok(format!("{notes}, two came out, posted {}", visit.end(stage, &status)?))
}

pub(super) fn rejected_reply(stage: &mut Stage) -> Played {
    let mut visit = Visit::begin(stage, 20_00)?;
    let status = visit.line.atm.reject(None)?;
    let notes = visit.notes();
    Ok(format!("{notes}, refused by the ATM, debited {}", visit.end(stage, &status)?))
}

/// No notes make up 25.00.
pub(super) fn odd_amount(stage: &mut Stage) -> Played {
    let card = stage.card();
    declined(stage, card, 25_00, CERTIFICATE)
}

pub(super) fn over_limit(stage: &mut Stage) -> Played {
    let card = stage.card();
    declined(stage, card, 41_000, CERTIFICATE)
}

pub(super) fn lost(stage: &mut Stage) -> Played {
    let card = stage.card_of(serial::LOST);
    declined(stage, card, 20_00, CERTIFICATE)
}

/// A POS terminal's certificate does not make an ATM.
pub(super) fn foreign_certificate(stage: &mut Stage) -> Played {
    let card = stage.card();
    declined(stage, card, 20_00, "pos")
}

/// An approved withdrawal whose notes are on their way.
struct Visit {
    line: AtmLine,
    card: CardSimulator,
    before: Balance,
    reply: AtmReply,
}

impl Visit {
    fn begin(stage: &mut Stage, amount_minor: u32) -> Result<Visit, Box<dyn Error>> {
        let mut card = stage.card();
        let before = stage.pos().and_then(|mut pos| stage.balance(&mut pos, &mut card))?;
        let mut line = stage.atm(LUNO, CERTIFICATE)?;
        let reply = stage.at_atm(&mut line, &mut card, Some(amount_minor))?;
        if !reply.dispenses() {
            return Err(format!("the withdrawal was answered: {}", outcome(&reply)).into());
        }
        Ok(Visit { line, card, before, reply })
    }

    fn notes(&self) -> String {
        format!("notes {}", self.reply.notes.map(|count| count.to_string()).join("-"))
    }

    /// Reports the dispense and says what the account has less, posted and free alike. The inquiry
    /// before it goes through the same connection: behind the status, which has no answer of its own.
    fn end(mut self, stage: &mut Stage, status: &[u8]) -> Result<String, Box<dyn Error>> {
        self.line.connection.send(status)?;
        let inquiry = stage.at_atm(&mut self.line, &mut self.card, None)?;
        let done = self.line.atm.ready()?;
        self.line.connection.send(&done)?;
        let mut pos = stage.pos()?;
        let after = stage.balance(&mut pos, &mut self.card)?;
        let (posted, free) = (
            self.before.ledger_minor - after.ledger_minor,
            self.before.available_minor - after.available_minor,
        );
        if posted != free {
            return Ok(format!("{} but {} less free", money(posted), money(free)));
        }
        let receipt = format!("AVAILABLE {} USD", money(after.available_minor));
        if !inquiry.receipt.lines().any(|line| line == receipt) {
            return Ok(format!("{}, which the receipt does not show", money(posted)));
        }
        Ok(money(posted))
    }
}

fn declined(stage: &mut Stage, mut card: CardSimulator, amount_minor: u32, certificate: &str) -> Played {
    let mut line = stage.atm(LUNO, certificate)?;
    let reply = stage.at_atm(&mut line, &mut card, Some(amount_minor))?;
    let status = line.atm.ready()?;
    line.connection.send(&status)?;
    Ok(format!("{}, {}", outcome(&reply), card_flag(&reply)))
}

/// How it went, as the receipt says it; notes beside a decline would be news.
fn outcome(reply: &AtmReply) -> String {
    let line = reply.receipt.lines().find(|line| line.starts_with("DECLINED") || line.starts_with("AUTH"));
    let line = line.unwrap_or("nothing on the receipt").to_owned();
    if reply.dispenses() && line.starts_with("DECLINED") { format!("{line} with notes") } else { line }
}

fn card_flag(reply: &AtmReply) -> &'static str {
    if reply.retains_card { "card kept" } else { "card returned" }
}
