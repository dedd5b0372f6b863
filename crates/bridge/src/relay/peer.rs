use std::net::IpAddr;

/// What is known of a client beside its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The name that the client gave. It is not escaped.
    pub(crate) name: String,
    is_extended: bool,
    tls: Option<(u16, u16)>,
}

impl Peer {
    pub(crate) fn meet(&mut self, hello: Option<(&str, bool)>, tls: Option<(u16, u16)>) {
        if let Some((name, is_extended)) = hello
            && (self.name != name || self.is_extended != is_extended)
        {
            (self.name, self.is_extended) = (name.to_owned(), is_extended);
        }
        self.tls = tls;
    }

    /// The version of TLS and the cipher suite, for the log; `none` in the clear.
    pub(crate) fn tls(&self) -> String {
        let Some((version, suite)) = self.tls else { return "none".into() };
        let version = match version {
            0x0303 => "TLSv1.2".to_owned(),
            0x0304 => "TLSv1.3".to_owned(),
            other => format!("{other:#06x}"),
        };
        let suite = SUITES.iter().find(|(number, _)| *number == suite);
        match suite {
            Some((_, name)) => format!("{version} {name}"),
            None => version,
        }
    }

    /// The client in a Received field: its name as far as it looks like one, and its address (RFC 5321 section 4.4).
    pub(crate) fn from(&self, address: IpAddr) -> String {
        let is_name = !self.name.is_empty()
            && self.name.len() <= 255
            && self.name.bytes().all(|one| one.is_ascii_alphanumeric() || b"-._:[]".contains(&one));
        let literal = match address {
            IpAddr::V4(address) => format!("[{address}]"),
            IpAddr::V6(address) => format!("[IPv6:{address}]"),
        };
        if is_name { format!("{} ({literal})", self.name) } else { literal }
    }

    /// How the message came, as IANA's "Mail Transmission Types" name it.
    pub(crate) fn with(&self, has_login: bool, is_utf8: bool) -> String {
        if !self.is_extended {
            return "SMTP".into();
        }
        let (utf8, tls) = (if is_utf8 { "UTF8" } else { "E" }, self.tls.is_some());
        format!("{utf8}SMTP{}{}", if tls { "S" } else { "" }, if has_login { "A" } else { "" })
    }
}

/// The suites that this program's TLS has.
const SUITES: [(u16, &str); 9] = [
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_a_message_came() {
        let tls13 = Some((0x0304, 0x1302));
        let rows = [
            (Some(("box", true)), None, (false, false), ("box ([192.0.2.1])", "ESMTP", "none")),
            (Some(("my_printer", false)), None, (false, false), ("my_printer ([192.0.2.1])", "SMTP", "none")),
            (
                Some(("[1.2.3.4]", true)),
                tls13,
                (true, false),
                ("[1.2.3.4] ([192.0.2.1])", "ESMTPSA", "TLSv1.3 TLS_AES_256_GCM_SHA384"),
            ),
            (
                Some(("x\r\nBcc: y", true)),
                Some((0x0303, 1)),
                (false, true),
                ("[192.0.2.1]", "UTF8SMTPS", "TLSv1.2"),
            ),
            (Some(("the printer", true)), None, (true, true), ("[192.0.2.1]", "UTF8SMTPA", "none")),
            (Some(("", true)), None, (true, false), ("[192.0.2.1]", "ESMTPA", "none")),
        ];
        for (hello, tls, (has_login, is_utf8), want) in rows {
            let mut peer = Peer::default();
            peer.meet(hello, tls);
            let found = (peer.from("192.0.2.1".parse().unwrap()), peer.with(has_login, is_utf8), peer.tls());
            assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str()), want);
        }
        assert_eq!(Peer::default().from("::1".parse().unwrap()), "[IPv6:::1]");
    }
}
