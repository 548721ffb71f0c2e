use crate::hot_list::{self, RewardCode};
use crate::receipt::{Receipt, Step, Verdict};
use crate::remote::{self, AddressResult};
use crate::request::Request;
use crate::state::State;
use card::CivilDay;
use serde::{Deserialize, Serialize};

/// What an answer tells beside its code, where the message that carries it has room for it. Kept with the
/// transaction, so that a repeat is told the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What whoever keeps the card is to get.
    pub reward: Option<RewardCode>,
    /// What came of comparing the address.
    pub address: Option<AddressResult>,
    /// What came of the printed value.
    pub cvv2: Option<Cvv2Result>,
}

/// What came of the value printed on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cvv2Result {
    /// It is right.
    Match,
    /// It is wrong.
    NoMatch,
    /// It was not looked at.
    NotProcessed,
}

impl Cvv2Result {
    /// The letter that messages carry: `M`, `N`, `P`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Cvv2Result::Match => "M",
            Cvv2Result::NoMatch => "N",
            Cvv2Result::NotProcessed => "P",
        }
    }

    /// The result of a letter.
    #[must_use]
    pub fn parse(letter: &str) -> Option<Cvv2Result> {
        let all = [Cvv2Result::Match, Cvv2Result::NoMatch, Cvv2Result::NotProcessed];
        all.into_iter().find(|result| result.as_str() == letter)
    }
}

impl Told {
    /// What there is to tell about a decision, which its receipt explains.
    pub(crate) fn of(state: &State, request: &Request, today: CivilDay, receipt: &Receipt) -> Told {
        // Whoever asks nobody to keep a card promises nothing for it.
        let notice = (receipt.decline_step() == Some(Step::HotList))
            .then(|| hot_list::notice(state, request, today))
            .flatten()
            .filter(|notice| notice.code.is_capture());
        let reward = notice.and_then(|notice| notice.reward);
        let Some(particulars) = request.particulars.as_deref() else {
            return Told { reward, ..Told::default() };
        };
        let verdict_of =
            |step| receipt.checks.iter().find(|check| check.step == step).map(|check| check.verdict);
        Told {
            reward,
            address: verdict_of(Step::Address)
                .and_then(|_| state.card(&request.pan))
                .and_then(|file| remote::address_result(file, Some(particulars))),
            cvv2: particulars.cvv2.is_some().then(|| match verdict_of(Step::Cvv2) {
                Some(Verdict::Passed) => Cvv2Result::Match,
                Some(Verdict::Failed(_)) => Cvv2Result::NoMatch,
                _ => Cvv2Result::NotProcessed,
            }),
        }
    }
}
