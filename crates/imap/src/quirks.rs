/// Which mistakes of servers to tolerate.
///
/// All are tolerated by default, because each can mean one thing only. If one is off, a response that needs it is an
/// error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirks {
    /// One space too many or too few: Exchange (`* STATUS INBOX (MESSAGES 0) `), Exmail (`(UID 19436 )`), Yahoo and
    /// GreenMail (`* SEARCH 1 2 `), SurgeMail (`FLAGS (\Seen )`).
    pub spacing: bool,
    /// Octets above 0x7f in a word, and octets that are not UTF-8 in a quoted string.
    pub eight_bit: bool,
    /// A status response without text: Gmail and Yahoo (`* OK [HIGHESTMODSEQ 7]`); a `+` without a space.
    pub missing_text: bool,
    /// A code without a status in front of it, read as an untagged OK: Exchange (`[COPYUID 55 31 6]`).
    pub bare_code: bool,
    /// A quote inside a quoted string, or a backslash before its last quote, that is not escaped: Exmail
    /// (`"sina.com\"`, `""""`). A quote ends a string if a space, a parenthesis, a bracket or the line end follows. If
    /// that can't be (`"Rohr 5" lang"`), the string ends at the next quote behind which the response goes on as it
    /// must.
    pub stray_quote: bool,
    /// A list without elements, NIL, or a string where the grammar wants something in parentheses; an empty string or
    /// NIL where it wants a value. Exchange (`"inline"` for a disposition), NetEase (`* STATUS x ()`), many others.
    pub wrong_nil: bool,
    /// Surplus or missing fields at the end of an ENVELOPE, a body or an address: Exchange (`"S/MIME Encrypted
    /// Message"`), Exmail (9 of 10 fields), Gmail (a multipart without parts).
    pub field_count: bool,
    /// A number that is negative or has a fraction, read as the nearest number that is allowed: mail.ru, Zoho (`MODSEQ
    /// (-1)`).
    pub odd_number: bool,
    /// A mailbox name that should have been quoted, read up to the end of the line; a delimiter without quotes. Both
    /// Exchange.
    pub unquoted_name: bool,
    /// A section in another form than it should have: the length of a range repeated (`BODY[2]<0.10>`); `BODY.PEEK[]`
    /// and `RFC822[]` for `BODY[]`.
    pub odd_section: bool,
    /// A line that breaks inside a quoted string, because the field of the message was folded there. The break is left
    /// out.
    pub line_break: bool,
    /// A value in a FETCH response that follows no rule. It is kept as an [`Item::Other`](crate::Item::Other), together
    /// with everything behind it.
    pub unreadable_value: bool,
    /// Parentheses around some of the items of a FETCH response: Domino (`(UID 1 (ENVELOPE …) …)`); around an item of
    /// an ESEARCH response (`(MODSEQ 7)`); a second structure behind a BODYSTRUCTURE: mail.ru.
    pub extra_parentheses: bool,
    /// Characters that no flag has: Gmail (`[Gmail]/Trash`); `\\*` among FLAGS, not only among PERMANENTFLAGS: Zoho,
    /// GreenMail; a backslash without a name: Dovecot of home.pl.
    pub odd_flag: bool,
    /// 0 where numbers start at 1: Courier (`* 0 FETCH`), Exchange (`UID 0`), UIDVALIDITY 0.
    pub zero_number: bool,
    /// `*` among the UIDs of COPYUID and APPENDUID: Purelymail.
    pub open_set: bool,
    /// An empty line behind a literal before its response goes on, or between two responses: seen by Nylas and by
    /// Python's imaplib.
    pub blank_line: bool,
    /// A last line with neither star nor tag, read as a BYE: Exchange (`Server Unavailable. 15`).
    pub bare_farewell: bool,
    /// A line that is neither an answer nor data, between the answers to a command without literals: passed on as data
    /// that can't be read, up to three times while commands are in flight. Behind a literal it may be a part of a
    /// message whose length the server got wrong, and what follows could be the sender's words, read as the server's.
    pub junk_line: bool,
    /// BYE repeated until the client closes: Yandex. The second BYE ends the session.
    pub repeated_bye: bool,
    /// A failure that looks like success: `OK [Error="…" AuthResultFromPopImapEnd=…] AUTHENTICATE completed.` Exchange
    /// Online says so while it moves a mailbox.
    pub failure_in_ok: bool,
    /// The server opens no mailbox before an ID command: NetEase (`SELECT Unsafe Login`). The
    /// [session](crate::session::Options::id) sends one to these servers as soon as it is authenticated.
    pub id_first: bool,
}

impl Quirks {
    /// Tolerates no mistake.
    pub const NONE: Self = Self {
        spacing: false,
        eight_bit: false,
        missing_text: false,
        bare_code: false,
        stray_quote: false,
        wrong_nil: false,
        field_count: false,
        odd_number: false,
        unquoted_name: false,
        odd_section: false,
        line_break: false,
        unreadable_value: false,
        extra_parentheses: false,
        odd_flag: false,
        zero_number: false,
        open_set: false,
        blank_line: false,
        bare_farewell: false,
        junk_line: false,
        repeated_bye: false,
        failure_in_ok: false,
        id_first: false,
    };
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            spacing: true,
            eight_bit: true,
            missing_text: true,
            bare_code: true,
            stray_quote: true,
            wrong_nil: true,
            field_count: true,
            odd_number: true,
            unquoted_name: true,
            odd_section: true,
            line_break: true,
            unreadable_value: true,
            extra_parentheses: true,
            odd_flag: true,
            zero_number: true,
            open_set: true,
            blank_line: true,
            bare_farewell: true,
            junk_line: true,
            repeated_bye: true,
            failure_in_ok: true,
            id_first: true,
        }
    }
}
