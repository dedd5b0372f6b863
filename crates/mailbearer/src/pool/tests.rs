#![expect(clippy::arithmetic_side_effects, reason = "the sums of a simulation are small")]

mod parts;
mod serving;
mod sharing;
mod simulated;

use std::{collections::BTreeMap, io, sync::Mutex, time::SystemTime};

use mailbearer_mock::{Authority, Certificate};
use mailbearer_net::{Security, ServerTls};
use mailbearer_smtp::{Envelope, server::Answer};

use self::{
    serving::{Cut, Server, Shared, locked},
    simulated::{Simulated, begin, elapsed},
};
use super::*;
use crate::{Account, Token, proto};

/// A message whose content is its number.
struct Note {
    number: usize,
    recipients: Vec<&'static str>,
    text: Vec<u8>,
    size: Option<u64>,
    ends: usize,
}

impl Note {
    fn new(number: usize) -> Self {
        let text = format!("Subject: {number}\r\n\r\n.\r\n").into_bytes();
        Self { number, recipients: vec!["ann@mx.test"], text, size: None, ends: 0 }
    }
}

impl MailObject for Note {
    fn envelope(&self) -> Envelope {
        let mut envelope = Envelope::new("robot@mx.test", self.recipients.iter().copied());
        envelope.size = self.size;
        envelope
    }

    fn octets(&mut self, offset: u64) -> io::Result<&[u8]> {
        // In two pieces.
        let offset = usize::try_from(offset).unwrap();
        Ok(if offset < 3 { &self.text[offset..3] } else { &self.text[offset..] })
    }

    fn before_end(&mut self, _: &[String]) -> io::Result<()> {
        self.ends += 1;
        Ok(())
    }
}

struct Bench {
    tls: ServerTls,
    client: Client<Simulated>,
}

impl Bench {
    fn new() -> Self {
        let authority = Authority::new().unwrap();
        let tls = authority.server_tls(Certificate::Good).unwrap();
        let count = Mutex::new(0);
        let mut account = Account::with_source("robot@mx.test", move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            Ok(Token::new(format!("t0ken{count}"), None))
        })
        .ca_pem(authority.pem())
        .unwrap();
        account.smtp = Some(crate::Server::new("localhost", 465, Security::Implicit));
        Self { tls, client: account.on::<Simulated>().unwrap() }
    }

    /// Restarts the simulation with this server.
    fn begin(&self, server: Server) -> Shared {
        let server = Shared::new(Mutex::new(server));
        begin(Shared::clone(&server), self.tls.clone());
        server
    }

    fn pool(&self, change: impl FnOnce(&mut PoolOptions)) -> Pool<Simulated> {
        let mut options = self.client.pool_options();
        change(&mut options);
        self.client.pool_with(options)
    }
}

/// Returns how each message ended, by its number.
fn send(
    pool: &Pool<Simulated>,
    notes: impl IntoIterator<Item = Note, IntoIter: Send>,
) -> BTreeMap<usize, Outcome> {
    let mut sending = pool.send_all(notes);
    let mut outcomes = BTreeMap::new();
    while let Some(sent) = sending.next() {
        assert_eq!(sent.index, sent.message.number);
        let was_ended = sent.message.ends > 0;
        let may_be_there = matches!(sent.outcome, Outcome::Accepted(_) | Outcome::Unknown { .. });
        assert!(was_ended || !may_be_there, "it went out before its end was announced");
        assert!(outcomes.insert(sent.index, sent.outcome).is_none(), "told twice");
    }
    outcomes
}

fn times_taken(server: &Shared, number: usize) -> usize {
    let subject = format!("Subject: {number}");
    locked(server).taken.iter().filter(|(first, _)| *first == subject).count()
}

#[track_caller]
fn assert_told_rightly(server: &Shared, outcomes: &BTreeMap<usize, Outcome>, count: usize, what: &str) {
    assert_eq!(outcomes.len(), count, "{what}: a message is lost");
    for (number, outcome) in outcomes {
        let taken = times_taken(server, *number);
        let is_right = match outcome {
            Outcome::Accepted(_) => taken == 1,
            Outcome::Refused(_) | Outcome::Deferred(_) => taken == 0,
            Outcome::Unknown { .. } => taken <= 1,
        };
        assert!(is_right, "{what}: message {number} was taken {taken} times: {outcome:?}");
    }
}

/// Cuts the connection at each octet of either side: no message is lost, sent twice, or reported wrongly.
#[test]
fn a_cut_anywhere_costs_no_message() {
    const NOTES: usize = 3;
    let bench = Bench::new();
    for chunking in [false, true] {
        let mut unknown = 0;
        Cut::everywhere(|cut| {
            let server = bench.begin(Server { chunking, cut: Some(cut), ..Server::default() });
            let pool = bench.pool(|options| options.connections = 1);
            let outcomes = send(&pool, (0..NOTES).map(Note::new));
            let what = format!("{cut:?}, chunking {chunking}");
            assert_told_rightly(&server, &outcomes, NOTES, &what);
            let count = |is: fn(&Outcome) -> bool| outcomes.values().filter(|outcome| is(outcome)).count();
            let lost = count(|outcome| matches!(outcome, Outcome::Unknown { .. }));
            // All others arrive, over the next connection.
            assert_eq!(count(|outcome| matches!(outcome, Outcome::Accepted(_))) + lost, NOTES, "{what}");
            assert!(lost <= 1, "{what}");
            unknown += lost;
            locked(&server).connections != 1
        });
        // The replies to each end have several octets, so some cuts leave the outcome unknown.
        assert!(unknown > 10, "{unknown}");
    }
}

/// If a server never gets any further, every message still ends, and the server is asked a few times only.
#[test]
fn a_server_that_always_goes_away_is_left_alone() {
    let bench = Bench::new();
    for octets in (0..700).step_by(23) {
        for of_client in [true, false] {
            let cut = Cut {
                connections: usize::MAX,
                of_client: of_client.then_some(octets),
                of_server: (!of_client).then_some(octets),
            };
            let server = bench.begin(Server { cut: Some(cut), ..Server::default() });
            let outcomes = send(&bench.pool(|_| {}), (0..40).map(Note::new));
            assert_told_rightly(&server, &outcomes, 40, &format!("{cut:?}"));
            assert!(locked(&server).connections <= 60, "{cut:?}: {}", locked(&server).connections);
        }
    }
}

#[test]
fn no_minute_and_no_moment_has_more_than_the_provider_allows() {
    let bench = Bench::new();
    let server = bench.begin(Server { seats: Some(3), ..Server::default() });
    let pool = bench.pool(|options| options.messages_per_minute = Some(30));
    let outcomes = send(&pool, (0..100).map(Note::new));
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Accepted(_))), "{outcomes:?}");
    let server = locked(&server);
    let times: Vec<Duration> = server.taken.iter().map(|(_, time)| *time).collect();
    assert!(times.windows(31).all(|window| window[30] - window[0] >= Duration::from_secs(60)), "{times:?}");
    assert!(elapsed() < Duration::from_secs(200), "{:?}", elapsed());
    assert_eq!((server.most_open, server.connections), (3, 3));
}

/// Another program has two of the three connections.
#[test]
fn a_server_with_fewer_places_gets_fewer_connections() {
    let bench = Bench::new();
    let server = bench.begin(Server { seats: Some(1), ..Server::default() });
    let pool = bench.pool(|_| {});
    let outcomes = send(&pool, (0..60).map(Note::new));
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Accepted(_))), "{outcomes:?}");
    // One more was tried, once; since then there is one.
    assert_eq!(locked(&server).connections, 2);
    assert_eq!(send(&pool, (0..60).map(Note::new)).len(), 60);
    assert_eq!(locked(&server).connections, 2);
    // Others have all places: the message waits, and is then deferred.
    locked(&server).seats = Some(0);
    drop(pool);
    let outcomes = send(&bench.pool(|_| {}), [Note::new(0)]);
    assert!(
        matches!(&outcomes[&0], Outcome::Deferred(error) if error.to_string().contains("432")),
        "{outcomes:?}"
    );
}

#[test]
fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let bench = Bench::new();
    type Verdict = fn(usize) -> Option<Answer>;
    let once: Verdict =
        |number| (number == 2).then(|| Answer::new(451, "4.7.500 Server busy, try again in 90 seconds"));
    let throttled: Verdict = |number| {
        let text = "4.7.0 Request is throttled. Suggested Backoff Time: 120000 milliseconds";
        (number == 2).then(|| Answer::new(450, text))
    };
    let long: Verdict = |number| (number >= 2).then(|| Answer::new(451, "4.7.0 Try again in 3600 seconds"));
    for (name, verdict, want, at_least) in
        [("once", once, 6, 90), ("throttled", throttled, 6, 120), ("too long", long, 1, 0)]
    {
        let server = bench.begin(Server { verdict: Some(verdict), ..Server::default() });
        let outcomes = send(&bench.pool(|_| {}), (0..6).map(Note::new));
        assert_told_rightly(&server, &outcomes, 6, name);
        let accepted = outcomes.values().filter(|outcome| matches!(outcome, Outcome::Accepted(_))).count();
        assert_eq!(accepted, want, "{name}: {outcomes:?}");
        assert!(
            elapsed() >= Duration::from_secs(at_least) && elapsed() < Duration::from_secs(at_least + 30),
            "{name}"
        );
        if want == 1 {
            let hints = outcomes.values().filter_map(|outcome| outcome.error()?.retry_after()).count();
            assert_eq!(hints, 5, "{name}: {outcomes:?}");
            // Only the one that was on its way behind the second.
            assert!(locked(&server).ends <= 3, "{name}");
        }
    }
}

#[test]
fn a_token_that_ends_between_messages_costs_none() {
    let bench = Bench::new();
    let refusing = |number| (number == 3).then(|| Answer::new(530, "5.7.57 Client not authenticated"));
    let server = bench.begin(Server { sender: Some(refusing), ..Server::default() });
    let outcomes = send(&bench.pool(|options| options.connections = 1), (0..6).map(Note::new));
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Accepted(_))), "{outcomes:?}");
    assert_told_rightly(&server, &outcomes, 6, "token");
    assert_eq!(locked(&server).logins.len(), 2);
    // A server that ends the session does so in other words.
    let closing = |number| (number == 3).then(|| Answer::new(421, "4.7.0 AccessTokenExpired"));
    let server = bench.begin(Server { sender: Some(closing), ..Server::default() });
    let outcomes = send(&bench.pool(|options| options.connections = 1), (0..6).map(Note::new));
    assert_told_rightly(&server, &outcomes, 6, "closed");
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Accepted(_))), "{outcomes:?}");
}

#[test]
fn each_recipient_is_told_and_a_refusal_stops_nobody_else() {
    let bench = Bench::new();
    let server = bench.begin(Server::default());
    let notes = (0..4).map(|number| {
        let mut note = Note::new(number);
        match number {
            1 => note.recipients = vec!["nobody@mx.test", "bob@mx.test"],
            2 => note.recipients = vec!["nobody@mx.test"],
            _ => {}
        }
        note
    });
    let outcomes = send(&bench.pool(|_| {}), notes);
    assert_told_rightly(&server, &outcomes, 4, "recipients");
    assert!(matches!(outcomes[&1].fate("nobody@mx.test"), Fate::Refused(Some(reply)) if reply.code == 550));
    assert!(matches!(outcomes[&1].fate("bob@mx.test"), Fate::Accepted(_)));
    assert!(matches!(outcomes[&2].fate("nobody@mx.test"), Fate::Refused(Some(reply)) if reply.code == 550));
    assert!(matches!(outcomes[&3], Outcome::Accepted(_)));
}

#[test]
fn messages_for_each_session_are_as_many_as_the_server_takes() {
    let bench = Bench::new();
    let server = bench.begin(Server { extensions: vec!["LIMITS MAILMAX=2"], ..Server::default() });
    let outcomes = send(&bench.pool(|options| options.connections = 1), (0..7).map(Note::new));
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Accepted(_))), "{outcomes:?}");
    assert_eq!(locked(&server).connections, 4);
}

#[test]
fn what_is_stopped_sends_no_more_and_loses_nothing() {
    let bench = Bench::new();
    let server = bench.begin(Server::default());
    let pool = bench.pool(|options| options.messages_per_minute = Some(5));
    let mut sending = pool.send_all((0..100).map(Note::new));
    let mut outcomes = BTreeMap::new();
    // Five go at once; the others wait for the next minute.
    while let Ok(Some(sent)) = sending.next_within(Duration::from_secs(1)) {
        outcomes.insert(sent.index, sent.outcome);
    }
    assert_eq!(outcomes.len(), 5);
    sending.stop();
    while let Some(sent) = sending.next() {
        assert!(
            matches!(&sent.outcome, Outcome::Deferred(error) if error.is_cancelled()),
            "{sent:?}",
            sent = sent.outcome
        );
        outcomes.insert(sent.index, sent.outcome);
    }
    assert_eq!(sending.next_within(Duration::ZERO).err(), Some(Ended));
    assert_told_rightly(&server, &outcomes, outcomes.len(), "stopped");
    assert!(
        outcomes.len() <= 8 && elapsed() < Duration::from_secs(3),
        "{} in {:?}",
        outcomes.len(),
        elapsed()
    );
}

#[test]
fn an_account_that_is_not_let_in_is_tried_once() {
    let bench = Bench::new();
    let server = bench.begin(Server::default());
    let mut broken = Account::with_source("robot@mx.test", |_| Err("no token".into()));
    broken.smtp = Some(crate::Server::new("localhost", 465, Security::Implicit));
    let client: Client<Simulated> = broken.on().unwrap();
    let outcomes = send(&client.pool(), (0..20).map(Note::new));
    assert_told_rightly(&server, &outcomes, 20, "no token");
    assert!(outcomes.values().all(
        |outcome| matches!(outcome, Outcome::Deferred(error) if error.to_string().contains("no token"))
    ));
    assert_eq!(locked(&server).connections, 0);
}

/// Nobody is turned away because a second connection is tried before the first is open, or for no message.
#[test]
fn another_connection_is_opened_when_a_message_waits() {
    let bench = Bench::new();
    for (notes, want) in [(2, 1), (3, 1), (4, 2), (40, 3)] {
        let server = bench.begin(Server::default());
        let pool = bench.pool(|_| {});
        let mut sending = pool.send_all((0..notes).map(Note::new));
        (0..3).for_each(|_| sending.widen());
        let mut ended = 0;
        while sending.next().is_some() {
            ended += 1;
            // The one behind it is on its way.
            (0..3).for_each(|_| sending.widen());
        }
        assert_eq!((ended, locked(&server).connections), (notes, want), "{notes}");
    }
}

/// However long its connection has been open before.
#[test]
fn each_message_has_all_of_its_time() {
    let bench = Bench::new();
    let mut account = bench.client.account().clone();
    account.timeouts.total = Some(Duration::from_secs(20));
    let client = account.on::<Simulated>().unwrap();
    let server = bench.begin(Server::default());
    let mut options = client.pool_options();
    (options.connections, options.messages_per_minute) = (1, Some(1));
    options.idle = Duration::from_secs(600);
    let outcomes = send(&client.pool_with(options), (0..3).map(Note::new));
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Accepted(_))), "{outcomes:?}");
    assert!(elapsed() > Duration::from_secs(60), "{:?}", elapsed());
    assert_eq!(locked(&server).connections, 1);
}

/// With no tries, a message goes once; its parts go all the same.
#[test]
fn without_tries_only_parts_are_sent_again() {
    let bench = Bench::new();
    let once = |options: &mut PoolOptions| (options.connections, options.tries) = (1, 0);
    let busy: fn(usize) -> Option<Answer> =
        |number| (number == 1).then(|| Answer::new(451, "4.7.0 Try again in 5 seconds"));
    let server = bench.begin(Server { sender: Some(busy), ..Server::default() });
    let outcomes = send(&bench.pool(once), [Note::new(0)]);
    assert!(matches!(outcomes[&0], Outcome::Deferred(_)), "{outcomes:?}");
    assert_eq!(locked(&server).connections, 1);
    for octets in (0..400).step_by(13) {
        let cut = Cut { connections: 1, of_client: None, of_server: Some(octets) };
        let server = bench.begin(Server { cut: Some(cut), ..Server::default() });
        assert_eq!(send(&bench.pool(once), [Note::new(0)]).len(), 1);
        assert_eq!(locked(&server).connections, 1, "{octets}");
    }
    for extensions in [vec!["LIMITS RCPTMAX=2"], vec!["LIMITS RCPTMAX=1 MAILMAX=1"], Vec::new()] {
        let recipients = extensions.is_empty().then_some(1);
        let server = bench.begin(Server { extensions, recipients, ..Server::default() });
        let note = Note { recipients: vec!["a@mx.test", "b@mx.test", "c@mx.test"], ..Note::new(0) };
        let outcomes = send(&bench.pool(once), [note]);
        assert!(
            matches!(&outcomes[&0], Outcome::Accepted(receipt) if receipt.accepted.len() == 3),
            "{outcomes:?}"
        );
        assert!(locked(&server).taken.len() >= 2);
    }
}

/// A server that refuses a parameter that it offers, and goes away: each new session says it again, but not for ever.
#[test]
fn a_parameter_that_ends_each_session_is_said_a_few_times() {
    let bench = Bench::new();
    let refusing = |number| {
        assert!(number < 50, "it is told for ever");
        Some(Answer::new(555, "5.5.4 no"))
    };
    for chunking in [false, true] {
        let server = Server { sender: Some(refusing), leaves: true, chunking, ..Server::default() };
        let server = bench.begin(server);
        let notes = (0..2).map(|number| Note { size: Some(20), ..Note::new(number) });
        let outcomes = send(&bench.pool(|options| options.connections = 1), notes);
        assert_told_rightly(&server, &outcomes, 2, "555");
        assert!(
            outcomes.values().all(
                |outcome| matches!(outcome, Outcome::Refused(error) if error.to_string().contains("555"))
            ),
            "{chunking}: {outcomes:?}"
        );
        assert!(locked(&server).connections <= 10, "{chunking}: {}", locked(&server).connections);
    }
}
