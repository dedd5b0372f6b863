use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::unpack::unpack;
use crate::{decode, html};

/// How much of a DMARC report is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DmarcLimits {
    /// Octets of the report after decompression. Default 64 MiB.
    pub octets: usize,
    /// Records. Default 100,000; what follows is left out.
    pub records: usize,
}

impl Default for DmarcLimits {
    fn default() -> Self {
        Self { octets: 64 << 20, records: 100_000 }
    }
}

/// What a receiver saw of mail whose `From` names a domain (RFC 7489 appendix C).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DmarcReport {
    /// The organisation that reports.
    pub organization: String,
    /// Address for questions about the report.
    pub email: String,
    /// Id of the report.
    pub id: String,
    /// The first second that it covers, in seconds since 1970.
    pub begin: i64,
    /// The last second that it covers.
    pub end: i64,
    /// The domain whose policy it is about.
    pub domain: String,
    /// The policy that the domain publishes: `none`, `quarantine` or `reject`.
    pub policy: String,
    /// Its policy for subdomains. Empty if the report does not say.
    pub subdomain_policy: String,
    /// To what percentage of messages the policy applies. Empty if the report does not say.
    pub percent: String,
    /// What the receiver saw.
    pub records: Vec<DmarcRecord>,
    /// Whether the report has more records than the limit.
    pub is_cut: bool,
}

/// Messages from one server that the receiver treated alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DmarcRecord {
    /// Address of the server that sent them.
    pub source_ip: String,
    /// How many messages.
    pub count: u64,
    /// What the receiver did with them: `none`, `quarantine` or `reject`.
    pub disposition: String,
    /// Whether a DKIM signature was valid and aligned: `pass` or `fail`.
    pub dkim: String,
    /// Whether SPF passed and was aligned: `pass` or `fail`.
    pub spf: String,
    /// The domain in `From`.
    pub header_from: String,
    /// The domain of the envelope's sender. Empty if the report does not say.
    pub envelope_from: String,
}

/// Why octets are no DMARC report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DmarcError {
    /// The archive is broken, encrypted, or of a kind that reports are not in.
    Archive,
    /// The report is larger than the limit, which this holds, in octets.
    TooLarge(usize),
    /// The text has no `feedback` element with a report in it.
    NoReport,
}

impl fmt::Display for DmarcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive => f.write_str("archive of the report can't be opened"),
            Self::TooLarge(limit) => write!(f, "report is larger than {limit} octets"),
            Self::NoReport => f.write_str("not a DMARC report"),
        }
    }
}

impl core::error::Error for DmarcError {}

impl DmarcReport {
    /// Reads a report, as XML, in gzip or in a zip archive, with the default [`DmarcLimits`].
    ///
    /// # Errors
    ///
    /// Fails for an archive that can't be opened, for one whose file is larger than the limit, and for a text that is no
    /// report.
    pub fn parse(octets: &[u8]) -> Result<Self, DmarcError> {
        Self::parse_with(octets, &DmarcLimits::default())
    }

    /// [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(octets: &[u8], limits: &DmarcLimits) -> Result<Self, DmarcError> {
        let xml = unpack(octets, limits.octets)?;
        let xml = decode::text(&xml, if xml.starts_with(b"\xFF\xFE") { "utf-16" } else { "us-ascii" });
        let xml = xml.unwrap_or_default();
        let mut report = Self::default();
        // Names of what is open, without prefixes; nothing of a report is deeper.
        let mut path: Vec<&str> = Vec::new();
        let (mut deeper, mut seen) = (0usize, false);
        let mut rest = &*xml;
        while let Some((text, markup)) = rest.split_once('<') {
            if !text.trim().is_empty() && deeper == 0 {
                report.set(&path, text.trim());
            }
            if let Some(data) = markup.strip_prefix("![CDATA[") {
                let (data, after) = data.split_once("]]>").unwrap_or((data, ""));
                if deeper == 0 {
                    report.set(&path, data.trim());
                }
                rest = after;
                continue;
            }
            if let Some(comment) = markup.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let (tag, after) = markup.split_once('>').unwrap_or((markup, ""));
            rest = after;
            if tag.starts_with(['?', '!']) {
                continue;
            }
            if tag.starts_with('/') {
                if deeper > 0 {
                    deeper = deeper.saturating_sub(1);
                } else {
                    path.pop();
                }
                continue;
            }
            let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
            let name = name.rsplit(':').next().unwrap_or(name);
            if tag.ends_with('/') {
                continue;
            }
            if deeper > 0 || path.len() >= MAX_DEPTH {
                deeper = deeper.saturating_add(1);
                continue;
            }
            path.push(name);
            match path.as_slice() {
                ["feedback", "report_metadata" | "policy_published"] => seen = true,
                ["feedback", "record"] if report.records.len() >= limits.records => {
                    report.is_cut = true;
                    break;
                }
                ["feedback", "record"] => report.records.push(DmarcRecord::default()),
                _ => {}
            }
        }
        if seen { Ok(report) } else { Err(DmarcError::NoReport) }
    }

    fn set(&mut self, path: &[&str], text: &str) {
        let value = || html::resolved(text);
        let [root, section, path @ ..] = path else { return };
        match (*root, *section, path) {
            ("feedback", "report_metadata", ["org_name"]) => self.organization = value(),
            ("feedback", "report_metadata", ["email"]) => self.email = value(),
            ("feedback", "report_metadata", ["report_id"]) => self.id = value(),
            ("feedback", "report_metadata", ["date_range", "begin"]) => {
                self.begin = text.parse().unwrap_or_default()
            }
            ("feedback", "report_metadata", ["date_range", "end"]) => {
                self.end = text.parse().unwrap_or_default()
            }
            ("feedback", "policy_published", ["domain"]) => self.domain = value(),
            ("feedback", "policy_published", ["p"]) => self.policy = value(),
            ("feedback", "policy_published", ["sp"]) => self.subdomain_policy = value(),
            ("feedback", "policy_published", ["pct"]) => self.percent = value(),
            ("feedback", "record", path) => {
                let Some(record) = self.records.last_mut() else { return };
                match path {
                    ["row", "source_ip"] => record.source_ip = value(),
                    ["row", "count"] => record.count = text.parse().unwrap_or_default(),
                    ["row", "policy_evaluated", "disposition"] => record.disposition = value(),
                    ["row", "policy_evaluated", "dkim"] => record.dkim = value(),
                    ["row", "policy_evaluated", "spf"] => record.spf = value(),
                    ["identifiers", "header_from"] => record.header_from = value(),
                    ["identifiers", "envelope_from"] => record.envelope_from = value(),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    const XML: &str = "<?xml version=\"1.0\"?>\n<!-- <feedback> --><feedback xmlns:x=\"y\">\n<version>1.0</version>\n\
        <report_metadata><org_name>A &amp; B</org_name><email>d@a.example</email><report_id><![CDATA[1<2]]></report_id>\
        <date_range><begin>1700000000</begin><end>1700086400</end></date_range></report_metadata>\
        <policy_published><domain>example.com</domain><p>reject</p><sp/><pct>100</pct></policy_published>\
        <x:record><row><source_ip>192.0.2.1</source_ip><count>12</count><policy_evaluated><disposition>none</disposition>\
        <dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from>\
        </identifiers><auth_results><dkim><domain>other</domain></dkim></auth_results></x:record>\
        <record><row><count>x</count></row></record></feedback>";

    /// Stored, as deflate has it, so that no compressor is needed to make one.
    fn deflated(octets: &[u8]) -> Vec<u8> {
        let len = u16::try_from(octets.len()).unwrap();
        [&[1][..], &len.to_le_bytes(), &(!len).to_le_bytes(), octets].concat()
    }

    fn zip(method: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len()).unwrap().to_le_bytes();
        let told = if flags & 8 == 0 { len } else { [0; 4] };
        let header = [
            &[20, 0][..],
            &flags.to_le_bytes(),
            &method.to_le_bytes(),
            &[0; 8],
            &told,
            &told,
            &[1, 0, 0, 0, b'x'],
        ];
        let entry = [&b"PK\x01\x02"[..], &[0; 16], &len, &len, &[0; 18]].concat();
        [b"PK\x03\x04", &*header.concat(), body, &*entry].concat()
    }

    #[test]
    fn reports_are_read_in_every_wrapping() {
        let packed = deflated(XML.as_bytes());
        let gzip = |flags: u8, extra: &[u8]| {
            [&[0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 3][..], extra, &packed, &[0; 8]].concat()
        };
        for (name, octets) in [
            ("plain", XML.as_bytes().to_vec()),
            ("gzip", gzip(0, b"")),
            ("gzip with all there is", gzip(0x1E, b"\x02\0xxname\0comment\0cc")),
            ("zip", zip(8, 0, &packed)),
            ("zip, stored", zip(0, 0, XML.as_bytes())),
            ("zip with its length behind", zip(8, 8, &packed)),
        ] {
            let report = DmarcReport::parse(&octets).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((report.organization.as_str(), report.id.as_str()), ("A & B", "1<2"), "{name}");
            assert_eq!(
                (report.begin, report.end, report.domain.as_str()),
                (1_700_000_000, 1_700_086_400, "example.com")
            );
            assert_eq!((report.policy.as_str(), report.percent.as_str()), ("reject", "100"));
            let want = DmarcRecord {
                source_ip: "192.0.2.1".into(),
                count: 12,
                disposition: "none".into(),
                dkim: "pass".into(),
                spf: "fail".into(),
                header_from: "example.com".into(),
                envelope_from: String::new(),
            };
            assert_eq!(report.records, [want, DmarcRecord::default()], "{name}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let limits = DmarcLimits { octets: 100, records: 1 };
        let zeros = [&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3][..], &deflated(&[0; 101]), &[0; 8]].concat();
        for (name, octets, want) in [
            ("nothing", &b""[..], DmarcError::NoReport),
            ("another text", b"<html>", DmarcError::NoReport),
            ("a stream cut off", &[0x1F, 0x8B, 8, 0, 0], DmarcError::Archive),
            ("an archive cut off", b"PK\x03\x04", DmarcError::Archive),
            ("an encrypted one", &zip(8, 1, b"x"), DmarcError::Archive),
            ("another method", &zip(12, 0, b"x"), DmarcError::Archive),
            ("octets of no kind", &zip(8, 0, b"\xFF\xFF"), DmarcError::Archive),
            ("one over the limit", &zeros, DmarcError::TooLarge(100)),
            ("one over the limit, stored", &[b'x'; 101], DmarcError::TooLarge(100)),
            ("at the limit", &[b'x'; 100], DmarcError::NoReport),
        ] {
            assert_eq!(DmarcReport::parse_with(octets, &limits), Err(want), "{name}");
        }
        let report =
            DmarcReport::parse_with(XML.as_bytes(), &DmarcLimits { records: 1, ..DmarcLimits::default() });
        assert_eq!(report.map(|report| (report.records.len(), report.is_cut)), Ok((1, true)));
        // An entity is never looked up, and depth costs nothing.
        let deep = format!("<feedback><report_metadata><org_name>&x;{}", "<a>".repeat(100_000));
        assert_eq!(DmarcReport::parse(deep.as_bytes()).map(|report| report.organization), Ok("&x;".into()));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>(), text in "[<>/!a\\[\\]-]{0,40}") {
            for start in [&b""[..], b"PK\x03\x04", b"\x1F\x8B\x08\x1E"] {
                let _ = DmarcReport::parse(&[start, &bytes].concat());
            }
            let _ = DmarcReport::parse(format!("<feedback><record>{text}").as_bytes());
        }
    }
}
