use crate::layout::{Element, LAYOUT, Length};

/// The message as bytes, and where its fields are.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) bytes: Vec<u8>,
    /// Number, offset of the length prefix, offset of the value and its size.
    fields: Vec<(u8, usize, usize, usize)>,
}

impl Frame {
    /// 379 bytes, the bitmap as 16 hexadecimal characters.
    pub(crate) fn hex_bitmap() -> Frame {
        Frame::new(decode(include_str!("../../fixtures/0200-21-fields-hex-bitmap.hex")), 4 + 16)
    }

    /// 371 bytes, the bitmap as 8 bytes.
    #[cfg(not(feature = "codec"))]
    pub(crate) fn binary_bitmap() -> Frame {
        Frame::new(decode(include_str!("../../fixtures/0200-21-fields-binary-bitmap.hex")), 4 + 8)
    }

    /// The same size, with hexadecimal characters where DE 55 has bytes: the first of its own. For a
    /// parser that takes DE 55 for text and refuses what is not UTF-8.
    #[cfg(not(feature = "codec"))]
    pub(crate) fn with_chip_data_as_text(mut self) -> Frame {
        let chip = self.value(55).to_vec();
        let text = hex::encode_upper(&chip);
        let size = chip.len();
        let start = self.bytes.len() - size;
        self.bytes[start..].copy_from_slice(&text.as_bytes()[..size]);
        self
    }

    pub(crate) fn value(&self, number: u8) -> &[u8] {
        let (_, start, size) = self.place(number);
        &self.bytes[start..start + size]
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.fields.iter().map(|&(number, _, start, size)| (number, &self.bytes[start..start + size]))
    }

    /// A byte behind the last field.
    pub(crate) fn with_extra_byte(&self) -> Vec<u8> {
        [&self.bytes[..], b"0"].concat()
    }

    /// A letter among the digits of the amount.
    pub(crate) fn with_letter_in_amount(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[self.place(4).1 + 5] = b'A';
        bytes
    }

    /// The length of DE 32 written `+6`: digits it is not, and yet Rust's `str::parse` reads it as 6.
    pub(crate) fn with_signed_length(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[self.place(32).0] = b'+';
        bytes
    }

    /// The length of DE 32 written `0x`.
    pub(crate) fn with_letter_in_length(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[self.place(32).0 + 1] = b'x';
        bytes
    }

    fn place(&self, number: u8) -> (usize, usize, usize) {
        let field = self.fields.iter().find(|field| field.0 == number).expect("it is in the layout");
        (field.1, field.2, field.3)
    }

    /// Cuts the message by hand, so that what a parser found can be held against something.
    fn new(bytes: Vec<u8>, header: usize) -> Frame {
        let mut offset = header;
        let fields = LAYOUT.iter().map(|element| cut(&bytes, &mut offset, element)).collect();
        assert_eq!(offset, bytes.len(), "layout and fixture agree");
        Frame { bytes, fields }
    }
}

fn cut(bytes: &[u8], offset: &mut usize, element: &Element) -> (u8, usize, usize, usize) {
    let prefix = *offset;
    let size = match element.length {
        Length::Fixed(size) => usize::from(size),
        Length::Variable { digits, .. } => {
            *offset += usize::from(digits);
            std::str::from_utf8(&bytes[prefix..*offset]).unwrap().parse().unwrap()
        }
    };
    let start = *offset;
    *offset += size;
    (element.number, prefix, start, size)
}

fn decode(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).expect("a fixture is hexadecimal")
}
