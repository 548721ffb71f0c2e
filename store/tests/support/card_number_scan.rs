//! Looks for card numbers in files, in every form that a program could write them in. Tests of several crates use it.
//!
//! Chance: a form has 56 bits at least that must agree, whatever the digits are. Numbers that a test looks for are to be
//! drawn from all of their range all the same: small serial numbers are mostly zeros, and so are files.

use card::Pan;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A search for some card numbers.
pub(crate) struct CardNumberScan {
    patterns: Vec<Pattern>,
    /// Patterns by the bytes of their key.
    by_key: HashMap<[u8; KEY], Vec<usize>>,
    /// Which first two bytes a key may have: most places of a file are done with there.
    may_begin: Vec<bool>,
}

/// Bytes of a pattern that are looked up: the last of those that must agree in all bits, as the digits that differ
/// from card to card stand there.
const KEY: usize = 6;

struct Pattern {
    pan: Pan,
    form: &'static str,
    /// Byte and mask.
    bytes: Vec<(u8, u8)>,
    /// Where the key stands.
    key_at: usize,
}

impl CardNumberScan {
    pub(crate) fn new(pans: &[Pan]) -> CardNumberScan {
        let mut scan =
            CardNumberScan { patterns: Vec::new(), by_key: HashMap::new(), may_begin: vec![false; 1 << 16] };
        pans.iter().for_each(|pan| scan.add(*pan));
        scan
    }

    fn add(&mut self, pan: Pan) {
        let digits = pan.reveal();
        let digits = digits.as_str();
        let number: u64 = digits.parse().expect("up to 19 digits");
        let nibbles: Vec<u8> = digits.bytes().map(|digit| digit - b'0').collect();
        // As many bytes as the number has: they may stand in a field of any width.
        let width = 8 - number.leading_zeros() as usize / 8;
        let forms = [
            ("text", whole(digits.as_bytes())),
            ("packed digits", packed(&nibbles, false)),
            ("packed digits from the middle of a byte", packed(&nibbles, true)),
            ("a little-endian number", whole(&number.to_le_bytes()[..width])),
            ("a big-endian number", whole(&number.to_be_bytes()[8 - width..])),
            ("a variable-length number", whole(&varint(number))),
        ];
        for (form, bytes) in forms {
            let end = bytes.iter().rposition(|(_, mask)| *mask == 0xff).expect("whole bytes") + 1;
            let key_at = end - KEY;
            let key: Vec<u8> = bytes[key_at..end].iter().map(|(byte, _)| *byte).collect();
            let key: [u8; KEY] = key.try_into().expect("as long as it is");
            self.may_begin[begin(&key)] = true;
            self.by_key.entry(key).or_default().push(self.patterns.len());
            self.patterns.push(Pattern { pan, form, bytes, key_at });
        }
    }

    /// The first number in these bytes: which, in which form, and at which byte.
    pub(crate) fn find(&self, content: &[u8]) -> Option<(Pan, &'static str, usize)> {
        for (at, window) in content.windows(KEY).enumerate() {
            if !self.may_begin[begin(window)] {
                continue;
            }
            for pattern in self.by_key.get(window).into_iter().flatten() {
                let Pattern { pan, form, bytes, key_at } = &self.patterns[*pattern];
                let Some(start) = at.checked_sub(*key_at) else { continue };
                let Some(place) = content.get(start..start + bytes.len()) else { continue };
                if place.iter().zip(bytes).all(|(found, (byte, mask))| found & mask == *byte) {
                    return Some((*pan, form, start));
                }
            }
        }
        None
    }

    /// Looks into all files below a folder, and at their names. Gives the files.
    ///
    /// # Panics
    /// When a number is found; the words say where, and mask it.
    pub(crate) fn finds_none_below(&self, folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            assert!(self.find(name.as_bytes()).is_none(), "a name in {} is a card number", folder.display());
            if path.is_dir() {
                files.extend(self.finds_none_below(&path));
            } else if path.is_file() {
                if let Some((pan, form, at)) = self.find(&fs::read(&path).unwrap()) {
                    panic!("{} shows {pan} as {form} at byte {at}", path.display());
                }
                files.push(path);
            }
        }
        files
    }
}

fn begin(key: &[u8]) -> usize {
    usize::from(key[0]) << 8 | usize::from(key[1])
}

fn whole(bytes: &[u8]) -> Vec<(u8, u8)> {
    bytes.iter().map(|byte| (*byte, 0xff)).collect()
}

/// Two digits to a byte; what shares a byte with the first or last of them may be anything.
fn packed(nibbles: &[u8], shifted: bool) -> Vec<(u8, u8)> {
    let mut filled: Vec<Option<u8>> = vec![None; usize::from(shifted)];
    filled.extend(nibbles.iter().copied().map(Some));
    if filled.len() % 2 == 1 {
        filled.push(None);
    }
    let mask = |nibble: Option<u8>| if nibble.is_some() { 0xf } else { 0 };
    let pair = |pair: &[Option<u8>]| {
        let byte = pair[0].unwrap_or(0) << 4 | pair[1].unwrap_or(0);
        (byte, mask(pair[0]) << 4 | mask(pair[1]))
    };
    filled.chunks(2).map(pair).collect()
}

/// Seven bits to a byte, the lowest first, as postcard writes it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
