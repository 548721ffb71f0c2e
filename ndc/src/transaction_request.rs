use crate::encoder::{Encoder, encode};
use crate::status::{luno, mac};
use crate::token::{Token, Tokens};
use crate::{
    EncodeError, Field, LastStatus, Luno, Mac, Options, ParseError, ParseErrorKind, Secret, SmartCard, Tvn,
};
use card::{PinBlock, Track2, Track2Error};
use std::fmt;

/// Transaction request (class `11`): what the customer asked for, or an advice without a customer, or
/// the answer to an interactive response; the operation code tells which (reference §4, §16).
#[derive(Clone, Debug)]
pub struct TransactionRequest<'a> {
    /// Which terminal.
    pub luno: Luno,
    /// Time variant number, which the reply must carry; sent when MACing.
    pub tvn: Option<Tvn>,
    /// Whether the transaction data will be the first on the receipt.
    pub top_of_receipt: bool,
    /// Message co-ordination number, one character; the reply must carry the same.
    pub mcn: u8,
    /// Track 2 as sent, with sentinels, or a keyed identification in its place. [`Self::read_track2`]
    /// takes it apart.
    pub track2: Secret<'a>,
    /// Track 3 as sent.
    pub track3: Secret<'a>,
    /// Keys pressed on the way; empty in the answer to an interactive response.
    pub operation_code: Option<OperationCode>,
    /// Amount keyed, in minor units as far as the site keys them so.
    pub amount_minor: Option<u64>,
    /// Encrypted PIN. Local formats of another length than 16 are refused: no host could verify them.
    pub pin_block: Option<PinBlock>,
    /// Buffer B: what the customer keyed, or the key chosen in an interactive response.
    pub buffer_b: Secret<'a>,
    /// Buffer C: what the customer keyed.
    pub buffer_c: Secret<'a>,
    /// Track 1 (identifier `1`) as sent.
    pub track1: Secret<'a>,
    /// Outcome of the previous transaction (identifier `2`), on terminals with option 15.
    pub last_status: Option<LastStatus<'a>>,
    /// Encrypted new PIN of a PIN change (identifier `U`).
    pub new_pin_block: Option<PinBlock>,
    /// Chip data (identifier `5`).
    pub smart_card: Option<SmartCard>,
    /// All other identified fields as sent, in their order.
    pub optional_fields: Vec<OptionalField<'a>>,
    /// The MAC, which the HSM verifies over [`Mac::covered`].
    pub mac: Option<Mac>,
}

/// The operation code buffer: eight function keys or spaces. Its meaning is the site's configuration.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperationCode([u8; 8]);

/// An identified field that is kept verbatim: its first character and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalField<'a> {
    /// The identifier, for example `w` for cash acceptor counts.
    pub id: u8,
    /// The content, which may be what the customer keyed.
    pub content: Secret<'a>,
}

/// What a reply must repeat. It can be read from requests whose other fields are damaged, so that these
/// are answered too: a request left unanswered keeps its customer waiting for the time-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which terminal.
    pub luno: Luno,
    /// Time variant number, where MACing.
    pub tvn: Option<Tvn>,
    /// Top-of-receipt flag.
    pub top_of_receipt: bool,
    /// Message co-ordination number.
    pub mcn: u8,
}

impl RequestHeader {
    /// Reads the first five fields of a body of class `11`.
    ///
    /// # Errors
    /// Names the first of these fields that breaks the layout.
    pub fn parse(body: &[u8]) -> Result<RequestHeader, ParseError> {
        RequestHeader::take(&mut Tokens::new(body))
    }

    fn take(tokens: &mut Tokens) -> Result<RequestHeader, ParseError> {
        let class = tokens.field();
        if class.bytes != b"11" {
            return Err(class.error(Field::Class, ParseErrorKind::Unknown));
        }
        let luno = luno(tokens.field())?;
        tokens.field();
        let tvn = tvn(tokens.field())?;
        let token = tokens.field();
        let error = |kind| token.error(Field::MessageCoordinationNumber, kind);
        let (top_of_receipt, mcn) = match token.bytes {
            [flag @ (b'0' | b'1'), mcn @ b'1'..=b'~'] => (*flag == b'1', *mcn),
            [] => return Err(error(ParseErrorKind::Missing)),
            [_, _] => return Err(error(ParseErrorKind::Character)),
            _ => return Err(error(ParseErrorKind::Length)),
        };
        Ok(RequestHeader { luno, tvn, top_of_receipt, mcn })
    }
}

impl<'a> TransactionRequest<'a> {
    const LONGEST_TRACK1: usize = 78;
    const LONGEST_TRACK2: usize = 39;
    const LONGEST_TRACK3: usize = 106;
    const LONGEST_BUFFER: usize = 32;

    /// An empty request, for a terminal to fill in.
    #[must_use]
    pub fn new(luno: Luno, mcn: u8) -> TransactionRequest<'a> {
        TransactionRequest::empty(RequestHeader { luno, tvn: None, top_of_receipt: true, mcn })
    }

    /// Track 2 taken apart; `None` when none was sent. An error does not make the request malformed: the
    /// field may hold a keyed identification.
    #[must_use]
    pub fn read_track2(&self) -> Option<Result<Track2, Track2Error>> {
        (!self.track2.is_empty()).then(|| Track2::parse(self.track2.reveal()))
    }

    /// The content of the first other identified field with this identifier.
    #[must_use]
    pub fn optional_field(&self, id: u8) -> Option<Secret<'a>> {
        self.optional_fields.iter().find(|field| field.id == id).map(|field| field.content)
    }

    /// Reads a body of class `11`.
    ///
    /// # Errors
    /// Names the first field that breaks the layout; [`RequestHeader::parse`] may still succeed.
    pub fn parse(body: &'a [u8], options: &Options) -> Result<TransactionRequest<'a>, ParseError> {
        let mut tokens = Tokens::new(body);
        let mut request = TransactionRequest::empty(RequestHeader::take(&mut tokens)?);
        if options.macing {
            request.mac = Some(mac(&mut tokens)?);
        }
        request.track2 = secret(tokens.field(), Field::Track2, Self::LONGEST_TRACK2)?;
        request.track3 = secret(tokens.field(), Field::Track3, Self::LONGEST_TRACK3)?;
        request.operation_code = OperationCode::parse(tokens.field())?;
        request.amount_minor = amount(tokens.field(), options)?;
        request.pin_block = pin_block(tokens.field(), Field::PinBuffer)?;
        request.buffer_b = secret(tokens.field(), Field::BufferB, Self::LONGEST_BUFFER)?;
        request.buffer_c = secret(tokens.field(), Field::BufferC, Self::LONGEST_BUFFER)?;
        let mut seen = 0u128;
        for mut token in tokens.filter(|token| !token.is_empty()) {
            let [id] = token.cut(Field::Optional)?;
            // Identifiers are ASCII; the rest of the alphabet shares the last place.
            let bit = 1u128 << id.min(127);
            if seen & bit != 0 {
                return Err(token.error(Field::Optional, ParseErrorKind::Repeated));
            }
            seen |= bit;
            request.identified(id, token, options)?;
        }
        Ok(request)
    }

    fn empty(header: RequestHeader) -> TransactionRequest<'a> {
        TransactionRequest {
            luno: header.luno,
            tvn: header.tvn,
            top_of_receipt: header.top_of_receipt,
            mcn: header.mcn,
            track2: Secret::default(),
            track3: Secret::default(),
            operation_code: None,
            amount_minor: None,
            pin_block: None,
            buffer_b: Secret::default(),
            buffer_c: Secret::default(),
            track1: Secret::default(),
            last_status: None,
            new_pin_block: None,
            smart_card: None,
            optional_fields: Vec::new(),
            mac: None,
        }
    }

    /// Takes in one field behind buffer C. An identifier without content says no more than none.
    fn identified(&mut self, id: u8, token: Token<'a>, options: &Options) -> Result<(), ParseError> {
        match id {
            b'1' => self.track1 = secret(token, Field::Track1, Self::LONGEST_TRACK1)?,
            b'2' if token.is_empty() => {}
            b'2' => self.last_status = Some(LastStatus::parse(token, options)?),
            b'5' if token.is_empty() => {}
            b'5' => self.smart_card = Some(SmartCard::parse(token)?),
            b'U' => self.new_pin_block = pin_block(token, Field::NewPin)?,
            id => {
                if id == b'w' {
                    check_acceptor_counts(token, options)?;
                }
                self.optional_fields.push(OptionalField { id, content: Secret::new(token.bytes) });
            }
        }
        Ok(())
    }

    /// Appends the message, for a terminal.
    ///
    /// # Errors
    /// When a text is too long or holds a separator; nothing is written then.
    pub fn encode(&self, options: &Options, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode(out, |encoder| {
            self.encode_header(encoder);
            self.encode_positions(options, encoder)?;
            self.encode_identified(encoder)?;
            if let Some(mac) = self.mac {
                encoder.fs();
                encoder.raw(mac.as_bytes());
            }
            Ok(())
        })
    }

    fn encode_header(&self, encoder: &mut Encoder) {
        encoder.raw(b"11");
        encoder.fs();
        encoder.luno(Some(&self.luno));
        encoder.fs();
        encoder.fs();
        if let Some(tvn) = self.tvn {
            encoder.raw(tvn.as_bytes());
        }
        encoder.fs();
        encoder.raw(if self.top_of_receipt { b"1" } else { b"0" });
        encoder.raw(&[self.mcn]);
    }

    fn encode_positions(&self, options: &Options, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.fs();
        encoder.at_most(Field::Track2, self.track2.reveal(), Self::LONGEST_TRACK2)?;
        encoder.fs();
        encoder.at_most(Field::Track3, self.track3.reveal(), Self::LONGEST_TRACK3)?;
        encoder.fs();
        if let Some(operation_code) = &self.operation_code {
            encoder.raw(&operation_code.0);
        }
        encoder.fs();
        if let Some(amount_minor) = self.amount_minor {
            encoder.digits(Field::Amount, amount_minor, options.amount_digits.unwrap_or(12))?;
        }
        encoder.fs();
        encode_pin_block(self.pin_block.as_ref(), encoder);
        for (field, buffer) in [(Field::BufferB, self.buffer_b), (Field::BufferC, self.buffer_c)] {
            encoder.fs();
            encoder.at_most(field, buffer.reveal(), Self::LONGEST_BUFFER)?;
        }
        Ok(())
    }

    fn encode_identified(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.fs();
        if !self.track1.is_empty() {
            encoder.raw(b"1");
            encoder.at_most(Field::Track1, self.track1.reveal(), Self::LONGEST_TRACK1)?;
        }
        if let Some(last_status) = &self.last_status {
            encoder.fs();
            last_status.encode(encoder)?;
        }
        if self.new_pin_block.is_some() {
            encoder.fs();
            encoder.raw(b"U");
            encode_pin_block(self.new_pin_block.as_ref(), encoder);
        }
        if let Some(smart_card) = &self.smart_card {
            encoder.fs();
            smart_card.encode(encoder);
        }
        for field in &self.optional_fields {
            encoder.fs();
            encoder.groups(Field::Optional, &[field.id])?;
            encoder.groups(Field::Optional, field.content.reveal())?;
        }
        Ok(())
    }
}

impl OperationCode {
    /// The eight characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// Reads eight of `A B C D F G H I` and space; anything else is `None`.
    #[must_use]
    pub fn new(keys: &[u8]) -> Option<OperationCode> {
        let keys: [u8; 8] = keys.try_into().ok()?;
        keys.iter().all(|key| matches!(key, b'A'..=b'D' | b'F'..=b'I' | b' ')).then_some(OperationCode(keys))
    }

    /// The keys as text, spaces included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("new() admits ASCII only")
    }

    fn parse(token: Token) -> Result<Option<OperationCode>, ParseError> {
        let kind = match token.bytes.len() {
            0 => return Ok(None),
            8 => ParseErrorKind::Character,
            _ => ParseErrorKind::Length,
        };
        OperationCode::new(token.bytes).map(Some).ok_or(token.error(Field::OperationCode, kind))
    }
}

fn secret(token: Token<'_>, field: Field, longest: usize) -> Result<Secret<'_>, ParseError> {
    token.at_most(longest, field).map(Secret::new)
}

fn tvn(token: Token) -> Result<Option<Tvn>, ParseError> {
    let kind = match token.bytes.len() {
        0 => return Ok(None),
        8 => ParseErrorKind::Character,
        _ => ParseErrorKind::Length,
    };
    Tvn::new(token.bytes).map(Some).ok_or(token.error(Field::TimeVariantNumber, kind))
}

fn amount(token: Token, options: &Options) -> Result<Option<u64>, ParseError> {
    let length = token.bytes.len();
    let right_length = match options.amount_digits {
        Some(digits) => length == digits,
        None => matches!(length, 8 | 12),
    };
    if length == 0 {
        return Ok(None);
    }
    if !right_length {
        return Err(token.error(Field::Amount, ParseErrorKind::Length));
    }
    let amount = token.bytes.iter().try_fold(0u64, |amount, digit| {
        let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        amount.checked_mul(10)?.checked_add(value)
    });
    amount.map(Some).ok_or(token.error(Field::Amount, ParseErrorKind::Character))
}

/// Nibbles A to F travel as `: ; < = > ?`, the characters behind `9` (reference §2).
fn pin_block(token: Token, field: Field) -> Result<Option<PinBlock>, ParseError> {
    if token.is_empty() {
        return Ok(None);
    }
    let chars: &[u8; 16] = token.bytes.try_into().map_err(|_| token.error(field, ParseErrorKind::Length))?;
    let mut block = [0; 8];
    for (byte, pair) in block.iter_mut().zip(chars.chunks_exact(2)) {
        let &[high @ b'0'..=b'?', low @ b'0'..=b'?'] = pair else {
            return Err(token.error(field, ParseErrorKind::Character));
        };
        *byte = (high - b'0') << 4 | (low - b'0');
    }
    Ok(Some(PinBlock::new(block)))
}

fn encode_pin_block(block: Option<&PinBlock>, encoder: &mut Encoder) {
    for byte in block.map(PinBlock::reveal).into_iter().flatten() {
        encoder.raw(&[b'0' + (byte >> 4), b'0' + (byte & 0x0F)]);
    }
}

/// Entries of note type and count must come out even, or what was deposited cannot be told.
fn check_acceptor_counts(token: Token, options: &Options) -> Result<(), ParseError> {
    let entry = if options.wide_acceptor_counts { 5 } else { 4 };
    if token.bytes.len().is_multiple_of(entry) {
        return Ok(());
    }
    Err(token.error(Field::CashAcceptor, ParseErrorKind::Length))
}

impl fmt::Display for OperationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OperationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperationCode({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EncodeErrorKind, LastStatusCode, Notes};

    /// Header, then positions 5 to 11 as given.
    fn body(positions: &str) -> String {
        format!("11\x1c001\x1c\x1c\x1c15\x1c{positions}")
    }

    #[test]
    fn every_field_is_found() {
        let text = "11\x1c001000001\x1c\x1c01A2E166\x1c12\x1c;4000001234567899=28122010000000123?\x1c;123?\x1c DB   AD\
            \x1c000000008000\x1c0;60<78>44=7724?\x1c42\x1c7\x1c1%B4000001234567899^A/B^2812201?\
            \x1c21642100005000000000000000\x1dCAM\x1d9B026000\x1cU1;60<78>44=7724?\x1c5CAM100882021800\
            \x1cw01020304\x1cX\x1c3FF7AA85";
        let options = Options { macing: true, ..Options::default() };
        let request = TransactionRequest::parse(text.as_bytes(), &options).unwrap();
        assert_eq!(request.luno.as_str(), "001000001");
        assert_eq!(request.tvn, Tvn::new(b"01A2E166"));
        assert_eq!((request.top_of_receipt, request.mcn), (true, b'2'));
        assert_eq!(&*request.read_track2().unwrap().unwrap().pan().reveal(), b"4000001234567899");
        assert_eq!(request.track3.reveal(), b";123?");
        assert_eq!(request.operation_code.unwrap().as_str(), " DB   AD");
        assert_eq!(request.amount_minor, Some(8000));
        let pin_block = [0x0B, 0x60, 0xC7, 0x8E, 0x44, 0xD7, 0x72, 0x4F];
        assert_eq!(request.pin_block.as_ref().unwrap().reveal(), &pin_block);
        assert_eq!((request.buffer_b.reveal(), request.buffer_c.reveal()), (&b"42"[..], &b"7"[..]));
        assert_eq!(request.track1.reveal(), b"%B4000001234567899^A/B^2812201?");
        let last_status = request.last_status.unwrap();
        assert_eq!((last_status.tsn.number(), last_status.status), (1642, LastStatusCode::Good));
        assert!(last_status.notes.same_as(&Notes::from([5, 0, 0, 0])));
        assert_eq!(request.new_pin_block.as_ref().unwrap().reveal()[0], 0x1B);
        assert_eq!(request.smart_card.as_ref().unwrap().reveal_tag(0x82), Some(&[0x18, 0][..]));
        assert_eq!(request.optional_field(b'w').unwrap().reveal(), b"01020304");
        assert!(request.optional_field(b'X').unwrap().is_empty());
        assert_eq!(request.mac, Mac::new(b"3FF7AA85"));

        let mut out = Vec::new();
        request.encode(&options, &mut out).unwrap();
        assert_eq!(out.escape_ascii().to_string(), text.as_bytes().escape_ascii().to_string());

        let shown = format!("{request:?}");
        for secret in ["4000001234567899", "60C78E", "0;60<", "42\"", "18, 0", "1800"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }

    #[test]
    fn empty_positions_are_normal() {
        let text = body("\x1c\x1c\x1c\x1c\x1cT\x1c");
        let request = TransactionRequest::parse(text.as_bytes(), &Options::default()).unwrap();
        assert_eq!(request.buffer_b.reveal(), b"T");
        assert!(request.read_track2().is_none() && request.operation_code.is_none());
        assert!(request.amount_minor.is_none() && request.pin_block.is_none() && request.mac.is_none());
        let text = body("keyed-id\x1c\x1cA       ");
        let request = TransactionRequest::parse(text.as_bytes(), &Options::default()).unwrap();
        assert!(matches!(request.read_track2(), Some(Err(Track2Error::NoSeparator))));
        let text = body("\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c2\x1cU\x1c5\x1cV");
        let request = TransactionRequest::parse(text.as_bytes(), &Options::default()).unwrap();
        assert!(
            request.last_status.is_none() && request.smart_card.is_none() && request.new_pin_block.is_none()
        );
        assert!(request.optional_field(b'V').is_some());
    }

    #[test]
    fn refuses_by_field() {
        let check_with = |text: &str, options: &Options, field, kind| {
            let error = TransactionRequest::parse(text.as_bytes(), options).unwrap_err();
            assert_eq!((error.field, error.kind), (field, kind), "{text:?}");
        };
        let check = |text: &str, field, kind| check_with(text, &Options::default(), field, kind);
        const MCN: Field = Field::MessageCoordinationNumber;
        check("22\x1c001", Field::Class, ParseErrorKind::Unknown);
        check("11\x1c\x1c\x1c\x1c15", Field::Luno, ParseErrorKind::Missing);
        check("11\x1c001\x1c\x1c01A2\x1c15", Field::TimeVariantNumber, ParseErrorKind::Length);
        check("11\x1c001\x1c\x1c01a2e166\x1c15", Field::TimeVariantNumber, ParseErrorKind::Character);
        check("11\x1c001", MCN, ParseErrorKind::Missing);
        check("11\x1c001\x1c\x1c\x1c1", MCN, ParseErrorKind::Length);
        check("11\x1c001\x1c\x1c\x1c25", MCN, ParseErrorKind::Character);
        check("11\x1c001\x1c\x1c\x1c1\x7f", MCN, ParseErrorKind::Character);
        check(&body(&"4".repeat(40)), Field::Track2, ParseErrorKind::Length);
        check(&body(&format!("\x1c{}", "4".repeat(107))), Field::Track3, ParseErrorKind::Length);
        check(&body("\x1c\x1cA"), Field::OperationCode, ParseErrorKind::Length);
        check(&body("\x1c\x1cA  E    "), Field::OperationCode, ParseErrorKind::Character);
        check(&body("\x1c\x1c\x1c000008000"), Field::Amount, ParseErrorKind::Length);
        check(&body("\x1c\x1c\x1c0000800x"), Field::Amount, ParseErrorKind::Character);
        let twelve = Options { amount_digits: Some(12), ..Options::default() };
        check_with(&body("\x1c\x1c\x1c00008000"), &twelve, Field::Amount, ParseErrorKind::Length);
        check(&body("\x1c\x1c\x1c\x1c0;60"), Field::PinBuffer, ParseErrorKind::Length);
        check(&body("\x1c\x1c\x1c\x1c0;60<78>44=7724F"), Field::PinBuffer, ParseErrorKind::Character);
        check(
            &body(&format!("\x1c\x1c\x1c\x1c\x1c{}", "1".repeat(33))),
            Field::BufferB,
            ParseErrorKind::Length,
        );
        check(
            &body(&format!("\x1c\x1c\x1c\x1c\x1c\x1c{}", "1".repeat(33))),
            Field::BufferC,
            ParseErrorKind::Length,
        );
        let identified = |field: &str| body(&format!("\x1c\x1c\x1c\x1c\x1c\x1c\x1c{field}"));
        check(&identified(&"1".repeat(80)), Field::Track1, ParseErrorKind::Length);
        check(&identified("20001"), Field::LastStatus, ParseErrorKind::Missing);
        check(&identified("U123"), Field::NewPin, ParseErrorKind::Length);
        check(&identified("5CAM0000820218"), Field::SmartCard, ParseErrorKind::Tlv);
        check(&identified("w020504"), Field::CashAcceptor, ParseErrorKind::Length);
        check(&identified("U\x1cU"), Field::Optional, ParseErrorKind::Repeated);
        let macing = Options { macing: true, ..Options::default() };
        check_with(&body("\x1c\x1c"), &macing, Field::Mac, ParseErrorKind::Missing);
        check_with("11\x1c001\x1c\x1c\x1c15", &macing, Field::Mac, ParseErrorKind::Missing);
        check_with(&body("\x1c3FF7AA8"), &macing, Field::Mac, ParseErrorKind::Length);
        check_with(&body("\x1c3FF7AA8x"), &macing, Field::Mac, ParseErrorKind::Character);
    }

    #[test]
    fn a_damaged_request_can_still_be_answered() {
        let text = body("\x1c\x1cbroken");
        assert!(TransactionRequest::parse(text.as_bytes(), &Options::default()).is_err());
        let header = RequestHeader::parse(text.as_bytes()).unwrap();
        assert_eq!((header.luno.as_str(), header.mcn), ("001", b'5'));
    }

    #[test]
    fn writes_nothing_that_would_be_read_otherwise() {
        let check = |change: &dyn Fn(&mut TransactionRequest), field, kind| {
            let mut request = TransactionRequest::new(Luno::new(b"001").unwrap(), b'5');
            change(&mut request);
            let mut out = Vec::new();
            let options = Options { amount_digits: Some(8), ..Options::default() };
            assert_eq!(request.encode(&options, &mut out), Err(EncodeError { field, kind }));
            assert!(out.is_empty());
        };
        check(&|request| request.buffer_b = Secret::new(b"\x1c"), Field::BufferB, EncodeErrorKind::Separator);
        check(
            &|request| request.buffer_c = Secret::new(&[b'1'; 33]),
            Field::BufferC,
            EncodeErrorKind::Length,
        );
        check(&|request| request.amount_minor = Some(100_000_000), Field::Amount, EncodeErrorKind::TooLarge);
    }
}
