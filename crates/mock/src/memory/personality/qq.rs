//! QQ.

use mailbearer_sasl::Mechanism;
use mailbearer_smtp::server::Answer;

use super::{CORRECT, ImapVoice, Pop3Voice, PopAnswer, ProviderLimits, Quirks, SmtpVoice, Voice};

pub(super) static VOICE: Voice = Voice {
    smtp: SmtpVoice {
        name: "newxmesmtplogicsvrszc2.qq.com",
        greeting: Answer::new(220, "newxmesmtplogicsvrszc2.qq.com XMail Esmtp QQ Mail Server."),
        hello: "Hello",
        draft_auth: Some("AUTH=LOGIN"),
        starttls: Answer::new(220, "Ready to start TLS"),
        logged_in: Answer::new(235, "Authentication successful"),
        refused: Answer::new(
            535,
            "Login Fail. Please enter your authorization code to login. More information in https://service.mail.qq.com/detail/0/53",
        ),
        sender: Answer::new(250, "OK"),
        recipient: Answer::new(250, "OK"),
        no_recipient: Answer::new(
            550,
            "The recipient may contain a non-existent account, please check the recipient address.",
        ),
        data: Answer::new(354, "End data with <CR><LF>.<CR><LF>."),
        queued: ("OK: queued as ", "."),
        original_message_id: None,
        sent: None,
        quit: Answer::new(221, "Bye."),
        too_large: Answer::new(552, "Message size exceeds fixed maximum message size"),
        login_first: Answer::new(503, "Error: need EHLO and AUTH first !"),
    },
    imap: ImapVoice {
        greeting: "QQMail XMIMAP4Server ready",
        capability_codes: true,
        passwords: &[Mechanism::Plain, Mechanism::Login],
        logged_in: "Success login ok",
        refused: "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.",
        completed: "{} Completed",
        command: "command not support",
        arguments: "UID parameters!",
        state: "command received in invalid state",
        idle: "idling",
        literal: "Ready for additional command text",
        bye: "LOGOUT received",
        timed_out: "Timeout",
        no_such_folder: "mailbox not found",
        folders: &[
            ("Deleted Messages", "Trash"),
            ("Drafts", "Drafts"),
            ("Junk", "Junk"),
            ("Sent Messages", "Sent"),
        ],
        quirks: Quirks {
            space_in_fetch: true,
            no_descending_set: true,
            short_envelope: true,
            space_after_capability: true,
            unescaped: true,
            ..CORRECT
        },
    },
    pop3: Pop3Voice {
        greeting: PopAnswer::ok("XMail POP3 Server v1.0 Service Ready(XMail v1.0)"),
        logged_in: PopAnswer::ok("login ok"),
        refused: PopAnswer::err(
            "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.",
        ),
        quit: PopAnswer::ok("Bye"),
        extensions: &[],
        pipelining: false,
        initial_response: true,
        closes_after_refusal: false,
    },
    oauthbearer: true,
    tells_reason: false,
    scope: "https://mail.qq.com/",
    cloud: None,
    limits: ProviderLimits {
        smtp_connections: 5,
        too_many_smtp: Answer::new(421, "Connection frequency limited"),
        messages_a_minute: 40,
        too_many_messages: Answer::new(451, "Mail frequency limited"),
        imap_connections: 10,
        too_many_imap: "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.",
    },
};
