use crate::{append, change, fix_checksum, fix_header, frames, keys, open, read, segment, written};
use std::fs;
use std::path::Path;
use store::{Damage, DataKeys, FileJournal, Journal, JournalError, Sequence, Settings, Stream, TornTail};

/// Opening must fail and name this place, for the writer and for a reader alike.
fn check_damaged(dir: &Path, number: u64, offset: usize, damage: Damage) {
    let check = |error| match error {
        JournalError::Damaged { file, offset: at, damage: found } => {
            assert_eq!((file, at, found), (segment(dir, number), offset as u64, damage));
        }
        other => panic!("{other}"),
    };
    check(read(dir).expect_err("the reader must notice"));
    let before = fs::read(segment(dir, 1)).ok();
    check(open(dir).map(|_| ()).expect_err("the writer must notice"));
    assert_eq!(fs::read(segment(dir, 1)).ok(), before, "a damaged file is left as it is");
}

/// The newest frame must be cut off at exactly its beginning, and the journal go on from there.
fn check_cut(dir: &Path, offset: usize) {
    let (mut journal, replay, seen) = open(dir).unwrap();
    assert_eq!(replay.torn.map(|torn| torn.offset), Some(offset as u64));
    assert_eq!(seen.len(), 2);
    assert_eq!(journal.position(Stream(1)), Sequence(2));
    append(&mut journal, Stream(1), &[b"instead"]);
    journal.sync().unwrap();
    drop(journal);
    let (replay, seen) = read(dir).unwrap();
    assert_eq!(replay.torn, None);
    let records: Vec<_> = seen.into_iter().map(|(_, _, record)| record).collect();
    assert_eq!(records, [&b"first"[..], b"second", b"instead"]);
}

#[test]
fn the_last_frame_truncated_at_any_byte_is_cut() {
    let (dir, _) = written(&["first", "second", "the one to be torn"]);
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    let last = frames(&whole)[2].clone();
    for length in last.start + 1..last.end {
        fs::write(segment(dir.path(), 1), &whole[..length]).unwrap();
        check_cut(dir.path(), last.start);
        let _ = fs::remove_file(segment(dir.path(), 2));
    }
    // Cut off as a whole it leaves no trace, and no doubt.
    fs::write(segment(dir.path(), 1), &whole[..last.start]).unwrap();
    let (_, replay, seen) = open(dir.path()).unwrap();
    assert_eq!((replay.torn, seen.len()), (None, 2));
}

#[test]
fn the_last_frame_overwritten_with_zeros_from_any_byte_is_cut() {
    let (dir, _) = written(&["first", "second", "the one to be torn"]);
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    let last = frames(&whole)[2].clone();
    // The padding is zero anyhow, and the last byte of the tag may be.
    for length in last.start + 1..last.end - 8 {
        let mut torn = whole.clone();
        torn[length..].fill(0);
        fs::write(segment(dir.path(), 1), torn).unwrap();
        check_cut(dir.path(), last.start);
    }
}

#[test]
fn any_flipped_byte_of_the_last_frame_cuts_it_and_spares_the_rest() {
    let (dir, _) = written(&["first", "second", "the one to be torn"]);
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    let last = frames(&whole)[2].clone();
    for place in last.clone() {
        for flip in [0x01, 0xff] {
            let mut torn = whole.clone();
            torn[place] ^= flip;
            fs::write(segment(dir.path(), 1), torn).unwrap();
            check_cut(dir.path(), last.start);
        }
    }
}

#[test]
fn any_flipped_byte_of_an_earlier_frame_is_an_error() {
    let (dir, _) = written(&["first", "second", "third"]);
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    for frame in &frames(&whole)[..2] {
        for place in frame.clone() {
            let mut flipped = whole.clone();
            flipped[place] ^= 0x40;
            fs::write(segment(dir.path(), 1), flipped).unwrap();
            check_damaged(dir.path(), 1, frame.start, Damage::Frame);
        }
    }
}

#[test]
fn any_flipped_byte_of_the_header_is_an_error() {
    let (dir, _) = written(&["first"]);
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    for place in (0..80).chain(4080..4096) {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x01;
        fs::write(segment(dir.path(), 1), flipped).unwrap();
        check_damaged(dir.path(), 1, 0, Damage::SegmentHeader);
    }
}

/// The disk may write the parts of one group in any order, so a whole frame behind a torn one
/// proves nothing when both were waiting for the same sync.
#[test]
fn a_group_whose_sync_never_returned_is_cut_at_its_first_torn_frame() {
    let (dir, _) = written(&["first"]);
    let (mut journal, ..) = open(dir.path()).unwrap();
    for record in [b"a", b"b", b"c"] {
        append(&mut journal, Stream(1), &[record]);
    }
    journal.sync().unwrap();
    drop(journal);
    let mut torn = None;
    change(dir.path(), 1, |content| {
        let frames = frames(content);
        assert_eq!(frames.len(), 4);
        content[frames[2].clone()].fill(0);
        let bytes = content.iter().rposition(|byte| *byte != 0).unwrap() + 1 - frames[2].start;
        let file = segment(dir.path(), 1);
        torn = Some(TornTail { file, offset: frames[2].start as u64, bytes: bytes as u64 });
    });
    assert_eq!(read(dir.path()).unwrap().0.torn, torn, "a reader reports it, too");
    let (_, replay, seen) = open(dir.path()).unwrap();
    assert_eq!(replay.torn, torn);
    assert_eq!(seen.iter().map(|(_, _, record)| &record[..]).collect::<Vec<_>>(), [&b"first"[..], b"a"]);
    assert_eq!(open(dir.path()).unwrap().1.torn, None, "the end was cleaned");
}

#[test]
fn frames_in_the_wrong_place_are_an_error() {
    let (dir, _) = written(&["one", "two", "six"]);
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    let frames = frames(&whole);
    let size = frames[0].len();

    let mut repeated = whole.clone();
    repeated.copy_within(frames[2].clone(), frames[2].end);
    fs::write(segment(dir.path(), 1), repeated).unwrap();
    check_damaged(dir.path(), 1, frames[2].end, Damage::FrameOrder);

    let mut swapped = whole.clone();
    swapped[frames[0].start..frames[1].end].rotate_left(size);
    fs::write(segment(dir.path(), 1), swapped).unwrap();
    check_damaged(dir.path(), 1, frames[0].start, Damage::FrameOrder);

    let mut lost = whole.clone();
    lost.copy_within(frames[2].clone(), frames[1].start);
    lost[frames[2].clone()].fill(0);
    fs::write(segment(dir.path(), 1), lost).unwrap();
    check_damaged(dir.path(), 1, frames[1].start, Damage::FrameOrder);
}

/// A frame restored from an old copy of the same file has the right number and the right seal.
#[test]
fn a_frame_of_another_history_is_an_error() {
    let (dir, _) = written(&["one", "two"]);
    let old = fs::read(segment(dir.path(), 1)).unwrap();
    let frame = frames(&old)[1].clone();
    change(dir.path(), 1, |content| content[frame.clone()].fill(0));
    let (mut journal, ..) = open(dir.path()).unwrap();
    for record in [b"TWO", b"six"] {
        append(&mut journal, Stream(1), &[record]);
        journal.sync().unwrap();
    }
    drop(journal);
    change(dir.path(), 1, |content| content[frame.clone()].copy_from_slice(&old[frame.clone()]));
    check_damaged(dir.path(), 1, frame.end, Damage::FrameOrder);
}

/// Somebody who knows the format can make the checksum right, not the seal.
#[test]
fn a_change_with_a_right_checksum_breaks_the_seal() {
    // Bytes of `durable_before`, of the opening, of the payload, of the tag.
    for place in [12, 20, 48, 60] {
        let (dir, _) = written(&["first", "second"]);
        let mut start = 0;
        change(dir.path(), 1, |content| {
            let frame = frames(content)[1].clone();
            content[frame.start + place] ^= 0x01;
            fix_checksum(&mut content[frame.clone()]);
            start = frame.start;
        });
        check_damaged(dir.path(), 1, start, Damage::Seal);
    }
}

#[test]
fn a_stream_that_does_not_go_on_where_it_stood_is_an_error() {
    let (dir, _) = written(&["first", "second"]);
    let mut start = 0;
    change(dir.path(), 1, |content| {
        let frame = frames(content)[1].clone();
        content[frame.start + 32] = 7;
        fix_checksum(&mut content[frame.clone()]);
        start = frame.start;
    });
    check_damaged(dir.path(), 1, start, Damage::Sequence);
}

#[test]
fn damage_in_an_older_segment_is_an_error_even_at_its_end() {
    let text = "x".repeat(1500);
    let (dir, _) = written(&[text.as_str(); 5]);
    assert!(segment(dir.path(), 3).exists());
    let whole = fs::read(segment(dir.path(), 1)).unwrap();
    let last = frames(&whole).pop().unwrap();

    change(dir.path(), 1, |content| content[last.start + 100] ^= 0x01);
    check_damaged(dir.path(), 1, last.start, Damage::Frame);

    // A last frame that is gone altogether leaves a segment that looks sound in itself.
    change(dir.path(), 1, |content| content[last.clone()].fill(0));
    check_damaged(dir.path(), 1, last.start, Damage::SegmentLink);

    fs::remove_file(segment(dir.path(), 1)).unwrap();
    check_damaged(dir.path(), 1, 0, Damage::SegmentMissing);
}

#[test]
fn a_segment_under_another_name_is_an_error() {
    let text = "x".repeat(1500);
    let (dir, _) = written(&[text.as_str(); 5]);
    fs::copy(segment(dir.path(), 1), segment(dir.path(), 2)).unwrap();
    check_damaged(dir.path(), 2, 0, Damage::SegmentHeader);
}

#[test]
fn other_data_keys_are_told_from_damage() {
    let (dir, _) = written(&["first"]);
    let other = DataKeys::in_memory().unwrap();
    let error = store::read_all(dir.path(), &other, &mut |_, _, _| Ok(())).unwrap_err();
    assert!(matches!(error, JournalError::WrongKey { file } if file == segment(dir.path(), 1)));

    // Sealed under a version that only the file's own keys have.
    keys(dir.path()).rotate().unwrap();
    let (mut journal, ..) = open(dir.path()).unwrap();
    for _ in 0..5 {
        append(&mut journal, Stream(1), &[&[b'x'; 1500]]);
    }
    journal.sync().unwrap();
    change(dir.path(), 1, |content| content[8..12].copy_from_slice(&1u32.to_le_bytes()));
    change(dir.path(), 1, |content| fix_header(content));
    let error = store::read_all(dir.path(), &keys(dir.path()), &mut |_, _, _| Ok(())).unwrap_err();
    assert!(matches!(error, JournalError::UnknownDataKey { version: 0, .. }), "{error}");
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let (dir, _) = written(&["first"]);
    change(dir.path(), 1, |content| {
        content[8] = 3;
        fix_header(content);
    });
    assert!(matches!(read(dir.path()), Err(JournalError::UnknownVersion { version: 3, .. })));
}

/// The torn end begins in the block that holds the last whole frame, and the journal goes on in it.
#[test]
fn a_torn_end_of_several_blocks_is_cut_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { segment_bytes: 65_536 };
    let open = |expect: usize| {
        let mut seen = Vec::new();
        let visitor = &mut |_, _, record: &[u8]| {
            seen.push(record.to_vec());
            Ok(())
        };
        let (journal, replay) = FileJournal::open(dir.path(), &keys(dir.path()), settings, visitor).unwrap();
        assert_eq!(seen.len(), expect);
        (journal, replay.torn, seen)
    };
    let (mut journal, ..) = open(0);
    append(&mut journal, Stream(1), &[b"first"]);
    journal.sync().unwrap();
    append(&mut journal, Stream(1), &[&[7; 12_000]]);
    journal.sync().unwrap();
    drop(journal);
    let mut last = 0..0;
    change(dir.path(), 1, |content| {
        last = frames(content)[1].clone();
        assert!(!last.start.is_multiple_of(4096));
        content[last.start + 100] ^= 1;
    });
    let (mut journal, torn, _) = open(1);
    assert_eq!(torn.map(|torn| torn.offset), Some(last.start as u64));
    append(&mut journal, Stream(1), &[b"instead"]);
    journal.sync().unwrap();
    drop(journal);
    let content = fs::read(segment(dir.path(), 1)).unwrap();
    assert!(content[frames(&content)[1].end..].iter().all(|byte| *byte == 0));
    let (_, torn, seen) = open(2);
    assert_eq!((torn, &seen[..]), (None, &[b"first".to_vec(), b"instead".to_vec()][..]));
}
