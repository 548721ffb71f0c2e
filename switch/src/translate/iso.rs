//! ISO 8583:1987 messages of an acquirer to the core's terms, and the core's answers to messages.
//!
//! | Message | Becomes | Must have |
//! | --- | --- | --- |
//! | 0100, 0101, 0200, 0201 | [`Incoming::Request`] | DE 3, 4 (but where nothing is moved), 11, 41, 49, a PAN |
//! | 0120, 0121, 0220, 0221 | [`Incoming::Request`] of an advice's class | the same |
//! | 0400, 0401, 0420, 0421 | [`Incoming::Reversal`] | DE 11, 41, a PAN |
//! | 0800, 0801 with DE 70 001, 002, 301 | [`Incoming::Network`] | DE 11, 70 |
//! | any other request or advice, any other DE 70 | [`Incoming::Refused`] with 40 | |
//! | a response or notification | [`Incoming::Unanswerable`] | |
//!
//! The PAN stands in DE 2, in track 2 (DE 35), or in tags 57 and 5A of DE 55, and is taken from the
//! first of these. What the message lacks or holds against its form is refused with 30; what is
//! well-formed and not allowed is the core's to decline.

mod amounts;
mod conventions;
mod elements;
mod extras;
mod icc;
mod point_of_service;
mod request;
mod response;
mod reversal;
mod unreadable;

use crate::settings::PinElements;
use crate::translate::chip::ChipError;
use auth::{LinkName, MessageClass, ReplyTo};
use card::{HolderSecret, ResponseCode};
use iso8583::{Message, field};
use std::fmt;

pub use conventions::{Conventions, EntryCode, Flag, ReferredBy};
pub use extras::{AnswerText, Datum, Extras, FieldPath};
pub use response::{network_response, refusal_response, response, response_with};
pub use unreadable::unreadable_response;

/// What an acquirer's message asks for.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// An authorization or financial request, or a financial advice, for the core.
    Request(Box<auth::Request>),
    /// A reversal, for the core.
    Reversal(Box<auth::Reversal>),
    /// Sign-on, sign-off or echo, answered with [`network_response`].
    Network(NetworkManagement),
    /// A message that never reaches the core, answered with [`refusal_response`].
    Refused(Refusal),
    /// A message that asks for no answer. It is logged, not answered: an answer to a response could
    /// make two hosts talk to each other for ever.
    Unanswerable {
        /// Why, for the log.
        reason: &'static str,
    },
}

/// Network management (08xx): what DE 70 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkManagement {
    /// 001: the peer begins to work.
    SignOn,
    /// 002: the peer ends its work.
    SignOff,
    /// 301: is anybody there?
    Echo,
}

/// Why a message is answered without the core. Holds nothing of the message, so it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What to answer (DE 39).
    pub code: ResponseCode,
    /// The data element at fault; 0 is the message type.
    pub field: u8,
    /// What is wrong with it, for the log.
    pub reason: &'static str,
}

/// Where a message came from and where its answer goes.
#[derive(Clone, Copy)]
struct Origin<'a> {
    link: LinkName,
    reply_to: ReplyTo,
    conventions: &'a Conventions,
    pins: PinElements,
}

/// Reads a message that came in over `link`, which does everything in the usual way but what its messages say about
/// PINs.
#[must_use]
pub fn incoming(message: &Message<'_>, link: LinkName, pins: PinElements, reply_to: ReplyTo) -> Incoming {
    incoming_by(&Conventions::default(), pins, message, link, reply_to)
}

/// Reads a message that came in over `link`, which has these conventions and says about PINs what `pins` says.
#[must_use]
pub fn incoming_by(
    conventions: &Conventions,
    pins: PinElements,
    message: &Message<'_>,
    link: LinkName,
    reply_to: ReplyTo,
) -> Incoming {
    if !message.mti().expects_response() {
        return Incoming::Unanswerable { reason: "the message type asks for no answer" };
    }
    // What a message type must and must not carry is the dialect's to say.
    if let Some(violation) = message.dialect().rules().check(message) {
        return Incoming::Refused(Refusal::illegal(violation.field, violation.kind.reason()));
    }
    let origin = Origin { link, reply_to, conventions, pins };
    let read = match &message.mti().to_ascii() {
        b"0100" | b"0101" => request::read(message, MessageClass::Authorization, origin)
            .map(|request| Incoming::Request(Box::new(request))),
        b"0200" | b"0201" => request::read(message, MessageClass::Financial, origin)
            .map(|request| Incoming::Request(Box::new(request))),
        // Without its STAN an answer cannot be told from others.
        b"0120" | b"0121" | b"0220" | b"0221"
            if !message.dialect().rules().echo(message.mti()).has(field::STAN) =>
        {
            Err(Refusal::unsupported(0, "the dialect has no rule for the answer to an advice"))
        }
        b"0220" | b"0221" => request::read(message, MessageClass::Advice, origin)
            .map(|request| Incoming::Request(Box::new(request))),
        b"0120" | b"0121" => request::read(message, MessageClass::AuthorizationAdvice, origin)
            .map(|request| Incoming::Request(Box::new(request))),
        b"0400" | b"0401" | b"0420" | b"0421" => {
            reversal::read(message, origin).map(|reversal| Incoming::Reversal(Box::new(reversal)))
        }
        b"0800" | b"0801" => network(message).map(Incoming::Network),
        _ => Err(Refusal::unsupported(0, "message type not served")),
    };
    read.unwrap_or_else(Incoming::Refused)
}

/// The one-time code in this field; `None` where it is absent or can be none.
#[must_use]
pub fn one_time_code(message: &Message<'_>, field: u8) -> Option<HolderSecret> {
    HolderSecret::parse(&message.value(field)?).ok()
}

fn network(message: &Message<'_>) -> Result<NetworkManagement, Refusal> {
    elements::stan(message)?;
    let code = message.number(field::NETWORK_MANAGEMENT_CODE);
    match code.ok_or(Refusal::missing(field::NETWORK_MANAGEMENT_CODE))? {
        1 => Ok(NetworkManagement::SignOn),
        2 => Ok(NetworkManagement::SignOff),
        301 => Ok(NetworkManagement::Echo),
        _ => Err(Refusal::unsupported(field::NETWORK_MANAGEMENT_CODE, "network management code not served")),
    }
}

impl Refusal {
    /// 30: the element must be there and is not.
    fn missing(field: u8) -> Refusal {
        Refusal::illegal(field, "missing")
    }

    /// 30: the element breaks its own form.
    fn illegal(field: u8, reason: &'static str) -> Refusal {
        Refusal { code: ResponseCode::FORMAT_ERROR, field, reason }
    }

    /// 40: well-formed, and nothing that this switch does.
    fn unsupported(field: u8, reason: &'static str) -> Refusal {
        Refusal { code: ResponseCode::NOT_SUPPORTED, field, reason }
    }
}

/// Chip data stands in DE 55.
impl From<ChipError> for Refusal {
    fn from(error: ChipError) -> Refusal {
        Refusal::illegal(field::ICC, error.reason)
    }
}

impl NetworkManagement {
    /// DE 70.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            NetworkManagement::SignOn => 1,
            NetworkManagement::SignOff => 2,
            NetworkManagement::Echo => 301,
        }
    }
}

/// `answered 30, DE 41: missing`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered {}, ", self.code)?;
        if self.field != 0 {
            write!(f, "DE {}: ", self.field)?;
        }
        f.write_str(self.reason)
    }
}
