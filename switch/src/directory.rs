//! Which shard a card belongs to. Cards of one account live in one shard, so the account decides, and accounts of one
//! customer do, so that their limits are exact and money moves between them; a card that is not on file goes by its own
//! number.

use auth::{AccountId, Completed, CustomerId, HoldExpired, LimitChanged, LimitHolder, Record, Reversed};
use card::Pan;
use dashmap::DashMap;

/// Home shards of the cards on file. With one shard there is nothing to look up.
pub struct Directory {
    shards: usize,
    homes: DashMap<Pan, u8>,
    /// Of accounts on file, by 64 bits of their number. Should two have the same, the second lives where the first does.
    accounts: DashMap<u64, u8>,
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

    /// The shard of an account.
    #[must_use]
    pub fn home_of_account(&self, account: &AccountId) -> usize {
        self.home_of_new_account(account, None)
    }

    /// The same of one that may be new. Whose it is decides where it lives for as long as the process does: an account
    /// that gets its customer later, or another one, moves with a later start.
    #[must_use]
    pub fn home_of_new_account(&self, account: &AccountId, customer: Option<&CustomerId>) -> usize {
        if self.shards == 1 {
            return 0;
        }
        let number = number_of(account);
        if let Some(home) = self.accounts.get(&number) {
            return usize::from(*home);
        }
        customer.map_or((number % self.shards as u64) as usize, |customer| self.home_of_customer(customer))
    }

    /// The shard of a customer's accounts.
    #[must_use]
    pub fn home_of_customer(&self, customer: &CustomerId) -> usize {
        self.home_of_number(customer.spread())
    }

    /// The same by the customer's [number](CustomerId::spread).
    #[must_use]
    pub fn home_of_number(&self, customer: u64) -> usize {
        (customer % self.shards as u64) as usize
    }

    /// The shard of an account that is on file, which is remembered.
    pub fn settle_account(&self, account: &AccountId, customer: Option<&CustomerId>) -> usize {
        let home = self.home_of_new_account(account, customer);
        if self.shards > 1 {
            self.accounts.insert(number_of(account), home as u8);
        }
        home
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

    /// The shard of a record; remembers the home of a card or account that it stores.
    pub fn home_of_record(&self, record: &Record) -> usize {
        match record {
            Record::AccountStored(account) => self.settle_account(&account.id, account.customer.as_ref()),
            Record::AccountRemoved(removed) => self.home_of_account(&removed.account),
            Record::LimitChanged(LimitChanged { holder: LimitHolder::Account(account), .. }) => {
                self.home_of_account(account)
            }
            Record::LimitChanged(LimitChanged { holder: LimitHolder::Customer(customer), .. }) => {
                self.home_of_customer(customer)
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

/// 64 bits of an account's number: FNV-1a, which is short, and the same on every machine, since replay must agree with the
/// past.
fn number_of(account: &AccountId) -> u64 {
    account
        .as_str()
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth::{Account, AccountKind};
    use card::Currency;

    fn stored(id: &str, customer: Option<&str>) -> Record {
        Record::AccountStored(Account {
            id: AccountId::new(id).unwrap(),
            currency: Currency::parse("EUR").unwrap(),
            kind: AccountKind::Default,
            opening_minor: 0,
            credit_line_minor: 0,
            customer: customer.and_then(CustomerId::new),
        })
    }

    #[test]
    fn accounts_of_a_customer_live_together() {
        let directory = Directory::new(7);
        let homes: Vec<usize> =
            (0..20).map(|n| directory.home_of_record(&stored(&format!("ACC-{n}"), Some("C-1")))).collect();
        let home = directory.home_of_customer(&CustomerId::new("C-1").unwrap());
        assert!(homes.iter().all(|other| *other == home), "{homes:?}");
        assert_eq!(directory.home_of_account(&AccountId::new("ACC-3").unwrap()), home);
    }

    #[test]
    fn an_account_stays_where_its_first_record_is() {
        let directory = Directory::new(7);
        let first: Vec<usize> =
            (0..20).map(|n| directory.home_of_record(&stored(&format!("ACC-{n}"), None))).collect();
        let later: Vec<usize> =
            (0..20).map(|n| directory.home_of_record(&stored(&format!("ACC-{n}"), Some("C-1")))).collect();
        assert_eq!(first, later);
        assert!(first.iter().any(|home| *home != first[0]), "they are spread");
    }
}
