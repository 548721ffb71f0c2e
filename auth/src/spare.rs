//! Room of records that have been carried out, for those that come. A decision takes two pieces of memory, the
//! transaction and the lines of its receipt; whoever carries it out gives both back, and no step asks for memory.

use crate::receipt::Receipt;
use crate::record::{Record, Transaction};

/// Most that is kept of each: more are never under way between a step and what follows from it.
const SPARE: usize = 64;

/// Room to write the next records into.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    #[expect(clippy::vec_box, reason = "records hold boxes, and those are what is used again")]
    transactions: Vec<Box<Transaction>>,
    receipts: Vec<Receipt>,
}

impl Spare {
    /// An empty receipt.
    pub(crate) fn receipt(&mut self) -> Receipt {
        self.receipts.pop().unwrap_or_default()
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
