use crate::working_key::WorkingKey;
use hsm::KeyField;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Keys already unwrapped, with their schedules. Unwrapping a double-length key costs four schedules and
/// six DES passes; finding it here one hash and an uncontended read lock.
///
/// The lock's counter is one cache line that all threads write, so beyond a few cores a copy for each
/// thread would serve better.
pub(super) struct KeyCache {
    keys: RwLock<HashMap<Box<[u8]>, WorkingKey>>,
    capacity: usize,
}

impl KeyCache {
    pub(super) fn new(capacity: usize) -> KeyCache {
        KeyCache { keys: RwLock::default(), capacity }
    }

    /// The key of this cryptogram, made by `unwrap` when it is not here. `kind` tells LMKs and key types
    /// apart. Failures are not kept.
    pub(super) fn find_or<E>(
        &self,
        kind: [u8; 3],
        key: &KeyField<'_>,
        unwrap: impl FnOnce() -> Result<WorkingKey, E>,
    ) -> Result<WorkingKey, E> {
        let Some(name) = Name::new(kind, key).filter(|_| self.capacity > 0) else {
            return unwrap();
        };
        // The map is whole after any panic, since each change of it is one call.
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner).get(name.as_bytes()).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let clear = unwrap()?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        // Emptying it all is rare, with room for every key of an ordinary switch, and needs no bookkeeping.
        if keys.len() >= self.capacity {
            keys.clear();
        }
        keys.insert(name.as_bytes().into(), clear.clone());
        Ok(clear)
    }
}

/// LMK and type, scheme and cryptogram of a key, on the stack: the same digits mean another key in each.
struct Name {
    bytes: [u8; Name::LONGEST],
    length: usize,
}

impl Name {
    /// Room for key blocks without optional parts.
    const LONGEST: usize = 160;

    /// `None` when the key is too long to be kept.
    fn new(kind: [u8; 3], key: &KeyField<'_>) -> Option<Name> {
        let digits = key.reveal().as_bytes();
        let length = kind.len() + 1 + digits.len();
        let mut bytes = [0; Name::LONGEST];
        bytes[..3].copy_from_slice(&kind);
        bytes[3] = key.scheme().letter() as u8;
        bytes.get_mut(4..length)?.copy_from_slice(digits);
        Some(Name { bytes, length })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: char) -> KeyField<'static> {
        KeyField::from_text(&String::from(digit).repeat(16)).unwrap()
    }

    fn unwrap() -> Result<WorkingKey, ()> {
        Ok(crate::ClearKey::double(&[1; 16]).into())
    }

    #[test]
    fn a_second_look_unwraps_nothing() {
        let cache = KeyCache::new(2);
        cache.find_or([0; 3], &key('0'), unwrap).unwrap();
        cache.find_or([0; 3], &key('0'), || Err(())).unwrap();
        assert!(cache.find_or([1, 0, 0], &key('0'), || Err(())).is_err(), "another type is another key");
    }

    #[test]
    fn never_holds_more_than_its_capacity() {
        let cache = KeyCache::new(3);
        for digit in ('0'..='9').cycle().take(50) {
            cache.find_or([0; 3], &key(digit), unwrap).unwrap();
            assert!(cache.keys.read().unwrap().len() <= 3);
        }
        let none = KeyCache::new(0);
        none.find_or([0; 3], &key('0'), unwrap).unwrap();
        assert!(none.find_or([0; 3], &key('0'), || Err(())).is_err());
    }
}
