//! What the switch knows of each ATM between its messages, by LUNO: serial numbers, empty cassettes,
//! and the dispense that has not been reported yet. It outlives connections; across a restart the
//! journal gives back what matters, the open dispense.

use auth::{Completion, Dispensed, Transaction, TransactionId};
use card::{Pan, TerminalId};
use dashmap::DashMap;
use ndc::{DispenseOutcome, Notes, Tsn};

/// All ATMs.
#[derive(Default)]
pub struct Sessions {
    by_terminal: DashMap<TerminalId, Session>,
}

/// One ATM.
#[derive(Clone, Debug, Default)]
pub struct Session {
    last_tsn: Option<Tsn>,
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
    /// With the dispenses that were open when the process ended.
    pub fn restore<'a>(open: impl Iterator<Item = &'a Transaction>) -> Sessions {
        let sessions = Sessions::default();
        for transaction in open {
            let Some(cash) = transaction.cash else { continue };
            let Some(tsn) = Tsn::new(cash.tsn) else { continue };
            let notes = notes(cash.notes.unwrap_or_default());
            let (terminal, id, pan) = (transaction.terminal, transaction.id, transaction.pan);
            sessions.dispensing(&terminal, Outstanding { transaction: id, pan, tsn, notes, foretold: None });
        }
        sessions
    }

    /// Serial number for the next reply.
    pub fn next_tsn(&self, terminal: &TerminalId) -> Tsn {
        let mut session = self.by_terminal.entry(*terminal).or_default();
        let next = session.last_tsn.unwrap_or(Tsn::ZERO).next();
        session.last_tsn = Some(next);
        next
    }

    /// A dispense was approved; its outcome is open from now on.
    pub fn dispensing(&self, terminal: &TerminalId, outstanding: Outstanding) {
        let mut session = self.by_terminal.entry(*terminal).or_default();
        session.last_tsn = Some(outstanding.tsn);
        session.outstanding = Some(outstanding);
    }

    /// The open dispense.
    #[must_use]
    pub fn outstanding(&self, terminal: &TerminalId) -> Option<Outstanding> {
        self.by_terminal.get(terminal).and_then(|session| session.outstanding)
    }

    /// A device status said this about the open dispense, ahead of the solicited status.
    pub fn foretell(&self, terminal: &TerminalId, outcome: DispenseOutcome) {
        if let Some(mut session) = self.by_terminal.get_mut(terminal)
            && let Some(outstanding) = &mut session.outstanding
        {
            outstanding.foretold = Some(outcome);
        }
    }

    /// The open dispense is reported; nothing is open any more.
    pub fn settled(&self, terminal: &TerminalId) {
        if let Some(mut session) = self.by_terminal.get_mut(terminal) {
            session.outstanding = None;
        }
    }

    /// Which cassette types may be used.
    #[must_use]
    pub fn unusable(&self, terminal: &TerminalId) -> [bool; 4] {
        self.by_terminal.get(terminal).map_or([false; 4], |session| session.unusable)
    }

    /// A cash handler status: severities and supplies of its cassette types. Fatal (4) and empty (3)
    /// ones are left alone until a status says otherwise.
    pub fn cassettes(&self, terminal: &TerminalId, severity: &[u8], supplies: &[u8]) {
        let mut session = self.by_terminal.entry(*terminal).or_default();
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
        Outstanding::new(TransactionId(64), pan, Tsn::new(7).unwrap(), Notes::from(notes))
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

    #[test]
    fn statuses_that_contradict_each_other_move_no_money() {
        let terminal = TerminalId::new(b"001").unwrap();
        let sessions = Sessions::default();
        sessions.dispensing(&terminal, outstanding([1, 0, 0, 0]));
        sessions.foretell(&terminal, DispenseOutcome::NothingDispensed);
        let open = sessions.outstanding(&terminal).unwrap();
        let settle = |told| open.completion(told, &[1000; 4]).unwrap().dispensed;
        assert_eq!(settle(DispenseOutcome::NotAboutCash), Dispensed::Part { minor: 0 });
        assert_eq!(settle(DispenseOutcome::Complete), Dispensed::Unknown);
    }

    #[test]
    fn empty_cassettes_are_left_alone_until_refilled() {
        let terminal = TerminalId::new(b"001").unwrap();
        let sessions = Sessions::default();
        sessions.cassettes(&terminal, b"04000", b"13000");
        assert_eq!(sessions.unusable(&terminal), [true, false, false, false]);
        sessions.cassettes(&terminal, b"00000", b"11111");
        assert_eq!(sessions.unusable(&terminal), [false; 4]);
        sessions.cassettes(&terminal, b"0", b"");
        assert_eq!(sessions.unusable(&terminal), [false; 4]);
    }
}
