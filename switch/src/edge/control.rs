//! The control socket: HTTP over a Unix domain socket in the data folder, by which the card base is changed
//! while the switch runs. Who may open the socket may do everything here; its mode is 0600. `docs/cards.md`
//! has the requests.

mod answers;
mod client;
mod holders;
mod hot_list;
mod limits;
mod request;
mod scripts;
mod socket;
mod tokens;

pub use answers::Answers;
pub use client::{ControlClient, ControlError};
pub use socket::{BindError, ControlSocket};

use crate::settings::Settings;
use crate::shards::Shards;
use auth::{
    AccountId, AccountPut, AccountTerms, CardChange, CardView, Did, Done, HolderChange, HotChange,
    HotRefusal, LimitHolder, LimitRefusal, NoSuchCard, Provision, ProvisionAnswer, ProvisionTask, Refusal,
    ScriptRefusal, TokenChange, TokenRefusal, TokenTask,
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

/// The same of the hot list, whose changes are smaller: some 0.2 ms of a shard.
const HOT_BUNDLE: usize = 1024;

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

    /// Checks changes of the hot list, each by itself, or makes them: in every shard, since a number that is not on
    /// file may come to any of them. What one shard refuses counts as refused.
    async fn change_hot_list(
        &self,
        changes: &[HotChange],
        check: bool,
    ) -> Result<Vec<Result<Did, HotRefusal>>, Trouble> {
        let _turn = tokio::time::timeout(DEADLINE, self.turn.lock()).await.map_err(|_| Trouble::Busy)?;
        let mut told = Vec::with_capacity(changes.len());
        for bundle in changes.chunks(HOT_BUNDLE) {
            let mut asked = Vec::new();
            for shard in 0..self.shards.count() {
                let task = ProvisionTask::ChangeHotList { changes: bundle.to_vec(), check };
                asked.push(self.hand_over(shard, task).await?);
            }
            let mut of_bundle: Vec<Result<Did, HotRefusal>> = Vec::new();
            for answer in asked {
                let Some(ProvisionAnswer::HotList(answers)) = answer.wait(DEADLINE).await else {
                    return Err(Trouble::NoAnswer);
                };
                if of_bundle.is_empty() {
                    of_bundle = answers;
                    continue;
                }
                for (one, other) in of_bundle.iter_mut().zip(answers) {
                    *one = one.and(other);
                }
            }
            told.extend(of_bundle);
        }
        Ok(told)
    }

    /// Checks changes of tokens, each by itself, or makes them, each at the home of its card.
    async fn change_tokens(
        &self,
        changes: &[TokenChange],
        check: bool,
    ) -> Result<Vec<Result<Did, TokenRefusal>>, Trouble> {
        let _turn = tokio::time::timeout(DEADLINE, self.turn.lock()).await.map_err(|_| Trouble::Busy)?;
        let directory = self.shards.directory();
        let mut told = vec![Ok(Did::Nothing); changes.len()];
        for start in (0..changes.len()).step_by(BUNDLE) {
            let bundle = &changes[start..changes.len().min(start + BUNDLE)];
            let mut of_shards: Vec<Vec<usize>> = vec![Vec::new(); self.shards.count()];
            for (index, change) in bundle.iter().enumerate() {
                let home = match change.task {
                    TokenTask::Put { card, .. } => directory.home(&card),
                    TokenTask::Set(_) | TokenTask::Remove => directory.home(&change.number),
                };
                // A token on file elsewhere is one of another card.
                if directory.home_on_file(&change.number).is_some_and(|known| known != home) {
                    told[start + index] = Err(TokenRefusal::OtherCard);
                } else {
                    of_shards[home].push(index);
                }
            }
            let mut asked = Vec::new();
            for (shard, indexes) in of_shards.into_iter().enumerate().filter(|(_, some)| !some.is_empty()) {
                let changes = indexes.iter().map(|index| bundle[*index]).collect();
                asked.push((
                    indexes,
                    self.hand_over(shard, ProvisionTask::ChangeTokens { changes, check }).await?,
                ));
            }
            for (indexes, answer) in asked {
                let Some(ProvisionAnswer::Tokens(answers)) = answer.wait(DEADLINE).await else {
                    return Err(Trouble::NoAnswer);
                };
                for (index, answer) in indexes.into_iter().zip(answers) {
                    let TokenChange { number, task } = bundle[index];
                    if let (Ok(Did::Added), TokenTask::Put { card, .. }, false) = (answer, task, check) {
                        directory.settle_token(&number, &card);
                    }
                    told[start + index] = answer;
                }
            }
        }
        Ok(told)
    }

    /// Checks changes of what is known of holders, each by itself, or makes them, each at the home of its card.
    async fn change_holders(
        &self,
        changes: &[HolderChange],
        check: bool,
    ) -> Result<Vec<Result<Did, NoSuchCard>>, Trouble> {
        let _turn = tokio::time::timeout(DEADLINE, self.turn.lock()).await.map_err(|_| Trouble::Busy)?;
        let mut told = vec![Ok(Did::Nothing); changes.len()];
        for start in (0..changes.len()).step_by(BUNDLE) {
            let bundle = &changes[start..changes.len().min(start + BUNDLE)];
            let mut of_shards: Vec<Vec<usize>> = vec![Vec::new(); self.shards.count()];
            for (index, change) in bundle.iter().enumerate() {
                of_shards[self.shards.directory().home(&change.pan)].push(index);
            }
            let mut asked = Vec::new();
            for (shard, indexes) in of_shards.into_iter().enumerate().filter(|(_, some)| !some.is_empty()) {
                let changes = indexes.iter().map(|index| bundle[*index].clone()).collect();
                let task = ProvisionTask::ChangeHolders { changes, check };
                asked.push((indexes, self.hand_over(shard, task).await?));
            }
            for (indexes, answer) in asked {
                let Some(ProvisionAnswer::Holders(answers)) = answer.wait(DEADLINE).await else {
                    return Err(Trouble::NoAnswer);
                };
                for (index, answer) in indexes.into_iter().zip(answers) {
                    told[start + index] = answer;
                }
            }
        }
        Ok(told)
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
                Ok(home) => match self.on_file_elsewhere(change, home).await? {
                    None => waiting[home].push_back(index),
                    Some(account) => told[index] = Err(vec![Refusal::FurtherElsewhere(account)]),
                },
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
                    if let Ok(done) = &answer
                        && !check
                    {
                        self.remember(&changes[index], *done);
                    }
                    told[index] = answer;
                }
            }
        }
        Ok(told)
    }

    /// Notes where that lives which a change has put on file.
    fn remember(&self, change: &CardChange, done: Done) {
        let directory = self.shards.directory();
        match change {
            CardChange::Put(put) => {
                let Some(account) = put.account else { return };
                if let (Did::Added, Some(home)) = (done.account, &put.terms.home) {
                    directory.settle_beside(account, directory.home_of_account(home));
                }
                let home = directory.home_of_account(&account);
                for further in put.further.iter().flatten() {
                    directory.settle_beside(further.id, home);
                }
                if done.card == Did::Added {
                    directory.settle(&put.pan, &account);
                }
            }
            CardChange::PutAccount(put) => {
                if let (Did::Added, Some(home)) = (done.account, &put.terms.home) {
                    directory.settle_beside(put.account, directory.home_of_account(home));
                }
            }
            CardChange::RemoveAccount(account) if done.account == Did::Removed => {
                directory.forget_account(account);
            }
            CardChange::RemoveAccount(_) | CardChange::RemoveCard { .. } => {}
        }
    }

    /// An account that a change wants in this shard, and that is on file in another one: it was opened as one of its
    /// own. Asked before, since the shard that is to take it cannot know.
    async fn on_file_elsewhere(
        &self,
        change: &CardChange,
        home: usize,
    ) -> Result<Option<AccountId>, Trouble> {
        let (account, terms, further) = match change {
            CardChange::Put(put) => (put.account, &put.terms, put.further.as_deref().unwrap_or_default()),
            CardChange::PutAccount(put) => (Some(put.account), &put.terms, &[][..]),
            CardChange::RemoveAccount(_) | CardChange::RemoveCard { .. } => return Ok(None),
        };
        let first = account.filter(|_| terms.home.is_some());
        for account in first.into_iter().chain(further.iter().map(|further| further.id)) {
            let directory = self.shards.directory();
            let own = directory.own_home(&account);
            if own == home || directory.lives_beside(&account) {
                continue;
            }
            // Without terms it can only be the same, or missing.
            let put = AccountPut { account, terms: AccountTerms::default(), update: false };
            let task = ProvisionTask::Check(vec![CardChange::PutAccount(put)]);
            let ProvisionAnswer::Changes(told) = self.ask(own, task).await? else {
                return Err(Trouble::NoAnswer);
            };
            if told.iter().any(Result::is_ok) {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }

    /// The home of a change's account. A card that is on file, or was, is at home where its transactions are:
    /// elsewhere its reversals would not find them.
    fn home(&self, change: &CardChange) -> Result<usize, Refusal> {
        let directory = self.shards.directory();
        let home_of = |account: &AccountId, terms: &AccountTerms| match &terms.home {
            Some(beside) if !directory.lives_beside(account) => directory.home_of_account(beside),
            _ => directory.home_of_account(account),
        };
        match change {
            CardChange::Put(put) => {
                let at_home = put.account.map(|account| home_of(&account, &put.terms));
                match (directory.home_on_file(&put.pan), at_home) {
                    (Some(home), Some(account)) if home != account => Err(Refusal::OtherAccount),
                    (Some(home), _) | (None, Some(home)) => Ok(home),
                    (None, None) => Ok(directory.home(&put.pan)),
                }
            }
            CardChange::PutAccount(put) => Ok(home_of(&put.account, &put.terms)),
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
