//! Policy rules: a typed subset of CEL (Common Expression Language), compiled when the configuration
//! is loaded and evaluated on every authorization without allocation (design step 13).
//!
//! A rule is a condition over [`Facts`] and an action. The facts a rule may name, their types and
//! their meaning stand in one table, [`FACTS`]; `docs/rules.md` shows it to users. Syntax and
//! semantics are those of the [CEL specification](https://github.com/google/cel-spec) as far as the
//! subset goes:
//!
//! - literals: integers, `'…'` and `"…"` with CEL's escapes, `true` and `false`; comments `// …`
//! - `== != < <= > >=`, `&& || !`, `x in [literal, …]`, `+ - * / %`, `question ? one : other`, parentheses,
//!   `s.startsWith(t)`, `s.endsWith(t)`, `s.contains(t)`, `size(s)`
//! - `has(request.fact)`, and `request.fact`, which is an error where the transaction lacks the fact
//! - an operand of `&&` or `||` that settles it outweighs an error in the other one, whichever comes first
//!
//! Integers are 64 bits and checked. A condition whose value is an error (an overflow, a division by zero, a
//! fact that is absent) does not match; it is reported in [`Outcome::errors`]. Everything else that could go wrong (a type, a fact's name, a literal) is
//! found by [`Program::compile`], which reports all mistakes of all rules at once.
//!
//! ```
//! use rules::{Facts, Program, RuleSource, Verdict};
//!
//! let program = Program::compile(&[
//!     RuleSource { name: "night", when: "hour < 6", action: "flag", ..RuleSource::default() },
//!     RuleSource {
//!         name: "large stripe withdrawal",
//!         when: r#"transaction == "withdrawal" && entry_mode in ["stripe", "fallback"] && amount > 50000"#,
//!         action: "decline",
//!         ..RuleSource::default()
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
//! let mistake = RuleSource { name: "typo", when: "amont > 5", action: "flag", ..RuleSource::default() };
//! let errors = Program::compile(&[mistake]).unwrap_err();
//! assert_eq!(errors[0].hint.as_deref(), Some("did you mean `amount`?"));
//! ```

mod check;
mod code;
mod compile;
mod error;
mod evaluate;
mod facts;
mod limits;
mod parse;
mod program;
mod token;
mod typed;
mod verdict;

pub use error::{RuleError, RulePart, Span};
pub use evaluate::Outcome;
pub use facts::{Domain, FACTS, Fact, FactName, Facts, Kind, Value};
pub use limits::{MAX_NAME_BYTES, MAX_NESTING, MAX_OPERATORS, MAX_RULES, MAX_SCORE, MAX_SOURCE_BYTES};
pub use program::{Mode, Program, Rule, RuleSource};
pub use verdict::Verdict;
