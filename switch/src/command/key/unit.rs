//! One HSM asked one command at a time, as tools need it. `serve` has its own way, with many commands
//! under way at once (`edge/hsm.rs`).

use crate::config::KeyKind;
use crate::settings::HsmSettings;
use hsm::{
    CheckValue, CipherData, CipherDirection, CipherMode, Command, DataFormat, DataKey, DataMessage,
    DataReply, ErrorCode, ExportKey, FormKey, GenerateKey, ImportKey, Iv, KcvLength, KeyField, KeyScheme,
    KeyType, LmkIdentifier, Reply, ReplyBody, Request, framing,
};
use hsm_sim::{Engine, Lmk};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An HSM of the configuration.
pub struct Unit(Way);

enum Way {
    Embedded(Box<Engine>),
    Network { stream: TcpStream, address: SocketAddr, header_length: usize },
}

/// Why the HSM gave no answer that helps.
#[derive(Debug)]
pub enum UnitError {
    /// No unit could be reached, or the connection broke; the last one tried.
    Unreachable(SocketAddr, io::Error),
    /// The answer is not what the command asks for.
    NotUnderstood,
    /// The HSM refused.
    Refused(ErrorCode),
}

impl Unit {
    /// Takes the embedded HSM, or connects to the first unit that answers.
    ///
    /// # Errors
    /// When no unit can be reached.
    pub fn connect(settings: &HsmSettings) -> Result<Unit, UnitError> {
        let HsmSettings::PayShield(settings) = settings else {
            // Whoever runs a tool on the machine of an HSM in software is at its console.
            let settings = hsm_sim::Settings { authorised: true, ..hsm_sim::Settings::default() };
            let engine = Engine::new(Lmk::public_test(), settings);
            return Ok(Unit(Way::Embedded(Box::new(engine))));
        };
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut error = UnitError::Unreachable(nobody, io::ErrorKind::NotFound.into());
        for address in settings.units.iter().map(|unit| unit.address) {
            match connect(address, settings.deadline) {
                Ok(stream) => {
                    let header_length = settings.header_length;
                    return Ok(Unit(Way::Network { stream, address, header_length }));
                }
                Err(cause) => error = UnitError::Unreachable(address, cause),
            }
        }
        Err(error)
    }

    /// The check value of a key, 16 digits (`BU`).
    ///
    /// # Errors
    /// When the key is not one of this kind under the LMK, or the HSM does not answer.
    pub fn check_value(&mut self, kind: KeyKind, key: &KeyField<'_>) -> Result<String, UnitError> {
        let key_type = kind.hsm_type();
        let command = CheckValue::new(key_type, key.borrowed(), KcvLength::Sixteen);
        self.ask_under(key.lmk_identifier(), Command::CheckValue(command), |reply| match &reply.body {
            ReplyBody::CheckValue(kcv) => Some(hex::encode_upper(kcv.as_bytes())),
            _ => None,
        })
    }

    /// Brings a key in from under a ZMK (`A6`): its cryptogram under the LMK, its check value of six
    /// digits, and whether the HSM had to mend its parity.
    ///
    /// # Errors
    /// When the HSM refuses the key or the ZMK, or does not answer.
    pub fn import(
        &mut self,
        kind: KeyKind,
        zmk: &KeyField<'_>,
        key: &KeyField<'_>,
        scheme: KeyScheme,
    ) -> Result<(String, String, bool), UnitError> {
        let lmk = zmk.lmk_identifier();
        let (zmk, key) = (zmk.borrowed(), key.borrowed());
        let command = Command::ImportKey(ImportKey::new(kind.hsm_type(), zmk, key, scheme));
        self.ask_under(lmk, command, |reply| match &reply.body {
            ReplyBody::Key { key, kcv } => {
                let mended = reply.error == ErrorCode::VERIFICATION_FAILED;
                Some((key.to_text(), hex::encode_upper(kcv.as_bytes()), mended))
            }
            _ => None,
        })
    }

    /// Has the HSM make a key (`A0`): its cryptogram under the LMK.
    ///
    /// # Errors
    /// When the HSM refuses, or does not answer.
    pub fn generate(&mut self, kind: KeyKind, scheme: KeyScheme) -> Result<KeyField<'static>, UnitError> {
        let command = Command::GenerateKey(GenerateKey::new(kind.hsm_type(), scheme));
        self.ask_under(None, command, made_key)
    }

    /// Has the HSM make a key of a type that the configuration has no use for (`A0`).
    ///
    /// # Errors
    /// When the HSM refuses, or does not answer.
    pub fn generate_type(
        &mut self,
        key_type: KeyType,
        scheme: KeyScheme,
    ) -> Result<KeyField<'static>, UnitError> {
        self.ask_under(None, Command::GenerateKey(GenerateKey::new(key_type, scheme)), made_key)
    }

    /// Encrypts (`M0`) or decrypts (`M2`) whole blocks, given and taken as hexadecimal digits, with a data
    /// encryption key in CBC mode.
    ///
    /// # Errors
    /// When the HSM refuses, or does not answer.
    pub fn cipher(
        &mut self,
        direction: CipherDirection,
        key: &KeyField<'_>,
        iv: Iv,
        digits: &[u8],
    ) -> Result<Vec<u8>, UnitError> {
        let mode = CipherMode::Cbc(iv);
        let command = CipherData {
            direction,
            mode,
            key: DataKey { key_type: Some(KeyType::DEK), key: key.borrowed(), ksn: None },
            output: DataFormat::Hex,
            message: DataMessage { format: DataFormat::Hex, sent: digits },
        };
        self.ask_under(key.lmk_identifier(), Command::CipherData(command), |reply| match &reply.body {
            ReplyBody::Data(data) => Some(DataReply::parse(data, &[(mode, false)]).ok()?.sent.to_vec()),
            _ => None,
        })
    }

    /// Has the HSM form a key of parts (`A4`).
    ///
    /// # Errors
    /// When the HSM refuses, or does not answer.
    pub fn form(
        &mut self,
        kind: KeyKind,
        scheme: KeyScheme,
        parts: &[KeyField<'static>],
    ) -> Result<KeyField<'static>, UnitError> {
        let components = parts.iter().map(KeyField::borrowed).collect();
        let command = FormKey { key_type: kind.hsm_type(), scheme, components, attributes: None };
        self.ask_under(None, Command::FormKey(command), made_key)
    }

    /// Puts a key under a ZMK (`A8`): its cryptogram there, and its check value of six digits.
    ///
    /// # Errors
    /// When the HSM refuses the key or the ZMK, or does not answer.
    pub fn export(
        &mut self,
        kind: KeyKind,
        zmk: &KeyField<'_>,
        key: &KeyField<'_>,
        scheme: KeyScheme,
    ) -> Result<(String, String), UnitError> {
        let lmk = key.lmk_identifier();
        let (zmk, key) = (zmk.borrowed(), key.borrowed());
        let command = Command::ExportKey(ExportKey::new(kind.hsm_type(), zmk, key, scheme));
        self.ask_under(lmk, command, |reply| match &reply.body {
            ReplyBody::Key { key, kcv } => Some((key.to_text(), hex::encode_upper(kcv.as_bytes()))),
            _ => None,
        })
    }

    /// Asks under the LMK that a key block names, or under the default one.
    fn ask_under<T>(
        &mut self,
        lmk: Option<LmkIdentifier>,
        command: Command<'_>,
        take: impl FnOnce(&Reply<'_>) -> Option<T>,
    ) -> Result<T, UnitError> {
        let mut message = Vec::new();
        let request = Request { lmk, ..Request::new(command) };
        let reply = match &mut self.0 {
            Way::Embedded(engine) => engine.run_under(lmk.unwrap_or(Lmk::VARIANT), &request.command),
            Way::Network { stream, address, header_length } => {
                let unreachable = |error| UnitError::Unreachable(*address, error);
                exchange(stream, *header_length, &request, &mut message).map_err(unreachable)?;
                let answer = framing::split_header(&message, *header_length);
                let (_, body) = answer.ok_or(UnitError::NotUnderstood)?;
                Reply::parse(request.command.code(), body).map_err(|_| UnitError::NotUnderstood)?
            }
        };
        // A6 gives a key along with error 01, so the body decides.
        match take(&reply) {
            Some(answer) => Ok(answer),
            None if reply.error.is_success() => Err(UnitError::NotUnderstood),
            None => Err(UnitError::Refused(reply.error)),
        }
    }
}

fn made_key(reply: &Reply<'_>) -> Option<KeyField<'static>> {
    match &reply.body {
        ReplyBody::Key { key, .. } => KeyField::from_text(&key.to_text()).ok(),
        _ => None,
    }
}

fn connect(address: SocketAddr, deadline: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, deadline)?;
    stream.set_read_timeout(Some(deadline))?;
    stream.set_write_timeout(Some(deadline))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends one command and reads one message. There is one command at a time, so any header will do.
fn exchange(
    stream: &mut TcpStream,
    header_length: usize,
    request: &Request<'_>,
    message: &mut Vec<u8>,
) -> io::Result<()> {
    let mut frame = Vec::new();
    framing::write_frame(&mut frame, &vec![b'0'; header_length], |out| request.encode(out))
        .map_err(io::Error::other)?;
    stream.write_all(&frame)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    message.resize(usize::from(u16::from_be_bytes(length)), 0);
    stream.read_exact(message)
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnitError::Unreachable(address, error) => write!(f, "the HSM at {address}: {error}"),
            UnitError::NotUnderstood => f.write_str("the HSM gave an answer that is not understood"),
            UnitError::Refused(code) => write!(f, "the HSM refused with {code}"),
        }
    }
}

impl std::error::Error for UnitError {}
