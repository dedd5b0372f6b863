//! How a TCP connection is made: look-up, and a race of the addresses (RFC 8305).

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::Poll,
    time::{Duration, Instant},
};

use crate::{Error, Runtime, Timer, link::later};

/// Looks up `host`, and connects to the first of its addresses that answers, all before `deadline`.
pub(crate) async fn tcp<R: Runtime>(host: &str, port: u16, deadline: Instant) -> Result<R::Socket, Error> {
    let found = before::<R, _>(deadline, "the look-up took too long", R::resolve(host, port)).await;
    let addresses = found.and_then(|addresses| {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        if addresses.is_empty() { Err(none()) } else { Ok(addresses) }
    });
    let addresses = addresses.map_err(|source| Error::LookUp { host: host.to_owned(), source })?;
    let connected = before::<R, _>(deadline, "it does not answer", race::<R>(addresses)).await;
    connected.map_err(|source| Error::Connect { host: host.to_owned(), port, source })
}

/// Returns what `operation` returns, or a timeout at `deadline`.
pub(crate) async fn before<R: Runtime, T>(
    deadline: Instant,
    late: &'static str,
    operation: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let mut operation = pin!(operation);
    let mut timer = R::timer(deadline);
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Pending => {
            timer.poll_expired(context).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, late)))
        }
        done => done,
    })
    .await
}

type Attempt<R> = Pin<Box<dyn Future<Output = io::Result<<R as Runtime>::Socket>> + Send>>;

/// Connects to the addresses in turn. If one is slow to answer, starts with the next one meanwhile (RFC 8305 section
/// 5). The first that answers wins; the other attempts are dropped.
pub(crate) async fn race<R: Runtime>(addresses: Vec<SocketAddr>) -> io::Result<R::Socket> {
    let mut waiting = interleave(addresses);
    let mut running: Vec<Attempt<R>> = Vec::new();
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    let mut stagger = R::timer(R::now());
    poll_fn(|context| {
        loop {
            let mut failed = false;
            let mut winner = None;
            running.retain_mut(|attempt| match attempt.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(Ok(socket)) => {
                    winner = Some(socket);
                    false
                }
                Poll::Ready(Err(error)) => {
                    failure = error;
                    failed = true;
                    false
                }
            });
            if let Some(socket) = winner {
                return Poll::Ready(Ok(socket));
            }
            // After a failure the next attempt starts at once.
            if !failed
                && !running.is_empty()
                && (waiting.is_empty() || stagger.poll_expired(context).is_pending())
            {
                return Poll::Pending;
            }
            match waiting.pop() {
                Some(address) => {
                    running.push(Box::pin(R::connect(address)));
                    stagger.reset(later(R::now(), STAGGER));
                }
                None if running.is_empty() => {
                    return Poll::Ready(Err(std::mem::replace(&mut failure, io::ErrorKind::NotFound.into())));
                }
                None => {}
            }
        }
    })
    .await
}

/// Orders addresses so that the families alternate, each in the order of the look-up, which is by preference. So a
/// family that does not work here costs one attempt, not one for each of its addresses (RFC 8305 section 4). The first
/// address to try is the last in the result.
fn interleave(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    addresses.truncate(ADDRESSES);
    // Backwards, because the last element is cheap to remove.
    let mut mixed = Vec::with_capacity(ADDRESSES);
    let mut turn = addresses.first().is_some_and(SocketAddr::is_ipv6);
    while !addresses.is_empty() {
        let next = addresses.iter().position(|address| address.is_ipv6() == turn).unwrap_or_default();
        mixed.insert(0, addresses.remove(next));
        turn = !turn;
    }
    mixed
}

/// Time between the starts of two attempts: the "Connection Attempt Delay" of RFC 8305 section 5.
const STAGGER: Duration = Duration::from_millis(250);
/// The most addresses of one name that are tried.
const ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let rows: [(&[&str], &[&str]); 4] = [
            (&[], &[]),
            (&["[::1]:1", "[::2]:1", "1.1.1.1:1"], &["[::1]:1", "1.1.1.1:1", "[::2]:1"]),
            (
                &["1.1.1.1:1", "1.1.1.2:1", "[::1]:1", "[::2]:1"],
                &["1.1.1.1:1", "[::1]:1", "1.1.1.2:1", "[::2]:1"],
            ),
            (&["1.1.1.1:1", "1.1.1.2:1"], &["1.1.1.1:1", "1.1.1.2:1"]),
        ];
        for (found, want) in rows {
            let found = found.iter().map(|address| address.parse().unwrap()).collect();
            let want: Vec<SocketAddr> = want.iter().rev().map(|address| address.parse().unwrap()).collect();
            assert_eq!(interleave(found), want);
        }
        let many = (1..=40).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
        assert_eq!(interleave(many).len(), ADDRESSES);
    }
}
