use super::Peer;
use crate::frame::Frame;
use crate::layout::{Kind, LAYOUT, Length};
use ::iso8583_rs::iso8583::iso_spec::{MessageSegment, Spec, new_msg, spec};
use serde_json::json;
use std::cell::RefCell;
use std::hint::black_box;

pub(crate) struct Iso8583RsYaml {
    spec: &'static Spec,
    segment: &'static MessageSegment,
    frame: Frame,
    /// It wants the frame as `&mut Vec`.
    buffer: RefCell<Vec<u8>>,
    /// Values as text, bytes in hexadecimal, which is how it takes them.
    texts: Vec<(u32, String)>,
}

impl Iso8583RsYaml {
    pub(crate) fn new() -> Iso8583RsYaml {
        let spec = load();
        let segment = spec.get_message("financial").expect("just written");
        let frame = Frame::binary_bitmap();
        let text = |value: &[u8], kind| match kind {
            Kind::Binary => hex::encode(value),
            _ => String::from_utf8(value.to_vec()).expect("text"),
        };
        let texts = frame
            .fields()
            .zip(&LAYOUT)
            .map(|((number, value), element)| (u32::from(number), text(value, element.kind)))
            .collect();
        Iso8583RsYaml { spec, segment, frame, buffer: RefCell::new(Vec::with_capacity(512)), texts }
    }
}

impl Peer for Iso8583RsYaml {
    fn name(&self) -> &'static str {
        "iso8583_rs 0.1.10"
    }

    fn input(&self) -> &'static str {
        "binary bitmap"
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    #[inline]
    fn parse(&self, frame: &[u8]) -> bool {
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        buffer.extend_from_slice(frame);
        let parsed = self.spec.parse(&mut buffer);
        black_box(&parsed);
        parsed.is_ok()
    }

    fn value(&self, frame: &[u8], number: u8) -> Option<Vec<u8>> {
        let message = self.spec.parse(&mut frame.to_vec()).ok()?;
        message.fd_map.get(&name(number)).cloned()
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        let mut message = new_msg(self.spec, self.segment);
        message.set("message_type", "0200").expect("an MTI");
        for (number, text) in &self.texts {
            message.set_on(*number, text).expect("in the layout");
        }
        *out = message.assemble().expect("every field is set");
    }
}

fn name(number: u8) -> String {
    format!("field_{number}")
}

/// Its layout comes from the file that an environment variable names. JSON is YAML.
fn load() -> &'static Spec {
    let children: Vec<_> = LAYOUT
        .iter()
        .map(|element| {
            let (kind, len) = match element.length {
                Length::Fixed(size) => ("Fixed", size),
                Length::Variable { digits, .. } => ("Variable", u16::from(digits)),
            };
            let encoding = if element.kind == Kind::Binary { "BINARY" } else { "ASCII" };
            json!({
                "name": name(element.number), "id": element.number, "type": kind, "len": len,
                "len_encoding": "ASCII", "data_encoding": encoding, "position": element.number,
            })
        })
        .collect();
    let mti = |name| json!({ "name": name, "id": 1, "type": "Fixed", "len": 4, "data_encoding": "ASCII" });
    let bitmap = json!({
        "name": "bitmap", "id": 2, "type": "Bitmapped", "len": 0, "data_encoding": "BINARY", "children": children,
    });
    let segment = json!({
        "name": "financial", "id": 1, "selector": ["0200"], "fields": [mti("message_type"), bitmap],
    });
    let layout = json!({
        "name": "peers", "id": 1, "header_fields": [mti("header")], "messages": [segment],
    });
    let path = std::env::temp_dir().join(format!("peers-{}.yaml", std::process::id()));
    std::fs::write(&path, layout.to_string()).expect("a temporary file");
    // Safety: this program has one thread.
    unsafe { std::env::set_var("SPEC_FILE", &path) };
    let spec = spec("");
    std::fs::remove_file(&path).expect("just written");
    spec
}
