//! Webhooks: each follows the journal on a thread of its own and posts events to its receiver, until it has
//! acknowledged them. Nothing waits for a webhook: what it has not delivered is in the journal.
//!
//! A webhook has lanes, each a connection with one request at a time. The events of a card go by one lane, in the
//! order of the journal, so a receiver sees them in order.

mod client;
mod lane;

use crate::clock;
use crate::edge::tls::{self, TlsError};
use crate::followers::{Follower, Followers};
use crate::metrics::{Metrics, WebhookMeters};
use crate::notifications::{
    Events, InFlight, PlaceFile, PlaceFileError, Quarantine, Secret, SecretError, place_file, quarantine_file,
};
use crate::recovery::{self, PROVISIONING};
use crate::settings::{Settings, WebhookSettings, WebhookTls};
use client::Client;
use lane::{Job, Lane, Post};
use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::{DataKeys, Durable, JournalError, JournalReader, Place, Rejected, Replay, Stream, Until};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long to wait for records when there are none.
const PAUSE: Duration = Duration::from_millis(25);

/// How often the place is kept. What was delivered since is delivered again after a crash.
const KEEP: Duration = Duration::from_secs(1);

/// How long to wait after a failure of the journal before trying again.
const RETRY: Duration = Duration::from_secs(30);

/// How long the end of the process waits for the last events to be delivered.
const LAST: Duration = Duration::from_secs(1);

/// How long it then waits for the threads.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Events that may wait for a lane, and at least one batch.
const LANE_QUEUE: usize = 64;

/// Why webhooks cannot be started, or one of them not go on.
#[derive(Debug)]
pub enum WebhookError {
    /// A secret.
    Secret(SecretError),
    /// The authorities.
    Tls(Box<TlsError>),
    /// The host is no name that a certificate could have.
    Host(String, InvalidDnsNameError),
    /// The place in the journal.
    Place(PlaceFileError),
    /// The journal, from the place in this file on.
    Journal(PathBuf, JournalError),
    /// A record of the journal.
    Record(Rejected),
    /// A task has ended that never should.
    LaneEnded,
    /// There is no thread to be had.
    Thread(io::Error),
}

/// Webhooks that could be set up, before anything runs.
pub struct PreparedWebhooks(Vec<Prepared>);

/// Running webhooks.
pub struct Webhooks {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

struct Prepared {
    settings: Arc<WebhookSettings>,
    secrets: Vec<Secret>,
    client: Client,
    place_file: PlaceFile,
    place: Place,
    quarantine: Quarantine,
    journal: PathBuf,
    keys: DataKeys,
    events: Events,
    shards: u16,
}

impl PreparedWebhooks {
    /// Reads secrets, authorities and places. `replay` is what the start has found, and `segment` the one that is
    /// being written: a new webhook begins there, with what happens from now on.
    ///
    /// # Errors
    /// The name of the webhook that cannot be set up, and why.
    pub fn new(
        settings: &Settings,
        keys: &DataKeys,
        replay: &Replay,
        segment: u64,
    ) -> Result<PreparedWebhooks, (String, WebhookError)> {
        let positions = (0..=PROVISIONING.0).map(|stream| replay.position(Stream(stream)));
        let end = Place { segment, offset: 0, positions: positions.collect() };
        let prepare = |webhook: &WebhookSettings| {
            prepare(settings, webhook, keys, &end).map_err(|error| (webhook.name.clone(), error))
        };
        settings.webhooks.iter().map(prepare).collect::<Result<_, _>>().map(PreparedWebhooks)
    }

    /// Starts a thread for each. From now on no segment goes that one of them has not delivered.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        self,
        durable: &Arc<Durable>,
        followers: &Followers,
        metrics: &Metrics,
    ) -> io::Result<Webhooks> {
        let (stop, stopping) = watch::channel(false);
        let mut threads = Vec::with_capacity(self.0.len());
        for prepared in self.0 {
            let follower = followers.join(&format!("webhook {}", prepared.settings.name));
            follower.needs_from(prepared.place.segment);
            let worker = Worker {
                durable: Arc::clone(durable),
                follower,
                meters: metrics.webhooks().of(&prepared.settings.name),
                stopping: stopping.clone(),
                kept: Mutex::new(prepared.place.clone()),
                prepared,
            };
            let name = format!("webhook-{}", worker.prepared.settings.name);
            threads.push(std::thread::Builder::new().name(name).spawn(move || worker.run())?);
        }
        Ok(Webhooks { stop, threads })
    }
}

impl Webhooks {
    /// Delivers for a moment what is left, and ends. The next start delivers the rest.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        let asked = Instant::now();
        while self.threads.iter().any(|thread| !thread.is_finished()) && asked.elapsed() < STOP_WITHIN {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

fn prepare(
    settings: &Settings,
    webhook: &WebhookSettings,
    keys: &DataKeys,
    end: &Place,
) -> Result<Prepared, WebhookError> {
    let secrets: Result<Vec<Secret>, _> =
        webhook.secrets.iter().map(crate::notifications::SecretSource::read).collect();
    let file = place_file(&settings.data_folder, &webhook.name);
    let place_file = PlaceFile::new(file).map_err(WebhookError::Place)?;
    let place = match place_file.read().map_err(WebhookError::Place)? {
        Some(place) if is_before(&place, end) => place,
        found => {
            if found.is_some() {
                tracing::warn!(
                    webhook = webhook.name,
                    "the place is behind the journal's end, as after a restore to an earlier moment; beginning with \
                     what happens from now on"
                );
            }
            // Kept at once: a crash from here on loses no event.
            place_file.write(end).map_err(WebhookError::Place)?;
            end.clone()
        }
    };
    let (tables, currencies) = (Arc::clone(&settings.tables), Arc::clone(&settings.currencies));
    let currency_of = move |pan: &card::Pan| currencies.get(&tables.product(pan)?.name).copied();
    Ok(Prepared {
        secrets: secrets.map_err(WebhookError::Secret)?,
        client: Client::new(webhook.target.clone(), tls_of(webhook)?, webhook.timeout),
        place_file,
        place,
        quarantine: Quarantine::new(quarantine_file(&settings.data_folder, &webhook.name)),
        journal: recovery::journal_folder(settings),
        keys: keys.clone(),
        events: Events::new(keys.clone(), currency_of, webhook.events.clone()),
        shards: settings.shards as u16,
        settings: Arc::new(webhook.clone()),
    })
}

/// Whether the journal has everything before a place.
fn is_before(place: &Place, end: &Place) -> bool {
    let position = |stream: usize| end.positions.get(stream).copied().unwrap_or_default();
    place.segment <= end.segment
        && place.positions.iter().enumerate().all(|(stream, known)| *known <= position(stream))
}

fn tls_of(
    webhook: &WebhookSettings,
) -> Result<Option<(Arc<ClientConfig>, ServerName<'static>)>, WebhookError> {
    let roots = match &webhook.target.tls {
        WebhookTls::Off => return Ok(None),
        WebhookTls::PublicAuthorities => tls::public_authorities(),
        WebhookTls::Authority(file) => {
            tls::authorities(file).map_err(|error| WebhookError::Tls(Box::new(error)))?
        }
    };
    let host = &webhook.target.host;
    let name = ServerName::try_from(host.clone());
    let name = name.map_err(|error| WebhookError::Host(host.clone(), error))?;
    Ok(Some((Arc::new(tls::client(roots)), name)))
}

struct Worker {
    prepared: Prepared,
    durable: Arc<Durable>,
    follower: Follower,
    meters: WebhookMeters,
    stopping: watch::Receiver<bool>,
    /// The place that the file has.
    kept: Mutex<Place>,
}

impl Worker {
    fn run(&self) {
        // Behind everything that answers; on Linux this is the thread's own.
        let _ = rustix::process::nice(10);
        let name = &self.prepared.settings.name;
        loop {
            // One thread does everything, name resolution aside.
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build();
            let error = match runtime.map(|runtime| runtime.block_on(self.deliver())) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(error) => WebhookError::Thread(error),
            };
            tracing::error!(webhook = name, %error, "events are not delivered; trying again");
            let failed = Instant::now();
            while failed.elapsed() < RETRY && !*self.stopping.borrow() {
                std::thread::park_timeout(Duration::from_millis(100));
            }
            if *self.stopping.borrow() {
                return;
            }
        }
    }

    /// Delivers until the switch stops.
    async fn deliver(&self) -> Result<(), WebhookError> {
        let place = lock(&self.kept).clone();
        let reader = self.open(&place)?;
        let flight = Arc::new(Mutex::new(InFlight::new(place)));
        let mut lanes = JoinSet::new();
        let jobs = self.start_lanes(&flight, &mut lanes);
        let result = tokio::select! {
            result = self.read(reader, &jobs, &flight) => result,
            () = self.keep_places(&flight) => Ok(()),
            () = self.stopped(&flight) => Ok(()),
        };
        self.keep_place(&flight);
        result
    }

    fn open(&self, place: &Place) -> Result<JournalReader, WebhookError> {
        let Prepared { journal, keys, place_file, .. } = &self.prepared;
        let until = Until::Durable(Arc::clone(&self.durable));
        JournalReader::open(journal, keys, place, until)
            .map_err(|error| WebhookError::Journal(place_file.path().to_owned(), error))
    }

    fn start_lanes(&self, flight: &Arc<Mutex<InFlight>>, lanes: &mut JoinSet<()>) -> Vec<mpsc::Sender<Job>> {
        let Prepared { settings, secrets, client, quarantine, .. } = &self.prepared;
        let is_failing = Arc::new(AtomicBool::new(false));
        let start = |number| {
            let (sender, jobs) = mpsc::channel(LANE_QUEUE.max(settings.batch));
            let post = Post {
                number,
                settings: Arc::clone(settings),
                secrets: secrets.clone(),
                client: client.clone(),
                is_failing: Arc::clone(&is_failing),
                meters: self.meters.clone(),
            };
            lanes.spawn(Lane { post, quarantine: quarantine.clone(), flight: Arc::clone(flight) }.run(jobs));
            sender
        };
        (0..settings.in_flight as u64).map(start).collect()
    }

    /// Reads what is durable and hands events to their lanes; waits where a lane is full.
    async fn read(
        &self,
        mut reader: JournalReader,
        lanes: &[mpsc::Sender<Job>],
        flight: &Mutex<InFlight>,
    ) -> Result<(), WebhookError> {
        let mut seen = None;
        loop {
            // Asked before reading: what comes in between is found the next time.
            let end = self.durable_records();
            if seen == Some(end) {
                sleep(PAUSE).await;
                continue;
            }
            while self.read_frame(&mut reader, lanes, flight).await? {
                // A long backlog must not keep the lanes from the thread.
                tokio::task::yield_now().await;
            }
            seen = Some(end);
        }
    }

    async fn read_frame(
        &self,
        reader: &mut JournalReader,
        lanes: &[mpsc::Sender<Job>],
        flight: &Mutex<InFlight>,
    ) -> Result<bool, WebhookError> {
        let failed = |error| WebhookError::Journal(self.prepared.place_file.path().to_owned(), error);
        let Some(frame) = reader.next_frame().map_err(failed)? else { return Ok(false) };
        let (stream, mut sequence) = (frame.stream, frame.first);
        for bytes in frame.records {
            let record = store::decode_without_receipt(bytes).map_err(WebhookError::Record)?;
            if let Some(event) = self.prepared.events.of(stream, sequence, &record) {
                let ticket = lock(flight).read(event.time);
                let lane = (event.card % lanes.len() as u64) as usize;
                lanes[lane].send(Job { ticket, event }).await.map_err(|_| WebhookError::LaneEnded)?;
            }
            sequence = sequence.after(1);
        }
        lock(flight).reached(reader.place());
        Ok(true)
    }

    async fn keep_places(&self, flight: &Mutex<InFlight>) {
        loop {
            sleep(KEEP).await;
            self.keep_place(flight);
        }
    }

    /// Keeps the place if it has moved, and says how far behind we are.
    fn keep_place(&self, flight: &Mutex<InFlight>) {
        self.report(flight);
        let place = lock(flight).settled().clone();
        let mut kept = lock(&self.kept);
        if *kept == place {
            return;
        }
        match self.prepared.place_file.write(&place) {
            Ok(()) => {
                self.follower.needs_from(place.segment);
                *kept = place;
            }
            Err(error) => tracing::warn!(
                webhook = self.prepared.settings.name,
                %error,
                "the place is not kept; a restart will deliver again what was delivered since"
            ),
        }
    }

    fn report(&self, flight: &Mutex<InFlight>) {
        let behind = self.records_behind(flight);
        let (waiting, oldest) = {
            let flight = lock(flight);
            (flight.waiting(), flight.oldest())
        };
        let age_ms = oldest.map_or(0, |oldest| clock::now().unix_ms.saturating_sub(oldest.unix_ms).max(0));
        self.meters.records_behind.set(i64::try_from(behind).unwrap_or(i64::MAX));
        self.meters.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.meters.seconds_behind.set(age_ms / 1000);
    }

    /// Waits for the end of the process, and then for a moment until everything is delivered.
    async fn stopped(&self, flight: &Mutex<InFlight>) {
        let mut stopping = self.stopping.clone();
        // The other end is gone only with the process.
        let _ = stopping.wait_for(|stopping| *stopping).await;
        let delivered = async {
            while self.records_behind(flight) > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = timeout(LAST, delivered).await;
    }

    fn durable_records(&self) -> u64 {
        (0..self.prepared.shards).map(|shard| self.durable.position(Stream(shard)).0).sum()
    }

    fn records_behind(&self, flight: &Mutex<InFlight>) -> u64 {
        let flight = lock(flight);
        let settled =
            |shard: u16| flight.settled().positions.get(usize::from(shard)).map_or(0, |known| known.0);
        (0..self.prepared.shards)
            .map(|shard| self.durable.position(Stream(shard)).0.saturating_sub(settled(shard)))
            .sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebhookError::Secret(error) => write!(f, "{error}"),
            WebhookError::Tls(error) => write!(f, "{error}"),
            WebhookError::Host(host, error) => {
                write!(f, "{host}: {error}; give a host name that a certificate can have")
            }
            WebhookError::Place(error) => write!(f, "{error}"),
            WebhookError::Journal(file, error) => write!(
                f,
                "{error}; if the segment was archived, bring it back; to give up what was not delivered, remove {}",
                file.display()
            ),
            WebhookError::Record(Rejected(reason)) => write!(f, "journal: {reason}"),
            WebhookError::LaneEnded => f.write_str("a connection's task has ended"),
            WebhookError::Thread(error) => write!(f, "no thread: {error}"),
        }
    }
}

impl std::error::Error for WebhookError {}
