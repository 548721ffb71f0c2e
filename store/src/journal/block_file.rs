//! A segment that is written in whole blocks, past the system's cache where the file system knows how: so nothing is
//! copied and no page is walked, and a write that the disk refuses is an error at once. Readers use the cache as ever;
//! the system takes out of it what is written past it. What is written follows what was written.

use super::file::BLOCK;
use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file in which everything behind what was written is zero.
pub(super) struct BlockFile {
    blocks: Blocks,
    /// The newest block that was written, and where it lies: the next write begins in it or behind it.
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

/// How many bytes are written by one call: of a whole segment that is written once more, no copy is made.
const PIECE: usize = 1 << 20;

impl BlockFile {
    /// A new file of so many bytes, which are whole blocks, all zero: written and synced. Reserving the space alone would
    /// leave blocks marked as never written, and the first write into each would change the file system's own tables,
    /// which makes a sync cost several times as much.
    pub(super) fn create(path: PathBuf, bytes: u64) -> io::Result<BlockFile> {
        remove(&path)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
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
        let file = BlockFile::with(options, path)?;
        if !file.blocks.past_cache {
            file.blocks.warn();
        }
        Ok(file)
    }

    fn with(options: OpenOptions, path: PathBuf) -> io::Result<BlockFile> {
        let blocks = Blocks::open(options, path)?;
        Ok(BlockFile { blocks, newest: (u64::MAX, Box::new([0; SIZE])), room: Room::default() })
    }

    /// Gives the file another name in its folder.
    pub(super) fn rename(&mut self, path: PathBuf) -> io::Result<()> {
        fs::rename(&self.blocks.path, &path)?;
        self.blocks.path = path;
        Ok(())
    }

    /// Writes bytes behind which all is zero. They begin where the last ones ended, or at a whole block.
    pub(super) fn write_at(&mut self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let begin = (offset % BLOCK) as usize;
            let (piece, rest) = bytes.split_at(bytes.len().min(PIECE - begin));
            self.write_piece(piece, offset - begin as u64, begin)?;
            offset += piece.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// From byte `begin` of the block at `start` on.
    fn write_piece(&mut self, bytes: &[u8], start: u64, begin: usize) -> io::Result<()> {
        let whole = (begin + bytes.len()).next_multiple_of(SIZE);
        let blocks = self.room.of(whole);
        let (before, written) = blocks.split_at_mut(begin);
        if begin > 0 {
            if self.newest.0 != start {
                return Err(io::Error::other("a write that begins in a block that is not the newest"));
            }
            before.copy_from_slice(&self.newest.1[..begin]);
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
        self.warn();
        self.file = OpenOptions::new().write(true).open(&self.path)?;
        self.past_cache = false;
        Ok(())
    }

    fn warn(&self) {
        let file = self.path.display();
        tracing::warn!(%file, "the file system does not write past its cache; the journal is written through it");
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

/// What an ended process has left under a name that is needed.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
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

    /// A file of forty blocks of zeros.
    fn zeros(folder: &tempfile::TempDir) -> BlockFile {
        BlockFile::create(folder.path().join("file"), 40 * BLOCK).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Behind each other, as the journal writes, and now and then anew from the beginning, as it does when it opens
        /// a segment.
        #[test]
        fn the_file_has_what_was_written(
            writes in prop::collection::vec((1usize..9_000, any::<u8>(), prop::bool::weighted(0.1)), 1..12),
            past_cache: bool,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut file = zeros(&folder);
            let path = folder.path().join("renamed");
            file.rename(path.clone()).unwrap();
            if !past_cache {
                file.blocks.use_cache().unwrap();
            }
            let mut expected = Vec::new();
            for (length, byte, anew) in writes {
                if anew {
                    file = BlockFile::open(path.clone()).unwrap();
                    file.write_at(&expected, 0).unwrap();
                }
                file.write_at(&vec![byte; length], expected.len() as u64).unwrap();
                file.sync().unwrap();
                expected.resize(expected.len() + length, byte);
                let found = fs::read(&path).unwrap();
                prop_assert_eq!(&found[..expected.len()], &expected[..]);
                prop_assert!(found[expected.len()..].iter().all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn long_writes_go_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = BlockFile::create(path.clone(), 4 << 20).unwrap();
        let bytes: Vec<u8> = (0..3 * PIECE + 5).map(|place| (place % 251) as u8).collect();
        file.write_at(&bytes[..100], 0).unwrap();
        file.write_at(&bytes[100..], 100).unwrap();
        assert_eq!(&fs::read(&path).unwrap()[..bytes.len()], &bytes[..]);
        assert!(file.room.0.len() <= 2 * PIECE);
    }

    #[test]
    fn a_write_elsewhere_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = zeros(&folder);
        file.write_at(&[1; 10], 0).unwrap();
        assert!(file.write_at(&[2; 10], BLOCK + 10).is_err());
        assert!(fs::read(folder.path().join("file")).unwrap()[10..].iter().all(|byte| *byte == 0));
    }

    /// What is no whole block is what every file system refuses that writes past its cache.
    #[test]
    fn what_the_file_system_refuses_goes_through_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = zeros(&folder);
        file.blocks.write_at(&[7; 100], BLOCK - 1).unwrap();
        let found = fs::read(folder.path().join("file")).unwrap();
        assert_eq!(found.iter().filter(|byte| **byte == 7).count(), 100);
        assert_eq!(found[4095..4195], [7; 100]);
    }

    #[test]
    fn what_a_crash_has_left_is_made_anew() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![9; 50 * SIZE]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        zeros(&folder);
        assert_eq!(fs::read(&path).unwrap(), vec![0; 40 * SIZE]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
