mod days;

use crate::entry::{self, Event, EventKind, class_word, day_text, write_receipt};
use crate::error::{TransactionStoreError, while_doing};
use crate::file::{self, WriteLock};
use crate::part::{Kind, MERGED_PARTS, PART_ROWS, Part};
use crate::schema;
use auth::{
    AccountId, Card, CardAnswer, Funds, LinkName, Origin, Record, Remittance, Shares, StoredTransaction,
    Transaction, TransactionId,
};
use card::{CivilDay, Pan, Time, UtcOffset};
use days::Day;
use rusqlite::{Connection, OptionalExtension, Statement, ToSql};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{DataKeys, Sequence, Stream};

/// The store, open for writing: records go in, rows come out.
///
/// Records are applied in large transactions. What is not committed is lost with the process, and comes again
/// from the journal: the progress is committed with the rows it stands for.
pub struct TransactionStore {
    connection: Connection,
    path: PathBuf,
    /// Card numbers stand in it sealed, and under a keyed hash.
    keys: DataKeys,
    business_offset: UtcOffset,
    parts: Vec<Part>,
    /// The part that takes rows now, by kind and day.
    open: Vec<OpenPart>,
    next_part: i64,
    next_event: i64,
    next_card_event: i64,
    progress: BTreeMap<u16, u64>,
    place: Option<String>,
    /// Newest time seen in a record.
    clock: Option<Time>,
    covers_since: Option<Time>,
    days: BTreeMap<String, Day>,
    totals: BTreeMap<TotalKey, Total>,
    in_transaction: bool,
    parts_changed: bool,
    receipt: String,
    _lock: WriteLock,
}

struct OpenPart {
    kind: Kind,
    /// `None` where no record has told a time yet.
    day: Option<CivilDay>,
    index: usize,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TotalKey {
    day: CivilDay,
    link: String,
    terminal: String,
    kind: &'static str,
    result: &'static str,
    currency: u16,
}

#[derive(Default)]
struct Total {
    number: i64,
    amount_minor: i64,
}

/// What an event needs of the row of its transaction.
struct Before {
    part: usize,
    standing_minor: i64,
    posted: bool,
    link: String,
    terminal: String,
    kind: String,
    account: Option<String>,
    currency: u16,
    /// The account's.
    billing_currency: u16,
}

/// How far the store has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The next record of each stream that was ever seen.
    pub next: BTreeMap<u16, u64>,
    /// Where in the journal to read on, in the words of whoever committed.
    pub place: Option<String>,
    /// Newest time in a record.
    pub clock: Option<Time>,
    /// From when on everything is here that was ever recorded; [`Progress::ALWAYS`] where nothing is missing, and
    /// `None` before that is known.
    pub covers_since: Option<Time>,
}

impl Progress {
    /// Before everything.
    pub const ALWAYS: Time = Time { unix_ms: i64::MIN };

    /// Whether everything is here that was recorded at this moment or later.
    #[must_use]
    pub fn covers(&self, since: Time) -> bool {
        self.covers_since.is_some_and(|covered| covered <= since)
    }
}

/// How far apart in time neighbours in the journal can be: shards read the clock before they record.
const DISORDER: Duration = Duration::from_mins(10);

impl TransactionStore {
    /// Opens the file, or makes it: also when it is of another version, since the journal has everything. A file
    /// that is damaged or no store of ours is renamed to `….damaged` before.
    ///
    /// # Errors
    /// When another process writes to it, or SQLite or the file system fails. The file is then left as it is.
    pub fn open(
        path: &Path,
        business_offset: UtcOffset,
        keys: DataKeys,
    ) -> Result<TransactionStore, TransactionStoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            file::make_folder(folder)?;
        }
        let lock = WriteLock::take(path)?;
        let connection = file::open_writer(path)?;
        let mut store = TransactionStore {
            connection,
            path: path.to_owned(),
            keys,
            business_offset,
            parts: Vec::new(),
            open: Vec::new(),
            next_part: 1,
            next_event: 1,
            next_card_event: 1,
            progress: BTreeMap::new(),
            place: None,
            clock: None,
            covers_since: None,
            days: BTreeMap::new(),
            totals: BTreeMap::new(),
            in_transaction: false,
            parts_changed: false,
            receipt: String::new(),
            _lock: lock,
        };
        store.load().map_err(while_doing("reading the progress"))?;
        Ok(store)
    }

    /// Removes the file, to make it anew from the journal.
    ///
    /// # Errors
    /// When another process writes to it, or it cannot be removed.
    pub fn remove(path: &Path) -> Result<(), TransactionStoreError> {
        if !path.exists() {
            return Ok(());
        }
        let _lock = WriteLock::take(path)?;
        file::remove(path)
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far the store has come, applied records that are not committed included.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            next: self.progress.clone(),
            place: self.place.clone(),
            clock: self.clock,
            covers_since: self.covers_since,
        }
    }

    /// Notes, before the first record, that it is the first that was ever recorded. A store that was not told so
    /// covers what came after its first record. Changes nothing once records were applied.
    pub fn begins_with_the_journal(&mut self) {
        if self.progress.is_empty() {
            self.covers_since = Some(Progress::ALWAYS);
        }
    }

    /// Takes the next record of a stream. `false` when the store has it already.
    ///
    /// # Errors
    /// When records are missing before it, or SQLite fails; what was not committed is then to be given anew to
    /// a store that is opened anew.
    pub fn apply(
        &mut self,
        stream: Stream,
        sequence: Sequence,
        record: &Record,
    ) -> Result<bool, TransactionStoreError> {
        let expected = self.progress.get(&stream.0).copied();
        match expected {
            Some(next) if sequence.0 < next => return Ok(false),
            Some(next) if sequence.0 > next => {
                return Err(TransactionStoreError::Gap { stream, expected: Sequence(next), found: sequence });
            }
            _ => {}
        }
        self.rows(record).map_err(while_doing("writing rows"))?;
        self.covers_since = self.covers_since.or(self.clock.map(|clock| clock.plus(DISORDER)));
        self.progress.insert(stream.0, sequence.0 + 1);
        Ok(true)
    }

    /// Notes where streams stand that have no record in the journal any more. To be told when all that it has was
    /// applied: a stream of which there was nothing recorded in segments that are gone, or never.
    ///
    /// # Errors
    /// When SQLite fails: the store is then to be opened anew.
    pub fn note_ends(
        &mut self,
        streams: impl IntoIterator<Item = (Stream, Sequence)>,
    ) -> Result<(), TransactionStoreError> {
        let mut is_noted = false;
        for (stream, next) in streams {
            if next.0 > 0 && !self.progress.contains_key(&stream.0) {
                self.progress.insert(stream.0, next.0);
                is_noted = true;
            }
        }
        if is_noted {
            let written = self.begin().and_then(|()| self.finish_transaction());
            written.map_err(while_doing("noting where streams stand"))?;
        }
        Ok(())
    }

    /// Makes what was applied visible to readers, with the place of the journal from which to read on.
    ///
    /// # Errors
    /// When SQLite fails: the store is then to be opened anew.
    pub fn commit(&mut self, place: Option<&str>) -> Result<(), TransactionStoreError> {
        if place.is_some() && self.place.as_deref() != place {
            self.begin().map_err(while_doing("committing rows"))?;
            self.place = place.map(str::to_owned);
        }
        if !self.in_transaction {
            return Ok(());
        }
        self.finish_transaction().map_err(while_doing("committing rows"))?;
        while let Some((kind, day)) = self.mergeable() {
            self.merge(kind, &day).map_err(while_doing("merging parts"))?;
        }
        Ok(())
    }

    /// Transactions in the file.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        let parts = self.parts.iter().filter(|part| part.kind == Kind::Transactions);
        parts.map(|part| part.row_count).sum()
    }
}

/// Rows of records.
impl TransactionStore {
    fn rows(&mut self, record: &Record) -> rusqlite::Result<()> {
        self.begin()?;
        match record {
            Record::Decided(transaction) => self.decided(transaction)?,
            Record::CardStored(card) => {
                let event = CardEvent { card: Some(card), ..CardEvent::of("stored", card.pan) };
                self.card_event(&event)?;
            }
            Record::CardRemoved(removed) => {
                self.tick(removed.time);
                self.card_event(&CardEvent::of("removed", removed.pan))?;
            }
            Record::Reversed(reversed) => self.event(record, reversed.origin.as_ref())?,
            Record::Completed(completed) => self.event(record, completed.origin.as_ref())?,
            Record::HoldExpired(expired) => self.event(record, expired.origin.as_ref())?,
            Record::HoldReleased(released) => self.event(record, released.origin.as_ref())?,
            Record::Credited(credited) => self.other_side(record, credited.link, credited.account)?,
            Record::RemittanceSent(sent) => {
                self.other_side(record, sent.remittance.link, sent.remittance.account)?;
            }
            Record::RemittanceTaken(outcome) => {
                let Remittance { link, account, .. } = outcome.remittance;
                self.other_side(record, link, account)?;
            }
            Record::RemittanceSettled(outcome) => self.tick(outcome.time),
            Record::RemittanceForgotten(forgotten) => self.tick(forgotten.time),
            Record::ReversalRemembered(remembered) => self.tick(remembered.time),
            Record::AccountRemoved(removed) => self.tick(removed.time),
            // What is recalled is here already; what then changes it comes as a record of its own.
            Record::AccountStored(_) | Record::Recalled(_) => {}
            Record::LimitChanged(changed) => self.tick(changed.time),
            Record::HotListChanged(changed) => self.tick(changed.time),
            Record::TokenStored(_) | Record::HolderStored(_) => {}
            Record::TokenRemoved(removed) => self.tick(removed.time),
            Record::ModeChanged(_)
            | Record::ModeUsed(_)
            | Record::OwnTransfer(_)
            | Record::ConfirmationAsked(_)
            | Record::Alarm(_)
            | Record::CardBlocked(_) => record.time().into_iter().for_each(|time| self.tick(time)),
            Record::CardAnswered(answer) => self.card_answered(answer)?,
            Record::ScriptQueued(queued) => self.tick(queued.time),
            Record::ScriptSent(sent) => self.tick(sent.time),
            Record::ScriptConfirmed(confirmed) => self.tick(confirmed.time),
            Record::PinTriesCleared(cleared) => {
                self.tick(cleared.time);
                let event = CardEvent::of("pin_tries", cleared.pan);
                self.card_event(&CardEvent { pin_tries_used: Some(0), ..event })?;
            }
        }
        Ok(())
    }

    fn tick(&mut self, time: Time) {
        if self.clock.is_none() {
            self.date_undated(time.day(self.business_offset));
        }
        self.clock = self.clock.max(Some(time));
    }

    /// Cards that were put on file before any record told a time count for the first day that there is.
    fn date_undated(&mut self, day: CivilDay) {
        for part in self.parts.iter_mut().filter(|part| part.day.is_empty()) {
            part.day = day_text(day);
            part.changed = true;
            self.days.insert(part.day.clone(), Day::DUE);
            self.parts_changed = true;
        }
        self.open.clear();
    }

    fn decided(&mut self, transaction: &Transaction) -> rusqlite::Result<()> {
        self.tick(transaction.time);
        let index = self.part_for(Kind::Transactions, Some(transaction.business_day))?;
        let part = &mut self.parts[index];
        let mut insert = self.connection.prepare_cached(&part.insert)?;
        let hash = self.keys.pan_lookup(&transaction.pan);
        let sealed = self.keys.seal_pan(&transaction.pan);
        write_receipt(&transaction.receipt, &mut self.receipt);
        let (id, time_ms) = (as_i64(transaction.id), transaction.time.unix_ms);
        bind_transaction(&mut insert, transaction, &hash, sealed.as_bytes(), &self.receipt)?;
        insert.raw_execute()?;
        part.count(id, time_ms);
        drop(insert);
        let (approved, kind) = (transaction.code.is_approval(), transaction.transaction.as_str());
        self.total(
            TotalKey {
                day: transaction.business_day,
                link: transaction.link.as_str().to_owned(),
                terminal: transaction.terminal.as_str().to_owned(),
                kind,
                result: if approved { "approved" } else { "declined" },
                currency: transaction.currency,
            },
            transaction.amount_minor,
        );
        if let Some(used) = transaction.pin_tries_used {
            let event = CardEvent::of("pin_tries", transaction.pan);
            self.card_event(&CardEvent { pin_tries_used: Some(used), transaction: Some(id), ..event })?;
        }
        Ok(())
    }

    /// A repeat gets what the first answer told, wherever the transaction is found by then.
    fn card_answered(&mut self, answer: &CardAnswer) -> rusqlite::Result<()> {
        self.tick(answer.time);
        let Some(value) = &answer.issuer_authentication else { return Ok(()) };
        let id = as_i64(answer.transaction);
        let Some(before) = self.before(id)? else { return Ok(()) };
        let table = self.parts[before.part].table();
        let update = format!("UPDATE {table} SET issuer_authentication = ? WHERE id = ?");
        self.connection.prepare_cached(&update)?.execute((&value[..], id))?;
        // No event tells it, so an archive that has the day is written again.
        let day = self.parts[before.part].day.clone();
        self.touch(&day);
        Ok(())
    }

    fn event(&mut self, record: &Record, origin: Option<&Origin>) -> rusqlite::Result<()> {
        let Some((transaction, event)) = Event::of(record) else { return Ok(()) };
        self.tick(event.time);
        let id = as_i64(transaction);
        let before = self.before(id)?;
        // The record knows best; records of format 1 know nothing, and their transactions are online.
        let standing_minor = origin.map(|origin| origin.standing_minor);
        let standing_minor =
            standing_minor.or(before.as_ref().map(|before| before.standing_minor)).unwrap_or(0);
        let was_posted = origin.map(|origin| origin.posted);
        let was_posted = was_posted.or(before.as_ref().map(|before| before.posted)).unwrap_or(false);
        let (status, remaining_minor) = event.kind.leads_to(standing_minor);
        let given_back = standing_minor - remaining_minor;
        let (held_change, posted_change) = match event.kind {
            EventKind::Reversed(_) if was_posted => (0, -given_back),
            EventKind::Reversed(_) | EventKind::HoldExpired => (-given_back, 0),
            EventKind::Released(_) => (-standing_minor, 0),
            EventKind::Credited(_) | EventKind::Sent(_) | EventKind::NotTaken(_) => return Ok(()),
            EventKind::Dispensed(minor) => (-standing_minor, minor),
            EventKind::Suspect => (0, 0),
        };
        // How the sums are made up, where they are more than an amount.
        let stood = origin.and_then(|origin| origin.shares);
        let stands = Event::shares(record).or(match event.kind {
            EventKind::Suspect => stood,
            _ => stood.map(|stood| Shares { amount_minor: 0, fee_minor: 0, settlement_minor: 0, ..stood }),
        });
        let posted_shares = stands.map(|stands| match (event.kind, stood.filter(|_| was_posted)) {
            (EventKind::Reversed(_), Some(stood)) => {
                (stands.fee_minor - stood.fee_minor, stands.settlement_minor - stood.settlement_minor)
            }
            (EventKind::Dispensed(_), _) => (stands.fee_minor, stands.settlement_minor),
            _ => (0, 0),
        });
        let posted = was_posted || matches!(event.kind, EventKind::Dispensed(_));
        if let Some(before) = &before {
            let table = self.parts[before.part].table();
            let sql = format!(
                "UPDATE {table} SET status = ?, standing_minor = ?, posted = ?, standing_amount_minor = ?,
                        standing_fee_minor = ?, standing_settlement_minor = ? WHERE id = ?"
            );
            let mut update = self.connection.prepare_cached(&sql)?;
            update.execute((
                status.as_str(),
                remaining_minor,
                posted,
                stands.map(|stands| stands.amount_minor),
                stands.map(|stands| stands.fee_minor),
                stands.map(|stands| stands.settlement_minor),
                id,
            ))?;
        }
        let link = origin.map(|origin| origin.link.as_str().to_owned());
        let link = link.or_else(|| before.as_ref().map(|before| before.link.clone()));
        let account = origin.map(|origin| origin.account.as_str().to_owned());
        let account = account.or_else(|| before.as_ref().and_then(|before| before.account.clone()));
        let billing_currency = before.as_ref().map(|before| before.billing_currency);
        let day = event.time.day(self.business_offset);
        let index = self.part_for(Kind::Events, Some(day))?;
        let number = self.next_event;
        let part = &mut self.parts[index];
        let mut insert = self.connection.prepare_cached(&part.insert)?;
        let row: [&dyn ToSql; 13] = [
            &number,
            &id,
            &event.time.unix_ms,
            &event.kind.word(),
            &event.kind.minor(),
            &held_change,
            &posted_change,
            &link,
            &account,
            &billing_currency,
            &posted_shares.map(|(fee_minor, _)| fee_minor),
            &posted_shares.map(|(_, settlement_minor)| settlement_minor),
            &stands.map(|stands| stands.settlement_currency.numeric()),
        ];
        insert.execute(row)?;
        part.count(number, event.time.unix_ms);
        drop(insert);
        self.next_event += 1;
        // No record says in which currency a transaction was that is not here: no total takes it then.
        if given_back != 0
            && let Some(before) = before
            && let Some(kind) = type_word(&before.kind)
        {
            let key = TotalKey {
                day,
                link: before.link,
                terminal: before.terminal,
                kind,
                result: if event.kind == EventKind::HoldExpired { "expired" } else { "reversed" },
                currency: before.currency,
            };
            // Totals are in the currency of the terminal.
            let amount =
                stood.zip(stands).map(|(stood, stands)| (stood.amount_minor - stands.amount_minor).abs());
            self.total(key, amount.unwrap_or(given_back.abs()));
        }
        Ok(())
    }

    /// The other side of a transfer: a posting on an account of its own, or what keeps that waiting.
    fn other_side(&mut self, record: &Record, link: LinkName, account: AccountId) -> rusqlite::Result<()> {
        let Some((transaction, Event { time, kind })) = Event::of(record) else { return Ok(()) };
        self.tick(time);
        let id = as_i64(transaction);
        let currency = self.before(id)?.map(|before| before.billing_currency);
        let day = time.day(self.business_offset);
        let index = self.part_for(Kind::Events, Some(day))?;
        let number = self.next_event;
        let posted_change = if let EventKind::Credited(minor) = kind { -minor } else { 0 };
        let part = &mut self.parts[index];
        let mut insert = self.connection.prepare_cached(&part.insert)?;
        let none: Option<i64> = None;
        let row: [&dyn ToSql; 13] = [
            &number,
            &id,
            &time.unix_ms,
            &kind.word(),
            &kind.minor(),
            &0,
            &posted_change,
            &link.as_str(),
            &account.as_str(),
            &currency,
            &none,
            &none,
            &none,
        ];
        insert.execute(row)?;
        part.count(number, time.unix_ms);
        drop(insert);
        self.next_event += 1;
        Ok(())
    }

    /// The row of a transaction, if it is online.
    fn before(&self, id: i64) -> rusqlite::Result<Option<Before>> {
        for (part, holder) in self.parts.iter().enumerate().rev() {
            if holder.kind != Kind::Transactions || !holder.may_hold(id) {
                continue;
            }
            let sql = format!(
                "SELECT standing_minor, posted, link, terminal, type, account, currency,
                        coalesce(billing_currency, currency) FROM {} WHERE id = ?",
                holder.table()
            );
            let mut select = self.connection.prepare_cached(&sql)?;
            let row = select.query_row([id], |row| {
                Ok(Before {
                    part,
                    standing_minor: row.get(0)?,
                    posted: row.get(1)?,
                    link: row.get(2)?,
                    terminal: row.get(3)?,
                    kind: row.get(4)?,
                    account: row.get(5)?,
                    currency: row.get(6)?,
                    billing_currency: row.get(7)?,
                })
            });
            if let Some(before) = row.optional()? {
                return Ok(Some(before));
            }
        }
        Ok(None)
    }

    fn card_event(&mut self, event: &CardEvent<'_>) -> rusqlite::Result<()> {
        let day = self.clock.map(|time| time.day(self.business_offset));
        let index = self.part_for(Kind::CardEvents, day)?;
        let number = self.next_card_event;
        let time_ms = self.clock.map(|time| time.unix_ms);
        let expiry = event.card.map(|card| {
            let yymm = card.expiry.to_yymm();
            let [y1, y2, m1, m2] = yymm.map(char::from);
            format!("20{y1}{y2}-{m1}{m2}")
        });
        let part = &mut self.parts[index];
        let mut insert = self.connection.prepare_cached(&part.insert)?;
        let row: [&dyn ToSql; 11] = [
            &number,
            &time_ms,
            &event.event,
            &event.pan.to_string(),
            &self.keys.pan_lookup(&event.pan),
            &event.card.map(|card| card.status.as_str()),
            &expiry,
            &event.card.map(|card| card.account.as_str().to_owned()),
            &event.card.map(|card| card.pin.is_some()),
            &event.pin_tries_used,
            &event.transaction,
        ];
        insert.execute(row)?;
        part.count(number, time_ms.unwrap_or(0));
        drop(insert);
        self.next_card_event += 1;
        Ok(())
    }

    fn total(&mut self, key: TotalKey, amount_minor: i64) {
        let total = self.totals.entry(key).or_default();
        total.number += 1;
        total.amount_minor = total.amount_minor.saturating_add(amount_minor);
    }
}

/// Parts.
impl TransactionStore {
    /// Index of the part that takes rows of this kind and day.
    fn part_for(&mut self, kind: Kind, day: Option<CivilDay>) -> rusqlite::Result<usize> {
        let found = self.open.iter().position(|open| open.kind == kind && open.day == day);
        if let Some(found) = found {
            let index = self.open[found].index;
            if !self.parts[index].is_full() {
                return Ok(index);
            }
            self.open.remove(found);
        }
        let text = day.map(day_text).unwrap_or_default();
        if day.is_some() {
            self.days.entry(text.clone()).or_insert(Day::DUE);
        }
        self.touch(&text);
        let room = |part: &Part| part.kind == kind && part.day == text && !part.is_full();
        let index = match self.parts.iter().rposition(room) {
            Some(index) => index,
            None => {
                let part = Part::new(self.next_part, kind, text);
                self.next_part += 1;
                self.connection.execute_batch(&part.create_table())?;
                self.connection.execute_batch(&part.create_indexes())?;
                self.parts.push(part);
                self.parts_changed = true;
                self.parts.len() - 1
            }
        };
        self.open.push(OpenPart { kind, day, index });
        Ok(index)
    }

    fn small_parts(&self, kind: Kind, day: &str) -> Vec<usize> {
        let small = |(_, part): &(usize, &Part)| part.kind == kind && part.day == day && !part.merged;
        self.parts.iter().enumerate().filter(small).map(|(index, _)| index).collect()
    }

    /// A kind and day with enough full parts for a merge.
    fn mergeable(&self) -> Option<(Kind, String)> {
        let full =
            |part: &&Part| !part.merged && part.kind != Kind::CardEvents && part.row_count >= PART_ROWS;
        let mut counts: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
        for part in self.parts.iter().filter(full) {
            *counts.entry((part.kind, &part.day)).or_default() += 1;
        }
        let enough = counts.into_iter().find(|(_, count)| *count >= MERGED_PARTS);
        enough.map(|((kind, day), _)| (kind, day.to_owned()))
    }

    /// Makes one part of the small ones of a day. Its indexes are built at once, by sorting.
    fn merge(&mut self, kind: Kind, day: &str) -> rusqlite::Result<()> {
        let sources: Vec<Part> =
            self.small_parts(kind, day).into_iter().map(|index| self.parts[index].clone()).collect();
        let mut merged = Part::new(self.next_part, kind, day.to_owned());
        merged.merged = true;
        self.next_part += 1;
        self.begin()?;
        self.connection.execute_batch(&merged.create_table())?;
        let delete = "DELETE FROM parts WHERE number = ?";
        for source in &sources {
            let copy = format!("INSERT INTO {} SELECT * FROM {}", merged.table(), source.table());
            self.connection.execute(&copy, [])?;
            self.connection.execute(delete, [source.number])?;
            merged.row_count += source.row_count;
            merged.first_id = merged.first_id.min(source.first_id);
            merged.last_id = merged.last_id.max(source.last_id);
            merged.first_ms = merged.first_ms.min(source.first_ms);
            merged.last_ms = merged.last_ms.max(source.last_ms);
        }
        self.connection.execute_batch(&merged.create_indexes())?;
        // Statements that are still prepared would keep the tables from being dropped.
        self.connection.flush_prepared_statement_cache();
        self.drop_parts(&sources)?;
        self.parts.push(merged);
        self.parts_changed = true;
        self.finish_transaction()
    }

    fn drop_parts(&mut self, gone: &[Part]) -> rusqlite::Result<()> {
        self.parts.retain(|part| gone.iter().all(|gone| gone.number != part.number));
        self.open.clear();
        // The views name the tables, so they change first.
        schema::create_views(&self.connection, &self.parts)?;
        for part in gone {
            self.connection.execute_batch(&format!("DROP TABLE {}", part.table()))?;
        }
        Ok(())
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        if !self.in_transaction {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn finish_transaction(&mut self) -> rusqlite::Result<()> {
        let mut totals = self.connection.prepare_cached(
            "INSERT INTO terminal_totals VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET number = number + excluded.number,
                                       amount_minor = amount_minor + excluded.amount_minor",
        )?;
        for (key, total) in std::mem::take(&mut self.totals) {
            totals.execute((
                day_text(key.day),
                key.link,
                key.terminal,
                key.kind,
                key.result,
                key.currency,
                total.number,
                total.amount_minor,
            ))?;
        }
        drop(totals);
        if self.parts_changed {
            schema::create_views(&self.connection, &self.parts)?;
            self.parts_changed = false;
        }
        for part in self.parts.iter_mut().filter(|part| part.changed) {
            part.save(&self.connection)?;
        }
        let mut days = self.connection.prepare_cached("INSERT OR REPLACE INTO days VALUES (?, ?)")?;
        for (day, state) in self.days.iter_mut().filter(|(_, state)| state.changed) {
            days.execute((day, state.archived))?;
            state.changed = false;
        }
        drop(days);
        let mut progress = self.connection.prepare_cached("INSERT OR REPLACE INTO progress VALUES (?, ?)")?;
        for (stream, next) in &self.progress {
            progress.execute((stream, i64::try_from(*next).unwrap_or(i64::MAX)))?;
        }
        drop(progress);
        let mut marks = self.connection.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?, ?)")?;
        marks.execute(("place", &self.place))?;
        marks.execute(("clock_ms", self.clock.map(|time| time.unix_ms)))?;
        marks.execute(("covers_since_ms", self.covers_since.map(|time| time.unix_ms)))?;
        marks.execute(("next_part", self.next_part))?;
        marks.execute(("next_event", self.next_event))?;
        marks.execute(("next_card_event", self.next_card_event))?;
        drop(marks);
        self.connection.execute_batch("COMMIT")?;
        self.in_transaction = false;
        Ok(())
    }

    fn load(&mut self) -> rusqlite::Result<()> {
        self.parts = Part::load_all(&self.connection)?;
        let progress = read_progress(&self.connection)?;
        (self.progress, self.place, self.clock) = (progress.next, progress.place, progress.clock);
        self.covers_since = progress.covers_since;
        self.next_part = mark(&self.connection, "next_part")?.unwrap_or(1);
        self.next_event = mark(&self.connection, "next_event")?.unwrap_or(1);
        self.next_card_event = mark(&self.connection, "next_card_event")?.unwrap_or(1);
        let mut days = self.connection.prepare("SELECT business_day, archived FROM days")?;
        let rows = days.query_map([], |row| {
            Ok((row.get(0)?, Day { archived: row.get(1)?, being_archived: false, changed: false }))
        })?;
        self.days = rows.collect::<rusqlite::Result<_>>()?;
        Ok(())
    }
}

/// One row of card events.
struct CardEvent<'c> {
    event: &'static str,
    pan: Pan,
    card: Option<&'c Card>,
    pin_tries_used: Option<u8>,
    transaction: Option<i64>,
}

impl CardEvent<'_> {
    fn of(event: &'static str, pan: Pan) -> CardEvent<'static> {
        CardEvent { event, pan, card: None, pin_tries_used: None, transaction: None }
    }
}

pub(crate) fn read_progress(connection: &Connection) -> rusqlite::Result<Progress> {
    let mut select = connection.prepare_cached("SELECT stream, next FROM progress")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    Ok(Progress {
        next: rows.collect::<rusqlite::Result<_>>()?,
        place: mark(connection, "place")?,
        clock: mark(connection, "clock_ms")?.map(Time::from_unix_ms),
        covers_since: mark(connection, "covers_since_ms")?.map(Time::from_unix_ms),
    })
}

fn mark<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    let sql = "SELECT value FROM marks WHERE name = ? AND value IS NOT NULL";
    connection.query_row(sql, [name], |row| row.get(0)).optional()
}

/// A transaction number as SQLite has it: counters stay far below 2^57.
pub(crate) fn as_i64(id: TransactionId) -> i64 {
    i64::try_from(id.number()).unwrap_or(i64::MAX)
}

fn type_word(word: &str) -> Option<&'static str> {
    let known: auth::TransactionType = serde_json::from_value(word.into()).ok()?;
    Some(known.as_str())
}

/// Binds the columns of [`TRANSACTION_COLUMNS`](schema::TRANSACTION_COLUMNS), in their order.
fn bind_transaction(
    insert: &mut Statement<'_>,
    transaction: &Transaction,
    pan_hash: &[u8; 16],
    pan_sealed: &[u8],
    receipt: &str,
) -> rusqlite::Result<()> {
    let (status, standing_minor) = entry::standing(transaction);
    let (funds, funds_minor, expires) = match transaction.funds {
        Funds::None => ("none", 0, None),
        Funds::Held { minor, expires } => ("held", minor, expires),
        Funds::Posted { minor } => ("posted", minor, None),
    };
    let notes = transaction.cash.and_then(|cash| cash.notes).map(|notes| format!("{notes:?}"));
    let authorization_id = transaction.authorization_id;
    let authorization_id = authorization_id.as_ref().map(|id| std::str::from_utf8(id).unwrap_or_default());
    let pan = transaction.pan.to_string();
    let counted = transaction.details.counted.to_bytes();
    let counted = (!counted.is_empty()).then_some(counted);
    let billing = transaction.details.billing.as_deref();
    let charge = billing.and_then(|billing| billing.charge.as_ref());
    let settlement = billing.map(|billing| &billing.settlement);
    let shares = billing.and_then(|_| StoredTransaction::of(transaction).billed);
    let shares = shares.map(|billed| billed.shares);
    let booking = transaction.details.booking.as_deref();
    let booking = booking.and_then(|booking| serde_json::to_string(booking).ok());
    let reward = transaction.details.told.reward;
    let token = transaction.details.token.map(|token| token.0.to_string());
    let told = transaction.details.told;
    let traces = transaction.details.traces.to_bytes();
    let row: [&dyn ToSql; 59] = [
        &as_i64(transaction.id),
        &transaction.time.unix_ms,
        &transaction.link.as_str(),
        &transaction.terminal.as_str(),
        &transaction.merchant.as_ref().map(card::MerchantId::as_str),
        &transaction.mcc,
        &class_word(transaction.class),
        &transaction.transaction.as_str(),
        &pan,
        pan_hash,
        &pan_sealed,
        &transaction.stan.number(),
        &transaction.rrn.as_ref().map(|rrn| rrn.as_str().trim()),
        &transaction.transmission.0,
        &transaction.amount_minor,
        &transaction.currency,
        &transaction.entry.as_str(),
        &transaction.code.as_str(),
        &transaction.code.is_approval(),
        &authorization_id,
        &transaction.issuer_authentication.as_deref(),
        &transaction.balance.map(|balance| balance.ledger_minor),
        &transaction.balance.map(|balance| balance.available_minor),
        &transaction.account.as_ref().map(AccountId::as_str),
        &funds,
        &funds_minor,
        &expires.map(|expires| expires.unix_ms),
        &transaction.pin_tries_used,
        &transaction.atc,
        &transaction.cash.map(|cash| cash.tsn),
        &notes,
        &(transaction.flags.cast_signed()),
        &transaction.tables_version,
        &receipt,
        &status.as_str(),
        &standing_minor,
        &matches!(transaction.funds, Funds::Posted { .. }),
        &transaction.details.customer.as_ref().map(auth::CustomerId::as_str),
        &counted,
        &billing.map(|billing| billing.amount_minor),
        &billing.map(|billing| billing.currency.numeric()),
        &billing.and_then(|billing| billing.rate).map(|rate| rate.to_string()),
        &charge.map(|charge| charge.minor),
        &charge.map(|charge| charge.fee.as_str()),
        &billing.map(|billing| billing.surcharge_minor),
        &settlement.map(|settlement| settlement.minor),
        &settlement.map(|settlement| settlement.currency.numeric()),
        &settlement.and_then(|settlement| settlement.rate).map(|rate| rate.to_string()),
        &shares.map(|shares| shares.amount_minor),
        &shares.map(|shares| shares.fee_minor),
        &shares.map(|shares| shares.settlement_minor),
        &billing.map(entry::billing_bytes),
        &booking,
        &reward.as_ref().map(auth::RewardCode::as_str),
        &token,
        &told.address.map(auth::AddressResult::as_str),
        &told.cvv2.map(auth::Cvv2Result::as_str),
        &traces.as_ref().map(<[u8; 27]>::as_slice),
        &transaction.details.verification.map(auth::HolderVerification::as_str),
    ];
    for (place, value) in row.iter().enumerate() {
        insert.raw_bind_parameter(place + 1, value)?;
    }
    Ok(())
}
