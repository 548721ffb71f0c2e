//! What the file engine asks of a disk: few enough calls that a test can let each of them fail.

use super::block_file::{self, BlockFile};
use super::error::JournalError;
use super::lock::WriteLock;
use super::segment;
use crate::private_file::{folder_of, sync_folder};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

/// A folder of segments, one of which is being written.
pub(super) trait Disk: Send {
    /// Takes the right to write to the folder.
    fn lock(&mut self) -> Result<(), JournalError>;

    /// The segments, to be read.
    fn source(&self) -> Box<dyn Source>;

    /// Makes segment `number` of `bytes` bytes, all zero behind `header`, and writes to it from
    /// now on. It is there whole and durable, or not at all.
    fn create(&mut self, number: u64, bytes: u64, header: &[u8]) -> io::Result<()>;

    /// Writes to the existing segment `number` from now on.
    fn open(&mut self, number: u64) -> io::Result<()>;

    /// Writes into the segment, from where the last write ended or from a whole block on. The rest of the last block
    /// becomes zero.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes durable what was written.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of segments to be read.
pub(super) trait Source: Send + Sync {
    /// Where it is.
    fn dir(&self) -> &Path;

    /// The numbers of the segments, ascending.
    fn numbers(&self) -> io::Result<Vec<u64>>;

    /// Whether the segment is there.
    fn exists(&self, number: u64) -> io::Result<bool>;

    /// The segment.
    fn open(&self, number: u64) -> io::Result<Box<dyn SegmentFile>>;

    /// Lets go of what the system's cache has of the segment, as far as the disk has it: a write past the cache that has
    /// failed leaves there what was before.
    fn let_go(&self, number: u64) -> io::Result<()>;
}

/// A segment to be read. It may be written to meanwhile.
pub(super) trait SegmentFile: Send {
    /// Reads into `buffer` from `offset` on; how many bytes, less than asked for only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Size in bytes.
    fn size(&self) -> io::Result<u64>;
}

/// A folder of a real file system, to be read.
pub(super) struct FolderSource(pub(super) PathBuf);

impl Source for FolderSource {
    fn dir(&self) -> &Path {
        &self.0
    }

    fn numbers(&self) -> io::Result<Vec<u64>> {
        segment::numbers(&self.0)
    }

    fn exists(&self, number: u64) -> io::Result<bool> {
        segment::path(&self.0, number).try_exists()
    }

    fn open(&self, number: u64) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(File::open(segment::path(&self.0, number))?))
    }

    fn let_go(&self, number: u64) -> io::Result<()> {
        let file = File::open(segment::path(&self.0, number))?;
        // A file system that has no cache to let go of says so.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(())
    }
}

impl SegmentFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match FileExt::read_at(self, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// The folder of a real file system.
pub(super) struct Folder {
    dir: PathBuf,
    segment_bytes: u64,
    current: Option<BlockFile>,
    /// The next segment, zeroed by a thread of its own, so that a roll does not make every
    /// authorization wait until 64 MiB are written.
    spare: Option<JoinHandle<io::Result<BlockFile>>>,
    lock: Option<WriteLock>,
}

impl Folder {
    pub(super) fn new(dir: &Path, segment_bytes: u64) -> Folder {
        Folder { dir: dir.to_owned(), segment_bytes, current: None, spare: None, lock: None }
    }

    /// A zeroed file for a segment of usual size: the spare, or a new one where that has failed.
    fn take_spare(&mut self) -> io::Result<BlockFile> {
        match self.spare.take().map(JoinHandle::join) {
            Some(Ok(Ok(file))) => Ok(file),
            _ => BlockFile::create(self.dir.join(SPARE), self.segment_bytes),
        }
    }

    fn start_spare(&mut self) {
        let path = self.dir.join(SPARE);
        let bytes = self.segment_bytes;
        let thread = thread::Builder::new().name("journal-spare".into());
        // No thread is no harm: the roll then does the work.
        self.spare = thread.spawn(move || BlockFile::create(path, bytes)).ok();
    }
}

impl Disk for Folder {
    fn lock(&mut self) -> Result<(), JournalError> {
        self.lock = Some(WriteLock::take(&self.dir)?);
        Ok(())
    }

    fn source(&self) -> Box<dyn Source> {
        Box::new(FolderSource(self.dir.clone()))
    }

    fn create(&mut self, number: u64, bytes: u64, header: &[u8]) -> io::Result<()> {
        let usual = bytes == self.segment_bytes;
        let file = if usual { self.take_spare() } else { BlockFile::create(self.dir.join(OVERSIZED), bytes) };
        let mut file = file?;
        file.write_at(header, 0)?;
        file.sync()?;
        file.rename(segment::path(&self.dir, number))?;
        sync_folder(&self.dir)?;
        self.current = Some(file);
        if usual {
            self.start_spare();
        }
        Ok(())
    }

    fn open(&mut self, number: u64) -> io::Result<()> {
        self.current = Some(BlockFile::open(segment::path(&self.dir, number))?);
        self.start_spare();
        Ok(())
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.current.as_mut().ok_or(io::ErrorKind::NotFound)?.write_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.current.as_ref().ok_or(io::ErrorKind::NotFound)?.sync()
    }
}

/// The spare of an ended process is worth nothing to the next one, which cannot know how far it
/// has come.
impl Drop for Folder {
    fn drop(&mut self) {
        if self.spare.take().map(JoinHandle::join).is_some() {
            let _ = block_file::remove(&self.dir.join(SPARE));
        }
        // The lock goes last, with the fields: by then nothing of ours is left to be written.
    }
}

/// Makes a folder that only its owner can enter (0700), with its parents, durably.
pub(crate) fn create_folder(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    sync_folder(folder_of(dir))
}

/// Names under which a segment is prepared. What a crash has left of one is overwritten.
const SPARE: &str = "spare.tmp";
const OVERSIZED: &str = "oversized.tmp";
