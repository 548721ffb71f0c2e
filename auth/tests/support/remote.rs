//! How scenarios speak of purchases without the card.

use crate::bank;
use crate::institution::Institution;
use crate::script::Words;
use auth::{
    AddressDigits, AddressResult, Authentication, AuthenticationDemand, Cvv2, Demand, HolderChange,
    HolderFacts, HolderName, Order, OrderKey, Particulars, PostalCode, ProvisionTask, Reaction, RemoteRules,
    Traces, ValueRecipe, WithoutProof,
};
use card::{AuthenticationValue, Pan, ResponseCode};

/// `[cvv2=] [name=ERIKA_MUSTER] [address=] [postal=] [eci=] [cavv] [cavv-value=] [cavv-malformed] [ip=] [email=] [delivery=] [order=] [chip-pan=]`
pub(crate) fn particulars(words: &mut Words<'_>) -> Result<Option<Box<Particulars>>, String> {
    let [address, postal_code] = ["address", "postal"].map(|word| words.option(word).map(str::to_owned));
    let mut told = Particulars {
        cvv2: words.option("cvv2").map(|text| Cvv2::read(text.as_bytes())),
        holder_name: words.value("name", name)?,
        chip_pan: words.value("chip-pan", |text| Pan::parse(text.as_bytes()).ok())?,
        asks_address: address.is_some() || postal_code.is_some(),
        address: address.and_then(|text| AddressDigits::read(&text)),
        postal_code: postal_code.and_then(|text| PostalCode::read(&text)),
        authentication: None,
        authentication_value: None,
        traces: Traces {
            ip: words.option("ip").map(hash),
            email: words.option("email").map(hash),
            address: words.option("delivery").map(hash),
        },
        order: words.option("order").map(|text| {
            Box::new(Order { text: text.bytes().collect(), code: *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF" })
        }),
    };
    told.authentication_value =
        words.option("cavv-value").and_then(|text| AuthenticationValue::read(text.as_bytes()));
    let has_value = words.has("cavv") || told.authentication_value.is_some();
    let eci = words.value("eci", |text| text.parse().ok())?;
    let malformed = words.has("cavv-malformed");
    if eci.is_some() || has_value || malformed {
        told.authentication = Some(Authentication { indicator: eci, has_value, malformed });
    }
    let nothing = format!("{told:?}") == format!("{:?}", Particulars::default());
    Ok((!nothing).then(|| Box::new(told)))
}

fn name(text: &str) -> Option<HolderName> {
    HolderName::read(&text.replace('_', " "))
}

/// What a keyed hash would be: equal for equal text.
fn hash(text: &str) -> u64 {
    text.bytes().fold(7, |hash, byte| hash * 31 + u64::from(byte))
}

/// `[cvv2=required|ignored] [cvv2-tries=] [name-rule=] [chip-pan-rule=] [address-rules=N:05,U:flag]
/// [cavv-recipe] [authentication=attempted|required] [without-proof=recurring,…] [order-rule=required|ignored]`
pub(crate) fn rules(words: &mut Words<'_>) -> Result<RemoteRules, String> {
    let mut rules = RemoteRules::default();
    let demand = |text: &str| match text {
        "required" => Some(Demand::Required),
        "ignored" => Some(Demand::Ignored),
        _ => None,
    };
    rules.cvv2 = words.value("cvv2", demand)?.unwrap_or(rules.cvv2);
    rules.cvv2_tries = words.value("cvv2-tries", |text| text.parse().ok())?.unwrap_or(rules.cvv2_tries);
    rules.order = words.value("order-rule", demand)?.unwrap_or(rules.order);
    rules.holder_name = words.value("name-rule", reaction)?.unwrap_or(rules.holder_name);
    rules.chip_pan = words.value("chip-pan-rule", reaction)?.unwrap_or(rules.chip_pan);
    for rule in words.option("address-rules").unwrap_or_default().split(',').filter(|rule| !rule.is_empty()) {
        let (result, what) = rule.split_once(':').ok_or("RESULT:REACTION?")?;
        let result = AddressResult::parse(result).ok_or("no such result")?;
        rules.address[result as usize] = reaction(what).ok_or("no such reaction")?;
    }
    rules.authentication = words
        .value("authentication", |text| match text {
            "attempted" => Some(AuthenticationDemand::Attempted),
            "required" => Some(AuthenticationDemand::Required),
            _ => None,
        })?
        .unwrap_or(rules.authentication);
    // Digits 1 to 4 for the expiry, 5 to 7 for the service code, 8 to 10 come of them.
    rules.authentication_value = words.has("cavv-recipe").then(|| {
        let key = bank::key("cvk-3ds");
        Box::new(ValueRecipe { key, expiry: [1, 2, 3, 4], service_code: [5, 6, 7], result: [8, 9, 10] })
    });
    for kind in words.option("without-proof").unwrap_or_default().split(',').filter(|kind| !kind.is_empty()) {
        rules.without_proof.push(match kind {
            "authenticated" => WithoutProof::Authenticated,
            "credential-on-file" => WithoutProof::CredentialOnFile,
            "recurring" => WithoutProof::Recurring,
            "verification" => WithoutProof::Verification,
            _ => return Err(format!("`{kind}` needs a proof")),
        });
    }
    Ok(rules)
}

fn reaction(text: &str) -> Option<Reaction> {
    match text {
        "ignore" => Some(Reaction::Ignore),
        "flag" => Some(Reaction::Flag),
        code => ResponseCode::parse(code.as_bytes()).map(Reaction::Decline),
    }
}

/// `holder CARD [name=] [address=] [postal=] [order-key] | off, [check]`
pub(crate) fn holder(words: &mut Words<'_>, institution: &Institution) -> Result<ProvisionTask, String> {
    let pan = match words.value("pan", |text| Pan::parse(text.as_bytes()).ok())? {
        Some(pan) => pan,
        None => institution.pan(words.next("a card")?)?,
    };
    let (off, check) = (words.has("off"), words.has("check"));
    let facts = HolderFacts {
        name: words.value("name", name)?,
        address: words.value("address", AddressDigits::read)?,
        postal_code: words.value("postal", PostalCode::read)?,
        order_key: words
            .has("order-key")
            .then(|| OrderKey::new("U0123456789ABCDEF0123456789ABCDEF"))
            .flatten(),
    };
    let change = HolderChange { pan, facts: (!off).then_some(facts) };
    Ok(ProvisionTask::ChangeHolders { changes: vec![change], check })
}
