//! How the servers of one provider speak, as data.

mod dovecot;
mod exchange;
mod gmail;
mod netease;
mod qq;
mod yahoo;

use std::{fmt, str::FromStr};

use mailbearer_imap::server::Wording as ImapWording;
use mailbearer_pop3::server::Answer as PopAnswer;
use mailbearer_sasl::Mechanism;
use mailbearer_smtp::server::{Answer, Wording as SmtpWording};

/// Whose words and habits the memory servers have.
///
/// They say what the provider's servers say, as far as that is known, with its mistakes. All can do the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Personality {
    /// Exchange Online.
    #[default]
    Exchange,
    /// Gmail.
    Gmail,
    /// Yahoo, and AOL.
    Yahoo,
    /// NetEase: 163, 126 and 188.
    NetEase,
    /// QQ, and Tencent Exmail.
    Qq,
    /// Dovecot, with Postfix for submission.
    Dovecot,
}

impl Personality {
    /// All personalities.
    pub const ALL: [Self; 6] =
        [Self::Exchange, Self::Gmail, Self::Yahoo, Self::NetEase, Self::Qq, Self::Dovecot];

    /// Returns its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Gmail => "gmail",
            Self::Yahoo => "yahoo",
            Self::NetEase => "netease",
            Self::Qq => "qq",
            Self::Dovecot => "dovecot",
        }
    }

    pub(crate) fn voice(self) -> &'static Voice {
        match self {
            Self::Exchange => &exchange::VOICE,
            Self::Gmail => &gmail::VOICE,
            Self::Yahoo => &yahoo::VOICE,
            Self::NetEase => &netease::VOICE,
            Self::Qq => &qq::VOICE,
            Self::Dovecot => &dovecot::VOICE,
        }
    }
}

impl fmt::Display for Personality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Personality {
    type Err = UnknownPersonality;

    fn from_str(name: &str) -> Result<Self, UnknownPersonality> {
        Self::ALL.into_iter().find(|own| own.name() == name).ok_or(UnknownPersonality)
    }
}

/// A name of no [`Personality`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownPersonality;

impl fmt::Display for UnknownPersonality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such personality:")?;
        Personality::ALL.iter().try_for_each(|own| write!(f, " {own}"))
    }
}

impl std::error::Error for UnknownPersonality {}

/// What the servers of a provider say and do.
#[derive(Debug)]
pub(crate) struct Voice {
    pub(crate) smtp: SmtpVoice,
    pub(crate) imap: ImapVoice,
    pub(crate) pop3: Pop3Voice,
    /// Whether `OAUTHBEARER` is offered beside `XOAUTH2`.
    pub(crate) oauthbearer: bool,
    /// Whether a challenge tells why a token is refused, before the refusal itself.
    pub(crate) tells_reason: bool,
    /// The scope in that challenge.
    pub(crate) scope: &'static str,
    /// The name that Microsoft's discovery has for the cloud.
    pub(crate) cloud: Option<&'static str>,
    /// Connections of a user at a time, and messages in a minute.
    pub(crate) limits: ProviderLimits,
}

#[derive(Debug)]
pub(crate) struct SmtpVoice {
    pub(crate) name: &'static str,
    pub(crate) greeting: Answer,
    /// What follows the name in the answer to EHLO.
    pub(crate) hello: &'static str,
    /// A line of the answer to EHLO that offers passwords as drafts of RFC 4954 did, with `=` behind AUTH.
    pub(crate) draft_auth: Option<&'static str>,
    pub(crate) starttls: Answer,
    pub(crate) logged_in: Answer,
    pub(crate) refused: Answer,
    pub(crate) sender: Answer,
    pub(crate) recipient: Answer,
    pub(crate) no_recipient: Answer,
    pub(crate) data: Answer,
    /// The words before the message's id, and after it.
    pub(crate) queued: (&'static str, &'static str),
    /// The field that gets the Message-ID of a message, if the server replaces that with the id of its reply.
    pub(crate) original_message_id: Option<&'static str>,
    /// The folder that gets a copy of what is sent.
    pub(crate) sent: Option<&'static str>,
    pub(crate) quit: Answer,
    pub(crate) too_large: Answer,
    pub(crate) login_first: Answer,
}

#[derive(Debug)]
pub(crate) struct ImapVoice {
    pub(crate) greeting: &'static str,
    /// Whether the greeting and the answer to a login tell the capabilities.
    pub(crate) capability_codes: bool,
    /// What is offered beside the mechanisms for tokens, for passwords.
    pub(crate) passwords: &'static [Mechanism],
    pub(crate) logged_in: &'static str,
    pub(crate) refused: &'static str,
    /// A command was carried out; `{}` is its name.
    pub(crate) completed: &'static str,
    pub(crate) command: &'static str,
    pub(crate) arguments: &'static str,
    pub(crate) state: &'static str,
    pub(crate) idle: &'static str,
    pub(crate) literal: &'static str,
    pub(crate) bye: &'static str,
    pub(crate) timed_out: &'static str,
    pub(crate) no_such_folder: &'static str,
    /// The folders beside the inbox, and their special uses.
    pub(crate) folders: &'static [(&'static str, &'static str)],
    pub(crate) quirks: Quirks,
}

#[derive(Debug)]
pub(crate) struct Pop3Voice {
    pub(crate) greeting: PopAnswer,
    pub(crate) logged_in: PopAnswer,
    pub(crate) refused: PopAnswer,
    pub(crate) quit: PopAnswer,
    /// What is offered beside TOP, UIDL, SASL and USER.
    pub(crate) extensions: &'static [&'static str],
    pub(crate) pipelining: bool,
    /// Whether AUTH may have the token in its line.
    pub(crate) initial_response: bool,
    pub(crate) closes_after_refusal: bool,
}

impl SmtpVoice {
    /// What the session says by itself; where nothing is known, in Exchange's words.
    pub(crate) fn wording(&self) -> SmtpWording {
        let mut wording = SmtpWording::default();
        wording.greeting = self.greeting.clone();
        wording.hello = self.hello.into();
        wording.starttls = self.starttls.clone();
        wording.quit = self.quit.clone();
        wording.login_first = self.login_first.clone();
        wording.message_too_large = self.too_large.clone();
        wording.reset = Answer::new(250, "2.0.0 Resetting");
        wording.verify = Answer::new(252, "2.1.5 Cannot VRFY user");
        wording.unknown = Answer::new(500, "5.3.3 Unrecognized command");
        wording.arguments = Answer::new(501, "5.5.4 Invalid arguments");
        wording.hello_first = Answer::new(503, "5.5.2 Send hello first");
        wording.mail_first = Answer::new(503, "5.5.2 Need mail command");
        wording.recipient_first = Answer::new(503, "5.5.2 Need rcpt command");
        wording.mechanism = Answer::new(504, "5.7.4 Unrecognized authentication type");
        wording.malformed = Answer::new(501, "5.5.2 Invalid authentication response");
        wording.parameter = Answer::new(555, "5.5.4 Unsupported option");
        wording.smtputf8 = Answer::new(553, "5.6.7 Address needs SMTPUTF8");
        wording.bare_line_end =
            Answer::new(550, "5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds");
        wording
    }
}

impl ImapVoice {
    /// The text for a command that was carried out.
    pub(crate) fn completed(&self, command: &str) -> String {
        self.completed.replace("{}", command)
    }

    /// What the session says by itself; where nothing is known, in Exchange's words.
    pub(crate) fn wording(&self) -> ImapWording {
        let mut wording = ImapWording::default();
        wording.greeting = self.greeting.into();
        wording.capability = self.completed("CAPABILITY").into();
        wording.capability_end = if self.quirks.space_after_capability { " ".into() } else { "".into() };
        wording.noop = self.completed("NOOP").into();
        wording.bye = self.bye.into();
        wording.logout = self.completed("LOGOUT").into();
        wording.starttls = "Begin TLS negotiation now.".into();
        wording.literal = self.literal.into();
        wording.idle = self.idle.into();
        wording.command = self.command.into();
        wording.state = self.state.into();
        wording.mechanism = self.refused.into();
        wording.privacy = "LOGIN needs TLS.".into();
        wording.login = "LOGIN failed.".into();
        wording.cancelled = "AUTHENTICATE cancelled.".into();
        wording.malformed = self.arguments.into();
        wording.literal_too_large = "Literal too large.".into();
        wording.too_much = "Too much at once.".into();
        wording.bytes_before_tls = "Octets behind STARTTLS.".into();
        wording.refusals = self.timed_out.into();
        wording
    }
}

/// Mistakes that clients have to tolerate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quirks {
    /// `* STATUS INBOX (MESSAGES 0) `
    pub(crate) space_after_status: bool,
    /// `* SEARCH 1 2 `
    pub(crate) space_after_search: bool,
    /// `* 1 FETCH (UID 19436 )`
    pub(crate) space_in_fetch: bool,
    /// `("inline")` and the like: a disposition without its parentheses.
    pub(crate) bare_disposition: bool,
    /// `* STATUS "x" ()`
    pub(crate) empty_status: bool,
    /// `((NIL NIL "\"undisclosed-recipients\"" NIL))` for a group that is empty.
    pub(crate) group_as_mailbox: bool,
    /// An envelope without a Message-ID ends before it.
    pub(crate) short_envelope: bool,
    /// `* OK [HIGHESTMODSEQ 7]` without a text, at SELECT: the number.
    pub(crate) code_without_text: Option<u64>,
    /// SELECT is refused until the client has told who it is by ID.
    pub(crate) id_first: Option<&'static str>,
    /// `ID ()` is an error.
    pub(crate) no_empty_id: bool,
    /// `"S/MIME Encrypted Message"`: the description of a multipart, where its disposition belongs.
    pub(crate) stray_description: bool,
    /// `(NIL NIL)` for a disposition that is empty.
    pub(crate) empty_disposition: bool,
    /// `("Microsoft Exchange Server" NIL NIL ".MISSING-HOST-NAME.")` for a name without an address.
    pub(crate) name_alone: bool,
    /// `[COPYUID 55 31 6]` without `* OK`, at MOVE.
    pub(crate) bare_copyuid: bool,
    /// LIST does not quote the name of a folder that holds control characters.
    pub(crate) unquoted_name: bool,
    /// RFC822.SIZE is a guess for a message that the server keeps in a form of its own.
    pub(crate) estimated_size: bool,
    /// Changes of the folder are told before the `+` of IDLE.
    pub(crate) news_before_idle: bool,
    /// SEARCH accepts no charset but US-ASCII.
    pub(crate) ascii_search: bool,
    /// `("ALTERNATIVE" ("BOUNDARY" "b") NIL NIL)`: a multipart in which no parts were found has none.
    pub(crate) empty_multipart: bool,
    /// What a FETCH ends with where the user has fetched much; told with the provider's limits alone.
    pub(crate) throttled: Option<&'static str>,
    /// RFC 9738: the most messages that one FETCH shows.
    pub(crate) message_limit: Option<u32>,
    /// A command line of more octets is an error, once the client is logged in.
    pub(crate) line_limit: Option<usize>,
    /// An argument of more octets is an error: the words, in which `{}` is the command.
    pub(crate) argument_limit: Option<(usize, &'static str)>,
    /// `* CAPABILITY IMAP4rev1 `
    pub(crate) space_after_capability: bool,
    /// `"sina.com\"` and `""""`: quotes and backslashes in a string are not escaped.
    pub(crate) unescaped: bool,
    /// A text without a line end has -1 lines.
    pub(crate) no_line_count: bool,
    /// A sequence set that goes down is an error.
    pub(crate) no_descending_set: bool,
    /// What LIST calls the inbox.
    pub(crate) inbox: &'static str,
}

/// None, for the voices to differ from.
const CORRECT: Quirks = Quirks {
    space_after_status: false,
    space_after_search: false,
    space_in_fetch: false,
    bare_disposition: false,
    empty_status: false,
    group_as_mailbox: false,
    short_envelope: false,
    code_without_text: None,
    id_first: None,
    no_empty_id: false,
    stray_description: false,
    empty_disposition: false,
    name_alone: false,
    bare_copyuid: false,
    unquoted_name: false,
    estimated_size: false,
    news_before_idle: false,
    ascii_search: false,
    empty_multipart: false,
    throttled: None,
    message_limit: None,
    line_limit: None,
    argument_limit: None,
    space_after_capability: false,
    unescaped: false,
    no_line_count: false,
    no_descending_set: false,
    inbox: "INBOX",
};

/// What a provider lets one user do.
#[derive(Debug)]
pub(crate) struct ProviderLimits {
    pub(crate) smtp_connections: usize,
    pub(crate) too_many_smtp: Answer,
    pub(crate) messages_a_minute: usize,
    pub(crate) too_many_messages: Answer,
    pub(crate) imap_connections: usize,
    pub(crate) too_many_imap: &'static str,
}

#[cfg(test)]
mod tests;
