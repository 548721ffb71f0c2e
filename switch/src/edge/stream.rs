//! Writing to a peer, and leaving it, with a deadline.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Writes everything in `outgoing` and empties it.
///
/// # Errors
/// When the connection breaks, or the peer does not take the bytes in time.
pub async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    outgoing: &mut Vec<u8>,
    deadline: Duration,
) -> io::Result<()> {
    if outgoing.is_empty() {
        return Ok(());
    }
    let send = async {
        stream.write_all(outgoing).await?;
        stream.flush().await
    };
    let sent = tokio::time::timeout(deadline, send).await;
    sent.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "write_timeout has passed"))??;
    outgoing.clear();
    Ok(())
}

/// Says goodbye. A peer that does not even take that is left without.
pub async fn shutdown<S: AsyncWrite + Unpin>(stream: &mut S, deadline: Duration) -> io::Result<()> {
    tokio::time::timeout(deadline, stream.shutdown()).await.unwrap_or(Ok(()))
}
