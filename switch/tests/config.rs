//! The configuration: the one that `init` makes is good, and every mistake is found, with its line.

use auth::{
    ChipFinding, ChipRules, EntryMode, LinkName, PinKeyKind, PinMethod, Reaction, TransactionType, Transfers,
};
use card::TerminalId;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use switch::command::init::{self, InitOptions, Ports};
use switch::command::key::verify_keys;
use switch::config::{self, ConfigError};
use switch::notifications::EventKind;
use switch::settings::{HsmSettings, Protocol, Settings, UnitSettings};
use switch::translate::iso::ReferredBy;
use tempfile::TempDir;

/// A folder made by `init`, whose configuration a test may change.
struct Site {
    _folder: TempDir,
    file: PathBuf,
    text: String,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let made = init::create(folder.path(), &InitOptions { cards: 1, ports: Ports::default() }).unwrap();
        let text = fs::read_to_string(&made.config).unwrap();
        Site { _folder: folder, file: made.config, text }
    }

    /// The settings after replacing the first occurrence of each text.
    fn load(&self, changes: &[(&str, &str)]) -> Result<Settings, Vec<ConfigError>> {
        let mut text = self.text.clone();
        for (from, to) in changes {
            assert!(text.contains(from), "the configuration of `init` has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        fs::write(&self.file, text).unwrap();
        config::load(&self.file)
    }

    /// The mistakes after replacing, each as `LINE key: reason`, LINE as its text.
    fn mistakes(&self, changes: &[(&str, &str)]) -> Vec<String> {
        let mistakes = self.load(changes).unwrap_err();
        let text = fs::read_to_string(&self.file).unwrap();
        let shown = |mistake: ConfigError| {
            let line = text.lines().nth(mistake.line.unwrap_or(1) - 1).unwrap();
            format!("{} | {}: {}", line.split('#').next().unwrap().trim(), mistake.key, mistake.reason)
        };
        mistakes.into_iter().map(shown).collect()
    }

    /// One change gives one mistake.
    fn check(&self, from: &str, to: &str, expect: &str) {
        assert_eq!(self.mistakes(&[(from, to)]), [expect], "{to}");
    }
}

#[test]
fn what_init_makes_is_good() {
    let settings = Site::new().load(&[]).unwrap();
    let names: Vec<&str> = settings.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["pos", "pos-bcd", "hosts", "atm", "integration"]);
    let pos = &settings.listeners[0];
    assert!(matches!(&pos.protocol, Protocol::Iso8583 { dialect, .. } if dialect.name() == "iso87_ascii"));
    let tls = pos.tls.as_ref().unwrap();
    assert!(tls.client_certificate_required && tls.client_authority_file.is_some());
    assert!(settings.listeners[4].tls.is_none());
    assert!(settings.listeners[4].address.ip().is_loopback());
    assert!(matches!(settings.hsm, HsmSettings::Embedded { workers: 1 }));
    assert_eq!(settings.drain_deadline, Duration::from_secs(10));
    assert_eq!(settings.segment_bytes, 64 << 20);

    let Protocol::Ndc(ndc) = &settings.listeners[3].protocol else { panic!("the fourth speaks NDC") };
    assert_eq!(ndc.atms["001"].denominations_minor, [1000, 2000, 5000, 10000]);
    assert_eq!(ndc.atms["002"].denominations_minor, [2000, 5000, 0, 0]);
    assert_eq!(ndc.declined_screens["51"], 41);
    let atm = TerminalId::new(b"001").unwrap();
    assert_eq!(settings.listeners[3].certificates.listed[&atm], ["atm"]);

    let product = &settings.tables.products[0];
    assert!(matches!(product.pin, Some(PinMethod::Pvv(_))));
    let limits: Vec<_> =
        product.limits.iter().map(|limit| (limit.name.as_str(), limit.bound.amount_minor)).collect();
    assert_eq!(limits[0], ("purchase_per_transaction", Some(50_000)));
    assert_eq!(limits.last(), Some(&("fuel", Some(15_000))));
    assert_eq!(product.issuer_master_keys[0].0, 1);
    let link = &settings.tables.links[&LinkName::new("atm").unwrap()];
    assert_eq!(link.pin_key.as_ref().unwrap().kind, PinKeyKind::Tpk);
    assert!(link.terminals.find(&atm).is_some());
    assert!(link.terminals.find(&TerminalId::new(b"003").unwrap()).is_none());
    let any = settings.tables.links[&LinkName::new("pos").unwrap()].terminals.find(&atm);
    assert_eq!(any.unwrap().allowed, TransactionType::SERVED);
}

/// A key block that states an AES key; no HSM opens it here.
const AES_ZPK: &str =
    "S10096P0AN00E0002F21247ABCAF1AAB60415020B95858FA2D3D35DCE0B9CA675739A1C6EC367061107D66472D5097626";

/// What a listener and a product may say of PINs, verification and scripts.
#[test]
fn mistakes_about_the_cardholder() {
    let dialect = "dialect = \"iso87_ascii\"";
    let check = |place: &str, lines: &str, reason: &str| {
        let found = Site::new().mistakes(&[(place, &format!("{place}\n{lines}"))]);
        assert_eq!(found.len(), 1, "{lines}: {found:#?}");
        assert!(found[0].contains(reason), "{lines}: {}", found[0]);
    };
    check(dialect, "pin_change_code = \"92\"", "listener[0].new_pin_field: is missing");
    check(dialect, "new_pin_field = 125", "has no meaning without `pin_change_code`");
    check(dialect, "pin_unblock_code = \"31\"", "is no transaction type that is free for this");
    check(dialect, "ksn_field = 62", "has no meaning without a `pin_key` of type BDK");
    check(dialect, "verification_code = \"05\"", "listener[0].verification_code");
    let aes = format!("[[key]]\nname = \"aes\"\ntype = \"ZPK\"\ncryptogram = {AES_ZPK:?}\n\n[[product]]");
    let found = Site::new().mistakes(&[
        ("[[product]]", &aes),
        ("pin_key = \"zpk-test\"\npin_format = \"01\"", "pin_key = \"aes\""),
    ]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("listener[0].pin_key: makes PIN blocks of 16 bytes"), "{}", found[0]);
    let means = "conventions = { transaction_types = [{ code = \"92\", means = \"pin_change\" }] }";
    check(dialect, means, "transaction_types[0].means");
    let product = "[[product]]";
    check(product, "pin_tries_reset = \"soon\"", "does not say when wrong PINs are forgotten");
    check(product, "decline_csu = \"00\"", "product[0].decline_csu");
    check(product, "script_sends = 3", "has no meaning without `script_keys`");
    check(product, "script_keys = [{ index = 1, key = \"pvk-test\" }]", "is a PVK and not a MK-SMI");
    check(product, "verification = { contactless_limit = 50 }", "verification.contactless_limit");
    check(product, "verification = { device = \"maybe\" }", "verification.device");
}

#[test]
fn every_mistake_is_found_at_once() {
    let site = Site::new();
    let found = site.mistakes(&[
        ("hold_period = \"7d\"", "hold_period = \"7 weeks\""),
        ("workers = 1", "wrokers = 1"),
        ("dialect = \"iso87_ascii\"", "dialect = \"iso87_asci\""),
        ("pin_key = \"tpk-test\"", "pin_key = \"pvk-test\""),
        ("daily = \"2000.00\"", "daily = 2000"),
        ("hour < 5", "hours < 5"),
    ]);
    assert_eq!(found.len(), 6, "{found:#?}");
    assert_eq!(found[0], "hold_period = \"7 weeks\" | hold_period: is not a duration");
    assert_eq!(found[1], "wrokers = 1 | hsm.wrokers: is not a known key");
    assert_eq!(
        found[2],
        "dialect = \"iso87_asci\" | listener[0].dialect: no dialect is called \"iso87_asci\""
    );
    assert_eq!(
        found[3],
        "pin_key = \"pvk-test\" | listener[3].pin_key: the key \"pvk-test\" is a PVK and not a ZPK or TPK or BDK"
    );
    assert_eq!(found[4], "daily = 2000 | product[0].purchase.daily: is an integer and not an amount");
    assert!(
        found[5].contains("rule[0].when: rule \"cash-at-night\": no fact is called `hours`"),
        "{}",
        found[5]
    );
}

#[test]
fn mistakes_in_rules_name_the_key() {
    let site = Site::new();
    let wrong = |with: &str| site.mistakes(&[("action = \"flag\"", with)]);
    let check = |with: &str, expect: &str| {
        let found = wrong(with);
        assert!(found.len() == 1 && found[0].contains(expect), "{with}: {found:#?}");
    };
    check("action = \"score\"", "rule[0].action: rule \"cash-at-night\", action: the points are missing");
    check(
        "action = \"score\"\nscore = 0",
        "rule[0].score: rule \"cash-at-night\", score: a score of nothing",
    );
    check("action = \"score\"\nscore = \"5\"", "rule[0].score: is a string and not a number");
    check("action = \"limit\"", "rule[0].action: rule \"cash-at-night\", action: the amount is missing");
    check(
        "action = \"limit\"\nlimit = -5",
        "rule[0].limit: rule \"cash-at-night\", limit: a limit below zero",
    );
    check("action = \"flag\"\nmode = \"dark\"", "rule[0].mode: rule \"cash-at-night\", mode: no such mode");
    let shadow = site.load(&[("action = \"flag\"", "action = \"score\"\nscore = -5\nmode = \"shadow\"")]);
    assert_eq!(shadow.unwrap().tables.rules.rules()[0].mode, rules::Mode::Shadow);
}

#[test]
fn mistakes_say_how_to_mend_them() {
    let site = Site::new();
    let mend =
        |from: &str, to: &str| site.load(&[(from, to)]).unwrap_err()[0].mend.clone().unwrap_or_default();
    assert_eq!(mend("workers = 1", "wrokers = 1"), "did you mean `workers`?");
    assert!(mend("cvk = \"cvk-test\"", "cvk = \"cvk-tset\"").starts_with("did you mean \"cvk-test\"?"));
    assert!(mend("deadline = \"2s\"", "deadline = 2").contains("\"250ms\""));
    assert!(mend("currency = \"USD\"", "currency = \"USX\"").contains("ISO 4217"));
}

#[test]
fn a_dialect_whose_answers_cannot_be_matched() {
    let site = Site::new();
    let own = |text: &str| {
        fs::write(site.file.with_file_name("own.toml"), format!("name = \"own\"\n{text}")).unwrap();
    };
    let own_file = [("dialect = \"iso87_ascii\"", "dialect = \"own.toml\"")];
    own("edition = 1987\n[field]\n11 = { type = \"n6\" }\n");
    let reason = "listener[0].dialect: has no rule by which the answer to 0100 repeats DE 11";
    assert_eq!(site.mistakes(&own_file), [format!("dialect = \"own.toml\" | {reason}")]);
    own("based_on = \"iso87_bcd\"\n");
    assert!(site.load(&own_file).is_ok());
    own("based_on = \"iso93_ascii\"\n");
    assert_eq!(
        site.mistakes(&own_file),
        ["dialect = \"own.toml\" | listener[0].dialect: is of the 1993 edition"]
    );
}

#[test]
fn plain_tcp_only_on_loopback() {
    let site = Site::new();
    site.check(
        "address = \"127.0.0.1:8590\"",
        "address = \"0.0.0.0:8590\"",
        "tls = \"off\" | listener[4].tls: plain TCP is only for loopback addresses",
    );
    let found = site.mistakes(&[("127.0.0.1:8443", "0.0.0.0:8443"), ("tls = true", "tls = false")]);
    assert_eq!(found, ["tls = false | admin.tls: plain HTTP is only for loopback addresses"]);
    site.load(&[("address = \"127.0.0.1:8590\"", "address = \"[::1]:8590\"")]).unwrap();
    site.load(&[("tls = true", "tls = false")]).unwrap();
}

/// What `init` makes: a certificate of one listener is of no use at another.
#[test]
fn each_listener_has_its_certificates() {
    let settings = Site::new().load(&[]).unwrap();
    let names = ["pos", "loadtest", "host", "atm", "somebody"];
    let may = |listener: usize, terminal: &str| -> Vec<&str> {
        let terminal = TerminalId::new(terminal.as_bytes()).unwrap();
        let certificates = &settings.listeners[listener].certificates;
        names.into_iter().filter(|name| certificates.may(&terminal, Some(name))).collect()
    };
    assert_eq!(may(0, "TERM0001"), ["pos", "loadtest"]);
    assert_eq!(may(1, "TERM0001"), ["pos", "loadtest"]);
    assert_eq!(may(2, "TERM0001"), ["host"]);
    assert_eq!(may(3, "001"), ["atm"]);
    assert_eq!(may(3, "002"), ["atm"]);
    // Plain TCP, where nobody shows one.
    let integration = &settings.listeners[4].certificates;
    assert!(integration.may(&TerminalId::new(b"TERM0001").unwrap(), None));
}

#[test]
fn certificates_of_terminals_by_beginning_and_of_the_listener() {
    let site = Site::new();
    let entries = "id = \"*\"\n[[listener.terminal]]\nid = \"HOST*\"\ncertificate = [\"host\", \"spare\"]\n\
                   [[listener.terminal]]\nid = \"HOST0009\"\nactive = false\n";
    let settings = site.load(&[("id = \"*\" ", entries)]).unwrap();
    let may = |terminal: &[u8], name: &str| {
        settings.listeners[0].certificates.may(&TerminalId::new(terminal).unwrap(), Some(name))
    };
    assert!(may(b"TERM0001", "pos") && !may(b"TERM0001", "host"));
    assert!(may(b"HOST0001", "host") && may(b"HOST0001", "spare") && !may(b"HOST0001", "pos"));
    // An exact entry that names none leaves it to the beginning.
    assert!(may(b"HOST0009", "host") && !may(b"HOST0009", "pos"));

    let without = [("client_certificate = \"host\"\n", "")];
    let settings = site.load(&without).unwrap();
    assert!(settings.listeners[2].certificates.may(&TerminalId::new(b"ANY").unwrap(), Some("pos")));
}

#[test]
fn certificates_that_nobody_is_asked_for() {
    let site = Site::new();
    site.check(
        "tls = \"off\"",
        "tls = \"off\"\nclient_certificate = \"pos\"",
        "client_certificate = \"pos\" | listener[4].client_certificate: this listener asks for no certificate",
    );
    let found = site.mistakes(&[
        ("tls = \"required\"\n", "tls = \"server\"\n"),
        ("id = \"*\" ", "id = \"*\"\ncertificate = \"pos\" "),
    ]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].ends_with("listener[0].client_certificate: this listener asks for no certificate"));
    assert!(found[1].ends_with("listener[0].terminal[0].certificate: this listener asks for no certificate"));
    let mend = site.load(&[("tls = \"off\"", "tls = \"off\"\nclient_certificate = \"pos\"")]).unwrap_err()[0]
        .mend
        .clone();
    assert_eq!(
        mend.as_deref(),
        Some("use `tls = \"required\"` for the listener, or remove `client_certificate`")
    );
    for nothing in ["[]", "\"\"", "[\"host\", \"\"]"] {
        let line = format!("client_certificate = {nothing}");
        let expect = format!("{line} | listener[2].client_certificate: names no certificate");
        site.check("client_certificate = \"host\"", &line, &expect);
    }
    site.check(
        "client_certificate = \"host\"",
        "client_certificate = 1",
        "client_certificate = 1 | listener[2].client_certificate: is an integer and not a list",
    );
}

#[test]
fn names_and_addresses_are_taken_once() {
    let site = Site::new();
    site.check(
        "name = \"pos-bcd\"",
        "name = \"pos\"",
        "name = \"pos\" | listener[1].name: the name \"pos\" is taken",
    );
    site.check(
        "127.0.0.1:8582",
        "127.0.0.1:8583",
        "address = \"127.0.0.1:8583\" | listener[1].address: 127.0.0.1:8583 is taken by \"pos\"",
    );
    site.check(
        "127.0.0.1:8582",
        "127.0.0.1:8443",
        "address = \"127.0.0.1:8443\" | listener[1].address: 127.0.0.1:8443 is taken by \"admin\"",
    );
    site.load(&[("127.0.0.1:8582", "127.0.0.1:0"), ("127.0.0.1:8583", "127.0.0.1:0")]).unwrap();
    site.check(
        "id = \"002\"",
        "id = \"001\"",
        "id = \"001\" | listener[3].terminal[1].id: the terminal \"001\" stands here twice",
    );
    // What one listener knows another may know too, but not itself twice.
    site.check(
        "id = \"*\" ",
        "id = \"TERM0001\"\n[[listener.terminal]]\nid = \"TERM0001\" ",
        "id = \"TERM0001\" | listener[0].terminal[1].id: the terminal \"TERM0001\" stands here twice",
    );
    site.check(
        "id = \"*\" ",
        "id = \"TERM*\"\n[[listener.terminal]]\nid = \"TERM*\" ",
        "id = \"TERM*\" | listener[0].terminal[1].id: \"TERM*\" stands here twice",
    );
    site.check(
        "bins = [\"400000\"]",
        "bins = [\"400000\", \"400000\"]",
        "bins = [\"400000\", \"400000\"] | product[0].bins: 400000 already belongs to \"classic\"",
    );
}

#[test]
fn imported_keys_are_merged_and_their_names_are_taken() {
    let site = Site::new();
    let cryptogram = site.text.split("cryptogram = \"").nth(1).unwrap().split('"').next().unwrap();
    let keys = site.file.with_file_name("turnout-data").join("keys.toml");
    let key =
        |name: &str| format!("[[key]]\nname = \"{name}\"\ntype = \"ZPK\"\ncryptogram = \"{cryptogram}\"\n");
    fs::write(&keys, key("zpk-extra")).unwrap();
    site.load(&[("pin_key = \"zpk-test\"", "pin_key = \"zpk-extra\"")]).unwrap();
    fs::write(&keys, key("zpk-test")).unwrap();
    let mistakes = site.load(&[]).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert_eq!(mistakes[0].file, keys);
    assert_eq!(mistakes[0].reason, "the name \"zpk-test\" is taken");
}

#[test]
fn files_that_are_not_there_are_named() {
    let site = Site::new();
    let missing = site.file.with_file_name("certs").join("no.pem");
    site.check(
        "certificate = \"certs/switch.pem\"",
        "certificate = \"certs/no.pem\"",
        &format!("certificate = \"certs/no.pem\" | tls.certificate: there is no file {}", missing.display()),
    );
    let nowhere = config::load(&site.file.with_file_name("nowhere.toml")).unwrap_err();
    assert_eq!(nowhere[0].line, None);
    assert!(nowhere[0].mend.as_ref().unwrap().contains("turnout init"));
    let master_key = site.file.with_file_name("turnout-data").join("master.key");
    fs::remove_file(master_key).unwrap();
    assert!(site.mistakes(&[])[0].starts_with("master_key = \"turnout-data/master.key\" | master_key: "));
}

#[test]
fn values_out_of_their_bounds() {
    let site = Site::new();
    site.check("shards = 1", "shards = 65", "shards = 65 | shards: is out of bounds");
    site.check("shards = 1", "country = \"USA\"", "country = \"USA\" | country: is no country number");
    site.check(
        "cvk = \"cvk-test\"",
        "pan_lengths = [16, 20]",
        "pan_lengths = [16, 20] | product[0].pan_lengths: is out of bounds",
    );
    site.check(
        "cvk = \"cvk-test\"",
        "entry_modes = [\"swipe\"]",
        "entry_modes = [\"swipe\"] | product[0].entry_modes: is \"swipe\"",
    );
    site.check("shards = 1", "shards = -1", "shards = -1 | shards: is out of bounds");
    site.check("shards = 1", "shards = \"1\"", "shards = \"1\" | shards: is a string and not a number");
    site.check(
        "deadline = \"2s\"",
        "deadline = \"0s\"",
        "deadline = \"0s\" | hsm.deadline: is out of bounds",
    );
    site.check(
        "segment = \"64MiB\"",
        "segment = \"1KiB\"",
        "segment = \"1KiB\" | journal.segment: is out of bounds",
    );
    site.check(
        "shards = 1",
        "transactions.online_days = 10",
        "transactions.online_days = 10 | transactions.online_days: is too few",
    );
    site.check("segment = \"64MiB\"", "then = \"burn\"", "then = \"burn\" | journal.then: is \"burn\"");
    site.check(
        "segment = \"64MiB\"",
        "then = \"remove\"\narchive = \"old\"",
        "archive = \"old\" | journal.archive: belongs to then = \"archive\"",
    );
    site.check("lmk = \"public-test\"", "", "[hsm] | hsm.lmk: must be stated for the embedded HSM");
    site.check(
        "per_transaction = \"500.00\"",
        "per_transaction = \"500.001\"",
        "per_transaction = \"500.001\" | product[0].purchase.per_transaction: is not an amount of USD",
    );
    site.load(&[("per_transaction = \"500.00\"", "per_transaction = \"9999999999999.99\"")]).unwrap();
    for limit in ["10000000000000.00", "92233720368547758.07"] {
        let line = format!("per_transaction = {limit:?}");
        let expect = format!("{line} | product[0].purchase.per_transaction: is out of bounds");
        site.check("per_transaction = \"500.00\"", &line, &expect);
    }
    site.check(
        "cassettes = [\"10.00\",",
        "cassettes = [\"10000000000000.00\",",
        "cassettes = [\"10000000000000.00\", \"20.00\", \"50.00\", \"100.00\"] | \
         listener[3].terminal[0].cassettes: is out of bounds",
    );
    site.check(
        "approved_state = \"030\"",
        "approved_state = \"30\"",
        "approved_state = \"30\" | listener[3].ndc.approved_state: is no number of a state or screen",
    );
    site.check(
        "\"A      A\" = \"withdrawal\"",
        "\"A      \" = \"withdrawal\"",
        "operation_codes = { \"A      \" = \"withdrawal\", \"B      B\" = \"balance_inquiry\" } | \
         listener[3].ndc.operation_codes.A      : is not an operation code buffer",
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    let site = Site::new();
    site.check(
        "id = \"002\"",
        "id = \"00*\"",
        "id = \"00*\" | listener[3].terminal[1].id: cannot stand for several ATMs",
    );
    site.check(
        "pin_method = \"pvv\"",
        "pin_method = \"ibm3624\"\ndecimalisation_table = \"0123456789012345\"",
        "[[product]] | product[0].validation: is missing",
    );
    site.check(
        "pin_method = \"pvv\"\n",
        "",
        "pvk = \"pvk-test\" | product[0].pvk: has no meaning without `pin_method`",
    );
    site.check(
        "mode = \"embedded\"",
        "mode = \"payshield\"\nunits = [\"127.0.0.1:1500\"]",
        "workers = 1 | hsm.workers: belongs to mode = \"embedded\"",
    );
}

/// The `[hsm]` table of `init`, for units instead.
fn payshield(units: &str) -> [(&'static str, String); 2] {
    [("mode = \"embedded\"", format!("mode = \"payshield\"\n{units}")), ("workers = 1\n", String::new())]
}

#[test]
fn units_by_address_and_by_table() {
    let site = Site::new();
    let load = |units: &str| {
        let changes = payshield(units);
        let changes: Vec<(&str, &str)> = changes.iter().map(|(from, to)| (*from, to.as_str())).collect();
        match site.load(&changes).unwrap().hsm {
            HsmSettings::PayShield(settings) => settings,
            HsmSettings::Embedded { .. } => panic!("the HSM is not embedded"),
        }
    };
    let unit = |port, weight, licence_rate| UnitSettings {
        address: SocketAddr::from(([127, 0, 0, 1], port)),
        weight,
        licence_rate,
    };
    let settings = load(
        "units = [\"127.0.0.1:1500\", { address = \"127.0.0.1:1501\", weight = 3, licence_rate = 250 }]",
    );
    assert_eq!(settings.units, [unit(1500, 1, 0), unit(1501, 3, 250)]);
    assert_eq!((settings.header_length, settings.connections), (4, 2));
    assert_eq!((settings.in_flight, settings.queue), (256, 8192));
    assert_eq!(
        (settings.deadline, settings.health_interval),
        (Duration::from_secs(2), Duration::from_secs(10))
    );
    let settings = load(
        "header_length = 8\nconnections = 4\nin_flight = 16\nqueue = 100\nhealth_interval = \"1s\"\n\
         units = [{ address = \"127.0.0.1:1500\", weight = 100 }]",
    );
    assert_eq!((settings.header_length, settings.connections), (8, 4));
    assert_eq!((settings.in_flight, settings.queue), (16, 100));
    assert_eq!(settings.health_interval, Duration::from_secs(1));
    assert_eq!(settings.units, [unit(1500, 100, 0)]);
}

#[test]
fn mistakes_about_units() {
    let site = Site::new();
    let check = |units: &str, expect: &str| {
        let changes = payshield(units);
        let changes: Vec<(&str, &str)> = changes.iter().map(|(from, to)| (*from, to.as_str())).collect();
        assert_eq!(site.mistakes(&changes), [expect], "{units}");
    };
    check("", "[hsm] | hsm.units: is missing");
    check("units = []", "units = [] | hsm.units: is empty");
    check("units = \"127.0.0.1:1500\"", "units = \"127.0.0.1:1500\" | hsm.units: is not a list");
    let one = |item: &str, key: &str, reason: &str| {
        check(&format!("units = [{item}]"), &format!("units = [{item}] | hsm.units[0]{key}: {reason}"));
    };
    one("\"hsm1:1500\"", "", "is not an IP address with a port");
    one("1500", "", "is an integer and not an address");
    one("\"127.0.0.1:0\"", "", "has no port");
    one("{ weight = 1 }", ".address", "is missing");
    let with = |key: &str| format!("{{ address = \"127.0.0.1:1500\", {key} }}");
    one(&with("weight = 0"), ".weight", "is out of bounds");
    one(&with("weight = 101"), ".weight", "is out of bounds");
    one(&with("licence_rate = \"250\""), ".licence_rate", "is a string and not a number");
    one(&with("licence_rate = -1"), ".licence_rate", "is out of bounds");
    one(&with("wieght = 1"), ".wieght", "is not a known key");
    let twice = "units = [\"127.0.0.1:1500\", { address = \"127.0.0.1:1500\" }]";
    check(twice, &format!("{twice} | hsm.units[1].address: is named twice"));
    let twice = "units = [\"127.0.0.1:1500\", \"127.0.0.1:1500\"]";
    check(twice, &format!("{twice} | hsm.units[1]: is named twice"));
    let units = "units = [\"127.0.0.1:1500\"]";
    for line in
        ["in_flight = 0", "queue = 0", "connections = 0", "header_length = 3", "health_interval = \"0s\""]
    {
        let key = line.split(' ').next().unwrap();
        check(&format!("{units}\n{line}"), &format!("{line} | hsm.{key}: is out of bounds"));
    }
}

#[test]
fn what_belongs_to_units_has_no_meaning_embedded() {
    let site = Site::new();
    for line in ["units = []", "in_flight = 1", "queue = 1", "health_interval = \"1s\"", "connections = 1"] {
        let key = line.split(' ').next().unwrap();
        let expect = format!("{line} | hsm.{key}: belongs to mode = \"payshield\"");
        site.check("workers = 1", &format!("workers = 1\n{line}"), &expect);
    }
}

#[test]
fn broken_toml_is_reported_by_line() {
    let site = Site::new();
    let mistakes = site.load(&[("shards = 1", "shards = "), ("workers = 1", "workers 1")]).unwrap_err();
    let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.line.unwrap()).collect();
    assert_eq!(lines.len(), 2, "{mistakes:?}");
    assert!(lines.is_sorted());
    assert!(site.text.lines().nth(lines[0] - 1).unwrap().starts_with("shards"));
}

#[test]
fn the_embedded_hsm_finds_wrong_keys() {
    let site = Site::new();
    let kcv = site.text.split("kcv = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fs::write(&site.file, site.text.replacen(&kcv, "000000", 1)).unwrap();
    let configuration = config::read(&site.file).unwrap();
    let mistakes = verify_keys(&configuration).unwrap();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert_eq!(mistakes[0].key, "key \"zpk-test\"");
    assert_eq!(mistakes[0].reason, format!("its check value is {kcv} and not 000000"));
    // A key of another type lies under another LMK pair, where its parity cannot be odd throughout.
    let wrong_type = site.text.split("[[key]]").nth(1).unwrap();
    let wrong_type = wrong_type.replace("zpk-test", "cvk-extra").replace("\"ZPK\"", "\"CVK\"");
    let wrong_type = wrong_type.split("\n#").next().unwrap();
    fs::write(&site.file, format!("{}\n[[key]]{wrong_type}", site.text)).unwrap();
    let configuration = config::read(&site.file).unwrap();
    let mistakes = verify_keys(&configuration).unwrap();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(mistakes[0].reason.starts_with("is not a CVK under this LMK: 10"), "{}", mistakes[0].reason);
}

#[test]
fn no_change_of_bytes_panics() {
    let site = Site::new();
    let bytes = site.text.as_bytes();
    // Every few bytes one is dropped, doubled or exchanged; whatever comes out must be answered.
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.to_vec();
        match at % 3 {
            0 => drop(changed.remove(at)),
            1 => changed.insert(at, bytes[at]),
            _ => changed[at] = b"\"[]={}\n#0\xFF"[at % 10],
        }
        fs::write(&site.file, changed).unwrap();
        if let Err(mistakes) = config::load(&site.file) {
            assert!(!mistakes.is_empty());
        }
    }
}

#[test]
fn old_journal_segments_are_kept_for_eleven_days_and_archived_unless_the_file_says_otherwise() {
    let site = Site::new();
    let data = site.file.with_file_name("turnout-data");
    let usual = site.load(&[]).unwrap().retention;
    assert_eq!(usual.keep, Duration::from_hours(11 * 24));
    assert_eq!(usual.then, store::Retire::Archive(data.join("journal-archive")));
    let with = |lines: &str| site.load(&[("segment = \"64MiB\"", lines)]).unwrap().retention;
    let removed = with("keep = \"36h\"\nthen = \"remove\"");
    assert_eq!((removed.keep, removed.then), (Duration::from_hours(36), store::Retire::Remove));
    let elsewhere = site.file.with_file_name("old");
    assert_eq!(with("archive = \"old\"").then, store::Retire::Archive(elsewhere));
}

#[test]
fn chip_rules_are_read_and_wrong_ones_are_named() {
    let site = Site::new();
    let rules = "atc_max_jump = 1000\natc_window = 64\n[product.chip_rules]\n";
    let with = |text: &str| format!("{rules}{text}\n");
    let settings =
        site.load(&[("atc_max_jump = 1000", &with("new_card = \"flag\"\nfallback = \"57\""))]).unwrap();
    let product = &settings.tables.products[0];
    let code = card::ResponseCode::parse(b"57").unwrap();
    assert_eq!(product.atc_window, 64);
    assert_eq!(product.chip_rules.reaction(ChipFinding::NewCard), Reaction::Flag);
    assert_eq!(product.chip_rules.reaction(ChipFinding::Fallback), Reaction::Decline(code));
    let usual = ChipRules::default().with(ChipFinding::NewCard, Reaction::Flag);
    assert_eq!(product.chip_rules, usual.with(ChipFinding::Fallback, Reaction::Decline(code)));
    let check = |text: &str, expect: &str| site.check("atc_max_jump = 1000", &with(text), expect);
    check("new_card = \"00\"", "new_card = \"00\" | product[0].chip_rules.new_card: is no reaction");
    check("old_card = \"flag\"", "old_card = \"flag\" | product[0].chip_rules.old_card: is not a known key");
}

#[test]
fn what_a_product_cannot_mean() {
    let site = Site::new();
    let check = |text: &str, expect: &str| {
        let text = format!("atc_max_jump = 1000\n{text}\n");
        assert_eq!(site.mistakes(&[("atc_max_jump = 1000", &text)]), [expect], "{text}");
    };
    check(
        "domestic_only = true",
        "domestic_only = true | product[0].domestic_only: cannot be told: our own country is not said, so every \
         transaction would be declined",
    );
    check("pan_lengths = []", "pan_lengths = [] | product[0].pan_lengths: allows no number at all");
    for contradiction in ["ecommerce_only = true", "electronic_only = true"] {
        check(
            &format!("{contradiction}\nentry_modes = [\"manual\"]"),
            "entry_modes = [\"manual\"] | product[0].entry_modes: leaves no way to use the card",
        );
    }
    let bins = |bin: &str| format!("bins = [\"{bin}\"]");
    let owner = |bin: &str, scheme: &str, other: &str| {
        let scheme = format!("scheme = \"{scheme}\"");
        let changes = [("bins = [\"400000\"]", &*bins(bin)), ("scheme = \"visa\"", &*scheme)];
        let expect = format!("{} | product[0].bins: {bin} has numbers of {other}", bins(bin));
        assert_eq!(site.mistakes(&changes), [expect]);
    };
    owner("510000", "visa", "mastercard");
    owner("400000", "amex", "visa");
    owner("2200", "mastercard", "mir");
    owner("3", "diners", "amex");
    owner("6759", "discover", "maestro");
    // Cards of two schemes, and BINs in no public range.
    let both = [("bins = [\"400000\"]", "bins = [\"510000\"]\npan_lengths = [16]")];
    assert_eq!(site.load(&both).unwrap().tables.products[0].pan_lengths, [16]);
    let own = [("bins = [\"400000\"]", "bins = [\"970000\"]")];
    assert_eq!(site.load(&own).unwrap().tables.products[0].pan_lengths.len(), 8);
}

#[test]
fn what_products_and_links_do_in_their_own_way() {
    let site = Site::new();
    let product = "atc_max_jump = 1000\n[product.ledger]\n";
    let ledger = |text: &str| format!("{product}{text}\n");
    let all = "cashback_up_to = \"50.00\"\npartial_approval = true\ntransfers = \"cards\"\nhold_period = \"3d\"\n\
               completion_tolerance = 15\nforce_post = true\n[[product.ledger.hold]]\nmcc = [\"7011\", \"3501-3999\"]\n\
               period = \"30d\"";
    let settings = site.load(&[("atc_max_jump = 1000", &ledger(all))]).unwrap();
    let rules = &settings.tables.products[0].ledger;
    let day = Duration::from_hours(24);
    assert_eq!(rules.cashback_up_to_minor, Some(5_000));
    assert_eq!((rules.tolerance_percent, rules.hold_period), (15, Some(3 * day)));
    assert_eq!(rules.hold_periods, [(7011..=7011, 30 * day), (3501..=3999, 30 * day)]);
    assert!(rules.partial_approval && rules.force_post && rules.transfers == Transfers::Cards);
    let check = |text: &str, expect: &str| site.check("atc_max_jump = 1000", &ledger(text), expect);
    check(
        "completion_tolerance = 101",
        "completion_tolerance = 101 | product[0].ledger.completion_tolerance: is out of bounds",
    );
    check("cash = 5", "cash = 5 | product[0].ledger.cash: is not a known key");

    let conventions = |text: &str| format!("dialect = \"iso87_ascii\"\nconventions = {{ {text} }}");
    let text = "transaction_types = [{ code = \"52\", means = \"payment\" }], refers_by = [\"de37\"], \
                partial_approval = false, statement_field = 62, zero_amount_verifies = true, \
                entry_modes = [{ at = \"61:10\", code = \"6\", means = \"ecommerce\" }]";
    let settings = site.load(&[("dialect = \"iso87_ascii\"", &conventions(text))]).unwrap();
    let own = &settings.listeners[0].conventions;
    assert_eq!(own.transaction_types, [(*b"52", TransactionType::Payment)]);
    assert_eq!((&own.refers_by[..], own.statement_field), (&[ReferredBy::Rrn][..], 62));
    assert!(own.partial_flag.is_none() && own.zero_amount_verifies);
    let [code] = &own.entry_modes[..] else { panic!("{:?}", own.entry_modes) };
    assert_eq!((code.place.to_string().as_str(), code.code.as_str()), ("61:10-10", "6"));
    assert_eq!(code.mode, EntryMode::Ecommerce);
    for (entry, complaint) in [
        ("at = \"61:0\", code = \"6\", means = \"ecommerce\"", "entry_modes[0].at: is no place in a message"),
        ("at = \"61:1\", code = \"\", means = \"ecommerce\"", "entry_modes[0].code: is empty"),
        ("at = \"61:1\", code = \"6\", means = \"swipe\"", "entry_modes[0].means: is \"swipe\""),
    ] {
        let text = conventions(&format!("entry_modes = [{{ {entry} }}]"));
        let mistakes = site.mistakes(&[("dialect = \"iso87_ascii\"", &text)]);
        assert!(mistakes[0].contains(complaint), "{}", mistakes[0]);
    }
    let mistakes = site.mistakes(&[("dialect = \"iso87_ascii\"", &conventions("statement_field = 54"))]);
    assert!(mistakes[0].ends_with("listener[0].conventions.statement_field: cannot hold a statement"));
}

#[test]
fn webhooks() {
    let site = Site::new();
    let folder = site.file.parent().unwrap();
    let secret = |name: &str, mode: u32, text: &str| {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    secret("good.key", 0o600, "0123456789abcdef0123456789abcdef\n");
    secret("open.key", 0o644, "0123456789abcdef0123456789abcdef\n");
    secret("short.key", 0o600, "0123456789\n");
    let original = fs::read_to_string(&site.file).unwrap();
    let with = |lines: &str| {
        fs::write(&site.file, format!("{original}\n[[webhook]]\n{lines}\n")).unwrap();
        config::load(&site.file)
    };
    let least = "name = \"bank\"\nurl = \"https://hooks.bank.example/turnout?v=1\"\nsecret = \"good.key\"";
    let webhook = &with(least).unwrap().webhooks[0];
    assert_eq!((webhook.target.host.as_str(), webhook.target.port), ("hooks.bank.example", 443));
    assert_eq!(webhook.target.path, "/turnout?v=1");
    assert_eq!((webhook.in_flight, webhook.batch, webhook.events.len()), (8, 1, EventKind::WORDS.len()));
    assert_eq!(webhook.timeout, Duration::from_secs(10));

    let local = least.replace("https://hooks.bank.example", "http://[::1]:8080");
    let more = "events = [\"approved\", \"reversed\"]\nbatch = 100\nin_flight = 2\ntimeout = \"2s\"";
    let webhook = &with(&format!("{local}\n{more}")).unwrap().webhooks[0];
    assert_eq!((webhook.target.host.as_str(), webhook.target.port), ("::1", 8080));
    assert_eq!(webhook.events, [EventKind::Approved, EventKind::Reversed]);

    let check = |from: &str, to: &str, expect: &str| {
        let lines = least.replace(from, to);
        assert_ne!(lines, least);
        let errors = with(&lines).unwrap_err();
        let told = errors.iter().map(|error| format!("{}: {}", error.key, error.reason)).collect::<Vec<_>>();
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].contains(expect), "{told:#?}");
    };
    check("\"bank\"", "\"The Bank\"", "webhook[0].name: \"The Bank\" is no name");
    check("https://", "http://", "webhook[0].url: plain HTTP is only for loopback addresses");
    check("https://", "ftp://", "webhook[0].url: the scheme \"ftp\" is not known");
    check("https://", "https://user:word@", "webhook[0].url: holds a name or a password");
    check("https://hooks.bank.example", "", "webhook[0].url: is no URL with scheme and host");
    check("good.key", "open.key", "mode 644 lets others read the secret");
    check("good.key", "short.key", "the secret has 10 bytes");
    check("good.key", "none.key", "none.key");
    check("\"good.key\"", "[]", "webhook[0].secret: names 0 secrets");
    check("\"good.key\"", "{ environment = \"TURNOUT_NONE\" }", "the environment has no TURNOUT_NONE");
    check("\"good.key\"", "{ env = \"X\" }", "no source is called \"env\"");
    check("secret", "events = [\"aproved\"]\nsecret", "webhook[0].events: is \"aproved\"");
    check("secret", "events = []\nsecret", "webhook[0].events: names no event");
    check("secret", "authority = \"none.pem\"\nsecret", "there is no file");
    check("secret", "authority = \"good.key\"\nsecret", "holds no certificate");
    check("secret", "in_flight = 65\nsecret", "webhook[0].in_flight: is out of bounds");
    check("secret", "retries = 3\nsecret", "webhook[0].retries: is not a known key");

    let twice = format!("{least}\n[[webhook]]\n{least}");
    let errors = with(&twice).unwrap_err();
    assert_eq!(errors[0].reason, "there are two webhooks \"bank\"");
}

/// `[[rate]]`, `[exchange]` with its file, `[[fee]]`, and what a listener says of money.
#[test]
fn rates_and_fees() {
    let site = Site::new();
    let original = fs::read_to_string(&site.file).unwrap();
    let rates = site.file.with_file_name("rates.csv");
    let with = |lines: &str| {
        fs::write(&site.file, format!("{original}\n{lines}\n")).unwrap();
        config::load(&site.file)
    };
    let good = r#"
        [[rate]]
        from = "EUR"
        to = "USD"
        rate = "1.0837"
        markup = "1.5%"
        valid_from = "2026-11-27"
        both_ways = true

        [exchange]
        base = "USD"
        rounding = "up"
        rates_file = "rates.csv"

        [[fee]]
        name = "cash-abroad"
        types = ["withdrawal"]
        terminals = "other"
        flat = "2.00"
        share = "1%"
        minimum = "3.00"
        maximum = "15.00"
        amount_from = "20.00"
        free_per_month = 2
        partial_reversal = "shared"

        [[fee]]
        name = "none"
        flat = "0"
        "#;
    fs::write(&rates, "rate, from, to, both_ways\n160.5, USD, JPY, true\n0.31, USD, KWD,\n").unwrap();
    let settings = with(good).unwrap();
    let tables = &settings.tables;
    let day = |day| card::CivilDay { year: 2026, month: 11, day };
    let [eur, usd, jpy, kwd] = ["EUR", "USD", "JPY", "KWD"].map(|code| card::Currency::parse(code).unwrap());
    let rate = |from, to, on, markup| tables.rates.find(from, to, on, markup).map(|rate| rate.to_string());
    use auth::Markup::{With, Without};
    assert_eq!((tables.rates.len(), tables.rates.rounding()), (3, auth::Rounding::Up));
    assert_eq!(rate(eur, usd, day(27), With).as_deref(), Some("1.0999555"));
    assert_eq!(rate(eur, usd, day(27), Without).as_deref(), Some("1.0837"));
    assert_eq!(rate(eur, usd, day(26), With), None);
    assert_eq!(rate(usd, eur, day(27), Without).as_deref(), Some("0.92276460275"));
    assert_eq!(rate(jpy, kwd, day(1), With).as_deref(), Some("0.00193146417445"));
    assert_eq!(rate(kwd, usd, day(1), With), None);
    let [cash, none] = &tables.products[0].fees[..] else { panic!("two fees") };
    assert_eq!((cash.name.as_str(), cash.own_terminal, cash.free), ("cash-abroad", Some(false), 2));
    assert_eq!((cash.of(5_000), cash.of(20_000), cash.of(10_000_000)), (300, 400, 1_500));
    assert_eq!((cash.band.clone(), cash.partial), (Some(2_000..=i64::MAX), auth::PartialFee::Shared));
    assert_eq!(none.of(1_000), 0);

    let money =
        "settlement = \"EUR\"\nsurcharge = \"on_top\"\namount_tolerance = \"2%\"\namounts_in_answers = false";
    let settings =
        site.load(&[("dialect = \"iso87_ascii\"", &format!("dialect = \"iso87_ascii\"\n{money}"))]).unwrap();
    let link = &settings.tables.links[&LinkName::new("pos").unwrap()];
    assert_eq!((link.settlement, link.surcharge_on_top, link.amount_tolerance), (Some(eur), true, Some(200)));
    assert!(!settings.listeners[0].amounts_in_answers && settings.listeners[1].amounts_in_answers);

    let check = |from: &str, to: &str, expect: &str| {
        assert!(good.contains(from), "{from}");
        let errors = with(&good.replacen(from, to, 1)).unwrap_err();
        let told: Vec<String> =
            errors.iter().map(|error| format!("{}: {}", error.key, error.reason)).collect();
        assert_eq!(told, [expect], "{to}");
    };
    check("\"EUR\"", "\"EUX\"", "rate[0].from: is no currency of ISO 4217");
    check("to = \"USD\"", "to = \"EUR\"", "rate[0]: is from EUR to EUR");
    check("\"1.0837\"", "\"0.0\"", "rate[0].rate: is no rate");
    check("\"1.0837\"", "\"1,08\"", "rate[0].rate: is no rate");
    check("\"1.5%\"", "\"1.5\"", "rate[0].markup: is no share");
    check("\"1.5%\"", "\"51%\"", "rate[0].markup: is no share");
    check("\"2026-11-27\"", "\"2026-11-31\"", "rate[0].valid_from: is no day");
    check("rounding = \"up\"", "rounding = \"down\"", "exchange.rounding: is \"down\"");
    check("\"cash-abroad\"", "\"cash abroad\"", "fee[0].name: is no name of a fee");
    check("\"none\"", "\"cash-abroad\"", "fee[1].name: is taken");
    check("\"15.00\"", "\"2.99\"", "fee[0].maximum: is below `minimum`");
    check(
        "amount_from = \"20.00\"",
        "amount_from = \"20.00\"\namount_to = \"19.99\"",
        "fee[0].amount_to: is below `amount_from`",
    );
    check("flat = \"0\"", "", "fee[1]: costs nothing");
    check("\"shared\"", "\"halved\"", "fee[0].partial_reversal: is \"halved\"");
    check("\"2.00\"", "\"2.001\"", "fee[0].flat: is not an amount of USD");
    let twice =
        "[[rate]]\nfrom = \"EUR\"\nto = \"USD\"\nrate = \"1.1\"\nvalid_from = \"2026-11-27\"\n[exchange]";
    check("[exchange]", twice, "rate[1]: is the second from EUR to USD for the same days");

    let file = |content: &str, expect: &[&str]| {
        fs::write(&rates, content).unwrap();
        let errors = with(good).unwrap_err();
        let told: Vec<String> =
            errors.iter().map(|error| format!("{}: {}", error.key, error.reason)).collect();
        assert_eq!(told, expect, "{content}");
    };
    file("from,to\nUSD,JPY\n", &["exchange.rates_file: line 1: column \"rate\" is missing"]);
    file("from,to,rate,spread\n", &["exchange.rates_file: line 1: no column is called \"spread\""]);
    file(
        "from,to,rate\nUSD,JPY,x\nUSD,XYZ,1\nUSD,USD,1\n",
        &[
            "exchange.rates_file: line 2: rate is wrong or missing",
            "exchange.rates_file: line 3: to is wrong or missing",
            "exchange.rates_file: line 4: is from USD to USD",
        ],
    );
    file(
        "from,to,rate\nUSD,JPY\n",
        &["exchange.rates_file: line 2: has not as many columns as the first line"],
    );
    fs::remove_file(&rates).unwrap();
    let errors = with(good).unwrap_err();
    assert!(errors.len() == 1 && errors[0].reason.contains("rates.csv cannot be read"), "{errors:?}");
}

#[test]
fn what_purchases_without_the_card_need() {
    use auth::{AddressResult, AuthenticationDemand, Demand, WithoutProof};
    let site = Site::new();
    let rules = "atc_max_jump = 1000\ntoken_bins = [\"4899\"]\necommerce_only = true\n[product.remote]\n";
    let load = |more: &str| site.load(&[("atc_max_jump = 1000\n", &format!("{rules}{more}\n"))]);
    let settings = load(
        "cvv2 = \"required\"\naddress = { N = \"05\" }\nauthentication = \"attempted\"\nauthenticated = [\"05\"]\n\
         without_proof = [\"recurring\"]\nchip_pan = \"ignore\"",
    )
    .unwrap();
    let product = &settings.tables.products[0];
    assert!(product.rules.ecommerce_only && product.token_prefixes == ["4899"]);
    let remote = &product.remote;
    assert_eq!((remote.cvv2, remote.authentication), (Demand::Required, AuthenticationDemand::Attempted));
    let code = card::ResponseCode::DO_NOT_HONOUR;
    assert_eq!(remote.address[AddressResult::Neither as usize], Reaction::Decline(code));
    assert_eq!(remote.address[AddressResult::Both as usize], Reaction::Ignore);
    assert_eq!((&remote.authenticated[..], &remote.attempted[..]), (&[5][..], &[6, 1][..]));
    assert_eq!(remote.without_proof[..], [WithoutProof::Recurring]);
    let check = |more: &str, expect: &str| {
        site.check("atc_max_jump = 1000\n", &format!("{rules}{more}\n"), expect);
    };
    check("cvv2 = \"yes\"", "cvv2 = \"yes\" | product[0].remote.cvv2: is \"yes\"");
    let recipe = |key: &str, expiry: &str, rest: &str| {
        format!(
            "authentication_value = {{ key = {key:?}, expiry = {expiry:?}, service_code = \"2,5-6\", result = {rest:?} }}"
        )
    };
    let settings = load(&recipe("cvk-test", "12-15", "8-10")).unwrap();
    let value = settings.tables.products[0].remote.authentication_value.as_deref().unwrap();
    assert_eq!((value.expiry, value.service_code, value.result), ([12, 13, 14, 15], [2, 5, 6], [8, 9, 10]));
    let place = "product[0].remote.authentication_value";
    for (line, reason) in [
        (recipe("pvk-test", "1-4", "8-10"), "key: the key \"pvk-test\" is a PVK and not a CVK"),
        (recipe("cvk-test", "1-3", "8-10"), "expiry: does not name digits of an authentication value"),
        (recipe("cvk-test", "1-5", "8-10"), "expiry: does not name digits of an authentication value"),
        (recipe("cvk-test", "4-1", "8-10"), "expiry: does not name digits of an authentication value"),
        (recipe("cvk-test", "1-4", "39-41"), "result: does not name digits of an authentication value"),
        (recipe("cvk-test", "1-4", "0-2"), "result: does not name digits of an authentication value"),
    ] {
        check(&line, &format!("{line} | {place}.{reason}"));
    }
    check("cvv2_tries = 0", "cvv2_tries = 0 | product[0].remote.cvv2_tries: is out of bounds");
    check(
        "authenticated = [\"005\"]",
        "authenticated = [\"005\"] | product[0].remote.authenticated: holds what is no electronic commerce indicator",
    );
    check(
        "address = { X = \"05\" }",
        "address = { X = \"05\" } | product[0].remote.address.X: is not a known key",
    );
    let bins = "atc_max_jump = 1000\ntoken_bins = [\"400000\"]\n";
    site.check(
        "atc_max_jump = 1000\n",
        bins,
        "token_bins = [\"400000\"] | product[0].token_bins: 400000 already belongs to the cards of \"classic\"",
    );
}

#[test]
fn where_a_listener_finds_what_no_dialect_puts_at_one_place() {
    let site = Site::new();
    let listener = "protocol = \"iso8583\"\n";
    let settings = site
        .load(&[(listener, &format!("{listener}fields.cvv2 = \"48:1-3\"\nanswers.44 = \"{{cvv2}}\"\n"))])
        .unwrap();
    let Protocol::Iso8583 { extras, .. } = &settings.listeners[0].protocol else { panic!("not ISO 8583") };
    assert_eq!(extras.request[0].1.to_string(), "48:1-3");
    assert_eq!(extras.answers[0].field, 44);
    let check = |line: &str, expect: &str| {
        site.check(listener, &format!("{listener}{line}\n"), &format!("{line} | listener[0].{expect}"));
    };
    check("fields.cvv2 = \"x\"", "fields.cvv2: is no place in a message");
    check("fields.cvv = \"48\"", "fields.cvv: is not a known key");
    check("answers.44 = \"text\"", "answers.44: is nothing that an answer carries");
    check("answers.39 = \"{cvv2}\"", "answers.39: is a data element of the decision itself");
    check("answers.6 = \"{cvv2}\"", "answers.6: is a data element of the decision itself");
    check("answers.51 = \"{cvv2}\"", "answers.51: is a data element of the decision itself");
    check("answers.xx = \"{cvv2}\"", "answers.xx: is nothing that an answer carries");
}

#[test]
fn modes_of_cards() {
    let site = Site::new();
    let usual = site.load(&[]).unwrap();
    assert_eq!(usual.tables.modes, auth::ModeRules::default());
    assert_eq!(usual.listeners[0].one_time_code, None);
    let listener = "protocol = \"iso8583\"\n";
    let section = "\n[card_modes]\nconfirmation_deadline = \"5s\"\ncode_tries = 2\nalarm_tries = 0\nalarm_window = \"1h\"\n\
                   alarm_blocks = true\nblock_status = \"capture\"\nreissue = false\n\n[hsm]\n";
    let settings =
        site.load(&[(listener, &format!("{listener}one_time_code = 63\n")), ("\n[hsm]\n", section)]).unwrap();
    assert_eq!(settings.listeners[0].one_time_code, Some(63));
    let modes = &settings.tables.modes;
    assert_eq!((modes.confirmation_deadline, modes.code_tries), (Duration::from_secs(5), 2));
    assert_eq!((modes.alarm_tries, modes.alarm_window), (0, Duration::from_hours(1)));
    assert_eq!((modes.alarm_blocks, modes.reissue), (true, false));
    assert_eq!(modes.block_status, auth::CardStatus::Capture);

    let check = |line: &str, expect: &str| {
        let section = format!("\n[card_modes]\n{line}\n\n[hsm]\n");
        site.check("\n[hsm]\n", &section, &format!("{line} | card_modes.{expect}"));
    };
    check("confirmation_deadline = \"3m\"", "confirmation_deadline: is out of bounds");
    check("code_tries = 10", "code_tries: is out of bounds");
    check("block_status = \"active\"", "block_status: no status is called \"active\"");
    check("alarms = 5", "alarms: is not a known key");
    site.check(
        listener,
        &format!("{listener}one_time_code = 129\n"),
        "one_time_code = 129 | listener[0].one_time_code: is out of bounds",
    );
    let ndc = "protocol = \"ndc\"\n";
    site.check(
        ndc,
        &format!("{ndc}one_time_code = 63\n"),
        "one_time_code = 63 | listener[3].one_time_code: of ATMs belongs into [listener.ndc]",
    );
}
