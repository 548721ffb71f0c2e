//! `turnout`: the payment authorization switch. `docs/ARCHITECTURE.md` has the map; one
//! authorization runs `edge/acquirer` → `translate/iso` → `inbox` → `shard` → `auth` → `edge/hsm` →
//! `shard` → journal → `edge/acquirer`.

pub mod archiving;
pub mod backup;
mod card_file;
pub mod clock;
pub mod command;
pub mod config;
pub mod demo;
pub mod dialects;
pub mod directory;
pub mod edge;
mod filling;
pub mod followers;
pub mod history;
pub mod inbox;
mod legs;
pub mod master_key;
pub mod metrics;
pub mod notifications;
pub mod projection;
pub mod recalls;
pub mod recovery;
pub mod settings;
pub mod shard;
pub mod shards;
pub mod snapshots;
pub mod translate;
