use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::time::Duration;

use mailbearer_wire::{Json, Secret};

use crate::{
    Endpoint, Error, InvalidEndpoint, Limits, Token,
    http::{InvalidField, Request, Response},
};

/// The identity that Azure gives a machine: a token for the asking, from an address that only the machine reaches.
///
/// [`request`](Self::request), then [`token`](Self::token) of the response. Azure Arc answers the first request with
/// the name of a file that can be read only by those who may have the token; [`challenge`](Self::challenge) finds it, and the
/// request is repeated with what is in it.
#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    service: Service,
    endpoint: Endpoint,
    identity: Option<(Identity, String)>,
}

#[derive(Clone, Debug)]
enum Service {
    VirtualMachine,
    App(Secret),
    Arc,
}

/// What an identity that is not the machine's own is named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the services know no other names")]
pub enum Identity {
    /// The id of its application.
    ClientId,
    /// The id of its service principal.
    ObjectId,
    /// Its path in Azure.
    ResourceId,
}

impl ManagedIdentity {
    /// Where a virtual machine asks.
    pub const VIRTUAL_MACHINE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
    /// Where a machine with the agent of Azure Arc asks.
    pub const ARC: &str = "http://localhost:40342/metadata/identity/oauth2/token";
    /// Octets of the file that Azure Arc names, at most.
    pub const CHALLENGE: u64 = 4096;

    /// On a virtual machine (IMDS), at [`VIRTUAL_MACHINE`](Self::VIRTUAL_MACHINE) or elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::parse_local`].
    pub fn virtual_machine(url: &str) -> Result<Self, InvalidEndpoint> {
        Self::at(Service::VirtualMachine, url)
    }

    /// In App Service, Functions, Container Apps and Automation, with what the environment says: `IDENTITY_ENDPOINT` and
    /// `IDENTITY_HEADER`.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::parse_local`].
    pub fn app_service(url: &str, header: impl Into<Secret>) -> Result<Self, InvalidEndpoint> {
        Self::at(Service::App(header.into()), url)
    }

    /// With the agent of Azure Arc, at [`ARC`](Self::ARC) or elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::parse_local`].
    pub fn arc(url: &str) -> Result<Self, InvalidEndpoint> {
        Self::at(Service::Arc, url)
    }

    fn at(service: Service, url: &str) -> Result<Self, InvalidEndpoint> {
        Ok(Self { service, endpoint: Endpoint::parse_local(url)?, identity: None })
    }

    /// Another identity than the machine's own. Azure Arc has none, and ignores it.
    #[must_use]
    pub fn with_identity(self, by: Identity, name: impl Into<String>) -> Self {
        Self { identity: Some((by, name.into())), ..self }
    }

    /// Where it asks.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What tells this identity from others: the name it was given, if any.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.identity.as_ref().map(|(_, name)| name.as_str())
    }

    /// Asks for a token for `scope`, with or without `/.default` behind it. `key` is what Azure Arc's file holds.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the environment's header, or the key, can't stand in a header field.
    pub fn request(&self, scope: &str, key: Option<&Secret>) -> Result<Request, InvalidField> {
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let version = match self.service {
            Service::VirtualMachine => "2018-02-01",
            Service::App(_) => "2019-08-01",
            Service::Arc => "2020-06-01",
        };
        let mut query = Vec::from([("api-version", version), ("resource", resource)]);
        query.extend(
            self.identity.as_ref().and_then(|(by, name)| Some((self.parameter(*by)?, name.as_str()))),
        );
        let request = Request::get(self.endpoint.with_query(&query)).field("Metadata", "true")?;
        match (&self.service, key) {
            (Service::App(header), _) => request.secret_field("X-IDENTITY-HEADER", header.clone()),
            (Service::Arc, Some(key)) => {
                let value: Secret = Secret::new(["Basic ", key.expose()].concat());
                request.secret_field("Authorization", value)
            }
            // The second request goes the way of the first.
            (Service::Arc, None) => Ok(request.keep_connection()),
            (Service::VirtualMachine, _) => Ok(request),
        }
    }

    const fn parameter(&self, by: Identity) -> Option<&'static str> {
        match (&self.service, by) {
            (Service::Arc, _) => None,
            (_, Identity::ClientId) => Some("client_id"),
            (_, Identity::ObjectId) => Some("object_id"),
            (Service::App(_), Identity::ResourceId) => Some("mi_res_id"),
            (Service::VirtualMachine, Identity::ResourceId) => Some("msi_res_id"),
        }
    }

    /// The name of the file that Azure Arc wants to be shown, without its folder and with `.key` at its end. `None` where
    /// the response is none that asks for one.
    ///
    /// Whatever folder the response names, the file is in the agent's own: a peer that could name any would be sent any.
    #[must_use]
    pub fn challenge(&self, response: &Response) -> Option<String> {
        let challenge = response.challenge.as_deref().filter(|_| response.status == 401)?;
        let Service::Arc = self.service else { return None };
        let (scheme, parameters) = challenge.split_once(' ')?;
        let (name, path) = parameters.trim().split_once('=')?;
        if !scheme.eq_ignore_ascii_case("basic") || !name.trim().eq_ignore_ascii_case("realm") {
            return None;
        }
        let path = path.trim().trim_matches('"');
        let file = path.rsplit(['/', '\\']).next()?;
        let stem = file.strip_suffix(".key").filter(|stem| !stem.trim_matches('.').is_empty())?;
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
        stem.bytes().all(is_plain).then(|| file.to_owned())
    }

    /// Reads the response. `now` is the time since 1970, for services that say when the token ends and not how long it
    /// lives.
    ///
    /// # Errors
    ///
    /// As [`Token::from_response`]; and [`Error::Unready`] for a service that is being updated.
    pub fn token(&self, response: &Response, now: Duration) -> Result<Token, Error> {
        let mut token = match (&self.service, response.status) {
            // Learn, "How to use managed identities … to acquire an access token", "Retry guidance".
            (Service::VirtualMachine, status @ (404 | 410)) => return Err(Error::Unready { status }),
            _ => Token::from_response(response, &Limits::DEFAULT)?,
        };
        if token.expires_in.is_none() {
            let body = Json::parse(response.body.expose());
            let end = body.and_then(|body| {
                let end = body.get("expires_on")?;
                end.number().map(ToOwned::to_owned).or_else(|| end.text())?.parse::<u64>().ok()
            });
            token.expires_in = end.and_then(|end| Duration::from_secs(end).checked_sub(now));
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

    use super::*;
    use crate::http::Exchange;

    fn sent(request: Request) -> String {
        let (mut rx, mut tx) = (RecvBuf::with_limit(100), SendBuf::new());
        assert!(matches!(Exchange::new(request, Limits::DEFAULT).step(&mut rx, &mut tx), Ok(Step::Read)));
        String::from_utf8(tx.unsent().to_vec()).unwrap()
    }

    fn response(status: u16, challenge: Option<&str>, body: &str) -> Response {
        let response = Response::new(status, body.as_bytes().to_vec().into());
        Response { challenge: challenge.map(Into::into), ..response }
    }

    #[test]
    fn asks_each_service_in_its_way() {
        let scope = "https://outlook.office365.com/.default";
        let resource = "resource=https%3A%2F%2Foutlook.office365.com";
        let machine = ManagedIdentity::virtual_machine(ManagedIdentity::VIRTUAL_MACHINE).unwrap();
        let app = ManagedIdentity::app_service("http://127.0.0.1:41/msi/token/", "h3ader").unwrap();
        let arc = ManagedIdentity::arc(ManagedIdentity::ARC).unwrap();
        let key = Secret::from("k3y");
        let rows = [
            (
                machine.request(scope, None),
                format!("/metadata/identity/oauth2/token?api-version=2018-02-01&{resource} "),
                "",
            ),
            (
                machine.with_identity(Identity::ResourceId, "/sub/x").request(scope, None),
                format!(
                    "/metadata/identity/oauth2/token?api-version=2018-02-01&{resource}&msi_res_id=%2Fsub%2Fx "
                ),
                "",
            ),
            (
                app.clone()
                    .with_identity(Identity::ClientId, "c")
                    .request("https://outlook.office365.com", None),
                format!("/msi/token/?api-version=2019-08-01&{resource}&client_id=c "),
                "X-IDENTITY-HEADER: h3ader\r\n",
            ),
            (
                app.with_identity(Identity::ResourceId, "r").request(scope, None),
                format!("/msi/token/?api-version=2019-08-01&{resource}&mi_res_id=r "),
                "X-IDENTITY-HEADER: h3ader\r\n",
            ),
            (
                arc.clone().with_identity(Identity::ClientId, "c").request(scope, Some(&key)),
                format!("/metadata/identity/oauth2/token?api-version=2020-06-01&{resource} "),
                "Authorization: Basic k3y\r\n",
            ),
        ];
        for (request, target, field) in rows {
            let sent = sent(request.unwrap());
            assert!(sent.starts_with(&format!("GET {target}HTTP/1.1\r\n")), "{sent}");
            assert!(sent.contains("\r\nMetadata: true\r\n") && sent.contains(field), "{sent}");
        }
        assert!(sent(arc.request(scope, None).unwrap()).contains("Connection: keep-alive\r\n"));
        assert!(ManagedIdentity::virtual_machine("http://a.example/").is_err());
        let odd = ManagedIdentity::app_service("http://127.0.0.1/", "h\r\nX: y").unwrap();
        assert_eq!(odd.request(scope, None).unwrap_err(), InvalidField("X-IDENTITY-HEADER"));
    }

    #[test]
    fn a_challenge_names_no_folder() {
        let arc = ManagedIdentity::arc(ManagedIdentity::ARC).unwrap();
        let rows = [
            ("Basic realm=/var/opt/azcmagent/tokens/1f.key", Some("1f.key")),
            (
                "basic realm=\"C:\\ProgramData\\AzureConnectedMachineAgent\\Tokens\\a-b_c.key\"",
                Some("a-b_c.key"),
            ),
            ("Basic realm=/etc/shadow", None),
            ("Basic realm=/root/.ssh/id.key", Some("id.key")),
            ("Basic realm=..key", None),
            ("Basic realm=/x/.key", None),
            ("Basic realm=/x/..\\.key", None),
            ("Basic realm=a b.key", None),
            ("Basic realm=%2e%2e%2fa.key", None),
            ("Bearer realm=/x/a.key", None),
            ("Basic", None),
            ("Basic charset=a.key", None),
        ];
        for (challenge, want) in rows {
            assert_eq!(arc.challenge(&response(401, Some(challenge), "")).as_deref(), want, "{challenge}");
        }
        let challenge = Some("Basic realm=/x/a.key");
        assert_eq!(arc.challenge(&response(403, challenge, "")), None);
        assert_eq!(arc.challenge(&response(401, None, "")), None);
        let machine = ManagedIdentity::virtual_machine(ManagedIdentity::VIRTUAL_MACHINE).unwrap();
        assert_eq!(machine.challenge(&response(401, challenge, "")), None);
    }

    #[test]
    fn reads_each_services_answer() {
        let machine = ManagedIdentity::virtual_machine(ManagedIdentity::VIRTUAL_MACHINE).unwrap();
        let app = ManagedIdentity::app_service("http://127.0.0.1/", "h").unwrap();
        let now = Duration::from_secs(1_000);
        let body = |rest: &str| format!(r#"{{"access_token":"t","token_type":"Bearer"{rest}}}"#);
        let rows = [
            (&machine, 200, body(r#","expires_in":"3599","expires_on":"9""#), Ok(Some(3599))),
            (&app, 200, body(r#","expires_on":"4000","resource":"x""#), Ok(Some(3000))),
            (&app, 200, body(r#","expires_on":4000"#), Ok(Some(3000))),
            (&app, 200, body(r#","expires_on":"999""#), Ok(None)),
            (&app, 200, body(r#","expires_on":"soon""#), Ok(None)),
            (&machine, 410, String::new(), Err("is being updated (HTTP 410)")),
            (&machine, 404, "<p>".into(), Err("is being updated (HTTP 404)")),
            (&app, 404, String::new(), Err("HTTP 404")),
            (&app, 500, r#"{"statusCode":500,"message":"no identity"}"#.into(), Err("no identity")),
            (
                &machine,
                400,
                r#"{"error":"invalid_resource","error_description":"AADSTS500011"}"#.into(),
                Err("AADSTS500011"),
            ),
        ];
        for (identity, status, body, want) in rows {
            match (identity.token(&response(status, None, &body), now), want) {
                (Ok(token), Ok(life)) => {
                    assert_eq!(token.expires_in.map(|life| life.as_secs()), life, "{body}")
                }
                (Err(error), Err(want)) => assert!(error.to_string().contains(want), "{error}"),
                (found, want) => panic!("{body}: {found:?}, {want:?}"),
            }
        }
        assert!(Error::Unready { status: 410 }.is_transient());
    }

    #[test]
    fn an_identity_has_the_name_that_it_was_given() {
        let machine = || ManagedIdentity::virtual_machine(ManagedIdentity::VIRTUAL_MACHINE).unwrap();
        assert_eq!(machine().name(), None);
        assert_eq!(machine().with_identity(Identity::ClientId, "8f1b").name(), Some("8f1b"));
    }
}
