//! One connection of a webhook: posts what comes to it, in order, until each event is acknowledged or refused for
//! good.

use super::client::{Client, PostError};
use super::lock;
use crate::clock;
use crate::metrics::WebhookMeters;
use crate::notifications::{
    Event, InFlight, Quarantine, SIGNATURE_HEADER, Secret, Ticket, backoff, signature,
};
use crate::settings::WebhookSettings;
use hyper::body::Bytes;
use hyper::{StatusCode, header};
use std::fmt;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// An event on its way.
pub(super) struct Job {
    pub(super) ticket: Ticket,
    pub(super) event: Event,
}

/// A lane: what posts, and what is told of the end of each event.
pub(super) struct Lane {
    pub(super) post: Post,
    pub(super) quarantine: Quarantine,
    pub(super) flight: Arc<Mutex<InFlight>>,
}

/// Posts and tries again.
pub(super) struct Post {
    pub(super) number: u64,
    pub(super) settings: Arc<WebhookSettings>,
    pub(super) secrets: Vec<Secret>,
    pub(super) client: Client,
    /// Whether the last attempt of any lane failed, so that a receiver that is down is told once.
    pub(super) is_failing: Arc<AtomicBool>,
    pub(super) meters: WebhookMeters,
}

/// What the receiver makes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    /// It will never take this.
    Refused,
    /// It may take it later.
    Again,
}

/// Why an attempt has to be made again.
enum Reason {
    Status(StatusCode),
    Post(PostError),
}

impl Lane {
    /// Until nobody sends any more.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let most = self.post.settings.batch;
        let mut batch = Vec::with_capacity(most);
        while jobs.recv_many(&mut batch, most).await > 0 {
            self.deliver(&batch).await;
            let mut flight = lock(&self.flight);
            batch.drain(..).for_each(|job| flight.settle(job.ticket));
        }
    }

    async fn deliver(&mut self, jobs: &[Job]) {
        match (self.post.until_told(jobs).await, jobs) {
            (Ok(()), _) => {}
            (Err(status), [job]) => self.quarantine(status, job).await,
            // One of them is the bad one: each alone.
            (Err(_), jobs) => {
                for job in jobs {
                    if let Err(status) = self.post.until_told(slice::from_ref(job)).await {
                        self.quarantine(status, job).await;
                    }
                }
            }
        }
    }

    /// An event counts as settled only when it is on disk.
    async fn quarantine(&self, status: StatusCode, job: &Job) {
        let (webhook, file) = (&self.post.settings.name, self.quarantine.path().display());
        let mut attempt = 1;
        while let Err(error) = self.quarantine.put(clock::now(), status.as_u16(), &job.event) {
            tracing::error!(webhook, %error, %file, "a refused event cannot be put aside; trying again");
            attempt += 1;
            sleep(backoff(attempt, self.post.number)).await;
        }
        self.post.meters.quarantined.inc();
        tracing::warn!(webhook, %status, event = ?job.event.kind, %file, "the receiver refuses an event; it is put aside");
    }
}

impl Post {
    /// Posts until the receiver takes the events, or says that it never will (with that status).
    async fn until_told(&mut self, jobs: &[Job]) -> Result<(), StatusCode> {
        let body = self.body(jobs);
        let mut attempt = 1;
        loop {
            let signature = signature(&self.secrets, clock::now(), &body);
            let headers = [
                (header::CONTENT_TYPE.as_str(), "application/json"),
                (header::USER_AGENT.as_str(), concat!("turnout/", env!("CARGO_PKG_VERSION"))),
                (SIGNATURE_HEADER, &signature),
            ];
            let reason = match self.client.post(&headers, body.clone()).await {
                Ok(status) => match verdict(status) {
                    Verdict::Taken => {
                        self.meters.delivered.inc_by(jobs.len() as u64);
                        self.note(None);
                        return Ok(());
                    }
                    Verdict::Refused => return Err(status),
                    Verdict::Again => Reason::Status(status),
                },
                Err(error) => Reason::Post(error),
            };
            self.meters.retried.inc();
            self.note(Some(&reason));
            attempt += 1;
            sleep(backoff(attempt, self.number)).await;
        }
    }

    fn body(&self, jobs: &[Job]) -> Bytes {
        let size: usize = jobs.iter().map(|job| job.event.json.len() + 1).sum();
        let mut body = Vec::with_capacity(size + 64);
        // The name is of letters, digits and hyphens.
        body.extend_from_slice(format!("{{\"webhook\":\"{}\",\"events\":[", self.settings.name).as_bytes());
        for (index, job) in jobs.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&job.event.json);
        }
        body.extend_from_slice(b"]}");
        Bytes::from(body)
    }

    /// Tells when the receiver stops taking events, and when it does again.
    fn note(&self, failure: Option<&Reason>) {
        let webhook = &self.settings.name;
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(reason) if !was_failing => {
                tracing::warn!(webhook, %reason, "the receiver takes no events; they wait in the journal");
            }
            None if was_failing => tracing::info!(webhook, "the receiver takes events again"),
            _ => {}
        }
    }
}

/// Refused for good is what speaks of the content. Wrong addresses, secrets and rights are mended by people, and
/// the events are good then.
fn verdict(status: StatusCode) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Taken,
        401 | 403 | 404 | 405 | 407 | 408 | 410 | 421 | 425 | 429 => Verdict::Again,
        400..=499 => Verdict::Refused,
        _ => Verdict::Again,
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Status(status) => write!(f, "answered {status}"),
            Reason::Post(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_of_the_content_is_refused_for_good() {
        let check = |status: u16, expect: Verdict| {
            assert_eq!(verdict(StatusCode::from_u16(status).unwrap()), expect, "{status}");
        };
        for status in [200, 202, 204] {
            check(status, Verdict::Taken);
        }
        for status in [400, 409, 413, 415, 422] {
            check(status, Verdict::Refused);
        }
        for status in [101, 302, 401, 403, 404, 408, 410, 425, 429, 500, 502, 503, 504] {
            check(status, Verdict::Again);
        }
    }
}
