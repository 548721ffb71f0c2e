use card::Currency;

/// Writes [`Facts`] and [`FACTS`] from one table, so that a fact's name, type, meaning and accessor
/// cannot drift apart. A line reads `name: type` and, for text out of a closed set, `of` that set.
macro_rules! facts {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident $(of $domain:expr)?,)+) => {
        /// What a rule may look at: one transaction as the core sees it at the policy step. Borrows its
        /// text, so filling it costs nothing. [`Facts::default`] is empty text, zeros and `false`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Facts<'a> {
            $($(#[doc = $doc])+ pub $name: facts!(@type $kind),)+
        }

        /// Every fact, in the order of the documentation.
        pub const FACTS: &[Fact] = &[
            $(Fact {
                name: stringify!($name),
                doc: concat!($($doc),+).trim_ascii(),
                domain: facts!(@domain $($domain)?),
                accessor: facts!(@accessor $kind $name),
            },)+
        ];
    };
    (@type int) => { i64 };
    (@type bool) => { bool };
    (@type string) => { &'a str };
    (@domain) => { Domain::Any };
    (@domain $domain:expr) => { $domain };
    (@accessor int $name:ident) => { Accessor::Int(|facts| facts.$name) };
    (@accessor bool $name:ident) => { Accessor::Bool(|facts| facts.$name) };
    (@accessor string $name:ident) => { Accessor::String(|facts| facts.$name) };
}

facts! {
    /// What is asked for.
    transaction: string of Domain::OneOf(&["purchase", "withdrawal", "balance_inquiry"]),
    /// Amount in minor units of `currency`: 12.50 USD is 1250.
    amount: int,
    /// Currency of the amount, the alphabetic code of ISO 4217.
    currency: string of Domain::Currency,
    /// Merchant category code of ISO 18245, such as 6011 for an ATM; 0 if unknown.
    mcc: int,
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
    /// Hour of the local business time, 0 to 23.
    hour: int,
    /// Country of the acquirer, the numeric code of ISO 3166-1; 0 if unknown.
    country: int,
    /// Name of the link that brought the request.
    link: string,
    /// Terminal identifier (DE 41).
    terminal: string,
    /// Merchant identifier (DE 42).
    merchant: string,
    /// Name of the card's product.
    product: string,
    /// Name of the card's scheme, such as `visa`.
    scheme: string,
    /// Available balance of the account in minor units of its currency, before this transaction.
    balance_available: int,
    /// Sum counted today against the card's limit for this kind of transaction (withdrawals, or all
    /// others), in minor units, without this one.
    daily_amount: int,
    /// Number of transactions counted likewise, without this one.
    daily_count: int,
}

/// One line of the table of facts.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// The name by which rules know it.
    pub name: &'static str,
    /// What it means, with its unit.
    pub doc: &'static str,
    /// Which text it can hold.
    pub domain: Domain,
    /// How it is read; also says its type.
    pub accessor: Accessor,
}

/// Reads one fact.
#[derive(Clone, Copy, Debug)]
pub enum Accessor {
    /// An integer.
    Int(ReadInt),
    /// A truth value.
    Bool(ReadBool),
    /// Text.
    String(ReadString),
}

pub(crate) type ReadInt = fn(&Facts<'_>) -> i64;
pub(crate) type ReadBool = fn(&Facts<'_>) -> bool;
pub(crate) type ReadString = for<'a> fn(&Facts<'a>) -> &'a str;

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

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.accessor {
            Accessor::Int(_) => Kind::Int,
            Accessor::Bool(_) => Kind::Bool,
            Accessor::String(_) => Kind::String,
        }
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
        format!("| `{}` | {} | {}{words} |\n", fact.name, fact.kind().name(), fact.doc)
    }
}
