use alloc::{boxed::Box, format, string::ToString, vec::Vec};

use mailbearer_sasl::{Credentials, Exchange, Mechanism};
use mailbearer_wire::{Secret, SendBuf};

use super::QUIT;
use crate::{AuthForm, Capabilities, Capability, Error, Options, Reply, Stage, reply::Line};

/// An authentication that is under way.
pub(super) enum Login {
    Sasl {
        exchange: Box<Exchange>,
        /// The initial response, where it did not go with the command.
        held: Option<Secret<Vec<u8>>>,
    },
    /// USER was sent.
    User(Box<Credentials>),
    /// PASS was sent.
    Pass,
}

impl Login {
    /// Sends the first command.
    pub(super) fn begin(
        credentials: Box<Credentials>,
        options: &Options,
        capabilities: &Capabilities,
        greeting: &str,
        tx: &mut SendBuf,
    ) -> Result<Self, Error> {
        let Options { host, port, .. } = options;
        let chosen = Exchange::choose(&credentials, host, *port, capabilities.mechanisms());
        // A server that does not tell what it offers: the token is shown only after its challenge.
        let guessed = || {
            let unknown = !capabilities.is_known();
            Exchange::new(Mechanism::XOAuth2, &credentials, host, *port).ok().filter(|_| unknown)
        };
        if let Some(exchange) = chosen.or_else(guessed) {
            return Ok(Self::begin_sasl(exchange, options, capabilities, greeting, tx));
        }
        let has_user = !capabilities.is_known() || capabilities.has(Capability::User);
        let Some(password) = credentials.plain_password().filter(|_| has_user) else {
            tx.push(QUIT);
            let user = capabilities.has(Capability::User).then(|| Capability::User.to_string());
            let mechanisms = capabilities.mechanisms().map(ToString::to_string);
            return Err(Error::NoMechanism { offered: mechanisms.chain(user).collect() });
        };
        // The user's name was checked when the credentials were made.
        if password.expose().chars().any(char::is_control) {
            tx.push(QUIT);
            return Err(Error::Unfit);
        }
        tx.push(format!("USER {}\r\n", credentials.user()).as_bytes());
        Ok(Self::User(credentials))
    }

    /// RFC 5034 section 4: the initial response goes with the command where the line keeps to 255 octets.
    fn begin_sasl(
        mut exchange: Exchange,
        options: &Options,
        capabilities: &Capabilities,
        greeting: &str,
        tx: &mut SendBuf,
    ) -> Self {
        let command = format!("AUTH {}", exchange.mechanism().name());
        tx.push(command.as_bytes());
        let mut held = exchange.initial_response();
        let exchange_online = options.quirks.exchange_auth_in_two_lines
            && greeting.to_ascii_lowercase().contains("microsoft exchange");
        let goes_with = |response: &mut Secret<Vec<u8>>| match options.auth {
            AuthForm::TwoLines => false,
            AuthForm::OneLine => true,
            AuthForm::Fitting => {
                let octets: usize = [command.len(), response.expose().len(), 3].iter().sum();
                capabilities.is_known() && !exchange_online && octets <= COMMAND_LINE
            }
        };
        if let Some(response) = held.take_if(goes_with) {
            tx.push(b" ");
            tx.push_secret(response.expose());
        }
        tx.push(b"\r\n");
        Self::Sasl { exchange: Box::new(exchange), held }
    }

    /// Takes a line of the server in; `None` once the user is in.
    pub(super) fn hear(
        self,
        line: Line<'_>,
        options: &Options,
        tx: &mut SendBuf,
    ) -> Result<Option<Self>, Error> {
        let stage = Stage::Auth;
        match (self, line) {
            (Self::Sasl { exchange, held }, Line::Challenge(challenge)) => {
                Self::answer(exchange, held, challenge, tx).map(Some)
            }
            (Self::Sasl { exchange, held: Some(held) }, Line::Reply(reply)) if reply.ok => {
                if !options.quirks.exchange_2003_ok_for_challenge {
                    return Err(Error::Unexpected { stage, reply });
                }
                Self::answer(exchange, Some(held), b"", tx).map(Some)
            }
            (Self::Sasl { held: None, .. } | Self::Pass, Line::Reply(reply)) if reply.ok => Ok(None),
            // Nothing was shown yet: it is the mechanism that the server does not take.
            (Self::Sasl { held: Some(_), .. }, Line::Reply(reply)) => {
                tx.push(QUIT);
                Err(Error::Refused { stage, reply })
            }
            (Self::Sasl { exchange, held: None }, Line::Reply(reply)) => {
                tx.push(QUIT);
                let reason = exchange.reason().cloned().map(Box::new);
                Err(Error::Auth { mechanism: Some(exchange.mechanism()), reply, reason })
            }
            (Self::User(credentials), Line::Reply(reply)) if reply.ok => {
                tx.push(b"PASS ");
                if let Some(password) = credentials.plain_password() {
                    tx.push_secret(password.expose().as_bytes());
                }
                tx.push(b"\r\n");
                Ok(Some(Self::Pass))
            }
            (Self::User(_) | Self::Pass, Line::Reply(reply)) => {
                tx.push(QUIT);
                Err(Error::Auth { mechanism: None, reply, reason: None })
            }
            (_, Line::Challenge(challenge)) => {
                let text = alloc::string::String::from_utf8_lossy(challenge);
                Err(Error::Unexpected { stage, reply: Reply::new(true, text) })
            }
        }
    }

    /// Answers a challenge with the held initial response, or with what the mechanism has to say.
    fn answer(
        mut exchange: Box<Exchange>,
        held: Option<Secret<Vec<u8>>>,
        challenge: &[u8],
        tx: &mut SendBuf,
    ) -> Result<Self, Error> {
        let response = match held {
            Some(response) => response,
            None => exchange.respond(challenge).map_err(|error| {
                // RFC 5034 section 4: cancels the exchange.
                tx.push(b"*\r\n");
                Error::Challenge { mechanism: exchange.mechanism(), error }
            })?,
        };
        if !response.expose().is_empty() {
            tx.push_secret(response.expose());
        }
        tx.push(b"\r\n");
        Ok(Self::Sasl { exchange, held: None })
    }
}

/// RFC 2449 section 4: octets of a command line, its end included.
const COMMAND_LINE: usize = 255;
