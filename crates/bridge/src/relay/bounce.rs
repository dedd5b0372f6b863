//! Reports of messages that could not be delivered (RFC 3464).

use mailbearer::proto::{
    mime::{Address, mailbox_field},
    smtp::Dsn,
    wire::printable,
};

use super::reception::{now, random};
use crate::spool::{Entry, Error, Report, State};

/// The header of a message of the spool, as far as a report repeats it.
pub(crate) fn header(entry: &mut Entry<'_>) -> Result<Vec<u8>, Error> {
    let mut header = entry.header(HEADER)?;
    if header.ends_with(b"\r\n\r\n") {
        header.truncate(header.len().saturating_sub(2));
    }
    Ok(header)
}

/// A report for the sender. `from` is its From, and `name` the relay that reports.
pub(crate) fn compose(name: &str, from: &str, report: &Report, dsn: &Dsn, header: &[u8]) -> Vec<u8> {
    let failed = report.recipients.iter().filter_map(|(address, state)| match state {
        State::Failed(reply) => Some((address, reply)),
        _ => None,
    });
    let (mut words, mut fields) = (String::new(), String::new());
    let id = dsn.envelope_id.as_deref().map(|id| format!("\r\nOriginal-Envelope-Id: {}", printable(id)));
    let id = id.unwrap_or_default();
    for (address, reply) in failed {
        let original = dsn.original_recipients.iter().find(|(own, _)| own == address);
        let original =
            original.map(|(_, original)| format!("Original-Recipient: rfc822; {}\r\n", printable(original)));
        let original = original.unwrap_or_default();
        let (address, reply) = (printable(address), printable(reply));
        words.push_str(&format!("{address}\r\n    {reply}\r\n\r\n"));
        fields.push_str(&format!(
            "\r\n{original}Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: {}\r\n\
             Diagnostic-Code: smtp; {}\r\n",
            status(&reply),
            folded(&reply),
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
        "{date}Message-ID: <{chance:032x}@{domain}>\r\nSubject: Undelivered mail\r\nAuto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         This is {name}. Your message could not be delivered to:\r\n\r\n{words}\
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

/// The status code in a server's words (RFC 3463).
fn status(reply: &str) -> String {
    let is_code = |word: &&str| {
        let mut parts = word.split('.');
        let is_number = |part: Option<&str>| {
            part.is_some_and(|part| {
                !part.is_empty() && part.len() <= 3 && part.bytes().all(|one| one.is_ascii_digit())
            })
        };
        parts.next() == Some("5")
            && is_number(parts.next())
            && is_number(parts.next())
            && parts.next().is_none()
    };
    reply.split_whitespace().find(is_code).unwrap_or("5.0.0").to_owned()
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

/// Octets of a header that a report repeats.
const HEADER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use mailbearer::proto::mime::Headers;

    use super::*;
    use crate::spool::Fate;

    #[test]
    fn a_report_names_who_did_not_get_it() {
        let report = Report {
            id: "x".into(),
            sender: "ann@x.test".into(),
            fate: Fate::Failed,
            recipients: vec![
                ("bob@y.test".into(), State::Failed("550 5.1.1 No such user\r\nX: y".into())),
                ("eve@y.test".into(), State::Delivered("250 ok".into())),
            ],
            problem: None,
        };
        let mut dsn = Dsn::default();
        dsn.envelope_id = Some("QQ 1".into());
        dsn.original_recipients = vec![("bob@y.test".into(), "bob@old.test".into())];
        let octets = compose("mx.test", "robot@x.test", &report, &dsn, b"Subject: old\r\n");
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
    }
}
