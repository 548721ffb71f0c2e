use card::TerminalId;
use std::collections::HashMap;

/// Which certificates may speak for which terminals of a listener. Certificates are told apart by their
/// common name; that one authority signed them all has been seen to by TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// Of terminals by their identification.
    pub listed: HashMap<TerminalId, Vec<String>>,
    /// Of terminals by the beginning of their identification; an empty beginning means any terminal.
    pub prefixes: Vec<(String, Vec<String>)>,
    /// Of all others. `None` lets any in that the authority signed, or none at all where the listener
    /// asks for none.
    pub others: Option<Vec<String>>,
}

impl Certificates {
    /// Whether whoever showed this certificate may speak for a terminal. The exact identification
    /// decides, else the longest beginning, else the listener's names; an entry without names of its
    /// own leaves it to the next.
    #[must_use]
    pub fn may(&self, terminal: &TerminalId, common_name: Option<&str>) -> bool {
        match self.names(terminal) {
            Some(names) => common_name.is_some_and(|shown| names.iter().any(|name| name == shown)),
            None => true,
        }
    }

    fn names(&self, terminal: &TerminalId) -> Option<&[String]> {
        if let Some(names) = self.listed.get(terminal) {
            return Some(names);
        }
        let matching =
            self.prefixes.iter().filter(|(prefix, _)| terminal.as_str().starts_with(prefix.as_str()));
        let longest = matching.max_by_key(|(prefix, _)| prefix.len()).map(|(_, names)| names);
        longest.or(self.others.as_ref()).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn terminal(id: &str) -> TerminalId {
        TerminalId::new(id.as_bytes()).unwrap()
    }

    #[test]
    fn the_most_exact_entry_decides() {
        let certificates = Certificates {
            listed: HashMap::from([(terminal("TERM0001"), names(&["own"]))]),
            prefixes: vec![
                ("TERM".to_owned(), names(&["shop", "spare"])),
                ("TERM9".to_owned(), names(&["ninth"])),
            ],
            others: Some(names(&["host"])),
        };
        let check = |id: &str, may: &[&str]| {
            for name in ["own", "shop", "spare", "ninth", "host", "Own", "ho", ""] {
                assert_eq!(certificates.may(&terminal(id), Some(name)), may.contains(&name), "{id} {name}");
            }
            assert!(!certificates.may(&terminal(id), None), "{id}");
        };
        check("TERM0001", &["own"]);
        check("TERM0002", &["shop", "spare"]);
        check("TERM9000", &["ninth"]);
        check("OTHER", &["host"]);
    }

    #[test]
    fn any_may_speak_where_none_is_named() {
        let certificates = Certificates {
            listed: HashMap::from([(terminal("TERM0001"), names(&["own"]))]),
            ..Certificates::default()
        };
        assert!(certificates.may(&terminal("TERM0002"), Some("whoever")));
        assert!(certificates.may(&terminal("TERM0002"), None));
        assert!(!certificates.may(&terminal("TERM0001"), Some("whoever")));
    }

    #[test]
    fn an_empty_beginning_matches_last() {
        let certificates = Certificates {
            prefixes: vec![("".to_owned(), names(&["any"])), ("TERM".to_owned(), names(&["shop"]))],
            others: Some(names(&["host"])),
            ..Certificates::default()
        };
        assert!(certificates.may(&terminal("OTHER"), Some("any")));
        assert!(!certificates.may(&terminal("OTHER"), Some("host")));
        assert!(!certificates.may(&terminal("TERM0001"), Some("any")));
    }
}
