//! The `hsm-sim` program.

mod lmk_command;
mod passphrase;

use clap::{Args, Parser, Subcommand};
use hsm_sim::faults::Fault;
use hsm_sim::server::{Limits, serve_unit};
use hsm_sim::{Engine, Lmk, Settings, Unit, admin, lmk_file};
use lmk_command::LmkCommand;
use passphrase::PassphraseSource;
use ring::rand::{SecureRandom, SystemRandom};
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Payment HSM simulator: payShield host commands over TCP, for development and tests.
///
/// It prints the address it listens on, then serves until it is ended. Never give it live keys: it is
/// a program, and whoever can read its memory has them.
#[derive(Parser)]
#[command(name = "hsm-sim", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,

    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Task {
    /// Make and list files of local master keys
    #[command(subcommand)]
    Lmk(LmkCommand),
}

#[derive(Args)]
struct Serve {
    /// Serve the LMKs of this file, made by `hsm-sim lmk generate`
    #[arg(long, value_name = "FILE", conflicts_with = "test_lmk")]
    lmk_file: Option<PathBuf>,

    /// Serve the public test LMKs that everybody knows: variant as 00, 3DES key block as 01, AES key block as
    /// 02
    #[arg(long, conflicts_with = "passphrase_file")]
    test_lmk: bool,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:1500", value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Length of the message header that hosts send, in bytes
    #[arg(long, default_value_t = 4, value_name = "BYTES", value_parser = clap::value_parser!(u8).range(1..))]
    header_length: u8,

    /// Be in authorised state: serve what needs it too (A4, BA, GC, DY, BU for 16 digits),
    /// and tell what would have been right when a cryptogram is wrong
    #[arg(long)]
    authorised: bool,

    /// Longest PIN kept under the LMK, in digits, 4 to 12; under a variant or 3DES LMK such a PIN has one
    /// digit more
    #[arg(long, default_value_t = 12, value_name = "DIGITS", value_parser = clap::value_parser!(u8).range(4..=12))]
    pin_length: u8,

    /// How many connections to serve at once
    #[arg(long, default_value_t = 64, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=99))]
    max_connections: u8,

    /// Close a connection that is silent for so many seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    idle_timeout: u32,

    /// What goes wrong with the commands of a code, or with all others (*); repeatable. `CA
    /// delay=uniform:2ms..9ms drop=0.01`; there are delay=fixed:5ms, uniform:2ms..9ms, exponential:5ms,
    /// normal:5ms,1ms with cap=50ms, and drop, disconnect, flip and error=41: with a probability
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,

    /// Serve so many commands a second over all connections; those above it wait
    #[arg(long, value_name = "COMMANDS", value_parser = admin::parse_rate)]
    rate: Option<NonZeroU32>,

    /// Draw the faults from this seed, so that a run can be repeated [default: another one each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// Let a reply that is due sooner overtake the ones before it
    #[arg(long)]
    out_of_order: bool,

    /// Take `fault`, `faults`, `clear`, `rate`, `stats` and `help` as lines of text on this address
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,

    /// Let --admin listen on an address that other machines reach; it asks nobody who they are
    #[arg(long, requires = "admin")]
    admin_anywhere: bool,
}

const EXAMPLES: &str = "\
Examples:
  hsm-sim --test-lmk                             serve the public test LMKs on 127.0.0.1:1500
  hsm-sim --test-lmk --listen 127.0.0.1:0        serve on any free port, printed on standard output
  hsm-sim --test-lmk --header-length 12          for hosts with a longer message header
  hsm-sim lmk generate --out unit.lmk --passphrase-file passphrase
  hsm-sim --lmk-file unit.lmk --passphrase-file passphrase
                                                 LMKs of your own
  hsm-sim --test-lmk --fault 'CA delay=uniform:2ms..9ms drop=0.01' --fault '* delay=1ms' --seed 7
                                                 slow replies, and one CA of a hundred lost
  hsm-sim --test-lmk --rate 250                  a unit licensed for 250 commands a second
  hsm-sim --test-lmk --admin 127.0.0.1:1501      faults and statistics while it runs:
  echo 'fault CY flip=0.1' | nc -N 127.0.0.1 1501
  echo stats | nc -N 127.0.0.1 1501
  RUST_LOG=hsm_sim=debug hsm-sim --test-lmk      log each command code (never a body)

Ask it for its diagnostics (NC):
  printf '\\0\\0060001NC' | nc -N 127.0.0.1 1500";

const NO_LMK: &str = "\
hsm-sim: which local master keys? Say one of
  --test-lmk         the public test LMKs that everybody knows
  --lmk-file FILE    LMKs of your own, made by: hsm-sim lmk generate --out FILE
See hsm-sim --help.";

/// What the shell gives for wrong usage, as clap does.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour).init();
    let done = match &arguments.task {
        Some(Task::Lmk(command)) => command.run(),
        None if arguments.serve.lmk_file.is_none() && !arguments.serve.test_lmk => {
            eprintln!("{NO_LMK}");
            return ExitCode::from(USAGE);
        }
        None => start(&arguments.serve),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hsm-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves; comes back only when it cannot.
fn start(options: &Serve) -> Result<(), String> {
    let lmk = match &options.lmk_file {
        Some(file) => {
            let stored = lmk_command::open(file, &options.passphrase)?;
            lmk_file::load(&stored).map_err(|error| format!("{}: {error}", file.display()))?
        }
        None => Lmk::public_test(),
    };
    let settings = Settings {
        sockets: options.max_connections,
        authorised: options.authorised,
        pin_length: options.pin_length,
        ..Settings::default()
    };
    let unit = Unit::new(Arc::new(Engine::new(lmk, settings))).with_out_of_order(options.out_of_order);
    let unit = Arc::new(unit);
    unit.set_rate(options.rate);
    unit.set_seed(options.seed.map_or_else(random_seed, Ok)?);
    set_faults(&unit, &options.fault)?;
    let admin = options.admin.map(|address| bind_admin(address, options.admin_anywhere)).transpose()?;
    let listener = bind(options.listen)?;
    announce(&listener, admin.as_ref()).map_err(|error| format!("cannot say where it listens: {error}"))?;
    warn(options);
    report(&unit, options);
    if let Some(admin) = admin {
        let unit = Arc::clone(&unit);
        thread::spawn(move || admin::serve(&admin, &unit));
    }
    let limits = Limits {
        header_length: options.header_length.into(),
        max_connections: options.max_connections.into(),
        idle_timeout: Duration::from_secs(options.idle_timeout.into()),
    };
    serve_unit(&listener, &unit, limits)
}

fn random_seed() -> Result<u64, String> {
    let mut bytes = [0; 4];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "the system gives no random bytes")?;
    // Short enough to be typed in again.
    Ok(u32::from_le_bytes(bytes).into())
}

fn set_faults(unit: &Unit, faults: &[Fault]) -> Result<(), String> {
    for (index, fault) in faults.iter().enumerate() {
        if faults[..index].iter().any(|earlier| earlier.target == fault.target) {
            return Err(format!("two --fault for {}: write all of it in one", fault.target));
        }
        unit.change_faults(|table| table.set(*fault));
    }
    Ok(())
}

/// Says what this is. Not by the log, which a filter could silence.
fn warn(options: &Serve) {
    eprintln!("hsm-sim: *** THIS IS A SIMULATOR, NOT A HARDWARE SECURITY MODULE. ***");
    if options.test_lmk {
        eprintln!("hsm-sim: *** It serves the PUBLIC TEST LMK: whoever has a cryptogram has the key. ***");
    }
    eprintln!("hsm-sim: *** Never use it with live keys, PINs or cards. ***");
}

/// Says what will go wrong, and the seed to repeat it with.
fn report(unit: &Unit, options: &Serve) {
    for fault in unit.faults().iter() {
        eprintln!("hsm-sim: fault {fault}");
    }
    if let Some(rate) = unit.rate() {
        eprintln!("hsm-sim: rate {rate}");
    }
    if !options.fault.is_empty() || options.admin.is_some() {
        eprintln!("hsm-sim: seed {}", unit.faults().seed());
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))
}

fn bind_admin(address: SocketAddr, anywhere: bool) -> Result<TcpListener, String> {
    if !anywhere && !address.ip().is_loopback() {
        return Err(format!(
            "--admin {address} is open to other machines, and it asks nobody who they are: take a loopback \
             address, or add --admin-anywhere"
        ));
    }
    bind(address)
}

/// Says on standard output where it listens: whoever started us with port 0 reads it there.
fn announce(listener: &TcpListener, admin: Option<&TcpListener>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening {}", listener.local_addr()?)?;
    if let Some(admin) = admin {
        writeln!(out, "admin {}", admin.local_addr()?)?;
    }
    out.flush()
}
