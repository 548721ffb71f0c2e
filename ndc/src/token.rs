use crate::{Field, ParseError, ParseErrorKind};

pub(crate) const FS: u8 = 0x1C;
pub(crate) const GS: u8 = 0x1D;

/// One FS-delimited field and where it begins in the body.
#[derive(Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) offset: usize,
}

/// The fields of a body from left to right. A body may end before its last fields: terminals drop
/// trailing empty ones (reference §1), so a field that is not there reads as empty.
#[derive(Clone)]
pub(crate) struct Tokens<'a> {
    rest: Option<Token<'a>>,
    end: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Tokens<'a> {
        Tokens { rest: Some(Token { bytes: body, offset: 0 }), end: body.len() }
    }

    /// The next field, empty when the body has ended.
    pub(crate) fn field(&mut self) -> Token<'a> {
        let end = self.end;
        self.next().unwrap_or(Token { bytes: &[], offset: end })
    }

    /// Takes the last field off the end; `None` when no field is left.
    pub(crate) fn last_field(&mut self) -> Option<Token<'a>> {
        let rest = self.rest?;
        let Some(separator) = rest.bytes.iter().rposition(|byte| *byte == FS) else {
            self.rest = None;
            return Some(rest);
        };
        self.rest = Some(Token { bytes: &rest.bytes[..separator], offset: rest.offset });
        Some(rest.skip(separator + 1))
    }

    /// All that is left, separators included.
    pub(crate) fn remainder(self) -> Token<'a> {
        self.rest.unwrap_or(Token { bytes: &[], offset: self.end })
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.rest?;
        let Some(separator) = rest.bytes.iter().position(|byte| *byte == FS) else {
            self.rest = None;
            return Some(rest);
        };
        self.rest = Some(rest.skip(separator + 1));
        Some(Token { bytes: &rest.bytes[..separator], offset: rest.offset })
    }
}

impl<'a> Token<'a> {
    pub(crate) fn error(&self, field: Field, kind: ParseErrorKind) -> ParseError {
        ParseError { field, offset: self.offset, kind }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The token without its first `count` bytes, of which it has at least that many.
    pub(crate) fn skip(&self, count: usize) -> Token<'a> {
        Token { bytes: &self.bytes[count..], offset: self.offset + count }
    }

    /// Cuts off the first `N` bytes.
    pub(crate) fn cut<const N: usize>(&mut self, field: Field) -> Result<[u8; N], ParseError> {
        let Some(head) = self.bytes.first_chunk::<N>() else {
            let kind = if self.is_empty() { ParseErrorKind::Missing } else { ParseErrorKind::Length };
            return Err(self.error(field, kind));
        };
        *self = self.skip(N);
        Ok(*head)
    }

    /// Cuts off `count` ASCII digits as a number. Nine digits at most, so it fits.
    pub(crate) fn cut_number(&mut self, count: usize, field: Field) -> Result<u32, ParseError> {
        let Some(head) = self.bytes.get(..count) else {
            return Err(self.error(field, ParseErrorKind::Length));
        };
        let number = number(head).ok_or(self.error(field, ParseErrorKind::Character))?;
        *self = self.skip(count);
        Ok(number)
    }

    /// The text itself, of at most `longest` bytes.
    pub(crate) fn at_most(&self, longest: usize, field: Field) -> Result<&'a [u8], ParseError> {
        if self.bytes.len() > longest {
            return Err(self.error(field, ParseErrorKind::Length));
        }
        Ok(self.bytes)
    }
}

/// ASCII digits as a number; `None` when one is no digit or it does not fit.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, digit| {
        let value = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_from_both_ends() {
        let mut tokens = Tokens::new(b"11\x1c001\x1c\x1cMAC");
        assert_eq!((tokens.field().bytes, tokens.field().offset), (&b"11"[..], 3));
        let last = tokens.last_field().unwrap();
        assert_eq!((last.bytes, last.offset), (&b"MAC"[..], 8));
        assert_eq!(tokens.field().bytes, b"");
        assert_eq!((tokens.field().bytes, tokens.field().offset), (&b""[..], 11));
        assert!(tokens.last_field().is_none());
    }
}
