//! The port: what a journal promises, whichever engine keeps it.

mod batch;
mod block_file;
mod check;
mod copy;
mod disk;
mod error;
mod file;
mod frame;
mod lock;
mod memory;
mod place;
mod reader;
mod replay;
mod retire;
mod seal;
mod segment;
mod simulation;

pub(crate) use batch::split_record;
pub use batch::{Batch, Records};
pub use copy::{SegmentCopy, copy_segments};
pub(crate) use disk::create_folder;
pub use error::{AppendError, Damage, JournalError};
pub use file::{FileJournal, Settings};
pub use memory::MemoryJournal;
pub use place::{Place, Start};
pub use reader::{JournalFrame, JournalReader, Until};
pub use replay::{Rejected, Replay, TornTail, Visitor, read_all, read_from};
pub use retire::{Retire, retire_before};
pub use segment::{newest_format, oldest_segment, segment_file, segments};
pub use simulation::SimulatedDisk;

use std::ops::ControlFlow;

/// An append-only sequence of record batches per stream, with one writer.
///
/// The contract, which `tests/port` holds every engine to:
///
/// - The expected sequence of an append fences: a writer that has fallen behind, because another
///   took the stream over, cannot append, and nothing is written.
/// - Batches may be buffered until [`Journal::sync`]; nothing is durable, and nothing can be read,
///   before it has returned. What was appended and not synced survives a crash in part: of each
///   stream a beginning, of the journal any.
/// - Streams are independent of each other, and each keeps the order of its appends. Whether a
///   batch that was appended survives as a whole or not at all is up to the engine: the file
///   engine keeps batches whole.
/// - Every error but [`AppendError::Sequence`], [`AppendError::TooLarge`] and those of
///   [`Journal::read`] is final: what is on disk is then unknown, the engine refuses every append
///   and sync afterwards, and the process must stop answering and start anew from what is there.
pub trait Journal: Send {
    /// Adds the records of `batch` to the end of `stream`. An empty batch only checks the
    /// sequence.
    ///
    /// # Errors
    /// When `expected` is not the next sequence of the stream, the batch is too large, or the
    /// engine has failed.
    fn append(&mut self, stream: Stream, expected: Sequence, batch: &Batch) -> Result<(), AppendError>;

    /// Makes all that was appended durable.
    ///
    /// # Errors
    /// When the engine has failed, now or earlier. Calling again does not try again.
    fn sync(&mut self) -> Result<(), JournalError>;

    /// The sequence that the next append to this stream must expect.
    fn position(&self, stream: Stream) -> Sequence;

    /// Visits the durable records of `stream` at and after `from`, a batch at a time, in order: the
    /// sequence of the first, and the records. A batch that begins before `from` is shown from
    /// there. Ends early when the visitor breaks off.
    ///
    /// # Errors
    /// When records at `from` are no longer kept ([`JournalError::Gone`]), or what is kept cannot
    /// be read. Batches before the place of the error have been visited.
    fn read(
        &self,
        stream: Stream,
        from: Sequence,
        visitor: &mut BatchVisitor<'_>,
    ) -> Result<(), JournalError>;

    /// Number of the part of the journal (of the file engine: the segment) that is being written,
    /// which only grows. An engine that keeps everything in one piece says 1.
    fn segment(&self) -> u64;
}

/// Takes the batches of [`Journal::read`].
pub type BatchVisitor<'a> = dyn FnMut(Sequence, Records<'_>) -> ControlFlow<()> + 'a;

/// One of the independent sequences of a journal: one per shard, and one for provisioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream(pub u16);

/// A place in a stream: the number of records before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The place `count` records further on.
    #[must_use]
    pub fn after(self, count: u32) -> Sequence {
        Sequence(self.0.saturating_add(u64::from(count)))
    }
}

/// The next sequence of each stream, by stream number. A stream never written to is at 0.
#[derive(Clone, Debug, Default)]
struct Positions(Vec<Sequence>);

impl Positions {
    fn next(&self, stream: Stream) -> Sequence {
        self.0.get(usize::from(stream.0)).copied().unwrap_or_default()
    }

    /// Moves a stream on by `count` records, if `expected` is where it stands.
    fn advance(&mut self, stream: Stream, expected: Sequence, count: u32) -> Result<(), AppendError> {
        let next = self.next(stream);
        if expected != next {
            return Err(AppendError::Sequence { stream, expected, next });
        }
        let index = usize::from(stream.0);
        if index >= self.0.len() {
            self.0.resize(index + 1, Sequence(0));
        }
        self.0[index] = next.after(count);
        Ok(())
    }
}
