use std::{fmt, io, sync::Arc};

use mailbearer_net::{Connection, Runtime, Security, ServerTls};

use super::{
    Mailbox, Options, World,
    imap::Imap,
    pop3::Pop3,
    session::{Session, converse},
    smtp::Smtp,
};

/// The mail servers of a [`Server`](super::Server) without its ports and threads. They serve sockets of the caller's, on any
/// runtime, even one whose network and clock are simulated. Each connection begins with TLS.
#[derive(Clone)]
pub struct Hosts {
    world: Arc<World>,
    tls: ServerTls,
}

impl Hosts {
    /// Sets them up around an empty mailbox. The certificate is that of `tls`. Ports and certificate of `options` are not used.
    ///
    /// # Errors
    ///
    /// Fails when the system gives no random octets.
    pub fn new(options: Options, tls: ServerTls) -> io::Result<Self> {
        Ok(Self { world: Arc::new(World::new(options)?), tls })
    }

    /// The mailbox.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.world.mailbox
    }

    /// Serves one client by SMTP submission.
    pub async fn smtp<R: Runtime>(self, socket: R::Socket) {
        let session = Smtp::new(Arc::clone(&self.world), Security::Implicit);
        self.serve::<R>(socket, session).await;
    }

    /// Serves one client by IMAP.
    pub async fn imap<R: Runtime>(self, socket: R::Socket) {
        let session = Imap::new(Arc::clone(&self.world), Security::Implicit);
        self.serve::<R>(socket, session).await;
    }

    /// Serves one client by POP3.
    pub async fn pop3<R: Runtime>(self, socket: R::Socket) {
        let session = Pop3::new(Arc::clone(&self.world), Security::Implicit);
        self.serve::<R>(socket, session).await;
    }

    async fn serve<R: Runtime>(self, socket: R::Socket, session: impl Session) {
        let mut news = self.world.bell.ear();
        let options = mailbearer_net::Options::default();
        // A client that breaks off is its own affair.
        if let Ok(connection) = Connection::<R>::accept(socket, Security::Implicit, &self.tls, options).await
        {
            converse(connection, session, &mut news).await;
        }
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").field("user", &self.world.user).finish_non_exhaustive()
    }
}
