//! How commands for the chips of a product are made: `script_keys`, `script_sends`, `script_mac_length`,
//! `script_template`.

use super::keys::{KeyKind, KeyRing};
use super::product::indexed_keys;
use super::section::Section;
use super::value::{number, one_of};
use auth::ScriptRules;

/// Keys that have no meaning without [`ScriptRules::keys`].
const SETTINGS: [&str; 3] = ["script_sends", "script_mac_length", "script_template"];

pub(super) fn rules(section: &mut Section<'_>, keys: &KeyRing) -> ScriptRules {
    let plain = ScriptRules::default();
    if !section.has("script_keys") {
        SETTINGS.iter().for_each(|key| section.refuse(key, "has no meaning without `script_keys`"));
        section.tables("script_keys");
        return plain;
    }
    ScriptRules {
        keys: indexed_keys(section, "script_keys", KeyKind::MkSmi, keys),
        most_sends: section.or("script_sends", plain.most_sends.into(), number(1..=20)) as u8,
        mac_length: section.or("script_mac_length", plain.mac_length.into(), number(4..=8)) as u8,
        before_second_cryptogram: section.or(
            "script_template",
            false,
            one_of(&[("71", true), ("72", false)]),
        ),
    }
}
