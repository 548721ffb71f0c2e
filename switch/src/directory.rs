//! Which shard a card belongs to. Cards of one account live in one shard, so the account decides, and accounts of one
//! customer do, so that their limits are exact and money moves between them; a card that is not on file goes by its own
//! number. A token goes with its card. The hot list is in every shard.

use auth::{
    Account, AccountId, Completed, CustomerId, HoldExpired, HoldReleased, Home, LimitChanged, LimitHolder,
    Record, Reversed,
};
use card::Pan;
use dashmap::DashMap;

/// Home shards of the cards on file, and of the tokens that stand for them. With one shard there is nothing to look up.
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

    /// The shard that a message of another one is for.
    #[must_use]
    pub fn home_of(&self, home: &Home) -> usize {
        match home {
            Home::Card(pan) => self.home(pan),
            Home::Account(account) => self.home_of_account(account),
            Home::Shard(shard) => usize::from(shard.0),
        }
    }

    /// The shard of an account: its own, or that of the account beside which it lives.
    #[must_use]
    pub fn home_of_account(&self, account: &AccountId) -> usize {
        self.known_home(account).unwrap_or_else(|| self.own_home(account))
    }

    /// The shard of an account that is on file; `None` with one shard, where there is nothing to know.
    #[must_use]
    pub fn known_home(&self, account: &AccountId) -> Option<usize> {
        self.accounts.get(&number_of(account)).map(|home| usize::from(*home))
    }

    /// The shard of the accounts that a customer had opened as theirs.
    #[must_use]
    pub fn home_of_customer(&self, customer: &CustomerId) -> usize {
        self.home_of_number(customer.spread().get())
    }

    /// The same by the customer's [number](CustomerId::spread).
    #[must_use]
    pub fn home_of_number(&self, customer: u64) -> usize {
        (customer % self.shards as u64) as usize
    }

    /// The shard of an account that is on file or about to be, which is remembered. It goes by what its record says and
    /// never changes, so that neither the order of records nor what comes later decides.
    pub fn settle_account(&self, account: &Account) -> usize {
        let home = self.known_home(&account.id).unwrap_or_else(|| match account.customer_home {
            Some(customer) => self.home_of_number(customer.get()),
            None => self.own_home(&account.home()),
        });
        self.settle_in(&account.id, home);
        home
    }

    /// Remembers that an account lives in this shard, which has put it on file.
    pub fn settle_in(&self, account: &AccountId, home: usize) {
        if self.shards > 1 {
            self.accounts.insert(number_of(account), home as u8);
        }
    }

    /// Forgets an account that was closed: its number may be opened anew elsewhere.
    pub fn forget_account(&self, account: &AccountId) {
        self.accounts.remove(&number_of(account));
    }

    /// The shard of an account that goes by its own number.
    fn own_home(&self, account: &AccountId) -> usize {
        (number_of(account) % self.shards as u64) as usize
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

    /// Which shards a record goes to at a start: all where each has the whole of what it tells, and both where money
    /// moved between two accounts, which were in one shard when there was another number of shards.
    pub fn homes_of_record(&self, record: &Record) -> impl Iterator<Item = usize> + Clone + use<> {
        let (all, second) = match record {
            Record::HotListChanged(_) => (0..self.shards, None),
            Record::OwnTransfer(transfer) => {
                let [from, to] = [&transfer.from, &transfer.to].map(|account| self.home_of_account(account));
                (from..from + 1, Some(to).filter(|to| *to != from))
            }
            other => {
                let home = self.home_of_record(other);
                (home..home + 1, None)
            }
        };
        all.chain(second)
    }

    /// The shard of a record; remembers the home of a card or account that it stores.
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
            Record::LimitChanged(LimitChanged { holder: LimitHolder::Customer(customer), .. }) => {
                self.home_of_customer(customer)
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
            // Of each pair, one is of the shard that asks and one of the shard that is asked.
            Record::RemittanceSent(sent) => self.home_of_account(&sent.remittance.payer),
            Record::RemittanceSettled(outcome) => self.home_of_account(&outcome.remittance.payer),
            Record::RemittanceTaken(outcome) => self.home_of_account(&outcome.remittance.account),
            Record::RemittanceForgotten(forgotten) => self.home_of_account(&forgotten.account),
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
            home: None,
            customer_home: customer.and_then(CustomerId::new).map(|customer| customer.spread()),
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

    /// A snapshot has accounts in any order.
    #[test]
    fn an_account_lives_beside_another_whichever_comes_first() {
        let account = |id: &str| AccountId::new(id).unwrap();
        let spread = CustomerId::new("C-1").unwrap().spread();
        for customer_home in [None, Some(spread)] {
            let of = |id: &str, home: Option<&str>| {
                let Record::AccountStored(stored) = stored(id, None) else { unreachable!() };
                Account { home: home.map(|home| Box::new(account(home))), customer_home, ..stored }
            };
            let (first, beside) = (of("ACC-1", None), of("ACC-2", Some("ACC-1")));
            let homes = [[&first, &beside], [&beside, &first]].map(|order| {
                let directory = Directory::new(7);
                order.map(|account| directory.settle_account(account))
            });
            assert!(homes.iter().flatten().all(|home| *home == homes[0][0]), "{homes:?}");
        }
    }

    #[test]
    fn money_between_two_shards_is_booked_in_both() {
        let directory = Directory::new(7);
        let names: Vec<String> = (0..20).map(|n| format!("ACC-{n}")).collect();
        let home = |name: &str| directory.home_of_record(&stored(name, None));
        let other = names.iter().find(|name| home(name) != home("ACC-0")).unwrap();
        let transfer = |to: &str| {
            Record::OwnTransfer(auth::OwnTransfer {
                pan: Pan::with_check_digit(b"400000123456789").unwrap(),
                time: card::Time::from_unix_ms(0),
                from: AccountId::new("ACC-0").unwrap(),
                to: AccountId::new(to).unwrap(),
                minor: 1,
                cause: auth::TransferCause::TopUp,
            })
        };
        let homes = |to: &str| directory.homes_of_record(&transfer(to)).collect::<Vec<_>>();
        assert_eq!(homes(other), [home("ACC-0"), home(other)]);
        assert_eq!(homes("ACC-0"), [home("ACC-0")]);
    }

    /// What a shard has asked for is where the payer is, and what was done about it where the other account is.
    #[test]
    fn a_remittance_has_records_of_two_shards() {
        let directory = Directory::new(7);
        let names: Vec<String> = (0..20).map(|n| format!("ACC-{n}")).collect();
        let home = |name: &str| directory.home_of_record(&stored(name, None));
        let other = names.iter().find(|name| home(name) != home("ACC-0")).unwrap();
        let (payer, account) = (AccountId::new("ACC-0").unwrap(), AccountId::new(other).unwrap());
        let (pan, time) = (Pan::with_check_digit(b"400000123456789").unwrap(), card::Time::from_unix_ms(0));
        let transaction = auth::TransactionId::new(64).unwrap();
        let number = auth::RemittanceNumber(64);
        let remittance = auth::Remittance {
            number,
            transaction,
            pan,
            time,
            link: auth::LinkName::new("pos").unwrap(),
            payer,
            account,
            currency: Currency::parse("EUR").unwrap(),
            minor: 1,
            forced: false,
        };
        let (remaining_minor, origin, shares) = (0, None, None);
        let reversal = Reversed { transaction, pan, time, remaining_minor, origin, shares };
        let outcome = auth::RemittanceOutcome { remittance, time, code: card::ResponseCode::APPROVED };
        let forgotten = auth::RemittanceForgotten { number, transaction, pan, time, account };
        let homes = [
            Record::RemittanceSent(Box::new(auth::SentRemittance { remittance, reversal })),
            Record::RemittanceSettled(Box::new(outcome)),
            Record::RemittanceTaken(Box::new(outcome)),
            Record::RemittanceForgotten(Box::new(forgotten)),
        ]
        .map(|record| directory.homes_of_record(&record).collect::<Vec<_>>());
        let [asks, asked] = ["ACC-0", other].map(|name| vec![home(name)]);
        assert_eq!(homes, [asks.clone(), asks, asked.clone(), asked]);
        assert_eq!(directory.home_of(&Home::Account(account)), home(other));
        assert_eq!(directory.home_of(&Home::Shard(auth::ShardIndex(3))), 3);
    }
}
