//! One conversation with an acquiring terminal or host over ISO 8583. A single task reads frames,
//! hands requests to their shards, and writes the responses as they come, in any order.

use crate::edge::link::{Link, Peer};
use crate::edge::outbox::Outbox;
use crate::edge::stream;
use crate::edge::window::Window;
use crate::translate::iso::{self, Extras, Incoming};
use auth::{Input, ReplyTo, Response};
use bytes::{Bytes, BytesMut};
use card::{ResponseCode, TerminalId};
use iso8583::framing::{Framing, KeepAlive};
use iso8583::{Dialect, ParseError};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// Room made for each read; a read takes what is there, which under load is many frames.
const READ_BYTES: usize = 16 * 1024;

/// How the messages of a listener look.
#[derive(Clone, Copy)]
pub struct Layout<'a> {
    /// Layout of messages.
    pub dialect: &'a Dialect,
    /// How messages lie in the stream.
    pub framing: &'a Framing,
    /// Where they carry what no dialect puts at one place.
    pub extras: &'a Extras,
}

/// Talks to one peer until it leaves, errs, or the process drains.
///
/// # Errors
/// When the connection breaks, its framing makes no sense, or a deadline passes.
pub async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    peer: &Peer,
    link: &Arc<Link>,
    layout: Layout<'_>,
) -> io::Result<()> {
    let Layout { dialect, framing, extras } = layout;
    let outbox = Arc::new(Outbox::new(link.settings.in_flight));
    let connection =
        link.shards.attach(&outbox).map_err(|_| io::Error::other("refused: a shard's inbox is full"))?;
    let mut conversation = Conversation {
        peer,
        link,
        dialect,
        framing,
        extras,
        connection,
        window: Window::new(link.settings.in_flight),
        incoming: BytesMut::with_capacity(READ_BYTES),
        outgoing: Vec::with_capacity(READ_BYTES),
    };
    let ended = conversation.run(&mut stream, &outbox).await;
    link.shards.detach(connection);
    ended
}

struct Conversation<'a> {
    peer: &'a Peer,
    link: &'a Arc<Link>,
    dialect: &'a Dialect,
    framing: &'a Framing,
    extras: &'a Extras,
    connection: u64,
    /// Requests without a response, with the frame that the response is built from.
    window: Window<Waiting>,
    incoming: BytesMut,
    outgoing: Vec<u8>,
}

struct Waiting {
    frame: Bytes,
    since: Instant,
}

impl Conversation<'_> {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        outbox: &Outbox,
    ) -> io::Result<()> {
        let mut draining = self.link.draining.clone();
        let mut open = true;
        loop {
            self.take_responses(outbox);
            self.take_frames()?;
            stream::write(stream, &mut self.outgoing, self.link.settings.write_timeout).await?;
            // What is in flight is still answered after the peer has shut its side or we drain.
            if *draining.borrow() {
                open = false;
            }
            if !open && self.window.is_empty() {
                return stream::shutdown(stream, self.link.settings.write_timeout).await;
            }
            let may_read = open && !self.window.is_full();
            self.incoming.reserve(READ_BYTES);
            tokio::select! {
                () = outbox.ready() => {}
                read = stream.read_buf(&mut self.incoming), if may_read => open = read? > 0,
                _ = draining.changed(), if open => {}
                () = tokio::time::sleep(self.link.settings.idle_timeout) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "idle_timeout has passed"));
                }
            }
        }
    }

    fn take_frames(&mut self) -> io::Result<()> {
        while !self.window.is_full() {
            let next = self.framing.next_frame(&self.incoming, self.link.settings.max_frame);
            let Some(frame) = next.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? else {
                return Ok(());
            };
            let whole = self.incoming.split_to(frame.consumed).freeze();
            let body = whole.slice(frame.body);
            // A frame of length zero keeps the connection alive.
            if !body.is_empty() {
                self.take(body);
            } else if self.framing.keep_alive == KeepAlive::Echo {
                self.outgoing.extend_from_slice(&whole);
            }
        }
        Ok(())
    }

    fn take(&mut self, frame: Bytes) {
        let link_name = self.link.settings.name;
        let message = match iso8583::parse(&frame, self.dialect) {
            Ok(message) => message,
            Err(error) => return self.refuse_unreadable(&frame, &error),
        };
        let slot = self.window.next_slot();
        let reply_to = ReplyTo { connection: self.connection, slot };
        let conventions = &self.link.settings.conventions;
        let pins = self.link.settings.pins;
        let (pan, terminal, input) = match iso::incoming_by(conventions, pins, &message, link_name, reply_to)
        {
            Incoming::Request(mut request) => {
                let trace = |kind: &str, text: &str| self.link.keys.trace(kind, text);
                self.extras.read(&message, &mut request, &trace);
                let field = self.link.settings.one_time_code;
                request.one_time_code = field.and_then(|field| iso::one_time_code(&message, field));
                (request.pan, request.terminal, Input::Request(request))
            }
            Incoming::Reversal(reversal) => (reversal.pan, reversal.terminal, Input::Reversal(reversal)),
            Incoming::Network(_) => {
                self.link.metrics.network_message(link_name.as_str());
                return self.write_frame(|out| iso::network_response(&message, out));
            }
            Incoming::Refused(refusal) => {
                self.link.metrics.message_refused(link_name.as_str(), refusal.code.as_str());
                tracing::warn!(
                    link = %link_name, address = %self.peer.address, mti = %message.mti(), %refusal, "refused a message"
                );
                return self.write_frame(|out| iso::refusal_response(&message, &refusal, out));
            }
            Incoming::Unanswerable { reason } => {
                self.link.metrics.message_refused(link_name.as_str(), "unanswerable");
                tracing::warn!(link = %link_name, address = %self.peer.address, mti = %message.mti(), reason, "dropped a message");
                return;
            }
        };
        let refused = if self.may_speak_for(&terminal) {
            self.link.shards.submit(&pan, input).err().map(|_| ResponseCode::MALFUNCTION)
        } else {
            Some(ResponseCode::SECURITY_VIOLATION)
        };
        match refused {
            None => {
                self.link.metrics.request(link_name.as_str());
                self.window.put(slot, Waiting { frame, since: Instant::now() });
            }
            Some(code) => {
                self.link.metrics.message_refused(link_name.as_str(), code.as_str());
                self.write_frame(|out| iso::response(&message, &Response::bare(code), out));
            }
        }
    }

    fn may_speak_for(&self, terminal: &TerminalId) -> bool {
        let may = self.link.may_speak_for(self.peer, terminal);
        if !may {
            tracing::warn!(
                link = %self.link.settings.name, address = %self.peer.address, %terminal,
                certificate = self.peer.certificate.as_deref(), "refused: this certificate does not speak for this terminal"
            );
        }
        may
    }

    fn refuse_unreadable(&mut self, frame: &[u8], error: &ParseError) {
        let link_name = self.link.settings.name;
        self.link.metrics.message_refused(link_name.as_str(), "30");
        tracing::warn!(link = %link_name, address = %self.peer.address, %error, bytes = frame.len(), "refused an unreadable message");
        let dialect = self.dialect;
        self.write_frame(|out| iso::unreadable_response(frame, dialect, error, out).map(|_| ()));
    }

    fn take_responses(&mut self, outbox: &Outbox) {
        while let Some((slot, mut response)) = outbox.take() {
            if !self.link.settings.amounts_in_answers {
                response.billing = None;
            }
            self.respond(slot, &response);
        }
    }

    fn respond(&mut self, slot: u32, response: &Response) {
        let Some(waiting) = self.window.take(slot) else { return };
        let message =
            iso8583::parse(&waiting.frame, self.dialect).expect("this frame was parsed when it came in");
        self.link.metrics.response(
            self.link.settings.name.as_str(),
            response.code.as_str(),
            waiting.since.elapsed(),
        );
        let conventions = Arc::clone(&self.link.settings.conventions);
        let extras = self.extras;
        self.write_frame(|out| iso::response_with(&conventions, &message, response, extras, out));
    }

    /// Appends one frame to what waits to be written. An answer that cannot be encoded is our defect;
    /// it is logged, and the peer's own deadline covers the silence.
    fn write_frame(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), iso8583::EncodeError>) {
        let length = self.outgoing.len();
        let start = self.framing.begin(&mut self.outgoing);
        let body = self.outgoing.len();
        if let Err(error) = encode(&mut self.outgoing) {
            tracing::error!(link = %self.link.settings.name, %error, "cannot encode an answer");
        }
        // Nothing was written: it failed, or the message asks for no answer.
        if self.outgoing.len() == body {
            return self.outgoing.truncate(length);
        }
        if let Err(error) = self.framing.finish(&mut self.outgoing, start) {
            tracing::error!(link = %self.link.settings.name, %error, "cannot frame an answer");
            self.outgoing.truncate(length);
        }
    }
}
