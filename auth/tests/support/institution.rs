//! What the set-up lines of a scenario configure: links, terminals, products, rules, accounts, cards.

use crate::bank;
use crate::limits;
use crate::modes;
use crate::money;
use crate::remote;
use crate::script::Words;
use crate::values::{TRANSACTIONS, bytes, chip_rule, chosen, duration, expiry, minor};
use auth::{
    Account, AccountId, AccountKind, AccountPut, AccountTerms, Card, CardChange, CardPut, CardStatus,
    CustomerId, DeviceProof, EntryMode, FurtherAccount, IbmMethod, LedgerRules, Limits, LinkName, PinKey,
    PinKeyKind, PinMethod, PinReference, PinTriesReset, Product, ProvisionTask, Quotation, RateTable, Record,
    Rounding, ScriptCommand, Tables, TransactionType, Transfers, VerificationRules,
};
use card::{Currency, Expiry, MerchantId, Pan, Scheme, TerminalId, UtcOffset};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// The tables, and what is on file, by the names that the scenario gives.
#[derive(Default)]
pub(crate) struct Institution {
    pub(crate) tables: Tables,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) cards: BTreeMap<String, Card>,
    /// How many there are.
    limits: u16,
    rules: Vec<RuleText>,
    rates: Vec<Quotation>,
    base: Option<Currency>,
    rounding: Rounding,
    /// The terminal a request comes from when it names none, by link.
    terminals: BTreeMap<String, TerminalId>,
}

struct RuleText {
    name: String,
    when: String,
    action: String,
    code: Option<String>,
    score: Option<i64>,
    limit: Option<i64>,
    shadow: bool,
}

impl Institution {
    /// Takes a set-up line. Gives back a record where it puts something on file.
    pub(crate) fn set_up(&mut self, mut words: Words<'_>) -> Result<Option<Record>, String> {
        let record = match words.verb {
            "link" => self.link(&mut words).map(|()| None),
            "terminal" => self.terminal(&mut words).map(|()| None),
            "product" => self.product(&mut words).map(|()| None),
            "rule" => self.rule(&mut words).map(|()| None),
            "limit" => self.limit(&mut words).map(|()| None),
            "rate" => self.rate(&mut words).map(|()| None),
            "fee" => self.fee(&mut words).map(|()| None),
            "tables" => self.settings(&mut words).map(|()| None),
            "modes" => modes::rules(&mut words).map(|rules| self.tables.modes = rules).map(|()| None),
            "account" => self.store_account(&mut words).map(Some),
            "card" => self.store_card(&mut words).map(Some),
            verb => Err(format!("nothing is set up by `{verb}`")),
        }?;
        words.end()?;
        Ok(record)
    }

    pub(crate) fn pan(&self, card: &str) -> Result<Pan, String> {
        self.cards.get(card).map(|card| card.pan).ok_or_else(|| format!("no card is called `{card}`"))
    }

    pub(crate) fn account(&self, name: &str) -> Result<AccountId, String> {
        let account = self.accounts.get(name).map(|account| account.id);
        account.ok_or_else(|| format!("no account is called `{name}`"))
    }

    pub(crate) fn first_terminal(&self, link: &str) -> Result<TerminalId, String> {
        self.terminals.get(link).copied().ok_or_else(|| format!("link `{link}` has no terminal"))
    }

    pub(crate) fn rule_names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    fn link(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let name = LinkName::new(words.next("a name")?).ok_or("a bad link name")?;
        self.tables.links.insert(name, money::link(words)?);
        Ok(())
    }

    fn rate(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        self.rates.push(money::rate(words)?);
        self.tables.rates = RateTable::new(self.rates.clone(), self.base, self.rounding);
        Ok(())
    }

    /// A fee of every product so far.
    fn fee(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let fee = money::fee(words)?;
        self.tables.products.iter_mut().for_each(|product| product.fees.push(fee.clone()));
        Ok(())
    }

    /// `terminal LINK ID|BEGINNING* allows=… [merchant=] [inactive] [no-pin-key] [reads-chip] [unattended]`
    fn terminal(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let link = words.next("a link")?;
        let id = words.next("an identification")?;
        let mut terminal = bank::terminal(&words.required("allows", transactions)?);
        terminal.merchant = words.value("merchant", |text| MerchantId::new(text.as_bytes()))?;
        terminal.active = !words.has("inactive");
        terminal.reads_chip = words.has("reads-chip").then_some(true);
        terminal.attended = words.has("unattended").then_some(false);
        terminal.unreferenced_refunds = words.has("unreferenced-refunds");
        if words.has("no-pin-key") {
            terminal.pin_key = None;
        }
        if words.has("dukpt") {
            let kind = PinKeyKind::Bdk { descriptor: *b"A05" };
            terminal.pin_key = Some(PinKey { key: bank::key("bdk"), kind, format: *b"01" });
        }
        let name = LinkName::new(link).ok_or("a bad link name")?;
        let terminals = &mut self.tables.links.get_mut(&name).ok_or("no such link")?.terminals;
        if let Some(beginning) = id.strip_suffix('*') {
            terminals.prefixes.push((beginning.to_owned(), terminal));
            return Ok(());
        }
        let id = TerminalId::new(id.as_bytes()).ok_or("a bad terminal")?;
        terminals.listed.insert(id, terminal);
        self.terminals.entry(link.to_owned()).or_insert(id);
        Ok(())
    }

    /// `product NAME prefix= [scheme=] [pin=ibm|none] [no-cvk] [pin-tries=] [atc-jump=] [atc-window=]
    /// [decline-arc=] [decline-csu=] [chip-rules=FINDING:ignore|flag|CODE,…]
    /// [captures=expired,pin-tries] [purchase=EACH,DAY,COUNT] [withdrawal=EACH,DAY,COUNT] [lengths=16,19]
    /// [only=domestic,own-terminals] [currencies=EUR,USD] [entry=chip,contactless] [keyed-cash] [identify-above=]`
    fn product(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let name = words.next("a name")?;
        let prefix = words.required("prefix", |text| Some(text.to_owned()))?;
        let mut product = bank::product(name, &prefix);
        if let Some(scheme) = words.value("scheme", scheme)? {
            product.scheme = scheme;
            product.pan_lengths = scheme.lengths(&prefix).to_vec();
        }
        match words.option("pin") {
            None => {}
            Some("ibm") => product.pin = Some(PinMethod::Ibm(Arc::new(ibm()))),
            Some("none") => product.pin = None,
            Some(other) => return Err(format!("no PIN method is called `{other}`")),
        }
        let tokens = words.option("tokens").into_iter().flat_map(|text| text.split(','));
        product.token_prefixes = tokens.map(str::to_owned).collect();
        product.remote = remote::rules(words)?;
        product.rules.ecommerce_only = words.has("ecommerce-only");
        product.rules.electronic_only = words.has("electronic-only");
        if words.has("no-cvk") {
            product.cvk = None;
        }
        if let Some(tries) = words.value("pin-tries", |text| text.parse().ok())? {
            product.pin_try_limit = tries;
        }
        product.pin_tries_reset = match words.option("pin-tries-reset") {
            None => PinTriesReset::Never,
            Some("daily") => PinTriesReset::Daily,
            Some(length) => PinTriesReset::After(duration(length).ok_or("a bad duration")?),
        };
        if let Some(jump) = words.value("atc-jump", |text| text.parse().ok())? {
            product.atc_max_jump = jump;
        }
        product.decline_arc = words.option("decline-arc").and_then(|text| text.as_bytes().try_into().ok());
        product.decline_csu = words.value("decline-csu", bytes)?;
        if let Some(window) = words.value("atc-window", |text| text.parse().ok())? {
            product.atc_window = window;
        }
        for rule in words.option("chip-rules").unwrap_or_default().split(',').filter(|rule| !rule.is_empty())
        {
            let (finding, reaction) = chip_rule(rule).ok_or_else(|| format!("`{rule}` is no chip rule"))?;
            product.chip_rules = product.chip_rules.with(finding, reaction);
        }
        for kind in words.option("captures").unwrap_or_default().split(',').filter(|kind| !kind.is_empty()) {
            match kind {
                "expired" => product.capture_expired = true,
                "pin-tries" => product.capture_on_pin_tries = true,
                _ => return Err(format!("nothing is captured for `{kind}`")),
            }
        }
        if let Some(lengths) =
            words.value("lengths", |text| text.split(',').map(|one| one.parse().ok()).collect())?
        {
            product.pan_lengths = lengths;
        }
        for kind in words.option("only").unwrap_or_default().split(',').filter(|kind| !kind.is_empty()) {
            match kind {
                "domestic" => product.rules.domestic_only = true,
                "own-terminals" => product.rules.own_terminals_only = true,
                _ => return Err(format!("no product is for `{kind}` only")),
            }
        }
        product.rules.currencies = words.value("currencies", currencies)?.unwrap_or_default();
        product.rules.entry_modes = words.value("entry", entry_modes)?.unwrap_or_default();
        product.rules.keyed_cash = words.has("keyed-cash");
        product.rules.identify_above_minor = words.value("identify-above", minor)?;
        product.ledger = LedgerRules {
            cashback_up_to_minor: words.value("cashback", minor)?,
            partial_approval: words.has("partial"),
            transfers: words
                .value("transfers", |text| {
                    chosen(
                        text,
                        &[("none", Transfers::None), ("own", Transfers::Own), ("cards", Transfers::Cards)],
                    )
                })?
                .unwrap_or_default(),
            hold_period: words.value("hold", duration)?,
            hold_periods: words.value("holds", hold_periods)?.unwrap_or_default(),
            tolerance_percent: words.value("tolerance", |text| text.parse().ok())?.unwrap_or(0),
            force_post: words.has("force-post"),
        };
        product.verification = verification_rules(words)?;
        if words.has("scripts") {
            product.scripts.keys = vec![(1, bank::key("mk-smi"))];
        }
        if let Some(sends) = words.value("script-sends", |text| text.parse().ok())? {
            product.scripts.most_sends = sends;
        }
        let purchase = words.value("purchase", short_form)?.unwrap_or_default();
        let withdrawal = words.value("withdrawal", short_form)?.unwrap_or_default();
        product.limits = purchase.of(TransactionType::Purchase).collect();
        product.limits.extend(withdrawal.of(TransactionType::Withdrawal));
        let products: &mut Vec<Product> = &mut self.tables.products;
        products.retain(|earlier| earlier.name != name);
        products.push(product);
        Ok(())
    }

    /// `limit NAME SCOPE WINDOW …`, of every product so far.
    fn limit(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        self.limits += 1;
        let (limit, stand_in) = limits::limit(words, self.limits)?;
        for product in &mut self.tables.products {
            let limits = if stand_in { &mut product.stand_in_limits } else { &mut product.limits };
            limits.retain(|earlier: &auth::Limit| earlier.id != limit.id);
            limits.push(limit.clone());
        }
        Ok(())
    }

    /// `rule NAME flag|refer|decline|capture|score|limit [code=] [score=] [limit=] [shadow] when CONDITION`
    fn rule(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        self.rules.push(RuleText {
            name: words.next("a name")?.to_owned(),
            action: words.next("an action")?.to_owned(),
            code: words.option("code").map(str::to_owned),
            score: words.value("score", |text| text.parse().ok())?,
            limit: words.value("limit", minor)?,
            shadow: words.has("shadow"),
            when: words.condition.ok_or("when?")?.to_owned(),
        });
        let sources: Vec<rules::RuleSource<'_>> = self
            .rules
            .iter()
            .map(|rule| rules::RuleSource {
                name: &rule.name,
                when: &rule.when,
                action: &rule.action,
                code: rule.code.as_deref(),
                score: rule.score,
                limit: rule.limit,
                mode: rule.shadow.then_some("shadow"),
            })
            .collect();
        self.tables.rules = rules::Program::compile(&sources).map_err(|errors| format!("{errors:?}"))?;
        Ok(())
    }

    /// `tables [hsm-deadline=] [hold=] [business-day=OFFSET]`
    fn settings(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        if let Some(deadline) = words.value("hsm-deadline", duration)? {
            self.tables.hsm_deadline = deadline;
        }
        if let Some(hold) = words.value("hold", duration)? {
            self.tables.hold_period = hold;
        }
        if let Some(offset) = words.value("business-day", UtcOffset::parse)? {
            self.tables.business_offset = offset;
        }
        if let Some(country) = words.value("country", |text| text.parse().ok())? {
            self.tables.country = country;
        }
        self.base = words.value("base", money::currency)?.or(self.base);
        if words.has("round-up") {
            self.rounding = Rounding::Up;
        }
        self.tables.rates = RateTable::new(self.rates.clone(), self.base, self.rounding);
        if let Some(shards) = words.value("shards", |text| text.parse().ok())? {
            self.tables.shards = shards;
        }
        Ok(())
    }

    /// `account NAME BALANCE [currency=] [kind=] [credit-line=]`
    fn store_account(&mut self, words: &mut Words<'_>) -> Result<Record, String> {
        let name = words.next("a name")?;
        let opening = words.next("a balance")?;
        let account = Account {
            id: AccountId::new(name).ok_or("a bad account")?,
            currency: words
                .value("currency", |text| Currency::parse(text).ok())?
                .unwrap_or_else(|| Currency::parse("EUR").expect("ISO 4217")),
            kind: words.value("kind", account_kind)?.unwrap_or_default(),
            opening_minor: minor(opening).ok_or("a bad balance")?,
            credit_line_minor: words.value("credit-line", minor)?.unwrap_or(0),
            customer: words.value("customer", CustomerId::new)?,
            home: words.value("home", AccountId::new)?.map(Box::new),
            customer_home: None,
        };
        self.accounts.insert(name.to_owned(), account.clone());
        Ok(Record::AccountStored(account))
    }

    /// `card NAME PAN account= [expiry=] [start=] [status=] [pin=none|ibm|changed]`
    fn store_card(&mut self, words: &mut Words<'_>) -> Result<Record, String> {
        let name = words.next("a name")?;
        let digits = words.next("a number")?;
        let pvv = |pvv: &[u8; 4]| Some(PinReference::Pvv { pvki: 1, pvv: *pvv });
        let card = Card {
            pan: Pan::parse(digits.as_bytes()).map_err(|error| error.to_string())?,
            expiry: words
                .value("expiry", expiry)?
                .unwrap_or_else(|| Expiry::parse_yymm(bank::EXPIRY).expect("a month")),
            start: words.value("start", expiry)?,
            status: words.value("status", CardStatus::parse)?.unwrap_or(CardStatus::Active),
            card_sequence: Some(1),
            account: words.required("account", AccountId::new)?,
            pin: match words.option("pin") {
                None => pvv(b"4321"),
                Some("changed") => pvv(b"8765"),
                Some("ibm") => Some(PinReference::IbmOffset { offset: *b"1234FFFFFFFF" }),
                Some("none") => None,
                Some(other) => return Err(format!("no PIN reference is called `{other}`")),
            },
            further: words.value("further", account_names)?.unwrap_or_default(),
        };
        self.cards.insert(name.to_owned(), card.clone());
        Ok(Record::CardStored(card))
    }
}

/// What changes on file while the core runs. A name that is new to the scenario stays in it, so that the
/// books are checked and later events find it.
impl Institution {
    /// `put NAME [PAN] [account=] [expiry=] [start=] [status=] [balance=] [currency=] [update] [check]`,
    /// `put-account NAME [balance=] …`, `remove NAME [with-account] [check]`, `remove-account NAME`, `show NAME`
    pub(crate) fn provision(&mut self, words: &mut Words<'_>) -> Result<ProvisionTask, String> {
        let name = words.next("a name")?.to_owned();
        let check = words.has("check");
        let change = match words.verb {
            "show" => return Ok(ProvisionTask::Show(self.pan(&name)?)),
            "remove" => {
                let (pan, with_account) = (self.pan(&name)?, words.has("with-account"));
                CardChange::RemoveCard { pan, with_account }
            }
            "remove-account" => CardChange::RemoveAccount(AccountId::new(&name).ok_or("a bad account")?),
            "put-account" => CardChange::PutAccount(AccountPut {
                account: AccountId::new(&name).ok_or("a bad account")?,
                terms: terms(words)?,
                update: words.has("update"),
            }),
            _ => CardChange::Put(Box::new(self.card_put(&name, words)?)),
        };
        let changes = vec![change];
        Ok(if check { ProvisionTask::Check(changes) } else { ProvisionTask::Apply(changes) })
    }

    /// `script NAME block-application|unblock-application|block-card|unblock-pin|put-data [tag= value=]`,
    /// `cancel-script NAME NUMBER`
    pub(crate) fn script(&mut self, words: &mut Words<'_>) -> Result<ProvisionTask, String> {
        let pan = self.pan(words.next("a card")?)?;
        if words.verb == "cancel-script" {
            let number = words.next("a number")?.parse().map_err(|_| "not a number")?;
            return Ok(ProvisionTask::CancelScript { pan, number });
        }
        let command = match words.next("a command")? {
            "block-application" => ScriptCommand::BlockApplication,
            "unblock-application" => ScriptCommand::UnblockApplication,
            "block-card" => ScriptCommand::BlockCard,
            "unblock-pin" => ScriptCommand::UnblockPin,
            "put-data" => ScriptCommand::PutData {
                tag: words.required("tag", |text| u16::from_str_radix(text, 16).ok())?,
                value: words.required("value", bytes::<1>)?.into_iter().collect(),
            },
            other => return Err(format!("no script is called `{other}`")),
        };
        Ok(ProvisionTask::QueueScript { pan, command })
    }

    fn card_put(&mut self, name: &str, words: &mut Words<'_>) -> Result<CardPut, String> {
        let pan = match self.pan(name) {
            Ok(pan) => pan,
            Err(_) => Pan::parse(words.next("a number")?.as_bytes()).map_err(|error| error.to_string())?,
        };
        let put = CardPut {
            pan,
            expiry: words.value("expiry", expiry)?,
            start: words.value("start", expiry)?,
            status: words.value("status", CardStatus::parse)?,
            card_sequence: None,
            pin: None,
            account: words.value("account", AccountId::new)?,
            terms: terms(words)?,
            further: words.value("further", further_accounts)?,
            update: words.has("update"),
        };
        if let (Some(account), false) = (put.account, self.cards.contains_key(name)) {
            let end = Expiry::parse_yymm(bank::EXPIRY).expect("a month");
            let card = Card {
                pan,
                expiry: put.expiry.unwrap_or(end),
                start: None,
                status: CardStatus::Active,
                card_sequence: None,
                account,
                pin: None,
                further: Box::default(),
            };
            self.cards.insert(name.to_owned(), card);
        }
        Ok(put)
    }
}

fn terms(words: &mut Words<'_>) -> Result<AccountTerms, String> {
    Ok(AccountTerms {
        currency: words.value("currency", |text| Currency::parse(text).ok())?,
        kind: words.value("kind", account_kind)?,
        balance_minor: words.value("balance", minor)?,
        credit_line_minor: words.value("credit-line", minor)?,
        customer: words.value("customer", CustomerId::new)?,
        home: words.value("home", AccountId::new)?,
    })
}

/// `s1,c1`
fn account_names(text: &str) -> Option<Box<[AccountId]>> {
    text.split(',').map(AccountId::new).collect()
}

/// `savings:s1,credit:c1`; `-` is none.
fn further_accounts(text: &str) -> Option<Vec<FurtherAccount>> {
    let account = |text: &str| {
        let (kind, id) = text.split_once(':')?;
        Some(FurtherAccount { id: AccountId::new(id)?, kind: account_kind(kind)?, opened_beside: None })
    };
    if text == "-" { Some(Vec::new()) } else { text.split(',').map(account).collect() }
}

fn ibm() -> IbmMethod {
    IbmMethod {
        pvk: bank::key("pvk"),
        decimalisation_table: *b"0123456789012345",
        validation: *b"1234567N0000",
        check_length: 4,
    }
}

/// `purchase,refund`; `all` is every one.
fn transactions(text: &str) -> Option<Vec<TransactionType>> {
    if text == "all" {
        return Some(TransactionType::SERVED.to_vec());
    }
    text.split(',').map(|word| chosen(word, &TRANSACTIONS)).collect()
}

/// `7011:30d,5541:2h`
fn hold_periods(text: &str) -> Option<Vec<(RangeInclusive<u16>, Duration)>> {
    let one = |text: &str| {
        let (mcc, period) = text.split_once(':')?;
        let mcc = mcc.parse().ok()?;
        Some((mcc..=mcc, duration(period)?))
    };
    text.split(',').map(one).collect()
}

/// `[contactless-rules=EACH,TOTAL,COUNT] [unattended-limit=] [no-signature] [device=claimed|never]`
fn verification_rules(words: &mut Words<'_>) -> Result<VerificationRules, String> {
    let contactless = words.value("contactless-rules", short_form)?.unwrap_or_default();
    Ok(VerificationRules {
        contactless_limit_minor: contactless.per_transaction_minor,
        contactless_total_minor: contactless.daily_minor,
        contactless_count: contactless.daily_count,
        unattended_limit_minor: words.value("unattended-limit", minor)?,
        signature: !words.has("no-signature"),
        device: match words.option("device") {
            None => DeviceProof::Proven,
            Some("claimed") => DeviceProof::Claimed,
            Some("never") => DeviceProof::Never,
            Some(other) => return Err(format!("a device is not believed `{other}`")),
        },
    })
}

fn currencies(text: &str) -> Option<Vec<u16>> {
    text.split(',').map(|code| Currency::parse(code).ok().map(Currency::numeric)).collect()
}

fn entry_modes(text: &str) -> Option<Vec<EntryMode>> {
    text.split(',').map(|word| EntryMode::ALL.into_iter().find(|mode| mode.as_str() == word)).collect()
}

fn scheme(text: &str) -> Option<Scheme> {
    Scheme::ALL.into_iter().find(|scheme| scheme.as_str() == text)
}

fn account_kind(text: &str) -> Option<AccountKind> {
    match text {
        "savings" => Some(AccountKind::Savings),
        "cheque" => Some(AccountKind::Cheque),
        "credit" => Some(AccountKind::Credit),
        _ => None,
    }
}

/// `50.00,100.00,3`: of each, of the day, number of the day; `-` is no limit.
fn short_form(text: &str) -> Option<Limits> {
    let amount = |text: &str| if text == "-" { Some(None) } else { minor(text).map(Some) };
    let [each, day, count] = text.split(',').collect::<Vec<_>>().try_into().ok()?;
    Some(Limits {
        per_transaction_minor: amount(each)?,
        daily_minor: amount(day)?,
        daily_count: if count == "-" { None } else { Some(count.parse().ok()?) },
    })
}
