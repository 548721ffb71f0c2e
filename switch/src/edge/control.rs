//! The control socket: HTTP over a Unix domain socket in the data folder, by which the card base is changed
//! while the switch runs. Who may open the socket may do everything here; its mode is 0600. `docs/cards.md`
//! has the requests.

mod answers;
mod client;
mod limits;
mod request;
mod scripts;
mod socket;

pub use answers::Answers;
pub use client::{ControlClient, ControlError};
pub use socket::{BindError, ControlSocket};

use crate::settings::Settings;
use crate::shards::Shards;
use auth::{
    CardChange, CardView, Did, Done, LimitHolder, LimitRefusal, Provision, ProvisionAnswer, ProvisionTask,
    Refusal, ScriptRefusal,
};
use card::Pan;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;

/// Connections at the same time: an operator and a few tools.
const CONNECTIONS: usize = 16;

/// How long a connection may be without a request.
const IDLE: Duration = Duration::from_secs(30);

/// How long a shard may take for its answer, and a request for its turn.
const DEADLINE: Duration = Duration::from_secs(30);

/// Changes handed to a shard at a time: they become one batch of records, and nobody else's request waits
/// longer than they take.
const BUNDLE: usize = 128;

/// Between two attempts to hand a bundle to a shard whose inbox is full.
const RETRY: Duration = Duration::from_millis(5);

/// What the control socket works with.
pub struct Control {
    shards: Arc<Shards>,
    answers: Arc<Answers>,
    settings: Arc<Settings>,
    /// One request changes the card base at a time. So a card cannot be put on file in two shards at once.
    turn: Mutex<()>,
}

/// Why a request was not carried out, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// A shard took no new work, or another request had the turn, until the deadline.
    Busy,
    /// A shard did not answer: whether the change was made is not known.
    NoAnswer,
}

impl Control {
    /// Over these shards, by the rules of these settings.
    #[must_use]
    pub fn new(shards: Arc<Shards>, answers: Arc<Answers>, settings: Arc<Settings>) -> Control {
        Control { shards, answers, settings, turn: Mutex::new(()) }
    }

    /// Serves until the switch drains, then finishes what was begun.
    pub async fn serve(self: Arc<Control>, socket: ControlSocket, mut draining: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut conversations = JoinSet::new();
        loop {
            while conversations.try_join_next().is_some() {}
            let stream = tokio::select! {
                () = drained(&mut draining) => break,
                accepted = socket.accept() => match accepted {
                    Ok(stream) => stream,
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let (control, draining) = (Arc::clone(&self), draining.clone());
            conversations.spawn(async move {
                let _place = place;
                control.converse(stream, draining).await;
            });
        }
        // Nobody finds the socket any more, and whoever is connected gets the answer to what was asked.
        drop(socket);
        while conversations.join_next().await.is_some() {}
    }

    async fn converse(self: Arc<Control>, stream: UnixStream, mut draining: watch::Receiver<bool>) {
        let user = stream.peer_cred().ok().map(|peer| peer.uid());
        let service = service_fn(move |request| request::answer(Arc::clone(&self), user, request));
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(IDLE);
        let conversation = http.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(conversation);
        let ended = tokio::select! {
            ended = conversation.as_mut() => Some(ended),
            () = drained(&mut draining) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                conversation.as_mut().graceful_shutdown();
                conversation.as_mut().await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "control: connection ended");
        }
    }

    async fn show(&self, pan: Pan) -> Result<Option<Box<CardView>>, Trouble> {
        let home = self.shards.directory().home(&pan);
        match self.ask(home, ProvisionTask::Show(pan)).await? {
            ProvisionAnswer::Card(view) => Ok(view),
            _ => Ok(None),
        }
    }

    /// Gives a card or an account a limit of its own, or an override, at its home.
    async fn change_limit(
        &self,
        (holder, limit, change): limits::Change,
    ) -> Result<Result<(), LimitRefusal>, Trouble> {
        let directory = self.shards.directory();
        let home = match &holder {
            LimitHolder::Card(pan) => directory.home(pan),
            LimitHolder::Account(account) => directory.home_of_account(account),
        };
        match self.ask(home, ProvisionTask::ChangeLimit { holder, limit, change }).await? {
            ProvisionAnswer::Limit(told) => Ok(told),
            _ => Err(Trouble::NoAnswer),
        }
    }

    /// Lets a card's count of wrong PINs begin anew; `false` when it is not on file.
    async fn clear_pin_tries(&self, pan: Pan) -> Result<bool, Trouble> {
        let home = self.shards.directory().home(&pan);
        match self.ask(home, ProvisionTask::ClearPinTries(pan)).await? {
            ProvisionAnswer::PinTriesCleared(on_file) => Ok(on_file),
            _ => Err(Trouble::NoAnswer),
        }
    }

    /// Has a script queued or taken away at its card's home.
    async fn script(&self, pan: Pan, task: ProvisionTask) -> Result<Result<u32, ScriptRefusal>, Trouble> {
        match self.ask(self.shards.directory().home(&pan), task).await? {
            ProvisionAnswer::Script(told) => Ok(told),
            _ => Err(Trouble::NoAnswer),
        }
    }

    /// Checks the changes, each by itself, or makes them. Each goes to the home of its account, in order.
    async fn change(
        &self,
        changes: &[CardChange],
        check: bool,
    ) -> Result<Vec<Result<Done, Vec<Refusal>>>, Trouble> {
        let _turn = tokio::time::timeout(DEADLINE, self.turn.lock()).await.map_err(|_| Trouble::Busy)?;
        let mut told: Vec<Result<Done, Vec<Refusal>>> = vec![Ok(Done::default()); changes.len()];
        let mut waiting: Vec<VecDeque<usize>> = vec![VecDeque::new(); self.shards.count()];
        for (index, change) in changes.iter().enumerate() {
            match self.home(change) {
                Ok(home) => waiting[home].push_back(index),
                Err(refusal) => told[index] = Err(vec![refusal]),
            }
        }
        let size = if changes.iter().any(closes_account) { 1 } else { BUNDLE };
        while waiting.iter().any(|queue| !queue.is_empty()) {
            let bundles: Vec<Vec<usize>> =
                waiting.iter_mut().map(|queue| queue.drain(..queue.len().min(size)).collect()).collect();
            // Shards work at the same time: all are asked before the first answer is waited for.
            let mut asked = Vec::new();
            for (shard, bundle) in bundles.into_iter().enumerate().filter(|(_, bundle)| !bundle.is_empty()) {
                let part = bundle.iter().map(|index| changes[*index].clone()).collect();
                let task = if check { ProvisionTask::Check(part) } else { ProvisionTask::Apply(part) };
                asked.push((bundle, self.hand_over(shard, task).await?));
            }
            for (bundle, answer) in asked {
                let ProvisionAnswer::Changes(answers) =
                    answer.wait(DEADLINE).await.ok_or(Trouble::NoAnswer)?
                else {
                    return Err(Trouble::NoAnswer);
                };
                for (index, answer) in bundle.into_iter().zip(answers) {
                    if !check
                        && let Ok(Done { card: Did::Added, .. }) = answer
                        && let CardChange::Put(put) = &changes[index]
                        && let Some(account) = put.account
                    {
                        self.shards.directory().settle(&put.pan, &account);
                    }
                    told[index] = answer;
                }
            }
        }
        Ok(told)
    }

    /// The home of a change's account. A card that is on file, or was, is at home where its transactions are:
    /// elsewhere its reversals would not find them.
    fn home(&self, change: &CardChange) -> Result<usize, Refusal> {
        let directory = self.shards.directory();
        match change {
            CardChange::Put(put) => {
                let at_home = put.account.map(|account| directory.home_of_account(&account));
                match (directory.home_on_file(&put.pan), at_home) {
                    (Some(home), Some(account)) if home != account => Err(Refusal::OtherAccount),
                    (Some(home), _) | (None, Some(home)) => Ok(home),
                    (None, None) => Ok(directory.home(&put.pan)),
                }
            }
            CardChange::PutAccount(put) => Ok(directory.home_of_account(&put.account)),
            CardChange::RemoveCard { pan, .. } => Ok(directory.home(pan)),
            CardChange::RemoveAccount(account) => Ok(directory.home_of_account(account)),
        }
    }

    async fn ask(&self, shard: usize, task: ProvisionTask) -> Result<ProvisionAnswer, Trouble> {
        self.hand_over(shard, task).await?.wait(DEADLINE).await.ok_or(Trouble::NoAnswer)
    }

    async fn hand_over(&self, shard: usize, task: ProvisionTask) -> Result<answers::Awaited, Trouble> {
        let (ticket, awaited) = self.answers.expect();
        let provision = Provision { ticket, task };
        let attempts = DEADLINE.as_millis() / RETRY.as_millis();
        for _ in 0..attempts {
            if self.shards.provision(shard, provision.clone()).is_ok() {
                return Ok(awaited);
            }
            tokio::time::sleep(RETRY).await;
        }
        Err(Trouble::Busy)
    }
}

/// Whether a shard has to look which cards draw on an account, which may be a look at all of them.
fn closes_account(change: &CardChange) -> bool {
    matches!(change, CardChange::RemoveAccount(_) | CardChange::RemoveCard { with_account: true, .. })
}

/// Waits until the switch drains.
async fn drained(draining: &mut watch::Receiver<bool>) {
    drop(draining.wait_for(|draining| *draining).await);
}
