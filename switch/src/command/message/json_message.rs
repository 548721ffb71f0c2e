//! The JSON form of a message. Errors name keys, never values.

use iso8583::composite::Content;
use iso8583::{Message, Mti};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::fmt;

pub(super) struct JsonMessage {
    pub(super) mti: Mti,
    pub(super) header: Vec<u8>,
    pub(super) fields: Vec<(u8, Content)>,
}

/// A message as an object: `mti`, `fields` by their numbers, `header` where there is one.
pub(super) fn object(message: &Message<'_>, fields: Vec<(u8, Content)>) -> Value {
    let fields: Map<String, Value> =
        fields.into_iter().map(|(field, content)| (field.to_string(), value(content))).collect();
    let mut object = json!({ "mti": message.mti().to_string(), "fields": fields });
    if !message.header().is_empty() {
        object["header"] = Value::String(hex::encode_upper(message.header()));
    }
    object
}

fn value(content: Content) -> Value {
    match content {
        Content::Text(text) => Value::String(text),
        Content::Parts(parts) => parts.into_iter().map(|(key, part)| (key, value(part))).collect(),
    }
}

impl JsonMessage {
    pub(super) fn parse(line: &str) -> Result<JsonMessage, String> {
        let node: Node = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
        let Node::Object(object) = node else { return Err("not a JSON object".to_owned()) };
        let (mut mti, mut header, mut fields) = (None, String::new(), None);
        for (key, value) in once(object, "")? {
            match (key.as_str(), value) {
                ("mti", Node::Text(text)) => mti = Some(text),
                ("header", Node::Text(text)) => header = text,
                ("fields", Node::Object(object)) => fields = Some(object),
                ("mti", _) => return Err("mti is not text".to_owned()),
                ("header", _) => return Err("header is not text".to_owned()),
                ("fields", _) => return Err("fields is no object".to_owned()),
                _ => {
                    return Err(format!("unknown key {}; there are mti, header and fields", harmless(&key)));
                }
            }
        }
        let mti = mti.ok_or("mti is missing or not text")?;
        let mti = Mti::parse(mti.as_bytes()).map_err(|error| format!("mti: {error}"))?;
        let header = hex::decode(header).map_err(|_| "header is not hexadecimal")?;
        let fields: Result<Vec<(u8, Content)>, String> =
            once(fields.ok_or("fields is missing or no object")?, "fields: ")?
                .into_iter()
                .map(|(key, value)| {
                    let field = key
                        .parse()
                        .map_err(|_| format!("fields: {} is no number of a field", harmless(&key)))?;
                    Ok((field, content(&key, value)?))
                })
                .collect();
        Ok(JsonMessage { mti, header, fields: fields? })
    }
}

/// JSON as it stands, keys that occur twice among it.
enum Node {
    Text(String),
    Object(Vec<(String, Node)>),
    Other,
}

/// The keys of an object, none of them twice: it would be a guess which one is meant.
fn once(object: Vec<(String, Node)>, place: &str) -> Result<Vec<(String, Node)>, String> {
    let mut seen = HashSet::new();
    match object.iter().find(|(key, _)| !seen.insert(key.as_str())) {
        Some((key, _)) => Err(format!("{place}{} stands there twice", harmless(key))),
        None => Ok(object),
    }
}

/// A key as an error may show it: one that is longer than any key may be a value in the wrong place.
fn harmless(key: &str) -> String {
    if key.len() <= 8 { format!("{key:?}") } else { format!("a key of {} bytes", key.len()) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Object(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }
}

/// A value, or the parts of one. `path` leads to it: `127.25`.
fn content(path: &str, value: Node) -> Result<Content, String> {
    match value {
        Node::Text(text) => Ok(Content::Text(text)),
        // A tag may stand twice in a value, and its parts are then written twice.
        Node::Object(parts) => {
            let part = |(key, value): (String, Node)| {
                let below = format!("{path}.{}", if key.len() <= 8 { &key } else { "?" });
                Ok((key, content(&below, value)?))
            };
            parts.into_iter().map(part).collect::<Result<_, String>>().map(Content::Parts)
        }
        Node::Other => Err(format!("fields: the value of {path} is not text, nor an object of its parts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message() {
        let line = r#"{"mti":"0800","header":"6000","fields":{"11":"000123","55":{"71":{"86":"00"}}}}"#;
        let message = JsonMessage::parse(line).unwrap();
        assert_eq!((message.mti.to_string().as_str(), message.header), ("0800", vec![0x60, 0x00]));
        let script = Content::Parts(vec![("86".to_owned(), Content::Text("00".to_owned()))]);
        let chip = Content::Parts(vec![("71".to_owned(), script)]);
        assert_eq!(message.fields, [(11, Content::Text("000123".to_owned())), (55, chip)]);
    }

    #[test]
    fn mistakes_name_the_key_and_no_value() {
        let check = |line: &str, expect: &str| {
            let error = JsonMessage::parse(line).err().unwrap();
            assert!(error.contains(expect) && !error.contains("4000000000000002"), "{line}: {error}");
        };
        check("4000000000000002", "not a JSON object");
        check(r#"{"fields":{}}"#, "mti is missing");
        check(r#"{"mti":"4000000000000002","fields":{}}"#, "mti: ");
        check(r#"{"mti":"0800"}"#, "fields is missing");
        check(r#"{"mti":"0800","header":"4000000000000002x","fields":{}}"#, "header is not hexadecimal");
        check(r#"{"mti":"0800","header":4000000000000002,"fields":{}}"#, "header is not text");
        check(r#"{"mti":"0800","fields":{"2":4000000000000002}}"#, "the value of 2 is not text");
        check(
            r#"{"mti":"0800","fields":{"127":{"25":[4000000000000002]}}}"#,
            "the value of 127.25 is not text",
        );
        check(r#"{"mti":"0800","fields":{"x":"4000000000000002"}}"#, "\"x\" is no number of a field");
        check(r#"{"mti":"0800","field":{}}"#, "unknown key \"field\"");
    }
}
