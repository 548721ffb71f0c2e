//! The transaction store behind a journal whose first segments are gone, and what is asked of it.

use crate::Site;
use crate::journal::transaction;
use auth::{Input, Recall, Record, StoredTransaction, Ticket, Transaction};
use card::Time;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Batch, Committer, DataKeys, FileJournal, Replay, Sequence, Start, Stream, Until};
use switch::directory::Directory;
use switch::followers::Followers;
use switch::inbox::{Inbox, Message};
use switch::metrics::Metrics;
use switch::projection::{self, Projection};
use switch::recalls::{Question, RecallPort};
use switch::settings::Settings;
use switch::shards::Shards;
use switch::{clock, config, recovery};
use transaction_store::{Filter, Progress, Reader};

const DAY: Duration = Duration::from_hours(24);

/// A stream that has recorded nothing for long.
const IDLE: Stream = Stream(3);

const BUSY: Stream = Stream(0);

/// A journal, and who writes to it.
struct Writer {
    settings: Settings,
    keys: DataKeys,
    replay: Replay,
    committer: Committer,
    next: [u64; 4],
}

impl Writer {
    /// Opens the journal of a site where these records of each stream were written before.
    fn open(site: &Site, next: [u64; 4]) -> Writer {
        let settings = config::load(&site.config).unwrap();
        let keys = recovery::data_keys(&settings).unwrap();
        let folder = recovery::journal_folder(&settings);
        // So small that a few records fill a segment.
        let sizes = store::Settings { segment_bytes: 8192 };
        let oldest = if folder.exists() { store::oldest_segment(&folder).unwrap() } else { None };
        let start = Start { segment: oldest.unwrap_or(1), positions: next.map(Sequence).to_vec() };
        let (journal, replay) =
            FileJournal::open_from(&folder, &keys, sizes, start, &mut |_, _, _| Ok(())).unwrap();
        let committer = Committer::start(Box::new(journal), 4, 64, Arc::new(|_, _| ()), |_| ()).unwrap();
        Writer { settings, keys, replay, committer, next }
    }

    /// Appends decisions of this moment, a batch for each, and waits until they are durable.
    fn append(&mut self, stream: Stream, count: u64, time: Time) {
        let next = &mut self.next[usize::from(stream.0)];
        for _ in 0..count {
            let mut batch = Batch::new();
            let number = 64 * (*next + 1) + u64::from(stream.0);
            batch.push_with(|out| store::encode_record(&declined(number, time), out));
            let handle = self.committer.handle();
            handle.submit(stream, Sequence(*next), batch).unwrap();
            *next += 1;
            wait_until("it is durable", || handle.durable().position(stream).0 == *next);
        }
    }

    /// Takes all segments but the newest two away. Gives where each stream stands.
    fn retire(self) -> [u64; 4] {
        let folder = recovery::journal_folder(&self.settings);
        self.committer.shutdown().unwrap();
        let segments = store::segments(&folder).unwrap();
        assert!(segments.len() > 2, "{segments:?}");
        for number in &segments[..segments.len() - 2] {
            fs::remove_file(store::segment_file(&folder, *number)).unwrap();
        }
        self.next
    }

    fn project(&self, metrics: &Arc<Metrics>) -> Projection {
        let durable = Arc::clone(self.committer.handle().durable());
        let followers = Followers::default();
        Projection::start(
            &self.settings,
            self.keys.clone(),
            &self.replay,
            durable,
            &followers,
            Arc::clone(metrics),
        )
        .unwrap()
    }

    /// Asks the store for the transactions of our terminal, as a shard does.
    fn recall(&self, projection: &Projection) -> Option<Vec<StoredTransaction>> {
        let inbox = Arc::new(Inbox::default());
        let shards = Arc::new(Shards::new(vec![Arc::clone(&inbox)], Arc::new(Directory::new(1))));
        let port =
            RecallPort::start(&self.settings, self.keys.clone(), &self.replay, shards, projection.nudge());
        let Transaction { link, terminal, stan, .. } = transaction(1, clock::now());
        let recall = Recall { link, terminal, stan };
        let after = Sequence(self.next[0]);
        port.unwrap().ask(Question { shard: 0, ticket: Ticket(0), recall, after }).unwrap();
        let mut answer = None;
        wait_until("the question is answered", || {
            answer = inbox.pop();
            answer.is_some()
        });
        match answer {
            Some(Message::Input(Input::Recalled { found, .. }, _)) => found,
            _ => panic!("the answer is none"),
        }
    }

    fn stored(&self) -> usize {
        match Reader::open(&self.settings.transactions.file) {
            Ok(Some(reader)) => reader.search(&Filter::default()).unwrap().len(),
            _ => 0,
        }
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(15), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn declined(number: u64, time: Time) -> Record {
    Record::Decided(Box::new(transaction(number, time)))
}

/// A site whose journal begins this long ago, in a segment that is not its first.
fn begun(ago: Duration) -> (Site, [u64; 4]) {
    let site = Site::new(1);
    let mut writer = Writer::open(&site, [0; 4]);
    writer.append(IDLE, 2, clock::now().minus(ago));
    writer.append(BUSY, 60, clock::now().minus(ago));
    let next = writer.retire();
    (site, next)
}

#[test]
fn what_is_recalled_of_a_rebuilt_store_depends_on_how_far_it_goes_back() {
    // The idle stream's records are in no segment that is left, which holds no recall up.
    for (ago, goes_far_enough) in [(12 * DAY, true), (9 * DAY, false)] {
        let (site, next) = begun(ago);
        let mut writer = Writer::open(&site, next);
        writer.append(BUSY, 1, clock::now());
        let projection = writer.project(&Arc::default());
        let found = writer.recall(&projection);
        assert_eq!(found.is_some(), goes_far_enough, "{ago:?}");
        assert!(found.is_none_or(|found| found.len() == writer.stored() && found.len() < 61));
        projection.stop();
        let reader = Reader::open(&writer.settings.transactions.file).unwrap().unwrap();
        assert_eq!(reader.progress().next, [(0, 61), (3, 2)].into(), "where the idle stream stands is known");
    }
}

#[test]
fn a_rebuilt_store_goes_on_where_it_stands_when_an_idle_stream_wakes() {
    let (site, next) = begun(12 * DAY);
    let settings = config::load(&site.config).unwrap();
    let keys = recovery::data_keys(&settings).unwrap();
    let catch_up = |expected| {
        let mut store = projection::open_store(&settings, &keys).unwrap();
        let until = Until::WholeFrames;
        let mut reader = projection::open_reader(&settings, &keys, &mut store, until).unwrap();
        assert_eq!(projection::project_batch(&mut reader, &mut store).unwrap(), expected);
        store.progress()
    };
    let rebuilt = {
        let mut store = projection::open_store(&settings, &keys).unwrap();
        let mut reader = projection::open_reader(&settings, &keys, &mut store, Until::WholeFrames).unwrap();
        while projection::project_batch(&mut reader, &mut store).unwrap() > 0 {}
        store.progress()
    };
    assert_eq!(rebuilt.next, [(0, 60)].into());
    assert!(!rebuilt.covers(Progress::ALWAYS));
    let mut writer = Writer::open(&site, next);
    writer.append(IDLE, 1, clock::now());
    // As `serve` does, which knows what is durable.
    let projection = writer.project(&Arc::default());
    wait_until("it goes on", || {
        let reader = Reader::open(&settings.transactions.file).unwrap().unwrap();
        reader.progress().next.get(&3) == Some(&3)
    });
    projection.stop();
    writer.append(IDLE, 1, clock::now());
    assert_eq!(catch_up(1).next, [(0, 60), (3, 4)].into());
}

#[test]
fn a_store_of_a_whole_journal_covers_everything() {
    let site = Site::new(1);
    let mut writer = Writer::open(&site, [0; 4]);
    let projection = writer.project(&Arc::default());
    assert_eq!(writer.recall(&projection), Some(Vec::new()), "nothing was ever decided");
    writer.append(BUSY, 1, clock::now());
    assert_eq!(writer.recall(&projection).map(|found| found.len()), Some(1));
    projection.stop();
}

#[test]
fn a_new_data_key_reaches_the_store() {
    let site = Site::new(1);
    let mut writer = Writer::open(&site, [0; 4]);
    let projection = writer.project(&Arc::default());
    writer.append(BUSY, 1, clock::now());
    // As `turnout key rotate-data` does, beside us.
    let before = writer.keys.seal_pan(&transaction(1, clock::now()).pan);
    recovery::data_keys(&writer.settings).unwrap().rotate().unwrap();
    // The journal takes it up with its next segment.
    writer.append(BUSY, 60, clock::now());
    assert_eq!(writer.keys.current_version(), 2);
    wait_until("everything is stored", || writer.stored() == 61);
    writer.append(BUSY, 1, clock::now());
    wait_until("one more is stored", || writer.stored() == 62);
    projection.stop();
    let content = files(&writer.settings.transactions.file);
    let has = |bytes: &[u8]| content.windows(bytes.len()).any(|window| window == bytes);
    assert!(has(before.as_bytes()), "what was stored before");
    assert!(has(writer.keys.seal_pan(&transaction(1, clock::now()).pan).as_bytes()), "what was stored since");
}

/// The bytes of a file of SQLite and of its log.
fn files(file: &std::path::Path) -> Vec<u8> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    [file.to_owned(), PathBuf::from(log)].iter().flat_map(|file| fs::read(file).unwrap_or_default()).collect()
}

#[test]
fn an_archive_that_fails_does_not_keep_the_store_from_following() {
    let site = Site::new(1);
    let mut writer = Writer::open(&site, [0; 4]);
    // Its folder cannot be made.
    fs::write(&writer.settings.transactions.archive_folder, "no folder").unwrap();
    for days in [3, 2] {
        writer.append(BUSY, 1, clock::now().minus(days * DAY));
    }
    let metrics = Arc::new(Metrics::new());
    let projection = writer.project(&metrics);
    wait_until("archiving fails", || metrics.render().contains("turnout_archive_failed_total 1"));
    writer.append(BUSY, 1, clock::now());
    wait_until("what came since is stored", || writer.stored() == 3);
    projection.stop();
}
