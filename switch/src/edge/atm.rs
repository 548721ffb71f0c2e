//! One conversation with an ATM over NDC. An ATM has one transaction open at a time: its request goes
//! to a shard, the reply comes back, and what it says about the dispense settles the money.

use crate::clock;
use crate::edge::link::{Link, Peer};
use crate::edge::outbox::Outbox;
use crate::edge::sessions::{self, AtmKey, Outstanding};
use crate::edge::stream;
use crate::settings::{AtmSettings, NdcSettings};
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
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

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
    // The wire may be gone; the money is not. What a shard is deciding still has to be remembered as an
    // open dispense, and what the ATM has reported still has to reach its shard.
    conversation.finish(&outbox).await;
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
    unsettled: Vec<(AtmKey, Completion)>,
    /// When the reply with the open dispense went out.
    dispensing_since: Option<Instant>,
    incoming: BytesMut,
    outgoing: Vec<u8>,
}

struct Waiting {
    header: RequestHeader,
    atm: AtmKey,
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
                return stream::shutdown(stream, self.link.settings.write_timeout).await;
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

    /// Ends what is under way without a wire. The core answers every request, so this ends.
    async fn finish(&mut self, outbox: &Outbox) {
        while self.waiting.is_some() || !self.unsettled.is_empty() {
            while let Some((_, response)) = outbox.take() {
                self.respond(&response);
            }
            self.settle_again();
            tokio::select! {
                () = outbox.ready() => {}
                () = tokio::time::sleep(CHECK_EVERY) => {}
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
                if let Ok((atm, _)) = self.atm(&status.luno) {
                    self.take_device(&atm, &status.device, "unsolicited");
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

    /// The ATM of a LUNO, if this peer may speak for it; else what to decline it with.
    fn atm(&self, luno: &ndc::Luno) -> Result<(AtmKey, AtmSettings), ResponseCode> {
        let Some(atm) = self.settings.atms.get(luno.as_str()) else {
            tracing::warn!(
                link = %self.link.settings.name, address = %self.peer.address, luno = luno.as_str(),
                "unknown LUNO; add it as a [[listener.terminal]]"
            );
            return Err(ResponseCode::INVALID_MERCHANT);
        };
        if !self.link.may_speak_for(self.peer, &atm.terminal) {
            tracing::warn!(
                link = %self.link.settings.name, address = %self.peer.address, luno = luno.as_str(),
                certificate = self.peer.certificate.as_deref(),
                "refused: this certificate does not speak for this ATM"
            );
            return Err(ResponseCode::SECURITY_VIOLATION);
        }
        Ok((AtmKey { link: self.link.settings.name, terminal: atm.terminal }, atm.clone()))
    }

    fn take_request(&mut self, request: &TransactionRequest<'_>) {
        let header = translate::header(request);
        let (atm, settings) = match self.atm(&request.luno) {
            Ok(atm) => atm,
            Err(code) => {
                self.link.metrics.message_refused(self.link.settings.name.as_str(), code.as_str());
                return self.decline(&header, code);
            }
        };
        self.settle_from_request(&atm, request, &settings);
        let Some(tsn) = self.link.sessions.begin(&atm) else {
            tracing::warn!(link = %atm.link, terminal = %atm.terminal, "declined a request while another of this ATM is open");
            return self.decline(&header, ResponseCode::MALFUNCTION);
        };
        if let Err(code) = self.ask(request, &header, &atm, &settings, tsn) {
            self.link.sessions.decided(&atm, None);
            self.decline(&header, code);
        }
    }

    /// Hands the request to its shard, or says what to decline it with.
    fn ask(
        &mut self,
        request: &TransactionRequest<'_>,
        header: &RequestHeader,
        atm: &AtmKey,
        settings: &AtmSettings,
        tsn: Tsn,
    ) -> Result<(), ResponseCode> {
        let link = atm.link;
        let asking = translate::Asking {
            settings: self.settings,
            denominations_minor: settings.denominations_minor,
            unusable: self.link.sessions.unusable(atm),
            link,
            terminal: atm.terminal,
            tsn,
            reply_to: ReplyTo { connection: self.connection, slot: SLOT },
            now: clock::now(),
        };
        let (asked, input) = asking.ask(request).map_err(|refusal| {
            self.link.metrics.message_refused(link.as_str(), refusal.code.as_str());
            tracing::warn!(%link, terminal = %atm.terminal, code = %refusal.code, reason = refusal.reason, "refused a request");
            refusal.code
        })?;
        self.link.metrics.request(link.as_str());
        let pan = input.pan;
        self.link.shards.submit(&pan, Input::Request(input)).map_err(|_| ResponseCode::MALFUNCTION)?;
        self.waiting = Some(Waiting { header: *header, atm: *atm, pan, asked, tsn, since: Instant::now() });
        Ok(())
    }

    /// What the request says about the dispense before it; a request that does not say leaves the
    /// outcome to staff.
    fn settle_from_request(
        &mut self,
        atm: &AtmKey,
        request: &TransactionRequest<'_>,
        settings: &AtmSettings,
    ) {
        let Some(outstanding) = self.link.sessions.outstanding(atm) else { return };
        let outcome = match &request.last_status {
            Some(last) => DispenseOutcome::of_last_status(last, outstanding.tsn, &outstanding.notes),
            None => DispenseOutcome::Suspect,
        };
        self.settle(atm, &outstanding, outcome, settings);
    }

    fn take_solicited(&mut self, status: &SolicitedStatus<'_>) {
        let Ok((atm, settings)) = self.atm(&status.luno) else { return };
        if let Descriptor::DeviceFault { device } = &status.descriptor {
            self.note_device(&atm, device, "solicited");
        }
        if let Descriptor::SpecificCommandReject { code } = &status.descriptor {
            tracing::warn!(terminal = %atm.terminal, code = code.as_str(), meaning = code.meaning(), "the ATM rejected a message");
        }
        let Some(outstanding) = self.link.sessions.outstanding(&atm) else { return };
        // A late word about an earlier reply says nothing about this one.
        if let Descriptor::TransactionReplyReady { tsn: Some(tsn), .. } = status.descriptor
            && tsn != outstanding.tsn
        {
            tracing::warn!(terminal = %atm.terminal, told = tsn.number(), open = outstanding.tsn.number(), "a status about another reply; ignored");
            return;
        }
        let outcome = DispenseOutcome::of(status, &outstanding.notes);
        self.settle(&atm, &outstanding, outcome, &settings);
    }

    fn take_device(&mut self, atm: &AtmKey, device: &ndc::DeviceStatus<'_>, kind: &str) {
        self.note_device(atm, device, kind);
        if let Some(outstanding) = self.link.sessions.outstanding(atm) {
            let outcome = DispenseOutcome::of_device(device, &outstanding.notes);
            if outcome != DispenseOutcome::NotAboutCash {
                self.link.sessions.foretell(atm, outcome);
            }
        }
    }

    fn note_device(&self, atm: &AtmKey, device: &ndc::DeviceStatus<'_>, kind: &str) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        tracing::info!(
            terminal = %atm.terminal, kind, device = %char::from(device.dig), status = text(device.status),
            severity = text(device.severity), supplies = text(device.supplies), "device status"
        );
        if device.is_cash_handler() {
            self.link.sessions.cassettes(atm, device.severity, device.supplies);
        }
    }

    fn settle(
        &mut self,
        atm: &AtmKey,
        outstanding: &Outstanding,
        outcome: DispenseOutcome,
        settings: &AtmSettings,
    ) {
        let Some(completion) = outstanding.completion(outcome, &settings.denominations_minor) else { return };
        tracing::info!(terminal = %atm.terminal, transaction = %completion.transaction, outcome = ?completion.dispensed, "dispense reported");
        self.dispensing_since = None;
        self.unsettled.push((*atm, completion));
        self.settle_again();
    }

    /// Hands outcomes to their shards; what finds no room stays open and is handed in again.
    fn settle_again(&mut self) {
        let link = self.link;
        self.unsettled.retain(|(atm, completion)| {
            let taken = link.shards.complete(completion).is_ok();
            if taken {
                link.sessions.settled(atm, completion.transaction);
            }
            !taken
        });
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
        let notes = waiting.asked.notes.filter(|_| response.code.is_approval());
        let outstanding = notes.zip(response.transaction).map(|(counts, transaction)| {
            Outstanding::new(transaction, waiting.pan, waiting.tsn, sessions::notes(counts))
        });
        // Open before the reply leaves: should the connection break now, the ATM's next message tells
        // what it did.
        self.link.sessions.decided(&waiting.atm, outstanding);
        self.dispensing_since = outstanding.map(|_| Instant::now());
        let reply = translate::Replying {
            settings: self.settings,
            header: &waiting.header,
            terminal: &waiting.atm.terminal,
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
