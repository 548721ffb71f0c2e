//! Receipts at the end of a stored decision, from version 3 on. They are most of a record, and most of their numbers
//! are small, so each number takes as many bytes as it needs and says so beforehand: a reader and a writer of
//! variable-length integers would ask behind every byte whether there is another one.
//!
//! A count (four bytes, the lowest first), then per check: the step, a byte of shape, the value, the limit, and behind
//! a failure its code (two bytes). Shape: verdict in bits 0 and 1 (passed, failed, skipped, noted), width of the value
//! in bits 2 to 4, of the limit in bits 5 to 7. A width of 7 stands for eight bytes. Numbers are zigzag, the lowest
//! byte first.

use crate::stored_form::{unzigzag, zigzag};
use auth::{Check, Receipt, Step, Verdict};
use card::ResponseCode;

/// Appends a receipt.
pub(super) fn append(receipt: &Receipt, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + COUNT + receipt.checks.len() * LONGEST, 0);
    let room = &mut out[start..];
    room[..COUNT].copy_from_slice(&(receipt.checks.len() as u32).to_le_bytes());
    let mut used = COUNT;
    for check in &receipt.checks {
        let room: &mut [u8; LONGEST] = room[used..].first_chunk_mut().expect("a check needs no more");
        let (seen, limit) = (zigzag(check.seen), zigzag(check.limit));
        let (seen_size, limit_size) = (Size::of(seen), Size::of(limit));
        let (verdict, code) = match check.verdict {
            Verdict::Passed => (0, None),
            Verdict::Failed(code) => (1, Some(code)),
            Verdict::Skipped => (2, None),
            Verdict::Noted => (3, None),
        };
        room[0] = check.step as u8;
        room[1] = verdict | seen_size.width << 2 | limit_size.width << 5;
        room[2..10].copy_from_slice(&seen.to_le_bytes());
        let limit_at = 2 + usize::from(seen_size.bytes);
        room[limit_at..limit_at + 8].copy_from_slice(&limit.to_le_bytes());
        let mut end = limit_at + usize::from(limit_size.bytes);
        if let Some(code) = code {
            room[end..end + 2].copy_from_slice(code.as_bytes());
            end += 2;
        }
        used += end;
    }
    // Beyond a check lies what its limit left there, and the next one has written over it.
    out.truncate(start + used);
}

/// Reads a receipt that takes all of the bytes; `None` when they are none.
pub(super) fn read(bytes: &[u8]) -> Option<Receipt> {
    let (count, mut rest) = bytes.split_first_chunk::<COUNT>()?;
    let count = u32::from_le_bytes(*count) as usize;
    if count > rest.len() / 2 {
        return None;
    }
    let mut checks = Vec::with_capacity(count);
    for _ in 0..count {
        let [step, shape, numbers @ ..] = rest else { return None };
        rest = numbers;
        let seen = number(shape >> 2 & 7, &mut rest)?;
        let limit = number(shape >> 5, &mut rest)?;
        let verdict = match shape & 3 {
            0 => Verdict::Passed,
            1 => {
                let (code, behind) = rest.split_at_checked(2)?;
                rest = behind;
                Verdict::Failed(ResponseCode::parse(code)?)
            }
            2 => Verdict::Skipped,
            _ => Verdict::Noted,
        };
        checks.push(Check { step: *Step::ALL.get(usize::from(*step))?, verdict, seen, limit });
    }
    rest.is_empty().then_some(Receipt { checks })
}

/// Takes a number off the front.
fn number(width: u8, rest: &mut &[u8]) -> Option<i64> {
    let (digits, behind) = rest.split_at_checked(bytes(width))?;
    let number = match rest.first_chunk() {
        // What lies behind the number goes out at the top.
        Some(chunk) if width > 0 => {
            let unused = 64 - 8 * digits.len() as u32;
            u64::from_le_bytes(*chunk) << unused >> unused
        }
        _ => digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit)),
    };
    *rest = behind;
    Some(unzigzag(number))
}

/// The width that is stored for a number, and how many bytes it takes: looked up, since a receipt asks eighty times.
#[derive(Clone, Copy)]
struct Size {
    width: u8,
    bytes: u8,
}

impl Size {
    fn of(number: u64) -> Size {
        SIZES[number.leading_zeros() as usize]
    }
}

/// By the zeros before the number.
const SIZES: [Size; 65] = {
    let mut sizes = [Size { width: 0, bytes: 0 }; 65];
    let mut zeros = 0;
    while zeros < 64 {
        let bytes = (64 - zeros as u8).div_ceil(8);
        sizes[zeros] = if bytes < 7 { Size { width: bytes, bytes } } else { Size { width: 7, bytes: 8 } };
        zeros += 1;
    }
    sizes
};

/// How many bytes a number of a stored width takes.
fn bytes(width: u8) -> usize {
    usize::from(width + width / 7)
}

/// Bytes of the count.
const COUNT: usize = 4;

/// The most that a check takes: step, shape, two numbers of eight bytes and a code.
const LONGEST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(receipt: &Receipt) -> Vec<u8> {
        let mut bytes = vec![7];
        append(receipt, &mut bytes);
        assert_eq!(bytes.remove(0), 7);
        bytes
    }

    /// Written by hand from the description at the top.
    #[test]
    fn is_what_the_description_says() {
        let mut receipt = Receipt::default();
        receipt.pass(Step::ALL[5], 1, -1);
        receipt.skip(Step::ALL[6]);
        receipt.checks.push(Check {
            step: Step::ALL[7],
            verdict: Verdict::Failed(ResponseCode::PARTIAL),
            seen: 200,
            limit: i64::MIN,
        });
        let expected = [
            &[3, 0, 0, 0][..],
            &[5, 1 << 2 | 1 << 5, 2, 1],
            &[6, 2],
            &[7, 1 | 2 << 2 | 7 << 5, 0x90, 0x01, 255, 255, 255, 255, 255, 255, 255, 255, b'1', b'0'],
        ];
        assert_eq!(stored(&receipt), expected.concat());
    }

    #[test]
    fn comes_back() {
        // The number of a step is one byte.
        assert!(Step::ALL.len() < 256);
        let mut receipt = Receipt::default();
        for step in Step::ALL {
            for verdict in
                [Verdict::Passed, Verdict::Failed(ResponseCode::APPROVED), Verdict::Skipped, Verdict::Noted]
            {
                for bits in 0..64 {
                    let value = 1i64.rotate_left(bits);
                    for seen in [value, value - i64::from(bits < 63), !value] {
                        let limit = if bits % 3 == 0 { 0 } else { seen / -2 };
                        receipt.checks.push(Check { step: *step, verdict, seen, limit });
                    }
                    assert_eq!(read(&stored(&receipt)), Some(receipt.clone()));
                    receipt.checks.truncate(3);
                }
            }
        }
    }

    #[test]
    fn what_is_cut_or_goes_on_is_no_receipt() {
        let mut receipt = Receipt::default();
        receipt.pass(Step::ALL[0], 5, 70_000);
        receipt.skip(Step::ALL[1]);
        let mut bytes = stored(&receipt);
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), None);
        }
        bytes.push(0);
        assert_eq!(read(&bytes), None);
        let no_such_step = [1, 0, 0, 0, 255, 0];
        assert_eq!(read(&no_such_step), None);
        let more_than_there_is_room_for = [255, 255, 255, 255, 0, 0];
        assert_eq!(read(&more_than_there_is_room_for), None);
    }
}
