use std::fmt::Write as _;

/// Bytes in a row.
const WIDTH: usize = 16;

/// Rows of hidden bytes that are written out; there is nothing to see in more.
const HIDDEN_ROWS: usize = 4;

/// Bytes beside a text.
#[derive(Clone, Copy)]
pub(super) enum Bytes<'a> {
    Clear(&'a [u8]),
    /// So many stars.
    Hidden(usize),
}

/// The view as it grows.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) text: String,
}

impl Rows {
    /// Bytes in as many rows as they take, the text in the first.
    pub(super) fn put(&mut self, offset: usize, bytes: Bytes<'_>, depth: usize, text: &str) {
        let (length, most) = match bytes {
            Bytes::Clear(bytes) => (bytes.len(), usize::MAX),
            Bytes::Hidden(length) => (length, HIDDEN_ROWS),
        };
        self.row(offset, &bytes.row(0), depth, text);
        for index in 1..length.div_ceil(WIDTH).min(most) {
            self.row(offset + index * WIDTH, &bytes.row(index * WIDTH), 0, "");
        }
        let more = length.saturating_sub(most.saturating_mul(WIDTH));
        if more > 0 {
            self.row(offset + length - more, &format!("and {more} more"), 0, "");
        }
    }

    /// A text without bytes of its own.
    pub(super) fn tell(&mut self, offset: usize, depth: usize, text: &str) {
        self.row(offset, "", depth, text);
    }

    /// A text of which it is not known where its bytes are.
    pub(super) fn tell_without_place(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.text, "{:57}{:depth$}{text}", "", "", depth = 2 * depth);
    }

    fn row(&mut self, offset: usize, bytes: &str, depth: usize, text: &str) {
        let row = format!("{offset:5}  {bytes:<48}  {:depth$}{text}", "", depth = 2 * depth);
        let _ = writeln!(self.text, "{}", row.trim_end());
    }
}

impl Bytes<'_> {
    fn row(&self, from: usize) -> String {
        let pairs: Vec<String> = match self {
            Bytes::Clear(bytes) => {
                bytes.iter().skip(from).take(WIDTH).map(|byte| format!("{byte:02X}")).collect()
            }
            Bytes::Hidden(length) => {
                (0..length.saturating_sub(from).min(WIDTH)).map(|_| "**".to_owned()).collect()
            }
        };
        pairs.join(" ")
    }
}
