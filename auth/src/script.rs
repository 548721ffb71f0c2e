//! Commands of the issuer for a chip: queued with the card, sent in the answer to its next transactions under a
//! MAC that the HSM makes, and repeated until the card's own results tell that it was carried out.

use crate::chip;
use crate::core::Core;
use crate::effect::Effect;
use crate::limits::SCRIPTS;
use crate::names::TransactionId;
use crate::recipe::{CryptogramKeys, IadLayout, Recipe};
use crate::record::Record;
use crate::request::{Chip, Request};
use crate::state::CardFile;
use crate::tables::{Key, Product};
use arrayvec::ArrayVec;
use card::{Pan, Scheme, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What a card can be told to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScriptCommand {
    /// The payment application blocks itself (EMV Book 3, 6.5.1: `84 1E`).
    BlockApplication,
    /// It is of use again (6.5.2: `84 18`).
    UnblockApplication,
    /// All of the card blocks itself, for good (6.5.3: `84 16`).
    BlockCard,
    /// The card's own PIN may be tried again (6.5.10: `84 24`, P2 00).
    UnblockPin,
    /// The card puts this value under this tag (`04 DA`): counters and limits of offline use.
    PutData {
        /// The tag, two bytes.
        tag: u16,
        /// The value.
        value: ArrayVec<u8, 16>,
    },
    /// A command of the caller's own.
    Command {
        /// CLA, INS, P1 and P2.
        header: [u8; 4],
        /// Its data without the MAC.
        data: ArrayVec<u8, 24>,
    },
}

/// One command on its way to a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedScript {
    /// Its number, unique to the card: tag 9F18.
    pub number: u32,
    /// What the card is to do.
    pub command: ScriptCommand,
    /// When it was queued.
    pub queued: Time,
    /// How it was sent, if it was.
    pub sent: Option<SentScript>,
    /// It was sent as often as the product allows, and the card never told of it. It stays in the list until
    /// somebody takes it away.
    pub given_up: bool,
}

/// How a script was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentScript {
    /// When, last.
    pub time: Time,
    /// Counter of the transaction that it was sent with, last.
    pub atc: u16,
    /// How often.
    pub times: u8,
    /// The card has told that it did not carry it out.
    pub refused: bool,
}

/// Scripts of a card, oldest first; they go one by one, so that their order holds.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scripts {
    /// Number of the newest that there ever was.
    pub(crate) last: u32,
    /// Those that are not done.
    pub(crate) open: Vec<QueuedScript>,
}

/// A script as it goes to the card: template 71 or 72 with tag 9F18 and tag 86.
pub type IssuerScript = ArrayVec<u8, 64>;

/// A script was queued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptQueued {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// Its number.
    pub number: u32,
    /// What the card is to do.
    pub command: ScriptCommand,
}

/// A script went out with an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptSent {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// Its number.
    pub number: u32,
    /// The transaction that was answered.
    pub transaction: TransactionId,
    /// Its counter.
    pub atc: u16,
    /// What was sent; a repeat of the request gets the same.
    pub template: IssuerScript,
}

/// What became of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptConfirmed {
    /// The card.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// Its number.
    pub number: u32,
    /// How it stands.
    pub outcome: ScriptOutcome,
}

/// How a script stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptOutcome {
    /// The card has carried it out.
    Done,
    /// The card has not carried it out; it is sent again.
    Refused,
    /// Sent as often as the product allows.
    GivenUp,
    /// Somebody took it off the list.
    Cancelled,
}

/// How the key of a script's MAC comes from the card's master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptKeys {
    /// Visa's, from the transaction counter (payShield KU, scheme 0).
    Visa,
    /// Mastercard's, from the cryptogram of the request (KU, scheme 1).
    Mastercard,
    /// The common session key of EMV, from the cryptogram of the request (KU, scheme 5).
    Common,
    /// UnionPay's, from the transaction counter (JU).
    UnionPay,
}

/// Make the MAC of a script (payShield KU, JU).
#[derive(Clone, Debug)]
pub struct ScriptMac {
    /// Which keys and methods apply.
    pub keys: ScriptKeys,
    /// Issuer master key for secure messaging with integrity.
    pub issuer_master_key: Arc<Key>,
    /// The card.
    pub pan: Pan,
    /// PAN sequence number; 0 when the card has none.
    pub card_sequence: u8,
    /// 9F36 of the request.
    pub atc: u16,
    /// 9F26 of the request.
    pub cryptogram: [u8; 8],
    /// What the MAC covers: the command's header and length, counter, cryptogram, data.
    pub message: ArrayVec<u8, 64>,
}

/// How the scripts of a product are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRules {
    /// Issuer master keys for secure messaging with integrity, by derivation key index of the IAD.
    pub keys: Vec<(u8, Arc<Key>)>,
    /// How often a script is sent before it is given up.
    pub most_sends: u8,
    /// Bytes of the MAC that are sent, 4 to 8.
    pub mac_length: u8,
    /// Whether the card carries it out before its second cryptogram (template 71) or after it (72).
    pub before_second_cryptogram: bool,
}

/// Why a script cannot be queued or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptRefusal {
    /// The card is not on file.
    NotOnFile,
    /// Its product has no keys for scripts.
    NoKeys,
    /// So many wait already.
    Full,
    /// It has no script of this number.
    NoSuchScript,
}

impl Default for ScriptRules {
    fn default() -> ScriptRules {
        ScriptRules { keys: Vec::new(), most_sends: 3, mac_length: 8, before_second_cryptogram: false }
    }
}

impl ScriptCommand {
    /// The word used in the command and in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            ScriptCommand::BlockApplication => "block-application",
            ScriptCommand::UnblockApplication => "unblock-application",
            ScriptCommand::BlockCard => "block-card",
            ScriptCommand::UnblockPin => "unblock-pin",
            ScriptCommand::PutData { .. } => "put-data",
            ScriptCommand::Command { .. } => "command",
        }
    }

    fn header(&self) -> [u8; 4] {
        match self {
            ScriptCommand::BlockApplication => [0x84, 0x1E, 0, 0],
            ScriptCommand::UnblockApplication => [0x84, 0x18, 0, 0],
            ScriptCommand::BlockCard => [0x84, 0x16, 0, 0],
            ScriptCommand::UnblockPin => [0x84, 0x24, 0, 0],
            ScriptCommand::PutData { tag, .. } => {
                let [high, low] = tag.to_be_bytes();
                [0x04, 0xDA, high, low]
            }
            ScriptCommand::Command { header, .. } => *header,
        }
    }

    fn data(&self) -> &[u8] {
        match self {
            ScriptCommand::PutData { value, .. } => value,
            ScriptCommand::Command { data, .. } => data,
            _ => &[],
        }
    }

    /// CLA, INS, P1, P2 and the length of data and MAC.
    fn begin<const N: usize>(&self, mac_length: u8) -> ArrayVec<u8, N> {
        let mut bytes: ArrayVec<u8, N> = self.header().into_iter().collect();
        bytes.push(self.data().len() as u8 + mac_length);
        bytes
    }

    fn message(&self, mac_length: u8, atc: u16, cryptogram: [u8; 8]) -> ArrayVec<u8, 64> {
        let mut bytes = self.begin(mac_length);
        for part in [&atc.to_be_bytes()[..], &cryptogram, self.data()] {
            bytes.try_extend_from_slice(part).expect("5, 2, 8 and at most 24 bytes");
        }
        bytes
    }
}

impl QueuedScript {
    /// The script with its MAC, as the card gets it.
    pub(crate) fn template(&self, rules: &ScriptRules, mac: [u8; 8]) -> IssuerScript {
        let mac = &mac[..usize::from(rules.mac_length).min(mac.len())];
        let mut command: ArrayVec<u8, 40> = self.command.begin(mac.len() as u8);
        for part in [self.command.data(), mac] {
            command.try_extend_from_slice(part).expect("5, at most 24 and 8 bytes");
        }
        let mut objects = ArrayVec::<u8, 64>::new();
        let tag = if rules.before_second_cryptogram { 0x71 } else { 0x72 };
        let length = 7 + 2 + command.len() as u8;
        let number = self.number.to_be_bytes();
        for part in [&[tag, length, 0x9F, 0x18, 4][..], &number, &[0x86, command.len() as u8], &command] {
            objects.try_extend_from_slice(part).expect("11 and at most 37 bytes");
        }
        objects
    }
}

impl Scripts {
    /// The one that goes next.
    pub(crate) fn next(&self) -> Option<&QueuedScript> {
        self.open.iter().find(|script| !script.given_up)
    }

    pub(crate) fn queue(&mut self, queued: &ScriptQueued) {
        self.last = self.last.max(queued.number);
        self.open.push(QueuedScript {
            number: queued.number,
            command: queued.command.clone(),
            queued: queued.time,
            sent: None,
            given_up: false,
        });
    }

    pub(crate) fn sent(&mut self, sent: &ScriptSent) {
        if let Some(script) = self.open.iter_mut().find(|script| script.number == sent.number) {
            let times = script.sent.map_or(0, |sent| sent.times).saturating_add(1);
            script.sent = Some(SentScript { time: sent.time, atc: sent.atc, times, refused: false });
        }
    }

    pub(crate) fn confirmed(&mut self, confirmed: &ScriptConfirmed) {
        match confirmed.outcome {
            ScriptOutcome::Done | ScriptOutcome::Cancelled => {
                self.open.retain(|script| script.number != confirmed.number);
            }
            ScriptOutcome::Refused => self.change(confirmed.number, |script| {
                script.sent = script.sent.map(|sent| SentScript { refused: true, ..sent });
            }),
            ScriptOutcome::GivenUp => self.change(confirmed.number, |script| script.given_up = true),
        }
    }

    fn change(&mut self, number: u32, change: impl FnOnce(&mut QueuedScript)) {
        if let Some(script) = self.open.iter_mut().find(|script| script.number == number) {
            change(script);
        }
    }
}

/// What the HSM needs to know for the next script of this card; `None` when there is none to send.
pub(crate) fn next(
    product: &Product,
    file: &CardFile,
    request: &Request,
    chip: &Chip,
) -> Option<(u32, ScriptMac)> {
    // They are for the card's own chip, not for the device of a token.
    let script = file.seldom().scripts.as_deref().filter(|_| request.token.is_none())?.next()?;
    let version = Recipe::find(product.scheme, &chip.issuer_application_data)?;
    let keys = version.recipe.script_keys();
    // The command has room for eight bytes of PAN and sequence number, which is option A.
    let option_b = version.recipe.keys == CryptogramKeys::CommonSessionOptionB && request.pan.len() > 16;
    if option_b {
        return None;
    }
    let keys_of = &product.scripts.keys;
    let (_, key) = keys_of.iter().find(|(index, _)| *index == version.derivation_key_index)?;
    let mac = ScriptMac {
        keys,
        issuer_master_key: Arc::clone(key),
        pan: request.pan,
        card_sequence: chip::card_sequence(file, request),
        atc: chip.atc,
        cryptogram: chip.cryptogram,
        message: script.command.message(product.scripts.mac_length, chip.atc, chip.cryptogram),
    };
    Some((script.number, mac))
}

/// Hears what the card tells of the script that was sent last. Only a right cryptogram may bring that word.
pub(crate) fn hear(core: &mut Core, now: Time, request: &Request, effects: &mut Vec<Effect>) {
    let Some(chip) = request.chip.as_deref().filter(|_| request.token.is_none()) else { return };
    let Some(file) = core.state.card(&request.pan) else { return };
    let Some(script) = file.seldom().scripts.as_deref().and_then(Scripts::next) else { return };
    let Some(sent) = script.sent else { return };
    let Some(product) = core.tables.product(&request.pan) else { return };
    let version = Recipe::find(product.scheme, &chip.issuer_application_data);
    let told = told(version.map(|version| version.recipe.layout), chip, sent.atc, script.number);
    let (number, given_up) = (script.number, sent.times >= product.scripts.most_sends);
    let mut confirm = |outcome| {
        let confirmed = ScriptConfirmed { pan: request.pan, time: now, number, outcome };
        core.commit(Record::ScriptConfirmed(confirmed), effects);
    };
    match told {
        Some(true) => return confirm(ScriptOutcome::Done),
        Some(false) if !sent.refused => confirm(ScriptOutcome::Refused),
        _ => {}
    }
    if given_up && chip.atc > sent.atc {
        confirm(ScriptOutcome::GivenUp);
    }
}

/// Whether the card has carried the script out. The CVR of a later transaction is signed; script results (9F5B)
/// are not, but come with the same one already.
fn told(layout: Option<IadLayout>, chip: &Chip, sent_atc: u16, number: u32) -> Option<bool> {
    if chip.atc > sent_atc
        && let Some(told) = layout.and_then(|layout| layout.script_told(&chip.issuer_application_data))
    {
        return Some(told);
    }
    if chip.atc < sent_atc {
        return None;
    }
    // EMV Book 4, annex A5: result in the upper half byte of the first byte, then the script's identifier.
    let (results, _) = chip.script_results.as_slice().as_chunks::<5>();
    let of_script = results.iter().find(|result| result[1..] == number.to_be_bytes())?;
    match of_script[0] >> 4 {
        2 => Some(true),
        1 => Some(false),
        _ => None,
    }
}

impl Recipe {
    fn script_keys(&self) -> ScriptKeys {
        match (self.scheme, self.layout) {
            (Scheme::Visa, IadLayout::Visa) => ScriptKeys::Visa,
            (_, IadLayout::UnionPay) => ScriptKeys::UnionPay,
            (Scheme::Mastercard, _) => ScriptKeys::Mastercard,
            _ => ScriptKeys::Common,
        }
    }
}

impl IadLayout {
    /// What the CVR tells of scripts since the last online transaction: `None` of none.
    fn script_told(self, data: &[u8]) -> Option<bool> {
        let (counted, failed) = match self {
            // Byte 4: bits 8 to 5 count, bit 4 failed.
            IadLayout::Visa => (data.get(6)? >> 4, data.get(6)? & 0x08),
            // Byte 4: bits 8 to 5 count, bit 4 failed; the CVR has no length byte.
            IadLayout::CommonCore => (data.get(6)? >> 4, data.get(6)? & 0x08),
            // Byte 3: bits 8 to 5 count; byte 5, bit 1 failed.
            IadLayout::MChip => (data.get(4)? >> 4, data.get(6)? & 0x01),
            IadLayout::VisaLong | IadLayout::UnionPay => return None,
        };
        match (counted, failed) {
            (_, 1..) => Some(false),
            (1.., 0) => Some(true),
            (0, 0) => None,
        }
    }
}

/// Puts a script on the list of its card.
pub(crate) fn queue(
    core: &mut Core,
    now: Time,
    pan: Pan,
    command: ScriptCommand,
    effects: &mut Vec<Effect>,
) -> Result<u32, ScriptRefusal> {
    let file = core.state.card(&pan).ok_or(ScriptRefusal::NotOnFile)?;
    let product = core.tables.product(&pan).ok_or(ScriptRefusal::NoKeys)?;
    if product.scripts.keys.is_empty() {
        return Err(ScriptRefusal::NoKeys);
    }
    let (open, last) =
        file.seldom().scripts.as_deref().map_or((0, 0), |scripts| (scripts.open.len(), scripts.last));
    if open >= SCRIPTS {
        return Err(ScriptRefusal::Full);
    }
    let number = last.checked_add(1).ok_or(ScriptRefusal::Full)?;
    core.commit(Record::ScriptQueued(ScriptQueued { pan, time: now, number, command }), effects);
    Ok(number)
}

/// The holder has proven to know the PIN, so the card may ask for it again, unless it is told so already.
pub(crate) fn unblock_pin(core: &mut Core, now: Time, pan: Pan, effects: &mut Vec<Effect>) {
    let open = core.state.card_scripts(&pan);
    if open.iter().all(|script| script.given_up || script.command != ScriptCommand::UnblockPin) {
        // A product without keys has no way to tell it, and a full list has its own worries.
        let _ = queue(core, now, pan, ScriptCommand::UnblockPin, effects);
    }
}

/// Takes a script off the list.
pub(crate) fn cancel(
    core: &mut Core,
    now: Time,
    pan: Pan,
    number: u32,
    effects: &mut Vec<Effect>,
) -> Result<u32, ScriptRefusal> {
    let file = core.state.card(&pan).ok_or(ScriptRefusal::NotOnFile)?;
    let mut open = file.seldom().scripts.iter().flat_map(|scripts| &scripts.open);
    if !open.any(|script| script.number == number) {
        return Err(ScriptRefusal::NoSuchScript);
    }
    let outcome = ScriptOutcome::Cancelled;
    core.commit(Record::ScriptConfirmed(ScriptConfirmed { pan, time: now, number, outcome }), effects);
    Ok(number)
}

impl fmt::Display for ScriptRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScriptRefusal::NotOnFile => f.write_str("is not on file"),
            ScriptRefusal::NoKeys => {
                f.write_str("its product has no `script_keys`; without them no card obeys")
            }
            ScriptRefusal::Full => write!(f, "has {SCRIPTS} scripts waiting; cancel one first"),
            ScriptRefusal::NoSuchScript => {
                f.write_str("has no script of this number; `card script list` shows them")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(command: ScriptCommand) -> QueuedScript {
        QueuedScript { number: 7, command, queued: Time::from_unix_ms(0), sent: None, given_up: false }
    }

    #[test]
    fn templates() {
        let check = |command: ScriptCommand, rules: &ScriptRules, message: &str, template: &str| {
            let covered = command.message(rules.mac_length, 0x0102, [0xC1; 8]);
            assert_eq!(hex(&covered), message);
            assert_eq!(hex(&queued(command).template(rules, [1, 2, 3, 4, 5, 6, 7, 8])), template);
        };
        let usual = ScriptRules::default();
        check(
            ScriptCommand::BlockApplication,
            &usual,
            "841E0000080102C1C1C1C1C1C1C1C1",
            "72169F180400000007860D841E0000080102030405060708",
        );
        let short = ScriptRules { mac_length: 4, before_second_cryptogram: true, ..ScriptRules::default() };
        check(
            ScriptCommand::PutData { tag: 0x9F58, value: [5].into_iter().collect() },
            &short,
            "04DA9F58050102C1C1C1C1C1C1C1C105",
            "71139F180400000007860A04DA9F58050501020304",
        );
        let longest = ScriptCommand::Command { header: [0x84, 0xDC, 1, 0x0C], data: [0xAB; 24].into() };
        assert_eq!(queued(longest.clone()).template(&usual, [9; 8]).len(), 48);
        assert_eq!(longest.message(8, 1, [0; 8]).len(), 39);
    }

    #[test]
    fn what_the_card_tells() {
        let check = |layout: IadLayout, cvr: &[u8], expect| {
            let data: Vec<u8> = match layout {
                IadLayout::MChip => [1, 0x10].iter().chain(cvr).copied().collect(),
                IadLayout::CommonCore => [0x0F, 0xA5, 1].iter().chain(cvr).copied().collect(),
                _ => [6, 1, 18, 3].iter().chain(cvr).copied().collect(),
            };
            assert_eq!(layout.script_told(&data), expect, "{cvr:?}");
        };
        check(IadLayout::Visa, &[0xA0, 0, 0x00], None);
        check(IadLayout::Visa, &[0xA0, 0, 0x10], Some(true));
        check(IadLayout::Visa, &[0xA0, 0, 0x18], Some(false));
        check(IadLayout::MChip, &[0xA0, 0, 0x10, 0, 0, 0], Some(true));
        check(IadLayout::MChip, &[0xA0, 0, 0x00, 0, 1, 0], Some(false));
        check(IadLayout::MChip, &[0xA0, 0, 0x00, 0, 0, 0], None);
        check(IadLayout::UnionPay, &[0xA0, 0, 0xFF], None);
        check(IadLayout::CommonCore, &[0xA0, 0, 0, 0x10, 0], Some(true));
        check(IadLayout::CommonCore, &[0xA0, 0, 0, 0x18, 0], Some(false));
        check(IadLayout::CommonCore, &[0xA0, 0, 0x10, 0, 0], None);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02X}")).collect()
    }
}
