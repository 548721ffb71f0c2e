//! Criterion benches, one question per file; what several of them need stands here.
//!
//! `cargo bench -p benches` measures all of them, `cargo bench -p benches --bench step` one, and
//! `cargo bench -p benches -- --test` runs each once without measuring. Figures are in
//! `docs/performance.md`.
//!
//! ```
//! let mut bank = benches::Bank::new(2);
//! let records = bank.authorize(bank.purchases(1));
//! assert_eq!(records.len(), 2);
//! ```

mod bank;
mod frame;

pub use bank::Bank;
pub use frame::{FIXTURES, Fixture};
