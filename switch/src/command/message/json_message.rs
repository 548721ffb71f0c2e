//! The JSON form of a message. Errors name keys, never values.

use iso8583::Mti;
use serde_json::Value;

pub(super) struct JsonMessage {
    pub(super) mti: Mti,
    pub(super) header: Vec<u8>,
    pub(super) fields: Vec<(u8, String)>,
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
        let header = object.get("header").and_then(Value::as_str).unwrap_or_default();
        let header = hex::decode(header).map_err(|_| "header is not hexadecimal")?;
        let fields =
            object.get("fields").and_then(Value::as_object).ok_or("fields is missing or no object")?;
        let fields: Result<Vec<(u8, String)>, String> = fields
            .iter()
            .map(|(key, value)| {
                let field = key.parse().map_err(|_| format!("fields: {key:?} is no number of a field"))?;
                let text = value.as_str().ok_or_else(|| format!("fields: the value of {key} is not text"))?;
                Ok((field, text.to_owned()))
            })
            .collect();
        Ok(JsonMessage { mti, header, fields: fields? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message() {
        let line = r#"{"mti":"0800","header":"6000","fields":{"11":"000123","70":"301"}}"#;
        let message = JsonMessage::parse(line).unwrap();
        assert_eq!((message.mti.to_string().as_str(), message.header), ("0800", vec![0x60, 0x00]));
        assert_eq!(message.fields, [(11, "000123".to_owned()), (70, "301".to_owned())]);
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
        check(r#"{"mti":"0800","fields":{"2":4000000000000002}}"#, "the value of 2 is not text");
        check(r#"{"mti":"0800","fields":{"x":"4000000000000002"}}"#, "\"x\" is no number of a field");
        check(r#"{"mti":"0800","field":{}}"#, "unknown key \"field\"");
    }
}
