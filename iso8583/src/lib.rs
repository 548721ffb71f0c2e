//! Zero-copy ISO 8583 parser and encoder, dialects as data.
//!
//! A [`Dialect`] is a table, read from a TOML file, that says how one network writes each data element.
//! [`parse`] walks a frame once by such a table, checks every length and character, allocates nothing
//! and returns a [`Message`] that points into the frame. [`MessageWriter`] writes a message into a
//! reused buffer, the response to a request among them. Twelve dialects are compiled in.
//!
//! Around them: [`framing`] cuts a byte stream into frames, [`composite`] reads the parts of a data
//! element, [`emv`] the chip data of DE 55, [`meaning`] says what a value means, [`dump`] shows a
//! message to people with card data masked, [`annotate`] beside its bytes, [`lint`] finds what is odd
//! about it, [`difference`] compares it with another and [`redact`] takes the card out of it.
//!
//! ```
//! use iso8583::{Dialect, MessageWriter, Mti, field, parse};
//!
//! let dialect = Dialect::by_name("iso87_ascii").unwrap();
//! let request = parse(b"08008220000000000000040000000000000011231559590001231301", dialect);
//! // One character too many at the end: we and the sender disagree, so nothing can be trusted.
//! assert_eq!(request.unwrap_err().to_string(), "at offset 55: 1 byte is left over after the last field");
//!
//! let frame = b"0800822000000000000004000000000000001123155959000123301";
//! let request = parse(frame, dialect).unwrap();
//! assert_eq!(request.mti(), Mti::NETWORK_REQUEST);
//! assert_eq!(request.number(field::STAN), Some(123));
//!
//! // The dialect's rules say what a response repeats: DE 7, 11 and 70 here.
//! let mut out = Vec::new();
//! let mut response = MessageWriter::respond(&mut out, &request).unwrap();
//! response.field(field::RESPONSE_CODE, b"00").unwrap();
//! response.finish().unwrap();
//! assert_eq!(out, b"081082200000020000000400000000000000112315595900012300301");
//! ```

pub mod annotate;
mod bitmap;
mod body;
mod charset;
mod class;
pub mod composite;
mod dialect;
pub mod difference;
pub mod dump;
pub mod emv;
mod encode;
mod error;
pub mod field;
pub mod framing;
mod header;
mod hex_text;
pub mod lint;
pub mod meaning;
mod message;
mod mti;
mod packed;
mod parse;
mod plan;
pub mod redact;
mod rules;
mod value;

pub use bitmap::Bitmap;
pub use charset::Charset;
pub use class::{Class, Found};
pub use dialect::{
    BitmapEncoding, BitmapSpec, Composite, Counts, Dialect, DialectError, DialectFault, Edition, Encoding,
    FieldSpec, Filler, HeaderSpec, Length, NumberEncoding, Pad, Part, PartKey, Prefix, PrefixEncoding,
    Secondary, Sensitivity, Separator, Swap, Tertiary, TextLength, schema,
};
pub use encode::MessageWriter;
pub use error::{EncodeError, EncodeErrorKind, ParseError, ParseErrorKind};
pub use header::Header;
pub use message::{Layout, Message};
pub use mti::{Mti, MtiError};
pub use parse::{parse, parse_leading};
pub use rules::{RuleViolation, RuleViolationKind, Rules};
pub use value::Value;
