//! The account behind a card and the one it is linked with: what the card's mode moves between them. Only money that
//! is there moves: neither account goes below zero by it, whatever its credit line.

use crate::card_mode::{CardMode, OwnTransfer, TransferCause};
use crate::core::Core;
use crate::counters::Moment;
use crate::effect::Effect;
use crate::limits::SETTLED_PER_TICK;
use crate::mode_rules;
use crate::record::Record;
use crate::state::{AccountFile, CardFile, State};
use crate::velocity::Held;
use card::{Pan, Time};

/// What has to move before the funds are looked at: where the transaction would leave less than the minimum, as much
/// as the source has, up to the maximum. `total_minor` is what the transaction takes with its fees, minor units of the
/// account.
pub(crate) fn top_up(held: &Held<'_>, total_minor: i64) -> Option<OwnTransfer> {
    let Held { state, file, account, request, moment: Moment { time: now, .. }, .. } = *held;
    let Some(CardMode::Kept(kept)) = file.mode() else { return None };
    let left = account.own_minor().saturating_sub(total_minor);
    let of_mode = mode_rules::keeps(file, account) && request.transaction.takes_money();
    if !kept.automatic || !of_mode || left >= kept.minimum_minor {
        return None;
    }
    fill(state, file, account, kept.maximum_minor, now)
}

/// What the mode of a card moves now, without a transaction.
fn settlement(state: &State, pan: &Pan, now: Time) -> Option<OwnTransfer> {
    let file = state.card(pan)?;
    let account = state.account(&file.card.account)?;
    match file.mode()? {
        mode @ CardMode::Empty { .. } if !mode.is_open(now) => sweep(state, file, account, 0, now),
        CardMode::Kept(kept) if kept.automatic && account.own_minor() < kept.minimum_minor => {
            fill(state, file, account, kept.maximum_minor, now)
        }
        CardMode::Kept(kept) => sweep(state, file, account, kept.maximum_minor, now),
        _ => None,
    }
}

fn fill(
    state: &State,
    file: &CardFile,
    account: &AccountFile,
    maximum_minor: i64,
    now: Time,
) -> Option<OwnTransfer> {
    let source = state.account(&file.mode()?.source()?)?;
    let minor = maximum_minor.saturating_sub(account.own_minor()).min(source.own_minor());
    transfer(file, source, account, minor, now, TransferCause::TopUp)
}

fn sweep(
    state: &State,
    file: &CardFile,
    account: &AccountFile,
    level_minor: i64,
    now: Time,
) -> Option<OwnTransfer> {
    let source = state.account(&file.mode()?.source()?)?;
    let minor = account.own_minor().saturating_sub(level_minor);
    transfer(file, account, source, minor, now, TransferCause::Sweep)
}

/// `None` when there is nothing to move, or one of the accounts was closed and opened anew in another currency.
pub(crate) fn transfer(
    file: &CardFile,
    from: &AccountFile,
    to: &AccountFile,
    minor: i64,
    now: Time,
    cause: TransferCause,
) -> Option<OwnTransfer> {
    let (from, to) = (&from.account, &to.account);
    let moves = minor > 0 && from.currency == to.currency && from.id != to.id;
    moves.then_some(OwnTransfer { pan: file.card.pan, time: now, from: from.id, to: to.id, minor, cause })
}

/// Moves what the mode of this card moves now.
pub(crate) fn settle(core: &mut Core, now: Time, pan: &Pan, effects: &mut Vec<Effect>) {
    if let Some(transfer) = settlement(&core.state, pan, now) {
        core.commit(Record::OwnTransfer(transfer), effects);
    }
}

/// The same for all cards whose account has moved or whose window is over, as many as one tick may take.
pub(crate) fn settle_due(core: &mut Core, now: Time, effects: &mut Vec<Effect>) {
    for _ in 0..SETTLED_PER_TICK {
        let Some(pan) = core.state.next_to_settle(now) else { return };
        settle(core, now, &pan, effects);
    }
}
