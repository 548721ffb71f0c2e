//! `loadtest`: an open-loop load generator for a running `turnout serve`.
//!
//! Purchases with chip and PIN go out over TLS at a constant rate, whether or not earlier ones were
//! answered. Latency is measured from the *scheduled* moment of each send (response time), so that a
//! switch that stalls cannot hide it by keeping the generator from sending; the time from the actual
//! send (service time) stands beside it.
//!
//! `schedule` says when, `wallet` makes what is sent, `worker` sends and receives on `connection`s,
//! `tally` counts, `report` prints.

mod atc_file;
mod connection;
mod duration;
mod progress;
mod report;
mod run;
mod schedule;
mod tally;
mod target;
mod tls;
mod wallet;
mod worker;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Load generator for turnout
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  loadtest run --folder run                       against `turnout serve --config run/turnout.toml`
  loadtest run --folder run --rate 5000 --duration 1m --format json

Exit codes: 0 done, 1 a connection was lost, 2 usage, 3 a threshold not met or a wrong ARPC,
65 bad data, 69 peer unavailable, 78 bad configuration."
)]
struct LoadTest {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send purchases at a constant rate and report how they were answered.
    Run(run::RunArgs),
}

fn main() -> ExitCode {
    match LoadTest::parse().command {
        Command::Run(args) => run::run(&args),
    }
}
