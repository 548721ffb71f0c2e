//! The configuration file: read, checked, and turned into [`Settings`].
//!
//! One TOML file holds everything; `docs/configuration.md` explains it. Every mistake is reported, not
//! only the first, with its line and how to mend it, so that `turnout check` needs to run once.
//! Keys that `turnout key import` has added stand in `keys.toml` of the data folder.

mod card_modes;
mod conventions;
mod error;
mod fee;
mod framing;
mod hsm;
mod keys;
mod ledger;
mod limit;
mod listener;
mod master_key;
mod ndc;
mod pin_key;
mod product;
mod rate;
mod remote;
mod scripts;
mod section;
mod tls;
mod transactions;
mod value;
mod verification;
mod webhook;

pub use error::ConfigError;
pub(crate) use keys::is_key_name;
pub use keys::{KeyKind, NamedKey};
pub(crate) use value::{LARGEST_MINOR, parse_duration};

use crate::master_key::MasterKeySource;
use crate::settings::{AdminSettings, RetentionSettings, Settings, SnapshotSettings, TransactionSettings};
use auth::{Memory, Tables};
use card::UtcOffset;
use error::{Complaint, Findings};
use keys::KeyRing;
use listener::Listeners;
use product::Products;
use rules::RuleSource;
use section::Section;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Retire;
use tls::{Identity, TlsMode};
use toml::de::{DeTable, DeValue};
use value::{address, country, duration_up_to, number, one_of, signed, size_within, switch, text};

/// What the file says, with what only tools ask for.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// What `serve` needs.
    pub settings: Settings,
    /// Every key, by name.
    pub keys: Vec<NamedKey>,
    /// Whether the HSM is stated to work under the public test LMK, so that clear test keys may be
    /// brought in.
    pub public_test_lmk: bool,
    /// Where the configuration was read from.
    pub file: PathBuf,
}

impl Configuration {
    /// Folder of the journal and of what tools keep.
    #[must_use]
    pub fn data_folder(&self) -> &Path {
        &self.settings.data_folder
    }

    /// File of the keys that tools have added.
    #[must_use]
    pub fn imported_keys_file(&self) -> PathBuf {
        self.settings.data_folder.join(IMPORTED_KEYS)
    }

    /// A mistake about a key that only the HSM can find.
    #[must_use]
    pub fn key_mistake(&self, key: &NamedKey, reason: String, mend: &str) -> ConfigError {
        let file = if key.imported { self.imported_keys_file() } else { self.file.clone() };
        let name = format!("key {:?}", key.key.name);
        ConfigError { file, line: Some(key.line), key: name, reason, mend: Some(mend.to_owned()) }
    }
}

/// Reads the configuration as `serve` needs it.
///
/// # Errors
/// Every mistake in the file, in the order of its lines.
pub fn load(path: &Path) -> Result<Settings, Vec<ConfigError>> {
    read(path).map(|configuration| configuration.settings)
}

/// Reads the configuration with what only tools ask for.
///
/// # Errors
/// Every mistake in the file, in the order of its lines.
pub fn read(path: &Path) -> Result<Configuration, Vec<ConfigError>> {
    let content = match std::fs::read_to_string(path) {
        Ok(content) => content,
        Err(error) => return Err(vec![unreadable(path, &error)]),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let findings = Findings::new(path, &content);
    let (table, errors) = DeTable::parse_recoverable(&content);
    for error in errors {
        findings.add(error.span(), "", Complaint::bare(error.message()));
    }
    // What the parser made of a broken file would only give rise to more complaints.
    if !findings.is_empty() {
        return Err(findings.into_errors());
    }
    let mut keys = KeyRing::default();
    let mut top = Section::top(&findings, table.get_ref());
    keys.take(&mut top, false);
    let storage = storage(&mut top, folder);
    let mut errors = Vec::new();
    if let Err(findings) = keys.take_imported(&storage.data_folder.join(IMPORTED_KEYS)) {
        errors = findings.into_errors();
    }
    let configuration = everything(&mut top, folder, storage, &keys);
    top.finish();
    errors.splice(0..0, findings.into_errors());
    if errors.is_empty() {
        Ok(Configuration { keys: keys.into_keys(), file: path.to_owned(), ..configuration })
    } else {
        Err(errors)
    }
}

/// File of the data folder in which `turnout key import` keeps keys.
pub const IMPORTED_KEYS: &str = "keys.toml";

/// Where things are kept.
struct Storage {
    data_folder: PathBuf,
    master_key: MasterKeySource,
    segment_bytes: u64,
    transactions: TransactionSettings,
    snapshots: SnapshotSettings,
    retention: RetentionSettings,
}

fn storage(top: &mut Section<'_>, folder: &Path) -> Storage {
    let path = |value| text(value).map(|path| folder.join(path));
    let data_folder = top.or("data", folder.join("turnout-data"), path);
    let in_data = MasterKeySource::File(data_folder.join("master.key"));
    let master_key = top.or("master_key", in_data, |value| master_key::source(value, folder));
    let mut segment_bytes = 64 << 20;
    let archive = data_folder.join("journal-archive");
    // So that a transaction store that is made anew has what late repeats and reversals may reach.
    let keep = days(transactions::REACHED_DAYS);
    let mut retention = RetentionSettings { keep, then: Retire::Archive(archive) };
    if let Some(mut journal) = top.table("journal") {
        segment_bytes = journal.or("segment", segment_bytes, size_within(64 << 10..=4 << 30));
        retention = read_retention(&mut journal, retention, folder);
        journal.finish();
    }
    let transactions = transactions::read(top, folder, &data_folder);
    let mut snapshots = SnapshotSettings { journal_bytes: 128 << 20, keep: 2 };
    if let Some(mut section) = top.table("snapshots") {
        snapshots.journal_bytes =
            section.or("journal", snapshots.journal_bytes, size_within(64 << 10..=1 << 40));
        snapshots.keep = section.or("keep", 2, number(1..=100)) as usize;
        section.finish();
    }
    Storage { data_folder, master_key, segment_bytes, transactions, snapshots, retention }
}

/// What becomes of segments that no snapshot needs any more.
fn read_retention(journal: &mut Section<'_>, usual: RetentionSettings, folder: &Path) -> RetentionSettings {
    let keep = journal.or("keep", usual.keep, duration_up_to(days(3660)));
    let is_archived = journal.or("then", true, one_of(&[("archive", true), ("remove", false)]));
    if !is_archived {
        journal.refuse("archive", "belongs to then = \"archive\"");
        return RetentionSettings { keep, then: Retire::Remove };
    }
    let archive = journal.optional("archive", |value| text(value).map(|path| folder.join(path)));
    RetentionSettings { keep, then: archive.map_or(usual.then, Retire::Archive) }
}

fn everything(top: &mut Section<'_>, folder: &Path, storage: Storage, keys: &KeyRing) -> Configuration {
    let business_offset = top.or("business_offset", UtcOffset::default(), utc_offset);
    let country = top.or("country", 0, country);
    let hold_period = top.or("hold_period", days(7), duration_up_to(days(365)));
    let drain_deadline =
        top.or("drain_deadline", Duration::from_secs(10), duration_up_to(Duration::from_hours(1)));
    let shards = top.or("shards", 1, number(1..=auth::limits::SHARDS as u64)) as usize;
    let memory = memory(top, shards);
    let hsm = hsm::read(top);
    if let Err(error) = storage.master_key.check(&hsm.settings) {
        top.complain("master_key", master_key::complaint(&storage.master_key, &error));
    }
    let identity = top.table("tls").map_or_else(Identity::default, |mut section| {
        let identity = Identity::read(&mut section, folder);
        section.finish();
        identity
    });
    let mut listeners = Listeners {
        listeners: Vec::new(),
        links: HashMap::new(),
        addresses: BTreeMap::new(),
        keys,
        identity: &identity,
        folder,
    };
    let admin = admin(top, &mut listeners);
    listeners.take(top);
    if listeners.listeners.is_empty() && !top.has("listener") {
        top.complain("listener", Complaint::new("there is no listener", "add [[listener]]"));
    }
    let webhooks = webhook::read(top, folder);
    let mut products = Products::default();
    products.take(top, keys, country);
    limit::take(top, &mut products, country);
    fee::take(top, &mut products, country);
    let tables = Tables {
        version: 1,
        business_offset,
        country,
        shards: u32::try_from(shards).unwrap_or(1),
        links: listeners.links.into_iter().collect(),
        products: products.products,
        rules: rules(top),
        rates: rate::read(top, folder),
        hsm_deadline: hsm.deadline,
        hold_period,
        modes: card_modes::read(top),
    };
    let settings = Settings {
        data_folder: storage.data_folder,
        master_key: storage.master_key,
        shards,
        segment_bytes: storage.segment_bytes,
        transactions: storage.transactions,
        memory,
        snapshots: storage.snapshots,
        retention: storage.retention,
        drain_deadline,
        hsm: hsm.settings,
        admin,
        listeners: listeners.listeners,
        webhooks,
        tables: Arc::new(tables),
        currencies: Arc::new(products.currencies),
    };
    Configuration { settings, keys: Vec::new(), public_test_lmk: hsm.public_test_lmk, file: PathBuf::new() }
}

/// `[memory]`: how much of the past all shards together keep, which is shared out among them.
fn memory(top: &mut Section<'_>, shards: usize) -> Memory {
    let Memory { mut transactions, mut fingerprints } = Memory::default();
    if let Some(mut section) = top.table("memory") {
        transactions = section.or("transactions", transactions as u64, number(1..=1_000_000_000)) as usize;
        fingerprints = section.or("fingerprints", fingerprints as u64, number(0..=1_000_000_000)) as usize;
        section.finish();
    }
    Memory { transactions: transactions.div_ceil(shards), fingerprints: fingerprints.div_ceil(shards) }
}

fn admin(top: &mut Section<'_>, listeners: &mut Listeners<'_>) -> Option<AdminSettings> {
    let mut section = top.table("admin")?;
    let address: Option<SocketAddr> = section.required("address", address);
    listeners.claim(&section, address, "admin");
    let mode = if section.or("tls", true, switch) { TlsMode::Server } else { TlsMode::Off };
    if mode == TlsMode::Off && address.is_some_and(|address| !address.ip().is_loopback()) {
        section
            .complain("tls", Complaint::new("plain HTTP is only for loopback addresses", "use tls = true"));
    }
    let own = Identity::read(&mut section, listeners.folder);
    let tls = own.or(listeners.identity).settings(mode).unwrap_or_else(|complaint| {
        section.complain("tls", complaint);
        None
    });
    section.finish();
    Some(AdminSettings { address: address?, tls })
}

fn rules(top: &mut Section<'_>) -> rules::Program {
    let mut sections = top.tables("rule");
    let mut sources = Vec::with_capacity(sections.len());
    for section in &mut sections {
        sources.push(RuleSource {
            name: section.required("name", text).unwrap_or_default(),
            when: section.required("when", text).unwrap_or_default(),
            action: section.required("action", text).unwrap_or_default(),
            code: section.optional("code", text),
            // One that cannot be read has been noted, and is not missing.
            score: section.optional("score", signed).or(section.has("score").then_some(1)),
            limit: section.optional("limit", signed).or(section.has("limit").then_some(1)),
            mode: section.optional("mode", text),
        });
    }
    let program = rules::Program::compile(&sources).unwrap_or_else(|errors| {
        for error in errors {
            let key = error.part.key();
            // An absent text has been noted already.
            if let Some(section) = sections.get(error.index).filter(|section| section.has(key)) {
                section.complain(key, Complaint::bare(error.to_string()));
            }
        }
        rules::Program::default()
    });
    sections.into_iter().for_each(Section::finish);
    program
}

fn utc_offset(value: &DeValue<'_>) -> Result<UtcOffset, Complaint> {
    let mend = "the distance from UTC: \"+05:00\", \"-03:30\", \"Z\"";
    UtcOffset::parse(text(value)?).ok_or_else(|| Complaint::new("is no distance from UTC", mend))
}

fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    let (reason, mend) = match error.kind() {
        std::io::ErrorKind::NotFound => {
            ("there is no such file".to_owned(), "`turnout init` makes a configuration to begin with")
        }
        _ => (format!("cannot be read: {error}"), "it has to be a text file that this user may read"),
    };
    let mend = Some(mend.to_owned());
    ConfigError { file: path.to_owned(), line: None, key: String::new(), reason, mend }
}
