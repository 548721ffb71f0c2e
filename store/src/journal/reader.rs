//! Reading along: frame by frame from a place on, also while the journal is being written.

use super::batch::{Batch, Records};
use super::check;
use super::disk::{FolderSource, SegmentFile, Source};
use super::error::{Damage, JournalError};
use super::frame::{FRAME_HEADER_BYTES, Frame, frame_size};
use super::place::{Place, Track};
use super::replay::{TornTail, has_witness, used};
use super::seal::SegmentKey;
use super::segment::{self, HEADER_BYTES, SegmentEnd, SegmentHeader};
use super::{Sequence, Stream};
use crate::{DataKeys, Durable};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Follows a journal from a place on. Every frame is checked as a replay checks it: checksum,
/// chain, seal, sequence.
///
/// Holds one segment open and a window of it in memory (128 KiB, or the largest frame so far), and
/// takes no lock: it may stand in the serving process, with [`Until::Durable`], or beside it.
///
/// After an error it says the same again.
pub struct JournalReader {
    source: Box<dyn Source>,
    keys: DataKeys,
    until: Until,
    track: Track,
    place: Place,
    window: Window,
    /// Payload of one frame in clear.
    scratch: Vec<u8>,
}

/// How far a [`JournalReader`] reads.
#[derive(Clone)]
pub enum Until {
    /// To the last whole frame: beside another process, or without one. What is read there may
    /// still be lost with the power, so nothing may be built on it that outlasts the journal.
    WholeFrames,
    /// To what the committer of this process has made durable.
    Durable(Arc<Durable>),
    /// To these positions, by stream number; of a stream that is not listed nothing.
    Positions(Vec<Sequence>),
}

/// One frame, which is one appended batch.
#[derive(Debug)]
pub struct JournalFrame<'a> {
    /// The place behind the frame: what to keep in order to go on from here.
    pub place: &'a Place,
    /// The stream of the batch.
    pub stream: Stream,
    /// Sequence of the first of `records`.
    pub first: Sequence,
    /// The records that were not known at the place where reading began.
    pub records: Records<'a>,
    /// What the frame takes in its segment, in bytes.
    pub bytes: u64,
    /// Version of the data key under which its segment is sealed; 0 for the master key itself, as in
    /// segments of format 1.
    pub data_key: u32,
}

impl JournalReader {
    /// Opens the journal in `dir` at a place that was given by an earlier [`JournalFrame`] or made
    /// from a [`super::Start`]. Checks the chain of the segment up to there.
    ///
    /// # Errors
    /// When the segment is not there, cannot be read, is damaged or sealed under another key, or no
    /// frame begins at the place.
    pub fn open(
        dir: &Path,
        keys: &DataKeys,
        place: &Place,
        until: Until,
    ) -> Result<JournalReader, JournalError> {
        let track = Track::from(place.positions.clone());
        JournalReader::open_on(Box::new(FolderSource(dir.to_owned())), keys, place, track, until)
    }

    /// Opens the journal at the first frame of `segment` and takes each stream where it stands
    /// there: for tools that look at whatever is kept.
    ///
    /// # Errors
    /// As [`JournalReader::open`].
    pub fn open_segment(
        dir: &Path,
        keys: &DataKeys,
        segment: u64,
        until: Until,
    ) -> Result<JournalReader, JournalError> {
        let place = Place { segment, offset: 0, positions: Vec::new() };
        let source = Box::new(FolderSource(dir.to_owned()));
        JournalReader::open_on(source, keys, &place, Track::anywhere(), until)
    }

    /// As [`JournalReader::open`], at a place that was reached by [`JournalReader::open_segment`]. A stream that stands
    /// at 0 there may have recorded in segments that are gone; it is taken where its next frame begins.
    ///
    /// # Errors
    /// As [`JournalReader::open`].
    pub fn open_part(
        dir: &Path,
        keys: &DataKeys,
        place: &Place,
        until: Until,
    ) -> Result<JournalReader, JournalError> {
        let track = Track::from_part(place.positions.clone());
        JournalReader::open_on(Box::new(FolderSource(dir.to_owned())), keys, place, track, until)
    }

    pub(super) fn open_on(
        source: Box<dyn Source>,
        keys: &DataKeys,
        place: &Place,
        track: Track,
        until: Until,
    ) -> Result<JournalReader, JournalError> {
        let (mut window, _) = Window::open(&*source, place.segment, keys)?;
        while window.offset < place.offset {
            let before = window.end;
            let passed = match window.frame()? {
                None => Err(Damage::Place),
                Some(frame) => check::order(&frame, before).map(|()| (frame.size, check::behind(&frame))),
            };
            let (size, end) = passed.map_err(|damage| window.damaged(damage))?;
            window.pass(size, end);
        }
        if place.offset != 0 && window.offset != place.offset {
            return Err(window.damaged(Damage::Place));
        }
        let positions = track.positions().to_vec();
        let place = Place { segment: place.segment, offset: window.offset, positions };
        Ok(JournalReader { source, keys: keys.clone(), until, track, place, window, scratch: Vec::new() })
    }

    /// The next frame; `None` when there is none yet. Asked again later it goes on, also into the
    /// next segment. Frames of which all records were known are passed over.
    ///
    /// # Errors
    /// When the segment cannot be read, or what was durable is damaged.
    pub fn next_frame(&mut self) -> Result<Option<JournalFrame<'_>>, JournalError> {
        self.next_of(None)
    }

    /// The place behind the last frame.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The number of the next frame in its segment, from 0.
    #[must_use]
    pub fn frame_number(&self) -> u32 {
        self.window.end.frames
    }

    /// What the header at the place of an error says of its frame: stream, and sequence of its first
    /// record. It may itself be damaged.
    #[must_use]
    pub fn announced(&self) -> Option<(Stream, Sequence)> {
        Frame::announced(self.window.rest()).map(|(_, header)| (header.stream, header.first))
    }

    /// The file that is being read.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.window.path
    }

    /// What stands behind the last whole frame of the newest segment: of a write that was
    /// interrupted, or is just going on in another process.
    ///
    /// # Errors
    /// When the segment cannot be read.
    pub fn torn(&self) -> Result<Option<TornTail>, JournalError> {
        let bytes = used(&self.window.rest_of_file()?) as u64;
        let torn = TornTail { file: self.window.path.clone(), offset: self.window.offset, bytes };
        Ok((bytes > 0).then_some(torn))
    }

    /// As [`JournalReader::next_frame`]; frames of streams other than `only` are passed over
    /// without opening their seals.
    pub(super) fn next_of(&mut self, only: Option<Stream>) -> Result<Option<JournalFrame<'_>>, JournalError> {
        loop {
            if !self.find_frame()? {
                return Ok(None);
            }
            let Window { key, end: before, .. } = &self.window;
            let frame = Frame::at_front(self.window.rest()).expect("a whole frame was just found here");
            let header = frame.header;
            let (size, end) = (frame.size, check::behind(&frame));
            if !self.until.reaches(header.stream, header.first.after(header.count)) {
                return Ok(None);
            }
            let known = if only.is_none_or(|only| only == header.stream) {
                let checked = check::frame(&frame, *before, &self.track, key, &mut self.scratch);
                checked.map(|unknown| unknown.known)
            } else {
                check::order(&frame, *before).map(|()| header.count)
            };
            let known = known.map_err(|damage| self.window.damaged(damage))?;
            self.track.advance(&header);
            self.window.pass(size, end);
            self.place.offset = self.window.offset;
            self.note_position(header.stream);
            if known == header.count {
                continue;
            }
            let payload = &self.scratch[..header.payload_bytes as usize];
            return Ok(Some(JournalFrame {
                place: &self.place,
                stream: header.stream,
                first: header.first.after(known),
                records: Records::of_checked(payload, header.count).behind(known),
                bytes: size as u64,
                data_key: self.window.data_key,
            }));
        }
    }

    /// Keeps the place in step without copying all positions for every frame.
    fn note_position(&mut self, stream: Stream) {
        let positions = self.track.positions();
        let index = usize::from(stream.0);
        if self.place.positions.len() == positions.len() {
            self.place.positions[index] = positions[index];
        } else {
            self.place.positions = positions.to_vec();
        }
    }

    /// Whether the window begins with a whole frame; looks into the file again, and into the next
    /// segment, when it does not.
    fn find_frame(&mut self) -> Result<bool, JournalError> {
        loop {
            if self.window.frame()?.is_some() {
                return Ok(true);
            }
            // Asked before the file is read again: what is durable by now must be found there.
            let is_behind = self.until.is_beyond(&self.track);
            self.window.forget();
            if self.window.frame()?.is_some() {
                return Ok(true);
            }
            let next = self.window.number + 1;
            let is_ended = self
                .source
                .exists(next)
                .map_err(|error| self.window.io("looking for the segment behind", error))?;
            if is_ended {
                // The segment was whole before the next one was there.
                self.window.forget();
                if self.window.frame()?.is_some() {
                    return Ok(true);
                }
                self.enter(next)?;
                continue;
            }
            if is_behind || self.durable_frame_is_damaged()? {
                return Err(self.window.damaged(Damage::Frame));
            }
            return Ok(false);
        }
    }

    /// Goes on in the next segment, which says how this one must end.
    fn enter(&mut self, next: u64) -> Result<(), JournalError> {
        if used(&self.window.rest_of_file()?) > 0 {
            return Err(self.window.damaged(Damage::Frame));
        }
        let (window, previous) = Window::open(&*self.source, next, &self.keys)?;
        if previous != self.window.end {
            return Err(self.window.damaged(Damage::SegmentLink));
        }
        self.window = window;
        self.place.segment = next;
        self.place.offset = self.window.offset;
        Ok(())
    }

    /// Whether the frame here is not whole although a later one says that it was durable. What a
    /// writer is just writing looks so until it is looked at again.
    fn durable_frame_is_damaged(&mut self) -> Result<bool, JournalError> {
        if self.window.rest().iter().take(FRAME_HEADER_BYTES).all(|byte| *byte == 0) {
            return Ok(false);
        }
        let rest = self.window.rest_of_file()?;
        if !has_witness(&rest, self.window.end.frames) {
            return Ok(false);
        }
        self.window.forget();
        Ok(self.window.frame()?.is_none())
    }
}

impl Until {
    /// Whether records of `stream` before `position` may be read.
    fn reaches(&self, stream: Stream, position: Sequence) -> bool {
        match self {
            Until::WholeFrames => true,
            // A stream without a committer was durable before it was started.
            Until::Durable(durable) => durable.of(stream).is_none_or(|durable| position <= durable),
            Until::Positions(positions) => {
                positions.get(usize::from(stream.0)).is_some_and(|limit| position <= *limit)
            }
        }
    }

    /// Whether there must be frames behind those that were read.
    fn is_beyond(&self, track: &Track) -> bool {
        let mut streams = (0..=u16::MAX).map(Stream);
        match self {
            Until::WholeFrames => false,
            Until::Durable(durable) => streams
                .map_while(|stream| Some((stream, durable.of(stream)?)))
                .any(|(stream, position)| track.is_behind(stream, position)),
            Until::Positions(positions) => positions
                .iter()
                .any(|position| track.is_behind(streams.next().unwrap_or(Stream(0)), *position)),
        }
    }
}

/// A part of a segment file in memory.
struct Window {
    number: u64,
    path: PathBuf,
    file: Box<dyn SegmentFile>,
    key: SegmentKey,
    data_key: u32,
    /// What stands in the file from `start` on, as far as it has been read.
    bytes: Vec<u8>,
    start: u64,
    /// Where the next frame begins.
    offset: u64,
    /// Of the frames before.
    end: SegmentEnd,
}

impl Window {
    /// The segment at its first frame, and how the segment before it ends.
    fn open(source: &dyn Source, number: u64, keys: &DataKeys) -> Result<(Window, SegmentEnd), JournalError> {
        let path = segment::path(source.dir(), number);
        let failed = |error| JournalError::Io { doing: "reading", path: path.clone(), error };
        let file = match source.open(number) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(JournalError::Damaged { file: path, offset: 0, damage: Damage::SegmentMissing });
            }
            result => result.map_err(failed)?,
        };
        let mut block = vec![0; HEADER_BYTES];
        let length = file.read_at(&mut block, 0).map_err(failed)?;
        let read = || SegmentHeader::read(&path, &block[..length], number, keys);
        let (header, key, checksum) = match read() {
            // The keys were rotated while we read along. Where they cannot be taken up, the error
            // of the segment says what is missing.
            Err(JournalError::UnknownDataKey { .. }) if keys.reload().unwrap_or(false) => read()?,
            result => result?,
        };
        let end = SegmentEnd { frames: 0, chain: checksum };
        let offset = HEADER_BYTES as u64;
        let data_key = header.data_key;
        let window =
            Window { number, path, file, key, data_key, bytes: Vec::new(), start: offset, offset, end };
        Ok((window, header.previous))
    }

    /// The frame at the offset, if a whole one is there.
    fn frame(&mut self) -> Result<Option<Frame<'_>>, JournalError> {
        self.fill(FRAME_HEADER_BYTES)?;
        let Some((size, _)) = Frame::announced(self.rest()) else { return Ok(None) };
        // A damaged length must not have us read gigabytes.
        if size > frame_size(Batch::MAX_BYTES) {
            return Ok(None);
        }
        self.fill(size)?;
        Ok(Frame::at_front(self.rest()))
    }

    /// Has `count` bytes behind the offset in memory, if the file has so many.
    fn fill(&mut self, count: usize) -> Result<(), JournalError> {
        if self.rest().len() >= count {
            return Ok(());
        }
        let passed = (self.offset - self.start) as usize;
        self.bytes.drain(..passed.min(self.bytes.len()));
        self.start = self.offset;
        let have = self.bytes.len();
        self.bytes.resize(count.max(WINDOW_BYTES), 0);
        let read = self.file.read_at(&mut self.bytes[have..], self.start + have as u64);
        self.bytes.truncate(have + *read.as_ref().unwrap_or(&0));
        read.map(drop).map_err(|error| self.io("reading", error))
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get((self.offset - self.start) as usize..).unwrap_or_default()
    }

    /// Moves behind a frame.
    fn pass(&mut self, size: usize, end: SegmentEnd) {
        self.offset += size as u64;
        self.end = end;
    }

    /// What is in memory may be older than the file.
    fn forget(&mut self) {
        self.bytes.clear();
        self.start = self.offset;
    }

    /// Everything behind the offset.
    fn rest_of_file(&self) -> Result<Vec<u8>, JournalError> {
        let read = || {
            let size = self.file.size()?.saturating_sub(self.offset);
            let mut rest = vec![0; usize::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?];
            let length = self.file.read_at(&mut rest, self.offset)?;
            rest.truncate(length);
            Ok(rest)
        };
        read().map_err(|error| self.io("reading", error))
    }

    fn damaged(&self, damage: Damage) -> JournalError {
        JournalError::Damaged { file: self.path.clone(), offset: self.offset, damage }
    }

    fn io(&self, doing: &'static str, error: io::Error) -> JournalError {
        JournalError::Io { doing, path: self.path.clone(), error }
    }
}

/// The segment in which reading must begin to see `stream` from `from` on: the newest whose first
/// frame of the stream begins there or before. Only headers of frames are looked at, and checked
/// when they are read for good.
pub(super) fn segment_of(source: &dyn Source, stream: Stream, from: Sequence) -> Result<u64, JournalError> {
    let failed = |error| JournalError::Io { doing: "listing", path: source.dir().to_owned(), error };
    for number in source.numbers().map_err(failed)?.into_iter().rev() {
        let path = segment::path(source.dir(), number);
        let first = first_of(source, number, stream).map_err(|error| JournalError::Io {
            doing: "reading",
            path,
            error,
        })?;
        if first.is_some_and(|first| first <= from) {
            return Ok(number);
        }
    }
    Err(JournalError::Gone { stream, from })
}

/// Sequence of the first frame of a stream in a segment.
fn first_of(source: &dyn Source, number: u64, stream: Stream) -> io::Result<Option<Sequence>> {
    let file = source.open(number)?;
    let mut offset = HEADER_BYTES as u64;
    let mut bytes = [0; FRAME_HEADER_BYTES];
    while file.read_at(&mut bytes, offset)? == bytes.len() {
        let Some((size, header)) = Frame::announced(&bytes) else { break };
        if header.stream == stream {
            return Ok(Some(header.first));
        }
        offset += size as u64;
    }
    Ok(None)
}

const WINDOW_BYTES: usize = 128 << 10;
