//! The dialects that are compiled in, from the files in `dialects/`.

use super::Dialect;
use std::sync::{Arc, LazyLock};

struct Builtin {
    name: &'static str,
    source: &'static str,
    dialect: LazyLock<Arc<Dialect>>,
}

macro_rules! builtins {
    ($($name:literal),+ $(,)?) => {
        static ALL: [Builtin; [$($name),+].len()] = [$(Builtin {
            name: $name,
            source: include_str!(concat!("../../dialects/", $name, ".toml")),
            dialect: LazyLock::new(|| {
                let text = include_str!(concat!("../../dialects/", $name, ".toml"));
                let dialect = Dialect::from_toml(text);
                Arc::new(dialect.unwrap_or_else(|error| panic!(concat!($name, " is tested to load: {}"), error)))
            }),
        }),+];
    };
}

builtins![
    "iso87_ascii",
    "iso87_ascii_binary",
    "iso87_bcd",
    "iso87_ebcdic",
    "iso93_ascii",
    "iso93_binary",
    "iso2003_ascii",
    "postilion",
    "visa_base1",
    "mastercard_cis",
    "mastercard_ipm",
    "mastercard_ipm_ascii",
];

pub(super) fn by_name(name: &str) -> Option<&'static Arc<Dialect>> {
    ALL.iter().find(|builtin| builtin.name == name).map(|builtin| &*builtin.dialect)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|builtin| builtin.name)
}

pub(super) fn source(name: &str) -> Option<&'static str> {
    ALL.iter().find(|builtin| builtin.name == name).map(|builtin| builtin.source)
}
