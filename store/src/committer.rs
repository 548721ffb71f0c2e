use crate::{AppendError, Batch, Journal, Sequence, Stream};
use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// The thread that owns the journal: it takes all batches that wait, appends them, syncs once, and
/// then says how far each stream is durable. There is no timer: an idle system commits a batch at
/// once, and in a busy one the groups grow by themselves while the disk syncs.
///
/// The first error is the last thing it does. It tells `on_failure`, acknowledges nothing more and
/// refuses what is submitted; the process must then stop answering.
pub struct Committer {
    handle: CommitHandle,
    thread: JoinHandle<Result<(), CommitterFailed>>,
}

/// Where a shard submits its batches. Clones share one queue.
#[derive(Clone)]
pub struct CommitHandle {
    submissions: Sender<Message>,
    durable: Arc<Durable>,
    empty: Arc<ArrayQueue<Batch>>,
}

/// How far each stream is durable.
pub struct Durable {
    positions: Box<[CachePadded<AtomicU64>]>,
    segment: CachePadded<AtomicU64>,
}

/// Why a batch was not taken, with the batch.
#[derive(Debug)]
pub enum Refused {
    /// The queue is full: shed load, or submit again later.
    Full(Batch),
    /// The committer has failed or was shut down.
    Stopped(Batch),
    /// The committer was not started for this stream.
    UnknownStream(Batch),
}

/// The committer has failed; `on_failure` was told why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitterFailed;

impl Committer {
    /// Starts the thread for streams 0 to `streams` - 1, with a queue of `capacity` batches, which
    /// is also the largest group.
    ///
    /// `on_durable` runs on the thread after each sync, once for every stream that has moved, with
    /// its new position: it wakes the stream's shard, and must not block. `on_failure` runs there
    /// at most once.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        journal: Box<dyn Journal>,
        streams: u16,
        capacity: usize,
        on_durable: Arc<dyn Fn(Stream, Sequence) + Send + Sync>,
        on_failure: impl FnOnce(AppendError) + Send + 'static,
    ) -> io::Result<Committer> {
        let capacity = capacity.max(1);
        let (submissions, waiting) = bounded(capacity);
        let durable = Arc::new(Durable::new(&*journal, streams));
        let empty = Arc::new(ArrayQueue::new(capacity));
        let mut worker = Worker {
            journal,
            waiting,
            group: Vec::with_capacity(capacity),
            capacity,
            durable: Arc::clone(&durable),
            empty: Arc::clone(&empty),
            on_durable,
        };
        let run = move || {
            worker.run().map_err(|error| {
                tracing::error!(%error, "the journal has failed");
                on_failure(error);
                CommitterFailed
            })
        };
        let thread = thread::Builder::new().name("journal".into()).spawn(run)?;
        Ok(Committer { handle: CommitHandle { submissions, durable, empty }, thread })
    }

    /// A place to submit to.
    #[must_use]
    pub fn handle(&self) -> CommitHandle {
        self.handle.clone()
    }

    /// Makes all that was submitted before durable, closes the journal and ends the thread.
    ///
    /// # Errors
    /// When the committer has failed, now or earlier.
    pub fn shutdown(self) -> Result<(), CommitterFailed> {
        // A failed thread has left, and its answer tells so.
        let _ = self.handle.submissions.send(Message::Stop);
        self.thread.join().unwrap_or(Err(CommitterFailed))
    }
}

impl CommitHandle {
    /// Hands a batch over to be appended to `stream`, which must then stand at `expected`. Never
    /// blocks. Batches of one stream must be submitted in their order by one thread.
    ///
    /// # Errors
    /// When the queue is full or the committer has stopped: the batch comes back.
    pub fn submit(&self, stream: Stream, expected: Sequence, batch: Batch) -> Result<(), Refused> {
        if usize::from(stream.0) >= self.durable.positions.len() {
            return Err(Refused::UnknownStream(batch));
        }
        let submission = Submission { stream, expected, batch };
        self.submissions.try_send(Message::Append(submission)).map_err(|error| match error {
            TrySendError::Full(message) => Refused::Full(message.into_batch()),
            TrySendError::Disconnected(message) => Refused::Stopped(message.into_batch()),
        })
    }

    /// An empty batch, with the buffer of a committed one where there is such.
    #[must_use]
    pub fn batch(&self) -> Batch {
        self.empty.pop().unwrap_or_default()
    }

    /// How far the streams are durable.
    #[must_use]
    pub fn durable(&self) -> &Arc<Durable> {
        &self.durable
    }
}

impl Durable {
    fn new(journal: &dyn Journal, streams: u16) -> Durable {
        let padded = |value| CachePadded::new(AtomicU64::new(value));
        let position = |stream| padded(journal.position(Stream(stream)).0);
        Durable { positions: (0..streams).map(position).collect(), segment: padded(journal.segment()) }
    }

    /// Every record of `stream` before this place is on disk.
    ///
    /// # Panics
    /// When the committer was not started for this stream.
    #[must_use]
    pub fn position(&self, stream: Stream) -> Sequence {
        self.of(stream).expect("the committer was started for this stream")
    }

    /// The number of the segment that is being written, or was a moment ago.
    ///
    /// Who reads this first, and then where a stream stands, by [`Durable::position`] or by what
    /// its shard has submitted, knows: every record of the stream from that place on lies in this
    /// segment or in a later one. With both a snapshot says where its replay begins
    /// ([`crate::Start`]).
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.segment.load(Ordering::Acquire)
    }

    /// As [`Durable::position`]; `None` when the committer was not started for this stream.
    pub(crate) fn of(&self, stream: Stream) -> Option<Sequence> {
        let position = self.positions.get(usize::from(stream.0))?;
        Some(Sequence(position.load(Ordering::Acquire)))
    }

    /// Returns whether the stream has moved.
    fn publish(&self, stream: Stream, position: Sequence) -> bool {
        self.positions[usize::from(stream.0)].swap(position.0, Ordering::AcqRel) != position.0
    }
}

struct Worker {
    journal: Box<dyn Journal>,
    waiting: Receiver<Message>,
    group: Vec<Submission>,
    capacity: usize,
    durable: Arc<Durable>,
    empty: Arc<ArrayQueue<Batch>>,
    on_durable: Arc<dyn Fn(Stream, Sequence) + Send + Sync>,
}

struct Submission {
    stream: Stream,
    expected: Sequence,
    batch: Batch,
}

enum Message {
    Append(Submission),
    Stop,
}

impl Worker {
    fn run(&mut self) -> Result<(), AppendError> {
        let mut stopping = false;
        while !stopping {
            // Every handle gone is a stop, too.
            let Ok(first) = self.waiting.recv() else { break };
            stopping = self.take_group(first);
            if !self.group.is_empty() {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Takes all that waits. Returns whether to stop afterwards.
    fn take_group(&mut self, first: Message) -> bool {
        let all = std::iter::once(first).chain(self.waiting.try_iter()).take(self.capacity);
        for message in all {
            match message {
                Message::Append(submission) => self.group.push(submission),
                Message::Stop => return true,
            }
        }
        false
    }

    fn commit(&mut self) -> Result<(), AppendError> {
        for Submission { stream, expected, batch } in &self.group {
            self.journal.append(*stream, *expected, batch)?;
        }
        self.journal.sync()?;
        self.publish();
        for Submission { mut batch, .. } in self.group.drain(..) {
            batch.clear();
            // More buffers than the queue holds are in nobody's hands for long: let them go.
            let _ = self.empty.push(batch);
        }
        Ok(())
    }

    /// A stream with several batches in the group is published once: by its position, which is
    /// already behind the last of them.
    fn publish(&self) {
        for Submission { stream, .. } in &self.group {
            let position = self.journal.position(*stream);
            if self.durable.publish(*stream, position) {
                (self.on_durable)(*stream, position);
            }
        }
        // Behind the positions: who sees the new segment must not see a position that lies in the
        // one before it.
        self.durable.segment.store(self.journal.segment(), Ordering::Release);
    }
}

impl Message {
    fn into_batch(self) -> Batch {
        match self {
            Message::Append(submission) => submission.batch,
            Message::Stop => Batch::new(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Full(_) => "the queue of the journal is full",
            Refused::Stopped(_) => "the journal has stopped",
            Refused::UnknownStream(_) => "the committer was not started for this stream",
        })
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for CommitterFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the journal has failed; nothing after its last durable position is acknowledged")
    }
}

impl std::error::Error for CommitterFailed {}

#[cfg(test)]
mod tests;
