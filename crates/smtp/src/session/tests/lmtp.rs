//! LMTP (RFC 2033): LHLO, and a verdict for each recipient that was accepted.

use super::*;

fn lmtp() -> Session {
    let options = Options::new("mx.test", 24);
    Session::new(Options { client_name: "client.test".into(), lmtp: true, ..options }).unwrap()
}

fn greeted(offered: &str, rest: &str) -> String {
    super::greeted(offered, rest).replace("EHLO", "LHLO")
}

/// A message to three, of whom the second is refused at once, up to its end.
const ENDED: &str = "
    > submit a@x b@y c@y d@y
    C: MAIL FROM:<a@x>
    C: RCPT TO:<b@y>
    C: RCPT TO:<c@y>
    C: RCPT TO:<d@y>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 5.1.1 nobody
    S: 250 ok
    S: 354 go
    * body wanted
    > body x
    > finish
    C: x
    C: .";

#[test]
fn each_recipient_has_a_verdict() {
    let rows = [
        (
            "S: 250 2.0.0 b saved\nS: 250 2.0.0 d saved",
            "* submitted to b@y d@y; not c@y: 550 5.1.1 nobody: 250 2.0.0 b saved",
        ),
        (
            "S: 452 4.2.2 b is full\nS: 250 2.0.0 d saved",
            "* submitted to d@y; not c@y: 550 5.1.1 nobody; not b@y: 452 4.2.2 b is full: 250 2.0.0 d saved",
        ),
        (
            "S: 452 4.2.2 b is full\nS: 552 5.2.2 d too",
            "* refused: server refused every recipient; c@y: 550 5.1.1 nobody; b@y: 452 4.2.2 b is full; \
             d@y: 552 5.2.2 d too",
        ),
    ];
    for (replies, end) in rows {
        play(
            lmtp,
            &greeted("PIPELINING", &format!("{ENDED}\n{replies}\n{end}\n> quit\nC: QUIT\nS: 221\n= close")),
        );
    }
    // One at a time, where nothing may go ahead.
    play(
        lmtp,
        &greeted(
            "SIZE",
            "> submit a@x b@y
            > quit
            C: MAIL FROM:<a@x>
            S: 250 ok
            C: RCPT TO:<b@y>
            S: 250 ok
            C: DATA
            S: 354
            * body wanted
            > finish
            C: .
            S: 250 ok
            * submitted to b@y: 250 ok
            C: QUIT
            S: 221 bye
            = close",
        ),
    );
}

#[test]
fn a_receipt_has_the_words_to_each() {
    let mut receipt =
        crate::Receipt::new(Reply::new(250, "b"), Vec::from(["b@y".into(), "d@y".into()]), Vec::new());
    receipt.refused.push(("c@y".into(), Reply::new(550, "c")));
    let told = |receipt: &crate::Receipt, recipient| receipt.reply_to(recipient).map(|reply| reply.text());
    assert_eq!(told(&receipt, "d@y").as_deref(), Some("b"), "one for all");
    receipt.replies = Vec::from([Reply::new(250, "b"), Reply::new(250, "d")]);
    for (recipient, want) in [("b@y", Some("b")), ("d@y", Some("d")), ("c@y", Some("c")), ("e@y", None)] {
        assert_eq!(told(&receipt, recipient).as_deref(), want, "{recipient}");
    }
}

/// The next message goes behind the end of the one before, whose replies are counted.
#[test]
fn messages_follow_each_other() {
    play(
        lmtp,
        &greeted(
            "PIPELINING",
            &ENDED
                .replace("> submit a@x b@y c@y d@y", "> submit a@x b@y c@y d@y\n> submit e@x f@y\n> quit")
                .replace(
                    "C: .",
                    "C: .
                    C: MAIL FROM:<e@x>
                    C: RCPT TO:<f@y>
                    C: DATA
                    S: 250 b
                    S: 250 d
                    * submitted to b@y d@y; not c@y: 550 5.1.1 nobody: 250 b
                    S: 250 ok
                    S: 250 ok
                    S: 354 go
                    * body wanted
                    > finish
                    C: .
                    C: QUIT
                    S: 250 f
                    S: 221 bye
                    * submitted to f@y: 250 f
                    = close",
                ),
        ),
    );
}

/// What was heard stays known, and of the others nobody knows anything: nothing of it may be sent again by itself.
#[test]
fn a_connection_that_ends_between_the_verdicts_leaves_the_rest_unknown() {
    let rows = [
        ("eof", 0),
        ("S: 250 2.0.0 saved\neof", 1),
        ("S: 550 5.2.1 no\neof", 1),
        ("S: 250 2.0.0 saved\nS: 421 4.3.0 going", 1),
        ("S: 250 2.0.0 saved\nS: 354 what", 1),
        ("S: 250 2.0.0 saved\nS: what", 1),
    ];
    for (replies, heard) in rows {
        let end = "! message was sent, and whether the server took it is unknown";
        let session = play(lmtp, &greeted("PIPELINING", &format!("{ENDED}\n{replies}\n{end}")));
        assert!(session.outcome_unknown(), "{replies}");
        let verdicts: Vec<String> = session.verdicts().into_iter().map(|(address, _)| address).collect();
        assert_eq!(verdicts, ["c@y", "b@y", "d@y"][..=heard], "{replies}");
    }
    // Before the first verdict a server that goes away has taken nothing, as with SMTP.
    let session = play(
        lmtp,
        &greeted(
            "PIPELINING",
            &format!(
                "{ENDED}\nS: 421 4.3.0 going\n! server is closing, at the end of the message: 421 4.3.0 going"
            ),
        ),
    );
    assert!(!session.outcome_unknown());
}

#[test]
fn replies_that_come_early_or_are_too_many_are_an_error() {
    let whole = |script: &str, error: &str| {
        let player = Player::run_until(lmtp(), script, usize::MAX, None);
        assert_eq!(player.last.clone().unwrap().unwrap_err().to_string(), error, "{}", player.record);
    };
    let early = ENDED.replace("S: 354 go", "S: 354 go\nS: 250 taken");
    whole(&greeted("PIPELINING", &early), "unexpected reply at the message: 250 taken");
    let many = format!("{ENDED}\nS: 250 b\nS: 250 d\nS: 250 more");
    whole(&greeted("PIPELINING", &many), "unexpected reply at the next command: 250 more");
}

/// A lone dot for nobody would never be answered.
#[test]
fn a_server_that_wants_a_message_for_nobody_gets_none() {
    let rest = "
        > submit a@x b@y
        C: MAIL FROM:<a@x>
        C: RCPT TO:<b@y>
        C: DATA
        S: 250 ok
        S: 550 5.1.1 nobody";
    let refused = "* refused: server refused every recipient; b@y: 550 5.1.1 nobody";
    play(lmtp, &greeted("PIPELINING", &format!("{rest}\nS: 354 go\n{refused}\n= close")));
    let next = "> submit a@x c@y\nC: RSET\nC: MAIL FROM:<a@x>\nC: RCPT TO:<c@y>\nC: DATA";
    play(lmtp, &greeted("PIPELINING", &format!("{rest}\nS: 503 5.5.1 nobody\n{refused}\n{next}")));
}

/// By BDAT only what DATA can't carry, and nothing ahead of a reply: how many answer the last chunk is then known.
#[test]
fn chunks_wait_for_their_replies() {
    let binary = || {
        let mut session = lmtp();
        let mut envelope = Envelope::new("a@x", ["b@y", "c@y", "d@y"]);
        envelope.binary = true;
        session.submit(envelope).unwrap();
        session
    };
    let envelope = "
        C: MAIL FROM:<a@x> BODY=BINARYMIME
        C: RCPT TO:<b@y>
        C: RCPT TO:<c@y>
        C: RCPT TO:<d@y>
        S: 250 ok";
    let rows = [
        (
            "S: 250 ok\nS: 550 nobody\nS: 250 ok\n* body wanted\n> body x\n> finish\nC: BDAT 2 LAST\nC: x\\n",
            "S: 250 b\nS: 452 d\n* submitted to b@y; not c@y: 550 nobody; not d@y: 452 d: 250 b",
        ),
        (
            "S: 550 no\nS: 550 no\nS: 550 no",
            "* refused: server refused every recipient; b@y: 550 no; c@y: 550 no; d@y: 550 no",
        ),
    ];
    for (replies, end) in rows {
        let script = greeted(
            "PIPELINING\nS: 250-CHUNKING\nS: 250-BINARYMIME",
            &format!("{envelope}\n{replies}\n{end}"),
        );
        // The body has no line end of its own kind, so it stays behind as a line that is not ended.
        let script = script.replace(
            "250 PIPELINING\nS: 250-CHUNKING\nS: 250-BINARYMIME",
            "250-PIPELINING\nS: 250-CHUNKING\nS: 250 BINARYMIME",
        );
        let player = Player::run_until(binary(), &script, usize::MAX, None);
        assert!(
            player.record.ends_with(&format!("{}\n", end.split('\n').next_back().unwrap())),
            "{}",
            player.record
        );
    }
    // Otherwise by DATA, also where chunks are offered.
    play(
        lmtp,
        &greeted(
            "CHUNKING",
            "> submit a@x b@y\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA",
        ),
    );
}

#[test]
fn port_25_is_for_smtp() {
    for (port, lmtp, good) in [(25, true, false), (25, false, true), (24, true, true)] {
        assert_eq!(
            Session::new(Options { lmtp, ..Options::new("mx.test", port) }).is_ok(),
            good,
            "{port} {lmtp}"
        );
    }
}
