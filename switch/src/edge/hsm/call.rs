//! One command by itself, for key exchange and housekeeping: asked of whichever unit is free, answered
//! to whoever waits.

use hsm::{Command, CommandCode, Reply, ReplyError};
use std::fmt;
use tokio::sync::oneshot;

/// A command that was handed in; its answer comes here.
pub struct Call {
    answer: oneshot::Receiver<Result<Vec<u8>, &'static str>>,
    code: CommandCode,
}

/// What the HSM said.
pub struct Answer {
    code: CommandCode,
    bytes: Vec<u8>,
}

/// No answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// Too many commands wait; nothing was asked.
    QueueFull,
    /// No answer came, for this reason. Whether the command was executed is not known.
    Unanswered(&'static str),
}

/// The far end of a [`Call`].
pub(super) struct CallTask {
    pub(super) code: CommandCode,
    /// Command code and body.
    pub(super) request: Vec<u8>,
    answer: oneshot::Sender<Result<Vec<u8>, &'static str>>,
}

impl CallTask {
    pub(super) fn new(command: &Command<'_>) -> (CallTask, Call) {
        let mut request = Vec::new();
        command.encode(&mut request);
        let (sender, receiver) = oneshot::channel();
        let code = command.code();
        (CallTask { code, request, answer: sender }, Call { answer: receiver, code })
    }

    pub(super) fn answer(self, bytes: &[u8]) {
        // Nobody may wait any more, which is no mistake.
        let _ = self.answer.send(Ok(bytes.to_vec()));
    }

    pub(super) fn fail(self, why: &'static str) {
        let _ = self.answer.send(Err(why));
    }
}

impl Call {
    /// The answer; it comes by the deadline of one command.
    ///
    /// # Errors
    /// [`CallError::Unanswered`].
    pub async fn answer(self) -> Result<Answer, CallError> {
        match self.answer.await {
            Ok(Ok(bytes)) => Ok(Answer { code: self.code, bytes }),
            Ok(Err(why)) => Err(CallError::Unanswered(why)),
            Err(_) => Err(CallError::Unanswered("stopping")),
        }
    }
}

impl Answer {
    /// The reply.
    ///
    /// # Errors
    /// When it is not one to the command.
    pub fn reply(&self) -> Result<Reply<'_>, ReplyError> {
        Reply::parse(self.code, &self.bytes)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::QueueFull => f.write_str("too many commands wait for the HSM"),
            CallError::Unanswered(why) => write!(f, "the HSM did not answer: {why}"),
        }
    }
}

impl std::error::Error for CallError {}
