//! `[header]` and `[framing]`.

use super::Faults;
use crate::dialect::file::{FramePrefix, FramingFile, HeaderFile, KeepAliveFile};
use crate::dialect::{HeaderSpec, Swap};
use crate::framing::{Framing, KeepAlive, LengthPrefix};

pub(super) fn header(file: &HeaderFile, faults: &mut Faults<'_>) -> HeaderSpec {
    let within = |offset: usize, width: usize| offset + width <= file.length;
    if file.length > HeaderSpec::LONGEST {
        faults.tell(&["header", "length"], "is too long", "255 bytes at most");
    }
    let starts_with = hex(file.starts_with.as_deref(), &["header", "starts_with"], faults);
    if starts_with.len() > file.length {
        faults.tell(&["header", "starts_with"], "is longer than the header", "");
    }
    let default = hex(file.default.as_deref(), &["header", "default"], faults);
    for (key, offset, width) in
        [("own_length_at", file.own_length_at, 1), ("total_length_at", file.total_length_at, 2)]
    {
        if offset.is_some_and(|offset| !within(offset, width)) {
            faults.tell(&["header", key], "lies outside the header", "count from 0");
        }
    }
    let first = starts_with.len();
    if file
        .total_length_at
        .is_some_and(|at| at < first || file.own_length_at.is_some_and(|own| own == at || own == at + 1))
    {
        let mend = "behind `starts_with`, and apart from `own_length_at`";
        faults.tell(&["header", "total_length_at"], "contradicts what else stands there", mend);
    }
    let moves = |at: usize| {
        file.swap.is_some_and(|swap| {
            [swap.left, swap.right].iter().any(|place| (*place..place + swap.width).contains(&at))
        })
    };
    if (0..first).any(moves) || file.own_length_at.is_some_and(moves) {
        let mend = "behind `starts_with`, and apart from `own_length_at`";
        faults.tell(&["header", "swap"], "an answer would have no header of this dialect", mend);
    }
    if let Some(swap) = file.swap
        && (!within(swap.left, swap.width)
            || !within(swap.right, swap.width)
            || swap.left + swap.width > swap.right)
    {
        faults.tell(&["header", "swap"], "is no two places one after the other", "left below right, from 0");
    }
    let spec = HeaderSpec {
        length: file.length,
        starts_with,
        own_length_at: file.own_length_at,
        total_length_at: file.total_length_at,
        swap: file.swap.map(|swap| Swap { left: swap.left, right: swap.right, width: swap.width }),
        default,
    };
    if !spec.default.is_empty() && !spec.allows(&spec.default) {
        let reason = "does not keep to `length`, `own_length_at` or `starts_with`";
        faults.tell(&["header", "default"], reason, "");
    }
    spec
}

pub(in crate::dialect) fn framing(
    file: &FramingFile,
    header: &HeaderSpec,
    place: &[&str],
    faults: &mut Faults<'_>,
) -> Framing {
    let key = |name: &'static str| [place, &[name]].concat();
    let written = file.prefix.unwrap_or(FramePrefix::Binary);
    let characters = matches!(written, FramePrefix::Ascii | FramePrefix::Ebcdic);
    let width = file.prefix_bytes.unwrap_or(if characters { 4 } else { 2 });
    if !(1..=4).contains(&width) {
        faults.tell(&key("prefix_bytes"), "is out of range", "1 to 4");
    }
    let prefix = match written {
        FramePrefix::Binary => Some(LengthPrefix::Binary),
        FramePrefix::Bcd => Some(LengthPrefix::Bcd),
        FramePrefix::Ascii => Some(LengthPrefix::Ascii),
        FramePrefix::Ebcdic => Some(LengthPrefix::Ebcdic),
        FramePrefix::None => None,
    };
    let trailer = hex(file.trailer.as_deref(), &key("trailer"), faults);
    if prefix.is_none() && trailer.is_empty() {
        let mend = "give a `trailer` that ends each message, or a length in front";
        faults.tell(&key("prefix"), "nothing says where a message ends", mend);
    }
    if trailer.len() > Framing::LONGEST_TRAILER {
        faults.tell(&key("trailer"), "is too long", "8 bytes at most");
    }
    let uncounted = file.header_counted == Some(false);
    if uncounted && header.own_length_at.is_some() {
        let mend = "only a header of one length can be left out";
        faults.tell(&key("header_counted"), "the header says its own length", mend);
    }
    let reserved = file.reserved_bytes.unwrap_or(0);
    if reserved > Framing::LONGEST_RESERVED {
        faults.tell(&key("reserved_bytes"), "is too long", "16 bytes at most");
    }
    Framing {
        prefix,
        prefix_width: if prefix.is_some() { width } else { 0 },
        inclusive: file.inclusive.unwrap_or(false),
        reserved,
        uncounted_header: if uncounted { header.length } else { 0 },
        trailer,
        trailer_counted: file.trailer_counted.unwrap_or(true),
        keep_alive: match file.keep_alive {
            Some(KeepAliveFile::Echo) => KeepAlive::Echo,
            Some(KeepAliveFile::Ignore) | None => KeepAlive::Ignore,
        },
    }
}

fn hex(text: Option<&str>, place: &[&str], faults: &mut Faults<'_>) -> Vec<u8> {
    let Some(text) = text else { return Vec::new() };
    crate::hex_text::read(text).unwrap_or_else(|| {
        faults.tell(place, "is not hexadecimal", "two digits a byte: \"6000010000\"");
        Vec::new()
    })
}
