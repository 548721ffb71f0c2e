use crate::cipher::ClearKey;
use crate::emv::{self, DeriveOption};
use hsm::PanSequence;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroize;

/// Card master keys already derived, with their schedules. Deriving one costs two schedules and two TDES
/// blocks; finding it here one hash and a lock that is seldom contended.
///
/// A card is kept when it comes the second time: of those that come once, whose keys would only cost the
/// room, a fingerprint stays. Each shard has two generations. A full young one becomes the old one and the
/// old one goes, so every card that comes again in time stays, and the work for each card is the same
/// whatever their number.
///
/// An entry takes some 2 KB: a schedule of half a kilobyte for each part and direction that was used, three for
/// a cryptogram and its ARPC, the key, its name and the slots of the table.
/// Fingerprints take 16 more for each of them.
pub(super) struct CardKeys {
    shards: [Mutex<Generations>; CardKeys::SHARDS],
    /// Cards in one generation of one shard.
    generation: usize,
    hasher: RandomState,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Name, Entry>,
    old: HashMap<Name, Entry>,
    /// Fingerprints of cards that came, each in the slot that it points to.
    seen: Vec<u64>,
}

struct Entry {
    // Holds the issuer's key in its place in memory, so that no other key can come to have its address.
    _issuer: Arc<ClearKey>,
    master: Arc<ClearKey>,
}

/// Which card of which issuer. Wiped on drop: it tells a card number.
#[derive(PartialEq, Eq, Hash)]
struct Name {
    /// The address of the issuer's key.
    issuer: usize,
    sequence: [u8; PanSequence::MAX_BYTES],
    /// How many bytes of it count: only option B with a long number hashes more than eight.
    length: u8,
}

impl CardKeys {
    const SHARDS: usize = 16;

    /// Room for `capacity` cards, rounded up to a multiple of 32; none for 0.
    pub(super) fn new(capacity: usize) -> CardKeys {
        let generation = capacity.div_ceil(2 * CardKeys::SHARDS);
        CardKeys { shards: Default::default(), generation, hasher: RandomState::new() }
    }

    /// The card's master key.
    pub(super) fn find_or_derive(
        &self,
        issuer: &Arc<ClearKey>,
        sequence: &PanSequence,
        option: DeriveOption,
    ) -> Arc<ClearKey> {
        // A key that nobody else holds is not in the cache of keys: its address means nothing next time.
        if self.generation == 0 || Arc::strong_count(issuer) < 2 {
            return Arc::new(emv::master_key(issuer, sequence, option));
        }
        let name = Name::new(issuer, sequence, option);
        let shard = &self.shards[name.shard()];
        let fingerprint = self.hasher.hash_one(&name);
        // Whole after any panic, since each change of the tables is one call.
        let mut generations = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = generations.find(&name, self.generation) {
            return known;
        }
        let again = generations.came_before(fingerprint, 4 * self.generation);
        drop(generations);
        // Derived without the lock: another thread may do the same, and nothing is lost but its work.
        let master = Arc::new(emv::master_key(issuer, sequence, option));
        if !again {
            return master;
        }
        let entry = Entry { _issuer: Arc::clone(issuer), master: Arc::clone(&master) };
        let gone = shard.lock().unwrap_or_else(PoisonError::into_inner).insert(name, entry, self.generation);
        // Wiping a generation takes its time, so not under the lock.
        drop(gone);
        master
    }
}

impl Generations {
    fn find(&mut self, name: &Name, generation: usize) -> Option<Arc<ClearKey>> {
        if let Some(entry) = self.young.get(name) {
            return Some(Arc::clone(&entry.master));
        }
        let (name, entry) = self.old.remove_entry(name)?;
        let master = Arc::clone(&entry.master);
        // A card that came again moves up; where that needs room, the old generation is nearly empty.
        drop(self.insert(name, entry, generation));
        Some(master)
    }

    /// Whether a card came lately, which is noted. Two fingerprints that share a slot displace each other.
    fn came_before(&mut self, fingerprint: u64, slots: usize) -> bool {
        if self.seen.is_empty() {
            self.seen.resize(slots, 0);
        }
        let slots = self.seen.len() as u64;
        let slot = &mut self.seen[(fingerprint % slots) as usize];
        mem::replace(slot, fingerprint) == fingerprint
    }

    /// Gives back the generation that had to go.
    #[must_use]
    fn insert(&mut self, name: Name, entry: Entry, generation: usize) -> HashMap<Name, Entry> {
        let gone = if self.young.len() >= generation {
            let full = mem::replace(&mut self.young, HashMap::with_capacity(generation));
            mem::replace(&mut self.old, full)
        } else {
            HashMap::new()
        };
        self.young.insert(name, entry);
        gone
    }
}

impl Name {
    fn new(issuer: &Arc<ClearKey>, sequence: &PanSequence, option: DeriveOption) -> Name {
        let packed = sequence.reveal();
        let mut name = Name { issuer: Arc::as_ptr(issuer).addr(), sequence: [0; _], length: 8 };
        if emv::is_hashed(sequence, option) {
            name.sequence[..packed.len()].copy_from_slice(packed);
            name.length = packed.len() as u8;
        } else {
            name.sequence[..8].copy_from_slice(&sequence.rightmost());
        }
        name
    }

    /// Spread by the last digits of the number, which hardly two cards of a bank share.
    fn shard(&self) -> usize {
        let [.., a, b, _] = self.sequence[..usize::from(self.length)] else { return 0 };
        usize::from(a ^ b ^ b >> 4) % CardKeys::SHARDS
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        self.sequence.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::Pan;

    fn sequence(number: u32, option: DeriveOption) -> PanSequence {
        let pan = Pan::parse(format!("40000012345{number:08}").as_bytes()).unwrap();
        match option {
            DeriveOption::A => PanSequence::option_a(&pan, 1),
            DeriveOption::B => PanSequence::option_b(&pan, 1),
        }
    }

    fn count(keys: &CardKeys) -> usize {
        keys.shards.iter().map(|shard| shard.lock().unwrap()).map(|s| s.young.len() + s.old.len()).sum()
    }

    #[test]
    fn a_card_gets_its_own_key_however_often_it_comes() {
        for capacity in [0, 1, 64, 4096] {
            let keys = CardKeys::new(capacity);
            let issuers = [[0x31; 16], [0x4C; 16]].map(|key| Arc::new(ClearKey::double(&key)));
            let held = issuers.clone();
            for number in (0..200).chain(0..200) {
                for issuer in &issuers {
                    for option in [DeriveOption::A, DeriveOption::B] {
                        let sequence = sequence(number, option);
                        let found = keys.find_or_derive(issuer, &sequence, option);
                        let derived = emv::master_key(issuer, &sequence, option);
                        assert_eq!(found.reveal(), derived.reveal());
                    }
                }
            }
            drop(held);
        }
    }

    #[test]
    fn never_holds_more_than_its_capacity_and_keeps_who_comes_again() {
        let keys = CardKeys::new(64);
        let issuer = Arc::new(ClearKey::double(&[0x31; 16]));
        let _held = Arc::clone(&issuer);
        let ask = |number| keys.find_or_derive(&issuer, &sequence(number, DeriveOption::A), DeriveOption::A);
        ask(7);
        let kept = ask(7);
        for number in 1000..2000 {
            ask(number);
        }
        assert_eq!(count(&keys), 1, "those that came once are not kept");
        for number in 1000..4000 {
            ask(number);
            ask(number);
            assert!(count(&keys) <= 64);
            assert!(Arc::ptr_eq(&kept, &ask(7)));
        }
        assert!(count(&keys) > 16);
    }

    #[test]
    fn a_key_held_by_nobody_else_is_not_kept() {
        let keys = CardKeys::new(64);
        let issuer = Arc::new(ClearKey::double(&[0x31; 16]));
        keys.find_or_derive(&issuer, &sequence(7, DeriveOption::A), DeriveOption::A);
        assert_eq!(count(&keys), 0);
    }
}
