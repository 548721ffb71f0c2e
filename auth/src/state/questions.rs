//! Questions that steps and tools ask.

use super::{AccountFile, CardFile, NewestOfTerminal, State, in_reach};
use crate::card_change::Did;
use crate::counters::{Moment, Window};
use crate::effect::Balance;
use crate::holder::{Holder, HolderChange, HolderFacts, NoSuchCard};
use crate::limits::HOLDS_PER_TICK;
use crate::names::{AccountId, LimitId, LinkName, OriginalKey, ReversalKey, TransactionId, TransmissionTime};
use crate::record::{Account, Card, Record, TransactionStatus};
use crate::request::Request;
use crate::script::QueuedScript;
use crate::stored::StoredTransaction;
use crate::verification::Unverified;
use card::{CivilDay, Pan, Time};

impl State {
    pub(crate) fn card(&self, pan: &Pan) -> Option<&CardFile> {
        self.cards.get(pan)
    }

    pub(crate) fn account(&self, id: &AccountId) -> Option<&AccountFile> {
        self.accounts.get(id)
    }

    pub(crate) fn transaction(&self, id: TransactionId) -> Option<&StoredTransaction> {
        self.kept(id).map(|kept| &kept.stored)
    }

    /// Whether a transaction with the key and time of this request may have left memory. It may have been of another
    /// request all the same.
    pub(crate) fn may_have_left(&self, request: &Request, now: Time) -> bool {
        self.left.contains(request.key().fingerprint_at(request.transmission))
            || self.left.forgotten().is_some_and(|forgotten| self.may_be_older(request, forgotten, now))
    }

    /// Whether the request may repeat one of a time of which fingerprints are forgotten. A repeat says the time of its
    /// original, so the terminal's clock tells, to whole seconds. Where it was set meanwhile it may be off: half of the time
    /// since then is granted.
    fn may_be_older(&self, request: &Request, forgotten: Time, now: Time) -> bool {
        // Nothing was ever decided for a terminal that is not known.
        let Some(newest) = self.terminals.get(&(request.link, request.terminal)) else { return false };
        let known_ms = now.unix_ms.saturating_sub(forgotten.unix_ms);
        let sent = newest.clock.sent(request.transmission, now);
        let roundings_ms = 2_000;
        sent.is_none_or(|sent| now.unix_ms.saturating_sub(sent.unix_ms) + roundings_ms >= known_ms / 2)
    }

    /// Whether any transaction that may still be reversed has left memory.
    pub(crate) fn some_have_left(&self) -> bool {
        !self.left.is_empty() || self.left.forgotten().is_some()
    }

    /// Transactions of one link, terminal and STAN, newest first, as far as a repeat or reversal may
    /// reach now.
    ///
    /// What is within reach follows from `now` and never from what happens to be in memory. A shard
    /// forgets when it decides, so one that was idle still has what it should have forgotten; a replay
    /// of several shards into one state forgets with the records of all of them. A `Reversed` record
    /// about such a leftover would find nothing there and panic. Reach ends before memory does by more
    /// than the clocks of the shards can differ. What holds money is never forgotten.
    pub(crate) fn same_stan(&self, key: &OriginalKey, now: Time) -> impl Iterator<Item = &StoredTransaction> {
        let key = *key;
        let chain = self.chain(key.fingerprint()).map(|kept| &kept.stored);
        chain.filter(move |stored| stored.key() == key && in_reach(stored, now))
    }

    /// A transaction, if it is within reach now, as above.
    pub(crate) fn reached(&self, id: TransactionId, now: Time) -> Option<&StoredTransaction> {
        self.transaction(id).filter(|stored| in_reach(stored, now))
    }

    /// Whether a reversal of this original came before it, by its time or without saying one.
    pub(crate) fn remembers_reversal(
        &self,
        original: OriginalKey,
        transmission: TransmissionTime,
        pan: Pan,
    ) -> bool {
        [transmission, TransmissionTime::default()].into_iter().any(|transmission| {
            self.remembered_reversals.contains(&ReversalKey { original, transmission, pan })
        })
    }

    /// Holds that have run out, oldest first, as many as one tick may take.
    pub(crate) fn expired_holds(&self, now: Time) -> Vec<TransactionId> {
        let due = self.expiring_holds.iter().take_while(|(expires, _)| *expires <= now);
        due.take(HOLDS_PER_TICK).map(|(_, id)| *id).collect()
    }

    /// Counter of the newest transaction; the next one continues from the highest of all shards.
    #[must_use]
    pub fn last_counter(&self) -> u64 {
        self.last_counter
    }

    /// The card on file.
    #[must_use]
    pub fn card_on_file(&self, pan: &Pan) -> Option<&Card> {
        self.card(pan).map(|file| &file.card)
    }

    /// Wrong PINs counted and highest ATC accepted.
    #[must_use]
    pub fn card_counters(&self, pan: &Pan) -> Option<(u8, Option<u16>)> {
        self.card(pan).map(|file| (file.pin_tries_used, file.highest_atc))
    }

    /// Commands for the card's chip that are not done, oldest first.
    #[must_use]
    pub fn card_scripts(&self, pan: &Pan) -> &[QueuedScript] {
        let scripts = self.card(pan).and_then(|file| file.seldom().scripts.as_deref());
        scripts.map_or(&[], |scripts| &scripts.open)
    }

    /// What the card has bought without contact and without a verification since its last one.
    #[must_use]
    pub fn card_unverified(&self, pan: &Pan) -> Option<Unverified> {
        self.card(pan).map(|file| file.unverified)
    }

    /// What the card has bought and drawn on this day: minor units and number of purchases, then of withdrawals.
    #[must_use]
    pub fn card_usage(&self, pan: &Pan, day: CivilDay) -> Option<[(i64, u32); 2]> {
        let file = self.card(pan)?;
        let moment = Moment::new(day, Time::from_unix_ms(0));
        let of_day = |limit| file.counters.used(limit, Window::DAY, moment);
        Some([of_day(LimitId::PURCHASES), of_day(LimitId::WITHDRAWALS)])
    }

    /// What is known of the holder of a card.
    #[must_use]
    pub fn holder(&self, pan: &Pan) -> Option<&HolderFacts> {
        self.card(pan)?.seldom().holder.as_deref()
    }

    /// The record of a change of what is known of a holder, if there is anything to do, and what it does. What the
    /// change leaves out stays.
    ///
    /// # Errors
    /// When the card is not on file.
    pub fn plan_holder(&self, change: &HolderChange) -> Result<(Option<Record>, Did), NoSuchCard> {
        let file = self.card(&change.pan).ok_or(NoSuchCard)?;
        let before = file.seldom().holder.as_deref().cloned();
        let facts = match &change.facts {
            None if before.is_none() => return Ok((None, Did::Absent)),
            None => HolderFacts::default(),
            Some(facts) => {
                let before = before.clone().unwrap_or_default();
                HolderFacts {
                    name: facts.name.or(before.name),
                    address: facts.address.or(before.address),
                    postal_code: facts.postal_code.or(before.postal_code),
                    order_key: facts.order_key.or(before.order_key),
                }
            }
        };
        let did = match (&before, &change.facts) {
            (_, None) => Did::Removed,
            (None, _) => Did::Added,
            (Some(before), _) if *before == facts => return Ok((None, Did::Same)),
            (Some(_), _) => Did::Updated,
        };
        Ok((Some(Record::HolderStored(Box::new(Holder { pan: change.pan, facts }))), did))
    }

    /// The account on file.
    #[must_use]
    pub fn account_on_file(&self, id: &AccountId) -> Option<&Account> {
        self.account(id).map(|file| &file.account)
    }

    /// The balance of an account.
    #[must_use]
    pub fn balance(&self, id: &AccountId) -> Option<Balance> {
        self.account(id).map(AccountFile::balance)
    }

    /// All cards, by number.
    #[must_use]
    pub fn cards_in_order(&self) -> Vec<&Card> {
        let mut cards: Vec<&Card> = self.cards.iter().map(|file| &file.card).collect();
        cards.sort_by_key(|card| card.pan);
        cards
    }

    /// How many cards and accounts are on file.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.cards.len(), self.accounts.len())
    }

    /// Approved dispenses whose ATM has not reported yet, oldest first.
    #[must_use]
    pub fn awaiting_completion(&self) -> Vec<&StoredTransaction> {
        self.awaiting_completion.iter().filter_map(|id| self.transaction(*id)).collect()
    }

    /// The newest transaction of each terminal on these links, whatever its answer was.
    #[must_use]
    pub fn newest_of_terminals(&self, links: &[LinkName]) -> Vec<NewestOfTerminal> {
        let of_links = self.terminals.iter().filter(|newest| links.contains(&newest.link));
        of_links.copied().collect()
    }

    /// Where a transaction stands, and what of it stands in minor units.
    #[must_use]
    pub fn transaction_status(&self, id: TransactionId) -> Option<(TransactionStatus, i64)> {
        self.transaction(id).map(|stored| (stored.status, stored.standing_minor))
    }

    pub(crate) fn cards_drawing_on(&self, id: &AccountId) -> usize {
        self.account(id).map_or(0, |file| file.cards as usize)
    }

    /// All accounts, by number.
    #[must_use]
    pub fn accounts_in_order(&self) -> Vec<&Account> {
        let mut accounts: Vec<&Account> = self.accounts.iter().map(|file| &file.account).collect();
        accounts.sort_by_key(|account| account.id);
        accounts
    }
}
