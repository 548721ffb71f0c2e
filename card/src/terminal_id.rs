use serde::{Deserialize, Serialize};
use std::fmt;

/// Card acceptor terminal identification (DE 41), eight characters, filled with spaces; an ATM's
/// LUNO fits as well.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TerminalId([u8; 8]);

/// Card acceptor identification code (DE 42), fifteen characters, filled with spaces.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MerchantId([u8; 15]);

macro_rules! fixed_text {
    ($name:ident, $width:literal) => {
        impl $name {
            /// From printable ASCII, filled with spaces on the right; `None` when it is longer than
            /// the field or holds a control character.
            #[must_use]
            pub fn new(text: &[u8]) -> Option<$name> {
                let mut id = [b' '; $width];
                let printable = text.iter().all(|byte| (b' '..=b'~').contains(byte));
                if text.len() > $width || !printable {
                    return None;
                }
                id[..text.len()].copy_from_slice(text);
                Some($name(id))
            }

            /// The characters without the filling.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default().trim_end()
            }

            /// All characters, filling included.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $width] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
    };
}

fixed_text!(TerminalId, 8);
fixed_text!(MerchantId, 15);
