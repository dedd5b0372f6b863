use mailbearer::{Account, Envelope, Security, Server as Host};
use mailbearer_mock::{
    Server,
    memory::{self, Fault},
};

use super::{
    super::{
        Found, Limits,
        file::{Head, now},
    },
    *,
};

struct World {
    server: Server,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let server = Server::start(memory::Options::default()).unwrap();
        Self { server, folder: tempfile::tempdir().unwrap() }
    }

    fn spool(&self) -> Spool {
        self.limited(Limits::default()).unwrap()
    }

    fn limited(&self, limits: Limits) -> Result<Spool, Error> {
        Spool::open(self.folder.path().join("spool"), limits)
    }

    fn client(&self) -> Client {
        let server = &self.server;
        let account = Account::custom(server.user(), server.token_url(), server.scope())
            .client_credentials(server.client_id(), server.client_secret())
            .smtp(Host::new("localhost", server.ports().smtp, Security::StartTls))
            .imap(Host::new("localhost", server.ports().imap, Security::StartTls));
        account.ca_pem(server.ca_pem()).unwrap().blocking().unwrap()
    }

    fn run(&self, spool: &Spool) -> Vec<Report> {
        let client = self.client();
        reports(spool, &mut |_| Ok(client.clone()))
    }

    /// Whom messages went to, and what they are.
    fn submitted(&self) -> Vec<(Vec<String>, String)> {
        let messages = self.server.mailbox().messages("INBOX").into_iter();
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        messages.map(|message| (message.envelope.unwrap().to, text(&message.octets))).collect()
    }

    fn fault(&self, name: &str) {
        self.server.set_fault(Some(Fault::find(name).unwrap()));
    }
}

fn reports(spool: &Spool, clients: &mut Clients<'_>) -> Vec<Report> {
    let mut reports = Vec::new();
    spool.lock().unwrap().run(clients, &mut |report| reports.push(report.clone())).unwrap();
    reports
}

fn put(spool: &Spool, to: &[&str], text: &str) -> String {
    let mut writer = spool.begin(&Envelope::new("s@x.test", to.iter().copied()), None).unwrap();
    writer.write(text.as_bytes()).unwrap();
    writer.commit().unwrap()
}

fn words(spool: &Spool, id: &str) -> (Place, Vec<String>) {
    let entry = spool.find(id).unwrap();
    let words = entry.recipients().map(|(address, state)| format!("{address} {}", state.word())).collect();
    (entry.place(), words)
}

/// Rewrites a file as if time had passed, or a process had been killed.
fn change(spool: &Spool, id: &str, change: impl FnOnce(&mut Head, &mut Vec<u8>)) {
    let path = spool.path(Place::Queue, id);
    let mut file = File::open(&path).unwrap();
    let stored = Stored::read(&mut file).unwrap();
    let octets = fs::read(&path).unwrap();
    let envelope = usize::try_from(stored.body_at).unwrap().saturating_sub(super::super::file::HEAD);
    let mut head =
        Head { envelope, body: stored.body_octets, eight_bit: stored.envelope.eight_bit, mark: stored.mark };
    let mut rest = octets[super::super::file::HEAD..].to_vec();
    change(&mut head, &mut rest);
    fs::write(&path, [head.encode(), rest].concat()).unwrap();
}

#[test]
fn what_is_taken_is_delivered_once() {
    let world = World::new();
    let spool = world.spool();
    let id = put(&spool, &["a@x.test", "b@x.test"], "Subject: 1\n\n.dot\nbare\rend");
    assert_eq!(
        words(&spool, &id),
        (Place::Queue, vec!["a@x.test waiting".into(), "b@x.test waiting".into()])
    );
    let reports = world.run(&spool);
    assert_eq!((reports.len(), reports[0].fate, &reports[0].id), (1, Fate::Delivered, &id));
    let want = "Subject: 1\r\n\r\n.dot\r\nbare\r\nend\r\n".to_owned();
    assert_eq!(world.submitted(), [(vec!["a@x.test".to_owned(), "b@x.test".into()], want)]);
    assert!(matches!(spool.find(&id), Err(Error::NotFound { .. })));
    assert!(world.run(&spool).is_empty());
}

#[test]
fn a_thousand_messages_go_with_one_token() {
    let world = World::new();
    let spool = world.spool();
    for number in 0..1000 {
        put(&spool, &["a@x.test"], &format!("Subject: {number}\r\n\r\n"));
    }
    assert_eq!(spool.list().unwrap().len(), 1000);
    assert_eq!(world.run(&spool).len(), 1000);
    let mut subjects: Vec<String> = world.submitted().into_iter().map(|(_, text)| text).collect();
    assert_eq!(subjects.len(), 1000);
    subjects.sort();
    subjects.dedup();
    assert_eq!((subjects.len(), spool.list().unwrap().len()), (1000, 0));
    assert_eq!(world.server.tokens().issued(), 1);
}

#[test]
fn each_recipient_has_its_own_fate() {
    let world = World::new();
    let spool = world.spool();
    let id = put(&spool, &["a@x.test", "b@refused.test"], "Subject: 1\r\n\r\n");
    let reports = world.run(&spool);
    assert_eq!(reports[0].fate, Fate::Failed);
    assert!(matches!(&reports[0].recipients[1].1, State::Failed(reply) if reply.starts_with("550 ")));
    let want = (Place::Failed, vec!["a@x.test delivered".into(), "b@refused.test failed".into()]);
    assert_eq!(words(&spool, &id), want);
    // Tried again, it is for the refused one alone.
    spool.find(&id).unwrap().retry().unwrap();
    assert_eq!(words(&spool, &id).0, Place::Queue);
    assert_eq!(world.run(&spool)[0].recipients.len(), 1);
    assert_eq!(world.submitted().len(), 1);
    let all = put(&spool, &["b@refused.test"], "Subject: 2\r\n\r\n");
    assert_eq!(world.run(&spool)[0].fate, Fate::Failed);
    spool.find(&all).unwrap().remove().unwrap();
    assert!(spool.find(&all).is_err());
}

#[test]
fn what_fails_for_now_waits_longer_each_time_and_for_five_days() {
    let world = World::new();
    let spool = world.spool();
    let id = put(&spool, &["a@x.test"], "Subject: 1\r\n\r\n");
    world.fault("sender-threads");
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let reports = world.run(&spool);
        let Fate::Waits(pause) = reports[0].fate else { panic!("{reports:?}") };
        pauses.push(pause.as_secs() / 60);
        assert!(world.run(&spool).is_empty(), "it is not due");
        change(&spool, &id, |_, rest| {
            // As if the pause were over.
            let text = String::from_utf8(rest.clone()).unwrap();
            let (before, line) = text.trim_end().rsplit_once('\n').unwrap();
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["next"] = line["at"].clone();
            *rest = format!("{before}\n{line}\n").into_bytes();
        });
    }
    assert_eq!(pauses, [1, 5, 15, 30, 60, 120, 240, 240]);
    let waited = |seconds: u64| {
        change(&spool, &id, |_, rest| {
            let text = String::from_utf8(rest.clone()).unwrap();
            let (before, line) = text.trim_end().rsplit_once('\n').unwrap();
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            (line["waited"], line["next"]) = (seconds.into(), line["at"].clone());
            *rest = format!("{before}\n{line}\n").into_bytes();
        });
    };
    waited(FIVE_DAYS - 100);
    assert!(matches!(world.run(&spool)[0].fate, Fate::Waits(_)));
    waited(FIVE_DAYS);
    let reports = world.run(&spool);
    assert_eq!(reports[0].fate, Fate::Failed);
    assert!(matches!(&reports[0].recipients[0].1, State::Failed(text) if text.contains("five days")));
    // Nothing is lost: it can be tried again.
    world.server.set_fault(None);
    spool.find(&id).unwrap().retry().unwrap();
    assert_eq!(world.run(&spool)[0].fate, Fate::Delivered);
}

/// The mark is on the disk before the dot is sent; whoever finds it without a line finds an attempt that was killed.
#[test]
fn an_attempt_that_was_killed_is_due_at_once_before_the_dot_and_unknown_after() {
    let world = World::new();
    let spool = world.spool();
    let [before, after] = [0, 1].map(|mark| {
        let id = put(&spool, &["a@x.test"], &format!("Subject: {mark}\r\n\r\n"));
        change(&spool, &id, |head, _| head.mark = mark);
        id
    });
    assert_eq!(words(&spool, &before), (Place::Queue, vec!["a@x.test waiting".into()]));
    assert_eq!(words(&spool, &after), (Place::Unknown, vec!["a@x.test unknown".into()]));
    let reports = world.run(&spool);
    let fate = |id: &String| reports.iter().find(|report| report.id == *id).unwrap().fate;
    assert_eq!((reports.len(), fate(&before), fate(&after)), (2, Fate::Delivered, Fate::Unknown));
    assert_eq!(words(&spool, &after), (Place::Unknown, vec!["a@x.test unknown".into()]));
    assert!(world.run(&spool).is_empty(), "it is not sent again by itself");
    assert_eq!(world.submitted().len(), 1);
    spool.find(&after).unwrap().retry().unwrap();
    assert_eq!(world.run(&spool)[0].fate, Fate::Delivered);
    // One that someone found is done with.
    let id = put(&spool, &["a@x.test"], "Subject: 2\r\n\r\n");
    change(&spool, &id, |head, _| head.mark = 1);
    world.run(&spool);
    spool.find(&id).unwrap().found("found in Sent").unwrap();
    assert!(spool.find(&id).is_err() && world.run(&spool).is_empty());
}

/// Of a message that goes in parts, a kill leaves only those unknown to whom a part may have gone. The others get it.
#[test]
fn an_attempt_that_was_killed_in_a_part_is_unknown_for_its_recipients() {
    let world = World::new();
    let spool = world.spool();
    for (parts, want) in [
        (&[&[0, 1][..]][..], "unknown unknown waiting"),
        (&[&[0], &[1]], "unknown unknown waiting"),
        (&[&[0], &[0], &[2]], "unknown waiting unknown"),
        (&[&[0, 1, 2]], "unknown unknown unknown"),
        // Sent to all, and the server wants the last again.
        (&[&[0, 1, 2], &[2]], "unknown unknown unknown"),
        (&[&[0, 1, 2], &[0, 1, 2]], "unknown unknown unknown"),
        (&[&[0], &[0, 1, 2]], "unknown unknown unknown"),
    ] {
        let id = put(&spool, &["a@x.test", "b@x.test", "c@x.test"], "Subject: 1\r\n\r\n");
        let mut entry = spool.find(&id).unwrap();
        parts.iter().for_each(|part| entry.mark(part).unwrap());
        drop(entry);
        let found = |place: Place| {
            let (at, words) = words(&spool, &id);
            assert_eq!(at, place, "{parts:?}");
            words.iter().map(|word| word.rsplit(' ').next().unwrap()).collect::<Vec<_>>().join(" ")
        };
        let waits = want.contains("waiting");
        let place = if waits { Place::Queue } else { Place::Unknown };
        assert_eq!(found(place), want, "{parts:?}");
        let reports = world.run(&spool);
        assert!(matches!(reports[0].fate, Fate::Waits(_)) == waits, "{parts:?}: {reports:?}");
        assert_eq!(found(place), want, "{parts:?}");
        // The others are due at once; those who may have it are not sent it again.
        assert_eq!(world.run(&spool).len(), usize::from(waits), "{parts:?}");
        assert_eq!(found(Place::Unknown), want.replace("waiting", "delivered"), "{parts:?}");
        assert!(world.run(&spool).is_empty(), "{parts:?}");
        spool.find(&id).unwrap().remove().unwrap();
    }
}

/// A copy among the sent messages says that a message arrived, unless it may be that of another part.
#[test]
fn a_copy_that_is_found_is_of_a_message_that_went_once() {
    let world = World::new();
    let spool = world.spool();
    let delivered = Record::Attempt {
        attempt: 1,
        at: now(),
        next: now(),
        waited: 0,
        results: vec![(State::Delivered("250 ok".into()), vec![0]), (State::Unknown("x".into()), vec![1])],
        owed: None,
    };
    let refused = Record::Attempt {
        attempt: 1,
        at: now(),
        next: now(),
        waited: 0,
        results: vec![(State::Unknown("x".into()), vec![0]), (State::Failed("550".into()), vec![1])],
        owed: None,
    };
    for (name, parts, record, want) in [
        ("one was refused", &[&[0][..]][..], Some(refused), Some("delivered failed")),
        ("whole", &[&[0, 1][..]][..], None, None),
        ("in parts", &[&[0], &[1]], None, Some("unknown unknown")),
        ("the end again", &[&[0, 1], &[1]], None, Some("unknown unknown")),
        ("one has it", &[&[0, 1]], Some(delivered), Some("delivered unknown")),
    ] {
        let text = format!("Message-ID: <{}@x.test>\r\n\r\n", name.replace(' ', "."));
        let id = put(&spool, &["a@x.test", "b@x.test"], &text);
        let mut entry = spool.find(&id).unwrap();
        parts.iter().for_each(|part| entry.mark(part).unwrap());
        if let Some(record) = record {
            entry.record(&record).unwrap();
            entry.move_to(Place::Unknown).unwrap();
        }
        drop(entry);
        world.run(&spool);
        world.server.mailbox().append("Sent Items", Vec::new(), (0, 0), text.into_bytes()).unwrap();
        let client = world.client();
        let mut found = Vec::new();
        spool
            .look(false, &mut |_| Ok(client.clone()), &mut |looked| found.push(looked.found.clone()))
            .unwrap();
        let is_found = want.is_none_or(|want| !want.contains("unknown"));
        assert_eq!(matches!(found[..], [Found::There(_)]), is_found, "{name}: {found:?}");
        let Some(want) = want else {
            assert!(spool.find(&id).is_err(), "{name}");
            continue;
        };
        let (place, words) = words(&spool, &id);
        let states: Vec<&str> = words.iter().map(|word| word.rsplit(' ').next().unwrap()).collect();
        let place_wanted = if is_found { Place::Failed } else { Place::Unknown };
        assert_eq!((place, states.join(" ").as_str()), (place_wanted, want), "{name}");
        let entry = spool.find(&id).unwrap();
        assert!(
            is_found || entry.stored().look.as_ref().is_some_and(|look| look.said.contains("several parts")),
            "{name}"
        );
        entry.remove().unwrap();
    }
}

/// A header that can't be read costs the report its header, not the server's verdict.
#[test]
fn a_header_that_can_not_be_read_costs_no_verdict() {
    let world = World::new();
    let spool = world.spool();
    let id = put(&spool, &["a@x.test"], "Subject: 1\r\n\r\n");
    let runner = spool.lock().unwrap();
    let Opened::Ready(ready) = runner.open(&id).unwrap() else { panic!("it waits") };
    let Ready { entry, waiting } = *ready;
    let file = fs::OpenOptions::new().write(true).open(entry.path()).unwrap();
    file.set_len(entry.stored().body_at).unwrap();
    let states = vec![(State::Failed("550 no".into()), waiting)];
    let verdict = Verdict { states, wait: None, problem: None, without_dsn: false };
    let report = runner.settle(entry, 1, verdict).unwrap();
    assert!(report.is_wanted() && report.header.is_empty(), "{report:?}");
    assert_eq!(words(&spool, &id), (Place::Failed, vec!["a@x.test failed".to_owned()]));
}

#[test]
fn a_clock_that_jumps_loses_nothing() {
    let world = World::new();
    let spool = world.spool();
    for taken in [0_u64, 4_000_000_000_000] {
        let id = put(&spool, &["a@x.test"], "Subject: 1\r\n\r\n");
        change(&spool, &id, |head, rest| {
            let end = rest.iter().position(|octet| *octet == b'\n').unwrap();
            let mut line: serde_json::Value = serde_json::from_slice(&rest[..end]).unwrap();
            line["taken"] = taken.into();
            let line = format!("{line}\n");
            head.envelope = line.len();
            rest.splice(..=end, line.into_bytes());
        });
        world.fault("sender-threads");
        // Taken long ago or in the future: tried at once, and one failure is not the end.
        let reports = world.run(&spool);
        assert!(matches!(reports[0].fate, Fate::Waits(_)), "{reports:?}");
        world.server.set_fault(None);
        let stored = spool.find(&id).unwrap().stored().clone();
        assert!(is_due(&stored, now() + 60) && !is_due(&stored, now()));
        assert!(is_due(&stored, 0), "the clock was set back by years");
        spool.find(&id).unwrap().retry().unwrap();
        assert_eq!(world.run(&spool)[0].fate, Fate::Delivered);
    }
}

#[test]
fn what_does_not_fit_is_not_taken() {
    let world = World::new();
    let limits = Limits { octets: 3 << 20, ..Limits::default() };
    let spool = world.limited(limits).unwrap();
    put(&spool, &["a@x.test"], &"x".repeat(1 << 20));
    let mut envelope = Envelope::new("s@x.test", ["a@x.test"]);
    envelope.size = Some(2 << 20);
    assert!(matches!(spool.begin(&envelope, None), Err(Error::Full { limit }) if limit == 3 << 20));
    // Also where the size is not told beforehand.
    envelope.size = None;
    let mut writer = spool.begin(&envelope, None).unwrap();
    let error = (0..40).find_map(|_| writer.write(&[b'x'; 1 << 16]).err()).unwrap();
    assert!(matches!(error, Error::Full { .. }) && error.is_transient(), "{error}");
    drop(writer);
    assert_eq!(fs::read_dir(spool.folder().join(TMP)).unwrap().count(), 0);
    let spool = world.limited(Limits { keep_free: u64::MAX / 2, ..limits }).unwrap();
    assert!(matches!(spool.begin(&envelope, None), Err(Error::DiskLow { .. })));
    assert_eq!(spool.list().unwrap().len(), 1);
    assert!(matches!(spool.begin(&Envelope::new("", [""; 0]), None), Err(Error::Envelope(_))));
}

#[test]
fn one_process_sends_and_nobody_meddles_with_what_it_sends() {
    let world = World::new();
    let spool = world.spool();
    let id = put(&spool, &["a@x.test"], "Subject: 1\r\n\r\n");
    let runner = spool.lock().unwrap();
    assert!(matches!(world.spool().lock(), Err(Error::Busy)));
    let held = spool.find(&id).unwrap();
    assert!(matches!(spool.find(&id), Err(Error::Busy)));
    assert!(spool.list().unwrap()[0].as_ref().unwrap().is_busy());
    let client = world.client();
    let mut count = 0;
    runner.run(&mut |_| Ok(client.clone()), &mut |_| count += 1).unwrap();
    assert_eq!(count, 0);
    drop(held);
    runner.run(&mut |_| Ok(client.clone()), &mut |_| count += 1).unwrap();
    assert_eq!(count, 1);
}

/// The lock of a folder that is gone keeps nobody from the one that was made in its place.
#[cfg(unix)]
#[test]
fn a_spool_that_was_made_again_has_one_runner() {
    let world = World::new();
    let client = world.client();
    let spool = world.spool();
    let old = spool.lock().unwrap();
    let run = |runner: &Runner<'_>| {
        let mut count = 0;
        runner.run(&mut |_| Ok(client.clone()), &mut |_| count += 1).map(|()| count)
    };
    fs::remove_dir_all(spool.folder()).unwrap();
    assert!(matches!(run(&old), Err(Error::Io { .. })));
    let again = world.spool();
    let new = again.lock().unwrap();
    let id = put(&again, &["a@x.test"], "Subject: 1\r\n\r\n");
    assert!(matches!(run(&old), Err(Error::Busy)));
    let mut told = Vec::new();
    let attempted = old.attempt_all(
        &mut [id.clone()].into_iter(),
        &mut Lane::new(Ok(world.client())),
        &mut |id, report| told.push((id.to_owned(), report.is_none())),
    );
    assert!(matches!(attempted, Err(Error::Busy)));
    assert_eq!((told, world.submitted().len()), (vec![(id, true)], 0));
    assert_eq!(run(&new).unwrap(), 1);
    drop(new);
    put(&again, &["a@x.test"], "Subject: 2\r\n\r\n");
    assert_eq!(run(&old).unwrap(), 1, "nobody else has it");
    assert!(matches!(world.spool().lock(), Err(Error::Busy)));
}

#[test]
fn an_account_that_cannot_be_used_is_asked_once() {
    let world = World::new();
    let spool = world.spool();
    for _ in 0..3 {
        put(&spool, &["a@x.test"], "Subject: 1\r\n\r\n");
    }
    let mut asked = 0;
    let done = reports(&spool, &mut |account| {
        assert_eq!(account, None);
        asked += 1;
        Err("no such account".into())
    });
    assert_eq!((done.len(), asked), (3, 1));
    assert!(done.iter().all(|report| report.problem.as_deref() == Some("no such account")));
    assert!(done.iter().all(|report| matches!(report.fate, Fate::Waits(_))));
}

#[test]
fn what_killed_processes_left_is_cleared_away_later() {
    let world = World::new();
    let spool = world.spool();
    let [old, new] = ["old", "new"].map(|name| spool.folder().join(TMP).join(name));
    for path in [&old, &new] {
        fs::write(path, "half").unwrap();
    }
    let past = SystemTime::now().checked_sub(ABANDONED * 2).unwrap();
    File::options().write(true).open(&old).unwrap().set_modified(past).unwrap();
    drop(spool.lock().unwrap());
    assert!(!old.exists() && new.exists());
    // A file of the queue that is none of ours is shown, and stops nobody.
    fs::write(spool.path(Place::Queue, &"0".repeat(27)), "none of ours").unwrap();
    let id = put(&spool, &["a@x.test"], "Subject: 1\r\n\r\n");
    assert!(matches!(spool.list().unwrap()[0], Err(Error::Damaged { .. })));
    assert_eq!(world.run(&spool)[0].id, id);
}

/// What is no message of this program's is named, left where it is, and keeps nobody else waiting.
#[cfg(unix)]
#[test]
fn what_is_no_message_keeps_none_waiting() {
    let world = World::new();
    let spool = world.spool();
    let id = put(&spool, &["a@x"], "Subject: 1\n\nx\n");
    let queue = spool.folder().join(Place::Queue.folder());
    let name = |first: char| format!("{first}{}", &id[1..]);
    let whole = fs::read(queue.join(&id)).unwrap();
    std::os::unix::fs::symlink(queue.join(&id), queue.join(name('a'))).unwrap();
    std::os::unix::fs::symlink("/nowhere", queue.join(name('b'))).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(queue.join(name('c'))).unwrap();
    fs::create_dir(queue.join(name('d'))).unwrap();
    for (last, octets) in [('e', &whole[..40]), ('f', b"rubbish")] {
        fs::write(queue.join(name(last)), octets).unwrap();
    }
    let listed: Vec<bool> = spool.list().unwrap().iter().map(Result::is_ok).collect();
    assert_eq!((listed.len(), listed.iter().filter(|is_ok| **is_ok).count()), (7, 1));
    for last in 'a'..='f' {
        assert!(matches!(spool.find(&name(last)), Err(Error::Damaged { .. })), "{last}");
    }
    assert_eq!(world.run(&spool).len(), 1);
    assert_eq!(world.submitted().len(), 1);
    assert_eq!(spool.names_in(Place::Queue.folder()).unwrap().len(), 6, "they stay");
    // A person can remove what is no folder.
    for last in 'a'..='f' {
        assert_eq!(spool.remove(&name(last)).is_ok(), last != 'd', "{last}");
    }
    assert_eq!(spool.names_in(Place::Queue.folder()).unwrap(), [name('d')]);
    assert!(matches!(spool.remove("x"), Err(Error::NotFound { .. })));
}

#[cfg(unix)]
#[test]
fn what_others_drop_becomes_a_message_of_the_spool_once() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let world = World::new();
    let spool = world.spool();
    let drop = spool.folder().join(DROP);
    fs::create_dir(&drop).unwrap();
    // A guest's file is what a queue's file is.
    let other = Spool::open(world.folder.path().join("other"), Limits::default()).unwrap();
    let dropped: Vec<String> = (0..2)
        .map(|number| {
            let mut writer =
                other.begin(&Envelope::new("s@x.test", ["a@x.test"]), Some("someone else's")).unwrap();
            writer.write(format!("Subject: {number}\r\n\r\n").as_bytes()).unwrap();
            let id = writer.commit().unwrap();
            fs::rename(other.path(Place::Queue, &id), drop.join(&id)).unwrap();
            id
        })
        .collect();
    // The runner was killed when it had copied the first and not yet removed it.
    fs::copy(drop.join(&dropped[0]), spool.path(Place::Queue, &dropped[0])).unwrap();
    change(&spool, &dropped[0], |_, rest| {
        *rest = String::from_utf8(rest.clone())
            .unwrap()
            .replace("\"someone else's\"", "null            ")
            .into_bytes();
    });
    let secret = world.folder.path().join("secret");
    fs::write(&secret, "x").unwrap();
    symlink(&secret, drop.join("f".repeat(27))).unwrap();
    let client = world.client();
    let done = reports(&spool, &mut |account| {
        assert_eq!(account, None, "who drops has no choice of accounts");
        Ok(client.clone())
    });
    assert_eq!(done.len(), 2);
    assert_eq!(world.submitted().len(), 2);
    assert_eq!(fs::read_dir(&drop).unwrap().count(), 1, "the link is left where it is");
    assert_eq!(fs::metadata(spool.folder()).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(spool.folder(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(world.limited(Limits::default()).unwrap_err().is_permission());
}
