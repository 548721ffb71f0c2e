//! What is said on one connection while it lasts. Commands are pipelined: many are under way at once,
//! and the message header, which the unit echoes, tells their replies apart, in whatever order they
//! come.
//!
//! A connection is *slow*, and gets work only when no other has room, when it has said nothing for a
//! quarter of the deadline although something was asked, or when its oldest command has waited for
//! half of it. It is *dead* when it closes, sends what is not the protocol, answers a health check
//! with an error or not at all, or lets a deadline pass without having said anything for half of it; and
//! when it is silent for half of the deadline while another unit is well. Half is then left to that other
//! unit: what the dead connection did not answer is asked of it, once, if the command may be repeated.

use super::connection::{Broken, Errands, Keeper, Stopping};
use super::errand::Errand;
use super::exchange::{Exchange, Sent};
use super::health::{self, invalid};
use super::policy::policy;
use crate::metrics::CommandMeters;
use bytes::BytesMut;
use hsm::{Command, CommandCode, framing};
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep_until;

/// Room made for each read.
const READ_BYTES: usize = 16 * 1024;

/// Bytes that may wait to be written; with more, no further command is taken.
const WRITE_BYTES: usize = 64 * 1024;

/// Commands taken from the channel in one go.
const BATCH: usize = 64;

/// A connection while it lasts.
pub(super) struct Conversation<'a> {
    keeper: &'a Keeper,
    meters: &'a CommandMeters,
    stream: TcpStream,
    exchange: Exchange,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// The command being written.
    frame: Vec<u8>,
    /// When the unit last said anything.
    heard: Instant,
    /// When it was last asked something after having answered everything.
    asked: Instant,
    slow: bool,
    was_useful: bool,
}

impl<'a> Conversation<'a> {
    /// A conversation on a connection that was found healthy.
    pub(super) fn new(keeper: &'a Keeper, stream: TcpStream) -> Conversation<'a> {
        let now = Instant::now();
        Conversation {
            keeper,
            meters: &keeper.pool.units[keeper.seat.unit].meters.commands,
            stream,
            exchange: Exchange::new(keeper.settings.header_length, keeper.settings.in_flight),
            incoming: BytesMut::with_capacity(READ_BYTES),
            outgoing: BytesMut::with_capacity(READ_BYTES),
            frame: Vec::new(),
            heard: now,
            asked: now,
            slow: false,
            was_useful: false,
        }
    }

    /// Serves until the connection dies, which is the error, or until the port was dropped and all
    /// that was under way is answered.
    pub(super) async fn run(mut self, errands: &mut Errands, stopping: &mut Stopping) -> Result<(), Broken> {
        self.keeper.pool.set_open(self.keeper.seat, true);
        let ended = self.converse(errands, stopping).await;
        // Closed for new errands first, or this connection could be chosen again.
        self.keeper.pool.set_open(self.keeper.seat, false);
        self.fail_over();
        let was_useful = self.was_useful;
        ended.map_err(|error| Broken { error, was_useful })
    }

    async fn converse(&mut self, errands: &mut Errands, stopping: &mut Stopping) -> io::Result<()> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut open = true;
        loop {
            let idle = self.exchange.is_empty() && errands.is_empty();
            if !open && idle && self.keeper.pool.nothing_waits() {
                return Ok(());
            }
            self.incoming.reserve(READ_BYTES);
            let room = if self.outgoing.len() < WRITE_BYTES { self.exchange.room().min(BATCH) } else { 0 };
            let alarm = self.judge(Instant::now())?;
            let (mut reading, mut writing) = self.stream.split();
            tokio::select! {
                read = reading.read_buf(&mut self.incoming) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.heard = Instant::now();
                    self.take_replies()?;
                    self.keeper.pool.settle();
                }
                written = writing.write_buf(&mut self.outgoing), if !self.outgoing.is_empty() => {
                    written?;
                }
                _ = errands.recv_many(&mut batch, room), if room > 0 && (open || !errands.is_empty()) => {
                    let now = Instant::now();
                    batch.drain(..).for_each(|errand| self.send(errand, now));
                    // One that came too late has left its room to others.
                    self.keeper.pool.settle();
                }
                () = sleep_until(alarm.into()) => self.look_around(idle)?,
                _ = stopping.changed(), if open => open = false,
            }
        }
    }

    /// Finds out how well the unit keeps up, and when to look again.
    fn judge(&mut self, now: Instant) -> io::Result<Instant> {
        let deadline = self.keeper.settings.deadline;
        let Some(oldest) = self.exchange.oldest() else {
            self.set_slow(false);
            let health_check = self.heard + self.keeper.settings.health_interval;
            // Never at once: what is waiting to be written may keep a due check from being made.
            return Ok(health_check.max(now + Duration::from_millis(1)));
        };
        let quiet_since = self.heard.max(self.asked);
        let quiet = now.saturating_duration_since(quiet_since);
        self.set_slow(quiet >= deadline / 4 || now.saturating_duration_since(oldest) >= deadline / 2);
        if quiet >= deadline / 2 && self.keeper.pool.another_unit_is_well(self.keeper.seat.unit) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "silent for half of the deadline"));
        }
        let next_look = if self.slow {
            now + deadline / 8
        } else {
            (quiet_since + deadline / 4).min(oldest + deadline / 2)
        };
        Ok(self.exchange.next_deadline().map_or(next_look, |next| next.min(next_look)))
    }

    fn set_slow(&mut self, slow: bool) {
        if slow != self.slow {
            self.slow = slow;
            self.keeper.pool.set_slow(self.keeper.seat, slow);
        }
    }

    /// Some time has passed: for a deadline, or since the unit was last heard of.
    fn look_around(&mut self, idle: bool) -> io::Result<()> {
        let now = Instant::now();
        if idle && now.saturating_duration_since(self.heard) >= self.keeper.settings.health_interval {
            self.probe(now)?;
        }
        self.give_up_overdue(now)?;
        self.keeper.pool.settle();
        Ok(())
    }

    fn send(&mut self, errand: Errand, now: Instant) {
        if errand.deadline <= now {
            return self.fail(errand, "deadline", Duration::ZERO);
        }
        self.frame.clear();
        let header = self.exchange.next_header();
        let mut code = None;
        let written = framing::write_frame(&mut self.frame, header, |out| code = errand.write(out));
        let Some(code) = code.filter(|_| written.is_ok()) else {
            return self.fail(errand, "unaskable", Duration::ZERO);
        };
        let deadline = errand.deadline;
        self.push(Sent { errand: Some(errand), code, deadline, at: now });
    }

    /// Asks an idle unit who is there.
    fn probe(&mut self, now: Instant) -> io::Result<()> {
        self.frame.clear();
        let header = self.exchange.next_header();
        framing::write_frame(&mut self.frame, header, |out| Command::Diagnostics.encode(out))
            .map_err(invalid)?;
        let (code, deadline) = (Command::Diagnostics.code(), now + self.keeper.settings.deadline);
        self.push(Sent { errand: None, code, deadline, at: now });
        Ok(())
    }

    /// Puts the frame behind what waits to be written, and its command among those under way.
    fn push(&mut self, sent: Sent) {
        if self.exchange.is_empty() {
            self.asked = sent.at;
        }
        self.outgoing.extend_from_slice(&self.frame);
        self.exchange.add(sent);
        self.keeper.pool.units[self.keeper.seat.unit].calls.fetch_add(1, Ordering::Relaxed);
    }

    fn take_replies(&mut self) -> io::Result<()> {
        while let Some(frame) = framing::next_frame(&self.incoming, framing::MAX_MESSAGE).map_err(invalid)? {
            let message = self.incoming.split_to(frame.consumed);
            let split = framing::split_header(&message[frame.body], self.keeper.settings.header_length);
            let Some((header, reply)) = split else {
                return Err(invalid("a reply shorter than the message header"));
            };
            match self.exchange.take(header) {
                Some(Sent { errand: Some(errand), code, at, .. }) => {
                    self.was_useful = true;
                    self.keeper.pool.relieve(self.keeper.seat);
                    errand.complete(&self.keeper.pool.desk, self.meters, code, reply, at.elapsed());
                }
                Some(Sent { errand: None, code, at, .. }) => self.take_diagnosis(code, reply, at)?,
                None => {
                    tracing::warn!(unit = self.meters.unit(), "an HSM reply came after its deadline");
                }
            }
        }
        Ok(())
    }

    fn take_diagnosis(&self, code: CommandCode, reply: &[u8], at: Instant) -> io::Result<()> {
        match health::read(reply) {
            Ok(diagnosis) => {
                self.meters.count(code.as_bytes(), "00", at.elapsed());
                self.keeper.pool.note_lmk(self.keeper.seat.unit, diagnosis.lmk_check_value);
                Ok(())
            }
            Err(error) => {
                self.meters.count(code.as_bytes(), "unhealthy", at.elapsed());
                Err(error)
            }
        }
    }

    /// Fails what took too long. When the unit has said nothing since some of it was sent, and had time to,
    /// the connection is taken for dead.
    fn give_up_overdue(&mut self, now: Instant) -> io::Result<()> {
        let mut silent = false;
        while let Some(sent) = self.exchange.take_overdue(now) {
            let elapsed = now.saturating_duration_since(sent.at);
            // One that had waited for room and was sent just before its deadline says nothing.
            silent |= self.heard < sent.at && elapsed >= self.keeper.settings.deadline / 2;
            match sent.errand {
                Some(errand) => self.fail(errand, "deadline", elapsed),
                None => {
                    silent = true;
                    self.meters.count(sent.code.as_bytes(), "deadline", elapsed);
                }
            }
        }
        if silent {
            Err(io::Error::new(io::ErrorKind::TimedOut, "no reply within the deadline"))
        } else {
            Ok(())
        }
    }

    /// The connection is dead: its unanswered commands go to another one, if they may be repeated, were
    /// not already, and have time left.
    fn fail_over(&mut self) {
        let now = Instant::now();
        let seat = self.keeper.seat;
        // The newest first, since each goes in front of what waits.
        for sent in self.exchange.take_all().rev() {
            // A health check dies with what it asked after.
            let Some(errand) = sent.errand else { continue };
            self.keeper.pool.relieve(seat);
            if errand.repeated || errand.deadline <= now || !policy(sent.code).repeatable {
                let elapsed = now.saturating_duration_since(sent.at);
                errand.fail(&self.keeper.pool.desk, self.meters, "disconnected", elapsed);
            } else {
                self.keeper.pool.units[seat.unit].meters.failovers.inc();
                self.keeper.pool.place(Errand { repeated: true, avoid: Some(seat.unit), ..errand });
            }
        }
    }

    fn fail(&self, errand: Errand, why: &'static str, elapsed: Duration) {
        self.keeper.pool.relieve(self.keeper.seat);
        errand.fail(&self.keeper.pool.desk, self.meters, why, elapsed);
    }
}
