//! Messages composed: what `send` takes and refuses.

use std::fs;

use mailbearer::proto::mime::parse;

use crate::harness::World;

fn last(world: &World) -> Vec<u8> {
    world.server.mailbox().messages("INBOX").pop().map(|stored| stored.octets.to_vec()).unwrap_or_default()
}

#[test]
fn more_is_sent_than_text() {
    let world = World::new();
    let me = world.server.user().to_owned();
    fs::write(world.path("logo.png"), b"PNG").unwrap();
    fs::write(
        world.path("i.ics"),
        "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Tea\nEND:VEVENT\nEND:VCALENDAR\n",
    )
    .unwrap();
    let send = |arguments: &[&str]| world.run(&[&["send", "--to", &me], arguments].concat());
    send(&[
        "--text",
        "hi",
        "--html",
        "<img src='cid:logo.png'>",
        "--inline",
        "logo.png",
        "--inline",
        "x@y=logo.png",
        "--calendar",
        "i.ics",
        "--header",
        "X-Ticket: 7",
        "--reply-to",
        "desk@x.test",
    ])
    .ok();
    let text = String::from_utf8(last(&world)).unwrap();
    for want in [
        "X-Ticket: 7\r\n",
        "Reply-To: desk@x.test\r\n",
        "Content-ID: <logo.png>\r\n",
        "Content-ID: <x@y>\r\n",
        "Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n",
        "Content-Type: multipart/related; type=\"text/html\";",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
    send(&["--text", "x", "--header", "Bcc: x@y"]).failed(
        64,
        &["error: --header \"Bcc\": a message can't be given a field of the name \"Bcc\"", "hint: …"],
    );
    send(&["--text", "x", "--header", "nonsense"])
        .failed(64, &["error: --header \"nonsense\": no colon", "hint: as in --header 'X-Ticket: 7'"]);
    send(&["--text", "x", "--calendar", "logo.png"]).failed(
        65,
        &["error: the message can't be sent: not calendar data with an event and a METHOD of one short word", "hint: …"],
    );
    send(&["--text", "x", "--attach", "none"]).failed(66, &["error: cannot read the attachment none: …"]);
}

#[cfg(unix)]
#[test]
fn nothing_that_is_given_adds_a_field_or_a_recipient() {
    let world = World::new();
    let me = world.server.user().to_owned();
    let evil = "x\r\nBcc: evil@x.test";
    let calendar = "BEGIN:VCALENDAR\nMETHOD:REQUEST;x=y\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n";
    for (name, content) in [("logo.png", "PNG"), ("i.ics", calendar), (evil, "x")] {
        fs::write(world.path(name), content).unwrap();
    }
    let (name, header) = (format!("{evil} <a@x.test>"), format!("X-Ticket: {evil}"));
    let (id, reply_to) = ("a> <b=logo.png", format!("a@x.test, {evil}"));
    for (option, value, code) in [
        ("--to", name.as_str(), 64),
        ("--cc", evil, 64),
        ("--from", &name, 64),
        ("--reply-to", &reply_to, 64),
        ("--subject", evil, 65),
        ("--header", &header, 64),
        ("--header", "X\r\nBcc: x", 64),
        ("--inline", id, 65),
        ("--inline", evil, 65),
        ("--attach", evil, 65),
        ("--calendar", "i.ics", 65),
    ] {
        let outcome = world.run(&["send", "--to", &me, "--text", "x", "--html", "x", option, value]);
        assert_eq!(outcome.code, Some(code), "{option}: {outcome:?}");
        assert!(!outcome.stderr.contains('\r'), "{option}: {:?}", outcome.stderr);
        assert!(!outcome.stderr.lines().any(|line| line.starts_with("Bcc")), "{option}: {}", outcome.stderr);
    }
    assert!(world.server.mailbox().messages("INBOX").is_empty());
}

#[test]
fn fields_that_readers_look_for_are_set_or_refused() {
    let world = World::new();
    let me = world.server.user().to_owned();
    for (fields, want) in [
        (
            &["In-Reply-To: <2@x>", "references:  <1@x>\t<2@x> "][..],
            Ok("In-Reply-To: <2@x>\r\nReferences: <1@x> <2@x>\r\n"),
        ),
        (&["In-Reply-To: <2@x>"], Ok("In-Reply-To: <2@x>\r\nReferences: <2@x>\r\n")),
        (&["References: <1@x>"], Err(64)),
        (&["In-Reply-To: <1@x> <2@x>"], Err(64)),
        (&["In-Reply-To: <1@x>", "In-Reply-To: <2@x>"], Err(64)),
        (&["In-Reply-To: 1@x"], Err(64)),
        (&["In-Reply-To: <1@x>", "References: 1"], Err(64)),
        (
            &["List-Unsubscribe: <https://x.test/a>, <mailto:a@x.test>"],
            Ok("List-Unsubscribe: <https://x.test/a>, <mailto:a@x.test>\r\nMIME"),
        ),
        (
            &["List-Unsubscribe-Post: List-Unsubscribe=One-Click", "List-Unsubscribe: <https://x.test/a>"],
            Ok("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
        ),
        (&["List-Unsubscribe: javascript:x"], Err(65)),
        (&["List-Unsubscribe-Post: x", "List-Unsubscribe: <https://x.test/a>"], Err(64)),
        (&["List-Unsubscribe-Post: List-Unsubscribe=One-Click"], Err(64)),
        (&["Importance: HIGH"], Ok("Importance: high\r\nX-Priority: 1 (Highest)\r\n")),
        (&["X-Priority: 5 (Lowest)"], Ok("Importance: low\r\nX-Priority: 5 (Lowest)\r\n")),
        (&["X-Priority: 3"], Ok("\r\nMIME")),
        (&["Importance: now"], Err(64)),
        (&["Sender: x@x.test"], Err(64)),
        (&["X-A: 1", "x-a: 2"], Ok("X-A: 1\r\nx-a: 2\r\n")),
    ] {
        let headers = fields.iter().flat_map(|field| ["--header", field]);
        let arguments: Vec<&str> = ["send", "--to", &me, "--text", "x"].into_iter().chain(headers).collect();
        let outcome = world.run(&arguments);
        match want {
            Ok(want) => {
                let text = String::from_utf8(last(&world)).unwrap();
                assert!(outcome.code == Some(0) && text.contains(want), "{fields:?}: {outcome:?} {text}");
            }
            Err(code) => assert_eq!(outcome.code, Some(code), "{fields:?}: {outcome:?}"),
        }
    }
}

/// What a person has to change is told.
#[test]
fn pictures_and_invitations_that_no_reader_would_show_are_refused() {
    let world = World::new();
    let me = world.server.user().to_owned();
    for name in ["a.png", "a b.png"] {
        fs::write(world.path(name), "PNG").unwrap();
    }
    let event = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Tea\nEND:VEVENT\nEND:VCALENDAR\n";
    fs::write(world.path("good.ics"), event).unwrap();
    fs::write(world.path("file.ics"), event.replace("METHOD:REQUEST\n", "")).unwrap();
    fs::write(world.path("latin.ics"), [event.as_bytes(), b"\xe9"].concat()).unwrap();
    let id = "hint: as in --inline ID=FILE; …";
    let file = "hint: a file that is no invitation goes out by --attach";
    for (options, code, want) in [
        (
            &["--inline", "a b.png"][..],
            65,
            &["error: the message can't be sent: id of the picture is not 1 to 250 …", id][..],
        ),
        (
            &["--inline", "a.png", "--inline", "a.png=a b.png"],
            64,
            &["error: --inline \"a.png=a b.png\": another picture has the id \"a.png\"", id],
        ),
        (&["--calendar", "file.ics"], 65, &["error: the message can't be sent: not calendar data …", file]),
        (&["--calendar", "latin.ics"], 65, &["error: the calendar file latin.ics is not UTF-8", file]),
    ] {
        let arguments =
            ["send", "--to", &me, "--text", "x", "--html", "x"].into_iter().chain(options.iter().copied());
        world.run(&arguments.collect::<Vec<_>>()).failed(code, want);
    }
    let options = ["--inline", "x=a b.png", "--inline", "a.png", "--calendar", "good.ics"];
    let arguments = ["send", "--to", &me, "--text", "x", "--html", "x"].into_iter().chain(options);
    world.run(&arguments.collect::<Vec<_>>()).ok();
    let sent = last(&world);
    let parsed = parse::Message::parse(&sent);
    let names = ["x", "a.png"].map(|id| parsed.by_content_id(id).and_then(parse::Part::file_name));
    assert_eq!(names, [Some("a b.png"), Some("a.png")]);
}
