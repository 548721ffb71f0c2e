use crate::effect::Balance;
use crate::limits::{HOLDS_PER_TICK, SHARDS, STAN_CHAIN, TRANSACTION_REACH, TRANSACTION_RETENTION};
use crate::names::{
    AccountId, LinkName, OriginalKey, ReversalKey, SettlementKey, TransactionId, TransmissionTime,
};
use crate::receipt::Receipt;
use crate::record::{
    Account, Card, Completed, Funds, HoldExpired, Origin, Record, RememberedReversal, Reversed, Transaction,
    TransactionStatus, Usage,
};
use crate::request::TransactionType;
use card::{CivilDay, Currency, Pan, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

/// Everything that survives the process: cards, accounts, their counters, and the transactions that
/// may still be repeated or reversed. Changes only by [`apply`](State::apply).
#[derive(Debug, Default)]
pub struct State {
    cards: HashMap<Pan, CardFile>,
    accounts: HashMap<AccountId, AccountFile>,
    /// Boxed, so that the table moves little when it grows: while it grows, everybody waits.
    transactions: HashMap<TransactionId, Box<StoredTransaction>>,
    /// Newest transaction of each link, terminal and STAN; older ones are chained behind it.
    newest: HashMap<OriginalKey, TransactionId>,
    remembered_reversals: HashSet<ReversalKey>,
    /// In order of time, to forget what is too old.
    by_time: VecDeque<(Time, TransactionId)>,
    reversals_by_time: VecDeque<(Time, ReversalKey)>,
    expiring_holds: BTreeSet<(Time, TransactionId)>,
    awaiting_completion: BTreeSet<TransactionId>,
    /// The other side of every posting: what each link is owed. A sum over many accounts, each of up to
    /// 15 digits, so 64 bits are not enough.
    settlement: BTreeMap<SettlementKey, i128>,
    /// The other side of opening balances, likewise.
    opening: BTreeMap<u16, i128>,
    /// Counter of the newest transaction.
    last_counter: u64,
}

/// A card with its counters.
#[derive(Debug)]
pub(crate) struct CardFile {
    pub(crate) card: Card,
    pub(crate) pin_tries_used: u8,
    pub(crate) highest_atc: Option<u16>,
    pub(crate) purchases: Option<Usage>,
    pub(crate) withdrawals: Option<Usage>,
}

/// An account with its balance. Minor units of its currency.
#[derive(Debug)]
pub(crate) struct AccountFile {
    pub(crate) account: Account,
    pub(crate) ledger_minor: i64,
    pub(crate) held_minor: i64,
}

#[derive(Debug)]
pub(crate) struct StoredTransaction {
    pub(crate) transaction: Transaction,
    pub(crate) status: TransactionStatus,
    /// What it holds or posted and has not been given back, minor units.
    pub(crate) standing_minor: i64,
    previous: Option<TransactionId>,
}

impl State {
    /// The one door through which durable state changes, live and on replay alike.
    ///
    /// # Panics
    /// When a record names a transaction or account that no earlier record made: records come from
    /// this crate, in order, so that would be a defect of ours and going on would be worse.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::CardStored(card) => self.store_card(card),
            Record::AccountStored(account) => self.store_account(account),
            Record::Decided(transaction) => self.decided(transaction),
            Record::Reversed(reversed) => self.reversed(reversed),
            Record::ReversalRemembered(remembered) => self.remember(remembered),
            Record::Completed(completed) => self.completed(completed),
            Record::HoldExpired(expired) => self.hold_expired(expired),
            Record::CardRemoved(removed) => drop(self.cards.remove(&removed.pan)),
            Record::AccountRemoved(removed) => self.remove_account(&removed.account),
        }
    }

    fn store_card(&mut self, card: &Card) {
        match self.cards.get_mut(&card.pan) {
            Some(file) => {
                // A new PIN comes with a clean count; anything else leaves the counters alone.
                if file.card.pin != card.pin {
                    file.pin_tries_used = 0;
                }
                file.card = card.clone();
            }
            None => {
                let file = CardFile {
                    card: card.clone(),
                    pin_tries_used: 0,
                    highest_atc: None,
                    purchases: None,
                    withdrawals: None,
                };
                self.cards.insert(card.pan, file);
            }
        }
    }

    fn store_account(&mut self, account: &Account) {
        match self.accounts.get_mut(&account.id) {
            Some(file) => {
                // Its balance and the other side of it were counted in the currency of its opening.
                let Account { opening_minor, currency, .. } = file.account;
                file.account = Account { opening_minor, currency, ..account.clone() };
            }
            None => {
                *self.opening.entry(account.currency.numeric()).or_default() -=
                    i128::from(account.opening_minor);
                let file = AccountFile {
                    account: account.clone(),
                    ledger_minor: account.opening_minor,
                    held_minor: 0,
                };
                self.accounts.insert(account.id, file);
            }
        }
    }

    fn decided(&mut self, transaction: &Transaction) {
        self.last_counter = self.last_counter.max(transaction.id.0 / SHARDS as u64);
        self.forget_before(transaction.time);
        if let Some(file) = self.cards.get_mut(&transaction.pan) {
            file.pin_tries_used = transaction.pin_tries_used.unwrap_or(file.pin_tries_used);
            file.highest_atc = transaction.atc.or(file.highest_atc);
        }
        let (status, standing_minor) = match transaction.funds {
            Funds::None if transaction.code.is_approval() => (TransactionStatus::Approved, 0),
            Funds::None => (TransactionStatus::Declined, 0),
            Funds::Held { minor, expires } => {
                let id = transaction.account.expect("a transaction that moves money names its account");
                self.account_mut(&id).held_minor += minor;
                match expires {
                    Some(expires) => self.expiring_holds.insert((expires, transaction.id)),
                    None => self.awaiting_completion.insert(transaction.id),
                };
                (TransactionStatus::Approved, minor)
            }
            Funds::Posted { minor } => {
                let origin = transaction.origin(0).expect("a transaction that moves money names its account");
                self.post(&origin, minor);
                (TransactionStatus::Approved, minor)
            }
        };
        if standing_minor != 0 {
            self.count_usage(transaction, standing_minor, 1);
        }
        self.index(transaction, status, standing_minor);
    }

    fn index(&mut self, transaction: &Transaction, status: TransactionStatus, standing_minor: i64) {
        let key =
            OriginalKey { link: transaction.link, terminal: transaction.terminal, stan: transaction.stan };
        // A refused second use of a key (94) must not hide the transaction that owns the key.
        let owns_key = transaction.code != card::ResponseCode::DUPLICATE;
        let previous = if owns_key { self.newest.insert(key, transaction.id) } else { None };
        self.by_time.push_back((transaction.time, transaction.id));
        // The receipt is in the journal, for people; nothing here asks for it.
        let id = transaction.id;
        let transaction = Transaction { receipt: Receipt::default(), ..transaction.clone() };
        let stored = Box::new(StoredTransaction { transaction, status, standing_minor, previous });
        self.transactions.insert(id, stored);
    }

    /// The other side of its opening balance goes with it.
    fn remove_account(&mut self, id: &AccountId) {
        let Some(file) = self.accounts.remove(id) else { return };
        let opening = self.opening.entry(file.account.currency.numeric()).or_default();
        *opening += i128::from(file.ledger_minor);
    }

    fn reversed(&mut self, reversed: &Reversed) {
        let origin = self.origin(reversed.transaction, reversed.origin);
        let released = origin.standing_minor - reversed.remaining_minor;
        if origin.posted {
            self.post(&origin, -released);
        } else {
            self.account_mut(&origin.account).held_minor -= released;
        }
        let all = reversed.remaining_minor == 0;
        self.uncount_usage(reversed.pan, &origin, released, u32::from(all));
        let status = if all { TransactionStatus::Reversed } else { TransactionStatus::PartlyReversed };
        self.settle(reversed.transaction, status, reversed.remaining_minor, all);
    }

    fn remember(&mut self, remembered: &RememberedReversal) {
        self.forget_before(remembered.time);
        let original =
            OriginalKey { link: remembered.link, terminal: remembered.terminal, stan: remembered.stan };
        let RememberedReversal { transmission, pan, .. } = *remembered;
        let key = ReversalKey { original, transmission, pan };
        if self.remembered_reversals.insert(key) {
            self.reversals_by_time.push_back((remembered.time, key));
        }
    }

    fn completed(&mut self, completed: &Completed) {
        let id = completed.transaction;
        let origin = self.origin(id, completed.origin);
        let Some(dispensed_minor) = completed.dispensed_minor else {
            return self.settle(id, TransactionStatus::Suspect, origin.standing_minor, true);
        };
        self.account_mut(&origin.account).held_minor -= origin.standing_minor;
        self.post(&origin, dispensed_minor);
        let nothing = dispensed_minor == 0;
        let returned = origin.standing_minor - dispensed_minor;
        self.uncount_usage(completed.pan, &origin, returned, u32::from(nothing));
        let status = if nothing { TransactionStatus::Reversed } else { TransactionStatus::Completed };
        self.settle(id, status, dispensed_minor, true);
        if let Some(stored) = self.transactions.get_mut(&id) {
            stored.transaction.funds = Funds::Posted { minor: dispensed_minor };
        }
    }

    fn hold_expired(&mut self, expired: &HoldExpired) {
        let origin = self.origin(expired.transaction, expired.origin);
        self.account_mut(&origin.account).held_minor -= origin.standing_minor;
        self.settle(expired.transaction, TransactionStatus::Expired, 0, true);
    }

    /// What the record says of its transaction, or what is in memory of it.
    fn origin(&self, id: TransactionId, origin: Option<Origin>) -> Origin {
        let known = || self.transaction(id).and_then(StoredTransaction::origin);
        origin.or_else(known).expect("a record about a transaction knows it or follows it")
    }

    /// Where a transaction stands now, if it is still in memory.
    fn settle(&mut self, id: TransactionId, status: TransactionStatus, standing_minor: i64, ended: bool) {
        let Some(stored) = self.transactions.get_mut(&id) else { return };
        stored.status = status;
        stored.standing_minor = standing_minor;
        if !ended {
            return;
        }
        if let Funds::Held { expires: Some(expires), .. } = stored.transaction.funds {
            self.expiring_holds.remove(&(expires, id));
        }
        self.awaiting_completion.remove(&id);
    }

    /// Double entry: the account is debited, the link's settlement account credited.
    fn post(&mut self, origin: &Origin, minor: i64) {
        let file = self.account_mut(&origin.account);
        file.ledger_minor -= minor;
        let key = SettlementKey { link: origin.link, currency: file.account.currency };
        *self.settlement.entry(key).or_default() += i128::from(minor);
    }

    fn count_usage(&mut self, transaction: &Transaction, minor: i64, count: u32) {
        let Some(usage) = self.usage_mut(transaction.pan, transaction.transaction) else { return };
        let counted = usage.get_or_insert(Usage { day: transaction.business_day, amount_minor: 0, count: 0 });
        if counted.day != transaction.business_day {
            *counted = Usage { day: transaction.business_day, amount_minor: 0, count: 0 };
        }
        counted.amount_minor += minor;
        counted.count += count;
    }

    /// Only the day that counted it gets it back.
    fn uncount_usage(&mut self, pan: Pan, origin: &Origin, minor: i64, count: u32) {
        let Some(Some(usage)) = self.usage_mut(pan, origin.transaction) else { return };
        if usage.day == origin.business_day {
            usage.amount_minor -= minor;
            usage.count = usage.count.saturating_sub(count);
        }
    }

    fn usage_mut(&mut self, pan: Pan, transaction: TransactionType) -> Option<&mut Option<Usage>> {
        let file = self.cards.get_mut(&pan)?;
        match transaction {
            TransactionType::Purchase => Some(&mut file.purchases),
            TransactionType::Withdrawal => Some(&mut file.withdrawals),
            TransactionType::BalanceInquiry | TransactionType::Unsupported => None,
        }
    }

    fn account_mut(&mut self, id: &AccountId) -> &mut AccountFile {
        self.accounts.get_mut(id).expect("an account is stored before a transaction uses it")
    }

    fn stored(&mut self, id: TransactionId) -> &mut StoredTransaction {
        self.transactions.get_mut(&id).expect("a record about a transaction follows the transaction")
    }

    /// Forgets transactions that nobody repeats or reverses any more. Open holds stay, and so do
    /// dispenses that an ATM has yet to report.
    fn forget_before(&mut self, now: Time) {
        let horizon = before(now, TRANSACTION_RETENTION);
        while let Some((time, id)) = self.by_time.front().copied() {
            if time >= horizon {
                break;
            }
            self.by_time.pop_front();
            if self.holds_money(id) {
                self.by_time.push_back((now, id));
            } else {
                self.forget(id);
            }
        }
        while let Some((time, key)) = self.reversals_by_time.front().copied() {
            if time >= horizon {
                break;
            }
            self.reversals_by_time.pop_front();
            self.remembered_reversals.remove(&key);
        }
    }

    fn holds_money(&self, id: TransactionId) -> bool {
        self.transaction(id).is_some_and(StoredTransaction::holds_money)
    }

    fn forget(&mut self, id: TransactionId) {
        let Some(stored) = self.transactions.remove(&id) else { return };
        let StoredTransaction { transaction, previous, .. } = *stored;
        let key =
            OriginalKey { link: transaction.link, terminal: transaction.terminal, stan: transaction.stan };
        // What came before is forgotten as a rule. A dispense that still holds money is not, and must
        // stay within reach of its reversal.
        let kept = previous.filter(|previous| self.transactions.contains_key(previous));
        if self.newest.get(&key) == Some(&id) {
            match kept {
                Some(previous) => self.newest.insert(key, previous),
                None => self.newest.remove(&key),
            };
        } else if kept.is_some() {
            let next = self.chain(&key).find(|stored| stored.previous == Some(id));
            if let Some(next) = next.map(|stored| stored.transaction.id) {
                self.stored(next).previous = kept;
            }
        }
    }
}

/// Questions that steps and tools ask.
impl State {
    pub(crate) fn card(&self, pan: &Pan) -> Option<&CardFile> {
        self.cards.get(pan)
    }

    pub(crate) fn account(&self, id: &AccountId) -> Option<&AccountFile> {
        self.accounts.get(id)
    }

    pub(crate) fn transaction(&self, id: TransactionId) -> Option<&StoredTransaction> {
        self.transactions.get(&id).map(Box::as_ref)
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
        let horizon = before(now, TRANSACTION_REACH);
        self.chain(key).filter(move |stored| stored.transaction.time >= horizon || stored.holds_money())
    }

    /// All of them that are in memory.
    fn chain(&self, key: &OriginalKey) -> impl Iterator<Item = &StoredTransaction> {
        let newest = self.newest.get(key).and_then(|id| self.transaction(*id));
        std::iter::successors(newest, |stored| stored.previous.and_then(|id| self.transaction(id)))
            .take(STAN_CHAIN)
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
        self.cards.get(pan).map(|file| &file.card)
    }

    /// Wrong PINs counted and highest ATC accepted.
    #[must_use]
    pub fn card_counters(&self, pan: &Pan) -> Option<(u8, Option<u16>)> {
        self.cards.get(pan).map(|file| (file.pin_tries_used, file.highest_atc))
    }

    /// What the card has used of its limits on this day: purchases, then withdrawals.
    #[must_use]
    pub fn card_usage(&self, pan: &Pan, day: CivilDay) -> Option<[(i64, u32); 2]> {
        let file = self.cards.get(pan)?;
        let used = |usage: &Option<Usage>| match usage {
            Some(usage) if usage.day == day => (usage.amount_minor, usage.count),
            _ => (0, 0),
        };
        Some([used(&file.purchases), used(&file.withdrawals)])
    }

    /// The account on file.
    #[must_use]
    pub fn account_on_file(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id).map(|file| &file.account)
    }

    /// The balance of an account.
    #[must_use]
    pub fn balance(&self, id: &AccountId) -> Option<Balance> {
        self.accounts.get(id).map(AccountFile::balance)
    }

    /// All cards, by number.
    #[must_use]
    pub fn cards_in_order(&self) -> Vec<&Card> {
        let mut cards: Vec<&Card> = self.cards.values().map(|file| &file.card).collect();
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
    pub fn awaiting_completion(&self) -> Vec<&Transaction> {
        self.awaiting_completion.iter().map(|id| &self.transactions[id].transaction).collect()
    }

    /// The newest transaction in memory of each terminal on these links, whatever its answer was.
    #[must_use]
    pub fn newest_of_terminals(&self, links: &[LinkName]) -> Vec<&Transaction> {
        let mut newest: BTreeMap<_, &Transaction> = BTreeMap::new();
        let age = |transaction: &Transaction| (transaction.time, transaction.id);
        for stored in self.by_time.iter().filter_map(|(_, id)| self.transactions.get(id)) {
            let transaction = &stored.transaction;
            if !links.contains(&transaction.link) {
                continue;
            }
            let found = newest.entry((transaction.link, transaction.terminal)).or_insert(transaction);
            if age(found) < age(transaction) {
                *found = transaction;
            }
        }
        newest.into_values().collect()
    }

    /// Where a transaction stands, and what of it stands in minor units.
    #[must_use]
    pub fn transaction_status(&self, id: TransactionId) -> Option<(TransactionStatus, i64)> {
        self.transactions.get(&id).map(|stored| (stored.status, stored.standing_minor))
    }

    /// Sum of all ledger accounts of a currency, internal ones included. Double entry makes it zero.
    #[must_use]
    pub fn trial_balance(&self, currency: Currency) -> i128 {
        let of_currency = |file: &&AccountFile| file.account.currency == currency;
        let cardholders: i128 =
            self.accounts.values().filter(of_currency).map(|file| i128::from(file.ledger_minor)).sum();
        let links: i128 =
            self.settlement.iter().filter(|(key, _)| key.currency == currency).map(|(_, minor)| minor).sum();
        cardholders + links + self.opening.get(&currency.numeric()).copied().unwrap_or(0)
    }

    pub(crate) fn cards_drawing_on(&self, id: &AccountId) -> usize {
        self.cards.values().filter(|file| file.card.account == *id).count()
    }

    /// All accounts, by number.
    #[must_use]
    pub fn accounts_in_order(&self) -> Vec<&Account> {
        let mut accounts: Vec<&Account> = self.accounts.values().map(|file| &file.account).collect();
        accounts.sort_by_key(|account| account.id);
        accounts
    }
}

impl StoredTransaction {
    /// For a record about it. `None` when it names no account, and so moved no money.
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.transaction.origin(self.standing_minor)
    }

    fn holds_money(&self) -> bool {
        matches!(self.transaction.funds, Funds::Held { .. }) && self.standing_minor != 0
    }
}

impl AccountFile {
    /// What may still be spent: posted balance plus credit line less holds.
    pub(crate) fn available_minor(&self) -> i64 {
        self.ledger_minor + self.account.credit_line_minor - self.held_minor
    }

    pub(crate) fn balance(&self) -> Balance {
        Balance {
            ledger_minor: self.ledger_minor,
            available_minor: self.available_minor(),
            currency: self.account.currency,
        }
    }
}

fn before(now: Time, period: Duration) -> Time {
    Time::from_unix_ms(now.unix_ms.saturating_sub(period.as_millis() as i64))
}
