use super::Peer;
use crate::frame::Frame;
use crate::layout::{Kind, LAYOUT, Length};
use ::i8583::data::{Size, Spec, Type};
use ::i8583::{Packer, Unpacker};
use std::borrow::Cow;
use std::hint::black_box;

pub(crate) struct I8583 {
    spec: [Option<Spec>; 129],
    frame: Frame,
}

impl I8583 {
    pub(crate) fn new() -> I8583 {
        I8583 { spec: spec(), frame: Frame::hex_bitmap() }
    }
}

impl Peer for I8583 {
    fn name(&self) -> &'static str {
        "i8583 0.1.0"
    }

    fn input(&self) -> &'static str {
        "hex bitmap"
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    #[inline]
    fn parse(&self, frame: &[u8]) -> bool {
        let mut unpacker = Unpacker::new(frame);
        black_box(&unpacker.unpack(&self.spec)).is_ok()
    }

    fn value(&self, frame: &[u8], number: u8) -> Option<Vec<u8>> {
        Unpacker::new(frame).unpack(&self.spec).ok()?[usize::from(number)].map(<[u8]>::to_vec)
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        let mut packer = Packer::new(&self.spec);
        packer.set_field(0, Cow::Borrowed(b"0200")).expect("an MTI");
        for (number, value) in self.frame.fields() {
            packer.set_field(usize::from(number), Cow::Borrowed(value)).expect("in the layout");
        }
        out.clear();
        // It takes the buffer and gives it back.
        *out = packer.pack(std::mem::take(out)).expect("an MTI");
    }
}

fn spec() -> [Option<Spec>; 129] {
    let mut spec = std::array::from_fn(|_| None);
    spec[0] = Some(Spec { data_type: Type::NUM, data_size: Size::FIXED(4) });
    spec[1] = Some(Spec { data_type: Type::AN, data_size: Size::BMP });
    for element in &LAYOUT {
        let data_type = match element.kind {
            Kind::Digits => Type::NUM,
            Kind::Text => Type::ANS,
            Kind::Track => Type::Z,
            Kind::Binary => Type::BIN,
        };
        let data_size = match element.length {
            Length::Fixed(size) => Size::FIXED(size),
            Length::Variable { digits: 2, max } => Size::LL(max),
            Length::Variable { max, .. } => Size::LLL(max),
        };
        spec[usize::from(element.number)] = Some(Spec { data_type, data_size });
    }
    spec
}
