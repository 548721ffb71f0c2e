//! The configuration as the running switch uses it: every name resolved, every value checked. Built
//! by [`config`](crate::config) from the file.

mod certificates;
mod hsm;
mod webhook;

pub use certificates::Certificates;
pub use hsm::{HsmSettings, PayShieldSettings, UnitSettings};
pub use webhook::{WebhookSettings, WebhookTarget, WebhookTls};

use crate::master_key::MasterKeySource;
use crate::translate::iso::Conventions;
use auth::{LinkName, Tables};
use card::{Currency, TerminalId};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything `serve` needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of the journal, the master key and imported keys.
    pub data_folder: PathBuf,
    /// Where the key comes from that wraps the keys of data at rest.
    pub master_key: MasterKeySource,
    /// Number of shards, 1 to 64.
    pub shards: usize,
    /// Preallocated size of a journal segment.
    pub segment_bytes: u64,
    /// The transaction store.
    pub transactions: TransactionSettings,
    /// How much of the past each shard keeps in memory.
    pub memory: auth::Memory,
    /// When snapshots are taken.
    pub snapshots: SnapshotSettings,
    /// What becomes of journal segments that no snapshot needs any more.
    pub retention: RetentionSettings,
    /// How long `SIGTERM` waits for answers in flight.
    pub drain_deadline: Duration,
    /// The HSM.
    pub hsm: HsmSettings,
    /// Metrics and health; `None` switches them off.
    pub admin: Option<AdminSettings>,
    /// Where terminals, hosts and ATMs connect.
    pub listeners: Vec<ListenerSettings>,
    /// Who is told of events.
    pub webhooks: Vec<WebhookSettings>,
    /// What the core decides by.
    pub tables: Arc<Tables>,
    /// Currency of the accounts behind each product, by the product's name.
    pub currencies: Arc<BTreeMap<String, Currency>>,
}

/// Transactions for search and reports.
#[derive(Clone, Debug)]
pub struct TransactionSettings {
    /// The SQLite file.
    pub file: PathBuf,
    /// Folder of the Parquet files of closed days.
    pub archive_folder: PathBuf,
    /// Business days that stay in the SQLite file once they are archived, the running one included.
    pub online_days: usize,
    /// How long archive files are kept.
    pub retention: Duration,
}

/// When the state of all shards is written to disk, so that a start need not replay the whole journal.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotSettings {
    /// Not before the journal has grown by so many bytes, in whole segments.
    pub journal_bytes: u64,
    /// How many are kept, at least one. The older ones serve where the newest cannot be read.
    pub keep: usize,
}

/// What becomes of journal segments that no snapshot needs any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionSettings {
    /// How long they stay in the journal's folder after they were last written.
    pub keep: Duration,
    /// What is done with them then.
    pub then: store::Retire,
}

/// The administration listener.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// TLS, or `None` for plain HTTP, which only a loopback address may have.
    pub tls: Option<TlsSettings>,
}

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its name, which is the link's name in every record.
    pub name: LinkName,
    /// Where it listens.
    pub address: SocketAddr,
    /// What is spoken.
    pub protocol: Protocol,
    /// What is done in this link's own way, where ISO 8583 is spoken.
    pub conventions: Arc<Conventions>,
    /// TLS, or `None` for plain TCP, which only a loopback address may have.
    pub tls: Option<TlsSettings>,
    /// Which certificates may speak for which terminals.
    pub certificates: Certificates,
    /// Where ISO 8583 says what about PINs.
    pub pins: PinElements,
    /// A connection that says nothing for this long is closed.
    pub idle_timeout: Duration,
    /// A peer that does not take our bytes for this long is closed.
    pub write_timeout: Duration,
    /// Longest frame.
    pub max_frame: usize,
    /// Connections at the same time; one more is refused.
    pub max_connections: usize,
    /// Requests of one connection that may be unanswered; more wait in the socket.
    pub in_flight: usize,
    /// Whether answers to what was converted carry DE 5, 6, 9, 10, 50 and 51.
    pub amounts_in_answers: bool,
    /// Field of ISO 8583 that has the one-time code of cards in that mode.
    pub one_time_code: Option<u8>,
}

/// Where the messages of a link say what about PINs that the standard leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PinElements {
    /// The element with the key serial number, where PINs come under DUKPT.
    pub ksn_field: Option<u8>,
    /// The transaction type of a PIN change (DE 3, positions 1 and 2); without it there is none.
    pub change_code: Option<[u8; 2]>,
    /// The element with the block of the new PIN.
    pub new_pin_field: Option<u8>,
    /// The transaction type of a PIN unblock; without it there is none.
    pub unblock_code: Option<[u8; 2]>,
}

/// What a listener speaks.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// ISO 8583 from terminals and hosts.
    Iso8583 {
        /// Layout of messages.
        dialect: Arc<iso8583::Dialect>,
        /// How messages lie in the stream.
        framing: iso8583::framing::Framing,
        /// Where messages carry what no dialect puts at one place.
        extras: Arc<crate::translate::iso::Extras>,
    },
    /// NDC from ATMs.
    Ndc(Arc<NdcSettings>),
}

/// Site parameters of NDC: what NCR leaves to the state tables and screens of the ATMs.
#[derive(Clone, Debug)]
pub struct NdcSettings {
    /// Transaction by operation code buffer (8 characters, spaces included).
    pub operation_codes: HashMap<[u8; 8], AtmTransaction>,
    /// Currency of the amount buffer.
    pub currency: Currency,
    /// State after an approved dispense.
    pub approved_state: u16,
    /// Screen of an approved dispense.
    pub approved_screen: u16,
    /// State after an approval without cash.
    pub information_state: u16,
    /// Screen of an approval without cash.
    pub information_screen: u16,
    /// State after a decline.
    pub declined_state: u16,
    /// Screen by response code (DE 39), for declines.
    pub declined_screens: HashMap<String, u16>,
    /// Screen of a decline that has none of its own.
    pub declined_screen: u16,
    /// Notes in the cassettes of each ATM, by LUNO.
    pub atms: HashMap<String, AtmSettings>,
    /// Most notes in one presentation.
    pub max_notes: u8,
    /// How long after an approved dispense the ATM may take to report before it is logged as late.
    pub completion_deadline: Duration,
    /// Whether the ATMs sign messages, so that statuses carry a time variant number position.
    pub mac_enabled: bool,
    /// Which buffer has the one-time code of cards in that mode.
    pub one_time_code: Option<AtmBuffer>,
}

/// A general-purpose buffer of a transaction request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtmBuffer {
    /// Buffer B.
    B,
    /// Buffer C.
    C,
}

/// What an operation code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtmTransaction {
    /// Cash withdrawal.
    Withdrawal,
    /// Balance inquiry.
    BalanceInquiry,
    /// Another PIN, whose block is in field `U`.
    PinChange,
    /// The card may be asked for its PIN again.
    PinUnblock,
}

/// One ATM.
#[derive(Clone, Debug)]
pub struct AtmSettings {
    /// The terminal it is in the tables and records: the LUNO itself, filled to eight characters.
    pub terminal: TerminalId,
    /// Value of one note by cassette type 1 to 4, minor units; 0 where there is no cassette.
    pub denominations_minor: [i64; 4],
}

/// TLS of one listener.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Our certificate chain, PEM.
    pub certificate_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
    /// Authority of client certificates, PEM; `None` asks for no client certificate.
    pub client_authority_file: Option<PathBuf>,
    /// Whether a client without certificate is refused.
    pub client_certificate_required: bool,
}
