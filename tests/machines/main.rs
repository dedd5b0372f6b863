//! State machines across crates, without sockets.

#[cfg(test)]
mod transcripts;
