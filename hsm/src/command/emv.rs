use crate::reader::Reader;
use crate::{ErrorCode, KeyField, PanSequence, writer};
use std::fmt;

/// `KQ` modes 0 to 2: mode 1N, scheme 1N, MK-AC, PAN and PSN 8B, ATC 2B, UN 4B, [length 2H, transaction
/// data, `;`], ARQC 8B, [ARC 2B]. The reply is 00, with an ARPC of eight bytes where asked for, or 01, in
/// authorised state with the cryptogram that would have been right.
#[derive(Clone, Debug)]
pub struct VerifyArqc<'a> {
    /// How the key of the cryptogram comes from the card's master key.
    pub scheme: ArqcScheme,
    /// Issuer master key for application cryptograms, under the LMK.
    pub mk_ac: KeyField<'a>,
    /// PAN and sequence number, as [`PanSequence::option_a`]: eight bytes.
    pub pan_sequence: PanSequence,
    /// Application transaction counter (tag 9F36).
    pub atc: [u8; 2],
    /// Unpredictable number (tag 9F37); sent, though unused, for [`ArqcScheme::Visa`] too.
    pub unpredictable_number: [u8; 4],
    /// The cryptogram of the request (tag 9F26).
    pub arqc: [u8; 8],
    /// What to do with it; an ARPC is by method 1, from the authorisation response code.
    pub task: ArqcTask<'a, [u8; 2]>,
}

/// `KW` schemes 2 and 3: mode 1N, scheme 1N, MK-AC, PAN and PSN (8B, or length 2N, packed digits and `;`
/// for option B), ATC 2B, [length 2H, transaction data, `;`], ARQC 8B, [ARC 2B] or [CSU 4B, length 1N,
/// proprietary data]. The reply is 00, with an ARPC where asked for, or 01.
#[derive(Clone, Debug)]
pub struct VerifyArqcSessionKey<'a> {
    /// How the card's master key comes from the issuer's.
    pub option: DerivationOption,
    /// Issuer master key for application cryptograms, under the LMK.
    pub mk_ac: KeyField<'a>,
    /// PAN and sequence number: eight bytes as [`PanSequence::option_a`], or [`PanSequence::option_b`].
    pub pan_sequence: PanSequence,
    /// Application transaction counter (tag 9F36).
    pub atc: [u8; 2],
    /// The cryptogram of the request (tag 9F26).
    pub arqc: [u8; 8],
    /// What to do with it.
    pub task: ArqcTask<'a, ArpcMethod>,
}

/// How `KQ` finds the key of a cryptogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArqcScheme {
    /// Scheme 0: the card's master key itself (Visa CVN 10).
    Visa,
    /// Scheme 1: Mastercard session key from ATC and unpredictable number; the ARPC is made by the
    /// master key.
    Mastercard,
    /// Scheme 2: the card's master key itself (Amex AEIPS). That it is so comes from a public cloud HSM,
    /// not from a payShield: unconfirmed.
    Amex,
}

impl ArqcScheme {
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        out.push(match self {
            ArqcScheme::Visa => b'0',
            ArqcScheme::Mastercard => b'1',
            ArqcScheme::Amex => b'2',
        });
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<ArqcScheme, ErrorCode> {
        match reader.array()? {
            [b'0'] => Ok(ArqcScheme::Visa),
            [b'1'] => Ok(ArqcScheme::Mastercard),
            [b'2'] => Ok(ArqcScheme::Amex),
            _ => Err(ErrorCode::KEY_LENGTH_FLAG),
        }
    }
}

/// How a card's master key is derived from its issuer's (EMV Book 2 annex A1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DerivationOption {
    /// Scheme 2, from the 16 rightmost digits of PAN and PSN.
    A,
    /// Scheme 3, from a hash where the PAN has more than 16 digits, else as option A.
    B,
}

/// What to do with an ARQC. `A` is what the ARPC is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArqcTask<'a, A> {
    /// Compare it with the one computed from the transaction data.
    Verify {
        /// What the card computed its cryptogram over.
        transaction: TransactionData<'a>,
    },
    /// Compare it and, if right, answer an ARPC.
    VerifyAndRespond {
        /// What the card computed its cryptogram over.
        transaction: TransactionData<'a>,
        /// What the ARPC is made from.
        arpc: A,
    },
    /// Answer an ARPC without comparing.
    Respond {
        /// What the ARPC is made from.
        arpc: A,
    },
}

/// How an ARPC is made (EMV Book 2, 8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpcMethod {
    /// Method 1: eight bytes, from an authorisation response code.
    One {
        /// The code as the card's application expects it.
        arc: [u8; 2],
    },
    /// Method 2: four bytes, from a card status update.
    Two {
        /// The card status update.
        csu: [u8; 4],
        /// Proprietary authentication data, often none.
        proprietary: Proprietary,
    },
}

/// Up to eight bytes of proprietary authentication data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proprietary {
    bytes: [u8; 8],
    length: u8,
}

/// What a card computes its cryptogram over: 1 to 255 bytes. The HSM fills it with zeros to a multiple
/// of eight and does nothing else: a recipe with `80` padding appends that byte here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TransactionData<'a>(&'a [u8]);

impl<'a> TransactionData<'a> {
    /// `None` when empty or longer than 255 bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<TransactionData<'a>> {
        (1..=255).contains(&bytes.len()).then_some(TransactionData(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl Proprietary {
    /// None at all.
    pub const EMPTY: Proprietary = Proprietary { bytes: [0; 8], length: 0 };

    /// `None` when longer than eight bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Proprietary> {
        let mut proprietary = Proprietary { bytes: [0; 8], length: bytes.len() as u8 };
        proprietary.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(proprietary)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl<'a, A: Copy> ArqcTask<'a, A> {
    /// The data to verify against, if the cryptogram is to be verified.
    #[must_use]
    pub fn transaction(&self) -> Option<TransactionData<'a>> {
        match self {
            ArqcTask::Verify { transaction } | ArqcTask::VerifyAndRespond { transaction, .. } => {
                Some(*transaction)
            }
            ArqcTask::Respond { .. } => None,
        }
    }

    /// What the ARPC is made from, if one is wanted.
    #[must_use]
    pub fn arpc(&self) -> Option<A> {
        match self {
            ArqcTask::VerifyAndRespond { arpc, .. } | ArqcTask::Respond { arpc } => Some(*arpc),
            ArqcTask::Verify { .. } => None,
        }
    }
}

impl<'a> VerifyArqc<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.task {
            ArqcTask::Verify { .. } => b'0',
            ArqcTask::VerifyAndRespond { .. } => b'1',
            ArqcTask::Respond { .. } => b'2',
        });
        self.scheme.encode(out);
        writer::key(out, &self.mk_ac);
        out.extend_from_slice(&self.pan_sequence.rightmost());
        out.extend_from_slice(&self.atc);
        out.extend_from_slice(&self.unpredictable_number);
        encode_transaction(out, self.task.transaction());
        out.extend_from_slice(&self.arqc);
        if let Some(arc) = self.task.arpc() {
            out.extend_from_slice(&arc);
        }
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyArqc<'a>, ErrorCode> {
        let [mode @ b'0'..=b'2'] = reader.array()? else { return Err(ErrorCode::KEY_TYPE_CODE) };
        let scheme = ArqcScheme::parse(reader)?;
        let mk_ac = reader.key(32)?;
        let pan_sequence = packed_pan(reader.take(8)?)?;
        let atc = reader.array()?;
        let unpredictable_number = reader.array()?;
        let transaction = if mode == b'2' { None } else { Some(parse_transaction(reader)?) };
        let arqc = reader.array()?;
        let arc = if mode == b'0' { None } else { Some(reader.array()?) };
        let task = task(transaction, arc)?;
        Ok(VerifyArqc { scheme, mk_ac, pan_sequence, atc, unpredictable_number, arqc, task })
    }
}

impl<'a> VerifyArqcSessionKey<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(session_key_mode(&self.task));
        match self.option {
            DerivationOption::A => out.push(b'2'),
            DerivationOption::B => out.push(b'3'),
        }
        writer::key(out, &self.mk_ac);
        encode_pan(out, self.option, &self.pan_sequence);
        encode_session_key_task(out, self.atc, self.arqc, &self.task);
    }

    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<VerifyArqcSessionKey<'a>, ErrorCode> {
        let [mode @ b'0'..=b'4'] = reader.array()? else { return Err(ErrorCode::KEY_TYPE_CODE) };
        let option = match reader.array()? {
            [b'2'] => DerivationOption::A,
            [b'3'] => DerivationOption::B,
            _ => return Err(ErrorCode::KEY_LENGTH_FLAG),
        };
        let mk_ac = reader.key(32)?;
        let pan_sequence = parse_pan(reader, option)?;
        let (atc, arqc, task) = parse_session_key_task(reader, mode)?;
        Ok(VerifyArqcSessionKey { option, mk_ac, pan_sequence, atc, arqc, task })
    }
}

/// The mode of `KW`.
pub(super) fn session_key_mode(task: &ArqcTask<'_, ArpcMethod>) -> u8 {
    match task {
        ArqcTask::Verify { .. } => b'0',
        ArqcTask::VerifyAndRespond { arpc: ArpcMethod::One { .. }, .. } => b'1',
        ArqcTask::Respond { arpc: ArpcMethod::One { .. } } => b'2',
        ArqcTask::VerifyAndRespond { arpc: ArpcMethod::Two { .. }, .. } => b'3',
        ArqcTask::Respond { arpc: ArpcMethod::Two { .. } } => b'4',
    }
}

/// PAN and PSN as `KW` carries them.
pub(super) fn encode_pan(out: &mut Vec<u8>, option: DerivationOption, pan_sequence: &PanSequence) {
    match option {
        DerivationOption::A => out.extend_from_slice(&pan_sequence.rightmost()),
        DerivationOption::B => {
            let packed = pan_sequence.reveal();
            writer::decimal(out, packed.len() as u16, 2);
            out.extend_from_slice(packed);
            out.push(b';');
        }
    }
}

pub(super) fn parse_pan(reader: &mut Reader<'_>, option: DerivationOption) -> Result<PanSequence, ErrorCode> {
    match option {
        DerivationOption::A => packed_pan(reader.take(8)?),
        DerivationOption::B => parse_long_pan(reader),
    }
}

/// The end of `KW`: ATC, transaction data, ARQC and what the ARPC is made from.
pub(super) fn encode_session_key_task(
    out: &mut Vec<u8>,
    atc: [u8; 2],
    arqc: [u8; 8],
    task: &ArqcTask<'_, ArpcMethod>,
) {
    out.extend_from_slice(&atc);
    encode_transaction(out, task.transaction());
    out.extend_from_slice(&arqc);
    match task.arpc() {
        None => {}
        Some(ArpcMethod::One { arc }) => out.extend_from_slice(&arc),
        Some(ArpcMethod::Two { csu, proprietary }) => {
            out.extend_from_slice(&csu);
            writer::decimal(out, proprietary.length.into(), 1);
            out.extend_from_slice(proprietary.as_bytes());
        }
    }
}

/// ATC, ARQC and task of a `KW` of this mode.
type SessionKeyTask<'a> = ([u8; 2], [u8; 8], ArqcTask<'a, ArpcMethod>);

pub(super) fn parse_session_key_task<'a>(
    reader: &mut Reader<'a>,
    mode: u8,
) -> Result<SessionKeyTask<'a>, ErrorCode> {
    let atc = reader.array()?;
    let verifies = matches!(mode, b'0' | b'1' | b'3');
    let transaction = if verifies { Some(parse_transaction(reader)?) } else { None };
    let arqc = reader.array()?;
    let arpc = match mode {
        b'0' => None,
        b'1' | b'2' => Some(ArpcMethod::One { arc: reader.array()? }),
        _ => Some(ArpcMethod::Two { csu: reader.array()?, proprietary: parse_proprietary(reader)? }),
    };
    Ok((atc, arqc, task(transaction, arpc)?))
}

pub(super) fn task<'a, A>(
    transaction: Option<TransactionData<'a>>,
    arpc: Option<A>,
) -> Result<ArqcTask<'a, A>, ErrorCode> {
    match (transaction, arpc) {
        (Some(transaction), None) => Ok(ArqcTask::Verify { transaction }),
        (Some(transaction), Some(arpc)) => Ok(ArqcTask::VerifyAndRespond { transaction, arpc }),
        (None, Some(arpc)) => Ok(ArqcTask::Respond { arpc }),
        (None, None) => Err(ErrorCode::KEY_TYPE_CODE),
    }
}

pub(super) fn encode_transaction(out: &mut Vec<u8>, transaction: Option<TransactionData<'_>>) {
    if let Some(TransactionData(bytes)) = transaction {
        writer::hex_length(out, bytes.len(), 2);
        out.extend_from_slice(bytes);
        out.push(b';');
    }
}

pub(super) fn parse_transaction<'a>(reader: &mut Reader<'a>) -> Result<TransactionData<'a>, ErrorCode> {
    let length = reader.hex_length::<2>()?;
    let bytes = reader.take(length).map_err(|_| ErrorCode::LENGTH)?;
    reader.expect(b';').map_err(|_| ErrorCode::LENGTH)?;
    TransactionData::new(bytes).ok_or(ErrorCode::EMPTY)
}

/// The length counts the packed bytes that follow it.
fn parse_long_pan(reader: &mut Reader<'_>) -> Result<PanSequence, ErrorCode> {
    let length = reader.small_decimal::<2>()?;
    let pan_sequence = packed_pan(reader.take(length.into())?)?;
    reader.expect(b';')?;
    Ok(pan_sequence)
}

pub(super) fn packed_pan(packed: &[u8]) -> Result<PanSequence, ErrorCode> {
    PanSequence::from_packed(packed).ok_or(ErrorCode::COMPONENTS)
}

fn parse_proprietary(reader: &mut Reader<'_>) -> Result<Proprietary, ErrorCode> {
    let length = reader.small_decimal::<1>()?;
    Proprietary::new(reader.take(length.into())?).ok_or(ErrorCode::LENGTH)
}

/// May hold anything that an issuer puts into its application data, so only its length is shown.
impl fmt::Debug for TransactionData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionData({} bytes)", self.0.len())
    }
}
