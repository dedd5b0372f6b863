//! What each provider's servers say, octet for octet, and where that is known from: "quirks" is a list of servers' mistakes
//! that clients were seen to stumble over, "errors" one of refusals as they were reported, "dialogue" what Microsoft
//! documents.

mod known;

use std::{convert::Infallible, fmt::Debug, sync::Arc};

use mailbearer_wire::{Machine, Security};

use super::Personality::{self, Dovecot, Exchange, Gmail, NetEase, Qq, Yahoo};
use crate::memory::{
    World,
    imap::Imap,
    pop3::Pop3,
    smtp::Smtp,
    testing::{Talk, USER, token, world, xoauth2},
};

/// Whose it is, where that is known from, what the client says, and all that comes back. `{wrong}` is a token that is not
/// taken, `{b64}` stands for any base64.
type Row = (Personality, &'static str, &'static str, &'static str);

const MESSAGE: &str = "From: a@b\r\nTo: undisclosed-recipients:;\r\nContent-Disposition: inline\r\n\r\nx\r\n";

/// What the rows need besides, from the fourth message on.
const ODD: &[&str] = &[
    "Content-Type: multipart/mixed; boundary=b\r\nContent-Description: S/MIME Encrypted Message\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    "From: \"Microsoft Exchange Server\"\r\nContent-Disposition: ;\r\n\r\nx\r\n",
    "Content-Type: application/ms-tnef\r\n\r\n0123456789\r\n",
    "Subject: Retrieval using the IMAP4 protocol failed\r\n\r\nThe server couldn't retrieve the following message:\r\nSubject\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    "Content-Type: multipart/related\r\nContent-Disposition: attachment\r\n\r\nx\r\n",
    "From: power@sina.com\\\r\nContent-Description: \"\"\r\n\r\nx\r\n",
];

fn start(personality: Personality) -> Arc<World> {
    let world = world(|options| options.personality = personality);
    for message in [MESSAGE; 3].iter().chain(ODD) {
        world.mailbox.deliver(message.as_bytes()).unwrap();
    }
    assert!(world.mailbox.lock().create("Da\tOggetto\tRicevuto\t"));
    world
}

/// Says what a row has to, on a session that `before` was said to; a second line after the first was answered.
fn check<S: Machine<Event = Infallible, Error: Debug>>(
    rows: &[Row],
    session: impl Fn(Arc<World>) -> S,
    before: impl Fn(&World) -> Vec<String>,
) {
    let mut wrong = Vec::new();
    for (personality, source, said, want) in rows {
        let world = start(*personality);
        let mut talk = Talk::new(session(Arc::clone(&world)));
        let mut heard = talk.hear("").0;
        for line in before(&world) {
            heard = talk.say(line);
            assert!(!heard.is_empty());
        }
        if !said.is_empty() {
            heard.clear();
        }
        let said = said.replace("{wrong}", &xoauth2(USER, "wrong"));
        for line in said.split_inclusive('\n') {
            heard.push_str(&talk.hear(line.replace('\n', "\r\n")).0);
        }
        if !is(&heard, want) {
            wrong.push(format!("{personality} ({source}) {said:?}:\n  {heard:?}\n  {want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether `heard` is `want`, in which `\n` is a line end and `{b64}` any base64.
fn is(heard: &str, want: &str) -> bool {
    let want = want.replace('\n', "\r\n");
    let Some((before, behind)) = want.split_once("{b64}") else { return heard == want };
    let between = heard.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "+/=".contains(letter);
    between.is_some_and(|text| !text.is_empty() && text.chars().all(letter))
}

/// Nobody is logged in yet.
#[rustfmt::skip]
const IMAP: &[Row] = &[
    (Exchange, "dialogue", "", "* OK The Microsoft Exchange IMAP4 service is ready. [bW9jay5tYWlsYmVhcmVyLnRlc3Q=]\n"),
    (Exchange, "dialogue: no OAUTHBEARER", "t CAPABILITY\n", "* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=XOAUTH2\nt OK CAPABILITY completed.\n"),
    (Exchange, "dialogue, errors 57", "t AUTHENTICATE XOAUTH2 {wrong}\n", "t NO AUTHENTICATE failed.\n"),
    (Exchange, "errors 57", "t AUTHENTICATE XOAUTH2\n{wrong}\n", "+ \nt NO AUTHENTICATE failed.\n"),
    (Exchange, "errors 61", "t LOGIN a b\n", "t NO LOGIN failed.\n"),
    (Exchange, "errors 65", "t XYZZY\n", "t BAD Command Error. 12\n"),
    (Exchange, "errors 66", "t AUTHENTICATE XOAUTH2 x\n", "t BAD Command Argument Error. 11\n"),
    (Exchange, "errors 68", "t SELECT INBOX\n", "t BAD Command received in Invalid state.\n"),
    (Gmail, "quirks", "", "* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=XOAUTH2 AUTH=OAUTHBEARER AUTH=PLAIN] Gimap ready for requests from 127.0.0.1 a640c23a62f3a\n"),
    (Gmail, "errors 71", "t AUTHENTICATE XOAUTH2 {wrong}\n\n", "+ {b64}\nt NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\n"),
    (Gmail, "errors 71", "t LOGIN a b\n", "t NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\n"),
    (Yahoo, "errors", "t AUTHENTICATE XOAUTH2 {wrong}\n\n", "+ {b64}\nt NO [AUTHENTICATIONFAILED] AUTHENTICATE Invalid credentials\n"),
    (NetEase, "providers", "t LOGIN a b\n", "t NO LOGIN Login error password error\n"),
    (Qq, "providers", "t AUTHENTICATE XOAUTH2 {wrong}\n", "t NO Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.\n"),
    (Dovecot, "errors", "t AUTHENTICATE XOAUTH2 {wrong}\n\n", "+ {b64}\nt NO [AUTHENTICATIONFAILED] Authentication failed.\n"),
    (Dovecot, "errors", "t LOGIN a b\n", "t NO [AUTHENTICATIONFAILED] Authentication failed.\n"),
];

/// The user is logged in, and the inbox is open where it opens.
#[rustfmt::skip]
const OPEN: &[Row] = &[
    (Exchange, "quirks: a space at the end", "t STATUS INBOX (MESSAGES)\n", "* STATUS INBOX (MESSAGES 10) \nt OK STATUS completed.\n"),
    (Exchange, "quirks: a bare disposition", "t FETCH 1 BODYSTRUCTURE\n", "* 1 FETCH (BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 1 NIL \"inline\" NIL NIL))\nt OK FETCH completed.\n"),
    (Exchange, "quirks: an empty list is an error", "t ID ()\n", "t BAD Command Argument Error. 11\n"),
    (Exchange, "quirks: a UID without a line", "t UID FETCH 99 UID\n", "t OK FETCH completed.\n"),
    (Exchange, "dialogue", "t IDLE\n", "+ IDLE accepted, awaiting DONE command.\n"),
    (Exchange, "RFC 9051", "t SELECT None\n", "t NO [NONEXISTENT] Mailbox does not exist.\n"),
    (Exchange, "dialogue", "t LOGOUT\n", "* BYE Microsoft Exchange Server IMAP4 server signing off.\nt OK LOGOUT completed.\n"),
    (Exchange, "quirks: a string in a multipart", "t FETCH 4 BODYSTRUCTURE\n", "* 4 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") \"S/MIME Encrypted Message\" NIL NIL))\nt OK FETCH completed.\n"),
    (Exchange, "quirks: a disposition of nothing", "t FETCH 5 BODYSTRUCTURE\n", "* 5 FETCH (BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 1 NIL (NIL NIL) NIL NIL))\nt OK FETCH completed.\n"),
    (Exchange, "quirks: a name without an address", "t FETCH 5 ENVELOPE\n", "* 5 FETCH (ENVELOPE (NIL NIL ((\"Microsoft Exchange Server\" NIL NIL \".MISSING-HOST-NAME.\")) ((\"Microsoft Exchange Server\" NIL NIL \".MISSING-HOST-NAME.\")) ((\"Microsoft Exchange Server\" NIL NIL \".MISSING-HOST-NAME.\")) NIL NIL NIL NIL NIL))\nt OK FETCH completed.\n"),
    (Exchange, "quirks: a code without a status", "t UID MOVE 1 Drafts\n", "[COPYUID {b64} 1 1]\n* 1 EXPUNGE\nt OK MOVE completed.\n"),
    (Exchange, "quirks: TAB in a name, unquoted", "t LIST \"\" Da*\n", "* LIST (\\HasNoChildren) \"/\" Da\tOggetto\tRicevuto\t\nt OK LIST completed.\n"),
    (Exchange, "quirks: a size is a guess, and the literal is not", "t FETCH 6 (RFC822.SIZE BODY.PEEK[])\n", "* 6 FETCH (RFC822.SIZE 567 BODY[] {49}\nContent-Type: application/ms-tnef\n\n0123456789\n)\nt OK FETCH completed.\n"),
    (Exchange, "quirks: LARGER is by that size", "t SEARCH LARGER 500\n", "* SEARCH 6\nt OK SEARCH completed.\n"),
    (Exchange, "quirks: SEARCH is US-ASCII only; errors", "t SEARCH CHARSET UTF-8 ALL\n", "t NO [BADCHARSET (US-ASCII)] The specified charset is not supported.\n"),
    (Exchange, "quirks: a text that stands for the message comes as one", "t FETCH 7 BODY.PEEK[TEXT]\n", "* 7 FETCH (BODY[TEXT] {62}\nThe server couldn't retrieve the following message:\nSubject\n)\nt OK FETCH completed.\n"),
    (Gmail, "quirks: a multipart of the same boundary", "t FETCH 8 BODYSTRUCTURE\n", "* 8 FETCH (BODYSTRUCTURE ((\"ALTERNATIVE\" (\"BOUNDARY\" \"b\") NIL NIL)(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL))\nt OK Success\n"),
    (Gmail, "quirks: a multipart without parts", "t FETCH 9 BODYSTRUCTURE\n", "* 9 FETCH (BODYSTRUCTURE (\"RELATED\" NIL (\"ATTACHMENT\" NIL) NIL))\nt OK Success\n"),
    (Gmail, "quirks: and in BODY", "t FETCH 8 BODY\n", "* 8 FETCH (BODY ((\"ALTERNATIVE\")(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 0) \"mixed\"))\nt OK Success\n"),
    (Gmail, "quirks: a name in UTF-8 is refused", "t SELECT \"Gr\u{f6}\u{df}e\"\n", "t NO [NONEXISTENT] Unknown Mailbox (Failure)\n"),
    (Qq, "quirks: a space behind CAPABILITY", "t CAPABILITY\n", "* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID UIDPLUS UNSELECT CHILDREN IDLE NAMESPACE MOVE ENABLE ESEARCH SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE \nt OK CAPABILITY Completed\n"),
    (Qq, "quirks: a backslash before the last quote", "t FETCH 10 ENVELOPE\n", "* 10 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"power\" \"sina.com\\\")) ((NIL NIL \"power\" \"sina.com\\\")) ((NIL NIL \"power\" \"sina.com\\\")) NIL NIL NIL NIL) )\nt OK FETCH Completed\n"),
    (Qq, "quirks: quotes that are not escaped", "t FETCH 10 BODYSTRUCTURE\n", "* 10 FETCH (BODYSTRUCTURE (\"text\" \"plain\" NIL NIL \"\"\"\" \"7bit\" 3 1 NIL NIL NIL NIL) )\nt OK FETCH Completed\n"),
    (Dovecot, "RFC 9051", "t SEARCH CHARSET UTF-8 TEXT retrieve\n", "* SEARCH 7\nt OK SEARCH completed (0.001 + 0.000 secs).\n"),
    (Dovecot, "quirks: -1 lines", "t FETCH 4 BODYSTRUCTURE\n", "* 4 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 -1 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL))\nt OK FETCH completed (0.001 + 0.000 secs).\n"),
    (Gmail, "quirks: no space at the end", "t STATUS INBOX (MESSAGES)\n", "* STATUS INBOX (MESSAGES 10)\nt OK Success\n"),
    (Gmail, "quirks: a code without a text", "t EXAMINE INBOX\n", "* 10 EXISTS\n* 0 RECENT\n* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\n* OK [UNSEEN 1] Is the first unseen message\n* OK [PERMANENTFLAGS ()] Permanent flags\n* OK [UIDVALIDITY {b64}] UIDVALIDITY value\n* OK [UIDNEXT 11] The next unique identifier value\n* OK [HIGHESTMODSEQ 12345]\nt OK [READ-ONLY] Success\n"),
    (Gmail, "RFC 9051", "t SELECT None\n", "t NO [NONEXISTENT] Unknown Mailbox (Failure)\n"),
    (Gmail, "quirks", "t LOGOUT\n", "* BYE LOGOUT Requested\nt OK Success\n"),
    (Yahoo, "quirks: a space at the end", "t SEARCH 1:2\n", "* SEARCH 1 2 \nt OK SEARCH completed\n"),
    (Yahoo, "quirks: a space where none is found", "t SEARCH FROM nobody\n", "* SEARCH \nt OK SEARCH completed\n"),
    (Yahoo, "quirks: undisclosed", "t FETCH 1 ENVELOPE\n", "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"\\\"undisclosed-recipients\\\"\" NIL)) NIL NIL NIL NIL))\nt OK FETCH completed\n"),
    (Yahoo, "quirks: a code without a text", "t EXAMINE INBOX\n", "* 10 EXISTS\n* 0 RECENT\n* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\n* OK [UNSEEN 1] Is the first unseen message\n* OK [PERMANENTFLAGS ()] Permanent flags\n* OK [UIDVALIDITY {b64}] UIDVALIDITY value\n* OK [UIDNEXT 11] The next unique identifier value\n* OK [HIGHESTMODSEQ 7]\nt OK [READ-ONLY] EXAMINE completed\n"),
    (Yahoo, "quirks: the name of the inbox", "t LIST \"\" I%\n", "* LIST (\\HasNoChildren) \"/\" Inbox\nt OK LIST completed\n"),
    (NetEase, "quirks: no folder without ID; errors 76", "t SELECT INBOX\n", "t NO SELECT Unsafe Login. Please contact kefu@188.com for help\n"),
    (NetEase, "quirks: an empty list", "t STATUS INBOX (MESSAGES)\n", "* STATUS INBOX ()\nt OK STATUS completed\n"),
    (Qq, "quirks: a space at the end", "t FETCH 1 UID\n", "* 1 FETCH (UID 1 )\nt OK FETCH Completed\n"),
    (Qq, "quirks: 9 fields of 10", "t FETCH 1 ENVELOPE\n", "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL) )\nt OK FETCH Completed\n"),
    (Qq, "quirks: a set that goes down", "t UID FETCH 3:1 UID\n", "t BAD UID parameters!\n"),
    (Qq, "quirks: a set that goes down", "t FETCH 3,1 UID\n", "t BAD UID parameters!\n"),
    (Dovecot, "quirks: a set that goes down is none", "t FETCH 2:1 UID\n", "* 1 FETCH (UID 1)\n* 2 FETCH (UID 2)\nt OK FETCH completed (0.001 + 0.000 secs).\n"),
    (Dovecot, "RFC 9051", "t SELECT None\n", "t NO [NONEXISTENT] Mailbox doesn't exist\n"),
];

fn logged_in(world: &Arc<World>) -> Talk<Imap> {
    let mut talk = Talk::new(Imap::new(Arc::clone(world), Security::Implicit));
    assert!(
        talk.say(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(USER, &token(world))))
            .contains("\r\na OK ")
    );
    assert!(talk.say("b SELECT INBOX\r\n").contains("\r\nb OK "));
    talk
}

/// Quirks: what came is told in front of the `+` by Exchange, and behind it by others.
#[test]
fn news_at_idle() {
    for (personality, want) in [
        (Exchange, "* 11 EXISTS\r\n+ IDLE accepted, awaiting DONE command.\r\n"),
        (Dovecot, "+ idling\r\n* 11 EXISTS\r\n"),
    ] {
        let world = start(personality);
        let mut talk = logged_in(&world);
        world.mailbox.deliver(MESSAGE.as_bytes()).unwrap();
        assert_eq!(talk.say("t IDLE\r\n"), want, "{personality}");
    }
}

/// Quirks: Gmail throttles who fetched much, and says so in an OK.
#[test]
fn a_throttled_success() {
    for (limits, want) in [(true, "t OK Success [THROTTLED]\r\n"), (false, "t OK Success\r\n")] {
        let world = world(|options| (options.personality, options.provider_limits) = (Gmail, limits));
        world.mailbox.deliver("x".repeat((1 << 20) + 1).as_bytes()).unwrap();
        let mut talk = logged_in(&world);
        assert!(talk.say("s FETCH 1 UID\r\n").ends_with("s OK Success\r\n"));
        let heard = talk.hear("t FETCH 1 BODY.PEEK[]\r\n").0;
        assert!(heard.ends_with(want), "{limits}");
    }
}

/// Quirks: Yahoo tells 1,000 messages for one command, and takes lines of 1,000 octets. RFC 9738 section 3.1.
#[test]
fn a_thousand_messages_and_octets() {
    let world = start(Yahoo);
    for _ in 10..1001 {
        world.mailbox.deliver(MESSAGE.as_bytes()).unwrap();
    }
    let mut talk = logged_in(&world);
    assert!(talk.say("t CAPABILITY\r\n").contains(" MESSAGELIMIT=1000\r\n"));
    let heard = talk.say("t FETCH 1:* UID\r\n");
    let end = "t OK [MESSAGELIMIT 1000 2] FETCH completed with 1000 partial results\r\n";
    assert!(heard.starts_with("* 2 FETCH (UID 2)\r\n") && heard.ends_with(end), "{heard}");
    assert_eq!(heard.lines().count(), 1001);
    assert!(talk.say("t FETCH 2:* UID\r\n").ends_with("t OK FETCH completed\r\n"));
    let line =
        |octets: usize| format!("t SEARCH SUBJECT {}\r\n", "x".repeat(octets - "SEARCH SUBJECT ".len()));
    assert_eq!(talk.say(line(1000)), "* SEARCH \r\nt OK SEARCH completed\r\n");
    assert_eq!(talk.say(line(1001)), "t BAD [CLIENTBUG] Unexpected command\r\n");
}

/// Seen with Dovecot 2.3.19: an argument of more than 64 KiB is an error, and the session goes on.
#[test]
fn an_argument_of_64_kib() {
    let mut talk = logged_in(&start(Dovecot));
    for (octets, want) in [
        (64 << 10, "t OK UID FETCH completed (0.001 + 0.000 secs).\r\n"),
        (
            (64 << 10) + 1,
            "t BAD Error in IMAP command UID FETCH: Too long argument (0.001 + 0.001 secs).\r\n",
        ),
    ] {
        let count = octets / 3 - 1;
        let set = format!("{}{}", "99,".repeat(count), "9".repeat(octets - 3 * count));
        let heard = talk.say(format!("t UID FETCH {set} UID\r\n"));
        assert_eq!(heard.replace(" FETCH completed", " UID FETCH completed").replace("UID UID", "UID"), want);
    }
}

/// On a port with TLS from the start.
#[rustfmt::skip]
const SMTP: &[Row] = &[
    (Exchange, "dialogue", "", "220 mock.mailbearer.test Microsoft ESMTP MAIL Service ready\n"),
    (Exchange, "quirks: host, date and id; dialogue, errors 78", "EHLO a\nAUTH XOAUTH2\n{wrong}\n", "{ehlo}334 \n535 5.7.3 Authentication unsuccessful [mock.mailbearer.test 2026-11-24T05:42:00.000Z 08DE0000000000AA]\n"),
    (Exchange, "errors 86", "EHLO a\nMAIL FROM:<a@b>\n", "{ehlo}530 5.7.57 Client not authenticated to send mail. [mock.mailbearer.test 2026-11-24T05:42:00.000Z 08DE0000000000AA]\n"),
    (Exchange, "errors 105", "EHLO a\nAUTH CRAM-MD5\n", "{ehlo}504 5.7.4 Unrecognized authentication type\n"),
    (Gmail, "quirks: an empty line is wanted; errors 112", "EHLO a\nAUTH XOAUTH2 {wrong}\n\n", "{ehlo}334 {b64}\n535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-aa7 - gsmtp\n"),
    (Gmail, "errors", "EHLO a\nMAIL FROM:<a@b>\n", "{ehlo}530-5.7.0 Authentication Required. For more information, go to\n530 5.7.0  https://support.google.com/accounts/troubleshooter/2402620. a640c23a62f3a-aa7 - gsmtp\n"),
    (NetEase, "quirks: AUTH with =", "EHLO a\n", "250-smtp.163.com Hello a\n250-SIZE 157286400\n250-PIPELINING\n250-ENHANCEDSTATUSCODES\n250-8BITMIME\n250-DSN\n250-SMTPUTF8\n250-AUTH XOAUTH2 OAUTHBEARER PLAIN LOGIN\n250 AUTH=LOGIN PLAIN\n"),
    (Qq, "quirks: AUTH with =", "EHLO a\n", "250-newxmesmtplogicsvrszc2.qq.com Hello a\n250-SIZE 157286400\n250-PIPELINING\n250-ENHANCEDSTATUSCODES\n250-8BITMIME\n250-DSN\n250-SMTPUTF8\n250-AUTH XOAUTH2 OAUTHBEARER PLAIN LOGIN\n250 AUTH=LOGIN\n"),
    (Dovecot, "errors", "EHLO a\nAUTH XOAUTH2 {wrong}\n\n", "{ehlo}334 {b64}\n535 5.7.8 Error: authentication failed: (reason unavailable)\n"),
];

#[rustfmt::skip]
const POP3: &[Row] = &[
    (Exchange, "dialogue", "", "+OK The Microsoft Exchange POP3 service is ready. [bW9jay5tYWlsYmVhcmVyLnRlc3Q=]\n"),
    (Exchange, "dialogue", "CAPA\n", "+OK Capabilities follow\nTOP\nUIDL\nSASL XOAUTH2\nUSER\n.\n"),
    (Exchange, "quirks: closed after one refusal; dialogue, errors 114", "AUTH XOAUTH2\n{wrong}\nCAPA\n", "+ \n-ERR Authentication failure: unknown user name or bad password.\n"),
    (Exchange, "dialogue, errors 113", "AUTH XOAUTH2 {wrong}\n", "-ERR Protocol error. Connection is closed. 10\n"),
    (Gmail, "errors 116", "AUTH XOAUTH2 {wrong}\n\n", "+ {b64}\n-ERR [AUTH] Username and password not accepted.\n"),
    (Dovecot, "errors 116", "USER a\nPASS b\n", "+OK Send the password\n-ERR [AUTH] Authentication failed.\n"),
];

#[test]
fn imap_before_the_login() {
    check(IMAP, |world| Imap::new(world, Security::Implicit), |_| Vec::new());
}

#[test]
fn imap_with_an_open_inbox() {
    check(
        OPEN,
        |world| Imap::new(world, Security::Implicit),
        |world| {
            let login = xoauth2(USER, &token(world));
            vec![format!("a AUTHENTICATE XOAUTH2 {login}\r\n"), "b SELECT INBOX\r\n".to_owned()]
        },
    );
}

#[test]
fn submission() {
    let rows: Vec<(Personality, &str, &str, String)> = SMTP
        .iter()
        .map(|(personality, source, said, want)| {
            let mut talk = Talk::new(Smtp::new(start(*personality), Security::Implicit));
            talk.say("");
            let hello = talk.say("EHLO a\r\n").replace("\r\n", "\n");
            (*personality, *source, *said, want.replace("{ehlo}", &hello))
        })
        .collect();
    for (personality, source, said, want) in rows {
        let want: &'static str = want.leak();
        check(
            &[(personality, source, said, want)],
            |world| Smtp::new(world, Security::Implicit),
            |_| Vec::new(),
        );
    }
}

/// AUTH is told over TLS alone; by Exchange for tokens alone, and by the others for passwords, too.
#[test]
fn what_submission_offers_before_and_after_tls() {
    for (personality, mechanisms) in [
        (Exchange, "XOAUTH2"),
        (Gmail, "XOAUTH2 OAUTHBEARER PLAIN"),
        (Yahoo, "XOAUTH2 OAUTHBEARER PLAIN"),
        (NetEase, "XOAUTH2 OAUTHBEARER PLAIN LOGIN"),
        (Qq, "XOAUTH2 OAUTHBEARER PLAIN LOGIN"),
        (Dovecot, "XOAUTH2 OAUTHBEARER PLAIN"),
    ] {
        for (security, with_auth) in [(Security::StartTls, false), (Security::Implicit, true)] {
            let mut talk = Talk::new(Smtp::new(start(personality), security));
            talk.say("");
            let hello = talk.say("EHLO a\r\n");
            let has = |line: &str| hello.split("\r\n").any(|own| own.get(4..) == Some(line));
            assert_eq!(has(&format!("AUTH {mechanisms}")), with_auth, "{personality} {hello}");
            assert_eq!(has("STARTTLS"), !with_auth, "{personality} {hello}");
            assert!(has("SIZE 157286400") && has("8BITMIME") && has("ENHANCEDSTATUSCODES"), "{hello}");
        }
    }
}

#[test]
fn pop3() {
    check(POP3, |world| Pop3::new(world, Security::Implicit), |_| Vec::new());
}

/// A line of one dot comes with another in front of it, and so does each that begins with one.
#[test]
fn a_message_of_a_dot() {
    for personality in Personality::ALL {
        let world = world(|options| options.personality = personality);
        world.mailbox.deliver(*b".\r\n..\r\nx.\r\n").unwrap();
        let mut talk = Talk::new(Pop3::new(Arc::clone(&world), Security::Implicit));
        let heard = talk.say(format!("AUTH XOAUTH2\r\n{}\r\n", xoauth2(USER, &token(&world))));
        assert!(heard.lines().last().is_some_and(|line| line.starts_with("+OK")), "{personality}: {heard}");
        assert!(talk.say("RETR 1\r\n").ends_with("\r\n..\r\n...\r\nx.\r\n.\r\n"), "{personality}");
    }
}

/// How many IMAP sessions of one user a provider takes, and what it says to the next.
#[test]
fn what_each_limit_is() {
    for (personality, most, words) in [
        (Exchange, 20, "AUTHENTICATE failed."),
        (Gmail, 15, "[ALERT] Too many simultaneous connections. (Failure)"),
        (
            Dovecot,
            10,
            "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        ),
    ] {
        let world = world(|options| (options.personality, options.provider_limits) = (personality, true));
        let open: Vec<_> = (0..most).map(|_| logged_in(&world)).collect();
        let mut talk = Talk::new(Imap::new(Arc::clone(&world), Security::Implicit));
        let heard = talk.say(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(USER, &token(&world))));
        assert!(heard.ends_with(&format!("a NO {words}\r\n")), "{personality} {heard}");
        drop(open);
    }
}

/// Exchange and Gmail put what a user submits into the folder of what was sent; the others leave that to the client.
#[test]
fn what_is_sent_is_kept() {
    for (personality, folder) in [
        (Exchange, Some("Sent Items")),
        (Gmail, Some("[Gmail]/Sent Mail")),
        (NetEase, None),
        (Qq, None),
        (Dovecot, None),
    ] {
        let world = world(|options| options.personality = personality);
        let mut talk = Talk::new(Smtp::new(Arc::clone(&world), Security::Implicit));
        talk.say("EHLO a\r\n");
        talk.say(format!("AUTH XOAUTH2 {}\r\n", xoauth2(USER, &token(&world))));
        talk.say(format!("MAIL FROM:<{USER}>\r\nRCPT TO:<a@b>\r\nDATA\r\n"));
        assert!(talk.say("x\r\n.\r\n").starts_with("250 "), "{personality}");
        let kept: Vec<String> = world
            .mailbox
            .lock()
            .folders
            .iter()
            .filter(|(name, folder)| *name != "INBOX" && !folder.messages.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(kept, folder.into_iter().collect::<Vec<_>>(), "{personality}");
    }
}
