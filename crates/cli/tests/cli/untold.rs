//! Messages of which the server can't tell the structure or the header, and what no structure tells of.

use std::fs;

use serde_json::Value;

use crate::{
    harness::{Outcome, World},
    odd_servers::played,
};

const WHOLE: &str = "From: Ann <a@x.test>\r\nTo: Team: b@x.test, Cy <c@x.test>;\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
    Date: Tue, 24 Nov 2026 06:30:00 +0000\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nall of it\r\n\
    --b\r\nContent-Type: text/html\r\n\r\n<p>and this</p>\r\n--b--\r\n";
const ENVELOPE: &str = "ENVELOPE (NIL \"told\" NIL NIL NIL NIL NIL NIL NIL NIL)";

/// Runs the program on a server that says this of the message.
fn told(arguments: &[&str], items: &str) -> Outcome {
    let header = WHOLE.split("\r\n\r\n").next().unwrap_or_default();
    let literal = |section: &str, octets: &str| {
        let lines = octets.replace("\r\n", "\nS: ");
        format!(
            "C: <tag> UID FETCH 1 (BODY.PEEK[{section}])\n\
             S: * 1 FETCH (UID 1 BODY[{section}] {{{}}}\nS: {lines})\nS: <tag> OK done\n",
            octets.len()
        )
    };
    let outline = format!(
        "C: <tag> UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)\n\
         S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE \" 5-Jan-2026 10:00:00 +0000\" RFC822.SIZE 9 {items})\n\
         S: <tag> OK done\n"
    );
    let is_any = |words: &[&str]| arguments.iter().any(|argument| words.contains(argument));
    let mut script =
        format!("C: <tag> EXAMINE INBOX\nS: * 1 EXISTS\nS: <tag> OK [READ-ONLY] done\n{outline}");
    if is_any(&["forward"]) || is_any(&["read"]) && items.starts_with("ENVELOPE NIL") {
        script += &literal("HEADER", &format!("{header}\r\n\r\n"));
    }
    if is_any(&["forward", "read", "--text", "--html"]) {
        script += &literal("", WHOLE);
    }
    if is_any(&["forward"]) {
        script += &outline;
    }
    let (world, serving) = played("IMAP4rev1", &(script + "C: <tag> LOGOUT\nS: * BYE\nS: <tag> OK\n"));
    assert!(fs::create_dir(world.path("d")).is_ok());
    let outcome = world.run(arguments);
    assert!(world.names("d").is_empty(), "{arguments:?}");
    drop(serving);
    outcome
}

#[test]
fn a_message_without_a_structure_is_shown_and_no_file_is_lost_in_silence() {
    let no_part =
        format!("{ENVELOPE} BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0) \"mixed\")");
    let nil = format!("{ENVELOPE} BODYSTRUCTURE NIL");
    let odd = format!("{ENVELOPE} BODYSTRUCTURE (\"text\" plain( NIL");
    let none = "error: the server gives no structure of message 1 that can be read";
    for (arguments, items, code, stdout, stderr) in [
        (
            &["read", "INBOX", "1"][..],
            nil.as_str(),
            0,
            "\nSubject: told\n\nall of it\nand this\n",
            "warning: ",
        ),
        (&["read", "INBOX", "1"], &odd, 0, "\nall of it\n", "warning: "),
        (&["read", "INBOX", "1"], &no_part, 0, "\nall of it\n", ""),
        (&["read", "INBOX", "1", "--json"], &nil, 0, "\"text\":\"all of it\\nand this", "warning: "),
        (&["fetch", "INBOX", "1", "--text"], &nil, 0, "all of it\nand this", ""),
        (&["fetch", "INBOX", "1", "--html"], &nil, 0, "<p>and this</p>", ""),
        (&["fetch", "INBOX", "1", "--html"], &no_part, 0, "<p>and this</p>", ""),
        (&["fetch", "INBOX", "1", "--attachments", "d"], &nil, 69, "", none),
        (&["forward", "INBOX", "1", "--to", "a@x.test"], &nil, 69, "", none),
    ] {
        let outcome = told(arguments, items);
        let is_right = outcome.code == Some(code) && outcome.stdout.contains(stdout);
        assert!(is_right && outcome.stderr.starts_with(stderr), "{arguments:?} {items}: {outcome:?}");
        assert_eq!(outcome.stderr.is_empty(), stderr.is_empty(), "{arguments:?} {items}: {outcome:?}");
    }
}

#[test]
fn a_header_that_the_server_cannot_make_out_is_read_here() {
    let items = "ENVELOPE NIL BODYSTRUCTURE NIL";
    let read = told(&["read", "INBOX", "1"], items);
    let header = "From: Ann <a@x.test>\nTo: b@x.test, Cy <c@x.test>\nDate: Tue, 2026-11-24 06:30 +0000\nSubject: Gr\u{fc}\u{df}e\n\n";
    assert!(read.stdout.starts_with(header), "{read:?}");
    let object: Value = serde_json::from_str(&told(&["read", "INBOX", "1", "--json"], items).stdout).unwrap();
    assert_eq!((&object["address"], &object["incomplete"]), (&"a@x.test".into(), &Value::Null));
    assert_eq!(object["to"][1]["name"], "Cy");
}

/// The lines of `uuencode`, as old mailers put files between those of a text.
#[test]
fn a_file_in_the_text_is_listed_written_and_passed_on() {
    let world = World::new();
    let me = world.server.user().to_owned();
    let uid = world.deliver(
        "From: a@x.test\r\nSubject: s\r\nDate: Tue, 24 Nov 2026 06:30:00 +0000\r\n\r\n\
         hello\r\nbegin 644 ../a.csv\r\n#86)C\r\n`\r\nend\r\nbye\r\n",
    );
    let uid = uid.to_string();
    let read = world.run(&["read", "INBOX", &uid]).ok();
    assert!(read.ends_with("\n\nhello\nbye\n\n    ../a.csv  text/csv  3 octets\n"), "{read}");
    let object: Value = serde_json::from_str(&world.run(&["read", "INBOX", &uid, "--json"]).ok()).unwrap();
    assert_eq!(object["packed"].to_string(), r#"[{"name":"../a.csv","octets":3,"type":"text/csv"}]"#);
    fs::create_dir(world.path("d")).unwrap();
    assert_eq!(world.run(&["fetch", "INBOX", &uid, "--attachments", "d"]).ok(), "a.csv\n");
    assert_eq!(fs::read(world.path("d/a.csv")).unwrap(), b"abc");
    world.run(&["forward", "INBOX", &uid, "--to", &me]).ok();
    let passed_on = world.server.mailbox().messages("INBOX").pop().unwrap().octets.to_vec();
    let parsed = mailbearer::proto::mime::parse::Message::parse(&passed_on);
    let files: Vec<_> = parsed.attachments().map(|part| (part.file_name(), part.bytes())).collect();
    assert_eq!(files, [(Some("../a.csv"), b"abc".into())]);
    assert!(parsed.text().ends_with("hello\r\nbye\r\n"), "{:?}", parsed.text());
}

/// What can't be passed on as it is is told: nothing is sent without it.
#[test]
fn nothing_is_left_out_of_what_is_passed_on() {
    let world = World::new();
    let me = world.server.user().to_owned();
    let part = |kind: &str, more: &str| format!("--b\r\nContent-Type: {kind}\r\n{more}\r\nx\r\n");
    let message = |parts: &str| format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n");
    let unknown = part("a/b; name=n", "Content-Transfer-Encoding: x-odd\r\n");
    let uid = world.deliver(message(&unknown)).to_string();
    world.run(&["forward", "INBOX", &uid, "--to", &me]).failed(
        65,
        &[
            "error: \"n\" is encoded as \"x-odd\", which is not known",
            "hint: `forward --whole` attaches the message as it is",
        ],
    );
    assert_eq!(world.server.mailbox().messages("INBOX").len(), 1);
    let kinds = ["text/plain", "text/calendar", "image/png", "message/rfc822", "a/b"];
    let uid = world.deliver(message(&kinds.map(|kind| part(kind, "")).concat())).to_string();
    world.run(&["forward", "INBOX", &uid, "--to", &me]).ok();
    let passed_on = world.server.mailbox().messages("INBOX").pop().unwrap().octets.to_vec();
    let parsed = mailbearer::proto::mime::parse::Message::parse(&passed_on);
    let names: Vec<_> = parsed.attachments().map(|part| part.file_name().unwrap_or_default()).collect();
    assert_eq!(names, ["attachment.ics", "attachment.png", "message.eml", "attachment"]);
}
