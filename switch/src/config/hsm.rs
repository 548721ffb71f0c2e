//! The `[hsm]` table.

use super::error::Complaint;
use super::section::{Item, Section};
use super::value::{address, duration_up_to, number, one_of};
use crate::settings::{HsmSettings, PayShieldSettings, UnitSettings};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use toml::de::DeValue;

/// What the table says.
pub(super) struct Hsm {
    pub(super) settings: HsmSettings,
    /// Of one command, and of a request that waits for the HSM.
    pub(super) deadline: Duration,
    pub(super) public_test_lmk: bool,
}

/// Keys that only mean something with units.
const PAYSHIELD_KEYS: [&str; 6] =
    ["units", "header_length", "connections", "in_flight", "queue", "health_interval"];

/// How units are written.
const UNITS: &str = "name each unit by its address or as a table: \
    [\"127.0.0.1:1500\", { address = \"127.0.0.1:1501\", weight = 2, licence_rate = 250 }]";

pub(super) fn read(top: &mut Section<'_>) -> Hsm {
    let deadline = Duration::from_secs(2);
    let nothing = Hsm { settings: HsmSettings::Embedded { workers: 1 }, deadline, public_test_lmk: false };
    let Some(mut section) = top.table("hsm") else {
        if !top.has("hsm") {
            top.complain(
                "hsm",
                Complaint::new("is missing", "add [hsm] with mode = \"embedded\" or \"payshield\""),
            );
        }
        return nothing;
    };
    let embedded = section.required("mode", one_of(&[("embedded", true), ("payshield", false)]));
    let deadline = section.or("deadline", deadline, duration_up_to(Duration::from_mins(1)));
    let lmk = section.optional("lmk", one_of(&[("public-test", ())]));
    let settings = match embedded {
        Some(true) => embedded_hsm(&mut section),
        Some(false) => payshield(&mut section, deadline),
        None => nothing.settings,
    };
    section.finish();
    Hsm { settings, deadline, public_test_lmk: lmk.is_some() }
}

/// The embedded HSM has only the LMK that everyone knows, and whoever uses it must have said so.
fn embedded_hsm(section: &mut Section<'_>) -> HsmSettings {
    if !section.has("lmk") {
        let mend = "add lmk = \"public-test\": its keys are public, so it is for development only";
        section.complain("lmk", Complaint::new("must be stated for the embedded HSM", mend));
    }
    for key in PAYSHIELD_KEYS {
        section.refuse(key, "belongs to mode = \"payshield\"");
    }
    HsmSettings::Embedded { workers: section.or("workers", 1, number(1..=64)) as usize }
}

fn payshield(section: &mut Section<'_>, deadline: Duration) -> HsmSettings {
    section.refuse("workers", "belongs to mode = \"embedded\"");
    let usual = PayShieldSettings::new(units(section));
    HsmSettings::PayShield(PayShieldSettings {
        header_length: section.or("header_length", usual.header_length as u64, number(4..=255)) as usize,
        connections: section.or("connections", usual.connections as u64, number(1..=64)) as usize,
        in_flight: section.or("in_flight", usual.in_flight as u64, number(1..=4096)) as usize,
        queue: section.or("queue", usual.queue as u64, number(1..=1_000_000)) as usize,
        health_interval: section.or(
            "health_interval",
            usual.health_interval,
            duration_up_to(Duration::from_hours(1)),
        ),
        deadline,
        units: usual.units,
    })
}

fn units(section: &mut Section<'_>) -> Vec<UnitSettings> {
    let mut taken = BTreeSet::new();
    section.items("units", UNITS).into_iter().filter_map(|item| unit(item, &mut taken)).collect()
}

fn unit(item: Item<'_>, taken: &mut BTreeSet<SocketAddr>) -> Option<UnitSettings> {
    let twice = || {
        let mend = "remove it; `weight` gives a unit more work and `connections` more connections";
        Complaint::new("is named twice", mend)
    };
    match item {
        Item::Value(place) => {
            let address = place.read(unit_address)?;
            if !taken.insert(address) {
                place.complain(twice());
            }
            Some(UnitSettings::new(address))
        }
        Item::Table(mut table) => {
            let address = table.required("address", unit_address);
            if address.is_some_and(|address| !taken.insert(address)) {
                table.complain("address", twice());
            }
            let weight = table.or("weight", 1, number(1..=100)) as u32;
            let licence_rate = table.or("licence_rate", 0, number(0..=1_000_000)) as u32;
            table.finish();
            Some(UnitSettings { address: address?, weight, licence_rate })
        }
    }
}

/// An address one can connect to.
fn unit_address(value: &DeValue<'_>) -> Result<SocketAddr, Complaint> {
    match address(value)? {
        address if address.port() == 0 => {
            Err(Complaint::new("has no port", "a payShield usually listens on 1500: \"127.0.0.1:1500\""))
        }
        address => Ok(address),
    }
}
