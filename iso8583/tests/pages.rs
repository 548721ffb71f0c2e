//! What `docs/dialects.md` and `docs/dialects/*.md` say of the dialects is what the dialects do: their
//! tables, example messages and files. `UPDATE_GOLDEN=1 cargo test -p iso8583 --test pages` rewrites
//! the tables, the bytes of the examples and the schema.

#![allow(clippy::disallowed_methods, reason = "the crate does no I/O, its pages need some")]

use iso8583::composite::Content;
use iso8583::dump::{Show, encode_contents, fields_as_text};
use iso8583::{
    Composite, Counts, Dialect, FieldSpec, Length, Mti, Prefix, PrefixEncoding, Sensitivity, parse,
};
use serde_json::{Value, json};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_page_has_the_elements_of_its_dialect_and_the_bytes_of_its_example() {
    for dialect in dialects() {
        let path = page_of(dialect);
        let page = with_frames(&with_table(&read(&path), &elements(dialect)), dialect);
        keep(&path, &page);
    }
}

#[test]
fn every_example_is_decoded_to_the_fields_beside_it() {
    // The pages are being written.
    if rewrites() {
        return;
    }
    for dialect in dialects() {
        let page = read(&page_of(dialect));
        let (frames, messages) = (blocks(&page, "hex"), blocks(&page, "json"));
        assert!(!frames.is_empty() && frames.len() == messages.len(), "{}", dialect.name());
        for (frame, message) in frames.iter().zip(messages) {
            let frame = hex::decode(frame.split_whitespace().collect::<String>()).unwrap();
            let expect: Value = serde_json::from_str(message).unwrap();
            assert_eq!(decoded(&frame, dialect), expect, "{}", dialect.name());
        }
    }
}

#[test]
fn every_dialect_is_in_the_list() {
    let path = docs().join("dialects.md");
    let page = with_table(&read(&path), &list());
    keep(&path, &page);
}

#[test]
fn every_dialect_file_shown_can_be_loaded() {
    if rewrites() {
        return;
    }
    let pages = dialects().map(page_of).chain([docs().join("dialects.md")]);
    let mut whole = 0;
    for path in pages {
        let page = read(&path);
        for block in blocks(&page, "toml") {
            let text = match block.lines().next().unwrap_or_default() {
                "# a whole file" => block.to_owned(),
                // What shows a table or two is of a dialect in which binary is raw.
                table if table.starts_with("[[listener]]") => continue,
                _ => format!("name = \"shown\"\nbased_on = \"iso87_ascii_binary\"\n{block}"),
            };
            whole += usize::from(text == block);
            Dialect::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}\n{block}", path.display()));
        }
    }
    assert!(whole > Dialect::names().count(), "only {whole} whole files are shown");
}

#[test]
fn the_schema_is_that_of_the_program() {
    keep(&docs().join("dialect.schema.json"), &format!("{:#}\n", iso8583::schema()));
}

fn dialects() -> impl Iterator<Item = &'static Dialect> {
    Dialect::names().map(|name| &**Dialect::by_name(name).unwrap())
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn page_of(dialect: &Dialect) -> PathBuf {
    docs().join("dialects").join(dialect.name()).with_extension("md")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares a file with what it should be, or writes it.
fn keep(path: &Path, expect: &str) {
    let found = fs::read_to_string(path).unwrap_or_default();
    if rewrites() {
        if found != expect {
            fs::write(path, expect).unwrap();
        }
        return;
    }
    assert!(found == expect, "{} differs; UPDATE_GOLDEN=1 rewrites it", path.display());
}

fn rewrites() -> bool {
    env::var_os("UPDATE_GOLDEN").is_some()
}

/// The page with this between its marks.
fn with_table(page: &str, table: &str) -> String {
    let (before, rest) =
        page.split_once("<!-- table -->\n").expect("a page has a mark where its table begins");
    let (_, after) = rest.split_once("<!-- end of table -->").expect("and one where it ends");
    format!("{before}<!-- table -->\n{table}<!-- end of table -->{after}")
}

/// The page with the bytes of each message anew, from the fields beside them.
fn with_frames(page: &str, dialect: &Dialect) -> String {
    let mut pieces = page.split("```hex\n");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (_, after) = piece.split_once("```").expect("a block has an end");
        let message = blocks(after, "json")[0];
        let frame = hex::encode_upper(encoded(&serde_json::from_str(message).unwrap(), dialect));
        text.push_str("```hex\n");
        for line in frame.as_bytes().chunks(96) {
            text.push_str(std::str::from_utf8(line).unwrap());
            text.push('\n');
        }
        text.push_str("```");
        text.push_str(after);
    }
    text
}

/// The contents of the code blocks in a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    let block = |piece: &'a str| piece.split_once("```").map_or(piece, |(block, _)| block);
    page.split(&open).skip(1).map(block).collect()
}

/// As `turnout message encode` reads it.
fn encoded(message: &Value, dialect: &Dialect) -> Vec<u8> {
    let header = hex::decode(message["header"].as_str().unwrap_or_default()).unwrap();
    let mti = Mti::parse(message["mti"].as_str().unwrap().as_bytes()).unwrap();
    let fields: Vec<(u8, Content)> = message["fields"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(field, text)| (field.parse().unwrap(), Content::Text(text.as_str().unwrap().to_owned())))
        .collect();
    encode_contents(dialect, &header, mti, &fields)
        .unwrap_or_else(|error| panic!("{}: {error}", dialect.name()))
}

/// As `turnout message decode --format json --unmask` prints it.
fn decoded(frame: &[u8], dialect: &Dialect) -> Value {
    let message = parse(frame, dialect).unwrap_or_else(|error| panic!("{}: {error}", dialect.name()));
    let fields: serde_json::Map<String, Value> = fields_as_text(&message, Show::Unmasked)
        .into_iter()
        .map(|(field, text)| (field.to_string(), Value::String(text)))
        .collect();
    let mut object = json!({ "mti": message.mti().to_string(), "fields": fields });
    if !message.header().is_empty() {
        object["header"] = Value::String(hex::encode_upper(message.header()));
    }
    object
}

/// The built-in dialects, a row each.
fn list() -> String {
    let mut table = "| Dialect | What it is | Edition | Header | Elements |\n".to_owned();
    table.push_str("| --- | --- | --- | --- | --- |\n");
    for dialect in dialects() {
        let (name, title, year) = (dialect.name(), dialect.title(), dialect.edition().year());
        let header = match dialect.header().length {
            0 => "none".to_owned(),
            length => format!("{length} bytes"),
        };
        let count = dialect.fields().count();
        table.push_str(&format!(
            "| [`{name}`](dialects/{name}.md) | {title} | {year} | {header} | {count} |\n"
        ));
    }
    table
}

/// The data elements with their parts, a row each.
fn elements(dialect: &Dialect) -> String {
    let mut table = "| DE | Name | Type | Encoding | Length prefix | Sensitive | Inside |\n".to_owned();
    table.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for (number, spec) in dialect.fields() {
        row(&number.to_string(), spec, &mut table);
    }
    table
}

fn row(path: &str, spec: &FieldSpec, table: &mut String) {
    let name = if spec.name.is_empty() { "—" } else { &spec.name };
    let prefix =
        if matches!(spec.length, Length::Variable { .. }) { prefix(spec.prefix) } else { String::new() };
    let cells = [
        path,
        name,
        &format!("`{}`", spec.notation()),
        spec.encoding.name(),
        &prefix,
        sensitive(spec.sensitivity),
        &spec.composite.as_deref().map(inside).unwrap_or_default(),
    ];
    let mut line = format!("| {} |", cells.join(" | "));
    // An empty cell is written with one space.
    while line.contains("|  |") {
        line = line.replace("|  |", "| |");
    }
    table.push_str(&line);
    table.push('\n');
    if let Some(
        Composite::Positional(parts) | Composite::Bitmapped { parts, .. } | Composite::Tlv { parts, .. },
    ) = spec.composite.as_deref()
    {
        for part in parts {
            row(&format!("{path}.{}", part.key), &part.spec, table);
        }
    }
}

fn prefix(prefix: Prefix) -> String {
    let counts = match prefix.counts {
        Counts::Units => "",
        Counts::Bytes => ", counts bytes",
        Counts::Nibbles => ", counts nibbles",
        Counts::Value => ", counts the value",
    };
    let digits = "L".repeat(prefix.digits.into());
    match prefix.encoding {
        PrefixEncoding::Ascii => format!("{digits} ascii{counts}"),
        PrefixEncoding::Ebcdic => format!("{digits} ebcdic{counts}"),
        PrefixEncoding::Bcd => format!("{digits} bcd{counts}"),
        PrefixEncoding::Binary if prefix.width == 1 => format!("1 byte binary{counts}"),
        PrefixEncoding::Binary => format!("{} bytes binary{counts}", prefix.width),
    }
}

fn sensitive(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Open => "",
        Sensitivity::Pan => "pan",
        Sensitivity::Track => "track",
        Sensitivity::Chip => "chip",
        Sensitivity::Secret => "secret",
    }
}

fn inside(composite: &Composite) -> String {
    match composite {
        Composite::BerTlv => "BER-TLV".to_owned(),
        Composite::Positional(parts) => format!("{} parts in order", parts.len()),
        Composite::Bitmapped { hex, width, parts } => {
            let written = if *hex { ", hexadecimal" } else { "" };
            format!("bitmap of {width} bytes{written}, {} parts", parts.len())
        }
        Composite::Tlv { tag, length, parts, .. } => {
            format!("TLV, tag {tag}, length {}, {} known", length.width, parts.len())
        }
    }
}
