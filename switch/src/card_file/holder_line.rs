//! A line of a holder file.

use super::rows::{Columns, Row};
use super::statement::Faults;
use auth::{AddressDigits, HolderChange, HolderFacts, HolderName, OrderKey, PostalCode};
use card::Pan;
use hsm::KeyField;
use serde_json::{Value, json};

/// Columns of a holder file.
pub(crate) const HOLDER_COLUMNS: Columns = &["pan", "name", "address", "postal_code", "order_key"];

/// What a line says of a holder. What it leaves out stays as it is on file.
pub(crate) fn holder_change(row: &Row) -> Result<HolderChange, Faults> {
    let mut faults: Vec<String> = Vec::new();
    let pan = pan(row).map_err(|fault| faults.push(fault)).ok();
    let name = row.cell("name").map(|text| HolderName::read(text).ok_or("name: has no letter of A to Z"));
    let name = name.transpose().map_err(|fault| faults.push(fault.to_owned())).ok().flatten();
    let address = row.cell("address").map(|text| AddressDigits::read(text).ok_or("address: has no digit"));
    let address = address.transpose().map_err(|fault| faults.push(fault.to_owned())).ok().flatten();
    let code = row.cell("postal_code");
    let code = code.map(|text| PostalCode::read(text).ok_or("postal_code: has no letter or digit"));
    let postal_code = code.transpose().map_err(|fault| faults.push(fault.to_owned())).ok().flatten();
    let key = row.cell("order_key").map(|text| {
        let known = KeyField::parse(text).is_ok();
        OrderKey::new(text)
            .filter(|_| known)
            .ok_or("order_key: is not a key under the LMK as the HSM gives it out")
    });
    let order_key = key.transpose().map_err(|fault| faults.push(fault.to_owned())).ok().flatten();
    match pan {
        Some(pan) if faults.is_empty() => {
            Ok(HolderChange { pan, facts: Some(HolderFacts { name, address, postal_code, order_key }) })
        }
        _ => Err(Faults(faults)),
    }
}

/// Whose holder is forgotten: only the number counts.
pub(crate) fn holder_removal(row: &Row) -> Result<HolderChange, Faults> {
    pan(row).map(|pan| HolderChange { pan, facts: None }).map_err(|fault| Faults(vec![fault]))
}

fn pan(row: &Row) -> Result<Pan, String> {
    let digits = row.cell("pan").ok_or_else(|| "pan: is missing".to_owned())?;
    Pan::parse(digits.as_bytes()).map_err(|_| "pan: is not a card number".to_owned())
}

/// A change as a line of JSON, as the control socket takes it.
pub(crate) fn holder_change_json(change: &HolderChange) -> Value {
    let mut line = json!({ "pan": change.pan.reveal().as_str() });
    let Some(facts) = &change.facts else { return line };
    let texts = [
        ("name", facts.name.as_ref().map(HolderName::reveal)),
        ("address", facts.address.as_ref().map(AddressDigits::reveal)),
        ("postal_code", facts.postal_code.as_ref().map(PostalCode::reveal)),
        ("order_key", facts.order_key.as_ref().map(OrderKey::as_str)),
    ];
    for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
        line[name] = json!(text);
    }
    line
}
