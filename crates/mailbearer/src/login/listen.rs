//! Receives the redirect.

use std::{
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};

use mailbearer_net::{Connection, Listener, Options, Runtime};
use mailbearer_oauth::{
    InvalidRedirect, Redirect, RedirectCheck,
    server::{OtherRequest, RedirectEvent, RedirectSession, RequestReader},
};

use super::{browser::language, page::Page};
use crate::{Error, advice::Language};

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Accepted<R> = (<R as Runtime>::Listener, <R as Runtime>::Socket);

/// Listens for the redirect. It serves all clients at once, so that none has to wait for another.
pub(super) struct Reception<R: Runtime> {
    redirect_uri: String,
    check: Option<RedirectCheck>,
    listeners: Vec<R::Listener>,
}

/// A browser that brought the answer, and waits for a page.
pub(super) struct Guest<R: Runtime> {
    connection: Connection<R>,
    session: RedirectSession,
    language: Language,
}

impl<R: Runtime> Reception<R> {
    /// Listens on both loopback addresses, on the same port, or only on that of IPv4 if there is no IPv6. If `listens`
    /// is false, it takes a port and releases it again, because the address must have one.
    pub(super) fn open(
        host: &str,
        port: Option<u16>,
        listens: bool,
        check: &RedirectCheck,
    ) -> Result<Self, Error> {
        let listeners = listeners::<R>(port)?;
        let port = match listeners.first().map(Listener::local_addr) {
            Some(address) => address.map_err(Error::listen)?.port(),
            None => port.unwrap_or_default(),
        };
        let redirect_uri = format!("http://{host}:{port}");
        let listeners = if listens { listeners } else { Vec::new() };
        Ok(Self { redirect_uri, check: Some(check.clone()), listeners })
    }

    /// Makes a reception that does not listen.
    pub(super) fn closed(redirect_uri: &str) -> Self {
        Self { redirect_uri: redirect_uri.into(), check: None, listeners: Vec::new() }
    }

    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub(super) const fn is_open(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Serves all clients until one brings the answer. Afterwards nothing listens.
    pub(super) async fn answer(&mut self) -> (Redirect, Guest<R>) {
        let mut doors: Vec<Waiting<Accepted<R>>> =
            self.listeners.drain(..).map(|door| accept::<R>(door)).collect();
        let mut guests: Vec<Waiting<Option<(Redirect, Guest<R>)>>> = Vec::new();
        poll_fn(|context| {
            loop {
                let mut came = false;
                for door in &mut doors {
                    if let Poll::Ready((listener, socket)) = door.as_mut().poll(context) {
                        *door = accept::<R>(listener);
                        came = true;
                        if let Some(check) = &self.check {
                            let session = RedirectSession::new(&self.redirect_uri, check.clone());
                            // The oldest had the most time to say something.
                            if guests.len() >= GUESTS {
                                drop(guests.remove(0));
                            }
                            guests.push(Box::pin(serve::<R>(socket, session)));
                        }
                    }
                }
                if !came {
                    break;
                }
            }
            let mut answer = None;
            guests.retain_mut(|guest| match guest.as_mut().poll(context) {
                _ if answer.is_some() => true,
                Poll::Ready(found) => {
                    answer = found;
                    false
                }
                Poll::Pending => true,
            });
            answer.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Waits for the next client, whatever happened to the one before.
fn accept<R: Runtime>(mut listener: R::Listener) -> Waiting<Accepted<R>> {
    Box::pin(async move {
        loop {
            match listener.accept().await {
                Ok((socket, _)) => return (listener, socket),
                // Most likely the process has no descriptors left.
                Err(_) => R::sleep(later::<R>(PAUSE)).await,
            }
        }
    })
}

/// Serves one browser until it leaves or brings the answer.
async fn serve<R: Runtime>(socket: R::Socket, mut session: RedirectSession) -> Option<(Redirect, Guest<R>)> {
    let mut options = Options::default();
    options.recv_limit = RequestReader::HEAD.saturating_add(RequestReader::BODY);
    options.timeouts.read = Some(SILENCE);
    options.timeouts.total = Some(VISIT);
    let mut connection = Connection::accept_in_clear(socket, options);
    connection.start_operation();
    loop {
        match connection.next(&mut session).await {
            Ok(Some(RedirectEvent::Answer { redirect, languages })) => {
                let guest = Guest { connection, session, language: language(&languages) };
                return Some((redirect, guest));
            }
            Ok(Some(RedirectEvent::Other { status, reason, languages })) => {
                let language = language(&languages);
                let page = match reason {
                    OtherRequest::Redirect(InvalidRedirect::State) => Page::another_login(language),
                    reason => Page::wrong(language, &reason.to_string()),
                };
                session.respond(status, page.html()).ok()?;
            }
            // Drops clients that break off or say nothing.
            _ => return None,
        }
    }
}

impl<R: Runtime> Guest<R> {
    pub(super) const fn language(&self) -> Language {
        self.language
    }

    /// Shows the page. If the browser has gone, the login is complete all the same.
    pub(super) async fn show(mut self, status: u16, page: &Page) {
        if self.session.respond(status, page.html()).is_ok() {
            self.connection.start_operation();
            let _ = self.connection.next(&mut self.session).await;
        }
    }
}

fn listeners<R: Runtime>(port: Option<u16>) -> Result<Vec<R::Listener>, Error> {
    let listen = |address: IpAddr, port: u16| R::listen(SocketAddr::new(address, port));
    let mut tries = TRIES;
    loop {
        let first = listen(Ipv4Addr::LOCALHOST.into(), port.unwrap_or_default()).map_err(Error::listen)?;
        let taken = first.local_addr().map_err(Error::listen)?.port();
        match listen(Ipv6Addr::LOCALHOST.into(), taken) {
            Ok(second) => return Ok(vec![first, second]),
            // The browser may use either address, so a stranger must not have the other one.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tries = match tries.checked_sub(1) {
                    Some(left) if port.is_none() => left,
                    _ => return Err(Error::listen(error)),
                };
            }
            // There is no IPv6 here.
            Err(_) => return Ok(vec![first]),
        }
    }
}

fn later<R: Runtime>(by: Duration) -> Instant {
    let now = R::now();
    now.checked_add(by).unwrap_or(now)
}

/// The most browsers that are served at a time.
const GUESTS: usize = 256;
/// How long a browser may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a browser may take from connecting to receiving its page.
const VISIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
/// How many ports are tried until one is free on both addresses.
const TRIES: u32 = 20;

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpStream, sync::mpsc, thread};

    use mailbearer_net::Blocking;

    use super::*;
    use crate::later::{Later, pass, passed};

    /// An octet within each time that a browser may be silent keeps it here for no longer than a visit.
    #[test]
    fn a_browser_that_drips_is_left() {
        let mut listener = listeners::<Later>(None).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let mut browser = TcpStream::connect(address).unwrap();
        let (socket, _) = Blocking::task(listener.accept()).unwrap();
        let (tell, told) = mpsc::channel();
        let dripping = thread::spawn(move || told.iter().for_each(|()| drop(browser.write_all(b"G"))));
        let session = RedirectSession::new(&format!("http://{address}"), RedirectCheck::new("state"));
        let mut visit = Box::pin(serve::<Later>(socket, session));
        let found = Blocking::task(poll_fn(|context| {
            let polled = visit.as_mut().poll(context);
            if polled.is_pending() {
                assert!(passed() <= VISIT.saturating_add(SILENCE), "{:?}", passed());
                pass(SILENCE.saturating_sub(Duration::from_secs(5)));
                tell.send(()).unwrap();
            }
            polled
        }));
        assert!(found.is_none());
        drop(tell);
        dripping.join().unwrap();
    }
}
