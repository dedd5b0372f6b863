//! Exchange Online.

use mailbearer_smtp::server::Answer;

use super::{CORRECT, ImapVoice, Pop3Voice, PopAnswer, ProviderLimits, Quirks, SmtpVoice, Voice};

/// What Exchange adds to refusals: the host, the time and a number of its log.
macro_rules! trail {
    () => {
        "[mock.mailbearer.test 2026-11-24T05:42:00.000Z 08DE0000000000AA]"
    };
}

pub(super) static VOICE: Voice = Voice {
    smtp: SmtpVoice {
        name: "mock.mailbearer.test",
        greeting: Answer::new(220, "mock.mailbearer.test Microsoft ESMTP MAIL Service ready"),
        hello: "Hello",
        draft_auth: None,
        starttls: Answer::new(220, "2.0.0 SMTP server ready"),
        logged_in: Answer::new(235, "2.7.0 Authentication successful"),
        refused: Answer::new(535, concat!("5.7.3 Authentication unsuccessful ", trail!())),
        sender: Answer::new(250, "2.1.0 Sender OK"),
        recipient: Answer::new(250, "2.1.5 Recipient OK"),
        no_recipient: Answer::new(550, "5.1.10 Recipient not found"),
        data: Answer::new(354, "Start mail input; end with <CRLF>.<CRLF>"),
        queued: ("2.0.0 OK <", "@mock.mailbearer.test> Queued mail for delivery"),
        original_message_id: Some("X-Microsoft-Original-Message-ID"),
        sent: Some("Sent Items"),
        quit: Answer::new(221, "2.0.0 Service closing transmission channel"),
        too_large: Answer::new(552, "5.3.4 Message size exceeds fixed maximum message size"),
        login_first: Answer::new(530, concat!("5.7.57 Client not authenticated to send mail. ", trail!())),
    },
    imap: ImapVoice {
        greeting: "The Microsoft Exchange IMAP4 service is ready. [bW9jay5tYWlsYmVhcmVyLnRlc3Q=]",
        capability_codes: false,
        passwords: &[],
        logged_in: "AUTHENTICATE completed.",
        refused: "AUTHENTICATE failed.",
        completed: "{} completed.",
        command: "Command Error. 12",
        arguments: "Command Argument Error. 11",
        state: "Command received in Invalid state.",
        idle: "IDLE accepted, awaiting DONE command.",
        literal: "Ready for additional command text.",
        bye: "Microsoft Exchange Server IMAP4 server signing off.",
        timed_out: "Connection closed. 14",
        no_such_folder: "Mailbox does not exist.",
        folders: &[
            ("Deleted Items", "Trash"),
            ("Drafts", "Drafts"),
            ("Junk Email", "Junk"),
            ("Sent Items", "Sent"),
        ],
        quirks: Quirks {
            space_after_status: true,
            bare_disposition: true,
            no_empty_id: true,
            stray_description: true,
            empty_disposition: true,
            name_alone: true,
            bare_copyuid: true,
            unquoted_name: true,
            estimated_size: true,
            news_before_idle: true,
            ascii_search: true,
            ..CORRECT
        },
    },
    pop3: Pop3Voice {
        greeting: PopAnswer::ok(
            "The Microsoft Exchange POP3 service is ready. [bW9jay5tYWlsYmVhcmVyLnRlc3Q=]",
        ),
        logged_in: PopAnswer::ok("User successfully authenticated."),
        refused: PopAnswer::err("Authentication failure: unknown user name or bad password."),
        quit: PopAnswer::ok("Microsoft Exchange Server POP3 server signing off."),
        extensions: &[],
        pipelining: false,
        initial_response: false,
        closes_after_refusal: true,
    },
    oauthbearer: false,
    tells_reason: false,
    scope: "https://outlook.office365.com/.default",
    cloud: Some("microsoftonline.com"),
    limits: ProviderLimits {
        smtp_connections: 3,
        too_many_smtp: Answer::new(
            432,
            "4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.",
        ),
        messages_a_minute: 30,
        too_many_messages: Answer::new(451, "4.7.500 Server busy. Please try again later"),
        imap_connections: 20,
        too_many_imap: "AUTHENTICATE failed.",
    },
};
