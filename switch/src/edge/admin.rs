//! The administration listener: `/metrics`, `/livez`, `/readyz`.

use crate::edge::hsm::HsmPort;
use crate::metrics::Metrics;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// Connections at the same time: a scraper, a probe and an operator need few.
const CONNECTIONS: usize = 64;

/// How long a request and its connection may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the administration tells about.
#[derive(Clone)]
pub struct Watched {
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The HSM; without one in service, chip and PIN can only be declined.
    pub hsm: Weak<HsmPort>,
    /// Whether the process takes no new work.
    pub draining: watch::Receiver<bool>,
}

/// Serves until the process ends; while it drains, it is alive and not ready.
pub async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, watched: Watched) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (acceptor, watched) = (acceptor.clone(), watched.clone());
        tokio::spawn(async move {
            let _place = place;
            let conversation = async {
                match acceptor {
                    None => answer(stream, watched).await,
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => answer(stream, watched).await,
                        Err(error) => tracing::debug!(%error, "administration: TLS handshake failed"),
                    },
                }
            };
            // A probe that keeps its connection longer simply connects again.
            let _ = tokio::time::timeout(DEADLINE, conversation).await;
        });
    }
}

async fn answer<S>(stream: S, watched: Watched)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| {
        let response = route(&request, &watched);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(DEADLINE);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "administration: connection ended");
    }
}

fn route(request: &Request<Incoming>, watched: &Watched) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" => match watched.not_ready() {
            None => text(StatusCode::OK, "ready\n".to_owned()),
            Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        },
        "/metrics" => {
            let mut response = text(StatusCode::OK, watched.metrics.render());
            let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(form));
            response
        }
        _ => text(StatusCode::NOT_FOUND, "there is /metrics, /livez and /readyz\n".to_owned()),
    }
}

impl Watched {
    /// Why traffic should go elsewhere, if it should.
    fn not_ready(&self) -> Option<&'static str> {
        if *self.draining.borrow() {
            return Some("draining");
        }
        let in_service = self.hsm.upgrade().is_some_and(|hsm| hsm.connected() > 0);
        (!in_service).then_some("no HSM in service")
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}
