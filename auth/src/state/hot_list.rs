//! The hot list in memory: 16 bytes for a number, and 9 to 20 in the table that finds it.

use super::State;
use crate::card_change::Did;
use crate::hot_list::{HotChange, HotListChanged, HotNotice, HotReason, HotRefusal, HotSpan, RewardCode};
use crate::indexed::{Entry, Indexed};
use crate::limits::HOT_RANGES;
use crate::slab::FrozenSlab;
use card::{CivilDay, Pan, ResponseCode, Time};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU8;

/// Numbers and ranges.
#[derive(Debug, Default)]
pub(super) struct HotList {
    numbers: Indexed<Hot>,
    /// In order of length and first number; no two overlap.
    ranges: Vec<HotEntry>,
}

/// The hot list as it was at one moment.
#[derive(Debug)]
pub(super) struct FrozenHotList {
    numbers: FrozenSlab<Hot>,
    ranges: Vec<HotEntry>,
}

/// One entry of the hot list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotEntry {
    /// Which numbers.
    pub span: HotSpan,
    /// What is said of them.
    pub notice: HotNotice,
}

/// One number, packed, for there may be millions.
#[derive(Clone)]
struct Hot {
    number: u64,
    /// Length of the number in the low five bits, which is never 0, and the reason in the others.
    length_and_reason: NonZeroU8,
    reward: [u8; 3],
    code: ResponseCode,
    /// Years since 2000, month and day in 7, 4 and 5 bits; 0 without an end.
    until: u16,
}

const _: () = assert!(size_of::<Option<Hot>>() == 16);

/// `Debug` shows no number.
impl std::fmt::Debug for Hot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.unpacked().fmt(f)
    }
}

impl Hot {
    fn packed(pan: Pan, notice: HotNotice) -> Hot {
        let length_and_reason = pan.len() as u8 | (notice.reason.number() - 1) << 5;
        Hot {
            number: pan.reveal_number(),
            length_and_reason: NonZeroU8::new(length_and_reason).expect("a PAN has digits"),
            reward: notice.reward.map_or([0; 3], RewardCode::packed),
            code: notice.code,
            until: notice.until.map_or(0, |day| {
                (day.year.saturating_sub(2000)) << 9 | u16::from(day.month) << 5 | u16::from(day.day)
            }),
        }
    }

    fn pan(&self) -> Pan {
        let length = self.length_and_reason.get() & 0x1F;
        Pan::from_number(self.number, length).expect("it was packed from a PAN")
    }

    fn unpacked(&self) -> HotEntry {
        let reason = HotReason::ALL[usize::from(self.length_and_reason.get() >> 5)];
        let until = (self.until != 0).then_some(CivilDay {
            year: 2000 + (self.until >> 9),
            month: (self.until >> 5 & 0x0F) as u8,
            day: (self.until & 0x1F) as u8,
        });
        let reward = RewardCode::unpacked(self.reward);
        HotEntry {
            span: HotSpan::one(self.pan()),
            notice: HotNotice { reason, code: self.code, reward, until },
        }
    }
}

impl Entry for Hot {
    type Key = Pan;

    fn key(&self) -> Pan {
        self.pan()
    }

    fn touch(&self) -> u64 {
        self.number
    }
}

impl HotList {
    fn find(&self, pan: &Pan, today: CivilDay) -> Option<HotNotice> {
        let holds = |notice: &HotNotice| notice.until.is_none_or(|last| today <= last);
        // A single number says more than the range around it, as long as it holds.
        let number = if self.numbers.len() == 0 { None } else { self.numbers.get(pan) };
        if let Some(notice) = number.map(|hot| hot.unpacked().notice).filter(holds) {
            return Some(notice);
        }
        let after = self.ranges.partition_point(|entry| place(&entry.span) <= (pan.len(), *pan));
        let entry = self.ranges[..after].last().filter(|entry| entry.span.contains(pan))?;
        Some(entry.notice).filter(holds)
    }

    fn exact(&self, span: &HotSpan) -> Option<HotNotice> {
        if span.is_one() {
            return self.numbers.get(&span.ends().0).map(|hot| hot.unpacked().notice);
        }
        let index = self.ranges.binary_search_by_key(&place(span), |entry| place(&entry.span)).ok()?;
        Some(self.ranges[index]).filter(|entry| entry.span == *span).map(|entry| entry.notice)
    }

    fn set(&mut self, HotEntry { span, notice }: HotEntry) {
        if !span.is_one() {
            match self.ranges.binary_search_by_key(&place(&span), |entry| place(&entry.span)) {
                Ok(index) => self.ranges[index] = HotEntry { span, notice },
                Err(index) => self.ranges.insert(index, HotEntry { span, notice }),
            }
            return;
        }
        let hot = Hot::packed(span.ends().0, notice);
        match self.numbers.get_mut(&span.ends().0) {
            Some(known) => *known = hot,
            None => self.numbers.insert(hot),
        }
    }

    fn clear(&mut self, span: &HotSpan) {
        if span.is_one() {
            self.numbers.remove(&span.ends().0);
        } else {
            self.ranges.retain(|entry| entry.span != *span);
        }
    }

    pub(super) fn freeze(&self) -> FrozenHotList {
        FrozenHotList { numbers: self.numbers.freeze(), ranges: self.ranges.clone() }
    }
}

/// Where a range stands among the others.
fn place(span: &HotSpan) -> (usize, Pan) {
    let (first, _) = span.ends();
    (first.len(), first)
}

impl FrozenHotList {
    pub(super) fn into_each(self, mut visit: impl FnMut(HotEntry)) {
        self.numbers.into_each(|hot| visit(hot.unpacked()));
        self.ranges.into_iter().for_each(visit);
    }
}

impl State {
    pub(super) fn hot_list_changed(&mut self, changed: &HotListChanged) {
        match changed.notice {
            Some(notice) => self.hot_list.set(HotEntry { span: changed.span, notice }),
            None => self.hot_list.clear(&changed.span),
        }
    }

    pub(super) fn restore_hot(&mut self, entry: HotEntry) {
        self.hot_list.set(entry);
    }

    /// What the hot list says of a number on this business day.
    #[must_use]
    pub fn hot_notice(&self, pan: &Pan, today: CivilDay) -> Option<HotNotice> {
        self.hot_list.find(pan, today)
    }

    /// How many single numbers and how many ranges are on the hot list.
    #[must_use]
    pub fn hot_list_size(&self) -> (usize, usize) {
        (self.hot_list.numbers.len(), self.hot_list.ranges.len())
    }

    /// The hot list: ranges, then single numbers in their order.
    #[must_use]
    pub fn hot_list_in_order(&self) -> Vec<HotEntry> {
        let mut numbers: Vec<HotEntry> = self.hot_list.numbers.iter().map(Hot::unpacked).collect();
        numbers.sort_unstable_by_key(|entry| place(&entry.span));
        self.hot_list.ranges.iter().copied().chain(numbers).collect()
    }

    /// The record of a change, if there is anything to do, and what it does.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn plan_hot_change(
        &self,
        change: &HotChange,
        now: Time,
    ) -> Result<(Option<HotListChanged>, Did), HotRefusal> {
        let HotChange { span, notice } = *change;
        let listed = self.hot_list.exact(&span);
        let did = match (listed, notice) {
            (None, None) => return Ok((None, Did::Absent)),
            (Some(listed), Some(notice)) if listed == notice => return Ok((None, Did::Same)),
            (Some(_), None) => Did::Removed,
            (Some(_), Some(_)) => Did::Updated,
            (None, Some(_)) => Did::Added,
        };
        if did == Did::Added && !span.is_one() {
            if self.hot_list.ranges.iter().any(|entry| entry.span.overlaps(&span)) {
                return Err(HotRefusal::Overlaps);
            }
            if self.hot_list.ranges.len() >= HOT_RANGES {
                return Err(HotRefusal::Full);
            }
        }
        Ok((Some(HotListChanged { span, notice, time: now }), did))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn notice(reason: usize, reward: Option<&str>, until: Option<CivilDay>) -> HotNotice {
        let reason = HotReason::ALL[reason % HotReason::ALL.len()];
        let reward = reward.and_then(RewardCode::parse);
        HotNotice { reason, code: reason.code(reason.captures()), reward, until }
    }

    #[test]
    fn an_entry_comes_back_from_its_sixteen_bytes() {
        let until = CivilDay { year: 2127, month: 12, day: 31 };
        for digits in ["0000000000000000001", "4000001234567899", "9999999999999999999", "1"] {
            let pan = Pan::parse(digits.as_bytes()).unwrap();
            for (reason, reward, until) in
                [(0, None, None), (6, Some("ZZZZ"), Some(until)), (3, Some("0"), None)]
            {
                let notice = notice(reason, reward, until);
                let hot = Hot::packed(pan, notice);
                assert_eq!(hot.unpacked(), HotEntry { span: HotSpan::one(pan), notice });
                assert!(digits.len() < 13 || !format!("{hot:?}").contains(digits));
            }
        }
    }

    proptest! {
        /// Against a plain search, through planning, records and a snapshot.
        #[test]
        fn finds_what_a_plain_search_finds(
            changes in prop::collection::vec((0u64..300, 0u64..40, 0usize..14, any::<bool>()), 0..120),
            asked in prop::collection::vec(0u64..340, 40),
        ) {
            let pan = |number: u64| Pan::from_number(4_000_000_000_000_000 + number, 16).unwrap();
            let now = Time::from_unix_ms(0);
            let mut state = State::default();
            let mut expected: BTreeMap<(u64, u64), HotNotice> = BTreeMap::new();
            for (first, more, reason, put) in changes {
                // A third are ranges.
                let last = if more % 3 == 0 { first + more } else { first };
                let span = HotSpan::range(pan(first), pan(last)).unwrap();
                // Half are over.
                let until = (reason % 2 == 1).then_some(CivilDay { year: 2026, month: 6, day: 14 });
                let notice = put.then(|| notice(reason, Some("R1"), until));
                let overlaps = |(a, b): &(u64, u64)| a != b && *a <= last && first <= *b;
                let key = (first, last);
                match state.plan_hot_change(&HotChange { span, notice }, now) {
                    Err(refusal) => {
                        prop_assert_eq!(refusal, HotRefusal::Overlaps);
                        prop_assert!(first != last && expected.keys().any(overlaps));
                    }
                    Ok((record, did)) => {
                        prop_assert_eq!(did == Did::Added, put && !expected.contains_key(&key));
                        prop_assert_eq!(did == Did::Removed, !put && expected.contains_key(&key));
                        if let Some(record) = record {
                            state.apply(&Record::HotListChanged(record));
                        }
                        match notice {
                            Some(notice) => drop(expected.insert(key, notice)),
                            None => drop(expected.remove(&key)),
                        }
                    }
                }
            }
            let mut restored = State::default();
            state.freeze().into_each(|element| restored.restore(element.clone()));
            let today = CivilDay { year: 2026, month: 6, day: 15 };
            for number in asked {
                let in_range = |((a, b), _): &(&(u64, u64), &HotNotice)| a != b && (*a..=*b).contains(&number);
                let range = expected.iter().find(in_range).map(|(_, notice)| *notice);
                let holds = |notice: &HotNotice| notice.until.is_none();
                let one = expected.get(&(number, number)).copied();
                let expect = one.filter(holds).or(range.filter(holds));
                prop_assert_eq!(state.hot_notice(&pan(number), today), expect);
                prop_assert_eq!(restored.hot_notice(&pan(number), today), expect);
            }
            prop_assert_eq!(state.hot_list_in_order().len(), expected.len());
        }
    }
}
