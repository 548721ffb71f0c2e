//! The commands of `turnout`, one file each.

pub mod backup;
pub mod card;
pub mod check;
pub mod init;
pub mod journal;
pub mod key;
pub mod message;
pub mod serve;
pub mod tran;

/// Form of what a tool prints on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DataFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
