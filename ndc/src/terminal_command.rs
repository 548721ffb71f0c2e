use crate::encoder::encode;
use crate::message::host_class;
use crate::status::optional_luno;
use crate::token::{Token, Tokens};
use crate::{EncodeError, Field, Luno, ParseError, ParseErrorKind};

/// Terminal command (class `1`). Each is answered by exactly one solicited status, except
/// [`Command::Disconnect`], which is not answered. Never MACed in recorded traffic, so no field is taken
/// for a MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalCommand<'a> {
    /// Which terminal; empty means the one at the other end.
    pub luno: Option<Luno>,
    /// Message sequence number, three characters that terminals ignore.
    pub sequence: &'a [u8],
    /// What to do.
    pub command: Command,
}

/// What a terminal is told to do (reference §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `1`: go in service.
    GoInService,
    /// `2`: go out of service.
    GoOutOfService {
        /// Modifier `1`: for a short time, with another screen.
        temporary: bool,
    },
    /// `3`: send the configuration id.
    SendConfigurationId,
    /// `4`: send the supply counters.
    SendCounters {
        /// Modifier `2`: the extended form.
        extended: bool,
    },
    /// `5`: send the tally.
    SendTally {
        /// Modifier as sent; its values are not described by open sources.
        modifier: Option<u8>,
    },
    /// `6`: send the error log.
    SendErrorLog {
        /// Modifier as sent; its values are not described by open sources.
        modifier: Option<u8>,
    },
    /// `7`: send configuration information.
    SendConfiguration {
        /// `1` hardware, `2` supplies, `3` fitness, `4` sensors, `5` software, `6` enhanced, `7` option
        /// digits, `8` deposit definition; none for all.
        modifier: Option<u8>,
    },
    /// `8`: send date and time.
    SendDateTime,
    /// `F`: disconnect.
    Disconnect,
    /// `G`: do nothing, a test of the link.
    NoOperation,
}

impl<'a> TerminalCommand<'a> {
    const LONGEST_SEQUENCE: usize = 8;

    /// For the terminal at the other end.
    #[must_use]
    pub fn new(luno: Option<Luno>, command: Command) -> TerminalCommand<'a> {
        TerminalCommand { luno, sequence: &[], command }
    }

    /// Reads a body of class `1`.
    ///
    /// # Errors
    /// Names the first field that breaks the layout.
    pub fn parse(body: &'a [u8]) -> Result<TerminalCommand<'a>, ParseError> {
        let mut tokens = Tokens::new(body);
        let class = tokens.field();
        if host_class(class)? != b'1' {
            return Err(class.error(Field::Class, ParseErrorKind::Unknown));
        }
        let luno = optional_luno(tokens.field())?;
        let sequence = tokens.field().at_most(Self::LONGEST_SEQUENCE, Field::TimeVariantNumber)?;
        Ok(TerminalCommand { luno, sequence, command: Command::parse(tokens.field())? })
    }

    /// Appends the message.
    ///
    /// # Errors
    /// When the sequence number holds a separator or is too long; nothing is written then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode(out, |encoder| {
            encoder.raw(b"1");
            encoder.fs();
            encoder.luno(self.luno.as_ref());
            encoder.fs();
            encoder.at_most(Field::TimeVariantNumber, self.sequence, Self::LONGEST_SEQUENCE)?;
            encoder.fs();
            let (code, modifier) = self.command.code();
            encoder.raw(&[code]);
            encoder.text(Field::Command, modifier.as_slice())
        })
    }
}

impl Command {
    /// Code and modifier are one field.
    fn parse(token: Token) -> Result<Command, ParseError> {
        let (code, modifier) = match token.bytes {
            [] => return Err(token.error(Field::Command, ParseErrorKind::Missing)),
            [code] => (*code, None),
            [code, modifier] => (*code, Some(*modifier)),
            _ => return Err(token.error(Field::Command, ParseErrorKind::Length)),
        };
        Ok(match (code, modifier) {
            (b'1', None) => Command::GoInService,
            (b'2', None | Some(b'0')) => Command::GoOutOfService { temporary: false },
            (b'2', Some(b'1')) => Command::GoOutOfService { temporary: true },
            (b'3', None) => Command::SendConfigurationId,
            (b'4', None | Some(b'1')) => Command::SendCounters { extended: false },
            (b'4', Some(b'2')) => Command::SendCounters { extended: true },
            (b'5', modifier) => Command::SendTally { modifier },
            (b'6', modifier) => Command::SendErrorLog { modifier },
            (b'7', modifier @ (None | Some(b'1'..=b'8'))) => Command::SendConfiguration { modifier },
            (b'8', None) => Command::SendDateTime,
            (b'F', None) => Command::Disconnect,
            (b'G', None) => Command::NoOperation,
            _ => return Err(token.error(Field::Command, ParseErrorKind::Unknown)),
        })
    }

    fn code(self) -> (u8, Option<u8>) {
        match self {
            Command::GoInService => (b'1', None),
            Command::GoOutOfService { temporary } => (b'2', temporary.then_some(b'1')),
            Command::SendConfigurationId => (b'3', None),
            Command::SendCounters { extended } => (b'4', extended.then_some(b'2')),
            Command::SendTally { modifier } => (b'5', modifier),
            Command::SendErrorLog { modifier } => (b'6', modifier),
            Command::SendConfiguration { modifier } => (b'7', modifier),
            Command::SendDateTime => (b'8', None),
            Command::Disconnect => (b'F', None),
            Command::NoOperation => (b'G', None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_read_and_written_back() {
        let check = |code: &str, command: Command| {
            let body = format!("1\x1c001\x1c\x1c{code}").into_bytes();
            assert_eq!(TerminalCommand::parse(&body).unwrap().command, command, "{code}");
            let mut out = Vec::new();
            TerminalCommand::new(Luno::new(b"001"), command).encode(&mut out).unwrap();
            assert_eq!(out, body);
        };
        check("1", Command::GoInService);
        check("2", Command::GoOutOfService { temporary: false });
        check("21", Command::GoOutOfService { temporary: true });
        check("3", Command::SendConfigurationId);
        check("4", Command::SendCounters { extended: false });
        check("42", Command::SendCounters { extended: true });
        check("5", Command::SendTally { modifier: None });
        check("6A", Command::SendErrorLog { modifier: Some(b'A') });
        check("7", Command::SendConfiguration { modifier: None });
        check("73", Command::SendConfiguration { modifier: Some(b'3') });
        check("8", Command::SendDateTime);
        check("F", Command::Disconnect);
        check("G", Command::NoOperation);
    }

    #[test]
    fn flag_luno_and_sequence_are_tolerated() {
        let command = TerminalCommand::parse(b"10\x1c\x1c999\x1c20").unwrap();
        assert_eq!((command.luno, command.sequence), (None, &b"999"[..]));
        assert_eq!(command.command, Command::GoOutOfService { temporary: false });
    }

    #[test]
    fn refuses_by_field() {
        let check = |body: &str, field, kind| {
            let error = TerminalCommand::parse(body.as_bytes()).unwrap_err();
            assert_eq!((error.field, error.kind), (field, kind), "{body:?}");
        };
        check("4\x1c001\x1c\x1c1", Field::Class, ParseErrorKind::Unknown);
        check("1\x1c001\x1c\x1cZ", Field::Command, ParseErrorKind::Unknown);
        check("1\x1c001\x1c\x1c13", Field::Command, ParseErrorKind::Unknown);
        check("1\x1c001\x1c\x1c211", Field::Command, ParseErrorKind::Length);
        check("1\x1c001", Field::Command, ParseErrorKind::Missing);
        check("1\x1c001\x1c123456789\x1c1", Field::TimeVariantNumber, ParseErrorKind::Length);
    }
}
