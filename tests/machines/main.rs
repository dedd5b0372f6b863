//! State machines across crates, without sockets.

#[cfg(test)]
mod marks;
#[cfg(test)]
mod transcripts;
