//! What a command allows: whether it may be asked twice, and who goes first.
//!
//! | Commands | May be repeated | Lane |
//! | --- | --- | --- |
//! | `DC` `EC` `DA` `EA` `GQ` `GO` PIN, `CY` CVV, `KQ` `KW` `JS` ARQC: verify | yes | authorization |
//! | `CU` `DU` reference value of a new PIN, `KU` `JU` MAC of a script | yes | authorization |
//! | `CA` `CC` translate a PIN block, `CW` make a CVV, `M6` `M8` MAC | yes | authorization |
//! | `NC` `NO` `B2` who is there, `BU` check value | yes | housekeeping |
//! | `A0` make a key, `A6` `A8` import and export, `N0`, and every other | no | housekeeping |
//!
//! A command may be repeated when it changes nothing in the HSM and its answer, given a second time, is
//! worth as much as the first. A key that was made and whose answer got lost is neither: the second is
//! another key, and the first exists without anyone knowing it. What is not listed is not repeated.

use hsm::CommandCode;

/// Which queue a command waits in. The first lane is emptied before the second is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Somebody stands at a terminal.
    Authorization,
    /// Can wait.
    Housekeeping,
}

impl Lane {
    pub(super) const ALL: [Lane; 2] = [Lane::Authorization, Lane::Housekeeping];

    /// Its name among the metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Lane::Authorization => "authorization",
            Lane::Housekeeping => "housekeeping",
        }
    }
}

/// What a command allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Whether another unit may be asked when the first died without an answer.
    pub(super) repeatable: bool,
    pub(super) lane: Lane,
}

/// The policy of a command.
pub(super) fn policy(code: CommandCode) -> Policy {
    match code.as_bytes() {
        b"DC" | b"EC" | b"DA" | b"EA" | b"CY" | b"KQ" | b"KW" | b"JS" | b"CA" | b"CC" | b"CW" | b"M6"
        | b"M8" | b"GQ" | b"GO" | b"CU" | b"DU" | b"KU" | b"JU" => {
            Policy { repeatable: true, lane: Lane::Authorization }
        }
        b"NC" | b"NO" | b"B2" | b"BU" => Policy { repeatable: true, lane: Lane::Housekeeping },
        _ => Policy { repeatable: false, lane: Lane::Housekeeping },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_harmless_is_repeated() {
        let check = |code: &[u8; 2], repeatable, lane| {
            assert_eq!(policy(CommandCode::new(*code)), Policy { repeatable, lane });
        };
        check(b"EC", true, Lane::Authorization);
        check(b"KW", true, Lane::Authorization);
        check(b"JS", true, Lane::Authorization);
        check(b"CC", true, Lane::Authorization);
        check(b"GQ", true, Lane::Authorization);
        check(b"CU", true, Lane::Authorization);
        check(b"KU", true, Lane::Authorization);
        check(b"NC", true, Lane::Housekeeping);
        for code in [b"A0", b"A6", b"A8", b"N0", b"ZZ"] {
            check(code, false, Lane::Housekeeping);
        }
    }
}
