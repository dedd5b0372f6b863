//! The token endpoint, and what the token says of itself.

use std::time::{SystemTime, UNIX_EPOCH};

use mailbearer_net::{Machine, Runtime, Security, Service};
use mailbearer_oauth::{self as oauth, Claims, Endpoint, TokenExchange, TokenRequest, server::RequestReader};
use mailbearer_sasl::Credentials;
use mailbearer_wire::{RecvBuf, SendBuf, printable};

use super::Walk;
use crate::{
    ClientProof, Error, Login, OAuth, Token,
    advice::PASSWORD,
    claims::{self, Cloud},
    doctor::{
        Check, Subject,
        discovery::{self, Discovered},
        shown::{shown_claims, shown_grant},
    },
    error::{Kind, Protocol},
};

impl<R: Runtime> Walk<'_, R> {
    pub(super) async fn token(&mut self, oauth: &OAuth) -> Option<Token> {
        let subject = Subject::Token;
        // The request for a token reports what is wrong with the URL.
        if let Ok(endpoint) = Endpoint::parse(&oauth.token_url) {
            let place = (endpoint.host(), endpoint.port());
            let mut options = self.client.shared().options();
            // Nothing secret is sent yet, but the server may know it from before.
            let hidden = self.client.hidden_from_before().await;
            options.hidden = Some(hidden.clone());
            let service = Service::Https;
            let reached = self.reach(subject, service, place, Security::Implicit, options).await;
            let found = match reached {
                Some(mut connection) => {
                    self.begin();
                    // The request for a token, which asks for more, reports what is wrong with the answer.
                    discovery::ask(&mut connection, &endpoint, &oauth.token_url, &hidden)
                        .await
                        .unwrap_or_default()
                }
                None => Discovered::default(),
            };
            self.compare_clocks(&endpoint, found.date);
            self.cloud(&endpoint, oauth, &found);
            self.form(endpoint, oauth);
        }
        self.request(shown_grant(oauth)).await
    }

    /// Compares this machine's clock with that of the token endpoint. Needs no token for it.
    fn compare_clocks(&mut self, endpoint: &Endpoint, date: Option<u64>) {
        let Some(date) = date else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (apart, way) = (now.abs_diff(date), if now < date { "behind" } else { "ahead of" });
        let text = format!("this machine's clock is {apart} s {way} that of {}", printable(endpoint.host()));
        if apart > SKEW {
            let error = Error::observed("clock-wrong", Kind::Settings, text);
            self.failed(Subject::Token, Check::Clock, error, "");
        } else {
            self.ok(Subject::Token, Check::Clock, text);
        }
    }

    /// Checks that directory, endpoint, scope and servers are in the same cloud of Microsoft's. The directory's own
    /// word counts before the endpoint, because both American clouds have the same endpoint.
    fn cloud(&mut self, endpoint: &Endpoint, oauth: &OAuth, found: &Discovered) {
        let account = self.client.account();
        let scopes = oauth.scope.split(' ').filter_map(|scope| scope.split_once("://"));
        let scopes = scopes.map(|(_, rest)| ("scope", rest.split('/').next().unwrap_or_default()));
        let servers = [
            ("imap.host", &account.imap),
            ("smtp.host", &account.smtp),
            #[cfg(feature = "pop3")]
            ("pop3.host", &account.pop3),
        ];
        let servers =
            servers.into_iter().filter_map(|(key, server)| Some((key, server.as_ref()?.host.as_str())));
        let places = std::iter::once(("token_url", endpoint.host())).chain(scopes).chain(servers);
        let places = places.filter_map(|(key, host)| Some((key, host, Cloud::of_host(host)?)));
        let directory = found.cloud.map(|cloud| ("the directory", endpoint.host(), cloud));
        let places: Vec<_> = directory.into_iter().chain(places).collect();
        let certain = places.iter().filter(|(_, _, cloud)| *cloud != Cloud::Any);
        let mut certain = certain.collect::<Vec<_>>().into_iter();
        let Some(first) = certain.next() else {
            let found =
                if places.is_empty() { "not one of Microsoft's clouds" } else { "either government cloud" };
            return self.ok(Subject::Token, Check::Cloud, found.to_owned());
        };
        match certain.find(|(_, _, cloud)| *cloud != first.2) {
            Some(other) => {
                let text = format!(
                    "{} ({}) is of {}, {} ({}) of {}",
                    first.0,
                    printable(first.1),
                    first.2.name(),
                    other.0,
                    printable(other.1),
                    other.2.name(),
                );
                let error = Error::observed("cloud-mismatch", Kind::Settings, text);
                self.failed(Subject::Token, Check::Cloud, error, "");
            }
            None if found.told.is_empty() => {
                self.ok(Subject::Token, Check::Cloud, first.2.name().to_owned());
            }
            None => {
                self.ok(Subject::Token, Check::Cloud, format!("{}; {}", first.2.name(), found.told));
            }
        }
    }

    /// Checks that a secret comes out of the form as it went in, and looks like a secret.
    fn form(&mut self, endpoint: Endpoint, oauth: &OAuth) {
        let ClientProof::Secret(secret) = &oauth.client else { return };
        let is_microsoft = Cloud::of_host(endpoint.host()).is_some();
        let client = oauth::Client::with_secret(oauth.client_id.as_str(), secret.clone());
        let request = TokenRequest::client_credentials(endpoint, client, &oauth.scope);
        let (mut rx, mut tx) = (RecvBuf::with_limit(TokenExchange::RECV_LIMIT), SendBuf::new());
        // Only for the request: there is no peer.
        let _ = TokenExchange::new(&request).step(&mut rx, &mut tx);
        let mut sent = RecvBuf::with_limit(RequestReader::HEAD.saturating_add(RequestReader::BODY));
        let read =
            sent.extend(tx.unsent()).ok().and_then(|()| RequestReader::new().next(&mut sent).ok().flatten());
        let form = read.and_then(|request| request.form().ok());
        let same = form.is_some_and(|form| form.field("client_secret") == Some(secret.expose().as_str()));
        let octets = secret.expose().len();
        if same && is_microsoft && claims::is_guid(secret.expose()) {
            let text = "client_secret has the form of a secret's ID".to_owned();
            let error = Error::observed("secret-is-id", Kind::Settings, text);
            self.failed(Subject::Token, Check::Form, error, "");
        } else if same {
            let detail = format!("client secret of {octets} octets, read back as it was written");
            self.ok(Subject::Token, Check::Form, detail);
        } else {
            let error = Error::misuse(Protocol::TOKEN, "the form does not read back as it was written");
            self.failed(Subject::Token, Check::Form, error, "");
        }
    }

    pub(super) async fn request(&mut self, how: String) -> Option<Token> {
        self.begin();
        let token = match self.client.lease().await {
            Ok(Some(lease)) => lease.token,
            Ok(None) => return None,
            Err(error) => {
                self.failed(Subject::Token, Check::Request, error, &how);
                return None;
            }
        };
        let octets = token.access_token.expose().len();
        self.ok(Subject::Token, Check::Request, format!("{how}: access token of {octets} octets"));
        let claims = Claims::read(&token.access_token);
        if let Some(claims) = &claims {
            self.report.facts.learn(claims);
            self.told_time(claims);
        }
        let detail =
            claims.as_ref().map_or_else(|| "opaque: it says nothing of itself".to_owned(), shown_claims);
        self.ok(Subject::Token, Check::Claims, detail);
        Some(token)
    }

    /// Compares this machine's clock with the issuer's, by the time that it wrote into a fresh token.
    fn told_time(&mut self, claims: &Claims) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let ahead = claims.not_before.is_some_and(|start| start > now.saturating_add(SKEW));
        let over = claims.expires_at.is_some_and(|end| end.saturating_add(SKEW) < now);
        if ahead || over {
            let text = if ahead {
                "the token is not valid yet, by this machine's clock"
            } else {
                "the token is over, by this machine's clock"
            };
            let error = Error::observed("clock-wrong", Kind::Settings, text.to_owned());
            self.failed(Subject::Token, Check::Clock, error, "");
        }
    }

    /// Compares what the token says of itself with what a protocol needs. Returns the doubt that is left.
    fn claims(&mut self, subject: Subject, protocol: Protocol, token: &Token) -> Option<&'static str> {
        self.begin();
        match claims::compare(token, self.client.account(), protocol) {
            Some(mismatch) if mismatch.is_certain() => {
                self.failed(subject, Check::Claims, Error::mismatch(protocol, mismatch), "");
                None
            }
            Some(mismatch) => {
                self.ok(subject, Check::Claims, format!("in doubt: {mismatch}"));
                Some(mismatch.id())
            }
            None => {
                self.ok(subject, Check::Claims, "nothing in the token speaks against it".to_owned());
                None
            }
        }
    }

    /// Returns what to log in with, and the doubt that the token raises. `None` without a token.
    pub(super) fn credentials(
        &mut self,
        subject: Subject,
        protocol: Protocol,
        token: Option<&Token>,
    ) -> Option<(Credentials, Option<&'static str>)> {
        let doubt = match (&self.client.account().login, token) {
            (Login::Password(_), _) => Some(PASSWORD),
            (Login::Nothing, _) => None,
            (_, Some(token)) => self.claims(subject, protocol, token),
            (_, None) => return None,
        };
        match self.client.credentials(token) {
            Ok(credentials) => Some((credentials, doubt)),
            Err(error) => {
                self.failed(subject, Check::Login, error, "");
                None
            }
        }
    }
}

/// How many seconds clocks may differ.
const SKEW: u64 = 300;
