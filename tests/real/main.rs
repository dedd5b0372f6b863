//! The main job against Dovecot and Postfix, which `cargo xtask test` starts.
//!
//! The token endpoint is the mock's, handing out the tokens that Dovecot knows; no other endpoint can be had here.

mod certificates;
mod flights;
mod imap_ops;
mod job;
mod killed;
mod killed_pop;
mod killed_queue;
mod lmtp;
mod pop3;
mod program;
mod program_imap;
mod proxies;
mod proxy;
mod refused;
mod relay;
mod servers;
