//! Room of records that have been carried out, for those that come. A decision takes two pieces of memory, the
//! transaction and the lines of its receipt; whoever carries it out gives both back, and no step asks for memory.

use crate::receipt::Receipt;
use crate::record::{Record, Transaction};
use crate::velocity::Counting;

/// Most that is kept of each: more are never under way between a step and what follows from it.
const SPARE: usize = 64;

/// Room to write the next records into.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    #[expect(clippy::vec_box, reason = "records hold boxes, and those are what is used again")]
    transactions: Vec<Box<Transaction>>,
    receipts: Vec<Receipt>,
    counting: Counting,
}

impl Spare {
    /// An empty receipt.
    pub(crate) fn receipt(&mut self) -> Receipt {
        self.receipts.pop().unwrap_or_default()
    }

    /// An empty list of counters. There is one, since one decision is made at a time.
    pub(crate) fn counting(&mut self) -> Counting {
        std::mem::take(&mut self.counting)
    }

    /// Takes it back.
    pub(crate) fn keep_counting(&mut self, mut counting: Counting) {
        counting.clear();
        // A decision that has counted nothing gives back a list that has no room.
        if counting.capacity() > self.counting.capacity() {
            self.counting = counting;
        }
    }

    /// The decision as a record.
    pub(crate) fn decided(&mut self, transaction: Transaction) -> Record {
        let Some(mut room) = self.transactions.pop() else { return Record::Decided(Box::new(transaction)) };
        *room = transaction;
        Record::Decided(room)
    }

    /// Takes the room of a record back.
    pub(crate) fn keep(&mut self, record: Record) {
        let Record::Decided(mut transaction) = record else { return };
        let mut receipt = std::mem::take(&mut transaction.receipt);
        receipt.checks.clear();
        if self.receipts.len() < SPARE {
            self.receipts.push(receipt);
        }
        if self.transactions.len() < SPARE {
            self.transactions.push(transaction);
        }
    }
}
