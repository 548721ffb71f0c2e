//! Which variants and optional fields are in a list of values.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// By path of a field, whether it is filled somewhere; and the names of the variants at the top.
pub(super) struct Coverage {
    filled: BTreeMap<String, bool>,
    variants: BTreeSet<String>,
}

impl Coverage {
    pub(super) fn of<T: Serialize>(values: &[T]) -> Coverage {
        let mut coverage = Coverage { filled: BTreeMap::new(), variants: BTreeSet::new() };
        for value in values {
            let value = serde_json::to_value(value).unwrap();
            if let Value::Object(variant) = &value {
                coverage.variants.extend(variant.keys().cloned());
            }
            coverage.see("", &value);
        }
        coverage
    }

    /// Variants of `T` that no value has, and optional fields that are empty in all.
    pub(super) fn missing<T: for<'a> Deserialize<'a>>(&self) -> Vec<String> {
        let variants = variants_of::<T>().iter().filter(|name| !self.variants.contains(**name));
        let empty = self.filled.iter().filter(|(_, filled)| !**filled).map(|(path, _)| path.clone());
        variants.map(|name| format!("variant {name}")).chain(empty).collect()
    }

    fn see(&mut self, path: &str, value: &Value) {
        *self.filled.entry(path.to_owned()).or_default() |= !value.is_null();
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| self.see(&format!("{path}.{name}"), value));
            }
            Value::Array(values) => values.iter().for_each(|value| self.see(&format!("{path}[]"), value)),
            _ => {}
        }
    }
}

/// The names that an enumeration tells who wants to read it.
fn variants_of<T: for<'a> Deserialize<'a>>() -> &'static [&'static str] {
    match T::deserialize(Probe) {
        Err(Told(variants)) => variants,
        Ok(_) => &[],
    }
}

struct Probe;

/// In the place of an error: the names of the variants.
#[derive(Debug)]
struct Told(&'static [&'static str]);

impl<'de> Deserializer<'de> for Probe {
    type Error = Told;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        panic!("no enumeration")
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Told> {
        Err(Told(variants))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Told {}

impl de::Error for Told {
    fn custom<T: fmt::Display>(message: T) -> Told {
        panic!("{message}")
    }
}

#[test]
fn what_is_missing_is_named() {
    #[derive(Serialize, Deserialize)]
    enum Thing {
        One(Option<u8>),
        Two { inner: Vec<Option<u8>>, other: Option<u8> },
        Three(u8),
    }
    let two = |inner, other| Thing::Two { inner, other };
    let coverage = Coverage::of(&[Thing::One(None), two(vec![None, Some(1)], None)]);
    assert_eq!(coverage.missing::<Thing>(), ["variant Three", ".One", ".Two.other"]);
    let coverage =
        Coverage::of(&[Thing::One(Some(1)), Thing::One(None), two(Vec::new(), Some(2)), Thing::Three(3)]);
    assert_eq!(coverage.missing::<Thing>(), Vec::<String>::new());
}
