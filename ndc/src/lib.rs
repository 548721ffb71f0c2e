//! NDC messages between host and ATM.
