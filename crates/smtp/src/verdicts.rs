//! What the errors and refusals say is to be done about them.

use alloc::{boxed::Box, string::ToString, vec};
use core::{error::Error as _, time::Duration};

use mailbearer_sasl::{ChallengeError, Credentials, Exchange, Mechanism};

use crate::{Dsn, Envelope, Error, Misuse, Problem, Refusal, Reply, ReplyError, Stage};

fn refused(code: u16, text: &str, with_reason: bool) -> Error {
    let credentials = Credentials::bearer("u", "t0ken").unwrap();
    let mut exchange = Exchange::new(Mechanism::XOAuth2, &credentials, "h", 1).unwrap();
    let _ = (exchange.initial_response(), exchange.respond(b"e30=").unwrap());
    let reason = exchange.reason().cloned().filter(|_| with_reason).map(Box::new);
    Error::Auth { mechanism: Mechanism::XOAuth2, reply: Reply::new(code, text), reason }
}

#[test]
fn what_ended_a_session_says_what_to_do() {
    let stage = Stage::Sender;
    let reply = |code| Reply::new(code, "x");
    let unexpected = || Error::Unexpected { stage, reply: reply(354) };
    let malformed = || ReplyError::Malformed { excerpt: "x".into() };
    let challenge = Error::Challenge { mechanism: Mechanism::Plain, error: ChallengeError::TooMany };
    let rows = [
        (refused(535, "5.7.3 no", false), "auth", Some(535), false),
        (refused(454, "4.7.0 x", false), "transient", Some(454), false),
        (refused(454, "4.7.0 x", true), "auth transient", Some(454), false),
        (Error::NoMechanism { offered: vec![] }, "auth", None, false),
        (Error::Refused { stage, reply: reply(554) }, "", Some(554), false),
        (Error::Refused { stage, reply: reply(450) }, "transient", Some(450), false),
        (Error::Closing { stage, reply: reply(421) }, "transient", Some(421), false),
        (Error::Closed { stage }, "transient", None, false),
        (Error::BytesBeforeTls, "protocol", None, false),
        (Error::Reply { stage, error: malformed() }, "protocol", None, true),
        (unexpected(), "protocol", Some(354), false),
        (challenge, "protocol", None, true),
        (Error::OutcomeUnknown { cause: Box::new(unexpected()) }, "unknown", Some(354), true),
        (Error::StartTlsMissing, "", None, false),
        (Error::Abandoned, "", None, false),
        (Error::Misuse(Misuse::Over), "", None, false),
    ];
    for (error, want, code, has_source) in rows {
        let found = [
            ("auth", error.is_auth()),
            ("transient", error.is_transient()),
            ("protocol", error.is_protocol()),
            ("unknown", error.is_outcome_unknown()),
        ];
        let found: vec::Vec<_> = found.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        assert_eq!(found.join(" "), want, "{error}");
        assert_eq!(error.reply().map(|reply| reply.code), code, "{error}");
        assert_eq!(error.source().is_some(), has_source, "{error}");
    }
    assert!(refused(454, "4.7.0 x", false).to_string().contains("could not check the credentials now"));
    assert!(refused(454, "4.7.0 x", true).to_string().contains("did not accept the credentials"));
}

#[test]
fn problems_and_waits_are_found_behind_errors_and_refusals() {
    let throttled = || Reply::new(421, "4.7.0 Too many login attempts, try again in 60 seconds");
    let wait = Some(Duration::from_secs(60));
    let error = Error::Closing { stage: Stage::Auth, reply: throttled() };
    assert_eq!((error.problem(), error.retry_after()), (Some(Problem::Throttled { wait }), wait));
    assert_eq!(Error::StartTlsMissing.problem(), None);
    let refusal = Refusal::Recipients { refused: vec![("a@x".into(), throttled())] };
    assert_eq!((refusal.problem(), refusal.retry_after()), (Some(Problem::Throttled { wait }), wait));
    // What is no refusal has no problem, and what is for good no time.
    assert_eq!(Reply::new(399, "rate limit").problem(), None);
    assert!(Reply::new(400, "4.7.0 rate limit exceeded").problem().is_some());
    assert_eq!(Reply::new(550, "try again in 60 seconds").retry_after(), None);

    let transient = [
        Problem::AuthUnavailable,
        Problem::Throttled { wait: None },
        Problem::TooManyConnections,
        Problem::QuotaExceeded,
        Problem::Unavailable,
    ];
    let lasting =
        [Problem::AuthRefused, Problem::SubmissionDisabled, Problem::TooLarge, Problem::SenderRefused];
    assert!(transient.iter().all(|problem| problem.is_transient()));
    assert!(!lasting.iter().any(|problem| problem.is_transient()));
}

#[test]
fn a_refusal_says_whether_it_passes() {
    let reply = |code| Reply::new(code, "x");
    let recipients = |codes: &[u16]| Refusal::Recipients {
        refused: codes.iter().map(|code| ("a@x".into(), reply(*code))).collect(),
    };
    let rows = [
        (Refusal::Sender { reply: reply(450) }, true, false),
        (Refusal::Sender { reply: reply(550) }, false, false),
        (Refusal::Sender { reply: reply(530) }, false, true),
        (Refusal::Message { reply: reply(451) }, true, false),
        (recipients(&[550, 450]), true, false),
        (recipients(&[550, 551]), false, false),
        (recipients(&[530]), false, true),
        (Refusal::TooManyMessages { limit: 1 }, true, false),
        (Refusal::TooLarge { size: 2, limit: 1 }, false, false),
    ];
    for (refusal, transient, auth) in rows {
        assert_eq!((refusal.is_transient(), refusal.is_auth()), (transient, auth), "{refusal}");
    }
}

#[test]
fn an_envelope_id_is_printable_and_not_long() {
    let check = |id: &str| Dsn { envelope_id: Some(id.into()), ..Dsn::default() }.check().is_ok();
    for (id, want) in [
        ("QQ314159", true),
        ("a b", true),
        (&"x".repeat(100), true),
        (&"x".repeat(101), false),
        ("", false),
        ("a\nb", false),
        ("ü", false),
        ("~", true),
        ("\u{7f}", false),
    ] {
        assert_eq!(check(id), want, "{id:?}");
    }
}

#[test]
fn a_piece_is_what_was_declared() {
    let plain = || Envelope::new("a@x", ["b@y"]);
    let mut declared = [plain(), plain(), plain()];
    declared[0].eight_bit = true;
    declared[1].smtp_utf8 = true;
    declared[2].binary = true;
    assert!(plain().may_hold(b"ascii") && !plain().may_hold(b"\xff"));
    for envelope in declared {
        assert!(envelope.may_hold(b"ascii") && envelope.may_hold(b"\xff"), "{envelope:?}");
    }
}
