//! The simulator inside this process, under the public test LMKs.

use super::call::{Call, CallTask};
use super::{Desk, HSM_JOBS, HsmJob, log_unaskable};
use crate::metrics::CommandMeters;
use crate::translate::hsm as commands;
use auth::ChecksReply;
use crossbeam::channel::{Receiver, Sender, bounded};
use hsm_sim::{Engine, Lmk, Settings};
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// Threads that take jobs from one queue. A job stays on one thread: its commands take microseconds,
/// and a second hand-over would cost more than it saves.
pub(super) struct Embedded {
    /// `None` only while dropping, which is how the threads learn that it is over.
    jobs: Option<Sender<HsmJob>>,
    workers: Vec<JoinHandle<()>>,
    engine: Arc<Engine>,
}

impl Embedded {
    pub(super) fn start(workers: usize, desk: Desk) -> io::Result<Embedded> {
        let (sender, jobs) = bounded(HSM_JOBS);
        let (engine, desk) = (Arc::new(Engine::new(Lmk::public_test(), Settings::default())), Arc::new(desk));
        let meters = Arc::new(desk.metrics.hsm().commands("embedded"));
        let start = |number| {
            let (engine, desk, jobs) = (Arc::clone(&engine), Arc::clone(&desk), jobs.clone());
            let meters = Arc::clone(&meters);
            Builder::new().name(format!("hsm-{number}")).spawn(move || work(&engine, &desk, &meters, &jobs))
        };
        let workers = (0..workers.max(1)).map(start).collect::<io::Result<_>>()?;
        Ok(Embedded { jobs: Some(sender), workers, engine })
    }

    #[expect(clippy::result_large_err, reason = "a job that is refused goes back whole")]
    pub(super) fn ask(&self, job: HsmJob) -> Result<(), HsmJob> {
        match &self.jobs {
            Some(jobs) => jobs.try_send(job).map_err(crossbeam::channel::TrySendError::into_inner),
            None => Err(job),
        }
    }

    /// Executes a command here and now.
    pub(super) fn call(&self, command: &hsm::Command<'_>) -> Call {
        let (task, call) = CallTask::new(command);
        let mut reply = Vec::new();
        self.engine.execute(&task.request, &mut reply);
        task.answer(&reply);
        call
    }
}

/// Lets the threads finish what was handed in.
impl Drop for Embedded {
    fn drop(&mut self) {
        self.jobs = None;
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("an HSM thread has failed");
            }
        }
    }
}

fn work(engine: &Engine, desk: &Desk, meters: &CommandMeters, jobs: &Receiver<HsmJob>) {
    for job in jobs {
        let findings = find(engine, desk, meters, &job);
        desk.hand_out(job.shard, job.ticket, findings);
    }
}

fn find(engine: &Engine, desk: &Desk, meters: &CommandMeters, job: &HsmJob) -> ChecksReply {
    let mut findings = ChecksReply::default();
    for subject in commands::subjects(&job.checks) {
        let Some(request) = commands::request(&job.checks, subject) else {
            log_unaskable(subject);
            commands::note(&mut findings, &job.checks, subject, None);
            continue;
        };
        let begun = Instant::now();
        let reply = engine.run_under(request.lmk.unwrap_or(Lmk::VARIANT), &request.command);
        desk.answered(meters, request.command.code(), reply.error, begun.elapsed());
        commands::note(&mut findings, &job.checks, subject, Some(&reply));
    }
    findings
}
