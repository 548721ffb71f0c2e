//! Step 7: the hot list: numbers that are refused whatever else is known of them, those that are not on file
//! included. Every shard has all of it, since a number that is not on file may come to any of them.

use crate::receipt::{Decline, Receipt, Step};
use crate::request::Request;
use crate::state::State;
use card::{CivilDay, Pan, ResponseCode, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One number, or all numbers of one length from a first to a last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotSpan {
    #[serde(with = "card::sealed_pan")]
    first: Pan,
    #[serde(with = "card::sealed_pan")]
    last: Pan,
}

impl HotSpan {
    /// One number.
    #[must_use]
    pub fn one(pan: Pan) -> HotSpan {
        HotSpan { first: pan, last: pan }
    }

    /// Both ends included. `None` when they differ in length, or the last comes before the first.
    #[must_use]
    pub fn range(first: Pan, last: Pan) -> Option<HotSpan> {
        (first.len() == last.len() && first <= last).then_some(HotSpan { first, last })
    }

    /// First and last number.
    #[must_use]
    pub fn ends(&self) -> (Pan, Pan) {
        (self.first, self.last)
    }

    /// Whether it is one number.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.first == self.last
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, pan: &Pan) -> bool {
        pan.len() == self.first.len() && (self.first..=self.last).contains(pan)
    }

    /// Whether some number is in both.
    #[must_use]
    pub fn overlaps(&self, other: &HotSpan) -> bool {
        self.first.len() == other.first.len() && self.first <= other.last && other.first <= self.last
    }
}

/// Masked: `400000******0002`, or `400000******0000 to 400000******9999`.
impl fmt::Display for HotSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if !self.is_one() {
            write!(f, " to {}", self.last)?;
        }
        Ok(())
    }
}

/// What the hot list says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotNotice {
    /// Why it is there.
    pub reason: HotReason,
    /// What to answer: a decline, or a code by which the terminal keeps the card.
    pub code: ResponseCode,
    /// What whoever keeps the card is to get, in the code of whoever pays it.
    pub reward: Option<RewardCode>,
    /// Last business day on which it holds, from 2000 to 2127; without one it holds until it is taken off.
    pub until: Option<CivilDay>,
}

/// Why a number is on the hot list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HotReason {
    /// Reported lost.
    Lost,
    /// Reported stolen.
    Stolen,
    /// It never came to its holder.
    NotReceived,
    /// Somebody has a copy.
    Counterfeit,
    /// Used by somebody who should not.
    Fraud,
    /// Blocked by its issuer.
    Restricted,
    /// Any other reason.
    Other,
}

impl HotReason {
    /// Every reason. The place of a reason here is part of receipts: new ones go to the end.
    pub const ALL: [HotReason; 7] = [
        HotReason::Lost,
        HotReason::Stolen,
        HotReason::NotReceived,
        HotReason::Counterfeit,
        HotReason::Fraud,
        HotReason::Restricted,
        HotReason::Other,
    ];

    /// The word used in files and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            HotReason::Lost => "lost",
            HotReason::Stolen => "stolen",
            HotReason::NotReceived => "not_received",
            HotReason::Counterfeit => "counterfeit",
            HotReason::Fraud => "fraud",
            HotReason::Restricted => "restricted",
            HotReason::Other => "other",
        }
    }

    /// The reason of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<HotReason> {
        HotReason::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Its number in receipts, from 1.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What is answered where an entry names no code: one by which the terminal keeps the card, or a decline.
    #[must_use]
    pub fn code(self, captures: bool) -> ResponseCode {
        match (captures, self) {
            (true, HotReason::Lost) => ResponseCode::LOST,
            (true, HotReason::Stolen) => ResponseCode::STOLEN,
            (true, HotReason::Counterfeit | HotReason::Fraud) => ResponseCode::PICK_UP_SPECIAL,
            (true, _) => ResponseCode::PICK_UP,
            (false, HotReason::Counterfeit | HotReason::Fraud) => ResponseCode::SUSPECTED_FRAUD,
            (false, HotReason::Other) => ResponseCode::DO_NOT_HONOUR,
            (false, _) => ResponseCode::RESTRICTED,
        }
    }

    /// Whether the terminal keeps the card where an entry says neither what to do nor with which code.
    #[must_use]
    pub fn captures(self) -> bool {
        matches!(self, HotReason::Lost | HotReason::Stolen | HotReason::Counterfeit)
    }
}

/// One to four capital letters and digits that say what keeping the card is worth. What they mean is between the
/// issuer and its acquirers; nothing here depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardCode([u8; 4]);

impl RewardCode {
    /// Reads one to four capital letters and digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<RewardCode> {
        let legal = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        if text.is_empty() || text.len() > 4 || !text.bytes().all(legal) {
            return None;
        }
        let mut code = [b' '; 4];
        code[..text.len()].copy_from_slice(text.as_bytes());
        Some(RewardCode(code))
    }

    /// The code without its filling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default().trim_end()
    }

    /// In three bytes, never all zero: 37 characters, the blank included, to the fourth.
    pub(crate) fn packed(self) -> [u8; 3] {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => u32::from(byte - b'0') + 1,
            b'A'..=b'Z' => u32::from(byte - b'A') + 11,
            _ => 0,
        };
        let [_, bytes @ ..] = self.0.iter().fold(0, |sum, byte| sum * 37 + digit(*byte)).to_be_bytes();
        bytes
    }

    /// Reads [`packed`](RewardCode::packed).
    pub(crate) fn unpacked([a, b, c]: [u8; 3]) -> Option<RewardCode> {
        let mut rest = u32::from_be_bytes([0, a, b, c]);
        let mut code = [b' '; 4];
        for slot in code.iter_mut().rev() {
            *slot = match (rest % 37) as u8 {
                0 => b' ',
                digit @ 1..=10 => b'0' + digit - 1,
                letter => b'A' + letter - 11,
            };
            rest /= 37;
        }
        (code[0] != b' ').then_some(RewardCode(code))
    }
}

impl fmt::Display for RewardCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RewardCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RewardCode({self})")
    }
}

/// Numbers came onto the hot list, or went off it. Each shard has such a record of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotListChanged {
    /// Which.
    pub span: HotSpan,
    /// What the list says of them from now on; `None` takes them off.
    pub notice: Option<HotNotice>,
    /// When.
    pub time: Time,
}

/// A change of the hot list, asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotChange {
    /// Which numbers.
    pub span: HotSpan,
    /// What the list shall say of them; `None` takes them off.
    pub notice: Option<HotNotice>,
}

/// Why the hot list may not be changed. Holds no card data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HotRefusal {
    /// Two ranges would say different things of a number.
    Overlaps,
    /// There are too many ranges.
    Full,
}

impl fmt::Display for HotRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HotRefusal::Overlaps => {
                "last: the range overlaps another one on the list; take that one off first, or list single numbers, \
                 which may stand within a range"
            }
            HotRefusal::Full => "last: the list has as many ranges as it takes (16384); take others off first",
        })
    }
}

/// What the list says of the card, or else of the token that came in its place.
pub(crate) fn notice(state: &State, request: &Request, today: CivilDay) -> Option<HotNotice> {
    let of_card = state.hot_notice(&request.pan, today);
    of_card.or_else(|| state.hot_notice(&request.token?, today))
}

/// Step 7. What the chip has approved stands, so of an advice the list is only told.
pub(crate) fn check(
    state: &State,
    request: &Request,
    today: CivilDay,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let Some(notice) = notice(state, request, today) else { return Ok(()) };
    let (reason, captures) = (i64::from(notice.reason.number()), i64::from(notice.code.is_capture()));
    if request.class.is_advice() {
        receipt.note(Step::HotList, reason, captures);
        return Ok(());
    }
    Err(receipt.fail(Step::HotList, notice.code, reason, captures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reward_codes_come_back_from_three_bytes() {
        let check = |text: &str, legal: bool| {
            let code = RewardCode::parse(text);
            assert_eq!(code.is_some(), legal, "{text}");
            if let Some(code) = code {
                assert_ne!(code.packed(), [0; 3]);
                assert_eq!(RewardCode::unpacked(code.packed()), Some(code));
                assert_eq!(code.as_str(), text);
            }
        };
        ["0", "A", "Z", "9", "0050", "ZZZZ", "00A", "R1"].into_iter().for_each(|text| check(text, true));
        ["", "00500", "a", "A B", " A", "ä", "-"].into_iter().for_each(|text| check(text, false));
        assert_eq!(RewardCode::unpacked([0; 3]), None);
    }

    #[test]
    fn spans() {
        let pan = |digits: &str| Pan::parse(digits.as_bytes()).unwrap();
        let span = |first: &str, last: &str| HotSpan::range(pan(first), pan(last));
        assert_eq!(span("4000", "40000"), None);
        assert_eq!(span("4001", "4000"), None);
        let range = span("4000001200000000", "4000001299999999").unwrap();
        assert!(range.contains(&pan("4000001200000000")) && range.contains(&pan("4000001299999999")));
        assert!(!range.contains(&pan("4000001300000000")) && !range.contains(&pan("40000012000000000")));
        assert!(range.overlaps(&HotSpan::one(pan("4000001250000000"))));
        assert!(!range.overlaps(&span("4000001300000000", "4000001399999999").unwrap()));
        assert_eq!(range.to_string(), "400000******0000 to 400000******9999");
        assert!(!format!("{range:?}").contains("4000001200000000"));
    }
}
