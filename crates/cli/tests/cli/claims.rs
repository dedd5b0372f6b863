//! What tokens say of themselves: shown, and compared with the account before a server sees them.

use mailbearer_mock::memory::{Fault, Options};
use serde_json::Value;

use crate::harness::World;

fn with_fault(name: &str) -> World {
    let mut options = Options::default();
    options.fault = Some(Fault::find(name).unwrap());
    World::with(options)
}

#[test]
fn a_token_that_says_it_is_not_for_this_is_not_shown_to_the_server() {
    for (fault, imap, smtp) in [
        ("token-for-graph", "token-for-graph", "token-for-graph"),
        ("token-for-another-service", "token-audience", "token-audience"),
        ("token-without-roles", "token-role-missing", "token-role-missing"),
        ("token-with-role-of-pop", "token-role-missing", "token-role-missing"),
        ("token-without-scope", "token-scope-missing", "token-scope-missing"),
        ("token-of-another-tenant", "token-other-tenant", "token-other-tenant"),
    ] {
        let world = with_fault(fault);
        for (arguments, want) in
            [(&["list", "--trace"][..], imap), (&["send", "--to", "a@x", "--text", "x", "--trace"], smtp)]
        {
            let outcome = world.run(&[arguments, &["--json"]].concat());
            assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(77), ""), "{fault} {outcome:?}");
            let error = outcome.stderr.lines().last().unwrap();
            let error: Value = serde_json::from_str(error).unwrap();
            assert_eq!(error["code"], want, "{fault}");
            let connected = ["> EHLO", "AUTHENTICATE", "< 220", "< * OK"];
            assert!(!connected.iter().any(|word| outcome.stderr.contains(word)), "{}", outcome.stderr);
        }
        let outcome = world.set("MAILBEARER_OAUTH_CLAIMS", "ignore").run(&["list", "--json"]);
        assert!(outcome.stderr.contains("\"code\":\"authenticate-failed\""), "{}", outcome.stderr);
    }
}

#[test]
fn a_doubt_explains_a_refusal_without_a_reason() {
    let outcome = with_fault("token-of-another-person").run(&["list"]);
    outcome.failed(
        77,
        &[
            "warning: the token is of ann@contoso.test, not of the account's user",
            "error: IMAP: server did not accept the credentials: NO AUTHENTICATE failed.…",
            "hint: the token is of another person than the account's user; …shared mailbox…",
        ],
    );
    // One that the server does not mind is no failure: the user may be a shared mailbox.
    let world = World::new();
    world.run(&["list"]).ok();
}

#[test]
fn a_kept_token_that_lacks_a_role_is_asked_for_again() {
    let world = with_fault("token-without-roles");
    assert_eq!(world.run(&["list"]).code, Some(77));
    world.server.set_fault(None);
    world.run(&["list"]).ok();
}

#[test]
fn inspect_shows_the_claims_and_never_the_token() {
    let world = World::new();
    let outcome = world.run(&["token", "--inspect"]);
    world.check_for_secrets(&outcome.stdout);
    let text = outcome.ok();
    for line in [
        "audience     https://outlook.office365.com".to_owned(),
        "roles        IMAP.AccessAsApp POP.AccessAsApp SMTP.SendAsApp".to_owned(),
        format!("tenant       {}", world.server.tenant()),
        format!("application  {}", world.server.client_id()),
    ] {
        assert!(text.lines().any(|own| own == line), "{line}: {text}");
    }
    let outcome = world.run(&["token", "--inspect", "--json"]);
    world.check_for_secrets(&outcome.stdout);
    let object: Value = serde_json::from_str(&outcome.ok()).unwrap();
    assert_eq!(object["tenant"], world.server.tenant());
    assert_eq!(
        (&object["opaque"], object["roles"][0].as_str()),
        (&Value::from(false), Some("IMAP.AccessAsApp"))
    );
    let outcome = with_fault("token-with-role-of-pop").run(&["token", "--inspect"]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("IMAP: the token lacks the role IMAP.AccessAsApp"), "{outcome:?}");
    let mut options = Options::default();
    options.token_octets = 100;
    let text = World::with(options).run(&["token", "--inspect"]).ok();
    assert_eq!(text, "opaque token of 100 octets: it says nothing of itself\n");
}
