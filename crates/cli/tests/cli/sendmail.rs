//! `sendmail`, and the queue behind it.

use std::{fs, path::Path, process::Command};

use crate::harness::{Outcome, World, finish, logged_in};

/// Runs `sendmail` with this text; the message that arrived, with its envelope.
fn sent(world: &World, arguments: &[&str], text: &str) -> (String, String, Vec<String>) {
    let before = world.server.mailbox().messages("INBOX").len();
    let words = [&["sendmail"], arguments].concat();
    world.run_with(&words, text).ok();
    let messages = world.server.mailbox().messages("INBOX");
    assert_eq!(messages.len().checked_sub(before), Some(1), "{arguments:?}");
    let message = messages.last().unwrap();
    let envelope = message.envelope.clone().unwrap();
    (String::from_utf8(message.octets.to_vec()).unwrap(), envelope.from, envelope.to)
}

fn count(world: &World) -> usize {
    world.server.mailbox().messages("INBOX").len()
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let head = text.split_once("\r\n\r\n")?.0;
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn sends_what_programs_hand_over() {
    let world = World::new();
    let user = world.server.user().to_owned();
    let message = "From: Ann <ann@x.test>\nTo: b@x.test, Bob <c@x.test>\nCc: b@x.test\nBcc: d@x.test\nSubject: 1\n\n.\nend\n";
    let rows: &[(&str, &[&str], &str, &[&str])] = &[
        ("-t", &["-t", "-i"], "ann@x.test", &["b@x.test", "c@x.test", "d@x.test"]),
        (
            "-t and more",
            &["-t", "e@x.test", "B@x.test", "b@X.TEST"],
            "ann@x.test",
            &["e@x.test", "B@x.test", "b@X.TEST", "c@x.test", "d@x.test"],
        ),
        ("recipients alone", &["-f", "<s@x.test>", "r@x.test"], "s@x.test", &["r@x.test"]),
        ("null sender", &["-f", "<>", "--", "r@x.test"], "", &["r@x.test"]),
        ("local sender", &["-fwww-data", "-oi", "-oem", "r@x.test"], &user, &["r@x.test"]),
        ("local recipient", &["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"], "ann@x.test", &[&user]),
    ];
    for (name, arguments, from, to) in rows {
        let (text, sender, recipients) = sent(&world, arguments, message);
        assert_eq!(
            (sender.as_str(), recipients.iter().map(String::as_str).collect::<Vec<_>>()),
            (*from, to.to_vec()),
            "{name}"
        );
        assert!(text.ends_with("\r\n\r\n.\r\nend\r\n"), "a lone dot ends nothing: {text}");
        assert!(!text.contains("Bcc"), "{text}");
        assert!(field(&text, "Date").is_some() && field(&text, "Message-ID").is_some(), "{text}");
        assert_eq!(field(&text, "From"), Some("Ann <ann@x.test>"));
    }
}

#[test]
fn makes_messages_of_what_cron_and_shells_write() {
    let world = World::new();
    let user = world.server.user().to_owned();
    let rows: &[(&[&str], &str, &str, &str)] = &[
        (&["-F", "Grüße, \"x\"", "r@x.test"], "hello\n", "=?", "hello\r\n"),
        (
            &["-F", "Cron, Daemon", "r@x.test"],
            "\nhello\n",
            &format!("\"Cron, Daemon\" <{user}>"),
            "hello\r\n",
        ),
        (&["r@x.test"], "From x Thu Nov 26 14:00:00 2026\nSubject: 1\n\nhi", &user, "hi\r\n"),
        (
            &["-t"],
            "From: root (Cron Daemon)\nTo: root\nSubject: 1\n\nx\n",
            &format!("Cron Daemon <{user}>"),
            "x\r\n",
        ),
        (&["r@x.test"], "", &user, ""),
    ];
    for (arguments, text, from, body) in rows {
        let (octets, ..) = sent(&world, arguments, text);
        assert!(field(&octets, "From").unwrap().starts_with(from), "{text:?}: {octets}");
        assert!(octets.ends_with(&format!("\r\n\r\n{body}")), "{text:?}: {octets}");
        assert!(!octets.contains("Resent-Bcc") && !octets.starts_with("From "), "{octets}");
    }
    let (octets, _, to) =
        sent(&world, &["-t"], "Resent-To: r@x.test\nResent-Bcc: s@x.test\nTo: a@x.test\n\nx\n");
    assert_eq!(to, ["r@x.test", "s@x.test"]);
    assert!(octets.contains("Resent-To: r@x.test") && !octets.contains("s@x.test"), "{octets}");
}

#[test]
fn aliases_say_who_local_names_are() {
    let world = World::new();
    let file = world.path("aliases");
    fs::write(&file, "root: ann@x.test, bob@x.test\ndefault: eve@x.test\nloop: loop\n").unwrap();
    let aliases = format!("--aliases={}", file.display());
    let (text, _, to) = sent(&world, &[&aliases, "-t"], "To: root, nobody\nSubject: 1\n\n");
    assert_eq!(to, ["ann@x.test", "bob@x.test", "eve@x.test"]);
    assert_eq!(field(&text, "To"), Some("ann@x.test, bob@x.test, eve@x.test"));
    let outcome = world.run_with(&["sendmail", &aliases, "-bv", "root"], "not read");
    assert_eq!(outcome.ok(), "ann@x.test\nbob@x.test\n");
    let before = count(&world);
    world
        .run_with(&["sendmail", &aliases, "loop"], "x")
        .failed(67, &["error: the name loop stands for itself"]);
    world
        .run(&["sendmail", "--aliases=none", "root"])
        .failed(66, &["error: cannot read the aliases none: …"]);
    assert_eq!(count(&world), before);
}

#[test]
fn exit_codes_are_those_of_sysexits() {
    let world = World::new();
    let rows: &[(&str, &[&str], &str, i32)] = &[
        ("unknown option", &["-z"], "", 64),
        ("no recipients", &[], "x", 64),
        ("none in the header", &["-t"], "Subject: 1\n\n", 64),
        ("control in a name", &["-F", "a\nBcc: x@y", "r@x.test"], "x", 64),
        ("control in a recipient", &["r@x.test\nx"], "x", 64),
        ("no address", &["a b@x.test"], "x", 64),
        ("slipped in", &["r@x.test", "-Xlog"], "x", 64),
        ("refused", &["r@refused.test"], "x", 69),
        ("one refused", &["r@refused.test", "r@x.test"], "x", 67),
    ];
    for (name, arguments, text, code) in rows {
        let outcome = world.run_with(&[&["sendmail"], *arguments].concat(), text);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(*code), ""), "{name}: {outcome:?}");
    }
    assert_eq!(count(&world), 1, "the others get it");
    let outcome = world.run_with(&["sendmail", "r@refused.test", "r@x.test"], "x");
    assert!(outcome.stderr.contains("r@refused.test: 550"), "the refused are named: {outcome:?}");
    world.server.set_fault(mailbearer_mock::memory::Fault::find("sender-threads"));
    assert_eq!(world.run_with(&["sendmail", "r@x.test"], "x").code, Some(75));
    assert_eq!(
        world.run(&["sendmail", "--help"]).ok().lines().count(),
        world.run(&["help", "sendmail"]).ok().lines().count()
    );
}

#[test]
fn the_queue_is_looked_after() {
    let world = World::new();
    for (to, subject) in [("r@x.test", "1"), ("r@refused.test", "2")] {
        world.run_with(&["sendmail", "--queue", to], format!("Subject: {subject}\n\nhello\n")).ok();
    }
    assert_eq!(count(&world), 0);
    let folder = world.path(".local/state/mailbearer/spool");
    assert_eq!(fs::read_dir(folder.join("queue")).unwrap().count(), 2, "the default place");
    let list = world.run(&["queue", "list"]).ok();
    assert!(list.lines().count() == 2 && list.lines().all(|line| line.contains("  waiting  ")), "{list}");
    assert_eq!(world.run(&["sendmail", "-bp"]).ok(), list);
    let first = list.split_whitespace().next().unwrap();
    let shown = world.run(&["queue", "show", first]).ok();
    assert!(shown.contains("recipient  r@x.test  waiting\n") && shown.contains("\nSubject: 1\n"), "{shown}");
    let exported = world.run(&["queue", "export", first]).ok();
    assert!(exported.ends_with("Subject: 1\r\n\r\nhello\r\n"), "{exported}");
    let ran = world.run(&["queue", "run"]);
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stdout.contains(&format!("delivered  {first}  r@x.test  250")), "{ran:?}");
    assert!(ran.stdout.contains("failed     "), "{ran:?}");
    assert_eq!(count(&world), 1);
    let object: serde_json::Value =
        serde_json::from_str(&world.run(&["queue", "list", "--json"]).ok()).unwrap();
    assert_eq!(object["state"], "failed");
    assert_eq!(object["recipients"][0]["address"], "r@refused.test");
    let id = object["id"].as_str().unwrap();
    world.run(&["queue", "retry", "--all"]).ok();
    assert!(world.run(&["queue", "list"]).ok().contains("  waiting  "));
    world.run(&["queue", "drop", &id[11..]]).ok();
    assert_eq!(world.run(&["queue", "list"]).ok(), "");
    world.run(&["queue", "run"]).ok();
    world.run(&["queue", "show", id]).failed(66, &["error: there is no message … in the spool"]);
}

#[test]
fn speaks_smtp_on_its_standard_streams() {
    let world = World::new();
    let dialogue = "EHLO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<r@x.test>\r\nDATA\r\nSubject: 1\r\n\r\n..\r\n.\r\nQUIT\r\n";
    let said = world.run_with(&["sendmail", "-bs"], dialogue).ok();
    let last: Vec<&str> = said.lines().filter(|line| line.as_bytes().get(3) == Some(&b' ')).collect();
    let codes: Vec<&str> = last.iter().filter_map(|line| line.get(..3)).collect();
    assert_eq!(codes, ["220", "250", "250", "250", "354", "250", "221"], "{said}");
    assert_eq!(count(&world), 1);
    world.run_with(&["sendmail", "-bs", "--queue"], dialogue).ok();
    assert_eq!((count(&world), world.run(&["queue", "list"]).ok().lines().count()), (1, 1));
}

#[test]
fn the_configuration_may_keep_all_for_the_queue() {
    let world = World::new();
    let config = world.path("c.toml");
    fs::write(&config, "[sendmail]\nqueue = true\nspool = 'waiting'\naliases = 'names'\n").unwrap();
    fs::write(world.path("names"), "root: ann@x.test\n").unwrap();
    let config = config.display().to_string();
    world.run_with(&["--config", &config, "sendmail", "root"], "x").ok();
    let list = world.run(&["queue", "list", "--config", &config]).ok();
    assert!(list.contains("ann@x.test"), "{list}");
    assert_eq!(fs::read_dir(world.path("waiting/queue")).unwrap().count(), 1);
    for (text, want) in [
        ("queue = 1", "2:1: sendmail.queue: must be true or false"),
        ("aliasses = 'x'", "2:1: sendmail.aliasses: no such key"),
        ("spool = ''", "2:1: sendmail.spool: is empty"),
    ] {
        fs::write(&config, format!("[sendmail]\n{text}\n")).unwrap();
        let outcome = world.run_with(&["--config", &config, "sendmail", "root"], "x");
        assert!(outcome.code == Some(78) && outcome.stderr.contains(want), "{outcome:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_name_sendmail_makes_it_sendmail() {
    let world = World::new();
    for (name, arguments, want) in
        [("sendmail", &["-t", "-i"][..], ""), ("mailq", &[], ""), ("newaliases", &[], "")]
    {
        let link = world.path(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mailbearer"), &link).unwrap();
        let mut command = renamed(&world.command(arguments), &link);
        command.current_dir(link.parent().unwrap());
        assert_eq!(finish(command, b"To: r@x.test\n\nx\n").ok(), want, "{name}");
    }
    assert_eq!(count(&world), 1);
}

/// The same command by another program.
fn renamed(command: &Command, program: &Path) -> Command {
    let mut other = Command::new(program);
    other.args(command.get_args()).env_clear();
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other
}

/// A user who may not read the secret puts the message where another sends it. Only root can become such a user.
#[cfg(target_os = "linux")]
#[test]
fn who_may_not_read_the_secret_hands_over() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};

    const NOBODY: u32 = 65534;
    let world = World::new().unset("MAILBEARER_OAUTH_CLIENT_SECRET");
    if fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own)).ok() != Some(0) {
        return;
    }
    let chmod = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let home = world.path("");
    chmod(&home, 0o755);
    let [config, secret, spool] = ["c.toml", "secret", "spool"].map(|name| world.path(name));
    fs::write(&secret, world.server.client_secret()).unwrap();
    chmod(&secret, 0o600);
    fs::write(&config, "[accounts.a]\noauth.client_secret.file = 'secret'\n[sendmail]\nspool = 'spool'\n")
        .unwrap();
    let config = config.display().to_string();
    let as_nobody = |arguments: &[&str], text: &str| -> Outcome {
        let mut command = world.command(arguments);
        command.uid(NOBODY).gid(NOBODY);
        finish(command, text.as_bytes())
    };
    let send = ["--config", &config, "sendmail", "r@x.test"];
    let outcome = as_nobody(&send, "Subject: 1\n\n");
    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    // A relay that runs takes it by SMTP, and says whom it refuses.
    let own = world.path("relay.toml");
    fs::write(&own, "[accounts.a]\noauth.client_secret.file = 'secret'\n[relay]\nlisten = '127.0.0.1:0'\nspool = 'other'\n")
        .unwrap();
    let relay = crate::relay::Relay::of(&world, &["--config", own.to_str().unwrap(), "relay"]);
    let theirs = world.path("theirs.toml");
    let listen = format!("[relay]\nlisten = '127.0.0.1:{}'\n", relay.port);
    fs::write(&theirs, format!("{}{listen}", fs::read_to_string(&config).unwrap())).unwrap();
    let by_relay = ["--config", theirs.to_str().unwrap(), "sendmail", "-f", "s@x.test", "r@x.test"];
    as_nobody(&by_relay, &format!("Subject: by SMTP\n\n.\n..\n{}end\n", "x\n".repeat(100_000))).ok();
    let arrived = crate::relay::arrived(&world, 1);
    assert_eq!((arrived[0].0.as_str(), arrived[0].1.as_slice()), ("s@x.test", &["r@x.test".to_owned()][..]));
    assert!(arrived[0].2.contains("Subject: by SMTP\r\n\r\n.\r\n..\r\nx\r\n"), "{}", &arrived[0].2[..600]);
    assert!(arrived[0].2.ends_with("\r\nx\r\nend\r\n"));
    let outcome = as_nobody(&[&by_relay[..], &["röt@x.test"]].concat(), "Subject: 2\n\n");
    assert!(outcome.code != Some(70), "{outcome:?}");
    relay.stop();
    let before = count(&world);
    assert_eq!(as_nobody(&by_relay, "Subject: 3\n\n").code, Some(78), "nobody is there any more");
    // The administrator makes a place for them.
    world.run(&["queue", "list", "--config", &config]).ok();
    fs::create_dir(spool.join("drop")).unwrap();
    std::os::unix::fs::chown(spool.join("drop"), Some(0), Some(NOBODY)).unwrap();
    chmod(&spool, 0o711);
    chmod(&spool.join("drop"), 0o2730);
    as_nobody(&send, "From: root\nSubject: 1\n\n").ok();
    as_nobody(&["--config", &config, "sendmail", "-a", "a", "r@x.test"], "Subject: 2\n\n")
        .failed(65, &["error: the envelope can't be kept: …"]);
    assert_eq!(as_nobody(&["queue", "list", "--config", &config], "").code, Some(77));
    assert_eq!(count(&world), before);
    world.run(&["queue", "run", "--config", &config]);
    assert_eq!(count(&world), before + 1);
}

/// cron and web servers have no home and no variables: what counts is /etc/mailbearer/config.toml, here in a mount namespace,
/// which only root can have.
#[cfg(target_os = "linux")]
#[test]
fn the_configuration_of_the_machine_counts_where_there_is_no_home() {
    let world = World::new();
    let (etc, server) = (world.path("etc"), &world.server);
    fs::create_dir_all(etc.join("mailbearer")).unwrap();
    for name in ["hosts", "passwd", "group", "nsswitch.conf"] {
        // Where the system has none it does without.
        let _ = fs::copy(format!("/etc/{name}"), etc.join(name));
    }
    fs::write(etc.join("mailbearer/secret"), server.client_secret()).unwrap();
    fs::write(etc.join("mailbearer/aliases"), "root: admin@x.test\n").unwrap();
    let text = format!(
        "[accounts.machine]\nuser = '{}'\ntls.ca_file = '{}'\nsmtp.host = 'localhost'\nsmtp.port = {}\n\
         [accounts.machine.oauth]\ngrant = 'client_credentials'\ntoken_url = '{}'\nscope = '{}'\nclient_id = '{}'\n\
         client_secret.file = 'secret'\n",
        server.user(),
        world.path("ca.pem").display(),
        server.ports().smtp,
        server.token_url(),
        server.scope(),
        server.client_id(),
    );
    fs::write(etc.join("mailbearer/config.toml"), text).unwrap();
    let script = "mount --make-rprivate / 2> /dev/null; mount --bind \"$1\" /etc || exit 77\nshift; exec env -i \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh"]).arg(&etc).arg(env!("CARGO_BIN_EXE_mailbearer"));
    command.args(["sendmail", "-i", "-FCronDaemon", "root"]);
    let outcome = finish(command, b"Subject: from cron\n\nx\n");
    if matches!(outcome.code, Some(1 | 77)) && outcome.stderr.contains("unshare") || outcome.code == Some(77)
    {
        return;
    }
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let messages = server.mailbox().messages("INBOX");
    let envelope = messages[0].envelope.clone().unwrap();
    assert_eq!((envelope.from.as_str(), envelope.to), (server.user(), vec!["admin@x.test".to_owned()]));
}

/// A server that reports nothing gets the message all the same, and the sender a report that it was passed on.
#[test]
fn what_waits_goes_without_reports_where_none_are_offered() {
    let script = "\
C: MAIL FROM:<r@x>
S: 250 ok
C: RCPT TO:<a@x>
S: 250 ok
C: DATA
S: 354 go on
C: Date: x
C: From: r@x
C: Message-ID: <1@x>
C: To: a@x
C: 
C: hi
C: .
S: 250 taken
C: QUIT
S: 221 bye
";
    let (address, serving) = mailbearer_mock::serve(logged_in(script)).unwrap();
    let world = World::new().set("MAILBEARER_SMTP_PORT", address.port());
    fs::write(world.path("ca.pem"), format!("{}{}", world.server.ca_pem(), serving.ca_pem())).unwrap();
    let message = "Date: x\nFrom: r@x\nMessage-ID: <1@x>\nTo: a@x\n\nhi\n";
    let words =
        ["sendmail", "--queue", "-N", "success,failure", "-R", "hdrs", "-V", "id", "-f", "r@x", "a@x"];
    world.run_with(&words, message).ok();
    let ran = world.run(&["queue", "run"]);
    assert!(ran.stdout.contains("  a@x  250 taken"), "{ran:?}");
    serving.join().unwrap();
    // There is no server any more for the report.
    assert_eq!(ran.code, Some(75), "{ran:?}");
    let listed = world.run(&["queue", "list"]).ok();
    assert!(listed.lines().count() == 1 && listed.contains("<> -> r@x"), "{listed}");
    let report = world.run(&["queue", "export", listed.split(' ').next().unwrap()]).ok();
    for part in ["Subject: Mail was passed on", "Original-Envelope-Id: id\r\n", "a@x\r\nAction: relayed\r\n"]
    {
        assert!(report.contains(part), "{part:?} is not in {report}");
    }
}

/// A message with more recipients than the server takes at a time goes in parts, however it is sent.
#[test]
fn many_recipients_go_in_parts() {
    let mut options = mailbearer_mock::memory::Options::default();
    options.smtp_extensions = "LIMITS RCPTMAX=2 MAILMAX=2".parse().unwrap();
    let world = World::with(options);
    let envelopes = |world: &World| -> Vec<Vec<String>> {
        world.server.mailbox().messages("INBOX").into_iter().map(|one| one.envelope.unwrap().to).collect()
    };
    let all = ["a@x", "b@x", "c@x", "d@x", "e@x"];
    let to = all.join(",");
    let told = all.map(|address| format!("accepted  {address}\n")).concat();
    // More than is kept in memory.
    let message = format!("Date: x\r\nFrom: r@x\r\nTo: a@x\r\n\r\n{}", "0123456789\r\n".repeat(200_000));
    fs::write(world.path("m.eml"), &message).unwrap();
    let sendmail = [&["sendmail", "-f", "r@x"][..], &all].concat();
    let queued = [&["sendmail", "--queue", "-f", "r@x"][..], &all].concat();
    let rows: &[&[&str]] = &[
        &["send", "--to", &to, "--text", "x"],
        &["send", "--to", &to, "--text", "x", "--ret", "hdrs"],
        &["send", "--to", &to, "--text", "x", "--attach", "m.eml"],
        &["send", "--to", &to, "--raw", "m.eml"],
        &["send", "--to", &to, "--raw", "-"],
        &["forward", "INBOX", "1", "--to", &to, "--text", "x"],
        // To those who got the first.
        &["reply", "INBOX", "1", "--all", "--text", "x"],
        &sendmail,
        &queued,
    ];
    for words in rows {
        let before = envelopes(&world).len();
        let said = world.run_with(words, &message).ok();
        if words.contains(&"--queue") {
            world.run(&["queue", "run"]).ok();
        } else if words[0] != "sendmail" {
            assert_eq!(said, told, "{words:?}");
        }
        let parts = [vec!["a@x", "b@x"], vec!["c@x", "d@x"], vec!["e@x"]];
        assert_eq!(envelopes(&world)[before..], parts, "{words:?}");
        let messages = world.server.mailbox().messages("INBOX");
        let octets = &messages[before].octets;
        // Exchange gives each a Message-ID of its own.
        let body = |octets: &[u8]| {
            let end = octets.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
            octets[end..].to_vec()
        };
        assert!(messages[before..].iter().all(|part| body(&part.octets) == body(octets)), "{words:?}");
        if words.contains(&"--raw") || words[0] == "sendmail" {
            assert!(octets.ends_with(&message.as_bytes()[message.len() - 2_400_000..]), "{words:?}");
        }
    }
    assert_eq!(world.run(&["queue", "list"]).ok(), "");
    // What can't be kept goes once, and it is said to whom it did not go.
    let before = envelopes(&world).len();
    let mut command = world.command(&sendmail);
    command.env("TMPDIR", world.path("none"));
    finish(command, message.as_bytes()).failed(
        67,
        &[
            "error: the message was not sent to c@x, d@x, e@x: …the message can't be read again: …",
            "hint: the others get the message: send it again to those who are named alone",
        ],
    );
    assert_eq!(envelopes(&world)[before..], [vec!["a@x", "b@x"]]);
}

/// A sender who asked by NOTIFY is sent a report from the queue, once, and a report that fails causes no other.
#[test]
fn the_queue_reports_to_senders_who_asked() {
    let world = World::new();
    let message = "Date: x\nFrom: r@x\nMessage-ID: <1@x>\nSubject: mine\nTo: a@x\n\nhi\n";
    let report = |world: &World, from: usize| -> Vec<(String, Vec<String>, String)> {
        let messages = world.server.mailbox().messages("INBOX").into_iter().skip(from);
        messages
            .map(|one| {
                let envelope = one.envelope.unwrap();
                (envelope.from, envelope.to, String::from_utf8(one.octets.to_vec()).unwrap())
            })
            .collect()
    };
    // Who did not ask hears of it by `queue list`.
    for (notify, sender, reports) in [
        (&[][..], "r@x", 0),
        (&["-N", "never"], "r@x", 0),
        (&["-N", "success"], "r@x", 0),
        (&["-N", "failure", "-V", "id7"], "r@x", 1),
        (&["-N", "failure"], "<>", 0),
        (&["-N", "failure"], "r@refused.test", 0),
    ] {
        let before = count(&world);
        let words = [&["sendmail", "--queue"], notify, &["-f", sender, "a@x", "b@refused.test"]].concat();
        world.run_with(&words, message).ok();
        let ran = world.run(&["queue", "run"]);
        let what = format!("{words:?}: {ran:?}");
        let arrived = report(&world, before);
        assert_eq!(arrived.len(), reports + 1, "{what}");
        if let Some((from, to, text)) = arrived.get(1) {
            assert_eq!((from.as_str(), &to[..]), ("", &["r@x".to_owned()][..]), "{what}");
            for part in [
                "report-type=delivery-status",
                "Original-Envelope-Id: id7",
                "Final-Recipient: rfc822; b@refused.test\r\nAction: failed",
                "Subject: mine",
                &format!("From: {}", world.server.user()),
            ] {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
            assert!(!text.contains("a@x\r\nAction"), "{text}");
            world.check_for_secrets(text);
        }
        // Nothing is due, and nothing is told twice.
        world.run(&["queue", "run"]);
        assert_eq!(count(&world), before + reports + 1, "{what}");
    }
    // Each failed message, and the report that could not be delivered.
    assert_eq!(world.run(&["queue", "list"]).ok().lines().count(), 7);
}
