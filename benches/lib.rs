//! Criterion benches, one question per file.
