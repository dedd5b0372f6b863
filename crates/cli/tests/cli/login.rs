//! A person logs in, is logged in, and logs out.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use mailbearer_mock::memory::Options;
use serde_json::Value;

use crate::harness::{Outcome, World};

pub(crate) const USER: &str = "robot@mailbearer.test";
const SCOPE: &str = "https://outlook.office.com/IMAP.AccessAsUser.All openid profile offline_access";

/// A world where a person logs in.
pub(crate) fn world_with(mut options: Options) -> World {
    options.rotating_refresh_tokens = true;
    World::with(options)
        .unset("MAILBEARER_OAUTH_CLIENT_SECRET")
        .set("MAILBEARER_OAUTH_GRANT", "authorization_code")
        .set("MAILBEARER_OAUTH_SCOPE", SCOPE)
}

fn world() -> World {
    world_with(Options::default())
}

/// A login that waits.
pub(crate) struct Waiting {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Waiting {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let (tell, lines) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || stderr.lines().for_each(|line| drop(tell.send(line.unwrap()))));
        Self { child, stdin, lines, heard: Vec::new() }
    }

    /// The next line on standard error that begins so.
    #[track_caller]
    pub(crate) fn line(&mut self, start: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv() else { panic!("{start} never came: {:#?}", self.heard) };
            self.heard.push(line.clone());
            if line.starts_with(start) {
                return line;
            }
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn end(mut self) -> Outcome {
        drop(self.stdin.take());
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        self.heard.extend(self.lines.iter());
        Outcome { code, stdout, stderr: self.heard.join("\n") }
    }
}

fn login(world: &World, arguments: &[&str]) -> (Waiting, String) {
    let mut waiting = Waiting::start(world.command(&[&["login"][..], arguments].concat()));
    let address = waiting.line("https://");
    (waiting, address)
}

/// Logs in by a pasted address.
fn logged_in(world: &World) {
    let (mut waiting, address) = login(world, &["--no-browser"]);
    waiting.say(&world.server.log_in(&address, Some(USER)));
    let outcome = waiting.end();
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), "robot@mailbearer.test is logged in\n"),
        "{outcome:?}"
    );
}

#[test]
fn a_line_of_standard_input_is_the_redirected_address() {
    let world = world();
    let outcome = world.run(&["token"]);
    outcome.failed(77, &["error: nobody has logged in to the account", "hint: …mailbearer login"]);
    let (mut waiting, address) = login(&world, &["--no-browser", "--prompt", "select_account"]);
    assert_eq!(waiting.heard, [address.as_str()], "alone, and before anything else");
    assert!(
        address.contains("&prompt=select_account") && address.contains("&response_mode=query"),
        "{address}"
    );
    assert!(address.contains("&code_challenge_method=S256"), "{address}");
    waiting.say("");
    waiting.say("http://localhost/?code=x&state=y");
    waiting.line("warning: this is not the address that the login leads to: it belongs to another login");
    let right = world.server.log_in(&address, Some(USER));
    waiting.say(&right);
    let outcome = waiting.end();
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), "robot@mailbearer.test is logged in\n"),
        "{outcome:?}"
    );
    let code = right.split_once("?code=").unwrap().1.split('&').next().unwrap();
    for form in mailbearer_mock::spellings(code) {
        assert!(!outcome.stderr.contains(&form) && !outcome.stdout.contains(&form), "{outcome:?}");
    }
    world.check_for_secrets(&format!("{}{}", outcome.stdout, outcome.stderr));

    let token = world.run(&["token"]).ok();
    assert_eq!(Some(token.trim_end()), world.server.tokens().latest().as_deref());
    let checked = world.run(&["login", "--check"]).ok();
    assert!(checked.starts_with("robot@mailbearer.test is logged in, and has a token until 2"), "{checked}");
    let status = world.run(&["token", "--status"]).ok();
    assert!(status.contains("good until 2") && status.ends_with("; a refresh token is kept\n"), "{status}");
    let status: Value = serde_json::from_str(&world.run(&["token", "--status", "--json"]).ok()).unwrap();
    assert_eq!(
        (&status["renewable"], &status["expired"], &status["scope"]),
        (&true.into(), &false.into(), &SCOPE.into())
    );
    assert!(world.run(&["list"]).ok().is_empty(), "and it is one that servers take");

    let out = world.run(&["logout"]).ok();
    assert_eq!(out, "robot@mailbearer.test is logged out, here and at the provider\n");
    assert_eq!(world.server.tokens().families(), 0);
    assert_eq!(world.run(&["logout"]).ok(), "robot@mailbearer.test was not logged in\n");
    assert_eq!(world.run(&["token", "--status"]).code, Some(77));
    assert_eq!(world.run(&["login", "--check"]).code, Some(77));
}

/// Goes where a browser is sent after a login; returns the page that it shows.
pub(crate) fn redirected(address: &str) -> String {
    let rest = address.strip_prefix("http://").unwrap();
    let (authority, target) = rest.split_once('?').unwrap();
    let authority = authority.trim_end_matches('/');
    let mut browser = TcpStream::connect(authority.replace("localhost", "127.0.0.1")).unwrap();
    let request = format!("GET /?{target} HTTP/1.1\r\nHost: {authority}\r\nAccept-Language: en\r\n\r\n");
    browser.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    browser.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn the_end_of_standard_input_ends_no_login() {
    let world = world();
    let (mut waiting, address) = login(&world, &["--no-browser", "--json"]);
    drop(waiting.stdin.take());
    let right = world.server.log_in(&address, Some(USER));
    let page = redirected(&right);
    assert!(page.contains("<h1>You are logged in</h1>"), "{page}");
    let outcome = waiting.end();
    let object: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&object["user"], &object["renewable"]), (&USER.into(), &true.into()));
}

/// Who connects to the port of the redirect and says next to nothing holds no login up, and as many as there may be are not
/// in the browser's way.
#[test]
fn who_drips_at_the_port_of_the_redirect_keeps_nobody_waiting() {
    let world = world();
    let (waiting, address) = login(&world, &["--no-browser"]);
    let right = world.server.log_in(&address, Some(USER));
    let authority = right.strip_prefix("http://").unwrap().split(['/', '?']).next().unwrap();
    let authority = authority.replace("localhost", "127.0.0.1");
    let drip = || {
        let mut stream = TcpStream::connect(&authority).unwrap();
        stream.write_all(b"G").unwrap();
        stream
    };
    let mut held: Vec<TcpStream> = (0..300).map(|_| drip()).collect();
    let last = held.last_mut().unwrap();
    for octet in b"ET /?code=" {
        last.write_all(&[*octet]).unwrap();
    }
    let page = redirected(&right);
    assert!(page.contains("<h1>You are logged in</h1>"), "{page}");
    assert_eq!(waiting.end().stdout, "robot@mailbearer.test is logged in\n");
}

#[test]
fn the_address_is_shown_and_opened() {
    let world = world();
    fs::write(world.path("browser"), "printf %s \"$1\" > opening\nmv opening opened\n").unwrap();
    let browser = format!("sh {}", world.path("browser").display());
    let world = world.set("BROWSER", browser);
    let (mut waiting, address) = login(&world, &[]);
    assert_eq!(waiting.heard, ["Open this address in a browser:", address.as_str()]);
    let line = waiting.line("Waiting for the login; or paste the address");
    assert!(line.contains(" (") && line.ends_with(" left)"), "{line}");
    let until = Instant::now() + Duration::from_secs(20);
    while !world.path("opened").exists() {
        assert!(Instant::now() < until, "no browser was opened");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(fs::read_to_string(world.path("opened")).unwrap(), address);
    waiting.say(&world.server.log_in(&address, Some(USER)));
    assert_eq!(waiting.end().stdout, "robot@mailbearer.test is logged in\n");
}

#[test]
fn who_says_no_or_is_somebody_else_is_not_logged_in() {
    let world = world();
    for (user, want) in [
        (None, ["error: token: the provider refused with access_denied: AADSTS65004…", "hint: …"]),
        (Some("bob@x"), ["error: token: bob@x logged in, not robot@mailbearer.test; nothing was kept", ""]),
    ] {
        let (mut waiting, address) = login(&world, &["--no-browser"]);
        waiting.say(&world.server.log_in(&address, user));
        let outcome = waiting.end();
        assert_eq!(outcome.code, Some(77), "{outcome:?}");
        let lines: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: ") || line.starts_with("hint: "))
            .collect();
        let want: Vec<&str> = want.into_iter().filter(|line| !line.is_empty()).collect();
        Outcome { code: Some(77), stdout: String::new(), stderr: lines.join("\n") }.failed(77, &want);
    }
    assert_eq!(world.run(&["token", "--status"]).code, Some(77));
    // A shared mailbox is opened by a person of another name.
    let world = world.set("MAILBEARER_OAUTH_USERNAME", "bob@x");
    let (mut waiting, address) = login(&world, &["--no-browser"]);
    waiting.say(&world.server.log_in(&address, Some("bob@x")));
    assert_eq!(waiting.end().stdout, "bob@x is logged in\n");
}

#[test]
fn a_code_is_entered_on_another_device() {
    let world = world().set("MAILBEARER_OAUTH_GRANT", "device_code");
    world.server.set_device_interval(1);
    for arguments in [&["login", "--device"][..], &["login"]] {
        let mut waiting = Waiting::start(world.command(arguments));
        let line = waiting.line("Open https://");
        let code = line.rsplit(' ').next().unwrap();
        assert!(world.server.answer_device(code, Some(USER)), "{line}");
        let outcome = waiting.end();
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(0), "robot@mailbearer.test is logged in\n"),
            "{outcome:?}"
        );
    }
    world.run(&["token"]).ok();
}

/// Token and refresh token, and the code that they are got for, in a login that succeeds and in one that is declined.
#[test]
fn a_login_shows_no_secret() {
    for more in [&["--json", "--trace"][..], &["--trace=trace.txt"]] {
        for person in [Some(USER), None] {
            let world = world();
            let (mut waiting, address) = login(&world, &[&["--no-browser"], more].concat());
            let answer = world.server.log_in(&address, person);
            waiting.say(&answer);
            let mut said = vec![waiting.end()];
            assert_eq!(said[0].code == Some(0), person.is_some(), "{said:?}");
            if person.is_some() {
                world.server.tokens().expire_all();
                for command in [&["token", "--inspect", "--no-cache"][..], &["list"], &["logout"]] {
                    said.push(world.run(&[command, more].concat()));
                }
            }
            let code = answer.split("code=").nth(1).and_then(|rest| rest.split('&').next());
            for outcome in said {
                let trace = fs::read_to_string(world.path("trace.txt")).unwrap_or_default();
                for text in [&outcome.stdout, &outcome.stderr, &trace] {
                    world.check_for_secrets(text);
                    assert!(code.is_none_or(|code| !text.contains(code)), "{text}");
                }
            }
        }
        let world = world().set("MAILBEARER_OAUTH_GRANT", "device_code");
        world.server.set_device_interval(1);
        let mut waiting = Waiting::start(world.command(&[&["login", "--device"], more].concat()));
        let line = waiting.line("Open https://");
        assert!(world.server.answer_device(line.rsplit(' ').next().unwrap(), Some(USER)), "{line}");
        let outcome = waiting.end();
        let trace = fs::read_to_string(world.path("trace.txt")).unwrap_or_default();
        for text in [&outcome.stdout, &outcome.stderr, &trace] {
            world.check_for_secrets(text);
        }
    }
}

#[test]
fn a_robot_does_not_log_in() {
    let world = World::new();
    for command in ["login", "logout"] {
        let outcome = world.run(&[command]);
        assert_eq!(outcome.code, Some(78), "{outcome:?}");
    }
}

#[test]
fn nobody_is_told_nothing_where_the_provider_names_nobody() {
    // Without `openid` there is no id token, and a short token says nothing.
    let mut options = Options::default();
    options.token_octets = 100;
    let world = World::with(options)
        .unset("MAILBEARER_OAUTH_CLIENT_SECRET")
        .set("MAILBEARER_OAUTH_GRANT", "authorization_code")
        .set("MAILBEARER_OAUTH_SCOPE", "mail");
    let (mut waiting, address) = login(&world, &["--no-browser"]);
    waiting.say(&world.server.log_in(&address, Some("bob@x")));
    let outcome = waiting.end();
    assert_eq!(outcome.stdout, "logged in for robot@mailbearer.test\n");
    for warning in ["the provider does not say who logged in", "the provider gave no refresh token"] {
        assert!(outcome.stderr.contains(warning), "{outcome:?}");
    }
}

/// Each logs in and renews, all in one store, where a refresh token that is used twice ends its family.
#[test]
fn sixteen_that_log_in_and_renew_end_with_one_good_login() {
    let world = world();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                logged_in(&world);
                for _ in 0..3 {
                    let outcome = world.run(&["token", "--no-cache"]);
                    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
                }
            });
        }
    });
    let folder = world.path(".local/state/mailbearer/tokens");
    let kept: Value = serde_json::from_str(&fs::read_to_string(world.kept(&folder)).unwrap()).unwrap();
    assert!(
        world.server.tokens().is_refresh_token(kept["refresh_token"].as_str().unwrap()),
        "the kept one is good"
    );
    assert_eq!(world.server.tokens().families(), 1, "and it is the only one that the provider would take");
    world.run(&["token", "--no-cache"]).ok();
    world.run(&["logout"]).ok();
    assert_eq!(world.server.tokens().families(), 0);
}

#[test]
fn a_replaced_login_is_ended_or_left() {
    for (word, families) in [("", 1), ("end", 1), ("leave", 2)] {
        let world = world();
        let world = if word.is_empty() { world } else { world.set("MAILBEARER_OAUTH_REPLACED_LOGIN", word) };
        logged_in(&world);
        logged_in(&world);
        assert_eq!(world.server.tokens().families(), families, "{word}");
        world.run(&["token", "--no-cache"]).ok();
    }
    // The new login is good, also where nobody can be told of the old one.
    let world = world();
    logged_in(&world);
    let world = world.set("MAILBEARER_OAUTH_REVOKE_URL", "https://localhost:1/revoke");
    let (mut waiting, address) = login(&world, &["--no-browser"]);
    waiting.say(&world.server.log_in(&address, Some(USER)));
    let outcome = waiting.end();
    assert_eq!(outcome.code, Some(0));
    assert!(
        outcome.stderr.contains("warning: the login whose place this one took could not be ended"),
        "{outcome:?}"
    );
    world.run(&["token", "--no-cache"]).ok();
}

/// Google's refresh tokens live 7 days while the application is in testing.
#[test]
fn a_login_that_is_about_to_end_draws_a_warning() {
    const DAY: u64 = 86_400;
    for (days, warns) in [(2, true), (7, false)] {
        let mut options = Options::default();
        options.refresh_token_lifetime = Some(std::time::Duration::from_secs(days * DAY));
        let world = World::with(options)
            .unset("MAILBEARER_OAUTH_CLIENT_SECRET")
            .set("MAILBEARER_OAUTH_GRANT", "authorization_code")
            .set("MAILBEARER_OAUTH_SCOPE", SCOPE);
        let (mut waiting, address) = login(&world, &["--no-browser", "--json"]);
        waiting.say(&world.server.log_in(&address, Some(USER)));
        let outcome = waiting.end();
        let said: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert!(outcome.stderr.contains("the provider ends this login at 2"), "{outcome:?}");
        for arguments in [&["token"][..], &["token", "--no-cache"], &["token"]] {
            let outcome = world.run(arguments);
            let ends = outcome.stderr.starts_with("warning: the login of account ")
                && outcome.stderr.contains(" ends on ");
            assert_eq!((ends, outcome.stderr.is_empty()), (warns, !warns), "{outcome:?}");
            assert_eq!(outcome.stderr.lines().count(), usize::from(warns), "{outcome:?}");
        }
        let status: Value =
            serde_json::from_str(&world.run(&["--json", "token", "--status"]).stdout).unwrap();
        let second = |value: &Value| value["login_ends_at"].as_str().unwrap()[..16].to_owned();
        assert!(second(&status) >= second(&said), "{status} {said}");
    }
}

/// Writes a program into the home.
fn script(world: &World, name: &str, text: &str) {
    fs::write(world.path(name), format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o700)).unwrap();
}

fn config(world: &World, oauth: &str) {
    let text = format!("[accounts.ann]\nuser = '{USER}'\n[accounts.ann.oauth]\n{oauth}\n");
    fs::write(world.path("config.toml"), text).unwrap();
    fs::set_permissions(world.path("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn two_programs_keep_what_is_kept() {
    let world = world().set("MAILBEARER_CONFIG", "config.toml");
    script(
        &world,
        "load",
        "test ! -e broken || exit 2; cat \"kept-$STORE_KEY\" 2>/dev/null || test ! -e \"kept-$STORE_KEY\"",
    );
    script(&world, "save", "test ! -e full || exit 1; cat > \"kept-$STORE_KEY\"; echo noise");
    config(&world, "store = 'command'\nstore_load = ['./load']\nstore_save = ['./save']");
    // A store that can't write is noticed before anybody logs in.
    fs::write(world.path("full"), "").unwrap();
    let outcome = world.run(&["login", "--no-browser"]);
    assert!(
        outcome.code == Some(74)
            && outcome.stderr.starts_with("error: token store ./save: the program failed"),
        "{outcome:?}"
    );
    fs::remove_file(world.path("full")).unwrap();
    logged_in(&world);
    let kept = world.names(".").into_iter().filter(|name| name.starts_with("kept-token-")).count();
    assert_eq!(kept, 1);
    world.run(&["token"]).ok();
    assert_eq!(world.server.tokens().issued(), 1, "the one that is kept");
    world.run(&["token", "--status"]).ok();
    // A program that fails says nothing of what is kept, and nothing is lost by it.
    fs::write(world.path("broken"), "").unwrap();
    let outcome = world.run(&["token"]);
    assert!(
        outcome.code == Some(74) && outcome.stderr.contains("token store ./load: the program failed"),
        "{outcome:?}"
    );
    fs::remove_file(world.path("broken")).unwrap();
    world.run(&["token"]).ok();
}

#[test]
fn programs_are_run_when_a_person_is_needed_and_when_a_token_changed() {
    let world = world().set("MAILBEARER_CONFIG", "config.toml");
    script(
        &world,
        "hook",
        "echo \"$HOOK_EVENT $HOOK_ACCOUNT $HOOK_USER\" >> told; echo noise; mailbearer=$1; test -z \"$mailbearer\" || \"$mailbearer\" token > /dev/null",
    );
    config(
        &world,
        &format!(
            "hooks.login_needed = ['./hook']\nhooks.token_changed = ['./hook', '{}']",
            env!("CARGO_BIN_EXE_mailbearer")
        ),
    );
    let told = || fs::read_to_string(world.path("told")).unwrap_or_default();
    assert_eq!(world.run(&["token"]).code, Some(77));
    assert_eq!(told(), "login_needed ann robot@mailbearer.test\n");
    logged_in(&world);
    assert_eq!(told().lines().nth(1), Some("token_changed ann robot@mailbearer.test"));
    let token = world.run(&["token"]).ok();
    assert_eq!(token.lines().count(), 1, "hooks print nothing here");
    assert_eq!(told().lines().count(), 2, "a token from the store is no news");
    world.server.tokens().revoke_refresh_tokens();
    world.server.tokens().expire_all();
    let outcome = world.run(&["token", "--no-cache"]);
    assert_eq!(outcome.code, Some(77), "{outcome:?}");
    assert_eq!(told().lines().last(), Some("login_needed ann robot@mailbearer.test"));
}

#[test]
fn setup_shows_the_steps_writes_the_configuration_and_logs_in() {
    let world = world().unset("MAILBEARER_PROVIDER").unset("MAILBEARER_USER").unset("MAILBEARER_OAUTH_GRANT");
    let world = world.unset("MAILBEARER_OAUTH_CLIENT_ID").unset("MAILBEARER_OAUTH_TENANT");
    let world = world.unset("MAILBEARER_OAUTH_SCOPE");
    let id = world.server.client_id().to_owned();
    let (mut waiting, address) = {
        let arguments = [
            "setup",
            "--config",
            "c/config.toml",
            "--provider",
            "office365",
            "--name",
            "ann",
            "--client-id",
            &id,
        ];
        let mut waiting = Waiting::start(world.command(&arguments));
        waiting.say(USER);
        let address = waiting.line("https://localhost:");
        (waiting, address)
    };
    waiting.say(&world.server.log_in(&address, Some(USER)));
    let outcome = waiting.end();
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), "robot@mailbearer.test is logged in\n"),
        "{outcome:?}"
    );
    for step in
        ["Allow public client flows", "IMAP.AccessAsUser.All", "wrote [accounts.ann] to c/config.toml"]
    {
        assert!(outcome.stderr.contains(step), "{step}: {}", outcome.stderr);
    }
    let text = fs::read_to_string(world.path("c/config.toml")).unwrap();
    assert_eq!(
        text,
        format!(
            "[accounts.ann]\nprovider = \"microsoft365\"\nuser = \"{USER}\"\n[accounts.ann.oauth]\n\
             grant = \"authorization_code\"\nclient_id = \"{id}\"\n"
        )
    );
    let mode = |name: &str| fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("c/config.toml"), 0o600);

    // A robot beside it, whose secret is asked for and kept in a file.
    let robot = [
        "setup",
        "--config",
        "c/config.toml",
        "--provider",
        "office365",
        "--grant",
        "client_credentials",
        "--user",
        USER,
        "--tenant",
        "t",
        "--client-id",
        &id,
    ];
    let secret = format!("{}\n", world.server.client_secret());
    let outcome = world.run_with(&robot, &secret);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains(&format!("New-ServicePrincipal -AppId {id}")), "{}", outcome.stderr);
    assert_eq!(mode("c/mail.secret"), 0o600);
    assert!(!fs::read_to_string(world.path("c/config.toml")).unwrap().contains(world.server.client_secret()));
    world.run(&["token", "--config", "c/config.toml", "--account", "mail"]).ok();

    let again = world.run_with(&robot, &secret);
    assert!(again.code == Some(78) && again.stderr.contains("has an account mail already"), "{again:?}");
    let google = world.run(&[
        "setup",
        "--config",
        "x.toml",
        "--provider",
        "google",
        "--user",
        USER,
        "--grant",
        "device_code",
    ]);
    assert!(
        google.code == Some(64) && google.stderr.contains("google has no device_code for mail"),
        "{google:?}"
    );
    let nothing = world.run(&["setup", "--config", "x.toml", "--provider", "google", "--user", USER]);
    assert!(nothing.code == Some(64) && nothing.stderr.contains("--client-id"), "{nothing:?}");
    assert!(!world.path("x.toml").exists());
}
