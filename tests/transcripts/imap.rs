//! The IMAP transcripts, and how a session that lists the inbox ends in each.

use mailbearer_imap::{
    FetchItem, Mailbox, SequenceSet,
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

pub(crate) fn session(security: Security) -> Session {
    let mut session = Session::new(Options::new("localhost", 993, security));
    session.authenticate(Credentials::bearer("robot@contoso.com", "x".repeat(1500)).unwrap()).unwrap();
    session.select(Mailbox::INBOX).unwrap();
    session.uid_fetch(SequenceSet::all(), vec![FetchItem::Uid, FetchItem::Envelope]).unwrap();
    session
}

/// Everything that is told can be parsed. When all is answered it is time to go.
pub(crate) fn on_event(session: &mut Session, event: Event) {
    match event {
        Event::Data(frame) => drop(frame.response().unwrap()),
        // Not after LOGOUT itself.
        Event::Done(_) if session.is_authenticated() && session.pending().next().is_none() => {
            session.logout().unwrap();
        }
        _ => {}
    }
}
