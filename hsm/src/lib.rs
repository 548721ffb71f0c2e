//! payShield host command wire format, shared by client and simulator.
