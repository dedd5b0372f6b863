use std::sync::Arc;

use mailbearer_wire::Step;
use serde_json::Value;

use crate::memory::{
    World,
    server::log_in,
    testing::{Talk, world},
    token_endpoint::TokenEndpoint,
};

/// The verifier of RFC 7636 appendix B, and its challenge.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:1234/";

fn people() -> Arc<World> {
    world(|options| {
        options.tenant = Some("t".into());
        options.client_id = Some("app".into());
        options.client_secret = Some("s3cret".into());
        options.token_octets = 1500;
    })
}

fn asks(more: &str) -> String {
    format!(
        "https://localhost/t/oauth2/v2.0/authorize?client_id=app&redirect_uri=http://localhost:1234/&state=s&\
         scope=https://o.test/IMAP.AccessAsUser.All+openid+offline_access&{more}"
    )
}

fn code_of(address: &str) -> String {
    let query = address.strip_prefix("http://localhost:1234/?code=").unwrap();
    query.split('&').next().unwrap().to_owned()
}

fn ask(world: &Arc<World>, request: &str) -> (String, String) {
    let mut talk = Talk::new(TokenEndpoint::new(Arc::clone(world)));
    let (answer, action) = talk.hear(request);
    assert_eq!(action, Step::Close);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn post(world: &Arc<World>, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let escaped = |text: &str| text.bytes().map(|octet| format!("%{octet:02X}")).collect::<String>();
    let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let body = body.join("&");
    let (head, body) = ask(
        world,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    (head[9..12].parse().unwrap(), serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

#[test]
fn a_code_is_exchanged_once_by_who_asked_for_it() {
    let world = people();
    let login = |user| {
        log_in(
            &world,
            &asks(&format!("response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256")),
            user,
        )
    };
    let form = |code: &str, verifier: &str, redirect: &str| {
        post(
            &world,
            "/t/oauth2/v2.0/token",
            &[
                ("grant_type", "authorization_code"),
                ("client_id", "app"),
                ("code", code),
                ("code_verifier", verifier),
                ("redirect_uri", redirect),
            ],
        )
    };
    let address = login(Some("ann@x"));
    assert!(address.ends_with("&state=s&iss=https%3A%2F%2Flocalhost%2Ft%2Fv2.0"), "{address}");
    let code = code_of(&address);
    for (name, code, verifier, redirect) in [
        ("code", "x", VERIFIER, REDIRECT),
        ("verifier", &code, "x", REDIRECT),
        ("redirect", &code, VERIFIER, "http://localhost:1235/"),
    ] {
        let (status, body) = form(code, verifier, redirect);
        assert_eq!((status, &body["error"]), (400, &"invalid_grant".into()), "{name}");
    }
    let (status, body) = form(&code, VERIFIER, REDIRECT);
    assert_eq!(status, 200, "{body}");
    let refresh_token = body["refresh_token"].as_str().unwrap().to_owned();
    assert!(world.tokens.is_good(body["access_token"].as_str().unwrap()));
    assert_eq!(body["id_token"].as_str().unwrap().split('.').count(), 3);

    let refresh = |token: &str| {
        let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", token)];
        post(&world, "/t/oauth2/v2.0/token", &form)
    };
    let (status, body) = refresh(&refresh_token);
    assert_eq!(status, 200, "a public client has no secret: {body}");
    assert_eq!(world.tokens.families(), 1);
    assert_eq!(form(&code, VERIFIER, REDIRECT).0, 400, "once");
    assert_eq!(world.tokens.families(), 0, "a code that comes twice was stolen");
    assert_eq!(refresh(&refresh_token).0, 400);

    let address = login(None);
    assert!(
        address.starts_with("http://localhost:1234/?error=access_denied&error_description="),
        "{address}"
    );
}

#[test]
fn the_page_asks_and_sends_back() {
    let world = people();
    let get = |address: &str| {
        let target = address.strip_prefix("https://localhost").unwrap();
        ask(&world, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    };
    let good = asks(&format!(
        "response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256&nonce=%22%3E"
    ));
    let (head, page) = get(&good);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(page.contains("name=\"nonce\" value=\"&quot;&gt;\"") && page.contains("id=\"accept\""), "{page}");
    let rows = [
        (good.replace("client_id=app", "client_id=x"), "HTTP/1.1 400 "),
        (good.replace("http://localhost:1234/", "http://evil.test/"), "HTTP/1.1 400 "),
        (good.replace("code_challenge=", "x="), "HTTP/1.1 302 "),
        (good.replace("S256", "plain"), "HTTP/1.1 302 "),
        (good.replace("=code&", "=id_token&"), "HTTP/1.1 302 "),
        (good.replace("&state", "&nonce=x&state"), "HTTP/1.1 400 "),
    ];
    for (address, want) in rows {
        let (head, _) = get(&address);
        assert!(head.starts_with(want), "{address}: {head}");
    }
    let address = log_in(&world, &asks("response_type=token"), Some("ann@x"));
    assert!(address.starts_with("http://localhost:1234/#access_token=ey"), "{address}");
    let page = log_in(&world, &good.replace("&nonce", "&response_mode=form_post&nonce"), Some("ann@x"));
    assert!(page.contains("action=\"http://localhost:1234/\"") && page.contains("name=\"code\""), "{page}");
    let (_, discovery) = get("https://localhost/common/v2.0/.well-known/openid-configuration");
    assert!(discovery.contains("https://localhost/common/oauth2/v2.0/token"), "{discovery}");
}

#[test]
fn a_device_waits_for_its_person() {
    let world = people();
    let begin = || {
        let (status, body) = post(
            &world,
            "/common/oauth2/v2.0/devicecode",
            &[("client_id", "app"), ("scope", "a offline_access")],
        );
        assert_eq!(status, 200, "{body}");
        [&body["device_code"], &body["user_code"]].map(|text| text.as_str().unwrap().to_owned())
    };
    let poll = |code: &str| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", "app"),
            ("device_code", code),
        ];
        let (_, body) = post(&world, "/common/oauth2/v2.0/token", &form);
        body["error"].as_str().unwrap_or("none").to_owned()
    };
    let [device, user] = begin();
    assert_eq!(poll(&device), "authorization_pending");
    assert_eq!(poll(&device), "slow_down");
    assert!(!world.people.answer_device("x", None));
    let page = [("code", user.as_str()), ("answer", "accept"), ("user", "ann@x")];
    assert_eq!(post(&world, "/common/device", &page).0, 200);
    assert_eq!(post(&world, "/common/device", &page).0, 400, "answered already");
    assert_eq!(poll(&device), "none");
    assert_eq!(poll(&device), "invalid_grant", "once");
    assert_eq!(world.tokens.families(), 1);

    let [device, user] = begin();
    assert!(world.people.answer_device(&user, None));
    assert_eq!(poll(&device), "authorization_declined");
    let [device, user] = begin();
    world.people.expire_devices();
    assert!(!world.people.answer_device(&user, None));
    assert_eq!(poll(&device), "expired_token");

    let refresh_token = world.tokens.new_refresh_token().unwrap();
    let form = [("client_id", "app"), ("token", refresh_token.as_str())];
    assert_eq!(post(&world, "/t/oauth2/v2.0/revoke", &form).0, 200);
    assert!(!world.tokens.is_refresh_token(&refresh_token));
    assert_eq!(post(&world, "/t/oauth2/v2.0/revoke", &form).0, 200, "who is not known is revoked");
}
