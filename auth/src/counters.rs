//! What limits count: windows of time, counters of amount and number, and what a transaction was counted by.

use crate::limits::LIMITS;
use crate::names::LimitId;
use crate::request::TransactionType;
use arrayvec::ArrayVec;
use card::{CivilDay, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Counters that one transaction may move: that of its type, of each limit one and an override that it uses up, and that
/// of its fee.
pub const MAX_COUNTED: usize = 2 + 2 * LIMITS;

/// Parts of a sliding window. A transaction counts until the whole part that it fell into has left the window, so a
/// sliding window is up to a twelfth longer than it says, and never shorter.
pub const SLIDING_PARTS: u32 = 12;

/// Whose amounts and numbers a limit adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Of the card.
    Card,
    /// Of the account, by whichever of its cards.
    Account,
    /// Of the customer, over all accounts.
    Customer,
    /// At the terminal, by whichever cards of ours.
    Terminal,
    /// At the merchant, likewise.
    Merchant,
    /// Of the product as a whole.
    Product,
    /// From the IP address of whoever orders, by whichever cards of ours.
    Ip,
    /// With an e-mail address of the domain, likewise.
    Email,
    /// To the address where the goods go, likewise.
    Address,
}

impl Scope {
    /// Every scope. The place of a scope here is part of stored forms: new ones go to the end.
    pub const ALL: [Scope; 9] = [
        Scope::Card,
        Scope::Account,
        Scope::Customer,
        Scope::Terminal,
        Scope::Merchant,
        Scope::Product,
        Scope::Ip,
        Scope::Email,
        Scope::Address,
    ];

    /// The word used in the configuration and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Card => "card",
            Scope::Account => "account",
            Scope::Customer => "customer",
            Scope::Terminal => "terminal",
            Scope::Merchant => "merchant",
            Scope::Product => "product",
            Scope::Ip => "ip",
            Scope::Email => "email",
            Scope::Address => "address",
        }
    }

    /// The scope of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// Over which time a limit adds up. Calendar windows are those of the business day.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window(u32);

impl Window {
    /// One transaction: nothing is added up.
    pub const TRANSACTION: Window = Window(0);
    /// The business day.
    pub const DAY: Window = Window(1);
    /// The week, from Monday.
    pub const WEEK: Window = Window(2);
    /// The calendar month.
    pub const MONTH: Window = Window(3);
    /// The calendar year.
    pub const YEAR: Window = Window(4);

    /// Shortest and longest sliding window.
    pub const SLIDING: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(366 * 24)];

    /// The time until now, this long; whole seconds from [`SLIDING`](Window::SLIDING).
    #[must_use]
    pub fn sliding(length: Duration) -> Option<Window> {
        let whole = length.subsec_nanos() == 0 && (Window::SLIDING[0]..=Window::SLIDING[1]).contains(&length);
        u32::try_from(length.as_secs()).ok().filter(|_| whole).map(Window)
    }

    /// The number that it is stored as: 0 to 4 as declared here, the seconds of a sliding one.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Length of a sliding window, seconds.
    #[must_use]
    pub fn sliding_seconds(self) -> Option<u32> {
        (self.0 > Window::YEAR.0).then_some(self.0)
    }

    /// Which piece of time a transaction falls into: the day, week, month or year, or the part of a sliding window.
    pub(crate) fn piece(self, moment: Moment) -> u32 {
        let Moment { day, days, time } = moment;
        match self {
            Window::TRANSACTION => 0,
            Window::DAY => days,
            // 1970-01-01 was a Thursday.
            Window::WEEK => (days + 3) / 7,
            Window::MONTH => u32::from(day.year) * 12 + u32::from(day.month) - 1,
            Window::YEAR => u32::from(day.year),
            Window(seconds) => {
                let part_ms = i64::from(seconds) * 1000 / i64::from(SLIDING_PARTS);
                u32::try_from(time.unix_ms / part_ms).unwrap_or(0)
            }
        }
    }

    /// How many pieces back still count, the present one included.
    pub(crate) fn pieces(self) -> u32 {
        if self.sliding_seconds().is_some() { SLIDING_PARTS + 1 } else { 1 }
    }
}

/// A moment as windows see it.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// The business day.
    pub(crate) day: CivilDay,
    /// The same in days since 1970-01-01.
    days: u32,
    pub(crate) time: Time,
}

impl Moment {
    #[inline]
    pub(crate) fn new(day: CivilDay, time: Time) -> Moment {
        Moment { day, days: days_since_epoch(day), time }
    }
}

/// `transaction`, `day`, `week`, `month`, `year` or the length of a sliding window in its largest whole unit.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Window::TRANSACTION => f.write_str("transaction"),
            Window::DAY => f.write_str("day"),
            Window::WEEK => f.write_str("week"),
            Window::MONTH => f.write_str("month"),
            Window::YEAR => f.write_str("year"),
            Window(seconds) if seconds.is_multiple_of(86_400) => write!(f, "{}d", seconds / 86_400),
            Window(seconds) if seconds.is_multiple_of(3_600) => write!(f, "{}h", seconds / 3_600),
            Window(seconds) if seconds.is_multiple_of(60) => write!(f, "{}m", seconds / 60),
            Window(seconds) => write!(f, "{seconds}s"),
        }
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window({self})")
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, by counting years from March (H. Hinnant, days_from_civil).
fn days_since_epoch(day: CivilDay) -> u32 {
    let (month, date) = (u32::from(day.month), u32::from(day.day));
    let year = u32::from(day.year) - u32::from(month <= 2).min(u32::from(day.year));
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + date.saturating_sub(1);
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).saturating_sub(719_468)
}

/// One counter that a transaction moved. Whose it is follows from the scope and the transaction. With the window
/// [`TRANSACTION`](Window::TRANSACTION), which adds nothing up, it says that an override for one transaction is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Count {
    /// Whose.
    pub scope: Scope,
    /// Of which limit.
    pub limit: LimitId,
    /// Over which time.
    pub window: Window,
}

/// Counters that a transaction moved, by its amount and by one each. Few different ones exist at a time, so a
/// shard keeps each once and its transactions share it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Counted(Option<Arc<[Count]>>);

impl Counted {
    /// These counters.
    #[must_use]
    pub fn new(counts: &[Count]) -> Counted {
        Counted((!counts.is_empty()).then(|| counts.into()))
    }

    /// What a transaction of this type counted before there were limits by configuration: the card's business day.
    #[must_use]
    pub fn of_day(transaction: TransactionType) -> Counted {
        let limit = match transaction {
            TransactionType::Purchase => LimitId::PURCHASES,
            TransactionType::Withdrawal => LimitId::WITHDRAWALS,
            // There were no others then.
            _ => return Counted::default(),
        };
        Counted::new(&[Count { scope: Scope::Card, limit, window: Window::DAY }])
    }

    /// The counters.
    #[must_use]
    pub fn counts(&self) -> &[Count] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Nine bytes for each: scope, limit, window.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(9 * self.counts().len());
        for count in self.counts() {
            bytes.push(count.scope as u8);
            bytes.extend_from_slice(&count.limit.0.to_le_bytes());
            bytes.extend_from_slice(&count.window.0.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`to_bytes`](Counted::to_bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Counted> {
        let (counts, []) = bytes.as_chunks::<9>() else { return None };
        let counts: Option<Vec<Count>> = counts
            .iter()
            .map(|[scope, a, b, c, d, e, f, g, h]| {
                Some(Count {
                    scope: *Scope::ALL.get(usize::from(*scope))?,
                    limit: LimitId(u32::from_le_bytes([*a, *b, *c, *d])),
                    window: Window(u32::from_le_bytes([*e, *f, *g, *h])),
                })
            })
            .collect();
        Some(Counted::new(&counts?))
    }
}

/// As its counters hash, so that a set finds it by them.
impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.counts().hash(state);
    }
}

impl Borrow<[Count]> for Counted {
    fn borrow(&self) -> &[Count] {
        self.counts()
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts().fmt(f)
    }
}

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.counts().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Counted, D::Error> {
        ArrayVec::<Count, MAX_COUNTED>::deserialize(deserializer).map(|counts| Counted::new(&counts))
    }
}
