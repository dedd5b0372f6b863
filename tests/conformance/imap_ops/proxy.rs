//! A way to a server that can be cut.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// Passes everything on to a port of this machine.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    to: AtomicU16,
    refusing: AtomicBool,
    connections: AtomicUsize,
    /// Octets of the server that still pass.
    left: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { to: AtomicU16::new(to), left: AtomicU64::new(u64::MAX), ..State::default() };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        // Ends with the process: it may wait for a client for ever.
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let mut open = shared.open.lock().unwrap();
                if shared.refusing.load(Ordering::SeqCst) {
                    continue;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let to = shared.to.load(Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                pass(client.try_clone().unwrap(), server.try_clone().unwrap(), None);
                pass(server, client, Some(Arc::clone(&shared)));
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Passes further connections on to another port.
    pub(crate) fn redirect(&self, to: u16) {
        self.state.to.store(to, Ordering::SeqCst);
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts every connection, once, when the server has sent that much more.
    pub(crate) fn cut_after(&self, octets: u64) {
        self.state.left.store(octets, Ordering::SeqCst);
    }

    /// Cuts every connection, and lets no other through.
    pub(crate) fn refuse(&self) {
        self.state.refusing.store(true, Ordering::SeqCst);
        self.cut();
    }

    pub(crate) fn accept(&self) {
        self.state.refusing.store(false, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, limit: Option<Arc<State>>) {
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            if let Some(state) = &limit {
                let passed = u64::try_from(count).unwrap();
                let left = state.left.load(Ordering::SeqCst);
                if left < passed {
                    state.left.store(u64::MAX, Ordering::SeqCst);
                    break;
                }
                if left < u64::MAX {
                    state.left.store(left - passed, Ordering::SeqCst);
                }
            }
            if to.write_all(&chunk[..count]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}
