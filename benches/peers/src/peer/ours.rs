use super::Peer;
use crate::frame::Frame;
use ::iso8583::{Dialect, MessageWriter, Mti, parse};
use std::hint::black_box;
use std::sync::Arc;

pub(crate) struct Ours {
    dialect: Arc<Dialect>,
    frame: Frame,
    input: &'static str,
}

/// `iso87_ascii` has hexadecimal characters in binary elements; the message has bytes.
const HEX_BITMAP: &str = "
name = \"peers\"
title = \"Hexadecimal bitmap, binary elements raw\"
edition = 1987
based_on = \"iso87_ascii\"
[encoding]
binary = \"raw\"
";

impl Ours {
    pub(crate) fn hex_bitmap() -> Ours {
        let dialect = Arc::new(Dialect::from_toml(HEX_BITMAP).expect("a sound dialect"));
        Ours { dialect, frame: Frame::hex_bitmap(), input: "hex bitmap" }
    }

    pub(crate) fn binary_bitmap() -> Ours {
        let dialect = Dialect::by_name("iso87_ascii_binary").expect("it is compiled in").clone();
        Ours { dialect, frame: Frame::binary_bitmap(), input: "binary bitmap" }
    }
}

impl Peer for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn input(&self) -> &'static str {
        self.input
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    #[inline]
    fn parse(&self, frame: &[u8]) -> bool {
        black_box(&parse(frame, &self.dialect)).is_ok()
    }

    fn value(&self, frame: &[u8], number: u8) -> Option<Vec<u8>> {
        Some(parse(frame, &self.dialect).ok()?.value(number)?.to_vec())
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        let mut writer = MessageWriter::begin(out, &self.dialect, &[], Mti::FINANCIAL_REQUEST)
            .expect("the dialect has no header");
        writer.fields(self.frame.fields()).expect("in the dialect");
        writer.finish().expect("complete");
    }
}
