//! The other side of the wire: EMV card, POS and ATM simulators.
