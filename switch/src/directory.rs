//! Which shard a card belongs to. Cards of one account live in one shard, so the account decides; a
//! card that is not on file goes by its own number.

use auth::{AccountId, Completed, HoldExpired, LimitChanged, LimitHolder, Record, Reversed};
use card::Pan;
use dashmap::DashMap;

/// Home shards of the cards on file. With one shard there is nothing to look up.
pub struct Directory {
    shards: usize,
    homes: DashMap<Pan, u8>,
}

impl Directory {
    /// For this many shards.
    #[must_use]
    pub fn new(shards: usize) -> Directory {
        Directory { shards, homes: DashMap::new() }
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

    /// The shard of an account.
    #[must_use]
    pub fn home_of_account(&self, account: &AccountId) -> usize {
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

    /// The same for a card whose home may be known better.
    pub fn settle_if_unknown(&self, pan: &Pan, account: &AccountId) {
        if self.shards > 1 {
            self.homes.entry(*pan).or_insert_with(|| self.home_of_account(account) as u8);
        }
    }

    /// The shards of a record: that of its card or account, and of both accounts where it moves money between two,
    /// which were in one shard when there was another number of shards.
    pub fn homes_of_record(&self, record: &Record) -> impl Iterator<Item = usize> + use<> {
        let (first, second) = match record {
            Record::OwnTransfer(transfer) => {
                (self.home_of_account(&transfer.from), Some(self.home_of_account(&transfer.to)))
            }
            other => (self.home_of_record(other), None),
        };
        std::iter::once(first).chain(second.filter(|second| *second != first))
    }

    /// The shard of a record; remembers the home of a card that it stores.
    pub fn home_of_record(&self, record: &Record) -> usize {
        match record {
            Record::AccountStored(account) => self.home_of_account(&account.id),
            Record::AccountRemoved(removed) => self.home_of_account(&removed.account),
            Record::LimitChanged(LimitChanged { holder: LimitHolder::Account(account), .. }) => {
                self.home_of_account(account)
            }
            Record::CardStored(card) => self.settle(&card.pan, &card.account),
            // The card may be off the file by now; its account is where it was.
            Record::Reversed(Reversed { origin: Some(origin), .. })
            | Record::Completed(Completed { origin: Some(origin), .. })
            | Record::HoldExpired(HoldExpired { origin: Some(origin), .. }) => {
                self.home_of_account(&origin.account)
            }
            other => other.pan().map_or(0, |pan| self.home(&pan)),
        }
    }
}
