use crate::hot_list::RewardCode;
use crate::receipt::{Receipt, Step};
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
}

impl Told {
    /// What there is to tell about a decision, which its receipt explains.
    pub(crate) fn of(state: &State, request: &Request, today: CivilDay, receipt: &Receipt) -> Told {
        let hot = receipt.decline_step() == Some(Step::HotList);
        let numbers = [Some(request.pan), request.token].into_iter().flatten();
        let listed = numbers.filter_map(|pan| state.hot_notice(&pan, today)).next();
        let notice = listed.filter(|notice| hot && notice.code.is_capture());
        Told { reward: notice.and_then(|notice| notice.reward) }
    }
}
