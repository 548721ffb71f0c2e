//! Under which key and in which format the PIN blocks of a listener or terminal come: `pin_key`, `pin_format`,
//! `ksn_descriptor`; and where its messages say the rest: `ksn_field`, `pin_change_code`, `new_pin_field`,
//! `pin_unblock_code`.

use super::error::Complaint;
use super::keys::{KeyKind, KeyRing};
use super::section::Section;
use super::value::{number, text};
use crate::settings::{PinElements, Protocol};
use auth::{PinKey, PinKeyKind, TerminalSet};
use hsm::{KeyField, PinBlockFormat};
use iso8583::{Class, Dialect, Encoding, Length, field};
use std::sync::Arc;
use toml::de::DeValue;

/// Digits of key set, sub-key and device in a key serial number, unless the configuration says otherwise.
const KSN_DESCRIPTOR: [u8; 3] = *b"A05";

/// The key of a listener or terminal, and all that belongs to it.
pub(super) fn read(section: &mut Section<'_>, keys: &KeyRing) -> Option<PinKey> {
    if !section.has("pin_key") {
        section.refuse("pin_format", "has no meaning without `pin_key`");
        section.refuse("ksn_descriptor", "has no meaning without `pin_key`");
        section.optional("pin_key", text);
        return None;
    }
    let kinds = [KeyKind::Zpk, KeyKind::Tpk, KeyKind::Bdk];
    let key = section.required("pin_key", |value| keys.named(value, &kinds));
    let aes = key.is_some_and(|key| is_aes(&key.key.cryptogram));
    let usual = if aes { *b"48" } else { *b"01" };
    let format = section.or("pin_format", usual, |value| pin_format(value, aes));
    let dukpt = key.is_some_and(|key| key.kind == KeyKind::Bdk);
    if key.is_some() && !dukpt {
        section.refuse("ksn_descriptor", "belongs to a `pin_key` of type BDK");
    }
    let descriptor = section.or("ksn_descriptor", KSN_DESCRIPTOR, ksn_descriptor);
    let key = key?;
    let kind = match key.kind {
        KeyKind::Tpk => PinKeyKind::Tpk,
        KeyKind::Bdk => PinKeyKind::Bdk { descriptor },
        _ => PinKeyKind::Zpk,
    };
    Some(PinKey { key: Arc::clone(&key.key), kind, format })
}

/// What the messages of a listener say about PINs.
pub(super) fn elements(
    section: &mut Section<'_>,
    protocol: Option<&Protocol>,
    own: Option<&PinKey>,
    terminals: &TerminalSet,
) -> PinElements {
    let ksn_field = ksn_field(section, protocol, own, terminals);
    let Some(Protocol::Iso8583 { dialect, .. }) = protocol else {
        for key in ["pin_change_code", "new_pin_field", "pin_unblock_code"] {
            section.refuse(key, "belongs to `protocol = \"iso8583\"`");
        }
        return PinElements { ksn_field, ..PinElements::default() };
    };
    for (key, place) in
        own.map(|key| (key, "pin_key")).into_iter().chain(named(terminals).map(|key| (key, "terminal")))
    {
        if let Err(complaint) = holds_block(dialect, key) {
            section.complain(place, complaint);
        }
    }
    let change_code = section.optional("pin_change_code", transaction_code);
    let unblock_code = section.optional("pin_unblock_code", transaction_code);
    if unblock_code.is_some() && unblock_code == change_code {
        let complaint =
            Complaint::new("is `pin_change_code` as well", "give each transaction a code of its own");
        section.complain("pin_unblock_code", complaint);
    }
    let new_pin_field = match section.has("pin_change_code") {
        true => section.required("new_pin_field", |value| element(value, dialect)),
        false => {
            section.refuse("new_pin_field", "has no meaning without `pin_change_code`");
            None
        }
    };
    PinElements { ksn_field, change_code, new_pin_field, unblock_code }
}

/// The first two digits of DE 3; what the switch serves by itself is taken.
fn transaction_code(value: &DeValue<'_>) -> Result<[u8; 2], Complaint> {
    let digits: Option<[u8; 2]> = text(value)?.as_bytes().try_into().ok();
    let own = digits.filter(|digits| digits[0] == b'9' && digits[1].is_ascii_digit());
    let mend = "two digits from \"90\" to \"99\", as your network has them";
    own.ok_or_else(|| Complaint::new("is no transaction type that is free for this", mend))
}

/// The element with the key serial number: a listener has one if a PIN of its terminals may come under DUKPT.
fn ksn_field(
    section: &mut Section<'_>,
    protocol: Option<&Protocol>,
    own: Option<&PinKey>,
    terminals: &TerminalSet,
) -> Option<u8> {
    let dukpt = own
        .into_iter()
        .chain(named(terminals))
        .map(|key| key.kind)
        .any(|kind| matches!(kind, PinKeyKind::Bdk { .. }));
    if !dukpt {
        section.refuse("ksn_field", "has no meaning without a `pin_key` of type BDK");
        return None;
    }
    match protocol? {
        Protocol::Ndc(_) => {
            let mend = "name a key of type TPK or ZPK";
            section.complain("pin_key", Complaint::new("is a BDK, and NDC carries no serial number", mend));
            None
        }
        Protocol::Iso8583 { dialect, .. } => {
            let chosen = section.optional("ksn_field", |value| element(value, dialect));
            if chosen.is_none() && !section.has("ksn_field") {
                match holds_serial(dialect, field::SECURITY_CONTROL) {
                    Ok(()) => return Some(field::SECURITY_CONTROL),
                    Err(reason) => {
                        let mend = "name the element in which the terminals send the serial number: `ksn_field = 62`";
                        let reason = format!("is needed: DE 53 {reason} in this dialect");
                        section.complain("ksn_field", Complaint::new(reason, mend));
                    }
                }
            }
            chosen
        }
    }
}

/// Keys of terminals that have one of their own.
fn named(terminals: &TerminalSet) -> impl Iterator<Item = &PinKey> {
    let terminals = terminals.listed.values().chain(terminals.prefixes.iter().map(|(_, terminal)| terminal));
    terminals.filter_map(|terminal| terminal.pin_key.as_ref())
}

/// Whether DE 52 has room for the blocks of this key.
fn holds_block(dialect: &Dialect, key: &PinKey) -> Result<(), Complaint> {
    let bytes = if key.format == *b"48" { 16 } else { 8 };
    let Some(spec) = dialect.field(field::PIN_BLOCK).filter(|spec| spec.class == Class::B) else {
        return Ok(());
    };
    let units = if matches!(spec.encoding, Encoding::Hex(_)) { 2 * bytes } else { bytes };
    let fits = match spec.length {
        Length::Fixed(length) => u32::from(length) == units,
        Length::Variable { max } => max >= units,
        Length::Rest => true,
    };
    let mend = format!("give DE 52 the type \"b{bytes}\" in a dialect file, or name another key");
    if fits {
        Ok(())
    } else {
        Err(Complaint::new(
            format!("makes PIN blocks of {bytes} bytes, which DE 52 does not hold in this dialect"),
            mend,
        ))
    }
}

fn element(value: &DeValue<'_>, dialect: &Dialect) -> Result<u8, Complaint> {
    let field = number(2..=128)(value)? as u8;
    let mend = "name an element of hexadecimal digits or of binary that your terminals fill";
    holds_serial(dialect, field).map(|()| field).map_err(|reason| Complaint::new(reason, mend))
}

fn holds_serial(dialect: &Dialect, field: u8) -> Result<(), &'static str> {
    let Some(spec) = dialect.field(field) else { return Err("does not exist") };
    match spec.class {
        // A serial number has digits above 9.
        Class::N | Class::Z | Class::Xn | Class::A | Class::Ns | Class::As => {
            Err("holds no hexadecimal digits")
        }
        Class::An | Class::Ans | Class::H | Class::Any | Class::B => Ok(()),
    }
}

fn is_aes(cryptogram: &str) -> bool {
    KeyField::parse(cryptogram).is_ok_and(|key| key.is_aes())
}

fn pin_format(value: &DeValue<'_>, aes: bool) -> Result<[u8; 2], Complaint> {
    let mend = "a payShield format code: \"01\" ISO 9564-1 format 0, \"05\" format 1, \"47\" format 3, \"48\" format 4 (AES keys), \"03\" Diebold";
    let fail = || Complaint::new("is no supported PIN block format", mend);
    let code: [u8; 2] = text(value)?.as_bytes().try_into().map_err(|_| fail())?;
    match PinBlockFormat::from_code(code) {
        // Format 2 stays between a terminal and its chip.
        Ok(PinBlockFormat::Iso2) | Err(_) => Err(fail()),
        Ok(format) if (format == PinBlockFormat::Iso4) == aes => Ok(code),
        Ok(_) if aes => {
            Err(Complaint::new("is of TDES, and `pin_key` is an AES key", "\"48\", or leave it out"))
        }
        Ok(_) => {
            let mend = "name a key block of an AES key in `pin_key`, or another format";
            Err(Complaint::new("is of AES, and `pin_key` is a TDES key", mend))
        }
    }
}

fn ksn_descriptor(value: &DeValue<'_>) -> Result<[u8; 3], Complaint> {
    let digits: Option<[u8; 3]> = text(value)?.as_bytes().try_into().ok();
    let legal = digits.filter(|digits| digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')));
    let mend = "three hexadecimal digits, the lengths of key set, sub-key and device: \"A05\", \"605\"";
    legal.ok_or_else(|| Complaint::new("is no key serial number descriptor", mend))
}
