use super::keys::{KeyUse, attributes_of_type};
use super::{Engine, Outcome};
use crate::cipher::{ClearKey, KeyLength, set_odd_parity};
use crate::lmk::{self, KeyError, LmkKind};
use crate::weak_key::is_weak;
use crate::working_key::WorkingKey;
use crate::{dukpt, key_block, tr31};
use hsm::{
    AskedAttributes, AtallaVariant, ChangeScheme, DeriveInitialKey, ErrorCode, ExportKey, Exportability,
    FormKey, GenerateKey, ImportKey, InitialKsn, KeyAlgorithm, KeyAttributes, KeyBlockHeader,
    KeyBlockOptions, KeyField, KeyScheme, KeyType, KeyUsage, LmkIdentifier, MigrateKey, Reply, ReplyBody,
    TransportKey,
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Base derivation keys, by the number of their type.
const BDKS: [KeyType; 3] = [KeyType::BDK, KeyType::BDK_2, KeyType::BDK_3];

/// A real unit takes a key of usage B0 for every number.
const BDK_USAGES: &[&[u8; 2]] = &[b"B0", b"41", b"42", b"43", b"44"];

/// A ZMK or a TMK, where a command does not say which.
const TRANSPORT: KeyUse = KeyUse::new(KeyType::ZMK, &[b"K0", b"52", b"51"], b"NBE");

/// What a key is to be, before it is there.
struct Plan<'a> {
    algorithm: KeyAlgorithm,
    bytes: usize,
    attributes: KeyAttributes<'a>,
}

impl Engine {
    /// `A0`.
    pub(super) fn generate_key(&self, lmk: LmkIdentifier, command: &GenerateKey<'_>) -> Outcome {
        let (key, attributes) = match &command.derivation {
            None => {
                let plan = self.plan(lmk, command, None)?;
                (self.random_key(&plan)?, plan.attributes)
            }
            Some(derivation) => {
                let key = self.initial_key(lmk, derivation)?;
                (key.clone(), self.plan(lmk, command, Some(&key))?.attributes)
            }
        };
        let Some(export) = &command.export else {
            let under_lmk = self.under_lmk(lmk, command.key_type, command.scheme, attributes, &key)?;
            return Ok(ReplyBody::Key { key: under_lmk, kcv: key.kcv() });
        };
        let usage = match export.kind {
            Some(TransportKey::Tmk) => KeyUse::TMK,
            Some(TransportKey::Zmk) | None => KeyUse::ZMK,
        };
        let transport = self.transport_key(lmk, usage.for_modes(b"NBE"), &export.key)?;
        let leaving = self.leaving(lmk, &export.key, export.scheme, &command.options, attributes)?;
        let exported =
            self.under_transport(&transport, export.atalla_variant, export.scheme, leaving, &key)?;
        let under_lmk = self.under_lmk(lmk, command.key_type, command.scheme, attributes, &key)?;
        Ok(ReplyBody::KeyForTwo { key: under_lmk, exported, kcv: key.kcv() })
    }

    /// What `A0` is to make, or, when the key is there already, what its block is to say.
    fn plan<'a>(
        &self,
        lmk: LmkIdentifier,
        command: &GenerateKey<'a>,
        derived: Option<&WorkingKey>,
    ) -> Result<Plan<'a>, ErrorCode> {
        let asked = command.options.attributes;
        let (algorithm, bytes) = match (self.lmk.kind(lmk), command.scheme) {
            (Some(LmkKind::Variant), KeyScheme::Z | KeyScheme::U | KeyScheme::T) => {
                let length = lmk::key_length(command.scheme).map_err(|_| ErrorCode::KEY_SCHEME)?;
                (KeyAlgorithm::Tdes, length.bytes())
            }
            (Some(LmkKind::TdesKeyBlock | LmkKind::AesKeyBlock), KeyScheme::S) => {
                match (asked.and_then(|asked| asked.algorithm), derived) {
                    (Some(asked), _) => (asked.algorithm(), asked.bytes()),
                    (None, Some(key)) => (key.algorithm(), key.reveal().len()),
                    // Nothing is known of the length of a key that only has a type; ours is double.
                    (None, None) => (KeyAlgorithm::Tdes, 16),
                }
            }
            _ => return Err(ErrorCode::KEY_SCHEME),
        };
        if self.lmk.kind(lmk) == Some(LmkKind::TdesKeyBlock) && algorithm == KeyAlgorithm::Aes {
            return Err(ErrorCode::NOT_UNDER_TDES_LMK);
        }
        let attributes = self.attributes(lmk, command.key_type, asked.as_ref(), algorithm)?;
        if let Some(key) = derived {
            if key.algorithm() != algorithm {
                return Err(ErrorCode::KEY_BLOCK_ALGORITHM);
            }
            if key.reveal().len() != bytes {
                return Err(ErrorCode::KEY_LENGTH);
            }
            if self.lmk.kind(lmk) == Some(LmkKind::Variant) && command.key_type != KeyType::IKEY {
                return Err(ErrorCode::KEY_TYPE);
            }
            if attributes.usage != KeyUsage::literal(b"B1") {
                return Err(ErrorCode::KEY_BLOCK_USAGE);
            }
        }
        Ok(Plan { algorithm, bytes, attributes })
    }

    /// What a key block is to say of a key that comes without one: as asked, or by the type of the key.
    fn attributes<'a>(
        &self,
        lmk: LmkIdentifier,
        key_type: KeyType,
        asked: Option<&AskedAttributes<'a>>,
        algorithm: KeyAlgorithm,
    ) -> Result<KeyAttributes<'a>, ErrorCode> {
        let by_type = attributes_of_type(key_type, algorithm);
        let attributes = match (asked, by_type) {
            (Some(asked), _) => asked.of(algorithm),
            (None, Some(by_type)) => by_type,
            (None, None) if key_type == KeyType::FROM_KEY_BLOCK => {
                let variant = self.lmk.kind(lmk) == Some(LmkKind::Variant);
                return Err(if variant { ErrorCode::KEY_TYPE_CODE } else { ErrorCode::INPUT });
            }
            (None, None) => return Err(ErrorCode::KEY_TYPE_CODE),
        };
        check_attributes(&attributes)?;
        check_type(key_type, attributes.usage)?;
        Ok(attributes)
    }

    /// Never weak, and TDES keys of odd parity.
    fn random_key(&self, plan: &Plan<'_>) -> Result<WorkingKey, ErrorCode> {
        let mut bytes = Zeroizing::new([0; 32]);
        let bytes = &mut bytes[..plan.bytes];
        // A weak key comes up once in some 10^15; a generator that gives only such is broken.
        for _ in 0..8 {
            self.fill(bytes)?;
            if plan.algorithm != KeyAlgorithm::Aes {
                set_odd_parity(bytes);
            }
            let key = WorkingKey::new(plan.algorithm, bytes).map_err(|_| ErrorCode::KEY_LENGTH)?;
            if !is_weak(&key) {
                return Ok(key);
            }
        }
        Err(ErrorCode::INTERNAL)
    }

    /// Modes A and B of `A0`.
    fn initial_key(
        &self,
        lmk: LmkIdentifier,
        derivation: &DeriveInitialKey<'_>,
    ) -> Result<WorkingKey, ErrorCode> {
        let number = usize::from(derivation.bdk_number);
        let key_type = match (number, self.lmk.kind(lmk)) {
            (0 | 6.., _) => return Err(ErrorCode::KEY_TYPE_CODE),
            // The key types of BDK-4 and BDK-5 are not known.
            (4 | 5, Some(LmkKind::Variant)) => return Err(ErrorCode::COMMAND_DISABLED),
            _ => BDKS[(number - 1).min(2)],
        };
        let usage = KeyUse::new(key_type, BDK_USAGES, b"NX");
        let parity = ErrorCode::SOURCE_KEY_PARITY;
        match derivation.ksn {
            InitialKsn::Tdes(digits) => {
                let bdk = self.key(lmk, usage, &derivation.bdk, parity)?;
                if bdk.length() != KeyLength::Double {
                    return Err(ErrorCode::KEY_LENGTH);
                }
                // What is left out of the serial number belongs to the counter.
                let mut padded = [b'0'; 20];
                padded[..15].copy_from_slice(&digits);
                Ok(dukpt::initial_key(&bdk, decoded(&padded)?).into())
            }
            InitialKsn::Aes(digits) => {
                let bdk = self.aes_key(lmk, usage, &derivation.bdk, parity)?;
                Ok(dukpt::aes_initial_key(&bdk, decoded(&digits)?).into())
            }
        }
    }

    /// `A6`.
    pub(super) fn import_key(&self, lmk: LmkIdentifier, command: &ImportKey<'_>) -> Reply<'static> {
        match self.import(lmk, command) {
            Ok((body, true)) => Reply::success(body),
            Ok((body, false)) => Reply { error: ErrorCode::VERIFICATION_FAILED, body },
            Err(error) => Reply::failure(error),
        }
    }

    /// The imported key, and whether its parity was right.
    fn import(
        &self,
        lmk: LmkIdentifier,
        command: &ImportKey<'_>,
    ) -> Result<(ReplyBody<'static>, bool), ErrorCode> {
        let parity = ErrorCode::DESTINATION_KEY_PARITY;
        self.check_scheme(lmk, command.scheme)?;
        if command.options.exportability.is_some() || command.options.version.is_some() {
            return Err(ErrorCode::INPUT);
        }
        let zmk = self.transport_key(lmk, KeyUse::ZMK.for_modes(b"NBD"), &command.zmk)?;
        let asked = command.options.attributes;
        let in_block = matches!(command.key.scheme(), KeyScheme::S | KeyScheme::R);
        if in_block && command.atalla_variant.is_some() {
            return Err(ErrorCode::INPUT);
        }
        let received = match command.key.scheme() {
            KeyScheme::S => key_block::unwrap(&zmk, key_block::UNDER_ZMK, command.key.reveal()),
            KeyScheme::R => tr31::unwrap(&zmk, command.key.reveal()),
            _ => {
                let zmk = varied(tdes(&zmk)?, command.atalla_variant)?;
                lmk::unwrap(&zmk, &command.key).map(WorkingKey::from)
            }
        };
        let received = received.map_err(|error| error.code(parity))?;
        let attributes = if in_block {
            let (header, _) = KeyBlockHeader::parse(command.key.reveal())
                .map_err(|error| KeyError::from(error).code(parity))?;
            let stated = header.attributes;
            check_attributes(&stated)?;
            check_type(command.key_type, stated.usage)?;
            asked.map_or(Ok(stated), |asked| narrowed(stated, &asked))?
        } else {
            self.attributes(lmk, command.key_type, asked.as_ref(), received.algorithm())?
        };
        if received.reveal().iter().all(|byte| *byte == 0) {
            return Err(parity);
        }
        if is_weak(&received) {
            return Err(ErrorCode::INPUT);
        }
        // The parity of an initial key of DUKPT is as it was derived.
        let (key, good) = match &received {
            WorkingKey::Tdes(key)
                if !key.has_odd_parity() && attributes.usage != KeyUsage::literal(b"B1") =>
            {
                (WorkingKey::from(key.with_odd_parity()), false)
            }
            _ => (received, true),
        };
        let scheme = command.scheme;
        // Under a variant LMK there is no AES key.
        if self.lmk.kind(lmk) == Some(LmkKind::Variant) {
            tdes(&key)?;
        }
        let under_lmk = self.under_lmk(lmk, command.key_type, scheme, attributes, &key)?;
        Ok((ReplyBody::Key { key: under_lmk, kcv: key.kcv() }, good))
    }

    /// `A8`.
    pub(super) fn export_key(&self, lmk: LmkIdentifier, command: &ExportKey<'_>) -> Outcome {
        let zmk = self.transport_key(lmk, TRANSPORT, &command.zmk)?;
        let key = self.any_key(lmk, command.key_type, &command.key, ErrorCode::DESTINATION_KEY_PARITY)?;
        let asked = command.options.attributes;
        let attributes = if self.lmk.kind(lmk) == Some(LmkKind::Variant) {
            match (asked, attributes_of_type(command.key_type, key.algorithm())) {
                // A type that is not known may leave in the schemes that do not say what a key is for.
                (None, None) => None,
                (asked, _) => {
                    Some(self.attributes(lmk, command.key_type, asked.as_ref(), key.algorithm())?)
                }
            }
        } else {
            if asked.is_some() {
                return Err(ErrorCode::INPUT);
            }
            let stated = key_block::stated(command.key.reveal())
                .map_err(|error| error.code(ErrorCode::DESTINATION_KEY_PARITY))?;
            check_type(command.key_type, stated.usage)?;
            Some(stated)
        };
        let scheme = command.scheme;
        let leaving = match attributes {
            Some(attributes) => {
                Some(self.leaving(lmk, &command.zmk, scheme, &command.options, attributes)?)
            }
            None if matches!(scheme, KeyScheme::S | KeyScheme::R) => return Err(ErrorCode::KEY_TYPE_CODE),
            None => None,
        };
        let exported = match leaving {
            Some(leaving) => self.under_transport(&zmk, command.atalla_variant, scheme, leaving, &key)?,
            None => plain_under(&zmk, command.atalla_variant, scheme, &key)?,
        };
        Ok(ReplyBody::Key { key: exported, kcv: key.kcv() })
    }

    /// What the block that leaves says, once it is sure that the key may leave in this way.
    fn leaving<'a>(
        &self,
        lmk: LmkIdentifier,
        transport: &KeyField<'_>,
        scheme: KeyScheme,
        options: &KeyBlockOptions<'_>,
        attributes: KeyAttributes<'a>,
    ) -> Result<KeyAttributes<'a>, ErrorCode> {
        let in_block = matches!(scheme, KeyScheme::S | KeyScheme::R);
        let trusted = in_block && transport.scheme() == KeyScheme::S;
        // A variant LMK knows no exportability; what its keys state is for the block that leaves.
        if self.lmk.kind(lmk) != Some(LmkKind::Variant) {
            match attributes.exportability {
                Exportability::Never => return Err(ErrorCode::KEY_BLOCK_EXPORTABILITY),
                Exportability::Trusted if !trusted => return Err(ErrorCode::KEY_BLOCK_EXPORTABILITY),
                _ => {}
            }
        }
        if !in_block && (options.exportability.is_some() || options.version.is_some()) {
            return Err(ErrorCode::INPUT);
        }
        if let Some(version) = options.version {
            // Only the version that goes with the algorithm of the transport key is made.
            let tdes = !transport.is_aes();
            let made = match scheme {
                KeyScheme::R => {
                    if tdes {
                        b'B'
                    } else {
                        b'D'
                    }
                }
                _ => {
                    if tdes {
                        b'0'
                    } else {
                        b'1'
                    }
                }
            };
            if version != made {
                return Err(ErrorCode::KEY_BLOCK_FORMAT);
            }
        }
        let exportability = options.exportability.unwrap_or(attributes.exportability);
        if exportability.is_wider_than(attributes.exportability) {
            return Err(ErrorCode::KEY_BLOCK_EXPORTABILITY);
        }
        Ok(KeyAttributes { exportability, ..attributes })
    }

    /// A key as it leaves.
    fn under_transport(
        &self,
        transport: &WorkingKey,
        atalla: Option<AtallaVariant>,
        scheme: KeyScheme,
        attributes: KeyAttributes<'_>,
        key: &WorkingKey,
    ) -> Result<KeyField<'static>, ErrorCode> {
        if !matches!(scheme, KeyScheme::S | KeyScheme::R) {
            return plain_under(transport, atalla, scheme, key);
        }
        if atalla.is_some() {
            return Err(ErrorCode::INPUT);
        }
        // A key must not leave under a weaker one.
        if matches!((transport, key), (WorkingKey::Tdes(_), WorkingKey::Aes(_))) {
            return Err(ErrorCode::KEY_BLOCK_ALGORITHM);
        }
        let filling = self.filling()?;
        let block = match scheme {
            KeyScheme::S => key_block::wrap(transport, key_block::UNDER_ZMK, attributes, key, filling),
            _ => tr31::wrap(transport, attributes, key, filling),
        };
        let block = block.map_err(|error| error.code(ErrorCode::DESTINATION_KEY_PARITY))?;
        KeyField::from_text(&format!("{}{block}", scheme.letter())).map_err(|_| ErrorCode::KEY_BLOCK_FORMAT)
    }

    /// `A4`.
    pub(super) fn form_key(&self, lmk: LmkIdentifier, command: &FormKey<'_>) -> Outcome {
        self.require_authorised()?;
        self.check_scheme(lmk, command.scheme)?;
        let parity = ErrorCode::SOURCE_KEY_PARITY;
        let [first, others @ ..] = command.components.as_slice() else {
            return Err(ErrorCode::COMPONENTS);
        };
        if others.is_empty() || others.len() > 8 {
            return Err(ErrorCode::COMPONENTS);
        }
        let stated = match self.lmk.kind(lmk) {
            Some(LmkKind::Variant) => None,
            _ => Some(key_block::stated(first.reveal()).map_err(|error| error.code(parity))?),
        };
        let first_key = self.any_key(lmk, command.key_type, first, parity)?;
        let mut sum = Zeroizing::new(first_key.reveal().to_vec());
        for component in others {
            let key = self.any_key(lmk, command.key_type, component, parity)?;
            if key.reveal().len() != sum.len() {
                return Err(ErrorCode::KEY_LENGTH);
            }
            if let Some(stated) = &stated {
                let other = key_block::stated(component.reveal()).map_err(|error| error.code(parity))?;
                check_alike(stated, &other)?;
            }
            sum.iter_mut().zip(key.reveal()).for_each(|(sum, byte)| *sum ^= byte);
        }
        if sum.iter().all(|byte| *byte == 0) {
            return Err(ErrorCode::DESTINATION_KEY_PARITY);
        }
        let algorithm = stated.map_or(KeyAlgorithm::Tdes, |stated| stated.algorithm);
        if algorithm != KeyAlgorithm::Aes {
            set_odd_parity(&mut sum);
        }
        let key = WorkingKey::new(algorithm, &sum).map_err(|_| ErrorCode::KEY_LENGTH)?;
        if is_weak(&key) {
            return Err(ErrorCode::INPUT);
        }
        let mut attributes = match stated {
            Some(stated) => {
                check_type(command.key_type, stated.usage)?;
                KeyAttributes { key_version: *b"00", optional_blocks: hsm::OptionalBlocks::NONE, ..stated }
            }
            None => attributes_of_type(command.key_type, algorithm).ok_or(ErrorCode::KEY_TYPE_CODE)?,
        };
        if let Some(asked) = &command.attributes {
            attributes.key_version = asked.key_version;
            attributes.optional_blocks = asked.optional_blocks;
        }
        let under_lmk = self.under_lmk(lmk, command.key_type, command.scheme, attributes, &key)?;
        Ok(ReplyBody::Key { key: under_lmk, kcv: key.kcv() })
    }

    /// `B0`.
    pub(super) fn change_scheme(&self, lmk: LmkIdentifier, command: &ChangeScheme<'_>) -> Outcome {
        // In a key block there is no other scheme to change to.
        if self.lmk.kind(lmk) != Some(LmkKind::Variant) {
            return Err(ErrorCode::KEY_SCHEME);
        }
        let parity = ErrorCode::SOURCE_KEY_PARITY;
        let key = self.any_key(lmk, command.key_type, &command.key, parity)?;
        let changed = self.lmk.encrypt_key_under(lmk, command.key_type, command.scheme, tdes(&key)?.as_ref());
        changed.map(ReplyBody::KeyAlone).map_err(|error| error.code(parity))
    }

    /// `BW`.
    pub(super) fn migrate_key(&self, lmk: LmkIdentifier, command: &MigrateKey<'_>) -> Outcome {
        let parity = ErrorCode::SOURCE_KEY_PARITY;
        let old = self.lmk.decrypt_old_key(lmk, command.key_type, &command.key);
        let key = old.ok_or(ErrorCode::LMK_CHANGE_STORAGE)?.map_err(|error| error.code(parity))?;
        let in_block = command.key.scheme() == KeyScheme::S;
        let attributes = if in_block {
            key_block::stated(command.key.reveal()).map_err(|error| error.code(parity))?
        } else {
            attributes_of_type(command.key_type, key.algorithm()).ok_or(ErrorCode::KEY_TYPE_CODE)?
        };
        check_type(command.key_type, attributes.usage)?;
        let scheme = command.scheme.unwrap_or(command.key.scheme());
        self.under_lmk(lmk, command.key_type, scheme, attributes, &key).map(ReplyBody::KeyAlone)
    }

    /// Whether keys stand under this LMK in this scheme; the older X and Y are read but not made.
    fn check_scheme(&self, lmk: LmkIdentifier, scheme: KeyScheme) -> Result<(), ErrorCode> {
        let made = match self.lmk.kind(lmk) {
            Some(LmkKind::Variant) => matches!(scheme, KeyScheme::Z | KeyScheme::U | KeyScheme::T),
            _ => scheme == KeyScheme::S,
        };
        if made { Ok(()) } else { Err(ErrorCode::KEY_SCHEME) }
    }
}

/// A key as it leaves in a scheme that says nothing of it.
fn plain_under(
    transport: &WorkingKey,
    atalla: Option<AtallaVariant>,
    scheme: KeyScheme,
    key: &WorkingKey,
) -> Result<KeyField<'static>, ErrorCode> {
    let transport = varied(tdes(transport)?, atalla)?;
    let wrapped = lmk::wrap(&transport, scheme, tdes(key)?);
    wrapped.map_err(|error| error.code(ErrorCode::DESTINATION_KEY_PARITY))
}

/// A ZMK with its Atalla variant: eight times the number into the first byte of every part.
pub(super) fn varied(zmk: &ClearKey, variant: Option<AtallaVariant>) -> Result<ClearKey, ErrorCode> {
    let Some(variant) = variant else { return Ok(zmk.clone()) };
    let byte = variant.number().checked_mul(8).ok_or(ErrorCode::INPUT)?;
    let mut bytes = Zeroizing::new(zmk.reveal().to_vec());
    for part in bytes.as_chunks_mut::<8>().0 {
        part[0] ^= byte;
    }
    ClearKey::new(&bytes).map_err(|_| ErrorCode::KEY_LENGTH)
}

/// The TDES key, in places where no other one can be.
pub(super) fn tdes(key: &WorkingKey) -> Result<&Arc<ClearKey>, ErrorCode> {
    match key {
        WorkingKey::Tdes(key) => Ok(key),
        WorkingKey::Aes(_) => Err(ErrorCode::KEY_BLOCK_ALGORITHM),
    }
}

fn decoded<const N: usize>(digits: &[u8]) -> Result<[u8; N], ErrorCode> {
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| ErrorCode::INPUT)?;
    Ok(bytes)
}

/// Whether the usage is known and the mode of use one for it.
fn check_attributes(attributes: &KeyAttributes<'_>) -> Result<(), ErrorCode> {
    if !attributes.usage.is_known() {
        return Err(ErrorCode::KEY_BLOCK_USAGE);
    }
    let modes: &[u8] = match attributes.usage.as_bytes() {
        b"P0" | b"71" | b"72" | b"73" | b"K0" | b"51" | b"52" | b"D0" | b"21" | b"22" | b"23" => b"NBDE",
        [b'M' | b'V' | b'C', _] | b"11" | b"12" | b"13" | [b'6', _] => b"NCGV",
        b"B0" | b"B1" | b"41" | b"42" | b"43" | b"44" => b"NX",
        _ => return Ok(()),
    };
    if modes.contains(&attributes.mode.letter()) { Ok(()) } else { Err(ErrorCode::KEY_BLOCK_MODE) }
}

/// Whether a key of this usage may have this type; any may have FFF, and types that are not known say
/// nothing.
fn check_type(key_type: KeyType, usage: KeyUsage) -> Result<(), ErrorCode> {
    let Some(expected) = attributes_of_type(key_type, KeyAlgorithm::Tdes) else { return Ok(()) };
    let usage = usage.to_tr31().unwrap_or(usage);
    let fits = match (key_type, usage.as_bytes()) {
        // TMK, TPK and PVK share a type.
        (KeyType::TMK, b"K0" | b"P0" | [b'V', _]) => true,
        (KeyType::TAK | KeyType::ZAK, [b'M', _]) => true,
        _ => usage == expected.usage.to_tr31().unwrap_or(expected.usage),
    };
    if fits { Ok(()) } else { Err(ErrorCode::KEY_BLOCK_USAGE) }
}

/// What is asked for a key that comes with a block: it may narrow what that says, never widen it.
fn narrowed<'a>(
    stated: KeyAttributes<'_>,
    asked: &AskedAttributes<'a>,
) -> Result<KeyAttributes<'a>, ErrorCode> {
    let asked = asked.of(stated.algorithm);
    check_attributes(&asked)?;
    if asked.usage != stated.usage && asked.usage.to_tr31() != stated.usage.to_tr31() {
        return Err(ErrorCode::KEY_BLOCK_USAGE);
    }
    let wider_mode = match stated.mode.letter() {
        b'N' => false,
        b'B' => !matches!(asked.mode.letter(), b'B' | b'D' | b'E'),
        b'C' => !matches!(asked.mode.letter(), b'C' | b'G' | b'V'),
        letter => asked.mode.letter() != letter,
    };
    if wider_mode {
        return Err(ErrorCode::KEY_BLOCK_MODE);
    }
    if asked.exportability.is_wider_than(stated.exportability) {
        return Err(ErrorCode::KEY_BLOCK_EXPORTABILITY);
    }
    Ok(asked)
}

/// Components of one key say the same of it, but for their numbers.
fn check_alike(one: &KeyAttributes<'_>, other: &KeyAttributes<'_>) -> Result<(), ErrorCode> {
    if one.usage != other.usage {
        return Err(ErrorCode::KEY_BLOCK_USAGE);
    }
    if one.algorithm != other.algorithm {
        return Err(ErrorCode::KEY_BLOCK_ALGORITHM);
    }
    if one.mode != other.mode {
        return Err(ErrorCode::KEY_BLOCK_MODE);
    }
    if one.exportability != other.exportability {
        return Err(ErrorCode::KEY_BLOCK_EXPORTABILITY);
    }
    Ok(())
}
