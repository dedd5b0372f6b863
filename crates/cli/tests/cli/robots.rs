//! The grants of robots, by their settings.

use std::fs;

use mailbearer_mock::{memory::Options, spellings};

use crate::harness::World;

const CERTIFICATE: &str = include_str!("../../../../tests/fixtures/keys/rsa.crt");
const KEY: &str = include_str!("../../../../tests/fixtures/keys/rsa-pkcs8.pem");
const PKCS12: &[u8] = include_bytes!("../../../../tests/fixtures/keys/rsa.p12");

const SECRET: &str = "MAILBEARER_OAUTH_CLIENT_SECRET";
const GRANT: &str = "MAILBEARER_OAUTH_GRANT";

/// A server that knows the certificate, and files with all that a robot can have.
fn world() -> World {
    let mut options = Options::default();
    options.client_certificate = Some(CERTIFICATE.into());
    let world = World::with(options);
    let both = [KEY, CERTIFICATE].concat();
    let token = world.server.federated_token("api://AzureADTokenExchange").unwrap();
    let account = world.server.service_account_key(KEY);
    for (name, octets) in [
        ("robot.crt", CERTIFICATE.as_bytes()),
        ("robot.key", KEY.as_bytes()),
        ("both.pem", both.as_bytes()),
        ("robot.p12", PKCS12),
        ("token", token.as_bytes()),
        ("account.json", account.as_bytes()),
    ] {
        fs::write(world.path(name), octets).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    world
}

/// Sets the variables of a row; a value that begins with `~/` is a file of the home, and `-` takes a variable away.
fn set(mut world: World, row: &[(&str, &str)]) -> World {
    for (name, value) in row {
        world = match value.strip_prefix("~/") {
            Some(file) => {
                let path = world.path(file);
                world.set(name, path.display())
            }
            None if *value == "-" => world.unset(name),
            None => world.set(name, value),
        };
    }
    world
}

fn oauth(name: &str) -> String {
    format!("MAILBEARER_OAUTH_{name}")
}

#[test]
fn each_way_to_prove_an_identity() {
    let certificate = oauth("CLIENT_CERTIFICATE");
    let (key, algorithm) = (oauth("CLIENT_KEY_FILE"), oauth("ASSERTION_ALGORITHM"));
    let (pkcs12, password) = (oauth("CLIENT_PKCS12"), oauth("CLIENT_PKCS12_PASSWORD"));
    let assertion = oauth("CLIENT_ASSERTION_FILE");
    let rows: &[&[(&str, &str)]] = &[
        &[(&certificate, "~/robot.crt"), (&key, "~/robot.key")],
        &[(&certificate, "~/robot.crt"), (&key, "~/robot.key"), (&algorithm, "RS256")],
        &[(&certificate, "~/both.pem")],
        &[(&pkcs12, "~/robot.p12"), (&password, "hunter2")],
        &[(&assertion, "~/token")],
        &[("AZURE_FEDERATED_TOKEN_FILE", "~/token")],
    ];
    for row in rows {
        let world = set(world(), row).unset(SECRET);
        let token = world.run(&["token"]).ok();
        assert_eq!(Some(token.trim_end()), world.server.tokens().latest().as_deref(), "{row:?}");
        world.run(&["list"]).ok();
        assert_eq!(world.server.tokens().issued(), 1, "it is kept, and good: {row:?}");
    }
    let world = world();
    let (url, token) = world.server.actions();
    let (url, token) = (url, token.to_owned());
    let world = world.set("ACTIONS_ID_TOKEN_REQUEST_URL", url).set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token);
    world.unset(SECRET).run(&["list"]).ok();
}

#[test]
fn each_grant_without_a_client() {
    type Variables<'a> = &'a dyn Fn(&World) -> Vec<(String, String)>;
    let rows: [(&str, Variables<'_>); 3] = [
        ("service_account", &|world| {
            vec![(oauth("SERVICE_ACCOUNT_KEY_FILE"), world.path("account.json").display().to_string())]
        }),
        ("managed_identity", &|world| vec![(oauth("TOKEN_URL"), world.server.virtual_machine_url())]),
        ("managed_identity", &|world| {
            let (url, header) = world.server.app_service();
            vec![("IDENTITY_ENDPOINT".into(), url), ("IDENTITY_HEADER".into(), header.into())]
        }),
    ];
    for (grant, variables) in rows {
        let mut world = world().set(GRANT, grant).unset(SECRET).unset(&oauth("CLIENT_ID"));
        if grant == "service_account" {
            world = world.unset(&oauth("TOKEN_URL")).unset(&oauth("SCOPE"));
        } else {
            world = world.unset(&oauth("TOKEN_URL"));
        }
        for (name, value) in variables(&world) {
            world = world.set(&name, value);
        }
        world.run(&["list"]).ok();
        world.run(&["list"]).ok();
        assert_eq!(world.server.tokens().issued(), 1, "{grant}: the second is kept");
    }
    let world = world().set(GRANT, "password");
    let password = world.server.person_password().to_owned();
    let world = world.set(&oauth("PASSWORD"), password).unset(SECRET);
    let world = world.set(&oauth("SCOPE"), "https://outlook.office.com/IMAP.AccessAsUser.All");
    world.run(&["list"]).ok();
}

#[test]
fn what_can_not_prove_anything_says_so_with_its_place() {
    let certificate = oauth("CLIENT_CERTIFICATE");
    let (key, pkcs12) = (oauth("CLIENT_KEY_FILE"), oauth("CLIENT_PKCS12"));
    let rows: &[(&[(&str, &str)], &str)] = &[
        (
            &[(&certificate, "~/robot.crt"), (SECRET, "-")],
            "error: MAILBEARER_OAUTH_CLIENT_CERTIFICATE: the key is no RSA key in PEM…",
        ),
        (
            &[(&certificate, "~/robot.crt"), (&key, "~/robot.key")],
            "error: MAILBEARER_OAUTH_CLIENT_CERTIFICATE: an application proves its identity by client_secret or by \
             client_certificate, not by both",
        ),
        (
            &[(&pkcs12, "~/robot.p12"), (SECRET, "-")],
            "error: MAILBEARER_OAUTH_CLIENT_PKCS12: the PKCS#12 file can't be opened: …",
        ),
        (
            &[(&certificate, "~/none"), (SECRET, "-")],
            "error: MAILBEARER_OAUTH_CLIENT_CERTIFICATE: the file …/none cannot be opened: …",
        ),
        (
            &[(GRANT, "service_account"), (&oauth("SERVICE_ACCOUNT_KEY_FILE"), "~/token")],
            "error: MAILBEARER_OAUTH_SERVICE_ACCOUNT_KEY_FILE: the key of a service account is no JSON object",
        ),
        (
            &[(GRANT, "managed_identity"), (&oauth("TOKEN_URL"), "http://10.0.0.1/")],
            "error: MAILBEARER_OAUTH_TOKEN_URL: the service for the machine's identity: token URL is neither https nor \
             of this machine itself",
        ),
    ];
    for (row, want) in rows {
        let outcome = set(world(), row).run(&["token"]);
        let fits = outcome.stderr.lines().next().is_some_and(|line| crate::harness::matches(line, want));
        assert!(fits && outcome.code == Some(78), "{row:?}: {outcome:#?}");
    }
}

/// Nothing of a key, a password or an assertion is in what is printed, also not in the dialogue.
#[test]
fn nothing_of_a_key_is_printed() {
    let key = oauth("CLIENT_KEY_FILE");
    let token = fs::read_to_string(world().path("token")).unwrap();
    let lines = KEY.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>();
    let secrets = [lines[3].to_owned(), lines[10].to_owned(), token];
    for row in [
        &[(oauth("CLIENT_CERTIFICATE"), "~/robot.crt"), (key, "~/robot.key")][..],
        &[(oauth("CLIENT_ASSERTION_FILE"), "~/token")],
        &[(GRANT.to_owned(), "service_account"), (oauth("SERVICE_ACCOUNT_KEY_FILE"), "~/account.json")],
    ] {
        let row: Vec<(&str, &str)> = row.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        for good in [true, false] {
            let world = set(world(), &row).unset(SECRET);
            let world = if good {
                world
            } else {
                world.set(&oauth("CLIENT_ID"), "unknown").set("MAILBEARER_OAUTH_SUBJECT", "x@y")
            };
            let outcome = world.run(&["--trace", "list"]);
            assert!(outcome.stderr.contains("POST /"), "{}", outcome.stderr);
            for secret in &secrets {
                for form in spellings(secret) {
                    assert!(!outcome.stderr.contains(&form), "{form} in {}", outcome.stderr);
                }
            }
            assert!(!outcome.stderr.contains("eyJhbGciOi"), "an assertion in {}", outcome.stderr);
        }
    }
}
