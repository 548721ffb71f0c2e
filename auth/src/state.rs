mod books;
mod counters;
mod counting;
mod files;
mod fingerprints;
mod hot_list;
mod lives;
mod look_ahead;
mod modes;
mod questions;
mod remittances;
mod seldom;
mod snapshot;
mod terminal_clock;
mod tokens;

pub use books::InternalAccount;
pub(crate) use counters::Counters;
pub use files::NewestOfTerminal;
pub(crate) use files::{AccountFile, CardFile, ChipCounter};
pub use hot_list::HotEntry;
pub(crate) use look_ahead::Sought;
pub use snapshot::{Element, Frozen, Route};
pub use tokens::TokenFile;

use crate::billing::Shares;
use crate::booking::Life;
use crate::card_answer::CardAnswer;
use crate::card_mode::CardMode;
use crate::holder::{Holder, HolderFacts};
use crate::indexed::{Entry, Indexed};
use crate::limits::{
    FINGERPRINTS, SHARDS, STAN_CHAIN, TRANSACTION_REACH, TRANSACTION_RETENTION, TRANSACTIONS,
};
use crate::names::{AccountId, OriginalKey, ReversalKey, SettlementKey, TransactionId};
use crate::record::{
    Account, Card, Completed, Funds, HoldExpired, Origin, Record, RememberedReversal, Reversed, Transaction,
    TransactionStatus,
};
use crate::script::{ScriptSent, Scripts};
use crate::stored::StoredTransaction;
use crate::verification::Unverified;
use card::{Currency, Pan, ResponseCode, Time};
use counting::Counting;
use files::Kept;
use fingerprints::Fingerprints;
use hashbrown::{HashMap, HashSet, hash_map};
use hot_list::HotList;
use modes::KeptAccounts;
use remittances::Remittances;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use terminal_clock::TerminalClock;
use tokens::GoneTokens;

/// Everything that survives the process: cards, accounts, their counters, and the transactions that
/// may still be repeated or reversed. Changes only by [`apply`](State::apply).
///
/// Entries lie in slabs, which a snapshot can freeze at any moment ([`freeze`](State::freeze)); the tables that
/// find them are made anew when a snapshot is read.
#[derive(Debug)]
pub struct State {
    memory: Memory,
    cards: Indexed<CardFile>,
    accounts: Indexed<AccountFile>,
    transactions: Indexed<Kept>,
    /// Newest transaction of each link, terminal and STAN, by [`OriginalKey::fingerprint`]; older ones are
    /// chained behind it, and with them those of a key that happens to have the same fingerprint.
    newest: HashMap<u64, TransactionId>,
    /// In order of time, to forget what is too old or too many.
    by_time: VecDeque<(Time, TransactionId)>,
    /// What has left memory and may be repeated all the same.
    left: Fingerprints,
    /// The newest transaction of each of our terminals, whatever has left memory.
    terminals: Indexed<NewestOfTerminal>,
    remembered_reversals: HashSet<ReversalKey>,
    reversals_by_time: VecDeque<(Time, ReversalKey)>,
    expiring_holds: BTreeSet<(Time, TransactionId)>,
    awaiting_completion: BTreeSet<TransactionId>,
    /// The other side of every posting: what each link is owed. A sum over many accounts, each of up to
    /// 15 digits, so 64 bits are not enough.
    settlement: BTreeMap<SettlementKey, i128>,
    /// The other side of opening balances, likewise.
    opening: BTreeMap<u16, i128>,
    /// Positions in currencies and income of fees, by currency.
    internal: BTreeMap<(InternalAccount, Currency), i128>,
    /// Counter of the newest transaction.
    last_counter: u64,
    counting: Counting,
    hot_list: HotList,
    tokens: Indexed<TokenFile>,
    gone_tokens: GoneTokens,
    kept_accounts: KeptAccounts,
    remittances: Remittances,
}

/// How much of the past one shard keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Transactions, at some 450 bytes each with the tables that find them. What holds money stays beyond that.
    pub transactions: usize,
    /// Fingerprints of transactions that have left, at some 18 bytes each.
    pub fingerprints: usize,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { transactions: TRANSACTIONS, fingerprints: FINGERPRINTS }
    }
}

impl Default for State {
    fn default() -> State {
        State::new(Memory::default())
    }
}

impl State {
    /// A state with nothing on file.
    #[must_use]
    pub fn new(memory: Memory) -> State {
        State {
            memory,
            cards: Indexed::default(),
            accounts: Indexed::default(),
            transactions: Indexed::default(),
            newest: HashMap::new(),
            by_time: VecDeque::new(),
            left: Fingerprints::new(memory.fingerprints),
            terminals: Indexed::default(),
            remembered_reversals: HashSet::new(),
            reversals_by_time: VecDeque::new(),
            expiring_holds: BTreeSet::new(),
            awaiting_completion: BTreeSet::new(),
            settlement: BTreeMap::new(),
            opening: BTreeMap::new(),
            internal: BTreeMap::new(),
            last_counter: 0,
            counting: Counting::default(),
            hot_list: HotList::default(),
            tokens: Indexed::default(),
            gone_tokens: GoneTokens::default(),
            kept_accounts: KeptAccounts::default(),
            remittances: Remittances::default(),
        }
    }

    pub(crate) fn reserve(&mut self) {
        // Of the cards, a quarter may come before the tables have to grow.
        self.cards.reserve(self.cards.len() / 4);
        self.accounts.reserve(self.accounts.len() / 4);
        let transactions = self.memory.transactions.saturating_sub(self.transactions.len());
        self.transactions.reserve(transactions);
        self.newest.reserve(transactions);
        self.by_time.reserve(transactions);
        self.left.reserve();
    }

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
            Record::CardRemoved(removed) => self.remove_card(&removed.pan),
            Record::AccountRemoved(removed) => self.remove_account(&removed.account),
            Record::Recalled(stored) => self.recalled(stored),
            Record::LimitChanged(changed) => self.limit_changed(changed),
            Record::HoldReleased(released) => self.hold_released(released),
            Record::Credited(credited) => self.credited(credited),
            Record::HotListChanged(changed) => self.hot_list_changed(changed),
            Record::TokenStored(token) => self.store_token(token),
            Record::TokenRemoved(removed) => self.remove_token(removed),
            Record::HolderStored(holder) => self.store_holder(holder),
            Record::ModeChanged(changed) => self.mode_changed(changed),
            Record::ModeUsed(used) => self.mode_used(used),
            Record::OwnTransfer(transfer) => self.own_transfer(transfer),
            Record::ConfirmationAsked(asked) => self.confirmation_asked(asked),
            Record::Alarm(alarm) => self.alarmed(alarm),
            Record::CardBlocked(blocked) => self.blocked(blocked),
            Record::CardAnswered(answer) => self.card_answered(answer),
            Record::ScriptQueued(queued) => {
                self.change_scripts(&queued.pan, |scripts| scripts.queue(queued));
            }
            Record::ScriptSent(sent) => self.script_sent(sent),
            Record::PinTriesCleared(cleared) => {
                if let Some(file) = self.card_mut(&cleared.pan) {
                    file.pin_tries_used = 0;
                    file.note_wrong_pin(None);
                }
            }
            Record::ScriptConfirmed(confirmed) => {
                self.change_scripts(&confirmed.pan, |scripts| scripts.confirmed(confirmed));
            }
            Record::RemittanceSent(remittance) => self.remittance_sent(remittance),
            Record::RemittanceTaken(outcome) => self.remittance_taken(outcome),
            Record::RemittanceSettled(outcome) => self.remittance_settled(outcome),
            Record::RemittanceForgotten(forgotten) => self.remittance_forgotten(forgotten),
        }
    }

    fn store_card(&mut self, card: &Card) {
        match self.card_mut(&card.pan) {
            Some(file) => {
                // A new PIN comes with a clean count; anything else leaves the counters alone.
                if file.card.pin != card.pin {
                    file.pin_tries_used = 0;
                    file.note_wrong_pin(None);
                }
                let source = file.mode().and_then(CardMode::source);
                let before = std::mem::replace(&mut file.card, card.clone());
                self.count_card(&before, -1);
                self.count_card(card, 1);
                if let Some(source) = source {
                    self.unwatch_accounts(&card.pan, [before.account, source]);
                    self.watch(&card.pan);
                }
            }
            None => self.insert_card(CardFile {
                card: card.clone(),
                pin_tries_used: 0,
                highest_atc: None,
                taken_atcs: 0,
                counters: Counters::default(),
                tokens: 0,
                unverified: Unverified::default(),
                seldom: None,
            }),
        }
    }

    fn store_holder(&mut self, holder: &Holder) {
        if let Some(file) = self.card_mut(&holder.pan) {
            let known = holder.facts != HolderFacts::default();
            let facts = known.then(|| Box::new(holder.facts.clone()));
            file.change_seldom(|seldom| seldom.holder = facts);
        }
    }

    fn insert_card(&mut self, file: CardFile) {
        self.count_card(&file.card, 1);
        self.cards.insert(file);
    }

    fn remove_card(&mut self, pan: &Pan) {
        self.unwatch(pan);
        if let Some(file) = self.cards.remove(pan) {
            self.count_card(&file.card, -1);
        }
    }

    fn count_card(&mut self, card: &Card, change: i32) {
        for account in card.accounts() {
            self.count_cards(&account, change);
        }
    }

    /// A card whose account is not on file, which no import makes, is not counted.
    fn count_cards(&mut self, account: &AccountId, change: i32) {
        if let Some(file) = self.accounts.get_mut(account) {
            file.cards = file.cards.saturating_add_signed(change);
        }
    }

    fn store_account(&mut self, account: &Account) {
        match self.accounts.get_mut(&account.id) {
            Some(file) => {
                // Its balance and the other side of it were counted in the currency of its opening.
                let Account { opening_minor, currency, ref home, customer_home, .. } = file.account;
                let home = home.clone();
                file.account = Account { opening_minor, currency, home, customer_home, ..account.clone() };
            }
            None => {
                *self.opening.entry(account.currency.numeric()).or_default() -=
                    i128::from(account.opening_minor);
                self.accounts.insert(AccountFile {
                    account: account.clone(),
                    ledger_minor: account.opening_minor,
                    held_minor: 0,
                    counters: None,
                    own_limits: None,
                    cards: 0,
                    newest: None,
                });
            }
        }
    }

    /// The other side of its opening balance goes with it.
    fn remove_account(&mut self, id: &AccountId) {
        let Some(file) = self.accounts.remove(id) else { return };
        let opening = self.opening.entry(file.account.currency.numeric()).or_default();
        *opening += i128::from(file.ledger_minor);
    }

    fn decided(&mut self, transaction: &Transaction) {
        self.last_counter = self.last_counter.max(transaction.id.number() / SHARDS as u64);
        self.forget_before(transaction.time);
        if let Some(file) = self.card_mut(&transaction.pan) {
            if let Some(wrong) = transaction.details.wrong_cvv2s {
                file.change_seldom(|seldom| seldom.wrong_cvv2s = Some((wrong, transaction.business_day)));
            }
            if let Some(used) = transaction.pin_tries_used {
                file.pin_tries_used = used;
                file.note_wrong_pin((used > 0).then_some(transaction.time));
            }
            if let Some(reference) = transaction.details.new_pin {
                file.card.pin = Some(reference);
            }
            if let Some(atc) = transaction.atc.filter(|_| transaction.details.token.is_none()) {
                file.take_atc(atc);
            }
            if let Some(contactless) = transaction.details.contactless {
                file.unverified.apply(contactless);
            }
        }
        if let (Some(number), Some(atc)) = (transaction.details.token, transaction.atc) {
            self.take_token_atc(number, atc);
        }
        let mut stored = StoredTransaction::of(transaction);
        if stored.standing_minor != 0 {
            let origin = stored.origin().expect("a transaction that moves money names its account");
            match transaction.funds {
                Funds::Posted { minor } => self.post(&origin, minor, origin.shares),
                _ => self.account_mut(&origin.account).held_minor += stored.standing_minor,
            }
        }
        stored.counted = self.shared(stored.counted.counts());
        self.count(&stored);
        // Of terminals that are not ours there could be any number.
        if stored.code != ResponseCode::INVALID_MERCHANT {
            let StoredTransaction { link, terminal, time, id, stan, .. } = stored;
            let mut clock = TerminalClock::default();
            clock.note(stored.transmission, time);
            self.note_terminal(NewestOfTerminal { link, terminal, time, id, stan, clock });
        }
        let id = stored.id;
        self.keep(stored);
        self.list(id);
        self.touch_original(id);
        self.let_go();
    }

    fn note_terminal(&mut self, newest: NewestOfTerminal) {
        let Some(known) = self.terminals.get_mut(&newest.key()) else {
            return self.terminals.insert(newest);
        };
        let mut clock = known.clock;
        clock.merge(newest.clock);
        if (known.time, known.id) <= (newest.time, newest.id) {
            *known = newest;
        }
        known.clock = clock;
    }

    /// A card that was taken off the file meanwhile has no scripts any more.
    fn change_scripts(&mut self, pan: &Pan, change: impl FnOnce(&mut Scripts)) {
        if let Some(file) = self.card_mut(pan) {
            file.change_seldom(|seldom| change(seldom.scripts.get_or_insert_default()));
        }
    }

    fn script_sent(&mut self, sent: &ScriptSent) {
        self.change_scripts(&sent.pan, |scripts| scripts.sent(sent));
        if let Some(stored) = self.stored_mut(sent.transaction) {
            stored.script = Some(Box::new(sent.template.clone()));
        }
    }

    /// A repeat gets what the first answer told.
    fn card_answered(&mut self, answer: &CardAnswer) {
        if let (Some(stored), Some(value)) =
            (self.stored_mut(answer.transaction), &answer.issuer_authentication)
        {
            stored.issuer_authentication = Some(value.clone());
        }
    }

    /// A transaction that had left memory is back in it: something is about to happen to it.
    fn recalled(&mut self, stored: &StoredTransaction) {
        if !self.transactions.contains(&stored.id) {
            // Nothing goes for it now: it must be there for what is about to happen to it.
            let mut stored = stored.clone();
            stored.counted = self.shared(stored.counted.counts());
            let id = stored.id;
            self.keep(stored);
            if self.remittance_of(id).is_some() {
                self.keep_in_memory(id);
            }
        }
    }

    fn keep(&mut self, stored: StoredTransaction) {
        let id = stored.id;
        if let Some(expires) = stored.expires() {
            self.expiring_holds.insert((expires, id));
        }
        if stored.awaits_completion() {
            self.awaiting_completion.insert(id);
        }
        // A refused second use of a key (94) must not hide the transaction that owns the key.
        let owns_key = stored.code != ResponseCode::DUPLICATE;
        let previous = if owns_key { self.newest.insert(stored.key().fingerprint(), id) } else { None };
        self.by_time.push_back((stored.time, id));
        self.transactions.insert(Kept { stored, previous, before: [None; 2] });
    }

    fn reversed(&mut self, reversed: &Reversed) {
        let origin = self.origin(reversed.transaction, reversed.origin.as_ref());
        let released = origin.standing_minor - reversed.remaining_minor;
        let change = Shares::change(origin.shares, reversed.shares);
        if origin.posted {
            self.post(&origin, -released, change);
        } else {
            self.account_mut(&origin.account).held_minor -= released;
        }
        let all = reversed.remaining_minor == 0;
        let [fee_minor, amount_minor] =
            change.map_or([0, -released], |change| [change.fee_minor, change.amount_minor]);
        // Counted is how much was moved, whichever way.
        self.take_back(reversed.pan, &origin, (released + fee_minor).abs(), u32::from(all));
        if let Some(original) = origin.refunds {
            self.refund_undone(original, amount_minor.abs());
        }
        let status = if all { TransactionStatus::Reversed } else { TransactionStatus::PartlyReversed };
        self.settle(reversed.transaction, status, reversed.remaining_minor, reversed.shares);
    }

    fn remember(&mut self, remembered: &RememberedReversal) {
        self.forget_before(remembered.time);
        let original =
            OriginalKey { link: remembered.link, terminal: remembered.terminal, stan: remembered.stan };
        let RememberedReversal { transmission, pan, .. } = *remembered;
        self.insert_reversal(remembered.time, ReversalKey { original, transmission, pan });
    }

    fn insert_reversal(&mut self, time: Time, key: ReversalKey) {
        if self.remembered_reversals.insert(key) {
            self.reversals_by_time.push_back((time, key));
        }
    }

    fn completed(&mut self, completed: &Completed) {
        let id = completed.transaction;
        if let Some(stored) = self.stored_mut(id) {
            stored.reported = true;
        }
        let origin = self.origin(id, completed.origin.as_ref());
        let Some(dispensed_minor) = completed.dispensed_minor else {
            return self.settle(id, TransactionStatus::Suspect, origin.standing_minor, origin.shares);
        };
        self.account_mut(&origin.account).held_minor -= origin.standing_minor;
        self.post(&origin, dispensed_minor, completed.shares);
        let nothing = dispensed_minor == 0;
        let change = Shares::change(origin.shares, completed.shares);
        let fee_minor = change.map_or(0, |change| change.fee_minor);
        let returned = origin.standing_minor - dispensed_minor + fee_minor;
        self.take_back(completed.pan, &origin, returned, u32::from(nothing));
        let status = if nothing { TransactionStatus::Reversed } else { TransactionStatus::Completed };
        self.settle(id, status, dispensed_minor, completed.shares);
        if let Some(stored) = self.stored_mut(id) {
            stored.funds = Funds::Posted { minor: dispensed_minor };
        }
    }

    fn hold_expired(&mut self, expired: &HoldExpired) {
        let origin = self.origin(expired.transaction, expired.origin.as_ref());
        self.account_mut(&origin.account).held_minor -= origin.standing_minor;
        let nothing = Shares::none_of(origin.shares);
        self.keep_given_back(expired.transaction);
        self.settle(expired.transaction, TransactionStatus::Expired, 0, nothing);
    }

    /// What the record says of its transaction, or what is in memory of it.
    fn origin(&self, id: TransactionId, origin: Option<&Origin>) -> Origin {
        let known = || self.transaction(id).and_then(StoredTransaction::origin);
        origin.cloned().or_else(known).expect("a record about a transaction knows it or follows it")
    }

    /// Where a transaction stands now, if it is still in memory.
    fn settle(
        &mut self,
        id: TransactionId,
        status: TransactionStatus,
        standing_minor: i64,
        shares: Option<Shares>,
    ) {
        let Some(stored) = self.stored_mut(id) else { return };
        let expires = stored.expires();
        stored.status = status;
        stored.standing_minor = standing_minor;
        if let (Some(billed), Some(shares)) = (stored.billed.as_deref_mut(), shares) {
            billed.shares = shares;
        }
        let (still_expires, awaits) = (stored.expires().is_some(), stored.awaits_completion());
        if let Some(expires) = expires.filter(|_| !still_expires) {
            self.expiring_holds.remove(&(expires, id));
        }
        if !awaits {
            self.awaiting_completion.remove(&id);
        }
    }

    fn card_mut(&mut self, pan: &Pan) -> Option<&mut CardFile> {
        self.cards.get_mut(pan)
    }

    fn account_mut(&mut self, id: &AccountId) -> &mut AccountFile {
        self.touch_watched(id);
        self.accounts.get_mut(id).expect("an account is stored before a transaction uses it")
    }

    fn stored_mut(&mut self, id: TransactionId) -> Option<&mut StoredTransaction> {
        self.transactions.get_mut(&id).map(|kept| &mut kept.stored)
    }

    /// Forgets transactions that nobody repeats or reverses any more. Open holds stay, and so do
    /// dispenses that an ATM has yet to report.
    fn forget_before(&mut self, now: Time) {
        let horizon = now.minus(TRANSACTION_RETENTION);
        while let Some((time, id)) = self.by_time.front().copied() {
            if time >= horizon {
                break;
            }
            self.by_time.pop_front();
            if self.holds_money(id) || self.remittance_of(id).is_some() {
                self.by_time.push_back((now, id));
            } else {
                self.forget(id);
            }
        }
        self.left.forget_before(horizon);
        while let Some((time, key)) = self.reversals_by_time.front().copied() {
            if time >= horizon {
                break;
            }
            self.reversals_by_time.pop_front();
            self.remembered_reversals.remove(&key);
        }
    }

    /// Lets the oldest transactions go until the rest fits into memory. Of what holds money a few are passed
    /// over at a time: in a memory full of holds a decision must not look at all of them.
    fn let_go(&mut self) {
        for _ in 0..PASSED_OVER {
            if self.transactions.len() <= self.memory.transactions {
                return;
            }
            let Some((time, id)) = self.by_time.pop_front() else { return };
            if self.stays(id) {
                self.by_time.push_back((time, id));
            } else if let Some((decided, print)) = self.forget(id) {
                self.left.insert(decided, print);
            }
        }
    }

    fn holds_money(&self, id: TransactionId) -> bool {
        self.transaction(id).is_some_and(StoredTransaction::holds_money)
    }

    /// What holds money, what was refunded in part, since the transaction store knows of no refunds, and transfers whose
    /// money is on its way.
    fn stays(&self, id: TransactionId) -> bool {
        self.transaction(id).is_some_and(|stored| {
            let lives = |life: &Life| life.refunded_minor != 0 || self.remittance_of(stored.id).is_some();
            stored.holds_money() || stored.life.as_deref().is_some_and(lives)
        })
    }

    /// Gives when it was decided, and the fingerprint under which a repeat would ask for it.
    fn forget(&mut self, id: TransactionId) -> Option<(Time, u64)> {
        let Kept { stored, previous, before } = self.transactions.get(&id)?;
        let (key, time, previous) = (stored.key(), stored.time, *previous);
        let print = key.fingerprint_at(stored.transmission);
        let lists = State::lists_of(stored, *before);
        self.transactions.discard(&id);
        self.unlist(id, lists);
        // What came before is forgotten as a rule. A dispense that still holds money is not, and must
        // stay within reach of its reversal.
        let kept = previous.filter(|previous| self.transactions.contains(previous));
        let fingerprint = key.fingerprint();
        match self.newest.entry(fingerprint) {
            hash_map::Entry::Occupied(mut newest) if *newest.get() == id => match kept {
                Some(previous) => *newest.get_mut() = previous,
                None => drop(newest.remove()),
            },
            _ if kept.is_some() => {
                let next = self.chain(fingerprint).find(|kept| kept.previous == Some(id));
                let next = next.map(|next| next.stored.id);
                if let Some(next) = next.and_then(|next| self.transactions.get_mut(&next)) {
                    next.previous = kept;
                }
            }
            _ => {}
        }
        Some((time, print))
    }

    fn kept(&self, id: TransactionId) -> Option<&Kept> {
        self.transactions.get(&id)
    }

    /// All under a fingerprint that are in memory.
    fn chain(&self, fingerprint: u64) -> impl Iterator<Item = &Kept> {
        let newest = self.newest.get(&fingerprint).and_then(|id| self.kept(*id));
        std::iter::successors(newest, |kept| kept.previous.and_then(|id| self.kept(id))).take(STAN_CHAIN)
    }
}

/// Whether a message may be about it now, wherever it is remembered.
fn in_reach(stored: &StoredTransaction, now: Time) -> bool {
    stored.time >= now.minus(TRANSACTION_REACH) || stored.holds_money()
}

/// How many transactions a decision looks at to let one go.
const PASSED_OVER: usize = 8;
