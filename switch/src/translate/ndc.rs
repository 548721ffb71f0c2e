//! NDC to the core's terms and back. Pure.

use crate::settings::{AtmBuffer, AtmTransaction, NdcSettings};
use crate::translate::chip::{ChipError, Objects};
use auth::{
    AccountType, Cash, EntryMode, LinkName, MessageClass, OnlinePin, PointOfService, ReplyTo, Request,
    Response, TransactionType, TransmissionTime,
};
use card::{Amount, HolderSecret, Pan, ResponseCode, Stan, TerminalId, Time, UtcOffset};
use ndc::dispense::{self, Cassette};
use ndc::{
    CardFlag, EncodeError, Function, Print, RequestHeader, Screen, TransactionReply, TransactionRequest, Tsn,
    tlv,
};

/// Merchant category code of cash from an ATM (ISO 18245).
const ATM_MCC: u16 = 6011;

/// What the ATM asked for, as the reply needs it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Which transaction.
    pub transaction: AtmTransaction,
    /// Amount keyed, minor units.
    pub amount_minor: i64,
    /// Notes planned for it.
    pub notes: Option<[u8; 4]>,
    /// Whether the chip takes part, so that it is told the outcome.
    pub has_chip: bool,
}

/// A request that is answered without the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The answer.
    pub code: ResponseCode,
    /// Why, for the log.
    pub reason: &'static str,
}

/// Everything around a request that the request itself does not say.
pub struct Asking<'a> {
    /// The site.
    pub settings: &'a NdcSettings,
    /// Notes of this ATM.
    pub denominations_minor: [i64; 4],
    /// Cassettes that are empty or out of order.
    pub unusable: [bool; 4],
    /// The listener.
    pub link: LinkName,
    /// The ATM.
    pub terminal: TerminalId,
    /// Serial number that the reply will carry; it is the STAN as well.
    pub tsn: Tsn,
    /// Where the response goes.
    pub reply_to: ReplyTo,
    /// Now; it is the transmission time, which NDC does not have.
    pub now: Time,
}

/// What a reply must repeat of its request.
#[must_use]
pub fn header(request: &TransactionRequest<'_>) -> RequestHeader {
    RequestHeader {
        luno: request.luno,
        tvn: request.tvn,
        top_of_receipt: request.top_of_receipt,
        mcn: request.mcn,
    }
}

impl Asking<'_> {
    /// Turns a transaction request into the core's form.
    ///
    /// # Errors
    /// When the operation code means nothing here, or the card cannot be read.
    pub fn ask(&self, request: &TransactionRequest<'_>) -> Result<(Asked, Box<Request>), Refusal> {
        let refuse = |code, reason| Refusal { code, reason };
        let operation =
            request.operation_code.and_then(|code| self.settings.operation_codes.get(code.as_bytes()));
        let Some(transaction) = operation.copied() else {
            return Err(refuse(ResponseCode::INVALID_TRANSACTION, "operation code is not configured"));
        };
        let Some(Ok(track2)) = request.read_track2() else {
            return Err(refuse(ResponseCode::INVALID_CARD, "no readable track 2"));
        };
        let unreadable = |error: ChipError| refuse(ResponseCode::FORMAT_ERROR, error.reason);
        let objects = match &request.smart_card {
            // Without objects the chip failed and the stripe was read.
            Some(smart_card) if !smart_card.reveal().is_empty() => {
                Some(Objects::read(smart_card.reveal()).map_err(unreadable)?)
            }
            _ => None,
        };
        let chip = objects.as_ref().map(Objects::chip).transpose().map_err(unreadable)?.map(Box::new);
        let card_sequence =
            objects.as_ref().map(Objects::card_sequence).transpose().map_err(unreadable)?.flatten();
        let amount_minor = request.amount_minor.and_then(|minor| i64::try_from(minor).ok()).unwrap_or(0);
        let withdrawal = transaction == AtmTransaction::Withdrawal;
        let notes = if withdrawal { self.plan(amount_minor) } else { None };
        // Empty objects are sent where the chip failed and the stripe was read.
        let entry = match (&chip, &request.smart_card) {
            (Some(_), _) => EntryMode::Chip,
            (None, Some(_)) => EntryMode::Fallback,
            (None, None) => EntryMode::Stripe,
        };
        let asked = Asked { transaction, amount_minor, notes, has_chip: chip.is_some() };
        let request = Request {
            reply_to: self.reply_to,
            link: self.link,
            class: MessageClass::Financial,
            transaction: match transaction {
                AtmTransaction::Withdrawal => TransactionType::Withdrawal,
                AtmTransaction::BalanceInquiry => TransactionType::BalanceInquiry,
                AtmTransaction::PinChange => TransactionType::PinChange,
                AtmTransaction::PinUnblock => TransactionType::PinUnblock,
            },
            account_type: AccountType::Default,
            pan: track2.pan(),
            expiry: track2.expiry(),
            card_sequence,
            amount_minor,
            currency: self.settings.currency.numeric(),
            stan: Stan::new(u32::from(self.tsn.number())).expect("a TSN has four digits"),
            rrn: None,
            transmission: transmission(self.now),
            terminal: self.terminal,
            merchant: None,
            mcc: ATM_MCC,
            country: 0,
            entry,
            point_of_service: PointOfService {
                takes_pin: Some(true),
                attended: Some(false),
                card_present: Some(true),
                holder_present: Some(true),
                ..PointOfService::default()
            },
            track2: Some(track2),
            token: None,
            particulars: None,
            pin_block: request.pin_block.clone().map(OnlinePin::from),
            new_pin: request.new_pin_block.clone().map(OnlinePin::from),
            chip,
            cash: withdrawal.then_some(Cash { tsn: self.tsn.number(), notes }),
            stated: auth::Stated::default(),
            instruction: auth::Instruction::default(),
            one_time_code: self.one_time_code(request),
        };
        Ok((asked, Box::new(request)))
    }

    /// What the customer keyed into the buffer that the site uses for it.
    fn one_time_code(&self, request: &TransactionRequest<'_>) -> Option<HolderSecret> {
        let buffer = match self.settings.one_time_code? {
            AtmBuffer::B => &request.buffer_b,
            AtmBuffer::C => &request.buffer_c,
        };
        HolderSecret::parse(buffer.reveal()).ok()
    }

    /// The fewest notes that make up the amount, from cassettes that work.
    fn plan(&self, amount_minor: i64) -> Option<[u8; 4]> {
        let mut cassettes = [Cassette { denomination_minor: 0, available: 0 }; 4];
        for (index, cassette) in cassettes.iter_mut().enumerate() {
            let denomination = u64::try_from(self.denominations_minor[index]).unwrap_or(0);
            if denomination > 0 && !self.unusable[index] {
                *cassette = Cassette { denomination_minor: denomination, available: dispense::MAX_COUNT };
            }
        }
        let planned = dispense::plan(
            u64::try_from(amount_minor).ok()?,
            &cassettes,
            u32::from(self.settings.max_notes),
        )?;
        let counts: Option<Vec<u8>> =
            planned.counts().iter().map(|count| u8::try_from(*count).ok()).collect();
        counts?.try_into().ok()
    }
}

fn transmission(now: Time) -> TransmissionTime {
    let digits = now.month_day_time(UtcOffset::default());
    TransmissionTime(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// Everything that a reply is made of.
pub struct Replying<'a> {
    /// The site.
    pub settings: &'a NdcSettings,
    /// What must be repeated.
    pub header: &'a RequestHeader,
    /// The ATM, for the receipt.
    pub terminal: &'a TerminalId,
    /// The card, masked on the receipt.
    pub pan: Option<Pan>,
    /// Serial number.
    pub tsn: Tsn,
    /// What was asked; `None` when it could not be read.
    pub asked: Option<&'a Asked>,
    /// The core's answer.
    pub response: &'a Response,
}

impl Replying<'_> {
    /// Appends the body of the transaction reply.
    ///
    /// # Errors
    /// When a configured screen or text does not fit the wire form.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let approved = self.response.code.is_approval();
        let notes = self.asked.and_then(|asked| asked.notes).filter(|_| approved);
        let (state, screen, function) = match (approved, notes) {
            (true, Some(_)) => {
                (self.settings.approved_state, self.settings.approved_screen, Function::DISPENSE_AND_PRINT)
            }
            (true, None) => (
                self.settings.information_state,
                self.settings.information_screen,
                Function::NEXT_STATE_AND_PRINT,
            ),
            (false, _) => {
                (self.settings.declined_state, self.declined_screen(), Function::NEXT_STATE_AND_PRINT)
            }
        };
        let receipt = self.receipt(notes);
        let mut reply = TransactionReply::new(three_digits(state), function, self.header.mcn);
        reply.luno = Some(self.header.luno);
        if let Some(tvn) = &self.header.tvn {
            reply.sequence = tvn.as_bytes();
        }
        reply.notes = Some(notes.map_or(ndc::Notes::NONE, |counts| ndc::Notes::from(counts.map(u32::from))));
        reply.tsn = self.tsn;
        reply.screens = vec![Screen { number: three_digits(screen), update: b"" }];
        reply.card = if self.response.code.is_capture() { CardFlag::Retain } else { CardFlag::Return };
        reply.prints = vec![Print { printer: Print::JOURNAL_AND_RECEIPT, text: receipt.as_bytes() }];
        if self.asked.is_some_and(|asked| asked.has_chip) {
            let authentication = self.response.issuer_authentication.as_deref().unwrap_or_default();
            let script = self.response.script.as_deref().map_or(&[][..], |script| script);
            reply.chip = Some(tlv::issuer_response(authentication, *self.response.code.as_bytes(), script));
        }
        reply.encode(out)
    }

    fn declined_screen(&self) -> u16 {
        let own = self.settings.declined_screens.get(self.response.code.as_str());
        own.copied().unwrap_or(self.settings.declined_screen)
    }

    /// Plain lines: the ATM, the masked card, what was asked, how it went.
    fn receipt(&self, notes: Option<[u8; 4]>) -> String {
        let mut lines = vec![format!("ATM {}", self.terminal)];
        if let Some(pan) = self.pan {
            lines.push(format!("CARD {pan}"));
        }
        if let Some(counts) = notes {
            let amount = self.asked.map_or(0, |asked| asked.amount_minor);
            lines.push(format!("CASH {}", Amount::new(amount, self.settings.currency)));
            lines.push(format!("NOTES {}", counts.map(|count| count.to_string()).join("-")));
        }
        match &self.response.authorization_id {
            Some(id) => lines.push(format!("AUTH {}", String::from_utf8_lossy(id))),
            None => lines.push(format!("DECLINED {}", self.response.code)),
        }
        if let Some(balance) = self.response.balance {
            lines.push(format!("AVAILABLE {}", Amount::new(balance.available_minor, balance.currency)));
        }
        lines.push(format!("TSN {:04}", self.tsn.number()));
        lines.join("\n")
    }
}

/// State and screen numbers are three decimal characters.
fn three_digits(number: u16) -> [u8; 3] {
    let number = number % 1000;
    [b'0' + (number / 100) as u8, b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}
