//! Postcard encoding at the end of a vector.

use postcard::Error::SerializeBufferFull;
use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// Room that is made for a value at first; a usual record takes half.
const ROOM: usize = 512;

/// Appends the postcard encoding of a value of ours.
///
/// # Panics
/// For a sequence whose length is not known before, which no type of ours has.
pub(crate) fn append<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    let mut room = ROOM;
    loop {
        out.resize(start + room, 0);
        match postcard::serialize_with_flavor(value, Appended { room: &mut out[start..], used: 0 }) {
            Ok(used) => return out.truncate(start + used),
            Err(SerializeBufferFull) => room *= 4,
            Err(error) => panic!("what we store has a stored form: {error}"),
        }
    }
}

/// Postcard's own flavors for what grows ask for more room with every byte, and copy numbers, most of which take one
/// to three bytes, by a call; both together take as long again as the rest.
struct Appended<'a> {
    room: &'a mut [u8],
    used: usize,
}

impl Flavor for Appended<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        *self.room.get_mut(self.used).ok_or(SerializeBufferFull)? = byte;
        self.used += 1;
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        let end = self.used + bytes.len();
        let room = self.room.get_mut(self.used..end).ok_or(SerializeBufferFull)?;
        match (room, bytes) {
            ([room], [byte]) => *room = *byte,
            (room @ [_, _], [a, b]) => room.copy_from_slice(&[*a, *b]),
            (room @ [_, _, _], [a, b, c]) => room.copy_from_slice(&[*a, *b, *c]),
            (room, bytes) => room.copy_from_slice(bytes),
        }
        self.used = end;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_postcard_writes_whatever_the_size() {
        for size in [0, 1, 2, 3, 4, 100, ROOM - 1, ROOM, ROOM + 1, 9000] {
            let value = ("x".repeat(size), size as u64, vec![u64::MAX; size], -1i64, None::<u8>);
            let mut out = vec![7];
            append(&value, &mut out);
            assert_eq!(out[0], 7);
            assert_eq!(out[1..], postcard::to_stdvec(&value).unwrap());
        }
    }
}
