use crate::CommandCode;
use std::fmt;

/// The two characters with which every reply begins after its code: `00` for success, anything else
/// for the reason of failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode([u8; 2]);

/// A command could not be read. Carries what to answer; never any of the contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// The command code received, [`CommandCode::MISSING`] when the message was too short for one.
    pub code: CommandCode,
    /// The error code to answer.
    pub error: ErrorCode,
}

/// A reply could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyError {
    /// The command that the reply was expected to answer.
    pub command: CommandCode,
    /// What is wrong with it.
    pub kind: ReplyErrorKind,
}

/// What is wrong with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyErrorKind {
    /// It answers another command than the one sent.
    WrongCode,
    /// No layout is known for this command's reply.
    UnknownCommand,
    /// A field is missing, too long or holds characters it may not.
    Malformed,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        impl ErrorCode {
            $(#[doc = concat!("`", $code, "`: ", $meaning, ".")]
            pub const $name: ErrorCode = ErrorCode::literal($code);)*

            /// What the code means, in a few words.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(ErrorCode::$name => $meaning,)*
                    _ => "meaning unknown",
                }
            }
        }
    };
}

codes! {
    NONE = "00", "no error";
    VERIFICATION_FAILED = "01", "verification failed";
    KEY_LENGTH_WARNING = "02", "key length inappropriate";
    COMPONENTS = "03", "invalid number of components or card data";
    KEY_TYPE_CODE = "04", "key type code or mode";
    KEY_LENGTH_FLAG = "05", "key length flag or scheme";
    SOURCE_KEY_PARITY = "10", "source key parity";
    DESTINATION_KEY_PARITY = "11", "destination key parity";
    USER_STORAGE = "12", "user storage empty";
    LMK_IDENTIFIER = "13", "LMK identifier";
    LMK_PIN = "14", "PIN under LMK invalid";
    INPUT = "15", "input invalid or too short";
    PRINTER = "16", "printer not ready";
    NOT_AUTHORISED = "17", "not in authorised state";
    DOCUMENT_FORMAT = "18", "document format not loaded";
    DIEBOLD_TABLE = "19", "Diebold table invalid";
    PIN_BLOCK = "20", "PIN block content";
    INDEX = "21", "index value";
    ACCOUNT = "22", "account number";
    PIN_BLOCK_FORMAT = "23", "PIN block format code";
    PIN_LENGTH = "24", "PIN length";
    DECIMALISATION_TABLE = "25", "decimalisation table";
    KEY_SCHEME = "26", "key scheme";
    KEY_LENGTH = "27", "key length";
    KEY_TYPE = "28", "key type";
    NOT_PERMITTED = "29", "function not permitted";
    REFERENCE_NUMBER = "30", "reference number";
    LMK_CHANGE_STORAGE = "33", "LMK change storage";
    FRAUD_DETECTION = "39", "fraud detection";
    CHECKSUM = "40", "checksum";
    INTERNAL = "41", "internal failure";
    DES_FAILURE = "42", "DES failure";
    ALGORITHM_LICENCE = "47", "algorithm not licensed";
    MESSAGE_HEADER = "51", "message header";
    CHAIN_COUNT = "52", "number of chained commands";
    COMMAND_LICENCE = "67", "command not licensed";
    COMMAND_DISABLED = "68", "command disabled";
    PIN_BLOCK_FORMAT_DISABLED = "69", "PIN block format disabled";
    LENGTH = "80", "data length";
    EMPTY = "81", "zero length";
    CHECK_VALUE_LENGTH = "82", "check value length";
    KEY_BLOCK_FORMAT = "83", "key block format";
    KEY_BLOCK_CHECK_VALUE = "84", "key block check value";
    LMK_SCHEME_MISMATCH = "A1", "key scheme does not fit the LMK";
    LMK_IDENTIFIER_MISMATCH = "A2", "LMK identifiers differ";
    KEY_BLOCK_LMK_IDENTIFIER = "A3", "LMK identifier of the key block";
    KEY_BLOCK_AUTHENTICATION = "A4", "key block authentication";
    KEY_BLOCK_KEY_LENGTH = "A5", "key length in the key block";
    KEY_BLOCK_USAGE = "A6", "key usage of the key block";
    KEY_BLOCK_ALGORITHM = "A7", "algorithm of the key block";
    KEY_BLOCK_MODE = "A8", "mode of use of the key block";
    KEY_BLOCK_VERSION = "A9", "key version of the key block";
    KEY_BLOCK_EXPORTABILITY = "AA", "exportability of the key block";
    OPTIONAL_BLOCK_COUNT = "AB", "number of optional blocks of the key block";
    OPTIONAL_BLOCK = "AC", "optional block of the key block";
    NOT_UNDER_TDES_LMK = "48", "key not allowed under a 3DES LMK";
}

impl ErrorCode {
    const fn literal(code: &str) -> ErrorCode {
        let bytes = code.as_bytes();
        assert!(bytes.len() == 2);
        ErrorCode([bytes[0], bytes[1]])
    }

    /// Takes the characters as received; any two bytes are a code, known or not.
    #[must_use]
    pub const fn new(code: [u8; 2]) -> ErrorCode {
        ErrorCode(code)
    }

    /// The characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }

    /// Whether the command did what was asked.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == ErrorCode::NONE
    }
}

/// Code and meaning: `20 PIN block content`.
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.escape_ascii(), self.meaning())
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorCode({self})")
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command {} refused with {}", self.code, self.error)
    }
}

impl std::error::Error for CommandError {}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReplyErrorKind::WrongCode => "answers another command",
            ReplyErrorKind::UnknownCommand => "has no known layout",
            ReplyErrorKind::Malformed => "is malformed",
        };
        write!(f, "the reply to {} {kind}", self.command)
    }
}

impl std::error::Error for ReplyError {}
