//! Messages and dialects made up at random.

#![allow(dead_code, reason = "each test uses a part of it")]

use iso8583::composite::Content;
use iso8583::dump::{Show, encode_contents, fields_as_text};
use iso8583::{Class, Counts, Dialect, Encoding, FieldSpec, Filler, Length, MessageWriter, Mti, parse};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt::Write;
use std::sync::Arc;

/// A message to be written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) dialect: Arc<Dialect>,
    pub(crate) mti: Mti,
    pub(crate) fields: Vec<(u8, Vec<u8>)>,
}

impl Draft {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer =
            MessageWriter::begin(&mut out, &self.dialect, &header(&self.dialect), self.mti).unwrap();
        for (field, value) in &self.fields {
            writer.field(*field, value).unwrap_or_else(|error| panic!("{error}"));
        }
        writer.finish().unwrap();
        out
    }

    pub(crate) fn check_round_trip(&self) {
        let frame = self.encode();
        let message =
            parse(&frame, &self.dialect).unwrap_or_else(|error| panic!("{error} {}", hex::encode(&frame)));
        assert_eq!(message.mti(), self.mti);
        assert_eq!(message.header().len(), header(&self.dialect).len());
        let read: Vec<_> = message.fields().map(|(field, value)| (field, value.to_vec())).collect();
        assert_eq!(read, self.fields);
        let texts = fields_as_text(&message, Show::Unmasked);
        let contents: Vec<_> = texts.into_iter().map(|(field, text)| (field, Content::Text(text))).collect();
        let again = encode_contents(&self.dialect, message.header(), self.mti, &contents).unwrap();
        assert_eq!(hex::encode(again), hex::encode(&frame));
        let mut copied = Vec::new();
        let mut writer =
            MessageWriter::begin(&mut copied, &self.dialect, message.header(), self.mti).unwrap();
        for field in message.bitmap().fields() {
            writer.copy(field, &message).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(hex::encode(copied), hex::encode(&frame));
    }
}

/// A header that the dialect allows.
pub(crate) fn header(dialect: &Dialect) -> Vec<u8> {
    let spec = dialect.header();
    if !spec.default.is_empty() {
        return spec.default.clone();
    }
    let mut header = spec.starts_with.clone();
    header.resize(spec.length, 0x20);
    if let Some(at) = spec.own_length_at {
        header[at] = spec.length as u8;
    }
    header
}

/// Messages of a dialect, up to thirty of its data elements with values that they may hold.
pub(crate) fn drafts(dialects: impl Strategy<Value = Arc<Dialect>>) -> impl Strategy<Value = Draft> {
    (dialects, "[0-9]{4}").prop_flat_map(|(dialect, mti)| {
        let mti = Mti::parse(mti.as_bytes()).unwrap();
        let known: Vec<u8> = dialect.fields().map(|(field, _)| field).collect();
        let most = known.len().min(30);
        let of_dialect = Arc::clone(&dialect);
        let fields = btree_set(select(known), 0..=most).prop_flat_map(move |fields| {
            let of_field = |field| (Just(field), value(of_dialect.field(field).unwrap()));
            fields.into_iter().map(of_field).collect::<Vec<_>>()
        });
        (Just(dialect), Just(mti), fields).prop_map(|(dialect, mti, fields)| Draft { dialect, mti, fields })
    })
}

fn value(spec: &FieldSpec) -> BoxedStrategy<Vec<u8>> {
    // A value of a field in hexadecimal characters is half as long.
    let decoded = |units: usize| if matches!(spec.encoding, Encoding::Hex(_)) { units / 2 } else { units };
    let (least, most) = match spec.length {
        Length::Fixed(units) => (decoded(units.into()), decoded(units.into())),
        Length::Variable { max } => (0, decoded(max as usize).min(120)),
        Length::Rest => (0, 20),
    };
    // Where the filler is counted and zero, an odd number of digits cannot be said.
    let even = spec.encoding == Encoding::Bcd
        && spec.filler == Filler::Zero
        && matches!(spec.prefix.counts, Counts::Bytes | Counts::Nibbles);
    if spec.class == Class::Xn {
        let digits = vec(b'0'..=b'9', least - 1..=most - 1);
        return (select(b"CD0".to_vec()), digits)
            .prop_map(|(sign, digits)| [&[sign], &digits[..]].concat())
            .boxed();
    }
    let character = match spec.class {
        Class::N | Class::Xn => select(b"0123456789".to_vec()).boxed(),
        // What is read with one separator may be written with another.
        Class::Z if spec.separator.is_some() => select(b"0123456789".to_vec()).boxed(),
        Class::Z => select(b"0123456789D".to_vec()).boxed(),
        Class::A => select(b"ABCXYZabcxyz ".to_vec()).boxed(),
        Class::An => select(b"ABCXYZabcxyz 0123456789".to_vec()).boxed(),
        Class::Ns => select(b"0123456789-+. ".to_vec()).boxed(),
        Class::As => select(b"ABCXYZabcxyz-+. ".to_vec()).boxed(),
        Class::H => select(b"0123456789ABCDEF".to_vec()).boxed(),
        Class::Ans | Class::Any => (0x20u8..=0x7E).boxed(),
        Class::B => any::<u8>().boxed(),
    };
    vec(character, least..=most)
        .prop_map(move |mut value| {
            if even && value.len() % 2 == 1 {
                value.pop();
            }
            value
        })
        .boxed()
}

/// Dialects with every form of envelope and of data element, as files.
pub(crate) fn random_dialects() -> impl Strategy<Value = Arc<Dialect>> {
    let envelope = (
        select(vec!["ascii", "bcd", "ebcdic"]),
        select(vec!["hex", "binary", "hex_ebcdic"]),
        select(vec![
            "secondary = \"bit_1\"",
            "secondary = \"always\"",
            "secondary = \"always\"\nbit_1 = \"clear\"",
        ]),
        select(vec!["none", "after_secondary", "de_65", "de_65_wide"]),
        select(vec![
            "",
            "[header]\nlength = 5\n",
            "[header]\nlength = 4\nown_length_at = 0\ntotal_length_at = 1\n",
        ]),
    );
    (envelope, btree_map(2u8..=192, random_field(), 1..25)).prop_map(
        |((mti, bitmap, secondary, tertiary, header), fields)| {
            let mut text =
                format!("name = \"random\"\nedition = 1987\n{header}[encoding]\nmti = \"{mti}\"\n");
            write!(text, "bitmap = \"{bitmap}\"\n[bitmap]\n{secondary}\ntertiary = \"{tertiary}\"\n")
                .unwrap();
            let last = if tertiary == "none" { 128 } else { 192 };
            let mut any = false;
            for (number, field) in
                fields.range(2..=last).filter(|(number, _)| tertiary == "none" || **number != 65)
            {
                writeln!(text, "[field.{number}]\n{field}").unwrap();
                any = true;
            }
            if !any {
                text.push_str("[field.2]\ntype = \"n6\"\n");
            }
            Arc::new(Dialect::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}")))
        },
    )
}

fn random_field() -> impl Strategy<Value = String> {
    let text = select(vec!["ascii", "latin1", "cp1251", "gbk", "cp037", "cp500", "cp1047", "ebcdic"]);
    let number = prop_oneof![2 => Just("bcd"), 3 => text.clone()];
    let length = prop_oneof![
        (1u32..40).prop_map(|size| (0, size)),
        (1u32..=9).prop_map(|max| (1, max)),
        (1u32..=99).prop_map(|max| (2, max)),
        (1u32..=999).prop_map(|max| (3, max)),
        (1u32..=9999).prop_map(|max| (4, max)),
        (1u32..=999_999).prop_map(|max| (6, max)),
    ];
    let typed = prop_oneof![
        4 => (select(vec!["n", "z"]), number),
        4 => (select(vec!["a", "an", "ns", "as", "ans", "h", "any"]), text),
        2 => (Just("b"), select(vec!["raw", "hex", "hex_ebcdic"])),
    ];
    let prefix = (
        select(vec!["ascii", "ebcdic", "bcd", "binary"]),
        select(vec!["units", "bytes", "nibbles", "value"]),
    );
    let odd = (select(vec!["left", "right"]), select(vec!["0", "F"]));
    (typed, length, prefix, odd).prop_map(
        |((class, encoding), (dots, size), (written, counts), (pad, filler))| {
            let size = if dots == 6 && written == "binary" || class == "b" && dots == 0 {
                size.min(200)
            } else {
                size
            };
            // The filler of an odd number of digits is counted too.
            let size = if counts == "nibbles" && size % 10 == 9 { size - 1 } else { size };
            let mut field =
                format!("type = \"{class}{}{size}\"\nencoding = \"{encoding}\"\n", ".".repeat(dots));
            write!(field, "pad = \"{pad}\"\nfiller = \"{filler}\"\n").unwrap();
            if dots > 0 {
                let counts = match (counts, encoding) {
                    ("nibbles", "bcd") | ("bytes", _) => counts,
                    ("value", "hex" | "hex_ebcdic") => counts,
                    _ => "units",
                };
                write!(field, "length_encoding = \"{written}\"\nlength_counts = \"{counts}\"\n").unwrap();
                if written == "binary" {
                    field.push_str("length_bytes = 3\n");
                }
            }
            field
        },
    )
}
