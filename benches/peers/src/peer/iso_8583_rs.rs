use super::Peer;
use crate::frame::Frame;
use crate::layout::{Kind, LAYOUT, Length};
use ::iso_8583_rs::specfile::{FieldDescription, Spec};
use ::iso_8583_rs::{Builder, CompiledSpec, Message};
use std::hint::black_box;

pub(crate) struct Iso8583Rs {
    spec: CompiledSpec,
    frame: Frame,
    /// `parse` checks characters, `parse_lazy` does not.
    strict: bool,
}

impl Iso8583Rs {
    pub(crate) fn new(strict: bool) -> Iso8583Rs {
        Iso8583Rs { spec: spec(), frame: Frame::hex_bitmap(), strict }
    }
}

impl Peer for Iso8583Rs {
    fn name(&self) -> &'static str {
        if self.strict { "iso_8583_rs 0.2.2, parse" } else { "iso_8583_rs 0.2.2, parse_lazy" }
    }

    fn input(&self) -> &'static str {
        "hex bitmap"
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    #[inline]
    fn parse(&self, frame: &[u8]) -> bool {
        if self.strict {
            black_box(&Message::parse(&self.spec, frame)).is_ok()
        } else {
            black_box(&Message::parse_lazy(&self.spec, frame)).is_ok()
        }
    }

    fn value(&self, frame: &[u8], number: u8) -> Option<Vec<u8>> {
        Message::parse(&self.spec, frame).ok()?.get(usize::from(number)).map(<[u8]>::to_vec)
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        let mut builder = Builder::new(&self.spec, b"0200").expect("an MTI");
        for (number, value) in self.frame.fields() {
            builder.set(usize::from(number), value).expect("in the layout");
        }
        builder.pack_into(out);
    }
}

fn spec() -> CompiledSpec {
    let describe = |kind, length| {
        let (max_len, len_type) = match length {
            Length::Fixed(size) => (size, "fixed"),
            Length::Variable { digits: 2, max } => (max, "llvar"),
            Length::Variable { max, .. } => (max, "lllvar"),
        };
        let content_type = match kind {
            Kind::Digits => "n",
            Kind::Text => "ans",
            Kind::Track => "z",
            Kind::Binary => "b",
        };
        FieldDescription {
            content_type: content_type.to_owned(),
            max_len: usize::from(max_len),
            min_len: 0,
            len_type: len_type.to_owned(),
            label: String::new(),
        }
    };
    let fields = LAYOUT
        .iter()
        .map(|element| (i64::from(element.number), describe(element.kind, element.length)))
        .collect();
    CompiledSpec::compile(&Spec { fields }).expect("a sound layout")
}
