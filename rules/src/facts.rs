use card::Currency;

/// Writes [`Facts`], [`FACTS`] and the reading of them from one table, so that a fact's name, type and
/// meaning cannot drift apart. A line reads `name: type`, where `maybe_int` is a fact that a
/// transaction may lack, and for text out of a closed set `of` that set. A new fact is a line here and a
/// line where the core fills [`Facts`] in.
macro_rules! facts {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident $(of $domain:expr)?,)+) => {
        /// What a rule may look at: one transaction as the core sees it at the policy step. Borrows its
        /// text, so filling it costs nothing. [`Facts::default`] is empty text, zeros, `false` and no
        /// fact that may be absent.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Facts<'a> {
            $($(#[doc = $doc])+ pub $name: facts!(@type $kind),)+
        }

        /// Every fact, in the order of the documentation.
        pub const FACTS: &[Fact] = &[
            $(Fact {
                name: stringify!($name),
                doc: concat!($($doc),+).trim_ascii(),
                kind: facts!(@kind $kind),
                optional: facts!(@optional $kind),
                domain: facts!(@domain $($domain)?),
                place: Place(FactName::$name as u8),
            },)+
        ];

        /// A fact by its name, for [`Program::asks`](crate::Program::asks).
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FactName { $($(#[doc = $doc])+ $name,)+ }

        impl<'a> Facts<'a> {
            /// The value of one fact; `None` where it is optional and this transaction lacks it.
            #[must_use]
            pub fn value(&self, fact: &Fact) -> Option<Value<'a>> {
                match fact.name {
                    $(stringify!($name) => facts!(@value $kind, self.$name),)+
                    _ => None,
                }
            }

            /// The facts as the bytecode reads them.
            #[inline]
            pub(crate) fn laid_out(&self) -> Layout<'a> {
                let mut layout = Layout { numbers: [0; FACTS.len()], texts: [""; FACTS.len()], present: 0 };
                $(facts!(@lay $kind, layout, FactName::$name as usize, self.$name);)+
                layout
            }
        }
    };
    (@type int) => { i64 };
    (@type maybe_int) => { Option<i64> };
    (@type bool) => { bool };
    (@type string) => { &'a str };
    (@type maybe_string) => { Option<&'a str> };
    (@kind int) => { Kind::Int };
    (@kind bool) => { Kind::Bool };
    (@kind string) => { Kind::String };
    (@kind maybe_int) => { Kind::Int };
    (@kind maybe_string) => { Kind::String };
    (@optional maybe_int) => { true };
    (@optional maybe_string) => { true };
    (@optional $kind:ident) => { false };
    (@domain) => { Domain::Any };
    (@domain $domain:expr) => { $domain };
    (@value int, $value:expr) => { Some(Value::Int($value)) };
    (@value maybe_int, $value:expr) => { $value.map(Value::Int) };
    (@value bool, $value:expr) => { Some(Value::Bool($value)) };
    (@value string, $value:expr) => { Some(Value::String($value)) };
    (@value maybe_string, $value:expr) => { $value.map(Value::String) };
    (@lay int, $layout:ident, $place:expr, $value:expr) => { $layout.numbers[$place] = $value };
    (@lay maybe_int, $layout:ident, $place:expr, $value:expr) => {
        if let Some(value) = $value {
            $layout.numbers[$place] = value;
            $layout.present |= 1 << $place;
        }
    };
    (@lay bool, $layout:ident, $place:expr, $value:expr) => { $layout.numbers[$place] = i64::from($value) };
    (@lay string, $layout:ident, $place:expr, $value:expr) => { $layout.texts[$place] = $value };
    (@lay maybe_string, $layout:ident, $place:expr, $value:expr) => {
        if let Some(value) = $value {
            $layout.texts[$place] = value;
            $layout.present |= 1 << $place;
        }
    };
}

facts! {
    /// What is asked for.
    transaction: string of Domain::OneOf(&[
        "purchase",
        "withdrawal",
        "balance_inquiry",
        "cashback",
        "cash_advance",
        "refund",
        "deposit",
        "payment",
        "verification",
        "transfer",
        "mini_statement",
    ]),
    /// Whether an approval holds the money (01xx) or posts it (02xx).
    message: string of Domain::OneOf(&["authorization", "financial"]),
    /// Amount in minor units of `currency`: 12.50 USD is 1250.
    amount: int,
    /// Currency of the amount, the alphabetic code of ISO 4217.
    currency: string of Domain::Currency,
    /// Merchant category code of ISO 18245, such as 6011 for an ATM; 0 if unknown.
    mcc: maybe_int,
    /// How the card was read. A fallback is a stripe read from a card whose chip failed.
    entry_mode: string of Domain::OneOf(&[
        "chip",
        "contactless",
        "stripe",
        "fallback",
        "manual",
        "contactless_stripe",
        "ecommerce",
        "credential_on_file",
        "recurring",
        "unknown",
    ]),
    /// Whether the request carries a PIN.
    pin_present: bool,
    /// How the cardholder was verified: by a PIN, their own device, a signature, or not. A device is believed
    /// where the cryptogram covers its word.
    verification: string of Domain::OneOf(&[
        "online_pin",
        "offline_pin",
        "device",
        "signature",
        "none",
        "unknown",
    ]),
    /// Whether the request carries chip data (DE 55).
    chip_present: bool,
    /// Whether an ATM that this switch drives asks for it.
    atm: bool,
    /// Hour of the local business time, 0 to 23.
    hour: int,
    /// Day of the week by the local business time, 1 for Monday to 7 for Sunday.
    weekday: int,
    /// Country of the acquirer, the numeric code of ISO 3166-1; 0 if unknown.
    country: maybe_int,
    /// Country of the terminal by the chip data (9F1A), likewise.
    terminal_country: maybe_int,
    /// Name of the link that brought the request.
    link: string,
    /// Terminal identifier (DE 41).
    terminal: string,
    /// Merchant identifier (DE 42).
    merchant: maybe_string,
    /// First eight digits of the card number.
    bin: string,
    /// Name of the card's product.
    product: string,
    /// Name of the card's scheme, such as `visa`.
    scheme: string,
    /// Months from this one to the last in which the card is valid: 0 in its last month.
    months_to_expiry: int,
    /// Wrong PINs in a row so far, before this transaction.
    wrong_pins: int,
    /// Chip transaction counter (ATC) of this transaction; 0 without chip data.
    atc: maybe_int,
    /// Kind of the account.
    account_kind: string of Domain::OneOf(&["default", "savings", "cheque", "credit"]),
    /// Available balance of the account in minor units of its currency, before this transaction.
    balance_available: int,
    /// Sum counted today against the card's limit for this kind of transaction (withdrawals, or all
    /// others), in minor units of the account's currency, without this one.
    daily_amount: int,
    /// Number of transactions counted likewise, without this one.
    daily_count: int,
    /// Whether a token came in the place of the card.
    token: bool,
    /// Whether the value printed on the card (CVV2) came with the request, which is right then.
    cvv2_present: bool,
    /// What came of comparing the holder's address: both agree, the address, the postal code, neither, or nothing could
    /// be compared.
    address_result: maybe_string of Domain::OneOf(&["Y", "A", "Z", "N", "U"]),
    /// What 3-D Secure said of the holder.
    authentication: maybe_string of Domain::OneOf(&["authenticated", "attempted", "none"]),
    /// Electronic commerce indicator, as sent.
    eci: maybe_int,
    /// Points that the rules before this one have given.
    score: int,
}

const _: () = assert!(FACTS.len() <= u64::BITS as usize, "`Layout::present` has a bit for each fact");

/// Where the running score stands.
pub(crate) const SCORE: Place = Place(FactName::score as u8);

/// One line of the table of facts.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// The name by which rules know it.
    pub name: &'static str,
    /// What it means, with its unit.
    pub doc: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether a transaction may lack it. By its name alone it is then 0 or empty; `request.NAME`
    /// fails, and `has(request.NAME)` is false.
    pub optional: bool,
    /// Which text it can hold.
    pub domain: Domain,
    pub(crate) place: Place,
}

/// The value of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// Text.
    String(&'a str),
}

/// Place of a fact in a [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u8);

impl Place {
    /// The bit of this fact in a set of them.
    pub(crate) fn bit(self) -> u64 {
        1 << self.0
    }
}

impl FactName {
    /// The bit of this fact in a set of them.
    #[inline]
    pub(crate) fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// The facts of one transaction side by side, integers and truth values in one row and text in another.
pub(crate) struct Layout<'a> {
    numbers: [i64; FACTS.len()],
    texts: [&'a str; FACTS.len()],
    /// The optional facts that are there, by bit.
    present: u64,
}

impl<'a> Layout<'a> {
    #[inline]
    pub(crate) fn number(&self, place: Place) -> i64 {
        self.numbers[usize::from(place.0)]
    }

    #[inline]
    pub(crate) fn text(&self, place: Place) -> &'a str {
        self.texts[usize::from(place.0)]
    }

    #[inline]
    pub(crate) fn has(&self, place: Place) -> bool {
        self.present & (1 << place.0) != 0
    }

    pub(crate) fn set_number(&mut self, place: Place, number: i64) {
        self.numbers[usize::from(place.0)] = number;
    }
}

/// Which text a fact can hold. A rule that compares it with other text could never match, which
/// is a mistake at load rather than a rule that silently does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Any text, or no text at all.
    Any,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An alphabetic code of ISO 4217.
    Currency,
}

/// Type of an expression, by its CEL name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A signed integer of 64 bits.
    Int,
    /// A truth value.
    Bool,
    /// Text.
    String,
}

impl Fact {
    /// The fact of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Fact> {
        FACTS.iter().find(|fact| fact.name == name)
    }
}

impl Domain {
    /// Whether a fact of this domain can hold `text`.
    #[must_use]
    pub fn contains(self, text: &str) -> bool {
        match self {
            Domain::Any => true,
            Domain::OneOf(words) => words.contains(&text),
            Domain::Currency => Currency::parse(text).is_ok_and(|currency| currency.to_string() == text),
        }
    }
}

impl Kind {
    /// The name CEL gives it: `int`, `bool` or `string`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Int => "int",
            Kind::Bool => "bool",
            Kind::String => "string",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_know_their_words() {
        let check = |fact: &str, text: &str, expect: bool| {
            assert_eq!(Fact::named(fact).unwrap().domain.contains(text), expect, "{fact} {text}");
        };
        check("entry_mode", "chip", true);
        check("entry_mode", "Chip", false);
        check("currency", "USD", true);
        check("currency", "840", false);
        check("currency", "usd", false);
        check("link", "anything", true);
    }

    #[test]
    fn the_users_page_shows_the_table_of_facts() {
        let page = include_str!("../../docs/rules.md");
        let table: String = FACTS.iter().map(row).collect();
        assert!(page.contains(&table), "put these lines into docs/rules.md:\n{table}");
    }

    fn row(fact: &Fact) -> String {
        let words = match fact.domain {
            Domain::OneOf(words) => format!(" One of `{}`.", words.join("`, `")),
            Domain::Any | Domain::Currency => String::new(),
        };
        let optional = if fact.optional { ", optional" } else { "" };
        format!("| `{}` | {}{optional} | {}{words} |\n", fact.name, fact.kind.name(), fact.doc)
    }
}
