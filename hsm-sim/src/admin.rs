//! The port by which a tester changes faults and reads statistics while the unit runs.
//!
//! A line in, some lines out, the last of them `ok` or `error: ` and what would be right; made for `nc`.
//! There is no authentication, so it belongs on a loopback address.

use crate::faults::{Fault, Target};
use crate::unit::Unit;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tracing::{info, warn};

/// Longest line.
const LONGEST_LINE: u64 = 1024;

/// How many testers at once.
const CONNECTIONS: usize = 8;

/// A tester who is silent for so long is sent away.
const IDLE: Duration = Duration::from_secs(600);

/// Highest rate, commands a second.
pub const HIGHEST_RATE: u32 = 1_000_000;

const HELP: &str = "\
fault CA delay=5ms drop=0.01   set what happens to CA, in place of what was set before; * is for all others
                               delay=fixed:5ms | uniform:2ms..9ms | exponential:5ms | normal:5ms,1ms, then cap=50ms
                               drop=P  disconnect=P  error=41:P  flip=P (00 and 01 change places), P from 0 to 1
faults                         what is set
clear | clear CA | clear *     all faults away, or those of one code, or those for all others
rate 250 | rate off | rate     commands a second of the whole unit; those above it wait
seed 7 | seed                  draw the faults from this seed, each code counted from its first command again
stats | stats reset            counts and mean times of each command code
help | quit
";

/// Serves testers until the process ends.
pub fn serve(listener: &TcpListener, unit: &Arc<Unit>) -> ! {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        match listener.accept() {
            Ok((stream, _)) if open.load(Ordering::Acquire) < CONNECTIONS => {
                open.fetch_add(1, Ordering::AcqRel);
                let (unit, open) = (Arc::clone(unit), Arc::clone(&open));
                thread::spawn(move || {
                    if let Err(error) = converse(&stream, &unit) {
                        info!(%error, "admin connection ended");
                    }
                    open.fetch_sub(1, Ordering::AcqRel);
                });
            }
            Ok(_) => warn!(limit = CONNECTIONS, "refused: too many admin connections"),
            Err(error) => {
                warn!(%error, "admin accept failed");
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn converse(stream: &TcpStream, unit: &Unit) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut reader = BufReader::new(stream);
    let mut out = stream;
    loop {
        let mut line = Vec::new();
        reader.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        if line.len() as u64 > LONGEST_LINE {
            return out.write_all(format!("error: a line has at most {LONGEST_LINE} bytes\n").as_bytes());
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        // A page in a browser of this machine can send its request here, with commands in its body.
        if line.contains("HTTP/") {
            return out
                .write_all(b"error: this is no HTTP but lines of text: echo stats | nc -N 127.0.0.1 1501\n");
        }
        if line == "quit" {
            return Ok(());
        }
        if !line.is_empty() {
            out.write_all(answer(line, unit).as_bytes())?;
        }
    }
}

/// Does what a line says.
fn answer(line: &str, unit: &Unit) -> String {
    match run(line, unit) {
        Ok(mut text) => {
            text.push_str("ok\n");
            text
        }
        Err(error) => format!("error: {error}\n"),
    }
}

fn run(line: &str, unit: &Unit) -> Result<String, String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match (word, rest) {
        ("help", "") => return Ok(String::from(HELP)),
        ("faults", "") => {
            return Ok(unit.faults().iter().map(|fault| format!("{fault}\n")).collect());
        }
        ("fault", _) => {
            let fault: Fault = rest.parse().map_err(|error| format!("{error}"))?;
            unit.change_faults(|faults| faults.set(fault));
            info!(%fault, "fault set");
        }
        ("clear", "") => {
            unit.change_faults(crate::faults::FaultTable::clear_all);
            info!("faults cleared");
        }
        ("clear", _) => {
            let target: Target = rest.parse().map_err(|error| format!("{error}"))?;
            if !unit.change_faults(|faults| faults.clear(target)) {
                return Err(format!("no fault is set for {target}; `faults` shows what is set"));
            }
            info!(%target, "fault cleared");
        }
        ("rate", "") => {
            let rate = unit.rate().map_or_else(|| String::from("off"), |rate| rate.to_string());
            return Ok(format!("rate {rate}\n"));
        }
        ("rate", "off") => unit.set_rate(None),
        ("rate", _) => unit.set_rate(Some(parse_rate(rest)?)),
        ("seed", "") => return Ok(format!("seed {}\n", unit.faults().seed())),
        ("seed", _) => {
            let seed = rest.parse().map_err(|_| "write a whole number below 2^64: seed 7")?;
            unit.set_seed(seed);
        }
        ("stats", "") => return Ok(unit.statistics().to_string()),
        ("stats", "reset") => unit.statistics().reset(),
        ("help" | "faults", _) => return Err(format!("{word} takes nothing after it")),
        ("stats", _) => return Err(String::from("write `stats` or `stats reset`")),
        _ => return Err(String::from("there is no such command; write help")),
    }
    Ok(String::new())
}

/// A rate as a tester writes it, commands a second.
///
/// # Errors
/// What is wrong with it, when it is not a whole number from 1 to [`HIGHEST_RATE`].
pub fn parse_rate(text: &str) -> Result<NonZeroU32, String> {
    let rate = text.parse().ok().filter(|rate: &NonZeroU32| rate.get() <= HIGHEST_RATE);
    rate.ok_or_else(|| {
        format!("a rate is a whole number of commands a second, 1 to {HIGHEST_RATE}: rate 250")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Lmk, Settings};

    #[test]
    fn lines_and_their_answers() {
        let unit = Unit::new(Arc::new(Engine::new(Lmk::public_test(), Settings::default())));
        let check = |line: &str, expect: &str| assert_eq!(answer(line, &unit), expect, "{line}");
        check("faults", "ok\n");
        check("fault CA drop=0.5", "ok\n");
        check("fault * delay=1ms", "ok\n");
        check("faults", "* delay=1ms\nCA drop=0.5\nok\n");
        check("clear CC", "error: no fault is set for CC; `faults` shows what is set\n");
        check("clear CA", "ok\n");
        check("faults", "* delay=1ms\nok\n");
        check("clear", "ok\n");
        check("faults", "ok\n");
        check("rate", "rate off\nok\n");
        check("rate 250", "ok\n");
        check("rate", "rate 250\nok\n");
        for wrong in ["rate 0", "rate 1000001", "rate -1", "rate 2.5"] {
            let text = "error: a rate is a whole number of commands a second, 1 to 1000000: rate 250\n";
            check(wrong, text);
        }
        check("rate off", "ok\n");
        check("seed 7", "ok\n");
        check("seed", "seed 7\nok\n");
        check("seed x", "error: write a whole number below 2^64: seed 7\n");
        check("stats now", "error: write `stats` or `stats reset`\n");
        check("dance", "error: there is no such command; write help\n");
        check("fault CA drop=2", &format!("error: {}\n", "CA drop=2".parse::<Fault>().unwrap_err()));
        check("help", &format!("{HELP}ok\n"));
    }
}
