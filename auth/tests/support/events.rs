//! What can happen in random traffic.

/// Something that happens. `which` is taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Request(Draw),
    HsmReply {
        which: usize,
        cvv: Finding,
        arqc: Finding,
        pin: Finding,
    },
    Repeat {
        which: usize,
    },
    /// The key of an earlier request with another amount.
    OtherContent {
        which: usize,
        amount_minor: i64,
    },
    Reversal {
        which: usize,
        stands_minor: Option<i64>,
        says_time: bool,
    },
    /// A reversal of a request that comes later: the drawn one, put aside and sent by a later repeat.
    EarlyReversal(Draw),
    Completion {
        which: usize,
        dispense: Dispense,
    },
    /// A message about an earlier request: more is held, or it is completed, or given back.
    Follow {
        which: usize,
        follow: Follow,
        stan: u32,
        amount_minor: i64,
        /// Named by STAN, approval code or reference number.
        named: u8,
    },
    Tick {
        pause_ms: i64,
    },
    /// The process dies and starts again from its records.
    Restart,
    /// The next restart begins from here.
    Snapshot,
}

/// What a request is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) card: usize,
    pub(crate) terminal: usize,
    pub(crate) stan: u32,
    pub(crate) kind: u8,
    pub(crate) reading: Reading,
    pub(crate) has_pin: bool,
    pub(crate) amount_minor: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    /// The counter is so far above the highest one that the card has sent.
    Chip {
        atc_step: u16,
    },
    Stripe,
    Manual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Right,
    Wrong,
    /// A bad PIN block; of the other checks, as `Failed`.
    Unreadable,
    Failed,
    /// The HSM's answer leaves this check out.
    Missing,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Follow {
    Increment,
    /// 0200.
    Completion,
    /// 0220.
    CompletionAdvice,
    Refund,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Dispense {
    All,
    Part(i64),
    Unknown,
}
