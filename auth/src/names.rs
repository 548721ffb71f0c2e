use arrayvec::ArrayString;
use card::{Currency, TerminalId};
use serde::{Deserialize, Serialize};
use std::fmt;

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

/// Number of a transaction, unique in this installation: a counter times [`SHARDS`] plus the shard
/// that decided it.
///
/// [`SHARDS`]: crate::limits::SHARDS
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TransactionId(pub u64);

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
        // FNV-1a, and the finalizer of MurmurHash3 so that the low bits, which tables use, depend on all.
        let stan = self.stan.number().to_le_bytes();
        let time = transmission.0.to_le_bytes();
        let link = self.link.as_str().bytes();
        let bytes = link.chain([0]).chain(self.terminal.as_str().bytes()).chain(stan).chain(time);
        let hash = bytes.fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        let hash = (hash ^ hash >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        let hash = (hash ^ hash >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
        hash ^ hash >> 33
    }
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
