use crate::reader::Reader;
use crate::{Command, CommandCode, CommandError, ErrorCode};

/// A command as a host sends it: with the LMK it selects and the trailer it wants back.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What is asked.
    pub command: Command<'a>,
    /// The LMK to use, `%` and two digits after the command; the unit's default when absent.
    pub lmk: Option<LmkIdentifier>,
    /// Up to 32 characters, often none, after the byte 0x19: the reply repeats byte and characters at its end.
    pub trailer: Option<&'a [u8]>,
}

/// Which of the loaded LMKs a command uses: 00 to 99.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LmkIdentifier(pub u8);

impl<'a> Request<'a> {
    /// The byte that begins a trailer (ASCII EM).
    pub const END_OF_MEDIUM: u8 = 0x19;

    /// Longest trailer.
    pub const MAX_TRAILER: usize = 32;

    /// A command for the default LMK, without a trailer.
    #[must_use]
    pub fn new(command: Command<'a>) -> Request<'a> {
        Request { command, lmk: None, trailer: None }
    }

    /// Appends command code, body, LMK identifier and trailer.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.command.encode_body(out);
        if let Some(LmkIdentifier(identifier)) = self.lmk {
            out.push(b'%');
            crate::writer::decimal(out, identifier.into(), 2);
        }
        self.command.encode_options(out);
        if let Some(trailer) = self.trailer {
            out.push(Request::END_OF_MEDIUM);
            out.extend_from_slice(trailer);
        }
    }

    /// Reads command code, body, LMK identifier and trailer: everything after the message header.
    ///
    /// # Errors
    /// 68 for a command code not known here, otherwise what a payShield would answer: mostly 15.
    pub fn parse(body: &'a [u8]) -> Result<Request<'a>, CommandError> {
        let mut reader = Reader::new(body);
        let mut command = Command::read(&mut reader)?;
        let code = command.code();
        let fail = |error| CommandError { code, error };
        let lmk = lmk_identifier(&mut reader).map_err(fail)?;
        command.parse_options(&mut reader).map_err(fail)?;
        let trailer = trailer(&mut reader).map_err(fail)?;
        Ok(Request { command, lmk, trailer })
    }
}

impl<'a> Command<'a> {
    /// Reads a command code and its body, and nothing after it. [`Request::parse`] also takes an LMK
    /// identifier and a trailer.
    ///
    /// # Errors
    /// 68 for a command code not known here, otherwise what a payShield would answer: mostly 15.
    pub fn parse(body: &'a [u8]) -> Result<Command<'a>, CommandError> {
        let mut reader = Reader::new(body);
        let mut command = Command::read(&mut reader)?;
        let code = command.code();
        command.parse_options(&mut reader).map_err(|error| CommandError { code, error })?;
        if reader.is_empty() {
            return Ok(command);
        }
        Err(CommandError { code, error: ErrorCode::INPUT })
    }

    fn read(reader: &mut Reader<'a>) -> Result<Command<'a>, CommandError> {
        let code = reader.array().map(CommandCode::new);
        let code = code.map_err(|error| CommandError { code: CommandCode::MISSING, error })?;
        Command::parse_body(code, reader).map_err(|error| CommandError { code, error })
    }
}

fn lmk_identifier(reader: &mut Reader<'_>) -> Result<Option<LmkIdentifier>, ErrorCode> {
    if !reader.accept(b'%') {
        return Ok(None);
    }
    reader.small_decimal::<2>().map(LmkIdentifier).map(Some)
}

fn trailer<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, ErrorCode> {
    if reader.is_empty() {
        return Ok(None);
    }
    reader.expect(Request::END_OF_MEDIUM)?;
    let trailer = reader.take_rest();
    if trailer.len() > Request::MAX_TRAILER { Err(ErrorCode::INPUT) } else { Ok(Some(trailer)) }
}
