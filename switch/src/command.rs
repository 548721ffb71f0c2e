//! The commands of `turnout`, one file each.

pub mod card;
pub mod check;
pub mod init;
pub mod key;
pub mod message;
pub mod serve;
pub mod tran;
