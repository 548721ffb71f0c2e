//! The vocabulary that every other crate shares, and the sole home of card data types.
//!
//! A value that must not be seen ([`Pan`], [`Track2`], [`PinBlock`], [`Cvv`], [`AuthenticationValue`],
//! [`HolderSecret`]) is a type of its own: its `Debug` and `Display` mask it, and the value leaves only through `reveal`, so that a search
//! for that word finds every place which handles it.
//!
//! ```
//! use card::Pan;
//! let pan = Pan::parse(b"4000001234567899").unwrap();
//! assert_eq!(pan.to_string(), "400000******7899");
//! assert!(pan.has_valid_check_digit());
//! ```

mod amount;
mod authentication_value;
mod currency;
mod cvv;
mod expiry;
mod holder_secret;
mod pan;
mod pin_block;
mod response_code;
mod rrn;
mod scheme;
mod stan;
mod terminal_id;
mod time;
mod track2;

pub use amount::{Amount, AmountError};
pub use authentication_value::AuthenticationValue;
pub use currency::{Currency, CurrencyError};
pub use cvv::{Cvv, CvvError};
pub use expiry::{Expiry, ExpiryError};
pub use holder_secret::{HolderSecret, HolderSecretError};
pub use pan::{Pan, PanDigits, PanError, sealed as sealed_pan};
pub use pin_block::{AesPinBlock, PinBlock};
pub use response_code::ResponseCode;
pub use rrn::{Rrn, RrnError};
pub use scheme::{Scheme, SchemeRange};
pub use stan::{Stan, StanError};
pub use terminal_id::{MerchantId, TerminalId};
pub use time::{CivilDay, Time, UtcOffset};
pub use track2::{ServiceCode, Track2, Track2Error};
