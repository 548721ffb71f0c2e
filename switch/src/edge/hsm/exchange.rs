//! Commands that one connection has sent and not had answered, found again by their message header.

use super::pay_shield::Errand;
use hsm::CommandCode;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Commands that one connection may have under way.
const WINDOW: usize = 256;

/// Characters of the header that count; the others stay 0. Six in base 36 are two thousand million.
const COUNTING: usize = 6;

const BASE: u64 = 36;

/// Unanswered commands by the number in their header. A number comes round again only after all
/// others, and never while it is in use.
pub(super) struct Exchange {
    header_length: usize,
    numbers: u64,
    last: u64,
    sent: BTreeMap<u64, Sent>,
    deadlines: BTreeSet<(Instant, u64)>,
}

/// A command that was sent.
pub(super) struct Sent {
    pub(super) errand: Errand,
    /// The command, which says how to read the reply.
    pub(super) code: CommandCode,
    pub(super) at: Instant,
}

impl Exchange {
    pub(super) fn new(header_length: usize) -> Exchange {
        let numbers = BASE.pow(header_length.min(COUNTING) as u32);
        Exchange { header_length, numbers, last: 0, sent: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// How many more commands may be sent now.
    pub(super) fn room(&self) -> usize {
        // One number of a short header stays free, so that `next_header` always finds one.
        let numbers = usize::try_from(self.numbers - 1).unwrap_or(WINDOW);
        WINDOW.min(numbers).saturating_sub(self.sent.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The header for the next command.
    pub(super) fn next_header(&mut self) -> Vec<u8> {
        self.last = (self.last + 1) % self.numbers;
        while self.sent.contains_key(&self.last) {
            self.last = (self.last + 1) % self.numbers;
        }
        header(self.last, self.header_length)
    }

    /// Keeps a command that was sent with the header last given.
    pub(super) fn add(&mut self, sent: Sent) {
        self.deadlines.insert((sent.errand.deadline, self.last));
        self.sent.insert(self.last, sent);
    }

    /// Takes the command that a reply with this header answers; `None` when there is none, as after its
    /// deadline.
    pub(super) fn take(&mut self, header: &[u8]) -> Option<Sent> {
        let number = number(header)?;
        let sent = self.sent.remove(&number)?;
        self.deadlines.remove(&(sent.errand.deadline, number));
        Some(sent)
    }

    /// The next deadline to pass.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Takes a command whose deadline has passed.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<Sent> {
        let (deadline, number) = *self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.deadlines.pop_first();
        self.sent.remove(&number)
    }

    /// Takes all, oldest number first.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Sent> {
        self.deadlines.clear();
        std::mem::take(&mut self.sent).into_values()
    }
}

/// The number in base 36, zeros in front.
fn header(number: u64, length: usize) -> Vec<u8> {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut header = vec![b'0'; length];
    let mut rest = number;
    for slot in header.iter_mut().rev() {
        *slot = DIGITS[(rest % BASE) as usize];
        rest /= BASE;
    }
    header
}

fn number(header: &[u8]) -> Option<u64> {
    header.iter().try_fold(0u64, |number, character| {
        let digit = match character {
            b'0'..=b'9' => character - b'0',
            b'A'..=b'Z' => character - b'A' + 10,
            _ => return None,
        };
        number.checked_mul(BASE)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_count_in_base_36() {
        let check = |value, length, expect: &str| {
            assert_eq!(header(value, length), expect.as_bytes());
            assert_eq!(number(expect.as_bytes()), Some(value));
        };
        check(0, 4, "0000");
        check(35, 4, "000Z");
        check(36, 4, "0010");
        check(1_679_615, 4, "ZZZZ");
        check(1, 12, "000000000001");
        for foreign in [&b"000z"[..], b"00 1", b"\xFF\x00\x00\x01", &[b'Z'; 255]] {
            assert_eq!(number(foreign), None);
        }
    }
}
