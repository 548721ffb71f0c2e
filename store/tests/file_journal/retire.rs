//! Old segments go, and the journal opens from where a snapshot begins.

use crate::{SMALL, keys, open, read, segment, written};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};
use store::{FileJournal, Journal, JournalError, Retire, Sequence, Start, Stream};
use tempfile::TempDir;

/// Five segments, the newest one included, of two records each.
fn five_segments() -> TempDir {
    let text = "x".repeat(1500);
    let (dir, _) = written(&[text.as_str(); 10]);
    assert_eq!(numbers(dir.path()), [1, 2, 3, 4, 5]);
    dir
}

fn numbers(dir: &Path) -> Vec<u64> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<u64> =
        names.filter_map(|name| name.strip_suffix(".journal")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

fn later() -> SystemTime {
    SystemTime::now() + Duration::from_hours(1)
}

#[test]
fn segments_before_a_snapshot_go_to_the_archive_and_come_back_whole() {
    let dir = five_segments();
    let archive = dir.path().join("old/archive");
    let how = Retire::Archive(archive.clone());
    let before: Vec<Vec<u8>> = (1..=2).map(|number| fs::read(segment(dir.path(), number)).unwrap()).collect();
    assert_eq!(store::retire_before(dir.path(), 3, later(), &how).unwrap(), [1, 2]);
    assert_eq!(store::retire_before(dir.path(), 3, later(), &how).unwrap(), [0u64; 0]);
    assert_eq!((numbers(dir.path()), numbers(&archive)), (vec![3, 4, 5], vec![1, 2]));
    assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o700);
    for (content, number) in before.iter().zip(1..) {
        assert_eq!(&fs::read(segment(&archive, number)).unwrap(), content);
    }

    let start = Start { segment: 3, positions: vec![Sequence(0), Sequence(5)] };
    let (journal, replay) =
        FileJournal::open_from(dir.path(), &keys(dir.path()), SMALL, start, &mut |_, _, _| Ok(())).unwrap();
    assert_eq!((replay.records, journal.position(Stream(1))), (5, Sequence(10)));
    // What is no longer kept cannot be read from here.
    let gone = journal.read(Stream(1), Sequence(3), &mut |_, _| std::ops::ControlFlow::Continue(()));
    assert!(matches!(gone, Err(JournalError::Gone { stream: Stream(1), from: Sequence(3) })));
    drop(journal);

    for number in 1..=2 {
        fs::copy(segment(&archive, number), segment(dir.path(), number)).unwrap();
    }
    assert_eq!(read(dir.path()).unwrap().1.len(), 10);
}

#[test]
fn a_move_that_was_interrupted_is_finished_and_a_strange_file_is_never_overwritten() {
    let dir = five_segments();
    let archive = tempfile::tempdir().unwrap();
    let how = Retire::Archive(archive.path().to_owned());
    fs::copy(segment(dir.path(), 1), segment(archive.path(), 1)).unwrap();
    fs::write(segment(archive.path(), 2), "of another journal").unwrap();
    let error = store::retire_before(dir.path(), 4, later(), &how).unwrap_err().to_string();
    assert!(error.contains("give each journal its own archive"), "{error}");
    assert_eq!(numbers(dir.path()), [2, 3, 4, 5]);
    assert_eq!(fs::read(segment(archive.path(), 2)).unwrap(), b"of another journal");
}

#[test]
fn segments_are_removed_up_to_the_first_that_is_still_young() {
    let dir = five_segments();
    let written = fs::metadata(segment(dir.path(), 2)).unwrap().modified().unwrap();
    let old = fs::File::options().write(true).open(segment(dir.path(), 1)).unwrap();
    old.set_modified(written - Duration::from_hours(48)).unwrap();
    let yesterday = written - Duration::from_hours(24);
    assert_eq!(store::retire_before(dir.path(), 5, yesterday, &Retire::Remove).unwrap(), [1]);
    assert_eq!(numbers(dir.path()), [2, 3, 4, 5]);
}

#[test]
fn the_newest_segment_stays_whatever_is_asked() {
    let dir = five_segments();
    assert_eq!(store::retire_before(dir.path(), u64::MAX, later(), &Retire::Remove).unwrap(), [1, 2, 3, 4]);
    assert_eq!(numbers(dir.path()), [5]);
    assert!(open(dir.path()).is_err(), "from the beginning it cannot be opened any more");
}
