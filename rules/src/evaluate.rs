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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::RuleSource;
    use card::ResponseCode;

    const FACTS: Facts<'_> = Facts {
        transaction: "purchase",
        amount: 1250,
        currency: "USD",
        mcc: 5411,
        entry_mode: "chip",
        pin_present: true,
        hour: 14,
        country: 840,
        link: "acquirer_1",
        terminal: "T0000001",
        merchant: "M00000000000001",
        product: "classic",
        scheme: "visa",
        balance_available: i64::MAX,
        daily_amount: -1,
        daily_count: 0,
    };

    /// `Some(true)` if the condition holds, `None` if it overflows.
    fn check(source: &str, facts: &Facts<'_>, expect: Option<bool>) {
        let rule = RuleSource { name: "rule", when: source, action: "flag", code: None };
        let outcome = Program::compile(&[rule]).unwrap().evaluate(facts);
        let expect = match expect {
            Some(holds) => Outcome { flags: u64::from(holds), ..Outcome::default() },
            None => Outcome { errors: 1, ..Outcome::default() },
        };
        assert_eq!(outcome, expect, "{source}");
    }

    fn holds(source: &str) {
        check(source, &FACTS, Some(true));
    }

    fn fails(source: &str) {
        check(source, &FACTS, Some(false));
    }

    fn overflows(source: &str) {
        check(source, &FACTS, None);
    }

    #[test]
    fn every_fact_is_read() {
        holds("transaction == 'purchase' && amount == 1250 && currency == 'USD' && mcc == 5411");
        holds("entry_mode == 'chip' && pin_present && hour == 14 && country == 840");
        holds("link == 'acquirer_1' && terminal == 'T0000001' && merchant == 'M00000000000001'");
        holds("product == 'classic' && scheme == 'visa'");
        holds("balance_available == 9223372036854775807 && daily_amount == -1 && daily_count == 0");
    }

    #[test]
    fn comparisons() {
        holds("hour <= 14 && hour >= 14 && hour != 15 && hour < 15 && hour > 13");
        fails("hour < 14 || hour > 14 || hour != 14 || hour <= 13 || hour >= 15");
        holds("link > 'acquirer_0' && link < 'acquirer_10' && link <= 'b' && link >= ''");
        fails("link == 'ACQUIRER_1' || 'Z' > link");
        holds("false < pin_present && pin_present == true && (hour > 1) != (hour > 20)");
    }

    #[test]
    fn lists_and_prefixes() {
        holds("mcc in [6011, 5411, -1]");
        fails("mcc in [6011, 5412] || mcc in []");
        holds("link in ['z', 'acquirer_1', 'a'] && !(link in ['acquirer'])");
        fails("link in [] || 'b' in ['a', 'c']");
        holds("link.startsWith('acq') && link.startsWith('') && link.startsWith(link)");
        fails("link.startsWith('cq') || ''.startsWith(link)");
    }

    #[test]
    fn arithmetic_is_checked() {
        holds("amount * 2 - hour + daily_amount == 2485");
        holds("-hour == 0 - 14 && -daily_amount == 1");
        holds("balance_available + daily_amount < balance_available");
        overflows("balance_available + 1 > 0");
        overflows("-9223372036854775808 - amount < 0");
        overflows("balance_available * 2 > 0");
        overflows("-(-9223372036854775808) > 0");
        overflows("!(balance_available + 1 in [1, 2])");
    }

    #[test]
    fn a_settled_operand_outweighs_an_overflow() {
        fails("false && balance_available + 1 > 0");
        fails("balance_available + 1 > 0 && false");
        holds("true || balance_available + 1 > 0");
        holds("balance_available + 1 > 0 || true");
        overflows("balance_available + 1 > 0 && true");
        overflows("true && balance_available + 1 > 0");
        overflows("balance_available + 1 > 0 || false");
        overflows("balance_available + 1 > 0 || balance_available + 1 < 0");
        fails("(balance_available + 1 > 0 || false) && false");
    }

    #[test]
    fn a_condition_may_be_a_constant() {
        holds("true");
        fails("!true");
        holds(&format!("true{}", " && true".repeat(crate::MAX_OPERATORS)));
        holds(&format!("1{} == 256", " + 1".repeat(crate::MAX_OPERATORS - 1)));
        check("pin_present", &Facts::default(), Some(false));
        check("link == '' && hour == 0", &Facts::default(), Some(true));
    }

    #[test]
    fn the_first_deciding_rule_wins_and_flags_gather_on_the_way() {
        let rule = |name, when, action| RuleSource { name, when, action, code: None };
        let program = Program::compile(&[
            rule("flag 0", "pin_present", "flag"),
            rule("flag 1", "hour == 3", "flag"),
            rule("overflow 2", "balance_available + amount > 0", "decline"),
            rule("flag 3", "hour < 20", "flag"),
            rule("refer 4", "amount > 1000", "refer"),
            rule("decline 5", "true", "decline"),
            rule("flag 6", "true", "flag"),
        ])
        .unwrap();
        let outcome = program.evaluate(&FACTS);
        let expect = Outcome { decision: Some((4, Verdict::Refer)), flags: 0b1001, errors: 0b100 };
        assert_eq!(outcome, expect);

        let outcome = program.evaluate(&Facts { hour: 3, ..Facts::default() });
        let decline = Verdict::Decline(ResponseCode::SUSPECTED_FRAUD);
        assert_eq!(outcome, Outcome { decision: Some((5, decline)), flags: 0b1010, errors: 0 });
    }

    #[test]
    fn no_rules_let_everything_pass() {
        assert_eq!(Program::default().evaluate(&FACTS), Outcome::default());
    }
}
