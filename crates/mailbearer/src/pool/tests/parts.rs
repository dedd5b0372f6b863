use super::*;

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

/// A server that hangs up on who names too many recipients gets no more of them than all servers accept.
#[test]
fn a_server_that_hangs_up_at_a_recipient_gets_fewer() {
    let bench = Bench::new();
    let all: Vec<&'static str> = (0..450).map(|number| &*format!("a{number}@mx.test").leak()).collect();
    for tries in [0, 1] {
        let server = bench.begin(Server { recipients: Some(100), ..Server::default() });
        let note = Note { recipients: all.clone(), ..Note::new(0) };
        let own = |options: &mut PoolOptions| (options.connections, options.tries) = (1, tries);
        let outcomes = send(&bench.pool(own), [note]);
        let Outcome::Accepted(receipt) = &outcomes[&0] else { panic!("{outcomes:?}") };
        assert_eq!((receipt.accepted.len(), receipt.refused.len()), (450, 0));
        let server = locked(&server);
        assert_eq!((server.envelopes.len(), server.connections), (5, 2));
        assert!(server.envelopes.iter().all(|(_, to)| to.len() <= 100));
    }
}

/// Many servers hang up on who names too many that they don't know. What they said of them before counts.
#[test]
fn a_server_that_hangs_up_at_unknown_recipients_gets_the_others() {
    let bench = Bench::new();
    let all = ["nobody1@mx.test", "a@mx.test", "nobody2@mx.test", "nobody3@mx.test", "b@mx.test"];
    let unknown = [all[0], all[2], all[3]];
    let limits = "LIMITS RCPTMAX=2";
    // Recipients, tries, after how many refusals; the fates, and sessions.
    let rows: [(&str, &[&'static str], _, _, _, _, _); 7] = [
        ("each session gets further", &all, None, 3, 2, "rtrrt", 2),
        ("so does each part", &all, Some(limits), 3, 2, "rtrrt", 2),
        ("no other try", &all, None, 0, 1, "rdddd", 1),
        ("no other try behind a part", &all, Some(limits), 0, 1, "rtrdd", 2),
        ("one for each session", &unknown, None, 3, 1, "rrr", 3),
        ("not all before the tries end", &unknown, None, 1, 1, "rrd", 2),
        ("nobody is left", &unknown, None, 3, 3, "rrr", 1),
    ];
    for (name, recipients, extension, tries, hangs_up, want, sessions) in rows {
        let extensions = extension.into_iter().collect();
        let server = bench.begin(Server { hangs_up: Some(hangs_up), extensions, ..Server::default() });
        let note = Note { recipients: recipients.to_vec(), ..Note::new(0) };
        let own = |options: &mut PoolOptions| (options.connections, options.tries) = (1, tries);
        let outcomes = send(&bench.pool(own), [note]);
        let fates = recipients.iter().map(|recipient| match outcomes[&0].fate(recipient) {
            Fate::Accepted(_) => 't',
            Fate::Refused(reply) => {
                assert_eq!(reply.unwrap().code, 550, "{name}");
                'r'
            }
            Fate::Deferred(_) => 'd',
            Fate::Unknown => 'u',
        });
        assert_eq!(fates.collect::<String>(), want, "{name}: {outcomes:?}");
        let outcome = match &outcomes[&0] {
            Outcome::Accepted(_) => 't',
            Outcome::Refused(_) => 'r',
            Outcome::Deferred(_) => 'd',
            Outcome::Unknown { .. } => 'u',
        };
        assert_eq!(outcome, ['t', 'd', 'r'].into_iter().find(|one| want.contains(*one)).unwrap(), "{name}");
        let server = locked(&server);
        assert_eq!(server.connections, sessions, "{name}");
        let taken = server.envelopes.iter().map(|(_, to)| to.len()).sum::<usize>();
        assert_eq!(taken, want.matches('t').count(), "{name}");
    }
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
