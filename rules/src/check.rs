use crate::code::{Code, Exit};
use crate::compile;
use crate::error::{Fault, Span};
use crate::facts::{Domain, FACTS, Fact, Kind};
use crate::limits::MAX_STACK;
use crate::parse::{Calculation, Call, Comparison, Expression, Node, Operator};
use crate::typed::{TextFunction, Typed, TypedNode};

/// Gives every expression its type and writes the code for it. Goes on after a mistake, so that
/// all of them are reported together.
#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) code: Code,
    faults: Vec<Fault>,
}

/// What is returned after a mistake: nothing, since the mistake is already noted.
type Checked<T> = Option<T>;

impl Checker {
    /// The first branch of a whole condition, which has to be a bool.
    pub(crate) fn condition(&mut self, expression: &Expression) -> Result<Exit, Vec<Fault>> {
        let test = self.expected(expression, Kind::Bool, "a condition");
        let faults = std::mem::take(&mut self.faults);
        let (Some(test), true) = (test, faults.is_empty()) else { return Err(faults) };
        compile::condition(&mut self.code, &test).map_err(|compile::TooDeep| {
            let message = format!("more than {MAX_STACK} values wait for each other");
            vec![Fault::hinted(expression.span, message, "split the rule in two")]
        })
    }

    fn typed(&mut self, expression: &Expression) -> Checked<Typed> {
        Some(match &expression.node {
            Node::Int(number) => Typed::int(TypedNode::Number(*number)),
            Node::Bool(constant) => Typed::bool(TypedNode::Number(i64::from(*constant))),
            Node::String(text) => Typed::text(TypedNode::Text(self.code.add_text(text))),
            Node::Name(name) => self.fact(name, expression.span)?,
            Node::Field(operand, name) => {
                let fact = self.field(operand, name, expression.span)?;
                Typed { kind: fact.kind, node: TypedNode::Required(fact.place) }
            }
            Node::Not(operand) => {
                let operand = self.expected(operand, Kind::Bool, "the operand of `!`")?;
                Typed::bool(TypedNode::Not(Box::new(operand)))
            }
            Node::Negate(operand) => {
                let operand = self.expected(operand, Kind::Int, "the operand of `-`")?;
                Typed::int(TypedNode::Negate(Box::new(operand)))
            }
            Node::Binary(Operator::And, left, right) => self.logic(TypedNode::And, "&&", left, right)?,
            Node::Binary(Operator::Or, left, right) => self.logic(TypedNode::Or, "||", left, right)?,
            Node::Binary(Operator::Compare(comparison), left, right) => {
                self.comparison(*comparison, left, right, expression.span)?
            }
            Node::Binary(Operator::Calculate(calculation), left, right) => {
                self.calculation(*calculation, left, right)?
            }
            Node::In(operand, elements) => self.membership(operand, elements)?,
            Node::Call(call) => self.call(call)?,
            Node::Choose(parts) => self.choice(parts, expression.span)?,
        })
    }

    fn fact(&mut self, name: &str, span: Span) -> Checked<Typed> {
        if name == REQUEST {
            let hint = "a fact that may be absent is its field: `request.mcc`";
            return self.fail(Fault::hinted(span, "`request` is no value", hint));
        }
        let Some(fact) = Fact::named(name) else {
            let hint = match nearest(name, FACTS.iter().map(|fact| fact.name)) {
                Some(fact) => format!("did you mean `{fact}`?"),
                None => format!("facts are {}", quoted(FACTS.iter().map(|fact| fact.name))),
            };
            return self.fail(Fault::hinted(span, format!("no fact is called `{name}`"), hint));
        };
        Some(Typed { kind: fact.kind, node: TypedNode::Fact(fact.place) })
    }

    /// The optional fact that `request.NAME` is.
    fn field(&mut self, operand: &Expression, name: &str, span: Span) -> Checked<&'static Fact> {
        let optional = || FACTS.iter().filter(|fact| fact.optional).map(|fact| fact.name);
        if !matches!(&operand.node, Node::Name(operand) if operand == REQUEST) {
            let hint = "fields are those of `request`; a function is called with `(…)`";
            return self.fail(Fault::hinted(span, format!("there is no field `{name}` here"), hint));
        }
        match Fact::named(name) {
            Some(fact) if fact.optional => Some(fact),
            Some(_) => {
                let message = format!("`{name}` is always there");
                self.fail(Fault::hinted(span, message, format!("write `{name}`")))
            }
            None => {
                let hint = match nearest(name, optional()) {
                    Some(fact) => format!("did you mean `request.{fact}`?"),
                    None => format!("facts that may be absent are {}", quoted(optional())),
                };
                self.fail(Fault::hinted(span, format!("no fact is called `{name}`"), hint))
            }
        }
    }

    fn logic(
        &mut self,
        join: fn(Box<Typed>, Box<Typed>) -> TypedNode,
        sign: &str,
        left: &Expression,
        right: &Expression,
    ) -> Checked<Typed> {
        let role = format!("an operand of `{sign}`");
        let (left, right) = (self.expected(left, Kind::Bool, &role), self.expected(right, Kind::Bool, &role));
        Some(Typed::bool(join(Box::new(left?), Box::new(right?))))
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
        let (left, right) = (left?, right?);
        if left.kind != right.kind {
            let (left, right) = (left.kind.name(), right.kind.name());
            return self.fail(Fault::new(span, format!("{left} cannot be compared with {right}")));
        }
        Some(Typed::bool(TypedNode::Compare(comparison, Box::new(left), Box::new(right))))
    }

    fn calculation(
        &mut self,
        calculation: Calculation,
        left: &Expression,
        right: &Expression,
    ) -> Checked<Typed> {
        let role = format!("an operand of `{}`", calculation.sign());
        let (left, right) = (self.expected(left, Kind::Int, &role), self.expected(right, Kind::Int, &role));
        Some(Typed::int(TypedNode::Calculate(calculation, Box::new(left?), Box::new(right?))))
    }

    fn choice(&mut self, [question, then, otherwise]: &[Expression; 3], span: Span) -> Checked<Typed> {
        let question = self.expected(question, Kind::Bool, "what stands before `?`");
        let (then, otherwise) = (self.typed(then), self.typed(otherwise));
        let (question, then, otherwise) = (question?, then?, otherwise?);
        if then.kind != otherwise.kind {
            let message = format!("a choice between {} and {}", then.kind.name(), otherwise.kind.name());
            return self.fail(Fault::hinted(span, message, "both have to be of one type"));
        }
        let kind = then.kind;
        Some(Typed { kind, node: TypedNode::Choose(Box::new([question, then, otherwise])) })
    }

    fn membership(&mut self, operand: &Expression, elements: &[Expression]) -> Checked<Typed> {
        for element in elements {
            self.check_domain(operand, element);
        }
        let operand_span = operand.span;
        let operand = self.typed(operand)?;
        let list = match operand.kind {
            Kind::Int => {
                let numbers = self.elements(elements, Kind::Int, |node| match node {
                    Node::Int(number) => Some(*number),
                    _ => None,
                })?;
                self.code.add_number_list(numbers)
            }
            Kind::String => {
                let texts = self.elements(elements, Kind::String, |node| match node {
                    Node::String(text) => Some(text.clone()),
                    _ => None,
                })?;
                let texts = texts.iter().map(|text| self.code.add_text(text)).collect();
                self.code.add_text_list(texts)
            }
            Kind::Bool => {
                let message = "`in` compares int or string, and this is bool";
                let hint = "write the bool itself, or `!` and the bool";
                return self.fail(Fault::hinted(operand_span, message, hint));
            }
        };
        Some(Typed::bool(TypedNode::In(Box::new(operand), list)))
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
        match (call.function.as_str(), &call.receiver, call.arguments.as_slice()) {
            ("has", None, [argument]) => self.presence(argument),
            ("size", None, [text]) => self.size(text),
            ("size", Some(text), []) => self.size(text),
            (name, Some(receiver), [argument]) if TextFunction::named(name).is_some() => {
                let text = self.expected(receiver, Kind::String, &format!("what `{name}` is called on"));
                let argument = self.expected(argument, Kind::String, &format!("the argument of `{name}`"));
                let function = TextFunction::named(name)?;
                Some(Typed::bool(TypedNode::Call(function, Box::new(text?), Box::new(argument?))))
            }
            (name, _, _) => {
                let message = format!("no function is called as `{name}` is here");
                self.fail(Fault::hinted(call.function_span, message, FUNCTIONS))
            }
        }
    }

    fn size(&mut self, text: &Expression) -> Checked<Typed> {
        let text = self.expected(text, Kind::String, "what `size` measures")?;
        Some(Typed::int(TypedNode::Size(Box::new(text))))
    }

    /// `has(request.NAME)`
    fn presence(&mut self, argument: &Expression) -> Checked<Typed> {
        match &argument.node {
            Node::Field(operand, name) => {
                let fact = self.field(operand, name, argument.span)?;
                Some(Typed::bool(TypedNode::Has(fact.place)))
            }
            Node::Name(name) if Fact::named(name).is_some_and(|fact| fact.optional) => {
                let message = "`has` asks for a field";
                self.fail(Fault::hinted(argument.span, message, format!("write `has(request.{name})`")))
            }
            _ => {
                let hint = "it is written `has(request.mcc)`";
                self.fail(Fault::hinted(argument.span, "`has` asks for a field", hint))
            }
        }
    }

    fn expected(&mut self, expression: &Expression, wanted: Kind, role: &str) -> Checked<Typed> {
        let typed = self.typed(expression)?;
        if typed.kind == wanted {
            return Some(typed);
        }
        let message = format!("{role} has to be {}, and this is {}", wanted.name(), typed.kind.name());
        self.fail(Fault::new(expression.span, message))
    }

    /// Notes a fact that is compared with a literal which it can never hold.
    fn check_domain(&mut self, fact: &Expression, literal: &Expression) {
        let (Node::Name(name) | Node::Field(_, name), Node::String(text)) = (&fact.node, &literal.node)
        else {
            return;
        };
        let Some(fact) = Fact::named(name) else { return };
        if fact.kind != Kind::String || fact.domain.contains(text) {
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

    fn fail<T>(&mut self, fault: Fault) -> Checked<T> {
        self.faults.push(fault);
        None
    }
}

/// The object whose fields are the facts that may be absent.
const REQUEST: &str = "request";

const FUNCTIONS: &str = "functions are `text.startsWith(\"…\")`, `text.endsWith(\"…\")`, `text.contains(\"…\")`, `size(text)` \
                         and `has(request.…)`";

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
        check("link.endsWith('a') || link.contains('b') && size(link) > link.size()", &[]);
        let no = |name: &str| format!("{name}: no function is called as `{name}` is here; {FUNCTIONS}");
        check("link.matches('a')", &[&no("matches")]);
        check("size(link, link) > 1", &[&no("size")]);
        check("startsWith(link)", &[&no("startsWith")]);
        check("link.startsWith()", &[&no("startsWith")]);
        check("size(hour) > 1", &["hour: what `size` measures has to be string, and this is int"]);
        check(
            "hour.startsWith(5)",
            &[
                "hour: what `startsWith` is called on has to be string, and this is int",
                "5: the argument of `startsWith` has to be string, and this is int",
            ],
        );
    }

    #[test]
    fn facts_that_may_be_absent() {
        check("has(request.mcc) && request.mcc > 5 && mcc > 5 && request.merchant == 'a'", &[]);
        check("has(mcc)", &["mcc: `has` asks for a field; write `has(request.mcc)`"]);
        check("has(5)", &["5: `has` asks for a field; it is written `has(request.mcc)`"]);
        check("has(request.amount)", &["request.amount: `amount` is always there; write `amount`"]);
        check(
            "request.merchnt == ''",
            &["request.merchnt: no fact is called `merchnt`; did you mean `request.merchant`?"],
        );
        check(
            "terminal.country == 5",
            &[
                "terminal.country: there is no field `country` here; fields are those of `request`; a function is called with `(…)`",
            ],
        );
        check(
            "request",
            &["request: `request` is no value; a fact that may be absent is its field: `request.mcc`"],
        );
    }

    #[test]
    fn choices() {
        check("(pin_present ? amount : 5) > 1 && (pin_present ? link : 'a') == 'a'", &[]);
        check("hour ? true : false", &["hour: what stands before `?` has to be bool, and this is int"]);
        check(
            "true ? hour : link",
            &["true ? hour : link: a choice between int and string; both have to be of one type"],
        );
    }

    #[test]
    fn values_that_wait_have_a_limit() {
        // Each parenthesis leaves a value waiting for it, and so does each level of operators in it.
        let nested =
            |levels: usize| format!("{}1{} > 0", "hour + hour * (".repeat(levels), ")".repeat(levels));
        check(&nested(MAX_STACK / 2 - 1), &[]);
        let mut long = nested(crate::MAX_NESTING);
        long = format!("{long} == (1 < 2)");
        assert!(Checker::default().condition(&parse(&long).unwrap()).is_err());
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
            "'loan' != transaction",
            &[
                "'loan': `transaction` never holds this text; it is one of `purchase`, `withdrawal`, `balance_inquiry`, \
               `cashback`, `cash_advance`, `refund`, `deposit`, `payment`, `verification`, `transfer`, `mini_statement`",
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
        assert_eq!(checker.code.text_count(), 2);
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
