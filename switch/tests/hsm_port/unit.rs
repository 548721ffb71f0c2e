//! Units of our own making, which answer late, out of order, twice, wrongly or not at all.

use crate::bench::RIGHT_CVV;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How a unit of ours treats the commands of one connection, after the health check.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// Answers each at once.
    Prompt,
    /// Waits for this many, then answers the last one first.
    Backwards(usize),
    /// Answers none.
    Silent,
    /// Closes the connection at the first command.
    Dying,
    /// Answers the second of each pair only.
    Forgetful,
    /// Answers with what is no reply.
    Babbling,
    /// Answers with another header first, then as it should.
    Mumbling,
    /// Answers one after the other, each this many milliseconds after it began with it.
    Late(u64),
    /// Answers commands, and health checks but for the first with an error.
    Sick,
    /// Answers commands, and of the health checks only the first.
    Mute,
}

/// What `NC` is answered: an LMK check value and a firmware version of our own.
const DIAGNOSIS: &[u8] = b"ND0026860400000000009999-1234";

/// The same of a unit under another LMK.
pub(crate) const OTHER_DIAGNOSIS: &[u8] = b"ND0012345600000000009999-1234";

/// A unit of ours, and what it has seen.
pub(crate) struct Unit {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

/// What a unit has seen.
#[derive(Default)]
pub(crate) struct Seen {
    connections: AtomicUsize,
    checks: AtomicUsize,
    codes: Mutex<Vec<String>>,
}

impl Unit {
    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Health checks so far, those of new connections included.
    pub(crate) fn health_checks(&self) -> usize {
        self.seen.checks.load(Ordering::SeqCst)
    }

    /// Commands so far, but for health checks.
    pub(crate) fn commands(&self) -> usize {
        self.seen.codes.lock().unwrap().len()
    }

    /// Their codes, in the order they came.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.seen.codes.lock().unwrap().clone()
    }
}

/// Starts a unit. Each connection takes the next manner; the last one stays.
pub(crate) fn unit(manners: &'static [Manner]) -> Unit {
    unit_that_says(DIAGNOSIS, manners)
}

/// Starts a unit that answers `NC` so.
pub(crate) fn unit_that_says(diagnosis: &'static [u8], manners: &'static [Manner]) -> Unit {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let unit = Unit { address: listener.local_addr().unwrap(), seen: Arc::default() };
    let seen = Arc::clone(&unit.seen);
    thread::spawn(move || {
        for stream in listener.incoming().take(64) {
            let index = seen.connections.fetch_add(1, Ordering::SeqCst);
            let manner = manners[index.min(manners.len() - 1)];
            let seen = Arc::clone(&seen);
            thread::spawn(move || serve(stream.unwrap(), diagnosis, manner, &seen));
        }
    });
    unit
}

fn serve(mut stream: TcpStream, diagnosis: &[u8], manner: Manner, seen: &Seen) {
    let mut held: Vec<([u8; 4], Vec<u8>)> = Vec::new();
    let (mut checks, mut count) = (0, 0);
    while let Some((header, command)) = receive(&mut stream) {
        if command.starts_with(b"NC") {
            seen.checks.fetch_add(1, Ordering::SeqCst);
            checks += 1;
            match manner {
                Manner::Sick if checks > 1 => send(&mut stream, header, b"ND13"),
                Manner::Mute if checks > 1 => {}
                _ => send(&mut stream, header, diagnosis),
            }
            continue;
        }
        seen.codes.lock().unwrap().push(String::from_utf8_lossy(&command[..2]).into_owned());
        count += 1;
        let reply = judge(&command);
        match manner {
            Manner::Prompt | Manner::Sick | Manner::Mute => send(&mut stream, header, &reply),
            Manner::Backwards(size) => {
                held.push((header, reply));
                if held.len() == size {
                    held.drain(..).rev().for_each(|(header, reply)| send(&mut stream, header, &reply));
                }
            }
            Manner::Silent => {}
            Manner::Dying => return,
            Manner::Forgetful if count % 2 == 1 => {}
            Manner::Forgetful => send(&mut stream, header, &reply),
            Manner::Babbling => send(&mut stream, header, b"QQ00"),
            Manner::Mumbling => {
                send(&mut stream, *b"zzzz", b"CZ00");
                send(&mut stream, header, &reply);
                send(&mut stream, header, b"CZ00");
            }
            Manner::Late(milliseconds) => {
                thread::sleep(Duration::from_millis(milliseconds));
                send(&mut stream, header, &reply);
            }
        }
    }
}

/// 00 for the value 561, else 01; the value follows command code and key field. Every other command
/// is refused.
fn judge(command: &[u8]) -> Vec<u8> {
    if !command.starts_with(b"CYU") {
        return vec![command[0], command[1] + 1, b'6', b'8'];
    }
    if &command[35..38] == RIGHT_CVV { b"CZ00".to_vec() } else { b"CZ01".to_vec() }
}

fn receive(stream: &mut TcpStream) -> Option<([u8; 4], Vec<u8>)> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    let command = message.split_off(4);
    Some((message.try_into().unwrap(), command))
}

/// The other side may be gone, which is none of the unit's business.
fn send(stream: &mut TcpStream, header: [u8; 4], reply: &[u8]) {
    let mut message = ((reply.len() + 4) as u16).to_be_bytes().to_vec();
    message.extend_from_slice(&header);
    message.extend_from_slice(reply);
    let _ = stream.write_all(&message);
}
