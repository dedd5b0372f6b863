//! What is offered by choice: LMTP, BINARYMIME, REQUIRETLS, DELIVERBY, LIMITS.

use super::*;

fn open(change: impl FnOnce(&mut Options)) -> Options {
    options(|options| {
        options.login = false;
        change(options);
    })
}

/// What a session says to `input` behind the greeting and the reply to EHLO.
#[track_caller]
fn answers(options: &Options, input: &str, want: &[&str]) -> Vec<String> {
    let verb = if options.lmtp { "LHLO" } else { "EHLO" };
    let input = format!("{verb} me\r\n{input}QUIT\r\n");
    let mut told = Vec::new();
    for chunk in [1, 3, input.len()] {
        let (said, seen, end) = run(Session::new(options.clone()), &input, chunk);
        let (_, said) = said.split_once("250 AUTH XOAUTH2 OAUTHBEARER\r\n").unwrap();
        let want: String = want.iter().map(|line| format!("{line}\r\n")).collect();
        assert_eq!(said, format!("{want}221 2.0.0 Bye\r\n"), "{input:?} by {chunk}");
        assert_eq!(end, Ok(()), "{input:?}");
        told = seen;
    }
    told
}

const OK: &str = "250 2.1.0 OK";
const TO: &str = "250 2.1.5 OK";
const NO: &str = "550 5.1.1 No";
const TAKEN: &str = "250 2.0.0 Taken";
const FULL: &str = "452 4.2.2 Full";
const NONE: &str = "503 5.5.1 No recipient was accepted";
const BARE: &str = "550 5.6.11 Lines must end with CR and LF";
const LARGE: &str = "552 5.3.4 Message too large";
const NO_PARAMETER: &str = "555 5.5.4 No such parameter here";

#[test]
fn lmtp_answers_for_each_recipient() {
    let options = open(|options| (options.lmtp, options.chunking, options.limits.message) = (true, true, 9));
    let begin = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<x@no.test>\r\nRCPT TO:<e@f>\r\n";
    let rows: &[(&str, &[&str])] = &[
        ("DATA\r\na\r\n.\r\n", &["354 Go", TAKEN, FULL]),
        ("DATA\r\na\n\r\n.\r\n", &["354 Go", BARE, BARE]),
        ("DATA\r\n0123456789\r\n.\r\n", &["354 Go", LARGE, LARGE]),
        ("BDAT 3\r\na\r\nBDAT 0 LAST\r\n", &["250 2.0.0 OK, go on", TAKEN, FULL]),
        ("BDAT 2 LAST\r\na\n", &[BARE, BARE]),
        ("BDAT 10 LAST\r\n0123456789", &[LARGE, LARGE]),
        ("BDAT 10\r\n0123456789", &[LARGE]),
    ];
    for (input, want) in rows {
        // And the next message is one of its own.
        let input = format!("{begin}{input}MAIL FROM:<>\r\nRCPT TO:<g@h>\r\nDATA\r\n.\r\n");
        let want = [&[OK, TO, NO, TO], *want, &[OK, TO, "354 Go", TAKEN]].concat();
        answers(&options, &input, &want);
    }
    // For nobody: RFC 2033 sections 4.2 and 4.3.
    let nobody = "MAIL FROM:<a@b>\r\nRCPT TO:<x@no.test>\r\nDATA\r\nBDAT 1 LAST\r\nx";
    answers(&options, nobody, &[OK, NO, NONE]);
    answers(&options, "EHLO me\r\nHELO me\r\n", &["500 5.5.1 No such command"; 2]);
    answers(&open(|_| ()), "LHLO me\r\n", &["500 5.5.1 No such command"]);
}

#[test]
fn binary_content_comes_by_bdat_alone() {
    let begin = "MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n";
    let binary = open(|options| (options.chunking, options.binarymime) = (true, true));
    let data = "503 5.5.1 Binary content goes by BDAT";
    let input =
        format!("{begin}DATA\r\nBDAT 3 LAST\r\na\nbMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nBDAT 3 LAST\r\na\nb");
    answers(&binary, &input, &[OK, TO, data, TAKEN, OK, TO, BARE]);
    for options in [open(|options| options.chunking = true), open(|options| options.binarymime = true)] {
        answers(&options, "MAIL FROM:<a@b> BODY=BINARYMIME\r\n", &[NO_PARAMETER]);
    }
    let bodies =
        "MAIL FROM:<a@b> BODY=8bitmime\r\nRSET\r\nMAIL FROM:<a@b> BODY=9BIT\r\nMAIL FROM:<a@b> BODY\r\n";
    answers(&binary, bodies, &[OK, "250 2.0.0 OK", NO_PARAMETER, NO_PARAMETER]);
}

#[test]
fn what_is_offered_is_what_is_taken() {
    let all = open(|options| {
        (options.requiretls, options.deliver_by) = (true, Some(240));
        (options.chunking, options.binarymime) = (true, true);
        options.told_limits.messages = Some(2);
        (options.told_limits.recipients, options.told_limits.recipient_domains) = (Some(2), Some(1));
    });
    for (least, want) in [(Some(1), Some("DELIVERBY 1")), (Some(0), Some("DELIVERBY")), (None, None)] {
        let some = open(|options| options.deliver_by = least);
        let (said, ..) = run(Session::new(some), "EHLO me\r\n", 9);
        let found = said.lines().filter_map(|line| line.get(4..)).find(|line| line.starts_with("DELIVERBY"));
        assert_eq!(found, want);
    }
    let (said, ..) = run(Session::new(all.clone()), "EHLO me\r\n", 9);
    for line in [
        "CHUNKING",
        "BINARYMIME",
        "REQUIRETLS",
        "DELIVERBY 240",
        "LIMITS MAILMAX=2 RCPTMAX=2 RCPTDOMAINMAX=1",
    ] {
        assert!(said.contains(&format!("250-{line}\r\n")), "{line}: {said}");
    }
    let soon = "550 5.7.0 Deliver by time is too short";
    let wrong = "501 5.5.4 Wrong arguments";
    let rows = [
        ("BY=240;R", OK),
        ("BY=+240;rt", OK),
        ("BY=239;R", soon),
        ("BY=-240;R", soon),
        ("BY=1;N", OK),
        ("BY=-5;NT", OK),
        ("BY=1234567890;N", wrong),
        ("BY=;N", wrong),
        ("BY=1;X", wrong),
        ("BY=1", wrong),
        ("BY", wrong),
        ("REQUIRETLS", OK),
    ];
    for (parameter, want) in rows {
        let input = format!("MAIL FROM:<a@b> {parameter}\r\n");
        answers(&all, &input, &[want]);
        answers(&open(|_| ()), &input, &[NO_PARAMETER]);
    }
    // RFC 8689: over TLS alone.
    let clear = open(|options| (options.security, options.requiretls) = (None, true));
    answers(&clear, "MAIL FROM:<a@b> REQUIRETLS\r\n", &[NO_PARAMETER]);

    let limit = "452 4.5.3 Too many for one session";
    let many = "452 4.5.3 Too many recipients";
    let message =
        "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<c@e>\r\nRCPT TO:<f@D>\r\nRCPT TO:<g@d>\r\nRSET\r\n";
    let reset = "250 2.0.0 OK";
    let input = format!("{message}MAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\n");
    answers(&all, &input, &[OK, TO, limit, TO, many, reset, OK, reset, limit]);
}
