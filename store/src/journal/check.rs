//! What every reader of the journal checks of a frame.

use super::batch::Records;
use super::error::Damage;
use super::frame::Frame;
use super::place::Track;
use super::seal::SegmentKey;
use super::segment::SegmentEnd;

/// The records of a frame that are not known yet.
pub(super) struct Unknown<'a> {
    /// How many of the frame's records are known.
    pub(super) known: u32,
    /// The others.
    pub(super) records: Records<'a>,
}

/// Whether the frame is the next behind `end`.
pub(super) fn order(frame: &Frame<'_>, end: SegmentEnd) -> Result<(), Damage> {
    let is_next = frame.header.number == end.frames && frame.header.chain == end.chain;
    if is_next { Ok(()) } else { Err(Damage::FrameOrder) }
}

/// Checks a frame whose checksum is right: place, sequence, seal, and that it consists of records.
/// The clear payload goes to `scratch`. Moves nothing on.
pub(super) fn frame<'a>(
    frame: &Frame<'_>,
    end: SegmentEnd,
    track: &Track,
    key: &SegmentKey,
    scratch: &'a mut Vec<u8>,
) -> Result<Unknown<'a>, Damage> {
    order(frame, end)?;
    let known = track.judge(&frame.header).ok_or(Damage::Sequence)?;
    let payload = frame.open(key, scratch).ok_or(Damage::Seal)?;
    let records = Records::of_payload(payload, frame.header.count).ok_or(Damage::Records)?;
    Ok(Unknown { known, records: records.behind(known) })
}

/// Where a segment ends behind this frame.
pub(super) fn behind(frame: &Frame<'_>) -> SegmentEnd {
    SegmentEnd { frames: frame.header.number + 1, chain: frame.checksum }
}
