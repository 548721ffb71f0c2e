/// One data element as the message writes it.
pub(crate) struct Element {
    pub(crate) number: u8,
    pub(crate) kind: Kind,
    pub(crate) length: Length,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Digits,
    Track,
    Text,
    Binary,
}

#[derive(Clone, Copy)]
pub(crate) enum Length {
    Fixed(u16),
    Variable { digits: u8, max: u16 },
}

/// The layout of the message. Every peer that takes a layout gets one made from this table, so that all
/// look at the same elements; `iso8583-core` and ours bring their own.
pub(crate) const LAYOUT: [Element; 21] = [
    variable(2, Kind::Digits, 2, 19),
    fixed(3, Kind::Digits, 6),
    fixed(4, Kind::Digits, 12),
    fixed(7, Kind::Digits, 10),
    fixed(11, Kind::Digits, 6),
    fixed(12, Kind::Digits, 6),
    fixed(13, Kind::Digits, 4),
    fixed(14, Kind::Digits, 4),
    fixed(18, Kind::Digits, 4),
    fixed(22, Kind::Digits, 3),
    fixed(23, Kind::Digits, 3),
    fixed(25, Kind::Digits, 2),
    variable(32, Kind::Digits, 2, 11),
    variable(35, Kind::Track, 2, 37),
    fixed(37, Kind::Text, 12),
    fixed(41, Kind::Text, 8),
    fixed(42, Kind::Text, 15),
    fixed(43, Kind::Text, 40),
    fixed(49, Kind::Text, 3),
    fixed(52, Kind::Binary, 8),
    variable(55, Kind::Binary, 3, 999),
];

const fn fixed(number: u8, kind: Kind, length: u16) -> Element {
    Element { number, kind, length: Length::Fixed(length) }
}

const fn variable(number: u8, kind: Kind, digits: u8, max: u16) -> Element {
    Element { number, kind, length: Length::Variable { digits, max } }
}
