//! Proxies in front of servers: which one is used for what, and how to talk to it.

mod http;
mod socks;

use std::{error, fmt, io, net::IpAddr, sync::Arc};

use mailbearer_wire::{Machine, Secret, printable};

/// How a server is reached.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Route {
    /// By its own address.
    #[default]
    Direct,
    /// Through a proxy, which looks up the server's name.
    Proxy(Proxy),
}

/// A proxy that connects clients to servers.
#[derive(Clone)]
#[non_exhaustive]
pub struct Proxy {
    /// What it speaks.
    pub protocol: ProxyProtocol,
    /// DNS name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name and password, if the proxy wants them. They go to the proxy in the clear.
    pub credentials: Option<(String, Secret)>,
    /// Makes the machine that talks to it. A pointer, so that a program that reads no proxy's URL links no such
    /// machine.
    speak: fn(&Self, &str, u16) -> Tunnel,
}

/// What a [`Proxy`] speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyProtocol {
    /// HTTP's CONNECT (RFC 9110 section 9.3.6), with Basic credentials (RFC 7617).
    Http,
    /// SOCKS version 5 (RFC 1928), with user name and password (RFC 1929).
    Socks5,
}

impl Proxy {
    /// Reads `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT][/]`, the form of `HTTPS_PROXY`.
    ///
    /// The scheme is `http` (port 80; also the default), or `socks5` or `socks5h` (port 1080). The proxy always looks
    /// up the server's name. `%` and two hexadecimal digits stand for an octet of user or password.
    ///
    /// # Errors
    ///
    /// Returns [`ProxyUrlError`] for another scheme, and for a malformed host, port or credentials.
    pub fn parse(url: &str) -> Result<Self, ProxyUrlError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (protocol, usual) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyProtocol::Http, 80),
            "socks5" | "socks5h" => (ProxyProtocol::Socks5, 1080),
            _ => return Err(ProxyUrlError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(unescape_pair(credentials)?), place),
            None => (None, rest),
        };
        let (host, port) = host_and_port(place).ok_or(ProxyUrlError::Host)?;
        // A name that no server can have is no name of a proxy either.
        rustls::pki_types::ServerName::try_from(host).map_err(|_| ProxyUrlError::Host)?;
        let most = match protocol {
            ProxyProtocol::Http => 4096,
            ProxyProtocol::Socks5 => 255,
        };
        if let Some((user, password)) = &credentials {
            let colon = protocol == ProxyProtocol::Http && user.contains(':');
            if colon || user.is_empty() || user.len() > most || password.expose().len() > most {
                return Err(ProxyUrlError::Credentials);
            }
        }
        let (host, port) = (host.to_owned(), port.unwrap_or(usual));
        Ok(Self { protocol, host, port, credentials, speak: Self::speak })
    }

    /// Makes the machine that has the proxy connect to `host`.
    pub(crate) fn tunnel(&self, host: &str, port: u16) -> Tunnel {
        (self.speak)(self, host, port)
    }

    fn speak(&self, host: &str, port: u16) -> Tunnel {
        let credentials = self.credentials.as_ref();
        match self.protocol {
            ProxyProtocol::Http => Box::new(http::Connect::new(host, port, credentials)),
            ProxyProtocol::Socks5 => Box::new(socks::Connect::new(host, port, credentials)),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Proxy {
    /// Leaves out the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.host, self.port)
    }
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]`, `[ADDRESS]:PORT`.
fn host_and_port(place: &str) -> Option<(&str, Option<u16>)> {
    if let Some((address, rest)) = place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match rest.strip_prefix(':') {
            Some(port) => Some((address, Some(port.parse().ok()?))),
            None => rest.is_empty().then_some((address, None)),
        };
    }
    match place.rsplit_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok().filter(|port| *port > 0)?))),
        None => Some((place, None)),
    }
}

fn unescape_pair(text: &str) -> Result<(String, Secret), ProxyUrlError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Ok((unescape(user)?, Secret::from(unescape(password)?)))
}

fn unescape(text: &str) -> Result<String, ProxyUrlError> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, more)) = rest.split_first() {
        rest = more;
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let (digits, more) = rest.split_at_checked(2).ok_or(ProxyUrlError::Credentials)?;
        let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'));
        let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        octets.push(octet.ok_or(ProxyUrlError::Credentials)?);
        rest = more;
    }
    String::from_utf8(octets).map_err(|_| ProxyUrlError::Credentials)
}

/// Why a proxy's URL can't be used. Its text never shows the URL, which may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// The scheme is not `http`, `socks5` or `socks5h`.
    Scheme,
    /// The host is neither a DNS name nor an IP address, or the port is malformed.
    Host,
    /// The user name is empty or too long, the password is too long, or a `%` is not followed by two digits.
    Credentials,
}

impl fmt::Display for ProxyUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the scheme must be http, socks5 or socks5h",
            Self::Host => "the host must be a name or an address, the port a number from 1 to 65535",
            Self::Credentials => {
                "user name and password must not be empty or long; write % as %25, @ as %40, : as %3A"
            }
        })
    }
}

impl error::Error for ProxyUrlError {}

/// What a connection is for. The proxy is chosen by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Service {
    /// HTTPS, such as the token endpoint.
    Https,
    /// IMAP, SMTP and everything else that is not HTTP.
    Mail,
}

/// Which servers are reached through which proxy. Default: none.
///
/// Names and addresses of this machine itself (`localhost`, names that end in `.localhost`, 127.0.0.0/8, ::1) are never
/// reached through a proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    rules: Option<Arc<dyn Choose>>,
}

/// Chooses routes if there is a choice. Behind a pointer, so that a program without proxies does not link it.
trait Choose: fmt::Debug + Send + Sync {
    fn route(&self, service: Service, host: &str, port: u16) -> &Route;

    /// Returns the same, with more servers that are reached directly.
    fn except(&self, servers: &str) -> Arc<dyn Choose>;
}

#[derive(Clone, Debug)]
struct Rules {
    https: Route,
    mail: Route,
    exceptions: Vec<String>,
}

impl Choose for Rules {
    fn route(&self, service: Service, host: &str, port: u16) -> &Route {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if is_loopback(&host) || self.exceptions.iter().any(|exception| covers(exception, &host, port)) {
            return &Route::Direct;
        }
        match service {
            Service::Https => &self.https,
            Service::Mail => &self.mail,
        }
    }

    fn except(&self, servers: &str) -> Arc<dyn Choose> {
        let mut rules = self.clone();
        let servers = servers.split([',', ' ', '\t']).filter(|server| !server.is_empty());
        rules.exceptions.extend(servers.map(str::to_ascii_lowercase));
        Arc::new(rules)
    }
}

impl Proxies {
    /// Uses no proxy.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Uses this proxy for everything.
    #[must_use]
    pub fn all(proxy: Proxy) -> Self {
        let route = Route::Proxy(proxy);
        Self::of(route.clone(), route)
    }

    fn of(https: Route, mail: Route) -> Self {
        Self { rules: Some(Arc::new(Rules { https, mail, exceptions: Vec::new() })) }
    }

    /// Reads the variables of the environment as curl and others do; see [`from_variables`](Self::from_variables).
    /// Nothing else in this crate reads the environment.
    ///
    /// # Errors
    ///
    /// Fails for a variable with a value that can't be used. Returns its name, and why.
    pub fn from_environment() -> Result<Self, (&'static str, ProxyUrlError)> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Uses `HTTPS_PROXY` for [`Service::Https`], and `ALL_PROXY` for everything without a proxy of its own. `NO_PROXY`
    /// names servers that are reached directly, separated by commas or spaces: `*` for all, a name for itself and
    /// everything below it (a dot or `*.` in front changes nothing), an address, or a network such as `10.0.0.0/8`;
    /// each may end in `:PORT`. A variable's name in lower case has precedence. An empty value counts as none.
    ///
    /// # Errors
    ///
    /// Fails as [`from_environment`](Self::from_environment) does.
    pub fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, (&'static str, ProxyUrlError)> {
        let value = |small: &str, large: &str| {
            variable(small).or_else(|| variable(large)).filter(|value| !value.trim().is_empty())
        };
        let route = |small: &str, large: &'static str| match value(small, large) {
            Some(url) => Proxy::parse(url.trim()).map(Some).map_err(|error| (large, error)),
            None => Ok(None),
        };
        let all = route("all_proxy", "ALL_PROXY")?;
        let https = route("https_proxy", "HTTPS_PROXY")?.or_else(|| all.clone());
        let route = |proxy: Option<Proxy>| proxy.map_or(Route::Direct, Route::Proxy);
        if https.is_none() && all.is_none() {
            return Ok(Self::none());
        }
        Ok(Self::of(route(https), route(all)).except(&value("no_proxy", "NO_PROXY").unwrap_or_default()))
    }

    /// Reaches these servers directly. They are written as in `NO_PROXY`.
    #[must_use]
    pub fn except(self, servers: &str) -> Self {
        Self { rules: self.rules.map(|rules| rules.except(servers)) }
    }

    /// Returns the route to a server.
    #[must_use]
    pub fn route(&self, service: Service, host: &str, port: u16) -> &Route {
        self.rules.as_ref().map_or(&Route::Direct, |rules| rules.route(service, host, port))
    }
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Whether an entry of `NO_PROXY` applies to this server.
fn covers(exception: &str, host: &str, port: u16) -> bool {
    if exception == "*" {
        return true;
    }
    if let Some((network, bits)) = exception.split_once('/') {
        return is_within(host, network, bits).unwrap_or(false);
    }
    let (name, wanted) = match exception.parse::<IpAddr>() {
        // The colons of an address do not separate a port.
        Ok(_) => (exception, None),
        Err(_) => match host_and_port(exception) {
            Some(split) => split,
            None => return false,
        },
    };
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    if let (Ok(one), Ok(other)) = (name.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        return one == other;
    }
    let name = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
    let above = host.strip_suffix(name);
    !name.is_empty() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

fn is_within(host: &str, network: &str, bits: &str) -> Option<bool> {
    let bits: u32 = bits.parse().ok()?;
    let differ = match (host.parse().ok()?, network.parse().ok()?) {
        (IpAddr::V4(host), IpAddr::V4(network)) => (host.to_bits() ^ network.to_bits()).leading_zeros(),
        (IpAddr::V6(host), IpAddr::V6(network)) => (host.to_bits() ^ network.to_bits()).leading_zeros(),
        _ => return None,
    };
    Some(differ >= bits)
}

/// Why a proxy did not connect to the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// The proxy's name has no address, or could not be looked up.
    LookUp(io::Error),
    /// The proxy does not accept the connection.
    Connect(io::Error),
    /// The proxy wants credentials, or did not accept those that it got.
    Credentials,
    /// The proxy answered CONNECT with this status and this reason.
    Status {
        /// Three digits that do not mean success.
        status: u16,
        /// The rest of the line, fit for a terminal.
        reason: String,
    },
    /// The proxy answered a SOCKS request with this code (RFC 1928 section 6).
    Socks(u8),
    /// The proxy answered in another protocol.
    Protocol,
    /// The proxy closed the connection halfway.
    Closed,
}

impl ProxyProblem {
    /// Returns whether the same may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::LookUp(_) | Self::Connect(_) | Self::Closed => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502..=504),
            // General failure, no route to network or host, refused, lost on the way.
            Self::Socks(code) => matches!(code, 1 | 3..=6),
            Self::Credentials | Self::Protocol => false,
        }
    }
}

impl fmt::Display for ProxyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LookUp(source) => write!(f, "cannot look it up: {source}"),
            Self::Connect(source) => write!(f, "cannot connect to it: {source}"),
            Self::Credentials => f.write_str("it wants a user name and password, or other ones"),
            Self::Status { status, reason } if reason.is_empty() => {
                write!(f, "it refused to connect: {status}")
            }
            Self::Status { status, reason } => write!(f, "it refused to connect: {status} {reason}"),
            Self::Socks(code) => match SOCKS.get(usize::from(*code)).filter(|words| !words.is_empty()) {
                Some(words) => f.write_str(words),
                None => write!(f, "it refused to connect: code {code}"),
            },
            Self::Protocol => f.write_str("its answer is not that of such a proxy"),
            Self::Closed => f.write_str("it closed the connection without an answer"),
        }
    }
}

impl error::Error for ProxyProblem {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::LookUp(source) | Self::Connect(source) => Some(source),
            _ => None,
        }
    }
}

/// The codes of RFC 1928 section 6, in order.
const SOCKS: [&str; 9] = [
    "",
    "it failed to connect",
    "its rules do not allow the connection",
    "it has no route to the server's network",
    "it has no route to the server, or could not look it up",
    "the server refused the connection",
    "the server did not answer it",
    "it does not connect to servers",
    "it does not know this kind of address",
];

/// A machine that talks to a proxy. It ends when the proxy says that the server is connected.
pub(crate) type Tunnel = Box<dyn Machine<Event = (), Error = ProxyProblem> + Send>;

/// Makes what a peer said short and fit for a terminal.
fn shown(bytes: &[u8]) -> String {
    printable(String::from_utf8_lossy(bytes.get(..SHOWN).unwrap_or(bytes)).trim()).into_owned()
}

const SHOWN: usize = 120;

#[cfg(test)]
mod tests;
