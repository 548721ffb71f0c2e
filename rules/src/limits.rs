/// Most rules in one program. [`Outcome`](crate::Outcome) holds one bit for each.
pub const MAX_RULES: usize = 64;

/// Longest condition, in bytes of its text.
pub const MAX_SOURCE_BYTES: usize = 4096;

/// Longest name of a rule, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Deepest nesting of parentheses, `!`, unary minus, lists and calls in one condition.
pub const MAX_NESTING: usize = 32;

/// Most binary operators in one condition. Bounds how long it can take, and, since a tree is no
/// deeper than its operators and its nesting together, how much stack it can take.
pub const MAX_OPERATORS: usize = 256;

/// Most values of one condition that wait for others while it is computed.
pub(crate) const MAX_STACK: usize = 64;

/// Most points that one rule gives or takes.
pub const MAX_SCORE: i64 = 1_000_000;

const _: () = assert!(MAX_RULES <= u64::BITS as usize);
