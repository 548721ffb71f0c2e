//! Which shard a card belongs to. Cards of one account live in one shard, so the account decides; a
//! card that is not on file goes by its own number. A token goes with its card. The hot list is in every shard.

use auth::{
    Account, AccountId, Completed, HoldExpired, HoldReleased, LimitChanged, LimitHolder, Record, Reversed,
};
use card::Pan;
use dashmap::DashMap;
use std::ops::Range;

/// Home shards of the cards on file, and of the tokens that stand for them. With one shard there is nothing to look up.
pub struct Directory {
    shards: usize,
    homes: DashMap<Pan, u8>,
    /// Home shards of the accounts that live beside another one.
    accounts: DashMap<AccountId, u8>,
}

impl Directory {
    /// For this many shards.
    #[must_use]
    pub fn new(shards: usize) -> Directory {
        Directory { shards, homes: DashMap::new(), accounts: DashMap::new() }
    }

    /// The shard of a card.
    #[must_use]
    pub fn home(&self, pan: &Pan) -> usize {
        if self.shards == 1 {
            return 0;
        }
        let on_file = self.homes.get(pan).map(|home| usize::from(*home));
        on_file.unwrap_or_else(|| (pan.spread() % self.shards as u64) as usize)
    }

    /// The shard of a card that is on file, or was since the start: what was decided about it is there.
    #[must_use]
    pub fn home_on_file(&self, pan: &Pan) -> Option<usize> {
        if self.shards == 1 {
            return Some(0);
        }
        self.homes.get(pan).map(|home| usize::from(*home))
    }

    /// The shard of an account: its own, or that of the account beside which it lives.
    #[must_use]
    pub fn home_of_account(&self, account: &AccountId) -> usize {
        let beside = self.accounts.get(account).map(|home| usize::from(*home));
        beside.unwrap_or_else(|| self.own_home(account))
    }

    /// Whether the account is known to live beside another one.
    #[must_use]
    pub fn lives_beside(&self, account: &AccountId) -> bool {
        self.accounts.contains_key(account)
    }

    /// The shard of an account that is on file or about to be, which is remembered where it is not its own.
    pub fn settle_account(&self, account: &Account) -> usize {
        let home = match &account.home {
            Some(beside) => self.home_of_account(beside),
            None => self.own_home(&account.id),
        };
        match &account.home {
            Some(_) => self.settle_beside(account.id, home),
            None => self.forget_account(&account.id),
        }
        home
    }

    /// Remembers that an account lives in this shard, beside another one.
    pub fn settle_beside(&self, account: AccountId, home: usize) {
        if self.shards > 1 {
            self.accounts.insert(account, home as u8);
        }
    }

    /// Forgets an account that was closed: its number may be opened anew elsewhere.
    pub fn forget_account(&self, account: &AccountId) {
        self.accounts.remove(account);
    }

    /// The shard of an account that lives beside no other.
    #[must_use]
    pub fn own_home(&self, account: &AccountId) -> usize {
        // FNV-1a: short, and the same on every machine, since replay must agree with the past.
        let hash = account.as_str().bytes().fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        (hash % self.shards as u64) as usize
    }

    /// The shard of a card that draws on this account, which is remembered.
    pub fn settle(&self, pan: &Pan, account: &AccountId) -> usize {
        let home = self.home_of_account(account);
        if self.shards > 1 {
            self.homes.insert(*pan, home as u8);
        }
        home
    }

    /// The shard of a token, which is that of its card, and remembered as that of a card is.
    pub fn settle_token(&self, token: &Pan, card: &Pan) -> usize {
        let home = self.home(card);
        if self.shards > 1 {
            self.homes.insert(*token, home as u8);
        }
        home
    }

    /// The same for a card whose home may be known better.
    pub fn settle_if_unknown(&self, pan: &Pan, account: &AccountId) {
        if self.shards > 1 {
            self.homes.entry(*pan).or_insert_with(|| self.home_of_account(account) as u8);
        }
    }

    /// Which shards a record goes to at a start: all where each has the whole of what it tells.
    pub fn homes_of_record(&self, record: &Record) -> Range<usize> {
        if matches!(record, Record::HotListChanged(_)) {
            return 0..self.shards;
        }
        let home = self.home_of_record(record);
        home..home + 1
    }

    /// The shard of a record; remembers the home of a card that it stores.
    pub fn home_of_record(&self, record: &Record) -> usize {
        match record {
            Record::AccountStored(account) => self.settle_account(account),
            Record::AccountRemoved(removed) => {
                let home = self.home_of_account(&removed.account);
                self.forget_account(&removed.account);
                home
            }
            Record::LimitChanged(LimitChanged { holder: LimitHolder::Account(account), .. }) => {
                self.home_of_account(account)
            }
            Record::CardStored(card) => self.settle(&card.pan, &card.account),
            Record::TokenStored(token) => self.settle_token(&token.number.0, &token.card),
            // The card may be off the file by now; its account is where it was.
            Record::Reversed(Reversed { origin: Some(origin), .. })
            | Record::Completed(Completed { origin: Some(origin), .. })
            | Record::HoldExpired(HoldExpired { origin: Some(origin), .. })
            | Record::HoldReleased(HoldReleased { origin: Some(origin), .. }) => {
                self.home_of_account(&origin.account)
            }
            Record::Credited(credited) => self.home_of_account(&credited.account),
            other => other.pan().map_or(0, |pan| self.home(&pan)),
        }
    }
}
