//! Tests with the Secret Service of a session without a screen: GNOME Keyring, on a bus of its own.
//!
//! A test runs itself again within that session, because the environment decides which bus there is.

use std::{
    env, fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::*;
use crate::token::Token;

/// Runs the test `name` of this program once more, after `setup` in a shell, with the variable that says so.
fn again(name: &str, setup: &str, bus: Bus) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{setup}\nexec \"$@\"");
    let program = env::current_exe().unwrap();
    let configuration = folder.path().join("bus.conf");
    fs::write(&configuration, ALONE).unwrap();
    let configuration = format!("--config-file={}", configuration.display());
    let mut words = match bus {
        Bus::Desktop => vec!["dbus-run-session", "--"],
        Bus::Alone => vec!["dbus-run-session", &configuration, "--"],
        Bus::None => Vec::new(),
    };
    words.extend(["sh", "-c", &script, "sh"]);
    let (first, rest) = words.split_first().unwrap();
    let runtime = folder.path().join("run");
    fs::create_dir(&runtime).unwrap();
    let mut command = Command::new(first);
    command.args(rest).arg(program).args(["--exact", name, "--nocapture"]);
    command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
    command.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", &runtime).env(INSIDE, folder.path());
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| {
        panic!("{first} is needed here and does not start ({error}); `cargo xtask test` installs it")
    })
}

/// The bus of a session.
#[derive(Clone, Copy)]
enum Bus {
    /// Starts services when somebody asks for them.
    Desktop,
    /// Has no other clients, and starts nothing.
    Alone,
    None,
}

const ALONE: &str = "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context=\"default\">\
<allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>";

/// Runs the test in a session, and checks what the inner run says.
#[track_caller]
fn in_session(name: &str, setup: &str, bus: Bus) {
    let output = again(name, setup, bus);
    let said = String::from_utf8_lossy(&output.stdout);
    let all = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{all}");
}

/// Returns the folder of the inner run.
fn inside() -> Option<std::path::PathBuf> {
    env::var_os(INSIDE).map(Into::into)
}

fn wait<T: Send>(future: Pending<'_, T>) -> T {
    use mailbearer_net::{Blocking, Runtime};
    Blocking::task(future)
}

fn key(user: &str) -> AccountKey {
    AccountKey::new(vec![("token_url", "https://a.example/token".into()), ("user", user.into())])
}

fn kept(refresh_token: &str) -> Kept {
    Kept { refresh_token: Some(refresh_token.into()), ..Kept::default() }
}

fn store(folder: &Path) -> KeyringStore {
    KeyringStore::new(folder.join("locks"))
}

#[track_caller]
fn refresh_token(store: &KeyringStore, key: &AccountKey) -> String {
    wait(store.load(key)).unwrap().unwrap().refresh_token.unwrap().expose().clone()
}

const INSIDE: &str = "MAILBEARER_TEST_KEYRING";
const UNLOCKED: &str = "printf '\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null";
/// Starts a keyring that exists, but that nobody can unlock.
const LOCKED: &str = "printf '\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
gdbus call --session --dest org.freedesktop.secrets --object-path /org/freedesktop/secrets \
--method org.freedesktop.Secret.Service.Lock \
\"['/org/freedesktop/secrets/collection/login']\" >/dev/null";

#[test]
fn tokens_rest_in_the_keyring() {
    let Some(folder) = inside() else {
        return in_session("token::keyring::tests::tokens_rest_in_the_keyring", UNLOCKED, Bus::Desktop);
    };
    let (ann, bob) = (key("ann@example.org"), key("bob@example.org"));
    let first = store(&folder);
    assert!(wait(first.load(&ann)).unwrap().is_none());
    wait(first.probe(&ann)).unwrap();
    assert!(wait(first.load(&ann)).unwrap().is_none(), "a probe leaves nothing");
    for length in [1, 4000, 2560, 20_000, 10] {
        let (long, short) = ("r".repeat(length), "b".repeat(10));
        let lock = wait(first.lock(&ann, Duration::ZERO)).unwrap();
        wait(first.save(&ann, &kept(&long))).unwrap();
        drop(lock);
        wait(first.save(&bob, &kept(&short))).unwrap();
        // Another process, as far as the keyring can tell.
        let second = store(&folder);
        assert_eq!(refresh_token(&second, &ann), long);
        assert_eq!(refresh_token(&second, &bob), short);
    }
    let end = std::time::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let token = Some(Token::new("t0ken", Some(end)));
    let all = Kept { token, stored_at: Some(end), ..kept("r") };
    wait(first.save(&ann, &all)).unwrap();
    let found = wait(first.load(&ann)).unwrap().unwrap();
    assert_eq!(found.token.unwrap().access_token.expose(), "t0ken");
    // Only one of the two gets the lock, as with files.
    let lock = wait(first.lock(&ann, Duration::ZERO)).unwrap();
    let error = wait(store(&folder).lock(&ann, Duration::ZERO)).unwrap_err();
    assert!(matches!(error.trouble(), Trouble::Busy(_)), "{error}");
    drop(lock);
    // The list that a person sees has no secret in it.
    let listed = Command::new("secret-tool").args(["search", "--all", "service", "mailbearer"]).output();
    if let Ok(listed) = listed {
        let text =
            String::from_utf8_lossy(&listed.stdout).into_owned() + &String::from_utf8_lossy(&listed.stderr);
        for user in ["ann", "bob"] {
            let label = format!("label = Mailbearer: {user}@example.org");
            assert_eq!(text.matches(&label).count(), 2, "the manifest and one piece: {text}");
        }
    }
}

#[test]
fn a_locked_keyring_is_named_before_anybody_logs_in() {
    let Some(folder) = inside() else {
        let name = "token::keyring::tests::a_locked_keyring_is_named_before_anybody_logs_in";
        return in_session(name, LOCKED, Bus::Desktop);
    };
    let error = wait(store(&folder).probe(&key("ann@example.org"))).unwrap_err();
    assert!(matches!(error.trouble(), Trouble::Locked(None)), "{error:?}");
    assert!(error.remedy().is_none());
    let error = crate::Error::from(error);
    assert_eq!(crate::advice::of(&error).map(crate::advice::Entry::id), Some("keyring-locked"), "{error}");
}

#[test]
fn a_session_without_a_keyring_is_named() {
    let name = "token::keyring::tests::a_session_without_a_keyring_is_named";
    let Some(folder) = inside() else {
        in_session(name, "", Bus::None);
        in_session(name, "export DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere/bus", Bus::None);
        in_session(name, "", Bus::Alone);
        // A service that was just installed has no place to put anything.
        return in_session(name, "", Bus::Desktop);
    };
    let error = wait(store(&folder).probe(&key("a"))).unwrap_err();
    assert!(matches!(error.trouble(), Trouble::NoKeyring(_)), "{error:?}");
    let error = crate::Error::from(error);
    assert_eq!(crate::advice::of(&error).map(crate::advice::Entry::id), Some("no-keyring"), "{error}");
}

#[test]
fn a_keyring_that_says_nothing_is_not_waited_for_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    store.patience = Duration::from_millis(200);
    let held = Arc::clone(&store.keyring);
    let _waits = held.0.lock().unwrap();
    let error = wait(store.load(&key("a"))).unwrap_err();
    assert!(matches!(error.trouble(), Trouble::Locked(Some(_))), "{error:?}");
    assert!(error.to_string().contains("it was silent for 0 s"), "{error}");
}
