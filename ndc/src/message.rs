use crate::token::{Token, Tokens};
use crate::{
    Field, Options, ParseError, ParseErrorKind, SolicitedStatus, TerminalCommand, TransactionReply,
    TransactionRequest, UnsolicitedStatus,
};

/// A message of a terminal.
#[derive(Clone, Debug)]
pub enum FromTerminal<'a> {
    /// Class `11`.
    TransactionRequest(TransactionRequest<'a>),
    /// Class `22`.
    SolicitedStatus(SolicitedStatus<'a>),
    /// Class `12`.
    UnsolicitedStatus(UnsolicitedStatus<'a>),
    /// A class that is named but not taken apart.
    Other {
        /// `23` encryptor initialisation, `41` software status, `51` exit to host, `61` journal upload.
        class: [u8; 2],
        /// Everything behind the class and its separator, as sent.
        content: crate::Secret<'a>,
    },
}

/// A message of the host.
#[derive(Clone, Debug)]
pub enum FromHost<'a> {
    /// Class `1`.
    TerminalCommand(TerminalCommand<'a>),
    /// Class `4`.
    TransactionReply(TransactionReply<'a>),
    /// A class that is named but not taken apart.
    Other {
        /// `3` customisation, `5` alert, `6` journal, `7` host to exit, `8` EMV configuration.
        class: u8,
        /// Everything behind the class and its separator, as sent; key loads are among them.
        content: crate::Secret<'a>,
    },
}

/// Reads a body that came from a terminal.
///
/// # Errors
/// Names the first field that breaks the layout. The connection need not be closed: framing is intact.
pub fn parse_from_terminal<'a>(body: &'a [u8], options: &Options) -> Result<FromTerminal<'a>, ParseError> {
    let mut tokens = Tokens::new(body);
    let class = tokens.field();
    Ok(match class.bytes {
        b"11" => FromTerminal::TransactionRequest(TransactionRequest::parse(body, options)?),
        b"22" => FromTerminal::SolicitedStatus(SolicitedStatus::parse(body)?),
        b"12" => FromTerminal::UnsolicitedStatus(UnsolicitedStatus::parse(body)?),
        [first @ (b'2' | b'4' | b'5' | b'6'), second @ (b'1' | b'3')]
            if (*first == b'2') == (*second == b'3') =>
        {
            FromTerminal::Other { class: [*first, *second], content: content(tokens) }
        }
        _ => return Err(unknown_class(class)),
    })
}

/// Reads a body that came from the host.
///
/// # Errors
/// Names the first field that breaks the layout; [`RejectCode::for_error`](crate::RejectCode::for_error)
/// has the code with which a terminal answers.
pub fn parse_from_host(body: &[u8]) -> Result<FromHost<'_>, ParseError> {
    let mut tokens = Tokens::new(body);
    let class = host_class(tokens.field())?;
    Ok(match class {
        b'1' => FromHost::TerminalCommand(TerminalCommand::parse(body)?),
        b'4' => FromHost::TransactionReply(TransactionReply::parse(body)?),
        class => FromHost::Other { class, content: content(tokens) },
    })
}

/// The class character of a host message. A response flag behind it (nothing, space or `0` are in use)
/// means nothing (reference §2).
pub(crate) fn host_class(token: Token) -> Result<u8, ParseError> {
    match token.bytes {
        [class @ (b'1' | b'3'..=b'8')] | [class @ (b'1' | b'3'..=b'8'), b' ' | b'0'] => Ok(*class),
        _ => Err(unknown_class(token)),
    }
}

fn content(tokens: Tokens<'_>) -> crate::Secret<'_> {
    crate::Secret::new(tokens.remainder().bytes)
}

fn unknown_class(token: Token) -> ParseError {
    let kind = if token.is_empty() { ParseErrorKind::Missing } else { ParseErrorKind::Unknown };
    token.error(Field::Class, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_decides() {
        let check = |body: &str, expect: Result<&str, ParseErrorKind>| {
            let found = parse_from_terminal(body.as_bytes(), &Options::default());
            let name = found.as_ref().map(|message| match message {
                FromTerminal::TransactionRequest(_) => "request",
                FromTerminal::SolicitedStatus(_) => "solicited",
                FromTerminal::UnsolicitedStatus(_) => "unsolicited",
                FromTerminal::Other { class, .. } => std::str::from_utf8(class).unwrap(),
            });
            assert_eq!(name.map_err(|error| error.kind), expect, "{body:?}");
        };
        check("11\x1c001\x1c\x1c\x1c01", Ok("request"));
        check("22\x1c001\x1c\x1c9", Ok("solicited"));
        check("12\x1c001\x1c\x1cP21", Ok("unsolicited"));
        check("23\x1c001\x1c\x1c3\x1c02A68B", Ok("23"));
        check("41", Ok("41"));
        check("51\x1c", Ok("51"));
        check("61\x1c\x1c\x1c\x1c000001", Ok("61"));
        check("21\x1c001", Err(ParseErrorKind::Unknown));
        check("43\x1c001", Err(ParseErrorKind::Unknown));
        check("52\x1c001\x1c\x1c\x1c\t", Err(ParseErrorKind::Unknown));
        check("zz\x1cx", Err(ParseErrorKind::Unknown));
        check("", Err(ParseErrorKind::Missing));
    }

    #[test]
    fn what_is_not_taken_apart_is_kept() {
        let message = parse_from_terminal(b"61\x1c\x1c\x1c\x1c000001journal", &Options::default()).unwrap();
        let FromTerminal::Other { content, .. } = message else { panic!("class 61 is not taken apart") };
        assert_eq!(content.reveal(), b"\x1c\x1c\x1c000001journal");
        let Ok(FromHost::Other { class, content }) = parse_from_host(b"30\x1c001\x1c\x1c4H") else {
            panic!("class 3 is not taken apart")
        };
        assert_eq!((class, content.reveal()), (b'3', &b"001\x1c\x1c4H"[..]));
        assert!(parse_from_host(b"9\x1c001").is_err());
        assert!(parse_from_host(b"1x\x1c001\x1c\x1c1").is_err());
    }
}
