//! A frame: one appended batch on disk, header, sealed payload, tag and padding.

use super::seal::{Opening, SegmentKey, TAG_BYTES};
use super::segment::array;
use super::{Batch, Sequence, Stream};

/// Frames begin at multiples of this, so that a search for frames behind a damaged one is short.
pub(super) const ALIGNMENT: usize = 8;

/// Size of a frame's header.
pub(super) const FRAME_HEADER_BYTES: usize = 48;

/// What the header of a frame says. `docs/journal.md` has the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Bytes of the payload, without tag and padding.
    pub(super) payload_bytes: u32,
    /// Counts the frames of the segment from 0.
    pub(super) number: u32,
    /// Frames of the segment that were durable before this one was written. A damaged frame below
    /// that number cannot be the torn end of an interrupted write.
    pub(super) durable_before: u32,
    /// Checksum of the frame before this one, or of the segment's header.
    pub(super) chain: u32,
    pub(super) opening: Opening,
    pub(super) stream: Stream,
    pub(super) first: Sequence,
    pub(super) count: u32,
}

/// A frame whose checksum is right. Its seal has not been looked at.
pub(super) struct Frame<'a> {
    pub(super) header: FrameHeader,
    /// Covers everything in the frame, and is the next frame's `chain`.
    pub(super) checksum: u32,
    /// Size of the whole frame in bytes.
    pub(super) size: usize,
    header_bytes: &'a [u8],
    sealed: &'a [u8],
}

/// Size in bytes of the frame of a payload.
pub(super) fn frame_size(payload_bytes: usize) -> usize {
    (FRAME_HEADER_BYTES + payload_bytes + TAG_BYTES).next_multiple_of(ALIGNMENT)
}

impl FrameHeader {
    /// Appends the sealed frame of `batch` to `out` and returns its checksum.
    pub(super) fn seal(&self, key: &SegmentKey, batch: &Batch, out: &mut Vec<u8>) -> u32 {
        let start = out.len();
        out.extend_from_slice(&self.encode());
        out.extend_from_slice(batch.as_bytes());
        let (header, payload) = out[start..].split_at_mut(FRAME_HEADER_BYTES);
        let tag = key.seal(self.opening, self.number, &header[..CHECKSUM_AT], payload);
        out.extend_from_slice(tag.as_ref());
        out.resize(start + frame_size(batch.size()), 0);
        let checksum = checksum(&out[start..]);
        out[start + CHECKSUM_AT..start + FRAME_HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
        checksum
    }

    /// The header with its checksum still zero.
    fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..8].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.number.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.durable_before.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.chain.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.opening);
        bytes[28..30].copy_from_slice(&self.stream.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.count.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; FRAME_HEADER_BYTES]) -> FrameHeader {
        FrameHeader {
            payload_bytes: u32::from_le_bytes(array(bytes, 4)),
            number: u32::from_le_bytes(array(bytes, 8)),
            durable_before: u32::from_le_bytes(array(bytes, 12)),
            chain: u32::from_le_bytes(array(bytes, 16)),
            opening: array(bytes, 20),
            stream: Stream(u16::from_le_bytes(array(bytes, 28))),
            first: Sequence(u64::from_le_bytes(array(bytes, 32))),
            count: u32::from_le_bytes(array(bytes, 40)),
        }
    }
}

impl<'a> Frame<'a> {
    /// The frame at the front of `bytes`, if a whole one with the right checksum is there.
    pub(super) fn at_front(bytes: &'a [u8]) -> Option<Frame<'a>> {
        let (size, header) = Frame::announced(bytes)?;
        let header_bytes = bytes.first_chunk::<FRAME_HEADER_BYTES>()?;
        let payload_bytes = header.payload_bytes as usize;
        let frame = bytes.get(..size)?;
        let checksum = checksum(frame);
        if header_bytes[CHECKSUM_AT..] != checksum.to_le_bytes() {
            return None;
        }
        let sealed = &frame[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + payload_bytes + TAG_BYTES];
        Some(Frame {
            header,
            checksum,
            size: frame.len(),
            header_bytes: &header_bytes[..CHECKSUM_AT],
            sealed,
        })
    }

    /// Size and header of the frame at the front of `bytes`, if a header is there; its checksum
    /// has not been looked at.
    pub(super) fn announced(bytes: &[u8]) -> Option<(usize, FrameHeader)> {
        let header_bytes = bytes.first_chunk::<FRAME_HEADER_BYTES>()?;
        if header_bytes[..4] != *MAGIC {
            return None;
        }
        let header = FrameHeader::decode(header_bytes);
        Some((frame_size(header.payload_bytes as usize), header))
    }

    /// Opens the seal into `scratch` and returns the payload, which is encoded as a [`Batch`] is.
    /// `None` when the seal is broken.
    pub(super) fn open<'b>(&self, key: &SegmentKey, scratch: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        scratch.clear();
        scratch.extend_from_slice(self.sealed);
        key.open(self.header.opening, self.header.number, self.header_bytes, scratch).ok()
    }
}

/// Over the whole frame but the checksum itself.
fn checksum(frame: &[u8]) -> u32 {
    let header = crc32c::crc32c(&frame[..CHECKSUM_AT]);
    crc32c::crc32c_append(header, &frame[FRAME_HEADER_BYTES..])
}

const MAGIC: &[u8; 4] = b"TOJF";
const CHECKSUM_AT: usize = FRAME_HEADER_BYTES - 4;
