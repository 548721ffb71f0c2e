//! Effects as a scenario shows them: in the words of the trade, without what a reader cannot check.

use crate::limits::shown_bound;
use crate::modes;
use crate::money::{shown_billing, shown_shares};
use crate::values::{CHANGED_OFFSET, CHANGED_PVV};
use auth::{
    Balance, Booking, CardView, Checks, ContactlessUse, Did, Effect, Funds, LimitChange, ProvisionAnswer,
    Receipt, Record, Response, Role, ScriptOutcome, Step, Transaction, TransactionId, Unit, Verdict,
};
use card::{Amount, Currency, Stan, Time};
use std::collections::HashMap;

/// What a printed effect refers to by name instead of by number.
#[derive(Default)]
pub(crate) struct Names {
    /// `request stan=000001`, by the slot of the reply.
    pub(crate) messages: Vec<String>,
    pub(crate) stans: HashMap<TransactionId, Stan>,
    pub(crate) tickets: HashMap<auth::Ticket, Stan>,
    pub(crate) rules: Vec<String>,
    pub(crate) start: Option<Time>,
}

impl Names {
    pub(crate) fn line(&self, effect: &Effect) -> String {
        match effect {
            Effect::Record(record) => shown("record", &self.record(record)),
            Effect::AskHsm { ticket, checks } => {
                shown("ask-hsm", &format!("stan={}{}", self.tickets[ticket], asked(checks)))
            }
            Effect::Recall { recall, .. } => shown("recall", &format!("stan={}", recall.stan)),
            Effect::Respond { reply_to, response } => {
                let message = &self.messages[reply_to.slot as usize];
                shown("respond", &format!("{message} {}", answer(response)))
            }
            Effect::TellShard(message) => {
                shown("tell-shard", if message.asks_for().is_some() { "enquiry" } else { "remittance" })
            }
            Effect::Provisioned { answer, .. } => shown("provisioned", &provisioned(answer)),
        }
    }

    fn record(&self, record: &Record) -> String {
        match record {
            Record::CardStored(_) => "card-stored".to_owned(),
            Record::AccountStored(_) => "account-stored".to_owned(),
            Record::CardRemoved(_) => "card-removed".to_owned(),
            Record::AccountRemoved(_) => "account-removed".to_owned(),
            Record::Decided(transaction) => self.decided(transaction),
            Record::Reversed(reversed) => {
                let remaining = money(reversed.remaining_minor);
                let shares = reversed.shares.as_ref().map_or(String::new(), shown_shares);
                format!("reversed stan={} remaining={remaining}{shares}", self.stans[&reversed.transaction])
            }
            Record::ReversalRemembered(remembered) => {
                format!("reversal-remembered stan={}", remembered.stan)
            }
            Record::Completed(completed) => {
                let dispensed = completed.dispensed_minor.map_or("unknown".to_owned(), money);
                let shares = completed.shares.as_ref().map_or(String::new(), shown_shares);
                format!("completed stan={} dispensed={dispensed}{shares}", self.stans[&completed.transaction])
            }
            Record::LimitChanged(changed) => {
                let what = match changed.change {
                    LimitChange::Own(bound) => format!("own {}", shown_bound(&bound)),
                    LimitChange::Override(None) => "override ends".to_owned(),
                    LimitChange::Override(Some(replaced)) => {
                        let once = if replaced.once { " once" } else { "" };
                        let start_ms = self.start.map_or(0, |start| start.unix_ms);
                        let until = elapsed(replaced.until.unix_ms - start_ms);
                        format!("override {} until={until}{once}", shown_bound(&replaced.bound))
                    }
                };
                format!("limit-changed {what}")
            }
            Record::HolderStored(_) => "holder-stored".to_owned(),
            Record::TokenStored(token) => format!("token-stored {}", token.status.as_str()),
            Record::TokenRemoved(_) => "token-removed".to_owned(),
            Record::HotListChanged(changed) => match changed.notice {
                Some(notice) => format!("hot-listed {} code={}", notice.reason.as_str(), notice.code),
                None => "off-the-hot-list".to_owned(),
            },
            Record::ScriptQueued(queued) => {
                format!("script-queued number={} {}", queued.number, queued.command.as_str())
            }
            Record::ScriptSent(sent) => {
                format!("script-sent number={} stan={}", sent.number, self.stans[&sent.transaction])
            }
            Record::ScriptConfirmed(confirmed) => {
                let outcome = match confirmed.outcome {
                    ScriptOutcome::Done => "done",
                    ScriptOutcome::Refused => "refused",
                    ScriptOutcome::GivenUp => "given-up",
                    ScriptOutcome::Cancelled => "cancelled",
                };
                format!("script-confirmed number={} {outcome}", confirmed.number)
            }
            Record::PinTriesCleared(_) => "pin-tries-cleared".to_owned(),
            Record::CardAnswered(answer) => {
                format!("card-answered stan={}", self.stans[&answer.transaction])
            }
            Record::Recalled(stored) => format!("recalled stan={}", stored.stan),
            Record::HoldExpired(expired) => format!("hold-expired stan={}", self.stans[&expired.transaction]),
            Record::HoldReleased(released) => {
                let (hold, by) = (self.stans[&released.transaction], self.stans[&released.by]);
                format!("hold-released stan={hold} by={by}")
            }
            Record::Credited(credited) => {
                let stan = self.stans[&credited.transaction];
                format!("credited stan={stan} {}={}", credited.account, money(credited.minor))
            }
            Record::RemittanceSent(sent) => {
                let (stan, sent) = (self.stans[&sent.remittance.transaction], &sent.remittance);
                format!("remittance-sent stan={stan} {}={}", sent.account, money(sent.minor))
            }
            Record::RemittanceTaken(_) => "remittance-taken".to_owned(),
            Record::RemittanceSettled(_) => "remittance-settled".to_owned(),
            Record::RemittanceForgotten(_) => "remittance-forgotten".to_owned(),
            Record::ModeChanged(_)
            | Record::ModeUsed(_)
            | Record::OwnTransfer(_)
            | Record::ConfirmationAsked(_)
            | Record::Alarm(_)
            | Record::CardBlocked(_) => modes::shown_record(record, self.start).unwrap_or_default(),
        }
    }

    fn decided(&self, transaction: &Transaction) -> String {
        let mut text = format!("decided stan={} code={}", transaction.stan, transaction.code);
        text += &reason(&transaction.receipt);
        text += &match transaction.funds {
            Funds::None => String::new(),
            Funds::Held { minor, expires: None } => format!(" holds={} until=completion", money(minor)),
            Funds::Held { minor, expires: Some(expires) } => {
                let start_ms = self.start.map_or(0, |start| start.unix_ms);
                format!(" holds={} until={}", money(minor), elapsed(expires.unix_ms - start_ms))
            }
            Funds::Posted { minor } if minor < 0 => format!(" credits={}", money(-minor)),
            Funds::Posted { minor } => format!(" posts={}", money(minor)),
        };
        if let Some(billing) = &transaction.details.billing {
            text += &shown_billing(billing);
        }
        if let Some(booking) = &transaction.details.booking {
            text += &self.booking(booking);
        }
        if let Some(wrong) = transaction.details.wrong_cvv2s {
            text += &format!(" wrong-cvv2s={wrong}");
        }
        if let Some(token) = transaction.details.token {
            text += &format!(" token={}", token.0);
        }
        if let Some(tries) = transaction.pin_tries_used {
            text += &format!(" pin-tries={tries}");
        }
        if let Some(atc) = transaction.atc {
            text += &format!(" atc={atc}");
        }
        text += match transaction.details.contactless {
            None => "",
            Some(ContactlessUse::Counts(_)) => " contactless=counts",
            Some(ContactlessUse::Resets) => " contactless=resets",
        };
        if transaction.details.new_pin.is_some() {
            text += " new-pin";
        }
        for (index, rule) in self.rules.iter().enumerate() {
            if transaction.flags & 1 << index != 0 {
                text += &format!(" flagged-by={rule}");
            }
        }
        text
    }
}

impl Names {
    fn booking(&self, booking: &Booking) -> String {
        let mut text = String::new();
        if let Some(original) = booking.original {
            let role = match booking.role {
                Role::Own => "about",
                Role::Increment => "raises",
                Role::Completion => "completes",
                Role::Refund => "refunds",
            };
            text += &format!(" {role}={}", self.stans[&original]);
        }
        if let Some(to) = &booking.to {
            text += &format!(" to={to}");
        }
        if booking.cash_minor != 0 {
            text += &format!(" cash={}", money(booking.cash_minor));
        }
        text
    }
}

/// `> word           rest`, in columns.
pub(crate) fn shown(word: &str, rest: &str) -> String {
    format!("> {word:<14} {rest}").trim_end().to_owned()
}

/// Major units of a currency with two decimals.
pub(crate) fn money(minor: i64) -> String {
    let eur = Currency::from_numeric(978).expect("EUR");
    Amount::new(minor, eur).to_string().trim_end_matches(" EUR").to_owned()
}

/// `7d1.000s`: the inverse of [`milliseconds`](crate::script::milliseconds).
pub(crate) fn elapsed(ms: i64) -> String {
    let mut text = String::new();
    let mut rest = ms;
    for (unit, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)] {
        if rest >= unit_ms {
            text += &format!("{}{unit}", rest / unit_ms);
            rest %= unit_ms;
        }
    }
    if rest > 0 || text.is_empty() {
        text += &format!("{}.{:03}s", rest / 1_000, rest % 1_000);
    }
    text
}

fn asked(checks: &Checks) -> String {
    let mut text = String::new();
    if checks.cvv.is_some() {
        text += " cvv";
    }
    if checks.cvv2.is_some() {
        text += " cvv2";
    }
    if checks.authentication_value.is_some() {
        text += " cavv";
    }
    if checks.order.is_some() {
        text += " order";
    }
    if checks.icvv.is_some() {
        text += " icvv";
    }
    if let Some(check) = &checks.cryptogram {
        let wanted = if check.verified { "arpc" } else { "arqc" };
        text += &format!(" {wanted}=cvn{}", check.recipe.version);
    }
    if checks.script.is_some() {
        text += " script";
    }
    if let Some(check) = &checks.pin {
        text += match check.method {
            auth::PinVerification::Pvv { pvv: CHANGED_PVV, .. } => " pin=changed-pvv",
            auth::PinVerification::Pvv { .. } => " pin=pvv",
            auth::PinVerification::Ibm { offset: CHANGED_OFFSET, .. } => " pin=changed-ibm",
            auth::PinVerification::Ibm { .. } => " pin=ibm",
        };
    }
    text
}

fn answer(response: &Response) -> String {
    let mut text = format!("code={}", response.code);
    if response.code.is_capture() {
        text += " (keep the card)";
    }
    if let Some(result) = response.told.address {
        text += &format!(" address={}", result.letter());
    }
    if let Some(result) = response.told.cvv2 {
        text += &format!(" cvv2={}", result.as_str());
    }
    if let Some(reward) = response.told.reward {
        text += &format!(" reward={reward}");
    }
    if let Some(id) = &response.authorization_id {
        text += &format!(" auth={}", String::from_utf8_lossy(id));
    }
    if let Some(value) = &response.issuer_authentication {
        text += " tag91=";
        for byte in value {
            text += &format!("{byte:02X}");
        }
    }
    if let Some(script) = &response.script {
        text += " script=";
        for byte in script.iter() {
            text += &format!("{byte:02X}");
        }
    }
    if let Some(Balance { ledger_minor, available_minor, .. }) = response.balance {
        text += &format!(" ledger={} available={}", money(ledger_minor), money(available_minor));
    }
    if let Some(minor) = response.approved_minor {
        text += &format!(" approved={}", money(minor));
    }
    for line in response.statement.iter().flat_map(|statement| statement.iter()) {
        let state = if line.held { " held" } else { "" };
        text += &format!(" [{} {}{state}]", line.transaction.as_str(), money(line.change_minor));
    }
    text
}

fn provisioned(answer: &ProvisionAnswer) -> String {
    let did = |what: &str, did: Did| match did {
        Did::Nothing => String::new(),
        did => format!(" {what}={}", format!("{did:?}").to_lowercase()),
    };
    match answer {
        ProvisionAnswer::Changes(changes) => changes.iter().fold(String::new(), |text, change| {
            let told = match change {
                Ok(done) => did("card", done.card) + &did("account", done.account),
                Err(refusals) => {
                    let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                    format!(" refused: {}", reasons.join("; "))
                }
            };
            text + &told
        }),
        ProvisionAnswer::Holders(told) => told.iter().fold(String::new(), |text, told| {
            text + &match told {
                Ok(done) => did("holder", *done),
                Err(refusal) => format!(" refused: {refusal}"),
            }
        }),
        ProvisionAnswer::Tokens(told) => told.iter().fold(String::new(), |text, told| {
            text + &match told {
                Ok(done) => did("token", *done),
                Err(refusal) => format!(" refused: {refusal}"),
            }
        }),
        ProvisionAnswer::HotList(told) => told.iter().fold(String::new(), |text, told| {
            text + &match told {
                Ok(done) => did("hot-list", *done),
                Err(refusal) => format!(" refused: {refusal}"),
            }
        }),
        ProvisionAnswer::Limit(Ok(())) => " limit=changed".to_owned(),
        ProvisionAnswer::Limit(Err(refusal)) => format!(" refused: {refusal}"),
        ProvisionAnswer::Mode(Ok(())) => " mode=done".to_owned(),
        ProvisionAnswer::Mode(Err(refusal)) => format!(" refused: {refusal}"),
        ProvisionAnswer::PinTriesCleared(true) => " pin-tries=cleared".to_owned(),
        ProvisionAnswer::PinTriesCleared(false) => " not on file".to_owned(),
        ProvisionAnswer::Script(Ok(number)) => format!(" script={number}"),
        ProvisionAnswer::Script(Err(refusal)) => format!(" refused: {refusal}"),
        ProvisionAnswer::Card(None) => " not on file".to_owned(),
        ProvisionAnswer::Card(Some(view)) => {
            let CardView {
                card,
                pin_tries_used,
                highest_atc,
                today: [(bought, purchases), _],
                account,
                further,
                ..
            } = &**view;
            let mut text = format!(" {} {} pin-tries={pin_tries_used}", card.pan, card.status.as_str());
            text += &highest_atc.map_or(String::new(), |atc| format!(" atc={atc}"));
            text += &format!(" today={}/{purchases}", money(*bought));
            if let Some((_, balance)) = account {
                let (ledger, available) = (money(balance.ledger_minor), money(balance.available_minor));
                text += &format!(" ledger={ledger} available={available}");
            }
            for (account, balance) in further {
                text += &format!(" {}={}", account.id, money(balance.ledger_minor));
            }
            text
        }
    }
    .trim_start()
    .to_owned()
}

/// The check that refused, and what is worth a look.
fn reason(receipt: &Receipt) -> String {
    let mut text = String::new();
    for check in &receipt.checks {
        let word = match check.verdict {
            Verdict::Failed(_) => "because",
            Verdict::Noted => "noted",
            Verdict::Passed | Verdict::Skipped => continue,
        };
        text += &format!(" {word}={}", step_name(check.step));
        text += &match check.step.unit() {
            Unit::None => String::new(),
            Unit::Minor | Unit::Billing | Unit::Settlement => {
                format!("({} against {})", money(check.seen), money(check.limit))
            }
            Unit::Number | Unit::YearMonth | Unit::Rate | Unit::Nanoseconds => {
                format!("({} against {})", check.seen, check.limit)
            }
        };
    }
    text
}

/// `PinTries` as `pin-tries`.
fn step_name(step: Step) -> String {
    let mut text = String::new();
    for letter in format!("{step:?}").chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
