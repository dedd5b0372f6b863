//! An OAuth 2.0 token client without I/O: the token request, one HTTP/1.1 exchange, the answer, and when to ask
//! again.
//!
//! A [`TokenRequest`] is sent to an [`Endpoint`] by a [`TokenExchange`], a
//! [`Machine`](mailbearer_wire::Machine) that needs one flight in each direction; what comes out is a [`Token`]
//! or an [`Error`] sorted by whose fault it is. A [`Cache`] keeps the token and says when it wants a new one.
//!
//! ```
//! use mailbearer_oauth::{Client, Endpoint, TokenExchange, TokenRequest};
//! use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
//!
//! let endpoint = Endpoint::parse("https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token")?;
//! let client = Client::with_secret("11111111-2222-3333-4444-555555555555", "s~e+c&r%e=t");
//! let request =
//!     TokenRequest::client_credentials(endpoint, client, "https://outlook.office365.com/.default");
//!
//! // Any TLS connection to `request.endpoint()` drives the exchange; here are the bytes.
//! let (mut rx, mut tx) = (RecvBuf::with_limit(TokenExchange::RECV_LIMIT), SendBuf::new());
//! let mut exchange = TokenExchange::new(&request);
//! assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Read)));
//! assert!(tx.unsent().starts_with(b"POST /contoso.com/oauth2/v2.0/token HTTP/1.1\r\n"));
//! assert!(tx.unsent().ends_with(b"&client_secret=s%7Ee%2Bc%26r%25e%3Dt"));
//!
//! let body = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0eXAi"}"#;
//! rx.extend(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
//! let Ok(Step::Event(token)) = exchange.step(&mut rx, &mut tx) else { panic!("no token") };
//! assert_eq!(token.access_token.expose(), "eyJ0eXAi");
//! assert_eq!(token.expires_in.map(|life| life.as_secs()), Some(3599));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod assertion;
mod authorize;
mod cache;
mod claims;
mod device;
mod endpoint;
mod error;
mod exchange;
mod federated;
mod form;
pub mod http;
mod limits;
mod managed;
mod posted;
mod redirect;
mod request;
mod retry;
mod revoke;
pub mod server;
mod service_account;
mod token;

pub use assertion::{Algorithm, Assertion, Sign, SignError};
pub use authorize::{AuthorizationRequest, Pkce};
pub use cache::{Cache, Cached, Policy, Refresh, Ticket};
pub use claims::Claims;
pub use device::{DeviceAuthorization, DeviceExchange, DeviceRequest, Poll, Polling};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use error::{Error, ErrorResponse};
pub use exchange::{Hides, TokenExchange};
pub use federated::{github_request, github_token, is_assertion};
pub use limits::Limits;
pub use managed::{Identity, ManagedIdentity};
pub use redirect::{InvalidRedirect, Redirect, RedirectCheck};
pub use request::{Client, TokenRequest};
pub use retry::Retry;
pub use revoke::Revocation;
pub use service_account::{InvalidServiceAccount, ServiceAccount};
pub use token::Token;
