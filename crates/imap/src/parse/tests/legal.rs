//! Legal responses.

use super::*;

/// Responses from RFC 9051, RFC 3501 and the RFCs of the extensions, and what they parse to.
///
/// Each is legal: it parses without quirks, is one frame however it arrives, and comes back from the encoder as it was,
/// or as something that parses to the same.
pub(super) const LEGAL: &[(&str, &str)] = &[
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
