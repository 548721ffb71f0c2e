//! Payment HSM simulator speaking payShield host commands.
