//! The only I/O of Mailbearer: name look-up, TCP, TLS and time around a [`Machine`].
//!
//! [`Connection::next`] is the one loop that drives every machine. It is written once, as a future over a [`Runtime`].
//! [`Blocking`] runs that future on the calling thread, so an operation is an ordinary function. With `Tokio` (feature
//! `tokio`) an operation is the future itself. [`Runtime::Task`] makes one signature of both. For another runtime,
//! implement that trait.
//!
//! The loop serves both sides: [`Connection::open`] makes a client's connection, and [`Connection::accept`] a server's,
//! from a socket that a [`Listener`] returned.
//!
//! Every client's connection ends up in TLS 1.2 or 1.3, with the server's certificate verified against its host name.
//! There is no switch to turn that off.

#![forbid(unsafe_code)]

mod blocking;
mod cancel;
mod connect;
mod connection;
mod error;
mod link;
#[cfg(feature = "tokio-pool")]
mod pool;
mod proxy;
mod runtime;
mod sign;
#[cfg(test)]
#[cfg(feature = "tokio")]
mod tests;
mod tls;
#[cfg(feature = "tokio")]
mod tokio;

pub use blocking::{Blocking, BlockingListener, BlockingSocket, BlockingTimer, listen};
pub use cancel::{Cancelled, Canceller};
pub use connection::{Connection, Next, Options, Timeouts, Trace};
pub use error::{DriveError, Error, Stage};
pub use mailbearer_wire::{Machine, Security, Step, TraceLine};
#[cfg(feature = "tokio-pool")]
pub use pool::{TokioPool, spawn, unblock};
pub use proxy::{Proxies, Proxy, ProxyProblem, ProxyProtocol, ProxyUrlError, Route, Service};
pub use runtime::{Interest, Listener, Runtime, Socket, Timer};
pub use sign::{RsaPadding, SigningCertificate, SigningKey};
pub use tls::{Alert, CertificateProblem, Seen, ServerTls, Tls, TlsError, TlsProblem};
#[cfg(feature = "tokio")]
pub use tokio::{Tokio, TokioListener, TokioSocket, TokioTimer};
