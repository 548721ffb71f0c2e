//! Copies for backups: beside a writer, of torn ends, of damage.

use crate::{append, change, frames, open, read, segment, written};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::{Damage, DataKeys, Journal, JournalError, SegmentCopy, Sequence, Stream};

fn copy(from: &Path, to: &Path) -> Result<Vec<SegmentCopy>, JournalError> {
    let mut copied = Vec::new();
    store::copy_segments(from, to, 1, &mut |segment| copied.push(segment.clone()))?;
    fs::copy(from.join(DataKeys::FILE_NAME), to.join(DataKeys::FILE_NAME)).unwrap();
    Ok(copied)
}

#[test]
fn a_copy_reads_as_the_original_does_and_can_be_gone_on_with() {
    // Each more than a third of a segment, so that there are several.
    let texts: Vec<String> = (0..7).map(|number| format!("{number}").repeat(1500)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (dir, seen) = written(&texts);
    let target = tempfile::tempdir().unwrap();
    let copied = copy(dir.path(), &target.path().join("copy")).unwrap();
    assert_eq!(copied.iter().map(|segment| segment.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(copied.iter().map(|segment| u64::from(segment.frames)).sum::<u64>(), 7);
    for segment in &copied {
        assert_eq!(fs::metadata(&segment.file).unwrap().len(), segment.bytes, "without the zeros");
    }
    let dir = target.path().join("copy");
    assert_eq!(read(&dir).unwrap().1, seen);
    let (mut journal, ..) = open(&dir).unwrap();
    append(&mut journal, Stream(1), &[b"and on"]);
    journal.sync().unwrap();
    drop(journal);
    assert_eq!(read(&dir).unwrap().1.len(), seen.len() + 1);
}

#[test]
fn a_copy_beside_a_writer_holds_what_was_durable_when_it_began() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, ..) = open(dir.path()).unwrap();
    let (durable, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                append(&mut journal, Stream(1), &[&[7; 300], b"second"]);
                journal.sync().unwrap();
                durable.store(journal.position(Stream(1)).0, Ordering::Release);
            }
        });
        for round in 0..30 {
            let target = tempfile::tempdir().unwrap();
            let before = durable.load(Ordering::Acquire);
            copy(dir.path(), target.path()).unwrap();
            let (replay, seen) = read(target.path()).unwrap();
            assert_eq!(replay.torn, None, "round {round}");
            assert_eq!(replay.position(Stream(1)), Sequence(seen.len() as u64));
            assert!(seen.len() as u64 >= before, "round {round}: {} of {before}", seen.len());
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_torn_end_is_left_out() {
    let (dir, seen) = written(&["first", "second", "the one to be torn"]);
    change(dir.path(), 1, |content| {
        let last = frames(content)[2].clone();
        content[last.start + 60] ^= 1;
    });
    let target = tempfile::tempdir().unwrap();
    let copied = copy(dir.path(), target.path()).unwrap();
    assert_eq!(copied[0].frames, 2);
    let (replay, copy) = read(target.path()).unwrap();
    assert_eq!((replay.torn, copy.as_slice()), (None, &seen[..2]));
}

#[test]
fn damage_is_not_copied() {
    let check = |damage: Damage, edit: &dyn Fn(&mut Vec<u8>)| {
        let (dir, _) = written(&["first", "second", "third"]);
        change(dir.path(), 1, |content| edit(content));
        let target = tempfile::tempdir().unwrap();
        match copy(dir.path(), target.path()) {
            Err(JournalError::Damaged { file, damage: found, .. }) => {
                assert_eq!((file, found), (segment(dir.path(), 1), damage));
            }
            other => panic!("{other:?}"),
        }
    };
    check(Damage::SegmentHeader, &|content| content[30] ^= 1);
    check(Damage::Frame, &|content| content[4096 + 60] ^= 1);
    check(Damage::FrameOrder, &|content| {
        let first = frames(content)[0].clone();
        content.drain(first);
    });
}

#[test]
fn nothing_is_overwritten() {
    let (dir, _) = written(&["first"]);
    let target = tempfile::tempdir().unwrap();
    copy(dir.path(), target.path()).unwrap();
    assert!(matches!(copy(dir.path(), target.path()), Err(JournalError::Io { doing: "writing", .. })));
}
