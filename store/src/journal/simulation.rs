//! A disk in memory that fails, loses power and damages what it was writing: for tests.

use super::disk::{Disk, SegmentFile, Source};
use super::error::JournalError;
use super::file::BLOCK;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A disk in memory, for tests of the journal and of those who build on it. Clones are the same
/// disk. What it does follows from its seed.
///
/// It has a cache, as a system has: a write goes there, and a sync from there to the disk. When the
/// power is lost, each sector that was not synced has reached the disk or has not, in any order and
/// whatever came after it; what was to stand in space never used before may also be garbage. Of a write that fails past the
/// cache sectors may be on the disk that readers do not see until the cache has let go of them.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<Inner>>);

struct Inner {
    segments: BTreeMap<u64, Segment>,
    current: u64,
    seed: u64,
    operations: u64,
    fails: Option<(u64, io::ErrorKind)>,
    has_failed: bool,
    touched_after_failure: bool,
    /// Number of the session that may write, 0 for none.
    owner: u64,
    sessions: u64,
}

#[derive(Clone, Default)]
struct Segment {
    /// What readers see while the system is up.
    cached: Vec<u8>,
    disk: Vec<u8>,
    unsynced: Vec<(u64, Vec<u8>)>,
    /// Of failed writes, what the disk has taken and the cache does not show.
    hidden: Vec<(u64, Vec<u8>)>,
}

impl SimulatedDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> SimulatedDisk {
        SimulatedDisk(Arc::new(Mutex::new(Inner {
            segments: BTreeMap::new(),
            current: 0,
            seed,
            operations: 0,
            fails: None,
            has_failed: false,
            touched_after_failure: false,
            owner: 0,
            sessions: 0,
        })))
    }

    /// Lets operation `number`, counted from 1, fail with this error, and all after it. A failing
    /// write has written a part, a failing sync has synced a part, and a segment that could not be
    /// made may be there.
    pub fn fail_at(&self, number: u64, error: io::ErrorKind) {
        self.inner().fails = Some((number, error));
    }

    /// How many operations there were: listing, opening, reading, making, writing, syncing.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// Whether somebody has written or synced after a write or a sync had failed.
    #[must_use]
    pub fn touched_after_failure(&self) -> bool {
        self.inner().touched_after_failure
    }

    /// The power goes, and comes back: of what was not synced an arbitrary part is on the disk.
    pub fn lose_power(&self) {
        let mut inner = self.inner();
        let mut seed = inner.seed;
        for segment in inner.segments.values_mut() {
            segment.lose_power(&mut seed);
        }
        inner.seed = seed;
        inner.restart();
    }

    /// The writing process is killed: the cache of the system outlives it, synced or not.
    pub fn kill(&self) {
        self.inner().restart();
    }

    /// The numbers of the segments.
    #[must_use]
    pub fn segments(&self) -> Vec<u64> {
        self.inner().segments.keys().copied().collect()
    }

    /// Changes a segment behind the journal's back, on the disk and in the cache.
    ///
    /// # Panics
    /// When there is no such segment.
    pub fn change(&self, number: u64, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = self.inner();
        let segment = inner.segments.get_mut(&number).expect("the segment is there");
        edit(&mut segment.cached);
        segment.disk.clone_from(&segment.cached);
        segment.unsynced.clear();
    }

    /// Takes a segment away.
    pub fn remove(&self, number: u64) {
        self.inner().segments.remove(&number);
    }

    /// A writer's end of the disk.
    pub(super) fn session(&self) -> Session {
        let mut inner = self.inner();
        inner.sessions += 1;
        Session { disk: self.clone(), number: inner.sessions }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that has panicked elsewhere is told so by its own panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Counts an operation. Once one has failed the disk is gone for this process.
    fn operation(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.fails {
            Some((number, error)) if self.operations >= number => {
                self.has_failed = true;
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    /// The same for one that changes something, after which nothing may be tried again.
    fn changing_operation(&mut self) -> io::Result<()> {
        self.touched_after_failure |= self.has_failed;
        self.operation()
    }

    fn restart(&mut self) {
        self.fails = None;
        self.has_failed = false;
        self.operations = 0;
        self.owner = 0;
    }

    fn current(&mut self) -> io::Result<&mut Segment> {
        self.segments.get_mut(&self.current).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Segment {
    fn write(&mut self, bytes: &[u8], offset: u64) {
        overwrite(&mut self.cached, bytes, offset);
        self.unsynced.push((offset, bytes.to_vec()));
    }

    /// A write past the cache that fails half-way.
    fn write_half(&mut self, bytes: &[u8], offset: u64, seed: &mut u64) {
        let taken = sectors(offset, bytes).into_iter().filter(|_| splitmix(seed).is_multiple_of(2));
        self.hidden.extend(taken.map(|(offset, bytes)| (offset, bytes.to_vec())));
    }

    fn let_go(&mut self) {
        for (offset, bytes) in std::mem::take(&mut self.hidden) {
            self.write(&bytes, offset);
        }
    }

    fn sync(&mut self) {
        self.unsynced.clear();
        self.disk.clone_from(&self.cached);
    }

    fn lose_power(&mut self, seed: &mut u64) {
        self.let_go();
        let writes = std::mem::take(&mut self.unsynced);
        let mut sectors: Vec<(u64, &[u8])> =
            writes.iter().flat_map(|(offset, bytes)| sectors(*offset, bytes)).collect();
        // The newer of two writes to a sector need not be the one that stays.
        for index in (1..sectors.len()).rev() {
            sectors.swap(index, (splitmix(seed) % (index as u64 + 1)) as usize);
        }
        for (offset, bytes) in sectors {
            match splitmix(seed) % 16 {
                0..7 => overwrite(&mut self.disk, bytes, offset),
                7 => self.garble(offset, bytes, seed),
                _ => {}
            }
        }
        self.cached.clone_from(&self.disk);
    }

    /// Garbage instead of a write, in space never used before. A disk that spoils what it is told
    /// to write again as it stands is one that `docs/journal.md` says is not covered.
    fn garble(&mut self, offset: u64, bytes: &[u8], seed: &mut u64) {
        let place = offset as usize;
        let Some(target) = self.disk.get_mut(place..place + bytes.len()) else { return };
        if target != bytes && target.iter().all(|byte| *byte == 0) {
            target.fill_with(|| splitmix(seed) as u8);
        }
    }
}

/// A write, cut where the disk's sectors are.
fn sectors(offset: u64, bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut parts = Vec::new();
    let (mut place, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let length = (SECTOR - place % SECTOR).min(rest.len() as u64) as usize;
        let (part, behind) = rest.split_at(length);
        parts.push((place, part));
        place += length as u64;
        rest = behind;
    }
    parts
}

fn overwrite(target: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let end = offset as usize + bytes.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    target[offset as usize..end].copy_from_slice(bytes);
}

/// What one opening of the journal has of the disk.
pub(super) struct Session {
    disk: SimulatedDisk,
    number: u64,
}

impl Disk for Session {
    fn lock(&mut self) -> Result<(), JournalError> {
        let mut inner = self.disk.inner();
        if inner.owner != 0 {
            return Err(JournalError::InUse { dir: Path::new(DIR).to_owned(), pid: None });
        }
        inner.owner = self.number;
        Ok(())
    }

    fn source(&self) -> Box<dyn Source> {
        Box::new(self.disk.clone())
    }

    fn create(&mut self, number: u64, bytes: u64, header: &[u8]) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let failed = inner.changing_operation();
        if failed.is_ok() || splitmix(&mut inner.seed).is_multiple_of(2) {
            let mut segment = Segment { cached: vec![0; bytes as usize], ..Segment::default() };
            overwrite(&mut segment.cached, header, 0);
            segment.sync();
            inner.segments.insert(number, segment);
            inner.current = number;
        }
        failed
    }

    fn open(&mut self, number: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.changing_operation()?;
        inner.current = number;
        inner.current().map(drop)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let failed = inner.changing_operation();
        let end = (offset + bytes.len() as u64).next_multiple_of(BLOCK);
        let mut filled = bytes.to_vec();
        filled.resize((end - offset) as usize, 0);
        if failed.is_err() {
            let mut seed = inner.seed;
            if splitmix(&mut seed).is_multiple_of(2) {
                inner.current()?.write_half(&filled, offset, &mut seed);
                inner.seed = seed;
                return failed;
            }
            let length = splitmix(&mut seed) as usize % (filled.len() + 1);
            filled.truncate(length);
            inner.seed = seed;
        }
        inner.current()?.write(&filled, offset);
        failed
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.changing_operation()?;
        inner.current()?.sync();
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut inner = self.disk.inner();
        if inner.owner == self.number {
            inner.owner = 0;
        }
    }
}

impl Source for SimulatedDisk {
    fn dir(&self) -> &Path {
        Path::new(DIR)
    }

    fn numbers(&self) -> io::Result<Vec<u64>> {
        self.inner().operation()?;
        Ok(self.segments())
    }

    fn exists(&self, number: u64) -> io::Result<bool> {
        let mut inner = self.inner();
        inner.operation()?;
        Ok(inner.segments.contains_key(&number))
    }

    fn open(&self, number: u64) -> io::Result<Box<dyn SegmentFile>> {
        if !Source::exists(self, number)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(Opened { disk: self.clone(), number }))
    }

    fn let_go(&self, number: u64) -> io::Result<()> {
        let mut inner = self.inner();
        inner.operation()?;
        inner.segments.get_mut(&number).ok_or(io::ErrorKind::NotFound)?.let_go();
        Ok(())
    }
}

struct Opened {
    disk: SimulatedDisk,
    number: u64,
}

impl SegmentFile for Opened {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut inner = self.disk.inner();
        inner.operation()?;
        let segment = inner.segments.get(&self.number).ok_or(io::ErrorKind::NotFound)?;
        let rest = segment.cached.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn size(&self) -> io::Result<u64> {
        let inner = self.disk.inner();
        let segment = inner.segments.get(&self.number).ok_or(io::ErrorKind::NotFound)?;
        Ok(segment.cached.len() as u64)
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const DIR: &str = "simulated";
const SECTOR: u64 = 512;
