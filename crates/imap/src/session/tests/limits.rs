use super::*;

#[test]
fn responses_before_authentication_are_counted() {
    let mut options = options(Security::Implicit);
    options.bounds.early_responses = 3;
    let script = |count: usize| {
        let data = "S: * 1 EXISTS\n".repeat(count);
        let told = "E: * 1 EXISTS\n".repeat(count.min(2));
        let error = "E: error: server sends too much before authentication";
        format!(
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nE: ready\n{data}{told}{}",
            if count > 2 { error } else { "" }
        )
    };
    play_all(&options, &script(2));
    play_all(&options, &script(3));
}

#[test]
fn octets_before_authentication_are_counted() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n";
    let line = "* 1 EXISTS\r\n";
    for (spare, error) in [(0, ""), (1, "E: error: server sends too much before authentication")] {
        let mut options = options(Security::Implicit);
        options.bounds.early_octets = greeting.len() + line.len() - spare;
        let told = if spare == 0 { "E: * 1 EXISTS" } else { error };
        play_all(&options, &format!("S: {}\nE: ready\nS: * 1 EXISTS\n{told}", greeting.trim_end()));
    }
    // A line or a literal may not grow beyond it either.
    let mut options = options(Security::Implicit);
    options.bounds.early_octets = 50;
    let at = "x".repeat(50 - 7);
    play_all(&options, &format!("S: * OK {}\nC: A1 CAPABILITY", &at));
    play_all(&options, &format!("S: * OK {at}x\nE: error: line longer than 50 octets"));
    play_all(
        &options,
        "S: * OK hi\nC: A1 CAPABILITY\nS: * 1 FETCH (BODY[] {51}\n\
         E: error: literal of 51 octets, more than 50 are not accepted",
    );
    play_all(
        &options,
        "S: * OK hi\nC: A1 CAPABILITY\nS: * X {10}\nS: 0123456789 {10}\nS: 0123456789 {10}\nS: 0123456789\n\
         E: error: response larger than 50 octets",
    );
}

#[test]
fn after_authentication_the_limits_are_those_of_responses() {
    let mut options = options(Security::Implicit);
    options.bounds.early_octets = 100;
    options.bounds.early_responses = 1;
    let long = "x".repeat(200);
    play_all(
        &options,
        &format!(
            "S: * PREAUTH hi\nE: ready\nE: authenticated\n\
             S: * {long}\nS: * 1 FETCH (BODY[] {{0}}\nS: )\nE: * {long}\nE: * 1 FETCH (BODY[] {{0}}\\r\\n)"
        ),
    );
    options.limits.line = 20;
    options.limits.literal = 10;
    let login = "S: * PREAUTH hi\nE: ready\nE: authenticated\n";
    play_all(&options, &format!("{login}S: * 234567890123456789\nE: error: line longer than 20 octets"));
    play_all(
        &options,
        &format!("{login}S: * 1 X {{11}}\nE: error: literal of 11 octets, more than 10 are not accepted"),
    );
}

#[test]
fn commands_are_counted() {
    let mut options = options(Security::Implicit);
    options.bounds.commands = 2;
    play_all(
        &options,
        "> noop
         > noop
         > noop
         E: misuse: too many commands at a time
         S: * PREAUTH hi
         E: ready
         E: authenticated
         C: A1 NOOP
         C: A2 NOOP
         > noop
         E: misuse: too many commands at a time
         S: A1 OK done
         E: done A1 OK done
         > noop
         C: A3 NOOP",
    );
}

#[test]
fn many_commands_do_not_overfill_the_send_buffer() {
    let mut options = options(Security::Implicit);
    options.bounds.commands = 10_000;
    let mut play = Play::new(options, usize::MAX);
    for _ in 0..10_000 {
        play.call("noop");
    }
    // Play asserts how much is in the buffer at a time.
    play.receive(b"* PREAUTH hi\r\n");
    assert_eq!(play.sent.iter().filter(|octet| **octet == b'\n').count(), 10_000);
}

#[test]
fn octets_of_streamed_literals_are_counted_too() {
    let mut options = options(Security::Implicit);
    options.bounds.early_octets = 200_000;
    let mut play = Play::new(options, usize::MAX);
    play.receive(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n");
    for _ in 0..3 {
        play.receive(b"* 1 FETCH (BODY[] {70000}\r\n");
        play.receive(&[b'x'; 70_000]);
        play.receive(b")\r\n");
    }
    assert_eq!(play.last.as_deref(), Some("error: server sends too much before authentication"));
}

#[test]
fn no_literal_is_streamed_in_the_clear() {
    let mut options = options(Security::StartTls);
    options.bounds.early_octets = 200_000;
    let mut play = Play::new(options, usize::MAX);
    play.run("S: * OK hi\nC: A1 STARTTLS");
    play.receive(b"* 1 FETCH (BODY[] {70000}\r\n");
    let last = play.last.unwrap();
    assert!(last.starts_with("error: protocol error at STARTTLS: large literal before TLS"), "{last}");
}
