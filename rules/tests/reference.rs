//! The compiled program against two others: a naive evaluator, which walks the tree that the text was
//! written from and shares no code with the crate, so that it also judges the grammar; and the `cel` crate,
//! an independent implementation of the language, which is given the text and the facts.

use cel::Context;
use cel::objects::Map;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rules::{Domain, FACTS, Fact, Facts, Kind, Outcome, Program, RuleSource, Value};
use std::collections::HashMap;

/// A condition. Comparisons, calculations and functions hold their sign.
#[derive(Clone, Debug)]
enum Bool {
    Constant(bool),
    Fact(&'static Fact),
    Has(&'static Fact),
    Not(Box<Bool>),
    And(Box<Bool>, Box<Bool>),
    Or(Box<Bool>, Box<Bool>),
    Compare(&'static str, Box<Bool>, Box<Bool>),
    CompareInts(&'static str, Int, Int),
    CompareStrings(&'static str, Text, Text),
    IntIn(Int, Vec<i64>),
    StringIn(Text, Vec<&'static str>),
    Call(&'static str, Text, Text),
    Choose(Box<[Bool; 3]>),
}

#[derive(Clone, Debug)]
enum Int {
    Constant(i64),
    Fact(&'static Fact),
    /// `request.NAME`
    Required(&'static Fact),
    Negate(Box<Int>),
    Calculate(&'static str, Box<Int>, Box<Int>),
    Size(Text),
    Choose(Box<(Bool, Int, Int)>),
}

#[derive(Clone, Debug)]
enum Text {
    Constant(&'static str),
    Fact(&'static Fact),
    Required(&'static Fact),
}

// The meaning. `None` is an error: an overflow, a division by zero, a fact that is absent.

impl Bool {
    fn value(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Bool::Constant(constant) => Some(*constant),
            Bool::Fact(fact) => match facts.value(fact) {
                Some(Value::Bool(value)) => Some(value),
                other => panic!("{other:?}"),
            },
            Bool::Has(fact) => Some(facts.value(fact).is_some()),
            Bool::Not(operand) => operand.value(facts).map(|value| !value),
            Bool::And(left, right) => match (left.value(facts), right.value(facts)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (None, _) | (_, None) => None,
                _ => Some(true),
            },
            Bool::Or(left, right) => match (left.value(facts), right.value(facts)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (None, _) | (_, None) => None,
                _ => Some(false),
            },
            Bool::Compare(sign, left, right) => Some(compare(sign, left.value(facts)?, right.value(facts)?)),
            Bool::CompareInts(sign, left, right) => {
                Some(compare(sign, left.value(facts)?, right.value(facts)?))
            }
            Bool::CompareStrings(sign, left, right) => {
                Some(compare(sign, left.value(facts)?, right.value(facts)?))
            }
            Bool::IntIn(operand, list) => {
                let value = operand.value(facts)?;
                Some(list.contains(&value))
            }
            Bool::StringIn(operand, list) => {
                let value = operand.value(facts)?;
                Some(list.contains(&value))
            }
            Bool::Call(function, text, argument) => {
                let (text, argument) = (text.value(facts)?.as_bytes(), argument.value(facts)?.as_bytes());
                Some(match *function {
                    "startsWith" => text.get(..argument.len()) == Some(argument),
                    "endsWith" => {
                        text.len() >= argument.len() && &text[text.len() - argument.len()..] == argument
                    }
                    "contains" => {
                        argument.is_empty() || text.windows(argument.len()).any(|part| part == argument)
                    }
                    other => panic!("{other}"),
                })
            }
            Bool::Choose(parts) => {
                let [question, then, otherwise] = &**parts;
                if question.value(facts)? { then.value(facts) } else { otherwise.value(facts) }
            }
        }
    }
}

impl Int {
    fn value(&self, facts: &Facts<'_>) -> Option<i64> {
        let wide = match self {
            Int::Constant(constant) => i128::from(*constant),
            Int::Fact(fact) => i128::from(int_of(facts.value(fact)).unwrap_or(0)),
            Int::Required(fact) => i128::from(int_of(facts.value(fact))?),
            Int::Negate(operand) => -i128::from(operand.value(facts)?),
            Int::Calculate(sign, left, right) => {
                let (left, right) = (i128::from(left.value(facts)?), i128::from(right.value(facts)?));
                match *sign {
                    "+" => left + right,
                    "-" => left - right,
                    "*" => left * right,
                    "/" if right != 0 => left / right,
                    // The quotient of these leaves 64 bits, so the remainder is an error too.
                    "%" if left == i128::from(i64::MIN) && right == -1 => return None,
                    "%" if right != 0 => left % right,
                    "/" | "%" => return None,
                    other => panic!("{other}"),
                }
            }
            Int::Size(text) => text.value(facts)?.chars().count() as i128,
            Int::Choose(parts) => {
                let (question, then, otherwise) = &**parts;
                let chosen = if question.value(facts)? { then } else { otherwise };
                i128::from(chosen.value(facts)?)
            }
        };
        i64::try_from(wide).ok()
    }
}

fn int_of(value: Option<Value<'_>>) -> Option<i64> {
    match value? {
        Value::Int(value) => Some(value),
        other => panic!("{other:?}"),
    }
}

impl Text {
    fn value<'a>(&self, facts: &Facts<'a>) -> Option<&'a str> {
        let (fact, absent) = match self {
            Text::Constant(constant) => return Some(constant),
            Text::Fact(fact) => (fact, Some("")),
            Text::Required(fact) => (fact, None),
        };
        match facts.value(fact) {
            None => absent,
            Some(Value::String(text)) => Some(text),
            other => panic!("{other:?}"),
        }
    }
}

fn compare<T: PartialOrd + Copy>(sign: &str, left: T, right: T) -> bool {
    match sign {
        "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        other => panic!("{other}"),
    }
}

// The text. Operators group from the left, and a level binds tighter than the ones below it.

const CHOICE: u8 = 0;
const OR: u8 = 1;
const AND: u8 = 2;
const RELATION: u8 = 3;
const SUM: u8 = 4;
const PRODUCT: u8 = 5;
const UNARY: u8 = 6;
const MEMBER: u8 = 7;

/// Text of an operation that binds at `level`.
struct Written {
    level: u8,
    text: String,
}

/// Where parentheses stand: only where the grammar needs them, or around every operation.
#[derive(Clone, Copy, PartialEq)]
enum Parentheses {
    Needed,
    Everywhere,
}

impl Written {
    fn atom(text: String) -> Written {
        Written { level: MEMBER, text }
    }

    fn binary(level: u8, left: &Written, sign: &str, right: &Written, style: Parentheses) -> Written {
        let (left, right) = (left.within(level, style), right.within(level + 1, style));
        // Blanks mean nothing, except that `in` needs them.
        let text = if style == Parentheses::Needed {
            format!("{left} {sign} {right}")
        } else {
            left + sign + &right
        };
        Written { level, text }
    }

    fn within(&self, level: u8, style: Parentheses) -> String {
        let needed = self.level < level;
        if needed || (style == Parentheses::Everywhere && self.level < MEMBER) {
            return format!("({})", self.text);
        }
        self.text.clone()
    }
}

impl Bool {
    fn write(&self, style: Parentheses) -> Written {
        let binary = |level, left: &Written, sign: &str, right: &Written| {
            Written::binary(level, left, sign, right, style)
        };
        match self {
            Bool::Constant(constant) => Written::atom(constant.to_string()),
            Bool::Fact(fact) => Written::atom(fact.name.into()),
            Bool::Not(operand) => {
                Written { level: UNARY, text: format!("!{}", operand.write(style).within(UNARY, style)) }
            }
            Bool::And(left, right) => binary(AND, &left.write(style), "&&", &right.write(style)),
            Bool::Or(left, right) => binary(OR, &left.write(style), "||", &right.write(style)),
            Bool::Compare(sign, left, right) => {
                binary(RELATION, &left.write(style), sign, &right.write(style))
            }
            Bool::CompareInts(sign, left, right) => {
                binary(RELATION, &left.write(style), sign, &right.write(style))
            }
            Bool::CompareStrings(sign, left, right) => binary(RELATION, &left.write(), sign, &right.write()),
            Bool::IntIn(operand, list) => {
                let list = list.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
                binary(RELATION, &operand.write(style), " in ", &Written::atom(format!("[{list}]")))
            }
            Bool::StringIn(operand, list) => {
                let list: String = list.iter().map(|text| format!("{},", quoted(text))).collect();
                binary(RELATION, &operand.write(), " in ", &Written::atom(format!("[{list}]")))
            }
            Bool::Has(fact) => Written::atom(format!("has(request.{})", fact.name)),
            Bool::Call(function, text, argument) => {
                Written::atom(format!("{}.{function}({})", text.write().text, argument.write().text))
            }
            Bool::Choose(parts) => {
                let [question, then, otherwise] = &**parts;
                choice(&question.write(style), &then.write(style), &otherwise.write(style), style)
            }
        }
    }
}

impl Int {
    fn write(&self, style: Parentheses) -> Written {
        match self {
            Int::Constant(constant) => Written::atom(constant.to_string()),
            Int::Fact(fact) => Written::atom(fact.name.into()),
            Int::Negate(operand) => {
                // CEL's grammar leaves open whether a second minus is the sign of a literal, which matters for
                // the least one: the `cel` crate refuses it, and we do not.
                let operand = operand.write(style).within(UNARY, style);
                let operand = if operand.starts_with('-') { format!("({operand})") } else { operand };
                Written { level: UNARY, text: format!("-{operand}") }
            }
            Int::Calculate(sign, left, right) => {
                let level = if ["*", "/", "%"].contains(sign) { PRODUCT } else { SUM };
                Written::binary(level, &left.write(style), sign, &right.write(style), style)
            }
            Int::Required(fact) => Written::atom(format!("request.{}", fact.name)),
            // The two ways to write it.
            Int::Size(text) if style == Parentheses::Needed => {
                Written::atom(format!("size({})", text.write().text))
            }
            Int::Size(text) => Written::atom(format!("{}.size()", text.write().text)),
            Int::Choose(parts) => {
                let (question, then, otherwise) = &**parts;
                choice(&question.write(style), &then.write(style), &otherwise.write(style), style)
            }
        }
    }
}

impl Text {
    fn write(&self) -> Written {
        Written::atom(match self {
            Text::Constant(constant) => quoted(constant),
            Text::Fact(fact) => fact.name.into(),
            Text::Required(fact) => format!("request.{}", fact.name),
        })
    }
}

/// Only the last part may be another choice.
fn choice(question: &Written, then: &Written, otherwise: &Written, style: Parentheses) -> Written {
    let (question, then) = (question.within(OR, style), then.within(OR, style));
    Written { level: CHOICE, text: format!("{question} ? {then} : {}", otherwise.within(CHOICE, style)) }
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '\'' | '\\' => format!("\\{c}"),
            '\n' => "\\n".into(),
            'a' => "\\x61".into(),
            'é' => "\\u00e9".into(),
            other => other.into(),
        })
        .collect();
    format!("'{escaped}'")
}

// The choice. Few words and few numbers, so that equality is as likely as difference.

const TEXTS: &[&str] = &["", "a", "ab", "b", "é", "z😀", "a'\\\n\""];
const NUMBERS: &[i64] = &[0, 1, -1, 2, 3, 1 << 32, i64::MAX, i64::MIN, i64::MAX - 1];
const COMPARISONS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];
const EQUALITIES: &[&str] = &["==", "!="];

fn facts_where(choose: fn(&Fact) -> bool) -> impl Strategy<Value = &'static Fact> + Clone {
    select(FACTS.iter().filter(|fact| choose(fact)).collect::<Vec<_>>())
}

fn int() -> impl Strategy<Value = Int> + Clone {
    let fact = facts_where(|fact| fact.kind == Kind::Int);
    let optional = facts_where(|fact| fact.kind == Kind::Int && fact.optional);
    let question = facts_where(|fact| fact.optional).prop_map(Bool::Has);
    let leaf = prop_oneof![
        2 => select(NUMBERS).prop_map(Int::Constant),
        2 => fact.prop_map(Int::Fact),
        1 => optional.prop_map(Int::Required),
        1 => text().prop_map(Int::Size),
    ];
    leaf.prop_recursive(3, 8, 2, move |inner| {
        let pair = (select(&["+", "-", "*", "/", "%"][..]), inner.clone(), inner.clone());
        let choice = (question.clone(), inner.clone(), inner.clone());
        prop_oneof![
            1 => inner.prop_map(|operand| Int::Negate(operand.into())),
            3 => pair.prop_map(|(sign, left, right)| Int::Calculate(sign, left.into(), right.into())),
            1 => choice.prop_map(|parts| Int::Choose(parts.into())),
        ]
    })
}

fn text() -> impl Strategy<Value = Text> + Clone {
    let fact = facts_where(|fact| fact.kind == Kind::String && fact.domain == Domain::Any);
    let optional =
        facts_where(|fact| fact.kind == Kind::String && fact.optional && fact.domain == Domain::Any);
    prop_oneof![
        3 => select(TEXTS).prop_map(Text::Constant),
        3 => fact.prop_map(Text::Fact),
        1 => optional.prop_map(Text::Required),
    ]
}

/// A fact of a closed set of words, compared with one of them.
fn word_test() -> impl Strategy<Value = Bool> + Clone {
    let worded = facts_where(|fact| matches!(fact.domain, Domain::OneOf(_)));
    (worded, any::<proptest::sample::Index>(), select(EQUALITIES)).prop_map(|(fact, index, sign)| {
        let Domain::OneOf(words) = fact.domain else { panic!("chosen for its words") };
        Bool::CompareStrings(sign, Text::Fact(fact), Text::Constant(words[index.index(words.len())]))
    })
}

fn condition() -> impl Strategy<Value = Bool> {
    let fact = facts_where(|fact| fact.kind == Kind::Bool);
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Bool::Constant),
        1 => fact.prop_map(Bool::Fact),
        1 => word_test(),
        4 => (select(COMPARISONS), int(), int()).prop_map(|(sign, left, right)| Bool::CompareInts(sign, left, right)),
        2 => (select(COMPARISONS), text(), text())
            .prop_map(|(sign, left, right)| Bool::CompareStrings(sign, left, right)),
        1 => (int(), vec(select(NUMBERS), 0..6)).prop_map(|(operand, list)| Bool::IntIn(operand, list)),
        1 => (text(), vec(select(TEXTS), 0..6)).prop_map(|(operand, list)| Bool::StringIn(operand, list)),
        1 => facts_where(|fact| fact.optional).prop_map(Bool::Has),
        2 => (select(&["startsWith", "endsWith", "contains"][..]), text(), text())
            .prop_map(|(function, text, argument)| Bool::Call(function, text, argument)),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        let compared = (select(COMPARISONS), inner.clone(), inner.clone());
        let choice = [inner.clone(), inner.clone(), inner.clone()];
        prop_oneof![
            1 => inner.prop_map(|operand| Bool::Not(operand.into())),
            3 => pair.clone().prop_map(|(left, right)| Bool::And(left.into(), right.into())),
            3 => pair.prop_map(|(left, right)| Bool::Or(left.into(), right.into())),
            1 => compared.prop_map(|(sign, left, right)| Bool::Compare(sign, left.into(), right.into())),
            1 => choice.prop_map(|parts| Bool::Choose(parts.into())),
        ]
    })
}

fn facts() -> impl Strategy<Value = Facts<'static>> {
    let words = (select(&["purchase", "withdrawal"][..]), select(&["chip", "stripe"][..]));
    let optional =
        ([(); 4].map(|()| proptest::option::of(select(NUMBERS))), proptest::option::of(select(TEXTS)));
    let bools = [(); 3].map(|()| any::<bool>());
    let numbers = [(); 9].map(|()| select(NUMBERS));
    (words, bools, numbers, [(); 5].map(|()| select(TEXTS)), optional).prop_map(
        |((transaction, entry_mode), bools, numbers, texts, (optional, merchant))| {
            let [pin_present, chip_present, atm] = bools;
            let [amount, hour, weekday, months_to_expiry, wrong_pins, rest @ ..] = numbers;
            let [balance_available, daily_amount, daily_count, score] = rest;
            let [link, terminal, bin, product, scheme] = texts;
            let [mcc, country, terminal_country, atc] = optional;
            Facts {
                transaction,
                message: "financial",
                amount,
                currency: "USD",
                mcc,
                entry_mode,
                pin_present,
                verification: "device",
                chip_present,
                atm,
                hour,
                weekday,
                country,
                terminal_country,
                link,
                terminal,
                merchant,
                bin,
                product,
                scheme,
                months_to_expiry,
                wrong_pins,
                atc,
                account_kind: "credit",
                balance_available,
                daily_amount,
                daily_count,
                token: atm,
                cvv2_present: pin_present,
                address_result: merchant.map(|_| "Z"),
                authentication: mcc.map(|_| "attempted"),
                eci: atc,
                score,
            }
        },
    )
}

fn ask(source: &str, facts: &Facts<'_>) -> Option<bool> {
    let rule = RuleSource { name: "rule", when: source, action: "flag", ..RuleSource::default() };
    let program = match Program::compile(&[rule]) {
        Ok(program) => program,
        Err(errors) => panic!("{}", errors[0]),
    };
    match program.evaluate(facts) {
        Outcome { decision: None, flags: 0, errors: 1, .. } => None,
        Outcome { decision: None, flags, errors: 0, .. } => Some(flags == 1),
        other => panic!("{other:?}"),
    }
}

/// What the `cel` crate says.
fn ask_cel(source: &str, facts: &Facts<'_>) -> Option<bool> {
    let mut context = Context::default();
    let mut request: HashMap<String, cel::Value> = HashMap::new();
    for fact in FACTS {
        let value = facts.value(fact).map(|value| match value {
            Value::Int(number) => cel::Value::Int(number),
            Value::Bool(truth) => cel::Value::Bool(truth),
            Value::String(text) => cel::Value::from(text),
        });
        if let Some(value) = value.clone().filter(|_| fact.optional) {
            request.insert(fact.name.to_owned(), value);
        }
        let empty = match fact.kind {
            Kind::Int => cel::Value::Int(0),
            Kind::Bool => cel::Value::Bool(false),
            Kind::String => cel::Value::from(""),
        };
        context.add_variable_from_value(fact.name, value.unwrap_or(empty));
    }
    context.add_variable_from_value("request", cel::Value::Map(Map::from(request)));
    let program = cel::Program::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    match program.execute(&context) {
        Ok(cel::Value::Bool(truth)) => Some(truth),
        Ok(other) => panic!("{source}: {other:?}"),
        Err(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn the_program_says_what_the_tree_says(condition in condition(), facts in facts()) {
        let expect = condition.value(&facts);
        for style in [Parentheses::Needed, Parentheses::Everywhere] {
            let source = condition.write(style).text;
            prop_assert_eq!(ask(&source, &facts), expect, "{}", source);
        }
    }
}

proptest! {
    // An order slower than ours, so it is asked less often.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn the_cel_crate_agrees(condition in condition(), facts in facts()) {
        let source = condition.write(Parentheses::Needed).text;
        prop_assert_eq!(ask(&source, &facts), ask_cel(&source, &facts), "{}", source);
    }
}
