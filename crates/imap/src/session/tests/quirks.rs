use super::*;
use crate::Quirks;

const LOGIN: &str = "
    S: * PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi
    E: ready
    E: authenticated";

/// Server mistakes that the session tolerates, how it goes on then, and what happens with the quirk off.
#[test]
fn mistakes_are_overlooked_where_the_quirk_is_on() {
    type Switch = fn(&mut Quirks);
    let rows: &[(&str, Switch, String, &str, &str)] = &[
        (
            "Exchange, imapflow",
            |quirks| (quirks.bare_farewell, quirks.junk_line) = (false, false),
            format!("{LOGIN}\n> noop\nC: A1 NOOP\nS: Server Unavailable. 15"),
            "E: error: server ended the session: BYE Server Unavailable. 15",
            "E: error: protocol error after authentication: neither an answer nor data: Server Unavailable. 15",
        ),
        (
            "HubSpot/NioImapClient pull request 94",
            |quirks| (quirks.bare_farewell, quirks.junk_line) = (false, false),
            format!("{LOGIN}\n> noop\nC: A1 NOOP\nS: Your IP is blocked* BYE IMAP4rev1 logging out"),
            "E: error: server ended the session: BYE Your IP is blocked* BYE IMAP4rev1 logging out",
            "E: error: protocol error after authentication: neither an answer nor data: Your IP is blocked* BYE IMAP4rev1 logging out",
        ),
        (
            "Exchange 2013, ruby/net-imap issue 250",
            |quirks| (quirks.bare_code, quirks.junk_line) = (false, false),
            format!("{LOGIN}\n> command UID MOVE 10 x\nC: A1 UID MOVE 10 x\nS: [COPYUID 124 10 233]"),
            "E: [COPYUID 124 10 233]",
            "E: error: protocol error after authentication: neither an answer nor data: [COPYUID 124 10 233]",
        ),
        (
            "Python issue 88574",
            |quirks| quirks.blank_line = false,
            format!("{LOGIN}\n> noop\nC: A1 NOOP\nS: \nS: A1 OK done"),
            "E: done A1 OK done",
            "E: error: protocol error after authentication: neither an answer nor data: ",
        ),
        (
            "a line of another protocol",
            |quirks| quirks.junk_line = false,
            format!("{LOGIN}\n> noop\nC: A1 NOOP\nS: junk\nS: A1 OK done"),
            "E: junk\nE: done A1 OK done",
            "E: error: protocol error after authentication: neither an answer nor data: junk",
        ),
        (
            "a go-ahead",
            |quirks| quirks.missing_text = false,
            format!("{LOGIN}\n> idle\nC: A1 IDLE\nS: +"),
            "E: idling A1",
            "E: error: protocol error during IDLE: no space in a go-ahead: +",
        ),
        (
            "Yandex, MailKit issue 938",
            |quirks| quirks.repeated_bye = false,
            format!("{LOGIN}\n> logout\nC: A1 LOGOUT\nS: * BYE out\nS: * BYE out"),
            "E: closed: out\nE: close",
            "E: error: protocol error at LOGOUT: BYE once more: * BYE out",
        ),
        (
            "Exchange, ruby/net-imap issue 597",
            |quirks| quirks.failure_in_ok = false,
            "> password u p
             S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi
             E: ready
             C: A1 AUTHENTICATE PLAIN AHUAcA==
             S: A1 OK [Error=\"x]\" AuthResultFromPopImapEnd=0] AUTHENTICATE completed."
                .into(),
            "E: error: authenticated, but the mailbox cannot be reached: OK [Error=\"x]\" AuthResultFromPopImapEnd=0] AUTHENTICATE completed.",
            "E: authenticated",
        ),
        (
            "NetEase, pimalaya/himalaya issue 651",
            |quirks| quirks.id_first = false,
            "> password u p
             > select INBOX
             S: * OK [CAPABILITY IMAP4rev1 ID SASL-IR AUTH=PLAIN] Coremail System IMap Server Ready
             E: ready
             C: A2 AUTHENTICATE PLAIN AHUAcA==
             S: A2 OK done
             E: authenticated"
                .into(),
            "C: A3 ID (\"a\" \"b c\")
             C: A1 SELECT INBOX
             S: * ID NIL
             S: A3 OK done
             S: A1 OK done
             E: * ID NIL
             E: done A1 OK done",
            "C: A1 SELECT INBOX",
        ),
    ];
    for (_server, switch, script, on, off) in rows {
        let mut options =
            Options { id: std::vec![("a".into(), "b c".into())], ..options(Security::Implicit) };
        play_all(&options, &format!("{script}\n{on}"));
        switch(&mut options.quirks);
        play_all(&options, &format!("{script}\n{off}"));
    }
}

/// A line that is neither an answer nor data ends the session where it may be a part of a literal, where a command would
/// wait for ever, and where it is not the only mistake.
#[test]
fn junk_is_passed_over_between_the_answers_to_a_command_only() {
    let noop = "> noop\nC: A1 NOOP";
    let passed = "S: junk\nE: junk\n".repeat(3);
    let literal = "S: * 1 FETCH (BODY[] {3}\nS: abcd (x)\nE: * 1 FETCH (BODY[] {3}\\r\\nabcd (x)";
    for (_name, script, end) in [
        ("three", format!("{noop}\n{passed}S: A1 OK done\nE: done A1 OK done"), ""),
        ("four", format!("{noop}\n{passed}S: junk"), "junk"),
        (
            "three for each command",
            format!("{noop}\n{passed}S: A1 OK done\nE: done A1 OK done\n> noop\nC: A2 NOOP\n{passed}S: junk"),
            "junk",
        ),
        ("none asked", format!("{noop}\nS: A1 OK done\nE: done A1 OK done\nS: junk"), "junk"),
        ("an answer in another form", format!("{noop}\nS: A1  OK done"), "A1  OK done"),
        ("in IDLE", "> idle\nC: A1 IDLE\nS: + go\nE: idling A1\nS: junk".into(), "idle junk"),
        ("behind a literal that is longer than was said", format!("{noop}\n{literal}\nS: more"), "more"),
        (
            "in the next command",
            format!(
                "{noop}\n{literal}\nS: A1 OK done\nE: done A1 OK done\n> noop\nC: A2 NOOP\n{passed}S: A2 OK done\nE: done A2 OK done"
            ),
            "",
        ),
    ] {
        let (stage, end) = match end.strip_prefix("idle ") {
            Some(end) => ("during IDLE", end),
            None => ("after authentication", end),
        };
        let end = match end {
            "" => String::new(),
            end => format!("\nE: error: protocol error {stage}: neither an answer nor data: {end}"),
        };
        play_all(&options(Security::Implicit), &format!("{LOGIN}\n{script}{end}"));
    }
}

#[test]
fn an_id_goes_where_it_is_wanted_only() {
    let hosts = [
        ("imap.163.com", true),
        ("IMAP.126.com.", true),
        ("imap.qiye.163.com", true),
        ("188.com", true),
        ("imap.not163.com", false),
        ("163.com.example.org", false),
    ];
    for (host, wanted) in hosts {
        let options = Options::new(host, 993, Security::Implicit);
        let id = concat!(
            "C: A3 ID (\"name\" \"mailbearer-imap\" \"version\" \"",
            env!("CARGO_PKG_VERSION"),
            "\")"
        );
        play_all(
            &options,
            &format!(
                "> password u p
                 > select INBOX
                 S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] IMAP4 ready
                 E: ready
                 C: A2 AUTHENTICATE PLAIN AHUAcA==
                 S: A2 OK done
                 E: authenticated
                 {}
                 C: A1 SELECT INBOX",
                if wanted { id } else { "" }
            ),
        );
    }
    // A greeting in the clear decides nothing; the name that the caller gave does.
    for (host, id) in [("imap.163.com", "C: A4 ID (\"a\" \"b\")"), ("imap.example.org", "")] {
        let mut options = Options::new(host, 143, Security::StartTls);
        options.id = std::vec![("a".into(), "b".into())];
        let script = format!(
            "> password u p
             S: * OK [CAPABILITY IMAP4rev1 STARTTLS] Coremail
             C: A1 STARTTLS
             S: A1 OK begin
             E: start TLS
             C: A2 CAPABILITY
             S: * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN
             S: A2 OK done
             E: ready
             C: A3 AUTHENTICATE PLAIN AHUAcA==
             S: A3 OK done
             E: authenticated
             {id}"
        );
        play_all(&options, &script);
    }
    // No ID to send; and an ID that needs a literal is the caller's mistake.
    let login = "> password u p
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] IMAP4 ready
        E: ready
        C: A1 AUTHENTICATE PLAIN AHUAcA==
        S: A1 OK done
        E: authenticated";
    let mut options = Options::new("imap.163.com", 993, Security::Implicit);
    options.id.clear();
    play_all(&options, login);
    options.id.push(("name".into(), "\n".into()));
    play_all(&options, &format!("{login}\nE: error: a text that takes a literal"));
}
