//! `kill -9` at random moments under load, many times over. The judge is the other side of the wire: the
//! terminals' own lists of what they were answered. Nothing on them is lost or doubled, every repeat is
//! answered as before, and every balance is what the lists add up to. Meanwhile old segments of the journal are
//! removed, transactions leave memory, and half-way through all days so far end and are archived.
//!
//! `TURNOUT_KILL_ROUNDS` says how many rounds (12 without it), `TURNOUT_SEED` draws the same moments and
//! the same requests again, and `TURNOUT_BIN` names another build of the program:
//!
//! ```sh
//! cargo build --release
//! TURNOUT_BIN=$PWD/target/release/turnout TURNOUT_KILL_ROUNDS=300 \
//!     cargo test -p switch --test serve nothing_acknowledged -- --nocapture
//! ```

mod moment;

pub(crate) use moment::Moment;

use crate::town::{self, Rng, Town};
use crate::{Running, serve, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Rounds in the README's test command.
const ROUNDS: u64 = 12;

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    let rounds = town::number("TURNOUT_KILL_ROUNDS").unwrap_or(ROUNDS);
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(folder.path(), Rng::new(town::seed()), rounds);
    run.open();
    for _ in 0..rounds {
        run.round();
    }
    run.retire();
    run.finish();
}

struct Run {
    town: Town,
    round: u64,
    rounds: u64,
    log: PathBuf,
    rng: Rng,
    /// How long the last start took.
    start: Duration,
    begun: Instant,
    kills: BTreeMap<Moment, usize>,
}

impl Run {
    fn new(folder: &Path, mut rng: Rng, rounds: u64) -> Run {
        let town = Town::new(folder, &mut rng);
        town.configure("business_offset", "\"-23:59\"");
        Run {
            town,
            round: 0,
            rounds,
            log: folder.join("serve.log"),
            rng,
            start: Duration::ZERO,
            begun: Instant::now(),
            kills: BTreeMap::new(),
        }
    }

    /// The first day, which nobody disturbs.
    fn open(&mut self) {
        let server = self.start();
        self.town.check(&server);
    }

    /// Serves, checks what the kill before has left, and is killed again; sometimes several times before
    /// that, as long as it starts.
    fn round(&mut self) {
        let shards = self.rng.pick(&["1", "2", "2", "3"]);
        let segment = self.rng.pick(&["\"64KiB\"", "\"64KiB\"", "\"128KiB\"", "\"1MiB\""]);
        self.town.configure("shards", shards);
        self.town.configure("segment", segment);
        // With little memory nearly every repeat and reversal is about what has left it.
        let transactions = self.rng.pick(&["1", "40", "1000000"]);
        self.town.configure("transactions", transactions);
        let fingerprints = self.rng.pick(&["0", "1000000"]);
        self.town.configure("fingerprints", fingerprints);
        // Mostly a segment goes as soon as nobody needs it, so that a start has no more than snapshot and store.
        let keep = self.rng.pick(&["\"1ms\"", "\"1ms\"", "\"7d\""]);
        self.town.configure("keep", keep);
        self.round += 1;
        if self.round == self.rounds / 2 + 1 {
            // As if it were two days later: what was decided so far is of days that are over, and is archived.
            self.town.configure("business_offset", "\"+23:59\"");
        }
        while self.rng.one_in(4) {
            self.kill_at_start();
        }
        if self.rng.one_in(3) {
            let server = self.start();
            self.kill_under_load(server, Moment::JustListening);
        }
        let server = self.start();
        self.town.check(&server);
        let moment = self.rng.pick(&Moment::SERVING);
        self.kill_under_load(server, moment);
    }

    /// Whatever was drawn: old segments have gone at least once before the last look.
    fn retire(&mut self) {
        for _ in 0..10 {
            if self.oldest_segment() > 1 {
                return;
            }
            self.town.configure("segment", "\"64KiB\"");
            self.town.configure("keep", "\"1ms\"");
            let server = self.start();
            self.town.check(&server);
            self.kill_under_load(server, Moment::Snapshot);
        }
    }

    fn oldest_segment(&self) -> u64 {
        store::oldest_segment(&self.town.data.join("journal")).unwrap().unwrap()
    }

    /// The last look, at everything there is.
    fn finish(&mut self) {
        let server = self.start();
        self.town.check(&server);
        self.town.check_every_answer(server.address);
        let archive = self.town.data.join("archive");
        let archived = || fs::read_dir(&archive).is_ok_and(|days| days.count() > 0);
        wait_until(archived, "days that are over are archived");
        drop(server);
        let recorded = self.town.check_books();
        self.tell(recorded);
    }

    fn start(&mut self) -> Running {
        let begun = Instant::now();
        let server = Running::started(self.spawn());
        self.start = begun.elapsed();
        server
    }

    fn spawn(&self) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        serve(&self.town.site.config).stdout(Stdio::piped()).stderr(log).spawn().unwrap()
    }

    /// At any moment of a start, and a little later.
    fn kill_at_start(&mut self) {
        let mut child = self.spawn();
        let longest = self.start.as_micros() as u64 * 5 / 4;
        thread::sleep(self.rng.micros(longest + 1));
        child.kill().unwrap();
        child.wait().unwrap();
        *self.kills.entry(Moment::StartUp).or_default() += 1;
    }

    fn kill_under_load(&mut self, mut server: Running, moment: Moment) {
        let (rng, data) = (&mut self.rng, self.town.data.clone());
        self.town.load(server.address, server.atm, |answered| {
            moment.wait(rng, &data, answered);
            if moment == Moment::Drain {
                kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
                thread::sleep(rng.micros(20_000));
            }
            server.kill();
        });
        *self.kills.entry(moment).or_default() += 1;
    }

    fn tell(&self, recorded: usize) {
        let town = &self.town;
        let log = fs::read_to_string(&self.log).unwrap();
        let torn = log.lines().filter(|line| line.contains("cut the torn end")).count();
        let oldest = self.oldest_segment();
        println!(
            "{} kills {:?}: {} sent, {} answered ({} approved, {} wrong PINs, {} reversals), {} ATM replies; \
             {} settled after a kill, {} asked again after 96, {} repeats alike, {} balances right; {recorded} recorded, {torn} torn ends cut, \
             segments before {oldest} retired; nothing lost, nothing doubled; {:.1?}",
            self.kills.values().sum::<usize>(),
            self.kills,
            town.sum(|counts| counts.sent),
            town.sum(|counts| counts.answered),
            town.sum(|counts| counts.approved),
            town.sum(|counts| counts.wrong_pins),
            town.sum(|counts| counts.reversals),
            town.atm_replies(),
            town.sum(|counts| counts.settled),
            town.sum(|counts| counts.unsure),
            town.sum(|counts| counts.repeats),
            town.sum(|counts| counts.balances),
            self.begun.elapsed(),
        );
        let (approved, answered) = (town.sum(|counts| counts.approved), town.sum(|counts| counts.answered));
        assert!(approved * 2 > answered, "most are approved: {approved} of {answered}");
        assert!(town.sum(|counts| counts.repeats) > 0 && town.atm_replies() > 0, "the load was real");
        assert!(oldest > 1, "old segments are retired");
    }
}
