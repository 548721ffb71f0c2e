//! `turnout serve`.

use crate::command::check::good_configuration_and_keys;
use crate::config;
use crate::edge::serve::Server;
use auth::Tables;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Runs the switch until `SIGTERM` or `SIGINT`, then drains.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  turnout init --folder run && turnout serve --config run/turnout.toml
  turnout serve --log-format json 2>> turnout.log

Prints one line `listening NAME ADDRESS` per listener on standard output when it is ready.
SIGTERM answers what is in flight, makes it durable, and ends.
SIGHUP reads the configuration anew: products, limits, rules, rates, fees and terminals change at once, the rest with
the next start. With a mistake in the file everything stays as it is, and the log says why.")]
pub struct ServeArgs {
    /// Configuration file.
    #[arg(long, default_value = "turnout.toml")]
    pub config: PathBuf,
    /// Form of log lines on standard error.
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// Form of log lines.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Serves.
#[must_use]
pub fn run(args: &ServeArgs) -> ExitCode {
    start_logging(args.log_format);
    forbid_core_dumps();
    end_on_panic();
    let configuration = match good_configuration_and_keys(&args.config) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let server = match Server::start(configuration.settings) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("cannot serve: {error}");
            return ExitCode::FAILURE;
        }
    };
    announce(&server);
    server.wait_for_signal(|| new_tables(&args.config));
    server.drain();
    ExitCode::SUCCESS
}

/// The tables of the file as it is now; with mistakes in it the old ones go on.
fn new_tables(file: &Path) -> Option<Arc<Tables>> {
    match config::load(file) {
        Ok(settings) => Some(settings.tables),
        Err(mistakes) => {
            for mistake in mistakes {
                tracing::error!(%mistake, "the configuration was not taken");
            }
            None
        }
    }
}

/// Whoever started us may have stopped listening to standard output; that is no reason to end.
fn announce(server: &Server) {
    let mut out = std::io::stdout().lock();
    for (name, address) in server.addresses() {
        let _ = writeln!(out, "listening {name} {address}");
    }
    let _ = out.flush();
}

/// Logs go to standard error; `RUST_LOG` chooses more or less than `info`.
pub fn start_logging(format: LogFormat) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    // A second call, as in tests that start two switches, keeps the first one's settings.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// A part that fails must not leave the rest serving without it: the process ends, and its restart
/// replays the journal.
fn end_on_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |failure| {
        tell(failure);
        std::process::abort();
    }));
}

/// A core dump would write PIN blocks and card numbers to disk in clear.
fn forbid_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "cannot switch core dumps off");
    }
}
