//! Octets that come at any pace, in both directions, under a simulated clock: every wait ends within what it was given,
//! and an operation within its total where it has one.
//!
//! The input is a protocol, a total if there is one, how much moves at once, and the steps of each direction.

use std::{collections::VecDeque, iter, time::Duration};

use arbitrary::{Arbitrary, Unstructured};
use mailbearer::{Address, Error, Message, Range};
use mailbearer_mock::memory::{Hosts, Options, Personality};

use crate::simulated::{self, Pace, Simulated, USER, run as drive};

/// See the [module](self).
pub fn run(data: &[u8]) {
    let mut source = Unstructured::new(data);
    let Ok([knobs, total, free]) = <[u8; 3]>::arbitrary(&mut source) else { return };
    let Ok(down) = Vec::<Step>::arbitrary(&mut source) else { return };
    let up: Vec<Step> = source.arbitrary_iter().into_iter().flatten().flatten().collect();
    // Enough for the handshake and the login, or not.
    let free = (Duration::ZERO, usize::from(free) * 32);
    let pace = |steps: &[Step], then_all: bool| Pace::Drip {
        steps: iter::once(free)
            .chain(steps.iter().flat_map(|step| step.repeated()))
            .take(4000)
            .collect::<VecDeque<_>>(),
        then_all,
    };
    let (sends, gets) = (pace(&down, knobs & 4 > 0), pace(&up, knobs & 8 > 0));

    let mut options = Options::default();
    options.user = USER.into();
    options.password = Some("password".into());
    options.personality = Personality::Dovecot;
    let hosts = Hosts::new(options, simulated::server_tls()).unwrap();
    for number in 0..3 {
        let message = format!("Subject: {number}\r\n\r\n{}\r\n", "x".repeat(2000));
        hosts.mailbox().deliver(message.into_bytes()).unwrap();
    }
    simulated::begin(move |socket, port| {
        let (socket, hosts) = (socket.pace(sends.clone(), gets.clone()), hosts.clone());
        match port {
            1 => Box::pin(hosts.smtp::<Simulated>(socket)),
            2 => Box::pin(hosts.imap::<Simulated>(socket)),
            _ => Box::pin(hosts.pop3::<Simulated>(socket)),
        }
    });
    let mut account = simulated::account();
    (account.timeouts.read, account.timeouts.write) = (Some(PATIENCE), PATIENCE);
    account.timeouts.total = (total > 0).then(|| Duration::from_secs(total.into()));
    let client = simulated::client(account.clone());

    // The way in has its own end, whatever the total.
    let opening = Duration::from_secs(60).min(account.timeouts.total.unwrap_or(Duration::MAX));
    let play =
        Play { since: Duration::ZERO, moved: 0, flights: 0, most: opening, total: account.timeouts.total };
    let _ = match knobs % 3 {
        0 => play.send(&client),
        1 => play.read(&client),
        _ => play.pop(&client),
    };
}

/// Octets that come, again and again.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Step {
    after: u8,
    octets: u8,
    times: u8,
}

impl Step {
    fn repeated(self) -> impl Iterator<Item = (Duration, usize)> {
        let after = Duration::from_millis(u64::from(self.after) * 25);
        let octets = usize::from(self.octets);
        let octets = if octets < 128 { octets % 4 + 1 } else { octets * 4 };
        (0..=self.times).map(move |_| (after, octets))
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
/// Goodbyes may take a second, closing half of one.
const MOMENT: Duration = Duration::from_secs(2);

struct Play {
    /// When the operation began, and how many octets had moved then.
    since: Duration,
    moved: u64,
    flights: u32,
    most: Duration,
    total: Option<Duration>,
}

impl Play {
    /// Says that an operation is over, and the next begins, which asks for so many things.
    fn ended<T>(&mut self, what: &str, result: Option<Result<T, Error>>, flights: u32) -> Result<T, Error> {
        let (took, moved) = (simulated::now() - self.since, simulated::octets() - self.moved);
        // A peer has ten times the patience for each thing that it is asked, and each octet gives a little back. A wait
        // that began before the end may go over it.
        let slow = PATIENCE * 10 * self.flights + Duration::from_secs(moved / 100) + PATIENCE;
        let most = if self.flights == 0 { self.most } else { self.most.min(slow) } + MOMENT;
        assert!(took <= most, "{what} takes {took:?} for {moved} octets, and may take {most:?}");
        (self.since, self.moved, self.flights) = (simulated::now(), simulated::octets(), flights);
        self.most = self.total.unwrap_or(Duration::MAX - MOMENT);
        result.expect("an end")
    }

    fn send(mut self, client: &mailbearer::Client<Simulated>) -> Result<(), Error> {
        let address = || Address::parse("robot@mail.test").unwrap();
        let message =
            client.compose(&Message::new(address()).to(address()).text("x\n".repeat(2000))).unwrap();
        let mut smtp = self.ended("connect", drive(client.connect_smtp(), None), 4)?;
        for _ in 0..2 {
            self.ended("send", drive(smtp.send(&message), None), 4)?;
        }
        self.ended("quit", drive(smtp.quit(), None), 1)
    }

    fn read(mut self, client: &mailbearer::Client<Simulated>) -> Result<(), Error> {
        let mut imap = self.ended("connect", drive(client.connect_imap(), None), 3)?;
        let mut listing = self.ended("list", drive(imap.list("INBOX", Range::All), None), 3)?;
        while self.ended("row", drive(listing.next(), None), 3)?.is_some() {}
        let mut body = self.ended("fetch", drive(imap.fetch("INBOX", 2), None), 3)?;
        while self.ended("body", drive(body.next(), None), 3)?.is_some() {}
        let octets = "y\r\n".repeat(3000).into_bytes();
        self.ended("append", drive(imap.append("Drafts", &[], None, &octets), None), 3)?;
        self.ended("logout", drive(imap.logout(), None), 1)
    }

    fn pop(mut self, client: &mailbearer::Client<Simulated>) -> Result<(), Error> {
        let mut pop3 = self.ended("connect", drive(client.connect_pop3(), None), 3)?;
        self.ended("list", drive(pop3.list(), None), 3)?;
        let mut body = self.ended("fetch", drive(pop3.fetch(2), None), 3)?;
        while self.ended("body", drive(body.next(), None), 3)?.is_some() {}
        drop(body);
        self.ended("delete", drive(pop3.delete(&[1, 2]), None), 3)?;
        self.ended("quit", drive(pop3.quit(), None), 2).map(drop)
    }
}
