//! The type of a data element as the standard writes it: `n6`, `n..19`, `ans...999`, `b8`, `x+n8`.

use super::{FieldSpec, Length};
use crate::{Class, Encoding};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while_m_n};
use nom::character::complete::u32 as number;
use nom::combinator::{all_consuming, map, value};
use nom::{IResult, Parser};

/// Class and length, in bytes for `b` and in characters for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Notation {
    pub(super) class: Class,
    pub(super) length: Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Fixed(u32),
    /// Digits of the prefix, one for each dot.
    Variable {
        digits: u8,
        max: u32,
    },
    /// `*`: all that is left.
    Rest,
}

/// Most digits that a length prefix may have.
const LONGEST_PREFIX: usize = 6;

/// Reads a type, or `None` when it is none.
pub(super) fn read(text: &str) -> Option<Notation> {
    let parsed: IResult<&str, Notation> =
        all_consuming(map((class, size), |(class, length)| Notation { class, length })).parse(text);
    parsed.ok().map(|(_, notation)| notation)
}

fn class(input: &str) -> IResult<&str, Class> {
    // The longer name first: `ans` begins with `an`.
    alt((
        value(Class::Xn, tag("x+n")),
        value(Class::Ans, tag("ans")),
        value(Class::Any, tag("any")),
        value(Class::An, tag("an")),
        value(Class::As, tag("as")),
        value(Class::Ns, tag("ns")),
        value(Class::A, tag("a")),
        value(Class::N, tag("n")),
        value(Class::Z, tag("z")),
        value(Class::H, tag("h")),
        value(Class::B, tag("b")),
    ))
    .parse(input)
}

fn size(input: &str) -> IResult<&str, Size> {
    let dots = take_while_m_n(1, LONGEST_PREFIX, |character| character == '.');
    alt((
        value(Size::Rest, tag("*")),
        map((dots, number), |(dots, max): (&str, u32)| Size::Variable { digits: dots.len() as u8, max }),
        map(number, Size::Fixed),
    ))
    .parse(input)
}

/// The type of a specification, as [`read`] takes it.
pub(super) fn write(spec: &FieldSpec) -> String {
    let hex = matches!(spec.encoding, Encoding::Hex(_));
    let given = |units: u32| match spec.class {
        Class::Xn => units - 1,
        // An odd largest number of characters is the largest that the prefix can say.
        Class::B if hex => units.div_ceil(2),
        _ => units,
    };
    match spec.length {
        Length::Fixed(units) => format!("{}{}", spec.class, given(units.into())),
        Length::Variable { max } => {
            format!("{}{}{}", spec.class, ".".repeat(spec.prefix.digits.into()), given(max))
        }
        Length::Rest => format!("{}*", spec.class),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_standard() {
        let check = |text: &str, class, length| {
            assert_eq!(read(text), Some(Notation { class, length }), "{text}");
        };
        check("n6", Class::N, Size::Fixed(6));
        check("n..19", Class::N, Size::Variable { digits: 2, max: 19 });
        check("an.5", Class::An, Size::Variable { digits: 1, max: 5 });
        check("ans...999", Class::Ans, Size::Variable { digits: 3, max: 999 });
        check("any..37", Class::Any, Size::Variable { digits: 2, max: 37 });
        check("as..9", Class::As, Size::Variable { digits: 2, max: 9 });
        check("ns..28", Class::Ns, Size::Variable { digits: 2, max: 28 });
        check("a3", Class::A, Size::Fixed(3));
        check("b......999999", Class::B, Size::Variable { digits: 6, max: 999_999 });
        check("x+n8", Class::Xn, Size::Fixed(8));
        check("z..37", Class::Z, Size::Variable { digits: 2, max: 37 });
        check("h16", Class::H, Size::Fixed(16));
        check("ans*", Class::Ans, Size::Rest);
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "n", "6", "N6", "n-6", "n..", "n.......9", "n6 ", "n6..9", "q5", "n99999999999", "*"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
