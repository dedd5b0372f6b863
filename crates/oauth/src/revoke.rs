use core::time::Duration;

use mailbearer_sasl::Redactor;
use mailbearer_wire::{Machine, RecvBuf, Secret, SendBuf, Step};

use crate::{Client, Endpoint, Error, Hides, Token, TokenRequest, posted::Posted};

/// Ends a refresh token, and what was granted with it (RFC 7009).
///
/// One flight in each direction; the event says that the server did it, or did not know the token. It is driven as a
/// [`TokenExchange`](crate::TokenExchange) is, with a receive buffer as large.
#[derive(Debug)]
pub struct Revocation(Posted);

impl Revocation {
    /// An exchange with the default [`Limits`](crate::Limits).
    #[must_use]
    pub fn new(endpoint: Endpoint, client: Client, refresh_token: impl Into<Secret>) -> Self {
        let request = TokenRequest::bare(endpoint, client)
            .parameter("token", refresh_token)
            .parameter("token_type_hint", "refresh_token");
        Self(Posted::new(&request))
    }
}

impl Hides for Revocation {
    fn redactor(&self) -> Redactor {
        self.0.redactor()
    }
}

impl Machine for Revocation {
    type Event = ();
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<()>, Error> {
        self.0.step(rx, tx, |response, limits, hidden| match Token::read(response, limits, hidden) {
            Err(error @ (Error::Refused(_) | Error::Status { .. })) => Err(error),
            // What a success says does not matter (RFC 7009 section 2.2).
            _ => Ok(()),
        })
    }

    fn patience(&self) -> Option<Duration> {
        self.0.http.patience()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;

    #[test]
    fn ends_a_refresh_token() {
        for (status, body, want) in [
            (200, "", "Ok(())"),
            (200, "{}", "Ok(())"),
            (204, "", "Ok(())"),
            (200, "<p>", "Ok(())"),
            (400, r#"{"error":"unsupported_token_type"}"#, "unsupported_token_type (HTTP 400)"),
            (503, "r3fresh-token", "HTTP 503"),
            (
                400,
                r#"{"error":"invalid_request","error_description":"token=r3fresh-token"}"#,
                "invalid_request",
            ),
            (400, r#"{"error":"r3fresh-token"}"#, "HTTP 400"),
            (404, "token=r3fresh%2Dtoken&token_type_hint=refresh_token", "HTTP 404"),
        ] {
            let endpoint = Endpoint::parse("https://a.example/revoke").unwrap();
            let (mut rx, mut tx) = (RecvBuf::with_limit(crate::TokenExchange::RECV_LIMIT), SendBuf::new());
            let mut exchange = Revocation::new(endpoint, Client::public("id"), "r3fresh-token");
            assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Read)));
            assert!(tx.unsent().ends_with(b"token=r3fresh-token&token_type_hint=refresh_token&client_id=id"));
            let length =
                if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
            rx.extend(format!("HTTP/1.1 {status} x\r\n{length}\r\n{body}").as_bytes()).unwrap();
            let done = match exchange.step(&mut rx, &mut tx) {
                Ok(Step::Event(())) => "Ok(())".into(),
                Ok(step) => format!("{step:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(done.contains(want), "{status} {body}: {done}");
            assert!(!done.contains("r3fresh"), "{status} {body}: {done}");
        }
    }
}
