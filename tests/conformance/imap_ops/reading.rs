//! Messages read part by part. Compiled once for each driver.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mailbearer::{Client, Kind, Outline, Range, proto::imap::UidSet};

use super::{Driver, fallbacks::Servers, run};
use crate::imap_ops::Bench;

/// Texts in two parts, HTML beside the first, a file of 3 MB, a picture, an attached message.
fn message(file: &[u8]) -> Vec<u8> {
    let encoded = STANDARD.encode(file);
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap()).collect();
    format!(
        "From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\nTo: Friends: Ann <a@example.org>, b@example.org;\r\n\
         Cc: c@example.org\r\nReply-To: r@example.org\r\nMessage-ID: <1@example.org>\r\nIn-Reply-To: <0@example.org>\r\n\
         Subject: all of it\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
         --m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
         --a\r\nContent-Type: text/plain; charset=iso-8859-1; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         Gr=FC=DFe =\r\n\r\nand more\r\n\
         --a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Gr\u{fc}\u{df}e <img src=\"cid:p@x\"></p>\r\n--a--\r\n\
         --m\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename*=utf-8''%E5%8F%91%E7%A5%A8.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         {}\r\n\
         --m\r\nContent-Type: text/plain\r\n\r\nat the end\r\n\
         --m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n--m--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

#[test]
fn only_what_is_asked_for_crosses_the_network() {
    let bench = Bench::start();
    let file: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    bench.server.mailbox().deliver(message(&file)).unwrap();
    bench.deliver(&["two"]);
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let client = Client::<Driver>::traced(bench.account.clone(), move |line| {
        let line = &line.text;
        if line.contains("UID FETCH") {
            heard.lock().unwrap().push(line.split_once("UID FETCH ").unwrap().1.trim_end().to_owned());
        }
    });
    let client = client.unwrap();
    run(async {
        let mut imap = wait!(client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        let mut message = wait!(inbox.message(1)).unwrap();
        let outline = message.outline().clone();
        assert_eq!(wait!(message.text()).unwrap(), "Gr\u{fc}\u{df}e and more\nat the end");
        assert_eq!(wait!(message.html()).unwrap().unwrap(), "<p>Gr\u{fc}\u{df}e <img src=\"cid:p@x\"></p>");
        let header = String::from_utf8(wait!(message.header()).unwrap()).unwrap();
        assert!(header.starts_with("From: =?utf-8?q?") && header.ends_with("boundary=m\r\n\r\n"), "{header}");
        let asked: Vec<String> = said.lock().unwrap().drain(..).collect();
        assert_eq!(
            asked,
            [
                "1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
                "1 (UID BODY.PEEK[1.1] BODY.PEEK[3])",
                "1 (BODY.PEEK[1.2])",
                "1 (BODY.PEEK[HEADER])",
            ]
        );

        let summary = &outline.summary;
        let shown =
            |list: &[mailbearer::DisplayAddress]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(&summary.to), ["Ann <a@example.org>", "b@example.org"]);
        assert_eq!(
            (shown(&summary.cc), shown(&summary.reply_to)),
            (vec!["c@example.org".into()], vec!["r@example.org".into()])
        );
        assert_eq!(
            (summary.message_id.as_str(), summary.in_reply_to.as_str()),
            ("<1@example.org>", "<0@example.org>")
        );

        let attached: Vec<_> = outline.attachments().collect();
        let names: Vec<_> = attached.iter().map(|part| part.name.as_deref()).collect();
        assert_eq!(names, [Some("\u{53d1}\u{7968}.bin"), None]);
        let mut written = Vec::new();
        let content = wait!(message.content(attached[0])).unwrap();
        assert_eq!(wait!(content.copy_to(&mut written)).unwrap(), 3_000_000);
        assert!(written == file);
        let mut content = wait!(message.content(attached[1])).unwrap();
        assert_eq!(wait!(content.next()).unwrap().unwrap(), b"Subject: inner\r\n\r\ninner text");
        assert_eq!(wait!(content.next()).unwrap(), None);
        // What has no number, and what nobody can decode.
        let whole = outline.parts.first().unwrap();
        let mut unknown = attached[0].clone();
        unknown.encoding = "x-other".into();
        for part in [whole, &unknown] {
            assert_eq!(wait!(message.content(part)).err().map(|error| error.kind()), Some(Kind::NoData));
        }

        // A writer that fails, and a limit that is passed.
        let mut full: &mut [u8] = &mut [0; 9];
        let content = wait!(message.content(attached[0])).unwrap();
        assert_eq!(wait!(content.copy_to(&mut full)).unwrap_err().kind(), std::io::ErrorKind::WriteZero);
        drop(message);
        inbox.limit_answers(20);
        let mut message = wait!(inbox.message(1)).unwrap();
        assert_eq!(wait!(message.text()).unwrap_err().kind(), Kind::TooLarge { limit: 20 });
        inbox.limit_answers(1 << 20);

        assert_eq!(wait!(inbox.message(9)).err().map(|error| error.kind()), Some(Kind::NotFound));
        // Many by one command.
        said.lock().unwrap().clear();
        let mut messages = wait!(inbox.messages(UidSet::all(), Outline::ITEMS.to_vec())).unwrap();
        let mut attachments = Vec::new();
        while let Some(fetched) = wait!(messages.next()).unwrap() {
            attachments.push(fetched.outline().unwrap().attachments().count());
        }
        assert_eq!((attachments, said.lock().unwrap().len()), (vec![2, 0], 1));
        said.lock().unwrap().clear();
        let texts = wait!(inbox.texts(UidSet::all())).unwrap();
        let texts: Vec<_> = texts.iter().map(|one| (one.outline.summary.uid, one.text.trim_end())).collect();
        assert_eq!(texts, [(1, "Gr\u{fc}\u{df}e and more\nat the end"), (2, "body of two")]);
        assert_eq!(said.lock().unwrap().len(), 3, "{:?}", said.lock().unwrap());
        inbox.limit_answers(40);
        assert_eq!(wait!(inbox.texts(UidSet::all())).unwrap_err().kind(), Kind::TooLarge { limit: 40 });
        inbox.limit_answers(1 << 20);
        let mut listing = wait!(inbox.list_with_attachments(Range::All)).unwrap();
        let mut attached = Vec::new();
        while let Some(summary) = wait!(listing.next()).unwrap() {
            attached.push(summary.has_attachments);
        }
        assert_eq!(attached, [Some(true), Some(false)]);
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn html_is_fetched_where_the_plain_form_is_blank() {
    let bench = Bench::start();
    let message = "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
        --a\r\nContent-Type: text/plain\r\n\r\n \r\n--a\r\nContent-Type: text/html\r\n\r\n<b>only here</b>\r\n--a--\r\n";
    bench.server.mailbox().deliver(message.as_bytes().to_vec()).unwrap();
    let client = Client::<Driver>::new(bench.account.clone()).unwrap();
    run(async {
        let mut imap = wait!(client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        assert_eq!(wait!(wait!(inbox.message(1)).unwrap().text()).unwrap(), "only here\n");
        assert_eq!(wait!(inbox.texts(UidSet::all())).unwrap()[0].text, "only here\n");
    });
}

#[test]
fn texts_of_messages_that_are_alike_come_by_one_command() {
    let bench = Bench::start();
    bench.deliver(&["one", "two", "three"]);
    let said = Arc::new(Mutex::new(0));
    let heard = Arc::clone(&said);
    let client = Client::<Driver>::traced(bench.account.clone(), move |line| {
        *heard.lock().unwrap() += u32::from(line.text.contains("UID FETCH "));
    });
    let client = client.unwrap();
    run(async {
        let mut imap = wait!(client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        let texts = wait!(inbox.texts(UidSet::all())).unwrap();
        let texts: Vec<_> = texts.iter().map(|one| one.text.trim_end()).collect();
        assert_eq!(texts, ["body of one", "body of two", "body of three"]);
        // What is in them, and their texts.
        assert_eq!(*said.lock().unwrap(), 2);
        // A single part may be too large, too.
        inbox.limit_answers(5);
        let error = wait!(wait!(inbox.message(2)).unwrap().text()).unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge { limit: 5 });
    });
}

/// Where no structure says which part is the text, the message itself does.
#[test]
fn texts_are_found_without_a_structure() {
    let envelope = "ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
    let script = format!(
        "C: <tag> EXAMINE INBOX\nS: * 2 EXISTS\nS: <tag> OK [READ-ONLY] x\n\
         C: <tag> UID FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)\n\
         S: * 1 FETCH (UID 1 {envelope} BODYSTRUCTURE NIL)\n\
         S: * 2 FETCH (UID 2 {envelope} BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0) \"mixed\"))\n\
         S: <tag> OK x\n\
         C: <tag> UID FETCH 2 (UID BODY.PEEK[1])\nS: * 2 FETCH (UID 2 BODY[1] \"\")\nS: <tag> OK x\n\
         C: <tag> UID FETCH 1 (BODY.PEEK[])\nS: * 1 FETCH (UID 1 BODY[] {{7}}\nS: \nS: first)\nS: <tag> OK x\n\
         C: <tag> UID FETCH 2 (BODY.PEEK[])\nS: * 2 FETCH (UID 2 BODY[] {{8}}\nS: \nS: second)\nS: <tag> OK x\n"
    );
    let servers = Servers::start("X", &[&script]);
    run(async {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        let texts = wait!(inbox.texts("1:2".parse().unwrap())).unwrap();
        assert_eq!(texts.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    });
    servers.join();
}
