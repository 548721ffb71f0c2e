//! `[product.remote]`: what a product asks of purchases without the card.

use super::error::Complaint;
use super::keys::{KeyKind, KeyRing};
use super::product::reaction;
use super::section::Section;
use super::value::{list, number, one_of, text};
use auth::{AddressResult, AuthenticationDemand, Demand, RemoteRules, ValueRecipe, WithoutProof};
use card::{AuthenticationValue, ResponseCode};
use std::sync::Arc;
use toml::de::DeValue;

const DEMANDS: [(&str, Demand); 3] =
    [("ignore", Demand::Ignored), ("optional", Demand::Optional), ("required", Demand::Required)];

const AUTHENTICATION: [(&str, AuthenticationDemand); 3] = [
    ("none", AuthenticationDemand::None),
    ("attempted", AuthenticationDemand::Attempted),
    ("required", AuthenticationDemand::Required),
];

const WITHOUT_PROOF: [(&str, WithoutProof); 4] = [
    ("authenticated", WithoutProof::Authenticated),
    ("credential_on_file", WithoutProof::CredentialOnFile),
    ("recurring", WithoutProof::Recurring),
    ("verification", WithoutProof::Verification),
];

pub(super) fn rules(section: Option<Section<'_>>, keys: &KeyRing) -> RemoteRules {
    let plain = RemoteRules::default();
    let Some(mut section) = section else { return plain };
    let mut address = plain.address;
    if let Some(mut results) = section.table("address") {
        for result in AddressResult::ALL {
            if let Some(reaction) = results.optional(result.as_str(), reaction) {
                address[result as usize] = reaction;
            }
        }
        results.finish();
    }
    let without_proof = section.optional("without_proof", |value| list(value, one_of(&WITHOUT_PROOF)));
    let rules = RemoteRules {
        cvv2: section.or("cvv2", plain.cvv2, one_of(&DEMANDS)),
        cvv2_tries: section.or("cvv2_tries", plain.cvv2_tries.into(), number(1..=99)) as u8,
        order: section.or("order", plain.order, one_of(&DEMANDS)),
        holder_name: section.or("holder_name", plain.holder_name, reaction),
        chip_pan: section.or("chip_pan", plain.chip_pan, reaction),
        address,
        authentication: section.or("authentication", plain.authentication, one_of(&AUTHENTICATION)),
        authentication_code: section.or("authentication_code", plain.authentication_code, decline),
        authentication_value: section
            .table("authentication_value")
            .and_then(|table| value_recipe(table, keys))
            .map(Box::new),
        authenticated: section.or("authenticated", plain.authenticated, indicators),
        attempted: section.or("attempted", plain.attempted, indicators),
        without_proof: without_proof.into_iter().flatten().take(WITHOUT_PROOF.len()).collect(),
    };
    section.finish();
    rules
}

/// `{ key = "cvk-3ds", expiry = "1-4", service_code = "5-7", result = "8-10" }`
fn value_recipe(mut table: Section<'_>, keys: &KeyRing) -> Option<ValueRecipe> {
    let key = table.required("key", |value| keys.named(value, &[KeyKind::Cvk]));
    let expiry = table.required("expiry", places);
    let service_code = table.required("service_code", places);
    let result = table.required("result", places);
    table.finish();
    Some(ValueRecipe {
        key: Arc::clone(&key?.key),
        expiry: expiry?,
        service_code: service_code?,
        result: result?,
    })
}

/// Places of digits, from 1: `"8-10"`, `"2,5-6"`.
fn places<const N: usize>(value: &DeValue<'_>) -> Result<[u8; N], Complaint> {
    let fail = || {
        let mend =
            format!("{N} digits by their places, from 1 to {}: \"1-{N}\"", AuthenticationValue::DIGITS);
        Complaint::new("does not name digits of an authentication value", mend)
    };
    let mut places = arrayvec::ArrayVec::new();
    for range in text(value)?.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u8, u8) = first
            .parse()
            .ok()
            .zip(last.parse().ok())
            .filter(|(first, last)| first <= last)
            .ok_or_else(fail)?;
        for place in first..=last {
            if !(1..=AuthenticationValue::DIGITS).contains(&place) {
                return Err(fail());
            }
            places.try_push(place).map_err(|_| fail())?;
        }
    }
    places.into_inner().map_err(|_| fail())
}

fn decline(value: &DeValue<'_>) -> Result<ResponseCode, Complaint> {
    let code = ResponseCode::parse(text(value)?.as_bytes()).filter(|code| !code.is_approval());
    code.ok_or_else(|| {
        Complaint::new("is no response code to decline with", "two characters: \"65\", \"1A\"")
    })
}

/// Electronic commerce indicators.
fn indicators<const N: usize>(value: &DeValue<'_>) -> Result<arrayvec::ArrayVec<u8, N>, Complaint> {
    let mend = format!("up to {N} of one or two digits in quotes: [\"05\", \"02\"]");
    let fail = || Complaint::new("holds what is no electronic commerce indicator", mend.clone());
    let all = list(value, |one| {
        let digits = text(one)?;
        let indicator = digits.parse().ok().filter(|_| digits.len() <= 2);
        indicator.ok_or_else(fail)
    })?;
    let mut indicators = arrayvec::ArrayVec::new();
    all.into_iter().try_for_each(|one: u8| indicators.try_push(one)).map_err(|_| fail())?;
    Ok(indicators)
}
