use alloc::{borrow::ToOwned, format, string::String};
use core::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use crate::form;

/// Where tokens come from: the parts of an `https` URL.
///
/// What is in here fits into a request line and a `Host` field without changing them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
    target: String,
    /// Whether it is reached without TLS.
    clear: bool,
}

impl Endpoint {
    /// Parses an absolute URL, such as `https://login.example.com/oauth2/token`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidEndpoint`] for any scheme but `https`, for a user name, a fragment, a port out of 1 to
    /// 65535, a host that is neither an ASCII name nor an address, and for anything but visible ASCII.
    pub fn parse(url: &str) -> Result<Self, InvalidEndpoint> {
        if !url.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(InvalidEndpoint("holds a space, a control character or non-ASCII"));
        }
        let parts = url.split_once(':').and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?)));
        let (scheme, rest) = parts.ok_or(InvalidEndpoint("is not absolute"))?;
        if !scheme.eq_ignore_ascii_case("https") {
            return Err(InvalidEndpoint("does not start with https://"));
        }
        Self::of(rest, 443)
    }

    /// Parses the URL, `http` or `https`, of a service on this machine or its link. A cloud gives a machine its identity there,
    /// without TLS.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), but for `http` with 127.0.0.0/8, `[::1]`, 169.254.0.0/16 or `localhost`; the last is
    /// connected to as 127.0.0.1, whatever else the name leads to.
    pub fn parse_local(url: &str) -> Result<Self, InvalidEndpoint> {
        let Some(rest) = url.get(..7).filter(|start| start.eq_ignore_ascii_case("http://")).and(url.get(7..))
        else {
            return Self::parse(url);
        };
        if !url.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(InvalidEndpoint("holds a space, a control character or non-ASCII"));
        }
        let endpoint = Self { clear: true, ..Self::of(rest, 80)? };
        let is_local = match endpoint.connect_host().parse() {
            Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
            Ok(IpAddr::V6(address)) => address.is_loopback(),
            Err(_) => false,
        };
        if is_local {
            Ok(endpoint)
        } else {
            Err(InvalidEndpoint("is neither https nor of this machine itself"))
        }
    }

    fn of(rest: &str, default_port: u16) -> Result<Self, InvalidEndpoint> {
        if rest.contains('#') {
            return Err(InvalidEndpoint("has a fragment"));
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(InvalidEndpoint("has a user name"));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').unwrap_or_default(),
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let is_host = if authority.starts_with('[') {
            host.parse::<Ipv6Addr>().is_ok()
        } else {
            !host.is_empty()
                && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(&octet))
        };
        if !is_host {
            return Err(InvalidEndpoint("has no host name or address"));
        }
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|octet| octet.is_ascii_digit()) => digits.parse().ok(),
            None if port.is_empty() => Some(default_port),
            _ => None,
        };
        let port = port.filter(|&port| port != 0).ok_or(InvalidEndpoint("has a bad port"))?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { host: host.to_owned(), port, target, clear: false })
    }

    /// The name or address to connect to and to check the certificate against; an IPv6 address has no brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is reached without TLS, as [`parse_local`](Self::parse_local) allows it.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        self.clear
    }

    /// What to connect to: the host, but for `localhost` without TLS its address.
    #[must_use]
    pub fn connect_host(&self) -> &str {
        if self.clear && self.host.eq_ignore_ascii_case("localhost") { "127.0.0.1" } else { &self.host }
    }

    /// The same with these pairs behind what the query has.
    #[must_use]
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> Self {
        let query = form::encode(pairs.iter().copied());
        let join = if self.target.contains('?') { "&" } else { "?" };
        Self { target: [self.target.as_str(), join, query.expose()].concat(), ..self.clone() }
    }

    /// The port to connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, and the query if there is one; starts with a slash.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The host as it stands in URLs and `Host` fields, with the port where it is not the scheme's.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.clear { 80 } else { 443 } { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.clear { "http" } else { "https" };
        write!(f, "{scheme}://{}{}", self.authority(), self.target)
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(url: &str) -> Result<Self, InvalidEndpoint> {
        Self::parse(url)
    }
}

/// Why a text is not the address of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEndpoint(&'static str);

impl fmt::Display for InvalidEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token URL {}", self.0)
    }
}

impl core::error::Error for InvalidEndpoint {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn takes_urls_apart() {
        let rows = [
            ("https://a.example/t", ("a.example", 443, "/t"), "https://a.example/t"),
            ("HTTPS://a.example:443/t", ("a.example", 443, "/t"), "https://a.example/t"),
            (
                "https://127.0.0.1:8443/x/y?z=1",
                ("127.0.0.1", 8443, "/x/y?z=1"),
                "https://127.0.0.1:8443/x/y?z=1",
            ),
            ("https://[::1]:8443/t", ("::1", 8443, "/t"), "https://[::1]:8443/t"),
            ("https://[::1]/t", ("::1", 443, "/t"), "https://[::1]/t"),
            ("https://a.example", ("a.example", 443, "/"), "https://a.example/"),
            ("https://a.example?x=1", ("a.example", 443, "/?x=1"), "https://a.example/?x=1"),
            (
                "https://a.example//b.example/:9@",
                ("a.example", 443, "//b.example/:9@"),
                "https://a.example//b.example/:9@",
            ),
        ];
        for (url, want, shown) in rows {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((endpoint.host(), endpoint.port(), endpoint.target()), want, "{url}");
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(shown.parse(), Ok(endpoint), "{url}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        let rows = [
            ("http://a.example/t", "does not start with https://"),
            ("a.example/t", "is not absolute"),
            ("", "is not absolute"),
            ("https:///t", "has no host name or address"),
            ("https://:443/t", "has no host name or address"),
            ("https://a.example@b.example/t", "has a user name"),
            ("https://a.example\\@b.example/t", "has a user name"),
            ("https://a.example\\b.example/t", "has no host name or address"),
            ("https://a%2eexample/t", "has no host name or address"),
            ("https://a.example/t#f", "has a fragment"),
            ("https://a.example:/t", "has a bad port"),
            ("https://a.example:0/t", "has a bad port"),
            ("https://a.example:65536/t", "has a bad port"),
            ("https://a.example:+1/t", "has a bad port"),
            ("https://a.example:1:2/t", "has a bad port"),
            ("https://[::1/t", "has no host name or address"),
            ("https://[::1]x/t", "has a bad port"),
            ("https://[a.example]/t", "has no host name or address"),
            ("https://a.example/t\r\nHost: b.example", "holds a space, a control character or non-ASCII"),
            ("https://a.example/a b", "holds a space, a control character or non-ASCII"),
            ("https://bücher.example/t", "holds a space, a control character or non-ASCII"),
        ];
        for (url, want) in rows {
            assert_eq!(Endpoint::parse(url), Err(InvalidEndpoint(want)), "{url}");
        }
    }

    #[test]
    fn clear_text_stays_on_the_machine() {
        let rows = [
            (
                "http://169.254.169.254/metadata/identity/oauth2/token?x=1",
                Ok(("169.254.169.254", 80, "/metadata/identity/oauth2/token?x=1")),
            ),
            ("http://127.0.0.1:41741/msi/token/", Ok(("127.0.0.1", 41741, "/msi/token/"))),
            ("HTTP://LocalHost:40342", Ok(("127.0.0.1", 40342, "/"))),
            ("http://[::1]:1/", Ok(("::1", 1, "/"))),
            ("https://a.example/t", Ok(("a.example", 443, "/t"))),
            ("https://localhost/t", Ok(("localhost", 443, "/t"))),
            ("http://a.example/t", Err("is neither https nor of this machine itself")),
            ("http://10.0.0.1/t", Err("is neither https nor of this machine itself")),
            ("http://localhost.a.example/t", Err("is neither https nor of this machine itself")),
            ("http://127.0.0.1.a.example/t", Err("is neither https nor of this machine itself")),
            ("http://127.1/t", Err("is neither https nor of this machine itself")),
            ("http://0x7f000001/t", Err("is neither https nor of this machine itself")),
            ("http://0.0.0.0/t", Err("is neither https nor of this machine itself")),
            ("http://[::ffff:10.0.0.1]/t", Err("is neither https nor of this machine itself")),
            ("http://[fe80::1]/t", Err("is neither https nor of this machine itself")),
            ("http://127.0.0.1@a.example/t", Err("has a user name")),
            ("http://127.0.0.1/t\r\nX: y", Err("holds a space, a control character or non-ASCII")),
            ("ftp://127.0.0.1/", Err("does not start with https://")),
            ("htt\u{fc}://", Err("holds a space, a control character or non-ASCII")),
        ];
        for (url, want) in rows {
            let found = Endpoint::parse_local(url);
            let found = found.as_ref().map(|found| (found.connect_host(), found.port(), found.target()));
            assert_eq!(found.map_err(|error| error.0), want, "{url}");
        }
        assert!(Endpoint::parse("http://127.0.0.1/").is_err(), "for the machine's own identity alone");
        let endpoint = Endpoint::parse_local("http://localhost:80/a?b").unwrap();
        assert_eq!(endpoint.to_string(), "http://localhost/a?b");
        assert_eq!(
            endpoint.with_query(&[("r", "https://x/"), ("c", "&")]).target(),
            "/a?b&r=https%3A%2F%2Fx%2F&c=%26"
        );
        assert_eq!(endpoint.with_query(&[]).target(), "/a?b&");
    }

    #[test]
    fn only_a_local_one_is_reached_without_tls() {
        assert!(Endpoint::parse_local("http://127.0.0.1:1/t").unwrap().is_clear());
        assert!(!Endpoint::parse_local("https://127.0.0.1:1/t").unwrap().is_clear());
        assert!(!Endpoint::parse("https://a.example/t").unwrap().is_clear());
    }
}
