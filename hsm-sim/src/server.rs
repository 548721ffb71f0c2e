//! The engine behind TCP: one thread for each connection, messages of a connection answered in order.

use crate::engine::Engine;
use hsm::{CommandCode, ErrorCode, Reply, framing};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
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

/// Serves connections until the process ends. An error on one connection closes that connection; an
/// error of the listener is logged and accepting goes on.
pub fn serve(listener: &TcpListener, engine: &Arc<Engine>, limits: Limits) -> ! {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        match listener.accept() {
            Ok((stream, peer)) => match Slot::take(&open, limits.max_connections) {
                Some(slot) => {
                    info!(%peer, "connected");
                    let engine = Arc::clone(engine);
                    thread::spawn(move || {
                        let _slot = slot;
                        match converse(stream, &engine, limits) {
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
fn converse(mut stream: TcpStream, engine: &Engine, limits: Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(limits.idle_timeout))?;
    stream.set_write_timeout(Some(limits.idle_timeout))?;
    let mut received = Vec::new();
    let mut replies = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = match stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        received.extend_from_slice(&chunk[..read]);
        let answered = answer_all(&received, engine, limits.header_length, &mut replies);
        // What was asked before a message too long is still answered.
        stream.write_all(&replies)?;
        replies.clear();
        received.drain(..answered?);
    }
}

/// Answers every complete message and says how many bytes they took.
fn answer_all(
    received: &[u8],
    engine: &Engine,
    header_length: usize,
    replies: &mut Vec<u8>,
) -> io::Result<usize> {
    let mut answered = 0;
    loop {
        let rest = &received[answered..];
        match framing::next_frame(rest, framing::MAX_MESSAGE) {
            Ok(Some(frame)) => {
                answer(&rest[frame.body], engine, header_length, replies)?;
                answered += frame.consumed;
            }
            Ok(None) => return Ok(answered),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}

fn answer(message: &[u8], engine: &Engine, header_length: usize, replies: &mut Vec<u8>) -> io::Result<()> {
    let written = match framing::split_header(message, header_length) {
        Some((header, request)) => {
            debug!(code = %code(request), bytes = message.len(), "command");
            framing::write_frame(replies, header, |out| engine.execute(request, out))
        }
        // Not even a whole header: what there is of it comes back with an error.
        None => {
            debug!(bytes = message.len(), "message shorter than its header");
            framing::write_frame(replies, message, |out| {
                Reply::failure(ErrorCode::INPUT).encode(CommandCode::MISSING, out);
            })
        }
    };
    written.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The command code for the log; nothing else of a message may stand there.
fn code(request: &[u8]) -> CommandCode {
    request.first_chunk().copied().map_or(CommandCode::MISSING, CommandCode::new)
}
