use std::{convert::Infallible, io, sync::Arc, time::Duration};

use mailbearer_mime::DateTime;
use mailbearer_oauth::server::{Error, Event, Form, Request, Session as Protocol};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
use serde_json::{Value, json};

use super::{
    World,
    fault::TokenFault,
    mailbox::now,
    people::{self, Answer, LoggedIn, NoLogin},
    robots::Robots,
    session::{self, Session},
    tokens::{Claims, Person, guid, id_token},
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
                return self.respond(status, &[], body);
            }
            (Event::Request(_), Some(TokenFault::Redirect(address))) => {
                return self.respond(302, &[("Location", address)], "");
            }
            (Event::Request(_), Some(TokenFault::Entra { status, error, code, text })) => {
                Err(Failure { status, ..Failure::new(error, code, text) })
            }
            (
                Event::Request(request),
                None | Some(TokenFault::Claims(_) | TokenFault::Clock(_) | TokenFault::Cloud(_)),
            ) => match self.page(&request) {
                Some(Answer::Page(status, page)) => {
                    return self.protocol.respond_page(status, &[("Date", &self.date())], &page);
                }
                Some(Answer::Redirect(address)) => {
                    return self.protocol.respond_page(302, &[("Location", &address)], "");
                }
                Some(Answer::Json(status, body)) => Ok((status, body)),
                None => {
                    let answer = self.answer(&request);
                    if self.world.tokens.answer_is_lost() {
                        return self.protocol.hang_up();
                    }
                    answer
                }
            },
            (Event::Invalid(error), _) => Err(Failure::new("invalid_request", 9_002_313, error.to_string())),
            _ => Err(Failure::broken()),
        };
        match answer {
            Ok((status, body)) => self.respond(status, &[], &body.to_string()),
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
        self.respond(failure.status, headers, &failure.body().to_string())
    }

    fn respond(&mut self, status: u16, headers: &[(&str, &str)], json: &str) -> Result<(), Error> {
        let date = self.date();
        let headers: Vec<_> = headers.iter().copied().chain([("Date", date.as_str())]).collect();
        self.protocol.respond(status, &headers, json)
    }

    /// Now, as HTTP writes it (RFC 9110 section 5.6.7).
    fn date(&self) -> String {
        let ahead = match self.world.fault().and_then(|fault| fault.token()) {
            Some(TokenFault::Clock(seconds)) => seconds,
            _ => 0,
        };
        let date =
            DateTime::new(now().0.saturating_add(ahead), 0).map(|date| date.to_string()).unwrap_or_default();
        let padding = if date.as_bytes().get(6) == Some(&b' ') { "0" } else { "" };
        let (weekday, rest) = date.split_at_checked(5).unwrap_or((&date, ""));
        format!("{weekday}{padding}{}", rest.replace(" +0000", " GMT"))
    }

    /// The answer of an address that is not about tokens.
    fn page(&self, request: &Request) -> Option<Answer> {
        if request.target.starts_with("/actions/") {
            let reply = Robots::answer(&self.world, request)?;
            return Some(Answer::Json(reply.status, reply.body));
        }
        people::answer(&self.world, request, &|user, scope| issue_to_person(&self.world, user, scope))
    }

    /// The status and the body of the answer.
    fn answer(&self, request: &Request) -> Result<(u16, Value), Failure> {
        let path = request.target.split('?').next().unwrap_or_default();
        let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        let Some((tenant, what)) = parts
            .and_then(|(tenant, rest)| Some((tenant, rest.strip_prefix("oauth2/v2.0/")?)))
            .filter(|(_, what)| ["token", "devicecode", "revoke", "introspect"].contains(what))
        else {
            return Ok((404, json!({})));
        };
        if request.method != "POST" {
            return Err(Failure { status: 405, ..Failure::new("invalid_request", 900_561, WRONG_METHOD) });
        }
        if self.world.tokens.request_fails() {
            return Err(Failure::busy());
        }
        if !people::is_tenant(&self.world, tenant) {
            let text = format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing \
                 into the correct cloud."
            );
            return Err(Failure::new("invalid_request", 90_002, text));
        }
        let form =
            request.form().map_err(|error| Failure::new("invalid_request", 9_002_313, error.to_string()))?;
        match what {
            "devicecode" => return self.begin_device(request, tenant, &form),
            "revoke" => {
                self.check_id(request, &form)?;
                self.world.tokens.revoke(required(&form, "token")?);
                return Ok((200, json!({})));
            }
            "introspect" => {
                self.check_client(request, &form)?;
                return Ok((200, self.introspect(required(&form, "token")?)));
            }
            _ => {}
        }
        let scope = required(&form, "scope");
        match form.field("grant_type") {
            Some("authorization_code") => return self.code(request, &form),
            Some(DEVICE_CODE) => return self.device(request, &form),
            Some(JWT_BEARER) => return self.service_account(request, &form),
            Some("password") => return self.password(request, &form, scope?),
            Some("refresh_token") => {
                let token = required(&form, "refresh_token")?;
                let person = self.world.tokens.person_of(token);
                // A public client has no secret to show, neither while a person logs in nor later.
                if person.is_some() || !self.world.tokens.is_known(token) {
                    self.check_public(request, &form)?;
                    return self.refresh(token, form.field("scope"), person.as_ref());
                }
            }
            _ => {}
        }
        self.check_client(request, &form)?;
        if !tenant.eq_ignore_ascii_case(&self.world.tenant) {
            let text = format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing \
                 into the correct cloud."
            );
            return Err(Failure::new("invalid_request", 90_002, text));
        }
        match required(&form, "grant_type")? {
            "client_credentials" => self.client_credentials(scope?),
            "refresh_token" => self.refresh(required(&form, "refresh_token")?, form.field("scope"), None),
            grant => {
                let text = format!("The app requested an unsupported grant type '{grant}'.");
                Err(Failure::new("unsupported_grant_type", 70_003, text))
            }
        }
    }

    /// Begins a device's login (RFC 8628 section 3.1).
    fn begin_device(&self, request: &Request, tenant: &str, form: &Form) -> Result<(u16, Value), Failure> {
        self.check_id(request, form)?;
        let id = form.field("client_id").unwrap_or_default();
        let begun = self.world.people.begin_device(id, required(form, "scope")?);
        let (device_code, user_code, interval) = begun.map_err(|_| Failure::broken())?;
        let page = format!("https://{}/{tenant}/device", request.header("host").unwrap_or("localhost"));
        let message =
            format!("To sign in, open the page {page} and enter the code {user_code} to authenticate.");
        let body = json!({
            "device_code": device_code, "user_code": user_code, "verification_uri": page, "expires_in": 900,
            "interval": interval, "message": message,
        });
        Ok((200, body))
    }

    fn code(&self, request: &Request, form: &Form) -> Result<(u16, Value), Failure> {
        self.check_public(request, form)?;
        let (code, redirect_uri) = (required(form, "code")?, required(form, "redirect_uri")?);
        let verifier = required(form, "code_verifier")?;
        let family = self.world.tokens.next_family();
        match self.world.people.exchange(code, redirect_uri, verifier, family) {
            Ok(login) => self.logged_in(&login, family),
            Err((why, used)) => {
                // If a code is used twice, one of the two users stole it.
                used.into_iter().for_each(|family| self.world.tokens.end_family(family));
                Err(no_login(why))
            }
        }
    }

    fn device(&self, request: &Request, form: &Form) -> Result<(u16, Value), Failure> {
        self.check_public(request, form)?;
        let id = form.field("client_id").unwrap_or_default();
        let login = self.world.people.poll_device(required(form, "device_code")?, id);
        self.logged_in(&login.map_err(no_login)?, self.world.tokens.next_family())
    }

    /// What another mail server learns of a token (RFC 7662 section 2.2).
    fn introspect(&self, token: &str) -> Value {
        if !self.world.tokens.is_good(token) {
            return json!({ "active": false });
        }
        json!({
            "active": true, "token_type": "Bearer", "client_id": self.world.client_id, "username": self.world.user,
            "scope": "IMAP.AccessAsApp POP.AccessAsApp SMTP.SendAsApp",
        })
    }

    /// The answer for a person who has just logged in.
    fn logged_in(&self, login: &LoggedIn, family: u64) -> Result<(u16, Value), Failure> {
        let person = Person { user: login.user.clone(), scope: login.scope.clone() };
        let asks = |name: &str| login.scope.split(' ').any(|scope| scope == name);
        let (token, seconds) = self.issue(audience_of(&login.scope), Some(&person))?;
        let mut body = json!({
            "token_type": "Bearer", "scope": login.scope, "expires_in": seconds, "ext_expires_in": seconds,
            "access_token": token,
        });
        let claims = Claims {
            tenant: &self.world.tenant,
            client_id: &self.world.client_id,
            object_id: &self.world.object_id,
            audience: &self.world.client_id,
            person: Some(&person),
            fault: None,
        };
        let id_token = asks("openid").then(|| id_token(claims, login.nonce.as_deref())).transpose();
        let id_token = id_token.map_err(|_| Failure::broken())?;
        let refresh_token = asks("offline_access").then(|| self.world.tokens.begin_family(family, person));
        let refresh_token = refresh_token.transpose().map_err(|_| Failure::broken())?;
        for (name, token) in [("id_token", id_token), ("refresh_token", refresh_token)] {
            if let (Some(token), Some(body)) = (token, body.as_object_mut()) {
                body.insert(name.to_owned(), token.into());
            }
        }
        Ok((200, self.with_end(body)))
    }

    /// A person's name and password (RFC 6749 section 4.3).
    fn password(&self, request: &Request, form: &Form, scope: &str) -> Result<(u16, Value), Failure> {
        self.check_public(request, form)?;
        let (name, password) = (required(form, "username")?, required(form, "password")?);
        if !name.eq_ignore_ascii_case(&self.world.user) || password != self.world.person_password.expose() {
            let text = "Error validating credentials due to invalid username or password.";
            return Err(Failure::new("invalid_grant", 50_126, text));
        }
        let login = LoggedIn { user: self.world.user.clone(), scope: scope.to_owned(), nonce: None };
        self.logged_in(&login, self.world.tokens.next_family())
    }

    /// A service account that acts for a person, as Google has it.
    fn service_account(&self, request: &Request, form: &Form) -> Result<(u16, Value), Failure> {
        let checked =
            self.world.robots.check_service_account(required(form, "assertion")?, &address(request));
        let (person, scope) = checked.map_err(|(_, text)| Failure::new("invalid_grant", 0, text))?;
        if !person.eq_ignore_ascii_case(&self.world.user) {
            return Err(Failure::new("invalid_grant", 0, "Invalid email or User ID"));
        }
        if scope != "https://mail.google.com/" {
            let text = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for \
                        any of the scopes requested.";
            return Err(Failure { status: 401, ..Failure::new("unauthorized_client", 0, text) });
        }
        let (token, seconds) = self.issue("https://mail.google.com", None)?;
        Ok((200, json!({ "token_type": "Bearer", "expires_in": seconds, "access_token": token })))
    }

    /// A public client may come without a secret; one that shows a secret has to show the right one.
    fn check_public(&self, request: &Request, form: &Form) -> Result<(), Failure> {
        let proofs = ["client_secret", "client_assertion"];
        if request.basic().is_some() || proofs.into_iter().any(|name| form.field(name).is_some()) {
            return self.check_client(request, form);
        }
        self.check_id(request, form)
    }

    fn check_id(&self, request: &Request, form: &Form) -> Result<(), Failure> {
        let basic = request.basic();
        let id = match &basic {
            Some((id, _)) => id.as_str(),
            None => required(form, "client_id")?,
        };
        if id.eq_ignore_ascii_case(&self.world.client_id) {
            return Ok(());
        }
        let text =
            format!("Application with identifier '{id}' was not found in the directory 'Mailbearer mock'.");
        Err(Failure::new("unauthorized_client", 700_016, text))
    }

    fn check_client(&self, request: &Request, form: &Form) -> Result<(), Failure> {
        if let Some(assertion) = form.field("client_assertion") {
            self.check_id(request, form)?;
            if form.field("client_assertion_type") != Some(CLIENT_ASSERTION) {
                return Err(Failure::missing("client_assertion_type"));
            }
            let checked =
                self.world.robots.check_client(assertion, required(form, "client_id")?, &address(request));
            return checked.map_err(|(code, text)| Failure {
                status: 401,
                ..Failure::new("invalid_client", code, text)
            });
        }
        let basic = request.basic();
        let (id, secret) = match &basic {
            Some((id, secret)) => (id.as_str(), Ok(secret.expose().as_str())),
            None => (required(form, "client_id")?, required_secret(form)),
        };
        self.check_id(request, form)?;
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
        let (token, seconds) = self.issue(audience, None)?;
        let body = json!({
            "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token,
        });
        Ok((200, body))
    }

    fn refresh(
        &self,
        refresh_token: &str,
        scope: Option<&str>,
        person: Option<&Person>,
    ) -> Result<(u16, Value), Failure> {
        let Some(next) = self.world.tokens.refresh(refresh_token).map_err(|_| Failure::broken())? else {
            let text = "The refresh token has expired due to inactivity.";
            return Err(Failure::new("invalid_grant", 700_082, text));
        };
        let (token, seconds) = self.issue("https://outlook.office.com", person)?;
        let granted = person.map_or("", |person| person.scope.as_str());
        let body = json!({
            "token_type": "Bearer", "scope": scope.unwrap_or(granted), "expires_in": seconds,
            "ext_expires_in": seconds, "access_token": token, "refresh_token": next,
        });
        Ok((200, self.with_end(body)))
    }

    /// The same, and how long the refresh token in it lives.
    fn with_end(&self, mut body: Value) -> Value {
        if let (Some(life), Some(fields)) = (self.world.refresh_token_lifetime, body.as_object_mut())
            && fields.contains_key("refresh_token")
        {
            fields.insert("refresh_token_expires_in".to_owned(), life.as_secs().into());
        }
        body
    }

    fn issue(&self, audience: &str, person: Option<&Person>) -> Result<(String, u64), Failure> {
        issue(&self.world, audience, person).map_err(|_| Failure::broken())
    }
}

impl Machine for TokenEndpoint {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        session::step(self, |own| &mut own.protocol, Self::on, rx, tx)
    }

    fn patience(&self) -> Option<Duration> {
        self.protocol.patience()
    }
}

impl Session for TokenEndpoint {
    fn time_out(&mut self) {
        let failure = Failure { status: 408, ..Failure::new("invalid_request", 90_014, "No request came.") };
        // The time was over before a whole request had come.
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

/// The address that was asked, without its query.
fn address(request: &Request) -> String {
    let path = request.target.split('?').next().unwrap_or_default();
    format!("https://{}{path}", request.header("host").unwrap_or("localhost"))
}

pub(super) fn issue(world: &World, audience: &str, person: Option<&Person>) -> io::Result<(String, u64)> {
    let claims = Claims {
        tenant: &world.tenant,
        client_id: &world.client_id,
        object_id: &world.object_id,
        audience,
        person,
        fault: match world.fault().and_then(|fault| fault.token()) {
            Some(TokenFault::Claims(fault)) => Some(fault),
            _ => None,
        },
    };
    world.tokens.issue(claims)
}

/// A token in a person's name, and its life in seconds.
pub(super) fn issue_to_person(world: &World, user: &str, scope: &str) -> Option<(String, u64)> {
    let person = Person { user: user.to_owned(), scope: scope.to_owned() };
    issue(world, audience_of(scope), Some(&person)).ok()
}

/// The resource that scopes are of.
fn audience_of(scope: &str) -> &str {
    let resource = scope.split(' ').find_map(|scope| scope.rsplit_once('/').map(|(resource, _)| resource));
    resource.unwrap_or("https://outlook.office.com")
}

fn no_login(why: NoLogin) -> Failure {
    match why {
        NoLogin::Code => Failure::new(
            "invalid_grant",
            70_008,
            "The provided authorization code or device code is not valid.",
        ),
        NoLogin::Verifier => Failure::new(
            "invalid_grant",
            501_481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        ),
        NoLogin::Pending => Failure::new(
            "authorization_pending",
            70_016,
            "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
        ),
        NoLogin::SlowDown => Failure::new("slow_down", 70_022, "The client polls too often."),
        NoLogin::Declined => {
            Failure::new("authorization_declined", 70_017, "The end-user denied the authorization request.")
        }
        NoLogin::Expired => Failure::new("expired_token", 70_020, "The device code has expired."),
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const WRONG_METHOD: &str = "The endpoint only accepts POST requests.";

#[cfg(test)]
mod tests;
