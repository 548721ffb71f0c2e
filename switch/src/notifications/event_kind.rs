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
    /// The mode of a card was changed.
    ModeChanged,
    /// A transaction made something of the mode of its card.
    ModeUsed,
    /// Money moved between a card's account and its linked one.
    OwnTransfer,
    /// A cardholder has to be asked about a transaction.
    ConfirmRequested,
    /// There were many attempts on a locked or empty card.
    Alarm,
    /// A card was blocked by an alarm or its holder.
    CardBlocked,
}

impl EventKind {
    /// Every kind, by the word that configuration and JSON have for it.
    pub const WORDS: [(&'static str, EventKind); 12] = [
        ("approved", EventKind::Approved),
        ("declined", EventKind::Declined),
        ("reversed", EventKind::Reversed),
        ("completed", EventKind::Completed),
        ("hold_expired", EventKind::HoldExpired),
        ("card_changed", EventKind::CardChanged),
        ("mode_changed", EventKind::ModeChanged),
        ("mode_used", EventKind::ModeUsed),
        ("own_transfer", EventKind::OwnTransfer),
        ("confirm_requested", EventKind::ConfirmRequested),
        ("alarm", EventKind::Alarm),
        ("card_blocked", EventKind::CardBlocked),
    ];
}
