/// Whose server it is, by the server's own words rather than the account's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Vendor {
    /// Microsoft Exchange, in the cloud or on premises.
    Exchange,
    /// Gmail and Google Workspace.
    Gmail,
    /// Yahoo and AOL.
    Yahoo,
    /// NetEase (163.com, 126.com, 188.com), and others who run Coremail.
    NetEase,
    /// Tencent's QQ mail.
    Qq,
    /// Zoho Mail.
    Zoho,
    /// Yandex Mail.
    Yandex,
    /// Apple's iCloud Mail.
    ICloud,
    /// Fastmail.
    Fastmail,
    /// mail.ru.
    MailRu,
    /// Dovecot.
    Dovecot,
    /// Postfix.
    Postfix,
}

impl Vendor {
    /// Returns whose server begins with this greeting. `None` if the greeting does not say.
    #[must_use]
    pub fn of_greeting(greeting: &str) -> Option<Self> {
        let greeting = greeting.to_ascii_lowercase();
        GREETINGS.iter().find(|(words, _)| greeting.contains(words)).map(|(_, vendor)| *vendor)
    }
}

/// In lower case. The first entry that is found counts.
const GREETINGS: &[(&str, Vendor)] = &[
    ("microsoft exchange", Vendor::Exchange),
    ("microsoft esmtp", Vendor::Exchange),
    (".outlook.com", Vendor::Exchange),
    ("gimap", Vendor::Gmail),
    ("gsmtp", Vendor::Gmail),
    ("xymhighestmodseq", Vendor::Yahoo),
    (".yahoo.", Vendor::Yahoo),
    (".aol.com", Vendor::Yahoo),
    // Before Coremail: QQ does not run it.
    ("qqmail", Vendor::Qq),
    (".qq.com", Vendor::Qq),
    ("qq mail", Vendor::Qq),
    ("coremail", Vendor::NetEase),
    ("163.com", Vendor::NetEase),
    ("126.com", Vendor::NetEase),
    ("zoho", Vendor::Zoho),
    ("yandex", Vendor::Yandex),
    ("iscream", Vendor::ICloud),
    (".icloud.com", Vendor::ICloud),
    ("icloud smtp", Vendor::ICloud),
    (".mail.me.com", Vendor::ICloud),
    (".messagingengine.com", Vendor::Fastmail),
    ("fastmail", Vendor::Fastmail),
    (".mail.ru", Vendor::MailRu),
    ("dovecot", Vendor::Dovecot),
    ("postfix", Vendor::Postfix),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_whose_they_are() {
        for (greeting, want) in [
            ("* OK The Microsoft Exchange IMAP4 service is ready. [TQBX]", Some(Vendor::Exchange)),
            (
                "SN2PR00CA0018.outlook.office365.com Microsoft ESMTP MAIL Service ready at Tue",
                Some(Vendor::Exchange),
            ),
            ("* OK Gimap ready for requests from 203.0.113.7 4fb4d7f45d1cf", Some(Vendor::Gmail)),
            ("smtp.gmail.com ESMTP 4fb4d7f45d1cf-5 - gsmtp", Some(Vendor::Gmail)),
            ("* OK [CAPABILITY IMAP4rev1 XYMHIGHESTMODSEQ] IMAP4rev1 Hello", Some(Vendor::Yahoo)),
            ("* OK Coremail System IMap Server Ready(163com[1])", Some(Vendor::NetEase)),
            ("* OK [CAPABILITY IMAP4] QQMail XMIMAP4Server ready", Some(Vendor::Qq)),
            ("* OK svwall.zoho.com IMAP4 Server (Zoho Mail)", Some(Vendor::Zoho)),
            ("* OK Yandex IMAP4rev1 at x.test", Some(Vendor::Yandex)),
            ("* OK [CAPABILITY st0] iSCREAM ready", Some(Vendor::ICloud)),
            ("smtp.icloud.com iCloud SMTP - 2026", Some(Vendor::ICloud)),
            ("mailmxout19.messagingengine.com ESMTP . No UCE permitted.", Some(Vendor::Fastmail)),
            ("smtp33.i.mail.ru ESMTP ready", Some(Vendor::MailRu)),
            ("* OK [CAPABILITY IMAP4rev1] Dovecot (Debian) ready.", Some(Vendor::Dovecot)),
            ("mail.example.org ESMTP Postfix (Debian/GNU)", Some(Vendor::Postfix)),
            ("* OK IMAP4 ready", None),
            ("", None),
        ] {
            assert_eq!(Vendor::of_greeting(greeting), want, "{greeting}");
        }
    }
}
