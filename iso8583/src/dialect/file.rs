//! The dialect file as it is written: every key optional, so that one file can stand on another.

use crate::Charset;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The JSON Schema of dialect files, for editors and for checks in a build.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(DialectFile).to_value()
}

/// A dialect of ISO 8583: how one network writes its messages. The tutorial is docs/dialects.md.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Turnout ISO 8583 dialect")]
pub(super) struct DialectFile {
    /// Name in configuration: letters, digits, `_` and `-`.
    pub(super) name: Option<String>,
    /// What it is, in a line.
    pub(super) title: Option<String>,
    /// Edition of the standard that says what the data elements mean: 1987, 1993 or 2003.
    pub(super) edition: Option<u16>,
    /// Another dialect: what stands in this file replaces or adds to it, key by key.
    pub(super) based_on: Option<String>,
    /// Whether the rules of the base hold as well; true by default.
    pub(super) inherit_rules: Option<bool>,
    /// Longest message in bytes, header included; at most 65535, which is the default.
    pub(super) max_frame: Option<u32>,
    /// Data elements of the base that this dialect lacks.
    #[serde(default)]
    pub(super) remove: Vec<u8>,
    /// What stands before the MTI.
    pub(super) header: Option<HeaderFile>,
    /// How messages are cut out of a byte stream.
    #[serde(default)]
    pub(super) framing: FramingFile,
    /// How things are written, unless a data element says otherwise.
    #[serde(default)]
    pub(super) encoding: EncodingFile,
    /// Which bitmaps there are.
    #[serde(default)]
    pub(super) bitmap: BitmapFile,
    /// Data elements by number, 2 to 192.
    #[serde(default)]
    pub(super) field: BTreeMap<String, FieldFile>,
    /// What message types must, may and may not carry.
    #[serde(default)]
    pub(super) rule: Vec<RuleFile>,
}

/// What stands before the MTI.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "keys of a header, as `length = 5`")]
pub(super) struct HeaderFile {
    /// Bytes; 0 is no header.
    pub(super) length: usize,
    /// Bytes it must begin with, hexadecimal.
    pub(super) starts_with: Option<String>,
    /// Offset of one byte with the header's own length; `length` is then the least.
    pub(super) own_length_at: Option<usize>,
    /// Offset of two bytes, big-endian, with the length of header and message.
    pub(super) total_length_at: Option<usize>,
    /// Two places exchanged in an answer.
    pub(super) swap: Option<SwapFile>,
    /// Written where nobody gives a header, hexadecimal.
    pub(super) default: Option<String>,
}

/// Two places of a header.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the two places, as `{ left = 1, right = 3, width = 2 }`")]
pub(super) struct SwapFile {
    /// Offset of one.
    pub(super) left: usize,
    /// Offset of the other.
    pub(super) right: usize,
    /// Bytes of each.
    pub(super) width: usize,
}

/// How messages are cut out of a byte stream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "keys of a framing, as `prefix = \"binary\"`")]
pub(crate) struct FramingFile {
    /// How the length in front is written.
    pub(crate) prefix: Option<FramePrefix>,
    /// Its bytes, 1 to 4.
    pub(crate) prefix_bytes: Option<usize>,
    /// Whether the length counts itself.
    pub(crate) inclusive: Option<bool>,
    /// Bytes after the length that mean nothing to us.
    pub(crate) reserved_bytes: Option<usize>,
    /// Whether the length counts the header.
    pub(crate) header_counted: Option<bool>,
    /// Bytes behind the message, hexadecimal.
    pub(crate) trailer: Option<String>,
    /// Whether the length counts them.
    pub(crate) trailer_counted: Option<bool>,
    /// What to do with a frame of length zero.
    pub(crate) keep_alive: Option<KeepAliveFile>,
}

/// How the length in front of a message is written.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FramePrefix {
    Binary,
    Bcd,
    Ascii,
    Ebcdic,
    None,
}

/// What to do with a frame of length zero.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeepAliveFile {
    Ignore,
    Echo,
}

/// How things are written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "encodings, as `text = \"ascii\"`")]
pub(super) struct EncodingFile {
    /// The message type.
    pub(super) mti: Option<DigitsFile>,
    /// Bitmaps.
    pub(super) bitmap: Option<BitmapEncodingFile>,
    /// Length prefixes.
    pub(super) length: Option<LengthEncodingFile>,
    /// Classes n and x+n: bcd or a character set.
    pub(super) number: Option<FieldEncodingFile>,
    /// Class z: bcd or a character set.
    pub(super) track: Option<FieldEncodingFile>,
    /// All other text: a character set.
    pub(super) text: Option<FieldEncodingFile>,
    /// Class b: raw, hex, hex_ebcdic.
    pub(super) binary: Option<FieldEncodingFile>,
    /// Where an odd number of packed digits gets its filler, fixed lengths.
    pub(super) pad_fixed: Option<PadFile>,
    /// The same, variable lengths.
    pub(super) pad_variable: Option<PadFile>,
    /// The filler nibble written.
    pub(super) filler: Option<FillerFile>,
}

/// Which bitmaps there are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "keys of the bitmaps, as `secondary = \"bit_1\"`")]
pub(super) struct BitmapFile {
    /// When there is a second one.
    pub(super) secondary: Option<SecondaryFile>,
    /// What is written into bit 1 where the second one is always there.
    pub(super) bit_1: Option<Bit1File>,
    /// When there is a third one.
    pub(super) tertiary: Option<TertiaryFile>,
}

/// A data element, or a part of one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table in braces, as `{ type = \"n6\" }`")]
pub(super) struct FieldFile {
    /// Name by the standard, or by the network.
    pub(super) name: Option<String>,
    /// Class and length as the standard writes them: n6, n..19, ans...999, b8, x+n8; parts also ans*.
    pub(super) r#type: Option<String>,
    /// How the value is written.
    pub(super) encoding: Option<FieldEncodingFile>,
    /// How the length prefix is written.
    pub(super) length_encoding: Option<LengthEncodingFile>,
    /// Bytes of a binary length prefix.
    pub(super) length_bytes: Option<u8>,
    /// What the length prefix counts.
    pub(super) length_counts: Option<CountsFile>,
    /// Where an odd number of packed digits gets its filler.
    pub(super) pad: Option<PadFile>,
    /// The filler nibble written.
    pub(super) filler: Option<FillerFile>,
    /// Which separator of track data is written.
    pub(super) separator: Option<SeparatorFile>,
    /// What a dump may show.
    pub(super) sensitive: Option<SensitivityFile>,
    /// Inner structure of the decoded value.
    pub(super) format: Option<FormatFile>,
    /// format = "tlv": bytes of a tag.
    pub(super) tag_bytes: Option<usize>,
    /// format = "tlv": bytes of the length in front of each value.
    pub(super) value_length_bytes: Option<usize>,
    /// format = "tlv": how that length is written.
    pub(super) value_length_encoding: Option<LengthEncodingFile>,
    /// format = "bitmapped": how the bitmap is written.
    pub(super) inner_bitmap: Option<InnerBitmapFile>,
    /// format = "bitmapped": bytes of the bitmap, 1 to 16.
    pub(super) inner_bitmap_bytes: Option<usize>,
    /// Parts by position, bit or tag.
    #[serde(default)]
    pub(super) part: BTreeMap<String, FieldFile>,
    /// Parts of format = "positional": whether the value may end before this one.
    pub(super) optional: Option<bool>,
}

/// What message types must, may and may not carry.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a rule, as `mti = [\"0200\"]`")]
pub(crate) struct RuleFile {
    /// Message types; x stands for any digit.
    pub(crate) mti: Vec<String>,
    /// Data elements that must be there.
    #[serde(default)]
    pub(crate) mandatory: Vec<u8>,
    /// Data elements that must not be there.
    #[serde(default)]
    pub(crate) forbidden: Vec<u8>,
    /// Values allowed, by data element; `*` is any rest, `?` any one character.
    #[serde(default)]
    pub(crate) values: BTreeMap<String, Vec<String>>,
    /// Data elements of this request that its response repeats.
    #[serde(default)]
    pub(crate) echo: Vec<u8>,
    /// What holds only under conditions.
    #[serde(default)]
    pub(crate) when: Vec<WhenFile>,
    /// Whether it is a rule of the base.
    #[serde(skip)]
    pub(crate) inherited: bool,
}

/// What holds when every condition does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a condition, as `{ present = [52], mandatory = [53] }`")]
pub(crate) struct WhenFile {
    /// Data elements that are there.
    #[serde(default)]
    pub(crate) present: Vec<u8>,
    /// Data elements that are not there.
    #[serde(default)]
    pub(crate) absent: Vec<u8>,
    /// Values, by data element, written as in `values`.
    #[serde(default)]
    pub(crate) value: BTreeMap<String, Vec<String>>,
    /// Data elements that must then be there.
    #[serde(default)]
    pub(crate) mandatory: Vec<u8>,
    /// Data elements that must then not be there.
    #[serde(default)]
    pub(crate) forbidden: Vec<u8>,
}

/// Declares an enumeration whose variants are names in dialect files.
macro_rules! names {
    ($(#[doc = $doc:literal] $name:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {
        $(#[doc = $doc]
        #[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
        pub(super) enum $name { $(#[serde(rename = $text)] $variant),+ })+
    };
}

names! {
    /// How the MTI is written.
    DigitsFile { Ascii = "ascii", Ebcdic = "ebcdic", Bcd = "bcd" }
    /// How a bitmap is written.
    BitmapEncodingFile { Binary = "binary", Hex = "hex", HexEbcdic = "hex_ebcdic" }
    /// How a length is written.
    LengthEncodingFile { Ascii = "ascii", Ebcdic = "ebcdic", Bcd = "bcd", Binary = "binary" }
    /// How a value is written.
    FieldEncodingFile {
        Ascii = "ascii", Latin1 = "latin1", Cp1251 = "cp1251", Gbk = "gbk", Cp037 = "cp037", Cp500 = "cp500",
        Cp1047 = "cp1047", Ebcdic = "ebcdic", Bcd = "bcd", Raw = "raw", Hex = "hex", HexEbcdic = "hex_ebcdic",
    }
    /// Where the filler goes.
    PadFile { Left = "left", Right = "right" }
    /// The filler nibble.
    FillerFile { Zero = "0", F = "F" }
    /// When there is a second bitmap.
    SecondaryFile { ByBit1 = "bit_1", Always = "always" }
    /// What is written into bit 1.
    Bit1File { Set = "set", Clear = "clear" }
    /// When there is a third bitmap.
    TertiaryFile { None = "none", AfterSecondary = "after_secondary", De65 = "de_65", De65Wide = "de_65_wide" }
    /// What a length prefix counts.
    CountsFile { Units = "units", Bytes = "bytes", Nibbles = "nibbles", Value = "value" }
    /// Separator of track 2.
    SeparatorFile { Equals = "=", D = "D" }
    /// What a dump may show.
    SensitivityFile { Open = "open", Pan = "pan", Track = "track", Chip = "chip", Secret = "secret" }
    /// Inner structure.
    FormatFile {
        None = "none", BerTlv = "ber_tlv", Tlv = "tlv", Positional = "positional", Bitmapped = "bitmapped",
    }
    /// How an inner bitmap is written.
    InnerBitmapFile { Binary = "binary", Hex = "hex" }
}

impl FieldEncodingFile {
    /// The character set of a text encoding.
    pub(super) fn charset(self) -> Option<Charset> {
        Some(match self {
            FieldEncodingFile::Ascii => Charset::Ascii,
            FieldEncodingFile::Latin1 => Charset::Latin1,
            FieldEncodingFile::Cp1251 => Charset::Cp1251,
            FieldEncodingFile::Gbk => Charset::Gbk,
            FieldEncodingFile::Cp037 => Charset::Cp037,
            FieldEncodingFile::Cp500 | FieldEncodingFile::Ebcdic => Charset::Cp500,
            FieldEncodingFile::Cp1047 => Charset::Cp1047,
            FieldEncodingFile::Bcd
            | FieldEncodingFile::Raw
            | FieldEncodingFile::Hex
            | FieldEncodingFile::HexEbcdic => return None,
        })
    }
}

/// Takes from `$base` what `$own` does not say.
macro_rules! over {
    ($own:expr, $base:expr, $($key:ident),+) => { $($own.$key = $own.$key.take().or($base.$key);)+ };
}

impl DialectFile {
    /// This file on top of the one it is based on. The name stays its own.
    pub(super) fn over(mut self, mut base: DialectFile) -> DialectFile {
        over!(self, base, title, edition, max_frame, header);
        over!(
            self.framing,
            base.framing,
            prefix,
            prefix_bytes,
            inclusive,
            reserved_bytes,
            header_counted,
            trailer,
            trailer_counted,
            keep_alive
        );
        over!(
            self.encoding,
            base.encoding,
            mti,
            bitmap,
            length,
            number,
            track,
            text,
            binary,
            pad_fixed,
            pad_variable,
            filler
        );
        over!(self.bitmap, base.bitmap, secondary, bit_1, tertiary);
        for field in &self.remove {
            base.field.remove(&field.to_string());
        }
        self.field = fields_over(self.field, base.field);
        if self.inherit_rules != Some(false) {
            let removed =
                |field: u8| self.remove.contains(&field) && !self.field.contains_key(&field.to_string());
            for rule in &mut base.rule {
                rule.inherited = true;
                rule.leave_out(removed);
            }
            base.rule.append(&mut self.rule);
            self.rule = base.rule;
        }
        self
    }
}

impl FieldFile {
    fn over(mut self, base: FieldFile) -> FieldFile {
        over!(
            self,
            base,
            name,
            r#type,
            encoding,
            length_encoding,
            length_bytes,
            length_counts,
            pad,
            filler,
            separator,
            sensitive,
            tag_bytes,
            value_length_bytes,
            value_length_encoding,
            inner_bitmap,
            inner_bitmap_bytes,
            optional
        );
        // Another structure has other parts.
        if self.format.is_none() || self.format == base.format {
            self.format = base.format;
            self.part = fields_over(self.part, base.part);
        }
        self
    }
}

impl RuleFile {
    /// Takes out data elements that a dialect on top of this one lacks.
    fn leave_out(&mut self, removed: impl Fn(u8) -> bool) {
        let keep = |field: &u8| !removed(*field);
        let named = |key: &String| key.parse().is_ok_and(&removed);
        for fields in [&mut self.mandatory, &mut self.forbidden, &mut self.echo] {
            fields.retain(keep);
        }
        self.values.retain(|key, _| !named(key));
        // What asks for such an element never holds.
        self.when.retain(|when| when.present.iter().all(keep) && !when.value.keys().any(named));
        for when in &mut self.when {
            for fields in [&mut when.absent, &mut when.mandatory, &mut when.forbidden] {
                fields.retain(keep);
            }
        }
    }
}

fn fields_over(
    mut own: BTreeMap<String, FieldFile>,
    base: BTreeMap<String, FieldFile>,
) -> BTreeMap<String, FieldFile> {
    for (key, field) in base {
        let merged = match own.remove(&key) {
            Some(own) => own.over(field),
            None => field,
        };
        own.insert(key, merged);
    }
    own
}
