//! The journal: the single source of truth, on the path of every authorization.
//!
//! Shards append batches of records, each shard to its own [`Stream`]; the [`Committer`] takes all
//! that waits, writes it with one sync, and only then says that it is durable. Records are opaque
//! bytes here. On disk every batch is one sealed and checksummed frame; `docs/journal.md` has the
//! format and says what happens to torn and to damaged ones.
//!
//! ```
//! use std::sync::{Arc, mpsc};
//! use store::{Committer, DataKeys, FileJournal, MasterKey, Sequence, Settings, Stream};
//!
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path().join("journal");
//! let keys = DataKeys::create(&folder.path().join(DataKeys::FILE_NAME), &MasterKey::generate()?)?;
//! let shard = Stream(0);
//!
//! // Open: replays what is there (nothing yet), then take batches and wait until they are durable.
//! let settings = Settings { segment_bytes: 1 << 20 };
//! let (journal, _) = FileJournal::open(&dir, &keys, settings, &mut |_, _, _| Ok(()))?;
//! let (told, durable) = mpsc::channel();
//! let on_durable = Arc::new(move |stream, position| told.send((stream, position)).unwrap_or(()));
//! let committer = Committer::start(Box::new(journal), 1, 64, on_durable, |failure| panic!("{failure}"))?;
//! let handle = committer.handle();
//! let mut batch = handle.batch();
//! batch.push(b"first record");
//! batch.push_with(|out| out.extend_from_slice(b"second record"));
//! handle.submit(shard, Sequence(0), batch)?;
//! assert_eq!(durable.recv()?, (shard, Sequence(2)));
//! committer.shutdown()?;
//!
//! // Read it back.
//! let mut records = Vec::new();
//! store::read_all(&dir, &keys, &mut |_, _, record| {
//!     records.push(record.to_vec());
//!     Ok(())
//! })?;
//! assert_eq!(records, [&b"first record"[..], b"second record"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod committer;
mod data_keys;
mod element;
#[cfg(test)]
mod formats;
mod journal;
mod master_key;
mod private_file;
mod record;
mod snapshot;
mod stored_form;

pub use committer::{CommitHandle, Committer, CommitterFailed, Durable, Refused};
pub use data_keys::{DataKeyState, DataKeyVersion, DataKeys, DataKeysError, SealedPan, SealedPanError};
pub use journal::{
    AppendError, Batch, BatchVisitor, Damage, FileJournal, Journal, JournalError, JournalFrame,
    JournalReader, MemoryJournal, Place, Records, Rejected, Replay, Retire, SegmentCopy, Sequence, Settings,
    SimulatedDisk, Start, Stream, TornTail, Until, Visitor, copy_segments, newest_format, oldest_segment,
    read_all, read_from, retire_before, segment_file, segments,
};
pub use master_key::{KeyError, MasterKey};
pub use private_file::{create as create_private_file, replace as replace_private_file};
pub use record::{decode_record, decode_without_receipt, encode_record};
pub use snapshot::{
    SnapshotError, SnapshotInfo, SnapshotWriter, read_snapshot, remove_old_snapshots, snapshot_info,
    snapshots,
};
