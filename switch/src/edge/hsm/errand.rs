//! One command on its way, and how the answers to one job come together again.

use super::call::CallTask;
use super::policy::{Lane, policy};
use super::{Desk, log_unaskable};
use crate::metrics::CommandMeters;
use crate::translate::hsm::{self as commands, Subject};
use auth::{Checks, ChecksReply, Ticket};
use hsm::{CommandCode, Reply, Request};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// One command on its way. It has one owner at any time and is consumed by its end, so it cannot be
/// answered twice.
pub(super) struct Errand {
    pub(super) task: Task,
    /// When it fails for want of an answer.
    pub(super) deadline: Instant,
    /// The unit that had it before and should not get it again.
    pub(super) avoid: Option<usize>,
    /// Whether it was sent before, on a connection that died.
    pub(super) repeated: bool,
}

/// What an errand is for.
pub(super) enum Task {
    /// One of the checks of a job.
    Check(Arc<Case>, Subject),
    /// A command by itself.
    Call(Box<CallTask>),
}

/// A job whose commands are under way.
pub(super) struct Case {
    shard: u8,
    ticket: Ticket,
    checks: Checks,
    progress: Mutex<Progress>,
}

struct Progress {
    findings: ChecksReply,
    open: usize,
}

impl Case {
    /// A job that waits for so many checks.
    pub(super) fn new(shard: u8, ticket: Ticket, checks: Checks, open: usize) -> Case {
        let progress = Mutex::new(Progress { findings: ChecksReply::default(), open });
        Case { shard, ticket, checks, progress }
    }

    /// Enters a finding; the last one sends the job home.
    fn conclude(&self, desk: &Desk, subject: Subject, reply: Option<&Reply<'_>>) {
        let mut progress = self.progress.lock().expect("nothing below can panic");
        commands::note(&mut progress.findings, &self.checks, subject, reply);
        progress.open -= 1;
        if progress.open == 0 {
            desk.hand_out(self.shard, self.ticket, std::mem::take(&mut progress.findings));
        }
    }
}

impl Errand {
    pub(super) fn new(task: Task, deadline: Instant) -> Errand {
        Errand { task, deadline, avoid: None, repeated: false }
    }

    pub(super) fn lane(&self) -> Lane {
        match &self.task {
            Task::Check(..) => Lane::Authorization,
            Task::Call(call) => policy(call.code).lane,
        }
    }

    /// Appends the command. Written anew for every try, since it borrows from the checks. `None` when
    /// it cannot be written.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Option<CommandCode> {
        match &self.task {
            Task::Check(..) => {
                let request = self.check()?;
                request.encode(out);
                Some(request.command.code())
            }
            Task::Call(call) => {
                out.extend_from_slice(&call.request);
                Some(call.code)
            }
        }
    }

    /// It came back with its answer, `bytes` being what follows the message header.
    pub(super) fn complete(
        self,
        desk: &Desk,
        meters: &CommandMeters,
        code: CommandCode,
        bytes: &[u8],
        elapsed: Duration,
    ) {
        match Reply::parse(code, bytes) {
            Ok(reply) => {
                desk.answered(meters, code, reply.error, elapsed);
                match self.task {
                    Task::Check(case, subject) => case.conclude(desk, subject, Some(&reply)),
                    Task::Call(call) => call.answer(bytes),
                }
            }
            Err(error) => {
                tracing::warn!(unit = meters.unit(), %error, "an HSM reply cannot be read");
                self.fail(desk, meters, "unreadable", elapsed);
            }
        }
    }

    /// It came to nothing.
    pub(super) fn fail(self, desk: &Desk, meters: &CommandMeters, why: &'static str, elapsed: Duration) {
        match &self.task {
            Task::Check(_, subject) => match self.check() {
                Some(request) => desk.unanswered(meters, request.command.code(), why, elapsed),
                None => log_unaskable(*subject),
            },
            Task::Call(call) => desk.unanswered(meters, call.code, why, elapsed),
        }
        match self.task {
            Task::Check(case, subject) => case.conclude(desk, subject, None),
            Task::Call(call) => call.fail(why),
        }
    }

    fn check(&self) -> Option<Request<'_>> {
        match &self.task {
            Task::Check(case, subject) => commands::request(&case.checks, *subject),
            Task::Call(_) => None,
        }
    }
}
