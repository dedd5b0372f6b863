use alloc::{string::String, vec::Vec};
use std::{format, thread, vec};

use mailbearer_wire::RecvBuf;
use proptest::prelude::*;

use super::*;
use crate::{Code, Data, Framer, Item, Piece, server::encode_response};

mod found;
mod spaced;
mod strangers;

fn parse(input: &[u8]) -> Result<Response<'_>, ParseError> {
    parse_response(input, &Limits::default(), &Quirks::default())
}

fn strict(input: &[u8]) -> Result<Response<'_>, ParseError> {
    parse_response(input, &Limits::default(), &Quirks::NONE)
}

/// Returns the only response in `input`, which is framed `chunk` octets at a time.
fn framed(input: &[u8], chunk: usize) -> Vec<u8> {
    let (mut framer, mut rx) = (Framer::new(&Limits::default()), RecvBuf::with_limit(1 << 20));
    let mut found = Vec::new();
    for piece in input.chunks(chunk) {
        rx.extend(piece).unwrap();
        while let Some(piece) = framer.next(&mut rx).unwrap() {
            let Piece::Response(frame) = piece else { panic!("streamed") };
            found.push(frame.octets().to_vec());
        }
    }
    assert!(rx.unread().is_empty() && found.len() == 1, "{}", input.escape_ascii());
    found.concat()
}

fn printed(response: &Response<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_response(response, &mut out);
    out
}

/// Responses from RFC 9051, RFC 3501 and the RFCs of the extensions, and what they parse to.
///
/// Each is legal: it parses without quirks, is one frame however it arrives, and comes back from the encoder as it was,
/// or as something that parses to the same.
const LEGAL: &[(&str, &str)] = &[
    // RFC 9051 section 7.1
    (
        "* OK IMAP4rev2 server ready\r\n",
        "Untagged(Status(StatusLine { status: Ok, code: None, text: \"IMAP4rev2 server ready\" }))",
    ),
    (
        "* OK [ALERT] System shutdown in 10 minutes\r\n",
        "code: Some(Alert), text: \"System shutdown in 10 minutes\"",
    ),
    (
        "A001 OK LOGIN Completed\r\n",
        "Tagged { tag: \"A001\", line: StatusLine { status: Ok, code: None, text: \"LOGIN Completed\" } }",
    ),
    ("* NO Disk is 98% full, please delete unnecessary data\r\n", "status: No"),
    ("* BAD Disk crash, attempting salvage to a new disk!\r\n", "status: Bad"),
    ("* PREAUTH IMAP4rev2 server logged in as Smith\r\n", "status: PreAuth"),
    ("* BYE Autologout; idle for too long\r\n", "status: Bye"),
    ("B202 NO [ALREADYEXISTS] Mailbox \"that\" already exists\r\n", "Some(AlreadyExists)"),
    ("C202 NO [AUTHENTICATIONFAILED] no\r\n", "Some(AuthenticationFailed)"),
    ("D NO [AUTHORIZATIONFAILED] no\r\n", "Some(AuthorizationFailed)"),
    ("E NO [CANNOT] no\r\n", "Some(Cannot)"),
    ("* OK [CLIENTBUG] You are not expecting this\r\n", "Some(ClientBug)"),
    ("* OK [CLOSED] Previous mailbox closed\r\n", "Some(Closed)"),
    ("F OK [CONTACTADMIN] x\r\n", "Some(ContactAdmin)"),
    ("G NO [CORRUPTION] x\r\n", "Some(Corruption)"),
    ("H NO [EXPIRED] That password isn't valid any more\r\n", "Some(Expired)"),
    ("I NO [EXPUNGEISSUED] x\r\n", "Some(ExpungeIssued)"),
    ("J NO [HASCHILDREN] x\r\n", "Some(HasChildren)"),
    ("K NO [INUSE] x\r\n", "Some(InUse)"),
    ("L NO [LIMIT] x\r\n", "Some(Limit)"),
    ("M NO [NONEXISTENT] No such destination folder\r\n", "Some(Nonexistent)"),
    ("N NO [NOPERM] Access denied\r\n", "Some(NoPerm)"),
    ("O NO [OVERQUOTA] Sorry\r\n", "Some(OverQuota)"),
    ("* OK [PARSE] x\r\n", "Some(Parse)"),
    ("* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\n", "PermanentFlags([Deleted, Seen, Any])"),
    ("* OK [PERMANENTFLAGS ()] none\r\n", "PermanentFlags([])"),
    ("P NO [PRIVACYREQUIRED] Connection offers no privacy\r\n", "Some(PrivacyRequired)"),
    ("Q OK [READ-ONLY] x\r\n", "Some(ReadOnly)"),
    ("Q OK [READ-WRITE] SELECT completed\r\n", "Some(ReadWrite)"),
    ("R NO [SERVERBUG] x\r\n", "Some(ServerBug)"),
    ("S NO [TRYCREATE] x\r\n", "Some(TryCreate)"),
    ("* OK [UIDNEXT 4392] Predicted next UID\r\n", "Some(UidNext(4392))"),
    ("* NO [UIDNOTSTICKY] Non-persistent UIDs\r\n", "Some(UidNotSticky)"),
    ("* OK [UIDVALIDITY 3857529045] UIDs valid\r\n", "Some(UidValidity(3857529045))"),
    ("T NO [UNAVAILABLE] User's backend down for maintenance\r\n", "Some(Unavailable)"),
    ("U NO [UNKNOWN-CTE] x\r\n", "Some(UnknownCte)"),
    ("V OK [APPENDUID 38505 3955] APPEND completed\r\n", "AppendUid { validity: 38505, uids: 3955 }"),
    (
        "V OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n",
        "CopyUid { validity: 38505, from: 304,319:320, to: 3956:3958 }",
    ),
    ("* NO [BADCHARSET (UTF-8 \"ISO-8859-1\")] x\r\n", "BadCharset([\"UTF-8\", \"ISO-8859-1\"])"),
    ("* NO [BADCHARSET] x\r\n", "BadCharset([])"),
    (
        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n",
        "Capability([Imap4Rev1, SaslIr, Auth(XOAUTH2)])",
    ),
    ("* OK [UNSEEN 12] Message 12 is first unseen\r\n", "Unseen(12)"),
    ("* OK [HIGHESTMODSEQ 715194045007]\u{20}x\r\n", "HighestModSeq(715194045007)"),
    ("* OK [NOMODSEQ] Sorry\r\n", "NoModSeq"),
    ("d OK [MODIFIED 7,9] Conditional STORE failed\r\n", "Modified(7,9)"),
    ("* OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Ok\r\n", "MailboxId("),
    ("* NO [REFERRAL IMAP://user;AUTH=*@server2/] try\r\n", "Referral("),
    ("a NO [TOOBIG] APPEND too large\r\n", "TooBig"),
    ("a NO [USEATTR] \\All not supported\r\n", "UseAttr"),
    ("a NO [NOTSAVED] x\r\n", "NotSaved"),
    ("a NO [COMPRESSIONACTIVE] x\r\n", "CompressionActive"),
    ("* BAD [UIDREQUIRED] x\r\n", "UidRequired"),
    ("a OK [MESSAGELIMIT 1000] x\r\n", "MessageLimit { limit: 1000, lowest: None }"),
    ("a OK [MESSAGELIMIT 1000 23221] x\r\n", "MessageLimit { limit: 1000, lowest: Some(23221) }"),
    (
        "* OK [X-OWN a b {3}] text {4}\r\n",
        "Other { name: \"X-OWN\", rest: \"a b {3}\" }), text: \"text {4}\"",
    ),
    ("* OK [X-OWN] text [ALERT]\r\n", "Other { name: \"X-OWN\", rest: \"\" }), text: \"text [ALERT]\""),
    ("* OK text [ALERT]\r\n", "code: None, text: \"text [ALERT]\""),
    // section 7.2
    (
        "* CAPABILITY STARTTLS AUTH=GSSAPI IMAP4rev2 LOGINDISABLED XPIG-LATIN\r\n",
        "Capability([StartTls, Auth(GSSAPI), Imap4Rev2, LoginDisabled, Other(XPIG-LATIN)])",
    ),
    ("* ENABLED CONDSTORE QRESYNC\r\n", "Enabled([CondStore, QResync])"),
    // section 7.3
    (
        "* LIST (\\Noselect) \"/\" ~/Mail/foo\r\n",
        "List(Listed { attributes: [System(Noselect)], delimiter: Some('/'), mailbox: \"~/Mail/foo\", extended: \"\" })",
    ),
    ("* LIST () NIL INBOX\r\n", "delimiter: None, mailbox: \"INBOX\""),
    ("* LIST () \"\\\\\" \"a\\\\b\"\r\n", "delimiter: Some('\\\\'), mailbox: \"a\\\\b\""),
    ("* LIST () \"/\" {4}\r\na\"b)\r\n", "mailbox: \"a\\\"b)\""),
    ("* LIST () \"/\" \"&U,BTFw-/&ZeVnLIqe-\"\r\n", "mailbox: \"台北/日本語\""),
    (
        "* LIST (\\Subscribed \\NonExistent) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
        "extended: \"(\\\"CHILDINFO\\\" (\\\"SUBSCRIBED\\\"))\"",
    ),
    (
        "* LIST (\\NoSelect) \"/\" \"\" (OLDNAME (\"x y\"))\r\n",
        "mailbox: \"\", extended: \"(OLDNAME (\\\"x y\\\"))\"",
    ),
    (
        "* LSUB (\\NoSelect) \".\" #news.comp.mail\r\n",
        "Lsub(Listed { attributes: [System(NoSelect)], delimiter: Some('.'), mailbox: \"#news.comp.mail\"",
    ),
    (
        "* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) NIL\r\n",
        "Namespace { personal: [Namespace { prefix: \"\", delimiter: Some(47), extensions: [] }], other: [Namespace { prefix: \"~\", delimiter: Some(47), extensions: [] }], shared: [] }",
    ),
    (
        "* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) NIL NIL\r\n",
        "personal: [Namespace { prefix: \"\", delimiter: Some(47), extensions: [] }, Namespace { prefix: \"#mh/\", delimiter: Some(47), extensions: [(\"X-PARAM\", \"(\\\"FLAG1\\\" \\\"FLAG2\\\")\")] }]",
    ),
    (
        "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n",
        "MailboxStatus { mailbox: \"blurdybloop\", items: [Messages(231), UidNext(44292)] }",
    ),
    (
        "* STATUS \"a b\" (RECENT 1 UIDVALIDITY 2 UNSEEN 3 DELETED 4 SIZE 5000000000 HIGHESTMODSEQ 6 APPENDLIMIT NIL MAILBOXID (F2-a) X-NEW (a \"b\"))\r\n",
        "items: [Recent(1), UidValidity(2), Unseen(3), Deleted(4), Size(5000000000), HighestModSeq(6), AppendLimit(None), MailboxId(\"F2-a\"), Other { name: \"X-NEW\", value: \"(a \\\"b\\\")\" }]",
    ),
    (
        "* ESEARCH (TAG \"h\") UID MIN 7 MAX 3800 COUNT 5\r\n",
        "Esearch(Esearch { tag: Some(\"h\"), correlators: [], uid: true, min: Some(7), max: Some(3800), all: None, count: Some(5)",
    ),
    ("* ESEARCH (TAG \"a567\") UID COUNT 17 ALL 4:18,21,28\r\n", "all: Some(4:18,21,28), count: Some(17)"),
    ("* ESEARCH\r\n", "Esearch { tag: None, correlators: [], uid: false, min: None"),
    (
        "* ESEARCH (TAG \"t\" MAILBOX \"a b\" UIDVALIDITY 1) UID ALL 4001,4003\r\n",
        "tag: Some(\"t\"), correlators: [(\"MAILBOX\", \"\\\"a b\\\"\"), (\"UIDVALIDITY\", \"1\")], uid: true, min: None, \
         max: None, all: Some(4001,4003), count: None, mod_seq: None, partial: None, other: []",
    ),
    (
        "* ESEARCH (TAG \"A01\") UID PARTIAL (-1:-100 200:250,252:300) X (1 2)\r\n",
        "partial: Some((\"-1:-100\", Some(200:250,252:300))), other: [(\"X\", \"(1 2)\")]",
    ),
    (
        "* ESEARCH (TAG \"A01\") PARTIAL (1:500 NIL) MODSEQ 12\r\n",
        "mod_seq: Some(12), partial: Some((\"1:500\", None))",
    ),
    ("* SEARCH 2 3 6\r\n", "Search(Found { numbers: [2, 3, 6], mod_seq: None })"),
    ("* SEARCH\r\n", "numbers: []"),
    ("* SEARCH 2 5 (MODSEQ 917162500)\r\n", "numbers: [2, 5], mod_seq: Some(917162500)"),
    ("* SORT 5 3 4294967295\r\n", "Sort(Found { numbers: [5, 3, 4294967295]"),
    (
        "* THREAD (2)(3 6 (4 23)(44 7 96))\r\n",
        "Thread([ThreadMember { message: Some(2), level: 0 }, ThreadMember { message: Some(3), level: 0 }, ThreadMember { message: Some(6), level: 1 }, ThreadMember { message: Some(4), level: 2 }, ThreadMember { message: Some(23), level: 3 }, ThreadMember { message: Some(44), level: 2 }, ThreadMember { message: Some(7), level: 3 }, ThreadMember { message: Some(96), level: 4 }])",
    ),
    (
        "* THREAD ((3)(5))\r\n",
        "[ThreadMember { message: None, level: 0 }, ThreadMember { message: Some(3), level: 1 }, ThreadMember { message: Some(5), level: 1 }]",
    ),
    ("* THREAD\r\n", "Thread([])"),
    (
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $MDNSent)\r\n",
        "Flags([Answered, Flagged, Deleted, Seen, Draft, Keyword($MDNSent)])",
    ),
    (
        "* FLAGS (\\Seenx \\Recently \\Deletedx \\Flagge \\Answeredd \\Seen)\r\n",
        "Flags([System(Seenx), System(Recently), System(Deletedx), System(Flagge), System(Answeredd), Seen])",
    ),
    // section 7.4
    ("* 23 EXISTS\r\n", "Exists(23)"),
    ("* 5 RECENT\r\n", "Recent(5)"),
    ("* 44 EXPUNGE\r\n", "Expunge(44)"),
    ("* VANISHED (EARLIER) 41,43:116,118\r\n", "Vanished { earlier: true, uids: 41,43:116,118 }"),
    ("* VANISHED 1:4294967295\r\n", "Vanished { earlier: false, uids: 1:4294967295 }"),
    // section 7.5
    (
        "* 23 FETCH (FLAGS (\\Seen) RFC822.SIZE 44827)\r\n",
        "Fetch(Fetch { number: 23, items: [Flags([Seen]), Size(44827)] })",
    ),
    (
        "* 1 FETCH (FLAGS () UID 7 MODSEQ (12121130956) EMAILID (M6d99) THREADID NIL SAVEDATE NIL PREVIEW \"a\" BINARY.SIZE[1.2] 30)\r\n",
        "items: [Flags([]), Uid(7), ModSeq(12121130956), EmailId(\"M6d99\"), ThreadId(None), SaveDate(None), Preview(Some(\"a\")), BinarySize { part: \"1.2\", size: 30 }]",
    ),
    (
        "* 1 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" SAVEDATE \" 1-Jul-1996 02:44:25 +0000\")\r\n",
        "offset_minutes: -420",
    ),
    (
        "* 12 FETCH (BODY[HEADER] {5}\r\na: b\n)\r\n",
        "Body { section: Section { part: \"\", of: Header }, origin: None, data: Some(\"a: b\\n\") }",
    ),
    ("* 12 FETCH (BODY[] {6}\r\na)\r\n b)\r\n", "of: Whole }, origin: None, data: Some(\"a)\\r\\n b\")"),
    (
        "* 12 FETCH (BODY[1.2.HEADER.FIELDS (DATE \"FROM\")]<10> \"x\" BODY[3.MIME] NIL BODY[TEXT]<0> \"\")\r\n",
        "Section { part: \"1.2\", of: Fields([\"DATE\", \"FROM\"]) }, origin: Some(10), data: Some(\"x\") }, Body { section: Section { part: \"3\", of: Mime }, origin: None, data: None }, Body { section: Section { part: \"\", of: Text }, origin: Some(0), data: Some(\"\") }",
    ),
    (
        "* 12 FETCH (BINARY[1]<3> ~{3}\r\na\0b BINARY[2] \"x\")\r\n",
        "Binary { part: \"1\", origin: Some(3), data: Some(\"a\\0b\") }, Binary { part: \"2\", origin: None, data: Some(\"x\") }",
    ),
    (
        "* 12 FETCH (RFC822 {1}\r\na RFC822.HEADER \"b\" RFC822.TEXT NIL)\r\n",
        "Rfc822(Some(\"a\")), Rfc822Header(Some(\"b\")), Rfc822Text(None)",
    ),
    (
        "* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-THRID 1266894439832287888 X-GM-LABELS (\"\\\\Inbox\" \"Muy Importante\"))\r\n",
        "GmailMessageId(1278455344230334865), GmailThreadId(1266894439832287888), GmailLabels([\"\\\\Inbox\", \"Muy Importante\"])",
    ),
    (
        "* 1 FETCH (X-NEW[1 (a b)]<3> (a (b \")\") {1}\r\n)) X-OTHER nothing)\r\n",
        "Other { name: \"X-NEW[1 (a b)]<3>\", value: \"(a (b \\\")\\\") {1}\\r\\n))\" }, Other { name: \"X-OTHER\", value: \"nothing\" }",
    ),
    ("* 25900 UIDFETCH (FLAGS (\\Seen))\r\n", "UidFetch(Fetch { number: 25900"),
    (
        "* 12 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg\" ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) NIL NIL ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL NIL \"<B27397-0100000@cac.washington.edu>\"))\r\n",
        "Envelope(Envelope { date: Some(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\"), subject: Some(\"IMAP4rev2 WG mtg\"), from: [Address { name: Some(\"Terry Gray\"), route: None, mailbox: Some(\"gray\"), host: Some(\"cac.washington.edu\") }], sender: [], reply_to: [], to: [Address { name: None, route: None, mailbox: Some(\"minutes\"), host: Some(\"CNRI.Reston.VA.US\") }, Address { name: Some(\"John Klensin\"), route: None, mailbox: Some(\"KLENSIN\"), host: Some(\"MIT.EDU\") }], cc: [], bcc: [], in_reply_to: None, message_id: Some(\"<B27397-0100000@cac.washington.edu>\") })",
    ),
    // Escapes in each field of an address, and in none of the next.
    (
        "* 1 FETCH (ENVELOPE (NIL NIL ((\"a\\\\\" \"@b\\\"\" \"c\\\"\" \"d\\\\e\")(\"f\" NIL \"g\" \"h\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
        "from: [Address { name: Some(\"a\\\\\"), route: Some(\"@b\\\"\"), mailbox: Some(\"c\\\"\"), host: Some(\"d\\\\e\") }, Address { name: Some(\"f\"), route: None, mailbox: Some(\"g\"), host: Some(\"h\") }]",
    ),
    (
        "* 1 FETCH (ENVELOPE (NIL {4}\r\na\"\r\n ((\"\\\"Q\\\"\" NIL {1}\r\na NIL)) NIL NIL ((NIL NIL \"group\" NIL)(NIL NIL NIL NIL)) NIL NIL \"<a>\" NIL))\r\n",
        "subject: Some(\"a\\\"\\r\\n\"), from: [Address { name: Some(\"\\\"Q\\\"\"), route: None, mailbox: Some(\"a\"), host: None }], sender: [], reply_to: [], to: [Address { name: None, route: None, mailbox: Some(\"group\"), host: None }, Address { name: None, route: None, mailbox: None, host: None }]",
    ),
    (
        "* 1 FETCH (BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92))\r\n",
        "BodyStructure { extended: false, structure: Single(SinglePart { media: \"TEXT\", subtype: \"PLAIN\", parameters: [Param { name: \"CHARSET\", value: Some(\"US-ASCII\") }], id: None, description: None, encoding: \"7BIT\", octets: 3028, lines: Some(92), message: None, md5: None, extension: Extension { disposition: None, languages: [], location: None } }) }",
    ),
    (
        "* 1 FETCH (BODY ((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") \"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4554 73) \"MIXED\"))\r\n",
        "description: Some(\"Compiler diff\"), encoding: \"BASE64\", octets: 4554, lines: Some(73)",
    ),
    (
        "* 1 FETCH (BODYSTRUCTURE ((\"TEXT\" \"HTML\" NIL NIL NIL \"7BIT\" 1 2 NIL (\"inline\" NIL) (\"en\" \"de\") \"loc\")(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"8BIT\" 100 (NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"IMAGE\" \"PNG\" (\"NAME\" \"a b\") NIL NIL \"BASE64\" 5 NIL NIL NIL NIL) 9 \"md5\" (\"attachment\" (\"FILENAME\" \"a\")) \"en\" NIL) \"MIXED\" (\"BOUNDARY\" \"x\") NIL NIL NIL 1 (2 \"three\")))\r\n",
        "message: Some(Message { envelope: Envelope { date: None, subject: Some(\"inner\")",
    ),
    // Extensions
    (
        "* ID (\"name\" \"Cyrus\" \"version\" NIL)\r\n",
        "Id([Param { name: \"name\", value: Some(\"Cyrus\") }, Param { name: \"version\", value: None }])",
    ),
    ("* ID NIL\r\n", "Id([])"),
    (
        "* QUOTA \"\" (STORAGE 10 512 MESSAGE 20 100)\r\n",
        "Quota { root: \"\", resources: [QuotaResource { name: \"STORAGE\", usage: 10, limit: 512 }, QuotaResource { name: \"MESSAGE\", usage: 20, limit: 100 }] }",
    ),
    (
        "* QUOTAROOT INBOX \"\" \"#user/a\"\r\n",
        "QuotaRoot { mailbox: \"INBOX\", roots: [\"\", \"#user/a\"] }",
    ),
    ("* QUOTAROOT comp.mail.mime\r\n", "roots: []"),
    (
        "* ACL INBOX Fred rwipslxetad Chris lrswi\r\n",
        "Acl { mailbox: \"INBOX\", rights: [(\"Fred\", \"rwipslxetad\"), (\"Chris\", \"lrswi\")] }",
    ),
    (
        "* LISTRIGHTS ~/Mail/saved smith la r swicdkxte\r\n",
        "ListRights { mailbox: \"~/Mail/saved\", identifier: \"smith\", rights: [\"la\", \"r\", \"swicdkxte\"] }",
    ),
    ("* MYRIGHTS INBOX rwiptsldaex\r\n", "MyRights { mailbox: \"INBOX\", rights: \"rwiptsldaex\" }"),
    (
        "* METADATA \"INBOX\" (/private/comment \"My comment\" /shared/comment NIL)\r\n",
        "Metadata { mailbox: \"INBOX\", entries: [(\"/private/comment\", Some(\"My comment\")), (\"/shared/comment\", None)] }",
    ),
    (
        "* METADATA \"\" /shared/comment /private/vendor/x\r\n",
        "entries: [(\"/shared/comment\", None), (\"/private/vendor/x\", None)]",
    ),
    ("* LANGUAGE (EN \"de-DE\" i-default)\r\n", "Language([\"EN\", \"de-DE\", \"i-default\"])"),
    ("* XNEW a \"b {3}\"\r\n", "Other { number: None, keyword: \"XNEW\", rest: \"a \\\"b {3}\\\"\" }"),
    ("* 7 XNEW\r\n", "Other { number: Some(7), keyword: \"XNEW\", rest: \"\" }"),
    ("+ idling\r\n", "Continuation { code: None, text: \"idling\" }"),
    ("+ \r\n", "Continuation { code: None, text: \"\" }"),
    ("+ eyJzdGF0dXMiOiI0MDAifQ==\r\n", "text: \"eyJzdGF0dXMiOiI0MDAifQ==\""),
    ("+ [ALERT] x\r\n", "Continuation { code: Some(Alert), text: \"x\" }"),
];

#[test]
fn legal_responses_are_what_they_are() {
    for (input, want) in LEGAL {
        let response = strict(input.as_bytes()).unwrap_or_else(|error| panic!("{input}: {error}"));
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{input}\n{shown}");
        assert_eq!(parse(input.as_bytes()), Ok(response.clone()), "{input} with quirks");
        let again = printed(&response);
        assert_eq!(strict(&again), Ok(response), "{input} printed as {}", again.escape_ascii());
        for chunk in 1..=input.len() {
            assert_eq!(framed(input.as_bytes(), chunk), input.as_bytes(), "by {chunk}");
        }
        let bare = input.replace("\r\n", "\n");
        if !input.contains('{') {
            assert_eq!(
                format!("{:?}", parse(bare.as_bytes())),
                format!("{:?}", parse(input.as_bytes())),
                "bare LF"
            );
        }
    }
}

#[test]
fn a_part_of_the_grammar_finds_what_the_whole_does() {
    for (input, _) in LEGAL {
        let (octets, limits) = (input.as_bytes(), Limits::default());
        let of_messages = match strict(octets) {
            Ok(Response::Untagged(
                data @ (Data::Exists(_)
                | Data::Recent(_)
                | Data::Expunge(_)
                | Data::Fetch(_)
                | Data::UidFetch(_)
                | Data::Other { number: Some(_), .. }),
            )) => Some(data),
            _ => None,
        };
        let found = parse_summary_data(octets, &limits, &Quirks::NONE).unwrap();
        assert_eq!(found.map(summarised), of_messages.map(summarised), "{input}");
        let capabilities = match strict(octets) {
            Ok(Response::Untagged(Data::Capability(list))) => Some(list),
            Ok(Response::Tagged { line, .. } | Response::Untagged(Data::Status(line))) => match line.code {
                Some(Code::Capability(list)) => Some(list),
                _ => None,
            },
            _ => None,
        };
        assert_eq!(parse_capabilities(octets, &limits, &Quirks::NONE), capabilities, "{input}");
    }
    let cut = b"* 1 FETCH (UID 7\r\n";
    assert!(parse_summary_data(cut, &Limits::default(), &Quirks::default()).is_err());
}

/// Removes the items that a listing does not have.
fn summarised(mut data: Data<'_>) -> Data<'_> {
    if let Data::Fetch(fetch) | Data::UidFetch(fetch) = &mut data {
        fetch.items.retain(|item| {
            matches!(
                item,
                Item::Uid(_) | Item::Flags(_) | Item::Envelope(_) | Item::InternalDate(_) | Item::Size(_)
            )
        });
    }
    data
}

type Switch = fn(&mut Quirks);

/// Illegal responses that servers send, the quirk that tolerates them, and what they parse to.
const SEEN: &[(&str, Switch, &str, &str)] = &[
    ("Exchange", |quirks| quirks.spacing = false, "* STATUS INBOX (MESSAGES 0) \r\n", "items: [Messages(0)]"),
    ("Exmail", |quirks| quirks.spacing = false, "* 1 FETCH (UID 19436 )\r\n", "items: [Uid(19436)]"),
    ("Yahoo", |quirks| quirks.spacing = false, "* SEARCH 1 2 \r\n", "numbers: [1, 2]"),
    ("GreenMail", |quirks| quirks.spacing = false, "* SEARCH \r\n", "numbers: []"),
    (
        "SurgeMail",
        |quirks| quirks.spacing = false,
        "* 1 FETCH (FLAGS (\\Seen $Forwarded ))\r\n",
        "Flags([Seen, Keyword($Forwarded)])",
    ),
    (
        "Exmail",
        |quirks| quirks.spacing = false,
        "* CAPABILITY IMAP4 IMAP4rev1 \r\n",
        "Capability([Other(IMAP4), Imap4Rev1])",
    ),
    (
        "spaces",
        |quirks| quirks.spacing = false,
        "* 1  FETCH  ( UID  7  FLAGS  ( \\Seen ) )\r\n",
        "items: [Uid(7), Flags([Seen])]",
    ),
    (
        "any",
        |quirks| quirks.spacing = false,
        "* XNEW(a) b\r\n",
        "Other { number: None, keyword: \"XNEW\", rest: \"(a) b\" }",
    ),
    (
        "any",
        |quirks| quirks.spacing = false,
        "* 7 XNEW)\r\n",
        "Other { number: Some(7), keyword: \"XNEW\", rest: \")\" }",
    ),
    ("any", |quirks| quirks.spacing = false, "* FLAGS(\\Seen)\r\n", "Flags([Seen])"),
    ("any", |quirks| quirks.spacing = false, "* 1 FETCH(UID 1)\r\n", "items: [Uid(1)]"),
    (
        "any",
        |quirks| quirks.spacing = false,
        "* 1 FETCH (FLAGS() MODSEQ(7) EMAILID(M) PREVIEW\"x\" X-GM-LABELS(a) ENVELOPE(NIL NIL NIL NIL NIL NIL NIL NIL NIL \"<1>\") BODY(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2))\r\n",
        "[Flags([]), ModSeq(7), EmailId(\"M\"), Preview(Some(\"x\")), GmailLabels([\"a\"]), Envelope(Envelope {",
    ),
    (
        "addresses",
        |quirks| quirks.spacing = false,
        "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"b\" )  (NIL NIL \"c\" \"d\"))NIL NIL NIL NIL NIL NIL NIL))\r\n",
        "from: [Address { name: None, route: None, mailbox: Some(\"a\"), host: Some(\"b\") }, Address { name: None, route: None, mailbox: Some(\"c\"), host: Some(\"d\") }], sender: []",
    ),
    (
        "any",
        |quirks| quirks.spacing = false,
        "* ID (\"name\" \"x\" ) \r\n",
        "Id([Param { name: \"name\", value: Some(\"x\") }])",
    ),
    (
        "any",
        |quirks| quirks.eight_bit = false,
        "* FLAGS (\\Seen \u{e4}\u{f6})\r\n",
        "Flags([Seen, Keyword(\u{e4}\u{f6})])",
    ),
    ("Gmail", |quirks| quirks.missing_text = false, "a OK\r\n", "text: \"\""),
    ("any", |quirks| quirks.missing_text = false, "+\r\n", "Continuation { code: None, text: \"\" }"),
    (
        "Exchange",
        |quirks| quirks.bare_code = false,
        "[COPYUID 55 31 6]\r\n",
        "CopyUid { validity: 55, from: 31, to: 6 }",
    ),
    (
        "qiye.163",
        |quirks| quirks.stray_quote = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL \"\"\"\" \"7BIT\" 1 2))\r\n",
        "description: Some(\"\\\"\\\"\")",
    ),
    (
        "Exmail",
        |quirks| quirks.stray_quote = false,
        "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"sina.com\\\")) NIL NIL ((\"x\" NIL \"b\" \"c\")) NIL NIL NIL \"<1>\"))\r\n",
        "host: Some(\"sina.com\") }], sender: [], reply_to: [], to: [Address { name: Some(\"x\")",
    ),
    ("NetEase", |quirks| quirks.wrong_nil = false, "* LIST () \"\" INBOX\r\n", "delimiter: None"),
    ("any", |quirks| quirks.wrong_nil = false, "* FLAGS NIL\r\n", "Flags([])"),
    ("any", |quirks| quirks.wrong_nil = false, "* OK [PERMANENTFLAGS NIL] x\r\n", "PermanentFlags([])"),
    ("Yandex", |quirks| quirks.wrong_nil = false, "* 1 FETCH (UID 3 BODY[2] )\r\n", "data: None"),
    (
        "Exchange",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2 NIL \"inline\" NIL NIL))\r\n",
        "disposition: Some(Disposition { kind: \"inline\", parameters: [] })",
    ),
    (
        "Exchange",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" \"\" NIL NIL \"7BIT\" 1 2 NIL NIL NIL NIL))\r\n",
        "parameters: []",
    ),
    (
        "Exchange",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"x\") \"S/MIME Encrypted Message\" NIL))\r\n",
        "parameters: [Param { name: \"boundary\", value: Some(\"x\") }], extension: Extension { disposition: None",
    ),
    (
        "any",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL NIL 1 2))\r\n",
        "encoding: \"\"",
    ),
    (
        "any",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" NIL 2))\r\n",
        "octets: 0",
    ),
    (
        "any",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (ENVELOPE (NIL NIL () NIL NIL (NIL (NIL NIL \"a\" \"b\") NIL) NIL NIL NIL NIL))\r\n",
        "to: [Address { name: None, route: None, mailbox: Some(\"a\"), host: Some(\"b\") }], cc: []",
    ),
    (
        "Exmail",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL \"<1>\"))\r\n",
        "in_reply_to: None, message_id: Some(\"<1>\")",
    ),
    (
        "Exmail",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL \"<0>\" \"<1>\"))\r\n",
        "bcc: [], in_reply_to: Some(\"<0>\"), message_id: Some(\"<1>\")",
    ),
    (
        "any",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL \"<1>\" \"x\" (y)))\r\n",
        "message_id: Some(\"<1>\")",
    ),
    (
        "any",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (ENVELOPE (NIL NIL ((NIL \"a\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
        "from: [Address { name: None, route: Some(\"a\"), mailbox: None, host: None }]",
    ),
    (
        "Gmail",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (BODYSTRUCTURE ((\"ALTERNATIVE\" (\"BOUNDARY\" \"x\") NIL NIL)(\"RELATED\" NIL (\"ATTACHMENT\" NIL) NIL)(\"ALTERNATIVE\") \"MIXED\" NIL NIL NIL))\r\n",
        "Multi(MultiPart { parts: [], subtype: \"RELATED\", parameters: [], extension: Extension { disposition: Some(Disposition { kind: \"ATTACHMENT\"",
    ),
    (
        "mail.ru",
        |quirks| quirks.odd_number = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 13.5 2))\r\n",
        "octets: 13,",
    ),
    ("Zoho", |quirks| quirks.odd_number = false, "* 1 FETCH (MODSEQ (-1))\r\n", "ModSeq(0)"),
    (
        "Exchange",
        |quirks| quirks.unquoted_name = false,
        "* LIST (\\HasNoChildren) \"/\" Sent Items\tx\r\n",
        "mailbox: \"Sent Items\\tx\"",
    ),
    (
        "any",
        |quirks| quirks.unquoted_name = false,
        "* STATUS Sent Items (MESSAGES 1)\r\n",
        "mailbox: \"Sent Items\", items: [Messages(1)]",
    ),
    (
        "Domino",
        |quirks| quirks.extra_parentheses = false,
        "* 1 FETCH (UID 14935 (FLAGS (\\Seen)) RFC822.SIZE 3)\r\n",
        "items: [Uid(14935), Flags([Seen]), Size(3)]",
    ),
];

#[test]
fn mistakes_that_servers_make_are_overlooked_where_the_quirk_is_on() {
    for (server, switch, input, want) in SEEN {
        let response = parse(input.as_bytes()).unwrap_or_else(|error| panic!("{server}: {input}: {error}"));
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{server}: {input}\n{shown}");
        let again = printed(&response);
        assert_eq!(parse(&again), Ok(response), "{server}: {input} printed as {}", again.escape_ascii());
        let mut without = Quirks::default();
        switch(&mut without);
        let refused = parse_response(input.as_bytes(), &Limits::default(), &without);
        assert!(refused.is_err(), "{server}: {input} without the quirk: {refused:?}");
    }
}

/// A missing space turns two items into another one, which must not then be kept as if the server had named it.
#[test]
fn a_missing_space_is_refused_without_the_quirk() {
    for input in ["* 1 FETCH (PREVIEW\"a\")\r\n", "* 1 FETCH (X\"a b\")\r\n", "* 1 FETCH (X(a) UID 1)\r\n"] {
        let quirks = Quirks { spacing: false, ..Quirks::default() };
        let refused = parse_response(input.as_bytes(), &Limits::default(), &quirks);
        assert_eq!(refused.unwrap_err().rule, "SP", "{input}");
    }
}

/// What needs no quirk, but is legal only on a second look, or is kept as it came.
#[test]
fn what_is_odd_is_kept() {
    let rows = [
        ("* 1 FETCH (UID 0 FLAGS (\\Seen))\r\n", "[Uid(0), Flags([Seen])]"),
        ("* 1 FETCH (UID x FLAGS (\\Seen))\r\n", "[Other { name: \"UID\", value: \"x\" }, Flags([Seen])]"),
        (
            "* 1 FETCH (UID 7x ENVELOPE (\"a\")[b] FLAGS (\\Seen))\r\n",
            "[Other { name: \"UID\", value: \"7x\" }, Other { name: \"ENVELOPE\", value: \"(\\\"a\\\")[b]\" }, Flags([Seen])]",
        ),
        (
            "* 1 FETCH (INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" UID 1)\r\n",
            "[Other { name: \"INTERNALDATE\", value: \"\\\"00-Jan-0000 00:00:00 +0000\\\"\" }, Uid(1)]",
        ),
        (
            "* 1 FETCH (ENVELOPE (broken) UID 1)\r\n",
            "[Other { name: \"ENVELOPE\", value: \"(broken)\" }, Uid(1)]",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE NIL UID 1)\r\n",
            "[Other { name: \"BODYSTRUCTURE\", value: \"NIL\" }, Uid(1)]",
        ),
        ("* 0 FETCH (UID 1)\r\n", "number: 0"),
        ("* STATUS x ()\r\n", "items: []"),
        ("* METADATA x \r\n", "entries: []"),
        (
            "* STATUS x (MESSAGES -1 FOO (a b))\r\n",
            "[Other { name: \"MESSAGES\", value: \"-1\" }, Other { name: \"FOO\", value: \"(a b)\" }]",
        ),
        (
            "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL \"\\\"undisclosed-recipients\\\"\" NIL)) NIL NIL NIL NIL))\r\n",
            "to: [Address { name: None, route: None, mailbox: Some(\"\\\"undisclosed-recipients\\\"\"), host: None }]",
        ),
        (
            "* 1 FETCH (ENVELOPE (NIL NIL ((\"Microsoft Exchange Server\" NIL NIL \".MISSING-HOST-NAME.\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
            "mailbox: None, host: Some(\".MISSING-HOST-NAME.\")",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (\"boundary\" NIL) NIL NIL \"7BIT\" 1 2 NIL (NIL NIL) NIL NIL))\r\n",
            "parameters: [Param { name: \"boundary\", value: None }]",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" NIL NIL NIL NIL \"7BIT\" 1 2))\r\n",
            "media: \"TEXT\", subtype: \"\"",
        ),
        (
            "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"h\\\\b\")(\"x (\\\"y\\\")\" NIL \"c\" \"d\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
            "host: Some(\"h\\\\b\") }, Address { name: Some(\"x (\\\"y\\\")\")",
        ),
        ("* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" () NIL NIL \"7BIT\" 1 2))\r\n", "parameters: []"),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 100 NIL (\"attachment\" NIL)))\r\n",
            "message: None, md5: None, extension: Extension { disposition: Some",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"APPLICATION\" \"PDF\" NIL NIL NIL \"BASE64\" 100 (\"attachment\")))\r\n",
            "kind: \"attachment\", parameters: []",
        ),
        (
            "* 1 FETCH (BODY ((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2 \"md5\" NIL \"en\") \"MIXED\" (\"A\" \"b\") NIL))\r\n",
            "md5: Some(\"md5\"), extension: Extension { disposition: None, languages: [\"en\"]",
        ),
        ("* 1 FETCH (BODYSTRUCTURE (\"TEXT\" ))\r\n", "Multi(MultiPart { parts: [], subtype: \"TEXT\""),
        ("* OK [HIGHESTMODSEQ 12345]\r\n", "Some(HighestModSeq(12345)), text: \"\""),
        ("* OK [UIDNEXT x] y\r\n", "Other { name: \"UIDNEXT\", rest: \"x\" }), text: \"y\""),
        ("* OK [unfinished\r\n", "code: None, text: \"[unfinished\""),
        ("a OK [Error=\"x]\" y] z\r\n", "Other { name: \"Error=\\\"x\", rest: \"\" }), text: \"\\\" y] z\""),
    ];
    for (input, want) in rows {
        let response = parse(input.as_bytes());
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{input}\n{shown}");
        let again = response.as_ref().map(printed).unwrap_or_default();
        assert_eq!(parse(&again), response, "{input} printed as {}", again.escape_ascii());
    }
}

/// Common forms are scanned in a way of their own. A surplus space leads to the general way and must change nothing.
#[test]
fn the_common_and_the_general_way_come_to_the_same() {
    let rows = [
        "* 1 FETCH (UID 7 ENVELOPE (\"d\" \"s\" ((\"n\" NIL \"a\" \"b\")) ((\"n\" NIL \"a\" \"b\")) ((\"n\" NIL \"a\" \"b\")) NIL \
         ((NIL NIL \"c\" \"d\")(\"e\" \"@r\" \"f\" \"g\")) NIL NIL \"<i@j>\") FLAGS (\\Seen $x))\r\n",
        "* 1 FETCH (UID 7 BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"A\" \"b\" \"C\" NIL) NIL \"d\" \"7BIT\" 12 3 NIL NIL NIL NIL)\
         (\"IMAGE\" \"PNG\" NIL \"<i>\" NIL \"BASE64\" 4 NIL (\"INLINE\" (\"F\" \"g\")) \"en\" \"loc\") \"MIXED\" (\"B\" \"x\") NIL NIL NIL))\r\n",
        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\"\r\n",
        "* STATUS INBOX (MESSAGES 231 UIDNEXT 44292)\r\n",
        "* SEARCH 1 22 333 4444 55555 666666 7777777 88888888 999999999 1000000000 4294967295 1\r\n",
        "* 23 FETCH (FLAGS (\\Seen) UID 4294967295)\r\n",
    ];
    for row in rows {
        let want = format!("{:?}", parse(row.as_bytes()).unwrap());
        for (at, _) in row.match_indices(' ') {
            let mut spaced = String::from(row);
            spaced.insert(at, ' ');
            // In a quoted string a space is part of the text.
            if row[..at].matches('"').count() % 2 == 0 {
                assert_eq!(format!("{:?}", parse(spaced.as_bytes()).unwrap()), want, "{spaced}");
            }
        }
        let lower = row.replacen("FETCH", "fetch", 1).replacen("UID ", "uid ", 1).replace("NIL", "nil");
        assert_eq!(format!("{:?}", parse(lower.as_bytes()).unwrap()), want, "{lower}");
    }
}

#[test]
fn what_is_no_text_is_written_as_it_came() {
    let rows: [&[u8]; 3] = [
        b"* CAPABILITY X\xe4 AUTH=\xf6 IMAP4rev1 APPENDLIMIT=7\r\n",
        b"* LIST () \"\xa7\" INBOX\r\n",
        b"* NO [BADCHARSET (\"\xe4 b\" \"UTF-8\")] x\r\n",
    ];
    for input in rows {
        assert_eq!(printed(&parse(input).unwrap()), input, "{}", input.escape_ascii());
    }
}

#[test]
fn what_is_no_response_is_refused_with_its_place() {
    let rows: &[(&str, usize, &str)] = &[
        ("", 0, "word"),
        ("*\r\n", 1, "SP"),
        ("* \r\n", 2, "response-data"),
        ("* 1\r\n", 3, "SP"),
        ("* 1 \r\n", 4, "message-data"),
        ("* 99999999999 EXISTS\r\n", 2, "number"),
        ("Server Unavailable. 15\r\n", 7, "OK, NO, BAD, PREAUTH or BYE"),
        ("a PREAUTH x\r\n", 2, "OK, NO or BAD"),
        ("* LIST () \"/\"\r\n", 13, "SP"),
        ("* LIST () \"/\" {9}\r\nINBOX\r\n", 14, "literal"),
        ("* LIST () \"/\" {5}\r\nIN\r\nX\r\n", 14, "mailbox"),
        ("* FLAGS (\\Seen\r\n", 14, "word"),
        ("* SEARCH 1 x\r\n", 11, "CRLF"),
        ("* SEARCH 4294967296\r\n", 9, "nz-number"),
        ("* 1 FETCH (UID 1\r\n", 16, "SP or )"),
        ("* 1 FETCH UID 1\r\n", 10, "msg-att"),
        ("* 1 FETCH (BODY[1 \"x\")\r\n", 15, "]"),
        ("* VANISHED 0\r\n", 11, "sequence-set"),
        ("* THREAD (1\r\n", 11, "thread-members"),
        ("* 1 EXISTS x\r\n", 11, "CRLF"),
    ];
    for (input, offset, rule) in rows {
        assert_eq!(parse(input.as_bytes()), Err(ParseError { offset: *offset, rule }), "{input}");
    }
}

/// Makes a body of `levels` nested multiparts.
fn nested(levels: usize) -> Vec<u8> {
    let part = b"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2)";
    let mut out = b"* 1 FETCH (BODYSTRUCTURE ".to_vec();
    out.extend(core::iter::repeat_n(b'(', levels));
    out.extend_from_slice(part);
    out.extend(b" \"MIXED\")".repeat(levels));
    out.extend_from_slice(b")\r\n");
    out
}

/// `Limits::depth` applies to all nesting: body extensions, LIST extensions, STATUS values, unknown items, and values
/// that break the rule of their item. Its documentation names the exceptions: THREAD, and what is kept as text.
#[test]
fn nesting_is_limited_and_needs_little_stack() {
    let outcome = |input: Vec<u8>| {
        let small = thread::Builder::new().stack_size(256 * 1024);
        small.spawn(move || parse(&input).map(drop).map_err(|error| error.rule)).unwrap().join().unwrap()
    };
    // The list of items and the part inside take one level each.
    let rows =
        [(70, Ok(())), (71, Err("nesting within the limit")), (100_000, Err("nesting within the limit"))];
    for (levels, want) in rows {
        assert_eq!(outcome(nested(levels)), want, "{levels} multiparts");
    }
    let wrap = |open: &str, inside: &str, close: &str, count: usize| {
        [
            b"* 1 FETCH ",
            &*open.repeat(count).into_bytes(),
            inside.as_bytes(),
            &*close.repeat(count).into_bytes(),
            b"\r\n",
        ]
        .concat()
    };
    let text = "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2)";
    let message = "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 1 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ";
    for (levels, want) in rows {
        let body = |open: &str| format!("(BODY {}", open.repeat(levels));
        let input = wrap(&body(message), text, &format!("{})", " 3)".repeat(levels)), 1);
        assert_eq!(outcome(input), want, "{levels} messages");
    }
    assert_eq!(outcome(wrap("(", "", ")", 100_000)), Err("nesting within the limit"));
    // What is unknown or skipped uses no stack, and is limited all the same. The list of items is one level.
    let rows = [
        ("* 1 FETCH (X ", ")\r\n", 71),
        ("* 1 UIDFETCH (X ", ")\r\n", 71),
        ("* 1 FETCH (X-GM-LABELS ", ")\r\n", 71),
        ("* 1 FETCH (FLAGS ", ")\r\n", 71),
        ("* 1 FETCH (MODSEQ ", ")\r\n", 71),
        ("* 1 FETCH (BODY[1] ", ")\r\n", 71),
        ("* 1 FETCH (ANNOTATION (/a ", "))\r\n", 70),
        ("* 1 FETCH (ENVELOPE (NIL NIL ", "))\r\n", 70),
        ("* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" ", "))\r\n", 70),
        ("* 1 FETCH (BODY (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2 NIL NIL NIL NIL ", "))\r\n", 70),
        ("* STATUS a (X ", ")\r\n", 72),
        ("* LIST () \"/\" \"a\" ", "\r\n", 72),
        ("* NAMESPACE ((\"\" \"/\" \"X\" ", ")) NIL NIL\r\n", 72),
        ("* ESEARCH (TAG \"a\") X ", "\r\n", 72),
        ("* ESEARCH (X ", ")\r\n", 72),
    ];
    for (before, behind, limit) in rows {
        for (levels, want) in [
            (limit, Ok(())),
            (limit + 1, Err("nesting within the limit")),
            (100_000, Err("nesting within the limit")),
        ] {
            let (open, close) = ("(".repeat(levels - 1) + "(A b", ")".repeat(levels));
            let input = [before.as_bytes(), open.as_bytes(), close.as_bytes(), behind.as_bytes()].concat();
            assert_eq!(outcome(input), want, "{before} {levels} levels");
        }
    }
    let thread = [b"* THREAD (1", &*b"(2".repeat(100_000), &*vec![b')'; 100_001], b"\r\n"].concat();
    assert_eq!(outcome(thread), Ok(()));
    let text = "(".repeat(100_000);
    for (before, behind) in [("* XYZ ", ""), ("* OK [X ", "] x"), ("* OK ", ""), ("* LIST () \"/\" ", "")] {
        assert_eq!(outcome([before, &text, behind, "\r\n"].concat().into_bytes()), Ok(()), "{before}");
    }
}

#[test]
fn a_list_costs_no_memory_of_its_own() {
    let input = b"* SEARCH 1 2\r\n";
    let Ok(Response::Untagged(Data::Search(found))) = parse(input) else { panic!() };
    assert_eq!(found.numbers.iter().sum::<u32>(), 3);
    assert_eq!(found.numbers.clone().into_iter().count(), 2);
}

#[test]
fn a_body_is_borrowed_from_its_frame() {
    let frame = crate::Frame::from(b"* 1 FETCH (UID 7 BODY[] {5}\r\nhello)\r\n".to_vec());
    let range = match frame.response().unwrap() {
        Response::Untagged(Data::Fetch(fetch)) => match &fetch.items[..] {
            [Item::Uid(7), Item::Body { data: Some(data), .. }] => frame.range_of(data).unwrap(),
            _ => panic!(),
        },
        _ => panic!(),
    };
    assert_eq!(&*frame.into_part(range), b"hello");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_octets_panic(input in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse(&input);
        let _ = strict(&[b"* 1 FETCH (", &*input, b")\r\n"].concat());
    }

    /// Legal responses with an octet changed, inserted or removed.
    #[test]
    fn no_mutation_panics(row in 0..LEGAL.len(), at in any::<prop::sample::Index>(), octet in any::<u8>(), kind in 0..3) {
        let mut input = LEGAL[row].0.as_bytes().to_vec();
        let at = at.index(input.len());
        match kind {
            0 => input[at] = octet,
            1 => input.insert(at, octet),
            _ => drop(input.remove(at)),
        }
        let response = parse(&input);
        // Iterates over every list.
        let _: String = format!("{response:?}");
        if let Ok(strict) = strict(&input) {
            prop_assert_eq!(response, Ok(strict));
        }
    }
}
