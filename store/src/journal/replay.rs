//! Reading a journal from its beginning, and telling the torn end of an interrupted write, which
//! is cut, from damage, which is an error.

use super::check::{self, Unknown};
use super::disk::{FolderSource, Source};
use super::error::{Damage, JournalError};
use super::frame::{ALIGNMENT, Frame};
use super::place::{Start, Track};
use super::seal::SegmentKey;
use super::segment::{self, HEADER_BYTES, SegmentEnd, SegmentHeader};
use super::{Positions, Sequence, Stream};
use crate::DataKeys;
use std::io;
use std::path::{Path, PathBuf};

/// Takes the records of a replay: stream, place in it, record.
pub type Visitor<'a> = dyn FnMut(Stream, Sequence, &[u8]) -> Result<(), Rejected> + 'a;

/// Why a visitor cannot take a record, in words that hold nothing of it. Ends the replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected(pub &'static str);

/// What a replay has found.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Number of segments that were read.
    pub segments: u64,
    /// Number of frames in them, one for each batch.
    pub frames: u64,
    /// Number of records that were visited.
    pub records: u64,
    /// The end of an interrupted write, if there is one.
    pub torn: Option<TornTail>,
    pub(super) positions: Positions,
}

/// The end of the newest segment, where a write was interrupted. Nothing in it was ever
/// acknowledged, because the sync behind it had not returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where the first frame begins that is not whole.
    pub offset: u64,
    /// How many bytes there are, from the offset to the last that is not zero.
    pub bytes: u64,
}

impl Replay {
    /// The next sequence of a stream.
    #[must_use]
    pub fn position(&self, stream: Stream) -> Sequence {
        self.positions.next(stream)
    }
}

/// Visits every record of the journal in `dir`, in the order of the appends, and changes nothing.
/// Takes no lock: where another process is writing, the replay ends at its last whole frame, and
/// what that process is just writing may show as a [`TornTail`].
///
/// # Errors
/// When the journal cannot be read, is damaged or sealed under a data key that is missing or
/// another one, or the visitor rejects a record. Records before the place of the error have been visited.
pub fn read_all(dir: &Path, keys: &DataKeys, visitor: &mut Visitor<'_>) -> Result<Replay, JournalError> {
    read_from(dir, keys, Start::default(), visitor)
}

/// As [`read_all`], from a place on that a snapshot has reached.
///
/// # Errors
/// As [`read_all`], and when the journal begins behind that place or ends before it.
pub fn read_from(
    dir: &Path,
    keys: &DataKeys,
    start: Start,
    visitor: &mut Visitor<'_>,
) -> Result<Replay, JournalError> {
    let source = FolderSource(dir.to_owned());
    walk(&source, keys, start, Writer::MayBeAnother, visitor).map(|walk| walk.replay)
}

/// Who may write while we read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// We hold the lock.
    Us,
    /// We do not.
    MayBeAnother,
}

/// The replay, and the newest segment as read, if there is any.
pub(super) struct Walk {
    pub(super) replay: Replay,
    pub(super) newest: Option<Segment>,
}

/// A segment being read.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) file: PathBuf,
    pub(super) content: Vec<u8>,
    pub(super) key: SegmentKey,
    /// Where the next frame begins, or would begin.
    pub(super) offset: usize,
    pub(super) end: SegmentEnd,
}

/// Reads all segments from the start on.
pub(super) fn walk(
    source: &dyn Source,
    keys: &DataKeys,
    start: Start,
    writer: Writer,
    visitor: &mut Visitor<'_>,
) -> Result<Walk, JournalError> {
    let is_beginning = start.segment <= 1 && start.positions.iter().all(|position| position.0 == 0);
    let newest = segment::newest(source, start.segment, is_beginning)?;
    let track = Track::from(start.positions);
    let mut walker = Walker { source, replay: Replay::default(), track, visitor, scratch: Vec::new() };
    let mut before: Option<Segment> = None;
    for number in start.segment..=newest {
        if number == newest && writer == Writer::Us {
            let failed = |error| JournalError::Io {
                doing: "reading",
                path: segment::path(source.dir(), number),
                error,
            };
            source.let_go(number).map_err(failed)?;
        }
        let buffer = before.as_mut().map(|before| std::mem::take(&mut before.content));
        let buffer = buffer.unwrap_or_default();
        let mut segment = Segment::open(source, number, keys, before.as_ref(), buffer)?;
        walker.frames(&mut segment)?;
        if number < newest {
            segment.must_end_clean()?;
        } else {
            walker.tail(&mut segment, writer)?;
        }
        walker.replay.segments += 1;
        before = Some(segment);
    }
    if walker.track.ends_early()
        && let Some(last) = &before
    {
        return Err(last.damaged(Damage::EndsEarly));
    }
    let positions = Positions(walker.track.positions().to_vec());
    Ok(Walk { replay: Replay { positions, ..walker.replay }, newest: before })
}

struct Walker<'a, 'v> {
    source: &'a dyn Source,
    replay: Replay,
    track: Track,
    visitor: &'a mut Visitor<'v>,
    /// Payload of one frame in clear; the content of a segment stays sealed.
    scratch: Vec<u8>,
}

impl Walker<'_, '_> {
    /// Visits frames until there is a place without a whole one.
    fn frames(&mut self, segment: &mut Segment) -> Result<(), JournalError> {
        while let Some(frame) = Frame::at_front(segment.rest()) {
            self.frame(segment, &frame)?;
            let (size, end) = (frame.size, check::behind(&frame));
            segment.end = end;
            segment.offset += size;
            self.replay.frames += 1;
        }
        Ok(())
    }

    fn frame(&mut self, segment: &Segment, frame: &Frame<'_>) -> Result<(), JournalError> {
        let header = &frame.header;
        let checked = check::frame(frame, segment.end, &self.track, &segment.key, &mut self.scratch);
        let Unknown { known, records } = checked.map_err(|damage| segment.damaged(damage))?;
        for (record, index) in records.zip(known..) {
            let sequence = header.first.after(index);
            (self.visitor)(header.stream, sequence, record).map_err(|Rejected(reason)| {
                JournalError::Rejected {
                    file: segment.file.clone(),
                    offset: segment.offset as u64,
                    stream: header.stream,
                    sequence,
                    reason,
                }
            })?;
        }
        self.track.advance(header);
        self.replay.records += u64::from(header.count - known);
        Ok(())
    }

    /// Judges what follows the last whole frame of the newest segment.
    fn tail(&mut self, segment: &mut Segment, writer: Writer) -> Result<(), JournalError> {
        while segment.durable_frame_is_damaged() {
            // A frame that was written while we read the file can be missing in what we have read
            // and have successors in it. It is whole by now if it ever was.
            let before = segment.offset;
            if writer == Writer::MayBeAnother {
                read(self.source, segment.number, &segment.file, &mut segment.content)?;
                self.frames(segment)?;
            }
            if segment.offset == before {
                return Err(segment.damaged(Damage::Frame));
            }
        }
        self.replay.torn = match segment.used_behind() {
            0 => None,
            bytes => Some(TornTail {
                file: segment.file.clone(),
                offset: segment.offset as u64,
                bytes: bytes as u64,
            }),
        };
        Ok(())
    }
}

impl Segment {
    /// Reads the file, into `content`, and its header, which must continue the segment `before`.
    fn open(
        source: &dyn Source,
        number: u64,
        keys: &DataKeys,
        before: Option<&Segment>,
        mut content: Vec<u8>,
    ) -> Result<Segment, JournalError> {
        let file = segment::path(source.dir(), number);
        read(source, number, &file, &mut content)?;
        let (header, key, checksum) = SegmentHeader::read(&file, &content, number, keys)?;
        let end = SegmentEnd { frames: 0, chain: checksum };
        let segment = Segment { number, file, content, key, offset: HEADER_BYTES, end };
        // Of the first that is read the one before it may be gone.
        match before {
            Some(before) if header.previous != before.end => Err(before.damaged(Damage::SegmentLink)),
            None if number == 1 && header.previous != SegmentEnd::default() => {
                Err(segment.damaged(Damage::SegmentLink))
            }
            _ => Ok(segment),
        }
    }

    /// A segment was synced before the next one began, so whatever stands behind its last whole
    /// frame is damage.
    fn must_end_clean(&self) -> Result<(), JournalError> {
        if self.used_behind() > 0 { Err(self.damaged(Damage::Frame)) } else { Ok(()) }
    }

    /// Whether the frame that is not whole was durable once: a later frame says so. Without such a
    /// witness it belongs to the last group of frames, whose sync never returned: the disk may
    /// have written the parts of that group in any order.
    fn durable_frame_is_damaged(&self) -> bool {
        has_witness(self.rest(), self.end.frames)
    }

    /// Bytes from the offset to the last that is not zero.
    pub(super) fn used_behind(&self) -> usize {
        used(self.rest())
    }

    /// What stands behind the last whole frame. Nothing, should the file have shrunk since.
    fn rest(&self) -> &[u8] {
        self.content.get(self.offset..).unwrap_or_default()
    }

    fn damaged(&self, damage: Damage) -> JournalError {
        JournalError::Damaged { file: self.file.clone(), offset: self.offset as u64, damage }
    }
}

/// Whether a frame in `rest`, not at its front, was written when frame `number` was durable.
pub(super) fn has_witness(rest: &[u8], number: u32) -> bool {
    // A frame's last bytes may be zeros: each is looked for in all that follows.
    (ALIGNMENT..used(rest)).step_by(ALIGNMENT).any(|offset| {
        Frame::at_front(&rest[offset..]).is_some_and(|frame| frame.header.durable_before > number)
    })
}

/// Bytes up to the last that is not zero.
pub(super) fn used(bytes: &[u8]) -> usize {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut used = bytes.len();
    for chunk in bytes.rchunks(ZEROS.len()) {
        if chunk != &ZEROS[..chunk.len()] {
            let zeros = chunk.iter().rev().take_while(|byte| **byte == 0).count();
            return used - zeros;
        }
        used -= chunk.len();
    }
    0
}

fn read(source: &dyn Source, number: u64, path: &Path, content: &mut Vec<u8>) -> Result<(), JournalError> {
    let whole = |content: &mut Vec<u8>| -> io::Result<()> {
        let file = source.open(number)?;
        content.resize(usize::try_from(file.size()?).map_err(|_| io::ErrorKind::FileTooLarge)?, 0);
        let length = file.read_at(content, 0)?;
        content.truncate(length);
        Ok(())
    };
    whole(content).map_err(|error| JournalError::Io { doing: "reading", path: path.to_owned(), error })
}
