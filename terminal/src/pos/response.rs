use card::{Currency, ResponseCode, Rrn, Stan};
use iso8583::emv::{self, tag};
use iso8583::{Dialect, EncodeError, Message, Mti, ParseError, field, parse};
use std::fmt;

/// What a terminal looks at in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PosResponse {
    /// Message type.
    pub mti: Mti,
    /// DE 11, by which the answer finds its request.
    pub stan: Option<Stan>,
    /// DE 37.
    pub rrn: Option<Rrn>,
    /// DE 39.
    pub code: ResponseCode,
    /// DE 38.
    pub authorization_id: Option<[u8; 6]>,
    /// Tag 91 of DE 55.
    pub issuer_authentication: Option<Vec<u8>>,
    /// Tag 71 or 72 of DE 55: an issuer script.
    pub script: Option<Vec<u8>>,
    /// Ledger balance of DE 54, minor units.
    pub ledger_minor: Option<i64>,
    /// Available balance of DE 54, minor units.
    pub available_minor: Option<i64>,
    /// DE 4: what was asked for, or approved of it.
    pub amount_minor: Option<u64>,
    /// DE 48.
    pub additional: Option<String>,
}

/// Why a message could not be made, or an answer not be read. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PosError {
    /// Not a message of the dialect.
    Parse(ParseError),
    /// A value does not fit the dialect.
    Encode(EncodeError),
    /// A message type that answers nothing.
    NotAResponse(Mti),
    /// This data element is missing, or not what it must be.
    Element(u8),
}

impl PosResponse {
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is no message of the dialect or no answer, lacks DE 39, or holds balances or chip data
    /// that cannot be read.
    pub fn parse(frame: &[u8], dialect: &'static Dialect) -> Result<PosResponse, PosError> {
        let message = parse(frame, dialect).map_err(PosError::Parse)?;
        let mti = message.mti();
        if mti.expects_response() {
            return Err(PosError::NotAResponse(mti));
        }
        let (ledger_minor, available_minor) = balances(&message)?;
        Ok(PosResponse {
            mti,
            stan: element(&message, field::STAN, |digits| Stan::parse(digits).ok())?,
            rrn: element(&message, field::RRN, |text| Rrn::parse(text).ok())?,
            code: element(&message, field::RESPONSE_CODE, ResponseCode::parse)?
                .ok_or(PosError::Element(field::RESPONSE_CODE))?,
            authorization_id: element(&message, field::AUTHORIZATION_ID, |text| text.try_into().ok())?,
            issuer_authentication: element(&message, field::ICC, issuer_authentication)?.flatten(),
            script: element(&message, field::ICC, script)?.flatten(),
            ledger_minor,
            available_minor,
            amount_minor: message.number(field::AMOUNT),
            additional: element(&message, field::ADDITIONAL_PRIVATE, |text| {
                std::str::from_utf8(text).ok().map(str::to_owned)
            })?,
        })
    }
}

/// An element that may be absent, but must be sound when it is there.
fn element<T>(
    message: &Message<'_>,
    number: u8,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, PosError> {
    let value = message.value(number);
    value.map(|value| read(&value).ok_or(PosError::Element(number))).transpose()
}

/// `None` when the objects cannot be read, `Some(None)` when tag 91 is not among them.
fn issuer_authentication(icc: &[u8]) -> Option<Option<Vec<u8>>> {
    emv::find(icc, tag::ISSUER_AUTHENTICATION).ok().map(|value| value.map(<[u8]>::to_vec))
}

/// The same of a script.
fn script(icc: &[u8]) -> Option<Option<Vec<u8>>> {
    let first = emv::find(icc, tag::SCRIPT_1).ok()?;
    let script = if first.is_some() { first } else { emv::find(icc, tag::SCRIPT_2).ok()? };
    Some(script.map(<[u8]>::to_vec))
}

/// DE 54: entries of account type (2), amount type (2: 01 ledger, 02 available), currency (3), sign
/// (`C` or `D`) and 12 digits.
fn balances(message: &Message<'_>) -> Result<(Option<i64>, Option<i64>), PosError> {
    let Some(amounts) = message.value(field::ADDITIONAL_AMOUNTS) else { return Ok((None, None)) };
    let illegal = PosError::Element(field::ADDITIONAL_AMOUNTS);
    let (entries, rest) = amounts.as_chunks::<20>();
    if !rest.is_empty() {
        return Err(illegal);
    }
    let (mut ledger_minor, mut available_minor) = (None, None);
    for entry in entries {
        let minor = signed_amount(entry).ok_or(illegal)?;
        match &entry[2..4] {
            b"01" => ledger_minor = Some(minor),
            b"02" => available_minor = Some(minor),
            _ => {}
        }
    }
    Ok((ledger_minor, available_minor))
}

fn signed_amount(entry: &[u8; 20]) -> Option<i64> {
    let text = std::str::from_utf8(entry).ok()?;
    Currency::parse(text.get(4..7)?).ok()?;
    let digits = text.get(8..20).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let minor: i64 = digits.parse().ok()?;
    match entry[7] {
        b'C' => Some(minor),
        b'D' => Some(-minor),
        _ => None,
    }
}

impl fmt::Display for PosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PosError::Parse(error) => write!(f, "not a message of the dialect: {error}"),
            PosError::Encode(error) => write!(f, "cannot be written: {error}"),
            PosError::NotAResponse(mti) => write!(f, "{mti} answers nothing"),
            PosError::Element(number) => write!(f, "DE {number} is missing or cannot be read"),
        }
    }
}

impl std::error::Error for PosError {}
