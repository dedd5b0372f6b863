mod resolve;
mod socket;
mod wait;

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Instant,
};

#[cfg(feature = "tokio")]
pub(crate) use socket::keep_alive;
pub use socket::listen;
pub use socket::{BlockingListener, BlockingSocket};

use crate::{Runtime, Timer};

/// Runs operations on the calling thread. One system call waits for whatever they wait for.
///
/// Its futures are made for [`Blocking::task`](Runtime::task): nothing would wake them on another executor.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values")]
pub enum Blocking {}

impl Runtime for Blocking {
    type Socket = BlockingSocket;
    type Listener = BlockingListener;
    type Timer = BlockingTimer;
    type Task<'a, T: 'a> = T;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> T {
        wait::block_on(operation)
    }

    fn timer(at: Instant) -> BlockingTimer {
        BlockingTimer { at }
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let look_up = resolve::LookUp::new(host, port)?;
        poll_fn(|context| look_up.poll(context)).await
    }

    async fn connect(address: SocketAddr) -> io::Result<BlockingSocket> {
        let mut connecting = socket::Connecting::new(address)?;
        poll_fn(|_| connecting.poll()).await
    }

    fn listen(address: SocketAddr) -> io::Result<BlockingListener> {
        BlockingListener::new(socket::listen(address)?)
    }
}

/// A time at which a blocked thread continues.
#[derive(Clone, Copy, Debug)]
pub struct BlockingTimer {
    at: Instant,
}

impl Timer for BlockingTimer {
    fn reset(&mut self, at: Instant) {
        self.at = at;
    }

    fn poll_expired(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        wait::until(self.at);
        Poll::Pending
    }
}
