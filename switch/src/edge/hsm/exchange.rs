//! Commands that one connection has sent and not had answered, found again by their message header.

use super::errand::Errand;
use hsm::CommandCode;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Characters of the header that count; the others stay 0. Six in base 36 are two thousand million.
const COUNTING: usize = 6;

const BASE: u64 = 36;

/// Unanswered commands by the number in their header. A number comes round again only after all
/// others, and never while it is in use.
pub(super) struct Exchange {
    /// Commands that may be under way, a health check besides.
    window: usize,
    numbers: u64,
    last: u64,
    /// The header of `last`.
    header: Vec<u8>,
    sent: BTreeMap<u64, Sent>,
    deadlines: BTreeSet<(Instant, u64)>,
}

/// A command that was sent.
pub(super) struct Sent {
    /// What it was sent for; `None` for a health check.
    pub(super) errand: Option<Errand>,
    /// The command, which says how to read the reply.
    pub(super) code: CommandCode,
    /// When it fails for want of an answer.
    pub(super) deadline: Instant,
    pub(super) at: Instant,
}

impl Exchange {
    pub(super) fn new(header_length: usize, window: usize) -> Exchange {
        let numbers = BASE.pow(header_length.min(COUNTING) as u32);
        let header = vec![b'0'; header_length];
        Exchange { window, numbers, last: 0, header, sent: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// How many more commands may be sent now.
    pub(super) fn room(&self) -> usize {
        // Two numbers of a short header stay free: one for a health check, and one so that
        // `next_header` always finds one.
        let numbers = usize::try_from(self.numbers - 2).unwrap_or(usize::MAX);
        self.window.min(numbers).saturating_sub(self.sent.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The header for the next command.
    pub(super) fn next_header(&mut self) -> &[u8] {
        self.last = (self.last + 1) % self.numbers;
        while self.sent.contains_key(&self.last) {
            self.last = (self.last + 1) % self.numbers;
        }
        write(self.last, &mut self.header);
        &self.header
    }

    /// Keeps a command that was sent with the header last given.
    pub(super) fn add(&mut self, sent: Sent) {
        self.deadlines.insert((sent.deadline, self.last));
        self.sent.insert(self.last, sent);
    }

    /// Takes the command that a reply with this header answers; `None` when there is none, as after its
    /// deadline.
    pub(super) fn take(&mut self, header: &[u8]) -> Option<Sent> {
        let number = number(header)?;
        let sent = self.sent.remove(&number)?;
        self.deadlines.remove(&(sent.deadline, number));
        Some(sent)
    }

    /// The next deadline to pass.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// When the oldest of them was sent. Numbers rise with time but for the moment in which they begin
    /// anew, when it is one of the newer.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.sent.first_key_value().map(|(_, sent)| sent.at)
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
    pub(super) fn take_all(&mut self) -> impl DoubleEndedIterator<Item = Sent> {
        self.deadlines.clear();
        std::mem::take(&mut self.sent).into_values()
    }
}

/// Writes the number in base 36, zeros in front.
fn write(number: u64, header: &mut [u8]) {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut rest = number;
    for slot in header.iter_mut().rev() {
        *slot = DIGITS[(rest % BASE) as usize];
        rest /= BASE;
    }
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
            let mut header = vec![b'?'; length];
            write(value, &mut header);
            assert_eq!(header, expect.as_bytes());
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
