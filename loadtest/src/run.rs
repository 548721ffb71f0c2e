//! `loadtest run`.

use crate::atc_file::AtcFile;
use crate::connection::{Connection, Route};
use crate::duration;
use crate::progress::{Lines, Progress};
use crate::report::{Report, Thresholds};
use crate::schedule::Schedule;
use crate::tally::Tally;
use crate::target::{Folder, Target, TargetError, read_cards};
use crate::tls::Identity;
use crate::wallet::Wallet;
use crate::worker::{Finished, Worker};
use card::{Currency, Time};
use iso8583::Dialect;
use rustls::pki_types::ServerName;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Send purchases with chip and PIN at a constant rate
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  loadtest run --folder run
  loadtest run --folder run --rate 5000 --duration 1m --connections 16 --format json
  loadtest run --folder run --rate 500 --max-p99 20ms --min-approved 0.99
  loadtest run --address 127.0.0.1:8583 --certificate run/certs/loadtest.pem \\
      --key run/certs/loadtest.key --authority run/certs/authority.pem --cards run/test-cards.json

A card has one purchase under way at a time and, as `turnout init` makes it, 200 a day: for a long or
fast run make more cards (`turnout init --cards 100000`). The chips' counters go on where the last run
ended; a file beside the test cards, ending in .atc, remembers them.")]
pub(crate) struct RunArgs {
    /// Folder made by `turnout init`: stands for --address, --certificate, --key, --authority, --cards
    #[arg(long, required_unless_present = "address")]
    folder: Option<PathBuf>,
    /// Listener of the switch
    #[arg(long)]
    address: Option<SocketAddr>,
    /// Our certificate, PEM
    #[arg(long, required_unless_present = "folder")]
    certificate: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, required_unless_present = "folder")]
    key: Option<PathBuf>,
    /// Authority that signed the switch's certificate, PEM
    #[arg(long, required_unless_present = "folder")]
    authority: Option<PathBuf>,
    /// Name in the switch's certificate
    #[arg(long, default_value = "localhost")]
    server_name: String,
    /// Test cards, as `turnout init` writes them
    #[arg(long, required_unless_present = "folder")]
    cards: Option<PathBuf>,
    /// How messages are written
    #[arg(long, default_value = "iso87_ascii", value_parser = dialect)]
    dialect: &'static Dialect,
    /// Purchases per second
    #[arg(long, default_value = "2000", value_parser = rate)]
    rate: f64,
    /// How long to count
    #[arg(long, default_value = "30s", value_parser = run_time)]
    duration: Duration,
    /// How long to send before counting
    #[arg(long, default_value = "3s", value_parser = duration::parse)]
    warm_up: Duration,
    /// Connections, each one terminal
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Unanswered requests of one connection; more wait
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=16_384))]
    in_flight: u16,
    /// How long a request may wait for its answer
    #[arg(long, default_value = "5s", value_parser = run_time)]
    deadline: Duration,
    /// Threads that send and receive [default: one for each processor, at most one for each connection]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Use only this many of the cards
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..))]
    card_limit: u32,
    /// What the cards have counted to already [default: where the last run ended]
    #[arg(long)]
    atc: Option<u16>,
    /// Check the ARPC of every so many approvals; 0 for none
    #[arg(long, default_value_t = 10)]
    arpc_every: u64,
    /// Beginning of the terminal identifications (DE 41); the connection's number follows
    #[arg(long, default_value = "LOAD", value_parser = terminal_prefix)]
    terminal_prefix: String,
    /// Currency of the purchases
    #[arg(long, default_value = "USD", value_parser = currency)]
    currency: Currency,
    /// How to report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Exit with 3 when the response time p99 is longer
    #[arg(long, value_parser = duration::parse)]
    max_p99: Option<Duration>,
    /// Exit with 3 when a smaller share of all messages is approved, 0 to 1
    #[arg(long, value_parser = share)]
    min_approved: Option<f64>,
}

/// Form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &RunArgs) -> ExitCode {
    match execute(args) {
        Ok(report) => {
            match args.format {
                Format::Text => print!("{}", report.to_text()),
                Format::Json => println!("{}", report.to_json()),
            }
            if !report.lost.is_empty() {
                ExitCode::FAILURE
            } else if report.is_met() {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(3)
            }
        }
        Err(failure) => {
            eprintln!("loadtest: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why there was no run.
struct Failure {
    code: u8,
    message: String,
}

fn execute(args: &RunArgs) -> Result<Report, Failure> {
    let target = target(args)?;
    let schedule = Schedule { rate: args.rate, warm_up: args.warm_up, duration: args.duration };
    let atc_file = AtcFile::beside(&target.cards);
    let bad_file = |error: std::io::Error| Failure { code: 65, message: error.to_string() };
    let atc = args.atc.map_or_else(|| atc_file.read(), Ok).map_err(bad_file)?;
    let cards = cards_used(&target, args.card_limit, &schedule);
    warn_of_limits(&schedule, cards);
    let connections = connect(args, &target)?;
    // Should this run be killed, the next one begins above whatever it may have used.
    let rounds = u16::try_from(schedule.count() / u64::from(cards.max(1)) + 2).unwrap_or(u16::MAX);
    atc_file.write(atc.saturating_add(rounds)).map_err(bad_file)?;

    let threads = threads(args);
    let plan = Plan { args, issuer: &target.issuer, schedule, cards, atc };
    let (finished, highest_atc) = drive(&plan, connections, threads);
    atc_file.write(highest_atc).map_err(bad_file)?;
    let mut tally = Tally::new();
    let mut lost = Vec::new();
    for worker in finished {
        tally.add(&worker.tally);
        lost.extend(worker.lost);
    }
    Ok(Report {
        address: target.address,
        dialect: target.dialect.name(),
        connections: usize::from(args.connections),
        threads,
        cards: cards as usize,
        schedule,
        tally,
        lost,
        thresholds: Thresholds { max_p99: args.max_p99, min_approved: args.min_approved },
    })
}

/// What the flags say, else the folder.
fn target(args: &RunArgs) -> Result<Target, Failure> {
    let failed = |error: TargetError| Failure { code: error.exit_code(), message: error.to_string() };
    let folder = args.folder.as_deref().map(Folder);
    let address = match (args.address, &folder) {
        (Some(address), _) => address,
        (None, Some(folder)) => folder.address(args.dialect).map_err(failed)?,
        (None, None) => unreachable!("one of them is required"),
    };
    let of_folder = folder.as_ref().map(Folder::identity);
    let file = |flag: &Option<PathBuf>, name: fn(&Identity) -> &PathBuf| {
        flag.clone().or_else(|| of_folder.as_ref().map(|identity| name(identity).clone())).unwrap_or_default()
    };
    let identity = Identity {
        certificate: file(&args.certificate, |identity| &identity.certificate),
        key: file(&args.key, |identity| &identity.key),
        authority: file(&args.authority, |identity| &identity.authority),
    };
    let cards = args.cards.clone().or_else(|| folder.as_ref().map(Folder::cards)).unwrap_or_default();
    let issuer = read_cards(&cards).map_err(failed)?;
    if issuer.count == 0 {
        return Err(Failure { code: 65, message: format!("{} describes no cards", cards.display()) });
    }
    let server_name = args.server_name.clone();
    Ok(Target { address, server_name, dialect: args.dialect, identity, issuer, cards })
}

/// No more cards than there are messages: each costs time and memory to make.
fn cards_used(target: &Target, limit: u32, schedule: &Schedule) -> u32 {
    let useful = u32::try_from(schedule.count()).unwrap_or(u32::MAX).max(1);
    target.issuer.count.min(limit).min(useful)
}

fn warn_of_limits(schedule: &Schedule, cards: u32) {
    let each = schedule.count() / u64::from(cards.max(1));
    if each >= DAILY_COUNT {
        eprintln!(
            "note: {each} purchases for each of {cards} cards; cards of `turnout init` allow {DAILY_COUNT} a day"
        );
    }
}

/// Purchases a day that the cards of `turnout init` allow.
const DAILY_COUNT: u64 = 200;

fn connect(args: &RunArgs, target: &Target) -> Result<Vec<Connection>, Failure> {
    let bad_configuration = |message| Failure { code: 78, message };
    let tls = target.identity.config().map_err(|error| bad_configuration(error.to_string()))?;
    let server_name = ServerName::try_from(target.server_name.clone())
        .map_err(|error| bad_configuration(format!("--server-name: {error}")))?;
    let route = Route {
        address: target.address,
        server_name,
        tls,
        dialect: target.dialect,
        currency: args.currency,
        window: usize::from(args.in_flight),
        deadline: args.deadline,
    };
    let now = Time::from_unix_ms(i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX));
    // A run shortly after another does not begin with the same numbers, which would be repeats.
    let first_stan = (since_epoch().as_millis() % 1_000_000) as u32;
    (1..=args.connections)
        .map(|number| {
            let terminal = format!("{}{number:04}", args.terminal_prefix);
            Connection::open(&route, &terminal, first_stan, now).map_err(|error| Failure {
                code: 69,
                message: format!("{}, connection {number}: {error}", target.address),
            })
        })
        .collect()
}

fn threads(args: &RunArgs) -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let wanted = args.threads.map_or(processors, usize::from);
    wanted.min(usize::from(args.connections))
}

/// What every worker is made from.
struct Plan<'a> {
    args: &'a RunArgs,
    issuer: &'a terminal::TestIssuer,
    schedule: Schedule,
    cards: u32,
    atc: u16,
}

/// Runs all workers to their end, with a line of progress every second.
fn drive(plan: &Plan<'_>, connections: Vec<Connection>, threads: usize) -> (Vec<Finished>, u16) {
    let mut shares: Vec<Vec<Connection>> = (0..threads).map(|_| Vec::new()).collect();
    for (index, connection) in connections.into_iter().enumerate() {
        shares[index % threads].push(connection);
    }
    eprintln!("making {} cards", plan.cards);
    let wallets: Vec<Wallet> = thread::scope(|scope| {
        let making: Vec<_> =
            (0..threads).map(|worker| scope.spawn(move || wallet(plan, worker, threads))).collect();
        making.into_iter().map(|made| made.join().expect("making cards does not panic")).collect()
    });
    let progress = Arc::new(Progress::new());
    let start = Instant::now() + START_DELAY;
    let workers: Vec<JoinHandle<Finished>> = wallets
        .into_iter()
        .zip(shares)
        .enumerate()
        .map(|(index, (wallet, connections))| {
            let worker = Worker {
                schedule: plan.schedule,
                due: plan.schedule.share(index, threads).peekable(),
                wallet,
                connections,
                ahead: VecDeque::new(),
                deadline: plan.args.deadline,
                arpc_every: plan.args.arpc_every,
                start,
                tally: Tally::new(),
                progress: Arc::clone(&progress),
                next_connection: 0,
                approved: 0,
                overdue_looked_at: Duration::ZERO,
            };
            thread::spawn(move || worker.run())
        })
        .collect();
    show_progress(&workers, start, &progress);
    let finished: Vec<Finished> =
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect();
    let highest_atc = finished.iter().map(|worker| worker.highest_atc).max().unwrap_or(plan.atc);
    (finished, highest_atc)
}

/// Every so many cards, so that no card belongs to two workers.
fn wallet(plan: &Plan<'_>, worker: usize, workers: usize) -> Wallet {
    let serials = (worker as u32..plan.cards).step_by(workers);
    let seed = since_epoch().as_nanos() as u64 ^ (worker as u64) << 56;
    Wallet::new(plan.issuer, serials, plan.atc, plan.args.currency, seed)
}

fn show_progress(workers: &[JoinHandle<Finished>], start: Instant, progress: &Progress) {
    let mut lines = Lines::new();
    let mut next = Duration::from_secs(1);
    while workers.iter().any(|worker| !worker.is_finished()) {
        thread::sleep(Duration::from_millis(20));
        let at = start.elapsed();
        if at >= next {
            lines.print(at, progress);
            next += Duration::from_secs(1);
        }
    }
    lines.finish();
}

/// Between making the threads and the first send.
const START_DELAY: Duration = Duration::from_millis(20);

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn dialect(name: &str) -> Result<&'static Dialect, String> {
    let known = || Dialect::names().collect::<Vec<_>>().join(", ");
    Dialect::by_name(name).map(|dialect| &**dialect).ok_or_else(|| format!("one of {}", known()))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a number, such as 2000".to_owned())?;
    if (1e-3..=1e7).contains(&rate) { Ok(rate) } else { Err("between 0.001 and 10000000".to_owned()) }
}

fn run_time(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text)?;
    let fits = !time.is_zero() && time <= Duration::from_hours(24);
    if fits { Ok(time) } else { Err("more than nothing and at most 24h".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "a number, such as 0.99".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("between 0 and 1".to_owned()) }
}

/// Four digits follow, and DE 41 has eight characters.
fn terminal_prefix(text: &str) -> Result<String, String> {
    let fits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { Ok(text.to_owned()) } else { Err("at most four letters and digits".to_owned()) }
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
