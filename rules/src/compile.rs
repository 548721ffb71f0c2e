//! From typed expressions to bytecode.
//!
//! Conditions are pure, and `&&` and `||` of CEL give the same whichever operand comes first, even where
//! one of them is an error. So operands are asked from cheap to dear, and at most one that can fail is
//! left for the end: a branch then needs no more exits than its own.

use crate::code::{Code, Exit, List, Operation, Test};
use crate::facts::{Kind, Place};
use crate::limits::MAX_STACK;
use crate::parse::Comparison;
use crate::typed::{Typed, TypedNode};
use arrayvec::ArrayVec;

/// A condition that would need more of the stack than there is.
pub(crate) struct TooDeep;

/// Writes the branches of a whole condition and gives the first.
pub(crate) fn condition(code: &mut Code, condition: &Typed) -> Result<Exit, TooDeep> {
    branches(code, condition, Exit::HOLDS, Exit::HOLDS_NOT, Exit::FAILED)
}

/// Branches that lead to `yes`, `no` or `failed` by the value of `test`, a bool. What they lead to is
/// written before them.
fn branches(code: &mut Code, test: &Typed, yes: Exit, no: Exit, failed: Exit) -> Result<Exit, TooDeep> {
    match &test.node {
        TypedNode::Number(truth) => Ok(if *truth != 0 { yes } else { no }),
        TypedNode::Fact(place) => Ok(code.add_branch(Test::Truth(*place), yes, no)),
        TypedNode::Has(place) => Ok(code.add_branch(Test::Has(*place), yes, no)),
        TypedNode::Not(operand) => branches(code, operand, no, yes, failed),
        TypedNode::And(..) => {
            let (sure, unsure) = operands(test, Junction::And);
            let last = in_block(code, &unsure, Operation::And, yes, no, failed)?;
            sure.iter()
                .rev()
                .try_fold(last.unwrap_or(yes), |next, operand| branches(code, operand, next, no, failed))
        }
        TypedNode::Or(..) => {
            let (sure, unsure) = operands(test, Junction::Or);
            let last = in_block(code, &unsure, Operation::Or, yes, no, failed)?;
            sure.iter()
                .rev()
                .try_fold(last.unwrap_or(no), |next, operand| branches(code, operand, yes, next, failed))
        }
        TypedNode::Choose(parts) => {
            let [question, then, otherwise] = &**parts;
            let then = branches(code, then, yes, no, failed)?;
            let otherwise = branches(code, otherwise, yes, no, failed)?;
            branches(code, question, then, otherwise, failed)
        }
        TypedNode::In(operand, list)
            if operand.kind != Kind::String && code.numbers(*list).len() <= PAIRED =>
        {
            let TypedNode::Fact(place) = operand.node else {
                return block(code, &[test], Operation::And, yes, no, failed);
            };
            Ok(pairs(code, place, *list, yes, no))
        }
        _ => match simple(test) {
            Some(Asked { test, opposite: false }) => Ok(code.add_branch(test, yes, no)),
            Some(Asked { test, opposite: true }) => Ok(code.add_branch(test, no, yes)),
            None => block(code, &[test], Operation::And, yes, no, failed),
        },
    }
}

/// Up to this length the numbers of a list are asked for two at a time.
const PAIRED: usize = 4;

/// Branches that lead to `yes` where the list has the fact, two numbers each.
fn pairs(code: &mut Code, place: Place, list: List, yes: Exit, no: Exit) -> Exit {
    let numbers: ArrayVec<i64, PAIRED> = code.numbers(list).iter().copied().collect();
    numbers.rchunks(2).fold(no, |next, pair| {
        let test = match *pair {
            [one, other] => Test::Either(place, one, other),
            _ => Test::Within(place, pair[0], pair[0]),
        };
        code.add_branch(test, yes, next)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Junction {
    And,
    Or,
}

/// The operands of a chain of `&&` or of `||`: those that cannot fail, from cheap to dear, and the others.
fn operands(test: &Typed, junction: Junction) -> (Vec<&Typed>, Vec<&Typed>) {
    let mut all = Vec::new();
    let mut open = vec![test];
    while let Some(test) = open.pop() {
        match (&test.node, junction) {
            (TypedNode::And(left, right), Junction::And) | (TypedNode::Or(left, right), Junction::Or) => {
                open.extend([&**right, &**left]);
            }
            _ => all.push(test),
        }
    }
    let (unsure, mut sure): (Vec<_>, Vec<_>) = all.into_iter().partition(|test| test.can_fail());
    sure.sort_by_key(|test| cost(test));
    (sure, unsure)
}

/// How dear an expression is to evaluate, in comparisons of integers.
fn cost(test: &Typed) -> usize {
    match &test.node {
        TypedNode::Number(_) | TypedNode::Text(_) => 0,
        TypedNode::Fact(_) | TypedNode::Required(_) | TypedNode::Has(_) => 1,
        TypedNode::Not(operand) => cost(operand),
        TypedNode::Negate(operand) => 4 + cost(operand),
        TypedNode::In(operand, _) => (if operand.kind == Kind::String { 8 } else { 2 }) + cost(operand),
        TypedNode::Size(operand) => 8 + cost(operand),
        TypedNode::And(left, right) | TypedNode::Or(left, right) => cost(left) + cost(right),
        TypedNode::Compare(_, left, right) => {
            (if left.kind == Kind::String { 3 } else { 0 }) + cost(left) + cost(right)
        }
        TypedNode::Calculate(_, left, right) => 4 + cost(left) + cost(right),
        TypedNode::Call(_, left, right) => 8 + cost(left) + cost(right),
        TypedNode::Choose(parts) => 1 + parts.iter().map(cost).sum::<usize>(),
    }
}

/// Branches for the operands that can fail, if there are any. A single one is asked like any other; more
/// are joined in one block, where an error may wait for what outweighs it.
fn in_block(
    code: &mut Code,
    unsure: &[&Typed],
    join: Operation,
    yes: Exit,
    no: Exit,
    failed: Exit,
) -> Result<Option<Exit>, TooDeep> {
    Ok(match unsure {
        [] => None,
        [one] => Some(branches(code, one, yes, no, failed)?),
        several => Some(block(code, several, join, yes, no, failed)?),
    })
}

fn block(
    code: &mut Code,
    operands: &[&Typed],
    join: Operation,
    yes: Exit,
    no: Exit,
    failed: Exit,
) -> Result<Exit, TooDeep> {
    let start = code.operations.len();
    let mut depth = 0;
    for (index, operand) in operands.iter().enumerate() {
        depth = depth.max(usize::from(index > 0) + operations(code, operand));
        if index > 0 {
            code.operations.push(join);
        }
    }
    if depth > MAX_STACK {
        return Err(TooDeep);
    }
    let block = code.block_since(start);
    Ok(code.add_branch(Test::Computed(block, failed), yes, no))
}

/// Writes the operations of one expression. Gives back how much of the stack they need.
fn operations(code: &mut Code, typed: &Typed) -> usize {
    let text = typed.kind == Kind::String;
    let (depth, operation) = match &typed.node {
        TypedNode::Number(number) => (1, Operation::Number(*number)),
        TypedNode::Text(text) => (1, Operation::Text(*text)),
        TypedNode::Fact(place) if text => (1, Operation::TextFact(*place)),
        TypedNode::Fact(place) => (1, Operation::NumberFact(*place)),
        TypedNode::Required(place) if text => (1, Operation::RequiredText(*place)),
        TypedNode::Required(place) => (1, Operation::RequiredNumber(*place)),
        TypedNode::Has(place) => (1, Operation::Has(*place)),
        TypedNode::Not(operand) => (operations(code, operand), Operation::Not),
        TypedNode::Negate(operand) => (operations(code, operand), Operation::Negate),
        TypedNode::Size(operand) => (operations(code, operand), Operation::Size),
        TypedNode::In(operand, list) if operand.kind == Kind::String => {
            (operations(code, operand), Operation::TextIn(*list))
        }
        TypedNode::In(operand, list) => (operations(code, operand), Operation::NumberIn(*list)),
        TypedNode::And(left, right) => (pair(code, left, right), Operation::And),
        TypedNode::Or(left, right) => (pair(code, left, right), Operation::Or),
        TypedNode::Compare(comparison, left, right) if left.kind == Kind::String => {
            (pair(code, left, right), Operation::CompareTexts(*comparison))
        }
        TypedNode::Compare(comparison, left, right) => {
            (pair(code, left, right), Operation::CompareNumbers(*comparison))
        }
        TypedNode::Calculate(calculation, left, right) => {
            (pair(code, left, right), Operation::Calculate(*calculation))
        }
        TypedNode::Call(function, text, argument) => (pair(code, text, argument), Operation::Call(*function)),
        TypedNode::Choose(parts) => {
            let [question, then, otherwise] = &**parts;
            let depth = operations(code, question).max(1 + operations(code, then));
            (depth.max(2 + operations(code, otherwise)), Operation::Choose)
        }
    };
    code.operations.push(operation);
    depth
}

/// Operations of two operands, of which the first waits on the stack for the second.
fn pair(code: &mut Code, left: &Typed, right: &Typed) -> usize {
    operations(code, left).max(1 + operations(code, right))
}

/// A test that fits into a branch, or the opposite of one.
struct Asked {
    test: Test,
    opposite: bool,
}

impl Asked {
    fn plain(test: Test) -> Option<Asked> {
        Some(Asked { test, opposite: false })
    }
}

fn simple(test: &Typed) -> Option<Asked> {
    match &test.node {
        TypedNode::In(operand, list) => {
            let TypedNode::Fact(place) = operand.node else { return None };
            Asked::plain(match operand.kind {
                Kind::String => Test::TextIn(place, *list),
                Kind::Int | Kind::Bool => Test::NumberIn(place, *list),
            })
        }
        TypedNode::Call(function, text, argument) => match (&text.node, &argument.node) {
            (TypedNode::Fact(place), TypedNode::Text(argument)) => {
                Asked::plain(Test::Call(*function, *place, *argument))
            }
            _ => None,
        },
        TypedNode::Compare(comparison, left, right) => match (&left.node, &right.node) {
            (TypedNode::Fact(place), TypedNode::Number(number)) => within(*place, *comparison, *number),
            (TypedNode::Number(number), TypedNode::Fact(place)) => {
                within(*place, comparison.turned(), *number)
            }
            (TypedNode::Fact(place), TypedNode::Text(text))
            | (TypedNode::Text(text), TypedNode::Fact(place)) => {
                let opposite = match comparison {
                    Comparison::Equal => false,
                    Comparison::NotEqual => true,
                    _ => return None,
                };
                Some(Asked { test: Test::TextIs(*place, *text), opposite })
            }
            (TypedNode::Fact(first), TypedNode::Fact(second)) if left.kind != Kind::String => {
                let (test, opposite) = match comparison {
                    Comparison::Equal => (Test::Same(*first, *second), false),
                    Comparison::NotEqual => (Test::Same(*first, *second), true),
                    Comparison::Less => (Test::Less(*first, *second), false),
                    Comparison::GreaterOrEqual => (Test::Less(*first, *second), true),
                    Comparison::Greater => (Test::Less(*second, *first), false),
                    Comparison::LessOrEqual => (Test::Less(*second, *first), true),
                };
                Some(Asked { test, opposite })
            }
            _ => None,
        },
        _ => None,
    }
}

/// A comparison as a range.
fn within(place: Place, comparison: Comparison, number: i64) -> Option<Asked> {
    let (low, high, opposite) = match comparison {
        Comparison::Equal => (number, number, false),
        Comparison::NotEqual => (number, number, true),
        Comparison::LessOrEqual => (i64::MIN, number, false),
        Comparison::Greater => (i64::MIN, number, true),
        Comparison::GreaterOrEqual => (number, i64::MAX, false),
        Comparison::Less => (number, i64::MAX, true),
    };
    Some(Asked { test: Test::Within(place, low, high), opposite })
}
