use iso8583::Dialect;
use std::sync::Arc;

/// A purchase with chip and PIN (0200) of 21 fields.
#[derive(Clone, Copy, Debug)]
pub struct Fixture {
    /// What is special about it.
    pub name: &'static str,
    dialect: &'static str,
    text: &'static str,
}

/// The purchase that the goals are about, 379 bytes with 151 of chip data, with either bitmap
/// (`fixtures/make_0200.py` writes it); and another in the dialects of terminals (`fixtures/make.py`).
pub const FIXTURES: [Fixture; 4] = [
    Fixture {
        name: "hex bitmap",
        dialect: "name = \"hex_bitmap\"\nbased_on = \"iso87_ascii\"\n[encoding]\nbinary = \"raw\"\n",
        text: include_str!("fixtures/0200-21-fields-hex-bitmap.hex"),
    },
    Fixture {
        name: "binary bitmap",
        dialect: "iso87_ascii_binary",
        text: include_str!("fixtures/0200-21-fields-binary-bitmap.hex"),
    },
    Fixture {
        name: "iso87_ascii",
        dialect: "iso87_ascii",
        text: include_str!("fixtures/0200-iso87_ascii.hex"),
    },
    Fixture { name: "iso87_bcd", dialect: "iso87_bcd", text: include_str!("fixtures/0200-iso87_bcd.hex") },
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

    /// Its dialect.
    ///
    /// # Panics
    /// When that is neither compiled in nor a dialect file.
    #[must_use]
    pub fn table(&self) -> Arc<Dialect> {
        match Dialect::by_name(self.dialect) {
            Some(dialect) => Arc::clone(dialect),
            None => Arc::new(Dialect::from_toml(self.dialect).expect("a fixture is in a sound dialect")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixtures_are_what_the_benches_say_they_are() {
        for fixture in FIXTURES {
            let (frame, dialect) = (fixture.frame(), fixture.table());
            let message = iso8583::parse(&frame, &dialect).expect(fixture.name);
            assert_eq!(message.fields().count(), 21, "{}", fixture.name);
        }
        let [hex_bitmap, binary_bitmap, ..] = FIXTURES;
        assert_eq!((hex_bitmap.frame().len(), binary_bitmap.frame().len()), (379, 371));
        let dialect = hex_bitmap.table();
        let icc =
            iso8583::parse(&hex_bitmap.frame(), &dialect).map(|message| message.raw(55).map(<[u8]>::len));
        assert_eq!(icc, Ok(Some(151)));
    }
}
