//! The way to a server: look-up, route, TCP, TLS.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use mailbearer_net::{
    self as net, Connection, DriveError, Options, Route, Runtime, Security, Service, Timer,
};
use mailbearer_wire::printable;

use super::{Walk, protocol};
use crate::{
    Error,
    doctor::{Check, Subject, certificate, probe::Handshake},
    trace::Plan,
};

impl<R: Runtime> Walk<'_, R> {
    /// Takes the steps look-up, route, TCP, and TLS if the connection begins with it.
    pub(super) async fn reach(
        &mut self,
        subject: Subject,
        service: Service,
        (host, port): (&str, u16),
        security: Security,
        plan: Plan,
    ) -> Option<Connection<R>> {
        let account = self.client.account();
        let protocol = protocol(subject);
        let way = account.proxies.route(service, host, port).clone();
        let (name, name_port, route) = match &way {
            Route::Proxy(proxy) => (proxy.host.clone(), proxy.port, format!("through the proxy {proxy}")),
            _ => (host.to_owned(), port, "direct".to_owned()),
        };
        self.begin();
        let found = within::<R, _>(account.timeouts.connect, R::resolve(&name, name_port)).await;
        let addresses = match found {
            Ok(addresses) if !addresses.is_empty() => {
                self.ok(subject, Check::LookUp, format!("{}: {}", printable(&name), list(&addresses)));
                addresses
            }
            failed => {
                let none = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                let source = failed.err().unwrap_or(none);
                let error = match &way {
                    Route::Proxy(proxy) => net::Error::Proxy {
                        proxy: proxy.to_string(),
                        problem: net::ProxyProblem::LookUp(source),
                    },
                    // Connecting explains best what is wrong with a malformed name.
                    _ => match Connection::<R>::open(host, port, security, &self.tls, Options::default())
                        .await
                    {
                        Err(error @ net::Error::InvalidHost(_)) => error,
                        _ => net::Error::LookUp { host: host.to_owned(), source },
                    },
                };
                self.failed(subject, Check::LookUp, Error::net(protocol, error), "");
                self.skipped(subject, &[Check::Route, Check::Tcp, Check::Tls]);
                return None;
            }
        };
        self.ok(subject, Check::Route, route);
        self.begin();
        let tried = each_address::<R>(&addresses, account.timeouts.connect.min(PROBE)).await;
        // TLS is a step of its own, which needs to know what was seen of it. Without trust anchors every handshake
        // fails, and says so.
        if let Ok((tls, seen)) = self.client.tls().seen() {
            (self.tls, self.seen) = (tls, seen);
        }
        let seen = Some(&self.seen);
        let (_, options) = self.client.shared().prepare(service, host, port, security, plan, &self.tls, seen);
        let opened = Connection::<R>::open(host, port, Security::StartTls, &self.tls, options).await;
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(error) => {
                self.failed(subject, Check::Tcp, Error::net(protocol, error), &tried);
                self.skipped(subject, &[Check::Tls]);
                return None;
            }
        };
        let tried = if tried.is_empty() { tried } else { format!(": {tried}") };
        self.ok(subject, Check::Tcp, format!("{} port {port}{tried}", printable(host)));
        if security == Security::StartTls {
            return Some(connection);
        }
        self.begin();
        match connection.next(&mut Handshake::default()).await {
            Ok(_) => {
                self.ok(subject, Check::Tls, certificate::describe(&self.seen));
                Some(connection)
            }
            Err(DriveError::Net(error)) => {
                let seen =
                    if is_certificate(&error) { certificate::describe(&self.seen) } else { String::new() };
                self.failed(subject, Check::Tls, Error::net(protocol, error), &seen);
                None
            }
            Err(DriveError::Machine(never)) => match never {},
        }
    }
}

const fn is_certificate(error: &net::Error) -> bool {
    matches!(error, net::Error::Tls { problem: net::TlsProblem::Certificate(_), .. })
}

/// Runs `operation`, unless it takes longer.
async fn within<R: Runtime, T>(
    limit: Duration,
    operation: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let mut operation = pin!(operation);
    let mut timer = R::timer(R::now().checked_add(limit).unwrap_or_else(R::now));
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Pending => timer
            .poll_expired(context)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))),
        done => done,
    })
    .await
}

/// If there are several addresses, reports what each does with a connection: one that answers may hide one that does
/// not, which others get. Empty for a single address.
async fn each_address<R: Runtime>(addresses: &[SocketAddr], limit: Duration) -> String {
    if addresses.len() < 2 {
        return String::new();
    }
    let began = R::now();
    let mut tried: Vec<(SocketAddr, Pin<Box<_>>, Option<String>)> = addresses
        .iter()
        .take(ADDRESSES)
        .map(|address| (*address, Box::pin(within::<R, _>(limit, R::connect(*address))), None))
        .collect();
    poll_fn(|context| {
        for (_, attempt, told) in tried.iter_mut().filter(|(.., told)| told.is_none()) {
            if let Poll::Ready(ended) = attempt.as_mut().poll(context) {
                let took = R::now().saturating_duration_since(began).as_millis();
                *told = Some(match ended {
                    Ok(_) => format!("in {took} ms"),
                    Err(error) => printable(&error.to_string()).into_owned(),
                });
            }
        }
        if tried.iter().all(|(.., told)| told.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let told =
        tried.into_iter().map(|(address, _, told)| format!("{} {}", address.ip(), told.unwrap_or_default()));
    told.collect::<Vec<_>>().join(", ")
}

fn list(addresses: &[SocketAddr]) -> String {
    let mut told: Vec<String> =
        addresses.iter().map(|address| address.ip().to_string()).take(ADDRESSES).collect();
    if addresses.len() > ADDRESSES {
        told.push(format!("and {} more", addresses.len().saturating_sub(ADDRESSES)));
    }
    told.join(", ")
}

/// The most addresses that are listed.
const ADDRESSES: usize = 4;
/// How long each of several addresses may take to accept a connection.
const PROBE: Duration = Duration::from_secs(5);
