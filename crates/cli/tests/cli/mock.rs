//! `mailbearer mock` as tests of any language use it: the program alone, its options and its control endpoint.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use mailbearer::{Account, Address, Message, Security, Server};
use mailbearer_mock::memory::Fault;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Outcome, Running, bare, finish};

/// The program as a server, and the variables that it printed for its clients.
struct Mock {
    _running: Running,
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl Mock {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut running = start(&folder, &[&["--format", "json"], arguments].concat());
        let variables = serde_json::from_str(&running.line()).unwrap();
        Self { _running: running, folder, variables }
    }

    /// Runs another program as its client.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut client = bare(self.folder.path(), arguments);
        client.envs(&self.variables);
        finish(client, b"")
    }

    fn port(&self, name: &str) -> u16 {
        self.variables[name].parse().unwrap()
    }

    /// Asks the control endpoint; returns the object that it answers.
    fn control(&self, request: &str, body: &str) -> Value {
        let authority = self.variables["MOCK_CONTROL_URL"].strip_prefix("http://").unwrap();
        let mut tcp = TcpStream::connect(authority).unwrap();
        let length = body.len();
        write!(tcp, "{request} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{request}: {answer}");
        serde_json::from_str(body).unwrap()
    }
}

/// Starts the program, whose own folder goes with this one.
fn start(folder: &TempDir, arguments: &[&str]) -> Running {
    let mut command = bare(folder.path(), &[&["mock"], arguments].concat());
    command.env("TMPDIR", folder.path());
    Running::start(command)
}

#[test]
fn provider_limits_refuse_the_fourth_connection_and_the_31st_message_of_a_minute() {
    let mock = Mock::start(&["--provider-limits"]);
    let get = |name: &str| mock.variables[&format!("MAILBEARER_{name}")].as_str();
    let account = Account::custom(get("USER"), get("OAUTH_TOKEN_URL"), get("OAUTH_SCOPE"))
        .client_credentials(get("OAUTH_CLIENT_ID"), get("OAUTH_CLIENT_SECRET"))
        .smtp(Server::new("localhost", mock.port("MOCK_SMTP_TLS_PORT"), Security::Implicit))
        .ca_pem(std::fs::read(get("TLS_CA_FILE")).unwrap())
        .unwrap();
    let client = account.blocking().unwrap();
    let mut open: Vec<_> = (0..3).map(|_| client.connect_smtp().unwrap()).collect();
    let refused = client.connect_smtp().map(drop).unwrap_err();
    assert!(refused.to_string().contains("432 4.3.2 Concurrent connections limit exceeded."), "{refused}");
    assert!(refused.is_transient());

    let robot = Address::parse(get("USER")).unwrap();
    let message = client.compose(&Message::new(robot.clone()).to(robot).text("x")).unwrap();
    for number in 1..=30 {
        // The limit is the user's, not a connection's.
        open[number % 3].send(&message).unwrap();
    }
    let refused = open[0].send(&message).unwrap_err();
    assert!(refused.to_string().contains("451 4.7.500 Server busy."), "{refused}");
    let arrived = mock.control("GET /messages", "");
    assert_eq!(arrived["messages"].as_array().unwrap().len(), 30);
}

#[test]
fn fault_plays_a_failure_by_its_name() {
    for (fault, code, words) in [
        ("not-connected", 77, "User is authenticated but not connected"),
        ("invalid-secret", 77, "AADSTS7000215"),
    ] {
        let outcome = Mock::start(&["--fault", fault]).run(&["fetch", "INBOX", "1"]);
        assert_eq!(outcome.code, Some(code), "{fault}: {outcome:?}");
        assert!(outcome.stderr.contains(words), "{fault}: {outcome:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let outcome = finish(bare(folder.path(), &["mock", "--fault", "nope"]), b"");
    assert_eq!(outcome.code, Some(64), "{outcome:?}");
    assert!(outcome.stderr.contains("`--fault help` lists all"), "{outcome:?}");
}

#[test]
fn fault_help_lists_all() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<&str> = Fault::all().map(Fault::name).collect();
    let printed = finish(bare(folder.path(), &["mock", "--fault", "help"]), b"").ok();
    let names: Vec<&str> = printed.lines().filter_map(|line| line.split("  ").next()).collect();
    assert_eq!(names, all);
    let printed = finish(bare(folder.path(), &["mock", "--fault", "help", "--json"]), b"").ok();
    let objects: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = objects.iter().map(|object| object["name"].as_str().unwrap()).collect();
    assert_eq!(names, all);
    for name in ["not-connected", "smtp-disabled-for-tenant", "smtp-disabled-for-mailbox"] {
        assert!(all.contains(&name), "{name}");
    }
    for name in ["authenticate-failed", "invalid-secret", "throttled"] {
        assert!(all.contains(&name), "{name}");
    }
}

#[test]
fn token_lifetime_is_how_long_a_token_is_good() {
    let now = || jiff::Timestamp::now().as_second();
    for (arguments, seconds) in [(&["--token-lifetime", "86400"][..], 86_400), (&[], 3600)] {
        let before = now();
        let inspected = Mock::start(arguments).run(&["token", "--inspect", "--json"]).ok();
        let claims: Value = serde_json::from_str(&inspected).unwrap();
        let good = claims["expires"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
        assert!((before + seconds..=now() + seconds).contains(&good), "{arguments:?}: {claims}");
    }
}

#[test]
fn token_octets_is_how_long_a_token_is() {
    for (arguments, octets) in
        [(&["--token-octets", "32"][..], 32), (&["--token-octets", "200"], 200), (&[], 1500)]
    {
        assert_eq!(Mock::start(arguments).run(&["token"]).ok().trim_end().len(), octets);
    }
    // No client of ours takes as long a one as the server makes.
    drop(Mock::start(&["--token-octets", "1048576"]));
    let folder = tempfile::tempdir().unwrap();
    for octets in ["0", "31", "1048577"] {
        let outcome = finish(bare(folder.path(), &["mock", "--token-octets", octets]), b"");
        assert_eq!(outcome.code, Some(64), "{octets}: {outcome:?}");
        assert!(outcome.stderr.contains("32..=1048576"), "{octets}: {outcome:?}");
    }
}

#[test]
fn secret_tenant_and_client_id_are_fixed_by_options() {
    let mock =
        Mock::start(&["--client-secret", "s3cret+&=%", "--tenant", "contoso.test", "--client-id", "an-app"]);
    let get = |name: &str| mock.variables[&format!("MAILBEARER_{name}")].as_str();
    assert_eq!(get("OAUTH_CLIENT_SECRET"), "s3cret+&=%");
    assert_eq!((get("OAUTH_TENANT"), get("OAUTH_CLIENT_ID")), ("contoso.test", "an-app"));
    assert!(
        get("OAUTH_TOKEN_URL").ends_with("/contoso.test/oauth2/v2.0/token"),
        "{}",
        get("OAUTH_TOKEN_URL")
    );
    // They are what the endpoint checks, too.
    mock.run(&["list"]).ok();
    for (name, words) in [("OAUTH_CLIENT_SECRET", "AADSTS7000215"), ("OAUTH_CLIENT_ID", "AADSTS700016")] {
        let mut client = bare(mock.folder.path(), &["token", "--no-cache"]);
        client.envs(&mock.variables).env(format!("MAILBEARER_{name}"), "another");
        let outcome = finish(client, b"");
        assert!(outcome.stderr.contains(words), "{name}: {outcome:?}");
    }
}

/// A secret that every kind of quotes and most special characters of a shell are in.
const SECRET: &str = "a&b %c='$d\" `e\\";

/// What the mock prints with `--format format`.
fn printed(format: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let fixed = ["--client-secret", SECRET, "--client-id", "app", "--tenant", "t"];
    let mut running = start(&folder, &[&["--format", format], &fixed[..]].concat());
    let mut printed = String::new();
    loop {
        let line = running.line();
        printed.push_str(&line);
        printed.push('\n');
        if format == "json" || line.starts_with("MOCK_SMTP_TLS_PORT=") {
            return printed;
        }
    }
}

/// The variables that a real shell has after it read `printed`.
fn read_by_a_shell(printed: &str) -> BTreeMap<String, String> {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("set -eua\n{printed}exec env -0")]).env_clear();
    shell.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = shell.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.split_terminator('\0').map(|pair| pair.split_once('=').unwrap());
    let pairs = pairs.filter(|(name, _)| name.starts_with("MAILBEARER_") || name.starts_with("MOCK_"));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn values_are_quoted_for_a_shell() {
    for (format, line) in [
        ("sh", r#"MAILBEARER_OAUTH_CLIENT_SECRET='a&b %c='\''$d" `e\'"#),
        ("dotenv", r#"MAILBEARER_OAUTH_CLIENT_SECRET="a&b %c='\$d\" \`e\\""#),
    ] {
        let printed = printed(format);
        assert!(printed.contains(&format!("{line}\n")), "{printed}");
        // A shell reads both alike here.
        let read = read_by_a_shell(&printed);
        assert_eq!(read["MAILBEARER_OAUTH_CLIENT_SECRET"], SECRET, "{format}");
        assert_eq!((&*read["MAILBEARER_OAUTH_CLIENT_ID"], &*read["MAILBEARER_OAUTH_TENANT"]), ("app", "t"));
    }
}

#[test]
fn each_format_has_the_same_variables() {
    let json: BTreeMap<String, String> = serde_json::from_str(&printed("json")).unwrap();
    assert_eq!(json["MAILBEARER_OAUTH_CLIENT_SECRET"], SECRET);
    for format in ["sh", "dotenv"] {
        let read = read_by_a_shell(&printed(format));
        assert!(read.keys().eq(json.keys()), "{format}: {read:?}");
        // Ports, and what is made of them, differ from one run to the next.
        let varies =
            |name: &str| ["_PORT", "_URL", "_FILE", "_PASSWORD"].iter().any(|end| name.ends_with(end));
        for (name, value) in read.iter().filter(|(name, _)| !varies(name)) {
            assert_eq!(value, &json[name], "{format}: {name}");
        }
    }
}

#[test]
fn the_control_endpoint_delivers_a_message() {
    let mock = Mock::start(&[]);
    let told = mock.control("POST /deliver", "From: ann@x.test\r\nSubject: from a test\r\n\r\nx\r\n");
    assert_eq!(told["uid"], 1);
    let listed = mock.run(&["list"]).ok();
    assert!(listed.contains("from a test"), "{listed}");
}

#[test]
fn the_control_endpoint_ends_a_token() {
    let mock = Mock::start(&[]);
    let first = mock.run(&["token"]).ok();
    assert_eq!(mock.run(&["token"]).ok(), first, "it is kept");
    mock.control("POST /end-tokens", "");
    // The program shows it to the server, is refused, and gets another.
    mock.run(&["list"]).ok();
    assert_ne!(mock.run(&["token"]).ok(), first);
}

#[test]
fn the_control_endpoint_drops_connections() {
    let mock = Mock::start(&[]);
    let ports = ["MAILBEARER_SMTP_PORT", "MOCK_IMAP_STARTTLS_PORT", "MOCK_POP3_STARTTLS_PORT"];
    let greeted = |port: &str| {
        let mut tcp = TcpStream::connect(("localhost", mock.port(port))).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert!(tcp.read(&mut [0; 512]).unwrap() > 0, "{port}");
        tcp
    };
    let open = ports.map(greeted);
    mock.control("POST /drop-connections", "");
    for (port, mut tcp) in ports.iter().zip(open) {
        // It ends, or is reset; it does not go on in silence.
        let end = tcp.read(&mut [0]).map_err(|error| error.kind());
        assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)), "{port}: {end:?}");
        greeted(port);
    }
}
