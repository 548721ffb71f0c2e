//! A receiver of webhooks for the demo and for tests: takes what is posted, keeps it, and answers what it is told to.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Connections at the same time.
const CONNECTIONS: usize = 64;

/// Requests that are kept.
const KEPT: usize = 200_000;

/// Longest request.
const REQUEST_BYTES: usize = 4 << 20;

/// How often a connection looks whether the receiver ends.
const LOOK: Duration = Duration::from_millis(50);

/// A receiver that listens on loopback. Dropped, it ends.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// One request that came, and what it was answered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The header `turnout-signature`; empty when it was not there.
    pub signature: String,
    /// The body.
    pub body: Vec<u8>,
    /// Status of the answer.
    pub status: u16,
}

/// What is answered to a body: a status. May take its time.
type Answer = Box<dyn Fn(&[u8]) -> u16 + Send + Sync>;

struct Shared {
    answer: Answer,
    deliveries: Mutex<Vec<Delivery>>,
    connections: AtomicUsize,
    is_ending: AtomicBool,
}

impl Receiver {
    /// Listens on this port of loopback, 0 for any, and answers what `answer` says.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(port: u16, answer: impl Fn(&[u8]) -> u16 + Send + Sync + 'static) -> io::Result<Receiver> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            deliveries: Mutex::default(),
            connections: AtomicUsize::new(0),
            is_ending: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("receiver".to_owned());
        let thread = Some(thread.spawn(move || accept(&listener, &accepting))?);
        Ok(Receiver { address, shared, thread })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has come so far, in the order of the answers.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.deliveries().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.end();
    }
}

impl Receiver {
    /// Ends, and gives everything that has come.
    #[must_use]
    pub fn stop(mut self) -> Vec<Delivery> {
        self.end();
        self.deliveries()
    }

    fn end(&mut self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
        // Wakes it from waiting for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn deliveries(&self) -> MutexGuard<'_, Vec<Delivery>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming().flatten() {
        if shared.is_ending.load(Ordering::Relaxed) {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        if shared.connections.load(Ordering::Relaxed) >= CONNECTIONS {
            continue;
        }
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || {
            let _ = converse(stream, &shared);
            shared.connections.fetch_sub(1, Ordering::Relaxed);
        }));
    }
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

/// Answers requests until the peer or the receiver ends.
fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    let mut part = vec![0; 64 << 10];
    loop {
        while let Some((head, length)) = request(&received)? {
            let signature = header(&received[..head], "turnout-signature");
            let body = received[head..head + length].to_vec();
            received.drain(..head + length);
            let status = (shared.answer)(&body);
            let mut deliveries = shared.deliveries();
            if deliveries.len() < KEPT {
                deliveries.push(Delivery { signature, body, status });
            }
            drop(deliveries);
            write!(stream, "HTTP/1.1 {status} Said So\r\ncontent-length: 0\r\n\r\n")?;
        }
        match stream.read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(count) => received.extend_from_slice(&part[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
        if shared.is_ending.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
}

/// Sizes of the head and the body of a request that is there whole.
fn request(received: &[u8]) -> io::Result<Option<(usize, usize)>> {
    if received.len() > REQUEST_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let Some(head) = received.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let length = header(&received[..head], "content-length").parse().unwrap_or(0);
    Ok((received.len() >= head + length).then_some((head, length)))
}

/// The value of a header of this name; empty when it is not there.
fn header(head: &[u8], name: &str) -> String {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let value =
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned());
    value.unwrap_or_default()
}
