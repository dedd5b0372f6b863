use std::{path::PathBuf, time::Duration};

use mailbearer_wire::Secret;

use super::{Fault, Personality, SmtpExtensions};
use crate::Certificate;

/// How a memory server is set up. Each start makes up the identities that are not set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Whose mailbox it is; default `robot@mailbearer.test`.
    pub user: String,
    /// Directory (tenant) of the token endpoint; default a random GUID.
    pub tenant: Option<String>,
    /// The application's id; default a random GUID.
    pub client_id: Option<String>,
    /// The application's secret; default a random one, of characters that a form need not encode.
    pub client_secret: Option<Secret>,
    /// Certificates in PEM by which the application proves itself too; the first is also that of the
    /// [service account](super::Server::service_account_key). Default none.
    pub client_certificate: Option<String>,
    /// The user's password for the grant `password` of the token endpoint; default a random one.
    pub person_password: Option<Secret>,
    /// The folder of the files that Azure Arc's clients have to show; default that for temporary files.
    pub arc_folder: Option<PathBuf>,
    /// Ports to listen on; default free ones.
    pub ports: Ports,
    /// Which certificate is shown, on all ports; default a good one.
    pub certificate: Certificate,
    /// How long an access token is good; default one hour.
    pub token_lifetime: Duration,
    /// Length of an access token in octets; default 1,500. From about 700 on it is a JWT. Less than 32 is 32, more than 1 MiB
    /// is 1 MiB.
    pub token_octets: usize,
    /// Whether each refresh ends the refresh token that it used; default no. See
    /// [`Tokens::set_rotating`](super::Tokens::set_rotating).
    pub rotating_refresh_tokens: bool,
    /// The life of a refresh token that the token endpoint tells, as Google's does for applications in testing. Default it tells
    /// none.
    pub refresh_token_lifetime: Option<Duration>,
    /// Whose words and habits the servers have; default Exchange Online's.
    pub personality: Personality,
    /// The user's password, for personalities that accept passwords: all but Exchange. Default a random one.
    pub password: Option<Secret>,
    /// Whether the user is held to the provider's limits: 3 SMTP connections at a time and 30 messages a minute for
    /// Exchange Online. Default no.
    pub provider_limits: bool,
    /// How often the folder of sent messages is opened before the copy of a submitted message is there, where the
    /// personality keeps one; default 0, at once. Exchange's comes when the message was delivered.
    pub late_copies: u32,
    /// What the submission server offers beside what its personality does; default nothing.
    pub smtp_extensions: SmtpExtensions,
    /// What goes wrong; default nothing.
    pub fault: Option<Fault>,
    /// The most of everything.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user: "robot@mailbearer.test".to_owned(),
            tenant: None,
            client_id: None,
            client_secret: None,
            client_certificate: None,
            person_password: None,
            arc_folder: None,
            ports: Ports::default(),
            certificate: Certificate::default(),
            token_lifetime: Duration::from_secs(3600),
            token_octets: 1500,
            rotating_refresh_tokens: false,
            refresh_token_lifetime: None,
            personality: Personality::default(),
            password: None,
            provider_limits: false,
            late_copies: 0,
            smtp_extensions: SmtpExtensions::default(),
            fault: None,
            limits: Limits::default(),
        }
    }
}

/// Port numbers of a memory server. In [`Options`], 0 stands for a free one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ports {
    /// HTTPS: the token endpoint.
    pub token: u16,
    /// SMTP submission, with STARTTLS.
    pub smtp: u16,
    /// SMTP submission, TLS from the start.
    pub smtps: u16,
    /// IMAP, with STARTTLS.
    pub imap: u16,
    /// IMAP, TLS from the start.
    pub imaps: u16,
    /// POP3, with STLS.
    pub pop3: u16,
    /// POP3, TLS from the start.
    pub pop3s: u16,
    /// HTTP in the clear: what tests change the servers by; see [`Server::control_url`](super::Server::control_url).
    pub control: u16,
}

/// The most that clients of a memory server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a message; default 157,286,400, as Exchange Online.
    pub message_octets: usize,
    /// Octets of all messages; default 1 GiB.
    pub mailbox_octets: usize,
    /// Messages in all folders; default 100,000.
    pub messages: usize,
    /// Folders; default 100.
    pub folders: usize,
    /// Recipients of a message; default 500.
    pub recipients: usize,
    /// Connections at a time, on all ports; default 1,024. One more gets a refusal and is closed.
    pub connections: usize,
    /// Access tokens that are remembered, the latest; default 1,000.
    pub tokens: usize,
    /// How long a client may be silent; default 5 minutes, for IMAP's IDLE 30.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_octets: 157_286_400,
            mailbox_octets: 1 << 30,
            messages: 100_000,
            folders: 100,
            recipients: 500,
            connections: 1024,
            tokens: 1000,
            silence: Duration::from_secs(300),
        }
    }
}
