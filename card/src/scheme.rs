use serde::{Deserialize, Serialize};

/// Whose rules a card follows. Decides how its chip data is read and which cryptogram recipe
/// applies (`EMV` issuer application data has no self-describing form).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Visa: VIS cryptogram versions 10 and 18.
    Visa,
    /// Mastercard. Cryptograms of M/Chip are not verified yet.
    Mastercard,
    /// An issuer's own cards without a chip recipe.
    Private,
}
