use crate::entry::{Entry, Event, EventKind, parse_status, read_billing, read_receipt};
use crate::error::{TransactionStoreError, while_doing};
use crate::file;
use crate::part::{Kind, Part};
use crate::projection::{Progress, as_i64, read_progress};
use auth::{
    AccountId, Balance, Billed, Billing, Cash, Counted, CustomerId, Funds, Recall, Record, RewardCode,
    Shares, StoredTransaction, Told, Transaction, TransactionId, TransmissionTime,
};
use card::{CivilDay, Currency, MerchantId, Pan, ResponseCode, Rrn, Stan, Time};
use rusqlite::{Connection, Row, ToSql};
use std::collections::BTreeMap;
use std::path::Path;
use store::DataKeys;

/// Which transactions are looked for. What is `None` is not asked about.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Transaction number or RRN: either will do.
    pub number_or_rrn: Option<(Option<TransactionId>, String)>,
    /// RRN, without spaces around it.
    pub rrn: Option<String>,
    /// STAN.
    pub stan: Option<u32>,
    /// The card, with its keyed hash.
    pub card: Option<(Pan, [u8; 16])>,
    /// Terminal or ATM.
    pub terminal: Option<String>,
    /// Acquiring link.
    pub link: Option<String>,
    /// Response code.
    pub code: Option<String>,
    /// Approved ones, or declined ones.
    pub approved: Option<bool>,
    /// Least amount, minor units.
    pub amount_min: Option<i64>,
    /// Largest amount, minor units.
    pub amount_max: Option<i64>,
    /// Not before this moment.
    pub from: Option<Time>,
    /// Not after this moment.
    pub to: Option<Time>,
    /// At most this many, the newest; all when `None`.
    pub limit: Option<usize>,
}

impl Filter {
    /// Whether a transaction is looked for. The limit is not asked.
    #[must_use]
    pub fn accepts(&self, transaction: &Transaction) -> bool {
        let same =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let rrn = transaction.rrn.as_ref().map_or("", |rrn| rrn.as_str().trim());
        let number_or_rrn = |(number, text): &(Option<TransactionId>, String)| {
            *number == Some(transaction.id) || (!rrn.is_empty() && text == rrn)
        };
        self.number_or_rrn.as_ref().is_none_or(number_or_rrn)
            && same(&self.terminal, transaction.terminal.as_str())
            && same(&self.link, transaction.link.as_str())
            && same(&self.code, transaction.code.as_str())
            && same(&self.rrn, rrn)
            && self.stan.is_none_or(|stan| transaction.stan.number() == stan)
            && self.card.is_none_or(|(pan, _)| transaction.pan == pan)
            && self.approved.is_none_or(|approved| transaction.code.is_approval() == approved)
            && self.amount_min.is_none_or(|least| transaction.amount_minor >= least)
            && self.amount_max.is_none_or(|most| transaction.amount_minor <= most)
            && self.from.is_none_or(|from| transaction.time >= from)
            && self.to.is_none_or(|to| transaction.time <= to)
    }

    /// Whether a part may have what is looked for.
    fn may_be_in(&self, part: &Part) -> bool {
        part.kind == Kind::Transactions
            && self.from.is_none_or(|from| part.last_ms >= from.unix_ms)
            && self.to.is_none_or(|to| part.first_ms <= to.unix_ms)
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }
}

/// The store as it is at one moment, for reading beside whoever writes.
pub struct Reader {
    connection: Connection,
    parts: Vec<Part>,
    progress: Progress,
}

/// A reader that looks at nothing: who asks often and little need not open the file each time.
pub struct Resting(Connection);

impl Resting {
    /// Looks at the store as it is now.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn look(self) -> Result<Reader, TransactionStoreError> {
        let Resting(connection) = self;
        let doing = while_doing("reading the transaction store");
        // Held until the reader goes: a checkpoint waits, and nothing else.
        connection.execute_batch("BEGIN").map_err(&doing)?;
        let progress = read_progress(&connection).map_err(&doing)?;
        let mut parts = Part::load_all(&connection).map_err(&doing)?;
        parts.sort_by_key(|part| std::cmp::Reverse((part.last_ms, part.number)));
        Ok(Reader { connection, parts, progress })
    }
}

impl Reader {
    /// Opens the file, if there is one. All answers are of this moment.
    ///
    /// # Errors
    /// When the file is of another version, or SQLite fails.
    pub fn open(path: &Path) -> Result<Option<Reader>, TransactionStoreError> {
        file::open_reader(path)?.map(|connection| Resting(connection).look()).transpose()
    }

    /// Ends the look.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn rest(self) -> Result<Resting, TransactionStoreError> {
        self.connection.execute_batch("COMMIT").map_err(while_doing("reading the transaction store"))?;
        Ok(Resting(self.connection))
    }

    /// How far the store has come.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The transactions that are looked for, oldest first, with their events; the newest ones when there are
    /// more than the limit.
    ///
    /// # Errors
    /// When SQLite fails or a value is none of ours.
    pub fn search(&self, filter: &Filter) -> Result<Vec<Entry>, TransactionStoreError> {
        let mut found: Vec<Entry> = Vec::new();
        for part in self.parts.iter().filter(|part| filter.may_be_in(part)) {
            // Parts come newest first, and those that are left are older than what is enough already.
            if found.len() >= filter.limit() {
                let oldest = found[filter.limit() - 1].time.unix_ms;
                if part.last_ms < oldest {
                    break;
                }
            }
            found.append(&mut self.search_part(part, filter)?);
            found.sort_by_key(|entry| std::cmp::Reverse((entry.time, entry.id)));
            found.truncate(filter.limit());
        }
        found.reverse();
        for entry in &mut found {
            self.add_events(entry)?;
        }
        Ok(found)
    }

    /// The transaction of this number.
    ///
    /// # Errors
    /// As [`search`](Reader::search).
    pub fn by_id(&self, id: TransactionId) -> Result<Option<Entry>, TransactionStoreError> {
        let filter =
            Filter { number_or_rrn: Some((Some(id), String::new())), limit: Some(1), ..Filter::default() };
        self.search(&filter).map(|mut found| found.pop())
    }

    /// Every transaction of a link, terminal and STAN, newest first, as memory would have it.
    ///
    /// # Errors
    /// As [`search`](Reader::search), and when a card number cannot be opened with these keys.
    pub fn recall(
        &self,
        recall: &Recall,
        keys: &DataKeys,
    ) -> Result<Vec<StoredTransaction>, TransactionStoreError> {
        let doing = while_doing("recalling");
        let mut found = Vec::new();
        for part in self.parts.iter().filter(|part| part.kind == Kind::Transactions) {
            let table = part.table();
            let sql = format!(
                "SELECT * FROM {table} INDEXED BY {table}_stan WHERE stan = ? AND terminal = ? AND link = ?"
            );
            let mut select = self.connection.prepare_cached(&sql).map_err(&doing)?;
            let key = (recall.stan.number(), recall.terminal.as_str(), recall.link.as_str());
            let mut rows = select.query(key).map_err(&doing)?;
            while let Some(row) = rows.next().map_err(&doing)? {
                found.push(stored(&part.day, row, recall, keys)?);
            }
        }
        found.sort_by_key(|stored| std::cmp::Reverse((stored.time, stored.id)));
        Ok(found)
    }

    fn search_part(&self, part: &Part, filter: &Filter) -> Result<Vec<Entry>, TransactionStoreError> {
        let doing = while_doing("searching");
        let (sql, values) = question(part, filter);
        let mut select = self.connection.prepare(&sql).map_err(&doing)?;
        let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        let mut rows = select.query(&values[..]).map_err(&doing)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&doing)? {
            found.push(entry(part, row)?);
        }
        Ok(found)
    }

    fn add_events(&self, entry: &mut Entry) -> Result<(), TransactionStoreError> {
        let doing = while_doing("reading events");
        let mut events = Vec::new();
        for part in self.parts.iter().filter(|part| part.kind == Kind::Events) {
            if part.last_ms < entry.time.unix_ms {
                continue;
            }
            let sql =
                format!("SELECT id, time_ms, event, minor FROM {} WHERE transaction_id = ?", part.table());
            let mut select = self.connection.prepare_cached(&sql).map_err(&doing)?;
            let mut rows = select.query([as_i64(entry.id)]).map_err(&doing)?;
            while let Some(row) = rows.next().map_err(&doing)? {
                let time = Time::from_unix_ms(row.get(1).map_err(&doing)?);
                let word: String = row.get(2).map_err(&doing)?;
                let kind = EventKind::parse(&word, row.get(3).map_err(&doing)?);
                let kind = kind.ok_or(TransactionStoreError::Content("event"))?;
                events.push((row.get::<_, i64>(0).map_err(&doing)?, Event { time, kind }));
            }
        }
        events.sort_by_key(|(number, _)| *number);
        // The row says where it stands; the events say how it came there.
        entry.events = events.into_iter().map(|(_, event)| event).collect();
        Ok(())
    }
}

/// The SELECT for one part, with its values. The index is named: the most telling key decides, whatever SQLite
/// may know of the others.
fn question(part: &Part, filter: &Filter) -> (String, Vec<Box<dyn ToSql>>) {
    let mut terms: Vec<&'static str> = Vec::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut index = "time";
    let mut ask = |term: &'static str, value: Box<dyn ToSql>| {
        terms.push(term);
        values.push(value);
    };
    if let Some(from) = filter.from {
        ask("time_ms >= ?", Box::new(from.unix_ms));
    }
    if let Some(to) = filter.to {
        ask("time_ms <= ?", Box::new(to.unix_ms));
    }
    if let Some(stan) = filter.stan {
        index = "stan";
        ask("stan = ?", Box::new(stan));
    }
    if let Some(terminal) = &filter.terminal {
        index = "terminal";
        ask("terminal = ?", Box::new(terminal.clone()));
    }
    if let Some((_, hash)) = filter.card {
        index = "pan_hash";
        ask("pan_hash = ?", Box::new(hash));
    }
    if let Some(rrn) = &filter.rrn {
        index = "rrn";
        ask("rrn = ?", Box::new(rrn.clone()));
    }
    if let Some(link) = &filter.link {
        ask("link = ?", Box::new(link.clone()));
    }
    if let Some(code) = &filter.code {
        ask("code = ?", Box::new(code.clone()));
    }
    if let Some(approved) = filter.approved {
        ask("approved = ?", Box::new(approved));
    }
    if let Some(least) = filter.amount_min {
        ask("amount_minor >= ?", Box::new(least));
    }
    if let Some(most) = filter.amount_max {
        ask("amount_minor <= ?", Box::new(most));
    }
    let table = part.table();
    let mut source = format!("{table} INDEXED BY {table}_{index}");
    if let Some((number, rrn)) = &filter.number_or_rrn {
        // Both keys have an index of their own.
        source = table;
        ask("(id = ? OR rrn = ?)", Box::new(number.map(as_i64)));
        values.push(Box::new(rrn.clone()));
    }
    let condition = if terms.is_empty() { "1".to_owned() } else { terms.join(" AND ") };
    let limit = filter.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(-1);
    values.push(Box::new(limit));
    let sql = format!("SELECT * FROM {source} WHERE {condition} ORDER BY time_ms DESC, id DESC LIMIT ?");
    (sql, values)
}

fn entry(part: &Part, row: &Row<'_>) -> Result<Entry, TransactionStoreError> {
    let get = Columns(row);
    let word = |column: &'static str| get.of::<String>(column);
    let currency: i64 = get.of("currency")?;
    let notes: Option<String> = get.of("notes")?;
    let bad = TransactionStoreError::Content;
    Ok(Entry {
        id: TransactionId::new(get.of::<i64>("id")?.unsigned_abs()).ok_or(bad("id"))?,
        time: Time::from_unix_ms(get.of("time_ms")?),
        business_day: part.day.clone(),
        link: word("link")?,
        terminal: word("terminal")?,
        merchant: get.of("merchant")?,
        reward: get.of("reward")?,
        token: get.of("token")?,
        address_result: get.of("address_result")?,
        cvv2_result: get.of("cvv2_result")?,
        verification: get.of("verification")?,
        mcc: get.of("mcc")?,
        class: serde_json::from_value(word("class")?.into()).map_err(|_| bad("class"))?,
        transaction: serde_json::from_value(word("type")?.into()).map_err(|_| bad("type"))?,
        pan: word("pan")?,
        stan: Stan::new(get.of("stan")?).map_err(|_| bad("stan"))?,
        rrn: get.of("rrn")?,
        amount_minor: get.of("amount_minor")?,
        currency: u16::try_from(currency).map_err(|_| bad("currency"))?,
        entry_mode: serde_json::from_value(word("entry_mode")?.into()).map_err(|_| bad("entry_mode"))?,
        code: ResponseCode::parse(word("code")?.as_bytes()).ok_or(bad("code"))?,
        authorization_id: get.of("authorization_id")?,
        account: get.of("account")?,
        notes: notes.map(|notes| serde_json::from_str(&notes).map_err(|_| bad("notes"))).transpose()?,
        tables_version: get.of("tables_version")?,
        receipt: read_receipt(&word("receipt")?).ok_or(bad("receipt"))?,
        status: parse_status(&word("status")?).ok_or(bad("status"))?,
        standing_minor: get.of("standing_minor")?,
        billing: billing(&get)?,
        events: Vec::new(),
    })
}

fn billing(get: &Columns<'_>) -> Result<Option<Billing>, TransactionStoreError> {
    let Some(bytes) = get.of::<Option<Vec<u8>>>("billing")? else { return Ok(None) };
    read_billing(&bytes).map(Some).ok_or(TransactionStoreError::Content("billing"))
}

/// A row as memory would have it.
fn stored(
    day: &str,
    row: &Row<'_>,
    recall: &Recall,
    keys: &DataKeys,
) -> Result<StoredTransaction, TransactionStoreError> {
    let get = Columns(row);
    let bad = TransactionStoreError::Content;
    let currency = get.of::<u16>("currency")?;
    let funds_minor = get.of("funds_minor")?;
    let posted: bool = get.of("posted")?;
    let funds = match get.of::<String>("funds")?.as_str() {
        "none" => Funds::None,
        // What an ATM dispensed of a hold: that is what stands, or stood before a reversal.
        _ if posted => Funds::Posted { minor: funds_minor },
        _ => Funds::Held {
            minor: funds_minor,
            expires: get.of::<Option<i64>>("hold_expires_ms")?.map(Time::from_unix_ms),
        },
    };
    let billing = billing(&get)?;
    let account_currency = billing.as_ref().map_or(currency, |billing| billing.currency.numeric());
    let balance = match get.of::<Option<i64>>("ledger_minor")? {
        Some(ledger_minor) => Some(Balance {
            ledger_minor,
            available_minor: get.of("available_minor")?,
            currency: Currency::from_numeric(account_currency).map_err(|_| bad("currency"))?,
        }),
        None => None,
    };
    let issuer_authentication = match get.of::<Option<Vec<u8>>>("issuer_authentication")? {
        Some(bytes) => Some(bytes[..].try_into().map_err(|_| bad("issuer_authentication"))?),
        None => None,
    };
    let account = match get.of::<Option<String>>("account")? {
        Some(account) => Some(AccountId::new(&account).ok_or(bad("account"))?),
        None => None,
    };
    let rrn = match get.of::<Option<String>>("rrn")? {
        Some(rrn) => Some(Rrn::parse(format!("{rrn:<12}").as_bytes()).map_err(|_| bad("rrn"))?),
        None => None,
    };
    let authorization_id = match get.of::<Option<String>>("authorization_id")? {
        Some(digits) => Some(digits.as_bytes().try_into().map_err(|_| bad("authorization_id"))?),
        None => None,
    };
    let notes = get.of::<Option<String>>("notes")?;
    let notes = notes.map(|notes| serde_json::from_str(&notes).map_err(|_| bad("notes"))).transpose()?;
    let merchant = match get.of::<Option<String>>("merchant")? {
        Some(merchant) => Some(MerchantId::new(merchant.as_bytes()).ok_or(bad("merchant"))?),
        None => None,
    };
    let customer = match get.of::<Option<String>>("customer")? {
        Some(customer) => Some(CustomerId::new(&customer).ok_or(bad("customer"))?),
        None => None,
    };
    let counted = match get.of::<Option<Vec<u8>>>("counted")? {
        Some(bytes) => Counted::from_bytes(&bytes).ok_or(bad("counted"))?,
        None => Counted::default(),
    };
    let billed = match billing {
        Some(billing) => {
            let shares = Shares {
                amount_minor: get.of("standing_amount_minor")?,
                fee_minor: get.of("standing_fee_minor")?,
                settlement_minor: get.of("standing_settlement_minor")?,
                settlement_currency: billing.settlement.currency,
            };
            Some(Box::new(Billed { billing, shares }))
        }
        None => None,
    };
    let booking = match get.of::<Option<String>>("booking")? {
        Some(text) => Some(serde_json::from_str(&text).map_err(|_| bad("booking"))?),
        None => None,
    };
    let letter = |column: &'static str| get.of::<Option<String>>(column);
    let told = Told {
        reward: letter("reward")?.as_deref().and_then(RewardCode::parse),
        address: letter("address_result")?.as_deref().and_then(auth::AddressResult::parse),
        cvv2: letter("cvv2_result")?.as_deref().and_then(auth::Cvv2Result::parse),
    };
    let traces = match get.of::<Option<Vec<u8>>>("traces")? {
        Some(bytes) => Some(Box::new(auth::Traces::from_bytes(&bytes).ok_or(bad("traces"))?)),
        None => None,
    };
    Ok(StoredTransaction {
        id: TransactionId::new(get.of::<i64>("id")?.unsigned_abs()).ok_or(bad("id"))?,
        time: Time::from_unix_ms(get.of("time_ms")?),
        business_day: parse_day(day).ok_or(bad("business_day"))?,
        link: recall.link,
        terminal: recall.terminal,
        merchant,
        class: serde_json::from_value(get.of::<String>("class")?.into()).map_err(|_| bad("class"))?,
        transaction: serde_json::from_value(get.of::<String>("type")?.into()).map_err(|_| bad("type"))?,
        pan: keys.open_pan(&get.of::<Vec<u8>>("pan_sealed")?).map_err(|_| bad("pan_sealed"))?,
        stan: recall.stan,
        rrn,
        transmission: TransmissionTime(get.of("transmission")?),
        amount_minor: get.of("amount_minor")?,
        currency,
        code: ResponseCode::parse(get.of::<String>("code")?.as_bytes()).ok_or(bad("code"))?,
        authorization_id,
        issuer_authentication,
        balance,
        account,
        funds,
        cash: get.of::<Option<u16>>("tsn")?.map(|tsn| Cash { tsn, notes }),
        status: parse_status(&get.of::<String>("status")?).ok_or(bad("status"))?,
        standing_minor: get.of("standing_minor")?,
        // A dispense that has not been reported holds money, and never leaves memory.
        reported: true,
        customer,
        counted,
        billed,
        booking,
        // What was refunded in part stays in memory.
        life: None,
        told,
        traces,
        // A chip that asks so late is answered without.
        script: None,
    })
}

fn parse_day(day: &str) -> Option<CivilDay> {
    let mut numbers = day.split('-');
    let mut next = || numbers.next()?.parse::<u16>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    Some(CivilDay { year, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? })
}

/// Reads columns by name and names the one that is wrong.
struct Columns<'r>(&'r Row<'r>);

impl Columns<'_> {
    fn of<T: rusqlite::types::FromSql>(&self, column: &'static str) -> Result<T, TransactionStoreError> {
        self.0.get(column).map_err(|_| TransactionStoreError::Content(column))
    }
}

/// What the journal has and the store has not yet: the newest transactions, and what came after older ones.
#[derive(Debug)]
pub struct Tail {
    filter: Filter,
    entries: BTreeMap<TransactionId, Entry>,
    events: BTreeMap<TransactionId, Vec<Event>>,
}

impl Tail {
    /// Nothing yet. Transactions that `filter` does not accept are not kept.
    #[must_use]
    pub fn new(filter: Filter) -> Tail {
        Tail { filter, entries: BTreeMap::new(), events: BTreeMap::new() }
    }

    /// Takes a record that the store does not have, in the order of the journal.
    pub fn apply(&mut self, record: &Record) {
        if let Record::Decided(transaction) = record {
            if self.filter.accepts(transaction) {
                self.entries.insert(transaction.id, Entry::new(transaction));
            }
        } else if let Some((id, event)) = Event::of(record) {
            match self.entries.get_mut(&id) {
                Some(entry) => entry.add(event),
                None => self.events.entry(id).or_default().push(event),
            }
        }
    }

    /// Puts what the store has found before what is here: oldest first, the newest when there are more than
    /// the limit.
    #[must_use]
    pub fn after(self, stored: Vec<Entry>) -> Vec<Entry> {
        let Tail { filter, entries, events } = self;
        let mut all = stored;
        for entry in &mut all {
            for event in events.get(&entry.id).into_iter().flatten() {
                entry.add(*event);
            }
        }
        all.extend(entries.into_values());
        all.sort_by_key(|entry| (entry.time, entry.id));
        all.drain(..all.len().saturating_sub(filter.limit()));
        all
    }
}
