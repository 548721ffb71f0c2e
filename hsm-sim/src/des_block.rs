//! DES on one block (FIPS 46-3), by tables that do substitution and permutation in one step.
//!
//! Written here because it is what nearly every command of an HSM spends its time on: TDES goes through
//! the initial permutation once instead of three times, and a block takes less than half the time that it
//! takes in the crate `des`, against which the tests check it. Like that crate it looks tables up by
//! secret bits, so it does not run in constant time.

use zeroize::Zeroize;

/// The 16 round keys of a key. Wiped on drop.
#[derive(Clone)]
pub(crate) struct Schedule([u64; 16]);

/// A block between the permutations, both halves rotated to the left by one bit, so that the six bits of
/// every second substitution lie within a byte.
#[derive(Clone, Copy)]
pub(crate) struct Halves {
    left: u32,
    right: u32,
}

impl Schedule {
    /// Takes no notice of parity bits.
    pub(crate) fn new(key: [u8; 8]) -> Schedule {
        let mut halves = 0;
        for (table, byte) in CHOICE_1.iter().zip(key) {
            halves ^= table[usize::from(byte >> 1)];
        }
        let mut keys = [0; 16];
        for (key, turned) in keys.iter_mut().zip(SHIFTS) {
            halves = rotate(halves, turned);
            for (at, table) in CHOICE_2.iter().enumerate() {
                *key ^= table[(halves >> (49 - 7 * at)) as usize & 0x7F];
            }
        }
        halves.zeroize();
        Schedule(keys)
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Halves {
    /// The initial permutation.
    pub(crate) fn enter(block: [u8; 8]) -> Halves {
        let block = u64::from_be_bytes(block);
        let (mut left, mut right) = ((block >> 32) as u32, block as u32);
        exchange(&mut left, &mut right, 4, 0x0F0F_0F0F);
        exchange(&mut left, &mut right, 16, 0x0000_FFFF);
        exchange(&mut right, &mut left, 2, 0x3333_3333);
        exchange(&mut right, &mut left, 8, 0x00FF_00FF);
        right = right.rotate_left(1);
        exchange(&mut left, &mut right, 0, 0xAAAA_AAAA);
        Halves { left: left.rotate_left(1), right }
    }

    /// The final permutation, which undoes the initial one.
    pub(crate) fn leave(self) -> [u8; 8] {
        let Halves { mut left, mut right } = self;
        left = left.rotate_right(1);
        exchange(&mut left, &mut right, 0, 0xAAAA_AAAA);
        right = right.rotate_right(1);
        exchange(&mut right, &mut left, 8, 0x00FF_00FF);
        exchange(&mut right, &mut left, 2, 0x3333_3333);
        exchange(&mut left, &mut right, 16, 0x0000_FFFF);
        exchange(&mut left, &mut right, 4, 0x0F0F_0F0F);
        (u64::from(left) << 32 | u64::from(right)).to_be_bytes()
    }

    /// The 16 rounds of encryption.
    pub(crate) fn encrypt(mut self, schedule: &Schedule) -> Halves {
        for [even, odd] in schedule.0.as_chunks().0 {
            self.left ^= substitute(self.right, *even);
            self.right ^= substitute(self.left, *odd);
        }
        self.exchanged()
    }

    /// The 16 rounds of decryption.
    pub(crate) fn decrypt(mut self, schedule: &Schedule) -> Halves {
        for [even, odd] in schedule.0.as_chunks().0.iter().rev() {
            self.left ^= substitute(self.right, *odd);
            self.right ^= substitute(self.left, *even);
        }
        self.exchanged()
    }

    /// The last round exchanges nothing, where every other does.
    fn exchanged(self) -> Halves {
        Halves { left: self.right, right: self.left }
    }
}

/// Exchanges the bits of `mask` in `b` with those `shift` places higher in `a`.
fn exchange(a: &mut u32, b: &mut u32, shift: u32, mask: u32) {
    let differ = (*a >> shift ^ *b) & mask;
    *b ^= differ;
    *a ^= differ << shift;
}

/// Expansion, round key, substitution and permutation of one half.
fn substitute(half: u32, key: u64) -> u32 {
    let a = half.rotate_right(4) ^ (key >> 32) as u32;
    let b = half ^ key as u32;
    let look = |table: usize, bits: u32| SUBSTITUTE[table][bits as usize & 0x3F];
    (look(0, a >> 24) ^ look(2, a >> 16) ^ look(4, a >> 8) ^ look(6, a))
        ^ (look(1, b >> 24) ^ look(3, b >> 16) ^ look(5, b >> 8) ^ look(7, b))
}

/// Turns both halves of 28 bits to the left.
fn rotate(halves: u64, by: u32) -> u64 {
    const HALF: u64 = (1 << 28) - 1;
    let turn = |half: u64| (half << by | half >> (28 - by)) & HALF;
    turn(halves >> 28) << 28 | turn(halves & HALF)
}

/// How far the halves of the key turn before each round.
const SHIFTS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

/// Permuted choice 1: what the seven key bits of each byte become in the halves.
static CHOICE_1: [[u64; 128]; 8] = choice_1();

/// Permuted choice 2: what each seven bits of the halves become in a round key. The bits of substitutions
/// 1, 3, 5 and 7 are in the upper 32 bits, six in each byte; those of the others in the lower.
static CHOICE_2: [[u64; 128]; 8] = choice_2();

/// What each substitution makes of its six bits, permuted and rotated to the left by one bit.
static SUBSTITUTE: [[u32; 64]; 8] = substitutions();

const fn choice_1() -> [[u64; 128]; 8] {
    let mut tables = [[0; 128]; 8];
    let mut to = 0;
    while to < 56 {
        let from = PERMUTED_CHOICE_1[to] as usize - 1;
        let mut value = 0;
        while value < 128 {
            // Bit 0 of a byte is its uppermost; the parity bit is not in the index.
            if value >> (6 - from % 8) & 1 == 1 {
                tables[from / 8][value] |= 1 << (55 - to);
            }
            value += 1;
        }
        to += 1;
    }
    tables
}

const fn choice_2() -> [[u64; 128]; 8] {
    let mut tables = [[0; 128]; 8];
    let mut to = 0;
    while to < 48 {
        let from = PERMUTED_CHOICE_2[to] as usize - 1;
        let (substitution, bit) = (to / 6, to % 6);
        // Substitutions 0, 2, 4, 6 and then 1, 3, 5, 7, each in the lower six bits of a byte.
        let byte = substitution % 2 * 4 + substitution / 2;
        let place = 8 * (7 - byte) + 5 - bit;
        let mut value = 0;
        while value < 128 {
            if value >> (6 - from % 7) & 1 == 1 {
                tables[from / 7][value] |= 1 << place;
            }
            value += 1;
        }
        to += 1;
    }
    tables
}

const fn substitutions() -> [[u32; 64]; 8] {
    let mut tables = [[0; 64]; 8];
    let mut table = 0;
    while table < 8 {
        let mut value = 0;
        while value < 64 {
            let (row, column) = (value >> 4 & 2 | value & 1, value >> 1 & 15);
            let output = (S[table][row * 16 + column] as u32) << (28 - 4 * table);
            let mut permuted = 0;
            let mut to = 0;
            while to < 32 {
                permuted |= (output >> (32 - P[to]) & 1) << (31 - to);
                to += 1;
            }
            tables[table][value] = permuted.rotate_left(1);
            value += 1;
        }
        table += 1;
    }
    tables
}

// The tables of the standard; they number bits from 1, the uppermost.

#[rustfmt::skip]
const PERMUTED_CHOICE_1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
    63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];

#[rustfmt::skip]
const PERMUTED_CHOICE_2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];

#[rustfmt::skip]
const P: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];

#[rustfmt::skip]
const S: [[u8; 64]; 8] = [
    [
        14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8,
        4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
    ],
    [
        15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5,
        0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
    ],
    [
        10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1,
        13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
    ],
    [
        7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9,
        10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
    ],
    [
        2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6,
        4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
    ],
    [
        12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8,
        9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
    ],
    [
        4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6,
        1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
    ],
    [
        13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2,
        7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use des::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

    /// The crate `des` on the same key and block, both ways.
    #[test]
    fn agrees_with_another_implementation() {
        let mut number = 0x0123_4567_89AB_CDEF_u64;
        let mut draw = || {
            // SplitMix64.
            number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (number ^ number >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            (mixed ^ mixed >> 31).to_be_bytes()
        };
        let single = (0..64).map(|bit| ((1u64 << bit).to_be_bytes(), [0; 8]));
        let both = (0..64).map(|bit| ([0; 8], (1u64 << bit).to_be_bytes()));
        let drawn: Vec<_> = (0..20_000).map(|_| (draw(), draw())).collect();
        for (key, block) in single.chain(both).chain(drawn) {
            let schedule = Schedule::new(key);
            let other = des::Des::new_from_slice(&key).unwrap();
            let mut expected = Block::<des::Des>::from(block);
            other.encrypt_block(&mut expected);
            assert_eq!(Halves::enter(block).encrypt(&schedule).leave(), <[u8; 8]>::from(expected));
            let mut expected = Block::<des::Des>::from(block);
            other.decrypt_block(&mut expected);
            assert_eq!(Halves::enter(block).decrypt(&schedule).leave(), <[u8; 8]>::from(expected));
        }
    }
}
