//! Transactions that have left a shard's memory, asked of the transaction store.
//!
//! One thread answers all shards. What a shard has let go was decided hundreds of thousands of transactions ago, but the store may be
//! behind all the same: a question waits until the store has everything that the shard had recorded when it asked.

use crate::clock;
use crate::projection::Nudge;
use crate::settings::Settings;
use crate::shards::Shards;
use auth::limits::{RECALL_DEADLINE, RECALLS, TRANSACTION_REACH};
use auth::{Input, Recall, StoredTransaction, Ticket};
use crossbeam::channel::{Receiver, Sender, bounded};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use store::{DataKeys, Replay, Sequence, Stream};
use transaction_store::{Reader, Resting, TransactionStoreError};

/// How long to wait for the store to come on before looking again.
const PAUSE: Duration = Duration::from_millis(5);

/// A question of a shard.
#[derive(Debug)]
pub struct Question {
    /// The shard.
    pub shard: u16,
    /// Who waits in it.
    pub ticket: Ticket,
    /// What to look for.
    pub recall: Recall,
    /// What it had recorded by then.
    pub after: Sequence,
}

/// Where shards ask. The thread ends when all of these are gone.
#[derive(Clone)]
pub struct RecallPort(Sender<(Instant, Question)>);

impl RecallPort {
    /// Starts the thread. `replay` says how far each stream is: the shards were others before, most likely.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        settings: &Settings,
        keys: DataKeys,
        replay: &Replay,
        shards: Arc<Shards>,
        nudge: Nudge,
    ) -> io::Result<RecallPort> {
        let (asked, questions) = bounded(RECALLS);
        let streams = (0..=crate::recovery::PROVISIONING.0).map(Stream);
        let needed =
            streams.map(|stream| (stream.0, replay.position(stream).0)).filter(|(_, next)| *next > 0);
        let worker = Worker {
            file: settings.transactions.file.clone(),
            keys,
            needed: needed.collect(),
            shards,
            nudge,
        };
        thread::Builder::new().name("recall".into()).spawn(move || worker.run(&questions))?;
        Ok(RecallPort(asked))
    }

    /// Asks; the answer comes as an [`Input::Recalled`]. Never waits, and gives the question back when too many
    /// wait already.
    ///
    /// # Errors
    /// The question, to be answered with nothing.
    pub fn ask(&self, question: Question) -> Result<(), Question> {
        self.0.try_send((Instant::now(), question)).map_err(|refused| refused.into_inner().1)
    }
}

struct Worker {
    file: PathBuf,
    keys: DataKeys,
    /// How far each stream was at the start: any of it may be asked for by any shard.
    needed: Vec<(u16, u64)>,
    shards: Arc<Shards>,
    nudge: Nudge,
}

impl Worker {
    fn run(&self, questions: &Receiver<(Instant, Question)>) {
        let mut resting = None;
        while let Ok((asked, question)) = questions.recv() {
            let found = self.find(asked, &question, &mut resting).unwrap_or_else(|error| {
                tracing::warn!(%error, "a transaction could not be recalled; whoever asked is answered 96");
                None
            });
            let Question { shard, ticket, .. } = question;
            let answer = Input::Recalled { ticket, found };
            if self.shards.submit_to(usize::from(shard), answer).is_err() {
                // The shard answers 96 at its deadline.
                tracing::error!(shard, "a shard's inbox has no room for what it asked for");
            }
        }
    }

    /// `None` when the store does not come so far in time, or does not go back as far as a repeat may.
    fn find(
        &self,
        asked: Instant,
        question: &Question,
        resting: &mut Option<Resting>,
    ) -> Result<Option<Vec<StoredTransaction>>, TransactionStoreError> {
        while asked.elapsed() < RECALL_DEADLINE {
            let reader = match resting.take() {
                Some(resting) => Some(resting.look()?),
                // It is just being made, or will be made anew.
                None => match Reader::open(&self.file) {
                    Err(TransactionStoreError::OtherSchema(_)) => None,
                    opened => opened?,
                },
            };
            if let Some(reader) = reader
                && self.has_everything(&reader, question)
            {
                // What is not in a store that begins later may have been decided all the same.
                let covers = reader.progress().covers(clock::now().minus(TRANSACTION_REACH));
                let found = covers.then(|| reader.recall(&question.recall, &self.keys)).transpose()?;
                if found.is_none() {
                    tracing::warn!(
                        "the transaction store does not go back far enough to recall a transaction; answered 96"
                    );
                }
                *resting = Some(reader.rest()?);
                return Ok(found);
            }
            // The next look opens the file: should it be another one by now, this one would never come on.
            self.nudge.nudge();
            thread::sleep(PAUSE);
        }
        tracing::warn!("the transaction store is too far behind to recall a transaction; answered 96");
        Ok(None)
    }

    fn has_everything(&self, reader: &Reader, question: &Question) -> bool {
        let next = &reader.progress().next;
        let is_at = |stream: u16, needed: u64| next.get(&stream).copied().unwrap_or(0) >= needed;
        // A store that has just been made may be of nothing yet.
        reader.progress().covers_since.is_some()
            && is_at(question.shard, question.after.0)
            && self.needed.iter().all(|(stream, needed)| is_at(*stream, *needed))
    }
}
