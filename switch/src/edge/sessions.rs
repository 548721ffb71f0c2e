//! What the switch knows of each ATM between its messages, by LUNO: serial numbers, empty cassettes,
//! and the dispense that has not been reported yet. It outlives connections; across a restart the
//! journal gives back what matters, the open dispense.

use auth::{Completion, Dispensed, LinkName, NewestOfTerminal, StoredTransaction, TransactionId};
use card::{Pan, TerminalId};
use dashmap::DashMap;
use ndc::{DispenseOutcome, Notes, Tsn};

/// All ATMs.
#[derive(Default)]
pub struct Sessions {
    by_terminal: DashMap<AtmKey, Session>,
}

/// An ATM: the same LUNO on two listeners is two ATMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AtmKey {
    /// The listener.
    pub link: LinkName,
    /// The LUNO.
    pub terminal: TerminalId,
}

/// One ATM.
#[derive(Clone, Debug, Default)]
struct Session {
    last_tsn: Option<Tsn>,
    /// A request of this ATM is with a shard, for whichever of its connections.
    deciding: bool,
    outstanding: Option<Outstanding>,
    /// Cassette types that the ATM has reported as empty or out of order.
    unusable: [bool; 4],
}

/// An approved dispense whose outcome is open.
#[derive(Clone, Copy, Debug)]
pub struct Outstanding {
    /// The transaction.
    pub transaction: TransactionId,
    /// Its card, which names the shard.
    pub pan: Pan,
    /// Serial number of the reply.
    pub tsn: Tsn,
    /// Notes ordered, by cassette type.
    pub notes: Notes,
    /// What a device status before the solicited one said.
    foretold: Option<DispenseOutcome>,
}

impl Sessions {
    /// What the journal gives back: the newest transaction of each ATM, whose STAN is its serial number,
    /// so that numbers go on and do not come twice; then the dispenses that were open, oldest first.
    pub fn restore<'a>(
        newest: impl Iterator<Item = NewestOfTerminal>,
        open: impl Iterator<Item = &'a StoredTransaction>,
    ) -> Sessions {
        let sessions = Sessions::default();
        for NewestOfTerminal { link, terminal, stan, .. } in newest {
            let number = u16::try_from(stan.number()).ok();
            sessions.by_terminal.entry(AtmKey { link, terminal }).or_default().last_tsn =
                number.and_then(Tsn::new);
        }
        for transaction in open {
            let Some(cash) = transaction.cash else { continue };
            let Some(tsn) = Tsn::new(cash.tsn) else { continue };
            let notes = notes(cash.notes.unwrap_or_default());
            let outstanding = Outstanding::new(transaction.id, transaction.pan, tsn, notes);
            sessions.by_terminal.entry(key_of(transaction)).or_default().outstanding = Some(outstanding);
        }
        sessions
    }

    /// Begins a request: gives the serial number of its reply, or `None` while another request of this
    /// ATM is being decided or a dispense is open. An ATM does one thing at a time.
    pub fn begin(&self, atm: &AtmKey) -> Option<Tsn> {
        let mut session = self.by_terminal.entry(*atm).or_default();
        if session.deciding || session.outstanding.is_some() {
            return None;
        }
        let next = session.last_tsn.unwrap_or(Tsn::ZERO).next();
        session.last_tsn = Some(next);
        session.deciding = true;
        Some(next)
    }

    /// Ends what [`begin`](Sessions::begin) began, with the dispense that is open from now on, if any.
    pub fn decided(&self, atm: &AtmKey, outstanding: Option<Outstanding>) {
        let mut session = self.by_terminal.entry(*atm).or_default();
        session.deciding = false;
        if outstanding.is_some() {
            session.outstanding = outstanding;
        }
    }

    /// The open dispense.
    #[must_use]
    pub fn outstanding(&self, atm: &AtmKey) -> Option<Outstanding> {
        self.by_terminal.get(atm).and_then(|session| session.outstanding)
    }

    /// A device status said this about the open dispense, ahead of the solicited status.
    pub fn foretell(&self, atm: &AtmKey, outcome: DispenseOutcome) {
        if let Some(mut session) = self.by_terminal.get_mut(atm)
            && let Some(outstanding) = &mut session.outstanding
        {
            outstanding.foretold = Some(outcome);
        }
    }

    /// The shard knows the outcome of this dispense; it is open no more.
    pub fn settled(&self, atm: &AtmKey, transaction: TransactionId) {
        if let Some(mut session) = self.by_terminal.get_mut(atm)
            && session.outstanding.is_some_and(|outstanding| outstanding.transaction == transaction)
        {
            session.outstanding = None;
        }
    }

    /// Which cassette types may be used.
    #[must_use]
    pub fn unusable(&self, atm: &AtmKey) -> [bool; 4] {
        self.by_terminal.get(atm).map_or([false; 4], |session| session.unusable)
    }

    /// A cash handler status: severities and supplies of its cassette types. Fatal (4) and empty (3)
    /// ones are left alone until a status says otherwise.
    pub fn cassettes(&self, atm: &AtmKey, severity: &[u8], supplies: &[u8]) {
        let mut session = self.by_terminal.entry(*atm).or_default();
        for index in 0..4 {
            // Position 0 is the handler itself, and the reject bin, respectively.
            let fatal = severity.get(index + 1) == Some(&b'4');
            let empty = supplies.get(index + 1) == Some(&b'3');
            let told = severity.len() > index + 1 || supplies.len() > index + 1;
            if told {
                session.unusable[index] = fatal || empty;
            }
        }
    }
}

fn key_of(transaction: &StoredTransaction) -> AtmKey {
    AtmKey { link: transaction.link, terminal: transaction.terminal }
}

impl Outstanding {
    /// A dispense just approved.
    #[must_use]
    pub fn new(transaction: TransactionId, pan: Pan, tsn: Tsn, notes: Notes) -> Outstanding {
        Outstanding { transaction, pan, tsn, notes, foretold: None }
    }

    /// What to tell the core, or `None` while the outcome stays open. Two statuses that contradict each
    /// other make it unknown.
    #[must_use]
    pub fn completion(&self, told: DispenseOutcome, denominations_minor: &[i64; 4]) -> Option<Completion> {
        let outcome = match (self.foretold, told) {
            (None, told) => told,
            (Some(foretold), DispenseOutcome::NotAboutCash) => foretold,
            (Some(foretold), told) if foretold == told => told,
            (Some(_), _) => DispenseOutcome::Suspect,
        };
        let dispensed = match outcome {
            DispenseOutcome::Complete => Dispensed::All,
            DispenseOutcome::NothingDispensed => Dispensed::Part { minor: 0 },
            DispenseOutcome::Partial { dispensed } => match value(&dispensed, denominations_minor) {
                Some(minor) => Dispensed::Part { minor },
                None => Dispensed::Unknown,
            },
            DispenseOutcome::Suspect => Dispensed::Unknown,
            DispenseOutcome::NotAboutCash => return None,
        };
        Some(Completion { transaction: self.transaction, pan: self.pan, dispensed })
    }
}

fn value(notes: &Notes, denominations_minor: &[i64; 4]) -> Option<i64> {
    let denominations: Option<Vec<u64>> =
        denominations_minor.iter().map(|minor| u64::try_from(*minor).ok()).collect();
    i64::try_from(notes.value_minor(&denominations?)?).ok()
}

/// Counts of the core as counts of the wire.
#[must_use]
pub fn notes(counts: [u8; 4]) -> Notes {
    Notes::from(counts.map(u32::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outstanding(notes: [u32; 4]) -> Outstanding {
        let pan = Pan::parse(b"4000001234567899").unwrap();
        Outstanding::new(TransactionId::new(64).unwrap(), pan, Tsn::new(7).unwrap(), Notes::from(notes))
    }

    #[test]
    fn outcome_becomes_money() {
        let denominations = [1000, 2000, 5000, 10_000];
        let check = |told, expect| {
            let completion = outstanding([1, 2, 0, 0]).completion(told, &denominations);
            assert_eq!(completion.map(|completion| completion.dispensed), expect);
        };
        check(DispenseOutcome::Complete, Some(Dispensed::All));
        check(DispenseOutcome::NothingDispensed, Some(Dispensed::Part { minor: 0 }));
        let partial = DispenseOutcome::Partial { dispensed: Notes::from([1, 1, 0, 0]) };
        check(partial, Some(Dispensed::Part { minor: 3000 }));
        check(DispenseOutcome::Suspect, Some(Dispensed::Unknown));
        check(DispenseOutcome::NotAboutCash, None);
    }

    fn atm() -> AtmKey {
        AtmKey { link: LinkName::new("atm").unwrap(), terminal: TerminalId::new(b"001").unwrap() }
    }

    #[test]
    fn statuses_that_contradict_each_other_move_no_money() {
        let sessions = Sessions::default();
        sessions.decided(&atm(), Some(outstanding([1, 0, 0, 0])));
        sessions.foretell(&atm(), DispenseOutcome::NothingDispensed);
        let open = sessions.outstanding(&atm()).unwrap();
        let settle = |told| open.completion(told, &[1000; 4]).unwrap().dispensed;
        assert_eq!(settle(DispenseOutcome::NotAboutCash), Dispensed::Part { minor: 0 });
        assert_eq!(settle(DispenseOutcome::Complete), Dispensed::Unknown);
    }

    #[test]
    fn one_thing_at_a_time() {
        let sessions = Sessions::default();
        let first = sessions.begin(&atm()).unwrap();
        assert_eq!(sessions.begin(&atm()), None, "a second connection of the same ATM waits its turn");
        let open = outstanding([1, 0, 0, 0]);
        sessions.decided(&atm(), Some(open));
        assert_eq!(sessions.begin(&atm()), None, "an open dispense is settled first");
        sessions.settled(&atm(), TransactionId::new(1).unwrap());
        assert!(sessions.outstanding(&atm()).is_some(), "the outcome of another one settles nothing");
        sessions.settled(&atm(), open.transaction);
        assert_eq!(sessions.begin(&atm()), Some(first.next()));
        let other = AtmKey { link: LinkName::new("atm2").unwrap(), ..atm() };
        assert!(sessions.begin(&other).is_some(), "the same LUNO elsewhere is another ATM");
    }

    #[test]
    fn empty_cassettes_are_left_alone_until_refilled() {
        let sessions = Sessions::default();
        sessions.cassettes(&atm(), b"04000", b"13000");
        assert_eq!(sessions.unusable(&atm()), [true, false, false, false]);
        sessions.cassettes(&atm(), b"00000", b"11111");
        assert_eq!(sessions.unusable(&atm()), [false; 4]);
        sessions.cassettes(&atm(), b"0", b"");
        assert_eq!(sessions.unusable(&atm()), [false; 4]);
    }
}
