//! The file engine from outside: what goes in comes out, and what happens to damaged files.

mod copy;
mod damage;
mod follow;
mod kill;
mod operation;
mod retire;
mod rotation;
mod roundtrip;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use store::{
    Batch, DataKeys, FileJournal, Journal, JournalError, MasterKey, Replay, Sequence, Settings, Stream,
};
use tempfile::TempDir;

/// Small segments, so that files are quick to copy.
const SMALL: Settings = Settings { segment_bytes: 8192 };

/// One record as a replay shows it.
type Seen = (Stream, Sequence, Vec<u8>);

fn master() -> MasterKey {
    MasterKey::from_hex(&"0123456789abcdef".repeat(4)).unwrap()
}

/// The data keys beside the segments, made when they are not there. In memory for a folder that
/// is yet to be made.
fn keys(dir: &Path) -> DataKeys {
    let file = dir.join(DataKeys::FILE_NAME);
    if !dir.is_dir() {
        DataKeys::in_memory().unwrap()
    } else if file.exists() {
        DataKeys::open(&file, &master()).unwrap()
    } else {
        DataKeys::create(&file, &master()).unwrap()
    }
}

fn open(dir: &Path) -> Result<(FileJournal, Replay, Vec<Seen>), JournalError> {
    let mut seen = Vec::new();
    let (journal, replay) = FileJournal::open(dir, &keys(dir), SMALL, &mut |stream, sequence, record| {
        seen.push((stream, sequence, record.to_vec()));
        Ok(())
    })?;
    Ok((journal, replay, seen))
}

fn read(dir: &Path) -> Result<(Replay, Vec<Seen>), JournalError> {
    let mut seen = Vec::new();
    let replay = store::read_all(dir, &keys(dir), &mut |stream, sequence, record| {
        seen.push((stream, sequence, record.to_vec()));
        Ok(())
    })?;
    Ok((replay, seen))
}

/// Appends records to a stream, wherever it stands.
fn append(journal: &mut FileJournal, stream: Stream, records: &[&[u8]]) {
    let mut batch = Batch::new();
    for record in records {
        batch.push(record);
    }
    journal.append(stream, journal.position(stream), &batch).unwrap();
}

/// A journal of one batch for each text, a sync behind each, and what a replay must show.
fn written(batches: &[&str]) -> (TempDir, Vec<Seen>) {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, ..) = open(dir.path()).unwrap();
    for text in batches {
        append(&mut journal, Stream(1), &[text.as_bytes()]);
        journal.sync().unwrap();
    }
    let seen = batches.iter().zip(0..);
    let seen = seen.map(|(text, index)| (Stream(1), Sequence(index), text.as_bytes().to_vec())).collect();
    (dir, seen)
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.journal"))
}

/// Where the frames of a segment lie, by the layout in `docs/journal.md`.
fn frames(content: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let mut start = 4096;
    while content.get(start..start + 4) == Some(b"TOJF") {
        let payload = u32::from_le_bytes(content[start + 4..start + 8].try_into().unwrap()) as usize;
        let end = start + (48 + payload + 16).next_multiple_of(8);
        frames.push(start..end);
        start = end;
    }
    frames
}

/// Gives a frame that was changed by the test the checksum that fits it.
fn fix_checksum(frame: &mut [u8]) {
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&frame[..44]), &frame[48..]);
    frame[44..48].copy_from_slice(&checksum.to_le_bytes());
}

/// Gives a segment header that was changed by the test the checksum that fits it.
fn fix_header(content: &mut [u8]) {
    let checksum = crc32c::crc32c(&content[..4092]);
    content[4092..4096].copy_from_slice(&checksum.to_le_bytes());
}

/// Changes the content of a segment file.
fn change(dir: &Path, number: u64, edit: impl FnOnce(&mut Vec<u8>)) {
    let path = segment(dir, number);
    let mut content = fs::read(&path).unwrap();
    edit(&mut content);
    fs::write(&path, content).unwrap();
}
