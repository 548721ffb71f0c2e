//! The other end of the control socket, for `turnout card` while the switch runs.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

/// How long a request may take: longer than the switch gives itself.
const DEADLINE: Duration = Duration::from_secs(120);

/// Speaks to a running switch, one request at a time.
pub struct ControlClient {
    runtime: Runtime,
    socket: PathBuf,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ControlError {
    /// The socket cannot be connected to.
    Connect(PathBuf, io::Error),
    /// The conversation broke off: whether the request was carried out is not known.
    Broken(String),
    /// No answer in time: likewise.
    Late,
}

impl ControlClient {
    /// For the switch whose socket is here.
    ///
    /// # Errors
    /// When the system gives no event loop.
    pub fn new(socket: &Path) -> Result<ControlClient, ControlError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| ControlError::Connect(socket.to_owned(), error))?;
        Ok(ControlClient { runtime, socket: socket.to_owned() })
    }

    /// Posts a body: status and body of the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn post(&self, target: &str, body: Vec<u8>) -> Result<(u16, Bytes), ControlError> {
        let exchange = self.exchange(target, body);
        let in_time = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, exchange).await });
        in_time.unwrap_or(Err(ControlError::Late))
    }

    async fn exchange(&self, target: &str, body: Vec<u8>) -> Result<(u16, Bytes), ControlError> {
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|error| ControlError::Connect(self.socket.clone(), error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::post(target)
            .header(header::HOST, "turnout")
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| ControlError::Broken(error.to_string()))?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        driver.abort();
        Ok((status, body))
    }
}

impl From<hyper::Error> for ControlError {
    fn from(error: hyper::Error) -> ControlError {
        ControlError::Broken(error.to_string())
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ControlError::Connect(path, error) => write!(f, "{}: {error}", path.display()),
            ControlError::Broken(error) => write!(
                f,
                "the switch broke the conversation off ({error}); run the command again: what is done already is skipped"
            ),
            ControlError::Late => f.write_str(
                "the switch did not answer in time; run the command again: what is done already is skipped",
            ),
        }
    }
}

impl std::error::Error for ControlError {}
