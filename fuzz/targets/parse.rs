//! Shows that no frame makes the reader of any dialect panic, and that a frame which is accepted means
//! one thing: read by the fast walk and the careful one, written anew, answered, shown, taken apart and
//! put together, it stays the same message. See [`turnout_fuzz::messages::check`].
//!
//! Input: a byte for the dialect, then the frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use turnout_fuzz::{dialects, messages, seeds};

fuzz_target!(init: seeds::write(seeds::parse), |data: &[u8]| {
    let Some((choice, frame)) = data.split_first() else { return };
    let all = dialects::all();
    let choice = usize::from(*choice) % all.len();
    messages::check(frame, &all[choice], &all[(choice + 1) % all.len()]);
    messages::check_neighbours(frame, &all[choice]);
});
