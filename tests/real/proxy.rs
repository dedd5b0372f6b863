//! A proxy that counts how often the client starts to speak.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

#[derive(Clone, Copy, Default, PartialEq)]
enum Speaker {
    #[default]
    Server,
    Client,
}

#[derive(Default)]
struct Count {
    last: Speaker,
    flights: usize,
}

/// Forwards one connection on a port of its own.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    forwarding: JoinHandle<io::Result<usize>>,
}

impl Proxy {
    /// A proxy in front of a port of this machine.
    pub(crate) fn new(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let forwarding = thread::spawn(move || {
            let client = listener.accept()?.0;
            let server = TcpStream::connect(("127.0.0.1", to))?;
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            let count = Arc::new(Mutex::new(Count::default()));
            let (from_server, to_client, other) =
                (server.try_clone()?, client.try_clone()?, Arc::clone(&count));
            let back = thread::spawn(move || pump(from_server, to_client, Speaker::Server, &other));
            pump(client, server, Speaker::Client, &count);
            back.join().unwrap();
            let flights = count.lock().unwrap().flights;
            Ok(flights)
        });
        Self { port, forwarding }
    }

    /// Waits for the end of the connection, and says how many flights the client sent: how often octets of it came
    /// after octets of the server, or first.
    pub(crate) fn flights(self) -> usize {
        self.forwarding.join().unwrap().unwrap()
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, speaker: Speaker, count: &Mutex<Count>) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(octets @ 1..) = from.read(&mut buffer) {
        {
            // Held while writing: what the peer answers comes after this in the count.
            let mut count = count.lock().unwrap();
            if speaker == Speaker::Client && count.last == Speaker::Server {
                count.flights += 1;
            }
            count.last = speaker;
        }
        if to.write_all(&buffer[..octets]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
