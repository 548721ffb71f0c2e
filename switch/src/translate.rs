//! Wire forms to the core's terms and back. Pure: bytes and values in, values and bytes out.

pub mod chip;
pub mod hsm;
pub mod iso;
pub mod ndc;
