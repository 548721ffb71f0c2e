use crate::encoder::{Encoder, encode};
use crate::token::{Token, Tokens};
use crate::{
    Completion, DeviceStatus, EncodeError, Field, Luno, Mac, ParseError, ParseErrorKind, RejectCode, Tsn, Tvn,
};

/// Solicited status (class `22`): the answer to a command or a transaction reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolicitedStatus<'a> {
    /// Who answers.
    pub luno: Luno,
    /// Time variant number, whose position is there only on sites with MACing.
    pub tvn: TvnPosition,
    /// What is answered.
    pub descriptor: Descriptor<'a>,
    /// The MAC, which a status with a time variant number ends in.
    pub mac: Option<Mac>,
}

/// The time variant number of a solicited status. With MACing on, a message that is not itself MACed
/// leaves the position empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TvnPosition {
    /// MACing is off.
    Absent,
    /// MACing is on, this message has no MAC.
    Empty,
    /// This message has a MAC.
    Present(Tvn),
}

/// What a solicited status says (reference §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptor<'a> {
    /// `8`: carried out with an exception at this device.
    DeviceFault {
        /// The device and its condition.
        device: DeviceStatus<'a>,
    },
    /// `9`: the command is done.
    Ready {
        /// The chip's last word, if sent.
        completion: Option<Completion<'a>>,
    },
    /// `A`: refused, nothing carried out.
    CommandReject {
        /// Why, on terminals that say so.
        code: Option<RejectCode>,
    },
    /// `B`: the transaction reply is carried out. Sent by terminals with option 01 bit 1; others send
    /// ready.
    TransactionReplyReady {
        /// Serial number of the reply, if sent.
        tsn: Option<Tsn>,
        /// Recycling counts as sent, empty if none.
        recycling: &'a [u8],
        /// The chip's last word, if sent.
        completion: Option<Completion<'a>>,
    },
    /// `C`: refused, nothing carried out. Sent by terminals with option 12; others send a plain reject.
    SpecificCommandReject {
        /// Why.
        code: RejectCode,
    },
    /// `F`: the terminal state that a command asked for.
    TerminalState {
        /// Which: `1` configuration, `2` counters, `6` configuration id, and so on (reference §5.1).
        id: u8,
        /// What follows the identifier, separators included.
        content: &'a [u8],
    },
}

/// Unsolicited status (class `12`): something happened at a device. Never MACed in recorded traffic, so
/// no field is taken for a MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsolicitedStatus<'a> {
    /// Where.
    pub luno: Luno,
    /// The device and its condition.
    pub device: DeviceStatus<'a>,
}

impl<'a> SolicitedStatus<'a> {
    /// For a terminal without MACing.
    #[must_use]
    pub fn new(luno: Luno, descriptor: Descriptor<'a>) -> SolicitedStatus<'a> {
        SolicitedStatus { luno, tvn: TvnPosition::Absent, descriptor, mac: None }
    }

    /// `9`: the command is done.
    #[must_use]
    pub fn ready(luno: Luno) -> SolicitedStatus<'a> {
        Self::new(luno, Descriptor::Ready { completion: None })
    }

    /// `B`: the transaction reply is carried out.
    #[must_use]
    pub fn transaction_reply_ready(luno: Luno) -> SolicitedStatus<'a> {
        Self::new(luno, Descriptor::TransactionReplyReady { tsn: None, recycling: &[], completion: None })
    }

    /// `8`: carried out with an exception at this device.
    #[must_use]
    pub fn device_fault(luno: Luno, device: DeviceStatus<'a>) -> SolicitedStatus<'a> {
        Self::new(luno, Descriptor::DeviceFault { device })
    }

    /// `A`: refused without a reason.
    #[must_use]
    pub fn command_reject(luno: Luno) -> SolicitedStatus<'a> {
        Self::new(luno, Descriptor::CommandReject { code: None })
    }

    /// `C`: refused for this reason.
    #[must_use]
    pub fn specific_command_reject(luno: Luno, code: RejectCode) -> SolicitedStatus<'a> {
        Self::new(luno, Descriptor::SpecificCommandReject { code })
    }

    /// Reads a body of class `22`.
    ///
    /// # Errors
    /// Names the first field that breaks the layout. Where a dispense was outstanding, a status that
    /// cannot be read leaves its outcome suspect.
    pub fn parse(body: &'a [u8]) -> Result<SolicitedStatus<'a>, ParseError> {
        let mut tokens = Tokens::new(body);
        tokens.field();
        let luno = luno(tokens.field())?;
        tokens.field();
        let tvn = tvn_position(&mut tokens);
        let mac = match tvn {
            TvnPosition::Present(_) => Some(mac(&mut tokens)?),
            TvnPosition::Absent | TvnPosition::Empty => None,
        };
        Ok(SolicitedStatus { luno, tvn, descriptor: Descriptor::parse(tokens)?, mac })
    }

    /// Appends the message.
    ///
    /// # Errors
    /// When a text holds a separator; nothing is written then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode(out, |encoder| {
            encoder.raw(b"22");
            encoder.fs();
            encoder.luno(Some(&self.luno));
            encoder.fs();
            encoder.fs();
            match self.tvn {
                TvnPosition::Absent => {}
                TvnPosition::Empty => encoder.fs(),
                TvnPosition::Present(tvn) => {
                    encoder.raw(tvn.as_bytes());
                    encoder.fs();
                }
            }
            self.descriptor.encode(encoder)?;
            if let Some(mac) = self.mac {
                encoder.fs();
                encoder.raw(mac.as_bytes());
            }
            Ok(())
        })
    }
}

impl<'a> UnsolicitedStatus<'a> {
    /// Reads a body of class `12`.
    ///
    /// # Errors
    /// Names the first field that breaks the layout.
    pub fn parse(body: &'a [u8]) -> Result<UnsolicitedStatus<'a>, ParseError> {
        let mut tokens = Tokens::new(body);
        tokens.field();
        let luno = luno(tokens.field())?;
        tokens.field();
        Ok(UnsolicitedStatus { luno, device: DeviceStatus::parse(&mut tokens)? })
    }

    /// Appends the message.
    ///
    /// # Errors
    /// When a text holds a separator; nothing is written then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode(out, |encoder| {
            encoder.raw(b"12");
            encoder.fs();
            encoder.luno(Some(&self.luno));
            encoder.fs();
            encoder.fs();
            self.device.encode(encoder)
        })
    }
}

impl<'a> Descriptor<'a> {
    fn parse(mut tokens: Tokens<'a>) -> Result<Descriptor<'a>, ParseError> {
        let token = tokens.field();
        let (descriptor, completion) = Completion::split(token.bytes);
        Ok(match descriptor {
            b"8" => Descriptor::DeviceFault { device: DeviceStatus::parse(&mut tokens)? },
            b"9" => Descriptor::Ready { completion },
            b"A" => Descriptor::CommandReject { code: reject_code(tokens.field())? },
            b"B" => Descriptor::TransactionReplyReady {
                tsn: tsn(tokens.field())?,
                recycling: tokens.field().bytes,
                completion,
            },
            b"C" => {
                let token = tokens.field();
                let missing = token.error(Field::RejectCode, ParseErrorKind::Missing);
                Descriptor::SpecificCommandReject { code: reject_code(token)?.ok_or(missing)? }
            }
            b"F" => {
                let mut first = tokens.clone().field();
                let [id] = first.cut(Field::TerminalState)?;
                let content = tokens.remainder().skip(1);
                Descriptor::TerminalState { id, content: content.bytes }
            }
            b"" => return Err(token.error(Field::Descriptor, ParseErrorKind::Missing)),
            _ => return Err(token.error(Field::Descriptor, ParseErrorKind::Unknown)),
        })
    }

    fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Descriptor::DeviceFault { device } => {
                encoder.raw(b"8");
                encoder.fs();
                device.encode(encoder)?;
            }
            Descriptor::Ready { completion } => {
                encoder.raw(b"9");
                completion.iter().try_for_each(|completion| completion.encode(encoder))?;
            }
            Descriptor::CommandReject { code } => {
                encoder.raw(b"A");
                if let Some(code) = code {
                    encoder.fs();
                    encoder.raw(code.as_bytes());
                }
            }
            Descriptor::TransactionReplyReady { tsn, recycling, completion } => {
                encoder.raw(b"B");
                completion.iter().try_for_each(|completion| completion.encode(encoder))?;
                if tsn.is_some() || !recycling.is_empty() {
                    encoder.fs();
                }
                if let Some(tsn) = tsn {
                    encoder.digits(Field::TransactionSerialNumber, u64::from(tsn.number()), 4)?;
                }
                if !recycling.is_empty() {
                    encoder.fs();
                    encoder.groups(Field::Descriptor, recycling)?;
                }
            }
            Descriptor::SpecificCommandReject { code } => {
                encoder.raw(b"C");
                encoder.fs();
                encoder.raw(code.as_bytes());
            }
            Descriptor::TerminalState { id, content } => {
                encoder.raw(b"F");
                encoder.fs();
                encoder.groups(Field::TerminalState, &[*id])?;
                encoder.raw(content);
            }
        }
        Ok(())
    }
}

pub(crate) fn luno(token: Token) -> Result<Luno, ParseError> {
    optional_luno(token)?.ok_or(token.error(Field::Luno, ParseErrorKind::Missing))
}

/// Messages of the host may leave the LUNO empty.
pub(crate) fn optional_luno(token: Token) -> Result<Option<Luno>, ParseError> {
    if token.is_empty() {
        return Ok(None);
    }
    let kind =
        if token.bytes.len() > Luno::MAX_LENGTH { ParseErrorKind::Length } else { ParseErrorKind::Character };
    Luno::new(token.bytes).map(Some).ok_or(token.error(Field::Luno, kind))
}

pub(crate) fn tsn(token: Token) -> Result<Option<Tsn>, ParseError> {
    const FIELD: Field = Field::TransactionSerialNumber;
    if token.is_empty() {
        return Ok(None);
    }
    let digits: [u8; 4] = token.bytes.try_into().map_err(|_| token.error(FIELD, ParseErrorKind::Length))?;
    let number = crate::token::number(&digits).ok_or(token.error(FIELD, ParseErrorKind::Character))?;
    Ok(Tsn::new(number as u16))
}

/// Takes the MAC off the end.
pub(crate) fn mac(tokens: &mut Tokens) -> Result<Mac, ParseError> {
    let end = tokens.clone().remainder();
    let token = tokens.last_field().ok_or(end.error(Field::Mac, ParseErrorKind::Missing))?;
    let kind = match token.bytes.len() {
        0 => ParseErrorKind::Missing,
        8 => ParseErrorKind::Character,
        _ => ParseErrorKind::Length,
    };
    Mac::new(token.bytes).ok_or(token.error(Field::Mac, kind))
}

/// The position is there when it is empty, or holds eight hexadecimal characters, and a field follows
/// (reference §5). No descriptor looks like that.
fn tvn_position(tokens: &mut Tokens) -> TvnPosition {
    let mut ahead = tokens.clone();
    let token = ahead.field();
    let tvn = Tvn::new(token.bytes);
    let followed = ahead.clone().next().is_some();
    if !followed || !(token.is_empty() || tvn.is_some()) {
        return TvnPosition::Absent;
    }
    *tokens = ahead;
    tvn.map_or(TvnPosition::Empty, TvnPosition::Present)
}

fn reject_code(token: Token) -> Result<Option<RejectCode>, ParseError> {
    if token.is_empty() {
        return Ok(None);
    }
    let kind = if token.bytes.len() > 3 { ParseErrorKind::Length } else { ParseErrorKind::Character };
    RejectCode::new(token.bytes).map(Some).ok_or(token.error(Field::RejectCode, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dig;

    fn status(body: &'static str) -> Result<SolicitedStatus<'static>, ParseError> {
        SolicitedStatus::parse(body.as_bytes())
    }

    #[test]
    fn every_descriptor_is_read_and_written_back() {
        let check = |body: &'static str, tvn: TvnPosition, expect: Descriptor| {
            let found = status(body).unwrap();
            assert_eq!((found.tvn, found.descriptor), (tvn, expect), "{body:?}");
            let mut out = Vec::new();
            found.encode(&mut out).unwrap();
            assert_eq!(out.escape_ascii().to_string(), body.as_bytes().escape_ascii().to_string());
        };
        let tsn = Tsn::new(4321);
        let none = None;
        let code = RejectCode::new(b"C03").unwrap();
        let absent = TvnPosition::Absent;
        let completion = Completion { tlv_hex: b"9B02E800", script_results: b"" };
        check("22\x1c001\x1c\x1c9", absent, Descriptor::Ready { completion: none });
        check("22\x1c001\x1c\x1c\x1c9", TvnPosition::Empty, Descriptor::Ready { completion: none });
        check("22\x1c001\x1c\x1cA", absent, Descriptor::CommandReject { code: None });
        check("22\x1c001\x1c\x1cA\x1cC03", absent, Descriptor::CommandReject { code: Some(code) });
        check("22\x1c001\x1c\x1cC\x1cC03", absent, Descriptor::SpecificCommandReject { code });
        check(
            "22\x1c001\x1c\x1cB\x1c4321\x1c101\x1d00105",
            absent,
            Descriptor::TransactionReplyReady { tsn, recycling: b"101\x1d00105", completion: None },
        );
        check(
            "22\x1c001\x1c\x1c\x1cB\x1dCAM\x1d9B02E800",
            TvnPosition::Empty,
            Descriptor::TransactionReplyReady { tsn: None, recycling: b"", completion: Some(completion) },
        );
        check(
            "22\x1c001\x1c\x1c01B204C3\x1cF\x1c60042\x1c857D63E9",
            TvnPosition::Present(Tvn::new(b"01B204C3").unwrap()),
            Descriptor::TerminalState { id: b'6', content: b"0042" },
        );
        let device = DeviceStatus {
            severity: b"01000",
            supplies: b"12000",
            ..DeviceStatus::new(dig::CASH_HANDLER, b"001000000")
        };
        check(
            "22\x1c001\x1c\x1c8\x1cE001000000\x1c01000\x1c\x1c12000",
            absent,
            Descriptor::DeviceFault { device },
        );
    }

    #[test]
    fn refuses_by_field() {
        let check = |body, field, kind| {
            let error = status(body).unwrap_err();
            assert_eq!((error.field, error.kind), (field, kind), "{body:?}");
        };
        check("22", Field::Luno, ParseErrorKind::Missing);
        check("22\x1c0010000010", Field::Luno, ParseErrorKind::Length);
        check("22\x1c0 1", Field::Luno, ParseErrorKind::Character);
        check("22\x1c001\x1c", Field::Descriptor, ParseErrorKind::Missing);
        check("22\x1c001\x1c\x1c90", Field::Descriptor, ParseErrorKind::Unknown);
        check("22\x1c001\x1c\x1c8", Field::Device, ParseErrorKind::Missing);
        check("22\x1c001\x1c\x1cC", Field::RejectCode, ParseErrorKind::Missing);
        check("22\x1c001\x1c\x1cC\x1cC034", Field::RejectCode, ParseErrorKind::Length);
        check("22\x1c001\x1c\x1cB\x1c43", Field::TransactionSerialNumber, ParseErrorKind::Length);
        check("22\x1c001\x1c\x1cB\x1c43x1", Field::TransactionSerialNumber, ParseErrorKind::Character);
        check("22\x1c001\x1c\x1cF", Field::TerminalState, ParseErrorKind::Missing);
        check("22\x1c001\x1c\x1c01B204C3\x1c9\x1c857d63e9", Field::Mac, ParseErrorKind::Character);
        check("22\x1c001\x1c\x1c01B204C3\x1c9", Field::Mac, ParseErrorKind::Length);
        check("22\x1c001\x1c\x1c01B204C3\x1c9\x1c", Field::Mac, ParseErrorKind::Missing);
    }

    #[test]
    fn unsolicited_events() {
        let device = |body: &'static str| UnsolicitedStatus::parse(body.as_bytes()).unwrap().device;
        assert_eq!(device("12\x1c001\x1c\x1cB0042").power_failure(), Some(&b"0042"[..]));
        assert_eq!(device("12\x1c001\x1c\x1cP21").supervisor_mode(), Some(true));
        assert_eq!(device("12\x1c001\x1c\x1cP20").supervisor_mode(), Some(false));
        assert_eq!(device("12\x1c001\x1c\x1cP3100").supervisor_mode(), None);
        assert_eq!(device("12\x1c001\x1c\x1c!1\x1c0").dig, b'!');
        let ejected = device("12\x1c001\x1c\x1cD2\x1c2\x1c1205001000\x1c0");
        assert_eq!((ejected.code(), ejected.severity, ejected.supplies), (Some(b'2'), &b"2"[..], &b"0"[..]));
    }
}
