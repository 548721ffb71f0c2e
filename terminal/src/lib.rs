//! The other side of the wire: EMV card, POS and ATM simulators.

mod issuing;

pub use issuing::{TestIssuer, TestIssuerError, TestKeys};
