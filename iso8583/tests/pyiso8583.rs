//! Messages encoded by pyiso8583 (see `pyiso8583_vectors.py`) are read to the same values, and
//! these values are written to the same bytes.

use iso8583::dump::{Show, encode_text, fields_as_text};
use iso8583::{Dialect, Message, MessageWriter, parse};
use serde_json::Value;

const VECTORS: &str = include_str!("../../fixtures/pyiso8583.jsonl");

#[test]
fn values_and_bytes_agree() {
    let mut per_dialect = [0; 3];
    for line in VECTORS.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let name = vector["dialect"].as_str().unwrap();
        let dialect = Dialect::by_name(name).unwrap();
        let frame = hex::decode(vector["frame"].as_str().unwrap()).unwrap();
        let message = parse(&frame, dialect).unwrap();

        assert_eq!(message.mti().to_string(), vector["mti"].as_str().unwrap());
        assert_eq!(hex::encode(message.header()), vector["header"].as_str().unwrap());
        let fields = fields_as_text(&message, Show::Unmasked);
        assert_eq!(fields, expected(&vector["fields"]), "{name}");
        let written = encode_text(dialect, message.header(), message.mti(), &fields).unwrap();
        assert_eq!(hex::encode(written), hex::encode(&frame), "{name}");
        assert_eq!(hex::encode(copied(&message)), hex::encode(&frame), "{name}");
        per_dialect[Dialect::names().position(|known| known == name).unwrap()] += 1;
    }
    // 126 fields alone (121 where signed amounts are left out), 12 random selections, 2 full ones.
    assert_eq!(per_dialect, [140, 140, 135]);
}

fn copied(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer =
        MessageWriter::begin(&mut out, message.dialect(), message.header(), message.mti()).unwrap();
    for field in message.bitmap().fields() {
        writer.copy(field, message).unwrap();
    }
    writer.finish();
    out
}

fn expected(fields: &Value) -> Vec<(u8, String)> {
    let mut fields: Vec<(u8, String)> = fields
        .as_object()
        .unwrap()
        .iter()
        .map(|(number, text)| (number.parse().unwrap(), text.as_str().unwrap().to_string()))
        .collect();
    fields.sort();
    fields
}
