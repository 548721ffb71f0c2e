use crate::code::{Block, Code, End, Exit, Operation, Test};
use crate::facts::{Facts, Layout, SCORE};
use crate::limits::MAX_STACK;
use crate::parse::{Calculation, Comparison};
use crate::program::{Mode, Program};
use crate::verdict::Verdict;
use arrayvec::ArrayVec;
use std::cmp::Ordering;

/// What the rules say about one transaction. Bit *n* of a set stands for rule *n*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The first live rule that decided, by its index, and what it says: decline, refer or capture where
    /// the condition holds, a limit where the amount is also above it. Rules after it were not looked at.
    /// `None` when every rule let the transaction pass.
    pub decision: Option<(usize, Verdict)>,
    /// The live flag rules that matched.
    pub flags: u64,
    /// The live score rules that matched.
    pub scored: u64,
    /// The score after the last rule that was asked.
    pub score: i64,
    /// The rules in shadow mode that would have decided, flagged or scored.
    pub shadow: u64,
    /// The rules whose condition failed: beyond 64 bits, divided by zero, or a fact that is absent. They
    /// count as not matching.
    pub errors: u64,
}

impl Program {
    /// Asks the rules in order, down to the first that decides. Does not allocate, and takes time
    /// bounded by the program's length alone.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts<'_>) -> Outcome {
        let mut layout = facts.laid_out();
        let mut outcome = Outcome { score: facts.score, ..Outcome::default() };
        let mut at = self.first;
        loop {
            let index = match self.code.run(at, &layout) {
                End::Over => return outcome,
                End::Failed(index) => {
                    outcome.errors |= 1 << index;
                    at = self.rules()[index].next;
                    continue;
                }
                End::Holds(index) => index,
            };
            let (rule, bit) = (&self.rules()[index], 1 << index);
            at = rule.next;
            match (rule.mode, rule.verdict) {
                (_, Verdict::Limit(most)) if facts.amount <= most => {}
                (Mode::Shadow, _) => outcome.shadow |= bit,
                (Mode::Live, Verdict::Flag) => outcome.flags |= bit,
                (Mode::Live, Verdict::Score(points)) => {
                    outcome.scored |= bit;
                    outcome.score = outcome.score.saturating_add(points);
                    layout.set_number(SCORE, outcome.score);
                }
                (Mode::Live, verdict) => {
                    outcome.decision = Some((index, verdict));
                    return outcome;
                }
            }
        }
    }
}

impl Code {
    /// Follows the branches from this one to a rule that has something to say, or to the end.
    #[inline]
    fn run(&self, entry: Exit, facts: &Layout<'_>) -> End {
        let mut at = entry;
        while let Some(branch) = self.branches.get(at.place()) {
            let holds = match branch.test {
                Test::Within(place, low, high) => (low..=high).contains(&facts.number(place)),
                Test::Less(left, right) => facts.number(left) < facts.number(right),
                Test::Same(left, right) => facts.number(left) == facts.number(right),
                Test::Truth(place) => facts.number(place) != 0,
                Test::Has(place) => facts.has(place),
                Test::TextIs(place, text) => facts.text(place) == self.text(text),
                Test::Either(place, one, other) => {
                    let number = facts.number(place);
                    number == one || number == other
                }
                Test::NumberIn(place, list) => self.lists_number(list, facts.number(place)),
                Test::TextIn(place, list) => self.lists_text(list, facts.text(place)),
                Test::Call(function, place, argument) => {
                    function.apply(facts.text(place), self.text(argument))
                }
                Test::Computed(block, failed) => match self.compute(block, facts) {
                    Item::Number(truth) => truth != 0,
                    Item::Text(_) | Item::Failed => {
                        at = failed;
                        continue;
                    }
                },
            };
            at = if holds { branch.yes } else { branch.no };
        }
        at.end()
    }

    /// Every operand is computed, which gives what CEL's stopping at the first would: nothing here has
    /// an effect, and an error is a value until the end.
    fn compute<'a>(&'a self, block: Block, facts: &Layout<'a>) -> Item<'a> {
        let mut stack: Stack<'a> = ArrayVec::new();
        for operation in self.block(block) {
            let item = match *operation {
                Operation::Number(number) => Item::Number(number),
                Operation::Text(text) => Item::Text(self.text(text)),
                Operation::NumberFact(place) => Item::Number(facts.number(place)),
                Operation::TextFact(place) => Item::Text(facts.text(place)),
                Operation::RequiredNumber(place) if facts.has(place) => Item::Number(facts.number(place)),
                Operation::RequiredText(place) if facts.has(place) => Item::Text(facts.text(place)),
                Operation::RequiredNumber(_) | Operation::RequiredText(_) => Item::Failed,
                Operation::Has(place) => truth(facts.has(place)),
                Operation::Not => stack.number(|truth| Some(1 - truth)),
                Operation::Negate => stack.number(i64::checked_neg),
                Operation::And => stack.settle(0),
                Operation::Or => stack.settle(1),
                Operation::CompareNumbers(comparison) => {
                    stack.numbers(|left, right| Some(i64::from(comparison.holds(left.cmp(&right)))))
                }
                Operation::Calculate(calculation) => {
                    stack.numbers(|left, right| calculation.apply(left, right))
                }
                // Strings are ordered by code point, which is the order of their UTF-8 bytes.
                Operation::CompareTexts(comparison) => {
                    stack.texts(|left, right| comparison.holds(left.cmp(right)))
                }
                Operation::Call(function) => stack.texts(|text, argument| function.apply(text, argument)),
                Operation::NumberIn(list) => {
                    stack.number(|number| Some(i64::from(self.lists_number(list, number))))
                }
                Operation::TextIn(list) => stack.text(|text| i64::from(self.lists_text(list, text))),
                Operation::Size => stack.text(|text| text.chars().count() as i64),
                Operation::Choose => {
                    let (otherwise, then, question) = (stack.top(), stack.top(), stack.top());
                    match question {
                        Item::Number(0) => otherwise,
                        Item::Number(_) => then,
                        Item::Text(_) | Item::Failed => Item::Failed,
                    }
                }
            };
            stack.push(item);
        }
        stack.top()
    }
}

/// A value on the way. Truth is 0 or 1.
#[derive(Clone, Copy)]
enum Item<'a> {
    Number(i64),
    Text(&'a str),
    /// Beyond 64 bits, divided by zero, or not there: the errors that types cannot rule out.
    Failed,
}

fn truth(truth: bool) -> Item<'static> {
    Item::Number(i64::from(truth))
}

type Stack<'a> = ArrayVec<Item<'a>, MAX_STACK>;

/// What operations do with the topmost items. Types were checked at load, so an item of another type is
/// an error that came along.
trait Operands<'a> {
    fn top(&mut self) -> Item<'a>;

    fn number(&mut self, apply: impl Fn(i64) -> Option<i64>) -> Item<'a> {
        match self.top() {
            Item::Number(number) => apply(number).map_or(Item::Failed, Item::Number),
            Item::Text(_) | Item::Failed => Item::Failed,
        }
    }

    fn text(&mut self, apply: impl Fn(&str) -> i64) -> Item<'a> {
        match self.top() {
            Item::Text(text) => Item::Number(apply(text)),
            Item::Number(_) | Item::Failed => Item::Failed,
        }
    }

    fn numbers(&mut self, apply: impl Fn(i64, i64) -> Option<i64>) -> Item<'a> {
        let (right, left) = (self.top(), self.top());
        match (left, right) {
            (Item::Number(left), Item::Number(right)) => {
                apply(left, right).map_or(Item::Failed, Item::Number)
            }
            _ => Item::Failed,
        }
    }

    fn texts(&mut self, apply: impl Fn(&str, &str) -> bool) -> Item<'a> {
        let (right, left) = (self.top(), self.top());
        match (left, right) {
            (Item::Text(left), Item::Text(right)) => truth(apply(left, right)),
            _ => Item::Failed,
        }
    }

    /// `&&` is settled by 0 and `||` by 1, which outweighs an error in the other operand.
    fn settle(&mut self, settling: i64) -> Item<'a> {
        let (right, left) = (self.top(), self.top());
        match (left, right) {
            (Item::Number(one), _) | (_, Item::Number(one)) if one == settling => Item::Number(settling),
            (Item::Number(_), Item::Number(_)) => Item::Number(1 - settling),
            _ => Item::Failed,
        }
    }
}

impl<'a> Operands<'a> for Stack<'a> {
    fn top(&mut self) -> Item<'a> {
        self.pop().expect("the compiler writes operands before their operation")
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

    /// The same with its sides exchanged.
    pub(crate) fn turned(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same @ (Comparison::Equal | Comparison::NotEqual) => same,
        }
    }
}

impl Calculation {
    /// `None` beyond 64 bits and for a division by zero. Division rounds towards zero, and a remainder
    /// has the sign of the dividend.
    fn apply(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Calculation::Add => left.checked_add(right),
            Calculation::Subtract => left.checked_sub(right),
            Calculation::Multiply => left.checked_mul(right),
            Calculation::Divide => left.checked_div(right),
            Calculation::Remainder => left.checked_rem(right),
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
        message: "financial",
        amount: 1250,
        currency: "USD",
        mcc: Some(5411),
        entry_mode: "chip",
        pin_present: true,
        verification: "online_pin",
        chip_present: true,
        atm: true,
        hour: 14,
        weekday: 7,
        country: Some(840),
        terminal_country: Some(860),
        link: "acquirer_1",
        terminal: "T0000001",
        merchant: Some("M00000000000001"),
        bin: "40000012",
        product: "classic",
        scheme: "visa",
        months_to_expiry: 5,
        wrong_pins: 2,
        atc: Some(3),
        account_kind: "credit",
        balance_available: i64::MAX,
        daily_amount: -1,
        daily_count: 0,
        token: false,
        cvv2_present: true,
        address_result: None,
        authentication: Some("attempted"),
        eci: Some(6),
        score: 11,
    };

    /// `Some(true)` if the condition holds, `None` if it is an error.
    fn check(source: &str, facts: &Facts<'_>, expect: Option<bool>) {
        let rule = RuleSource { name: "rule", when: source, action: "flag", ..RuleSource::default() };
        let outcome = Program::compile(&[rule]).unwrap().evaluate(facts);
        let expect = match expect {
            Some(holds) => Outcome { flags: u64::from(holds), score: facts.score, ..Outcome::default() },
            None => Outcome { errors: 1, score: facts.score, ..Outcome::default() },
        };
        assert_eq!(outcome, expect, "{source}");
    }

    fn holds(source: &str) {
        check(source, &FACTS, Some(true));
    }

    fn fails(source: &str) {
        check(source, &FACTS, Some(false));
    }

    fn is_error(source: &str) {
        check(source, &FACTS, None);
    }

    #[test]
    fn every_fact_is_read() {
        holds("transaction == 'purchase' && amount == 1250 && currency == 'USD' && mcc == 5411");
        holds("entry_mode == 'chip' && pin_present && hour == 14 && country == 840");
        holds("link == 'acquirer_1' && terminal == 'T0000001' && merchant == 'M00000000000001'");
        holds("product == 'classic' && scheme == 'visa'");
        holds("balance_available == 9223372036854775807 && daily_amount == -1 && daily_count == 0");
        holds("message == 'financial' && chip_present && atm && weekday == 7 && terminal_country == 860");
        holds("bin == '40000012' && months_to_expiry == 5 && wrong_pins == 2 && atc == 3 && score == 11");
        holds("account_kind == 'credit' && request.mcc == 5411 && request.merchant == merchant");
    }

    #[test]
    fn facts_that_are_absent() {
        let check = |source, expect| check(source, &Facts::default(), expect);
        check("has(request.mcc) || has(request.merchant)", Some(false));
        check("mcc == 0 && merchant == ''", Some(true));
        check("request.mcc > 0", None);
        check("request.merchant.startsWith('a')", None);
        check("has(request.mcc) && request.mcc > 0", Some(false));
        check("request.mcc > 0 && has(request.mcc)", Some(false));
        check("has(request.mcc) ? request.mcc > 0 : pin_present", Some(false));
        check("size(request.merchant) == 0 || true", Some(true));
        holds("has(request.mcc) && has(request.merchant) && request.mcc > 5000");
        holds("!(request.mcc in [1, 2]) && request.merchant in ['M00000000000001']");
    }

    #[test]
    fn choices() {
        holds("pin_present ? hour == 14 : hour == 13");
        fails("(hour > 20 ? amount : mcc) == amount");
        holds("(atm ? 'a' : link) == 'a' && (atm ? (hour < 3 ? 1 : 2) : 3) == 2");
        holds("atm ? true : balance_available + 1 > 0");
        is_error("atm ? balance_available + 1 > 0 : true");
        is_error("balance_available + 1 > 0 ? true : true");
    }

    #[test]
    fn division_rounds_towards_zero() {
        holds("7 / 2 == 3 && -7 / 2 == -3 && 7 % -2 == 1 && -7 % 2 == -1 && amount / 100 == 12");
        is_error("amount / daily_count > 0");
        is_error("amount % daily_count == 0");
        is_error("-9223372036854775808 / daily_amount > 0");
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
        holds(
            "link.endsWith('_1') && link.contains('rer') && 'xT0000001'.endsWith(terminal) && ''.size() == 0",
        );
        fails("link.endsWith('_2') || link.contains('R')");
        holds("size(link) == 10 && size('zé😀') == 3 && bin.size() > 7");
        holds(
            "mcc in [1, 2, 3, 4, 5, 6, 7, 8, 9, 5411] && link in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'acquirer_1']",
        );
    }

    #[test]
    fn arithmetic_is_checked() {
        holds("amount * 2 - hour + daily_amount == 2485");
        holds("-hour == 0 - 14 && -daily_amount == 1");
        holds("balance_available + daily_amount < balance_available");
        is_error("balance_available + 1 > 0");
        is_error("-9223372036854775808 - amount < 0");
        is_error("balance_available * 2 > 0");
        is_error("-(-9223372036854775808) > 0");
        is_error("!(balance_available + 1 in [1, 2])");
    }

    #[test]
    fn a_settled_operand_outweighs_an_overflow() {
        fails("false && balance_available + 1 > 0");
        fails("balance_available + 1 > 0 && false");
        holds("true || balance_available + 1 > 0");
        holds("balance_available + 1 > 0 || true");
        is_error("balance_available + 1 > 0 && true");
        is_error("true && balance_available + 1 > 0");
        is_error("balance_available + 1 > 0 || false");
        is_error("balance_available + 1 > 0 || balance_available + 1 < 0");
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

    fn program(rules: &[RuleSource<'_>]) -> Program {
        Program::compile(rules).unwrap()
    }

    fn rule<'a>(name: &'a str, when: &'a str, action: &'a str) -> RuleSource<'a> {
        RuleSource { name, when, action, ..RuleSource::default() }
    }

    #[test]
    fn the_first_deciding_rule_wins_and_flags_gather_on_the_way() {
        let program = program(&[
            rule("flag 0", "pin_present", "flag"),
            rule("flag 1", "hour == 3", "flag"),
            rule("overflow 2", "balance_available + amount > 0", "decline"),
            rule("flag 3", "hour < 20", "flag"),
            rule("refer 4", "amount > 1000", "refer"),
            rule("decline 5", "true", "decline"),
            rule("flag 6", "true", "flag"),
        ]);
        let outcome = program.evaluate(&FACTS);
        let decision = Some((4, Verdict::Refer));
        assert_eq!(
            outcome,
            Outcome { decision, flags: 0b1001, errors: 0b100, score: 11, ..Outcome::default() }
        );

        let outcome = program.evaluate(&Facts { hour: 3, ..Facts::default() });
        let decision = Some((5, Verdict::Decline(ResponseCode::SUSPECTED_FRAUD)));
        assert_eq!(outcome, Outcome { decision, flags: 0b1010, ..Outcome::default() });
    }

    #[test]
    fn scores_add_up_for_the_rules_after_them() {
        let score = |name, when, points| RuleSource { score: Some(points), ..rule(name, when, "score") };
        let program = program(&[
            rule("too early", "score >= 30", "decline"),
            score("stripe", "entry_mode == 'stripe'", 20),
            score("night", "hour < 6", 15),
            score("known", "hour > 20", -5),
            rule("decline", "score >= 30", "decline"),
        ]);
        let outcome = |entry_mode, hour| program.evaluate(&Facts { entry_mode, hour, ..Facts::default() });
        let night = outcome("stripe", 3);
        assert_eq!((night.decision.map(|(rule, _)| rule), night.scored, night.score), (Some(4), 0b110, 35));
        let evening = outcome("stripe", 21);
        assert_eq!((evening.decision, evening.scored, evening.score), (None, 0b1010, 15));
    }

    #[test]
    fn a_limit_decides_above_its_amount() {
        let limit = |name, when, most| RuleSource { limit: Some(most), ..rule(name, when, "limit") };
        let program = program(&[limit("day", "hour >= 6", 5000), limit("night", "hour < 6", 1000)]);
        let decision = |hour, amount| program.evaluate(&Facts { hour, amount, ..Facts::default() }).decision;
        assert_eq!(decision(8, 5000), None);
        assert_eq!(decision(8, 5001), Some((0, Verdict::Limit(5000))));
        assert_eq!(decision(3, 1001), Some((1, Verdict::Limit(1000))));
    }

    #[test]
    fn shadow_rules_only_tell() {
        let shadow = |rule| RuleSource { mode: Some("shadow"), ..rule };
        let program = program(&[
            shadow(rule("decline", "true", "decline")),
            shadow(rule("flag", "true", "flag")),
            shadow(RuleSource { score: Some(50), ..rule("score", "true", "score") }),
            shadow(RuleSource { limit: Some(1250), ..rule("not above", "true", "limit") }),
            shadow(RuleSource { limit: Some(1249), ..rule("above", "true", "limit") }),
            shadow(rule("error", "1 / daily_count > 0", "decline")),
            rule("live", "score == 11", "decline"),
            shadow(rule("after the decision", "true", "decline")),
        ]);
        let outcome = program.evaluate(&FACTS);
        assert_eq!((outcome.decision.map(|(rule, _)| rule), outcome.shadow), (Some(6), 0b10111));
        assert_eq!((outcome.errors, outcome.score, outcome.flags, outcome.scored), (0b10_0000, 11, 0, 0));
    }

    #[test]
    fn no_rules_let_everything_pass() {
        assert_eq!(Program::default().evaluate(&FACTS), Outcome { score: 11, ..Outcome::default() });
    }
}
