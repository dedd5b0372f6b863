//! The addresses beside the token endpoint: where people log in, where devices get codes, and what is told of all that.

use mailbearer_oauth::server::Request;
use serde_json::{Value, json};

use super::{Asked, page};
use crate::memory::{World, fault::TokenFault};

/// Issues an access token to a person for scopes; returns it and its life in seconds.
pub(crate) type Issue<'a> = &'a dyn Fn(&str, &str) -> Option<(String, u64)>;

/// What is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Json(u16, Value),
    Page(u16, String),
    Redirect(String),
}

/// Answers what is no token request; `None` for an address that is not known here.
pub(crate) fn answer(world: &World, request: &Request, issue: Issue<'_>) -> Option<Answer> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let (tenant, what) = path.strip_prefix('/')?.split_once('/')?;
    if !is_tenant(world, tenant) {
        return None;
    }
    // The mock listens under several names, and answers under the one that was asked for.
    let base = format!("https://{}/{tenant}", request.header("host").unwrap_or("localhost"));
    Some(match (request.method.as_str(), what) {
        ("GET", "oauth2/v2.0/authorize") => match Asked::read(query.as_bytes()) {
            Ok(asked) => show(world, &base, &asked),
            Err(problem) => Answer::Page(400, page::says("Sign in", problem)),
        },
        ("POST", "oauth2/v2.0/authorize") => match Asked::read(request.body.expose()) {
            Ok(asked) => decided(world, &base, &asked, issue),
            Err(problem) => Answer::Page(400, page::says("Sign in", problem)),
        },
        ("GET", "device") => {
            let asked = Asked::read(query.as_bytes()).ok()?;
            Answer::Page(200, page::device(asked.get("code").unwrap_or_default(), &world.user))
        }
        ("POST", "device") => {
            let asked = Asked::read(request.body.expose()).ok()?;
            let user = asked.get("user").unwrap_or(&world.user);
            let user = (asked.get("answer") == Some("accept")).then_some(user);
            match (world.people.answer_device(asked.get("code").unwrap_or_default(), user), user) {
                (false, _) => Answer::Page(400, page::says("Enter code", "That code didn't work.")),
                (true, None) => Answer::Page(200, page::says("Sign in", "You declined.")),
                (true, Some(_)) => Answer::Page(200, page::says("Sign in", "You may close this window.")),
            }
        }
        ("GET", "v2.0/.well-known/openid-configuration") => Answer::Json(200, discovery(&base, cloud(world))),
        ("GET", "discovery/instance") => {
            let asked = Asked::read(query.as_bytes()).ok()?;
            instance(&base, tenant, asked.get("authorization_endpoint").unwrap_or_default())
        }
        _ => return None,
    })
}

pub(crate) fn is_tenant(world: &World, tenant: &str) -> bool {
    tenant.eq_ignore_ascii_case(&world.tenant) || ["common", "organizations", "consumers"].contains(&tenant)
}

fn show(world: &World, base: &str, asked: &Asked) -> Answer {
    if let Some((code, text)) = asked.problem(&world.client_id) {
        return Answer::Page(400, page::says("Sign in", &format!("AADSTS{code}: {text}")));
    }
    match asked.refusal() {
        Some((error, text)) => refuse(base, asked, error, text),
        None => Answer::Page(200, page::ask(asked, &world.user)),
    }
}

/// What follows when a person at the page with this query logs in as `user`, or says no.
pub(crate) fn decide(world: &World, base: &str, query: &str, user: Option<&str>, issue: Issue<'_>) -> Answer {
    match Asked::read(query.as_bytes()) {
        Ok(mut asked) => {
            let answer = if user.is_some() { "accept" } else { "refuse" };
            asked.fields.push(("answer".to_owned(), answer.to_owned()));
            asked.fields.extend(user.map(|user| ("user".to_owned(), user.to_owned())));
            decided(world, base, &asked, issue)
        }
        Err(problem) => Answer::Page(400, page::says("Sign in", problem)),
    }
}

/// What follows when the person has said yes or no.
fn decided(world: &World, base: &str, asked: &Asked, issue: Issue<'_>) -> Answer {
    if let Some((code, text)) = asked.problem(&world.client_id) {
        return Answer::Page(400, page::says("Sign in", &format!("AADSTS{code}: {text}")));
    }
    if let Some((error, text)) = asked.refusal() {
        return refuse(base, asked, error, text);
    }
    if asked.get("answer") != Some("accept") {
        return refuse(
            base,
            asked,
            "access_denied",
            "AADSTS65004: User declined to consent to access the app.",
        );
    }
    let user = asked.get("user").unwrap_or(&world.user);
    if asked.get("response_type") == Some("token") {
        let scope = asked.get("scope").unwrap_or_default();
        return match issue(user, scope) {
            Some((token, seconds)) => send(
                base,
                asked,
                vec![
                    ("access_token", token),
                    ("token_type", "Bearer".to_owned()),
                    ("expires_in", seconds.to_string()),
                    ("scope", scope.to_owned()),
                ],
            ),
            None => refuse(base, asked, "server_error", "There was an error issuing a token."),
        };
    }
    match world.people.code(asked, user) {
        Ok(code) => send(base, asked, vec![("code", code)]),
        Err(_) => refuse(base, asked, "server_error", "There was an error issuing a code."),
    }
}

fn refuse(base: &str, asked: &Asked, error: &str, text: &str) -> Answer {
    send(base, asked, vec![("error", error.to_owned()), ("error_description", text.to_owned())])
}

/// Sends the browser to the redirect address, in the way that was asked for.
fn send(base: &str, asked: &Asked, mut fields: Vec<(&'static str, String)>) -> Answer {
    let redirect_uri = asked.get("redirect_uri").unwrap_or_default();
    fields.extend(asked.get("state").map(|state| ("state", state.to_owned())));
    fields.push(("iss", format!("{base}/v2.0")));
    let mark = match (asked.get("response_mode"), asked.get("response_type")) {
        (Some("form_post"), _) => return Answer::Page(200, page::form_post(redirect_uri, &fields)),
        (Some("fragment"), _) | (None, Some("token")) => '#',
        _ if redirect_uri.contains('?') => '&',
        _ => '?',
    };
    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    Answer::Redirect(format!("{redirect_uri}{mark}{}", query.join("&")))
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for octet in value.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            escaped.push(char::from(octet));
        } else {
            escaped.push_str(&format!("%{octet:02X}"));
        }
    }
    escaped
}

/// Which authority an address belongs to: Microsoft's libraries ask before they trust one that they do not know.
fn instance(base: &str, tenant: &str, address: &str) -> Answer {
    let rest = address.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
    let here = base.trim_end_matches(tenant).trim_end_matches('/');
    let host = here.trim_start_matches("https://");
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned();
    match rest {
        // MSAL leaves the port out.
        Some((asked, path)) if name(asked) == name(host) => {
            let tenant = path.split('/').next().unwrap_or_default();
            Answer::Json(
                200,
                json!({
                    "tenant_discovery_endpoint": format!("{here}/{tenant}/v2.0/.well-known/openid-configuration"),
                    "api-version": "1.1",
                    "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
                }),
            )
        }
        _ => {
            let text = "AADSTS50049: Unknown or invalid instance.";
            Answer::Json(400, json!({ "error": "invalid_instance", "error_description": text }))
        }
    }
}

/// The cloud of the directory; none where the servers are not Microsoft's.
fn cloud(world: &World) -> Option<&'static str> {
    match world.fault().and_then(|fault| fault.token()) {
        Some(TokenFault::Cloud(name)) => Some(name),
        _ => world.voice.cloud,
    }
}

/// OpenID Connect Discovery, as far as programs look.
fn discovery(base: &str, cloud: Option<&str>) -> Value {
    let mut document = json!({
        "issuer": format!("{base}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "revocation_endpoint": format!("{base}/oauth2/v2.0/revoke"),
        "introspection_endpoint": format!("{base}/oauth2/v2.0/introspect"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "response_types_supported": ["code", "token"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
    });
    if let (Some(cloud), Some(document)) = (cloud, document.as_object_mut()) {
        document.insert("cloud_instance_name".into(), cloud.into());
        document.insert("tenant_region_scope".into(), "EU".into());
    }
    document
}
