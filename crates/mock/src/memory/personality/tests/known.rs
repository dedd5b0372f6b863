//! Each mistake of a server on the list "quirks", and where it is played.

use std::{collections::BTreeSet, path::Path};

use super::{
    super::Personality::{self, Dovecot, Exchange, Gmail, NetEase, Qq, Yahoo},
    IMAP, OPEN, POP3, Row, SMTP, a_message_of_a_dot, a_thousand_messages_and_octets, a_throttled_success,
    an_argument_of_64_kib, news_at_idle, what_each_limit_is, what_is_sent_is_kept,
    what_submission_offers_before_and_after_tls,
};
use crate::memory::Fault;

/// Where a mistake is played.
enum At {
    /// By this personality: a row of the tables has these words for it.
    Row(Personality, &'static str),
    /// By a personality, in a test of its own.
    Test(fn()),
    /// By `--fault`, as it does not happen always.
    Fault(&'static str),
    /// Not by the mock, for this reason; a transcript in `tests/transcripts` plays it for the client.
    Transcript(&'static str, &'static str),
    /// Nowhere, for this reason.
    Not(&'static str),
}

use At::{Fault as ByFault, Not, Row as ByRow, Test as ByTest, Transcript as ByTranscript};

/// The server is none of the six.
const OTHER: &str = "no personality: a user of that server is rare, and one answer of it is known";
/// The octets are known, and what brings them about is not.
const WHEN: &str = "nobody knows when the server does it";

const KNOWN: &[(&str, At)] = &[
    ("Exchange: STATUS with a space at the end", ByRow(Exchange, "a space at the end")),
    ("Exchange: \"inline\" alone", ByRow(Exchange, "a bare disposition")),
    ("Exchange: (NIL NIL)", ByRow(Exchange, "a disposition of nothing")),
    ("Exchange: a stray string in a multipart", ByRow(Exchange, "a string in a multipart")),
    ("Exchange: COPYUID without * OK", ByRow(Exchange, "a code without a status")),
    ("Exchange: TAB in a name of LIST", ByRow(Exchange, "TAB in a name, unquoted")),
    ("Exchange: .MISSING-HOST-NAME.", ByRow(Exchange, "a name without an address")),
    ("Exchange: FETCH without a line", ByRow(Exchange, "a UID without a line")),
    ("Exchange: SEARCH finds what FETCH has not", ByTranscript("exchange/imap-missing-message", WHEN)),
    (
        "Exchange: a text in place of the message",
        ByRow(Exchange, "a text that stands for the message comes as one"),
    ),
    ("Exchange: RFC822.SIZE is a guess", ByRow(Exchange, "a size is a guess, and the literal is not")),
    ("Exchange: a line without tag and star", ByFault("bare-server-unavailable")),
    ("Exchange: ID () is an error", ByRow(Exchange, "an empty list is an error")),
    ("Exchange: EXISTS before the + of IDLE", ByTest(news_at_idle)),
    ("Exchange: a failure in an OK", ByFault("wrong-server")),
    ("Exchange: SEARCH in US-ASCII", ByRow(Exchange, "SEARCH is US-ASCII only; errors")),
    ("Exchange: SEARCH LARGER by its own size", ByRow(Exchange, "LARGER is by that size")),
    (
        "Exchange: SEARCH KEYWORD for $MDNSent alone",
        Not("what it answers to other keywords is not documented"),
    ),
    ("Exchange: UID 0", ByTranscript("exchange/imap-zero", WHEN)),
    ("Exchange 2003: NAMESPACE is wrong", Not("its octets are not known, and support ended in 2014")),
    (
        "Exchange 2003: +OK for a challenge",
        ByTranscript("exchange/pop3-ok-for-challenge", "support ended in 2014"),
    ),
    ("Gmail: HIGHESTMODSEQ without a text", ByRow(Gmail, "a code without a text")),
    ("Gmail: multiparts of one boundary", ByRow(Gmail, "a multipart of the same boundary")),
    ("Gmail: a multipart with an attachment's disposition", ByRow(Gmail, "a multipart without parts")),
    ("Gmail: (\"ALTERNATIVE\")", ByRow(Gmail, "and in BODY")),
    ("Gmail: THROTTLED in an OK", ByTest(a_throttled_success)),
    ("Gmail: 15 connections", ByTest(what_each_limit_is)),
    (
        "Gmail: labels as folders",
        ByTranscript(
            "gmail/imap-labels",
            "a message of the mock's mailbox is in one folder; COPY makes it two",
        ),
    ),
    ("Gmail: what is sent is kept", ByTest(what_is_sent_is_kept)),
    ("Gmail: a name in UTF-8 is refused", ByRow(Gmail, "a name in UTF-8 is refused")),
    ("Yahoo: SEARCH with a space at the end", ByRow(Yahoo, "a space at the end")),
    ("Yahoo: undisclosed-recipients as a mailbox", ByRow(Yahoo, "undisclosed")),
    ("Yahoo: HIGHESTMODSEQ without a text", ByRow(Yahoo, "a code without a text")),
    ("Yahoo: the inbox is Inbox", ByRow(Yahoo, "the name of the inbox")),
    ("Yahoo: MESSAGELIMIT, and lines of 1,000 octets", ByTest(a_thousand_messages_and_octets)),
    ("Yahoo: UIDONLY, PARTIAL", Not("no mistakes, and nothing changes for who does not ask for them")),
    ("iCloud: RFC822 without a literal", ByTranscript("icloud/imap-fetch", OTHER)),
    ("iCloud: ENABLE without ENABLED, the local part is the login", Not(OTHER)),
    ("QQ: a space in FETCH", ByRow(Qq, "a space at the end")),
    ("QQ: a backslash before the last quote", ByRow(Qq, "a backslash before the last quote")),
    ("QQ: 9 fields of 10", ByRow(Qq, "9 fields of 10")),
    ("QQ: a set that goes down", ByRow(Qq, "a set that goes down")),
    ("QQ: CAPABILITY with a space at the end", ByRow(Qq, "a space behind CAPABILITY")),
    ("QQ: quotes that are not escaped", ByRow(Qq, "quotes that are not escaped")),
    ("NetEase: no folder before ID", ByRow(NetEase, "no folder without ID; errors 76")),
    ("NetEase: an empty list in STATUS", ByRow(NetEase, "an empty list")),
    ("Dovecot: 64 KiB of a line", ByTest(an_argument_of_64_kib)),
    ("Dovecot: mail_max_userip_connections", ByTest(what_each_limit_is)),
    ("Dovecot: -1 lines", ByRow(Dovecot, "-1 lines")),
    ("Courier: * 0 FETCH", ByTranscript("courier/imap-store", OTHER)),
    ("Courier: tokens of 16 KiB, INBOX. before names", Not(OTHER)),
    ("Cyrus: SEARCH for ESEARCH", ByTranscript("cyrus/imap-esearch", OTHER)),
    ("Domino: parentheses, delimiter, date", ByTranscript("domino/imap-fetch", OTHER)),
    ("mail.ru: NIL and fractions", ByTranscript("mailru/imap-structures", OTHER)),
    ("Yandex: a section without a content", ByTranscript("yandex/imap-empty-part", OTHER)),
    ("Yandex: BYE is repeated", ByTranscript("yandex/imap-bye", OTHER)),
    ("Yandex: Autologout", ByFault("idle-closed")),
    ("Zoho: MODSEQ -1", ByTranscript("zoho/imap-select", OTHER)),
    ("SurgeMail: a space in FLAGS", ByTranscript("surgemail/imap-select", OTHER)),
    ("hMailServer: a wrong size", ByTranscript("hmailserver/imap-fetch", OTHER)),
    ("GMX: ID () and ID NIL differ", Not(OTHER)),
    ("Strato: LIST without INBOX", ByTranscript("strato/imap-list", OTHER)),
    ("Proton Bridge: XSTOP", ByTranscript("proton/imap-session", OTHER)),
    ("grommunio: limits of literals", Not("its octets are not known")),
    ("GreenMail: SEARCH with a space", ByTranscript("greenmail/imap-fetch", OTHER)),
    ("any: UIDVALIDITY 0", ByTranscript("unnamed/imap-validity", "no server is named for it")),
    ("SMTP: AUTH differs before and after TLS", ByTest(what_submission_offers_before_and_after_tls)),
    ("SMTP, Gmail: the reason wants an empty line", ByRow(Gmail, "an empty line is wanted; errors 112")),
    ("SMTP, Gmail: 535-5.7.8 in lines", ByRow(Gmail, "an empty line is wanted; errors 112")),
    ("SMTP, Exchange: host, date and id", ByRow(Exchange, "host, date and id; dialogue, errors 78")),
    ("SMTP, NetEase: AUTH=LOGIN", ByRow(NetEase, "AUTH with =")),
    ("SMTP, QQ: AUTH=LOGIN", ByRow(Qq, "AUTH with =")),
    (
        "SMTP, Exchange 2003: AUTH=LOGIN alone",
        ByTranscript("exchange/smtp-auth-equals", "support ended in 2014"),
    ),
    ("SMTP, High Volume Email: 501 5.5.124", ByFault("smtp-high-volume-address")),
    (
        "POP3: UIDL in another order, one id twice",
        Not("no server is named for it; a script plays it to the program in `tests/cli/pop.rs`"),
    ),
    ("POP3: TOP counts lines differently", Not("no server is named for it, nor how it counts")),
    (
        "POP3, Gmail: recent:",
        Not("it shows again what was fetched, and the mock's inbox hides nothing that was fetched"),
    ),
    ("POP3: a line of one dot", ByTest(a_message_of_a_dot)),
    (
        "POP3, Exchange: closed after one refusal",
        ByRow(Exchange, "closed after one refusal; dialogue, errors 114"),
    ),
];

#[test]
fn each_known_mistake_is_played_or_there_is_a_reason() {
    let rows: Vec<&Row> = [IMAP, OPEN, SMTP, POP3].into_iter().flatten().collect();
    let has = |personality, words: &str| {
        let source = format!("quirks: {words}");
        rows.iter().any(|row| row.0 == personality && row.1 == source)
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
    for (name, at) in KNOWN {
        let is_there = match at {
            ByRow(personality, words) => has(*personality, words),
            ByTest(test) => {
                test();
                true
            }
            ByFault(fault) => Fault::find(fault).is_some(),
            ByTranscript(file, reason) => folder.join(format!("{file}.txt")).is_file() && !reason.is_empty(),
            Not(reason) => !reason.is_empty(),
        };
        assert!(is_there, "{name}");
    }
    let names: BTreeSet<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), KNOWN.len());
    // And each row that is about the list belongs to an entry of it, or shows that another provider is correct.
    let correct = ["no space at the end", "a set that goes down is none", "a space where none is found"];
    for row in rows {
        let Some(words) = row.1.strip_prefix("quirks: ") else { continue };
        let is_known = KNOWN
            .iter()
            .any(|(_, at)| matches!(at, ByRow(personality, own) if *personality == row.0 && *own == words));
        assert!(is_known || correct.contains(&words), "{} {words}", row.0);
    }
}
