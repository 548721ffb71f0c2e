//! The HSM port: shards hand in checks and get the findings back as an input. Behind it is either the
//! simulator in this process or payShield units over TCP; a shard cannot tell which.

mod call;
mod connection;
mod conversation;
mod embedded;
mod errand;
mod exchange;
mod health;
mod lmk;
mod pay_shield;
mod policy;
mod pool;
mod queue;
mod shares;

pub use call::{Answer, Call, CallError};

use crate::metrics::{CommandMeters, Metrics};
use crate::settings::HsmSettings;
use crate::shards::Shards;
use crate::translate::hsm::Subject;
use auth::{Checks, ChecksReply, Input, Ticket};
use embedded::Embedded;
use hsm::{CommandCode, ErrorCode};
use pay_shield::PayShield;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Jobs that may wait for the embedded HSM; one more is refused. For payShield units the configuration
/// says how many commands may.
pub const HSM_JOBS: usize = 16_384;

/// Checks of one request on their way to the HSM.
pub struct HsmJob {
    /// The shard that asks and gets the findings.
    pub shard: u8,
    /// Names the suspended request within that shard.
    pub ticket: Ticket,
    /// What to find out.
    pub checks: Checks,
}

/// Where shards hand in checks. Dropping it stops the HSM's threads and connections once they have
/// answered what was handed in.
pub struct HsmPort(Adapter);

enum Adapter {
    Embedded(Embedded),
    PayShield(PayShield),
}

impl HsmPort {
    /// Starts threads or connections. payShield units may be away: connecting to them goes on for as
    /// long as the port lives, and jobs that find none connected fail at once.
    ///
    /// # Errors
    /// When a thread cannot be started, a header length of 0 makes replies indistinguishable, or
    /// payShield units are configured outside of a tokio runtime.
    pub fn start(settings: &HsmSettings, shards: Arc<Shards>, metrics: Arc<Metrics>) -> io::Result<HsmPort> {
        let desk = Desk { shards, metrics };
        Ok(HsmPort(match settings {
            HsmSettings::Embedded { workers } => Adapter::Embedded(Embedded::start(*workers, desk)?),
            HsmSettings::PayShield(settings) => Adapter::PayShield(PayShield::start(settings, desk)?),
        }))
    }

    /// Hands in a job; its findings come back as one [`Input::HsmReply`] for its shard. Never waits, and
    /// may be called from any thread.
    ///
    /// # Errors
    /// Gives the job back when too many wait.
    #[expect(clippy::result_large_err, reason = "a job that is refused goes back whole")]
    pub fn ask(&self, job: HsmJob) -> Result<(), HsmJob> {
        match &self.0 {
            Adapter::Embedded(embedded) => embedded.ask(job),
            Adapter::PayShield(pay_shield) => pay_shield.ask(job),
        }
    }

    /// Asks one command by itself, behind all checks if it is housekeeping. It is asked a second time,
    /// of another unit, only if it may be repeated.
    ///
    /// # Errors
    /// [`CallError::QueueFull`] when too many wait.
    pub fn call(&self, command: &hsm::Command<'_>) -> Result<Call, CallError> {
        match &self.0 {
            Adapter::Embedded(embedded) => Ok(embedded.call(command)),
            Adapter::PayShield(pay_shield) => pay_shield.call(command),
        }
    }

    /// How many connections to units are in service; the simulator counts as one. With none, every job
    /// fails at once.
    #[must_use]
    pub fn connected(&self) -> usize {
        match &self.0 {
            Adapter::Embedded(_) => 1,
            Adapter::PayShield(pay_shield) => pay_shield.connected(),
        }
    }
}

/// Where findings are handed out and commands are counted.
struct Desk {
    shards: Arc<Shards>,
    metrics: Arc<Metrics>,
}

impl Desk {
    /// Gives the findings to the shard that asked. A full inbox loses them: the shard is overloaded, and
    /// its deadline answers the request 96.
    fn hand_out(&self, shard: u8, ticket: Ticket, reply: ChecksReply) {
        if self.shards.submit_to(usize::from(shard), Input::HsmReply { ticket, reply }).is_err() {
            tracing::error!(shard, "an HSM reply found the shard's inbox full and was dropped");
        }
    }

    /// Counts an answered command, and logs what is neither a yes nor a no: that is somebody's mistake,
    /// in a key or in the HSM.
    fn answered(&self, meters: &CommandMeters, code: CommandCode, error: ErrorCode, elapsed: Duration) {
        let label = std::str::from_utf8(error.as_bytes()).unwrap_or("??");
        meters.count(code.as_bytes(), label, elapsed);
        if error != ErrorCode::NONE && error != ErrorCode::VERIFICATION_FAILED {
            tracing::warn!(unit = meters.unit(), command = %code, %error, "the HSM could not do a command");
        }
    }

    /// Counts a command without a usable answer. The connection says once what is wrong; here it would
    /// be said for every command.
    fn unanswered(&self, meters: &CommandMeters, code: CommandCode, why: &'static str, elapsed: Duration) {
        meters.count(code.as_bytes(), why, elapsed);
        tracing::debug!(unit = meters.unit(), command = %code, why, "no answer from the HSM");
    }
}

/// A check that the tables do not give a command for fails without the HSM, which is worth a line.
fn log_unaskable(subject: Subject) {
    tracing::error!(?subject, "a key or method in the configuration cannot be written as an HSM command");
}
