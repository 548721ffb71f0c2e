//! Where the journal of a backup is cut to restore it to a point, and whether that point is right.
//!
//! With the whole journal every point is. Where the first segments are gone a snapshot stands for them, and the point
//! must not lie before it in any stream: what the snapshot knows cannot be taken out of it again.

use super::error::BackupError;
use super::manifest::Manifest;
use super::{JOURNAL, journal_failed};
use card::Time;
use std::path::{Path, PathBuf};
use store::{DataKeys, JournalFrame, JournalReader, Place, Sequence, Start, Stream};

/// Up to where a backup is restored: to the first frame of the journal that holds something beyond. A frame
/// is what one shard recorded at once, whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// All of it.
    End,
    /// To the first frame with a record of after this moment.
    Time(Time),
    /// To the first frame with this record of a stream, or one behind it.
    Record(Stream, Sequence),
}

/// Where a restored journal ends.
pub(super) struct Cut {
    /// The segment of the backup.
    pub(super) file: PathBuf,
    /// Byte at which the first frame begins that is left out.
    pub(super) offset: u64,
    /// The moment that the journal is restored to, if its records have one.
    pub(super) moment: Option<Time>,
    /// Moment of the first record that the backup's journal has.
    pub(super) first: Option<Time>,
}

/// `None` when everything is wanted.
///
/// # Errors
/// When the point lies before what the backup's snapshot knows, or the stream has no such record.
pub(super) fn find(
    backup: &Path,
    manifest: &Manifest,
    until: Until,
    keys: &DataKeys,
    start: &Start,
) -> Result<Option<Cut>, BackupError> {
    if until == Until::End {
        return Ok(None);
    }
    let folder = backup.join(JOURNAL);
    let segment = manifest.first_segment;
    let whole = store::Until::WholeFrames;
    let reader = match segment {
        1 => JournalReader::open(&folder, keys, &Place::default(), whole),
        // Also what the snapshot knows is to be seen.
        _ => JournalReader::open_segment(&folder, keys, segment, whole),
    };
    let mut reader = reader.map_err(journal_failed)?;
    let mut search = Search { folder: &folder, until, start, seen: Seen::default(), cut: None };
    while let Some(frame) = reader.next_frame().map_err(journal_failed)? {
        search.frame(&frame)?;
    }
    let ends = reader.place().positions.clone();
    search.judge(&ends)
}

struct Search<'a> {
    folder: &'a Path,
    until: Until,
    start: &'a Start,
    seen: Seen,
    cut: Option<Cut>,
}

/// What the frames so far have told.
#[derive(Default)]
struct Seen {
    /// The first moment there is.
    first: Option<Time>,
    /// The newest so far.
    newest: Option<Time>,
    /// The newest in front of the cut.
    before_cut: Option<Time>,
    /// The newest up to the last frame with a record that the snapshot knows.
    known: Option<Time>,
    /// How far the stream that is asked for had come there.
    known_position: Option<Sequence>,
    /// How far it has come.
    position: Option<Sequence>,
    /// Whether there is such a frame behind the cut, or it is the one that is cut off.
    known_behind: bool,
}

impl Search<'_> {
    fn frame(&mut self, frame: &JournalFrame<'_>) -> Result<(), BackupError> {
        let (mut newest, mut count) = (None, 0);
        for record in frame.records.clone() {
            let record = store::decode_record(record).map_err(|store::Rejected(reason)| {
                let file = store::segment_file(self.folder, frame.place.segment);
                BackupError::Damaged { file, reason: format!("holds a record that cannot be read: {reason}") }
            })?;
            newest = newest.max(record.time());
            count += 1;
        }
        let end = frame.first.after(count);
        let is_beyond = match self.until {
            Until::End => false,
            Until::Time(moment) => newest.is_some_and(|time| time > moment),
            Until::Record(of, record) => frame.stream == of && end > record,
        };
        if is_beyond && self.cut.is_none() {
            let file = store::segment_file(self.folder, frame.place.segment);
            self.cut =
                Some(Cut { file, offset: frame.place.offset - frame.bytes, moment: None, first: None });
        }
        let seen = &mut self.seen;
        seen.first = seen.first.or(newest);
        seen.newest = seen.newest.max(newest);
        if self.cut.is_none() {
            seen.before_cut = seen.newest;
        }
        if matches!(self.until, Until::Record(of, _) if frame.stream == of) {
            seen.position = Some(end);
        }
        if frame.first < known(self.start, frame.stream) {
            seen.known = seen.newest;
            seen.known_position = seen.position;
            seen.known_behind |= self.cut.is_some();
        }
        Ok(())
    }

    fn judge(self, ends: &[Sequence]) -> Result<Option<Cut>, BackupError> {
        let Search { until, start, seen, cut, .. } = self;
        match until {
            Until::End => {}
            Until::Record(stream, record) => {
                let known = known(start, stream);
                let end = ends.get(usize::from(stream.0)).copied().unwrap_or_default().max(known);
                if record > end {
                    return Err(BackupError::NoSuchRecord { stream, record, end });
                }
                if record < known || seen.known_behind {
                    let oldest = seen.known_position.unwrap_or_default().max(known);
                    return Err(BackupError::BeforeSnapshot {
                        oldest: format!("--until-sequence {}:{}", stream.0, oldest.0),
                    });
                }
            }
            // Nothing is known from before, and an empty journal is a journal.
            Until::Time(moment) if *start == Start::default() => {
                if let Some(first) = seen.first.filter(|first| moment < *first) {
                    return Err(BackupError::TooLate { first: first.to_string() });
                }
            }
            Until::Time(_) => {
                // Of what the snapshot knows it does not say when it was; a frame behind that is of no later a moment
                // than asked for says that it was before.
                if seen.known_behind || seen.before_cut.is_none() {
                    let oldest = seen.known.or(seen.first);
                    let oldest = oldest.map_or_else(
                        || "its end, without --until".to_owned(),
                        |time| format!("--until {time}"),
                    );
                    return Err(BackupError::BeforeSnapshot { oldest });
                }
            }
        }
        let moment = match until {
            Until::Time(moment) => Some(moment),
            _ => seen.before_cut.or(seen.first),
        };
        Ok(cut.map(|cut| Cut { moment, first: seen.first, ..cut }))
    }
}

/// How many records of a stream the snapshot knows.
fn known(start: &Start, stream: Stream) -> Sequence {
    start.positions.get(usize::from(stream.0)).copied().unwrap_or_default()
}
