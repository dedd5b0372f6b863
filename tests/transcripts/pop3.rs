//! The POP3 transcripts, and how a session that fetches and removes one message ends in each.

use mailbearer_pop3::{Event, Options, Session};
use mailbearer_sasl::Credentials;
use mailbearer_wire::Security;

use super::Case;

pub(crate) const CASES: &[Case] = &[
    case!("exchange/pop3-session", "closed"),
    case!(
        "exchange/pop3-refused",
        "server did not accept the credentials (XOAUTH2): -ERR Authentication failure"
    ),
    case!(
        "exchange/pop3-long-token",
        "server did not accept the credentials (XOAUTH2): -ERR Protocol error."
    ),
    case!("exchange/pop3-ok-for-challenge", "closed"),
    case!("gmail/pop3-refused", "server did not accept the credentials (XOAUTH2): -ERR [AUTH] "),
    case!("dovecot/pop3-pipelined", "closed"),
    case!("rfc/pop3-stls", "closed"),
    case!("rfc/pop3-in-use", "server did not let the user in now (XOAUTH2): -ERR [IN-USE] "),
    case!("rfc/pop3-not-removed", "closed"),
    case!("hostile/pop3-injection", "server sent data ahead of TLS"),
    case!("hostile/pop3-stripped", "server does not offer STLS"),
    case!("hostile/pop3-stls-refused", "server refused STLS: -ERR "),
    case!("hostile/pop3-junk-greeting", "at the greeting: not a POP3 answer"),
    case!("hostile/pop3-endless-line", "at the greeting: line longer than"),
    case!("hostile/pop3-endless-listing", "at CAPA: answer of more than 256 lines"),
    case!("hostile/pop3-early-dot", "closed"),
    case!("hostile/pop3-missing-dot", "connection closed at RETR"),
    case!(
        "hostile/pop3-cut-at-quit",
        "QUIT was sent, and whether the server removed the messages is unknown"
    ),
];

pub(crate) fn session(security: Security) -> Session {
    let mut options = Options::new("localhost", 995);
    options.security = security;
    let mut session = Session::new(options).unwrap();
    session.authenticate(Credentials::bearer("robot@contoso.com", "x".repeat(1500)).unwrap()).unwrap();
    session.uidl(None).unwrap();
    session.retrieve(1).unwrap();
    session.delete(1).unwrap();
    session.quit().unwrap();
    session
}

pub(crate) fn on_event(_: &mut Session, event: Event) {
    if let Event::Octets(_, octets) = event {
        let text = octets.escape_ascii().to_string();
        assert!(!text.contains("..") && !text.ends_with("\\r\\n.\\r\\n"), "{text}");
    }
}
