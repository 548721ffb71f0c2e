//! What the fuzz targets share. The oracle for a message and its dialect is here, so that the targets
//! `parse` and `dialect` ask the same questions.

pub mod dialects;
pub mod messages;
pub mod samples;
pub mod seeds;
