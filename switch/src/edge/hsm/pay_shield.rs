//! payShield units over TCP: which connection a command goes to, and how the answers to one job come
//! together again.

use super::unit::Unit;
use super::{Desk, HSM_JOBS, HsmJob, log_unaskable};
use crate::translate::hsm::{self as commands, Subject};
use auth::{Checks, ChecksReply, Ticket};
use hsm::{CommandCode, Reply};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// Commands of all jobs together: each asks for at most a PIN, a CVV and a cryptogram.
const ERRANDS: usize = HSM_JOBS * 3;

/// Connections to all units. Every connection is a task; dropping this tells them to end.
pub(super) struct PayShield {
    pool: Arc<Pool>,
    deadline: Duration,
    /// Closed by dropping it.
    _stop: watch::Sender<()>,
}

/// The connections, as those who hand out commands see them.
pub(super) struct Pool {
    doors: Vec<Door>,
    /// Where the search for an idle connection begins, so that equally busy ones take turns.
    turn: AtomicUsize,
    /// Jobs under way.
    jobs: Arc<AtomicUsize>,
    desk: Desk,
}

/// The near end of one connection.
struct Door {
    /// Has room for all errands there can be, so it is never full.
    errands: mpsc::Sender<Errand>,
    connected: AtomicBool,
    /// Errands in its care, waiting or sent.
    load: AtomicUsize,
}

/// One command on its way.
pub(super) struct Errand {
    case: Arc<Case>,
    /// Which of the case's checks it makes.
    pub(super) subject: Subject,
    /// When it fails for want of an answer.
    pub(super) deadline: Instant,
    /// Whether it was with another connection before, which died.
    pub(super) failed_over: bool,
}

/// A job whose commands are under way.
struct Case {
    shard: u8,
    ticket: Ticket,
    checks: Checks,
    progress: Mutex<Progress>,
    jobs: Arc<AtomicUsize>,
}

struct Progress {
    findings: ChecksReply,
    open: usize,
}

impl PayShield {
    pub(super) fn start(
        units: &[SocketAddr],
        header_length: usize,
        connections: usize,
        deadline: Duration,
        desk: Desk,
    ) -> io::Result<PayShield> {
        if header_length == 0 {
            let message = "an HSM header_length of 0 leaves nothing to tell replies apart by";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let addresses = units.iter().flat_map(|unit| std::iter::repeat_n(*unit, connections.max(1)));
        let (doors, ends): (Vec<Door>, Vec<_>) = addresses.map(Door::open).unzip();
        let pool = Arc::new(Pool { doors, turn: AtomicUsize::new(0), jobs: Arc::default(), desk });
        let (stop, stopping) = watch::channel(());
        for (index, (address, errands)) in ends.into_iter().enumerate() {
            let unit = Unit { index, address, header_length, deadline, pool: Arc::clone(&pool) };
            runtime.spawn(unit.serve(errands, stopping.clone()));
        }
        Ok(PayShield { pool, deadline, _stop: stop })
    }

    #[expect(clippy::result_large_err, reason = "a job that is refused goes back whole")]
    pub(super) fn ask(&self, job: HsmJob) -> Result<(), HsmJob> {
        if self.pool.jobs.fetch_add(1, Ordering::AcqRel) >= HSM_JOBS {
            self.pool.jobs.fetch_sub(1, Ordering::AcqRel);
            return Err(job);
        }
        let subjects = commands::subjects(&job.checks);
        let progress = Progress { findings: ChecksReply::default(), open: subjects.len() };
        let case = Arc::new(Case {
            shard: job.shard,
            ticket: job.ticket,
            checks: job.checks,
            progress: Mutex::new(progress),
            jobs: Arc::clone(&self.pool.jobs),
        });
        if subjects.is_empty() {
            self.pool.desk.hand_out(case.shard, case.ticket, ChecksReply::default());
        }
        let deadline = Instant::now() + self.deadline;
        for subject in subjects {
            let case = Arc::clone(&case);
            self.pool.place(Errand { case, subject, deadline, failed_over: false }, None);
        }
        Ok(())
    }

    pub(super) fn connected(&self) -> usize {
        self.pool.doors.iter().filter(|door| door.connected.load(Ordering::Acquire)).count()
    }
}

impl Door {
    fn open(address: SocketAddr) -> (Door, (SocketAddr, mpsc::Receiver<Errand>)) {
        let (errands, end) = mpsc::channel(ERRANDS);
        let door = Door { errands, connected: AtomicBool::new(false), load: AtomicUsize::new(0) };
        (door, (address, end))
    }
}

impl Pool {
    /// Gives an errand to the connected unit with the least to do, other than `except`. Without one it
    /// fails at once: a cardholder should not wait for a deadline that is known to pass.
    pub(super) fn place(&self, errand: Errand, except: Option<usize>) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.doors.len();
        let chosen = (0..count)
            .map(|step| turn.wrapping_add(step) % count)
            .filter(|index| Some(*index) != except && self.doors[*index].connected.load(Ordering::Acquire))
            .min_by_key(|index| self.doors[*index].load.load(Ordering::Relaxed));
        let Some(index) = chosen else {
            return self.fail(&errand, "unconnected", Duration::ZERO);
        };
        let door = &self.doors[index];
        door.load.fetch_add(1, Ordering::Relaxed);
        // Closed only while the process stops.
        if let Err(refused) = door.errands.try_send(errand) {
            door.load.fetch_sub(1, Ordering::Relaxed);
            self.fail(&refused.into_inner(), "stopping", Duration::ZERO);
        }
    }

    /// Opens or closes a connection for new errands.
    pub(super) fn set_connected(&self, index: usize, connected: bool) {
        self.doors[index].connected.store(connected, Ordering::Release);
    }

    /// An errand leaves the care of a connection, for whatever reason.
    pub(super) fn relieve(&self, index: usize) {
        self.doors[index].load.fetch_sub(1, Ordering::Relaxed);
    }

    /// An errand came back with its answer.
    pub(super) fn complete(&self, errand: &Errand, code: CommandCode, reply: &Reply<'_>, elapsed: Duration) {
        self.desk.answered(code, reply.error, elapsed);
        self.conclude(errand, Some(reply));
    }

    /// An errand came to nothing.
    pub(super) fn fail(&self, errand: &Errand, why: &'static str, elapsed: Duration) {
        match errand.command() {
            Some(command) => self.desk.unanswered(command.code(), why, elapsed),
            None => log_unaskable(errand.subject),
        }
        self.conclude(errand, None);
    }

    /// Enters a finding; the last one of a case sends it home.
    fn conclude(&self, errand: &Errand, reply: Option<&Reply<'_>>) {
        let case = &errand.case;
        let mut progress = case.progress.lock().expect("nothing below can panic");
        commands::note(&mut progress.findings, &case.checks, errand.subject, reply);
        progress.open -= 1;
        if progress.open == 0 {
            self.desk.hand_out(case.shard, case.ticket, std::mem::take(&mut progress.findings));
        }
    }
}

impl Errand {
    /// What is sent. Written anew for every try, since it borrows from the checks.
    pub(super) fn command(&self) -> Option<hsm::Command<'_>> {
        commands::command(&self.case.checks, self.subject)
    }

    /// The same errand, for the one other connection that may try it.
    pub(super) fn into_failed_over(self) -> Errand {
        Errand { failed_over: true, ..self }
    }
}

/// A job is over when its last errand is gone.
impl Drop for Case {
    fn drop(&mut self) {
        self.jobs.fetch_sub(1, Ordering::AcqRel);
    }
}
