//! The mailbox over POP3.

use std::fs;

use mailbearer_mock::{
    Recording,
    memory::{Fault, Options, Personality},
};
use serde_json::Value;

use crate::harness::{Outcome, World, bare, finish};

fn world() -> World {
    let mut options = Options::default();
    options.personality = Personality::Dovecot;
    World::with(options)
}

fn uids(world: &World) -> Vec<String> {
    let listed = world.run(&["pop", "list", "--json"]).ok();
    let object = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    listed.lines().map(|line| object(line)["uid"].as_str().unwrap().to_owned()).collect()
}

/// The texts of the messages in the Maildir.
fn kept(world: &World, folder: &str) -> Vec<String> {
    let names = world.names(&format!("{folder}/new"));
    let mut texts: Vec<String> = names
        .iter()
        .map(|name| fs::read_to_string(world.path(&format!("{folder}/new/{name}"))).unwrap())
        .collect();
    texts.sort();
    texts
}

#[test]
fn lists_fetches_and_deletes() {
    let world = world();
    for text in ["one", "two", "three"] {
        world.deliver(format!("Subject: {text}\r\n\r\n.{text}\r\n"));
    }
    let uids = uids(&world);
    let listed = world.run(&["pop", "list"]).ok();
    assert_eq!(listed.lines().nth(1).unwrap(), format!("      2          22  {}", uids[1]));
    assert_eq!(world.run(&["pop", "fetch", &uids[1]]).ok(), "Subject: two\r\n\r\n.two\r\n");
    assert_eq!(world.run(&["pop", "fetch", "--number", "3", "--headers"]).ok(), "Subject: three\r\n\r\n");
    let told = world.run(&["pop", "fetch", &uids[0], "--output", "m.eml", "--json"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["octets"], 22);
    assert_eq!(fs::read(world.path("m.eml")).unwrap(), b"Subject: one\r\n\r\n.one\r\n");
    world.run(&["pop", "fetch", "nope"]).failed(66, &["error: no message with the unique id \"nope\""]);
    world
        .run(&["pop", "delete", &uids[0], "nope"])
        .failed(66, &["error: no message with the unique id \"nope\""]);
    assert_eq!(self::uids(&world).len(), 3, "nothing was removed");
    let removed = world.run(&["pop", "delete", &uids[2], &uids[0]]).ok();
    assert_eq!(removed, format!("removed        1  {}\nremoved        3  {}\n", uids[0], uids[2]));
    assert_eq!(self::uids(&world), [uids[1].as_str()]);
}

/// The keys of the configuration decide where the mailbox is, and each of them does.
#[test]
fn the_keys_of_the_configuration_lead_to_the_mailbox() {
    let world = world();
    world.deliver("Subject: one\r\n\r\n");
    let ports = world.server.ports();
    let world = ["HOST", "PORT", "TLS"]
        .into_iter()
        .fold(world, |world, key| world.unset(&format!("MAILBEARER_POP3_{key}")))
        .set("MAILBEARER_CONFIG", "config.toml");
    let list = |host: &str, port: u16, tls: &str| {
        let pop3 = format!("[accounts.ann.pop3]\nhost = '{host}'\nport = {port}\ntls = '{tls}'\n");
        let text = format!("[accounts.ann]\nuser = '{}'\n{pop3}", world.server.user());
        fs::write(world.path("config.toml"), text).unwrap();
        world.run(&["pop", "list"])
    };
    for (port, tls) in [(ports.pop3s, "implicit"), (ports.pop3, "starttls")] {
        assert_eq!(list("localhost", port, tls).ok().lines().count(), 1, "{tls}");
    }
    for (host, port, tls) in [
        ("nowhere.invalid", ports.pop3s, "implicit"),
        ("localhost", ports.imaps, "implicit"),
        ("localhost", ports.pop3, "implicit"),
    ] {
        let outcome = list(host, port, tls);
        assert!(outcome.code != Some(0) && outcome.stdout.is_empty(), "{host} {tls}: {outcome:?}");
    }
}

#[test]
fn what_the_server_does_not_remove_is_not_reported_as_removed() {
    let world = world();
    world.deliver("Subject: one\r\n\r\n");
    let uid = uids(&world).remove(0);
    world.server.set_fault(Fault::find("pop-not-removed"));
    world.run(&["pop", "delete", &uid]).failed(
        79,
        &[
            "error: the server removed some of the messages, or none: -ERR some deleted messages not removed",
            "hint: `pop list` shows what is still there",
        ],
    );
}

#[test]
fn a_maildir_gets_each_message_once() {
    let world = world();
    let fetch = |more: &[&str]| world.run(&[&["pop", "fetch", "--all", "--maildir", "mail"], more].concat());
    assert_eq!(fetch(&["--keep"]).ok(), "");
    for number in 1..=250 {
        world.deliver(format!("Subject: {number}\r\n\r\n.x\r\n"));
    }
    assert_eq!(fetch(&["--keep"]).ok().lines().count(), 250);
    assert_eq!(fetch(&["--keep"]).ok(), "", "nothing new");
    world.deliver("Subject: 251\r\n\r\n.x\r\n");
    world.deliver("");
    assert_eq!(fetch(&["--keep"]).ok().lines().count(), 2);
    let texts = kept(&world, "mail");
    assert_eq!((texts.len(), texts[0].as_str(), texts[1].as_str()), (252, "", "Subject: 1\r\n\r\n.x\r\n"));
    assert_eq!(world.server.mailbox().messages("INBOX").len(), 252);

    // A reader that moves a message on does not have it come again.
    let name = world.names("mail/new").remove(0);
    fs::remove_file(world.path(&format!("mail/new/{name}"))).unwrap();
    assert_eq!(fetch(&["--delete"]).ok(), "");
    assert!(world.server.mailbox().messages("INBOX").is_empty(), "what is kept is gone from the server");
    assert_eq!((kept(&world, "mail").len(), world.names("mail/tmp").len()), (251, 0));
    world.deliver("Subject: late\r\n\r\n");
    assert_eq!(fetch(&["--delete", "--json"]).ok().lines().count(), 1);
    assert!(world.server.mailbox().messages("INBOX").is_empty());
    assert_eq!(kept(&world, "mail").len(), 252);
}

#[test]
fn a_server_that_fails_costs_no_message() {
    let world = world();
    world.deliver("Subject: one\r\n\r\n");
    let fetch = || world.run(&["pop", "fetch", "--all", "--delete", "--maildir", "mail"]);
    world.server.set_fault(Fault::find("pop-message-unavailable"));
    let outcome = fetch();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(75), ""), "{outcome:?}");
    assert_eq!(world.server.mailbox().messages("INBOX").len(), 1);
    world.server.set_fault(Fault::find("pop-not-removed"));
    assert_eq!(fetch().code, Some(79));
    world.server.set_fault(None);
    assert_eq!(fetch().ok(), "");
    assert_eq!(kept(&world, "mail").len(), 1);
}

#[test]
fn wrong_use_is_told() {
    let world = world();
    for arguments in [
        &["pop", "fetch"][..],
        &["pop", "fetch", "--all"],
        &["pop", "fetch", "--all", "--keep"],
        &["pop", "fetch", "--all", "--maildir", "m"],
        &["pop", "fetch", "--all", "--keep", "--delete", "--maildir", "m"],
        &["pop", "fetch", "x", "--keep"],
        &["pop", "delete"],
    ] {
        assert_eq!(world.run(arguments).code, Some(64), "{arguments:?}");
    }
    let without = self::world()
        .unset("MAILBEARER_POP3_HOST")
        .unset("MAILBEARER_POP3_PORT")
        .unset("MAILBEARER_POP3_TLS");
    let outcome = without.run(&["pop", "list"]);
    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    assert!(outcome.stderr.starts_with("error: the account has no POP3 server"), "{outcome:?}");
}

/// A server that goes on with these lines once its client has logged in. It notes what the client says otherwise.
fn playing(world: &World, script: &str, arguments: &[&str]) -> (Outcome, Vec<String>) {
    const LOGIN: &str = "--set MAILBEARER_PROVIDER custom--\n--set MAILBEARER_USER robot@mailbearer.test--\n\
        --set MAILBEARER_POP3_TLS implicit--\n--connection 1 pop3--\n--TLS--\nS: +OK ready\nC: CAPA\nS: +OK\nS: UIDL\n\
        S: TOP\nS: SASL XOAUTH2\nS: .\nC: AUTH XOAUTH2 <any>\nS: +OK\n";
    let (differences, told) = std::sync::mpsc::channel();
    let differences = std::sync::Mutex::new(differences);
    let recording = Recording::parse(&format!("{LOGIN}{script}")).unwrap();
    let playing = recording
        .play(move |difference| drop(differences.lock().unwrap().send(difference.to_string())))
        .unwrap();
    fs::write(world.path("ca2.pem"), playing.ca_pem()).unwrap();
    let mut command = bare(&world.path("."), arguments);
    command.envs(playing.env(&world.path("ca2.pem")));
    let outcome = finish(command, b"");
    drop(playing);
    (outcome, told.try_iter().collect())
}

/// Whoever is refused something says goodbye all the same, so that the server does not hold the mailbox; but never where that
/// would remove messages.
#[test]
fn a_refusal_is_followed_by_a_goodbye() {
    let bye = "C: QUIT\nS: +OK\n--close--\n";
    for (arguments, script, code) in [
        (&["pop", "fetch", "--number", "9"][..], "C: RETR 9\nS: -ERR no such message\n", 66),
        (&["pop", "fetch", "--number", "9", "--headers"], "C: TOP 9 0\nS: -ERR no such message\n", 66),
        (&["pop", "fetch", "x"], "C: LIST\nS: +OK\nS: 1 5\nS: .\nC: UIDL\nS: +OK\nS: 1 y\nS: .\n", 66),
        (&["pop", "list"], "C: LIST\nS: -ERR not now\n", 69),
        (&["pop", "delete", "x"], "C: LIST\nS: +OK\nS: 1 5\nS: .\nC: UIDL\nS: +OK\nS: 1 y\nS: .\n", 66),
    ] {
        let world = world();
        let (outcome, differences) = playing(&world, &format!("{script}{bye}"), arguments);
        assert_eq!(
            (outcome.code, differences.as_slice()),
            (Some(code), &[][..]),
            "{arguments:?} {outcome:?}"
        );
    }
}

#[test]
fn a_server_without_unique_ids_is_told_of_once() {
    let world = world();
    let script = "C: LIST\nS: +OK\nS: 1 5\nS: 2 7\nS: .\nC: UIDL\nS: -ERR no\nC: QUIT\nS: +OK\n--close--\n";
    let (outcome, differences) = playing(&world, script, &["pop", "list"]);
    assert_eq!((outcome.code, differences.as_slice()), (Some(0), &[][..]), "{outcome:?}");
    assert_eq!(outcome.stdout, "      1           5  -\n      2           7  -\n");
    assert_eq!(
        outcome.stderr,
        "warning: the server tells no unique ids: name messages by --number, which holds for one session\n"
    );
}

/// RFC 1939 section 7 asks for no order, and lets copies of a message have one id.
#[test]
fn unique_ids_come_in_any_order_and_twice() {
    let bye = "C: QUIT\nS: +OK\n--close--\n";
    let world = world();
    let check = |script: &str, arguments: &[&str]| {
        let (outcome, differences) = playing(&world, script, arguments);
        assert_eq!((outcome.code, differences.as_slice()), (Some(0), &[][..]), "{outcome:?}");
        outcome.stdout
    };
    let retrieved = |n| format!("C: RETR {n}\nS: +OK\nS: m{n}\nS: .\n");
    let all = ["pop", "fetch", "--all", "--keep", "--maildir", "mail"];
    let list = "C: LIST\nS: +OK\nS: 1 5\nS: 2 7\nS: .\nC: UIDL\nS: +OK\nS: 2 y\nS: 1 x\nS: .\n";
    check(&format!("{list}{}{}{bye}", retrieved(1), retrieved(2)), &all);
    // A copy of the second arrives. It is fetched, too.
    let list =
        "C: LIST\nS: +OK\nS: 1 5\nS: 2 7\nS: 3 9\nS: .\nC: UIDL\nS: +OK\nS: 3 y\nS: 1 x\nS: 2 y\nS: .\n";
    let listed = check(&format!("{list}{bye}"), &["pop", "list"]);
    assert_eq!(listed, "      1           5  x\n      2           7  y\n      3           9  y\n");
    check(&format!("{list}{}{bye}", retrieved(3)), &all);
    assert_eq!(kept(&world, "mail"), ["m1\r\n", "m2\r\n", "m3\r\n"]);
}
