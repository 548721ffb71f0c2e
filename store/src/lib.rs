//! Journal with group commit, sealed at rest.
