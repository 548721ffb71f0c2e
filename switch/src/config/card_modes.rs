//! `[card_modes]`: what holds for the modes that cardholders choose.

use super::error::Complaint;
use super::section::Section;
use super::value::{duration_up_to, number, switch, text};
use auth::{CardStatus, ModeRules};
use std::time::Duration;
use toml::de::DeValue;

/// Longest wait for a cardholder: no acquirer waits longer for us.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

pub(super) fn read(top: &mut Section<'_>) -> ModeRules {
    let usual = ModeRules::default();
    let Some(mut section) = top.table("card_modes") else { return usual };
    let small = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
    let rules = ModeRules {
        confirmation_deadline: section.or(
            "confirmation_deadline",
            usual.confirmation_deadline,
            duration_up_to(LONGEST_WAIT),
        ),
        code_tries: section.or("code_tries", usual.code_tries.into(), number(1..=9)) as u8,
        alarm_tries: small(section.or("alarm_tries", usual.alarm_tries.into(), number(0..=1_000))),
        alarm_window: section.or(
            "alarm_window",
            usual.alarm_window,
            duration_up_to(Duration::from_hours(24)),
        ),
        alarm_blocks: section.or("alarm_blocks", usual.alarm_blocks, switch),
        block_status: section.or("block_status", usual.block_status, block_status),
        reissue: section.or("reissue", usual.reissue, switch),
    };
    section.finish();
    rules
}

/// A status that declines.
fn block_status(value: &DeValue<'_>) -> Result<CardStatus, Complaint> {
    let words = || CardStatus::ALL.into_iter().filter(|status| *status != CardStatus::Active);
    let word = text(value)?;
    words()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| Complaint::not_known("status", word, words().map(CardStatus::as_str)))
}
