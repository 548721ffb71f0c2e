//! The `hsm-sim` program.
fn main() {}
