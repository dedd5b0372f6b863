use super::*;

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
