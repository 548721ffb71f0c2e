//! Asking a unit who is there: `NC`, which every unit answers whatever its licence, and which tells the
//! LMK besides.

use hsm::{Command, Reply, ReplyBody, framing};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a unit says of itself.
pub(super) struct Diagnosis {
    pub(super) lmk_check_value: [u8; 16],
    pub(super) firmware: [u8; 9],
}

/// Asks on a connection that has nothing else under way.
pub(super) async fn diagnose(stream: &mut TcpStream, header_length: usize) -> io::Result<Diagnosis> {
    let header = vec![b'0'; header_length];
    let mut request = Vec::new();
    framing::write_frame(&mut request, &header, |out| Command::Diagnostics.encode(out)).map_err(invalid)?;
    stream.write_all(&request).await?;
    let mut received = bytes::BytesMut::new();
    let frame = loop {
        if let Some(frame) = framing::next_frame(&received, framing::MAX_MESSAGE).map_err(invalid)? {
            break frame;
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let echoed = framing::split_header(&received[frame.body], header_length);
    let Some((_, reply)) = echoed.filter(|(echo, _)| *echo == header) else {
        return Err(invalid("the message header was not echoed; is header_length that of the unit?"));
    };
    read(reply)
}

/// Reads the reply to `NC`, without its message header.
///
/// # Errors
/// When it is none, or the unit says that it is not well.
pub(super) fn read(reply: &[u8]) -> io::Result<Diagnosis> {
    let reply = Reply::parse(Command::Diagnostics.code(), reply).map_err(invalid)?;
    match reply.body {
        ReplyBody::Diagnostics { lmk_check_value, firmware } => Ok(Diagnosis { lmk_check_value, firmware }),
        _ => Err(invalid(format!("NC was answered with {}", reply.error))),
    }
}

/// An error of what was said, rather than of the connection.
pub(super) fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
