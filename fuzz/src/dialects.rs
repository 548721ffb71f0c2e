//! The dialects to read with: all that are compiled in, and some with features that these lack.

use iso8583::Dialect;
use std::sync::{Arc, LazyLock};

/// Files of our own. Their order is part of the input format of the target `parse`: append only.
pub const OWN: [(&str, &str); 4] = [
    ("de65", include_str!("../dialects/de65.toml")),
    ("de65_wide", include_str!("../dialects/de65_wide.toml")),
    ("charsets", include_str!("../dialects/charsets.toml")),
    ("parts", include_str!("../dialects/parts.toml")),
];

static ALL: LazyLock<Vec<Arc<Dialect>>> = LazyLock::new(|| {
    let own = OWN.iter().map(|(name, text)| {
        Arc::new(
            Dialect::from_toml(text).unwrap_or_else(|error| panic!("fuzz/dialects/{name}.toml: {error}")),
        )
    });
    Dialect::names().filter_map(Dialect::by_name).cloned().chain(own).collect()
});

/// Those compiled in, then our own.
pub fn all() -> &'static [Arc<Dialect>] {
    &ALL
}
