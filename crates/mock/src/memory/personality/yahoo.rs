//! Yahoo.

use mailbearer_sasl::Mechanism;
use mailbearer_smtp::server::Answer;

use super::{CORRECT, ImapVoice, Pop3Voice, PopAnswer, ProviderLimits, Quirks, SmtpVoice, Voice};

pub(super) static VOICE: Voice = Voice {
    smtp: SmtpVoice {
        name: "smtp.mail.yahoo.com",
        greeting: Answer::new(220, "smtp.mail.yahoo.com ESMTP ready"),
        hello: "Hello",
        draft_auth: None,
        starttls: Answer::new(220, "2.0.0 Start TLS"),
        logged_in: Answer::new(235, "2.0.0 OK"),
        refused: Answer::new(535, "5.7.0 (#AUTH005) Too many bad auth attempts."),
        sender: Answer::new(250, "OK , completed"),
        recipient: Answer::new(250, "OK , completed"),
        no_recipient: Answer::new(550, "5.1.1 Unknown recipient"),
        data: Answer::new(354, "Ready"),
        queued: ("OK , completed ", ""),
        original_message_id: None,
        sent: None,
        quit: Answer::new(221, "Service Closing transmission"),
        too_large: Answer::new(552, "5.3.4 Message too large"),
        login_first: Answer::new(530, "5.7.1 Authentication required"),
    },
    imap: ImapVoice {
        greeting: "IMAP4rev1 Hello",
        capability_codes: true,
        passwords: &[Mechanism::Plain],
        logged_in: "AUTHENTICATE completed",
        refused: "[AUTHENTICATIONFAILED] AUTHENTICATE Invalid credentials",
        completed: "{} completed",
        command: "[CLIENTBUG] Unexpected command",
        arguments: "[CLIENTBUG] Invalid argument",
        state: "[CLIENTBUG] Command is not valid in this state",
        idle: "idling",
        literal: "Ready for literal data",
        bye: "IMAP4rev1 Server logging out",
        timed_out: "IMAP4 session timed out",
        no_such_folder: "[TRYCREATE] Mailbox does not exist",
        folders: &[
            ("Archive", "Archive"),
            ("Bulk", "Junk"),
            ("Draft", "Drafts"),
            ("Sent", "Sent"),
            ("Trash", "Trash"),
        ],
        quirks: Quirks {
            space_after_search: true,
            code_without_text: Some(7),
            group_as_mailbox: true,
            inbox: "Inbox",
            message_limit: Some(1000),
            line_limit: Some(1000),
            ..CORRECT
        },
    },
    pop3: Pop3Voice {
        greeting: PopAnswer::ok("Hello from jpop-0.1"),
        logged_in: PopAnswer::ok("Maildrop ready, 0 messages"),
        refused: PopAnswer::err("[AUTH] (#AUTH005) Authentication failed."),
        quit: PopAnswer::ok("Server signing off."),
        extensions: &["EXPIRE NEVER"],
        pipelining: false,
        initial_response: true,
        closes_after_refusal: false,
    },
    oauthbearer: true,
    tells_reason: true,
    scope: "mail-w",
    cloud: None,
    limits: ProviderLimits {
        smtp_connections: 10,
        too_many_smtp: Answer::new(421, "4.7.0 Too many connections"),
        messages_a_minute: 100,
        too_many_messages: Answer::new(421, "4.3.0 Too many messages, please try again later"),
        imap_connections: 5,
        too_many_imap: "[LIMIT] AUTHENTICATE Rate limit hit.",
    },
};
