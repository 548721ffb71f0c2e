//! `[[product]]`: our card products.

use super::error::Complaint;
use super::keys::{KeyKind, KeyRing};
use super::scripts;
use super::section::Section;
use super::value::{amount, currency, duration_up_to, list, number, one_of, switch, text};
use super::verification;
use auth::limits::ATC_WINDOW;
use auth::{
    ChipFinding, ChipRules, EntryMode, IbmMethod, Key, Limits, PinMethod, PinTriesReset, Product,
    ProductRules, Reaction, TransactionType,
};
use card::{Currency, ResponseCode, Scheme};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use toml::de::DeValue;

/// What an ARPC of a decline is made from, unless the product says otherwise: the ARC that means "do not honour",
/// and a CSU in which nothing is set.
const DECLINE_ARC: [u8; 2] = *b"05";
const DECLINE_CSU: [u8; 4] = [0; 4];

/// Longest time until wrong PINs are forgotten.
const LONGEST_RESET: Duration = Duration::from_hours(366 * 24);

/// Longest BIN prefix.
const BIN_DIGITS: usize = 11;

/// Products as read so far.
#[derive(Default)]
pub(super) struct Products {
    pub(super) products: Vec<Product>,
    /// Currency of its accounts, by product name.
    pub(super) currencies: BTreeMap<String, Currency>,
    names: BTreeSet<String>,
    /// Whose each BIN is.
    owners: BTreeMap<String, String>,
}

impl Products {
    pub(super) fn take(&mut self, top: &mut Section<'_>, keys: &KeyRing, country: u16) {
        for section in top.tables("product") {
            self.take_one(section, keys, country);
        }
    }

    fn take_one(&mut self, mut section: Section<'_>, keys: &KeyRing, country: u16) {
        let name = section.required("name", text).unwrap_or_default();
        if !name.is_empty() && !self.names.insert(name.to_owned()) {
            section.complain("name", Complaint::bare(format!("the name {name:?} is taken")));
        }
        let prefixes = section.required("bins", |value| self.bins(value, name)).unwrap_or_default();
        let scheme = section.required("scheme", one_of(&SCHEMES)).unwrap_or(Scheme::Private);
        let currency = section.required("currency", currency);
        let plain = Product::plain(name, prefixes, scheme);
        if !section.has("pan_lengths") {
            owned_by_scheme(&section, &plain);
        }
        let pan_lengths = section.optional("pan_lengths", pan_lengths);
        let rules = rules(&mut section, currency);
        let domestic = rules.domestic_only && country == 0;
        if domestic {
            let mend = "set `country` at the top of the file to your country's ISO 3166 number";
            let reason =
                "cannot be told: our own country is not said, so every transaction would be declined";
            section.complain("domestic_only", Complaint::new(reason, mend));
        }
        let key = |value, kind| keys.named(value, &[kind]).map(|found| Arc::clone(&found.key));
        let product = Product {
            pan_lengths: pan_lengths.unwrap_or(plain.pan_lengths),
            token_prefixes: section
                .optional("token_bins", |value| self.token_bins(value))
                .unwrap_or_default(),
            rules,
            cvk: section.optional("cvk", |value| key(value, KeyKind::Cvk)),
            cvv_position: section.or("cvv_position", plain.cvv_position as u64, number(0..=15)) as usize,
            pin: pin_method(&mut section, keys),
            issuer_master_keys: indexed_keys(&mut section, "issuer_master_keys", KeyKind::MkAc, keys),
            approve_arc: section.or("approve_arc", plain.approve_arc, arc),
            approve_csu: section.or("approve_csu", plain.approve_csu, hexadecimal),
            decline_arc: section.or("decline_arc", Some(DECLINE_ARC), or_none(arc)),
            decline_csu: section.or("decline_csu", Some(DECLINE_CSU), or_none(hexadecimal)),
            pin_try_limit: section.or("pin_try_limit", plain.pin_try_limit.into(), number(1..=9)) as u8,
            pin_tries_reset: section.or("pin_tries_reset", plain.pin_tries_reset, pin_tries_reset),
            capture_on_pin_tries: section.or("capture_on_pin_tries", plain.capture_on_pin_tries, switch),
            capture_expired: section.or("capture_expired", plain.capture_expired, switch),
            atc_max_jump: section.or("atc_max_jump", plain.atc_max_jump.into(), number(1..=65_535)) as u16,
            atc_window: section.or("atc_window", plain.atc_window.into(), number(0..=ATC_WINDOW.into()))
                as u16,
            chip_rules: chip_rules(section.table("chip_rules")),
            ledger: super::ledger::read(section.table("ledger"), currency),
            remote: super::remote::rules(section.table("remote"), keys),
            scripts: scripts::rules(&mut section, keys),
            verification: verification::rules(section.table("verification"), currency),
            limits: limits(section.table("purchase"), currency)
                .of(TransactionType::Purchase)
                .chain(limits(section.table("withdrawal"), currency).of(TransactionType::Withdrawal))
                .collect(),
            ..plain
        };
        section.finish();
        self.currencies.extend(currency.map(|currency| (name.to_owned(), currency)));
        self.products.push(product);
    }

    /// The beginnings of its tokens. One within a BIN takes a part of it, but the same one cannot be both.
    fn token_bins(&mut self, value: &DeValue<'_>) -> Result<Vec<String>, Complaint> {
        let bins = list(value, |bin| {
            let bin = text(bin)?;
            let digits = (1..=BIN_DIGITS).contains(&bin.len()) && bin.bytes().all(|b| b.is_ascii_digit());
            let mend = format!("1 to {BIN_DIGITS} digits in quotes: \"489900\"");
            if digits { Ok(bin.to_owned()) } else { Err(Complaint::new("holds what is no BIN", mend)) }
        })?;
        for bin in &bins {
            if let Some(owner) = self.owners.get(bin) {
                let mend = "a range is either of cards or of tokens";
                return Err(Complaint::new(format!("{bin} already belongs to the cards of {owner:?}"), mend));
            }
        }
        Ok(bins)
    }

    /// The beginnings of the product's PANs. The longest match decides, so one may contain another, but
    /// two products cannot have the same.
    fn bins(&mut self, value: &DeValue<'_>, product: &str) -> Result<Vec<String>, Complaint> {
        let bins = list(value, |bin| {
            let bin = text(bin)?;
            let digits = (1..=BIN_DIGITS).contains(&bin.len()) && bin.bytes().all(|b| b.is_ascii_digit());
            let mend = format!("1 to {BIN_DIGITS} digits in quotes: \"400000\"");
            if digits { Ok(bin.to_owned()) } else { Err(Complaint::new("holds what is no BIN", mend)) }
        })?;
        if bins.is_empty() {
            return Err(Complaint::new("is empty", "name at least one BIN: [\"400000\"]"));
        }
        for bin in &bins {
            if let Some(owner) = self.owners.insert(bin.clone(), product.to_owned()) {
                let mend = "a BIN belongs to one product; a longer BIN takes a part of a shorter one";
                return Err(Complaint::new(format!("{bin} already belongs to {owner:?}"), mend));
            }
        }
        Ok(bins)
    }
}

static SCHEMES: LazyLock<Vec<(&str, Scheme)>> =
    LazyLock::new(|| Scheme::ALL.map(|scheme| (scheme.as_str(), scheme)).to_vec());

/// A BIN in the ranges of another scheme is a slip, unless the product says itself how long its numbers are.
fn owned_by_scheme(section: &Section<'_>, product: &Product) {
    for bin in &product.prefixes {
        if let Some(other) = product.scheme.other_owner(bin) {
            let reason = format!("{bin} has numbers of {}", other.as_str());
            let mend = "name the BIN or the scheme that is meant; for cards of two schemes add `pan_lengths`";
            section.complain("bins", Complaint::new(reason, mend));
        }
    }
}

fn pan_lengths(value: &DeValue<'_>) -> Result<Vec<u8>, Complaint> {
    let lengths = list(value, |length| number(12..=19)(length))?;
    if lengths.is_empty() {
        let mend = "name at least one length: [16]; without `pan_lengths` those of the scheme count";
        return Err(Complaint::new("allows no number at all", mend));
    }
    Ok(lengths.iter().map(|length| *length as u8).collect())
}

/// Where and how the cards may be used.
fn rules(section: &mut Section<'_>, own: Option<Currency>) -> ProductRules {
    let currencies = section.optional("currencies", |value| list(value, currency)).unwrap_or_default();
    let entry_modes = section.optional("entry_modes", |value| list(value, one_of(&ENTRY_MODES)));
    let entry_modes = entry_modes.unwrap_or_default();
    let rules = ProductRules {
        domestic_only: section.or("domestic_only", false, switch),
        own_terminals_only: section.or("own_terminals_only", false, switch),
        currencies: currencies.into_iter().map(Currency::numeric).collect(),
        entry_modes,
        ecommerce_only: section.or("ecommerce_only", false, switch),
        electronic_only: section.or("electronic_only", false, switch),
        keyed_cash: section.or("keyed_cash", false, switch),
        // Without a valid currency the amount cannot be read; that mistake has been noted already.
        identify_above_minor: own.and_then(|own| section.optional("identify_above", amount(own))),
    };
    if !rules.entry_modes.is_empty() && !EntryMode::ALL.iter().any(|entry| rules.lets_in(*entry)) {
        let mend = "name a way that `ecommerce_only` and `electronic_only` allow, or leave one of them out";
        section.complain("entry_modes", Complaint::new("leaves no way to use the card", mend));
    }
    rules
}

/// Words for how a card is read.
pub(super) static ENTRY_MODES: LazyLock<Vec<(&str, EntryMode)>> =
    LazyLock::new(|| EntryMode::ALL.map(|mode| (mode.as_str(), mode)).to_vec());

/// How PINs are verified; `None` for cards without a PIN.
fn pin_method(section: &mut Section<'_>, keys: &KeyRing) -> Option<PinMethod> {
    const IBM_KEYS: [&str; 3] = ["decimalisation_table", "validation", "check_length"];
    let method = section.optional("pin_method", one_of(&[("pvv", false), ("ibm3624", true)]));
    let ibm = match method {
        Some(ibm) => ibm,
        None => {
            if !section.has("pin_method") {
                section.refuse("pvk", "has no meaning without `pin_method`");
                IBM_KEYS.iter().for_each(|key| section.refuse(key, "belongs to `pin_method = \"ibm3624\"`"));
            }
            return None;
        }
    };
    let pvk = section.required("pvk", |value| keys.named(value, &[KeyKind::Pvk]));
    let pvk = pvk.map(|found| Arc::clone(&found.key));
    if !ibm {
        IBM_KEYS.iter().for_each(|key| section.refuse(key, "belongs to `pin_method = \"ibm3624\"`"));
        return pvk.map(PinMethod::Pvv);
    }
    let table = section.required("decimalisation_table", decimalisation_table);
    let validation = section.required("validation", validation);
    let check_length = section.or("check_length", 4, number(4..=12)) as u8;
    let (pvk, decimalisation_table, validation) = (pvk?, table?, validation?);
    Some(PinMethod::Ibm(Arc::new(IbmMethod { pvk, decimalisation_table, validation, check_length })))
}

fn decimalisation_table(value: &DeValue<'_>) -> Result<[u8; 16], Complaint> {
    let mend = "16 digits, what each of 0 to F becomes: \"0123456789012345\"";
    let table: Option<[u8; 16]> = text(value)?.as_bytes().try_into().ok();
    let table = table.filter(|table| table.iter().all(u8::is_ascii_digit));
    table.ok_or_else(|| Complaint::new("is not a decimalisation table", mend))
}

fn validation(value: &DeValue<'_>) -> Result<[u8; 12], Complaint> {
    let mend = "12 hexadecimal digits with one N, where the last five account digits go: \"0000000N0000\"";
    let fail = || Complaint::new("is not validation data", mend);
    let characters: [u8; 12] = text(value)?.as_bytes().try_into().map_err(|_| fail())?;
    hsm::ValidationData::parse(&characters).map(|_| characters).ok_or_else(fail)
}

/// `issuer_master_keys = [{ index = 1, key = "imk" }]`, and others by derivation key index.
pub(super) fn indexed_keys(
    section: &mut Section<'_>,
    list: &'static str,
    kind: KeyKind,
    keys: &KeyRing,
) -> Vec<(u8, Arc<Key>)> {
    let mut found: Vec<(u8, Arc<Key>)> = Vec::new();
    for mut entry in section.tables(list) {
        let index = entry.required("index", number(0..=255));
        let key = entry.required("key", |value| keys.named(value, &[kind]));
        if let (Some(index), Some(key)) = (index, key) {
            if found.iter().any(|(other, _)| u64::from(*other) == index) {
                entry.complain("index", Complaint::bare(format!("derivation key index {index} is taken")));
            }
            found.push((index as u8, Arc::clone(&key.key)));
        }
        entry.finish();
    }
    found
}

/// `"never"`, `"daily"`, or how long after the last wrong PIN.
fn pin_tries_reset(value: &DeValue<'_>) -> Result<PinTriesReset, Complaint> {
    match text(value)? {
        "never" => Ok(PinTriesReset::Never),
        "daily" => Ok(PinTriesReset::Daily),
        _ => {
            let length = duration_up_to(LONGEST_RESET)(value).map_err(|_| {
                let mend = "\"never\", \"daily\", or a time of at most a year: \"24h\"";
                Complaint::new("does not say when wrong PINs are forgotten", mend)
            })?;
            Ok(PinTriesReset::After(length))
        }
    }
}

/// Two ASCII characters as in DE 39, or four hexadecimal digits behind `0x`.
fn arc(value: &DeValue<'_>) -> Result<[u8; 2], Complaint> {
    let text = text(value)?;
    let code = match text.strip_prefix("0x") {
        Some(digits) => hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok()),
        None => text.as_bytes().try_into().ok().filter(|code: &[u8; 2]| code.is_ascii()),
    };
    let mend = "two characters (\"00\"), or four hexadecimal digits behind 0x (\"0x3030\")";
    code.ok_or_else(|| Complaint::new("is not an authorization response code", mend))
}

/// `"none"` turns off what has a default.
fn or_none<T>(
    read: impl Fn(&DeValue<'_>) -> Result<T, Complaint>,
) -> impl Fn(&DeValue<'_>) -> Result<Option<T>, Complaint> {
    move |value| if text(value)? == "none" { Ok(None) } else { read(value).map(Some) }
}

fn hexadecimal<const N: usize>(value: &DeValue<'_>) -> Result<[u8; N], Complaint> {
    let bytes = hex::decode(text(value)?).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Complaint::new("is wrong", format!("{} hexadecimal digits", 2 * N)))
}

/// What is done about each finding: `new_card = "flag"`, `fallback = "57"`.
fn chip_rules(section: Option<Section<'_>>) -> ChipRules {
    let mut rules = ChipRules::default();
    let Some(mut section) = section else { return rules };
    for finding in ChipFinding::ALL {
        if let Some(reaction) = section.optional(finding.as_str(), reaction) {
            rules = rules.with(*finding, reaction);
        }
    }
    section.finish();
    rules
}

pub(super) fn reaction(value: &DeValue<'_>) -> Result<Reaction, Complaint> {
    let mend = "\"ignore\", \"flag\", or the response code to decline with: \"05\"";
    match text(value)? {
        "ignore" => Ok(Reaction::Ignore),
        "flag" => Ok(Reaction::Flag),
        code => {
            let code = ResponseCode::parse(code.as_bytes()).filter(|code| !code.is_approval());
            code.map(Reaction::Decline).ok_or_else(|| Complaint::new("is no reaction", mend))
        }
    }
}

/// Without a valid currency the amounts cannot be read; that mistake has been noted already.
fn limits(section: Option<Section<'_>>, currency: Option<Currency>) -> Limits {
    let (Some(mut section), Some(currency)) = (section, currency) else { return Limits::default() };
    let limits = Limits {
        per_transaction_minor: section.optional("per_transaction", amount(currency)),
        daily_minor: section.optional("daily", amount(currency)),
        daily_count: section
            .optional("daily_count", number(0..=u64::from(u32::MAX)))
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
    };
    section.finish();
    limits
}
