//! How fast do the ISO 8583 parsers on crates.io read one message, and what do they let through?
//!
//! See README.md for how to read the table.

mod frame;
mod layout;
mod measure;
mod peer;

use measure::{Bench, Counting, FAULTS, Row, Verdict};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    // Panics of a peer are counted, not shown.
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.location().is_some_and(|place| place.file().starts_with("src/")) {
            shown(panic);
        }
    }));
    let peers = peers();
    print(&peers, &measure::all(&peers));
}

#[cfg(all(feature = "ours", feature = "codec"))]
compile_error!("ours would slow iso8583-codec-rs down; see Cargo.toml");

#[cfg(feature = "codec")]
fn peers() -> Vec<Box<dyn Bench>> {
    vec![
        Box::new(peer::iso8583_codec_rs::Iso8583CodecRs::new(false)),
        Box::new(peer::iso8583_codec_rs::Iso8583CodecRs::new(true)),
    ]
}

#[cfg(not(feature = "codec"))]
fn peers() -> Vec<Box<dyn Bench>> {
    vec![
        // OURS: the crate of this repository, once with each bitmap.
        #[cfg(feature = "ours")]
        Box::new(peer::ours::Ours::hex_bitmap()),
        #[cfg(feature = "ours")]
        Box::new(peer::ours::Ours::binary_bitmap()),
        Box::new(peer::iso_8583_rs::Iso8583Rs::new(true)),
        Box::new(peer::iso_8583_rs::Iso8583Rs::new(false)),
        Box::new(peer::i8583::I8583::new()),
        Box::new(peer::iso8583_rs::Iso8583RsYaml::new()),
        Box::new(peer::iso8583_core::Iso8583Core::new()),
    ]
}

/// One row per parser. The heading only with the first of the two programs that run.sh starts.
fn print(peers: &[Box<dyn Bench>], rows: &[Row]) {
    let faults: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
    if cfg!(not(feature = "codec")) {
        println!(
            "| Parser | Reads | Parse ns | Encode ns | Allocations | Truncations | {} |",
            faults.join(" | ")
        );
        println!("| --- | --- | --- | --- | --- | ---{} |", " | ---".repeat(faults.len()));
    }
    for (bench, row) in peers.iter().zip(rows) {
        let peer = bench.peer();
        let cut = &row.truncations;
        let words: Vec<_> = row.faults.iter().map(|verdict| word(*verdict)).collect();
        println!(
            "| {} | {} bytes, {} | {:.0} | {:.0} | {} / {} | {} / {} / {} | {} |",
            peer.name(),
            peer.frame().bytes.len(),
            peer.input(),
            row.parse_ns,
            row.encode_ns,
            row.parse_allocations,
            row.encode_allocations,
            cut.refused,
            cut.accepted,
            cut.panicked,
            words.join(" | "),
        );
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refused => "refused",
        Verdict::Accepted => "ACCEPTED",
        Verdict::Panicked => "PANICS",
    }
}
