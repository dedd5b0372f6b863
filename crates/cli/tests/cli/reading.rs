//! Messages read, answered and passed on.

use std::fs;

use mailbearer_mock::memory::Message as Stored;
use serde_json::Value;

use crate::harness::{World, finish};

const MESSAGE: &str = "From: =?utf-8?q?J=C3=B6rg=1B[2J?= <j@x.test>\r\nTo: a@x.test, Bob <b@x.test>\r\nCc: c@x.test\r\n\
    Date: Tue, 24 Nov 2026 06:30:00 +0000\r\nSubject: Gr=?utf-8?q?=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@x.test>\r\n\
    References: <0@x.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
    --m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
    --a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello <b>you</b>\u{1b}]0;x\u{7}</p><script>no</script>\r\n\
    --a\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n\
    BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Tea\r\nDTSTART:20261126T160000Z\r\nDTEND:20261126T170000Z\r\n\
    ORGANIZER:mailto:j@x.test\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n--a--\r\n\
    --m\r\nContent-Type: application/pdf; name=\"../../evil.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERgA=\r\n\
    --m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=evil.pdf\r\n\r\nsecond\r\n\
    --m\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx\r\n--m--\r\n";

fn last(world: &World) -> Stored {
    world.server.mailbox().messages("INBOX").pop().unwrap()
}

#[test]
fn a_message_is_shown_to_a_person() {
    let world = World::new().set("TZ", "UTC");
    let uid = world.deliver(MESSAGE).to_string();
    let shown = world.run(&["read", "INBOX", &uid]).ok();
    let want = "From: J\u{f6}rg\\x1b[2J <j@x.test>\nTo: a@x.test, Bob <b@x.test>\nCc: c@x.test\n\
        Date: Tue, 2026-11-24 06:30 +0000\nSubject: Gr\u{fc}\u{df}e\n\nHello you\\x1b]0;x\\x07\n\n\
        Invitation: Tea\nWhen: 2026-11-26 16:00 (UTC) to 2026-11-26 17:00 (UTC)\nOrganizer: j@x.test\n\n\
        [2] ../../evil.pdf  application/pdf  5 octets\n\
        [3] evil.pdf  text/plain  6 octets\n\
        [4] winmail.dat  application/ms-tnef  1 octets  (Outlook's form of a message: `fetch --attachments` gives the files in it)\n";
    assert_eq!(shown, want);
    assert!(!last(&world).has_flag("\\Seen"));
    let object: Value = serde_json::from_str(&world.run(&["read", "INBOX", &uid, "--json"]).ok()).unwrap();
    assert_eq!((&object["text"], &object["uid"]), (&"Hello you\u{1b}]0;x\u{7}\n".into(), &1.into()));
    assert_eq!(object["invitation"]["start"], "2026-11-26 16:00 (UTC)");
    assert_eq!(object["attachments"][1]["name"], "../../evil.pdf");
    world.run(&["read", "INBOX", "9"]).failed(66, &["error: IMAP: no message with UID 9 in \"INBOX\""]);
}

/// On a terminal of 24 lines, which `script` makes.
#[cfg(target_os = "linux")]
#[test]
fn a_long_text_goes_through_a_pager() {
    let world = World::new().set("TZ", "UTC");
    world.deliver(format!("Subject: long\r\n\r\n{}\x1b[2J\r\n", "word ".repeat(400)));
    world.deliver("Date: Tue, 24 Nov 2026 06:30:00 +0000\r\nSubject: short\r\n\r\nshort\r\n");
    let run = |uid: u32, pager: &str| {
        let script =
            format!("script -qec 'stty rows 24 cols 40; \"$mailbearer\" read INBOX {uid}' /dev/null");
        let mut command = world.shell(&script);
        command.env("PAGER", pager);
        let shown = finish(command, b"");
        assert_eq!(shown.code, Some(0), "{pager}: {shown:?}");
        shown.stdout.replace("\r\n", "\n")
    };
    for pager in [
        "sed s/^/page:/",
        "sed 's/^/pa ge:/' | sed 's/pa ge/page/'",
        // Ctrl-C is for the pager.
        "trap '' INT; kill -INT $PPID; sleep 0.3; sed s/^/page:/",
    ] {
        let long = run(1, pager);
        let fits = |line: &str| line.starts_with("page:") && line.len() <= 45;
        assert!(long.lines().count() > 50 && long.lines().all(fits), "{pager}: {long}");
        assert!(long.contains("\\x1b[2J") && !long.contains('\u{1b}'), "{pager}: {long}");
    }
    assert_eq!(run(1, "head -n 1 | cut -c -6"), "Date: \n");
    for pager in ["no-such-pager", "exit 126"] {
        assert!(run(1, pager).lines().count() > 50, "{pager}");
    }
    assert_eq!(run(2, "sed s/^/page:/"), "Date: Tue, 2026-11-24 06:30 +0000\nSubject: short\n\nshort\n");
}

#[test]
fn texts_and_attachments_are_fetched() {
    let world = World::new();
    let uid = world.deliver(MESSAGE).to_string();
    let fetch = |arguments: &[&str]| world.run(&[&["fetch", "INBOX", &uid], arguments].concat());
    assert_eq!(fetch(&["--text"]).ok(), "Hello you\u{1b}]0;x\u{7}\n");
    assert_eq!(fetch(&["--html", "-o", "m.html"]).ok(), "");
    assert_eq!(
        fs::read_to_string(world.path("m.html")).unwrap(),
        "<p>Hello <b>you</b>\u{1b}]0;x\u{7}</p><script>no</script>"
    );
    fs::create_dir(world.path("d")).unwrap();
    fs::write(world.path("d/evil.pdf"), "mine").unwrap();
    let names = fetch(&["--attachments", "d"]).ok();
    assert_eq!(names, "attachment-1.ics\nevil (2).pdf\nevil (3).pdf\nwinmail.dat\n");
    assert_eq!(fs::read(world.path("d/evil.pdf")).unwrap(), b"mine");
    assert_eq!(fs::read(world.path("d/evil (2).pdf")).unwrap(), b"%PDF\0");
    assert_eq!(fs::read(world.path("d/evil (3).pdf")).unwrap(), b"second");
    assert_eq!(world.names("d").len(), 5, "{:?}", world.names("d"));
    let told = fetch(&["--attachments", "d", "--json"]).ok();
    assert!(told.contains("{\"file\":\"winmail (2).dat\",\"octets\":1,\"part\":\"4\"}"), "{told}");
    fetch(&["--attachments", "none"])
        .failed(73, &["error: cannot write into none: No such file or directory (os error 2)"]);
    fetch(&["--attachments", "m.html"]).failed(73, &["error: cannot write into m.html: not a directory"]);
    let plain = world.deliver("Subject: x\r\n\r\nhi\r\n").to_string();
    world
        .run(&["fetch", "INBOX", &plain, "--html"])
        .failed(65, &["error: the message has no HTML text", "hint: --text gives the text that it has"]);
}

/// As any new file, and as `fetch --output` does it.
#[cfg(unix)]
#[test]
fn the_umask_says_who_may_read_an_attachment() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let uid = world.deliver(MESSAGE).to_string();
    for (umask, want) in [("022", 0o644), ("007", 0o660), ("077", 0o600)] {
        let folder = world.path(umask);
        fs::create_dir(&folder).unwrap();
        let script = format!("umask {umask}; \"$mailbearer\" fetch INBOX {uid} --attachments {umask}");
        finish(world.shell(&script), b"").ok();
        for name in world.names(umask) {
            let mode = fs::metadata(folder.join(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, want, "{name} by {umask}");
        }
    }
    #[cfg(target_os = "linux")]
    world
        .run(&["fetch", "INBOX", &uid, "--attachments", "/proc"])
        .failed(73, &["error: cannot write into /proc: No such file or directory (os error 2)"]);
}

/// A link with the name of a file is a file that is there: nothing is written through it.
#[cfg(unix)]
#[test]
fn no_attachment_goes_through_a_link() {
    let world = World::new();
    let uid = world.deliver(MESSAGE).to_string();
    fs::create_dir(world.path("d")).unwrap();
    std::os::unix::fs::symlink(world.path("outside"), world.path("d/evil.pdf")).unwrap();
    let names = world.run(&["fetch", "INBOX", &uid, "--attachments", "d"]).ok();
    assert_eq!(names, "attachment-1.ics\nevil (2).pdf\nevil (3).pdf\nwinmail.dat\n");
    assert!(!world.path("outside").exists() && world.path("d/evil.pdf").is_symlink());
}

/// MS-OXTNEF: an attribute, and a property of octets in a list of one.
fn attribute(level: u8, id: u16, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap().to_le_bytes();
    [&[level], id.to_le_bytes().as_slice(), &[6, 0], &len, data, &[0, 0]].concat()
}

#[test]
fn what_outlook_packed_is_opened() {
    let world = World::new();
    let rtf = b"{\\rtf1\\ansi\\ansicpg1252 Gr\\'fc\\'dfe\\par}";
    let len = u32::try_from(rtf.len()).unwrap();
    let compressed =
        [&(len + 12).to_le_bytes(), &len.to_le_bytes(), b"MELA", &[0; 4], rtf.as_slice()].concat();
    let mut properties = [1_u32.to_le_bytes(), [2, 1, 9, 16], 1_u32.to_le_bytes()].concat();
    properties.extend(u32::try_from(compressed.len()).unwrap().to_le_bytes());
    properties.extend(&compressed);
    properties.resize(properties.len().next_multiple_of(4), 0);
    let packed = [
        &[0x78, 0x9F, 0x3E, 0x22, 1, 0][..],
        &attribute(1, 0x9003, &properties),
        &attribute(2, 0x9002, &[0; 14]),
        &attribute(2, 0x8010, b"../report.txt\0"),
        &attribute(2, 0x800F, b"the report"),
    ]
    .concat();
    let hex: String = packed.iter().map(|octet| format!("={octet:02X}=\r\n")).collect();
    let uid = world.deliver(format!(
        "Subject: packed\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n{hex}"
    ));
    let uid = uid.to_string();
    assert_eq!(world.run(&["fetch", "INBOX", &uid, "--text"]).ok(), "Gr\u{fc}\u{df}e\n");
    let read = world.run(&["read", "INBOX", &uid]).ok();
    assert!(
        read.contains("Gr\u{fc}\u{df}e\n") && read.contains("    ../report.txt    10 octets\n"),
        "{read}"
    );
    fs::create_dir(world.path("d")).unwrap();
    assert_eq!(world.run(&["fetch", "INBOX", &uid, "--attachments", "d"]).ok(), "report.txt\n");
    assert_eq!(fs::read(world.path("d/report.txt")).unwrap(), b"the report");
}

#[test]
fn an_answer_quotes_and_marks() {
    let world = World::new();
    let uid = world.deliver(MESSAGE).to_string();
    fs::write(world.path("a.txt"), "attached").unwrap();
    let me = world.server.user().to_owned();
    let reply = ["reply", "INBOX", &uid, "--all", "--text", "Yes\n", "--attach", "a.txt", "--bcc", &me];
    // The mock delivers to its user, who gets a copy here.
    let accepted = world.run(&reply);
    let text = String::from_utf8(last(&world).octets.to_vec()).unwrap();
    assert!(accepted.stdout.contains("accepted") && accepted.stdout.contains(&me), "{accepted:?}");
    for want in [
        "Subject: =?utf-8?B?UmU6IEdyw7zDn2U=?=\r\n",
        "In-Reply-To: <1@x.test>\r\n",
        "References: <0@x.test> <1@x.test>\r\n",
        "Cc: a@x.test, Bob <b@x.test>, c@x.test\r\n",
        "\r\n> Hello you",
        "filename=a.txt\r\n",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
    assert!(world.server.mailbox().messages("INBOX")[0].has_flag("\\Answered"));
    // By another address of one's own, the account's gets no answer to what it said or got.
    let uid = world.deliver(format!("From: {me}\r\nTo: b@x.test, {me}\r\nCc: {me}, c@x.test\r\n\r\nx\r\n"));
    let uid = uid.to_string();
    let reply = ["reply", "INBOX", &uid, "--all", "--from", "alias@x.test", "--text", "Yes"];
    assert_eq!(world.run(&reply).ok(), "accepted  b@x.test\naccepted  c@x.test\n");
}

#[test]
fn nobody_is_written_to_who_is_not_named() {
    let world = World::new();
    let uid = world.deliver("From: Ann <ann@org\u{b3}>\r\nTo: me\u{40}x.test\r\n\r\nHello\r\n").to_string();
    let read = world.run(&["read", "INBOX", &uid]).ok();
    assert!(read.contains("Ann <ann@org\u{b3}>"), "{read}");
    let before = world.server.mailbox().messages("INBOX").len();
    world.run(&["reply", "INBOX", &uid, "--text", "Yes"]).failed(
        65,
        &[
            "error: no mail can be sent to ann@org\u{b3}, which the message names: \
             domain of the address holds characters that stand for others",
            "hint: `send --to` writes to whom you name",
        ],
    );
    world.run(&["send", "--to", "ann@org\u{b3}", "--text", "Yes"]).failed(
        64,
        &["error: --to \"ann@org\u{b3}\": domain of the address holds characters that stand for others"],
    );
    world.run(&["forward", "INBOX", &uid, "--to", "ann@\u{ff45}xample.org"]).failed(64, &["error: --to …"]);
    let messages = world.server.mailbox().messages("INBOX");
    assert!(messages.len() == before && !messages[0].has_flag("\\Answered"));
}

#[test]
fn a_message_is_passed_on() {
    let world = World::new();
    let uid = world.deliver(MESSAGE).to_string();
    let me = world.server.user().to_owned();
    world.run(&["forward", "INBOX", &uid, "--to", &me, "--text", "See"]).ok();
    assert!(world.server.mailbox().messages("INBOX")[0].has_flag("$Forwarded"));
    let text = String::from_utf8(last(&world).octets.to_vec()).unwrap();
    for want in [
        "Subject: =?utf-8?B?RndkOi",
        "---------- Forwarded message ----------",
        "filename=winmail.dat\r\n",
        "JVBERgA=\r\n",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
    let odd = b"Subject: odd\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n\
        --b\r\nContent-Type: text/csv; charset=gbk; name*=utf-8''a%0D%0Ab%22\r\n\r\n\xc4\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner\r\n\
        --b\r\nContent-Type: a/b\x80; name=y\r\n\r\nx\r\n--b--\r\n";
    let odd = world.deliver(odd).to_string();
    world.run(&["forward", "INBOX", &odd, "--to", &me]).ok();
    let passed_on = last(&world).octets.to_vec();
    let parsed = mailbearer::proto::mime::parse::Message::parse(&passed_on);
    let files: Vec<_> = parsed
        .attachments()
        .map(|part| format!("{} {:?}", part.content_type().essence, part.file_name().unwrap()))
        .collect();
    assert_eq!(
        files,
        [r#"text/csv "a  b\"""#, r#"message/rfc822 "message.eml""#, r#"application/octet-stream "y""#]
    );
    assert_eq!(parsed.attachments().next().unwrap().content_type().charset(), Some("gbk"));
    world.run(&["forward", "INBOX", &uid, "--to", &me, "--whole"]).ok();
    let text = String::from_utf8(last(&world).octets.to_vec()).unwrap();
    assert!(
        text.contains("Content-Type: message/rfc822; name=message.eml\r\n") && text.contains(MESSAGE),
        "{text}"
    );
    world
        .run(&["forward", "INBOX", &uid, "--to", "no address"])
        .failed(64, &["error: --to \"no address\": address has no domain"]);
}

/// As some Chinese mailers write: GBK in the header and in the text, and nothing that says so.
#[test]
fn octets_of_no_charset_are_read_by_what_they_look_like() {
    let world = World::new();
    let (subject, text) =
        (b"\xD4\xA4\xB6\xA9\xC8\xB7\xC8\xCF", b"\xC4\xFA\xB5\xC4\xB6\xA9\xB5\xA5\xD2\xD1\xB7\xA2\xBB\xF5");
    let message = [b"From: a@x.test\r\nSubject: ".as_slice(), subject, b"\r\n\r\n", text, b"\r\n"].concat();
    let uid = world.deliver(message).to_string();
    let shown = world.run(&["read", "INBOX", &uid]).ok();
    assert!(shown.ends_with("\nSubject: 预订确认\n\n您的订单已发货\n"), "{shown}");
    assert!(world.run(&["list"]).ok().contains("预订确认"));
    assert_eq!(world.run(&["fetch", "INBOX", &uid, "--text"]).ok(), "您的订单已发货\r\n");
}

/// Escapes for a terminal in both forms, marks of direction, line ends of all kinds: in each place that a stranger can write to.
#[test]
fn no_field_steers_a_terminal_or_adds_a_line() {
    const HOSTILE: &str = "x\u{1b}[2J\u{9b}2J\u{202e}\u{2066}\u{85}\u{2028}\r\nForged: y\u{7}";
    let octets =
        |mark: char| -> String { HOSTILE.bytes().map(|octet| format!("{mark}{octet:02X}")).collect() };
    let (word, percent) = (format!("=?utf-8?q?{}?=", octets('=')), octets('%'));
    let calendar = HOSTILE.replace("\r\n", "\\n");
    let world = World::new().set("TZ", "UTC");
    let uid = world.deliver(format!(
        "From: {word} <f@x.test>\r\nTo: {word} <t@x.test>\r\nCc: {word}: {word} <c@x.test>;\r\nReply-To: {word} <r@x.test>\r\n\
         Subject: {word}\r\nMessage-ID: <\x1b\u{9b}@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ntext \x1b[2J\u{9b}\u{202e}\u{85}\u{2028}\r\n\
         --b\r\nContent-Type: text/calendar; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n\
         SUMMARY:{calendar}\r\nLOCATION:{calendar}\r\nDTSTART;TZID=\"{calendar}\":20261126T160000\r\n\
         ORGANIZER:mailto:{calendar}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n\
         --b\r\nContent-Type: application/\x1b\u{9b}; name*=utf-8''{percent}\r\nContent-ID: <\x1b\u{9b}@x>\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nx\r\n\
         --b\r\nContent-Type: image/png; name*=utf-8''..%2F{percent}\r\n\r\nx\r\n\
         --b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: \x1b\u{9b}\r\n\r\nof no known encoding\r\n--b--\r\n"
    ));
    let uid = uid.to_string();
    fs::create_dir(world.path("d")).unwrap();
    for (arguments, lines) in [
        (&["read", "INBOX", &uid][..], 16),
        (&["read", "INBOX", &uid, "--json"], 1),
        (&["list"], 1),
        (&["list", "--json"], 1),
        (&["fetch", "INBOX", &uid, "--structure"], 6),
        (&["fetch", "INBOX", &uid, "--attachments", "d"], 3),
    ] {
        let shown = world.run(arguments);
        let is_unsafe = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2066}\u{2028}".contains(c));
        let text = [shown.stdout.as_str(), &shown.stderr].concat();
        assert!(!text.contains(is_unsafe), "{arguments:?}: {text:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("Forged")), "{arguments:?}: {text}");
        assert_eq!(shown.stdout.lines().count(), lines, "{arguments:?}: {text}");
    }
    let is_unsafe =
        |name: &String| name.contains(|c: char| c.is_control() || "\u{202e}\u{2066}\u{2028}/".contains(c));
    assert!(!world.names("d").iter().any(is_unsafe), "{:?}", world.names("d"));
}

/// Names that are the same on some systems, and a folder in the way.
#[test]
fn each_attachment_has_a_file_of_its_own() {
    let part = |name: &str, text: &str| {
        format!(
            "--b\r\nContent-Type: a/b\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n{text}\r\n"
        )
    };
    let world = World::new();
    let parts = [
        part("/etc/a.txt", "1"),
        part("a.txt", "2"),
        part("A.TXT", "3"),
        part("C:\\x\\a.txt", "4"),
        part("..", "5"),
        part("sub/", "6"),
        part("NUL", "7"),
        part("sub", "8"),
    ];
    let uid = world
        .deliver(format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", parts.concat()));
    fs::create_dir_all(world.path("d/sub")).unwrap();
    let names = world.run(&["fetch", "INBOX", &uid.to_string(), "--attachments", "d"]).ok();
    let want =
        ["a.txt", "a (2).txt", "A.TXT", "a (3).txt", "attachment-5", "attachment-6", "_NUL", "sub (2)"];
    assert_eq!(names.lines().collect::<Vec<_>>(), want);
    for (name, number) in want.iter().zip(1..) {
        assert_eq!(fs::read_to_string(world.path("d").join(name)).unwrap(), number.to_string(), "{name}");
    }
    assert_eq!((world.names("d").len(), world.names("d/sub").len()), (9, 0));
}

#[test]
fn an_attachment_that_nobody_can_decode_keeps_no_other_back() {
    let part = |encoding: &str, name: &str| {
        format!(
            "--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: {encoding}\r\n\
             Content-Disposition: attachment; filename={name}\r\n\r\n{name}\r\n"
        )
    };
    let world = World::new();
    let parts = [part("7bit", "a"), part("x-odd", "b"), part("8bit", "c"), part("x-even", "d")];
    let uid = world
        .deliver(format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", parts.concat()));
    fs::create_dir(world.path("d")).unwrap();
    let outcome = world.run(&["fetch", "INBOX", &uid.to_string(), "--attachments", "d"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(65), "a\nc\n"), "{outcome:?}");
    for words in ["not written: part 2, 4\n", "its transfer encoding is not known"] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    assert_eq!(world.names("d").len(), 2);
}
