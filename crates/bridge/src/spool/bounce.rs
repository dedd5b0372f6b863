//! Reports for the sender: of messages that could not be delivered, and of those that went to a server which reports nothing
//! (RFC 3464).

use std::{
    hash::{BuildHasher, RandomState},
    time::{SystemTime, UNIX_EPOCH},
};

use mailbearer::{
    DateTime,
    proto::{
        mime::{Address, mailbox_field},
        wire::printable,
    },
};

use super::{Report, State};

impl Report {
    /// The recipients for a report to the sender (RFC 3464); true if the message was relayed to them, false if it failed; and the
    /// server's words.
    pub(crate) fn told(&self) -> impl Iterator<Item = (&str, bool, &str)> {
        self.recipients.iter().filter_map(|(address, state)| {
            let notify = self.dsn.notify_of(address);
            match state {
                State::Failed(reply) if notify.is_none_or(|notify| notify.failure) => {
                    Some((address.as_str(), false, reply.as_str()))
                }
                // RFC 3461 section 5.2.2: nobody behind this server tells of the success.
                State::Delivered(reply)
                    if self.without_dsn && notify.is_some_and(|notify| notify.success) =>
                {
                    Some((address.as_str(), true, reply.as_str()))
                }
                _ => None,
            }
        })
    }

    /// Whether to send the sender a report. A report itself has no sender, so it causes none.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.sender.is_empty() && self.told().next().is_some()
    }

    /// Whether the sender asked, by `NOTIFY` (RFC 3461), for a report of what this attempt came to, and no other server will
    /// send it. A report itself has no sender, so nobody asks for one about it.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        !self.sender.is_empty() && self.told().any(|(address, ..)| self.dsn.notify_of(address).is_some())
    }
}

/// A report for the sender. `from` is its From, and `name` the host that reports.
pub(super) fn compose(name: &str, from: &str, report: &Report) -> Vec<u8> {
    let Report { dsn, header, .. } = report;
    let header = header.strip_suffix(b"\r\n").filter(|header| header.ends_with(b"\r\n")).unwrap_or(header);
    let (mut failed, mut relayed, mut fields) = (String::new(), String::new(), String::new());
    let id = dsn.envelope_id.as_deref().map(|id| format!("\r\nOriginal-Envelope-Id: {}", printable(id)));
    let id = id.unwrap_or_default();
    for (address, is_relayed, reply) in report.told() {
        let original = dsn.original_recipients.iter().find(|(own, _)| own == address);
        let original =
            original.map(|(_, original)| format!("Original-Recipient: rfc822; {}\r\n", printable(original)));
        let original = original.unwrap_or_default();
        let (address, reply) = (printable(address), printable(reply));
        let (words, action, class) = match is_relayed {
            true => (&mut relayed, "relayed", "2"),
            false => (&mut failed, "failed", "5"),
        };
        words.push_str(&format!("{address}\r\n    {reply}\r\n\r\n"));
        fields.push_str(&format!(
            "\r\n{original}Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {}\r\n\
             Diagnostic-Code: smtp; {}\r\n",
            status(&reply, class),
            folded(&reply),
        ));
    }
    let subject = if failed.is_empty() { "Mail was passed on" } else { "Undelivered mail" };
    let mut words = String::new();
    if !failed.is_empty() {
        words.push_str(&format!("Your message could not be delivered to:\r\n\r\n{failed}"));
    }
    if !relayed.is_empty() {
        words.push_str(&format!(
            "Your message was passed on to a server that does not report whether it delivers it, for:\r\n\r\n{relayed}"
        ));
    }
    let chance = u128::from_be_bytes(random());
    let boundary = format!("={chance:032x}=");
    let [from, to] = [from, &report.sender].map(|address| Address::named("", address));
    let field = |name: &str, address: Result<Address, _>| {
        address.map_or_else(
            |_: mailbearer::proto::mime::AddressError| Vec::new(),
            |one| mailbox_field(name, &[one]),
        )
    };
    let date = now().map_or_else(String::new, |now| format!("Date: {now}\r\n"));
    let domain = name;
    let head = format!(
        "{date}Message-ID: <{chance:032x}@{domain}>\r\nSubject: {subject}\r\nAuto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         This is {name}. {words}\
         --{boundary}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {name}{id}\r\n{fields}\r\n\
         --{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n"
    );
    [
        &field("From", from),
        &field("To", to),
        head.as_bytes(),
        header,
        format!("\r\n--{boundary}--\r\n").as_bytes(),
    ]
    .concat()
}

pub(crate) fn now() -> Option<DateTime> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    DateTime::new(i64::try_from(now).ok()?, 0).ok()
}

pub(crate) fn random() -> [u8; 16] {
    let mut octets = [0; 16];
    for half in octets.chunks_exact_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(std::process::id()).to_be_bytes());
    }
    octets
}

/// The status code of this class in a server's words (RFC 3463).
fn status(reply: &str, class: &str) -> String {
    let is_code = |word: &&str| {
        let mut parts = word.split('.');
        let is_number = |part: Option<&str>| {
            part.is_some_and(|part| {
                !part.is_empty() && part.len() <= 3 && part.bytes().all(|one| one.is_ascii_digit())
            })
        };
        parts.next() == Some(class)
            && is_number(parts.next())
            && is_number(parts.next())
            && parts.next().is_none()
    };
    reply.split_whitespace().find(is_code).map_or_else(|| format!("{class}.0.0"), str::to_owned)
}

/// Folds a value, so that no line is too long.
fn folded(text: &str) -> String {
    let mut out = String::new();
    let mut length = 24_usize;
    for word in text.split(' ') {
        let more = word.len().saturating_add(1);
        if length.saturating_add(more) > 76 && !out.is_empty() {
            out.push_str("\r\n ");
            length = 1;
        } else if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        length = length.saturating_add(more);
    }
    out
}

#[cfg(test)]
mod tests {
    use mailbearer::proto::{
        mime::Headers,
        smtp::{Dsn, Notify},
    };

    use super::*;
    use crate::spool::Fate;

    fn report(recipients: Vec<(&str, State)>) -> Report {
        Report {
            id: "x".into(),
            account: None,
            sender: "ann@x.test".into(),
            fate: Fate::Failed,
            recipients: recipients.into_iter().map(|(address, state)| (address.into(), state)).collect(),
            problem: None,
            dsn: Dsn::default(),
            without_dsn: false,
            header: b"Subject: old\r\n\r\n".to_vec(),
        }
    }

    #[test]
    fn a_success_is_told_where_nobody_else_will() {
        let notify = |success, failure| {
            let mut notify = Notify::default();
            (notify.success, notify.failure) = (success, failure);
            Some(notify)
        };
        let taken = || State::Delivered("250 2.6.0 queued".into());
        let refused = || State::Failed("550 no".into());
        let mut report = report(vec![
            ("success@y", taken()),
            ("failure@y", taken()),
            ("silent@y", taken()),
            ("never@y", refused()),
            ("lost@y", refused()),
            ("later@y", State::Waiting(None)),
        ]);
        report.dsn.notify = notify(true, false);
        report.dsn.notify_of = vec![
            ("failure@y".into(), notify(false, true)),
            ("silent@y".into(), None),
            ("never@y".into(), notify(false, false)),
            ("lost@y".into(), None),
        ];
        let told = |report: &Report| {
            report
                .told()
                .map(|(address, is_relayed, _)| format!("{address} {is_relayed}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&report), ["lost@y false"], "the next server tells the rest");
        report.without_dsn = true;
        assert_eq!(told(&report), ["success@y true", "lost@y false"]);
        let text = String::from_utf8(compose("mx.test", "robot@x.test", &report)).unwrap();
        for part in [
            "Subject: Undelivered mail\r\n",
            "\r\nFinal-Recipient: rfc822; success@y\r\nAction: relayed\r\nStatus: 2.6.0\r\n\
             Diagnostic-Code: smtp; 250 2.6.0 queued\r\n",
            "\r\nFinal-Recipient: rfc822; lost@y\r\nAction: failed\r\nStatus: 5.0.0\r\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        report.recipients.retain(|(address, _)| address == "success@y");
        assert!(report.is_wanted());
        let text = String::from_utf8(compose("mx.test", "robot@x.test", &report)).unwrap();
        assert!(text.contains("Subject: Mail was passed on\r\n") && !text.contains("could not"), "{text}");
        assert!(report.is_asked_for());
        report.sender = String::new();
        assert!(!report.is_wanted() && !report.is_asked_for());
    }

    #[test]
    fn a_report_names_who_did_not_get_it() {
        let mut report = report(vec![
            ("bob@y.test", State::Failed("550 5.1.1 No such user\r\nX: y".into())),
            ("eve@y.test", State::Delivered("250 ok".into())),
        ]);
        report.dsn.envelope_id = Some("QQ 1".into());
        report.dsn.original_recipients = vec![("bob@y.test".into(), "bob@old.test".into())];
        let octets = compose("mx.test", "robot@x.test", &report);
        let headers = Headers::parse(&octets).unwrap();
        assert_eq!(headers.get("To").unwrap().value().trim_ascii(), b"ann@x.test");
        assert_eq!(headers.get("From").unwrap().value().trim_ascii(), b"robot@x.test");
        assert_eq!(headers.get("Auto-Submitted").unwrap().text().trim(), "auto-replied");
        let text = String::from_utf8(octets).unwrap();
        for part in [
            "Content-Type: multipart/report; report-type=delivery-status;",
            "\r\nOriginal-Recipient: rfc822; bob@old.test\r\nFinal-Recipient: rfc822; bob@y.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user",
            "\r\nReporting-MTA: dns; mx.test\r\nOriginal-Envelope-Id: QQ 1\r\n\r\nOriginal-Recipient",
            "Content-Type: text/rfc822-headers\r\n\r\nSubject: old\r\n\r\n--",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        assert!(!text.contains("eve@y.test") && !text.contains("\r\nX: y"), "{text}");
        assert!(report.is_wanted() && !report.is_asked_for(), "nobody said NOTIFY");
    }
}
