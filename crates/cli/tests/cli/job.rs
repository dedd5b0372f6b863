//! The main job: token, send, list, fetch.

use std::fs;

use mailbearer_mock::memory::{Options, Personality};
use serde_json::Value;

use crate::harness::{World, bare, finish, names};

#[test]
fn the_whole_job() {
    let world = World::new();
    let sent = world
        .run(&[
            "send",
            "--to",
            "Ann <ann@mailbearer.test>, bob@mailbearer.test",
            "--subject",
            "Grüße 你好",
            "--text",
            "Hello\n.\n",
        ])
        .ok();
    assert_eq!(sent, "accepted  ann@mailbearer.test\naccepted  bob@mailbearer.test\n");
    let listed = world.run(&["list"]).ok();
    assert!(listed.starts_with("      1  20"), "{listed}");
    assert!(listed.ends_with("  robot@mailbearer.test         Grüße 你好\n"), "{listed}");
    let fetched = world.run(&["fetch", "INBOX", "1"]).ok();
    let [message] = &world.server.mailbox().messages("INBOX")[..] else { panic!("one message") };
    assert_eq!(fetched.as_bytes(), &*message.octets);
    assert!(fetched.ends_with("\r\n\r\nHello\r\n.\r\n"), "{fetched:?}");
    assert_eq!(message.envelope.as_ref().unwrap().from, "robot@mailbearer.test");
    assert_eq!(world.server.tokens().issued(), 1, "the token is kept between runs");
}

#[test]
fn results_as_json() {
    let world = World::new();
    let object = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    let sent = object(
        world
            .run(&["--json", "send", "--to", "ann@mailbearer.test", "--subject", "a\tb", "--text", "x"])
            .ok(),
    );
    assert_eq!(
        (&sent["accepted"][0], sent["refused"].as_array().unwrap().len()),
        (&"ann@mailbearer.test".into(), 0)
    );
    world.deliver("From: =?utf-8?q?Z=C3=B6e?= <z@x>\r\nSubject: =?gbk?b?xOO6ww==?=\r\nDate: Tue, 24 Nov 2026 06:30:00 +0100\r\n\r\nx");
    let listed = world.run(&["list", "--json"]).ok();
    let lines: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["subject"], &lines[0]["uid"]), (&"a\tb".into(), &1.into()));
    let want = "{\"address\":\"z@x\",\"answered\":false,\"cc\":[],\"date\":\"2026-11-24T05:30:00Z\",\"flagged\":false,\
                \"from\":\"Zöe\",\"in_reply_to\":null,\"message_id\":null,\
                \"reply_to\":[{\"address\":\"z@x\",\"name\":\"Zöe\"}],\"seen\":false,\"size\":105,\
                \"subject\":\"你好\",\"to\":[],\"uid\":2}";
    assert_eq!(listed.lines().last().unwrap(), want);
    let fetched = object(world.run(&["fetch", "INBOX", "2", "--json", "-o", "m.eml"]).ok());
    assert_eq!((&fetched["octets"], &fetched["file"]), (&105.into(), &"m.eml".into()));
    assert_eq!(fs::read(world.path("m.eml")).unwrap().len(), 105);
    let token = object(world.run(&["token", "--json"]).ok());
    assert_eq!(token["access_token"], world.server.tokens().latest().unwrap());
    assert_eq!(token["token_type"], "Bearer");
    assert!(token["expires_at"].as_str().unwrap().ends_with('Z'), "{token}");
}

#[test]
fn every_part_of_a_message_arrives() {
    let world = World::new();
    fs::write(world.path("Bericht für Ann.pdf"), b"%PDF\0\r\n").unwrap();
    let arguments = [
        "send",
        "--from",
        "Robot <robot@mailbearer.test>",
        "--to",
        "a@mailbearer.test",
        "--cc",
        "b@mailbearer.test",
        "--bcc",
        "hidden@mailbearer.test",
        "--subject",
        "x",
        "--html",
        "<p>hi",
        "--text",
        "-",
        "--attach",
        "Bericht für Ann.pdf",
    ];
    let sent = world.run_with(&arguments, "from stdin").ok();
    assert_eq!(sent.lines().count(), 3);
    let message = world.server.mailbox().messages("INBOX").remove(0);
    let text = String::from_utf8(message.octets.to_vec()).unwrap();
    for part in [
        "From: Robot <robot@mailbearer.test>\r\n",
        "Cc: b@mailbearer.test\r\n",
        "<p>hi",
        "from stdin",
        "application/pdf",
        "JVBERgANCg==",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("hidden@mailbearer.test"), "{text}");
    assert_eq!(
        message.envelope.unwrap().to,
        ["a@mailbearer.test", "b@mailbearer.test", "hidden@mailbearer.test"]
    );
    world.run_with(&["send", "--to", "a@mailbearer.test"], "no flag at all\n").ok();
    let message = world.server.mailbox().messages("INBOX").remove(1);
    assert!(message.octets.ends_with(b"\r\n\r\nno flag at all\r\n"));
}

/// A provider that leaves a message as it came.
fn keeping_ids() -> World {
    let mut options = Options::default();
    options.personality = Personality::Dovecot;
    World::with(options)
}

#[test]
fn a_whole_message_goes_out_as_it_is() {
    let world = keeping_ids();
    let raw = "Date: x\nMessage-ID: <1@x>\nFrom: r@mailbearer.test\nTo: a@mailbearer.test\n\
               Bcc: b@mailbearer.test\nSubject: raw\n\n.dot\nend";
    fs::write(world.path("m.eml"), raw).unwrap();
    let want = "Date: x\r\nMessage-ID: <1@x>\r\nFrom: r@mailbearer.test\r\nTo: a@mailbearer.test\r\n\
                Subject: raw\r\n\r\n.dot\r\nend\r\n";
    for (arguments, input) in [(["send", "--raw", "m.eml"], ""), (["send", "--raw", "-"], raw)] {
        world.run_with(&arguments, input).ok();
        let message = world.server.mailbox().messages("INBOX").pop().unwrap();
        assert_eq!(String::from_utf8(message.octets.to_vec()).unwrap(), want, "{arguments:?}");
        let envelope = message.envelope.unwrap();
        assert_eq!(envelope.from, "r@mailbearer.test");
        assert_eq!(envelope.to, ["a@mailbearer.test", "b@mailbearer.test"]);
    }
    world
        .run(&["send", "--raw", "m.eml", "--from", "robot@mailbearer.test", "--to", "z@mailbearer.test"])
        .ok();
    let envelope = world.server.mailbox().messages("INBOX").pop().unwrap().envelope.unwrap();
    assert_eq!(
        (envelope.from.as_str(), envelope.to.as_slice()),
        ("robot@mailbearer.test", &["z@mailbearer.test".to_owned()][..])
    );
}

/// `--raw` adds From, Date and Message-ID where they are missing, and no Bcc leaves.
#[test]
fn what_a_raw_message_lacks_is_added_and_what_is_none_of_it_stays_here() {
    let world = keeping_ids();
    let raw =
        "\u{feff}From robot Thu Nov 26 14:00:00 2026\nBcc: b@mailbearer.test\nTo: a@mailbearer.test\n\nhi\n";
    world.run_with(&["send", "--raw", "-"], raw).ok();
    let message = world.server.mailbox().messages("INBOX").pop().unwrap();
    let text = String::from_utf8(message.octets.to_vec()).unwrap();
    let (added, rest) = text.split_once("To: ").unwrap();
    let fields: Vec<_> = added.lines().map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(fields, ["Date", "From", "Message-ID"]);
    assert!(added.contains("From: robot@mailbearer.test\r\n"), "{added}");
    assert_eq!(rest, "a@mailbearer.test\r\n\r\nhi\r\n");
    assert_eq!(message.envelope.unwrap().to, ["b@mailbearer.test", "a@mailbearer.test"]);
}

#[test]
fn a_large_message_streams_both_ways() {
    let world = keeping_ids();
    let line = "0123456789".repeat(7) + "\r\n";
    let header = "Date: x\r\nMessage-ID: <1@x>\r\nFrom: r@mailbearer.test\r\nTo: a@mailbearer.test\r\n\r\n";
    let raw = format!("{header}{}", line.repeat(50_000));
    world.run_with(&["send", "--raw", "-"], &raw).ok();
    let uid = world.server.mailbox().messages("INBOX")[0].uid.to_string();
    assert_eq!(world.run(&["fetch", "INBOX", &uid, "--output", "m.eml"]).ok(), "");
    assert!(fs::read(world.path("m.eml")).unwrap() == raw.as_bytes());
}

#[test]
fn some_or_all_recipients_refused() {
    let world = World::new();
    let arguments = ["send", "--text", "x", "--to", "a@mailbearer.test,b@refused.test"];
    let outcome = world.run(&arguments);
    assert_eq!(outcome.code, Some(67), "{outcome:?}");
    assert!(
        outcome.stdout.starts_with("accepted  a@mailbearer.test\nrefused   b@refused.test  550 "),
        "{outcome:?}"
    );
    assert_eq!(
        outcome.stderr,
        "error: the server refused 1 of 2 recipients\nhint: the others get the message: send it again to the refused ones alone\n"
    );
    let outcome = world.run(&["send", "--text", "x", "--to", "b@refused.test"]);
    outcome.failed(
        69,
        &[
            "error: SMTP: server refused every recipient; b@refused.test: 550 …",
            "hint: there is no such recipient; …",
        ],
    );
}

#[test]
fn the_newest_are_last() {
    let world = World::new();
    for number in 1..=30 {
        world.deliver(format!("From: a@x\r\nSubject: number {number}\r\n\r\nx"));
    }
    let subjects = |text: String| -> Vec<String> {
        text.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(subjects(world.run(&["list"]).ok()).len(), 30);
    assert_eq!(subjects(world.run(&["list", "--limit", "3", "INBOX"]).ok()), ["28", "29", "30"]);
    assert_eq!(world.run(&["list", "Drafts"]).ok(), "");
}

#[test]
fn what_servers_send_cannot_steer_the_terminal() {
    let world = World::new();
    world.deliver(b"From: =?utf-8?q?=1b[31m?= <a@x>\r\nSubject: =?utf-8?q?=1b]0;x=07=0aline?=\r\n\r\nx");
    let listed = world.run(&["list"]).ok();
    assert!(listed.contains("\\x1b]0;x\\x07\\nline") && !listed.contains('\u{1b}'), "{listed:?}");
    assert_eq!(listed.lines().count(), 1);
}

#[test]
fn the_trace_shows_both_sides_and_no_secret() {
    let world = World::new();
    world.deliver("Subject: x\r\n\r\nx");
    // `run` looks for secrets in what comes out.
    let outcome = world.run(&["--trace", "list"]);
    assert_eq!(outcome.code, Some(0));
    let user =
        format!("AUTHENTICATE XOAUTH2 user={} auth=Bearer <access token, 1,500 octets", world.server.user());
    for part in [
        " #1 * token: to localhost port ",
        " #1 * TLS 1.3",
        " #1 > POST /",
        "&client_secret=<client secret, 21 octets>",
        "\"access_token\":<access token, 1,500 octets, aud outlook.office365.com, until ",
        " #2 > A1 CAPABILITY  (15)",
        &user,
        " #2 < * ",
        " #2 * done",
    ] {
        assert!(outcome.stderr.contains(part), "{part} is not in {}", outcome.stderr);
    }
    let outcome = world.run(&["send", "--to", "a@mailbearer.test", "--text", "x", "--trace"]);
    assert!(outcome.stderr.contains("> EHLO ") && outcome.stderr.contains("> RCPT TO:<a@mailbearer.test>"));
    let outcome = world.run(&["token", "--no-cache", "--trace"]);
    assert!(outcome.stderr.contains("> POST /"), "{outcome:?}");
}

#[test]
fn the_configuration_file_is_found_and_chosen_from() {
    let world = World::new();
    let variables = world.server.env(&world.path("ca.pem"));
    let get = |name: &str| variables.iter().find(|(variable, _)| *variable == name).unwrap().1.clone();
    let config = format!(
        "default = 'two'\n[accounts.one]\nuser = 'one@x'\n[accounts.two]\nuser = '{}'\n\
         [accounts.two.oauth]\nclient_id = '{}'\nclient_secret = {{ file = 'secret' }}\ntoken_url = '{}'\nscope = '{}'\n\
         [accounts.two.imap]\nhost = 'localhost'\nport = {}\n[accounts.two.tls]\nca_file = '../../ca.pem'\n",
        get("MAILBEARER_USER"),
        get("MAILBEARER_OAUTH_CLIENT_ID"),
        get("MAILBEARER_OAUTH_TOKEN_URL"),
        get("MAILBEARER_OAUTH_SCOPE"),
        get("MAILBEARER_IMAP_PORT"),
    );
    let folder = world.path(".config/mailbearer");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), config).unwrap();
    fs::write(folder.join("secret"), get("MAILBEARER_OAUTH_CLIENT_SECRET") + "\n").unwrap();
    let run = |arguments: &[&str]| finish(bare(&world.path(""), arguments), b"");
    let outcome = run(&["list"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(
        outcome.stderr.starts_with("warning: ") && outcome.stderr.contains("secret holds a secret"),
        "{outcome:?}"
    );
    run(&["list", "--account", "one"]).failed(
        78,
        &[
            "error: account one has no oauth.token_url",
            "hint: set token_url in [accounts.one.oauth] of the configuration file, or MAILBEARER_OAUTH_TOKEN_URL",
        ],
    );
    run(&["list", "--account", "tow"])
        .failed(78, &["error: --account: there is no account \"tow\" in …", "hint: did you mean two? …"]);
}

#[test]
fn the_demonstration_needs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bare(folder.path(), &["demo"]);
    command.env_remove("HOME");
    let shown = finish(command, b"").ok();
    for part in ["C: AUTH XOAUTH2", "S: 235 ", "UID 1: Grüße from memory 你好", "step ", "fetch "] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(!shown.contains("eyJ0eXAi") && shown.contains("[redacted]"), "{shown}");
    let steps = finish(bare(folder.path(), &["demo", "--json"]), b"").ok();
    let steps: Vec<Value> = steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        steps.iter().map(|step| step["step"].as_str().unwrap()).collect::<Vec<_>>(),
        ["token", "send", "list", "fetch"]
    );
    assert!(names(folder.path()).is_empty(), "nothing is left behind");
}
