//! The other side of the wire: an EMV card, a point-of-sale terminal and an ATM, simulated. The demo,
//! the load generator, benches and tests put them in front of a switch.
//!
//! Pure, like the codecs: bytes go in and come out; numbers, times and unpredictable numbers are the
//! caller's. **Test keys only**: a [`TestIssuer`] holds the keys of its cards in clear, which is what
//! lets a [`CardSimulator`] compute the card's side of every check by itself.
//!
//! ```
//! use card::{Currency, Expiry, Rrn, Stan, Time};
//! use hsm_sim::ClearKey;
//! use terminal::{ChipTransaction, CryptogramVersion, Intent, Pos, Presentment, TestIssuer, TestKeys, Trace};
//!
//! let key = |byte: u8| ClearKey::double(&[byte; 16]);
//! let keys = TestKeys { zpk: key(1), tpk: key(2), pvk: key(4), cvk: key(7), mk_ac: key(8) };
//! let issuer = TestIssuer::new("400000", 1000, Expiry::parse_yymm(b"3012").unwrap(), keys).unwrap();
//! let mut card = issuer.card(7);
//! assert_eq!(issuer.pan(7).to_string(), "400000******0077");
//!
//! let usd = Currency::parse("USD").unwrap();
//! let chip = ChipTransaction::purchase(12_50, usd, 840, Time::from_unix_ms(1_795_471_199_123), [1, 2, 3, 4]);
//! let pin_block = card.pin_block(card.pin(), &issuer.keys.zpk);
//! let presentment = Presentment::chip(&mut card, &chip, CryptogramVersion::Visa18).with_pin(pin_block);
//!
//! let pos = Pos::new(iso8583::Dialect::by_name("iso87_ascii").unwrap(), b"TERM0001", usd);
//! let trace = Trace { stan: Stan::new(1).unwrap(), rrn: Rrn::parse(b"632700000001").unwrap(), time: chip.time };
//! let message = pos.purchase(Intent::Authorize, 12_50, &presentment, &trace).unwrap();
//! assert!(message.starts_with(b"0100"));
//! ```

mod atm;
mod card_simulator;
mod chip;
mod issuing;
mod pos;
mod presentment;

pub use atm::{Atm, AtmAsk, AtmError, AtmReply};
pub use card_simulator::{CardSimulator, TrackSource};
pub use chip::{ChipTransaction, CryptogramVersion, corrupt_cryptogram};
pub use issuing::{TestIssuer, TestIssuerError, TestKeys};
pub use pos::{Intent, Particulars, Pos, PosError, PosResponse, Trace};
pub use presentment::Presentment;
