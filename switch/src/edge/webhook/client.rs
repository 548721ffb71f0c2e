//! HTTP/1.1 to one receiver over one connection, which is opened when it is needed and kept while it lasts.

use crate::settings::WebhookTarget;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Longest body of an answer. Nothing of it is used; reading it keeps the connection.
const ANSWER_BYTES: usize = 64 << 10;

/// A receiver and the connection to it.
pub(super) struct Client {
    target: WebhookTarget,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    deadline: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum PostError {
    /// It cannot be connected to, or its certificate is not right.
    Connect(io::Error),
    /// HTTP broke off.
    Http(hyper::Error),
    /// The request cannot be put together.
    Request(hyper::http::Error),
    /// No answer in time.
    Late(Duration),
}

impl Client {
    /// Not connected yet.
    pub(super) fn new(
        target: WebhookTarget,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
        deadline: Duration,
    ) -> Client {
        Client { target, tls, deadline, connection: None }
    }

    /// Posts a body and gives the status of the answer, within the deadline.
    ///
    /// # Errors
    /// When there is none. Whether the receiver has the body is not known then.
    pub(super) async fn post(
        &mut self,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<StatusCode, PostError> {
        let deadline = self.deadline;
        // Taken out, so that an attempt that breaks off anywhere leaves no connection with half an answer.
        let kept = self.connection.take().filter(|connection| !connection.is_closed());
        let was_kept = kept.is_some();
        let exchange = async {
            match self.exchange(kept, headers, body.clone()).await {
                // The receiver has most likely closed it while nothing was to be said.
                Err(PostError::Http(_)) if was_kept => self.exchange(None, headers, body).await,
                result => result,
            }
        };
        timeout(deadline, exchange).await.unwrap_or(Err(PostError::Late(deadline)))
    }

    async fn exchange(
        &mut self,
        connection: Option<SendRequest<Full<Bytes>>>,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<StatusCode, PostError> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.ready().await.map_err(PostError::Http)?;
        let mut request = Request::post(&self.target.path).header(header::HOST, &self.target.authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(PostError::Request)?;
        let answer = connection.send_request(request).await.map_err(PostError::Http)?;
        let status = answer.status();
        // The status counts even where the rest of the answer does not come.
        if Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.is_ok() {
            self.connection = Some(connection);
        }
        Ok(status)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, PostError> {
        let address = (self.target.host.as_str(), self.target.port);
        let stream = TcpStream::connect(address).await.map_err(PostError::Connect)?;
        stream.set_nodelay(true).map_err(PostError::Connect)?;
        match &self.tls {
            None => shake_hands(stream).await,
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await.map_err(PostError::Connect)?;
                shake_hands(stream).await
            }
        }
    }
}

/// Another connection to the same receiver.
impl Clone for Client {
    fn clone(&self) -> Client {
        Client::new(self.target.clone(), self.tls.clone(), self.deadline)
    }
}

async fn shake_hands<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, PostError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(PostError::Http)?;
    // Ends when the sender is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "webhook: connection ended");
        }
    });
    Ok(sender)
}

impl fmt::Display for PostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PostError::Connect(error) => write!(f, "cannot connect: {error}"),
            PostError::Http(error) => write!(f, "{error}"),
            PostError::Request(error) => write!(f, "{error}"),
            PostError::Late(deadline) => write!(f, "no answer within {deadline:?}"),
        }
    }
}

impl std::error::Error for PostError {}
