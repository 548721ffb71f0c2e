//! Everything that touches a socket. tokio is named only here and in `main.rs`
//! (`tests/tidy.rs` checks it).

pub mod acquirer;
pub mod admin;
pub mod atm;
pub mod control;
pub mod hsm;
pub mod link;
pub mod listener;
pub mod outbox;
pub mod serve;
pub mod sessions;
pub mod stream;
pub mod tls;
pub mod webhook;
pub mod window;
