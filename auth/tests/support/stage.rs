//! Plays the lines of one scenario to a core and prints what came of them.

use crate::bank;
use crate::effects::{Names, money, shown};
use crate::hot_list;
use crate::institution::Institution;
use crate::limits;
use crate::modes;
use crate::money;
use crate::remote;
use crate::script::Words;
use crate::tokens;
use crate::values::{
    CHANGED_OFFSET, CHANGED_PVV, CLASSES, TRANSACTIONS, account_type, bytes, chosen, expiry, minor, notes,
    rrn, sent_at, stan, transmission,
};
use auth::{
    AccountId, ChecksReply, Completion, ConfirmationTicket, Core, CryptogramResult, CvvResult, Destination,
    Dispensed, Effect, EntryMode, HolderAnswer, Input, Instruction, LinkName, PinReference, PinResult,
    Provision, ProvisionTask, ProvisionTicket, Record, Reference, ReplyTo, Request, Reversal, ShardIndex,
    State, Ticket, TransactionId,
};
use card::{Currency, MerchantId, Pan, Stan, TerminalId, Time, Track2};
use std::sync::Arc;

/// Monday 2026-06-15, 12:00 UTC: midnight is twelve hours after the start of a scenario.
const START: Time = Time { unix_ms: 1_781_524_800_000 };

/// One core with everything around it.
pub(crate) struct Stage {
    institution: Institution,
    core: Core,
    started: bool,
    names: Names,
    /// What was sent, oldest first.
    requests: Vec<Request>,
    /// What the core asked the HSM, oldest first.
    asked: Vec<(Stan, Ticket)>,
    /// What holders were asked, oldest first.
    confirmations: Vec<(Stan, ConfirmationTicket)>,
    /// What was decided, oldest first.
    decided: Vec<(Stan, TransactionId, Pan)>,
    /// A second state, which hears of records alone.
    replayed: State,
    records: Vec<Record>,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let institution = Institution::default();
        let mut core = Core::new(ShardIndex(0), Arc::new(institution.tables.clone()));
        core.keep_codes_under(modes::key());
        Stage {
            institution,
            core,
            started: false,
            names: Names { start: Some(START), ..Names::default() },
            requests: Vec::new(),
            asked: Vec::new(),
            confirmations: Vec::new(),
            decided: Vec::new(),
            replayed: State::default(),
            records: Vec::new(),
        }
    }

    /// A set-up line. Once the scenario runs, cards and accounts change at once and everything else
    /// with the next `tables`.
    pub(crate) fn set_up(&mut self, words: Words<'_>) -> Result<(), String> {
        let record = self.institution.set_up(words)?;
        if let Some(record) = record.filter(|_| self.started) {
            self.store(&record);
        }
        Ok(())
    }

    /// An event, and the lines that it prints.
    pub(crate) fn play(&mut self, at_ms: i64, mut words: Words<'_>) -> Result<Vec<String>, String> {
        self.start();
        let now = Time::from_unix_ms(START.unix_ms + at_ms);
        let input = match words.verb {
            "request" => self.request(now, &mut words)?,
            "spend" => return self.spend(now, words),
            "repeat" => self.repeat(&mut words)?,
            "reversal" => self.reversal(&mut words)?,
            "hsm-reply" => self.hsm_reply(&mut words)?,
            "completion" => self.completion(&mut words)?,
            "tick" => Input::Tick,
            "put" | "put-account" | "remove" | "remove-account" | "show" => {
                let task = self.institution.provision(&mut words)?;
                Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
            }
            "hot-list" => {
                let task = hot_list::change(&mut words, &self.institution)?;
                Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
            }
            "token" => {
                let task = tokens::change(&mut words, &self.institution)?;
                Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
            }
            "holder" => {
                let task = remote::holder(&mut words, &self.institution)?;
                Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
            }
            "own-limit" | "override" => {
                let task = limits::change(&mut words, &self.institution, START)?;
                Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
            }
            "mode" => {
                let task = modes::order(&mut words, &self.institution, START)?;
                Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
            }
            "answer" => self.answer(&mut words)?,
            "script" | "cancel-script" => {
                let task = self.institution.script(&mut words)?;
                Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
            }
            "clear-pin-tries" => {
                let pan = self.institution.pan(words.next("a card")?)?;
                let task = ProvisionTask::ClearPinTries(pan);
                Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task }))
            }
            "tables" => self.institution_changed(),
            "restart" => {
                words.end()?;
                self.restart();
                return Ok(vec![shown("nothing", "")]);
            }
            "token-atc"
            | "balance"
            | "books"
            | "counters"
            | "unverified"
            | "scripts"
            | "limits"
            | "status"
            | "awaiting-completion" => {
                let line = self.question(now, &mut words)?;
                words.end()?;
                return Ok(vec![line]);
            }
            verb => return Err(format!("nothing is called `{verb}`")),
        };
        words.end()?;
        let mut effects = Vec::new();
        self.core.step(now, input, &mut effects);
        self.note(&effects);
        if effects.is_empty() {
            return Ok(vec![shown("nothing", "")]);
        }
        Ok(effects.iter().map(|effect| self.names.line(effect)).collect())
    }

    /// What must hold after every event, whatever the scenario is about.
    pub(crate) fn check_books(&self) -> Result<(), String> {
        for currency in
            ["EUR", "USD", "GBP", "JPY", "KWD"].map(|code| Currency::parse(code).expect("ISO 4217"))
        {
            let sum = self.core.state().trial_balance(currency);
            if sum != 0 {
                return Err(format!("the books in {currency} are off by {sum} minor units"));
            }
        }
        for account in self.institution.accounts.values() {
            if self.core.state().balance(&account.id) != self.replayed.balance(&account.id) {
                return Err(format!("replay gives account {} another balance", account.id));
            }
        }
        for card in self.institution.cards.values() {
            if self.core.state().card_counters(&card.pan) != self.replayed.card_counters(&card.pan) {
                return Err(format!("replay gives card {} other counters", card.pan));
            }
            if self.core.state().card_mode(&card.pan) != self.replayed.card_mode(&card.pan) {
                return Err(format!("replay gives card {} another mode", card.pan));
            }
        }
        Ok(())
    }

    fn start(&mut self) {
        if self.started {
            return;
        }
        self.started = true;
        let accounts = self.institution.accounts.values().cloned().map(Record::AccountStored);
        let cards = self.institution.cards.values().cloned().map(Record::CardStored);
        for record in accounts.chain(cards).collect::<Vec<_>>() {
            self.store(&record);
        }
        let tables = self.institution_changed();
        self.core.step(START, tables, &mut Vec::new());
    }

    fn store(&mut self, record: &Record) {
        self.core.replay(record);
        self.replayed.apply(record);
        self.records.push(record.clone());
    }

    /// The process dies and starts again from its records.
    fn restart(&mut self) {
        self.core = Core::new(ShardIndex(0), Arc::new(self.institution.tables.clone()));
        self.core.keep_codes_under(modes::key());
        self.records.iter().for_each(|record| self.core.replay(record));
        self.core.resume(self.core.state().last_counter());
    }

    fn institution_changed(&mut self) -> Input {
        self.institution.tables.version += 1;
        self.names.rules = self.institution.rule_names();
        Input::Tables(Arc::new(self.institution.tables.clone()))
    }

    fn note(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::AskHsm { ticket, .. } => {
                    let answered = effects.iter().find_map(|effect| match effect {
                        Effect::Record(Record::Decided(transaction)) => Some(transaction.stan),
                        _ => None,
                    });
                    let asks = || self.requests.last().expect("only a request asks the HSM").stan;
                    let stan = answered.unwrap_or_else(asks);
                    self.asked.push((stan, *ticket));
                    self.names.tickets.insert(*ticket, stan);
                }
                Effect::Record(record) => {
                    self.replayed.apply(record);
                    self.records.push(record.clone());
                    if let Record::ConfirmationAsked(asked) = record {
                        self.confirmations.push((asked.stan, asked.ticket));
                    }
                    if let Record::Decided(transaction) = record {
                        self.names.stans.insert(transaction.id, transaction.stan);
                        self.decided.push((transaction.stan, transaction.id, transaction.pan));
                    }
                }
                Effect::Respond { .. }
                | Effect::Recall { .. }
                | Effect::Provisioned { .. }
                | Effect::TellShard(_) => {}
            }
        }
    }

    fn reply_to(&mut self, message: &str) -> ReplyTo {
        let slot = u32::try_from(self.names.messages.len()).expect("a short scenario");
        self.names.messages.push(message.to_owned());
        ReplyTo { connection: 1, slot }
    }

    /// `request LINK 0100|0200|0220 purchase|withdrawal|inquiry|unsupported stan= card= amount= …`
    fn request(&mut self, now: Time, words: &mut Words<'_>) -> Result<Input, String> {
        let link = words.next("a link")?;
        let class = words.one_of(&CLASSES).ok_or("0100, 0200 or 0220?")?;
        let transaction =
            words.one_of(&TRANSACTIONS).ok_or("purchase, withdrawal, inquiry or unsupported?")?;
        let stan = words.required("stan", stan)?;
        let pan = self.pan(words)?;
        let amount_minor = words.value("amount", minor)?.unwrap_or(0);
        let terminal = self.terminal(link, words)?;
        let base = bank::purchase(link, terminal.as_str().as_bytes(), pan, stan.number(), amount_minor);
        let mut request = Request {
            reply_to: self.reply_to(&format!("request stan={stan}")),
            class,
            transaction,
            transmission: words.value("sent", transmission)?.unwrap_or_else(|| sent_at(now)),
            account_type: words.value("account-type", account_type)?.unwrap_or(base.account_type),
            currency: words.value("currency", |text| text.parse().ok())?.unwrap_or(base.currency),
            merchant: words.value("merchant", |text| MerchantId::new(text.as_bytes()))?,
            mcc: words.value("mcc", |text| text.parse().ok())?.unwrap_or(base.mcc),
            country: words.value("country", |text| text.parse().ok())?.unwrap_or(base.country),
            expiry: words.value("expiry", expiry)?,
            rrn: words.value("rrn", rrn)?,
            cash: words.value("notes", notes)?,
            stated: money::stated(words)?,
            instruction: self.instruction(words)?,
            one_time_code: words.value("code", modes::secret)?,
            ..base
        };
        // Each use of a chip counts one on.
        let next_atc = if words.verb == "spend" { self.requests.len() as u16 + 1 } else { 1 };
        put_card(&mut request, words, next_atc)?;
        request.particulars = remote::particulars(words)?;
        self.requests.push(request.clone());
        Ok(Input::Request(Box::new(request)))
    }

    /// `to-account-type= cash= takes-partial`, `about=STAN` (DE 90), `about-auth=` (DE 38), `about-rrn=` (DE 37),
    /// `to-card=`, `to-account=`
    fn instruction(&self, words: &mut Words<'_>) -> Result<Instruction, String> {
        let mut instruction = Instruction {
            cash_minor: words.value("cash", minor)?.unwrap_or(0),
            takes_partial: words.has("takes-partial"),
            ..Instruction::default()
        };
        if let Some(to) = words.value("to-account-type", account_type)? {
            instruction.to_account_type = to;
        }
        if let Some(card) = words.option("to-card") {
            let pan = match self.institution.pan(card) {
                Ok(pan) => pan,
                Err(_) => Pan::parse(card.as_bytes()).map_err(|error| error.to_string())?,
            };
            instruction.destination = Some(Destination::Card(pan));
        }
        if let Some(account) = words.value("to-account", AccountId::new)? {
            instruction.destination = Some(Destination::Account(account));
        }
        let original = Reference {
            stan: words.value("about", stan)?,
            authorization_id: words.value("about-auth", |text| text.as_bytes().try_into().ok())?,
            rrn: words.value("about-rrn", rrn)?,
            ..Reference::default()
        };
        instruction.original = (original != Reference::default()).then_some(original);
        Ok(instruction)
    }

    /// `spend`: a request, and an HSM that finds everything right. Prints what came of it in the end.
    fn spend(&mut self, now: Time, mut words: Words<'_>) -> Result<Vec<String>, String> {
        let request = self.request(now, &mut words)?;
        words.end()?;
        let mut effects = Vec::new();
        self.core.step(now, request, &mut effects);
        self.note(&effects);
        if let Some(Effect::AskHsm { ticket, checks }) = effects.first() {
            let arpc = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
            let reply = ChecksReply {
                cryptogram: checks.cryptogram.as_ref().map(|_| CryptogramResult::Right { arpc }),
                cvv: checks.cvv.as_ref().map(|_| CvvResult::Right),
                cvv2: checks.cvv2.as_ref().map(|_| CvvResult::Right),
                authentication_value: checks.authentication_value.as_ref().map(|_| CvvResult::Right),
                order: checks.order.as_ref().map(|_| CvvResult::Right),
                icvv: None,
                pin: checks.pin.as_ref().map(|_| PinResult::Right),
                ..ChecksReply::default()
            };
            let input = Input::HsmReply { ticket: *ticket, reply };
            effects.clear();
            self.core.step(now, input, &mut effects);
            self.note(&effects);
        }
        Ok(effects
            .iter()
            .map(|effect| self.names.line(effect))
            .filter(|line| line.contains("> record"))
            .collect())
    }

    /// `repeat stan=`, with what differs where it is no true repeat.
    fn repeat(&mut self, words: &mut Words<'_>) -> Result<Input, String> {
        let stan = words.required("stan", stan)?;
        let mut request = self.sent(stan).ok_or("no such request was sent")?.clone();
        if let Some(pan) = words.option("card").map(|name| self.institution.pan(name)).transpose()? {
            request.pan = pan;
        }
        request.amount_minor = words.value("amount", minor)?.unwrap_or(request.amount_minor);
        request.currency = words.value("currency", |text| text.parse().ok())?.unwrap_or(request.currency);
        request.rrn = words.value("rrn", rrn)?.or(request.rrn);
        request.class = words.one_of(&CLASSES).unwrap_or(request.class);
        request.transaction = words.one_of(&TRANSACTIONS).unwrap_or(request.transaction);
        let earlier = self.names.messages.iter().filter(|message| message.ends_with(&format!("stan={stan}")));
        request.reply_to = self.reply_to(&format!("repeat-{} stan={stan}", earlier.count()));
        self.requests.push(request.clone());
        Ok(Input::Request(Box::new(request)))
    }

    /// `reversal LINK of=STAN [stands=AMOUNT] [sent=DE7|unknown] [card=]`
    fn reversal(&mut self, words: &mut Words<'_>) -> Result<Input, String> {
        let link = words.next("a link")?;
        let original_stan = words.required("of", stan)?;
        let original = self.sent(original_stan).map(|request| (request.pan, request.transmission));
        let pan = match (words.option("card"), original) {
            (Some(name), _) => self.institution.pan(name)?,
            (None, Some((pan, _))) => pan,
            (None, None) => return Err("the original is not known yet: `card=` is needed".to_owned()),
        };
        let original_transmission = match words.value("sent", transmission)? {
            Some(transmission) => transmission,
            None => original.map(|(_, sent)| sent).ok_or("the original is not known yet: `sent=`?")?,
        };
        let terminal = self.terminal(link, words)?;
        Ok(Input::Reversal(Box::new(Reversal {
            reply_to: self.reply_to(&format!("reversal of={original_stan}")),
            link: LinkName::new(link).ok_or("a bad link name")?,
            terminal,
            pan,
            original_stan,
            original_transmission,
            replacement_minor: words.value("stands", minor)?,
        })))
    }

    /// `hsm-reply stan= [cvv=] [icvv=] [arqc=] [pin=] [arpc=] [script=]`
    fn hsm_reply(&mut self, words: &mut Words<'_>) -> Result<Input, String> {
        let stan = words.required("stan", stan)?;
        let (_, ticket) = *self
            .asked
            .iter()
            .rev()
            .find(|(asked, _)| *asked == stan)
            .ok_or("the HSM was not asked about this request")?;
        let right = CryptogramResult::Right { arpc: [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88] };
        let cryptogram =
            [("right", right), ("wrong", CryptogramResult::Wrong), ("failed", CryptogramResult::Failed)];
        let cvv = [("right", CvvResult::Right), ("wrong", CvvResult::Wrong), ("failed", CvvResult::Failed)];
        let pin = [
            ("right", PinResult::Right),
            ("wrong", PinResult::Wrong),
            ("changed", PinResult::Changed(PinReference::Pvv { pvki: 1, pvv: CHANGED_PVV })),
            ("changed-offset", PinResult::Changed(PinReference::IbmOffset { offset: CHANGED_OFFSET })),
            ("bad-block", PinResult::BadBlock),
            ("failed", PinResult::Failed),
        ];
        let made = [0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8];
        let arpc = [("right", CryptogramResult::Right { arpc: made }), ("failed", CryptogramResult::Failed)];
        let script = [("right", Some(made)), ("failed", None)];
        let reply = ChecksReply {
            cryptogram: match words.value("arqc", |text| chosen(text, &cryptogram))? {
                None => words.value("arpc", |text| chosen(text, &arpc))?,
                found => found,
            },
            cvv: words.value("cvv", |text| chosen(text, &cvv))?,
            icvv: words.value("icvv", |text| chosen(text, &cvv))?,
            pin: words.value("pin", |text| chosen(text, &pin))?,
            cvv2: words.value("cvv2", |text| chosen(text, &cvv))?,
            authentication_value: words.value("cavv", |text| chosen(text, &cvv))?,
            order: words.value("order", |text| chosen(text, &cvv))?,
            script: words.value("script", |text| chosen(text, &script))?,
        };
        Ok(Input::HsmReply { ticket, reply })
    }

    /// `answer stan= confirm|block|cancel [password=]`
    fn answer(&mut self, words: &mut Words<'_>) -> Result<Input, String> {
        let stan = words.required("stan", stan)?;
        let asked = self.confirmations.iter().rev().find(|(asked, _)| *asked == stan);
        let ticket = asked.map_or(ConfirmationTicket(0), |(_, ticket)| *ticket);
        let answers = [
            ("confirm", HolderAnswer::Confirm),
            ("block", HolderAnswer::Block),
            ("cancel", HolderAnswer::Cancel),
        ];
        let answer = words.one_of(&answers).ok_or("confirm, block or cancel?")?;
        let password = words.value("password", modes::secret)?;
        let task = ProvisionTask::Answer { ticket, answer, password };
        Ok(Input::Provision(Box::new(Provision { ticket: ProvisionTicket(1), task })))
    }

    /// `completion stan= dispensed=all|unknown|AMOUNT`; `unknown-transaction` for one never decided.
    fn completion(&mut self, words: &mut Words<'_>) -> Result<Input, String> {
        let (transaction, pan) = if words.has("unknown-transaction") {
            (TransactionId::new(u64::MAX).unwrap(), self.pan(words)?)
        } else {
            let stan = words.required("stan", stan)?;
            self.transaction(stan).ok_or("nothing was decided under this STAN")?
        };
        let dispensed = words.required("dispensed", |text| match text {
            "all" => Some(Dispensed::All),
            "unknown" => Some(Dispensed::Unknown),
            _ => minor(text).map(|minor| Dispensed::Part { minor }),
        })?;
        Ok(Input::Completion(Completion { transaction, pan, dispensed }))
    }

    fn question(&self, now: Time, words: &mut Words<'_>) -> Result<String, String> {
        let state = self.core.state();
        match words.verb {
            "balance" => {
                let account = self.institution.account(words.next("an account")?)?;
                let balance = state.balance(&account).ok_or("no such account")?;
                let (ledger, available) = (money(balance.ledger_minor), money(balance.available_minor));
                Ok(shown("balance", &format!("ledger={ledger} available={available}")))
            }
            "books" => money::books(words, state),
            "token-atc" => tokens::question(words, state),
            "limits" => limits::question(words, &self.institution, state, now),
            "unverified" => {
                let pan = self.institution.pan(words.next("a card")?)?;
                let unverified = state.card_unverified(&pan).ok_or("no such card")?;
                Ok(shown("unverified", &format!("{}x{}", unverified.count, money(unverified.minor))))
            }
            "scripts" => {
                let pan = self.institution.pan(words.next("a card")?)?;
                let scripts = state.card_scripts(&pan).iter().map(|script| {
                    let sent = script.sent.map_or(0, |sent| sent.times);
                    let given_up = if script.given_up { " given-up" } else { "" };
                    format!("{}={} sent={sent}{given_up}", script.number, script.command.as_str())
                });
                let scripts: Vec<String> = scripts.collect();
                Ok(shown("scripts", &if scripts.is_empty() { "none".to_owned() } else { scripts.join(", ") }))
            }
            "counters" => {
                let pan = self.institution.pan(words.next("a card")?)?;
                let (tries, atc) = state.card_counters(&pan).ok_or("no such card")?;
                let day = now.day(self.institution.tables.business_offset);
                let [purchases, withdrawals] = state.card_usage(&pan, day).ok_or("no such card")?;
                let used = |(minor, count): (i64, u32)| format!("{count}x{}", money(minor));
                let atc = atc.map_or("none".to_owned(), |atc| atc.to_string());
                let (purchases, withdrawals) = (used(purchases), used(withdrawals));
                let rest =
                    format!("pin-tries={tries} atc={atc} purchases={purchases} withdrawals={withdrawals}");
                Ok(shown("counters", &rest))
            }
            "status" => {
                let (id, _) = self.transaction(words.required("stan", stan)?).ok_or("nothing was decided")?;
                let text =
                    state.transaction_status(id).map_or("forgotten".to_owned(), |(status, standing)| {
                        format!("{} standing={}", status.as_str(), money(standing))
                    });
                Ok(shown("status", &text))
            }
            _ => {
                let stans: Vec<String> =
                    state.awaiting_completion().iter().map(|waiting| waiting.stan.to_string()).collect();
                Ok(shown(
                    "awaiting",
                    if stans.is_empty() { "none".to_owned() } else { stans.join(" ") }.as_str(),
                ))
            }
        }
    }

    fn sent(&self, stan: Stan) -> Option<&Request> {
        self.requests.iter().rev().find(|request| request.stan == stan)
    }

    fn transaction(&self, stan: Stan) -> Option<(TransactionId, Pan)> {
        self.decided.iter().rev().find(|(decided, ..)| *decided == stan).map(|(_, id, pan)| (*id, *pan))
    }

    fn pan(&self, words: &mut Words<'_>) -> Result<Pan, String> {
        match words.option("pan") {
            Some(digits) => Pan::parse(digits.as_bytes()).map_err(|error| error.to_string()),
            None => self.institution.pan(words.option("card").ok_or("`card=` or `pan=`?")?),
        }
    }

    fn terminal(&self, link: &str, words: &mut Words<'_>) -> Result<TerminalId, String> {
        match words.option("terminal") {
            Some(text) => TerminalId::new(text.as_bytes()).ok_or_else(|| "a bad terminal".to_owned()),
            None => self.institution.first_terminal(link),
        }
    }
}

/// How the card was read, and what that puts into the message: `chip`, `contactless`, `stripe`,
/// `fallback` or `manual` and others, and `pin`.
fn put_card(request: &mut Request, words: &mut Words<'_>, next_atc: u16) -> Result<(), String> {
    let entries = [
        ("chip", EntryMode::Chip),
        ("contactless", EntryMode::Contactless),
        ("stripe", EntryMode::Stripe),
        ("fallback", EntryMode::Fallback),
        ("manual", EntryMode::Manual),
        ("contactless-stripe", EntryMode::ContactlessStripe),
        ("ecommerce", EntryMode::Ecommerce),
        ("credential-on-file", EntryMode::CredentialOnFile),
        ("recurring", EntryMode::Recurring),
        ("unknown", EntryMode::Unknown),
    ];
    request.entry = words.one_of(&entries).ok_or("chip, contactless, stripe, fallback or manual?")?;
    request.point_of_service.reads_chip = words.has("chip-terminal").then_some(true);
    request.point_of_service.attended = words.has("unattended").then_some(false);
    let sequence = words.value("card-sequence", |text| text.parse().ok())?;
    request.card_sequence = sequence.or(request.card_sequence);
    let no_chip_data = words.has("without-chip-data");
    if matches!(request.entry, EntryMode::Chip | EntryMode::Contactless) && !no_chip_data {
        let cvn = words.value("cvn", |text| text.parse().ok())?.unwrap_or(18);
        let atc = words.value("atc", |text| text.parse().ok())?.unwrap_or(next_atc);
        let signed_minor = words.value("signed-amount", minor)?.unwrap_or(request.amount_minor);
        let mut chip = bank::chip(cvn, atc, signed_minor);
        let signed = words.value("signed-currency", |text| text.parse().ok())?.unwrap_or(request.currency);
        chip.currency = bank::bcd(signed.into());
        let kind = words.value("cryptogram", |text| chosen(text, &[("tc", 0x40), ("aac", 0x00)]))?;
        chip.cryptogram_information = kind.unwrap_or(0x80);
        // The card's own results say the same.
        if let Some(kind) = kind {
            chip.issuer_application_data[4] = 0x80 | kind >> 2;
        }
        if let Some(index) = words.value("key-index", |text| text.parse().ok())? {
            chip.issuer_application_data[1] = index;
        }
        chip.tvr = words.value("tvr", bytes)?.unwrap_or(chip.tvr);
        chip.cvm_results = words.value("cvm", bytes)?;
        chip.terminal_qualifiers = words.value("ttq", bytes)?;
        chip.card_qualifiers = words.value("ctq", bytes)?;
        let results = words.value("script-results", bytes::<5>)?;
        chip.script_results = results.into_iter().flatten().collect();
        if let Some(cvr) = words.value("cvr", bytes::<3>)? {
            chip.issuer_application_data[4..7].copy_from_slice(&cvr);
        }
        if let Some(cvr) = words.value("m-chip-cvr", bytes::<6>)? {
            chip.issuer_application_data = [1, cvn].into_iter().chain(cvr).chain([0; 10]).collect();
        }
        if let Some(cvr) = words.value("core-cvr", bytes::<5>)? {
            let rest = [0; 8].into_iter().chain([0x0F]).chain([0; 15]);
            chip.issuer_application_data = [0x0F, 0xA5, 1].into_iter().chain(cvr).chain(rest).collect();
        }
        request.chip = Some(chip);
    }
    let striped =
        matches!(request.entry, EntryMode::Stripe | EntryMode::Fallback | EntryMode::ContactlessStripe);
    if striped && !words.has("without-track") {
        let track_pan = words.value("track-pan", |text| Pan::parse(text.as_bytes()).ok())?;
        let cvv = if words.has("track-without-cvv") { "" } else { "123" };
        let track = bank::track2(&track_pan.unwrap_or(request.pan), cvv);
        request.track2 = Some(match words.option("service-code") {
            Some(code) => {
                let text =
                    String::from_utf8_lossy(track.reveal()).replacen("=2912201", &format!("=2912{code}"), 1);
                Track2::parse(text.as_bytes()).map_err(|_| format!("`service-code={code}` cannot be read"))?
            }
            None => track,
        });
    }
    let serial = words.value("serial", bytes::<10>)?.map(|serial| serial.into_iter().collect());
    request.pin_block = words.has("pin").then(|| auth::OnlinePin { serial, ..bank::pin_block() });
    request.new_pin = words.has("new-pin").then(bank::pin_block);
    Ok(())
}
