use super::Peer;
use crate::frame::Frame;
use crate::layout::{Kind, LAYOUT};
use ::iso8583_core::field::{Field, FieldValue};
use ::iso8583_core::message::ISO8583Message;
use ::iso8583_core::mti::MessageType;
use std::hint::black_box;

/// Its table of elements is code, with DE 55 as text, so it gets text there.
pub(crate) struct Iso8583Core {
    frame: Frame,
}

impl Iso8583Core {
    pub(crate) fn new() -> Iso8583Core {
        Iso8583Core { frame: Frame::binary_bitmap().with_chip_data_as_text() }
    }
}

impl Peer for Iso8583Core {
    fn name(&self) -> &'static str {
        "iso8583-core 0.1.0"
    }

    fn input(&self) -> &'static str {
        "binary bitmap, DE 55 as text"
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    #[inline]
    fn parse(&self, frame: &[u8]) -> bool {
        black_box(&ISO8583Message::from_bytes(frame)).is_ok()
    }

    fn value(&self, frame: &[u8], number: u8) -> Option<Vec<u8>> {
        let message = ISO8583Message::from_bytes(frame).ok()?;
        match message.get_field(Field::from_number(number).ok()?)? {
            FieldValue::String(text) => Some(text.clone().into_bytes()),
            FieldValue::Binary(bytes) => Some(bytes.clone()),
        }
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        let mut message = ISO8583Message::new(MessageType::from_bytes(b"0200").expect("an MTI"));
        for ((number, value), element) in self.frame.fields().zip(&LAYOUT) {
            let value = if element.kind == Kind::Binary && number != 55 {
                FieldValue::from_binary(value.to_vec())
            } else {
                FieldValue::from_string(std::str::from_utf8(value).expect("text"))
            };
            message
                .set_field(Field::from_number(number).expect("in its table"), value)
                .expect("in its table");
        }
        *out = message.to_bytes();
    }
}
