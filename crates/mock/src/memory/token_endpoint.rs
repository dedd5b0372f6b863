use std::{convert::Infallible, sync::Arc, time::Duration};

use mailbearer_mime::DateTime;
use mailbearer_oauth::server::{Error, Event, Form, Request, Session as Protocol};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
use serde_json::{Value, json};

use super::{
    World,
    fault::TokenFault,
    mailbox::now,
    session::Session,
    tokens::{Claims, guid},
};

/// One HTTP exchange with the token endpoint, answered as Microsoft's.
#[derive(Debug)]
pub(crate) struct TokenEndpoint {
    world: Arc<World>,
    protocol: Protocol,
}

impl TokenEndpoint {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let protocol = Protocol::new().silence(world.limits.silence);
        Self { world, protocol }
    }

    /// One more than the servers take.
    pub(crate) fn refusing(world: Arc<World>) -> Result<Self, Error> {
        let mut endpoint = Self::new(world);
        endpoint.fail(&Failure::busy())?;
        Ok(endpoint)
    }

    fn on(&mut self, event: Event) -> Result<(), Error> {
        let answer = match (event, self.world.fault().and_then(|fault| fault.token())) {
            (Event::Request(_), Some(TokenFault::Body(status, body))) => {
                return self.protocol.respond(status, &[], body);
            }
            (Event::Request(_), Some(TokenFault::Entra { status, error, code, text })) => {
                Err(Failure { status, ..Failure::new(error, code, text) })
            }
            (Event::Request(request), None | Some(TokenFault::Claims(_))) => self.answer(&request),
            (Event::Invalid(error), _) => Err(Failure::new("invalid_request", 9_002_313, error.to_string())),
            _ => Err(Failure::broken()),
        };
        match answer {
            Ok((status, body)) => self.protocol.respond(status, &[], &body.to_string()),
            Err(failure) => self.fail(&failure),
        }
    }

    fn fail(&mut self, failure: &Failure) -> Result<(), Error> {
        let headers: &[(&str, &str)] = match failure.status {
            401 => &[("WWW-Authenticate", "Bearer realm=\"mock\"")],
            429 | 503 => &[("Retry-After", "1")],
            405 => &[("Allow", "POST")],
            _ => &[],
        };
        self.protocol.respond(failure.status, headers, &failure.body().to_string())
    }

    /// The status and the body of the answer.
    fn answer(&self, request: &Request) -> Result<(u16, Value), Failure> {
        let path = request.target.split('?').next().unwrap_or_default();
        let tenant = path.strip_prefix('/').and_then(|path| path.strip_suffix("/oauth2/v2.0/token"));
        let Some(tenant) = tenant.filter(|tenant| !tenant.contains('/')) else {
            return Ok((404, json!({})));
        };
        if request.method != "POST" {
            return Err(Failure { status: 405, ..Failure::new("invalid_request", 900_561, WRONG_METHOD) });
        }
        if self.world.tokens.request_fails() {
            return Err(Failure::busy());
        }
        if !tenant.eq_ignore_ascii_case(&self.world.tenant) {
            let text = format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing \
                 into the correct cloud."
            );
            return Err(Failure::new("invalid_request", 90_002, text));
        }
        let form =
            request.form().map_err(|error| Failure::new("invalid_request", 9_002_313, error.to_string()))?;
        self.check_client(request, &form)?;
        let scope = required(&form, "scope");
        match required(&form, "grant_type")? {
            "client_credentials" => self.client_credentials(scope?),
            "refresh_token" => self.refresh(required(&form, "refresh_token")?, form.field("scope")),
            grant => {
                let text = format!("The app requested an unsupported grant type '{grant}'.");
                Err(Failure::new("unsupported_grant_type", 70_003, text))
            }
        }
    }

    fn check_client(&self, request: &Request, form: &Form) -> Result<(), Failure> {
        let basic = request.basic();
        let (id, secret) = match &basic {
            Some((id, secret)) => (id.as_str(), Ok(secret.expose().as_str())),
            None => (required(form, "client_id")?, required_secret(form)),
        };
        if !id.eq_ignore_ascii_case(&self.world.client_id) {
            let text = format!(
                "Application with identifier '{id}' was not found in the directory 'Mailbearer mock'."
            );
            return Err(Failure::new("unauthorized_client", 700_016, text));
        }
        if secret? != self.world.client_secret.expose() {
            let text = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
                 value, not the client secret ID, for a secret added to app '{id}'."
            );
            return Err(Failure { status: 401, ..Failure::new("invalid_client", 7_000_215, text) });
        }
        Ok(())
    }

    fn client_credentials(&self, scope: &str) -> Result<(u16, Value), Failure> {
        let Some(audience) = scope.strip_suffix("/.default").filter(|audience| !audience.contains(' '))
        else {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope \
                 value with /.default suffixed to the resource identifier (application ID URI)."
            );
            return Err(Failure::new("invalid_scope", 1_002_012, text));
        };
        let (token, seconds) = self.issue(audience)?;
        let body = json!({
            "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token,
        });
        Ok((200, body))
    }

    fn refresh(&self, refresh_token: &str, scope: Option<&str>) -> Result<(u16, Value), Failure> {
        let Some(next) = self.world.tokens.refresh(refresh_token).map_err(|_| Failure::broken())? else {
            let text = "The refresh token has expired due to inactivity.";
            return Err(Failure::new("invalid_grant", 700_082, text));
        };
        let (token, seconds) = self.issue("https://outlook.office.com")?;
        let body = json!({
            "token_type": "Bearer", "scope": scope.unwrap_or_default(), "expires_in": seconds,
            "ext_expires_in": seconds, "access_token": token, "refresh_token": next,
        });
        Ok((200, body))
    }

    fn issue(&self, audience: &str) -> Result<(String, u64), Failure> {
        let world = &self.world;
        let claims = Claims {
            tenant: &world.tenant,
            client_id: &world.client_id,
            object_id: &world.object_id,
            audience,
            fault: match world.fault().and_then(|fault| fault.token()) {
                Some(TokenFault::Claims(fault)) => Some(fault),
                _ => None,
            },
        };
        world.tokens.issue(claims).map_err(|_| Failure::broken())
    }
}

impl Machine for TokenEndpoint {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        loop {
            match self.protocol.step(rx, tx)? {
                Step::Event(event) => self.on(event)?,
                Step::Read => return Ok(Step::Read),
                Step::Flush => return Ok(Step::Flush),
                Step::StartTls => return Ok(Step::StartTls),
                Step::Close => return Ok(Step::Close),
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        self.protocol.patience()
    }
}

impl Session for TokenEndpoint {
    fn time_out(&mut self) {
        let failure = Failure { status: 408, ..Failure::new("invalid_request", 90_014, "No request came.") };
        // It was not asked anything yet, else it would not wait.
        let _ = self.fail(&failure);
    }
}

/// An error response of the token endpoint.
#[derive(Debug)]
struct Failure {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

impl Failure {
    fn new(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self { status: 400, error, code, text: text.into() }
    }

    fn missing(name: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Self::new("invalid_request", 900_144, text)
    }

    fn busy() -> Self {
        let text = "The service is temporarily unavailable. Please retry later.";
        Self { status: 503, ..Self::new("temporarily_unavailable", 90_055, text) }
    }

    fn broken() -> Self {
        Self { status: 500, ..Self::new("server_error", 50_000, "There was an error issuing a token.") }
    }

    fn body(&self) -> Value {
        let (trace, correlation) = (guid().unwrap_or_default(), guid().unwrap_or_default());
        let time = timestamp();
        let code = self.code;
        json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{code}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}", self.text
            ),
            "error_codes": [code],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        })
    }
}

/// Now, as Microsoft writes it: `2026-11-24 05:42:00Z`.
fn timestamp() -> String {
    let (seconds, _) = now();
    let Ok(now) = DateTime::new(seconds, 0) else { return String::new() };
    let (date, (hour, minute, second)) = (now.date(), now.time());
    format!("{:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}Z", date.year(), date.month(), date.day())
}

fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Failure> {
    form.field(name).filter(|value| !value.is_empty()).ok_or_else(|| Failure::missing(name))
}

fn required_secret(form: &Form) -> Result<&str, Failure> {
    let text =
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
    let missing = || Failure { status: 401, ..Failure::new("invalid_client", 7_000_218, text) };
    form.field("client_secret").ok_or_else(missing)
}

const WRONG_METHOD: &str = "The endpoint only accepts POST requests.";

#[cfg(test)]
mod tests;
