//! What a relay in front of devices needs: BDAT, leniency, TLS before everything, browsers kept out.

use super::*;

fn open(change: impl FnOnce(&mut Options)) -> Options {
    options(|options| {
        (options.security, options.login, options.chunking) = (None, false, true);
        change(options);
    })
}

const HELLO: &str = "250 mx greets me";
const TAKEN: &str = "250 2.0.0 Taken";
const OK: [&str; 2] = ["250 2.1.0 OK", "250 2.1.5 OK"];
const NEXT: &str = "250 2.0.0 OK, go on";

#[test]
fn chunks_are_a_message() {
    let begin = "HELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
    let start = [READY, HELLO, OK[0], OK[1]];
    let told = ["from a@b 0", "to c@d"];
    type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);
    let rows: &[Row] = &[
        ("one", "BDAT 7 LAST\r\na\r\n.\r\n.", &[TAKEN], &["data", ">a\\r\\n.\\r\\n.", "end"]),
        ("two", "BDAT 2\r\nabBDAT 3 LAST\r\nc\r\n", &[NEXT, TAKEN], &["data", ">abc\\r\\n", "end"]),
        ("empty last", "BDAT 3\r\na\r\nBDAT 0 LAST\r\n", &[NEXT, TAKEN], &["data", ">a\\r\\n", "end"]),
        ("given up", "BDAT 2\r\nabRSET\r\n", &[NEXT, "250 2.0.0 OK"], &["data", ">ab", "reset"]),
        ("DATA after BDAT", "BDAT 2\r\nabDATA\r\nRCPT TO:<e@f>\r\n", &[NEXT, ORDER, ORDER], &["data", ">ab"]),
        (
            "bare LF",
            "BDAT 2 LAST\r\na\n",
            &["550 5.6.11 Lines must end with CR and LF"],
            &["data", ">a\\n", "reset"],
        ),
        (
            "CR CR LF",
            "BDAT 2\r\na\rBDAT 2 LAST\r\n\r\n",
            &[NEXT, "550 5.6.11 Lines must end with CR and LF"],
            &["data", ">a\\r\\r\\n", "reset"],
        ),
        (
            "too large",
            "BDAT 9 LAST\r\n123456789NOOP\r\n",
            &["552 5.3.4 Message too large", "250 2.0.0 OK"],
            &["reset"],
        ),
        (
            "as large as may be",
            "BDAT 5\r\n12345BDAT 3 LAST\r\n678",
            &[NEXT, TAKEN],
            &["data", ">12345678", "end"],
        ),
        (
            "too large in all",
            "BDAT 5\r\n12345BDAT 4\r\n6789NOOP\r\n",
            &[NEXT, "552 5.3.4 Message too large", "250 2.0.0 OK"],
            &["data", ">12345", "reset"],
        ),
    ];
    for (name, input, said, seen) in rows {
        let options = open(|options| options.limits.message = 8);
        let input = format!("{begin}{input}QUIT\r\n");
        let said = [&start[..], said, &["221 2.0.0 Bye"]].concat();
        check(name, &options, &input, &said, &[&told[..], seen].concat(), Ok(()));
    }
}

/// RFC 3030 section 2: the octets of a refused chunk are taken, or they would be commands.
#[test]
fn a_refused_chunk_still_takes_its_octets() {
    let trap = "MAIL FROM:<evil@x>\r\n";
    let bdat = format!("BDAT {} LAST\r\n{trap}", trap.len());
    let rows: &[(&str, bool, String, &str)] = &[
        ("before MAIL", true, bdat.clone(), "503 5.5.1 Send MAIL first"),
        (
            "without recipients",
            true,
            format!("MAIL FROM:<a@b>\r\n{bdat}RSET\r\n"),
            "503 5.5.1 No recipient was accepted",
        ),
        ("not offered", false, bdat, "500 5.5.1 No such command"),
    ];
    for (name, chunking, input, want) in rows {
        let options = open(|options| options.chunking = *chunking);
        let (said, seen, end) = run(Session::new(options), &format!("HELO me\r\n{input}QUIT\r\n"), 5);
        assert!(
            said.contains(want) && !seen.iter().any(|told| told.contains("evil")),
            "{name}: {said} {seen:?}"
        );
        assert_eq!(end, Ok(()));
    }
    // Behind any other command the next one follows.
    let (said, ..) = run(Session::new(open(|_| ())), "HELO me\r\nMAIL a@b\r\nNOOP\r\n", 5);
    assert!(said.ends_with("501 5.5.4 Wrong arguments\r\n250 2.0.0 OK\r\n"), "{said}");
    // A size that can't be read says nothing of what follows.
    let (said, ..) = run(Session::new(open(|_| ())), "HELO me\r\nBDAT x\r\nMAIL FROM:<evil@x>\r\n", 5);
    assert!(said.ends_with("501 5.5.4 Wrong arguments\r\n"), "{said}");
}

#[test]
fn what_is_not_finished_is_no_message() {
    let begin = "HELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";
    for (input, end) in [
        ("BDAT 5\r\nab", Err(Error::Truncated)),
        ("BDAT 5 LAST\r\nabcd", Err(Error::Truncated)),
        ("BDAT 2\r\nab", Ok(())),
        ("DATA\r\nab\r\n.\r", Err(Error::Truncated)),
    ] {
        let (_, seen, found) = run(Session::new(open(|_| ())), &format!("{begin}{input}"), 3);
        assert_eq!(found, end, "{input:?}");
        assert!(!seen.contains(&"end".to_string()), "{input:?}");
    }
}

#[test]
fn a_browser_is_turned_away_before_its_body() {
    for method in ["GET", "POST", "CONNECT"] {
        let input = format!(
            "{method} / HTTP/1.1\r\nHost: x\r\n\r\nHELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
        );
        let (said, seen, end) = run(Session::new(open(|_| ())), &input, 64);
        assert_eq!((said.as_str(), end), ("220 ready\r\n554 5.7.0 This is SMTP\r\n", Ok(())));
        assert!(seen.is_empty());
    }
}

#[test]
fn devices_are_understood() {
    let input = "EHLO\r\nMAIL FROM: root@printer\r\nRCPT TO: <@a,@b:c@d>\r\nQUIT\r\n";
    let (said, seen, _) = run(Session::new(open(|options| options.lenient = true)), input, 3);
    assert!(said.contains("250-CHUNKING\r\n") || said.contains("250 CHUNKING\r\n"), "{said}");
    assert_eq!(seen, ["from root@printer 0", "to c@d"]);
}

#[test]
fn nothing_before_tls_counts() {
    let options = options(|options| {
        (options.security, options.login) = (Some(Security::StartTls), false);
        (options.require_tls, options.lenient) = (true, true);
    });
    let tls = "530 5.7.0 Start TLS first";
    let input = "HELO me\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN x\r\nSTARTTLS\r\nHELO evil\r\nMAIL FROM:<evil@x>\r\n~MAIL FROM:<a@b>\r\nHELO me\r\nMAIL FROM:<a@b>\r\nQUIT\r\n";
    let (said, seen, end) = run(Session::new(options), input, input.len());
    let want = [READY, HELLO, tls, tls, "220 2.0.0 Ready for TLS", FIRST, HELLO, OK[0], "221 2.0.0 Bye"];
    assert_eq!(said, want.map(|line| format!("{line}\r\n")).concat());
    assert_eq!((seen, end), (alloc::vec!["from a@b 0".to_string()], Ok(())));
}

#[test]
fn a_long_login_fits_into_its_command_where_it_may() {
    let long = "A".repeat(600);
    let login = format!("EHLO me\r\nAUTH XOAUTH2 {long}\r\nQUIT\r\n");
    let (said, ..) = run(Session::new(options(|_| ())), &login, 64);
    assert!(said.contains("500 5.5.2 Line too long"), "{said}");
    let (said, ..) = run(Session::new(options(|options| options.limits.auth = 12_288)), &login, 64);
    assert!(said.contains(MALFORMED), "{said}");
}
