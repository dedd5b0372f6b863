//! What the benchmarks run on and with: corpora made from a seed, and one face for our parser and its peers.

pub mod client;
pub mod corpus;
pub mod mime;
pub mod parser;
pub mod retrieval;
pub mod submission;
pub mod upload;

pub use client::Client;
pub use corpus::{Corpus, Growing};
pub use mime::{Library, Work};
pub use parser::Parser;
pub use retrieval::Retrieval;
pub use submission::Submission;
pub use upload::Uploader;
