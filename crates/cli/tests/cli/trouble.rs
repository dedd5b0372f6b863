//! Servers, settings and disks that are not as they should be: a clear error, the right code, nothing half done.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use mailbearer_mock::{Certificate, memory::Options};

use crate::harness::{World, bare, finish, speechless};

#[test]
fn no_account() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["list"][..], &["token"], &["fetch", "INBOX", "1"], &["send", "--to", "a@x", "--text", "x"]]
    {
        let outcome = finish(bare(folder.path(), arguments), b"");
        outcome.failed(
            78,
            &[
                "error: no account is configured",
                "hint: describe one in …config.toml, or set MAILBEARER_PROVIDER, …",
            ],
        );
    }
    let outcome = finish(bare(folder.path(), &["list", "--config", "none.toml"]), b"");
    outcome.failed(78, &["error: cannot read the configuration file none.toml: …"]);
}

#[test]
fn a_bad_key_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        (
            "[accounts.a]\nuser = 'u'\n[accounts.a.imap]\nhots = 'x'\n",
            &["error: c.toml:4:1: accounts.a.imap.hots: no such key", "hint: did you mean host?"][..],
        ),
        ("[accounts.a]\nuser = \n", &["error: c.toml:2:8: …"]),
        ("[accounts.a]\nimap.port = 993\n", &["error: account a has no user", "hint: …"]),
        (
            "[accounts.a]\nimap.port = '993'\n",
            &["error: c.toml:2:6: accounts.a.imap.port: must be a port number, 1 to 65535"],
        ),
        (
            "[accounts.a]\nuser = 'u'\noauth = { token_url = 'https://x', client_id = 'c', client_secret = 's' }\nimap.port = 0\n",
            &["error: c.toml:4:6: accounts.a.imap.port: must be a port number, 1 to 65535"],
        ),
        (
            "[accounts.a]\nuser = 'u'\noauth = { token_url = 'http://x', client_id = 'c', client_secret = 's' }\n",
            &["error: token URL \"http://x\": token URL does not start with https://", "hint: …"],
        ),
    ];
    for (text, stderr) in rows {
        fs::write(folder.path().join("c.toml"), text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(folder.path().join("c.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        }
        finish(bare(folder.path(), &["list", "--config", "c.toml"]), b"").failed(78, stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn too_many_open_files() {
    let world = World::new();
    for limit in [4, 5] {
        let outcome = finish(world.shell(&format!("ulimit -n {limit}; exec \"$mailbearer\" list")), b"");
        // That the kept token can't be read is a warning before it.
        let told = outcome.stderr.contains("error: too many open files: ")
            && outcome.stderr.contains("hint: raise the limit of this process, as `ulimit -n 1024` ");
        assert!(told && outcome.code == Some(74), "{limit}: {outcome:?}");
    }
}

#[test]
fn nothing_listens() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let world = World::new().set("MAILBEARER_IMAP_PORT", port);
    world.run(&["list"]).failed(
        69,
        &[
            "error: IMAP: cannot connect to localhost port …: Connection refused (os error …)",
            "hint: nothing listens there; check host and port",
        ],
    );
    let world = World::new().set("MAILBEARER_OAUTH_TOKEN_URL", format!("https://localhost:{port}/token"));
    world.run(&["token"]).failed(69, &["error: token: cannot connect to localhost port …", "hint: …"]);
    let world = World::new().set("MAILBEARER_IMAP_HOST", "https://localhost");
    world.run(&["list"]).failed(
        78,
        &[
            "error: IMAP: \"https://localhost\" is neither a host name nor an IP address",
            "hint: …a host is a name or an address, without scheme and port",
        ],
    );
}

/// Bytes of another protocol are a wrong protocol at once (76), not "try again".
#[test]
fn another_protocol_answers() {
    let world = World::new();
    let (imap, smtp) = (world.server.ports().imap, world.server.ports().smtp);
    let rows: &[(&[(&str, String)], &[&str], &[&str])] = &[
        (
            &[("MAILBEARER_IMAP_PORT", imap.to_string())],
            &["list"],
            &[
                "error: IMAP: TLS with localhost failed: …",
                "hint: …that port speaks another protocol, or starts TLS later: for the latter set tls = \"starttls\"",
            ],
        ),
        (
            &[("MAILBEARER_IMAP_PORT", smtp.to_string()), ("MAILBEARER_IMAP_TLS", "starttls".into())],
            &["list"],
            &["error: IMAP: …", "hint: something else answers on that port; check host and port"],
        ),
        (
            &[("MAILBEARER_SMTP_PORT", imap.to_string())],
            &["send", "--to", "a@x", "--text", "x"],
            &["error: SMTP: …", "hint: something else answers on that port; check host and port"],
        ),
        (
            &[("MAILBEARER_OAUTH_TOKEN_URL", format!("https://localhost:{imap}/token"))],
            &["token"],
            &["error: token: TLS with localhost failed: …", "hint: …"],
        ),
    ];
    for (variables, arguments, stderr) in rows {
        let world = variables.iter().fold(World::new(), |world, (name, value)| world.set(name, value));
        world.run(arguments).failed(76, stderr);
    }
    drop(world);
}

/// Patience where TLS or a greeting is due, with a word on the terminal.
#[test]
fn a_server_that_hangs() {
    let (port, _clients) = speechless("");
    let (greeting, _more_clients) = speechless("* OK ready\r\n");
    let rows: &[(&[(&str, &dyn ToString)], &[&str], &[&str])] = &[
        (
            &[("MAILBEARER_IMAP_PORT", &port), ("MAILBEARER_TIMEOUTS_CONNECT", &"0.2")],
            &["list"],
            &["error: IMAP: server did not finish the TLS handshake for 0.2… s", "hint: …tls = \"starttls\""],
        ),
        (
            &[
                ("MAILBEARER_IMAP_PORT", &greeting),
                ("MAILBEARER_IMAP_TLS", &"starttls"),
                ("MAILBEARER_TIMEOUTS_READ", &"0.2"),
            ],
            &["list"],
            &["error: IMAP: server was silent before TLS was started for 0.2… s", "hint: …timeouts…"],
        ),
        (
            &[
                ("MAILBEARER_IMAP_PORT", &port),
                ("MAILBEARER_IMAP_TLS", &"starttls"),
                ("MAILBEARER_TIMEOUTS_READ", &"0.2"),
            ],
            &["list"],
            &[
                "error: IMAP: server said nothing after the connection was made for 0.2… s",
                "hint: …tls = \"implicit\"…timeouts.read…",
            ],
        ),
        (
            &[("MAILBEARER_SMTP_PORT", &port), ("MAILBEARER_TIMEOUTS_TOTAL", &"0.2")],
            &["send", "--to", "a@x", "--text", "x"],
            &["error: SMTP: server did not finish the operation for 0.2… s", "hint: …timeouts…"],
        ),
        (
            &[
                ("MAILBEARER_OAUTH_TOKEN_URL", &format!("https://localhost:{port}/token")),
                ("MAILBEARER_TIMEOUTS_CONNECT", &"0.2"),
            ],
            &["token"],
            &["error: token: server did not finish the TLS handshake for 0.2… s", "hint: …"],
        ),
    ];
    for (variables, arguments, stderr) in rows {
        let world = World::new();
        // With the token at hand, only the server that hangs is given so little time.
        world.run(&["token"]).ok();
        let world = variables.iter().fold(world, |world, (name, value)| world.set(name, value.to_string()));
        world.run(arguments).failed(75, stderr);
    }
}

#[test]
fn a_failure_is_told_in_two_languages_and_as_an_object() {
    let world = World::new().set("MAILBEARER_OAUTH_CLIENT_SECRET", "wrong");
    let want = ["error: token: …AADSTS7000215…", "hint: 客户端密码错误；client_secret 必须是密码的“值”…"];
    world.run(&["token", "--lang", "zh"]).failed(77, &want);
    world.run(&["token", "--lang", "xx"]).failed(64, &["error: …hints are in en and zh", "…", "…"]);
    let outcome = world.run(&["token", "--json"]);
    let object: serde_json::Value = serde_json::from_str(outcome.stderr.trim_end()).unwrap();
    assert_eq!(object["code"], "invalid-secret", "{object}");
    assert_eq!((object["exit"].as_u64(), &object["who"][0]), (Some(77), &"you".into()), "{object}");
    assert_eq!(object["cause"], "the client secret is wrong", "{object}");
    assert_eq!(world.set("LC_ALL", "zh_CN.UTF-8").run(&["token"]).code, Some(77));
}

/// clap's refusals print no control characters raw.
#[test]
fn an_argument_cannot_steer_the_terminal() {
    let world = World::new();
    for arguments in [&["list", "--\u{1b}[2Jx"][..], &["\u{1b}]0;x\u{7}"], &["list", "--limit", "\u{1b}[2J"]]
    {
        let outcome = world.run(arguments);
        assert_eq!(outcome.code, Some(64), "{outcome:?}");
        assert!(!outcome.stderr.contains(['\u{1b}', '\u{7}']), "{outcome:?}");
        let outcome = world.run(&[arguments, &["--json"]].concat());
        let object: serde_json::Value = serde_json::from_str(outcome.stderr.trim_end()).unwrap();
        assert_eq!((&object["code"], outcome.code), (&"usage".into(), Some(64)), "{object}");
    }
}

/// The self-signed certificate of plain `openssl req -x509` is told readably, with a way out.
#[test]
fn certificates_that_are_not_trusted() {
    for (certificate, hint) in [
        (Certificate::SelfSigned, "tls.ca_file"),
        (Certificate::OtherName, "spelt as the certificate has it"),
        (Certificate::Expired, "clock"),
    ] {
        let mut options = Options::default();
        options.certificate = certificate;
        let outcome = World::with(options).run(&["token"]);
        outcome.failed(
            76,
            &["error: token: TLS with localhost failed: the certificate …", &format!("hint: …{hint}…")],
        );
    }
    World::new().unset("MAILBEARER_TLS_CA_FILE").run(&["token"]).failed(
        76,
        &[
            "error: token: TLS with localhost failed: the certificate was issued by an unknown authority",
            "hint: …tls.ca_file…",
        ],
    );
}

/// An authentication failure on a first run costs one token and one login.
#[test]
fn refused_credentials() {
    let world = World::new().set("MAILBEARER_OAUTH_CLIENT_SECRET", "wrong+secret");
    let outcome = world.run(&["token"]);
    outcome.failed(
        77,
        &[
            "error: token: token endpoint refused with invalid_client (HTTP 401): AADSTS7000215: …",
            "hint: …client_secret must be the secret's Value, not its ID…",
        ],
    );
    assert!(!outcome.stderr.contains("wrong+secret"));
    let world = World::new();
    world.server.tokens().fail_logins(1);
    world.run(&["list"]).failed(77, &["error: IMAP: …", "hint: the token was not accepted: …"]);
    let kept = fs::read_to_string(world.kept(&world.cache())).unwrap();
    assert!(!kept.contains("access_token"), "a token that was refused is not kept");
    world.server.tokens().fail_logins(1);
    world
        .run(&["send", "--to", "a@x", "--text", "x"])
        .failed(77, &["error: SMTP: …535 …", "hint: the token was not accepted: …"]);
    world.run(&["list"]).ok();
    world.server.tokens().expire_all();
    world.server.tokens().fail_requests(2);
    world.run(&["token", "--no-cache"]).ok();
    world.server.tokens().fail_requests(3);
    let outcome = world.run(&["token", "--no-cache"]);
    outcome.failed(
        75,
        &[
            "error: token: token endpoint refused with temporarily_unavailable (HTTP 503)…",
            "hint: …the server asks to wait 1 s",
        ],
    );
}

#[test]
fn a_token_that_opens_no_mailbox() {
    let mut options = Options::default();
    options.fault = mailbearer_mock::memory::Fault::find("not-connected");
    World::with(options).run(&["list"]).failed(
        77,
        &["error: IMAP: …User is authenticated but not connected…", "hint: the token is good, but not for this mailbox; …New-ServicePrincipal …Object ID of the enterprise application…"],
    );
}

#[test]
fn what_is_not_there() {
    let world = World::new();
    world.run(&["fetch", "INBOX", "7"]).failed(66, &["error: IMAP: no message with UID 7 in \"INBOX\""]);
    world
        .run(&["fetch", "INBOX", "7", "-o", "m.eml"])
        .failed(66, &["error: IMAP: no message with UID 7 in \"INBOX\""]);
    assert!(!world.names("").iter().any(|name| name.contains("m.eml")), "{:?}", world.names(""));
    for arguments in [
        &["list", "No such folder"][..],
        &["list", "No such folder", "--limit", "1"],
        &["fetch", "No such folder", "1"],
    ] {
        world
            .run(arguments)
            .failed(66, &["error: IMAP: …", "hint: …`mailbearer folders` shows which there are"]);
    }
    let world =
        world.unset("MAILBEARER_SMTP_HOST").unset("MAILBEARER_SMTP_PORT").unset("MAILBEARER_SMTP_TLS");
    world
        .run(&["send", "--to", "a@x", "--text", "x"])
        .failed(78, &["error: the account has no SMTP server", "hint: …MAILBEARER_SMTP_HOST"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let world = World::new();
    let uid = world.deliver(format!("Subject: x\r\n\r\n{}", "0123456789\r\n".repeat(20_000))).to_string();
    // Tells the kept token before the limit comes.
    world.run(&["list"]).ok();
    world
        .run(&["fetch", "INBOX", &uid, "--output", "/dev/full"])
        .failed(74, &["error: cannot write /dev/full: No space left on device (os error 28)"]);
    fs::write(world.path("m.eml"), "old").unwrap();
    let script = format!("ulimit -f 64; exec \"$mailbearer\" fetch INBOX {uid} --output m.eml");
    finish(world.shell(&script), b"")
        .failed(74, &["error: cannot write …m.eml: File too large (os error 27)"]);
    assert_eq!(fs::read_to_string(world.path("m.eml")).unwrap(), "old");
    assert_eq!(world.names(""), [".cache", "ca.pem", "m.eml"]);
    for arguments in [
        "list",
        "list --json",
        "list --search all",
        "folders",
        "copy INBOX 1 Drafts",
        "flag INBOX 1 --add seen",
        "append INBOX m.eml",
        "send --to a@mailbearer.test --text x",
        "send --json --to a@mailbearer.test --text x",
        "token",
        "--help",
        "--version",
        &format!("fetch INBOX {uid}"),
        &format!("fetch INBOX {uid} --structure"),
        &format!("fetch INBOX {uid} --part 1 --decode"),
    ] {
        let outcome = finish(world.shell(&format!("exec \"$mailbearer\" {arguments} >/dev/full")), b"");
        assert_eq!(outcome.code, Some(74), "{arguments}: {outcome:?}");
        let told = "cannot write to standard output: No space left on device (os error 28)";
        assert!(outcome.stderr.contains(told), "{arguments}: {outcome:?}");
        let is_done = ["copy", "flag", "append", "send"].iter().any(|command| arguments.starts_with(command));
        let hint = "what the command did until then is done; look before doing it again";
        assert_eq!(outcome.stderr.contains(hint), is_done, "{arguments}: {outcome:?}");
    }
    // A trace that is lost costs nothing else, and is told once.
    let outcome = world.run(&["list", "--trace=/dev/full"]);
    assert_eq!((outcome.code, outcome.stderr.matches("is not whole").count()), (Some(0), 1), "{outcome:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_name_need_not_be_utf8() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let world = World::new();
    let uid = world.deliver("Subject: x\r\n\r\nx").to_string();
    let name = OsStr::from_bytes(b"\xff.eml");
    let mut command = world.command(&["fetch", "INBOX", &uid, "--json", "--output"]);
    command.arg(name);
    assert!(finish(command, b"").ok().contains("\"octets\":15"));
    assert_eq!(fs::read(world.path("").join(name)).unwrap(), b"Subject: x\r\n\r\nx");
}

#[cfg(unix)]
#[test]
fn a_reader_that_had_enough() {
    let world = World::new();
    for number in 0..2000 {
        world.deliver(format!("From: a@x\r\nSubject: number {number} {}\r\n\r\nx", "x".repeat(50)));
    }
    for arguments in [&["list"][..], &["list", "--json"], &["list", "--search", "all"]] {
        let mut command = world.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("number 0"), "{line}");
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{arguments:?}");
    }
    // What is done is done, whether anyone hears of it or not.
    for arguments in [&["copy", "INBOX", "1:*", "Drafts"][..], &["flag", "INBOX", "1:*", "--add", "seen"]] {
        let mut command = world.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{arguments:?}");
    }
    for arguments in ["list", "folders", "fetch INBOX 1 --structure", "append INBOX < m.eml"] {
        fs::write(world.path("m.eml"), "Subject: x\n\nx").unwrap();
        let closed = finish(world.shell(&format!("exec \"$mailbearer\" {arguments} >&-")), b"");
        assert_eq!((closed.code, closed.stderr.as_str()), (Some(0), ""), "{arguments}");
    }
}
