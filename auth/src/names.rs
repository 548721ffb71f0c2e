use arrayvec::ArrayString;
use card::{Currency, TerminalId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;

macro_rules! short_name {
    ($(#[$doc:meta])* $name:ident, $capacity:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(ArrayString<$capacity>);

        impl $name {
            /// Longest name in bytes.
            pub const CAPACITY: usize = $capacity;

            /// Takes printable ASCII without spaces; `None` when empty, too long or otherwise.
            #[must_use]
            pub fn new(text: &str) -> Option<$name> {
                let printable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
                if printable { ArrayString::from(text).ok().map($name) } else { None }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

short_name! {
    /// Name of a listener or outgoing link, as configuration gives it. Records carry the name and
    /// not a number, so that they keep their meaning when the configuration changes.
    LinkName, 16
}

short_name! {
    /// Account identification (DE 102: up to 28 characters).
    AccountId, 28
}

short_name! {
    /// Identification of a customer, who may have several accounts.
    CustomerId, 20
}

impl CustomerId {
    /// A number that spreads customers evenly, for choosing a shard: the same on every machine, since snapshots keep it.
    #[must_use]
    pub fn spread(&self) -> NonZeroU64 {
        NonZeroU64::new(fingerprint(&[self.as_str().as_bytes()])).unwrap_or(NonZeroU64::MAX)
    }
}

short_name! {
    /// Name of a fee. Records carry it, so that a fee that was taken keeps its name whatever the configuration says by now.
    FeeName, 20
}

/// Which limit, whatever it says by now: made from its name, so that counters keep their meaning when the
/// configuration changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitId(pub u32);

impl fmt::Debug for LimitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitId({:08x})", self.0)
    }
}

impl LimitId {
    /// What the card has bought: counted whether a limit asks or not, for rules and `card show`.
    pub const PURCHASES: LimitId = LimitId::of("purchase");
    /// The cash the card has drawn, likewise.
    pub const WITHDRAWALS: LimitId = LimitId::of("withdrawal");

    /// The limit of this name: FNV-1a of 32 bits, since records must agree with the past.
    #[must_use]
    pub const fn of(name: &str) -> LimitId {
        let bytes = name.as_bytes();
        let (mut hash, mut place) = (0x811C_9DC5u32, 0);
        while place < bytes.len() {
            hash = (hash ^ bytes[place] as u32).wrapping_mul(0x0100_0193);
            place += 1;
        }
        LimitId(hash)
    }
}

/// Number of a transaction, unique in this installation: a counter times [`SHARDS`] plus the shard
/// that decided it.
///
/// [`SHARDS`]: crate::limits::SHARDS
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TransactionId(NonZeroU64);

impl TransactionId {
    /// `None` for zero, which no transaction has: counters begin at 1.
    #[must_use]
    pub const fn new(number: u64) -> Option<TransactionId> {
        match NonZeroU64::new(number) {
            Some(number) => Some(TransactionId(number)),
            None => None,
        }
    }

    /// As people, other systems and the disk have it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which shard of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardIndex(pub u8);

/// Where the edge delivers a response: opaque to the core, which only hands it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// Connection number of the edge.
    pub connection: u64,
    /// Place in that connection's in-flight window.
    pub slot: u32,
}

/// Names one suspended request between [`AskHsm`](crate::Effect::AskHsm) and its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Transmission date and time (DE 7, or DE 13 and 12 where a terminal sends no DE 7):
/// `MMDDhhmmss` as a number, 0 when the terminal sends neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TransmissionTime(pub u32);

/// Under which name an original is looked for: its link, terminal and STAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct OriginalKey {
    pub(crate) link: LinkName,
    pub(crate) terminal: TerminalId,
    pub(crate) stan: card::Stan,
}

impl OriginalKey {
    /// 64 bits of it, the same on every machine and in every process, since snapshots keep them.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint_at(TransmissionTime::default())
    }

    /// The same with the time of one transmission.
    pub(crate) fn fingerprint_at(&self, transmission: TransmissionTime) -> u64 {
        let link = fold_bytes(0, self.link.as_str().as_bytes());
        let hash = fold(link, u64::from_le_bytes(*self.terminal.as_bytes()));
        let hash = fold(hash, u64::from(self.stan.number()) << 32 | u64::from(transmission.0));
        fold(hash, 0x2545_F491_4F6C_DD1D)
    }
}

/// Word by word, multiplied and folded: every bit of the product depends on the word.
fn fold(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * 0x9E37_79B9_7F4A_7C15;
    (product >> 64) as u64 ^ product as u64
}

fn fold_bytes(start: u64, bytes: &[u8]) -> u64 {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(start ^ bytes.len() as u64, fold)
}

/// 64 bits of a name of several parts, the same on every machine, since snapshots keep them.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u64 {
    fold(parts.iter().fold(0, |hash, part| fold_bytes(hash, part)), 0x2545_F491_4F6C_DD1D)
}

/// One remembered reversal. Two originals may share an [`OriginalKey`], since STANs start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ReversalKey {
    pub(crate) original: OriginalKey,
    /// 0 when the reversal does not say.
    pub(crate) transmission: TransmissionTime,
    #[serde(with = "card::sealed_pan")]
    pub(crate) pan: card::Pan,
}

/// The internal side of a posting in one currency: what one link owes or is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SettlementKey {
    pub(crate) link: LinkName,
    pub(crate) currency: Currency,
}
