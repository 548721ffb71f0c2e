//! Zero-copy ISO 8583 parser and encoder, dialects as data.
//!
//! A [`Dialect`] is a table that says how one network writes each data element. [`parse`] walks a
//! frame once by such a table, checks every length and character, allocates nothing and returns a
//! [`Message`] that points into the frame. [`MessageWriter`] writes a message into a reused buffer.
//! Three dialects are compiled in: `iso87_ascii`, `iso87_ascii_binary` and `iso87_bcd`.
//!
//! Around them: [`framing`] cuts a byte stream into frames, [`emv`] reads the chip data of DE 55,
//! [`dump`] shows a message to people with card data masked.
//!
//! ```
//! use iso8583::{Dialect, Message, MessageWriter, Mti, field, parse};
//!
//! let dialect = Dialect::by_name("iso87_ascii").unwrap();
//! let request = parse(b"08008220000000000000040000000000000011231559590001231301", dialect);
//! // One character too many at the end: we and the sender disagree, so nothing can be trusted.
//! assert_eq!(request.unwrap_err().to_string(), "at offset 55: bytes left over after the last field");
//!
//! let frame = b"0800822000000000000004000000000000001123155959000123301";
//! let request = parse(frame, dialect).unwrap();
//! assert_eq!(request.mti(), Mti::NETWORK_REQUEST);
//! assert_eq!(request.number(field::STAN), Some(123));
//!
//! let mut out = Vec::new();
//! let mut response = MessageWriter::begin(&mut out, dialect, &[], request.mti().response()).unwrap();
//! response.copy(field::TRANSMISSION_TIME, &request).unwrap();
//! response.copy(field::STAN, &request).unwrap();
//! response.field(field::RESPONSE_CODE, b"00").unwrap();
//! response.copy(field::NETWORK_MANAGEMENT_CODE, &request).unwrap();
//! response.finish();
//! assert_eq!(out, b"081082200000020000000400000000000000112315595900012300301");
//! ```

mod bitmap;
mod body;
mod class;
mod dialect;
pub mod dump;
pub mod emv;
mod encode;
mod error;
pub mod field;
pub mod framing;
mod header;
mod message;
mod mti;
mod parse;
mod value;

pub use bitmap::Bitmap;
pub use class::Class;
pub use dialect::{
    BitmapEncoding, Dialect, Encoding, FieldSpec, HeaderSpec, Length, NumberEncoding, Pad, Sensitivity,
};
pub use encode::MessageWriter;
pub use error::{EncodeError, EncodeErrorKind, ParseError, ParseErrorKind};
pub use header::Header;
pub use message::Message;
pub use mti::{Mti, MtiError};
pub use parse::parse;
pub use value::Value;
