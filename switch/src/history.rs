//! Transactions for the tools: what the transaction store has, and behind it what the journal has and the store
//! has not yet. Whatever was answered is found, whether or not `serve` runs.

use crate::projection::{ProjectionError, read_place};
use crate::recovery::{self, RecoveryError};
use crate::settings::Settings;
use auth::Record;
use store::{JournalReader, Place, Sequence, Until};
use transaction_store::{Entry, Filter, Reader, Tail, TransactionStoreError};

/// How often to begin anew when the writer has gone on and old segments have gone meanwhile.
const ATTEMPTS: usize = 3;

/// The transactions that are looked for, oldest first, with their events.
///
/// # Errors
/// When the journal or the store cannot be read.
pub fn read(settings: &Settings, filter: &Filter) -> Result<Vec<Entry>, ProjectionError> {
    let mut attempt = 1;
    loop {
        match read_once(settings, filter) {
            Err(ProjectionError::Recovery(RecoveryError::Journal(_))) if attempt < ATTEMPTS => attempt += 1,
            done => return done,
        }
    }
}

fn read_once(settings: &Settings, filter: &Filter) -> Result<Vec<Entry>, ProjectionError> {
    let reader = match Reader::open(&settings.transactions.file) {
        // `serve` will make it anew; the journal answers meanwhile.
        Err(TransactionStoreError::OtherSchema(_)) => None,
        opened => opened.map_err(ProjectionError::Store)?,
    };
    let (stored, place) = match &reader {
        Some(reader) => {
            let stored = reader.search(filter).map_err(ProjectionError::Store)?;
            (stored, reader.progress().place.as_deref().and_then(read_place))
        }
        None => (Vec::new(), None),
    };
    let mut tail = Tail::new(filter.clone());
    let next = reader.map(|reader| reader.progress().next.clone()).unwrap_or_default();
    visit_from(settings, place, |stream, sequence, record| {
        // Without a place the journal is read from the beginning, and what the store has comes again.
        if next.get(&stream).is_none_or(|next| sequence.0 >= *next) {
            tail.apply(record);
        }
    })?;
    Ok(tail.after(stored))
}

fn visit_from(
    settings: &Settings,
    place: Option<Place>,
    mut visit: impl FnMut(u16, Sequence, &Record),
) -> Result<(), ProjectionError> {
    let failed = |error| ProjectionError::Recovery(RecoveryError::Journal(error));
    let folder = recovery::journal_folder(settings);
    let oldest = if folder.exists() { store::oldest_segment(&folder).map_err(failed)? } else { None };
    let Some(oldest) = oldest else { return Ok(()) };
    let keys = recovery::data_keys(settings).map_err(ProjectionError::Recovery)?;
    let opened = match place {
        Some(place) => JournalReader::open_part(&folder, &keys, &place, Until::WholeFrames),
        None if oldest > 1 => JournalReader::open_segment(&folder, &keys, oldest, Until::WholeFrames),
        None => JournalReader::open(&folder, &keys, &Place::default(), Until::WholeFrames),
    };
    let mut journal = opened.map_err(failed)?;
    while let Some(frame) = journal.next_frame().map_err(failed)? {
        let (stream, mut sequence) = (frame.stream, frame.first);
        for bytes in frame.records {
            let record = store::decode_record(bytes).map_err(ProjectionError::Record)?;
            visit(stream.0, sequence, &record);
            sequence = sequence.after(1);
        }
    }
    Ok(())
}
