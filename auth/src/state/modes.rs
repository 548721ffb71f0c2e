//! Modes of cards, and which accounts they keep.

use super::{AccountFile, CardFile, State};
use crate::card_mode::{
    Alarm, CardBlocked, CardMode, ConfirmationAsked, ModeChanged, ModeFile, ModeUsed, OwnTransfer, Tries,
};
use crate::limits::SHARDS;
use crate::names::AccountId;
use card::{Pan, Time};
use hashbrown::HashMap;
use std::collections::BTreeSet;

/// Accounts that the modes of cards empty or keep between levels. Follows from the cards.
#[derive(Debug, Default)]
pub(super) struct KeptAccounts {
    /// The card whose mode keeps an account.
    keepers: HashMap<AccountId, Pan>,
    /// Cards for which something may have to move when an account does: that of a kept account, and those that a linked
    /// one tops up by itself.
    watchers: HashMap<AccountId, Vec<Pan>>,
    /// Cards whose account has to be looked at, and from when. One too many is a look in vain, so what is looked at is
    /// taken out without a record.
    due: BTreeSet<(Time, Pan)>,
}

/// Before every other moment.
const AT_ONCE: Time = Time { unix_ms: 0 };

impl State {
    pub(super) fn mode_changed(&mut self, changed: &ModeChanged) {
        self.unwatch(&changed.pan);
        let Some(file) = self.card_mut(&changed.pan) else { return };
        file.change_seldom(|seldom| {
            if !seldom.mode.get_or_insert_default().change(&changed.change) {
                seldom.mode = None;
            }
        });
        self.watch(&changed.pan);
    }

    pub(super) fn mode_used(&mut self, used: &ModeUsed) {
        self.change_mode(&used.pan, |mode| mode.used(used.used));
    }

    pub(super) fn alarmed(&mut self, alarm: &Alarm) {
        self.change_mode(&alarm.pan, |mode| mode.tries = Tries::default());
    }

    /// A card without one of its own is left alone.
    fn change_mode(&mut self, pan: &Pan, change: impl FnOnce(&mut ModeFile)) {
        let file = self.card_mut(pan).filter(|file| file.mode().is_some());
        if let Some(file) = file {
            file.change_seldom(|seldom| {
                if let Some(mode) = &mut seldom.mode {
                    change(mode);
                }
            });
        }
    }

    pub(super) fn blocked(&mut self, blocked: &CardBlocked) {
        if let Some(file) = self.card_mut(&blocked.pan) {
            file.card.status = blocked.status;
        }
    }

    /// A shard that has one of the accounts alone, which happens when the number of shards changes, books its half.
    pub(super) fn own_transfer(&mut self, transfer: &OwnTransfer) {
        for (account, minor) in [(&transfer.from, -transfer.minor), (&transfer.to, transfer.minor)] {
            if self.accounts.contains(account) {
                self.account_mut(account).ledger_minor += minor;
            }
        }
    }

    /// Its ticket is a number that no transaction may get after a restart.
    pub(super) fn confirmation_asked(&mut self, asked: &ConfirmationAsked) {
        self.last_counter = self.last_counter.max(asked.ticket.0 / SHARDS as u64);
    }

    /// Notes which accounts the mode of this card is about, and has them looked at.
    pub(super) fn watch(&mut self, pan: &Pan) {
        let Some(file) = self.card(pan) else { return };
        let Some(mode) = file.mode().cloned() else { return };
        let Some(source) = mode.source() else { return };
        let account = file.card.account;
        let kept = &mut self.kept_accounts;
        kept.keepers.insert(account, *pan);
        kept.watchers.entry(account).or_default().push(*pan);
        if matches!(mode, CardMode::Kept(kept) if kept.automatic) {
            kept.watchers.entry(source).or_default().push(*pan);
        }
        kept.due.insert((AT_ONCE, *pan));
        if let CardMode::Empty { open_until: Some(until), .. } = mode {
            kept.due.insert((until, *pan));
        }
    }

    /// Takes that back, before the mode or the account of the card changes.
    pub(super) fn unwatch(&mut self, pan: &Pan) {
        let Some(file) = self.card(pan) else { return };
        let Some(source) = file.mode().and_then(CardMode::source) else { return };
        self.unwatch_accounts(pan, [file.card.account, source]);
    }

    /// The same of the account that a card had, and its linked one.
    pub(super) fn unwatch_accounts(&mut self, pan: &Pan, [account, source]: [AccountId; 2]) {
        let kept = &mut self.kept_accounts;
        kept.keepers.remove(&account);
        for account in [account, source] {
            if let Some(watchers) = kept.watchers.get_mut(&account) {
                watchers.retain(|watcher| watcher != pan);
                if watchers.is_empty() {
                    kept.watchers.remove(&account);
                }
            }
        }
    }

    /// Modes may have something to do about what happens to an account.
    pub(super) fn touch_watched(&mut self, account: &AccountId) {
        let KeptAccounts { watchers, due, .. } = &mut self.kept_accounts;
        if !watchers.is_empty()
            && let Some(watchers) = watchers.get(account)
        {
            due.extend(watchers.iter().map(|pan| (AT_ONCE, *pan)));
        }
    }

    /// The next card whose account has to be looked at now. It is taken out.
    pub(crate) fn next_to_settle(&mut self, now: Time) -> Option<Pan> {
        let (time, pan) = *self.kept_accounts.due.first().filter(|(time, _)| *time <= now)?;
        self.kept_accounts.due.remove(&(time, pan));
        Some(pan)
    }

    /// The card whose mode keeps this account.
    pub(crate) fn keeper(&self, account: &AccountId) -> Option<Pan> {
        self.kept_accounts.keepers.get(account).copied()
    }

    /// The mode of a card on file.
    #[must_use]
    pub fn card_mode(&self, pan: &Pan) -> Option<&CardMode> {
        const STANDARD: &CardMode = &CardMode::Standard;
        self.card(pan).map(|file| file.mode().unwrap_or(STANDARD))
    }
}

impl CardFile {
    /// Its mode, where it is not the standard one.
    pub(crate) fn mode(&self) -> Option<&CardMode> {
        self.seldom().mode.as_deref().map(|file| &file.mode)
    }
}

impl AccountFile {
    /// What is there of the holder's own: posted balance less holds. Below zero where the credit line is in use.
    pub(crate) fn own_minor(&self) -> i64 {
        self.ledger_minor.saturating_sub(self.held_minor)
    }

    /// The same account with so much more.
    pub(crate) fn with(&self, minor: i64) -> AccountFile {
        AccountFile { ledger_minor: self.ledger_minor.saturating_add(minor), ..self.clone() }
    }
}
