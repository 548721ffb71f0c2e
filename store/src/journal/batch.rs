use std::fmt;

/// Records on their way into one stream, in order: a buffer that grows to its working size once
/// and is then used again and again.
///
/// Encoding, which is also that of a frame's payload: each record is its length in bytes (`u32`,
/// little endian) followed by its bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
    count: u32,
}

impl Batch {
    /// Most bytes that a journal accepts in one batch, length prefixes included.
    pub const MAX_BYTES: usize = 64 << 20;

    /// An empty batch; allocates nothing yet.
    #[must_use]
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds one record.
    pub fn push(&mut self, record: &[u8]) {
        self.push_with(|out| out.extend_from_slice(record));
    }

    /// Adds one record, written by `encode` behind what `out` holds already; it may only append.
    ///
    /// # Panics
    /// When `encode` has shortened `out`, or the record exceeds 4 GiB: both are our own mistake.
    pub fn push_with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; PREFIX_BYTES]);
        let body = self.bytes.len();
        encode(&mut self.bytes);
        let length = self.bytes.len().checked_sub(body).expect("a record encoder only appends");
        let length = u32::try_from(length).expect("a record is smaller than 4 GiB");
        self.bytes[start..body].copy_from_slice(&length.to_le_bytes());
        self.count += 1;
    }

    /// Empties the batch and keeps its buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// Number of records.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Size in bytes, length prefixes included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The records, in order.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records { rest: &self.bytes, count: self.count }
    }

    /// The encoded records.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Records of one batch, in order.
#[derive(Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
    count: u32,
}

impl<'a> Records<'a> {
    /// The records of a payload, if it consists of `count` records and nothing else.
    pub(super) fn of_payload(payload: &'a [u8], count: u32) -> Option<Records<'a>> {
        let mut rest = payload;
        for _ in 0..count {
            split_record(&mut rest)?;
        }
        rest.is_empty().then_some(Records { rest: payload, count })
    }

    /// The same of a payload that was checked before.
    pub(super) fn of_checked(payload: &'a [u8], count: u32) -> Records<'a> {
        Records { rest: payload, count }
    }

    /// Without the first `count` of them.
    pub(super) fn behind(mut self, count: u32) -> Records<'a> {
        for _ in 0..count {
            self.next();
        }
        self
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let record = split_record(&mut self.rest)?;
        self.count -= 1;
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count as usize, Some(self.count as usize))
    }
}

impl ExactSizeIterator for Records<'_> {}

/// Shows sizes only: records hold card numbers.
impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({} records, {} bytes)", self.count, self.rest.len())
    }
}

/// Takes one record off the front of encoded records. `None` at the end, and when what is left is
/// not a whole record; the two differ in whether `rest` is empty.
pub(crate) fn split_record<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<PREFIX_BYTES>()?;
    let (record, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = tail;
    Some(record)
}

const PREFIX_BYTES: usize = 4;

/// Shows sizes only: records hold card numbers.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} records, {} bytes)", self.count, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in() {
        let mut batch = Batch::new();
        for record in [&b"one"[..], b"", b"three"] {
            batch.push(record);
        }
        assert_eq!(batch.records().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert_eq!((batch.count(), batch.size()), (3, 20));
        batch.clear();
        assert!(batch.is_empty());
        assert_eq!(batch.records().count(), 0);
    }

    #[test]
    fn a_record_cut_short_is_not_split_off() {
        let mut batch = Batch::new();
        batch.push(b"whole");
        for length in 1..batch.size() {
            let mut rest = &batch.as_bytes()[..length];
            assert_eq!(split_record(&mut rest), None);
            assert_eq!(rest.len(), length);
        }
    }

    #[test]
    fn debug_shows_no_record() {
        let mut batch = Batch::new();
        batch.push(b"4000000000000002");
        assert_eq!(format!("{batch:?}"), "Batch(1 records, 20 bytes)");
    }
}
