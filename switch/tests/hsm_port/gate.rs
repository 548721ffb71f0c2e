//! A way to a unit that can be cut, and that can swallow what passes. Shared by several test programs.

#![allow(dead_code, reason = "not every program that has this module asks for everything")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Passes connections on to a unit.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    unit: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mood: Mood,
    /// Both ends of what is connected now.
    streams: Vec<TcpStream>,
}

/// What the gate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Passes everything on.
    Open,
    /// Holds back what the unit answers, until it opens again.
    Silent,
    /// Has cut every connection and cuts every new one.
    Dead,
}

impl Gate {
    pub(crate) fn before(unit: SocketAddr) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Mutex::new(State { mood: Mood::Open, streams: Vec::new() });
        let inner = Arc::new(Inner { unit, state, changed: Condvar::new() });
        let gate = Gate { address, inner: Arc::clone(&inner) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                inner.let_in(stream.unwrap());
            }
        });
        gate
    }

    /// Connections since the gate was last dead.
    pub(crate) fn connections(&self) -> usize {
        self.inner.state.lock().unwrap().streams.len() / 2
    }

    pub(crate) fn set(&self, mood: Mood) {
        let mut state = self.inner.state.lock().unwrap();
        state.mood = mood;
        if mood == Mood::Dead {
            for stream in state.streams.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.inner.changed.notify_all();
    }
}

impl Inner {
    fn let_in(self: &Arc<Inner>, near: TcpStream) {
        let mut state = self.state.lock().unwrap();
        if state.mood == Mood::Dead {
            return;
        }
        let Ok(far) = TcpStream::connect(self.unit) else { return };
        near.set_nodelay(true).unwrap();
        far.set_nodelay(true).unwrap();
        let copy = |stream: &TcpStream| stream.try_clone().unwrap();
        state.streams.extend([copy(&near), copy(&far)]);
        let (to_unit, from_unit) = ((copy(&near), copy(&far)), (far, near));
        let (commands, replies) = (Arc::clone(self), Arc::clone(self));
        thread::spawn(move || commands.pass(to_unit, false));
        thread::spawn(move || replies.pass(from_unit, true));
    }

    fn pass(&self, (mut from, mut to): (TcpStream, TcpStream), held_when_silent: bool) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if held_when_silent {
                let state = self.state.lock().unwrap();
                drop(self.changed.wait_while(state, |state| state.mood == Mood::Silent).unwrap());
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
