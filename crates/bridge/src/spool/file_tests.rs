use std::io::Cursor;

use super::*;

fn stored(lines: &str, mark: u32) -> (Vec<u8>, usize) {
    let line = envelope_line(&Envelope::new("s@x", ["a@x", "b@x"]), Some("robot"), 1000);
    let head = Head { envelope: line.len(), body: 5, eight_bit: true, mark };
    let start = [head.encode(), line.into_bytes(), b"body\n".to_vec()].concat();
    let length = start.len();
    ([start, lines.as_bytes().to_vec()].concat(), length)
}

fn attempt(number: u32) -> Record {
    let results = vec![
        (State::Delivered("250 2.0.0 OK".into()), vec![0]),
        (State::Waiting(Some("451 later".into())), vec![1]),
    ];
    Record::Attempt { attempt: number, at: 1010, next: 1070, waited: 10, results, owed: None }
}

#[test]
fn reads_what_it_writes() {
    assert_eq!(Head { envelope: 1, body: 2, eight_bit: false, mark: 3 }.encode().len(), HEAD);
    let mut envelope = Envelope::new("", ["ü@x"]);
    (envelope.smtp_utf8, envelope.require_tls, envelope.binary) = (true, true, true);
    envelope.deliver_by = Some(DeliverBy::new(120, true));
    envelope.dsn.returned = Some(Returned::Header);
    envelope.dsn.envelope_id = Some("a \"b\"\n".into());
    let mut notify = Notify::default();
    notify.delay = true;
    envelope.dsn.notify = Some(notify);
    envelope.dsn.notify_of = vec![("ü@x".into(), None), ("b@x".into(), Some(Notify::default()))];
    envelope.dsn.original_recipients = vec![("ü@x".into(), "b@x".into())];
    let line = envelope_line(&envelope, None, 7);
    let back = super::envelope(line.as_bytes()).unwrap();
    assert_eq!((back.envelope, back.account, back.taken), (envelope, None, 7));
    let (octets, length) = stored(&attempt(1).to_line(), 1);
    let stored = Stored::read(&mut Cursor::new(&octets)).unwrap();
    assert_eq!((stored.attempts, stored.next, stored.waited, stored.is_interrupted()), (1, 1070, 10, false));
    assert_eq!(stored.states[0], State::Delivered("250 2.0.0 OK".into()));
    assert_eq!(stored.states[1], State::Waiting(Some("451 later".into())));
    assert_eq!((stored.envelope.size, stored.envelope.eight_bit), (Some(5), true));
    let place = usize::try_from(stored.body_at).unwrap();
    assert_eq!(&octets[place..length], b"body\n");
    let mark = usize::try_from(MARK_AT).unwrap();
    assert_eq!(&octets[mark..mark + 8], super::mark(1).as_bytes());
}

#[test]
fn a_line_that_was_cut_short_says_nothing() {
    let line = attempt(1).to_line();
    for end in 0..line.len() {
        let (octets, length) = stored(&line[..end], 1);
        let stored = Stored::read(&mut Cursor::new(octets)).unwrap();
        assert_eq!((stored.attempts, stored.end), (0, u64::try_from(length).unwrap()), "{end}");
        assert!(stored.is_interrupted(), "its dot was given: nobody knows");
    }
    let twice = format!("{line}{line}{}", Record::Retry { at: 5 }.to_line());
    let (octets, length) = stored(&twice, 1);
    let stored = Stored::read(&mut Cursor::new(octets)).unwrap();
    assert_eq!(stored.end, u64::try_from(length + line.len()).unwrap(), "an attempt ends once");
}

#[test]
fn a_report_that_is_owed_has_a_name_and_recipients_of_this_message() {
    let name = "0123456789abcdef01234567890";
    let line =
        |owed: &str| format!("{},\"owed\":{owed}}}\n", attempt(1).to_line().trim_end().trim_end_matches('}'));
    let good = line(&format!("{{\"id\":\"{name}\",\"about\":[1]}}"));
    for (line, is_read) in [
        (good.clone(), true),
        (good.replace("[1]", "[2]"), false),
        (good.replace("[1]", "1"), false),
        (good.replace(name, "../../../etc/passwd-of-x.abc"), false),
        (good.replace(name, ""), false),
        (line("null"), false),
    ] {
        let (octets, _) = stored(&line, 1);
        let stored = Stored::read(&mut Cursor::new(octets)).unwrap();
        let owed = Owed { id: name.into(), about: [1].into() };
        assert_eq!(
            (stored.attempts, stored.owed),
            if is_read { (1, Some(owed)) } else { (0, None) },
            "{line}"
        );
    }
    let reported = |id: &str| Record::Reported { at: 1, id: id.into() }.to_line();
    for (id, is_of_it) in [(name, true), ("x", false)] {
        let (octets, length) = stored(&(good.clone() + &reported(id)), 1);
        let end = u64::try_from(length + good.len() + if is_of_it { reported(id).len() } else { 0 }).unwrap();
        let stored = Stored::read(&mut Cursor::new(octets)).unwrap();
        assert_eq!((stored.owed.is_none(), stored.end), (is_of_it, end), "{id}");
    }
}

#[test]
fn of_a_message_in_parts_only_what_is_on_its_way_is_unknown() {
    let part = |which: &[usize]| Record::Part { attempt: 1, at: 5, which: which.to_vec() }.to_line();
    let full = State::Waiting(Some("452 4.5.3 too many".into()));
    let results = vec![(State::Delivered("250 ok".into()), vec![0]), (full.clone(), vec![1])];
    let known = Record::Known { attempt: 1, at: 6, results, without_dsn: false }.to_line();
    for (lines, states, unknown) in [
        (part(&[0]), ["waiting", "waiting"], vec![0]),
        (part(&[0, 1]), ["waiting", "waiting"], vec![0, 1]),
        (part(&[0, 1]) + &known, ["delivered", "waiting"], vec![]),
        // The mark was for all.
        (known.clone(), ["delivered", "waiting"], vec![]),
        (part(&[0, 1]) + &known + &part(&[1]), ["delivered", "waiting"], vec![1]),
        (part(&[0, 1]) + &known + &attempt(1).to_line() + &known, ["delivered", "waiting"], vec![]),
        (part(&[0, 1]) + &known.replace("[1]", "[2]"), ["waiting", "waiting"], vec![0, 1]),
    ] {
        let (octets, _) = stored(&lines, 1);
        let stored = Stored::read(&mut Cursor::new(octets)).unwrap();
        let words: Vec<_> = stored.states.iter().map(State::word).collect();
        let interrupted: Vec<_> = (0..2).filter(|index| stored.is_interrupted_for(*index)).collect();
        assert_eq!((words, interrupted), (states.to_vec(), unknown), "{lines}");
    }
}

#[test]
fn a_person_may_have_all_but_the_delivered_tried_again() {
    let lines = format!("{}{}", attempt(1).to_line(), Record::Retry { at: 2000 }.to_line());
    let (octets, _) = stored(&lines, 2);
    let stored = Stored::read(&mut Cursor::new(octets)).unwrap();
    assert!(!stored.is_interrupted());
    assert_eq!((stored.next, stored.attempts), (2000, 2));
    assert_eq!(stored.states[1], State::Waiting(None));
    assert!(matches!(stored.states[0], State::Delivered(_)));
}

#[test]
fn what_is_no_spool_file_is_said_so() {
    let (whole, length) = stored("", 0);
    for end in 0..length {
        let error = Stored::read(&mut Cursor::new(&whole[..end])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{end}");
    }
    for (from, to) in [("spool 1", "spool 2"), (" 8 ", " 9 "), ("s@x", "\u{0}@x"), ("\"a@x\",\"b@x\"", "")] {
        let text = String::from_utf8(whole.clone()).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert!(Stored::read(&mut Cursor::new(changed)).is_err(), "{from}");
    }
    let huge = String::from_utf8(whole).unwrap().replacen(" 00000", " 99999", 1);
    assert!(Stored::read(&mut Cursor::new(huge)).is_err());
}
