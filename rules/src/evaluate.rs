use crate::code::{Code, List, Number, NumberIndex, Test, TestIndex, Text};
use crate::facts::Facts;
use crate::parse::{Calculation, Comparison};
use crate::program::Program;
use crate::verdict::Verdict;
use std::cmp::Ordering;

/// What the rules say about one transaction. Bit *n* of a set stands for rule *n*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The first rule that matched and is not a flag, by its index, and what it says; rules after
    /// it were not looked at. `None` when every rule let the transaction pass.
    pub decision: Option<(usize, Verdict)>,
    /// The flag rules that matched.
    pub flags: u64,
    /// The rules whose condition overflowed 64 bits. They count as not matching.
    pub errors: u64,
}

impl Program {
    /// Asks the rules in order, down to the first that decides. Does not allocate, and takes time
    /// bounded by the program's length alone.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        for (index, rule) in self.rules().iter().enumerate() {
            match (self.code.holds(rule.test, facts), rule.verdict) {
                (Ok(false), _) => {}
                (Err(Overflow), _) => outcome.errors |= 1 << index,
                (Ok(true), Verdict::Flag) => outcome.flags |= 1 << index,
                (Ok(true), verdict) => {
                    outcome.decision = Some((index, verdict));
                    break;
                }
            }
        }
        outcome
    }
}

/// A result beyond 64 bits, the one error that types cannot rule out.
struct Overflow;

impl Code {
    fn holds(&self, index: TestIndex, facts: &Facts<'_>) -> Result<bool, Overflow> {
        Ok(match self.test(index) {
            Test::Constant(constant) => constant,
            Test::Fact(read) => read(facts),
            Test::Not(operand) => !self.holds(operand, facts)?,
            Test::And(left, right) => return self.settle(false, left, right, facts),
            Test::Or(left, right) => return self.settle(true, left, right, facts),
            Test::CompareBools(comparison, left, right) => {
                let left = self.holds(left, facts)?;
                comparison.holds(left.cmp(&self.holds(right, facts)?))
            }
            Test::CompareNumbers(comparison, left, right) => {
                let left = self.number_value(left, facts)?;
                comparison.holds(left.cmp(&self.number_value(right, facts)?))
            }
            Test::CompareTexts(comparison, left, right) => {
                self.compare_texts(comparison, self.text_value(left, facts), self.text_value(right, facts))
            }
            Test::NumberIn(number, list) => {
                let number = self.number_value(number, facts)?;
                self.number_list(list).binary_search(&number).is_ok()
            }
            Test::TextIn(text, list) => self.lists_text(list, self.text_value(text, facts)),
            Test::StartsWith(text, prefix) => {
                self.text_value(text, facts).starts_with(self.text_value(prefix, facts))
            }
        })
    }

    /// `&&` is settled by false and `||` by true. CEL lets the right operand settle the result even
    /// where the left one is an error, so that the order of operands does not matter.
    fn settle(
        &self,
        settling: bool,
        left: TestIndex,
        right: TestIndex,
        facts: &Facts<'_>,
    ) -> Result<bool, Overflow> {
        match self.holds(left, facts) {
            Ok(left) if left == settling => Ok(settling),
            Ok(_) => self.holds(right, facts),
            Err(overflow) => match self.holds(right, facts) {
                Ok(right) if right == settling => Ok(settling),
                _ => Err(overflow),
            },
        }
    }

    fn number_value(&self, number: Number, facts: &Facts<'_>) -> Result<i64, Overflow> {
        match number {
            Number::Constant(constant) => Ok(constant),
            Number::Fact(read) => Ok(read(facts)),
            Number::Negate(operand) => self.operand_value(operand, facts)?.checked_neg().ok_or(Overflow),
            Number::Calculate(calculation, left, right) => {
                let (left, right) = (self.operand_value(left, facts)?, self.operand_value(right, facts)?);
                calculation.apply(left, right).ok_or(Overflow)
            }
        }
    }

    fn operand_value(&self, index: NumberIndex, facts: &Facts<'_>) -> Result<i64, Overflow> {
        self.number_value(self.number(index), facts)
    }

    fn text_value<'a>(&'a self, text: Text, facts: &Facts<'a>) -> &'a str {
        match text {
            Text::Constant(index) => self.text(index),
            Text::Fact(read) => read(facts),
        }
    }

    /// Strings are ordered by code point, which is the order of their UTF-8 bytes.
    fn compare_texts(&self, comparison: Comparison, left: &str, right: &str) -> bool {
        match comparison {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            _ => comparison.holds(left.cmp(right)),
        }
    }

    fn lists_text(&self, list: List, text: &str) -> bool {
        self.text_list(list).binary_search_by(|element| self.text(*element).cmp(text)).is_ok()
    }
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Calculation {
    fn apply(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Calculation::Add => left.checked_add(right),
            Calculation::Subtract => left.checked_sub(right),
            Calculation::Multiply => left.checked_mul(right),
        }
    }
}
