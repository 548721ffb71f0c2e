use crate::encoder::Encoder;
use crate::token::{Token, number};
use crate::{Completion, EncodeError, Field, Notes, Options, ParseError, ParseErrorKind, Tsn};

/// Last-transaction status of a request (identifier `2`): how the terminal ended what the *previous*
/// reply ordered. It resolves every doubt about that transaction
/// ([`DispenseOutcome::of_last_status`](crate::DispenseOutcome::of_last_status)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastStatus<'a> {
    /// Serial number of that reply.
    pub tsn: Tsn,
    /// How it ended.
    pub status: LastStatusCode,
    /// Notes given, by type.
    pub notes: Notes,
    /// What newer releases append (coins, deposit direction, recycling), as sent.
    pub tail: &'a [u8],
    /// The chip's last word, where it was a chip transaction.
    pub completion: Option<Completion<'a>>,
}

/// How the terminal ended the last transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastStatusCode {
    /// `0`: no status was sent.
    NotSent,
    /// `1`: good.
    Good,
    /// `2`: an error.
    Error,
    /// `3`: the reply was rejected.
    Rejected,
    /// Any other character.
    Other(u8),
}

impl<'a> LastStatus<'a> {
    const DIGITS_PER_COUNT: usize = 5;

    /// Reads what stands behind the identifier `2`, from left to right by configuration; whatever
    /// follows the notes is kept (reference §4.1 knows nine lengths).
    pub(crate) fn parse(mut token: Token<'a>, options: &Options) -> Result<LastStatus<'a>, ParseError> {
        const FIELD: Field = Field::LastStatus;
        let digits: [u8; 4] = token.cut(FIELD)?;
        let tsn = number(&digits).and_then(|tsn| Tsn::new(tsn as u16));
        let tsn = tsn.ok_or(token.error(FIELD, ParseErrorKind::Character))?;
        let [status] = token.cut(FIELD)?;
        let mut counts = [0; Notes::MAX_TYPES];
        let counts = &mut counts[..options.cassette_types.min(Notes::MAX_TYPES)];
        for count in counts.iter_mut() {
            *count = token.cut_number(Self::DIGITS_PER_COUNT, FIELD)?;
        }
        let notes = Notes::new(counts).ok_or(token.error(FIELD, ParseErrorKind::Length))?;
        let (tail, completion) = Completion::split(token.bytes);
        Ok(LastStatus { tsn, status: LastStatusCode::from(status), notes, tail, completion })
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.raw(b"2");
        encoder.digits(Field::LastStatus, u64::from(self.tsn.number()), 4)?;
        encoder.groups(Field::LastStatus, &[u8::from(self.status)])?;
        for count in self.notes.counts() {
            encoder.digits(Field::LastStatus, u64::from(*count), Self::DIGITS_PER_COUNT)?;
        }
        encoder.text(Field::LastStatus, self.tail)?;
        self.completion.iter().try_for_each(|completion| completion.encode(encoder))
    }
}

impl From<u8> for LastStatusCode {
    fn from(code: u8) -> LastStatusCode {
        match code {
            b'0' => LastStatusCode::NotSent,
            b'1' => LastStatusCode::Good,
            b'2' => LastStatusCode::Error,
            b'3' => LastStatusCode::Rejected,
            other => LastStatusCode::Other(other),
        }
    }
}

impl From<LastStatusCode> for u8 {
    fn from(code: LastStatusCode) -> u8 {
        match code {
            LastStatusCode::NotSent => b'0',
            LastStatusCode::Good => b'1',
            LastStatusCode::Error => b'2',
            LastStatusCode::Rejected => b'3',
            LastStatusCode::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str, cassette_types: usize) -> Result<LastStatus<'static>, ParseError> {
        let options = Options { cassette_types, ..Options::default() };
        LastStatus::parse(Token { bytes: text.as_bytes(), offset: 0 }, &options)
    }

    #[test]
    fn reads_every_known_length() {
        // Lengths of reference §4.1 with the identifier, which is not part of the token.
        let digits = "0209100001000020000300004000050000600007".to_string() + &"0".repeat(60);
        let digits: &'static str = digits.leak();
        for length in [26, 37, 45, 57, 52, 60, 72, 74] {
            let status = parse(&digits[..length - 1], 4).unwrap();
            assert_eq!(status.tsn.number(), 209);
            assert_eq!(status.status, LastStatusCode::Good);
            assert_eq!(status.notes.counts(), [1, 2, 3, 4]);
            assert_eq!(status.tail.len(), length - 26);
        }
        for length in [41, 67, 75, 87] {
            assert_eq!(parse(&digits[..length - 1], 7).unwrap().notes.counts(), [1, 2, 3, 4, 5, 6, 7]);
        }
    }

    #[test]
    fn keeps_the_completion() {
        let status = parse("1642200000000000000100000\x1dCAM\x1d9B026000", 4).unwrap();
        assert_eq!(status.status, LastStatusCode::Error);
        assert_eq!(status.notes.counts(), [0, 0, 1, 0]);
        assert_eq!(status.completion.unwrap().tlv_hex, b"9B026000");
    }

    #[test]
    fn refuses_what_is_cut_off() {
        let check = |text, kind| assert_eq!(parse(text, 4).unwrap_err().kind, kind, "{text}");
        check("", ParseErrorKind::Missing);
        check("020", ParseErrorKind::Length);
        check("0209", ParseErrorKind::Missing);
        check("020910000000000", ParseErrorKind::Length);
        check("0x09100000000000000000000", ParseErrorKind::Character);
        check("02091000000000000000000x0", ParseErrorKind::Character);
        assert_eq!(parse("02099 0000", 0).unwrap().status, LastStatusCode::Other(b'9'));
    }
}
