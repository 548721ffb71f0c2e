use std::fmt;

/// Borrowed bytes that may be card data or what a customer keyed in: tracks, buffers B and C, optional
/// fields. `Debug` shows their number only; they leave through `reveal`, so that a search for that
/// word finds every place which handles them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Secret<'a>(&'a [u8]);

impl<'a> Secret<'a> {
    /// Wraps the bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Secret<'a> {
        Secret(bytes)
    }

    /// The bytes in clear.
    #[must_use]
    pub fn reveal(&self) -> &'a [u8] {
        self.0
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the field was sent empty or not at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
