use std::fmt;

/// The two characters that name a host command, such as `CA`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommandCode([u8; 2]);

impl CommandCode {
    /// Stands for the code of a message too short to hold one, so that it can still be answered.
    pub const MISSING: CommandCode = CommandCode(*b"ZY");

    /// Takes the characters as received; any two bytes are a code, known or not.
    #[must_use]
    pub const fn new(code: [u8; 2]) -> CommandCode {
        CommandCode(code)
    }

    /// The characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }

    /// The code of the reply: the second character advanced by one, so `NC` is answered by `ND`.
    #[must_use]
    pub fn reply(self) -> CommandCode {
        CommandCode([self.0[0], self.0[1].wrapping_add(1)])
    }
}

impl fmt::Display for CommandCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for CommandCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandCode({self})")
    }
}
