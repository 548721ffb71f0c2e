//! The transaction store: what the journal says, as tables of SQLite for search and reports, and as Parquet files
//! for years. `docs/transactions.md` describes the tables.
//!
//! A projection: it follows the journal, is never in the way of an authorization, and can be made anew from the
//! journal at any time. Card numbers are masked and hashed in it.
//!
//! ```
//! use card::UtcOffset;
//! use transaction_store::{Filter, Reader, TransactionStore};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("transactions.db");
//! let mut store = TransactionStore::open(&file, UtcOffset::default(), store::DataKeys::in_memory()?)?;
//! store.commit(Some("the beginning"))?;
//!
//! let reader = Reader::open(&file)?.expect("it was just made");
//! assert_eq!(reader.progress().place.as_deref(), Some("the beginning"));
//! assert!(reader.search(&Filter::default())?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod copy;
mod entry;
mod error;
mod file;
mod part;
mod projection;
mod schema;
mod search;
mod sheet_file;

pub use archive::{Compared, archive_day, compare_day, remove_archived_before};
pub use copy::copy_store;
pub use entry::{Entry, Event, EventKind};
pub use error::TransactionStoreError;
pub use projection::{Progress, TransactionStore};
pub use search::{Filter, Reader, Resting, Tail};
