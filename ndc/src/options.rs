/// What a site configures at its terminals and the wire does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Transaction requests end in a MAC. When on, a request without one is refused; when off, no
    /// field is taken for a MAC. Solicited statuses tell for themselves by their time variant number.
    pub macing: bool,
    /// Cassette types in the last-transaction status: 4, or 7 where option 76 bit 0 is set.
    pub cassette_types: usize,
    /// Digits of the amount buffer: 8, or 12 where option 01 bit 8 is set. `None` takes either.
    pub amount_digits: Option<usize>,
    /// Cash acceptor counts have three digits instead of two (option 45 bit 2).
    pub wide_acceptor_counts: bool,
}

impl Default for Options {
    /// No MACing, four cassette types, either amount length, two-digit acceptor counts.
    fn default() -> Options {
        Options { macing: false, cassette_types: 4, amount_digits: None, wide_acceptor_counts: false }
    }
}
