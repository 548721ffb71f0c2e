//! The demo's switch: what `turnout init` makes, a few lines of configuration more, cards of every
//! status, and the running server.

use super::connection::Credentials;
use super::receiver::{Delivery, Receiver};
use crate::command::card::{Note, import};
use crate::command::init::{self, InitError, InitOptions, InitReport, Ports};
use crate::command::key::in_test_block;
use crate::config::{self, ConfigError, KeyKind};
use crate::edge::control::ControlClient;
use crate::edge::serve::{ServeError, Server};
use crate::recovery;
use crate::settings::Settings;
use card::Expiry;
use hsm::{KeyScheme, KeyType};
use hsm_sim::{AesKey, ClearKey, Lmk, WorkingKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use terminal::TestIssuer;
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

/// Cards by what is wrong with them; all others are in order and have 1000.00 USD.
pub(super) mod serial {
    /// How many cards there are.
    pub(in crate::demo) const COUNT: u32 = 113;
    /// Cards in order: 0 up to this one.
    pub(in crate::demo) const IN_ORDER: u32 = 100;
    pub(in crate::demo) const LOST: u32 = 100;
    pub(in crate::demo) const STOLEN: u32 = 101;
    pub(in crate::demo) const RESTRICTED: u32 = 102;
    pub(in crate::demo) const INACTIVE: u32 = 103;
    pub(in crate::demo) const PICK_UP: u32 = 104;
    pub(in crate::demo) const EXPIRED: u32 = 105;
    /// 20.00 USD.
    pub(in crate::demo) const POOR: u32 = 106;
    /// 1000.00 USD on a cheque account, and 500.00 on a savings account.
    pub(in crate::demo) const SEVERAL_ACCOUNTS: u32 = 107;
    /// 20.00 USD, for purchases that are approved in part.
    pub(in crate::demo) const SHORT: u32 = 108;
    /// Its holder has another account, with 500.00 USD; so has that of the next one.
    pub(in crate::demo) const EMPTIED: u32 = 109;
    pub(in crate::demo) const KEPT: u32 = 110;
    /// Two cards of one customer, each with an account of its own.
    pub(in crate::demo) const FAMILY: [u32; 2] = [111, 112];
    /// Of our BIN, and not on file.
    pub(in crate::demo) const NOT_ON_FILE: u32 = 113;
}

/// Terminals of the demo: `DEMO*`, and one that only the certificate `host` may speak for.
pub(super) const OTHER_TERMINAL: &str = "DEMO0063";

/// Beginning of the numbers of the demo's tokens.
pub(super) const TOKEN_BIN: &str = "4000009";

/// The customer who has two cards of the demo.
pub(super) const FAMILY: &str = "C-FAMILY";

/// A terminal of which the configuration says that it reads chips.
pub(super) const CHIP_TERMINAL: &str = "DEMO0070";

/// The field in which terminals of the POS listener send one-time codes.
pub(super) const CODE_FIELD: u8 = 59;

/// A terminal whose PIN blocks come under DUKPT.
pub(super) const DUKPT_TERMINAL: &str = "DEMO0071";

/// The listener whose PIN blocks come under an AES key, its dialect file, and the BIN of the cards that pay there:
/// one HSM command takes keys of one LMK, so their product has a PVK beside that of the others.
pub(super) const AES_LISTENER: &str = "pos-aes";
pub(super) const AES_DIALECT: &str = include_str!("pos-aes.toml");
const AES_BIN: &str = "400004";

/// A terminal that nobody attends.
pub(super) const UNATTENDED_TERMINAL: &str = "DEMO0074";

/// The element of a key serial number.
pub(super) const KSN_FIELD: u8 = 63;

/// Processing code of a PIN change, and the element of the new PIN.
pub(super) const PIN_CHANGE: &[u8; 6] = b"920000";
pub(super) const NEW_PIN_FIELD: u8 = 125;

/// Processing code of a PIN unblock.
pub(super) const PIN_UNBLOCK: &[u8; 6] = b"910000";

/// Merchant category that the demo's rule declines: gambling.
pub(super) const GAMBLING_MCC: u16 = 7995;

/// Merchant category to which a rule of the demo gives points: direct marketing.
pub(super) const SCORED_MCC: u16 = 5967;

/// Merchant category whose amounts a rule of the demo limits: jewelry.
pub(super) const LIMITED_MCC: u16 = 5944;

/// Merchant category that a rule of the demo refers: money orders.
pub(super) const REFERRED_MCC: u16 = 6051;

/// Merchant category that a rule of the demo would decline, were it not in shadow mode: pawn shops.
pub(super) const SHADOW_MCC: u16 = 5933;

/// Merchant category that costs a fee in the demo: financial institutions.
pub(super) const CASH_LIKE_MCC: u16 = 6012;

/// The secret of the demo's webhook, in its folder.
const WEBHOOK_SECRET: &str = "webhook.key";

/// Keys of the demo beside those of its test issuer, in clear.
pub(super) struct DemoKeys {
    /// Issuer master key for secure messaging with integrity.
    pub(super) mk_smi: ClearKey,
    /// Base derivation key of the terminal with DUKPT.
    pub(super) bdk: ClearKey,
    /// Card verification key of 3-D Secure.
    pub(super) cvk_3ds: ClearKey,
    /// Zone PIN key of [`AES_LISTENER`].
    pub(super) aes_zpk: AesKey,
}

/// The folder and the switch that runs in it.
pub(super) struct Site {
    folder: PathBuf,
    made: InitReport,
    issuer: TestIssuer,
    aes_issuer: TestIssuer,
    keys: DemoKeys,
    receiver: Receiver,
    server: Option<Server>,
}

/// Why the demo could not be set up.
#[derive(Debug)]
pub(super) enum SiteError {
    File(PathBuf, io::Error),
    Init(InitError),
    TestCards(serde_json::Error),
    Toml(toml::de::Error),
    Config(Vec<ConfigError>),
    Import(String),
    Serve(Box<ServeError>),
    NoRandom,
}

impl Site {
    /// Makes everything in `folder` and starts the switch.
    pub(super) fn make(folder: &Path) -> Result<Site, SiteError> {
        let options = InitOptions { cards: serial::COUNT, ports: Ports::EPHEMERAL };
        let made = init::create(folder, &options).map_err(SiteError::Init)?;
        log_to(&folder.join("turnout.log"))?;
        let text = read(&made.test_cards)?;
        let issuer: TestIssuer = serde_json::from_str(&text).map_err(SiteError::TestCards)?;
        let aes_issuer = TestIssuer::new(AES_BIN, 1, issuer.expiry, issuer.keys.clone());
        let aes_issuer = aes_issuer.expect("six digits are a BIN");
        write_private(&made.cards, &card_file(&issuer, &aes_issuer))?;
        let dialect = folder.join(format!("{AES_LISTENER}.toml"));
        fs::write(&dialect, AES_DIALECT).map_err(|error| SiteError::File(dialect, error))?;
        let receiver = Receiver::start(0, |_| 200);
        let receiver = receiver.map_err(|error| SiteError::File(PathBuf::from("127.0.0.1"), error))?;
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| SiteError::NoRandom)?;
        let secret_file = folder.join(WEBHOOK_SECRET);
        store::create_private_file(&secret_file, hex::encode(secret).as_bytes())
            .map_err(|error| SiteError::File(secret_file, error))?;
        let (mk_smi, bdk, cvk_3ds) = (random_key()?, random_key()?, random_key()?);
        let keys = DemoKeys { mk_smi, bdk, cvk_3ds, aes_zpk: random_aes_key()? };
        let text = amended(&read(&made.config)?, receiver.address(), &keys, &issuer)?;
        write_private(&made.config, &text)?;
        put_on_file(&made.config, &made.cards)?;
        let folder = folder.to_owned();
        let mut site = Site { folder, made, issuer, aes_issuer, keys, receiver, server: None };
        site.start()?;
        Ok(site)
    }

    fn start(&mut self) -> Result<(), SiteError> {
        let settings = self.settings()?;
        self.server = Some(Server::start(settings).map_err(|error| SiteError::Serve(Box::new(error)))?);
        Ok(())
    }

    /// Ends the switch as `SIGTERM` does, and starts it from its journal.
    pub(super) fn restart(&mut self) -> Result<(), SiteError> {
        if let Some(server) = self.server.take() {
            server.drain();
        }
        self.start()
    }

    /// What the configuration says now.
    pub(super) fn settings(&self) -> Result<Settings, SiteError> {
        config::load(&self.made.config).map_err(SiteError::Config)
    }

    /// Changes the configuration and gives its tables to the running switch, as `SIGHUP` does.
    pub(super) fn change_tables(&mut self, from: &str, to: &str) -> Result<(), SiteError> {
        let text = read(&self.made.config)?.replacen(from, to, 1);
        write_private(&self.made.config, &text)?;
        let settings = self.settings()?;
        if let Some(server) = &self.server {
            server.take_tables(&settings.tables);
        }
        Ok(())
    }

    /// Hands lines to the control socket, as `turnout card` does.
    pub(super) fn control(&self, target: &str, lines: &str) -> Result<(), Box<dyn std::error::Error>> {
        let settings = self.settings()?;
        let client = ControlClient::new(&recovery::control_socket(&settings))?;
        let (status, answer) = client.post(target, lines.as_bytes().to_vec())?;
        match status {
            200 => Ok(()),
            _ => Err(format!("{target} was answered {status}: {}", String::from_utf8_lossy(&answer)).into()),
        }
    }

    /// What the webhook's receiver has got so far.
    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        self.receiver.deliveries()
    }

    /// The file of the webhook's secret.
    pub(super) fn webhook_secret(&self) -> PathBuf {
        self.folder.join(WEBHOOK_SECRET)
    }

    /// Ends the switch.
    pub(super) fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.drain();
        }
    }

    /// Keys that the test issuer does not have.
    pub(super) fn keys(&self) -> &DemoKeys {
        &self.keys
    }

    /// Where cards are administered.
    pub(super) fn control_socket(&self) -> PathBuf {
        self.folder.join("turnout-data").join("control.sock")
    }

    /// The issuer of the cards.
    pub(super) fn issuer(&self) -> &TestIssuer {
        &self.issuer
    }

    /// The issuer of the card that pays at [`AES_LISTENER`].
    pub(super) fn aes_issuer(&self) -> &TestIssuer {
        &self.aes_issuer
    }

    /// Where a listener listens now; a restart changes it.
    pub(super) fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.server.as_ref()?.address(listener)
    }

    /// What the holder of a certificate of this name connects with; without a name, no certificate.
    pub(super) fn credentials(&self, name: Option<&str>) -> Result<Credentials, Box<dyn std::error::Error>> {
        let file = |name: String| fs::read(self.made.certificates.join(name));
        let authority = self.authority()?;
        let Some(name) = name else { return Credentials::new(&authority, None) };
        let (certificate, key) = (file(format!("{name}.pem"))?, file(format!("{name}.key"))?);
        Credentials::new(&authority, Some((&certificate, &key)))
    }

    /// Asks the running switch something over its control socket: status and body of the answer.
    pub(super) fn order(
        &self,
        target: &str,
        body: &Value,
    ) -> Result<(u16, Value), Box<dyn std::error::Error>> {
        let settings = self.settings()?;
        let client = ControlClient::new(&recovery::control_socket(&settings))?;
        let (status, answer) = client.post(target, body.to_string().into_bytes())?;
        Ok((status, serde_json::from_slice(&answer)?))
    }

    /// The certificate of the authority that signed the listeners' certificates, PEM.
    pub(super) fn authority(&self) -> io::Result<Vec<u8>> {
        fs::read(self.made.certificates.join("authority.pem"))
    }

    /// The counters of the running switch.
    pub(super) fn metrics(&self) -> String {
        self.server.as_ref().map(Server::metrics).unwrap_or_default()
    }

    /// Addresses, files and commands.
    pub(super) fn say_what_to_try(&self) {
        let Some(server) = &self.server else { return };
        eprintln!("\nStill serving; end with Ctrl-C. Listeners:");
        for (name, address) in server.addresses() {
            eprintln!("  {name:<12} {address}");
        }
        let (config, certificates) = (self.made.config.display(), self.made.certificates.display());
        eprintln!("\nCertificates of terminals: {certificates}/pos.pem, host.pem, atm.pem and their .key;");
        eprintln!(
            "they trust {certificates}/authority.pem. Test cards and their keys: {}",
            self.made.test_cards.display()
        );
        eprintln!("Log of the switch: {}", self.folder.join("turnout.log").display());
        // `cargo run` puts the program nowhere that a shell would look.
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("turnout"));
        let program = program.display();
        eprintln!("\nTry, in another window:");
        eprintln!("  {program} tran search --config {config}");
        eprintln!("  {program} tran why --config {config} 64");
        eprintln!("  {program} card list --config {config}");
        if let Some(address) = server.address("admin") {
            eprintln!("  curl --cacert {certificates}/authority.pem https://{address}/metrics");
        }
        if let Some(address) = server.address("pos") {
            eprintln!(
                "  openssl s_client -connect {address} -CAfile {certificates}/authority.pem -cert {certificates}/pos.pem -key {certificates}/pos.key"
            );
        }
    }

    /// Waits for `SIGTERM` or `SIGINT`.
    pub(super) fn wait_for_signal(&self) {
        if let Some(server) = &self.server {
            server.wait_for_signal(|| None);
        }
    }
}

/// The switch of the demo runs in this process, and its log would run into the stories. `RUST_LOG`
/// chooses more or less than `info`.
fn log_to(path: &Path) -> Result<(), SiteError> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let file = file.map_err(|error| SiteError::File(path.to_owned(), error))?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Mutex::new(file));
    // A second demo in one process keeps the first one's log.
    let _ = builder.try_init();
    Ok(())
}

/// One card and account a line, as `turnout card import` reads them.
fn card_file(issuer: &TestIssuer, aes_issuer: &TestIssuer) -> String {
    let mut text = "pan,expiry,status,card_sequence,account,currency,balance,pvki,pvv,account_type,\
                    further_accounts,home_account,customer\n"
        .to_owned();
    let beside = serial::SEVERAL_ACCOUNTS;
    text.push_str(&format!(",,,,S-{beside},USD,500.00,,,savings,,{beside:010},\n"));
    for serial in [serial::EMPTIED, serial::KEPT] {
        let (account, customer) = (linked_account(serial), customer(serial));
        text.push_str(&format!(",,,,{account},USD,500.00,,,,,,{customer}\n"));
    }
    for serial in 0..serial::COUNT {
        let expiry = if serial == serial::EXPIRED { expired() } else { issuer.expiry };
        let poor = [serial::POOR, serial::SHORT].contains(&serial);
        let balance = if poor { "20.00" } else { "1000.00" };
        let accounts = match serial {
            serial::SEVERAL_ACCOUNTS => format!("cheque,savings:S-{serial},"),
            _ => ",,".to_owned(),
        };
        let (pan, pvv) = (issuer.pan(serial), issuer.pvv(serial));
        text.push_str(&format!(
            "{},{},{},{},{serial:010},USD,{balance},{},{},{accounts},{}\n",
            pan.reveal().as_str(),
            expiry.to_yymm().escape_ascii(),
            status(serial),
            issuer.card_sequence,
            issuer.pvki,
            pvv.escape_ascii(),
            customer(serial),
        ));
    }
    text.push_str(&format!(
        "{},{},active,{},AES-0,USD,1000.00,{},{},,,,\n",
        aes_issuer.pan(0).reveal().as_str(),
        aes_issuer.expiry.to_yymm().escape_ascii(),
        aes_issuer.card_sequence,
        aes_issuer.pvki,
        aes_issuer.pvv(0).escape_ascii(),
    ));
    text
}

/// The other account of the holder of a card whose mode moves money.
pub(super) fn linked_account(serial: u32) -> String {
    format!("L-{serial}")
}

fn customer(serial: u32) -> String {
    match serial {
        serial::EMPTIED | serial::KEPT => format!("C-{serial}"),
        _ if serial::FAMILY.contains(&serial) => FAMILY.to_owned(),
        _ => String::new(),
    }
}

/// Expiry of the card that has expired.
pub(super) fn expired() -> Expiry {
    Expiry::parse_yymm(b"2001").expect("January is a month")
}

fn status(serial: u32) -> &'static str {
    match serial {
        serial::LOST => "lost",
        serial::STOLEN => "stolen",
        serial::RESTRICTED => "restricted",
        serial::INACTIVE => "inactive",
        serial::PICK_UP => "capture",
        _ => "active",
    }
}

/// The configuration of `init` with the terminals of the POS listener named, its rules, and a webhook.
fn amended(
    text: &str,
    receiver: SocketAddr,
    keys: &DemoKeys,
    issuer: &TestIssuer,
) -> Result<String, SiteError> {
    let lmk = Lmk::public_test();
    let under_lmk = |key_type, key| {
        let cryptogram = lmk.encrypt_key(key_type, KeyScheme::U, key);
        cryptogram.expect("a double-length key of odd parity can be wrapped").to_text()
    };
    let (mk_smi, bdk) = (under_lmk(KeyType::MK_SMI, &keys.mk_smi), under_lmk(KeyType::BDK, &keys.bdk));
    let cvk_3ds = under_lmk(KeyType::CVK, &keys.cvk_3ds);
    let in_block = |kind, key: WorkingKey| in_test_block(kind, &key).map(|block| block.to_text());
    let aes_zpk = in_block(KeyKind::Zpk, keys.aes_zpk.clone().into()).map_err(|_| SiteError::NoRandom)?;
    let aes_pvk = in_block(KeyKind::Pvk, issuer.keys.pvk.clone().into()).map_err(|_| SiteError::NoRandom)?;
    let additions: toml::Table = format!(
        r#"
        [[terminal]]
        id = "DEMO*"

        [[terminal]]
        id = "{OTHER_TERMINAL}"
        certificate = "host"

        [[terminal]]
        id = "{CHIP_TERMINAL}"
        reads_chip = true

        [[rule]]
        name = "no-gambling"
        when = "mcc == {GAMBLING_MCC}"
        action = "decline"

        [[rule]]
        name = "direct-marketing"
        when = "mcc == {SCORED_MCC}"
        action = "score"
        score = 40

        [[rule]]
        name = "large"
        when = "amount >= 10000"
        action = "score"
        score = 40

        [[rule]]
        name = "risky"
        when = "score >= 80"
        action = "decline"

        [[rule]]
        name = "jewels"
        when = "mcc == {LIMITED_MCC}"
        action = "limit"
        limit = 5000

        [[rule]]
        name = "money-orders"
        when = "mcc == {REFERRED_MCC}"
        action = "refer"

        [[rule]]
        name = "pawn-shops"
        when = "mcc == {SHADOW_MCC}"
        action = "decline"
        mode = "shadow"

        [card_modes]
        alarm_tries = 3
        alarm_blocks = true

        [[webhook]]
        name = "demo"
        url = "http://{receiver}/events"
        secret = "{WEBHOOK_SECRET}"

        [[rate]]
        from = "GBP"
        to = "USD"
        rate = "1.265"
        markup = "2%"

        [[fee]]
        name = "quasi-cash"
        mcc = ["{CASH_LIKE_MCC}"]
        share = "1.5%"
        minimum = "1.00"

        [[terminal]]
        id = "{DUKPT_TERMINAL}"
        pin_key = "bdk-demo"

        [[terminal]]
        id = "DEMO0072"
        pin_key = "zpk-test"
        pin_format = "05"

        [[terminal]]
        id = "DEMO0073"
        pin_key = "zpk-test"
        pin_format = "47"

        [[terminal]]
        id = "{UNATTENDED_TERMINAL}"
        attended = false

        [[key]]
        name = "mk-smi-demo"
        type = "MK-SMI"
        cryptogram = "{mk_smi}"

        [[key]]
        name = "bdk-demo"
        type = "BDK"
        cryptogram = "{bdk}"

        [[key]]
        name = "cvk-3ds"
        type = "CVK"
        cryptogram = "{cvk_3ds}"

        [[key]]
        name = "zpk-aes"
        type = "ZPK"
        cryptogram = "{aes_zpk}"

        [[key]]
        name = "pvk-aes"
        type = "PVK"
        cryptogram = "{aes_pvk}"

        [aes_pos]
        name = "{AES_LISTENER}"
        dialect = "{AES_LISTENER}.toml"
        pin_key = "zpk-aes"
        pin_format = "48"

        [[aes_pos.terminal]]
        id = "DEMO*"

        [aes_product]
        name = "aes"
        bins = ["{AES_BIN}"]
        pvk = "pvk-aes"

        [pos]
        ksn_field = {KSN_FIELD}
        one_time_code = {CODE_FIELD}
        pin_change_code = "92"
        new_pin_field = {NEW_PIN_FIELD}
        pin_unblock_code = "91"

        [product]
        currencies = ["USD", "GBP", "JPY"]
        pin_tries_reset = "24h"
        identify_above = "400.00"
        token_bins = ["{TOKEN_BIN}"]
        remote.authentication = "attempted"
        remote.authentication_value = {{ key = "cvk-3ds", expiry = "1-4", service_code = "5-7", result = "8-10" }}
        script_keys = [{{ index = 1, key = "mk-smi-demo" }}]

        [product.ledger]
        cashback_up_to = "100.00"
        partial_approval = true
        completion_tolerance = 15

        [product.verification]
        contactless_limit = "50.00"
        contactless_count = 3
        unattended_limit = "25.00"

        [[limit]]
        name = "from-one-address"
        scope = "ip"
        window = "1h"
        count = 1

        [[limit]]
        name = "family"
        scope = "customer"
        window = "day"
        amount = "800.00"

        [fields]
        cvv2 = "48:1-3"
        eci = "48:4-5"
        authentication_value = "48:6-45"
        address = "60:1-20"
        postal_code = "60:21-29"
        ip = "61"
        order = "62:17-99"
        order_code = "62:1-16"

        [answers]
        44 = "{{address}}{{cvv2}}{{reward}}"
        "#
    )
    .parse()
    .map_err(SiteError::Toml)?;
    let mut file: toml::Table = text.parse().map_err(SiteError::Toml)?;
    // As the first ones are before the stories' additions.
    for (key, added) in [("listener", "aes_pos"), ("product", "aes_product")] {
        let tables = file.get_mut(key).and_then(toml::Value::as_array_mut);
        if let Some(tables) = tables
            && let Some(mut table) = tables.first().and_then(toml::Value::as_table).cloned()
        {
            table.extend(additions[added].as_table().cloned().into_iter().flatten());
            tables.push(table.into());
        }
    }
    let listeners = file.get_mut("listener").and_then(toml::Value::as_array_mut);
    let tables = listeners.into_iter().flatten().filter_map(toml::Value::as_table_mut);
    for listener in tables {
        match listener.get("name").and_then(toml::Value::as_str) {
            Some("pos") => {
                for key in ["terminal", "fields", "answers"] {
                    listener.insert(key.to_owned(), additions[key].clone());
                }
                listener.extend(additions["pos"].as_table().cloned().into_iter().flatten());
            }
            // A network that asks for the cardholder's proof by a code of its own.
            Some("pos-bcd") => {
                listener.insert("verification_code".to_owned(), "1A".into());
            }
            _ => {}
        }
    }
    if let (Some(keys), Some(added)) =
        (file.get_mut("key").and_then(toml::Value::as_array_mut), additions["key"].as_array())
    {
        keys.extend(added.iter().cloned());
    }
    let products = file.get_mut("product").and_then(toml::Value::as_array_mut);
    for product in products.into_iter().flatten().filter_map(toml::Value::as_table_mut).take(1) {
        product.extend(additions["product"].as_table().cloned().into_iter().flatten());
    }
    if let (Some(rules), Some(added)) = (
        file.entry("rule").or_insert(toml::Value::Array(Vec::new())).as_array_mut(),
        additions["rule"].as_array(),
    ) {
        rules.extend(added.iter().cloned());
    }
    for key in ["webhook", "rate", "fee", "card_modes"] {
        file.insert(key.to_owned(), additions[key].clone());
    }
    if let (Some(limits), Some(added)) = (
        file.entry("limit").or_insert(toml::Value::Array(Vec::new())).as_array_mut(),
        additions["limit"].as_array(),
    ) {
        limits.extend(added.iter().cloned());
    }
    Ok(file.to_string())
}

fn random_aes_key() -> Result<AesKey, SiteError> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(&mut bytes[..]).map_err(|_| SiteError::NoRandom)?;
    Ok(AesKey::new(&bytes[..]).expect("32 bytes are an AES key"))
}

fn random_key() -> Result<ClearKey, SiteError> {
    let mut bytes = Zeroizing::new([0; 16]);
    SystemRandom::new().fill(&mut bytes[..]).map_err(|_| SiteError::NoRandom)?;
    Ok(ClearKey::double(&bytes).with_odd_parity())
}

/// Puts the cards on file as `turnout card import` does, without its output in the stories.
fn put_on_file(config: &Path, cards: &Path) -> Result<(), SiteError> {
    let configuration = config::read(config).map_err(SiteError::Config)?;
    let mut bad = String::new();
    let mut note = |note| {
        if let Note::Bad(line) = note {
            bad += &line;
            bad.push('\n');
        }
    };
    let imported = import(&configuration, cards, false, &mut note);
    imported.map(|_| ()).map_err(|error| SiteError::Import(format!("{bad}{error}")))
}

fn read(path: &Path) -> Result<String, SiteError> {
    fs::read_to_string(path).map_err(|error| SiteError::File(path.to_owned(), error))
}

/// Overwrites what `init` has made; the file stays as private as it is.
fn write_private(path: &Path, text: &str) -> Result<(), SiteError> {
    let written = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| SiteError::File(path.to_owned(), error))
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SiteError::File(path, error) => write!(f, "{}: {error}", path.display()),
            SiteError::Init(error) => write!(f, "{error}"),
            SiteError::TestCards(error) => write!(f, "test cards: {error}"),
            SiteError::Toml(error) => write!(f, "configuration: {error}"),
            SiteError::Config(mistakes) => {
                mistakes.iter().try_for_each(|mistake| writeln!(f, "{mistake}"))?;
                f.write_str("the demo's configuration is wrong")
            }
            SiteError::Import(error) => write!(f, "cards: {error}"),
            SiteError::NoRandom => f.write_str("the system gives no random bytes"),
            SiteError::Serve(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SiteError {}
