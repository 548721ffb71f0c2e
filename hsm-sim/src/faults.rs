//! What a tester wants to go wrong: delays, lost replies, wrong answers, broken connections.
//!
//! Nothing goes wrong unless a [`Fault`] says so. What happens to a command is decided by the seed, its
//! code and how many commands of that code came before, and by nothing else: the same seed gives the
//! n-th `CA` the same fate however many connections the commands came by.

mod delay;
mod draw;
mod text;

pub use delay::{Delay, Distribution, LONGEST_DELAY};
pub use text::FaultTextError;

use draw::{Draw, Purpose};
use hsm::{CommandCode, ErrorCode};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A chance in millionths: 0 never happens, 1,000,000 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(u32);

/// Which commands a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `*`: those that have no fault of their own.
    Any,
    /// One code, whose fault stands in place of the one for `*`.
    Code(CommandCode),
}

/// What happens to commands of one code. By default nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How much later than computed the reply is sent.
    pub delay: Option<Delay>,
    /// The connection is closed instead of a reply.
    pub disconnect: Chance,
    /// No reply is sent.
    pub drop: Chance,
    /// This error is answered instead of the reply.
    pub error: Option<(ErrorCode, Chance)>,
    /// The verification says the contrary: 01 for 00, 00 for 01. Other replies stay.
    pub flip: Chance,
}

/// One line of a tester: `CA delay=uniform:2ms..9ms drop=0.01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// For which commands.
    pub target: Target,
    /// What happens to them.
    pub faults: Faults,
}

/// Every fault that is set, and the seed that draws them.
#[derive(Clone, Debug, Default)]
pub struct FaultTable {
    seed: u64,
    any: Faults,
    codes: BTreeMap<[u8; 2], Faults>,
}

/// What happens to one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// What is done with its reply.
    pub reply: ReplyFate,
    /// How much later.
    pub delay: Duration,
}

/// What is done with one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyFate {
    /// It is sent as computed.
    Sent,
    /// It is lost.
    Dropped,
    /// The connection is closed in its place.
    Disconnected,
    /// This error stands in its place.
    Error(ErrorCode),
    /// 00 and 01 change places.
    Flipped,
}

impl Chance {
    /// What always happens.
    pub const ALWAYS: Chance = Chance(1_000_000);

    /// A chance of so many millionths; `None` above one million.
    #[must_use]
    pub fn millionths(chance: u32) -> Option<Chance> {
        (chance <= Chance::ALWAYS.0).then_some(Chance(chance))
    }

    fn happens(self, draw: &Draw, purpose: Purpose) -> bool {
        // Most commands have most chances at zero.
        self.0 != 0 && draw.below(purpose, Chance::ALWAYS.0.into()) < u64::from(self.0)
    }
}

impl FaultTable {
    /// No faults; those that are set will be drawn from this seed.
    #[must_use]
    pub fn new(seed: u64) -> FaultTable {
        FaultTable { seed, ..FaultTable::default() }
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Takes another seed.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Sets a fault in place of the one there was for its target.
    pub fn set(&mut self, fault: Fault) {
        match fault.target {
            Target::Any => self.any = fault.faults,
            Target::Code(code) => {
                self.codes.insert(*code.as_bytes(), fault.faults);
            }
        }
    }

    /// Removes the fault of a target. Says whether there was one.
    pub fn clear(&mut self, target: Target) -> bool {
        match target {
            Target::Any => std::mem::take(&mut self.any) != Faults::default(),
            Target::Code(code) => self.codes.remove(code.as_bytes()).is_some(),
        }
    }

    /// Removes every fault.
    pub fn clear_all(&mut self) {
        *self = FaultTable::new(self.seed);
    }

    /// Whether nothing can go wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.any == Faults::default() && self.codes.is_empty()
    }

    /// Every fault set: `*` first, then by code.
    pub fn iter(&self) -> impl Iterator<Item = Fault> + '_ {
        let any = (self.any != Faults::default()).then_some(Fault { target: Target::Any, faults: self.any });
        let codes = self
            .codes
            .iter()
            .map(|(code, faults)| Fault { target: Target::Code(CommandCode::new(*code)), faults: *faults });
        any.into_iter().chain(codes)
    }

    /// What happens to the command of this code that `earlier` commands of the same code came before.
    #[must_use]
    pub fn fate(&self, code: CommandCode, earlier: u64) -> Fate {
        let faults = self.codes.get(code.as_bytes()).unwrap_or(&self.any);
        let draw = Draw::new(self.seed, code, earlier);
        let reply = if faults.disconnect.happens(&draw, Purpose::Disconnect) {
            ReplyFate::Disconnected
        } else if faults.drop.happens(&draw, Purpose::Drop) {
            ReplyFate::Dropped
        } else {
            match faults.error {
                Some((error, chance)) if chance.happens(&draw, Purpose::Error) => ReplyFate::Error(error),
                _ if faults.flip.happens(&draw, Purpose::Flip) => ReplyFate::Flipped,
                _ => ReplyFate::Sent,
            }
        };
        let delay = faults.delay.map_or(Duration::ZERO, |delay| delay.draw(&draw));
        Fate { reply, delay }
    }
}

impl Fate {
    /// The fate of a command when there are no faults.
    pub const UNHARMED: Fate = Fate { reply: ReplyFate::Sent, delay: Duration::ZERO };
}

/// Whether 00 and 01 are this command's verdicts, so that a wrong one can be given. Commands that
/// answer more than a verdict are here where the verdict is their point.
#[must_use]
pub fn is_verification(code: CommandCode) -> bool {
    const VERIFICATIONS: [&[u8; 2]; 20] = [
        b"BC", b"BE", b"CK", b"CM", b"CU", b"CY", b"DA", b"DC", b"DU", b"EA", b"EC", b"GO", b"GQ", b"GW",
        b"JS", b"K2", b"KQ", b"KW", b"M8", b"RY",
    ];
    VERIFICATIONS.contains(&code.as_bytes())
}

/// As a tester writes it: `0.01`.
impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if part == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{part:06}").trim_end_matches('0'))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Any => f.write_str("*"),
            Target::Code(code) => write!(f, "{code}"),
        }
    }
}

/// As a tester writes it, so that what is shown can be set again.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Faults { delay, disconnect, drop, error, flip } = &self.faults;
        write!(f, "{}", self.target)?;
        if let Some(delay) = delay {
            write!(f, " {delay}")?;
        }
        for (name, chance) in [("disconnect", disconnect), ("drop", drop)] {
            if *chance != Chance::default() {
                write!(f, " {name}={chance}")?;
            }
        }
        if let Some((error, chance)) = error {
            write!(f, " error={}:{chance}", error.as_bytes().escape_ascii())?;
        }
        if *flip != Chance::default() {
            write!(f, " flip={flip}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CA: CommandCode = CommandCode::new(*b"CA");

    fn table(seed: u64, faults: &[&str]) -> FaultTable {
        let mut table = FaultTable::new(seed);
        for fault in faults {
            table.set(fault.parse().unwrap());
        }
        table
    }

    #[test]
    fn nothing_happens_by_default() {
        let table = FaultTable::new(7);
        assert!(table.is_empty());
        for earlier in 0..1000 {
            assert_eq!(table.fate(CA, earlier), Fate::UNHARMED);
        }
    }

    #[test]
    fn a_code_has_its_own_faults_in_place_of_those_of_all() {
        let mut table = table(1, &["* drop=1", "CA error=41"]);
        let internal = ReplyFate::Error(ErrorCode::INTERNAL);
        assert_eq!(table.fate(CA, 0).reply, internal);
        assert_eq!(table.fate(CommandCode::new(*b"CC"), 0).reply, ReplyFate::Dropped);
        assert!(table.clear(Target::Code(CA)) && !table.clear(Target::Code(CA)));
        assert_eq!(table.fate(CA, 0).reply, ReplyFate::Dropped);
        assert!(table.clear(Target::Any) && table.is_empty());
    }

    #[test]
    fn a_seed_decides_and_chances_are_kept() {
        let happened = |seed| {
            let table =
                table(seed, &["CY drop=0.1 disconnect=0.05 error=41:0.2 flip=0.5 delay=exponential:2ms"]);
            (0..20_000).map(|earlier| table.fate(CommandCode::new(*b"CY"), earlier)).collect::<Vec<_>>()
        };
        let first = happened(42);
        assert_eq!(first, happened(42));
        assert_ne!(first, happened(43));
        let share = |fate| first.iter().filter(|it| it.reply == fate).count();
        // 5 % of all; of the rest 10 %; of that rest 20 %; of that rest half. Five standard deviations.
        let near =
            |found: usize, expect: usize| assert!(found.abs_diff(expect) < 330, "{found}, not {expect}");
        near(share(ReplyFate::Disconnected), 1000);
        near(share(ReplyFate::Dropped), 1900);
        near(share(ReplyFate::Error(ErrorCode::INTERNAL)), 3420);
        near(share(ReplyFate::Flipped), 6840);
        near(share(ReplyFate::Sent), 6840);
    }
}
