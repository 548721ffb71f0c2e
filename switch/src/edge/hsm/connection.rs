//! One connection to a payShield unit, kept up for as long as the port lives: connected, asked who is
//! there (`NC`), put to work, and connected anew with growing pauses when it dies.

use super::conversation::Conversation;
use super::errand::Errand;
use super::health;
use super::pool::{Pool, Seat};
use crate::settings::PayShieldSettings;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// Pause before the first new try to connect. It doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between tries. A connection that has lived so long was a good one: the next pause is
/// the first again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Keeps one connection up.
pub(super) struct Keeper {
    pub(super) seat: Seat,
    pub(super) settings: Arc<PayShieldSettings>,
    pub(super) pool: Arc<Pool>,
}

pub(super) type Errands = mpsc::Receiver<Errand>;
pub(super) type Stopping = watch::Receiver<()>;

impl Keeper {
    /// Connects, serves and connects anew until the port is dropped.
    pub(super) async fn serve(self, mut errands: Errands, mut stopping: Stopping) {
        let mut pause = FIRST_PAUSE;
        loop {
            let connecting = tokio::select! {
                stream = self.connect() => stream,
                () = self.turn_away(&mut errands) => return,
                _ = stopping.changed() => return self.close(&mut errands),
            };
            let error = match connecting {
                Ok(stream) => {
                    let since = Instant::now();
                    let conversation = Conversation::new(&self, stream);
                    match conversation.run(&mut errands, &mut stopping).await {
                        Ok(()) => return self.close(&mut errands),
                        Err(Broken { error, was_useful }) => {
                            if was_useful || since.elapsed() >= LONGEST_PAUSE {
                                pause = FIRST_PAUSE;
                            }
                            error
                        }
                    }
                }
                Err(error) => error,
            };
            let unit = self.pool.units[self.seat.unit].address;
            tracing::warn!(%unit, %error, retry_in = ?pause, "HSM not connected");
            tokio::select! {
                () = sleep(pause) => {}
                () = self.turn_away(&mut errands) => return,
                _ = stopping.changed() => return self.close(&mut errands),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Connects and asks who is there: a unit that accepts connections and answers nothing is not put
    /// to work.
    async fn connect(&self) -> io::Result<TcpStream> {
        let address = self.pool.units[self.seat.unit].address;
        let healthy = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let diagnosis = health::diagnose(&mut stream, self.settings.header_length).await?;
            tracing::info!(
                unit = %address, firmware = %diagnosis.firmware.escape_ascii(),
                lmk_check_value = %diagnosis.lmk_check_value.escape_ascii(), "HSM connected"
            );
            self.pool.note_lmk(self.seat.unit, diagnosis.lmk_check_value);
            Ok(stream)
        };
        timeout(self.settings.deadline, healthy).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends on errands that arrive while there is no connection: one may have been on its way in when
    /// it broke. They were not sent, so any of them may go elsewhere. Ends when no more can come.
    async fn turn_away(&self, errands: &mut Errands) {
        while let Some(errand) = errands.recv().await {
            self.pool.relieve(self.seat);
            self.pool.place(Errand { avoid: Some(self.seat.unit), ..errand });
        }
    }

    /// The end: what is left in the queue fails.
    fn close(&self, errands: &mut Errands) {
        errands.close();
        let meters = &self.pool.units[self.seat.unit].meters.commands;
        while let Ok(errand) = errands.try_recv() {
            self.pool.relieve(self.seat);
            errand.fail(&self.pool.desk, meters, "stopping", Duration::ZERO);
        }
    }
}

/// How a conversation ended.
pub(super) struct Broken {
    pub(super) error: io::Error,
    /// Whether any command was answered.
    pub(super) was_useful: bool,
}
