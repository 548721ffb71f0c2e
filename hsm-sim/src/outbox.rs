//! Where the replies of one connection go: to its socket, at their times.
//!
//! As long as nothing is delayed, whoever computes the replies writes them, those of one read together.
//! The first reply that has to wait brings in a thread that does nothing but wait and write, so that commands
//! behind it are computed meanwhile.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// So many replies wait in the thread, and as many in front of it. When both are full the connection
/// is read no further until one has left.
const WAITING: usize = 1024;

/// The way out of one connection.
pub(crate) struct Outbox {
    stream: TcpStream,
    /// Replies that are due now.
    pub(crate) ready: Vec<u8>,
    out_of_order: bool,
    later: Option<Later>,
}

/// The thread that waits.
struct Later {
    letters: SyncSender<Letter>,
    thread: JoinHandle<()>,
    sequence: u64,
    last_due: Instant,
}

/// What is to be done at a time.
struct Letter {
    due: Instant,
    sequence: u64,
    content: Content,
}

enum Content {
    Reply(Vec<u8>),
    Disconnect,
}

impl Outbox {
    pub(crate) fn new(stream: TcpStream, out_of_order: bool) -> Outbox {
        Outbox { stream, ready: Vec::new(), out_of_order, later: None }
    }

    /// Decides about the reply that `ready` holds from `start` on: `due` is when it shall leave at the earliest,
    /// `None` for now. Returns when it will, as far as that is known.
    pub(crate) fn post(&mut self, start: usize, due: Option<Instant>, now: Instant) -> io::Result<Instant> {
        if self.later.is_none() && due.is_none() {
            return Ok(now);
        }
        let reply = self.ready.split_off(start);
        self.hand_over(Content::Reply(reply), due.unwrap_or(now))
    }

    /// Closes the connection at this time. What is before it still leaves.
    pub(crate) fn disconnect(&mut self, due: Option<Instant>, now: Instant) -> io::Result<Instant> {
        if self.later.is_none() && due.is_none() {
            self.flush()?;
            close(&self.stream);
            return Ok(now);
        }
        self.hand_over(Content::Disconnect, due.unwrap_or(now))
    }

    /// Writes what is due now.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let written = self.stream.write_all(&self.ready);
        self.ready.clear();
        written
    }

    /// Waits until everything has left.
    pub(crate) fn finish(self) {
        if let Some(Later { letters, thread, .. }) = self.later {
            drop(letters);
            // A thread that panicked has written its message, and has no result.
            let _ = thread.join();
        }
    }

    fn hand_over(&mut self, content: Content, due: Instant) -> io::Result<Instant> {
        // What was due before the first delay.
        self.flush()?;
        let later = match &mut self.later {
            Some(later) => later,
            None => self.later.insert(Later::start(&self.stream, due)?),
        };
        let due = if self.out_of_order { due } else { due.max(later.last_due) };
        later.last_due = due;
        later.sequence += 1;
        let letter = Letter { due, sequence: later.sequence, content };
        later.letters.send(letter).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(due)
    }
}

impl Later {
    fn start(stream: &TcpStream, due: Instant) -> io::Result<Later> {
        let stream = stream.try_clone()?;
        let (letters, received) = sync_channel(WAITING);
        let thread = thread::Builder::new().spawn(move || {
            // Whoever reads the connection learns of it by its end.
            if deliver(&stream, &received).is_err() {
                close(&stream);
            }
        })?;
        Ok(Later { letters, thread, sequence: 0, last_due: due })
    }
}

/// Does what comes at its time, until there is no more and nobody to bring more.
fn deliver(mut stream: &TcpStream, letters: &Receiver<Letter>) -> io::Result<()> {
    let mut waiting: BinaryHeap<Reverse<Letter>> = BinaryHeap::new();
    let mut open = true;
    let mut batch = Vec::new();
    loop {
        while waiting.len() < WAITING
            && let Ok(letter) = letters.try_recv()
        {
            waiting.push(Reverse(letter));
        }
        let now = Instant::now();
        while waiting.peek().is_some_and(|Reverse(letter)| letter.due <= now) {
            match waiting.pop().map(|Reverse(letter)| letter.content) {
                Some(Content::Reply(reply)) => batch.extend_from_slice(&reply),
                _ => {
                    stream.write_all(&batch)?;
                    close(stream);
                    return Ok(());
                }
            }
        }
        stream.write_all(&batch)?;
        batch.clear();
        let wait = waiting.peek().map(|Reverse(letter)| letter.due.saturating_duration_since(Instant::now()));
        match wait {
            None if !open => return Ok(()),
            None => match letters.recv() {
                Ok(letter) => waiting.push(Reverse(letter)),
                Err(_) => open = false,
            },
            Some(wait) if !open || waiting.len() >= WAITING => thread::sleep(wait),
            Some(wait) => match letters.recv_timeout(wait) {
                Ok(letter) => waiting.push(Reverse(letter)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            },
        }
    }
}

/// Both directions: the peer sees the end, and whoever reads here does too.
fn close(stream: &TcpStream) {
    // It fails when the peer was first.
    let _ = stream.shutdown(Shutdown::Both);
}

/// The earliest first, of equals the one that came first.
impl Ord for Letter {
    fn cmp(&self, other: &Letter) -> Ordering {
        (self.due, self.sequence).cmp(&(other.due, other.sequence))
    }
}

impl PartialOrd for Letter {
    fn partial_cmp(&self, other: &Letter) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Letter {
    fn eq(&self, other: &Letter) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Letter {}
