//! `[listener.framing]`: how messages are cut out of the stream, where it is not as the dialect says.

use super::error::Complaint;
use super::section::Section;
use super::value::{number, one_of, switch, text};
use iso8583::framing::{Framing, KeepAlive, LengthPrefix};
use toml::de::DeValue;

const PREFIXES: [(&str, Option<LengthPrefix>); 5] = [
    ("binary", Some(LengthPrefix::Binary)),
    ("bcd", Some(LengthPrefix::Bcd)),
    ("ascii", Some(LengthPrefix::Ascii)),
    ("ebcdic", Some(LengthPrefix::Ebcdic)),
    ("none", None),
];

/// The framing of a dialect, changed as the table says. `header` is the length of the dialect's header.
pub(super) fn framing(mut section: Section<'_>, header: usize, dialect: &Framing) -> Framing {
    let mut framing = dialect.clone();
    if let Some(prefix) = section.optional("prefix", one_of(&PREFIXES)) {
        framing.prefix = prefix;
        framing.prefix_width = match prefix {
            None => 0,
            Some(LengthPrefix::Ascii | LengthPrefix::Ebcdic) => 4,
            Some(LengthPrefix::Binary | LengthPrefix::Bcd) => 2,
        };
    }
    if let Some(width) = section.optional("prefix_bytes", number(1..=4)) {
        framing.prefix_width = width as usize;
    }
    framing.inclusive = section.or("inclusive", framing.inclusive, switch);
    framing.reserved = section.or("reserved_bytes", framing.reserved as u64, number(0..=16)) as usize;
    if let Some(counted) = section.optional("header_counted", switch) {
        framing.uncounted_header = if counted { 0 } else { header };
    }
    framing.trailer = section.or("trailer", framing.trailer, trailer);
    framing.trailer_counted = section.or("trailer_counted", framing.trailer_counted, switch);
    framing.keep_alive = section.or(
        "keep_alive",
        framing.keep_alive,
        one_of(&[("ignore", KeepAlive::Ignore), ("echo", KeepAlive::Echo)]),
    );
    if framing.prefix.is_none() && framing.trailer.is_empty() {
        let mend = "give a `trailer` that ends each message, or a length in front";
        section.complain("prefix", Complaint::new("nothing says where a message ends", mend));
    }
    section.finish();
    framing
}

fn trailer(value: &DeValue<'_>) -> Result<Vec<u8>, Complaint> {
    let bytes = hex::decode(text(value)?).ok().filter(|bytes| bytes.len() <= Framing::LONGEST_TRAILER);
    bytes.ok_or_else(|| Complaint::new("is no trailer", "up to 8 bytes in hexadecimal: \"03\" for ETX"))
}
