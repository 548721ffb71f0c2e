#[cfg(not(feature = "codec"))]
pub(crate) mod i8583;
#[cfg(feature = "codec")]
pub(crate) mod iso8583_codec_rs;
#[cfg(not(feature = "codec"))]
pub(crate) mod iso8583_core;
#[cfg(not(feature = "codec"))]
pub(crate) mod iso8583_rs;
#[cfg(not(feature = "codec"))]
pub(crate) mod iso_8583_rs;
#[cfg(feature = "ours")]
pub(crate) mod ours;

use crate::frame::Frame;

/// One parser under measurement. A layout is loaded when it is made, never while it is measured.
pub(crate) trait Peer {
    /// Crate and version, and the way it is called where there are several.
    fn name(&self) -> &'static str;

    /// Which variant of the message it can read.
    fn input(&self) -> &'static str;

    /// The message in that variant.
    fn frame(&self) -> &Frame;

    /// Parses; the result goes through `black_box` whole. Says whether the message was accepted.
    fn parse(&self, frame: &[u8]) -> bool;

    /// Parses and gives out one field, so that a parser which found nothing is not praised for its speed.
    fn value(&self, frame: &[u8], number: u8) -> Option<Vec<u8>>;

    /// Writes the message into `out` from its 21 values, which the peer keeps in the form its own interface
    /// takes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Whether what it read or wrote is what it should be.
    fn same(&self, found: &[u8], expected: &[u8]) -> bool {
        found == expected
    }
}
