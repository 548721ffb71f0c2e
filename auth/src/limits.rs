//! Capacities and deadlines of the core. Every queue has a capacity and every wait a deadline, and
//! they all stand here.

use std::time::Duration;

/// Requests that may wait for the HSM in one shard; one more is answered 96 at once.
pub const SUSPENDED_CAPACITY: usize = 16_384;

/// Requests and reversals of one shard that may wait for the transaction store; one more is answered 96 at
/// once.
pub const RECALLS: usize = 1_024;

/// How long they wait at most, before they are answered 96.
pub const RECALL_DEADLINE: Duration = Duration::from_secs(3);

/// Transfers of one shard that may wait for what another shard says of the account they go to; one more is declined
/// with 96.
pub const ENQUIRIES: usize = 1_024;

/// Transfers of one shard whose money may be on its way to or from another shard; one more is declined with 96, and a
/// reversal answered 96.
pub const REMITTANCES: usize = 16_384;

/// What a shard remembers of the money that it has taken or given back for others, until they have recorded that; one more
/// has to wait, and is asked for again. Twice what one shard may have on its way, for those that are over and of which
/// it has not heard.
pub const REMITTANCES_TAKEN: usize = 2 * REMITTANCES;

/// Of those that were not answered, how many are said again in one tick.
pub const REMITTANCES_PER_TICK: usize = 256;

/// Reversals of one shard that may wait until another shard has given money back; one more is answered 96.
pub const REVERSALS_WAITING: usize = 1_024;

/// How long they wait at most, before they are answered 96.
pub const REVERSAL_DEADLINE: Duration = Duration::from_secs(3);

/// Requests that may wait for their cardholders in one shard; one more is declined.
pub const CONFIRMATIONS: usize = 1_024;

/// Accounts that modes of cards keep, which one tick may look at; the others wait for the next one.
pub const SETTLED_PER_TICK: usize = 256;

/// Holds that may expire in one tick; the others wait for the next one. All records of a step go into
/// one frame of the journal, and any number of holds may end in the same moment after a standstill.
pub const HOLDS_PER_TICK: usize = 1_024;

/// How long answered transactions stay in memory at least.
pub const TRANSACTION_RETENTION: Duration = Duration::from_hours(10 * 24);

/// How long they answer repeats and are found by reversals: an hour less than they stay in memory,
/// which is the margin for the clocks of the shards.
pub const TRANSACTION_REACH: Duration = TRANSACTION_RETENTION.saturating_sub(Duration::from_hours(1));

/// Transactions that one shard keeps in memory unless told otherwise.
pub const TRANSACTIONS: usize = 100_000;

/// Fingerprints of transactions that have left memory, which one shard keeps unless told otherwise. With
/// one page more they fill a table of 2^22 places.
pub const FINGERPRINTS: usize = 3_500_000;

/// How many transactions with the same link, terminal and STAN are looked through for an original,
/// newest first. STANs run through a million numbers, so more than a few means a terminal that
/// restarts its counter all the time.
pub const STAN_CHAIN: usize = 32;

/// Checks that a receipt has room for from the start; the pipeline makes fewer unless chip and terminal
/// complain about much at once.
pub const RECEIPT_CHECKS: usize = 48;

/// Limits of one product, the short forms included: each lets a receipt have two lines, and each may be counted.
pub const LIMITS: usize = 24;

/// Terminals and merchants that one shard has counters of; one more is not counted, so that limits let it pass.
pub const COUNTED_PLACES: usize = 262_144;

/// Customers of one shard that may have limits of their own.
pub const CUSTOMERS_WITH_LIMITS: usize = 262_144;

/// Different combinations of counters that a shard keeps to share between transactions.
pub const COUNTED_SETS: usize = 4_096;

/// Ranges of numbers on the hot list. Single numbers have no bound but memory.
pub const HOT_RANGES: usize = 16_384;
/// Scripts that one card may have waiting.
pub const SCRIPTS: usize = 8;

/// How far behind a card's highest ATC it is known which ones were taken.
pub const ATC_WINDOW: u16 = 64;

/// How many transactions of a card's accounts are looked through, newest first, for one that a message names by its
/// approval code or reference number.
pub const LOOK_BACK: usize = 64;

/// How often more may be held for one authorization.
pub const INCREMENTS: usize = 16;

/// Most digits of an amount (DE 4): 12.
pub const LARGEST_AMOUNT_MINOR: i64 = 999_999_999_999;

/// What an account may hold at most, minor units: far from what 64 bits can.
pub const LARGEST_LEDGER_MINOR: i64 = 1_000_000_000_000_000_000;

/// Accounts of one card beside the one that it draws on by default.
pub const FURTHER_ACCOUNTS: usize = 8;

/// Shards of one process.
pub const SHARDS: usize = 64;
