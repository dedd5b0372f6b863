//! Gmail.

use mailbearer_sasl::Mechanism;
use mailbearer_smtp::server::Answer;

use super::{CORRECT, ImapVoice, Pop3Voice, PopAnswer, ProviderLimits, Quirks, SmtpVoice, Voice};

pub(super) static VOICE: Voice = Voice {
    smtp: SmtpVoice {
        name: "smtp.gmail.com",
        greeting: Answer::new(220, "smtp.gmail.com ESMTP a640c23a62f3a-aa7 - gsmtp"),
        hello: "at your service,",
        draft_auth: None,
        starttls: Answer::new(220, "2.0.0 Ready to start TLS"),
        logged_in: Answer::new(235, "2.7.0 Accepted"),
        refused: Answer::new(
            535,
            "5.7.8 Username and Password not accepted. For more information, go to\n5.7.8  https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-aa7 - gsmtp",
        ),
        sender: Answer::new(250, "2.1.0 OK a640c23a62f3a-aa7 - gsmtp"),
        recipient: Answer::new(250, "2.1.5 OK a640c23a62f3a-aa7 - gsmtp"),
        no_recipient: Answer::new(
            550,
            "5.1.1 The email account that you tried to reach does not exist. a640c23a62f3a-aa7 - gsmtp",
        ),
        data: Answer::new(354, "Go ahead a640c23a62f3a-aa7 - gsmtp"),
        queued: ("2.0.0 OK  ", " a640c23a62f3a-aa7 - gsmtp"),
        original_message_id: None,
        sent: Some("[Gmail]/Sent Mail"),
        quit: Answer::new(221, "2.0.0 closing connection a640c23a62f3a-aa7 - gsmtp"),
        too_large: Answer::new(
            552,
            "5.3.4 Your message exceeded Google's message size limits. a640c23a62f3a-aa7 - gsmtp",
        ),
        login_first: Answer::new(
            530,
            "5.7.0 Authentication Required. For more information, go to\n5.7.0  https://support.google.com/accounts/troubleshooter/2402620. a640c23a62f3a-aa7 - gsmtp",
        ),
    },
    imap: ImapVoice {
        greeting: "Gimap ready for requests from 127.0.0.1 a640c23a62f3a",
        capability_codes: true,
        passwords: &[Mechanism::Plain],
        logged_in: "Authenticated (Success)",
        refused: "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
        completed: "Success",
        command: "Could not parse command",
        arguments: "Could not parse command",
        state: "Unknown command",
        idle: "idling",
        literal: "go ahead",
        bye: "LOGOUT Requested",
        timed_out: "Session expired, please login again.",
        no_such_folder: "Unknown Mailbox (Failure)",
        folders: &[
            ("[Gmail]/All Mail", "All"),
            ("[Gmail]/Drafts", "Drafts"),
            ("[Gmail]/Sent Mail", "Sent"),
            ("[Gmail]/Spam", "Junk"),
            ("[Gmail]/Trash", "Trash"),
        ],
        quirks: Quirks {
            code_without_text: Some(12345),
            empty_multipart: true,
            throttled: Some("Success [THROTTLED]"),
            ..CORRECT
        },
    },
    pop3: Pop3Voice {
        greeting: PopAnswer::ok("Gpop ready for requests from 127.0.0.1 a640c23a62f3a"),
        logged_in: PopAnswer::ok("Welcome."),
        refused: PopAnswer::err("[AUTH] Username and password not accepted."),
        quit: PopAnswer::ok("Farewell."),
        extensions: &["RESP-CODES", "EXPIRE 0", "LOGIN-DELAY 300", "X-GOOGLE-RICO"],
        pipelining: false,
        initial_response: true,
        closes_after_refusal: false,
    },
    oauthbearer: true,
    tells_reason: true,
    scope: "https://mail.google.com/",
    cloud: None,
    limits: ProviderLimits {
        smtp_connections: 15,
        too_many_smtp: Answer::new(
            421,
            "4.7.0 Too many concurrent connections, closing connection. a640c23a62f3a-aa7 - gsmtp",
        ),
        messages_a_minute: 60,
        too_many_messages: Answer::new(
            421,
            "4.7.28 Our system has detected an unusual rate of mail. Please try again later. a640c23a62f3a-aa7 - gsmtp",
        ),
        imap_connections: 15,
        too_many_imap: "[ALERT] Too many simultaneous connections. (Failure)",
    },
};
