//! Copies of segments, for backups: whole frames only, and beside a process that writes. Needs no key,
//! since frames are told by their checksums; what they hold stays sealed.

use super::disk::create_folder;
use super::error::{Damage, JournalError};
use super::frame::{ALIGNMENT, Frame};
use super::segment::{self, HEADER_BYTES, SegmentEnd};
use crate::private_file::sync_folder;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A segment that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentCopy {
    /// Its number.
    pub number: u64,
    /// The copy.
    pub file: PathBuf,
    /// Bytes of the copy: header and whole frames, without the zeros behind them.
    pub bytes: u64,
    /// Number of frames.
    pub frames: u32,
}

/// Copies the segments of the journal in `from`, beginning with number `first`, into the folder `to`,
/// which is made when it does not exist; `copied` hears of each. The copy is a journal of its own, which
/// ends with the last whole frame that was there, so it holds everything that was durable when the copying
/// began.
///
/// A segment is cut behind its last frame, which saves the zeros. A journal that is opened goes on in a new
/// segment then.
///
/// # Errors
/// When a file cannot be read or written or is there already, or what was durable is damaged.
pub fn copy_segments(
    from: &Path,
    to: &Path,
    first: u64,
    copied: &mut dyn FnMut(&SegmentCopy),
) -> Result<(), JournalError> {
    create_folder(to).map_err(|error| JournalError::Io { doing: "making", path: to.to_owned(), error })?;
    // Segments that are begun from now on hold nothing that was durable before.
    let last = (first..).take_while(|number| segment::path(from, *number).exists()).last();
    let mut before: Option<Whole> = None;
    for number in first..=last.unwrap_or(first) {
        let whole = Whole::read(from, number)?;
        if let Some(before) = before
            && before.end != whole.previous
        {
            return Err(before.damaged(Damage::SegmentLink));
        }
        let file = segment::path(to, number);
        write(&file, &whole.content[..whole.offset]).map_err(|error| JournalError::Io {
            doing: "writing",
            path: file.clone(),
            error,
        })?;
        let (bytes, frames) = (whole.offset as u64, whole.end.frames);
        copied(&SegmentCopy { number, file, bytes, frames });
        before = Some(whole);
    }
    sync_folder(to).map_err(|error| JournalError::Io { doing: "syncing", path: to.to_owned(), error })
}

/// The whole frames of a segment.
struct Whole {
    file: PathBuf,
    content: Vec<u8>,
    /// What the header says of the segment before.
    previous: SegmentEnd,
    /// Where the last whole frame ends.
    offset: usize,
    end: SegmentEnd,
}

impl Whole {
    fn read(dir: &Path, number: u64) -> Result<Whole, JournalError> {
        let file = segment::path(dir, number);
        // Looked at before the content is read: a segment was synced before its successor was begun.
        let is_complete = segment::path(dir, number + 1).exists();
        let content = read(&file)?;
        let front = segment::front(&content).filter(|front| front.number == number);
        let Some(front) = front else {
            return Err(JournalError::Damaged { file, offset: 0, damage: Damage::SegmentHeader });
        };
        let end = SegmentEnd { frames: 0, chain: front.checksum };
        let mut whole = Whole { file, content, previous: front.previous, offset: HEADER_BYTES, end };
        whole.take_frames()?;
        if is_complete {
            return if whole.used_behind() { Err(whole.damaged(Damage::Frame)) } else { Ok(whole) };
        }
        while whole.is_durable_behind() {
            // A frame that was written while we read can be missing in what we have read and have
            // successors in it. It is whole by now if it ever was.
            let before = whole.offset;
            whole.content = read(&whole.file)?;
            whole.take_frames()?;
            if whole.offset == before {
                return Err(whole.damaged(Damage::Frame));
            }
        }
        Ok(whole)
    }

    fn take_frames(&mut self) -> Result<(), JournalError> {
        while let Some(frame) = Frame::at_front(self.rest()) {
            if frame.header.number != self.end.frames || frame.header.chain != self.end.chain {
                return Err(self.damaged(Damage::FrameOrder));
            }
            let (size, checksum) = (frame.size, frame.checksum);
            self.end = SegmentEnd { frames: self.end.frames + 1, chain: checksum };
            self.offset += size;
        }
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        self.content.get(self.offset..).unwrap_or_default()
    }

    fn used_behind(&self) -> bool {
        self.rest().iter().any(|byte| *byte != 0)
    }

    /// Whether a later frame says that the place where the frames end was durable when it was written.
    fn is_durable_behind(&self) -> bool {
        let rest = self.rest();
        (ALIGNMENT..rest.len()).step_by(ALIGNMENT).any(|offset| {
            Frame::at_front(&rest[offset..])
                .is_some_and(|frame| frame.header.durable_before > self.end.frames)
        })
    }

    fn damaged(&self, damage: Damage) -> JournalError {
        JournalError::Damaged { file: self.file.clone(), offset: self.offset as u64, damage }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, JournalError> {
    fs::read(path).map_err(|error| JournalError::Io { doing: "reading", path: path.to_owned(), error })
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
