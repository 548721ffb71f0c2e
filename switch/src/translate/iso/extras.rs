//! What stands at another place in each network's messages, or is in none of the standard's: where it is read, and
//! where answers put it, is configured for each listener.

use crate::translate::chip::Objects;
use auth::{AddressDigits, Authentication, Cvv2, HolderName, Order, Particulars, PostalCode, Request, Told};
use card::{AuthenticationValue, Pan};
use iso8583::{Message, composite, field};
use std::fmt;
use std::net::IpAddr;
use zeroize::Zeroize;

/// The places of one listener.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Where each datum of a request stands.
    pub request: Vec<(Datum, FieldPath)>,
    /// What answers carry, ascending by data element.
    pub answers: Vec<AnswerText>,
}

/// What a message may tell beside the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datum {
    /// The value printed on the card.
    Cvv2,
    /// The holder's name.
    HolderName,
    /// Billing address, or the digits of it.
    Address,
    /// Postal code of the billing address.
    PostalCode,
    /// Electronic commerce indicator.
    Eci,
    /// Authentication value of 3-D Secure.
    AuthenticationValue,
    /// IP address of whoever orders.
    Ip,
    /// E-mail address of whoever orders.
    Email,
    /// Address where the goods go.
    DeliveryAddress,
    /// What is ordered.
    Order,
    /// The code that signs the order (PIN-2).
    OrderCode,
}

impl Datum {
    /// Every datum, by its word in the configuration.
    pub const WORDS: [(&str, Datum); 11] = [
        ("cvv2", Datum::Cvv2),
        ("holder_name", Datum::HolderName),
        ("address", Datum::Address),
        ("postal_code", Datum::PostalCode),
        ("eci", Datum::Eci),
        ("authentication_value", Datum::AuthenticationValue),
        ("ip", Datum::Ip),
        ("email", Datum::Email),
        ("delivery_address", Datum::DeliveryAddress),
        ("order", Datum::Order),
        ("order_code", Datum::OrderCode),
    ];
}

/// A place in a message: a data element, a part of its inner structure, some characters of it. `48`, `48.92`,
/// `126.10:4-6`.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldPath {
    field: u8,
    parts: Vec<String>,
    /// First and last character, from 1.
    characters: Option<(usize, usize)>,
}

impl FieldPath {
    /// Reads `FIELD[.PART…][:FIRST-LAST]`; `None` when it is none of that.
    #[must_use]
    pub fn parse(text: &str) -> Option<FieldPath> {
        let (path, characters) = match text.split_once(':') {
            None => (text, None),
            Some((path, range)) => {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                (path, (1..=last).contains(&first).then_some((first, last)).map(Some)?)
            }
        };
        let mut steps = path.split('.');
        let field = steps.next()?.parse().ok().filter(|field| (2..=128).contains(field))?;
        let parts: Vec<String> = steps.map(str::to_owned).collect();
        parts.iter().all(|part| !part.is_empty()).then_some(FieldPath { field, parts, characters })
    }

    /// The data element.
    #[must_use]
    pub fn field(&self) -> u8 {
        self.field
    }

    /// The value that stands there: characters, without blanks around them; `None` when there is nothing but blanks.
    pub(super) fn find(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let mut found = self.whole(message)?;
        let trimmed = found.trim_ascii().to_vec();
        found.zeroize();
        (!trimmed.is_empty()).then_some(trimmed)
    }

    /// The bytes that stand there: those of binary may look like blanks.
    fn whole(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let value = message.value(self.field)?;
        let mut found = value.to_vec();
        let mut inner = message.dialect().field(self.field)?.composite.as_deref();
        for step in &self.parts {
            let within = inner?;
            let mut next = None;
            for part in composite::parts(within, &found) {
                let part = part.ok()?;
                if part.key.to_string() == *step {
                    next = Some((part.value().to_vec(), part.composite()));
                    break;
                }
            }
            let (value, composite) = next?;
            found.zeroize();
            (found, inner) = (value, composite);
        }
        let shown = match self.characters {
            None => &found[..],
            Some((first, last)) => found.get(first - 1..last.min(found.len()))?,
        };
        let shown = shown.to_vec();
        found.zeroize();
        Some(shown)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field)?;
        self.parts.iter().try_for_each(|part| write!(f, ".{part}"))?;
        self.characters.map_or(Ok(()), |(first, last)| write!(f, ":{first}-{last}"))
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldPath({self})")
    }
}

/// What answers carry in one data element: text, with what is told in the places of `{address}`, `{cvv2}` and
/// `{reward}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerText {
    /// The data element.
    pub field: u8,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Address,
    Cvv2,
    Reward,
}

impl AnswerText {
    /// Reads the text of a data element; `None` when a brace stands alone or names nothing known, or nothing is told.
    #[must_use]
    pub fn parse(field: u8, text: &str) -> Option<AnswerText> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name {
                "address" => Piece::Address,
                "cvv2" => Piece::Cvv2,
                "reward" => Piece::Reward,
                _ => return None,
            });
            rest = behind;
        }
        let tells = !pieces.is_empty() && !rest.contains('}');
        pieces.push(Piece::Text(rest.to_owned()));
        tells.then_some(AnswerText { field, pieces })
    }

    /// The value, unless there is nothing to tell. A letter that is not there leaves a blank, so that the others stay
    /// at their places.
    fn value(&self, told: &Told) -> Option<String> {
        let mut value = String::new();
        let mut tells = false;
        for piece in &self.pieces {
            let letter = |value: &mut String, letter: Option<&str>| {
                value.push_str(letter.unwrap_or(" "));
                letter.is_some()
            };
            match piece {
                Piece::Text(text) => value.push_str(text),
                Piece::Address => tells |= letter(&mut value, told.address.map(auth::AddressResult::as_str)),
                Piece::Cvv2 => tells |= letter(&mut value, told.cvv2.map(auth::Cvv2Result::as_str)),
                Piece::Reward => {
                    tells |= told.reward.is_some();
                    value.push_str(told.reward.as_ref().map_or("", auth::RewardCode::as_str));
                }
            }
        }
        value.truncate(value.trim_end().len());
        tells.then_some(value)
    }
}

impl Extras {
    /// Enters what the message tells into the request. `trace` makes a keyed hash of a kind and a text.
    pub fn read(&self, message: &Message<'_>, request: &mut Request, trace: &dyn Fn(&str, &str) -> u64) {
        if self.request.is_empty() {
            return;
        }
        let mut told = request.particulars.take().unwrap_or_default();
        let (mut order, mut code) = (None, None);
        let mut anything = false;
        for (datum, path) in &self.request {
            let Some(mut value) = path.find(message) else { continue };
            anything = true;
            let text = String::from_utf8_lossy(&value);
            match datum {
                Datum::Cvv2 => told.cvv2 = Some(Cvv2::read(&value)),
                Datum::HolderName => told.holder_name = HolderName::read(&text).or(told.holder_name),
                Datum::Address => {
                    (told.asks_address, told.address) = (true, AddressDigits::read(&text));
                }
                Datum::PostalCode => {
                    (told.asks_address, told.postal_code) = (true, PostalCode::read(&text));
                }
                Datum::Eci => authentication(&mut told).indicator = indicator(&text),
                Datum::AuthenticationValue => {
                    let mut whole = path.whole(message).unwrap_or_default();
                    let read =
                        AuthenticationValue::read(&value).or_else(|| AuthenticationValue::read(&whole));
                    whole.zeroize();
                    let zeros = value.iter().all(|byte| matches!(byte, 0 | b'0'));
                    let sent = authentication(&mut told);
                    sent.malformed = read.is_none() && !zeros;
                    told.authentication_value = read.filter(|value| !value.is_zero());
                    authentication(&mut told).has_value = told.authentication_value.is_some();
                }
                Datum::Ip => told.traces.ip = Some(trace("ip", &address(&text))),
                Datum::Email => {
                    told.traces.email = domain(&text).map(|domain| trace("email", &domain));
                }
                Datum::DeliveryAddress => {
                    let letters: String = text.chars().filter(|letter| letter.is_alphanumeric()).collect();
                    told.traces.address = Some(trace("address", &letters.to_uppercase()));
                }
                Datum::Order => order = Some(value.iter().copied().take(256).collect()),
                Datum::OrderCode => {
                    code = Some(hex::decode(&value).ok().and_then(|code| code.try_into().ok()));
                }
            }
            drop(text);
            value.zeroize();
        }
        if let Some(code) = code {
            // What is no code of sixteen hexadecimal digits is a wrong one.
            let code: Option<[u8; 8]> = code;
            let text = order.unwrap_or_default();
            told.order = Some(Box::new(Order { text, code: code.unwrap_or_default() }));
        }
        if anything || told.chip_pan.is_some() || told.holder_name.is_some() {
            request.particulars = Some(told);
        }
    }

    /// The data elements that an answer carries, ascending.
    pub(super) fn answers<'a>(&'a self, told: &'a Told) -> impl Iterator<Item = (u8, String)> + 'a {
        self.answers.iter().filter_map(|answer| Some((answer.field, answer.value(told)?)))
    }
}

fn authentication(told: &mut Particulars) -> &mut Authentication {
    told.authentication.get_or_insert_default()
}

/// One or two digits.
fn indicator(text: &str) -> Option<u8> {
    text.parse().ok().filter(|_| text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One form for all ways to write an address. Octets are filled with zeros where a message has 15 places for them.
fn address(text: &str) -> String {
    let octet = |octet: &str| match octet.trim_start_matches('0') {
        "" if !octet.is_empty() => "0".to_owned(),
        rest => rest.to_owned(),
    };
    let plain = || text.split('.').map(octet).collect::<Vec<_>>().join(".");
    text.parse::<IpAddr>()
        .or_else(|_| plain().parse())
        .map_or_else(|_| text.to_ascii_lowercase(), |address| address.to_canonical().to_string())
}

fn domain(text: &str) -> Option<String> {
    let (_, domain) = text.rsplit_once('@')?;
    let domain = domain.trim().trim_end_matches('.');
    (!domain.is_empty()).then(|| domain.to_lowercase())
}

/// What the message tells without any configuration: the name of track 1 (DE 45) or tag 5F20, and the number in the
/// chip or on track 1 where it is another one than the message's.
pub(super) fn usual(
    message: &Message<'_>,
    objects: Option<&Objects<'_>>,
    pan: &Pan,
) -> Option<Box<Particulars>> {
    let track1 = message.value(field::TRACK_1);
    let of_track = track1.as_ref().and_then(|track| {
        let name = track.split(|byte| *byte == b'^').nth(1)?;
        HolderName::read(&String::from_utf8_lossy(name))
    });
    let of_chip = objects.and_then(Objects::holder_name);
    let of_chip = of_chip.and_then(|name| HolderName::read(&String::from_utf8_lossy(name)));
    let in_chip = objects.and_then(|objects| {
        let track = || objects.track2().ok().flatten().map(|track| track.pan());
        objects.pan().ok().flatten().or_else(track)
    });
    // Format code B, the number, and the name behind a caret.
    let on_track = track1.as_ref().and_then(|track| {
        let digits = track.split(|byte| *byte == b'^').next()?.strip_prefix(b"B")?;
        Pan::parse(digits.trim_ascii()).ok()
    });
    let differs = |number: &Pan| number != pan;
    let chip_pan = in_chip.filter(differs).or_else(|| on_track.filter(differs));
    let holder_name = of_track.or(of_chip);
    (holder_name.is_some() || chip_pan.is_some())
        .then(|| Box::new(Particulars { holder_name, chip_pan, ..Particulars::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth::{AddressResult, Cvv2Result, RewardCode};

    #[test]
    fn paths_come_back() {
        for text in ["48", "48.92", "126.10:4-6", "55.9F1C", "60:1-2"] {
            assert_eq!(FieldPath::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "1", "129", "48.", "48:0-2", "48:3-2", "48:x", "a"] {
            assert_eq!(FieldPath::parse(text), None, "{text}");
        }
    }

    #[test]
    fn answers_keep_their_places() {
        let check = |text: &str, told: Told, expect: Option<&str>| {
            let answer = AnswerText::parse(44, text).unwrap();
            assert_eq!(answer.value(&told).as_deref(), expect, "{text}");
        };
        let told = Told {
            reward: RewardCode::parse("R50"),
            address: Some(AddressResult::PostalCode),
            cvv2: Some(Cvv2Result::NoMatch),
        };
        check(" {address}       {cvv2}", told, Some(" Z       N"));
        check(" {address}       {cvv2}", Told { address: None, ..told }, Some("         N"));
        check(" {address}       {cvv2}", Told { cvv2: None, ..told }, Some(" Z"));
        check("{reward}", told, Some("R50"));
        check("RW{reward}", Told { reward: None, ..told }, None);
        for wrong in ["", "text", "{", "{who}", "{cvv2}}", "}"] {
            assert_eq!(AnswerText::parse(44, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn places_are_compared_in_one_form() {
        assert_eq!(address("2001:DB8:0:0::1"), address("2001:db8::1"));
        assert_eq!(address("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(address("010.000.000.001"), "10.0.0.1");
        assert_eq!(address("Example.COM"), "example.com");
        assert_eq!(domain("Erika@Example.COM.").as_deref(), Some("example.com"));
        assert_eq!(domain("nobody"), None);
        assert_eq!(domain("nobody@"), None);
        assert_eq!(
            [indicator("05"), indicator("5"), indicator("105"), indicator("+5")],
            [Some(5), Some(5), None, None]
        );
    }
}
