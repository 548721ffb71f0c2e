//! Postcard encoding at the end of a vector.

use postcard::Error::SerializeBufferFull;
use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// Room that is made for a value at first; most take less.
const ROOM: usize = 64;

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

/// Appends a number as postcard writes it: seven bits a byte, the lowest first, ten bytes at most.
#[inline]
pub(crate) fn varint(number: u64, out: &mut Vec<u8>) {
    if number < 1 << 7 { out.push(number as u8) } else { longer(number, out) }
}

/// The same for what takes more than one byte, which a record has thirty of: at once for as much as fits into eight.
fn longer(mut number: u64, out: &mut Vec<u8>) {
    while number >= 1 << 56 {
        out.push(number as u8 | 128);
        number >>= 7;
    }
    let length = (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize;
    // Groups of seven bits move apart, in halves of halves.
    number = number & 0x0fff_ffff | (number & 0x00ff_ffff_f000_0000) << 4;
    number = number & 0x0000_3fff_0000_3fff | (number & 0x0fff_c000_0fff_c000) << 2;
    number = number & 0x007f_007f_007f_007f | (number & 0x3f80_3f80_3f80_3f80) << 1;
    let more_follows = 0x8080_8080_8080_8080 & ((1 << (8 * (length - 1))) - 1);
    let end = out.len() + length;
    out.extend_from_slice(&(number | more_follows).to_le_bytes());
    out.truncate(end);
}

/// A number with a sign as postcard turns it before it writes it, so that small ones take a byte.
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// The number that [`zigzag`] made this one of.
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Appends a text as postcard writes it.
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends an option as postcard writes it, its value by `some`.
pub(crate) fn option<T>(value: &Option<T>, out: &mut Vec<u8>, some: impl FnOnce(&T, &mut Vec<u8>)) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            some(value, out);
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
    fn numbers_are_what_postcard_writes() {
        for bits in 0..64 {
            for number in [1u64 << bits, (1 << bits) - 1, u64::MAX >> bits, 0xa5a5_5a5a_dead_beef >> bits] {
                let mut out = vec![7];
                varint(number, &mut out);
                assert_eq!(out[1..], postcard::to_stdvec(&number).unwrap(), "{number:#x}");
                assert_eq!(unzigzag(zigzag(number as i64)), number as i64);
            }
        }
    }

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
