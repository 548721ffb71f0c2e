//! Step 9: what the holder of a card has chosen, held against a request.

use crate::card_mode::{CardMode, ModeUse, OwnTransfer, Tries, Unconfirmed};
use crate::counters::Moment;
use crate::decision::CardCounters;
use crate::keyed_hash::CodeKey;
use crate::receipt::{Decline, Receipt, Step};
use crate::record::CardStatus;
use crate::request::Request;
use crate::state::{AccountFile, CardFile};
use crate::velocity::Held;
use card::{ResponseCode, Time};
use std::time::Duration;

/// What the institution says about modes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeRules {
    /// How long a transaction waits for its holder. Shorter than acquirers wait for us.
    pub confirmation_deadline: Duration,
    /// Wrong codes after which a one-time code is good no longer.
    pub code_tries: u8,
    /// Attempts on a locked or empty card that raise an alarm; 0 raises none.
    pub alarm_tries: u16,
    /// Within which time.
    pub alarm_window: Duration,
    /// Whether an alarm blocks the card.
    pub alarm_blocks: bool,
    /// The status of a card that is blocked.
    pub block_status: CardStatus,
    /// Whether a card that an alarm has blocked is to be issued anew.
    pub reissue: bool,
}

impl Default for ModeRules {
    fn default() -> ModeRules {
        ModeRules {
            confirmation_deadline: Duration::from_secs(20),
            code_tries: 3,
            alarm_tries: 5,
            alarm_window: Duration::from_mins(10),
            alarm_blocks: false,
            block_status: CardStatus::Restricted,
            reissue: true,
        }
    }
}

/// Whether the mode lets the request in, as far as it can be seen before the HSM is asked, and again afterwards: the
/// mode may have changed meanwhile, and another transaction may have used what was open.
pub(crate) fn allowed(
    file: &CardFile,
    request: &Request,
    now: Time,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let Some(mode) = file.mode() else { return Ok(()) };
    match mode {
        CardMode::Locked { .. } if !mode.is_open(now) => {
            Err(receipt.fail(Step::CardLocked, ResponseCode::RESTRICTED, 0, 0))
        }
        // An inquiry shows that there is nothing.
        CardMode::Empty { .. } if !mode.is_open(now) && request.transaction.takes_money() => {
            Err(receipt.fail(Step::CardEmpty, ResponseCode::INSUFFICIENT_FUNDS, 0, 0))
        }
        CardMode::OneTimeCode { code } if request.transaction.takes_money() => {
            let missing = match code {
                None => 1,
                Some(code) if now >= code.until => 2,
                Some(_) if request.one_time_code.is_none() => 3,
                Some(_) => return Ok(()),
            };
            Err(receipt.fail(Step::CodeExpected, ResponseCode::WRONG_PIN, missing, 0))
        }
        _ => Ok(()),
    }
}

/// The most that the holder allows at once, held against what the transaction takes with its fees: minor units of the
/// account, so it is known after the account alone.
pub(crate) fn single_limit(
    file: &CardFile,
    request: &Request,
    total_minor: i64,
    now: Time,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let Some(CardMode::SingleLimit { most_minor, lift }) = file.mode() else { return Ok(()) };
    let lift = lift.filter(|lift| now < lift.until);
    let most = lift.map_or(Some(*most_minor), |lift| lift.most_minor);
    match most.filter(|most| request.transaction.takes_money() && total_minor > *most) {
        Some(most) => {
            Err(receipt.fail(Step::SingleLimit, ResponseCode::OVER_AMOUNT_LIMIT, total_minor, most))
        }
        None => Ok(()),
    }
}

/// The one-time code, asked after the PIN: who does not know that one cannot use up its tries.
pub(crate) fn one_time_code(
    rules: &ModeRules,
    key: Option<&CodeKey>,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
    counters: &mut CardCounters,
) -> Result<(), Decline> {
    let Some(CardMode::OneTimeCode { code: Some(code) }) =
        file.mode().filter(|_| request.transaction.takes_money())
    else {
        return Ok(());
    };
    let allowed = i64::from(rules.code_tries);
    let (Some(key), Some(secret)) = (key, &request.one_time_code) else {
        return Err(receipt.fail(Step::OneTimeCode, ResponseCode::WRONG_PIN, i64::from(code.wrong), allowed));
    };
    if code.hash.is_of(key, &request.pan, secret) {
        receipt.pass(Step::OneTimeCode, i64::from(code.wrong), allowed);
        return Ok(());
    }
    let wrong = code.wrong.saturating_add(1);
    counters.mode = Some(ModeUse::CodeWrong { wrong, void: wrong >= rules.code_tries });
    Err(receipt.fail(Step::OneTimeCode, ResponseCode::WRONG_PIN, i64::from(wrong), allowed))
}

/// Whether the holder has to be asked before the request is approved.
pub(crate) fn asks_holder(file: &CardFile, request: &Request) -> bool {
    matches!(file.mode(), Some(CardMode::Confirm { .. })) && request.transaction.takes_money()
}

/// What an approval makes of the mode. `total_minor` is what it takes with its fees, minor units of the account, which
/// has been topped up.
pub(crate) fn used(held: &Held<'_>, total_minor: i64, top_up: Option<&OwnTransfer>) -> Option<ModeUse> {
    let Held { file, account, request, moment: Moment { time: now, .. }, .. } = *held;
    let mode = file.mode().filter(|_| request.transaction.takes_money())?;
    match mode {
        CardMode::Standard => None,
        CardMode::Locked { .. } => Some(ModeUse::Unlocked),
        CardMode::Empty { .. } => Some(ModeUse::Filled),
        CardMode::Kept(kept) => match top_up {
            Some(top_up) => Some(ModeUse::ToppedUp(top_up.minor)),
            None => {
                let left = account.own_minor().saturating_sub(total_minor);
                let below = keeps(file, account) && left < kept.minimum_minor;
                below.then_some(ModeUse::BelowMinimum)
            }
        },
        CardMode::SingleLimit { most_minor, lift } => {
            let lifted = lift.is_some_and(|lift| now < lift.until) && total_minor > *most_minor;
            lifted.then_some(ModeUse::Lifted)
        }
        CardMode::OneTimeCode { .. } => Some(ModeUse::CodeRight),
        CardMode::Confirm { .. } => Some(ModeUse::Confirmed),
    }
}

/// What a decline at this step makes of the mode.
pub(crate) fn refused(rules: &ModeRules, file: &CardFile, step: Step, now: Time) -> Option<ModeUse> {
    match step {
        Step::CardLocked | Step::CardEmpty => {
            let tries = file.seldom().mode.as_ref().map(|file| file.tries).unwrap_or_default();
            let over = tries.count == 0 || now >= tries.since.plus(rules.alarm_window);
            Some(ModeUse::Refused(if over {
                Tries { since: now, count: 1 }
            } else {
                Tries { since: tries.since, count: tries.count.saturating_add(1) }
            }))
        }
        Step::SingleLimit => Some(ModeUse::OverLimit),
        Step::CodeExpected | Step::OneTimeCode => Some(ModeUse::CodeMissing),
        Step::HolderConfirmation => Some(ModeUse::NotConfirmed(Unconfirmed::Late)),
        _ => None,
    }
}

/// Whether this is the account that the mode of the card is about: the first one. Further ones are drawn on as they are.
pub(crate) fn keeps(file: &CardFile, account: &AccountFile) -> bool {
    file.card.account == account.account.id
}
