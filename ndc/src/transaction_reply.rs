use crate::encoder::{Encoder, encode};
use crate::message::host_class;
use crate::status::{mac, optional_luno, tsn};
use crate::token::{GS, Token, Tokens};
use crate::{
    EncodeError, EncodeErrorKind, Field, Luno, Mac, Notes, OptionalField, ParseError, ParseErrorKind, Secret,
    Tsn, Tvn, tlv,
};
use std::fmt;

/// Transaction reply (class `4`): what the terminal is to do for the request it waits with. Start from
/// [`TransactionReply::new`] and set what differs.
///
/// Coin groups behind the note counts are refused: no open source describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionReply<'a> {
    /// Which terminal; empty means the one at the other end.
    pub luno: Option<Luno>,
    /// With MACing the time variant number of the request; else the message sequence number, three
    /// characters that terminals ignore, or nothing.
    pub sequence: &'a [u8],
    /// The state that the terminal goes to: three characters, `255` is reserved.
    pub next_state: [u8; 3],
    /// Notes to dispense by type. `None` leaves the field empty.
    pub notes: Option<Notes>,
    /// Write notes with four digits per type instead of two (option 76 bit 2).
    pub wide_notes: bool,
    /// Serial number of this reply, which comes back in the last-transaction status.
    pub tsn: Tsn,
    /// What to do.
    pub function: Function,
    /// Screens to show or change, the first being the one of this function.
    pub screens: Vec<Screen<'a>>,
    /// Message co-ordination number of the request. `0` switches the check off; so does, on reading, a
    /// reply that ends before this field.
    pub mcn: u8,
    /// Whether the card is given back.
    pub card: CardFlag,
    /// What to print, in this order.
    pub prints: Vec<Print<'a>>,
    /// Objects for the chip as one BER-TLV sequence: [`tlv::issuer_response`] makes it.
    pub chip: Option<Vec<u8>>,
    /// All other identified buffers as sent, in their order.
    pub buffers: Vec<OptionalField<'a>>,
    /// The MAC. On reading, a reply whose sequence is a time variant number ends in one.
    pub mac: Option<Mac>,
}

/// Function identifier: one character (reference §11.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Function(u8);

/// A screen to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen<'a> {
    /// Its number, three characters.
    pub number: [u8; 3],
    /// Text that is laid over it; control codes as in screen downloads.
    pub update: &'a [u8],
}

/// Text for one printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print<'a> {
    /// Which printer: see the constants of this type.
    pub printer: u8,
    /// Lines divided by LF.
    pub text: &'a [u8],
}

/// What happens to the card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CardFlag {
    /// `0`: given back in the close state.
    #[default]
    Return,
    /// `1`: retained (captured).
    Retain,
    /// `4`: given back while the reply is carried out.
    ReturnDuringReply,
}

impl Function {
    /// `2`: dispense, then print.
    pub const DISPENSE_AND_PRINT: Function = Function(b'2');
    /// `3`: show a screen and print.
    pub const DISPLAY_AND_PRINT: Function = Function(b'3');
    /// `4`: print at once.
    pub const PRINT_IMMEDIATE: Function = Function(b'4');
    /// `5`: set the next state and print; for inquiries and declines.
    pub const NEXT_STATE_AND_PRINT: Function = Function(b'5');
    /// `A`: eject the card, then dispense and print.
    pub const CARD_BEFORE_CASH: Function = Function(b'A');
    /// `B`: dispense, print and eject at the same time.
    pub const PARALLEL_DISPENSE: Function = Function(b'B');
    /// `F`: eject the card, then dispense and print at the same time.
    pub const CARD_BEFORE_PARALLEL_DISPENSE: Function = Function(b'F');
    /// `*`: give escrowed notes back and print.
    pub const REFUND_AND_PRINT: Function = Function(b'*');
    /// `-`: take escrowed notes into the vault and print.
    pub const DEPOSIT_NOTES_AND_PRINT: Function = Function(b'-');

    /// A function that NDC defines; reserved and unknown ones, which terminals reject with `B06`, are
    /// `None`.
    #[must_use]
    pub fn new(id: u8) -> Option<Function> {
        b"123456789ABCFPQ#%*-':bcef".contains(&id).then_some(Function(id))
    }

    /// The character as sent.
    #[must_use]
    pub fn id(self) -> u8 {
        self.0
    }

    /// Whether notes come out.
    #[must_use]
    pub fn dispenses(self) -> bool {
        matches!(self.0, b'2' | b'8' | b'A' | b'B' | b'C' | b'F')
    }

    /// Whether the card must be taken before notes come out.
    #[must_use]
    pub fn is_card_before_cash(self) -> bool {
        matches!(self.0, b'A' | b'F')
    }
}

impl Print<'_> {
    /// `0`: nothing.
    pub const NOTHING: u8 = b'0';
    /// `1`: journal.
    pub const JOURNAL: u8 = b'1';
    /// `2`: receipt.
    pub const RECEIPT: u8 = b'2';
    /// `3`: journal and receipt.
    pub const JOURNAL_AND_RECEIPT: u8 = b'3';
    /// `8`: statement.
    pub const STATEMENT: u8 = b'8';
}

impl<'a> TransactionReply<'a> {
    const LONGEST_SEQUENCE: usize = 8;
    const NO_NOTES: Option<Notes> = Some(Notes::NONE);

    /// A reply that dispenses and prints nothing and gives the card back.
    #[must_use]
    pub fn new(next_state: [u8; 3], function: Function, mcn: u8) -> TransactionReply<'a> {
        TransactionReply {
            luno: None,
            sequence: &[],
            next_state,
            notes: Self::NO_NOTES,
            wide_notes: false,
            tsn: Tsn::ZERO,
            function,
            screens: Vec::new(),
            mcn,
            card: CardFlag::Return,
            prints: Vec::new(),
            chip: None,
            buffers: Vec::new(),
            mac: None,
        }
    }

    /// Reads a body of class `4`, for a terminal.
    ///
    /// # Errors
    /// Names the first field that breaks the layout.
    pub fn parse(body: &'a [u8]) -> Result<TransactionReply<'a>, ParseError> {
        let mut tokens = Tokens::new(body);
        let class = tokens.field();
        if host_class(class)? != b'4' {
            return Err(class.error(Field::Class, ParseErrorKind::Unknown));
        }
        let luno = optional_luno(tokens.field())?;
        let sequence = tokens.field().at_most(Self::LONGEST_SEQUENCE, Field::TimeVariantNumber)?;
        let mac = if Tvn::new(sequence).is_some() { Some(mac(&mut tokens)?) } else { None };
        let next_state = next_state(tokens.field())?;
        let (notes, wide_notes) = notes(tokens.field())?;
        let mut order = tokens.field();
        let digits = Token { bytes: &order.cut::<4>(Field::TransactionSerialNumber)?, ..order };
        let tsn = tsn(digits)?.unwrap_or_default();
        let [function] = order.cut(Field::Function)?;
        let function =
            Function::new(function).ok_or(order.error(Field::Function, ParseErrorKind::Unknown))?;
        let screens = screens(order)?;
        let (mcn, card, prints) = delivery(tokens.field())?;
        let mut reply = TransactionReply {
            luno,
            sequence,
            next_state,
            notes,
            wide_notes,
            tsn,
            function,
            screens,
            mcn,
            card,
            prints,
            chip: None,
            buffers: Vec::new(),
            mac,
        };
        tokens.filter(|token| !token.is_empty()).try_for_each(|token| reply.identified(token))?;
        Ok(reply)
    }

    fn identified(&mut self, mut token: Token<'a>) -> Result<(), ParseError> {
        let [id] = token.cut(Field::Optional)?;
        if id != b'5' {
            self.buffers.push(OptionalField { id, content: Secret::new(token.bytes) });
            return Ok(());
        }
        let invalid = token.error(Field::SmartCard, ParseErrorKind::Tlv);
        if self.chip.is_some() {
            return Err(token.error(Field::SmartCard, ParseErrorKind::Repeated));
        }
        if token.cut(Field::SmartCard)? != *b"CAM" {
            return Err(token.error(Field::SmartCard, ParseErrorKind::Unknown));
        }
        let chip = tlv::from_hex(token.bytes).ok_or(invalid)?;
        tlv::objects(&chip).try_for_each(|object| object.map(drop)).map_err(|_| invalid)?;
        self.chip = Some(chip.to_vec());
        Ok(())
    }

    /// Appends the message.
    ///
    /// # Errors
    /// When a count has too many digits, or a text is too long or holds a separator; nothing is written
    /// then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode(out, |encoder| {
            encoder.raw(b"4");
            encoder.fs();
            encoder.luno(self.luno.as_ref());
            encoder.fs();
            encoder.at_most(Field::TimeVariantNumber, self.sequence, Self::LONGEST_SEQUENCE)?;
            encoder.fs();
            encoder.text(Field::NextState, &self.next_state)?;
            encoder.fs();
            let width = if self.wide_notes { 4 } else { 2 };
            for count in self.notes.iter().flat_map(Notes::counts) {
                encoder.digits(Field::Notes, u64::from(*count), width)?;
            }
            encoder.fs();
            encoder.digits(Field::TransactionSerialNumber, u64::from(self.tsn.number()), 4)?;
            encoder.raw(&[self.function.0]);
            self.encode_screens(encoder)?;
            encoder.fs();
            self.encode_delivery(encoder)?;
            self.encode_buffers(encoder)
        })
    }

    fn encode_screens(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        for (index, screen) in self.screens.iter().enumerate() {
            if index > 0 {
                encoder.gs();
                encoder.raw(RESERVED);
            }
            encoder.text(Field::Screen, &screen.number)?;
            encoder.text(Field::Screen, screen.update)?;
        }
        Ok(())
    }

    fn encode_delivery(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.text(Field::MessageCoordinationNumber, &[self.mcn])?;
        encoder.raw(match self.card {
            CardFlag::Return => b"0",
            CardFlag::Retain => b"1",
            CardFlag::ReturnDuringReply => b"4",
        });
        if self.prints.is_empty() {
            encoder.raw(&[Print::NOTHING]);
        }
        for (index, print) in self.prints.iter().enumerate() {
            if index > 0 {
                encoder.gs();
            }
            encoder.text(Field::Printer, &[print.printer])?;
            encoder.text(Field::Printer, print.text)?;
        }
        Ok(())
    }

    fn encode_buffers(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        for buffer in &self.buffers {
            encoder.fs();
            encoder.groups(Field::Optional, &[buffer.id])?;
            encoder.groups(Field::Optional, buffer.content.reveal())?;
        }
        if let Some(chip) = &self.chip {
            encoder.fs();
            encoder.raw(b"5CAM");
            encoder.hex(chip);
        }
        if self.mac.is_some() && Tvn::new(self.sequence).is_none() {
            // The terminal would take the MAC for a buffer.
            return Err(EncodeError { field: Field::TimeVariantNumber, kind: EncodeErrorKind::Length });
        }
        if let Some(mac) = self.mac {
            encoder.fs();
            encoder.raw(mac.as_bytes());
        }
        Ok(())
    }
}

/// Stands before the screen number in all but the first screen group.
const RESERVED: &[u8; 4] = b"0000";

fn next_state(token: Token) -> Result<[u8; 3], ParseError> {
    let kind = if token.is_empty() { ParseErrorKind::Missing } else { ParseErrorKind::Length };
    let state: [u8; 3] = token.bytes.try_into().map_err(|_| token.error(Field::NextState, kind))?;
    if !state.iter().all(u8::is_ascii_alphanumeric) {
        return Err(token.error(Field::NextState, ParseErrorKind::Character));
    }
    Ok(state)
}

fn notes(token: Token) -> Result<(Option<Notes>, bool), ParseError> {
    if token.is_empty() {
        return Ok((None, false));
    }
    let notes = Notes::parse(token.bytes).map_err(|kind| token.error(Field::Notes, kind))?;
    Ok((Some(notes), matches!(token.bytes.len(), 16 | 28)))
}

fn screens(token: Token<'_>) -> Result<Vec<Screen<'_>>, ParseError> {
    if token.is_empty() {
        return Ok(Vec::new());
    }
    let mut screens = Vec::new();
    let mut offset = token.offset;
    for (index, bytes) in token.bytes.split(|byte| *byte == GS).enumerate() {
        let mut group = Token { bytes, offset };
        offset += bytes.len() + 1;
        if index > 0 {
            group.cut::<4>(Field::Screen)?;
        }
        let number = group.cut(Field::Screen)?;
        screens.push(Screen { number, update: group.bytes });
    }
    Ok(screens)
}

type Delivery<'a> = (u8, CardFlag, Vec<Print<'a>>);

/// Co-ordination number, card flag and printer groups, which share one field.
fn delivery(mut token: Token<'_>) -> Result<Delivery<'_>, ParseError> {
    if token.is_empty() {
        return Ok((b'0', CardFlag::Return, Vec::new()));
    }
    let [mcn] = token.cut(Field::MessageCoordinationNumber)?;
    if !matches!(mcn, b'0'..=b'~') {
        return Err(token.error(Field::MessageCoordinationNumber, ParseErrorKind::Character));
    }
    let card = match token.cut(Field::CardFlag)? {
        [b'0'] => CardFlag::Return,
        [b'1'] => CardFlag::Retain,
        [b'4'] => CardFlag::ReturnDuringReply,
        _ => return Err(token.error(Field::CardFlag, ParseErrorKind::Character)),
    };
    if matches!(token.bytes, [] | [Print::NOTHING]) {
        return Ok((mcn, card, Vec::new()));
    }
    let mut prints = Vec::new();
    for bytes in token.bytes.split(|byte| *byte == GS) {
        let [printer, text @ ..] = bytes else {
            return Err(token.error(Field::Printer, ParseErrorKind::Missing));
        };
        prints.push(Print { printer: *printer, text });
    }
    Ok((mcn, card, prints))
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", char::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_reply_is_read_and_written_back() {
        let body = b"4\x1c001000001\x1c01A468E4\x1c125\x1c00000100\x1c1642A068\x0ctext\x1d0000069more\x1c\
            402THANK YOU\n\x1d1JOURNAL\x1cK%B\x1c5CAM910A5F91BC42284BD48D30308A023030\x1c87B719E8";
        let reply = TransactionReply::parse(body).unwrap();
        assert_eq!(reply.notes.unwrap().counts(), [0, 0, 1, 0]);
        assert_eq!((reply.tsn.number(), reply.function), (1642, Function::CARD_BEFORE_CASH));
        assert_eq!(reply.screens[0], Screen { number: *b"068", update: b"\x0ctext" });
        assert_eq!(reply.screens[1], Screen { number: *b"069", update: b"more" });
        assert_eq!((reply.mcn, reply.card), (b'4', CardFlag::Return));
        assert_eq!(reply.prints[0], Print { printer: Print::RECEIPT, text: b"THANK YOU\n" });
        assert_eq!(reply.prints[1], Print { printer: Print::JOURNAL, text: b"JOURNAL" });
        assert_eq!(tlv::find(reply.chip.as_deref().unwrap(), 0x8A), Some(&b"00"[..]));
        assert_eq!(reply.mac, Mac::new(b"87B719E8"));
        let mut out = Vec::new();
        reply.encode(&mut out).unwrap();
        assert_eq!(out.escape_ascii().to_string(), body.escape_ascii().to_string());
    }

    #[test]
    fn a_decline_that_retains_the_card() {
        let mut reply = TransactionReply::new(*b"080", Function::NEXT_STATE_AND_PRINT, b'7');
        reply.card = CardFlag::Retain;
        reply.screens = vec![Screen { number: *b"055", update: b"" }];
        let mut out = Vec::new();
        reply.encode(&mut out).unwrap();
        assert_eq!(out, b"4\x1c\x1c\x1c080\x1c00000000\x1c00005055\x1c710");
        assert_eq!(TransactionReply::parse(&out).unwrap(), reply);
    }

    #[test]
    fn a_reply_may_end_after_its_screens() {
        let reply =
            TransactionReply::parse(b"40\x1c001\x1c\x1c142\x1c\x1c28805025u0962\x1d0000078TEXT").unwrap();
        assert_eq!((reply.mcn, reply.card, reply.notes), (b'0', CardFlag::Return, None));
        assert_eq!(reply.screens[1], Screen { number: *b"078", update: b"TEXT" });
    }

    #[test]
    fn refuses_by_field() {
        let check = |body: &str, field, kind| {
            let error = TransactionReply::parse(body.as_bytes()).unwrap_err();
            assert_eq!((error.field, error.kind), (field, kind), "{body:?}");
        };
        check("1\x1c", Field::Class, ParseErrorKind::Unknown);
        check("4\x1c001\x1c\x1c", Field::NextState, ParseErrorKind::Missing);
        check("4\x1c001\x1c\x1c12", Field::NextState, ParseErrorKind::Length);
        check("4\x1c001\x1c\x1c1-2", Field::NextState, ParseErrorKind::Character);
        check("4\x1c001\x1c\x1c125\x1c000001", Field::Notes, ParseErrorKind::Length);
        check("4\x1c001\x1c\x1c125\x1c0000010x", Field::Notes, ParseErrorKind::Character);
        check("4\x1c001\x1c\x1c125\x1c\x1c", Field::TransactionSerialNumber, ParseErrorKind::Missing);
        check("4\x1c001\x1c\x1c125\x1c\x1c16x2", Field::TransactionSerialNumber, ParseErrorKind::Character);
        check("4\x1c001\x1c\x1c125\x1c\x1c1642", Field::Function, ParseErrorKind::Missing);
        check("4\x1c001\x1c\x1c125\x1c\x1c1642E", Field::Function, ParseErrorKind::Unknown);
        check("4\x1c001\x1c\x1c125\x1c\x1c1642506", Field::Screen, ParseErrorKind::Length);
        check("4\x1c001\x1c\x1c125\x1c\x1c16425068\x1d0000", Field::Screen, ParseErrorKind::Missing);
        check(
            "4\x1c001\x1c\x1c125\x1c\x1c16425\x1c\t",
            Field::MessageCoordinationNumber,
            ParseErrorKind::Character,
        );
        check("4\x1c001\x1c\x1c125\x1c\x1c16425\x1c5", Field::CardFlag, ParseErrorKind::Missing);
        check("4\x1c001\x1c\x1c125\x1c\x1c16425\x1c59", Field::CardFlag, ParseErrorKind::Character);
        check("4\x1c001\x1c\x1c125\x1c\x1c16425\x1c502x\x1d", Field::Printer, ParseErrorKind::Missing);
        check("4\x1c001\x1c\x1c125\x1c\x1c16425\x1c500\x1c5XYZ", Field::SmartCard, ParseErrorKind::Unknown);
        check("4\x1c001\x1c\x1c125\x1c\x1c16425\x1c500\x1c5CAM8A0", Field::SmartCard, ParseErrorKind::Tlv);
        check(
            "4\x1c001\x1c\x1c125\x1c\x1c16425\x1c500\x1c5CAM\x1c5CAM",
            Field::SmartCard,
            ParseErrorKind::Repeated,
        );
        check("4\x1c001\x1c01A468E4\x1c125", Field::Mac, ParseErrorKind::Length);
    }

    #[test]
    fn writes_nothing_that_would_be_read_otherwise() {
        let reply = TransactionReply::new(*b"125", Function::DISPENSE_AND_PRINT, b'5');
        let check = |change: &dyn Fn(&mut TransactionReply), field, kind| {
            let mut reply = reply.clone();
            change(&mut reply);
            let mut out = b"before".to_vec();
            assert_eq!(reply.encode(&mut out), Err(EncodeError { field, kind }));
            assert_eq!(out, b"before");
        };
        let text = b"forged\x1c87B719E8";
        check(
            &|reply| reply.notes = Some(Notes::from([100, 0, 0, 0])),
            Field::Notes,
            EncodeErrorKind::TooLarge,
        );
        check(
            &|reply| reply.prints = vec![Print { printer: Print::RECEIPT, text }],
            Field::Printer,
            EncodeErrorKind::Separator,
        );
        check(
            &|reply| reply.screens = vec![Screen { number: *b"068", update: b"\x1d" }],
            Field::Screen,
            EncodeErrorKind::Separator,
        );
        check(&|reply| reply.sequence = b"123456789", Field::TimeVariantNumber, EncodeErrorKind::Length);
        check(&|reply| reply.mac = Mac::new(b"87B719E8"), Field::TimeVariantNumber, EncodeErrorKind::Length);
        let mut wide = reply.clone();
        (wide.notes, wide.wide_notes) = (Some(Notes::from([100, 0, 0, 0])), true);
        let mut out = Vec::new();
        wide.encode(&mut out).unwrap();
        assert_eq!(TransactionReply::parse(&out).unwrap(), wide);
    }
}
