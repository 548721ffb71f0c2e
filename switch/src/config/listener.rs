//! `[[listener]]`: where terminals, hosts and ATMs connect, and which terminals they may be.

use super::conventions;
use super::error::Complaint;
use super::keys::KeyRing;
use super::ndc;
use super::pin_key;
use super::section::Section;
use super::tls::{Identity, MODES, TlsMode, common_names};
use super::value::{
    address, currency, duration_up_to, list, number, one_of, percent, size_within, switch, text,
};
use super::verification;
use crate::dialects::{self, DialectsError};
use crate::settings::{Certificates, ListenerSettings, Protocol};
use crate::translate::iso::Conventions;
use crate::translate::iso::{AnswerText, Datum, Extras, FieldPath};
use auth::{Link, LinkName, Terminal, TerminalSet, TransactionType};
use card::{MerchantId, TerminalId};
use iso8583::{Dialect, Edition, Mti, field};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use toml::de::DeValue;

const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

/// Longest frame that a two-byte length can announce.
const LONGEST_FRAME: u64 = 65_535;

/// Listeners as read so far, and what the core knows of them.
pub(super) struct Listeners<'a> {
    pub(super) listeners: Vec<ListenerSettings>,
    pub(super) links: HashMap<LinkName, Link>,
    /// Who has which address, the administration included.
    pub(super) addresses: BTreeMap<SocketAddr, String>,
    pub(super) keys: &'a KeyRing,
    pub(super) identity: &'a Identity,
    pub(super) folder: &'a Path,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Iso8583,
    Ndc,
}

impl Listeners<'_> {
    pub(super) fn take(&mut self, top: &mut Section<'_>) {
        for section in top.tables("listener") {
            self.take_one(section);
        }
    }

    fn take_one(&mut self, mut section: Section<'_>) {
        let name = section.required("name", link_name);
        if let Some(name) = name.filter(|name| self.links.contains_key(name)) {
            section.complain("name", Complaint::bare(format!("the name \"{name}\" is taken")));
        }
        let address = section.required("address", address);
        self.claim(&section, address, name.as_ref().map_or("?", LinkName::as_str));
        let kind = section.required("protocol", one_of(&[("iso8583", Kind::Iso8583), ("ndc", Kind::Ndc)]));
        let mode = section.or("tls", TlsMode::Required, one_of(MODES));
        let tls = self.tls(&mut section, mode, address);
        let mut terminals = Terminals::new(self.keys, kind, mode);
        terminals.certificates.others = certificates(&mut section, "client_certificate", mode);
        terminals.take(&mut section);
        let pin_key = pin_key::read(&mut section, self.keys);
        let own = section.or("own", true, switch);
        let settlement = section.optional("settlement", currency);
        let surcharge_on_top =
            section.or("surcharge", false, one_of(&[("in_amount", false), ("on_top", true)]));
        let amount_tolerance = section.optional("amount_tolerance", percent(100));
        let protocol = protocol(&mut section, kind, &mut terminals, self.folder);
        let conventions = match kind {
            Some(Kind::Ndc) => {
                section.refuse("conventions", "belongs to `protocol = \"iso8583\"`");
                Conventions::default()
            }
            _ => section.table("conventions").map_or_else(Conventions::default, conventions::read),
        };
        let one_time_code = one_time_code(&mut section, protocol.as_ref());
        let verification_wanted = verification::code(&mut section);
        let pins = pin_key::elements(&mut section, protocol.as_ref(), pin_key.as_ref(), &terminals.set);
        let settings = ListenerSettings {
            name: name.unwrap_or_else(placeholder),
            address: address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            protocol: protocol.unwrap_or_else(any_protocol),
            conventions: Arc::new(conventions),
            tls,
            certificates: terminals.certificates,
            pins,
            idle_timeout: section.or("idle_timeout", Duration::from_mins(5), duration_up_to(LONGEST_TIMEOUT)),
            write_timeout: section.or(
                "write_timeout",
                Duration::from_secs(5),
                duration_up_to(LONGEST_TIMEOUT),
            ),
            max_frame: section.or("max_frame", 4096, size_within(128..=LONGEST_FRAME)) as usize,
            max_connections: section.or("max_connections", 1024, number(1..=65_535)) as usize,
            in_flight: section.or("in_flight", 256, number(1..=16_384)) as usize,
            amounts_in_answers: section.or("amounts_in_answers", true, switch),
            one_time_code,
        };
        section.finish();
        let plain = Link::plain(terminals.set, pin_key, own);
        let link = Link { settlement, surcharge_on_top, amount_tolerance, verification_wanted, ..plain };
        self.links.insert(settings.name, link);
        self.listeners.push(settings);
    }

    /// Two parties cannot listen at one address. Port 0 is a new port each time.
    pub(super) fn claim(&mut self, section: &Section<'_>, address: Option<SocketAddr>, name: &str) {
        let Some(address) = address.filter(|address| address.port() != 0) else { return };
        if let Some(other) = self.addresses.insert(address, name.to_owned()) {
            let complaint =
                Complaint::new(format!("{address} is taken by {other:?}"), "give each its own port");
            section.complain("address", complaint);
        }
    }

    fn tls(
        &self,
        section: &mut Section<'_>,
        mode: TlsMode,
        address: Option<SocketAddr>,
    ) -> Option<crate::settings::TlsSettings> {
        let own = Identity::read(section, self.folder);
        if mode == TlsMode::Off && address.is_some_and(|address| !address.ip().is_loopback()) {
            section.complain("tls", plain_outside());
        }
        match own.or(self.identity).settings(mode) {
            Ok(tls) => tls,
            Err(complaint) => {
                section.complain("tls", complaint);
                None
            }
        }
    }
}

/// Why plain TCP is refused.
pub(super) fn plain_outside() -> Complaint {
    Complaint::new(
        "plain TCP is only for loopback addresses",
        "use `tls = \"required\"`, or listen on 127.0.0.1",
    )
}

fn protocol(
    section: &mut Section<'_>,
    kind: Option<Kind>,
    terminals: &mut Terminals<'_, '_>,
    folder: &Path,
) -> Option<Protocol> {
    match kind? {
        Kind::Iso8583 => {
            section.refuse("ndc", "belongs to `protocol = \"ndc\"`");
            let dialect = section.required("dialect", |value| dialect(value, folder));
            let framing = section.table("framing");
            let extras = extras(section, dialect.as_deref());
            let dialect = dialect?;
            let framing = match framing {
                Some(table) => super::framing::framing(table, dialect.header().length, dialect.framing()),
                None => dialect.framing().clone(),
            };
            Some(Protocol::Iso8583 { dialect, framing, extras: Arc::new(extras) })
        }
        Kind::Ndc => {
            section.refuse("dialect", "belongs to `protocol = \"iso8583\"`");
            section.refuse("framing", "belongs to `protocol = \"iso8583\"`");
            section.refuse("fields", "belongs to `protocol = \"iso8583\"`");
            section.refuse("answers", "belongs to `protocol = \"iso8583\"`");
            let Some(table) = section.table("ndc") else {
                let mend =
                    "add [listener.ndc] with the site's states and screens; docs/configuration.md lists them";
                section.complain("ndc", Complaint::new("is missing", mend));
                return None;
            };
            ndc::settings(table, &mut terminals.cassettes).map(|settings| Protocol::Ndc(Arc::new(settings)))
        }
    }
}

/// `[listener.fields]`, where data of requests stand, and `[listener.answers]`, what answers carry.
fn extras(section: &mut Section<'_>, dialect: Option<&Dialect>) -> Extras {
    let known = |field: u8| dialect.is_none_or(|dialect| dialect.field(field).is_some());
    let lacks = |field: u8| Complaint::bare(format!("the dialect has no data element {field}"));
    let mut extras = Extras::default();
    if let Some(mut fields) = section.table("fields") {
        for (word, datum) in Datum::WORDS {
            let path = fields.optional(word, |value| {
                let mend = "a data element, a part of it, some characters: \"48\", \"48.92\", \"126.10:4-6\"";
                let path = FieldPath::parse(text(value)?);
                let path = path.ok_or_else(|| Complaint::new("is no place in a message", mend))?;
                if known(path.field()) { Ok(path) } else { Err(lacks(path.field())) }
            });
            extras.request.extend(path.map(|path| (datum, path)));
        }
        fields.finish();
    }
    if let Some(mut answers) = section.table("answers") {
        for (key, value) in answers.entries() {
            let mend = "text with {address}, {cvv2} or {reward} in it: 44 = \" {address}       {cvv2}\"";
            let field = key.parse().ok().filter(|field| (2..=127).contains(field));
            let answer = field.and_then(|field| AnswerText::parse(field, text(value).ok()?));
            match answer {
                None => answers.complain(key, Complaint::new("is nothing that an answer carries", mend)),
                Some(answer) if DECIDED.contains(&answer.field) => {
                    answers.complain(key, Complaint::bare("is a data element of the decision itself"));
                }
                Some(answer) if !known(answer.field) => answers.complain(key, lacks(answer.field)),
                Some(answer) => extras.answers.push(answer),
            }
        }
        extras.answers.sort_by_key(|answer| answer.field);
    }
    extras
}

/// What an answer carries by itself. Of the first ten elements it writes amounts and rates, and others cannot come
/// between them.
const DECIDED: [u8; 15] = [
    2,
    3,
    field::AMOUNT,
    field::AMOUNT_SETTLEMENT,
    field::AMOUNT_BILLING,
    7,
    8,
    9,
    10,
    field::AUTHORIZATION_ID,
    field::RESPONSE_CODE,
    field::CURRENCY_SETTLEMENT,
    field::CURRENCY_BILLING,
    field::ADDITIONAL_AMOUNTS,
    field::ICC,
];

/// The field of one-time codes, which the dialect must have.
fn one_time_code(section: &mut Section<'_>, protocol: Option<&Protocol>) -> Option<u8> {
    match protocol {
        Some(Protocol::Iso8583 { dialect, .. }) => section.optional("one_time_code", |value| {
            let field = number(2..=128)(value)? as u8;
            match dialect.field(field) {
                Some(_) => Ok(field),
                None => Err(Complaint::new(
                    format!("is DE {field}, which the dialect {:?} does not have", dialect.name()),
                    "name the field in which terminals send it: 48, 62 or another of private use",
                )),
            }
        }),
        Some(Protocol::Ndc(_)) => {
            section.refuse("one_time_code", "of ATMs belongs into [listener.ndc]");
            None
        }
        // That mistake has been noted.
        None => section.optional("one_time_code", number(2..=128)).map(|field| field as u8),
    }
}

/// The terminals of one listener as read so far.
struct Terminals<'k, 'f> {
    set: TerminalSet,
    certificates: Certificates,
    /// Cassettes of each ATM, for whoever knows the currency.
    cassettes: Vec<ndc::Cassettes<'f>>,
    keys: &'k KeyRing,
    kind: Option<Kind>,
    mode: TlsMode,
}

/// Which terminals an identification means.
enum Named<'f> {
    One(TerminalId),
    Prefix(&'f str),
}

impl<'k, 'f> Terminals<'k, 'f> {
    fn new(keys: &'k KeyRing, kind: Option<Kind>, mode: TlsMode) -> Terminals<'k, 'f> {
        Terminals {
            set: TerminalSet::default(),
            certificates: Certificates::default(),
            cassettes: Vec::new(),
            keys,
            kind,
            mode,
        }
    }

    fn take(&mut self, listener: &mut Section<'f>) {
        let sections = listener.tables("terminal");
        if sections.is_empty() && !listener.has("terminal") {
            let mend = "add [[listener.terminal]] with id = \"*\" to let any in";
            listener.complain("", Complaint::new("no terminal may speak through this listener", mend));
        }
        for section in sections {
            self.take_one(section);
        }
    }

    fn take_one(&mut self, mut section: Section<'f>) {
        let id = section.required("id", identification);
        let certificates = certificates(&mut section, "certificate", self.mode);
        let terminal = Terminal {
            active: section.or("active", true, switch),
            allowed: section
                .or("allow", TransactionType::SERVED.to_vec(), |value| list(value, one_of(&TRANSACTIONS))),
            merchant: section.optional("merchant", merchant),
            pin_key: pin_key::read(&mut section, self.keys),
            reads_chip: section.optional("reads_chip", switch),
            attended: section.optional("attended", switch),
            unreferenced_refunds: section.or("unreferenced_refunds", false, switch),
        };
        match id {
            Some(Named::One(id)) => self.take_exact(&mut section, id, terminal, certificates),
            Some(Named::Prefix(prefix)) => self.take_prefix(&mut section, prefix, terminal, certificates),
            None => {}
        }
        if self.kind == Some(Kind::Ndc) {
            let luno = section.required("id", text).filter(|id| ndc::is_luno(id));
            self.cassettes.push(ndc::Cassettes { luno, section });
        } else {
            section.refuse("cassettes", "only ATMs of an ndc listener have cassettes");
            section.finish();
        }
    }

    fn take_exact(
        &mut self,
        section: &mut Section<'_>,
        id: TerminalId,
        terminal: Terminal,
        certificates: Option<Vec<String>>,
    ) {
        if self.kind == Some(Kind::Ndc) && !ndc::is_luno(id.as_str()) {
            section.complain("id", Complaint::new("is not a LUNO", "1 to 8 letters and digits"));
        }
        if self.set.listed.insert(id, terminal).is_some() {
            section.complain("id", Complaint::bare(format!("the terminal \"{id}\" stands here twice")));
        }
        self.certificates.listed.extend(certificates.map(|names| (id, names)));
    }

    fn take_prefix(
        &mut self,
        section: &mut Section<'_>,
        prefix: &str,
        terminal: Terminal,
        certificates: Option<Vec<String>>,
    ) {
        if self.kind == Some(Kind::Ndc) {
            let mend = "an ATM has cassettes of its own, so name each LUNO";
            section.complain("id", Complaint::new("cannot stand for several ATMs", mend));
        }
        if self.set.prefixes.iter().any(|(other, _)| other == prefix) {
            section.complain("id", Complaint::bare(format!("\"{prefix}*\" stands here twice")));
        }
        self.set.prefixes.push((prefix.to_owned(), terminal));
        self.certificates.prefixes.extend(certificates.map(|names| (prefix.to_owned(), names)));
    }
}

/// What a terminal may be allowed, by name.
pub(super) static TRANSACTIONS: LazyLock<Vec<(&str, TransactionType)>> =
    LazyLock::new(|| TransactionType::SERVED.map(|transaction| (transaction.as_str(), transaction)).to_vec());

/// The same without what is about the PIN alone: no limit and no fee asks about that, and it needs more of a link than a
/// code (`pin_change_code`, `pin_unblock_code`).
pub(super) static OF_ACCOUNTS: LazyLock<Vec<(&str, TransactionType)>> = LazyLock::new(|| {
    let about_pin = [TransactionType::PinChange, TransactionType::PinUnblock];
    TRANSACTIONS.iter().filter(|(_, of)| !about_pin.contains(of)).copied().collect()
});

/// Whose certificates may speak for the terminals of a listener or of one entry; `None` when it is not said.
fn certificates(section: &mut Section<'_>, key: &'static str, mode: TlsMode) -> Option<Vec<String>> {
    let names = section.optional(key, common_names);
    if section.has(key) && mode != TlsMode::Required {
        let mend = format!("use `tls = \"required\"` for the listener, or remove `{key}`");
        section.complain(key, Complaint::new("this listener asks for no certificate", mend));
    }
    names
}

fn link_name(value: &DeValue<'_>) -> Result<LinkName, Complaint> {
    let mend = format!("1 to {} printable characters without spaces", LinkName::CAPACITY);
    LinkName::new(text(value)?).ok_or_else(|| Complaint::new("is not a name for a link", mend))
}

/// A compiled-in dialect by its name, or a file relative to the folder of the configuration.
fn dialect(value: &DeValue<'_>, folder: &Path) -> Result<Arc<Dialect>, Complaint> {
    let name = text(value)?;
    let dialect = dialects::find(name, folder).map_err(|error| match error {
        DialectsError::Unknown { .. } => Complaint::not_known("dialect", name, Dialect::names()),
        DialectsError::File { .. } => {
            Complaint::new(error.to_string(), "paths are relative to the folder of the configuration")
        }
        DialectsError::Faults { .. } => Complaint::new(
            format!("is no dialect: {error}"),
            "`turnout message dialect check FILE` tells all of it",
        ),
    })?;
    if dialect.edition() != Edition::Iso1987 {
        let mend = "the switch speaks the 1987 edition so far; its tools read all editions";
        return Err(Complaint::new(format!("is of the {} edition", dialect.edition().year()), mend));
    }
    // Without its STAN an answer cannot be told from others.
    let answered =
        [Mti::AUTHORIZATION_REQUEST, Mti::FINANCIAL_REQUEST, Mti::REVERSAL_REQUEST, Mti::REVERSAL_ADVICE];
    match answered.into_iter().find(|mti| !dialect.rules().echo(*mti).has(field::STAN)) {
        None => Ok(dialect),
        Some(mti) => Err(Complaint::new(
            format!("has no rule by which the answer to {mti} repeats DE 11"),
            "add `[[rule]]` tables with `mti` and `echo` as `turnout message dialect show iso87_ascii` has them",
        )),
    }
}

fn identification<'f>(value: &'f DeValue<'f>) -> Result<Named<'f>, Complaint> {
    let id = text(value)?;
    let mend = "up to 8 printable characters (DE 41), `TERM*` for a beginning, or `*` for any terminal";
    let fail = || Complaint::new("is not a terminal identification", mend);
    if let Some(prefix) = id.strip_suffix('*') {
        let fits = TerminalId::new(prefix.as_bytes()).is_some() && !prefix.contains('*');
        return if fits { Ok(Named::Prefix(prefix)) } else { Err(fail()) };
    }
    let id = Some(id).filter(|id| !id.trim().is_empty() && !id.contains('*'));
    id.and_then(|id| TerminalId::new(id.as_bytes())).map(Named::One).ok_or_else(fail)
}

fn merchant(value: &DeValue<'_>) -> Result<MerchantId, Complaint> {
    let id = Some(text(value)?).filter(|id| !id.trim().is_empty());
    let mend = "up to 15 printable characters (DE 42)";
    id.and_then(|id| MerchantId::new(id.as_bytes()))
        .ok_or_else(|| Complaint::new("is not a merchant identification", mend))
}

/// Stands in for a name that was wrong, so that reading goes on.
fn placeholder() -> LinkName {
    LinkName::new("?").expect("a question mark is printable")
}

/// Stands in for a dialect that was wrong, so that reading goes on.
fn any_protocol() -> Protocol {
    let dialect = Dialect::names().find_map(Dialect::by_name).expect("a listed dialect is known by its name");
    Protocol::Iso8583 {
        dialect: Arc::clone(dialect),
        framing: dialect.framing().clone(),
        extras: Arc::new(Extras::default()),
    }
}
