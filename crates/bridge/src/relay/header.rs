use std::time::{SystemTime, UNIX_EPOCH};

use mailbearer::{
    Address, DateTime,
    proto::mime::{Headers, RawHeader, mailbox_field},
};

use crate::sendmail::{Aliases, Repair, repair};

/// How the header of an incoming message is changed.
pub(crate) struct Rewrite<'r> {
    /// The Received field, with its line end.
    pub(crate) received: String,
    /// The address of the account that it goes out by.
    pub(crate) own: &'r str,
    /// The From that replaces that of the message, if there is one.
    pub(crate) from: Option<&'r Address>,
    /// This machine's name.
    pub(crate) host: &'r str,
    pub(crate) random: [u8; 16],
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It has more Received fields than [`HOPS`].
    Loop,
    /// Its header can't be read.
    Header,
}

/// Rewrites the start of a message, which holds its whole header section, for the spool.
pub(crate) fn rewrite(start: &[u8], how: &Rewrite<'_>) -> Result<Vec<u8>, Unfit> {
    if RawHeader::is_utf16(start) {
        return Err(Unfit::Header);
    }
    let aliases = Aliases::default();
    let settings = Repair { own: how.own, aliases: &aliases, host: how.host };
    let repaired = repair(start, &settings).map_err(|_| Unfit::Header)?.octets;
    let from = how.from.cloned().or_else(|| Address::new(how.own).ok());
    let repaired = match (how.from, repaired.starts_with(b"\r\n"), &from) {
        (Some(from), ..) => with_from(&repaired, from),
        // A header without any field is none yet.
        (None, true, Some(from)) => [mailbox_field("From", std::slice::from_ref(from)), repaired].concat(),
        _ => repaired,
    };
    let (mut header, body) = RawHeader::split(&repaired, true).map_err(|_| Unfit::Header)?;
    if let Some(from) = &from {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if let Ok(now) = DateTime::new(i64::try_from(now).unwrap_or(i64::MAX), 0) {
            header.add_missing(from, now, how.random);
        }
    }
    let hops = Headers::parse(header.octets())
        .map_err(|_| Unfit::Header)?
        .iter()
        .filter(|field| field.name().eq_ignore_ascii_case("Received"))
        .count();
    if hops > HOPS {
        return Err(Unfit::Loop);
    }
    Ok([how.received.as_bytes(), header.octets(), body].concat())
}

/// The message with `from` as its only From, and without Sender.
fn with_from(message: &[u8], from: &Address) -> Vec<u8> {
    let mut out = mailbox_field("From", std::slice::from_ref(from));
    let (mut rest, mut gone) = (message, false);
    loop {
        let end = rest.iter().position(|octet| *octet == b'\n').map_or(rest.len(), |at| at.saturating_add(1));
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if line.is_empty() || matches!(line, b"\r\n" | b"\n") {
            out.extend_from_slice(rest);
            return out;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|octet| *octet == b':').next().unwrap_or_default().trim_ascii_end();
            gone = name.eq_ignore_ascii_case(b"From") || name.eq_ignore_ascii_case(b"Sender");
        }
        if !gone {
            out.extend_from_slice(line);
        }
        rest = after;
    }
}

/// Received fields of a message that goes in a circle: RFC 5321 section 6.3 asks for 100 at least; this server is the
/// last but one on the way.
const HOPS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str, from: Option<&str>) -> Result<String, Unfit> {
        let from = from.map(|from| Address::parse(from).unwrap());
        let how = Rewrite {
            received: "Received: here\r\n".into(),
            own: "robot@x.test",
            from: from.as_ref(),
            host: "box",
            random: [1; 16],
        };
        rewrite(text.as_bytes(), &how).map(|octets| String::from_utf8(octets).unwrap())
    }

    #[test]
    fn a_device_gets_what_it_lacks() {
        let text = rewritten("Subject: scan\r\n\r\nbody\r\n", None).unwrap();
        assert!(text.starts_with("Received: here\r\nDate: "), "{text}");
        assert!(text.contains("\r\nFrom: robot@x.test\r\n") && text.contains("\r\nMessage-ID: <"), "{text}");
        assert!(text.ends_with("\r\nSubject: scan\r\n\r\nbody\r\n"), "{text}");
        let text = rewritten("From: root\r\nDate: x\r\nMessage-ID: <x>\r\n\r\n", None).unwrap();
        assert_eq!(text, "Received: here\r\nFrom: robot@x.test\r\nDate: x\r\nMessage-ID: <x>\r\n\r\n");
        let text = rewritten("just text\r\n", None).unwrap();
        assert!(text.ends_with("\r\n\r\njust text\r\n"), "{text}");
    }

    #[test]
    fn a_fixed_from_is_the_only_one() {
        let text = "Sender: a@b\r\nFROM: root@printer,\r\n\tother@printer\r\nDate: x\r\nMessage-ID: <x>\r\n\r\nFrom: body\r\n";
        let want = "Received: here\r\nFrom: Scanner <scan@x.test>\r\nDate: x\r\nMessage-ID: <x>\r\n\r\nFrom: body\r\n";
        assert_eq!(rewritten(text, Some("Scanner <scan@x.test>")).unwrap(), want);
    }

    #[test]
    fn what_goes_round_is_stopped() {
        let hops = |count| format!("{}From: a@b\r\n\r\n", "Received: x\r\n".repeat(count));
        assert!(rewritten(&hops(HOPS), None).is_ok());
        assert_eq!(rewritten(&hops(HOPS + 1), None), Err(Unfit::Loop));
    }
}
