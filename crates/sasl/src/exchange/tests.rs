use alloc::{format, string::ToString, vec};

use super::*;

const TOKEN: &str = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";

fn exchange(mechanism: Mechanism, user: &str, secret: &str, port: u16) -> Exchange {
    let credentials = if mechanism.is_bearer() {
        Credentials::bearer(user, secret).unwrap()
    } else {
        Credentials::password(user, secret).unwrap()
    };
    Exchange::new(mechanism, &credentials, "server.example.com", port).unwrap()
}

fn text(secret: &Secret<Vec<u8>>) -> String {
    String::from_utf8(secret.expose().clone()).unwrap()
}

fn plain(secret: &Secret<Vec<u8>>) -> String {
    String::from_utf8(STANDARD.decode(secret.expose()).unwrap()).unwrap()
}

#[test]
fn sends_the_published_messages() {
    let rows = [
        (
            "Microsoft's vector",
            exchange(
                Mechanism::XOAuth2,
                "test@contoso.onmicrosoft.com",
                "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA",
                993,
            ),
            "dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0Nj\
             bFJDM0VvQUEBAQ==",
        ),
        (
            "RFC 7628 section 4.1",
            exchange(Mechanism::OAuthBearer, "user@example.com", TOKEN, 143),
            "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRj\
             Mk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB",
        ),
        (
            "RFC 7628 section 4.4",
            exchange(Mechanism::OAuthBearer, "user@example.com", TOKEN, 587),
            "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRj\
             Mk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB",
        ),
        (
            "RFC 4616 section 4",
            exchange(Mechanism::Plain, "tim", "tanstaaftanstaaf", 143),
            "AHRpbQB0YW5zdGFhZnRhbnN0YWFm",
        ),
    ];
    for (name, exchange, want) in rows {
        let mut inline = exchange.clone();
        assert_eq!(inline.initial_response().as_ref().map(text).as_deref(), Some(want), "{name}");
        let mut two_step = exchange;
        assert_eq!(two_step.respond(b"").as_ref().map(text).as_deref(), Ok(want), "{name}, in two steps");
        assert!(two_step.initial_response().is_none(), "{name} is sent once");
    }
}

#[test]
fn a_user_name_cannot_leave_its_field() {
    let mut exchange = exchange(Mechanism::OAuthBearer, "a=b,c=2Cd", "t", 1);
    let message = plain(&exchange.initial_response().unwrap());
    assert_eq!(message, "n,a=a=3Db=2Cc=3D2Cd,\x01host=server.example.com\x01port=1\x01auth=Bearer t\x01\x01");

    let credentials = Credentials::bearer("a", "t").unwrap();
    let host = "h\x01auth=Bearer x";
    assert_eq!(Exchange::new(Mechanism::OAuthBearer, &credentials, host, 1).err(), Some(Mismatch::Host));
}

#[test]
fn answers_a_refused_token_and_keeps_the_reason() {
    // RFC 7628 section 4.3.
    let challenge = b"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRw\
        czovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=";
    for (mechanism, want) in [(Mechanism::XOAuth2, ""), (Mechanism::OAuthBearer, "AQ==")] {
        let mut exchange = exchange(mechanism, "user@example.com", TOKEN, 143);
        exchange.initial_response().unwrap();
        assert_eq!(exchange.reason(), None);
        assert_eq!(text(&exchange.respond(challenge).unwrap()), want, "{mechanism}");
        let reason = exchange.reason().unwrap().clone();
        assert_eq!(reason.status.as_deref(), Some("invalid_token"));
        assert_eq!(reason.scope.as_deref(), Some("example_scope"));
        assert_eq!(text(&exchange.respond(b"").unwrap()), want, "{mechanism} asked again");
        assert_eq!(exchange.reason(), Some(&reason), "the first reason stays");
    }
}

#[test]
fn answers_a_bounded_number_of_challenges_and_never_sends_a_token_twice() {
    for mechanism in [Mechanism::XOAuth2, Mechanism::OAuthBearer] {
        let mut exchange = exchange(mechanism, "user@example.com", TOKEN, 143);
        let mut messages = 0;
        for _ in 0..Exchange::CHALLENGES {
            let answer = exchange.respond(b"eyJ9").unwrap();
            messages += usize::from(plain(&answer).contains(TOKEN));
        }
        assert_eq!(messages, 1, "{mechanism}");
        assert_eq!(exchange.respond(b"").err(), Some(ChallengeError::TooMany), "{mechanism}");
        assert_eq!(exchange.respond(b"").err(), Some(ChallengeError::TooMany), "{mechanism}, for good");
        assert!(exchange.initial_response().is_none());
        assert!(matches!(exchange.state, State::Verdict), "{mechanism} holds no message any more");
    }
}

#[test]
fn a_password_is_sent_in_the_order_of_its_mechanism() {
    let mut login = exchange(Mechanism::Login, "tim", "secret", 587);
    assert!(login.initial_response().is_none());
    assert_eq!(text(&login.respond(b"VXNlcm5hbWU6").unwrap()), "dGlt");
    assert!(login.initial_response().is_none());
    assert_eq!(text(&login.respond(b"UGFzc3dvcmQ6").unwrap()), "c2VjcmV0");
    assert_eq!(login.respond(b"UGFzc3dvcmQ6").err(), Some(ChallengeError::Unexpected));

    let mut plain = exchange(Mechanism::Plain, "tim", "secret", 587);
    plain.initial_response().unwrap();
    assert_eq!(plain.respond(b"").err(), Some(ChallengeError::Unexpected));
    assert_eq!(plain.reason(), None);
}

#[test]
fn credentials_go_only_into_mechanisms_of_their_kind() {
    let bearer = Credentials::bearer("a", "t").unwrap();
    let password = Credentials::password("a", "p").unwrap();
    for mechanism in Mechanism::ALL {
        let error = |credentials| Exchange::new(mechanism, credentials, "h", 1).err();
        let (with_bearer, with_password) = if mechanism.is_bearer() {
            (None, Some(Mismatch::PasswordForBearer(mechanism)))
        } else {
            (Some(Mismatch::BearerForPassword(mechanism)), None)
        };
        assert_eq!(error(&bearer), with_bearer, "{mechanism}");
        assert_eq!(error(&password), with_password, "{mechanism}");
    }
}

#[test]
fn chooses_the_best_of_what_is_offered() {
    let rows = [
        ("Exchange", vec!["LOGIN", "XOAUTH2"], Some(Mechanism::XOAuth2), Some(Mechanism::Login)),
        (
            "Gmail",
            vec!["LOGIN", "PLAIN", "XOAUTH2", "PLAIN-CLIENTTOKEN", "OAUTHBEARER", "XOAUTH"],
            Some(Mechanism::XOAuth2),
            Some(Mechanism::Plain),
        ),
        ("standard only", vec!["oauthbearer", "plain"], Some(Mechanism::OAuthBearer), Some(Mechanism::Plain)),
        ("any case", vec!["xOAuth2", "Login"], Some(Mechanism::XOAuth2), Some(Mechanism::Login)),
        ("others", vec!["", "CRAM-MD5", "XOAUTH2X"], None, None),
        ("none", vec![], None, None),
    ];
    let bearer = Credentials::bearer("a", "t").unwrap();
    let password = Credentials::password("a", "p").unwrap();
    for (name, offered, with_bearer, with_password) in rows {
        let choose = |credentials| {
            Exchange::choose(credentials, "h", 1, offered.iter().copied()).map(|found| found.mechanism())
        };
        assert_eq!(choose(&bearer), with_bearer, "{name}");
        assert_eq!(choose(&password), with_password, "{name}");
    }
}

#[test]
fn shows_no_secret() {
    for mechanism in Mechanism::ALL {
        let exchange = exchange(mechanism, "tim", "s3cret", 1);
        let shown = format!("{exchange:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("czNjcmV0"), "{shown}");
        assert!(shown.contains("[redacted]"), "{shown}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (error, want) in [
        (Mismatch::BearerForPassword(Mechanism::Plain), "PLAIN takes no access token"),
        (Mismatch::PasswordForBearer(Mechanism::XOAuth2), "XOAUTH2 takes no password"),
        (Mismatch::Host, "host name holds a control character"),
    ] {
        assert_eq!(error.to_string(), want);
    }
    assert_eq!(ChallengeError::Unexpected.to_string(), "server challenged after everything was sent");
    let many = format!("server challenged more than {} times", Exchange::CHALLENGES);
    assert_eq!(ChallengeError::TooMany.to_string(), many);
}
