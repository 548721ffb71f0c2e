//! The compiled program against a naive evaluator: random typed conditions are written as text,
//! compiled and asked; the evaluator here walks the tree they were written from. It shares no code
//! with the crate, so it also judges the grammar.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rules::{Accessor, Domain, FACTS, Fact, Facts, Outcome, Program, RuleSource};

/// A condition. Comparisons and calculations hold their sign.
#[derive(Clone, Debug)]
enum Bool {
    Constant(bool),
    Fact(&'static Fact),
    Not(Box<Bool>),
    And(Box<Bool>, Box<Bool>),
    Or(Box<Bool>, Box<Bool>),
    Compare(&'static str, Box<Bool>, Box<Bool>),
    CompareInts(&'static str, Int, Int),
    CompareStrings(&'static str, Text, Text),
    IntIn(Int, Vec<i64>),
    StringIn(Text, Vec<&'static str>),
    StartsWith(Text, Text),
}

#[derive(Clone, Debug)]
enum Int {
    Constant(i64),
    Fact(&'static Fact),
    Negate(Box<Int>),
    Calculate(&'static str, Box<Int>, Box<Int>),
}

#[derive(Clone, Debug)]
enum Text {
    Constant(&'static str),
    Fact(&'static Fact),
}

// The meaning. `None` is an overflow.

impl Bool {
    fn value(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Bool::Constant(constant) => Some(*constant),
            Bool::Fact(fact) => match fact.accessor {
                Accessor::Bool(read) => Some(read(facts)),
                other => panic!("{other:?}"),
            },
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
                Some(compare(sign, left.value(facts), right.value(facts)))
            }
            Bool::IntIn(operand, list) => {
                let value = operand.value(facts)?;
                Some(list.contains(&value))
            }
            Bool::StringIn(operand, list) => {
                let value = operand.value(facts);
                Some(list.contains(&value))
            }
            Bool::StartsWith(text, prefix) => {
                let (text, prefix) = (text.value(facts).as_bytes(), prefix.value(facts).as_bytes());
                Some(text.get(..prefix.len()) == Some(prefix))
            }
        }
    }
}

impl Int {
    fn value(&self, facts: &Facts<'_>) -> Option<i64> {
        let wide = match self {
            Int::Constant(constant) => i128::from(*constant),
            Int::Fact(fact) => match fact.accessor {
                Accessor::Int(read) => i128::from(read(facts)),
                other => panic!("{other:?}"),
            },
            Int::Negate(operand) => -i128::from(operand.value(facts)?),
            Int::Calculate(sign, left, right) => {
                let (left, right) = (i128::from(left.value(facts)?), i128::from(right.value(facts)?));
                match *sign {
                    "+" => left + right,
                    "-" => left - right,
                    "*" => left * right,
                    other => panic!("{other}"),
                }
            }
        };
        i64::try_from(wide).ok()
    }
}

impl Text {
    fn value<'a>(&self, facts: &Facts<'a>) -> &'a str {
        match self {
            Text::Constant(constant) => constant,
            Text::Fact(fact) => match fact.accessor {
                Accessor::String(read) => read(facts),
                other => panic!("{other:?}"),
            },
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
            Bool::StartsWith(text, prefix) => {
                Written::atom(format!("{}.startsWith({})", text.write().text, prefix.write().text))
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
                Written { level: UNARY, text: format!("-{}", operand.write(style).within(UNARY, style)) }
            }
            Int::Calculate(sign, left, right) => {
                let level = if *sign == "*" { PRODUCT } else { SUM };
                Written::binary(level, &left.write(style), sign, &right.write(style), style)
            }
        }
    }
}

impl Text {
    fn write(&self) -> Written {
        Written::atom(match self {
            Text::Constant(constant) => quoted(constant),
            Text::Fact(fact) => fact.name.into(),
        })
    }
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
    let fact = facts_where(|fact| matches!(fact.accessor, Accessor::Int(_)));
    let leaf = prop_oneof![select(NUMBERS).prop_map(Int::Constant), fact.prop_map(Int::Fact)];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let pair = (select(&["+", "-", "*"][..]), inner.clone(), inner.clone());
        prop_oneof![
            1 => inner.prop_map(|operand| Int::Negate(operand.into())),
            3 => pair.prop_map(|(sign, left, right)| Int::Calculate(sign, left.into(), right.into())),
        ]
    })
}

fn text() -> impl Strategy<Value = Text> + Clone {
    let fact = facts_where(|fact| matches!(fact.accessor, Accessor::String(_)) && fact.domain == Domain::Any);
    prop_oneof![select(TEXTS).prop_map(Text::Constant), fact.prop_map(Text::Fact)]
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
    let fact = facts_where(|fact| matches!(fact.accessor, Accessor::Bool(_)));
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Bool::Constant),
        1 => fact.prop_map(Bool::Fact),
        1 => word_test(),
        4 => (select(COMPARISONS), int(), int()).prop_map(|(sign, left, right)| Bool::CompareInts(sign, left, right)),
        2 => (select(COMPARISONS), text(), text())
            .prop_map(|(sign, left, right)| Bool::CompareStrings(sign, left, right)),
        1 => (int(), vec(select(NUMBERS), 0..6)).prop_map(|(operand, list)| Bool::IntIn(operand, list)),
        1 => (text(), vec(select(TEXTS), 0..6)).prop_map(|(operand, list)| Bool::StringIn(operand, list)),
        1 => (text(), text()).prop_map(|(text, prefix)| Bool::StartsWith(text, prefix)),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        let compared = (select(COMPARISONS), inner.clone(), inner.clone());
        prop_oneof![
            1 => inner.prop_map(|operand| Bool::Not(operand.into())),
            3 => pair.clone().prop_map(|(left, right)| Bool::And(left.into(), right.into())),
            3 => pair.prop_map(|(left, right)| Bool::Or(left.into(), right.into())),
            1 => compared.prop_map(|(sign, left, right)| Bool::Compare(sign, left.into(), right.into())),
        ]
    })
}

fn facts() -> impl Strategy<Value = Facts<'static>> {
    let words = (select(&["purchase", "withdrawal"][..]), select(&["chip", "stripe"][..]), any::<bool>());
    (words, [(); 7].map(|()| select(NUMBERS)), [(); 5].map(|()| select(TEXTS))).prop_map(
        |((transaction, entry_mode, pin_present), ints, [link, terminal, merchant, product, scheme])| {
            let [amount, mcc, hour, country, balance_available, daily_amount, daily_count] = ints;
            Facts {
                transaction,
                amount,
                currency: "USD",
                mcc,
                entry_mode,
                pin_present,
                hour,
                country,
                link,
                terminal,
                merchant,
                product,
                scheme,
                balance_available,
                daily_amount,
                daily_count,
            }
        },
    )
}

fn ask(source: &str, facts: &Facts<'_>) -> Option<bool> {
    let rule = RuleSource { name: "rule", when: source, action: "flag", code: None };
    let program = match Program::compile(&[rule]) {
        Ok(program) => program,
        Err(errors) => panic!("{}", errors[0]),
    };
    match program.evaluate(facts) {
        Outcome { decision: None, flags: 0, errors: 1 } => None,
        Outcome { decision: None, flags, errors: 0 } => Some(flags == 1),
        other => panic!("{other:?}"),
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
