//! The IMAP transcripts, and how a session ends in each.

use mailbearer_imap::{
    FetchItem, Mailbox, Quirks, SequenceSet,
    server::parse_command,
    session::{Event, Options, Session},
};
use mailbearer_sasl::Credentials;
use mailbearer_wire::Security;

use super::Case;

pub(crate) const CASES: &[Case] = &[
    case!("exchange/imap-list", "closed"),
    case!("exchange/imap-refused", "server did not accept the credentials: NO AUTHENTICATE failed."),
    case!("exchange/imap-not-connected", "closed"),
    case!("exchange/imap-failure-in-ok", "authenticated, but the mailbox cannot be reached: OK [Error="),
    case!("exchange/imap-token-expired", "server ended the session: BYE Session invalidated"),
    case!("exchange/imap-throttled", "server ended the session: BYE Connection closed. 14"),
    case!("gmail/imap-refused", "server did not accept the credentials: NO [AUTHENTICATIONFAILED]"),
    case!("exchange/imap-status", "closed"),
    case!("exchange/imap-names", "closed"),
    case!("exchange/imap-move", "closed"),
    case!("exchange/imap-structures", "closed"),
    case!("exchange/imap-missing-message", "closed"),
    case!("exchange/imap-unavailable", "server ended the session: BYE Server Unavailable. 15"),
    case!("exchange/imap-idle", "closed"),
    case!("exchange/imap-plus", "closed"),
    case!("exchange/imap-zero", "closed"),
    case!("exchange/imap-limits", "closed"),
    case!(
        "exchange/imap-expired-at-logout",
        "server ended the session: BYE Session invalidated - AccessTokenExpired"
    ),
    case!("gmail/imap-select", "closed"),
    case!("gmail/imap-labels", "closed"),
    case!("gmail/imap-structures", "closed"),
    case!("gmail/imap-limits", "server ended the session: BYE Session expired"),
    case!("yahoo/imap-search", "closed"),
    case!("icloud/imap-fetch", "closed"),
    case!(
        "icloud/imap-unavailable",
        "server did not accept the credentials: BAD [UNAVAILABLE] Service temporarily unavailable"
    ),
    case!("qq/imap-envelopes", "closed"),
    case!("qq/imap-limits", "closed"),
    case!("netease/imap-id-first", "closed"),
    case!("netease/imap-unsafe-login", "closed"),
    case!("netease/imap-data", "closed"),
    case!("dovecot/imap-list", "closed"),
    case!("dovecot/imap-fetch", "closed"),
    case!(
        "dovecot/imap-limits",
        "server did not accept the credentials: NO [UNAVAILABLE] Maximum number of connections"
    ),
    case!("courier/imap-store", "closed"),
    case!("cyrus/imap-esearch", "closed"),
    case!("domino/imap-fetch", "closed"),
    case!("mailru/imap-structures", "closed"),
    case!("yandex/imap-empty-part", "closed"),
    case!("yandex/imap-bye", "closed"),
    case!("yandex/imap-idle", "server ended the session: BYE Autologout; idle for too long"),
    case!("yandex/imap-structures", "closed"),
    case!("winmail/imap-select", "closed"),
    case!("mailo/imap-idle", "connection closed during IDLE"),
    case!("unnamed/imap-validity", "closed"),
    case!("zoho/imap-select", "closed"),
    case!("surgemail/imap-select", "closed"),
    case!("hmailserver/imap-fetch", "closed"),
    case!("gmx/imap-structures", "closed"),
    case!("zimbra/imap-fetch", "closed"),
    case!("davmail/imap-select", "closed"),
    case!("greenmail/imap-fetch", "closed"),
    case!("purelymail/imap-move", "closed"),
    case!("interia/imap-refused", "closed"),
    case!("archiveopteryx/imap-id", "closed"),
    case!("qip/imap-store", "closed"),
    case!(
        "xeams/imap-fetch",
        "protocol error after authentication: neither an answer nor data:  RFC822.SIZE 6)"
    ),
    case!("unnamed/imap-structures", "closed"),
    case!("unnamed/imap-blank-lines", "closed"),
    case!("unnamed/imap-junk", "closed"),
    case!("unnamed/imap-esearch", "closed"),
    case!("unnamed/imap-strings", "closed"),
    case!("unnamed/imap-blocked", "server ended the session: BYE Your IP Address is blocked"),
    case!("unnamed/imap-eight-bit", "closed"),
    case!("proton/imap-session", "closed"),
    case!("strato/imap-list", "closed"),
    case!("rfc/imap-oauthbearer-refused", "server did not accept the credentials: NO SASL"),
    case!("rfc/imap-session", "closed"),
    case!("hostile/imap-injection", TAMPERED),
    case!("hostile/imap-injection-one-octet", TAMPERED),
    case!("hostile/imap-injection-bye", TAMPERED),
    case!("hostile/imap-injection-later", TAMPERED),
    case!("hostile/imap-early-ok", "protocol error at STARTTLS: answer to a command that was not sent yet"),
    case!("hostile/imap-stripped", "server does not offer STARTTLS"),
    case!("hostile/imap-starttls-no", "server refused STARTTLS: NO"),
    case!("hostile/imap-starttls-bad", "server refused STARTTLS: BAD"),
    case!("hostile/imap-starttls-continue", "protocol error at STARTTLS"),
    case!("hostile/imap-preauth", "server skips authentication, and with it TLS"),
    case!("hostile/imap-greeting-no", "server refused at the greeting: NO"),
    case!("hostile/imap-greeting-bad", "server refused at the greeting: BAD"),
    case!("hostile/imap-greeting-bye", "server ended the session: BYE"),
    case!("hostile/imap-greeting-garbage", "protocol error at the greeting: no greeting"),
    case!("hostile/imap-data-before-tls", "connection closed during authentication"),
    case!("hostile/imap-auth-only-in-clear", "no usable mechanism among GSSAPI"),
    case!("hostile/imap-other-tag", "protocol error during authentication"),
    case!("hostile/imap-huge-literal", "literal of 4294967295 octets"),
    case!("hostile/imap-endless-line", "line longer than 65536 octets"),
    case!("hostile/imap-endless-data", "server sends too much before authentication"),
    case!("hostile/imap-cut-in-fetch", "connection closed after authentication"),
];

/// What a session says, or what no handshake survives, when something is sent ahead of TLS.
const TAMPERED: &str = "data between the answer to STARTTLS and TLS";

pub(crate) fn session(case: &Case, security: Security) -> Session {
    session_with(case, security, Quirks::default())
}

/// A session that gives the commands of a transcript's `#>` comments, or else lists the inbox.
pub(crate) fn session_with(case: &Case, security: Security, quirks: Quirks) -> Session {
    let mut options = Options::new("localhost", 993, security);
    options.quirks = quirks;
    let mut session = Session::new(options);
    session.authenticate(Credentials::bearer("robot@contoso.com", "x".repeat(1500)).unwrap()).unwrap();
    let commands: Vec<_> = case.text.lines().filter_map(|line| line.strip_prefix("#> ")).collect();
    for command in &commands {
        let command = format!("A1 {command}");
        session.command(&parse_command(command.as_bytes()).unwrap().1).unwrap();
    }
    if commands.is_empty() {
        session.select(Mailbox::INBOX).unwrap();
        session.uid_fetch(SequenceSet::all(), vec![FetchItem::Uid, FetchItem::Envelope]).unwrap();
    }
    session
}

/// When all is answered it is time to go. What the data holds is said in the transcripts themselves.
pub(crate) fn on_event(session: &mut Session, event: Event) {
    match event {
        // Not after LOGOUT itself.
        Event::Done(_) if session.is_authenticated() && session.pending().next().is_none() => {
            session.logout().unwrap();
        }
        _ => {}
    }
}
