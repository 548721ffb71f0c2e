//! A terminal's end of a TLS connection: blocking, with a deadline on every wait. Both protocols put
//! two bytes of length in front of a message.

use super::wire_log::WireLog;
use iso8583::framing::Framing;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);
const MAX_FRAME: usize = 8192;

/// An open connection to one listener.
pub(super) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    incoming: Vec<u8>,
    listener: &'static str,
    wire_log: WireLog,
}

/// Whom a terminal trusts, and what it shows of itself.
#[derive(Clone)]
pub(super) struct Credentials(Arc<ClientConfig>);

impl Credentials {
    /// `identity` is certificate and private key; without it none is shown. All PEM.
    pub(super) fn new(
        authority: &[u8],
        identity: Option<(&[u8], &[u8])>,
    ) -> Result<Credentials, Box<dyn Error>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority) {
            roots.add(certificate?)?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match identity {
            Some((certificate, key)) => {
                let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>()?;
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key)?)?
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Credentials(Arc::new(config)))
    }
}

impl Connection {
    /// Connects and shakes hands. With TLS 1.3 a listener that does not want the certificate says so
    /// only afterwards: see [`Connection::receive`].
    pub(super) fn open(
        address: SocketAddr,
        listener: &'static str,
        credentials: &Credentials,
        wire_log: WireLog,
    ) -> io::Result<Connection> {
        let mut socket = TcpStream::connect_timeout(&address, DEADLINE)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        socket.set_write_timeout(Some(DEADLINE))?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("localhost is a name");
        let mut tls = ClientConnection::new(Arc::clone(&credentials.0), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        let stream = StreamOwned::new(tls, socket);
        Ok(Connection { stream, incoming: Vec::with_capacity(1024), listener, wire_log })
    }

    /// Sends one message.
    pub(super) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.wire_log.sent(self.listener, message)?;
        let mut frame = Vec::with_capacity(Framing::TWO_BYTES.prefix_width + message.len());
        let start = Framing::TWO_BYTES.begin(&mut frame);
        frame.extend_from_slice(message);
        Framing::TWO_BYTES.finish(&mut frame, start).map_err(io::Error::other)?;
        self.stream.write_all(&frame)?;
        self.stream.flush()
    }

    /// Waits for the next message.
    pub(super) fn receive(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let next = Framing::TWO_BYTES.next_frame(&self.incoming, MAX_FRAME).map_err(io::Error::other)?;
            if let Some(frame) = next {
                let message = self.incoming[frame.body].to_vec();
                self.incoming.drain(..frame.consumed);
                return Ok(message);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.incoming.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// Sends one message and waits for the answer.
    pub(super) fn ask(&mut self, message: &[u8]) -> io::Result<Vec<u8>> {
        self.send(message)?;
        self.receive()
    }
}

/// Whether the other end refused the handshake in the words of TLS, rather than by silence.
pub(super) fn is_tls_alert(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}
