use std::sync::Arc;

/// Entries by small numbers, in chunks that are copied before they are changed while somebody else looks at
/// them. So a snapshot takes one reference for each chunk, in microseconds, and whoever changes an
/// entry meanwhile pays for a copy of its chunk, once.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Arc<[Option<T>]>>,
    /// Places that are empty, the last one emptied at the end.
    free: Vec<u32>,
    len: usize,
}

/// A slab as it was at one moment.
#[derive(Debug)]
pub(crate) struct FrozenSlab<T>(Vec<Arc<[Option<T>]>>);

/// Entries of a chunk: a copy takes some 20 µs, and a million entries freeze as 2,000 references.
const CHUNK: usize = 512;

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { chunks: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Slab<T> {
    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, place: u32) -> Option<&T> {
        let (chunk, index) = split(place);
        self.chunks.get(chunk)?.get(index)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        let (chunk, index) = split(place);
        Arc::make_mut(self.chunks.get_mut(chunk)?).get_mut(index)?.as_mut()
    }

    /// Puts an entry somewhere and says where.
    ///
    /// # Panics
    /// When there are 2^32 entries, far more than memory holds.
    pub(crate) fn insert(&mut self, entry: T) -> u32 {
        if self.free.is_empty() {
            let first = self.chunks.len() * CHUNK;
            let last = u32::try_from(first + CHUNK - 1).expect("fewer than 2^32 entries");
            self.chunks.push((0..CHUNK).map(|_| None).collect());
            self.free.extend((first as u32..=last).rev());
        }
        let place = self.free.pop().expect("a chunk was added");
        let (chunk, index) = split(place);
        Arc::make_mut(&mut self.chunks[chunk])[index] = Some(entry);
        self.len += 1;
        place
    }

    pub(crate) fn remove(&mut self, place: u32) -> Option<T> {
        let (chunk, index) = split(place);
        let entry = Arc::make_mut(self.chunks.get_mut(chunk)?).get_mut(index)?.take()?;
        self.free.push(place);
        self.len -= 1;
        Some(entry)
    }

    /// The same with an entry that nobody needs any more, where it lies.
    pub(crate) fn discard(&mut self, place: u32) {
        let (chunk, index) = split(place);
        let Some(entry) = self.chunks.get_mut(chunk).and_then(|chunk| Arc::make_mut(chunk).get_mut(index))
        else {
            return;
        };
        if entry.is_some() {
            *entry = None;
            self.free.push(place);
            self.len -= 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter().flatten())
    }

    /// As it is now, for a snapshot.
    pub(crate) fn freeze(&self) -> FrozenSlab<T> {
        FrozenSlab(self.chunks.clone())
    }
}

impl<T> FrozenSlab<T> {
    /// The entries, in the order of their places, all of them held on to.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|chunk| chunk.iter().flatten())
    }

    /// The entries, in the order of their places. Each chunk is let go when its entries have been seen, so that later
    /// changes to it copy no more.
    pub(crate) fn into_each(self, mut visit: impl FnMut(&T)) {
        for chunk in self.0 {
            chunk.iter().flatten().for_each(&mut visit);
        }
    }
}

fn split(place: u32) -> (usize, usize) {
    (place as usize / CHUNK, place as usize % CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn keeps_what_was_put_in_and_reuses_places() {
        let mut slab = Slab::default();
        let mut expected = BTreeMap::new();
        for round in 0..3u32 {
            for number in 0..1000u32 {
                expected.insert(slab.insert(round * 1000 + number), round * 1000 + number);
            }
            for place in (0..3000).step_by(7) {
                assert_eq!(slab.remove(place), expected.remove(&place));
                assert_eq!(slab.get(place), None);
                assert_eq!(slab.remove(place), None);
            }
        }
        assert_eq!(slab.len(), expected.len());
        assert!(slab.iter().eq(expected.values()));
        assert!(slab.chunks.len() * CHUNK < 3000 + CHUNK, "places are used again");
    }

    #[test]
    fn a_frozen_slab_stays_as_it_was() {
        let mut slab = Slab::default();
        let places: Vec<u32> = (0..1000).map(|number| slab.insert(number)).collect();
        let frozen = slab.freeze();
        for place in &places[..500] {
            *slab.get_mut(*place).unwrap() += 1_000_000;
        }
        slab.remove(places[700]);
        slab.insert(-1);
        let mut seen = Vec::new();
        frozen.into_each(|entry| seen.push(*entry));
        assert_eq!(seen, (0..1000).collect::<Vec<i32>>());
    }
}
