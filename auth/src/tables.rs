use crate::chip_rules::ChipRules;
use crate::ledger_rules::LedgerRules;
use crate::limit::Limit;
use crate::mode_rules::ModeRules;
use crate::names::LinkName;
use crate::pin_tries::PinTriesReset;
use crate::product_rules::ProductRules;
use crate::rate::RateTable;
use crate::remote::RemoteRules;
use crate::request::TransactionType;
use crate::script::ScriptRules;
use crate::tariff::Fee;
use crate::verification::VerificationRules;
use card::{Currency, MerchantId, Pan, ResponseCode, Scheme, TerminalId, UtcOffset};
use hashbrown::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Immutable configuration. A change is a new value, sent to every shard as an input; each record
/// names the version it was decided under.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Counts configurations of this process, from 1.
    pub version: u32,
    /// Where the business day begins.
    pub business_offset: UtcOffset,
    /// Our country (ISO 3166 number), 0 where it is not said.
    pub country: u16,
    /// Shards of the process, which share limits that are not of a card or an account.
    pub shards: u32,
    /// Acquiring links by name.
    pub links: HashMap<LinkName, Link>,
    /// Our card products. The longest matching prefix decides.
    pub products: Vec<Product>,
    /// Policy rules.
    pub rules: rules::Program,
    /// Rates of exchange.
    pub rates: RateTable,
    /// How long a request waits for the HSM before it is answered 96.
    pub hsm_deadline: Duration,
    /// How long an authorization holds money that nobody completes.
    pub hold_period: Duration,
    /// What holds for modes of cards.
    pub modes: ModeRules,
}

/// An acquiring link: a listener for terminals, hosts or ATMs.
#[derive(Clone, Debug)]
pub struct Link {
    /// Which terminals may speak through it.
    pub terminals: TerminalSet,
    /// Key of its PIN blocks where the terminal has none of its own.
    pub pin_key: Option<PinKey>,
    /// Whether its terminals are our own, and not another acquirer's.
    pub own: bool,
    /// Currency in which it is owed what its transactions take; that of each transaction when `None`.
    pub settlement: Option<Currency>,
    /// Whether DE 28 comes on top of DE 4, and is not part of it.
    pub surcharge_on_top: bool,
    /// How far its billing and settlement amounts (DE 6, DE 5) may be from our own, basis points; `None` where they
    /// are not believed at all.
    pub amount_tolerance: Option<u32>,
    /// The answer to who should have been verified and was not: 65, or 1A where the network has it.
    pub verification_wanted: ResponseCode,
}

impl Link {
    /// A link that settles in the currency of each transaction, whose amounts beside DE 4 are not believed.
    #[must_use]
    pub fn plain(terminals: TerminalSet, pin_key: Option<PinKey>, own: bool) -> Link {
        Link {
            terminals,
            pin_key,
            own,
            settlement: None,
            surcharge_on_top: false,
            amount_tolerance: None,
            verification_wanted: ResponseCode::OVER_COUNT_LIMIT,
        }
    }
}

/// The terminals of a link.
#[derive(Clone, Debug, Default)]
pub struct TerminalSet {
    /// By their identification.
    pub listed: HashMap<TerminalId, Terminal>,
    /// By the beginning of their identification; the longest match decides. An empty beginning
    /// matches any terminal, as on a link from a host that knows its own.
    pub prefixes: Vec<(String, Terminal)>,
}

/// What is known of a terminal.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Whether it may work at all.
    pub active: bool,
    /// Transaction types it may ask for.
    pub allowed: Vec<TransactionType>,
    /// The merchant it must name, when set.
    pub merchant: Option<MerchantId>,
    /// Key of its PIN blocks.
    pub pin_key: Option<PinKey>,
    /// Whether it reads chips, where its messages do not say.
    pub reads_chip: Option<bool>,
    /// Whether somebody attends it, where its messages do not say.
    pub attended: Option<bool>,
    /// Whether it may give refunds that name no purchase of ours.
    pub unreferenced_refunds: bool,
}

/// The key a PIN block arrives under.
#[derive(Clone, Debug)]
pub struct PinKey {
    /// The key.
    pub key: Arc<Key>,
    /// Terminal or zone key: the HSM has a command for each.
    pub kind: PinKeyKind,
    /// payShield PIN block format code: 01 for ISO 9564-1 format 0, 05 for format 1, 47 for format 3, 48 for
    /// format 4.
    pub format: [u8; 2],
}

/// Kind of PIN key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinKeyKind {
    /// Terminal PIN key.
    Tpk,
    /// Zone PIN key.
    Zpk,
    /// Base derivation key of DUKPT: each block comes under a key of its own, whose serial number the message
    /// has.
    Bdk {
        /// How many digits of the serial number are key set, sub-key and device, as payShield commands want it:
        /// `A05`.
        descriptor: [u8; 3],
    },
}

impl PinKeyKind {
    pub(crate) fn is_dukpt(self) -> bool {
        matches!(self, PinKeyKind::Bdk { .. })
    }
}

/// A key as the switch holds it: its cryptogram under the LMK. The clear key exists only inside the
/// HSM. `Debug` shows the name.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Name in the configuration.
    pub name: String,
    /// Scheme letter and hexadecimal digits, as HSM commands carry it.
    pub cryptogram: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.name)
    }
}

/// A card product: ranges of PANs with the keys, methods and limits that they share.
#[derive(Clone, Debug)]
pub struct Product {
    /// Name in the configuration.
    pub name: String,
    /// Beginnings of its PANs, up to 11 digits each.
    pub prefixes: Vec<String>,
    /// Beginnings of the numbers of its tokens, likewise.
    pub token_prefixes: Vec<String>,
    /// Whose chip rules apply.
    pub scheme: Scheme,
    /// How many digits its PANs may have.
    pub pan_lengths: Vec<u8>,
    /// Where and how its cards may be used.
    pub rules: ProductRules,
    /// Card verification key pair.
    pub cvk: Option<Arc<Key>>,
    /// Where the CVV stands in the discretionary data of track 2, from 0. Visa's usual place is 5,
    /// after PVKI and PVV; other issuers choose otherwise.
    pub cvv_position: usize,
    /// How PINs are verified.
    pub pin: Option<PinMethod>,
    /// Issuer master keys for application cryptograms, by derivation key index of the IAD.
    pub issuer_master_keys: Vec<(u8, Arc<Key>)>,
    /// ARC inside an approving ARPC, method 1. Which bytes is decided by the card's personalization:
    /// Visa uses the two ASCII characters of DE 39.
    pub approve_arc: [u8; 2],
    /// CSU inside an approving ARPC, method 2 (EMV Book 3, annex C10).
    pub approve_csu: [u8; 4],
    /// The same for a decline; `None` leaves a decline without ARPC.
    pub decline_arc: Option<[u8; 2]>,
    /// The same for a decline; `None` leaves a decline without ARPC.
    pub decline_csu: Option<[u8; 4]>,
    /// Wrong PINs that lock PIN use.
    pub pin_try_limit: u8,
    /// What lets their count begin anew.
    pub pin_tries_reset: PinTriesReset,
    /// Whether the terminal keeps a card whose PIN tries are used up (38 instead of 75).
    pub capture_on_pin_tries: bool,
    /// Whether the terminal keeps an expired card (33 instead of 54).
    pub capture_expired: bool,
    /// How far the ATC may jump above the last one accepted.
    pub atc_max_jump: u16,
    /// How far behind the highest ATC a late one may be, up to [`ATC_WINDOW`](crate::limits::ATC_WINDOW);
    /// each is taken once. 0: every ATC must be above the last.
    pub atc_window: u16,
    /// What is done about what chip and terminal tell.
    pub chip_rules: ChipRules,
    /// What it asks of purchases without the card.
    pub remote: RemoteRules,
    /// How commands for its chips are made.
    pub scripts: ScriptRules,
    /// What is allowed without a verification of the cardholder.
    pub verification: VerificationRules,
    /// What its transactions are held against, at most [`LIMITS`](crate::limits::LIMITS).
    pub limits: Vec<Limit>,
    /// The same for when the issuer is silent and we decide in its place. Nothing else uses them.
    pub stand_in_limits: Vec<Limit>,
    /// Its fees; the first that matches is taken.
    pub fees: Vec<Fee>,
    /// What it allows beyond plain purchases, and how long it holds money.
    pub ledger: LedgerRules,
}

/// How PINs of a product are verified.
#[derive(Clone, Debug)]
pub enum PinMethod {
    /// Visa PVV under this PIN verification key pair.
    Pvv(Arc<Key>),
    /// IBM 3624 with offset.
    Ibm(Arc<IbmMethod>),
}

/// Parameters of IBM 3624.
#[derive(Clone, Debug)]
pub struct IbmMethod {
    /// PIN verification key.
    pub pvk: Arc<Key>,
    /// 16 digits that the hexadecimal digits 0 to F become.
    pub decimalisation_table: [u8; 16],
    /// 12 characters; `N` marks where the last five digits of the account number go.
    pub validation: [u8; 12],
    /// How many PIN digits are checked.
    pub check_length: u8,
}

impl Default for Tables {
    fn default() -> Tables {
        Tables {
            version: 1,
            business_offset: UtcOffset::default(),
            country: 0,
            shards: 1,
            links: HashMap::new(),
            products: Vec::new(),
            rules: rules::Program::default(),
            rates: RateTable::default(),
            hsm_deadline: Duration::from_secs(2),
            hold_period: Duration::from_hours(7 * 24),
            modes: ModeRules::default(),
        }
    }
}

impl Tables {
    /// The product whose prefix matches longest.
    #[must_use]
    pub fn product(&self, pan: &Pan) -> Option<&Product> {
        let mut best: Option<(usize, &Product)> = None;
        for product in &self.products {
            for prefix in &product.prefixes {
                // Of two as long, the later product has it, as ever.
                if best.is_none_or(|(length, _)| length <= prefix.len()) && pan.starts_with(prefix) {
                    best = Some((prefix.len(), product));
                }
            }
        }
        best.map(|(_, product)| product)
    }
}

impl Tables {
    /// Whether the number is in a range of tokens, and in none of cards that says more.
    pub(crate) fn issues_token(&self, pan: &Pan) -> bool {
        // Most have none, and then no number is looked at.
        if self.products.iter().all(|product| product.token_prefixes.is_empty()) {
            return false;
        }
        let token = self.products.iter().filter_map(|product| longest(&product.token_prefixes, pan)).max();
        let card = || self.products.iter().filter_map(|product| longest(&product.prefixes, pan)).max();
        token.is_some() && token > card()
    }
}

/// Length of the longest of them that the number begins with.
fn longest(prefixes: &[String], pan: &Pan) -> Option<usize> {
    prefixes.iter().filter(|prefix| pan.starts_with(prefix)).map(String::len).max()
}

impl TerminalSet {
    /// The terminal of this identification.
    #[must_use]
    pub fn find(&self, id: &TerminalId) -> Option<&Terminal> {
        if let Some(terminal) = self.listed.get(id) {
            return Some(terminal);
        }
        let begins = |prefix: &str| id.as_bytes().starts_with(prefix.as_bytes());
        let matching = self.prefixes.iter().filter(|(prefix, _)| begins(prefix));
        matching.max_by_key(|(prefix, _)| prefix.len()).map(|(_, terminal)| terminal)
    }
}

impl Product {
    /// Currency-independent part of a product for tests and simple setups: no keys, no limits.
    #[must_use]
    pub fn plain(name: &str, prefixes: Vec<String>, scheme: Scheme) -> Product {
        let lengths = prefixes.iter().flat_map(|prefix| scheme.lengths(prefix));
        Product {
            name: name.to_owned(),
            pan_lengths: lengths.copied().collect(),
            prefixes,
            token_prefixes: Vec::new(),
            scheme,
            rules: ProductRules::default(),
            cvk: None,
            cvv_position: 5,
            pin: None,
            issuer_master_keys: Vec::new(),
            approve_arc: *b"00",
            approve_csu: [0x00, 0x82, 0x00, 0x00],
            decline_arc: None,
            decline_csu: None,
            pin_try_limit: 3,
            pin_tries_reset: PinTriesReset::Never,
            capture_on_pin_tries: false,
            capture_expired: false,
            atc_max_jump: 1000,
            atc_window: 0,
            chip_rules: ChipRules::default(),
            remote: RemoteRules::default(),
            scripts: ScriptRules::default(),
            verification: VerificationRules::default(),
            limits: Vec::new(),
            stand_in_limits: Vec::new(),
            fees: Vec::new(),
            ledger: LedgerRules::default(),
        }
    }
}
