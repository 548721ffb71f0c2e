use crate::error::{Fault, Span};
use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_while_m_n};
use nom::character::complete::{char, digit1, multispace1, none_of, one_of, satisfy};
use nom::combinator::{cut, map, map_opt, opt, recognize, value, verify};
use nom::error::{ErrorKind, ParseError};
use nom::multi::{fold_many0, many0_count};
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};

/// A word of the rule language and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'s> {
    pub(crate) kind: TokenKind<'s>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind<'s> {
    /// Digits without a sign: `-` is an operator of its own, as in `hour-1`.
    Int(u64),
    /// Text between quotes, escapes resolved.
    String(String),
    /// A fact, a function or a keyword.
    Name(&'s str),
    /// An operator or a bracket.
    Symbol(&'static str),
}

/// Splits a condition into its words.
pub(crate) fn tokens(source: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = skip_blank(source);
    while !rest.is_empty() {
        let (after, kind) = token(rest).map_err(|error| fault(source, error))?;
        let span = Span { start: source.len() - rest.len(), end: source.len() - after.len() };
        tokens.push(Token { kind, span });
        rest = skip_blank(after);
    }
    Ok(tokens)
}

/// What a parser could not read: the text from there on, how much of it to mark, and why.
struct Unreadable<'s> {
    rest: &'s str,
    marked: usize,
    message: &'static str,
    hint: Option<&'static str>,
}

type Read<'s, T> = IResult<&'s str, T, Unreadable<'s>>;

fn token(input: &str) -> Read<'_, TokenKind<'_>> {
    alt((
        map(string, TokenKind::String),
        map(integer, TokenKind::Int),
        map(name, TokenKind::Name),
        map(symbol, TokenKind::Symbol),
        foreign,
    ))
    .parse(input)
}

/// Blanks and comments, which mean nothing.
fn skip_blank(input: &str) -> &str {
    let comment = recognize(pair(tag("//"), opt(is_not("\n"))));
    let blanks: Read<'_, usize> = many0_count(alt((multispace1, comment))).parse(input);
    blanks.map_or(input, |(rest, _)| rest)
}

fn name(input: &str) -> Read<'_, &str> {
    let first = satisfy(|c| c.is_ascii_alphabetic() || c == '_');
    recognize(pair(first, many0_count(satisfy(is_name_character)))).parse(input)
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn integer(input: &str) -> Read<'_, u64> {
    let (rest, digits) = digit1(input)?;
    let tail = rest.find(|c| !is_name_character(c) && c != '.').unwrap_or(rest.len());
    if tail > 0 {
        let hint = "amounts are integers of minor units: 12.50 USD is 1250";
        return refuse(input, digits.len() + tail, "not a decimal integer", Some(hint));
    }
    match digits.parse() {
        Ok(number) => Ok((rest, number)),
        Err(_) => refuse(input, digits.len(), "the number does not fit into 64 bits", None),
    }
}

fn string(input: &str) -> Read<'_, String> {
    let (rest, quote) = one_of("'\"")(input)?;
    let (rest, text) = fold_many0(
        |rest| character(quote, rest),
        String::new,
        |mut text, c| {
            text.push(c);
            text
        },
    )
    .parse(rest)?;
    match rest.strip_prefix(quote) {
        Some(rest) => Ok((rest, text)),
        None => refuse(input, input.len() - rest.len(), "the text has no closing quote on its line", None),
    }
}

fn character(quote: char, input: &str) -> Read<'_, char> {
    let plain = satisfy(|c| c != quote && !matches!(c, '\\' | '\n' | '\r'));
    alt((preceded(char('\\'), cut(escape)), plain)).parse(input)
}

/// What may follow a backslash (CEL specification, "String and bytes values").
fn escape(input: &str) -> Read<'_, char> {
    let simple = map_opt(none_of(""), |c| match c {
        '\\' | '\'' | '"' | '`' | '?' => Some(c),
        'a' => Some('\x07'),
        'b' => Some('\x08'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0b'),
        _ => None,
    });
    let octal = verify(code_point(3, 8), |c| *c <= '\u{ff}');
    let short = preceded(one_of("xX"), code_point(2, 16));
    let medium = preceded(char('u'), code_point(4, 16));
    let long = preceded(char('U'), code_point(8, 16));
    let found: Read<'_, char> = alt((simple, octal, short, medium, long)).parse(input);
    found
        .or_else(|_| refuse(input, 1, "no such escape in text", Some("a backslash itself is written `\\\\`")))
}

fn code_point<'s>(digits: usize, radix: u32) -> impl Parser<&'s str, Output = char, Error = Unreadable<'s>> {
    map_opt(take_while_m_n(digits, digits, move |c: char| c.is_digit(radix)), move |digits| {
        u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)
    })
}

fn symbol(input: &str) -> Read<'_, &'static str> {
    // The longer ones first, since `<` is also the beginning of `<=`.
    let double = alt((
        value("==", tag("==")),
        value("!=", tag("!=")),
        value("<=", tag("<=")),
        value(">=", tag(">=")),
        value("&&", tag("&&")),
        value("||", tag("||")),
    ));
    let single = alt((
        value("<", char('<')),
        value(">", char('>')),
        value("!", char('!')),
        value("+", char('+')),
        value("-", char('-')),
        value("*", char('*')),
        value("/", char('/')),
        value("%", char('%')),
        value("?", char('?')),
        value(":", char(':')),
        value(".", char('.')),
        value(",", char(',')),
        value("(", char('(')),
        value(")", char(')')),
        value("[", char('[')),
        value("]", char(']')),
    ));
    alt((double, single)).parse(input)
}

/// Says what to write instead of a character that other languages, or all of CEL, would know.
fn foreign<T>(input: &str) -> Read<'_, T> {
    let hint = match input.chars().next() {
        Some('=') => Some("equality is `==`"),
        Some('&') => Some("`and` is `&&`"),
        Some('|') => Some("`or` is `||`"),
        Some('“' | '”' | '‘' | '’') => Some("text stands between straight quotes"),
        _ => None,
    };
    refuse(input, 1, "this character has no meaning in a rule", hint)
}

/// Fails for good: no other way of reading `rest` would make sense of it.
fn refuse<'s, T>(
    rest: &'s str,
    marked: usize,
    message: &'static str,
    hint: Option<&'static str>,
) -> Read<'s, T> {
    Err(nom::Err::Failure(Unreadable { rest, marked, message, hint }))
}

fn fault(source: &str, error: nom::Err<Unreadable<'_>>) -> Fault {
    let (nom::Err::Error(unreadable) | nom::Err::Failure(unreadable)) = error else {
        return Fault::new(Span::whole(source), "the condition is cut short");
    };
    let start = source.len() - unreadable.rest.len();
    // At least the whole character, so that the span ends between two.
    let character = unreadable.rest.chars().next().map_or(0, char::len_utf8);
    let span = Span { start, end: start + character.max(unreadable.marked.min(unreadable.rest.len())) };
    Fault { span, message: unreadable.message.into(), hint: unreadable.hint.map(Into::into) }
}

impl<'s> ParseError<&'s str> for Unreadable<'s> {
    fn from_error_kind(rest: &'s str, _: ErrorKind) -> Unreadable<'s> {
        Unreadable { rest, marked: 1, message: "this character has no meaning in a rule", hint: None }
    }

    fn append(_: &'s str, _: ErrorKind, other: Unreadable<'s>) -> Unreadable<'s> {
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expect: &[TokenKind<'_>]) {
        let kinds: Vec<_> = tokens(source).unwrap().into_iter().map(|token| token.kind).collect();
        assert_eq!(kinds, expect, "{source}");
    }

    fn refused(source: &str, marked: &str, message: &str) {
        let fault = tokens(source).unwrap_err();
        assert_eq!((&source[fault.span.start..fault.span.end], fault.message.as_str()), (marked, message));
    }

    #[test]
    fn words() {
        use TokenKind::{Int, Name, Symbol};
        check("", &[]);
        check(" hour<=6 // early\n", &[Name("hour"), Symbol("<="), Int(6)]);
        check("hour-1", &[Name("hour"), Symbol("-"), Int(1)]);
        check("//", &[]);
        check("!a&&_b1", &[Symbol("!"), Name("a"), Symbol("&&"), Name("_b1")]);
        check("18446744073709551615", &[Int(u64::MAX)]);
    }

    #[test]
    fn text_and_escapes() {
        let text = |text: &str| TokenKind::String(text.into());
        check(r#"'a"b' "a'b" """#, &[text("a\"b"), text("a'b"), text("")]);
        check(r"'\\ \' \n \x41 \101 \u00e9 \U0001F600'", &[text("\\ ' \n A A é 😀")]);
        check("'// é'", &[text("// é")]);
    }

    #[test]
    fn what_cannot_be_read_is_marked() {
        refused("hour > 6.5", "6.5", "not a decimal integer");
        refused("hour > 0x10", "0x10", "not a decimal integer");
        refused(
            "hour > 99999999999999999999",
            "99999999999999999999",
            "the number does not fit into 64 bits",
        );
        refused("link == 'abc", "'abc", "the text has no closing quote on its line");
        refused("link == 'abc\n'", "'abc", "the text has no closing quote on its line");
        refused(r"link == '\q'", "q", "no such escape in text");
        refused(r"link == '\400'", "4", "no such escape in text");
        refused(r"link == '\ud800'", "u", "no such escape in text");
        refused(r"link == '\", "", "no such escape in text");
        refused("hour = 6", "=", "this character has no meaning in a rule");
        refused("hour > é", "é", "this character has no meaning in a rule");
    }
}
