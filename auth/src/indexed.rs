use crate::slab::{FrozenSlab, Slab};
use arrayvec::ArrayVec;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::hint::black_box;

/// How many keys are looked ahead at a time: what belongs to them must stay near until it is used.
pub const LOOK_AHEAD: usize = 16;

/// What is found by a key that it has in itself.
pub(crate) trait Entry: Clone {
    type Key: Eq + Hash;

    fn key(&self) -> Self::Key;

    /// Different in each process, so that nobody chooses keys to have one hash.
    fn hash(key: &Self::Key, seeded: &DefaultHashBuilder) -> u32 {
        seeded.hash_one(key) as u32
    }

    /// Looks at itself from end to end, for [`Indexed::look_ahead`]; the number means nothing.
    fn touch(&self) -> u64;
}

/// A slab whose entries are found by their keys. The table has 8 bytes for an entry, so that it stays near the
/// processor where a table of whole keys would not, and whoever looks an entry up goes far for the entry alone.
pub(crate) struct Indexed<T> {
    entries: Slab<T>,
    spots: HashTable<Spot>,
    hasher: DefaultHashBuilder,
    /// Where the entry is that was looked up last: a step asks for the same one several times.
    last: Cell<u32>,
}

/// Where an entry is, and enough of its key's hash to let the table grow without a look at the entries.
#[derive(Clone, Copy)]
struct Spot {
    hash: u32,
    place: u32,
}

impl<T> Default for Indexed<T> {
    fn default() -> Indexed<T> {
        let hasher = DefaultHashBuilder::default();
        Indexed { entries: Slab::default(), spots: HashTable::new(), hasher, last: Cell::new(0) }
    }
}

impl<T: Entry> Indexed<T> {
    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Room in the table for so many more.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.spots.reserve(more, Spot::spread);
    }

    pub(crate) fn contains(&self, key: &T::Key) -> bool {
        self.place(key).is_some()
    }

    #[inline]
    pub(crate) fn get(&self, key: &T::Key) -> Option<&T> {
        self.entries.get(self.place(key)?)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: &T::Key) -> Option<&mut T> {
        let place = self.place(key)?;
        self.entries.get_mut(place)
    }

    /// Takes an entry whose key is not there yet.
    pub(crate) fn insert(&mut self, entry: T) {
        debug_assert!(
            !self.contains(&entry.key()),
            "a second entry would hide the first, or be hidden by it"
        );
        let hash = T::hash(&entry.key(), &self.hasher);
        let place = self.entries.insert(entry);
        self.last.set(place);
        let spot = Spot { hash, place };
        self.spots.insert_unique(spot.spread(), spot, Spot::spread);
    }

    pub(crate) fn remove(&mut self, key: &T::Key) -> Option<T> {
        let place = self.take_spot(key)?;
        self.entries.remove(place)
    }

    /// The same with an entry that nobody needs any more.
    pub(crate) fn discard(&mut self, key: &T::Key) {
        if let Some(place) = self.take_spot(key) {
            self.entries.discard(place);
        }
    }

    fn take_spot(&mut self, key: &T::Key) -> Option<u32> {
        let hash = T::hash(key, &self.hasher);
        let Indexed { entries, spots, .. } = self;
        let found = spots.find_entry(spread(hash), |spot| spot.is(hash, key, entries)).ok()?;
        Some(found.remove().0.place)
    }

    /// Brings near what belongs to these keys. Each loop asks for one thing of every key, so that memory has many
    /// questions at a time: looking keys up one by one, three answers are waited for with each.
    pub(crate) fn look_ahead(&self, keys: impl Iterator<Item = T::Key>) {
        let hashes: ArrayVec<u32, LOOK_AHEAD> =
            keys.map(|key| T::hash(&key, &self.hasher)).take(LOOK_AHEAD).collect();
        let seen = |hash: &u32| self.spots.find(spread(*hash), |_| true).is_some();
        black_box(hashes.iter().filter(|hash| seen(hash)).count());
        let place = |hash: &u32| self.spots.find(spread(*hash), |spot| spot.hash == *hash);
        let places: ArrayVec<u32, LOOK_AHEAD> =
            hashes.iter().filter_map(place).map(|spot| spot.place).collect();
        black_box(
            places
                .iter()
                .filter_map(|place| self.entries.get(*place))
                .fold(0, |sum, entry| sum ^ entry.touch()),
        );
    }

    /// In no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }

    /// As it is now, for a snapshot.
    pub(crate) fn freeze(&self) -> FrozenSlab<T> {
        self.entries.freeze()
    }

    fn place(&self, key: &T::Key) -> Option<u32> {
        let last = self.last.get();
        if self.entries.get(last).is_some_and(|entry| entry.key() == *key) {
            return Some(last);
        }
        let hash = T::hash(key, &self.hasher);
        let found = self.spots.find(spread(hash), |spot| spot.is(hash, key, &self.entries))?;
        self.last.set(found.place);
        Some(found.place)
    }
}

/// The entries alone: the digits of the hasher's seeds are chance, and could be those of a secret.
impl<T: fmt::Debug> fmt::Debug for Indexed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexed").field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// The hash of a card number has no place in a log, and its digits are chance.
impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spot({})", self.place)
    }
}

impl Spot {
    fn is<T: Entry>(self, hash: u32, key: &T::Key, entries: &Slab<T>) -> bool {
        self.hash == hash && entries.get(self.place).is_some_and(|entry| entry.key() == *key)
    }

    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

/// The table chooses a bucket by the low bits and tells neighbours apart by the highest seven.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug, PartialEq)]
    struct Named {
        name: u16,
        value: u32,
    }

    impl Entry for Named {
        type Key = u16;

        fn key(&self) -> u16 {
            self.name
        }

        fn touch(&self) -> u64 {
            u64::from(self.value)
        }
    }

    proptest! {
        #[test]
        fn finds_what_a_map_would_find(steps in prop::collection::vec((0u8..4, 0u16..300, any::<u32>()), 0..2000)) {
            let mut indexed = Indexed::default();
            let mut expected = BTreeMap::new();
            for (step, name, value) in steps {
                match step {
                    0 if value % 2 == 0 => {
                        indexed.discard(&name);
                        expected.remove(&name);
                    }
                    0 => prop_assert_eq!(indexed.remove(&name).map(|entry: Named| entry.value), expected.remove(&name)),
                    1 => if let Some(entry) = indexed.get_mut(&name) {
                        entry.value = value;
                        expected.insert(name, value);
                    }
                    _ if !indexed.contains(&name) => {
                        indexed.insert(Named { name, value });
                        expected.insert(name, value);
                    }
                    _ => prop_assert_eq!(indexed.get(&name).map(|entry| entry.value), expected.get(&name).copied()),
                }
            }
            prop_assert_eq!(indexed.len(), expected.len());
            let found: BTreeMap<u16, u32> = indexed.iter().map(|entry| (entry.name, entry.value)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn many_entries_are_all_found() {
        let mut indexed = Indexed::default();
        indexed.reserve(1000);
        for name in 0..=u16::MAX {
            indexed.insert(Named { name, value: u32::from(name) * 3 });
        }
        for name in 0..=u16::MAX {
            assert_eq!(indexed.get(&name), Some(&Named { name, value: u32::from(name) * 3 }));
        }
    }
}
