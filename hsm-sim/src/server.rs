//! The engine behind TCP: one thread for each connection, messages of a connection computed in order. A
//! connection with delayed replies has a second one, which waits and writes.

use crate::engine::Engine;
use crate::faults::{FaultTable, ReplyFate, is_verification};
use crate::outbox::Outbox;
use crate::statistics::Outcome;
use crate::unit::Unit;
use hsm::framing::FrameError;
use hsm::{CommandCode, ErrorCode, Reply, Request, framing};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tracing::{debug, info, warn};

/// What a server takes from its network.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Length of the message header, echoed unchanged: 1 to 255 on the real unit.
    pub header_length: usize,
    /// How many connections are served at once. One more is closed at once.
    pub max_connections: usize,
    /// A connection that sends nothing for so long, or does not take its replies, is closed.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            header_length: framing::DEFAULT_HEADER_LENGTH,
            max_connections: 64,
            idle_timeout: Duration::from_secs(600),
        }
    }
}

/// Serves connections by a unit without faults until the process ends; see [`serve_unit`].
pub fn serve(listener: &TcpListener, engine: &Arc<Engine>, limits: Limits) -> ! {
    serve_unit(listener, &Arc::new(Unit::new(Arc::clone(engine))), limits)
}

/// Serves connections until the process ends. An error on one connection closes that connection; an
/// error of the listener is logged and accepting goes on.
pub fn serve_unit(listener: &TcpListener, unit: &Arc<Unit>, limits: Limits) -> ! {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        match listener.accept() {
            Ok((stream, peer)) => match Slot::take(&open, limits.max_connections) {
                Some(slot) => {
                    info!(%peer, "connected");
                    let unit = Arc::clone(unit);
                    thread::spawn(move || {
                        let _slot = slot;
                        match converse(stream, &unit, limits) {
                            Ok(()) => info!(%peer, "closed"),
                            Err(error) => warn!(%peer, %error, "connection ended"),
                        }
                    });
                }
                None => warn!(%peer, limit = limits.max_connections, "refused: too many connections"),
            },
            Err(error) => {
                warn!(%error, "accept failed");
                // Out of descriptors, most likely. Without a pause this would spin.
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// One of the connections allowed; free again on drop.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(open: &Arc<AtomicUsize>, limit: usize) -> Option<Slot> {
        // Only the accepting thread counts up, so no other can pass the limit in between.
        if open.load(Ordering::Acquire) >= limit {
            return None;
        }
        open.fetch_add(1, Ordering::AcqRel);
        Some(Slot(Arc::clone(open)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Answers messages until the peer closes, goes silent, or announces one that is too long.
fn converse(mut stream: TcpStream, unit: &Unit, limits: Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(limits.idle_timeout))?;
    stream.set_write_timeout(Some(limits.idle_timeout))?;
    let mut outbox = Outbox::new(stream.try_clone()?, unit.out_of_order);
    let ended = answer_until_end(&mut stream, unit, limits.header_length, &mut outbox);
    // A peer that has said all that it had to say still gets the replies that wait.
    outbox.finish();
    ended
}

fn answer_until_end(
    stream: &mut TcpStream,
    unit: &Unit,
    header_length: usize,
    outbox: &mut Outbox,
) -> io::Result<()> {
    let mut received = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = match stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        received.extend_from_slice(&chunk[..read]);
        let mut batch = Batch { unit, faults: unit.faults(), header_length, outbox, now: Instant::now() };
        let answered = batch.answer_all(&received);
        // What was asked before a message too long is still answered.
        outbox.flush()?;
        match answered? {
            Answered::All(consumed) => drop(received.drain(..consumed)),
            Answered::Disconnected => return Ok(()),
        }
    }
}

/// What one read brought: its commands have the same faults, and their replies are written together.
struct Batch<'a> {
    unit: &'a Unit,
    faults: Arc<FaultTable>,
    header_length: usize,
    outbox: &'a mut Outbox,
    /// The end of one command is the beginning of the next.
    now: Instant,
}

enum Answered {
    /// Every complete message; so many bytes.
    All(usize),
    /// A fault has closed the connection. What came after it is not answered.
    Disconnected,
}

impl Batch<'_> {
    fn answer_all(&mut self, received: &[u8]) -> io::Result<Answered> {
        let mut answered = 0;
        loop {
            let rest = &received[answered..];
            match framing::next_frame(rest, framing::MAX_MESSAGE).map_err(invalid)? {
                Some(frame) => {
                    if self.answer(&rest[frame.body])? == ReplyFate::Disconnected {
                        return Ok(Answered::Disconnected);
                    }
                    answered += frame.consumed;
                }
                None => return Ok(Answered::All(answered)),
            }
        }
    }

    fn answer(&mut self, message: &[u8]) -> io::Result<ReplyFate> {
        let start = self.outbox.ready.len();
        let Some((header, request)) = framing::split_header(message, self.header_length) else {
            // Not even a whole header: what there is of it comes back with an error.
            debug!(bytes = message.len(), "message shorter than its header");
            framing::write_frame(&mut self.outbox.ready, message, |out| {
                Reply::failure(ErrorCode::INPUT).encode(CommandCode::MISSING, out);
            })
            .map_err(invalid)?;
            self.outbox.post(start, None, self.now)?;
            return Ok(ReplyFate::Sent);
        };
        let code = code(request);
        debug!(code = %code, bytes = message.len(), "command");
        let begun = self.now;
        let ready = &mut self.outbox.ready;
        framing::write_frame(ready, header, |out| self.unit.engine.execute(request, out)).map_err(invalid)?;
        self.now = Instant::now();
        let fate = self.unit.fate(&self.faults, code);
        let computed = error_code(&ready[start..], self.header_length);
        let outcome = match wrong_answer(fate.reply, code, computed) {
            Some(error) => {
                ready.truncate(start);
                framing::write_frame(ready, header, |out| refuse(request, code, error, out))
                    .map_err(invalid)?;
                Outcome::Answered(error)
            }
            None => Outcome::Answered(computed),
        };
        let done = self.unit.throttle.admit(self.now);
        let due = match (done, fate.delay) {
            (None, Duration::ZERO) => None,
            (done, delay) => Some(done.unwrap_or(self.now) + delay),
        };
        let (outcome, due) = match fate.reply {
            ReplyFate::Dropped => {
                ready.truncate(start);
                (Outcome::Dropped, self.now)
            }
            ReplyFate::Disconnected => {
                ready.truncate(start);
                (Outcome::Disconnected, self.outbox.disconnect(due, self.now)?)
            }
            _ => (outcome, self.outbox.post(start, due, self.now)?),
        };
        let computing = self.now.saturating_duration_since(begun);
        let replying = due.saturating_duration_since(begun);
        self.unit.statistics().record(code, outcome, computing, replying);
        Ok(fate.reply)
    }
}

/// The error code that a fault puts in place of the one computed.
fn wrong_answer(fate: ReplyFate, code: CommandCode, computed: ErrorCode) -> Option<ErrorCode> {
    match (fate, computed) {
        (ReplyFate::Error(error), _) => Some(error),
        (ReplyFate::Flipped, _) if !is_verification(code) => None,
        (ReplyFate::Flipped, ErrorCode::NONE) => Some(ErrorCode::VERIFICATION_FAILED),
        (ReplyFate::Flipped, ErrorCode::VERIFICATION_FAILED) => Some(ErrorCode::NONE),
        _ => None,
    }
}

/// Answers with this code and nothing else but the trailer.
fn refuse(request: &[u8], code: CommandCode, error: ErrorCode, out: &mut Vec<u8>) {
    Reply::failure(error).encode(code, out);
    if let Ok(Request { trailer: Some(trailer), .. }) = Request::parse(request) {
        out.push(Request::END_OF_MEDIUM);
        out.extend_from_slice(trailer);
    }
}

/// The error code of a reply with its length and header: two characters after the reply code.
fn error_code(frame: &[u8], header_length: usize) -> ErrorCode {
    let at = 2 + header_length + 2;
    frame.get(at..at + 2).and_then(|code| code.try_into().ok()).map_or(ErrorCode::INTERNAL, ErrorCode::new)
}

fn invalid(error: FrameError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The command code for the log; nothing else of a message may stand there.
fn code(request: &[u8]) -> CommandCode {
    request.first_chunk().copied().map_or(CommandCode::MISSING, CommandCode::new)
}
