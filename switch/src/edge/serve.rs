//! The whole switch: journal, shards, HSM port, listeners; and the way down again.

use crate::directory::Directory;
use crate::edge::control::{Answers, BindError, Control, ControlSocket};
use crate::edge::hsm::HsmPort;
use crate::edge::link::Link;
use crate::edge::sessions::Sessions;
use crate::edge::tls::{self, TlsError};
use crate::edge::webhook::{PreparedWebhooks, WebhookError, Webhooks};
use crate::edge::{admin, listener};
use crate::followers::Followers;
use crate::inbox::{Inbox, Message};
use crate::metrics::Metrics;
use crate::projection::Projection;
use crate::recalls::RecallPort;
use crate::recovery::{self, Recovered, RecoveryError};
use crate::settings::{ListenerSettings, Protocol, Settings, TlsSettings};
use crate::shard::{Shard, Surroundings};
use crate::shards::Shards;
use crate::snapshots::Snapshots;
use auth::{Input, LinkName, NewestOfTerminal, StoredTransaction, Tables};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use store::{CommitHandle, Committer, FileJournal, Journal};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Batches that may wait for the journal. A shard has one at a time waiting and one in the making.
const COMMIT_QUEUE: usize = 256;

/// Name of the administration listener among the addresses.
const ADMIN: &str = "admin";

/// A running switch.
pub struct Server {
    runtime: Runtime,
    addresses: Vec<(String, SocketAddr)>,
    drain: watch::Sender<bool>,
    drain_deadline: Duration,
    listeners: JoinSet<()>,
    shards: Arc<Shards>,
    shard_threads: Vec<JoinHandle<auth::Core>>,
    snapshots: Snapshots,
    committer: Committer,
    projection: Projection,
    webhooks: Webhooks,
    metrics: Arc<Metrics>,
    tables_version: AtomicU32,
}

/// Why the switch could not start.
#[derive(Debug)]
pub enum ServeError {
    /// The journal.
    Recovery(RecoveryError),
    /// A certificate or key of this listener.
    Tls(String, Box<TlsError>),
    /// An address that cannot be listened on.
    Bind(String, SocketAddr, io::Error),
    /// The control socket.
    Control(BindError),
    /// A webhook, by its name.
    Webhook(String, WebhookError),
    /// Threads, or the HSM port.
    Start(&'static str, io::Error),
}

impl Server {
    /// Recovers, starts every part, and listens. Returns when all addresses accept connections.
    ///
    /// # Errors
    /// When any part cannot start; nothing is left running then.
    pub fn start(settings: Settings) -> Result<Server, ServeError> {
        let metrics = Arc::new(Metrics::new());
        let directory = Arc::new(Directory::new(settings.shards));
        let Recovered { journal, mut cores, replay, keys } =
            recovery::recover(&settings, &directory).map_err(ServeError::Recovery)?;
        let (cards, accounts) = cores
            .iter()
            .map(|core| core.state().size())
            .fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
        tracing::info!(records = replay.records, segments = replay.segments, cards, accounts, "recovered");
        cores.iter_mut().for_each(auth::Core::reserve);
        let codes = auth::CodeKey::new(&keys.code_key());
        let sessions = Arc::new(restore_sessions(&cores, &settings.listeners));

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| ServeError::Start("the network runtime", error))?;
        let guard = runtime.enter();
        let (drain, draining) = watch::channel(false);
        // What can fail comes first, so that nothing is left running when it does.
        let mut bound = Vec::new();
        for listener in &settings.listeners {
            bound.push(bind(listener.name.as_str(), listener.address, listener.tls.as_ref(), &runtime)?);
        }
        let admin_bound = settings.admin.as_ref();
        let admin_bound =
            admin_bound.map(|admin| bind(ADMIN, admin.address, admin.tls.as_ref(), &runtime)).transpose()?;

        let control_socket =
            ControlSocket::bind(&recovery::control_socket(&settings)).map_err(ServeError::Control)?;

        let webhooks = PreparedWebhooks::new(&settings, &keys, &replay, journal.segment())
            .map_err(|(name, error)| ServeError::Webhook(name, error))?;

        let inboxes: Vec<Arc<Inbox>> = cores.iter().map(|_| Arc::new(Inbox::default())).collect();
        let shards = Arc::new(Shards::new(inboxes.clone(), directory));
        let hsm = HsmPort::start(&settings.hsm, Arc::clone(&shards), Arc::clone(&metrics))
            .map_err(|error| ServeError::Start("the HSM port", error))?;
        let committer = start_committer(journal, &inboxes)?;
        let hsm = Arc::new(hsm);
        // The shards keep the port open; its end is theirs.
        let hsm_watched = Arc::downgrade(&hsm);
        let answers = Arc::new(Answers::default());
        let durable = Arc::clone(committer.handle().durable());
        let followers = Arc::new(Followers::default());
        let projection = Projection::start(
            &settings,
            keys.clone(),
            &replay,
            Arc::clone(&durable),
            &followers,
            Arc::clone(&metrics),
        )
        .map_err(|error| ServeError::Start("the projection thread", error))?;
        let webhooks = webhooks
            .start(&durable, &followers, &metrics)
            .map_err(|error| ServeError::Start("a webhook's thread", error))?;
        let recalls =
            RecallPort::start(&settings, keys.clone(), &replay, Arc::clone(&shards), projection.nudge())
                .map_err(|error| ServeError::Start("the recall thread", error))?;
        let journal = committer.handle();
        let shard_threads = start_shards(cores, &shards, &hsm, &recalls, &journal, &metrics, &answers)?;
        drop((hsm, recalls));
        let snapshots = Snapshots::start(
            &settings,
            keys.clone(),
            &replay,
            Arc::clone(&shards),
            durable,
            followers,
            Arc::clone(&metrics),
        )
        .map_err(|error| ServeError::Start("the snapshot thread", error))?;

        let mut addresses = Vec::new();
        let mut listeners = JoinSet::new();
        let settings = Arc::new(settings);
        let control = Control::new(Arc::clone(&shards), answers, Arc::clone(&settings), codes);
        listeners.spawn(Arc::new(control).serve(control_socket, draining.clone()));
        for (Bound { socket, acceptor, address }, settings) in
            bound.into_iter().zip(settings.listeners.clone())
        {
            addresses.push((settings.name.to_string(), address));
            tracing::info!(link = %settings.name, %address, tls = acceptor.is_some(), "listening");
            let link = Arc::new(Link {
                settings,
                shards: Arc::clone(&shards),
                sessions: Arc::clone(&sessions),
                keys: keys.clone(),
                metrics: Arc::clone(&metrics),
                draining: draining.clone(),
            });
            listeners.spawn(listener::serve(socket, acceptor, link));
        }
        if let Some(Bound { socket, acceptor, address }) = admin_bound {
            addresses.push((ADMIN.to_owned(), address));
            tracing::info!(%address, tls = acceptor.is_some(), "administration listening");
            // Answers to the end, since somebody may want to watch the process drain.
            let watched = admin::Watched { metrics: Arc::clone(&metrics), hsm: hsm_watched, draining };
            runtime.spawn(admin::serve(socket, acceptor, watched));
        }
        drop(guard);
        Ok(Server {
            runtime,
            addresses,
            drain,
            drain_deadline: settings.drain_deadline,
            listeners,
            shards,
            shard_threads,
            snapshots,
            committer,
            projection,
            webhooks,
            metrics,
            tables_version: AtomicU32::new(settings.tables.version),
        })
    }

    /// Where a listener, or `admin`, listens: useful where the configuration says port 0.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(listener, _)| listener == name).map(|(_, address)| *address)
    }

    /// Every listener with its address.
    #[must_use]
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// The counters, as `/metrics` shows them.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.metrics.render()
    }

    /// Waits for `SIGTERM` or `SIGINT`. At each `SIGHUP` it asks for new tables, which take effect at once; with
    /// `None` the old ones stay.
    pub fn wait_for_signal(&self, mut read_tables: impl FnMut() -> Option<Arc<Tables>>) {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = || Some((signal(SignalKind::terminate()).ok()?, signal(SignalKind::interrupt()).ok()?));
        self.runtime.block_on(async {
            let (Some((mut terminate, mut interrupt)), Ok(mut hangup)) =
                (signals(), signal(SignalKind::hangup()))
            else {
                return tracing::error!("cannot wait for signals; stopping");
            };
            loop {
                tokio::select! {
                    _ = terminate.recv() => return,
                    _ = interrupt.recv() => return,
                    _ = hangup.recv() => {
                        if let Some(tables) = read_tables() {
                            self.take_tables(&tables);
                        }
                    }
                }
            }
        });
    }

    /// Gives every shard new tables: products, limits, rules, rates, fees, and the terminals of links. What listens,
    /// and everything that the process began with, stays.
    pub fn take_tables(&self, tables: &Tables) {
        let version = self.tables_version.fetch_add(1, Ordering::Relaxed) + 1;
        let shards = u32::try_from(self.shards.count()).unwrap_or(1);
        let tables = Arc::new(Tables { version, shards, ..tables.clone() });
        for shard in 0..self.shards.count() {
            while self.shards.submit_to(shard, Input::Tables(Arc::clone(&tables))).is_err() {
                std::thread::yield_now();
            }
        }
        tracing::info!(version, "new tables");
    }

    /// Takes no new work, answers what is in flight, makes everything durable, and ends.
    pub fn drain(mut self) {
        tracing::info!("draining");
        let _ = self.drain.send(true);
        let listeners = &mut self.listeners;
        let all = async { while listeners.join_next().await.is_some() {} };
        let ended = self.runtime.block_on(async { tokio::time::timeout(self.drain_deadline, all).await });
        if ended.is_err() {
            tracing::warn!("drain_deadline has passed; closing the connections that are left");
        }
        self.listeners.abort_all();
        self.snapshots.stop();
        for shard in 0..self.shards.count() {
            while self.shards.inbox(shard).push(Message::Drain).is_err() {
                std::thread::yield_now();
            }
        }
        for thread in self.shard_threads {
            if thread.join().is_err() {
                tracing::error!("a shard has failed");
            }
        }
        if self.committer.shutdown().is_err() {
            tracing::error!("the journal has failed; what it had not synced was not answered");
        }
        self.webhooks.stop();
        self.projection.stop();
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        tracing::info!("drained");
    }
}

struct Bound {
    socket: TcpListener,
    acceptor: Option<TlsAcceptor>,
    address: SocketAddr,
}

fn bind(
    name: &str,
    address: SocketAddr,
    settings: Option<&TlsSettings>,
    runtime: &Runtime,
) -> Result<Bound, ServeError> {
    let acceptor = settings.map(tls::acceptor).transpose();
    let acceptor = acceptor.map_err(|error| ServeError::Tls(name.to_owned(), Box::new(error)))?;
    let failed = |error| ServeError::Bind(name.to_owned(), address, error);
    let socket = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Bound { socket, acceptor, address })
}

/// What the journal tells of the ATMs on our NDC listeners.
fn restore_sessions(cores: &[auth::Core], listeners: &[ListenerSettings]) -> Sessions {
    let is_ndc = |listener: &&ListenerSettings| matches!(listener.protocol, Protocol::Ndc(_));
    let links: Vec<LinkName> = listeners.iter().filter(is_ndc).map(|listener| listener.name).collect();
    // An ATM's cards may live in several shards: the newest of all decides, and opened last stands last.
    let mut newest: Vec<NewestOfTerminal> =
        cores.iter().flat_map(|core| core.state().newest_of_terminals(&links)).collect();
    let mut open: Vec<&StoredTransaction> =
        cores.iter().flat_map(|core| core.state().awaiting_completion()).collect();
    newest.sort_by_key(|transaction| (transaction.time, transaction.id));
    open.sort_by_key(|transaction| (transaction.time, transaction.id));
    Sessions::restore(newest.into_iter(), open.into_iter())
}

/// The journal's first failure ends the process: nothing that is not on disk may be answered, and a
/// restart replays what is.
fn start_committer(journal: FileJournal, inboxes: &[Arc<Inbox>]) -> Result<Committer, ServeError> {
    let wake: Vec<Arc<Inbox>> = inboxes.to_vec();
    let on_durable = Arc::new(move |stream: store::Stream, _| wake[usize::from(stream.0)].wake());
    let on_failure = |error: store::AppendError| {
        tracing::error!(%error, "stopping: nothing more can be recorded, so nothing more is answered");
        std::process::exit(1);
    };
    Committer::start(Box::new(journal), inboxes.len() as u16, COMMIT_QUEUE, on_durable, on_failure)
        .map_err(|error| ServeError::Start("the journal thread", error))
}

fn start_shards(
    cores: Vec<auth::Core>,
    shards: &Arc<Shards>,
    hsm: &Arc<HsmPort>,
    recalls: &RecallPort,
    journal: &CommitHandle,
    metrics: &Arc<Metrics>,
    answers: &Arc<Answers>,
) -> Result<Vec<JoinHandle<auth::Core>>, ServeError> {
    let start = |(number, core): (usize, auth::Core)| {
        let surroundings = Surroundings {
            inbox: Arc::clone(shards.inbox(number)),
            hsm: Arc::clone(hsm),
            recalls: recalls.clone(),
            journal: journal.clone(),
            metrics: Arc::clone(metrics),
            answers: Arc::clone(answers),
            shards: Arc::clone(shards),
        };
        let shard = Shard::new(number as u16, core, surroundings);
        std::thread::Builder::new().name(format!("shard-{number}")).spawn(move || shard.run())
    };
    let threads: io::Result<Vec<_>> = cores.into_iter().enumerate().map(start).collect();
    threads.map_err(|error| ServeError::Start("a shard thread", error))
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Recovery(error) => write!(f, "{error}"),
            ServeError::Tls(listener, error) => write!(f, "listener {listener}: {error}"),
            ServeError::Bind(listener, address, error) => {
                write!(
                    f,
                    "listener {listener}: cannot listen on {address}: {error}; another process may hold the port"
                )
            }
            ServeError::Control(error) => write!(f, "control socket: {error}"),
            ServeError::Webhook(name, error) => write!(f, "webhook {name}: {error}"),
            ServeError::Start(part, error) => write!(f, "cannot start {part}: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}
