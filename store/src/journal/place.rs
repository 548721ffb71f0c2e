use super::frame::FrameHeader;
use super::{Sequence, Stream};

/// Where the replay of a journal begins: at its beginning, or where a snapshot was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The first segment to be read. Older ones need not exist.
    pub segment: u64,
    /// How many records of each stream are known already, by stream number; of a stream that is
    /// not listed none. They are not visited, and the journal must not end before them.
    pub positions: Vec<Sequence>,
}

impl Default for Start {
    /// The beginning of the journal.
    fn default() -> Start {
        Start { segment: 1, positions: Vec::new() }
    }
}

/// A place between two frames, from which a [`super::JournalReader`] can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment.
    pub segment: u64,
    /// Byte of its file at which the next frame begins or will begin; 0 for its first frame.
    pub offset: u64,
    /// How many records of each stream have been read, by stream number.
    pub positions: Vec<Sequence>,
}

impl Default for Place {
    /// The beginning of the journal.
    fn default() -> Place {
        Start::default().into()
    }
}

impl From<Start> for Place {
    fn from(start: Start) -> Place {
        Place { segment: start.segment, offset: 0, positions: start.positions }
    }
}

/// Where each stream stands while frames are read, and how much of it is known from before.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// How far each stream is known: visited, or not to be visited.
    known: Vec<Sequence>,
    met: Vec<Met>,
    /// Of streams that are in neither list.
    unlisted: Met,
}

/// What the next frame of a stream must be.
#[derive(Clone, Copy, Debug)]
enum Met {
    /// Any: the stream may have begun in segments that are gone.
    Anywhere,
    /// The first we meet, which may begin before the place where the stream is known to stand.
    NotYet,
    /// The one that begins here.
    At(Sequence),
}

impl Track {
    /// From these positions on.
    pub(super) fn from(positions: Vec<Sequence>) -> Track {
        Track { met: vec![Met::NotYet; positions.len()], known: positions, unlisted: Met::NotYet }
    }

    /// From these positions on; streams that stand at 0 anywhere.
    pub(super) fn from_part(positions: Vec<Sequence>) -> Track {
        let met = |position: &Sequence| if position.0 == 0 { Met::Anywhere } else { Met::NotYet };
        Track { met: positions.iter().map(met).collect(), known: positions, unlisted: Met::Anywhere }
    }

    /// Takes every stream where its first frame begins.
    pub(super) fn anywhere() -> Track {
        Track { known: Vec::new(), met: Vec::new(), unlisted: Met::Anywhere }
    }

    /// One stream from a place on; the others anywhere.
    pub(super) fn only(stream: Stream, from: Sequence) -> Track {
        let mut track = Track::anywhere();
        track.list(stream);
        track.known[usize::from(stream.0)] = from;
        track.met[usize::from(stream.0)] = Met::NotYet;
        track
    }

    /// How many of the frame's records are known already; `None` when it does not continue its
    /// stream.
    pub(super) fn judge(&self, frame: &FrameHeader) -> Option<u32> {
        let index = usize::from(frame.stream.0);
        let known = self.known.get(index).copied().unwrap_or_default();
        let continues = match self.met.get(index).unwrap_or(&self.unlisted) {
            Met::Anywhere => return Some(0),
            Met::NotYet => frame.first <= known,
            Met::At(next) => frame.first == *next,
        };
        let before = known.0.saturating_sub(frame.first.0);
        // At most the frame's count, so it fits.
        continues.then(|| before.min(u64::from(frame.count)) as u32)
    }

    /// Moves the frame's stream on.
    pub(super) fn advance(&mut self, frame: &FrameHeader) {
        let next = frame.first.after(frame.count);
        self.list(frame.stream);
        let index = usize::from(frame.stream.0);
        self.known[index] = self.known[index].max(next);
        self.met[index] = Met::At(next);
    }

    /// How far each stream is known, by stream number.
    pub(super) fn positions(&self) -> &[Sequence] {
        &self.known
    }

    /// Whether a stream ends before the place to which it was known.
    pub(super) fn ends_early(&self) -> bool {
        self.known.iter().zip(&self.met).any(|(known, met)| matches!(met, Met::At(next) if next < known))
    }

    /// Whether there must be more of `stream`, when it stands at `position` at least.
    pub(super) fn is_behind(&self, stream: Stream, position: Sequence) -> bool {
        let index = usize::from(stream.0);
        let known = self.known.get(index).copied().unwrap_or_default();
        !matches!(self.met.get(index).unwrap_or(&self.unlisted), Met::Anywhere) && known < position
    }

    fn list(&mut self, stream: Stream) {
        let count = usize::from(stream.0) + 1;
        if count > self.known.len() {
            self.known.resize(count, Sequence(0));
            self.met.resize(count, self.unlisted);
        }
    }
}
