//! What the file engine asks of a disk: few enough calls that a test can let each of them fail.

use super::error::JournalError;
use super::file::BLOCK;
use super::lock::WriteLock;
use super::segment;
use crate::private_file::{folder_of, sync_folder};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
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

    /// Writes into the segment, in which what follows is zero.
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
    current: Option<File>,
    /// The next segment, zeroed by a thread of its own, so that a roll does not make every
    /// authorization wait until 64 MiB are written.
    spare: Option<JoinHandle<io::Result<File>>>,
    lock: Option<WriteLock>,
}

impl Folder {
    pub(super) fn new(dir: &Path, segment_bytes: u64) -> Folder {
        Folder { dir: dir.to_owned(), segment_bytes, current: None, spare: None, lock: None }
    }

    /// A zeroed file for a segment of usual size: the spare, or a new one where that has failed.
    fn take_spare(&mut self) -> io::Result<File> {
        let path = self.dir.join(SPARE);
        match self.spare.take().map(JoinHandle::join) {
            Some(Ok(Ok(file))) => Ok(file),
            _ => zeroed(&path, self.segment_bytes),
        }
    }

    fn start_spare(&mut self) {
        let path = self.dir.join(SPARE);
        let bytes = self.segment_bytes;
        let thread = thread::Builder::new().name("journal-spare".into());
        // No thread is no harm: the roll then does the work.
        self.spare = thread.spawn(move || zeroed(&path, bytes)).ok();
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
        let path = self.dir.join(if usual { SPARE } else { OVERSIZED });
        let file = if usual { self.take_spare()? } else { zeroed(&path, bytes)? };
        file.write_all_at(header, 0)?;
        file.sync_all()?;
        fs::rename(&path, segment::path(&self.dir, number))?;
        sync_folder(&self.dir)?;
        self.current = Some(file);
        if usual {
            self.start_spare();
        }
        Ok(())
    }

    fn open(&mut self, number: u64) -> io::Result<()> {
        self.current = Some(OpenOptions::new().write(true).open(segment::path(&self.dir, number))?);
        self.start_spare();
        Ok(())
    }

    /// The last block is filled up with the zeros that lie there anyway: a part of a block that the system's cache
    /// does not have would make it read the block first.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        static FILL: [u8; BLOCK as usize] = [0; BLOCK as usize];
        let file = self.current.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let end = offset + bytes.len() as u64;
        let fill = &FILL[..(end.next_multiple_of(BLOCK) - end) as usize];
        let both = [IoSlice::new(bytes), IoSlice::new(fill)];
        match rustix::io::retry_on_intr(|| rustix::io::pwritev(file, &both, offset))? {
            written if written >= bytes.len() => Ok(()),
            written => file.write_all_at(&bytes[written..], offset + written as u64),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.current.as_ref().ok_or(io::ErrorKind::NotFound)?.sync_data()
    }
}

/// The spare of an ended process is worth nothing to the next one, which cannot know how far it
/// has come.
impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(Ok(Ok(_))) = self.spare.take().map(JoinHandle::join) {
            let _ = fs::remove_file(self.dir.join(SPARE));
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

/// A new file of zeros, written and synced. Reserving the space alone would leave blocks marked as
/// never written, and the first write into each would change the file system's own tables, which
/// makes a sync cost several times as much.
fn zeroed(path: &Path, bytes: u64) -> io::Result<File> {
    match write_zeros(path, bytes, true) {
        // A file system that does not know how, which some say at the first write only.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => write_zeros(path, bytes, false)?,
        result => result?,
    }
    // What is written from now on is seldom whole blocks.
    OpenOptions::new().write(true).open(path)
}

/// `past_cache`: zeros in the system's cache would be copied, and keep others' pages out.
fn write_zeros(path: &Path, bytes: u64, past_cache: bool) -> io::Result<()> {
    let flags = if past_cache { OFlags::DIRECT } else { OFlags::empty() };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(flags.bits() as i32);
    let file = options.open(path)?;
    reserve(&file, bytes)?;
    let zeros = vec![0; ZEROS_AT_ONCE + BLOCK as usize];
    let zeros = &zeros[zeros.as_ptr().align_offset(BLOCK as usize)..][..ZEROS_AT_ONCE];
    for offset in (0..bytes).step_by(zeros.len()) {
        let length = (bytes - offset).min(zeros.len() as u64) as usize;
        file.write_all_at(&zeros[..length], offset)?;
        if !past_cache {
            // Bit by bit: a sync of the journal that meets 64 MiB on their way would wait for them all.
            file.sync_data()?;
        }
    }
    file.sync_all()
}

/// How many bytes are written by one call, and the disk is kept from others for.
const ZEROS_AT_ONCE: usize = 1 << 18;

/// Reserves the space in one piece, and finds out early when there is none. A file system that
/// cannot do so gets the space by the writing of zeros.
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        result => Ok(result?),
    }
}

/// Names under which a segment is prepared. What a crash has left of one is overwritten.
const SPARE: &str = "spare.tmp";
const OVERSIZED: &str = "oversized.tmp";
