use super::chip_answer;
use card::ResponseCode;
use ndc::{CardFlag, EncodeError, Notes, ParseError, TransactionReply, Tsn};
use std::fmt;

/// What an ATM does on a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtmReply {
    /// The state it goes to.
    pub next_state: [u8; 3],
    /// The first screen.
    pub screen: Option<[u8; 3]>,
    /// Function identifier.
    pub function: u8,
    /// Notes to dispense, by cassette type; none unless the function dispenses.
    pub notes: [u32; 4],
    /// Serial number of the transaction.
    pub tsn: Tsn,
    /// Whether the card is kept.
    pub retains_card: bool,
    /// Tag 91, for the chip.
    pub issuer_authentication: Option<Vec<u8>>,
    /// Tag 8A, for the chip.
    pub chip_response_code: Option<ResponseCode>,
    /// All print texts, one after the other.
    pub receipt: String,
}

/// Why a message could not be made, or a reply not be taken. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtmError {
    /// Not a transaction reply.
    Parse(ParseError),
    /// It carries another LUNO.
    OtherAtm,
    /// It carries the co-ordination number of another request.
    OtherRequest,
    /// A value does not fit the wire form.
    Encode(EncodeError),
    /// A character that is no key of an operation code.
    OperationCode,
    /// Chip objects that are no TLV.
    SmartCard,
    /// A status without a reply that it could be about.
    NoOrder,
}

impl AtmReply {
    pub(super) fn of(reply: &TransactionReply<'_>, notes: Notes) -> AtmReply {
        let mut counts = [0; 4];
        for (count, noted) in counts.iter_mut().zip(notes.counts()) {
            *count = *noted;
        }
        let (issuer_authentication, code) = reply.chip.as_deref().map_or((None, None), chip_answer);
        AtmReply {
            next_state: reply.next_state,
            screen: reply.screens.first().map(|screen| screen.number),
            function: reply.function.id(),
            notes: counts,
            tsn: reply.tsn,
            retains_card: reply.card == CardFlag::Retain,
            issuer_authentication,
            chip_response_code: code.and_then(|code| ResponseCode::parse(&code)),
            receipt: reply.prints.iter().map(|print| String::from_utf8_lossy(print.text)).collect(),
        }
    }

    /// Whether notes come out.
    #[must_use]
    pub fn dispenses(&self) -> bool {
        self.notes.iter().any(|count| *count > 0)
    }
}

impl fmt::Display for AtmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AtmError::Parse(error) => write!(f, "not a transaction reply: {error}"),
            AtmError::OtherAtm => f.write_str("a reply for another ATM"),
            AtmError::OtherRequest => f.write_str("a reply with the co-ordination number of another request"),
            AtmError::Encode(error) => write!(f, "cannot be written: {error}"),
            AtmError::OperationCode => f.write_str("an operation code has the keys A to D, F to I and space"),
            AtmError::SmartCard => f.write_str("chip objects that are no TLV"),
            AtmError::NoOrder => f.write_str("no reply was taken that a status could be about"),
        }
    }
}

impl std::error::Error for AtmError {}
