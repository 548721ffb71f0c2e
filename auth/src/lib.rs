//! The authorization core: a pure state machine.
