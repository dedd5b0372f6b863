//! Tokens in the desktop's keyring: GNOME Keyring on a bus of its own, without a screen.

use std::{fs, os::unix::fs::PermissionsExt};

use mailbearer_mock::memory::Options;

use crate::harness::{Outcome, World, finish, names};

/// A world with a person's refresh token, strict rotation, and the store `keyring`.
fn world() -> World {
    let mut options = Options::default();
    options.rotating_refresh_tokens = true;
    let world = World::with(options);
    fs::create_dir(world.path("run")).unwrap();
    fs::set_permissions(world.path("run"), fs::Permissions::from_mode(0o700)).unwrap();
    let refresh = world.server.tokens().new_refresh_token().unwrap();
    let runtime = world.path("run").display().to_string();
    world
        .set("XDG_RUNTIME_DIR", runtime)
        .set("MAILBEARER_OAUTH_GRANT", "refresh_token")
        .set("MAILBEARER_OAUTH_REFRESH_TOKEN", refresh)
        .set("MAILBEARER_OAUTH_STORE", "keyring")
}

/// Runs a script on a bus with an unlocked keyring.
fn in_session(world: &World, script: &str) -> Outcome {
    let session = world.path("session.sh");
    let unlock = "printf '\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1";
    fs::write(&session, format!("set -e\n{unlock}\n{script}\n")).unwrap();
    // The bus has a word of its own to say on standard error.
    finish(world.shell("exec dbus-run-session -- sh -c 'exec 2>errors; . ./session.sh'"), b"")
}

#[test]
fn a_token_rests_in_the_keyring_between_runs() {
    let world = world();
    let outcome = in_session(
        &world,
        r#""$mailbearer" token
           "$mailbearer" token
           "$mailbearer" list >/dev/null
           for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do "$mailbearer" token --no-cache >/dev/null & done
           wait
           "$mailbearer" list >/dev/null
           "$mailbearer" token --status >&2
           "$mailbearer" token"#,
    );
    let errors = fs::read_to_string(world.path("errors")).unwrap();
    assert_eq!(outcome.code, Some(0), "{errors}{outcome:?}");
    let tokens: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(tokens.len(), 3);
    assert_eq!(tokens[0], tokens[1], "the second run found what the first one kept");
    assert_eq!(world.server.tokens().issued(), 17, "one, and one for each that wanted a new one");
    assert_eq!(tokens[2], world.server.tokens().latest().unwrap());
    // With strict rotation this is all that is left of the login: it came through 17 hands.
    assert_eq!(world.server.tokens().families(), 1);
    let files = names(&world.path(".local/state/mailbearer/tokens"));
    assert!(files.len() == 1 && files[0].ends_with(".lock"), "no token is in a file: {files:?}");
}

/// Without a keyring nobody is sent to a login that could not be kept.
#[test]
fn a_login_begins_only_where_it_can_be_kept() {
    let world = world()
        .unset("MAILBEARER_OAUTH_CLIENT_SECRET")
        .unset("MAILBEARER_OAUTH_REFRESH_TOKEN")
        .set("MAILBEARER_OAUTH_GRANT", "authorization_code");
    let outcome = world.run(&["login", "--no-browser"]);
    outcome.failed(
        74,
        &["error: token store keyring, entry token-…: there is none here: …", "hint: …store = …file…"],
    );
    assert!(!outcome.stderr.contains("https://"), "{outcome:?}");
    let outcome = world.run(&["--json", "login", "--device"]);
    assert!(outcome.stderr.contains("\"code\":\"no-keyring\""), "{outcome:?}");
}
