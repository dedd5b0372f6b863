use alloc::string::String;
use alloc::vec::Vec;

use super::{Group, groups};

/// What became of a message that was sent: a delivery status notification (RFC 3464).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryReport {
    /// The server that reports it.
    pub reporting_mta: String,
    /// The ENVID that the sender gave the message. Empty if it gave none.
    pub envelope_id: String,
    /// When the message came to that server, as the report writes it.
    pub arrival_date: String,
    /// One for each recipient that the report names.
    pub recipients: Vec<DeliveryStatus>,
}

/// What became of a message for one recipient. Texts may hold control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryStatus {
    /// The recipient's final address.
    pub final_recipient: String,
    /// The address that the sender wrote to. Empty if the report does not say.
    pub original_recipient: String,
    /// What the server did.
    pub action: Action,
    /// The code of RFC 3463, as `5.1.1`.
    pub status: String,
    /// The server that decided it, if that was another one.
    pub remote_mta: String,
    /// The words of that server, as `550 5.1.1 no such user`.
    pub diagnostic: String,
    /// Until when the server tries again, as the report writes it. Empty if it does not say.
    pub will_retry_until: String,
}

/// What a server did with a message for a recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It gave up: the message will never be delivered.
    Failed,
    /// It could not deliver the message yet, and tries again.
    Delayed,
    /// It delivered the message.
    Delivered,
    /// It handed the message to a server that sends no reports.
    Relayed,
    /// It delivered the message, and sent it on to several others.
    Expanded,
    /// A word that RFC 3464 does not define, or none.
    #[default]
    Unknown,
}

impl DeliveryReport {
    /// Reads the body of a `message/delivery-status` part; `None` if there is no recipient in it.
    ///
    /// ```
    /// use mailbearer_mime::report::{Action, DeliveryReport};
    ///
    /// let body = b"Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; ann@example.org\r\n\
    ///     Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n";
    /// let report = DeliveryReport::parse(body).ok_or("no report")?;
    /// assert_eq!((report.recipients[0].action, report.recipients[0].status.as_str()), (Action::Failed, "5.1.1"));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let groups = groups(body);
        let is_recipient = |group: &&Group| group.find("Final-Recipient").or(group.find("Action")).is_some();
        let recipients: Vec<_> = groups.iter().filter(is_recipient).map(DeliveryStatus::of).collect();
        // Some servers leave out the empty line behind the fields of the message.
        let message = groups.first()?;
        (!recipients.is_empty()).then(|| Self {
            reporting_mta: message.typed("Reporting-MTA"),
            envelope_id: message.text("Original-Envelope-Id"),
            arrival_date: message.text("Arrival-Date"),
            recipients,
        })
    }
}

impl DeliveryStatus {
    fn of(group: &Group) -> Self {
        let action = group.text("Action");
        // A comment may follow.
        let action = action.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
        let status = group.text("Status");
        Self {
            final_recipient: group.typed("Final-Recipient"),
            original_recipient: group.typed("Original-Recipient"),
            action: match action.to_ascii_lowercase().as_str() {
                "failed" => Action::Failed,
                "delayed" => Action::Delayed,
                "delivered" => Action::Delivered,
                "relayed" => Action::Relayed,
                "expanded" => Action::Expanded,
                _ => Action::Unknown,
            },
            status: status.split_whitespace().next().unwrap_or_default().into(),
            remote_mta: group.typed("Remote-MTA"),
            diagnostic: group.typed("Diagnostic-Code"),
            will_retry_until: group.text("Will-Retry-Until"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_message_is_told() {
        let body = b"Original-Envelope-Id: QQ314159\nReporting-MTA: dns; mx.example.org\nArrival-Date: Mon, 5 Jan 2026\n\n\
            Original-Recipient: rfc822;ann@example.org\nFinal-Recipient: RFC822; ann@mx.example.org\n\
            action: Failed (for good)\nStatus: 5.1.1 (Bad destination mailbox address)\n\
            Remote-MTA: dns; in.example.org\nDiagnostic-Code: smtp; 550 5.1.1\n  no such user; sorry\n\n\
            Final-Recipient: utf-8; J\xC3\xB6rg@example.org\nAction: delayed\nStatus: 4.4.7\nWill-Retry-Until: Fri\n";
        let report = DeliveryReport::parse(body).unwrap();
        assert_eq!(
            (report.reporting_mta.as_str(), report.envelope_id.as_str()),
            ("mx.example.org", "QQ314159")
        );
        assert_eq!(report.arrival_date, "Mon, 5 Jan 2026");
        let [first, second] = report.recipients.as_slice() else { panic!("{report:?}") };
        let want = DeliveryStatus {
            final_recipient: "ann@mx.example.org".into(),
            original_recipient: "ann@example.org".into(),
            action: Action::Failed,
            status: "5.1.1".into(),
            remote_mta: "in.example.org".into(),
            diagnostic: "550 5.1.1  no such user; sorry".into(),
            will_retry_until: String::new(),
        };
        assert_eq!(*first, want);
        assert_eq!(
            (second.final_recipient.as_str(), second.action),
            ("J\u{f6}rg@example.org", Action::Delayed)
        );
        assert_eq!(second.will_retry_until, "Fri");
        for body in [&b""[..], b"Reporting-MTA: dns; x\n", b"\n\n", b": x\n y", b"no field"] {
            assert_eq!(DeliveryReport::parse(body), None, "{}", body.escape_ascii());
        }
        for (count, want) in [(super::super::MAX_FIELDS - 1, true), (super::super::MAX_FIELDS, false)] {
            let body = [b"X: y\n".repeat(count), b"Action: failed\n".to_vec()].concat();
            assert_eq!(DeliveryReport::parse(&body).is_some(), want, "{count}");
        }
        let merged =
            DeliveryReport::parse(b"Reporting-MTA: dns; x\r\nFinal-Recipient: a@b\r\nAction: gone\r\n")
                .unwrap();
        assert_eq!((merged.reporting_mta.as_str(), merged.recipients[0].action), ("x", Action::Unknown));
        assert_eq!(merged.recipients[0].final_recipient, "a@b");
        let together = DeliveryReport::parse(
            b"Reporting-MTA: dns; x\nFinal-Recipient: a@b\nStatus: 5.1.1\nfinal-recipient: c@d\nStatus: 5.1.2\n",
        );
        let together = together.unwrap();
        let told: Vec<_> = together
            .recipients
            .iter()
            .map(|one| (one.final_recipient.as_str(), one.status.as_str()))
            .collect();
        assert_eq!(told, [("a@b", "5.1.1"), ("c@d", "5.1.2")]);
        let by_cr = DeliveryReport::parse(b"Reporting-MTA: dns; x\r\rFinal-Recipient: a@b\rAction: failed\r");
        assert_eq!(by_cr.unwrap().recipients[0].action, Action::Failed);
    }
}
