use serde_json::Value;

use super::*;
use crate::memory::testing::{Talk, world};

/// Posts `form` to `path`; returns the status and the body.
fn post(world: &Arc<World>, path: &str, form: &[(&str, &str)], headers: &str) -> (u16, Value) {
    raw(world, &request(path, form, headers))
}

fn request(path: &str, form: &[(&str, &str)], headers: &str) -> String {
    let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let body = body.join("&");
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn raw(world: &Arc<World>, request: &str) -> (u16, Value) {
    let mut talk = Talk::new(TokenEndpoint::new(Arc::clone(world)));
    let (last, first) = request.as_bytes().split_last().unwrap();
    assert_eq!(talk.say(first), "");
    let (answer, action) = talk.hear([*last]);
    assert_eq!(action, Step::Close);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn escape(value: &str) -> String {
    value.bytes().map(|octet| format!("%{octet:02X}")).collect()
}

#[test]
fn issues_tokens_and_says_why_not() {
    let world = world(|options| options.token_octets = 1500);
    let path = format!("/{}/oauth2/v2.0/token", world.tenant);
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", &world.client_id),
        ("client_secret", world.client_secret.expose()),
        ("scope", "https://x/.default"),
    ];
    let (status, body) = post(&world, &path, &good, "");
    assert_eq!((status, &body["token_type"], &body["expires_in"]), (200, &"Bearer".into(), &3600.into()));
    let token = body["access_token"].as_str().unwrap();
    assert!(token.len() == 1500 && world.tokens.is_good(token));
    assert_eq!(
        post(&world, &path.to_uppercase().replace("OAUTH2/V2.0/TOKEN", "oauth2/v2.0/token"), &good, "").0,
        200
    );

    let refresh_token = world.tokens.new_refresh_token().unwrap();
    let with = |name: &'static str, value: &'static str| {
        good.map(|(own, old)| if own == name { (own, value) } else { (own, old) })
    };
    let rows: [(&str, &str, Vec<(&str, &str)>, u16, &str, u32); 9] = [
        ("wrong secret", &path, with("client_secret", "x").into(), 401, "invalid_client", 7_000_215),
        ("no secret", &path, [good[0], good[1], good[3]].into(), 401, "invalid_client", 7_000_218),
        ("unknown client", &path, with("client_id", "x").into(), 400, "unauthorized_client", 700_016),
        ("wrong tenant", "/common/oauth2/v2.0/token", good.into(), 400, "invalid_request", 90_002),
        ("scope", &path, with("scope", "https://x/Mail.Send").into(), 400, "invalid_scope", 1_002_012),
        ("no scope", &path, good[..3].into(), 400, "invalid_request", 900_144),
        ("no grant", &path, good[1..].into(), 400, "invalid_request", 900_144),
        ("other grant", &path, with("grant_type", "magic").into(), 400, "unsupported_grant_type", 70_003),
        ("form twice", &path, [&good[..], &good[..1]].concat(), 400, "invalid_request", 9_002_313),
    ];
    for (name, path, form, want, error, code) in rows {
        let (status, body) = post(&world, path, &form, "");
        assert_eq!(
            (status, &body["error"], &body["error_codes"][0]),
            (want, &error.into(), &code.into()),
            "{name}"
        );
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{name}: {text}");
        assert!(text.contains(body["trace_id"].as_str().unwrap()), "{name}: {text}");
        assert!(text.contains(body["correlation_id"].as_str().unwrap()), "{name}: {text}");
    }

    let refresh = [
        ("grant_type", "refresh_token"),
        good[1],
        good[2],
        good[3],
        ("refresh_token", refresh_token.as_str()),
    ];
    let (status, body) = post(&world, &path, &refresh, "");
    assert_eq!(status, 200, "{body}");
    assert!(world.tokens.is_refresh_token(body["refresh_token"].as_str().unwrap()));
    world.tokens.set_rotating(true);
    assert_eq!(post(&world, &path, &refresh, "").0, 200);
    let (status, body) = post(&world, &path, &refresh, "");
    assert_eq!((status, &body["error"]), (400, &"invalid_grant".into()), "used twice");

    let refresh_token = world.tokens.new_refresh_token().unwrap();
    let refresh = [good[0], good[1], good[2], good[3], ("refresh_token", refresh_token.as_str())]
        .map(|(name, value)| (name, if name == "grant_type" { "refresh_token" } else { value }));
    world.tokens.revoke_refresh_tokens();
    let (status, body) = post(&world, &path, &refresh, "");
    assert_eq!((status, &body["error"]), (400, &"invalid_grant".into()));

    world.tokens.fail_requests(1);
    assert_eq!(post(&world, &path, &good, "").0, 503);
    assert_eq!(post(&world, &path, &good, "").0, 200);

    let before = world.tokens.issued();
    world.tokens.lose_answers(1);
    let mut talk = Talk::new(TokenEndpoint::new(Arc::clone(&world)));
    let lost = talk.hear(request(&path, &good, ""));
    assert_eq!((lost, world.tokens.answers_to_lose()), ((String::new(), Step::Close), 0));
    assert_eq!(world.tokens.issued(), before + 1);
}

#[test]
fn takes_the_client_from_the_head() {
    let world = world(|options| {
        options.client_id = Some("app".into());
        options.client_secret = Some("s3cret".into());
        options.tenant = Some("t".into());
    });
    let form = [("grant_type", "client_credentials"), ("scope", "x/.default")];
    let (status, body) =
        post(&world, "/t/oauth2/v2.0/token", &form, "Authorization: Basic YXBwOnMzY3JldA==\r\n");
    assert_eq!(status, 200, "{body}");
    let (status, _) = post(&world, "/t/oauth2/v2.0/token", &form, "Authorization: Basic YXBwOng=\r\n");
    assert_eq!(status, 401);
}

#[test]
fn answers_other_requests() {
    let world = world(|options| options.tenant = Some("t".into()));
    assert_eq!(raw(&world, "GET /t/oauth2/v2.0/token HTTP/1.1\r\n\r\n").0, 405);
    assert_eq!(raw(&world, "GET /favicon.ico HTTP/1.1\r\n\r\n").0, 404);
    assert_eq!(raw(&world, "* OK IMAP4rev1\r\n\r\n").0, 400);
    let mut gone = Talk::new(TokenEndpoint::new(world));
    gone.say("POST /t/oauth2");
    assert_eq!(gone.end(), Ok(Step::Close));
}

#[test]
fn dates_are_as_microsoft_writes_them() {
    let text = timestamp();
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00Z", "{text}");
    assert!(!text.contains("-00 "), "{text}");
}
