//! What the servers say of themselves: Exchange Online's words.

use mailbearer_imap::server::Wording as Imap;
use mailbearer_smtp::server::{Answer, Wording as Smtp};

pub(crate) fn smtp() -> Smtp {
    let mut wording = Smtp::default();
    wording.greeting = Answer::new(220, "mock.mailbearer.test Microsoft ESMTP MAIL Service ready");
    wording.hello = "Hello".into();
    wording.starttls = Answer::new(220, "2.0.0 SMTP server ready");
    wording.reset = Answer::new(250, "2.0.0 Resetting");
    wording.verify = Answer::new(252, "2.1.5 Cannot VRFY user");
    wording.quit = Answer::new(221, "2.0.0 Service closing transmission channel");
    wording.unknown = Answer::new(500, "5.3.3 Unrecognized command");
    wording.arguments = Answer::new(501, "5.5.4 Invalid arguments");
    wording.hello_first = Answer::new(503, "5.5.2 Send hello first");
    wording.mail_first = Answer::new(503, "5.5.2 Need mail command");
    wording.recipient_first = Answer::new(503, "5.5.2 Need rcpt command");
    wording.mechanism = Answer::new(504, "5.7.4 Unrecognized authentication type");
    wording.malformed = Answer::new(501, "5.5.2 Invalid authentication response");
    wording.login_first = Answer::new(530, "5.7.57 Client not authenticated to send mail");
    wording.parameter = Answer::new(555, "5.5.4 Unsupported option");
    wording.smtputf8 = Answer::new(553, "5.6.7 Address needs SMTPUTF8");
    wording.message_too_large = Answer::new(552, "5.3.4 Message size exceeds fixed maximum message size");
    wording.bare_line_end =
        Answer::new(550, "5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds");
    wording
}

pub(crate) fn imap() -> Imap {
    let mut wording = Imap::default();
    wording.greeting = "The Mailbearer mock IMAP4 service is ready.".into();
    wording.capability = "CAPABILITY completed.".into();
    wording.noop = "NOOP completed.".into();
    wording.bye = "Microsoft Exchange Server IMAP4 server signing off.".into();
    wording.logout = "LOGOUT completed.".into();
    wording.starttls = "Begin TLS negotiation now.".into();
    wording.literal = "Ready for additional command text.".into();
    wording.idle = "IDLE accepted, awaiting DONE command.".into();
    wording.command = "Command Error. 12".into();
    wording.state = "Command received in Invalid state.".into();
    wording.mechanism = "AUTHENTICATE failed.".into();
    wording.privacy = "LOGIN needs TLS.".into();
    wording.login = "LOGIN failed.".into();
    wording.cancelled = "AUTHENTICATE cancelled.".into();
    wording.malformed = "Command Argument Error. 11".into();
    wording.literal_too_large = "Literal too large.".into();
    wording.too_much = "Too much at once.".into();
    wording.bytes_before_tls = "Octets behind STARTTLS.".into();
    wording.refusals = "Connection closed. 14".into();
    wording
}
