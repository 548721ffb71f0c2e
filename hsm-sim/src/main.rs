//! The `hsm-sim` program.

use clap::{Parser, ValueEnum};
use hsm_sim::server::{Limits, serve};
use hsm_sim::{Engine, Lmk, Settings};
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Payment HSM simulator: payShield host commands over TCP, for development and tests.
///
/// It prints the address it listens on, then serves until it is ended. Never give it live keys: they
/// would stand under a test LMK that everybody knows.
#[derive(Parser)]
#[command(name = "hsm-sim", version, after_help = EXAMPLES)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:1500", value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Length of the message header that hosts send, in bytes
    #[arg(long, default_value_t = 4, value_name = "BYTES", value_parser = clap::value_parser!(u8).range(1..))]
    header_length: u8,

    /// The local master keys to load
    #[arg(long, value_enum, default_value_t = LmkChoice::PublicTest)]
    lmk: LmkChoice,

    /// How many connections to serve at once
    #[arg(long, default_value_t = 64, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=99))]
    max_connections: u8,

    /// Close a connection that is silent for so many seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    idle_timeout: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum LmkChoice {
    /// The public test LMKs: variant as 00, 3DES key block as 01, AES key block as 02
    PublicTest,
}

const EXAMPLES: &str = "\
Examples:
  hsm-sim                                        serve on 127.0.0.1:1500
  hsm-sim --listen 127.0.0.1:0                   serve on any free port, printed on standard output
  hsm-sim --header-length 12                     for hosts with a longer message header
  RUST_LOG=hsm_sim=debug hsm-sim                 log each command code (never a body)

Ask it for its diagnostics (NC):
  printf '\\0\\0060001NC' | nc -N 127.0.0.1 1500";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour).init();
    match listen(&arguments) {
        Ok(listener) => start(&arguments, &listener),
        Err(error) => {
            eprintln!("hsm-sim: cannot listen on {}: {error}", arguments.listen);
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments, listener: &TcpListener) -> ExitCode {
    let lmk = match arguments.lmk {
        LmkChoice::PublicTest => Lmk::public_test(),
    };
    eprintln!("hsm-sim: this is a simulator under the PUBLIC TEST LMK. Never use it with live keys.");
    let settings = Settings { sockets: arguments.max_connections, ..Settings::default() };
    let limits = Limits {
        header_length: arguments.header_length.into(),
        max_connections: arguments.max_connections.into(),
        idle_timeout: Duration::from_secs(arguments.idle_timeout.into()),
    };
    serve(listener, &Arc::new(Engine::new(lmk, settings)), limits)
}

/// Binds, and says on standard output where: whoever started us with port 0 reads it there.
fn listen(arguments: &Arguments) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(arguments.listen)?;
    let mut out = io::stdout().lock();
    writeln!(out, "listening {}", listener.local_addr()?)?;
    out.flush()?;
    Ok(listener)
}
