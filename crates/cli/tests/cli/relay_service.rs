//! `relay` as a service: signals, files that change, and what systemd wants of it.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::net::UnixDatagram,
    path::PathBuf,
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{
    harness::{self, Running, World, send_signal},
    relay::{Client, Relay, arrived, hash},
};

/// The port in a line such as `listening on [::1]:1234`.
fn port(line: &str) -> u16 {
    line.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

/// Whoever opens this pipe once more than it is written to waits for ever.
#[test]
fn the_configuration_is_read_once_for_all_accounts() {
    let world = World::new();
    let config = world.path("c.toml");
    assert!(Command::new("mkfifo").arg(&config).status().unwrap().success());
    let write = |listen: &'static str| {
        let accounts = "default = 'a'\n[accounts.a]\n[accounts.b]\n[accounts.c]\n";
        let hash = hash(&world, "pw");
        let users: String = ["a", "b", "c"]
            .map(|name| format!("[relay.users.{name}]\npassword_hash = '{hash}'\naccount = '{name}'\n"))
            .concat();
        let text = format!("{accounts}[relay]\nlisten = [{listen}]\nspool = 'spool'\n{users}");
        let config = config.clone();
        thread::spawn(move || fs::write(config, text).unwrap())
    };
    let first = write("'127.0.0.1:0'");
    let mut running = Running::start(world.command(&["--config", config.to_str().unwrap(), "relay"]));
    let (done, ended) = mpsc::channel::<()>();
    let pid = running.child.0.id().to_string();
    let watchdog = thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(30)).is_err() {
            Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        }
    });
    assert!(running.line().starts_with("listening on 127.0.0.1:"));
    first.join().unwrap();
    let second = write("'127.0.0.1:0', '[::1]:0'");
    send_signal(&running.child.0, "HUP");
    assert!(running.line().starts_with("listening on [::1]:"));
    second.join().unwrap();
    done.send(()).unwrap();
    watchdog.join().unwrap();
    assert_eq!(running.stop_by("TERM").code, Some(0));
}

#[test]
fn a_signal_brings_users_accounts_and_ports() {
    let world = World::new();
    let (config, hash) = (world.path("c.toml"), hash(&world, "pw"));
    let write = |listen: &str, more: &str| {
        let text = format!(
            "default = 'first'\n[accounts.first]\n[relay]\nlisten = [{listen}]\nspool = 'spool'\n{more}\n"
        );
        fs::write(&config, text).unwrap();
    };
    let user = |name: &str, account: &str| {
        format!("[relay.users.{name}]\npassword_hash = '{hash}'\naccount = '{account}'\n")
    };
    write("'127.0.0.1:0'", &user("one", "first"));
    let mut relay = Relay::of(&world, &["--config", config.to_str().unwrap(), "relay"]);
    let mut old = relay.client();
    old.dialogue(&[("", "220 "), ("EHLO x", "250 "), ("AUTH PLAIN AHR3bwBwdw==", "535 ")]);
    // Another port beside the first, a user, and the account that he sends by.
    let more = format!("{}{}[accounts.second]\n", user("one", "first"), user("two", "second"));
    write("'127.0.0.1:0', '[::1]:0'", &more);
    send_signal(&relay.running.child.0, "HUP");
    let line = relay.running.line();
    assert!(line.starts_with("listening on [::1]:"), "{line}");
    let sends = |mut client: Client| {
        client.dialogue(&[
            ("", "220 "),
            ("EHLO x", "250 "),
            ("AUTH PLAIN AHR3bwBwdw==", "235 "),
            ("MAIL FROM:<a@x.test>", "250 "),
            ("RCPT TO:<b@x.test>", "250 "),
            ("DATA", "354 "),
            ("Subject: 1\r\n\r\nx\r\n.", "250 2.0.0 Taken as "),
        ]);
    };
    let stream = TcpStream::connect(("::1", port(&line))).unwrap();
    sends(Client::over(stream));
    sends(relay.client());
    assert_eq!(arrived(&world, 2).len(), 2);
    // What is wrong changes nothing: not the ports, and not what a client may do.
    write("'0.0.0.0:0'", "");
    send_signal(&relay.running.child.0, "HUP");
    let told = relay.running.wait_for("the configuration stays as it was");
    assert!(told.last().unwrap().contains("is open to other machines"), "{told:?}");
    sends(relay.client());
    // The first port goes; who is connected to it stays.
    write("'[::1]:0'", &more);
    send_signal(&relay.running.child.0, "HUP");
    for _ in 0..1200 {
        if TcpStream::connect(("127.0.0.1", relay.port)).is_err() {
            old.expect("NOOP", "250 ");
            sends(Client::over(TcpStream::connect(("::1", port(&line))).unwrap()));
            relay.stop();
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("the port is open yet");
}

const MESSAGE: [(&str, &str); 4] = [
    ("MAIL FROM:<a@x.test>", "250 "),
    ("RCPT TO:<b@x.test>", "250 "),
    ("DATA", "354 "),
    ("Subject: 1\r\n\r\nx\r\n.", "250 2.0.0 Taken as "),
];

/// Messages that come one after the other, each when the one before has arrived, go by one connection; when the provider
/// ends it, by the next.
#[test]
fn a_connection_is_kept_for_many_messages() {
    let world = World::new();
    let between = harness::Relay::new(world.server.ports().smtp);
    let world = world.set("MAILBEARER_SMTP_PORT", between.port);
    let relay = Relay::start(&world, &[]);
    let mut client = relay.client();
    client.dialogue(&[("", "220 "), ("EHLO x", "250 ")]);
    for count in 1..=5 {
        client.dialogue(&MESSAGE);
        arrived(&world, count);
    }
    assert_eq!(between.clients(), 1);
    between.cut();
    client.dialogue(&MESSAGE);
    arrived(&world, 6);
    assert_eq!(between.clients(), 1);
    relay.stop();
}

/// One account's server says nothing; the other's mail goes on.
#[test]
fn a_slow_account_keeps_no_other_waiting() {
    let world = World::new().unset("MAILBEARER_SMTP_PORT");
    let (slow, came) = harness::speechless("");
    let (config, hash) = (world.path("c.toml"), hash(&world, "pw"));
    let user = |name: &str| format!("[relay.users.{name}]\npassword_hash = '{hash}'\naccount = '{name}'\n");
    let text = format!(
        "default = 'two'\n[accounts.one]\nsmtp.port = {slow}\n[accounts.two]\nsmtp.port = {}\n\
         [relay]\nlisten = '127.0.0.1:0'\nspool = 'spool'\n{}{}",
        world.server.ports().smtp,
        user("one"),
        user("two"),
    );
    fs::write(&config, text).unwrap();
    let relay = Relay::of(&world, &["--config", config.to_str().unwrap(), "relay"]);
    for login in ["AG9uZQBwdw==", "AHR3bwBwdw=="] {
        let mut client = relay.client();
        client.dialogue(&[("", "220 "), ("EHLO x", "250 "), (&format!("AUTH PLAIN {login}"), "235 ")]);
        client.dialogue(&MESSAGE);
        if login == "AG9uZQBwdw==" {
            came.recv_timeout(Duration::from_secs(60)).expect("the slow one is asked");
        }
    }
    arrived(&world, 1);
    assert_eq!(world.names("spool/queue").len(), 1, "the slow one's message waits");
}

/// Who asks for no report gets none.
#[test]
fn no_report_where_none_is_wanted() {
    let world = World::new();
    let relay = Relay::start(&world, &[]);
    let mut client = relay.client();
    client.dialogue(&[("", "220 "), ("EHLO x", "250 "), ("MAIL FROM:<ann@x.test>", "250 ")]);
    client.dialogue(&[("RCPT TO:<bob@refused.test> NOTIFY=NEVER", "250 "), ("DATA", "354 ")]);
    client.dialogue(&[("Subject: 1\r\n\r\nx\r\n.", "250 ")]);
    relay.running.wait_for(" result=failed ");
    client.dialogue(&MESSAGE);
    assert!(!arrived(&world, 1)[0].2.contains("delivery-status"));
    relay.stop();
    assert_eq!((world.server.mailbox().messages("INBOX").len(), world.names("spool/failed").len()), (1, 1));
}

/// Who says nothing of reports hears of a failure, whatever is wanted of the others; and a report names whom the message was
/// for at first.
#[test]
fn a_report_for_who_did_not_say_that_he_wants_none() {
    for never_first in [true, false] {
        let world = World::new();
        let relay = Relay::start(&world, &[]);
        let mut client = relay.client();
        client.dialogue(&[("", "220 "), ("EHLO x", "250 "), ("MAIL FROM:<ann@x.test> ENVID=QQ+201", "250 ")]);
        let mut recipients = [
            "RCPT TO:<bob@refused.test> NOTIFY=NEVER",
            "RCPT TO:<eve@refused.test> ORCPT=rfc822;e+2Bv@old.test",
        ];
        if !never_first {
            recipients.reverse();
        }
        for recipient in recipients {
            client.expect(recipient, "250 ");
        }
        client.dialogue(&MESSAGE[2..]);
        let report = arrived(&world, 1).remove(0).2;
        let want =
            "Original-Recipient: rfc822; e+v@old.test\r\nFinal-Recipient: rfc822; eve@refused.test\r\n";
        assert!(report.contains(want) && report.contains("\r\nOriginal-Envelope-Id: QQ 1\r\n"), "{report}");
        drop(client);
        relay.stop();
    }
}

#[test]
fn systemd_hears_how_it_goes() {
    let world = World::new();
    let path = world.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = || {
        let mut text = [0; 200];
        let count = socket.recv(&mut text).unwrap();
        String::from_utf8(text[..count].to_vec()).unwrap()
    };
    let spool = world.path("spool").display().to_string();
    let mut command = world.command(&["relay", "--listen", "127.0.0.1:0", "--spool", &spool]);
    command.env("NOTIFY_SOCKET", &path);
    let mut running = Running::start(command);
    running.line();
    assert_eq!(heard(), "READY=1");
    send_signal(&running.child.0, "HUP");
    assert_eq!([heard(), heard()], ["RELOADING=1", "READY=1"]);
    assert_eq!(running.stop_by("TERM").code, Some(0));
    assert_eq!(heard(), "STOPPING=1");
}

/// systemd opens the port and starts the relay when the first client comes.
#[test]
fn a_socket_is_taken_over() {
    let Some(activate) = ["/usr/bin/systemd-socket-activate", "/bin/systemd-socket-activate"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
    else {
        return;
    };
    let world = World::new();
    let spool = world.path("spool").display().to_string();
    // It can't choose a port by itself. If another process takes it first, another one is tried.
    for _ in 0..20 {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let inner = world.command(&["relay", "--spool", &spool, "--listen", "127.0.0.1:1"]);
        let mut command = Command::new(&activate);
        command.args(["-l", &free.to_string()]);
        for (name, value) in inner.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            command.arg("-E").arg(format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
        }
        command.arg(inner.get_program()).args(inner.get_args());
        let running = Running::start(command);
        let told = running.stderr.recv_timeout(Duration::from_secs(60)).unwrap();
        if !told.starts_with("Listening on ") {
            continue;
        }
        let mut client = Client::new(free.port());
        client.dialogue(&[("", "220 "), ("HELO x", "250 "), ("QUIT", "221 ")]);
        let done = running.stop_by("TERM");
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stdout.contains(&format!("listening on {free}")), "{done:?}");
        return;
    }
    panic!("no free port");
}

#[test]
fn its_health_and_its_certificate_can_be_asked_for() {
    let world = World::new();
    let config = world.path("c.toml");
    fs::write(&config, "[relay]\nspool = 'spool'\nlisten = '127.0.0.1:0'\n[relay.tls]\n").unwrap();
    let relay = Relay::of(&world, &["--config", config.to_str().unwrap(), "relay"]);
    let address = format!("127.0.0.1:{}", relay.port);
    assert_eq!(world.run(&["relay", "health", &address]).ok(), "ok\n");
    let kept = fs::read_to_string(world.path("spool/relay-certificate.pem")).unwrap();
    let printed = world.run(&["--config", config.to_str().unwrap(), "relay", "certificate"]).ok();
    assert_eq!(printed, kept);
    assert!(kept.starts_with("-----BEGIN CERTIFICATE-----"), "{kept}");
    let mode =
        std::os::unix::fs::MetadataExt::mode(&fs::metadata(world.path("spool/relay-key.pem")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    relay.stop();
    // It is the same after another start, and nobody answers now.
    let outcome = world.run(&["relay", "health", &address]);
    outcome.failed(69, &["error: … does not answer: …"]);
    let relay = Relay::of(&world, &["--config", config.to_str().unwrap(), "relay"]);
    assert_eq!(fs::read_to_string(world.path("spool/relay-certificate.pem")).unwrap(), kept);
    relay.stop();
}
