use crate::limits::RECEIPT_CHECKS;
use card::ResponseCode;
use serde::{Deserialize, Serialize};

/// Why a transaction was answered as it was: every check in order, with the value seen and the limit
/// it was held against.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// Checks in the order they were made.
    pub checks: Vec<Check>,
}

/// One line of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which check.
    pub step: Step,
    /// How it went.
    pub verdict: Verdict,
    /// The value seen, in the step's own unit; 0 where a step has none.
    pub seen: i64,
    /// The limit or value it was held against; 0 where a step has none.
    pub limit: i64,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Passed.
    Passed,
    /// Failed; the transaction is declined with this code.
    Failed(ResponseCode),
    /// Not applicable to this transaction.
    Skipped,
    /// Worth a look, without effect on the answer.
    Noted,
}

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $title:literal, $unit:ident;)*) => {
        /// The checks of the pipeline, in the order of design §3.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Step {
            $($(#[$doc])* $name,)*
        }

        impl Step {
            /// Every step. The place of a step here is part of stored forms: new steps go to the end.
            pub const ALL: &[Step] = &[$(Step::$name,)*];

            /// Step number in the order of an issuer authorization.
            #[must_use]
            pub fn number(self) -> u8 {
                match self { $(Step::$name => $number,)* }
            }

            /// What is checked, for people.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Step::$name => $title,)* }
            }

            /// What `seen` and `limit` are counted in.
            #[must_use]
            pub fn unit(self) -> Unit {
                match self { $(Step::$name => Unit::$unit,)* }
            }
        }
    };
}

/// Unit of a check's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The check has no values.
    None,
    /// Minor units of the transaction currency.
    Minor,
    /// A plain number.
    Number,
    /// `YYMM`.
    YearMonth,
    /// Nanoseconds.
    Nanoseconds,
    /// Minor units of the account's currency.
    Billing,
    /// Minor units of the link's settlement currency.
    Settlement,
    /// A rate of exchange: its digits, and how many of them stand behind the point.
    Rate,
}

steps! {
    /// The terminal is known, active and may do this.
    Terminal = 3, "terminal known, active and allowed this transaction", None;
    /// The same request came before with other content.
    Duplicate = 4, "not the key of another request", None;
    /// A reversal of this request came before the request itself.
    AlreadyReversed = 4, "not reversed before it arrived", None;
    /// Transaction type is served.
    TransactionType = 5, "transaction type served", None;
    /// Account type is legal, and the account is of that type.
    AccountType = 5, "account type legal", None;
    /// Currency exists, and is the account's own or has a rate to it. Passed where it is converted: from, to.
    Currency = 5, "currency legal, and the account's own or one with a rate (ISO 4217 numbers)", Number;
    /// Amount is above zero.
    Amount = 5, "amount legal", Minor;
    /// The ATM's notes can make up the amount.
    Notes = 5, "amount can be made up of the notes at hand", Minor;
    /// PAN length, check digit and agreement with the track.
    PanFormat = 6, "card number well formed (digits)", Number;
    /// The PAN is in one of our ranges.
    Issuer = 6, "card is in one of our ranges", None;
    /// The card is on file.
    CardOnFile = 7, "card on file", None;
    /// Status and hot list.
    CardStatus = 7, "card status", None;
    /// First day of the start month to last day of the expiry month.
    Validity = 8, "card valid this month (expiry YYMM, this month)", YearMonth;
    /// The expiry sent is the expiry on file.
    ExpiryMatch = 8, "expiry sent is the one on file", YearMonth;
    /// Something proves that the card was there.
    Verification = 10, "card proven by chip, stripe value or PIN", None;
    /// The HSM answered.
    Hsm = 11, "HSM answered", None;
    /// Card verification value.
    Cvv = 11, "card verification value", None;
    /// The cryptogram's version is known.
    CryptogramVersion = 11, "cryptogram version known for the scheme (-1 where 9F10 is laid out in another way)", Number;
    /// The ARQC.
    Cryptogram = 11, "chip cryptogram (ARQC)", None;
    /// The ATC is above the highest one accepted, and not too far above.
    Atc = 11, "chip counter (ATC) above the last one accepted", Number;
    /// The amount under the cryptogram is the amount asked for.
    ChipAmount = 11, "amount under the cryptogram is the amount asked for", Minor;
    /// Wrong PINs so far.
    PinTries = 11, "PIN tries left (wrong ones so far, allowed)", Number;
    /// The PIN.
    Pin = 11, "PIN", None;
    /// Amount of one transaction.
    LimitPerTransaction = 12, "amount per transaction", Billing;
    /// Amount of the day.
    LimitDailyAmount = 12, "amount today, this one included", Billing;
    /// Number of the day.
    LimitDailyCount = 12, "number today, this one included", Number;
    /// Policy rules. Noted: the condition of this rule was an error (an overflow, a division by zero, an
    /// absent fact), so that it did not match.
    Policy = 13, "policy rules (number of the rule that decided or failed, score so far)", Number;
    /// Funds.
    Funds = 14, "available funds (needed, available)", Billing;
    /// Noted before the check that refuses: which limit.
    LimitNumber = 12, "limit that is exceeded (its number in the configuration)", Number;
    /// Amount in the window of a limit other than the day.
    LimitAmount = 12, "amount in the window of the limit, this one included", Billing;
    /// Number in the window of a limit other than the day.
    LimitCount = 12, "number in the window of the limit, this one included", Number;
    /// PAN length of the product.
    PanLength = 6, "card number as long as its product's (digits)", Number;
    /// Country of the acquirer.
    Domestic = 10, "used at home (country, home)", Number;
    /// Own terminal.
    OwnTerminals = 10, "used at a terminal of our own", None;
    /// Currency of the product.
    ProductCurrency = 10, "currency allowed for this product (ISO 4217 number)", Number;
    /// How the card was read.
    EntryMode = 10, "way of reading allowed for this product", None;
    /// Cash for a keyed number.
    KeyedCash = 10, "no cash for a keyed number", None;
    /// The merchant has to see an identity document.
    Identify = 14, "identity document to be shown (amount, from)", Billing;
    /// The chip has declined.
    OfflineDecline = 11, "the chip has not declined (AAC)", None;
    /// The chip has approved, so the transaction is taken note of and not decided.
    OfflineApproval = 11, "approved by the chip (TC), not decided anew", None;
    /// The chip's last word on a transaction that was decided online.
    Confirmation = 11, "chip's last word (TC) on what was decided online, nothing to post", None;
    /// A counter below the highest one, not seen before.
    AtcLate = 11, "chip counter behind the highest one (how far, allowed)", Number;
    /// Stripe after the chip failed.
    Fallback = 9, "stripe read because the chip failed", None;
    /// The same, for cash.
    FallbackCash = 9, "cash by a stripe read because the chip failed", None;
    /// The stripe of a chip card at a terminal that reads chips.
    StripeAtChipTerminal = 9, "chip card read by its stripe at a chip terminal", None;
    /// Nobody attends the terminal.
    Unattended = 9, "terminal without attendant", None;
    /// What stands on the stripe came from a chip: a counterfeit.
    ChipTrackOnStripe = 11, "chip's track (iCVV) on a stripe: counterfeit", None;
    /// TVR byte 1, bits 7, 4 and 3.
    DataAuthentication = 11, "offline data authentication failed (TVR)", None;
    /// TVR byte 1, bit 8.
    NoDataAuthentication = 11, "offline data authentication not performed (TVR)", None;
    /// TVR byte 1, bit 5.
    ExceptionFile = 11, "card on the terminal's exception file (TVR)", None;
    /// TVR byte 2, bits 7 and 6.
    ApplicationDates = 11, "application expired or not yet effective (TVR)", None;
    /// TVR byte 2, bit 5.
    ServiceNotAllowed = 11, "service not allowed for the card (TVR)", None;
    /// TVR byte 2, bit 4.
    NewCard = 11, "new card (TVR)", None;
    /// TVR byte 3, bit 8.
    HolderVerification = 11, "cardholder verification failed (TVR)", None;
    /// TVR byte 3, bits 5 and 4.
    PinNotEntered = 11, "PIN required and not entered (TVR)", None;
    /// TVR byte 3, bit 6, or the card's own word.
    OfflinePinTries = 11, "offline PIN tries exceeded (TVR, CVR)", None;
    /// The card's word, or CVM results.
    OfflinePin = 11, "offline PIN wrong (CVR, CVM results)", None;
    /// TVR byte 4, bit 8.
    FloorLimit = 11, "over the terminal's floor limit (TVR)", None;
    /// TVR byte 4, bits 7 and 6.
    OfflineLimits = 11, "too many offline transactions in a row (TVR)", None;
    /// TVR byte 4, bit 4.
    ForcedOnline = 11, "merchant forced the transaction online (TVR)", None;
    /// TVR byte 5, bit 7, or the card's own word.
    IssuerAuthentication = 11, "issuer authentication failed (TVR, CVR)", None;
    /// TVR byte 5, bits 6 and 5, or the card's own word.
    IssuerScript = 11, "issuer script failed (TVR, CVR)", None;
    /// The card's own word.
    LastOnline = 11, "last online transaction not completed (CVR)", None;
    /// The card's own word.
    UnableOnline = 11, "terminal was unable to go online (CVR)", None;
    /// A policy rule gave points.
    PolicyScore = 13, "policy rule gave points (its number, points)", Number;
    /// A policy rule limits the amount.
    PolicyLimit = 13, "amount that a policy rule allows", Minor;
    /// A rule in shadow mode would have refused.
    ShadowDecision = 13, "policy rule in shadow mode would have refused (its number, response code)", Number;
    /// A rule in shadow mode would have flagged, or given points.
    ShadowMark = 13, "policy rule in shadow mode would have flagged or scored (its number, points)", Number;
    /// Between the message's arrival and the first look at it. Noted by whoever runs the core, which has no clock; so
    /// are the next two.
    QueueTime = 15, "waited for its turn", Nanoseconds;
    /// From the question to the HSM to the look at its answer.
    HsmTime = 15, "waited for the HSM", Nanoseconds;
    /// All checks and the decision.
    DecisionTime = 15, "took to check and decide", Nanoseconds;
    /// DE 28.
    Surcharge = 5, "acquirer's surcharge (DE 28, amount)", Minor;
    /// From the transaction's currency to the account's.
    Rate = 5, "rate of exchange to the account's currency", Rate;
    /// What the account is to pay without the fee. Where the network has said it, held against our own.
    BillingAmount = 5, "amount in the account's currency (taken, by our own rate where the network stated it)", Billing;
    /// What the network says that the link is owed.
    SettlementAmount = 5, "settlement amount that the network stated (stated, by our own rate)", Settlement;
    /// Transactions of the month that are free of the fee.
    FeeFree = 14, "free of fee (number this month, free ones)", Number;
    /// The fee.
    Fee = 14, "fee within the amount (fee, of)", Billing;
    /// The transaction that the message is about is known and open.
    Original = 7, "transaction that the message is about is known and open (its number)", Number;
    /// Cash part of a purchase.
    Cashback = 10, "cash with a purchase (cash, most)", Billing;
    /// What a completion posts of what was authorized.
    CompletionAmount = 12, "amount of the completion within what was authorized and the tolerance", Minor;
    /// What a completion posts was not held any more.
    LateCompletion = 12, "completion of an authorization that has lapsed (amount, authorized)", Minor;
    /// How often an authorization was raised.
    Increments = 12, "number of times that the authorization is raised", Number;
    /// What a refund gives back of a purchase.
    RefundAmount = 12, "refund within what is left of the purchase", Minor;
    /// Where a transfer goes.
    Transfer = 10, "transfer to an account that this card may give to", None;
    /// Less was approved than asked for.
    PartialApproval = 14, "approved in part (approved, asked)", Minor;
    /// Posted though the money does not suffice.
    ForcedPosting = 14, "posted though the funds do not suffice (needed, available)", Billing;
    /// The account can hold so much.
    LedgerRoom = 14, "account takes the amount", Billing;
    /// The number is on the hot list, whether or not it is on file.
    HotList = 7, "hot list (reason: 1 lost, 2 stolen, 3 not received, 4 counterfeit, 5 fraud, 6 restricted, 7 other; 1 to keep the card)", Number;
    /// The number is that of a token, and stands for a card.
    TokenOnFile = 7, "token on file, decided as of its card", None;
    /// The token's own status.
    TokenStatus = 7, "token not suspended", None;
    /// The token's own last month.
    TokenValidity = 8, "token valid this month (expiry YYMM, this month)", YearMonth;
    /// The number in the chip or on track 1 is another one than the message's.
    ChipPan = 6, "number in the chip, or on track 1, is the one of the message", None;
    /// The holder's name is not the one on file.
    HolderName = 10, "holder's name is the one on file", None;
    /// What came of comparing the address.
    Address = 10, "address (result: 1 Y both, 2 A address, 3 Z postal code, 4 N neither, 5 U unavailable)", Number;
    /// What 3-D Secure said, and whose the loss would be.
    Authentication = 10, "holder authenticated by 3-D Secure (indicator, -1 for none; 1 where the issuer is liable)", Number;
    /// Only for orders from the net.
    EcommerceOnly = 10, "order from the net", None;
    /// Only where a machine reads the card.
    ElectronicOnly = 10, "card read by a machine", None;
    /// The value printed on the card.
    Cvv2 = 11, "value printed on the card (CVV2)", None;
    /// Wrong printed values of the day.
    Cvv2Tries = 11, "tries of the printed value left today (wrong so far, limit)", Number;
    /// The code that signs the order.
    OrderSignature = 11, "code that signs the order (PIN-2)", None;
    /// Locked by its holder.
    CardLocked = 9, "card not locked by its holder", None;
    /// Emptied by its holder.
    CardEmpty = 9, "card topped up by its holder", None;
    /// The holder's limit for one transaction.
    SingleLimit = 9, "amount that the holder allows at once", Billing;
    /// The one-time code.
    OneTimeCode = 9, "one-time code right (wrong ones, allowed)", Number;
    /// The holder's word.
    HolderConfirmation = 9, "confirmed by the holder (0 yes, 1 no answer in time, 2 cancelled, 3 card blocked, 4 wrong passwords, 5 another one of the card waits)", Number;
    /// Noted: money of the linked account came first.
    TopUp = 14, "topped up from the linked account (moved, to what was there)", Billing;
    /// How the cardholder was verified, by its place in `HolderVerification::ALL`.
    VerifiedBy = 11, "cardholder verified by (1 online PIN, 2 offline PIN, 3 device, 4 signature, 5 nothing, 6 unknown)", Number;
    /// Length and serial number fit the key.
    PinBlock = 11, "PIN block is of the length and has the serial number that its key asks for", None;
    /// A change of the PIN has a new one.
    NewPin = 11, "new PIN is in the message", None;
    /// The product takes no signature.
    Signature = 11, "signature will do for this product", None;
    /// Without a verification, where nobody looks.
    UnattendedLimit = 11, "amount without verification at an unattended terminal", Billing;
    /// One contactless transaction without a verification.
    ContactlessLimit = 11, "contactless amount without verification", Billing;
    /// All since the last verification.
    ContactlessTotal = 11, "contactless amounts since the last verification, this one included", Billing;
    /// All since the last verification.
    ContactlessCount = 11, "contactless transactions since the last verification, this one included", Number;
    /// The value of the 3-D Secure authentication.
    AuthenticationValue = 11, "value of the 3-D Secure authentication (CAVV, AAV)", None;
    /// What 9F27 says is what the message may carry, and of an approval what the card's results say too.
    CryptogramKind = 11, "kind of cryptogram (9F27: 128 asks, 64 has approved, 0 has declined) fits the message and the card's results", Number;
    /// The product has the issuer's key that the chip names.
    DerivationKey = 11, "master key of the index that the chip names", Number;
    /// The currency under the cryptogram is the one asked for.
    ChipCurrency = 11, "currency under the cryptogram is the currency asked for (ISO 4217 numbers)", Number;
    /// The chip's sequence number is the one on file.
    CardSequence = 11, "sequence number of the chip is the one on file", Number;
    /// A PIN is there where only the holder may ask.
    PinWanted = 11, "PIN is there, which the transaction needs", None;
    /// The block opens to a PIN.
    PinBlockOpens = 11, "PIN block opens to a PIN (key, format, card number)", None;
    /// The service code is one that no stripe carries.
    ServiceCode = 11, "service code of a stripe, not of the printed value (0) or the chip's track (999)", Number;
    /// First day of the start month.
    ValidFrom = 8, "card valid already (first month YYMM, this month)", YearMonth;
    /// Noted before the check that refuses: whose value the limit has, where it is not the product's.
    LimitOf = 12, "limit with a value of its own (1 the card's, 2 the account's, 3 the customer's; 1 where it is an override)", Number;
    /// There is a one-time code to compare.
    CodeExpected = 9, "one-time code set and sent (1 none is set, or it is used or void; 2 its time is over; 3 the message has none)", Number;
}

impl Step {
    /// Whether it asks what the cardholder has chosen.
    pub(crate) fn is_of_mode(self) -> bool {
        matches!(
            self,
            Step::CardLocked
                | Step::CardEmpty
                | Step::SingleLimit
                | Step::OneTimeCode
                | Step::CodeExpected
                | Step::HolderConfirmation
        )
    }
}

impl Receipt {
    /// Notes a passed check.
    pub fn pass(&mut self, step: Step, seen: i64, limit: i64) {
        self.push(step, Verdict::Passed, seen, limit);
    }

    /// Notes a check that does not apply.
    pub fn skip(&mut self, step: Step) {
        self.push(step, Verdict::Skipped, 0, 0);
    }

    /// Notes something worth a look.
    pub fn note(&mut self, step: Step, seen: i64, limit: i64) {
        self.push(step, Verdict::Noted, seen, limit);
    }

    /// Notes a failed check and gives the decline to return.
    pub(crate) fn fail(&mut self, step: Step, code: ResponseCode, seen: i64, limit: i64) -> Decline {
        self.push(step, Verdict::Failed(code), seen, limit);
        Decline { step, code }
    }

    /// The step that declined, if one did.
    #[must_use]
    pub fn decline_step(&self) -> Option<Step> {
        let failed = |check: &&Check| matches!(check.verdict, Verdict::Failed(_));
        self.checks.iter().rev().find(failed).map(|check| check.step)
    }

    fn push(&mut self, step: Step, verdict: Verdict, seen: i64, limit: i64) {
        // Room for every step at once: a receipt is allocated one time.
        if self.checks.capacity() == 0 {
            self.checks.reserve_exact(RECEIPT_CHECKS);
        }
        self.checks.push(Check { step, verdict, seen, limit });
    }
}

/// A refusal. An answer, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) step: Step,
    pub(crate) code: ResponseCode,
}
