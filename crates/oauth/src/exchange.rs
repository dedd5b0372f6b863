use alloc::vec::Vec;
use core::time::Duration;

use mailbearer_sasl::Redactor;
use mailbearer_wire::{Machine, RecvBuf, Secret, SendBuf, Step};

use crate::{Error, Limits, Token, TokenRequest, http};

/// Asks for a token: sends the request in one flight, reads the response, hands out the [`Token`], closes.
///
/// It is driven over TLS to [`TokenRequest::endpoint`]. A driver over TLS must say with
/// [`RecvBuf::set_cut_off`] where the stream ended without `close_notify`: its end is what completes a response
/// without a length.
#[derive(Debug)]
pub struct TokenExchange {
    state: State,
    limits: Limits,
    /// What the server was sent and may repeat.
    hidden: Vec<Secret>,
}

#[derive(Debug)]
enum State {
    Http(http::Exchange),
    Failed(Error),
}

impl TokenExchange {
    /// What the receive buffer must be able to hold, in octets, with the default limits; with others it is
    /// twice [`Limits::head`].
    pub const RECV_LIMIT: usize = 2 * Limits::DEFAULT.head;

    /// An exchange with the default [`Limits`].
    #[must_use]
    pub fn new(request: &TokenRequest) -> Self {
        Self::with_limits(request, Limits::DEFAULT)
    }

    /// An exchange with other limits.
    #[must_use]
    pub fn with_limits(request: &TokenRequest, limits: Limits) -> Self {
        let http = http::Exchange::post(request.endpoint(), request.basic().cloned(), request.form(), limits);
        Self { state: State::Http(http), limits, hidden: request.secrets() }
    }
}

/// What was sent to a server, which may repeat it.
pub trait Hides {
    /// Takes that out of a text.
    fn redactor(&self) -> Redactor;
}

impl Hides for TokenExchange {
    fn redactor(&self) -> Redactor {
        Redactor::new(&self.hidden)
    }
}

impl Machine for TokenExchange {
    type Event = Token;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Token>, Error> {
        let step = match &mut self.state {
            State::Failed(error) => return Err(error.clone()),
            State::Http(exchange) => match exchange.step(rx, tx) {
                Ok(Step::Event(response)) => {
                    Token::read(&response, &self.limits, &self.hidden).map(Step::Event)
                }
                Ok(Step::Read) => Ok(Step::Read),
                Ok(Step::Flush) => Ok(Step::Flush),
                Ok(Step::StartTls) => Ok(Step::StartTls),
                Ok(Step::Close) => Ok(Step::Close),
                Err(error) => Err(error.into()),
            },
        };
        if let Err(error) = &step {
            self.state = State::Failed(error.clone());
        }
        step
    }

    fn patience(&self) -> Option<Duration> {
        match &self.state {
            State::Http(exchange) => exchange.patience(),
            State::Failed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
