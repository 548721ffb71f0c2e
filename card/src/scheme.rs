use serde::{Deserialize, Serialize};

/// Whose rules a card follows. Decides how its chip data is read and which cryptogram recipe
/// applies (`EMV` issuer application data has no self-describing form).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// An issuer's own cards without a chip recipe.
    Private,
    /// UnionPay.
    UnionPay,
}
