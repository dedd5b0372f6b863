//! Mail servers in memory, around one mailbox: the parts of a [`Server`].

mod bell;
mod control;
mod extensions;
mod fault;
mod hosts;
mod imap;
mod login;
mod mailbox;
#[cfg(test)]
mod noise;
mod options;
mod people;
mod personality;
mod pop3;
mod provider;
mod robots;
mod server;
mod session;
mod smtp;
#[cfg(test)]
mod testing;
mod token_endpoint;
mod tokens;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use mailbearer_wire::Secret;

use self::{bell::Bell, people::People, personality::Voice, provider::Provider, robots::Robots};

pub use extensions::{SmtpExtensions, UnknownExtension};
pub use fault::Fault;
pub use hosts::Hosts;
pub use mailbox::{DeliverError, Envelope, Mailbox, Message};
pub use options::{Limits, Options, Ports};
pub use personality::{Personality, UnknownPersonality};
pub use server::Server;
pub use tokens::Tokens;

/// What all connections of a memory server look at.
#[derive(Debug)]
pub(crate) struct World {
    /// Rung when there may be news for a client.
    pub(crate) bell: Arc<Bell>,
    /// Rung to drop the clients' connections.
    pub(crate) cut: Arc<Bell>,
    pub(crate) smtp_extensions: SmtpExtensions,
    pub(crate) user: String,
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    /// Object id of the application's service principal.
    pub(crate) object_id: String,
    pub(crate) voice: &'static Voice,
    /// The user's password, where there is one.
    pub(crate) password: Option<Secret>,
    pub(crate) provider: Option<Provider>,
    pub(crate) fault: Mutex<Option<Fault>>,
    pub(crate) limits: Limits,
    pub(crate) mailbox: Mailbox,
    pub(crate) tokens: Tokens,
    pub(crate) people: People,
    pub(crate) robots: Robots,
    /// The password of the person for the grant of that name.
    pub(crate) person_password: Secret,
    /// How long refresh tokens are said to live.
    pub(crate) refresh_token_lifetime: Option<std::time::Duration>,
}

impl World {
    pub(crate) fn new(options: Options) -> io::Result<Self> {
        let voice = options.personality.voice();
        let password = match options.password {
            None if !voice.imap.passwords.is_empty() => Some(tokens::client_secret()?),
            password => password,
        };
        let (limits, bell) = (options.limits, Arc::<Bell>::default());
        let tokens =
            Tokens::new(options.token_lifetime, options.token_octets, limits.tokens, Arc::clone(&bell));
        tokens.set_rotating(options.rotating_refresh_tokens);
        let mailbox = Mailbox::new(limits, Arc::clone(&bell), voice.imap.folders);
        mailbox.lock().late_copies = options.late_copies;
        Ok(Self {
            user: options.user,
            tenant: options.tenant.map_or_else(tokens::guid, Ok)?,
            client_id: options.client_id.map_or_else(tokens::guid, Ok)?,
            client_secret: options.client_secret.map_or_else(tokens::client_secret, Ok)?,
            object_id: tokens::guid()?,
            voice,
            password,
            smtp_extensions: options.smtp_extensions,
            provider: options.provider_limits.then(|| Provider::new(&voice.limits)),
            fault: Mutex::new(options.fault),
            limits,
            mailbox,
            tokens,
            people: People::default(),
            robots: Robots::new(options.client_certificate.as_deref(), options.arc_folder)?,
            refresh_token_lifetime: options.refresh_token_lifetime,
            person_password: options.person_password.map_or_else(tokens::client_secret, Ok)?,
            bell,
            cut: Arc::default(),
        })
    }

    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// What goes wrong now.
    pub(crate) fn fault(&self) -> Option<Fault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
