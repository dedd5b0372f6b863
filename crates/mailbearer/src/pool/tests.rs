#![expect(clippy::arithmetic_side_effects, reason = "the sums of a simulation are small")]

mod serving;
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

#[test]
fn pools_of_a_folder_share_what_is_allowed() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let server = bench.begin(Server::default());
    let pool = || {
        bench.pool(|options| {
            (options.connections, options.messages_per_minute) = (1, Some(4));
            (options.folder, options.patience) = (Some(folder.path().join("pool")), Duration::from_secs(5));
        })
    };
    let (one, two) = (pool(), pool());
    assert_eq!(send(&one, (0..3).map(Note::new)).len(), 3);
    // The first pool has the only place, as long as it is open.
    let mut sending = two.send_all([Note::new(3)]);
    assert!(matches!(sending.next_within(Duration::from_secs(2)), Ok(None)));
    one.close();
    assert!(matches!(sending.next(), Some(Sent { outcome: Outcome::Accepted(_), .. })));
    // The fifth message of the minute waits in either.
    let began = SystemTime::now();
    let mut third = one.send_all([Note::new(4)]);
    two.close();
    assert!(
        matches!(third.next_within(Duration::from_secs(2)), Ok(None))
            || began.elapsed().unwrap() > Duration::from_secs(50)
    );
    assert_eq!(locked(&server).taken.len(), 4);
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

/// A place that another process keeps is waited for, but not for ever.
#[test]
fn a_place_of_others_is_waited_for_as_long_as_is_said() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let server = bench.begin(Server::default());
    let pool = |patience| {
        bench.pool(|options| {
            (options.connections, options.patience) = (1, Duration::ZERO);
            (options.folder, options.place_patience) = (Some(folder.path().to_owned()), patience);
        })
    };
    let (one, two) = (pool(Duration::ZERO), pool(Duration::from_secs(20)));
    assert_eq!(send(&one, [Note::new(0)]).len(), 1);
    let before = elapsed();
    let outcomes = send(&two, (0..3).map(Note::new));
    let waited = elapsed() - before;
    assert!((20..22).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(outcomes.len(), 3);
    for outcome in outcomes.values() {
        let told =
            matches!(outcome, Outcome::Deferred(error) if error.to_string().contains("other processes"));
        assert!(told && outcome.error().is_some_and(|error| error.is_transient()), "{outcome:?}");
    }
    // It is not counted for the places: the next is sent at once.
    one.close();
    assert!(matches!(send(&two, [Note::new(0)])[&0], Outcome::Accepted(_)));
    assert_eq!(locked(&server).taken.len(), 2);
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

/// A program that sends with a session of its own counts like a pool.
#[test]
fn a_turn_counts_for_all() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let server = bench.begin(Server::default());
    let pool = |limit| {
        bench.pool(|options| {
            (options.connections, options.messages_per_minute) = (2, Some(limit));
            (options.folder, options.patience) = (Some(folder.path().to_owned()), Duration::from_secs(5));
            options.place_patience = options.patience;
        })
    };
    let (one, two) = (pool(2), pool(2));
    let mut waits = Vec::new();
    let turn = one.turn(|wait| waits.push(wait)).unwrap();
    let other = two.turn(|wait| waits.push(wait)).unwrap();
    assert!(waits.is_empty(), "there was room for both: {waits:?}");
    // Both places are taken, and a third waits only as long as its patience.
    let error = one.turn(|_| ()).unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("all connections"), "{error}");
    drop((turn, other));
    // The places are free, and the minute is full, for pools too.
    let mut sending = one.send_all([Note::new(0)]);
    assert!(matches!(sending.next_within(Duration::from_secs(2)), Ok(None)));
    assert_eq!(locked(&server).taken.len(), 0);
    drop(sending);
    // What a server wants of the account applies to all.
    let reply = |text| mailbearer_smtp::Reply::new(432, text);
    let refusal = |text| Error::message(mailbearer_smtp::Refusal::Sender { reply: reply(text) });
    one.heed(&refusal("4.3.2 Concurrent connections limit exceeded"));
    assert_eq!((one.inner.gate.most::<Simulated>(), two.inner.gate.most::<Simulated>()), (1, 1));
    one.heed(&refusal("4.7.0 Request is throttled. Suggested Backoff Time: 120000 milliseconds"));
    let error = two.turn(|wait| waits.push(wait)).unwrap_err();
    assert!(error.retry_after().is_some_and(|left| left > Duration::from_secs(100)), "{error}");
}

/// A failure to share is no reason to send nothing.
#[test]
fn a_folder_that_can_not_be_used_stops_nothing() {
    let bench = Bench::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = bench.begin(Server::default());
    let pool = bench.pool(|options| options.folder = Some(file.path().join("pool")));
    assert_told_rightly(&server, &send(&pool, (0..3).map(Note::new)), 3, "no folder");
    assert_eq!(locked(&server).taken.len(), 3);
}

/// What the server says to one process applies to the connections of all.
#[test]
fn fewer_connections_are_fewer_of_all_pools() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    bench.begin(Server::default());
    let pool = || bench.pool(|options| options.folder = Some(folder.path().to_owned()));
    let (one, two) = (pool(), pool());
    let seat = |pool: &Pool<Simulated>| {
        let gate = &pool.inner.gate;
        assert!(gate.poll_place(3, &std::task::Context::from_waker(std::task::Waker::noop())).is_ready());
        gate.seat(3).unwrap()
    };
    let seats = [seat(&one), seat(&one), seat(&two)];
    let crowded = || [0, 1, 2].map(|index| two.inner.gate.is_crowded::<Simulated>(&seats[index]));
    assert_eq!(crowded(), [false; 3]);
    // Three are open on this host, but only one of them belongs to this pool.
    assert!(two.inner.gate.lower::<Simulated>(), "the others may end soon");
    assert_eq!((one.inner.gate.most::<Simulated>(), two.inner.gate.most::<Simulated>()), (2, 2));
    assert_eq!(crowded(), [false, false, true]);
    assert!(one.inner.gate.lower::<Simulated>());
    assert_eq!(crowded(), [false, true, true]);
    // A time that the server names counts too.
    let refused = |text| {
        let reply = mailbearer_smtp::Reply::new(432, text);
        one.wait_after(&Error::message(mailbearer_smtp::Refusal::Sender { reply }), 0)
    };
    assert_eq!(refused("4.3.2 Concurrent connections limit exceeded"), Some(Duration::ZERO));
    assert_eq!(two.inner.gate.quiet::<Simulated>().filter(|left| !left.is_zero()), None);
    let asked = Duration::from_secs(90);
    assert_eq!(refused("4.3.2 Concurrent connections limit exceeded, try again in 90 seconds"), Some(asked));
    assert!(two.inner.gate.quiet::<Simulated>().is_some_and(|left| left > asked / 2));
    drop(seats);
    let _last = seat(&one);
    assert!(!one.inner.gate.lower::<Simulated>(), "it is the only one");
}

/// Many recipients at a server that accepts few at a time, by what it offers or by what it answers: each gets a
/// verdict, and nobody gets the message twice.
#[test]
fn a_message_goes_in_parts_where_the_server_takes_few_recipients() {
    let bench = Bench::new();
    let all: Vec<String> = (0..23).map(|number| format!("a{number}@mx.test")).collect();
    let leaked: Vec<&'static str> = all.iter().map(|address| &*address.clone().leak()).collect();
    let (limits, few): (&[&'static str], Option<usize>) = (&["LIMITS RCPTMAX=5 MAILMAX=3"], None);
    for (extensions, recipients, parts, connections) in [
        (limits, few, 5, 2),
        (&[], Some(5), 5, 1),
        (&["LIMITS RCPTMAX=10"], Some(5), 5, 1),
        (&[], None, 1, 1),
    ] {
        for chunking in [false, true] {
            let extensions = extensions.to_vec();
            let server = bench.begin(Server { extensions, recipients, chunking, ..Server::default() });
            let notes = (0..2).map(|number| {
                let mut note = Note::new(number);
                if number == 0 {
                    note.recipients = leaked.clone();
                    note.recipients.insert(7, "nobody@mx.test");
                }
                note
            });
            let outcomes = send(&bench.pool(|options| options.connections = 1), notes);
            let what = format!("{:?} {recipients:?} {chunking}", locked(&server).extensions);
            for address in &all {
                assert!(matches!(outcomes[&0].fate(address), Fate::Accepted(_)), "{what}: {outcomes:?}");
            }
            assert!(
                matches!(outcomes[&0].fate("nobody@mx.test"), Fate::Refused(Some(reply)) if reply.code == 550)
            );
            assert!(matches!(outcomes[&1], Outcome::Accepted(_)));
            let server = locked(&server);
            let mut reached: Vec<String> = server.envelopes.iter().flat_map(|(_, to)| to.clone()).collect();
            reached.retain(|address| address != "ann@mx.test");
            reached.sort();
            let mut want = all.clone();
            want.sort();
            assert_eq!(reached, want, "{what}");
            assert_eq!((server.envelopes.len(), server.connections), (parts + 1, connections), "{what}");
        }
    }
    // Where the server lacks what one recipient needs, nobody gets it, as without parts.
    let server = bench.begin(Server { extensions: limits.to_vec(), no_smtputf8: true, ..Server::default() });
    let mut note = Note::new(0);
    note.recipients = [leaked.clone(), vec!["\u{fc}@mx.test"]].concat();
    let outcomes = send(&bench.pool(|_| {}), [note]);
    let told =
        |outcome: &Outcome| outcome.error().is_some_and(|error| error.to_string().contains("SMTPUTF8"));
    assert!(matches!(outcomes[&0], Outcome::Refused(_)) && told(&outcomes[&0]), "{outcomes:?}");
    assert_eq!(locked(&server).taken.len(), 0);
    // A refused part does not stop the others. A part of unknown outcome is reported as such.
    let one = |number: usize| (number == 2).then(|| Answer::new(554, "5.6.0 no"));
    let server = bench.begin(Server { extensions: limits.to_vec(), verdict: Some(one), ..Server::default() });
    let mut note = Note::new(0);
    note.recipients = leaked.clone();
    let outcomes = send(&bench.pool(|options| options.connections = 1), [note]);
    let refused =
        all.iter().filter(|address| matches!(outcomes[&0].fate(address), Fate::Refused(Some(_)))).count();
    let taken = all.iter().filter(|address| matches!(outcomes[&0].fate(address), Fate::Accepted(_))).count();
    assert_eq!((refused, taken, locked(&server).taken.len()), (5, 18, 4), "{outcomes:?}");
}

/// Like the first test, for a message that is sent in parts.
#[test]
fn a_cut_between_parts_tells_nobody_wrongly() {
    let bench = Bench::new();
    let mut unknown = 0;
    Cut::everywhere(|cut| {
        let server = bench.begin(Server { recipients: Some(2), cut: Some(cut), ..Server::default() });
        let pool = bench.pool(|options| options.connections = 1);
        let mut note = Note::new(0);
        note.recipients = vec!["a@mx.test", "b@mx.test", "c@mx.test", "d@mx.test", "nobody@mx.test"];
        let recipients = note.recipients.clone();
        let outcomes = send(&pool, [note]);
        let server = locked(&server);
        let before = unknown;
        for recipient in recipients {
            let reached =
                server.envelopes.iter().flat_map(|(_, to)| to).filter(|to| *to == recipient).count();
            let is_right = match outcomes[&0].fate(recipient) {
                Fate::Accepted(_) => reached == 1,
                Fate::Refused(_) | Fate::Deferred(_) => reached == 0,
                Fate::Unknown => {
                    unknown += 1;
                    reached <= 1
                }
            };
            assert!(is_right, "{cut:?}: {recipient} has it {reached} times: {outcomes:?}");
        }
        server.connections != 1 || unknown > before
    });
    assert!(unknown > 10, "{unknown}");
}

/// If one part may have arrived and no other connection lets the rest out, the rest was not sent, and may be later.
#[test]
fn a_part_of_unknown_outcome_leaves_the_others_known() {
    let bench = Bench::new();
    let all = ["a@mx.test", "b@mx.test", "c@mx.test", "d@mx.test", "e@mx.test", "f@mx.test"];
    let (mut seen, closing) = (0, |number| (number > 2).then(|| Answer::new(421, "4.3.2 not now")));
    for octets in 0..1500 {
        let cut = Cut { connections: 1, of_client: None, of_server: Some(octets) };
        let extensions = vec!["LIMITS RCPTMAX=2"];
        let server =
            bench.begin(Server { extensions, sender: Some(closing), cut: Some(cut), ..Server::default() });
        let mut note = Note::new(0);
        note.recipients = all.to_vec();
        let outcomes = send(&bench.pool(|options| options.connections = 1), [note]);
        let server = locked(&server);
        let mut unknown = 0;
        for recipient in all {
            let reached = server.envelopes.iter().any(|(_, to)| to.iter().any(|to| to == recipient));
            match outcomes[&0].fate(recipient) {
                Fate::Accepted(_) => assert!(reached, "{octets}: {recipient}"),
                Fate::Refused(_) | Fate::Deferred(_) => assert!(!reached, "{octets}: {recipient}"),
                Fate::Unknown => unknown += 1,
            }
        }
        assert!(matches!(unknown, 0 | 2), "{octets}: {outcomes:?}");
        // The third part is never let out.
        assert!(outcomes[&0].unsent().is_none_or(|unsent| !unsent.reason.is_empty()), "{octets}");
        seen += unknown;
    }
    assert!(seen > 10, "{seen}");
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
