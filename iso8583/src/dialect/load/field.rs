//! `[field.N]` and its parts.

use super::Faults;
use crate::dialect::file::{
    CountsFile, EncodingFile, FieldEncodingFile, FieldFile, FillerFile, FormatFile, InnerBitmapFile,
    LengthEncodingFile, PadFile, SensitivityFile, SeparatorFile,
};
use crate::dialect::notation::{self, Size};
use crate::dialect::{
    Composite, Counts, Encoding, FieldSpec, Filler, Length, Pad, Part, PartKey, Prefix, PrefixEncoding,
    Sensitivity, Separator, TextLength,
};
use crate::{Charset, Class};

/// Parts within parts.
const DEEPEST_PARTS: usize = 4;

/// The keys that lead to a data element or part.
pub(super) struct Place<'a> {
    keys: Vec<&'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn new(keys: &[&'a str]) -> Place<'a> {
        Place { keys: keys.to_vec() }
    }

    fn tell(&self, key: &str, faults: &mut Faults<'_>, reason: impl Into<String>, mend: impl Into<String>) {
        let mut path = self.keys.clone();
        if !key.is_empty() {
            path.push(key);
        }
        faults.tell(&path, reason, mend);
    }

    /// The place of a part within this one.
    fn part(&self, key: &'a str) -> Place<'a> {
        Place { keys: [&self.keys[..], &["part", key]].concat() }
    }

    fn depth(&self) -> usize {
        self.keys.iter().filter(|key| **key == "part").count()
    }
}

/// How things are written where a data element does not say it.
#[derive(Clone, Copy)]
pub(super) struct Defaults {
    number: Encoding,
    track: Encoding,
    text: Charset,
    binary: Encoding,
    length: PrefixEncoding,
    pad_fixed: Pad,
    pad_variable: Pad,
    filler: Filler,
    sensitivity: Sensitivity,
}

impl Defaults {
    pub(super) fn read(file: &EncodingFile, faults: &mut Faults<'_>) -> Defaults {
        let mut digits = |key, encoding: Option<FieldEncodingFile>| {
            let encoding = encoding.map_or(Encoding::Text(Charset::Ascii), encoding_of);
            if matches!(encoding, Encoding::Raw | Encoding::Hex(_)) {
                faults.tell(&["encoding", key], "is for binary only", "bcd or a character set");
                return Encoding::Text(Charset::Ascii);
            }
            encoding
        };
        let (number, track) = (digits("number", file.number), digits("track", file.track));
        let text = file.text.unwrap_or(FieldEncodingFile::Ascii).charset();
        if text.is_none() {
            faults.tell(&["encoding", "text"], "is no character set", "ascii, cp500, latin1 and the like");
        }
        let mut binary = file.binary.map_or(Encoding::Hex(Charset::Ascii), encoding_of);
        if !matches!(binary, Encoding::Raw | Encoding::Hex(_)) {
            faults.tell(&["encoding", "binary"], "is no form of binary", "raw, hex or hex_ebcdic");
            binary = Encoding::Raw;
        }
        Defaults {
            number,
            track,
            text: text.unwrap_or(Charset::Ascii),
            binary,
            length: file.length.map_or(PrefixEncoding::Ascii, prefix_encoding),
            pad_fixed: file.pad_fixed.map_or(Pad::Left, pad),
            pad_variable: file.pad_variable.map_or(Pad::Right, pad),
            filler: file.filler.map_or(Filler::Zero, filler),
            sensitivity: Sensitivity::Open,
        }
    }

    /// Within a field. The parts of a text are text, which is decoded already.
    fn within(self, spec: &FieldSpec) -> Defaults {
        let sensitivity = match spec.sensitivity {
            Sensitivity::Open => Sensitivity::Open,
            _ => Sensitivity::Secret,
        };
        if spec.is_binary() {
            return Defaults { sensitivity, ..self };
        }
        Defaults {
            number: Encoding::Text(Charset::Ascii),
            track: Encoding::Text(Charset::Ascii),
            text: Charset::Ascii,
            binary: Encoding::Hex(Charset::Ascii),
            length: PrefixEncoding::Ascii,
            sensitivity,
            ..self
        }
    }

    fn encoding(&self, class: Class) -> Encoding {
        match class {
            Class::N | Class::Xn => self.number,
            Class::Z => self.track,
            Class::B => self.binary,
            _ => Encoding::Text(self.text),
        }
    }
}

/// The specification of a data element, as far as it makes sense.
pub(super) fn spec(
    file: &FieldFile,
    defaults: &Defaults,
    place: &mut Place<'_>,
    faults: &mut Faults<'_>,
) -> Option<FieldSpec> {
    let Some(text) = &file.r#type else {
        place.tell("type", faults, "is missing", "class and length: n6, n..19, ans...999, b8");
        return None;
    };
    let Some(notation) = notation::read(text) else {
        let mend =
            "write class and length, one dot for each digit of the prefix: n6, n..19, ans...999, b8, x+n8";
        place.tell("type", faults, format!("{text:?} is no type"), mend);
        return None;
    };
    let class = notation.class;
    let encoding = file.encoding.map_or(defaults.encoding(class), encoding_of);
    if !fits(class, encoding) {
        let mend = match class {
            Class::B => "raw, hex or hex_ebcdic",
            Class::N | Class::Xn | Class::Z => "bcd or a character set",
            _ => "a character set: ascii, cp500, latin1 and the like",
        };
        place.tell("encoding", faults, format!("{} cannot write class {class}", encoding.name()), mend);
    }
    let prefix = prefix(file, notation.length, encoding, defaults, place, faults);
    let length = length(notation, encoding, prefix, place, faults);
    let fixed = matches!(length, Length::Fixed(_));
    let mut spec = FieldSpec {
        name: file.name.clone().unwrap_or_default(),
        class,
        length,
        encoding,
        prefix,
        pad: file.pad.map_or(if fixed { defaults.pad_fixed } else { defaults.pad_variable }, pad),
        filler: file.filler.map_or(defaults.filler, filler),
        separator: file.separator.map(|separator| match separator {
            SeparatorFile::Equals => Separator::Equals,
            SeparatorFile::D => Separator::D,
        }),
        sensitivity: file.sensitive.map_or(defaults.sensitivity, sensitivity),
        composite: None,
    };
    if file.separator.is_some() && class != Class::Z {
        place.tell("separator", faults, "is for class z only", "");
    }
    if file.optional.is_some() && place.depth() == 0 {
        place.tell("optional", faults, "is for parts only", "a bitmap says which data elements there are");
    }
    if length == Length::Rest && place.depth() == 0 {
        place.tell("type", faults, "`*` is for parts only", "a data element has a length");
    }
    let within = defaults.within(&spec);
    spec.composite = composite(file, &spec, &within, place, faults).map(Box::new);
    Some(spec)
}

fn fits(class: Class, encoding: Encoding) -> bool {
    match encoding {
        Encoding::Text(_) => class != Class::B,
        Encoding::Bcd => matches!(class, Class::N | Class::Xn | Class::Z),
        Encoding::Hex(_) | Encoding::Raw => class == Class::B,
    }
}

fn prefix(
    file: &FieldFile,
    size: Size,
    encoding: Encoding,
    defaults: &Defaults,
    place: &Place<'_>,
    faults: &mut Faults<'_>,
) -> Prefix {
    let written = file.length_encoding.map_or(defaults.length, prefix_encoding);
    let Size::Variable { digits, .. } = size else {
        for (key, given) in [
            ("length_encoding", file.length_encoding.is_some()),
            ("length_bytes", file.length_bytes.is_some()),
            ("length_counts", file.length_counts.is_some()),
        ] {
            if given {
                place.tell(key, faults, "has no meaning without a length prefix", "write the type with dots");
            }
        }
        return Prefix { encoding: written, digits: 0, width: 0, counts: Counts::Units };
    };
    let width = match (written, file.length_bytes) {
        (PrefixEncoding::Binary, Some(width @ 1..=4)) => width,
        (PrefixEncoding::Binary, None) => match digits {
            1 | 2 => 1,
            3 | 4 => 2,
            _ => 3,
        },
        (_, Some(_)) => {
            place.tell("length_bytes", faults, "is for binary length prefixes of 1 to 4 bytes", "");
            4
        }
        (PrefixEncoding::Bcd, None) => digits.div_ceil(2),
        (PrefixEncoding::Ascii | PrefixEncoding::Ebcdic, None) => digits,
    };
    let counts = match file.length_counts {
        Some(CountsFile::Units) | None => Counts::Units,
        Some(CountsFile::Bytes) => Counts::Bytes,
        Some(CountsFile::Nibbles) => Counts::Nibbles,
        Some(CountsFile::Value) => Counts::Value,
    };
    if counts == Counts::Nibbles && encoding != Encoding::Bcd {
        place.tell("length_counts", faults, "only bcd has nibbles", "units, bytes or value");
    }
    if counts == Counts::Value && !matches!(encoding, Encoding::Hex(_)) {
        let mend = "use units, which is the same for raw, and characters for text";
        place.tell("length_counts", faults, "`value` is for hex only", mend);
    }
    Prefix { encoding: written, digits, width, counts }
}

fn length(
    notation: notation::Notation,
    encoding: Encoding,
    prefix: Prefix,
    place: &Place<'_>,
    faults: &mut Faults<'_>,
) -> Length {
    let hex = matches!(encoding, Encoding::Hex(_));
    match notation.length {
        Size::Rest => {
            if notation.class == Class::Xn {
                place.tell("type", faults, "x+n has a fixed length", "x+n8");
            }
            Length::Rest
        }
        Size::Fixed(given) => {
            let units = match notation.class {
                Class::Xn => given.saturating_add(1),
                Class::B if hex => given.saturating_mul(2),
                _ => given,
            };
            if given == 0 || units > 9999 {
                place.tell("type", faults, "this length makes no sense", "1 to 9999");
            }
            Length::Fixed(u16::try_from(units).unwrap_or(1).max(1))
        }
        Size::Variable { max, .. } => {
            if notation.class == Class::Xn {
                place.tell("type", faults, "x+n has a fixed length", "x+n8");
            }
            let most = largest_count(prefix);
            // A length of nibbles counts the filler of an odd number as well.
            let longest = if prefix.counts == Counts::Nibbles { max.saturating_add(max % 2) } else { max };
            if max == 0 || longest > most {
                let mend = match prefix.encoding {
                    _ if max == most => "nibbles come in pairs, so one less".to_owned(),
                    PrefixEncoding::Binary => format!("a {}-byte length says 1 to {most}", prefix.width),
                    _ => format!("a {}-digit length says 1 to {most}", prefix.digits),
                };
                place.tell("type", faults, "the largest length cannot be said by its prefix", mend);
            }
            // Characters are counted, so the prefix may end what the type allows.
            let units = match (hex, prefix.counts) {
                (true, Counts::Value) => max.saturating_mul(2),
                (true, _) => max.saturating_mul(2).min(most),
                (false, _) => max,
            };
            Length::Variable { max: units }
        }
    }
}

/// The largest number that a prefix can say.
fn largest_count(prefix: Prefix) -> u32 {
    match prefix.encoding {
        PrefixEncoding::Binary => u32::MAX.checked_shr(32 - 8 * u32::from(prefix.width)).unwrap_or(0),
        _ => 10u32.pow(prefix.digits.into()) - 1,
    }
}

fn composite(
    file: &FieldFile,
    spec: &FieldSpec,
    within: &Defaults,
    place: &mut Place<'_>,
    faults: &mut Faults<'_>,
) -> Option<Composite> {
    let format = file.format.unwrap_or(FormatFile::None);
    stray_keys(file, format, place, faults);
    if format != FormatFile::None && place.depth() >= DEEPEST_PARTS {
        place.tell("format", faults, "parts are too deep", "four levels at most");
        return None;
    }
    match format {
        FormatFile::None => None,
        FormatFile::BerTlv => {
            if !spec.is_binary() {
                place.tell("format", faults, "ber_tlv is binary", "write the type as b...999");
            }
            Some(Composite::BerTlv)
        }
        FormatFile::Positional => Some(Composite::Positional(positional(file, within, place, faults))),
        FormatFile::Bitmapped => Some(bitmapped(file, within, place, faults)),
        FormatFile::Tlv => tlv(file, spec, within, place, faults),
    }
}

/// Keys that belong to another format than this.
fn stray_keys(file: &FieldFile, format: FormatFile, place: &Place<'_>, faults: &mut Faults<'_>) {
    let keys = [
        ("part", !file.part.is_empty(), FormatFile::None),
        ("tag_bytes", file.tag_bytes.is_some(), FormatFile::Tlv),
        ("value_length_bytes", file.value_length_bytes.is_some(), FormatFile::Tlv),
        ("value_length_encoding", file.value_length_encoding.is_some(), FormatFile::Tlv),
        ("inner_bitmap", file.inner_bitmap.is_some(), FormatFile::Bitmapped),
        ("inner_bitmap_bytes", file.inner_bitmap_bytes.is_some(), FormatFile::Bitmapped),
    ];
    for (key, given, of) in keys {
        let parts_fit = matches!(format, FormatFile::Positional | FormatFile::Bitmapped | FormatFile::Tlv);
        let stray = if key == "part" { !parts_fit } else { format != of };
        // A file on top of another may turn a format off and leave its other keys where they are.
        if given && stray && !(format == FormatFile::None && file.format.is_some()) {
            place.tell(key, faults, "has no meaning with this format", "say which with `format`");
        }
    }
}

fn positional(
    file: &FieldFile,
    within: &Defaults,
    place: &mut Place<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Part> {
    let mut parts = numbered(file, within, place, faults);
    let count = file.part.keys().filter(|key| key.parse::<u16>().is_ok()).count();
    if !(1..=count).all(|number| file.part.contains_key(&number.to_string())) {
        place.tell("part", faults, "the parts are not numbered 1, 2, 3 and so on", "");
    }
    if let Some((_, before_last)) = parts.split_last() {
        for part in before_last.iter().filter(|part| part.spec.length == Length::Rest) {
            let key = part.key.to_string();
            place.part(&key).tell("type", faults, "only the last part can be all that is left", "");
        }
    }
    // What follows an optional part is no more certain than it.
    let mut optional = false;
    for part in &mut parts {
        optional |= part.optional;
        part.optional = optional;
    }
    parts
}

fn bitmapped(
    file: &FieldFile,
    within: &Defaults,
    place: &mut Place<'_>,
    faults: &mut Faults<'_>,
) -> Composite {
    let width = file.inner_bitmap_bytes.unwrap_or(8);
    if !(1..=16).contains(&width) {
        place.tell("inner_bitmap_bytes", faults, "is out of range", "1 to 16");
    }
    let width = width.clamp(1, 16);
    let parts = numbered(file, within, place, faults);
    let last = width as u16 * 8;
    for part in parts.iter().filter(|part| part.key > PartKey::Number(last)) {
        let key = part.key.to_string();
        place.part(&key).tell("", faults, "is beyond the bitmap", format!("parts are bits 1 to {last}"));
    }
    Composite::Bitmapped { hex: file.inner_bitmap == Some(InnerBitmapFile::Hex), width, parts }
}

fn tlv(
    file: &FieldFile,
    spec: &FieldSpec,
    within: &Defaults,
    place: &mut Place<'_>,
    faults: &mut Faults<'_>,
) -> Option<Composite> {
    let (Some(tag), Some(width)) = (file.tag_bytes, file.value_length_bytes) else {
        place.tell("format", faults, "tlv needs `tag_bytes` and `value_length_bytes`", "");
        return None;
    };
    let binary = spec.is_binary();
    let encoding = match (file.value_length_encoding, binary) {
        (Some(encoding), _) => prefix_encoding(encoding),
        (None, true) => PrefixEncoding::Binary,
        (None, false) => PrefixEncoding::Ascii,
    };
    let widest = if encoding == PrefixEncoding::Binary { 4 } else { 6 };
    if tag == 0 || tag > if binary { 4 } else { 8 } {
        place.tell("tag_bytes", faults, "is out of range", "1 to 8 characters, or 1 to 4 bytes of binary");
    }
    if !(1..=widest).contains(&width) {
        place.tell("value_length_bytes", faults, "is out of range", format!("1 to {widest}"));
    }
    let parts = file.part.iter().filter_map(|(key, part)| {
        let named = if binary {
            crate::hex_text::read(key)
                .filter(|bytes| bytes.len() == tag)
                .and_then(|bytes| PartKey::hex(&bytes))
        } else {
            Some(key).filter(|key| key.len() == tag).and_then(|key| PartKey::text(key.as_bytes()))
        };
        let Some(named) = named else {
            let mend =
                if binary { "two hexadecimal digits a byte" } else { "as many characters as `tag_bytes`" };
            place.part(key).tell("", faults, "is no tag here", mend);
            return None;
        };
        let part = self::part(named, key, part, within, place, faults)?;
        if matches!(part.spec.length, Length::Variable { .. }) {
            let mend = "write the type as ans* or n6";
            place.part(key).tell("type", faults, "the value has its length in front already", mend);
        }
        Some(part)
    });
    let parts: Vec<Part> = parts.collect();
    Some(Composite::Tlv { tag, binary_tag: binary, length: TextLength { width, encoding }, parts })
}

/// Parts whose keys are numbers, ascending.
fn numbered(
    file: &FieldFile,
    within: &Defaults,
    place: &mut Place<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (key, part) in &file.part {
        let number = key.parse::<u16>().ok().filter(|number| *number > 0 && number.to_string() == *key);
        match number {
            Some(number) => {
                parts.extend(self::part(PartKey::Number(number), key, part, within, place, faults));
            }
            None => place.part(key).tell("", faults, "is no number of a part", "count from 1"),
        }
    }
    parts.sort_by_key(|part| part.key);
    parts
}

fn part<'a>(
    named: PartKey,
    key: &'a str,
    file: &'a FieldFile,
    within: &Defaults,
    place: &Place<'a>,
    faults: &mut Faults<'_>,
) -> Option<Part> {
    let mut inner = place.part(key);
    // A tag may be known by its name alone.
    let mut file = file.clone();
    if matches!(named, PartKey::Text(_) | PartKey::Hex { .. }) && file.r#type.is_none() {
        file.r#type = Some(if matches!(named, PartKey::Hex { .. }) { "b*" } else { "any*" }.to_owned());
    }
    let optional = file.optional == Some(true);
    spec(&file, within, &mut inner, faults).map(|spec| Part { key: named, spec, optional })
}

fn encoding_of(file: FieldEncodingFile) -> Encoding {
    match file {
        FieldEncodingFile::Bcd => Encoding::Bcd,
        FieldEncodingFile::Raw => Encoding::Raw,
        FieldEncodingFile::Hex => Encoding::Hex(Charset::Ascii),
        FieldEncodingFile::HexEbcdic => Encoding::Hex(Charset::Cp500),
        text => Encoding::Text(text.charset().unwrap_or(Charset::Ascii)),
    }
}

fn prefix_encoding(file: LengthEncodingFile) -> PrefixEncoding {
    match file {
        LengthEncodingFile::Ascii => PrefixEncoding::Ascii,
        LengthEncodingFile::Ebcdic => PrefixEncoding::Ebcdic,
        LengthEncodingFile::Bcd => PrefixEncoding::Bcd,
        LengthEncodingFile::Binary => PrefixEncoding::Binary,
    }
}

fn pad(file: PadFile) -> Pad {
    match file {
        PadFile::Left => Pad::Left,
        PadFile::Right => Pad::Right,
    }
}

fn filler(file: FillerFile) -> Filler {
    match file {
        FillerFile::Zero => Filler::Zero,
        FillerFile::F => Filler::F,
    }
}

fn sensitivity(file: SensitivityFile) -> Sensitivity {
    match file {
        SensitivityFile::Open => Sensitivity::Open,
        SensitivityFile::Pan => Sensitivity::Pan,
        SensitivityFile::Track => Sensitivity::Track,
        SensitivityFile::Chip => Sensitivity::Chip,
        SensitivityFile::Secret => Sensitivity::Secret,
    }
}
