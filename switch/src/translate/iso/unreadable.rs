//! Answers to frames that could not be read to their end.

use super::response;
use auth::Response;
use card::ResponseCode;
use iso8583::{Dialect, EncodeError, Mti, ParseError, parse_leading};

/// Appends the answer 30 to a frame that [`parse`](iso8583::parse) refused with `error`: the fields before the
/// faulty one are repeated like those of any request, so that the sender finds its message by them.
/// Gives `false`, and appends nothing, when not even the message type was read or it asks for no
/// answer.
///
/// # Errors
/// As [`response()`].
pub fn unreadable_response(
    frame: &[u8],
    dialect: &Dialect,
    error: &ParseError,
    out: &mut Vec<u8>,
) -> Result<bool, EncodeError> {
    if !error.mti.is_some_and(Mti::expects_response) {
        return Ok(false);
    }
    let (message, _) = parse_leading(frame, dialect);
    response(&message, &Response::bare(ResponseCode::FORMAT_ERROR), out)?;
    Ok(true)
}
