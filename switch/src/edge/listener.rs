//! Accepts connections, shakes hands, and hands each to its protocol.

use crate::edge::link::{Link, Peer};
use crate::edge::{acquirer, atm, tls};
use crate::settings::Protocol;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How long a peer may take over its TLS handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// After an accept that failed, for example because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves one listener until the process drains and its last connection has ended.
pub async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, link: Arc<Link>) {
    let places = Arc::new(Semaphore::new(link.settings.max_connections));
    let mut draining = link.draining.clone();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => break,
            Some(_) = connections.join_next() => continue,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(link = %link.settings.name, %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            link.metrics.connection_refused(link.settings.name.as_str(), "too_many");
            tracing::warn!(link = %link.settings.name, %address, "refused a connection: max_connections is reached");
            continue;
        };
        let (link, acceptor) = (Arc::clone(&link), acceptor.clone());
        connections.spawn(async move {
            connect(stream, address, acceptor, link).await;
            drop(place);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connect(stream: TcpStream, address: SocketAddr, acceptor: Option<TlsAcceptor>, link: Arc<Link>) {
    // Answers are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return converse(stream, Peer { address, certificate: None }, link).await;
    };
    let name = link.settings.name;
    let stream = match tokio::time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            link.metrics.connection_refused(name.as_str(), "tls");
            tracing::warn!(link = %name, %address, %error, "refused a connection: TLS handshake failed");
            return;
        }
        Err(_) => {
            link.metrics.connection_refused(name.as_str(), "tls_timeout");
            tracing::warn!(link = %name, %address, "refused a connection: no TLS handshake within 10 s");
            return;
        }
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let certificate = certificates.and_then(|chain| chain.first()).and_then(|der| tls::common_name(der));
    converse(stream, Peer { address, certificate }, link).await;
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: S, peer: Peer, link: Arc<Link>) {
    let name = link.settings.name;
    link.metrics.connection_opened(name.as_str());
    tracing::info!(link = %name, address = %peer.address, certificate = peer.certificate.as_deref(), "connected");
    let ended = match &link.settings.protocol {
        Protocol::Iso8583 { dialect, framing, extras } => {
            let layout = acquirer::Layout { dialect, framing, extras };
            acquirer::converse(stream, &peer, &link, layout).await
        }
        Protocol::Ndc(ndc) => atm::converse(stream, &peer, &link, ndc).await,
    };
    link.metrics.connection_closed(name.as_str());
    match ended {
        Ok(()) => tracing::info!(link = %name, address = %peer.address, "disconnected"),
        // Many peers end TLS by closing the socket; nothing is lost by it.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            tracing::info!(link = %name, address = %peer.address, "disconnected without TLS goodbye");
        }
        Err(error) => tracing::warn!(link = %name, address = %peer.address, %error, "connection ended"),
    }
}
