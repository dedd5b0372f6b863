//! Dovecot, and Postfix.

use mailbearer_sasl::Mechanism;
use mailbearer_smtp::server::Answer;

use super::{CORRECT, ImapVoice, Pop3Voice, PopAnswer, ProviderLimits, Quirks, SmtpVoice, Voice};

pub(super) static VOICE: Voice = Voice {
    smtp: SmtpVoice {
        name: "mail.mailbearer.test",
        greeting: Answer::new(220, "mail.mailbearer.test ESMTP Postfix"),
        hello: "",
        draft_auth: None,
        starttls: Answer::new(220, "2.0.0 Ready to start TLS"),
        logged_in: Answer::new(235, "2.7.0 Authentication successful"),
        refused: Answer::new(535, "5.7.8 Error: authentication failed: (reason unavailable)"),
        sender: Answer::new(250, "2.1.0 Ok"),
        recipient: Answer::new(250, "2.1.5 Ok"),
        no_recipient: Answer::new(
            550,
            "5.1.1 Recipient address rejected: User unknown in local recipient table",
        ),
        data: Answer::new(354, "End data with <CR><LF>.<CR><LF>"),
        queued: ("2.0.0 Ok: queued as ", ""),
        original_message_id: None,
        sent: None,
        quit: Answer::new(221, "2.0.0 Bye"),
        too_large: Answer::new(552, "5.3.4 Error: message file too big"),
        login_first: Answer::new(530, "5.7.0 Authentication required"),
    },
    imap: ImapVoice {
        greeting: "Dovecot ready.",
        capability_codes: true,
        passwords: &[Mechanism::Plain],
        logged_in: "Logged in",
        refused: "[AUTHENTICATIONFAILED] Authentication failed.",
        completed: "{} completed (0.001 + 0.000 secs).",
        command: "Error in IMAP command received by server.",
        arguments: "Error in IMAP command: Invalid arguments.",
        state: "No mailbox selected.",
        idle: "idling",
        literal: "OK",
        bye: "Logging out",
        timed_out: "Disconnected for inactivity.",
        no_such_folder: "Mailbox doesn't exist",
        folders: &[
            ("Archive", "Archive"),
            ("Drafts", "Drafts"),
            ("Junk", "Junk"),
            ("Sent", "Sent"),
            ("Trash", "Trash"),
        ],
        quirks: Quirks {
            // Seen with Dovecot 2.3.19, 2026-11-27.
            argument_limit: Some((
                64 << 10,
                "Error in IMAP command {}: Too long argument (0.001 + 0.001 secs).",
            )),
            no_line_count: true,
            ..CORRECT
        },
    },
    pop3: Pop3Voice {
        greeting: PopAnswer::ok("Dovecot ready."),
        logged_in: PopAnswer::ok("Logged in."),
        refused: PopAnswer::err("[AUTH] Authentication failed."),
        quit: PopAnswer::ok("Logging out."),
        extensions: &["RESP-CODES", "AUTH-RESP-CODE"],
        pipelining: true,
        initial_response: true,
        closes_after_refusal: false,
    },
    oauthbearer: true,
    tells_reason: true,
    scope: "mail",
    cloud: None,
    limits: ProviderLimits {
        smtp_connections: 50,
        too_many_smtp: Answer::new(
            421,
            "4.7.0 mail.mailbearer.test Error: too many connections from 127.0.0.1",
        ),
        messages_a_minute: 1000,
        too_many_messages: Answer::new(450, "4.7.1 Error: too much mail from 127.0.0.1"),
        imap_connections: 10,
        too_many_imap: "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
    },
};
