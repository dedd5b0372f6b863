//! NetEase.

use mailbearer_sasl::Mechanism;
use mailbearer_smtp::server::Answer;

use super::{CORRECT, ImapVoice, Pop3Voice, PopAnswer, ProviderLimits, Quirks, SmtpVoice, Voice};

pub(super) static VOICE: Voice = Voice {
    smtp: SmtpVoice {
        name: "smtp.163.com",
        greeting: Answer::new(220, "163.com Anti-spam GT for Coremail System"),
        hello: "Hello",
        draft_auth: Some("AUTH=LOGIN PLAIN"),
        starttls: Answer::new(220, "Ready to start TLS"),
        logged_in: Answer::new(235, "Authentication successful"),
        refused: Answer::new(535, "Error: authentication failed"),
        sender: Answer::new(250, "Mail OK"),
        recipient: Answer::new(250, "Mail OK"),
        no_recipient: Answer::new(550, "User not found: no such user"),
        data: Answer::new(354, "End data with <CR><LF>.<CR><LF>"),
        queued: ("Mail OK queued as smtp1,", ""),
        original_message_id: None,
        sent: None,
        quit: Answer::new(221, "Bye"),
        too_large: Answer::new(552, "Requested mail action aborted: exceeded mailsize limit"),
        login_first: Answer::new(553, "authentication is required,smtp1"),
    },
    imap: ImapVoice {
        greeting: "Coremail System IMap Server Ready(163com[mock])",
        capability_codes: false,
        passwords: &[Mechanism::Plain, Mechanism::Login],
        logged_in: "LOGIN completed",
        refused: "LOGIN Login error password error",
        completed: "{} completed",
        command: "invalid command",
        arguments: "invalid command or parameters",
        state: "command not support",
        idle: "idling",
        literal: "Ready for additional command text",
        bye: "IMAP4rev1 Server logging out",
        timed_out: "Autologout; idle for too long",
        no_such_folder: "Mailbox not exist",
        folders: &[
            ("&XfJT0ZAB-", "Sent"),
            ("&XfJSIJZk-", "Trash"),
            ("&V4NXPpCuTvY-", "Junk"),
            ("&g0l6P3ux-", "Drafts"),
        ],
        quirks: Quirks {
            empty_status: true,
            id_first: Some("SELECT Unsafe Login. Please contact kefu@188.com for help"),
            ..CORRECT
        },
    },
    pop3: Pop3Voice {
        greeting: PopAnswer::ok("Welcome to coremail Mail Pop3 Server (163coms[mock]s)"),
        logged_in: PopAnswer::ok("core mail"),
        refused: PopAnswer::err("Unable to log on"),
        quit: PopAnswer::ok("core mail"),
        extensions: &[],
        pipelining: false,
        initial_response: true,
        closes_after_refusal: false,
    },
    oauthbearer: true,
    tells_reason: false,
    scope: "https://mail.163.com/",
    cloud: None,
    limits: ProviderLimits {
        smtp_connections: 5,
        too_many_smtp: Answer::new(421, "Connection frequency limited"),
        messages_a_minute: 20,
        too_many_messages: Answer::new(450, "User has no permission: MI:SFQ too many messages"),
        imap_connections: 5,
        too_many_imap: "LOGIN Connection frequency limited",
    },
};
