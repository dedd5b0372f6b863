use std::sync::Mutex;

use mailbearer::proto::smtp::Notify;

use super::{
    super::{Limits, Spool, file::now},
    *,
};
use crate::upstream::{Server, Upstream};

/// Sends a report of each failure, and notes what the runner said of it.
#[derive(Default)]
struct Noting {
    by_word: bool,
    drops: bool,
    heard: Mutex<Vec<String>>,
}

impl Noting {
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

impl Reporter for Noting {
    fn host(&self) -> String {
        "here.test".into()
    }

    fn address(&self, _: Option<&str>) -> String {
        "robot@mx.test".into()
    }

    fn tell(&self, report: &Report) -> bool {
        if self.by_word {
            self.heard.lock().unwrap().push(format!("told {}", report.id));
        }
        self.by_word
    }

    fn written(&self, _: &Report, id: Result<&str, Error>) {
        self.heard.lock().unwrap().push(id.map_or_else(|error| error.to_string(), str::to_owned));
    }

    fn drops_failed(&self) -> bool {
        self.drops
    }
}

const ALL: [&str; 3] = ["a@mx.test", "b@mx.test", "nobody@mx.test"];

struct World {
    upstream: Upstream,
    folder: tempfile::TempDir,
}

impl World {
    fn new(server: Server) -> Self {
        Self { upstream: Upstream::start(server), folder: tempfile::tempdir().unwrap() }
    }

    fn spool(&self, limits: Limits) -> Spool {
        Spool::open(self.folder.path().join("spool"), limits).unwrap()
    }

    fn run(&self, spool: &Spool, reporter: &Noting) -> Vec<Report> {
        let mut reports = Vec::new();
        let runner = spool.lock().unwrap().reporting(reporter);
        runner.run(&mut |_| Ok(self.upstream.client.clone()), &mut |one| reports.push(one.clone())).unwrap();
        reports
    }

    /// The reports that arrived.
    fn arrived(&self) -> Vec<String> {
        let contents = self.upstream.server().contents.clone();
        contents.into_iter().filter(|content| content.contains("delivery-status")).collect()
    }
}

fn put(spool: &Spool) -> String {
    let mut envelope = Envelope::new("ann@mx.test", ALL);
    let mut notify = Notify::default();
    (notify.success, notify.failure) = (true, true);
    envelope.dsn.notify = Some(notify);
    let mut writer = spool.begin(&envelope, None).unwrap();
    writer.write(b"Subject: mine\r\n\r\nhi\r\n").unwrap();
    writer.commit().unwrap()
}

fn verdict(results: Vec<(State, Vec<usize>)>, owed: Option<Owed>) -> Record {
    Record::Attempt { attempt: 1, at: now(), next: now().saturating_add(3600), waited: 0, results, owed }
}

/// Wherever the run before was killed, the sender gets one report, and the message comes to its place.
#[test]
fn a_report_that_is_owed_is_written_once() {
    let world = World::new(Server::default());
    let spool = world.spool(Limits::default());
    let refused = || State::Failed("550 5.1.1 no such user".into());
    let taken = || State::Delivered("250 ok".into());
    let name = "0123456789abcdef01234567890";
    let owed = |about: &[usize]| Some(Owed { id: name.into(), about: about.iter().copied().collect() });
    let both = || vec![(taken(), vec![0, 1]), (refused(), vec![2])];
    let waits = vec![(State::Waiting(None), vec![0]), (taken(), vec![1]), (refused(), vec![2])];
    let reported = || Record::Reported { at: now(), id: name.into() };
    for (what, lines, is_in_queue, drops, reports, place) in [
        ("behind the verdict", vec![verdict(both(), owed(&[2]))], false, false, 1, Some(Place::Failed)),
        ("and failures go", vec![verdict(both(), owed(&[2]))], false, true, 1, None),
        ("behind the report", vec![verdict(both(), owed(&[2]))], true, false, 1, Some(Place::Failed)),
        (
            "behind its line",
            vec![verdict(both(), owed(&[2])), reported()],
            true,
            false,
            1,
            Some(Place::Failed),
        ),
        (
            "and it was sent",
            vec![verdict(both(), owed(&[2])), reported()],
            false,
            false,
            0,
            Some(Place::Failed),
        ),
        (
            "all have it",
            vec![verdict(vec![(taken(), vec![0, 1, 2])], owed(&[0, 1, 2]))],
            false,
            false,
            1,
            None,
        ),
        ("one waits", vec![verdict(waits, owed(&[2]))], false, false, 1, Some(Place::Queue)),
        ("none is owed", vec![verdict(both(), None)], false, false, 0, Some(Place::Failed)),
    ] {
        let id = put(&spool);
        let mut entry = spool.find(&id).unwrap();
        lines.iter().for_each(|line| entry.record(line).unwrap());
        drop(entry);
        if is_in_queue {
            let writer = spool.begin(&Envelope::new("", ["ann@mx.test"]), None).unwrap();
            let mut writer = writer.named(name).unwrap();
            writer.write(b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\n").unwrap();
            writer.commit().unwrap();
        }
        world.upstream.server().contents.clear();
        let reporter = Noting { drops, ..Noting::default() };
        (0..3).for_each(|_| drop(world.run(&spool, &reporter)));
        let arrived = world.arrived();
        assert_eq!(arrived.len(), reports, "{what}: {arrived:?}");
        if reports == 1 && !is_in_queue {
            assert_eq!(reporter.heard(), [name], "{what}");
            assert!(
                arrived[0].contains("Final-Recipient: rfc822; nobody@mx.test\r\n"),
                "{what}: {arrived:?}"
            );
            assert!(arrived[0].contains("\r\nSubject: mine\r\n"), "{what}: {arrived:?}");
        }
        let found = spool.find(&id);
        assert_eq!(found.as_ref().map(Entry::place).ok(), place, "{what}");
        if let Ok(entry) = found {
            entry.remove().unwrap();
        }
        assert!(spool.list().unwrap().is_empty(), "{what}");
    }
    // A person who tries it again takes the verdict back.
    let mut entry = spool.find(&put(&spool)).unwrap();
    entry.record(&verdict(both(), owed(&[2]))).unwrap();
    assert!(entry.stored().owed.is_some());
    entry.record(&Record::Retry { at: now() }).unwrap();
    assert_eq!(entry.stored().owed, None);
}

/// A verdict of a part, whose run was killed before the whole message had one, is reported with the rest.
#[test]
fn what_a_killed_run_knew_is_reported() {
    for (no_dsn, want) in
        [(false, &["nobody@mx.test"][..]), (true, &["a@mx.test", "b@mx.test", "nobody@mx.test"])]
    {
        let world = World::new(Server { no_dsn, ..Server::default() });
        let spool = world.spool(Limits::default());
        let id = put(&spool);
        let mut entry = spool.find(&id).unwrap();
        entry.mark(&[0, 2]).unwrap();
        let results =
            vec![(State::Delivered("250 ok".into()), vec![0]), (State::Failed("550 no".into()), vec![2])];
        entry.record(&Record::Known { attempt: 1, at: now(), results, without_dsn: no_dsn }).unwrap();
        drop(entry);
        let reporter = Noting::default();
        let reports = world.run(&spool, &reporter);
        assert_eq!((reports[0].fate, reports[0].recipients.len()), (Fate::Failed, 3), "{reports:?}");
        assert_eq!(reporter.heard().len(), 1);
        world.run(&spool, &reporter);
        let arrived = world.arrived();
        assert_eq!(arrived.len(), 1);
        let fields = arrived[0].lines().filter_map(|line| line.strip_prefix("Final-Recipient: rfc822; "));
        assert_eq!(fields.collect::<Vec<_>>(), want);
    }
}

/// A report that can't be written keeps the message where the next run finds it, and costs no verdict.
#[test]
fn a_report_for_which_there_is_no_room_is_written_later() {
    let world = World::new(Server::default());
    let id = put(&world.spool(Limits::default()));
    let reporter = Noting::default();
    let full = world.spool(Limits { keep_free: u64::MAX / 2, ..Limits::default() });
    for time in 0..2 {
        let reports = world.run(&full, &reporter);
        assert_eq!(reports.len(), usize::from(time == 0));
        assert!(matches!(&reporter.heard()[..], [error] if error.contains("free")), "each run tries it once");
        let stored = full.find(&id).unwrap().stored().clone();
        assert!(stored.owed.is_some() && stored.waiting().is_empty(), "{stored:?}");
    }
    let runner = full.lock().unwrap().reporting(&reporter);
    let due = || runner.due(&Default::default()).unwrap().len();
    assert_eq!(due(), 1);
    runner.run(&mut |_| Err("x".into()), &mut |_| ()).unwrap();
    assert_eq!((due(), reporter.heard().len()), (0, 1), "it is not tried all the time");
    drop(runner);
    let spool = world.spool(Limits::default());
    (0..2).for_each(|_| drop(world.run(&spool, &reporter)));
    assert_eq!((reporter.heard().len(), world.arrived().len()), (1, 1));
    assert_eq!(spool.find(&id).unwrap().place(), Place::Failed);
    // Runners that send no reports leave it to those that do.
    let id = put(&spool);
    let mut entry = spool.find(&id).unwrap();
    let owed = Owed { id: super::super::write::new_id(), about: [2].into() };
    entry
        .record(&verdict(
            vec![(State::Waiting(None), vec![0]), (State::Failed("x".into()), vec![2])],
            Some(owed),
        ))
        .unwrap();
    drop(entry);
    spool.lock().unwrap().run(&mut |_| Err("x".into()), &mut |_| panic!("it is not due")).unwrap();
    assert!(spool.find(&id).unwrap().stored().owed.is_some());
}

/// A sender who hears of it from the runner gets no report, and the report's file is not sent before its line is on the disk.
#[test]
fn nobody_hears_of_it_twice() {
    let world = World::new(Server::default());
    let spool = world.spool(Limits::default());
    let id = put(&spool);
    let reporter = Noting { by_word: true, ..Noting::default() };
    (0..2).for_each(|_| drop(world.run(&spool, &reporter)));
    assert_eq!(reporter.heard(), [format!("told {id}")]);
    assert_eq!((world.arrived().len(), spool.find(&id).unwrap().place()), (0, Place::Failed));
    let mut writer = spool.begin(&Envelope::new("", ["ann@mx.test"]), None).unwrap();
    writer.write(b"\r\n").unwrap();
    writer.finish().unwrap();
    let report = writer.id().to_owned();
    assert!(matches!(spool.find(&report), Err(Error::Busy)));
    drop(writer);
    assert!(spool.find(&report).is_ok());
}
