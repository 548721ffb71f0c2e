use crate::error::{Fault, Span};
use crate::limits::{MAX_NESTING, MAX_OPERATORS};
use crate::token::{Token, TokenKind, tokens};

/// A condition as written, before anything is known about its types.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(crate) span: Span,
    pub(crate) node: Node,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Int(i64),
    Bool(bool),
    String(String),
    /// A fact, if there is one of this name.
    Name(String),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    Call(Call),
    /// `operand.name`
    Field(Box<Expression>, String),
    /// `question ? then : otherwise`
    Choose(Box<[Expression; 3]>),
}

/// `receiver.function(arguments)`; a function called by itself has no receiver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) receiver: Option<Box<Expression>>,
    pub(crate) function: String,
    pub(crate) function_span: Span,
    pub(crate) arguments: Vec<Expression>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Compare(Comparison),
    Calculate(Calculation),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Calculation {
    /// As written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Calculation::Add => "+",
            Calculation::Subtract => "-",
            Calculation::Multiply => "*",
            Calculation::Divide => "/",
            Calculation::Remainder => "%",
        }
    }
}

/// Reads a condition by the CEL grammar. One mistake at most: after it, the rest cannot be trusted.
pub(crate) fn parse(source: &str) -> Result<Expression, Fault> {
    let tokens = tokens(source)?;
    let end = Span { start: source.trim_end().len(), end: source.trim_end().len() };
    let mut parser = Parser { tokens: &tokens, end, nesting: 0, operators: 0 };
    let expression = parser.expression()?;
    match parser.tokens.first() {
        None => Ok(expression),
        Some(token) => Err(stray(token)),
    }
}

/// From loose to tight. All binary operators group from the left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Or,
    And,
    Relation,
    Sum,
    Product,
    Unary,
}

impl Precedence {
    fn tighter(self) -> Precedence {
        match self {
            Precedence::Or => Precedence::And,
            Precedence::And => Precedence::Relation,
            Precedence::Relation => Precedence::Sum,
            Precedence::Sum => Precedence::Product,
            Precedence::Product | Precedence::Unary => Precedence::Unary,
        }
    }
}

/// What may stand between two operands.
#[derive(Clone, Copy)]
enum Infix {
    Operator(Operator),
    In,
}

struct Parser<'t, 's> {
    /// What is still to be read.
    tokens: &'t [Token<'s>],
    /// Where the text ends, for what is missing there.
    end: Span,
    nesting: usize,
    operators: usize,
}

impl Parser<'_, '_> {
    /// A whole expression: operands, or a choice between two. The last part of a choice may be another
    /// choice, and the others are when they stand in parentheses.
    fn expression(&mut self) -> Result<Expression, Fault> {
        let question = self.binary(Precedence::Or)?;
        if !self.tokens.first().is_some_and(|token| token.kind == TokenKind::Symbol("?")) {
            return Ok(question);
        }
        self.count_operator()?;
        let then = self.nested(|parser| parser.binary(Precedence::Or))?;
        self.expect(":", "a choice is written `question ? one : other`")?;
        let otherwise = self.nested(Parser::expression)?;
        let span = question.span.to(otherwise.span);
        Ok(Expression { span, node: Node::Choose(Box::new([question, then, otherwise])) })
    }

    /// Operands joined by operators at least as tight as `loosest`.
    fn binary(&mut self, loosest: Precedence) -> Result<Expression, Fault> {
        let mut left = self.unary()?;
        while let Some((infix, precedence)) = self.infix()
            && precedence >= loosest
        {
            self.count_operator()?;
            left = match infix {
                Infix::Operator(operator) => {
                    let right = self.binary(precedence.tighter())?;
                    let span = left.span.to(right.span);
                    Expression { span, node: Node::Binary(operator, Box::new(left), Box::new(right)) }
                }
                Infix::In => {
                    self.expect("[", "`in` is followed by a list, such as `[1, 2]`")?;
                    let (elements, close) = self.nested(|parser| parser.expressions("]"))?;
                    Expression { span: left.span.to(close), node: Node::In(Box::new(left), elements) }
                }
            };
        }
        Ok(left)
    }

    fn infix(&self) -> Option<(Infix, Precedence)> {
        let comparison = |kind| (Infix::Operator(Operator::Compare(kind)), Precedence::Relation);
        let calculation = |kind, precedence| (Infix::Operator(Operator::Calculate(kind)), precedence);
        Some(match self.tokens.first()?.kind {
            TokenKind::Symbol("||") => (Infix::Operator(Operator::Or), Precedence::Or),
            TokenKind::Symbol("&&") => (Infix::Operator(Operator::And), Precedence::And),
            TokenKind::Symbol("==") => comparison(Comparison::Equal),
            TokenKind::Symbol("!=") => comparison(Comparison::NotEqual),
            TokenKind::Symbol("<") => comparison(Comparison::Less),
            TokenKind::Symbol("<=") => comparison(Comparison::LessOrEqual),
            TokenKind::Symbol(">") => comparison(Comparison::Greater),
            TokenKind::Symbol(">=") => comparison(Comparison::GreaterOrEqual),
            TokenKind::Name("in") => (Infix::In, Precedence::Relation),
            TokenKind::Symbol("+") => calculation(Calculation::Add, Precedence::Sum),
            TokenKind::Symbol("-") => calculation(Calculation::Subtract, Precedence::Sum),
            TokenKind::Symbol("*") => calculation(Calculation::Multiply, Precedence::Product),
            TokenKind::Symbol("/") => calculation(Calculation::Divide, Precedence::Product),
            TokenKind::Symbol("%") => calculation(Calculation::Remainder, Precedence::Product),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        let Some(token) = self.tokens.first() else { return self.member() };
        let span = token.span;
        match token.kind {
            TokenKind::Symbol("!") => {
                self.advance();
                let operand = self.nested(Parser::unary)?;
                Ok(Expression { span: span.to(operand.span), node: Node::Not(Box::new(operand)) })
            }
            TokenKind::Symbol("-") => {
                self.advance();
                self.negative(span)
            }
            _ => self.member(),
        }
    }

    /// What follows a minus. The sign belongs to a literal, because the least integer has no
    /// positive counterpart that could be negated.
    fn negative(&mut self, minus: Span) -> Result<Expression, Fault> {
        if let Some(Token { kind: TokenKind::Int(magnitude), span }) = self.tokens.first() {
            let span = minus.to(*span);
            self.advance();
            let number = 0i64.checked_sub_unsigned(*magnitude).ok_or_else(|| too_large(span))?;
            return Ok(Expression { span, node: Node::Int(number) });
        }
        let operand = self.nested(Parser::unary)?;
        Ok(Expression { span: minus.to(operand.span), node: Node::Negate(Box::new(operand)) })
    }

    /// An operand with its fields and the functions called on it.
    fn member(&mut self) -> Result<Expression, Fault> {
        let mut operand = self.primary()?;
        while self.tokens.first().is_some_and(|token| token.kind == TokenKind::Symbol(".")) {
            self.count_operator()?;
            let Some(Token { kind: TokenKind::Name(function), span }) = self.tokens.first() else {
                return Err(self.missing("a field or a function after the point"));
            };
            self.advance();
            operand = if self.take("(").is_some() {
                self.call(Some(operand), function, *span)?
            } else {
                let whole = operand.span.to(*span);
                Expression { span: whole, node: Node::Field(Box::new(operand), (*function).into()) }
            };
        }
        Ok(operand)
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        let Some(token) = self.tokens.first() else { return Err(self.missing("a fact or a literal")) };
        let span = token.span;
        let node = match &token.kind {
            TokenKind::Int(magnitude) => Node::Int(i64::try_from(*magnitude).map_err(|_| too_large(span))?),
            TokenKind::String(text) => Node::String(text.clone()),
            TokenKind::Name("true") => Node::Bool(true),
            TokenKind::Name("false") => Node::Bool(false),
            TokenKind::Name("in") => return Err(self.missing("a fact or a literal")),
            TokenKind::Name(name) => {
                self.advance();
                if self.take("(").is_some() {
                    return self.call(None, name, span);
                }
                return Ok(Expression { span, node: Node::Name((*name).into()) });
            }
            TokenKind::Symbol("(") => return self.parenthesis(),
            TokenKind::Symbol("[") => {
                return Err(Fault::hinted(span, "a list cannot stand here", "lists follow `in`"));
            }
            TokenKind::Symbol(_) => return Err(self.missing("a fact or a literal")),
        };
        self.advance();
        Ok(Expression { span, node })
    }

    fn parenthesis(&mut self) -> Result<Expression, Fault> {
        let open = self.expect("(", "")?;
        let inner = self.nested(Parser::expression)?;
        let close = self.expect(")", "a parenthesis is not closed")?;
        Ok(Expression { span: open.to(close), node: inner.node })
    }

    /// The rest of a call, after its opening parenthesis.
    fn call(
        &mut self,
        receiver: Option<Expression>,
        function: &str,
        function_span: Span,
    ) -> Result<Expression, Fault> {
        let (arguments, close) = self.nested(|parser| parser.expressions(")"))?;
        let start = receiver.as_ref().map_or(function_span, |receiver| receiver.span);
        let receiver = receiver.map(Box::new);
        let call = Call { receiver, function: function.into(), function_span, arguments };
        Ok(Expression { span: start.to(close), node: Node::Call(call) })
    }

    /// Expressions between commas up to `close`, and where that stands. As in CEL, a comma may
    /// follow the last one.
    fn expressions(&mut self, close: &'static str) -> Result<(Vec<Expression>, Span), Fault> {
        let mut expressions = Vec::new();
        loop {
            if let Some(span) = self.take(close) {
                return Ok((expressions, span));
            }
            expressions.push(self.expression()?);
            if self.take(",").is_none() {
                let hint = if close == "]" { "a list is not closed" } else { "a call is not closed" };
                return Ok((expressions, self.expect(close, hint)?));
            }
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.nesting == MAX_NESTING {
            let message = format!("nested more than {MAX_NESTING} deep");
            return Err(Fault::hinted(self.here(), message, "split the rule in two"));
        }
        self.nesting += 1;
        let result = read(self)?;
        self.nesting -= 1;
        Ok(result)
    }

    /// Passes over an operator.
    fn count_operator(&mut self) -> Result<(), Fault> {
        if self.operators == MAX_OPERATORS {
            let message = format!("more than {MAX_OPERATORS} operators");
            return Err(Fault::hinted(self.here(), message, "split the rule in two, or use `in [ … ]`"));
        }
        self.operators += 1;
        self.advance();
        Ok(())
    }

    fn take(&mut self, symbol: &'static str) -> Option<Span> {
        let token = self.tokens.first()?;
        if token.kind != TokenKind::Symbol(symbol) {
            return None;
        }
        self.advance();
        Some(token.span)
    }

    fn expect(&mut self, symbol: &'static str, hint: &str) -> Result<Span, Fault> {
        let here = self.here();
        self.take(symbol).ok_or_else(|| Fault::hinted(here, format!("`{symbol}` is missing here"), hint))
    }

    fn advance(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or(&[]);
    }

    fn here(&self) -> Span {
        self.tokens.first().map_or(self.end, |token| token.span)
    }

    fn missing(&self, what: &str) -> Fault {
        Fault::new(self.here(), format!("{what} is missing here"))
    }
}

/// A token after a whole condition.
fn stray(token: &Token<'_>) -> Fault {
    let hint = match token.kind {
        TokenKind::Name("and" | "AND") => "`and` is `&&`",
        TokenKind::Name("or" | "OR") => "`or` is `||`",
        TokenKind::Name("not" | "NOT") => "`not` is `!`",
        TokenKind::Symbol(")" | "]") => "nothing is open that this could close",
        _ => "join conditions with `&&` or `||`",
    };
    Fault::hinted(token.span, "an operator is missing here", hint)
}

fn too_large(span: Span) -> Fault {
    Fault::new(span, "the number does not fit into 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes every operation in parentheses, operator first, which shows how the text was grouped.
    fn grouped(expression: &Expression) -> String {
        let list = |elements: &[Expression]| elements.iter().map(grouped).collect::<Vec<_>>().join(" ");
        match &expression.node {
            Node::Int(number) => number.to_string(),
            Node::Bool(constant) => constant.to_string(),
            Node::String(text) => format!("{text:?}"),
            Node::Name(name) => name.clone(),
            Node::Not(operand) => format!("(! {})", grouped(operand)),
            Node::Negate(operand) => format!("(neg {})", grouped(operand)),
            Node::Binary(operator, left, right) => {
                format!("({} {} {})", sign(*operator), grouped(left), grouped(right))
            }
            Node::In(operand, elements) => format!("(in {} [{}])", grouped(operand), list(elements)),
            Node::Call(call) => {
                let receiver = call.receiver.as_ref().map_or("-".into(), |receiver| grouped(receiver));
                format!("({} {receiver} [{}])", call.function, list(&call.arguments))
            }
            Node::Field(operand, name) => format!("(. {} {name})", grouped(operand)),
            Node::Choose(parts) => {
                let [question, then, otherwise] = &**parts;
                format!("(? {} {} {})", grouped(question), grouped(then), grouped(otherwise))
            }
        }
    }

    fn sign(operator: Operator) -> &'static str {
        match operator {
            Operator::Or => "||",
            Operator::And => "&&",
            Operator::Compare(Comparison::Equal) => "==",
            Operator::Compare(Comparison::NotEqual) => "!=",
            Operator::Compare(Comparison::Less) => "<",
            Operator::Compare(Comparison::LessOrEqual) => "<=",
            Operator::Compare(Comparison::Greater) => ">",
            Operator::Compare(Comparison::GreaterOrEqual) => ">=",
            Operator::Calculate(calculation) => calculation.sign(),
        }
    }

    fn check(source: &str, expect: &str) {
        assert_eq!(grouped(&parse(source).unwrap()), expect, "{source}");
    }

    fn refused(source: &str, marked: &str, message: &str) {
        let fault = parse(source).unwrap_err();
        let actual = (&source[fault.span.start..fault.span.end], fault.message.as_str());
        assert_eq!(actual, (marked, message), "{source}");
    }

    #[test]
    fn operators_group_as_in_cel() {
        check("a || b && c", "(|| a (&& b c))");
        check("a && b || c && d", "(|| (&& a b) (&& c d))");
        check("a || b || c", "(|| (|| a b) c)");
        check("a - b - c", "(- (- a b) c)");
        check("a + b * c - d", "(- (+ a (* b c)) d)");
        check("a < b == c", "(== (< a b) c)");
        check("a + 1 <= b && c", "(&& (<= (+ a 1) b) c)");
        check("a != b || c > d && e >= f", "(|| (!= a b) (&& (> c d) (>= e f)))");
        check("!a == b", "(== (! a) b)");
        check("!!a", "(! (! a))");
        check("(a || b) && c", "(&& (|| a b) c)");
    }

    #[test]
    fn choices_and_fields() {
        check("a ? b : c", "(? a b c)");
        check("a || b ? c && d : e ? f : g", "(? (|| a b) (&& c d) (? e f g))");
        check("(a ? b : c) ? d : (e ? f : g)", "(? (? a b c) d (? e f g))");
        check("f(a ? b : c)", "(f - [(? a b c)])");
        check("a / b % c * d", "(* (% (/ a b) c) d)");
        check("request.a + 1 > has(request.b)", "(> (+ (. request a) 1) (has - [(. request b)]))");
        check("a.b.f().c", "(. (f (. a b) []) c)");
    }

    #[test]
    fn minus_is_a_sign_or_an_operator() {
        check("a-1", "(- a 1)");
        check("a - -1", "(- a -1)");
        check("-a * b", "(* (neg a) b)");
        check("-(1)", "(neg 1)");
        check("-9223372036854775808", "-9223372036854775808");
        check("9223372036854775807", "9223372036854775807");
        refused("9223372036854775808", "9223372036854775808", "the number does not fit into 64 bits");
        refused("a > - 9223372036854775809", "- 9223372036854775809", "the number does not fit into 64 bits");
    }

    #[test]
    fn lists_and_calls() {
        check("a in [1, 2,] == true", "(== (in a [1 2]) true)");
        check("a + 1 in []", "(in (+ a 1) [])");
        check("a.startsWith('x') && b", "(&& (startsWith a [\"x\"]) b)");
        check("!a.startsWith('x')", "(! (startsWith a [\"x\"]))");
        check("size(a) > 1", "(> (size - [a]) 1)");
        check("(a).f().g(b, 1)", "(g (f a []) [b 1])");
    }

    #[test]
    fn the_place_of_a_mistake_is_marked() {
        refused("", "", "a fact or a literal is missing here");
        refused("a &&  ", "", "a fact or a literal is missing here");
        refused("a && )", ")", "a fact or a literal is missing here");
        refused("in [1]", "in", "a fact or a literal is missing here");
        refused("a b", "b", "an operator is missing here");
        refused("a and b", "and", "an operator is missing here");
        refused("a )", ")", "an operator is missing here");
        refused("(a || b", "", "`)` is missing here");
        refused("a in b", "b", "`[` is missing here");
        refused("a in [1 2]", "2", "`]` is missing here");
        refused("a in [,]", ",", "a fact or a literal is missing here");
        refused("a == [1]", "[", "a list cannot stand here");
        refused("a.'b'", "'b'", "a field or a function after the point is missing here");
        refused("a ? b", "", "`:` is missing here");
        refused("a ? b ? c : d : e", "?", "`:` is missing here");
        refused("a : b", ":", "an operator is missing here");
    }

    #[test]
    fn depth_and_length_have_limits() {
        let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        check(&nested(MAX_NESTING), "a");
        refused(&nested(MAX_NESTING + 1), "a", "nested more than 32 deep");
        refused(&"!".repeat(4096), "!", "nested more than 32 deep");
        refused(&"a in [".repeat(600), "a", "nested more than 32 deep");

        let sum = |operators| format!("1{}", "+1".repeat(operators));
        assert!(parse(&sum(MAX_OPERATORS)).is_ok());
        refused(&sum(MAX_OPERATORS + 1), "+", "more than 256 operators");
        refused(&format!("a{}", ".f()".repeat(300)), ".", "more than 256 operators");
    }
}
