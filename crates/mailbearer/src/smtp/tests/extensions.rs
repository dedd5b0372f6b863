//! Each extension from the facade to the mock's mailbox.

use mailbearer_smtp::{Capability, DeliverBy, Notify, Returned};

use super::*;
use crate::Login;
#[cfg(feature = "pool")]
use crate::Outcome;

fn offering(lines: &str) -> (Mock, Client) {
    start_with(|options| options.smtp_extensions = lines.parse().unwrap())
}

/// Sends these octets with this envelope in one session. Returns what the server got.
fn parameters(mock: &Mock, client: &Client, envelope: Envelope, octets: &[u8]) -> Result<[String; 2], Error> {
    let mut smtp = client.connect_smtp()?;
    let mut submission = smtp.submit(envelope)?;
    submission.write(octets)?;
    submission.finish()?;
    smtp.quit()?;
    let messages = mock.mailbox().messages("INBOX");
    let last = messages.last().unwrap();
    assert_eq!(*last.octets, *octets);
    let heard = last.envelope.clone().unwrap();
    Ok([heard.parameters.join(" "), heard.to_parameters.concat().join(" ")])
}

#[test]
fn each_is_used_where_it_is_offered_and_told_where_not() {
    let set = |change: fn(&mut Envelope)| {
        let mut envelope = Envelope::new("robot@mail.test", ["ann@mail.test"]);
        change(&mut envelope);
        envelope
    };
    let text = b"Subject: x\r\n\r\nx\r\n".as_slice();
    type Row<'a> = (&'a str, Envelope, &'a [u8], [&'a str; 2], Option<Capability<'static>>);
    let rows: [Row<'_>; 8] = [
        ("LIMITS MAILMAX=9", set(|e| e.size = Some(17)), text, ["SIZE=17", ""], None),
        (
            "CHUNKING",
            set(|e| e.eight_bit = true),
            "Subject: x\r\n\r\nü\r\n".as_bytes(),
            ["BODY=8BITMIME", ""],
            None,
        ),
        ("CHUNKING", set(|e| e.smtp_utf8 = true), "Subject: ü\r\n\r\n".as_bytes(), ["SMTPUTF8", ""], None),
        (
            "BINARYMIME",
            set(|e| e.binary = true),
            b"Subject: x\r\n\r\n\0\n\r\xff",
            ["BODY=BINARYMIME", ""],
            Some(Capability::Chunking),
        ),
        ("REQUIRETLS", set(|e| e.require_tls = true), text, ["REQUIRETLS", ""], Some(Capability::RequireTls)),
        (
            "DELIVERBY 60",
            set(|e| e.deliver_by = Some(DeliverBy::new(60, true))),
            text,
            ["BY=60;R", ""],
            Some(Capability::DeliverBy(None)),
        ),
        ("CHUNKING", set(|e| e.dsn.returned = Some(Returned::Header)), text, ["RET=HDRS", ""], None),
        (
            "CHUNKING",
            set(|e| {
                e.dsn.notify = Some(Notify::default());
                e.dsn.envelope_id = Some("a b".into());
                e.dsn.original_recipients = vec![("ann@mail.test".into(), "root@printer".into())];
            }),
            text,
            ["ENVID=a+20b", "NOTIFY=NEVER ORCPT=rfc822;root@printer"],
            None,
        ),
    ];
    let plain = start();
    for (offered, envelope, octets, want, needed) in rows {
        let (mock, client) = offering(offered);
        assert_eq!(parameters(&mock, &client, envelope.clone(), octets).unwrap(), want, "{offered}");
        if let Some(capability) = needed {
            let error = parameters(&plain.0, &plain.1, envelope, octets).unwrap_err();
            let refusal = error.cause::<Refusal>();
            assert_eq!(refusal, Some(&Refusal::NotOffered { capability }), "{error}");
            assert!(error.is_unsupported() && !error.ended_session(), "{error}");
        }
    }
    assert_eq!(arrived(&plain.0), [[0; 0]; 0], "nothing was sent of what is not offered");
}

/// Reported before anything is sent: the session stays idle and accepts the next message.
#[test]
fn what_passes_a_limit_is_told() {
    let (mock, client) = start_with(|options| {
        options.limits.message_octets = 1000;
        options.smtp_extensions = "DELIVERBY 60, LIMITS RCPTMAX=2 RCPTDOMAINMAX=1".parse().unwrap();
    });
    let envelope = |recipients: &[&str]| Envelope::new("robot@mail.test", recipients.iter().copied());
    let (mut large, mut soon) = (envelope(&["a@mail.test"]), envelope(&["a@mail.test"]));
    large.size = Some(1001);
    soon.deliver_by = Some(DeliverBy::new(59, true));
    let mut smtp = client.connect_smtp().unwrap();
    for (envelope, kind, want) in [
        (large, Kind::TooLarge { limit: 1000 }, "1001 octets is larger than the 1000"),
        (soon, Kind::Refused, "after 59 seconds, and the server takes 60 at least"),
        (
            envelope(&["a@mail.test", "b@mail.test", "c@mail.test"]),
            Kind::Refused,
            "3 recipients, and the server takes 2",
        ),
        (envelope(&["a@mail.test", "b@other.test"]), Kind::Refused, "at 2 domains, and the server takes 1"),
    ] {
        let error = smtp.submit(envelope).map(drop).unwrap_err();
        assert!(error.to_string().contains(want) && !error.ended_session(), "{error}");
        assert_eq!(error.kind(), kind, "{error}");
    }
    smtp.send(&message(&client, "ann@mail.test", "good")).unwrap();
    let error = smtp.send(&message(&client, "ann@other.test", "other")).unwrap_err();
    assert!(error.is_transient() && error.cause::<Refusal>().unwrap().wants_new_session(), "{error}");
    assert_eq!(arrived(&mock).len(), 1);
    // A pool opens this session.
    #[cfg(feature = "pool")]
    {
        let messages =
            ["a@mail.test", "b@other.test", "c@mail.test"].map(|to| message(&client, to, "pooled"));
        let mut options = client.pool_options();
        options.connections = 1;
        let pool = client.pool_with(options);
        assert!(pool.send_all(&messages).all(|sent| matches!(sent.outcome, Outcome::Accepted(_))));
        pool.close();
        assert_eq!(arrived(&mock).len(), 4);
    }
}

fn lmtp() -> (Mock, Client) {
    let (mock, client) = offering("LMTP");
    let mut account = client.account().clone();
    let mut options = Options::new("", 0);
    options.lmtp = true;
    account.smtp_options = Some(Box::new(options));
    (mock, account.blocking().unwrap())
}

#[cfg(feature = "pool")]
#[test]
fn lmtp_has_a_fate_for_each() {
    let (mock, client) = lmtp();
    let from = Address::parse("robot@mail.test").unwrap();
    let to = Address::parse_list("ann@mail.test, bob@full.test, eve@refused.test, dan@mail.test").unwrap();
    let text = to.into_iter().fold(Message::new(from), Message::to).text("x");
    let message = client.compose(&text).unwrap();
    let check = |outcome: &Outcome| {
        let words = ["ann@mail.test", "bob@full.test", "eve@refused.test", "dan@mail.test"].map(|to| {
            match outcome.fate(to) {
                crate::Fate::Accepted(_) => "accepted".to_owned(),
                crate::Fate::Refused(reply) => format!("refused {}", reply.unwrap().code),
                crate::Fate::Deferred(reply) => format!("deferred {}", reply.unwrap().code),
                crate::Fate::Unknown => "unknown".to_owned(),
            }
        });
        assert_eq!(words, ["accepted", "deferred 452", "refused 550", "accepted"], "{outcome:?}");
    };
    check(&Outcome::of(client.send(&message)));
    let mut smtp = client.connect_smtp().unwrap();
    check(&Outcome::of(smtp.send(&message)));
    smtp.quit().unwrap();
    let pool = client.pool();
    let all = [message.clone(), message.clone(), message.clone()];
    pool.send_all(&all).for_each(|sent| check(&sent.outcome));
    pool.close();
    assert_eq!(arrived(&mock).len(), 5);
}

/// What a pool sent in parts: the commands of its envelopes, and how it ended for each recipient.
#[cfg(feature = "pool")]
fn in_parts(client: &Client, to: &str, change: impl FnOnce(&mut Envelope)) -> (Vec<String>, Vec<String>) {
    struct Note(Envelope);

    impl crate::MailObject for Note {
        fn envelope(&self) -> Envelope {
            self.0.clone()
        }

        fn octets(&mut self, offset: u64) -> std::io::Result<&[u8]> {
            Ok(b"Subject: x\r\n\r\n".get(usize::try_from(offset).unwrap()..).unwrap())
        }
    }

    let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&said);
    let trace = move |line: &crate::TraceLine| {
        let text = line.text.trim_end();
        if text.starts_with("MAIL") || text.starts_with("RCPT") {
            heard.lock().unwrap().push(text.to_owned());
        }
    };
    let client = Client::<Blocking>::traced(client.account().clone(), trace).unwrap();
    let to: Vec<&str> = to.split(' ').collect();
    let mut envelope = Envelope::new("robot@mail.test", to.iter().copied());
    change(&mut envelope);
    let pool = client.pool();
    let outcome = pool.deliver(Note(envelope));
    pool.close();
    let fates = to.iter().map(|to| match outcome.fate(to) {
        crate::Fate::Accepted(_) => "accepted".to_owned(),
        crate::Fate::Refused(reply) => format!("refused {}", reply.map_or(0, |reply| reply.code)),
        crate::Fate::Deferred(reply) => format!("deferred {}", reply.map_or(0, |reply| reply.code)),
        crate::Fate::Unknown => "unknown".to_owned(),
    });
    let fates = fates.collect();
    let said = said.lock().unwrap().clone();
    (said, fates)
}

/// LMTP, SMTPUTF8 and DSN in a message that goes in parts.
#[cfg(feature = "pool")]
#[test]
fn parts_have_what_their_recipients_need() {
    let lmtp_options = |client: Client| {
        let mut account = client.account().clone();
        let mut options = Options::new("", 0);
        options.lmtp = true;
        account.smtp_options = Some(Box::new(options));
        account.blocking().unwrap()
    };
    let (mock, client) = offering("LMTP,LIMITS RCPTMAX=2");
    let (said, fates) =
        in_parts(&lmtp_options(client), "a@x.test b@full.test c@refused.test d@x.test e@x.test", |_| ());
    assert_eq!(fates, ["accepted", "deferred 452", "refused 550", "accepted", "accepted"]);
    // The one whose mailbox is full is not tried again at once.
    assert_eq!(said.iter().filter(|line| line.starts_with("MAIL")).count(), 3, "{said:?}");
    assert_eq!(arrived(&mock).len(), 3);

    let (mock, client) = offering("LIMITS RCPTMAX=2");
    let (said, fates) = in_parts(&client, "a@x.test b@x.test \u{fc}@x.test d@x.test", |_| ());
    assert_eq!(fates, ["accepted"; 4]);
    let mails = [0, 3].map(|index: usize| said[index].contains("SMTPUTF8"));
    assert_eq!(mails, [true, false], "{said:?}");
    assert_eq!(arrived(&mock).len(), 2);

    let (_mock, client) = offering("LIMITS RCPTMAX=1");
    let (said, fates) = in_parts(&client, "a@x.test b@x.test", |envelope| {
        let mut never = mailbearer_smtp::Notify::default();
        let none = never;
        never.failure = true;
        envelope.dsn.envelope_id = Some("id".into());
        envelope.dsn.notify = Some(never);
        envelope.dsn.notify_of = vec![("b@x.test".into(), Some(none))];
        envelope.dsn.original_recipients = vec![("a@x.test".into(), "old@x.test".into())];
    });
    assert_eq!(fates, ["accepted"; 2]);
    let want = [
        "MAIL FROM:<robot@mail.test> ENVID=id",
        "RCPT TO:<a@x.test> NOTIFY=FAILURE ORCPT=rfc822;old@x.test",
        "MAIL FROM:<robot@mail.test> ENVID=id",
        "RCPT TO:<b@x.test> NOTIFY=NEVER",
    ];
    assert_eq!(said, want);
}

/// A server that speaks the other protocol is recognised at once.
#[test]
fn lmtp_and_smtp_are_not_mistaken_for_each_other() {
    let (_mock, client) = lmtp();
    let mut account = client.account().clone();
    account.smtp_options = None;
    let error = account.blocking().unwrap().connect_smtp().map(drop).unwrap_err();
    assert!(error.to_string().contains("500"), "{error}");
    let (_mock, client) = start();
    let mut account = client.account().clone();
    let mut options = Options::new("", 0);
    options.lmtp = true;
    account.smtp_options = Some(Box::new(options));
    let error = account.blocking().unwrap().connect_smtp().map(drop).unwrap_err();
    assert!(error.to_string().contains("500"), "{error}");
}

/// Without a login, the server decides what it accepts.
#[test]
fn an_account_without_a_login_does_not_log_in() {
    let (mock, client) = start();
    let mut account = client.account().clone();
    account.login = Login::Nothing;
    let client = account.blocking().unwrap();
    let error = client.send(&message(&client, "ann@mail.test", "x")).unwrap_err();
    assert!(error.is_auth() && !error.ended_session(), "{error}");
    assert!(client.token().is_err_and(|error| error.is_configuration()));
    assert!(client.connect_imap().is_err());
    assert_eq!(arrived(&mock).len(), 0);
}
