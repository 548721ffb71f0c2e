//! Why it was answered so, as `turnout tran why` tells.

use crate::command::tran::conclusion;
use crate::demo::stage::{Played, Stage};
use crate::history;
use auth::{Check, Step, Unit};
use terminal::{Intent, PosResponse};
use transaction_store::Filter;

/// A decline, and its receipt out of the store: what decided, in words, and for how many things the time was taken.
pub(super) fn why_declined(stage: &mut Stage) -> Played {
    let (mut line, mut card) = (stage.pos()?, stage.card());
    let presentment = stage.chip_and_pin(&mut card, 50_001);
    let trace = stage.trace();
    let message = line.pos.purchase(Intent::Post, 50_001, &presentment, &trace)?;
    let code = PosResponse::parse(&line.connection.ask(&message)?, line.pos.dialect)?.code;
    let settings = stage.site().settings()?;
    let filter = Filter { number_or_rrn: Some((None, trace.rrn.to_string())), ..Filter::default() };
    let entries = history::read(&settings, &filter)?;
    let [entry] = &entries[..] else {
        return Err(format!("{} transactions have the RRN {}", entries.len(), trace.rrn).into());
    };
    let receipt = &entry.receipt;
    let timed = |check: &&Check| check.step.unit() == Unit::Nanoseconds && check.seen > 0;
    let pin = if receipt.checks.iter().any(|check| check.step == Step::Pin) { "PIN asked" } else { "no PIN" };
    let told = conclusion(entry);
    let (times, version) = (receipt.checks.iter().filter(timed).count(), entry.tables_version);
    Ok(format!(
        "{code}: {told} {pin}, {times} times taken, tables {}",
        if version > 0 { "named" } else { "unknown" }
    ))
}
