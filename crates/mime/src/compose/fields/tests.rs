use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::compose::Composed;
use crate::decode::AddressOrGroup;
use crate::parse::{self, Kind, Role};
use crate::{DateTime, Headers};

fn mailbox(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn message() -> Message {
    without_text().text("hi\n")
}

fn without_text() -> Message {
    Message::new(mailbox("Robot <robot@example.com>")).to(mailbox("ann@example.org"))
}

fn build(message: &Message) -> Composed {
    message.build(DateTime::new(1_057_049_557, 120).unwrap(), [0xAB; 16]).unwrap()
}

fn outline(octets: &[u8]) -> String {
    fn of(message: &parse::Message<'_>, index: usize) -> String {
        let part = &message.parts()[index];
        let children: Vec<String> = message.children(index).map(|child| of(message, child.index())).collect();
        let name = part.content_type().essence.clone();
        if part.kind() == Kind::Leaf { name } else { format!("{name}({})", children.join(" ")) }
    }
    of(&parse::Message::parse(octets), 0)
}

fn fields(message: &Message) -> String {
    let octets = build(message).octets;
    let text = String::from_utf8(octets).unwrap();
    let (_, fields) = text.split_once("Message-ID: ").unwrap();
    fields.split_once("\r\n").unwrap().1.split_once("MIME-Version").unwrap().0.to_string()
}

const INVITATION: &str = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Gr\u{fc}\u{df}e\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn uri_of(len: usize) -> String {
    format!("{:a<len$}", "https://x/")
}

fn invitation_of(method: String) -> String {
    INVITATION.replace("REQUEST", &method)
}

#[test]
fn parts_stand_in_each_other_as_readers_want_them() {
    let with_html = || message().html("<img src='cid:p@x'>");
    let rows = [
        (message().calendar(INVITATION), "multipart/alternative(text/plain text/calendar)"),
        (without_text().calendar(INVITATION), "multipart/alternative(text/plain text/calendar)"),
        (without_text().html("x").calendar(INVITATION), "multipart/alternative(text/html text/calendar)"),
        (
            with_html().inline("p@x", "p.png", "image/png", *b"x"),
            "multipart/alternative(text/plain multipart/related(text/html image/png))",
        ),
        (message().inline("p@x", "p.png", "image/png", *b"x"), "multipart/mixed(text/plain image/png)"),
        (
            with_html()
                .inline("p@x", "p.png", "image/png", *b"x")
                .calendar(INVITATION)
                .attach("a.pdf", "application/pdf", *b"x")
                .attach_message("m.eml", b"Subject: in\n\n--=_abababababababababababababababab_00000000\n"),
            "multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png) text/calendar) \
             application/pdf message/rfc822(text/plain))",
        ),
        (
            message().attach_message("m.eml", b"Subject: in\n\n\0"),
            "multipart/mixed(text/plain application/octet-stream)",
        ),
    ];
    for (message, want) in rows {
        let octets = build(&message).octets;
        assert_eq!(outline(&octets), want);
        assert!(octets.split(|&octet| octet == b'\n').all(|line| line.is_empty() || line.ends_with(b"\r")));
    }
    let composed = build(&with_html().inline("p@x", "p.png", "image/png", *b"pic").calendar(INVITATION));
    let parsed = parse::Message::parse(&composed.octets);
    assert!(parsed.defects().is_empty(), "{:?}", parsed.defects());
    let picture = parsed.by_content_id("cid:p@x").unwrap();
    assert_eq!(
        (picture.bytes().as_ref(), picture.disposition().unwrap().kind.as_str()),
        (&b"pic"[..], "inline")
    );
    let calendar = parsed.parts().iter().find(|part| part.role() == Some(Role::Calendar)).unwrap();
    assert_eq!(calendar.content_type().parameters.get("method"), Some("REQUEST"));
    assert_eq!(crate::calendar::invitation(&calendar.text()).unwrap().summary, "Gr\u{fc}\u{df}e");
    let related = parsed.parts().iter().find(|part| part.content_type().essence == "multipart/related");
    assert_eq!(related.unwrap().content_type().parameters.get("type"), Some("text/html"));
    // A bare CR arrives as the end of a line.
    let with_cr = build(&message().calendar(INVITATION.replace("METHOD:", "X:\rMETHOD:CANCEL\rMETHOD:")));
    let parsed = parse::Message::parse(&with_cr.octets);
    assert_eq!(parsed.parts()[2].content_type().parameters.get("method"), Some("REQUEST"));
    let with_mark = build(&message().calendar(["\u{feff}", INVITATION].concat()));
    let parsed = parse::Message::parse(&with_mark.octets);
    assert_eq!(parsed.parts()[2].bytes(), INVITATION.as_bytes());
}

/// RFC 2045 section 6.4: what holds an 8-bit part says so.
#[test]
fn octets_above_ascii_are_labelled_all_the_way_up() {
    let attached = |text: &str| message().attach_message("m.eml", text.as_bytes());
    let rows = [
        (message(), &["7bit"][..]),
        (message().text("\u{fc}").allow_8bit(true), &["8bit"]),
        (message().html("\u{fc}").allow_8bit(true), &["8bit", "7bit", "8bit"]),
        (message().html("\u{fc}"), &["", "7bit", "quoted-printable"]),
        (attached("Subject: u\n\n"), &["", "7bit", "7bit", ""]),
        (attached("Subject: \u{fc}\n\n"), &["8bit", "7bit", "8bit", ""]),
    ];
    for (message, want) in rows {
        let composed = build(&message);
        let parsed = parse::Message::parse(&composed.octets);
        let encoding = |part: &parse::Part<'_>| {
            let field = part.headers().get("content-transfer-encoding");
            field.map(|field| field.text().into_owned()).unwrap_or_default()
        };
        assert_eq!(parsed.parts().iter().map(encoding).collect::<Vec<_>>(), want);
        assert_eq!(composed.needs_8bitmime, want.contains(&"8bit"), "{want:?}");
    }
}

#[test]
fn fields_are_written_as_readers_know_them() {
    let rows = [
        (message().priority(Priority::High), "Importance: high\r\nX-Priority: 1 (Highest)\r\n".into()),
        (message().header("X-Ticket", "Gr\u{fc}n"), "X-Ticket: =?utf-8?B?R3LDvG4=?=\r\n".into()),
        // An encoded word can hold no address and no URI.
        (
            message().header("Disposition-Notification-TO", "J\u{f6}rg <j@x.example>, b@x.example"),
            "Disposition-Notification-TO: =?utf-8?B?SsO2cmc=?= <j@x.example>, b@x.example\r\n".into(),
        ),
        (message().header("X-Sent-To", "J\u{f6}rg"), "X-Sent-To: =?utf-8?B?SsO2cmc=?=\r\n".into()),
        (message().header("X-Sent-To", "j\u{f6}rg@x"), "X-Sent-To: =?utf-8?B?asO2cmdAeA==?=\r\n".into()),
        (
            message().header("List-Help", &format!("<{}> (help)", uri_of(80))),
            format!("List-Help: <{}>\r\n (help)\r\n", uri_of(80)),
        ),
        (message().header("X-Ticket", "<=?x?=>"), "X-Ticket: =?utf-8?B?PD0/eD89Pg==?=\r\n".into()),
        (
            message().list_unsubscribe(["https://x.example/u?a", "mailto:u@x.example"], true),
            "List-Unsubscribe: <https://x.example/u?a>, <mailto:u@x.example>\r\n\
             List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                .to_string(),
        ),
        (
            message().in_reply_to("<2@x>", ["<1@x>", "junk", "<2@x>"]),
            "In-Reply-To: <2@x>\r\nReferences: <1@x> <2@x>\r\n".into(),
        ),
        (
            message().in_reply_to("<2>", ["<1@x@y>", "<a b>", "<>", "<a<b>"]),
            "In-Reply-To: <2>\r\nReferences: <1@x@y> <2>\r\n".into(),
        ),
        (message().in_reply_to("<2@x>", [""; 0]), "In-Reply-To: <2@x>\r\nReferences: <2@x>\r\n".into()),
        (message().in_reply_to("no id\r\nBcc: a@b", ["<1@x>"]), String::new()),
        // What is set again is in place of the first: servers refuse a message that has such a field twice.
        (
            message()
                .in_reply_to("<2@x>", (0..9).map(|n| format!("<{n:030}@x>")))
                .in_reply_to("<3@x>", ["<2@x>"]),
            "In-Reply-To: <3@x>\r\nReferences: <2@x> <3@x>\r\n".into(),
        ),
        (
            message().priority(Priority::High).header("X-Priority-Of", "me").priority(Priority::Low),
            "X-Priority-Of: me\r\nImportance: low\r\nX-Priority: 5 (Lowest)\r\n".into(),
        ),
        (
            message().list_unsubscribe(["https://x.example"], true).list_unsubscribe(["mailto:u@x"], false),
            "List-Unsubscribe: <mailto:u@x>\r\n".into(),
        ),
    ];
    for (message, want) in rows {
        assert_eq!(fields(&message), want);
    }
    let bracketed = |len: usize| format!("<{}>", "a".repeat(len.saturating_sub(2)));
    for (text, is_encoded) in [
        (bracketed(900), false),
        (bracketed(901), true),
        (format!("{} ", bracketed(80)), true),
        (format!("{} \u{fc}", bracketed(80)), true),
        (format!("x {}", bracketed(80)), true),
    ] {
        let text = fields(&message().header("X-Ticket", &text));
        assert_eq!(text.contains("=?"), is_encoded, "{text}");
    }
    let long: Vec<String> = (0..200).map(|n| format!("<{n:040}@x>")).collect();
    let text = fields(&message().in_reply_to("<last@x>", &long));
    let references = text.split_once("References:").unwrap().1;
    assert!(references.len() < 1_000 && references.lines().all(|line| line.len() <= 78), "{references}");
    assert!(
        references.contains(&long[0]) && references.contains(&long[199]) && !references.contains(&long[1])
    );
    assert!(references.trim_end().ends_with("<last@x>"));
}

#[test]
fn groups_are_written_and_their_members_get_the_message() {
    let message = Message::new(mailbox("robot@example.com"))
        .to(mailbox("Ann <ann@example.org>"))
        .to_group("Friends, old", [mailbox("bob@example.org"), mailbox("J\u{f6}rg <j@example.org>")])
        .to_group("Leute \u{fc}berall", [mailbox("c@example.org")])
        .cc_group("undisclosed-recipients", [])
        .text("x");
    let composed = build(&message);
    assert_eq!(composed.recipients, ["ann@example.org", "bob@example.org", "j@example.org", "c@example.org"]);
    let headers = Headers::parse(&composed.octets).unwrap();
    let names = |field: &str| -> Vec<String> {
        let entries = headers.get(field).unwrap().addresses();
        entries
            .iter()
            .map(|entry| match entry {
                AddressOrGroup::Address(mailbox) => mailbox.to_string(),
                AddressOrGroup::Group { name, members } => format!("{name}: {}", members.len()),
            })
            .collect()
    };
    assert_eq!(names("to"), ["Ann <ann@example.org>", "Friends, old: 2", "Leute \u{fc}berall: 1"]);
    assert_eq!(names("cc"), ["undisclosed-recipients: 0"]);
    let nobody = Message::new(mailbox("robot@example.com")).to_group("nobody", []);
    assert_eq!(nobody.build(DateTime::new(0, 0).unwrap(), [0; 16]), Err(Error::NoRecipients));
}

#[test]
fn no_line_of_a_group_is_too_long() {
    for len in 1..80 {
        let name = format!("{}\u{fc}", "x".repeat(len % 40));
        for members in [vec![], vec![mailbox(&format!("{}@b", "x".repeat(len.min(70))))]] {
            let composed =
                build(&message().to_group(name.as_str(), members.clone()).to_group(name.as_str(), members));
            let text = String::from_utf8(composed.octets).unwrap();
            let to = text.split_once("\r\nTo:").unwrap().1.split_once("\r\nMessage-ID").unwrap().0;
            let limit = |line: &str| if line.contains("=?") { 76 } else { 78 };
            for line in format!("To:{to}").split("\r\n") {
                assert!(line.len() <= limit(line) && line != "To:", "{line}");
            }
        }
    }
}

#[test]
fn the_sender_of_the_envelope_can_be_another() {
    let composed = build(&message().sender(mailbox("Desk <desk@example.com>")));
    assert_eq!(composed.sender, "desk@example.com");
    let parsed = parse::Message::parse(&composed.octets);
    assert_eq!(parsed.addresses("sender").len(), 1);
}

#[test]
fn nothing_wrong_goes_out() {
    let rows = [
        (message().header("Bcc", "x@y"), Error::HeaderName("Bcc".into())),
        (message().header("content-type", "x"), Error::HeaderName("content-type".into())),
        (message().header("X: a\r\nBcc", "x@y"), Error::HeaderName("X: a\r\nBcc".into())),
        (message().header("X Y", "z"), Error::HeaderName("X Y".into())),
        (message().header("X:", "z"), Error::HeaderName("X:".into())),
        (message().header("bCC", "x@y"), Error::HeaderName("bCC".into())),
        (message().header("Resent-Bcc", "x@y"), Error::HeaderName("Resent-Bcc".into())),
        (message().header("ARC-Seal", "x"), Error::HeaderName("ARC-Seal".into())),
        (message().header(&"x".repeat(77), "z"), Error::HeaderName("x".repeat(77))),
        (message().header("", "z"), Error::HeaderName(String::new())),
        (message().header("X-Y", "z\r\nBcc: x@y"), Error::ControlCharacter(Field::Header)),
        (message().to_group("x\r\nBcc: a", []), Error::ControlCharacter(Field::Group)),
        (message().to_group("x\ty", []), Error::ControlCharacter(Field::Group)),
        (message().to_group("", []), Error::Empty(Field::Group)),
        (message().cc_group(" \t", []), Error::Empty(Field::Group)),
        (message().list_unsubscribe(["mailto:u@x.example"], true), Error::Unsubscribe),
        (message().list_unsubscribe(["https://x>, <y"], false), Error::Unsubscribe),
        (message().list_unsubscribe(["https://x>"], false), Error::Unsubscribe),
        (message().list_unsubscribe(["https://x,y"], false), Error::Unsubscribe),
        (message().list_unsubscribe([uri_of(901).as_str()], false), Error::Unsubscribe),
        (message().list_unsubscribe([], false), Error::Unsubscribe),
        (message().list_unsubscribe(["javascript:x"], false), Error::Unsubscribe),
        (message().list_unsubscribe(["https://"], false), Error::Unsubscribe),
        (message().list_unsubscribe(["https://x/\"y\""], false), Error::Unsubscribe),
        (message().inline("a b", "x", "image/png", *b""), Error::ContentId),
        (message().inline("a>\r\nX: <b", "x", "image/png", *b""), Error::ContentId),
        (message().inline("a", "x\r\ny", "image/png", *b""), Error::ControlCharacter(Field::FileName)),
        (message().calendar("BEGIN:VEVENT\nEND:VEVENT"), Error::Calendar),
        (message().calendar("METHOD:REQUEST"), Error::Calendar),
        (message().calendar("METHOD:A;b=c\nBEGIN:VEVENT\nEND:VEVENT"), Error::Calendar),
        (message().calendar(invitation_of("A".repeat(41))), Error::Calendar),
        (message().inline("a".repeat(251), "x", "image/png", *b""), Error::ContentId),
        (message().inline("", "x", "image/png", *b""), Error::ContentId),
        (message().attach_later("x", "a/b", None), Error::ReadLater),
    ];
    let longest = message()
        .header(&"x".repeat(76), "z")
        .list_unsubscribe([uri_of(900).as_str()], true)
        .calendar(invitation_of("A".repeat(40)))
        .inline("a".repeat(250), "x", "image/png", *b"");
    build(&longest);
    for (message, want) in rows {
        assert_eq!(message.build(DateTime::new(0, 0).unwrap(), [0; 16]), Err(want));
    }
}

/// What is said is so of all that is refused, and says what to change.
#[test]
fn what_is_wrong_is_told() {
    let rows = [
        (message().subject("x\0"), "line break or other control character in subject"),
        (message().to_group("x\ty", []), "line break or other control character in name of the group"),
        (message().to_group(" ", []), "name of the group is empty"),
        (message().attach("x", "", *b""), "content type of the attachment is empty"),
        (message().attach("x", "text", *b""), "not a content type for an attachment: text"),
        (message().header("", "x"), "a message can't be given a field of the name \"\""),
        (
            message().message_id("x".repeat(251)),
            "Message-ID is not left@right in printable ASCII of at most 250 octets",
        ),
        (
            message().inline("", "x", "a/b", *b""),
            "id of the picture is not 1 to 250 octets of printable ASCII without brackets",
        ),
        (
            message().calendar(invitation_of("A".repeat(41))),
            "not calendar data with an event and a METHOD of one short word",
        ),
        (
            message().list_unsubscribe(["mailto:u@x.example"], true),
            "unsubscribing takes https and mailto URIs without brackets and commas, at most 900 octets each, \
             and for one click one of https",
        ),
    ];
    for (message, want) in rows {
        let error = message.build(DateTime::new(0, 0).unwrap(), [0; 16]).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
}

/// Text that tries to be more than text.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "(?s).{0,30}",
        "[a\"; \\r\\n\\x00\u{85}\u{2028}%0d=?<>@,:/*'()\\\\\\t-]{0,30}",
        Just("x\r\nBcc: evil@x.test".to_string()),
        Just("x\nContent-Type: text/html".to_string()),
        Just("\r\n--=_07070707070707070707070707070707_00000000\r\n\r\nx".to_string()),
    ]
}

proptest! {
    #[test]
    fn groups_ids_and_custom_fields_read_back(
        group in "(\\PC{1,40}|[a-z\"\\\\ .,:;<>@()=?\u{fc}]{1,90})",
        header in "([^\r\n\0]{0,80}|[a-z =?]{0,200})",
        ids in proptest::array::uniform3("[!-;=?A-~]{1,100}@[!-;=?A-~]{1,100}"),
        content_id in "[!-;=?-~]{1,250}",
    ) {
        let group = group.trim();
        prop_assume!(!group.is_empty() && ids.iter().all(|id| id.matches('@').count() == 1));
        let [own, parent, first] = ids.map(|id| format!("<{id}>"));
        let message = message()
            .to_group(group, [mailbox("b@example.org")])
            .header("X-Ticket", &header)
            .message_id(own.as_str())
            .in_reply_to(&parent, [&first])
            .html("x")
            .inline(content_id.as_str(), "p.png", "image/png", *b"x");
        let octets = build(&message).octets;
        let parsed = parse::Message::parse(&octets);
        let to = parsed.to();
        let Some(AddressOrGroup::Group { name, members }) = to.last() else { panic!("{to:?}") };
        prop_assert_eq!((to.len(), name.as_str(), members.len()), (2, group, 1));
        prop_assert_eq!(parsed.headers().get("x-ticket").unwrap().text(), header);
        prop_assert_eq!(parsed.message_id(), Some(own));
        prop_assert_eq!(parsed.in_reply_to(), [parent.as_str()]);
        let mut references = vec![first, parent];
        references.dedup();
        prop_assert_eq!(parsed.references(), references);
        prop_assert!(parsed.by_content_id(&content_id).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Wherever a text is passed in, the fields are those that were asked for, and so are the recipients, the parts and
    /// their parameters. In one place at a time: of many wrong texts the first is refused, and none of the others tried.
    #[test]
    fn no_text_adds_a_field_or_a_recipient(place in 0..15, hostile in hostile()) {
        let text = |own: i32, usual: &str| if own == place { hostile.clone() } else { usual.to_string() };
        let Ok(from) = Address::named(&text(0, "Robot"), "robot@example.com") else { return Ok(()) };
        let name = text(1, "X-Ticket");
        let method = format!("BEGIN:VCALENDAR\r\nMETHOD:{}\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n", text(2, "REQUEST"));
        let message = Message::new(from)
            .to(mailbox("ann@example.org"))
            .header(&name, &text(3, "7"))
            .to_group(text(4, "friends"), [mailbox("b@example.org")])
            .in_reply_to(&text(5, "<1@x>"), [text(6, "<0@x>")])
            .list_unsubscribe([text(7, "mailto:u@x.test").as_str()], false)
            .subject(text(8, "hi"))
            .message_id(text(9, "<2@x>"))
            .text(text(10, "hello"))
            .html(text(11, "<p>hello"))
            .inline(text(12, "p@x"), text(13, "p.png"), "image/png", *b"x")
            .calendar(method)
            .attach(text(13, "f.pdf"), text(14, "a/b"), *b"x");
        let Ok(composed) = message.build(DateTime::new(0, 0).unwrap(), [7; 16]) else { return Ok(()) };
        prop_assert_eq!(&composed.recipients, &vec!["ann@example.org".to_string(), "b@example.org".into()]);
        let lines = composed.octets.split(|&octet| octet == b'\n');
        prop_assert!(lines.clone().all(|line| line.len() <= 999 && !line.contains(&0)));
        prop_assert_eq!(lines.filter(|line| !line.is_empty() && !line.ends_with(b"\r")).count(), 0);
        let parsed = parse::Message::parse(&composed.octets);
        prop_assert_eq!(parsed.defects(), &[]);
        let known = ["Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References", "List-Unsubscribe", "MIME-Version", "Content-Type"];
        for field in &parsed.headers() {
            prop_assert!(known.contains(&field.name()) || field.name() == name, "{}", field.name());
        }
        prop_assert_eq!(parsed.parts().len(), 8);
        for part in parsed.parts().iter().skip(1) {
            let headers = part.headers();
            prop_assert!(headers.iter().all(|field| field.name().starts_with("Content-")), "{:?}", part.raw_header());
            prop_assert!(headers.iter().count() <= 4);
            let of_type = part.content_type().parameters.iter().map(|(name, _)| name.to_string());
            let of_disposition = part.disposition().into_iter().flat_map(|found| found.parameters.iter()).map(|(name, _)| name.to_string());
            let parameters = ["boundary", "charset", "filename", "method", "name", "type"];
            for found in of_type.chain(of_disposition) {
                prop_assert!(parameters.contains(&found.as_str()) || place == 14, "{} in {:?}", found, part.raw_header());
            }
        }
    }
}
