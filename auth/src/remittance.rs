//! Money that goes from an account of this shard to one of another, and comes back when the transfer is reversed.
//!
//! One record cannot be of two shards, so the money is on its way for a while: the paying shard owes it from the record
//! of its debit on, and says so until the other shard has answered; the other one remembers what it has taken until the
//! paying one has recorded the answer. Each step is a record of one shard, which is durable before the other shard hears
//! of it, and each is made once however often it is told (`docs/decisions/0018`).

use crate::between_shards::{Home, Word, tell};
use crate::billing::Part;
use crate::core::{Core, respond};
use crate::effect::{Effect, Response};
use crate::limits::{
    REMITTANCES, REMITTANCES_PER_TICK, REMITTANCES_TAKEN, REVERSAL_DEADLINE, REVERSALS_WAITING,
};
use crate::names::{AccountId, LinkName, ReplyTo, ShardIndex, TransactionId};
use crate::record::{Credited, Record, Reversed, Transaction};
use crate::reversal::{self, Reversal};
use crate::state::State;
use crate::stored::StoredTransaction;
use card::{Currency, Pan, ResponseCode, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What one shard asks of another about an account there: to take money of a transfer, or to give it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remittance {
    /// Its number.
    pub number: RemittanceNumber,
    /// The transfer.
    pub transaction: TransactionId,
    /// Its card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When it was asked.
    pub time: Time,
    /// The link of the transfer.
    pub link: LinkName,
    /// The account that pays, which names the shard that asks.
    pub payer: AccountId,
    /// The account that gets the money, which names the shard that is asked.
    pub account: AccountId,
    /// The currency of both.
    pub currency: Currency,
    /// What the account gets, minor units; negative where it is to give back.
    pub minor: i64,
    /// Whether the account gives back even what it does not have.
    pub forced: bool,
}

/// A remittance as the shard that asks keeps it, until it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRemittance {
    /// What was asked.
    pub remittance: Remittance,
    /// What is recorded of the transfer when the money comes back: because it was given back, or not taken. Known from
    /// the beginning, since the transfer may have left memory by then.
    pub reversal: Reversed,
}

/// Number of a remittance: that of the transfer where money goes out, and one that nothing else has where it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RemittanceNumber(pub u64);

/// What came of a remittance: in the shard that was asked, and then in the one that has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemittanceOutcome {
    /// What was asked.
    pub remittance: Remittance,
    /// When this was recorded.
    pub time: Time,
    /// 00, or why the account does not do it.
    pub code: ResponseCode,
}

/// The shard that has asked knows what came of it, so it need not be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemittanceForgotten {
    /// Its number.
    pub number: RemittanceNumber,
    /// The transfer.
    pub transaction: TransactionId,
    /// Its card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// The account, which names the shard.
    pub account: AccountId,
}

/// What a shard tells of a remittance that it was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) transaction: TransactionId,
    pub(crate) number: RemittanceNumber,
    /// Serial number of the message that it answers.
    pub(crate) answers: u64,
    pub(crate) code: ResponseCode,
}

impl Remittance {
    /// Whether the account gets money, and does not give any back.
    #[must_use]
    pub fn gives(&self) -> bool {
        self.minor > 0
    }
}

impl RemittanceOutcome {
    /// What the account got, minor units; negative where it gave back.
    #[must_use]
    pub fn moved_minor(&self) -> i64 {
        if self.code.is_approval() { self.remittance.minor } else { 0 }
    }

    /// What is not on its way any more and back with the shard that has asked, minor units.
    #[must_use]
    pub fn returned_minor(&self) -> i64 {
        let Remittance { minor, .. } = self.remittance;
        match (self.remittance.gives(), self.code.is_approval()) {
            (true, false) => minor,
            (false, true) => -minor,
            (true, true) | (false, false) => 0,
        }
    }
}

/// What is said again when, and who waits. May die with the process: after a restart everything that is open is said again
/// at once, and whoever asked for a reversal asks again.
#[derive(Debug, Default)]
pub(crate) struct Remitting {
    asked: BTreeMap<TransactionId, Said>,
    told: BTreeMap<RemittanceNumber, Said>,
    next_look: Option<Time>,
    reversals: BTreeMap<TransactionId, Vec<WaitingReversal>>,
    /// How many there are of those.
    waiting: usize,
}

/// The last time that something was said.
#[derive(Clone, Copy, Debug)]
struct Said {
    serial: u64,
    again: Time,
    wait: Duration,
}

#[derive(Debug)]
struct WaitingReversal {
    reversal: Box<Reversal>,
    deadline: Time,
}

/// How long an answer may take before the question is said again; then twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(64);

/// How often it is looked whether something has to be said again.
const LOOK: Duration = Duration::from_millis(250);

impl Said {
    fn next(before: Option<&Said>, serial: u64, now: Time) -> Said {
        let wait = before.map_or(FIRST_WAIT, |said| LONGEST_WAIT.min(said.wait * 2));
        Said { serial, again: now.plus(wait), wait }
    }

    /// A clock that was set back does not let it wait for longer than any wait is.
    fn is_due(&self, now: Time) -> bool {
        self.again <= now || self.again > now.plus(LONGEST_WAIT)
    }
}

/// What is sent for a transfer that was just decided, to an account that is not here.
pub(crate) fn of_transfer(transaction: &Transaction, state: &State, credited: &Credited) -> SentRemittance {
    let payer = transaction.account.and_then(|payer| state.account(&payer));
    let payer = &payer.expect("an approved transfer draws on an account that is here").account;
    let stored = StoredTransaction::of(transaction);
    SentRemittance {
        remittance: Remittance {
            number: RemittanceNumber(transaction.id.number()),
            transaction: transaction.id,
            pan: transaction.pan,
            time: transaction.time,
            link: transaction.link,
            payer: payer.id,
            account: credited.account,
            currency: payer.currency,
            minor: credited.minor,
            forced: false,
        },
        reversal: reversal::reversed(&stored, stored.part(0), transaction.time),
    }
}

/// What the other shard is to give back of a transfer, so that so much of it stands.
pub(crate) struct TakeBack {
    pub(crate) payer: AccountId,
    pub(crate) account: AccountId,
    pub(crate) currency: Currency,
    pub(crate) returned_minor: i64,
    pub(crate) remaining: Part,
    pub(crate) forced: bool,
}

/// Asks the other shard for money of a transfer that is to be reversed. Says whether there was room for it.
pub(crate) fn take_back(
    core: &mut Core,
    now: Time,
    original: TransactionId,
    back: &TakeBack,
    effects: &mut Vec<Effect>,
) -> bool {
    if core.state.open_remittances() >= REMITTANCES {
        return false;
    }
    let number = RemittanceNumber(core.next_transaction_id().number());
    let stored = core.state.transaction(original).expect("it was found in memory");
    let remittance = Remittance {
        number,
        transaction: original,
        pan: stored.pan,
        time: now,
        link: stored.link,
        payer: back.payer,
        account: back.account,
        currency: back.currency,
        minor: -back.returned_minor,
        forced: back.forced,
    };
    let reversal = reversal::reversed(stored, back.remaining, now);
    send(core, now, Box::new(SentRemittance { remittance, reversal }), effects);
    true
}

/// From here on it is owed an answer, whatever happens to the process.
pub(crate) fn send(core: &mut Core, now: Time, sent: Box<SentRemittance>, effects: &mut Vec<Effect>) {
    let remittance = sent.remittance;
    core.commit(Record::RemittanceSent(sent), effects);
    say(core, now, remittance, effects);
}

fn say(core: &mut Core, now: Time, remittance: Remittance, effects: &mut Vec<Effect>) {
    let serial = tell(core, Home::Account(remittance.account), Word::Take(remittance), effects);
    let said = Said::next(core.remitting.asked.get(&remittance.transaction), serial, now);
    core.remitting.asked.insert(remittance.transaction, said);
}

/// Another shard asks: an account here takes the money, or gives it back, once.
pub(crate) fn take(
    core: &mut Core,
    now: Time,
    remittance: &Remittance,
    from: ShardIndex,
    serial: u64,
    effects: &mut Vec<Effect>,
) {
    let Remittance { number, transaction, .. } = *remittance;
    let known = core.state.taken_remittance(number).map(|outcome| outcome.code);
    let code = match known {
        Some(code) => code,
        // It is asked again.
        None if core.state.taken_remittances().len() >= REMITTANCES_TAKEN => return,
        None => {
            let code = judge(&core.state, remittance);
            let outcome = RemittanceOutcome { remittance: *remittance, time: now, code };
            core.commit(Record::RemittanceTaken(Box::new(outcome)), effects);
            code
        }
    };
    let report = Report { transaction, number, answers: serial, code };
    let serial = tell(core, Home::Shard(from), Word::Taken(report), effects);
    core.remitting.told.entry(number).or_insert_with(|| Said::next(None, serial, now));
}

/// What the account does about it. As inside one shard, an account that was closed meanwhile, or opened anew in another
/// currency, takes nothing, and what was spent does not come back, unless it is forced.
fn judge(state: &State, remittance: &Remittance) -> ResponseCode {
    let file = state.account(&remittance.account).filter(|file| file.account.currency == remittance.currency);
    match file {
        None if remittance.gives() => ResponseCode::INVALID_CARD,
        None => ResponseCode::ORIGINAL_NOT_FOUND,
        Some(file) if remittance.gives() => {
            if file.has_room_for(remittance.minor) {
                ResponseCode::APPROVED
            } else {
                ResponseCode::INVALID_AMOUNT
            }
        }
        Some(file) => {
            let has = file.available_minor() >= remittance.minor.saturating_neg();
            if has || remittance.forced { ResponseCode::APPROVED } else { ResponseCode::INSUFFICIENT_FUNDS }
        }
    }
}

/// The other shard has answered. Only the answer to the newest question counts: should the account have been closed and
/// opened anew in another shard meanwhile, the question is with that one.
pub(crate) fn taken(core: &mut Core, now: Time, report: Report, from: ShardIndex, effects: &mut Vec<Effect>) {
    let Report { transaction, number, answers, code } = report;
    let open = core.state.remittance_of(transaction).filter(|open| open.remittance.number == number);
    if let Some(sent) = open.cloned() {
        if core.remitting.asked.get(&transaction).is_none_or(|asked| asked.serial != answers) {
            return;
        }
        settle(core, now, sent, code, effects);
    }
    tell(core, Home::Shard(from), Word::Forget { number }, effects);
}

/// Records what came of a remittance, and what that makes of the transfer; then its reversals go on.
fn settle(core: &mut Core, now: Time, sent: SentRemittance, code: ResponseCode, effects: &mut Vec<Effect>) {
    let transaction = sent.remittance.transaction;
    let outcome = RemittanceOutcome { remittance: sent.remittance, time: now, code };
    let (gave, done) = (sent.remittance.gives(), code.is_approval());
    core.remitting.asked.remove(&transaction);
    core.commit(Record::RemittanceSettled(Box::new(outcome)), effects);
    // Either the account has given back what a reversal asks for, or it did not take the money, and all of it returns.
    if gave != done {
        core.commit(Record::Reversed(Reversed { time: now, ..sent.reversal }), effects);
    }
    let waiting = core.remitting.reversals.remove(&transaction).unwrap_or_default();
    core.remitting.waiting -= waiting.len();
    for WaitingReversal { reversal, .. } in waiting {
        if gave || done {
            reversal::undo(core, now, reversal, transaction, effects);
        } else {
            answer(reversal.reply_to, transaction, code, effects);
        }
    }
}

/// Nobody asks for this any more.
pub(crate) fn forget(core: &mut Core, now: Time, number: RemittanceNumber, effects: &mut Vec<Effect>) {
    core.remitting.told.remove(&number);
    let Some(outcome) = core.state.taken_remittance(number) else { return };
    let Remittance { transaction, pan, account, .. } = outcome.remittance;
    let forgotten = RemittanceForgotten { number, transaction, pan, time: now, account };
    core.commit(Record::RemittanceForgotten(Box::new(forgotten)), effects);
}

/// Lets a reversal wait for what its transfer waits for, or answers 96 where too many do.
pub(crate) fn wait(
    core: &mut Core,
    now: Time,
    reversal: Box<Reversal>,
    original: TransactionId,
    effects: &mut Vec<Effect>,
) {
    if core.remitting.waiting >= REVERSALS_WAITING {
        return answer(reversal.reply_to, original, ResponseCode::MALFUNCTION, effects);
    }
    let deadline = now.plus(REVERSAL_DEADLINE);
    core.remitting.reversals.entry(original).or_default().push(WaitingReversal { reversal, deadline });
    core.remitting.waiting += 1;
}

fn answer(reply_to: ReplyTo, original: TransactionId, code: ResponseCode, effects: &mut Vec<Effect>) {
    respond(reply_to, Response { transaction: Some(original), ..Response::bare(code) }, effects);
}

/// Says again what was not answered, and answers reversals that have waited too long with 96: what they ask for goes on,
/// and whoever repeats them hears how it ended.
pub(crate) fn tick(core: &mut Core, now: Time, effects: &mut Vec<Effect>) {
    if core.remitting.waiting > 0 {
        overdue(core, now, effects);
    }
    if core.remitting.next_look.is_some_and(|look| now < look && look <= now.plus(LOOK)) {
        return;
    }
    core.remitting.next_look = Some(now.plus(LOOK));
    let is_due = |said: Option<&Said>| said.is_none_or(|said| said.is_due(now));
    let (state, remitting) = (&core.state, &core.remitting);
    let open = state.each_open_remittance().filter(|open| is_due(remitting.asked.get(&open.transaction)));
    let open: Vec<Remittance> = open.take(REMITTANCES_PER_TICK).copied().collect();
    let taken = state.taken_remittances().values();
    let taken = taken.filter(|taken| is_due(remitting.told.get(&taken.remittance.number)));
    let taken: Vec<Remittance> = taken.take(REMITTANCES_PER_TICK).map(|taken| taken.remittance).collect();
    for remittance in open {
        say(core, now, remittance, effects);
    }
    for Remittance { number, transaction, payer, .. } in taken {
        let serial = tell(core, Home::Account(payer), Word::Settled { transaction, number }, effects);
        let said = Said::next(core.remitting.told.get(&number), serial, now);
        core.remitting.told.insert(number, said);
    }
}

fn overdue(core: &mut Core, now: Time, effects: &mut Vec<Effect>) {
    let Remitting { reversals, waiting, .. } = &mut core.remitting;
    for (original, of_it) in &mut *reversals {
        of_it.retain(|WaitingReversal { reversal, deadline }| {
            let waits = *deadline > now;
            if !waits {
                answer(reversal.reply_to, *original, ResponseCode::MALFUNCTION, effects);
                *waiting -= 1;
            }
            waits
        });
    }
    reversals.retain(|_, of_it| !of_it.is_empty());
}
