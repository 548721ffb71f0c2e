//! The legs of an issuer authorization, each a list of steps in the order of design §3. `admit` makes
//! every decision that needs nobody else; `dispatch` judges what the HSM found, and then the money.

use crate::booking::{Role, STATEMENT_LINES};
use crate::card_mode::{Alarm, BlockCause, CardBlocked, CardMode, ModeUse, ModeUsed};
use crate::core::{Core, respond};
use crate::counters::{Moment, Scope};
use crate::decision::{Approval, Asks, CardCounters, Decision, Follows, Movement};
use crate::effect::{Effect, Response};
use crate::hsm_checks::{Checks, ChecksReply};
use crate::limits::SHARDS;
use crate::names::{AccountId, ReplyTo, Ticket};
use crate::particulars::Traces;
use crate::receipt::{Decline, Receipt, Step};
use crate::record::{Details, Funds, Record, Transaction};
use crate::request::{Request, TransactionType};
use crate::secure::Screened;
use crate::stored::StoredTransaction;
use crate::suspended::SuspendedRequest;
use crate::token::TokenNumber;
use crate::told::Told;
use crate::velocity::{Counting, Held};
use crate::{
    billing, card_answer, card_file, cashback, chip, chip_rules, confirmation, duplicate, enquiry, funds,
    hot_list, linked_account, mode_rules, original, pin_tries, policy, preauthorization, product_rules,
    recall, refund, remittance, remote, script, secure, terminal, token, transfer, validate, value_recipe,
    velocity, verification,
};
use card::{ResponseCode, Time};

/// First leg: cheap refusals first; the HSM is the scarcest resource and comes last.
pub(crate) fn admit(core: &mut Core, now: Time, request: Box<Request>, effects: &mut Vec<Effect>) {
    // A decision whose answer waits for the HSM is recorded already, and its repeat waits as well.
    if let Some(waiting) = core.answering.find_mut(&request.key())
        && duplicate::same_content(&waiting.request, &request)
    {
        waiting.repeats.push(request.reply_to);
        return;
    }
    // A repeat gets the answer of its original whatever the tables say by now, so this comes before
    // everything else (docs/decisions/0004).
    match duplicate::find(&core.state, now, &request) {
        duplicate::Found::Answered(response) => return respond(request.reply_to, response, effects),
        duplicate::Found::OtherContent => return refuse_duplicate(core, now, &request, effects),
        duplicate::Found::Nothing => {}
    }
    // The transaction store does not know yet of one that waits, and would be asked in vain.
    let mut key_waits = false;
    if let Some(waiting) = waiting(core, &request) {
        if waiting.request.transmission == request.transmission {
            if duplicate::same_content(&waiting.request, &request) {
                waiting.repeats.push(request.reply_to);
            } else {
                respond(request.reply_to, Response::bare(ResponseCode::DUPLICATE), effects);
            }
            return;
        }
        key_waits = true;
    }
    if core.state.may_have_left(&request, now) {
        if let Some(request) = recall::wait_behind(core, request) {
            recall::ask(core, now, recall::Who::Request(request), effects);
        }
        return;
    }
    begin(core, now, request, key_waits, effects);
}

/// A key that another request has: 94.
pub(crate) fn refuse_duplicate(core: &mut Core, now: Time, request: &Request, effects: &mut Vec<Effect>) {
    let mut receipt = core.spare.receipt();
    let decline = receipt.fail(Step::Duplicate, ResponseCode::DUPLICATE, 0, 0);
    decline_now(core, now, request, receipt, decline, effects);
}

/// The request under this one's key that waits for the HSM or the cardholder.
fn waiting<'a>(core: &'a mut Core, request: &Request) -> Option<&'a mut SuspendedRequest> {
    let key = request.key();
    core.suspended.find_mut(&key).or_else(|| core.confirmations.find_mut(&key))
}

/// A request that repeats none.
pub(crate) fn admit_new(core: &mut Core, now: Time, request: Box<Request>, effects: &mut Vec<Effect>) {
    let key_waits = waiting(core, &request).is_some();
    begin(core, now, request, key_waits, effects);
}

/// `key_waits`: its key is that of another request, which waits for the HSM or the cardholder.
fn begin(core: &mut Core, now: Time, mut request: Box<Request>, key_waits: bool, effects: &mut Vec<Effect>) {
    // One of another time: a terminal does not use a STAN again before the first use of it is answered.
    if key_waits {
        return respond(request.reply_to, Response::bare(ResponseCode::DUPLICATE), effects);
    }
    original::forget_mere_number(&core.state, now, &mut request);
    if request.instruction.original.is_some() {
        let Some(first) = recall::wait_behind(core, request) else { return };
        if original::may_have_left(&core.state, now, &first) {
            return recall::ask(core, now, recall::Who::About(first), effects);
        }
        request = first;
    }
    check(core, now, request, effects);
}

/// A request about an earlier transaction, once the transaction store was asked for that. A repeat of it may have been
/// decided meanwhile.
pub(crate) fn begin_about(
    core: &mut Core,
    now: Time,
    request: Box<Request>,
    found: &[StoredTransaction],
    effects: &mut Vec<Effect>,
) {
    match duplicate::find(&core.state, now, &request) {
        duplicate::Found::Answered(response) => return respond(request.reply_to, response, effects),
        duplicate::Found::OtherContent => return refuse_duplicate(core, now, &request, effects),
        duplicate::Found::Nothing => {}
    }
    if waiting(core, &request).is_some() {
        return respond(request.reply_to, Response::bare(ResponseCode::DUPLICATE), effects);
    }
    if let Some(original) = original::recalled(&core.state, now, &request, found) {
        core.commit(Record::Recalled(Box::new(original.clone())), effects);
    }
    check(core, now, request, effects);
}

fn check(core: &mut Core, now: Time, request: Box<Request>, effects: &mut Vec<Effect>) {
    let mut receipt = core.spare.receipt();
    let mut checks = Checks::default();
    match screen(core, now, &request, &mut checks, &mut receipt) {
        Err(decline) => decline_now(core, now, &request, receipt, decline, effects),
        // What is about an earlier transaction needs no proof of its own.
        Ok(()) if checks.is_empty() => {
            let suspended = SuspendedRequest { request, receipt, asked: checks.asked(), repeats: Vec::new() };
            decide(core, now, suspended, &ChecksReply::default(), false, effects);
        }
        Ok(()) if core.suspended.is_full() => {
            respond(request.reply_to, Response::bare(ResponseCode::MALFUNCTION), effects);
        }
        Ok(()) => {
            let deadline = now.plus(core.tables.hsm_deadline);
            let ticket = core.suspended.add(request, receipt, checks.asked(), deadline);
            effects.push(Effect::AskHsm { ticket, checks });
        }
    }
}

/// Steps 3 to 11, as far as they need nobody else. Writes down what to ask the HSM.
fn screen(
    core: &Core,
    now: Time,
    request: &Request,
    checks: &mut Checks,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let tables = &core.tables;
    let place = terminal::allowed(tables, request, receipt)?;
    duplicate::not_reversed(&core.state, request, receipt)?;
    validate::request(request, receipt)?;
    validate::card_number(request, receipt)?;
    token::known(&core.state, tables, request, receipt)?;
    let product = card_file::product(tables, request, receipt)?;
    product_rules::length(product, request, receipt)?;
    let today = core.today;
    hot_list::check(&core.state, request, today, receipt)?;
    let file = card_file::on_file(&core.state, request, receipt)?;
    let original = original::of(&core.state, now, file, request, receipt)?;
    if original.is_some() || request.transaction == TransactionType::Refund {
        // Only more money on hold asks whether the card may still be used.
        if original::role(request) == Role::Increment {
            card_file::status(file, receipt)?;
            token::usable(&core.state, request, today, receipt)?;
            card_file::validity(&core.state, file, product, request, today, receipt)?;
            mode_rules::allowed(file, request, now, receipt)?;
        }
        return Ok(());
    }
    let screened = Screened { tables, state: &core.state, place, product, file, request, now, today };
    // What the chip has approved stands, whatever has become of the card since.
    if request.class.is_advice() {
        return secure::ask(screened, checks, receipt);
    }
    card_file::status(file, receipt)?;
    token::usable(&core.state, request, today, receipt)?;
    card_file::validity(&core.state, file, product, request, today, receipt)?;
    mode_rules::allowed(file, request, now, receipt)?;
    product_rules::allowed(tables, product, request, receipt)?;
    cashback::allowed(&core.state, product, file, request, receipt)?;
    chip_rules::reading(product, place.terminal, request, receipt)?;
    remote::holder(product, file, request, receipt)?;
    secure::ask(screened, checks, receipt)
}

/// Second leg: the HSM has answered.
pub(crate) fn dispatch(
    core: &mut Core,
    now: Time,
    ticket: Ticket,
    reply: &ChecksReply,
    effects: &mut Vec<Effect>,
) {
    // Not a request that waits: it may be an answer. After the deadline it is neither.
    let Some(suspended) = core.suspended.take(ticket) else {
        return card_answer::finish(core, now, ticket, reply, effects);
    };
    let reply = reply.about(suspended.asked);
    decide(core, now, suspended, &reply, false, effects);
}

/// The cardholder has confirmed. Everything is judged again with the same findings of the HSM: meanwhile the money
/// may be spent, and the counter of the chip used.
pub(crate) fn confirmed(
    core: &mut Core,
    now: Time,
    suspended: SuspendedRequest,
    reply: &ChecksReply,
    effects: &mut Vec<Effect>,
) {
    decide(core, now, suspended, reply, true, effects);
}

/// Judges a request, records what came of it, and answers it and its repeats; or has the cardholder, or another shard,
/// asked first.
pub(crate) fn decide(
    core: &mut Core,
    now: Time,
    mut suspended: SuspendedRequest,
    reply: &ChecksReply,
    confirmed: bool,
    effects: &mut Vec<Effect>,
) {
    let mut receipt = std::mem::take(&mut suspended.receipt);
    let made = receipt.checks.len();
    let mut counters = CardCounters { counting: core.spare.counting(), ..CardCounters::default() };
    let mut flags = 0;
    let outcome = still_in_use(core, &suspended.request, confirmed, &mut receipt)
        .and_then(|()| judge(core, now, &suspended.request, reply, &mut receipt, &mut counters, &mut flags));
    let asks = outcome.as_ref().map_or(Asks::Nobody, |approval| approval.asks);
    if asks == Asks::Shard || asks == Asks::Holder && !confirmed {
        // What was judged so far is judged again with the answer.
        receipt.checks.truncate(made);
        suspended.receipt = receipt;
        core.spare.keep_counting(counters.counting);
        return match asks {
            Asks::Shard => enquiry::ask(core, now, suspended, reply.clone(), confirmed, effects),
            _ => confirmation::ask(core, now, suspended, reply.clone(), effects),
        };
    }
    if confirmed {
        confirmation::note(&mut receipt);
    }
    let (proven, atc) = (counters.proven, counters.atc);
    let decision = Decision { outcome, receipt, counters, flags };
    let request = &suspended.request;
    let response = record(core, now, request, decision, effects);
    if proven {
        script::hear(core, now, request, effects);
    }
    if request.transaction == TransactionType::PinUnblock && response.code.is_approval() {
        script::unblock_pin(core, now, request.pan, effects);
    }
    card_answer::give(core, now, suspended, atc, response, effects);
}

/// The HSM takes milliseconds, and a cardholder takes so long that a card may be reported stolen meanwhile.
fn still_in_use(
    core: &Core,
    request: &Request,
    confirmed: bool,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    if !confirmed {
        return Ok(());
    }
    let today = core.today;
    hot_list::check(&core.state, request, today, receipt)?;
    token::usable(&core.state, request, today, receipt)?;
    // One that is gone fails its own check.
    core.state.card(&request.pan).map_or(Ok(()), |file| card_file::status(file, receipt))
}

/// The HSM kept silent until the deadline.
pub(crate) fn hsm_overdue(core: &mut Core, now: Time, ticket: Ticket, effects: &mut Vec<Effect>) {
    let Some(suspended) = core.suspended.take(ticket) else { return };
    let mut receipt = suspended.receipt;
    let decline = receipt.fail(Step::Hsm, ResponseCode::MALFUNCTION, 0, 0);
    let decision = Decision::early(decline, receipt);
    let response = record(core, now, &suspended.request, decision, effects);
    let waiting: Vec<ReplyTo> =
        std::iter::once(suspended.request.reply_to).chain(suspended.repeats).collect();
    for reply_to in waiting {
        respond(reply_to, response.clone(), effects);
    }
}

/// Steps 11 to 14 with the HSM's findings. What the chip has approved offline is taken note of and not decided
/// anew: its PIN, limits, rules and funds are not asked for. A wrong cryptogram is judged before the PIN, so that a
/// counterfeit chip cannot use up the cardholder's PIN tries.
fn judge(
    core: &Core,
    now: Time,
    request: &Request,
    reply: &ChecksReply,
    receipt: &mut Receipt,
    counters: &mut CardCounters,
    flags: &mut u64,
) -> Result<Approval, Decline> {
    let tables = &core.tables;
    let moment = Moment::new(core.today, now);
    // Looked up again: the tables and the card may have changed while the HSM was at work.
    let product = tables
        .product(&request.pan)
        .ok_or_else(|| receipt.fail(Step::Issuer, ResponseCode::NO_SUCH_ISSUER, 0, 0))?;
    let file = core
        .state
        .card(&request.pan)
        .ok_or_else(|| receipt.fail(Step::CardOnFile, ResponseCode::INVALID_CARD, 0, 0))?;
    duplicate::not_reversed(&core.state, request, receipt)?;

    let original = original::of(&core.state, now, file, request, receipt)?;
    match (original, original::role(request)) {
        (Some(original), Role::Completion) => {
            return preauthorization::complete(&core.state, product, request, original, receipt);
        }
        (Some(original), Role::Increment) => {
            preauthorization::may_be_raised(original, request, now, receipt)?;
        }
        _ => {}
    }

    secure::cvv(product, reply, receipt)?;
    remote::cvv2(product, file, moment.day, reply, receipt, counters)?;
    value_recipe::found(product, reply, receipt)?;
    remote::order(reply, receipt)?;
    let chipped =
        chip::cryptogram(product, core.state.chip_counter(file, request), request, reply, receipt, counters)?;
    let is_refund = request.transaction == TransactionType::Refund;
    if request.class.is_advice() && original.is_none() && !is_refund {
        // The chip has approved already: nothing is held against limits any more, and nothing counted.
        let account = funds::account(&core.state, file, request, receipt)?;
        let plain = Approval::plain(account);
        let verified = verification::found(product, request, reply);
        counters.verification = Some(verified);
        if chipped.confirms {
            // It was billed and counted when it was decided.
            return Ok(plain);
        }
        let held =
            Held { tables, state: &core.state, product, file, account, request, moment, amount_minor: 0 };
        let quote = billing::quote(&held, receipt)?;
        let contactless = verification::contactless_use(&held, verified, quote.total_minor);
        let moving = plain.moving(Movement::of(request, quote.total_minor), quote.billing);
        return Ok(Approval { contactless, ..moving });
    }
    let used = pin_tries::used(product, file, tables, now);
    secure::pin(used, product, file, request, reply, receipt, counters)?;
    // What is about an earlier transaction was not asked to prove its holder.
    let verified = (original.is_none() && !is_refund).then(|| verification::found(product, request, reply));
    counters.verification = verified;
    if let Some(verified) = verified {
        receipt.pass(Step::VerifiedBy, verified.number(), 0);
    }
    // A refund takes nothing, and a completion what the authorization may.
    if !is_refund {
        mode_rules::allowed(file, request, now, receipt)?;
        mode_rules::one_time_code(&tables.modes, core.code_key.as_ref(), file, request, receipt, counters)?;
    }
    // The PIN is the holder's, whatever account the card draws on.
    if request.transaction.keeps_pin() {
        return Ok(Approval {
            issuer_authentication: chipped.issuer_authentication,
            contactless: verification::restarts(file, verified),
            ..Approval::about(file.card.account, None)
        });
    }
    // The account comes before the limits, which are in its currency.
    let (account, mut booking) = match original {
        original if is_refund => refund::account(&core.state, tables, file, request, original, receipt)?,
        Some(original) => {
            let account = funds::account_of(&core.state, original, receipt)?;
            (account, Some(preauthorization::increment_of(original.id)))
        }
        None => (funds::account(&core.state, file, request, receipt)?, None),
    };
    if request.transaction == TransactionType::Transfer {
        let to = transfer::destination(&core.state, tables, product, file, account, request, receipt)?;
        if to.is_none() {
            return Ok(Approval { asks: Asks::Shard, ..Approval::plain(account) });
        }
        booking.get_or_insert_default().to = to;
    }
    let held = Held { tables, state: &core.state, product, file, account, request, moment, amount_minor: 0 };
    let quote = match original {
        Some(original) if is_refund => refund::quote(original, request, receipt)?,
        _ => billing::quote(&held, receipt)?,
    };
    cashback::converted(product, request, &quote, receipt)?;
    if let Some(verified) = verified {
        verification::allowed(&held, verified, quote.total_minor, receipt)?;
    }
    let held = Held { amount_minor: quote.amount_minor, ..held };
    mode_rules::single_limit(file, request, quote.total_minor, now, receipt)?;
    velocity::within_limits(&held, &mut counters.counting, receipt)?;
    counters.counting.extend(quote.count);
    let (flagged, verdict) =
        policy::apply(tables, product, file, account, request, verified, moment, receipt);
    *flags = flagged;
    verdict?;
    let mut code = product_rules::approval(&held, verified, receipt)?;
    counters.top_up = linked_account::top_up(&held, quote.total_minor);
    let topped_up;
    let account = match &counters.top_up {
        Some(top_up) => {
            receipt.note(Step::TopUp, top_up.minor, account.own_minor());
            topped_up = account.with(top_up.minor);
            &topped_up
        }
        None => account,
    };
    let held = Held { account, ..held };
    let granted = funds::granted(&held, quote, receipt)?;
    counters.mode = mode_rules::used(&held, granted.total_minor, counters.top_up.as_ref());
    if granted.approved_minor.is_some() {
        code = ResponseCode::PARTIAL;
        booking.get_or_insert_default().approved_minor = granted.approved_minor;
    }
    match request.transaction {
        TransactionType::Cashback => {
            let cash = request.instruction.cash_minor;
            let given = if code == ResponseCode::PARTIAL { 0 } else { cash };
            booking.get_or_insert_default().cash_minor = given;
        }
        TransactionType::MiniStatement => {
            let lines = core.state.statement(account.account.id, now, STATEMENT_LINES);
            booking.get_or_insert_default().statement = lines;
        }
        _ => {}
    }
    let contactless =
        verified.and_then(|verified| verification::contactless_use(&held, verified, granted.total_minor));
    let approval = Approval {
        code,
        issuer_authentication: chipped.issuer_authentication,
        booking,
        asks: if mode_rules::asks_holder(file, request) { Asks::Holder } else { Asks::Nobody },
        contactless,
        ..Approval::plain(account)
    };
    Ok(approval.moving(Movement::of(request, granted.total_minor), granted.billing))
}

/// A decline that needs no one else: recorded and answered at once.
fn decline_now(
    core: &mut Core,
    now: Time,
    request: &Request,
    receipt: Receipt,
    decline: Decline,
    effects: &mut Vec<Effect>,
) {
    let response = record(core, now, request, Decision::early(decline, receipt), effects);
    respond(request.reply_to, response, effects);
}

/// Step 15: the decision becomes a record, and only then an answer.
pub(crate) fn record(
    core: &mut Core,
    now: Time,
    request: &Request,
    mut decision: Decision,
    effects: &mut Vec<Effect>,
) -> Response {
    let used = mode_used(core, now, request, &decision);
    if let Some(top_up) = decision.counters.top_up.take().filter(|_| decision.outcome.is_ok()) {
        core.commit(Record::OwnTransfer(top_up), effects);
    }
    let transaction = transaction(core, now, request, decision);
    let response = Response::of(&transaction);
    let id = transaction.id;
    let follows = Follows::of(&transaction, &core.state);
    let record = core.spare.decided(transaction);
    core.commit(record, effects);
    // In the same step, so that all of it is durable or none.
    match follows {
        Follows::Nothing => {}
        Follows::Release { original, by, posted_minor } => {
            preauthorization::release(core, now, original, by, posted_minor, effects);
        }
        Follows::Credit(credited) => core.commit(Record::Credited(credited), effects),
        Follows::Remit(sent) => remittance::send(core, now, sent, effects),
    }
    if let Some(used) = used {
        let (pan, time) = (request.pan, now);
        core.commit(Record::ModeUsed(ModeUsed { pan, time, transaction: id, used }), effects);
        raise_alarm(core, now, request, used, effects);
    }
    response
}

/// What the decision makes of the card's mode.
fn mode_used(core: &Core, now: Time, request: &Request, decision: &Decision) -> Option<ModeUse> {
    let Err(decline) = &decision.outcome else { return decision.counters.mode };
    let declined_by_mode = decline.step.is_of_mode();
    let told = decision.counters.mode.filter(|_| declined_by_mode);
    told.or_else(|| {
        let file = core.state.card(&request.pan).filter(|_| declined_by_mode)?;
        mode_rules::refused(&core.tables.modes, file, decline.step, now)
    })
}

/// Many attempts on a locked or empty card are told, and block it where the institution wants that.
fn raise_alarm(core: &mut Core, now: Time, request: &Request, used: ModeUse, effects: &mut Vec<Effect>) {
    let rules = &core.tables.modes;
    let ModeUse::Refused(tries) = used else { return };
    if rules.alarm_tries == 0 || tries.count < rules.alarm_tries {
        return;
    }
    let (blocks, status, reissue) = (rules.alarm_blocks, rules.block_status, rules.reissue);
    let (pan, time) = (request.pan, now);
    let empty = matches!(core.state.card_mode(&pan), Some(CardMode::Empty { .. }));
    core.commit(Record::Alarm(Alarm { pan, time, tries, empty }), effects);
    if blocks {
        let blocked = CardBlocked { pan, time, status, cause: BlockCause::Alarm, reissue };
        core.commit(Record::CardBlocked(blocked), effects);
    }
}

fn transaction(core: &mut Core, now: Time, request: &Request, mut decision: Decision) -> Transaction {
    let id = core.next_transaction_id();
    let (code, approval) = match decision.outcome {
        Ok(approval) => (approval.code, Some(approval)),
        Err(decline) => (decline.code, None),
    };
    let movement = approval.as_ref().map_or(Movement::Nothing, |approval| approval.movement);
    let funds = funds_of(core, now, request, movement);
    let account = approval.as_ref().map(|approval| approval.account);
    let today = core.today;
    let told = Told::of(&core.state, request, today, &decision.receipt);
    let counting = std::mem::take(&mut decision.counters.counting);
    let traces = approval.as_ref().map_or_else(Traces::default, |_| counted_traces(&counting, request));
    let mut approval = approval;
    let details = approval.as_mut().map_or_else(Details::default, |approval| Details {
        counted: match approval.counted.take() {
            Some(counted) => counted,
            None => core.state.shared(&counting),
        },
        customer: approval.customer,
        booking: approval.booking.take(),
        billing: approval.billing.take(),
        contactless: approval.contactless,
        new_pin: decision.counters.new_pin,
        ..Details::default()
    });
    core.spare.keep_counting(counting);
    let wrong_cvv2s = decision.counters.wrong_cvv2s;
    let token = request.token.map(TokenNumber);
    let verification = decision.counters.verification;
    let details = Details { told, token, wrong_cvv2s, traces, verification, ..details };
    Transaction {
        id,
        time: now,
        business_day: today,
        link: request.link,
        terminal: request.terminal,
        merchant: request.merchant,
        mcc: request.mcc,
        class: request.class,
        transaction: request.transaction,
        pan: request.pan,
        stan: request.stan,
        rrn: request.rrn,
        transmission: request.transmission,
        amount_minor: request.amount_minor,
        currency: request.currency,
        entry: request.entry,
        code,
        authorization_id: approval.as_ref().map(|_| authorization_id(id.number() / SHARDS as u64)),
        balance: account
            .filter(|_| !details.completes())
            .and_then(|account| balance_after(core, &account, request, funds)),
        flags: decision.flags,
        issuer_authentication: approval.and_then(|approval| approval.issuer_authentication),
        account,
        funds,
        pin_tries_used: decision.counters.pin_tries_used,
        atc: decision.counters.atc,
        cash: request.cash,
        details,
        tables_version: core.tables.version,
        receipt: decision.receipt,
    }
}

/// A hold lapses after the period of the product, but for cash from an ATM, which is held until the ATM says what it
/// dispensed.
fn funds_of(core: &Core, now: Time, request: &Request, movement: Movement) -> Funds {
    match movement {
        Movement::Nothing => Funds::None,
        Movement::Dispense(minor) => Funds::Held { minor, expires: None },
        Movement::Hold(minor) => {
            let product = core.tables.product(&request.pan);
            let expires = preauthorization::lapses(&core.tables, product, request, now);
            Funds::Held { minor, expires: Some(expires) }
        }
        Movement::Post(minor) => Funds::Posted { minor },
    }
}

/// DE 54 goes with inquiries and with cash, where the receipt shows it; nobody stands by when cash is completed.
fn balance_after(
    core: &Core,
    account: &AccountId,
    request: &Request,
    funds: Funds,
) -> Option<crate::Balance> {
    if !request.transaction.shows_balance() {
        return None;
    }
    let mut balance = core.state.balance(account)?;
    match funds {
        Funds::None => {}
        Funds::Held { minor, .. } => balance.available_minor -= minor,
        Funds::Posted { minor } => {
            balance.ledger_minor -= minor;
            balance.available_minor -= minor;
        }
    }
    Some(balance)
}

fn authorization_id(counter: u64) -> [u8; 6] {
    let mut digits = [0; 6];
    let mut rest = counter;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

/// Where the order came from, as far as a limit counts it: a record keeps no more.
fn counted_traces(counting: &Counting, request: &Request) -> Traces {
    let Some(sent) = request.particulars.as_ref().map(|told| told.traces) else { return Traces::default() };
    let counts = |scope| counting.iter().any(|count| count.scope == scope);
    Traces {
        ip: sent.ip.filter(|_| counts(Scope::Ip)),
        email: sent.email.filter(|_| counts(Scope::Email)),
        address: sent.address.filter(|_| counts(Scope::Address)),
    }
}
