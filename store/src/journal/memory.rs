use super::{
    AppendError, Batch, BatchVisitor, Journal, JournalError, Positions, Rejected, Sequence, Stream, Visitor,
};

/// A journal that forgets everything with the process: for tests of those who write to one.
#[derive(Default)]
pub struct MemoryJournal {
    appended: Vec<(Stream, Sequence, Batch)>,
    synced: usize,
    positions: Positions,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> MemoryJournal {
        MemoryJournal::default()
    }

    /// What is left when the process ends: all before the last sync.
    #[must_use]
    pub fn crash(mut self) -> MemoryJournal {
        self.appended.truncate(self.synced);
        self.positions = Positions::default();
        for (stream, first, batch) in &self.appended {
            let advanced = self.positions.advance(*stream, *first, batch.count());
            advanced.expect("these batches were appended in this order");
        }
        self
    }

    /// Visits every record that a crash would have left, which are those before the last sync.
    ///
    /// # Errors
    /// The first that the visitor gives.
    pub fn replay(&self, visitor: &mut Visitor<'_>) -> Result<(), Rejected> {
        for (stream, first, batch) in &self.appended[..self.synced] {
            for (record, index) in batch.records().zip(0..) {
                visitor(*stream, first.after(index), record)?;
            }
        }
        Ok(())
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, stream: Stream, expected: Sequence, batch: &Batch) -> Result<(), AppendError> {
        if batch.size() > Batch::MAX_BYTES {
            return Err(AppendError::TooLarge(batch.size()));
        }
        self.positions.advance(stream, expected, batch.count())?;
        if batch.is_empty() {
            return Ok(());
        }
        self.appended.push((stream, expected, batch.clone()));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        self.synced = self.appended.len();
        Ok(())
    }

    fn position(&self, stream: Stream) -> Sequence {
        self.positions.next(stream)
    }

    fn read(
        &self,
        stream: Stream,
        from: Sequence,
        visitor: &mut BatchVisitor<'_>,
    ) -> Result<(), JournalError> {
        for (_, first, batch) in self.appended[..self.synced].iter().filter(|(of, ..)| *of == stream) {
            let known = from.0.saturating_sub(first.0).min(u64::from(batch.count())) as u32;
            if known == batch.count() {
                continue;
            }
            if visitor(first.after(known), batch.records().behind(known)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn segment(&self) -> u64 {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_synced_records_are_replayed() {
        let mut journal = MemoryJournal::new();
        let mut batch = Batch::new();
        batch.push(b"a");
        batch.push(b"b");
        journal.append(Stream(3), Sequence(0), &batch).unwrap();
        journal.sync().unwrap();
        journal.append(Stream(3), Sequence(2), &batch).unwrap();
        assert!(matches!(
            journal.append(Stream(3), Sequence(2), &batch),
            Err(AppendError::Sequence { next: Sequence(4), .. })
        ));
        let mut seen = Vec::new();
        let visited = journal.replay(&mut |stream, sequence, record| {
            seen.push((stream, sequence, record.to_vec()));
            Ok(())
        });
        assert_eq!(visited, Ok(()));
        assert_eq!(seen, [(Stream(3), Sequence(0), b"a".to_vec()), (Stream(3), Sequence(1), b"b".to_vec())]);
    }
}
