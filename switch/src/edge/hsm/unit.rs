//! One connection to a payShield unit, kept up for as long as the port lives. Commands are pipelined:
//! many are under way at once, and the message header, which the unit echoes, tells their replies
//! apart, in whatever order they come.
//!
//! A connection counts as dead when it closes, sends what is not the protocol, or lets a deadline pass
//! without having said anything since. Its unanswered commands go to another connection, once, if
//! their time is not up. That is safe because all of them are verifications, which change nothing in
//! the HSM: asked twice, they are answered alike.

use super::exchange::{Exchange, Sent};
use super::pay_shield::{Errand, Pool};
use bytes::BytesMut;
use hsm::{Command, CommandCode, Reply, ReplyBody, framing};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, sleep_until, timeout};

/// Pause before the first new try to connect. It doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Room made for each read.
const READ_BYTES: usize = 16 * 1024;

/// Bytes that may wait to be written; with more, no further command is taken.
const WRITE_BYTES: usize = 64 * 1024;

/// Commands taken from the queue in one go.
const BATCH: usize = 64;

/// One connection and where it belongs.
pub(super) struct Unit {
    /// Its number in the pool.
    pub(super) index: usize,
    pub(super) address: SocketAddr,
    pub(super) header_length: usize,
    pub(super) deadline: Duration,
    pub(super) pool: Arc<Pool>,
}

type Errands = mpsc::Receiver<Errand>;
type Stopping = watch::Receiver<()>;

impl Unit {
    /// Connects, serves and connects anew until the port is dropped.
    pub(super) async fn serve(self, mut errands: Errands, mut stopping: Stopping) {
        let mut pause = FIRST_PAUSE;
        loop {
            let connecting = tokio::select! {
                stream = self.connect() => stream,
                () = self.turn_away(&mut errands) => return,
                _ = stopping.changed() => return self.close(&mut errands),
            };
            let error = match connecting {
                Ok(stream) => {
                    pause = FIRST_PAUSE;
                    match Connection::new(&self, stream).run(&mut errands, &mut stopping).await {
                        Ok(()) => return self.close(&mut errands),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            tracing::warn!(unit = %self.address, %error, retry_in = ?pause, "HSM not connected");
            tokio::select! {
                () = sleep(pause) => {}
                () = self.turn_away(&mut errands) => return,
                _ = stopping.changed() => return self.close(&mut errands),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Connects and asks who is there (`NC`): a unit that accepts connections and answers nothing is
    /// not put to work.
    async fn connect(&self) -> io::Result<TcpStream> {
        let health = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.diagnose(&mut stream).await?;
            Ok(stream)
        };
        timeout(self.deadline, health).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    async fn diagnose(&self, stream: &mut TcpStream) -> io::Result<()> {
        let header = vec![b'0'; self.header_length];
        let mut request = Vec::new();
        framing::write_frame(&mut request, &header, |out| Command::Diagnostics.encode(out))
            .map_err(invalid)?;
        stream.write_all(&request).await?;
        let mut received = BytesMut::new();
        let frame = loop {
            if let Some(frame) = framing::next_frame(&received, framing::MAX_MESSAGE).map_err(invalid)? {
                break frame;
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let echoed = framing::split_header(&received[frame.body], self.header_length);
        let Some((_, reply)) = echoed.filter(|(echo, _)| *echo == header) else {
            return Err(invalid("the message header was not echoed; is header_length that of the unit?"));
        };
        let reply = Reply::parse(Command::Diagnostics.code(), reply).map_err(invalid)?;
        let ReplyBody::Diagnostics { lmk_check_value, firmware } = reply.body else {
            return Err(invalid(reply.error.to_string()));
        };
        tracing::info!(
            unit = %self.address, firmware = %firmware.escape_ascii(),
            lmk_check_value = %lmk_check_value.escape_ascii(), "HSM connected"
        );
        Ok(())
    }

    /// Sends on errands that arrive while there is no connection: one may have been on its way in when
    /// it broke. Ends when no more can come.
    async fn turn_away(&self, errands: &mut Errands) {
        while let Some(errand) = errands.recv().await {
            self.pass_on(errand);
        }
    }

    /// An errand that was not sent. Another connection may still do it.
    fn pass_on(&self, errand: Errand) {
        self.pool.relieve(self.index);
        self.pool.place(errand, Some(self.index));
    }

    /// The end: what is left in the queue fails.
    fn close(&self, errands: &mut Errands) {
        errands.close();
        while let Ok(errand) = errands.try_recv() {
            self.pool.relieve(self.index);
            self.pool.fail(&errand, "stopping", Duration::ZERO);
        }
    }
}

/// A connection while it lasts.
struct Connection<'a> {
    unit: &'a Unit,
    stream: TcpStream,
    exchange: Exchange,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// The command being written.
    frame: Vec<u8>,
    /// When the unit last said anything.
    heard: Instant,
}

impl<'a> Connection<'a> {
    fn new(unit: &'a Unit, stream: TcpStream) -> Connection<'a> {
        Connection {
            unit,
            stream,
            exchange: Exchange::new(unit.header_length),
            incoming: BytesMut::with_capacity(READ_BYTES),
            outgoing: BytesMut::with_capacity(READ_BYTES),
            frame: Vec::new(),
            heard: Instant::now(),
        }
    }

    /// Serves until the connection dies, which is the error, or until the port was dropped and all
    /// that was under way is answered.
    async fn run(mut self, errands: &mut Errands, stopping: &mut Stopping) -> io::Result<()> {
        self.unit.pool.set_connected(self.unit.index, true);
        let ended = self.converse(errands, stopping).await;
        // Closed for new errands first, or this connection could be chosen again.
        self.unit.pool.set_connected(self.unit.index, false);
        self.fail_over();
        ended
    }

    async fn converse(&mut self, errands: &mut Errands, stopping: &mut Stopping) -> io::Result<()> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut open = true;
        loop {
            if !open && self.exchange.is_empty() && errands.is_empty() {
                return Ok(());
            }
            self.incoming.reserve(READ_BYTES);
            let room = if self.outgoing.len() < WRITE_BYTES { self.exchange.room().min(BATCH) } else { 0 };
            let deadline = self.exchange.next_deadline();
            let (mut reading, mut writing) = self.stream.split();
            tokio::select! {
                read = reading.read_buf(&mut self.incoming) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.heard = Instant::now();
                    self.take_replies()?;
                }
                written = writing.write_buf(&mut self.outgoing), if !self.outgoing.is_empty() => {
                    written?;
                }
                _ = errands.recv_many(&mut batch, room), if room > 0 && (open || !errands.is_empty()) => {
                    batch.drain(..).for_each(|errand| self.send(errand));
                }
                () = until(deadline), if deadline.is_some() => self.give_up_overdue()?,
                _ = stopping.changed(), if open => open = false,
            }
        }
    }

    fn send(&mut self, errand: Errand) {
        let now = Instant::now();
        if errand.deadline <= now {
            return self.fail(&errand, "deadline", Duration::ZERO);
        }
        let header = self.exchange.next_header();
        match self.write(&header, &errand) {
            Some(code) => self.exchange.add(Sent { errand, code, at: now }),
            None => self.fail(&errand, "unaskable", Duration::ZERO),
        }
    }

    /// Puts a command behind what waits to be written.
    fn write(&mut self, header: &[u8], errand: &Errand) -> Option<CommandCode> {
        let command = errand.command()?;
        self.frame.clear();
        framing::write_frame(&mut self.frame, header, |out| command.encode(out)).ok()?;
        self.outgoing.extend_from_slice(&self.frame);
        Some(command.code())
    }

    fn take_replies(&mut self) -> io::Result<()> {
        while let Some(frame) = framing::next_frame(&self.incoming, framing::MAX_MESSAGE).map_err(invalid)? {
            let message = self.incoming.split_to(frame.consumed);
            let split = framing::split_header(&message[frame.body], self.unit.header_length);
            let Some((header, reply)) = split else {
                return Err(invalid("a reply shorter than the message header"));
            };
            match self.exchange.take(header) {
                Some(sent) => self.finish(&sent, reply),
                None => tracing::warn!(unit = %self.unit.address, "an HSM reply came after its deadline"),
            }
        }
        Ok(())
    }

    fn finish(&self, sent: &Sent, reply: &[u8]) {
        let elapsed = sent.at.elapsed();
        match Reply::parse(sent.code, reply) {
            Ok(reply) => {
                self.unit.pool.relieve(self.unit.index);
                self.unit.pool.complete(&sent.errand, sent.code, &reply, elapsed);
            }
            Err(error) => {
                tracing::warn!(unit = %self.unit.address, %error, "an HSM reply cannot be read");
                self.fail(&sent.errand, "unreadable", elapsed);
            }
        }
    }

    /// Fails what took too long. When the unit has said nothing since the oldest of it was sent, the
    /// connection is taken for dead.
    fn give_up_overdue(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let mut silent = false;
        while let Some(sent) = self.exchange.take_overdue(now) {
            silent |= self.heard < sent.at;
            self.fail(&sent.errand, "deadline", sent.at.elapsed());
        }
        if silent {
            Err(io::Error::new(io::ErrorKind::TimedOut, "no reply within the deadline"))
        } else {
            Ok(())
        }
    }

    /// The connection is dead: its unanswered commands go to another one, if they have not been moved
    /// before and have time left.
    fn fail_over(&mut self) {
        let now = Instant::now();
        let all: Vec<Sent> = self.exchange.take_all().collect();
        for sent in all {
            if sent.errand.failed_over || sent.errand.deadline <= now {
                self.fail(&sent.errand, "disconnected", sent.at.elapsed());
            } else {
                self.unit.pass_on(sent.errand.into_failed_over());
            }
        }
    }

    fn fail(&self, errand: &Errand, why: &'static str, elapsed: Duration) {
        self.unit.pool.relieve(self.unit.index);
        self.unit.pool.fail(errand, why, elapsed);
    }
}

/// Sleeps until `deadline`; for ever without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
