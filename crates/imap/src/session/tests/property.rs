use proptest::prelude::*;

use super::*;

/// Lines of a server that say something to a session in one state or another.
const LINES: &[&str] = &[
    "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 LITERAL+] hi\r\n",
    "* OK hi\r\n",
    "* PREAUTH hi\r\n",
    "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n",
    "* BYE bye\r\n",
    "* 1 EXISTS\r\n",
    "* 1 FETCH (BODY[] {3}\r\nabc)\r\n",
    "* 1 FETCH (BODY[] {30}\r\n012345678901234567890123456789)\r\n",
    "+ go on\r\n",
    "+\r\n",
    "A1 OK done\r\n",
    "A2 OK done\r\n",
    "A3 OK done\r\n",
    "A4 OK [CAPABILITY IMAP4rev1] done\r\n",
    "A2 NO no\r\n",
    "A3 NO no\r\n",
    "A4 BAD what\r\n",
    "nonsense\r\n",
    "* 1 FE",
    "\0\r\n",
];
const CALLS: &[&str] =
    &["authenticate u t", "noop", "select INBOX", "idle", "done", "append Sent 5", "body x", "logout"];

#[derive(Clone, Debug)]
enum Act {
    Line(usize),
    Call(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![3 => (0..LINES.len()).prop_map(Act::Line), 1 => (0..CALLS.len()).prop_map(Act::Call)]
}

/// Returns what the client sent and its caller got.
fn outcome(acts: &[Act], security: Security, size: usize) -> (String, Vec<String>) {
    let mut options = options(security);
    options.limits.literal_inline = 10;
    let mut play = Play::new(options, size);
    for act in acts {
        match act {
            Act::Line(index) => play.receive(LINES[*index].as_bytes()),
            // It is no concern of this test that octets that do not fit are not taken.
            Act::Call(6) => _ = play.session.body(b"x"),
            Act::Call(index) => play.call(CALLS[*index]),
        }
    }
    play.end();
    assert!(play.last.is_some());
    let known = play.session.pending().count();
    assert!(known == 0 || play.last.as_deref() == Some("close"));
    (play.sent.escape_ascii().to_string(), play.told)
}

proptest! {
    /// Whatever is said and called, in whatever order: the session ends with the connection, is never stuck, never
    /// reads beyond the end, repeats its last word, and does not depend on how the octets are cut.
    #[test]
    fn every_dialogue_has_an_end(
        mut acts in prop::collection::vec(act(), 0..40), starttls: bool, greeted: bool, size in 1_usize..60,
    ) {
        if greeted {
            // Otherwise few would get past the authentication.
            acts.insert(0, Act::Line(if starttls { 1 } else { 2 }));
        }
        let security = if starttls { Security::StartTls } else { Security::Implicit };
        prop_assert_eq!(outcome(&acts, security, size), outcome(&acts, security, usize::MAX));
    }
}
