use super::disk::{Disk, Folder, create_folder};
use super::error::{AppendError, JournalError};
use super::frame::{FrameHeader, frame_size};
use super::place::{Place, Start, Track};
use super::reader::{JournalReader, Until, segment_of};
use super::replay::{Replay, Segment, Visitor, Walk, Writer, walk};
use super::seal::{Opening, SegmentKey, random};
use super::segment::{self, HEADER_BYTES, SegmentEnd, SegmentHeader};
use super::simulation::SimulatedDisk;
use super::{Batch, BatchVisitor, Journal, Positions, Sequence, Stream};
use crate::DataKeys;
use std::io;
use std::path::{Path, PathBuf};

/// The embedded engine: a folder of preallocated segment files, written by one process at a time.
/// `docs/journal.md` describes the files.
pub struct FileJournal {
    dir: PathBuf,
    disk: Box<dyn Disk>,
    keys: DataKeys,
    segment_bytes: u64,
    opening: Opening,
    positions: Positions,
    /// Of these a sync has returned.
    durable: Positions,
    current: Current,
    /// Frames that are sealed and not yet written. Bounded: see `PENDING_LIMIT`.
    pending: Vec<u8>,
    state: State,
}

/// How a [`FileJournal`] lays out its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Size of a segment in bytes, rounded up to blocks of 4096 and two of them at least. A batch
    /// that needs more gets a segment of its own size.
    pub segment_bytes: u64,
}

impl Default for Settings {
    /// Segments of 64 MiB.
    fn default() -> Settings {
        Settings { segment_bytes: 64 << 20 }
    }
}

impl Settings {
    /// The size as segments have it.
    fn segment_bytes(self) -> u64 {
        self.segment_bytes.max(2 * BLOCK).next_multiple_of(BLOCK)
    }
}

/// The segment being written.
struct Current {
    number: u64,
    bytes: u64,
    key: SegmentKey,
    /// Where the next frame goes. The last of the bytes before may still be in `pending`.
    offset: u64,
    end: SegmentEnd,
    /// Frames that are durable.
    durable_frames: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Durable,
    /// Something was appended since the last sync.
    Appended,
    /// A write or a sync has failed. What the disk holds is unknown, and a later sync may claim
    /// success for pages that the system has already given up: so nothing is ever tried again.
    Failed,
}

impl FileJournal {
    /// Opens the journal in `dir`, which is made when it does not exist, and visits every record
    /// in it, in the order of the appends. The torn end of an interrupted write is overwritten
    /// with zeros and reported in the [`Replay`]. On return all that was visited is durable.
    ///
    /// # Errors
    /// When another process writes to the journal, the disk fails, a data key is missing or
    /// another one, what was durable is damaged, or the visitor rejects a record.
    pub fn open(
        dir: &Path,
        keys: &DataKeys,
        settings: Settings,
        visitor: &mut Visitor<'_>,
    ) -> Result<(FileJournal, Replay), JournalError> {
        FileJournal::open_from(dir, keys, settings, Start::default(), visitor)
    }

    /// As [`FileJournal::open`], from a place on that a snapshot has reached: records before it are
    /// not visited, and segments before it need not exist.
    ///
    /// # Errors
    /// As [`FileJournal::open`], and when the journal begins behind that place or ends before it.
    pub fn open_from(
        dir: &Path,
        keys: &DataKeys,
        settings: Settings,
        start: Start,
        visitor: &mut Visitor<'_>,
    ) -> Result<(FileJournal, Replay), JournalError> {
        let failed = |error| JournalError::Io { doing: "making", path: dir.to_owned(), error };
        create_folder(dir).map_err(failed)?;
        let segment_bytes = settings.segment_bytes();
        let disk = Box::new(Folder::new(dir, segment_bytes));
        FileJournal::open_on(disk, keys, segment_bytes, start, visitor)
    }

    /// As [`FileJournal::open_from`], on a simulated disk.
    ///
    /// # Errors
    /// As [`FileJournal::open_from`].
    pub fn open_simulated(
        disk: &SimulatedDisk,
        keys: &DataKeys,
        settings: Settings,
        start: Start,
        visitor: &mut Visitor<'_>,
    ) -> Result<(FileJournal, Replay), JournalError> {
        let disk = Box::new(disk.session());
        FileJournal::open_on(disk, keys, settings.segment_bytes(), start, visitor)
    }

    fn open_on(
        mut disk: Box<dyn Disk>,
        keys: &DataKeys,
        segment_bytes: u64,
        start: Start,
        visitor: &mut Visitor<'_>,
    ) -> Result<(FileJournal, Replay), JournalError> {
        disk.lock()?;
        let source = disk.source();
        let dir = source.dir();
        let Walk { replay, newest } = walk(&*source, keys, start, Writer::Us, visitor)?;
        if let Some(torn) = &replay.torn {
            let file = torn.file.display();
            tracing::warn!(%file, torn.offset, torn.bytes, "cut the torn end of an interrupted write");
        }
        let current = match newest {
            Some(segment) => resume(&mut *disk, segment)?,
            None => create(&mut *disk, dir, keys, 1, SegmentEnd::default(), segment_bytes)?,
        };
        let journal = FileJournal {
            dir: dir.to_owned(),
            disk,
            keys: keys.clone(),
            segment_bytes,
            opening: random().map_err(|_| JournalError::NoRandom)?,
            positions: replay.positions.clone(),
            durable: replay.positions.clone(),
            current,
            pending: Vec::new(),
            state: State::Durable,
        };
        Ok((journal, replay))
    }

    /// Seals the batch as the next frame, behind those already pending.
    fn push_frame(&mut self, stream: Stream, first: Sequence, batch: &Batch) -> Result<(), JournalError> {
        let size = frame_size(batch.size()) as u64;
        if self.current.offset + size > self.current.bytes {
            self.roll(size)?;
        }
        let current = &mut self.current;
        let header = FrameHeader {
            payload_bytes: u32::try_from(batch.size()).expect("a batch is at most 64 MiB"),
            number: current.end.frames,
            durable_before: current.durable_frames,
            chain: current.end.chain,
            opening: self.opening,
            stream,
            first,
            count: batch.count(),
        };
        let chain = header.seal(&current.key, batch, &mut self.pending);
        current.end = SegmentEnd { frames: header.number + 1, chain };
        current.offset += size;
        if self.pending.len() >= PENDING_LIMIT { self.write_pending() } else { Ok(()) }
    }

    /// Begins a new segment with room for a frame of `frame_bytes`. The old one is synced first:
    /// so only the newest segment can ever have a torn end.
    fn roll(&mut self, frame_bytes: u64) -> Result<(), JournalError> {
        self.write_and_sync()?;
        // A rotation of the data keys takes effect here. Keys that cannot be taken up are no reason
        // to stop answering: those we have are as good as they were.
        match self.keys.reload() {
            Ok(true) => tracing::info!(current = self.keys.current_version(), "took up the data keys"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "the data keys cannot be taken up; sealing goes on as before");
            }
        }
        let bytes = self.segment_bytes.max((HEADER_BYTES as u64 + frame_bytes).next_multiple_of(BLOCK));
        let number = self.current.number + 1;
        self.current = create(&mut *self.disk, &self.dir, &self.keys, number, self.current.end, bytes)?;
        Ok(())
    }

    fn write_and_sync(&mut self) -> Result<(), JournalError> {
        self.write_pending()?;
        self.disk.sync().map_err(|error| self.io("syncing", error))?;
        self.current.durable_frames = self.current.end.frames;
        Ok(())
    }

    fn write_pending(&mut self) -> Result<(), JournalError> {
        let offset = self.current.offset - self.pending.len() as u64;
        self.disk.write_at(&self.pending, offset).map_err(|error| self.io("writing", error))?;
        self.pending.clear();
        Ok(())
    }

    fn io(&self, doing: &'static str, error: io::Error) -> JournalError {
        JournalError::Io { doing, path: segment::path(&self.dir, self.current.number), error }
    }

    /// Notes how an operation has ended that leaves the journal in `state` when it succeeds.
    fn settle(&mut self, result: Result<(), JournalError>, state: State) -> Result<(), JournalError> {
        self.state = if result.is_ok() { state } else { State::Failed };
        result
    }
}

impl Journal for FileJournal {
    fn append(&mut self, stream: Stream, expected: Sequence, batch: &Batch) -> Result<(), AppendError> {
        if self.state == State::Failed {
            return Err(JournalError::Failed.into());
        }
        if batch.size() > Batch::MAX_BYTES {
            return Err(AppendError::TooLarge(batch.size()));
        }
        self.positions.advance(stream, expected, batch.count())?;
        if batch.is_empty() {
            return Ok(());
        }
        let result = self.push_frame(stream, expected, batch);
        Ok(self.settle(result, State::Appended)?)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        match self.state {
            State::Durable => Ok(()),
            State::Failed => Err(JournalError::Failed),
            State::Appended => {
                let result = self.write_and_sync();
                self.settle(result, State::Durable)?;
                self.durable.0.clone_from(&self.positions.0);
                Ok(())
            }
        }
    }

    fn position(&self, stream: Stream) -> Sequence {
        self.positions.next(stream)
    }

    fn read(
        &self,
        stream: Stream,
        from: Sequence,
        visitor: &mut BatchVisitor<'_>,
    ) -> Result<(), JournalError> {
        if from >= self.durable.next(stream) {
            return Ok(());
        }
        let source = self.disk.source();
        let segment = segment_of(&*source, stream, from)?;
        let until = Until::Positions(self.durable.0.clone());
        let place = Place { segment, offset: 0, positions: Vec::new() };
        let track = Track::only(stream, from);
        let mut reader = JournalReader::open_on(source, &self.keys, &place, track, until)?;
        while let Some(frame) = reader.next_of(Some(stream))? {
            if visitor(frame.first, frame.records).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn segment(&self) -> u64 {
        self.current.number
    }
}

/// Goes on in the newest segment.
///
/// Its frames are written again, as they were read, before anything follows them. What was read
/// may come from pages that the disk never got: an earlier process was killed before its sync, or
/// its sync failed, after which the system shows such pages as clean. State is about to be built
/// on them, so they must become durable now. The torn end goes first, so that the block in which the
/// journal goes on is the last that is written.
fn resume(disk: &mut dyn Disk, segment: Segment) -> Result<Current, JournalError> {
    let Segment { number, ref file, ref content, offset, end, .. } = segment;
    let failed = |doing| move |error| JournalError::Io { doing, path: file.clone(), error };
    let torn_end = offset + segment.used_behind();
    // The rest of the block in which the frames end is filled with zeros with them.
    let behind = offset.next_multiple_of(BLOCK as usize);
    disk.open(number).map_err(failed("opening"))?;
    if behind < torn_end {
        disk.write_at(&vec![0; torn_end - behind], behind as u64).map_err(failed("writing"))?;
    }
    disk.write_at(&content[..offset], 0).map_err(failed("writing"))?;
    disk.sync().map_err(failed("syncing"))?;
    let bytes = content.len() as u64;
    Ok(Current { number, bytes, key: segment.key, offset: offset as u64, end, durable_frames: end.frames })
}

/// Begins segment `number` behind one that ends at `previous`.
fn create(
    disk: &mut dyn Disk,
    dir: &Path,
    keys: &DataKeys,
    number: u64,
    previous: SegmentEnd,
    bytes: u64,
) -> Result<Current, JournalError> {
    let (header, key) = SegmentHeader::new(keys, number, previous)?;
    let (block, checksum) = header.encode();
    disk.create(number, bytes, &block[..]).map_err(|error| JournalError::Io {
        doing: "making",
        path: segment::path(dir, number),
        error,
    })?;
    Ok(Current {
        number,
        bytes,
        key,
        offset: HEADER_BYTES as u64,
        end: SegmentEnd { frames: 0, chain: checksum },
        durable_frames: 0,
    })
}

/// Segments are whole blocks, which is what a disk reads and writes.
pub(super) const BLOCK: u64 = 4096;

/// Pending frames beyond this many bytes are written before the sync, so that a burst of large
/// batches does not leave its size in memory for good. An ordinary group stays far below.
const PENDING_LIMIT: usize = 4 << 20;

#[cfg(test)]
mod tests;
