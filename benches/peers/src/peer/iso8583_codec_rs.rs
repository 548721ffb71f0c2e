use super::Peer;
use crate::frame::Frame;
use crate::layout::{Kind, LAYOUT, Length};
use ::iso8583_codec_rs::iso8583::{parse_bytes, publish_bytes};
use ::iso8583_codec_rs::{LoadedSpec, load_spec};
use serde_json::{Value, json};
use std::hint::black_box;

pub(crate) struct Iso8583CodecRs {
    spec: LoadedSpec,
    frame: Frame,
    message: Value,
    chip_data_as_tlv: bool,
}

impl Iso8583CodecRs {
    /// With `chip_data_as_tlv` DE 55 is taken apart into its tags, as in the layouts that the crate brings.
    pub(crate) fn new(chip_data_as_tlv: bool) -> Iso8583CodecRs {
        let spec = spec(chip_data_as_tlv);
        let frame = Frame::hex_bitmap();
        let message = parse_bytes(&frame.bytes, &spec).expect("a sound message");
        Iso8583CodecRs { spec, frame, message, chip_data_as_tlv }
    }
}

impl Peer for Iso8583CodecRs {
    fn name(&self) -> &'static str {
        if self.chip_data_as_tlv { "iso8583-codec-rs 0.1.0, DE 55 as TLV" } else { "iso8583-codec-rs 0.1.0" }
    }

    fn input(&self) -> &'static str {
        "hex bitmap"
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    #[inline]
    fn parse(&self, frame: &[u8]) -> bool {
        black_box(&parse_bytes(frame, &self.spec)).is_ok()
    }

    fn value(&self, frame: &[u8], number: u8) -> Option<Vec<u8>> {
        let message = parse_bytes(frame, &self.spec).ok()?;
        match &message["fields"][key(number)] {
            Value::String(text) if is_binary(number) => hex::decode(text).ok(),
            Value::String(text) => Some(text.clone().into_bytes()),
            // Tags in order of the JSON map, so write them and cut the field out again.
            Value::Object(_) => {
                let again = publish_bytes(&message, &self.spec).ok()?;
                Some(again[again.len() - self.frame.value(number).len()..].to_vec())
            }
            _ => None,
        }
    }

    /// From a finished JSON value: making it is not counted.
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        *out = publish_bytes(&self.message, &self.spec).expect("it was parsed");
    }

    /// Chip data taken apart comes back in another order.
    fn same(&self, found: &[u8], expected: &[u8]) -> bool {
        let sorted = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes.sort_unstable();
            bytes
        };
        found == expected || (self.chip_data_as_tlv && sorted(found) == sorted(expected))
    }
}

fn is_binary(number: u8) -> bool {
    LAYOUT.iter().any(|element| element.number == number && element.kind == Kind::Binary)
}

fn key(number: u8) -> String {
    format!("de{number:03}_field")
}

fn spec(chip_data_as_tlv: bool) -> LoadedSpec {
    let fields: Vec<Value> = LAYOUT
        .iter()
        .map(|element| {
            let (length, prefix) = match element.length {
                Length::Fixed(size) => (size, "fixed"),
                Length::Variable { digits: 2, max } => (max, "LLVAR"),
                Length::Variable { max, .. } => (max, "LLLVAR"),
            };
            let (kind, encoding) = match element.kind {
                Kind::Digits => ("numeric", "ascii"),
                Kind::Text | Kind::Track => ("string", "ascii"),
                Kind::Binary => ("binary", "binary"),
            };
            let mut field = json!({
                "de": element.number, "name": "field", "type": kind, "length": length, "prefix": prefix,
                "encoding": encoding,
            });
            if element.number == 55 && chip_data_as_tlv {
                field["type"] = json!("composite");
                field["composite_type"] = json!("tlv");
            }
            field
        })
        .collect();
    let defaults = json!({ "encoding": "ascii", "prefix_encoding": "ascii", "bitmap_encoding": "hex" });
    let spec = json!({ "version": "1987", "defaults": defaults, "fields": fields });
    load_spec(&spec.to_string()).expect("a sound layout")
}
