use crate::connection::{Connection, Waiting};
use crate::progress::Progress;
use crate::schedule::Schedule;
use crate::tally::{Moments, Tally, microseconds};
use crate::wallet::{Purchase, Wallet};
use card::{ResponseCode, Time};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use terminal::PosResponse;

/// One thread with its share of the schedule, of the cards and of the connections.
///
/// Few threads with many connections each, rather than one for each connection: the generator shares the
/// machine with the switch, and a thousand terminals shall not be a thousand threads.
pub(crate) struct Worker<Due: Iterator<Item = u64>> {
    pub(crate) schedule: Schedule,
    pub(crate) due: Peekable<Due>,
    pub(crate) wallet: Wallet,
    pub(crate) connections: Vec<Connection>,
    /// Purchases signed ahead of their moment.
    pub(crate) ahead: VecDeque<Purchase>,
    pub(crate) deadline: Duration,
    /// Every how many approvals an ARPC is checked; 0 for never.
    pub(crate) arpc_every: u64,
    pub(crate) start: Instant,
    pub(crate) tally: Tally,
    pub(crate) progress: Arc<Progress>,
    /// Where the search for a connection with room begins.
    pub(crate) next_connection: usize,
    pub(crate) approved: u64,
    pub(crate) overdue_looked_at: Duration,
}

/// What a worker hands back.
pub(crate) struct Finished {
    pub(crate) tally: Tally,
    pub(crate) highest_atc: u16,
    /// Why connections were lost.
    pub(crate) lost: Vec<String>,
}

impl<Due: Iterator<Item = u64>> Worker<Due> {
    /// Sends and receives until the schedule is over and everything is answered or overdue.
    pub(crate) fn run(mut self) -> Finished {
        loop {
            let blocked = self.send_due();
            self.flush();
            self.prepare_ahead();
            self.take_overdue();
            if self.due.peek().is_none() && self.connections.iter().all(Connection::is_idle) {
                break;
            }
            let ready = self.wait(blocked);
            self.receive(&ready);
        }
        let lost = self.connections.iter().filter_map(|connection| connection.lost().map(str::to_owned));
        let lost = lost.collect();
        self.connections.iter_mut().for_each(Connection::close);
        Finished { lost, highest_atc: self.wallet.highest_atc(), tally: self.tally }
    }

    /// Sends what is due. Returns whether something due found no connection or card free.
    fn send_due(&mut self) -> bool {
        while let Some(index) = self.next_due() {
            let Some(connection) = self.connection_with_room() else { return self.give_up_late() };
            let Some(purchase) = self.next_purchase() else { return self.give_up_late() };
            self.due.next();
            let moments = Moments { scheduled: self.schedule.offset(index), sent: self.start.elapsed() };
            let waiting = Waiting { index, moments, card: purchase.card };
            let sent = self.connections[connection].send(&purchase, waiting);
            sent.expect("a simulated purchase fits the dialect");
            self.progress.sent();
            if self.schedule.is_measured(index) {
                self.tally.sent(moments);
            }
        }
        false
    }

    fn next_due(&mut self) -> Option<u64> {
        let index = *self.due.peek()?;
        (self.schedule.offset(index) <= self.start.elapsed()).then_some(index)
    }

    /// When the run is over, what could not be sent is not sent any more.
    fn give_up_late(&mut self) -> bool {
        let now = self.start.elapsed();
        let nobody_left = self.connections.iter().all(|connection| connection.lost().is_some());
        if now < self.schedule.end() && !nobody_left {
            return true;
        }
        for index in self.due.by_ref() {
            if self.schedule.is_measured(index) {
                self.tally.not_sent(self.schedule.offset(index), now);
            }
        }
        false
    }

    fn connection_with_room(&mut self) -> Option<usize> {
        let count = self.connections.len();
        let found = (0..count)
            .map(|step| (self.next_connection + step) % count)
            .find(|index| self.connections[*index].has_room())?;
        self.next_connection = (found + 1) % count;
        Some(found)
    }

    fn next_purchase(&mut self) -> Option<Purchase> {
        self.ahead.pop_front().or_else(|| self.wallet.purchase(now()))
    }

    /// Signs purchases while nothing is due, but not many and not long before: a purchase carries its
    /// time, and a card that waits here is not in use.
    fn prepare_ahead(&mut self) {
        while self.ahead.len() < LOOK_AHEAD {
            let elapsed = self.start.elapsed();
            let Some(index) = self.due.peek() else { return };
            let offset = self.schedule.offset(*index);
            let behind_these = Duration::from_secs_f64(self.ahead.len() as f64 / self.schedule.rate);
            if offset <= elapsed + SPARE || offset + behind_these > elapsed + LOOK_AHEAD_TIME {
                return;
            }
            let Some(purchase) = self.wallet.purchase(now()) else { return };
            self.ahead.push_back(purchase);
        }
    }

    fn flush(&mut self) {
        for connection in &mut self.connections {
            connection.flush();
        }
    }

    /// Sleeps until the next send is due or a socket has something. Gives the connections with something
    /// to read.
    fn wait(&mut self, blocked: bool) -> Vec<usize> {
        let elapsed = self.start.elapsed();
        let next_send = match self.due.peek() {
            Some(index) if !blocked => self.schedule.offset(*index).saturating_sub(elapsed),
            _ => LOOK_AROUND,
        };
        let timeout = next_send.min(LOOK_AROUND);
        let timeout =
            Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
        let alive =
            || self.connections.iter().enumerate().filter(|(_, connection)| connection.lost().is_none());
        let mut sockets: Vec<PollFd<'_>> = alive()
            .map(|(_, connection)| {
                let write = if connection.wants_write() { PollFlags::OUT } else { PollFlags::empty() };
                PollFd::new(connection, PollFlags::IN | write)
            })
            .collect();
        // Interrupted or not, the loop looks at everything again.
        let _ = poll(&mut sockets, Some(&timeout));
        let readable =
            alive().zip(&sockets).filter(|(_, socket)| !(socket.revents() - PollFlags::OUT).is_empty());
        readable.map(|((index, _), _)| index).collect()
    }

    fn receive(&mut self, ready: &[usize]) {
        let Worker { connections, wallet, tally, progress, schedule, start, approved, arpc_every, .. } = self;
        for index in ready {
            connections[*index].receive(|answer, waiting| {
                let Some(waiting) = waiting else {
                    tally.unmatched += 1;
                    return;
                };
                let now = start.elapsed();
                progress.answered(answer.code, microseconds(now.saturating_sub(waiting.moments.scheduled)));
                if schedule.is_measured(waiting.index) {
                    tally.answered(waiting.moments, now, answer.code);
                }
                if answer.code == ResponseCode::APPROVED {
                    *approved += 1;
                    if *arpc_every > 0 && *approved % *arpc_every == 0 {
                        tally.arpc(is_authenticated(wallet, &waiting, answer));
                    }
                }
                wallet.put_back(waiting.card);
            });
        }
    }

    /// Gives up on requests without an answer, and on those whose connection is lost.
    fn take_overdue(&mut self) {
        let now = self.start.elapsed();
        if now < self.overdue_looked_at + LOOK_AROUND {
            return;
        }
        self.overdue_looked_at = now;
        let Worker { connections, wallet, tally, progress, schedule, deadline, .. } = self;
        for connection in connections.iter_mut() {
            if connection.lost().is_some() {
                for waiting in connection.take_all() {
                    if schedule.is_measured(waiting.index) {
                        tally.lost(waiting.moments, now);
                    }
                    wallet.put_back(waiting.card);
                }
                continue;
            }
            for waiting in connection.take_overdue(now.saturating_sub(*deadline)) {
                progress.timed_out();
                if schedule.is_measured(waiting.index) {
                    tally.timed_out(waiting.moments, now);
                }
                wallet.put_back(waiting.card);
            }
        }
    }
}

fn is_authenticated(wallet: &Wallet, waiting: &Waiting, answer: &PosResponse) -> bool {
    wallet.verify(waiting.card, answer.issuer_authentication.as_deref())
}

fn now() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Purchases signed ahead, at most.
const LOOK_AHEAD: usize = 64;

/// How long ahead, at most.
const LOOK_AHEAD_TIME: Duration = Duration::from_millis(100);

/// With less time than this before the next send, none is signed: that takes some 20 µs.
const SPARE: Duration = Duration::from_micros(50);

/// How often a worker looks for what is overdue.
const LOOK_AROUND: Duration = Duration::from_millis(20);
