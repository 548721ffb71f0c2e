use crate::{Descriptor, DeviceStatus, LastStatus, LastStatusCode, Notes, SolicitedStatus, Tsn, dig};

/// What became of the notes that a transaction reply ordered (reference §17). One reply is outstanding
/// per terminal, so the status after it is about it.
///
/// A status that contradicts itself or the order (more notes than ordered, "nothing dispensed" beside
/// counts) is as good as malformed and makes the outcome suspect, and so does a solicited status that
/// cannot be parsed at all. Suspect moves no money by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispenseOutcome {
    /// All notes came out: post the completion.
    Complete,
    /// Some did: reverse the rest.
    Partial {
        /// What came out, by type.
        dispensed: Notes,
    },
    /// None did: reverse all.
    NothingDispensed,
    /// Nobody can tell: neither complete nor reverse by itself; reconcile by counters and people.
    Suspect,
    /// Says nothing of notes. What an earlier [`DispenseOutcome::of_device`] said stands; if there was
    /// none, the outcome of an ordered dispense stays open until the last-transaction status or the
    /// counters tell, and is suspect if neither does.
    NotAboutCash,
}

impl DispenseOutcome {
    /// From the solicited status after the reply.
    #[must_use]
    pub fn of(status: &SolicitedStatus, ordered: &Notes) -> DispenseOutcome {
        match &status.descriptor {
            Descriptor::Ready { .. } | Descriptor::TransactionReplyReady { .. } => DispenseOutcome::Complete,
            Descriptor::CommandReject { .. } | Descriptor::SpecificCommandReject { .. } => {
                DispenseOutcome::NothingDispensed
            }
            // A printer comes after the notes.
            Descriptor::DeviceFault { device } if device.is_printer() => DispenseOutcome::Complete,
            Descriptor::DeviceFault { device } => DispenseOutcome::of_device(device, ordered),
            Descriptor::TerminalState { .. } => DispenseOutcome::NotAboutCash,
        }
    }

    /// From a device status: that of a solicited one, or an unsolicited one that came before it. Only a
    /// cash handler says anything of notes.
    #[must_use]
    pub fn of_device(device: &DeviceStatus, ordered: &Notes) -> DispenseOutcome {
        if !device.is_cash_handler() {
            return DispenseOutcome::NotAboutCash;
        }
        let Ok(counts) = device.dispensed() else { return DispenseOutcome::Suspect };
        match (device.code(), counts) {
            (Some(b'0'), None) => DispenseOutcome::Complete,
            (Some(b'0'), Some(counts)) if counts.same_as(ordered) => DispenseOutcome::Complete,
            (Some(b'1'), Some(counts)) => by_counts(counts, ordered),
            (Some(b'2' | b'4'), None) => DispenseOutcome::NothingDispensed,
            (Some(b'2' | b'4'), Some(counts)) if counts.total() == 0 => DispenseOutcome::NothingDispensed,
            // 3 repeats the order, 5 retracted an unknown number, the rest is unknown or contradictory.
            _ => DispenseOutcome::Suspect,
        }
    }

    /// From the last-transaction status of the next request, when no solicited status came. A request
    /// without that field leaves the outcome suspect until the counters are read.
    ///
    /// Serial numbers must have been given out in ascending order ([`Tsn::next`]). A number *after*
    /// `our_tsn` tells of a later reply, and nothing of ours.
    #[must_use]
    pub fn of_last_status(last: &LastStatus, our_tsn: Tsn, ordered: &Notes) -> DispenseOutcome {
        match last.status {
            LastStatusCode::Rejected | LastStatusCode::NotSent => return DispenseOutcome::NothingDispensed,
            LastStatusCode::Other(_) => return DispenseOutcome::Suspect,
            LastStatusCode::Good | LastStatusCode::Error => {}
        }
        if last.tsn.is_before(our_tsn) {
            return DispenseOutcome::NothingDispensed;
        }
        if last.tsn != our_tsn {
            return DispenseOutcome::Suspect;
        }
        match by_counts(last.notes, ordered) {
            // An error after all notes were counted out: presented, retracted, or jammed at the shutter.
            DispenseOutcome::Complete if last.status == LastStatusCode::Error && ordered.total() > 0 => {
                DispenseOutcome::Suspect
            }
            outcome => outcome,
        }
    }

    /// Whether the status is that of a card left behind or stuck; the card is retained by the terminal.
    #[must_use]
    pub fn is_card_fault(device: &DeviceStatus) -> bool {
        device.dig == dig::CARD_READER && matches!(device.code(), Some(b'1' | b'2'))
    }
}

fn by_counts(dispensed: Notes, ordered: &Notes) -> DispenseOutcome {
    if dispensed.same_as(ordered) {
        return DispenseOutcome::Complete;
    }
    if dispensed.total() == 0 {
        return DispenseOutcome::NothingDispensed;
    }
    if dispensed.within(ordered) { DispenseOutcome::Partial { dispensed } } else { DispenseOutcome::Suspect }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERED: Notes = Notes::NONE;

    fn ordered() -> Notes {
        Notes::from([5, 1, 0, 0])
    }

    fn partial(counts: [u32; 4]) -> DispenseOutcome {
        DispenseOutcome::Partial { dispensed: Notes::from(counts) }
    }

    #[test]
    fn after_a_solicited_status() {
        let check = |tail: &str, expect: DispenseOutcome| {
            let body = format!("22\x1c001\x1c\x1c{tail}");
            let status = SolicitedStatus::parse(body.as_bytes()).unwrap();
            assert_eq!(DispenseOutcome::of(&status, &ordered()), expect, "{tail:?}");
        };
        check("9", DispenseOutcome::Complete);
        check("B", DispenseOutcome::Complete);
        check("A", DispenseOutcome::NothingDispensed);
        check("C\x1cB09", DispenseOutcome::NothingDispensed);
        check("C\x1c1", DispenseOutcome::NothingDispensed);
        check("8\x1cE005010000", DispenseOutcome::Complete);
        check("8\x1cE0", DispenseOutcome::Complete);
        check("8\x1cE004010000", DispenseOutcome::Suspect);
        check("8\x1cE105010000", DispenseOutcome::Complete);
        check("8\x1cE104000000", partial([4, 0, 0, 0]));
        check("8\x1cE100000000", DispenseOutcome::NothingDispensed);
        check("8\x1cE100060000", DispenseOutcome::Suspect);
        check("8\x1cE1", DispenseOutcome::Suspect);
        check("8\x1cE1x2000000", DispenseOutcome::Suspect);
        check("8\x1cE200000000", DispenseOutcome::NothingDispensed);
        check("8\x1cE2", DispenseOutcome::NothingDispensed);
        check("8\x1cE201000000", DispenseOutcome::Suspect);
        check("8\x1cE305010000", DispenseOutcome::Suspect);
        check("8\x1cE400000000", DispenseOutcome::NothingDispensed);
        check("8\x1cE500000000", DispenseOutcome::Suspect);
        check("8\x1cE900000000", DispenseOutcome::Suspect);
        check("8\x1cE", DispenseOutcome::Suspect);
        check("8\x1cd104000000", partial([4, 0, 0, 0]));
        check("8\x1cG1", DispenseOutcome::Complete);
        check("8\x1cH1", DispenseOutcome::Complete);
        check("8\x1cV1", DispenseOutcome::Complete);
        check("8\x1cD1", DispenseOutcome::NotAboutCash);
        check("8\x1c!1", DispenseOutcome::NotAboutCash);
        check("F\x1c60042", DispenseOutcome::NotAboutCash);
    }

    #[test]
    fn after_the_next_request() {
        let our_tsn = Tsn::new(1642).unwrap();
        let check = |tsn: u16, status: u8, notes: [u32; 4], expect: DispenseOutcome| {
            let last = LastStatus {
                tsn: Tsn::new(tsn).unwrap(),
                status: LastStatusCode::from(status),
                notes: Notes::from(notes),
                tail: b"",
                completion: None,
            };
            assert_eq!(DispenseOutcome::of_last_status(&last, our_tsn, &ordered()), expect, "{last:?}");
        };
        check(1642, b'1', [5, 1, 0, 0], DispenseOutcome::Complete);
        check(1642, b'1', [4, 1, 0, 0], partial([4, 1, 0, 0]));
        check(1642, b'1', [0, 0, 0, 0], DispenseOutcome::NothingDispensed);
        check(1642, b'1', [5, 1, 1, 0], DispenseOutcome::Suspect);
        check(1642, b'2', [0, 0, 0, 0], DispenseOutcome::NothingDispensed);
        check(1642, b'2', [4, 0, 0, 0], partial([4, 0, 0, 0]));
        check(1642, b'2', [5, 1, 0, 0], DispenseOutcome::Suspect);
        check(1642, b'3', [0, 0, 0, 0], DispenseOutcome::NothingDispensed);
        check(1642, b'0', [0, 0, 0, 0], DispenseOutcome::NothingDispensed);
        check(1642, b'7', [0, 0, 0, 0], DispenseOutcome::Suspect);
        check(1641, b'1', [5, 1, 0, 0], DispenseOutcome::NothingDispensed);
        check(0, b'1', [0, 0, 0, 0], DispenseOutcome::NothingDispensed);
        check(1643, b'1', [5, 1, 0, 0], DispenseOutcome::Suspect);
    }

    #[test]
    fn nothing_ordered_is_complete_with_nothing() {
        let device = DeviceStatus::new(dig::CASH_HANDLER, b"100000000");
        assert_eq!(DispenseOutcome::of_device(&device, &ORDERED), DispenseOutcome::Complete);
    }

    #[test]
    fn a_card_left_behind() {
        assert!(DispenseOutcome::is_card_fault(&DeviceStatus::new(dig::CARD_READER, b"1")));
        assert!(!DispenseOutcome::is_card_fault(&DeviceStatus::new(dig::CARD_READER, b"7")));
        assert!(!DispenseOutcome::is_card_fault(&DeviceStatus::new(dig::CASH_HANDLER, b"1")));
    }
}
