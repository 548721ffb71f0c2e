//! Snapshots: the state of all shards in one sealed file, so that a start need not replay the whole journal.
//!
//! A snapshot says how far each stream of the journal is in it, and in which segment to begin reading for the rest.
//! `docs/journal.md` describes the file. What cannot be read is passed over for the snapshot before it, or for
//! the journal, as long as that is whole; where old segments are retired, a snapshot is all there is of them.

use crate::element::{self, ELEMENT_VERSION};
use crate::journal::split_record;
use crate::{Batch, DataKeys, Rejected, Sequence, stored_form};
use auth::Element;
use ring::aead::{Aad, LessSafeKey, Nonce};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// Its number; a later one has a higher number.
    pub number: u64,
    /// How many shards there were.
    pub shards: u16,
    /// Records that are not in it lie in this segment of the journal and those behind it.
    pub segment: u64,
    /// How many records of each stream are in it, by stream number.
    pub positions: Vec<u64>,
}

/// A snapshot in the making. It has no name until [`finish`](SnapshotWriter::finish).
pub struct SnapshotWriter {
    dir: PathBuf,
    number: u64,
    file: File,
    key: LessSafeKey,
    frames: u32,
    elements: u64,
    bytes: u64,
    unsynced: usize,
    shard: u16,
    batch: Batch,
}

/// Why a snapshot could not be written or read.
#[derive(Debug)]
pub enum SnapshotError {
    /// The file system.
    Io(PathBuf, io::Error),
    /// The file ends early or is damaged; the words say which.
    Unusable(PathBuf, &'static str),
    /// It was written by another build, in a version that this one has no reader for.
    Version(PathBuf, u32),
    /// It is sealed under a data key that is not in the file of data keys.
    NoKey(PathBuf, u32),
    /// The system gave no random bytes.
    NoRandom,
}

impl SnapshotWriter {
    /// Begins a snapshot in `dir`, which is made (0700) when it does not exist. What an earlier process left
    /// unfinished is overwritten.
    ///
    /// # Errors
    /// When the folder or file cannot be made.
    pub fn create(dir: &Path, keys: &DataKeys, info: &SnapshotInfo) -> Result<SnapshotWriter, SnapshotError> {
        crate::journal::create_folder(dir).map_err(|error| SnapshotError::Io(dir.to_owned(), error))?;
        let path = dir.join(UNFINISHED);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = file.map_err(|error| SnapshotError::Io(path.clone(), error))?;
        let mut salt = [0; 32];
        SystemRandom::new().fill(&mut salt).map_err(|_| SnapshotError::NoRandom)?;
        let data_key = keys.current_version();
        let key = keys.derive(data_key, &salt, &[KEY_INFO]).ok_or(SnapshotError::NoKey(path, data_key))?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&ELEMENT_VERSION.to_le_bytes());
        header.extend_from_slice(&data_key.to_le_bytes());
        header.extend_from_slice(&salt);
        let mut writer = SnapshotWriter {
            dir: dir.to_owned(),
            number: info.number,
            file,
            key,
            frames: 0,
            elements: 0,
            bytes: 0,
            unsynced: 0,
            shard: 0,
            batch: Batch::new(),
        };
        writer.write(&header)?;
        let mut info_bytes = Vec::new();
        stored_form::append(info, &mut info_bytes);
        writer.frame(Kind::Info, 0, info_bytes)?;
        Ok(writer)
    }

    /// Adds an element of a shard.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn push(&mut self, shard: u16, element: &Element) -> Result<(), SnapshotError> {
        if shard != self.shard || self.batch.size() >= FRAME_BYTES {
            self.flush()?;
            self.shard = shard;
        }
        self.batch.push_with(|out| element::encode(element, out));
        self.elements += 1;
        Ok(())
    }

    /// Makes the snapshot durable and gives it its name. Says how many bytes it has.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn finish(mut self) -> Result<u64, SnapshotError> {
        self.flush()?;
        let elements = self.elements.to_le_bytes().to_vec();
        self.frame(Kind::End, 0, elements)?;
        let path = path(&self.dir, self.number);
        let named = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(self.dir.join(UNFINISHED), &path))
            .and_then(|()| File::open(&self.dir)?.sync_all());
        named.map_err(|error| SnapshotError::Io(path, error))?;
        Ok(self.bytes)
    }

    fn flush(&mut self) -> Result<(), SnapshotError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let payload = self.batch.as_bytes().to_vec();
        self.batch.clear();
        self.frame(Kind::Elements, self.shard, payload)
    }

    fn frame(&mut self, kind: Kind, shard: u16, mut payload: Vec<u8>) -> Result<(), SnapshotError> {
        let header = FrameHeader { kind, shard, number: self.frames, payload_bytes: payload.len() as u32 };
        let header = header.encode();
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(self.frames), Aad::from(&header), &mut payload)
            .expect("AES-GCM seals up to 64 GiB");
        payload.extend_from_slice(tag.as_ref());
        self.frames += 1;
        self.write(&header)?;
        self.write(&payload)
    }

    /// Synced bit by bit: a sync of the journal that meets all of it on its way would wait for it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let written = self.file.write_all(bytes).and_then(|()| {
            self.unsynced += bytes.len();
            if self.unsynced < SYNCED_BYTES {
                return Ok(());
            }
            self.unsynced = 0;
            self.file.sync_data()
        });
        written.map_err(|error| SnapshotError::Io(self.dir.join(UNFINISHED), error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// The finished snapshots in `dir`, newest first. None when there is no such folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn snapshots(dir: &Path) -> Result<Vec<(u64, PathBuf)>, SnapshotError> {
    let failed = |error| SnapshotError::Io(dir.to_owned(), error);
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let digits = name.and_then(|name| name.strip_suffix(EXTENSION));
        if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
    Ok(found)
}

/// Removes all but the newest `keep` snapshots, at least one.
///
/// # Errors
/// When a file cannot be removed.
pub fn remove_old_snapshots(dir: &Path, keep: usize) -> Result<(), SnapshotError> {
    for (_, path) in snapshots(dir)?.into_iter().skip(keep.max(1)) {
        fs::remove_file(&path).map_err(|error| SnapshotError::Io(path, error))?;
    }
    Ok(())
}

/// What the snapshot in this file says of itself; nothing else of it is looked at.
///
/// # Errors
/// When that cannot be read.
pub fn snapshot_info(path: &Path, keys: &DataKeys) -> Result<SnapshotInfo, SnapshotError> {
    Reader::open(path, keys).map(|(_, info)| info)
}

/// Reads a snapshot: each element with the number of the shard that it was in.
///
/// # Errors
/// When the file is not whole, or an element is rejected. Elements before that have been visited.
pub fn read_snapshot(
    path: &Path,
    keys: &DataKeys,
    visit: &mut dyn FnMut(u16, Element),
) -> Result<SnapshotInfo, SnapshotError> {
    let (mut reader, info) = Reader::open(path, keys)?;
    let mut elements = 0u64;
    loop {
        let (header, payload) = reader.frame()?;
        match header.kind {
            Kind::Info => return Err(reader.unusable("it begins twice")),
            Kind::Elements => {
                let mut rest = &payload[..];
                while let Some(bytes) = split_record(&mut rest) {
                    let element = element::decode(bytes);
                    visit(header.shard, element.map_err(|Rejected(reason)| reader.unusable(reason))?);
                    elements += 1;
                }
                if !rest.is_empty() {
                    return Err(reader.unusable("an element is cut short"));
                }
            }
            Kind::End if payload == elements.to_le_bytes() => return Ok(info),
            Kind::End => return Err(reader.unusable("elements are missing")),
        }
        reader.buffer = payload;
    }
}

pub(crate) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    key: LessSafeKey,
    frames: u32,
    buffer: Vec<u8>,
}

impl Reader {
    pub(crate) fn open(path: &Path, keys: &DataKeys) -> Result<(Reader, SnapshotInfo), SnapshotError> {
        let failed = |error| SnapshotError::Io(path.to_owned(), error);
        let unusable = |reason| SnapshotError::Unusable(path.to_owned(), reason);
        let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).map_err(failed)?;
        let number =
            |at: usize| u32::from_le_bytes(*header[at..].first_chunk().expect("the header is longer"));
        if header[..8] != *MAGIC {
            return Err(unusable("it is no snapshot"));
        }
        if number(8) != ELEMENT_VERSION {
            return Err(SnapshotError::Version(path.to_owned(), number(8)));
        }
        let salt: [u8; 32] = *header[16..].first_chunk().expect("the header is longer");
        let key = keys.derive(number(12), &salt, &[KEY_INFO]);
        let key = key.ok_or_else(|| SnapshotError::NoKey(path.to_owned(), number(12)))?;
        let mut reader = Reader { path: path.to_owned(), file, key, frames: 0, buffer: Vec::new() };
        let (header, payload) = reader.frame()?;
        let info = postcard::from_bytes(&payload).ok().filter(|_| header.kind == Kind::Info);
        let info = info.ok_or_else(|| reader.unusable("it does not say what it is"))?;
        Ok((reader, info))
    }

    pub(crate) fn frame(&mut self) -> Result<(FrameHeader, Vec<u8>), SnapshotError> {
        let mut header = [0; FRAME_HEADER_BYTES];
        self.read(&mut header)?;
        let decoded = FrameHeader::decode(&header).filter(|decoded| decoded.number == self.frames);
        let decoded = decoded.ok_or_else(|| self.unusable("a frame is damaged"))?;
        // Read in steps of what is there, so that a damaged length does not take all memory.
        let length = decoded.payload_bytes as usize + TAG_BYTES;
        let mut payload = std::mem::take(&mut self.buffer);
        payload.clear();
        let read = (&mut self.file).take(length as u64).read_to_end(&mut payload);
        let read = read.map_err(|error| SnapshotError::Io(self.path.clone(), error))?;
        if read < length {
            return Err(self.unusable("it ends early"));
        }
        let opened = self.key.open_in_place(nonce(self.frames), Aad::from(&header), &mut payload);
        let opened = opened.map(|clear| clear.len());
        let clear = opened.map_err(|_| self.unusable("the seal of a frame is broken"))?;
        payload.truncate(clear);
        self.frames += 1;
        Ok((decoded, payload))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), SnapshotError> {
        self.file.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.unusable("it ends early"),
            _ => SnapshotError::Io(self.path.clone(), error),
        })
    }

    fn unusable(&self, reason: &'static str) -> SnapshotError {
        SnapshotError::Unusable(self.path.clone(), reason)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Info = 1,
    Elements = 2,
    End = 3,
}

pub(crate) struct FrameHeader {
    pub(crate) kind: Kind,
    shard: u16,
    number: u32,
    payload_bytes: u32,
}

impl FrameHeader {
    fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..2].copy_from_slice(&(self.kind as u16).to_le_bytes());
        bytes[2..4].copy_from_slice(&self.shard.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[8..].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; FRAME_HEADER_BYTES]) -> Option<FrameHeader> {
        let kind = match u16::from_le_bytes([bytes[0], bytes[1]]) {
            1 => Kind::Info,
            2 => Kind::Elements,
            3 => Kind::End,
            _ => return None,
        };
        let shard = u16::from_le_bytes([bytes[2], bytes[3]]);
        let number = u32::from_le_bytes(*bytes[4..].first_chunk()?);
        let payload_bytes = u32::from_le_bytes(*bytes[8..].first_chunk()?);
        Some(FrameHeader { kind, shard, number, payload_bytes })
    }
}

/// Each file has a key of its own, so the number of the frame is nonce enough.
fn nonce(frame: u32) -> Nonce {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&frame.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}{EXTENSION}"))
}

impl SnapshotInfo {
    /// The positions as the journal takes them.
    #[must_use]
    pub fn positions(&self) -> Vec<Sequence> {
        self.positions.iter().copied().map(Sequence).collect()
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            SnapshotError::Unusable(path, reason) => write!(f, "snapshot {}: {reason}", path.display()),
            SnapshotError::Version(path, version) => {
                let path = path.display();
                write!(
                    f,
                    "snapshot {path} has version {version}, and this build reads version {ELEMENT_VERSION}"
                )
            }
            SnapshotError::NoKey(path, version) => {
                let path = path.display();
                write!(
                    f,
                    "snapshot {path} is sealed under data key {version}, which is not in the file of data keys"
                )
            }
            SnapshotError::NoRandom => f.write_str("the system gave no random bytes"),
        }
    }
}

impl std::error::Error for SnapshotError {}

const MAGIC: &[u8; 8] = b"TURNOUTS";
const KEY_INFO: &[u8] = b"turnout snapshot 1";
const EXTENSION: &str = ".snapshot";
const UNFINISHED: &str = "snapshot.tmp";
const HEADER_BYTES: usize = 48;
const FRAME_HEADER_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Elements of a frame, in bytes. A page of fingerprints is 40 KB.
const FRAME_BYTES: usize = 1 << 18;

const SYNCED_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests;
