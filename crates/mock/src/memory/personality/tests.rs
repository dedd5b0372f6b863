//! What each provider's servers say, octet for octet, and where that is known from: "quirks" is a list of servers' mistakes
//! that clients were seen to stumble over, "errors" one of refusals as they were reported, "dialogue" what Microsoft
//! documents.

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

fn start(personality: Personality) -> Arc<World> {
    let world = world(|options| options.personality = personality);
    for _ in 0..3 {
        world.mailbox.deliver(MESSAGE.as_bytes()).unwrap();
    }
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
    (Exchange, "quirks: a space at the end", "t STATUS INBOX (MESSAGES)\n", "* STATUS INBOX (MESSAGES 3) \nt OK STATUS completed.\n"),
    (Exchange, "quirks: a bare disposition", "t FETCH 1 BODYSTRUCTURE\n", "* 1 FETCH (BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 1 NIL \"inline\" NIL NIL))\nt OK FETCH completed.\n"),
    (Exchange, "quirks: an empty list is an error", "t ID ()\n", "t BAD Command Argument Error. 11\n"),
    (Exchange, "quirks", "t UID FETCH 99 UID\n", "t OK FETCH completed.\n"),
    (Exchange, "dialogue", "t IDLE\n", "+ IDLE accepted, awaiting DONE command.\n"),
    (Exchange, "RFC 9051", "t SELECT None\n", "t NO [NONEXISTENT] Mailbox does not exist.\n"),
    (Exchange, "dialogue", "t LOGOUT\n", "* BYE Microsoft Exchange Server IMAP4 server signing off.\nt OK LOGOUT completed.\n"),
    (Gmail, "quirks: no space at the end", "t STATUS INBOX (MESSAGES)\n", "* STATUS INBOX (MESSAGES 3)\nt OK Success\n"),
    (Gmail, "quirks: a code without a text", "t EXAMINE INBOX\n", "* 3 EXISTS\n* 0 RECENT\n* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\n* OK [UNSEEN 1] Is the first unseen message\n* OK [PERMANENTFLAGS ()] Permanent flags\n* OK [UIDVALIDITY {b64}] UIDVALIDITY value\n* OK [UIDNEXT 4] The next unique identifier value\n* OK [HIGHESTMODSEQ 12345]\nt OK [READ-ONLY] Success\n"),
    (Gmail, "RFC 9051", "t SELECT None\n", "t NO [NONEXISTENT] Unknown Mailbox (Failure)\n"),
    (Gmail, "quirks", "t LOGOUT\n", "* BYE LOGOUT Requested\nt OK Success\n"),
    (Yahoo, "quirks: a space at the end", "t SEARCH 1:2\n", "* SEARCH 1 2 \nt OK SEARCH completed\n"),
    (Yahoo, "quirks: a space where none is found", "t SEARCH FROM nobody\n", "* SEARCH \nt OK SEARCH completed\n"),
    (Yahoo, "quirks: undisclosed", "t FETCH 1 ENVELOPE\n", "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"\\\"undisclosed-recipients\\\"\" NIL)) NIL NIL NIL NIL))\nt OK FETCH completed\n"),
    (Yahoo, "quirks: a code without a text", "t EXAMINE INBOX\n", "* 3 EXISTS\n* 0 RECENT\n* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\n* OK [UNSEEN 1] Is the first unseen message\n* OK [PERMANENTFLAGS ()] Permanent flags\n* OK [UIDVALIDITY {b64}] UIDVALIDITY value\n* OK [UIDNEXT 4] The next unique identifier value\n* OK [HIGHESTMODSEQ 7]\nt OK [READ-ONLY] EXAMINE completed\n"),
    (Yahoo, "quirks: the name of the inbox", "t LIST \"\" I%\n", "* LIST (\\HasNoChildren) \"/\" Inbox\nt OK LIST completed\n"),
    (NetEase, "quirks, errors 76", "t SELECT INBOX\n", "t NO SELECT Unsafe Login. Please contact kefu@188.com for help\n"),
    (NetEase, "quirks: an empty list", "t STATUS INBOX (MESSAGES)\n", "* STATUS INBOX ()\nt OK STATUS completed\n"),
    (Qq, "quirks: a space at the end", "t FETCH 1 UID\n", "* 1 FETCH (UID 1 )\nt OK FETCH Completed\n"),
    (Qq, "quirks: 9 fields of 10", "t FETCH 1 ENVELOPE\n", "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL) )\nt OK FETCH Completed\n"),
    (Qq, "quirks: a set that goes down", "t UID FETCH 3:1 UID\n", "t BAD UID parameters!\n"),
    (Qq, "quirks: a set that goes down", "t FETCH 3,1 UID\n", "t BAD UID parameters!\n"),
    (Dovecot, "quirks: a set that goes down is none", "t FETCH 2:1 UID\n", "* 1 FETCH (UID 1)\n* 2 FETCH (UID 2)\nt OK FETCH completed (0.001 + 0.000 secs).\n"),
    (Dovecot, "RFC 9051", "t SELECT None\n", "t NO [NONEXISTENT] Mailbox doesn't exist\n"),
];

/// On a port with TLS from the start.
#[rustfmt::skip]
const SMTP: &[Row] = &[
    (Exchange, "dialogue", "", "220 mock.mailbearer.test Microsoft ESMTP MAIL Service ready\n"),
    (Exchange, "dialogue, errors 78", "EHLO a\nAUTH XOAUTH2\n{wrong}\n", "{ehlo}334 \n535 5.7.3 Authentication unsuccessful [mock.mailbearer.test]\n"),
    (Exchange, "errors 86", "EHLO a\nMAIL FROM:<a@b>\n", "{ehlo}530 5.7.57 Client not authenticated to send mail\n"),
    (Exchange, "errors 105", "EHLO a\nAUTH CRAM-MD5\n", "{ehlo}504 5.7.4 Unrecognized authentication type\n"),
    (Gmail, "quirks: an empty line is wanted; errors 112", "EHLO a\nAUTH XOAUTH2 {wrong}\n\n", "{ehlo}334 {b64}\n535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-aa7 - gsmtp\n"),
    (Gmail, "errors", "EHLO a\nMAIL FROM:<a@b>\n", "{ehlo}530-5.7.0 Authentication Required. For more information, go to\n530 5.7.0  https://support.google.com/accounts/troubleshooter/2402620. a640c23a62f3a-aa7 - gsmtp\n"),
    (Dovecot, "errors", "EHLO a\nAUTH XOAUTH2 {wrong}\n\n", "{ehlo}334 {b64}\n535 5.7.8 Error: authentication failed: (reason unavailable)\n"),
];

#[rustfmt::skip]
const POP3: &[Row] = &[
    (Exchange, "dialogue", "", "+OK The Microsoft Exchange POP3 service is ready. [bW9jay5tYWlsYmVhcmVyLnRlc3Q=]\n"),
    (Exchange, "dialogue", "CAPA\n", "+OK Capabilities follow\nTOP\nUIDL\nSASL XOAUTH2\nUSER\n.\n"),
    (Exchange, "dialogue, errors 114", "AUTH XOAUTH2\n{wrong}\nCAPA\n", "+ \n-ERR Authentication failure: unknown user name or bad password.\n"),
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
