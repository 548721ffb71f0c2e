//! One conversation with an ATM over NDC. An ATM has one transaction open at a time: its request goes
//! to a shard, the reply comes back, and what it says about the dispense settles the money.

use crate::clock;
use crate::edge::link::{Link, Peer};
use crate::edge::outbox::Outbox;
use crate::edge::sessions::{self, Outstanding};
use crate::edge::stream;
use crate::settings::{AtmSettings, AtmTransaction, NdcSettings};
use crate::translate::ndc::{self as translate, Asked};
use auth::{Completion, Input, ReplyTo, Response};
use bytes::BytesMut;
use card::{Pan, ResponseCode, TerminalId};
use ndc::{
    Descriptor, DispenseOutcome, FromTerminal, RequestHeader, SolicitedStatus, TransactionRequest, Tsn,
};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const READ_BYTES: usize = 4 * 1024;

/// How often an overloaded shard is offered a dispense outcome again, and how often a late ATM is
/// looked for.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// The one slot of an ATM's window.
const SLOT: u32 = 0;

/// Talks to one ATM until it leaves, errs, or the process drains.
///
/// # Errors
/// When the connection breaks, its framing makes no sense, or a deadline passes.
pub async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    peer: &Peer,
    link: &Arc<Link>,
    settings: &Arc<NdcSettings>,
) -> io::Result<()> {
    let outbox = Arc::new(Outbox::new(1));
    let connection =
        link.shards.attach(&outbox).map_err(|_| io::Error::other("refused: a shard's inbox is full"))?;
    let mut conversation = Conversation {
        peer,
        link,
        settings,
        connection,
        waiting: None,
        unsettled: Vec::new(),
        dispensing_since: None,
        incoming: BytesMut::with_capacity(READ_BYTES),
        outgoing: Vec::new(),
    };
    let ended = conversation.run(&mut stream, &outbox).await;
    link.shards.detach(connection);
    ended
}

struct Conversation<'a> {
    peer: &'a Peer,
    link: &'a Arc<Link>,
    settings: &'a NdcSettings,
    connection: u64,
    /// The request that a shard is deciding.
    waiting: Option<Waiting>,
    /// Outcomes that the shard's inbox had no room for.
    unsettled: Vec<Completion>,
    /// When the reply with the open dispense went out.
    dispensing_since: Option<Instant>,
    incoming: BytesMut,
    outgoing: Vec<u8>,
}

struct Waiting {
    header: RequestHeader,
    terminal: TerminalId,
    pan: Pan,
    asked: Asked,
    tsn: Tsn,
    since: Instant,
}

impl Conversation<'_> {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        outbox: &Outbox,
    ) -> io::Result<()> {
        let mut draining = self.link.draining.clone();
        let mut heard = Instant::now();
        let mut open = true;
        loop {
            while let Some((_, response)) = outbox.take() {
                self.respond(&response);
            }
            self.take_frames()?;
            self.settle_again();
            self.look_for_late_report();
            stream::write(stream, &mut self.outgoing, self.link.settings.write_timeout).await?;
            if *draining.borrow() {
                open = false;
            }
            if !open && self.waiting.is_none() && self.unsettled.is_empty() {
                return stream.shutdown().await;
            }
            self.incoming.reserve(READ_BYTES);
            tokio::select! {
                () = outbox.ready() => {}
                read = stream.read_buf(&mut self.incoming), if open => {
                    open = read? > 0;
                    heard = Instant::now();
                }
                _ = draining.changed(), if open => {}
                () = tokio::time::sleep(CHECK_EVERY) => {
                    if heard.elapsed() > self.link.settings.idle_timeout {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, "idle_timeout has passed"));
                    }
                }
            }
        }
    }

    fn take_frames(&mut self) -> io::Result<()> {
        loop {
            let next = ndc::framing::next_frame(&self.incoming, self.link.settings.max_frame);
            let Some(frame) = next.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? else {
                return Ok(());
            };
            let whole = self.incoming.split_to(frame.consumed).freeze();
            let body = &whole[frame.body];
            if !body.is_empty() {
                self.take(body);
            }
        }
    }

    fn take(&mut self, body: &[u8]) {
        let options = ndc::Options { macing: self.settings.mac_enabled, ..ndc::Options::default() };
        match ndc::parse_from_terminal(body, &options) {
            Ok(FromTerminal::TransactionRequest(request)) => self.take_request(&request),
            Ok(FromTerminal::SolicitedStatus(status)) => self.take_solicited(&status),
            Ok(FromTerminal::UnsolicitedStatus(status)) => {
                if let Some((terminal, _)) = self.atm(&status.luno) {
                    self.take_device(&terminal, &status.device, "unsolicited");
                }
            }
            Ok(FromTerminal::Other { .. }) => {
                self.link.metrics.message_refused(self.link.settings.name.as_str(), "class_not_served");
                tracing::info!(link = %self.link.settings.name, message = %ndc::dump(body), "an NDC message of a class that is not served");
            }
            Err(error) => {
                self.link.metrics.message_refused(self.link.settings.name.as_str(), "unreadable");
                tracing::warn!(link = %self.link.settings.name, address = %self.peer.address, %error, "refused an unreadable NDC message");
                // A request that nobody answers keeps its customer waiting for the ATM's own time-out.
                if let Ok(header) = RequestHeader::parse(body) {
                    self.decline(&header, ResponseCode::FORMAT_ERROR);
                }
            }
        }
    }

    /// The ATM of a LUNO, if this peer may speak for it.
    fn atm(&self, luno: &ndc::Luno) -> Option<(TerminalId, AtmSettings)> {
        let Some(atm) = self.settings.atms.get(luno.as_str()) else {
            tracing::warn!(link = %self.link.settings.name, address = %self.peer.address, luno = luno.as_str(), "unknown LUNO; add it as a [[listener.terminal]]");
            return None;
        };
        if !self.link.may_speak_for(self.peer, &atm.terminal) {
            tracing::warn!(
                link = %self.link.settings.name, address = %self.peer.address, luno = luno.as_str(),
                certificate = self.peer.certificate.as_deref(), "refused: this certificate does not speak for this ATM"
            );
            return None;
        }
        Some((atm.terminal, atm.clone()))
    }

    fn take_request(&mut self, request: &TransactionRequest<'_>) {
        let header = translate::header(request);
        let Some((terminal, atm)) = self.atm(&request.luno) else {
            return self.decline(&header, ResponseCode::INVALID_MERCHANT);
        };
        self.settle_from_request(&terminal, request, &atm);
        if self.waiting.is_some() {
            tracing::warn!(link = %self.link.settings.name, %terminal, "a second request while the first is being decided; dropped");
            return;
        }
        let tsn = self.link.sessions.next_tsn(&terminal);
        let asked = translate::Asking {
            settings: self.settings,
            denominations_minor: atm.denominations_minor,
            unusable: self.link.sessions.unusable(&terminal),
            link: self.link.settings.name,
            terminal,
            tsn,
            reply_to: ReplyTo { connection: self.connection, slot: SLOT },
            now: clock::now(),
        }
        .ask(request);
        let (asked, input) = match asked {
            Ok(asked) => asked,
            Err(refusal) => {
                self.link.metrics.message_refused(self.link.settings.name.as_str(), refusal.code.as_str());
                tracing::warn!(link = %self.link.settings.name, %terminal, code = %refusal.code, reason = refusal.reason, "refused a request");
                return self.decline(&header, refusal.code);
            }
        };
        self.link.metrics.request(self.link.settings.name.as_str());
        let pan = input.pan;
        if self.link.shards.submit(&pan, Input::Request(input)).is_err() {
            return self.decline(&header, ResponseCode::MALFUNCTION);
        }
        self.waiting = Some(Waiting { header, terminal, pan, asked, tsn, since: Instant::now() });
    }

    /// What the request says about the dispense before it; a request that does not say leaves the
    /// outcome to staff.
    fn settle_from_request(
        &mut self,
        terminal: &TerminalId,
        request: &TransactionRequest<'_>,
        atm: &AtmSettings,
    ) {
        let Some(outstanding) = self.link.sessions.outstanding(terminal) else { return };
        let outcome = match &request.last_status {
            Some(last) => DispenseOutcome::of_last_status(last, outstanding.tsn, &outstanding.notes),
            None => DispenseOutcome::Suspect,
        };
        self.settle(terminal, &outstanding, outcome, atm);
    }

    fn take_solicited(&mut self, status: &SolicitedStatus<'_>) {
        let Some((terminal, atm)) = self.atm(&status.luno) else { return };
        let outstanding = self.link.sessions.outstanding(&terminal);
        if let Descriptor::DeviceFault { device } = &status.descriptor {
            self.note_device(&terminal, device, "solicited");
        }
        if let Descriptor::SpecificCommandReject { code } = &status.descriptor {
            tracing::warn!(%terminal, code = code.as_str(), meaning = code.meaning(), "the ATM rejected a message");
        }
        if let Some(outstanding) = outstanding {
            let outcome = DispenseOutcome::of(status, &outstanding.notes);
            self.settle(&terminal, &outstanding, outcome, &atm);
        }
    }

    fn take_device(&mut self, terminal: &TerminalId, device: &ndc::DeviceStatus<'_>, kind: &str) {
        self.note_device(terminal, device, kind);
        if let Some(outstanding) = self.link.sessions.outstanding(terminal) {
            let outcome = DispenseOutcome::of_device(device, &outstanding.notes);
            if outcome != DispenseOutcome::NotAboutCash {
                self.link.sessions.foretell(terminal, outcome);
            }
        }
    }

    fn note_device(&self, terminal: &TerminalId, device: &ndc::DeviceStatus<'_>, kind: &str) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        tracing::info!(
            %terminal, kind, device = %char::from(device.dig), status = text(device.status),
            severity = text(device.severity), supplies = text(device.supplies), "device status"
        );
        if device.is_cash_handler() {
            self.link.sessions.cassettes(terminal, device.severity, device.supplies);
        }
    }

    fn settle(
        &mut self,
        terminal: &TerminalId,
        outstanding: &Outstanding,
        outcome: DispenseOutcome,
        atm: &AtmSettings,
    ) {
        let Some(completion) = outstanding.completion(outcome, &atm.denominations_minor) else { return };
        tracing::info!(%terminal, transaction = %completion.transaction, outcome = ?completion.dispensed, "dispense reported");
        self.link.sessions.settled(terminal);
        self.dispensing_since = None;
        self.unsettled.push(completion);
        self.settle_again();
    }

    /// Hands outcomes to their shards; what finds no room stays for the next time.
    fn settle_again(&mut self) {
        let shards = &self.link.shards;
        self.unsettled
            .retain(|completion| shards.submit(&completion.pan, Input::Completion(*completion)).is_err());
    }

    fn look_for_late_report(&mut self) {
        let late =
            self.dispensing_since.is_some_and(|since| since.elapsed() > self.settings.completion_deadline);
        if late {
            self.dispensing_since = None;
            tracing::warn!(
                link = %self.link.settings.name, address = %self.peer.address,
                "no report about a dispense within completion_deadline; its money stays held until the ATM's next message tells"
            );
        }
    }

    fn respond(&mut self, response: &Response) {
        let Some(waiting) = self.waiting.take() else { return };
        let link_name = self.link.settings.name;
        self.link.metrics.response(link_name.as_str(), response.code.as_str(), waiting.since.elapsed());
        let dispense = waiting.asked.notes.filter(|_| response.code.is_approval());
        if let (Some(counts), Some(transaction)) = (dispense, response.transaction)
            && waiting.asked.transaction == AtmTransaction::Withdrawal
        {
            // Open before the reply leaves: should the connection break now, the ATM's next message
            // tells what it did.
            let outstanding =
                Outstanding::new(transaction, waiting.pan, waiting.tsn, sessions::notes(counts));
            self.link.sessions.dispensing(&waiting.terminal, outstanding);
            self.dispensing_since = Some(Instant::now());
        }
        let reply = translate::Replying {
            settings: self.settings,
            header: &waiting.header,
            terminal: &waiting.terminal,
            pan: Some(waiting.pan),
            tsn: waiting.tsn,
            asked: Some(&waiting.asked),
            response,
        };
        self.send(|out| reply.encode(out));
    }

    /// Answers a request that never reached a shard.
    fn decline(&mut self, header: &RequestHeader, code: ResponseCode) {
        let response = Response::bare(code);
        let terminal = TerminalId::new(b"").expect("no characters are printable");
        let reply = translate::Replying {
            settings: self.settings,
            header,
            terminal: &terminal,
            pan: None,
            tsn: Tsn::ZERO,
            asked: None,
            response: &response,
        };
        self.send(|out| reply.encode(out));
    }

    fn send(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), ndc::EncodeError>) {
        let mut body = Vec::with_capacity(256);
        if let Err(error) = encode(&mut body) {
            return tracing::error!(link = %self.link.settings.name, ?error, "cannot encode a reply");
        }
        if let Err(error) = ndc::framing::write(&body, &mut self.outgoing) {
            tracing::error!(link = %self.link.settings.name, %error, "cannot frame a reply");
        }
    }
}
