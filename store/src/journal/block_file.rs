//! A segment that is written in whole blocks, past the system's cache where the file system knows how: so nothing is
//! copied and no page is walked, and a write that the disk refuses is an error at once. Readers use the cache as ever;
//! the system takes out of it what is written past it.

use super::file::BLOCK;
use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

/// A file in which everything behind what was written is zero.
pub(super) struct BlockFile {
    blocks: Blocks,
    /// The same file, to read a block of which a part is written that is not known any more.
    reader: File,
    /// The newest block that was written, and where it lies: the next write begins in it as a rule.
    newest: (u64, Box<[u8; SIZE]>),
    room: Room,
}

/// The side of a file that takes whole blocks at whole blocks only.
struct Blocks {
    path: PathBuf,
    file: File,
    past_cache: bool,
}

/// Memory that begins at a whole block, as a write past the cache asks for.
#[derive(Default)]
struct Room(Vec<u8>);

const SIZE: usize = BLOCK as usize;

/// How many bytes of zeros are written by one call, and the disk is kept from others for.
const ZEROS_AT_ONCE: usize = 1 << 18;

impl BlockFile {
    /// A new file of so many bytes, which are whole blocks, all zero: written and synced. Reserving the space alone would
    /// leave blocks marked as never written, and the first write into each would change the file system's own tables,
    /// which makes a sync cost several times as much.
    pub(super) fn create(path: PathBuf, bytes: u64) -> io::Result<BlockFile> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = BlockFile::with(options, path)?;
        file.blocks.reserve(bytes)?;
        let zeros = file.room.of(ZEROS_AT_ONCE);
        for offset in (0..bytes).step_by(zeros.len()) {
            let length = (bytes - offset).min(zeros.len() as u64) as usize;
            file.blocks.write_at(&zeros[..length], offset)?;
            if !file.blocks.past_cache {
                // Bit by bit: a sync of the journal that meets 64 MiB on their way would wait for them all.
                file.blocks.file.sync_data()?;
            }
        }
        file.blocks.file.sync_all()?;
        file.room = Room::default();
        Ok(file)
    }

    /// Opens an existing file for writing.
    pub(super) fn open(path: PathBuf) -> io::Result<BlockFile> {
        let mut options = OpenOptions::new();
        options.write(true);
        BlockFile::with(options, path)
    }

    fn with(options: OpenOptions, path: PathBuf) -> io::Result<BlockFile> {
        let blocks = Blocks::open(options, path)?;
        let reader = File::open(&blocks.path)?;
        Ok(BlockFile { blocks, reader, newest: (u64::MAX, Box::new([0; SIZE])), room: Room::default() })
    }

    /// Gives the file another name in its folder.
    pub(super) fn rename(&mut self, path: PathBuf) -> io::Result<()> {
        fs::rename(&self.blocks.path, &path)?;
        self.blocks.path = path;
        Ok(())
    }

    /// Writes bytes behind which all is zero.
    pub(super) fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let start = offset - offset % BLOCK;
        let begin = (offset - start) as usize;
        let whole = (begin + bytes.len()).next_multiple_of(SIZE);
        let blocks = self.room.of(whole);
        let (before, written) = blocks.split_at_mut(begin);
        match &self.newest {
            (at, block) if *at == start => before.copy_from_slice(&block[..begin]),
            _ => self.reader.read_exact_at(before, start)?,
        }
        let (content, zeros) = written.split_at_mut(bytes.len());
        content.copy_from_slice(bytes);
        zeros.fill(0);
        self.blocks.write_at(blocks, start)?;
        let newest = whole - SIZE;
        self.newest.0 = start + newest as u64;
        self.newest.1.copy_from_slice(&blocks[newest..]);
        Ok(())
    }

    /// Makes durable what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.blocks.file.sync_data()
    }
}

impl Blocks {
    fn open(mut options: OpenOptions, path: PathBuf) -> io::Result<Blocks> {
        let opened = options.clone().custom_flags(OFlags::DIRECT.bits() as i32).open(&path);
        // A file system that does not know how, which some say at the first write only.
        let (file, past_cache) = match opened {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                (options.custom_flags(0).open(&path)?, false)
            }
            file => (file?, true),
        };
        Ok(Blocks { path, file, past_cache })
    }

    fn write_at(&mut self, blocks: &[u8], offset: u64) -> io::Result<()> {
        match self.file.write_all_at(blocks, offset) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput && self.past_cache => {
                self.use_cache()?;
                self.file.write_all_at(blocks, offset)
            }
            result => result,
        }
    }

    fn use_cache(&mut self) -> io::Result<()> {
        self.file = OpenOptions::new().write(true).open(&self.path)?;
        self.past_cache = false;
        Ok(())
    }

    /// Reserves the space in one piece, and finds out early when there is none. A file system that cannot do so gets the
    /// space by the writing of zeros.
    fn reserve(&self, bytes: u64) -> io::Result<()> {
        match fallocate(&self.file, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            result => Ok(result?),
        }
    }
}

impl Room {
    /// So many bytes, with whatever stands in them.
    fn of(&mut self, bytes: usize) -> &mut [u8] {
        if self.0.len() < bytes + SIZE {
            self.0.resize((bytes + SIZE).next_power_of_two(), 0);
        }
        let aligned = self.0.as_ptr().align_offset(SIZE);
        &mut self.0[aligned..][..bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Behind each other, as the journal writes, and now and then anew from somewhere before, as it does when it opens
        /// a segment.
        #[test]
        fn the_file_has_what_was_written(
            writes in prop::collection::vec((1usize..9_000, any::<u8>(), prop::option::weighted(0.1, 0usize..30_000)), 1..12),
            past_cache: bool,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            let mut expected = vec![0; 40 * SIZE];
            let mut file = BlockFile::create(folder.path().join("new"), expected.len() as u64).unwrap();
            file.rename(path.clone()).unwrap();
            if !past_cache {
                file.blocks.use_cache().unwrap();
            }
            let mut at = 0;
            for (length, byte, back) in writes {
                if let Some(back) = back {
                    at = back.min(at);
                    file = BlockFile::open(path.clone()).unwrap();
                }
                let bytes = vec![byte; length];
                file.write_at(&bytes, at as u64).unwrap();
                file.sync().unwrap();
                let end = at + length;
                expected[at..end].copy_from_slice(&bytes);
                expected[end..end.next_multiple_of(SIZE)].fill(0);
                at = end;
                prop_assert_eq!(&fs::read(&path).unwrap(), &expected);
            }
        }
    }
}
