//! The JSON form of a message. Errors name keys, never values.

use iso8583::composite::Content;
use iso8583::{Message, Mti};
use serde_json::{Map, Value, json};

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
        let value: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
        let object = value.as_object().ok_or("not a JSON object")?;
        let unknown = object.keys().find(|key| !matches!(key.as_str(), "mti" | "header" | "fields"));
        if let Some(key) = unknown {
            return Err(format!("unknown key {key:?}; there are mti, header and fields"));
        }
        let mti = object.get("mti").and_then(Value::as_str).ok_or("mti is missing or not text")?;
        let mti = Mti::parse(mti.as_bytes()).map_err(|error| format!("mti: {error}"))?;
        let header = object.get("header").map_or(Some(""), Value::as_str).ok_or("header is not text")?;
        let header = hex::decode(header).map_err(|_| "header is not hexadecimal")?;
        let fields =
            object.get("fields").and_then(Value::as_object).ok_or("fields is missing or no object")?;
        let fields: Result<Vec<(u8, Content)>, String> = fields
            .iter()
            .map(|(key, value)| {
                let field = key.parse().map_err(|_| format!("fields: {key:?} is no number of a field"))?;
                Ok((field, content(key, value)?))
            })
            .collect();
        Ok(JsonMessage { mti, header, fields: fields? })
    }
}

/// A value, or the parts of one. `path` leads to it: `127.25`.
fn content(path: &str, value: &Value) -> Result<Content, String> {
    match value {
        Value::String(text) => Ok(Content::Text(text.clone())),
        Value::Object(parts) => {
            let part = |(key, value): (&String, &Value)| {
                Ok((key.clone(), content(&format!("{path}.{key}"), value)?))
            };
            parts.iter().map(part).collect::<Result<_, String>>().map(Content::Parts)
        }
        _ => Err(format!("fields: the value of {path} is not text, nor an object of its parts")),
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
