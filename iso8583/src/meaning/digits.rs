//! Decimal digits of fixed width, as text and packed. Nothing here accepts a sign or a blank.

/// A number of 1 to 18 digits.
pub(super) fn number(text: &str) -> Option<u64> {
    let plain = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Exactly `N` numbers of two digits each.
pub(super) fn pairs<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (found, rest) = text.as_bytes().as_chunks::<2>();
    let found: &[[u8; 2]; N] = found.try_into().ok()?;
    if !rest.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(found.map(|[tens, ones]| (tens - b'0') * 10 + (ones - b'0')))
}

/// Cuts a text into pieces of these widths, which must add up to its length.
pub(super) fn cut<const N: usize>(text: &str, widths: [usize; N]) -> Option<[&str; N]> {
    let mut rest = text;
    let mut pieces = [""; N];
    for (piece, width) in pieces.iter_mut().zip(widths) {
        (*piece, rest) = rest.split_at_checked(width)?;
    }
    rest.is_empty().then_some(pieces)
}

/// Exactly `N` packed bytes of two digits each.
pub(super) fn packed_pairs<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let bytes: [u8; N] = bytes.try_into().ok()?;
    let is_packed = |byte: &u8| byte >> 4 <= 9 && byte & 0x0F <= 9;
    bytes.iter().all(is_packed).then(|| bytes.map(|byte| (byte >> 4) * 10 + (byte & 0x0F)))
}

/// A packed number of exactly `N` bytes.
pub(super) fn packed_number<const N: usize>(bytes: &[u8]) -> Option<u64> {
    const { assert!(N <= 9) };
    let pairs = packed_pairs::<N>(bytes)?;
    Some(pairs.into_iter().fold(0, |number, pair| number * 100 + u64::from(pair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(number(text), expect, "{text}");
        check("000000001250", Some(1250));
        check("999999999999999999", Some(999_999_999_999_999_999));
        for bad in ["", "+1", " 1", "1.0", "1234567890123456789", "١"] {
            check(bad, None);
        }
        assert_eq!(pairs("1123"), Some([11, 23]));
        assert_eq!(pairs::<2>("112"), None);
        assert_eq!(pairs::<2>("112300"), None);
        assert_eq!(pairs::<1>("é"), None);
        assert_eq!(pairs::<1>("1A"), None);
    }

    #[test]
    fn pieces() {
        assert_eq!(cut("0200000123", [4, 6]), Some(["0200", "000123"]));
        assert_eq!(cut("020000012", [4, 6]), None);
        assert_eq!(cut("02000001234", [4, 6]), None);
        assert_eq!(cut("aéb", [2, 2]), None);
    }

    #[test]
    fn packed() {
        assert_eq!(packed_pairs(&[0x26, 0x11]), Some([26, 11]));
        assert_eq!(packed_pairs::<2>(&[0x26]), None);
        assert_eq!(packed_pairs::<1>(&[0x2A]), None);
        assert_eq!(packed_number::<6>(&[0, 0, 0, 0, 0x12, 0x50]), Some(1250));
        assert_eq!(packed_number::<2>(&[0x08, 0x40]), Some(840));
    }
}
