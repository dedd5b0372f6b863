//! How a thread waits: each poll of an operation notes what it waits for, and one `poll(2)` waits for all of it.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io::{self, Read, Write},
    mem,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::AsFd,
};

use crate::Interest;

/// A socket that can be waited for while its owner has it.
type Source = Arc<dyn AsFd + Send + Sync>;

/// Wakes the thread when `source` can be read or written.
pub(super) fn ready<S: AsFd + Send + Sync + 'static>(source: &Arc<S>, interest: Interest) {
    let source = Arc::clone(source);
    let flags = match interest {
        Interest::Read => PollFlags::IN,
        Interest::Write => PollFlags::OUT,
        Interest::Both => PollFlags::IN | PollFlags::OUT,
    };
    WAITS.with_borrow_mut(|waits| waits.sources.push((source, flags)));
}

/// Wakes the thread at `at`.
pub(super) fn until(at: Instant) {
    WAITS.with_borrow_mut(|waits| waits.until = Some(waits.until.map_or(at, |until| until.min(at))));
}

/// Polls `operation` to its end, and waits in between.
pub(super) fn block_on<T>(operation: impl Future<Output = T>) -> T {
    let bell = BELL.with(Arc::clone);
    // What an outer operation calls, such as a trace, may run an operation of its own.
    let _outer = Outer { waits: WAITS.take(), runs: RUNS.replace(true), bell: &bell };
    let mut operation = pin!(operation);
    let waker = Waker::from(Arc::clone(&bell));
    loop {
        if let Poll::Ready(result) = operation.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        wait(&bell);
    }
}

thread_local! {
    static BELL: Arc<Bell> = Arc::default();
    static RUNS: Cell<bool> = const { Cell::new(false) };
    static WAITS: RefCell<Waits> = const { RefCell::new(Waits { sources: Vec::new(), until: None }) };
}

/// What the operation on this thread waits for.
#[derive(Default)]
struct Waits {
    sources: Vec<(Source, PollFlags)>,
    until: Option<Instant>,
}

/// Restores what the outer operation waits for.
struct Outer<'a> {
    waits: Waits,
    runs: bool,
    bell: &'a Arc<Bell>,
}

impl Drop for Outer<'_> {
    fn drop(&mut self) {
        WAITS.set(mem::take(&mut self.waits));
        RUNS.set(self.runs);
        if self.runs {
            // A wake-up may have been meant for the outer operation.
            self.bell.wake_by_ref();
        }
    }
}

fn wait(bell: &Arc<Bell>) {
    let mut waits = WAITS.take();
    let mut patience = waits.until.map(|until| until.saturating_duration_since(Instant::now()));
    // The thread that wakes sets the flag before it gives up its reference.
    let hearing = bell.hear(Arc::strong_count(bell) > OWN_BELLS);
    let ear = match &hearing {
        // The notes are dropped, because the operation makes them again.
        Hearing::Rung => return,
        Hearing::Nobody => None,
        Hearing::Ear(ear) => Some(&**ear),
        Hearing::Deaf => {
            patience = Some(patience.unwrap_or(NAP).min(NAP));
            None
        }
    };
    let mut fds: Vec<_> = waits
        .sources
        .iter()
        .map(|(source, flags)| PollFd::from_borrowed_fd(source.as_fd(), *flags))
        .collect();
    fds.extend(ear.map(|ear| PollFd::new(ear, PollFlags::IN)));
    // Timespec::try_from fails for centuries only.
    let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let polled = poll(&mut fds, timeout.as_ref());
    drop(fds);
    if polled.is_err_and(|error| error != rustix::io::Errno::INTR) {
        // There is no memory for it. The operation can only try again, but not in a tight loop.
        thread::sleep(NAP);
    }
    // The operation tries everything again and notes what it still waits for.
    waits.sources.clear();
    waits.until = None;
    WAITS.set(waits);
}

/// Wakes a thread that waits: a flag, and where another has a waker, a socket that can be polled.
#[derive(Default)]
struct Bell {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rung: bool,
    pair: Option<Arc<pair::Pair>>,
}

/// How a thread learns that its [`Bell`] rang.
enum Hearing {
    /// Not at all: nobody else has the bell.
    Nobody,
    /// It has rung already.
    Rung,
    /// Through this socket.
    Ear(Arc<pair::Pair>),
    /// Only by checking: the system has no descriptor left for a socket.
    Deaf,
}

impl Bell {
    fn hear(&self, someone_may_ring: bool) -> Hearing {
        let mut state = self.state();
        if mem::take(&mut state.rung) {
            if let Some(pair) = &state.pair {
                pair.hush();
            }
            return Hearing::Rung;
        }
        if !someone_may_ring {
            return Hearing::Nobody;
        }
        if state.pair.is_none() {
            state.pair = pair::Pair::new().ok().map(Arc::new);
        }
        state.pair.clone().map_or(Hearing::Deaf, Hearing::Ear)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Code that can panic never holds this lock halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state();
        if !mem::replace(&mut state.rung, true)
            && let Some(pair) = &state.pair
        {
            pair.ring();
        }
    }
}

/// The references of this thread, of the operation that runs, and of its waker.
const OWN_BELLS: usize = 3;
/// How long a thread sleeps that can't be woken.
const NAP: Duration = Duration::from_millis(10);

#[cfg(unix)]
mod pair {
    use std::os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    };

    use super::{Read, Write, io};

    pub(super) struct Pair(UnixStream, UnixStream);

    impl Pair {
        pub(super) fn new() -> io::Result<Self> {
            let (ours, theirs) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            theirs.set_nonblocking(true)?;
            Ok(Self(ours, theirs))
        }

        pub(super) fn ring(&self) {
            // Fails only if it is full, and then it is ringing already.
            let _ = (&self.1).write(&[1]);
        }

        pub(super) fn hush(&self) {
            // At most one octet each time, because the flag was set.
            let _ = (&self.0).read(&mut [0; 8]);
        }
    }

    impl AsFd for Pair {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(not(unix))]
mod pair {
    use std::{
        net::{Ipv4Addr, UdpSocket},
        os::windows::io::{AsSocket, BorrowedSocket},
    };

    use super::io;

    /// A socket that is connected to itself.
    pub(super) struct Pair(UdpSocket);

    impl Pair {
        pub(super) fn new() -> io::Result<Self> {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(socket.local_addr()?)?;
            socket.set_nonblocking(true)?;
            Ok(Self(socket))
        }

        pub(super) fn ring(&self) {
            // Fails only if it is full, and then it is ringing already.
            let _ = self.0.send(&[1]);
        }

        pub(super) fn hush(&self) {
            // At most one datagram each time, because the flag was set.
            let _ = self.0.recv(&mut [0; 8]);
        }
    }

    impl AsSocket for Pair {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            self.0.as_socket()
        }
    }
}
