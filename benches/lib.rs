//! Corpora shared by the benches.
