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
}

/// Reads a condition by the CEL grammar. One mistake at most: after it, the rest cannot be trusted.
pub(crate) fn parse(source: &str) -> Result<Expression, Fault> {
    let tokens = tokens(source)?;
    let end = Span { start: source.trim_end().len(), end: source.trim_end().len() };
    let mut parser = Parser { tokens: &tokens, end, nesting: 0, operators: 0 };
    let expression = parser.binary(Precedence::Or)?;
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

    /// An operand and the functions called on it.
    fn member(&mut self) -> Result<Expression, Fault> {
        let mut operand = self.primary()?;
        while self.take(".").is_some() {
            self.count_operator()?;
            let Some(Token { kind: TokenKind::Name(function), span }) = self.tokens.first() else {
                return Err(self.missing("a function after the point"));
            };
            self.advance();
            self.expect("(", "facts have no fields; a function is called with `(…)`")?;
            operand = self.call(Some(operand), function, *span)?;
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
        let inner = self.nested(|parser| parser.binary(Precedence::Or))?;
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
            expressions.push(self.binary(Precedence::Or)?);
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
