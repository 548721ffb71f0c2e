//! The `hsm-sim` program.

mod lmk_command;
mod passphrase;

use clap::{Args, Parser, Subcommand};
use hsm_sim::server::{Limits, serve};
use hsm_sim::{Engine, Lmk, Settings, lmk_file};
use lmk_command::LmkCommand;
use passphrase::PassphraseSource;
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
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

    /// Serve the public test LMKs that everybody knows: variant as 00, 3DES key block as 01
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

    /// How many connections to serve at once
    #[arg(long, default_value_t = 64, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=99))]
    max_connections: u8,

    /// Close a connection that is silent for so many seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    idle_timeout: u32,
}

const EXAMPLES: &str = "\
Examples:
  hsm-sim --test-lmk                             serve the public test LMKs on 127.0.0.1:1500
  hsm-sim --test-lmk --listen 127.0.0.1:0        serve on any free port, printed on standard output
  hsm-sim --test-lmk --header-length 12          for hosts with a longer message header
  hsm-sim lmk generate --out unit.lmk --passphrase-file passphrase
  hsm-sim --lmk-file unit.lmk --passphrase-file passphrase
                                                 LMKs of your own
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
    let listener =
        listen(options).map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    warn(options);
    let settings = Settings { sockets: options.max_connections, ..Settings::default() };
    let limits = Limits {
        header_length: options.header_length.into(),
        max_connections: options.max_connections.into(),
        idle_timeout: Duration::from_secs(options.idle_timeout.into()),
    };
    serve(&listener, &Arc::new(Engine::new(lmk, settings)), limits)
}

/// Says what this is. Not by the log, which a filter could silence.
fn warn(options: &Serve) {
    eprintln!("hsm-sim: *** THIS IS A SIMULATOR, NOT A HARDWARE SECURITY MODULE. ***");
    if options.test_lmk {
        eprintln!("hsm-sim: *** It serves the PUBLIC TEST LMK: whoever has a cryptogram has the key. ***");
    }
    eprintln!("hsm-sim: *** Never use it with live keys, PINs or cards. ***");
}

/// Binds, and says on standard output where: whoever started us with port 0 reads it there.
fn listen(options: &Serve) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(options.listen)?;
    let mut out = io::stdout().lock();
    writeln!(out, "listening {}", listener.local_addr()?)?;
    out.flush()?;
    Ok(listener)
}
