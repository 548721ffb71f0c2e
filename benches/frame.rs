use iso8583::Dialect;

/// A purchase with chip and PIN (0200) of 21 fields.
#[derive(Clone, Copy, Debug)]
pub struct Fixture {
    /// The dialect it is written in.
    pub dialect: &'static str,
    text: &'static str,
}

/// The same purchase in each dialect. `fixtures/make.py` writes them.
pub const FIXTURES: [Fixture; 2] = [
    Fixture { dialect: "iso87_ascii", text: include_str!("fixtures/0200-iso87_ascii.hex") },
    Fixture { dialect: "iso87_bcd", text: include_str!("fixtures/0200-iso87_bcd.hex") },
];

impl Fixture {
    /// The message, without its length header.
    ///
    /// # Panics
    /// When the file is not hexadecimal.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        hex::decode(self.text.replace('\n', "")).expect("a fixture is hexadecimal")
    }

    /// The table of its dialect.
    ///
    /// # Panics
    /// When that is not compiled in.
    #[must_use]
    pub fn table(&self) -> &'static Dialect {
        Dialect::by_name(self.dialect).expect("a fixture is in a dialect that we have")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixtures_are_what_the_benches_say_they_are() {
        for fixture in FIXTURES {
            let frame = fixture.frame();
            let message = iso8583::parse(&frame, fixture.table()).expect(fixture.dialect);
            assert_eq!(message.fields().count(), 21, "{}", fixture.dialect);
        }
    }
}
