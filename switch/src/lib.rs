//! turnout: the payment authorization switch.
