//! Messages whose sending ended without an answer: they are looked for, and never sent again.

use std::{fs, time::Duration};

use mailbearer_mock::{
    memory::{Fault, Options},
    serve,
};
use serde_json::Value;

use crate::{
    harness::{World, logged_in, pipelining},
    relay::Relay,
};

/// What is unknown is looked for where the provider keeps what was sent, under another id by now.
#[test]
fn a_message_that_arrived_though_nobody_said_so() {
    let (address, serving) = serve(logged_in(LOST_VERDICT)).unwrap();
    let world = World::new().set("MAILBEARER_SMTP_PORT", address.port());
    let both = format!("{}{}", world.server.ca_pem(), serving.ca_pem());
    fs::write(world.path("ca.pem"), both).unwrap();
    let message = "Date: x\nFrom: r@x\nMessage-ID: <1@x>\nTo: a@x\n\nhi\n";
    world.run_with(&["sendmail", "--queue", "-f", "r@x", "a@x"], message).ok();
    let first = world.run(&["queue", "run"]);
    assert_eq!(first.code, Some(79), "{first:?}");
    serving.join().unwrap();
    assert_eq!(world.run(&["queue", "run"]).ok(), "", "what can't be told stays unknown");
    assert!(world.run(&["queue", "list"]).ok().contains("  unknown  "));
    let sent = *b"Message-ID: <9@prod.test>\r\nX-Microsoft-Original-Message-ID: <1@x>\r\n\r\nhi\r\n";
    world.server.mailbox().append("Sent Items", Vec::new(), (0, 0), sent).unwrap();
    let found = world.run(&["queue", "run"]).ok();
    assert!(found.ends_with("  found in Sent Items as <9@prod.test>\n"), "{found}");
    assert_eq!(world.run(&["queue", "list"]).ok(), "");
}

#[test]
fn a_verdict_that_never_comes() {
    let transcript = logged_in(LOST_VERDICT);
    let (address, serving) = serve(transcript).unwrap();
    let world = World::new().set("MAILBEARER_SMTP_PORT", address.port());
    let both = format!("{}{}", world.server.ca_pem(), serving.ca_pem());
    fs::write(world.path("ca.pem"), both).unwrap();
    world
        .run_with(&["send", "--raw", "-"], "Date: x\nFrom: r@x\nMessage-ID: <1@x>\nTo: a@x\n\nhi\n")
        .failed(79, &["error: SMTP: …unknown…", "hint: …look whether it arrived before sending it again; `mailbearer send --verify` looks by itself, …"]);
    serving.join().unwrap();
}

/// Where everybody is refused for good, nothing is left to try again, whatever the server says after that.
#[test]
fn a_server_that_goes_when_it_has_refused_everybody() {
    let (one, both) = (&["a@x"][..], &["a@x", "b@x"][..]);
    let rows = [
        (
            one,
            "S: 550 5.1.1 no\nS: 421 4.7.0 bye\n",
            69,
            "error: SMTP: server refused every recipient; a@x: 550 …",
        ),
        (one, "S: 550 5.1.1 no\n--close--\n", 69, "error: SMTP: server refused every recipient; a@x: 550 …"),
        (one, "S: 450 4.2.1 later\nS: 421 4.7.0 bye\n", 75, "error: SMTP: server is closing, at DATA: 421 …"),
        (
            both,
            "S: 550 5.1.1 no\nS: 551 no\nS: 421 bye\n",
            69,
            "error: SMTP: …every recipient; a@x: 550 …; b@x: 551 no",
        ),
        (
            both,
            "S: 550 5.1.1 no\nS: 421 bye\n",
            75,
            "error: SMTP: server is closing, at RCPT: 421 bye; it refused a@x: 550 5.1.1 no",
        ),
    ];
    for (recipients, replies, code, error) in rows {
        let commands: String = recipients.iter().map(|who| format!("C: RCPT TO:<{who}>\n")).collect();
        let script = format!("C: MAIL FROM:<any>\n{commands}C: DATA\nS: 250 ok\n{replies}");
        let (address, serving) = serve(pipelining(&script)).unwrap();
        let world = World::new().set("MAILBEARER_SMTP_PORT", address.port());
        let both = format!("{}{}", world.server.ca_pem(), serving.ca_pem());
        fs::write(world.path("ca.pem"), both).unwrap();
        let outcome = world.run(&["send", "--to", &recipients.join(","), "--text", "x"]);
        outcome.failed(code, &[error, "hint: …"]);
        drop(serving);
    }
}

/// The copy comes into the folder of sent messages late, as at Exchange's, and under another id.
#[test]
fn a_message_without_an_answer_is_looked_for_with_patience() {
    let fault = Fault::find("reply-lost");
    let lost = |late: u32| {
        let mut options = Options::default();
        (options.fault, options.late_copies) = (fault, late);
        World::with(options)
    };
    let raw = "Date: x\nFrom: r@x\nMessage-ID:\n <own@x>\nTo: a@x\n\nhi\n";
    let picture = ["send", "--to", "a@x", "--text", "x", "--attach", "ca.pem", "--verify"];
    let rows: [(&str, &[&str], &str); 4] = [
        ("composed", &["send", "--to", "a@x", "--text", "x", "--verify"], ""),
        ("with a file", &picture, ""),
        ("raw", &["send", "--raw", "-", "--verify=60"], raw),
        ("JSON", &["send", "--raw", "-", "--verify", "--json"], raw),
    ];
    for (name, arguments, input) in rows {
        // The third look finds it.
        let world = lost(2);
        let found = world.run_with(arguments, input).ok();
        let want = match name {
            "JSON" => {
                r#"{"arrived":true,"mailbox":"Sent Items","message_id":"<1@mock.mailbearer.test>","refused":[]}"#
            }
            _ => "arrived   found in Sent Items as <1@mock.mailbearer.test>",
        };
        assert_eq!(found.trim_end(), want, "{name}");
        let sent = world.server.mailbox().messages("Sent Items");
        let sent = String::from_utf8_lossy(&sent[0].octets).into_owned();
        assert!(sent.contains("\r\nX-Microsoft-Original-Message-ID:"), "{name}: {sent}");
        assert_eq!(world.server.mailbox().messages("INBOX").len(), 1, "{name}: once");
    }
    // Who was refused is known to be, whatever became of the message.
    let both = ["send", "--to", "a@x,b@refused.test", "--text", "x", "--verify=0"];
    let some = lost(0).run(&both);
    let want = "arrived   found in Sent Items as <1@mock.mailbearer.test>\nrefused   b@refused.test  550 5.1.10 Recipient not found\n";
    assert_eq!((some.code, some.stdout.as_str()), (Some(67), want), "{some:?}");
    // Without patience, and where the message never came.
    let why = "error: SMTP: …unknown; <own@x> is not among the newest messages that were sent";
    let hint = "hint: that does not say that it did not arrive: not every provider keeps what is sent";
    lost(1).run_with(&["send", "--raw", "-", "--verify=0"], raw).failed(79, &[why, hint]);
    let mut options = Options::default();
    options.fault = Fault::find("outcome-unknown");
    let world = World::with(options);
    world.run_with(&["send", "--raw", "-", "--verify=0"], raw).failed(79, &[why, hint]);
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let nobody = world.set("MAILBEARER_IMAP_PORT", port);
    let why = "error: SMTP: …unknown; <own@x> could not be looked for: IMAP: …refused…";
    nobody.run_with(&["send", "--raw", "-", "--verify=0"], raw).failed(79, &[why]);
}

/// What is in the queue is looked for again and again, and what the looks found stands there.
#[test]
fn the_queue_shows_what_is_known_of_an_unknown_message() {
    let mut options = Options::default();
    (options.fault, options.late_copies) = (Fault::find("reply-lost"), 2);
    let world = World::with(options);
    let message = "Date: x\nFrom: r@x\nMessage-ID: <1@x>\nTo: a@x\n\nhi\n";
    world.run_with(&["sendmail", "--queue", "-f", "r@x", "a@x", "b@refused.test"], message).ok();
    let id = world.run(&["queue", "list"]).ok().split(' ').next().unwrap().to_owned();
    assert_eq!(world.run(&["queue", "run"]).code, Some(79));
    let shown = world.run(&["queue", "show", &id]).ok();
    let not_seen = "not seen among the newest messages that were sent";
    for part in ["state      unknown\n", "looked     once, at last 20", not_seen, "\nMessage-ID: <1@x>\n"] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    assert_eq!(world.run(&["queue", "run"]).ok(), "");
    let shown: Value = serde_json::from_str(&world.run(&["queue", "show", &id, "--json"]).ok()).unwrap();
    assert_eq!((&shown["state"], &shown["look"]["number"]), (&"unknown".into(), &2.into()), "{shown}");
    assert_eq!(shown["look"]["said"], not_seen);
    let found = world.run(&["queue", "run"]).ok();
    assert_eq!(found, format!("delivered  {id}  found in Sent Items as <1@mock.mailbearer.test>\n"));
    // The other was refused, and it stays for his sake.
    let shown = world.run(&["queue", "show", &id]).ok();
    for part in ["state      failed", "a@x  delivered  found in Sent Items", "b@refused.test  failed  550"] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    assert_eq!(world.server.mailbox().messages("INBOX").len(), 1, "nothing is sent again");
    // Where the answer comes, it tells what the provider calls the message.
    world.server.set_fault(None);
    world.run_with(&["sendmail", "--queue", "-f", "r@x", "a@x", "b@refused.test"], message).ok();
    assert_eq!(world.run(&["queue", "run"]).code, Some(69));
    let listed = world.run(&["queue", "list"]).ok();
    let id = listed.lines().last().unwrap().split(' ').next().unwrap();
    let shown = world.run(&["queue", "show", id]).ok();
    assert!(shown.contains("\nserver id  <2@mock.mailbearer.test>\n"), "{shown}");
}

/// A relay looks by itself: nobody else sends from its spool.
#[test]
fn a_relay_looks_for_what_is_unknown() {
    let mut options = Options::default();
    options.fault = Fault::find("reply-lost");
    let world = World::with(options);
    let relay = Relay::start(&world, &[]);
    relay.client().dialogue(&[
        ("", "220 "),
        ("HELO x", "250 "),
        ("MAIL FROM:<a@x.test>", "250"),
        ("RCPT TO:<b@x.test>", "250"),
        ("DATA", "354 "),
        ("Subject: 1\r\n\r\nx\r\n.", "250 2.0.0 Taken as "),
    ]);
    let queue = || world.run(&["queue", "--spool", world.path("spool").to_str().unwrap(), "list"]).ok();
    for _ in 0..1200 {
        // Nothing in it is what it was, and what it ends as.
        if queue().is_empty() && world.server.mailbox().messages("INBOX").len() == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = relay.stop();
    for part in [" delivery id=", " result=unknown ", " look id=", "delivered=\"found in Sent Items as <1@"] {
        assert!(log.contains(part), "{part:?} is not in {log}");
    }
    assert_eq!(world.server.mailbox().messages("INBOX").len(), 1, "nothing is sent again");
}

/// A server that goes away between the final dot and its verdict.
const LOST_VERDICT: &str = "\
C: MAIL FROM:<any>
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
--close--
";
