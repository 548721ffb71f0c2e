use serde::Serialize;

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A request was approved.
    Approved,
    /// A request was declined.
    Declined,
    /// Money of an approval was given back, in whole or in part.
    Reversed,
    /// An ATM said what it dispensed, or that it cannot say.
    Completed,
    /// A hold ran out.
    HoldExpired,
    /// A card was put on file, changed or taken off it.
    CardChanged,
}

impl EventKind {
    /// Every kind, by the word that configuration and JSON have for it.
    pub const WORDS: [(&'static str, EventKind); 6] = [
        ("approved", EventKind::Approved),
        ("declined", EventKind::Declined),
        ("reversed", EventKind::Reversed),
        ("completed", EventKind::Completed),
        ("hold_expired", EventKind::HoldExpired),
        ("card_changed", EventKind::CardChanged),
    ];
}
