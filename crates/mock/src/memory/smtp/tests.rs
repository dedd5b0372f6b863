use super::*;
use crate::memory::{
    Personality,
    testing::{Talk, USER, token, world, xoauth2},
};

fn authenticated(world: &Arc<World>) -> Talk<Smtp> {
    let mut talk = Talk::new(Smtp::new(Arc::clone(world), Security::Implicit));
    talk.say("EHLO a\r\n");
    let answer = talk.say(format!("AUTH XOAUTH2 {}\r\n", xoauth2(USER, &token(world))));
    assert!(answer.starts_with("235 2.7.0"), "{answer}");
    talk
}

#[test]
fn answers_each_command() {
    let long = format!("NOOP {}", "x".repeat(506));
    let rows = [
        ("", "220 "),
        ("MAIL FROM:<a@b>\r\n", "503 5.5.2"),
        ("AUTH XOAUTH2\r\n", "503 5.5.2"),
        ("HELO x\r\n", "250 "),
        ("MAIL FROM:<a@b>\r\n", "530 5.7.57"),
        ("AUTH PLAIN AGEAYg==\r\n", "504 5.7.4"),
        ("AUTH XOAUTH2\r\n", "334 \r\n"),
        ("*\r\n", "501 5.7.0"),
        ("AUTH XOAUTH2 dXNlcg==\r\n", "501 5.5.2"),
        ("XYZZY\r\n", "500 5.3.3"),
        ("EHLO\r\n", "501 5.5.4"),
        ("NOOP\n", "250 2.0.0"),
        ("VRFY ann\r\n", "252 2.1.5"),
        ("STARTTLS\r\n", "503 5.5.1"),
        (&format!("{long}\r\n"), "500 5.5.2"),
        (&format!("{}\r\n", &long[1..]), "500 5.3.3"),
        ("RCPT TO:<a@b>\r\n", "503 5.5.2"),
        ("DATA\r\n", "503 5.5.2"),
    ];
    let mut talk = Talk::new(Smtp::new(world(|_| {}), Security::Implicit));
    for (line, want) in rows {
        let answer = talk.say(line);
        assert!(answer.starts_with(want), "{line}: {answer}");
    }
    let (answer, action) = talk.hear("QUIT\r\n");
    assert_eq!((&answer[..9], action), ("221 2.0.0", Step::Close));
}

#[test]
fn refuses_a_token_with_its_reason_first() {
    let world = world(|options| options.personality = Personality::Dovecot);
    let good = token(&world);
    let rows = [
        ("XOAUTH2", xoauth2(USER, "wrong"), ""),
        ("XOAUTH2", xoauth2("other@mailbearer.test", &good), ""),
        ("OAUTHBEARER", "bixhPXgsAWF1dGg9QmVhcmVyIHgBAQ==".to_owned(), "AQ=="),
    ];
    for (mechanism, response, acknowledgement) in rows {
        let mut talk = Talk::new(Smtp::new(Arc::clone(&world), Security::Implicit));
        talk.say("EHLO a\r\n");
        assert!(talk.say(format!("AUTH {mechanism} {response}\r\n")).starts_with("334 eyJ"), "{mechanism}");
        let answer = talk.say(format!("{acknowledgement}\r\n"));
        assert!(answer.starts_with("535 5.7.8 "), "{mechanism}: {answer}");
        assert!(talk.say("MAIL FROM:<a@b>\r\n").starts_with("530 "), "{mechanism}");
        talk.say(format!("AUTH {mechanism} {response}\r\n"));
        assert!(talk.say("impatient\r\n").starts_with("501 5.5.2"), "{mechanism}");
    }
}

#[test]
fn nothing_outlives_starttls() {
    let world = world(|_| {});
    let mut talk = Talk::new(Smtp::new(Arc::clone(&world), Security::StartTls));
    let clear = talk.say("EHLO a\r\n");
    assert!(clear.ends_with("250 STARTTLS\r\n") && !clear.contains("AUTH"), "{clear}");
    assert!(talk.say(format!("AUTH XOAUTH2 {}\r\n", xoauth2(USER, &token(&world)))).starts_with("504 "));
    let (answer, action) = talk.hear("STARTTLS\r\n");
    assert_eq!((&answer[..9], action), ("220 2.0.0", Step::StartTls));
    assert!(talk.say("MAIL FROM:<a@b>\r\n").starts_with("503 "), "greeted in the clear alone");
    let encrypted = talk.say("EHLO a\r\n");
    assert!(encrypted.ends_with("250 AUTH XOAUTH2\r\n"), "{encrypted}");
    assert!(!encrypted.contains("STARTTLS"), "{encrypted}");

    let mut injecting = Talk::new(Smtp::new(world.clone(), Security::StartTls));
    injecting.say("EHLO a\r\n");
    let (answer, action) = injecting.hear("STARTTLS\r\nEHLO b\r\n");
    assert_eq!((&answer[..9], action), ("554 5.5.0", Step::Close));
}

/// Servers of today offer no login in the clear, in no form of the line.
#[test]
fn login_is_offered_over_tls_alone_unless_it_is_asked_for() {
    for personality in Personality::ALL {
        for (extensions, in_clear) in [("CHUNKING", false), ("AUTH", true)] {
            let world = world(|options| {
                options.personality = personality;
                options.smtp_extensions = extensions.parse().unwrap();
            });
            for (security, want) in [(Security::StartTls, in_clear), (Security::Implicit, true)] {
                let mut talk = Talk::new(Smtp::new(Arc::clone(&world), security));
                let answer = talk.say("EHLO a\r\n");
                assert_eq!(answer.contains("AUTH"), want, "{personality} {extensions}: {answer}");
            }
        }
    }
}

#[test]
fn delivers_what_was_submitted() {
    let world = world(|options| options.limits.message_octets = 20);
    let mut talk = authenticated(&world);
    let answers = talk.say(
        "MAIL FROM:<robot@mailbearer.test> SIZE=9 BODY=8BITMIME\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@refused.test>\r\n\
         RCPT TO:<nowhere>\r\nDATA\r\n",
    );
    let codes: Vec<&str> = answers.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "550", "550", "354"]);
    for piece in ["..a\r", "\nb\r\n.", "\r"] {
        assert_eq!(talk.say(piece), "");
    }
    let answers =
        talk.say("\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n123456789012345678901\r\n.\r\nNOOP\r\n");
    let codes: Vec<&str> = answers.lines().map(|line| &line[..9]).collect();
    assert_eq!(codes[..4], ["250 2.0.0", "250 2.0.0", "250 2.1.0", "250 2.1.5"]);
    assert_eq!(codes[5..], ["552 5.3.4", "250 2.0.0"], "over the limit of the size");
    assert!(talk.say("MAIL FROM:<a@b> SIZE=21\r\n").starts_with("552 5.3.4"));
    assert!(talk.say("MAIL FROM:<a@b> X=1\r\n").starts_with("555 5.5.4"));
    assert!(talk.say("MAIL FROM:<ä@b>\r\n").starts_with("553 5.6.7"));
    assert!(
        talk.say("MAIL FROM:<ä@b> SMTPUTF8\r\nRCPT TO:<a@b>\r\n").ends_with("250 2.1.5 Recipient OK\r\n")
    );
    assert!(talk.say("MAIL FROM:<a@b>\r\n").starts_with("503 "));
    assert!(talk.say("DATA\r\n").starts_with("354 "));
    assert!(talk.say("a\nb\r\n.\r\n").starts_with("550 5.6.11"));

    let messages = world.mailbox.messages("INBOX");
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].uid, &*messages[0].octets), (1, &b".a\r\nb\r\n"[..]));
    let envelope = Envelope {
        from: USER.into(),
        to: vec!["a@b".into()],
        parameters: vec!["SIZE=9".into(), "BODY=8BITMIME".into()],
        to_parameters: vec![vec![]],
        ..Envelope::default()
    };
    assert_eq!(messages[0].envelope, Some(envelope));
}

#[test]
fn stops_at_its_limits() {
    let world = world(|options| options.limits.recipients = 2);
    let mut talk = authenticated(&world);
    talk.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nRCPT TO:<a@b>\r\n");
    assert!(talk.say("RCPT TO:<a@b>\r\n").starts_with("452 4.5.3"));
    let (answer, action) = talk.hear("X\r\n".repeat(100));
    assert!(answer.ends_with("421 4.7.0 Too many errors\r\n"), "{answer}");
    assert_eq!(action, Step::Close);

    let mut endless = Talk::new(Smtp::new(Arc::clone(&world), Security::Implicit));
    let (answer, action) = endless.hear("x".repeat(12_288));
    assert!(answer.ends_with("500 5.5.2 Line too long\r\n"), "{answer}");
    assert_eq!(action, Step::Close);

    let mut gone = authenticated(&world);
    gone.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nhalf");
    assert_eq!(gone.end(), Err(Error::Truncated));
    assert!(world.mailbox.messages("INBOX").is_empty(), "half a message is none");
}

#[test]
fn a_provider_refuses_the_fourth_connection_and_the_31st_message_of_a_minute() {
    let world = world(|options| options.provider_limits = true);
    let login = format!("EHLO a\r\nAUTH XOAUTH2 {}\r\n", xoauth2(USER, &token(&world)));
    let mut open: Vec<_> =
        (0..3).map(|_| Talk::new(Smtp::new(Arc::clone(&world), Security::Implicit))).collect();
    for talk in &mut open {
        assert!(talk.say(&login).ends_with("235 2.7.0 Authentication successful\r\n"));
    }
    let mut fourth = Talk::new(Smtp::new(Arc::clone(&world), Security::Implicit));
    let heard = fourth.say(&login);
    assert!(heard.contains("\r\n432 4.3.2 Concurrent connections limit exceeded."), "{heard}");
    open.pop();
    assert!(fourth.say(login.split_once('\n').unwrap().1).starts_with("235 "));
    for number in 0..31 {
        let heard = fourth.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n.\r\n");
        let want = if number < 30 { "\r\n250 2.0.0 OK <" } else { "\r\n451 4.7.500 Server busy." };
        assert!(heard.contains(want), "{number}: {heard}");
    }
}
