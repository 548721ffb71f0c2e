//! Zero-copy ISO 8583 parser and encoder, dialects as data.
