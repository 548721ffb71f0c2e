//! All lines of one file together: a card stands in one line, and lines that name the same account agree
//! about it.

use super::source::Line;
use super::statement::{CardRules, Faults};
use auth::{AccountId, AccountKind, AccountTerms, CardChange, CardPut, CustomerId};
use card::{Currency, Pan};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What the lines read so far have named. Some 130 bytes for a card with an account of its own.
#[derive(Default)]
pub(crate) struct Sheet {
    /// Cards, with their line.
    cards: HashMap<Pan, u32, BuildHasherDefault<Mixer>>,
    /// Accounts as their first line wants them.
    accounts: HashMap<AccountId, Named, BuildHasherDefault<Mixer>>,
}

/// What a good line asks for.
pub(crate) struct Read {
    /// The change. It says all that an earlier line has said of the account.
    pub(crate) change: CardChange,
    /// Whether no earlier line named the account.
    pub(crate) names_account_first: bool,
}

/// An account's terms, packed: there may be ten million of them.
struct Named {
    /// [`NOT_SAID`](Named::NOT_SAID) where the line does not say.
    balance_minor: i64,
    credit_line_minor: i64,
    line: u32,
    currency: Option<Currency>,
    kind: Option<AccountKind>,
    customer: Option<CustomerId>,
    home: Option<Box<AccountId>>,
}

const _: () = assert!(size_of::<(AccountId, Named)>() <= 96);

impl Sheet {
    /// Reads a line, against the rules of its product and the lines before it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(&mut self, line: &Line, rules: &CardRules<'_>, update: bool) -> Result<Read, Faults> {
        let number = u32::try_from(line.number).unwrap_or(u32::MAX);
        let (pan, read) = rules.read(line, update);
        let mut faults = Faults::default();
        if let Some(pan) = pan {
            let first = *self.cards.entry(pan).or_insert(number);
            if first != number {
                // The rest of the line is looked at all the same, so that one run tells everything.
                faults.0.push(format!("is the same card as line {first}"));
            }
        }
        let mut change = match read {
            Ok(change) => change,
            Err(more) => {
                faults.0.extend(more.0);
                return Err(faults);
            }
        };
        let (account, terms) = match &mut change {
            CardChange::Put(put) => (put.account, &mut put.terms),
            CardChange::PutAccount(put) => (Some(put.account), &mut put.terms),
            CardChange::RemoveCard { .. } | CardChange::RemoveAccount(_) => {
                (None, &mut AccountTerms::default())
            }
        };
        let mut names_account_first = true;
        if let Some(account) = account {
            let named = self.accounts.entry(account).or_insert_with(|| Named::new(terms, number));
            names_account_first = named.line == number;
            match named.complete(terms) {
                Some(complete) => *terms = complete,
                None => faults
                    .0
                    .push(format!("account: disagrees with line {} about the same account", named.line)),
            }
        }
        if let CardChange::Put(put) = &mut change {
            self.name_further(put, number);
        }
        if faults.0.is_empty() { Ok(Read { change, names_account_first }) } else { Err(faults) }
    }
}

impl Sheet {
    /// Says where lines before this one open the further accounts of a card, and remembers those that this one opens.
    fn name_further(&mut self, put: &mut CardPut, line: u32) {
        let (Some(account), Some(further)) = (put.account, &mut put.further) else { return };
        let beside = self.accounts.get(&account).and_then(|named| named.home.as_deref().copied());
        let beside = beside.unwrap_or(account);
        for further in further {
            match self.accounts.get(&further.id) {
                Some(named) => {
                    further.opened_beside = Some(named.home.as_deref().copied().unwrap_or(further.id));
                }
                None => {
                    let terms = AccountTerms {
                        kind: Some(further.kind),
                        home: Some(beside),
                        ..AccountTerms::default()
                    };
                    self.accounts.insert(further.id, Named::new(&terms, line));
                }
            }
        }
    }
}

impl Named {
    /// No amount of at most 15 digits.
    const NOT_SAID: i64 = i64::MIN;

    fn new(terms: &AccountTerms, line: u32) -> Named {
        Named {
            balance_minor: terms.balance_minor.unwrap_or(Named::NOT_SAID),
            credit_line_minor: terms.credit_line_minor.unwrap_or(Named::NOT_SAID),
            line,
            currency: terms.currency,
            kind: terms.kind,
            customer: terms.customer,
            home: terms.home.map(Box::new),
        }
    }

    /// The terms with what the first line said. `None` where they say anything else.
    fn complete(&self, terms: &AccountTerms) -> Option<AccountTerms> {
        let amount = |minor| (minor != Named::NOT_SAID).then_some(minor);
        let first = AccountTerms {
            currency: self.currency,
            kind: self.kind,
            balance_minor: amount(self.balance_minor),
            credit_line_minor: amount(self.credit_line_minor),
            customer: self.customer,
            home: self.home.as_deref().copied(),
        };
        let agrees = said(terms.currency, first.currency)
            && said(terms.kind, first.kind)
            && said(terms.customer, first.customer)
            && said(terms.home, first.home)
            && said(terms.balance_minor, first.balance_minor)
            && said(terms.credit_line_minor, first.credit_line_minor);
        agrees.then_some(first)
    }
}

fn said<T: Copy + PartialEq>(now: Option<T>, before: Option<T>) -> bool {
    now.is_none() || now == before
}

/// Hashes what an operator's own file names, so it need not withstand an attacker: one multiplication for
/// eight bytes, where the standard hasher takes several times as long.
#[derive(Default)]
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::BuildHasher;

    #[test]
    fn neighbours_do_not_share_a_place() {
        let hasher = BuildHasherDefault::<Mixer>::default();
        let mut low = std::collections::HashSet::new();
        let mut high = std::collections::HashSet::new();
        for serial in 0..100_000u32 {
            let account = AccountId::new(&format!("{serial:010}")).unwrap();
            let hash = hasher.hash_one(account);
            low.insert(hash & 0xFFFF_FFFF);
            high.insert(hash >> 32);
        }
        // Of 100,000 even spreads over 2^32 places, one or two meet.
        assert!(low.len() > 99_900 && high.len() > 99_900, "{} {}", low.len(), high.len());
    }
}
