//! What few messages have: threads, groups, pictures in the text, invitations, custom fields.

use alloc::string::String;
use alloc::vec::Vec;

use super::body::{Attachment, Content, is_sendable};
use super::{
    Error, Field, Group, HeaderLine, List, MAX_MESSAGE_ID, Message, is_message_id, one_line, without_brackets,
};
use crate::ascii::is_token;
use crate::{Address, LineEnds, calendar};

/// How urgent a message is to its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 2156 section 5.3.4 has these and the one that is not written"
)]
pub enum Priority {
    /// More than others.
    High,
    /// Less than others.
    Low,
}

impl Message {
    /// Sets `Sender`, for a message that is not sent by the person in `From`. It also becomes the sender of the envelope.
    #[must_use]
    pub fn sender(mut self, mailbox: Address) -> Self {
        self.rare_mut().sender = Some(mailbox);
        self
    }

    /// Adds recipients under the name of a group. A group may be empty, such as `undisclosed-recipients`.
    #[must_use]
    pub fn to_group(mut self, name: impl Into<String>, members: impl IntoIterator<Item = Address>) -> Self {
        self.group(List::To, name.into().trim(), members);
        self
    }

    /// Adds recipients of a copy under the name of a group, as [`to_group`](Self::to_group) does.
    #[must_use]
    pub fn cc_group(mut self, name: impl Into<String>, members: impl IntoIterator<Item = Address>) -> Self {
        self.group(List::Cc, name.into().trim(), members);
        self
    }

    fn group(&mut self, list: List, name: &str, members: impl IntoIterator<Item = Address>) {
        if name.is_empty() {
            return self.fail(Error::Empty(Field::Group));
        }
        if name.contains(char::is_control) {
            return self.fail(Error::ControlCharacter(Field::Group));
        }
        let members = members.into_iter().collect();
        self.rare_mut().groups.push(Group { list, name: name.into(), members });
    }

    /// Sets the message that this one answers, and its thread: `references` are those of the answered message, without its
    /// own id. Ids without an `@` or with two are taken in angle brackets; other malformed ones are left out. Of a long
    /// thread the first id stays, and as many of the last as fit into 900 octets.
    #[must_use]
    pub fn in_reply_to<I: AsRef<str>>(
        mut self,
        message_id: &str,
        references: impl IntoIterator<Item = I>,
    ) -> Self {
        let Some(own) = id_in_use(message_id) else { return self };
        self.once("In-Reply-To").word(&["<", own, ">"]);
        let bracketed = |id: &str| ["<", id, ">"].concat();
        let mut ids: Vec<String> = Vec::new();
        for id in references {
            ids.extend(id_in_use(id.as_ref()).filter(|id| *id != own).map(bracketed));
        }
        ids.push(bracketed(own));
        let mut left = MAX_REFERENCES.saturating_sub(ids.first().map_or(0, String::len));
        let tail = ids.iter().skip(1).rev().take_while(|id| {
            let fits = left.checked_sub(id.len().saturating_add(1));
            left = fits.unwrap_or_default();
            fits.is_some()
        });
        let first = ids.len().saturating_sub(tail.count());
        let kept = ids.first().into_iter().chain(ids.get(first.max(1)..).unwrap_or_default());
        self.once("References").words(kept.map(String::as_str));
        self
    }

    /// Adds a custom field, such as `X-Ticket`. Encodes text that is not ASCII or has words that do not fit on a line. Of
    /// mailboxes in a field whose name ends in `-To`, such as `Disposition-Notification-To`, it encodes the names alone, and
    /// of URIs and ids in angle brackets, as in `List-Help`, nothing.
    ///
    /// [`build`](Self::build) fails for a name that is not printable ASCII, is longer than 76 octets, or is one of those
    /// that a message is made of or that servers add (`From`, `Content-Type`, `Received`, …), and for CR, LF or NUL in the
    /// text.
    #[must_use]
    pub fn header(mut self, name: &str, text: &str) -> Self {
        let is_name = !name.is_empty()
            && name.len() <= 76
            && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        let is_taken = TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(name))
            || ["content-", "resent-", "arc-"]
                .iter()
                .any(|start| name.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start)));
        if !is_name || is_taken {
            self.fail(Error::HeaderName(name.chars().take(80).collect()));
        } else if let Err(error) = one_line(Field::Header, text) {
            self.fail(error);
        } else {
            let line = HeaderLine::start(&mut self.rare_mut().fields, name);
            // RFC 2047 section 5 allows encoded words in a text, and of mailboxes in their names alone.
            let is_list =
                name.get(name.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case("-to"));
            let mailboxes = if is_list { Address::parse_list(text).unwrap_or_default() } else { Vec::new() };
            if !mailboxes.is_empty() && !mailboxes.iter().any(Address::needs_smtputf8) {
                line.mailboxes(mailboxes.iter());
            } else if text.starts_with('<') && text.split(' ').all(is_uri_or_word) {
                line.words(text.split(' '));
            } else {
                line.unstructured(text);
            }
        }
        self
    }

    /// Tells readers how to leave a list: by URIs with `https` or `mailto` (RFC 2369). With `one_click`, a reader's program
    /// may send a POST to the first `https` URI (RFC 8058). Large providers demand that of bulk senders.
    ///
    /// [`build`](Self::build) fails for other URIs, and with `one_click` if none is `https`.
    #[must_use]
    pub fn list_unsubscribe<'u>(mut self, uris: impl IntoIterator<Item = &'u str>, one_click: bool) -> Self {
        let uris: Vec<&str> = uris.into_iter().collect();
        let is_https = |uri: &&str| uri.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        let is_uri = |uri: &&str| {
            (is_https(uri) || uri.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:")))
                && (9..=MAX_URI).contains(&uri.len())
                && uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>,\"\\".contains(&byte))
        };
        if uris.is_empty() || !uris.iter().all(is_uri) || one_click && !uris.iter().any(is_https) {
            self.fail(Error::Unsubscribe);
            return self;
        }
        let last = uris.len().saturating_sub(1);
        let words: Vec<String> = uris
            .iter()
            .enumerate()
            .map(|(at, uri)| ["<", uri, if at == last { ">" } else { ">," }].concat())
            .collect();
        self.once("List-Unsubscribe").words(words.iter().map(String::as_str));
        self.remove("List-Unsubscribe-Post");
        if one_click {
            self.once("List-Unsubscribe-Post").word(&["List-Unsubscribe=One-Click"]);
        }
        self
    }

    /// Sets the priority, in the two fields that mail programs look at.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        let (importance, number) = match priority {
            Priority::High => ("high", "1 (Highest)"),
            Priority::Low => ("low", "5 (Lowest)"),
        };
        self.once("Importance").word(&[importance]);
        self.once("X-Priority").word(&[number]);
        self
    }

    /// Adds a picture that the [`html`](Self::html) text shows by `<img src="cid:ID">` (RFC 2392). Without such a text it
    /// is attached.
    ///
    /// [`build`](Self::build) fails for an id that is not printable ASCII, has spaces or brackets or is longer than 250
    /// octets, and as for [`attach`](Self::attach).
    #[must_use]
    pub fn inline(
        mut self,
        content_id: impl Into<String>,
        file_name: impl Into<String>,
        content_type: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        let content_id = content_id.into();
        if !is_word(&content_id) {
            self.fail(Error::ContentId);
        }
        self.rich().inline.push(Attachment {
            file_name: file_name.into(),
            content_type: content_type.into(),
            content: Content::Octets(content.into()),
            content_id: Some(content_id),
        });
        self
    }

    /// Adds calendar data (RFC 5545): an invitation, a change of one, an answer.
    ///
    /// It goes out as the last alternative of the text, which is empty if there is none, with its METHOD as a parameter of its
    /// type (RFC 6047 section 2.4): Outlook and Gmail then show it as an invitation, not as a file. [`build`](Self::build)
    /// fails if it has no METHOD or no event.
    #[must_use]
    pub fn calendar(mut self, text: impl Into<String>) -> Self {
        let text: String = text.into();
        // Programs of Windows put one in front of a file, and readers of calendar data see no calendar behind it.
        let data = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        // Its lines are read as they arrive, where a bare CR has become the end of one.
        let text = String::from_utf8(LineEnds::to_crlf(data.as_bytes())).unwrap_or_default();
        let method = calendar::invitation(&text).map(|invitation| invitation.method).unwrap_or_default();
        if method.is_empty() || method.len() > 40 || !method.bytes().all(is_token) {
            self.fail(Error::Calendar);
        } else {
            self.rich().calendar = Some((["calendar; method=", &method].concat(), text));
        }
        self
    }

    /// Adds a file that is read while the message is sent, of `size` octets if that is known. Such a message is written
    /// by [`draft`](Self::draft).
    #[must_use]
    pub fn attach_later(
        mut self,
        file_name: impl Into<String>,
        content_type: impl Into<String>,
        size: Option<u64>,
    ) -> Self {
        self.rich().attachments.push(Attachment {
            file_name: file_name.into(),
            content_type: content_type.into(),
            content: Content::Later(size),
            content_id: None,
        });
        self
    }

    /// Attaches a whole message, as `message/rfc822`, which readers open as a message.
    ///
    /// Only its line ends change: they become CRLF. If it is not ASCII, the server has to offer 8BITMIME. If it has lines of
    /// more than 998 octets or a NUL, it is attached as `application/octet-stream` instead.
    #[must_use]
    pub fn attach_message(mut self, file_name: impl Into<String>, message: &[u8]) -> Self {
        let message = LineEnds::to_crlf(message);
        let (content_type, content) = if is_sendable(&message) {
            ("message/rfc822", Content::Message(message))
        } else {
            ("application/octet-stream", Content::Octets(message))
        };
        self.rich().attachments.push(Attachment {
            file_name: file_name.into(),
            content_type: content_type.into(),
            content,
            content_id: None,
        });
        self
    }

    /// Begins a field that a message has once, in place of the one that was set before.
    fn once(&mut self, name: &str) -> HeaderLine<'_> {
        self.remove(name);
        HeaderLine::start(&mut self.rare_mut().fields, name)
    }

    fn remove(&mut self, name: &str) {
        let fields = &mut self.rare_mut().fields;
        let mut is_kept = true;
        let kept = fields.split_inclusive(|&octet| octet == b'\n').filter(|line| {
            // A line that begins with a space goes on with the field before it.
            if !line.starts_with(b" ") {
                let own = line.get(..name.len()).filter(|_| line.get(name.len()) == Some(&b':'));
                is_kept = own != Some(name.as_bytes());
            }
            is_kept
        });
        *fields = kept.collect::<Vec<_>>().concat();
    }

    /// Keeps the first thing that is wrong until the message is built.
    fn fail(&mut self, problem: Error) {
        self.rare_mut().problem.get_or_insert(problem);
    }
}

/// The id of another message, without its brackets.
fn id_in_use(text: &str) -> Option<&str> {
    let text = text.trim();
    let id = without_brackets(text);
    (is_message_id(id) || id.len() < text.len() && is_word(id)).then_some(id)
}

/// Whether a text can stand between angle brackets.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_MESSAGE_ID
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
}

/// Whether a word can stand as it is in a field that begins with an URI or an id in angle brackets.
fn is_uri_or_word(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= MAX_URI
        && word.bytes().all(|byte| byte.is_ascii_graphic())
        && !word.contains("=?")
}

/// Octets of a References field: some readers and servers take no longer line, folded or not.
const MAX_REFERENCES: usize = 900;
const MAX_URI: usize = 900;

/// Fields that a message is made of, or that servers add.
const TAKEN: [&str; 22] = [
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "MIME-Version",
    "Received",
    "Return-Path",
    "DKIM-Signature",
    "Authentication-Results",
    "Received-SPF",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Importance",
    "X-Priority",
    "Delivered-To",
];

#[cfg(test)]
mod tests;
