use crate::tally::Moments;
use crate::wallet::Purchase;
use card::{Currency, ResponseCode, Rrn, Stan, Time};
use iso8583::framing::Framing;
use iso8583::{Dialect, EncodeError};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;
use terminal::{Intent, Pos, PosResponse, Trace};

/// One TLS connection that speaks for one terminal, with the requests that wait on it.
///
/// The socket does not block: reading and writing share the TLS session, so one thread does both, for as
/// many connections as it is given, and sleeps in `poll` between.
pub(crate) struct Connection {
    socket: TcpStream,
    tls: ClientConnection,
    pos: Pos,
    /// Requests in flight by STAN.
    waiting: BTreeMap<Stan, Waiting>,
    window: usize,
    next_stan: u32,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    /// Why the connection is no more.
    lost: Option<String>,
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) index: u64,
    pub(crate) moments: Moments,
    pub(crate) card: usize,
}

/// How to reach the switch.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) address: SocketAddr,
    pub(crate) server_name: ServerName<'static>,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) dialect: &'static Dialect,
    pub(crate) currency: Currency,
    /// Unanswered requests per connection.
    pub(crate) window: usize,
    /// How long connecting and the first echo may take.
    pub(crate) deadline: Duration,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// TCP, TLS or the certificate.
    Io(io::Error),
    /// The echo (0800) was not answered with 00.
    Echo(String),
}

impl Connection {
    /// Connects, and has an echo (0800) answered: with TLS 1.3 a refused certificate shows only then, and
    /// so does a wrong dialect.
    pub(crate) fn open(
        route: &Route,
        terminal: &str,
        first_stan: u32,
        now: Time,
    ) -> Result<Connection, ConnectError> {
        let socket = TcpStream::connect_timeout(&route.address, route.deadline)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(route.deadline))?;
        socket.set_write_timeout(Some(route.deadline))?;
        let tls = ClientConnection::new(Arc::clone(&route.tls), route.server_name.clone())
            .map_err(io::Error::other)?;
        let mut connection = Connection {
            socket,
            tls,
            pos: Pos::new(route.dialect, terminal.as_bytes(), route.currency),
            waiting: BTreeMap::new(),
            window: route.window,
            next_stan: first_stan,
            outgoing: Vec::with_capacity(BUFFER),
            incoming: Vec::with_capacity(BUFFER),
            lost: None,
        };
        connection.echo(now)?;
        connection.socket.set_nonblocking(true)?;
        // What is in flight is bounded by the window, and so is what may wait here to be written.
        connection.tls.set_buffer_limit(None);
        Ok(connection)
    }

    /// Whether one more request may be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.lost.is_none() && self.waiting.len() < self.window
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.lost.is_some() || self.waiting.is_empty()
    }

    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Writes a purchase to the buffer and notes that it waits; [`flush`](Connection::flush) sends.
    ///
    /// # Errors
    /// When the message does not fit the dialect.
    pub(crate) fn send(&mut self, purchase: &Purchase, waiting: Waiting) -> Result<(), EncodeError> {
        let trace = self.trace(purchase.time);
        let message =
            self.pos.purchase(Intent::Post, purchase.amount_minor, &purchase.presentment, &trace)?;
        self.write_frame(&message);
        self.waiting.insert(trace.stan, waiting);
        Ok(())
    }

    /// Hands the buffer to TLS and TLS to the socket, as far as that takes it.
    pub(crate) fn flush(&mut self) {
        if self.lost.is_some() {
            return;
        }
        if let Err(error) = self.try_flush() {
            self.lose(&error);
        }
    }

    fn try_flush(&mut self) -> io::Result<()> {
        if !self.outgoing.is_empty() {
            self.tls.writer().write_all(&self.outgoing)?;
            self.outgoing.clear();
        }
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether the socket was too full to take everything.
    pub(crate) fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    /// Reads what has come and gives each answer with its request, or with `None` when none waits for it.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(&PosResponse, Option<Waiting>)) {
        if self.lost.is_some() {
            return;
        }
        let read = self.read();
        // Answers that came before the end are answers all the same.
        let taken = self.take_answers(&mut take);
        if let Err(error) = read.and(taken) {
            self.lose(&error);
        }
    }

    fn read(&mut self) -> io::Result<()> {
        loop {
            match self.tls.read_tls(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            let state = self.tls.process_new_packets().map_err(io::Error::other)?;
            let start = self.incoming.len();
            self.incoming.resize(start + state.plaintext_bytes_to_read(), 0);
            self.tls.reader().read_exact(&mut self.incoming[start..])?;
        }
    }

    fn take_answers(&mut self, take: &mut impl FnMut(&PosResponse, Option<Waiting>)) -> io::Result<()> {
        let mut start = 0;
        while let Some(frame) =
            Framing::TWO_BYTES.next_frame(&self.incoming[start..], MAX_FRAME).map_err(invalid)?
        {
            let body = &self.incoming[start + frame.body.start..start + frame.body.end];
            start += frame.consumed;
            if body.is_empty() {
                continue;
            }
            let answer = PosResponse::parse(body, self.pos.dialect).map_err(invalid)?;
            let waiting = answer.stan.and_then(|stan| self.waiting.remove(&stan));
            take(&answer, waiting);
        }
        self.incoming.drain(..start);
        Ok(())
    }

    /// Takes out the requests sent before this moment.
    pub(crate) fn take_overdue(&mut self, before: Duration) -> impl Iterator<Item = Waiting> {
        self.waiting
            .extract_if(.., move |_, waiting| waiting.moments.sent < before)
            .map(|(_, waiting)| waiting)
    }

    /// Takes out everything in flight.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Waiting> + use<> {
        std::mem::take(&mut self.waiting).into_values()
    }

    /// Says goodbye as TLS has it, so that the switch need not take the end for an attack.
    pub(crate) fn close(&mut self) {
        self.tls.send_close_notify();
        self.flush();
    }

    fn lose(&mut self, error: &io::Error) {
        self.lost = Some(format!("{}: {error}", self.pos.terminal));
    }

    fn echo(&mut self, now: Time) -> Result<(), ConnectError> {
        let trace = self.trace(now);
        let failed = |error: &dyn fmt::Display| ConnectError::Echo(error.to_string());
        let message = self.pos.network(301, &trace).map_err(|error| failed(&error))?;
        self.write_frame(&message);
        self.tls.writer().write_all(&self.outgoing)?;
        self.outgoing.clear();
        let mut stream = rustls::Stream::new(&mut self.tls, &mut self.socket);
        stream.flush()?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut body)?;
        let answer = PosResponse::parse(&body, self.pos.dialect).map_err(|error| failed(&error))?;
        if answer.code == ResponseCode::APPROVED {
            return Ok(());
        }
        Err(failed(&format!("the echo was answered {}", answer.code)))
    }

    fn write_frame(&mut self, message: &[u8]) {
        let start = Framing::TWO_BYTES.begin(&mut self.outgoing);
        self.outgoing.extend_from_slice(message);
        Framing::TWO_BYTES.finish(&mut self.outgoing, start).expect("a purchase is shorter than 64 KiB");
    }

    /// The next STAN of this terminal (from 000001), and an RRN of day, hour and STAN.
    fn trace(&mut self, time: Time) -> Trace {
        let stan = Stan::new(self.next_stan % STANS).expect("the remainder has six digits");
        self.next_stan = (self.next_stan + 1) % STANS;
        let day_and_hour = time.month_day_time(card::UtcOffset::default());
        let rrn = [&day_and_hour[..6], stan.to_string().as_bytes()].concat();
        Trace { stan, rrn: Rrn::parse(&rrn).expect("twelve digits are an RRN"), time }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn invalid(error: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

const BUFFER: usize = 64 * 1024;

/// Longest answer taken.
const MAX_FRAME: usize = 4096;

const STANS: u32 = 1_000_000;

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> ConnectError {
        ConnectError::Io(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Io(error) => write!(f, "{error}"),
            ConnectError::Echo(reason) => write!(f, "{reason}"),
        }
    }
}

impl std::error::Error for ConnectError {}
