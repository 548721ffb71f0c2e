//! Policy rules: a typed subset of CEL (Common Expression Language), compiled when the configuration
//! is loaded and evaluated on every authorization without allocation (design step 13).
//!
//! A rule is a condition over [`Facts`] and an action. The facts a rule may name, their types and
//! their meaning stand in one table, [`FACTS`]; `docs/rules.md` shows it to users. Syntax and
//! semantics are those of the [CEL specification](https://github.com/google/cel-spec) as far as the
//! subset goes:
//!
//! - literals: integers, `'…'` and `"…"` with CEL's escapes, `true` and `false`; comments `// …`
//! - `== != < <= > >=`, `&& || !`, `x in [literal, …]`, `+ - *`, parentheses, `s.startsWith(prefix)`
//! - `&&` and `||` stop at the first operand that settles them, and an operand that settles them
//!   outweighs an error in the other one, whichever comes first
//!
//! Integers are 64 bits and checked. A condition that overflows does not match; it is reported in
//! [`Outcome::errors`]. Everything else that could go wrong (a type, a fact's name, a literal) is
//! found by [`Program::compile`], which reports all mistakes of all rules at once.
//!
//! ```
//! use rules::{Facts, Program, RuleSource, Verdict};
//!
//! let program = Program::compile(&[
//!     RuleSource { name: "night", when: "hour < 6", action: "flag", code: None },
//!     RuleSource {
//!         name: "large stripe withdrawal",
//!         when: r#"transaction == "withdrawal" && entry_mode in ["stripe", "fallback"] && amount > 50000"#,
//!         action: "decline",
//!         code: None,
//!     },
//! ])
//! .unwrap();
//!
//! let facts =
//!     Facts { transaction: "withdrawal", entry_mode: "stripe", amount: 60_000, hour: 3, ..Facts::default() };
//! let outcome = program.evaluate(&facts);
//! let (index, verdict) = outcome.decision.unwrap();
//! assert_eq!(program.rule_name(index), Some("large stripe withdrawal"));
//! assert!(matches!(verdict, Verdict::Decline(code) if code.as_str() == "59"));
//! assert_eq!(outcome.flags, 0b01);
//!
//! let mistake = RuleSource { name: "typo", when: "amont > 5", action: "flag", code: None };
//! let errors = Program::compile(&[mistake]).unwrap_err();
//! assert_eq!(errors[0].hint.as_deref(), Some("did you mean `amount`?"));
//! ```

mod check;
mod code;
mod error;
mod evaluate;
mod facts;
mod limits;
mod parse;
mod program;
mod token;
mod verdict;

pub use error::{RuleError, RulePart, Span};
pub use evaluate::Outcome;
pub use facts::{Accessor, Domain, FACTS, Fact, Facts, Kind};
pub use limits::{MAX_NAME_BYTES, MAX_NESTING, MAX_OPERATORS, MAX_RULES, MAX_SOURCE_BYTES};
pub use program::{Program, Rule, RuleSource};
pub use verdict::Verdict;
