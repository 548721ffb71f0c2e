use std::fmt;

/// Why a message could not be read. Names the field and the place, never the contents: this value is
/// logged, and the contents may be a card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The field at fault.
    pub field: Field,
    /// Where that field begins in the body, in bytes from 0.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: ParseErrorKind,
}

/// What is wrong with a field that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// The field must be there and is empty or cut off.
    Missing,
    /// More or fewer characters than the field may have.
    Length,
    /// A character that the field may not hold.
    Character,
    /// A class, descriptor, command or function that NDC does not define.
    Unknown,
    /// An identified field came twice; which one counts would be a guess.
    Repeated,
    /// Chip data is no sequence of BER-TLV objects.
    Tlv,
}

/// Why a message could not be written. As [`ParseError`], without contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// The field at fault.
    pub field: Field,
    /// What is wrong with it.
    pub kind: EncodeErrorKind,
}

/// What is wrong with a field that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeErrorKind {
    /// The text holds FS or GS, which would become a field boundary at the other end.
    Separator,
    /// The text is longer than the field, or has not its fixed length.
    Length,
    /// The number has more digits than the field.
    TooLarge,
}

/// The fields of all messages, named as in the message layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Message class and subclass.
    Class,
    /// Logical unit number.
    Luno,
    /// Time variant number, or the message sequence number in its place.
    TimeVariantNumber,
    /// Top-of-receipt flag and message co-ordination number.
    MessageCoordinationNumber,
    /// Track 1.
    Track1,
    /// Track 2.
    Track2,
    /// Track 3.
    Track3,
    /// Operation code buffer.
    OperationCode,
    /// Amount buffer.
    Amount,
    /// PIN buffer A.
    PinBuffer,
    /// Buffer B.
    BufferB,
    /// Buffer C.
    BufferC,
    /// Last-transaction status (identifier `2`).
    LastStatus,
    /// Customer-selected PIN (identifier `U`).
    NewPin,
    /// Smart card data (identifier `5`).
    SmartCard,
    /// Cash acceptor counts (identifier `w`).
    CashAcceptor,
    /// An identified field that this crate keeps verbatim.
    Optional,
    /// Message authentication code.
    Mac,
    /// Status descriptor of a solicited status.
    Descriptor,
    /// Device identification and status.
    Device,
    /// Code of a command reject.
    RejectCode,
    /// Terminal state data of a solicited status.
    TerminalState,
    /// Next state of a transaction reply.
    NextState,
    /// Note counts to dispense.
    Notes,
    /// Transaction serial number.
    TransactionSerialNumber,
    /// Function identifier.
    Function,
    /// Screen number or screen text.
    Screen,
    /// Card flag.
    CardFlag,
    /// Printer flag or printer text.
    Printer,
    /// Command code and modifier.
    Command,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ParseErrorKind::Missing => "is missing",
            ParseErrorKind::Length => "has a wrong length",
            ParseErrorKind::Character => "holds a character that it may not hold",
            ParseErrorKind::Unknown => "is not known to NDC",
            ParseErrorKind::Repeated => "comes twice",
            ParseErrorKind::Tlv => "is no sequence of BER-TLV objects",
        };
        write!(f, "{} at byte {} {kind}", self.field, self.offset)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            EncodeErrorKind::Separator => "holds a field separator",
            EncodeErrorKind::Length => "has a wrong length",
            EncodeErrorKind::TooLarge => "does not fit its digits",
        };
        write!(f, "{} {kind}", self.field)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Class => "message class",
            Field::Luno => "LUNO",
            Field::TimeVariantNumber => "time variant number",
            Field::MessageCoordinationNumber => "message co-ordination number",
            Field::Track1 => "track 1",
            Field::Track2 => "track 2",
            Field::Track3 => "track 3",
            Field::OperationCode => "operation code",
            Field::Amount => "amount",
            Field::PinBuffer => "PIN buffer",
            Field::BufferB => "buffer B",
            Field::BufferC => "buffer C",
            Field::LastStatus => "last-transaction status",
            Field::NewPin => "new PIN",
            Field::SmartCard => "smart card data",
            Field::CashAcceptor => "cash acceptor counts",
            Field::Optional => "optional field",
            Field::Mac => "MAC",
            Field::Descriptor => "status descriptor",
            Field::Device => "device status",
            Field::RejectCode => "reject code",
            Field::TerminalState => "terminal state",
            Field::NextState => "next state",
            Field::Notes => "notes to dispense",
            Field::TransactionSerialNumber => "transaction serial number",
            Field::Function => "function identifier",
            Field::Screen => "screen",
            Field::CardFlag => "card flag",
            Field::Printer => "printer",
            Field::Command => "command code",
        })
    }
}

impl std::error::Error for ParseError {}
impl std::error::Error for EncodeError {}
