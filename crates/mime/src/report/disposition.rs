use alloc::string::String;

use super::groups;

/// What a recipient did with a message: a message disposition notification (RFC 8098).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DispositionReport {
    /// The program that reports it. Empty if the report does not say.
    pub reporting_ua: String,
    /// The recipient's final address.
    pub final_recipient: String,
    /// The address that the sender wrote to. Empty if the report does not say.
    pub original_recipient: String,
    /// `Message-ID` of the message, with its brackets.
    pub original_message_id: String,
    /// `displayed`, `deleted`, `dispatched`, `processed`, in lower case; with a modifier as in `deleted/error`.
    pub disposition: String,
    /// Whether a person did it, and not a program by itself.
    pub is_manual: bool,
}

impl DispositionReport {
    /// Reads the body of a `message/disposition-notification` part; `None` if it does not tell a disposition.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let groups = groups(body);
        let group = groups.iter().find(|group| group.find("Disposition").is_some())?;
        // `disposition-mode ";" disposition-type [ "/" modifiers ]`
        let disposition = group.text("Disposition").to_ascii_lowercase();
        let (mode, kind) = disposition.split_once(';').unwrap_or(("", &disposition));
        Some(Self {
            reporting_ua: group.text("Reporting-UA"),
            final_recipient: group.typed("Final-Recipient"),
            original_recipient: group.typed("Original-Recipient"),
            original_message_id: group.text("Original-Message-ID"),
            disposition: kind.split_whitespace().collect(),
            is_manual: mode.trim().starts_with("manual-action"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told() {
        let body = b"Reporting-UA: pc.example; Mailer 1.1\r\nOriginal-Recipient: rfc822;a@b\r\nFinal-Recipient: rfc822; c@d\r\n\
            Original-Message-ID: <1@x>\r\nDisposition: manual-action/MDN-sent-manually;\r\n displayed / Error\r\n";
        let want = DispositionReport {
            reporting_ua: "pc.example; Mailer 1.1".into(),
            final_recipient: "c@d".into(),
            original_recipient: "a@b".into(),
            original_message_id: "<1@x>".into(),
            disposition: "displayed/error".into(),
            is_manual: true,
        };
        assert_eq!(DispositionReport::parse(body), Some(want));
        let short =
            DispositionReport::parse(b"disposition: automatic-action/MDN-sent-automatically; deleted")
                .unwrap();
        assert_eq!((short.disposition.as_str(), short.is_manual), ("deleted", false));
        assert_eq!(DispositionReport::parse(b"Final-Recipient: rfc822; c@d\n"), None);
    }
}
