mod reply;

pub use reply::{AtmError, AtmReply};

use card::{PinBlock, Track2};
use ndc::{
    CamFlags, DeviceStatus, EncodeError, LastStatus, LastStatusCode, Luno, Notes, OperationCode, RejectCode,
    Secret, SmartCard, SolicitedStatus, TransactionReply, TransactionRequest, Tsn, dig, tlv,
};
use zeroize::Zeroizing;

/// An NDC ATM without MACing: builds bodies, without their length, and reads the replies. It counts its
/// message co-ordination number and remembers how the last reply ended, which each request tells.
#[derive(Clone, Debug)]
pub struct Atm {
    luno: Luno,
    mcn: u8,
    /// The reply that is being carried out.
    order: Option<Order>,
    last: Option<Ended>,
}

/// What a customer asks for.
#[derive(Clone, Copy, Debug)]
pub struct AtmAsk<'a> {
    /// The keys pressed on the way: eight of `A B C D F G H I` and space.
    pub operation_code: &'a [u8; 8],
    /// Amount keyed, minor units.
    pub amount_minor: Option<u64>,
    /// The card's track.
    pub track2: &'a Track2,
    /// The encrypted PIN.
    pub pin_block: Option<&'a PinBlock>,
    /// Objects of the chip, as DE 55 has them.
    pub icc: Option<&'a [u8]>,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    tsn: Tsn,
    notes: Notes,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    tsn: Tsn,
    status: LastStatusCode,
    notes: Notes,
}

impl Atm {
    /// First of the 63 message co-ordination numbers, `1` to `o`.
    const FIRST_MCN: u8 = b'1';
    const LAST_MCN: u8 = b'o';

    /// An ATM that has just started.
    #[must_use]
    pub fn new(luno: Luno) -> Atm {
        Atm { luno, mcn: Self::LAST_MCN, order: None, last: None }
    }

    /// Its logical unit number.
    #[must_use]
    pub fn luno(&self) -> Luno {
        self.luno
    }

    /// Transaction request (class `11`).
    ///
    /// # Errors
    /// When the operation code holds other keys, the chip's objects are no TLV, or the amount has more
    /// than 12 digits.
    pub fn request(&mut self, ask: &AtmAsk<'_>) -> Result<Vec<u8>, AtmError> {
        self.mcn = if self.mcn >= Self::LAST_MCN { Self::FIRST_MCN } else { self.mcn + 1 };
        // A reply that was never reported ended in nothing that the ATM knows of.
        self.order = None;
        let track = Zeroizing::new([b";", ask.track2.reveal(), b"?"].concat());
        let mut request = TransactionRequest::new(self.luno, self.mcn);
        request.track2 = Secret::new(&track);
        let operation_code = OperationCode::new(ask.operation_code).ok_or(AtmError::OperationCode)?;
        request.operation_code = Some(operation_code);
        request.amount_minor = ask.amount_minor;
        request.pin_block = ask.pin_block.cloned();
        request.last_status = self.last.map(|last| LastStatus {
            tsn: last.tsn,
            status: last.status,
            notes: last.notes,
            tail: &[],
            completion: None,
        });
        if let Some(icc) = ask.icc {
            let chip = SmartCard::new(CamFlags::INITIATED, icc.to_vec()).map_err(|_| AtmError::SmartCard)?;
            request.smart_card = Some(chip);
        }
        encoded(|body| request.encode(&ndc::Options::default(), body))
    }

    /// Reads the reply to the request last sent, and takes its order.
    ///
    /// # Errors
    /// When it cannot be read, or is for another ATM or another request; the ATM answers that with
    /// [`Atm::reject`].
    pub fn take_reply(&mut self, body: &[u8]) -> Result<AtmReply, AtmError> {
        let reply = TransactionReply::parse(body).map_err(AtmError::Parse)?;
        if reply.luno.is_some_and(|luno| luno != self.luno) {
            return Err(AtmError::OtherAtm);
        }
        // `0` switches the check off.
        if reply.mcn != self.mcn && reply.mcn != b'0' {
            return Err(AtmError::OtherRequest);
        }
        let notes = reply.notes.unwrap_or_default();
        let notes = if reply.function.dispenses() { notes } else { Notes::NONE };
        self.order = Some(Order { tsn: reply.tsn, notes });
        Ok(AtmReply::of(&reply, notes))
    }

    /// `22 B`: the reply is carried out, all notes are out.
    ///
    /// # Errors
    /// [`AtmError::NoOrder`] when no reply was taken; so with all statuses.
    pub fn ready(&mut self) -> Result<Vec<u8>, AtmError> {
        let order = self.order.take().ok_or(AtmError::NoOrder)?;
        self.ended(order, LastStatusCode::Good, order.notes);
        let status = SolicitedStatus::transaction_reply_ready(self.luno);
        encoded(|body| status.encode(body))
    }

    /// `22 8 E`: something went wrong at the cash handler. `code` is its status character (1 short, 2
    /// nothing came out, 3 unknown, 4 nothing and no fault, 5 retracted) and `dispensed` what came out.
    ///
    /// # Errors
    /// As [`Atm::ready`].
    pub fn cash_handler_fault(&mut self, code: u8, dispensed: [u32; 4]) -> Result<Vec<u8>, AtmError> {
        let order = self.order.take().ok_or(AtmError::NoOrder)?;
        let dispensed = Notes::from(dispensed);
        self.ended(order, LastStatusCode::Error, dispensed);
        let status = DeviceStatus::cash_handler_status(code, &dispensed);
        let device = DeviceStatus {
            severity: b"20000",
            diagnostic: b"00",
            supplies: b"11111",
            ..DeviceStatus::new(dig::CASH_HANDLER, &status)
        };
        let status = SolicitedStatus::device_fault(self.luno, device);
        encoded(|body| status.encode(body))
    }

    /// `22 A`, or `22 C` with a reason: the reply is refused and nothing was done. Answers a reply that
    /// could not be read, too.
    ///
    /// # Errors
    /// As [`Atm::ready`], but only for a body that cannot be written.
    pub fn reject(&mut self, reason: Option<RejectCode>) -> Result<Vec<u8>, AtmError> {
        if let Some(order) = self.order.take() {
            self.ended(order, LastStatusCode::Rejected, Notes::NONE);
        }
        let status = match reason {
            Some(code) => SolicitedStatus::specific_command_reject(self.luno, code),
            None => SolicitedStatus::command_reject(self.luno),
        };
        encoded(|body| status.encode(body))
    }

    fn ended(&mut self, order: Order, status: LastStatusCode, notes: Notes) {
        self.last = Some(Ended { tsn: order.tsn, status, notes });
    }
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>) -> Result<Vec<u8>, AtmError> {
    let mut body = Vec::with_capacity(256);
    encode(&mut body).map_err(AtmError::Encode)?;
    Ok(body)
}

/// Tag 91 and tag 8A of a reply's chip data.
fn chip_answer(chip: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let value = |tag| tlv::find(chip, tag).map(<[u8]>::to_vec);
    (value(0x91), value(0x8A))
}

#[cfg(test)]
mod tests;
