//! The SMTP transcripts, and how a session that submits one message ends in each.

use mailbearer_sasl::Credentials;
use mailbearer_smtp::{Envelope, Event, Options, Session};
use mailbearer_wire::Security;

use super::Case;

pub(crate) const CASES: &[Case] = &[
    case!("exchange/smtp-submit", "closed"),
    case!("exchange/smtp-refused", "server did not accept the credentials (XOAUTH2): 535 "),
    case!("exchange/smtp-disabled", "server did not accept the credentials (XOAUTH2): 535 5.7.139 "),
    case!("exchange/smtp-busy", "closed"),
    case!("exchange/smtp-hve", "server did not accept the credentials (XOAUTH2): 501 5.5.124 "),
    case!("exchange/smtp-auth-equals", "server offers no mechanism for these credentials, only NTLM LOGIN"),
    case!("gmail/smtp-unavailable", "server could not check the credentials now (XOAUTH2): 454 "),
    case!("gmail/smtp-refused", "server did not accept the credentials (XOAUTH2): 535 "),
    case!("rfc/smtp-refused-recipient", "closed"),
    case!("rfc/smtp-starttls", "server could not check the credentials now (XOAUTH2): 454 "),
    case!("hostile/smtp-injection", TAMPERED),
    case!("hostile/smtp-injection-one-octet", TAMPERED),
    case!("hostile/smtp-injection-later", TAMPERED),
    case!("hostile/smtp-stripped", "server does not offer STARTTLS"),
    case!("hostile/smtp-starttls-250", "connection closed at EHLO"),
    case!("hostile/smtp-starttls-354", "unexpected reply at STARTTLS"),
    case!("hostile/smtp-starttls-421", "server is closing, at STARTTLS"),
    case!("hostile/smtp-starttls-454", "server refused STARTTLS"),
    case!("hostile/smtp-starttls-500", "server refused STARTTLS"),
    case!("hostile/smtp-starttls-502", "server refused STARTTLS"),
    case!("hostile/smtp-ehlo-refused", "server refused EHLO"),
    case!("hostile/smtp-auth-only-in-clear", "server offers no authentication"),
    case!("hostile/smtp-endless-reply", "at EHLO: "),
    case!("hostile/smtp-endless-line", "at the greeting: "),
    case!("hostile/smtp-not-smtp", "at the greeting: "),
    case!("hostile/smtp-cut-in-reply", "message was sent, and whether the server took it is unknown"),
];

/// What a session says, or what no handshake survives, when something is sent ahead of TLS.
const TAMPERED: &str = "server sent data ahead of TLS";

pub(crate) fn session(security: Security) -> Session {
    let mut options = Options::new("localhost", 587);
    options.security = security;
    // They were recorded with DATA.
    options.chunking = false;
    let mut session = Session::new(options).unwrap();
    session.authenticate(Credentials::bearer("robot@contoso.com", "x".repeat(1500)).unwrap()).unwrap();
    session.submit(Envelope::new("robot@contoso.com", RECIPIENTS)).unwrap();
    session.quit().unwrap();
    session
}

pub(crate) fn on_event(session: &mut Session, event: Event) {
    match event {
        Event::BodyWanted(ticket) => {
            session.body(ticket, b"Subject: hello\n\nworld\n").unwrap();
            session.finish_body(ticket).unwrap();
        }
        Event::Submitted(_, receipt) => {
            assert_eq!(receipt.accepted, ["ann@example.net", "brown@foo.com"]);
            assert_eq!(receipt.refused.len(), 1);
        }
        _ => {}
    }
}

const RECIPIENTS: [&str; 3] = ["ann@example.net", "green@foo.com", "brown@foo.com"];
