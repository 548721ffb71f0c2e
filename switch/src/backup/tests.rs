//! Backups made by hand, so that each record is where a test wants it.

use super::*;
use crate::command::init;
use crate::settings::{Settings, TransactionSettings};
use crate::{config, recovery};
use auth::{AccountId, AccountRemoved, Record};
use card::{Time, UtcOffset};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use store::{Batch, FileJournal, Journal, Retire, Sequence, SnapshotInfo, SnapshotWriter, Start, Stream};
use tempfile::TempDir;
use transaction_store::{Reader, TransactionStore};

/// A frame: the stream, and the time of each of its records.
type Frame = (u16, &'static [i64]);

/// What is known from the segments that are gone: where the snapshot begins to read, and its positions.
type Known = (u64, &'static [u64]);

struct Made {
    folder: TempDir,
    backup: PathBuf,
    master: MasterKey,
    start: Start,
}

/// The least there is, since every segment is filled with zeros first.
const SMALL: store::Settings = store::Settings { segment_bytes: 0 };

impl Made {
    /// A backup of a journal with these frames in its segments. With a snapshot, the segments before it are gone.
    fn of(segments: &[&[Frame]], snapshot: Option<Known>) -> Made {
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup");
        private(&backup);
        let master = MasterKey::generate().unwrap();
        let keys = DataKeys::create(&backup.join(DataKeys::FILE_NAME), &master).unwrap();
        let journal = write_journal(folder.path(), segments, &keys);
        let first = snapshot.map_or(1, |(segment, _)| segment);
        store::copy_segments(&journal, &backup.join(JOURNAL), first, &mut |_| {}).unwrap();
        let mut start = Start::default();
        if let Some((segment, positions)) = snapshot {
            let info = SnapshotInfo { number: 1, shards: 2, segment, positions: positions.to_vec() };
            start = Start { segment, positions: info.positions() };
            SnapshotWriter::create(&backup.join(SNAPSHOTS), &keys, &info).unwrap().finish().unwrap();
        }
        let mut manifest = Manifest::new(Time::from_unix_ms(0), Time::from_unix_ms(0), first);
        for name in [JOURNAL, SNAPSHOTS] {
            let mut names = names(&backup.join(name));
            names.sort();
            manifest
                .files
                .extend(names.iter().map(|file| BackupFile::of(&backup, &format!("{name}/{file}")).unwrap()));
        }
        manifest.files.push(BackupFile::of(&backup, DataKeys::FILE_NAME).unwrap());
        manifest.write(&backup).unwrap();
        Made { folder, backup, master, start }
    }

    fn restore(&self, to: &Path, until: Until) -> Result<Restored, BackupError> {
        restore(&self.backup, to, until, &self.master, &mut |_| {})
    }

    /// The records that are there after a restore and not in the snapshot.
    #[track_caller]
    fn check(&self, until: Until, expect: &[(u16, u64)]) {
        let to = tempfile::tempdir_in(self.folder.path()).unwrap();
        let restored = self.restore(to.path(), until).unwrap();
        let keys = data_keys(to.path(), &self.master).unwrap();
        let mut found = Vec::new();
        let opened = FileJournal::open_from(
            &to.path().join(JOURNAL),
            &keys,
            SMALL,
            self.start.clone(),
            &mut |stream, sequence, _| {
                found.push((stream.0, sequence.0));
                Ok(())
            },
        );
        assert!(opened.is_ok(), "what was restored can be gone on with");
        assert_eq!(found, expect);
        assert_eq!(restored.records, expect.len() as u64);
    }

    #[track_caller]
    fn check_refused(&self, until: Until, expect: &str) {
        let to = self.folder.path().join("refused");
        let refused = self.restore(&to, until).unwrap_err().to_string();
        assert!(refused.contains(expect), "{refused}");
        assert!(!to.exists());
    }
}

/// A journal whose segments end where they are told to.
fn write_journal(folder: &Path, segments: &[&[Frame]], keys: &DataKeys) -> PathBuf {
    let mut journal = folder.join("journal-0");
    for (number, frames) in segments.iter().enumerate() {
        let (mut writer, _) = FileJournal::open(&journal, keys, SMALL, &mut |_, _, _| Ok(())).unwrap();
        for (stream, times) in *frames {
            let mut batch = Batch::new();
            for time in *times {
                let (account, time) = (AccountId::new("1").unwrap(), Time::from_unix_ms(*time));
                let record = Record::AccountRemoved(AccountRemoved { account, time });
                batch.push_with(|out| store::encode_record(&record, out));
            }
            let position = writer.position(Stream(*stream));
            writer.append(Stream(*stream), position, &batch).unwrap();
        }
        writer.sync().unwrap();
        drop(writer);
        // A copy has no room behind its last frame, so what comes next goes into the next segment.
        let next = folder.join(format!("journal-{}", number + 1));
        store::copy_segments(&journal, &next, 1, &mut |_| {}).unwrap();
        journal = next;
    }
    journal
}

/// The configuration that `init` makes.
fn site(folder: &Path) -> Settings {
    let options = init::InitOptions { cards: 1, ports: init::Ports::EPHEMERAL };
    config::load(&init::create(folder, &options).unwrap().config).unwrap()
}

/// Gives a data folder its journal, and says where that is.
fn fill(settings: &Settings, segments: &[&[Frame]]) -> PathBuf {
    let keys = recovery::data_keys(settings).unwrap();
    let elsewhere = tempfile::tempdir_in(&settings.data_folder).unwrap();
    let journal = recovery::journal_folder(settings);
    fs::rename(write_journal(elsewhere.path(), segments, &keys), &journal).unwrap();
    journal
}

fn take_snapshot(settings: &Settings, number: u64, (segment, positions): Known) {
    let keys = recovery::data_keys(settings).unwrap();
    let info = SnapshotInfo { number, shards: 1, segment, positions: positions.to_vec() };
    let writer = SnapshotWriter::create(&settings.data_folder.join(SNAPSHOTS), &keys, &info);
    writer.unwrap().finish().unwrap();
}

fn private(folder: &Path) {
    manifest::private_folder(folder).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn until_time(unix_ms: i64) -> Until {
    Until::Time(Time::from_unix_ms(unix_ms))
}

fn until_record(stream: u16, record: u64) -> Until {
    Until::Record(Stream(stream), Sequence(record))
}

#[test]
fn the_whole_journal_goes_back_to_any_point() {
    let made = Made::of(&[&[(0, &[10]), (1, &[20])], &[(0, &[30]), (1, &[40])]], None);
    made.check(Until::End, &[(0, 0), (1, 0), (0, 1), (1, 1)]);
    made.check(until_time(20), &[(0, 0), (1, 0)]);
    made.check(until_time(35), &[(0, 0), (1, 0), (0, 1)]);
    made.check(until_time(99), &[(0, 0), (1, 0), (0, 1), (1, 1)]);
    made.check_refused(until_time(9), "begins at 1970-01-01T00:00:00.010Z");
    made.check(until_record(0, 0), &[]);
    made.check(until_record(0, 1), &[(0, 0), (1, 0)]);
    made.check(until_record(1, 1), &[(0, 0), (1, 0), (0, 1)]);
    made.check(until_record(0, 2), &[(0, 0), (1, 0), (0, 1), (1, 1)]);
    made.check_refused(until_record(0, 3), "stream 0 has 2 records");
    made.check_refused(until_record(7, 1), "stream 7 has 0 records");
}

/// The snapshot knows three records of stream 0 and one of stream 1, of which the journal still has two: the last of
/// them at 50. A point before that would leave a hole behind what the snapshot knows.
#[test]
fn behind_a_snapshot_only_what_it_does_not_know_is_cut_off() {
    let gone: &[Frame] = &[(0, &[10]), (1, &[20])];
    let across: &[Frame] = &[(0, &[30]), (1, &[40]), (0, &[50]), (1, &[60])];
    let made = Made::of(&[gone, across, &[(0, &[70]), (1, &[80])]], Some((2, &[3, 1])));
    made.check(Until::End, &[(1, 1), (1, 2), (0, 3), (1, 3)]);

    made.check_refused(until_record(0, 0), "is --until-sequence 0:3:");
    made.check_refused(until_record(0, 2), "is --until-sequence 0:3:");
    made.check(until_record(0, 3), &[(1, 1), (1, 2)]);
    // Of its own stream the snapshot knows less, and of the other one more.
    made.check_refused(until_record(1, 0), "is --until-sequence 1:2:");
    made.check_refused(until_record(1, 1), "is --until-sequence 1:2:");
    made.check(until_record(1, 2), &[(1, 1)]);
    made.check_refused(until_record(1, 5), "stream 1 has 4 records");

    for moment in [5, 29, 30, 45, 49] {
        made.check_refused(until_time(moment), "is --until 1970-01-01T00:00:00.050Z:");
    }
    made.check(until_time(50), &[(1, 1)]);
    made.check(until_time(75), &[(1, 1), (1, 2), (0, 3)]);
}

#[test]
fn a_frame_that_a_snapshot_knows_in_part_is_not_cut_off() {
    let made = Made::of(&[&[(0, &[10])], &[(0, &[20, 30]), (0, &[40])]], Some((2, &[2])));
    made.check(Until::End, &[(0, 2), (0, 3)]);
    made.check_refused(until_record(0, 2), "is --until-sequence 0:3:");
    made.check(until_record(0, 3), &[(0, 2)]);
    made.check_refused(until_time(25), "is --until 1970-01-01T00:00:00.030Z:");
    made.check(until_time(30), &[(0, 2)]);
}

/// When what it knows was, the snapshot does not say, so a moment before everything else is refused.
#[test]
fn a_moment_before_the_journal_may_be_before_the_snapshot() {
    let gone: &[Frame] = &[(0, &[10]), (1, &[20])];
    let made = Made::of(&[gone, &[(0, &[30]), (1, &[40])]], Some((2, &[1, 1])));
    made.check_refused(until_time(25), "is --until 1970-01-01T00:00:00.030Z:");
    made.check(until_time(30), &[(0, 1)]);
    made.check(until_record(0, 1), &[]);
    made.check_refused(until_record(1, 0), "is --until-sequence 1:1:");
}

/// What goes wrong behind the first copied file: `file` of the backup is cut short by then.
#[test]
fn a_restore_that_fails_leaves_nothing() {
    let made = Made::of(&[&[(0, &[10])], &[(0, &[20])]], None);
    let segment = store::segment_file(&made.backup.join(JOURNAL), 2);
    let whole = fs::read(&segment).unwrap();
    let check = |to: &Path, before: &[&str]| {
        let mut copied = 0;
        let failed = restore(&made.backup, to, Until::End, &made.master, &mut |_| {
            copied += 1;
            // Three files were read, and then the first is copied.
            if copied == 4 {
                fs::write(&segment, &whole[..100]).unwrap();
            }
        });
        assert!(copied >= 4, "something had been copied");
        assert!(failed.unwrap_err().is_damage());
        assert_eq!(names(to), before);
        fs::write(&segment, &whole).unwrap();
    };
    let to = made.folder.path().join("new");
    check(&to, &[]);
    assert!(!to.exists());
    private(&to);
    fs::write(to.join("master.key"), "kept").unwrap();
    check(&to, &["master.key"]);
    made.restore(&to, Until::End).unwrap();
    assert_eq!(fs::read_to_string(to.join("master.key")).unwrap(), "kept");
    assert!(!to.join(RESTORING).exists());
}

#[test]
fn a_restore_that_was_killed_is_told_from_a_whole_one() {
    let made = Made::of(&[&[(0, &[10])]], None);
    let to = made.folder.path().join("to");
    private(&to.join(RESTORING).join(JOURNAL));
    fs::write(to.join("master.key"), "kept").unwrap();
    let mut settings = site(&made.folder.path().join("site"));
    settings.data_folder.clone_from(&to);
    let refused = recovery::load_state(&settings).err().unwrap().to_string();
    assert!(refused.contains("being restored from a backup"), "{refused}");
    // While it was copying, it can simply be made again.
    made.restore(&to, Until::End).unwrap();
    // While it gave everything its place, a part may be there that is not to be overwritten.
    private(&to.join(RESTORING));
    let refused = made.restore(&to, Until::End).unwrap_err().to_string();
    assert!(refused.contains("a restore that was interrupted"), "{refused}");
}

/// Snapshot 2 is taken, and what it makes superfluous removed, when the first segment has just been copied; and a file
/// is removed when the one before it has been copied.
#[test]
fn what_is_taken_away_meanwhile_is_coped_with() {
    let folder = tempfile::tempdir().unwrap();
    let settings = site(&folder.path().join("site"));
    let journal = fill(&settings, &[&[(0, &[10])], &[(0, &[20])], &[(0, &[30])], &[(0, &[40])]]);
    take_snapshot(&settings, 1, (2, &[1]));
    let aside = settings.data_folder.join("aside");
    private(&aside);
    for name in ["a", "b"] {
        fs::write(aside.join(name), name).unwrap();
    }
    let backup = folder.path().join("backup");
    let mut times = 0;
    let manifest = create(&settings, &backup, Archives::Copied, &mut |progress| {
        if progress.path == "journal/00000000000000000001.journal" {
            times += 1;
            take_snapshot(&settings, 2, (4, &[3]));
            store::remove_old_snapshots(&settings.data_folder.join(SNAPSHOTS), 1).unwrap();
            let later = SystemTime::now() + Duration::from_hours(1);
            store::retire_before(&journal, 4, later, &Retire::Remove).unwrap();
        }
        if progress.path == "aside/a" {
            fs::remove_file(aside.join("b")).unwrap();
        }
    });
    let manifest = manifest.unwrap();
    assert_eq!((times, manifest.first_segment, manifest.frames), (1, 4, 1));
    assert_eq!(names(&backup.join(JOURNAL)), ["00000000000000000004.journal"]);
    assert_eq!(names(&backup.join(SNAPSHOTS)), ["00000000000000000002.snapshot"]);
    assert_eq!(names(&backup.join("aside")), ["a"]);

    let master = recovery::master_key(&settings).unwrap();
    let to = folder.path().join("to");
    let restored = restore(&backup, &to, Until::End, &master, &mut |_| {}).unwrap();
    assert_eq!((restored.records, restored.left_out), (1, 0));
}

#[test]
fn a_backup_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = site(&folder.path().join("site"));
    let journal = fill(&settings, &[&[(0, &[10])], &[(0, &[20])]]);
    // Durable once, as the segment behind it says, and damaged.
    let segment = store::segment_file(&journal, 1);
    let mut content = fs::read(&segment).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::write(&segment, content).unwrap();
    let backup = folder.path().join("backup");
    let check = || {
        let failed = create(&settings, &backup, Archives::Copied, &mut |_| {}).unwrap_err();
        assert!(failed.is_damage(), "{failed}");
        assert_eq!(names(&backup), [""; 0]);
    };
    check();
    assert!(!backup.exists(), "it was not there before");
    private(&backup);
    check();
    assert!(backup.exists());
}

/// A data folder with everything that may be in a backup: the first two of four segments are archived, one for each
/// hour of the first and second of January 1970.
fn full(settings: &Settings) {
    let segments: [&[Frame]; 4] =
        [&[(0, &[0])], &[(0, &[3_600_000])], &[(0, &[90_000_000])], &[(0, &[180_000_000])]];
    let journal = fill(settings, &segments);
    take_snapshot(settings, 1, (3, &[2]));
    let later = SystemTime::now() + Duration::from_hours(1);
    store::retire_before(&journal, 3, later, &settings.retention.then).unwrap();
    let TransactionSettings { file, archive_folder, .. } = &settings.transactions;
    private(archive_folder);
    for day in ["1970-01-01", "1970-01-02", "1970-01-03"] {
        fs::write(archive_folder.join(format!("events-{day}.parquet")), day).unwrap();
    }
    fs::write(archive_folder.join("events-1970-01-04.parquet.new"), "not whole yet").unwrap();
    let keys = recovery::data_keys(settings).unwrap();
    let mut store = TransactionStore::open(file, UtcOffset::default(), keys).unwrap();
    store.commit(Some("3:0:2")).unwrap();
}

/// The files below a folder with their content, by their path in it.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(found.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    found
}

/// Restores to a moment, and gives what is there then and what was said.
fn restored(backup: &Path, settings: &Settings, until: Until) -> (BTreeMap<String, Vec<u8>>, Restored) {
    let to = tempfile::tempdir().unwrap();
    let master = recovery::master_key(settings).unwrap();
    let restored = restore(backup, to.path(), until, &master, &mut |_| {}).unwrap();
    (contents(to.path()), restored)
}

const SEGMENTS: [&str; 4] = [
    "00000000000000000001.journal",
    "00000000000000000002.journal",
    "00000000000000000003.journal",
    "00000000000000000004.journal",
];

#[test]
fn what_the_journal_has_no_more_is_in_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let settings = site(&folder.path().join("site"));
    full(&settings);
    let before = contents(&settings.data_folder);
    let backup = folder.path().join("backup");
    let manifest = create(&settings, &backup, Archives::Copied, &mut |_| {}).unwrap();
    assert_eq!(manifest.transaction_store.as_deref(), Some("transactions.db"));
    assert_eq!(manifest.archive.as_deref(), Some("archive"));
    assert!(manifest.elsewhere.is_empty());

    let (there, said) = restored(&backup, &settings, Until::End);
    assert!(said.files_left_out.is_empty() && said.kept.is_empty());
    for name in [
        "archive/events-1970-01-01.parquet",
        "archive/events-1970-01-02.parquet",
        "archive/events-1970-01-03.parquet",
        &format!("journal-archive/{}", SEGMENTS[0]),
        &format!("journal-archive/{}", SEGMENTS[1]),
    ] {
        assert_eq!(there[name], before[name], "{name}");
    }
    assert!(there.keys().all(|name| !name.ends_with(".new")));
    let to = folder.path().join("to");
    let master = recovery::master_key(&settings).unwrap();
    restore(&backup, &to, Until::End, &master, &mut |_| {}).unwrap();
    let reader = Reader::open(&to.join("transactions.db")).unwrap().unwrap();
    assert_eq!(reader.progress().place.as_deref(), Some("3:0:2"));

    // Each file of an archive is judged as every other one.
    let day = backup.join("archive/events-1970-01-02.parquet");
    fs::write(&day, "1970-01-20").unwrap();
    let damaged = verify(&backup, &master, &mut |_| {}).unwrap_err();
    assert!(damaged.is_damage() && damaged.to_string().contains("events-1970-01-02"), "{damaged}");
}

/// What knows more than the moment does not come back; and the day in whose middle the journal begins is not written
/// over, when the switch archives what the journal has of it.
#[test]
fn to_a_point_in_time_comes_the_history_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = site(&folder.path().join("site"));
    full(&settings);
    let backup = folder.path().join("backup");
    create(&settings, &backup, Archives::Copied, &mut |_| {}).unwrap();
    let (there, said) = restored(&backup, &settings, until_time(100_000_000));
    let days: Vec<&str> = there.keys().filter_map(|name| name.strip_prefix("archive/")).collect();
    assert_eq!(days, ["events-1970-01-01.parquet", "kept-events-1970-01-02.parquet"]);
    assert_eq!(said.kept, ["archive/kept-events-1970-01-02.parquet"]);
    assert_eq!(said.files_left_out, ["transactions.db", "archive/events-1970-01-03.parquet"]);
    assert!(there.contains_key(&format!("journal-archive/{}", SEGMENTS[1])));
    assert_eq!((said.records, said.left_out), (1, 1));
}

#[test]
fn archives_may_be_left_out_and_may_lie_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = site(&folder.path().join("site"));
    // One below the data folder by a name of its own, and the others outside of it.
    settings.transactions.archive_folder = settings.data_folder.join("past/days");
    settings.transactions.file = folder.path().join("sql/transactions.db");
    settings.retention.then = Retire::Archive(folder.path().join("segments"));
    full(&settings);
    let backup = folder.path().join("backup");
    let manifest = create(&settings, &backup, Archives::Copied, &mut |_| {}).unwrap();
    assert_eq!(manifest.archive.as_deref(), Some("past/days"));
    let outside: Vec<(&str, &str)> =
        manifest.elsewhere.iter().map(|(place, path)| (&**place, &**path)).collect();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    assert_eq!(
        outside,
        [
            ("elsewhere/journal-archive", &*path("segments")),
            ("elsewhere/transactions.db", &*path("sql/transactions.db")),
        ]
    );
    let (there, _) = restored(&backup, &settings, Until::End);
    let names: Vec<&str> = there.keys().map(String::as_str).filter(|name| name.contains('/')).collect();
    for name in [
        "elsewhere/journal-archive/00000000000000000002.journal",
        "elsewhere/transactions.db",
        "past/days/events-1970-01-03.parquet",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }

    let without = folder.path().join("without");
    let manifest = create(&settings, &without, Archives::LeftOut, &mut |_| {}).unwrap();
    assert_eq!(manifest.archive, None);
    let copied: Vec<&str> = manifest.files.iter().map(|file| &*file.path).collect();
    assert!(copied.contains(&"elsewhere/transactions.db"), "{copied:?}");
    assert!(!copied.iter().any(|path| path.contains("archive") || path.contains("past")), "{copied:?}");

    // Both archives in one folder: each file once.
    settings.retention.then = Retire::Archive(settings.transactions.archive_folder.clone());
    let both = folder.path().join("both");
    let manifest = create(&settings, &both, Archives::Copied, &mut |_| {}).unwrap();
    let copied = manifest.files.iter().filter(|file| file.path.ends_with(".parquet")).count();
    assert_eq!(copied, 3);
}
