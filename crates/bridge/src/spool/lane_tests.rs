use mailbearer::{Envelope, proto::smtp::server::Answer};

use crate::{
    spool::{Fate as Place, Limits, Report, Spool},
    upstream::{Cut, Server, Upstream},
};

fn run(spool: &Spool, upstream: &Upstream) -> Vec<Report> {
    let mut reports = Vec::new();
    let client = upstream.client.clone();
    let runner = spool.lock().unwrap();
    runner.run(&mut |_| Ok(client.clone()), &mut |report| reports.push(report.clone())).unwrap();
    reports
}

fn put(spool: &Spool, envelope: &Envelope, subject: usize) -> String {
    let mut writer = spool.begin(envelope, None).unwrap();
    writer.write(format!("Subject: {subject}\r\n\r\n.\r\n").as_bytes()).unwrap();
    writer.commit().unwrap()
}

/// The connection ends at each octet of either side: no message is lost, none is sent twice, none is told wrongly.
#[test]
fn a_cut_anywhere_costs_no_message() {
    const MESSAGES: usize = 3;
    let upstream = Upstream::start(Server::default());
    for chunking in [false, true] {
        let mut unknown = 0;
        Cut::everywhere(|cut| {
            *upstream.server() = Server { chunking, cut: Some(cut), ..Server::default() };
            let folder = tempfile::tempdir_in(memory()).unwrap();
            let spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
            let envelope = Envelope::new("a@mx.test", ["b@mx.test"]);
            let ids: Vec<String> = (0..MESSAGES).map(|number| put(&spool, &envelope, number)).collect();
            let what = format!("{cut:?}, chunking {chunking}");
            let reports = run(&spool, &upstream);
            assert_eq!(reports.len(), MESSAGES, "{what}: {reports:?}");
            for (number, id) in ids.iter().enumerate() {
                let report = reports.iter().find(|report| report.id == *id).unwrap();
                let taken = upstream.times_taken(&number.to_string());
                let is_right = match report.fate {
                    Place::Delivered => taken == 1 && spool.find(id).is_err(),
                    Place::Waits(_) => taken == 0 && spool.find(id).is_ok(),
                    Place::Unknown => taken <= 1 && spool.find(id).is_ok(),
                    Place::Failed => false,
                };
                assert!(is_right, "{what}: message {number} was taken {taken} times: {report:?}");
            }
            let lost = reports.iter().filter(|report| report.fate == Place::Unknown).count();
            assert!(lost <= 1, "{what}: {reports:?}");
            unknown += lost;
            assert_eq!(run(&spool, &upstream).len(), 0, "nothing is sent again by itself");
            let connections = upstream.server().connections;
            // What waits arrives when its time has come.
            upstream.server().cut = None;
            for report in reports.iter().filter(|report| matches!(report.fate, Place::Waits(_))) {
                spool.find(&report.id).unwrap().retry().unwrap();
            }
            let again = run(&spool, &upstream);
            assert!(again.iter().all(|report| report.fate == Place::Delivered), "{what}: {again:?}");
            let arrived = (0..MESSAGES).map(|number| upstream.times_taken(&number.to_string()));
            let arrived: Vec<usize> = arrived.collect();
            assert!(arrived.iter().all(|times| *times <= 1), "{what}: {arrived:?}");
            assert!(arrived.iter().sum::<usize>() >= MESSAGES - lost, "{what}: {arrived:?}");
            let is_whole = reports.iter().all(|report| report.fate == Place::Delivered);
            !is_whole || connections != 1
        });
        // The reply to each end is some octets long, so that there are cuts that leave it open.
        assert!(unknown > 10, "{unknown}");
    }
}

/// A folder that costs no disk, if the system has one.
fn memory() -> std::path::PathBuf {
    let memory = std::path::PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// A server that thinks about one message keeps only that waiting whose commands went out behind it.
#[test]
fn a_slow_verdict_keeps_the_others_from_nothing() {
    let upstream = Upstream::start(Server { slow: Some((1, 2)), ..Server::default() });
    let folder = tempfile::tempdir_in(memory()).unwrap();
    let spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
    for number in 0..4 {
        put(&spool, &Envelope::new("a@mx.test", ["b@mx.test"]), number);
    }
    let reports = run(&spool, &upstream);
    assert!(reports.iter().all(|report| report.fate == Place::Delivered), "{reports:?}");
    let server = upstream.server();
    assert_eq!((server.taken.len(), server.slow), (4, None), "the others went out while it thought");
}

/// The messages of one account go over as many connections as it may have.
#[test]
fn many_messages_go_over_more_than_one_connection() {
    let upstream = Upstream::start(Server::default());
    let folder = tempfile::tempdir_in(memory()).unwrap();
    let spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
    for number in 0..40 {
        put(&spool, &Envelope::new("a@mx.test", ["b@mx.test"]), number);
    }
    let reports = run(&spool, &upstream);
    assert!(
        reports.len() == 40 && reports.iter().all(|report| report.fate == Place::Delivered),
        "{reports:?}"
    );
    let server = upstream.server();
    assert_eq!((server.taken.len(), server.most_open, server.connections), (40, 3, 3));
}

/// A server without DSN gets the message, and the report says that nobody will tell of its delivery.
#[test]
fn what_goes_without_dsn_is_said() {
    for no_dsn in [false, true] {
        let upstream = Upstream::start(Server { no_dsn, ..Server::default() });
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
        let mut envelope = Envelope::new("a@mx.test", ["b@mx.test", "c@mx.test"]);
        let mut notify = mailbearer::proto::smtp::Notify::default();
        notify.success = true;
        envelope.dsn.notify_of = vec![("c@mx.test".into(), Some(notify))];
        put(&spool, &envelope, 0);
        let reports = run(&spool, &upstream);
        assert_eq!((reports[0].fate, reports[0].without_dsn), (Place::Delivered, no_dsn));
        let told: Vec<_> = reports[0].told().map(|(address, is_relayed, _)| (address, is_relayed)).collect();
        assert_eq!(told, if no_dsn { vec![("c@mx.test", true)] } else { vec![] });
        assert_eq!(reports[0].header.starts_with(b"Subject: 0\r\n"), no_dsn);
    }
}

/// Whom a server refused before it hung up is told at once. The next attempts, in this run and in later ones, leave them out.
#[test]
fn a_server_that_hangs_up_at_unknown_recipients_is_not_asked_for_them_again() {
    let upstream = Upstream::start(Server { hangs_up: Some(1), ..Server::default() });
    let folder = tempfile::tempdir_in(memory()).unwrap();
    let mut spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
    let all = ["nobody1", "b", "nobody2", "nobody3", "nobody4", "nobody5", "nobody6", "c"];
    let all = all.map(|name| format!("{name}@mx.test"));
    put(&spool, &Envelope::new("a@mx.test", &all), 0);
    let report = run(&spool, &upstream).remove(0);
    assert!(matches!(report.fate, Place::Waits(_)), "{report:?}");
    let states: Vec<&str> = report.recipients.iter().map(|(_, state)| state.word()).collect();
    assert_eq!(
        states,
        ["failed", "waiting", "failed", "failed", "failed", "waiting", "waiting", "waiting"],
        "one in each session"
    );
    for (_, state) in &report.recipients {
        let said = if state.word() == "failed" { "550 5.1.1 nobody" } else { "421 4.7.0 Too many errors" };
        assert!(state.reply().unwrap().ends_with(said), "{report:?}");
    }
    spool.clock = || crate::spool::file::now().saturating_add(3600);
    upstream.server().connections = 0;
    let report = run(&spool, &upstream).remove(0);
    assert_eq!(report.fate, Place::Failed, "{report:?}");
    let states = report.recipients.iter().map(|(address, state)| format!("{address} {}", state.word()));
    assert_eq!(
        states.collect::<Vec<_>>(),
        ["b@mx.test delivered", "nobody5@mx.test failed", "nobody6@mx.test failed", "c@mx.test delivered"]
    );
    let server = upstream.server();
    assert_eq!(server.connections, 2, "each session gets a refusal, and there were two to come");
    let to = server.envelopes.iter().map(|(_, to)| to.join(" "));
    assert_eq!(to.collect::<Vec<_>>(), ["b@mx.test c@mx.test"]);
}

/// Before the end of each part it is on the disk to whom it goes.
#[test]
fn each_part_is_marked_before_its_end() {
    let sender = |number| (number > 2).then(|| Answer::new(421, "4.3.2 not now, try again in 7200 seconds"));
    let upstream = Upstream::start(Server {
        extensions: vec!["LIMITS RCPTMAX=2"],
        sender: Some(sender),
        ..Server::default()
    });
    let folder = tempfile::tempdir_in(memory()).unwrap();
    let spool = Spool::open(folder.path().join("spool"), Limits::default()).unwrap();
    let envelope =
        Envelope::new("a@mx.test", ["b@mx.test", "c@mx.test", "d@mx.test", "e@mx.test", "f@mx.test"]);
    let id = put(&spool, &envelope, 0);
    let report = run(&spool, &upstream).remove(0);
    // What kept the rest from being sent is told of it, and obeyed.
    assert_eq!(report.fate, Place::Waits(std::time::Duration::from_secs(7200)), "{report:?}");
    let said = |address: &str| {
        let (_, state) = report.recipients.iter().find(|(own, _)| own == address).unwrap();
        format!("{} {}", state.word(), state.reply().unwrap_or_default())
    };
    assert!(said("b@mx.test").starts_with("delivered 250"), "{report:?}");
    assert!(said("f@mx.test").starts_with("waiting ") && said("f@mx.test").contains("not now"), "{report:?}");
    let text = std::fs::read_to_string(spool.find(&id).unwrap().path()).unwrap();
    let parts: Vec<serde_json::Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| line.get("part_of").is_some())
        .map(|line| line.get("which").or_else(|| line["results"][0].get("which")).unwrap().clone())
        .collect();
    // To whom it goes, what became of that, to whom it goes next. What came of the last one is in the line of the attempt.
    let [one, two] = [serde_json::json!([0, 1]), serde_json::json!([2, 3])];
    assert_eq!(parts, [one.clone(), one, two.clone(), two]);
    // A message for all of its recipients costs no line.
    let one = put(&spool, &Envelope::new("a@mx.test", ["b@mx.test", "c@mx.test"]), 1);
    upstream.server().sender = None;
    upstream.server().verdict = Some(|_| Some(Answer::new(451, "4.3.0 later")));
    run(&spool, &upstream);
    assert!(!std::fs::read_to_string(spool.find(&one).unwrap().path()).unwrap().contains("part_of"));
    // Whom the server refused before the end is not among those who may have got it.
    let refused = put(&spool, &Envelope::new("a@mx.test", ["nobody@mx.test", "c@mx.test"]), 2);
    run(&spool, &upstream);
    let text = std::fs::read_to_string(spool.find(&refused).unwrap().path()).unwrap();
    let line = text.lines().find(|line| line.contains("part_of")).unwrap();
    assert!(line.contains("\"which\":[1]"), "{line}");
}
