//! What must hold for any input: a module for each fuzz target, whose `run` panics where it does not.
//!
//! The program `every` binds them to libFuzzer, `replay` runs them over the seeds on any toolchain.

#![forbid(unsafe_code)]

pub mod bridge_sendmail;
pub mod bridge_spool;
mod by_hand;
pub mod client_drips;
pub mod client_dropped;
pub mod client_unasked;
pub mod imap_command;
pub mod imap_dialogue;
pub mod imap_encode;
pub mod imap_framer;
pub mod imap_response;
pub mod imap_session;
pub mod imap_view;
pub mod imap_words;
pub mod mime_address;
pub mod mime_compose;
pub mod mime_contents;
pub mod mime_date;
pub mod mime_decode;
pub mod mime_message;
pub mod mime_parameters;
pub mod mime_word;
pub mod oauth_claims;
pub mod oauth_exchange;
pub mod oauth_redirect;
pub mod oauth_request;
pub mod oauth_robots;
mod pieces;
pub mod pop3_server;
pub mod pop3_session;
pub mod sasl_exchange;
pub mod seeds;
mod simulated;
pub mod smtp_data;
pub mod smtp_envelope;
pub mod smtp_server;
pub mod smtp_session;
mod wire;

/// A property: panics where it does not hold for the octets.
pub type Run = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Run)] = &[
    ("imap_response", imap_response::run),
    ("imap_command", imap_command::run),
    ("imap_encode", imap_encode::run),
    ("imap_framer", imap_framer::run),
    ("imap_session", imap_session::run),
    ("imap_dialogue", imap_dialogue::run),
    ("imap_view", imap_view::run),
    ("imap_words", imap_words::run),
    ("pop3_session", pop3_session::run),
    ("pop3_server", pop3_server::run),
    ("smtp_session", smtp_session::run),
    ("smtp_server", smtp_server::run),
    ("smtp_data", smtp_data::run),
    ("smtp_envelope", smtp_envelope::run),
    ("oauth_claims", oauth_claims::run),
    ("oauth_exchange", oauth_exchange::run),
    ("oauth_redirect", oauth_redirect::run),
    ("oauth_request", oauth_request::run),
    ("oauth_robots", oauth_robots::run),
    ("sasl_exchange", sasl_exchange::run),
    ("mime_contents", mime_contents::run),
    ("mime_decode", mime_decode::run),
    ("mime_compose", mime_compose::run),
    ("mime_message", mime_message::run),
    ("client_drips", client_drips::run),
    ("client_dropped", client_dropped::run),
    ("client_unasked", client_unasked::run),
    ("mime_address", mime_address::run),
    ("mime_date", mime_date::run),
    ("mime_parameters", mime_parameters::run),
    ("mime_word", mime_word::run),
    ("bridge_spool", bridge_spool::run),
    ("bridge_sendmail", bridge_sendmail::run),
];
