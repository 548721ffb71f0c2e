//! Receipts at the end of a stored decision. They are two thirds of its numbers, most of them of one byte, so they are
//! written here and not by way of serde; the form is the same.

use crate::stored_form;
use auth::{Check, Receipt, Verdict};

/// Appends the postcard encoding of a receipt: how many checks, then step, verdict, value and limit of each.
pub(super) fn append(receipt: &Receipt, out: &mut Vec<u8>) {
    out.reserve(4 * receipt.checks.len() + LONGEST);
    varint(receipt.checks.len() as u64, out);
    for check in &receipt.checks {
        let Check { step, verdict, seen, limit } = *check;
        let verdict = match verdict {
            Verdict::Passed => 0,
            // One of a receipt at most.
            Verdict::Failed(_) => {
                stored_form::append(check, out);
                continue;
            }
            Verdict::Skipped => 2,
            Verdict::Noted => 3,
        };
        let (seen, limit) = (zigzag(seen), zigzag(limit));
        if seen | limit < 128 {
            out.extend_from_slice(&[step as u8, verdict, seen as u8, limit as u8]);
        } else {
            out.extend_from_slice(&[step as u8, verdict]);
            varint(seen, out);
            varint(limit, out);
        }
    }
}

/// A variable-length integer takes up to ten bytes.
const LONGEST: usize = 10;

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 128 {
        out.push(number as u8 | 128);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth::Step;
    use card::ResponseCode;

    #[test]
    fn is_what_postcard_writes() {
        let mut receipt = Receipt::default();
        // The number of a step is one byte.
        assert!(Step::ALL.len() < 128);
        for step in Step::ALL {
            for verdict in
                [Verdict::Passed, Verdict::Failed(ResponseCode::APPROVED), Verdict::Skipped, Verdict::Noted]
            {
                for value in [0, 1, -1, 63, -64, 64, -65, 1234, i64::MAX, i64::MIN] {
                    receipt.checks.push(Check { step: *step, verdict, seen: value, limit: value / -2 });
                    let mut bytes = vec![7];
                    append(&receipt, &mut bytes);
                    assert_eq!(bytes[1..], postcard::to_stdvec(&receipt).unwrap());
                }
                receipt.checks.truncate(130);
            }
        }
    }
}
