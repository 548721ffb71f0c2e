use card::{Currency, Time};
use std::collections::VecDeque;
use terminal::{CardSimulator, ChipTransaction, CryptogramVersion, Presentment, TestIssuer};

/// The cards of one worker. A card lies in one terminal at a time, as in life: it leaves the wallet for a
/// purchase and comes back when that is answered. So its transaction counter reaches the issuer in order,
/// however many connections there are.
pub(crate) struct Wallet {
    cards: Vec<CardSimulator>,
    /// Cards at hand, the longest unused in front.
    free: VecDeque<usize>,
    issuer: TestIssuer,
    currency: Currency,
    random: SplitMix,
}

/// A purchase that its card has signed and its holder has keyed the PIN for.
#[derive(Debug)]
pub(crate) struct Purchase {
    /// Which card of the wallet.
    pub(crate) card: usize,
    pub(crate) amount_minor: u64,
    pub(crate) presentment: Presentment,
    pub(crate) time: Time,
}

impl Wallet {
    /// The cards of these serial numbers, which have counted to `atc`.
    pub(crate) fn new(
        issuer: &TestIssuer,
        serials: impl Iterator<Item = u32>,
        atc: u16,
        currency: Currency,
        seed: u64,
    ) -> Wallet {
        let cards: Vec<CardSimulator> = serials
            .map(|serial| {
                let mut card = issuer.card(serial);
                card.set_atc(atc);
                card
            })
            .collect();
        let free = (0..cards.len()).collect();
        Wallet { cards, free, issuer: issuer.clone(), currency, random: SplitMix(seed) }
    }

    /// Has the next card sign a small purchase; `None` when all are in use. Cryptogram versions 10 and 18
    /// in turn.
    pub(crate) fn purchase(&mut self, time: Time) -> Option<Purchase> {
        let index = self.free.pop_front()?;
        let random = self.random.next();
        let [amount, version, _, _, un @ ..] = random.to_le_bytes();
        let amount_minor = SMALLEST_MINOR + u64::from(amount) % AMOUNTS;
        let version = if version & 1 == 0 { CryptogramVersion::Visa10 } else { CryptogramVersion::Visa18 };
        let chip = ChipTransaction::purchase(amount_minor as i64, self.currency, COUNTRY, time, un);
        let card = &mut self.cards[index];
        let pin_block = card.pin_block(card.pin(), &self.issuer.keys.zpk);
        let presentment = Presentment::chip(card, &chip, version).with_pin(pin_block);
        Some(Purchase { card: index, amount_minor, presentment, time })
    }

    /// Takes a card back.
    pub(crate) fn put_back(&mut self, card: usize) {
        self.free.push_back(card);
    }

    /// Whether tag 91 is the issuer's answer to what this card signed last.
    pub(crate) fn verify(&self, card: usize, issuer_authentication: Option<&[u8]>) -> bool {
        issuer_authentication.is_some_and(|value| self.cards[card].verify_issuer_authentication(value))
    }

    /// The highest transaction counter of all cards.
    pub(crate) fn highest_atc(&self) -> u16 {
        self.cards.iter().map(CardSimulator::atc).max().unwrap_or(0)
    }
}

/// 0.10 to 0.99: far below every limit, so that a card's day holds many.
const SMALLEST_MINOR: u64 = 10;
const AMOUNTS: u64 = 90;

/// ISO 3166: United States, where `Pos` stands.
const COUNTRY: u16 = 840;

/// Numbers that look random, which is all that amounts and unpredictable numbers need here.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::Expiry;
    use hsm_sim::ClearKey;
    use iso8583::emv::{self, tag};
    use terminal::TestKeys;

    fn wallet(cards: u32) -> Wallet {
        let key = |byte: u8| ClearKey::double(&[byte; 16]);
        let keys = TestKeys { zpk: key(1), tpk: key(2), pvk: key(4), cvk: key(7), mk_ac: key(8) };
        let issuer = TestIssuer::new("400000", 100, Expiry::parse_yymm(b"4912").unwrap(), keys).unwrap();
        Wallet::new(&issuer, 0..cards, 7, Currency::parse("USD").unwrap(), 1)
    }

    const NOON: Time = Time { unix_ms: 1_795_435_200_000 };

    #[test]
    fn a_card_is_in_one_terminal_at_a_time() {
        let mut wallet = wallet(2);
        let first = wallet.purchase(NOON).unwrap();
        let second = wallet.purchase(NOON).unwrap();
        assert_ne!(first.card, second.card);
        assert!(wallet.purchase(NOON).is_none());
        wallet.put_back(second.card);
        assert_eq!(wallet.purchase(NOON).unwrap().card, second.card);
        assert_eq!(wallet.highest_atc(), 9);
    }

    #[test]
    fn purchases_are_small_and_of_both_cryptogram_versions() {
        let mut wallet = wallet(100);
        let purchases: Vec<Purchase> = std::iter::from_fn(|| wallet.purchase(NOON)).collect();
        let version = |purchase: &Purchase| {
            let icc = purchase.presentment.icc.as_deref().unwrap();
            emv::find(icc, tag::ISSUER_APPLICATION_DATA).unwrap().unwrap()[2]
        };
        for cvn in [0x0A, 0x12] {
            assert!(purchases.iter().filter(|purchase| version(purchase) == cvn).count() > 25);
        }
        assert!(purchases.iter().all(|purchase| (10..100).contains(&purchase.amount_minor)));
        assert!(purchases.iter().all(|purchase| purchase.presentment.pin_block.is_some()));
    }

    #[test]
    fn an_answer_without_arpc_is_no_answer_to_the_card() {
        let mut wallet = wallet(1);
        let purchase = wallet.purchase(NOON).unwrap();
        assert!(!wallet.verify(purchase.card, None));
        assert!(!wallet.verify(purchase.card, Some(&[0; 10])));
    }
}
