//! What transactions do to earlier ones, and the newest ones of each account.

use super::{State, in_reach};
use crate::billing::Shares;
use crate::booking::{Booking, Role, StatementLine};
use crate::limits::LOOK_BACK;
use crate::names::{AccountId, SettlementKey, TransactionId};
use crate::record::{Credited, Funds, HoldReleased, TransactionStatus};
use crate::stored::StoredTransaction;
use card::Time;

/// Place of a transaction in the list of the account that it draws on, and of the one that it gives to.
const DRAWN: usize = 0;
pub(super) const GIVEN: usize = 1;

/// The lists that a transaction stands in: the account, and what stands behind it.
pub(super) type Lists = [(Option<AccountId>, Option<TransactionId>); 2];

impl State {
    /// A decision that is about an earlier transaction, as far as that is in memory.
    pub(super) fn touch_original(&mut self, id: TransactionId) {
        let Some(stored) = self.transaction(id) else { return };
        let (Some(original), role) = (stored.original(), stored.role()) else { return };
        let (given_minor, expires) = (stored.standing_amount(), stored.expires());
        let Some(first) = self.stored_mut(original) else { return };
        let life = first.life.get_or_insert_default();
        match role {
            Role::Own => {}
            Role::Increment => {
                life.increments.push(id);
                if let Some(expires) = expires {
                    self.lapse_together(original, expires);
                }
            }
            Role::Completion => life.completed_by = Some(id),
            Role::Refund => life.refunded_minor = life.refunded_minor.saturating_add(given_minor),
        }
    }

    /// An authorization and all that raised it lapse at the same time, when the newest of them does.
    fn lapse_together(&mut self, original: TransactionId, expires: Time) {
        let Some(first) = self.transaction(original) else { return };
        let raised: Vec<TransactionId> =
            first.life.iter().flat_map(|life| life.increments.iter().copied()).chain([original]).collect();
        for id in raised {
            let Some(before) = self.transaction(id).and_then(StoredTransaction::expires) else { continue };
            if before >= expires {
                continue;
            }
            if let Some(stored) = self.stored_mut(id)
                && let Funds::Held { expires: lapses, .. } = &mut stored.funds
            {
                *lapses = Some(expires);
            }
            self.expiring_holds.remove(&(before, id));
            self.expiring_holds.insert((expires, id));
        }
    }

    /// A refund that is taken back may be given again.
    pub(super) fn refund_undone(&mut self, original: TransactionId, minor: i64) {
        if let Some(life) = self.stored_mut(original).and_then(|stored| stored.life.as_mut()) {
            life.refunded_minor = life.refunded_minor.saturating_sub(minor);
        }
    }

    /// What partial reversals have given back of a hold that is over now: a completion that comes late posts no more
    /// than the rest.
    pub(super) fn keep_given_back(&mut self, id: TransactionId) {
        let Some(stored) = self.stored_mut(id).filter(|stored| stored.holds_money()) else { return };
        let given_back = stored.approved_amount() - stored.standing_amount();
        if given_back != 0 {
            stored.life.get_or_insert_default().refunded_minor = given_back;
        }
    }

    pub(super) fn hold_released(&mut self, released: &HoldReleased) {
        let origin = self.origin(released.transaction, released.origin.as_ref());
        // What had lapsed stays counted as it was.
        if origin.standing_minor != 0 {
            self.account_mut(&origin.account).held_minor -= origin.standing_minor;
            let fee_minor = origin.shares.map_or(0, |shares| shares.fee_minor);
            let returned = origin.standing_minor - fee_minor - released.kept_minor;
            self.take_back(released.pan, &origin, returned, u32::from(released.kept_minor == 0));
        }
        let nothing = Shares::none_of(origin.shares);
        self.keep_given_back(released.transaction);
        self.settle(released.transaction, TransactionStatus::Completed, 0, nothing);
    }

    /// The other side of both postings of a transfer is its link's settlement account, so that each record balances by
    /// itself, in whichever shard it is.
    pub(super) fn credited(&mut self, credited: &Credited) {
        let file = self.account_mut(&credited.account);
        file.ledger_minor += credited.minor;
        let key = SettlementKey { link: credited.link, currency: file.account.currency };
        *self.settlement.entry(key).or_default() -= i128::from(credited.minor);
        if credited.minor > 0 {
            self.list_in(credited.transaction, credited.account, GIVEN);
        }
    }

    /// Puts a transaction that moved money at the head of the list of its account.
    pub(super) fn list(&mut self, id: TransactionId) {
        let Some(stored) = self.transaction(id).filter(|stored| stored.funds != Funds::None) else { return };
        if let Some(account) = stored.account {
            self.list_in(id, account, DRAWN);
        }
    }

    /// The same after a snapshot, for both of its accounts.
    pub(super) fn list_restored(&mut self, id: TransactionId) {
        self.list(id);
        let to = self.transaction(id).and_then(|stored| stored.booking.as_ref()?.to);
        if let Some(to) = to {
            self.list_in(id, to, GIVEN);
        }
    }

    pub(super) fn list_in(&mut self, id: TransactionId, account: AccountId, place: usize) {
        if !self.transactions.contains(&id) {
            return;
        }
        let Some(file) = self.accounts.get_mut(&account) else { return };
        let before = file.newest.replace(id);
        if let Some(kept) = self.transactions.get_mut(&id) {
            kept.before[place] = before;
        }
    }

    /// The accounts in whose lists a transaction stands, and what stands behind it in each.
    pub(super) fn lists_of(stored: &StoredTransaction, before: [Option<TransactionId>; 2]) -> Lists {
        let to = stored.booking.as_ref().and_then(|booking| booking.to);
        [(stored.account, before[DRAWN]), (to, before[GIVEN])]
    }

    /// Takes a transaction that has left memory out of the lists of its accounts. As a rule it was the oldest, and
    /// nothing stands behind it: then its number may stay where it is, and finds nothing.
    pub(super) fn unlist(&mut self, id: TransactionId, lists: Lists) {
        for (account, before) in lists {
            let Some(account) = account else { continue };
            let Some(kept) = before.filter(|before| self.transactions.contains(before)) else { continue };
            let Some(file) = self.accounts.get_mut(&account) else { continue };
            if file.newest == Some(id) {
                file.newest = Some(kept);
                continue;
            }
            let mut next = file.newest;
            for _ in 0..LOOK_BACK {
                let Some(kept_next) = next.and_then(|id| self.transactions.get_mut(&id)) else { break };
                let place = usize::from(kept_next.stored.account != Some(account));
                if kept_next.before[place] == Some(id) {
                    kept_next.before[place] = Some(kept);
                    break;
                }
                next = kept_next.before[place];
            }
        }
    }

    /// Transactions that moved money on an account, newest first, as far as they are in memory and within reach, as
    /// [`same_stan`](State::same_stan) says.
    pub(crate) fn of_account(
        &self,
        account: AccountId,
        now: Time,
    ) -> impl Iterator<Item = &StoredTransaction> {
        let newest = self.account(&account).and_then(|file| file.newest).and_then(|id| self.kept(id));
        let kept = std::iter::successors(newest, move |kept| {
            let place = usize::from(kept.stored.account != Some(account));
            kept.before[place].and_then(|id| self.kept(id))
        });
        kept.map(|kept| &kept.stored).filter(move |stored| in_reach(stored, now))
    }

    /// The newest lines of an account's statement: what is posted or held now.
    pub(crate) fn statement(&self, account: AccountId, now: Time, lines: usize) -> Vec<StatementLine> {
        let standing =
            self.of_account(account, now).take(LOOK_BACK).filter(|stored| stored.standing_minor != 0);
        let line = |stored: &StoredTransaction| StatementLine {
            day: stored.business_day,
            transaction: stored.transaction,
            change_minor: if stored.account == Some(account) {
                -stored.standing_minor
            } else {
                stored.standing_minor
            },
            held: matches!(stored.funds, Funds::Held { .. }),
        };
        standing.take(lines).map(line).collect()
    }

    /// What a transaction did beyond its own hold or posting, for those who look.
    #[must_use]
    pub fn booking(&self, id: TransactionId) -> Option<&Booking> {
        self.transaction(id).and_then(|stored| stored.booking.as_deref())
    }
}
