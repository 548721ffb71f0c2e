//! Openings from a snapshot's place, and readers that follow.

use crate::{SMALL, Seen, append, change, fix_checksum, frames, keys, open, read, segment, written};
use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc};
use store::{
    Committer, Damage, FileJournal, Journal, JournalError, JournalReader, Place, Replay, Sequence, Start,
    Stream, Until,
};
use tempfile::TempDir;

const A: Stream = Stream(0);
const B: Stream = Stream(2);

fn open_from(dir: &Path, start: Start) -> Result<(FileJournal, Replay, Vec<Seen>), JournalError> {
    let mut seen = Vec::new();
    let (journal, replay) =
        FileJournal::open_from(dir, &keys(dir), SMALL, start, &mut |stream, sequence, record| {
            seen.push((stream, sequence, record.to_vec()));
            Ok(())
        })?;
    Ok((journal, replay, seen))
}

/// Several segments of two streams, a sync behind each batch; B ends early.
fn two_streams() -> (TempDir, Vec<Seen>) {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, ..) = open(dir.path()).unwrap();
    for number in 0..24u8 {
        append(&mut journal, A, &[&[number; 500], &[number; 500]]);
        if number < 10 {
            append(&mut journal, B, &[&[number; 100]]);
        }
        journal.sync().unwrap();
    }
    assert!(journal.segment() > 5);
    drop(journal);
    let (_, seen) = read(dir.path()).unwrap();
    assert_eq!(seen.len(), 58);
    (dir, seen)
}

/// Everything that a reader shows, with the place behind each frame.
fn follow(reader: &mut JournalReader) -> Result<Vec<(Place, Vec<Seen>)>, JournalError> {
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame()? {
        let sequences = (frame.first.0..).map(Sequence);
        let (stream, place) = (frame.stream, frame.place.clone());
        let records = frame.records.zip(sequences);
        frames.push((place, records.map(|(record, sequence)| (stream, sequence, record.to_vec())).collect()));
    }
    Ok(frames)
}

fn all(frames: Vec<(Place, Vec<Seen>)>) -> Vec<Seen> {
    frames.into_iter().flat_map(|(_, records)| records).collect()
}

fn damage<T>(result: Result<T, JournalError>) -> (Damage, String, u64) {
    match result.map(|_| ()) {
        Err(JournalError::Damaged { file, offset, damage }) => {
            (damage, file.file_name().unwrap().to_string_lossy().into_owned(), offset)
        }
        other => panic!("{other:?}"),
    }
}

/// A snapshot notes the segment first and then where the streams stand.
#[test]
fn a_replay_from_any_snapshot_shows_exactly_what_came_after_it() {
    let (dir, whole) = two_streams();
    let mut reader =
        JournalReader::open(dir.path(), &keys(dir.path()), &Place::default(), Until::WholeFrames).unwrap();
    let places: Vec<Place> = follow(&mut reader).unwrap().into_iter().map(|(place, _)| place).collect();
    for (place, index) in places.iter().zip(0..) {
        let start = Start { segment: place.segment, positions: place.positions.clone() };
        let after: Vec<Seen> = whole
            .iter()
            .filter(|(stream, sequence, _)| {
                place.positions.get(usize::from(stream.0)).is_none_or(|known| sequence >= known)
            })
            .cloned()
            .collect();
        let mut seen = Vec::new();
        let replay = store::read_from(
            dir.path(),
            &keys(dir.path()),
            start.clone(),
            &mut |stream, sequence, record| {
                seen.push((stream, sequence, record.to_vec()));
                Ok(())
            },
        );
        assert_eq!(seen, after);
        assert_eq!(replay.unwrap().position(A), Sequence(48));
        if index % 6 == 0 {
            let (journal, replay, seen) = open_from(dir.path(), start).unwrap();
            assert_eq!(seen, after);
            assert_eq!(
                (replay.records, journal.position(A), journal.position(B)),
                (after.len() as u64, Sequence(48), Sequence(10))
            );
        }
    }
}

#[test]
fn segments_before_the_start_need_not_be_there_and_the_journal_goes_on() {
    let (dir, _) = two_streams();
    let newest = open(dir.path()).unwrap().0.segment();
    for number in 1..newest {
        fs::remove_file(segment(dir.path(), number)).unwrap();
    }
    assert_eq!(store::oldest_segment(dir.path()).unwrap(), Some(newest));
    assert_eq!(damage(open(dir.path())).0, Damage::SegmentMissing);
    let start = Start { segment: newest, positions: vec![Sequence(48), Sequence(0), Sequence(10)] };
    let (mut journal, _, seen) = open_from(dir.path(), start.clone()).unwrap();
    assert_eq!(seen, []);
    append(&mut journal, B, &[b"goes on"]);
    append(&mut journal, A, &[b"as well"]);
    journal.sync().unwrap();
    drop(journal);
    let (_, _, seen) = open_from(dir.path(), start).unwrap();
    assert_eq!(seen, [(B, Sequence(10), b"goes on".to_vec()), (A, Sequence(48), b"as well".to_vec())]);
}

#[test]
fn a_start_that_the_journal_does_not_reach_or_does_not_have_is_damage() {
    let (dir, _) = two_streams();
    let newest = open(dir.path()).unwrap().0.segment();
    let at = |segment, a, b| Start { segment, positions: vec![Sequence(a), Sequence(0), Sequence(b)] };
    let name = |number| format!("{number:020}.journal");

    let (found, file, offset) = damage(open_from(dir.path(), at(newest, 49, 10)));
    let end = frames(&fs::read(segment(dir.path(), newest)).unwrap()).pop().unwrap().end;
    assert_eq!((found, file, offset), (Damage::EndsEarly, name(newest), end as u64));

    // The first frame of a stream begins behind what the snapshot knows: frames are missing between.
    assert_eq!(damage(open_from(dir.path(), at(newest, 1, 10))).0, Damage::Sequence);

    // A stream that the snapshot does not know cannot begin in the middle.
    let start = Start { segment: newest, positions: Vec::new() };
    assert_eq!(damage(open_from(dir.path(), start)).0, Damage::Sequence);

    assert_eq!(damage(open_from(dir.path(), at(newest + 1, 48, 10))).0, Damage::SegmentMissing);
    fs::remove_file(segment(dir.path(), 3)).unwrap();
    assert_eq!(damage(open_from(dir.path(), at(4, 48, 10))), (Damage::SegmentMissing, name(3), 0));
    for number in 1..=2 {
        fs::remove_file(segment(dir.path(), number)).unwrap();
    }
    assert_eq!(damage(open_from(dir.path(), at(3, 48, 10))), (Damage::SegmentMissing, name(3), 0));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(damage(open_from(empty.path(), at(1, 1, 0))).0, Damage::SegmentMissing);
    assert_eq!(damage(open_from(empty.path(), at(2, 0, 0))).0, Damage::SegmentMissing);
}

#[test]
fn a_reader_goes_on_from_every_place_it_has_given() {
    let (dir, whole) = two_streams();
    let mut reader =
        JournalReader::open(dir.path(), &keys(dir.path()), &Place::default(), Until::WholeFrames).unwrap();
    let frames = follow(&mut reader).unwrap();
    assert_eq!(all(frames.clone()), whole);
    let mut seen = 0;
    for (place, records) in &frames {
        seen += records.len();
        let mut again =
            JournalReader::open(dir.path(), &keys(dir.path()), place, Until::WholeFrames).unwrap();
        assert_eq!(again.place(), place);
        assert_eq!(all(follow(&mut again).unwrap()), whole[seen..]);
    }
    // From a place inside a frame, or of a journal that is longer, nothing is read.
    let (place, _) = &frames[3];
    for offset in [place.offset - 8, place.offset + 8] {
        let place = Place { offset, ..place.clone() };
        assert_eq!(
            damage(JournalReader::open(dir.path(), &keys(dir.path()), &place, Until::WholeFrames)).0,
            Damage::Place
        );
    }
    let place = Place { segment: 99, ..place.clone() };
    let missing = damage(JournalReader::open(dir.path(), &keys(dir.path()), &place, Until::WholeFrames));
    assert_eq!(missing.0, Damage::SegmentMissing);
}

#[test]
fn a_reader_follows_a_writer_over_rolls() {
    let (dir, _) = written(&["first"]);
    let (mut journal, ..) = open(dir.path()).unwrap();
    let mut reader =
        JournalReader::open(dir.path(), &keys(dir.path()), &Place::default(), Until::WholeFrames).unwrap();
    assert_eq!(all(follow(&mut reader).unwrap()).len(), 1);
    assert!(follow(&mut reader).unwrap().is_empty());
    for number in 1..40u8 {
        let record = vec![number; 10 + usize::from(number) * 97];
        append(&mut journal, Stream(1), &[&record]);
        assert!(follow(&mut reader).unwrap().is_empty(), "not yet written");
        journal.sync().unwrap();
        assert_eq!(all(follow(&mut reader).unwrap()), [(Stream(1), Sequence(u64::from(number)), record)]);
    }
    assert_eq!(reader.place().segment, journal.segment());
    assert!(journal.segment() > 10);
}

#[test]
fn a_tool_takes_each_stream_as_it_stands_in_the_oldest_segment_that_is_kept() {
    let (dir, whole) = two_streams();
    let mut reader =
        JournalReader::open_segment(dir.path(), &keys(dir.path()), 1, Until::WholeFrames).unwrap();
    assert_eq!(all(follow(&mut reader).unwrap()), whole);
    for number in 1..=2 {
        fs::remove_file(segment(dir.path(), number)).unwrap();
    }
    let mut reader =
        JournalReader::open_segment(dir.path(), &keys(dir.path()), 3, Until::WholeFrames).unwrap();
    let seen = all(follow(&mut reader).unwrap());
    assert!(!seen.is_empty() && whole.ends_with(&seen));
}

/// The file may hold more than is durable; the projection must not see it.
#[test]
fn a_reader_in_the_serving_process_sees_what_is_durable_and_no_more() {
    let (dir, _) = written(&["first"]);
    let (journal, ..) = open(dir.path()).unwrap();
    let (told, durable) = mpsc::channel();
    let on_durable = Arc::new(move |stream, position| told.send((stream, position)).unwrap_or(()));
    let committer =
        Committer::start(Box::new(journal), 2, 64, on_durable, |failure| panic!("{failure}")).unwrap();
    let handle = committer.handle();
    let until = Until::Durable(Arc::clone(handle.durable()));
    let mut reader = JournalReader::open(dir.path(), &keys(dir.path()), &Place::default(), until).unwrap();
    assert_eq!(all(follow(&mut reader).unwrap()).len(), 1);
    let mut segment = handle.durable().segment();
    for number in 0..30u8 {
        let mut batch = handle.batch();
        batch.push(&[number; 700]);
        handle.submit(A, Sequence(u64::from(number)), batch).unwrap();
        assert_eq!(durable.recv().unwrap(), (A, Sequence(u64::from(number) + 1)));
        let seen = all(follow(&mut reader).unwrap());
        assert_eq!(seen, [(A, Sequence(u64::from(number)), vec![number; 700])]);
        assert!(
            handle.durable().segment() >= segment && handle.durable().segment() <= reader.place().segment
        );
        segment = handle.durable().segment();
    }
    committer.shutdown().unwrap();

    let until = Until::Positions(vec![Sequence(7), Sequence(1)]);
    let mut reader = JournalReader::open(dir.path(), &keys(dir.path()), &Place::default(), until).unwrap();
    let seen = all(follow(&mut reader).unwrap());
    assert_eq!(seen.len(), 8);
    // More is durable than the file holds: frames are lost.
    let until = Until::Positions(vec![Sequence(31), Sequence(1)]);
    let mut reader = JournalReader::open(dir.path(), &keys(dir.path()), &Place::default(), until).unwrap();
    for _ in 0..2 {
        assert_eq!(damage(follow(&mut reader)).0, Damage::Frame);
    }
}

/// A reader judges a damaged file as a replay does, wherever it is damaged.
#[test]
fn a_reader_finds_the_damage_that_a_replay_finds() {
    let text = "x".repeat(1200);
    let (dir, _) = written(&[text.as_str(); 7]);
    let sound = |number| fs::read(segment(dir.path(), number)).unwrap();
    let by_reader = || {
        let mut reader =
            JournalReader::open(dir.path(), &keys(dir.path()), &Place::default(), Until::WholeFrames)?;
        let frames = follow(&mut reader)?;
        Ok::<_, JournalError>((frames.len(), reader.torn()?))
    };
    let check = |number: u64, edit: &dyn Fn(&mut Vec<u8>)| {
        let before = sound(number);
        change(dir.path(), number, |content| edit(content));
        let expected = read(dir.path()).map(|(replay, _)| (replay.frames as usize, replay.torn));
        assert_eq!(format!("{expected:?}"), format!("{:?}", by_reader()));
        fs::write(segment(dir.path(), number), before).unwrap();
    };
    for number in 1..=3 {
        for frame in frames(&sound(number)) {
            let places = [frame.start, frame.start + 5, frame.start + 12, frame.start + 30, frame.start + 44];
            for place in places.into_iter().chain([frame.start + 60, frame.end - 20]) {
                check(number, &|content| content[place] ^= 0x40);
                check(number, &|content| {
                    content[place] ^= 0x40;
                    if place != frame.start && place != frame.start + 5 {
                        fix_checksum(&mut content[frame.clone()]);
                    }
                });
            }
            check(number, &|content| content[frame.clone()].fill(0));
            check(number, &|content| content[frame.start..].fill(0));
            check(number, &|content| content.truncate(frame.start + 20));
        }
        check(number, &|content| content[20] ^= 1);
    }
    assert_eq!(by_reader().unwrap(), (7, None));
}
