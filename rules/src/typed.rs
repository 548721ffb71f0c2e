use crate::code::{List, TextIndex};
use crate::facts::{Kind, Place};
use crate::parse::{Calculation, Comparison};

/// An expression whose types fit, ready to become bytecode.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) kind: Kind,
    pub(crate) node: TypedNode,
}

/// Operands are of the types that the checker has seen to.
#[derive(Clone, Debug)]
pub(crate) enum TypedNode {
    /// A literal int, or a bool as 0 or 1.
    Number(i64),
    Text(TextIndex),
    /// A fact by its name: always there.
    Fact(Place),
    /// `request.NAME`: fails where the transaction lacks the fact.
    Required(Place),
    /// `has(request.NAME)`
    Has(Place),
    Not(Box<Typed>),
    Negate(Box<Typed>),
    And(Box<Typed>, Box<Typed>),
    Or(Box<Typed>, Box<Typed>),
    Compare(Comparison, Box<Typed>, Box<Typed>),
    Calculate(Calculation, Box<Typed>, Box<Typed>),
    In(Box<Typed>, List),
    Call(TextFunction, Box<Typed>, Box<Typed>),
    Size(Box<Typed>),
    Choose(Box<[Typed; 3]>),
}

/// A function on text with one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFunction {
    StartsWith,
    EndsWith,
    Contains,
}

impl TextFunction {
    pub(crate) fn named(name: &str) -> Option<TextFunction> {
        Some(match name {
            "startsWith" => TextFunction::StartsWith,
            "endsWith" => TextFunction::EndsWith,
            "contains" => TextFunction::Contains,
            _ => return None,
        })
    }

    #[inline]
    pub(crate) fn apply(self, text: &str, argument: &str) -> bool {
        match self {
            TextFunction::StartsWith => text.starts_with(argument),
            TextFunction::EndsWith => text.ends_with(argument),
            TextFunction::Contains => text.contains(argument),
        }
    }
}

impl Typed {
    pub(crate) fn bool(node: TypedNode) -> Typed {
        Typed { kind: Kind::Bool, node }
    }

    pub(crate) fn int(node: TypedNode) -> Typed {
        Typed { kind: Kind::Int, node }
    }

    pub(crate) fn text(node: TypedNode) -> Typed {
        Typed { kind: Kind::String, node }
    }

    /// Whether its value can be an error, whatever the facts.
    pub(crate) fn can_fail(&self) -> bool {
        match &self.node {
            TypedNode::Required(_) | TypedNode::Negate(_) | TypedNode::Calculate(..) => true,
            TypedNode::Number(_) | TypedNode::Text(_) | TypedNode::Fact(_) | TypedNode::Has(_) => false,
            TypedNode::Not(operand) | TypedNode::In(operand, _) | TypedNode::Size(operand) => {
                operand.can_fail()
            }
            TypedNode::And(left, right)
            | TypedNode::Or(left, right)
            | TypedNode::Compare(_, left, right)
            | TypedNode::Call(_, left, right) => left.can_fail() || right.can_fail(),
            TypedNode::Choose(parts) => parts.iter().any(Typed::can_fail),
        }
    }
}
