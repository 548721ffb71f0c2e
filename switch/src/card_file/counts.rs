use auth::{Did, Done};
use serde_json::{Value, json};

/// What became of the lines of a card file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) cards_added: u64,
    pub(crate) cards_updated: u64,
    /// On file like this already.
    pub(crate) cards_unchanged: u64,
    pub(crate) cards_removed: u64,
    /// To be removed, and not on file.
    pub(crate) cards_absent: u64,
    pub(crate) accounts_opened: u64,
    pub(crate) accounts_updated: u64,
    pub(crate) accounts_unchanged: u64,
    pub(crate) accounts_removed: u64,
    pub(crate) accounts_absent: u64,
}

impl Counts {
    const NAMES: [&str; 10] = [
        "cards_added",
        "cards_updated",
        "cards_unchanged",
        "cards_removed",
        "cards_absent",
        "accounts_opened",
        "accounts_updated",
        "accounts_unchanged",
        "accounts_removed",
        "accounts_absent",
    ];

    /// Counts what one line did. An account counts with the line that names it first.
    pub(crate) fn count(&mut self, done: Done, names_account_first: bool) {
        match done.card {
            Did::Nothing => {}
            Did::Added => self.cards_added += 1,
            Did::Updated => self.cards_updated += 1,
            Did::Same => self.cards_unchanged += 1,
            Did::Removed => self.cards_removed += 1,
            Did::Absent => self.cards_absent += 1,
        }
        self.accounts_opened += u64::from(done.further_opened);
        if !names_account_first {
            return;
        }
        match done.account {
            Did::Nothing => {}
            Did::Added => self.accounts_opened += 1,
            Did::Updated => self.accounts_updated += 1,
            Did::Same => self.accounts_unchanged += 1,
            Did::Removed => self.accounts_removed += 1,
            Did::Absent => self.accounts_absent += 1,
        }
    }

    fn all(&mut self) -> [&mut u64; 10] {
        [
            &mut self.cards_added,
            &mut self.cards_updated,
            &mut self.cards_unchanged,
            &mut self.cards_removed,
            &mut self.cards_absent,
            &mut self.accounts_opened,
            &mut self.accounts_updated,
            &mut self.accounts_unchanged,
            &mut self.accounts_removed,
            &mut self.accounts_absent,
        ]
    }

    pub(crate) fn to_json(mut self) -> Value {
        let mut shown = json!({});
        for (name, count) in Counts::NAMES.into_iter().zip(self.all()) {
            shown[name] = json!(*count);
        }
        shown
    }

    /// Adds what [`to_json`](Counts::to_json) has written.
    pub(crate) fn add_json(&mut self, value: &Value) {
        for (name, count) in Counts::NAMES.into_iter().zip(self.all()) {
            *count += value[name].as_u64().unwrap_or(0);
        }
    }
}
