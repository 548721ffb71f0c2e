//! The legs of an issuer authorization, each a list of steps in the order of design §3. `admit` makes
//! every decision that needs nobody else; `dispatch` judges what the HSM found, and then the money.

use crate::core::{Core, respond};
use crate::effect::{Effect, IssuerAuthentication, Response};
use crate::hsm_checks::{Checks, ChecksReply};
use crate::limits::SHARDS;
use crate::names::{AccountId, CustomerId, ReplyTo, Ticket};
use crate::receipt::{Decline, Receipt, Step};
use crate::record::{Details, Funds, PinReference, Record, Transaction};
use crate::request::{MessageClass, Request, TransactionType};
use crate::velocity::{Counting, Held};
use crate::verification::{ContactlessUse, HolderVerification};
use crate::{
    card_answer, card_file, chip, chip_rules, duplicate, funds, pin_tries, policy, product_rules, recall,
    script, secure, terminal, validate, velocity, verification,
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
    if core.state.has_left(&request) {
        if let Some(request) = recall::wait_behind(core, request) {
            recall::ask(core, now, recall::Who::Request(request), effects);
        }
        return;
    }
    admit_unanswered(core, now, request, effects);
}

/// A key that another request has: 94.
pub(crate) fn refuse_duplicate(core: &mut Core, now: Time, request: &Request, effects: &mut Vec<Effect>) {
    let mut receipt = Receipt::default();
    let decline = receipt.fail(Step::Duplicate, ResponseCode::DUPLICATE, 0, 0);
    decline_now(core, now, request, receipt, decline, effects);
}

/// A request that repeats none that was answered; the one that it repeats may wait for the HSM.
pub(crate) fn admit_unanswered(core: &mut Core, now: Time, request: Box<Request>, effects: &mut Vec<Effect>) {
    if let Some(suspended) = core.suspended.find_mut(&request.key()) {
        if duplicate::same_content(&suspended.request, &request) {
            suspended.repeats.push(request.reply_to);
        } else {
            respond(request.reply_to, Response::bare(ResponseCode::DUPLICATE), effects);
        }
        return;
    }

    let mut receipt = Receipt::default();
    match screen(core, now, &request, &mut receipt) {
        Err(decline) => decline_now(core, now, &request, receipt, decline, effects),
        Ok(_) if core.suspended.is_full() => {
            respond(request.reply_to, Response::bare(ResponseCode::MALFUNCTION), effects);
        }
        Ok(checks) => {
            let deadline = now.plus(core.tables.hsm_deadline);
            let ticket = core.suspended.add(request, receipt, checks.asked(), deadline);
            effects.push(Effect::AskHsm { ticket, checks });
        }
    }
}

/// Steps 3 to 11, as far as they need nobody else. Gives back what to ask the HSM.
fn screen(core: &Core, now: Time, request: &Request, receipt: &mut Receipt) -> Result<Checks, Decline> {
    let tables = &core.tables;
    terminal::allowed(tables, request, receipt)?;
    duplicate::not_reversed(&core.state, request, receipt)?;
    validate::request(request, receipt)?;
    validate::card_number(request, receipt)?;
    let product = card_file::product(tables, request, receipt)?;
    product_rules::length(product, request, receipt)?;
    let file = card_file::on_file(&core.state, request, receipt)?;
    // What the chip has approved stands, whatever has become of the card since.
    if request.class == MessageClass::Advice {
        return secure::checks(tables, product, file, request, now, receipt);
    }
    card_file::status(file, receipt)?;
    card_file::validity(file, product, request, now.day(tables.business_offset), receipt)?;
    product_rules::allowed(tables, product, request, receipt)?;
    let terminal = terminal::active(tables, request.link, request.terminal);
    chip_rules::reading(product, terminal, request, receipt)?;
    secure::checks(tables, product, file, request, now, receipt)
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
    let Some(mut suspended) = core.suspended.take(ticket) else {
        return card_answer::finish(core, now, ticket, reply, effects);
    };
    let mut receipt = std::mem::take(&mut suspended.receipt);
    let mut counters = CardCounters::default();
    let reply = reply.about(suspended.asked);
    let mut flags = 0;
    let outcome = judge(core, now, &suspended.request, &reply, &mut receipt, &mut counters, &mut flags);
    let decision = Decision { outcome, receipt, counters, flags };
    let response = record(core, now, &suspended.request, decision, effects);
    if counters.proven {
        script::hear(core, now, &suspended.request, effects);
    }
    if suspended.request.transaction == TransactionType::PinUnblock && response.code.is_approval() {
        script::unblock_pin(core, now, suspended.request.pan, effects);
    }
    card_answer::give(core, now, suspended, &counters, response, effects);
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
    // Looked up again: the tables and the card may have changed while the HSM was at work.
    let product = tables
        .product(&request.pan)
        .ok_or_else(|| receipt.fail(Step::Issuer, ResponseCode::NO_SUCH_ISSUER, 0, 0))?;
    let file = core
        .state
        .card(&request.pan)
        .ok_or_else(|| receipt.fail(Step::CardOnFile, ResponseCode::INVALID_CARD, 0, 0))?;
    duplicate::not_reversed(&core.state, request, receipt)?;

    secure::cvv(product, reply, receipt)?;
    let chipped = chip::cryptogram(product, file, request, reply, receipt, counters)?;
    if request.class == MessageClass::Advice {
        // The chip has approved already: nothing is held against limits any more, and nothing counted.
        let account = &funds::account(&core.state, file, request, receipt)?.account;
        let verified = verification::found(product, request);
        counters.verification = Some(verified);
        let contactless = verification::contactless_use(product, file, request, verified);
        return Ok(Approval {
            code: ResponseCode::APPROVED,
            account: account.id,
            customer: account.customer,
            issuer_authentication: None,
            counting: Counting::new(),
            contactless: contactless.filter(|_| !chipped.confirms),
            moves_nothing: chipped.confirms,
        });
    }
    let used = pin_tries::used(product, file, tables, now);
    secure::pin(used, product, file, request, reply, receipt, counters)?;
    let verified = verification::found(product, request);
    counters.verification = Some(verified);
    let contactless = verification::allowed(tables, product, file, request, verified, receipt)?;
    // The PIN is the holder's, whatever account the card draws on.
    if request.transaction.keeps_pin() {
        return Ok(Approval {
            code: ResponseCode::APPROVED,
            account: file.card.account,
            customer: None,
            issuer_authentication: chipped.issuer_authentication,
            counting: Counting::new(),
            contactless,
            moves_nothing: true,
        });
    }
    // The account comes before the limits, which are in its currency.
    let account = funds::account(&core.state, file, request, receipt)?;
    let held = Held { tables, state: &core.state, product, file, account, request, now };
    let counting = velocity::within_limits(held, receipt)?;
    let (flagged, verdict) = policy::apply(tables, product, file, account, request, verified, now, receipt);
    *flags = flagged;
    verdict?;
    funds::available(account, request, receipt)?;
    let code = product_rules::approval(product, request, receipt);
    let customer = account.account.customer;
    let issuer_authentication = chipped.issuer_authentication;
    Ok(Approval {
        code,
        account: account.account.id,
        customer,
        issuer_authentication,
        counting,
        contactless,
        moves_nothing: false,
    })
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
fn record(
    core: &mut Core,
    now: Time,
    request: &Request,
    decision: Decision,
    effects: &mut Vec<Effect>,
) -> Response {
    let transaction = transaction(core, now, request, decision);
    let response = Response::of(&transaction);
    core.commit(Record::Decided(Box::new(transaction)), effects);
    response
}

fn transaction(core: &mut Core, now: Time, request: &Request, decision: Decision) -> Transaction {
    let id = core.next_transaction_id();
    let (code, approval) = match decision.outcome {
        Ok(approval) => (approval.code, Some(approval)),
        Err(decline) => (decline.code, None),
    };
    let moving = approval.as_ref().filter(|approval| !approval.moves_nothing);
    let funds = moving.map_or(Funds::None, |_| funds_of(core, now, request));
    let account = approval.as_ref().map(|approval| approval.account);
    let declined = || Details { verification: decision.counters.verification, ..Details::default() };
    let details = approval.as_ref().map_or_else(declined, |approval| Details {
        counted: core.state.shared(&approval.counting),
        customer: approval.customer,
        verification: decision.counters.verification,
        contactless: approval.contactless,
        new_pin: decision.counters.new_pin,
    });
    Transaction {
        id,
        time: now,
        business_day: now.day(core.tables.business_offset),
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
        authorization_id: approval.as_ref().map(|_| authorization_id(id.0 / SHARDS as u64)),
        balance: account.and_then(|account| balance_after(core, &account, request, funds)),
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

/// An authorization holds and a financial message posts; cash from an ATM is held until the ATM says
/// what it dispensed.
fn funds_of(core: &Core, now: Time, request: &Request) -> Funds {
    let minor = request.amount_minor;
    match (request.transaction.moves_money(), request.class) {
        (false, _) => Funds::None,
        (true, _) if request.cash.is_some() => Funds::Held { minor, expires: None },
        (true, MessageClass::Authorization) => {
            Funds::Held { minor, expires: Some(now.plus(core.tables.hold_period)) }
        }
        (true, MessageClass::Financial | MessageClass::Advice) => Funds::Posted { minor },
    }
}

/// DE 54 goes with inquiries and with cash, where the receipt shows it.
fn balance_after(
    core: &Core,
    account: &AccountId,
    request: &Request,
    funds: Funds,
) -> Option<crate::Balance> {
    if request.transaction == TransactionType::Purchase || request.transaction.keeps_pin() {
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

struct Decision {
    outcome: Result<Approval, Decline>,
    receipt: Receipt,
    counters: CardCounters,
    /// Policy rules that flagged the request, by bit, approved or not.
    flags: u64,
}

impl Decision {
    /// A decline before the card was judged.
    fn early(decline: Decline, receipt: Receipt) -> Decision {
        Decision { outcome: Err(decline), receipt, counters: CardCounters::default(), flags: 0 }
    }
}

struct Approval {
    code: ResponseCode,
    account: AccountId,
    customer: Option<CustomerId>,
    /// Counters of limits that it moves.
    counting: Counting,
    issuer_authentication: Option<IssuerAuthentication>,
    /// What it does to the card's count of contactless transactions.
    contactless: Option<ContactlessUse>,
    /// The money has moved with an earlier transaction.
    moves_nothing: bool,
}

/// Counters of the card that this request moves, approved or not.
#[derive(Clone, Copy, Default)]
pub(crate) struct CardCounters {
    pub(crate) pin_tries_used: Option<u8>,
    pub(crate) atc: Option<u16>,
    /// Reference value of the PIN that the holder has chosen.
    pub(crate) new_pin: Option<PinReference>,
    /// The chip's cryptogram is right.
    pub(crate) proven: bool,
    /// How the cardholder was verified, once that was judged.
    pub(crate) verification: Option<HolderVerification>,
}
