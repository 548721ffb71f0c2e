//! payShield units over TCP: the tasks that keep connections up, and the way in for jobs.

use super::call::{Call, CallError, CallTask};
use super::connection::Keeper;
use super::errand::{Case, Errand, Task};
use super::policy::{Lane, policy};
use super::pool::Pool;
use super::{Desk, HsmJob};
use crate::settings::PayShieldSettings;
use crate::translate::hsm as commands;
use auth::ChecksReply;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often rates are measured.
const MEASURING: Duration = Duration::from_secs(1);

/// Connections to all units. Every connection is a task; dropping this tells them to end.
pub(super) struct PayShield {
    pool: Arc<Pool>,
    deadline: Duration,
    /// Closed by dropping it.
    _stop: watch::Sender<()>,
}

impl PayShield {
    pub(super) fn start(settings: &PayShieldSettings, desk: Desk) -> io::Result<PayShield> {
        if settings.header_length == 0 {
            let message = "an HSM header_length of 0 leaves nothing to tell replies apart by";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let settings = Arc::new(settings.clone());
        let (pool, ends) = Pool::new(&settings, desk);
        let pool = Arc::new(pool);
        let (stop, stopping) = watch::channel(());
        for (seat, errands) in ends {
            let keeper = Keeper { seat, settings: Arc::clone(&settings), pool: Arc::clone(&pool) };
            runtime.spawn(keeper.serve(errands, stopping.clone()));
        }
        runtime.spawn(measure(Arc::clone(&pool), stopping));
        Ok(PayShield { pool, deadline: settings.deadline, _stop: stop })
    }

    #[expect(clippy::result_large_err, reason = "a job that is refused goes back whole")]
    pub(super) fn ask(&self, job: HsmJob) -> Result<(), HsmJob> {
        if self.pool.is_full(Lane::Authorization) {
            return Err(job);
        }
        let HsmJob { shard, ticket, checks } = job;
        let subjects = commands::subjects(&checks);
        if subjects.is_empty() {
            self.pool.desk.hand_out(shard, ticket, ChecksReply::default());
            return Ok(());
        }
        let case = Arc::new(Case::new(shard, ticket, checks, subjects.len()));
        let deadline = Instant::now() + self.deadline;
        for subject in subjects {
            self.pool.place(Errand::new(Task::Check(Arc::clone(&case), subject), deadline));
        }
        Ok(())
    }

    pub(super) fn call(&self, command: &hsm::Command<'_>) -> Result<Call, CallError> {
        if self.pool.is_full(policy(command.code()).lane) {
            return Err(CallError::QueueFull);
        }
        let (task, call) = CallTask::new(command);
        self.pool.place(Errand::new(Task::Call(Box::new(task)), Instant::now() + self.deadline));
        Ok(call)
    }

    pub(super) fn connected(&self) -> usize {
        self.pool.connected()
    }
}

/// Tells each unit's rate and headroom once a second, and fails what waits past its deadline, should no
/// connection be there to do so.
async fn measure(pool: Arc<Pool>, mut stopping: watch::Receiver<()>) {
    let mut before: Vec<u64> = vec![0; pool.units.len()];
    let mut since = Instant::now();
    loop {
        tokio::select! {
            () = sleep(MEASURING) => {}
            _ = stopping.changed() => return,
        }
        pool.expire(Instant::now());
        let elapsed_ms = (since.elapsed().as_millis() as u64).max(1);
        since = Instant::now();
        for (unit, before) in pool.units.iter().zip(&mut before) {
            let calls = unit.calls.load(Ordering::Relaxed);
            unit.meters.set_rate((calls - *before) * 1000 / elapsed_ms);
            *before = calls;
        }
    }
}
