//! The control socket: HTTP over a Unix domain socket in the data folder, by which the card base is changed
//! while the switch runs. Who may open the socket may do everything here; its mode is 0600. `docs/cards.md`
//! has the requests.

mod answers;
mod client;
mod holders;
mod hot_list;
mod limits;
mod modes;
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
    AccountId, AccountTerms, CardChange, CardView, CodeKey, ConfirmationTicket, Did, Done, FurtherAccount,
    HolderChange, HotChange, HotRefusal, LimitHolder, LimitRefusal, ModeRefusal, NoSuchCard, Provision,
    ProvisionAnswer, ProvisionTask, Refusal, ScriptRefusal, TokenChange, TokenRefusal, TokenTask,
};
use card::Pan;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::{HashMap, VecDeque};
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
    /// Of one-time codes and passwords.
    codes: CodeKey,
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
    pub fn new(
        shards: Arc<Shards>,
        answers: Arc<Answers>,
        settings: Arc<Settings>,
        codes: CodeKey,
    ) -> Control {
        Control { shards, answers, settings, codes, turn: Mutex::new(()) }
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

    /// Gives a card, an account or a customer a limit of its own, or an override, at its home.
    async fn change_limit(
        &self,
        (holder, limit, change): limits::Change,
    ) -> Result<Result<(), LimitRefusal>, Trouble> {
        let directory = self.shards.directory();
        let home = match &holder {
            LimitHolder::Card(pan) => directory.home(pan),
            LimitHolder::Account(account) => directory.home_of_account(account),
            LimitHolder::Customer(customer) => directory.home_of_customer(customer),
        };
        match self.ask(home, ProvisionTask::ChangeLimit { holder, limit, change }).await? {
            ProvisionAnswer::Limit(told) => Ok(told),
            _ => Err(Trouble::NoAnswer),
        }
    }

    /// Carries out an order about the mode of a card, at its home.
    async fn change_mode(&self, (pan, order): modes::Ordered) -> Result<Result<(), ModeRefusal>, Trouble> {
        let home = self.shards.directory().home(&pan);
        self.ask_about_mode(home, ProvisionTask::ChangeMode { pan, order }).await
    }

    /// Hands the answer of a cardholder to the shard that has given the ticket: as every number of a transaction, it
    /// says which.
    async fn answer_for_holder(
        &self,
        (ticket, task): (ConfirmationTicket, ProvisionTask),
    ) -> Result<Result<(), ModeRefusal>, Trouble> {
        let shard = (ticket.0 % auth::limits::SHARDS as u64) as usize;
        if shard >= self.shards.count() {
            return Ok(Err(ModeRefusal::NoSuchTicket));
        }
        self.ask_about_mode(shard, task).await
    }

    /// The currency of the account behind a card, as its product has it.
    fn currency(&self, pan: &Pan) -> Option<card::Currency> {
        let product = self.settings.tables.product(pan)?;
        self.settings.currencies.get(&product.name).copied()
    }

    async fn ask_about_mode(
        &self,
        shard: usize,
        task: ProvisionTask,
    ) -> Result<Result<(), ModeRefusal>, Trouble> {
        match self.ask(shard, task).await? {
            ProvisionAnswer::Mode(told) => Ok(told),
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
        let mut planned = HashMap::new();
        for (index, change) in changes.iter().enumerate() {
            match self.home(change, &mut planned) {
                Ok(home) => match self.on_file_elsewhere(change, home) {
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
                asked.push((shard, bundle, self.hand_over(shard, task).await?));
            }
            for (shard, bundle, answer) in asked {
                let ProvisionAnswer::Changes(answers) =
                    answer.wait(DEADLINE).await.ok_or(Trouble::NoAnswer)?
                else {
                    return Err(Trouble::NoAnswer);
                };
                for (index, answer) in bundle.into_iter().zip(answers) {
                    if let Ok(done) = &answer
                        && !check
                    {
                        self.remember(&changes[index], *done, shard);
                    }
                    told[index] = answer;
                }
            }
        }
        Ok(told)
    }

    /// Notes where that lives which a change has put on file in this shard.
    fn remember(&self, change: &CardChange, done: Done, shard: usize) {
        let directory = self.shards.directory();
        match change {
            CardChange::Put(put) => {
                let Some(account) = put.account else { return };
                if done.account == Did::Added {
                    directory.settle_in(&account, shard);
                }
                for further in put.further.iter().flatten() {
                    directory.settle_in(&further.id, shard);
                }
                if done.card == Did::Added {
                    directory.settle(&put.pan, &account);
                }
            }
            CardChange::PutAccount(put) => {
                if done.account == Did::Added {
                    directory.settle_in(&put.account, shard);
                }
            }
            CardChange::RemoveAccount(account) if done.account == Did::Removed => {
                directory.forget_account(account);
            }
            // An account that is closed with its card is not named here: should its number be opened anew, it is in
            // the same shard until the next start.
            CardChange::RemoveAccount(_) | CardChange::RemoveCard { .. } => {}
        }
    }

    /// An account that a change wants in this shard, and that is on file in another one.
    fn on_file_elsewhere(&self, change: &CardChange, home: usize) -> Option<AccountId> {
        let (account, terms, further) = match change {
            CardChange::Put(put) => (put.account, &put.terms, put.further.as_deref().unwrap_or_default()),
            CardChange::PutAccount(put) => (Some(put.account), &put.terms, &[][..]),
            CardChange::RemoveAccount(_) | CardChange::RemoveCard { .. } => return None,
        };
        let first = account.filter(|_| terms.home.is_some());
        let mut all = first.into_iter().chain(further.iter().map(|further| further.id));
        all.find(|account| self.shards.directory().known_home(account).is_some_and(|known| known != home))
    }

    /// The home of a change's account. A card that is on file, or was, is at home where its transactions are:
    /// elsewhere its reversals would not find them. `planned` has the homes of accounts of changes before this, which
    /// may be new and say but once whose they are, or beside which one they live.
    fn home(&self, change: &CardChange, planned: &mut HashMap<AccountId, usize>) -> Result<usize, Refusal> {
        let directory = self.shards.directory();
        let mut plan = |account: &AccountId, terms: &AccountTerms, further: &[FurtherAccount]| {
            let known =
                |account: &AccountId| planned.get(account).copied().or_else(|| directory.known_home(account));
            let beside = || terms.home.as_ref().and_then(known);
            let further = || further.iter().find_map(|further| known(&further.id));
            let home = known(account).or_else(beside).or_else(further);
            let home = home.unwrap_or_else(|| match &terms.customer {
                Some(customer) => directory.home_of_customer(customer),
                None => directory.home_of_account(terms.home.as_ref().unwrap_or(account)),
            });
            planned.insert(*account, home);
            home
        };
        match change {
            CardChange::Put(put) => {
                let further = put.further.as_deref().unwrap_or_default();
                let at_home = put.account.map(|account| plan(&account, &put.terms, further));
                match (directory.home_on_file(&put.pan), at_home) {
                    (Some(home), Some(account)) if home != account => Err(Refusal::OtherAccount),
                    (Some(home), _) | (None, Some(home)) => Ok(home),
                    (None, None) => Ok(directory.home(&put.pan)),
                }
            }
            CardChange::PutAccount(put) => Ok(plan(&put.account, &put.terms, &[])),
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
