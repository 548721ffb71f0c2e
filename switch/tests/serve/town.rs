//! A town whose terminals keep books of their own, as the judge of a switch that dies, runs out of disk
//! or comes back from a backup. The town knows nothing of the switch but its answers.

mod books;
mod cash_machine;
mod rng;
mod till;

pub(crate) use rng::Rng;
pub(crate) use till::Counts;

use crate::{Running, Site, wait_until};
use cash_machine::CashMachine;
use std::cell::RefCell;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use till::Till;

/// Terminals at the same time, each with cards of its own.
const TILLS: u32 = 3;

/// Cards of one terminal, and of one ATM.
const CARDS_EACH: u32 = 24;

/// Of each terminal's cards, those whose holders mistype their PIN.
const CARELESS: usize = 2;

/// The two ATMs that `init` configures, with the values of their notes in minor units.
const ATMS: [(&str, [i64; 4]); 2] = [("001", [1000, 2000, 5000, 10_000]), ("002", [2000, 5000, 0, 0])];

/// Test cards.
pub(crate) const CARDS: u32 = (TILLS + ATMS.len() as u32) * CARDS_EACH;

/// What each account begins with: enough for any length of a run.
pub(crate) const OPENING_MINOR: i64 = 90_000_000_000;

/// Old answers that each terminal asks for again with each check.
const OLD_ANSWERS: usize = 10;

pub(crate) struct Town {
    pub(crate) site: Site,
    pub(crate) data: PathBuf,
    tills: Vec<Till>,
    machines: Vec<CashMachine>,
    /// Looks at the accounts of the ATMs' cards.
    auditor: Till,
}

impl Town {
    /// In a new folder `site` of `folder`.
    pub(crate) fn new(folder: &Path, rng: &mut Rng) -> Town {
        let site = Site::with(&folder.join("site"), CARDS, |text| configuration(&text), |cards| rich(&cards));
        let cards_of =
            |number: u32| -> Vec<u32> { (number * CARDS_EACH..(number + 1) * CARDS_EACH).collect() };
        let mut tills = Vec::new();
        for number in 0..TILLS {
            let cards = cards_of(number);
            let (careless, careful) = cards.split_at(CARELESS);
            tills.push(Till::new(number, &site.issuer, careful, careless, Rng::new(rng.next())));
        }
        let mut machines = Vec::new();
        for (number, (luno, denominations_minor)) in (TILLS..).zip(ATMS) {
            let rng = Rng::new(rng.next());
            machines.push(CashMachine::new(luno, denominations_minor, &site.issuer, &cards_of(number), rng));
        }
        let of_machines: Vec<u32> = machines.iter().flat_map(CashMachine::cards).collect();
        let auditor = Till::new(TILLS, &site.issuer, &of_machines, &[], Rng::new(rng.next()));
        Town { data: folder.join("site/turnout-data"), site, tills, machines, auditor }
    }

    /// Everybody asks for this and that while `act` goes on, which is given the number of answers so far
    /// and has to end with the switch.
    pub(crate) fn load(&mut self, address: SocketAddr, atm: SocketAddr, act: impl FnOnce(&AtomicUsize)) {
        let answered = AtomicUsize::new(0);
        let (tills, machines) = (&mut self.tills, &mut self.machines);
        thread::scope(|scope| {
            for till in tills {
                scope.spawn(|| till.load(address, &answered));
            }
            for machine in machines {
                scope.spawn(|| machine.load(atm, &answered));
            }
            act(&answered);
        });
    }

    /// What each terminal can see by itself, at a switch that nobody disturbs: what was open is settled,
    /// old and new answers are the same again, and the balances are those of its list.
    pub(crate) fn check(&mut self, server: &Running) {
        let (address, atm) = (server.address, server.atm);
        let (tills, machines) = (&mut self.tills, &mut self.machines);
        thread::scope(|scope| {
            for till in tills {
                scope.spawn(move || till.check(address, OLD_ANSWERS));
            }
            for machine in machines {
                scope.spawn(move || machine.close(atm));
            }
        });
        self.check_cash(address);
    }

    /// Asks for every answer there ever was again.
    pub(crate) fn check_every_answer(&mut self, address: SocketAddr) {
        for till in self.tills.iter_mut().chain([&mut self.auditor]) {
            till.check_all(address);
        }
    }

    /// The switch's own books, while it does not run. Returns how many transactions are in them.
    pub(crate) fn check_books(&self) -> usize {
        let tills: Vec<&Till> = self.tills.iter().chain([&self.auditor]).collect();
        books::check(&self.site, &tills, &self.machines)
    }

    /// The books of a past moment between two of ours: what was answered before `begun` is in them, what
    /// was asked after `ended` is not, and what is between is there to a point, of each card. Returns how many
    /// transactions are in them.
    pub(crate) fn check_past(&self, begun: Instant, ended: Instant) -> usize {
        let tills: Vec<&Till> = self.tills.iter().chain([&self.auditor]).collect();
        books::check_past(&self.site, &tills, begun, ended)
    }

    /// Asks for every answer that came before a moment again.
    pub(crate) fn check_answers_before(&mut self, address: SocketAddr, moment: Instant) {
        for till in &mut self.tills {
            till.check_before(address, moment);
        }
    }

    /// A report has no answer, so the accounts are looked at until they show it.
    fn check_cash(&mut self, address: SocketAddr) {
        let accounts = self
            .machines
            .iter()
            .flat_map(|machine| machine.cards().map(|serial| (serial, machine.ledger_minor(serial))));
        for (which, (serial, ledger_minor)) in accounts.enumerate() {
            let auditor = RefCell::new(&mut self.auditor);
            let shows = || auditor.borrow_mut().balance(address, which) == (ledger_minor, ledger_minor);
            wait_until(shows, &format!("account {serial:010} shows {ledger_minor} and no hold"));
        }
    }

    /// A sum over all terminals.
    pub(crate) fn sum(&self, of: impl Fn(&Counts) -> usize) -> usize {
        self.tills.iter().map(|till| of(&till.counts)).sum()
    }

    /// Replies that the ATMs had.
    pub(crate) fn atm_replies(&self) -> usize {
        self.machines.iter().map(|machine| machine.replies().len()).sum()
    }

    /// Sets a key of the configuration that is there already, whatever section it stands in.
    pub(crate) fn configure(&self, key: &str, value: &str) {
        let text = fs::read_to_string(&self.site.config).unwrap();
        let is_key = |line: &&str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
        assert_eq!(text.lines().filter(is_key).count(), 1, "{key} stands once in the configuration");
        let lines: Vec<String> = text
            .lines()
            .map(|line| if is_key(&line) { format!("{key} = {value}") } else { line.to_owned() })
            .collect();
        fs::write(&self.site.config, lines.join("\n") + "\n").unwrap();
    }
}

/// The seed in `TURNOUT_SEED`, or one of the moment; printed, so that a run can be had again.
pub(crate) fn seed() -> u64 {
    let seed = number("TURNOUT_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        now.as_nanos() as u64 ^ u64::from(std::process::id()) << 32
    });
    println!("TURNOUT_SEED={seed}");
    seed
}

/// A number from the environment.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")))
}

/// Limits that no run reaches, ATMs without TLS, and an HSM that is not given up on a busy machine.
fn configuration(text: &str) -> String {
    let (head, atm) = text.split_once("name = \"atm\"").unwrap();
    let atm = atm.replacen("tls = \"required\"", "tls = \"off\"", 1);
    let bound = |line: &&str| line.contains("certificate = ");
    let atm: Vec<&str> = atm.lines().filter(|line| !bound(line)).collect();
    let text = format!("{head}name = \"atm\"{}\n", atm.join("\n"));
    ["daily = \"2000.00\"", "daily = \"800.00\""]
        .iter()
        .fold(text, |text, daily| text.replace(daily, "daily = \"900000000.00\""))
        .replace("daily_count = 200\n", "daily_count = 1000000\n")
        .replace("daily_count = 10\n", "daily_count = 1000000\n")
        .replace("deadline = \"2s\"", "deadline = \"30s\"")
        .replace("segment = \"64MiB\"\n", "segment = \"64KiB\"\nkeep = \"7d\"\nthen = \"remove\"\n")
        .replace(
            "\n[hsm]\n",
            "\n[snapshots]\njournal = \"64KiB\"\n\n[memory]\ntransactions = 1000000\nfingerprints = 1000000\n\n[hsm]\n",
        )
}

/// Cards with a balance that no run uses up.
fn rich(cards: &str) -> String {
    cards.replace(",1000.00,", &format!(",{}.00,", OPENING_MINOR / 100))
}
