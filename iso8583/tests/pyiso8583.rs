//! Messages encoded by pyiso8583 (see `pyiso8583_vectors.py`) are read to the same values, and
//! these values are written to the same bytes.

use iso8583::composite::Content;
use iso8583::dump::{Show, encode_contents, fields_as_text};
use iso8583::{Dialect, Message, MessageWriter, parse};
use serde_json::Value;
use std::collections::BTreeMap;

const VECTORS: &str = include_str!("../../fixtures/pyiso8583.jsonl");

#[test]
fn values_and_bytes_agree_in_every_dialect() {
    let mut per_dialect = BTreeMap::new();
    for line in VECTORS.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let name = vector["dialect"].as_str().unwrap();
        let dialect = Dialect::by_name(name).unwrap();
        let frame = hex::decode(vector["frame"].as_str().unwrap()).unwrap();
        let message = parse(&frame, dialect).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));

        assert_eq!(message.mti().to_string(), vector["mti"].as_str().unwrap());
        assert_eq!(hex::encode_upper(message.header()), vector["header"].as_str().unwrap());
        let fields = fields_as_text(&message, Show::Unmasked);
        assert_eq!(fields, expected(&vector["fields"]), "{name}");
        let contents: Vec<(u8, Content)> =
            fields.into_iter().map(|(field, text)| (field, Content::Text(text))).collect();
        let written = encode_contents(dialect, message.header(), message.mti(), &contents).unwrap();
        assert_eq!(hex::encode(written), hex::encode(&frame), "{name}");
        assert_eq!(hex::encode(copied(&message)), hex::encode(&frame), "{name}");
        *per_dialect.entry(name.to_owned()).or_insert(0) += 1;
    }
    // Every data element alone, except signed amounts before packed digits, and selections of them.
    for name in Dialect::names() {
        let elements = Dialect::by_name(name).unwrap().fields().count();
        let found = per_dialect.get(name).copied().unwrap_or_default();
        assert!(found >= elements, "{name}: {found} messages for {elements} data elements");
    }
}

fn copied(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer =
        MessageWriter::begin(&mut out, message.dialect(), message.header(), message.mti()).unwrap();
    for field in message.bitmap().fields() {
        writer.copy(field, message).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn expected(fields: &Value) -> Vec<(u8, String)> {
    let mut fields: Vec<(u8, String)> = fields
        .as_object()
        .unwrap()
        .iter()
        .map(|(number, text)| (number.parse().unwrap(), text.as_str().unwrap().to_owned()))
        .collect();
    fields.sort();
    fields
}
