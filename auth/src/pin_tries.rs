//! How many wrong PINs count, and when they count no longer.

use crate::core::Core;
use crate::effect::Effect;
use crate::record::Record;
use crate::state::CardFile;
use crate::tables::{Product, Tables};
use card::{Pan, Time};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What lets the count of wrong PINs begin anew, besides a right one below the limit and whoever keeps the card
/// base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PinTriesReset {
    /// Nothing.
    #[default]
    Never,
    /// A business day after that of the last wrong one.
    Daily,
    /// So long after the last wrong one.
    After(Duration),
}

/// Somebody let a card's count of wrong PINs begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinTriesCleared {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
}

/// Wrong PINs of the card that count now.
pub(crate) fn used(product: &Product, file: &CardFile, tables: &Tables, now: Time) -> u8 {
    let Some(last) = file.seldom().last_wrong_pin else { return file.pin_tries_used };
    let over = match product.pin_tries_reset {
        PinTriesReset::Never => false,
        PinTriesReset::Daily => last.day(tables.business_offset) < now.day(tables.business_offset),
        PinTriesReset::After(length) => last.plus(length) <= now,
    };
    if over { 0 } else { file.pin_tries_used }
}

/// Lets the count begin anew. Says whether the card is on file.
pub(crate) fn clear(core: &mut Core, now: Time, pan: Pan, effects: &mut Vec<Effect>) -> bool {
    let on_file = core.state.card(&pan).is_some();
    if on_file {
        core.commit(Record::PinTriesCleared(PinTriesCleared { pan, time: now }), effects);
    }
    on_file
}
