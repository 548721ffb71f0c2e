//! A segment: one file of the journal, and the block at its front.

use super::disk::Source;
use super::error::{Damage, JournalError};
use super::seal::{KeyCheck, SegmentKey, SegmentSalt, key_check, random};
use crate::DataKeys;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Size of the header: a block of its own, so that no later write touches its disk sectors.
pub(super) const HEADER_BYTES: usize = 4096;

/// What the header of a segment says. `docs/journal.md` has the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Counts the segments of the journal from 1.
    pub(super) number: u64,
    /// Version of the data key it is sealed under; [`DataKeys::FORMAT_1`] in a segment of format 1.
    pub(super) data_key: u32,
    pub(super) salt: SegmentSalt,
    pub(super) key_check: KeyCheck,
    pub(super) previous: SegmentEnd,
}

/// Where a segment ends, kept by the one that follows it: a segment that has lost whole frames
/// at its end looks sound in itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SegmentEnd {
    /// Number of frames.
    pub(super) frames: u32,
    /// Checksum of the last frame, or of the header when there is none.
    pub(super) chain: u32,
}

impl SegmentHeader {
    /// The header of a new segment, which is sealed under the current data key, and its key.
    pub(super) fn new(
        keys: &DataKeys,
        number: u64,
        previous: SegmentEnd,
    ) -> Result<(SegmentHeader, SegmentKey), JournalError> {
        let salt = random().map_err(|_| JournalError::NoRandom)?;
        let data_key = keys.current_version();
        let (key, key_check) = SegmentKey::derive(keys, data_key, &salt, number)
            .zip(key_check(keys, data_key, &salt))
            .expect("data keys are never taken away");
        Ok((SegmentHeader { number, data_key, salt, key_check, previous }, key))
    }

    /// The header as a block, and its checksum, with which the chain of frames begins.
    pub(super) fn encode(&self) -> (Box<[u8; HEADER_BYTES]>, u32) {
        let mut block = Box::new([0; HEADER_BYTES]);
        block[..8].copy_from_slice(MAGIC);
        block[8..12].copy_from_slice(&VERSION.to_le_bytes());
        block[12..20].copy_from_slice(&self.number.to_le_bytes());
        block[20..52].copy_from_slice(&self.salt);
        block[52..60].copy_from_slice(&self.key_check);
        block[60..64].copy_from_slice(&self.previous.frames.to_le_bytes());
        block[64..68].copy_from_slice(&self.previous.chain.to_le_bytes());
        block[68..72].copy_from_slice(&self.data_key.to_le_bytes());
        let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
        block[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        (block, checksum)
    }

    /// Reads the header of segment `number` and derives the segment's key. Also returns the
    /// checksum of the header.
    pub(super) fn read(
        file: &Path,
        content: &[u8],
        number: u64,
        keys: &DataKeys,
    ) -> Result<(SegmentHeader, SegmentKey, u32), JournalError> {
        let damaged =
            || JournalError::Damaged { file: file.to_owned(), offset: 0, damage: Damage::SegmentHeader };
        let block = content.first_chunk::<HEADER_BYTES>().ok_or_else(damaged)?;
        let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
        if block[..8] != *MAGIC || block[CHECKSUM_AT..] != checksum.to_le_bytes() {
            return Err(damaged());
        }
        let version = u32::from_le_bytes(array(block, 8));
        let data_key = match version {
            1 => DataKeys::FORMAT_1,
            VERSION => u32::from_le_bytes(array(block, 68)),
            _ => return Err(JournalError::UnknownVersion { file: file.to_owned(), version }),
        };
        let header = SegmentHeader {
            number: u64::from_le_bytes(array(block, 12)),
            data_key,
            salt: array(block, 20),
            key_check: array(block, 52),
            previous: SegmentEnd {
                frames: u32::from_le_bytes(array(block, 60)),
                chain: u32::from_le_bytes(array(block, 64)),
            },
        };
        // Format 2 without a data key would be read as sealed under the master key.
        if header.number != number || (version == VERSION && data_key == DataKeys::FORMAT_1) {
            return Err(damaged());
        }
        let derived = SegmentKey::derive(keys, data_key, &header.salt, number);
        let Some((key, check)) = derived.zip(key_check(keys, data_key, &header.salt)) else {
            return Err(JournalError::UnknownDataKey { file: file.to_owned(), version: data_key });
        };
        if header.key_check != check {
            return Err(JournalError::WrongKey { file: file.to_owned() });
        }
        Ok((header, key, checksum))
    }
}

/// The format version of the newest segment in `dir`, as its header says it, unchecked; `None` when
/// there is no segment. For the decision which keys a folder needs.
///
/// # Errors
/// When the folder or the segment cannot be read.
pub fn newest_format(dir: &Path) -> Result<Option<u32>, JournalError> {
    let Some(newest) = segments(dir)?.pop() else { return Ok(None) };
    let path = path(dir, newest);
    let mut front = [0; 12];
    let read = File::open(&path).and_then(|mut file| file.read_exact(&mut front));
    match read {
        Ok(()) => Ok(Some(u32::from_le_bytes(array(&front, 8)))),
        Err(error) => Err(JournalError::Io { doing: "reading", path, error }),
    }
}

/// What can be read of a header without a key.
pub(super) struct Front {
    pub(super) number: u64,
    pub(super) previous: SegmentEnd,
    /// Of the header, with which the chain of frames begins.
    pub(super) checksum: u32,
}

/// The header at the front of a segment, of whatever version: these fields stand where they stand in all.
/// `None` when it is damaged.
pub(super) fn front(content: &[u8]) -> Option<Front> {
    let block = content.first_chunk::<HEADER_BYTES>()?;
    let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
    if block[..8] != *MAGIC || block[CHECKSUM_AT..] != checksum.to_le_bytes() {
        return None;
    }
    let previous = SegmentEnd {
        frames: u32::from_le_bytes(array(block, 60)),
        chain: u32::from_le_bytes(array(block, 64)),
    };
    Some(Front { number: u64::from_le_bytes(array(block, 12)), previous, checksum })
}

/// The file of a segment.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}{EXTENSION}"))
}

/// The numbers of the segments in a journal's folder, ascending; a gap between them is damage.
///
/// # Errors
/// When the folder cannot be listed.
pub fn segments(dir: &Path) -> Result<Vec<u64>, JournalError> {
    numbers(dir).map_err(|error| JournalError::Io { doing: "listing", path: dir.to_owned(), error })
}

/// The number of the oldest segment in a journal's folder; `None` when it has no segments.
///
/// # Errors
/// When the folder cannot be listed.
pub fn oldest_segment(dir: &Path) -> Result<Option<u64>, JournalError> {
    Ok(segments(dir)?.first().copied())
}

/// The file of a segment in a journal's folder.
#[must_use]
pub fn segment_file(dir: &Path, number: u64) -> PathBuf {
    path(dir, number)
}

/// The numbers of all segments, ascending.
pub(super) fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        numbers.extend(entry?.file_name().to_str().and_then(number_of));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The number of the newest segment, 0 when there is none. From the first that is there all must
/// be, and `start` must be among them; only where it is the beginning there may be none.
pub(super) fn newest(source: &dyn Source, start: u64, is_beginning: bool) -> Result<u64, JournalError> {
    let failed = |error| JournalError::Io { doing: "listing", path: source.dir().to_owned(), error };
    let numbers = source.numbers().map_err(failed)?;
    let missing = |number| JournalError::Damaged {
        file: path(source.dir(), number),
        offset: 0,
        damage: Damage::SegmentMissing,
    };
    let (Some(&oldest), Some(&newest)) = (numbers.first(), numbers.last()) else {
        return if is_beginning { Ok(0) } else { Err(missing(start)) };
    };
    if let Some((_, gap)) = numbers.iter().zip(oldest..).find(|(number, expected)| **number != *expected) {
        return Err(missing(gap));
    }
    if (oldest..=newest).contains(&start) { Ok(newest) } else { Err(missing(start)) }
}

/// The fixed-size field at `offset` of a block whose layout has room for it.
pub(super) fn array<const N: usize>(block: &[u8], offset: usize) -> [u8; N] {
    *block[offset..].first_chunk().expect("the layout has this field")
}

/// The number in a segment's file name; `None` for other files.
fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed { digits.parse().ok() } else { None }
}

const EXTENSION: &str = ".journal";
const MAGIC: &[u8; 8] = b"TURNOUTJ";
const VERSION: u32 = 2;
const CHECKSUM_AT: usize = HEADER_BYTES - 4;
