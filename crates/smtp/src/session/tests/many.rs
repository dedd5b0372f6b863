//! Several messages: the commands of the next go out behind the end of the one before (RFC 2920 section 3.1).

use super::*;

#[test]
fn a_message_takes_one_flight_behind_another() {
    play(
        session,
        &greeted(
            "PIPELINING",
            "> submit a@x b@y
            > submit a@x c@y
            > submit a@x d@y
            > quit
            C: MAIL FROM:<a@x>
            C: RCPT TO:<b@y>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 354
            * body wanted
            > body one
            > finish
            C: one
            C: .
            C: MAIL FROM:<a@x>
            C: RCPT TO:<c@y>
            C: DATA
            S: 250 queued as 1
            S: 250 ok
            S: 250 ok
            S: 354
            * submitted to b@y: 250 queued as 1
            * body wanted
            > body two
            > finish
            C: two
            C: .
            C: MAIL FROM:<a@x>
            C: RCPT TO:<d@y>
            C: DATA
            S: 554 no
            S: 250 ok
            S: 550 nobody
            S: 554 no valid recipients
            * refused: server refused the message: 554 no
            * refused: server refused every recipient; d@y: 550 nobody
            C: QUIT
            S: 221 bye
            = close",
        ),
    );
}

#[test]
fn and_in_chunks_too() {
    play(
        session,
        "> submit a@x b@y
        > submit a@x c@y
        > quit
        S: 220 mx
        C: EHLO client.test
        S: 250-mx
        S: 250-PIPELINING
        S: 250 CHUNKING
        * ready
        C: MAIL FROM:<a@x>
        C: RCPT TO:<b@y>
        * body wanted
        > body one
        > finish
        C: BDAT 5 LAST
        C: one
        C: MAIL FROM:<a@x>
        C: RCPT TO:<c@y>
        S: 250 ok
        S: 250 ok
        S: 250 taken
        S: 250 ok
        S: 250 ok
        * submitted to b@y: 250 taken
        * body wanted
        > body two
        > finish
        C: BDAT 5 LAST
        C: two
        C: QUIT
        S: 451 later
        S: 221 bye
        * refused: server refused the message: 451 later
        = close",
    );
}

/// One that the server can't take waits for its turn to be refused; without `PIPELINING` all wait.
#[test]
fn what_can_not_go_along_waits() {
    let first = "> submit a@x b@y\n> submit a@x ü@y\nC: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354\n\
                 * body wanted\n> finish\nC: .\n";
    let refused = "S: 250 ok\n* submitted to b@y: 250 ok\n* refused: message needs SMTPUTF8, which the server does not offer";
    play(session, &greeted("PIPELINING", &format!("{first}{refused}")));
    play(
        session,
        &greeted(
            "SIZE",
            "> submit a@x b@y
            > submit a@x c@y
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
            C: MAIL FROM:<a@x>
            S: 250 ok
            C: RCPT TO:<c@y>",
        ),
    );
}

/// The verdict on the one before is told all the same, and then the session is over: DATA is on its way.
#[test]
fn a_message_given_up_behind_another_takes_nothing_from_it() {
    let script = greeted(
        "PIPELINING",
        "> submit a@x b@y
        C: MAIL FROM:<a@x>
        C: RCPT TO:<b@y>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354
        * body wanted
        > finish
        C: .
        > submit a@x c@y
        C: MAIL FROM:<a@x>
        C: RCPT TO:<c@y>
        C: DATA
        > abandon
        S: 250 taken
        * submitted to b@y: 250 taken
        ! a message was given up before its end, and the session with it",
    );
    let mut session = play(session, &script);
    assert_eq!(session.quit(), Err(Misuse::Abandoned));
}

/// Whether the first was taken is unknown; of the next nothing but its envelope went out.
#[test]
fn a_server_that_goes_away_leaves_one_message_unknown() {
    let script = greeted(
        "PIPELINING",
        "> submit a@x b@y
        > submit a@x c@y
        C: MAIL FROM:<a@x>
        C: RCPT TO:<b@y>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354
        * body wanted
        > finish
        C: .
        C: MAIL FROM:<a@x>
        C: RCPT TO:<c@y>
        C: DATA",
    );
    assert!(play(session, &script).outcome_unknown());
    let heard = "\nS: 250 taken\n* submitted to b@y: 250 taken";
    assert!(!play(session, &(script + heard)).outcome_unknown());
}
