use crate::code::{Code, Number, Test, TestIndex, Text, TextIndex};
use crate::error::{Fault, Span};
use crate::facts::{Accessor, Domain, FACTS, Fact, Kind};
use crate::parse::{Calculation, Call, Comparison, Expression, Node, Operator};
use std::collections::BTreeMap;

/// Gives every expression its type and writes the code for it. Goes on after a mistake, so that
/// all of them are reported together.
#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) code: Code,
    texts: BTreeMap<Box<str>, TextIndex>,
    faults: Vec<Fault>,
}

/// An expression of known type.
#[derive(Clone, Copy)]
enum Typed {
    Test(Test),
    Number(Number),
    Text(Text),
}

/// What is returned after a mistake: nothing, since the mistake is already noted.
type Checked<T> = Option<T>;

impl Checker {
    /// The code of a whole condition, which has to be a bool.
    pub(crate) fn condition(&mut self, expression: &Expression) -> Result<TestIndex, Vec<Fault>> {
        let test = self.test(expression, "a condition");
        let faults = std::mem::take(&mut self.faults);
        match test {
            Some(test) if faults.is_empty() => Ok(self.code.add_test(test)),
            _ => Err(faults),
        }
    }

    fn typed(&mut self, expression: &Expression) -> Checked<Typed> {
        match &expression.node {
            Node::Int(number) => Some(Typed::Number(Number::Constant(*number))),
            Node::Bool(constant) => Some(Typed::Test(Test::Constant(*constant))),
            Node::String(text) => Some(Typed::Text(Text::Constant(self.intern(text)))),
            Node::Name(name) => self.fact(name, expression.span),
            Node::Not(operand) => {
                let operand = self.test(operand, "the operand of `!`")?;
                Some(Typed::Test(Test::Not(self.code.add_test(operand))))
            }
            Node::Negate(operand) => {
                let operand = self.number(operand, "the operand of `-`")?;
                Some(Typed::Number(Number::Negate(self.code.add_number(operand))))
            }
            Node::Binary(Operator::And, left, right) => self.logic(Test::And, "&&", left, right),
            Node::Binary(Operator::Or, left, right) => self.logic(Test::Or, "||", left, right),
            Node::Binary(Operator::Compare(comparison), left, right) => {
                self.comparison(*comparison, left, right, expression.span)
            }
            Node::Binary(Operator::Calculate(calculation), left, right) => {
                self.calculation(*calculation, left, right)
            }
            Node::In(operand, elements) => self.membership(operand, elements),
            Node::Call(call) => self.call(call),
        }
    }

    fn fact(&mut self, name: &str, span: Span) -> Checked<Typed> {
        let Some(fact) = Fact::named(name) else {
            let hint = match nearest(name, FACTS.iter().map(|fact| fact.name)) {
                Some(fact) => format!("did you mean `{fact}`?"),
                None => format!("facts are {}", quoted(FACTS.iter().map(|fact| fact.name))),
            };
            return self.fail(Fault::hinted(span, format!("no fact is called `{name}`"), hint));
        };
        Some(match fact.accessor {
            Accessor::Int(read) => Typed::Number(Number::Fact(read)),
            Accessor::Bool(read) => Typed::Test(Test::Fact(read)),
            Accessor::String(read) => Typed::Text(Text::Fact(read)),
        })
    }

    fn logic(
        &mut self,
        join: fn(TestIndex, TestIndex) -> Test,
        sign: &str,
        left: &Expression,
        right: &Expression,
    ) -> Checked<Typed> {
        let role = format!("an operand of `{sign}`");
        let (left, right) = (self.test(left, &role), self.test(right, &role));
        let (left, right) = (self.code.add_test(left?), self.code.add_test(right?));
        Some(Typed::Test(join(left, right)))
    }

    fn comparison(
        &mut self,
        comparison: Comparison,
        left: &Expression,
        right: &Expression,
        span: Span,
    ) -> Checked<Typed> {
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            self.check_domain(left, right);
            self.check_domain(right, left);
        }
        let (left, right) = (self.typed(left), self.typed(right));
        Some(Typed::Test(match (left?, right?) {
            (Typed::Number(left), Typed::Number(right)) => Test::CompareNumbers(comparison, left, right),
            (Typed::Text(left), Typed::Text(right)) => Test::CompareTexts(comparison, left, right),
            (Typed::Test(left), Typed::Test(right)) => {
                Test::CompareBools(comparison, self.code.add_test(left), self.code.add_test(right))
            }
            (left, right) => {
                let (left, right) = (left.kind().name(), right.kind().name());
                return self.fail(Fault::new(span, format!("{left} cannot be compared with {right}")));
            }
        }))
    }

    fn calculation(
        &mut self,
        calculation: Calculation,
        left: &Expression,
        right: &Expression,
    ) -> Checked<Typed> {
        let role = format!("an operand of `{}`", calculation.sign());
        let (left, right) = (self.number(left, &role), self.number(right, &role));
        let (left, right) = (self.code.add_number(left?), self.code.add_number(right?));
        Some(Typed::Number(Number::Calculate(calculation, left, right)))
    }

    fn membership(&mut self, operand: &Expression, elements: &[Expression]) -> Checked<Typed> {
        for element in elements {
            self.check_domain(operand, element);
        }
        match self.typed(operand) {
            Some(Typed::Number(number)) => {
                let numbers = self.elements(elements, Kind::Int, |node| match node {
                    Node::Int(number) => Some(*number),
                    _ => None,
                })?;
                Some(Typed::Test(Test::NumberIn(number, self.code.add_number_list(numbers))))
            }
            Some(Typed::Text(text)) => {
                let texts = self.elements(elements, Kind::String, |node| match node {
                    Node::String(text) => Some(text.clone()),
                    _ => None,
                })?;
                let texts = texts.iter().map(|text| self.intern(text)).collect();
                Some(Typed::Test(Test::TextIn(text, self.code.add_text_list(texts))))
            }
            Some(Typed::Test(_)) => {
                let hint = "write the bool itself, or `!` and the bool";
                self.fail(Fault::hinted(operand.span, "`in` compares int or string, and this is bool", hint))
            }
            None => None,
        }
    }

    /// The literals of a list, which all have to be of the type of what is looked for.
    fn elements<T>(
        &mut self,
        elements: &[Expression],
        kind: Kind,
        literal: impl Fn(&Node) -> Option<T>,
    ) -> Checked<Vec<T>> {
        let mut literals = Vec::with_capacity(elements.len());
        for element in elements {
            match literal(&element.node) {
                Some(literal) => literals.push(literal),
                None => {
                    let message = format!("an element of this list has to be a literal {}", kind.name());
                    self.faults.push(Fault::new(element.span, message));
                }
            }
        }
        (literals.len() == elements.len()).then_some(literals)
    }

    fn call(&mut self, call: &Call) -> Checked<Typed> {
        let hint = "the one function is `text.startsWith(\"prefix\")`";
        let (Some(receiver), "startsWith") = (&call.receiver, call.function.as_str()) else {
            let message = format!("no function is called as `{}` is here", call.function);
            return self.fail(Fault::hinted(call.function_span, message, hint));
        };
        let text = self.text(receiver, "what `startsWith` is called on");
        let [prefix] = call.arguments.as_slice() else {
            return self.fail(Fault::hinted(call.function_span, "`startsWith` takes one argument", hint));
        };
        let prefix = self.text(prefix, "the argument of `startsWith`");
        Some(Typed::Test(Test::StartsWith(text?, prefix?)))
    }

    fn test(&mut self, expression: &Expression, role: &str) -> Checked<Test> {
        match self.typed(expression)? {
            Typed::Test(test) => Some(test),
            other => self.mistyped(expression.span, role, Kind::Bool, other.kind()),
        }
    }

    fn number(&mut self, expression: &Expression, role: &str) -> Checked<Number> {
        match self.typed(expression)? {
            Typed::Number(number) => Some(number),
            other => self.mistyped(expression.span, role, Kind::Int, other.kind()),
        }
    }

    fn text(&mut self, expression: &Expression, role: &str) -> Checked<Text> {
        match self.typed(expression)? {
            Typed::Text(text) => Some(text),
            other => self.mistyped(expression.span, role, Kind::String, other.kind()),
        }
    }

    /// Notes a fact that is compared with a literal which it can never hold.
    fn check_domain(&mut self, fact: &Expression, literal: &Expression) {
        let (Node::Name(name), Node::String(text)) = (&fact.node, &literal.node) else { return };
        let Some(fact) = Fact::named(name) else { return };
        if fact.kind() != Kind::String || fact.domain.contains(text) {
            return;
        }
        let hint = match fact.domain {
            Domain::OneOf(words) => match nearest(text, words.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("it is one of {}", quoted(words.iter().copied())),
            },
            Domain::Currency | Domain::Any => "it is an alphabetic code of ISO 4217, such as `USD`".into(),
        };
        self.faults.push(Fault::hinted(literal.span, format!("`{name}` never holds this text"), hint));
    }

    fn intern(&mut self, text: &str) -> TextIndex {
        if let Some(index) = self.texts.get(text) {
            return *index;
        }
        let index = self.code.add_text(text);
        self.texts.insert(text.into(), index);
        index
    }

    fn mistyped<T>(&mut self, span: Span, role: &str, wanted: Kind, found: Kind) -> Checked<T> {
        let message = format!("{role} has to be {}, and this is {}", wanted.name(), found.name());
        self.fail(Fault::new(span, message))
    }

    fn fail<T>(&mut self, fault: Fault) -> Checked<T> {
        self.faults.push(fault);
        None
    }
}

impl Typed {
    fn kind(self) -> Kind {
        match self {
            Typed::Test(_) => Kind::Bool,
            Typed::Number(_) => Kind::Int,
            Typed::Text(_) => Kind::String,
        }
    }
}

/// The name that was probably meant: the closest one that differs in at most a third of its
/// letters, capitals and lower case being equal.
fn nearest(written: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let written = written.to_lowercase();
    let candidates = names.map(|name| (edits(&written, name), name));
    candidates.filter(|(edits, name)| *edits <= name.len().div_ceil(3)).min().map(|(_, name)| name)
}

/// Levenshtein distance: how many letters to insert, delete or replace.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, from) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, to) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

fn quoted(words: impl Iterator<Item = &'static str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    /// Mistakes as `marked text: message; hint`.
    fn check(source: &str, expect: &[&str]) {
        let expression = parse(source).unwrap();
        let faults = Checker::default().condition(&expression).err().unwrap_or_default();
        let shown: Vec<String> = faults
            .iter()
            .map(|Fault { span, message, hint }| {
                let hint = hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
                format!("{}: {message}{hint}", &source[span.start..span.end])
            })
            .collect();
        assert_eq!(shown, expect, "{source}");
    }

    #[test]
    fn every_type_goes_where_it_belongs() {
        check("pin_present", &[]);
        check("amount + 1 * -hour > 5 == pin_present", &[]);
        check("currency < product && !(false || link.startsWith(\"a\"))", &[]);
        check("'abc'.startsWith(link)", &[]);
        check("pin_present == (hour in [])", &[]);
        check("mcc in [-1, (2)] || link in ['a', 'a']", &[]);
    }

    #[test]
    fn types_that_do_not_fit() {
        check("amount", &["amount: a condition has to be bool, and this is int"]);
        check("amount == '5'", &["amount == '5': int cannot be compared with string"]);
        check("pin_present < 1", &["pin_present < 1: bool cannot be compared with int"]);
        check("!link", &["link: the operand of `!` has to be bool, and this is string"]);
        check("-link > 1", &["link: the operand of `-` has to be int, and this is string"]);
        check(
            "link + 'a' == 'ba'",
            &[
                "link: an operand of `+` has to be int, and this is string",
                "'a': an operand of `+` has to be int, and this is string",
            ],
        );
        check("hour && true", &["hour: an operand of `&&` has to be bool, and this is int"]);
        check("1 < hour < 5", &["1 < hour < 5: bool cannot be compared with int"]);
        check(
            "mcc in [1, 'a', hour]",
            &[
                "'a': an element of this list has to be a literal int",
                "hour: an element of this list has to be a literal int",
            ],
        );
        check(
            "pin_present in [true]",
            &[
                "pin_present: `in` compares int or string, and this is bool; write the bool itself, or `!` and the bool",
            ],
        );
    }

    #[test]
    fn functions() {
        let one = "the one function is `text.startsWith(\"prefix\")`";
        check(
            "link.endsWith('a')",
            &[&format!("endsWith: no function is called as `endsWith` is here; {one}")],
        );
        check("size(link) > 1", &[&format!("size: no function is called as `size` is here; {one}")]);
        check("link.startsWith()", &[&format!("startsWith: `startsWith` takes one argument; {one}")]);
        check(
            "hour.startsWith(5)",
            &[
                "hour: what `startsWith` is called on has to be string, and this is int",
                "5: the argument of `startsWith` has to be string, and this is int",
            ],
        );
    }

    #[test]
    fn unknown_facts_name_the_nearest() {
        check("amont > 5", &["amont: no fact is called `amont`; did you mean `amount`?"]);
        check(
            "entryMode == 'chip'",
            &["entryMode: no fact is called `entryMode`; did you mean `entry_mode`?"],
        );
        check(
            "HOUR > 1 && Pin_Present",
            &[
                "HOUR: no fact is called `HOUR`; did you mean `hour`?",
                "Pin_Present: no fact is called `Pin_Present`; did you mean `pin_present`?",
            ],
        );
        let all = quoted(FACTS.iter().map(|fact| fact.name));
        check(
            "cardholder_age < 18",
            &[&format!("cardholder_age: no fact is called `cardholder_age`; facts are {all}")],
        );
    }

    #[test]
    fn text_that_a_fact_never_holds() {
        check("entry_mode == 'chp'", &["'chp': `entry_mode` never holds this text; did you mean `chip`?"]);
        check(
            "'refund' != transaction",
            &[
                "'refund': `transaction` never holds this text; it is one of `purchase`, `withdrawal`, `balance_inquiry`",
            ],
        );
        let currency =
            "`currency` never holds this text; it is an alphabetic code of ISO 4217, such as `USD`";
        check(
            "currency in ['USD', 'usd', '840']",
            &[&format!("'usd': {currency}"), &format!("'840': {currency}")],
        );
        // Where a part of the text is compared, any text makes sense.
        check("currency.startsWith('U') && entry_mode < 'd'", &[]);
    }

    #[test]
    fn mistakes_of_one_condition_come_together() {
        check(
            "amont > 5 && !hour || link == 1",
            &[
                "amont: no fact is called `amont`; did you mean `amount`?",
                "hour: the operand of `!` has to be bool, and this is int",
                "link == 1: string cannot be compared with int",
            ],
        );
    }

    #[test]
    fn equal_text_is_kept_once() {
        let mut checker = Checker::default();
        for source in ["link == 'a' || product == 'a'", "link in ['a', 'b']"] {
            checker.condition(&parse(source).unwrap()).unwrap();
        }
        assert_eq!(checker.code.texts.len(), 2);
    }

    #[test]
    fn edits_are_counted() {
        let check = |from: &str, to: &str, expect| assert_eq!(edits(from, to), expect, "{from} {to}");
        check("", "", 0);
        check("", "mcc", 3);
        check("hour", "hours", 1);
        check("entrymode", "entry_mode", 1);
        check("kitten", "sitting", 3);
    }
}
