//! `turnout init`: a folder that `turnout serve` runs from at once.

mod certificates;
mod template;

pub use certificates::{DevelopmentAuthority, PemIdentity};

use crate::command::DataFormat;
use crate::config::KeyKind;
use card::Expiry;
use hsm::{Kcv, KcvLength, KeyScheme};
use hsm_sim::{ClearKey, Lmk};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{DataKeys, DataKeysError, MasterKey};
use terminal::{TestIssuer, TestKeys};
use zeroize::Zeroizing;

/// Make a folder with configuration, keys, certificates and test cards
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  turnout init
  turnout init --folder run --cards 1000
  turnout init --folder run && turnout card import --config run/turnout.toml run/cards.csv

Everything is for development: the keys stand under the public test LMK. Existing files are never
overwritten.")]
pub struct InitArgs {
    /// Folder to make
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// Number of test cards
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    cards: u32,
    /// How to report what was made
    #[arg(long, value_enum, default_value = "text")]
    format: DataFormat,
}

/// What [`create`] makes.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Number of test cards.
    pub cards: u32,
    /// Ports on 127.0.0.1.
    pub ports: Ports,
}

/// Ports of the listeners; 0 lets the system choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// POS terminals, ISO 8583 ASCII over TLS.
    pub pos: u16,
    /// POS terminals, ISO 8583 packed over TLS.
    pub pos_bcd: u16,
    /// Hosts and networks, ISO 8583 ASCII over TLS.
    pub hosts: u16,
    /// ATMs, NDC over TLS.
    pub ndc: u16,
    /// Scripts, ISO 8583 ASCII over plain TCP.
    pub integration: u16,
    /// Administration over HTTPS.
    pub admin: u16,
}

/// What was made, and where.
#[derive(Clone, Debug)]
pub struct InitReport {
    /// The configuration.
    pub config: PathBuf,
    /// Folder of certificates and private keys. Terminals use `pos`, `host`, `atm` or `loadtest`
    /// (`.pem`, `.key`), and trust `authority.pem`.
    pub certificates: PathBuf,
    /// Test cards, for `turnout card import`.
    pub cards: PathBuf,
    /// Clear test keys and the rules by which cards and PINs follow from a serial number.
    pub test_cards: PathBuf,
}

impl InitReport {
    fn to_json(&self) -> serde_json::Value {
        let text = |path: &Path| path.display().to_string();
        serde_json::json!({
            "config": text(&self.config),
            "certificates": text(&self.certificates),
            "cards": text(&self.cards),
            "test_cards": text(&self.test_cards),
        })
    }
}

/// Why the folder could not be made.
#[derive(Debug)]
pub enum InitError {
    /// A file is there already, or could not be written.
    File(PathBuf, io::Error),
    /// The master key could not be made.
    MasterKey(store::KeyError),
    /// The data keys.
    DataKeys(DataKeysError),
    /// A certificate could not be made.
    Certificate(rcgen::Error),
    /// The system gave no random bytes.
    NoRandom,
}

impl Default for Ports {
    /// The usual ports of design and documentation.
    fn default() -> Ports {
        Ports { pos: 8583, pos_bcd: 8582, hosts: 8584, ndc: 8585, integration: 8590, admin: 8443 }
    }
}

impl Ports {
    /// Ports that the system chooses at each start.
    pub const EPHEMERAL: Ports = Ports { pos: 0, pos_bcd: 0, hosts: 0, ndc: 0, integration: 0, admin: 0 };
}

impl Default for InitOptions {
    fn default() -> InitOptions {
        InitOptions { cards: 20, ports: Ports::default() }
    }
}

/// Runs the command.
#[must_use]
pub fn run(args: InitArgs) -> ExitCode {
    let InitArgs { folder, cards, format } = args;
    let report = match create(&folder, &InitOptions { cards, ports: Ports::default() }) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("turnout init: {error}");
            return ExitCode::FAILURE;
        }
    };
    if format == DataFormat::Json {
        println!("{}", report.to_json());
        return ExitCode::SUCCESS;
    }
    let InitReport { config, certificates, cards: file, test_cards } = &report;
    println!("configuration   {}", config.display());
    println!("certificates    {}", certificates.display());
    println!("test cards      {} ({cards} cards)", file.display());
    println!("their keys      {} (clear: for tests only)", test_cards.display());
    let config = config.display();
    eprintln!("\nNext:\n  turnout card import --config {config} {}", file.display());
    eprintln!("  turnout serve --config {config}");
    ExitCode::SUCCESS
}

/// Makes the folder: configuration, master key, data keys, certificates, keys and test cards. Files that
/// hold something private can be read by their owner only.
///
/// # Errors
/// When a file is there already (nothing is overwritten) or cannot be written, or the system gives no
/// random bytes.
pub fn create(folder: &Path, options: &InitOptions) -> Result<InitReport, InitError> {
    let report = InitReport {
        config: folder.join("turnout.toml"),
        certificates: folder.join("certs"),
        cards: folder.join("cards.csv"),
        test_cards: folder.join("test-cards.json"),
    };
    let data = folder.join("turnout-data");
    nothing_there(&[&report.config, &report.certificates, &report.cards, &report.test_cards, &data])?;
    private_folder(folder)?;
    private_folder(&data)?;
    let master_key = MasterKey::generate().map_err(InitError::MasterKey)?;
    master_key.create_file(&data.join("master.key")).map_err(InitError::MasterKey)?;
    DataKeys::create(&data.join(DataKeys::FILE_NAME), &master_key).map_err(InitError::DataKeys)?;
    write_certificates(&report.certificates)?;
    let issuer = test_issuer(options.cards)?;
    let keys = TestKeyCryptograms::new(&issuer.keys);
    write_cards(&report.cards, &issuer)?;
    let text = serde_json::to_string_pretty(&issuer).expect("text and numbers are JSON") + "\n";
    write_private(&report.test_cards, Zeroizing::new(text).as_bytes())?;
    // The configuration comes last: where it is, everything it names is.
    write_private(&report.config, template::text(&options.ports, &issuer, &keys).as_bytes())?;
    Ok(report)
}

/// BIN of the test cards, in a range that networks keep for tests.
const TEST_BIN: &str = "400000";

/// Balance of each test card's account, major units.
const TEST_BALANCE: &str = "1000.00";

fn test_issuer(count: u32) -> Result<TestIssuer, InitError> {
    let (zpk, tpk, pvk) = (random_key()?, random_key()?, random_key()?);
    let keys = TestKeys { zpk, tpk, pvk, cvk: random_key()?, mk_ac: random_key()? };
    let expiry = Expiry::parse_yymm(b"4912").expect("December is a month");
    Ok(TestIssuer::new(TEST_BIN, count, expiry, keys).expect("the BIN has six digits"))
}

/// A double-length key of odd parity.
fn random_key() -> Result<ClearKey, InitError> {
    let mut bytes = Zeroizing::new([0; 16]);
    SystemRandom::new().fill(&mut bytes[..]).map_err(|_| InitError::NoRandom)?;
    Ok(ClearKey::double(&bytes).with_odd_parity())
}

/// The test keys as the configuration names them, under the public test LMK.
struct TestKeyCryptograms([(&'static str, KeyKind, String, String); 5]);

impl TestKeyCryptograms {
    fn new(keys: &TestKeys) -> TestKeyCryptograms {
        let lmk = Lmk::public_test();
        let under_lmk = |name, kind: KeyKind, key: &ClearKey| {
            let cryptogram = lmk
                .encrypt_key(kind.hsm_type(), KeyScheme::U, key)
                .expect("a double-length key of odd parity can be wrapped");
            let kcv = Kcv::new(hsm_sim::kcv::kcv(key), KcvLength::Six);
            (name, kind, cryptogram.to_text(), hex::encode_upper(kcv.as_bytes()))
        };
        TestKeyCryptograms([
            under_lmk("zpk-test", KeyKind::Zpk, &keys.zpk),
            under_lmk("tpk-test", KeyKind::Tpk, &keys.tpk),
            under_lmk("pvk-test", KeyKind::Pvk, &keys.pvk),
            under_lmk("cvk-test", KeyKind::Cvk, &keys.cvk),
            under_lmk("mk-ac-test", KeyKind::MkAc, &keys.mk_ac),
        ])
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, kind, cryptogram, kcv) in &self.0 {
            let _ = write!(
                text,
                "[[key]]\nname = {name:?}\ntype = \"{kind}\"\ncryptogram = {cryptogram:?}\nkcv = {kcv:?}\n\n"
            );
        }
        text
    }
}

fn write_certificates(folder: &Path) -> Result<(), InitError> {
    private_folder(folder)?;
    let authority =
        DevelopmentAuthority::new("Turnout development authority").map_err(InitError::Certificate)?;
    write_private(&folder.join("authority.pem"), authority.certificate().as_bytes())?;
    write_private(&folder.join("authority.key"), authority.key().as_bytes())?;
    let write = |name: &str, identity: Result<PemIdentity, rcgen::Error>| {
        let identity = identity.map_err(InitError::Certificate)?;
        write_private(&folder.join(format!("{name}.pem")), identity.certificate.as_bytes())?;
        write_private(&folder.join(format!("{name}.key")), identity.key.as_bytes())
    };
    write("switch", authority.for_listener("turnout"))?;
    for name in ["pos", "host", "atm", "loadtest"] {
        write(name, authority.for_terminal(name))?;
    }
    Ok(())
}

/// One account for each card, as `turnout card import` reads them.
fn write_cards(path: &Path, issuer: &TestIssuer) -> Result<(), InitError> {
    let failed = |error| InitError::File(path.to_owned(), error);
    let mut out = BufWriter::new(create_private(path)?);
    writeln!(out, "pan,expiry,status,card_sequence,account,currency,balance,pvki,pvv").map_err(failed)?;
    let expiry = issuer.expiry.to_yymm();
    let TestIssuer { card_sequence, pvki, .. } = issuer;
    for serial in 0..issuer.count {
        let (pan, pvv) = (issuer.pan(serial), issuer.pvv(serial));
        writeln!(
            out,
            "{},{},active,{card_sequence},{serial:010},USD,{TEST_BALANCE},{pvki},{}",
            pan.reveal().as_str(),
            expiry.escape_ascii(),
            pvv.escape_ascii()
        )
        .map_err(failed)?;
    }
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)
}

fn nothing_there(paths: &[&Path]) -> Result<(), InitError> {
    for path in paths {
        if path.symlink_metadata().is_ok() {
            return Err(InitError::File((*path).to_owned(), io::ErrorKind::AlreadyExists.into()));
        }
    }
    Ok(())
}

/// Makes a folder that only its owner may look into; one that is there already stays as it is.
fn private_folder(path: &Path) -> Result<(), InitError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| InitError::File(path.to_owned(), error))
}

fn create_private(path: &Path) -> Result<File, InitError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| InitError::File(path.to_owned(), error))
}

fn write_private(path: &Path, content: &[u8]) -> Result<(), InitError> {
    let mut file = create_private(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    written.map_err(|error| InitError::File(path.to_owned(), error))
}

impl std::fmt::Display for InitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InitError::File(path, error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let path = path.display();
                write!(f, "{path} is there already and is not overwritten; choose another --folder")
            }
            InitError::File(path, error) => write!(f, "{}: {error}", path.display()),
            InitError::MasterKey(error) => write!(f, "{error}"),
            InitError::DataKeys(error) => write!(f, "{error}"),
            InitError::Certificate(error) => write!(f, "certificate: {error}"),
            InitError::NoRandom => f.write_str("the system gave no random bytes"),
        }
    }
}

impl std::error::Error for InitError {}
